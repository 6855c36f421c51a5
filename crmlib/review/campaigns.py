"""Campaigns that had a hold-out, read back: was it worth it, was it not, or can nobody tell (evidence grade A).

The arms are those of the frozen list, whoever was in fact contacted (intention to treat). Nothing is compared before
the planned end, because looking every week finds effects that are not there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from crmlib.kpi import sample_size, windows
from crmlib.kpi.windows import Span
from crmlib.params import Settings
from crmlib.review import estimators, verdict
from crmlib.review.estimators import Effect

MOVED = 200_000
"""The means of up to so many customers, a tier's or all, are compared one by one; of more, sums are made in the engine.

More could not be permuted as often (`estimators`). Rates are counted in the engine, however many customers they have.
"""
_QUIET_DAYS = 6
"""So long may the data be without an order at the end of a window before they count as ending early."""


class Expected(Protocol):
    """What was to be expected of each customer: customer_id, expected_orders, expected_minor."""

    @property
    def customers(self) -> ir.Table: ...

    @property
    def basis(self) -> str: ...


ExpectedAfter = Callable[[ir.Table, date, int], Expected]
"""Purchase days, a date, a number of days -> what each customer was expected to do in the days after the date."""


@dataclass(frozen=True)
class Frozen:
    """A campaign as it was planned; `breaches` name what no longer holds of it. Money in minor units."""

    campaign_id: str
    kpi: str
    during: Span
    target: float
    minimum: float
    drawn_by: str = ""
    breaches: tuple[str, ...] = ()
    is_frozen: bool = True


@dataclass(frozen=True)
class Measured:
    """One effect with the customers behind it, the whole groups that were drawn (0: customers were), and what the
    treated did beside the window before: a description, no effect.
    """

    effect: Effect
    n_treated: int
    n_control: int
    units: int
    change: float


def planned(designs: pd.DataFrame, breaches: pd.DataFrame) -> list[Frozen]:
    """The campaigns of `campaign_designs`, each with its `campaign_breaches`."""
    whole = designs[designs["tier"] == "all"].sort_values("campaign_id")
    return [_planned(row, breaches) for row in whole.to_dict("records")]


def measured(
    campaigns: list[Frozen], members: ir.Table, purchase_days: ir.Table, after: ExpectedAfter, settings: Settings
) -> pd.DataFrame:
    """Figures for `campaign_reviews`: a row per campaign, and one per tier where it has several.

    `members` is the table `campaign_assignments`.
    """
    ended = [one for one in campaigns if one.is_frozen and one.during.end <= settings.period.as_of]
    seen = _seen(purchase_days) if ended else (None, None)
    rows: list[dict[str, Any]] = []
    for campaign in campaigns:
        goal = {"effect_target": campaign.target, "minimum_effect": campaign.minimum}
        about = {"campaign_id": campaign.campaign_id, "tier": "all", **goal}
        state = _state(campaign, settings.period.as_of, seen)
        if state:
            rows.append({**about, **state})
            continue
        theirs = members.filter(_.campaign_id == campaign.campaign_id)
        span, kind = campaign.during, _kind(campaign)
        expected = after(purchase_days, span.start - timedelta(days=1), span.days) if kind == "mean" else None
        known = cases(theirs, purchase_days, span, campaign.kpi, expected.customers if expected else None)
        since = seen[0] if seen[0] else span.start
        found = _found(campaign, known, theirs.count().to_pyarrow().as_py(), settings.seed)
        basis = expected.basis if expected else ""
        rows += [
            {**about, "tier": tier, "expected_basis": basis, **_figures(campaign, one, settings, since)}
            for tier, one in found
        ]
    return pd.DataFrame(rows)


def cases(
    members: ir.Table, purchase_days: ir.Table, span: Span, kpi: str, expected: ir.Table | None = None
) -> ir.Table:
    """The members with what they did: outcome in the span, `before` it, expected, is_treated, stratum, cluster."""
    did = windows.outcomes(members, purchase_days, span)
    known: ir.Value = ibis.null("float64")
    if expected is not None:
        foretold = expected.select("customer_id", foretold=expected[windows.EXPECTED[kpi]])
        did = did.left_join(foretold, "customer_id").drop("customer_id_right")
        known = did.foretold.fill_null(0.0)
    return did.mutate(
        outcome=did[kpi].cast("float64"),
        expected=known.cast("float64"),
        before=did[windows.BEFORE[kpi]].cast("float64"),
        is_treated=did.arm == "treated",
        stratum=did.tier,
        cluster=did.drawn_unit,
    )


def moments(known: ir.Table) -> pd.DataFrame:
    """`estimators.moments`, summed up in the engine, and the sum of the window before."""
    counted = known.filter(_.expected.notnull()).group_by("is_treated", "expected").aggregate(n=_.count())
    place = ibis.row_number().over(group_by="is_treated", order_by=[ibis.desc("n"), "expected"])
    modal = counted.mutate(place=place).filter(_.place == 0).select("is_treated", modal="expected")
    marked = known.left_join(modal, "is_treated").mutate(is_apart=_.expected != _.modal)
    apart = marked.group_by("stratum", "is_treated").aggregate(apart=_.is_apart.sum().cast("float64"))
    return sums(known).join(_indexed(apart))


def sums(known: ir.Table) -> pd.DataFrame:
    """The same without `apart`, which only the slope on `expected` needs."""
    y, x = known.outcome, known.expected
    found = known.mutate(yy=y * y, xx=x * x, xy=x * y).group_by("stratum", "is_treated").aggregate(
        n=_.count().cast("float64"), y=_.outcome.sum(), x=_.expected.sum(), yy=_.yy.sum(), xx=_.xx.sum(), xy=_.xy.sum(),
        before=_.before.sum(),
    )  # fmt: skip
    return _indexed(found)


def _indexed(sums: ir.Table) -> pd.DataFrame:
    ordered = sums.order_by("stratum", "is_treated")
    return ordered.to_pyarrow().to_pandas().set_index(["stratum", "is_treated"])


def _planned(row: dict[Any, Any], breaches: pd.DataFrame) -> Frozen:
    theirs = breaches.loc[breaches["campaign_id"] == row["campaign_id"], "breach"]
    return Frozen(
        row["campaign_id"],
        row["kpi"],
        Span(row["start_date"].date(), row["end_date"].date()),
        row["effect_target"],
        row["minimum_effect"],
        row["drawn_by"],
        tuple(dict.fromkeys(theirs)),
        is_frozen=bool(row["plan_hash"]),
    )


def _seen(purchase_days: ir.Table) -> tuple[date | None, date | None]:
    """The first and the last day with an order."""
    found = purchase_days.aggregate(first=_.order_date.min(), last=_.order_date.max())
    row = found.to_pyarrow().to_pylist()[0]
    return row["first"], row["last"]


def _state(campaign: Frozen, as_of: date, seen: tuple[date | None, date | None]) -> dict[str, str]:
    """What a campaign that cannot be measured is called; nothing where it can."""
    span, nothing = campaign.during, {"evidence_grade": "C", "verdict": "not_measured"}
    if span.end > as_of:
        state = "not_started" if span.start > as_of else "not_ended"
        return {"evidence_grade": "", "grade_reason": state, "verdict": state}
    if not campaign.is_frozen:
        return {**nothing, "grade_reason": campaign.breaches[0] if campaign.breaches else "unfrozen"}
    first, last = seen
    if first is None or first > span.start:
        return {**nothing, "grade_reason": "before_data"}
    if last is None or last < span.end - timedelta(days=_QUIET_DAYS):
        return {**nothing, "grade_reason": "data_end_early"}
    return {}


def _kind(campaign: Frozen) -> estimators.Kind:
    """Means of whole groups are means, also of a rate."""
    return "rate" if windows.UNITS[campaign.kpi] == "rate" and not campaign.drawn_by else "mean"


def _found(campaign: Frozen, known: ir.Table, everyone: int, seed: int) -> Iterator[tuple[str, Measured]]:
    """The campaign's effect, then that of each tier where it has several and customers were drawn."""
    kind = _kind(campaign)
    if campaign.drawn_by:
        yield "all", _by_cluster(known, seed)
    elif kind == "rate":
        keys = ["stratum", "is_treated", "outcome"]
        counted = known.group_by(keys).aggregate(n=_.count(), before=_.before.sum()).order_by(keys)
        counts = counted.to_pyarrow().to_pandas().set_index(["stratum", "is_treated"], drop=False)
        for tier, part in _parts(counts.assign(y=counts["n"] * counts["outcome"])):
            yield tier, _measured(estimators.from_counts(part.reset_index(drop=True), seed), part)
    elif everyone <= MOVED:
        frame = _moved(known).set_index(["stratum", "is_treated"], drop=False).assign(n=1)
        for tier, part in _parts(frame.assign(y=frame["outcome"])):
            yield tier, _measured(estimators.measure(part.reset_index(drop=True), kind, seed), part)
    else:
        for tier, part in _parts(moments(known)):
            if part["n"].sum() > MOVED:
                yield tier, _measured(estimators.from_moments(part, kind), part)
            else:
                theirs = _moved(known.filter(_.stratum == tier))
                yield tier, _measured(estimators.measure(theirs, kind, seed), part)


