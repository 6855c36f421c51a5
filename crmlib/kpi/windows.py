"""KPIs of a campaign's window: what each customer did in it, and in the window before."""

from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
from ibis import _

UNITS = {"window_repurchase_rate": "rate", "window_net_revenue": "money", "window_orders": "number"}
"""The KPIs of campaigns and their units; all are per customer who was assigned, whether contacted or not."""
BEFORE = {
    "window_repurchase_rate": "repurchase_before",
    "window_net_revenue": "net_before",
    "window_orders": "orders_before",
}
"""The same in the window before, as `outcomes` names it."""
EXPECTED = {
    "window_repurchase_rate": "expected_orders",
    "window_net_revenue": "expected_minor",
    "window_orders": "expected_orders",
}
"""What `segment.expectation` foretells of a KPI, where means are compared (of customers, or of whole groups)."""


@dataclass(frozen=True)
class Span:
    """Days from `start` to `end`, both within."""

    start: date
    end: date

    @classmethod
    def ending(cls, last: date, weeks: int) -> "Span":
        return cls(last - timedelta(days=7 * weeks - 1), last)

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    @property
    def weeks(self) -> int:
        return self.days // 7

    @property
    def before(self) -> "Span":
        """As many days, directly before."""
        return Span(self.start - timedelta(days=self.days), self.start - timedelta(days=1))


def outcomes(customers: ir.Table, purchase_days: ir.Table, span: Span) -> ir.Table:
    """Per customer of `customers`: whether he ordered in the span (0 or 1), how often, his net money; and before it."""
    earlier = span.before
    near = purchase_days.filter(_.order_date >= ibis.literal(earlier.start), _.order_date <= ibis.literal(span.end))
    inside = (_.order_date >= ibis.literal(span.start)) & (_.order_date <= ibis.literal(span.end))
    ahead = (_.order_date >= ibis.literal(earlier.start)) & (_.order_date <= ibis.literal(earlier.end))
    bought = near.group_by("customer_id").aggregate(
        ordered=_.orders.sum(where=inside),
        ordered_before=_.orders.sum(where=ahead),
        net_minor=_.net_minor.sum(where=inside),
        net_before_minor=_.net_minor.sum(where=ahead),
    )
    joined = customers.left_join(bought, "customer_id").drop("customer_id_right")
    return joined.mutate(
        window_repurchase_rate=(_.ordered.fill_null(0) > 0).cast("int64"),
        window_net_revenue=_.net_minor.fill_null(0),
        window_orders=_.ordered.fill_null(0),
        repurchase_before=(_.ordered_before.fill_null(0) > 0).cast("int64"),
        net_before=_.net_before_minor.fill_null(0),
        orders_before=_.ordered_before.fill_null(0),
    )
