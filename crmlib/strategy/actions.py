"""Which customer gets which measure next quarter: the contacts that the allocation funds, given to the best first.

A quarter has as many turns as a customer may have contacts (`max_contacts`, at least one); turns are so far apart that
no two contacts of a customer fall within the cooling-off days. A campaign comes first: its measure goes to the treated,
and in both arms it takes a turn, so that the arms get the same of everything else. What is left of the turns goes to
the other measures of the tier, the one that brings most first. Order: value at stake, then customer id.
"""

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.params import Settings
from crmlib.periods import Period
from crmlib.strategy import workload
from crmlib.strategy.turns import Calendar

LISTED, HELD_OUT = "listed", "is_held_out"
_ALL = 2**62
_PLACES = ["customer_id", "tier", "turn", "line", "stake"]


def lines(
    allocation: pd.DataFrame, actions: pd.DataFrame, strategies: pd.DataFrame, campaigns: pd.DataFrame, period: Period
) -> pd.DataFrame:
    """One row per action and tier with funded contacts, numbered by `line`; `first` and `last` day it may be done.

    `campaigns` (campaign_id, action_id, start_date, end_date) are those with a hold-out; one that runs in the coming
    quarter gives its action the campaign's dates. The quarter is `period`.
    """
    work = actions[["action_id", "tier", "unit_hours", "unit_value"]]
    texts = strategies[["strategy_id", "channel", "channel_zh"]]
    running = campaigns[
        (campaigns.start_date <= pd.Timestamp(period.as_of)) & (campaigns.end_date >= pd.Timestamp(period.start))
    ]
    dates = {"start_date": "from_date", "end_date": "to_date"}
    runs = running[["campaign_id", "action_id", *dates]].rename(columns=dates).drop_duplicates("action_id")
    found = (
        allocation[allocation.contacts > 0]
        .merge(work, how="left", on=["action_id", "tier"], validate="one_to_one")
        .merge(texts, how="left", on="strategy_id", validate="many_to_one")
        .merge(runs, how="left", on="action_id", validate="many_to_one")
        .sort_values(["tier", "unit_value", "action_id"], ascending=[True, False, True])
    )
    first, last = pd.Timestamp(period.start), pd.Timestamp(period.as_of)
    start, end = found.from_date.fillna(found.start_date), found.to_date.fillna(found.end_date)
    start, end = start.where(start > first, first), end.where(end < last, last)
    return found.assign(first=start, last=end, line=range(len(found)), campaign_id=found.campaign_id.fillna(""))


def candidates(
    tiered: ir.Table, valued: ir.Table, known: ir.Table, contacted: ir.Table, settings: Settings
) -> ir.Table:
    """Everyone with a tier: his value at stake, whether he may be contacted, and from which day on.

    At stake: in the lowest tier the money expected to be lost, in the others the value expected of the next 12 months,
    in minor units; without a forecast the spend of the last 12. `contacted` has customer_id, contacted_on.
    """
    rules, last_tier = settings.strategy.actions, settings.segment.tiers[-1].tier
    values = valued.select("customer_id", "at_risk_minor", "alert", clv=_.clv_calibrated_minor.coalesce(_.clv_minor))
    latest = contacted.group_by("customer_id").aggregate(contacted_on=_.contacted_on.max())
    consent = known.select("customer_id", "consent")
    joined = tiered.filter(_.tier.isin([rule.tier for rule in settings.segment.tiers]))
    for part in (values, consent, latest):
        joined = joined.left_join(part, "customer_id").drop("customer_id_right")
    at_risk = (joined.tier == last_tier) & joined.at_risk_minor.notnull()
    refused = joined.consent == "withdrawn" if rules.consent == "not_withdrawn" else joined.consent != "given"
    return joined.mutate(
        stake=ibis.cases((at_risk, joined.at_risk_minor), else_=joined.clv.coalesce(joined.monetary_12m_minor))
        .coalesce(0).cast("int64"),
        stake_basis=ibis.cases(
            (at_risk, "stake_risk"), (joined.clv.notnull(), "stake_clv"), else_="stake_spend"),
        may_contact=~refused.fill_null(rules.consent == "given"),
        free_on=joined.contacted_on.cast("date") + ibis.interval(days=rules.cooling_off_days),
    )  # fmt: skip


def exposures(campaigns: ir.Table | None, targets: ir.Table | None) -> ir.Table | None:
    """To whom the book's own campaigns were sent, on the day they began; None without such a source."""
    if campaigns is None or targets is None:
        return None
    return targets.inner_join(campaigns, "campaign_id").select("customer_id", contacted_on=_.start_date.cast("date"))


def contacts_before(interactions: ir.Table | None, others: list[ir.Table | None], period: Period) -> ir.Table:
    """Who was contacted when, up to the quarter's end: recorded contacts and `others` (customer_id, contacted_on)."""
    met = [t.select("customer_id", contacted_on=_.contacted_on.cast("date")) for t in others if t is not None]
    if interactions is not None:
        met.append(interactions.select("customer_id", contacted_on=_.interaction_at.cast("date")))
    return ibis.union(*met, distinct=True).filter(_.contacted_on <= ibis.literal(period.as_of))


