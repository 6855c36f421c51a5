"""SWOT and TOWS: what we are good and bad at, against what comes from outside; nothing is typed twice."""

import pandas as pd

from crmlib.market import ahp
from crmlib.params import Market

KINDS = ["strength", "weakness", "opportunity", "threat"]
QUADRANTS = {
    ("strength", "opportunity"): "SO",
    ("weakness", "opportunity"): "WO",
    ("strength", "threat"): "ST",
    ("weakness", "threat"): "WT",
}
_COLUMNS = ["kind", "factor_id", "factor", "factor_zh", "weight", "rating", "weighted_rating", "evidence", "provenance"]


def weigh(internal: pd.DataFrame, judgements: pd.DataFrame, rules: Market) -> tuple[pd.DataFrame, str]:
    """Strengths and weaknesses with their weights, and where these come from: the register, or the AHP set 'swot'.

    'ahp' needs a consistent set over exactly these factors, and the params asking for it.
    """
    written = dict(zip(internal.factor_id, internal.weight, strict=True))
    weights, source = ahp.choose(judgements, "swot", written, rules)
    return internal.assign(weight=internal.factor_id.map(weights).astype("float64")), source


def factors(internal: pd.DataFrame, scored_pest: pd.DataFrame) -> pd.DataFrame:
    """The SWOT grid: strengths and weaknesses from the register, opportunities and threats from PEST by sign.

    Weights add to 1 within each side. An external factor weighs as its share of all points, so one without evidence
    weighs nothing; its rating (1-4) is how well we respond.
    """
    external = scored_pest.assign(
        kind=scored_pest.direction.map({1: "opportunity", -1: "threat"}),
        weight=scored_pest.impact_points.abs(),
        rating=scored_pest.response,
    )
    both = pd.concat([_weighed(internal), _weighed(external)], ignore_index=True)
    both["kind"] = pd.Categorical(both.kind, KINDS, ordered=True)
    ordered = both.sort_values(["kind", "weighted_rating", "factor_id"], ascending=[True, False, True])
    return ordered.astype({"kind": "str"})[_COLUMNS].reset_index(drop=True)


def evaluations(grid: pd.DataFrame) -> pd.DataFrame:
    """The two weighted ratings, 1 to 4 with 2.5 as the middle: internal (IFE) and external (EFE)."""
    side = grid.kind.map(
        {"strength": "internal", "weakness": "internal", "opportunity": "external", "threat": "external"}
    )
    sums = (
        grid.assign(side=side)
        .groupby("side")
        .agg(factors=("factor_id", "size"), weighted_rating=("weighted_rating", "sum"))
    )
    return sums.loc[[s for s in ("internal", "external") if s in sums.index]].reset_index()


def tows(options: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame:
    """Score each pair w x r x w x r x fit and name its quadrant, the strongest option first."""
    known = grid.set_index("factor_id")
    inside = known[known.kind.isin(["strength", "weakness"])].loc[options.internal_id]
    outside = known[known.kind.isin(["opportunity", "threat"])].loc[options.external_id]
    scored = options.assign(
        quadrant=[QUADRANTS[pair] for pair in zip(inside.kind, outside.kind, strict=True)],
        pair_points=inside.weighted_rating.to_numpy() * outside.weighted_rating.to_numpy() * options.fit.to_numpy(),
    )
    ordered = scored.sort_values(["pair_points", "internal_id", "external_id"], ascending=[False, True, True])
    return ordered.reset_index(drop=True)


def quadrants(options: pd.DataFrame) -> pd.DataFrame:
    """Number of pairs, total and share of points of each quadrant that has a pair."""
    sums = options.groupby("quadrant").agg(
        pairs=("fit", "size"),
        pair_points=("pair_points", "sum"),
        provenance=("provenance", "max"),  # 'illustrative' comes after 'actual'
    )
    total = sums.pair_points.sum()
    shares = sums.assign(points_share=sums.pair_points / total if total else 0.0)
    return shares.reindex([q for q in QUADRANTS.values() if q in shares.index]).rename_axis("quadrant").reset_index()


def _weighed(side: pd.DataFrame) -> pd.DataFrame:
    total = side.weight.sum()
    weight = side.weight / total if total else side.weight * 0.0
    return side.assign(weight=weight, weighted_rating=weight * side.rating)[_COLUMNS]
