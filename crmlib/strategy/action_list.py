"""The list people work with and what they wrote into it: reasons in words, template table 3, who was left out."""

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.params import Settings
from crmlib.schema import TABLES
from crmlib.strategy.actions import HELD_OUT, LISTED
from crmlib.strategy.turns import Calendar

WRITTEN = ("actual_execution", "completion_status", "execution_note")
_OUTCOMES = (LISTED, HELD_OUT, "no_consent", "cooling_off", "no_time", "campaign_place", "not_funded")
_GAPS = ("gap_days", "gap_orders", "gap_minor")
_BECAUSE = {
    "reason_lapsed": ("Stopped buying; ask why before the habit is gone. ", "已停止购买，趁习惯尚存尽快询问原因。"),
    "reason_new": ("Has only just begun; make the next purchase easy. ", "刚开始购买，应促成下一次购买。"),
    "reason_low_frequency": ("Buys too seldom; one more occasion counts most. ", "购买次数少，增加一次购买最有效。"),
    "reason_low_value": ("Comes often and buys little; fill the basket. ", "常来但消费金额低，应丰富购物篮。"),
    "reason_silence": ("Silent for longer than usual; call before he is lost. ", "沉默时间超过平时，应在流失前联系。"),
    "reason_near": ("Lacks one thing only for the next tier. ", "距上一层级仅差一项。"),
    "reason_best": ("In the best tier; keep him there. ", "已属最高层级，重在维系。"),
    "reason_grow": ("Can rise by a tier. ", "具备升级空间。"),
}  # fmt: skip


def reasoned(people: ir.Table) -> ir.Table:
    """The candidates with why they are worth a contact, as a code (`in_words` says it); no texts, which take memory.

    The first that applies: the reason of the lowest tier, an early warning, one single gap to the next tier.
    """
    gaps = [people[c].fill_null(0) > 0 for c in _GAPS]
    lacking = gaps[0].cast("int64") + gaps[1].cast("int64") + gaps[2].cast("int64")
    code = ibis.cases(
        (people.risk_reason != "", "reason_" + people.risk_reason),
        (people.alert.isin(["red", "amber"]), "reason_silence"),
        (people.next_tier == "", "reason_best"),
        (lacking == 1, "reason_near"),
        else_="reason_grow",
    )
    return people.select(
        "customer_id", "tier", "next_tier", *_GAPS, "stake", "stake_basis", "may_contact", "free_on", action_reason=code
    )


def in_words(people: ir.Table, tiered: ir.Table) -> ir.Table:
    """Add why in both languages: what the code says, then the customer's own numbers."""
    texts = tiered.select("customer_id", "reason_text", "reason_text_zh")
    said = people.left_join(texts, "customer_id").drop("customer_id_right")
    en, zh = (
        ibis.cases(*[(said.action_reason == c, words[n]) for c, words in _BECAUSE.items()], else_="") for n in (0, 1)
    )
    why = said.mutate(action_why=en + said.reason_text, action_why_zh=zh + said.reason_text_zh)
    return why.drop("reason_text", "reason_text_zh")


def customer_actions(
    assigned: ir.Table,
    people: ir.Table,
    tiered: ir.Table,
    plan: pd.DataFrame,
    written: ir.Table,
    settings: Settings,
) -> ir.Table:
    """Table `customer_actions`: the contacts with a week, and the held-out; with what people wrote about them.

    `people` with reasons, `tiered` has their sentences; `written`: customer_id, action_id, period and the three columns
    of the workbook.
    """
    period = settings.period.next
    calendar = Calendar.of(period, settings.strategy)
    names = ["line", "action_id", "strategy_id", "campaign_id", "channel", "channel_zh", "owner"]
    texts = ibis.memtable(plan[names].astype(dict.fromkeys(names[1:], "object")), schema=_schema(names))
    due = [(assigned.week == n, ibis.literal(day)) for n, day in enumerate(calendar.due)]
    listed = assigned.filter(_.week.notnull() | (_.arm == "hold_out")).mutate(
        due_date=ibis.cases(*due, else_=ibis.null("date"))
    )
    order = ibis.row_number().over(group_by="tier", order_by=[ibis.desc("stake"), "customer_id"])
    ranked = people.select("customer_id", "action_reason", "next_tier", *_GAPS, "stake_basis", action_place=order + 1)
    said = written.filter(_.period == str(period)).select("customer_id", "action_id", *WRITTEN)
    joined = in_words(listed.inner_join(texts, "line").inner_join(ranked, "customer_id"), tiered)
    both = joined.left_join(said, ["customer_id", "action_id"]).drop("customer_id_right", "action_id_right")
    filled = both.mutate(
        period=ibis.literal(str(period)),
        customer_stake_minor=both.stake,
        completion_status=both.completion_status.fill_null("open"),
        actual_execution=both.actual_execution.fill_null(""),
        execution_note=both.execution_note.fill_null(""),
    )
    return filled.select(*TABLES["customer_actions"].columns)


