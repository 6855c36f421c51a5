"""The book cut in its own past: what models and rules foretold there of each customer, and what came true."""

from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from crmlib.params import Settings
from crmlib.periods import Period
from crmlib.segment import btyd, btyd_fit, churn, customer_value, tiers


@dataclass(frozen=True)
class BackTest:
    """`scored`: one row per customer known at `cut`, with what each rule foretold and what happened."""

    cut: date
    scored: ir.Table
    model: btyd.Purchases
    logistic: churn.Logistic
    means: pd.DataFrame


def run(purchase_days: ir.Table, customers: ir.Table, first: date, days: int, settings: Settings) -> BackTest:
    """Fit everything to what was known `days` before `as_of`, and put beside it what happened since.

    `first` is the first day of data.
    """
    as_of, span = settings.period.as_of, timedelta(days=days)
    cut = as_of - span
    before = (
        tiers.placed(purchase_days, customers, _period(cut), settings)
        .select("customer_id", "tier", "rfm_total")
        .cache()
    )
    known = churn.features(purchase_days, cut, {"same_count": (cut - span, cut), "actual": (cut, as_of)}).cache()
    cells = btyd.cells(known)
    model, logistic = btyd_fit.purchases(cells), churn.learn(purchase_days, first, cut, days)
    rates = churn.observed(purchase_days, cut, days, settings.review.min_rate_n).to_pyarrow().to_pandas()
    told = known.join(before.drop("tier"), "customer_id").join(
        _in_engine(_foretold(cells, model, days)), list(btyd.CELL)
    )
    rated = told.mutate(recency_band=churn.band(told.recency_days)).left_join(_in_engine(rates), "recency_band")
    everyone = ibis.literal(_share(rates["silent"].sum(), rates["customers"].sum()), "float64")
    scored = rated.select(
        "actual", "same_rate",
        customer_id=rated.customer_id,
        same_count=rated.same_count.cast("float64"),
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


def means(purchase_days: ir.Table, customers: ir.Table, first: date, settings: Settings) -> pd.DataFrame:
    """What each tier brought per day in the later half of the history, where nothing can be held out for a model."""
    as_of = settings.period.as_of
    cut = as_of - timedelta(days=(as_of - first).days // 2)
    return customer_value.tier_means(
        tiers.placed(purchase_days, customers, _period(cut), settings), purchase_days, cut, as_of
    )


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


def _period(day: date) -> Period:
    whole = Period.containing(day)
    return whole if whole.as_of == day else Period(whole.year, whole.quarter, day)


def _in_engine(frame: pd.DataFrame) -> ir.Table:
    return ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))
