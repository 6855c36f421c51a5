"""Buyers simulated from the BTYD models' own assumptions."""

from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd

from crmlib.io import engine

CELL = ["repeat_purchases", "last_purchase_age_days", "tenure_days"]


def lives(rng: np.random.Generator, n: int, model: tuple[float, float, float, float], days: float) -> list[np.ndarray]:
    """Purchase times of n customers in (0, days] after their first purchase: rate Gamma(r, alpha), leaving Beta(a, b)."""
    r, alpha, a, b = model
    rate, leaving = np.maximum(rng.gamma(r, 1 / alpha, n), 1e-12), rng.beta(a, b, n)
    found, at, here = [np.zeros(n)], np.zeros(n), np.ones(n, bool)
    while here.any():
        at = at + rng.exponential(1 / rate)
        here = here & (at <= days)
        found.append(np.where(here, at, np.nan))
        here = here & (rng.random(n) > leaving)
    return found


def cells(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.groupby(CELL, as_index=False).size().rename(columns={"size": "customers"})


def histories(seed: int, n: int, model: tuple[float, float, float, float], days: int = 365) -> pd.DataFrame:
    """x, t_x and T of n customers who start evenly over the first half of `days`; times are not rounded."""
    rng = np.random.default_rng(seed)
    times = np.array(lives(rng, n, model, days))
    tenure = days - rng.integers(0, days // 2, n)
    times[times > tenure] = np.nan
    x = (~np.isnan(times)).sum(axis=0) - 1
    return pd.DataFrame(dict(zip(CELL, (x, np.nanmax(times, axis=0), tenure), strict=True)))


def log(
    seed: int, n: int, model: tuple[float, float, float, float], start: date, days: int, joining: int
) -> pd.DataFrame:
    """A purchase log by day over `days` from `start`; customers join evenly in the first `joining` days."""
    rng = np.random.default_rng(seed)
    times = np.array(lives(rng, n, model, days))
    when = np.floor(times + rng.integers(0, joining, n))
    level = rng.gamma(4, 1000 / 3, n)
    rows = [(f"c{i:05d}", day) for i in range(n) for day in np.unique(when[~np.isnan(when[:, i]), i]) if day < days]
    frame = pd.DataFrame(rows, columns=["customer_id", "day"])
    money = level[frame["customer_id"].str[1:].astype(int)] * rng.gamma(6, 1 / 6, len(frame))
    dates = pd.to_datetime([start + timedelta(days=int(d)) for d in frame["day"]]).astype("datetime64[us]")
    return pd.DataFrame({"customer_id": frame["customer_id"], "order_date": dates, "orders": 1,
                         "net_minor": money.round().astype("int64") + 1})  # fmt: skip


def purchase_days(frame: pd.DataFrame) -> ibis.Table:
    return engine.table(frame).mutate(order_date=ibis._.order_date.cast("date"))
