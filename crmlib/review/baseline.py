"""Without a hold-out: what the treated would have done, from what is expected of them and what the untreated of the
same tier did (evidence grade B), and the placebo gate that such a comparison has to pass.

`cases` has one row per customer: `outcome`, `expected` (BG/NBD, known before the start), `is_treated`, and the tier as
`stratum`.
"""

import numpy as np
import pandas as pd

from crmlib.kpi import intervals
from crmlib.review.estimators import Effect


def measure(cases: pd.DataFrame) -> Effect:
    """Mean outcome of the treated less their expectation times actual / expected of the untreated of their tier.

    The tiers are weighted by their treated customers, for the question is what the campaign did to those. The error is
    that of a ratio estimator (Cochran 1977, 6.4), p from the normal distribution. Tiers with fewer than two customers
    in either group, or without any expectation, are left out; none left gives NaN.
    """
    parts = [part for _, tier in cases.groupby("stratum") if (part := _tier(tier)) is not None]
    if not parts:
        nan = float("nan")
        treated = int(cases["is_treated"].sum())
        return Effect("mean", treated, len(cases) - treated, nan, nan, nan, nan, nan, nan, nan, 0.0)
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


def _tier(cases: pd.DataFrame) -> dict[str, float] | None:
    treated, others = cases[cases["is_treated"]], cases[~cases["is_treated"]]
    expected = float(others["expected"].sum())
    if len(treated) < 2 or len(others) < 2 or not expected > 0:
        return None
    ratio = float(others["outcome"].sum()) / expected
    return {
        "n_t": len(treated),
        "n_c": len(others),
        "actual": float(treated["outcome"].mean()),
        "otherwise": ratio * float(treated["expected"].mean()),
        "lean": float(treated["expected"].mean() / others["expected"].mean()),
        "var_t": float((treated["outcome"] - ratio * treated["expected"]).var()),
        "var_c": float((others["outcome"] - ratio * others["expected"]).var()),
    }


def _normal(effect: float, error: float) -> tuple[float, float, float]:
    from scipy.special import ndtr

    if error == 0:
        return float("nan"), float("nan"), float("nan")
    return effect - intervals.Z * error, effect + intervals.Z * error, float(2 * ndtr(-abs(effect) / error))
