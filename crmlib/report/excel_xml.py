"""Cells as the XML of a sheet, written in one go: five times as fast as one call of XlsxWriter for each.

XlsxWriter still writes everything else. Of its inner parts this uses the number of a look and the open file of a sheet
in its mode `constant_memory`; the tests read every cell back.
"""

import re
from collections.abc import Sequence

from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Signs that XML cannot hold, and text that looks as if it stood for one of them.
_UNSAFE = re.compile(r"[&<>\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9a-fA-F]{4}_)")


def number(value: float, look: int) -> str:
    return f'" s="{look}"><v>{value!r}</v></c>'


def boolean(value: bool, look: int) -> str:  # noqa: FBT001 - the value of a cell
    return f'" s="{look}" t="b"><v>{int(value)}</v></c>'


def words(value: str, look: int) -> str:
    """A text that is never a formula, with what XML cannot hold written as Excel does: `_x0007_`."""
    kept = _UNSAFE.sub(_escaped, value)
    space = ' xml:space="preserve"' if kept != kept.strip() or "\n" in kept else ""
    return f'" s="{look}" t="inlineStr"><is><t{space}>{kept}</t></is></c>'


def number_of(look: Format) -> int:
    """What cells call a look by."""
    return look._get_xf_index()


def append(page: Worksheet, first: int, columns: Sequence[Sequence[str]], heights: Sequence[float]) -> None:
    """Write rows below what stands on the page, from row `first` (counted from 0) on; an empty cell is "".

    `heights` in points; 0 leaves a row as high as it is.
    """
    page._write_single_row(first)
    letters = [f'<c r="{xl_col_to_name(n)}' for n in range(len(columns))]
    for n, (height, *cells) in enumerate(zip(heights, *columns, strict=True), first + 1):
        row = "".join([f"{letter}{n}{cell}" for letter, cell in zip(letters, cells, strict=True) if cell])
        tall = f' ht="{height:g}" customHeight="1"' if height else ""
        page.row_data_fh.write(f'<row r="{n}"{tall}>{row}</row>')
    page.dim_rowmax = max(page.dim_rowmax, first + len(heights) - 1)
    page.dim_colmax = max(page.dim_colmax, len(columns) - 1)


def _escaped(found: re.Match[str]) -> str:
    sign = found[0]
    return _ESCAPED.get(sign) or f"_x{ord(sign):04X}_"
