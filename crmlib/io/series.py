"""Series about the economy or the market: small CSV files below `data/<book>/raw`, one value per period.

A value is dated by the last day of the period that it describes: the second quarter of 1996 by 1996-06-30, the year
2014 by 2014-12-31. Empty cells and the statisticians' signs for "not available" (. : .. - NA) are no observation.
"""

import calendar
import csv
import math
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from crmlib.errors import InputError
from crmlib.params import Series, Settings

_NONE = {"", ".", "..", ":", "-", "NA", "N/A"}
_SHOWN = 5


def read(settings: Settings, name: str) -> pd.DataFrame:
    """One series of `settings.collect.macro`, oldest first: observed_date, series_value."""
    series = settings.collect.macro[name]
    path, where = settings.data_dir / "raw" / series.file, f"data/{settings.book_id}/raw/{series.file}"
    if not path.is_file():
        raise InputError(f"{where} does not exist; put it there or correct collect.macro.{name}.file")
    rows = list(_rows(path, where, name, series))
    if not rows:
        chosen = f" where {', '.join(f'{c} is {v!r}' for c, v in series.where.items())}" if series.where else ""
        raise InputError(f"{where} has no rows{chosen}; correct collect.macro.{name}")
    found, problems = _observations(rows, series, where)
    if problems:
        more = len(problems) - _SHOWN
        raise InputError(problems[:_SHOWN] + ([f"{where}: {more} more rows like these"] if more > 0 else []))
    frame = pd.DataFrame(sorted(found.items()), columns=["observed_date", "series_value"])
    return frame.astype({"observed_date": "datetime64[us]", "series_value": "float64"})


def every(settings: Settings) -> dict[str, pd.DataFrame]:
    """All series of the params by name."""
    return {name: read(settings, name) for name in settings.collect.macro}


def check(settings: Settings) -> list[str]:
    """Every problem in the series of the params."""
    problems: list[str] = []
    for name in settings.collect.macro:
        try:
            read(settings, name)
        except InputError as error:
            problems += error.problems
    return problems


def _rows(path: Path, where: str, name: str, series: Series) -> Iterator[tuple[int, str, str]]:
    """Line number, time and value of the rows that `where` keeps."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{where} is not UTF-8; save it as 'CSV UTF-8'") from None
    lines = csv.DictReader(text.splitlines(), delimiter=series.delimiter)
    header = lines.fieldnames or []
    for column in (series.time, series.value, *series.where):
        if column not in header:
            raise InputError(
                f"{where} has no column '{column}', only {', '.join(header)}; correct collect.macro.{name}"
            )
    for row in lines:
        if all((row[column] or "").strip() == wanted for column, wanted in series.where.items()):
            yield lines.line_num, (row[series.time] or "").strip(), (row[series.value] or "").strip()


def _observations(rows: list[tuple[int, str, str]], series: Series, where: str) -> tuple[dict[date, float], list[str]]:
    """The values by date, and a sentence for each row that is none."""
    found: dict[date, float] = {}
    problems: list[str] = []
    dated = _decimal_years([time for _, time, _ in rows]) if series.time_format == "decimal_year" else _end_of
    for line, time, value in rows:
        if value in _NONE:
            continue
        number, day = _number(value), dated(time, series.time_format)
        if day is None:
            problems.append(f"{where} row {line}: {series.time} '{time}' is no time in format '{series.time_format}'")
        elif number is None:
            problems.append(f"{where} row {line}: {series.value} '{value}' is no number; write it plainly as 1234.5")
        elif day in found:
            problems.append(f"{where} row {line}: {time} is there twice; choose one series with `where`")
        else:
            found[day] = number
    return found, problems


def _number(text: str) -> float | None:
    plain = re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", text.replace("\u2212", "-"))
    value = float(plain[0]) if plain else math.nan
    return value if math.isfinite(value) else None


def _end_of(time: str, time_format: str) -> date | None:
    """The last day of the period that the text names: a day, a month, a quarter or a year."""
    if time_format == "quarter":
        found = re.fullmatch(r"(\d{4})[ -]?Q?([1-4])", time.upper())
        return _last_day(int(found[1]), 3 * int(found[2])) if found else None
    try:
        day = datetime.strptime(time, time_format).date()  # noqa: DTZ007 - a series has calendar days
    except ValueError:
        return None
    if "%d" in time_format or "%j" in time_format or "%x" in time_format:
        return day
    has_month = any(sign in time_format for sign in ("%m", "%b", "%B"))
    return _last_day(day.year, day.month if has_month else 12)


def _decimal_years(times: list[str]) -> Callable[[str, str], date | None]:
    """How to date decimal years: whole years where all are whole, quarters where all are quarters, else months."""
    fractions = [12 * (float(t) % 1) for t in times if re.fullmatch(r"\d{4}(\.\d+)?", t)]
    months = 12 if all(f == 0 for f in fractions) else 3 if all(f % 3 == 0 for f in fractions) else 1

    def dated(time: str, _format: str) -> date | None:
        if not re.fullmatch(r"\d{4}(\.\d+)?", time):
            return None
        month = round(12 * (float(time) % 1)) + months
        return _last_day(int(float(time)), month) if month <= 12 else None

    return dated


def _last_day(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])
