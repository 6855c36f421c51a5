"""Raw rows become typed tables: renamed, read and checked once; a bad row is set aside with its reason, never dropped.

Every accepted, repeated or quarantined row keeps its money, so that a file is the sum of these, in rows and
money.
"""

import hashlib
import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _
from ibis.backends.duckdb import Backend

from crmlib.errors import InputError
from crmlib.io import engine, examined, kept, outcome, parts, quarantine, sources
from crmlib.io.examined import Examined
from crmlib.io.parts import Part
from crmlib.io.sentences import hint, sentence
from crmlib.params import Settings
from crmlib.periods import usual_pause

__all__ = ["Staged", "check", "sentence", "stage"]
_LOOKED_AT = 500
"""Cells of one fault."""


@dataclass(frozen=True)
class Staged:
    """What became of the sources.

    tables: accepted rows by source, names and phones masked as the params say; orders also has `row_class` and the time
    of day in seconds (`order_second`, 0 where the source gives none).
    quarantine: rows set aside, with where they stand, why, and their money.
    intake: per source and file rows and money: all = accepted + quarantined + repeated; `copies` is how many rows are
    equal to an earlier one, whatever became of them.
    fields: per source and field the rows, the cells that are filled, and those of them that could not be read.
    contacts: the identifying fields of customers as they came, to match customers by; not to be stored.
    parts: where the order lines are kept file by file (`parts`), those parts; else none.
    """

    tables: dict[str, ir.Table]
    quarantine: ir.Table
    intake: pd.DataFrame
    fields: pd.DataFrame
    contacts: ir.Table | None
    parts: tuple[Part, ...] = ()


def stage(con: Any, settings: Settings) -> Staged:
    """Read and check every source of the book; raises with every problem when a source cannot be used as a whole."""
    found = _stage(engine.reader(con, settings), settings)
    return replace(
        found,
        tables={name: engine.take(con, table) for name, table in found.tables.items()},
        quarantine=engine.take(con, found.quarantine),
        contacts=None if found.contacts is None else engine.take(con, found.contacts),
    )


def _stage(con: Backend, settings: Settings) -> Staged:
    found, orders, problems = _examined(con, settings)
    if problems:
        raise InputError(problems)
    aside = [s.aside for s in found if s.aside is not None] or [quarantine.nothing()]
    return Staged(
        {s.name: s.accepted for s in found},
        engine.keep(con, "quarantine", ibis.union(*aside)) if len(aside) > 1 else aside[0],  # one's are kept already
        pd.concat([s.intake for s in found], ignore_index=True),
        pd.concat([s.fields for s in found], ignore_index=True),
        next((s.contacts for s in found if s.name == "customers"), None),
        orders,
    )


def check(settings: Settings) -> list[str]:
    """Every problem that would stop a run, source by source."""
    _found, _parts, problems = _examined(engine.embedded(settings), settings)
    return engine.problems(settings) + problems


def looked_at(settings: Settings) -> tuple[list[str], list[str], list[str]]:
    """The problems of `check`, what became of the rows of each source, and what would stop no run but may surprise."""
    found, _parts, problems = _examined(engine.embedded(settings), settings)
    counted = [outcome.counted(source, settings) for source in found]
    orders = [source for source in found if source.name == "orders" and not problems]
    notices = [said for source in orders for said in (*outcome.strange_ids(source), *_silent_end(source, settings))]
    return engine.problems(settings) + problems, counted, [*notices, *(told for s in found for told in s.notices)]


def _examined(con: Backend, settings: Settings) -> tuple[list[Examined], tuple[Part, ...], list[str]]:
    found: list[Examined] = []
    orders: tuple[Part, ...] = ()
    problems: list[str] = []
    for name in sources.named(settings):
        try:
            if name == "orders" and parts.applies(settings):
                orders = parts.stage(con, settings)
                source = parts.together(con, orders, sources.files(settings, name))
            else:
                source = examined.of(kept.keep(con, settings, name))
            found.append(source)
            problems += _refusals(source, settings)
            problems += _order_refusals(source, settings) if name == "orders" else []
        except InputError as error:
            problems += error.problems
    return found, orders, problems


