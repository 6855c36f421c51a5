"""Buy till you die: how many purchases and how much money to expect of each customer, and the chance of silence.

BG/NBD (Fader, Hardie and Lee 2005, Marketing Science 24(2)) for purchases, Gamma-Gamma (Fader and Hardie 2013, "The
Gamma-Gamma model of monetary value") for their value. Times are days. A customer is known by three numbers:
`repeat_purchases` x (purchase days after the first), `last_purchase_age_days` t_x (from the first to the last of them)
and `tenure_days` T (from the first to `as_of`). Customers with the same three are one cell, so that a fit costs what its
cells cost.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]
CELL = ("repeat_purchases", "last_purchase_age_days", "tenure_days")
MIN_REPEAT_BUYERS = 50
MIN_REPEAT_SHARE = 0.05
MAX_LOG_PARAMETER = 8.0
_BOUND = 12.0


@dataclass(frozen=True)
class Purchases:
    """A fitted BG/NBD. Purchases come at rate Gamma(r, alpha) per day; after each the customer leaves with Beta(a, b).

    `covariance` is that of the logarithms of (r, alpha, a, b). `problem` says why predictions should not be used.
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    customers: int
    covariance: Array
    problem: str = ""


@dataclass(frozen=True)
class Spend:
    """A fitted Gamma-Gamma: the value of a purchase varies with shape p, its mean between customers with q and v."""

    p: float
    q: float
    v: float
    log_likelihood: float
    customers: int

    @property
    def mean(self) -> float:
        """Expected value of a purchase of a customer of whom nothing is known."""
        return self.p * self.v / (self.q - 1) if self.q > 1 else float("nan")


def cells(customers: pd.DataFrame) -> pd.DataFrame:
    """Customers with the same purchases and times as one row, `customers` of them."""
    return customers.groupby(list(CELL), as_index=False, sort=True).size().rename(columns={"size": "customers"})


def fit_purchases(cells: pd.DataFrame) -> Purchases:
    """Maximum likelihood over cells (columns of `CELL` and `customers`); never raises, see `problem`."""
    x, t_x, tenure, weight = (cells[c].to_numpy(float) for c in (*CELL, "customers"))
    repeat = float(weight[x > 0].sum())
    if repeat < MIN_REPEAT_BUYERS or repeat < MIN_REPEAT_SHARE * weight.sum():
        return Purchases(*[float("nan")] * 5, int(weight.sum()), np.full((4, 4), np.nan), "few_repeat_buyers")
    scale = tenure.max() / 10
    negative = _negative_bgnbd(x, t_x / scale, tenure / scale, weight)
    best, value = _minimise(negative, 4)
    r, alpha, a, b = np.exp(best) * [1, scale, 1, 1]
    likelihood = -value - np.log(scale) * float(weight @ x)
    problem = "" if np.abs(best).max() < MAX_LOG_PARAMETER else "not_identified"
    return Purchases(r, alpha, a, b, likelihood, int(weight.sum()), _covariance(negative, best), problem)


def fit_spend(purchases: npt.ArrayLike, mean_value: npt.ArrayLike) -> Spend:
    """Maximum likelihood over customers with at least one purchase and a positive mean value.

    `purchases` and `mean_value` have one entry per customer; the money may be in any unit.
    """
    x, m = np.asarray(purchases, float), np.asarray(mean_value, float)
    scale = m.mean()
    best, value = _minimise(_negative_gamma_gamma(x, m / scale), 3)
    p, q, v = np.exp(best)
    return Spend(p, q, v * scale, -value - np.log(scale) * len(x), len(x))


def alive(model: Purchases, x: Array, t_x: Array, tenure: Array) -> Array:
    """P(still a customer at `as_of`); 1 for everyone without a repeat purchase, so it ranks nobody by itself."""
    odds = np.log(model.a) - np.log(np.maximum(model.b + x - 1, 1e-12))
    odds = odds + (model.r + x) * (np.log(model.alpha + tenure) - np.log(model.alpha + t_x))
    return np.where(x > 0, 1 / (1 + np.exp(np.minimum(odds, 700))), 1.0)


def silent(model: Purchases, x: Array, t_x: Array, tenure: Array, days: float) -> Array:
    """P(no purchase in the next `days`): gone already, or staying and not buying."""
    waits = (model.r + x) * (np.log(model.alpha + tenure) - np.log(model.alpha + tenure + days))
    return 1 + alive(model, x, t_x, tenure) * np.expm1(waits)


def expected(model: Purchases, x: Array, t_x: Array, tenure: Array, days: float) -> Array:
    """Expected purchases in the next `days` (Fader, Hardie and Lee 2005, eq. 10, after Euler's transformation)."""
    from scipy.special import hyp2f1

    r, alpha, b = model.r, model.alpha, model.b
    a = model.a if abs(model.a - 1) > 1e-6 else 1 + 1e-6  # both forms divide by a - 1
    z = days / (alpha + tenure + days)
    shrinks = (1 - z) ** (a - 1) * hyp2f1(a + b - 1 - r, a - 1, a + b + x - 1, z)
    return (a + b + x - 1) / (a - 1) * (1 - shrinks) * alive(model, x, t_x, tenure)


