"""The customer file: one row per customer, known from the customer source or from an order."""

import ibis
import ibis.expr.types as ir
from ibis import _

from crmlib.collect import coverage, scrub
from crmlib.periods import Period
from crmlib.schema import TABLES

TEXTS = ("customer_name", "customer_type", "size_band", "region", "contact_name", "contact_title", "contact_phone",
         "contact_mail", "address", "tax_id", "consent", "main_need", "contact_summary", "note")  # fmt: skip
FREE_TEXTS = ("main_need", "contact_summary", "note")
DATES = ("founded_date", "contact_verified_date")
GIVEN = ("given", "yes", "y", "true", "1", "granted", "opt-in", "optin", "subscribed", "是", "同意", "已同意")
WITHDRAWN = ("withdrawn", "no", "n", "false", "0", "revoked", "refused", "opt-out", "optout", "unsubscribed", "否",
             "不同意", "拒绝", "撤回", "已撤回")  # fmt: skip


def present(tables: dict[str, ir.Table], purchase_days: ir.Table, period: Period) -> ir.Table | None:
    """The customer source without customers of a later quarter: who ordered only since, and is in no row before.

    Who never ordered is a prospect and stays.
    """
    known, orders = tables.get("customers"), tables["orders"]
    if known is None:
        return None
    after = orders.filter(orders.order_date > ibis.literal(period.as_of)).select("customer_id").distinct()
    strange = after.anti_join(purchase_days, "customer_id")
    seen = [table for name, table in coverage.seen(tables, period).items() if name in coverage.EVENTS]
    earlier = [t.select("customer_id").semi_join(strange, "customer_id") for t in seen if "customer_id" in t.columns]
    return known.anti_join(strange.anti_join(ibis.union(*earlier), "customer_id"), "customer_id")


def customers(known: ir.Table | None, purchase_days: ir.Table, contacts: ir.Table | None = None) -> ir.Table:
    """Every customer once, with the descriptive fields that the book has; the others are null.

    Free texts lose personal data; with `contacts` (unmasked) also the customer's own name, number and address.
    """
    ids = purchase_days.select("customer_id").distinct()
    if known is None:
        return _with_all(ids)
    one = _once(known.mutate(consent=_consent(known.consent)) if "consent" in known.columns else known)
    one = _cleared(one, contacts)
    return _with_all(ids.union(one.select("customer_id"), distinct=True).left_join(one, "customer_id"))


def _once(known: ir.Table) -> ir.Table:
    """Rows of customers whom people found to be one become one row: of each field the first value that is filled.

    The row whose contact was checked last comes first; consent withdrawn in any of them is withdrawn.
    """
    several = known.group_by("customer_id").having(_.count() > 1).aggregate().select("customer_id")
    others = [c for c in known.columns if c != "customer_id"]
    checked = [ibis.desc(_[c]) for c in others if c == "contact_verified_date"]
    order = [*checked, *(_[c] for c in others if c != "contact_verified_date")]
    place = ibis.row_number().over(group_by="customer_id", order_by=order)
    merged = known.semi_join(several, "customer_id").mutate(place=place)
    found = {c: merged[c].argmin(merged.place, where=merged[c].notnull()) for c in others if c != "consent"}
    agreed = {"consent": merged.consent.max()} if "consent" in others else {}
    rows = merged.group_by("customer_id").aggregate(**found, **agreed)
    return known.anti_join(several, "customer_id").union(rows.select(known.columns))


