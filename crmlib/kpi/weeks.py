"""The calendar of the run charts: the whole weeks before the quarter, the weeks of the quarter, holidays among them."""

from dataclasses import replace
from datetime import date, timedelta

import pandas as pd

from crmlib.errors import InputError
from crmlib.kpi import holidays
from crmlib.params import Settings, Strategy
from crmlib.periods import Period, Week


def seen_from(settings: Settings, week: str) -> Settings:
    """The settings as of the last day of a week of their quarter: nothing later is seen. '' is the whole quarter."""
    if not week:
        return settings
    there = {w.label: w for w in settings.period.weeks}
    if week not in there:
        first, last = min(there), max(there, key=lambda label: there[label].start)
        raise InputError(f"week '{week}' is not in {settings.period}; its weeks are {first} to {last}")
    return settings.model_copy(update={"as_of": there[week].end})


def whole(period: Period) -> Period:
    """The quarter up to its last calendar day, wherever it is cut."""
    return Period(period.year, period.quarter)


def calendar(period: Period, strategy: Strategy, since: date, until: date) -> pd.DataFrame:
    """One row per week: whole ISO weeks before the quarter, then the weeks of the quarter that the data reached.

    Weeks with a holiday are in it but do not count towards the `baseline_weeks`, so that limits rest on as many others.
    A week that the quarter or the end of the data cuts is partial. Dates of the data are `since` and `until`.
    """
    within = [replace(week, end=min(week.end, until)) for week in period.weeks if week.start <= until]
    before = _named(_before(period, since), "baseline", strategy)
    usable = before["holiday"].eq("").astype("int64")
    later = usable.iloc[::-1].cumsum().iloc[::-1] - usable  # usable weeks between a week and the quarter
    kept = before[later < strategy.baseline_weeks].reset_index(drop=True)
    return pd.concat([kept, _named(within, "quarter", strategy)], ignore_index=True)


def label(day: date) -> str:
    iso = day.isocalendar()
    return f"{iso.year}-W{iso.week:02d}"


def _before(period: Period, since: date) -> list[Week]:
    """All whole ISO weeks that end before the quarter and start no earlier than the data."""
    monday = period.start - timedelta(days=period.start.weekday())
    back = range((monday - since).days // 7, 0, -1)
    starts = [monday - timedelta(weeks=weeks) for weeks in back]
    return [Week(label(day), day, day + timedelta(days=6)) for day in starts]


def _named(weeks: list[Week], phase: str, strategy: Strategy) -> pd.DataFrame:
    rows = [(w.label, w.start, w.end, w.days, phase, w.days < 7) for w in weeks]
    columns = ["week", "start_date", "end_date", "days", "phase", "is_partial"]
    found = pd.DataFrame(rows, columns=columns).astype({"days": "int64", "is_partial": "bool", "week": "str",
        "phase": "str", "start_date": "datetime64[us]", "end_date": "datetime64[us]"})  # fmt: skip
    return found.join(holidays.names(found, strategy.weekly))