def _refusals(source: Examined, settings: Settings) -> list[str]:
    """Why a source cannot be used at all: it is empty, or so much is wrong that the mapping must be."""
    name = source.name
    if source.problems:
        return source.problems
    twice = _same_files(source, settings)
    if twice:
        return twice
    where = sources.place(settings, name)
    rows, bad = int(source.intake["rows"].sum()), int(source.intake["quarantined"].sum())
    if rows == 0:
        return [f"{where} has a header and no rows; put the export there or remove sources.{name}"]
    allowed = settings.quality.max_quarantined_share
    found = source.aside
    if found is None or bad <= allowed * rows:
        return []
    worst = found.group_by("field", "reason").aggregate(rows=_.count(), row=_.row.min())
    first = engine.frame(worst.order_by([ibis.desc("rows"), "field", "reason"]).limit(3))
    examples = [
        engine.frame(found.filter(_.row == r.row, _.field == r.field, _.reason == r.reason).limit(1)).iloc[0]
        for r in first.itertuples()
    ]
    said = [
        f"{sentence(e, settings)} ({n:,} rows){_alike(found, e)}" for e, n in zip(examples, first["rows"], strict=True)
    ]
    other = bad - int(first["rows"].sum())
    return [
        f"{bad:,} of {rows:,} rows of {where} cannot be used (more than quality.max_quarantined_share = {allowed}): "
        + "; ".join([*said, *([f"and {other:,} rows for other reasons"] if other else [])])
        + _raised(bad, rows, examples[0])
    ]


def _alike(found: ir.Table, example: Any) -> str:
    """What other cells with the fault of one tell."""
    values = found.filter(_.field == example.field, _.reason == example.reason).select("value").distinct()
    return hint(example.reason, engine.frame(values.order_by("value").limit(_LOOKED_AT))["value"].dropna().tolist())


def _same_files(source: Examined, settings: Settings) -> list[str]:
    """Files with rows that are equal byte by byte: one of them was put there twice."""
    filled = source.intake.loc[source.intake["rows"] > 0, "file"].str.split("[").str[0]
    files = [f for f in sources.files(settings, source.name) if f.name in set(filled)]
    sizes = Counter(f.stat().st_size for f in files)
    first: dict[str, str] = {}
    problems = []
    for file in files:
        if sizes[file.stat().st_size] < 2:
            continue
        with file.open("rb") as content:
            known = first.setdefault(hashlib.file_digest(content, "sha256").hexdigest(), file.name)
        if known != file.name:
            problems.append(
                f"data/{settings.book_id}/raw/{file.name} is the same file as {known}, byte by byte, and would count "
                f"twice; remove one of them, or correct sources.{source.name}.files"
            )
    return problems


def _raised(bad: int, rows: int, worst: Any) -> str:
    """Which limit sets bad rows aside; where most are bad, their mapping is, but for sales to unknown customers."""
    is_guest = (worst.field, worst.reason) == ("customer_id", "missing")
    if 2 * bad >= rows and (not is_guest or bad == rows):
        return ""
    whose = "if these are sales to unknown customers" if is_guest else "if they are to be set aside"
    return f"; {whose}, raise quality.max_quarantined_share to {math.ceil(100 * bad / rows) / 100}"


def _order_refusals(source: Examined, settings: Settings) -> list[str]:
    period, days = settings.period, source.accepted.select("order_date")
    here = days.filter(_.order_date.between(ibis.literal(period.start), ibis.literal(period.as_of)))
    problems = _currency_problems(source, settings)
    some = bool(source.intake["accepted"].any())
    if some and not here.limit(1).to_pyarrow().num_rows:
        first, last = engine.frame(days.aggregate(first=_.order_date.min(), last=_.order_date.max())).iloc[0]
        problems.append(
            f"{period} has no order: orders run from {first:%Y-%m-%d} to {last:%Y-%m-%d}; "
            f"run a quarter within them or add its file to data/{settings.book_id}/raw"
        )
    return problems


def _silent_end(source: Examined, settings: Settings) -> list[str]:
    """That customers are measured on a day which the orders do not reach, as where a quarter is called partial."""
    period, days = settings.period, source.accepted.select("order_date").distinct().order_by("order_date")
    ordered = engine.frame(days.filter(_.order_date <= ibis.literal(period.as_of)))["order_date"].tolist()
    last = ordered[-1].date() if ordered else period.as_of
    silent = (period.as_of - last).days
    if silent <= max(settings.quality.quiet_days, usual_pause(ordered)):
        return []
    return [
        f"orders end on {last}, {silent} days before {period.as_of}, the day on which recency, tiers and values are "
        f"measured: these days count as days without purchases; where only the export ends, write `as_of: {last}` "
        f"into params/{settings.book_id}/{settings.file.name}"
    ]


def _currency_problems(source: Examined, settings: Settings) -> list[str]:
    """Whole currencies without a rate; what is no currency code is a matter of the row."""
    book = settings.book
    if source.aside is None or "currency" not in settings.sources.orders.columns:
        return []
    found = source.aside.filter(_.field == "currency", _.reason == "other_currency", _.value.re_search("^[A-Za-z]{3}$"))
    rows = engine.frame(
        found.group_by(code=_.value.upper())
        .aggregate(rows=_.count(), row=_.row.min(), file=_.file.min())
        .order_by("code")
    )
    return [
        f"orders row {r.row}: currency '{r.code}' ({r.rows:,} rows) is not the book's {book.currency} and has no rate; "
        f"add book.rates.{r.code} (what one {r.code} is worth in {book.currency}), or split the book"
        for r in rows.itertuples()
    ]
