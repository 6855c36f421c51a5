"""Who the customers are, attribute by attribute, and what goes together, pair by pair.

Numbers are compared by rank (Spearman; Pearson beside it), a number and a category by the correlation ratio of ranks,
two categories by Cramér's V; both of the latter without their upward bias in small tables. Association is no cause.
"""

from collections.abc import Callable
from itertools import combinations

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd
from ibis import _

from crmlib.params import Profile
from crmlib.periods import Period
from crmlib.schema import TABLES
from crmlib.segment import agreement

NUMBERS = ("recency_days", "frequency_12m", "monetary_12m_minor", "tenure_days", "average_ticket_minor",
           "categories_bought", "growth_rate")  # fmt: skip
CATEGORIES = ("customer_type", "size_band", "region", "consent", "need_type", "decision_complexity", "price_band")
ATTRIBUTES = ("customer_type", "size_band", "region", "tier", "level", "lifecycle", "loyalty")
MIN_PAIRS = 30
SIGNIFICANT = 0.05
OTHER, UNKNOWN = "other_values", "not_known"

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Resampled = npt.NDArray[np.float32]


def described(
    tiered: ir.Table, customers: ir.Table, levelled: ir.Table, labelled: ir.Table, sales: ir.Table, period: Period
) -> ir.Table:
    """One row per customer with everything that is compared: attributes as text ('' if not known), numbers as floats.

    Average ticket and categories are those of 12 months; `sales` are the category sales.
    """
    quarters = [str(quarter) for quarter in period.since(period.previous.previous.previous)]
    bought = sales.filter(_.period.isin(quarters), _.net_minor > 0)
    varied = bought.group_by("customer_id").aggregate(categories_bought=_.category.nunique())
    about = [c for c in ("customer_type", "size_band", "region", "consent") if c in customers.columns]
    parts = [
        customers.select("customer_id", *about),
        levelled.select("customer_id", "level", "growth_rate"),
        labelled.select("customer_id", "lifecycle", "loyalty", "price_band", "need_type", "decision_complexity"),
        varied,
    ]
    joined = tiered.mutate(
        average_ticket_minor=tiered.monetary_12m_minor / tiered.frequency_12m.nullif(0), customer_tier=tiered.tier
    ).select("customer_id", "state", *NUMBERS[:5], tier="customer_tier")
    for part in parts:
        joined = joined.left_join(part, "customer_id").drop("customer_id_right")
    texts = {c: joined[c].cast("string").fill_null("") for c in {*CATEGORIES, *ATTRIBUTES} if c in joined.columns}
    numbers = {c: joined[c].cast("float64") for c in NUMBERS}
    return joined.mutate(**texts, **numbers)


def groups(described: ir.Table, settings: Profile, min_cell: int) -> ir.Table:
    """Customers and 12-month spend by attribute and value, the most customers first.

    Beyond `values` values the others are one; groups under `min_cell` customers are marked small. An attribute of which
    nothing is known is left out.
    """
    counted = [_group(described, attribute, place, settings.values)
               for place, attribute in enumerate(ATTRIBUTES) if attribute in described.columns]  # fmt: skip
    everyone = described.aggregate(n=_.count(), spent=_.monetary_12m_minor.sum())
    shared = ibis.union(*counted).cross_join(everyone) if len(counted) > 1 else counted[0].cross_join(everyone)
    is_said = (shared.attribute_value != UNKNOWN).any().over(group_by="place")
    filled = shared.mutate(is_said=is_said).filter(_.is_said).mutate(
        customer_share=_.customers / _.n.nullif(0),
        revenue_share=_.spent_here / _.spent.nullif(0),
        monetary_12m_minor=_.spent_here.round().cast("int64"),
        per_customer_minor=(_.spent_here / _.customers).round().cast("int64"),
        is_small=_.customers < min_cell,
        last=_.attribute_value.isin([UNKNOWN, OTHER]),
    )  # fmt: skip
    ordered = filled.order_by(["place", "last", ibis.desc("customers"), "attribute_value"])
    return ordered.select(*TABLES["profile_groups"].columns)


def _group(described: ir.Table, attribute: str, place: int, most: int) -> ir.Table:
    value = described[attribute].nullif("").fill_null(UNKNOWN)
    counted = described.group_by(value=value).aggregate(n=_.count(), spent_here=_.monetary_12m_minor.sum())
    rank = ibis.row_number().over(group_by=counted.value == UNKNOWN, order_by=[ibis.desc("n"), "value"])
    ranked = counted.mutate(value=(rank < most).ifelse(counted.value, OTHER))
    named = ranked.group_by("value").aggregate(customers=_.n.sum(), spent_here=_.spent_here.sum())
    return named.select(
        "customers", "spent_here", place=ibis.literal(place), attribute=ibis.literal(f"var_{attribute}"),
        attribute_value=_.value,
    )  # fmt: skip


