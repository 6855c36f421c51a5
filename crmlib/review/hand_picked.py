"""Campaigns without a hold-out: what the customers they picked did beside others of their tier (grade B at best).

Who is picked by hand differs from who is left before anything is done. So the same comparison is made one window
earlier, with the same customers; if it finds an "effect" there, what it finds later is the choice, not the campaign.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from crmlib.kpi import windows
from crmlib.kpi.windows import Span
from crmlib.params import Settings
from crmlib.periods import Period
from crmlib.review import baseline, campaigns
from crmlib.review.campaigns import ExpectedAfter
from crmlib.review.estimators import Effect

KPI = "window_net_revenue"
OTHERS_SHARE = 0.1
"""So many of the picked customers in other campaigns at the time, and nobody can tell which one did it."""

TierAt = Callable[[ir.Table, ir.Table, Period, Settings], ir.Table]
"""Purchase days, customer file, a quarter cut after a day, settings -> each customer's tier on that day."""


@dataclass(frozen=True)
class Past:
    """What the comparison is made from: purchases, the tiers on a date, and what was to be expected after it."""

    purchase_days: ir.Table
    known: ir.Table
    tier_at: TierAt
    after: ExpectedAfter


def without(ran: ir.Table | None, designs: pd.DataFrame) -> pd.DataFrame:
    """The campaigns of the book (table `campaigns`) that were not planned with a hold-out; none where it has none."""
    columns = ["campaign_id", "campaign_kind", "start_date", "end_date"]
    if ran is None:
        return pd.DataFrame(columns=columns)
    known = ran.filter(_.campaign_id.notin([*designs["campaign_id"], ""]))
    return known.select(columns).order_by("campaign_id").to_pyarrow().to_pandas(date_as_object=False)


def measured(ran: pd.DataFrame, targets: ir.Table | None, past: Past, settings: Settings) -> pd.DataFrame:
    """Figures for `campaign_reviews` of the campaigns in `ran` (table `campaigns`) that ended in the quarter.

    `targets` is `campaign_targets`. There is no target effect, so grade B only says whether there is an effect.
    """
    period = settings.period
    ended = ran[(ran["end_date"] >= pd.Timestamp(period.start)) & (ran["end_date"] <= pd.Timestamp(period.as_of))]
    if ended.empty or targets is None:
        return pd.DataFrame()
    since = past.purchase_days.order_date.min().to_pyarrow().as_py()
    rows = []
    for row in ended.sort_values(["start_date", "campaign_id"]).to_dict("records"):
        span = Span(row["start_date"].date(), row["end_date"].date())
        is_known = since is not None and span.before.start >= since
        groups = _groups(ran, targets, str(row["campaign_id"]), span)
        found = _one(groups, span, past, settings) if is_known else {"grade_reason": "before_data"}
        word = {} if found.get("evidence_grade") == "B" else {"evidence_grade": "C", "verdict": "not_attributed"}
        rows.append({**_about(row), **found, **word})
    return pd.DataFrame(rows)


def _about(row: dict[Any, Any]) -> dict[str, Any]:
    kind = row.get("campaign_kind")
    named = "" if kind is None or pd.isna(kind) else str(kind)
    return {
        "campaign_id": str(row["campaign_id"]),
        "tier": "all",
        "campaign": named,
        "kpi": KPI,
        "kpi_unit": windows.UNITS[KPI],
        "start_date": row["start_date"],
        "end_date": row["end_date"],
        "provenance": "actual",
    }


def _groups(ran: pd.DataFrame, targets: ir.Table, campaign: str, span: Span) -> ir.Table:
    """customer_id, is_picked, is_other (in another campaign from the window before on) of all who were targeted."""
    starts, ends = ran["start_date"] <= pd.Timestamp(span.end), ran["end_date"] >= pd.Timestamp(span.before.start)
    near = [str(name) for name in ran["campaign_id"][starts & ends]]
    named = targets.filter(_.campaign_id.isin([*near, campaign])).group_by("customer_id")
    return named.aggregate(is_picked=(_.campaign_id == campaign).any(), is_other=(_.campaign_id != campaign).any())