def assign(people: ir.Table, plan: pd.DataFrame, drawn: ir.Table, settings: Settings) -> ir.Table:
    """One row per customer and measure: line, arm, turn, week (null: no hours left, or held out).

    `people` are the candidates (compute them once before), `plan` the `lines`, `drawn` the campaigns' assignments.
    """
    calendar = Calendar.of(settings.period.next, settings.strategy)
    free = _with_weeks(people, calendar)
    in_campaigns = _campaign_turns(free, plan, drawn, calendar)
    treated = _first(in_campaigns.filter(_.arm == "treated", _.is_free), plan)
    others = _general(free, plan, in_campaigns, calendar)
    placed = ibis.union(treated.mutate(arm=ibis.literal("treated")), others.mutate(arm=ibis.literal("")))
    held = in_campaigns.filter(_.arm != "treated").select(*_PLACES, "free_week", "arm")
    dated = workload.weeks(placed, plan, calendar, settings.strategy)
    return ibis.union(dated, held.drop("free_week").mutate(week=ibis.null("int64")))


def campaigns(designs: pd.DataFrame | None) -> pd.DataFrame:
    """The campaigns of the designs that serve an action: campaign_id, action_id, start_date, end_date."""
    columns = ["campaign_id", "action_id", "start_date", "end_date"]
    if designs is None:
        return pd.DataFrame({c: pd.Series(dtype="datetime64[us]" if c.endswith("_date") else "str") for c in columns})
    serving = designs.loc[designs.action_id.fillna("") != "", columns]
    return serving.drop_duplicates("campaign_id").sort_values("campaign_id")


def engaged(drawn: ir.Table | None, plan: pd.DataFrame) -> ir.Table:
    """The customers of the campaigns whose action has contacts in the coming quarter, with their arm."""
    columns = ["campaign_id", "customer_id", "tier", "arm"]
    if drawn is None:
        return _small(pd.DataFrame(columns=columns), dict.fromkeys(columns, "str"))
    running = [campaign for campaign in plan.campaign_id.unique() if campaign]
    return drawn.filter(_.campaign_id.isin([*running, ""]), _.campaign_id != "").select(columns)


def _with_weeks(people: ir.Table, calendar: Calendar) -> ir.Table:
    """The candidates who may be contacted, with the first week after the cooling-off of the last contact."""
    due = [(people.free_on <= ibis.literal(day), n) for n, day in enumerate(calendar.due)]
    week = ibis.cases((people.free_on.isnull(), 0), *due, else_=len(calendar.due))
    return people.mutate(free_week=week.cast("int64"), is_free=people.may_contact & (week <= calendar.turns[-1][1]))


def _campaign_turns(free: ir.Table, plan: pd.DataFrame, drawn: ir.Table, calendar: Calendar) -> ir.Table:
    """Customers of the running campaigns, both arms: line and turn. Of more campaigns than turns the first count."""
    of_campaigns = plan.loc[plan.campaign_id != "", ["campaign_id", "tier", "line"]]
    wanted = _small(of_campaigns, {"campaign_id": "str", "tier": "str", "line": "int64"})
    arms = drawn.select("campaign_id", "customer_id", "arm")
    here = free.select("customer_id", "tier", "stake", "free_week", "is_free")
    found = here.inner_join(arms, "customer_id").inner_join(wanted, ["campaign_id", "tier"])
    turn = ibis.row_number().over(group_by="customer_id", order_by=["campaign_id", "line"])
    numbered = found.mutate(turn=turn.cast("int64")).filter(_.turn < len(calendar.turns))
    return numbered.select(*_PLACES, "free_week", "is_free", "arm")


def _first(waiting: ir.Table, plan: pd.DataFrame) -> ir.Table:
    """As many of each line as its contacts pay for, the highest stake first."""
    funded = _small(plan[["line", "contacts"]], {"line": "int64", "contacts": "int64"})
    place = ibis.row_number().over(group_by="line", order_by=[ibis.desc("stake"), "customer_id"])
    ranked = waiting.mutate(place=place).inner_join(funded, "line").filter(_.place < _.contacts)
    return ranked.select(*_PLACES, "free_week")


def _general(free: ir.Table, plan: pd.DataFrame, in_campaigns: ir.Table, calendar: Calendar) -> ir.Table:
    """The turns that campaigns leave, laid end to end by stake, cut into the lines' contacts."""
    used = in_campaigns.group_by("customer_id").aggregate(used=_.count())
    here = free.filter(_.is_free).select("customer_id", "tier", "stake", "free_week")
    left = here.left_join(used, "customer_id").drop("customer_id_right").mutate(used=_.used.fill_null(0))
    turns = _small(pd.DataFrame({"turn": range(len(calendar.turns))}), {"turn": "int64"})
    open_turns = left.cross_join(turns).filter(_.turn >= _.used)
    order = ibis.row_number().over(group_by="tier", order_by=["turn", ibis.desc("stake"), "customer_id"])
    ranges = plan[plan.campaign_id == ""]
    before = ranges.groupby("tier").contacts.cumsum() - ranges.contacts
    cut = ranges[["line", "tier"]].assign(begin=before, stop=before + ranges.contacts)
    kinds = {"line": "int64", "tier": "str", "begin": "int64", "stop": "int64"}
    laid = open_turns.mutate(place=order)
    bounds = _small(cut, kinds)
    met = laid.inner_join(bounds, [laid.tier == bounds.tier, laid.place >= bounds.begin, laid.place < bounds.stop])
    again = ibis.row_number().over(group_by=["customer_id", "line"], order_by="turn")
    once = met.mutate(again=again).filter(_.again == 0)
    return once.select(*_PLACES, "free_week")


def _small(frame: pd.DataFrame, kinds: dict[str, str]) -> ir.Table:
    """A short frame in the engine, with its types also where it is empty."""
    typed = frame.astype({c: "object" if kind == "str" else kind for c, kind in kinds.items()})
    return ibis.memtable(typed, schema={c: "string" if kind == "str" else kind for c, kind in kinds.items()})