def sample(described: ir.Table, size: int) -> ir.Table:
    """At most `size` customers who ever bought, the same ones each time: those with the smallest hash of their id."""
    bought = described.filter(described.state.isin(["active", "lapsed"]))
    columns = [c for c in (*NUMBERS, *CATEGORIES) if c in described.columns]
    return (
        bought.order_by(bought.customer_id.hexdigest("md5"), "customer_id").limit(size).select("customer_id", *columns)
    )


def associations(sampled: pd.DataFrame, settings: Profile, min_cell: int, seed: int) -> pd.DataFrame:
    """Every pair of variables that vary: strength with a 95 % interval, n, p, and p adjusted over the whole table.

    Intervals are Fisher's z for correlations and the bootstrap's percentiles for the others, which have no sign. Rare
    values (under `min_cell` customers) count as one; unknown ones are left out. Fewer than 30 pairs are not measured.
    Adjusted by Benjamini and Hochberg (1995): of the marked links one in twenty is expected to be chance.
    """
    numbers = [c for c in NUMBERS if c in sampled and sampled[c].nunique() > 1]
    kinds = {
        c: codes
        for c in CATEGORIES
        if c in sampled and (codes := _codes(sampled[c], settings, min_cell)).max(initial=-1) > 0
    }
    weights = _resamples(len(sampled), settings.resamples, seed) if kinds else np.empty((0, 0), dtype=np.float32)
    rows = [row for a, b in combinations(numbers, 2) for row in _correlations(sampled, a, b)]
    rows += [_ratio(sampled, a, b, kinds[b], weights) for a in numbers for b in kinds]
    rows += [_between(a, b, kinds[a], kinds[b], settings.resamples, seed) for a, b in combinations(kinds, 2)]
    columns = list(TABLES["associations"].columns)
    found = pd.DataFrame(rows, columns=columns)
    return _adjusted(found) if len(found) else found


def _codes(values: pd.Series, settings: Profile, min_cell: int) -> Codes:
    """Values as 0, 1, ... by how common they are; rare ones together; -1 where not known."""
    known = values[(values != "") & (values != UNKNOWN)]
    counts = known.value_counts().sort_index(kind="stable").sort_values(ascending=False, kind="stable")
    kept = list(counts[counts >= min_cell].index[: settings.values])
    codes = {value: min(n, len(kept)) for n, value in enumerate([*kept, *counts.index.difference(kept)])}
    return values.map(codes).fillna(-1).to_numpy(np.int64)


def _resamples(size: int, number: int, seed: int) -> Resampled:
    """How often each customer is drawn in each resample: Poisson(1), which is the bootstrap for a large sample."""
    return np.random.default_rng(seed).poisson(1.0, size=(number, size)).astype(np.float32)


def _row(a: str, b: str, measure: str, n: int) -> dict[str, object]:
    nothing = dict.fromkeys(("association", "association_low", "association_high", "p_value"), float("nan"))
    return {"first_variable": f"var_{a}", "second_variable": f"var_{b}", "association_measure": f"by_{measure}", "n": n,
            "is_thin": n < MIN_PAIRS, **nothing}  # fmt: skip


def _correlations(sampled: pd.DataFrame, a: str, b: str) -> list[dict[str, object]]:
    from scipy.stats import pearsonr, spearmanr

    both = sampled[[a, b]].dropna()
    rows = [_row(a, b, measure, len(both)) for measure in ("spearman", "pearson")]
    if len(both) < MIN_PAIRS or both[a].nunique() < 2 or both[b].nunique() < 2:
        return rows
    for row, measure in zip(rows, (spearmanr, pearsonr), strict=True):
        found = measure(both[a], both[b])
        r = float(found.statistic)
        row.update(association=r, p_value=float(found.pvalue))
        row.update(
            zip(("association_low", "association_high"), fisher(r, len(both), measure is spearmanr), strict=True)
        )
    return rows


def fisher(r: float, n: int, is_rank: bool) -> tuple[float, float]:  # noqa: FBT001 - which of two formulas
    """95 % interval of a correlation by Fisher's z; for ranks with Bonett and Wright's (2000) standard error."""
    if abs(r) >= 1:
        return r, r
    error = np.sqrt((1 + r**2 / 2) / (n - 3)) if is_rank else 1 / np.sqrt(n - 3)
    low, high = np.tanh(np.arctanh(r) + np.array([-1.96, 1.96]) * error)
    return float(low), float(high)


