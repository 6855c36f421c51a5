"""Raw exports and databases as tables: found, read, and with the columns that the mapping asks for."""

import difflib
import fnmatch
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import ibis
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from crmlib.errors import InputError
from crmlib.io import csv_files, databases, engine, excel_files, parquet_files
from crmlib.io.functions import bytes_of
from crmlib.io.headers import clean
from crmlib.params import Settings, Source

FIELDS: dict[str, dict[str, bool]] = {
    "orders": {"order_id": True, "customer_id": True, "order_date": True, "net_amount": True, "product_id": False,
               "product_name": False, "quantity": False, "unit_price": False, "currency": False, "row_kind": False,
               "original_order_id": False, "store_id": False},
    "customers": {"customer_id": True, "customer_name": False, "customer_type": False, "size_band": False,
                  "founded_date": False, "region": False, "contact_name": False, "contact_title": False,
                  "contact_phone": False, "contact_mail": False, "address": False, "tax_id": False,
                  "contact_verified_date": False, "consent": False, "main_need": False, "contact_summary": False,
                  "note": False},
    "products": {"product_id": True, "category": False, "product_name": False},
    "campaigns": {"campaign_id": True, "campaign_kind": False, "start_date": True, "end_date": True},
    "campaign_targets": {"campaign_id": True, "customer_id": True},
    "redemptions": {"campaign_id": True, "customer_id": True, "redemption_date": True},
    "interactions": {"customer_id": True, "interaction_at": True, "interaction_id": False, "channel": False,
                     "interaction_kind": False, "owner": False, "text": False},
    "surveys": {"customer_id": True, "survey_date": True, "survey_id": False, "csat": False, "nps": False,
                "comment": False},
    "tickets": {"ticket_id": True, "customer_id": True, "opened_at": True, "first_reply_at": False,
                "analysed_at": False, "closed_at": False, "is_escalated": False, "ticket_kind": False,
                "channel": False, "text": False},
    "costs": {"cost_date": True, "cost_kind": True, "cost_amount": True, "customer_id": False},
}  # fmt: skip
"""Per source its fields, and whether the mapping must have them."""

CSV = (".csv", ".tsv", ".txt")
PARQUET = (".parquet",)
EXCEL = excel_files.ENDINGS
_KEYS = ("order_id", "customer_id")
_NOBODY = (*engine.NOTHING[1:], "NA")
"""What programs write for a missing id, however the file is stored. NA elsewhere may be a country or a region."""
_LONGEST = max(map(len, _NOBODY))


@dataclass(frozen=True)
class Part:
    """Rows of one file, sheet or query under our field names, with the values as they came.

    `first_row` is the number that a person sees for the first row. A CSV is read while `table` is scanned: scan it
    once; after that `rejects` (file, row, value, reason) holds the lines that could not be split. `blank` are rows of
    a sheet that hold nothing and are not in the table; `is_cut` says that a sheet is full to its last row, so that more
    may have been cut off.
    """

    table: ir.Table
    file: str
    date_format: str
    first_row: int
    rejects: ir.Table | None = None
    lines: csv_files.Lines | None = None
    blank: tuple[int, ...] = ()
    is_cut: bool = False


@dataclass(frozen=True)
class Raw:
    """One source: its parts, in the order of their names."""

    parts: tuple[Part, ...]


def named(settings: Settings) -> dict[str, Source]:
    """The sources that this book has."""
    found = {name: getattr(settings.sources, name) for name in FIELDS}
    return {name: source for name, source in found.items() if source is not None}


def files(settings: Settings, name: str) -> list[Path]:
    """The files of one source, in order of their names; none for a database."""
    source = named(settings)[name]
    if source.files is None:
        return []
    folder = settings.data_dir / "raw"
    found = _matching(folder, source.files)
    if not found:
        there = ", ".join(sorted(p.name for p in folder.glob("*"))) or "nothing"
        raise InputError(
            f"sources.{name}: no file matches '{source.files}' in data/{settings.book_id}/raw (there: {there}); "
            f"put the file there or change sources.{name}.files"
        )
    kinds = {f.suffix.lower() for f in found}
    if not any(kinds <= set(known) for known in (CSV, PARQUET, EXCEL)):
        raise InputError(
            f"sources.{name}: '{source.files}' matches files of {', '.join(sorted(kinds))}; "
            f"give CSV ({', '.join(CSV)}), Parquet or Excel files ({', '.join(EXCEL)}), one kind per source"
        )
    return found


