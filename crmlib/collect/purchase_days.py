"""Customer by day: the one table that scores, churn, migration and KPIs read."""

import ibis
import ibis.expr.types as ir
from ibis import _

from crmlib.periods import Period

_SAME = ("customer_id", "product_id", "pieces", "minor")


def orders(lines: ir.Table, period: Period) -> ir.Table:
    """One row per order up to the end of the quarter, with what was sold and what came back.

    An order is dated by its first line. It is a purchase (`is_purchase`) where something was sold and not all of it
    came back, in the order itself or in a later one that can be matched with it. The money of a return stays on its own
    day. Adjustments (postage, fees) are no part of it.
    """
    seen = goods(lines).filter(_.order_date <= ibis.literal(period.as_of))
    own = own_of(seen)
    back = returned(seen, own)
    joined = own.left_join(back, ["customer_id", "order_id"], rname="{name}_right")
    left = joined.net_minor + joined.credit_minor.fill_null(0)
    return joined.select(
        "customer_id", "order_id", "order_date", "net_minor", "gross_minor",
        returned_minor=joined.gross_minor - joined.net_minor, is_purchase=(joined.sold_minor > 0) & (left > 0),
    )  # fmt: skip


def own_of(seen: ir.Table) -> ir.Table:
    """What each order holds in itself; sums are what takes time, so there are three."""
    return seen.group_by(["customer_id", "order_id"]).aggregate(
        order_date=_.order_date.min(),
        net_minor=_.net_minor.sum(),
        gross_minor=ibis.greatest(_.net_minor, 0).sum(),
        sold_minor=ibis.cases((_.row_class == "sale", _.net_minor), else_=0).sum(),
    )


def goods(lines: ir.Table) -> ir.Table:
    """Rows without adjustments; where a table has no row classes, the sign of the amount tells sales from returns."""
    if "row_class" in lines.columns:
        return lines.filter(_.row_class != "adjustment")
    by_sign = ibis.cases((_.net_minor > 0, "sale"), (_.net_minor < 0, "return"), else_="free")
    return lines.mutate(row_class=by_sign)


def returned(seen: ir.Table, own: ir.Table) -> ir.Table:
    """What came back in other orders, by the order in which it was sold: `customer_id`, `order_id`, `credit_minor`.

    A return belongs to the order that it names (`original_order_id`); without one, to the latest earlier sale of which
    it is the exact reversal: same customer and product, opposite quantity and amount, one return to one sale. Returns
    within an order that sells something are settled there. Only returns are joined, never all lines with each other.
    """
    named, alone = _undoing(seen, own)
    found = [_named(named)] if named is not None else []
    if _can_be_reversed(seen):
        found.append(_reversed(seen, alone))
    if not found:
        return own.select("customer_id", "order_id", credit_minor=ibis.literal(0, "int64")).limit(0)
    both = ibis.union(*found) if len(found) > 1 else found[0]
    return both.group_by(["customer_id", "order_id"]).aggregate(credit_minor=_.credit_minor.sum())


def loose(seen: ir.Table) -> ir.Table:
    """Customers with a return from another order that is not among these rows; each may stand several times."""
    own = own_of(seen)
    named, alone = _undoing(seen, own)
    found = [own.select("customer_id").limit(0)]
    if named is not None:
        there = own.select("customer_id", original_order_id=own.order_id)
        found.append(named.anti_join(there, ["customer_id", "original_order_id"]).select("customer_id"))
    if _can_be_reversed(seen):
        found.append(_levels(seen, alone)[0].filter(_.level < 0).select("customer_id"))
    return ibis.union(*found) if len(found) > 1 else found[0]


def _undoing(seen: ir.Table, own: ir.Table) -> tuple[ir.Table | None, ir.Table]:
    """Returns that name another order, where orders are named; and those that do not, in orders that sell nothing."""
    elsewhere = own.filter(_.sold_minor <= 0).select("customer_id", "order_id")
    returns = seen.filter(seen.row_class.isin(["return", "cancellation"]), seen.net_minor < 0)
    alone = returns.semi_join(elsewhere, ["customer_id", "order_id"])
    if "original_order_id" not in seen.columns:
        return None, alone
    return returns.filter(returns.original_order_id != returns.order_id), alone.filter(alone.original_order_id.isnull())


