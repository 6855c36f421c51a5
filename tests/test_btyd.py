"""BG/NBD and Gamma-Gamma: published values, simulation of their own assumptions, and data they cannot describe."""

import math
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from buyers import CELL, cells, histories, lives, purchase_days
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.segment import btyd, btyd_fit

TRUTH = (0.8, 30.0, 0.9, 2.5)


def model(r: float, alpha: float, a: float, b: float) -> btyd.Purchases:
    return btyd.Purchases(r, alpha, a, b, 0.0, 0, np.eye(4) * 0.01)


PUBLISHED = model(0.243, 4.414, 0.793, 2.426)
"""The parameters of CDNOW, in weeks (Fader, Hardie and Lee 2005, table 2)."""


@pytest.mark.parametrize(
    ("x", "t_x", "alive", "p0", "e13", "e39"),
    [
        (2, 30.43, 0.726579, 0.676509, 0.457210, 1.226028),
        (0, 0.0, 1.0, 0.938163, 0.069927, 0.195098),
        (1, 1.71, 0.212101, 0.940916, 0.074676, 0.203187),
        (7, 29.43, 0.641756, 0.453981, 1.279136, 3.337053),
    ],
)
def test_predictions_of_cdnow_customers(x, t_x, alive, p0, e13, e39):
    """Method section 10; T = 38.86 weeks. E(39) of the first is 1.226 in Fader, Hardie and Lee's spreadsheet note."""
    here = np.array([float(x)]), np.array([t_x]), np.array([38.86])
    assert btyd.alive(PUBLISHED, *here)[0] == pytest.approx(alive, abs=1e-6)
    assert btyd.silent(PUBLISHED, *here, 13)[0] == pytest.approx(p0, abs=1e-6)
    assert btyd.expected(PUBLISHED, *here, 13)[0] == pytest.approx(e13, abs=1e-6)
    assert btyd.expected(PUBLISHED, *here, 39)[0] == pytest.approx(e39, abs=1e-6)


def test_more_published_values():
    first = np.array([2.0]), np.array([30.43]), np.array([38.86])
    assert btyd.expected_new(PUBLISHED, 52) == pytest.approx(1.446051, abs=1e-6)
    assert btyd.expected(model(0.243, 4.414, 1.0, 2.426), *first, 39)[0] == pytest.approx(1.10214, abs=1e-5)
    often = np.array([3000.0]), np.array([155.0]), np.array([156.0])
    assert btyd.expected(PUBLISHED, *often, 39)[0] == pytest.approx(0.0179748, abs=1e-6)
    spend = btyd.Spend(6.25, 3.74, 15.44, 0.0, 0)
    found = btyd.expected_value(spend, np.array([2.0, 0.0]), np.array([22.35, 0.0]))
    np.testing.assert_allclose(found, [24.6637, 35.2190], atol=5e-5)
    assert spend.mean == pytest.approx(35.2190, abs=5e-5)


def test_formulas_agree_with_simulated_lives():
    """Of 400,000 lives, those with a given history: who is silent for 60 days, and how much the others buy, on average."""
    times = np.array(lives(np.random.default_rng(1), 400_000, TRUTH, 180.0))
    x = (times <= 120).sum(axis=0) - 1
    later = ((times > 120) & (times <= 180)).sum(axis=0)
    last = np.nanmax(np.where(times <= 120, times, np.nan), axis=0)
    fitted = model(*TRUTH)
    for number in (0, 1, 2, 5):
        here = x == number
        told = x[here].astype(float), last[here], np.full(here.sum(), 120.0)
        error = math.sqrt(here.sum())
        silent, bought = (later[here] == 0).mean(), later[here].mean()
        assert abs(btyd.silent(fitted, *told, 60).mean() - silent) < 4 * 0.5 / error
        assert abs(btyd.expected(fitted, *told, 60).mean() - bought) < 4 * later[here].std() / error


