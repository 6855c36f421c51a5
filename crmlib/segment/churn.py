"""Early warning from what was seen: how many customers of the same kind stopped buying for a whole quarter.

No model: the rate is counted in the book's own last quarter, by how long ago the last order was. It needs two
quarters of history; the BTYD model and its back-test come beside it.
"""

import ibis
import ibis.expr.types as ir
from ibis import _

from crmlib.periods import Period
from crmlib.schema import TABLES

EDGES = (7, 14, 30, 60, 90, 180)


def observed(before: ir.Table, purchase_days: ir.Table, period: Period, min_n: int) -> ir.Table:
    """Of the customers at the start of the quarter: how many bought nothing in it, by days since their last order.

    `before` are the tiers of the previous quarter's end. A band of fewer than `min_n` customers is marked thin.
    """
    bought = purchase_days.filter(_.order_date.between(period.start, period.as_of), _.orders > 0)
    known = before.filter(_.state == "active").mutate(recency_band=_band(before.recency_days))
    joined = known.left_join(bought.select("customer_id").distinct().mutate(is_back=True), "customer_id")
    counted = joined.group_by("recency_band").aggregate(customers=_.count(), silent=_.is_back.isnull().sum())
    rated = counted.mutate(silent_rate=_.silent / _.customers, is_thin=_.customers < min_n)
    return rated.order_by("recency_band")


def warnings(tiered: ir.Table, rates: ir.Table, rows: int) -> ir.Table:
    """The customers with most money at risk: 12-month spend times the observed rate of their band, biggest first."""
    known = tiered.filter(_.state == "active").mutate(recency_band=_band(tiered.recency_days))
    joined = known.inner_join(rates.select("recency_band", "silent_rate"), "recency_band")
    at_risk = joined.mutate(at_risk_minor=(_.monetary_12m_minor * _.silent_rate).round().cast("int64"))
    place = ibis.row_number().over(order_by=[ibis.desc("at_risk_minor"), "customer_id"]) + 1
    ranked = at_risk.filter(_.at_risk_minor > 0).mutate(rank=place).order_by("rank").limit(rows)
    return ranked.select(*TABLES["churn_warnings"].columns)


def _band(recency: ir.Value) -> ir.Value:
    """Lower edge of the band of days since the last order: 0, 8, 15, 31, 61, 91, 181."""
    starts = (0, *(edge + 1 for edge in EDGES))
    return ibis.cases(
        *[(recency <= edge, start) for start, edge in zip(starts, EDGES, strict=False)], else_=starts[-1]
    ).cast("int64")