def _ratio(sampled: pd.DataFrame, a: str, b: str, codes: Codes, weights: Resampled) -> dict[str, object]:
    """Correlation ratio of the ranks of a number in groups; p by Kruskal and Wallis."""
    from scipy.stats import chi2, rankdata

    is_known = (sampled[a].notna() & (codes >= 0)).to_numpy()
    n, row = int(is_known.sum()), _row(a, b, "correlation_ratio", int(is_known.sum()))
    groups = np.unique(codes[is_known])
    ranks = rankdata(sampled[a].to_numpy(float)[is_known]) if n else np.empty(0)
    if n < MIN_PAIRS or len(groups) < 2 or np.ptp(ranks) == 0:
        return row
    member = (codes[is_known][:, None] == groups).astype(np.float32)
    plain = _explained(np.ones((1, n), dtype=np.float32), member, ranks)[0]
    drawn = _explained(weights[:, is_known], member, ranks)
    row.update(association=correlation_ratio(plain, n, len(groups)),
               p_value=float(chi2.sf(plain * (n - 1), len(groups) - 1)))  # fmt: skip
    row.update(_percentiles(lambda share: correlation_ratio(share, n, len(groups)), plain, drawn))
    return row


def _explained(weights: Resampled, member: Resampled, values: Array) -> Array:
    """Share of the variance of `values` between groups, for each row of weights."""
    centred = values - values.mean()
    count, total = weights @ member, weights @ (member * centred[:, None])
    size = count.sum(axis=1)
    mean = total.sum(axis=1) / size
    between = (np.where(count > 0, total**2 / np.maximum(count, 1e-12), 0.0)).sum(axis=1) - size * mean**2
    whole = weights @ centred**2 - size * mean**2
    return between / whole


def correlation_ratio(explained: float, n: int, groups: int) -> float:
    """Square root of the explained share, less what chance explains (Kelley 1935: epsilon squared), at least 0."""
    return float(np.sqrt(max(0.0, 1 - (1 - explained) * (n - 1) / (n - groups))))


def _between(a: str, b: str, first: Codes, second: Codes, resamples: int, seed: int) -> dict[str, object]:
    """Cramér's V of two categories; p by chi squared."""
    from scipy.stats import chi2

    both = (first >= 0) & (second >= 0)
    n = int(both.sum())
    row = _row(a, b, "cramers_v", n)
    if n < MIN_PAIRS:
        return row
    table = pd.crosstab(first[both], second[both]).to_numpy(float)
    if min(table.shape) < 2:
        return row
    drawn = np.random.default_rng(seed).multinomial(n, (table / n).ravel(), size=resamples).reshape(-1, *table.shape)
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    squared = np.array([_chi_squared(one) for one in drawn.astype(float)])
    plain = _chi_squared(table)
    row.update(association=agreement.cramers_v(table), p_value=float(chi2.sf(plain, freedom)))
    row.update(_percentiles(lambda value: _corrected(value, n, table.shape), plain, squared))
    return row


def _chi_squared(table: Array) -> float:
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return float((np.square(table - expected) / np.where(expected > 0, expected, 1.0)).sum())


def _corrected(chi_squared: float, n: float, shape: tuple[int, ...]) -> float:
    rows, columns = shape
    phi = max(0.0, chi_squared / n - (rows - 1) * (columns - 1) / (n - 1))
    fewer = min(size - (size - 1) ** 2 / (n - 1) for size in shape) - 1
    return float(np.sqrt(phi / fewer)) if fewer > 0 else float("nan")


def _percentiles(measure: Callable[[float], float], plain: float, drawn: Array) -> dict[str, float]:
    """The middle 95 % of the measure over the resamples, moved onto the sample: resampling adds chance once more."""
    values = [measure(value) for value in drawn - drawn.mean() + plain]
    return {"association_low": float(np.quantile(values, 0.025)), "association_high": float(np.quantile(values, 0.975))}


def _adjusted(found: pd.DataFrame) -> pd.DataFrame:
    from scipy.stats import false_discovery_control

    tested = found["p_value"].notna()
    adjusted = pd.Series(np.nan, index=found.index)
    if tested.any():
        adjusted[tested] = false_discovery_control(found.loc[tested, "p_value"].clip(0, 1))
    return found.assign(p_adjusted=adjusted, is_notable_link=adjusted < SIGNIFICANT)
