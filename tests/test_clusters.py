"""Clusters: the engine's assignment is scikit-learn's, and only stable groups are recommended."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import books
import ibis
import numpy as np
import pandas as pd
import pytest

from crmlib import params
from crmlib.io import engine
from crmlib.params import Clusters
from crmlib.periods import Period
from crmlib.segment import agreement, cluster_choice, cluster_model, clusters

PERIOD = Period(2023, 4)
SETTINGS = Clusters(k_min=2, k_max=5, bootstraps=8)


def customers(centres: list[tuple[float, float, float, float]], n: int, spread: float) -> pd.DataFrame:
    """n customers around each centre, given in logs of days, orders, money and tenure."""
    rng = np.random.default_rng(7)
    points = np.vstack([rng.normal(centre, spread, (n, 4)) for centre in centres])
    frame = pd.DataFrame(np.expm1(points.clip(0)).round().astype("int64"), columns=list(clusters.FEATURES))
    return frame.assign(customer_id=[f"c{i:04d}" for i in range(len(frame))], state="active", tier="general")


CLEAR = customers([(1, 4, 10, 6), (3, 2, 7, 6), (5.5, 0.7, 4, 6)], 80, 0.15)


def fit(frame: pd.DataFrame, k: int, seed: int = 1, period: Period = PERIOD) -> clusters.Model:
    return clusters.fit(frame, k, seed, period)


def assigned(frame: pd.DataFrame, model: clusters.Model) -> pd.DataFrame:
    return engine.frame(clusters.assign(engine.table(frame), model).order_by("customer_id"))


def test_three_clear_groups_are_found_stable_and_named():
    found = cluster_choice.candidates(CLEAR, SETTINGS, seed=1)
    assert cluster_choice.choose(found, SETTINGS)[0] == 3
    assert bool(found.set_index("k").loc[3, "is_stable"])
    model = fit(CLEAR, 3)
    assert (model.names, model.numbers) == (("core", "regular", "fading"), (1, 2, 3))
    profile = engine.frame(clusters.profile(clusters.assign(engine.table(CLEAR), model)))
    assert profile["customers"].tolist() == [80, 80, 80]


def test_noise_has_no_stable_groups():
    noise = customers([(3, 3, 7, 5)], 200, 0.6)
    found = cluster_choice.candidates(noise, SETTINGS.model_copy(update={"k_min": 3}), seed=1)
    assert not found["is_stable"].any()
    k, rule = cluster_choice.choose(found, SETTINGS)
    assert k in set(found["k"]) and rule == "least_unstable"  # shown, and said to be unstable


def test_the_engine_assigns_what_scikit_learn_predicts():
    from sklearn.cluster import KMeans

    mixed = customers([(2, 3, 8, 5), (4, 1, 5, 5)], 300, 0.9)
    mixed.loc[:20, "monetary_12m_minor"] = -50  # more returned than bought: as none
    model = fit(mixed, 4, seed=3)
    x = (np.log1p(mixed[list(clusters.FEATURES)].clip(lower=0).to_numpy()) - model.mean) / model.sd
    wanted = KMeans(4, init=np.array(model.centroids), n_init=1, max_iter=1).fit(x)
    wanted.cluster_centers_ = np.array(model.centroids)
    assert assigned(mixed, model)["cluster"].tolist() == [model.numbers[i] for i in wanted.predict(x)]


def test_silhouettes_are_scikit_learns():
    from sklearn.metrics import silhouette_score

    x = np.random.default_rng(2).normal(size=(120, 3))
    labels = {k: np.arange(120) % k for k in (2, 5)} | {119: np.arange(120) % 119}
    wanted = {k: silhouette_score(x, found) for k, found in labels.items()}
    assert cluster_choice._silhouettes(x, labels) == pytest.approx(wanted)


def test_the_sample_depends_on_ids_not_on_row_order():
    table, shuffled = engine.table(CLEAR), engine.table(CLEAR.sample(frac=1, random_state=5))
    one, two = (engine.frame(clusters.sample(t, 50)) for t in (table, shuffled))
    pd.testing.assert_frame_equal(one, two)
    assert len(one) == 50


def test_the_same_seed_gives_the_same_model():
    assert fit(CLEAR, 3, seed=9) == fit(CLEAR, 3, seed=9)


def test_k_means_has_one_thread_also_where_it_is_the_first_to_ask_for_its_library():
    asked = """
import sys, threadpoolctl
from crmlib.segment import clusters
assert "sklearn" not in sys.modules
with clusters.one_thread():
    from sklearn.cluster import KMeans
    pinned = threadpoolctl.threadpool_info()
