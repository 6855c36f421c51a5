"""What kind of row an order row is: sale, return, cancellation, free or adjustment."""

import re

import ibis
import ibis.expr.types as ir

from crmlib.io import functions
from crmlib.params import Source

NAMES = ("sale", "return", "cancellation", "free", "adjustment")
"""The classes; a kept table holds their place in this list, from 1 on."""


def code(name: str) -> int:
    return NAMES.index(name) + 1


def named(number: ir.Value) -> ir.Value:
    """The class of a kept row in words."""
    return ibis.cases(*[(number == code(name), name) for name in NAMES], else_=ibis.null("string"))


def of(source: Source, table: ir.Table, amount: ir.Value) -> ir.Value:
    """The class of each row: the first rule that fits, then the sign of the amount; null without either."""
    rules = source.classes
    found = [
        (fits(table.order_id, rules.cancellation_orders), code("cancellation")),
        (fits(table.order_id, rules.adjustment_orders), code("adjustment")),
    ]
    if "product_id" in table.columns:
        found.append((fits(table.product_id, rules.adjustment_products), code("adjustment")))
    if "row_kind" in table.columns:
        found += [(table.row_kind == word, code(name)) for word, name in rules.kinds.items()]
    signs = [(amount > 0, code("sale")), (amount < 0, code("return")), (amount == 0, code("free"))]
    ruled = [(rule, number) for rule, number in found if rule is not None]
    return ibis.cases(*ruled, *signs).cast("uint8")


def fits(value: ir.Value, patterns: tuple[str, ...]) -> ir.Value | None:
    """Whether text is one of the patterns, in which * stands for any text; upper and lower case differ.

    Most ids lie before or behind all patterns in the order of text, which two comparisons tell.
    """
    plain = [p for p in patterns if "*" not in p]
    starred = [p for p in patterns if "*" in p]
    rules = [ibis.array(plain).contains(value)] if plain else []
    starts = [p for p in starred if p.endswith("*") and p.count("*") == 1]
    rules += [value.startswith(p[:-1]) for p in starts]
    rules += [functions.matches(value, ".*".join(map(re.escape, p.split("*")))) for p in starred if p not in starts]
    if not rules:
        return None
    heads = [p.split("*")[0] for p in patterns]
    last = max(heads)
    if not all(heads) or ord(last[0]) >= ord("\ud7ff"):
        return ibis.or_(*rules)
    return (value >= min(heads)) & (value < chr(ord(last[0]) + 1)) & ibis.or_(*rules)
