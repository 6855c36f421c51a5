"""Customers by the quarter of their first purchase: how many still buy, and for how much, quarter after quarter."""

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from crmlib.periods import Period
from crmlib.schema import TABLES


def cells(purchase_days: ir.Table, period: Period) -> ir.Table:
    """One row per cohort and quarter since; a quarter still to come has no figures, not zeros.

    Money is net, also of refunds without a purchase. The cohort in which the data begin holds older customers too and
    is marked; so is a quarter that the period cuts short.
    """
    seen = purchase_days.filter(_.order_date <= ibis.literal(period.as_of))
    first = seen.filter(_.orders > 0).group_by("customer_id").aggregate(first=_number(_.order_date.min()))
    dated = seen.mutate(quarter=_number(seen.order_date)).inner_join(first, "customer_id")
    since = dated.filter(_.quarter >= _.first)
    bought = since.group_by(["first", "quarter"]).aggregate(
        cohort_buyers=_.customer_id.nunique(where=_.orders > 0), net_minor=_.net_minor.sum()
    )
    sized = first.group_by("first").aggregate(cohort_customers=_.count())
    return _filled(sized, bought, period).select(*TABLES["cohorts"].columns)


def _filled(sized: ir.Table, bought: ir.Table, period: Period) -> ir.Table:
    """Every cohort with every number of quarters later; nulls where that quarter is still to come."""
    began = sized.aggregate(first=_.first.min()).to_pyarrow().column("first")[0].as_py()
    quarters = [] if began is None else [_of(number) for number in range(began, _index(period) + 1)]
    later = ibis.memtable(pa.table({"quarters_later": pa.array(range(len(quarters)), pa.int64())}))
    names = ibis.memtable(pa.table({
        "quarter": pa.array([_index(q) for q in quarters], pa.int64()),
        "period": pa.array([str(q) for q in quarters], pa.string()),
    }))  # fmt: skip
    grid = sized.cross_join(later).mutate(quarter=_.first + _.quarters_later)
    joined = grid.left_join(bought, ["first", "quarter"]).drop("first_right", "quarter_right")
    named = joined.left_join(names, "quarter").drop("quarter_right")
    cohorts = names.view().select(first="quarter", cohort="period")
    whole = named.inner_join(cohorts, "first")
    is_seen = whole.period.notnull()
    buyers = is_seen.ifelse(whole.cohort_buyers.fill_null(0), ibis.null("int64"))
    net = is_seen.ifelse(whole.net_minor.fill_null(0), ibis.null("int64"))
    return whole.mutate(
        period=whole.period.fill_null(""),
        cohort_buyers=buyers,
        retained_share=buyers / whole.cohort_customers,
        net_minor=net,
        cohort_customer_minor=(net / whole.cohort_customers).round().cast("int64"),
        is_before_data=whole.first == began,
        is_partial=(whole.quarter == _index(period)) & ibis.literal(period.is_cut),
    ).order_by(["cohort", "quarters_later"])


def _number(day: ir.Value) -> ir.Value:
    """Quarters since year 0."""
    return (day.year() * 4 + day.quarter() - 1).cast("int64")


def _index(period: Period) -> int:
    return period.year * 4 + period.quarter - 1


def _of(number: int) -> Period:
    return Period(number // 4, number % 4 + 1)
