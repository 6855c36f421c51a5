"""What was aimed at, and how much of it was reached."""

import math

import pandas as pd

from crmlib.kpi import KPIS


def attainment(baseline: float, target: float, actual: float, direction: str = "higher") -> float:
    """Share of the way from baseline to target that was gone; one formula whichever way is better.

    A target equal to its baseline is held (1) or lost (0), and only there does `direction` matter.
    """
    if math.isnan(baseline) or math.isnan(target) or math.isnan(actual):
        return math.nan
    if target == baseline:
        return float(actual <= target if direction == "lower" else actual >= target)
    return (actual - baseline) / (target - baseline)


def change(before: float, after: float) -> float:
    """after / before - 1; nothing (or less) before gives NaN."""
    return after / before - 1 if before > 0 else math.nan


def outcome(attained: float) -> str:
    """The word for an attainment that is attributed to nothing (evidence grade C)."""
    if math.isnan(attained):
        return "not_measured"
    return "attained" if attained >= 1 else "partly_attained" if attained >= 0.5 else "not_attained"


def measured_on(named: pd.DataFrame) -> list[str]:
    """On which customers each target is measured: its strategy's `tier`, or "all".

    A register's `measured_on` decides ("tier" or "all"); without it a KPI that has tiers is measured on the tier.
    """
    asked = named["measured_on"] if "measured_on" in named.columns else pd.Series("", index=named.index)
    rows = zip(named["kpi"], named["tier"], asked.fillna(""), strict=True)
    return [tier if KPIS[kpi].has_tiers and scope != "all" else "all" for kpi, tier, scope in rows]


def whole(register: pd.DataFrame, strategies: pd.DataFrame) -> pd.DataFrame:
    """The targets that are measured on all customers: only these can be compared with figures of all customers."""
    tiers = register["strategy_id"].map(strategies.drop_duplicates("strategy_id").set_index("strategy_id")["tier"])
    scopes = measured_on(register.assign(tier=tiers.fillna("all")))
    return register.loc[[scope == "all" for scope in scopes]]
