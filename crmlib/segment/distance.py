"""How far a customer is from the next better tier: in days, orders and money, together and each alone.

Distances are in observed values: where scoring scales them to 12 months or other prices, the threshold is scaled back.
"""

from itertools import pairwise

import ibis
import ibis.expr.types as ir

from crmlib.params import Anchors, TierRule
from crmlib.segment.rfm import Scale, raw_at

SCORES = ("recency_score", "frequency_score", "monetary_score")
TOGETHER = ("gap_days", "gap_orders", "gap_minor")
ALONE = ("alone_days", "alone_orders", "alone_minor")
Triple = tuple[float, float, float]


def to_next(table: ir.Table, rules: tuple[TierRule, ...], anchors: Anchors, scale: Scale) -> ir.Table:
    """Add the next tier; what the nearest way into it takes together; and what would do alone in each dimension.

    A tier that can be entered in several ways is measured by the nearest, in points of score. Alone is null where no
    amount in that dimension is enough; all are null where there is no next tier.
    """
    ways: list[tuple[str, Triple]] = [(rule.tier, need) for better, rule in pairwise(rules) for need in better.at_least]
    placed = table.mutate(way=_nearest_way(table, rules, ways))
    gaps = [_gaps(placed, need, anchors, scale) for _tier, need in ways]
    together = {
        name: ibis.cases(*[(placed.way == i, gap[d]) for i, gap in enumerate(gaps)], else_=ibis.null("int64"))
        for d, name in enumerate(TOGETHER)
    }
    alone = {name: _alone(placed, ways, gaps, d) for d, name in enumerate(ALONE)}
    return placed.mutate(next_tier=_next_tier(placed, rules), **together, **alone).drop("way")


def unknown(table: ir.Table, rules: tuple[TierRule, ...]) -> ir.Table:
    """Add the next tier without a distance: relative scores move with the other customers."""
    return table.mutate(next_tier=_next_tier(table, rules), **dict.fromkeys((*TOGETHER, *ALONE), ibis.null("int64")))


def _next_tier(table: ir.Table, rules: tuple[TierRule, ...]) -> ir.Value:
    return ibis.cases(*[(table.tier == rule.tier, better.tier) for better, rule in pairwise(rules)], else_="")


def _nearest_way(table: ir.Table, rules: tuple[TierRule, ...], ways: list[tuple[str, Triple]]) -> ir.Value:
    """The place in `ways` of the one that lacks least, the first of equals; null where there is no next tier."""
    nearest = []
    for rule in rules[1:]:
        mine = [(i, _lack(table, need)) for i, (tier, need) in enumerate(ways) if tier == rule.tier]
        least = _least([lack for _i, lack in mine])
        others = [(lack == least, i) for i, lack in mine[:-1]]
        nearest.append((table.tier == rule.tier, ibis.cases(*others, else_=mine[-1][0]) if others else mine[0][0]))
    return ibis.cases(*nearest, else_=ibis.null("int8"))


def _lack(table: ir.Table, need: Triple) -> ir.Value:
    """Points of score that are missing in all."""
    gaps = [ibis.greatest(x - table[c], 0.0) for c, x in zip(SCORES, need, strict=True)]
    return (gaps[0] + gaps[1] + gaps[2]).round(6)


def _gaps(table: ir.Table, need: Triple, anchors: Anchors, scale: Scale) -> tuple[ir.Value, ir.Value, ir.Value]:
    """Days sooner, orders more, money more: the observed values at which the needed scores are reached."""
    days = int(raw_at(anchors.recency_days, need[0]) + 1e-9)
    orders = -(-raw_at(anchors.frequency_12m, need[1]) / scale.orders // 1)
    money = -(-raw_at(anchors.monetary_12m, need[2]) / scale.money // 1)
    return (
        ibis.greatest(table.recency_days - days, 0).cast("int64"),
        ibis.greatest(int(orders) - table.frequency_12m, 0).cast("int64"),
        ibis.greatest(int(money) - table.monetary_12m_minor, 0).cast("int64"),
    )


def _alone(
    table: ir.Table, ways: list[tuple[str, Triple]], gaps: list[tuple[ir.Value, ir.Value, ir.Value]], dimension: int
) -> ir.Value:
    """The least gap in one dimension of the ways whose other two scores are reached (who had all three was there).

    Any further order is a new one, so orders alone bring the days too: one order where days are all that is lacking.
    """
    found, brought = [], {dimension, 0} if dimension == 1 else {dimension}
    for tier in dict.fromkeys(tier for tier, _need in ways):
        enough = []
        for (other, need), gap in zip(ways, gaps, strict=True):
            reached = [table[c] >= x for c, x in zip(SCORES, need, strict=True)]
            if other == tier:
                least_of = ibis.greatest(gap[dimension], 1) if dimension == 1 else gap[dimension]
                enough.append((ibis.and_(*[r for i, r in enumerate(reached) if i not in brought]), least_of))
        far = ibis.literal(2**62, "int64")  # engines differ in what `least` makes of a null
        least = _least([ibis.cases(one, else_=far) for one in enough]).nullif(far)
        found.append((table.tier == tier, least))
    return ibis.cases(*found, else_=ibis.null("int64"))


def _least(values: list[ir.Value]) -> ir.Value:
    return ibis.least(*values) if len(values) > 1 else values[0]
