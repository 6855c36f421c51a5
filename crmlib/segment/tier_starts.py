"""The tier in which each customer began a quarter: what a change within the quarter is measured from."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from crmlib.params import Settings
from crmlib.periods import Period
from crmlib.segment import tiers

_COLUMNS = dict.fromkeys(("customer_id", "tier", "risk_reason", "period"), "string")


def each(
    purchase_days: ir.Table, customers: ir.Table, quarters: Sequence[Period], settings: Settings
) -> list[ir.Table]:
    """One row per customer and quarter: period, tier and risk_reason at the end of the quarter before.

    A table for each quarter, to be computed one after the other (`engine.stack`); without quarters, one without rows.
    Scored by today's settings, so that two quarters are comparable. Who bought for the first time in the quarter has
    no tier at its start.
    """
    parts = [
        tiers.placed(purchase_days, customers, quarter.previous, settings).select(
            "customer_id", "tier", "risk_reason", period=ibis.literal(str(quarter))
        )
        for quarter in quarters
    ]
    return parts or [ibis.memtable([], schema=_COLUMNS)]
