"""The customer journey: how many reach each stage, how long it takes, where they stop, how satisfied they are there.

A stage is entered with the first contact of the kinds that belong to it. Kinds and stages are kept by people in the
register `journey_stages`; without two stages there they are purchases: known, first, second, ... Who reaches a later
stage has passed the earlier ones, also where no contact of theirs was recorded.
"""

import re

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
from ibis import _

from crmlib.errors import InputError
from crmlib.params import Tags
from crmlib.periods import Period
from crmlib.schema import TABLES

KNOWN = "known"
_ORDER = re.compile(r"order_(\d+)")


def stages(register: pd.DataFrame, tags: Tags) -> pd.DataFrame:
    """Kinds of contact with their stage, and whether people or the purchases named them (`journey_from`).

    Raises where two stages have one position, or one stage two.
    """
    if register["position"].nunique() < 2:
        kinds = [KNOWN, "order_1", *(f"order_{number}" for number in tags.journey_orders)]
        named = [f"journey_{kind}" for kind in kinds]
        return pd.DataFrame({"interaction_kind": kinds, "position": range(len(kinds)), "journey_stage": named,
                             "journey_stage_zh": "", "journey_from": "journey_orders"})  # fmt: skip
    pairs = register[["position", "journey_stage"]].drop_duplicates()
    for column, other in (("position", "journey_stage"), ("journey_stage", "position")):
        twice = pairs[pairs[column].duplicated()]
        if len(twice):
            value = twice[column].iloc[0]
            raise InputError(
                f"journey_stages: {column} '{value}' stands with more than one {other}; give each stage one position"
            )
    return register.assign(journey_from="from_register").sort_values("position", kind="stable")


def entries(
    tiered: ir.Table, purchase_days: ir.Table, interactions: ir.Table | None, stages: pd.DataFrame, period: Period
) -> ir.Table:
    """Customer, position, day of entry: the first contact of each stage up to the quarter's end.

    'known' and stages passed without a contact have no day. Purchases count by day.
    """
    kinds = ibis.memtable(pa.table({
        "interaction_kind": stages["interaction_kind"].tolist(), "position": stages["position"].astype(int).tolist()
    }))  # fmt: skip
    found = [_orders(purchase_days, stages, period)]
    if interactions is not None:
        found.append(interactions.select("customer_id", "interaction_kind", entered=_.interaction_at.cast("date")))
    events = ibis.union(*found) if len(found) > 1 else found[0]
    dated = events.filter(_.entered <= ibis.literal(period.as_of)).inner_join(kinds, "interaction_kind")
    first = dated.group_by(["customer_id", "position"]).aggregate(entered=_.entered.min())
    if KNOWN not in set(stages["interaction_kind"]):
        return first
    position = int(stages.loc[stages["interaction_kind"] == KNOWN, "position"].iloc[0])
    known = tiered.select("customer_id", position=ibis.literal(position, "int64"), entered=ibis.null("date"))
    return known.union(first.filter(_.position != position))


def _orders(purchase_days: ir.Table, stages: pd.DataFrame, period: Period) -> ir.Table:
    numbers = [int(m[1]) for kind in stages["interaction_kind"] if (m := _ORDER.fullmatch(str(kind)))]
    bought = purchase_days.filter(_.orders > 0, _.order_date <= ibis.literal(period.as_of))
    number = ibis.row_number().over(group_by="customer_id", order_by="order_date") + 1
    wanted = bought.mutate(number=number).filter(_.number.isin(numbers or [0]))
    kind = ibis.literal("order_") + wanted.number.cast("string")
    return wanted.select("customer_id", interaction_kind=kind, entered=wanted.order_date.cast("date"))


def funnel(
    entries: ir.Table, tiered: ir.Table, surveys: ir.Table | None, stages: pd.DataFrame, period: Period, tags: Tags
) -> ir.Table:
    """One row per stage: who reached it, who went on (ever, and within `journey_days` of those long enough in it).

    Days are those from the first contact of a stage to that of the next, over the customers who have both. Stopped: it
    is their furthest stage and they have bought nothing for more than `lapsed_days`.
    """
    named = _named(stages)
    seen = _each_stage(_by_customer(entries, stages), tiered, named)
    silent = seen.recency_days > tags.lapsed_days
    wait = seen.moved.delta(seen.entered, unit="day").cast("int64")
    age = ibis.literal(period.as_of).delta(seen.entered, unit="day").cast("int64")
    is_old = (age >= tags.journey_days) & seen.following.notnull()
    counted = (
        seen.mutate(wait=wait, waited=(wait >= 0).ifelse(wait, ibis.null("int64")), is_old=is_old, silent=silent)
        .group_by("position")
        .aggregate(
            customers=_.count(),
            moved_on=(_.furthest > _.position).sum(),
            in_time_base=_.is_old.sum().fill_null(0),
            in_time=(_.is_old & (_.wait <= tags.journey_days)).sum().fill_null(0),
            median_days=_.waited.median(),
            stopped=((_.furthest == _.position) & _.silent).sum().fill_null(0),
        )
    )
    every = named.left_join(counted, "position").drop("position_right")
    rated = every.left_join(_satisfaction(entries, surveys, period), "position").drop("position_right")
    is_last = rated.following.isnull()
    none, share = ibis.null("float64"), rated.moved_on / rated.customers.nullif(0)
    filled = rated.mutate(
        customers=rated.customers.fill_null(0),
        moved_on=is_last.ifelse(ibis.null("int64"), rated.moved_on.fill_null(0)),
        moved_on_share=is_last.ifelse(none, share),
        in_time_base=is_last.ifelse(ibis.null("int64"), rated.in_time_base.fill_null(0)),
        in_time_share=is_last.ifelse(none, rated.in_time / rated.in_time_base.nullif(0)),
        median_days=rated.median_days.cast("float64"),
        stopped=rated.stopped.fill_null(0),
        answers=rated.answers.fill_null(0),
    )
    return filled.order_by("position").select(*TABLES["journey"].columns)


