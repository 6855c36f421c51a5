"""Who moved between tiers, with both quarters scored by the same frozen anchors: a move is a change of behaviour."""

import ibis
import ibis.expr.types as ir
from ibis import _

from crmlib.params import TierRule


def matrix(before: ir.Table, after: ir.Table, rules: tuple[TierRule, ...]) -> ir.Table:
    """Customers and this quarter's 12-month money by tier before and after; 'absent' had not ordered by then.

    Opening + new + moved in - moved out = closing, in customers, for every tier.
    """
    joined = after.select("customer_id", "tier", "monetary_12m_minor").left_join(
        before.filter(_.state != "prospect").select("customer_id", tier_before="tier"), "customer_id"
    )
    filled = joined.mutate(tier_before=_.tier_before.fill_null("absent"))
    counted = filled.group_by(["tier_before", "tier"]).aggregate(
        customers=_.count(), monetary_12m_minor=_.monetary_12m_minor.sum()
    )
    return counted.order_by(_rank(_.tier_before, rules), _rank(_.tier, rules))


def balance(before: ir.Table, after: ir.Table, rules: tuple[TierRule, ...]) -> ir.Table:
    """Per tier: opening, newly known, moved in, moved out, closing (customers)."""
    moved = matrix(before, after, rules)
    new = moved.tier_before == "absent"
    other = moved.tier_before != moved.tier
    ends = moved.group_by("tier").aggregate(
        joined=_.customers.sum(where=new), moved_in=_.customers.sum(where=other & ~new), closing=_.customers.sum()
    )
    starts = (
        moved.filter(~new)
        .group_by(tier=_.tier_before)
        .aggregate(opening=_.customers.sum(), moved_out=_.customers.sum(where=_.tier_before != _.tier))
    )
    both = ends.outer_join(starts, "tier").mutate(tier=ibis.coalesce(_.tier, _.tier_right))
    columns = ("opening", "joined", "moved_in", "moved_out", "closing")
    return both.select("tier", **{c: both[c].fill_null(0) for c in columns}).order_by(_rank(_.tier, rules))


def restated(stored: ir.Table | None, rescored: ir.Table) -> int | None:
    """Customers whose tier of last quarter, as reported then, is not the one today's settings and data give it.

    None where last quarter has no stored result.
    """
    if stored is None:
        return None
    joined = stored.select("customer_id", tier_then="tier").inner_join(
        rescored.select("customer_id", tier_now="tier"), "customer_id"
    )
    return int(joined.filter(_.tier_then != _.tier_now).count().to_pyarrow().as_py())


def _rank(tier: ir.Value, rules: tuple[TierRule, ...]) -> ir.Value:
    return ibis.cases(
        *[(tier == rule.tier, i) for i, rule in enumerate(rules)], (tier == "none", len(rules)), else_=len(rules) + 1
    )
