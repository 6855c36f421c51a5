"""Buy till you die: how many purchases and how much money to expect of each customer, and the chance of silence.

BG/NBD (Fader, Hardie and Lee 2005, Marketing Science 24(2)) for purchases, Gamma-Gamma (Fader and Hardie 2013, "The
Gamma-Gamma model of monetary value") for their value. Times are days. A customer is known by three numbers:
`repeat_purchases` x (purchase days after the first), `last_purchase_age_days` t_x (from the first to the last of them)
and `tenure_days` T (from the first to `as_of`). Customers with the same three are one cell, so that a fit and its
predictions cost what the cells cost.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd
from ibis import _

Array = npt.NDArray[np.float64]
Objective = Callable[[Array], tuple[float, Array]]
CELL = ("repeat_purchases", "last_purchase_age_days", "tenure_days")
MIN_REPEAT_BUYERS = 50
MIN_REPEAT_SHARE = 0.05
MAX_LOG_PARAMETER = 8.0
MIN_DROPOUT_GAIN = 3.84 / 2  # of the log-likelihood, by letting customers leave: chi-squared, one parameter, 5 %
_BOUNDS = (12.0, 12.0, MAX_LOG_PARAMETER, MAX_LOG_PARAMETER)  # beyond, only the ratio of a and b still means something
_NONE = float("nan")
_COARSE_FROM, _COARSE_BINS = 5_000, 32


@dataclass(frozen=True)
class Purchases:
    """A fitted BG/NBD. Purchases come at rate Gamma(r, alpha) per day; after each the customer leaves with Beta(a, b).

    `covariance` is that of the logarithms of (r, alpha, a, b). `problem`: few_repeat_buyers and not_identified
    (purchases by the clock) rule predictions out; dropout_not_identified means that a model in which nobody ever leaves
    fits as well: purchases can be foretold, P(alive) says nothing.
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    customers: int
    covariance: Array
    problem: str = ""

    @property
    def is_usable(self) -> bool:
        return self.problem in ("", "dropout_not_identified")


@dataclass(frozen=True)
class Spend:
    """A fitted Gamma-Gamma: the value of a purchase varies with shape p, its mean between customers with q and v.

    `problem` (few_repeat_buyers, spend_not_identified) says why customers' own means should be used instead.
    """

    p: float
    q: float
    v: float
    log_likelihood: float
    customers: int
    problem: str = ""

    @property
    def mean(self) -> float:
        """Expected value of a purchase of a customer of whom nothing is known."""
        return self.p * self.v / (self.q - 1) if self.q > 1 else float("nan")


def histories(purchase_days: ir.Table, as_of: date) -> ir.Table:
    """Customers who bought by `as_of`: x, t_x, T, and net money per purchase day (refunds taken off, at least 0)."""
    seen = purchase_days.filter(_.order_date <= ibis.literal(as_of))
    bought = seen.orders > 0
    found = seen.group_by("customer_id").aggregate(
        first=seen.order_date.min(where=bought),
        last=seen.order_date.max(where=bought),
        days=bought.cast("int64").sum(),
        net_minor=seen.net_minor.sum(),
    )
    bought_once = found.filter(_.days > 0)
    return bought_once.select(
        "customer_id",
        repeat_purchases=bought_once.days - 1,
        last_purchase_age_days=bought_once["last"].delta(bought_once["first"], unit="day").cast("int64"),
        tenure_days=ibis.literal(as_of).delta(bought_once["first"], unit="day").cast("int64"),
        purchase_value_minor=ibis.greatest(bought_once.net_minor, 0) / bought_once.days,
    )


def cells(histories: ir.Table) -> pd.DataFrame:
    """Customers with the same purchases and times as one row, `customers` of them."""
    counted = histories.group_by(list(CELL)).aggregate(customers=_.count()).order_by(list(CELL))
    return counted.to_pyarrow().to_pandas()


def spend_sample(histories: ir.Table, size: int) -> pd.DataFrame:
    """Purchases and their mean value of at most `size` customers: those with the smallest hash of their id."""
    spending = histories.filter(_.purchase_value_minor > 0)
    drawn = spending.order_by(_.customer_id.hexdigest("md5"), "customer_id").limit(size)
    return drawn.select(purchases=_.repeat_purchases + 1, mean_value=_.purchase_value_minor).to_pyarrow().to_pandas()


def fit_purchases(cells: pd.DataFrame) -> Purchases:
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
    likelihood = -value - float(np.log(scale) * (data[:, 3] @ data[:, 0]))
    return Purchases(r, alpha, a, b, likelihood, customers, covariance, problem)


