"""Who moved between tiers, with both quarters scored by the same frozen anchors: a move is a change of behaviour.

Relative scores are refused: with them a customer moves because others did, so every table here stays empty.
"""

import ibis
import ibis.expr.types as ir
from ibis import _

from crmlib.params import TierRule
from crmlib.schema import TABLES

STATES = ("lapsed", "returns_only", "prospect")
"""Places of customers who did not buy in the window; who lapsed is shown apart from the lowest tier that takes him."""


def matrix(before: ir.Table, after: ir.Table, rules: tuple[TierRule, ...]) -> ir.Table:
    """Customers by place (a tier, or a state without purchases) a quarter ago and now, with their 12-month money.

    'absent' had neither bought nor returned anything by then; a customer list has no history, so who has never bought
    at either end is a prospect at both.
    """
    then = _placed(before).select("customer_id", tier_before="place", opening_minor="monetary_12m_minor")
    joined = _placed(after).left_join(then, "customer_id")
    known = (joined.tier_before.notnull()) & ((joined.tier_before != "prospect") | (joined.place == "prospect"))
    moved = joined.select(
        tier=joined.place,
        tier_before=ibis.cases((known, joined.tier_before), else_="absent"),
        opening_minor=ibis.cases((known, joined.opening_minor), else_=0),
        monetary_12m_minor=joined.monetary_12m_minor,
    )
    counted = moved.group_by(["tier_before", "tier"]).aggregate(
        customers=_.count(), opening_minor=_.opening_minor.sum(), monetary_12m_minor=_.monetary_12m_minor.sum()
    )
    return counted.order_by(_position(_.tier_before, rules), _position(_.tier, rules))


def balance(moves: ir.Table, rules: tuple[TierRule, ...]) -> ir.Table:
    """Per place, in customers and in money: opening + new + moved in - moved out (+ change in place) = closing.

    Who moves takes the money of a quarter ago along, so moves add to nothing over all places; `change_minor` is what
    the customers of a place spent more or less than a quarter ago.
    """
    new = moves.tier_before == "absent"
    moved = (moves.tier_before != moves.tier) & ~new
    ends = moves.group_by("tier").aggregate(
        joined=_.customers.sum(where=new),
        moved_in=_.customers.sum(where=moved),
        closing=_.customers.sum(),
        joined_minor=_.monetary_12m_minor.sum(where=new),
        moved_in_minor=_.opening_minor.sum(where=moved),
        change_minor=(_.monetary_12m_minor - _.opening_minor).sum(where=~new),
        closing_minor=_.monetary_12m_minor.sum(),
    )
    starts = (
        moves.filter(~new)
        .group_by(tier=_.tier_before)
        .aggregate(
            opening=_.customers.sum(),
            moved_out=_.customers.sum(where=_.tier_before != _.tier),
            opening_minor=_.opening_minor.sum(),
            moved_out_minor=_.opening_minor.sum(where=_.tier_before != _.tier),
        )
    )
    both = ends.outer_join(starts, "tier").mutate(tier=ibis.coalesce(_.tier, _.tier_right))
    columns = TABLES["tier_balance"].columns[1:]
    return both.select("tier", **{c: both[c].fill_null(0) for c in columns}).order_by(_position(_.tier, rules))


def restated(stored: ir.Table | None, rescored: ir.Table, rules: tuple[TierRule, ...]) -> ir.Table:
    """Last quarter's tiers as reported then and as today's settings and data give them: customers by pair of places.

    Off the diagonal nobody changed: the cut points did, or data came late. 'absent' is not in the other result. No rows
    where last quarter has no stored result, or either side's scores are relative.
    """
    if stored is None or _is_relative(stored) or _is_relative(rescored):
        return restated(rescored.limit(0), rescored.limit(0), rules)
    then = _placed(stored).select("customer_id", tier_then="place")
    now = _placed(rescored).select("customer_id", tier_now="place")
    joined = then.outer_join(now, "customer_id")
    pairs = joined.select(
        tier_then=joined.tier_then.fill_null("absent"), tier_now=joined.tier_now.fill_null("absent")
    ).filter(~((_.tier_then == "absent") & (_.tier_now == "prospect")))
    counted = pairs.group_by(["tier_then", "tier_now"]).aggregate(customers=_.count())
    return counted.order_by(_position(_.tier_then, rules), _position(_.tier_now, rules))


def _placed(tiered: ir.Table) -> ir.Table:
    """Each customer's tier, or the state of who has not bought in the window; no rows where scores are relative."""
    place = ibis.cases((tiered.state.isin(STATES), tiered.state), else_=tiered.tier)
    absolute = tiered.filter(tiered.scoring != "percentile") if "scoring" in tiered.columns else tiered
    return absolute.select("customer_id", "monetary_12m_minor", place=place)


def _is_relative(tiered: ir.Table) -> bool:
    """Whether a stored result was scored by ranks; results of before the column existed were not."""
    if "scoring" not in tiered.columns:
        return False
    return bool(tiered.filter(_.scoring == "percentile").count().to_pyarrow().as_py())


def _position(place: ir.Value, rules: tuple[TierRule, ...]) -> ir.Value:
    order = (*(rule.tier for rule in rules), *STATES, "absent")
    return ibis.cases(*[(place == name, i) for i, name in enumerate(order)], else_=len(order))
