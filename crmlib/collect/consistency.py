"""Rules across fields and tables: how many rows break each, whose they are, and what money hangs on them."""

from collections.abc import Callable, Iterator

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.periods import Period
from crmlib.schema import TABLES

Tables = dict[str, ir.Table]
LOOSE = 0.2
"""Share of the money of all returns from which on returns that undo no sale are told."""
WEIGHTY = 0.05
"""Share of the sales from which on returns are looked at."""
_FOLLOWERS = ("interactions", "surveys", "tickets", "costs", "campaign_targets", "redemptions")


def rules(tables: Tables, spend: ir.Table, period: Period) -> pd.DataFrame:
    """One row per rule that the book's tables allow to check, in the order of sources and rules.

    `tables` end at the as-of date (`coverage.seen`); `spend` has one row per customer of the orders
    (`customer_spend`). Money of an order rule is that of the rows; of a customer rule, what those customers have spent.
    """
    found = [
        row for check in (_orders, _followers, _campaigns, _customers, _tickets) for row in check(tables, spend, period)
    ]
    frames = [part.to_pyarrow().to_pandas() for part in found]
    columns = list(TABLES["consistency"].columns)
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    frame["row_share"] = frame["rows"] / frame["checked_rows"].replace(0, 1)
    return frame[columns].sort_values(["source", "rule"], ignore_index=True)


def customer_spend(by_customer: ir.Table) -> ir.Table:
    """Per customer of the orders up to the quarter's end: rows, money, first and last day.

    `by_customer` is `waterfall.by_customer`, kept: several checks read it.
    """
    return by_customer.filter(_.rows > 0).select(
        "customer_id", "rows", "net_minor", "first_order_date", "last_order_date"
    )


def _row(source: str, rule: str, table: ir.Table, wrong: ir.BooleanValue, *, has_money: bool = False) -> ir.Table:
    """What a rule finds in `table`, which may hold `rows` (counted rows), `customer_id` and `net_minor`."""
    wrong, none = ibis.coalesce(wrong, False), ibis.null("int64")
    has_rows = "rows" in table.columns
    checked = table.rows.sum().fill_null(0) if has_rows else table.count()
    found = table.rows.sum(where=wrong).fill_null(0) if has_rows else wrong.sum().fill_null(0)
    whom = table.customer_id.nunique(where=wrong) if "customer_id" in table.columns else none
    money = table.net_minor.sum(where=wrong).fill_null(0) if has_money else none
    return table.aggregate(checked_rows=checked, rows=found, customers=whom, net_minor=money).mutate(
        source=ibis.literal(source), rule=ibis.literal(rule), advice=ibis.literal(f"do_{rule}")
    )


def _orders(tables: Tables, spend: ir.Table, _period: Period) -> Iterator[ir.Table]:
    orders = tables["orders"]
    if "customers" in tables:
        known = tables["customers"].select("customer_id").distinct().mutate(is_known=True)
        joined = spend.left_join(known, "customer_id")
        yield _row("orders", "not_in_customers", joined, joined.is_known.isnull(), has_money=True)
    if "products" in tables and "category" in tables["products"].columns and "product_id" in orders.columns:
        named = tables["products"].filter(_.category.notnull()).select("product_id").distinct().mutate(is_named=True)
        sold = orders.group_by("product_id").aggregate(rows=_.count(), net_minor=_.net_minor.sum())
        joined = sold.left_join(named, "product_id")
        yield _row("orders", "no_category", joined, joined.is_named.isnull(), has_money=True)
    if "quantity" in orders.columns:
        wrong = ((orders.quantity < 0) & (orders.net_minor > 0)) | ((orders.quantity > 0) & (orders.net_minor < 0))
        yield _row("orders", "sign_differs", orders, wrong, has_money=True)
    if "row_class" in orders.columns:
        yield from _undo_nothing(orders)


