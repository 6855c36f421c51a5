"""Excel and OpenDocument workbooks: the sheet that is meant, its header, and cells with the types that Excel gave them.

A column of one kind keeps it (numbers, dates, yes/no); a mixed column becomes text, written as the book's settings say.
"""

import fnmatch
import math
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from crmlib.errors import InputError
from crmlib.io.excel_errors import error_cells
from crmlib.io.headers import named
from crmlib.params import Source

ENDINGS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
ROW_LIMIT = {".xls": 65_536}
"""Rows that a sheet can hold, where it is not 1,048,576."""

_MAX_BYTES = 4 << 30
_MAX_RATIO = 200
_SMALL = 64 << 20
_CHUNK = 50_000
_TYPES = {"number": pa.float64(), "time": pa.timestamp("us"), "bool": pa.bool_(), "text": pa.string()}


@dataclass(frozen=True)
class Sheet:
    """One sheet: its rows from the first on, and by row and column what Excel shows in its error cells."""

    name: str
    where: str
    first_column: int
    rows: Callable[[], Iterator[list[Any]]]
    errors: Mapping[int, Mapping[int, str]]
    is_full: bool


def sheets(source: Source, file: Path, where: str, setting: str) -> list[Sheet]:
    """The sheets that the settings mean; without `sheet`, the only one that has rows.

    `setting` is where a person says which: `sources.orders.sheet`, `--sheet`.
    """
    book = _workbook(file, where)
    shown = [m.name for m in book.sheets_metadata if str(m.visible).endswith("Visible")]
    if source.sheet is not None:
        chosen = [s for s in book.sheet_names if s == source.sheet] or fnmatch.filter(shown, source.sheet)
        if not chosen:
            raise InputError(
                f"{where} has no sheet '{source.sheet}' (it has {', '.join(book.sheet_names)}); correct {setting}"
            )
        return [_sheet(book, s, file, where) for s in chosen]
    found = [sheet for s in shown if next((sheet := _sheet(book, s, file, where)).rows(), None) is not None]
    if not found:
        raise InputError(f"{where} has no sheet with rows; put the export there")
    if len(found) > 1:
        raise InputError(
            f"{where} has rows in {len(found)} sheets ({', '.join(s.name for s in found)}); "
            f"set {setting} to one of them, or to a pattern such as '{found[0].name[:1]}*' for several alike"
        )
    return found


def header(source: Source, sheet: Sheet) -> tuple[str, ...]:
    """The column names; merged header cells are filled to the right and joined with ' / '."""
    last = max(source.first_row - 1, 1)
    rows = list(islice(sheet.rows(), last))
    names = named([[shown(cell) for cell in row] for row in rows], source.header_row)
    if len(rows) < last or not any(names):
        raise InputError(
            f"{sheet.where} has no header in row {source.header_row}; set header_row to the row with the column names"
        )
    return names


def table(
    source: Source, sheet: Sheet, chosen: Mapping[str, int], date_format: str
) -> tuple[ir.Table, tuple[int, ...]]:
    """The chosen columns, and the numbers of the blank rows between the others, which are left out."""
    first = source.first_row
    cells: dict[str, list[tuple[str, Any]]] = {field: [] for field in chosen}
    kept: list[int] = []
    filled = _filled(sheet, first)
    while chunk := list(islice(filled, _CHUNK)):
        kept += [number for number, _row in chunk]
        for field, at in chosen.items():
            column = at + sheet.first_column
            cells[field].append(_array([sheet.errors.get(n, {}).get(column, row[at]) for n, row in chunk]))
    written = _writer(source.decimal)
    columns = {
        f: _column(parts, written, date_format if f.endswith(("_date", "_at")) else "") for f, parts in cells.items()
    }
    blank = sorted(set(range(first, kept[-1])) - set(kept)) if kept and kept[-1] - first >= len(kept) else []
    return ibis.memtable(pa.table(columns)), tuple(blank)


def _filled(sheet: Sheet, first: int) -> Iterator[tuple[int, list[Any]]]:
    """Rows that have a cell, with the number that Excel shows for them."""
    for number, row in enumerate(sheet.rows(), 1):
        if number >= first and (row.count("") < len(row) or number in sheet.errors):
            yield number, row


