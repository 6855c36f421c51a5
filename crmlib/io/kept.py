"""A source in the engine: all its rows typed and examined in one table, and what is known of its files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from ibis.backends.duckdb import Backend

from crmlib.errors import InputError
from crmlib.io import engine, faults, plain, registers, repeats, sources, typed
from crmlib.io.sources import Part
from crmlib.io.typed import Form, Layout
from crmlib.params import Settings

_Group = tuple[Layout, ibis.Schema]

UNREADABLE = 2

FEW = 1 << 17
"""More rows than these that may stand twice are not copied before it is known whether they do."""


@dataclass(frozen=True)
class Kept:
    """One source: `table` has every row that could be split, with its file's place in `parts` and its own.

    Rows with a fault (`bad` > 0) are in `aside` too. `reasons` says what `bad` means (from 1 on); `tally` counts rows
    and money by part and `bad`, `fields` the filled and the unreadable cells; `rejects` has the lines that could not be
    split, `copies` how many rows of each part are equal to an earlier one.
    """

    form: Form
    parts: tuple[Part, ...]
    table: ir.Table
    aside: ir.Table
    reasons: list[tuple[str, str]]
    tally: pd.DataFrame
    fields: pd.DataFrame
    rejects: pd.DataFrame
    copies: dict[int, int]


def keep(con: Backend, settings: Settings, name: str, only: Sequence[str] = ()) -> Kept:
    """Read a source, or `only` some of its files, once, keep its rows, and find those that stand twice."""
    form, raw = typed.form(settings, name), sources.read(con, settings, name, only)
    refused = _no_rate(form)
    if refused:
        raise InputError(refused)
    merged = registers.merged(settings)
    groups = _groups(form, raw.parts)
    scanned = _scan(con, form, raw.parts, groups, merged)
    mended = _mend(con, form, scanned, groups, merged) if _has_doubts(scanned) else None
    same = _plain() if mended is None else {}
    rows = _together(scanned, mended) if mended is not None else scanned.mutate(**same)
    reasons = [*faults.reasons(form), *repeats.reasons(form)]
    where = repeats.places(_prints(con, scanned, mended))
    aside, copies = _aside(con, form, rows, same, where)
    counts = [_counted(form, aside, ["part", "bad", "state"])]
    counts.append(_plain_and_good(form, scanned, aside, len(raw.parts), has_doubts=mended is not None))
    if mended is not None:
        counts.append(_counted(form, mended.filter(_.bad == 0), ["part", "state"]))
    return Kept(form, raw.parts, rows, aside, reasons, *_tallies(form, counts), _rejects(raw.parts), copies)


def _aside(
    con: Backend, form: Form, rows: ir.Table, same: dict[str, ir.Value], where: np.ndarray
) -> tuple[ir.Table, dict[int, int]]:
    """Rows with a fault, those that stand twice among them, and how many of each part are equal to an earlier one.

    Where few good rows may stand twice, they are marked, so that one look at the rows finds them and the bad. What is
    the `same` in all rows is not copied.
    """
    names, name = [_scanned(form), *([] if same else [_mended(form)])], f"aside_{form.name}"
    if len(where) > FEW:
        double = _settled(con, form, rows, names, where)
    elif len(where):
        for table in names:
            engine.mark(con, table, repeats.suspects(where))
    aside = engine.keep(con, name, rows.filter(_.bad > 0).drop(*same)).mutate(**same)
    if not len(where):
        return aside, {}
    if len(where) <= FEW:
        double = _settled(con, form, aside, [*names, name], where)
    copies = double.filter(_.copy, _.bad != faults.EMPTY)
    counted = engine.frame(copies.group_by("part").aggregate(rows=_.count()))
    return aside.filter(_.bad > 0), dict(zip(counted["part"], counted["rows"], strict=True))


def _settled(con: Backend, form: Form, rows: ir.Table, names: list[str], where: np.ndarray) -> ir.Table:
    """Rows that stand twice; what becomes of them is written into the tables."""
    double = repeats.found(con, form, rows, where)
    for table in names:
        engine.mark(con, table, repeats.marks(form, double))
    return double


def _scanned(form: Form) -> str:
    return f"rows_{form.name}"


def _mended(form: Form) -> str:
    return f"mended_{form.name}"


def _no_rate(form: Form) -> list[str]:
    """A source in one other currency needs its rate."""
    book, own = form.settings.book, form.source.currency
    if form.money is None or own in (None, book.currency, *book.rates) or "currency" in form.fields:
        return []
    return [
        f"sources.{form.name}.currency is {own}, the book's is {book.currency}; "
        f"add book.rates.{own}: what one {own} is worth in {book.currency}"
    ]


def _groups(form: Form, parts: tuple[Part, ...]) -> dict[_Group, list[int]]:
    """Parts that are written alike, by their places."""
    groups: dict[_Group, list[int]] = {}
    for number, part in enumerate(parts):
        schema = ibis.schema({f: part.table[f].type() for f in form.fields})
        groups.setdefault((typed.layout(part), schema), []).append(number)
    return groups


def _scan(
    con: Backend, form: Form, parts: tuple[Part, ...], groups: dict[_Group, list[int]], merged: dict[str, str]
) -> ir.Table:
    """All rows of all parts in one table, in the order of the files; those that are not plain are left in doubt."""
    if merged:
        engine.choose(con, list(merged))
    found: list[ir.Table] = []
    for (layout, _schema), numbers in groups.items():
        tables = [_cells(form, parts[n].table).mutate(part=ibis.literal(n).cast("uint16")) for n in numbers]
        raw = ibis.union(*tables) if len(tables) > 1 else tables[0]
        found.append(plain.rows(form, raw, layout, some_are_merged=bool(merged)))
    rows = _stacked([t.mutate(**typed.read_back(form, t)) for t in found]) if len(found) > 1 else found[0]
    try:
        kept = engine.scan(con, _scanned(form), rows if len(parts) > 1 else rows.drop("part"))
    except engine.Failure as error:
        raise sources.unreadable(form.settings, form.source.files or form.source.table or "query", error) from None
    part = {} if len(parts) > 1 else {"part": ibis.literal(0, "uint16")}
    return kept.mutate(place=kept.rowid(), **part, **typed.read_back(form, kept))


def _cells(form: Form, table: ir.Table) -> ir.Table:
    return table.select(*form.fields)


def _mend(
    con: Backend, form: Form, scanned: ir.Table, groups: dict[_Group, list[int]], merged: dict[str, str]
) -> ir.Table:
    """The rows in doubt, however they are written."""
    left = scanned.filter(_.bad == faults.DOUBT).select("part", "place", cells=_[faults.holder(form)])
    found: list[ir.Table] = []
    for (layout, schema), numbers in groups.items():
        here = left.filter(_.part.isin(numbers)) if len(groups) > 1 else left
        rows = typed.rows(form, here.mutate(**faults.unpacked(form, here, schema)), layout)
        found.append(faults.examined(form, _as_one(rows, merged) if "customer_id" in form.fields else rows))
    return engine.scan(con, _mended(form), _stacked(found))


def _has_doubts(scanned: ir.Table) -> bool:
    return scanned.filter(_.bad == faults.DOUBT).select("bad").limit(1).to_pyarrow().num_rows > 0


def _prints(con: Backend, scanned: ir.Table, mended: ir.Table | None) -> np.ndarray:
    """The fingerprint of each row, in the order of rows."""
    prints = engine.columns(con, scanned.select("fingerprint"))["fingerprint"]
    if mended is not None:
        again = engine.columns(con, mended.select("place", "fingerprint"))
        prints[again["place"]] = again["fingerprint"]
    return prints


def _plain() -> dict[str, ir.Value]:
    """What all plain rows have in common."""
    return {
        "is_mended": ibis.literal(False),  # noqa: FBT003
        "cells": ibis.null("string"),
        "state": ibis.literal(0, "int64"),
    }


def _together(scanned: ir.Table, mended: ir.Table) -> ir.Table:
    """Plain rows and those that have been looked at again."""
    rows = scanned.mutate(**_plain())
    kinds = rows.schema().items()
    again = mended.mutate(is_mended=ibis.literal(True))  # noqa: FBT003
    same = again.select(*[c if again[c].type() == kind else again[c].cast(kind).name(c) for c, kind in kinds])
    return ibis.union(rows.filter(_.bad != faults.DOUBT), same)


def _as_one(rows: ir.Table, merged: dict[str, str]) -> ir.Table:
    """Customers whom people confirmed to be one, under the one id."""
    if not merged:
        return rows
    pairs = engine.table(pd.DataFrame({"was": list(merged), "becomes": list(merged.values())}))
    joined = rows.left_join(pairs, rows.customer_id == pairs.was)
    return joined.mutate(customer_id=ibis.coalesce(joined.becomes, joined.customer_id)).drop("was", "becomes")


def _stacked(tables: list[ir.Table]) -> ir.Table:
    """Groups one below the other; where a date has a time in one of them, a day is its first moment."""
    if len(tables) == 1:
        return tables[0]
    timed = {c for t in tables for c, kind in t.schema().items() if kind.is_timestamp()}
    return ibis.union(*[t.mutate(**{c: t[c].cast("timestamp") for c in timed}) for t in tables])


def _counted(form: Form, rows: ir.Table, by: list[str], skip: tuple[str, ...] = ()) -> pd.DataFrame:
    """Rows, money and filled cells of each kind of row."""
    wanted = {f"filled_{f}": _filled(form, rows, f) for f in form.fields if f not in skip}
    if form.money:
        wanted["net_minor"] = rows[form.money].sum().fill_null(0).cast("int64")
    wanted["rows"] = rows.count()
    found = engine.frame(rows.group_by(*by).aggregate(**wanted) if by else rows.aggregate(**wanted))
    return found.assign(**{name: 0 for name in ("part", "bad", "state") if name not in by})


def _filled(form: Form, rows: ir.Table, field: str) -> ir.Value:
    if field in typed.passed(form):
        return rows.count(where=(rows.state >> 2 * form.fields.index(field)) & 3 == 0)
    return rows[typed.kept_as(field)].count()


def _empty(rows: ir.Table, field: str, by: list[str]) -> pd.Series:
    """How many cells of a text are empty, by part: where none is, this takes no time, counting the others does."""
    found = rows.filter(rows[field].isnull())
    counted = found.group_by(*by).aggregate(rows=_.count()) if by else found.aggregate(rows=_.count(), part=0)
    return engine.frame(counted).set_index("part")["rows"].astype("int64")


def _plain_and_good(form: Form, scanned: ir.Table, aside: ir.Table, parts: int, *, has_doubts: bool) -> pd.DataFrame:
    """What is counted of all rows but those with a fault: it takes a third of the time of counting the good ones."""
    others = [_counted(form, aside.filter(~_.is_mended), ["part"], skip=form.needed)]
    others += [_counted(form, scanned.filter(_.bad == faults.DOUBT), ["part"], skip=form.needed)] if has_doubts else []
    less = pd.concat(others).groupby("part").sum()
    by = ["part"] if parts > 1 else []
    texts = [f for f in form.fields if f not in form.needed and scanned[f].type().is_string()]
    found = _counted(form, scanned, by, skip=(*form.needed, *texts)).set_index("part")
    found = found.assign(**{f"filled_{f}": found["rows"].sub(_empty(scanned, f, by), fill_value=0) for f in texts})
    found = found.sub(less.reindex(index=found.index, columns=found.columns, fill_value=0))
    found = found.assign(**{f"filled_{f}": found["rows"] for f in form.needed})  # a good row has them all
    return found[found["rows"] > 0].reset_index()


def _tallies(form: Form, counts: list[pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows by part and fault, and cells by field, of rows counted by part, fault and state."""
    tally = pd.concat(counts, ignore_index=True).sort_values(["part", "bad"], ignore_index=True)
    tally["net_minor"] = tally["net_minor"] if form.money else 0
    fields = []
    for i, field in enumerate(form.fields):
        filled = unreadable = 0
        for counted in counts:
            lost = (counted["state"].to_numpy() >> 2 * i) & 3 == UNREADABLE
            unreadable += int(counted.loc[lost, "rows"].sum())
            filled += int(counted[f"filled_{field}"].sum())
        rows = int(tally.loc[tally["bad"] != faults.EMPTY, "rows"].sum())
        fields.append((form.name, field, rows, filled + unreadable, unreadable))
    return tally, pd.DataFrame(fields, columns=["source", "field", "rows", "filled", "unreadable"])


def _rejects(parts: tuple[Part, ...]) -> pd.DataFrame:
    """Lines that could not be split; known only after the scan."""
    none = pd.DataFrame({"part": [], "row": [], "value": [], "reason": []})
    frames = [
        engine.frame(part.rejects.select("row", "value", "reason")).assign(part=number)
        for number, part in enumerate(parts)
        if part.rejects is not None
    ]
    found = [frame for frame in frames if len(frame)]
    return pd.concat(found, ignore_index=True).sort_values(["part", "row"]) if found else none


def good(kept: Kept) -> ir.Table:
    return kept.table.filter(_.bad == 0)


def is_set_aside(bad: Any) -> Any:
    """Of a column of `bad`, in the engine or not."""
    return (bad > 0) & (bad != faults.REPEATED) & (bad != faults.EMPTY)


def set_aside(tally: pd.DataFrame) -> int:
    """How many rows have a fault."""
    return int(tally.loc[is_set_aside(tally["bad"]), "rows"].sum())


def forget(con: Backend, name: str) -> None:
    """Free what `keep` holds of a source."""
    for kind in ("rows", "mended", "aside", "repeats"):
        engine.drop(con, f"{kind}_{name}")
