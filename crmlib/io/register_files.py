"""Where the rows of a register come from: `registers/<name>.csv`, or the sheet `<name>` of `registers/registers.xlsx`.

Cells are text, as people see them; a formula in a CSV file stays the text that it is.
"""

import csv
import functools
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from crmlib import schema
from crmlib.params import Settings

WORKBOOK = "registers.xlsx"
# Sheets of the workbook that a run writes for people to edit which are no registers: how to use it, and its drop-downs.
GUIDES = {"en": "Read me", "zh": "请先阅读"}
CHOICES = "_choices"
_LARGEST = 100_000_000  # bytes of the unpacked workbook: far more than people write by hand

Lines = list[tuple[int, list[str]]]


def file(settings: Settings, name: str) -> Path:
    """Where the CSV file of a register is kept, whether it exists or not."""
    return settings.data_dir / "registers" / f"{name}.csv"


def where(settings: Settings, name: str) -> str:
    """The place of a register in a sentence."""
    folder = f"data/{settings.book_id}/registers"
    if file(settings, name).is_file() or name not in sheets(settings)[0]:
        return f"{folder}/{name}.csv"
    return f"{folder}/{WORKBOOK} sheet '{name}'"


def lines(settings: Settings, name: str) -> tuple[Lines, list[str]]:
    """The filled rows of a register with their numbers, the header first; or what is wrong with the file."""
    path, (found, problems) = file(settings, name), sheets(settings)
    if path.is_file() and name in found:
        problems = [
            f"{where(settings, name)} and sheet '{name}' of {WORKBOOK} hold the same register; keep one of them"
        ]
    if problems:
        return [], problems
    if name in found:
        return _trimmed(found[name]), []
    return _csv(settings, name, path) if path.is_file() else ([], [])


def names(settings: Settings) -> list[tuple[str, str]]:
    """Every file or sheet that could be a register: its name, and its place in a sentence."""
    folder = f"data/{settings.book_id}/registers"
    files = sorted(settings.data_dir.glob("registers/*.csv"))
    return [(f.stem, f"{folder}/{f.name}") for f in files] + [
        (name, f"{folder}/{WORKBOOK} sheet '{name}'") for name in sheets(settings)[0]
    ]


def sheets(settings: Settings) -> tuple[dict[str, Lines], list[str]]:
    """The sheets of the workbook that hold anything, or why it cannot be read."""
    path = settings.data_dir / "registers" / WORKBOOK
    if not path.is_file():
        return {}, []
    state = path.stat()
    found, problem = _workbook(path, state.st_mtime_ns, state.st_size)
    return found, [f"data/{settings.book_id}/registers/{WORKBOOK} {problem}"] if problem else []


def _csv(settings: Settings, name: str, path: Path) -> tuple[Lines, list[str]]:
    try:
        found = list(_numbered(path))
    except UnicodeDecodeError:
        return [], [f"{where(settings, name)} is not UTF-8; in the spreadsheet choose 'Save as: CSV UTF-8'"]
    except csv.Error as error:
        return [], [f"{where(settings, name)} is no readable CSV: {error}"]
    if not found:
        header = ",".join(schema.REGISTERS[name].columns)
        return [], [f"{where(settings, name)} is empty; its first row must be: {header}"]
    return found, []


def _numbered(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, each with the number of the line it starts on."""
    with path.open(encoding="utf-8-sig", newline="") as text:
        reader, start = csv.reader(text, strict=True), 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield start, cells
            start = reader.line_num + 1


@functools.lru_cache(maxsize=4)
def _workbook(path: Path, _changed: int, _size: int) -> tuple[dict[str, Lines], str]:
    """Read once for all registers, and again when the file has changed."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        with zipfile.ZipFile(path) as packed:
            if sum(part.file_size for part in packed.infolist()) > _LARGEST:
                return (
                    {},
                    f"unpacks to more than {_LARGEST // 1_000_000} MB; registers are small tables: remove the rest",
                )
        book = CalamineWorkbook.from_path(path)
        found = {
            name: _cells(book.get_sheet_by_name(name).to_python(skip_empty_area=False))
            for name in book.sheet_names
            if name not in (*GUIDES.values(), CHOICES)
        }
    except (zipfile.BadZipFile, CalamineError):
        return {}, "is no readable Excel workbook; save it as .xlsx without a password"
    return {name: rows for name, rows in found.items() if rows}, ""


def _cells(rows: Sequence[Sequence[object]]) -> Lines:
    texts = [(number, [as_text(value) for value in row]) for number, row in enumerate(rows, 1)]
    return [(number, row) for number, row in texts if any(row)]


def as_text(value: object) -> str:
    """A cell as a person would type it: dates as 2017-12-31, whole numbers without a point, times without 0 seconds."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else str(value).strip()


def _time(value: datetime) -> str:
    """Excel keeps a time as a part of a day, which is a hair off."""
    whole = (value + timedelta(milliseconds=500)).replace(microsecond=0)
    if not (whole.hour or whole.minute or whole.second):
        return f"{whole:%Y-%m-%d}"
    return f"{whole:%Y-%m-%d %H:%M:%S}" if whole.second else f"{whole:%Y-%m-%d %H:%M}"


def _trimmed(rows: Lines) -> Lines:
    """Without the columns at the right in which no row has anything."""
    width = max(n for _number, row in rows for n, cell in enumerate(row, 1) if cell)
    return [(number, row[:width]) for number, row in rows]
