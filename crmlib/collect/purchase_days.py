"""Customer by day: the one table that scores, churn, migration and KPIs read."""

import ibis
import ibis.expr.types as ir
from ibis import _

from crmlib.periods import Period


def orders(lines: ir.Table, period: Period) -> ir.Table:
    """One row per order up to the end of the quarter, with what was sold and what came back.

    An order is dated by its first line. It counts as a purchase where its lines add to more than nothing: an order that
    was wholly returned is none.
    """
    seen = lines.filter(_.order_date <= ibis.literal(period.as_of))
    return seen.group_by(["customer_id", "order_id"]).aggregate(
        order_date=_.order_date.min(),
        net_minor=_.net_minor.sum(),
        gross_minor=_.net_minor.sum(where=_.net_minor > 0).fill_null(0),
        returned_minor=-_.net_minor.sum(where=_.net_minor < 0).fill_null(0),
    )


def build(orders: ir.Table) -> ir.Table:
    """One row per customer and day with any order or return; `orders` counts purchases only."""
    return orders.group_by(["customer_id", "order_date"]).aggregate(
        orders=(_.net_minor > 0).sum(),
        net_minor=_.net_minor.sum(),
        gross_minor=_.gross_minor.sum(),
        returned_minor=_.returned_minor.sum(),
    )


def categories(lines: ir.Table, products: ir.Table | None, period: Period) -> ir.Table:
    """Net sales by customer, product category and quarter; 'unknown' where a product has no category."""
    seen = lines.filter(_.order_date <= ibis.literal(period.as_of))
    if products is None or "product_id" not in lines.columns:
        named = seen.mutate(category=ibis.literal("unknown"))
    else:
        named = seen.left_join(products.select("product_id", "category"), "product_id").mutate(
            category=_.category.fill_null("unknown")
        )
    quarter = named.order_date.year().cast("string") + "Q" + named.order_date.quarter().cast("string")
    return named.group_by(["customer_id", "category", quarter.name("period")]).aggregate(net_minor=_.net_minor.sum())