def _fitted(data: Array) -> tuple[Array, float, Array, str]:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):  # sums in one order on any machine, and these are too short to share
        grid = _coarse(data) if len(data) > _COARSE_FROM else data
        coarse = _negative_bgnbd(grid)
        best, value = _minimise(coarse, _BOUNDS)
        covariance, problem = _covariance(coarse, best), _problem(best, value, grid)
        if grid is not data and not problem:
            best, value = _refine(_negative_bgnbd(data), best, covariance)
    return best, value, covariance, problem


def fit_spend(purchases: npt.ArrayLike, mean_value: npt.ArrayLike) -> Spend:
    """Maximum likelihood over customers with at least one purchase and a positive mean value; never raises.

    `purchases` and `mean_value` have one entry per customer; the money may be in any unit.
    """
    x, m = np.asarray(purchases, float), np.asarray(mean_value, float)
    if (x > 1).sum() < MIN_REPEAT_BUYERS:
        return Spend(_NONE, _NONE, _NONE, _NONE, len(x), "few_repeat_buyers")
    scale = float(m.mean())
    best, value = _minimise(_negative_gamma_gamma(x, m / scale), _BOUNDS[:1] * 3)
    p, q, v = (float(n) for n in np.exp(best))
    lost = q <= 1 or np.abs(best).max() >= MAX_LOG_PARAMETER
    problem = "spend_not_identified" if lost else ""
    return Spend(p, q, v * scale, -value - float(np.log(scale)) * len(x), len(x), problem)


def alive(model: Purchases, x: Array, t_x: Array, tenure: Array) -> Array:
    """P(still a customer at `as_of`); 1 for everyone without a repeat purchase, so it ranks nobody by itself."""
    from scipy.special import expit

    odds = np.log(model.a) - np.log(model.b + np.maximum(x, 1) - 1)
    odds = odds + (model.r + x) * np.log1p((tenure - t_x) / (model.alpha + t_x))
    return np.where(x > 0, expit(-odds), 1.0)


def silent(model: Purchases, x: Array, t_x: Array, tenure: Array, days: float) -> Array:
    """P(no purchase in the next `days`): gone already, or staying and not buying."""
    waits = -(model.r + x) * np.log1p(days / (model.alpha + tenure))
    return 1 + alive(model, x, t_x, tenure) * np.expm1(waits)


def expected(model: Purchases, x: Array, t_x: Array, tenure: Array, days: float) -> Array:
    """Expected purchases in the next `days`."""
    return expected_active(model, x, tenure, days) * alive(model, x, t_x, tenure)


def expected_active(model: Purchases, x: Array, tenure: Array, days: float) -> Array:
    """Expected purchases in the next `days` of who is still a customer (Fader, Hardie and Lee 2005, eq. 10).

    After Euler's transformation of its 2F1, which otherwise overflows for frequent buyers. Where the 2F1 loses its
    digits all the same (parameters in the hundreds, a horizon far beyond alpha), the integral behind it is summed.
    """
    from scipy.special import hyp2f1

    r, alpha, b = model.r, model.alpha, model.b
    a = model.a if abs(model.a - 1) > 1e-6 else 1 + 1e-6  # both forms divide by a - 1
    z = days / (alpha + tenure + days)
    with np.errstate(all="ignore"):
        shrinks = (1 - z) ** (a - 1) * hyp2f1(a + b - 1 - r, a - 1, a + b + x - 1, z)
        found = (a + b + x - 1) / (a - 1) * (1 - shrinks)
    most = (r + x) * days / (alpha + tenure)  # what a customer who cannot leave would buy
    lost = ~((found >= 0) & (found <= most * (1 + 1e-9)))
    if lost.any():
        found[lost] = _summed(model, x[lost], tenure[lost], days)
    return found


def _summed(model: Purchases, x: Array, tenure: Array, days: float) -> Array:
    """E[(1 - (1 + p days / (alpha + T))^-(r + x)) / p] over p ~ Beta(a, b + x), by quantiles of p."""
    from scipy.special import betaincinv

    (ux, ix), (nodes, weights) = np.unique(x, return_inverse=True), np.polynomial.legendre.leggauss(40)
    quantiles = np.maximum(betaincinv(model.a, model.b + ux[:, None], (nodes + 1) / 2), 1e-300)
    total = np.zeros(len(x))
    for p, weight in zip(quantiles.T, weights / 2, strict=True):
        total -= weight * np.expm1(-(model.r + x) * np.log1p(p[ix] * days / (model.alpha + tenure))) / p[ix]
    return total


