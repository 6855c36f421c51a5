"""Template table 3 as people filled it in: what was done for whom, read back from the workbook.

The workbook (or its sheet alone) is put into `data/<book>/registers/` as `strategy_tracking.xlsx` or
`deliverables.xlsx`; `tags_back` reads another sheet of the latter. The sheet is known by its headings, in either
language, and a row by customer, action and quarter. A workbook without the sheet holds nothing for this reader.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from crmlib import schema
from crmlib.errors import InputError
from crmlib.io import privacy
from crmlib.params import Settings

FILES = ("strategy_tracking.xlsx", "deliverables.xlsx", "deliverables.en.xlsx", "deliverables.zh.xlsx")
COLUMNS = ("customer_id", "action_id", "period", "actual_execution", "completion_status", "execution_note")
STATUSES = ("open", "done", "partial")
LONGEST = 2_000
_KEY = 3  # of the columns say which row it is, the others are what people write
_SEARCHED = 20  # rows in which the headings are looked for
_ERRORS = ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!")
_PSEUDONYM = re.compile(r"c[0-9a-f]{15}")
_QUARTER = re.compile(r"\d{4}Q[1-4]")


@dataclass(frozen=True)
class _Cells:
    """A row of the sheet as Excel numbers it, in the order of `COLUMNS`."""

    where: str
    row: int
    values: tuple[str, ...]


def read(settings: Settings) -> pd.DataFrame:
    """What people wrote, one row per customer, action and quarter; raises with every problem found.

    Rows that say nothing (not done, no words) are left out, so an untouched sheet is empty. Two rows or two workbooks
    that say different things of the same contact are a problem; the same thing twice is one row.
    """
    cells, problems = _all(settings)
    if problems:
        raise InputError(problems)
    rows = sorted({_key(c, settings) + _said(c) for c in cells})
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype="str")


def check(settings: Settings) -> list[str]:
    """Every problem in the workbooks as a sentence."""
    return _all(settings)[1]


def _all(settings: Settings) -> tuple[list[_Cells], list[str]]:
    found: list[_Cells] = []
    problems: list[str] = []
    for name in FILES:
        path = settings.data_dir / "registers" / name
        if path.is_file():
            cells, wrong = _sheet(path, f"data/{settings.book_id}/registers/{name}", must=name == FILES[0])
            found += cells
            problems += wrong
    return found, problems + ([] if problems else list(_conflicts(found, settings)))


def _sheet(path: Path, where: str, *, must: bool) -> tuple[list[_Cells], list[str]]:
    """The rows of the first sheet with all headings that say anything, or what is wrong."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(str(path))
    except CalamineError:
        return [], [f"{where} is no readable Excel workbook; save it as .xlsx without a password"]
    for name in book.sheet_names:
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        for head, row in enumerate(rows[:_SEARCHED]):
            places = _places([_text(cell).casefold() for cell in row])
            if places:
                return _rows(rows, head, places, f"{where} sheet '{name}'")
    names = ", ".join(f"'{schema.label(c, 'en')}' (or '{schema.label(c, 'zh')}')" for c in COLUMNS)
    title = schema.title("strategy_tracking", "en")
    return [], [f"{where}: no sheet has the columns {names}; keep the headings of '{title}'"] if must else []


def _places(said: list[str]) -> list[int] | None:
    """Where each wanted column stands, or None where one is missing."""
    places = []
    for wanted in COLUMNS:
        names = {wanted, schema.label(wanted, "en").casefold(), schema.label(wanted, "zh").casefold()}
        at = next((n for n, text in enumerate(said) if text in names), None)
        if at is None:
            return None
        places.append(at)
    return places


def _rows(rows: list[list[Any]], head: int, places: list[int], where: str) -> tuple[list[_Cells], list[str]]:
    every = [
        _Cells(where, n + 1, tuple(_text(row[place]) for place in places)) for n, row in enumerate(rows) if n > head
    ]
    filled = [c for c in every if c.values[3] or c.values[5] or _status(c.values[4]) != "open"]
    return filled, [f"{where} row {c.row}: {problem}" for c in filled for problem in _problems(c)]


def _problems(cells: _Cells) -> Iterator[str]:
    for name, value in zip(COLUMNS, cells.values, strict=True):
        if value in _ERRORS:
            yield f"{name} is {value}, an error of the sheet; write it as text"
        elif name in COLUMNS[:_KEY] and not value:
            yield f"{name} is empty; keep what the sheet had there, or clear the row"
        elif len(value) > LONGEST:
            yield f"{name} has {len(value):,} characters; use at most {LONGEST:,}"
    if cells.values[2] and not _QUARTER.fullmatch(cells.values[2]):
        yield f"period '{cells.values[2]}' is no quarter; keep what the sheet had there, such as 2018Q1"
    if _status(cells.values[4]) not in STATUSES and cells.values[4] not in _ERRORS:
        yield f"completion_status '{cells.values[4]}' is none of {_allowed()}; write one of them"


def _status(text: str) -> str:
    """The code of what people wrote, in either language; nothing written is not done."""
    said = {schema.word(code, lang).casefold(): code for code in STATUSES for lang in ("en", "zh")}
    return said.get(text.casefold(), text) if text else "open"


def _allowed() -> str:
    return ", ".join(f"'{schema.word(code, 'en')}' ({schema.word(code, 'zh')})" for code in STATUSES)


def _conflicts(cells: list[_Cells], settings: Settings) -> Iterator[str]:
    """Contacts of which two rows say different things."""
    first: dict[tuple[str, ...], _Cells] = {}
    for c in cells:
        known = first.setdefault(_key(c, settings), c)
        if _said(known) != _said(c):
            customer, action, period = c.values[:_KEY]
            yield (
                f"{c.where} row {c.row}: {known.where} row {known.row} says something else of customer '{customer}', "
                f"action {action}, {period}; keep one of the two"
            )


def _key(cells: _Cells, settings: Settings) -> tuple[str, ...]:
    customer, action, period = cells.values[:_KEY]
    as_it_is = settings.privacy.customer_ids == "as_given" or _PSEUDONYM.fullmatch(customer)
    return (customer if as_it_is else privacy.pseudonym(customer, privacy.key(settings)), action, period)


def _said(cells: _Cells) -> tuple[str, ...]:
    return (cells.values[3], _status(cells.values[4]), cells.values[5])


def _text(cell: Any) -> str:
    """A cell as a person reads it: 1004.0 is the id 1004."""
    whole = isinstance(cell, float) and cell.is_integer()
    return str(int(cell) if whole else cell).strip() if cell is not None else ""