def _workbook(file: Path, where: str) -> Any:
    import python_calamine as calamine

    _refuse_other_kinds(file, where)
    try:
        return calamine.load_workbook(str(file))
    except calamine.PasswordError:
        raise InputError(f"{where} is protected by a password; save it without one") from None
    except (calamine.CalamineError, OSError) as error:
        raise InputError(f"{where} is no readable workbook ({error}); open it in Excel and save it again") from None


def _refuse_other_kinds(file: Path, where: str) -> None:
    with file.open("rb") as raw:
        start = raw.read(512)
    if file.suffix.lower() == ".xls":
        if start.lstrip(b"\xef\xbb\xbf\r\n\t ")[:1] == b"<":
            raise InputError(f"{where} is a web page named .xls; open it in Excel and save it as .xlsx")
        if not start.startswith(b"\xd0\xcf\x11\xe0"):
            raise InputError(f"{where} is no Excel workbook of the .xls kind; give it the ending of what it is")
        return
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputError(
            f"{where} is protected by a password, or is an old .xls workbook; save it as .xlsx without a password"
        )
    if not zipfile.is_zipfile(file):
        raise InputError(f"{where} is no workbook (not a zip archive); export it again")
    _refuse_bombs(file, where)


def _refuse_bombs(file: Path, where: str) -> None:
    """Refuse an archive that would unpack to more than any honest workbook, before unpacking it."""
    with zipfile.ZipFile(file) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    ratio = size / file.stat().st_size
    if size > _MAX_BYTES or (size > _SMALL and ratio > _MAX_RATIO):
        raise InputError(
            f"{where} would unpack to {size / (1 << 20):,.0f} MiB, {ratio:,.0f} times its size; more than "
            f"{_MAX_BYTES >> 20:,} MiB, or {_SMALL >> 20} MiB and {_MAX_RATIO} times, is refused; export it as CSV"
        )


def _sheet(book: Any, name: str, file: Path, where: str) -> Sheet:
    import python_calamine as calamine

    try:
        found = book.get_sheet_by_name(name)
    except calamine.CalamineError as error:
        raise InputError(f"{where} sheet '{name}' cannot be read ({error}); save the workbook again") from None
    first = found.start[1] if found.start else 0
    full = found.end is not None and found.end[0] + 1 >= ROW_LIMIT.get(file.suffix.lower(), 1_048_576)
    return Sheet(name, f"{where} sheet '{name}'", first, found.iter_rows, error_cells(file, name), full)


def _array(cells: Sequence[Any]) -> tuple[str, pa.Array]:
    """A column's cells with their kind; a mixed one keeps them as they are, for `_column` to write."""
    values = [None if cell == "" else cell for cell in cells]
    kinds = {_kind(kind) for kind in set(map(type, values)) - {type(None)}}
    kind = kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "empty"
    if kind in ("mixed", "empty"):
        return kind, values
    if kind == "time":  # a day without a time comes as a date
        values = [datetime.combine(v, time()) if v is not None and not isinstance(v, datetime) else v for v in values]
    return kind, pa.array(values, _TYPES[kind])


def _kind(kind: type) -> str:
    if kind in (int, float):
        return "number"
    if kind in (date, datetime):
        return "time"
    return "text" if kind is str else "bool" if kind is bool else "mixed"


def _column(
    parts: Sequence[tuple[str, Any]], written: Callable[[Any, str], str | None], date_format: str
) -> pa.ChunkedArray:
    kinds = {kind for kind, _cells in parts} - {"empty"}
    if len(kinds) <= 1 and "mixed" not in kinds:
        kind = kinds.pop() if kinds else "text"
        return pa.chunked_array([pa.array(cells, _TYPES[kind]) for _kind, cells in parts], _TYPES[kind])
    lists = [cells.to_pylist() if isinstance(cells, pa.Array) else cells for _kind, cells in parts]
    return pa.chunked_array([pa.array([written(cell, date_format) for cell in cells], pa.string()) for cells in lists])


def _writer(decimal: str) -> Callable[[Any, str], str | None]:
    """How a cell of a mixed column is written: as a person would type it under the source's settings."""

    def written(cell: Any, date_format: str) -> str | None:
        if cell is None or isinstance(cell, str):
            return cell
        if isinstance(cell, date) and date_format:
            return cell.strftime(date_format)
        return shown(cell).replace(".", decimal) if isinstance(cell, float) else shown(cell)

    return written


def shown(cell: Any) -> str:
    """A cell as Excel would show it without formatting: 12 for 12.0, TRUE, 2024-03-31."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and math.isfinite(cell) and cell == int(cell) and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    return str(cell)
