"""Settings of step 5."""

from pydantic import Field

from crmlib.params.types import Frozen


class Review(Frozen):
    min_rate_n: int = 30
    min_money_n: int = 100
    short_action_days: int = Field(default=3, ge=0)
    strategy_months: int = Field(default=3, ge=1)
    tier_months: int = Field(default=6, ge=1)
    tier_owner: str = ""
