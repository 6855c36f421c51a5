"""Run charts: this quarter's weeks against the limits of the weeks before it."""

from dataclasses import replace
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.kpi import KPIS, limits, service
from crmlib.periods import Period, Week

WATCHED = ("net_revenue", "active_customers", "orders")
MIN_BASELINE = 12
"""With fewer whole weeks before the quarter no limits are drawn."""

_COLUMNS = ["kpi", "week", "start_date", "end_date", "days", "phase", "kpi_unit", "kpi_value", "n", "mean",
            "lower_limit", "upper_limit", "pace", "is_partial", "signal", "provenance"]  # fmt: skip


def measure(purchase_days: ir.Table, period: Period, baseline_weeks: int) -> pd.DataFrame:
    """One row per KPI and week, baseline first, with the limits of the baseline and the signals of the quarter.

    The baseline is the last `baseline_weeks` whole ISO weeks before the quarter that the data holds. Of a week that the
    quarter or the end of the data cuts, the part within is shown and not judged. `pace` is still empty.
    """
    since = purchase_days.order_date.min().to_pyarrow().as_py()
    until = purchase_days.order_date.max().to_pyarrow().as_py()
    weeks = _calendar(baseline(period, baseline_weeks, since), _seen(period, until))
    sums = _sums(purchase_days, period).to_pyarrow().to_pandas(date_as_object=False)
    found = weeks.merge(sums, on="start_date", how="left").fillna({"net_minor": 0, "active": 0, "orders": 0})
    return pd.concat([_judged(found, kpi) for kpi in WATCHED], ignore_index=True)


def baseline(period: Period, most: int, since: date) -> list[Week]:
    """Up to `most` whole ISO weeks that end before the quarter and start no earlier than the data, in order."""
    monday = period.start - timedelta(days=period.start.weekday())
    starts = [monday - timedelta(weeks=back) for back in range(most, 0, -1)]
    return [Week(_label(day), day, day + timedelta(days=6)) for day in starts if day >= since]


def execution(tasks: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Per week of the quarter: share of the tasks due in it that were done by their due date. Too few for limits."""
    weeks = _calendar([], period.weeks)
    due = service.within(tasks, "due_date", period)
    at = weeks["start_date"].searchsorted(due["due_date"], side="right") - 1
    hits = (due["done_date"] <= due["due_date"]).groupby(at).agg(["sum", "count"])
    hits = hits.reindex(weeks.index, fill_value=0).astype("int64")
    share = hits["sum"] / hits["count"].where(hits["count"] > 0)
    shown = weeks.assign(kpi="on_time_rate", kpi_unit="rate", kpi_value=share, n=hits["count"], signal="")
    judged = shown.assign(**dict.fromkeys(("mean", "lower_limit", "upper_limit", "pace"), float("nan")))
    return judged.assign(provenance=service.provenance(tasks))[_COLUMNS].iloc[: len(weeks) if len(tasks) else 0]


def joined(weeks: pd.DataFrame, executed: pd.DataFrame) -> pd.DataFrame:
    """Table `weekly`: what customers did and what we did."""
    return pd.concat([weeks, executed], ignore_index=True) if len(executed) else weeks


def paced(weeks: pd.DataFrame, kpi: str, target: float, period: Period) -> pd.DataFrame:
    """The same with the even pace towards `target` of the quarter: each week its share of the quarter's days."""
    here = (weeks["kpi"] == kpi) & (weeks["phase"] == "quarter")
    share = weeks["days"] / (period.end - period.start).days
    return weeks.assign(pace=weeks["pace"].mask(here, target * share))


def _seen(period: Period, until: date) -> list[Week]:
    """The weeks of the quarter that the data has reached."""
    return [replace(week, end=min(week.end, until)) for week in period.weeks if week.start <= until]


def _calendar(before: list[Week], within: list[Week]) -> pd.DataFrame:
    weeks = [(w, "baseline") for w in before] + [(w, "quarter") for w in within]
    rows = [(w.label, w.start, w.end, w.days, phase, w.days < 7) for w, phase in weeks]
    found = pd.DataFrame(rows, columns=["week", "start_date", "end_date", "days", "phase", "is_partial"])
    return found.astype({"start_date": "datetime64[us]", "end_date": "datetime64[us]"})


def _label(day: date) -> str:
    iso = day.isocalendar()
    return f"{iso.year}-W{iso.week:02d}"


def _sums(purchase_days: ir.Table, period: Period) -> ir.Table:
    """Per week, named by its first day within the quarter or its Monday before it."""
    start = ibis.literal(period.start)
    seen = purchase_days.filter(_.order_date <= ibis.literal(period.as_of))
    monday = seen.order_date.truncate("W")
    week = (seen.order_date >= start).ifelse(ibis.greatest(monday, start), monday)
    return seen.group_by(start_date=week).aggregate(
        net_minor=_.net_minor.sum().cast("int64"),
        active=_.customer_id.nunique(where=_.orders > 0),
        orders=_.orders.sum().cast("int64"),
    )


def _judged(weeks: pd.DataFrame, kpi: str) -> pd.DataFrame:
    value = weeks[KPIS[kpi].numerator].astype("float64")
    before, watched = weeks["phase"] == "baseline", (weeks["phase"] == "quarter") & ~weeks["is_partial"]
    band = limits.xmr(value[before]) if before.sum() >= MIN_BASELINE else limits.NO_LIMITS
    signal = limits.signals(value[watched], band).reindex(weeks.index, fill_value="")
    shown = weeks.assign(kpi=kpi, kpi_unit=KPIS[kpi].unit, kpi_value=value, n=weeks[KPIS[kpi].basis].astype("int64"))
    judged = shown.assign(mean=band.mean, lower_limit=band.low, upper_limit=band.high, signal=signal)
    return judged.assign(pace=float("nan"), provenance="actual")[_COLUMNS]
