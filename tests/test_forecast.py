"""Forecasts of one series: simulated truth with known coverage, and cases worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.market import forecast
from crmlib.market.forecast import MONTH, WEEK, Rhythm

RUNS = 60
UNKNOWN = replace(MONTH, season=0)


def level(n: int, rng: np.random.Generator) -> np.ndarray:
    return 100 + rng.normal(0, 5, n)


def drifting(n: int, rng: np.random.Generator) -> np.ndarray:
    return 100 + np.cumsum(rng.normal(0, 1, n)) + rng.normal(0, 3, n)


def rising(n: int, rng: np.random.Generator) -> np.ndarray:
    return 100 + 0.5 * np.arange(n) + rng.normal(0, 5, n)


def yearly(n: int, rng: np.random.Generator) -> np.ndarray:
    return 100 + 0.3 * np.arange(n) + 20 * np.sin(np.arange(n) / 12 * 2 * np.pi) + rng.normal(0, 5, n)


def trials(make, n: int, rhythm: Rhythm) -> np.ndarray:
    """Per run: error of smoothing, of the naive rule, and whether the 80 and 95 % ranges held periods and sum."""
    rows, rhythm = [], rhythm.known(n)
    for seed in range(RUNS):
        truth = make(n + rhythm.horizon, np.random.default_rng(seed))
        learnt, actual = forecast.ready(truth[:n], rhythm.season), truth[n:]
        smooth, naive = forecast.smoothing(learnt, rhythm), forecast.naive(learnt, rhythm)
        row = [np.abs(future.mean - actual).mean() for future in (smooth, naive)]
        for share in (0.8, 0.95):
            low, high = smooth.interval(share)
            _mean, least, most = smooth.total(share)
            row += [((low <= actual) & (actual <= high)).mean(), least <= actual.sum() <= most]
        rows.append(row)
    return np.mean(rows, axis=0)


@pytest.mark.parametrize(
    ("make", "n", "rhythm"), [(level, 52, WEEK), (drifting, 52, WEEK), (rising, 39, WEEK), (yearly, 48, MONTH)]
)
def test_smoothing_beats_the_naive_rule_and_its_ranges_hold_what_they_say(make, n, rhythm):
    """60 runs: a coverage of 80 % has a standard error of 5 points (sums); ranges may be a little wide, not narrow."""
    smooth, naive, period_80, sum_80, period_95, sum_95 = trials(make, n, rhythm)
    assert smooth < naive
    assert 0.74 <= period_80 <= 0.90 and 0.92 <= period_95 <= 0.995
    assert sum_80 >= 0.70 and sum_95 >= 0.88


def test_a_known_season_is_foretold_and_a_short_one_is_not_seen():
    """100 + .3 t + 20 sin(t / 12 2 pi) at t = 48, 49, 50, on average over 20 runs; one year alone has no season."""
    runs = [yearly(48, np.random.default_rng(seed)) for seed in range(20)]
    long = [forecast.smoothing(run, MONTH) for run in runs]
    assert long[0].method == "by_season" and forecast.smoothing(runs[0][:20], UNKNOWN).method == "by_smoothing"
    np.testing.assert_allclose(np.mean([future.mean for future in long], axis=0), [114.4, 124.7, 132.3], atol=3)
    assert not forecast.seasonal(runs[0][:23], UNKNOWN.season).any()


def test_naive_by_hand():
    """Steps 1, 2, -1: mean square 2. The last value stays; errors add up: 2, 4, 6, and for the sum 2 x (9 + 4 + 1)."""
    future = forecast.naive(np.array([10.0, 11, 13, 12]), UNKNOWN)
    assert future.method == "naive_last" and list(future.mean) == [12, 12, 12]
    np.testing.assert_allclose(np.diag(future.covariance), [2, 4, 6])
    assert future.covariance.sum() == pytest.approx(28)


def test_naive_by_year_takes_the_same_months_of_the_last_year():
    """Month t is 100 + t: each month is 12 above the one a year before, so its error is 12, each year's on its own."""
    future = forecast.naive(100.0 + np.arange(30), MONTH)
    assert future.method == "naive_year" and list(future.mean) == [118, 119, 120]
    np.testing.assert_allclose(future.covariance, 144 * np.eye(3))


