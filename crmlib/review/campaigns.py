"""Campaigns that had a hold-out, read back: was it worth it, was it not, or can nobody tell (evidence grade A).

The arms are those of the frozen list, whoever was in fact contacted (intention to treat). Nothing is compared before
the planned end, because looking every week finds effects that are not there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from crmlib.kpi import sample_size, windows
from crmlib.kpi.windows import Span
from crmlib.params import Settings
from crmlib.review import estimators, verdict
from crmlib.review.estimators import Effect


class Expected(Protocol):
    """What was to be expected of each customer: customer_id, expected_minor."""

    @property
    def customers(self) -> ir.Table: ...

    @property
    def basis(self) -> str: ...


ExpectedAfter = Callable[[ir.Table, date, int], Expected]
"""Purchase days, a date, a number of days -> what each customer was expected to do in the days after the date."""


@dataclass(frozen=True)
class Frozen:
    """A campaign as it was frozen; `breaches` name what no longer holds of it. Money in minor units."""

    campaign_id: str
    kpi: str
    during: Span
    target: float
    minimum: float
    drawn_by: str = ""
    breaches: tuple[str, ...] = ()


def reviewed(
    campaigns: list[Frozen], members: ir.Table, purchase_days: ir.Table, after: ExpectedAfter, settings: Settings
) -> pd.DataFrame:
    """Rows of `campaign_reviews` (figures only): each campaign, and each of its tiers where it has several.

    `members` is the table `campaign_assignments`. q is over all effects of the review.
    """
    rows: list[dict[str, Any]] = []
    for campaign in campaigns:
        theirs = members.filter(_.campaign_id == campaign.campaign_id)
        rows += _one(campaign, theirs, purchase_days, after, settings)
    found = pd.DataFrame(rows)
    return _judged(found) if len(found) else found


def cases(members: ir.Table, purchase_days: ir.Table, span: Span, kpi: str, expected: ir.Table) -> ir.Table:
    """The members with what they did: outcome in the span, `before` it, expected, is_treated, stratum, cluster."""
    joined = windows.outcomes(members, purchase_days, span).left_join(expected, "customer_id").drop("customer_id_right")
    earlier = {"window_repurchase_rate": "repurchase_before", "window_net_revenue": "net_before"}[kpi]
    return joined.mutate(
        outcome=joined[kpi].cast("float64"),
        expected=joined.expected_minor.fill_null(0.0).cast("float64"),
        before=joined[earlier].cast("float64"),
        is_treated=joined.arm == "treated",
        stratum=joined.tier,
        cluster=joined.drawn_unit,
    )


def moments(known: ir.Table) -> pd.DataFrame:
    """`estimators.moments`, summed up in the engine."""
    y, x = known.outcome, known.expected
    modal = known.group_by("is_treated").aggregate(modal=_.expected.mode())
    marked = known.mutate(yy=y * y, xx=x * x, xy=x * y).join(modal, "is_treated")
    sums = marked.group_by("stratum", "is_treated").aggregate(
        n=_.count().cast("float64"), y=_.outcome.sum(), x=_.expected.sum(), yy=_.yy.sum(), xx=_.xx.sum(), xy=_.xy.sum(),
        apart=(_.expected != _.modal).sum().cast("float64"),
    )  # fmt: skip
    return sums.order_by("stratum", "is_treated").to_pyarrow().to_pandas().set_index(["stratum", "is_treated"])


def _one(
    campaign: Frozen, members: ir.Table, purchase_days: ir.Table, after: ExpectedAfter, settings: Settings
) -> list[dict[str, Any]]:
    about = {"campaign_id": campaign.campaign_id, "effect_target": campaign.target, "minimum_effect": campaign.minimum}
    state = _state(campaign, settings.period.as_of)
    if state:
        return [{**about, "tier": "all", "evidence_grade": "", "grade_reason": state, "verdict": state}]
    span = campaign.during
    expected = after(purchase_days, span.start - timedelta(days=1), span.days)
    known = _frame(cases(members, purchase_days, span, campaign.kpi, expected.customers))
    kind: estimators.Kind = "rate" if windows.UNITS[campaign.kpi] == "rate" else "mean"
    if campaign.drawn_by:
        groups, kind = {"all": estimators.by_cluster(known)}, "mean"
    else:
        tiers = sorted(known["stratum"].unique()) if known["stratum"].nunique() > 1 else []
        groups = {"all": known, **{tier: known[known["stratum"] == tier] for tier in tiers}}
    return [
        {**about, "tier": tier, "basis": expected.basis, **_figures(campaign, part, kind, settings),
         "before_after_change": _change(known if tier == "all" else part)}
        for tier, part in groups.items()
    ]  # fmt: skip


def _frame(known: ir.Table) -> pd.DataFrame:
    columns = ["outcome", "before", "expected", "is_treated", "stratum", "cluster"]
    return known.order_by("customer_id").select(columns).to_pyarrow().to_pandas()


def _state(campaign: Frozen, as_of: date) -> str:
    if campaign.during.start > as_of:
        return "not_started"
    return "not_ended" if campaign.during.end > as_of else ""


def _figures(campaign: Frozen, known: pd.DataFrame, kind: estimators.Kind, settings: Settings) -> dict[str, Any]:
    effect = estimators.measure(known, kind, settings.seed)
    reason = _reason(campaign, effect, settings)
    return {
        "evidence_grade": "C" if reason else "A",
        "grade_reason": reason or "randomised",
        "n_treated": effect.n_treated,
        "n_control": effect.n_control,
        "treated_value": effect.treated,
        "control_value": effect.control,
        "effect": effect.effect,
        "low": effect.low,
        "high": effect.high,
        "p": effect.p,
        "explained_share": effect.explained,
        "needed_per_arm": _needed(campaign, effect, settings),
    }


def _reason(campaign: Frozen, effect: Effect, settings: Settings) -> str:
    """Why a hold-out does not earn grade A; '' where it does."""
    if campaign.breaches:
        return campaign.breaches[0]
    smaller = min(effect.n_treated, effect.n_control)
    if campaign.drawn_by:
        return "few_clusters" if effect.n_treated + effect.n_control < verdict.LEAST_CLUSTERS or smaller < 2 else ""
    least = settings.review.min_rate_n if effect.kind == "rate" else settings.review.min_money_n
    return "small_n" if smaller < least else ""


def _needed(campaign: Frozen, effect: Effect, settings: Settings) -> float:
    """Customers per arm with which the target would probably have been seen."""
    rules = settings.strategy.holdout
    if campaign.drawn_by or np.isnan(effect.effect):
        return float("nan")
    if effect.kind == "rate":
        return sample_size.rates_per_arm(effect.control, campaign.target, rules)
    return sample_size.means_per_arm(effect.sd, campaign.target, rules)


def _change(known: pd.DataFrame) -> float:
    """What the treated did beside the window before: a description, not an effect."""
    treated = known[known["is_treated"]]
    earlier = float(treated["before"].mean())
    return float(treated["outcome"].mean()) / earlier - 1 if earlier > 0 else float("nan")


def _judged(found: pd.DataFrame) -> pd.DataFrame:
    if "p" not in found.columns:
        return found
    q = verdict.adjusted(found["p"])
    return found.assign(q=q, verdict=[_verdict(row) for row in found.assign(q=q).to_dict("records")])


def _verdict(row: Mapping[Any, Any]) -> str:
    if row["evidence_grade"] == "":
        return str(row["verdict"])
    if row["evidence_grade"] == "C":
        return attained_word(row["effect"] / row["effect_target"])
    return verdict.judge(
        row["effect"], (row["low"], row["high"]), row["q"], row["effect_target"], row["minimum_effect"]
    )


def attained_word(attained: float) -> str:
    """The word of grade C, attributed to nothing."""
    if np.isnan(attained):
        return "not_measured"
    return "attained" if attained >= 1 else "partly_attained" if attained >= 0.5 else "not_attained"
