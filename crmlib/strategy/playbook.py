"""Through which channel each tier is contacted, how often and at what cost; and how a customer is won back."""

import pandas as pd

from crmlib import schema
from crmlib.params import Settings
from crmlib.periods import Period

REVISIT_DAYS = 7
"""A customer with an alert is to be revisited within so many days."""


def contact_plan(channels: pd.DataFrame, sizes: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Table `contact_plan`: contacts and cost of each channel; over: the channels of a tier add to more than allowed.

    The limit is `strategy.max_contacts`, per customer and quarter.
    """
    scale, limit = 10**settings.book.minor_digits, settings.strategy.max_contacts
    rows = channels.merge(sizes[["tier", "customers"]], how="left", on="tier", validate="many_to_one")
    customers = rows.customers.fillna(0).astype("int64")
    contacts = (rows.cadence_quarter * customers).round().astype("int64")
    together = rows.groupby("tier").cadence_quarter.transform("sum")
    order = [rule.tier for rule in settings.segment.tiers]
    table = rows.assign(
        customers=customers,
        contacts=contacts,
        cost_minor=(contacts * rows.unit_cost * scale).round().astype("int64"),
        tier_cadence=together,
        contact_limit=float(limit),
        is_over=together > limit + 1e-9,
    )
    ranked = table.sort_values(["channel", "purpose"]).sort_values(
        "tier", key=lambda tier: tier.map(order.index), kind="stable"
    )
    return ranked[list(schema.TABLES["contact_plan"].columns)].reset_index(drop=True)


def winback_plan(steps: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Table `winback_plan`: the steps in order, dated for the customers whose alert came at the quarter's end."""
    due = pd.Timestamp(period.as_of) + pd.to_timedelta(steps.day_offset, unit="D")
    ordered = steps.assign(due_date=due).sort_values(["day_offset", "playbook_step"])
    return ordered[list(schema.TABLES["winback_plan"].columns)].reset_index(drop=True)


def revisits_in_time(steps: pd.DataFrame) -> bool:
    """Whether the playbook has a first step within a week of the alert."""
    return bool((steps.day_offset <= REVISIT_DAYS).any())


def logged(log: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The win-back contacts of the quarter."""
    inside = (log.contacted_on >= pd.Timestamp(period.start)) & (log.contacted_on <= pd.Timestamp(period.as_of))
    return log[inside].sort_values(["contacted_on", "customer_id"]).reset_index(drop=True)
