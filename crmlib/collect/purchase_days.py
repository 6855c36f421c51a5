"""Customer by day: the one table that scores, churn, migration and KPIs read."""

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis import _
from ibis.expr import datatypes as dt

from crmlib.periods import Period

_SAME = ("customer_id", "product_id", "pieces", "minor")


def orders(lines: ir.Table, period: Period) -> ir.Table:
    """One row per order up to the end of the quarter, with what was sold and what came back.

    An order is dated by its first line. It is a purchase (`is_purchase`) where something was sold and not all of it
    came back, in the order itself or in a later one that can be matched with it. The money of a return stays on its own
    day. Adjustments (postage, fees) are no part of it.
    """
    return of_settled(settled(lines, period))


def settled(lines: ir.Table, period: Period) -> ir.Table:
    """What each order holds in itself, and what came back of it elsewhere (`credit_minor`, not above 0)."""
    own = sums(lines, period)
    return credited(own, returned(until(lines, period), own))


def sums(lines: ir.Table, period: Period) -> ir.Table:
    """What each order holds in itself. Sums are what takes time, so there are no more than needed."""
    seen = until(lines, period)
    found = {"net_minor": _total(seen.net_minor), "gross_minor": _total(ibis.greatest(seen.net_minor, 0))}
    if "row_class" in lines.columns:
        found["sold_minor"] = _total(ibis.cases((seen.row_class == "sale", seen.net_minor), else_=0))
    own = seen.group_by(["customer_id", "order_id"]).aggregate(order_date=_.order_date.min(), **found)
    return own if "sold_minor" in found else own.mutate(sold_minor=own.gross_minor)


def credited(own: ir.Table, back: ir.Table | None) -> ir.Table:
    """Orders with what came back of them elsewhere, as `returned` found it."""
    if back is None:
        return own.mutate(credit_minor=ibis.literal(0, "int64"))
    joined = own.left_join(back, ["customer_id", "order_id"], rname="{name}_right")
    return joined.select(*own.columns, credit_minor=joined.credit_minor.fill_null(0))


def _total(values: ir.Value) -> ir.Value:
    """A sum in the 64 bits that Ibis takes it for; DuckDB makes 128 of them, which are slow to add up again."""
    return ops.Cast(values.sum(), dt.int64).to_expr()


def of_settled(found: ir.Table) -> ir.Table:
    """`orders` from what they hold."""
    is_purchase = (found.sold_minor > 0) & (found.net_minor + found.credit_minor > 0)
    return found.select(
        "customer_id", "order_id", "order_date", "net_minor", "gross_minor",
        returned_minor=found.gross_minor - found.net_minor, is_purchase=is_purchase,
    )  # fmt: skip


def until(lines: ir.Table, period: Period) -> ir.Table:
    """Goods up to the end of the quarter."""
    return goods(lines).filter(_.order_date <= ibis.literal(period.as_of))


def goods(lines: ir.Table) -> ir.Table:
    """Rows without adjustments; where a table has no row classes, the sign of the amount tells sales from returns."""
    if "row_class" in lines.columns:
        return lines.filter(_.row_class != "adjustment")
    by_sign = ibis.cases((_.net_minor > 0, "sale"), (_.net_minor < 0, "return"), else_="free")
    return lines.mutate(row_class=by_sign)


def returned(seen: ir.Table, own: ir.Table) -> ir.Table | None:
    """What came back in other orders, by the order in which it was sold: `customer_id`, `order_id`, `credit_minor`.

    None where the lines say neither which order a return undoes nor what was sold.

    A return belongs to the order that it names (`original_order_id`); without one, to the latest earlier sale of which
    it is the exact reversal: same customer and product, opposite quantity and amount, one return to one sale. Returns
    within an order that sells something are settled there. Only returns are joined, never all lines with each other.
    """
    named, alone = _undoing(seen, own)
    found = [_named(named)] if named is not None else []
    if {"product_id", "quantity"} <= set(seen.columns):
        found.append(_reversed(seen, alone))
    if not found:
        return None
    both = ibis.union(*found) if len(found) > 1 else found[0]
    return both.group_by(["customer_id", "order_id"]).aggregate(credit_minor=_total(both.credit_minor))


def loose(seen: ir.Table, found: ir.Table) -> ir.Table:
    """Customers with a return from another order that is not among these (`settled`) orders.

    What such returns come to is more than what orders were credited with.
    """
    named, alone = _undoing(seen, found)
    rows = [side.select("customer_id", "net_minor") for side in (named, alone) if side is not None]
    undone = (
        (rows[0].union(rows[1]) if len(rows) > 1 else rows[0]).group_by("customer_id").aggregate(back=_.net_minor.sum())
    )
    credited = found.filter(_.credit_minor < 0).group_by("customer_id").aggregate(credit=_.credit_minor.sum())
    joined = undone.left_join(credited, "customer_id")
    return joined.filter(joined.back != joined.credit.fill_null(0)).select("customer_id")


def _undoing(seen: ir.Table, own: ir.Table) -> tuple[ir.Table | None, ir.Table]:
    """Returns that name another order, where orders are named; and those that do not, in orders that sell nothing."""
    elsewhere = own.filter(_.sold_minor <= 0).select("customer_id", "order_id")
    returns = seen.filter(seen.row_class.isin(["return", "cancellation"]), seen.net_minor < 0)
    alone = returns.semi_join(elsewhere, ["customer_id", "order_id"])
    if "original_order_id" not in seen.columns:
        return None, alone
    return returns.filter(returns.original_order_id != returns.order_id), alone.filter(alone.original_order_id.isnull())


def _named(returns: ir.Table) -> ir.Table:
    return returns.select("customer_id", order_id=returns.original_order_id, credit_minor=returns.net_minor)


def _reversed(seen: ir.Table, returns: ir.Table) -> ir.Table:
    """Sales that a later return undoes line by line.

    Sales and returns of one key (customer, product, pieces, amount) are brackets in the order of their times: a return
    closes the latest open sale. With s the running count of open sales, a sale is closed where s later falls below it.
    """
    back = _bracket(returns, -1)
    sales = _bracket(seen.filter(seen.row_class == "sale"), 1).semi_join(back, list(_SAME))
    brackets = sales.union(back)
    order = [brackets.order_date, brackets.second, brackets.step.desc(), brackets.order_id]
    key = [brackets[name] for name in _SAME]
    counted = brackets.mutate(level=brackets.step.sum().over(group_by=key, order_by=order, rows=(None, 0)))
    order = [counted.order_date, counted.second, counted.step.desc(), counted.order_id]
    later = counted.level.min().over(group_by=[counted[name] for name in _SAME], order_by=order, rows=(1, None))
    closed = counted.mutate(later=later).filter(_.step == 1, _.later < _.level)
    return closed.select("customer_id", "order_id", credit_minor=-closed.minor)


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
        orders=_.count(where=_.is_purchase), net_minor=_total(orders.net_minor), gross_minor=_total(orders.gross_minor)
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
