"""Value, potential and need, 0-100 each, the priority made of them, and five levels.

The published formulas lost a percent sign, let the need run to 500 and compared each customer's profit with the
company's total; these are the repaired ones (see DECISIONS.md). A term that is not known is left out, its weight shared
among the others, as long as half of the dimension's weight is known; else the dimension is missing. The weight of a
missing dimension is shared in the same way; with two missing there is no score.
"""

from itertools import accumulate, pairwise

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from ibis import _

from crmlib.errors import InputError
from crmlib.params import Levels
from crmlib.schema import TABLES

LEVELS = ("strategic", "key", "ordinary", "potential", "optimise")
DIMENSIONS = ("value", "potential", "need")
_SCORES = tuple(f"{dimension}_score" for dimension in DIMENSIONS)
LOW_VALUE, HIGH_POTENTIAL = 50.0, 70.0
_LEAST_KNOWN = 0.5

Array = npt.NDArray[np.float64]
Terms = list[tuple[float, ir.Value]]


def score(inputs: ir.Table, levels: Levels) -> ir.Table:
    """Add V, P, N and S (6 decimals), what is missing, and whether low value comes with confirmed potential.

    `inputs` is what `evidence.inputs` made: compute it once before, its figures are asked for here. Who never bought
    has no value. `growth_confirmed` needs growth and needs both.
    """
    scored = inputs.mutate(
        value_score=_value(inputs, levels), potential_score=_blend(_potential(inputs, levels)),
        need_score=_blend(_need(inputs)),
    )  # fmt: skip
    known = [(float(levels.weights[d]), scored[f"{d}_score"]) for d in DIMENSIONS]  # type: ignore[index]
    count = sum(scored[column].notnull().cast("int64") for column in _SCORES)
    complete = scored.growth_rate.notnull() & (scored.needs_total.fill_null(0) > 0)
    return scored.mutate(
        priority_score=(count >= 2).ifelse(_blend(known, 1.0, 0.0), ibis.null("float64")),
        growth_confirmed=(complete & (scored.value_score < LOW_VALUE) & (scored.potential_score >= HIGH_POTENTIAL))
        .fill_null(False),  # noqa: FBT003 - the value
        missing_dimensions=_list({f"dimension_{d}": scored[f"{d}_score"].isnull() for d in DIMENSIONS}),
        missing_inputs=_list({
            "input_purchase": scored.tenure_days.isnull(),
            "input_growth": scored.growth_rate.isnull(),
            "input_needs": scored.needs_total.fill_null(0) == 0,
            "input_service": scored.service_level.isnull(),
            "input_price": scored.price_sensitivity.isnull(),
        }),
    )  # fmt: skip


def _value(inputs: ir.Table, levels: Levels) -> ir.Value:
    """100 (0.5 profit + 0.5 tenure / longest), the longest being P99 unless the params fix it."""
    longest = levels.max_tenure_days or inputs.tenure_days.quantile(0.99).to_pyarrow().as_py() or 1.0
    tenure = ibis.least(_float(inputs.tenure_days) / float(longest), 1.0)
    bought = inputs.tenure_days.notnull()
    value = 100 * (0.5 * _profit(inputs, bought, levels) + 0.5 * tenure)
    return bought.ifelse(value, ibis.null("float64")).cast("float64").round(6)


def _profit(inputs: ir.Table, bought: ir.Value, levels: Levels) -> ir.Value:
    """Profit as 0-1 among those who ever bought: middle rank (ties equal), or over its P99, or over the total."""
    profit = _float(inputs.profit_minor)
    if levels.profit == "percentile":
        below = ibis.rank().over(group_by=bought, order_by=inputs.profit_minor)
        ties, everyone = (inputs.customer_id.count().over(group_by=g) for g in ([bought, inputs.profit_minor], bought))
        return (_float(below) + _float(ties) / 2) / _float(everyone)
    buyers = inputs.filter(inputs.tenure_days.notnull()).profit_minor
    if levels.profit == "cap_p99":
        top = buyers.quantile(0.99).to_pyarrow().as_py() or 0.0
        return (profit / float(top)).clip(0.0, 1.0) if top > 0 else profit * 0.0
    total = buyers.sum().to_pyarrow().as_py() or 0
    if total <= 0:
        raise InputError(
            f"segment.levels.profit is 'share', but all customers' profit adds to {total} minor units; "
            "a share of it means nothing: use percentile"
        )
    return profit / float(total)


