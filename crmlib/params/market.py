"""Settings of step 3."""

from typing import Literal, Self

from pydantic import Field, model_validator

from crmlib.params.types import Frozen, Share


class Ahp(Frozen):
    """Pairwise judgements of importance."""

    max_ratio: Share = 0.10


class Risks(Frozen):
    """From how many points (likelihood x impact, 1 to 25) a risk is serious or severe."""

    serious_from: int = Field(default=8, ge=1, le=25)
    severe_from: int = Field(default=15, ge=1, le=25)

    @model_validator(mode="after")
    def _severe_is_above_serious(self) -> Self:
        if self.severe_from <= self.serious_from:
            raise ValueError("severe_from must be above serious_from")
        return self


class Positioning(Frozen):
    """When a theme of complaints counts as a need of the tier."""

    min_mention_share: Share = 0.05


class Smart(Frozen):
    """How targets are compared with what their KPI did before."""

    min_moves: int = Field(default=3, ge=1)
    usual_share: Share = 0.90


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
    weights_from: Literal["params", "ahp"] = "params"
    ahp: Ahp = Ahp()
    risks: Risks = Risks()
    positioning: Positioning = Positioning()
    smart: Smart = Smart()

    @model_validator(mode="after")
    def _weights_add_up(self) -> Self:
        if abs(sum(self.matrix_weights.values()) - 1) > 1e-9:
            raise ValueError(f"matrix_weights add to {sum(self.matrix_weights.values()):g}; they must add to 1")
        if self.growth_high <= self.growth_low:
            raise ValueError("growth_high must be above growth_low")
        return self