def _cleared(known: ir.Table, contacts: ir.Table | None) -> ir.Table:
    """Free texts without what identifies their customer, and without personal data that can be told by its form."""
    free = [c for c in FREE_TEXTS if c in known.columns]
    if not free:
        return known
    own: list[str] = []
    joined = known
    if contacts is not None:
        fields = [c for c in contacts.columns if not c.endswith("_id") or c == "tax_id"]
        ends = {f"own_{n}_{c}": getattr(contacts[c], n)() for c in fields for n in ("min", "max")}  # two, once merged
        joined, own = known.left_join(contacts.group_by("customer_id").aggregate(**ends), "customer_id"), [*ends]
    cleared = {c: joined[c] for c in free}
    for name in own:
        told = ibis.cases((joined[name].length() > 1, joined[name]), else_="\x01")  # what no text holds
        cleared = {c: value.replace(told, "***") for c, value in cleared.items()}
    return joined.mutate(**{c: scrub.engine(value) for c, value in cleared.items()}).select(known.columns)


def _with_all(table: ir.Table) -> ir.Table:
    texts = {c: table[c] if c in table.columns else ibis.null("string") for c in TEXTS}
    dates = {c: table[c] if c in table.columns else ibis.null("date") for c in DATES}
    return table.select("customer_id", **texts, **dates)


def _consent(value: ir.StringValue) -> ir.Value:
    """Given, withdrawn or unknown, in whatever words the export says it; null where the book has no such field."""
    said = value.lower().strip()
    known = [(said.isin(GIVEN), "given"), (said.isin(WITHDRAWN), "withdrawn"), (said.notnull(), "unknown")]
    return ibis.cases(*known, else_=ibis.null("string"))


def inventory(customers: ir.Table, purchase_days: ir.Table, period: Period, fresh_days: int) -> ir.Table:
    """Template table 1: the customer file with contact state, first and last purchase, and lifetime spend.

    Identifiers are masked in staging; a customer without a purchase keeps its row. A contact is verified when it was
    checked at most `fresh_days` before the as-of date, and stale when that was longer ago; a date to come is no check.
    The state is null where the book does not say when contacts were checked.
    """
    bought = purchase_days.group_by("customer_id").aggregate(
        first_order_date=_.order_date.min(where=_.orders > 0),
        last_order_date=_.order_date.max(where=_.orders > 0),
        lifetime_minor=_.net_minor.sum(),
    )
    joined = customers.left_join(bought, "customer_id").mutate(lifetime_minor=_.lifetime_minor.fill_null(0))
    age = _age(joined, period)
    states = [(age.isnull() | (age < 0), "never"), (age <= fresh_days, "verified")]
    said = joined.contact_verified_date.notnull().any().over()
    state = ibis.cases((said, ibis.cases(*states, else_="stale")), else_=ibis.null("string"))
    return joined.mutate(contact_state=state).select(*TABLES["customer_inventory"].columns)


def contact_states(inventory: ir.Table) -> ir.Table:
    """Customers and their spend by contact state and consent; absent fields count as never checked and not known."""
    named = {"contact_state": _.contact_state.fill_null("never"), "consent": _.consent.fill_null("unknown")}
    grouped = inventory.group_by(**named).aggregate(customers=_.count(), lifetime_minor=_.lifetime_minor.sum())
    return grouped.order_by("contact_state", "consent")


def stale_contacts(inventory: ir.Table, period: Period) -> ir.Table:
    """Customers whose contact data were not checked lately, the largest spend first; none if none ever was."""
    stale = inventory.filter(_.contact_state.isin(["stale", "never"]))
    listed = stale.mutate(age_days=_age(stale, period)).select(*TABLES["stale_contacts"].columns)
    return listed.order_by(listed.lifetime_minor.desc(), listed.customer_id)


def _age(table: ir.Table, period: Period) -> ir.Value:
    return ibis.literal(period.as_of).delta(table.contact_verified_date, unit="day")


def campaigns(staged: dict[str, ir.Table]) -> dict[str, ir.Table]:
    """The book's campaigns, whom they targeted, who redeemed, and its costs, as far as the book has them."""
    found: dict[str, ir.Table] = {}
    if "costs" in staged:
        costs = staged["costs"]
        customer = costs.customer_id if "customer_id" in costs.columns else ibis.null("string")
        found["costs"] = costs.select("cost_date", "cost_kind", "cost_minor", customer_id=customer)
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
