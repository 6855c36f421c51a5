"""Coverage over time: which days, weeks, quarters and stores the sources have rows of, and which are missing.

Rows are counted by day once; everything else reads those counts.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import groupby

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from crmlib.periods import Period, usual_pause
from crmlib.schema import TABLES

# The date that says when a row happened. Rows of events after the as-of date are not looked at.
EVENTS = {
    "orders": "order_date",
    "interactions": "interaction_at",
    "surveys": "survey_date",
    "tickets": "opened_at",
    "costs": "cost_date",
    "redemptions": "redemption_date",
}
_DATES = EVENTS | {"campaigns": "start_date", "customers": "contact_verified_date"}
_USUAL = 0.8  # a weekday belongs to a source's rhythm when it has rows in at least so many of its weeks
_WEEKDAYS = 7
_CHANCE = 1e-4  # days without rows that are less likely than that are missing: four years have 1,500 days
_NEAR = timedelta(days=182)  # half a year: what is usual grows and has seasons
_GREAT = 0.9  # the rows of a few great days say nothing of quiet ones


def seen(tables: dict[str, ir.Table], period: Period) -> dict[str, ir.Table]:
    """The tables as they stood at the as-of date: events after it are left out."""
    end = ibis.literal(period.end)
    return {n: t.filter(t[EVENTS[n]].cast("date") < end) if n in EVENTS else t for n, t in tables.items()}


def days(tables: dict[str, ir.Table], period: Period) -> pd.DataFrame:
    """Rows per source and day up to the as-of date: `source`, `day`, `rows`."""
    parts = []
    for name, field in ((n, f) for n, f in _DATES.items() if n in tables and f in tables[n].columns):
        dated = tables[name].select(day=tables[name][field].cast("date")).filter(_.day < ibis.literal(period.end))
        counted = dated.group_by("day").aggregate(rows=_.count()).order_by("day")
        parts.append(counted.to_pyarrow().to_pandas(date_as_object=False).assign(source=name))
    none = pd.DataFrame({"day": pd.to_datetime([]), "rows": [], "source": []})
    return pd.concat(parts or [none], ignore_index=True)[["source", "day", "rows"]]


def later(tables: dict[str, ir.Table], period: Period) -> list[str]:
    """The sources with a row in the quarter after the as-of date: their exports are newer than it.

    A date further off may be a slip of the pen and says nothing.
    """
    first, last = ibis.literal(period.end), ibis.literal(period.next.as_of)
    found = {n: t[EVENTS[n]].cast("date").between(first, last).any() for n, t in tables.items() if n in EVENTS}
    return [name for name, is_later in found.items() if is_later.to_pyarrow().as_py()]


def stores(orders: ir.Table, period: Period) -> pd.DataFrame:
    """Stores with rows per week of the orders (`start_date`, `store_id`); empty where orders name no store."""
    if "store_id" not in orders.columns:
        return pd.DataFrame({"start_date": pd.to_datetime([]), "store_id": []})
    known = orders.filter(_.store_id.notnull(), _.order_date < ibis.literal(period.end))
    found = known.select("store_id", start_date=known.order_date.truncate("W")).distinct()
    return found.order_by("start_date", "store_id").to_pyarrow().to_pandas(date_as_object=False)


def gaps(days: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Runs of missing days, the longest first within a source.

    A day is missing when it has no row though its weekday has rows in at least 80 % of the source's weeks, and the
    run that it stands in is no chance by the rows of these weekdays around it: a shop closed on Sundays misses none,
    nor does one with three orders a day that has a day with none, and a source without such weekdays (surveys now and
    then) has no rhythm to miss. Days after the last row, up to the as-of date, count.
    """
    rows = [(name, *run) for name, found in _by_source(days) for run in _runs(found, period)]
    frame = pd.DataFrame(rows, columns=list(TABLES["coverage_gaps"].columns))
    frame = frame.astype({"start_date": "datetime64[us]", "end_date": "datetime64[us]", "missing_days": "int64"})
    return frame.sort_values(["source", "missing_days", "start_date"], ascending=[True, False, True], ignore_index=True)


def _by_source(days: pd.DataFrame) -> Iterator[tuple[str, dict[date, int]]]:
    for name, part in days[days["source"].isin(EVENTS)].groupby("source"):
        yield str(name), {day.date(): int(rows) for day, rows in zip(part["day"], part["rows"], strict=True)}


def _runs(found: dict[date, int], period: Period) -> Iterator[tuple[date, date, int]]:
    usual = _rhythm(set(found))
    expected = [day for day in _span(min(found), period.as_of) if day.weekday() in usual]
    for is_absent, run in groupby(expected, lambda day: day not in found):
        absent = list(run)
        if is_absent and _chance(absent, found) < _CHANCE:
            yield absent[0], absent[-1], len(absent)


def _chance(absent: list[date], found: dict[date, int]) -> float:
    """How likely it is that all these days have no row, by the other days of their weekdays within half a year."""
    first, last = max(min(found), absent[0] - _NEAR), min(max(found), absent[-1] + _NEAR)
    near = [day for day in _span(first, last) if not absent[0] <= day <= absent[-1]]
    rows = [np.array([found.get(day, 0) for day in near if day.weekday() == w]) for w in range(_WEEKDAYS)]
    weekdays = Counter(day.weekday() for day in absent)
    return float(np.prod([_silence(rows[w]) ** n for w, n in weekdays.items()]))


