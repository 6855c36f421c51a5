"""The model card: what the models would have said in the book's own past, beside naive rules, and what came true.

The book is cut; models see only what was known by then and are judged by the days from the cut to `as_of`. All
customers are counted, in the engine.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis import _

from crmlib.params import Settings
from crmlib.periods import Period
from crmlib.schema import TABLES
from crmlib.segment import btyd, churn, customer_value, tiers

COUNTS = ("btyd", "same_rate", "same_count", "population_mean", "rfm_rank")
RISKS = ("btyd", "logistic", "recency_rate", "population_mean", "recency_rank", "rfm_rank")
OURS = ("btyd", "logistic")
RANKS = ("recency_rank", "rfm_rank")  # they order customers and foretell no figure
NAIVE = {"future_purchases": COUNTS[1:4], "silence": RISKS[2:4]}
TOP = 0.1
RATIO_RANGE = (0.8, 1.25)
WIDE = 3.0
FIRST_DAYS, FIRST_SHARE = 30, 0.5
_FINE = 1e6
Concern = tuple[str, float | None, float | None, float | None]


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
    as_of = settings.period.as_of
    days = windows(first, as_of, churn_days, settings.segment.value.horizon_months)
    tests = {n: backtest(purchase_days, customers, first, n, settings) for n in sorted(set(days.values())) if n}
    parts = [_Part.of(target, tests.get(n), n, settings) for target, n in days.items()]
    card = pd.concat([part.card for part in parts], ignore_index=True)
    ours = card[(card["score_target"] == "future_purchases") & (card["score"] == "btyd")]
    ratio = float(ours["expected_ratio"].iloc[0]) if len(ours) else float("nan")
    calibration = pd.concat([part.calibration for part in parts], ignore_index=True)
    verdicts = pd.DataFrame([part.verdict for part in parts], columns=list(TABLES["model_verdicts"].columns))
    means = tests[days["future_purchases"]].means if days["future_purchases"] else _nothing()
    return Card(card, calibration, verdicts, ratio, means)


@dataclass(frozen=True)
class BackTest:
    """`scored`: one row per customer known at `cut`, with what each rule foretold and what happened."""

    cut: date
    scored: ir.Table
    model: btyd.Purchases
    logistic: churn.Logistic
    means: pd.DataFrame


def backtest(purchase_days: ir.Table, customers: ir.Table, first: date, days: int, settings: Settings) -> BackTest:
    """Fit everything to what was known `days` before `as_of`, and put beside it what happened since."""
    as_of = settings.period.as_of
    cut = as_of - timedelta(days=days)
    before = tiers.at(purchase_days, customers, _period(cut), settings)
    past = purchase_days.filter(_.order_date <= ibis.literal(cut))
    histories = btyd.histories(past, cut).cache()
    cells = btyd.cells(histories)
    model = btyd.fit_purchases(cells)
    logistic = churn.learn(past, first, cut, days)
    known = churn.features(past, cut)
    joined = known.join(before.select("customer_id", "tier", "rfm_total"), "customer_id")
    told = joined.join(_in_engine(_foretold(cells, model, days)), list(btyd.CELL))
    outcome = told.left_join(_counts(purchase_days, cut, as_of).rename(actual="purchases"), "customer_id")
    recent = outcome.drop("customer_id_right").left_join(
        _counts(past, cut - timedelta(days=days), cut).rename(same_count="purchases"), "customer_id"
    )
    filled = recent.drop("customer_id_right").mutate(
        actual=_.actual.fill_null(0), same_count=_.same_count.fill_null(0).cast("float64")
    )
    rates = _silence_before(past, cut, days)
    rated = filled.mutate(recency_band=churn.band(filled.recency_days)).left_join(_in_engine(rates), "recency_band")
    everyone = ibis.literal(_share(rates["silent"].sum(), rates["customers"].sum()), "float64")
    scored = rated.select(
        "customer_id", "actual", "same_count", "same_rate",
        is_silent=(rated.actual == 0).cast("int64"),
        is_listed=(rated.repeat_purchases >= 2) & (rated.recency_days <= churn.LISTED_DAYS),
        btyd=rated.btyd_purchases,
        population_mean=rated.same_count.mean().over().round(6),
        rfm_rank=rated.rfm_total,
        silence_btyd=rated.btyd_risk,
        silence_logistic=churn.logistic_risk(rated, logistic),
        silence_recency_rate=rated.silent_rate.fill_null(everyone),
        silence_population_mean=everyone,
        silence_recency_rank=rated.recency_days.cast("float64"),
        silence_rfm_rank=-rated.rfm_total,
    ).cache()  # fmt: skip
    means = customer_value.tier_means(before, purchase_days, cut, as_of)
    return BackTest(cut, scored, model, logistic, means)


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _foretold(cells: pd.DataFrame, model: btyd.Purchases, days: int) -> pd.DataFrame:
    x, t_x, tenure = (cells[c].to_numpy(float) for c in btyd.CELL)
    lost = not model.is_usable
    return cells[list(btyd.CELL)].assign(
        same_rate=np.divide(x * days, tenure, out=np.zeros_like(x), where=tenure > 0).round(6),
        btyd_purchases=None if lost else btyd.expected(model, x, t_x, tenure, days).round(9),
        btyd_risk=None if lost else btyd.silent(model, x, t_x, tenure, days).round(9),
    ).astype({"btyd_purchases": float, "btyd_risk": float})  # fmt: skip


def _counts(purchase_days: ir.Table, after: date, until: date) -> ir.Table:
    inside = (_.order_date > ibis.literal(after), _.order_date <= ibis.literal(until), _.orders > 0)
    return purchase_days.filter(*inside).group_by("customer_id").aggregate(purchases=_.count())


def _silence_before(past: ir.Table, cut: date, days: int) -> pd.DataFrame:
    """Silence by band of recency, counted in the same number of days just before the cut."""
    earlier = cut - timedelta(days=days)
    counted = churn.counted_silence(churn.features(past, earlier), past, earlier, cut)
    return counted.order_by("recency_band").to_pyarrow().to_pandas()


def _period(day: date) -> Period:
    whole = Period.containing(day)
    return whole if whole.as_of == day else Period(whole.year, whole.quarter, day)


@dataclass(frozen=True)
class _Part:
    """One target's share of the card."""

    card: pd.DataFrame
    calibration: pd.DataFrame
    verdict: dict[str, object]

    @classmethod
    def of(cls, target: str, test: BackTest | None, days: int, settings: Settings) -> "_Part":
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
        return cls(card, _calibration(target, test.scored, settings.segment.value.churn_score), verdict)


