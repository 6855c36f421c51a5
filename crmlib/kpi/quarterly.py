"""KPIs of each quarter, from what customers bought: of all customers, and of each tier.

A customer is active in a quarter with at least one order in it. New means: first order in the data. Ratios are ratios
of totals, never means of ratios.
"""

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.kpi import KPIS, ROW, Kpi, intervals
from crmlib.periods import Period

_SQUARES = ("orders_squared", "net_squared", "net_orders")


def measure(purchase_days: ir.Table, period: Period, by_quarter: ir.Table | None = None) -> pd.DataFrame:
    """All KPIs that purchases give, for each quarter of the book up to `period`: rows of the table `kpis`.

    by_quarter: their `customer_quarters`, where these are kept for several results.
    """
    by_quarter = customer_quarters(purchase_days, period) if by_quarter is None else by_quarter
    found = counts(by_quarter, period, first_quarter(purchase_days))
    rows = [_values(found, kpi) for kpi in KPIS.values() if kpi.numerator]
    return pd.concat(rows, ignore_index=True).assign(tier="all", provenance="actual")[ROW]


def by_tier(
    purchase_days: ir.Table, at_start: ir.Table, period: Period, by_quarter: ir.Table | None = None
) -> pd.DataFrame:
    """The same for the customers of each tier: rows of the table `kpis`.

    `at_start` has customer_id, period and the tier in which the customer began that quarter; only its quarters get
    rows. Whoever has not bought for a year counts in nothing but the tier's size.
    """
    first = first_quarter(purchase_days)
    by_quarter = customer_quarters(purchase_days, period) if by_quarter is None else by_quarter
    number = 4 * _.period[:4].cast("int64") + _.period[5:].cast("int64") - 1
    placed = at_start.filter(_.tier != "none").select("customer_id", "period", "tier", quarter=number)
    joined = _laid(by_quarter).inner_join(placed, ["customer_id", "quarter"])
    counted = _counted(joined, ["period", "tier"]).order_by("period", "tier").to_pyarrow().to_pandas()
    counted = counted.fillna(0).astype({c: "int64" for c in counted.columns if c not in ("period", "tier", *_SQUARES)})
    before = {str(quarter): n for n, quarter in enumerate(period.since(first))}
    known = counted.assign(quarters_before=counted["period"].map(before))
    rows = [_values(known, kpi).assign(tier=known["tier"]) for kpi in KPIS.values() if kpi.numerator and kpi.has_tiers]
    return pd.concat(rows, ignore_index=True).assign(provenance="actual")[ROW]


def counts(by_quarter: ir.Table, period: Period, first: Period) -> pd.DataFrame:
    """What the KPIs are made of: one row per quarter from `first` to `period`, also where nothing was bought."""
    quarters = period.since(first)
    found = _counted(_laid(by_quarter), ["quarter"]).to_pyarrow().to_pandas().set_index("quarter")
    found = found.reindex([4 * q.year + q.quarter - 1 for q in quarters]).fillna(0)
    found = found.astype({c: "int64" for c in found.columns if c not in _SQUARES})
    return found.assign(period=[str(q) for q in quarters], quarters_before=range(len(quarters))).reset_index(drop=True)


def first_quarter(purchase_days: ir.Table) -> Period:
    """The quarter in which the data begins."""
    return Period.containing(purchase_days.order_date.min().to_pyarrow().as_py())


def customer_quarters(purchase_days: ir.Table, period: Period) -> ir.Table:
    """Per customer and quarter with purchase days: orders and money, also of the quarter before.

    `orders_2q` to `orders_4q` are the orders of the last two to four quarters, `orders_ever` all up to its end.
    `next_quarter` is the customer's next one with purchase days.
    """
    seen = purchase_days.filter(_.order_date <= ibis.literal(period.as_of))
    number = 4 * seen.order_date.year() + seen.order_date.quarter() - 1
    sums = seen.group_by("customer_id", quarter=number.cast("int64")).aggregate(
        orders=_whole(seen.orders.sum()), net_minor=_whole(seen.net_minor.sum())
    )
    turn = {"group_by": "customer_id", "order_by": "quarter"}
    back = {f"{name}_{n}": sums[name].lag(n).over(**turn) for name in ("quarter", "orders") for n in (1, 2, 3)}
    known = sums.mutate(
        next_quarter=_.quarter.lead().over(**turn),
        net_minor_1=_.net_minor.lag().over(**turn),
        orders_ever=_whole(sums.orders.sum().over(ibis.cumulative_window(**turn))),
        **back,
    )
    return known.select(
        *("customer_id", "quarter", "next_quarter", "orders", "net_minor", "orders_ever"),
        orders_before=_within(known, "orders", 1, 1),
        net_before_minor=_within(known, "net_minor", 1, 1),
        orders_2q=_last(known, 1),
        orders_3q=_last(known, 2),
        orders_4q=_last(known, 3),
    )


