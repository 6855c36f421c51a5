"""The registers as one workbook that people edit: a sheet each, headed like its file, with drop-downs and real dates.

It is a file of its own, not more sheets of the deliverables: those are for readers, and customers in them are as the
settings allow; registers are for the people who keep them, with the ids and words as given. `io.register_files` reads
it as it is, and `io.registers_back` writes what was changed into the CSV files. Each cell comes back as the same text:
a number or a date is written as one only where it reads back so, everything else as text.
"""

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from crmlib import schema
from crmlib.errors import InputError
from crmlib.io import register_files, registers
from crmlib.params import Settings
from crmlib.report import excel_xml
from crmlib.report.excel_cells import FORMULA_STARTS, LONGEST_TEXT, formats, lines
from crmlib.report.excel_words import say
from crmlib.report.text import quarter
from crmlib.schema.model import Column
from crmlib.views import tables

_MOST_ROWS = 1_048_575
_ROOM = 1_000  # rows below the last one that have drop-downs as well
_LONGEST_LIST = 255  # letters of a drop-down that Excel takes without a range


@dataclass(frozen=True)
class _Register:
    """The texts of a register; `notice` says why it is not in the workbook."""

    name: str
    rows: list[list[str]]
    notice: str = ""


def of_the_book() -> list[str]:
    """Every register, in the order of the method."""
    return list(schema.REGISTERS)


def without_customers() -> list[str]:
    """Those in which no customer is named, so that they may lie beside the report."""
    return [name for name, register in schema.REGISTERS.items() if "customer_id" not in register.columns]


def build(settings: Settings, lang: str, names: Iterable[str]) -> bytes:
    """The workbook of these registers; the guide also lists the others, and why they are not here."""
    wanted = set(names)
    found = [_read(settings, name, lang, left_out=name not in wanted) for name in schema.REGISTERS]
    there, buffer = [r for r in found if not r.notice], io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"constant_memory": True}) as book:
        title = f"{say('guide_title', lang)} {quarter(settings.period, lang)}"
        book.set_properties({"title": title, "created": datetime.combine(settings.period.as_of, time())})
        looks = formats(book, settings.book.minor_digits) | _looks(book)
        guide = book.add_worksheet(register_files.GUIDES[lang])
        pages = {r.name: book.add_worksheet(r.name) for r in there}
        ranges = _write_choices(book.add_worksheet(register_files.CHOICES), there, settings)
        for register in there:
            _write(pages[register.name], register, looks, settings, lang)
            _offer(pages[register.name], register, ranges, settings, lang)
        _write_guide(guide, found, looks, settings, lang)
    return buffer.getvalue()


def _read(settings: Settings, name: str, lang: str, *, left_out: bool) -> _Register:
    params = f"params/{settings.book_id}/{settings.file.name}"
    if left_out:
        return _Register(name, [], say("left_out_customers", lang, book=settings.book_id, params=params))
    found, problems = register_files.lines(settings, name)
    if problems:
        raise InputError(problems)
    header = [cell.strip() for cell in found[0][1]] if found else []
    cells = [dict(zip(header, (cell.strip() for cell in row), strict=False)) for _number, row in found[1:]]
    rows = [[row.get(column, "") for column in schema.REGISTERS[name].columns] for row in cells]
    if len(rows) > _MOST_ROWS or any(len(cell) > LONGEST_TEXT for row in rows for cell in row):
        return _Register(name, rows, say("left_out_large", lang, book=settings.book_id, name=name))
    return _Register(name, rows)


def _looks(book: xlsxwriter.Workbook) -> dict[str, Format]:
    head = {"bottom": 2, "text_wrap": True, "align": "left", "indent": 1}
    return {
        "must": book.add_format({"bold": True, **head}),
        "may": book.add_format(head),
        "plain": book.add_format({"valign": "top", "align": "left", "indent": 1}),
    }