def _matching(folder: Path, pattern: str) -> list[Path]:
    """Files of a pattern that lie in the folder; a name that leads out of it matches nothing."""
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        return []
    return sorted(f for f in folder.glob(pattern) if f.is_file() and not f.name.startswith(("~$", ".")))


def place(settings: Settings, name: str) -> str:
    """Where a source lies, as a sentence says it; never with a password."""
    source = named(settings)[name]
    if source.files is not None:
        return f"data/{settings.book_id}/raw/{source.files}"
    return databases.place(source)


def read(con: Backend, settings: Settings, name: str, only: Sequence[str] = ()) -> Raw:
    """One source with its fields under the names of the mapping, the values as they came; `only` names some files."""
    problems = mapping_problems(name, named(settings)[name])
    if problems:
        raise InputError(problems)
    found = files(settings, name)
    kind = found[0].suffix.lower() if found else ""
    reader = _database if not found else _parquet if kind in PARQUET else _excel if kind in EXCEL else _csv
    parts = reader(con, settings, name, [f for f in found if not only or f.name in only])
    return Raw(tuple(replace(part, table=_with_keys(part.table)) for part in parts))


def _with_keys(table: ir.Table) -> ir.Table:
    """The cells with ids that are words for none taken away: else all rows without a customer would be one customer.

    The engine makes a join of `isin`, which loses the order of rows; to ask for the length first saves the time.
    """
    written = {f: table[f] for f in _KEYS if f in table.columns and table[f].type().is_string()}
    nobody = {f: (bytes_of(c) <= _LONGEST) & ibis.or_(*[c == word for word in _NOBODY]) for f, c in written.items()}
    return table.mutate(**{f: ibis.cases((nobody[f], None), else_=c) for f, c in written.items()})


def blank_lines(part: Part, records: int | None = None) -> tuple[int, ...]:
    """Numbers of blank lines between the rows of a file: no rows, but counted where people look at it.

    `records`: how many rows and rejects the scan found, where that is known.
    """
    return csv_files.blank_lines(part.lines, part.first_row, records) if part.lines else part.blank


def swallowed(part: Part, settings: Settings) -> list[str]:
    """Why a scanned CSV cannot be used: a quote that opens and does not close takes rows with it."""
    row = csv_files.swallowed(part.lines) if part.lines else None
    if row is None:
        return []
    where = f"data/{settings.book_id}/raw/{part.file} row {row}"
    return [f"{where}: a quote opens and takes the rows after it with it; close it, or double it inside a cell"]


def _csv(con: Backend, settings: Settings, name: str, found: Sequence[Path]) -> Iterator[Part]:
    source = named(settings)[name]
    for file in found:
        where = _where(settings, file)
        try:
            lines = csv_files.read(con, source, file, where)
        except engine.Failure as error:
            raise unreadable(settings, file.name, error) from None
        chosen = columns(name, source, lines.head.columns, where)
        table = lines.table.select(**{field: lines.table[f"c{i}"] for field, i in chosen.items()})
        yield Part(table, file.name, date_format(source, file.name), lines.head.first_row, lines.rejects, lines)


def _parquet(con: Backend, settings: Settings, name: str, found: Sequence[Path]) -> Iterator[Part]:
    source, some = named(settings)[name], len(files(settings, name)) > 1
    for file in found:
        where = _where(settings, file)
        there = parquet_files.columns(source, file, where)
        chosen = columns(name, source, there, where, some=some)
        try:
            table = engine.read_parquet(con, file, {f: there[i] for f, i in chosen.items()})
        except engine.Failure as error:
            raise unreadable(settings, file.name, error) from None
        table = table.mutate(**{f: ibis.null("string") for f in source.columns if f not in chosen})
        yield Part(table, file.name, date_format(source, file.name), 1)


def _excel(_con: Backend, settings: Settings, name: str, found: Sequence[Path]) -> Iterator[Part]:
    source = named(settings)[name]
    for file in found:
        where, pattern = _where(settings, file), date_format(source, file.name)
        for sheet in excel_files.sheets(source, file, where, f"sources.{name}.sheet"):
            header = excel_files.header(source, sheet)
            chosen = columns(name, source, header, sheet.where)
            table, blank = excel_files.table(source, sheet, chosen, pattern)
            yield Part(
                table, f"{file.name}[{sheet.name}]", pattern, source.first_row, blank=blank, is_cut=sheet.is_full
            )


