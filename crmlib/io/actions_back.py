"""Template table 3 as people filled it in: what was done for whom."""

from collections.abc import Iterator

import pandas as pd

from crmlib import schema
from crmlib.errors import InputError
from crmlib.io import sheets_back
from crmlib.params import Settings

COLUMNS = ("customer_id", "action_id", "period", "actual_execution", "completion_status", "execution_note")
STATUSES = ("open", "done", "partial")


def read(settings: Settings) -> pd.DataFrame:
    """What people wrote, one row per customer, action and quarter; raises with every problem found.

    Rows that say nothing (not done, no words) are left out, so an untouched sheet is empty. Two rows or two workbooks
    that say different things of the same contact are a problem; the same thing twice is one row.
    """
    found, problems = _all(settings)
    if problems:
        raise InputError(problems)
    rows = sorted({sheets_back.key(row, _FORM, settings) + _said(row) for row in found})
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype="str")


def check(settings: Settings) -> list[str]:
    """Every problem in the workbooks as a sentence."""
    return _all(settings)[1]


def _all(settings: Settings) -> tuple[list[sheets_back.Row], list[str]]:
    found, problems = sheets_back.rows(settings, _FORM)
    return found, problems or list(sheets_back.conflicts(found, _FORM, settings, _said))


def _is_filled(row: sheets_back.Row) -> bool:
    done, status, note = row.values[3:]
    return bool(done or note or _status(status) != "open")


def _problems(row: sheets_back.Row) -> Iterator[str]:
    period, status = row.values[2], row.values[4]
    yield from sheets_back.quarter_problems(period, "2018Q1")
    if _status(status) not in STATUSES and not sheets_back.is_error(status):
        allowed = ", ".join(f"'{schema.word(code, 'en')}' ({schema.word(code, 'zh')})" for code in STATUSES)
        yield f"completion_status '{status}' is none of {allowed}; write one of them"


def _status(text: str) -> str:
    """The code of what people wrote, in either language; nothing written is not done."""
    said = {schema.word(code, lang).casefold(): code for code in STATUSES for lang in ("en", "zh")}
    return said.get(text.casefold(), text) if text else "open"


def _said(row: sheets_back.Row) -> tuple[str, ...]:
    done, status, note = row.values[3:]
    return (done, _status(status), note)


_FORM = sheets_back.Form("strategy_tracking", COLUMNS, 3, _is_filled, _problems)
