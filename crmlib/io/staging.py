"""Raw rows become typed tables: renamed, cast and checked once; a bad row is set aside with its reason, never dropped.

Every accepted or quarantined row keeps its money, so that raw = accepted + quarantined holds in rows and in money.
"""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _
from ibis.backends.duckdb import Backend

from crmlib.errors import InputError
from crmlib.io import engine, privacy, sources
from crmlib.params import Settings, Source

_KEYS = {"customers": "customer_id", "products": "product_id", "campaigns": "campaign_id"}
_IDS = ("order_id", "customer_id", "product_id", "campaign_id")
_DATES = ("order_date", "start_date", "end_date", "redemption_date", "founded_date")


@dataclass(frozen=True)
class Staged:
    """Checked tables: `tables` holds accepted rows by source, `quarantine` the others with their reasons."""

    tables: dict[str, ir.Table]
    checked: dict[str, ir.Table]
    quarantine: ir.Table


def stage(con: Backend, settings: Settings) -> Staged:
    """Read and check every source of the book; raises with every problem when a source cannot be used as a whole."""
    checked, problems = _examined(con, settings)
    if problems:
        raise InputError(problems)
    tables = {n: _accepted(settings, n, t) for n, t in checked.items()}
    return Staged(tables, checked, _quarantine(checked))


def check(settings: Settings) -> list[str]:
    """Every problem that would stop a run, source by source."""
    _tables, problems = _examined(engine.connect(settings), settings)
    return problems


def _examined(con: Backend, settings: Settings) -> tuple[dict[str, ir.Table], list[str]]:
    checked: dict[str, ir.Table] = {}
    problems: list[str] = []
    for name in sources.named(settings):
        try:
            table = checked[name] = _checked(con, settings, name)
            problems += _refusals(settings, name, table)
            problems += _order_refusals(settings, table) if name == "orders" else []
        except InputError as error:
            problems += error.problems
    return checked, problems


def _checked(con: Backend, settings: Settings, name: str) -> ir.Table:
    """A source with typed fields, its text as it came (`raw_*`), and for each row the first thing that is wrong."""
    source = sources.named(settings)[name]
    raw = sources.read(con, settings, name)
    typed = {field: _typed(field, raw[field], source, settings) for field in source.columns}
    came = {f"raw_{field}": _text(raw[field]) for field in source.columns}
    table = raw.select("file", "row", **{_stored(f): value for f, value in typed.items()}, **came)
    table = table.mutate(copy=_copy_number(name, source))
    found = _wrong(name, source, table)
    nothing = ibis.null("string")
    bad = {
        "bad_field": ibis.cases(*[(wrong, field) for field, _reason, wrong in found], else_=nothing),
        "reason": ibis.cases(*[(wrong, reason) for _field, reason, wrong in found], else_=nothing),
    }
    try:
        return engine.keep(con, f"checked_{name}", table.mutate(**bad))
    except engine.Failure as error:
        raise sources.unreadable(settings, source.files, error) from None


def _stored(field: str) -> str:
    return "net_minor" if field == "net_amount" else field


def _typed(field: str, value: ir.Value, source: Source, settings: Settings) -> ir.Value:
    if field == "net_amount":
        return _minor(value, 0 if source.amount_unit == "minor" else settings.book.minor_digits)
    if field == "quantity":
        return _number(value)
    if field in _DATES:
        return _date(value, source.date_format)
    text = _text(value.cast("int64") if field in _IDS and value.type().is_floating() else value)
    if field == "customer_id":
        return privacy.customer_id(text, settings)
    return privacy.name(text, settings) if field in privacy.IDENTIFIERS else text


def _date(value: ir.Value, pattern: str) -> ir.Value:
    return value.cast("date") if value.type().is_temporal() else engine.try_strptime(_text(value), pattern).date()


def _text(value: ir.Value) -> ir.Value:
    return value.cast("string").strip().nullif("")


def _number(value: ir.Value) -> ir.Value:
    number = value.cast("float64") if value.type().is_numeric() else _text(value).try_cast("float64")
    return ibis.cases((number.isnan() | number.isinf(), ibis.null("float64")), else_=number)


def _minor(value: ir.Value, digits: int) -> ir.Value:
    """Money in integer minor units; null where the value is no number, or too large to be money."""
    if value.type().is_integer():
        return value.cast("int64") * 10**digits
    number = _number(value) * 10**digits
    return ibis.cases((number.abs() < 1e15, number.round().cast("int64")), else_=ibis.null("int64"))


def _copy_number(name: str, source: Source) -> ir.Value:
    """0 for the first of equal rows, 1 for its first copy, and so on."""
    if source.duplicates == "keep":
        return ibis.literal(0)
    same = [_KEYS[name]] if name in _KEYS else [f"raw_{field}" for field in source.columns]
    return ibis.row_number().over(group_by=same, order_by=["file", "row"])


