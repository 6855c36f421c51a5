"""Settings of step 5."""

from crmlib.params.types import Frozen


class Review(Frozen):
    min_rate_n: int = 30
    min_money_n: int = 100
