"""How sure a figure is: 95 % intervals for proportions, differences, means and counts."""

from statistics import NormalDist

import numpy as np
import pandas as pd

Z = NormalDist().inv_cdf(0.975)


def wilson(successes: pd.Series, n: pd.Series) -> pd.DataFrame:
    """Wilson score interval (1927) of each proportion; n = 0 gives NaN."""
    n = n.astype("float64").where(n > 0)
    share = successes / n
    centre = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return pd.DataFrame({"low": (centre - half).clip(lower=0), "high": (centre + half).clip(upper=1)})


def difference(after: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Difference of two independent estimates from the interval of each (Newcombe 1998, method 10).

    Both frames have `kpi_value`, `low`, `high`. With Wilson intervals this is Newcombe's interval for two proportions.
    """
    gap = after["kpi_value"] - before["kpi_value"]
    low = gap - np.hypot(after["kpi_value"] - after["low"], before["high"] - before["kpi_value"])
    high = gap + np.hypot(after["high"] - after["kpi_value"], before["kpi_value"] - before["low"])
    return pd.DataFrame({"difference": gap, "low": low, "high": high})


def newcombe(after: pd.Series, n_after: pd.Series, before: pd.Series, n_before: pd.Series) -> pd.DataFrame:
    """The same from counts of successes and cases."""
    return difference(
        wilson(after, n_after).assign(kpi_value=after / n_after.where(n_after > 0)),
        wilson(before, n_before).assign(kpi_value=before / n_before.where(n_before > 0)),
    )


def mean(values: pd.Series) -> tuple[float, float, float]:
    """Mean with its t interval; fewer than two values give no interval."""
    from scipy.special import stdtrit

    n = len(values)
    if n < 2:
        return float(values.mean()), float("nan"), float("nan")
    half = stdtrit(n - 1, 0.975) * values.std(ddof=1) / np.sqrt(n)
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)


def ratio(
    above: pd.Series, below: pd.Series, squares: tuple[pd.Series, pd.Series, pd.Series], n: pd.Series
) -> pd.DataFrame:
    """Interval of each ratio of two sums over n customers: the delta method (Cochran 1977, chapter 6), Student's t.

    `squares` are the sums over the same customers of above², above × below and below². Where below is 1 for everyone
    this is the t interval of a mean. Fewer than two customers, or customers all alike, give no interval.
    """
    from scipy.special import stdtrit

    n, below = n.astype("float64").where(n > 1), below.astype("float64").where(below > 0)
    share = above / below
    apart = squares[0] - 2 * share * squares[1] + share**2 * squares[2]
    known = apart > 1e-12 * squares[0]  # less is what rounding leaves of nothing
    half = stdtrit(n - 1, 0.975) * np.sqrt(apart.where(known) * n / (n - 1)) / below
    return pd.DataFrame({"low": share - half, "high": share + half})


def poisson_pair(before: int, after: int) -> tuple[float, float, float]:
    """Two counts over equally long windows: exact p of no difference, and the 95 % interval of after / before.

    Conditional on the sum, `after` is binomial with share 1/2 (Przyborowski and Wilenski 1940); the interval is
    Clopper-Pearson's for that share, turned into a ratio.
    """
    from scipy.special import bdtr, betaincinv

    total = before + after
    p = min(1.0, 2 * float(bdtr(min(before, after), total, 0.5)))
    low = float(betaincinv(after, before + 1, 0.025)) if after else 0.0
    high = float(betaincinv(after + 1, before, 0.975)) if before else 1.0
    return p, low / (1 - low), high / (1 - high) if before else float("inf")
