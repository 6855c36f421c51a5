"""Recency, frequency, monetary: measured, then mapped to 0-100 by frozen anchors.

Ties are equal by construction: a score depends on the raw value alone, never on other customers or on row order.
"""

from datetime import date
from itertools import pairwise

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.params import Anchors, Knots, Segment
from crmlib.periods import Period

QUANTILES = (0.20, 0.40, 0.60, 0.80, 0.95)


def summarise(purchase_days: ir.Table, customers: ir.Table, period: Period) -> ir.Table:
    """Measure each customer's buying up to the end of the quarter; customers who never bought stay, with a state.

    Recency and frequency come from purchases only, monetary is net of returns. The 12-month window is left-open:
    (year_ago, as_of].
    """
    seen = purchase_days.filter(_.order_date <= ibis.literal(period.as_of))
    recent = seen.order_date > ibis.literal(period.year_ago)
    measured = seen.group_by("customer_id").aggregate(
        first_order_date=_.order_date.min(where=_.orders > 0),
        last_order_date=_.order_date.max(where=_.orders > 0),
        frequency_12m=_.orders.sum(where=recent).fill_null(0),
        monetary_12m_minor=_.net_minor.sum(where=recent).fill_null(0),
        orders_total=_.orders.sum(),
    )
    everyone = customers.select("customer_id").union(measured.select("customer_id"), distinct=True)
    joined = everyone.left_join(measured, "customer_id")
    return joined.select(
        "customer_id",
        "first_order_date",
        "last_order_date",
        state=_state(joined),
        recency_days=_days_between(joined.last_order_date, period.as_of),
        frequency_12m=_.frequency_12m.fill_null(0),
        monetary_12m_minor=_.monetary_12m_minor.fill_null(0),
        tenure_days=_days_between(joined.first_order_date, period.as_of),
    )


def _state(table: ir.Table) -> ir.Value:
    return ibis.cases(
        (table.orders_total.isnull(), "prospect"),
        (table.orders_total == 0, "returns_only"),
        (table.frequency_12m == 0, "lapsed"),
        else_="active",
    )


def _days_between(earlier: ir.Value, later: date) -> ir.Value:
    return ibis.literal(later).delta(earlier, unit="day").cast("int64")


def score(summary: ir.Table, anchors: Anchors, minor_per_major: int, scale: float = 1.0) -> ir.Table:
    """Add R, F and M scores (0-100, 6 decimals) and their sum; who never bought has no recency and scores 0.

    `scale` brings a window that the data cover only in part to 12 months (12 / months covered); raw values stay as
    observed. Interpolation is linear between knots and flat beyond them (numpy.interp).
    """
    money = summary.monetary_12m_minor.cast("float64") * (scale / minor_per_major)
    scored = summary.mutate(
        recency_score=interpolate(summary.recency_days, anchors.recency_days).fill_null(0.0),
        frequency_score=interpolate(summary.frequency_12m.cast("float64") * scale, anchors.frequency_12m),
        monetary_score=interpolate(money, anchors.monetary_12m),
    )
    return scored.mutate(rfm_total=(_.recency_score + _.frequency_score + _.monetary_score).round(6))


def window_scale(purchase_days: ir.Table, period: Period, settings: Segment) -> float:
    """What brings a partly covered 12-month window to 12 months; 1 where the params want values as observed."""
    first = purchase_days.filter(_.order_date <= ibis.literal(period.as_of)).order_date.min().to_pyarrow().as_py()
    if settings.truncated_window == "as_observed" or first is None:
        return 1.0
    return 12 / period.months_covered(first)


def interpolate(value: ir.Value, knots: Knots) -> ir.Value:
    """Piecewise-linear map through (raw, score) knots, clipped at both ends, rounded to 6 decimals."""
    x = value.cast("float64")  # DuckDB reads a literal such as 95.0 as a decimal, and decimals overflow
    pieces = [(x <= x1, (x - x0) * ((y1 - y0) / (x1 - x0)) + y0) for (x0, y0), (x1, y1) in pairwise(knots)]
    ends = ibis.literal(knots[0][1], "float64"), ibis.literal(knots[-1][1], "float64")
    return ibis.cases((x.isnull(), ibis.null("float64")), (x <= knots[0][0], ends[0]), *pieces, else_=ends[1]).round(6)


def raw_at(knots: Knots, score: float) -> float:
    """The raw value at which a score is reached: the inverse of `interpolate` on its slope."""
    for (x0, y0), (x1, y1) in pairwise(knots):
        if min(y0, y1) <= score <= max(y0, y1) and y0 != y1:
            return x0 + (score - y0) * (x1 - x0) / (y1 - y0)
    return knots[0][0] if score == knots[0][1] else knots[-1][0]


def baseline(purchase_days: ir.Table, summary: ir.Table, period: Period) -> ir.Table:
    """What anchors are frozen from: active customers' frequency, money, and the longest silence they came back from.

    Today's silence says little by itself in a book where most buy weekly; the silences that customers returned from say
    how long is long. `longest_gap_days` is null for a customer with one purchase day.
    """
    days = purchase_days.filter(_.orders > 0, _.order_date <= ibis.literal(period.as_of))
    earlier = days.order_date.lag().over(group_by="customer_id", order_by="order_date")
    gaps = days.mutate(gap=days.order_date.delta(earlier, unit="day"))
    longest = gaps.group_by("customer_id").aggregate(longest_gap_days=_.gap.max())
    active = summary.filter(_.state == "active")
    return active.left_join(longest, "customer_id").select(
        "customer_id", "frequency_12m", "monetary_12m_minor", "longest_gap_days"
    )


def propose_anchors(baseline: pd.DataFrame, minor_per_major: int, scale: float = 1.0) -> dict[str, list[list[float]]]:
    """Knots frozen at a baseline quarter from its 20/40/60/80/95 % quantiles.

    Frequency and money score 20/40/60/80/95 there, a silence as long as the customers' longest gaps 80/60/40/20/5; the
    ends are 0, a year, and twice the highest quantile. Equal neighbours are merged: a raw value has one score.
    """
    scores = [100 * q for q in QUANTILES]
    gaps = baseline["longest_gap_days"].quantile(list(QUANTILES)).round()
    knots = {"recency_days": _rising([(0.0, 100.0), *zip(gaps, [100 - s for s in scores], strict=True), (365.0, 0.0)])}
    for column, unit in (("frequency_12m", 1), ("monetary_12m_minor", minor_per_major)):
        raw = baseline[column].quantile(list(QUANTILES)) * scale / unit
        ends = [(0.0, 0.0), *zip(raw, scores, strict=True), (2 * raw.iloc[-1], 100.0)]
        knots[column.removesuffix("_minor")] = _rising(ends)
    return knots


def _rising(knots: list[tuple[float, float]]) -> list[list[float]]:
    kept: list[list[float]] = []
    for raw, value in knots:
        if not kept or round(raw, 2) > kept[-1][0]:
            kept.append([round(float(raw), 2), value])
    return kept
