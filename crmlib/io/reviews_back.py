"""Template table 4 as people filled it in: why a result differs from its target, and what to improve."""

from collections.abc import Iterator

import pandas as pd

from crmlib.errors import InputError
from crmlib.io import sheets_back
from crmlib.params import Settings

COLUMNS = ("customer_id", "strategy_id", "period", "gap_reason", "improvement")


def read(settings: Settings) -> pd.DataFrame:
    """What people wrote, one row per customer, strategy and quarter; raises with every problem found.

    Rows without a word are left out, so an untouched sheet is empty. Two rows that say different things of the same
    customer and strategy are a problem; the same thing twice is one row.
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
    return any(_said(row))


def _problems(row: sheets_back.Row) -> Iterator[str]:
    yield from sheets_back.quarter_problems(row.values[2], "2017Q4")


def _said(row: sheets_back.Row) -> tuple[str, ...]:
    return row.values[3:]


_FORM = sheets_back.Form("effect_review", COLUMNS, 3, _is_filled, _problems)
