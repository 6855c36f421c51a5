"""Control limits of run charts, and the two signals that count."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

RUN = 8
"""So many weeks in a row on one side of the mean are a signal."""
MIN_BASELINE = 12
"""With fewer weeks before the quarter no limits are drawn."""
OVERDISPERSED = 1.5
"""From so many times the binomial spread on, the weeks of a rate differ by more than chance (Laney's limits)."""
MIN_EXPECTED = 5
"""A week of a rate is judged when it expects so many hits and so many misses: else no normal limits hold."""

_FALSE_ALARMS = {12: (0.158, 0.067), 26: (0.092, 0.045), 52: (0.067, 0.037)}
_MEAN_RANGE_OF_2 = 1.128  # mean range of two normal values, in standard deviations


@dataclass(frozen=True)
class Limits:
    """Centre and limits: one number each, or one per week where the number of cases differs. `rule` says which kind."""

    mean: float
    low: float | pd.Series
    high: float | pd.Series
    rule: str = ""


NO_LIMITS = Limits(float("nan"), float("nan"), float("nan"))


def xmr(baseline: pd.Series) -> Limits:
    """Individuals chart: mean and mean +- 2.66 mean moving ranges of the baseline weeks.

    What was never negative has no limit below 0.
    """
    centre, reach = float(baseline.mean()), 2.66 * float(baseline.diff().abs().mean())
    low = centre - reach
    return Limits(centre, max(low, 0.0) if baseline.min() >= 0 else low, centre + reach, "xmr")


def p_chart(share: float, n: int) -> Limits:
    """Limits for a weekly proportion of n cases around the baseline share, within 0 and 1."""
    if not n:
        return NO_LIMITS
    reach = 3 * np.sqrt(share * (1 - share) / n)
    return Limits(share, max(0.0, share - reach), min(1.0, share + reach), "p_chart")


def dispersion(hits: pd.Series, n: pd.Series) -> float:
    """How many times the binomial spread the weeks of a rate differ from each other (Laney 2002, sigma of z).

    Each week's distance from the common share in binomial standard deviations; their mean moving range / 1.128.
    """
    share = hits.sum() / n.sum()
    spread = np.sqrt(share * (1 - share) / n)
    if not (spread > 0).all():
        return 0.0
    z = (hits / n - share) / spread
    return float(z.diff().abs().mean()) / _MEAN_RANGE_OF_2


def rate(hits: pd.Series, n: pd.Series, cases: pd.Series) -> Limits:
    """Limits for the rate of each week with so many `cases`, from the baseline weeks' `hits` of `n`.

    A p-chart; where the baseline weeks differ 1.5 times as much as chance would have it, Laney's p' (Quality
    Engineering 14, 2002), which widens the limits by that factor. No limits where a week expects too few
    hits or misses.
    """
    share, times = float(hits.sum() / n.sum()), dispersion(hits, n)
    is_wide = times > OVERDISPERSED
    reach = 3 * np.sqrt(share * (1 - share) / cases.where(cases > 0)) * (times if is_wide else 1)
    reach = reach.where(cases * min(share, 1 - share) >= MIN_EXPECTED)
    low, high = (share - reach).clip(lower=0), (share + reach).clip(upper=1)
    return Limits(share, low, high, "laney" if is_wide else "p_chart")


def signals(values: pd.Series, limits: Limits) -> pd.Series:
    """For each week 'outside' the limits, 'run' (eight in a row on one side of the mean) or ''.

    Give whole weeks only, in their order. Without limits there is no signal.
    """
    side = np.sign(values - limits.mean)
    run = side.groupby((side != side.shift()).cumsum()).cumcount() + 1
    found = pd.Series("", index=values.index, dtype="str")
    found[(run >= RUN) & side.abs().eq(1)] = "run"
    found[(values > limits.high) | (values < limits.low)] = "outside"
    return found


def false_alarms(weeks: int) -> tuple[float, float]:
    """How often 13 quiet weeks show a week outside, and eight in a row, with limits from so many baseline weeks.

    Simulated for 12, 26 and 52 weeks; between them the value of the fewer weeks, which is the higher one.
    """
    known = [least for least in _FALSE_ALARMS if least <= weeks]
    return _FALSE_ALARMS[max(known)] if known else (float("nan"), float("nan"))