def expected_new(model: Purchases, days: float) -> float:
    """Expected purchases of a customer in the first `days` after the first purchase (eq. 9)."""
    return float(expected_active(model, np.zeros(1), np.zeros(1), days)[0])


def expected_value(model: Spend, purchases: Array, mean_value: Array) -> Array:
    """Expected mean value of a customer's purchases, between his own mean and everyone's.

    Fader and Hardie 2013, eq. 5; without a purchase it is everyone's mean. Columns of an engine table are as good as
    arrays.
    """
    return (mean_value * purchases + model.v) * model.p / (purchases * model.p + (model.q - 1))


def draws(model: Purchases, number: int, seed: int) -> list[Purchases]:
    """Models that the data allow as well, drawn from the normal distribution of the logarithms at the optimum."""
    found = np.random.default_rng(seed).standard_normal((number, 4)) @ _root(model.covariance).T
    logs = np.log([model.r, model.alpha, model.a, model.b]) + found
    return [replace(model, r=r, alpha=alpha, a=a, b=b) for r, alpha, a, b in np.exp(logs).tolist()]


def coarse_cells(cells: pd.DataFrame, weights: Array) -> tuple[pd.DataFrame, Array]:
    """Cells on a coarser grid, with the means of what fell in each, and column sums of `weights` in them."""
    data = cells[[*CELL, "customers"]].to_numpy(float)
    place, number = _grid(data)
    mass = np.bincount(place, data[:, 3], number)
    means = [np.bincount(place, data[:, i] * data[:, 3], number) / mass for i in range(3)]
    sums = np.array([np.bincount(place, column, number) for column in weights.T], dtype=float).T
    return pd.DataFrame(dict(zip((*CELL, "customers"), (*means, mass), strict=True))), sums


def _grid(data: Array) -> tuple[npt.NDArray[np.intp], int]:
    """Which cell of the grid each row falls in, and how many there are: few purchases one by one, many by fifths."""
    step = max(data[:, 2].max(), 1e-9) / _COARSE_BINS
    bins = np.floor(data[:, 1:3] / step).astype(np.int64)
    many = np.floor(4 * np.log2(np.maximum(data[:, 0], 8) / 8)).astype(np.int64)
    number = np.where(data[:, 0] < 8, data[:, 0], 8 + many).astype(np.int64)
    code = (number * (_COARSE_BINS + 1) + bins[:, 0]) * (_COARSE_BINS + 1) + bins[:, 1]
    found, place = np.unique(code, return_inverse=True)
    return place, len(found)


def _coarse(data: Array) -> Array:
    place, number = _grid(data)
    mass = np.bincount(place, data[:, 3], number)
    return np.column_stack([*(np.bincount(place, data[:, i] * data[:, 3], number) / mass for i in range(3)), mass])


def _negative_bgnbd(data: Array) -> Objective:
    """Negative log-likelihood and gradient in log (r, alpha, a, b) of rows x, t_x, T, customers.

    Special functions are computed once per distinct x; only repeat buyers can have left.
    """
    from scipy.special import digamma, gammaln

    total, (ux, ix) = data[:, 3].sum(), np.unique(data[:, 0], return_inverse=True)
    per_x = np.bincount(ix, data[:, 3])
    once, again = data[data[:, 0] == 0], data[data[:, 0] > 0]
    (us, js), (x, t_x, tenure, weight) = np.unique(once[:, 2], return_inverse=True), again.T
    single, ix = np.bincount(js, once[:, 3], len(us)), ix[data[:, 0] > 0]

    def negative(logs: Array) -> tuple[float, Array]:
        r, alpha, a, b = np.exp(logs)
        log_t, log_s, log_single = np.log(alpha + t_x), np.log(alpha + tenure), np.log(alpha + us)
        held = b + np.maximum(ux, 1) - 1
        ahead = (np.log(a) - np.log(held))[ix] + (r + x) * (log_s - log_t)
        small = np.exp(-np.abs(ahead))
        left = np.where(ahead > 0, 1.0, small) / (1 + small)  # share of the likelihood of having left
        gone = weight * left
        stay = weight - gone
        either = np.maximum(ahead, 0) + np.log1p(small)
        own = gammaln(r + ux) + gammaln(b + ux) - gammaln(a + b + ux)
        start = r * np.log(alpha) - gammaln(r) - gammaln(b) + gammaln(a + b)
        value = total * start + per_x @ own + weight @ (either - (r + x) * log_s) - r * (single @ log_single)
        both = digamma(a + b + ux)
        slower = (r + x) @ (stay / (alpha + tenure) + gone / (alpha + t_x)) + r * (single @ (1 / (alpha + us)))
        at = np.array([
            per_x @ digamma(r + ux) + total * (np.log(alpha) - digamma(r)) - stay @ log_s - gone @ log_t
            - single @ log_single,
            total * r / alpha - slower,
            total * digamma(a + b) - per_x @ both + gone.sum() / a,
            per_x @ (digamma(b + ux) - both) + total * (digamma(a + b) - digamma(b)) - gone @ (1 / held)[ix],
        ])  # fmt: skip
        return -value, -at * np.exp(logs)

    return negative