def _potential(inputs: ir.Table, levels: Levels) -> Terms:
    """0.3 growth between its anchors + 0.7 needs not met; a customer without any need has none open."""
    growth = (inputs.growth_rate - levels.growth_low) / (levels.growth_high - levels.growth_low)
    share = _float(inputs.needs_open.fill_null(0)) / _float(inputs.needs_total).nullif(0)
    needs = (inputs.needs_total == 0).ifelse(ibis.literal(0.0, "float64"), share)
    return [(0.3, growth.clip(0.0, 1.0)), (0.7, needs)]


def _need(inputs: ir.Table) -> Terms:
    """0.3 service wanted + 0.7 indifference to price, both from levels 1-5 where 5 is most."""
    return [(0.3, (_float(inputs.service_level) - 1) / 4), (0.7, (5 - _float(inputs.price_sensitivity)) / 4)]


def _blend(terms: Terms, scale: float = 100.0, least: float = _LEAST_KNOWN) -> ir.Value:
    """Weighted mean of the terms that are known, times `scale`; null where less than `least` of the weight is known."""
    weight = sum(value.notnull().cast("float64") * part for part, value in terms)
    total = sum(value.cast("float64").fill_null(0.0) * part for part, value in terms)
    mean = (total * scale / weight.nullif(0.0)).cast("float64").round(6)
    return (weight >= least).ifelse(mean, ibis.null("float64"))


def _list(codes: dict[str, ir.Value]) -> ir.Value:
    """The codes whose condition holds, separated by semicolons."""
    pieces = [condition.ifelse(f"; {code}", "") for code, condition in codes.items()]
    text = pieces[0]
    for piece in pieces[1:]:
        text = text + piece
    return text.substr(2)


def _float(value: ir.Value) -> ir.Value:
    return value.cast("float64")  # integers divide as floats, and DuckDB's decimals overflow


def assign(scored: ir.Table, levels: Levels) -> ir.Table:
    """Add the level: by cut-offs of S, or by rank so that each level has its quota; 'not_scored' without S.

    At the edge of a quota the higher S goes first, then the higher V, then the smaller customer id.
    """
    priority = scored.priority_score
    if levels.mode == "cutoff":
        steps = [(priority >= float(cut), level) for cut, level in zip(levels.cutoffs, LEVELS, strict=False)]
        return scored.mutate(level=ibis.cases((priority.isnull(), "not_scored"), *steps, else_=LEVELS[-1]))
    order = [priority.desc(nulls_first=False), scored.value_score.desc(nulls_first=False), scored.customer_id.asc()]
    place = ibis.row_number().over(group_by=priority.isnull(), order_by=order) + 1
    number = scored.customer_id.count().over(group_by=priority.isnull())
    ranked = scored.mutate(place=place, number=number)
    edges = [(_.place <= ((_.number * cut).round(6) + 0.5).floor(), level)
             for cut, level in zip(_running(levels.quotas), LEVELS, strict=True)]  # fmt: skip
    named = ranked.mutate(level=ibis.cases((_.priority_score.isnull(), "not_scored"), *edges, else_=LEVELS[-1]))
    return named.drop("place", "number")


def _running(quotas: tuple[float, ...]) -> list[float]:
    return [round(total, 9) for total in accumulate(quotas)]


def sizes(levelled: ir.Table, levels: Levels) -> ir.Table:
    """Customers and spend by level, best first, beside the shares the method aims at; of scored customers only."""
    every = ibis.memtable(pa.table({
        "level": [*LEVELS, "not_scored"], "position": range(6), "target_low": [*(t[0] for t in levels.targets), None],
        "target_high": [*(t[1] for t in levels.targets), None],
    }))  # fmt: skip
    counted = levelled.group_by("level").aggregate(n=_.count(), spent=_.monetary_12m_minor.sum())
    filled = every.left_join(counted, "level").mutate(
        customers=_.n.fill_null(0), monetary_12m_minor=_.spent.fill_null(0), is_scored=_.level != "not_scored"
    )
    scored = filled.customers.sum(where=filled.is_scored).over().nullif(0)
    total = filled.monetary_12m_minor.sum().over().nullif(0)
    shared = filled.mutate(
        customer_share=filled.is_scored.ifelse(filled.customers / scored, ibis.null("float64")),
        revenue_share=filled.monetary_12m_minor / total,
    )
    return shared.order_by("position").select(*TABLES["level_sizes"].columns)


