"""Fits the BTYD models to a book: maximum likelihood with analytic gradients, guards, and what else the data allow."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from crmlib.segment.btyd import CELL, Array, Purchases, Spend

Objective = Callable[[Array], tuple[float, Array]]
MIN_REPEAT_BUYERS = 50
MIN_REPEAT_SHARE = 0.05
MAX_LOG_PARAMETER = 8.0
MIN_DROPOUT_GAIN = 3.84 / 2  # of the log-likelihood, by letting customers leave: chi-squared, one parameter, 5 %
_BOUNDS = (12.0, 12.0, MAX_LOG_PARAMETER, MAX_LOG_PARAMETER)  # beyond, only the ratio of a and b still means something
_NONE = float("nan")
_COARSE_FROM, _COARSE_BINS = 5_000, 32


def purchases(cells: pd.DataFrame) -> Purchases:
    """Maximum likelihood over cells (columns of `CELL` and `customers`); never raises, see `problem`.

    With many cells a coarser grid of times is fitted first: from its optimum, in units of its standard errors, a few
    steps over all cells are left.
    """
    data = cells[[*CELL, "customers"]].to_numpy(float, copy=True)
    customers, repeat = int(data[:, 3].sum()), float(data[data[:, 0] > 0, 3].sum())
    if repeat < MIN_REPEAT_BUYERS or repeat < MIN_REPEAT_SHARE * customers:
        return Purchases(_NONE, _NONE, _NONE, _NONE, _NONE, customers, np.full((4, 4), _NONE), "few_repeat_buyers")
    scale = data[:, 2].max() / 10
    data[:, 1:3] /= scale
    best, value, covariance, problem = _fitted(data)
    r, alpha, a, b = (float(v) for v in np.exp(best) * [1, scale, 1, 1])
    likelihood = -value - float(np.log(scale)) * _dot(data[:, 3], data[:, 0])
    return Purchases(r, alpha, a, b, likelihood, customers, covariance, problem)


def _fitted(data: Array) -> tuple[Array, float, Array, str]:
    from threadpoolctl import threadpool_limits

    grid = _coarse(data) if len(data) > _COARSE_FROM else data
    coarse = negative_bgnbd(grid)
    with threadpool_limits(1, user_api="blas"):  # the optimiser's 4 by 4 matrices take longer to share than to do
        best, value = _minimise(coarse, _BOUNDS)
        covariance, problem = _covariance(coarse, best), _problem(best, value, grid)
        if grid is not data and not problem:
            best, value = _refine(negative_bgnbd(data), best, covariance)
    return best, value, covariance, problem


def spend(purchases: npt.ArrayLike, mean_value: npt.ArrayLike) -> Spend:
    """Maximum likelihood over customers with at least one purchase and a positive mean value; never raises.

    `purchases` and `mean_value` have one entry per customer; the money may be in any unit.
    """
    from threadpoolctl import threadpool_limits

    x, m = np.asarray(purchases, float), np.asarray(mean_value, float)
    if (x > 1).sum() < MIN_REPEAT_BUYERS:
        return Spend(_NONE, _NONE, _NONE, _NONE, len(x), "few_repeat_buyers")
    scale = float(m.mean())
    with threadpool_limits(1, user_api="blas"):
        best, value = _minimise(negative_gamma_gamma(x, m / scale), _BOUNDS[:1] * 3)
    p, q, v = (float(n) for n in np.exp(best))
    lost = q <= 1 or np.abs(best).max() >= MAX_LOG_PARAMETER
    problem = "spend_not_identified" if lost else ""
    return Spend(p, q, v * scale, -value - float(np.log(scale)) * len(x), len(x), problem)


def draws(model: Purchases, number: int, seed: int) -> list[Purchases]:
    """Models that the data allow as well, drawn from the normal distribution of the logarithms at the optimum."""
    found = np.random.default_rng(seed).standard_normal((number, 4)) @ _root(model.covariance).T
    logs = np.log([model.r, model.alpha, model.a, model.b]) + found
    return [replace(model, r=r, alpha=alpha, a=a, b=b) for r, alpha, a, b in np.exp(logs).tolist()]


def coarser(cells: pd.DataFrame) -> tuple[float, list[int]]:
    """A coarser grid of cells: the width of its times, and where each class of purchases ends."""
    purchases, _last, tenure = cells[list(CELL)].max().fillna(0)
    ends = np.flatnonzero(np.diff(_classes(np.arange(purchases + 1.0)))) + 1
    return _step(tenure), [*ends.tolist(), int(purchases) + 1]


def _step(longest: float) -> float:
    return float(max(longest, 1e-9)) / _COARSE_BINS


def _classes(purchases: Array) -> npt.NDArray[np.int64]:
    """Few purchases one by one, many by fifths."""
    many = np.floor(4 * np.log2(np.maximum(purchases, 8) / 8)).astype(np.int64)
    return np.where(purchases < 8, purchases, 8 + many).astype(np.int64)


def _grid(data: Array) -> tuple[npt.NDArray[np.intp], int]:
    """Which cell of the grid each row falls in, and how many there are."""
    bins = np.floor(data[:, 1:3] / _step(data[:, 2].max())).astype(np.int64)
    place, found = pd.factorize(
        (_classes(data[:, 0]) * (_COARSE_BINS + 1) + bins[:, 0]) * (_COARSE_BINS + 1) + bins[:, 1]
    )
    return place, len(found)


def _means(data: Array, place: npt.NDArray[np.intp], number: int) -> tuple[Array, ...]:
    """The weighted means of x, t_x and T in each place, and the customers there."""
    mass = np.bincount(place, data[:, 3], number)
    x, t_x, tenure = (np.bincount(place, data[:, i] * data[:, 3], number) / mass for i in range(3))
    return x, t_x, tenure, mass.astype(float)


def _coarse(data: Array) -> Array:
    return np.column_stack(_means(data, *_grid(data)))


def negative_bgnbd(data: Array) -> Objective:
    """Negative log-likelihood and gradient in log (r, alpha, a, b) of rows x, t_x, T, customers.

    Special functions are computed once per distinct x; only repeat buyers can have left.
    """
    from scipy.special import digamma, gammaln

    ix, ux = pd.factorize(data[:, 0])
    total, per_x = data[:, 3].sum(), np.bincount(ix, data[:, 3])
    is_repeat = data[:, 0] > 0
    once, (x, t_x, tenure, weight), ix = data[~is_repeat], data[is_repeat].T.copy(), ix[is_repeat]
    js, us = pd.factorize(once[:, 2])
    single = np.bincount(js, once[:, 3], len(us))

    def negative(logs: Array) -> tuple[float, Array]:
        r, alpha, a, b = np.exp(logs)
        then, now, log_single, purchases = alpha + t_x, alpha + tenure, np.log(alpha + us), r + x
        log_t, log_s = np.log(then), np.log(now)
        held = b + np.maximum(ux, 1) - 1
        ahead = (np.log(a) - np.log(held))[ix] + purchases * (log_s - log_t)
        small = np.exp(-np.abs(ahead))
        gone = weight * np.where(ahead > 0, 1.0, small) / (1 + small)  # with the share of the likelihood of having left
        stay = weight - gone
        either = np.maximum(ahead, 0) + np.log1p(small)
        own = gammaln(r + ux) + gammaln(b + ux) - gammaln(a + b + ux)
        start = r * np.log(alpha) - gammaln(r) - gammaln(b) + gammaln(a + b)
        value = (
            total * start + _dot(per_x, own) + _dot(weight, either - purchases * log_s) - r * _dot(single, log_single)
        )
        both = digamma(a + b + ux)
        slower = _dot(purchases, stay / now + gone / then) + r * _dot(single, 1 / (alpha + us))
        left = np.bincount(ix, gone, len(ux))
        at = np.array([
            _dot(per_x, digamma(r + ux)) + total * (np.log(alpha) - digamma(r)) - _dot(stay, log_s) - _dot(gone, log_t)
            - _dot(single, log_single),
            total * r / alpha - slower,
            total * digamma(a + b) - _dot(per_x, both) + left.sum() / a,
            _dot(per_x, digamma(b + ux) - both) + total * (digamma(a + b) - digamma(b)) - _dot(left, 1 / held),
        ])  # fmt: skip
        return -value, -at * np.exp(logs)

    return negative


def negative_nbd(data: Array) -> Objective:
    """The same for customers who never leave: log (r, alpha)."""
    from scipy.special import digamma, gammaln

    (ix, ux), (x, _t_x, tenure, weight) = pd.factorize(data[:, 0]), data.T.copy()
    total, per_x = weight.sum(), np.bincount(ix, weight)

    def negative(logs: Array) -> tuple[float, Array]:
        r, alpha = np.exp(logs)
        log_s, weighted = np.log(alpha + tenure), weight * (r + x)
        value = _dot(per_x, gammaln(r + ux)) - _dot(weighted, log_s) + total * (r * np.log(alpha) - gammaln(r))
        at_r = _dot(per_x, digamma(r + ux)) - _dot(weight, log_s) + total * (np.log(alpha) - digamma(r))
        at_alpha = total * r / alpha - _dot(weighted, 1 / (alpha + tenure))
        return -float(value), -np.array([at_r, at_alpha]) * np.exp(logs)

    return negative


def negative_gamma_gamma(x: Array, m: Array) -> Objective:
    """Negative log-likelihood and gradient in log (p, q, v); special functions once per distinct x."""
    from scipy.special import digamma, gammaln

    (ix, ux), n, xm, log_xm = pd.factorize(x), len(x), x * m, np.log(x * m)
    per_x, constant, of_x = np.bincount(ix), np.log(m).sum(), _dot(x, log_xm)

    def negative(logs: Array) -> tuple[float, Array]:
        p, q, v = np.exp(logs)
        shape, log_w = p * x + q, np.log(xm + v)
        value = _dot(per_x, gammaln(p * ux + q) - gammaln(p * ux)) + n * (q * np.log(v) - gammaln(q))
        value += p * of_x - constant - _dot(shape, log_w)
        both = digamma(p * ux + q)
        at = np.array([
            _dot(per_x, ux * (both - digamma(p * ux))) + of_x - _dot(x, log_w),
            _dot(per_x, both) - log_w.sum() + n * (np.log(v) - digamma(q)),
            n * q / v - (shape / (xm + v)).sum(),
        ])  # fmt: skip
        return -float(value), -at * np.exp(logs)

    return negative


def _dot(a: npt.NDArray[np.number], b: Array) -> float:
    """A sum of products in one order on any machine: BLAS would share it among threads."""
    return float(np.einsum("i,i->", a, b))


def _minimise(negative: Objective, limits: tuple[float, ...]) -> tuple[Array, float]:
    from scipy.optimize import minimize

    box, options = [(-limit, limit) for limit in limits], {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8}
    found = minimize(negative, np.zeros(len(box)), jac=True, method="L-BFGS-B", bounds=box, options=options)
    return found.x, float(found.fun)


def _refine(negative: Objective, start: Array, covariance: Array) -> tuple[Array, float]:
    """The optimum near `start`, searched in steps of standard errors, where the valley is round; within the bounds.

    Where all leave alike, the likelihood rises with a and b for ever, and nothing foretold changes.
    """
    from scipy.optimize import minimize

    root = _root(covariance)

    def rounded(steps: Array) -> tuple[float, Array]:
        logs = start + root @ steps
        value, slope = negative(np.minimum(logs, _BOUNDS))
        return value, np.where(logs < _BOUNDS, slope, 0) @ root

    found = minimize(rounded, np.zeros(len(start)), jac=True, method="BFGS", options={"gtol": 1e-3, "maxiter": 200})
    return np.minimum(start + root @ found.x, _BOUNDS), float(found.fun)


def _root(covariance: Array) -> Array:
    """A square root of the covariance, no standard deviation longer than 1.

    Where a and b are known only by their ratio, the valley is flat for many units: going far along it changes nothing.
    """
    spread, axes = np.linalg.eigh(covariance)
    return axes * np.sqrt(np.clip(spread, 1e-12, 1))


def _problem(best: Array, value: float, data: Array) -> str:
    """Why not to use a fit. A large b is none: everyone's chance of leaving after a purchase is near a / b then."""
    r, alpha, a, _b = best
    if max(abs(r), abs(alpha)) >= MAX_LOG_PARAMETER:
        return "not_identified"
    never_leaving = _minimise(negative_nbd(data), _BOUNDS[:2])[1]
    lost = a <= -MAX_LOG_PARAMETER or never_leaving - value < MIN_DROPOUT_GAIN
    return "dropout_not_identified" if lost else ""


def _covariance(negative: Objective, best: Array) -> Array:
    """Inverse of the Hessian at the optimum, from differences of the gradient."""
    step = 1e-4
    turns = [negative(best + step * unit)[1] - negative(best - step * unit)[1] for unit in np.eye(len(best))]
    hessian = np.array(turns) / (2 * step)
    return np.asarray(np.linalg.pinv((hessian + hessian.T) / 2, hermitian=True), dtype=float)
