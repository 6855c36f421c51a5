"""Cells as what they are: money in major units, dates as dates, text never as a formula, nothing as nothing.

A column is prepared as a whole, each distinct text once; then the rows are written.
"""

import math
from typing import Any

import numpy as np
import pandas as pd
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from crmlib.report import excel_xml
from crmlib.report.excel_rows import Sheet, legible
from crmlib.schema.model import Column
from crmlib.views import style, tables

HEADER_ROW = 3  # title, note and link stand above it
LINE_HEIGHT = 15  # points
LONGEST_TEXT = 32_767
LEFT = ("text", "date", "timestamp", "boolean")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Columns that people fill in, which the next run reads back; what they write stays text.
WRITTEN = ("custom_tags", "actual_execution", "completion_status", "execution_note", "gap_reason", "improvement")
_MOST_LINES = 25
_SAMPLED = 500  # rows that decide a column's width
_FIRST_DAY = pd.Timestamp("1899-12-30")
_FIRST_SAFE = 61  # Excel believes that 1900 was a leap year; earlier days are written as text
KINDS = {
    "share": "percent",
    "rate": "percent",
    "ratio": "percent",
    "score": "score",
    "hours": "hours",
    "money": "money",
}


def formats(book: xlsxwriter.Workbook, minor_digits: int) -> dict[str, Format]:
    money = "#,##0" + ("." + "0" * minor_digits if minor_digits else "")
    top, left = {"valign": "top"}, {"valign": "top", "align": "left", "indent": 1}
    head = {"bold": True, "text_wrap": True, "valign": "bottom", "bottom": 2, "bottom_color": style.ACCENT}
    looks = {
        "title": {"font_size": 16, "font_color": style.ACCENT},
        "note": {"font_color": style.MUTED},
        "link": {"font_color": style.ACCENT, "underline": 1, "valign": "top"},
        "head": {"indent": 1, **head},
        "head_number": {"align": "right", **head},
        "text": {"text_wrap": True, **left},
        "strong": {"text_wrap": True, "bold": True, **left},
        "quoted": {"text_wrap": True, "quote_prefix": True, **left},
        "written": {"text_wrap": True, "num_format": "@", **left},
        "integer": {"num_format": "#,##0", **top},
        "number": {"num_format": "#,##0.00", **top},
        "score": {"num_format": '[>=100]0.0;[>99.9]"99.9";0.0', **top},  # 99.97 points are not all (`style.points`)
        "hours": {"num_format": "0.0", **top},
        "percent": {"num_format": "0.0%", **top},
        "money": {"num_format": money, **top},
        "date": {"num_format": "yyyy-mm-dd", **left},
        "timestamp": {"num_format": "yyyy-mm-dd hh:mm", **left},
        "boolean": {"num_format": '"TRUE";"TRUE";"FALSE"', **left},  # LibreOffice fails to draw them without
    }
    return {name: book.add_format(look) for name, look in looks.items()}


def kind(entry: Column) -> str:
    if entry.dtype in ("string", "date", "timestamp", "boolean"):
        return {"string": "text"}.get(entry.dtype, entry.dtype)
    if entry.unit in KINDS or entry.unit == "kpi":
        return KINDS.get(entry.unit, "kpi")
    return "integer" if entry.dtype == "int64" else "number"


def write_rows(page: Worksheet, sheet: Sheet, widths: list[float], looks: dict[str, Format], minor: int) -> None:
    known = {name: excel_xml.number_of(look) for name, look in looks.items()}
    columns = [_column(sheet.rows[c], c, sheet.units, known, minor) for c in sheet.rows.columns]
    heights = [LINE_HEIGHT * n if n > 1 else 0 for n in _heights(sheet.rows, widths)]  # Excel would fit them by itself
    excel_xml.append(page, HEADER_ROW + 1, columns, heights)


def write_text(page: Worksheet, at: tuple[int, int], words: str, looks: dict[str, Format], look: str = "text") -> None:
    """Text as text, whatever it begins with; also when the cell is edited, thanks to the quote prefix."""
    kept = safe(words)
    page.write_string(*at, kept, looks["quoted" if kept.startswith(FORMULA_STARTS) else look])


def safe(words: str) -> str:
    """As much as a cell takes. Text that is XML of the writer's own for rich strings would be taken for such: a space
    that has no width keeps it text."""
    kept = legible(words)
    return ("\u200b" + kept if kept.startswith("<r>") and kept.endswith("</r>") else kept)[:LONGEST_TEXT]


