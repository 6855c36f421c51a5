"""Who gets what and why: the tier strategies, the answers to trends."""

import pandas as pd

from crmlib import schema
from crmlib.periods import Period

_TIERS = ["high", "potential", "general", "risk"]
_SIZE = ["customers", "customer_share", "monetary_12m_minor", "revenue_share"]
_TARGET = {"en": "{kpi}: {baseline} → {target} by {due}", "zh": "{kpi}：{baseline} → {target}（{due} 前）"}
_BETWEEN = {"en": "; ", "zh": "；"}


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
            expected=[expected(targets, strategy, "en") for strategy in strategies.strategy_id],
            expected_zh=[expected(targets, strategy, "zh") for strategy in strategies.strategy_id],
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


def upcoming(targets: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The targets that are due after the quarter."""
    return targets[targets.due_date > pd.Timestamp(period.as_of)]


def expected(targets: pd.DataFrame, strategy_id: str, lang: str) -> str:
    """The targets of a strategy in words: 'Retention rate: 97.1% → 97.6% by 2017-12-31'."""
    theirs = targets[targets.strategy_id == strategy_id]
    parts = zip(theirs.kpi, theirs.baseline, theirs.target, theirs.target_unit, theirs.due_date, strict=True)
    return _BETWEEN[lang].join(target_words(*part, lang) for part in parts)


def target_words(kpi: str, baseline: float, target: float, unit: str, due: pd.Timestamp, lang: str) -> str:
    """One target in words, money in major units."""
    return _TARGET[lang].format(
        kpi=schema.word(kpi, lang),
        baseline=_amount(baseline, unit),
        target=_amount(target, unit),
        due=f"{due:%Y-%m-%d}",
    )


def _amount(value: float, unit: str) -> str:
    return f"{value:.1%}" if unit == "pp" else f"{value:,.10g}"