def bought(by_quarter: ir.Table) -> pd.DataFrame:
    """Orders and buyers of all quarters, in one row; `by_quarter` is `customer_quarters`, stored."""
    is_last = by_quarter.next_quarter.isnull()
    found = by_quarter.aggregate(
        orders=_.orders_ever.sum(where=is_last).fill_null(0), buyers=(is_last & (_.orders_ever > 0)).sum().fill_null(0)
    )
    return found.to_pyarrow().to_pandas().astype("int64")


def _last(known: ir.Table, quarters: int) -> ir.Value:
    """Orders of the quarter and of so many before it."""
    return sum((_within(known, "orders", back, quarters) for back in range(1, quarters + 1)), known.orders)


def _within(known: ir.Table, column: str, back: int, quarters: int) -> ir.Value:
    """A value of so many rows back, if that is at most so many quarters ago."""
    return ibis.ifelse(known[f"quarter_{back}"] >= known.quarter - quarters, known[f"{column}_{back}"], 0)


def _whole(number: ir.Value) -> ir.Value:
    """A sum in the 64 bits that Ibis takes it for; DuckDB makes 128 of them, which are slow to compare and add."""
    return ops.Cast(number, dt.int64).to_expr()


def _laid(by_quarter: ir.Table) -> ir.Table:
    """Per customer and quarter: orders and money of the quarter, of the one before, orders of the last four.

    Each row of `customer_quarters` counts in its quarter, and in those of the next three that lie before the
    customer's next row: so every customer and quarter is there once, with nothing left to add up.
    """
    laid = by_quarter.cross_join(ibis.memtable({"lag": [0, 1, 2, 3]}))
    laid = laid.filter(laid.next_quarter.isnull() | (laid.quarter + laid.lag < laid.next_quarter))
    own, following, third = (laid.lag == lag for lag in range(3))
    return laid.select(
        "customer_id",
        "orders_ever",
        quarter=laid.quarter + laid.lag,
        orders=ibis.ifelse(own, _.orders, 0),
        net_minor=ibis.ifelse(own, _.net_minor, 0),
        orders_before=ibis.cases((own, _.orders_before), (following, _.orders), else_=0),
        net_before_minor=ibis.cases((own, _.net_before_minor), (following, _.net_minor), else_=0),
        orders_12m=ibis.cases((own, _.orders_4q), (following, _.orders_3q), (third, _.orders_2q), else_=_.orders),
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
        new=(now & (_.orders_ever == _.orders)).sum(),
        reactivated=(now & ~before & (_.orders_ever > _.orders)).sum(),
        buyers_12m=(_.orders_12m > 0).sum(),
        repeat_12m=(_.orders_12m > 1).sum(),
        repeat=(_.orders > 1).sum(),
        orders=_.orders.sum(),
        net_minor=_.net_minor.sum(),
        in_red=(_.net_minor < 0).sum(),
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
    """Wilson's interval of a rate, the delta method's of a ratio of sums, none for what is counted in full.

    Where nobody got back more than he paid, a ratio is not below 0.
    """
    if kpi.unit == "rate":
        return intervals.wilson(found[kpi.numerator], n)
    if kpi.squares:
        upper, cross, lower = (found[name] for name in kpi.squares)
        band = intervals.ratio(found[kpi.numerator], found[kpi.denominator], (upper, cross, lower), found["active"])
        return band.assign(low=band["low"].clip(lower=0).where(found["in_red"] == 0, band["low"]))
    return pd.DataFrame({"low": float("nan"), "high": float("nan")}, index=found.index)