def width(heading: str, values: pd.Series) -> float:
    """Wide enough for most values; the heading and long texts wrap."""
    longest = max((_shown_wide(v) for v in values.iloc[:_SAMPLED]), default=0)
    return min(48.0, max(10.0, longest + 4, tables.columns_wide(heading) / 2 + 4))


def lines(words: str, wide: float) -> int:
    """How many lines a text takes in a column; at most what Excel allows for a row's height."""
    if len(words) * 2 <= wide - 3 and "\n" not in words:
        return 1
    return min(_MOST_LINES, sum(max(1, math.ceil(tables.columns_wide(t) / (wide - 3))) for t in words.split("\n")))


def _shown_wide(value: Any) -> int:
    if isinstance(value, float):
        return len(f"{value:,.2f}")
    return 10 if isinstance(value, pd.Timestamp) else tables.columns_wide(str(value))


def _heights(rows: pd.DataFrame, widths: list[float]) -> list[int]:
    heights = [1] * len(rows)
    for column, wide in zip(rows.columns, widths, strict=True):
        if pd.api.types.is_string_dtype(rows[column]) or rows[column].dtype == "object":
            known = {t: lines(t, wide) for t in rows[column].unique() if isinstance(t, str)}
            if max(known.values(), default=1) > 1:
                heights = [max(h, known.get(v, 1)) for h, v in zip(heights, rows[column], strict=True)]
    return heights


def _column(values: pd.Series, name: str, units: tuple[str, ...], looks: dict[str, int], minor: int) -> list[str]:
    """The cells of a column as XML; text stands in for a figure that may not be told."""
    wanted = kind(tables.column_of(name))
    if pd.api.types.is_datetime64_any_dtype(values):
        values = (values - _FIRST_DAY) / pd.Timedelta(days=1)  # as Excel counts days
    if pd.api.types.is_float_dtype(values) or pd.api.types.is_integer_dtype(values):
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        if wanted == "kpi":
            kinds = [KINDS.get(unit, "number") for unit in units]
            return [_figure(v, k, looks, minor) for v, k in zip(numbers.tolist(), kinds, strict=True)]
        return _figures(numbers, wanted, looks, minor)
    given = values.astype("object").where(values.notna(), None).tolist()
    look = "written" if name in WRITTEN else "text"
    texts = {v: _text(v, look, looks) for v in {v for v in given if isinstance(v, str)}}
    if wanted == "kpi":
        kinds = [KINDS.get(unit, "number") for unit in units]
        return [
            texts[v] if isinstance(v, str) else _figure(v, k, looks, minor) for v, k in zip(given, kinds, strict=True)
        ]
    return [texts[v] if isinstance(v, str) else _figure(v, wanted, looks, minor) for v in given]


def _text(value: str, look: str, looks: dict[str, int]) -> str:
    kept = legible(value)[:LONGEST_TEXT]
    return excel_xml.words(kept, looks["quoted" if kept.startswith(FORMULA_STARTS) else look]) if kept else ""


def _figures(numbers: np.ndarray, wanted: str, looks: dict[str, int], minor: int) -> list[str]:
    """The common case at once: a column of plain numbers in one format."""
    least = _FIRST_SAFE if wanted in ("date", "timestamp") else -math.inf
    if np.isinf(numbers).any() or (numbers < least).any():
        return [_figure(v, wanted, looks, minor) for v in numbers.tolist()]
    shown, look = (numbers / minor if wanted == "money" else numbers), looks[wanted]
    return [excel_xml.number(v, look) if v == v else "" for v in shown.tolist()]  # noqa: PLR0124 - NaN is not itself


def _figure(value: Any, wanted: str, looks: dict[str, int], minor: int) -> str:
    if tables.is_blank(value):
        return ""
    if wanted == "text":
        return _text(str(value), "text", looks)
    if wanted == "boolean":
        return excel_xml.boolean(bool(value), looks["boolean"])
    if wanted in ("date", "timestamp") and value < _FIRST_SAFE:
        return _text(f"{_FIRST_DAY + pd.Timedelta(days=math.floor(value)):%Y-%m-%d}", "text", looks)
    if math.isinf(value):
        return _text("∞" if value > 0 else "-∞", "text", looks)
    return excel_xml.number(value / minor if wanted == "money" else float(value), looks[wanted])
