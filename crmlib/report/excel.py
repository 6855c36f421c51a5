"""The deliverables as one formatted workbook: a cover, definitions, and a sheet for each table that exists.

Text is always written as text: `=HYPERLINK(...)` in a customer's name stays a name, also when the cell is edited (quote
prefix). It is not altered, so identifiers still match; a CSV saved from a sheet is therefore not safe to open in Excel,
and the cover says so. Sheets hold as many rows as people work with (`report.excel_rows`), the best first; the whole
lists are the stored tables.
"""

import io
from collections.abc import Mapping
from datetime import datetime, time

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from crmlib import schema
from crmlib.io.store import Store
from crmlib.report import excel_cells, excel_cover, excel_marks, excel_rows
from crmlib.report.excel_cells import HEADER_ROW
from crmlib.report.excel_rows import Sheet
from crmlib.report.excel_words import meaning, say
from crmlib.report.text import quarter, text
from crmlib.views import style, tables

_CHOICES = {"completion_status": ("open", "partial", "done")}


def build(store: Store, lang: str, facts: Mapping[str, str] | None = None) -> bytes:
    """The workbook of one quarter; the same stored tables give the same bytes. `facts` (say, hashes of the inputs)
    stand on the cover."""
    settings, first = store.settings, (say("workbook", lang), say("definitions", lang))
    sheets = excel_rows.read(store, lang, settings.report.excel_rows, first)
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"constant_memory": True}) as book:
        title = text("title", lang, quarter=quarter(settings.period, lang))
        # XlsxWriter would put the time of writing here
        book.set_properties({"title": title, "created": datetime.combine(settings.period.as_of, time())})
        looks, marks = excel_cells.formats(book, settings.book.minor_digits), excel_marks.formats(book)
        looks |= {f"mark_{name}": look for name, look in marks.items()}
        cover, definitions = (book.add_worksheet(name) for name in first)
        for sheet in sheets:
            page = book.add_worksheet(sheet.name)
            _write_sheet(page, sheet, looks, store, lang)
            excel_marks.write(page, sheet, marks, settings, lang)
        excel_cover.write_cover(cover, sheets, looks, store, lang, facts or {})
        excel_cover.write_definitions(definitions, sheets, looks, settings, lang)
    return buffer.getvalue()


def _write_sheet(page: Worksheet, sheet: Sheet, looks: dict[str, Format], store: Store, lang: str) -> None:
    book, rows = store.settings.book, sheet.rows
    headings = [tables.heading(c, lang, book) for c in rows.columns]
    widths = [excel_cells.width(heading, rows.iloc[:, n]) for n, heading in enumerate(headings)]
    for n, (name, wide) in enumerate(zip(rows.columns, widths, strict=True)):
        page.set_column(n, n, wide, looks["written"] if name in excel_cells.WRITTEN else None)
    page.write_string(0, 0, schema.title(sheet.table, lang), looks["title"])
    page.write_string(1, 0, _note(sheet, store, lang), looks["note"])
    page.write_url(2, 0, f"internal:'{say('workbook', lang)}'!A1", looks["link"], text("back", lang))
    page.set_row(HEADER_ROW, excel_cells.LINE_HEIGHT * max(map(excel_cells.lines, headings, widths)))
    for n, (name, heading) in enumerate(zip(rows.columns, headings, strict=True)):
        is_left = excel_cells.kind(tables.column_of(name)) in excel_cells.LEFT
        page.write_string(HEADER_ROW, n, excel_cells.safe(heading), looks["head" if is_left else "head_number"])
    _explain(page, sheet, lang)
    excel_cells.write_rows(page, sheet, widths, looks, 10**book.minor_digits)
    _offer_choices(page, sheet, lang)
    last_row, last_column = HEADER_ROW + max(len(rows), 1), len(headings) - 1
    page.autofilter(HEADER_ROW, 0, last_row, last_column)
    last = xl_rowcol_to_cell(last_row, last_column)
    page.ignore_errors({"number_stored_as_text": f"A1:{last}"})  # identifiers are text
    page.freeze_panes(HEADER_ROW + 1, 1)
    _set_up_print(page, schema.title(sheet.table, lang), tables.book_name(book, lang))


def _explain(page: Worksheet, sheet: Sheet, lang: str) -> None:
    """What a column means beyond its heading shows when the heading is selected; no comment boxes, no drawings."""
    for n, name in enumerate(sheet.rows.columns):
        said = meaning(name, lang)
        if said:
            page.data_validation(HEADER_ROW, n, HEADER_ROW, n, {"validate": "any", "input_message": said[:255]})


def _note(sheet: Sheet, store: Store, lang: str) -> str:
    book, period = store.settings.book, store.settings.period
    parts = [tables.book_name(book, lang), quarter(period, lang), tables.book_notice(book, lang)]
    return style.in_order(" · ".join(part for part in [*parts, *excel_cover.notices(sheet, lang)] if part))


def _offer_choices(page: Worksheet, sheet: Sheet, lang: str) -> None:
    """Drop-downs where people choose a word."""
    for n, name in enumerate(sheet.rows.columns):
        if name in _CHOICES and len(sheet.rows):
            words = [schema.word(code, lang) for code in _CHOICES[name]]
            last = HEADER_ROW + len(sheet.rows)
            page.data_validation(HEADER_ROW + 1, n, last, n, {"validate": "list", "source": words})


def _set_up_print(page: Worksheet, title: str, book: str) -> None:
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    page.repeat_rows(HEADER_ROW)
    left, right = (words.replace("&", "&&")[:100] for words in (title, book))
    page.set_header(f"&L{left}&R{right}")
    page.set_footer("&C&P / &N")
