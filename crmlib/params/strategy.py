"""Settings of step 4."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from crmlib.params.types import Frozen, Share


class Strategy(Frozen):
    """What next quarter's plan may spend, and how the answer to contacts falls within a tier."""

    budget: Annotated[float, Field(ge=0)]
    department_hours: dict[str, Annotated[float, Field(ge=0)]] = {}
    max_contacts: Annotated[float, Field(gt=0)] = 1.0
    segment_sizes: tuple[Share, ...] = (0.2, 0.3, 0.3, 0.2)
    segment_effects: tuple[Share, ...] = (1.0, 0.6, 0.35, 0.15)
    baseline_weeks: int = 26

    @model_validator(mode="after")
    def _is_concave(self) -> Self:
        sizes, effects = self.segment_sizes, self.segment_effects
        rises = any(b > a for a, b in pairwise(effects))
        if len(sizes) != len(effects) or abs(sum(sizes) - 1) > 1e-9 or rises:
            raise ValueError("segment_sizes must add to 1, and segment_effects have as many values and never rise")
        return self