def test_a_constant_series_is_certain():
    future = forecast.smoothing(np.full(40, 7.0), WEEK.known(40))
    assert list(future.mean) == [7] * 13 and future.total(0.95) == (91, 91, 91)


def test_spikes_and_gaps_are_not_learnt():
    """A spike of 90 among 10 ± 1 is set to the running median; a gap lies on the line between its neighbours."""
    values = np.array([10.0, 11, 9, 10, 11, 90, 10, 9, 11, 10, np.nan, 12, 10, 9])
    learnt = forecast.ready(values, UNKNOWN.season)
    assert learnt[5] == 10 and learnt[10] == 11
    np.testing.assert_array_equal(np.delete(learnt, [5, 10]), np.delete(values, [5, 10]))


def test_a_gap_in_a_long_series_is_filled_from_other_years():
    values = np.tile(np.arange(12.0), 3)
    values[14] = np.nan
    assert forecast.ready(values, 12)[14] == 2


def test_origins_learn_enough_and_leave_a_horizon():
    assert forecast.origins(33, WEEK.known(33)) == [20]
    assert forecast.origins(52, WEEK.known(52))[0] == 20 and forecast.origins(52, WEEK.known(52))[-1] == 39
    assert len(forecast.origins(52, WEEK.known(52))) == 8
    assert forecast.origins(120, WEEK.known(120)) == [104, 105, 106, 107], "only origins that can learn the season"


def test_the_backtest_by_hand():
    """A line of steps 2: the last value is off by 2, 4, 6, twice the scale on average; smoothing follows the line."""
    values = 2.0 * np.arange(40)
    naive = forecast.backtest(values, UNKNOWN, forecast.naive)
    assert (naive.mae, naive.mase, naive.origins) == (pytest.approx(4), pytest.approx(2), 8)
    assert forecast.backtest(values, UNKNOWN, forecast.smoothing).mae < 0.5


@pytest.mark.parametrize("rhythm", [WEEK, MONTH])
def test_the_rule_that_is_applied_is_the_one_that_was_judged(rhythm):
    """At every length: a year of the past may only be repeated, or a season added, if each origin did so too."""
    for n in range(rhythm.needed, rhythm.needed_for_season + 3):
        values, used = yearly(n, np.random.default_rng(n)), rhythm.known(n)
        for method in (forecast.naive, forecast.smoothing) if n > rhythm.needed_for_season - 3 else (forecast.naive,):
            judged: set[str] = set()

            def noted(learnt, known, method=method, judged=judged):
                future = method(learnt, known)
                judged.add(future.method)
                return future

            forecast.backtest(values, used, noted)
            assert judged == {method(forecast.ready(values, used.season), used).method}, n


def test_what_is_missing_is_not_judged():
    values = np.array([10.0, 12] * 18)
    holed = values.copy()
    holed[-2] = np.nan
    assert forecast.backtest(holed, MONTH, forecast.naive).mae >= 0


@given(st.integers(1, 10**7), st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_the_currency_unit_scales_everything(scale, seed):
    values = level(40, np.random.default_rng(seed))
    one, many = (forecast.smoothing(each, WEEK.known(40)) for each in (values, values * scale))
    np.testing.assert_allclose(many.mean, one.mean * scale, rtol=1e-9)
    np.testing.assert_allclose(many.covariance, one.covariance * float(scale) ** 2, rtol=1e-6)


@given(st.integers(0, 10_000), st.integers(1, 6))
@settings(max_examples=15, deadline=None)
def test_ranges_contain_the_mean_and_grow_with_confidence(seed, skipped):
    future = forecast.smoothing(drifting(40, np.random.default_rng(seed)), WEEK.known(40))
    (low, high), (lowest, highest) = future.interval(0.8), future.interval(0.95)
    assert (lowest < low).all() and (low < future.mean).all() and (high < highest).all()
    later = future.after(skipped)
    assert len(later.mean) == 13 - skipped and later.total(0.8)[0] == pytest.approx(future.mean[skipped:].sum())
