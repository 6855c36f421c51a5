"""Campaign plans as the register has them: which can still be drawn, which have started, and their table."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas as pd

from crmlib import schema
from crmlib.kpi.windows import UNITS, Span
from crmlib.params import Settings
from crmlib.periods import Period

_FROM_PLAN = ("campaign_id", "strategy_id", "action_id", "campaign", "campaign_zh", "channel", "channel_zh", "kpi",
             "drawn_by", "owner", "provenance")  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """One row of the register `campaign_plans`, with its blanks filled in and money in minor units."""

    row: dict[str, Any]
    tiers: list[str]
    unit: str
    during: Span
    target: float
    minimum: float

    @property
    def campaign_id(self) -> str:
        return str(self.row["campaign_id"])


def plan_of(row: dict[str, Any], settings: Settings) -> Plan:
    """A row of the register as a plan; the window is cut to whole weeks from its first day."""
    unit = UNITS[row["kpi"]]
    scale = settings.minor(1.0) if unit == "money" else 1.0
    start, end = row["start_date"].date(), row["end_date"].date()
    weeks = ((end - start).days + 1) // 7
    wanted = {part.strip() for part in str(row["tiers"]).split(";")}
    tiers: list[str] = [rule.tier for rule in settings.segment.tiers if rule.tier in wanted]
    target = float(row["effect_target"]) * scale
    given = row["minimum_effect"]
    minimum = target / 2 if pd.isna(given) else float(given) * scale
    return Plan(row, tiers, unit, Span(start, start + timedelta(days=7 * weeks - 1)), target, minimum)


def near(plans: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Plans that start before the next quarter ends and had not ended before this quarter began."""
    starts = plans["start_date"] < pd.Timestamp(period.next.end)
    return plans[starts & (plans["end_date"] >= pd.Timestamp(period.start))].reset_index(drop=True)


def drafts(plans: pd.DataFrame, frozen: Iterable[str], period: Period) -> pd.DataFrame:
    """Those that have not started and are not frozen: the ones that can still be drawn."""
    waiting = ~plans["campaign_id"].isin(list(frozen)) & (plans["start_date"] >= pd.Timestamp(period.end))
    return plans[waiting].reset_index(drop=True)


def with_state(designs: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Where each campaign stands on the last day of the quarter."""
    columns = (designs[c] for c in ("start_date", "end_date", "plan_hash"))
    states = [_state(start, end, plan_hash, period) for start, end, plan_hash in zip(*columns, strict=True)]
    return designs.assign(campaign_state=pd.Series(states, index=designs.index, dtype="str"))


def without_list(plans: pd.DataFrame, designs: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Plans that are neither frozen nor drawn, because they have started: a row each, without figures."""
    late = plans[~plans["campaign_id"].isin(designs["campaign_id"])]
    found = [plan_of({str(k): v for k, v in row.items()}, settings) for row in late.to_dict("records")]
    return frame([{**given(plan), "tier": "all"} for plan in found])


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows of `campaign_designs` with its types; what a row lacks is missing."""
    types = {"string": "str", "float64": "float64", "int64": "int64", "boolean": "bool", "date": "datetime64[us]"}
    columns = schema.TABLES["campaign_designs"].columns
    blank = {"str": "", "float64": math.nan, "int64": 0, "bool": False, "datetime64[us]": pd.NaT}
    kinds = {column: types[schema.COLUMNS[column].dtype] for column in columns}
    return pd.DataFrame(
        {c: pd.Series([_or(row.get(c), blank[kind]) for row in rows], dtype=kind) for c, kind in kinds.items()}
    )


def given(plan: Plan) -> dict[str, Any]:
    """What the register says."""
    return {
        **{name: plan.row[name] for name in _FROM_PLAN},
        "kpi_unit": plan.unit,
        "start_date": pd.Timestamp(plan.during.start),
        "end_date": pd.Timestamp(plan.during.end),
        "weeks": plan.during.weeks,
        "effect_target": plan.target,
        "minimum_effect": plan.minimum,
    }


def _state(start: pd.Timestamp, end: pd.Timestamp, plan_hash: str, period: Period) -> str:
    started = start < pd.Timestamp(period.end)
    if not plan_hash:
        return "unfrozen" if started else "draft"
    return "frozen" if not started else "ended" if end < pd.Timestamp(period.end) else "running"


def _or(value: Any, blank: Any) -> Any:
    return blank if value is None else value


def with_moved(breaches: pd.DataFrame, moved: pd.DataFrame) -> pd.DataFrame:
    """Table `campaign_breaches` with a row for each campaign in which customers changed their arm."""
    rows = [
        (campaign, "arms_moved", "arm", "0", str(customers), pd.NaT)
        for campaign, customers in moved.itertuples(index=False)
    ]
    if not rows:
        return breaches
    more = pd.DataFrame(rows, columns=breaches.columns).astype(breaches.dtypes.to_dict())
    found = pd.concat([breaches, more], ignore_index=True)
    return found.sort_values(["campaign_id", "breach", "field"], kind="stable").reset_index(drop=True)