def _silence(rows: np.ndarray) -> float:
    """The chance of a day without rows where others have so many: by their mean and variance, at most as often as seen.

    Negative binomial by moments, P(0) = (v/m)^(m/(1-v/m)); binomial where the variance v is below the mean m.
    """
    seen = (np.count_nonzero(rows == 0) + 1) / (len(rows) + 1)
    if seen == 1:
        return 1.0
    plain = np.minimum(rows, np.quantile(rows, _GREAT))
    mean, spread = float(plain.mean()), float(plain.var()) / float(plain.mean() or 1)
    if not spread:
        return 0.0 if mean else seen
    chance = np.exp(-mean) if np.isclose(spread, 1) else spread ** (mean / (1 - spread))
    return float(min(chance, seen))


def _rhythm(found: set[date]) -> set[int]:
    """The weekdays on which the source usually has rows, judged from its first to its last day."""
    span = _span(min(found), max(found))
    there = [sum(day.weekday() == w for day in found) for w in range(_WEEKDAYS)]
    could = [sum(day.weekday() == w for day in span) for w in range(_WEEKDAYS)]
    return (
        {w for w in range(_WEEKDAYS) if could[w] and there[w] >= _USUAL * could[w]} if len(span) > _WEEKDAYS else set()
    )


def _span(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def weeks(days: pd.DataFrame, gaps: pd.DataFrame, stores: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Per source and week (Monday) from its first row to the as-of date: rows, days, missing days, missing stores.

    A store is missing in a week without rows between the first and the last week that it has rows in; orders only.
    """
    parts = []
    for name, part in days[days["source"].isin(EVENTS)].groupby("source"):
        monday = part["day"] - pd.to_timedelta(part["day"].dt.day_of_week, unit="D")
        index = pd.date_range(monday.min(), period.as_of, freq="W-MON").astype("datetime64[us]")
        counted = part.groupby(monday)["rows"].agg(rows="sum", active_days="size").reindex(index, fill_value=0)
        absent_days = _missing_by_week(gaps[gaps["source"] == name], part)
        counted["missing_days"] = absent_days.reindex(index, fill_value=0)
        there, absent = _stores_by_week(stores if name == "orders" else stores.head(0), index)
        counted = counted.assign(source=name, stores=there, missing_stores=absent)
        parts.append(counted.rename_axis("start_date").reset_index())
    columns = list(TABLES["coverage_weeks"].columns)
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    return frame[columns].astype({"rows": "int64", "active_days": "int64", "missing_days": "int64"})


def _missing_by_week(gaps: pd.DataFrame, part: pd.DataFrame) -> pd.Series:
    usual = _rhythm({day.date() for day in part["day"]})
    runs = zip(gaps["start_date"].dt.date, gaps["end_date"].dt.date, strict=True)
    absent = [day for first, last in runs for day in _span(first, last)]
    mondays = [day - timedelta(days=day.weekday()) for day in absent if day.weekday() in usual]
    return pd.Series(mondays, dtype="datetime64[us]").value_counts()


def _stores_by_week(stores: pd.DataFrame, index: pd.Index) -> tuple[pd.Series, pd.Series]:
    """Stores with rows and stores missing; both unknown where orders name no store."""
    if stores.empty:
        return pd.Series(pd.NA, index, "Int64"), pd.Series(pd.NA, index, "Int64")
    there = stores.groupby("start_date").size().reindex(index, fill_value=0)
    spans = stores.groupby("store_id")["start_date"].agg(["min", "max"])
    opened = spans["min"].value_counts().reindex(index, fill_value=0).cumsum()
    closed = spans["max"].value_counts().reindex(index, fill_value=0).cumsum().shift(fill_value=0)
    return there.astype("Int64"), (opened - closed - there).astype("Int64")


def quarters(days: pd.DataFrame, period: Period, quiet_days: int) -> pd.DataFrame:
    """Each quarter from the first order to this one: its first and last day with orders, and whether it is partial.

    Partial: there are no orders, the as-of date cuts it, or orders begin or end more than `quiet_days` inside it, and
    later or earlier than usual in this book. Its usual pause is the 99th percentile of days from one day with orders to
    the next (31 where invoices go out each month).
    """
    ordered = pd.Series(pd.to_datetime(days.loc[days["source"] == "orders", "day"]).dt.date.unique()).sort_values()
    columns = list(TABLES["period_coverage"].columns)
    if ordered.empty:
        return pd.DataFrame(columns=columns)
    earlier = period.previous.since(Period.containing(ordered.min())) if ordered.min() < period.start else []
    usual = usual_pause(ordered)
    rows = [_quarter(quarter, ordered, quiet_days, usual) for quarter in [*earlier, period]]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({"first_order_date": "datetime64[us]", "last_order_date": "datetime64[us]"})


def _quarter(quarter: Period, ordered: "pd.Series[date]", quiet_days: int, usual: int) -> tuple[object, ...]:
    length = (quarter.end - quarter.start).days
    inside = ordered[(ordered >= quarter.start) & (ordered < quarter.end)]
    if inside.empty:
        return str(quarter), None, None, 0, length, True, "no_orders"
    first, last = inside.min(), inside.max()
    before = max(ordered[ordered < quarter.start], default=quarter.start)
    late = (first - quarter.start).days > quiet_days and (first - before).days > usual
    early = (quarter.as_of - last).days > max(quiet_days, usual)
    reasons = [word for word, is_so in (("starts_late", late), ("ends_early", early)) if is_so]
    reason = "_".join(reasons) or ("cut" if quarter.is_cut else "")
    return str(quarter), first, last, len(inside), length, bool(reason), reason
