"""Other ways to say what a campaign did, as they are found in reports: measured beside ours, and none of it shipped.

`part` has one row per customer: `now`, `before` (the window before), `year_ago` (52 weeks earlier), perhaps `expected`,
and `is_treated`. Each way gives its estimate, 95 % interval and p.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from crmlib.review import baseline, estimators
from crmlib.review.estimators import Effect


class Said(NamedTuple):
    effect: float
    low: float
    high: float
    p: float


def said(effect: Effect) -> Said:
    return Said(effect.effect, effect.low, effect.high, effect.p)


def all_of(part: pd.DataFrame, elsewhere: pd.Series) -> dict[str, Said]:
    """Every way of a campaign with a hold-out; `elsewhere` is the change of the customers of all other tiers."""
    arm, change = part["is_treated"], part["now"] - part["before"]
    found = {
        "before_after": _one(change[arm]),
        "year_ago": _one((part["now"] - part["year_ago"])[arm]),
        "after_only": _two(part["now"][arm], part["now"][~arm]),
        "difference": _two(change[arm], change[~arm]),
        "other_tiers": _two(change[arm], elsewhere),
    }
    if "expected" not in part.columns:
        return found
    surprise = _one((part["now"] - part["expected"])[arm])
    return {**found, "model_alone": surprise, "same_tier": said(baseline.measure(_moments(part)))}


def of_picked(part: pd.DataFrame) -> dict[str, Said]:
    """The ways that are tried where nobody was held out: the picked beside those left of the same list."""
    ways = all_of(part, pd.Series([0.0, 1.0]))
    cases = part.rename(columns={"now": "outcome"}).assign(stratum="all")
    kept = {way: ways[way] for way in ("before_after", "after_only", "difference", "same_tier")}
    return {**kept, "expectation": said(estimators.from_moments(estimators.moments(cases), "mean"))}


def _moments(part: pd.DataFrame) -> pd.DataFrame:
    return estimators.moments(part.rename(columns={"now": "outcome"}).assign(stratum="all"))


def _one(change: pd.Series) -> Said:
    """Student's t of a mean (a paired t, where the values are changes)."""
    n = len(change)
    return _t(float(change.mean()), float(change.var()) / n, n - 1)


def _two(ours: pd.Series, theirs: pd.Series) -> Said:
    """Welch's t."""
    parts = [float(s.var()) / len(s) for s in (ours, theirs)]
    free = sum(parts) ** 2 / sum(p**2 / (len(s) - 1) for p, s in zip(parts, (ours, theirs), strict=True))
    return _t(float(ours.mean() - theirs.mean()), sum(parts), free)


def _t(effect: float, variance: float, free: float) -> Said:
    error = np.sqrt(variance)
    half = float(stdtrit(free, 0.975)) * error
    return Said(effect, effect - half, effect + half, float(2 * stdtr(free, -abs(effect) / error)))
