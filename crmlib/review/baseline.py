"""Without a hold-out: what the treated would have done, from what is expected of them and what the untreated of the
same tier did (evidence grade B), and the placebo gate that such a comparison has to pass.

Sums per tier and arm are all it needs, of the outcome and of what was expected (BG/NBD, known before the start).
"""

import numpy as np
import pandas as pd

from crmlib.kpi import intervals
from crmlib.review.estimators import Effect


def measure(sums: pd.DataFrame) -> Effect:
    """Mean outcome of the treated less their expectation times actual / expected of the untreated of their tier.

    `sums` are `estimators.moments` by tier and arm. The tiers are weighted by their treated customers, for the question
    is what the campaign did to those. The error is that of a ratio estimator (Cochran 1977, 6.4), p from the normal
    distribution. Tiers with fewer than two customers in either group, or without any expectation, are left out; none
    left gives NaN.
    """
    parts = [
        part for _, tier in sums.groupby(level="stratum") if (part := _tier(tier.droplevel("stratum"))) is not None
    ]
    if not parts:
        nan, n = float("nan"), sums["n"].groupby(level="is_treated").sum()
        return Effect("mean", int(n.get(True, 0)), int(n.get(False, 0)), nan, nan, nan, nan, nan, nan, nan, 0.0)
    tiers = pd.DataFrame(parts)
    weight = tiers["n_t"] / tiers["n_t"].sum()
    effect = float((weight * (tiers["actual"] - tiers["otherwise"])).sum())
    variance = weight**2 * (tiers["var_t"] / tiers["n_t"] + tiers["lean"] ** 2 * tiers["var_c"] / tiers["n_c"])
    low, high, p = _normal(effect, float(variance.sum()) ** 0.5)
    return Effect(
        "mean",
        int(tiers["n_t"].sum()),
        int(tiers["n_c"].sum()),
        float((weight * tiers["actual"]).sum()),
        float((weight * tiers["otherwise"]).sum()),
        effect,
        low,
        high,
        p,
        float((weight * (tiers["var_t"] + tiers["var_c"]) / 2).sum()) ** 0.5,
        0.0,
    )


def gate(placebo: Effect) -> str:
    """Whether the comparison may be believed: 'passed', or why not.

    `placebo` is the same comparison of the same customers one window earlier, before anything was done to them. What it
    finds is what the choice of customers brings, not the campaign.
    """
    if np.isnan(placebo.low):
        return "no_placebo"
    return "passed" if placebo.low <= 0 <= placebo.high else "placebo_failed"


def _tier(sums: pd.DataFrame) -> dict[str, float] | None:
    arms = {bool(arm): {str(k): float(v) for k, v in row.items()} for arm, row in sums.to_dict("index").items()}
    if len(arms) < 2 or min(arm["n"] for arm in arms.values()) < 2 or not arms[False]["x"] > 0:
        return None
    treated, others = arms[True], arms[False]
    ratio = others["y"] / others["x"]
    return {
        "n_t": treated["n"],
        "n_c": others["n"],
        "actual": treated["y"] / treated["n"],
        "otherwise": ratio * treated["x"] / treated["n"],
        "lean": (treated["x"] / treated["n"]) / (others["x"] / others["n"]),
        "var_t": _spread(treated, ratio),
        "var_c": _spread(others, ratio),
    }


def _spread(sums: dict[str, float], ratio: float) -> float:
    """Variance of outcome less ratio times expectation."""
    total = sums["y"] - ratio * sums["x"]
    squares = sums["yy"] - 2 * ratio * sums["xy"] + ratio**2 * sums["xx"]
    return max((squares - total**2 / sums["n"]) / (sums["n"] - 1), 0.0)


def _normal(effect: float, error: float) -> tuple[float, float, float]:
    from scipy.special import ndtr

    if error == 0:
        return float("nan"), float("nan"), float("nan")
    return effect - intervals.Z * error, effect + intervals.Z * error, float(2 * ndtr(-abs(effect) / error))
