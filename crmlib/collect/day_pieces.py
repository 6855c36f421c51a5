"""Customer by day from parts of the order lines that were reckoned one by one.

Everything in `purchase_days` is reckoned customer by customer. So a customer's days are those in each part, unless
something of his crosses parts: an order with lines in two, a return that undoes nothing in its own part, or parts whose
times overlap for him. These customers are reckoned again from all their lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

import ibis
import ibis.expr.types as ir
from ibis import _

from crmlib.collect import purchase_days
from crmlib.periods import Period

NAMES: tuple[str, ...] = ("days", "keys", "loose")


@dataclass(frozen=True)
class Piece:
    """One part's `days`; its orders (`keys`: customer, order_key); customers with a return of other parts' sales."""

    days: ir.Table
    keys: ir.Table
    loose: ir.Table
    first: date
    last: date


def settled(lines: ir.Table, period: Period) -> ir.Table:
    """The orders of a part, to be kept: all that `reckoned` gives comes from them."""
    return purchase_days.settled(lines, period)


def reckoned(lines: ir.Table, orders: ir.Table, period: Period) -> dict[str, ir.Table]:
    """The tables of a piece from the lines of its part and their settled orders."""
    return {
        "days": purchase_days.build(purchase_days.of_settled(orders)),
        "keys": orders.select("customer_id", order_key=(_.customer_id + "\x1f" + _.order_id).hash()),
        "loose": purchase_days.loose(purchase_days.until(lines, period), orders),
    }


def whole(lines: ir.Table, period: Period) -> ir.Table:
    """Customer by day without parts."""
    return purchase_days.build(purchase_days.orders(lines, period))


def crossing(pieces: Sequence[Piece]) -> ir.Table:
    """The customers of whom something crosses pieces, perhaps with a few others."""
    keys = ibis.union(*[piece.keys for piece in pieces]) if len(pieces) > 1 else pieces[0].keys
    twice = keys.group_by("order_key").having(_.count() > 1).aggregate().select("order_key")
    found = [keys.semi_join(twice, "order_key").select("customer_id"), *[piece.loose for piece in pieces]]
    for one, other in combinations(pieces, 2):
        first, last = max(one.first, other.first), min(one.last, other.last)
        if first <= last:
            found += [_in_both(one, other, first, last), _in_both(other, one, first, last)]
    return ibis.union(*found).distinct()


def _in_both(one: Piece, other: Piece, first: date, last: date) -> ir.Table:
    """Customers of one piece within the days that both span, who are in the other."""
    near = one.days.filter(_.order_date.between(ibis.literal(first), ibis.literal(last)))
    return other.days.semi_join(near, "customer_id").select("customer_id")


def of(lines: ir.Table, again: ir.Table) -> ir.Table:
    """All lines of the customers of `again`, to be kept: `together` reads them several times."""
    return lines.semi_join(again, "customer_id")


def together(pieces: Sequence[Piece], again: ir.Table, lines: ir.Table, period: Period) -> ir.Table:
    """Customer by day of all pieces; the customers of `again` are reckoned from their `lines`."""
    days = ibis.union(*[piece.days for piece in pieces]) if len(pieces) > 1 else pieces[0].days
    mended = whole(lines, period)
    return days.anti_join(again, "customer_id").union(mended.select(*days.columns))
