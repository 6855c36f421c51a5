"""The customer file: one row per customer, known from the customer source or from an order."""

import ibis
import ibis.expr.types as ir
from ibis import _

from crmlib.schema import TABLES

TEXTS = ("customer_name", "customer_type", "size_band", "contact_name", "contact_title", "contact_phone", "main_need",
         "contact_summary", "note")  # fmt: skip


def customers(known: ir.Table | None, purchase_days: ir.Table) -> ir.Table:
    """Every customer once, with the descriptive fields that the book has; the others are null."""
    ids = purchase_days.select("customer_id").distinct()
    if known is None:
        return _with_all(ids)
    return _with_all(ids.union(known.select("customer_id"), distinct=True).left_join(known, "customer_id"))


def _with_all(table: ir.Table) -> ir.Table:
    texts = {c: table[c] if c in table.columns else ibis.null("string") for c in TEXTS}
    founded = table.founded_date if "founded_date" in table.columns else ibis.null("date")
    return table.select("customer_id", founded_date=founded, **texts)


def inventory(customers: ir.Table, purchase_days: ir.Table) -> ir.Table:
    """Template table 1: the customer file with first and last purchase and lifetime spend.

    Names and phones are masked in staging; a customer without a purchase keeps its row.
    """
    bought = purchase_days.group_by("customer_id").aggregate(
        first_order_date=_.order_date.min(where=_.orders > 0),
        last_order_date=_.order_date.max(where=_.orders > 0),
        lifetime_minor=_.net_minor.sum(),
    )
    joined = customers.left_join(bought, "customer_id")
    return joined.mutate(lifetime_minor=_.lifetime_minor.fill_null(0)).select(*TABLES["customer_inventory"].columns)


def campaigns(staged: dict[str, ir.Table]) -> dict[str, ir.Table]:
    """The book's campaigns, whom they targeted and who redeemed, as far as the book has them."""
    found: dict[str, ir.Table] = {}
    if "campaigns" in staged:
        table = staged["campaigns"]
        kind = table.campaign_kind if "campaign_kind" in table.columns else ibis.null("string")
        found["campaigns"] = table.select("campaign_id", "start_date", "end_date", campaign_kind=kind).relocate(
            "campaign_kind", after="campaign_id"
        )
    if "campaign_targets" in staged:
        found["campaign_targets"] = staged["campaign_targets"].select("campaign_id", "customer_id").distinct()
    if "redemptions" in staged:
        grouped = staged["redemptions"].group_by(["campaign_id", "customer_id", "redemption_date"])
        found["redemptions"] = grouped.aggregate(redemptions=_.count())
    return found
