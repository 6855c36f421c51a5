"""What loyalty levels cost: points and perks per tier, what is owed in points, and what it takes to earn them back.

Issued points = spend x earn rate. A share of them is ever redeemed (the rest lapses), each at the value of a point: the
cost of the points. Owed at the quarter's end is the part of it that is not redeemed yet. Only this quarter's points are
counted, because no source of the book is a ledger of points. Break-even: extra spend x margin = cost.
"""

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from crmlib import schema
from crmlib.params import Settings
from crmlib.periods import Period


def spend(tiered: ir.Table, purchase_days: ir.Table, period: Period) -> pd.DataFrame:
    """Customers of each tier and what they spent in the quarter (minor units, returns taken off, at least nothing)."""
    inside = purchase_days.filter(
        _.order_date >= ibis.literal(period.start), _.order_date <= ibis.literal(period.as_of)
    )
    spent = inside.group_by("customer_id").aggregate(net=_.net_minor.sum().clip(lower=0))
    joined = tiered.filter(_.tier != "none").left_join(spent, "customer_id").drop("customer_id_right")
    counted = joined.group_by("tier").aggregate(customers=_.count(), quarter_spend_minor=_.net.sum().fill_null(0))
    return counted.order_by("tier").to_pyarrow().to_pandas()


def costs(levels: pd.DataFrame, spent: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Table `loyalty_costs`, best tier first. Without a margin there is no break-even (NaN)."""
    scale, margin = 10**settings.book.minor_digits, settings.segment.value.margin or float("nan")
    rows = levels.merge(spent, how="left", on="tier", validate="one_to_one").fillna(
        {"customers": 0, "quarter_spend_minor": 0, "redeemed_share": 0.0, "perks_cost": 0.0}
    )
    money = rows.quarter_spend_minor.astype("float64")
    issued = money / scale * rows.earn_rate
    expected = issued * rows.redemption_share
    points = expected * rows.point_value * scale
    owed = issued * (rows.redemption_share - rows.redeemed_share).clip(lower=0) * rows.point_value * scale
    perks = rows.customers * rows.perks_cost * scale
    cost = (points + perks).round()
    earned = (margin * money).where(money > 0)
    order = [rule.tier for rule in settings.segment.tiers]
    whole = {"points_issued": issued, "points_expected": expected, "points_cost_minor": points, "perks_minor": perks,
             "cost_minor": cost, "liability_minor": owed}  # fmt: skip
    table = rows.assign(
        **{name: values.round().astype("int64") for name, values in whole.items()},
        customers=rows.customers.astype("int64"),
        quarter_spend_minor=money.astype("int64"),
        cost_share=np.where(money > 0, cost / money.where(money > 0), np.nan),
        breakeven_uplift=cost / earned,
    )
    ranked = table.sort_values("tier", key=lambda tier: tier.map(order.index))
    return ranked[list(schema.TABLES["loyalty_costs"].columns)].reset_index(drop=True)
