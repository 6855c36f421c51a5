"""The model card: what the models would have said in the book's own past, beside naive rules, and what came true.

The book is cut; models see only what was known by then and are judged by the days from the cut to `as_of`. All
customers are counted, in the engine.
"""

from dataclasses import dataclass
from datetime import date

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.params import Settings
from crmlib.schema import TABLES
from crmlib.segment import accuracy, backtest, customer_value

COUNTS = ("btyd", "same_rate", "same_count", "population_mean", "rfm_rank")
RISKS = ("btyd", "logistic", "recency_rate", "population_mean", "recency_rank", "rfm_rank")
OURS = ("btyd", "logistic")
NAIVE = {"future_purchases": COUNTS[1:4], "silence": RISKS[2:4]}


@dataclass(frozen=True)
class Card:
    """`ratio` is expected / actual purchases (NaN without a back-test), `means` what each tier brought per day."""

    card: pd.DataFrame
    calibration: pd.DataFrame
    verdicts: pd.DataFrame
    ratio: float
    means: pd.DataFrame


def windows(first: date, as_of: date, churn_days: int, horizon_months: int) -> dict[str, int]:
    """Days of hold-out per target; 0 where fewer days are left before it than in it.

    Purchases are held out over the whole CLV horizon where the history allows it, else over the churn window.
    """
    history, horizon = (as_of - first).days, round(horizon_months * customer_value.MONTH_DAYS)
    short = churn_days if history >= 2 * churn_days else 0
    return {"future_purchases": horizon if history >= 2 * horizon else short, "silence": short}


def examine(purchase_days: ir.Table, customers: ir.Table, first: date, churn_days: int, settings: Settings) -> Card:
    """Back-test purchases and silence; `first` is the first day of data."""
    days = windows(first, settings.period.as_of, churn_days, settings.segment.value.horizon_months)
    parts: dict[str, _Part] = {}
    means: pd.DataFrame | None = None
    for n in sorted(set(days.values())):  # one after the other: each holds a row per customer
        test = backtest.run(purchase_days, customers, first, n, settings) if n else None
        parts |= {target: _Part.of(target, test, n, settings) for target, wanted in days.items() if wanted == n}
        means = test.means if test is not None and n == days["future_purchases"] else means
    card = pd.concat([parts[target].card for target in days], ignore_index=True)
    ours = card[(card["score_target"] == "future_purchases") & (card["score"] == "btyd")]
    ratio = float(ours["expected_ratio"].iloc[0]) if len(ours) else float("nan")
    calibration = pd.concat([parts[target].calibration for target in days], ignore_index=True)
    verdicts = pd.DataFrame([parts[target].verdict for target in days], columns=list(TABLES["model_verdicts"].columns))
    if means is None:
        means = backtest.means(purchase_days, customers, first, settings)
    return Card(card, calibration, verdicts, ratio, means)


@dataclass(frozen=True)
class _Part:
    """One target's share of the card."""

    card: pd.DataFrame
    calibration: pd.DataFrame
    verdict: dict[str, object]

    @classmethod
    def of(cls, target: str, test: backtest.BackTest | None, days: int, settings: Settings) -> "_Part":
        empty = pd.DataFrame(columns=list(TABLES["model_card"].columns))
        about = {
            "score_target": target,
            "holdout_days": days,
            "cut_date": None,
            "customers": 0,
            "purchases": 0,
            "silent": 0,
        }
        if test is None:
            verdict = about | {"verdict_code": "not_enough_data", "verdict_reason": "short_history", "best_naive": ""}
            return cls(empty, pd.DataFrame(columns=list(TABLES["model_calibration"].columns)), verdict)
        card = _scores(target, test)
        happened = test.scored.aggregate(
            customers=_.count(), purchases=_.actual.sum().fill_null(0), silent=_.is_silent.sum().fill_null(0)
        )
        found = happened.to_pyarrow().to_pylist()[0]
        about |= {"cut_date": pd.Timestamp(test.cut), **found}
        verdict = about | judge(card, target, test, found, settings.review.min_rate_n)
        return cls(card, accuracy.calibration(target, test.scored, settings.segment.value.churn_score), verdict)


def _scores(target: str, test: backtest.BackTest) -> pd.DataFrame:
    """One row per score and population, with the columns of the card."""
    scores, event = {name: name for name in COUNTS}, "actual"
    groups = {"all": test.scored}
    if target == "silence":
        scores, event = {name: f"silence_{name}" for name in RISKS}, "is_silent"
        groups["recent_repeat"] = test.scored.filter(_.is_listed)
    rows = [
        {"score_target": target, "population": population, "score": name} | found
        for population, table in groups.items()
        for name, found in accuracy.measured(table, scores, event).items()
    ]
    frame = pd.DataFrame(rows).reindex(columns=list(TABLES["model_card"].columns))
    frame = frame.assign(error_saved=_saved(frame, target))
    return frame[frame["customers"] > 0].reset_index(drop=True)


def _saved(frame: pd.DataFrame, target: str) -> pd.Series:
    """Share of the squared error of giving everyone the same figure that a score takes away."""
    errors = frame["brier"] if target == "silence" else frame["rmse"] ** 2
    plain = errors.where(frame["score"] == "population_mean").groupby(frame["population"]).transform("max")
    return 1 - errors / plain.where(plain > 0)


def judge(
    card: pd.DataFrame, target: str, test: backtest.BackTest, found: dict[str, int], min_n: int
) -> dict[str, str]:
    """The verdict by a fixed rule, and why.

    Not enough data: fewer than `min_n` customers who bought, or who did not, in the hold-out; or a model that cannot be
    fitted for lack of repeat buyers. The model adds value when its error (RMSE of purchases, Brier score of silence) is
    below that of every naive rule, and its AUC not below theirs by more than its own 95 % range. Else: use RFM.
    """
    buyers = found["customers"] - found["silent"]
    if test.model.problem == "few_repeat_buyers":
        return _verdict("not_enough_data", "few_repeat_buyers")
    if min(buyers, found["silent"] if target == "silence" else buyers) < min_n:
        return _verdict("not_enough_data", "few_events")
    everyone = card[card["population"] == "all"].set_index("score")
    errors = everyone["brier" if target == "silence" else "rmse"].astype(float)
    naive = errors[errors.index.isin(NAIVE[target])].dropna()
    best = str(naive.idxmin()) if len(naive) else ""
    ours = errors[errors.index.isin(OURS)].dropna()
    if ours.empty:
        return _verdict("use_rfm", test.model.problem, best)
    name = str(ours.idxmin())
    if best and ours.min() >= naive.min():
        return _verdict("use_rfm", "error_not_lower", best)
    ranks = everyone.loc[~everyone.index.isin(OURS), "auc"].astype(float)
    if everyone["auc_high"].astype(float)[name] < ranks.max():
        return _verdict("use_rfm", "ranks_worse", str(ranks.idxmax()))
    return _verdict("model_adds_value", f"{name}_best", best)


def _verdict(code: str, reason: str, best_naive: str = "") -> dict[str, str]:
    return {"verdict_code": code, "verdict_reason": reason, "best_naive": best_naive}
