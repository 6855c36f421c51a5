"""Sheets of the deliverables' workbook that people filled in: found by their headings, each row as its texts.

The workbook, or one with the sheet alone, lies in `data/<book>/registers/`. A sheet is known by its headings, in either
language, wherever it stands; a workbook without the sheet holds nothing for its reader.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crmlib import schema
from crmlib.io import privacy
from crmlib.io.excel_errors import error_cells
from crmlib.params import Settings

WORKBOOKS = ("deliverables.xlsx", "deliverables.en.xlsx", "deliverables.zh.xlsx")
GROUP = "tier:"
"""Rows about a whole tier begin so; their id is no customer's."""
LONGEST = 2_000
"""Characters of a cell."""
_SEARCHED = 20  # rows in which the headings are looked for
_ERRORS = ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!")
_PSEUDONYM = re.compile(r"c[0-9a-f]{15}")
_QUARTER = re.compile(r"\d{4}Q[1-4]")


@dataclass(frozen=True)
class Row:
    """A row as Excel numbers it; `values` in the order of the form's columns."""

    where: str
    number: int
    values: tuple[str, ...]

    def place(self) -> str:
        return f"{self.where} row {self.number}"


@dataclass(frozen=True)
class Form:
    """What is looked for: a deliverable's sheet, of whose columns the first `keys` say which row it is.

    `is_filled` says whether people wrote anything into a row, `problems` what else is wrong with one.
    """

    deliverable: str
    columns: tuple[str, ...]
    keys: int
    is_filled: Callable[[Row], bool]
    problems: Callable[[Row], Iterator[str]]

    @property
    def file(self) -> str:
        """A workbook of this name must have the sheet."""
        return f"{self.deliverable}.xlsx"


def rows(settings: Settings, form: Form) -> tuple[list[Row], list[str]]:
    """The filled rows of all the workbooks that are there, and every problem found as a sentence."""
    found: list[Row] = []
    problems: list[str] = []
    for name in (form.file, *WORKBOOKS):
        path = settings.data_dir / "registers" / name
        if path.is_file():
            filled, wrong = _workbook(path, f"data/{settings.book_id}/registers/{name}", form)
            found += filled
            problems += wrong
    return found, problems


def conflicts(found: list[Row], form: Form, settings: Settings, said: Callable[[Row], object]) -> Iterator[str]:
    """Rows that say something else than an earlier row of the same keys."""
    first: dict[tuple[str, ...], Row] = {}
    kind = form.columns[1].removesuffix("_id")
    for row in found:
        known = first.setdefault(key(row, form, settings), row)
        if said(known) != said(row):
            customer, other, period = row.values[: form.keys]
            yield (
                f"{row.place()}: {known.place()} says something else of customer '{customer}', {kind} {other}, "
                f"{period}; keep one of the two"
            )


def key(row: Row, form: Form, settings: Settings) -> tuple[str, ...]:
    """Which row it is, the customer as the results call him."""
    customer, *others = row.values[: form.keys]
    return (called(customer, settings), *others)


def called(customer: str, settings: Settings) -> str:
    """The id as the results show it: pseudonyms and whole tiers stay, a plain id becomes its pseudonym."""
    as_given = settings.privacy.customer_ids == "as_given"
    if as_given or customer.startswith(GROUP) or _PSEUDONYM.fullmatch(customer):
        return customer
    return privacy.pseudonym(customer, privacy.key(settings))


def is_error(text: str) -> bool:
    return text in _ERRORS


def quarter_problems(text: str, example: str) -> Iterator[str]:
    if text and not is_error(text) and not _QUARTER.fullmatch(text):
        yield f"period '{text}' is no quarter; keep what the sheet had there, such as {example}"


def _workbook(path: Path, where: str, form: Form) -> tuple[list[Row], list[str]]:
    """The filled rows of the first sheet with all headings, or what is wrong."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(str(path))
    except CalamineError:
        return [], [f"{where} is no readable Excel workbook; save it as .xlsx without a password"]
    for name in book.sheet_names:
        cells = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        for head, row in enumerate(cells[:_SEARCHED]):
            places = _places([_text(cell).casefold() for cell in row], form.columns)
            if places:
                return _filled(_with_errors(cells, path, name), head, places, f"{where} sheet '{name}'", form)
    names = ", ".join(f"'{schema.label(c, 'en')}' (or '{schema.label(c, 'zh')}')" for c in form.columns)
    title = schema.title(form.deliverable, "en")
    missing = f"{where}: no sheet has the columns {names}; keep the headings of '{title}'"
    return [], [missing] if path.name == form.file else []


def _places(said: list[str], columns: tuple[str, ...]) -> list[int] | None:
    """Where each wanted column stands, or None where one is missing."""
    places = []
    for wanted in columns:
        names = {wanted, schema.label(wanted, "en").casefold(), schema.label(wanted, "zh").casefold()}
        at = next((n for n, text in enumerate(said) if text in names), None)
        if at is None:
            return None
        places.append(at)
    return places


def _with_errors(cells: list[list[Any]], path: Path, sheet: str) -> list[list[Any]]:
    """The reader takes #N/A and its like for empty; they are put back, so that they can be named."""
    for number, errors in error_cells(path, sheet).items():
        for column, shown in errors.items():
            if number <= len(cells) and column < len(cells[number - 1]):
                cells[number - 1][column] = shown
    return cells


def _filled(
    cells: list[list[Any]], head: int, places: list[int], where: str, form: Form
) -> tuple[list[Row], list[str]]:
    every = (Row(where, n + 1, tuple(_text(row[place]) for place in places)) for n, row in enumerate(cells) if n > head)
    filled = [row for row in every if form.is_filled(row)]
    return filled, [f"{row.place()}: {problem}" for row in filled for problem in _problems(row, form)]


def _problems(row: Row, form: Form) -> Iterator[str]:
    for name, value in zip(form.columns, row.values, strict=True):
        if is_error(value):
            yield f"{name} is {value}, an error of the sheet; write it as text"
        elif name in form.columns[: form.keys] and not value:
            yield f"{name} is empty; keep what the sheet had there, or clear the row"
        elif len(value) > LONGEST:
            yield f"{name} has {len(value):,} characters; use at most {LONGEST:,}"
    yield from form.problems(row)


def _text(cell: Any) -> str:
    """A cell as a person reads it: 1004.0 is the id 1004."""
    whole = isinstance(cell, float) and cell.is_integer()
    return str(int(cell) if whole else cell).strip() if cell is not None else ""
