"""Settings of step 4."""

from datetime import date
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from crmlib.params.types import Frozen, Share


class Holdout(Frozen):
    """How many customers a campaign leaves alone, and what it must be able to show.

    shares: customers of a tier up to which a share is held out; above the last one `large_share`, and at least
    `large_least` customers.
    """

    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    power: Annotated[float, Field(gt=0.5, lt=1)] = 0.8
    shares: tuple[tuple[Annotated[int, Field(gt=0)], Share], ...] = ((599, 0.5), (5_000, 0.2))
    large_share: Share = 0.1
    large_least: Annotated[int, Field(ge=0)] = 500
    min_arm: Annotated[int, Field(ge=2)] = 30
    weeks: Annotated[int, Field(ge=1, le=26)] = 10
    exclusive: bool = False

    @model_validator(mode="after")
    def _sizes_rise(self) -> Self:
        if any(b[0] <= a[0] for a, b in pairwise(self.shares)):
            raise ValueError("holdout.shares must name larger and larger numbers of customers")
        return self


KnownHoliday = Literal[
    "new_year",
    "spring_festival",
    "easter",
    "labour_day",
    "independence_day",
    "national_day",
    "singles_day",
    "thanksgiving",
    "christmas",
]


class Closed(Frozen):
    """Days of a holiday, a closure or a sale that the known names do not have."""

    name_en: str
    name_zh: str = ""
    start: date
    end: date

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> Self:
        if self.end < self.start:
            raise ValueError(f"end {self.end} is before start {self.start}")
        return self


class Weekly(Frozen):
    """Which weeks are unlike others, and how many weeks before and after an adjustment are compared."""

    holidays: tuple[KnownHoliday | Closed, ...] = ()
    adjustment_weeks: Annotated[int, Field(ge=1, le=13)] = 4
    active_weeks: Annotated[int, Field(ge=1, le=13)] = 4


class Actions(Frozen):
    """Who may be contacted: `consent` given, or merely not withdrawn; days between two contacts of a customer."""

    cooling_off_days: Annotated[int, Field(ge=0, le=366)] = 14
    consent: Literal["not_withdrawn", "given"] = "not_withdrawn"


class Allocation(Frozen):
    """How the plan is made: by tier or customer by customer, in whole contacts or rounded down, with which floors."""

    level: Literal["tier", "customer"] = "tier"
    integer: bool = False
    tier_cover: dict[str, Share] = {}
    customer_value: Literal["at_risk", "lifetime"] = "at_risk"
    sample: Annotated[int, Field(ge=100)] = 2000
    gap: Annotated[float, Field(gt=0, lt=1)] = 0.002


class Strategy(Frozen):
    """What next quarter's plan may spend, and how the answer to contacts falls within a tier."""

    budget: Annotated[float, Field(ge=0)]
    department_hours: dict[str, Annotated[float, Field(ge=0)]] = {}
    max_contacts: Annotated[float, Field(gt=0)] = 1.0
    segment_sizes: tuple[Share, ...] = (0.2, 0.3, 0.3, 0.2)
    segment_effects: tuple[Share, ...] = (1.0, 0.6, 0.35, 0.15)
    baseline_weeks: int = 26
    allocation: Allocation = Allocation()
    holdout: Holdout = Holdout()
    actions: Actions = Actions()
    weekly: Weekly = Weekly()

    @model_validator(mode="after")
    def _is_concave(self) -> Self:
        sizes, effects = self.segment_sizes, self.segment_effects
        rises = any(b > a for a, b in pairwise(effects))
        if len(sizes) != len(effects) or abs(sum(sizes) - 1) > 1e-9 or rises:
            raise ValueError("segment_sizes must add to 1, and segment_effects have as many values and never rise")
        return self
