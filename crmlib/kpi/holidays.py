"""Weeks in which people buy otherwise because of a holiday: they set no limits and give no signal."""

from datetime import date, timedelta

import pandas as pd

from crmlib.errors import InputError
from crmlib.params import Closed, Weekly

_LUNAR_FROM = 2000
# Lunar New Year's Day (month and day) of 2000, 2001, ..., agreeing with the MIT-licensed `holidays` library 0.109.
_LUNAR_NEW_YEAR = (  # noqa: SIM905 - a list literal would take fifty lines
    "0205 0124 0212 0201 0122 0209 0129 0218 0207 0126 0214 0203 0123 0210 0131 0219 0208 0128 0216 0205 0125 0212 "
    "0201 0122 0210 0129 0217 0206 0126 0213 0203 0123 0211 0131 0219 0208 0128 0215 0204 0124 0212 0201 0122 0210 "
    "0130 0217 0206 0126 0214 0202 0123"
).split()
_FIXED = {
    "new_year": ((1, 1), 1),
    "labour_day": ((5, 1), 3),
    "independence_day": ((7, 4), 1),
    "national_day": ((10, 1), 7),
    "singles_day": ((11, 11), 1),
    "christmas": ((12, 24), 3),
}
"""First day and how many days."""

Span = tuple[str, str, date, date]


def names(weeks: pd.DataFrame, settings: Weekly) -> pd.DataFrame:
    """For each week the holidays in it as `holiday` and `holiday_zh`; '' where there is none.

    `holiday` holds the code of a known holiday, which views translate, or the name that the params give.
    """
    years = range(weeks["start_date"].min().year, weeks["end_date"].max().year + 1) if len(weeks) else range(0)
    spans = [span for entry in settings.holidays for span in _spans(entry, years)]
    found = [
        [span for span in spans if span[2] <= end.date() and span[3] >= start.date()]
        for start, end in zip(weeks["start_date"], weeks["end_date"], strict=True)
    ]
    text = {"holiday": [_joined(here, 0) for here in found], "holiday_zh": [_joined(here, 1) for here in found]}
    return pd.DataFrame(text, index=weeks.index, dtype="str")


def _joined(spans: list[Span], part: int) -> str:
    return "; ".join(dict.fromkeys(str(span[part]) for span in spans))


def _spans(entry: str | Closed, years: range) -> list[Span]:
    if isinstance(entry, Closed):
        return [(entry.name_en, entry.name_zh or entry.name_en, entry.start, entry.end)]
    return [(entry, entry, first, first + timedelta(days=days - 1)) for first, days in (_days(entry, y) for y in years)]


def _days(name: str, year: int) -> tuple[date, int]:
    """The first day of a known holiday in `year`, and how many days it has."""
    if name in _FIXED:
        (month, day), days = _FIXED[name]
        return date(year, month, day), days
    if name == "spring_festival":
        return _lunar_new_year(year) - timedelta(days=1), 8
    if name == "thanksgiving":
        first = date(year, 11, 1)
        return first + timedelta(days=(3 - first.weekday()) % 7 + 21), 2
    return _good_friday(year), 4


def _lunar_new_year(year: int) -> date:
    last = _LUNAR_FROM + len(_LUNAR_NEW_YEAR) - 1
    if not _LUNAR_FROM <= year <= last:
        raise InputError(
            f"strategy.weekly.holidays: spring_festival is known from {_LUNAR_FROM} to {last}, not for {year}; "
            "give its days with start and end"
        )
    text = _LUNAR_NEW_YEAR[year - _LUNAR_FROM]
    return date(year, int(text[:2]), int(text[2:]))


def _good_friday(year: int) -> date:
    """Two days before Easter Sunday of the Gregorian calendar (Meeus 1991, Astronomical Algorithms, chapter 8)."""
    golden, (century, rest) = year % 19, divmod(year, 100)
    moon = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    month, day = divmod(moon + week - 7 * ((golden + 11 * moon + 22 * week) // 451) + 114, 31)
    return date(year, month, day + 1) - timedelta(days=2)
