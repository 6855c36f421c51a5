"""Settings of step 3."""

from typing import Literal, Self

from pydantic import model_validator

from crmlib.params.types import Frozen, Share


class Market(Frozen):
    """How opportunities are scored for a tier."""

    matrix_weights: dict[Literal["affinity", "growth", "headroom", "expert"], Share] = {
        "affinity": 0.35,
        "growth": 0.25,
        "headroom": 0.20,
        "expert": 0.20,
    }
    smoothing_share: Share = 0.01
    growth_low: float = -0.10
    growth_high: float = 0.20
    min_buyers: int = 30

    @model_validator(mode="after")
    def _weights_add_up(self) -> Self:
        if abs(sum(self.matrix_weights.values()) - 1) > 1e-9:
            raise ValueError(f"matrix_weights add to {sum(self.matrix_weights.values()):g}; they must add to 1")
        if self.growth_high <= self.growth_low:
            raise ValueError("growth_high must be above growth_low")
        return self
