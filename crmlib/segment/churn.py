"""Early warning: the chance that a customer buys nothing for a while, the money that puts at risk, and why.

The chance is P(no purchase in H) of the BTYD model, or an explainable logistic regression, or what was counted in the
book's own past. It is never 1 - P(alive): that ranks worse than chance where many bought once, because the model takes
each of them for a customer.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from crmlib.params import Segment, Value
from crmlib.schema import TABLES
from crmlib.segment import btyd

EDGES = (7, 14, 30, 60, 90, 180)
FEATURES = ("repeat_purchases", "recency_days", "tenure_days", "purchase_days_90", "purchase_days_180")
TRAINING = 100_000
MIN_EVENTS = 50
MIN_DAYS = 90
GAPS = 3
WEEK = 7
OVERDUE = 1.5
BEST_TIERS = 2
WATCH = 2.0
LISTED_DAYS = 180
SIMPLE = ("recency_rate", "population_mean")
ALERTS = ("red", "amber", "watch", "no_alert")


@dataclass(frozen=True)
class Logistic:
    """P(no purchase) = 1 / (1 + exp(-(intercept + sum of coefficient * log1p(feature)))), fitted to `days` after `cut`.

    `spread` is the standard deviation of each log1p(feature). `problem` (short_history, few_events): not fitted.
    """

    intercept: float
    coefficients: tuple[float, ...]
    spread: tuple[float, ...]
    customers: int
    silent: int
    cut: date
    days: int
    problem: str = ""


def window(cells: pd.DataFrame, value: Value, first: date, as_of: date) -> int:
    """Days of silence that count as churn: what is set, else `usual_window`, at most half of the data's days.

    A longer one could be held out nowhere, nor counted. It is never below 13 weeks. `first` is the first day of data.
    """
    if value.churn_days is not None:
        return value.churn_days
    half = (as_of - first).days // 2 // WEEK * WEEK
    return max(WEEK * round(MIN_DAYS / WEEK), min(usual_window(cells), half))


def usual_window(cells: pd.DataFrame) -> int:
    """13 weeks, or three times the median usual gap of repeat buyers, in whole weeks."""
    repeat = cells[cells["repeat_purchases"] > 0]
    gaps = repeat["last_purchase_age_days"] / repeat["repeat_purchases"]
    order = np.argsort(gaps.to_numpy(), kind="stable")
    upto = repeat["customers"].to_numpy()[order].cumsum()
    median = gaps.to_numpy()[order][np.searchsorted(upto, upto[-1] / 2)] if len(repeat) else 0.0
    return WEEK * round(max(MIN_DAYS, GAPS * median) / WEEK)


def observed(purchase_days: ir.Table, as_of: date, days: int, min_n: int) -> ir.Table:
    """Of those who had bought `days` before `as_of`: how many bought nothing since, by days since their last purchase.

    A band of fewer than `min_n` customers is marked thin.
    """
    cut = as_of - timedelta(days=days)
    known = features(purchase_days, cut, {"later": (cut, as_of)})
    banded = known.mutate(recency_band=band(known.recency_days))
    counted = banded.group_by("recency_band").aggregate(customers=_.count(), silent=(_.later == 0).sum())
    rated = counted.mutate(
        silent_rate=_.silent / _.customers, silence_days=ibis.literal(days, "int64"), is_thin=_.customers < min_n
    )
    return rated.order_by("recency_band")


def band(recency: ir.Value) -> ir.Value:
    """Lower edge of the band of days since the last order: 0, 8, 15, 31, 61, 91, 181."""
    starts = (0, *(edge + 1 for edge in EDGES))
    return ibis.cases(
        *[(recency <= edge, start) for start, edge in zip(starts, EDGES, strict=False)], else_=starts[-1]
    ).cast("int64")


def features(purchase_days: ir.Table, as_of: date, windows: btyd.Windows | None = None) -> ir.Table:
    """The histories of `btyd` (with its `windows`), days since the last purchase, and purchase days lately."""
    lately = {f"purchase_days_{n}": (as_of - timedelta(days=n), as_of) for n in (90, 180)}
    known = btyd.histories(purchase_days, as_of, lately | (windows or {}))
    return known.mutate(recency_days=_.tenure_days - _.last_purchase_age_days).select(
        "customer_id", "last_purchase_age_days", "purchase_value_minor", *FEATURES, *(windows or {})
    )


def learn(purchase_days: ir.Table, first: date, as_of: date, days: int) -> Logistic:
    """Fit the logistic option where the outcome is known by `as_of`: who was silent in the last `days`.

    `first` is the first day of data; the features need as many days before the cut as the outcome takes. At most
    100,000 customers, those with the smallest hash of their id.
    """
    cut = as_of - timedelta(days=days)
    nothing = Logistic(float("nan"), (), (), 0, 0, cut, days)
    if (cut - first).days < days:
        return Logistic(**{**vars(nothing), "problem": "short_history"})
    known = features(purchase_days, cut, {"later": (cut, as_of)})
    drawn = known.order_by(_.customer_id.hexdigest("md5"), "customer_id").limit(TRAINING)
    frame = drawn.mutate(is_silent=_.later == 0).order_by("customer_id").to_pyarrow().to_pandas()
    silent = int(frame["is_silent"].sum())
    if min(silent, len(frame) - silent) < MIN_EVENTS:
        return Logistic(**{**vars(nothing), "customers": len(frame), "silent": silent, "problem": "few_events"})
    return _fitted(frame, cut, days)


def _fitted(frame: pd.DataFrame, cut: date, days: int) -> Logistic:
    from sklearn.linear_model import LogisticRegression

    x = np.log1p(frame[list(FEATURES)].to_numpy(float))
    mean, spread = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)
    found = LogisticRegression(max_iter=1000).fit((x - mean) / spread, frame["is_silent"])
    slopes = (found.coef_[0] / spread).round(9)
    intercept = round(float(found.intercept_[0] - mean @ slopes), 9)
    return Logistic(intercept, tuple(slopes.tolist()), tuple(spread.round(9).tolist()), len(frame),
                    int(frame["is_silent"].sum()), cut, days)  # fmt: skip


def logistic_risk(table: ir.Table, model: Logistic) -> ir.Value:
    """The logistic option's chance of silence, in the engine; null where nothing was fitted."""
    if model.problem:
        return ibis.null("float64")
    terms = [(table[f].cast("float64") + 1).ln() * c for f, c in zip(FEATURES, model.coefficients, strict=True)]
    total = terms[0] + terms[1] + terms[2] + terms[3] + terms[4] + model.intercept
    return 1 / (1 + (-total).exp())


