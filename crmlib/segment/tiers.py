"""Customer tiers from scores: ordered thresholds, so that a better score can never lower a tier.

A tier is an "at least" rule on all three scores. Each rule holds for every better customer too, and the best rule that
holds wins; that is why the published rule's inversions cannot be written here (see DECISIONS.md).
"""

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from crmlib.errors import InputError
from crmlib.params import Segment, Settings, TierRule
from crmlib.periods import Period
from crmlib.schema import TABLES
from crmlib.segment import distance, reasons, rfm

SCORES = distance.SCORES
ORDER = ("high", "potential", "general", "risk")
Triple = tuple[float, float, float]


def at(purchase_days: ir.Table, customers: ir.Table, period: Period, settings: Settings) -> ir.Table:
    """Every customer as in `placed`, with the distance to the next better tier."""
    scale = rfm.scale_of(purchase_days, period, settings)
    return assign(_scored(purchase_days, customers, period, settings, scale), settings.segment, scale)


def placed(purchase_days: ir.Table, customers: ir.Table, period: Period, settings: Settings) -> ir.Table:
    """Every customer's raw values, scores, tier and reason for a risk tier at a quarter's end, by today's settings."""
    scale = rfm.scale_of(purchase_days, period, settings)
    return _reasoned(_scored(purchase_days, customers, period, settings, scale), settings.segment)


def assign(scored: ir.Table, settings: Segment, scale: rfm.Scale) -> ir.Table:
    """Add tier, the reason for a risk tier, and the distance to the next better tier."""
    reasoned = _reasoned(scored, settings)
    if settings.scoring == "percentile":
        return distance.unknown(reasoned, settings.tiers)
    return distance.to_next(reasoned, settings.tiers, settings.anchors, scale)


def _scored(days: ir.Table, customers: ir.Table, period: Period, settings: Settings, scale: rfm.Scale) -> ir.Table:
    summary = rfm.summarise(days, customers, period)
    ranked = settings.segment.scoring == "percentile"
    return rfm.rank(summary) if ranked else rfm.score(summary, settings.segment.anchors, scale)


def _reasoned(scored: ir.Table, settings: Segment) -> ir.Table:
    tiered = classify(scored, settings.tiers)
    return tiered.mutate(risk_reason=_risk_reason(tiered, settings.tiers, settings.new_customer_days))


def classify(scored: ir.Table, rules: tuple[TierRule, ...]) -> ir.Table:
    """Set each customer's tier from its scores; 'none' for who has no paid purchase."""
    check(rules)
    has_tier = scored.state.isin(rfm.HAS_TIER)
    reached = [(_reaches(scored, rule), rule.tier) for rule in rules]
    return scored.mutate(tier=ibis.cases((~has_tier, "none"), *reached, else_=rules[-1].tier))


def check(rules: tuple[TierRule, ...]) -> None:
    """Raise unless the rules are sound."""
    problems = lint(rules)
    if problems:
        raise InputError(problems)


def lint(rules: tuple[TierRule, ...]) -> list[str]:
    """What is wrong with the rules, each with a customer as (R, F, M) for whom it goes wrong.

    Sound rules are total (nobody is left out), reachable (no empty tier), without idle lines, and monotone (a better
    customer is never in a lower tier). The least scores of each line are all the customers that need to be looked at:
    any other customer for whom something goes wrong is at least as good as one of them.
    """
    names = [rule.tier for rule in rules]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        return [f"segment.tiers: tier '{twice}' appears twice; merge its rules into one `at_least` list"]
    return [*_not_total(rules), *_unreachable(rules), *_idle(rules), *_not_monotone(rules)]


def _not_total(rules: tuple[TierRule, ...]) -> list[str]:
    if _tier_of((0.0, 0.0, 0.0), rules) is not None:
        return []
    return [
        f"segment.tiers: a customer with (R, F, M) = (0, 0, 0) is in no tier; the last tier '{rules[-1].tier}' must "
        "take everyone: give it at_least [[0, 0, 0]]"
    ]


