"""How a CSV file begins: encoding, delimiter and column names, read once so that the engine has nothing to guess."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crmlib.errors import InputError
from crmlib.io.headers import named
from crmlib.params import Source

DELIMITERS = (",", ";", "\t", "|")
SPACES = "spaces"
"""What `delimiter` is where columns stand in line, with one space or more between them."""
_RUN, _ENDS = re.compile("[ \t]+"), re.compile("^[ \t\ufeff]+|[ \t]+(?=\r?$)", re.MULTILINE)
_HEAD = 1 << 20
_CODECS = {"latin-1": "cp1252"}  # what Windows calls Latin-1: the same letters, and the euro sign
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_OTHERS = {
    b"PK\x03\x04": "a zip file, perhaps an Excel workbook; name it .xlsx, or export it as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; name it .xls, or export it as CSV",
    b"PAR1": "a Parquet file; name it .parquet",
    b"SQLite format 3": "a SQLite database; give its url, such as sqlite:///shop.db, and a table",
    b"\x1f\x8b": "compressed; unpack it first",
}


@dataclass(frozen=True)
class Head:
    """How a file begins: its encoding, delimiter and column names, and the number of its first data row.

    Where columns stand in line (`is_spaced`), the delimiter is that of `unspaced` rows.
    """

    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    first_row: int
    is_spaced: bool = False


def head(source: Source, file: Path, where: str) -> Head:
    """Read encoding and header of a file without guessing; refuses what is no CSV in a known encoding."""
    with file.open("rb") as raw:
        start = raw.read(_HEAD)
    refuse_other_kinds(start, where)
    encoding = encoding_of(source.encoding, start, where)
    text = decoded(start, encoding, whole=len(start) < _HEAD)
    delimiter = _delimiter(source, text) if source.delimiter == "auto" else source.delimiter
    if not text.strip():
        raise InputError(f"{where} is empty; it needs at least a header row")
    is_spaced = delimiter == SPACES
    records = _records(text, delimiter, max(source.first_row - 1, 1), where)
    columns = named(records, source.header_row)
    _refuse_other_delimiter(source, columns if source.header_row else tuple(records[0]), where)
    if not any(columns):
        raise InputError(
            f"{where} has no header in row {source.header_row}; set header_row to the row with the column names"
        )
    return Head(encoding, "\t" if is_spaced else delimiter, columns, source.first_row, is_spaced)


def refuse_other_kinds(start: bytes, where: str) -> None:
    """Refuse what is no text at all, with what it is."""
    for magic, what in _OTHERS.items():
        if start.startswith(magic):
            raise InputError(f"{where} is no CSV but {what}")


def encoding_of(declared: str, start: bytes, where: str) -> str:
    """The declared encoding, or that of the byte-order mark, or UTF-8; refuses what is plainly something else."""
    marked = next((name for mark, name in _MARKS if start.startswith(mark)), None)
    if marked and declared != "auto" and not marked.startswith(declared):
        raise InputError(f"{where} is marked as {marked[:6].rstrip('-')}, not {declared}; set encoding: auto")
    wide = unmarked(start)
    encoding = marked or (wide or "utf-16-le" if declared == "utf-16" else declared).replace("auto", "utf-8")
    if encoding == "utf-8" and wide:
        raise InputError(f"{where} is not in UTF-8 (every second byte is zero); set encoding: utf-16")
    if encoding == "utf-8":
        _refuse_other_bytes(start, where)
    return encoding


def unmarked(start: bytes) -> str | None:
    """UTF-16 without a mark: one byte of each comma, digit and line end is zero, the second in little-endian.

    Text in any other encoding has no such bytes. Of Chinese text few are, so a fiftieth is enough if all the rest fits.
    """
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) * 50 < len(start) or min(even, odd) * 8 > max(even, odd):
        return None
    name = "utf-16-le" if odd > even else "utf-16-be"
    whole = start[: len(start) // 2 * 2]
    is_plain = max(even, odd) * 4 >= len(start)
    return name if is_plain or (_is(whole, name) and {"\n", "\r"} & set(whole.decode(name))) else None


def _refuse_other_bytes(start: bytes, where: str) -> None:
    """Single lines with wrong bytes are set aside later; a header or most text in another encoding is refused."""
    lines = start.split(b"\n")
    if len(start) == _HEAD:
        del lines[-1]
    foreign = [(number, line) for number, line in enumerate(lines, 1) if not line.isascii()]
    wrong = [(number, line) for number, line in foreign if not _is(line, "utf-8")]
    right = len(foreign) - len(wrong)
    if not wrong or (wrong[0][0] > 1 and (len(wrong) == 1 or len(wrong) <= right)):
        return
    number, line = wrong[0]
    byte = _first_bad(line)
    other = "gb18030" if _is(b"\n".join(line for _n, line in wrong), "gb18030") else "latin-1"
    raise InputError(
        f"{where} is not in UTF-8 (line {number} has the byte 0x{byte:02X}); "
        f"set encoding: {other}{' or latin-1' if other == 'gb18030' else ''}, or save it as CSV UTF-8"
    )


def _is(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _first_bad(line: bytes) -> int:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        return line[error.start]
    raise ValueError("all bytes are UTF-8")


def decoded(start: bytes, encoding: str, *, whole: bool) -> str:
    """The first lines of a file, without the one that the cut splits."""
    text = decoder(encoding).decode(start).removeprefix("\ufeff")
    end = max(text.rfind("\n"), text.rfind("\r"))
    return text if whole or end < 0 else text[: end + 1]


def decoder(encoding: str) -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder(codec(encoding))(errors_of(encoding))


def codec(encoding: str) -> str:
    """Python's name of an encoding."""
    return _CODECS.get(encoding, encoding)


