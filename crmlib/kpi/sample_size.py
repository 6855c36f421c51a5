"""How small an effect a campaign could show, and how many customers it needs, worked out before it starts.

Normal approximations for two arms, two-sided at `alpha`, found with chance `power`. Over several tiers the effect is
the mean of the tiers' differences, weighted by their customers. NaN: no effect that is possible at all would be found.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from crmlib.params import Holdout

SHARES = tuple(round(0.05 * step, 2) for step in range(1, 19))


@dataclass(frozen=True)
class Arms:
    """One tier: its customers by arm, and the KPI's mean without the campaign; `sd` and `rho` are for means only.

    rho: correlation with the covariate, here the same KPI in the window before. NaN counts as 0.
    """

    treated: float
    held_out: float
    base: float
    sd: float = math.nan
    rho: float = 0.0


def z(chance: float) -> float:
    return NormalDist().inv_cdf(chance)


def factor(settings: Holdout) -> float:
    """Standard errors between no effect and the least effect that is found; 2.80 for 5 % and 80 %."""
    return z(1 - settings.alpha / 2) + z(settings.power)


def rates_per_arm(base: float, effect: float, settings: Holdout) -> float:
    """Customers per arm (both equally large) to tell `base` from `base + effect` (Fleiss 1981, without correction)."""
    p0, p1 = base, base + effect
    if not (0 <= p0 <= 1 and 0 <= p1 <= 1) or effect == 0:
        return math.nan
    mean = (p0 + p1) / 2
    pooled = z(1 - settings.alpha / 2) * math.sqrt(2 * mean * (1 - mean))
    apart = z(settings.power) * math.sqrt(p0 * (1 - p0) + p1 * (1 - p1))
    return math.ceil(round(((pooled + apart) / effect) ** 2, 6))


def means_per_arm(sd: float, effect: float, settings: Holdout, rho: float = 0.0) -> float:
    """Customers per arm (both equally large) to find a difference of means, with a covariate of correlation `rho`."""
    if effect == 0 or math.isnan(sd + effect + rho):
        return math.nan
    return math.ceil(round(2 * (1 - rho**2) * (factor(settings) * sd / effect) ** 2, 6))


def mde_means(tiers: Sequence[Arms], settings: Holdout, *, adjusted: bool = False, inflation: float = 1.0) -> float:
    """Least difference of means that would be found, in the unit of `sd`; `adjusted` uses the covariate (CUPED).

    inflation: what drawing whole groups does to the variance, see `design_effect`.
    """
    left = [(1 - _known(tier.rho) ** 2) if adjusted else 1.0 for tier in tiers]
    parts = [
        w**2 * tier.sd**2 * rest * _spread(tier) for w, tier, rest in zip(_weights(tiers), tiers, left, strict=True)
    ]
    return factor(settings) * math.sqrt(sum(parts) * inflation) if parts else math.nan


def mde_rates(tiers: Sequence[Arms], settings: Holdout, inflation: float = 1.0) -> float:
    """Least rise of a rate that would be found: the root d of d = (z + z) * standard error at d.

    The squared standard error is a parabola in d, so its root is written down instead of searched.
    """
    if not tiers or any(math.isinf(_spread(tier)) or math.isnan(tier.base) for tier in tiers):
        return math.nan
    weights = _weights(tiers)
    curve, slope, level = (0.0, 0.0, 0.0)
    for w, tier in zip(weights, tiers, strict=True):
        curve += w**2 / tier.treated
        slope += w**2 * (1 - 2 * tier.base) / tier.treated
        level += w**2 * tier.base * (1 - tier.base) * _spread(tier)
    square = factor(settings) ** 2 * inflation
    a, b, c = 1 + square * curve, -square * slope, -square * level
    found = (-b + math.sqrt(b * b - 4 * a * c)) / (2 * a)
    base = sum(w * tier.base for w, tier in zip(weights, tiers, strict=True))
    return found if 0 < found <= 1 - base + 1e-12 else math.nan


def mde(
    unit: str, tiers: Sequence[Arms], settings: Holdout, *, adjusted: bool = False, inflation: float = 1.0
) -> float:
    """The formula for the KPI's unit; NaN adjusted for a rate or without a correlation, and where nothing varied."""
    if adjusted and (unit == "rate" or all(math.isnan(tier.rho) for tier in tiers)):
        return math.nan
    if unit == "rate":
        return mde_rates(tiers, settings, inflation)
    found = mde_means(tiers, settings, adjusted=adjusted, inflation=inflation)
    return found if math.isfinite(found) and any(tier.sd > 0 for tier in tiers) else math.nan


