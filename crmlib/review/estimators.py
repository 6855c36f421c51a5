"""The effect of a randomised campaign on the customers assigned to it (intention to treat), with interval and p-value.

`cases` has one row per customer, or per cluster where clusters were drawn: `outcome` (a number; 0 or 1 for a rate),
`is_treated`, `stratum` (the tier within which the arms were drawn), and perhaps `expected` (what the customer would
have done, known before the start). Strata are weighted by their size.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from crmlib.kpi import intervals

Kind = Literal["mean", "rate"]

_PERMUTATIONS = 1_999
_COUNTED_PERMUTATIONS = 19_999  # of outcomes that repeat, where drawing costs little
_LEAST_PERMUTATIONS = 199
_CELLS = 400_000_000  # of all random numbers drawn; from 200,000 cases on there are fewer permutations
_CHUNK = 2_000_000
_DISTINCT = 1_000  # so few different outcomes are permuted as counts
_LEAST_NON_MODAL = 10


@dataclass(frozen=True)
class Effect:
    """What the treated did more than the control group, per customer.

    `treated` and `control` are the means of the outcome by arm with strata weighted alike, unadjusted; `effect` is
    their difference after `expected` was taken into account. `sd` is the spread left within the arms, `explained` the
    share of variance that `expected` took away (0 where it was not used), by its `slope`.
    """

    kind: Kind
    n_treated: int
    n_control: int
    treated: float
    control: float
    effect: float
    low: float
    high: float
    p: float
    sd: float
    explained: float
    slope: float = 0.0


def measure(cases: pd.DataFrame, kind: Kind, seed: int) -> Effect:
    """Effect of the arm treated over the arm held out.

    Means: CUPED with one pooled slope on `expected` (Deng et al. 2013), Welch's interval over strata. Rates: difference
    of proportions with Newcombe's interval (method 10 of Newcombe 1998; several strata by MOVER, Zou and Donner 2008).
    Both: p from permuting the studentised difference within strata (Janssen 1997; Chung and Romano 2013), twice the
    smaller tail. Fewer than two cases in an arm of a stratum leave that stratum out; no stratum left gives NaN, and
    outcomes that are all the same give no interval.
    """
    sums = moments(cases)
    found = from_moments(sums, kind)
    if np.isnan(found.effect):
        return found
    usable = cases[cases["stratum"].isin(_usable(sums).index.get_level_values("stratum"))]
    adjusted = usable["outcome"].astype("float64")
    if found.slope:
        adjusted = adjusted - found.slope * usable["expected"]
    return replace(found, p=_permuted(usable.assign(adjusted=adjusted, n=1), seed))


def from_counts(counts: pd.DataFrame, seed: int) -> Effect:
    """`measure` of a rate from `n` cases by `stratum`, `is_treated` and `outcome` (0 or 1)."""
    hits = counts["n"] * counts["outcome"]
    sums = counts.assign(y=hits, yy=hits).groupby(["stratum", "is_treated"])[["n", "y", "yy"]].sum().astype("float64")
    found = from_moments(sums, "rate")
    if np.isnan(found.effect):
        return found
    usable = counts[counts["stratum"].isin(_usable(sums).index.get_level_values("stratum"))]
    return replace(found, p=_permuted(usable.assign(adjusted=usable["outcome"].astype("float64")), seed))


def moments(cases: pd.DataFrame) -> pd.DataFrame:
    """What the estimate needs of the cases, by `stratum` and `is_treated`: sums and sums of squares.

    y is the outcome, x the expectation; `apart` counts the customers whose x is not the commonest one of their arm.
    The engine can sum this up over any number of customers.
    """
    y = cases["outcome"].astype("float64")
    x = cases["expected"].astype("float64") if "expected" in cases.columns else pd.Series(np.nan, index=cases.index)
    modal = x.groupby(cases["is_treated"]).transform(lambda arm: arm.mode().iloc[0] if arm.notna().any() else np.nan)
    products = {
        "n": 1.0,
        "y": y,
        "x": x,
        "yy": y * y,
        "xx": x * x,
        "xy": x * y,
        "apart": (x != modal).astype("float64"),
    }
    keys = [cases["stratum"].astype("str"), cases["is_treated"]]
    return pd.DataFrame(products, index=cases.index).groupby(keys).sum(min_count=1, skipna=False)


def from_moments(sums: pd.DataFrame, kind: Kind) -> Effect:
    """`measure` from `moments`, with Welch's p instead of permutations: for more customers than should be moved."""
    usable = _usable(sums)
    if usable.empty:
        return _nothing(sums, kind)
    slope, explained = _slope(usable) if kind == "mean" else (0.0, 0.0)
    arms = _arms(usable, slope)
    effect = float((arms["weight"] * (arms["mean_t"] - arms["mean_c"])).sum())
    low, high, p = _welch(arms, effect, bool(slope))
    if kind == "rate":
        low, high = _mover(arms, effect)
    return Effect(
        kind,
        int(arms["n_t"].sum()),
        int(arms["n_c"].sum()),
        float((arms["weight"] * arms["raw_t"]).sum()),
        float((arms["weight"] * arms["raw_c"]).sum()),
        effect,
        low,
        high,
        p,
        float(np.sqrt((arms["weight"] * (arms["var_t"] + arms["var_c"]) / 2).sum())),
        explained,
        slope,
    )


