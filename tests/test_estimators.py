"""Effects of randomised campaigns: published and hand-worked figures, and what must never change an answer."""

from dataclasses import astuple
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from crmlib.review import baseline, estimators, verdict


def arms(treated, control, stratum: str = "a", **more) -> pd.DataFrame:
    outcome = np.r_[np.asarray(treated, dtype=float), np.asarray(control, dtype=float)]
    is_treated = np.arange(len(outcome)) < len(treated)
    return pd.DataFrame({"outcome": outcome, "is_treated": is_treated, "stratum": stratum, **more})


def rates(hits: int, n: int, hits_c: int, n_c: int, stratum: str = "a") -> pd.DataFrame:
    return arms([1] * hits + [0] * (n - hits), [1] * hits_c + [0] * (n_c - hits_c), stratum)


GOLDEN = [
    ((75, 100, 60, 100), 0.15, 0.0201, 0.2731, "effective"),
    ((72, 100, 60, 100), 0.12, -0.0112, 0.2456, "inconclusive"),  # although its attainment is 0.80
    ((720, 1000, 600, 1000), 0.12, 0.0786, 0.1608, "partly_effective"),
    ((610, 1000, 600, 1000), 0.01, -0.0328, 0.0527, "not_effective"),
    ((540, 1000, 600, 1000), -0.06, -0.1031, -0.0166, "harmful"),
    ((640, 1000, 600, 1000), 0.04, -0.0025, 0.0823, "inconclusive"),
]


@pytest.mark.parametrize(("counts", "effect", "low", "high", "word"), GOLDEN)
def test_rates_have_newcombe_s_interval_and_the_verdict_follows(counts, effect, low, high, word):
    found = estimators.measure(rates(*counts), "rate", 1)
    assert (found.effect, found.low, found.high) == pytest.approx((effect, low, high), abs=1e-4)
    assert verdict.judge(found.effect, (found.low, found.high), found.p, target=0.15) == word


def test_means_have_welch_s_interval():
    """1 to 5 against 2, 2, 2, 3: 0.75 +- t(df; .975) x sqrt(2.5/5 + 0.25/4), df = 0.5625² / (0.5²/4 + 0.0625²/3) = 4.959."""
    found = estimators.measure(arms([1, 2, 3, 4, 5], [2, 2, 2, 3]), "mean", 1)
    half = stats.t(0.5625**2 / (0.5**2 / 4 + 0.0625**2 / 3)).ppf(0.975) * 0.75
    assert (found.treated, found.control, found.effect) == (3.0, 2.25, 0.75)
    assert (found.low, found.high) == pytest.approx((0.75 - half, 0.75 + half))
    assert found.explained == 0


def test_p_is_that_of_all_ways_to_draw_the_arms():
    """Every one of the 126 arms of four out of nine, each difference over its own error."""
    treated, control = [9.1, 7.7, 8.4, 9.9], [5.2, 8.1, 6.6, 4.3, 7.2]
    values = np.array(treated + control)

    def studentised(picked: tuple[int, ...]) -> float:
        mine, theirs = values[list(picked)], np.delete(values, picked)
        return (mine.mean() - theirs.mean()) / np.sqrt(mine.var(ddof=1) / 4 + theirs.var(ddof=1) / 5)

    all_ways = np.array([studentised(picked) for picked in combinations(range(9), 4)])
    exact = 2 * (all_ways >= studentised((0, 1, 2, 3)) - 1e-9).mean()
    assert estimators.measure(arms(treated, control), "mean", 1).p == pytest.approx(exact, abs=0.012)


def test_values_that_repeat_are_drawn_as_counts_with_the_same_distribution(monkeypatch):
    rng = np.random.default_rng(5)
    cases = arms(rng.poisson(2.3, 400), rng.poisson(2.0, 100))
    as_counts = estimators.measure(cases, "mean", 1).p
    monkeypatch.setattr(estimators, "_DISTINCT", 0)
    assert estimators.measure(cases, "mean", 1).p == pytest.approx(as_counts, abs=0.03)


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=3
    )
)
@settings(max_examples=25, deadline=None)
def test_counts_say_of_a_rate_what_its_cases_say(strata):
    """Arms of any size, empty ones and ones without a hit too."""
    made = [rates(a, a + b, c, c + d, f"s{place}") for place, (a, b, c, d) in enumerate(strata)]
    cases = pd.concat(made, ignore_index=True)
    counts = cases.groupby(["stratum", "is_treated", "outcome"]).size().reset_index(name="n")
    np.testing.assert_equal(
        astuple(estimators.from_counts(counts, 3)),
        astuple(estimators.measure(cases, "rate", 3)),
    )


