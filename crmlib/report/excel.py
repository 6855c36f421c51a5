"""The deliverables as one formatted workbook: a cover, and a sheet for each table that exists.

Text is always written as text: `=HYPERLINK(...)` in a customer's name stays a name, also when the cell is edited (quote
prefix). It is not altered, so identifiers still match; a CSV saved from a sheet is therefore not safe to open in Excel,
and the cover says so.
"""

import io
import math
import re
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

import pandas as pd
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from crmlib import schema
from crmlib.io.store import Store
from crmlib.report.text import quarter, text
from crmlib.schema.model import Column
from crmlib.views import style, suppression, tables

_HEADER_ROW = 3  # title, note and link stand above it
MAX_ROWS = 1_048_576 - _HEADER_ROW - 1
_LONGEST_TEXT = 32_767
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_LINE_HEIGHT = 15  # points
_SAMPLED = 500  # rows that decide a column's width
_ACCENT, _MUTED, _LINE = style.ACCENT, style.MUTED, style.LINE
_LEFT = ("text", "date", "timestamp", "boolean")
_CELL = {"valign": "top", "bottom": 1, "bottom_color": _LINE}
_KINDS = {
    "share": "percent",
    "rate": "percent",
    "ratio": "percent",
    "score": "score",
    "hours": "score",
    "money": "money",
}


@dataclass(frozen=True)
class _Sheet:
    """One deliverable: its rows in the reader's words, as many as fit; `units` holds the unit of each row's KPI."""

    table: str
    name: str
    rows: pd.DataFrame
    units: tuple[str, ...]
    all_rows: int
    is_illustrative: bool


def build(store: Store, lang: str, max_rows: int = MAX_ROWS) -> bytes:
    """The workbook of one quarter; the same stored tables give the same bytes. Longer tables are cut, and say so."""
    present = [name for name in schema.deliverables() if store.has(name)]
    sheets = [_sheet(store, name, lang, max_rows) for name in present]
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"constant_memory": True}) as book:
        period = store.settings.period
        title = text("title", lang, quarter=quarter(period, lang))
        # XlsxWriter would put the time of writing here
        book.set_properties({"title": title, "created": datetime.combine(period.as_of, time())})
        formats = _formats(book, store.settings.book.minor_digits)
        cover = book.add_worksheet(text("workbook", lang))
        for sheet in sheets:
            _write_sheet(book.add_worksheet(sheet.name), sheet, formats, store, lang)
        _write_cover(cover, sheets, formats, store, lang)
    return buffer.getvalue()


def _sheet(store: Store, name: str, lang: str, max_rows: int) -> _Sheet:
    frame = store.frame(name)
    local = tables.in_language(frame.head(max_rows), lang)
    codes = [c for c in local.columns if tables.column_of(c).unit == "word"]
    worded = local.assign(**{c: local[c].map(lambda code: _words(code, lang)) for c in codes})
    if "source" in worded:
        named = worded["source"].map(lambda code: schema.source(code, lang), na_action="ignore")
        worded = worded.assign(source=named)
    worded = _told(worded, frame.head(max_rows), store.settings.privacy.min_cell, lang)
    units = tuple(local["kpi_unit"].astype(str)) if "kpi_unit" in local else ("",) * len(local)
    title = f"{schema.TABLES[name].deliverable} {schema.title(name, lang)}"
    return _Sheet(name, _sheet_name(title), worded, units, len(frame), tables.is_illustrative(frame))


def _told(rows: pd.DataFrame, frame: pd.DataFrame, min_cell: int, lang: str) -> pd.DataFrame:
    """Figures of groups of fewer than `min_cell` customers replaced by what may be said of them."""
    marks = suppression.hidden(frame, min_cell)
    said = {suppression.SMALL: f"<{min_cell}", suppression.HIDDEN: text("hidden", lang)}
    touched = [c for c in rows.columns if c in marks.columns and (marks[c] != "").any()]
    return rows.assign(**{c: rows[c].astype("object").where(marks[c] == "", marks[c].map(said)) for c in touched})


def _words(code: Any, lang: str) -> str | None:
    return None if tables.is_blank(code) else tables.words_of(str(code), lang)


def _sheet_name(title: str) -> str:
    return re.sub(r"[\[\]:*?/\\]", " ", title)[:31].strip(" '")