def _write(page: Worksheet, register: _Register, looks: dict[str, Format], settings: Settings, lang: str) -> None:
    entry = schema.REGISTERS[register.name]
    by_column = [list(cells) for cells in zip(*register.rows, strict=True)] or [[] for _ in entry.columns]
    widths = [_width(name, cells) for name, cells in zip(entry.columns, by_column, strict=True)]
    for n, (name, wide) in enumerate(zip(entry.columns, widths, strict=True)):
        page.set_column(n, n, wide, looks[_look(schema.COLUMNS[name])])
        page.write_string(0, n, name, looks["must" if name in entry.required else "may"])
        page.write_comment(0, n, _hint(register.name, name, settings, lang), {"x_scale": 2, "y_scale": 1.5})
    numbers = {name: excel_xml.number_of(look) for name, look in looks.items()}
    columns = [
        [_cell(cell, schema.COLUMNS[name], numbers) for cell in cells]
        for name, cells in zip(entry.columns, by_column, strict=True)
    ]
    heights = [15 * max(map(lines, row, widths)) for row in register.rows]
    excel_xml.append(page, 1, columns, [height if height > 15 else 0 for height in heights])
    page.freeze_panes(1, 1)
    page.autofilter(0, 0, max(len(register.rows), 1), len(entry.columns) - 1)
    page.ignore_errors(
        {"number_stored_as_text": f"A1:{xl_col_to_name(len(entry.columns))}{len(register.rows) + _ROOM}"}
    )


def _cell(cell: str, entry: Column, looks: dict[str, int]) -> str:
    """As what it is where it comes back as the same text, else as text."""
    if not cell:
        return ""
    serial = _serial(cell, entry.dtype)
    if serial is not None:
        return excel_xml.number(serial, looks[_look(entry)])
    return excel_xml.words(cell, looks["quoted" if cell.startswith(FORMULA_STARTS) else "written"])


def _serial(cell: str, dtype: str) -> float | None:
    """The number that Excel keeps for a number or a date, or None for text."""
    try:
        if dtype in ("int64", "float64"):
            value = float(cell)
            return value if math.isfinite(value) and register_files.as_text(value) == cell else None
        if dtype in ("date", "timestamp"):
            day = datetime.fromisoformat(cell)
            since = day - datetime(1899, 12, 30)  # noqa: DTZ001 - a register holds local time
            is_same = day.year > 1900 and register_files.as_text(day) == cell
            return since.total_seconds() / 86_400 if is_same else None
    except (ValueError, OverflowError, TypeError):
        return None
    return None


def _look(entry: Column) -> str:
    if entry.dtype in ("date", "timestamp"):
        return entry.dtype
    return "plain" if entry.dtype in ("int64", "float64") else "written"


def _width(name: str, cells: Sequence[str]) -> float:
    return min(48.0, max(12.0, len(name) + 4.0, *(tables.columns_wide(cell) + 4.0 for cell in cells[:500]), 0.0))


def _hint(register: str, column: str, settings: Settings, lang: str) -> str:
    """What a heading says when one points at it: its name, what to write, whether it may stay empty."""
    entry = schema.COLUMNS[column]
    by_type = {"share": "share_hint"}.get(entry.unit, f"{entry.dtype}_hint")
    parts = [tables.heading(column, lang, settings.book) + (":" if lang == "en" else "：")]
    parts += [say(by_type, lang)] if entry.dtype != "string" else []
    if entry.bounds and entry.unit != "share":
        parts.append(say("bounds_hint", lang, low=f"{entry.bounds[0]:g}", high=f"{entry.bounds[1]:g}"))
    if column in registers.LISTS:
        parts.append(say("several", lang))
    codes = _codes(register, column, settings)
    if codes and codes[0] != schema.word(codes[0], lang):
        parts.append("; ".join(f"{code} = {schema.word(code, lang)}" for code in codes))
    parts.append(say("must" if column in schema.REGISTERS[register].required else "may", lang))
    return " ".join(parts)


