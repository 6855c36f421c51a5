"""A quarter's weeks and its turns: when each contact of a customer may be made."""

import math
from dataclasses import dataclass
from datetime import date, timedelta

from crmlib.params import Strategy
from crmlib.periods import Period


@dataclass(frozen=True)
class Calendar:
    """The coming quarter's weeks as numbers from 0, and for each turn the first and the last week it may use."""

    period: Period
    turns: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, period: Period, rules: Strategy) -> "Calendar":
        turns = max(1, int(rules.max_contacts))
        gap = math.ceil(rules.actions.cooling_off_days / 7)
        starts = [len(period.weeks) * n // turns for n in range(turns + 1)]
        ends = [starts[n + 1] - 1 - (gap if n + 1 < turns else 0) for n in range(turns)]
        return cls(period, tuple(zip(starts, ends, strict=False)))

    @property
    def due(self) -> list[date]:
        """Each week's Friday, or its last day where the quarter begins after Friday or ends before."""
        return [min(max(w.start, w.end - timedelta(days=w.end.weekday() - 4)), w.end) for w in self.period.weeks]

    def first_due(self, day: date) -> int:
        """The first week whose due date is not before a day; one after the last where there is none."""
        return sum(due < day for due in self.due)

    def last_due(self, day: date) -> int:
        """The last week whose due date is not after a day; -1 where there is none."""
        return sum(due <= day for due in self.due) - 1
