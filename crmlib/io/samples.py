"""A look at an export before anything is known of it: its form, its columns, and some of its rows.

Large files are sampled: the beginning, and for CSV and Parquet some rows further on.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from crmlib.errors import InputError
from crmlib.io import csv_heads, engine
from crmlib.io.headers import clean, named
from crmlib.params import Source

_ROWS = 5_000
_BYTES = 1 << 20
_PLACES = (0.25, 0.5, 0.75, 1.0)
_PLAIN = (".csv", ".txt", ".tsv")


@dataclass(frozen=True)
class Sample:
    """Columns and rows of a file or table; `settings` are those of a source that say how it is written.

    `encoding`: that of a text file, with the order of its bytes.
    """

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    settings: dict[str, Any]
    note: str
    remarks: tuple[str, ...] = field(default=())
    encoding: str = ""


def of_file(file: Path, sheet: str | None) -> Sample:
    """A sample of a CSV, Parquet or Excel file."""
    if not file.is_file():
        raise InputError(f"{file} does not exist; give a CSV, Parquet or Excel file, or the URL of a database")
    if not file.stat().st_size:
        raise InputError(f"{file.name} is empty; it needs at least a header row")
    kind = file.suffix.lower()
    if kind == ".parquet":
        return _parquet(file)
    if kind in _PLAIN:
        return _csv(file)
    from crmlib.io.excel_files import ENDINGS  # slow to import

    return _excel(file, sheet) if kind in ENDINGS else _csv(file)


def of_database(url: str, table: str, folder: Path) -> Sample:
    """The first rows of a table."""
    from crmlib.io import databases

    source = Source(url=databases.with_variable(url), table=table, columns={})
    with databases.opened(source, folder, "orders", url) as door:
        rows: list[tuple[Any, ...]] = []
        for batch in door.batches(door.columns):
            rows += zip(*(column.to_pylist() for column in batch.columns), strict=True)
            if len(rows) >= _ROWS:
                break
    found = {"url": _as_run(str(source.url)), "table": table}
    return Sample(tuple(door.columns), rows[:_ROWS], found, f"the first {min(len(rows), _ROWS):,} rows")


def _as_run(url: str) -> str:
    """The URL as a book's settings write it: a file of a database is looked for in the book's folder of raw files."""
    scheme, mark, path = url.partition(":///")
    inside = re.fullmatch(r"(?:\./)?data/[^/]+/raw/(.+)", path)
    return f"{scheme}{mark}{inside[1]}" if inside else url


def _parquet(file: Path) -> Sample:
    import pyarrow.parquet as pq

    from crmlib.io import parquet_files

    columns = parquet_files.columns(Source(files=file.name, columns={}), file, file.name)
    with pq.ParquetFile(file) as parquet:
        head = next(parquet.iter_batches(_ROWS), None)
        last, total = parquet.num_row_groups - 1, parquet.metadata.num_rows
        tail = next(parquet.iter_batches(_ROWS, row_groups=[last]), None) if last > 0 else None
    batches = [batch for batch in (head, tail) if batch is not None]
    rows = [row for b in batches for row in zip(*(c.to_pylist() for c in b.columns), strict=True)]
    return Sample(tuple(columns), rows, {"files": file.name}, f"{len(rows):,} of {total:,} rows")


def _excel(file: Path, sheet: str | None) -> Sample:
    from crmlib.io import excel_files

    source = Source(files=file.name, sheet=sheet, columns={})
    sheets = excel_files.sheets(source, file, file.name, "--sheet")
    rows = list(islice(sheets[0].rows(), _ROWS))
    start, count = _header(rows)
    columns = named([[excel_files.shown(cell) for cell in row] for row in rows[: max(start + count, 1)]], start + count)
    found: dict[str, Any] = {"files": file.name, "sheet": sheets[0].name, **_header_settings(start, count)}
    cells = [[None if cell == "" else cell for cell in row] for row in rows[start + count :]]
    return Sample(columns, cells, found, f"{len(cells):,} rows of sheet {sheets[0].name}")


def _csv(file: Path) -> Sample:
    with file.open("rb") as raw:
        start = raw.read(_BYTES)
    csv_heads.refuse_other_kinds(start, file.name)
    encoding, remarks = _encoding(start)
    text = csv_heads.decoded(start, encoding, whole=len(start) < _BYTES)
    delimiter = _delimiter(text)
    records = list(islice(_records(text, delimiter), _ROWS))
    first, count = _header(records)
    columns = named(records[: max(first + count, 1)], first + count)
    rows = [r for r in records[first + count :] if len(r) == len(columns)]
    further = [r for t in _elsewhere(file, encoding) for r in _records(t, delimiter) if len(r) == len(columns)]
    remarks += () if count else ("the first row holds values, no names: columns are called by their place",)
    shown = {"utf-16-le": "utf-16", "utf-16-be": "utf-16"}.get(encoding, encoding)
    found = {"files": file.name, "encoding": shown, "delimiter": delimiter, **_header_settings(first, count)}
    note = f"the first {len(rows):,} rows" + (f" and {len(further):,} further on" if further else "")
    cells = [[None if cell.strip() in engine.NOTHING else cell.strip() for cell in row] for row in [*rows, *further]]
    cells = [row for row in cells if any(row)]
    return Sample(columns, cells, found, note, remarks, encoding)


def _encoding(start: bytes) -> tuple[str, tuple[str, ...]]:
    """The encoding that the bytes have or are likely to have; a remark where several fit.

    UTF-16 only by its mark or its zero bytes: any even number of bytes would decode as UTF-16. Latin-1 has single bytes
    above ASCII between plain letters; in Chinese text they come in pairs.
    """
    for declared in ("auto", "utf-16"):
        try:
            found = csv_heads.encoding_of(declared, start, "the file")
        except InputError:
            continue
        if declared == "auto" or csv_heads.unmarked(start):
            return found, ()
    high = re.findall(rb"[\x80-\xff]+", start)
    if 2 * sum(len(run) == 1 for run in high) <= len(high) and _fits(start, "gb18030"):
        return "gb18030", ("the bytes are no UTF-8; they fit gb18030, and may be latin-1: look at the examples",)
    return "latin-1", ("the bytes are no UTF-8 and hardly gb18030; latin-1 fits any file: look at the examples",)


def _fits(start: bytes, encoding: str) -> bool:
    """Whether all bytes are text in the encoding, up to a character that the end of the sample cuts."""
    try:
        csv_heads.decoded(start, encoding, whole=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _delimiter(text: str) -> str:
    """The delimiter that splits most lines into the same number of cells, the first line too; then the more the better.

    Decimal commas split the lines below a heading, but not the heading.
    """

    def cells(delimiter: str) -> tuple[bool, int]:
        counts = [len(record) for record in islice(_records(text, delimiter), 200) if record]
        width, lines = Counter(counts).most_common(1)[0] if counts else (1, 0)
        is_usual = lines * 2 > len(counts) and width > 1
        return is_usual and counts[0] == width, width if is_usual else 1

    likeliest = max(csv_heads.DELIMITERS, key=cells)
    return max(likeliest, csv_heads.SPACES, key=cells) if cells(likeliest)[1] == 1 else likeliest


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    try:
        yield from csv_heads.reader(text, delimiter)
    except csv.Error:
        return


def _elsewhere(file: Path, encoding: str) -> Iterator[str]:
    """Whole lines from a few places of a large file; where cells hold line breaks some are lost, without harm."""
    size = file.stat().st_size
    if size < 4 * _BYTES or encoding.startswith("utf-16"):
        return
    with file.open("rb") as raw:
        for place in _PLACES:
            raw.seek(int((size - (_BYTES >> 2)) * place))
            lines = raw.read(_BYTES >> 2).split(b"\n")[1:-1]
            yield b"\n".join(lines[:500]).decode(csv_heads.codec(encoding), "replace")


def _header(rows: Sequence[Sequence[Any]]) -> tuple[int, int]:
    """Where the header begins and how many rows it has: the first row as wide as the data, all of it names.

    None, where no row is one and the first holds more values than names.
    """
    widths = Counter(sum(cell not in ("", None) for cell in row) for row in rows[:200] if any(row))
    width = max((w for w, n in widths.items() if n * 10 >= widths.total()), default=0)
    for at, row in enumerate(rows[:30]):
        filled = [cell for cell in row if cell not in ("", None)]
        if len(filled) * 10 >= width * 8 and all(_is_name(cell) for cell in filled):
            return at, 1
    first = [_is_name(cell) for cell in rows[0] if cell not in ("", None)] if rows else []
    return 0, 0 if 2 * sum(first) < len(first) else 1


def _is_name(cell: Any) -> bool:
    return isinstance(cell, str) and not re.fullmatch(r"[-+\d.,:/ ]+", clean(cell))


def _header_settings(start: int, count: int) -> dict[str, int]:
    if not count:
        return {"header_row": 0}
    return ({"header_row": start + 1} if start else {}) | ({"header_rows": count} if count > 1 else {})
