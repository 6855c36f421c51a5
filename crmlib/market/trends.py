"""The book's own demand by week and month: what it was, where it goes, and what the next quarter may bring."""

from dataclasses import replace
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from crmlib.market import forecast
from crmlib.market.forecast import MONTH, WEEK, Future, Record, Rhythm
from crmlib.periods import Period
from crmlib.schema import TABLES

RHYTHMS = (WEEK, MONTH)
_UNITS = {WEEK: "W-SUN", MONTH: "M"}
_TIERS = ["high", "potential", "general", "risk"]
_SERIES = ["series_kind", "demand_series"]
_CATEGORIES = 4  # the largest are followed
_LONGEST_GAP_DAYS = 3  # missing days in a month that is still whole: public holidays


def freeze(period: Period) -> Period:
    """The quarter at whose end customers are told apart by tier: three before this one.

    Demand by tier is counted from then on. Today's tiers would show the past of those who bought much since: they would
    rise by selection alone.
    """
    return period.previous.previous.previous


def daily(
    purchase_days: ir.Table, tiers: ir.Table, category_days: ir.Table | None, period: Period, least: int
) -> ir.Table:
    """Net sales by day: of all customers, by the tier held at `freeze` (from then on), and of the largest categories.

    Who had no tier then (came later, or did not buy in the year before), or one with fewer than `least` customers, is
    `no_tier_then`.
    """
    seen = purchase_days.filter(_.order_date <= ibis.literal(period.as_of))
    named = tiers.filter(_.tier.isin(_TIERS))
    rated = named.filter(named.count().over(group_by=named.tier) >= least).select("customer_id", "tier")
    since = seen.filter(_.order_date > ibis.literal(freeze(period).as_of)).left_join(rated, "customer_id")
    parts = [
        _summed(seen.mutate(series_kind=ibis.literal("total"), demand_series=ibis.literal("total"))),
        _summed(since.mutate(series_kind=ibis.literal("tiers"), demand_series=_.tier.fill_null("no_tier_then"))),
    ]
    if category_days is not None:
        sold = category_days.filter(_.order_date <= ibis.literal(period.as_of), _.category != "unknown")
        largest = sold.group_by("category").agg(size=_.net_minor.sum()).order_by(_.size.desc(), _.category)
        kept = sold.semi_join(largest.limit(_CATEGORIES), "category")
        parts.append(_summed(kept.mutate(series_kind=ibis.literal("product_categories"), demand_series=_.category)))
    return ibis.union(*parts).order_by(*_SERIES, "order_date")


