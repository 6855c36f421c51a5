"""Each KPI once: what is divided by what, in which unit, which way is better.

Labels are in `schema` under the KPI's id, definitions in `definitions`. `quarterly`, `service`, `win_back` and `stored`
compute the values, `weekly` the run charts, `intervals` and `limits` say how sure we are, `targets` compares with a
target.
"""

from dataclasses import dataclass
from typing import Literal

from crmlib.params import Review

Layer = Literal["layer_customer", "layer_market", "layer_execution"]
ROW = ["kpi", "period", "tier", "kpi_unit", "kpi_value", "low", "high", "n", "provenance"]


@dataclass(frozen=True)
class Kpi:
    """`numerator / denominator` of the counts of `quarterly.counts`, or the numerator alone.

    basis: the count that the value rests on, shown as n.
    quarters_before: how many earlier quarters the data must hold for the value to mean anything.
    unit: customers, orders, money (minor units), rate (a proportion, has a Wilson interval), ratio (may pass 1),
    number, points (of 100), count (of things we do).
    view is that of a balanced scorecard, layer the method's own (customer, market, execution).
    has_tiers: whether it can be told for the customers of one tier, by their tier at the start of the quarter.
    squares: sums over customers of numerator², numerator × denominator and denominator²; a ratio that has them has an
    interval.
    """

    id: str
    unit: Literal["customers", "orders", "money", "rate", "ratio", "number", "points", "count"]
    direction: Literal["higher", "lower"]
    view: Literal["financial", "customer", "process", "learning"]
    numerator: str = ""
    denominator: str = ""
    basis: str = ""
    quarters_before: int = 0
    layer: Layer = "layer_customer"
    has_tiers: bool = False
    squares: tuple[str, ...] = ()

    def least_cases(self, review: Review) -> int:
        """Below so many cases a value carries no verdict: money is skewed and needs more, a plain count needs none."""
        return {"money": review.min_money_n, "count": 0}.get(self.unit, review.min_rate_n)


_MARKET: Layer = "layer_market"
_WORK: Layer = "layer_execution"
_BOUGHT = [
    Kpi("net_revenue", "money", "higher", "financial", "net_minor", "", "orders", has_tiers=True),
    Kpi("orders", "orders", "higher", "financial", "orders", "", "orders", has_tiers=True),
    Kpi("average_ticket", "money", "higher", "financial", "net_minor", "orders", "orders", has_tiers=True,
        squares=("net_squared", "net_orders", "orders_squared")),
    Kpi("gross_revenue_retention", "ratio", "higher", "financial", "kept_minor", "base_minor", "active_before", 1,
        has_tiers=True),
    Kpi("net_revenue_retention", "ratio", "higher", "financial", "base_now_minor", "base_minor", "active_before", 1,
        has_tiers=True),
    Kpi("active_customers", "customers", "higher", "customer", "active", "", "active", has_tiers=True),
    Kpi("new_customers", "customers", "higher", "customer", "new", "", "new", 1),
    Kpi("retained_customers", "customers", "higher", "customer", "retained", "", "active", 1, has_tiers=True),
    Kpi("reactivated_customers", "customers", "higher", "customer", "reactivated", "", "reactivated", 2,
        has_tiers=True),
    Kpi("retention_rate", "rate", "higher", "customer", "retained", "active_before", "active_before", 1,
        has_tiers=True),
    Kpi("churn_rate", "rate", "lower", "customer", "lost", "active_before", "active_before", 1, has_tiers=True),
    Kpi("repurchase_rate", "rate", "higher", "customer", "repeat_12m", "buyers_12m", "buyers_12m", 3, has_tiers=True),
    Kpi("repurchase_in_quarter", "rate", "higher", "customer", "repeat", "active", "active", has_tiers=True),
    Kpi("orders_per_customer", "number", "higher", "customer", "orders", "active", "active", has_tiers=True,
        squares=("orders_squared", "orders", "active")),
]  # fmt: skip
_ASKED = [
    Kpi("win_back_rate", "rate", "higher", "customer"),
    Kpi("natural_return_rate", "rate", "higher", "customer"),
    Kpi("acquisition_cost", "money", "lower", "financial"),
    Kpi("clv_per_acquisition", "number", "higher", "financial"),
    Kpi("csat", "rate", "higher", "customer", has_tiers=True),
    Kpi("nps", "points", "higher", "customer", has_tiers=True),
    Kpi("response_rate", "rate", "higher", "customer"),
    Kpi("market_share", "ratio", "higher", "financial", layer=_MARKET),
    Kpi("market_share_change", "points", "higher", "financial", layer=_MARKET),
    Kpi("target_reach", "rate", "higher", "process", layer=_MARKET),
    Kpi("campaign_response_rate", "rate", "higher", "process", layer=_MARKET),
    Kpi("first_reply_rate", "rate", "higher", "process", layer=_WORK),
    Kpi("analysis_24h_rate", "rate", "higher", "process", layer=_WORK),
    Kpi("contact_sla_rate", "rate", "higher", "process", layer=_WORK),
    Kpi("on_time_rate", "rate", "higher", "process", layer=_WORK),
    Kpi("completion_rate", "rate", "higher", "process", layer=_WORK),
    Kpi("contacts_verified_rate", "rate", "higher", "learning", layer=_WORK),
    Kpi("data_completeness", "ratio", "higher", "learning", layer=_WORK),
    Kpi("standards_adopted", "count", "higher", "learning", layer=_WORK),
]  # fmt: skip
KPIS: dict[str, Kpi] = {kpi.id: kpi for kpi in [*_BOUGHT, *_ASKED]}