def by_cluster(cases: pd.DataFrame) -> pd.DataFrame:
    """One case per `cluster`, with the mean of its customers: where whole stores or regions were drawn, they are the
    sample, however many customers each has. All clusters form one stratum.
    """
    kept = [c for c in ("outcome", "expected") if c in cases.columns]
    means = cases.groupby(["cluster", "is_treated"])[kept].mean().reset_index()
    return means.assign(stratum="all")


def _nothing(sums: pd.DataFrame, kind: Kind) -> Effect:
    nan = float("nan")
    n = sums["n"].groupby(level="is_treated").sum()
    return Effect(kind, int(n.get(True, 0)), int(n.get(False, 0)), nan, nan, nan, nan, nan, nan, nan, 0.0, 0.0)


def _usable(sums: pd.DataFrame) -> pd.DataFrame:
    """The strata with at least two cases in either arm."""
    n = sums["n"].unstack("is_treated").reindex(columns=[True, False]).fillna(0)
    return sums[sums.index.get_level_values("stratum").isin(n.index[(n >= 2).all(axis=1)])]


def _slope(sums: pd.DataFrame) -> tuple[float, float]:
    """How the outcome rises with `expected`, and the share of variance that explains; 0 where it is not to be used.

    One slope for all, from deviations within strata whatever the arm, so that permuting the arms leaves it alone. An
    expectation that is not known of everybody, or hardly varies in one arm, would blow it up.
    """
    if sums["x"].isna().any() or (sums["apart"].groupby(level="is_treated").sum() < _LEAST_NON_MODAL).any():
        return 0.0, 0.0
    total = sums.groupby(level="stratum").sum()
    xy, xx, yy = (float((total[a + b] - total[a] * total[b] / total["n"]).sum()) for a, b in ("xy", "xx", "yy"))
    return (xy / xx, xy * xy / (xx * yy)) if xx > 0 and yy > 0 else (0.0, 0.0)


def _arms(sums: pd.DataFrame, slope: float) -> pd.DataFrame:
    """One row per stratum: size, mean and variance of each arm less slope times expectation; share of all cases."""
    x, xx, xy = (sums[c] if slope else 0.0 for c in ("x", "xx", "xy"))
    total, squares = sums["y"] - slope * x, sums["yy"] - 2 * slope * xy + slope**2 * xx
    mean = total / sums["n"]
    var = ((squares - total * mean) / (sums["n"] - 1)).clip(lower=0)
    found = pd.DataFrame(
        {
            "n": sums["n"],
            "mean": mean,
            "var": var.where(var > 1e-12 * squares / sums["n"], 0.0),
            "raw": sums["y"] / sums["n"],
        }
    )
    sides = [found.xs(key, level="is_treated").add_suffix(f"_{arm}") for key, arm in ((True, "t"), (False, "c"))]
    wide = pd.concat(sides, axis=1)
    size = wide["n_t"] + wide["n_c"]
    return wide.assign(weight=size / size.sum())


def _welch(arms: pd.DataFrame, effect: float, has_slope: bool) -> tuple[float, float, float]:  # noqa: FBT001
    """Interval and p of a weighted sum of differences, degrees of freedom after Welch and Satterthwaite."""
    from scipy.special import stdtr, stdtrit

    parts = [(arms["weight"] ** 2 * arms[f"var_{a}"] / arms[f"n_{a}"], arms[f"n_{a}"] - 1) for a in ("t", "c")]
    variance = sum(float(part.sum()) for part, _ in parts)
    if variance == 0:
        return float("nan"), float("nan"), 1.0 if effect == 0 else 0.0
    df = max(variance**2 / sum(float((part**2 / free).sum()) for part, free in parts) - has_slope, 1.0)
    half = float(stdtrit(df, 0.975)) * variance**0.5
    return effect - half, effect + half, float(2 * stdtr(df, -abs(effect) / variance**0.5))


