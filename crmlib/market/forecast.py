"""One series into the future: exponential smoothing beside a naive rule, both judged on the series' own past."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

_MOST_ORIGINS = 8  # of a back-test, spread over the past
_SPIKE = 3.5  # robust standard deviations from the running median (Iglewicz and Hoaglin 1993)
_TO_SD = 1.4826  # of a normal sample: standard deviation over median absolute deviation
_TOUCH = 9  # periods of the running median
_NEGLIGIBLE = 0.01  # weight of a model against the best one

# Smoothing constants that are tried: of the level, and of the trend as a share of it.
_LEVEL = (0.02, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 0.99)
_DAMPED = ((0.05, 0.2), (0.1, 0.1), (0.2, 0.1), (0.2, 0.5), (0.4, 0.1), (0.6, 0.2))
_STEADY = ((0.02, 0.02), (0.05, 0.1), (0.1, 0.1), (0.2, 0.1), (0.4, 0.1))
_DAMPING = 0.95


@dataclass(frozen=True)
class Rhythm:
    """A calendar: how many periods make a year, how far is forecast, and from how many periods one may learn.

    A season of 0 is one that is not known.
    """

    name: str
    season: int
    horizon: int
    learn: int

    @property
    def needed(self) -> int:
        """Periods without which there is no forecast: some to learn from and a horizon to check it."""
        return self.learn + self.horizon

    @property
    def needed_for_season(self) -> int:
        """Periods without which no season can be told from chance: two years to learn from, a horizon to check."""
        return 2 * self.season + self.horizon

    def known(self, periods: int) -> "Rhythm":
        """What a series of so many periods lets one use: without its season where that cannot be checked.

        It is asked once per series: origins of the back-test lie earlier, and must judge the rule that is applied.
        """
        return self if periods >= self.needed_for_season else replace(self, season=0)


WEEK, MONTH = Rhythm("week", 52, 13, 20), Rhythm("month", 12, 3, 12)


@dataclass(frozen=True)
class Future:
    """Means of the next periods, the covariance of their errors, and the degrees of freedom of its scale."""

    mean: np.ndarray
    covariance: np.ndarray
    freedom: int
    method: str

    def after(self, periods: int) -> "Future":
        """Without the first periods: they are over already, and what they brought is not known as a whole."""
        left = slice(periods, None)
        return Future(self.mean[left], self.covariance[left, left], self.freedom, self.method)

    def interval(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Low and high of each period."""
        half = _quantile(level, self.freedom) * np.sqrt(np.diag(self.covariance))
        return self.mean - half, self.mean + half

    def total(self, level: float) -> tuple[float, float, float]:
        """Mean, low and high of the sum of all periods; their errors go together, so it is not the sum of the lows."""
        mean, half = float(self.mean.sum()), _quantile(level, self.freedom) * float(np.sqrt(self.covariance.sum()))
        return mean, mean - half, mean + half


@dataclass(frozen=True)
class Record:
    """How a method did in the back-test: errors per period, and how often the intervals held the actual value."""

    mae: float
    mase: float
    total_error: float
    within_80: float
    within_95: float
    origins: int


def ready(values: np.ndarray, season: int) -> np.ndarray:
    """The values to learn from: gaps filled, and spikes of a series without a known season set to the running median.

    A holiday week says nothing about the weeks to come unless its season is known; then it is part of that season.
    """
    filled = _filled(values, season)
    if season:
        return filled
    middle = running_median(filled)
    away = np.abs(filled - middle)
    return np.where(away > _SPIKE * _TO_SD * np.median(away), middle, filled) if np.median(away) > 0 else filled


def running_median(values: np.ndarray) -> np.ndarray:
    """Median of each value and the four on either side along the series' slope; fewer at the ends.

    Without the slope the ends of a rising series would lie off their own median.
    """
    from scipy.stats import theilslopes

    line = theilslopes(values).slope * np.arange(len(values)) if len(values) > 1 else np.zeros(len(values))
    half, plain = _TOUCH // 2, values - line
    return line + np.array([np.median(plain[max(0, i - half) : i + half + 1]) for i in range(len(values))])


def smoothing(values: np.ndarray, rhythm: Rhythm) -> Future:
    """Exponential smoothing with additive errors (Hyndman et al. 2008), averaged over how fast it forgets.

    Models of a level, a damped and a steady trend, each with several smoothing constants, are weighted by AICc
    (Burnham and Anderson 2002): one fitted constant would claim to be known, and its intervals of a quarter's sum would
    hold too little. A known yearly season is taken out first (STL, Cleveland et al. 1990, the same each year).
    A model is linear in its errors, so their covariance over the horizon follows from how one error of size 1 travels
    on; a level (and each period's season) is known only as well as its n values tell it.
    """
    if values.min() == values.max():
        return Future(np.full(rhythm.horizon, values[0]), np.zeros((rhythm.horizon,) * 2), len(values), "by_smoothing")
    size = float(np.mean(np.abs(values)))  # the currency must not matter
    season = seasonal(values, rhythm.season) / size
    h, n, is_seasonal = rhythm.horizon, len(values), bool(season.any())
    freedom = max(n - 2 - is_seasonal * rhythm.season, 1)
    learnt = np.ones((h, h)) / n + is_seasonal * np.eye(h) * rhythm.season / n
    errors = np.hstack([np.zeros((h, 1)), np.eye(h)])
    weights, means, covariances = [], [], []
    for fit, weight in _models(values / size - season):
        paths = fit.simulate(h, anchor="end", repetitions=h + 1, random_errors=errors)
        travel = paths[:, 1:] - paths[:, :1]
        weights.append(weight)
        means.append(paths[:, 0])
        covariances.append(fit.sse / freedom * (travel @ travel.T + learnt))
    mean = np.average(means, axis=0, weights=weights)
    between = np.cov(np.transpose(means), aweights=weights, ddof=0) if len(means) > 1 else np.zeros((h, h))
    covariance = np.average(covariances, axis=0, weights=weights) + between
    ahead = np.resize(season[-rhythm.season :], h) if is_seasonal else np.zeros(h)
    return Future(size * (mean + ahead), size**2 * covariance, freedom, "by_season" if is_seasonal else "by_smoothing")