def test_both_ways_to_the_expectation_agree():
    """The 2F1 and the integral behind it, over what books look like."""
    x, tenure = np.array([0.0, 0, 1, 5, 100]), np.array([0.0, 300, 1, 30, 360])
    for parameters in ((0.3, 60.0, 0.8, 2.5), (1.4, 9.0, 1.5, 2981.0), (2.0, 4.0, 0.1, 0.5), (5.0, 20.0, 20.0, 50.0)):
        fitted = model(*parameters)
        for days in (7, 91, 365):
            found = btyd.expected_active(fitted, x, tenure, days)
            np.testing.assert_allclose(found, btyd._summed(fitted, x, tenure, days), rtol=2e-3)


@settings(max_examples=50)
@given(
    st.tuples(st.floats(0.01, 50), st.floats(0.5, 300), st.floats(1e-3, 300), st.floats(0.01, 3000)),
    st.integers(0, 400), st.integers(0, 730), st.integers(0, 730), st.sampled_from([7, 91, 365]),
)  # fmt: skip
def test_predictions_keep_their_bounds(parameters, x, age, since, days):
    """0 <= P <= 1, no more purchases than of a customer who cannot leave, more days never fewer purchases."""
    age = max(age, x)
    here = np.array([float(x)]), np.array([float(age if x else 0)]), np.array([float(age + since)])
    fitted = model(*parameters)
    assert 0 <= btyd.alive(fitted, *here)[0] <= 1
    assert 0 <= btyd.silent(fitted, *here, days)[0] <= 1
    most = (fitted.r + x) * days / (fitted.alpha + here[2][0])
    found = btyd.expected_active(fitted, here[0], here[2], days)[0]
    assert 0 <= found <= most * (1 + 1e-6)
    assert btyd.expected_active(fitted, here[0], here[2], days * 2)[0] >= found * (1 - 1e-3)


def test_gradients_are_those_of_the_likelihoods():
    from scipy.optimize import approx_fprime

    data = cells(histories(2, 300, TRUTH))[[*CELL, "customers"]].to_numpy(float)
    rng = np.random.default_rng(3)
    n, m = rng.integers(1, 9, 60).astype(float), rng.gamma(3, 1.0, 60)
    tries = [
        (btyd_fit.negative_bgnbd(data), 4),
        (btyd_fit.negative_nbd(data), 2),
        (btyd_fit.negative_gamma_gamma(n, m), 3),
    ]
    for negative, size in tries:
        for at in (np.zeros(size), np.linspace(-0.7, 1.1, size)):
            slope = approx_fprime(at, lambda logs, f=negative: f(logs)[0], 1e-7)
            np.testing.assert_allclose(negative(at)[1], slope, rtol=2e-4, atol=2e-3)


def test_parameters_are_recovered():
    """Within four standard errors of the truth, and closer than the data would allow by luck alone."""
    fitted = btyd_fit.purchases(cells(histories(4, 20_000, TRUTH)))
    errors = np.sqrt(np.diag(fitted.covariance))
    off = np.log([fitted.r, fitted.alpha, fitted.a, fitted.b]) - np.log(TRUTH)
    assert fitted.problem == "" and (np.abs(off) < 4 * errors).all() and (errors < 0.12).all()


def test_spend_is_recovered():
    """m is the mean of n values Gamma(p, nu), nu from Gamma(q, v): E[m] = p v / (q - 1)."""
    rng = np.random.default_rng(5)
    nu = rng.gamma(4.0, 1 / 1500.0, 20_000)
    n = rng.integers(1, 8, 20_000)
    mean = rng.gamma(6.0 * n, 1 / nu) / n
    fitted = btyd_fit.spend(n, mean)
    np.testing.assert_allclose([fitted.p, fitted.q, fitted.v], [6.0, 4.0, 1500.0], rtol=0.1)
    assert fitted.mean == pytest.approx(6.0 * 1500 / 3, rel=0.03)


def test_the_money_unit_changes_nothing():
    rng = np.random.default_rng(6)
    n, mean = rng.integers(1, 5, 400), rng.gamma(2.0, 50.0, 400)
    units = btyd_fit.spend(n, mean), btyd_fit.spend(n, mean * 100)
    assert (units[1].p, units[1].q, units[1].v) == pytest.approx((units[0].p, units[0].q, units[0].v * 100), rel=1e-4)


