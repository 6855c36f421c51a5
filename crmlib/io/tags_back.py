"""Tags that people wrote into the workbook, read back so that the next run keeps them."""

import re
from collections.abc import Iterator

import pandas as pd

from crmlib.errors import InputError
from crmlib.io import sheets_back
from crmlib.params import Settings

LONGEST = 60
"""Characters of a tag."""
_SEPARATORS = re.compile(r"[;；、\n]")


def read(settings: Settings) -> pd.DataFrame:
    """One row per customer and tag, of all the workbooks that are there; raises with every problem found.

    Columns: customer_id (as the results call him), tag. Without a workbook it is empty.
    """
    found, problems = sheets_back.rows(settings, _FORM)
    if problems:
        raise InputError(problems)
    pairs = sorted({(*sheets_back.key(row, _FORM, settings), tag) for row in found for tag in _tags(row.values[1])})
    return pd.DataFrame(pairs, columns=["customer_id", "tag"], dtype="str")


def check(settings: Settings) -> list[str]:
    """Every problem in the workbooks as a sentence."""
    return sheets_back.rows(settings, _FORM)[1]


def _is_filled(row: sheets_back.Row) -> bool:
    return bool(row.values[1])


def _problems(row: sheets_back.Row) -> Iterator[str]:
    for tag in _tags(row.values[1]):
        if len(tag) > LONGEST:
            yield f"tag '{tag[:20]}…' has {len(tag)} characters; use at most {LONGEST}, and ';' between two tags"


def _tags(text: str) -> list[str]:
    return [tag for part in _SEPARATORS.split(text) if (tag := " ".join(part.split()))]


_FORM = sheets_back.Form("tier_tags", ("customer_id", "custom_tags"), 1, _is_filled, _problems)