def _undo_nothing(orders: ir.Table) -> Iterator[ir.Table]:
    """Returns in orders that sell nothing, of what the customer had not bought before; no row where they are few.

    Data that begin in the midst of a business always hold some: their sales lie before the first row. Where rows name
    no products, any earlier sale to the customer will do. To find them takes two joins with all rows, so that returns
    are looked at only where they weigh.
    """
    money = {kind: orders.net_minor.sum(where=orders.row_class == kind).fill_null(0) for kind in ("return", "sale")}
    total = orders.aggregate(rows=_.count(), **money).to_pyarrow().to_pylist()[0]
    if total["return"] >= 0 or -total["return"] < WEIGHTY * total["sale"]:
        return
    same = [name for name in ("customer_id", "product_id") if name in orders.columns]
    returns = orders.filter(orders.row_class == "return", orders.net_minor < 0)
    sales = orders.filter(orders.row_class == "sale")
    if "original_order_id" in orders.columns:
        returns = returns.mutate(order_id=returns.original_order_id.coalesce(returns.order_id))
    own = sales.semi_join(returns, ["customer_id", "order_id"]).select("customer_id", "order_id").distinct()
    first = sales.semi_join(returns, same).group_by(same).aggregate(first_date=_.order_date.min())
    joined = returns.anti_join(own, ["customer_id", "order_id"]).left_join(first, same)
    loose = joined.filter(joined.first_date.isnull() | (joined.first_date > joined.order_date))
    found = loose.aggregate(rows=_.count(), customers=_.customer_id.nunique(), net_minor=_.net_minor.sum().fill_null(0))
    named = found.filter(found.net_minor < 0, found.net_minor <= LOOSE * total["return"])
    yield named.mutate(
        checked_rows=ibis.literal(total["rows"], "int64"),
        source=ibis.literal("orders"), rule=ibis.literal("returns_alone"), advice=ibis.literal("do_returns_alone"),
    )  # fmt: skip


def _followers(tables: Tables, spend: ir.Table, _period: Period) -> Iterator[ir.Table]:
    """Tables that name customers whom neither the orders nor the customer file have."""
    known = spend.select("customer_id")
    if "customers" in tables:
        known = known.union(tables["customers"].select("customer_id")).distinct()
    marked = known.mutate(is_known=True)
    for source in (name for name in _FOLLOWERS if name in tables and "customer_id" in tables[name].columns):
        rows = tables[source].filter(_.customer_id.notnull()).group_by("customer_id").aggregate(rows=_.count())
        joined = rows.left_join(marked, "customer_id")
        yield _row(source, "unknown_customer", joined, joined.is_known.isnull())


def _campaigns(tables: Tables, _spend: ir.Table, _period: Period) -> Iterator[ir.Table]:
    if "campaigns" not in tables:
        return
    campaigns = tables["campaigns"]
    yield _row("campaigns", "ends_before_start", campaigns, campaigns.end_date < campaigns.start_date)
    days = campaigns.select("campaign_id", "start_date", "end_date")
    for source in (name for name in ("campaign_targets", "redemptions") if name in tables):
        joined = tables[source].left_join(days, "campaign_id")
        yield _row(source, "unknown_campaign", joined, joined.start_date.isnull())
        if source == "redemptions":
            outside = ~joined.redemption_date.between(joined.start_date, joined.end_date)
            yield _row(source, "redeemed_outside", joined, outside)


def _customers(tables: Tables, spend: ir.Table, period: Period) -> Iterator[ir.Table]:
    if "customers" not in tables:
        return
    customers = tables["customers"]
    bought = spend.select("customer_id", "net_minor", "first_order_date")
    joined = customers.left_join(bought, "customer_id")
    has: Callable[[str], bool] = customers.columns.__contains__
    if has("founded_date"):
        wrong = joined.founded_date > joined.first_order_date
        yield _row("customers", "founded_after_order", joined, wrong, has_money=True)
    if has("contact_verified_date"):
        wrong = joined.contact_verified_date > ibis.literal(period.as_of)
        yield _row("customers", "verified_in_future", joined, wrong, has_money=True)
    if has("contact_phone") and has("contact_mail"):
        wrong = joined.contact_phone.isnull() & joined.contact_mail.isnull()
        yield _row("customers", "unreachable", joined, wrong, has_money=True)


def _tickets(tables: Tables, _spend: ir.Table, _period: Period) -> Iterator[ir.Table]:
    if "tickets" not in tables:
        return
    tickets = tables["tickets"]
    for rule, later in (("closed_before_opened", "closed_at"), ("reply_before_opened", "first_reply_at")):
        if later in tickets.columns:
            yield _row("tickets", rule, tickets, tickets[later] < tickets.opened_at)