def _can_be_reversed(seen: ir.Table) -> bool:
    return {"product_id", "quantity"} <= set(seen.columns)


def _named(returns: ir.Table) -> ir.Table:
    return returns.select("customer_id", order_id=returns.original_order_id, credit_minor=returns.net_minor)


def _reversed(seen: ir.Table, returns: ir.Table) -> ir.Table:
    """Sales that a later return undoes line by line.

    Sales and returns of one key (customer, product, pieces, amount) are brackets in the order of their times: a return
    closes the latest open sale. With s the running count of open sales, a sale is closed where s later falls below it.
    """
    counted, key = _levels(seen, returns)
    order = [counted.order_date, counted.second, counted.step.desc(), counted.order_id]
    later = counted.level.min().over(group_by=key, order_by=order, rows=(1, None))
    closed = counted.mutate(later=later).filter(_.step == 1, _.later < _.level)
    return closed.select("customer_id", "order_id", credit_minor=-closed.minor)


def _levels(seen: ir.Table, returns: ir.Table) -> tuple[ir.Table, list[ir.Value]]:
    """Sales and returns of the keys that come back, with the count of open sales after each (`level`); and the keys.

    Below 0 there are more returns than sales before them.
    """
    back = _bracket(returns, -1)
    sales = _bracket(seen.filter(seen.row_class == "sale"), 1).semi_join(back, list(_SAME))
    brackets = sales.union(back)
    order = [brackets.order_date, brackets.second, brackets.step.desc(), brackets.order_id]
    key = [brackets[name] for name in _SAME]
    counted = brackets.mutate(level=brackets.step.sum().over(group_by=key, order_by=order, rows=(None, 0)))
    return counted, [counted[name] for name in _SAME]


def _bracket(rows: ir.Table, step: int) -> ir.Table:
    second = rows.order_second if "order_second" in rows.columns else ibis.literal(0)
    return rows.select(
        "customer_id",
        "product_id",
        "order_id",
        "order_date",
        second=second.cast("int32"),
        pieces=rows.quantity.cast("float64") * step,
        minor=rows.net_minor * step,
        step=ibis.literal(step, "int64"),
    )


def build(orders: ir.Table) -> ir.Table:
    """One row per customer and day with any order or return; `orders` counts purchases only."""
    days = orders.group_by(["customer_id", "order_date"]).aggregate(
        orders=_.is_purchase.sum(), net_minor=_.net_minor.sum(), gross_minor=_.gross_minor.sum()
    )
    return days.mutate(returned_minor=_.gross_minor - _.net_minor)


def categories(lines: ir.Table, products: ir.Table | None, period: Period) -> ir.Table:
    """Net sales by customer, product category and quarter; 'unknown' where a product has no category."""
    named = _named_categories(lines, products, period)
    quarter = named.order_date.year().cast("string") + "Q" + named.order_date.quarter().cast("string")
    return named.group_by(["customer_id", "category", quarter.name("period")]).aggregate(net_minor=_.net_minor.sum())


def category_days(lines: ir.Table, products: ir.Table | None, period: Period) -> ir.Table:
    """Net sales by product category and day, of all customers; 'unknown' where a product has no category."""
    named = _named_categories(lines, products, period)
    return named.group_by(["category", "order_date"]).aggregate(net_minor=_.net_minor.sum())


def _named_categories(lines: ir.Table, products: ir.Table | None, period: Period) -> ir.Table:
    seen = goods(lines).filter(_.order_date <= ibis.literal(period.as_of))
    if products is None or "product_id" not in lines.columns or "category" not in products.columns:
        return seen.mutate(category=ibis.literal("unknown"))
    return seen.left_join(products.select("product_id", "category"), "product_id").mutate(
        category=_.category.fill_null("unknown")
    )
