"""Score what comes from outside: political, economic, social and technological factors, each with its evidence."""

from datetime import date

import numpy as np
import pandas as pd

AXES = ["P", "E", "S", "T"]
UNSUPPORTED = "unsupported"
_EVIDENCE_FACTOR = {"A": 1.0, "B": 1.0, "C": 0.5, UNSUPPORTED: 0.0}
_DRAWS = 5_000


def score(factors: pd.DataFrame, facts: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Score each factor -25 to 25: direction x impact x likelihood x horizon x evidence, the largest first.

    The best grade among its facts counts; opinion alone (C) counts half, no fact dated by `as_of` counts nothing.
    """
    known = facts[facts.source_date <= pd.Timestamp(as_of)].set_index("fact_id").grade
    scored = factors.assign(
        horizon_factor=_horizon_factor(factors.horizon_years),
        grade=[_best_grade(cited, known) for cited in factors.evidence],
    )
    strength = scored.impact * scored.likelihood * scored.horizon_factor * scored.grade.map(_EVIDENCE_FACTOR)
    scored["impact_points"] = (scored.direction * strength).astype("float64") + 0.0  # no -0.0
    by_id = scored.sort_values("factor_id")
    return by_id.sort_values("impact_points", key=abs, ascending=False, kind="stable").reset_index(drop=True)


def dated(scored: pd.DataFrame, known_facts: pd.DataFrame | None, as_of: date) -> pd.DataFrame:
    """Add which cited facts are past their date (`is_expired` of the table `market_summary`), and late reviews.

    An expired fact still counts: it is said, so that somebody looks for a newer one.
    """
    expired = set() if known_facts is None else set(known_facts[known_facts.is_expired.astype("bool")].fact_id)
    named = ["; ".join(fact for fact in _cited(evidence) if fact in expired) for evidence in scored.evidence]
    overdue = scored.review_date < pd.Timestamp(as_of)
    return scored.assign(expired_facts=pd.Series(named, index=scored.index, dtype="str"), is_overdue=overdue)


def moved(scored: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    """Add last quarter's points and whether a factor weighs more or less than then, whatever its sign.

    Without last quarter's table both stay empty.
    """
    known = before.set_index("factor_id").impact_points if before is not None else pd.Series(dtype="float64")
    points_before = scored.factor_id.map(known).astype("float64")
    change = (scored.impact_points.abs() - points_before.abs()).round(9)
    words = np.select([change > 0, change < 0, change == 0], ["move_up", "move_down", "move_same"], "move_new")
    moves = pd.Series(words if before is not None else "", index=scored.index, dtype="str")
    return scored.assign(points_before=points_before, points_move=moves)


def axes(scored: pd.DataFrame) -> pd.DataFrame:
    """Net effect and exposure (the sum of sizes, whatever the sign) of each axis."""
    sized = scored.assign(size=scored.impact_points.abs()).groupby("axis")
    sums = sized.agg(
        factors=("factor_id", "size"),
        net_points=("impact_points", "sum"),
        exposure_points=("size", "sum"),
        provenance=("provenance", "max"),  # 'illustrative' comes after 'actual': one such row marks the axis
    )
    known = sums.reindex([axis for axis in AXES if axis in sums.index])
    return known.rename_axis("axis").reset_index()


def rank_intervals(scored: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Add the ranks (5th to 95th percentile) each factor takes when judgements of impact and likelihood move by one.

    Each draw moves every impact and likelihood by -1, 0 or +1 within 1 to 5; `top3_share` is how often a factor
    is among the three largest. A factor without evidence stays at zero.
    """
    ordered = scored.sort_values("factor_id")
    rng = np.random.default_rng(seed)
    impact = _shaken(rng, ordered.impact)
    likelihood = _shaken(rng, ordered.likelihood)
    fixed = (ordered.horizon_factor * ordered.grade.map(_EVIDENCE_FACTOR)).to_numpy(dtype=float)
    ranks = pd.DataFrame(impact * likelihood * fixed, columns=ordered.factor_id).rank(
        axis=1, method="min", ascending=False
    )
    found = pd.DataFrame(
        {
            "factor_id": ordered.factor_id.to_numpy(),
            "rank_low": ranks.quantile(0.05, interpolation="lower").to_numpy(dtype="int64"),
            "rank_high": ranks.quantile(0.95, interpolation="higher").to_numpy(dtype="int64"),
            "top3_share": (ranks <= 3).mean().to_numpy(dtype=float),
        }
    )
    return scored.merge(found, on="factor_id", validate="one_to_one")


def _horizon_factor(years: pd.Series) -> pd.Series:
    """1.0 within a year, 0.7 within three, 0.4 beyond."""
    return pd.Series(np.select([years <= 1, years <= 3], [1.0, 0.7], 0.4), index=years.index)


def _best_grade(cited: object, known: pd.Series) -> str:
    """The best grade (A before B before C) among the facts that a factor cites as 'F1; F2'."""
    return min(known[known.index.isin(_cited(cited))], default=UNSUPPORTED)


def _cited(evidence: object) -> list[str]:
    return [part.strip() for part in evidence.split(";")] if isinstance(evidence, str) else []


def _shaken(rng: np.random.Generator, judged: pd.Series) -> np.ndarray:
    moves = rng.integers(-1, 2, size=(_DRAWS, len(judged)))
    return np.clip(judged.to_numpy() + moves, 1, 5)
