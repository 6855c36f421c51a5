"""What customers are expected to buy and to be worth: BTYD where the book allows it, else what their tier did before.

CLV is the discounted money (margin where it is known, else revenue) of the purchases expected over the horizon, month
by month: sum over k of (E[Y(k)] - E[Y(k-1)]) * E[M] * margin / (1 + d)^k. What a customer spent so far is not in it.
"""

from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis import _

from crmlib.params import Settings, Value
from crmlib.periods import Period
from crmlib.schema import TABLES
from crmlib.segment import btyd, btyd_fit

MONTH_DAYS = 365.25 / 12
SPEND_SAMPLE = 100_000
MAX_CORRELATION = 0.3
_KNOWN = ("customer_id", "tier", "state", "first_order_date", "recency_days", "frequency_12m", "monetary_12m_minor",
          "tenure_days", "risk_reason")  # fmt: skip


@dataclass(frozen=True)
class Models:
    """What was fitted to a book at a date; `correlation`: of purchases and their mean value, among repeat buyers."""

    cells: pd.DataFrame
    purchases: btyd.Purchases
    spend: btyd.Spend
    correlation: float


def fit(histories: ir.Table) -> Models:
    """Purchases from all customers' cells, spend from at most 100,000 customers drawn by a hash of their ids."""
    cells, sample = btyd.cells(histories), btyd.spend_sample(histories, SPEND_SAMPLE)
    repeat = sample[sample["purchases"] > 1]
    varied = len(repeat) > 2 and (repeat.nunique() > 1).all()
    correlation = float(repeat["purchases"].corr(repeat["mean_value"])) if varied else float("nan")
    spend = btyd_fit.spend(sample["purchases"], sample["mean_value"])
    return Models(cells, btyd_fit.purchases(cells), spend, correlation)


def monthly(discount_rate_year: float) -> float:
    return (1 + discount_rate_year) ** (1 / 12) - 1


def discounted(model: btyd.Purchases, cells: pd.DataFrame, months: int, rate: float) -> btyd.Array:
    """Purchases expected in each of the next months, each divided by (1 + rate)^month, added up."""
    x, t_x, tenure = (cells[c].to_numpy(float) for c in btyd.CELL)
    ends = np.arange(1, months + 1)
    total, before = np.zeros(len(cells)), np.zeros(len(cells))
    for end, factor in zip(ends, (1 + rate) ** ends, strict=True):  # month by month: all at once is gigabytes
        upto = btyd.expected_active(model, x, tenure, end * MONTH_DAYS)
        total += (upto - before) / factor
        before = upto
    return total * btyd.alive(model, x, t_x, tenure)


def predict(cells: pd.DataFrame, model: btyd.Purchases, churn_days: int, value: Value) -> pd.DataFrame:
    """Per cell: chance of silence, purchases over the horizon (also if still a customer), and these discounted."""
    x, t_x, tenure = (cells[c].to_numpy(float) for c in btyd.CELL)
    active = btyd.expected_active(model, x, tenure, value.horizon_months * MONTH_DAYS)
    found = {
        "btyd_risk": btyd.silent(model, x, t_x, tenure, churn_days),
        "expected_purchases": active * btyd.alive(model, x, t_x, tenure),
        "active_purchases": active,
        "discounted_purchases": discounted(model, cells, value.horizon_months, monthly(value.discount_rate_year)),
    }
    return cells[list(btyd.CELL)].assign(**{name: numbers.round(9) for name, numbers in found.items()})


def predicted(
    histories: ir.Table, tiered: ir.Table, models: Models, means: pd.DataFrame, churn_days: int, value: Value
) -> ir.Table:
    """Predictions per customer: the model's, or those of his tier where the model has a problem."""
    if not models.purchases.is_usable:
        return by_tier_mean(histories, tiered, means, value)
    return by_model(histories, models, churn_days, value)


def by_model(histories: ir.Table, models: Models, churn_days: int, value: Value) -> ir.Table:
    """Each customer's predictions: those of his cell, and the expected value of a purchase."""
    predicted = predict(models.cells, models.purchases, churn_days, value)
    joined = histories.join(_in_engine(predicted), list(btyd.CELL))
    return joined.mutate(expected_value_minor=expected_value(joined, models.spend), clv_basis=ibis.literal("btyd"))


def by_tier_mean(histories: ir.Table, tiered: ir.Table, means: pd.DataFrame, value: Value) -> ir.Table:
    """The same columns where the model cannot be used: purchases and money as customers of the tier brought before."""
    horizon = value.horizon_months * MONTH_DAYS
    ends = np.arange(1, value.horizon_months + 1)
    factor = float(((1 + monthly(value.discount_rate_year)) ** -ends.astype(float)).mean())
    rates = means.assign(
        expected_purchases=means["purchases_per_day"] * horizon,
        expected_value_minor=means["minor_per_day"] / means["purchases_per_day"].where(means["purchases_per_day"] > 0),
    )
    rates["discounted_purchases"] = rates["expected_purchases"] * factor
    wanted = ["tier", "expected_purchases", "discounted_purchases", "expected_value_minor"]
    joined = histories.left_join(tiered.select("customer_id", "tier"), "customer_id").drop("customer_id_right")
    filled = joined.left_join(_in_engine(rates[wanted]), "tier").drop("tier_right", "tier")
    nothing = ibis.null("float64")
    return filled.mutate(btyd_risk=nothing, active_purchases=nothing, clv_basis=ibis.literal("tier_mean"))


