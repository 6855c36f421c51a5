"""Limits of weekly KPIs and what is a signal. Golden values: the method, sections 8.1 and 8.3."""

import math

import numpy as np
import pandas as pd
import pytest

from crmlib.kpi import limits

WEEKS = pd.Series([52, 48, 55, 50, 47, 53, 51, 49, 60, 46, 54])


def test_limits_of_a_run_chart() -> None:
    found = limits.xmr(WEEKS)
    assert (found.mean, found.low, found.high) == pytest.approx((51.364, 34.872, 67.856), abs=1e-3)
    assert WEEKS.diff().abs().mean() == pytest.approx(6.2)
    share = limits.p_chart(0.8, 40)
    assert (share.low, share.high) == pytest.approx((0.6103, 0.9897), abs=1e-4)
    assert limits.p_chart(0.99, 5).high == 1 and math.isnan(float(limits.p_chart(0.5, 0).low))


def test_counts_have_no_limit_below_zero() -> None:
    """0 and 4 in turn: mean 2, moving range 4, so 2 - 10.64; money that was negative once keeps its limit."""
    assert limits.xmr(pd.Series([0.0, 4, 0, 4])).low == 0
    assert limits.xmr(pd.Series([0.0, 4, 0, -4])).low < 0


def test_a_week_outside_or_eight_in_a_row_is_a_signal() -> None:
    limit = limits.xmr(WEEKS)
    assert list(limits.signals(pd.Series([50, 30, 68]), limit)) == ["", "outside", "outside"]
    assert list(limits.signals(pd.Series([52.0] * 9), limit)) == [""] * 7 + ["run"] * 2
    broken = pd.Series([52.0] * 7 + [limit.mean] + [52.0] * 7)
    assert (limits.signals(broken, limit) == "").all()
    assert (limits.signals(pd.Series([limit.mean] * 9), limit) == "").all()
    assert (limits.signals(pd.Series([1.0, 99.0]), limits.NO_LIMITS) == "").all()


def test_laneys_limits_from_the_spread_between_weeks() -> None:
    """30 and 10 of 40 in turn: p 0.5, binomial sd 0.0791, z +-3.162, moving range 6.325, /1.128 = 5.607 times."""
    hits, n = pd.Series([30, 10] * 6), pd.Series([40] * 12)
    assert limits.dispersion(hits, n) == pytest.approx(5.6069, abs=1e-4)
    few = limits.rate(hits, n, pd.Series([400]))
    assert few.rule == "laney"
    assert float(few.high[0]) == pytest.approx(0.5 + 3 * math.sqrt(0.25 / 400) * 5.6069, abs=1e-4)  # 0.92052
    calm = limits.rate(pd.Series([21, 20] * 6), n, pd.Series([40, 9]))  # p 0.5125
    assert (calm.rule, float(calm.high[0])) == ("p_chart", pytest.approx(0.5125 + 3 * math.sqrt(0.5125 * 0.4875 / 40)))
    assert math.isnan(calm.low[1])  # nine cases expect 4.4 misses


def test_false_alarms_are_as_often_as_the_method_says() -> None:
    """26 baseline weeks, 13 watched: a week outside in 9.2 % of quiet quarters, eight in a row in 4.5 %."""
    rng = np.random.default_rng(1)
    outside = run = 0
    for quarter in rng.normal(size=(3_000, 39)):
        band = limits.xmr(pd.Series(quarter[:26]))
        found = quarter[26:]
        outside += bool(((found > band.high) | (found < band.low)).any())
        side = "".join("+" if value > band.mean else "-" for value in found)
        run += "+" * 8 in side or "-" * 8 in side
    told = limits.false_alarms(26)
    assert outside / 3_000 == pytest.approx(told[0], abs=0.017)
    assert run / 3_000 == pytest.approx(told[1], abs=0.012)
    assert limits.false_alarms(25) == (0.158, 0.067) and math.isnan(limits.false_alarms(11)[0])