def errors_of(encoding: str) -> str:
    """How bytes that are no text are carried along, so that they are no text in UTF-8 either."""
    return "surrogatepass" if encoding.startswith("utf-16") else "surrogateescape"


def _delimiter(source: Source, text: str) -> str:
    """The delimiter under which the header holds most of the columns that the mapping names."""
    wanted = set(source.columns.values())
    last = max(source.first_row - 1, 1)

    def found(delimiter: str) -> int:
        records = list(_first_records(text, delimiter, last))
        return len(wanted & set(named(records, source.header_row))) if len(records) == last else 0

    likeliest = max(DELIMITERS, key=found)
    return SPACES if found(likeliest) < 2 <= len(wanted) == found(SPACES) else likeliest


def _refuse_other_delimiter(source: Source, columns: tuple[str, ...], where: str) -> None:
    other = next((d for d in DELIMITERS if d in columns[0]), None) if len(columns) == 1 else None
    if other and len(source.columns) > 1:
        raise InputError(
            f"{where} has one column, '{columns[0][:100]}', under the delimiter {source.delimiter!r}; "
            f"set delimiter to {other!r}, or auto"
        )


def _records(text: str, delimiter: str, count: int, where: str) -> list[list[str]]:
    try:
        records = list(_first_records(text, delimiter, count))
    except csv.Error as error:
        raise InputError(f"{where} has no readable header ({error}); it needs the column names in one row") from None
    if len(records) < count:
        raise InputError(f"{where} ends before its header row {count}; set header_row to the row with the column names")
    return records


def reader(text: str, delimiter: str) -> Iterator[list[str]]:
    """The records of a text under a delimiter or `SPACES`; raises csv.Error."""
    if delimiter == SPACES:
        text, delimiter = unspaced(text), "\t"
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)


def unspaced(text: str) -> str:
    """Whole lines with a tab for each run of spaces between cells, and none around them."""
    return _RUN.sub("\t", _ENDS.sub("", text))


def _first_records(text: str, delimiter: str, count: int) -> Iterator[list[str]]:
    for _number, record in zip(range(count), reader(text, delimiter), strict=False):
        yield record
