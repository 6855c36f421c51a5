"""Customer by day from parts of the order lines that were reckoned one by one.

Everything in `purchase_days` is reckoned customer by customer. So a customer's days are those in each part, unless
something of his crosses parts: an order with lines in two, a return that undoes nothing in its own part, or parts whose
times overlap for him. These customers are reckoned again from all their lines.

What came of that (`Known`) holds for as long as the parts do. Where new parts lie behind all of these, something
crosses only with an order that goes on in a new one, or with a return that undoes nothing so far or in its own.
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
KNOWN: tuple[str, ...] = ("days", "loose")
KEY = ["customer_id", "order_date"]


@dataclass(frozen=True)
class Piece:
    """One part's `days`; its orders (`keys`: customer, order_key); customers with a return of other parts' sales."""

    days: ir.Table
    keys: ir.Table
    loose: ir.Table
    first: date
    last: date


@dataclass(frozen=True)
class Known:
    """Of some pieces together: customer by day (`days`); customers with a return of other pieces' sales (`loose`)."""

    days: ir.Table
    loose: ir.Table


sums, credited = purchase_days.sums, purchase_days.credited


def returned(lines: ir.Table, own: ir.Table, period: Period) -> ir.Table | None:
    """What came back in other orders than it was sold in, by the order in which it was sold."""
    return purchase_days.returned(purchase_days.until(lines, period), own)


def reckoned(lines: ir.Table, orders: ir.Table, period: Period) -> dict[str, ir.Table]:
    """The tables of a piece from the lines of its part and their settled orders.

    Days are in order: what all parts have together is then sorted, for storing, in three quarters of the time.
    """
    return {
        "days": built(orders).order_by(KEY),
        "keys": orders.select("customer_id", order_key=(_.customer_id + "\x1f" + _.order_id).hash()),
        "loose": purchase_days.loose(purchase_days.until(lines, period), orders),
    }


def built(orders: ir.Table) -> ir.Table:
    """Customer by day of settled orders."""
    return purchase_days.build(purchase_days.of_settled(orders))


def crossing(pieces: Sequence[Piece], earlier: Sequence[Piece] = (), before: Known | None = None) -> ir.Table:
    """The customers of whom something crosses pieces, perhaps with a few others.

    Where `earlier` pieces, which all `pieces` lie behind, are known `before`: those of whom it crosses to `pieces`.
    """
    keys = _union([piece.keys for piece in pieces])
    twice = keys.group_by("order_key").having(_.count() > 1).aggregate().select("order_key")
    found = [keys.semi_join(twice, "order_key").select("customer_id"), *[piece.loose for piece in pieces]]
    if before is not None:
        goes_on = keys.semi_join(_union([piece.keys for piece in earlier]).select("order_key"), "order_key")
        found += [goes_on.select("customer_id"), before.loose]
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
    """All lines of the customers of `again`, to be kept: they are read several times."""
    return lines.semi_join(again, "customer_id")


def together(days: ir.Table, again: ir.Table, made: dict[str, ir.Table]) -> dict[str, ir.Table]:
    """What is `Known` of pieces whose `days` stand one below the other, when customers of `again` were `made` again."""
    rest = days.anti_join(again, "customer_id")
    return {"days": rest.union(made["days"].select(*days.columns)).order_by(KEY), "loose": made["loose"]}


def _union(tables: Sequence[ir.Table]) -> ir.Table:
    return ibis.union(*tables) if len(tables) > 1 else tables[0]
