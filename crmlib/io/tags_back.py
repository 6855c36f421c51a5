"""Tags that people wrote into the workbook: read back from the sheet, so that the next run keeps them.

The workbook (or its sheet alone) is put into `data/<book>/registers/` as `tier_tags.xlsx` or `deliverables.xlsx`. The
sheet is known by its headings, in either language; ids are as the sheet shows them, so a pseudonym is taken as it is.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from crmlib import schema
from crmlib.errors import InputError
from crmlib.io import privacy
from crmlib.params import Settings

FILES = ("tier_tags.xlsx", "deliverables.xlsx", "deliverables.en.xlsx", "deliverables.zh.xlsx")
LONGEST = 60
_SEPARATORS = re.compile(r"[;；、\n]")
_PSEUDONYM = re.compile(r"c[0-9a-f]{15}")
_ERRORS = ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!")
_SEARCHED = 20  # rows in which the headings are looked for


@dataclass(frozen=True)
class _Cells:
    """A row of the sheet as Excel numbers it: who is meant, and what is written about him."""

    row: int
    customer: str
    tags: str


def read(settings: Settings) -> pd.DataFrame:
    """One row per customer and tag, of all the workbooks that are there; raises with every problem found.

    Columns: customer_id (as the results call him), tag. Without a workbook it is empty.
    """
    cells, problems = _all(settings)
    if problems:
        raise InputError(problems)
    pairs = sorted({(_called(c.customer, settings), tag) for c in cells for tag in _tags(c.tags)})
    return pd.DataFrame(pairs, columns=["customer_id", "tag"], dtype="str")


def check(settings: Settings) -> list[str]:
    """Every problem in the workbooks as a sentence."""
    return _all(settings)[1]


def _all(settings: Settings) -> tuple[list[_Cells], list[str]]:
    found: list[_Cells] = []
    problems: list[str] = []
    for name in FILES:
        path = settings.data_dir / "registers" / name
        if path.is_file():
            cells, wrong = _sheet(path, f"data/{settings.book_id}/registers/{name}")
            found += cells
            problems += wrong
    return found, problems


def _sheet(path: Path, where: str) -> tuple[list[_Cells], list[str]]:
    """The filled rows of the first sheet that has both headings, or what is wrong."""
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(str(path))
    except CalamineError:
        return [], [f"{where} is no readable Excel workbook; save it as .xlsx without a password"]
    for name in book.sheet_names:
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        place = _headings(rows)
        if place:
            return _rows(rows, *place, f"{where} sheet '{name}'")
    names = " and ".join(f"'{schema.label(c, 'en')}' (or '{schema.label(c, 'zh')}')" for c in _WANTED)
    return [], [f"{where}: no sheet has the columns {names}; keep the headings of '{schema.title('tier_tags', 'en')}'"]


_WANTED = ("customer_id", "custom_tags")


def _headings(rows: list[list[Any]]) -> tuple[int, int, int] | None:
    """Where the headings are: row, column of the id, column of the tags; all counted from 0."""
    for number, row in enumerate(rows[:_SEARCHED]):
        said = [_text(cell).casefold() for cell in row]
        columns = [_column(said, wanted) for wanted in _WANTED]
        if None not in columns:
            return number, columns[0] or 0, columns[1] or 0
    return None


def _column(said: list[str], wanted: str) -> int | None:
    names = {wanted, schema.label(wanted, "en").casefold(), schema.label(wanted, "zh").casefold()}
    return next((n for n, text in enumerate(said) if text in names), None)


def _rows(rows: list[list[Any]], head: int, id_at: int, tags_at: int, where: str) -> tuple[list[_Cells], list[str]]:
    every = (_Cells(n + 1, _text(row[id_at]), _text(row[tags_at])) for n, row in enumerate(rows) if n > head)
    cells = [c for c in every if c.tags]
    problems = [f"{where} row {c.row}: {p}" for c in cells for p in _problems(c)]
    return cells, problems


def _problems(cells: _Cells) -> list[str]:
    found = [] if cells.customer else ["customer_id is empty; fill it in or clear the tags"]
    for name, value in (("customer_id", cells.customer), ("custom_tags", cells.tags)):
        found += [f"{name} is {value}, an error of the sheet; write it as text"] if value in _ERRORS else []
    found += [
        f"tag '{tag[:20]}…' has {len(tag)} characters; use at most {LONGEST}, and ';' between two tags"
        for tag in _tags(cells.tags)
        if len(tag) > LONGEST
    ]
    return found


def _tags(text: str) -> list[str]:
    return [tag for part in _SEPARATORS.split(text) if (tag := " ".join(part.split()))]


def _text(cell: Any) -> str:
    """A cell as a person reads it: 1004.0 is the id 1004."""
    whole = isinstance(cell, float) and cell.is_integer()
    return str(int(cell) if whole else cell).strip() if cell is not None else ""


def _called(customer: str, settings: Settings) -> str:
    """The id as the results show it."""
    if settings.privacy.customer_ids == "as_given" or _PSEUDONYM.fullmatch(customer):
        return customer
    return privacy.pseudonym(customer, privacy.key(settings))
