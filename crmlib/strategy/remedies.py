"""What would let a campaign show its target effect, the cheapest first."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from crmlib.kpi import sample_size
from crmlib.kpi.sample_size import Arms
from crmlib.params import Holdout

LONGEST = 26
"""Weeks: a campaign of more than half a year is no campaign."""


@dataclass(frozen=True)
class Goal:
    """What is to be shown: the effect over `weeks`, arms of at least `least`; `customers`: all whom the book has.

    needed: customers per arm, or NaN where no number of them would do.
    """

    unit: Literal["rate", "money", "number"] | str
    effect: float
    weeks: int
    least: int
    needed: float
    customers: int


def cheapest(tiers: Sequence[Arms], goal: Goal, settings: Holdout, inflation: float = 1.0) -> tuple[str, float]:
    """Code and figure: another share held out costs nothing, weeks cost patience, customers cost contacts.

    A longer run keeps the effect in per cent. Where nothing of this helps, the effect that can be shown.
    """
    if not tiers or any(math.isnan(tier.base) for tier in tiers):
        return "no_base", math.nan
    if _shows(tiers, goal, settings, inflation):
        return "remedy_none", math.nan
    held = sum(tier.held_out for tier in tiers) / max(sum(tier.held_out + tier.treated for tier in tiers), 1)
    for share in (s for s in sample_size.SHARES if held + 0.01 < s <= 0.5):
        if _shows(sample_size.at_share(tiers, share), goal, settings, inflation):
            return "larger_holdout", share
    for weeks in range(goal.weeks + 1, LONGEST + 1) if goal.unit != "rate" else ():
        longer = Goal(goal.unit, goal.effect * weeks / goal.weeks, weeks, goal.least, goal.needed, goal.customers)
        if _shows(sample_size.longer(tiers, weeks / goal.weeks), longer, settings, inflation):
            return "longer_window", float(weeks)
    if 2 * goal.needed <= goal.customers:
        return "more_customers", 2 * goal.needed
    return "larger_effect", _least_effect(tiers, goal, settings, inflation)


def _shows(tiers: Sequence[Arms], goal: Goal, settings: Holdout, inflation: float) -> bool:
    smaller = min(sum(tier.treated for tier in tiers), sum(tier.held_out for tier in tiers))
    return smaller >= goal.least and _least_effect(tiers, goal, settings, inflation) <= goal.effect


def _least_effect(tiers: Sequence[Arms], goal: Goal, settings: Holdout, inflation: float) -> float:
    adjusted = sample_size.mde(goal.unit, tiers, settings, adjusted=True, inflation=inflation)
    if not math.isnan(adjusted):
        return adjusted
    return sample_size.mde(goal.unit, tiers, settings, inflation=inflation)