def _by_customer(entries: ir.Table, stages: pd.DataFrame) -> ir.Table:
    """One row per customer: the furthest stage, and the day of entry into each, `day_<position>`."""
    days = {f"day_{p}": _.entered.min(where=_.position == p) for p in _positions(stages)}
    return entries.group_by("customer_id").aggregate(furthest=_.position.max(), **days)


def _each_stage(reached: ir.Table, tiered: ir.Table, named: ir.Table) -> ir.Table:
    """One row per customer and stage up to his furthest: when he entered it (`entered`), and the next (`moved`)."""
    known = reached.left_join(tiered.select("customer_id", "recency_days"), "customer_id").drop("customer_id_right")
    each = known.join(named.select("position", "following"), named.position <= known.furthest)
    days = [(int(c.removeprefix("day_")), each[c]) for c in reached.columns if c.startswith("day_")]
    on = {
        name: ibis.cases(*[(place == p, day) for p, day in days], else_=ibis.null("date"))
        for name, place in (("entered", each.position), ("moved", each.following))
    }
    return each.select("position", "following", "furthest", "recency_days", **on)


def _positions(stages: pd.DataFrame) -> list[int]:
    return sorted(int(p) for p in stages["position"].unique())


def _named(stages: pd.DataFrame) -> ir.Table:
    """Stages once, each with the position of the next (null for the last)."""
    columns = ["position", "journey_stage", "journey_stage_zh", "journey_from"]
    once = stages[columns].drop_duplicates("position").sort_values("position")
    positions = once["position"].astype(int).tolist()
    return ibis.memtable(pa.table({
        "position": pa.array(positions, pa.int64()), "following": pa.array([*positions[1:], None], pa.int64()),
        **{c: once[c].astype(str).tolist() for c in columns[1:]},
    }))  # fmt: skip


def stage_on(entries: ir.Table, dated: ir.Table) -> ir.Table:
    """`dated` (customer_id and `on_day`) with the furthest stage that the customer had entered by that day."""
    days = dated.select("customer_id", "on_day").distinct()
    joined = days.join(entries, "customer_id")
    by_then = joined.filter(_.entered.isnull() | (_.entered <= _.on_day))
    furthest = by_then.group_by(["customer_id", "on_day"]).aggregate(position=_.position.max())
    return dated.inner_join(furthest, ["customer_id", "on_day"])


def _satisfaction(entries: ir.Table, surveys: ir.Table | None, period: Period) -> ir.Table:
    if surveys is None:
        return ibis.memtable(pa.table({
            "position": pa.array([], pa.int64()), "answers": pa.array([], pa.int64()),
            "satisfied_share": pa.array([], pa.float64()),
        }))  # fmt: skip
    answered = surveys.filter(_.csat.notnull()).select("customer_id", "csat", on_day=_.survey_date.cast("date"))
    staged = stage_on(entries, answered.filter(_.on_day <= ibis.literal(period.as_of)))
    counted = staged.group_by("position").aggregate(answers=_.count(), satisfied=(_.csat >= 4).sum())
    return counted.mutate(satisfied_share=_.satisfied / _.answers)


def touchpoints(entries: ir.Table, interactions: ir.Table | None, stages: pd.DataFrame, period: Period) -> ir.Table:
    """Contacts by the stage that the customer was in, kind and channel; no rows where the book records no contacts."""
    empty = pa.table({c: pa.array([], pa.int64() if c in ("position", "touches", "customers") else pa.string())
                      for c in TABLES["touchpoints"].columns})  # fmt: skip
    if interactions is None:
        return ibis.memtable(empty)
    contacts = interactions.select(
        "customer_id",
        on_day=_.interaction_at.cast("date"),
        interaction_kind=_.interaction_kind.fill_null("not_known"),
        channel_used=_.channel.fill_null("not_known"),
    )
    staged = stage_on(entries, contacts.filter(_.on_day <= ibis.literal(period.as_of)))
    counted = staged.group_by(["position", "interaction_kind", "channel_used"]).aggregate(
        touches=_.count(), customers=_.customer_id.nunique()
    )
    named = counted.inner_join(_named(stages), "position")
    return named.order_by(["position", ibis.desc("touches"), "interaction_kind", "channel_used"]).select(
        *TABLES["touchpoints"].columns
    )
