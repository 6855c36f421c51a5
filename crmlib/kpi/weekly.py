"""Run charts: this quarter's weeks against the limits of the weeks before it."""

from dataclasses import dataclass
from datetime import timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.kpi import KPIS, limits, weeks
from crmlib.params import Strategy
from crmlib.periods import Period

RATES = ("rate",)
_HISTORY = 13  # weeks of data before "new" means anything


@dataclass(frozen=True)
class Watched:
    """A KPI by week: `numerator / denominator` of the week's counts, or the numerator alone; `basis` is its n.

    history: so many weeks of data must lie before a week, or its value means nothing.
    """

    id: str
    unit: str
    numerator: str
    denominator: str = ""
    basis: str = "orders"
    history: int = 0


PURCHASES = (
    Watched("net_revenue", "money", "net_minor"),
    Watched("orders", "orders", "orders"),
    Watched("average_ticket", "money", "net_minor", "orders"),
    Watched("active_customers", "customers", "active", basis="active"),
    Watched("orders_per_customer", "number", "orders", "active", "active"),
    Watched("new_customers", "customers", "new", basis="active", history=_HISTORY),
    Watched("returning_share", "rate", "returning", "active", "active", _HISTORY),
    Watched("weekly_return_rate", "rate", "came_back", "active_before", "active_before"),
)

CUSTOMERS = (
    "net_revenue",
    "orders",
    "average_ticket",
    "active_customers",
    "orders_per_customer",
    "weekly_return_rate",
)
SERVICE = (
    "new_customers",
    "returning_share",
    "campaign_response_rate",
    "csat",
    "reply_in_time_rate",
    "on_time_rate",
)
"""The KPIs of each page of small charts, in their order."""

_COLUMNS = ["kpi", "week", "start_date", "end_date", "days", "phase", "kpi_unit", "kpi_value", "n", "mean",
            "lower_limit", "upper_limit", "limit_rule", "pace", "is_partial", "holiday", "holiday_zh", "signal",
            "provenance"]  # fmt: skip


def calendar(purchase_days: ir.Table, period: Period, strategy: Strategy) -> pd.DataFrame:
    """The weeks that the purchases cover: see `weeks.calendar`."""
    found = purchase_days.aggregate(since=_.order_date.min(), until=_.order_date.max()).to_pyarrow().to_pylist()[0]
    return weeks.calendar(period, strategy, found["since"], found["until"])