def demand(daily: pd.DataFrame, gaps: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Table `demand`: every series by week and month, which of them are whole, and the trend through the whole ones.

    A week is whole when it lies within the data and the quarter and no day of it is missing (`coverage_gaps` of the
    orders); a month may miss up to three days, as public holidays do. By tier only where a customer had a tier then.
    """
    missing = _missing_days(gaps[gaps["source"] == "orders"])
    parts = [
        _by_calendar(part.set_index("order_date")["net_minor"], missing, rhythm, period).assign(
            series_kind=str(kind), demand_series=str(series), calendar=rhythm.name
        )
        for (kind, series), part in _known(daily).groupby(_SERIES, sort=True)
        for rhythm in RHYTHMS
    ]
    columns = list(TABLES["demand"].columns)
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def outlook(demand: pd.DataFrame, period: Period) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables `demand_outlook` and `demand_forecast`: what did better in the past is used, in a tie the naive rule.

    The horizon begins with the first week or month that begins after the as-of date.
    """
    summaries, futures = [], []
    for (kind, series, calendar), part in demand.groupby([*_SERIES, "calendar"], sort=True):
        rhythm = next(r for r in RHYTHMS if r.name == calendar)
        name = {"series_kind": kind, "demand_series": series, "calendar": calendar}
        summary, future = _foretell(part.sort_values("start_date"), rhythm, pd.Timestamp(period.as_of))
        summaries.append(name | summary)
        futures += [name | row for row in future]
    total_first = sorted(summaries, key=lambda row: (row["series_kind"] != "total", row["series_kind"]))
    return _typed("demand_outlook", total_first), _typed("demand_forecast", futures)


def pick(frame: pd.DataFrame, kind: str, calendar: str) -> pd.DataFrame:
    """The rows of one kind of series by week or by month."""
    return frame[(frame["series_kind"] == kind) & (frame["calendar"] == calendar)].reset_index(drop=True)


def whole(part: pd.DataFrame) -> pd.DataFrame:
    """From the first to the last whole period of one series; those in between that are not whole have no value."""
    inside = part[part["is_whole"]]
    span = part[(part["start_date"] >= inside["start_date"].min()) & (part["start_date"] <= inside["start_date"].max())]
    return span.assign(value=span["net_minor"].where(span["is_whole"]).astype("float64"))


def _summed(rows: ir.Table) -> ir.Table:
    return rows.group_by([*_SERIES, "order_date"]).agg(net_minor=_.net_minor.sum().cast("int64"))


def _known(daily: pd.DataFrame) -> pd.DataFrame:
    """Without the tiers where nobody had one at the freeze: the data begin later."""
    by_tier = daily["series_kind"] == "tiers"
    return daily if daily.loc[by_tier, "demand_series"].isin(_TIERS).any() else daily[~by_tier]


def _missing_days(gaps: pd.DataFrame) -> pd.DatetimeIndex:
    runs = zip(gaps["start_date"], gaps["end_date"], strict=True)
    days = [day for first, last in runs for day in pd.date_range(first, last)]
    return pd.DatetimeIndex(days)


def _by_calendar(days: pd.Series, missing: pd.DatetimeIndex, rhythm: Rhythm, period: Period) -> pd.DataFrame:
    unit = _UNITS[rhythm]
    first, last = days.index.min(), pd.Timestamp(period.as_of)
    index = pd.period_range(first, last, freq=unit)
    start, end = index.start_time, index.end_time.normalize()
    absent = pd.Series(1, missing.to_period(unit)).groupby(level=0).sum().reindex(index, fill_value=0).to_numpy()
    allowed = 0 if rhythm is WEEK else _LONGEST_GAP_DAYS
    is_whole = (start >= first.normalize()) & (end <= last) & (absent <= allowed)
    sums = days.groupby(pd.DatetimeIndex(days.index).to_period(unit)).sum().reindex(index, fill_value=0)
    frame = pd.DataFrame(
        {
            "start_date": start,
            "end_date": end,
            "net_minor": sums.to_numpy(),
            "is_whole": is_whole,
        }
    )
    return _with_trend(frame.astype({"start_date": "datetime64[us]", "end_date": "datetime64[us]"}), rhythm)


def _with_trend(frame: pd.DataFrame, rhythm: Rhythm) -> pd.DataFrame:
    """The trend is a running median of what is left without the season."""
    blank = frame.assign(
        is_spike=False, trend_minor=pd.Series(pd.NA, frame.index, "Int64"),
        season_minor=pd.Series(pd.NA, frame.index, "Int64"),
    )  # fmt: skip
    span = whole(blank)
    if span.empty:
        return blank
    values = span["value"].to_numpy()
    year = rhythm.known(len(values)).season
    learnt = forecast.ready(values, year)
    season = forecast.seasonal(learnt, year)
    blank.loc[span.index, "trend_minor"] = np.rint(forecast.running_median(learnt - season)).astype("int64")
    blank.loc[span.index, "is_spike"] = ~np.isnan(values) & (learnt != values)
    if season.any():
        blank.loc[span.index, "season_minor"] = np.rint(season).astype("int64")
    return blank


def _foretell(part: pd.DataFrame, rhythm: Rhythm, as_of: pd.Timestamp) -> tuple[dict, list[dict]]:
    """The summary of one series and its future, period by period."""
    span = whole(part)
    values = span["value"].to_numpy()
    known = {
        "periods": int((~np.isnan(values)).sum()),
        "periods_needed": rhythm.needed,
        "periods_for_season": rhythm.needed_for_season,
    }
    coming = _coming(as_of, rhythm)
    over = int((part["start_date"] > span["start_date"].max()).sum())
    if known["periods"] < rhythm.needed or over > rhythm.horizon:
        return known | {"forecast_state": "too_short" if known["periods"] < rhythm.needed else "ended_early"}, []
    used = rhythm.known(len(values))
    smooth, naive = (forecast.backtest(values, used, method) for method in (forecast.smoothing, forecast.naive))
    learnt, further = forecast.ready(values, used.season), replace(used, horizon=used.horizon + over)
    wins = smooth.mae < naive.mae
    future = (forecast.smoothing if wins else forecast.naive)(learnt, further).after(over)
    summary = known | {
        "forecast_state": "foretold",
        "start_date": coming[0].start_time,
        "end_date": coming[-1].end_time.normalize(),
        "forecast_method": future.method,
        "naive_method": forecast.naive(learnt, used).method,
        **_sums(future, _least_sum(values, rhythm)),
        **_earlier(part, coming, rhythm, is_cut=over > 1),
        "trend_start_date": span["start_date"].min(),
        "trend_end_date": span["end_date"].max(),
        **_slope(learnt, used),
        **_records(smooth, naive, smooth if wins else naive),
    }
    return summary, _steps(future, coming, np.nanmin(values))


def _coming(as_of: pd.Timestamp, rhythm: Rhythm) -> pd.PeriodIndex:
    """The periods of the horizon."""
    running = pd.Period(as_of, freq=_UNITS[rhythm])
    return pd.period_range(running + 1, periods=rhythm.horizon)


def _floor(low: np.ndarray | float, least: float) -> Any:
    """Sales that were never negative will not be."""
    return np.maximum(low, 0) if least >= 0 else low


def _least_sum(values: np.ndarray, rhythm: Rhythm) -> float:
    """The least that as many periods as are foretold brought in a row; single ones may have had more returns."""
    runs = pd.Series(values).rolling(rhythm.horizon).sum().min()
    return float(np.fmax(np.nanmin(values), runs))


def _sums(future: Future, least: float) -> dict:
    (mean, low, high), (_mean, lowest, highest) = future.total(0.8), future.total(0.95)
    return {
        "expected_minor": mean,
        "low_80_minor": _floor(low, least),
        "high_80_minor": high,
        "low_95_minor": _floor(lowest, least),
        "high_95_minor": highest,
    }


def _earlier(part: pd.DataFrame, coming: pd.PeriodIndex, rhythm: Rhythm, *, is_cut: bool) -> dict:
    """What was sold in as many periods before, and in the same a year before; none where the data do not reach.

    `is_cut`: more than the running period lacks days.
    """
    sold = part.set_index(part["start_date"].dt.to_period(_UNITS[rhythm]))["net_minor"].iloc[1:]  # the first may be cut
    before, year = (sold.reindex(coming - back) for back in (rhythm.horizon, rhythm.season))
    return {"before_minor": None if is_cut else before.sum(skipna=False), "year_before_minor": year.sum(skipna=False)}


def _slope(learnt: np.ndarray, rhythm: Rhythm) -> dict:
    """Theil-Sen slope of the whole series without its season, per horizon and as a share of the median.

    It looks back: the forecast need not go on with it. Its 95 % interval is widened by what neighbouring periods share.
    """
    from scipy.stats import theilslopes

    plain = learnt - forecast.seasonal(learnt, rhythm.season)
    found = theilslopes(plain, np.arange(len(plain)), alpha=0.95)
    left = plain - found.intercept - found.slope * np.arange(len(plain))
    spread = float(left @ left)
    shared = min(max(float(left[1:] @ left[:-1]) / spread, 0.0), 0.95) if spread else 0.0
    wider = np.sqrt((1 + shared) / (1 - shared))
    unit = rhythm.horizon / abs(float(np.median(plain)) or np.nan)
    low, high = (found.slope + wider * (edge - found.slope) for edge in (found.low_slope, found.high_slope))
    return {"slope_rate": found.slope * unit, "slope_low_rate": low * unit, "slope_high_rate": high * unit}


def _records(smooth: Record, naive: Record, winner: Record) -> dict:
    return {
        "smooth_mase": smooth.mase,
        "naive_mase": naive.mase,
        "smooth_mae_minor": smooth.mae,
        "naive_mae_minor": naive.mae,
        "total_error_share": winner.total_error,
        "within_80_share": winner.within_80,
        "within_95_share": winner.within_95,
        "origins": winner.origins,
    }


def _steps(future: Future, coming: pd.PeriodIndex, least: float) -> list[dict]:
    (low, high), (lowest, highest) = future.interval(0.8), future.interval(0.95)
    found = {
        "start_date": coming.start_time,
        "end_date": coming.end_time.normalize(),
        "expected_minor": future.mean,
        "low_80_minor": _floor(low, least),
        "high_80_minor": high,
        "low_95_minor": _floor(lowest, least),
        "high_95_minor": highest,
    }
    return pd.DataFrame(found).to_dict("records")


def _typed(name: str, rows: list[dict]) -> pd.DataFrame:
    """Rows as the named table: money as whole minor units, absent values empty."""
    frame = pd.DataFrame(rows, columns=list(TABLES[name].columns))
    money = [c for c in frame.columns if c.endswith("_minor")]
    frame[money] = frame[money].astype("float64").round().astype("Int64")
    counts = [c for c in ("origins", "periods", "periods_needed", "periods_for_season") if c in frame]
    frame[counts] = frame[counts].astype("Int64")
    dates = [c for c in frame.columns if c.endswith("_date")]
    return frame.astype(dict.fromkeys(dates, "datetime64[us]"))