def _database(con: Backend, settings: Settings, name: str, _found: Sequence[Path]) -> Iterator[Part]:
    source, label = named(settings)[name], named(settings)[name].table or "query"
    with databases.opened(source, settings.data_dir / "raw", name) as door:
        chosen = columns(name, source, door.columns, databases.place(source))
        wanted = list(dict.fromkeys(door.columns[i] for i in chosen.values()))
        table = engine.load(con, f"raw_{name}", door.batches(wanted))
    fields = {f: table[wanted.index(door.columns[i])] for f, i in chosen.items()}
    yield Part(table.select(**fields), label, date_format(source, label), 1)


def _where(settings: Settings, file: Path) -> str:
    where = f"data/{settings.book_id}/raw/{file.name}"
    if not file.stat().st_size:
        raise InputError(f"{where} is empty; it needs at least a header row")
    return where


def date_format(source: Source, file: str) -> str:
    """The declared date format of one file: that of the longest pattern that its name matches."""
    if isinstance(source.date_format, str):
        return source.date_format
    patterns = sorted(source.date_format, key=len, reverse=True)
    found = [source.date_format[pattern] for pattern in patterns if fnmatch.fnmatchcase(file, pattern)]
    if not found:
        raise InputError(
            f"date_format has no pattern for '{file}' (it has {', '.join(source.date_format)}); "
            f"add '{file}: <its format>' or '*: <format>'"
        )
    return found[0]


def columns(name: str, source: Source, there: Sequence[str], where: str, *, some: bool = False) -> dict[str, int]:
    """Our fields and the positions of their columns; refuses a column that is not there, or twice.

    With `some`, a file among several may lack an optional column.
    """
    clean_names = [clean(column) for column in there]
    chosen: dict[str, int] = {}
    problems: list[str] = []
    for field, column in source.columns.items():
        times = clean_names.count(clean(column))
        if times == 1:
            chosen[field] = clean_names.index(clean(column))
        elif times:
            problems.append(
                f"{where} has the column '{column}' {'twice' if times == 2 else f'{times} times'} "
                f"(sources.{name}.columns.{field}); rename one in the header row"
            )
        elif not (some and not FIELDS[name][field]):
            problems.append(_missing(name, field, column, clean_names, where))
    if problems:
        raise InputError(problems)
    return chosen


def mapping_problems(name: str, source: Source) -> list[str]:
    """What is wrong with `sources.<name>.columns` before any file is opened."""
    fields = FIELDS[name]
    there = set(source.columns)
    there |= {"net_amount"} if {"unit_price", "quantity"} <= there else set()
    there |= {"order_id"} if source.order_id_from else set()
    absent = [f for f, needed in fields.items() if needed and f not in there]
    unknown = [f for f in source.columns if f not in fields]
    parts = [f for f in source.order_id_from if f not in source.columns]
    return (
        [f"sources.{name}.columns: '{f}' has no column; add '{f}: <its name in the file>'" for f in absent]
        + [f"sources.{name}.columns: unknown field '{f}'{_near(f, list(fields))}" for f in unknown]
        + [f"sources.{name}.order_id_from: '{f}' is not in columns{_near(f, list(source.columns))}" for f in parts]
    )


def _missing(name: str, field: str, column: str, there: Sequence[str], where: str) -> str:
    return (
        f"{where} has no column '{column}' (sources.{name}.columns.{field}){_near(column, list(there))}; "
        f"it has: {', '.join(filter(None, there))[:1000]}; correct the mapping or the file"
    )


def _near(word: str, choices: list[str]) -> str:
    near = difflib.get_close_matches(word, choices, n=1)
    return f", did you mean '{near[0]}'" if near else ""


def unreadable(settings: Settings, name: str, error: Exception) -> InputError:
    """A backend's error as a sentence: what it says of the data, without its hints to programmers."""
    said = " ".join(re.split(r"\n\s*Possible|\n\n|\n\s*LINE ", str(error).strip())[0].split())
    said = said.replace(str(settings.data_dir), f"data/{settings.book_id}")
    where = f"data/{settings.book_id}/raw/{name}"
    return InputError(f"{where} cannot be read: {said}; fix that line, or quote cells that hold the delimiter")
