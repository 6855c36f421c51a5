"""How spend is spread over customers."""

import ibis
import ibis.expr.types as ir
from ibis import _


def deciles(tiered: ir.Table) -> ir.Table:
    """Active customers in ten groups of equal size by 12-month spend, the biggest spenders first, with their money.

    Equal spenders may fall on two sides of an edge: the groups describe a distribution and label no customer.
    """
    active = tiered.filter(_.state == "active")
    place = ibis.row_number().over(order_by=[ibis.desc("monetary_12m_minor"), "customer_id"])
    grouped = active.mutate(decile=(place * 10 / active.count().as_scalar()).floor().cast("int64") + 1)
    counted = grouped.group_by("decile").aggregate(customers=_.count(), monetary_12m_minor=_.monetary_12m_minor.sum())
    share = counted.monetary_12m_minor / counted.monetary_12m_minor.sum().over().nullif(0)
    shared = counted.mutate(revenue_share=share)
    running = shared.revenue_share.sum().over(order_by="decile", rows=(None, 0))
    return shared.mutate(running_share=running).order_by("decile")


def curve(valued: ir.Table) -> ir.Table:
    """Customers with a CLV in ten groups of equal size, the most valuable first, with the value expected of them."""
    known = valued.filter(_.clv_minor.notnull())
    place = ibis.row_number().over(order_by=[ibis.desc("clv_minor"), "customer_id"])
    grouped = known.mutate(decile=(place * 10 / known.count().as_scalar()).floor().cast("int64") + 1)
    counted = grouped.group_by("decile").aggregate(customers=_.count(), clv_minor=_.clv_minor.sum())
    shared = counted.mutate(revenue_share=counted.clv_minor / counted.clv_minor.sum().over().nullif(0))
    running = shared.revenue_share.sum().over(order_by="decile", rows=(None, 0))
    return shared.mutate(running_share=running).order_by("decile")