def naive(values: np.ndarray, rhythm: Rhythm) -> Future:
    """The same period of the year before where the season is known; else the last value."""
    h, m = rhythm.horizon, rhythm.season
    if m:
        errors = values[m:] - values[:-m]
        ahead = values[len(values) - m : len(values) - m + h]
        return Future(ahead, np.eye(h) * np.mean(errors**2), len(errors), "naive_year")
    steps = np.diff(values)
    travel = np.tril(np.ones((h, h)))
    return Future(np.full(h, values[-1]), travel @ travel.T * np.mean(steps**2), len(steps), "naive_last")


def seasonal(values: np.ndarray, season: int) -> np.ndarray:
    """What each period of the year adds; zero where the season is not known."""
    if not season:
        return np.zeros(len(values))
    from statsmodels.tsa.seasonal import STL

    same_each_year = 10 * len(values) + 1
    return np.asarray(STL(values, period=season, seasonal=same_each_year, seasonal_deg=0, robust=True).fit().seasonal)


def backtest(values: np.ndarray, rhythm: Rhythm, method: Callable[[np.ndarray, Rhythm], Future]) -> Record:
    """Forecasts from up to eight days in the past against what came then; gaps in the truth are not judged.

    MASE (Hyndman and Koehler 2006): the error over the mean step of the learnt part, to the next period or, where the
    season is known, to the same one of the next year.
    """
    judged = [_judge(values, at, rhythm, method) for at in origins(len(values), rhythm)]
    mae, mase, total, low, high = (float(np.mean(column)) for column in zip(*judged, strict=True))
    return Record(mae, mase, total, low, high, len(judged))


def origins(n: int, rhythm: Rhythm) -> list[int]:
    """Where the back-test stands: the last with a whole horizon after it, the first with enough to learn from.

    A known season is learnt at each of them.
    """
    last, first = n - rhythm.horizon, 2 * rhythm.season or rhythm.learn
    return sorted({round(at) for at in np.linspace(first, last, min(_MOST_ORIGINS, last - first + 1))})


def _judge(
    values: np.ndarray, at: int, rhythm: Rhythm, method: Callable[[np.ndarray, Rhythm], Future]
) -> tuple[float, float, float, float, float]:
    learnt, actual = ready(values[:at], rhythm.season), values[at : at + rhythm.horizon]
    future = method(learnt, rhythm)
    known = ~np.isnan(actual)
    error = np.abs(future.mean - actual)[known]
    lag = rhythm.season or 1
    scale = float(np.mean(np.abs(learnt[lag:] - learnt[:-lag]))) or np.nan
    total = abs(float(future.mean[known].sum() / actual[known].sum()) - 1) if actual[known].sum() else np.nan
    inside = [np.mean(((low <= actual) & (actual <= high))[known]) for low, high in map(future.interval, (0.8, 0.95))]
    return float(error.mean()), float(error.mean()) / scale, total, float(inside[0]), float(inside[1])


def _models(values: np.ndarray) -> list[tuple[Any, float]]:
    """The models that matter, run over the values, with their Akaike weights."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    level, damped, steady = (
        ETSModel(values, initialization_method="heuristic", **trend)
        for trend in ({}, {"trend": "add", "damped_trend": True}, {"trend": "add"})
    )
    tried = [
        *((level, [a], 2) for a in _LEVEL),
        *((damped, [a, a * b, _DAMPING], 5) for a, b in _DAMPED),
        *((steady, [a, a * b], 4) for a, b in _STEADY),
    ]
    n = len(values)
    aicc = np.array([2 * (k + k * (k + 1) / (n - k - 1) - model.loglike(np.array(p))) for model, p, k in tried])
    weights = np.exp((aicc.min() - aicc) / 2)
    counted = zip(tried, weights / weights.sum(), strict=True)
    return [(model.smooth(constants), float(w)) for (model, constants, _), w in counted if w > _NEGLIGIBLE]


def _filled(values: np.ndarray, season: int) -> np.ndarray:
    """Gaps as the mean of the same period in other years where there is one, else on the line between neighbours."""
    at = np.arange(len(values))
    known = ~np.isnan(values)
    line = np.interp(at, at[known], values[known])
    if not season:
        return line
    years = [np.nanmean(v) if (v := values[i % season :: season])[~np.isnan(v)].size else line[i] for i in at]
    return np.where(known, values, years)


def _quantile(level: float, freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + level) / 2, freedom))
