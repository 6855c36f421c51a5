"""Who gets what and why: the tier strategies, the answers to trends, the changes on the way, the decisions to take."""

from datetime import date

import pandas as pd

from crmlib import schema
from crmlib.periods import Period

_TIERS = ["high", "potential", "general", "risk"]
_SIZE = ["customers", "customer_share", "monetary_12m_minor", "revenue_share"]
_TARGET = {"en": "{kpi}: {baseline} → {target} by {due}", "zh": "{kpi}：{baseline} → {target}（{due} 前）"}
_BETWEEN = {"en": "; ", "zh": "；"}
_FACTS = ["decision", "anchor", "amount_minor", "owner", "due_date", "tier", "opportunity", "opportunity_zh",
          "first_share", "customers", "value_minor", "shadow_price", "shortfall"]  # fmt: skip


def tier_strategies(
    strategies: pd.DataFrame, sizes: pd.DataFrame, matrix: pd.DataFrame, targets: pd.DataFrame
) -> pd.DataFrame:
    """The strategies, best tier first, beside the tier's size and spend and the score of their opportunity."""
    cells = matrix[["tier", "opportunity_id", "opportunity", "opportunity_zh", "opportunity_score", "stake_minor"]]
    filled = (
        strategies.merge(sizes[["tier", *_SIZE]], how="left", on="tier", validate="many_to_one")
        .fillna(dict.fromkeys(_SIZE, 0))
        .merge(cells, how="left", on=["tier", "opportunity_id"], validate="many_to_one")
        .assign(
            expected=[_expected(targets, strategy, "en") for strategy in strategies.strategy_id],
            expected_zh=[_expected(targets, strategy, "zh") for strategy in strategies.strategy_id],
        )
    )
    place = {tier: i for i, tier in enumerate(_TIERS)}
    return filled.sort_values("strategy_id").sort_values("tier", key=lambda tier: tier.map(place), kind="stable")


def tiers_without_strategy(strategies: pd.DataFrame, sizes: pd.DataFrame) -> list[str]:
    """Tiers that have customers and no strategy."""
    served = set(strategies.tier)
    return [tier for tier in sizes.tier[sizes.customers > 0] if tier in _TIERS and tier not in served]