def coefficients(model: Logistic) -> pd.DataFrame:
    """What raises and lowers the chance of silence: per unit of log1p, and as odds ratio per standard deviation."""
    frame = pd.DataFrame({"predictor": FEATURES[: len(model.coefficients)], "coefficient": model.coefficients})
    ratio = np.exp(np.array(model.coefficients) * np.array(model.spread))
    return frame.assign(odds_ratio=ratio, customers=model.customers)


def source(wanted: str, card: pd.DataFrame, verdicts: pd.DataFrame, model: btyd.Purchases, logistic: Logistic) -> str:
    """Where the risk comes from: what the params want, else what gave the most exact chances in the back-test.

    Exact: the lowest Brier score on all customers. What was counted stands where no back-test could judge a model, or
    where a simple rule was as exact.
    """
    usable = [name for name, works in (("btyd", model.is_usable), ("logistic", not logistic.problem)) if works]
    if wanted in ("btyd", "logistic", "observed"):
        return wanted if wanted in usable else "observed"
    if verdicts.set_index("score_target").at["silence", "verdict_code"] == "not_enough_data":
        return "observed"
    tested = card[(card["score_target"] == "silence") & (card["population"] == "all")]
    errors = tested.set_index("score")["brier"].astype(float).dropna()
    models, simple = errors[errors.index.isin(usable)], errors[errors.index.isin(SIMPLE)]
    return str(models.idxmin()) if len(models) and not models.min() >= simple.min() else "observed"


def assess(valued: ir.Table, rates: ir.Table, before: ir.Table, logistic: Logistic) -> ir.Table:
    """Add to each customer the counted and the logistic risk, his usual gap, and his tier a quarter ago.

    `valued` has the model's risk and the features, `rates` the counted silence, `before` last quarter's tiers.
    """
    banded = valued.mutate(recency_band=band(valued.recency_days))
    rated = banded.left_join(rates.select("recency_band", "silent_rate"), "recency_band").drop("recency_band_right")
    earlier = before.select("customer_id", tier_before=before.tier)
    placed = rated.left_join(earlier, "customer_id").drop("customer_id_right")
    gap = (placed.last_purchase_age_days / placed.repeat_purchases.nullif(0)).round(1)
    return placed.mutate(
        tier_before=_.tier_before.fill_null("absent"),
        logistic_risk=logistic_risk(placed, logistic),
        usual_gap_days=gap,
        overdue_ratio=(placed.recency_days / gap.nullif(0)).round(2),
    )


