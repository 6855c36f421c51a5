"""What the rows of a sample say against a proposed mapping of orders: totals taken for parts, copies that are none."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from crmlib.io import synonyms
from crmlib.io.profiles import Profile
from crmlib.io.samples import Sample

_SOME = 5
"""So many products, or orders, must show it."""
_MOST = 0.8
_FULL = 0.95
_LESS = ("discount", "rabatt", "折扣", "优惠")


def settle(sample: Sample, chosen: dict[str, Profile], columns: Sequence[Profile]) -> list[str]:
    """Correct what is plainly another thing than its name says; what was done, and what else to know, in lines to read:
    rows without a customer, equal rows, discounts outside the amount.
    """
    done = _totals(sample, chosen)
    left = [c for c in columns if c not in chosen.values()]
    return [*done, *_unknown_customers(chosen), *_equal_rows(sample, chosen, left), *_discounts(chosen, left)]


def _totals(sample: Sample, chosen: dict[str, Profile]) -> list[str]:
    """A price that grows with the pieces of the same product is the line's total. An amount that is the same on all
    lines of an order is the order's, and would count once per line.
    """
    price, amount = chosen.get("unit_price"), chosen.get("net_amount")
    if price and "net_amount" not in chosen and _grows_with_pieces(sample, chosen):
        chosen["net_amount"] = chosen.pop("unit_price")
        return [f"  # {price.name} grows with {chosen['quantity'].name} within a product: a line's total, no price"]
    if amount and _is_of_order(sample, chosen):
        told = f"  # {amount.name} is the same on all lines of an order: it may be the order's total"
        if price and "quantity" in chosen:
            del chosen["net_amount"]
            return [f"{told}, so the amount is {price.name} x {chosen['quantity'].name}"]
        return [f"{told}, and would count once per line"]
    return []


def _grows_with_pieces(sample: Sample, chosen: dict[str, Profile]) -> bool:
    """Whether price / quantity differs less than price does, within nearly each product."""
    if not {"product_id", "quantity", "unit_price"} <= set(chosen):
        return False
    seen: dict[Any, set[tuple[float, float]]] = defaultdict(set)
    for product, pieces, price in _cells(sample, chosen, ("product_id", "quantity", "unit_price")):
        one, other = _number(pieces, chosen["quantity"]), _number(price, chosen["unit_price"])
        if product is not None and one and other and one > 0 and other > 0:
            seen[product].add((one, other))
    several = [found for found in seen.values() if len({pieces for pieces, _price in found}) > 1]
    grows = [_spread(price / pieces for pieces, price in f) < _spread(price for _pieces, price in f) for f in several]
    return len(several) >= _SOME and sum(grows) >= _MOST * len(several)


def _spread(values: Iterator[float]) -> float:
    found = list(values)
    return max(found) / min(found)


def _is_of_order(sample: Sample, chosen: dict[str, Profile]) -> bool:
    """Whether the lines of nearly each order of several products have one amount."""
    if not {"order_id", "net_amount", "product_id"} <= set(chosen):
        return False
    amounts: dict[Any, set[Any]] = defaultdict(set)
    products: dict[Any, set[Any]] = defaultdict(set)
    for order, amount, product in _cells(sample, chosen, ("order_id", "net_amount", "product_id")):
        amounts[order].add(amount)
        products[order].add(product)
    several = [order for order, found in products.items() if order is not None and len(found) > 1]
    return len(several) >= _SOME and sum(len(amounts[order]) == 1 for order in several) >= _FULL * len(several)


def _unknown_customers(chosen: dict[str, Profile]) -> list[str]:
    found = chosen.get("customer_id")
    if found is None or found.filled >= _FULL:
        return []
    return [
        f"  # {found.name} is empty in {1 - found.filled:.0%} of the rows: sales to unknown customers are set aside, "
        "with their money; quality.max_quarantined_share must allow for them"
    ]


def _equal_rows(sample: Sample, chosen: dict[str, Profile], left: Sequence[Profile]) -> list[str]:
    """Rows that are equal in all mapped columns are taken for copies, unless a column numbers the lines."""
    rows = list(_cells(sample, chosen, tuple(chosen)))
    equal = len(rows) - len({tuple(map(str, row)) for row in rows})
    if not equal:
        return []
    number = next((c.name for c in left if c.distinct == len(rows) and c.kind in ("number", "text")), None)
    if number:
        return [f"  duplicates: keep  # {number} is another one in each row, so that equal rows are no copies"]
    return [
        f"  # {equal:,} of {len(rows):,} rows equal another: copies, which are set aside, or one row per piece? "
        "then add `duplicates: keep`"
    ]


def _discounts(chosen: dict[str, Profile], left: Sequence[Profile]) -> list[str]:
    """An amount that is made of price and pieces knows of no discount beside them."""
    if "net_amount" in chosen or "unit_price" not in chosen:
        return []
    return [
        f"  # the amount is {chosen['unit_price'].name} x quantity, without {c.name}: a `query` can take it off"
        for c in left
        if c.kind == "number" and any(word in synonyms.plain(c.name) for word in _LESS)
    ]


def _cells(sample: Sample, chosen: dict[str, Profile], fields: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """The cells of some fields, row by row."""
    places = [sample.columns.index(chosen[field].name) for field in fields]
    for row in sample.rows:
        if len(row) > max(places) and any(cell is not None for cell in row):
            yield tuple(row[place] for place in places)


def _number(cell: Any, column: Profile) -> float | None:
    if isinstance(cell, int | float):
        return float(cell)
    text = re.sub(r"[^\d.,-]", "", str(cell or ""))
    text = text.replace(".", "").replace(",", ".") if column.decimal == "," else text.replace(",", "")
    try:
        return float(text)
    except ValueError:
        return None
