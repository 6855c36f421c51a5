"""Each KPI once: what is divided by what, in which unit, which way is better.

Labels are in `schema.words` under the KPI's id. `quarterly` and `service` compute the values, `weekly` the run charts,
`intervals` and `limits` say how sure we are, `targets` compares with a target.
"""

from dataclasses import dataclass
from typing import Literal

from crmlib.params import Review

ROW = ["kpi", "period", "tier", "kpi_unit", "kpi_value", "low", "high", "n", "provenance"]


@dataclass(frozen=True)
class Kpi:
    """`numerator / denominator` of the counts of `quarterly.counts`, or the numerator alone.

    basis: the count that the value rests on, shown as n.
    quarters_before: how many earlier quarters the data must hold for the value to mean anything.
    unit: customers, orders, money (minor units), rate (a proportion, has a Wilson interval), ratio (may pass 1),
    number, points (of 100), count (of things we do).
    """

    id: str
    unit: Literal["customers", "orders", "money", "rate", "ratio", "number", "points", "count"]
    direction: Literal["higher", "lower"]
    view: Literal["financial", "customer", "process", "learning"]
    numerator: str = ""
    denominator: str = ""
    basis: str = ""
    quarters_before: int = 0

    def least_cases(self, review: Review) -> int:
        """Below so many cases a value carries no verdict: money is skewed and needs more, a plain count needs none."""
        return {"money": review.min_money_n, "count": 0}.get(self.unit, review.min_rate_n)


KPIS: dict[str, Kpi] = {
    kpi.id: kpi
    for kpi in [
        Kpi("net_revenue", "money", "higher", "financial", "net_minor", "", "orders"),
        Kpi("orders", "orders", "higher", "financial", "orders", "", "orders"),
        Kpi("average_ticket", "money", "higher", "financial", "net_minor", "orders", "orders"),
        Kpi("gross_revenue_retention", "ratio", "higher", "financial", "kept_minor", "base_minor", "active_before", 1),
        Kpi(
            "net_revenue_retention", "ratio", "higher", "financial", "base_now_minor", "base_minor", "active_before", 1
        ),
        Kpi("active_customers", "customers", "higher", "customer", "active", "", "active"),
        Kpi("new_customers", "customers", "higher", "customer", "new", "", "new", 1),
        Kpi("retained_customers", "customers", "higher", "customer", "retained", "", "active", 1),
        Kpi("reactivated_customers", "customers", "higher", "customer", "reactivated", "", "reactivated", 2),
        Kpi("retention_rate", "rate", "higher", "customer", "retained", "active_before", "active_before", 1),
        Kpi("churn_rate", "rate", "lower", "customer", "lost", "active_before", "active_before", 1),
        Kpi("repurchase_rate", "rate", "higher", "customer", "repeat_12m", "buyers_12m", "buyers_12m", 3),
        Kpi("orders_per_customer", "number", "higher", "customer", "orders", "active", "active"),
        Kpi("csat", "rate", "higher", "customer"),
        Kpi("nps", "points", "higher", "customer"),
        Kpi("first_reply_rate", "rate", "higher", "process"),
        Kpi("analysis_24h_rate", "rate", "higher", "process"),
        Kpi("on_time_rate", "rate", "higher", "process"),
        Kpi("completion_rate", "rate", "higher", "process"),
        Kpi("standards_adopted", "count", "higher", "learning"),
    ]
}