def _scores(target: str, test: BackTest) -> pd.DataFrame:
    """One row per score and population, with the columns of the card."""
    names = COUNTS if target == "future_purchases" else RISKS
    groups = {"all": test.scored}
    if target == "silence":
        groups["recent_repeat"] = test.scored.filter(_.is_listed)
    rows = [
        {"score_target": target, "population": population, "score": name} | _measured(table, target, name)
        for population, table in groups.items()
        for name in names
    ]
    frame = pd.DataFrame(rows).reindex(columns=list(TABLES["model_card"].columns))
    frame = frame.assign(error_saved=_saved(frame, target))
    return frame[frame["customers"] > 0].reset_index(drop=True)


def _saved(frame: pd.DataFrame, target: str) -> pd.Series:
    """Share of the squared error of giving everyone the same figure that a score takes away."""
    errors = frame["brier"] if target == "silence" else frame["rmse"] ** 2
    plain = errors.where(frame["score"] == "population_mean").groupby(frame["population"]).transform("max")
    return 1 - errors / plain.where(plain > 0)


def _measured(table: ir.Table, target: str, name: str) -> dict[str, float]:
    """How one score did; customers without it are left out."""
    silence = target == "silence"
    column, event = (f"silence_{name}", "is_silent") if silence else (name, "actual")
    told = table.filter(table[column].notnull()).select(told=table[column], happened=table[event].cast("float64"))
    ranked = _ranked(told)
    if name in RANKS or ranked["customers"] == 0:
        return ranked
    off = told.told - told.happened
    sums = told.aggregate(
        mae=_fine(off.abs()), square=_fine(off * off), told=_fine(told.told), happened=told.happened.sum()
    )
    found = sums.to_pyarrow().to_pylist()[0]
    n = ranked["customers"]
    error = found["square"] / n
    spread = 1.96 * float(np.sqrt(found["square"]))
    ratio = found["told"] / found["happened"] if found["happened"] else float("nan")
    ends = [found["told"] / (found["happened"] + s) if found["happened"] + s > 0 else np.nan for s in (spread, -spread)]
    extra = {"brier": error} if silence else {"mae": found["mae"] / n, "rmse": float(np.sqrt(error))}
    return ranked | extra | {"expected_ratio": ratio, "ratio_low": ends[0], "ratio_high": ends[1]}


