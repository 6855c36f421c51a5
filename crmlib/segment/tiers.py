"""Customer tiers from scores: ordered thresholds, so that a better score can never lower a tier.

A tier is an "at least" rule on all three scores. Each rule holds for every better customer too, and the best rule that
holds wins; that is why the published rule's inversions cannot be written here (see DECISIONS.md).
"""

from itertools import pairwise

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from crmlib.errors import InputError
from crmlib.params import Anchors, Segment, Settings, TierRule
from crmlib.periods import Period
from crmlib.schema import TABLES
from crmlib.segment import rfm

SCORES = ("recency_score", "frequency_score", "monetary_score")


def at(purchase_days: ir.Table, customers: ir.Table, period: Period, settings: Settings) -> ir.Table:
    """Every customer's raw values, scores and tier at a quarter's end, by today's settings."""
    minor = 10**settings.book.minor_digits
    scale = rfm.window_scale(purchase_days, period, settings.segment)
    summary = rfm.summarise(purchase_days, customers, period)
    return assign(rfm.score(summary, settings.segment.anchors, minor, scale), settings.segment, minor, scale)


def assign(scored: ir.Table, settings: Segment, minor_per_major: int, scale: float = 1.0) -> ir.Table:
    """Add tier, the reason for a risk tier, and the distance to the next better tier."""
    rules = settings.tiers
    tiered = classify(scored, rules)
    reasoned = tiered.mutate(risk_reason=_risk_reason(tiered, rules, settings.new_customer_days))
    return _with_distance(reasoned, rules, settings.anchors, minor_per_major, scale)


def classify(scored: ir.Table, rules: tuple[TierRule, ...]) -> ir.Table:
    """Set each customer's tier from its scores; 'none' for who never bought or has only returns."""
    check(rules)
    has_tier = scored.state.isin(["active", "lapsed"])
    reached = [(_reaches(scored, rule), rule.tier) for rule in rules]
    return scored.mutate(tier=ibis.cases((~has_tier, "none"), *reached, else_=rules[-1].tier))


def check(rules: tuple[TierRule, ...]) -> None:
    """Raise unless every customer falls in a tier and every tier can be reached."""
    if (0.0, 0.0, 0.0) not in rules[-1].at_least:
        raise InputError(
            f"segment.tiers: the last tier '{rules[-1].tier}' must take everyone: give it at_least [[0, 0, 0]]"
        )
    for i, rule in enumerate(rules):
        better = [need for above in rules[:i] for need in above.at_least]
        if all(any(_implies(need, b) for b in better) for need in rule.at_least):
            raise InputError(
                f"segment.tiers: tier '{rule.tier}' can never be reached: the tiers above it take all of it"
            )
    if len({rule.tier for rule in rules}) < len(rules):
        raise InputError("segment.tiers: a tier appears twice; merge its rules into one `at_least` list")


def _implies(need: tuple[float, float, float], other: tuple[float, float, float]) -> bool:
    return all(a >= b for a, b in zip(need, other, strict=True))


def _reaches(table: ir.Table, rule: TierRule) -> ir.Value:
    return ibis.or_(*[ibis.and_(*[table[c] >= x for c, x in zip(SCORES, need, strict=True)]) for need in rule.at_least])


def _risk_reason(table: ir.Table, rules: tuple[TierRule, ...], new_days: int) -> ir.Value:
    """Why a customer is in the lowest tier: the first score below the entry to the tier above it."""
    r, f, _m = (min(need[i] for need in rules[-2].at_least) for i in range(3))
    return ibis.cases(
        (table.tier != rules[-1].tier, ""),
        (table.recency_score < r, "lapsed"),
        (table.tenure_days <= new_days, "new"),
        (table.frequency_score < f, "low_frequency"),
        else_="low_value",
    )