def test_what_was_expected_anyway_is_taken_out():
    """The treated were expected to buy more; the outcome is the expectation plus 2 for them, so the effect is 2."""
    expected = np.r_[np.arange(40) + 10.0, np.arange(40)]
    noise = np.tile([0.5, -0.5], 40)
    cases = arms(expected[:40] + 2 + noise[:40], expected[40:] + noise[40:], expected=expected)
    plain, adjusted = (
        estimators.measure(cases.drop(columns="expected"), "mean", 1),
        estimators.measure(cases, "mean", 1),
    )
    assert plain.effect == pytest.approx(12.0)
    assert adjusted.effect == pytest.approx(2.0, abs=0.5)
    assert adjusted.high - adjusted.low < (plain.high - plain.low) / 5
    assert adjusted.explained > 0.9 and (adjusted.treated, adjusted.control) == (plain.treated, plain.control)


@pytest.mark.parametrize("expected", [[0.0] * 55 + [1.0] * 5, [float("nan")] + [1.0, 2.0, 3.0] * 19 + [1.0, 2.0]])
def test_an_expectation_that_hardly_varies_or_is_not_known_is_not_used(expected):
    cases = arms(np.arange(30), np.arange(30), expected=expected)
    assert estimators.measure(cases, "mean", 1) == estimators.measure(cases.drop(columns="expected"), "mean", 1)


def test_strata_are_compared_within_and_weighted_by_size():
    """0.3 in 300 customers and 0.1 in 100: 0.25, although all treated together have a lower rate than all others."""
    cases = pd.concat([rates(40, 100, 20, 200, "low"), rates(60, 60, 36, 40, "top")], ignore_index=True)
    found = estimators.measure(cases, "rate", 1)
    assert found.effect == pytest.approx(0.3 * 0.75 + 0.1 * 0.25)
    upside_down = pd.concat([rates(20, 200, 5, 100, "low"), rates(40, 40, 54, 60, "top")], ignore_index=True)
    assert (
        upside_down["outcome"][upside_down["is_treated"]].mean()
        < upside_down["outcome"][~upside_down["is_treated"]].mean()
    )
    assert estimators.measure(upside_down, "rate", 1).effect == pytest.approx(0.05 * 0.75 + 0.1 * 0.25)


def test_arms_of_one_case_say_nothing_and_neither_do_equal_outcomes():
    alone = estimators.measure(arms([1.0], [2.0, 3.0]), "mean", 1)
    assert np.isnan(alone.effect) and np.isnan(alone.p) and (alone.n_treated, alone.n_control) == (1, 2)
    flat = estimators.measure(arms([0.0] * 50, [0.0] * 50), "mean", 1)
    assert flat.effect == 0 and flat.p == 1 and np.isnan(flat.low)
    assert verdict.judge(flat.effect, (flat.low, flat.high), flat.p, target=1.0) == "inconclusive"


def test_clusters_count_as_one_case_each():
    customers = pd.DataFrame(
        {"cluster": ["s1"] * 3 + ["s2"] + ["s3"] * 2, "outcome": [1.0, 2, 3, 10, 5, 7], "is_treated": [True] * 4 + [False] * 2,
         "stratum": "x"}
    )  # fmt: skip
    assert estimators.by_cluster(customers)["outcome"].tolist() == [2.0, 10.0, 6.0]


SAMPLES = st.lists(st.integers(0, 50), min_size=4, max_size=25)


