"""Which opportunity suits which tier: the tier's own buying, the market, and what experts think."""

from itertools import combinations_with_replacement

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from crmlib.params import Book, Market
from crmlib.periods import Period

TIERS = ["high", "potential", "general", "risk"]
_MIN_RATINGS = 3
_YEAR = 4


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


def spend_products(
    category_sales: ir.Table, customer_tiers: ir.Table, opportunities: pd.DataFrame, period: Period
) -> ir.Table:
    """Per tier, sums over customers of the product of spend in two opportunities: `p_0_2` of the first and the third.

    The last number is the customer's spend on everything. Kept in whole numbers: sums of floating-point numbers would
    change with the order of threads. Products of 18 digits have 18 too in DuckDB, and overflow; those of 19 have 38.
    """
    bought = _with_tier(category_sales, customer_tiers, period)
    named = [_named(row) for row in opportunities.sort_values("opportunity_id").categories]
    sums = {f"x{i}": _.net_minor.sum(where=_.category.isin(names)).fill_null(0) for i, names in enumerate(named)}
    everything = {f"x{len(named)}": _.net_minor.sum()}
    wide = bought.group_by("tier", "customer_id").agg(**sums, **everything)
    exact = [wide[f"x{i}"].round().cast("decimal(19, 0)") for i in range(len(named) + 1)]
    pairs = combinations_with_replacement(range(len(exact)), 2)
    return wide.group_by("tier").agg(**{f"p_{i}_{j}": (exact[i] * exact[j]).sum() for i, j in pairs}).order_by("tier")


def category_quarters(category_sales: ir.Table) -> ir.Table:
    """Net sales of every category by quarter."""
    return category_sales.group_by("category", "period").agg(net_minor=_.net_minor.sum()).order_by("category", "period")


def with_own_growth(
    opportunities: pd.DataFrame, quarters: pd.DataFrame, coverage: pd.DataFrame, period: Period
) -> pd.DataFrame:
    """The opportunities with the change of our own sales in their categories: `own_growth_rate`, `own_growth_basis`.

    Four quarters on the four before hold the same seasons; with fewer than eight whole quarters the last one on the one
    before, which also holds the season; with fewer than two nothing is known.
    """
    whole = set(coverage.loc[~coverage["is_partial_quarter"].astype(bool), "period"])
    last = [str(quarter) for quarter in _quarters_up_to(period, 2 * _YEAR)]
    span, basis = next(
        ((n, b) for n, b in ((_YEAR, "on_year_before"), (1, "on_quarter_before")) if set(last[-2 * n :]) <= whole),
        (0, ""),
    )
    sold = _categories(opportunities).merge(quarters, on="category")
    by_quarter = sold.pivot_table(
        index="opportunity_id", columns="period", values="net_minor", aggfunc="sum", fill_value=0
    ).reindex(index=opportunities["opportunity_id"], columns=last, fill_value=0)
    now, before = (
        by_quarter[last[len(last) - span :]].sum(axis=1),
        by_quarter[last[-2 * span : -span or None]].sum(axis=1),
    )
    rate = (now / before.where(before > 0) - 1).astype("float64") if span else pd.Series(np.nan, by_quarter.index)
    return opportunities.assign(
        own_growth_rate=rate.to_numpy(), own_growth_basis=np.where(rate.notna(), basis, "").astype(object)
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
    """One row per tier and opportunity, the best first; those with too few buyers to judge by come after the others.

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
    by = ["is_thin", "opportunity_score", "tier", "opportunity_id"]
    return parts.sort_values(by, ascending=[True, False, True, True], ignore_index=True)


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
    quarters = [str(quarter) for quarter in _quarters_up_to(period, _YEAR)]
    rated = customer_tiers.filter(_.tier.isin(TIERS)).select("customer_id", "tier")
    return category_sales.filter(_.period.isin(quarters)).join(rated, "customer_id")


def _categories(opportunities: pd.DataFrame) -> pd.DataFrame:
    """One row per opportunity and category, from the register's 'DELI; CHEF SHOPPE'."""
    named = opportunities.assign(category=opportunities.categories.map(_named))
    each = named[["opportunity_id", "category"]].explode("category")
    return each.astype({"opportunity_id": "str", "category": "str"}).drop_duplicates()


def _named(categories: str) -> list[str]:
    return [name for part in categories.split(";") if (name := part.strip())]


def _quarters_up_to(period: Period, count: int) -> list[Period]:
    quarters = [period]
    while len(quarters) < count:
        quarters.insert(0, quarters[0].previous)
    return quarters


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
