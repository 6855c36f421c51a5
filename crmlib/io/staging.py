"""Raw rows become typed tables: renamed, read and checked once; a bad row is set aside with its reason, never dropped.

Every accepted, repeated or quarantined row keeps its money, so that a file is the sum of these, in rows and
money.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _
from ibis.backends.duckdb import Backend

from crmlib.errors import InputError
from crmlib.io import classes, engine, faults, kept, privacy, quarantine, sources, typed
from crmlib.io.kept import Kept
from crmlib.io.sentences import sentence
from crmlib.params import Settings

__all__ = ["Staged", "check", "sentence", "stage"]

CONSUMED = ("currency", "row_kind", "unit_price")
"""Fields that have done their work when a row is accepted."""


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
    """

    tables: dict[str, ir.Table]
    quarantine: ir.Table
    intake: pd.DataFrame
    fields: pd.DataFrame
    contacts: ir.Table | None


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
    found, problems = _examined(con, settings)
    if problems:
        raise InputError(problems)
    aside = [quarantine.of(s) for s in found if kept.set_aside(s.tally) or len(s.rejects)] or [quarantine.nothing()]
    customers = next((s for s in found if s.form.name == "customers"), None)
    return Staged(
        {s.form.name: accepted(s) for s in found},
        engine.keep(con, "quarantine", ibis.union(*aside) if len(aside) > 1 else aside[0]),
        pd.concat([intake(s) for s in found], ignore_index=True),
        pd.concat([s.fields for s in found], ignore_index=True),
        contacts(customers) if customers else None,
    )


def check(settings: Settings) -> list[str]:
    """Every problem that would stop a run, source by source."""
    _found, problems = _examined(engine.embedded(settings), settings)
    return engine.problems(settings) + problems


def _examined(con: Backend, settings: Settings) -> tuple[list[Kept], list[str]]:
    found: list[Kept] = []
    problems: list[str] = []
    for name in sources.named(settings):
        try:
            source = kept.keep(con, settings, name)
            found.append(source)
            problems += _refusals(source)
            problems += _order_refusals(source) if name == "orders" else []
        except InputError as error:
            problems += error.problems
    return found, problems


def accepted(source: Kept) -> ir.Table:
    """The good rows of a source under their stored names."""
    good, settings = kept.good(source), source.form.settings
    columns: dict[str, ir.Value] = {}
    for name in typed.stored(source.form):
        if name == "class_code":
            columns["row_class"] = classes.named(good.class_code)
        elif name == "order_date":
            columns[name] = good[name].cast("date")
            columns["order_second"] = engine.second_of_day(good[name])
        elif name in typed.DATES:
            columns[name] = good[name].cast("date")
        elif name not in CONSUMED:
            columns[name] = privacy.masked(name, good[name], settings)
    return good.select(**columns)


def contacts(customers: Kept) -> ir.Table:
    """The identifying fields of the customers, unmasked."""
    return kept.good(customers).select("customer_id", *[f for f in customers.form.fields if f in privacy.IDENTIFIERS])


def intake(source: Kept) -> pd.DataFrame:
    """Per file: rows and money in the file, accepted, set aside and repeated."""
    fate = source.tally["bad"].map({0: "accepted", faults.REPEATED: "repeated"}).fillna("quarantined")
    summed = source.tally.groupby([source.tally["part"], fate])[["rows", "net_minor"]].sum()
    lost = source.rejects.groupby("part").size()
    rows = []
    for number, part in enumerate(source.parts):
        counted = {f: summed.loc[summed.index.isin([(number, f)])].sum().astype(int).tolist() for f in FATES}
        counted["quarantined"][0] += int(lost.get(number, 0))
        rows.append(
            {
                "source": source.form.name,
                "file": part.file,
                "rows": sum(c[0] for c in counted.values()),
                **{f: counted[f][0] for f in FATES},
                "net_minor_rows": sum(c[1] for c in counted.values()),
                **{f"net_minor_{f}": counted[f][1] for f in FATES},
                "copies": int(source.copies.get(number, 0)),
                "is_cut": part.is_cut,
            }
        )
    return pd.DataFrame(rows)


FATES = ("accepted", "quarantined", "repeated")


def _refusals(source: Kept) -> list[str]:
    """Why a source cannot be used at all: it is empty, or so much is wrong that the mapping must be."""
    settings, name = source.form.settings, source.form.name
    swallowed = [problem for part in source.parts for problem in sources.swallowed(part, settings)]
    if swallowed:
        return swallowed
    where = sources.place(settings, name)
    rows = int(source.tally["rows"].sum()) + len(source.rejects)
    bad = kept.set_aside(source.tally) + len(source.rejects)
    if rows == 0:
        return [f"{where} has a header and no rows; put the export there or remove sources.{name}"]
    allowed = settings.quality.max_quarantined_share
    if bad <= allowed * rows:
        return []
    found = quarantine.of(source)
    worst = found.group_by("field", "reason").aggregate(rows=_.count(), row=_.row.min())
    first = engine.frame(worst.order_by([ibis.desc("rows"), "field", "reason"]).limit(3))
    examples = [
        engine.frame(found.filter(_.row == r.row, _.field == r.field, _.reason == r.reason).limit(1)).iloc[0]
        for r in first.itertuples()
    ]
    return [
        f"{bad:,} of {rows:,} rows of {where} cannot be used "
        f"(more than quality.max_quarantined_share = {allowed}): " + "; ".join(sentence(e, settings) for e in examples)
    ]


def _order_refusals(source: Kept) -> list[str]:
    settings = source.form.settings
    good, period = kept.good(source), settings.period
    day = good.order_date
    until = typed.bound(day, period.as_of + timedelta(days=1))
    here = good.filter(day >= typed.bound(day, period.start), day < until).select("bad").limit(1)
    problems = _currency_problems(source)
    some = bool(source.tally["bad"].eq(0).any())
    if some and not here.to_pyarrow().num_rows:
        first, last = engine.frame(good.aggregate(first=day.min().cast("date"), last=day.max().cast("date"))).iloc[0]
        problems.append(
            f"{period} has no order: orders run from {first:%Y-%m-%d} to {last:%Y-%m-%d}; "
            f"run a quarter within them or add its file to data/{settings.book_id}/raw"
        )
    return problems


def _currency_problems(source: Kept) -> list[str]:
    """Whole currencies without a rate; what is no currency code is a matter of the row."""
    book = source.form.settings.book
    if ("currency", "other_currency") not in source.reasons or not kept.set_aside(source.tally):
        return []
    found = quarantine.of(source).filter(_.field == "currency", _.value.re_search("^[A-Za-z]{3}$"))
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