def _fine(value: ir.Value) -> ir.Value:
    """A sum that does not depend on the order in which threads add: in millionths."""
    return (value * _FINE).round().cast("int64").sum() / _FINE


def _ranked(told: ir.Table) -> dict[str, float]:
    """Customers, AUC (Hanley and McNeil's 95 % range) and lift of the top tenth, equal scores sharing their place."""
    by_score = told.group_by(score=told.told.round(9)).aggregate(
        n=_.count(), hits=(_.happened > 0).cast("int64").sum(), amount=_.happened.sum().cast("int64")
    )
    below = ibis.window(order_by="score", preceding=(None, 1))
    above = ibis.window(order_by=ibis.desc("score"), preceding=(None, 1))
    whole = by_score.n.sum().over().cast("float64")
    placed = by_score.mutate(
        misses_below=(by_score.n - by_score.hits).sum().over(below).fill_null(0),
        room=ibis.greatest(whole * TOP - by_score.n.sum().over(above).fill_null(0), 0),
    )
    taken = ibis.least(placed.room, placed.n) / placed.n
    sums = placed.aggregate(
        customers=_.n.sum().fill_null(0),
        hits=_.hits.sum().fill_null(0),
        amount=_.amount.sum().fill_null(0),
        wins=(_.hits * (2 * _.misses_below + _.n - _.hits)).cast("float64").sum().fill_null(0),
        top=(taken * placed.amount).sum().fill_null(0),
    )
    found = sums.to_pyarrow().to_pylist()[0]
    n, hits = int(found["customers"]), int(found["hits"])
    pairs = hits * (n - hits)
    auc = found["wins"] / 2 / pairs if pairs else float("nan")
    error = _auc_error(auc, hits, n - hits) if pairs else float("nan")
    lift = found["top"] / float(found["amount"]) / TOP if found["amount"] else float("nan")
    return {"customers": n, "auc": auc, "auc_low": auc - 1.96 * error, "auc_high": min(auc + 1.96 * error, 1.0),
            "top_lift": round(float(lift), 9)}  # fmt: skip


def _auc_error(auc: float, hits: int, misses: int) -> float:
    """Standard error of an AUC (Hanley and McNeil 1982, Radiology 143)."""
    both, two = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    spread = auc * (1 - auc) + (hits - 1) * (both - auc * auc) + (misses - 1) * (two - auc * auc)
    return float(np.sqrt(max(spread, 0) / (hits * misses)))


