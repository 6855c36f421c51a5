"""The effect of a randomised campaign on the customers assigned to it (intention to treat), with interval and p-value.

`cases` has one row per customer, or per cluster where clusters were drawn: `outcome` (a number; 0 or 1 for a rate),
`is_treated`, `stratum` (the tier within which the arms were drawn), and perhaps `expected` (what the customer would
have done, known before the start). Strata are weighted by their size.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from crmlib.kpi import intervals

Kind = Literal["mean", "rate"]

_PERMUTATIONS = 1_999
_COUNTED_PERMUTATIONS = 19_999  # of outcomes that repeat, where drawing costs little
_LEAST_PERMUTATIONS = 199
_CELLS = 400_000_000  # of all random numbers drawn; larger books get fewer permutations
_CHUNK = 2_000_000
_DISTINCT = 1_000  # so few different outcomes are permuted as counts
_LEAST_NON_MODAL = 10


@dataclass(frozen=True)
class Effect:
    """What the treated did more than the control group, per customer.

    `treated` and `control` are the means of the outcome by arm with strata weighted alike, unadjusted; `effect` is
    their difference after `expected` was taken into account. `sd` is the spread left within the arms, `explained` the
    share of variance that `expected` took away (0 where it was not used).
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


def measure(cases: pd.DataFrame, kind: Kind, seed: int) -> Effect:
    """Effect of the arm treated over the arm held out.

    Means: CUPED with one pooled slope on `expected` (Deng et al. 2013), Welch's interval over strata. Rates: difference
    of proportions with Newcombe's interval (method 10 of Newcombe 1998; several strata by MOVER, Zou and Donner 2008).
    Both: p from permuting the studentised difference within strata (Janssen 1997; Chung and Romano 2013), twice the
    smaller tail. Fewer than two cases in an arm of a stratum leave that stratum out; no stratum left gives NaN, and
    outcomes that are all the same give no interval.
    """
    both = cases.groupby("stratum")["is_treated"].transform("sum")
    size = cases.groupby("stratum")["is_treated"].transform("size")
    usable = cases[(both >= 2) & (size - both >= 2)]
    if usable.empty:
        return _nothing(cases, kind)
    adjusted, explained = _adjusted(usable) if kind == "mean" else (usable["outcome"].astype("float64"), 0.0)
    arms = _arms(usable.assign(adjusted=adjusted))
    effect = float((arms["weight"] * (arms["mean_t"] - arms["mean_c"])).sum())
    low, high = _welch(arms, effect, explained > 0) if kind == "mean" else _mover(arms, effect)
    return Effect(
        kind,
        int(usable["is_treated"].sum()),
        int((~usable["is_treated"]).sum()),
        float((arms["weight"] * arms["raw_t"]).sum()),
        float((arms["weight"] * arms["raw_c"]).sum()),
        effect,
        low,
        high,
        _permuted(usable.assign(adjusted=adjusted), arms, effect, seed),
        float(np.sqrt((arms["weight"] * (arms["var_t"] + arms["var_c"]) / 2).sum())),
        explained,
    )


def by_cluster(cases: pd.DataFrame) -> pd.DataFrame:
    """One case per `cluster`, with the mean of its customers: where whole stores or regions were drawn, they are the
    sample, however many customers each has. All clusters form one stratum.
    """
    kept = [c for c in ("outcome", "expected") if c in cases.columns]
    means = cases.groupby(["cluster", "is_treated"])[kept].mean().reset_index()
    return means.assign(stratum="all")


def _nothing(cases: pd.DataFrame, kind: Kind) -> Effect:
    nan = float("nan")
    treated = int(cases["is_treated"].sum())
    return Effect(kind, treated, len(cases) - treated, nan, nan, nan, nan, nan, nan, nan, 0.0)


def _adjusted(cases: pd.DataFrame) -> tuple[pd.Series, float]:
    """The outcome less what `expected` explains, and the share of variance explained.

    One slope for all, from deviations within strata whatever the arm, so that permuting the arms leaves it alone.
    """
    outcome = cases["outcome"].astype("float64")
    if "expected" not in cases.columns or not _varies(cases):
        return outcome, 0.0
    x = cases["expected"] - cases.groupby("stratum")["expected"].transform("mean")
    y = outcome - outcome.groupby(cases["stratum"]).transform("mean")
    slope = float((x * y).sum() / (x * x).sum())
    total = float((y * y).sum())
    return outcome - slope * x, float(slope * (x * y).sum() / total) if total > 0 else 0.0


