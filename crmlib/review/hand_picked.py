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
from crmlib.review import baseline, campaigns, verdict
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


def reviewed(ran: pd.DataFrame, targets: ir.Table, past: Past, settings: Settings) -> pd.DataFrame:
    """Figures of `campaign_reviews` for the campaigns in `ran` (campaign_id, start_date, end_date) that ended in the
    quarter; `targets` has campaign_id and customer_id.

    There is no target effect, so grade B only says whether there is an effect. q is over the effects of grade B.
    """
    period = settings.period
    ended = ran[(ran["end_date"] >= pd.Timestamp(period.start)) & (ran["end_date"] <= pd.Timestamp(period.as_of))]
    since = past.purchase_days.order_date.min().to_pyarrow().as_py()
    rows = []
    for row in ended.sort_values(["start_date", "campaign_id"]).to_dict("records"):
        span = Span(row["start_date"].date(), row["end_date"].date())
        known = span.before.start > since
        found = _one(_groups(ran, targets, str(row["campaign_id"]), span), span, past, settings) if known else _UNKNOWN
        rows.append({"campaign_id": row["campaign_id"], "tier": "all", **found})
    return _judged(pd.DataFrame(rows))


def _groups(ran: pd.DataFrame, targets: ir.Table, campaign: str, span: Span) -> ir.Table:
    """customer_id, is_picked, is_other (in another campaign from the window before on) of all who were targeted."""
    starts, ends = ran["start_date"] <= pd.Timestamp(span.end), ran["end_date"] >= pd.Timestamp(span.before.start)
    near = [str(name) for name in ran["campaign_id"][starts & ends]]
    named = targets.filter(_.campaign_id.isin([*near, campaign])).group_by("customer_id")
    return named.aggregate(is_picked=(_.campaign_id == campaign).any(), is_other=(_.campaign_id != campaign).any())


def _one(groups: ir.Table, span: Span, past: Past, settings: Settings) -> dict[str, Any]:
    people = _people(groups, span, past, settings)
    plain = _plain(people, span, past.purchase_days)
    about = {**plain, "evidence_grade": "C"}
    if min(plain["n_treated"], plain["n_control"]) < settings.review.min_money_n:
        return {**about, "grade_reason": "small_n"}
    now, basis = _sums(people, span, past)
    earlier, _basis = _sums(_people(groups, span.before, past, settings), span.before, past)
    placebo = baseline.measure(earlier)
    about |= {
        "placebo_effect": placebo.effect,
        "placebo_low": placebo.low,
        "placebo_high": placebo.high,
        "basis": basis,
    }
    reason = _reason(baseline.gate(placebo), plain["others_share"], basis)
    if reason != "passed":
        return {**about, "grade_reason": reason}
    return {**about, "evidence_grade": "B", "grade_reason": "same_tier", **_effect(baseline.measure(now))}


def _people(groups: ir.Table, span: Span, past: Past, settings: Settings) -> ir.Table:
    """Who had bought in the 12 months before the span: tier on its eve, arm, whether in another campaign."""
    eve = Period.up_to(span.start - timedelta(days=1))
    rated = past.tier_at(past.purchase_days, past.known, eve, settings).filter(_.state == "active")
    marked = rated.select("customer_id", "tier").left_join(groups, "customer_id")
    return marked.select(
        "customer_id",
        "tier",
        arm=ibis.ifelse(_.is_picked.fill_null(False), "treated", "hold_out"),  # noqa: FBT003
        is_other=_.is_other.fill_null(False),  # noqa: FBT003
        drawn_unit=ibis.literal(""),
    )


def _sums(people: ir.Table, span: Span, past: Past) -> tuple[pd.DataFrame, str]:
    """What the baseline needs, of the picked and of those who were in no campaign."""
    expected = past.after(past.purchase_days, span.start - timedelta(days=1), span.days)
    clear = people.filter((_.arm == "treated") | ~_.is_other)
    return campaigns.moments(campaigns.cases(clear, past.purchase_days, span, KPI, expected.customers)), expected.basis


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
        "control_value": row["now_left"],
        "gap_minor": (row["now"] - row["now_left"]) / weeks,
        "gap_before_minor": (row["earlier"] - row["earlier_left"]) / weeks,
        "before_after_change": row["now"] / row["earlier"] - 1 if row["earlier"] > 0 else np.nan,
        "others_share": row["others"],
    }


def _effect(effect: Effect) -> dict[str, float]:
    names = {"treated_value": effect.treated, "control_value": effect.control, "effect": effect.effect}
    return {**names, "low": effect.low, "high": effect.high, "p": effect.p}


_UNKNOWN: dict[str, Any] = {"evidence_grade": "C", "grade_reason": "before_data", "n_treated": 0, "n_control": 0}


def _judged(found: pd.DataFrame) -> pd.DataFrame:
    if found.empty:
        return found
    p = found["p"] if "p" in found.columns else pd.Series(np.nan, index=found.index)
    q = verdict.adjusted(p)
    words = [
        verdict.shown((row["low"], row["high"]), row["q"]) if row["evidence_grade"] == "B" else "not_attributed"
        for row in found.assign(q=q).to_dict("records")
    ]
    return found.assign(q=q, verdict=words)
