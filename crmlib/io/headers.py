"""Column names as people wrote them, made comparable."""

import re
from collections.abc import Sequence

_UNSEEN = re.compile("[\u200b\u200c\u200d\u2060\ufeff\x00-\x1f]+")


def clean(name: object) -> str:
    """A name without what no one sees: byte-order marks, zero-width and odd spaces, line breaks."""
    return " ".join(_UNSEEN.sub(" ", str(name)).split())


def named(rows: Sequence[Sequence[object]], header_row: int) -> tuple[str, ...]:
    """The columns' names from the first rows of a file; `column1`, `column2` … where it has no header (row 0)."""
    if header_row:
        return joined(rows[header_row - 1 :])
    return tuple(f"column{i}" for i in range(1, max(map(len, rows), default=0) + 1))


def joined(rows: Sequence[Sequence[object]]) -> tuple[str, ...]:
    """One name per column from one header row or several; a merged cell above counts for the columns to its right."""
    width = max(map(len, rows), default=0)
    cells = [[clean(cell) for cell in row] + [""] * (width - len(row)) for row in rows]
    for row in cells[:-1]:
        for i in range(1, width):
            row[i] = row[i] or row[i - 1]
    return tuple(" / ".join(dict.fromkeys(filter(None, parts))) for parts in zip(*cells, strict=True))