def _formats(book: xlsxwriter.Workbook, minor_digits: int) -> dict[str, Format]:
    money = "#,##0" + ("." + "0" * minor_digits if minor_digits else "")
    looks = {
        "title": {"font_size": 16, "font_color": _ACCENT},
        "note": {"font_color": _MUTED},
        "link": {"font_color": _ACCENT, "underline": 1, **_CELL},
        "head": {"bold": True, "text_wrap": True, "indent": 1, "bottom": 2, "bottom_color": _ACCENT},
        "head_number": {"bold": True, "text_wrap": True, "align": "right", "bottom": 2, "bottom_color": _ACCENT},
        "text": {"text_wrap": True, "align": "left", "indent": 1, **_CELL},
        "quoted": {"text_wrap": True, "align": "left", "indent": 1, "quote_prefix": True, **_CELL},
        "integer": {"num_format": "#,##0", **_CELL},
        "number": {"num_format": "#,##0.00", **_CELL},
        "score": {"num_format": "0.0", **_CELL},
        "percent": {"num_format": "0.0%", **_CELL},
        "money": {"num_format": money, **_CELL},
        "date": {"num_format": "yyyy-mm-dd", "align": "left", "indent": 1, **_CELL},
        "timestamp": {"num_format": "yyyy-mm-dd hh:mm", "align": "left", "indent": 1, **_CELL},
        "boolean": {"align": "left", "indent": 1, **_CELL},
    }
    return {name: book.add_format(look) for name, look in looks.items()}


def _write_sheet(page: Worksheet, sheet: _Sheet, formats: dict[str, Format], store: Store, lang: str) -> None:
    settings, rows = store.settings, sheet.rows
    headings = [tables.heading(c, lang, settings.book) for c in rows.columns]
    widths = [_width(heading, rows.iloc[:_SAMPLED, column]) for column, heading in enumerate(headings)]
    for column, width in enumerate(widths):
        page.set_column(column, column, width)
    page.write_string(0, 0, schema.title(sheet.table, lang), formats["title"])
    page.write_string(1, 0, _note(sheet, store, lang), formats["note"])
    page.write_url(2, 0, f"internal:'{text('workbook', lang)}'!A1", formats["link"], text("back", lang))
    page.set_row(_HEADER_ROW, _LINE_HEIGHT * _lines(headings, widths))
    for column, (name, heading) in enumerate(zip(rows.columns, headings, strict=True)):
        head = "head_number" if _kind(tables.column_of(name)) not in _LEFT else "head"
        page.write_string(_HEADER_ROW, column, heading, formats[head])
    _write_rows(page, sheet, widths, formats, 10**settings.book.minor_digits)
    page.autofilter(_HEADER_ROW, 0, _HEADER_ROW + max(len(rows), 1), len(headings) - 1)
    last = xl_rowcol_to_cell(_HEADER_ROW + max(len(rows), 1), len(headings) - 1)
    page.ignore_errors({"number_stored_as_text": f"A1:{last}"})  # identifiers are text
    page.freeze_panes(_HEADER_ROW + 1, 1)
    _set_up_print(page, schema.title(sheet.table, lang), tables.book_name(settings.book, lang))


def _note(sheet: _Sheet, store: Store, lang: str) -> str:
    book, period = store.settings.book, store.settings.period
    parts = [tables.book_name(book, lang), quarter(period, lang), tables.book_notice(book, lang)]
    if sheet.is_illustrative:
        parts.append(text("illustrative", lang))
    if sheet.rows.empty:
        parts.append(text("empty", lang))
    if len(sheet.rows) < sheet.all_rows:
        parts.append(text("cut", lang, rows=f"{len(sheet.rows):,}", all=f"{sheet.all_rows:,}"))
    return " · ".join(part for part in parts if part)


def _write_rows(page: Worksheet, sheet: _Sheet, widths: list[float], formats: dict[str, Format], minor: int) -> None:
    kinds = [_kind(tables.column_of(c)) for c in sheet.rows.columns]
    rows = sheet.rows.itertuples(index=False)
    for n, (row, unit) in enumerate(zip(rows, sheet.units, strict=True), _HEADER_ROW + 1):
        lines = _lines([value if isinstance(value, str) else "" for value in row], widths)
        if lines > 1:  # Excel fits the height by itself, other programs do not
            page.set_row(n, _LINE_HEIGHT * lines)
        for column, (value, kind) in enumerate(zip(row, kinds, strict=True)):
            known = _KINDS.get(unit, "number") if kind == "kpi" else kind
            _write_cell(page, (n, column), value, known, formats, minor)