def statuses(listed: ir.Table) -> ir.Table:
    """How many contacts of the list have which status."""
    made = listed.filter(_.arm != "hold_out").group_by("completion_status")
    return made.aggregate(customers=_.count()).order_by("completion_status")


def strangers(written: ir.Table, listed: ir.Table, settings: Settings) -> ir.Table:
    """What people wrote about customers or measures that are not on the list of that quarter: usually a mistyped id."""
    mine = written.filter(_.period == str(settings.period.next))
    found = mine.anti_join(listed.filter(_.arm != "hold_out"), ["customer_id", "action_id"])
    return found.select("customer_id", "action_id", "period", *WRITTEN).order_by(["customer_id", "action_id"])


def tracking(listed: ir.Table, known: ir.Table, tiered: pd.DataFrame, plan: pd.DataFrame) -> ir.Table:
    """Template table 3: one row per contact to make; held-out customers are not on it.

    `tiered` are the strategies with their expected results.
    """
    columns = ["strategy", "strategy_zh", "expected", "expected_zh"]
    texts = tiered[["strategy_id", *columns]].drop_duplicates("strategy_id")
    content = plan[["action_id", "tier", "strategy_id", "action", "action_zh", "first"]]
    rows = content.merge(texts, how="left", on="strategy_id", validate="many_to_one")
    since = rows["first"].dt.strftime("%Y-%m-%d").astype("object")
    wording = rows.drop(columns="first").fillna("").astype("object").assign(since=since)
    words = ibis.memtable(wording, schema=dict.fromkeys(wording.columns, "string"))
    names = known.select("customer_id", "customer_name")
    made = listed.filter(_.arm != "hold_out").drop("strategy_id")
    joined = made.inner_join(words, ["action_id", "tier"]).left_join(names, "customer_id")
    return joined.mutate(
        strategy_type=joined.strategy_id + " " + joined.strategy,
        strategy_type_zh=joined.strategy_id + " " + joined.strategy_zh.nullif("").coalesce(joined.strategy),
        strategy_content=joined.action_id + " " + joined.action,
        strategy_content_zh=joined.action_id + " " + joined.action_zh.nullif("").coalesce(joined.action),
        plan_window=joined.since + " / " + joined.due_date.strftime("%Y-%m-%d"),
    ).select(*TABLES["strategy_tracking"].columns)


