"""The cluster model of the year: kept from quarter to quarter, refitted once a year, and matched when it is.

A model that is kept makes a customer's change of cluster a change of behaviour. After a refit, clusters are matched by
their centroids, never by their numbers.
"""

from dataclasses import dataclass, replace

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from crmlib.params import Settings
from crmlib.periods import Period
from crmlib.schema import TABLES
from crmlib.segment import cluster_choice, clusters
from crmlib.segment.clusters import FEATURES, Model


@dataclass(frozen=True)
class Fitted:
    """The model in use, how its number of clusters was chosen, and how far its centroids moved."""

    model: Model
    choice: pd.DataFrame
    shifts: pd.DataFrame


def current(
    sampled: pd.DataFrame, stored: ir.Table | None, stored_choice: ir.Table | None, settings: Settings
) -> Fitted:
    """Last quarter's model while it is of age, else a new one with its clusters matched to last quarter's.

    `stored` and `stored_choice` are last quarter's `cluster_model` and `cluster_choice`, None where it was not run.
    """
    old, wanted = (None if stored is None else read(stored)), settings.segment.clusters
    if old is not None and stored_choice is not None and is_valid(old, settings):
        choice = stored_choice.order_by("k").to_pyarrow().to_pandas()
        return Fitted(old, choice, _drift(sampled, old))
    tried = cluster_choice.candidates(sampled, wanted, settings.seed)
    k, rule = cluster_choice.choose(tried, wanted)
    fitted = clusters.fit(sampled, k, settings.seed, settings.period)
    choice = cluster_choice.chosen(tried, k, rule)
    if old is None:
        return Fitted(fitted, choice, _shifts(fitted, [None] * k, [np.nan] * k, np.nan))
    return Fitted(*_matched(old, fitted, sampled, choice))


def is_valid(old: Model, settings: Settings) -> bool:
    """Whether a model of an earlier quarter is still the one to use."""
    wanted, age = settings.segment.clusters, len(settings.period.since(Period.parse(old.version))) - 1
    return not wanted.refit and 0 <= age < wanted.keep_quarters and wanted.k in (None, len(old.centroids))


def frame(model: Model) -> pd.DataFrame:
    """The model as the table `cluster_model`: one row per cluster and feature."""
    rows = [
        (number, name, feature, centre[j], model.mean[j], model.sd[j], model.version, model.frozen_on, model.highest)
        for number, name, centre in zip(model.numbers, model.names, model.centroids, strict=True)
        for j, feature in enumerate(FEATURES)
    ]
    made = pd.DataFrame(rows, columns=list(TABLES["cluster_model"].columns))
    return made.assign(frozen_on=pd.to_datetime(made["frozen_on"]))


def read(stored: ir.Table) -> Model:
    """The model of a stored table: the very numbers that were fitted."""
    rows = {(row["cluster"], row["cluster_feature"]): row for row in stored.to_pyarrow().to_pylist()}
    numbers = tuple(sorted({number for number, _feature in rows}))
    first = [rows[numbers[0], feature] for feature in FEATURES]
    return Model(
        version=first[0]["cluster_version"],
        frozen_on=pd.Timestamp(first[0]["frozen_on"]).date(),
        mean=tuple(row["feature_mean"] for row in first),
        sd=tuple(row["feature_sd"] for row in first),
        centroids=tuple(tuple(rows[number, feature]["centroid"] for feature in FEATURES) for number in numbers),
        numbers=numbers,
        names=tuple(rows[number, FEATURES[0]]["cluster_name"] for number in numbers),
        highest=first[0]["highest_cluster"],
    )


def _matched(
    old: Model, fitted: Model, sampled: pd.DataFrame, choice: pd.DataFrame
) -> tuple[Model, pd.DataFrame, pd.DataFrame]:
    """The new model with old numbers and names where its centroids are the old ones, moved a little.

    Hungarian matching on distances in the old model's scaled space. A match farther than half the least distance
    between old centroids is none: that cluster gets a number never used before, and a name of its own.
    """
    from scipy.optimize import linear_sum_assignment

    moved = (np.array(fitted.centroids) * fitted.sd + fitted.mean - old.mean) / old.sd
    then = np.array(old.centroids)
    distances, limit = _between(moved, then), _limit(then)
    pairs = {int(i): int(j) for i, j in zip(*linear_sum_assignment(distances), strict=True)}
    before = [pairs[i] if i in pairs and distances[i, pairs[i]] <= limit else None for i in range(len(moved))]
    shifts = [distances[i, pairs[i]] if i in pairs else np.nan for i in range(len(moved))]
    model = _renamed(old, fitted, before, sampled)
    return model, choice, _shifts(model, [None if j is None else old.numbers[j] for j in before], shifts, limit)


def _renamed(old: Model, fitted: Model, before: list[int | None], sampled: pd.DataFrame) -> Model:
    """Old numbers and names for matched clusters, new ones for the others."""
    nearest = _between(clusters.scaled(sampled, list(fitted.mean), list(fitted.sd)), np.array(fitted.centroids))
    medians = sampled.groupby(nearest.argmin(axis=1))[list(FEATURES)].median()
    kept = tuple(old.names[j] for j in before if j is not None)
    by_rule = clusters.names(medians.reindex(range(len(before))))
    numbers: list[int] = []
    names: list[str] = []
    highest = old.highest
    for place, j in enumerate(before):
        highest += j is None
        numbers.append(highest if j is None else old.numbers[j])
        names.append(_free(by_rule[place], (*kept, *names)) if j is None else old.names[j])
    return replace(fitted, numbers=tuple(numbers), names=tuple(names), highest=highest)


def _free(name: str, taken: tuple[str, ...]) -> str:
    """The name, or its next number that nobody has."""
    base = name.rsplit("_", 1)[0] if name.rsplit("_", 1)[-1].isdigit() else name
    numbered = (base if n == 1 else f"{base}_{n}" for n in range(1, len(taken) + 2))
    return next(candidate for candidate in numbered if candidate not in taken)


def _drift(sampled: pd.DataFrame, model: Model) -> pd.DataFrame:
    """How far the customers of each kept cluster have moved from its centroid."""
    x, centroids = clusters.scaled(sampled, list(model.mean), list(model.sd)), np.array(model.centroids)
    nearest = _between(x, centroids).argmin(axis=1)
    means = [x[nearest == i].mean(axis=0) if (nearest == i).any() else np.full(x.shape[1], np.nan)
             for i in range(len(centroids))]  # fmt: skip
    moved = np.sqrt(((np.array(means) - centroids) ** 2).sum(axis=1))
    return _shifts(model, list(model.numbers), list(moved), _limit(centroids))


def _shifts(model: Model, before: list[int | None], moved: list[float], limit: float) -> pd.DataFrame:
    columns = {
        "cluster": model.numbers,
        "cluster_name": model.names,
        "cluster_before": pd.Series(before, dtype="float64"),
        "centroid_shift": moved,
        "shift_limit": limit if np.isfinite(limit) else np.nan,
    }
    return pd.DataFrame(columns).sort_values("cluster", ignore_index=True)


def _between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.sqrt(((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2))


def _limit(centroids: np.ndarray) -> float:
    """Half the least distance between two centroids; infinite where there is one."""
    apart = _between(centroids, centroids) + np.diag(np.full(len(centroids), np.inf))
    return float(apart.min() / 2)