def expected_new(model: Purchases, days: float) -> float:
    """Expected purchases of a customer in the first `days` after the first purchase (eq. 9)."""
    nobody = np.zeros(1)
    return float(expected(model, nobody, nobody, nobody, days)[0])


def expected_value(model: Spend, purchases: Array, mean_value: Array) -> Array:
    """Expected mean value of a customer's purchases: between his own mean and everyone's (Fader and Hardie 2013, eq. 5).

    Without a purchase it is everyone's mean.
    """
    return model.p * (model.v + purchases * mean_value) / (model.p * purchases + model.q - 1)


def draws(model: Purchases, number: int, seed: int) -> list[Purchases]:
    """Models that the data allow as well, drawn from the normal distribution of the logarithms at the optimum."""
    centre = np.log([model.r, model.alpha, model.a, model.b])
    found = np.random.default_rng(seed).multivariate_normal(centre, model.covariance, size=number, method="eigh")
    return [Purchases(*np.exp(row), model.log_likelihood, model.customers, model.covariance) for row in found]


def _negative_bgnbd(x: Array, t_x: Array, tenure: Array, weight: Array) -> Callable[[Array], tuple[float, Array]]:
    """Negative log-likelihood and gradient in log (r, alpha, a, b); special functions once per distinct value."""
    from scipy.special import digamma, gammaln

    (ux, ix), (ut, it), (us, js) = (np.unique(v, return_inverse=True) for v in (x, t_x, tenure))
    repeat = x > 0
    per_x = np.bincount(ix, weight)
    total = weight.sum()

    def negative(logs: Array) -> tuple[float, Array]:
        r, alpha, a, b = np.exp(logs)
        log_t, log_s = np.log(alpha + ut)[it], np.log(alpha + us)[js]
        leave = np.log(a) - np.log(np.maximum(b + ux - 1, 1e-300))
        ahead = np.where(repeat, leave[ix] + (r + x) * (log_s - log_t), -np.inf)
        left = 1 / (1 + np.exp(-np.clip(ahead, -700, 700))) * repeat  # share of the likelihood of having left
        own = gammaln(r + ux) + gammaln(b + ux) - gammaln(a + b + ux)
        once = r * np.log(alpha) - gammaln(r) - gammaln(b) + gammaln(a + b)
        value = total * once + per_x @ own + weight @ (np.logaddexp(0, ahead) - (r + x) * log_s)
        gone, stay = weight * left, weight * (1 - left)
        at = np.array([
            per_x @ digamma(r + ux) + total * (np.log(alpha) - digamma(r)) - stay @ log_s - gone @ log_t,
            total * r / alpha - stay @ ((r + x) / (alpha + tenure)) - gone @ ((r + x) / (alpha + t_x)),
            total * digamma(a + b) - per_x @ digamma(a + b + ux) + gone.sum() / a,
            per_x @ (digamma(b + ux) - digamma(a + b + ux)) + total * (digamma(a + b) - digamma(b))
            - gone[repeat] @ (1 / (b + x[repeat] - 1)),
        ])  # fmt: skip
        return -value, -at * np.exp(logs)

    return negative


def _negative_gamma_gamma(x: Array, m: Array) -> Callable[[Array], tuple[float, Array]]:
    from scipy.special import digamma, gammaln

    log_m, log_x, n = np.log(m), np.log(x), len(x)

    def negative(logs: Array) -> tuple[float, Array]:
        p, q, v = np.exp(logs)
        log_w = np.log(x * m + v)
        value = (gammaln(p * x + q) - gammaln(p * x) + (p * x - 1) * log_m + p * x * log_x - (p * x + q) * log_w).sum()
        value += n * (q * np.log(v) - gammaln(q))
        both = digamma(p * x + q)
        at = np.array([
            (x * (both - digamma(p * x) + log_m + log_x - log_w)).sum(),
            (both - log_w).sum() + n * (np.log(v) - digamma(q)),
            n * q / v - ((p * x + q) / (x * m + v)).sum(),
        ])  # fmt: skip
        return -value, -at * np.exp(logs)

    return negative


def _minimise(negative: Callable[[Array], tuple[float, Array]], size: int) -> tuple[Array, float]:
    from scipy.optimize import minimize

    limits, options = [(-_BOUND, _BOUND)] * size, {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-8}
    found = minimize(negative, np.zeros(size), jac=True, method="L-BFGS-B", bounds=limits, options=options)
    return found.x, float(found.fun)


def _covariance(negative: Callable[[Array], tuple[float, Array]], best: Array) -> Array:
    """Inverse of the Hessian at the optimum, from differences of the gradient."""
    step = 1e-4
    turns = [negative(best + step * unit)[1] - negative(best - step * unit)[1] for unit in np.eye(len(best))]
    hessian = np.array(turns) / (2 * step)
    return np.linalg.pinv((hessian + hessian.T) / 2, hermitian=True)