def _varies(cases: pd.DataFrame) -> bool:
    """Whether `expected` tells customers apart in both arms; an almost constant one would blow the slope up."""
    known = cases["expected"]
    if known.isna().any():
        return False
    apart = [arm.ne(arm.mode().iloc[0]).sum() >= _LEAST_NON_MODAL for _, arm in known.groupby(cases["is_treated"])]
    return all(apart)


def _arms(cases: pd.DataFrame) -> pd.DataFrame:
    """One row per stratum: size, mean and variance of each arm, and the stratum's share of all cases."""
    grouped = cases.groupby(["stratum", "is_treated"])
    found = grouped.agg(
        n=("adjusted", "size"), mean=("adjusted", "mean"), var=("adjusted", "var"), raw=("outcome", "mean")
    )
    sides = [found.xs(key, level="is_treated").add_suffix(f"_{arm}") for key, arm in ((True, "t"), (False, "c"))]
    wide = pd.concat(sides, axis=1)
    size = wide["n_t"] + wide["n_c"]
    return wide.assign(weight=size / size.sum())


def _welch(arms: pd.DataFrame, effect: float, has_slope: bool) -> tuple[float, float]:  # noqa: FBT001
    """Interval of a weighted sum of differences, degrees of freedom after Welch and Satterthwaite."""
    from scipy.special import stdtrit

    parts = [(arms["weight"] ** 2 * arms[f"var_{a}"] / arms[f"n_{a}"], arms[f"n_{a}"] - 1) for a in ("t", "c")]
    variance = sum(float(part.sum()) for part, _ in parts)
    if variance == 0:
        return float("nan"), float("nan")
    df = variance**2 / sum(float((part**2 / free).sum()) for part, free in parts) - has_slope
    half = float(stdtrit(max(df, 1.0), 0.975)) * variance**0.5
    return effect - half, effect + half


def _mover(arms: pd.DataFrame, effect: float) -> tuple[float, float]:
    """Interval of a weighted sum of differences of proportions, from Wilson's interval of each."""
    squares = {"low": 0.0, "high": 0.0}
    for arm, below, above in (("t", "low", "high"), ("c", "high", "low")):
        share, n = arms[f"raw_{arm}"], arms[f"n_{arm}"]
        wilson = intervals.wilson(share * n, n)
        squares["low"] += float((arms["weight"] ** 2 * (share - wilson[below]) ** 2).sum())
        squares["high"] += float((arms["weight"] ** 2 * (share - wilson[above]) ** 2).sum())
    return effect - squares["low"] ** 0.5, effect + squares["high"] ** 0.5


def _permuted(cases: pd.DataFrame, arms: pd.DataFrame, effect: float, seed: int) -> float:
    """Two-sided p: how often arms drawn again within strata differ as much, each difference over its own error."""
    rng = np.random.default_rng(seed)
    repeats = cases.groupby("stratum")["adjusted"].nunique().max() <= _DISTINCT // 20
    affordable = int(np.clip(_CELLS // len(cases), _LEAST_PERMUTATIONS, _PERMUTATIONS))
    count = _COUNTED_PERMUTATIONS if repeats else affordable
    difference, variance = np.zeros(count), np.zeros(count)
    treated, weight = arms["n_t"].to_dict(), arms["weight"].to_dict()
    for stratum, values in cases.groupby("stratum")["adjusted"]:
        drawn, spread = _drawn(np.sort(values.to_numpy()), int(treated[stratum]), count, rng)
        difference += weight[stratum] * drawn
        variance += weight[stratum] ** 2 * spread
    error = sum(float((arms["weight"] ** 2 * arms[f"var_{a}"] / arms[f"n_{a}"]).sum()) for a in ("t", "c"))
    if error == 0:
        return 1.0 if effect == 0 else 1 / (count + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        again = np.nan_to_num(difference / np.sqrt(variance))
    here = effect / error**0.5
    tails = [
        (1 + int((again >= here - 1e-9).sum())) / (count + 1),
        (1 + int((again <= here + 1e-9).sum())) / (count + 1),
    ]
    return min(1.0, 2 * min(tails))


def _drawn(values: np.ndarray, treated: int, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Difference of the arm means and its variance for `count` random arms of the same sizes."""
    n = len(values)
    small = min(treated, n - treated)
    values = values - values.mean()
    level, counts = np.unique(values, return_counts=True)
    if len(level) <= _DISTINCT:
        picked = rng.multivariate_hypergeometric(counts, small, size=count, method="marginals")
        sums, squares = picked @ level, picked @ level**2
    else:
        sums, squares = _sums(values, small, count, rng)
    total, total_squares = values.sum(), (values**2).sum()
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