def test_the_grid_costs_no_likelihood():
    """Beyond 5,000 cells the search starts from a grid: it ends where the search without one ends."""
    frame = histories(7, 9_000, TRUTH)
    found = btyd_fit.purchases(cells(frame))
    data = cells(frame)[[*CELL, "customers"]].to_numpy(float)
    assert len(data) > btyd_fit._COARSE_FROM
    data[:, 1:3] /= data[:, 2].max() / 10
    _best, value = btyd_fit._minimise(btyd_fit.negative_bgnbd(data), btyd_fit._BOUNDS)
    scale = frame["tenure_days"].max() / 10
    assert found.log_likelihood == pytest.approx(-value - np.log(scale) * frame["repeat_purchases"].sum(), abs=1e-4)


def frame_of(x: list[int], t_x: list[float], tenure: list[float]) -> pd.DataFrame:
    return cells(pd.DataFrame(dict(zip(CELL, (x, t_x, tenure), strict=True))))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (frame_of([0] * 500, [0] * 500, list(range(500))), "few_repeat_buyers"),
        (frame_of([0] * 9, [0] * 9, [0] * 9), "few_repeat_buyers"),
        (frame_of([1] * 49 + [0] * 100, [9] * 49 + [0] * 100, [30] * 149), "few_repeat_buyers"),
        (frame_of([1] * 60 + [0] * 1500, [9] * 60 + [0] * 1500, [30] * 1560), "few_repeat_buyers"),
        (frame_of([12] * 400, [84] * 400, [84] * 400), "not_identified"),
    ],
)
def test_data_without_a_model(data, problem):
    """Nobody returned; everybody new today; 49 or 4 % repeat buyers; everyone weekly by the clock."""
    fitted = btyd_fit.purchases(data)
    assert fitted.problem == problem and not fitted.is_usable


def test_customers_who_never_leave():
    """Drop-out cannot be told apart from none: said, and purchases can still be foretold."""
    rng = np.random.default_rng(8)
    rate, tenure = rng.gamma(1.5, 1 / 30, 3000), 365
    times = np.cumsum(rng.exponential(1, (3000, 250)) / rate[:, None], axis=1)
    times[times > tenure] = np.nan
    x = (~np.isnan(times)).sum(axis=1)
    last = np.nan_to_num(np.nanmax(np.where(x[:, None] > 0, times, 0), axis=1))
    fitted = btyd_fit.purchases(frame_of(list(x), list(last), [tenure] * 3000))
    assert fitted.problem == "dropout_not_identified" and fitted.is_usable
    told = btyd.expected(fitted, x.astype(float), last, np.full(3000, 365.0), 365).sum()
    assert told == pytest.approx(x.sum(), rel=0.05)


def test_where_all_leave_alike_the_fit_stays_within_its_bounds():
    """a and b have no finite optimum then, and their ratio is known: one in four leaves after each purchase."""
    rng = np.random.default_rng(1)
    rate, tenure = rng.gamma(1.5, 1 / 40, 120_000), rng.integers(1, 500, 120_000)
    last, x, here = np.zeros(len(rate)), np.zeros(len(rate)), np.ones(len(rate), bool)
    while here.any():
        following = last + rng.exponential(1 / rate)
        here &= following <= tenure
        last, x = np.where(here, following, last), x + here
        here &= rng.random(len(rate)) > 0.25
    data = cells(pd.DataFrame(dict(zip(CELL, (x, np.ceil(last), tenure), strict=True))))
    fitted = btyd_fit.purchases(data)
    assert len(data) > btyd_fit._COARSE_FROM and fitted.is_usable
    assert fitted.b <= np.exp(btyd_fit.MAX_LOG_PARAMETER) * (1 + 1e-9)
    assert fitted.a / (fitted.a + fitted.b) == pytest.approx(0.25, abs=0.005)
    rows = data[[*CELL, "customers"]].to_numpy(float)
    rows[:, 1:3] /= rows[:, 2].max() / 10
    _best, value = btyd_fit._minimise(btyd_fit.negative_bgnbd(rows), btyd_fit._BOUNDS)
    scale = data["tenure_days"].max() / 10
    assert -fitted.log_likelihood == pytest.approx(value + np.log(scale) * (rows[:, 3] @ rows[:, 0]), abs=0.05)


