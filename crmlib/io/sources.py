"""Raw exports as tables: found, read, and with the columns that the mapping asks for."""

import csv
import difflib
import re
from pathlib import Path

import ibis
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from crmlib.errors import InputError
from crmlib.io import engine
from crmlib.params import Settings, Source

FIELDS: dict[str, dict[str, bool]] = {
    "orders": {"order_id": True, "customer_id": True, "order_date": True, "net_amount": True, "product_id": False,
               "quantity": False, "currency": False},
    "customers": {"customer_id": True, "customer_name": False, "customer_type": False, "size_band": False,
                  "founded_date": False, "contact_name": False, "contact_title": False, "contact_phone": False,
                  "main_need": False, "contact_summary": False, "note": False},
    "products": {"product_id": True, "category": True, "product_name": False},
    "campaigns": {"campaign_id": True, "campaign_kind": False, "start_date": True, "end_date": True},
    "campaign_targets": {"campaign_id": True, "customer_id": True},
    "redemptions": {"campaign_id": True, "customer_id": True, "redemption_date": True},
}  # fmt: skip
"""Per source its fields, and whether the mapping must have them."""


def named(settings: Settings) -> dict[str, Source]:
    """The sources that this book has."""
    found = {name: getattr(settings.sources, name) for name in FIELDS}
    return {name: source for name, source in found.items() if source is not None}


def files(settings: Settings, name: str) -> list[Path]:
    """The files of one source, in order of their names."""
    source = named(settings)[name]
    folder = settings.data_dir / "raw"
    found = sorted(folder.glob(source.files))
    if not found:
        there = ", ".join(sorted(p.name for p in folder.glob("*"))) or "nothing"
        raise InputError(
            f"sources.{name}: no file matches '{source.files}' in data/{settings.book_id}/raw (there: {there}); "
            f"put the file there or change sources.{name}.files"
        )
    kinds = {f.suffix.lower() for f in found}
    if not kinds <= {".csv"} and not kinds <= {".parquet"}:
        raise InputError(f"sources.{name}: '{source.files}' matches {sorted(kinds)}; give CSV files or Parquet files")
    return found


def read(con: Backend, settings: Settings, name: str) -> ir.Table:
    """One source with its fields under the names of the mapping, the values as they came, `file` and `row`."""
    source, found = named(settings)[name], files(settings, name)
    problems = mapping_problems(name, source)
    if problems:
        raise InputError(problems)
    groups = [found] if found[0].suffix.lower() == ".parquet" else [[file] for file in found]
    parts = [_mapped(con, settings, name, group) for group in groups]
    return ibis.union(*parts) if len(parts) > 1 else parts[0]


def _mapped(con: Backend, settings: Settings, name: str, group: list[Path]) -> ir.Table:
    source, where = named(settings)[name], f"data/{settings.book_id}/raw/{group[0].name}"
    if not all(file.stat().st_size for file in group):
        raise InputError(f"{where} is empty; it needs at least a header row")
    try:
        raw = (
            engine.read_parquet(con, group)
            if group[0].suffix.lower() == ".parquet"
            else _csv(con, source, group[0], where)
        )
        columns = list(raw.columns)
    except engine.Failure as error:
        raise unreadable(settings, group[0].name, error) from None
    missing = [
        _missing(name, field, column, columns, where)
        for field, column in source.columns.items()
        if column not in columns
    ]
    if missing:
        raise InputError(missing)
    return raw.select(file=raw.file.split("/")[-1], row=raw.row, **{f: raw[c] for f, c in source.columns.items()})


def _csv(con: Backend, source: Source, file: Path, where: str) -> ir.Table:
    delimiter = "," if source.delimiter == "auto" else source.delimiter
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            header = next(csv.reader(text, delimiter=delimiter))
    except UnicodeDecodeError as error:
        raise InputError(f"{where} is not in UTF-8 (byte {error.start}); save it as CSV UTF-8") from None
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise InputError(f"{where} has the column {', '.join(map(repr, twice))} twice; rename one in the header row")
    return engine.read_csv(con, file, delimiter, header)


def mapping_problems(name: str, source: Source) -> list[str]:
    """What is wrong with `sources.<name>.columns` before any file is opened."""
    fields = FIELDS[name]
    absent = [f for f, needed in fields.items() if needed and f not in source.columns]
    unknown = [f for f in source.columns if f not in fields]
    return [f"sources.{name}.columns: '{f}' has no column; add '{f}: <its name in the file>'" for f in absent] + [
        f"sources.{name}.columns: unknown field '{f}'{_near(f, list(fields))}" for f in unknown
    ]


def _missing(name: str, field: str, column: str, columns: list[str], where: str) -> str:
    there = ", ".join(c for c in columns if c not in ("file", "row"))
    return (
        f"{where} has no column '{column}' (sources.{name}.columns.{field}){_near(column, columns)}; it has: {there}; "
        f"correct the mapping or the file"
    )


def _near(word: str, choices: list[str]) -> str:
    near = difflib.get_close_matches(word, choices, n=1)
    return f", did you mean '{near[0]}'" if near else ""


def unreadable(settings: Settings, name: str, error: Exception) -> InputError:
    """A backend's error as a sentence: what it says of the data, without its hints to programmers."""
    said = " ".join(re.split(r"\n\s*Possible|\n\n|\n\s*LINE ", str(error).strip())[0].split())
    where = f"data/{settings.book_id}/raw/{name}"
    return InputError(f"{where} cannot be read: {said}; fix that line, or quote cells that hold the delimiter")
