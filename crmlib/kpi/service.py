"""KPIs from the registers: what customers say, how fast they are answered, whether tasks are done in time.

Each function takes a register and a quarter and sees only what was known at the quarter's end.
"""

import math
from collections.abc import Callable, Iterable

import pandas as pd

from crmlib.kpi import KPIS, ROW, intervals
from crmlib.periods import Period

Formula = Callable[[pd.DataFrame, Period], pd.DataFrame]


def measure(surveys: pd.DataFrame, tickets: pd.DataFrame, tasks: pd.DataFrame, quarters: list[Period]) -> pd.DataFrame:
    """Rows of the table `kpis` for each quarter."""
    parts = [
        _rows(surveys, (csat, nps), quarters),
        _rows(tickets, (first_reply_rate, analysis_24h_rate), quarters),
        execution(tasks, quarters),
    ]
    found = [part for part in parts if len(part)]
    return pd.concat(found, ignore_index=True) if found else parts[0]


def by_tier(surveys: pd.DataFrame, at_start: pd.DataFrame, quarters: list[Period]) -> pd.DataFrame:
    """What customers say by the tier in which they began the quarter: rows of the table `kpis`.

    `at_start` has customer_id, period, tier of at least everyone who answered.
    """
    tier_of = at_start.drop_duplicates(["customer_id", "period"]).set_index(["customer_id", "period"])["tier"]
    parts = []
    for quarter in quarters:
        answers = within(surveys, "survey_date", quarter)
        place = pd.MultiIndex.from_arrays([answers["customer_id"].astype("str"), [str(quarter)] * len(answers)])
        tiers = tier_of.reindex(place).to_numpy()
        known = sorted({tier for tier in tiers if isinstance(tier, str) and tier != "none"})
        parts += [_rows(answers[tiers == tier], (csat, nps), [quarter]).assign(tier=tier) for tier in known]
    found = [part for part in parts if len(part)]
    return pd.concat(found, ignore_index=True)[ROW] if found else pd.DataFrame(columns=ROW)


def execution(tasks: pd.DataFrame, quarters: list[Period]) -> pd.DataFrame:
    """The rows that come from the tasks alone."""
    return _rows(tasks, (on_time_rate, completion_rate), quarters)


def _rows(register: pd.DataFrame, formulas: Iterable[Formula], quarters: list[Period]) -> pd.DataFrame:
    """One row per formula and quarter, NaN with n = 0 where there is no case; an empty register gives no rows."""
    if register.empty:
        return pd.DataFrame(columns=ROW)
    rows = [formula(register, quarter) for formula in formulas for quarter in quarters]
    return pd.concat(rows, ignore_index=True).assign(provenance=provenance(register))


def csat(surveys: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Share of answers with one of the two best of five marks."""
    asked = within(surveys, "survey_date", period).dropna(subset=["csat"])
    return _rate("csat", asked["csat"] >= 4, len(asked), period)


def nps(surveys: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Promoters (9-10) minus detractors (0-6) in points, with the interval of their difference."""
    asked = within(surveys, "survey_date", period).dropna(subset=["nps"])
    n = len(asked)
    if not n:
        return _row("nps", period, 0, (math.nan, math.nan, math.nan))
    up, down = float((asked["nps"] >= 9).mean()), float((asked["nps"] <= 6).mean())
    reach = intervals.Z * math.sqrt((up + down - (up - down) ** 2) / n)
    return _row("nps", period, n, (100 * (up - down), 100 * (up - down - reach), 100 * (up - down + reach)))


def first_reply_rate(tickets: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Share of the quarter's tickets with a first reply by its end."""
    opened = within(tickets, "opened_at", period)
    return _rate("first_reply_rate", opened["first_reply_at"] < pd.Timestamp(period.end), len(opened), period)


def analysis_24h_rate(tickets: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Share analysed within 24 hours, of the quarter's tickets whose 24 hours were over by its end."""
    day = pd.Timedelta(hours=24)
    opened = within(tickets, "opened_at", period)
    due = opened[opened["opened_at"] + day <= pd.Timestamp(period.end)]
    return _rate("analysis_24h_rate", due["analysed_at"] - due["opened_at"] <= day, len(due), period)


def on_time_rate(tasks: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Share of the tasks due in the quarter that were done by their due date; late and undone both count as missed."""
    due = within(tasks, "due_date", period)
    return _rate("on_time_rate", due["done_date"] <= due["due_date"], len(due), period)


def completion_rate(tasks: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Share of the tasks due in the quarter that were done by its end, late or not."""
    due = within(tasks, "due_date", period)
    return _rate("completion_rate", due["done_date"] < pd.Timestamp(period.end), len(due), period)


def within(register: pd.DataFrame, column: str, period: Period) -> pd.DataFrame:
    """The rows that `column` dates in the quarter."""
    at = register[column]
    return register[(at >= pd.Timestamp(period.start)) & (at < pd.Timestamp(period.end))]


def provenance(register: pd.DataFrame) -> str:
    """One illustrative row makes what is computed from a register illustrative."""
    return "illustrative" if register["provenance"].eq("illustrative").any() else "actual"


def _rate(kpi: str, hit: pd.Series, n: int, period: Period) -> pd.DataFrame:
    return rate(kpi, int(hit.sum()), n, period)


def rate(kpi: str, hits: int, n: int, period: Period) -> pd.DataFrame:
    """One row of a rate with its Wilson interval, without `provenance`."""
    band = intervals.wilson(pd.Series([hits]), pd.Series([n])).iloc[0]
    return _row(kpi, period, n, (hits / n if n else math.nan, float(band["low"]), float(band["high"])))


def _row(kpi: str, period: Period, n: int, figures: tuple[float, float, float]) -> pd.DataFrame:
    row = (kpi, str(period), "all", KPIS[kpi].unit, *figures, n)
    return pd.DataFrame([row], columns=ROW[:-1])
