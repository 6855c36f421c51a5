"""Campaigns before they start: who is eligible, who is held out, and whether the target effect could be seen at all.

The same functions make a draft on the page and the plan that is frozen, so the two cannot differ.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from crmlib import schema
from crmlib.kpi import KPIS, sample_size
from crmlib.kpi.sample_size import Arms
from crmlib.kpi.windows import UNITS, Span
from crmlib.params import Holdout, Settings
from crmlib.periods import Period
from crmlib.strategy import campaign_base, campaigns, holdout, remedies
from crmlib.strategy.campaigns import Plan, frame, given, plan_of

LEAST_GROUPS = 6
"""Groups drawn below which the arms can only differ by chance of the groups (method 3.4)."""

TierAt = Callable[[ir.Table, ir.Table, Period, Settings], ir.Table]
_LEAST = {"rate": KPIS["retention_rate"], "money": KPIS["net_revenue"], "number": KPIS["net_revenue"]}
"""A mean of counts needs as many customers as one of money."""


@dataclass(frozen=True)
class Sources:
    """What a design is made from: tiers now, purchases, the customer file, and how earlier tiers are found."""

    tiered: ir.Table
    purchase_days: ir.Table
    known: ir.Table
    tier_at: TierAt


@dataclass(frozen=True)
class Drawn:
    """`designs`: rows of `campaign_designs`; `assignments`: rows of `campaign_assignments`, in the engine."""

    designs: pd.DataFrame
    assignments: ir.Table


def draw(plans: pd.DataFrame, sources: Sources, settings: Settings, taken: Drawn | None = None) -> Drawn:
    """Designs and lists of the plans given, in the order of their ids; `taken` are the campaigns drawn before them.

    With `strategy.holdout.exclusive`, a customer of a campaign that runs at the same time is not eligible.
    """
    before = taken or nothing()
    rows: list[dict[str, Any]] = []
    lists: list[ir.Table] = []
    for row in plans.sort_values("campaign_id").to_dict("records"):
        plan = plan_of({str(name): value for name, value in row.items()}, settings)
        busy = [*_running(before, plan, settings.period.as_of), *lists] if settings.strategy.holdout.exclusive else []
        found, drawn = _one(plan, sources, settings, busy)
        rows += found
        lists.append(drawn)
    empty = nothing()
    return Drawn(frame(rows), ibis.union(empty.assignments, *lists) if lists else empty.assignments)


def nothing() -> Drawn:
    """No campaign."""
    names = schema.TABLES["campaign_assignments"].columns
    return Drawn(frame([]), ibis.memtable([], schema=dict.fromkeys(names, "string")))


def standing(plans: pd.DataFrame, frozen: Drawn, drafted: Drawn, settings: Settings) -> Drawn:
    """Every campaign near this quarter with its state: frozen as frozen, drafts as drawn, late ones without figures.

    Ordered by campaign, best tier first, the row for all tiers last.
    """
    near = campaigns.near(frozen.designs, settings.period)
    known = pd.concat([near, drafted.designs], ignore_index=True)
    designs = pd.concat([known, campaigns.without_list(plans, known, settings)], ignore_index=True)
    placed = designs.sort_values("campaign_id", kind="stable").reset_index(drop=True)
    ids = sorted(set(near["campaign_id"]))
    listed = frozen.assignments.filter(ibis._.campaign_id.isin(ids)) if ids else nothing().assignments
    return Drawn(campaigns.with_state(placed, settings.period), ibis.union(listed, drafted.assignments))


def detectability(sources: Sources, settings: Settings) -> pd.DataFrame:
    """Table `tier_detectability`: what a campaign in each tier could show, held out by default, with no plan at all.

    A tier of so few customers that it has no spread, or nobody to hold out, is not in the row for all.
    """
    rules = settings.strategy.holdout
    span = Span.ending(settings.period.as_of, rules.weeks)
    names: list[str] = [rule.tier for rule in settings.segment.tiers]
    listed = holdout.eligible(sources.tiered, sources.known, names).group_by("tier").aggregate(n=ibis._.count())
    counts = dict(listed.order_by("tier").to_pyarrow().to_pandas().itertuples(index=False))
    then = _tiers_before(sources, span, settings)
    rows = []
    measured = campaign_base.by_kpi(then, sources.purchase_days, span, list(UNITS))
    for kpi, unit in UNITS.items():
        base = _arms(measured[kpi])
        arms = {tier: _expected(counts.get(tier, 0), base.get(tier), rules) for tier in names}
        sized = {tier: one for tier, one in arms.items() if one.treated}
        known = [one for one in sized.values() if _is_known(unit, one)]
        every = {**{tier: [one] for tier, one in sized.items()}, "all": known or list(sized.values())}
        rows += [{"tier": tier, "kpi": kpi, "kpi_unit": unit, "weeks": rules.weeks, **_detects(unit, group, settings)}
                 for tier, group in every.items() if group]  # fmt: skip
    columns = list(schema.TABLES["tier_detectability"].columns)
    return pd.DataFrame(rows, columns=columns)


def _detects(unit: str, tiers: list[Arms], settings: Settings) -> dict[str, Any]:
    rules, whole = settings.strategy.holdout, sample_size.pooled(tiers)
    smaller = min(whole.treated, whole.held_out)
    return {
        "eligible": round(whole.treated + whole.held_out),
        "treated": round(whole.treated),
        "held_out": round(whole.held_out),
        "holdout_share": whole.held_out / (whole.treated + whole.held_out),
        "base_value": _rounded(whole.base),
        "base_sd": _rounded(whole.sd) if unit != "rate" else math.nan,
        "base_rho": _rounded(whole.rho),
        "mde": _rounded(sample_size.mde(unit, tiers, rules)),
        "mde_cuped": _rounded(sample_size.mde(unit, tiers, rules, adjusted=True)),
        "has_small_arm": bool(smaller < _least(unit, settings)),
    }


def _expected(n: int, base: Arms | None, rules: Holdout) -> Arms:
    held = round(n * holdout.default_share(n, rules)) if n else 0
    return replace(base or Arms(0, 0, math.nan, math.nan, math.nan), treated=n - held, held_out=held)


def _is_known(unit: str, tier: Arms) -> bool:
    """Whether a tier has people to hold out, a base, and for means a spread."""
    return min(tier.treated, tier.held_out) > 0 and not math.isnan(tier.base if unit == "rate" else tier.base + tier.sd)


def _one(plan: Plan, sources: Sources, settings: Settings, busy: list[ir.Table]) -> tuple[list[dict], ir.Table]:
    """Rows and list of one plan."""
    rules, by, kpi = settings.strategy.holdout, str(plan.row["drawn_by"]), str(plan.row["kpi"])
    people = holdout.eligible(sources.tiered, sources.known, plan.tiers, by)
    for other in busy:
        people = people.anti_join(other, "customer_id")
    counted = people.group_by("tier").aggregate(n=ibis._.count()).order_by("tier").to_pyarrow().to_pandas()
    counts = dict(counted.itertuples(index=False))
    shares = _shares(plan, counts, rules)
    drawn = holdout.drawn(people, plan.campaign_id, shares)
    span = Span.ending(settings.period.as_of, plan.during.weeks)
    groups, alike = 0, math.nan
    if by:
        groups = int(people.drawn_unit.nunique().to_pyarrow().as_py())
        alike = campaign_base.icc(people, sources.purchase_days, span, kpi)
    inflation = sample_size.design_effect(groups, sum(counts.values()), alike)
    common = {**given(plan), "base_from": pd.Timestamp(span.start), "base_to": pd.Timestamp(span.end)}
    base = _base(_tiers_before(sources, span, settings), sources, span, kpi)
    found = _tiers(plan, _sizes(drawn, sources), shares, base)
    rows = [
        {**common, "design_effect": _rounded(inflation), **_figures(plan, [arms], settings, inflation), **row}
        for row, arms in found
    ]
    whole = _whole(plan, rows, [arms for _row, arms in found], settings, inflation)
    remedy = _remedy(plan, whole, [arms for _row, arms in found], sources, settings)
    if by and groups < LEAST_GROUPS:
        remedy = {"remedy": "more_groups", "remedy_value": float(LEAST_GROUPS), "is_enough": False}
    return [*rows, {**common, **whole, **remedy, "units": groups}], drawn


def _sizes(drawn: ir.Table, sources: Sources) -> dict[str, dict[str, Any]]:
    found = holdout.sizes(drawn).merge(holdout.balance(drawn, sources.tiered), on="tier", how="left")
    return {str(row["tier"]): {str(k): v for k, v in row.items()} for row in found.to_dict("records")}


def _tiers(
    plan: Plan, sizes: dict[str, dict[str, Any]], shares: dict[str, float], base: dict[str, Arms]
) -> list[tuple[dict[str, Any], Arms]]:
    """What the draw gave in each tier that has customers, best tier first, and its arms with their base."""
    unknown = Arms(0, 0, math.nan, math.nan, math.nan)
    return [
        (
            _arm(sizes[tier], shares[tier]),
            replace(base.get(tier, unknown), treated=sizes[tier]["treated"], held_out=sizes[tier]["held_out"]),
        )
        for tier in plan.tiers
        if tier in sizes
    ]


def _whole(plan: Plan, rows: list[dict], arms: list[Arms], settings: Settings, inflation: float) -> dict[str, Any]:
    """The row for all tiers: sums, and the effect weighted by the tiers' customers."""
    eligible, treated = [row["eligible"] for row in rows], [row["treated"] for row in rows]
    shares, n = [row["holdout_share"] for row in rows], sum(eligible)
    smd = {name: _mean([row[name] for row in rows], eligible) for name in holdout.MEASURES}
    by_customer = n and not plan.row["drawn_by"]
    return {
        "tier": "all",
        "design_effect": _rounded(inflation),
        "eligible": n,
        "treated": sum(treated),
        "held_out": n - sum(treated),
        "holdout_share": _mean(shares, eligible),
        "ratio_p": _rounded(holdout.ratio_p(eligible, treated, shares)) if by_customer else math.nan,
        **_figures(plan, arms, settings, inflation),
        **smd,
        "is_balanced": bool(rows) and all(row["is_balanced"] for row in rows),
    }


