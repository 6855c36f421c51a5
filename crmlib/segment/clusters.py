"""Groups found by an algorithm: k-means on log recency, frequency, money and tenure.

Fitted on a sample drawn by a hash of the customer id, then applied to every customer in the engine. The transform is
log1p, then (x - mean) / sd of the fitted sample; negative net spend counts as none. Only who bought in the window is in
a group: the others' recency and money say nothing that their state does not.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import add

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from crmlib.periods import Period
from crmlib.schema import TABLES

FEATURES = ("recency_days", "frequency_12m", "monetary_12m_minor", "tenure_days")
STARTS = 10
"""Random starts of the final fit: with one, k-means often ends in a bad optimum."""


@dataclass(frozen=True)
class Model:
    """Frozen scaler and centroids (in scaled logs), a number and a name each; `highest` is the last number given."""

    version: str
    frozen_on: date
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    centroids: tuple[tuple[float, ...], ...]
    numbers: tuple[int, ...]
    names: tuple[str, ...]
    highest: int


def sample(tiered: ir.Table, size: int) -> ir.Table:
    """At most `size` active customers, the same ones each time: those with the smallest hash of their id, by that."""
    active = tiered.filter(_.state == "active").select("customer_id", *FEATURES)
    return active.order_by(_.customer_id.hexdigest("md5"), "customer_id").limit(size)


def fit(sampled: pd.DataFrame, k: int, seed: int, period: Period) -> Model:
    """k-means with the customers' own scaler; clusters are numbered from 1 by falling median spend, and named."""
    if sampled.empty:
        return Model(str(period), period.as_of, (0.0,) * 4, (1.0,) * 4, ((0.0,) * 4,), (1,), ("core",), 1)
    mean, sd = scaler(sampled)
    with one_thread():
        labels, centroids = kmeans(scaled(sampled, mean, sd), k, STARTS, seed)
    medians = sampled.groupby(labels)[list(FEATURES)].median()
    order = medians.sort_values(["monetary_12m_minor", "recency_days"], ascending=[False, True]).index
    return Model(
        str(period), period.as_of, tuple(mean), tuple(sd), tuple(tuple(c) for c in centroids[order].tolist()),
        tuple(range(1, k + 1)), names(medians.loc[order]), k,
    )  # fmt: skip


def assign(tiered: ir.Table, model: Model) -> ir.Table:
    """Every customer with the number and name of the nearest centroid; null and '' for who did not buy in the window.

    |z - c|^2 without |z|^2, which is the same for each centroid: a straight line in the logs.
    """
    logs = {f"log_{f}": (ibis.greatest(tiered[f], 0) + 1).cast("float64").ln() for f in FEATURES}
    logged = tiered.select("customer_id", "tier", "state", *FEATURES, **logs)
    distances = {f"d{i}": _line(logged, centre, model) for i, centre in enumerate(model.centroids)}
    measured = logged.mutate(**distances).drop(*logs)
    nearest = ibis.least(*[measured[d] for d in distances])
    is_active = measured.state == "active"
    at = [(is_active & (measured[d] == nearest), i) for i, d in enumerate(distances)]
    return measured.select(
        "customer_id", "tier", "state", *FEATURES,
        cluster=ibis.cases(*[(here, model.numbers[i]) for here, i in at], else_=ibis.null("int64")).cast("int64"),
        cluster_name=ibis.cases(*[(here, model.names[i]) for here, i in at], else_=""),
    )  # fmt: skip


def _line(logged: ir.Table, centre: tuple[float, ...], model: Model) -> ir.Value:
    constant = sum(c * c + 2 * c * m / s for c, m, s in zip(centre, model.mean, model.sd, strict=True))
    slopes = [-2 * c / s for c, s in zip(centre, model.sd, strict=True)]
    terms = [logged[f"log_{f}"] * ibis.literal(w, "float64") for f, w in zip(FEATURES, slopes, strict=True)]
    return reduce(add, terms, ibis.literal(float(constant), "float64"))


def profile(assigned: ir.Table) -> ir.Table:
    """Each cluster's size and its typical customer (medians) in raw units; shares are of the customers in clusters."""
    grouped = assigned.filter(_.cluster.notnull())
    sizes = grouped.group_by(["cluster", "cluster_name"]).aggregate(
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


def positions(profile: pd.DataFrame, model: Model) -> pd.DataFrame:
    """Where each cluster's typical customer stands, in standard deviations from the average of the logs.

    One row per cluster, one column per feature.
    """
    found = pd.DataFrame(scaled(profile, list(model.mean), list(model.sd)), columns=list(FEATURES))
    return found.assign(cluster_name=profile["cluster_name"].to_numpy()).set_index("cluster_name")


def scaler(sampled: pd.DataFrame) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each logged feature; 1 for one that does not vary."""
    logged = _logged(sampled)
    sd = logged.std(axis=0)
    return logged.mean(axis=0).tolist(), np.where(sd == 0, 1, sd).tolist()


def scaled(frame: pd.DataFrame, mean: list[float], sd: list[float]) -> np.ndarray:
    return (_logged(frame) - mean) / sd


def _logged(frame: pd.DataFrame) -> np.ndarray:
    return np.log1p(frame[list(FEATURES)].to_numpy("float64").clip(min=0))


def one_thread() -> AbstractContextManager[object]:
    """Pins numeric libraries to one thread: sums in another thread order would change the last digits of a fit.

    Entering takes longer than a small fit: one for many. Only what is loaded is pinned, so that comes first; threads
    that wait for each other on a busy machine make a fit many times slower.
    """
    import sklearn.cluster  # noqa: F401
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def kmeans(x: np.ndarray, k: int, starts: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and centroids; within `one_thread` they repeat to the last digit."""
    from sklearn.cluster import KMeans

    model = KMeans(k, n_init=starts, random_state=seed).fit(x)
    return model.labels_, model.cluster_centers_


def names(medians: pd.DataFrame, taken: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Names by fixed rules on raw medians, the biggest spenders first; a repeated name gets a number.

    `taken` are names that other clusters keep.
    """
    given = list(taken)
    typical = medians["frequency_12m"].median()
    newest = min(365.0, 0.75 * medians["tenure_days"].max())
    columns = ["recency_days", "frequency_12m", "tenure_days"]
    for place, (recency, frequency, tenure) in enumerate(medians[columns].to_numpy("float64").tolist()):
        if place == 0:
            name = "core"
        elif recency > 180:
            name = "fading"
        elif tenure < newest:
            name = "growing"
        else:
            name = "regular" if frequency >= typical else "occasional"
        number = next(n for n in range(1, len(given) + 2) if _numbered(name, n) not in given)
        given.append(_numbered(name, number))
    return tuple(given[len(taken) :])


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}_{number}"
