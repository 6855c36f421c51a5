"""Did it work? Targets against what was measured, and the book's own campaigns before and during.

Neither has a control group, so both are evidence grade C: they describe, they never say that a strategy was effective.
"""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import Deferred, _

from crmlib import schema
from crmlib.kpi import KPIS, targets
from crmlib.params import Settings
from crmlib.periods import Period

QUESTIONS = {
    "attained": "ask_met",
    "partly_attained": "ask_partly",
    "not_attained": "ask_missed",
    "not_due": "ask_later",
    "not_measured": "ask_data",
    "small_n": "ask_more",
}


def attained(goals: pd.DataFrame, strategies: pd.DataFrame, kpis: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Table `effects`: each target beside what was measured on all customers in the quarter it is due in.

    A target that is due later shows this quarter's value and no outcome; one whose strategy starts after the next
    quarter is not shown. Money is in minor units here, in major units in the register.
    """
    period = settings.period
    near = strategies[strategies["start_date"] < pd.Timestamp(period.next.end)]
    of_strategy = near[["strategy_id", "strategy", "strategy_zh", "tier", "start_date", "end_date"]]
    named = goals.merge(of_strategy, on="strategy_id")
    scale = named["kpi"].map(lambda kpi: settings.minor(1.0) if KPIS[kpi].unit == "money" else 1.0).astype("float64")
    due = named["due_date"].map(lambda day: str(min(Period.containing(day.date()), period))).astype("str")
    scaled = named.assign(baseline=named["baseline"] * scale, target=named["target"] * scale, period=due)
    measured = kpis[kpis["tier"] == "all"].drop(columns=["tier", "kpi_unit", "provenance"])
    found = scaled.merge(measured, on=["kpi", "period"], how="left").rename(columns={"kpi_value": "actual"})
    found = found.assign(
        n=found["n"].fillna(0).astype("int64"), kpi_unit=_words(found, [KPIS[kpi].unit for kpi in found["kpi"]])
    )
    return _judged(found, settings)[list(schema.TABLES["effects"].columns)]


def _judged(found: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Add attainment, gap, outcome and the question that the outcome asks."""
    shares = [
        targets.attainment(b, t, a, KPIS[k].direction)
        for k, b, t, a in zip(found["kpi"], found["baseline"], found["target"], found["actual"], strict=True)
    ]
    judged = found.assign(
        attainment=pd.Series(shares, index=found.index, dtype="float64"),
        target_gap=found["actual"] - found["target"],
        evidence_grade="C",
    )
    outcomes = [_outcome(row, settings) for row in judged.to_dict("records")]
    return judged.assign(outcome=_words(found, outcomes), question=_words(found, [QUESTIONS[o] for o in outcomes]))


def _words(frame: pd.DataFrame, codes: Sequence[str]) -> pd.Series:
    return pd.Series(codes, index=frame.index, dtype="str")


def _outcome(row: dict, settings: Settings) -> str:
    if row["due_date"] >= pd.Timestamp(settings.period.end):
        return "not_due"
    if pd.notna(row["attainment"]) and row["n"] < KPIS[row["kpi"]].least_cases(settings.review):
        return "small_n"
    return targets.outcome(row["attainment"])


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