def purchases(purchase_days: ir.Table, shown: pd.DataFrame, period: Period, strategy: Strategy) -> pd.DataFrame:
    """One row per KPI of purchases and week of the calendar, with limits and signals; `pace` is still empty."""
    span = strategy.weekly.active_weeks
    counted = _counts(purchase_days, period, span)
    since = counted["start_date"].min()
    cut = shown["start_date"] - pd.to_timedelta(shown["start_date"].dt.day_of_week, unit="D")
    found = shown.assign(monday=cut).merge(counted.rename(columns={"start_date": "monday"}), on="monday", how="left")
    found = found.assign(before=(found["monday"] - since).dt.days // 7).fillna(dict.fromkeys(_COUNTS, 0))
    return pd.concat([_of_purchases(found, kpi, span) for kpi in PURCHASES], ignore_index=True)


def rate(shown: pd.DataFrame, kpi: str, hits: pd.Series, n: pd.Series, provenance: str) -> pd.DataFrame:
    """A KPI that is a share of cases: `hits` of `n` in each week; no rows where there is never a case."""
    if not n.sum():
        return nothing()
    counts = shown.assign(hits=hits.to_numpy("float64"), n=n.to_numpy("int64"))
    return _judged(
        counts.assign(kpi_value=counts["hits"] / counts["n"].where(n.to_numpy() > 0)), kpi, "rate", provenance
    )


def by_week(shown: pd.DataFrame, at: pd.Series, hit: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Hits and cases of each week of the calendar, for cases dated `at`; those outside it are left out."""
    place = shown["start_date"].searchsorted(at.dt.normalize(), side="right") - 1
    ends = shown["end_date"].to_numpy()
    inside = (place >= 0) & (at.dt.normalize().to_numpy() <= ends[place.clip(0)])
    counted = hit[inside].astype("int64").groupby(place[inside]).agg(["sum", "count"])
    counted = counted.reindex(range(len(shown)), fill_value=0)
    return counted["sum"], counted["count"]


def chosen(watched: pd.DataFrame, kpis: tuple[str, ...]) -> pd.DataFrame:
    """The rows of some KPIs, in their order."""
    return watched[watched["kpi"].isin(kpis)].sort_values("kpi", key=lambda ids: ids.map(kpis.index), kind="stable")


def baseline_size(watched: pd.DataFrame) -> int:
    """How many weeks the limits rest on."""
    before = watched[(watched["phase"] == "baseline") & watched["holiday"].eq("")]
    return int(before["week"].nunique())


def nothing() -> pd.DataFrame:
    return pd.DataFrame(columns=_COLUMNS)


def joined(*parts: pd.DataFrame) -> pd.DataFrame:
    """Table `weekly` from the KPIs that have cases."""
    found = [part for part in parts if len(part)]
    return pd.concat(found, ignore_index=True) if found else parts[0]


_COUNTS = ("net_minor", "orders", "active", "new", "returning", "came_back", "active_before")


def _counts(purchase_days: ir.Table, period: Period, span: int) -> pd.DataFrame:
    """Per ISO week what the KPIs are made of; of the week that the quarter's start cuts, only the days within it."""
    found = _by_reach(_customer_weeks(purchase_days, period), span).to_pyarrow().to_pandas(date_as_object=False)
    laid = found.merge(pd.DataFrame({"lag": range(span + 1)}), how="cross")
    own, after = laid["lag"] == 0, 7 * laid["lag"]
    values = laid[list(_COUNTS[:-1])].where(own, 0).assign(
        active_before=laid["customers"].where(~own & (after <= laid["reach_days"]), 0),
        start_date=laid["start_date"] + pd.to_timedelta(after, unit="D"),
    )  # fmt: skip
    return values.groupby("start_date", as_index=False).sum()


def _customer_weeks(purchase_days: ir.Table, period: Period) -> ir.Table:
    """Per customer and week with purchase days: what is shown of it, and whether the whole of it had an order.

    `last` and `next` are the weeks with an order before and after it, where it has one too. It is begun where the
    customer ordered in it before the first day shown.
    """
    start = ibis.literal(period.start)
    cut = ibis.literal(period.start - timedelta(days=period.start.weekday()))
    seen = purchase_days.filter(_.order_date <= ibis.literal(period.as_of))
    seen = seen.mutate(monday=seen.order_date.truncate("W").cast("date"))
    seen = seen.mutate(is_shown=(seen.monday != cut) | (seen.order_date >= start))
    own = seen.group_by("customer_id", "monday").aggregate(
        net_minor=_.net_minor.sum(where=_.is_shown).fill_null(0),
        orders=_.orders.sum(where=_.is_shown).fill_null(0),
        has_order=(_.orders > 0).any(),
        is_begun=(~_.is_shown & (_.orders > 0)).any(),
    )
    turn = {"group_by": ("customer_id", "has_order"), "order_by": "monday"}
    return own.mutate(last=_.monday.lag().over(**turn), next=_.monday.lead().over(**turn))


def _by_reach(own: ir.Table, span: int) -> ir.Table:
    """Per week and `reach_days`: so long after it its buyers were active, up to their next week or for `span` weeks."""
    within = own["last"].notnull() & (own["last"] + ibis.interval(days=7 * span) >= own.monday)
    wait = own.next.delta(own.monday, unit="day").cast("int64").fill_null(7 * span)
    judged = own.mutate(
        active=own.orders > 0,
        new=own.has_order & own["last"].isnull() & ~own.is_begun,
        came_back=(own.orders > 0) & within,
        reach_days=ibis.ifelse(own.has_order, ibis.least(wait, 7 * span), 0),
    )
    return judged.group_by("reach_days", start_date=_.monday.cast("timestamp")).aggregate(
        net_minor=_.net_minor.sum(),
        orders=_.orders.sum(),
        active=_.active.sum(),
        new=_.new.sum(),
        returning=(_.active & ~_.new).sum(),
        came_back=_.came_back.sum(),
        customers=_.count(),
    )


def _of_purchases(found: pd.DataFrame, kpi: Watched, span: int) -> pd.DataFrame:
    """One KPI over the weeks; where the past it needs is not in the data, NaN with n = 0."""
    history = span if kpi.id == "weekly_return_rate" else kpi.history
    known = found["before"] >= history
    hits = found[kpi.numerator].astype("float64").where(known)
    value = hits / found[kpi.denominator].where(found[kpi.denominator] > 0) if kpi.denominator else hits
    counts = found.assign(hits=hits, n=found[kpi.basis].where(known, 0).astype("int64"), kpi_value=value)
    return _judged(counts, kpi.id, kpi.unit, "actual")


def _judged(found: pd.DataFrame, kpi: str, unit: str, provenance: str) -> pd.DataFrame:
    """The weeks with the limits of the baseline and the signals of the quarter; masked weeks take part in neither."""
    usable = found["kpi_value"].notna() & found["holiday"].eq("") & ~found["is_partial"]
    before, watched = usable & (found["phase"] == "baseline"), usable & (found["phase"] == "quarter")
    band = _limits(found, before, unit) if before.sum() >= limits.MIN_BASELINE else limits.NO_LIMITS
    shown = found.assign(kpi=kpi, kpi_unit=unit, mean=band.mean, lower_limit=band.low, upper_limit=band.high)
    known = watched & shown["lower_limit"].notna()
    judged = limits.signals(found.loc[known, "kpi_value"], _at(shown[known], band))
    shown = shown.assign(signal=judged.reindex(found.index, fill_value=""), limit_rule=band.rule)
    return shown.assign(pace=float("nan"), provenance=provenance)[_COLUMNS]


def _limits(found: pd.DataFrame, before: pd.Series, unit: str) -> limits.Limits:
    if unit in RATES:
        return limits.rate(found.loc[before, "hits"], found.loc[before, "n"], found["n"])
    return limits.xmr(found.loc[before, "kpi_value"])


def _at(shown: pd.DataFrame, band: limits.Limits) -> limits.Limits:
    return limits.Limits(band.mean, shown["lower_limit"], shown["upper_limit"], band.rule)


def direction(kpi: str) -> str:
    """Which way is better."""
    return KPIS[kpi].direction if kpi in KPIS else "higher"
