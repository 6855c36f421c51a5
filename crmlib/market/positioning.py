"""Where we stand for whom: how many of a tier's measured needs each position answers.

A need is measured when the Kano survey found that its presence or absence matters, when enough of the tier's texts
complain about it, or when enough of the tier's customers carry it as a tag that some position names.
"""

from collections.abc import Mapping
from typing import Any

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib import schema
from crmlib.params.market import Positioning
from crmlib.schema import TABLES

_WANTED = ("kano_M", "kano_O", "kano_A")
_NEEDS = ["tier", "need_id", "need_kind", "need", "need_zh", "kano_class", "mention_share"]
_GRADES = ("A", "B", "C")


def tags(customer_labels: ir.Table, customer_tiers: ir.Table) -> ir.Table:
    """How many customers of each tier carry each free tag."""
    each = customer_labels.filter(_.custom_tags != "").select("customer_id", tag=_.custom_tags.split("; ").unnest())
    tiers = customer_tiers.select("customer_id", "tier")
    return each.join(tiers, "customer_id").group_by("tier", "tag").agg(customers=_.count()).order_by("tier", "tag")


def measured(
    kano: pd.DataFrame | None, pains: pd.DataFrame | None, tagged: pd.DataFrame, rules: Positioning, min_cell: int
) -> pd.DataFrame:
    """One row per need and tier ('all' where it was asked of everyone): Kano, then complaints, then tags.

    Kano counts where too few answered not at all; of tags, those of at least `min_cell` customers.
    """
    found = [_of_kano(kano), _of_complaints(pains, rules), _of_tags(tagged, min_cell)]
    rows = [row for part in found for row in part]
    return pd.DataFrame(rows, columns=_NEEDS).astype({"mention_share": "float64"})


def needs(register: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Table `position_needs`: what was measured for a position's tier, met or not, and what is claimed unmeasured."""
    named = {claim for claims in register.meets for claim in _listed(claims)}
    counted = known[(known.need_kind != "need_tag") | known.need_id.isin(named)]
    rows: list[Mapping[Any, Any]] = []
    for place in register.to_dict("records"):
        claims = _listed(place["meets"])
        here = counted[counted.tier.isin(["all", place["tier"]])].drop_duplicates("need_id")
        marks = {key: place[key] for key in ("position_id", "tier", "provenance")}
        marked = here.assign(**marks, is_met=here.need_id.isin(claims), is_measured=True)
        rows += marked.to_dict("records")
        rows += [_claimed(claim) | marks for claim in claims if claim not in set(here.need_id)]
    return pd.DataFrame(rows, columns=list(TABLES["position_needs"].columns)).astype({"mention_share": "float64"})


def positions(
    register: pd.DataFrame, answered: pd.DataFrame, strengths: pd.DataFrame, facts: pd.DataFrame
) -> pd.DataFrame:
    """Table `positioning_map`: each position with the share of its tier's measured needs that it meets.

    Without a measured need the share is empty. The grade is the best of its facts.
    """
    own = strengths.set_index("factor_id")
    counts = answered[answered.is_measured.astype("bool")].groupby("position_id").is_met.agg(["size", "sum"])
    grades = facts.set_index("fact_id").grade
    found = register.assign(
        needs_measured=register.position_id.map(counts["size"]).fillna(0).astype("int64"),
        needs_met=register.position_id.map(counts["sum"]).fillna(0).astype("int64"),
        must_unmet=[_must_unmet(answered, position) for position in register.position_id],
        needs_unknown=[_unknown(answered, position) for position in register.position_id],
        advantage=register.internal_id.map(own.factor),
        advantage_zh=register.internal_id.map(own.factor_zh),
        rating=register.internal_id.map(own.rating).astype("Int64"),
        grade=[_best(evidence, grades) for evidence in register.evidence],
    )
    found["needs_met_share"] = found.needs_met / found.needs_measured.where(found.needs_measured > 0)
    ordered = found.sort_values(["needs_met_share", "position_id"], ascending=[False, True])
    return ordered[list(TABLES["positioning_map"].columns)].reset_index(drop=True)


def unanswered(answered: pd.DataFrame) -> pd.DataFrame:
    """Measured needs that no position meets; one row each, the must-be needs first."""
    known = answered[answered.is_measured.astype("bool")]
    met = set(known[known.is_met.astype("bool")].need_id)
    open_needs = known[~known.need_id.isin(met)].drop_duplicates("need_id")
    return open_needs.sort_values("kano_class", key=lambda c: c != "kano_M", kind="stable").reset_index(drop=True)


def _of_kano(kano: pd.DataFrame | None) -> list[dict[Any, Any]]:
    if kano is None or kano.empty:
        return []
    wanted = kano[kano.kano_class.isin(_WANTED) & ~kano.is_thin.astype("bool")].sort_values("need_id")
    texts = wanted[["need_id", "need", "need_zh", "kano_class"]].to_dict("records")
    return [row | {"tier": "all", "need_kind": "need_kano", "mention_share": None} for row in texts]


def _of_complaints(pains: pd.DataFrame | None, rules: Positioning) -> list[dict[Any, Any]]:
    if pains is None or pains.empty:
        return []
    told = pains[(pains.split == "by_tier") & ~pains.is_thin.astype("bool")]
    often = told[told.mention_share >= rules.min_mention_share].sort_values(["split_value", "theme"])
    pairs = zip(often.split_value, often.theme, often.mention_share, strict=True)
    return [
        _row(tier, theme, "need_theme") | {"need": schema.word(theme, "en"), "need_zh": schema.word(theme, "zh"),
                                           "mention_share": share}
        for tier, theme, share in pairs
    ]  # fmt: skip


def _of_tags(tagged: pd.DataFrame, min_cell: int) -> list[dict[Any, Any]]:
    enough = tagged[tagged.customers >= max(min_cell, 1)].sort_values(["tier", "tag"])
    return [_row(tier, tag, "need_tag") for tier, tag in zip(enough.tier, enough.tag, strict=True)]


def _row(tier: str, need_id: str, kind: str) -> dict[Any, Any]:
    texts = {"need": need_id, "need_zh": need_id, "kano_class": "", "mention_share": None}
    return {"tier": tier, "need_id": need_id, "need_kind": kind, **texts}


def _claimed(claim: str) -> dict[Any, Any]:
    """A need that a position claims to meet and nobody measured in its tier."""
    named = {"need": schema.word(claim, "en"), "need_zh": schema.word(claim, "zh")}
    return _row("", claim, "need_unknown") | named | {"is_met": True, "is_measured": False}


def _must_unmet(answered: pd.DataFrame, position: str) -> str:
    own = answered[(answered.position_id == position) & (answered.kano_class == "kano_M")]
    return "; ".join(own[~own.is_met.astype("bool")].need_id)


def _unknown(answered: pd.DataFrame, position: str) -> str:
    own = answered[answered.position_id == position]
    return "; ".join(own[~own.is_measured.astype("bool")].need_id)


def _best(evidence: str, grades: pd.Series) -> str:
    found = [grades[fact] for fact in _listed(evidence) if fact in grades.index]
    return min((grade for grade in found if grade in _GRADES), default="unsupported")


def _listed(text: object) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()] if isinstance(text, str) else []