@settings(max_examples=30, deadline=None)
@given(SAMPLES, SAMPLES, st.integers(1, 9), st.integers(-40, 40), st.randoms(use_true_random=False))
def test_scale_shift_and_order_change_nothing_but_the_unit(treated, control, scale, shift, random):
    cases = arms(treated, control)
    one = estimators.measure(cases, "mean", 7)
    order = list(range(len(cases)))
    random.shuffle(order)
    other = estimators.measure(cases.iloc[order].assign(outcome=lambda c: scale * c["outcome"] + shift), "mean", 7)
    assert other.p == pytest.approx(one.p)
    got, want = (other.effect, other.low, other.high), (scale * one.effect, scale * one.low, scale * one.high)
    assert got == pytest.approx(want, nan_ok=True, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(SAMPLES, SAMPLES)
def test_swapping_the_arms_turns_the_sign(treated, control):
    one = estimators.measure(arms(treated, control), "mean", 7)
    swapped = estimators.measure(arms(control, treated), "mean", 7)
    assert swapped.effect == pytest.approx(-one.effect)
    assert (swapped.low, swapped.high) == pytest.approx((-one.high, -one.low), nan_ok=True)


def test_false_alarms_of_skewed_spend_and_a_small_hold_out():
    """400 worlds without an effect, 160 against 40, spend with a long tail: 5 % in all, and Welch's bias is gone."""
    rng = np.random.default_rng(11)
    spend = np.where(rng.random((400, 200)) < 0.4, 0, rng.lognormal(3, 1.1, (400, 200)))
    found = [estimators.measure(arms(row[:160], row[160:]), "mean", n) for n, row in enumerate(spend)]
    up = np.mean([f.p < 0.05 and f.effect > 0 for f in found])
    down = np.mean([f.p < 0.05 and f.effect < 0 for f in found])
    assert up < 0.045 and down < 0.045 and up + down < 0.075


# ------------------------------------------------------------------------------------------------------------ grade B


def test_the_untreated_of_the_same_tier_calibrate_the_expectation():
    """Untreated: 60 bought where 40 were expected, 1.5 times. Treated: expected 3 each, so 4.5; they bought 5."""
    others = arms([], [1.0, 2.0] * 20, expected=[1.0] * 40)
    treated = arms([4.0, 6.0] * 10, [], expected=[3.0] * 20)
    found = baseline.measure(estimators.moments(pd.concat([treated, others], ignore_index=True)))
    assert (found.treated, found.control, found.effect) == pytest.approx((5.0, 4.5, 0.5))
    error = np.sqrt((20 / 19) / 20 + 9 * (0.25 * 40 / 39) / 40)
    assert (found.low, found.high) == pytest.approx((0.5 - 1.96 * error, 0.5 + 1.96 * error), abs=1e-3)
    assert baseline.gate(found) == "passed"


def test_a_placebo_that_finds_an_effect_closes_the_gate():
    rng = np.random.default_rng(3)
    picked = arms(rng.poisson(3, 100), [], expected=2.0)
    left = arms([], rng.poisson(2, 300), expected=2.0)
    found = baseline.measure(estimators.moments(pd.concat([picked, left], ignore_index=True)))
    assert found.low > 0 and baseline.gate(found) == "placebo_failed"
    assert baseline.gate(baseline.measure(estimators.moments(picked))) == "no_placebo"


# ----------------------------------------------------------------------------------------------------------- verdicts


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 1))
def test_every_effect_has_one_verdict_and_more_of_it_is_never_worse(effect, reach, q, target):
    order = ["harmful", "not_effective", "inconclusive", "partly_effective", "effective"]
    words = [verdict.judge(e, (e - reach, e + reach), q, target) for e in (effect, effect + 0.1)]
    assert order.index(words[0]) <= order.index(words[1])


def test_a_large_q_earns_no_praise_and_a_target_must_be_above_zero():
    assert verdict.judge(0.2, (0.1, 0.3), 0.06, 0.15) == "inconclusive"
    assert verdict.judge(0.2, (0.1, 0.3), 0.04, 0.15) == "effective"
    with pytest.raises(ValueError, match="above zero"):
        verdict.judge(0.2, (0.1, 0.3), 0.04, 0.0)


def test_q_values_of_benjamini_and_hochberg():
    p = pd.Series([0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216, None])
    q = verdict.adjusted(p)
    want = [0.01, 0.04, 0.084, 0.084, 0.084, 0.10, 0.1057, 0.216, 0.216, 0.216]
    assert q[:10].tolist() == pytest.approx(want, abs=1e-4) and np.isnan(q[10])
    assert verdict.adjusted(pd.Series([None, None], dtype="float64")).isna().all()
