"""The re-survey: the same customers asked again, whether the measure answered their need, and what they suggest."""

import math
from collections.abc import Sequence

import pandas as pd

from crmlib import schema
from crmlib.kpi import intervals, service
from crmlib.params import Review
from crmlib.periods import Period

MARKS = {"csat_mark": "csat", "nps_mark": "nps"}
SATISFIED = {"csat_mark": 4, "nps_mark": 9}
"""From this mean mark on a customer counts as satisfied (4-5 of 5) or as a promoter (9-10)."""
NEEDS = ("need_yes", "need_partly", "need_no")


def resurvey(surveys: pd.DataFrame, period: Period, review: Review) -> pd.DataFrame:
    """Table `resurvey`: change of each mark over customers who answered in this quarter and in the one before.

    Who answered twice in a quarter counts once, with the mean. No answers at all give no rows.
    """
    rows = [_compared(surveys, mark, column, period, review) for mark, column in MARKS.items() if len(surveys)]
    found = pd.DataFrame(rows, columns=list(schema.TABLES["resurvey"].columns))
    return found.astype(dict.fromkeys(("n", "gained", "given_up"), "int64"))


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


def mcnemar(gained: int, given_up: int) -> float:
    """Exact p of no change in a proportion on the same customers, from the two kinds of pairs that changed.

    McNemar (1947), exact: the changed pairs are a fair coin's. Without one there is nothing to test.
    """
    from scipy.special import bdtr

    n = gained + given_up
    return min(1.0, 2 * float(bdtr(min(gained, given_up), n, 0.5))) if n else math.nan


def _compared(surveys: pd.DataFrame, mark: str, column: str, period: Period, review: Review) -> tuple:
    same = pairs(surveys, column, period)
    change = same["after"] - same["before"]
    _mean, low, high = intervals.mean(change)
    movement = _movement(len(same), low, high, review.min_rate_n)
    means = (float(same["before"].mean()), float(same["after"].mean()), float(change.mean()))
    was, now = same["before"] >= SATISFIED[mark], same["after"] >= SATISFIED[mark]
    gained, given_up = int((now & ~was).sum()), int((was & ~now).sum())
    shares = (float(was.mean()), float(now.mean()), gained, given_up, mcnemar(gained, given_up))
    return (mark, len(same), *means, low, high, *shares, movement, service.provenance(surveys))


def _movement(n: int, low: float, high: float, least: int) -> str:
    if n == 0:
        return "not_measured"
    if n < least or math.isnan(low):
        return "small_n"
    return "improved" if low > 0 else "worsened" if high < 0 else "unclear"


def need_fit(answers: pd.DataFrame, strategies: pd.DataFrame, period: Period, review: Review) -> pd.DataFrame:
    """Table `need_fit`: per strategy, whether customers said in this quarter that the measure answered their need.

    A customer counts once per strategy, with the latest answer. The share is of those who said yes.
    """
    asked = service.within(answers, "asked_on", period).sort_values("asked_on", kind="stable")
    last = asked.drop_duplicates(["customer_id", "strategy_id"], keep="last")
    columns = list(schema.TABLES["need_fit"].columns)
    if last.empty:
        return pd.DataFrame(columns=columns)
    counts = last.groupby(["strategy_id", "need_met"]).size().unstack(fill_value=0).reindex(columns=NEEDS, fill_value=0)
    found = counts.rename_axis(None, axis=1).reset_index()
    n = found[list(NEEDS)].sum(axis=1)
    band = intervals.wilson(found["need_yes"], n)
    named = strategies.set_index("strategy_id")
    return found.assign(
        strategy=found["strategy_id"].map(named["strategy"]),
        strategy_zh=found["strategy_id"].map(named["strategy_zh"]),
        n=n,
        need_met_rate=found["need_yes"] / n,
        low_rate=band["low"],
        high_rate=band["high"],
        is_thin=n < review.min_rate_n,
        provenance=service.provenance(last),
    )[columns]


def suggestions(answers: pd.DataFrame, tickets: pd.DataFrame, readings: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Table `suggestions`: what customers proposed in the quarter, in answers and tickets, with the theme read in it.

    The texts come without personal data; `readings` is the table `text_readings`.
    """
    asked = service.within(answers, "asked_on", period)
    told = asked[asked["suggestion"].fillna("") != ""]
    opened = service.within(tickets, "opened_at", period)
    wished = opened[(opened["ticket_kind"] == "suggestion") & (opened["text"].fillna("") != "")]
    themes = readings[readings["text_source"] == "ticket_text"].drop_duplicates("text_id").set_index("text_id")["theme"]
    parts = [
        _said(told, ("asked_on", "suggestion", "strategy_id"), "resurvey_answer", ["no_theme"] * len(told)),
        _said(
            wished.assign(strategy_id=""),
            ("opened_at", "text", "strategy_id"),
            "ticket_text",
            list(wished["ticket_id"].map(themes).fillna("no_theme")),
        ),
    ]
    found = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return found.sort_values(["said_date", "quote"], ascending=[False, True], ignore_index=True)


def _said(rows: pd.DataFrame, names: tuple[str, str, str], source: str, themes: Sequence[str]) -> pd.DataFrame:
    at, text, strategy = names
    made = pd.DataFrame({
        "said_date": rows[at].dt.normalize().astype("datetime64[us]"), "text_source": source, "theme": themes,
        "strategy_id": rows[strategy], "quote": rows[text], "provenance": rows["provenance"],
    })  # fmt: skip
    return made[list(schema.TABLES["suggestions"].columns)]
