"""Where each target of the quarter should stand by now, and where it stands."""

import math

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.kpi import KPIS, quarterly, service, weekly, weeks
from crmlib.params import Settings
from crmlib.periods import Period

SUMS = ("net_revenue", "orders")
"""A quarter's value is the sum of its days."""
GROWS = ("active_customers", "new_customers", "retained_customers", "reactivated_customers", "retention_rate",
         "churn_rate", "gross_revenue_retention", "net_revenue_retention", "orders_per_customer")  # fmt: skip
"""The longer a quarter lasts, the more of it there is, but not in proportion to its days: a customer counts once."""
TOLERANCE = 0.02
"""So far from the pace, as a share of it, is on pace; a rate also while the pace is within its interval."""

_COLUMNS = ["target_id", "strategy_id", "kpi", "kpi_unit", "baseline", "target", "actual", "pace", "pace_gap",
            "pace_state", "pace_basis", "n", "is_thin", "owner", "due_date", "provenance"]  # fmt: skip
_ORDER = ["behind_pace", "on_pace", "ahead_of_pace", "no_pace"]


def so_far(
    bought: pd.DataFrame, registers: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame], period: Period
) -> pd.DataFrame:
    """Every KPI of every quarter up to `period`, which may be cut; `registers`: surveys, tickets, tasks.

    `bought` are those of purchases (`quarterly.measure`), of all quarters of the book.
    """
    surveys, tickets, tasks = registers
    served = service.measure(surveys, tickets, tasks, period.since(Period.parse(bought["period"].min())))
    return pd.concat([part for part in (bought, served) if len(part)], ignore_index=True)


def targets(
    register: pd.DataFrame, purchase_days: ir.Table, measured: pd.DataFrame, settings: Settings
) -> pd.DataFrame:
    """Table `target_pace`: one row per target due in the quarter, those behind first.

    `measured` is what `so_far` gives. Sums are expected in the share that the same days of last year's quarter had, or,
    where the data do not hold it, in the share of the quarter's days. KPIs that grow with the quarter take last year's
    share too, or that of the quarter before. Others (an average, a rate of cases) are expected at the target.
    """
    period = settings.period
    due = service.within(register, "due_date", weeks.whole(period))
    if due.empty:
        return pd.DataFrame(columns=_COLUMNS)
    now = measured[measured["period"] == str(period)].drop(columns=["tier", "provenance"])
    found = due.merge(now, how="left", on="kpi", validate="many_to_one").assign(actual=lambda f: f["kpi_value"])
    units = pd.Series([KPIS[kpi].unit for kpi in found["kpi"]], index=found.index)
    scale = units.eq("money").map({True: settings.minor(1), False: 1.0})
    found = found.assign(kpi_unit=units, baseline=found["baseline"] * scale, target=found["target"] * scale)
    shares = _shares(purchase_days, measured, period)
    expected = [_expected(row, shares, period) for row in found.to_dict("records")]
    found = found.assign(pace=[value for value, _basis in expected], pace_basis=[basis for _value, basis in expected])
    found = found.assign(pace_gap=found["actual"] - found["pace"], n=found["n"].fillna(0).astype("int64"))
    found["pace_state"] = [_state(row) for row in found.to_dict("records")]
    least = [KPIS[kpi].least_cases(settings.review) for kpi in found["kpi"]]
    ranked = found.assign(is_thin=found["n"] < least, order=found["pace_state"].map(_ORDER.index))
    return ranked.sort_values(["order", "target_id"])[_COLUMNS].reset_index(drop=True)


def of_weeks(watched: pd.DataFrame, due: pd.DataFrame, purchase_days: ir.Table, period: Period) -> pd.DataFrame:
    """The weeks with the pace of each KPI that has a target in `due` (table `target_pace`).

    A sum's week is expected to bring its share of the target: last year's share of the same days, or the share of days.
    """
    paced = watched.copy()
    aims = due.drop_duplicates("kpi", keep="last").set_index("kpi")["target"]
    year_ago = _daily(purchase_days, Period(period.year - 1, period.quarter))
    for kpi, target in aims.items():
        here = (paced["kpi"] == kpi) & (paced["phase"] == "quarter")
        if kpi in SUMS:
            paced.loc[here, "pace"] = target * _week_shares(paced[here], year_ago, str(kpi), period)
        elif kpi not in GROWS:
            paced.loc[here, "pace"] = target
    return paced