def alerts(assessed: ir.Table, chosen: str, settings: Segment) -> ir.Table:
    """Add the chance of silence from the chosen source, alert, money at risk, reason and action.

    Red: a chance of at least `red_risk` for a customer who was in one of the two best tiers a quarter ago. Amber: any
    other chance of at least `amber_risk`. Watch: at least twice the mean chance of the active customers. Money at risk:
    the chance times what the customer would bring over the horizon if he stays one; without a model, his spend of the
    last 12 months; nothing where nobody has ever come back. What neither the customer value table nor the warnings show
    is left out.
    """
    value = settings.value
    risk = {"btyd": assessed.btyd_risk, "logistic": assessed.logistic_risk, "observed": assessed.silent_rate}[chosen]
    best = [rule.tier for rule in settings.tiers[:BEST_TIERS]]
    red = (risk >= value.red_risk) & assessed.tier_before.isin(best)
    usual = risk.mean(where=assessed.state == "active").as_scalar().round(6)
    modelled = assessed.active_purchases * assessed.expected_value_minor
    comes_back = (assessed.repeat_purchases.max() > 0).as_scalar()
    spent = ibis.ifelse(comes_back, assessed.monetary_12m_minor.cast("float64"), 0.0)
    brings = ibis.greatest(modelled.coalesce(spent), 0.0)
    alerted = assessed.mutate(
        churn_risk=risk.round(9),
        risk_source=ibis.ifelse(risk.isnull(), "none", chosen),
        alert=ibis.cases(
            (risk.isnull(), "no_alert"),
            (red, "red"),
            (risk >= value.amber_risk, "amber"),
            (risk >= WATCH * usual, "watch"),
            else_="no_alert",
        ),
        at_risk_minor=(risk * brings).round().cast("int64"),
        reason=_reason(assessed),
    )
    shown = {*TABLES["customer_value"].columns, *TABLES["churn_warnings"].columns}
    return alerted.select(*(column for column in alerted.columns if column in shown))


def warnings(alerted: ir.Table, rows: int, days: int) -> pd.DataFrame:
    """The list to act on: customers with an alert, the most money at risk first; `days`: what the chance is about.

    Only who bought within 180 days: an earlier customer is lost already, and a case for winning back.
    """
    listed = alerted.filter(_.recency_days <= LISTED_DAYS, _.alert != "no_alert", _.at_risk_minor > 0)
    place = ibis.row_number().over(order_by=[ibis.desc("at_risk_minor"), "customer_id"]) + 1
    ranked = listed.mutate(rank=place.cast("int64"), advice=_advice(listed)).order_by("rank").limit(rows)
    frame = ranked.to_pyarrow().to_pandas(date_as_object=False)
    said = [_sentences(row.reason, row.recency_days, row.usual_gap_days) for row in frame.itertuples()]
    texts = pd.DataFrame(said, columns=["warning_text", "warning_text_zh"], index=frame.index, dtype="str")
    return pd.concat([frame.assign(silence_days=days), texts], axis=1)[list(TABLES["churn_warnings"].columns)]


def told(listed: pd.DataFrame, rates: pd.DataFrame) -> pd.DataFrame:
    """The warning list without shares that were counted in other bands than those of `rates`."""
    bands = np.array((0, *(edge + 1 for edge in EDGES)))[np.searchsorted(EDGES, listed["recency_days"])]
    is_known = pd.Series(bands, listed.index).isin(rates["recency_band"])
    counted = is_known | listed["risk_source"].ne("observed")
    return listed.assign(
        silent_rate=listed["silent_rate"].where(is_known), churn_risk=listed["churn_risk"].where(counted)
    )


def alert_sizes(alerted: ir.Table) -> pd.DataFrame:
    """How many customers, and how much money at risk, are behind each alert; the list holds only the first of them."""
    counted = (
        alerted.filter(_.recency_days <= LISTED_DAYS)
        .group_by("alert")
        .aggregate(
            customers=_.count(),
            expected_silent=(_.churn_risk * 1e6).round().cast("int64").sum().fill_null(0) / 1e6,
            at_risk_minor=_.at_risk_minor.sum().fill_null(0),
        )
    )
    frame = counted.to_pyarrow().to_pandas().set_index("alert").reindex(ALERTS).fillna(0)
    return frame.reset_index().astype({"customers": "int64", "at_risk_minor": "int64"})


def _reason(table: ir.Table) -> ir.Value:
    """Why a customer may be leaving. It explains and does not rank: the ratio to the usual gap is a poor score."""
    return ibis.cases(
        (table.recency_days.isnull(), ""),
        (table.repeat_purchases == 0, "bought_once"),
        (table.overdue_ratio >= OVERDUE, "overdue_gap"),
        (table.purchase_days_90 * 2 < table.purchase_days_180, "slowing"),
        else_="rare_buyer",
    )


def _advice(table: ir.Table) -> ir.Value:
    return ibis.cases(
        (table.alert == "red", "call_within_week"),
        (table.reason == "bought_once", "invite_second"),
        else_="send_reminder",
    )


def _sentences(reason: str, recency: int, gap: float) -> tuple[str, str]:
    en, zh = f"last purchase {recency} d ago", f"距上次购买{recency}天"
    if reason == "bought_once":
        return f"bought on one day only, {recency} d ago", f"仅购买过一次，距今{recency}天"
    usual = f"{gap:.0f}" if gap >= 10 else f"{gap:.1f}"
    if reason == "overdue_gap":
        times = f"{recency / gap:.1f}"
        return f"usual gap {usual} d, now {recency} d = {times}x", f"通常间隔{usual}天，现已{recency}天，为{times}倍"
    if reason == "slowing":
        return f"bought less in the last 90 d than in the 90 d before; {en}", f"近90天购买少于此前90天；{zh}"
    return f"buys rarely (usual gap {usual} d); {en}", f"购买稀疏（通常间隔{usual}天）；{zh}"
