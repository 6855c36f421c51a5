"""Which opportunity suits which tier: the tier's own buying, the market, and what experts think."""

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from crmlib import schema
from crmlib.params import Book, Market
from crmlib.periods import Period

TIERS = ["high", "potential", "general", "risk"]
_MIN_RATINGS = 3
_DRAWS = 5_000
_WEIGHT_CONCENTRATION = 50
_GROWTH_ERROR = 0.03


def tier_spend(category_sales: ir.Table, customer_tiers: ir.Table, period: Period) -> ir.Table:
    """Net spend of each tier in the last four quarters, over all categories."""
    bought = _with_tier(category_sales, customer_tiers, period)
    return bought.group_by("tier").agg(stake_minor=_.net_minor.sum()).order_by("tier")


def tier_opportunities(
    category_sales: ir.Table, customer_tiers: ir.Table, opportunities: pd.DataFrame, period: Period
) -> ir.Table:
    """Buyers (net spend above zero) and net spend of each tier in each opportunity's categories, last four quarters."""
    bought = _with_tier(category_sales, customer_tiers, period)
    by_customer = (
        bought.join(ibis.memtable(_categories(opportunities)), "category")
        .group_by("opportunity_id", "tier", "customer_id")
        .agg(net_minor=_.net_minor.sum())
    )
    return (
        by_customer.group_by("opportunity_id", "tier")
        .agg(buyers=(_.net_minor > 0).sum(), stake_minor=_.net_minor.sum())
        .order_by("opportunity_id", "tier")
    )


def unknown_categories(category_sales: ir.Table, opportunities: pd.DataFrame) -> list[str]:
    """Categories an opportunity names that were never sold: new to us, or misspelt."""
    named = set(_categories(opportunities).category)
    return sorted(named - set(category_sales.select("category").distinct().category.to_pandas()))


def score(
    cells: pd.DataFrame,
    tiers: pd.DataFrame,
    opportunities: pd.DataFrame,
    ratings: pd.DataFrame,
    rules: Market,
    book: Book,
) -> pd.DataFrame:
    """One row per tier and opportunity, the best first.

    A part without data (no sale to take an affinity from, fewer than three ratings) stays empty and the weights of the
    others grow in proportion.
    """
    grid = _grid(cells, opportunities)
    parts = grid.assign(
        lift=lift(grid, tiers, rules.smoothing_share),
        growth_score=growth_score(grid.market_growth_rate, rules),
        headroom_score=_headroom(grid, book),
        expert_rating=_expert_rating(grid, ratings),
    )
    parts["affinity_score"] = affinity_score(parts.lift)
    parts["expert_score"] = expert_score(parts.expert_rating)
    parts["opportunity_score"] = weighted(parts, rules.matrix_weights)
    parts["is_thin"] = parts.buyers < rules.min_buyers
    best_first = parts.sort_values(["tier", "opportunity_id"]).sort_values(
        "opportunity_score", ascending=False, kind="stable"
    )
    return best_first.reset_index(drop=True)


def rank_intervals(scored: pd.DataFrame, rules: Market, seed: int) -> pd.DataFrame:
    """Add the ranks (5th to 95th percentile) that each cell takes, and how often it is first, when judgement moves.

    Weights ~ Dirichlet(50 w), expert medians by -1, 0 or +1, market growth by a normal error of 3 points.
    The spend itself is not resampled.
    """
    ordered = scored.sort_values(["tier", "opportunity_id"])
    rng = np.random.default_rng(seed)
    ranks = pd.DataFrame(_drawn_scores(ordered, rules, rng)).rank(axis=1, method="min", ascending=False)
    found = ordered[["tier", "opportunity_id"]].assign(
        rank_low=ranks.quantile(0.05, interpolation="lower").to_numpy(dtype="int64"),
        rank_high=ranks.quantile(0.95, interpolation="higher").to_numpy(dtype="int64"),
        first_share=(ranks == 1).mean().to_numpy(dtype=float),
    )
    ranked = scored.merge(found, on=["tier", "opportunity_id"], validate="one_to_one")
    return ranked[list(schema.TABLES["opportunity_matrix"].columns)]


def lift(grid: pd.DataFrame, tiers: pd.DataFrame, smoothing_share: float) -> pd.Series:
    """The tier's share of spend in the opportunity over everyone's share, smoothed by a share of all spend."""
    totals = tiers.set_index("tier").stake_minor.clip(lower=0)
    spend, tier_total = grid.stake_minor.clip(lower=0), grid.tier.map(totals).astype("float64").fillna(0)
    smoothing = smoothing_share * totals.sum()
    everyone = spend.groupby(grid.opportunity_id).transform("sum") / (totals.sum() or np.nan)
    own = (spend + smoothing * everyone) / (tier_total + smoothing).replace(0, np.nan)
    return own / everyone.replace(0, np.nan)


