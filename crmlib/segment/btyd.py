"""Buy till you die: how many purchases and how much money to expect of each customer, and the chance of silence.

BG/NBD (Fader, Hardie and Lee 2005, Marketing Science 24(2)) for purchases, Gamma-Gamma (Fader and Hardie 2013, "The
Gamma-Gamma model of monetary value") for their value. Times are days. A customer is known by three numbers:
`repeat_purchases` x (purchase days after the first), `last_purchase_age_days` t_x (from the first to the last of them)
and `tenure_days` T (from the first to `as_of`). Customers with the same three are one cell, so that a fit and its
predictions cost what the cells cost.
"""

from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd
from ibis import _

Array = npt.NDArray[np.float64]
Windows = dict[str, tuple[date, date]]
CELL = ("repeat_purchases", "last_purchase_age_days", "tenure_days")


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


def histories(purchase_days: ir.Table, as_of: date, windows: Windows | None = None) -> ir.Table:
    """Customers who bought by `as_of`: x, t_x, T, and net money per purchase day (refunds taken off, at least 0).

    `windows` are further columns: purchase days after one date and up to another, which may be later than `as_of`.
    """
    counts = windows or {}
    latest = max(as_of, *(until for _after, until in counts.values())) if counts else as_of
    rows = purchase_days.filter(_.order_date <= ibis.literal(latest))
    seen, bought = rows.order_date <= ibis.literal(as_of), rows.orders > 0
    found = rows.group_by("customer_id").aggregate(
        first=rows.order_date.min(where=bought & seen),
        last=rows.order_date.max(where=bought & seen),
        days=rows.count(where=bought & seen),
        net_minor=rows.net_minor.sum(where=seen),
        **{name: rows.count(where=_bought_within(rows, *dates)) for name, dates in counts.items()},
    )
    bought_once = found.filter(_.days > 0)
    return bought_once.select(
        "customer_id",
        *counts,
        repeat_purchases=bought_once.days - 1,
        last_purchase_age_days=bought_once["last"].delta(bought_once["first"], unit="day").cast("int64"),
        tenure_days=ibis.literal(as_of).delta(bought_once["first"], unit="day").cast("int64"),
        purchase_value_minor=ibis.greatest(bought_once.net_minor, 0) / bought_once.days,
    )


def _bought_within(rows: ir.Table, after: date, until: date) -> ir.BooleanValue:
    return (rows.orders > 0) & (rows.order_date > ibis.literal(after)) & (rows.order_date <= ibis.literal(until))


def cells(histories: ir.Table) -> pd.DataFrame:
    """Customers with the same purchases and times as one row, `customers` of them."""
    counted = histories.group_by(list(CELL)).aggregate(customers=_.count()).order_by(list(CELL))
    return counted.to_pyarrow().to_pandas()


def spend_sample(histories: ir.Table, size: int) -> pd.DataFrame:
    """Purchases and their mean value of at most `size` customers: those with the smallest hash of their id."""
    spending = histories.filter(_.purchase_value_minor > 0)
    drawn = spending.order_by(_.customer_id.hexdigest("md5"), "customer_id").limit(size)
    return drawn.select(purchases=_.repeat_purchases + 1, mean_value=_.purchase_value_minor).to_pyarrow().to_pandas()


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
    place, x, tenure = _distinct(x, tenure)
    return _active(model, x, tenure, days)[place]


def _distinct(x: Array, tenure: Array) -> tuple[npt.NDArray[np.intp], Array, Array]:
    """The place of each customer among the distinct pairs of x and T, and these: far fewer than cells."""
    (ix, ux), (it, ut) = pd.factorize(x), pd.factorize(tenure)
    place, pairs = pd.factorize(ix * len(ut) + it)
    return place, ux[pairs // len(ut)], ut[pairs % len(ut)]


def _active(model: Purchases, x: Array, tenure: Array, days: float) -> Array:
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
