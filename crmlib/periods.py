"""The quarter as a value; the only source of time in the library."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import total_ordering
from itertools import pairwise

from crmlib.errors import InputError

_PAUSES = 6  # fewer pauses between days with orders say nothing of what is usual
_LONG_PAUSE = 0.99


@dataclass(frozen=True)
class Week:
    """An ISO week, clipped to its quarter."""

    label: str
    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1


@total_ordering
@dataclass(frozen=True)
class Period:
    """One calendar quarter: every date that a step may ask for.

    `cut` is the last day of a quarter that is not over yet, or whose data end early; the quarters around it are whole.
    """

    year: int
    quarter: int
    cut: date | None = None

    @classmethod
    def parse(cls, text: str) -> "Period":
        found = re.fullmatch(r"(\d{4})Q([1-4])", text)
        if not found:
            raise InputError(f"period '{text}' is no quarter; write it as 2017Q4")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def containing(cls, day: date) -> "Period":
        return cls(day.year, (day.month + 2) // 3)

    @classmethod
    def up_to(cls, day: date) -> "Period":
        """The quarter of a day, cut after it."""
        whole = cls.containing(day)
        return whole if day == whole.as_of else cls(whole.year, whole.quarter, day)

    def __str__(self) -> str:
        return f"{self.year}Q{self.quarter}"

    def __lt__(self, other: "Period") -> bool:
        return (self.year, self.quarter) < (other.year, other.quarter)

    @property
    def start(self) -> date:
        return date(self.year, 3 * self.quarter - 2, 1)

    @property
    def end(self) -> date:
        """First day after the quarter, or after its cut."""
        return self.cut + timedelta(days=1) if self.cut else self.next.start

    @property
    def as_of(self) -> date:
        """Last day of the quarter: nothing later is looked at."""
        return self.end - timedelta(days=1)

    @property
    def is_cut(self) -> bool:
        """Whether the quarter ends before its last calendar day."""
        return self.end != self.next.start

    @property
    def year_ago(self) -> date:
        """Last day before the 12 months that end at `as_of` (left-open window)."""
        if not self.cut:
            return Period(self.year - 1, self.quarter).as_of
        leap_day = (self.cut.month, self.cut.day) == (2, 29)
        return self.cut.replace(year=self.cut.year - 1, day=28 if leap_day else self.cut.day)

    @property
    def next(self) -> "Period":
        return Period(self.year + self.quarter // 4, self.quarter % 4 + 1)

    @property
    def previous(self) -> "Period":
        return Period(self.year - (self.quarter == 1), (self.quarter - 2) % 4 + 1)

    def months_covered(self, first: date) -> int:
        """How many of the 12 months up to `as_of` lie after the day from which there are data (1 to 12)."""
        return max(1, min(12, round(((self.as_of - first).days + 1) / 30.4375)))

    @property
    def weeks(self) -> list[Week]:
        """ISO weeks of the quarter; the first and the last may be short, and together they are the quarter."""
        weeks, day = [], self.start
        while day < self.end:
            last = min(day + timedelta(days=6 - day.weekday()), self.as_of)
            iso = day.isocalendar()
            weeks.append(Week(f"{iso.year}-W{iso.week:02d}", day, last))
            day = last + timedelta(days=1)
        return weeks

    def since(self, first: "Period") -> list["Period"]:
        """All quarters from `first` to this one."""
        quarters = [self]
        while quarters[0] > first:
            quarters.insert(0, quarters[0].previous)
        return quarters


def usual_pause(ordered: Iterable[date]) -> int:
    """The 99th percentile of days from one of these days, in order, to the next; 0 where they are too few to tell."""
    pauses = sorted((after - before).days for before, after in pairwise(ordered))
    return pauses[int(_LONG_PAUSE * (len(pauses) - 1))] if len(pauses) >= _PAUSES else 0