def affinity_score(lifts: pd.Series) -> pd.Series:
    """Half of everyone's share scores 0, the same share 50, twice the share 100."""
    return 100 * ((np.log2(lifts.clip(lower=1e-9)) + 1) / 2).clip(0, 1)


def growth_score(rate: pd.Series, rules: Market) -> pd.Series:
    return 100 * ((rate - rules.growth_low) / (rules.growth_high - rules.growth_low)).clip(0, 1)


def expert_score(median_rating: pd.Series) -> pd.Series:
    return 100 * (median_rating - 1) / 4


def weighted(parts: pd.DataFrame, weights: dict) -> pd.Series:
    """Weighted mean of the parts that are known in each row."""
    known = parts[[f"{part}_score" for part in weights]]
    each = np.array(list(weights.values()))
    return (known * each).sum(axis=1) / (known.notna() * each).sum(axis=1).replace(0, np.nan)


def _with_tier(category_sales: ir.Table, customer_tiers: ir.Table, period: Period) -> ir.Table:
    quarters = [str(quarter) for quarter in period.since(period.previous.previous.previous)]
    rated = customer_tiers.filter(_.tier.isin(TIERS)).select("customer_id", "tier")
    return category_sales.filter(_.period.isin(quarters)).join(rated, "customer_id")


def _categories(opportunities: pd.DataFrame) -> pd.DataFrame:
    """One row per opportunity and category, from the register's 'DELI; CHEF SHOPPE'."""
    named = opportunities.assign(category=opportunities.categories.str.split(";"))[["opportunity_id", "category"]]
    each = named.explode("category").astype({"opportunity_id": "str", "category": "str"})
    return each.assign(category=each.category.str.strip()).drop_duplicates()


def _grid(cells: pd.DataFrame, opportunities: pd.DataFrame) -> pd.DataFrame:
    every = opportunities.merge(pd.DataFrame({"tier": TIERS}), how="cross")
    grid = every.merge(cells, how="left", on=["opportunity_id", "tier"], validate="one_to_one")
    return grid.fillna({"buyers": 0, "stake_minor": 0}).astype({"buyers": "int64", "stake_minor": "int64"})


def _headroom(grid: pd.DataFrame, book: Book) -> pd.Series:
    """Mid-rank percentile, among the opportunities, of the market in reach minus our own sales."""
    sales = grid.groupby("opportunity_id").stake_minor.sum()
    market = grid.groupby("opportunity_id").market_size.first() * 10**book.minor_digits
    room = market - sales
    return grid.opportunity_id.map(100 * (room.rank() - 0.5) / len(room)).astype("float64")


def _expert_rating(grid: pd.DataFrame, ratings: pd.DataFrame) -> pd.Series:
    """Median of at least three ratings; fewer are one person's opinion."""
    by_cell = ratings.groupby(["tier", "opportunity_id"]).rating.agg(["median", "size"]).reset_index()
    enough = by_cell[by_cell["size"] >= _MIN_RATINGS]
    return (
        grid[["tier", "opportunity_id"]]
        .merge(enough, how="left", on=["tier", "opportunity_id"])["median"]
        .astype("float64")
    )


def _drawn_scores(cells: pd.DataFrame, rules: Market, rng: np.random.Generator) -> np.ndarray:
    """Opportunity scores, draws x cells; every tier sees the same draw of an opportunity's growth."""
    weights = rng.dirichlet(_WEIGHT_CONCENTRATION * np.array(list(rules.matrix_weights.values())), _DRAWS)
    codes = pd.factorize(cells.opportunity_id, sort=True)[0]
    error = rng.normal(0, _GROWTH_ERROR, (_DRAWS, codes.max(initial=-1) + 1))[:, codes]
    growth = (cells.market_growth_rate.to_numpy() + error - rules.growth_low) / (rules.growth_high - rules.growth_low)
    moved = cells.expert_rating.to_numpy() + rng.integers(-1, 2, (_DRAWS, len(cells)))
    drawn = {
        "affinity": np.broadcast_to(cells.affinity_score.to_numpy(dtype=float), moved.shape),
        "growth": 100 * growth.clip(0, 1),
        "headroom": np.broadcast_to(cells.headroom_score.to_numpy(dtype=float), moved.shape),
        "expert": 25 * (moved.clip(1, 5) - 1),
    }
    parts = np.stack([drawn[part] for part in rules.matrix_weights], axis=2)
    known = ~np.isnan(parts) * weights[:, None, :]
    return np.nansum(parts * weights[:, None, :], axis=2) / known.sum(axis=2)
