"""Recency, frequency, monetary: measured, then mapped to 0-100 by frozen anchors.

Ties are equal by construction: a score depends on the raw value alone, never on other customers or on row order.
`rank` gives relative scores instead, for exploration; every result made from them says so in `scoring`.
"""

from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import ibis
import ibis.expr.types as ir
from ibis import _

from crmlib.errors import InputError
from crmlib.params import Anchors, Knots, Segment, Settings
from crmlib.periods import Period

STATES = ("active", "lapsed", "returns_only", "prospect")
HAS_TIER = STATES[:2]
"""States of customers who have bought at least once; in `returns_only` nothing is left of it, or nothing was paid."""


@dataclass(frozen=True)
class Scale:
    """What turns observed values into the units of the anchors: orders, and minor units of money."""

    orders: float = 1.0
    money: float = 0.01


def summarise(purchase_days: ir.Table, customers: ir.Table, period: Period) -> ir.Table:
    """Measure each customer's buying up to the end of the quarter; customers who never bought stay, with a state.

    Recency and frequency come from purchases only, monetary is net of returns. The 12-month window is left-open:
    (year_ago, as_of].
    """
    bought = purchase_days.filter(_.order_date <= ibis.literal(period.as_of))
    columns = {name: bought[name] for name in ("order_date", "orders", "net_minor")}
    nothing = {name: ibis.null(column.type().copy(nullable=True)) for name, column in columns.items()}
    seen = bought.select("customer_id", **columns).union(customers.select("customer_id", **nothing))
    recent = seen.order_date > ibis.literal(period.year_ago)
    everyone = seen.group_by("customer_id").aggregate(
        first_order_date=_.order_date.min(where=_.orders > 0),
        last_order_date=_.order_date.max(where=_.orders > 0),
        frequency_12m=ibis.cases((recent, seen.orders), else_=0).sum(),
        monetary_12m_minor=ibis.cases((recent, seen.net_minor), else_=0).sum(),
        days=_.order_date.count(),
    )
    return everyone.select(
        "customer_id",
        "first_order_date",
        "last_order_date",
        state=_state(everyone),
        recency_days=_days_between(everyone.last_order_date, period.as_of),
        frequency_12m=_.frequency_12m,
        monetary_12m_minor=_.monetary_12m_minor,
        tenure_days=_days_between(everyone.first_order_date, period.as_of),
    )


def _state(table: ir.Table) -> ir.Value:
    return ibis.cases(
        (table.days == 0, "prospect"),
        (table.first_order_date.isnull(), "returns_only"),
        (table.frequency_12m == 0, "lapsed"),
        else_="active",
    )


def _days_between(earlier: ir.Value, later: date) -> ir.Value:
    return ibis.literal(later).delta(earlier, unit="day").cast("int64")


def score(summary: ir.Table, anchors: Anchors, scale: Scale) -> ir.Table:
    """Add R, F and M scores (0-100, 6 decimals) and their sum; who never bought has no recency and scores 0.

    `scale` is for scoring only; raw values stay as observed. Interpolation is linear between knots and flat beyond them
    (numpy.interp).
    """
    orders = summary.frequency_12m.cast("float64") * scale.orders
    money = summary.monetary_12m_minor.cast("float64") * scale.money
    scored = summary.mutate(
        recency_score=interpolate(summary.recency_days, anchors.recency_days).fill_null(0.0),
        frequency_score=interpolate(orders, anchors.frequency_12m),
        monetary_score=interpolate(money, anchors.monetary_12m),
    )
    return _totalled(scored, anchors.kind)


def rank(summary: ir.Table) -> ir.Table:
    """Add scores that are mid-ranks among all who ever bought: the share below plus half of the equal, times 100.

    Relative: when everyone grows nothing moves, and when others join everyone does. Not comparable between quarters.
    """
    ranked = summary.mutate(is_ranked=summary.state.isin(HAS_TIER))
    directions = {
        "recency_score": (ranked.recency_days, ranked.recency_days.desc()),
        "frequency_score": (ranked.frequency_12m, ranked.frequency_12m.asc()),
        "monetary_score": (ranked.monetary_12m_minor, ranked.monetary_12m_minor.asc()),
    }
    everyone = ranked.count().over(group_by="is_ranked")
    scores = {}
    for name, (value, order) in directions.items():
        below = ibis.rank().over(group_by="is_ranked", order_by=order)
        equal = ranked.count().over(group_by=["is_ranked", value])
        share = (below + equal / 2) / everyone
        scores[name] = ibis.cases((ranked.is_ranked, (100 * share).round(6)), else_=0.0)
    return _totalled(ranked.mutate(**scores).drop("is_ranked"), "percentile")


def _totalled(scored: ir.Table, scoring: str) -> ir.Table:
    total = (scored.recency_score + scored.frequency_score + scored.monetary_score).round(6)
    return scored.mutate(rfm_total=total, scoring=ibis.literal(scoring))


def scale_of(purchase_days: ir.Table, period: Period, settings: Settings) -> Scale:
    """How a quarter's values are brought to the anchors' 12 months and prices."""
    window = window_scale(purchase_days, period, settings.segment)
    return Scale(window, window / 10**settings.book.minor_digits / price_level(period, settings.segment))


def window_scale(purchase_days: ir.Table, period: Period, settings: Segment) -> float:
    """What brings a partly covered 12-month window to 12 months; 1 where the params want values as observed."""
    if settings.truncated_window == "as_observed":
        return 1.0
    return 12 / months_seen(purchase_days, period)


def months_seen(purchase_days: ir.Table, period: Period) -> int:
    """How many of the 12 months up to the quarter's end the data cover; 12 where there are none to scale."""
    first = purchase_days.filter(_.order_date <= ibis.literal(period.as_of)).order_date.min().to_pyarrow().as_py()
    return 12 if first is None else period.months_covered(first)


def price_level(period: Period, settings: Segment) -> float:
    """Prices of a quarter relative to those at the anchors' date; 1 without an index.

    The spend of 12 months is divided by one figure: the window of the anchors ends at their date, and this one at the
    quarter's, so both lag prices alike.
    """
    index, base = settings.price_index, Period.containing(settings.anchors.frozen_on)
    if not index:
        return 1.0
    there = {p: index.get(str(p), index.get(str(p.year))) for p in (period, base)}
    now, then = there[period], there[base]
    if now is None and str(period) != str(base):
        raise InputError(
            f"segment.price_index has no value for {period}: add '{period}' or '{period.year}' (1 is the price level "
            f"at the anchors' date, {settings.anchors.frozen_on})"
        )
    return (now or 1.0) / (then or 1.0)


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
