"""Series about the economy beside the book's own demand: how their changes go together, which proves no cause."""

import numpy as np
import pandas as pd

from crmlib.schema import TABLES

MIN_CHANGES = 12
"""Common changes without which no correlation is told: with fewer, one in 20 pairs of unrelated series reaches 0.6."""

_LAGS = {"monthly": 3, "quarterly": 1}  # periods by which a series may lead
_MOST_DAYS = {"monthly": 45, "quarterly": 135}  # between two values of a series
_FALSE_SHARE = 0.05


def links(demand: pd.DataFrame, macro: pd.DataFrame) -> pd.DataFrame:
    """Table `macro_links`: rank correlation of period-on-period changes, the series leading by 0 to 3 periods.

    Levels that both rise go together whatever they are; changes do not. Interval by Bonett and Wright (2000), p-values
    adjusted for all pairs tried (Benjamini and Hochberg). A series that comes once a year has no row to test.
    """
    months = demand[(demand["series_kind"] == "total") & (demand["calendar"] == "month")]
    rows = [row for name, part in macro.groupby("series", sort=True) for row in _pairs(str(name), part, months)]
    frame = pd.DataFrame(rows, columns=[c for c in TABLES["macro_links"].columns if c not in _JUDGED])
    return _judged(frame)[list(TABLES["macro_links"].columns)]


_JUDGED = ("p_adjusted", "is_notable_link")


def _pairs(name: str, part: pd.DataFrame, months: pd.DataFrame) -> list[dict]:
    known = part.sort_values("observed_date")
    about = {"series": name} | known.iloc[-1][["series_name", "series_name_zh"]].to_dict()
    step = known["observed_date"].diff().dt.days.median()
    calendar = next((c for c, most in _MOST_DAYS.items() if step <= most), "")
    if not calendar:
        return [about | {"calendar": "yearly", "lag_periods": 0, "n": 0, "link_state": "few_common"}]
    unit = calendar[0].upper()
    values = known.groupby(known["observed_date"].dt.to_period(unit))["series_value"].mean()
    own, other = _changes(_demand_by(months, unit)), _changes(values)
    return [
        about | {"calendar": calendar, "lag_periods": lag} | _tested(own, _later(other, lag))
        for lag in range(_LAGS[calendar] + 1)
    ]


def _later(values: pd.Series, periods: int) -> pd.Series:
    return values.set_axis(pd.PeriodIndex(values.index) + periods)


def _demand_by(months: pd.DataFrame, unit: str) -> pd.Series:
    """Demand of whole months without its season where that is known, or of quarters of three whole months."""
    whole = months[months["is_whole"]]
    plain = whole["net_minor"].astype("float64") - whole["season_minor"].astype("float64").fillna(0)
    summed = plain.groupby(whole["start_date"].dt.to_period(unit)).agg(["sum", "count"])
    return summed["sum"][summed["count"] == (1 if unit == "M" else 3)]


def _changes(values: pd.Series) -> pd.Series:
    """Differences between neighbouring periods; over a gap there is none."""
    every = values.reindex(pd.period_range(values.index.min(), values.index.max())) if len(values) else values
    return every.diff().dropna()


def _tested(own: pd.Series, other: pd.Series) -> dict:
    from scipy.stats import norm, spearmanr

    both = pd.concat([own.rename("own"), other.rename("other")], axis=1, join="inner")
    n = len(both)
    if n < MIN_CHANGES or (both.nunique() < 3).any():
        return {"n": n, "link_state": "few_common"}
    found = spearmanr(both["own"], both["other"])
    r = min(max(float(found.statistic), -0.999_999), 0.999_999)
    half = norm.ppf(0.975) * np.sqrt((1 + r**2 / 2) / (n - 3))
    low, high = np.tanh(np.arctanh(r) + np.array([-half, half]))
    return {"n": n, "link_state": "tested", "association": r, "association_low": low, "association_high": high,
            "p_value": float(found.pvalue)}  # fmt: skip


def _judged(frame: pd.DataFrame) -> pd.DataFrame:
    from scipy.stats import false_discovery_control

    tested = (frame["link_state"] == "tested").to_numpy(dtype=bool)
    adjusted = np.full(len(frame), np.nan)
    if tested.any():
        adjusted[tested] = false_discovery_control(frame.loc[tested, "p_value"].to_numpy(dtype=float))
    return frame.assign(p_adjusted=adjusted, is_notable_link=adjusted < _FALSE_SHARE)
