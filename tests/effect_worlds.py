"""Worlds in which the effect of a campaign is known: BG/NBD buyers, a season, and what each would have done either way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

BUYING = (0.9, 41.0, 1.0, 9.0)
"""r, alpha (days), a, b: about eight orders in a first year, one customer in ten leaves after each."""
JOINING = 1_095
"""Customers join evenly over so many days before the campaign."""
WINDOW = 91
MEAN_ORDER = 1_000
"""Minor units."""


@dataclass(frozen=True)
class World:
    """Purchase days up to the day before `start`, and those of the window if everybody were treated, by the effect.

    Effect 0 is what everybody does untreated.
    """

    start: date
    before: pd.DataFrame
    windows: dict[float, pd.DataFrame]

    def log(self, treated: set[str], effect: float) -> pd.DataFrame:
        """What is recorded when these customers are treated."""
        theirs, others = (self.windows[e] for e in (effect, 0.0))
        parts = [theirs[theirs["customer_id"].isin(treated)], others[~others["customer_id"].isin(treated)]]
        return pd.concat([self.before, *parts], ignore_index=True)

    def true_effect(self, customers: list[str], column: str, effect: float) -> float:
        """What treating all of them would have brought per customer: the mean of both potential outcomes' difference."""
        sums = [
            self.windows[e].groupby("customer_id")[column].sum().reindex(customers, fill_value=0) for e in (effect, 0.0)
        ]
        return float((sums[0] - sums[1]).mean())


def make(
    seed: int,
    effects: Sequence[float] = (0.25,),
    season: float = 0.15,
    customers: int = 12_000,
    start: date = date(2024, 1, 1),
) -> World:
    """`effects`: by how much the treated buy more often during the window; `season`: by how much everybody does."""
    rng = np.random.default_rng(seed)
    r, alpha, a, b = BUYING
    rate, leaving = np.maximum(rng.gamma(r, 1 / alpha, customers), 1e-12), rng.beta(a, b, customers)
    tenure = rng.integers(1, JOINING + 1, customers).astype(float)
    longest = tenure + WINDOW * (1 + season) * (1 + max(0.0, *effects))
    times = _purchases(rng, rate, leaving, longest)
    level = rng.gamma(4, MEAN_ORDER / 3, customers)
    money = level * rng.gamma(6, 1 / 6, times.shape)
    ids = np.array([f"c{n:06d}" for n in range(customers)])

    def during(speed: float) -> pd.DataFrame:
        """Purchases of the window when buying runs `speed` times as fast in it."""
        inside = (times > tenure) & (times <= tenure + WINDOW * speed)
        return _days(ids, start, np.where(inside, (times - tenure) / speed, np.nan), money)

    history = _days(ids, start, np.where(times <= tenure, np.floor(times - tenure), np.nan), money)
    return World(
        start,
        history[history["order_date"] < pd.Timestamp(start)],
        {effect: during((1 + season) * (1 + effect)) for effect in (0.0, *effects)},
    )


def _purchases(rng: np.random.Generator, rate: np.ndarray, leaving: np.ndarray, longest: np.ndarray) -> np.ndarray:
    """Times since the first purchase (which is at 0), purchases x customers; NaN after the last."""
    found, at, here = [np.zeros(len(rate))], np.zeros(len(rate)), np.ones(len(rate), bool)
    while here.any():
        at = at + rng.exponential(1 / rate)
        here = here & (at <= longest)
        found.append(np.where(here, at, np.nan))
        here = here & (rng.random(len(rate)) > leaving)
    return np.array(found)


def _days(ids: np.ndarray, start: date, offset: np.ndarray, money: np.ndarray) -> pd.DataFrame:
    """One row per customer and day from offsets in days to `start`."""
    at, who = np.nonzero(~np.isnan(offset))
    order_date = np.datetime64(start, "D") + np.floor(offset[at, who]).astype("timedelta64[D]")
    rows = pd.DataFrame({"customer_id": ids[who], "order_date": order_date.astype("datetime64[us]"), "orders": 1,
                         "net_minor": np.rint(money[at, who]).astype("int64") + 1})  # fmt: skip
    return rows.groupby(["customer_id", "order_date"], as_index=False).agg(
        orders=("orders", "max"), net_minor=("net_minor", "sum")
    )