def _remedy(
    plan: Plan, whole: dict[str, Any], arms: list[Arms], sources: Sources, settings: Settings
) -> dict[str, Any]:
    customers = int(sources.tiered.filter(ibis._.tier != "none").count().to_pyarrow().as_py())
    goal = remedies.Goal(
        plan.unit, plan.target, plan.during.weeks, _least(plan.unit, settings), whole["needed_per_arm"], customers
    )
    code, value = remedies.cheapest(arms, goal, settings.strategy.holdout, whole["design_effect"])
    return {"remedy": code, "remedy_value": _rounded(value)}


def _arm(found: dict[str, Any], share: float) -> dict[str, Any]:
    """What the draw gave in one tier."""
    smd = {name: _rounded(found[name]) for name in holdout.MEASURES}
    alike = all(holdout.is_balanced(value, found["treated"], found["held_out"]) for value in smd.values())
    sizes = {name: int(found[name]) for name in ("eligible", "treated", "held_out", "units")}
    return {"tier": found["tier"], **sizes, "holdout_share": share, **smd, "is_balanced": alike}


def _figures(plan: Plan, tiers: list[Arms], settings: Settings, inflation: float) -> dict[str, Any]:
    """Base, least effect and customers needed, for one tier or several together."""
    rules, whole = settings.strategy.holdout, sample_size.pooled(tiers)
    plain = sample_size.mde(plan.unit, tiers, rules, inflation=inflation)
    adjusted = sample_size.mde(plan.unit, tiers, rules, adjusted=True, inflation=inflation)
    if plan.unit == "rate":
        needed = sample_size.rates_per_arm(whole.base, plan.target, rules)
    else:
        needed = sample_size.means_per_arm(whole.sd, plan.target, rules, 0.0 if math.isnan(whole.rho) else whole.rho)
    least, smaller = _least(plan.unit, settings), min(whole.treated, whole.held_out)
    best = plain if math.isnan(adjusted) else adjusted
    return {
        "base_value": _rounded(whole.base),
        "base_sd": _rounded(whole.sd) if plan.unit != "rate" else math.nan,
        "base_rho": _rounded(whole.rho) if plan.unit != "rate" else math.nan,
        "mde": _rounded(plain),
        "mde_cuped": _rounded(adjusted),
        "needed_per_arm": max(math.ceil(needed * inflation), least) if not math.isnan(needed) else math.nan,
        "is_enough": bool(best <= plan.target and smaller >= least),
    }


