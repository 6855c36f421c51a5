"""Rows that were set aside: where they stand, what is wrong, what they hold as far as it may be shown, their money."""

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.io import classes, engine, faults, kept, privacy, sources, typed
from crmlib.io.kept import Kept

COLUMNS = {
    "source": "string", "file": "string", "row": "int64", "field": "string", "value": "string", "reason": "string",
    "net_minor": "int64", "customer_id": "string", "order_id": "string", "row_class": "string",
}  # fmt: skip
_CONTROL = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F]"
_SHOWN = 200


def of(source: Kept) -> ir.Table:
    """The rows of one source that were set aside, and the lines that could not be split into cells."""
    tables = [_rows(source)] if kept.set_aside(source.tally) else []
    tables += [_lines(source)] if len(source.rejects) else []
    if not tables:
        return nothing()
    return ibis.union(*tables) if len(tables) > 1 else tables[0]


def nothing() -> ir.Table:
    return ibis.memtable(pd.DataFrame(columns=list(COLUMNS)), schema=COLUMNS)


def _rows(source: Kept) -> ir.Table:
    form = source.form
    placed = _numbered(source)
    names = [(placed.bad == i, *source.reasons[i - 1]) for i in _codes(source)]
    found = {
        "source": ibis.literal(form.name),
        "file": placed.file,
        "row": placed.row,
        "field": ibis.cases(*[(hit, field) for hit, field, _reason in names], else_="row"),
        "value": _value(source, placed),
        "reason": ibis.cases(*[(hit, reason) for hit, _field, reason in names], else_="malformed"),
        "net_minor": placed[form.money] if form.money else ibis.null("int64"),
        "customer_id": placed.customer_id if "customer_id" in placed.columns else ibis.null("string"),
        "order_id": placed.order_id if form.name == "orders" else ibis.null("string"),
        "row_class": classes.named(placed.class_code) if form.name == "orders" else ibis.null("string"),
    }
    return placed.select(**{name: value.cast(COLUMNS[name]) for name, value in found.items()})


def _codes(source: Kept) -> list[int]:
    """The faults that there are."""
    found = source.tally["bad"]
    return sorted(int(code) for code in found[kept.is_set_aside(found)].unique())


def _value(source: Kept, row: ir.Table) -> ir.Value:
    """The cell at fault, as far as it may leave the door."""
    shown = []
    key = typed.key(source.form)
    for number in _codes(source):
        field, reason = source.reasons[number - 1]
        if reason in ("duplicate", "conflict"):
            value = row[key] if key else ibis.null("string")
        elif field == "customer_id":
            value = row.customer_id
        else:
            came = row.cells.split(faults.SEPARATOR)[source.form.fields.index(field)]
            value = _cell(source, field, reason, came.fill_null("") if reason == "missing" else came)
        shown.append((row.bad == number, value.cast("string").re_replace(_CONTROL, "\ufffd").left(_SHOWN)))
    return ibis.cases(*shown, else_=ibis.null("string"))


def _cell(source: Kept, field: str, reason: str, cell: ir.Value) -> ir.Value:
    settings = source.form.settings
    if field in privacy.IDENTIFIERS:
        return privacy.masked(field, cell, settings)
    if reason in ("not_text", "too_long"):
        return privacy.line(cell, settings)
    if field in typed.NUMBERS + typed.DATES + typed.TIMES:
        return privacy.cell(cell, settings)
    return cell


def _numbered(source: Kept) -> ir.Table:
    """Rows set aside with their file and the number that a person sees there.

    Rows are kept in the order of their file, so that a row's number follows from its place and from the lines before
    it that could not be split or are blank.
    """
    rows = source.table
    starts = pd.DataFrame({"part": [0], "start": [0]}).astype({"part": "uint16"})
    if len(source.parts) > 1:
        starts = engine.frame(rows.group_by("part").aggregate(start=_.place.min()))
    files = starts.assign(
        file=[source.parts[p].file for p in starts["part"]], first=[source.parts[p].first_row for p in starts["part"]]
    )
    bad = source.aside.filter(kept.is_set_aside(_.bad)).join(engine.table(files), "part")
    nth = bad.mutate(nth=_.place - _.start)
    gaps = _gaps(source)
    if gaps.empty:
        return nth.mutate(row=_.first + _.nth)
    passed = engine.table(gaps.rename(columns={"part": "gap_part"}))
    after = nth.asof_join(passed, on=nth.nth >= passed.before, predicates=[nth.part == passed.gap_part])
    return after.mutate(row=_.first + _.nth + _.lines.fill_null(0))


def _gaps(source: Kept) -> pd.DataFrame:
    """Per part: after so many rows (`before`), so many lines have been passed that are no rows."""
    found, rows = [], source.tally.groupby("part")["rows"].sum()
    for number, part in enumerate(source.parts):
        lost = set(source.rejects.loc[source.rejects["part"] == number, "row"].astype(int))
        lines = sorted(lost | set(sources.blank_lines(part, int(rows.get(number, 0)) + len(lost))))
        found += [(number, line - part.first_row - i, i + 1) for i, line in enumerate(lines)]
    frame = pd.DataFrame(found, columns=["part", "before", "lines"]).astype("int64")
    return frame.groupby(["part", "before"])["lines"].max().reset_index()


def _lines(source: Kept) -> ir.Table:
    lines = engine.table(
        source.rejects.assign(file=[source.parts[int(p)].file for p in source.rejects["part"]]).astype({"row": "int64"})
    )
    found = {
        "source": ibis.literal(source.form.name), "file": lines.file, "row": lines.row, "field": ibis.literal("row"),
        "value": privacy.line(lines.value, source.form.settings), "reason": lines.reason,
    }  # fmt: skip
    nothing = {name: ibis.null(kind) for name, kind in COLUMNS.items() if name not in found}
    return lines.select(**{name: (found | nothing)[name].cast(kind) for name, kind in COLUMNS.items()})