def _with_distance(
    table: ir.Table, rules: tuple[TierRule, ...], anchors: Anchors, minor_per_major: int, scale: float
) -> ir.Table:
    """Add what the next tier still needs: days sooner, orders and money more, by the nearest alternative.

    The distances are in observed units: with a partly covered window the threshold is scaled back.
    """
    branches: dict[str, list[tuple[ir.Value, ir.Value]]] = {
        "next_tier": [],
        "gap_days": [],
        "gap_orders": [],
        "gap_minor": [],
    }
    for better, rule in pairwise(rules):
        lacks = [_score_gap(table, need) for need in better.at_least]
        nearest = ibis.least(*lacks) if len(lacks) > 1 else lacks[0]
        for need, lack in zip(better.at_least, lacks, strict=True):
            here = (table.tier == rule.tier) & (lack == nearest)
            branches["next_tier"].append((here, ibis.literal(better.tier)))
            branches["gap_days"].append((here, _days_gap(table, anchors, need[0])))
            branches["gap_orders"].append((here, _orders_gap(table, anchors, need[1], scale)))
            branches["gap_minor"].append((here, _money_gap(table, anchors, need[2], minor_per_major / scale)))
    none = {"next_tier": "", "gap_days": 0, "gap_orders": 0, "gap_minor": 0}
    return table.mutate(**{name: ibis.cases(*cases, else_=none[name]) for name, cases in branches.items()})


def _score_gap(table: ir.Table, need: tuple[float, float, float]) -> ir.Value:
    gaps = [ibis.greatest(x - table[c], 0.0) for c, x in zip(SCORES, need, strict=True)]
    return (gaps[0] + gaps[1] + gaps[2]).round(6)


def _days_gap(table: ir.Table, anchors: Anchors, score: float) -> ir.Value:
    allowed = int(rfm.raw_at(anchors.recency_days, score) + 1e-9)
    return ibis.greatest(table.recency_days - allowed, 0).cast("int64")


def _orders_gap(table: ir.Table, anchors: Anchors, score: float, scale: float) -> ir.Value:
    wanted = -(-rfm.raw_at(anchors.frequency_12m, score) / scale // 1)
    return ibis.greatest(wanted - table.frequency_12m, 0).cast("int64")


def _money_gap(table: ir.Table, anchors: Anchors, score: float, minor: float) -> ir.Value:
    wanted = -(-rfm.raw_at(anchors.monetary_12m, score) * minor // 1)
    return ibis.greatest(wanted - table.monetary_12m_minor, 0).cast("int64")


def sizes(tiered: ir.Table, rules: tuple[TierRule, ...]) -> ir.Table:
    """Customers and 12-month net spend by tier, best first, empty tiers too; customers without a tier last."""
    names = [rule.tier for rule in rules]
    every = ibis.memtable(pa.table({"tier": names, "position": range(len(names))}))
    counted = tiered.group_by("tier").aggregate(customers=_.count(), monetary_12m_minor=_.monetary_12m_minor.sum())
    joined = every.outer_join(counted, "tier")
    filled = joined.select(
        tier=ibis.coalesce(joined.tier, joined.tier_right),
        position=joined.position.fill_null(len(names)),
        customers=joined.customers.fill_null(0),
        monetary_12m_minor=joined.monetary_12m_minor.fill_null(0),
    )
    total = filled.customers.sum().over().nullif(0), filled.monetary_12m_minor.sum().over().nullif(0)
    shares = filled.mutate(
        customer_share=filled.customers / total[0], revenue_share=filled.monetary_12m_minor / total[1]
    )
    return shares.order_by("position").select(
        "tier", "customers", "customer_share", "monetary_12m_minor", "revenue_share"
    )


def risk_reasons(tiered: ir.Table) -> ir.Table:
    """The lowest tier by reason: it mixes customers who left with small and new ones, who need different actions."""
    return (
        tiered.filter(_.risk_reason != "")
        .group_by("risk_reason")
        .aggregate(customers=_.count(), monetary_12m_minor=_.monetary_12m_minor.sum())
        .order_by(ibis.desc("customers"), "risk_reason")
    )


def stored(tiered: ir.Table) -> ir.Table:
    """The columns of the segmentation result, in their order."""
    return tiered.select(*TABLES["customer_tiers"].columns)