def _negative_nbd(data: Array) -> Objective:
    """The same for customers who never leave: log (r, alpha)."""
    from scipy.special import digamma, gammaln

    x, _t_x, tenure, weight = data.T

    def negative(logs: Array) -> tuple[float, Array]:
        r, alpha = np.exp(logs)
        log_s = np.log(alpha + tenure)
        value = weight @ (gammaln(r + x) - (r + x) * log_s) + weight.sum() * (r * np.log(alpha) - gammaln(r))
        at_r = weight @ (digamma(r + x) - log_s) + weight.sum() * (np.log(alpha) - digamma(r))
        at_alpha = weight.sum() * r / alpha - weight @ ((r + x) / (alpha + tenure))
        return -float(value), -np.array([at_r, at_alpha]) * np.exp(logs)

    return negative


def _negative_gamma_gamma(x: Array, m: Array) -> Objective:
    """Negative log-likelihood and gradient in log (p, q, v); special functions once per distinct x."""
    from scipy.special import digamma, gammaln

    (ux, ix), n, xm, log_xm = np.unique(x, return_inverse=True), len(x), x * m, np.log(x * m)
    per_x, constant, of_x = np.bincount(ix), np.log(m).sum(), x @ log_xm

    def negative(logs: Array) -> tuple[float, Array]:
        p, q, v = np.exp(logs)
        log_w = np.log(xm + v)
        value = per_x @ (gammaln(p * ux + q) - gammaln(p * ux)) + n * (q * np.log(v) - gammaln(q))
        value += p * of_x - constant - (p * x + q) @ log_w
        both = digamma(p * ux + q)
        at = np.array([
            per_x @ (ux * (both - digamma(p * ux))) + of_x - x @ log_w,
            per_x @ both - log_w.sum() + n * (np.log(v) - digamma(q)),
            n * q / v - ((p * x + q) / (xm + v)).sum(),
        ])  # fmt: skip
        return -float(value), -at * np.exp(logs)

    return negative


def _minimise(negative: Objective, limits: tuple[float, ...]) -> tuple[Array, float]:
    from scipy.optimize import minimize

    box, options = [(-limit, limit) for limit in limits], {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8}
    found = minimize(negative, np.zeros(len(box)), jac=True, method="L-BFGS-B", bounds=box, options=options)
    return found.x, float(found.fun)


def _refine(negative: Objective, start: Array, covariance: Array) -> tuple[Array, float]:
    """The optimum near `start`, searched in steps of standard errors, where the valley is round."""
    from scipy.optimize import minimize

    root = _root(covariance)

    def rounded(steps: Array) -> tuple[float, Array]:
        value, slope = negative(start + root @ steps)
        return value, slope @ root

    found = minimize(rounded, np.zeros(len(start)), jac=True, method="BFGS", options={"gtol": 1e-3, "maxiter": 200})
    return start + root @ found.x, float(found.fun)


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
    never_leaving = _minimise(_negative_nbd(data), _BOUNDS[:2])[1]
    lost = a <= -MAX_LOG_PARAMETER or never_leaving - value < MIN_DROPOUT_GAIN
    return "dropout_not_identified" if lost else ""


def _covariance(negative: Objective, best: Array) -> Array:
    """Inverse of the Hessian at the optimum, from differences of the gradient."""
    step = 1e-4
    turns = [negative(best + step * unit)[1] - negative(best - step * unit)[1] for unit in np.eye(len(best))]
    hessian = np.array(turns) / (2 * step)
    return np.asarray(np.linalg.pinv((hessian + hessian.T) / 2, hermitian=True), dtype=float)