print([p["user_api"] for p in pinned], {p["num_threads"] for p in pinned})
"""
    said = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
    assert "openmp" in said and said.endswith(" {1}\n")


@pytest.mark.parametrize("n", [0, 2])
def test_too_few_customers_are_one_group(n):
    found = cluster_choice.candidates(CLEAR.head(n), Clusters(), seed=1)
    assert found.empty and cluster_choice.choose(found, Clusters()) == (1, "too_few")
    model = fit(CLEAR.head(n), 1)
    assert model.names == ("core",)
    assert assigned(CLEAR, model)["cluster"].tolist() == [1] * len(CLEAR)


@pytest.mark.parametrize(("gaps", "wanted"), [([0.5, 1.0, 1.05], (4, "gap_rule")), ([1.0, 1.02, 2.0], (3, "gap_rule"))])
def test_the_gap_rule_takes_the_smallest_sufficient_k(gaps, wanted):
    """gap(k) >= gap(k+1) - error(k+1), errors 0.1."""
    found = pd.DataFrame({"k": [3, 4, 5], "gap": gaps, "gap_error": 0.1, "is_stable": True, "silhouette": 0.3,
                          "stability": 0.9, "smallest_share": 0.2})  # fmt: skip
    assert cluster_choice.choose(found, Clusters()) == wanted


def test_a_number_set_by_hand_is_used_and_marked():
    found = cluster_choice.candidates(CLEAR, SETTINGS.model_copy(update={"k": 7, "bootstraps": 1}), seed=1)
    marked = cluster_choice.chosen(found, *cluster_choice.choose(found, SETTINGS.model_copy(update={"k": 7})))
    assert marked.loc[marked["is_chosen"], ["k", "chosen_by"]].values.tolist() == [[7, "override"]]


def test_who_did_not_buy_stays_without_a_cluster():
    lapsed = CLEAR.assign(state=["lapsed"] * 80 + ["active"] * 160)
    assert clusters.sample(engine.table(lapsed), 500).count().to_pyarrow().as_py() == 160
    table = clusters.assign(engine.table(lapsed), fit(CLEAR, 3))
    found = engine.frame(table.order_by("customer_id"))
    assert len(found) == 240 and found["cluster"].isna().tolist() == [True] * 80 + [False] * 160
    assert set(found.loc[:79, "cluster_name"]) == {""}
    assert engine.frame(clusters.profile(table))["customers"].sum() == 160


def settings_of(tmp_path: Path, period: str, **more: object) -> params.Settings:
    wanted = {"k_min": 2, "k_max": 5, "bootstraps": 3, "scan": 240, **more}
    return books.load(tmp_path, period=period, segment={"clusters": wanted})


def stored(found: cluster_model.Fitted) -> tuple[ibis.Table, ibis.Table]:
    return engine.table(cluster_model.frame(found.model)), engine.table(found.choice)


def test_a_stored_model_is_read_back_to_the_last_digit():
    model = fit(CLEAR, 3)
    assert cluster_model.read(engine.table(cluster_model.frame(model).sample(frac=1, random_state=1))) == model


def test_a_model_is_kept_for_a_year_and_then_matched(tmp_path):
    first = cluster_model.current(CLEAR, None, None, settings_of(tmp_path, "2023Q4"))
    assert first.shifts["cluster_before"].isna().all()
    moved = CLEAR.assign(monetary_12m_minor=2 * CLEAR["monetary_12m_minor"])
    third = cluster_model.current(moved, *stored(first), settings_of(tmp_path, "2024Q3"))
    assert third.model == first.model
    assert third.shifts["cluster_before"].tolist() == [1, 2, 3] and (third.shifts["centroid_shift"] > 0).all()
    fourth = cluster_model.current(moved, *stored(third), settings_of(tmp_path, "2024Q4"))
    assert fourth.model.version == "2024Q4"
    assert (fourth.model.names, fourth.shifts["cluster_before"].tolist()) == (first.model.names, [1, 2, 3])


@pytest.mark.parametrize("more", [{"refit": True}, {"k": 2}])
def test_the_settings_can_ask_for_a_new_model_now(tmp_path, more):
    first = cluster_model.current(CLEAR, None, None, settings_of(tmp_path, "2023Q4"))
    asked = settings_of(tmp_path, "2024Q1", **more)
    assert cluster_model.current(CLEAR, *stored(first), asked).model.version == "2024Q1"


def test_a_poor_match_gets_a_new_number_and_a_name_of_its_own(tmp_path):
    """The third group is another one: of few orders, but rich and new. Numbers 3 and 4 are not given again."""
    first = cluster_model.current(CLEAR, None, None, settings_of(tmp_path, "2023Q4", k=3))
    changed = customers([(1, 4, 10, 6), (3, 2, 7, 6), (0.7, 0.7, 9, 1.5)], 80, 0.15)
    second = cluster_model.current(changed, *stored(first), settings_of(tmp_path, "2024Q1", k=3, refit=True))
    by_number = second.shifts.set_index("cluster")
    assert by_number["cluster_before"].dropna().to_dict() == {1: 1, 2: 2}
    assert sorted(second.model.numbers) == [1, 2, 4] and second.model.highest == 4
    assert by_number.loc[4, "cluster_name"] == "growing"
    assert by_number.loc[4, "centroid_shift"] > by_number.loc[4, "shift_limit"]
    third = cluster_model.current(CLEAR.head(160), *stored(second), settings_of(tmp_path, "2024Q2", k=2, refit=True))
    assert sorted(third.model.numbers) == [1, 2]
    fourth = cluster_model.current(CLEAR, *stored(third), settings_of(tmp_path, "2024Q3", k=3, refit=True))
    assert max(fourth.model.numbers) == 5


def test_matching_finds_the_old_clusters_in_any_order(tmp_path):
    """Money turned round: the biggest spenders are now the third group, and still cluster 3."""
    first = fit(CLEAR, 3)
    turned = dataclasses.replace(first, centroids=first.centroids[::-1], names=("x", "y", "z"))
    model, _choice, shifts = cluster_model._matched(first, turned, CLEAR, pd.DataFrame())
    assert (model.numbers, model.names) == ((3, 2, 1), first.names[::-1])
    assert shifts["centroid_shift"].tolist() == pytest.approx([0, 0, 0])


def test_names_are_unique_and_follow_the_rules():
    medians = pd.DataFrame(
        {"recency_days": [200, 5, 6, 300, 9], "frequency_12m": [9, 30, 2, 1, 3], "monetary_12m_minor": [9, 8, 7, 6, 5],
         "tenure_days": [900, 800, 900, 900, 100]}
    )  # fmt: skip
    assert clusters.names(medians) == ("core", "regular", "occasional", "fading", "growing")
    assert clusters.names(medians, taken=("core", "regular")) == (
        "core_2",
        "regular_2",
        "occasional",
        "fading",
        "growing",
    )


@pytest.mark.parametrize(
    ("table", "v", "rand"),
    [
        ([[10, 0], [0, 10]], 1.0, 1.0),
        ([[5, 5], [5, 5]], 0.0, None),
        ([[30, 10], [10, 30]], None, None),
        ([[7, 0], [3, 0]], float("nan"), None),
    ],
)
def test_agreement(table, v, rand):
    """30 10 / 10 30: chi2/n = 0.25, less 1/79; r~ = 2 - 1/79: V = sqrt((0.25 - 1/79) / (1 - 1/79)) = .49026."""
    from sklearn.metrics import adjusted_rand_score

    counts = np.array(table, dtype=float)
    labels = [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
    one, two = zip(*labels, strict=True)
    wanted_rand = adjusted_rand_score(one, two) if rand is None else rand
    assert agreement.cramers_v(counts) == pytest.approx(
        ((0.25 - 1 / 79) / (1 - 1 / 79)) ** 0.5 if v is None else v, nan_ok=True
    )
    assert agreement.adjusted_rand(counts) == pytest.approx(wanted_rand, abs=1e-12)


def test_cells_count_only_who_is_in_a_cluster():
    frame = CLEAR.assign(state=["lapsed"] * 40 + ["active"] * 200, tier=["high"] * 120 + ["risk"] * 120)
    cells = engine.frame(agreement.cells(clusters.assign(engine.table(frame), fit(CLEAR, 3))))
    assert cells[["cluster", "tier", "customers", "cluster_share"]].values.tolist() == [
        [1, "high", 40, 1.0], [2, "high", 40, 0.5], [2, "risk", 40, 0.5], [3, "risk", 80, 1.0],
    ]  # fmt: skip
    assert agreement.compare(cells)["customers"].tolist() == [200]


def test_adjusted_rand_by_hand_and_against_scikit_learn():
    """Pairs together: 2 in one, 3 in the other, 1 in both; of 10. (1 - 6 / 10) / (2.5 - 6 / 10) = 4 / 19."""
    from sklearn.metrics import adjusted_rand_score

    assert cluster_choice.adjusted_rand(np.array([0, 0, 1, 1, 2]), np.array([0, 0, 0, 1, 2]), 3) == pytest.approx(
        4 / 19
    )
    a, b = np.random.default_rng(2).integers(0, 4, (2, 200))
    assert cluster_choice.adjusted_rand(a, b, 4) == pytest.approx(adjusted_rand_score(a, b), abs=1e-12)
    assert cluster_choice.adjusted_rand(a, (a + 1) % 4, 4) == 1.0
