"""KPIs of each quarter, from what customers bought: of all customers, and of each tier.

A customer is active in a quarter with at least one order in it. New means: first order in the data. Ratios are ratios
of totals, never means of ratios.
"""

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.kpi import KPIS, ROW, Kpi, intervals
from crmlib.periods import Period

_SQUARES = ("orders_squared", "net_squared", "net_orders")


def measure(purchase_days: ir.Table, period: Period) -> pd.DataFrame:
    """All KPIs that purchases give, for each quarter of the book up to `period`: rows of the table `kpis`."""
    found = counts(purchase_days, period, first_quarter(purchase_days))
    rows = [_values(found, kpi) for kpi in KPIS.values() if kpi.numerator]
    return pd.concat(rows, ignore_index=True).assign(tier="all", provenance="actual")[ROW]


def by_tier(purchase_days: ir.Table, at_start: ir.Table, period: Period) -> pd.DataFrame:
    """The same for the customers of each tier: rows of the table `kpis`.

    `at_start` has customer_id, period and the tier in which the customer began that quarter; only its quarters get
    rows. Whoever has not bought for a year counts in nothing but the tier's size.
    """
    first = first_quarter(purchase_days)
    number = 4 * _.period[:4].cast("int64") + _.period[5:].cast("int64") - 1
    placed = at_start.filter(_.tier != "none").select("customer_id", "period", "tier", quarter=number)
    found = _customer_quarters(purchase_days, period, placed.select("quarter").distinct())
    joined = found.inner_join(placed, ["customer_id", "quarter"])
    counted = _counted(joined, ["period", "tier"]).order_by("period", "tier").to_pyarrow().to_pandas()
    counted = counted.fillna(0).astype({c: "int64" for c in counted.columns if c not in ("period", "tier", *_SQUARES)})
    before = {str(quarter): n for n, quarter in enumerate(period.since(first))}
    known = counted.assign(quarters_before=counted["period"].map(before))
    rows = [_values(known, kpi).assign(tier=known["tier"]) for kpi in KPIS.values() if kpi.numerator and kpi.has_tiers]
    return pd.concat(rows, ignore_index=True).assign(provenance="actual")[ROW]


def counts(purchase_days: ir.Table, period: Period, first: Period) -> pd.DataFrame:
    """What the KPIs are made of: one row per quarter from `first` to `period`, also where nothing was bought."""
    quarters = period.since(first)
    found = (
        _counted(_customer_quarters(purchase_days, period), ["quarter"]).to_pyarrow().to_pandas().set_index("quarter")
    )
    found = found.reindex([4 * q.year + q.quarter - 1 for q in quarters]).fillna(0)
    found = found.astype({c: "int64" for c in found.columns if c not in _SQUARES})
    return found.assign(period=[str(q) for q in quarters], quarters_before=range(len(quarters))).reset_index(drop=True)


def first_quarter(purchase_days: ir.Table) -> Period:
    """The quarter in which the data begins."""
    return Period.containing(purchase_days.order_date.min().to_pyarrow().as_py())


def _customer_quarters(purchase_days: ir.Table, period: Period, wanted: ir.Table | None = None) -> ir.Table:
    """Per customer and quarter: orders and money of the quarter, of the one before, orders of the last four.

    Each quarter's sums are laid on the quarters they count in, which spares joining the table with itself.
    """
    seen = purchase_days.filter(_.order_date <= ibis.literal(period.as_of))
    bought = seen.group_by(
        customer_id=_.customer_id, quarter=(4 * _.order_date.year() + _.order_date.quarter() - 1).cast("int64")
    ).aggregate(orders=_.orders.sum(), net_minor=_.net_minor.sum())
    dated = bought.mutate(first=_.quarter.min(where=_.orders > 0).over(group_by="customer_id"))
    laid = ibis.union(*[dated.mutate(quarter=_.quarter + lag, lag=ibis.literal(lag)) for lag in range(4)])
    laid = laid if wanted is None else laid.semi_join(wanted, "quarter")
    return laid.group_by("customer_id", "quarter").aggregate(
        first=_.first.min(),
        orders=_.orders.sum(where=_.lag == 0).fill_null(0),
        net_minor=_.net_minor.sum(where=_.lag == 0).fill_null(0),
        orders_before=_.orders.sum(where=_.lag == 1).fill_null(0),
        net_before_minor=_.net_minor.sum(where=_.lag == 1).fill_null(0),
        orders_12m=_.orders.sum(),
    )


def _counted(customers: ir.Table, groups: list[str]) -> ir.Table:
    """Counts and sums of each group, and the sums of squares that intervals need: exact, in whichever order added."""
    now, before = _.orders > 0, _.orders_before > 0
    orders, net = _.orders.cast("decimal(19, 0)"), _.net_minor.cast("decimal(19, 0)")
    return customers.group_by(groups).aggregate(
        active=now.sum(),
        active_before=before.sum(),
        retained=(now & before).sum(),
        lost=(~now & before).sum(),
        new=(now & (_.first == _.quarter)).sum(),
        reactivated=(now & ~before & (_.first < _.quarter)).sum(),
        buyers_12m=(_.orders_12m > 0).sum(),
        repeat_12m=(_.orders_12m > 1).sum(),
        repeat=(_.orders > 1).sum(),
        orders=_.orders.sum(),
        net_minor=_.net_minor.sum(),
        base_minor=_.net_before_minor.sum(where=before),
        base_now_minor=_.net_minor.sum(where=before),
        kept_minor=ibis.least(_.net_minor, _.net_before_minor).sum(where=before),
        orders_squared=(orders * orders).sum().cast("float64"),
        net_squared=(net * net).sum().cast("float64"),
        net_orders=(net * orders).sum().cast("float64"),
    )


def _values(found: pd.DataFrame, kpi: Kpi) -> pd.DataFrame:
    """One KPI over the quarters; where the past it needs is not in the data, NaN with n = 0."""
    known = found["quarters_before"] >= kpi.quarters_before
    n = found[kpi.basis].where(known, 0)
    value = found[kpi.numerator].astype("float64")
    if kpi.denominator:
        value = value / found[kpi.denominator].where(found[kpi.denominator] > 0)
    band = _band(found, kpi, n).where(known)
    return band.assign(kpi=kpi.id, period=found["period"], kpi_unit=kpi.unit, kpi_value=value.where(known), n=n)


def _band(found: pd.DataFrame, kpi: Kpi, n: pd.Series) -> pd.DataFrame:
    """Wilson's interval of a rate, the delta method's of a ratio of sums, none for what is counted in full."""
    if kpi.unit == "rate":
        return intervals.wilson(found[kpi.numerator], n)
    if kpi.squares:
        upper, cross, lower = (found[name] for name in kpi.squares)
        return intervals.ratio(found[kpi.numerator], found[kpi.denominator], (upper, cross, lower), found["active"])
    return pd.DataFrame({"low": float("nan"), "high": float("nan")}, index=found.index)