def _one(groups: ir.Table, span: Span, past: Past, settings: Settings) -> dict[str, Any]:
    """The window before comes first: most are refused there, and need no other expectation."""
    about = _plain(_marked(_bought(past.purchase_days, span), groups), span, past.purchase_days)
    if min(about["n_treated"], about["n_control"]) < settings.review.min_money_n:
        return {**about, "grade_reason": "small_n"}
    people = _rated(groups, span, past, settings)
    earlier, basis = _sums(people, span.before, past)
    placebo = baseline.measure(earlier)
    about |= {
        "placebo_effect": placebo.effect,
        "placebo_low": placebo.low,
        "placebo_high": placebo.high,
        "expected_basis": basis,
    }
    reason = _reason(baseline.gate(placebo), about["others_share"], basis)
    if reason != "passed":
        return {**about, "grade_reason": reason}
    now, basis = _sums(people, span, past)
    if basis != "btyd":
        return {**about, "grade_reason": "no_model"}
    return {**about, "evidence_grade": "B", "grade_reason": "same_tier", **_effect(baseline.measure(now))}


def _bought(purchase_days: ir.Table, span: Span) -> ir.Table:
    """Who had bought in the 12 months before the span."""
    eve = _eve(span)
    within = (_.order_date > ibis.literal(eve.year_ago)) & (_.order_date <= ibis.literal(eve.as_of))
    return purchase_days.filter(within & (_.orders > 0)).select("customer_id").distinct()


def _marked(people: ir.Table, groups: ir.Table) -> ir.Table:
    """The people with their arm and whether they were in another campaign."""
    joined = people.left_join(groups, "customer_id").drop("customer_id_right")
    return joined.mutate(
        arm=ibis.ifelse(_.is_picked.fill_null(False), "treated", "hold_out"),  # noqa: FBT003
        is_other=_.is_other.fill_null(False),  # noqa: FBT003
        drawn_unit=ibis.literal(""),
    )


def _rated(groups: ir.Table, span: Span, past: Past, settings: Settings) -> ir.Table:
    """The picked and those who were in no campaign, by their tier on the eve of the span.

    The window before is compared by the same tiers: a tier says what its customers bought in that window, so by the
    tiers of an earlier day even customers picked at random would seem to differ from those left.
    """
    rated = past.tier_at(past.purchase_days, past.known, _eve(span), settings).filter(_.state == "active")
    people = _marked(rated.select("customer_id", "tier"), groups)
    return people.filter((_.arm == "treated") | ~_.is_other).select("customer_id", "tier", "arm", "drawn_unit").cache()


def _sums(people: ir.Table, span: Span, past: Past) -> tuple[pd.DataFrame, str]:
    """What the baseline needs of a span: of those who were customers when it began, with what was expected of them."""
    expected = past.after(past.purchase_days, span.start - timedelta(days=1), span.days)
    there = people.semi_join(expected.customers, "customer_id")
    known = campaigns.cases(there, past.purchase_days, span, KPI, expected.customers)
    return campaigns.sums(known), expected.basis


def _eve(span: Span) -> Period:
    return Period.up_to(span.start - timedelta(days=1))


def _reason(gate: str, others: float, basis: str) -> str:
    """Why the comparison proves nothing, or 'passed'."""
    if gate != "passed":
        return gate
    if others > OTHERS_SHARE:
        return "other_campaigns"
    return "no_model" if basis != "btyd" else "passed"


def _plain(people: ir.Table, span: Span, purchase_days: ir.Table) -> dict[str, Any]:
    """What a table of before and after would show: money a week of the picked and of all others, and its change."""
    did, weeks = windows.outcomes(people, purchase_days, span), span.days / 7
    picked, now, before = did.arm == "treated", did[KPI].cast("float64"), did.net_before.cast("float64")
    found = did.aggregate(
        n_treated=picked.sum(),
        n_control=(~picked & ~did.is_other).sum(),
        now=now.mean(where=picked),
        now_left=now.mean(where=~picked),
        earlier=before.mean(where=picked),
        earlier_left=before.mean(where=~picked),
        others=did.is_other.mean(where=picked),
    )
    row = {name: np.nan if value is None else float(value) for name, value in found.to_pyarrow().to_pylist()[0].items()}
    counts = {name: 0 if np.isnan(row[name]) else int(row[name]) for name in ("n_treated", "n_control")}
    return {
        **counts,
        "treated_value": row["now"],
        "gap_during_minor": (row["now"] - row["now_left"]) / weeks,
        "gap_before_minor": (row["earlier"] - row["earlier_left"]) / weeks,
        "before_after_change": row["now"] / row["earlier"] - 1 if row["earlier"] > 0 else np.nan,
        "others_share": row["others"],
    }


def _effect(effect: Effect) -> dict[str, float]:
    return {
        "treated_value": effect.treated,
        "control_value": effect.control,
        "effect": effect.effect,
        "low_effect": effect.low,
        "high_effect": effect.high,
        "p_value": effect.p,
    }
