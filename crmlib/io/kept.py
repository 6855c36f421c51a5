"""A source in the engine: all its rows typed and examined in one table, and what is known of its files."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _
from ibis.backends.duckdb import Backend

from crmlib.errors import InputError
from crmlib.io import engine, faults, registers, repeats, sources, typed
from crmlib.io.sources import Part
from crmlib.io.typed import Form
from crmlib.params import Settings


@dataclass(frozen=True)
class Kept:
    """One source: `table` has every row that could be split, with `part` the place of its file in `parts`.

    `reasons` says what `bad` means (from 1 on), `tally` counts rows and money by part, `bad` and `state`; `rejects` has
    the lines that could not be split, `copies` how many rows of each part are equal to an earlier one.
    """

    form: Form
    parts: tuple[Part, ...]
    table: ir.Table
    reasons: list[tuple[str, str]]
    tally: pd.DataFrame
    rejects: pd.DataFrame
    copies: dict[int, int]


def keep(con: Backend, settings: Settings, name: str) -> Kept:
    """Read a source once, keep its rows, and find those that stand twice."""
    form, raw = typed.form(settings, name), sources.read(con, settings, name)
    refused = _no_rate(form)
    if refused:
        raise InputError(refused)
    table = f"rows_{name}"
    faulty = _scan(con, form, raw.parts, table)
    key = typed.key(form)
    reasons = [*faulty, (key or "row", "duplicate"), (key or "row", "conflict")]
    codes = {"duplicate": len(reasons) - 1, "conflict": len(reasons)}
    double = repeats.found(con, form, table)
    copies: dict[int, int] = {}
    if double is not None:
        repeats.mark(con, form, table, double, codes)
        counted = engine.frame(double.filter(_.copy).group_by("part").aggregate(rows=_.count()))
        copies = dict(zip(counted["part"], counted["rows"], strict=True))
    kept = con.table(table)
    return Kept(form, raw.parts, kept, reasons, _tally(form, kept), _rejects(raw.parts), copies)


def _no_rate(form: Form) -> list[str]:
    """A source in one other currency needs its rate."""
    book, own = form.settings.book, form.source.currency
    if form.money is None or own in (None, book.currency, *book.rates) or "currency" in form.fields:
        return []
    return [
        f"sources.{form.name}.currency is {own}, the book's is {book.currency}; "
        f"add book.rates.{own}: what one {own} is worth in {book.currency}"
    ]


def _scan(con: Backend, form: Form, parts: tuple[Part, ...], name: str) -> list[tuple[str, str]]:
    """Compute all rows of all parts into one table, in the order of the files; returns the faults that `bad` counts."""
    merged = registers.merged(form.settings)
    groups: dict[tuple[str, ibis.Schema], list[ir.Table]] = {}
    for number, part in enumerate(parts):
        rows = part.table.select(**{f: part.table[f] for f in form.fields})
        numbered = rows.mutate(part=ibis.literal(number).cast("uint16"))
        groups.setdefault((part.date_format, rows.schema()), []).append(numbered)
    examined: list[ir.Table] = []
    faulty: list[tuple[str, str]] = []
    for label, ((pattern, _schema), tables) in enumerate(groups.items()):
        raw = ibis.union(*tables) if len(tables) > 1 else tables[0]
        rows = typed.rows(con, form, raw, pattern, label)
        table, faulty = faults.examined(form, _as_one(rows, merged) if "customer_id" in form.fields else rows)
        examined.append(table)
    try:
        engine.keep(con, name, ibis.union(*_alike(examined)) if len(examined) > 1 else examined[0])
    except engine.Failure as error:
        raise sources.unreadable(form.settings, form.source.files or form.source.table or "query", error) from None
    engine.forget(con, *[step for label in range(len(groups)) for step in typed.steps(form, label)])
    return faulty


def _as_one(rows: ir.Table, merged: dict[str, str]) -> ir.Table:
    """Customers whom people confirmed to be one, under the one id."""
    if not merged:
        return rows
    pairs = engine.table(pd.DataFrame({"was": list(merged), "becomes": list(merged.values())}))
    joined = rows.left_join(pairs, rows.customer_id == pairs.was)
    return joined.mutate(customer_id=ibis.coalesce(joined.becomes, joined.customer_id)).drop("was", "becomes")


def _alike(tables: list[ir.Table]) -> list[ir.Table]:
    """Files in which a date has a time beside files in which it has none: a day is its first moment."""
    timed = {c for t in tables for c, kind in t.schema().items() if kind.is_timestamp()}
    return [t.mutate(**{c: t[c].cast("timestamp") for c in timed}) for t in tables]


def _tally(form: Form, kept: ir.Table) -> pd.DataFrame:
    money = kept[form.money].sum().fill_null(0) if form.money else ibis.literal(0)
    counted = kept.group_by("part", "bad", "state").aggregate(rows=_.count(), net_minor=money.cast("int64"))
    return engine.frame(counted.order_by("part", "bad", "state"))


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


def is_set_aside(bad: ir.Value) -> ir.Value:
    return (bad > 0) & (bad != faults.REPEATED)


def set_aside(tally: pd.DataFrame) -> int:
    """Rows with a fault."""
    return int(tally.loc[(tally["bad"] > 0) & (tally["bad"] != faults.REPEATED), "rows"].sum())
