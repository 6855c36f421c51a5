"""What was changed on the way, and what was seen afterwards: described, not attributed."""

import pandas as pd

from crmlib.periods import Period

BY_WEEK = {"retention_rate": "weekly_return_rate", "churn_rate": "weekly_return_rate",
           "repurchase_rate": "weekly_return_rate", "net_revenue_retention": "net_revenue",
           "gross_revenue_retention": "net_revenue", "first_reply_rate": "reply_in_time_rate"}  # fmt: skip
"""KPIs of a quarter or a year, and the one that comes nearest to them by week."""
_COLUMNS = ["adjusted_on", "strategy_id", "kpi", "kpi_unit", "weeks_before", "kpi_before", "weeks_after", "kpi_after",
            "kpi_shift", "after_state", "provenance"]  # fmt: skip


def log(adjustments: pd.DataFrame, strategies: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Changes to running strategies up to the end of the quarter, the latest first."""
    known = adjustments[adjustments.adjusted_on <= pd.Timestamp(period.as_of)]
    named = known.merge(strategies[["strategy_id", "tier", "strategy", "strategy_zh"]], how="left", on="strategy_id")
    return named.sort_values(["adjusted_on", "strategy_id"], ascending=[False, True]).reset_index(drop=True)


def seen(changes: pd.DataFrame, targets: pd.DataFrame, watched: pd.DataFrame, most: int) -> pd.DataFrame:
    """Table `adjustment_effects`: one row per change and KPI of its strategy's targets that is measured by week.

    The mean of up to `most` whole weeks before and after the change, holiday weeks left out. A change on a Monday
    counts from that week on; otherwise its week is on neither side. `watched` is the table `weekly`, all of its weeks.
    """
    aims = targets[["strategy_id", "target_id", "kpi"]].assign(kpi=targets["kpi"].replace(BY_WEEK))
    aims = aims[aims["kpi"].isin(watched["kpi"])].drop_duplicates(["strategy_id", "kpi"])
    pairs = changes[["adjusted_on", "strategy_id"]].merge(aims, how="inner", on="strategy_id")
    usable = watched[watched["kpi_value"].notna() & ~watched["is_partial"].astype("bool") & watched["holiday"].eq("")]
    rows = [
        _around(usable[usable["kpi"] == kpi], day, most)
        for kpi, day in zip(pairs["kpi"], pairs["adjusted_on"], strict=True)
    ]
    found = pd.concat([pairs.reset_index(drop=True), pd.DataFrame(rows, columns=_AROUND)], axis=1)
    return found[_COLUMNS]


_AROUND = [
    "kpi_unit",
    "weeks_before",
    "kpi_before",
    "weeks_after",
    "kpi_after",
    "kpi_shift",
    "after_state",
    "provenance",
]


def _around(weeks: pd.DataFrame, day: pd.Timestamp, most: int) -> tuple[object, ...]:
    before = weeks[weeks["end_date"] < day].tail(most)
    after = weeks[weeks["start_date"] >= day].head(most)
    first = weeks.iloc[0] if len(weeks) else {"kpi_unit": "number", "provenance": "actual"}
    was, became = _mean(before), _mean(after)
    return (first["kpi_unit"], len(before), was, len(after), became, became - was, _state(before, after),
            first["provenance"])  # fmt: skip


def _mean(weeks: pd.DataFrame) -> float:
    """The mean week; of a rate, all its cases together."""
    if len(weeks) and weeks["kpi_unit"].iloc[0] == "rate":
        return float((weeks["kpi_value"] * weeks["n"]).sum() / weeks["n"].sum())
    return float(weeks["kpi_value"].mean()) if len(weeks) else float("nan")


def _state(before: pd.DataFrame, after: pd.DataFrame) -> str:
    """Whether the weeks after the change stand out; that says nothing about why."""
    if after.empty or before.empty:
        return "too_soon" if after.empty else "nothing_before"
    if after["lower_limit"].isna().all():
        return "no_limits"
    outside = (after["kpi_value"] < after["lower_limit"]) | (after["kpi_value"] > after["upper_limit"])
    return "some_outside" if outside.any() else "all_within"
