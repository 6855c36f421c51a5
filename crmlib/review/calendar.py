"""What has to be looked at again, by when and by whom: short actions, strategies, tiers, standards."""

from typing import Any

import pandas as pd

from crmlib import schema
from crmlib.params import Settings

CADENCES = {
    "review_campaign": "after_end",
    "review_strategy": "each_quarter",
    "review_tiers": "each_half_year",
    "review_standard": "as_dated",
}


def due(
    log: pd.DataFrame, designs: pd.DataFrame | None, strategies: pd.DataFrame, standards: pd.DataFrame,
    settings: Settings,
) -> pd.DataFrame:  # fmt: skip
    """Table `review_calendar`: one row per thing under review, the most overdue first.

    A short action is due `short_action_days` after its end, a strategy every `strategy_months` and the tiers every
    `tier_months` after their last review in the register `review_log` (or since their start, or since the anchors were
    frozen), a standard on its own date. What has not ended or begun is not due.
    """
    rules = settings.review
    log = log[log["reviewed_on"] <= pd.Timestamp(settings.period.as_of)]
    rows = [*_campaigns(designs, log, settings), *_strategies(strategies, log, settings)]
    frozen = pd.Timestamp(settings.segment.anchors.frozen_on)
    rows += [_row("review_tiers", "tiers", rules.tier_owner, frozen, _last(log, "review_tiers", "tiers"),
                  pd.DateOffset(months=rules.tier_months))]  # fmt: skip
    rows += [
        {"review_kind": "review_standard", "subject_id": row["standard_id"], "owner": row["owner"],
         "reviewed_on": pd.NaT, "review_due": row["review_date"]}
        for row in standards.to_dict("records")
    ]  # fmt: skip
    found = pd.DataFrame(rows)
    late = (pd.Timestamp(settings.period.as_of) - found["review_due"]).dt.days
    dated = found.assign(
        cadence_rule=found["review_kind"].map(CADENCES),
        is_overdue=late > 0,
        days_overdue=late.clip(lower=0).fillna(0).astype("int64"),
    )
    place = dated["review_kind"].map(list(CADENCES).index)
    ordered = dated.assign(place=place).sort_values(
        ["days_overdue", "place", "subject_id"], ascending=[False, True, True], ignore_index=True
    )
    return ordered[list(schema.TABLES["review_calendar"].columns)]


def _campaigns(designs: pd.DataFrame | None, log: pd.DataFrame, settings: Settings) -> list[dict[str, Any]]:
    """Those that have ended and were not looked at since; a review before the end does not count."""
    if designs is None:
        return []
    ended = designs[(designs["tier"] == "all") & (designs["end_date"] <= pd.Timestamp(settings.period.as_of))]
    rows = []
    for row in ended.to_dict("records"):
        last = _last(log, "review_campaign", row["campaign_id"])
        if pd.isna(last) or last < row["end_date"]:
            wait = pd.DateOffset(days=settings.review.short_action_days)
            rows.append(_row("review_campaign", row["campaign_id"], row["owner"], row["end_date"], pd.NaT, wait))
    return rows


def _strategies(strategies: pd.DataFrame, log: pd.DataFrame, settings: Settings) -> list[dict[str, Any]]:
    begun = strategies[strategies["start_date"] <= pd.Timestamp(settings.period.as_of)]
    wait = pd.DateOffset(months=settings.review.strategy_months)
    return [
        _row("review_strategy", row["strategy_id"], row["owner"], row["start_date"],
             _last(log, "review_strategy", row["strategy_id"]), wait)
        for row in begun.to_dict("records")
    ]  # fmt: skip


def _last(log: pd.DataFrame, kind: str, subject: str) -> Any:
    return log["reviewed_on"][(log["review_kind"] == kind) & (log["subject_id"] == subject)].max()


def _row(kind: str, subject: str, owner: str, since: Any, last: Any, wait: pd.DateOffset) -> dict[str, Any]:
    begin = since if pd.isna(last) else last
    return {"review_kind": kind, "subject_id": subject, "owner": owner, "reviewed_on": last, "review_due": begin + wait}