def tier_means(before: ir.Table, purchase_days: ir.Table, cut: date, as_of: date) -> pd.DataFrame:
    """What customers of each tier at `cut` bought and spent per day from then to `as_of`."""
    later = purchase_days.filter(_.order_date > ibis.literal(cut), _.order_date <= ibis.literal(as_of))
    brought = later.group_by("customer_id").aggregate(
        purchases=(_.orders > 0).cast("int64").sum(), net_minor=_.net_minor.sum()
    )
    joined = before.select("customer_id", "tier").left_join(brought, "customer_id")
    counted = joined.group_by("tier").aggregate(
        customers=_.count(), purchases=_.purchases.sum().fill_null(0), net_minor=_.net_minor.sum().fill_null(0)
    )
    found = counted.order_by("tier").to_pyarrow().to_pandas()
    per_day = found["customers"] * (as_of - cut).days
    found["purchases_per_day"] = found["purchases"] / per_day
    return found.assign(minor_per_day=found["net_minor"].clip(lower=0) / per_day)


def customers(tiered: ir.Table, predicted: ir.Table, ratio: float, value: Value) -> ir.Table:
    """Every customer of the book with CLV, the same corrected by the back-test, the rule of thumb and the value index.

    `ratio` is expected / actual purchases of the back-test (NaN: none). The index is CLV over the mean CLV. A customer
    who never bought has no expectation and no CLV.
    """
    known = tiered.select(*_KNOWN)
    joined = known.left_join(predicted.drop(*set(_KNOWN[1:]) & set(predicted.columns)), "customer_id")
    clv = _clv(joined, value)
    quick = joined.monetary_12m_minor.cast("float64") * (value.quick_years * value.quick_loyalty)
    corrected = (clv / ratio).round().cast("int64") if ratio > 0 else ibis.null("int64")
    everyone = _clv(predicted, value).round().cast("int64")
    mean = everyone.sum().as_scalar() / everyone.count().as_scalar().nullif(0)
    return joined.drop("customer_id_right").mutate(
        clv_minor=clv.round().cast("int64"),
        clv_calibrated_minor=corrected,
        clv_quick_minor=quick.round().cast("int64"),
        clv_basis=_.clv_basis.fill_null("none"),
        value_index=(clv.round().cast("int64") / mean.nullif(0)).round(6),
    )


def _clv(table: ir.Table, value: Value) -> ir.FloatingValue:
    return table.discounted_purchases * table.expected_value_minor * (value.margin or 1.0)


def by_tier(valued: ir.Table, models: Models, settings: Settings) -> pd.DataFrame:
    """Expected purchases and CLV per tier and in all, with the 95 % range that the purchase model's parameters leave.

    Who bought counts, with or without an expectation. The range comes from parameter draws on a coarser grid of cells,
    as a ratio to the estimate there. It knows nothing of a wrong model or another year: see the back-test.
    """
    counted = valued.filter(_.first_order_date.notnull()).group_by("tier")
    found = counted.aggregate(
        customers=_.count(),
        expected_purchases=(_.expected_purchases * 1e6).round().cast("int64").sum() / 1e6,
        clv_minor=_.clv_minor.sum(),
        clv_calibrated_minor=_.clv_calibrated_minor.sum(),
        clv_quick_minor=_.clv_quick_minor.sum(),
    )
    order = [rule.tier for rule in settings.segment.tiers]
    tiers = found.to_pyarrow().to_pandas().set_index("tier").reindex(order).dropna(how="all")
    tiers.loc["all"] = tiers.sum(min_count=1)
    low, high = _ranges(valued, models, list(tiers.index[:-1]), settings)
    foretold = tiers.loc[tiers["clv_minor"].notna(), "customers"].drop("all", errors="ignore").sum()
    mean = tiers.at["all", "clv_minor"] / foretold if foretold else float("nan")
    ranged = tiers.assign(
        clv_low_minor=(tiers["clv_minor"] * low).round(),
        clv_high_minor=(tiers["clv_minor"] * high).round(),
        value_index=tiers["clv_minor"] / tiers["customers"] / mean if mean else float("nan"),
    ).reset_index(names="tier")
    whole = ["customers", *(c for c in ranged if c.endswith("_minor"))]
    return ranged.astype(dict.fromkeys(whole, "Int64"))[list(TABLES["value_by_tier"].columns)]


