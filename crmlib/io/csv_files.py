"""CSV files as tables of text; what the engine cannot read as it is (another encoding, mixed line ends) is copied once.

The copy is a scratch file that lives as long as the connection.
"""

import codecs
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import ibis
import ibis.expr.types as ir
import numpy as np
from ibis.backends.duckdb import Backend

from crmlib.io import csv_heads, engine
from crmlib.io.csv_heads import Head
from crmlib.params import Source

_CHUNK = 1 << 18
_REASONS = {"INVALID ENCODING": "not_text", "LINE SIZE OVER MAXIMUM": "too_long"}


@dataclass(frozen=True)
class Lines:
    """The rows of a file as text in columns c0, c1 …; `rejects` (what could not be split) is full after their scan.

    `plain` is what the engine reads: the file itself, or its copy in UTF-8. `ended` is how many lines the file has,
    None where it is a copy.
    """

    head: Head
    plain: Path
    table: ir.Table
    rejects: ir.Table
    faults: ir.Table
    ended: int | None


def read(con: Backend, source: Source, file: Path, where: str) -> Lines:
    """The rows of a file, read when the engine scans them."""
    start = csv_heads.head(source, file, where)
    ended = _line_count(_chunks(file)) if start.encoding == "utf-8" and not start.is_spaced else None
    plain = file if ended is not None else _copy(con, file, start)
    table = engine.read_csv(con, plain, start.delimiter, len(start.columns), start.first_row - 1)
    rejects = engine.csv_rejects(con, plain)
    reason = ibis.cases(*[(rejects.kind == k, r) for k, r in _REASONS.items()], else_="malformed")
    said = rejects.select(file=ibis.literal(file.name), row=rejects.row, value=rejects.value.left(500), reason=reason)
    return Lines(start, plain, table, said, rejects, ended)


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb", buffering=0) as raw:
        while chunk := raw.read(_CHUNK):
            yield chunk


def _line_count(chunks: Iterator[bytes]) -> int | None:
    """Lines of a file; None where carriage returns and line feeds both end lines: the engine cannot tell where."""
    returns = feeds = both = 0
    last = b""
    for chunk in chunks:
        if b"\r" in chunk or returns:
            signs = np.frombuffer(last + chunk, np.uint8)
            both += int(((signs[:-1] == 13) & (signs[1:] == 10)).sum())
            returns += chunk.count(b"\r")
        feeds += int(np.count_nonzero(np.frombuffer(chunk, np.uint8) == ord("\n")))  # half the time of `count`
        last = chunk[-1:]
    if returns > 0 and feeds > 0 and not returns == feeds == both:
        return None
    return max(returns, feeds) + (last not in b"\r\n")


def _copy(con: Backend, file: Path, start: Head) -> Path:
    """The file in UTF-8 with one kind of line end; bytes that are no text stay so, for the engine to reject.

    Where columns stand in line, one tab separates them in the copy.
    """
    folder = Path(tempfile.mkdtemp(prefix="crmlib-csv-"))
    weakref.finalize(con, shutil.rmtree, folder, ignore_errors=True)
    decoder = csv_heads.decoder(start.encoding)
    errors = csv_heads.errors_of(start.encoding)
    copy = folder / "rows.csv"
    with copy.open("wb") as out:
        held = ""
        for chunk in _chunks(file):
            text = held + decoder.decode(chunk)
            held = _cut(text) if start.is_spaced else "\r" if text.endswith("\r") else ""
            out.write(_written(text.removesuffix(held), start).encode("utf-8", errors))
        out.write(_written(held + _last(decoder), start).encode("utf-8", errors))
    return copy


def _cut(text: str) -> str:
    """The line that the end of a text cuts."""
    return text[max(text.rfind("\n"), text[:-1].rfind("\r")) + 1 :]


def _written(text: str, start: Head) -> str:
    return _one_line_end(csv_heads.unspaced(text) if start.is_spaced else text)


def _last(decoder: codecs.IncrementalDecoder) -> str:
    """What is left of a character that the end of the file cuts: a byte that is no text."""
    try:
        return decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "\ud800"


def _one_line_end(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def swallowed(lines: Lines) -> int | None:
    """The row where a quote opens that swallows rows after it, when the file was scanned; none is the usual case.

    A cell may hold line breaks; but where a line inside the broken record has as many delimiters as a row, it is one.
    """
    width = len(lines.head.columns)
    broken = lines.faults.filter(lines.faults.value.contains("\n")).order_by("row").limit(1000)
    for record in broken.select("row", "value").to_pyarrow().to_pylist():
        inner = record["value"].splitlines()[1:]
        if width > 1 and any(line.count(lines.head.delimiter) == width - 1 for line in inner):
            return int(record["row"])
    return None


def blank_lines(lines: Lines, first_row: int, records: int | None = None) -> tuple[int, ...]:
    """Numbers of blank lines between the rows: they hold nothing, but people's programs count them as rows.

    A file of as many lines as `records` (rows and rejects) and header has none; else it is read once more.
    """
    plain = lines.plain
    if records is not None and lines.ended is not None and lines.ended <= records + first_row - 1:
        return ()
    if not _has_blank_between(plain):
        return ()
    cr_only = b"\n" not in next(_chunks(plain))
    return tuple(number for number in _blank_records(plain, b"\r" if cr_only else b"\n") if number >= first_row)


def _has_blank_between(plain: Path) -> bool:
    """Whether an empty line stands somewhere before a line that is not."""
    held, found = b"", False
    for chunk in _chunks(plain):
        text = held + chunk
        at = 0 if found else _first_blank(text)
        found = found or at >= 0
        if found and text[at:].strip(b"\r\n"):
            return True
        held = text[-2:]
    return False


def _first_blank(text: bytes) -> int:
    """Where two line ends first stand together; -1 where they do not."""
    if b"\r" in text:
        return min((at for sign in (b"\n\n", b"\n\r\n", b"\r\r") if (at := text.find(sign)) >= 0), default=-1)
    feeds = np.frombuffer(text, np.uint8) == ord("\n")
    pairs = feeds[1:] & feeds[:-1]
    return int(pairs.argmax()) if pairs.any() else -1


def _blank_records(plain: Path, end: bytes) -> Iterator[int]:
    """Record numbers of blank lines; a line break between quotes ends no record."""
    number, inside, held = 1, False, b""
    for chunk in _chunks(plain):
        *lines, held = (held + chunk).split(end)
        for line in lines:
            if not inside and not line.strip(b"\r"):
                yield number
            inside ^= line.count(b'"') % 2 == 1
            number += not inside
