"""What is wrong with a row: the first fault, in the order in which people should hear of it.

`bad` is 0 or the place of the fault in the list of reasons, from 1 on; `state` says field by field whether a cell is
empty or unreadable; `cells` holds the cells as they came, of a row that is not plain only.
"""

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir

from crmlib.io import functions, typed, values
from crmlib.io.typed import DATES, NUMBERS, TIMES, Form

SEPARATOR = "\x1f"
"""Between the cells of a bad row, which are kept as one text."""

EMPTY, SUSPECT, DOUBT, REPEATED = 252, 253, 254, 255
"""`bad` of a row without any value, which is no row; of a good one that may repeat another; of one that is not plain
and has a second one, which counts; and of one that repeats another."""


def reasons(form: Form) -> list[tuple[str, str]]:
    """The faults that a row can have, as field and reason, in the order in which people should hear of them."""
    found = [("currency", "other_currency")] if form.name == "orders" and "currency" in form.fields else []
    for field in form.needed:
        kinds = _NUMBER if field in NUMBERS else _MOMENT if field in DATES + TIMES else _TEXT
        found += [(field, kind) for kind in kinds]
    if form.name != "orders":
        return found
    if "net_amount" not in form.fields:
        found.append(("unit_price", "out_of_range"))
    if "row_kind" in form.fields:
        found.append(("row_kind", "unknown_class"))
    if form.source.extracted_on:
        found.append(("order_date", "future_date"))
    return found


_NUMBER = ("missing", "out_of_range", "other_currency", "not_a_number")
_MOMENT = ("missing", "out_of_range", "not_a_date")
_TEXT = ("missing", "not_text", "too_long")
"""Why a cell that must have a value has none; the last reason is what remains."""


def of(form: Form, row: ir.Table) -> list[ir.Value]:
    """For each of the reasons, whether a row has that fault; it counts where the row has none of those before it."""
    found: list[ir.Value] = []
    if form.name == "orders" and "currency" in form.fields:
        found.append(is_foreign(form, row))
    for field in form.needed:
        found += _cell_faults(form, field, row)
    if form.name != "orders":
        return found
    if "net_amount" not in form.fields:
        found.append(row.net_minor.isnull())
    if "row_kind" in form.fields:
        found.append(is_unknown(form, row))
    if form.source.extracted_on:
        found.append(is_future(row, form.source.extracted_on))
    return found


def is_foreign(form: Form, row: ir.Table) -> ir.Value:
    known = [form.settings.book.currency, *form.settings.book.rates]
    return row.currency.notnull() & ~row.currency.upper().isin(known)


def is_unknown(form: Form, row: ir.Table) -> ir.Value:
    return row.row_kind.notnull() & ~row.row_kind.isin(list(form.source.classes.kinds) or [""])


def is_future(row: ir.Table, extracted_on: date) -> ir.Value:
    return row.order_date >= typed.bound(row.order_date, extracted_on + timedelta(days=1))


def _cell_faults(form: Form, field: str, row: ir.Table) -> list[ir.Value]:
    cell, none = row[f"raw_{field}"], row[typed.kept_as(field)].isnull()
    bare = values.bare(cell)
    if field in NUMBERS:
        large, foreign = values.is_number(cell, form.written), values.is_other_currency(cell, form.written)
        return [none & bare.isnull(), none & large, none & foreign, none]
    if field in DATES + TIMES:
        return [none & bare.isnull(), none & row[f"quick_{field}"].notnull(), none]
    return [none & (bare.isnull() | values.is_error(bare)), none & ~values.is_text(bare), none]


def examined(form: Form, row: ir.Table) -> ir.Table:
    """The rows with what is wrong with them."""
    wrong = of(form, row)
    none = [row[typed.kept_as(f)].isnull() for f in form.fields]
    nothing = ibis.and_(*[values.bare(row[f"raw_{f}"]).isnull() for f in form.fields])
    first = ibis.cases((nothing, EMPTY), *[(c, i) for i, c in enumerate(wrong, 1)], else_=0)
    stated = row.mutate(bad=first.cast("uint8"), state=_state(form, row, none))
    cells = ibis.cases((stated.bad > 0, stated.cells))  # of a good row nothing counts but its values
    return stated.select(
        "part", "place", *typed.stored(form), "bad", "state", fingerprint=fingerprint(form, stated), cells=cells
    )


def fingerprint(form: Form, row: ir.Table) -> ir.Value:
    """What rows that stand twice, or keys that do, have in common.

    Lines of an order that are equal in article and money are few, so that the other columns need not be looked at.
    """
    key = typed.key(form)
    names = [key] if key else [c for c in typed.stored(form) if c != "class_code"]
    if form.name == "orders" and not key and "product_id" in names:
        names = ["order_id", "product_id", "net_minor"]
    return functions.fingerprint([row[c] for c in [*names, *typed.passed(form)]])


def cleared(bad: ir.Value) -> ir.Value:
    """`bad` without the mark of a suspect."""
    return ibis.cases((bad == SUSPECT, 0), else_=bad).cast("uint8")


def holder(form: Form) -> str:
    """The column of text that holds the cells of a row in doubt."""
    return next(c for c in typed.IDS if c in typed.stored(form))


def packed(cells: list[ir.Value]) -> ir.Value:
    """The cells of a row as one text."""
    return ibis.literal(SEPARATOR).join([_cell(cell) for cell in cells])


def unpacked(form: Form, row: ir.Table, kinds: ibis.Schema) -> dict[str, ir.Value]:
    """The cells as they came, in their own types, from `cells`; an empty cell is none."""
    cells = row.cells.split(SEPARATOR)
    return {f: cells[i].nullif("").try_cast(kinds[f]) for i, f in enumerate(form.fields)}


def _cell(cell: ir.Value) -> ir.Value:
    text = cell.cast("string")
    return (text.replace(SEPARATOR, "\x1e") if cell.type().is_string() else text).fill_null("")


def _state(form: Form, row: ir.Table, none: list[ir.Value]) -> ir.Value:
    """Two bits per field: 1 its cell is empty, 2 it is not empty and could not be read."""
    bits = [
        ibis.cases(
            (~missing, ibis.literal(0, "int64")),
            (values.bare(row[f"raw_{f}"]).isnull(), ibis.literal(1 << 2 * i, "int64")),
            else_=ibis.literal(2 << 2 * i, "int64"),
        )
        for i, (f, missing) in enumerate(zip(form.fields, none, strict=True))
    ]
    whole = bits[0]
    for bit in bits[1:]:
        whole = whole | bit
    return whole.cast("int64")


def compared(form: Form) -> list[str]:
    """The columns in which two rows must be equal to be the same row.

    Two prices that make the same money of the same row differ in their fingerprints, but for one pair in 4 billion.
    """
    prints = ["fingerprint"] if typed.passed(form) else []
    return [*(c for c in typed.stored(form) if c != "class_code"), *prints, "bad", "cells"]
