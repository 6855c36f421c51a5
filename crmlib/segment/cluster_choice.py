"""How many clusters: stable, none too small, and no more than the data ask for.

Silhouettes are compared within one transform only: across transforms the worst one can have the best.
"""

import numpy as np
import pandas as pd

from crmlib.params import Clusters
from crmlib.segment.clusters import FEATURES, STARTS, kmeans, one_thread, scaled, scaler

REFERENCES = 10
"""Uniform data sets that the gap statistic compares with."""


def candidates(sampled: pd.DataFrame, settings: Clusters, seed: int) -> pd.DataFrame:
    """For each k: silhouette, stability (10th percentile of bootstrap ARI), smallest share, gap statistic and error.

    Looks at the first `settings.scan` customers of the sample, which is in random order. `is_stable` says whether
    stability and smallest share both meet the settings. No rows where customers are too few.
    """
    seen = sampled.head(settings.scan)
    tried = _tried(settings, len(seen[list(FEATURES)].drop_duplicates()) // 10)  # ten different customers per cluster
    x = scaled(seen, *scaler(seen)) if tried else np.empty((0, len(FEATURES)))
    with one_thread():
        rows = _measured(x, tried, settings.bootstraps, seed)
    found = pd.DataFrame(rows, columns=["k", "silhouette", "stability", "smallest_share", "gap", "gap_error"])
    stable = (found["stability"] >= settings.min_stability) & (found["smallest_share"] >= settings.min_share)
    return found.assign(is_stable=stable)


def _measured(x: np.ndarray, tried: list[int], bootstraps: int, seed: int) -> list[tuple[float, ...]]:
    fits = {k: kmeans(x, k, STARTS, seed) for k in tried}
    silhouettes = _silhouettes(x[:2_500], {k: labels[:2_500] for k, (labels, _c) in fits.items()})
    return [
        (k, silhouettes[k], _stability(x, labels, k, bootstraps, seed),
         float(np.bincount(labels, minlength=k).min() / len(x)), *_gap(x, labels, centroids, seed))
        for k, (labels, centroids) in fits.items()
    ]  # fmt: skip


def _tried(settings: Clusters, most: int) -> list[int]:
    asked = {settings.k} if settings.k and settings.k > 1 else set()
    return [k for k in sorted({*range(settings.k_min, settings.k_max + 1), *asked}) if k <= most]


def choose(candidates: pd.DataFrame, settings: Clusters) -> tuple[int, str]:
    """How many clusters, and by which rule: `override`, `gap_rule`, `silhouette`, `least_unstable` or `too_few`.

    The smallest stable k that meets the gap one-standard-error rule, gap(k) >= gap(k+1) - error(k+1) (Tibshirani,
    Walther and Hastie, 2001), which the largest k tried cannot; else the stable k with the best silhouette.
    `settings.k` overrides it. Where no k is stable, the least unstable one without tiny clusters, to look at and not
    to act on; 1 where there was no choice.
    """
    if settings.k is not None:
        return settings.k, "override"
    if candidates.empty:
        return 1, "too_few"
    following = (candidates["gap"] - candidates["gap_error"]).shift(-1)
    stable = candidates[candidates["is_stable"]]
    sufficient = stable[stable["gap"] >= following[stable.index]]
    if len(sufficient):
        return int(sufficient["k"].min()), "gap_rule"
    if len(stable):
        return int(stable.sort_values(["silhouette", "k"], ascending=[False, True])["k"].iloc[0]), "silhouette"
    tiny = candidates["smallest_share"] < settings.min_share
    unstable = candidates.assign(tiny=tiny).sort_values(["tiny", "stability", "k"], ascending=[True, False, True])
    return int(unstable["k"].iloc[0]), "least_unstable"


def chosen(candidates: pd.DataFrame, k: int, rule: str) -> pd.DataFrame:
    """The candidates with the one in use marked, and why."""
    here = candidates["k"] == k
    return candidates.assign(is_chosen=here, chosen_by=np.where(here, rule, ""))


def _silhouettes(x: np.ndarray, labels: dict[int, np.ndarray]) -> dict[int, float]:
    """Mean silhouette (Rousseeuw, 1987) of several clusterings of the same points, from one matrix of distances."""
    from scipy.spatial.distance import cdist

    distances = cdist(x, x) if labels else np.empty((0, 0))
    return {k: _silhouette(distances, found) for k, found in labels.items()}


def _silhouette(distances: np.ndarray, labels: np.ndarray) -> float:
    _names, own, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    everyone = np.arange(len(labels))
    totals = distances @ np.eye(len(sizes))[own]
    within = totals[everyone, own] / np.maximum(sizes[own] - 1, 1)
    means = totals / sizes
    means[everyone, own] = np.inf
    between = means.min(axis=1)
    scores = np.where(sizes[own] == 1, 0.0, (between - within) / np.maximum(np.maximum(between, within), 1e-300))
    return float(scores.mean())


def _stability(x: np.ndarray, labels: np.ndarray, k: int, times: int, seed: int) -> float:
    """10th percentile of the adjusted Rand index between the clustering and those of bootstrap samples."""
    rng, scores = np.random.default_rng(seed), []
    for _draw in range(times):
        _labels, centroids = kmeans(x[rng.integers(0, len(x), len(x))], k, 3, seed)
        nearest = ((centroids**2).sum(axis=1) - 2 * x @ centroids.T).argmin(axis=1)
        scores.append(adjusted_rand(labels, nearest, k))
    return float(np.quantile(scores, 0.1))


def adjusted_rand(a: np.ndarray, b: np.ndarray, k: int) -> float:
    """How far two clusterings into at most `k` clusters agree on pairs, beyond chance (Hubert and Arabie, 1985)."""
    table = np.bincount(a * k + b, minlength=k * k).reshape(k, k)
    parts = (table, table.sum(axis=1), table.sum(axis=0), np.array(len(a)))
    both, first, second, every = (float((n * (n - 1) // 2).sum()) for n in parts)
    chance, most = first * second / every, (first + second) / 2
    return (both - chance) / (most - chance) if most > chance else 1.0


def _gap(x: np.ndarray, labels: np.ndarray, centroids: np.ndarray, seed: int) -> tuple[float, float]:
    """Gap statistic against uniform references in the data's box, and its standard error."""
    rng, low, high = np.random.default_rng(seed), x.min(axis=0), x.max(axis=0)
    logs = []
    for _draw in range(REFERENCES):
        reference = rng.uniform(low, high, x.shape)
        logs.append(_log_inertia(reference, *kmeans(reference, len(centroids), 1, seed)))
    error = np.std(logs) * np.sqrt(1 + 1 / len(logs))
    return float(np.mean(logs) - _log_inertia(x, labels, centroids)), float(error)


def _log_inertia(x: np.ndarray, labels: np.ndarray, centroids: np.ndarray) -> float:
    return float(np.log(((x - centroids[labels]) ** 2).sum()))