def _expected(row: dict, shares: dict[tuple[str, str], float], period: Period) -> tuple[float, str]:
    """Where the KPI should stand at `period.as_of`, and by which shape."""
    kpi, target = row["kpi"], row["target"]
    if kpi not in (*SUMS, *GROWS):
        return target, "target_level"
    if not period.is_cut:
        return target, "whole_quarter"
    for basis in ("last_year", "quarter_before"):
        share = shares.get((basis, kpi), math.nan)
        if not math.isnan(share) and (basis == "last_year" or kpi in GROWS):
            return (1 - (1 - target) * share if kpi == "churn_rate" else target * share), basis
    if kpi in SUMS:
        return target * _elapsed(period) / _length(period), "even_days"
    return math.nan, "no_shape"


def _shares(purchase_days: ir.Table, measured: pd.DataFrame, period: Period) -> dict[tuple[str, str], float]:
    """How much of its whole value each KPI had reached by the same day of an earlier quarter."""
    if not period.is_cut:
        return {}
    since = purchase_days.order_date.min().to_pyarrow().as_py()
    found = {}
    for basis, earlier in (("last_year", Period(period.year - 1, period.quarter)), ("quarter_before", period.previous)):
        if since > earlier.start:
            continue
        day = min(earlier.start + (period.as_of - period.start), earlier.as_of)
        part = _values(quarterly.measure(purchase_days, Period(earlier.year, earlier.quarter, day)), earlier)
        full = _values(measured, earlier)
        for kpi in (*SUMS, *GROWS):
            a, b = part.get(kpi, math.nan), full.get(kpi, math.nan)
            a, b = (1 - a, 1 - b) if kpi == "churn_rate" else (a, b)
            found[basis, kpi] = a / b if b > 0 else math.nan
    return found


def _values(measured: pd.DataFrame, period: Period) -> dict[str, float]:
    here = measured[measured["period"] == str(period)]
    return dict(zip(here["kpi"], here["kpi_value"].astype("float64"), strict=True))


def _state(row: dict) -> str:
    gap, pace = row["pace_gap"], row["pace"]
    if pd.isna(gap):
        return "no_pace"
    within = row["kpi_unit"] == "rate" and row["low"] <= pace <= row["high"]
    if within or abs(gap) <= TOLERANCE * abs(pace):
        return "on_pace"
    is_better = (gap > 0) == (weekly.direction(row["kpi"]) == "higher")
    return "ahead_of_pace" if is_better else "behind_pace"


def _daily(purchase_days: ir.Table, year_ago: Period) -> pd.DataFrame | None:
    """Orders and money per day of last year's quarter; None where the data do not hold it whole."""
    since = purchase_days.order_date.min().to_pyarrow().as_py()
    if since > year_ago.start:
        return None
    days = purchase_days.filter(_.order_date >= year_ago.start, _.order_date <= year_ago.as_of)
    summed = days.group_by("order_date").aggregate(net_revenue=_.net_minor.sum(), orders=_.orders.sum())
    found = summed.order_by("order_date").to_pyarrow().to_pandas(date_as_object=False)
    return found.assign(day=(found["order_date"] - pd.Timestamp(year_ago.start)).dt.days)


def _week_shares(shown: pd.DataFrame, year_ago: pd.DataFrame | None, kpi: str, period: Period) -> pd.Series:
    if year_ago is None or not year_ago[kpi].sum():
        return shown["days"] / _length(period)
    first = (shown["start_date"] - pd.Timestamp(period.start)).dt.days
    total = float(year_ago[kpi].sum())
    return pd.Series(
        [float(year_ago.loc[year_ago["day"].between(a, a + n - 1), kpi].sum()) / total
         for a, n in zip(first, shown["days"], strict=True)], index=shown.index)  # fmt: skip


def _elapsed(period: Period) -> int:
    return (period.end - period.start).days


def _length(period: Period) -> int:
    return _elapsed(weeks.whole(period))