def _calibration(target: str, scored: ir.Table, wanted: str) -> pd.DataFrame:
    """Ten groups of customers by what was foretold, the least first: mean foretold and mean that happened."""
    name = ("silence_logistic" if wanted == "logistic" else "silence_btyd") if target == "silence" else "btyd"
    event = "is_silent" if target == "silence" else "actual"
    told = scored.filter(scored[name].notnull()).select("customer_id", told=scored[name], happened=scored[event])
    place = ibis.row_number().over(order_by=["told", "customer_id"])
    grouped = told.mutate(decile=(place * 10 / told.count().as_scalar()).floor().cast("int64") + 1)
    counted = grouped.group_by("decile").aggregate(
        customers=_.count(), told=_fine(_.told), happened=_.happened.sum(), square=(_.happened * _.happened).sum()
    )
    frame = counted.order_by("decile").to_pyarrow().to_pandas().astype(float)
    n, mean = frame["customers"], frame["happened"] / frame["customers"]
    half = 1.96 * np.sqrt((frame["square"] / n - mean**2).clip(lower=0) / n)
    return frame.assign(
        score_target=target, predicted=frame["told"] / n, happened=mean, happened_low=(mean - half).clip(lower=0),
        happened_high=mean + half, decile=frame["decile"].astype("int64"), customers=n.astype("int64"),
    )[list(TABLES["model_calibration"].columns)]  # fmt: skip


def judge(card: pd.DataFrame, target: str, test: BackTest, found: dict[str, int], min_n: int) -> dict[str, str]:
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


def concerns(models: customer_value.Models, card: Card, first: date, settings: Settings) -> pd.DataFrame:
    """What a reader must know before using the figures: a code, the figure found, and its range or limit."""
    fitted, value = models.purchases, settings.segment.value
    rows: list[Concern | None] = [(fitted.problem, fitted.a, None, None) if fitted.problem else _dropout(fitted)]
    rows += [(models.spend.problem, None, None, None)] if models.spend.problem else []
    if abs(models.correlation) > customer_value.MAX_CORRELATION:
        rows.append(("value_depends_on_count", models.correlation, None, customer_value.MAX_CORRELATION))
    early = _seen_first(models.cells, (settings.period.as_of - first).days)
    rows += [("older_than_data", early, None, FIRST_SHARE)] if early > FIRST_SHARE else []
    rows += _about_backtest(card, value.horizon_months)
    rows += [("revenue_only", None, None, None)] if value.margin is None else []
    return pd.DataFrame([row for row in rows if row], columns=list(TABLES["model_concerns"].columns)).astype(
        dict.fromkeys(("found", "found_low", "found_high"), float)
    )


def _dropout(fitted: btyd.Purchases) -> Concern | None:
    """The range of a, when it spans more than a factor of three and so means nothing by itself."""
    half = 1.96 * float(np.sqrt(max(fitted.covariance[2, 2], 0)))
    low, high = fitted.a * float(np.exp(-half)), fitted.a * float(np.exp(half))
    return ("dropout_imprecise", fitted.a, low, high) if np.exp(2 * half) > WIDE else None


def _seen_first(cells: pd.DataFrame, history: int) -> float:
    """Share of customers whose first purchase falls in the first 30 days of the data: most were customers before."""
    early = cells.loc[cells["tenure_days"] > history - FIRST_DAYS, "customers"].sum()
    return float(early / max(cells["customers"].sum(), 1))


def _about_backtest(card: Card, horizon_months: int) -> list[Concern]:
    days = int(card.verdicts.set_index("score_target")["holdout_days"].astype(int)["future_purchases"])
    if not days:
        return [("no_backtest", None, None, None)]
    horizon = horizon_months * customer_value.MONTH_DAYS
    short: list[Concern] = [("short_backtest", float(days), None, horizon)] if days < horizon - 31 else []
    low, high = RATIO_RANGE
    if not np.isnan(card.ratio) and not low <= card.ratio <= high:
        short.append(("biased_total", card.ratio, low, high))
    return short


def _nothing() -> pd.DataFrame:
    return pd.DataFrame({"tier": pd.Series(dtype="str"), "purchases_per_day": pd.Series(dtype=float),
                         "minor_per_day": pd.Series(dtype=float)})  # fmt: skip


def _in_engine(frame: pd.DataFrame) -> ir.Table:
    return ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))
