"""The short way: rows whose cells are all plainly written get their values in one cheap scan.

Every other row is left in doubt, with its cells as they came, for a second look (`typed`, `faults`). What is plain is
decided so that both ways give the same values; only the time they take differs.
"""

from collections.abc import Iterator

import ibis
import ibis.expr.types as ir

from crmlib import schema
from crmlib.io import faults, functions, typed, values
from crmlib.io.typed import DATES, MONEY, NUMBERS, TIMES, WHOLE, Form, Layout

_NO_TEXT = (*NUMBERS, *DATES, *TIMES, "is_escalated")

LARGE = 10**9
"""Above it, and near a half, an amount in minor units is looked at as it is written."""


def rows(form: Form, raw: ir.Table, layout: Layout, *, some_are_merged: bool) -> ir.Table:
    """Rows with their stored fields, `fingerprint`, and `bad`: 0, the fault of a missing cell, or in doubt.

    A row in doubt has its cells in `faults.holder`: a column of their own, empty in all other rows, took as long to
    write as a check takes to compute.
    """
    read = raw.select("part", **dict(_read(form, raw, layout)))
    if form.money:
        read = read.mutate(scaled=_amount(form, read), **typed.order_id(form, read))
        read = read.mutate(whole=functions.rounded(read.scaled))
        read = read.mutate(**{form.money: read.whole.try_cast("int64")})
        read = read.mutate(**typed.classed(form, read))
    doubts = [*_doubts(form, read, layout), *_rules(form, read)]
    if some_are_merged and "customer_id" in form.fields:
        doubts.append(functions.is_chosen(read.customer_id))
    judged = read.mutate(bad=_bad(form, read, doubts))
    holder = faults.holder(form)
    cells = faults.packed([_cell(judged, f) for f in form.fields])
    held = ibis.cases((judged.bad == faults.DOUBT, cells), else_=judged[holder])
    kept = [held.name(c) if c == holder else judged[_kept_as_came(form, judged, c)].name(c) for c in typed.stored(form)]
    return judged.select("part", *kept, "bad", fingerprint=faults.fingerprint(form, judged))


def _kept_as_came(form: Form, row: ir.Table, column: str) -> str:
    """What to keep of a field: whole numbers stay so, and become text or float where they are read (`typed.read_back`).

    To write ten million numbers as text takes five times as long as to turn them into text when they are read.
    """
    raw = f"raw_{column}"
    hidden = column == "customer_id" and form.settings.privacy.customer_ids != "as_given"
    is_whole = raw in row.columns and row[raw].type().is_integer() and column not in typed.turned(form)
    return raw if is_whole and column not in WHOLE and not hidden else column


def _read(form: Form, raw: ir.Table, layout: Layout) -> Iterator[tuple[str, ir.Value]]:
    """Each field, and beside it the cell as it came where that is something else, or will be."""
    for field in form.fields:
        cell = raw[field]
        value = _value(form, field, cell, layout)
        read = dict(typed.identity(form, value)) if field == "customer_id" else {field: value}
        yield from read.items()
        if read[field] is not cell or field in typed.turned(form):
            yield f"raw_{field}", cell
        if field not in _NO_TEXT and cell.type().is_string():
            yield f"plain_{field}", values.is_plain(cell, typed.limit(field), repeats=layout.has_words)


def _value(form: Form, field: str, cell: ir.Value, layout: Layout) -> ir.Value:
    if field in NUMBERS:
        number = values.quick_number(cell, form.written)
        return values.whole(number, schema.COLUMNS[field].bounds) if field in WHOLE else number
    if field in DATES or field in TIMES:
        return values.quick_moment(cell, form.clock(layout.pattern))
    if field == "is_escalated":
        return values.boolean(cell)
    return cell if cell.type().is_string() else values.text(cell)


def _cell(row: ir.Table, field: str) -> ir.Value:
    raw = f"raw_{field}"
    return row[raw if raw in row.columns else field]


def _doubts(form: Form, row: ir.Table, layout: Layout) -> Iterator[ir.Value]:
    """What speaks against a cell, field by field; an empty cell is plain."""
    for field in form.fields:
        cell, value = _cell(row, field), row[field]
        kind = cell.type()
        if field in NUMBERS:
            yield from _number_doubts(cell, value, in_money=field in _factors(form))
        elif field in DATES or field in TIMES:
            yield ~typed.within(field, value)
            if not kind.is_temporal():
                yield value.isnull() & cell.notnull()
        elif field == "is_escalated":
            yield value.isnull() & cell.notnull()
        elif kind.is_string():
            yield ~row[f"plain_{field}"]
            if layout.has_errors:
                yield values.is_error(cell)


def _number_doubts(cell: ir.Value, value: ir.Value, *, in_money: bool) -> Iterator[ir.Value]:
    if not cell.type().is_numeric() or value.type().is_integer():
        yield value.isnull() & cell.notnull()
    if value.type().is_floating() and not cell.type().is_integer() and not in_money:
        yield ~(value.abs() < float("inf"))
    if cell.type().is_string():
        yield cell.contains("_") | cell.contains("+-")


def _factors(form: Form) -> list[str]:
    """The fields whose product is the money; where it is a plain amount, so are they."""
    if not form.money:
        return []
    return [f for f in MONEY if f in form.fields] or ["unit_price", "quantity"]


def _amount(form: Form, row: ir.Table) -> ir.Value:
    one, *other = (row[f] for f in _factors(form))
    amount = one * other[0] if other else one
    return amount * 10**form.digits if form.digits else amount


def _rules(form: Form, row: ir.Table) -> Iterator[ir.Value]:
    """What speaks against a row: its amount, its currency, its kind, its day."""
    if form.money:
        amount = row[form.money]  # whole numbers are compared in half the time of others
        yield amount.isnull()
        yield ~(((row.scaled - row.whole).abs() < 0.499999) & amount.between(-LARGE, LARGE))
        own, book = form.written.currency, form.settings.book.currency
        if "currency" in form.fields:
            yield ~(row.currency.fill_null(own) == book)
        elif own != book:
            yield ibis.literal(True)  # noqa: FBT003
    if form.name == "orders" and "row_kind" in form.fields:
        yield faults.is_unknown(form, row)
    if form.name == "orders" and form.source.extracted_on:
        yield faults.is_future(row, form.source.extracted_on)


def _bad(form: Form, row: ir.Table, doubts: list[ir.Value]) -> ir.Value:
    reasons, judged = enumerate(faults.reasons(form), 1), _factors(form)
    codes = {field: i for i, (field, reason) in reasons if reason == "missing" and field not in judged}
    nothing = ibis.and_(*[_cell(row, field).isnull() for field in form.fields])
    missing = [
        (row[_kept_as_came(form, row, field)].isnull(), ibis.ifelse(nothing, faults.EMPTY, code))
        for field, code in codes.items()
    ]
    doubtful = [(ibis.or_(*doubts), faults.DOUBT)] if doubts else []
    return ibis.cases(*doubtful, *missing, else_=0).cast("uint8")