def _mover(arms: pd.DataFrame, effect: float) -> tuple[float, float]:
    """Interval of a weighted sum of differences of proportions, from Wilson's interval of each."""
    squares = {"low": 0.0, "high": 0.0}
    for arm, below, above in (("t", "low", "high"), ("c", "high", "low")):
        share, n = arms[f"raw_{arm}"], arms[f"n_{arm}"]
        wilson = intervals.wilson(share * n, n)
        squares["low"] += float((arms["weight"] ** 2 * (share - wilson[below]) ** 2).sum())
        squares["high"] += float((arms["weight"] ** 2 * (share - wilson[above]) ** 2).sum())
    return effect - squares["low"] ** 0.5, effect + squares["high"] ** 0.5


def _permuted(cells: pd.DataFrame, seed: int) -> float:
    """Two-sided p: how often arms drawn again within strata differ as much, each difference over its own error.

    A row of `cells` stands for `n` cases of a stratum and arm with one `adjusted` outcome.
    """
    rng = np.random.default_rng(seed)
    everyone, strata = int(cells["n"].sum()), [part for _, part in cells.groupby("stratum")]
    repeats = max(part["adjusted"].nunique() for part in strata) <= _DISTINCT // 20
    affordable = int(np.clip(_CELLS // everyone, _LEAST_PERMUTATIONS, _PERMUTATIONS))
    count = _COUNTED_PERMUTATIONS if repeats else affordable
    difference, variance = np.zeros(count), np.zeros(count)
    effect = error = 0.0
    for part in strata:
        weight, found = float(part["n"].sum()) / everyone, part.groupby("adjusted")["n"].sum()
        treated, control = (part[part["is_treated"] == arm] for arm in (True, False))
        drawn, spread = _drawn(found.index.to_numpy(), found.to_numpy(), int(treated["n"].sum()), count, rng)
        difference += weight * drawn
        variance += weight**2 * spread
        means, errors = zip(*(_mean(arm) for arm in (treated, control)), strict=True)
        effect += weight * (means[0] - means[1])
        error += weight**2 * sum(errors)
    if error == 0:
        return 1.0 if effect == 0 else 1 / (count + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        again = np.nan_to_num(difference / np.sqrt(variance))
    here = effect / error**0.5
    tails = [(again >= here - 1e-9).sum(), (again <= here + 1e-9).sum()]
    return min(1.0, 2 * (1 + int(min(tails))) / (count + 1))


def _mean(arm: pd.DataFrame) -> tuple[float, float]:
    """The mean of an arm's cases, and the variance of that mean."""
    n = int(arm["n"].sum())
    mean = float((arm["n"] * arm["adjusted"]).sum()) / n
    return mean, float((arm["n"] * (arm["adjusted"] - mean) ** 2).sum()) / (n - 1) / n


def _drawn(
    level: np.ndarray, counts: np.ndarray, treated: int, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Difference of the arm means and its variance for `count` random arms of the same sizes.

    `level` has the outcomes that there are, in order, and `counts` how many cases have each.
    """
    n = int(counts.sum())
    small = min(treated, n - treated)
    level = level - counts @ level / n
    if len(level) <= max(_DISTINCT // 20, min(_DISTINCT, n // 6)):
        picked = rng.multivariate_hypergeometric(counts, small, size=count, method="marginals")
        sums, squares = picked @ level, picked @ level**2
    else:
        sums, squares = _sums(np.repeat(level, counts), small, count, rng)
    total, total_squares = counts @ level, counts @ level**2
    means = sums / small, (total - sums) / (n - small)
    variance = (squares - small * means[0] ** 2) / (small - 1) / small
    variance += (total_squares - squares - (n - small) * means[1] ** 2) / (n - small - 1) / (n - small)
    gap = means[0] - means[1]
    return (gap if small == treated else -gap), variance.clip(min=0)


def _sums(values: np.ndarray, small: int, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sum and sum of squares of `small` values drawn without replacement, `count` times."""
    sums, squares = np.empty(count), np.empty(count)
    rows = max(1, _CHUNK // len(values))
    for start in range(0, count, rows):
        keys = rng.random((min(rows, count - start), len(values)), dtype=np.float32)
        picked = values[np.argpartition(keys, small, axis=1)[:, :small]]
        sums[start : start + rows], squares[start : start + rows] = picked.sum(axis=1), (picked**2).sum(axis=1)
    return sums, squares