def coverage(people: ir.Table, assigned: ir.Table, engaged: ir.Table, settings: Settings) -> pd.DataFrame:
    """Table `action_coverage`: each customer of a tier once, by the first outcome that applies.

    `engaged`: the customers of running campaigns, in either arm.
    """
    last = Calendar.of(settings.period.next, settings.strategy)
    latest = last.due[last.turns[-1][1]] if last.turns[-1][1] >= 0 else settings.period.as_of
    rows = assigned.group_by("customer_id").aggregate(
        listed=_.week.notnull().sum(),
        held=(_.arm == "hold_out").sum(),
        late=(_.week.isnull() & (_.arm != "hold_out")).sum(),
    )
    taken = engaged.select("customer_id").distinct().mutate(in_campaign=1)
    joined = people.left_join(rows, "customer_id").drop("customer_id_right")
    joined = joined.left_join(taken, "customer_id").drop("customer_id_right")
    counts = {c: joined[c].fill_null(0) > 0 for c in ("listed", "held", "late", "in_campaign")}
    outcome = ibis.cases(
        (counts["listed"], LISTED),
        (counts["held"], HELD_OUT),
        (~joined.may_contact, "no_consent"),
        (joined.free_on > ibis.literal(latest), "cooling_off"),
        (counts["late"], "no_time"),
        (counts["in_campaign"], "campaign_place"),
        else_="not_funded",
    )
    counted = (
        joined.mutate(action_outcome=outcome)
        .group_by(["tier", "action_outcome"])
        .aggregate(customers=_.count(), customer_stake_minor=_.stake.sum())
    )
    found = counted.to_pyarrow().to_pandas()
    shares = found.customers / found.groupby("tier").customers.transform("sum")
    tiers = [rule.tier for rule in settings.segment.tiers]
    placed = found.assign(customer_share=shares.astype("float64"))
    placed = placed.assign(
        t=placed.tier.map(tiers.index), o=placed.action_outcome.map(_OUTCOMES.index).astype("int64")
    ).sort_values(["t", "o"])
    return placed[list(TABLES["action_coverage"].columns)].reset_index(drop=True)


def totals(listed: ir.Table, plan: pd.DataFrame) -> pd.DataFrame:
    """Table `action_totals`: what was funded and what is on the list, by action and tier."""
    made = listed.filter(_.arm != "hold_out").group_by(["action_id", "tier"])
    counted = made.aggregate(contacts_listed=_.count(), first_due_date=_.due_date.min(), last_due_date=_.due_date.max())
    found = counted.to_pyarrow().to_pandas(date_as_object=False)
    rows = plan.merge(found, how="left", on=["action_id", "tier"], validate="one_to_one")
    rows = rows.assign(contacts_listed=rows.contacts_listed.fillna(0).astype("int64"))
    each = rows.contacts.where(rows.contacts > 0)
    return rows.assign(
        contacts_unplaced=rows.contacts - rows.contacts_listed,
        cost_minor=(rows.cost_minor / each * rows.contacts_listed).fillna(0).round().astype("int64"),
        hours=(rows.hours / each * rows.contacts_listed).fillna(0.0),
    ).sort_values("line")[list(TABLES["action_totals"].columns)].reset_index(drop=True)  # fmt: skip


def execution(before: ir.Table | None, written: ir.Table, period: str) -> ir.Table:
    """The list made for this quarter a quarter ago, with the status written since; empty if none was.

    Columns: customer_id, action_id, due_date, completion_status.
    """
    columns = {"customer_id": "string", "action_id": "string", "due_date": "date", "completion_status": "string"}
    if before is None:
        nothing = pd.DataFrame({c: pd.Series(dtype="object") for c in columns})
        return ibis.memtable(nothing, schema=columns)
    said = written.filter(_.period == period).select("customer_id", "action_id", now="completion_status")
    made = before.filter(_.arm != "hold_out", _.period == period)
    joined = made.left_join(said, ["customer_id", "action_id"]).drop("customer_id_right", "action_id_right")
    status = joined.now.coalesce(joined.completion_status)
    return joined.mutate(completion_status=status).select(*columns)


def executed(last_list: ir.Table, period: str) -> pd.DataFrame:
    """Table `action_execution`."""
    counted = last_list.group_by(["action_id", "completion_status"]).aggregate(customers=_.count())
    found = counted.order_by(["action_id", "completion_status"]).to_pyarrow().to_pandas()
    return found.assign(period=period)[list(TABLES["action_execution"].columns)]


def contacts_of(last_list: ir.Table) -> ir.Table:
    """When the contacts of an earlier list were made, as far as people said so: on the day they were due."""
    made = last_list.filter(_.completion_status.isin(["done", "partial"]))
    return made.select("customer_id", contacted_on="due_date")


def _schema(names: list[str]) -> dict[str, str]:
    return {name: "int64" if name == "line" else "string" for name in names}