def adaptation_plan(adaptations: pd.DataFrame, scored_pest: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The planned answers with the force of the factor that calls for each, the strongest first.

    Overdue: due before the last day of the quarter and not done. The register does not date its statuses.
    """
    factors = scored_pest[["factor_id", "factor", "factor_zh", "impact_points"]]
    known = adaptations.merge(factors, how="left", on="factor_id", validate="many_to_one")
    dated = known.assign(is_late=(known.due_date < pd.Timestamp(period.as_of)) & (known.status != "done"))
    by_date = dated.sort_values(["due_date", "adaptation_id"])
    return by_date.sort_values("impact_points", key=abs, ascending=False, kind="stable").reset_index(drop=True)


def adjustments_log(adjustments: pd.DataFrame, strategies: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Changes to running strategies up to the end of the quarter, the latest first."""
    known = adjustments[adjustments.adjusted_on <= pd.Timestamp(period.as_of)]
    named = known.merge(strategies[["strategy_id", "tier", "strategy", "strategy_zh"]], how="left", on="strategy_id")
    return named.sort_values(["adjusted_on", "strategy_id"], ascending=[False, True]).reset_index(drop=True)


def decisions(
    plan: pd.DataFrame,
    limits: pd.DataFrame,
    matrix: pd.DataFrame,
    reasons: pd.DataFrame,
    strategies: pd.DataFrame,
    period: Period,
) -> pd.DataFrame:
    """What leadership must decide: the budget, the best opportunity, the lapsed customers; the largest amount first.

    One row for each that this quarter's data supports, with the numbers its sentence needs. Owner and due date are
    those of the strategy concerned: its first start after the quarter, else the end of the next quarter.
    """
    found = [
        *_budget(plan, limits, strategies, period),
        *_opportunity(matrix, strategies, period),
        *_win_back(reasons, strategies, period),
    ]
    ordered = pd.DataFrame(found, columns=_FACTS).sort_values("amount_minor", ascending=False, kind="stable")
    return ordered.assign(rank=range(1, len(ordered) + 1)).reset_index(drop=True)


def _budget(
    plan: pd.DataFrame, limits: pd.DataFrame, strategies: pd.DataFrame, period: Period
) -> list[dict[str, object]]:
    """Approve what the plan spends; the owner is that of the strategy that gets most."""
    cost = plan.groupby("strategy_id").cost_minor.sum()
    if cost.sum() == 0:
        return []
    funded = strategies[strategies.strategy_id.isin(cost.index[cost > 0])]
    return [
        {
            "decision": "budget",
            "anchor": "allocation",
            "amount_minor": cost.sum(),
            "owner": _owner(strategies[strategies.strategy_id == cost.idxmax()]),
            "due_date": _due(funded, period),
            "customers": plan.contacts.sum(),
            "value_minor": plan.value_minor.sum(),
            "shadow_price": limits.shadow_price[limits.limit_kind == "budget"].iloc[0],
            "shortfall": limits.shortfall.sum(),
        }
    ]


def _opportunity(matrix: pd.DataFrame, strategies: pd.DataFrame, period: Period) -> list[dict[str, object]]:
    """Back the best cell of the matrix that has enough buyers to be more than chance."""
    solid = matrix[~matrix.is_thin.astype(bool)]
    if solid.empty:
        return []
    best = solid.iloc[0]
    theirs = strategies[strategies.tier == best.tier]
    same = theirs[theirs.opportunity_id == best.opportunity_id]
    facts = best[["tier", "opportunity", "opportunity_zh", "first_share"]].to_dict()
    return [
        facts
        | {
            "decision": "opportunity",
            "anchor": "opportunity_matrix",
            "amount_minor": best.stake_minor,
            "owner": _owner(theirs if same.empty else same),
            "due_date": _due(theirs if same.empty else same, period),
            "customers": best.buyers,
        }
    ]


def _win_back(reasons: pd.DataFrame, strategies: pd.DataFrame, period: Period) -> list[dict[str, object]]:
    """Only those who stopped buying: small and new customers in the lowest tier need other actions."""
    lapsed = reasons[reasons.risk_reason == "lapsed"]
    if lapsed.customers.sum() == 0:
        return []
    theirs = strategies[strategies.tier == "risk"]
    return [
        {
            "decision": "win_back",
            "anchor": "risk_reasons",
            "amount_minor": lapsed.monetary_12m_minor.sum(),
            "owner": _owner(theirs),
            "due_date": _due(theirs, period),
            "tier": "risk",
            "customers": lapsed.customers.sum(),
        }
    ]


def _owner(strategies: pd.DataFrame) -> str:
    return strategies.owner.iloc[0] if len(strategies) else ""


def _due(strategies: pd.DataFrame, period: Period) -> pd.Timestamp:
    upcoming: date | pd.Timestamp = strategies.start_date[strategies.start_date > pd.Timestamp(period.as_of)].min()
    return pd.Timestamp(period.next.as_of if pd.isna(upcoming) else upcoming)


def _expected(targets: pd.DataFrame, strategy_id: str, lang: str) -> str:
    """The targets of a strategy in words: 'Retention rate: 97.1% → 97.6% by 2017-12-31'."""
    theirs = targets[targets.strategy_id == strategy_id]
    parts = zip(theirs.kpi, theirs.baseline, theirs.target, theirs.target_unit, theirs.due_date, strict=True)
    return _BETWEEN[lang].join(
        _TARGET[lang].format(
            kpi=schema.word(kpi, lang),
            baseline=_amount(baseline, unit),
            target=_amount(target, unit),
            due=f"{due:%Y-%m-%d}",
        )
        for kpi, baseline, target, unit, due in parts
    )


def _amount(value: float, unit: str) -> str:
    return f"{value:.1%}" if unit == "pp" else f"{value:,.10g}"