def _moved(known: ir.Table) -> pd.DataFrame:
    columns = ["outcome", "before", "expected", "is_treated", "stratum"]
    return known.order_by("customer_id").select(columns).to_pyarrow().to_pandas()


def _parts(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """All rows, and those of each stratum of the index where there are several."""
    yield "all", rows
    strata = sorted(set(rows.index.get_level_values("stratum")))
    if len(strata) > 1:
        for stratum in strata:
            yield stratum, rows[rows.index.get_level_values("stratum") == stratum]


def _by_cluster(known: ir.Table, seed: int) -> Measured:
    """Whole groups were drawn, so each is one case: the mean of its customers."""
    groups = known.group_by("cluster", "is_treated").aggregate(
        n=_.count(), outcome=_.outcome.mean(), expected=_.expected.mean(), y=_.outcome.sum(), before=_.before.sum()
    )
    frame = groups.order_by("cluster", "is_treated").to_pyarrow().to_pandas().assign(stratum="all")
    sums = frame.groupby("is_treated")[["n", "y", "before"]].sum()
    return _measured(estimators.measure(frame, "mean", seed), sums, len(frame))


def _measured(effect: Effect, sums: pd.DataFrame, units: int = 0) -> Measured:
    """`sums` by arm: n, y of the window, `before` of the one before."""
    arms = sums.groupby(level="is_treated")[["n", "y", "before"]].sum().reindex([True, False]).fillna(0.0)
    n, y, before = (arms[c].astype("float64") for c in ("n", "y", "before"))
    change = y[True] / before[True] - 1 if before[True] > 0 else np.nan
    return Measured(effect, int(n[True]), int(n[False]), units, float(change))


def _figures(campaign: Frozen, one: Measured, settings: Settings, since: date) -> dict[str, Any]:
    effect, reason = one.effect, _reason(campaign, one, settings)
    return {
        "evidence_grade": "C" if reason else "A",
        "grade_reason": reason or "randomised",
        "n_treated": one.n_treated,
        "n_control": one.n_control,
        "units": one.units,
        "treated_value": effect.treated,
        "control_value": effect.control,
        "effect": effect.effect,
        "low_effect": effect.low,
        "high_effect": effect.high,
        "p_value": effect.p,
        "needed_per_arm": _needed(campaign, one, settings),
        "explained_share": effect.explained,
        "before_after_change": one.change if campaign.during.before.start >= since else np.nan,
    }


def _reason(campaign: Frozen, one: Measured, settings: Settings) -> str:
    """Why a hold-out does not earn grade A; '' where it does."""
    if campaign.breaches:
        return campaign.breaches[0]
    effect = one.effect
    if campaign.drawn_by:
        return "few_clusters" if verdict.has_few_clusters(effect.n_treated, effect.n_control) else ""
    return "small_n" if min(one.n_treated, one.n_control) < _least(campaign, settings) else ""


def _least(campaign: Frozen, settings: Settings) -> int:
    rules = settings.review
    return rules.min_rate_n if windows.UNITS[campaign.kpi] == "rate" else rules.min_money_n


def _needed(campaign: Frozen, one: Measured, settings: Settings) -> float:
    """Customers per arm with which the target would probably have been seen, in groups as large as those drawn."""
    rules, effect = settings.strategy.holdout, one.effect
    if np.isnan(effect.effect):
        return float("nan")
    if effect.kind == "rate":
        needed = sample_size.rates_per_arm(effect.control, campaign.target, rules)
    else:
        needed = sample_size.means_per_arm(effect.sd, campaign.target, rules)
    if one.units:
        needed = np.ceil(max(needed, verdict.LEAST_CLUSTERS / 2) * (one.n_treated + one.n_control) / one.units)
    return float(np.maximum(needed, _least(campaign, settings)))
