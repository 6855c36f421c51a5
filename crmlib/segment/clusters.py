"""Groups found by an algorithm: k-means on log recency, frequency, money and tenure.

Fitted on a sample drawn by a hash of the customer id, then applied to every customer in the engine.
Silhouettes are compared within this one transform only: across transforms the worst one can have the best.
"""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from crmlib.params import Clusters
from crmlib.schema import TABLES

FEATURES = ("recency_days", "frequency_12m", "monetary_12m_minor", "tenure_days")


@dataclass(frozen=True)
class Model:
    """Frozen scaler and centroids: log1p, then (x - mean) / sd; `names` by cluster number."""

    mean: tuple[float, ...]
    sd: tuple[float, ...]
    centroids: tuple[tuple[float, ...], ...]
    names: tuple[str, ...]


def sample(tiered: ir.Table, size: int) -> ir.Table:
    """At most `size` active customers, the same ones each time: those with the smallest hash of their id."""
    active = tiered.filter(_.state == "active")
    return active.order_by(_.customer_id.hexdigest("md5"), "customer_id").limit(size).select("customer_id", *FEATURES)


def candidates(sampled: pd.DataFrame, settings: Clusters, seed: int) -> pd.DataFrame:
    """For each k: silhouette, stability (10th percentile of bootstrap ARI), smallest share, gap statistic and error.

    `is_stable` says whether stability and smallest share both meet the settings. No rows where customers are too few.
    """
    x = _scaled(sampled, *_scaler(sampled))
    largest = min(settings.k_max, len(np.unique(x, axis=0)) // 10)  # ten different customers per cluster at least
    rows = [_candidate(x, k, settings, seed) for k in range(settings.k_min, largest + 1)]
    found = pd.DataFrame(rows, columns=["k", "silhouette", "stability", "smallest_share", "gap", "gap_error"])
    stable = (found["stability"] >= settings.min_stability) & (found["smallest_share"] >= settings.min_share)
    return found.assign(is_stable=stable)


def choose(candidates: pd.DataFrame, settings: Clusters) -> int:
    """The smallest stable k that meets the gap one-standard-error rule, else the stable k with the best silhouette.

    Tibshirani, Walther and Hastie (2001): gap(k) >= gap(k+1) - error(k+1). `settings.k` overrides it. Where no k is
    stable, the least unstable one, to look at and not to act on; 1 where there was nothing to choose from.
    """
    if settings.k is not None:
        return settings.k
    if candidates.empty:
        return 1
    following = (candidates["gap"] - candidates["gap_error"]).shift(-1)
    stable = candidates[candidates["is_stable"]]
    sufficient = stable[stable["gap"] >= following[stable.index]]
    if len(sufficient):
        return int(sufficient["k"].min())
    ranked = stable.sort_values(["silhouette", "k"], ascending=[False, True])
    tiny = candidates["smallest_share"] < settings.min_share
    unstable = candidates.assign(tiny=tiny).sort_values(["tiny", "stability", "k"], ascending=[True, False, True])
    return int((ranked if len(ranked) else unstable)["k"].iloc[0])


def chosen(candidates: pd.DataFrame, k: int) -> pd.DataFrame:
    """The candidates with the one in use marked."""
    return candidates.assign(is_chosen=candidates["k"] == k)


def fit(sampled: pd.DataFrame, k: int, seed: int) -> Model:
    """k-means (10 starts) with the customers' own scaler; clusters are numbered by falling median spend and named."""
    mean, sd = _scaler(sampled)
    labels, centroids = _kmeans(_scaled(sampled, mean, sd), k, 10, seed)
    medians = sampled.groupby(labels)[list(FEATURES)].median()
    order = medians.sort_values(["monetary_12m_minor", "recency_days"], ascending=[False, True]).index
    return Model(tuple(mean), tuple(sd), tuple(map(tuple, centroids[order])), _names(medians.loc[order]))


def assign(tiered: ir.Table, model: Model) -> ir.Table:
    """The nearest centroid for each active customer, computed in the engine; 0 spends most."""
    active = tiered.filter(_.state == "active")
    scaled = [(_log1p(active[f]) - m) / s for f, m, s in zip(FEATURES, model.mean, model.sd, strict=True)]
    distances = [
        ibis.literal(0.0) + sum((x - c) ** 2 for x, c in zip(scaled, centre, strict=True)) for centre in model.centroids
    ]
    nearest = ibis.least(*distances)
    number = ibis.cases(*[(d == nearest, i) for i, d in enumerate(distances)], else_=len(distances) - 1)
    name = ibis.cases(*[(number == i, name) for i, name in enumerate(model.names)], else_=model.names[-1])
    return active.select("customer_id", "tier", *FEATURES, cluster=number.cast("int64"), cluster_name=name)


def profile(assigned: ir.Table) -> ir.Table:
    """Each cluster's size and its typical customer (medians) in raw units."""
    sizes = assigned.group_by(["cluster", "cluster_name"]).aggregate(
        customers=_.count(),
        recency_days=_.recency_days.quantile(0.5).round().cast("int64"),
        frequency_12m=_.frequency_12m.quantile(0.5).round().cast("int64"),
        monetary_12m_minor=_.monetary_12m_minor.quantile(0.5).round().cast("int64"),
        tenure_days=_.tenure_days.quantile(0.5).round().cast("int64"),
        total_minor=_.monetary_12m_minor.sum(),
    )
    everyone, money = sizes.customers.sum().over(), sizes.total_minor.sum().over()
    shares = sizes.mutate(customer_share=sizes.customers / everyone, revenue_share=sizes.total_minor / money.nullif(0))
    return shares.order_by("cluster").select(*TABLES["cluster_profile"].columns)


def _log1p(value: ir.Value) -> ir.Value:
    return (ibis.greatest(value, 0) + 1).ln()


def _scaler(sampled: pd.DataFrame) -> tuple[list[float], list[float]]:
    logged = _logged(sampled)
    sd = logged.std(axis=0)
    return logged.mean(axis=0).tolist(), np.where(sd == 0, 1, sd).tolist()


def _scaled(sampled: pd.DataFrame, mean: list[float], sd: list[float]) -> np.ndarray:
    return (_logged(sampled) - mean) / sd


def _logged(sampled: pd.DataFrame) -> np.ndarray:
    return np.log1p(sampled[list(FEATURES)].to_numpy("float64").clip(min=0))


def _kmeans(x: np.ndarray, k: int, starts: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # sums in another thread order would change the last digits
        model = KMeans(k, n_init=starts, random_state=seed).fit(x)
    return model.labels_, model.cluster_centers_


def _candidate(x: np.ndarray, k: int, settings: Clusters, seed: int) -> tuple[int, float, float, float, float, float]:
    from sklearn.metrics import silhouette_score

    labels, centroids = _kmeans(x, k, 10, seed)
    silhouette = silhouette_score(x, labels, sample_size=min(len(x), 5_000), random_state=seed)
    gap, error = _gap(x, labels, centroids, k, seed)
    shares = np.bincount(labels, minlength=k) / len(x)
    return k, float(silhouette), _stability(x, labels, k, settings.bootstraps, seed), float(shares.min()), gap, error


def _stability(x: np.ndarray, labels: np.ndarray, k: int, times: int, seed: int) -> float:
    """10th percentile of the adjusted Rand index between the clustering and those of bootstrap samples."""
    from sklearn.metrics import adjusted_rand_score, pairwise_distances_argmin

    rng, scores = np.random.default_rng(seed), []
    for _draw in range(times):
        _labels, centroids = _kmeans(x[rng.integers(0, len(x), len(x))], k, 3, seed)
        scores.append(adjusted_rand_score(labels, pairwise_distances_argmin(x, centroids)))
    return float(np.quantile(scores, 0.1))


def _gap(x: np.ndarray, labels: np.ndarray, centroids: np.ndarray, k: int, seed: int) -> tuple[float, float]:
    """Gap statistic against 10 uniform references in the data's box, and its standard error."""
    rng, low, high = np.random.default_rng(seed), x.min(axis=0), x.max(axis=0)
    logs = []
    for _draw in range(10):
        reference = rng.uniform(low, high, x.shape)
        logs.append(_log_inertia(reference, *_kmeans(reference, k, 1, seed)))
    error = np.std(logs) * np.sqrt(1 + 1 / len(logs))
    return float(np.mean(logs) - _log_inertia(x, labels, centroids)), float(error)


def _log_inertia(x: np.ndarray, labels: np.ndarray, centroids: np.ndarray) -> float:
    return float(np.log(((x - centroids[labels]) ** 2).sum()))


def _names(medians: pd.DataFrame) -> tuple[str, ...]:
    """Names by fixed rules on raw medians; no two clusters share one (a repeated name gets a number)."""
    names: list[str] = []
    typical = medians["frequency_12m"].median()
    newest = min(365.0, 0.75 * medians["tenure_days"].max())
    for recency, frequency, tenure in medians[["recency_days", "frequency_12m", "tenure_days"]].to_numpy():
        if not names:
            name = "core"
        elif recency > 180:
            name = "fading"
        elif tenure < newest:
            name = "growing"
        else:
            name = "regular" if frequency >= typical else "occasional"
        taken = sum(n.split("_")[0] == name for n in names)
        names.append(f"{name}_{taken + 1}" if taken else name)
    return tuple(names)