def _unreachable(rules: tuple[TierRule, ...]) -> list[str]:
    return [
        f"segment.tiers: tier '{rule.tier}' can never be reached: its least customer, (R, F, M) = "
        f"{_shown(rule.at_least[0])}, is in '{_tier_of(rule.at_least[0], rules)}' already; lower it or remove the tier"
        for rule in rules
        if not _is_reached(rule, rules)
    ]


def _is_reached(rule: TierRule, rules: tuple[TierRule, ...]) -> bool:
    return any(_tier_of(need, rules) == rule.tier for need in rule.at_least)


def _idle(rules: tuple[TierRule, ...]) -> list[str]:
    """Lines of a reachable tier that add no customer: a better tier or another line of the same tier takes them all."""
    found = []
    for rule in (rule for rule in rules if _is_reached(rule, rules)):
        for i, need in enumerate(rule.at_least):
            others = [o for j, o in enumerate(rule.at_least) if j != i and (o != need or j < i)]
            better = _tier_of(need, rules)
            if better != rule.tier or any(_implies(need, other) for other in others):
                found.append(
                    f"segment.tiers: in '{rule.tier}' the line {_shown(need)} adds no customer: (R, F, M) = "
                    f"{_shown(need)} is in '{better}' without it; remove the line"
                )
    return found


def _not_monotone(rules: tuple[TierRule, ...]) -> list[str]:
    """A tier that stands above a better one takes customers from it; the first such pair of customers."""
    needs = [need for rule in rules for need in rule.at_least]
    for lower in needs:
        for other in needs:
            richer = tuple(max(a, b) for a, b in zip(lower, other, strict=True))
            had, has = _tier_of(lower, rules), _tier_of(richer, rules)
            if had is not None and has is not None and ORDER.index(has) > ORDER.index(had):
                return [
                    f"segment.tiers: a better customer is in a lower tier: (R, F, M) = {_shown(richer)} is in '{has}', "
                    f"{_shown(lower)} in '{had}'; list the tiers from best to worst"
                ]
    return []


def _tier_of(scores: tuple[float, ...], rules: tuple[TierRule, ...]) -> str | None:
    return next((rule.tier for rule in rules if any(_implies(scores, need) for need in rule.at_least)), None)


def _implies(scores: tuple[float, ...], need: Triple) -> bool:
    return all(a >= b for a, b in zip(scores, need, strict=True))


def _shown(scores: tuple[float, ...]) -> str:
    return f"({', '.join(f'{s:g}' for s in scores)})"


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


def score_ends(tiered: ir.Table) -> ir.Table:
    """Of the active customers: how many have a score's lowest and highest value, which tell them apart no more."""
    active = tiered.filter(_.state == "active")
    parts = [
        active.aggregate(customers=_.count(), at_end=(active[name] == end).sum().fill_null(0)).mutate(
            score_name=ibis.literal(name), end_score=ibis.literal(end, "float64")
        )
        for name in SCORES
        for end in (0.0, 100.0)
    ]
    found = ibis.union(*parts).mutate(end_share=_.at_end / _.customers.nullif(0))
    return found.select(*TABLES["score_ends"].columns).order_by("score_name", "end_score")


def states(tiered: ir.Table) -> ir.Table:
    """Customers and money by purchase state: those without a purchase in the window stay in every table."""
    position = ibis.cases(*[(_.state == name, i) for i, name in enumerate(rfm.STATES)], else_=len(rfm.STATES))
    counted = tiered.group_by("state").aggregate(customers=_.count(), monetary_12m_minor=_.monetary_12m_minor.sum())
    return counted.order_by(position)


def risk_reasons(tiered: ir.Table) -> ir.Table:
    """The lowest tier by reason: it mixes customers who left with small and new ones, who need different actions."""
    return (
        tiered.filter(_.risk_reason != "")
        .group_by("risk_reason")
        .aggregate(customers=_.count(), monetary_12m_minor=_.monetary_12m_minor.sum())
        .order_by(ibis.desc("customers"), "risk_reason")
    )


def stored(tiered: ir.Table, settings: Settings) -> ir.Table:
    """The segmentation result: its columns in their order, with the reason in a sentence in both languages."""
    return reasons.sentences(tiered, settings).select(*TABLES["customer_tiers"].columns)