def _ranges(valued: ir.Table, models: Models, tiers: list[str], settings: Settings) -> tuple[btyd.Array, btyd.Array]:
    """Per tier and for all: lower and upper end of CLV as a ratio to the estimate; NaN where no model is used."""
    nothing = np.full(len(tiers) + 1, np.nan)
    if not models.purchases.is_usable or not tiers:
        return nothing, nothing
    cells = coarse(valued.filter(_.clv_minor.notnull()), models.cells, tiers)
    mass = cells[tiers].to_numpy(float)
    mass = np.column_stack([mass, mass.sum(axis=1)])
    value = settings.segment.value
    x, t_x, tenure = (cells[c].to_numpy(float) for c in btyd.CELL)
    days = value.horizon_months * MONTH_DAYS
    drawn = btyd_fit.draws(models.purchases, value.draws, settings.seed)
    totals = np.array([btyd.expected(model, x, t_x, tenure, days) @ mass for model in drawn])
    low, high = np.quantile(totals, [0.025, 0.975], axis=0) / (
        btyd.expected(models.purchases, x, t_x, tenure, days) @ mass
    )
    return low, high


def coarse(known: ir.Table, cells: pd.DataFrame, tiers: list[str]) -> pd.DataFrame:
    """Customers on a coarser grid of cells: the means of what fell in each, and the money of each tier.

    Purchases are rounded, so that special functions of them are few.
    """
    width, ends = btyd_fit.coarser(cells)
    x, t_x, tenure = (known[c] for c in btyd.CELL)
    place = {
        "few": ibis.cases(*[(x < end, n) for n, end in enumerate(ends)]),
        "last": (t_x / ibis.literal(width, "float64")).floor(),
        "first": (tenure / ibis.literal(width, "float64")).floor(),
    }
    money = known.expected_value_minor.round().cast("int64")
    sums = known.group_by(**place).aggregate(
        customers=known.count(),
        **{c: known[c].sum() for c in btyd.CELL},
        **{f"money_{n}": money.sum(where=known.tier == tier).fill_null(0) for n, tier in enumerate(tiers)},
    )
    found = sums.order_by(list(place)).to_pyarrow().to_pandas()
    means = found[list(btyd.CELL)].div(found["customers"], axis=0)
    means[btyd.CELL[0]] = means[btyd.CELL[0]].round()
    return means.assign(**{tier: found[f"money_{n}"] for n, tier in enumerate(tiers)})


def acquisition(valued: ir.Table, costs: ir.Table | None, period: Period, value: Value) -> pd.DataFrame:
    """By quarter with acquisition costs: new customers, CAC, and their value so far and ahead, over CAC.

    A cohort's value is its margin (revenue where that is unknown) up to now plus its CLV, so that cohorts of different
    age compare. No rows where the book has no costs.
    """
    columns = list(TABLES["acquisition"].columns)
    if costs is None:
        return pd.DataFrame(columns=columns)
    spent = costs.filter(_.cost_kind == "acquisition", _.cost_date <= ibis.literal(period.as_of))
    by_quarter = spent.group_by(period=_quarter(spent.cost_date)).aggregate(cost_minor=_.cost_minor.sum())
    new = valued.filter(_.first_order_date.notnull())
    so_far = _.purchase_value_minor * (_.repeat_purchases + 1) * (value.margin or 1.0)
    brought = (so_far.round().cast("int64") + _.clv_calibrated_minor.coalesce(_.clv_minor)).sum()
    cohorts = new.group_by(period=_quarter(new.first_order_date)).aggregate(acquired=_.count(), cohort_minor=brought)
    joined = by_quarter.left_join(cohorts, "period").drop("period_right")
    per_head = joined.mutate(
        acquired=_.acquired.fill_null(0),
        cac_minor=(_.cost_minor / _.acquired.nullif(0)).round().cast("int64"),
        cohort_value_minor=(_.cohort_minor / _.acquired.nullif(0)).round().cast("int64"),
        clv_per_cac=_.cohort_minor / _.cost_minor.nullif(0),
    )
    return per_head.order_by("period").to_pyarrow().to_pandas()[columns]


def newcomer(models: Models, value: Value) -> tuple[float, float]:
    """Purchase days expected of a new customer over the horizon, after the first, and their money; NaN without a model.

    The money is not discounted, and revenue where the margin is unknown.
    """
    if not models.purchases.is_usable:
        return float("nan"), float("nan")
    expected = btyd.expected_new(models.purchases, value.horizon_months * MONTH_DAYS)
    return expected, expected * models.spend.mean * (value.margin or 1.0)


def stored(valued: ir.Table) -> ir.Table:
    """The columns of the customer value table, in their order."""
    return valued.select(*TABLES["customer_value"].columns)


def expected_value(table: ir.Table, spend: btyd.Spend) -> ir.Value:
    """E[M] of each customer; his own mean where the book does not tell how the means of customers vary."""
    if spend.problem:
        return table.purchase_value_minor
    # A whole number times a literal would be a decimal in DuckDB, and overflow.
    purchases = (table.repeat_purchases + 1).cast("float64")
    return btyd.expected_value(spend, purchases, table.purchase_value_minor)


def _quarter(day: ir.Value) -> ir.Value:
    return day.year().cast("string") + "Q" + day.quarter().cast("string")


def _in_engine(frame: pd.DataFrame) -> ir.Table:
    return ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))
