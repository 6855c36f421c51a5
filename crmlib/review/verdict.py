"""What may be said of an effect, and the sample that would have been enough to say more."""

import math

import numpy as np
import pandas as pd

ALPHA = 0.05
CAUSAL = ("harmful", "not_effective", "effective", "partly_effective", "inconclusive")
"""Outcomes of evidence grades A and B; grade C only has 'attained' and its like."""
LEAST_CASES = {"rate": 30, "mean": 100}
"""Fewer customers in an arm earn no verdict: spend is skewed and needs more."""
LEAST_CLUSTERS = 6
"""Fewer whole groups drawn, or one alone in an arm, earn no verdict either."""
REASONS = {
    "effective": "reaches_target",
    "partly_effective": "reaches_minimum",
    "not_effective": "useful_ruled_out",
    "harmful": "wrong_way",
    "effect_proven": "not_chance",
    "inconclusive": "interval_open",
}
"""Why each word was given, as a code."""


def judge(effect: float, interval: tuple[float, float], q: float, target: float, minimum: float | None = None) -> str:
    """The word for an effect whose good direction is up, the first that holds.

    harmful: the interval is below zero. not_effective: it is below `minimum` (half the target unless said), so a useful
    effect is ruled out. effective: it is above zero and the effect reaches the target. partly_effective: above zero and
    the effect reaches the minimum. Both of these need q < 0.05. Else inconclusive.
    """
    low, high = interval
    least = target / 2 if minimum is None else minimum
    if not target > 0:
        raise ValueError(f"the target effect is {target}; an effect is judged against a target above zero")
    if any(math.isnan(value) for value in (effect, low, high, q)):
        return "inconclusive"
    if high < 0:
        return "harmful"
    if high < least:
        return "not_effective"
    if low > 0 and q < ALPHA and effect >= least:
        return "effective" if effect >= target else "partly_effective"
    return "inconclusive"


def shown(interval: tuple[float, float], q: float) -> str:
    """The word where no target was set: whether there is an effect at all, not whether it is worth its cost."""
    low, high = interval
    if math.isnan(low) or math.isnan(q) or q >= ALPHA:
        return "inconclusive"
    return "effect_proven" if low > 0 else "harmful" if high < 0 else "inconclusive"


def has_few_clusters(treated: int, control: int) -> bool:
    """Whether too few whole groups were drawn to judge by."""
    return treated + control < LEAST_CLUSTERS or min(treated, control) < 2


def adjusted(p: pd.Series) -> pd.Series:
    """q-values of Benjamini and Hochberg (1995) for all effects of one review; those not computed stay empty."""
    known = p.dropna().astype("float64").sort_values(kind="stable")
    steps = known * len(known) / np.arange(1, len(known) + 1)
    return steps[::-1].cummin().clip(upper=1).reindex(p.index)