def test_dropout_must_improve_the_fit():
    """By more than 1.92 of log-likelihood (chi-squared 3.84, one parameter), or it is not identified."""
    data = cells(histories(12, 300, TRUTH))[[*CELL, "customers"]].to_numpy(float)
    data[:, 1:3] /= data[:, 2].max() / 10
    _best, alone = btyd_fit._minimise(btyd_fit.negative_nbd(data), btyd_fit._BOUNDS[:2])
    logs = np.log([0.8, 1.0, 0.5, 2.0])
    assert btyd_fit._problem(logs, alone - 1.91, data) == "dropout_not_identified"
    assert btyd_fit._problem(logs, alone - 1.93, data) == ""
    assert btyd_fit._problem(np.array([0.0, 0.0, -8.0, 0.0]), alone - 5, data) == "dropout_not_identified"


def test_spend_without_repeat_buyers_has_no_model():
    assert btyd_fit.spend([1] * 200, [5.0] * 200).problem == "few_repeat_buyers"


def test_draws_spread_as_the_data_allow():
    fitted = btyd_fit.purchases(cells(histories(9, 3000, TRUTH)))
    logs = np.log([[d.r, d.alpha, d.a, d.b] for d in btyd_fit.draws(fitted, 4000, seed=1)])
    np.testing.assert_allclose(np.cov(logs.T), fitted.covariance, atol=0.1 * fitted.covariance.max())
    assert btyd_fit.draws(fitted, 2, seed=1)[1] == btyd_fit.draws(fitted, 2, seed=1)[1]


def test_histories_by_hand():
    """A: two purchase days, a refund between and one after as_of; B: one purchase; C: a return only."""
    rows = [
        ("A", "2023-01-01", 2, 1000), ("A", "2023-01-05", 0, -400), ("A", "2023-01-11", 1, 600), ("A", "2023-02-01", 1, 9),
        ("B", "2023-01-31", 1, 50), ("C", "2023-01-02", 0, -70),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["customer_id", "order_date", "orders", "net_minor"])
    days = purchase_days(frame.assign(order_date=pd.to_datetime(frame["order_date"]).astype("datetime64[us]")))
    found = btyd.histories(days, date(2023, 1, 31)).order_by("customer_id").to_pyarrow().to_pylist()
    names = ("repeat_purchases", "last_purchase_age_days", "tenure_days", "purchase_value_minor")
    assert [(row["customer_id"], *(row[n] for n in names)) for row in found] == [
        ("A", 1, 10, 30, 600.0),
        ("B", 0, 0, 0, 50.0),
    ]


def test_lifetimes_finds_the_same():
    """Optional oracle: the unmaintained `lifetimes` 0.11.3, on random data and on the CDNOW summary it brings along."""
    lifetimes = pytest.importorskip("lifetimes", reason="lifetimes 0.11.3 is not installed; pip install it to compare")
    frame = histories(10, 2000, TRUTH)
    theirs = lifetimes.BetaGeoFitter().fit(*(frame[c] for c in CELL))
    ours = btyd_fit.purchases(cells(frame))
    np.testing.assert_allclose([ours.r, ours.alpha, ours.a, ours.b], theirs.params_.to_numpy(), rtol=2e-3)
    x, t_x, tenure = (frame[c].to_numpy(float) for c in CELL)
    their_model = model(*theirs.params_)
    told = theirs.conditional_expected_number_of_purchases_up_to_time(91, x, t_x, tenure)
    np.testing.assert_allclose(btyd.expected(their_model, x, t_x, tenure, 91), told, rtol=1e-6)
    file = Path(lifetimes.__file__).parent / "datasets/cdnow_customers_summary_with_transactions.csv"
    cdnow = pd.read_csv(file).iloc[:, 1:].set_axis([*CELL, "value"], axis=1)
    found = btyd_fit.purchases(cells(cdnow))
    assert found.log_likelihood == pytest.approx(-9582.4256, abs=1e-3)
    np.testing.assert_allclose([found.r, found.alpha, found.a, found.b], [0.2426, 4.4135, 0.7929, 2.4258], atol=1e-3)
    repeat = cdnow[cdnow["repeat_purchases"] > 0]
    spend = btyd_fit.spend(repeat["repeat_purchases"], repeat["value"])
    np.testing.assert_allclose([spend.p, spend.q, spend.v], [6.2488, 3.7446, 15.4477], atol=1e-3)