def design_effect(units: int, customers: float, icc: float) -> float:
    """By how much whole groups drawn together raise the variance: 1 + (m - 1) * ICC, m customers a group on average."""
    if units <= 0 or math.isnan(icc):
        return 1.0
    return 1 + (max(customers / units, 1) - 1) * max(icc, 0.0)


def at_share(tiers: Sequence[Arms], share: float) -> list[Arms]:
    """The same customers with another share of them held out."""
    whole = [tier.treated + tier.held_out for tier in tiers]
    return [
        Arms(n * (1 - share), n * share, tier.base, tier.sd, tier.rho) for n, tier in zip(whole, tiers, strict=True)
    ]


def longer(tiers: Sequence[Arms], times: float) -> list[Arms]:
    """Sums over a window `times` as long, if any two stretches of a customer correlate by `rho`: means only.

    The base, and with it an effect in per cent, grows with the window; what chance adds grows more slowly.
    """
    return [_longer(tier, times, _known(tier.rho)) for tier in tiers]


def _longer(tier: Arms, times: float, rho: float) -> Arms:
    spread = 1 + (times - 1) * rho
    return Arms(
        tier.treated, tier.held_out, tier.base * times, tier.sd * math.sqrt(times * spread), times * rho / spread
    )


def curve(designs: pd.DataFrame, settings: Holdout) -> pd.DataFrame:
    """Least effect by share held out: columns campaign_id, holdout_share, mde, mde_cuped; one campaign after the other.

    `designs` is the table `campaign_designs`.
    """
    rows = []
    for campaign, one in designs.groupby("campaign_id", sort=True):
        unit, tiers = str(one["kpi_unit"].iloc[0]), arms_of(one)
        inflation = float(one["design_effect"].iloc[0])
        for share in SHARES:
            split = at_share(tiers, share)
            plain = mde(unit, split, settings, inflation=inflation)
            adjusted = mde(unit, split, settings, adjusted=True, inflation=inflation)
            rows.append((campaign, share, plain, adjusted))
    columns = {"campaign_id": "str", "holdout_share": "float64", "mde": "float64", "mde_cuped": "float64"}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def by_size(unit: str, base: float, sd: float, rho: float, settings: Holdout) -> pd.DataFrame:
    """Least effect by customers and share held out: columns eligible, holdout_share, mde, mde_cuped."""
    sizes, shares = (100, 200, 400, 800, 1_600, 5_000, 20_000, 100_000), (0.1, 0.2, 0.3, 0.5)
    rows = []
    for n in sizes:
        for share in shares:
            one = [Arms(n * (1 - share), n * share, base, sd, rho)]
            rows.append((n, share, mde(unit, one, settings), mde(unit, one, settings, adjusted=True)))
    return pd.DataFrame(rows, columns=["eligible", "holdout_share", "mde", "mde_cuped"])


def arms_of(design: pd.DataFrame) -> list[Arms]:
    """The tiers of one campaign's rows in `campaign_designs`, without the row for all."""
    rows = design[design["tier"] != "all"]
    columns = ("treated", "held_out", "base_value", "base_sd", "base_rho")
    return [Arms(*map(float, row)) for row in zip(*(rows[c].astype("float64") for c in columns), strict=True)]


def pooled(tiers: Sequence[Arms]) -> Arms:
    """All tiers as one group: sums of the arms, weighted means of base, variance within tiers and rho."""
    if not tiers:
        return Arms(0, 0, math.nan)
    weights = np.array(_weights(tiers))
    base, sd, rho = (np.array([getattr(tier, name) for tier in tiers], dtype=float) for name in ("base", "sd", "rho"))
    return Arms(
        sum(tier.treated for tier in tiers),
        sum(tier.held_out for tier in tiers),
        float(weights @ base),
        float(np.sqrt(weights @ sd**2)),
        float(weights @ rho),
    )


def _weights(tiers: Sequence[Arms]) -> list[float]:
    whole = sum(tier.treated + tier.held_out for tier in tiers)
    return [(tier.treated + tier.held_out) / whole if whole else math.nan for tier in tiers]


def _spread(tier: Arms) -> float:
    return 1 / tier.treated + 1 / tier.held_out if tier.treated > 0 and tier.held_out > 0 else math.inf


def _known(rho: float) -> float:
    return 0.0 if math.isnan(rho) else rho
