"""What is wrong with a row: the first fault, in the order in which people should hear of it.

Of a good row nothing is kept but its values. `bad` is 0 or the place of the fault in the list, from 1 on; `state` says
field by field whether a cell is empty or unreadable; `cells` holds the cells of a bad row as they came.
"""

from datetime import timedelta

import ibis
import ibis.expr.types as ir

from crmlib.io import engine, typed, values
from crmlib.io.typed import DATES, NUMBERS, TIMES, Form

Fault = tuple[str, str, ir.Value]
"""Field, reason, and whether a row has it that has none of those before it."""

SEPARATOR = "\x1f"
"""Between the cells of a bad row, which are kept as one text."""

OTHER, REPEATED = 254, 255
"""`bad` of a row with a fault that no rule names (there should be none), and of one that repeats another."""


def of(form: Form, row: ir.Table) -> list[Fault]:
    """What can be wrong with a row."""
    found: list[Fault] = []
    if form.name == "orders" and "currency" in form.fields:
        known = [form.settings.book.currency, *form.settings.book.rates]
        found.append(("currency", "other_currency", row.currency.notnull() & ~row.currency.upper().isin(known)))
    for field in form.needed:
        found += _cell_faults(form, field, row)
    if form.name != "orders":
        return found
    if "net_amount" not in form.fields:
        found.append(("unit_price", "out_of_range", row.net_minor.isnull()))
    if "row_kind" in form.fields:
        known = list(form.source.classes.kinds) or [""]
        found.append(("row_kind", "unknown_class", row.row_kind.notnull() & ~row.row_kind.isin(known)))
    if form.source.extracted_on:
        after = typed.bound(row.order_date, form.source.extracted_on + timedelta(days=1))
        found.append(("order_date", "future_date", row.order_date >= after))
    return found


def _cell_faults(form: Form, field: str, row: ir.Table) -> list[Fault]:
    """Why a cell that must have a value has none; the last reason is what remains."""
    cell, none = row[f"raw_{field}"], row[typed.kept_as(field)].isnull()
    found: list[Fault] = [(field, "missing", none & values.bare(cell).isnull())]
    if field in NUMBERS:
        return [
            *found,
            (field, "out_of_range", none & values.is_number(cell, form.written)),
            (field, "other_currency", none & values.is_other_currency(cell, form.written)),
            (field, "not_a_number", none),
        ]
    if field in DATES + TIMES:
        return [*found, (field, "out_of_range", none & row[f"quick_{field}"].notnull()), (field, "not_a_date", none)]
    return [*found, (field, "not_text", none & ~values.is_text(values.bare(cell))), (field, "too_long", none)]


def examined(form: Form, row: ir.Table) -> tuple[ir.Table, list[tuple[str, str]]]:
    """The rows with what is wrong with them, and the faults that `bad` counts."""
    wrong = of(form, row)
    values_there = [row[typed.kept_as(f)].notnull() for f in form.needed]
    rules = [~c.fill_null(False) for _f, reason, c in wrong if reason in ("future_date", "unknown_class")]  # noqa: FBT003
    rules += [~c.fill_null(False) for f, _r, c in wrong if f == "currency"]  # noqa: FBT003
    rules += [row.net_minor.notnull()] if form.money == "net_minor" else []
    good = ibis.and_(*values_there, *rules)
    first = ibis.cases(*[(c, i) for i, (_f, _r, c) in enumerate(wrong, 1)], else_=OTHER)
    cells = ibis.literal(SEPARATOR).join([_cell(row[f"raw_{f}"]) for f in form.fields])
    one = typed.key(form)
    table = row.select(
        "part",
        *typed.stored(form),
        bad=ibis.ifelse(good, 0, first).cast("uint8"),
        state=_state(form, row),
        fingerprint=engine.fingerprint(
            {c: row[c] for c in ([one] if one else typed.stored(form)) if c != "class_code"}
        ),
        cells=ibis.ifelse(good, ibis.null("string"), cells),
    )
    return table, [(field, reason) for field, reason, _condition in wrong]


def _cell(cell: ir.Value) -> ir.Value:
    return cell.cast("string").replace(SEPARATOR, " ").fill_null("")


def _state(form: Form, row: ir.Table) -> ir.Value:
    """Two bits per field: 1 its cell is empty, 2 it is not empty and could not be read."""
    kind = "int32" if len(form.fields) <= 15 else "int64"
    none = [row[typed.kept_as(f)].isnull() for f in form.fields]
    bits = [
        ibis.cases(
            (~missing, ibis.literal(0, kind)),
            (values.bare(row[f"raw_{f}"]).isnull(), ibis.literal(1 << 2 * i, kind)),
            else_=ibis.literal(2 << 2 * i, kind),
        )
        for i, (f, missing) in enumerate(zip(form.fields, none, strict=True))
    ]
    whole = bits[0]
    for bit in bits[1:]:
        whole = whole | bit
    return ibis.ifelse(ibis.or_(*none), whole, ibis.literal(0, kind)).cast(kind)


def compared(form: Form) -> list[str]:
    """The columns in which two rows must be equal to be the same row."""
    return [*(c for c in typed.stored(form) if c != "class_code"), "bad", "cells"]