def _shares(plan: Plan, counts: dict[str, int], rules: Holdout) -> dict[str, float]:
    """Share held out by tier; one for all tiers where whole groups are drawn, which may lie in several."""
    asked = plan.row["holdout_share"]
    if not pd.isna(asked):
        return dict.fromkeys(counts, float(asked))
    if plan.row["drawn_by"]:
        return dict.fromkeys(counts, holdout.default_share(sum(counts.values()), rules) if counts else 0.0)
    return {tier: holdout.default_share(n, rules) for tier, n in counts.items()}


def _least(unit: str, settings: Settings) -> int:
    return max(settings.strategy.holdout.min_arm, _LEAST[unit].least_cases(settings.review))


def _tiers_before(sources: Sources, span: Span, settings: Settings) -> ir.Table:
    """Tiers as they stood on the day before the span."""
    day = span.start - timedelta(days=1)
    return sources.tier_at(sources.purchase_days, sources.known, at_day(day), settings)


def at_day(day: date) -> Period:
    """The quarter of a day, cut after it."""
    quarter = Period.containing(day)
    return quarter if day == quarter.as_of else Period(quarter.year, quarter.quarter, day)


def _base(then: ir.Table, sources: Sources, span: Span, kpi: str) -> dict[str, Arms]:
    return _arms(campaign_base.by_tier(then, sources.purchase_days, span, kpi))


def _arms(measured: pd.DataFrame) -> dict[str, Arms]:
    rows = measured.to_dict("records")
    return {row["tier"]: Arms(0, 0, row["base_value"], row["base_sd"], row["base_rho"]) for row in rows}


def _running(before: Drawn, plan: Plan, as_of: date) -> list[ir.Table]:
    """Lists of campaigns that run at the same time and come first: frozen earlier, or today under a lower id."""
    found = before.designs
    first, last = pd.Timestamp(plan.during.start), pd.Timestamp(plan.during.end)
    same = found[(found["start_date"] <= last) & (found["end_date"] >= first)]
    earlier = same[(same["snapshot_date"] < pd.Timestamp(as_of)) | (same["campaign_id"] < plan.campaign_id)]
    ids = sorted(set(earlier["campaign_id"]) - {plan.campaign_id})
    return [before.assignments.filter(ibis._.campaign_id.isin(ids))] if ids else []


def _mean(values: list[float], customers: list[int]) -> float:
    n = sum(customers)
    return _rounded(sum(k * v for k, v in zip(customers, values, strict=True)) / n) if n else math.nan


def _rounded(value: float) -> float:
    """Six figures: what is written into a frozen plan must not hang on the order in which threads add."""
    return float(f"{value:.6g}")
