"""Every engine-level function of steps 1, 2 and 5, and of the KPIs, gives on Spark what it gives on DuckDB."""

from dataclasses import is_dataclass
from typing import Any

import cases_collect
import cases_kpi
import cases_review
import cases_segment
import ibis
import ibis.expr.operations as ops
import pandas as pd
import pytest

from crmlib.io import engine

CASES = {**cases_collect.CASES, **cases_segment.CASES, **cases_kpi.CASES, **cases_review.CASES}
NEEDS_ROWS = (
    "history",
    "kpis",
    "kpis by tier",
    "weekly calendar",
    "kpis so far",
    "targets by now",
    "pace of weeks",
    "anchors",
)
"""They ask for the first day with an order: a book without one ends before them."""


def frame(answer: Any) -> pd.DataFrame:
    """An answer as a frame; the rows of a table that promises no order are sorted."""
    if isinstance(answer, ibis.Table):
        found = engine.frame(answer)
        return found if isinstance(answer.op(), ops.Sort) or found.empty else _sorted(found)
    if is_dataclass(answer):
        return frame(vars(answer))
    if isinstance(answer, dict):
        return pd.DataFrame({key: [value] for key, value in answer.items()})
    return answer if isinstance(answer, pd.DataFrame) else pd.DataFrame({"answer": [answer]})


def _sorted(found: pd.DataFrame) -> pd.DataFrame:
    return found.sort_values(
        list(found.columns), ignore_index=True, key=lambda c: c.astype("str") if c.dtype == object else c
    )


@pytest.mark.parametrize(
    ("name", "case"),
    [
        (name, case)
        for name in ("first", "second", "empty")
        for case in CASES
        if name != "empty" or case not in NEEDS_ROWS
    ],
)
def test_both_engines_give_the_same(name, case, pair):
    both = pair(name)
    ours, theirs = CASES[case](both.duckdb), CASES[case](both.spark)
    for one, other in _parts(ours, theirs):
        pd.testing.assert_frame_equal(frame(one), frame(other), check_exact=False, rtol=1e-12, atol=1e-9)


def _parts(ours: Any, theirs: Any) -> list[tuple[Any, Any]]:
    """Answers that consist of several tables, table by table."""
    if isinstance(ours, tuple):
        return list(zip(ours, theirs, strict=True))
    if isinstance(ours, dict) and any(isinstance(value, ibis.Table) for value in ours.values()):
        return [(ours[name], theirs[name]) for name in ours]
    return [(ours, theirs)]
