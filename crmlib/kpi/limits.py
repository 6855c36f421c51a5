"""Control limits of run charts, and the two signals that count."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

RUN = 8
"""So many weeks in a row on one side of the mean are a signal."""


@dataclass(frozen=True)
class Limits:
    mean: float
    low: float
    high: float


NO_LIMITS = Limits(float("nan"), float("nan"), float("nan"))


def xmr(baseline: pd.Series) -> Limits:
    """Individuals chart: mean and mean +- 2.66 mean moving ranges of the baseline weeks."""
    centre, reach = float(baseline.mean()), 2.66 * float(baseline.diff().abs().mean())
    return Limits(centre, centre - reach, centre + reach)


def p_chart(share: float, n: int) -> Limits:
    """Limits for a weekly proportion of n cases around the baseline share, within 0 and 1."""
    reach = 3 * np.sqrt(share * (1 - share) / n) if n else float("nan")
    return Limits(share, max(0.0, share - reach), min(1.0, share + reach)) if n else NO_LIMITS


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
