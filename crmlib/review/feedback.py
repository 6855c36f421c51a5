"""The re-survey: the same customers asked again."""

import math

import pandas as pd

from crmlib import schema
from crmlib.kpi import intervals, service
from crmlib.params import Review
from crmlib.periods import Period

MARKS = {"csat_mark": "csat", "nps_mark": "nps"}


def resurvey(surveys: pd.DataFrame, period: Period, review: Review) -> pd.DataFrame:
    """Table `resurvey`: mean change of each mark over customers who answered in this quarter and in the one before.

    Who answered twice in a quarter counts once, with the mean. No answers at all give no rows.
    """
    rows = [_compared(surveys, mark, column, period, review) for mark, column in MARKS.items() if len(surveys)]
    return pd.DataFrame(rows, columns=list(schema.TABLES["resurvey"].columns)).astype({"n": "int64"})


def pairs(surveys: pd.DataFrame, column: str, period: Period) -> pd.DataFrame:
    """One row per customer who gave this mark in both quarters: before, after."""
    both = {
        name: service.within(surveys, "survey_date", quarter)
        .dropna(subset=[column])
        .groupby("customer_id")[column]
        .mean()
        for name, quarter in (("before", period.previous), ("after", period))
    }
    return pd.DataFrame(both).dropna().astype("float64")


def _compared(surveys: pd.DataFrame, mark: str, column: str, period: Period, review: Review) -> tuple:
    same = pairs(surveys, column, period)
    change = same["after"] - same["before"]
    _mean, low, high = intervals.mean(change)
    movement = _movement(len(same), low, high, review.min_rate_n)
    means = (float(same["before"].mean()), float(same["after"].mean()), float(change.mean()))
    return (mark, len(same), *means, low, high, movement, service.provenance(surveys))


def _movement(n: int, low: float, high: float, least: int) -> str:
    if n == 0:
        return "not_measured"
    if n < least or math.isnan(low):
        return "small_n"
    return "improved" if low > 0 else "worsened" if high < 0 else "unclear"