def lacking(levelled: ir.Table) -> ir.Table:
    """How many customers lack each input of the scores."""
    codes = levelled.select(missing_inputs=levelled.missing_inputs.split("; ").unnest())
    counted = codes.filter(_.missing_inputs != "").group_by("missing_inputs").aggregate(customers=_.count())
    everyone = levelled.count().as_scalar()
    return counted.mutate(customer_share=_.customers / everyone).order_by(ibis.desc("customers"), "missing_inputs")


def stored(levelled: ir.Table) -> ir.Table:
    """The columns of the value-potential-need result, in their order."""
    return levelled.select(*TABLES["customer_levels"].columns)


def sample(levelled: ir.Table, size: int) -> ir.Table:
    """At most `size` scored customers, the same ones each time: those with the smallest hash of their id."""
    scored = levelled.filter(_.priority_score.notnull())
    ordered = scored.order_by(_.customer_id.hexdigest("md5"), "customer_id").limit(size)
    return ordered.select("customer_id", *_SCORES)


def sensitivity(sampled: pd.DataFrame, levels: Levels, seed: int) -> pd.DataFrame:
    """How many customers would change level, and how alike the ranking stays, if the weights were a little different.

    Weights are drawn from a Dirichlet distribution around the set ones. One row per level (of the set weights) and one,
    'all', with the correlations that nine draws of ten reach. No rows without customers.
    """
    if sampled.empty:
        return pd.DataFrame(columns=list(TABLES["level_sensitivity"].columns))
    scores = sampled.sort_values("customer_id")[list(_SCORES)].to_numpy(float)
    centre = np.array([levels.weights[d] for d in DIMENSIONS])  # type: ignore[index]
    weights = np.random.default_rng(seed).dirichlet(levels.concentration * centre, size=levels.draws)
    base, drawn = _priority(scores, centre[None, :]), _priority(scores, weights)
    own = _levels(base, scores[:, 0], levels)[0]
    changed = _levels(drawn, scores[:, 0], levels) != own
    alike = dict(zip(("spearman", "kendall"), _alike(base[0], drawn), strict=True))
    rows = [_changed(level, changed[:, own == n]) for n, level in enumerate(LEVELS)]
    everyone = _changed("all", changed) | alike
    return pd.DataFrame([*rows, everyone], columns=list(TABLES["level_sensitivity"].columns))


def _priority(scores: Array, weights: Array) -> Array:
    """S of each customer (columns) under each row of weights, missing dimensions left out."""
    known = ~np.isnan(scores)
    total = weights @ np.where(known, scores, 0.0).T
    return np.round(total / (weights @ known.T.astype(float)), 6)


def _levels(priority: Array, value: Array, levels: Levels) -> npt.NDArray[np.int64]:
    """Number of the level (0 best) of each customer; the order of the columns breaks a quota's last tie."""
    if levels.mode == "cutoff":
        return 4 - np.searchsorted(np.array(levels.cutoffs)[::-1], priority, side="right")
    number = priority.shape[1]
    edges = [0, *(int(np.floor(round(number * cut, 6) + 0.5)) for cut in _running(levels.quotas))]
    place = np.concatenate([np.full(b - a, n) for n, (a, b) in enumerate(pairwise(edges))])
    found = np.empty(priority.shape, dtype=np.int64)
    for row, ranked in zip(found, priority, strict=True):
        row[np.lexsort((-np.nan_to_num(value, nan=-1.0), -ranked))] = place
    return found


def _alike(base: Array, drawn: Array) -> tuple[float, float]:
    from scipy.stats import kendalltau, rankdata

    if np.ptp(base) == 0:
        return float("nan"), float("nan")
    ranks, own = rankdata(drawn, axis=1), rankdata(base)
    spearman = [np.corrcoef(own, row)[0, 1] for row in ranks]
    kendall = [kendalltau(base, row).statistic for row in drawn]
    return float(np.quantile(spearman, 0.1)), float(np.quantile(kendall, 0.1))


def _changed(level: str, changed: npt.NDArray[np.bool_]) -> dict[str, object]:
    shares = changed.mean(axis=1) if changed.shape[1] else np.array([np.nan])
    return {
        "level": level,
        "customers": changed.shape[1],
        "level_change_share": float(shares.mean()),
        "level_change_p90": float(np.quantile(shares, 0.9)),
    }