def _lines(texts: list[str], widths: list[float]) -> int:
    """How many lines the fullest cell of a row needs; at most what Excel allows for a row's height."""
    used = (math.ceil(tables.columns_wide(t) / (w - 3)) for t, w in zip(texts, widths, strict=True))
    return min(max(1, *used), 25)


def _kind(entry: Column) -> str:
    if entry.dtype in ("string", "date", "timestamp", "boolean"):
        return {"string": "text"}.get(entry.dtype, entry.dtype)
    if entry.unit in _KINDS or entry.unit == "kpi":
        return _KINDS.get(entry.unit, "kpi")
    return "integer" if entry.dtype == "int64" else "number"


def _write_cell(
    page: Worksheet, at: tuple[int, int], value: Any, kind: str, formats: dict[str, Format], minor: int
) -> None:
    """One value as what it is: money in major units, dates as dates, text never as a formula, nothing as a blank."""
    if tables.is_blank(value):
        page.write_blank(*at, None, formats["text"])
    elif kind == "text" or isinstance(value, str):
        kept = style.in_order(str(value))[:_LONGEST_TEXT]
        page.write_string(*at, kept, formats["quoted" if kept.startswith(_FORMULA_STARTS) else "text"])
    elif kind in ("date", "timestamp"):
        page.write_datetime(*at, pd.Timestamp(value).to_pydatetime(), formats[kind])
    elif kind == "boolean":
        page.write_boolean(*at, bool(value), formats[kind])
    else:
        page.write_number(*at, value / minor if kind == "money" else float(value), formats[kind])


def _width(heading: str, values: pd.Series) -> float:
    """Wide enough for most values; the heading and long texts wrap."""
    shown = [
        f"{v:,.2f}" if isinstance(v, float) else str(v)[:10] if isinstance(v, datetime) else str(v) for v in values
    ]
    longest = max((tables.columns_wide(v) for v in shown), default=0)
    return min(48.0, max(10.0, longest + 4, tables.columns_wide(heading) / 2 + 4))


def _set_up_print(page: Worksheet, title: str, book: str) -> None:
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    page.repeat_rows(_HEADER_ROW)
    left, right = (words.replace("&", "&&")[:100] for words in (title, book))
    page.set_header(f"&L{left}&R{right}")
    page.set_footer("&C&P / &N")


def _write_cover(page: Worksheet, sheets: list[_Sheet], formats: dict[str, Format], store: Store, lang: str) -> None:
    """What the workbook is, and every deliverable of the method with its sheet, or that it is absent."""
    settings = store.settings
    page.set_column(0, 0, 52)
    page.set_column(1, 1, 14)
    page.set_column(2, 2, 34)
    page.write_string(0, 0, text("title", lang, quarter=quarter(settings.period, lang)), formats["title"])
    days = text("days", lang, start=settings.period.start, end=settings.period.as_of)
    page.write_string(1, 0, f"{tables.book_name(settings.book, lang)} · {days}", formats["note"])
    page.write_string(2, 0, tables.book_notice(settings.book, lang), formats["note"])
    page.write_string(3, 0, text("formula_note", lang), formats["note"])
    for column, (key, head) in enumerate((("sheet", "head"), ("rows", "head_number"), ("notice", "head"))):
        page.write_string(5, column, text(key, lang), formats[head])
    found = {sheet.table: sheet for sheet in sheets}
    for n, name in enumerate(schema.deliverables(), 6):
        _write_entry(page, n, name, found.get(name), formats, lang)
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    page.hide_gridlines(2)


def _write_entry(
    page: Worksheet, row: int, name: str, sheet: _Sheet | None, formats: dict[str, Format], lang: str
) -> None:
    title = f"{schema.TABLES[name].deliverable} {schema.title(name, lang)}"
    if sheet is None:
        page.write_string(row, 0, title, formats["text"])
        page.write_blank(row, 1, None, formats["text"])
        page.write_string(row, 2, text("absent", lang), formats["text"])
        return
    page.write_url(row, 0, f"internal:'{sheet.name}'!A1", formats["link"], title)
    page.write_number(row, 1, sheet.all_rows, formats["integer"])
    notice = text("illustrative", lang) if sheet.is_illustrative else ""
    if len(sheet.rows) < sheet.all_rows:
        notice = text("cut", lang, rows=f"{len(sheet.rows):,}", all=f"{sheet.all_rows:,}")
    page.write_string(row, 2, notice, formats["text"])
