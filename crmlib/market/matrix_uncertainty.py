"""How sure the ranking of the opportunity matrix is when judgement, market and the customers at hand vary."""

import numpy as np
import pandas as pd

from crmlib import schema
from crmlib.params import Market

_DRAWS = 5_000
_WEIGHT_CONCENTRATION = 50
_GROWTH_ERROR = 0.03
_CLEAR = 0.90  # a cell that beats another in this share of the draws is ahead of it; in fewer, the two are tied
_PLACES = ["rank_low", "rank_high", "first_share", "tied_from", "tied_to"]


def rank(scored: pd.DataFrame, tiers: pd.DataFrame, products: pd.DataFrame, rules: Market, seed: int) -> pd.DataFrame:
    """Table `opportunity_matrix`: the places (5th to 95th percentile) that each cell takes, and with whom it is tied.

    Weights ~ Dirichlet(50 w), expert medians by -1, 0 or +1, market growth by a normal error of 3 points, and the spend
    as if each customer counted Poisson(1) times (the bootstrap over customers, Hanley and MacGibbon 2006): a tier's
    sums then vary with the covariance `products`, and are drawn from a normal distribution. With 30 buyers and more
    that is the bootstrap itself to within its own noise. Cells with fewer take part in no rank.
    """
    ordered = scored.sort_values(["tier", "opportunity_id"], ignore_index=True)
    if ordered.empty:
        places = pd.DataFrame(columns=_PLACES, index=ordered.index)
    else:
        rng = np.random.default_rng(seed)
        spend, totals = _spend(ordered, tiers, products, rng)
        places = _places(ordered, _scores(ordered, spend, totals, rules, rng))
    whole = dict.fromkeys([c for c in _PLACES if c != "first_share"], "Int64")
    ranked = scored.merge(
        ordered[["tier", "opportunity_id"]].join(places.astype(whole | {"first_share": "float64"})),
        on=["tier", "opportunity_id"], validate="one_to_one",
    )  # fmt: skip
    return ranked[list(schema.TABLES["opportunity_matrix"].columns)]


def lifts(spend: np.ndarray, totals: np.ndarray, smoothing_share: float) -> np.ndarray:
    """`matrix.lift` for many draws: spend by draw, tier and opportunity; totals by draw and tier."""
    spend, totals = spend.clip(min=0), totals.clip(min=0)
    all_spend = totals.sum(axis=1)[:, None]
    everyone = spend.sum(axis=1) / np.where(all_spend > 0, all_spend, np.nan)
    smoothing = smoothing_share * all_spend
    own = (spend + (smoothing * everyone)[:, None, :]) / (totals + smoothing)[:, :, None]
    return own / np.where(everyone > 0, everyone, np.nan)[:, None, :]


def _spend(
    ordered: pd.DataFrame, tiers: pd.DataFrame, products: pd.DataFrame, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Spend by draw, tier and opportunity, and of each tier on everything, tiers and opportunities in their order."""
    grid = ordered.pivot(index="tier", columns="opportunity_id", values="stake_minor")
    everything = tiers.set_index("tier")["stake_minor"].reindex(grid.index, fill_value=0)
    means = np.column_stack([grid.to_numpy(dtype=float), everything.to_numpy(dtype=float)])
    by_tier = products.set_index("tier")
    drawn = [
        _normal(mean, _covariance(by_tier, tier, len(mean)), rng) for tier, mean in zip(grid.index, means, strict=True)
    ]
    both = np.stack(drawn, axis=1)
    return both[:, :, :-1], both[:, :, -1]


def _covariance(by_tier: pd.DataFrame, tier: str, size: int) -> np.ndarray:
    found = np.zeros((size, size))
    if tier in by_tier.index:
        sums = by_tier.loc[[tier]].astype("float64").to_numpy()[0]
        for column, value in zip(by_tier.columns, sums, strict=True):
            i, j = (int(number) for number in column.split("_")[1:])
            found[i, j] = found[j, i] = value
    return found


def _normal(mean: np.ndarray, covariance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws x sums; opportunities nobody bought stay where they are."""
    z = rng.standard_normal((_DRAWS, len(mean)))
    scale = np.sqrt(np.diag(covariance))
    unit = np.where(scale > 0, scale, 1)
    correlation = covariance / np.outer(unit, unit) + 1e-9 * np.eye(len(mean))
    return mean + (z @ np.linalg.cholesky(correlation).T) * scale


def _scores(
    cells: pd.DataFrame, spend: np.ndarray, totals: np.ndarray, rules: Market, rng: np.random.Generator
) -> np.ndarray:
    """Opportunity scores, draws x cells; every tier sees the same draw of an opportunity's growth."""
    weights = rng.dirichlet(_WEIGHT_CONCENTRATION * np.array(list(rules.matrix_weights.values())), _DRAWS)
    codes = pd.factorize(cells["opportunity_id"], sort=True)[0]
    error = rng.normal(0, _GROWTH_ERROR, (_DRAWS, codes.max() + 1))[:, codes]
    growth = (cells["market_growth_rate"].to_numpy() + error - rules.growth_low) / (
        rules.growth_high - rules.growth_low
    )
    moved = cells["expert_rating"].to_numpy() + rng.integers(-1, 2, (_DRAWS, len(cells)))
    lift = lifts(spend, totals, rules.smoothing_share).reshape(_DRAWS, -1)
    affinity = ((np.log2(lift.clip(min=1e-9)) + 1) / 2).clip(0, 1)
    parts = {
        "affinity": 100 * np.where(cells["lift"].isna(), np.nan, affinity),
        "growth": 100 * growth.clip(0, 1),
        "headroom": np.broadcast_to(cells["headroom_score"].to_numpy(dtype=float), moved.shape),
        "expert": 25 * (moved.clip(1, 5) - 1),
    }
    stacked = np.stack([parts[part] for part in rules.matrix_weights], axis=2)
    known = ~np.isnan(stacked) * weights[:, None, :]
    return np.nansum(stacked * weights[:, None, :], axis=2) / known.sum(axis=2)


def _places(ordered: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    """Places of the cells with enough buyers, among each other; the others have none."""
    solid = np.flatnonzero(~ordered["is_thin"].astype(bool))
    ranks = pd.DataFrame(scores[:, solid], columns=solid).rank(axis=1, method="min", ascending=False)
    found = pd.DataFrame(
        {
            "rank_low": ranks.quantile(0.05, interpolation="lower"),
            "rank_high": ranks.quantile(0.95, interpolation="higher"),
            "first_share": (ranks == 1).mean(),
        }
    )
    best_first = ordered.loc[solid].sort_values("opportunity_score", ascending=False, kind="stable").index
    tied = _tied(scores[:, best_first]) if len(solid) else []
    return found.join(pd.DataFrame(tied, columns=["tied_from", "tied_to"], index=best_first)).reindex(ordered.index)


def _tied(scores: np.ndarray) -> list[tuple[int, int]]:
    """First and last place of each cell's group, cells best first: it holds whom its head does not clearly beat."""
    places: list[tuple[int, int]] = []
    while len(places) < scores.shape[1]:
        head = len(places)
        beaten = (scores[:, [head]] > scores[:, head:]).mean(axis=0)
        close = np.flatnonzero(beaten < _CLEAR)
        last = head + int(close.max())
        places += [(head + 1, last + 1)] * (last - head + 1)
    return places
