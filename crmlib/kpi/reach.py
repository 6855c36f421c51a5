"""How far running campaigns have come: whom they target, who answered so far."""

from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.kpi import weekly
from crmlib.periods import Period

_COLUMNS = ["campaign_id", "campaign_source", "start_date", "end_date", "targeted", "reached", "responded",
            "response_rate", "is_running"]  # fmt: skip


def progress(
    campaigns: ir.Table | None, targets: ir.Table | None, redemptions: ir.Table | None, period: Period
) -> pd.DataFrame:
    """Table `campaign_progress`: one row per campaign of the quarter so far.

    `responded` are targeted customers who redeemed an offer of the campaign by now; the rate is of all targeted,
    because who was reached is recorded nowhere. No rows where the book has no campaigns, targets or redemptions.
    """
    if campaigns is None or targets is None or redemptions is None:
        return pd.DataFrame(columns=_COLUMNS)
    start, as_of = ibis.literal(period.start), ibis.literal(period.as_of)
    here = campaigns.filter(_.start_date <= as_of, _.end_date >= start)
    used = redemptions.filter(_.redemption_date <= as_of).select("campaign_id", "customer_id").distinct()
    listed = targets.semi_join(here, "campaign_id").left_join(used.mutate(has_used=ibis.literal(value=True)),
                                                              ["campaign_id", "customer_id"])  # fmt: skip
    counted = listed.group_by("campaign_id").aggregate(
        targeted=_.customer_id.nunique(),
        responded=_.has_used.fill_null(False).sum(),  # noqa: FBT003 - by position
    )
    joined = here.select("campaign_id", "start_date", "end_date").inner_join(counted, "campaign_id")
    found = joined.order_by("start_date", "campaign_id").to_pyarrow().to_pandas(date_as_object=False)
    found = found.astype({"start_date": "datetime64[us]", "end_date": "datetime64[us]"})
    running = found["end_date"] >= pd.Timestamp(period.as_of)
    rate = found["responded"] / found["targeted"].where(found["targeted"] > 0)
    shown = found.assign(campaign_source="campaign_data", reached=float("nan"), response_rate=rate, is_running=running)
    return shown[_COLUMNS]


def response(
    shown: pd.DataFrame, campaigns: ir.Table | None, targets: ir.Table | None, redemptions: ir.Table | None
) -> pd.DataFrame:
    """Rows of the table `weekly`: of the customers whom a running campaign targets, those who redeemed in the week."""
    if campaigns is None or targets is None or redemptions is None:
        return weekly.nothing()
    spans = ibis.memtable(shown[["start_date", "end_date"]].astype("datetime64[us]").reset_index(names="place"))
    named = spans.mutate(first=_.start_date.cast("date"), last=_.end_date.cast("date")).select("place", "first", "last")
    running = named.cross_join(campaigns.select("campaign_id", "start_date", "end_date"))
    running = running.filter(_.start_date <= _.last, _.end_date >= _.first)
    aimed = running.inner_join(targets, "campaign_id").select("place", "first", "last", "campaign_id", "customer_id")
    used = aimed.inner_join(redemptions.select("campaign_id", "customer_id", "redemption_date"),
                            ["campaign_id", "customer_id"])  # fmt: skip
    used = used.filter(_.redemption_date >= _.first, _.redemption_date <= _.last)
    n = aimed.group_by("place").aggregate(n=_.customer_id.nunique()).to_pyarrow().to_pandas().set_index("place")["n"]
    hit = used.group_by("place").aggregate(n=_.customer_id.nunique()).to_pyarrow().to_pandas().set_index("place")["n"]
    every = range(len(shown))
    hits, cases = (counted.reindex(every, fill_value=0) for counted in (hit, n))
    return weekly.rate(shown, "campaign_response_rate", hits, cases, "actual")


def treated(
    designs: list[dict[str, Any]], assignments: ir.Table, purchase_days: ir.Table, period: Period
) -> pd.DataFrame:
    """Rows of the table `campaign_progress` for frozen campaigns that have begun: the treated who bought since.

    The hold-out is left alone here too: comparing the arms every week would find a difference sooner or later.
    """
    seen = {str(d["campaign_id"]): d for d in designs if d["start_date"] <= pd.Timestamp(period.as_of)}
    rows = [_treated(campaign, seen[campaign], assignments, purchase_days, period) for campaign in sorted(seen)]
    found = pd.DataFrame(rows, columns=_COLUMNS)
    return found[found["end_date"] >= pd.Timestamp(period.start)].reset_index(drop=True) if rows else found


def _treated(
    campaign: str, design: dict[str, Any], assignments: ir.Table, purchase_days: ir.Table, period: Period
) -> tuple[Any, ...]:
    start, end = design["start_date"], design["end_date"]
    last = min(end.date(), period.as_of)
    arm = assignments.filter(_.campaign_id == campaign, _.arm == "treated").select("customer_id").distinct()
    bought = purchase_days.filter(_.order_date >= start.date(), _.order_date <= last, _.orders > 0)
    n = int(arm.count().to_pyarrow().as_py())
    hits = int(arm.semi_join(bought, "customer_id").count().to_pyarrow().as_py())
    rate = hits / n if n else float("nan")
    return campaign, "frozen_plan", start, end, n, float("nan"), hits, rate, end >= pd.Timestamp(period.as_of)


def together(*parts: pd.DataFrame) -> pd.DataFrame:
    """Table `campaign_progress` from both kinds of campaign."""
    found = [part for part in parts if len(part)]
    return pd.concat(found, ignore_index=True) if found else parts[0]
