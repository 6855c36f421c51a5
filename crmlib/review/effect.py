"""The book's own campaigns before and during: a description without a control group, which never earns a verdict."""

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import Deferred, _

from crmlib import schema
from crmlib.periods import Period


def before_after(
    purchase_days: ir.Table, campaigns: ir.Table | None, campaign_targets: ir.Table | None, period: Period
) -> pd.DataFrame:
    """Table `campaign_windows`: weekly spend per customer during each campaign of the quarter, and as long before it.

    Counted are customers who had bought before the campaign started. Whom it targeted was chosen by hand, so the
    difference between the groups is not its effect. A window that the data do not cover gives no figures; a book
    without campaigns gives no rows.
    """
    columns = list(schema.TABLES["campaign_windows"].columns)
    if campaigns is None or campaign_targets is None:
        return pd.DataFrame(columns=columns)
    runs = _windows(campaigns, purchase_days, period)
    spent = _spent(purchase_days, campaign_targets, runs)
    found = runs.left_join(spent, "campaign_id").mutate(
        targeted=_.targeted.fill_null(0),
        untargeted=_.untargeted.fill_null(0),
        **{
            f"{group}_{when}_minor": _weekly(_[f"{group}_{when}"], _[group])
            for group in ("targeted", "untargeted")
            for when in ("before", "during")
        },
    )
    changed = found.mutate(
        targeted_change_share=_.targeted_during_minor / _.targeted_before_minor.nullif(0) - 1,
        untargeted_change_share=_.untargeted_during_minor / _.untargeted_before_minor.nullif(0) - 1,
    )
    shown = changed.order_by("start_date", "campaign_id").select(*columns)
    return shown.to_pyarrow().to_pandas(date_as_object=False)


def before_ratio(windows: pd.DataFrame) -> float:
    """How many times as much the targeted spent before as the others, averaged over campaigns."""
    return float((windows["targeted_before_minor"] / windows["untargeted_before_minor"]).astype("float64").mean())


def _windows(campaigns: ir.Table, purchase_days: ir.Table, period: Period) -> ir.Table:
    """Campaigns that touched the quarter, with the first day of the equally long window before them."""
    start, as_of = ibis.literal(period.start), ibis.literal(period.as_of)
    seen = campaigns.filter((_.start_date <= as_of) & (_.end_date >= start))
    sized = seen.mutate(days=seen.end_date.delta(seen.start_date, unit="day").cast("int64") + 1)
    dated = sized.mutate(before_date=(_.start_date - _.days.as_interval("D")).cast("date"))
    since = purchase_days.order_date.min().as_scalar()
    window = ibis.cases(
        (dated.end_date > as_of, "still_running"), (dated.before_date < since, "before_data"), else_="complete"
    )
    return dated.mutate(window=window)


def _spent(purchase_days: ir.Table, campaign_targets: ir.Table, runs: ir.Table) -> ir.Table:
    """Per campaign: customers targeted and not, and what each group spent before and during."""
    first = purchase_days.filter(_.orders > 0).group_by("customer_id").aggregate(first_date=_.order_date.min())
    members = first.join(runs, first.first_date < runs.start_date).select("customer_id", "campaign_id")
    listed = campaign_targets.select("campaign_id", "customer_id").distinct().mutate(is_targeted=True)
    grouped = members.left_join(listed, ["campaign_id", "customer_id"]).select(
        "campaign_id", "customer_id", is_targeted=_.is_targeted.notnull()
    )
    within = (purchase_days.order_date >= runs.before_date) & (purchase_days.order_date <= runs.end_date)
    bought = purchase_days.join(runs, within).mutate(is_before=_.order_date < _.start_date)
    sums = bought.group_by("campaign_id", "customer_id").aggregate(
        before=_.net_minor.sum(where=_.is_before), during=_.net_minor.sum(where=~_.is_before)
    )
    return (
        grouped.left_join(sums, ["campaign_id", "customer_id"])
        .group_by("campaign_id")
        .aggregate(
            targeted=_.is_targeted.sum(),
            untargeted=(~_.is_targeted).sum(),
            targeted_before=_.before.sum(where=_.is_targeted),
            targeted_during=_.during.sum(where=_.is_targeted),
            untargeted_before=_.before.sum(where=~_.is_targeted),
            untargeted_during=_.during.sum(where=~_.is_targeted),
        )
    )


def _weekly(total: Deferred, customers: Deferred) -> Deferred:
    """Spend per customer and week of a complete window."""
    spent = total.fill_null(0) / customers.nullif(0) / (_.days / 7)
    return ibis.ifelse(_.window == "complete", spent, ibis.null("float64"))