def _codes(register: str, column: str, settings: Settings) -> tuple[str, ...]:
    """What a column may hold, where that is a list."""
    if column in ("tier", "tiers"):
        return tuple(rule.tier for rule in settings.segment.tiers)
    if schema.COLUMNS[column].dtype == "boolean":
        return ("true", "false")
    return schema.REGISTERS[register].words.get(column, ())


def _write_choices(page: Worksheet, found: list[_Register], settings: Settings) -> dict[tuple[str, str], str]:
    """Lists too long for a drop-down of its own stand on a hidden sheet; returns the range of each."""
    wanted = [(r.name, c) for r in found for c in schema.REGISTERS[r.name].columns]
    long = {key: _codes(*key, settings) for key in wanted}
    long = {key: codes for key, codes in long.items() if len(",".join(codes)) > _LONGEST_LIST}
    for row in range(max(map(len, long.values()), default=0)):
        for column, codes in enumerate(long.values()):
            if row < len(codes):
                page.write_string(row, column, codes[row])
    page.very_hidden()
    letters = {key: xl_col_to_name(n) for n, key in enumerate(long)}
    return {
        key: f"='{register_files.CHOICES}'!${letters[key]}$1:${letters[key]}${len(codes)}"
        for key, codes in long.items()
    }


def _offer(
    page: Worksheet, register: _Register, ranges: dict[tuple[str, str], str], settings: Settings, lang: str
) -> None:
    """Drop-downs for codes, and a question where a date or a number is out of its bounds."""
    last = len(register.rows) + _ROOM
    for n, column in enumerate(schema.REGISTERS[register.name].columns):
        rule = _rule(register.name, column, ranges, settings)
        if rule:
            page.data_validation(1, n, last, n, {**rule, "error_title": column, "error_message": say("refused", lang)})


def _rule(
    register: str, column: str, ranges: dict[tuple[str, str], str], settings: Settings
) -> dict[str, object] | None:
    entry, codes = schema.COLUMNS[column], _codes(register, column, settings)
    if column in registers.LISTS:
        return None
    if codes:
        return {"validate": "list", "source": ranges.get((register, column), list(codes))}
    if entry.dtype in ("date", "timestamp"):
        days = {"minimum": datetime(1900, 3, 1), "maximum": datetime(9999, 12, 31)}  # noqa: DTZ001 - local days
        return {"validate": "date", "criteria": "between", "error_type": "warning", **days}
    bounds = (0.0, 1.0) if entry.unit == "share" else entry.bounds
    if bounds:
        limits = {"minimum": bounds[0], "maximum": bounds[1]}
        whole = "integer" if entry.dtype == "int64" else "decimal"
        return {"validate": whole, "criteria": "between", "error_type": "warning", **limits}
    return None


def _write_guide(
    page: Worksheet, found: list[_Register], looks: dict[str, Format], settings: Settings, lang: str
) -> None:
    params = f"params/{settings.book_id}/{settings.file.name}"
    for column, wide in enumerate((26, 44, 10, 70)):
        page.set_column(column, column, wide)
    page.write_string(0, 0, f"{say('guide_title', lang)} · {tables.book_name(settings.book, lang)}", looks["title"])
    for row in range(1, 5):
        page.write_string(row, 0, say(f"guide_{row}", lang, book=settings.book_id, params=params), looks["note"])
    for column, key in enumerate(("register", "what", "guide_rows", "guide_state")):
        page.write_string(6, column, say(key, lang), looks["head"])
    for row, register in enumerate(found, 7):
        entry = schema.REGISTERS[register.name]
        what = entry.grain if lang == "en" else " × ".join(schema.label(c, lang) for c in entry.key)
        if register.notice:
            page.write_string(row, 0, register.name, looks["text"])
        else:
            page.write_url(row, 0, f"internal:'{register.name}'!A1", looks["link"], register.name)
        page.write_string(row, 1, what, looks["text"])
        if not register.notice:
            page.write_number(row, 2, len(register.rows), looks["integer"])
        page.write_string(row, 3, register.notice, looks["text"])
    page.hide_gridlines(2)
