"""Clusters: the engine's assignment is scikit-learn's, and only stable groups are recommended."""

import numpy as np
import pandas as pd
import pytest

from crmlib.io import engine
from crmlib.params import Clusters
from crmlib.segment import clusters

SETTINGS = Clusters(k_min=2, k_max=5, bootstraps=8)


def customers(centres: list[tuple[float, float, float, float]], n: int, spread: float) -> pd.DataFrame:
    """n customers around each centre, given in logs of days, orders, money and tenure."""
    rng = np.random.default_rng(7)
    points = np.vstack([rng.normal(centre, spread, (n, 4)) for centre in centres])
    frame = pd.DataFrame(np.expm1(points.clip(0)).round().astype("int64"), columns=list(clusters.FEATURES))
    return frame.assign(customer_id=[f"c{i:04d}" for i in range(len(frame))], state="active", tier="general")


CLEAR = customers([(1, 4, 10, 6), (3, 2, 7, 6), (5.5, 0.7, 4, 6)], 80, 0.15)


def test_three_clear_groups_are_found_stable_and_named():
    found = clusters.candidates(CLEAR, SETTINGS, seed=1)
    k = clusters.choose(found, SETTINGS)
    assert k == 3
    assert bool(found.set_index("k").loc[3, "is_stable"])
    model = clusters.fit(CLEAR, k, seed=1)
    assert model.names == ("core", "regular", "fading")
    assert engine.frame(clusters.profile(clusters.assign(engine.table(CLEAR), model)))["customers"].tolist() == [
        80,
        80,
        80,
    ]


def test_noise_has_no_stable_groups():
    noise = customers([(3, 3, 7, 5)], 200, 0.6)
    found = clusters.candidates(noise, SETTINGS.model_copy(update={"k_min": 3}), seed=1)
    assert not found["is_stable"].any()
    assert clusters.choose(found, SETTINGS) in set(found["k"])  # shown, and said to be unstable


def test_the_engine_assigns_what_scikit_learn_predicts():
    from sklearn.metrics import pairwise_distances_argmin

    mixed = customers([(2, 3, 8, 5), (4, 1, 5, 5)], 150, 0.9)
    model = clusters.fit(mixed, 4, seed=3)
    assigned = engine.frame(clusters.assign(engine.table(mixed), model).order_by("customer_id"))
    scaled = (np.log1p(mixed[list(clusters.FEATURES)].to_numpy()) - model.mean) / model.sd
    assert assigned["cluster"].tolist() == pairwise_distances_argmin(scaled, np.array(model.centroids)).tolist()


def test_the_sample_depends_on_ids_not_on_row_order():
    table, shuffled = engine.table(CLEAR), engine.table(CLEAR.sample(frac=1, random_state=5))
    one, two = (engine.frame(clusters.sample(t, 50)) for t in (table, shuffled))
    pd.testing.assert_frame_equal(one, two)
    assert len(one) == 50


def test_the_same_seed_gives_the_same_model():
    assert clusters.fit(CLEAR, 3, seed=9) == clusters.fit(CLEAR, 3, seed=9)


def test_too_few_customers_are_one_group():
    few = CLEAR.head(2)
    found = clusters.candidates(few, Clusters(), seed=1)
    assert found.empty and clusters.choose(found, Clusters()) == 1
    assert clusters.fit(few, 1, seed=1).names == ("core",)


@pytest.mark.parametrize(("gaps", "wanted"), [([0.5, 1.0, 1.05], 4), ([1.0, 1.02, 2.0], 3)])
def test_the_gap_rule_takes_the_smallest_sufficient_k(gaps, wanted):
    """gap(k) >= gap(k+1) - error(k+1), errors 0.1."""
    found = pd.DataFrame({"k": [3, 4, 5], "gap": gaps, "gap_error": 0.1, "is_stable": True, "silhouette": 0.3,
                          "stability": 0.9, "smallest_share": 0.2})  # fmt: skip
    assert clusters.choose(found, Clusters()) == wanted


def test_inactive_customers_are_not_clustered():
    lapsed = CLEAR.assign(state=["lapsed"] * 80 + ["active"] * 160)
    assert clusters.sample(engine.table(lapsed), 500).count().to_pyarrow().as_py() == 160
    assigned = clusters.assign(engine.table(lapsed), clusters.fit(CLEAR, 3, seed=1))
    assert engine.frame(clusters.profile(assigned))["customers"].sum() == 160