def _wrong(name: str, source: Source, table: ir.Table) -> list[tuple[str, str, ir.Value]]:
    """What can be wrong with a row, in the order in which it is said: field, reason, condition."""
    found: list[tuple[str, str, ir.Value]] = []
    for field in (f for f, needed in sources.FIELDS[name].items() if needed and f in source.columns):
        reason = "not_a_date" if field in _DATES else "not_a_number"
        found += [
            (field, "missing", table[f"raw_{field}"].isnull()),
            (field, reason, table[f"raw_{field}"].notnull() & table[_stored(field)].isnull()),
        ]
    if name == "orders" and source.extracted_on:
        found.append(("order_date", "future_date", table.order_date > ibis.literal(source.extracted_on)))
    return [*found, (_KEYS.get(name, "row"), "duplicate", table.copy > 0)]


def _refusals(settings: Settings, name: str, checked: ir.Table) -> list[str]:
    """Why a source cannot be used at all: it is empty, or so much is wrong that the mapping must be."""
    counts = engine.frame(checked.aggregate(rows=_.count(), bad=_.bad_field.count())).iloc[0]
    where = f"data/{settings.book_id}/raw/{sources.named(settings)[name].files}"
    if counts.rows == 0:
        return [f"{where} has a header and no rows; put the export there or remove sources.{name}"]
    allowed = settings.quality.max_quarantined_share
    if counts.bad <= allowed * counts.rows:
        return []
    first = engine.frame(
        checked.filter(_.bad_field.notnull())
        .group_by(["bad_field", "reason"])
        .aggregate(rows=_.count(), row=_.row.min())
        .order_by([ibis.desc("rows"), "bad_field"])
        .limit(3)
    )
    found = quarantine_of(name, checked)
    examples = [
        engine.frame(found.filter(_.row == r.row, _.field == r.bad_field).limit(1)).iloc[0] for r in first.itertuples()
    ]
    return [
        f"{int(counts.bad):,} of {int(counts.rows):,} rows of {where} cannot be used "
        f"(more than quality.max_quarantined_share = {allowed}): " + "; ".join(sentence(e, settings) for e in examples)
    ]


def _order_refusals(settings: Settings, checked: ir.Table) -> list[str]:
    good, period = checked.filter(_.bad_field.isnull()), settings.period
    found = engine.frame(
        good.aggregate(
            first=_.order_date.min(),
            last=_.order_date.max(),
            here=_.order_date.between(period.start, period.as_of).sum(),
        )
    ).iloc[0]
    problems = _currency_problems(settings, checked)
    if not found.here > 0 and not found.isna()["first"]:
        problems.append(
            f"{period} has no order: orders run from {found['first']:%Y-%m-%d} to {found['last']:%Y-%m-%d}; "
            f"run a quarter within them or add its file to data/{settings.book_id}/raw"
        )
    return problems


def _currency_problems(settings: Settings, checked: ir.Table) -> list[str]:
    if "currency" not in checked.columns:
        return []
    rows = engine.frame(checked.group_by("currency").aggregate(rows=_.count(), row=_.row.min()).order_by("currency"))
    other = rows[rows["currency"] != settings.book.currency]
    return [
        f"orders row {r.row}: currency '{r.currency}' ({r.rows:,} rows) is not the book's {settings.book.currency}; "
        f"convert the amounts first or split the book, money in two currencies cannot be added"
        for r in other.itertuples()
    ]


def _accepted(settings: Settings, name: str, checked: ir.Table) -> ir.Table:
    fields = [_stored(f) for f in sources.named(settings)[name].columns if f != "currency"]
    return checked.filter(_.bad_field.isnull()).select(*fields)


def quarantine_of(name: str, checked: ir.Table) -> ir.Table:
    """The rows of one source that were set aside: where, what, why, and the money on them where it can be read."""
    shown = {c.removeprefix("raw_"): c for c in checked.columns if c.startswith("raw_")}
    if "customer_id" in shown:
        shown["customer_id"] = "customer_id"  # the pseudonym: a raw id does not leave the door
    value = ibis.cases(*[(checked.bad_field == f, checked[c]) for f, c in shown.items()], else_=ibis.null("string"))
    money = checked.net_minor if "net_minor" in checked.columns else ibis.null("int64")
    return checked.filter(_.bad_field.notnull()).select(
        "file", "row", source=ibis.literal(name), field=_.bad_field, value=value, reason=_.reason, net_minor=money
    )


def _quarantine(checked: dict[str, ir.Table]) -> ir.Table:
    return ibis.union(*[quarantine_of(n, t) for n, t in checked.items()]).select(
        "source", "file", "row", "field", "value", "reason", "net_minor"
    )


def sentence(row: pd.Series, settings: Settings) -> str:
    """One quarantined row as a sentence that says what to do."""
    source = sources.named(settings)[row.source]
    column = source.columns.get(row.field, row.field)
    where, key = f"{row.file} row {row.row}: {column}", f"sources.{row.source}"
    says = {
        "missing": f"{where} is empty; fill it in or correct {key}.columns.{row.field}",
        "not_a_date": f"{where} '{row.value}' is no date in format '{source.date_format}'; "
        f"fix the row or set {key}.date_format",
        "not_a_number": f"{where} '{row.value}' is no amount; "
        "write it as 1234.56 without currency sign or thousands separator",
        "future_date": f"{where} '{row.value}' is later than the extract of {source.extracted_on}; "
        f"fix the row or {key}.extracted_on",
        "duplicate": f"{row.file} row {row.row} repeats an earlier row; remove it, or set {key}.duplicates to keep",
    }
    return says[row.reason]
