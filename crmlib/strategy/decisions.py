"""What leadership must decide this quarter, and each strategy's thread from evidence to verdict."""

from dataclasses import dataclass
from datetime import date

import pandas as pd

from crmlib import schema
from crmlib.periods import Period

_FACTS = ["decision", "anchor", "amount_minor", "owner", "due_date", "tier", "opportunity", "opportunity_zh",
          "first_share", "customers", "value_minor", "shadow_price", "shortfall", "strategy_id"]  # fmt: skip


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


def winnable(reasons: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """`risk_reasons`, but nobody where no customer has ever come back: then who has lapsed is not known."""
    return reasons if (history["orders"] > history["buyers"]).any() else reasons.iloc[:0]


def with_campaigns(found: pd.DataFrame, designs: pd.DataFrame | None, period: Period) -> pd.DataFrame:
    """Add the campaigns of each decision's strategies that are not over by the end of the quarter, as a list of ids."""
    ahead = None if designs is None else designs[designs.end_date > pd.Timestamp(period.as_of)]
    ids = [_campaigns(ahead, str(listed).split("; ")) for listed in found.strategy_id]
    return found.assign(campaign_ids=pd.Series(ids, index=found.index, dtype="str"))


def with_returns(found: pd.DataFrame, counted: pd.DataFrame, min_n: int) -> pd.DataFrame:
    """Add to the win-back decision the share, of how many, of lapsed customers who returned though nobody asked them.

    `counted` are rows of `kpis`; NaN where the rate is of fewer than `min_n` customers.
    """
    natural = counted[(counted.kpi == "natural_return_rate") & (counted.n >= min_n)]
    rate, n = (natural.kpi_value.iloc[0], natural.n.iloc[0]) if len(natural) else (float("nan"), float("nan"))
    is_asked = found.decision == "win_back"
    return found.assign(natural_rate=is_asked.map({True: rate}), natural_n=is_asked.map({True: n}))


def _campaigns(designs: pd.DataFrame | None, strategy_ids: list[str]) -> str:
    if designs is None:
        return ""
    return _listed(designs.campaign_id[designs.strategy_id.isin(strategy_ids)])


def _listed(ids: pd.Series) -> str:
    """Ids as a list, the shortest first, so that AC2 stands before AC10."""
    return "; ".join(sorted({str(i) for i in ids if i and not pd.isna(i)}, key=lambda i: (len(i), i)))


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
            "strategy_id": _listed(funded.strategy_id),
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
            "strategy_id": _listed(same.strategy_id),
        }
    ]


def _win_back(reasons: pd.DataFrame, strategies: pd.DataFrame, period: Period) -> list[dict[str, object]]:
    """Only those who stopped buying: small and new customers in the lowest tier need other actions.

    Figures that may not be told (NaN) stay untold.
    """
    lapsed = reasons[reasons.risk_reason == "lapsed"]
    if (lapsed.customers == 0).all():
        return []
    theirs = strategies[strategies.tier == "risk"]
    return [
        {
            "decision": "win_back",
            "anchor": "risk_reasons",
            "amount_minor": lapsed.monetary_12m_minor.sum(skipna=False),
            "owner": _owner(theirs),
            "due_date": _due(theirs, period),
            "tier": "risk",
            "customers": lapsed.customers.sum(skipna=False),
            "strategy_id": _listed(theirs.strategy_id),
        }
    ]


def _owner(strategies: pd.DataFrame) -> str:
    return strategies.owner.iloc[0] if len(strategies) else ""


def _due(strategies: pd.DataFrame, period: Period) -> pd.Timestamp:
    upcoming: date | pd.Timestamp = strategies.start_date[strategies.start_date > pd.Timestamp(period.as_of)].min()
    return pd.Timestamp(period.next.as_of if pd.isna(upcoming) else upcoming)


@dataclass(frozen=True)
class Records:
    """What is known of strategies elsewhere; `designs`, and `effects` and `reviews` of the last quarter, may be absent.

    reviews: `campaign_reviews`, whose verdicts of grades A and B say more than that a target was reached (`effects`).

    opportunities and factors carry `evidence` (ids of market facts), from which a factor is linked to an opportunity.
    """

    opportunities: pd.DataFrame
    factors: pd.DataFrame
    allocation: pd.DataFrame
    tasks: pd.DataFrame
    targets: pd.DataFrame
    designs: pd.DataFrame | None = None
    effects: pd.DataFrame | None = None
    reviews: pd.DataFrame | None = None


def threads(tiered: pd.DataFrame, known: Records) -> pd.DataFrame:
    """Table `strategy_thread`: each strategy that is decided, from its evidence to the last review."""
    columns = list(schema.TABLES["strategy_thread"].columns)
    rows = [row | _thread(row, known) for row in tiered[tiered.strategy_id != ""].to_dict("records")]
    found = pd.DataFrame(rows, columns=columns)
    whole = ["contacts", "cost_minor", "value_minor", "tasks_late"]
    return found.astype(dict.fromkeys(whole, "int64")).sort_values(
        "strategy_id", key=lambda ids: ids.map(lambda i: (len(i), i)), ignore_index=True
    )


def _thread(strategy: dict, known: Records) -> dict[str, object]:
    identity = strategy["strategy_id"]
    spent, tasks, targets = (
        frame[frame.strategy_id == identity] for frame in (known.allocation, known.tasks, known.targets)
    )
    designs = None if known.designs is None else known.designs[known.designs.strategy_id == identity]
    return {
        "factor_ids": _factors(strategy["opportunity_id"], known),
        "action_ids": _listed(spent.action_id),
        "contacts": spent.contacts.sum(),
        "cost_minor": spent.cost_minor.sum(),
        "value_minor": spent.value_minor.sum(),
        "campaign_ids": "" if designs is None else _listed(designs.campaign_id),
        "held_out_share": _held_out(designs),
        "target_ids": _listed(targets.target_id),
        "task_ids": _listed(tasks.task_id),
        "progress_share": tasks.progress_share.mean() if len(tasks) else float("nan"),
        "tasks_late": tasks.is_late.sum(),
        "review_outcomes": _verdicts(identity, known.reviews) or _outcomes(identity, known.effects),
    }


def _factors(opportunity: str, known: Records) -> str:
    """The outside factors that rest on a market fact on which the opportunity rests too."""
    facts = known.opportunities.evidence[known.opportunities.opportunity_id == opportunity]
    wanted = {fact for listed in facts for fact in _entries(listed)}
    return _listed(known.factors.factor_id[[bool(wanted & _entries(listed)) for listed in known.factors.evidence]])


def _entries(listed: object) -> set[str]:
    return {part.strip() for part in str(listed or "").split(";")} - {"", "nan", "None"}


def _held_out(designs: pd.DataFrame | None) -> float:
    """Share of the customers of its campaigns that are held out; NaN without a campaign."""
    if designs is None or designs.empty:
        return float("nan")
    by_tier = designs[designs.tier != "all"]
    return float(by_tier.held_out.sum() / by_tier.eligible.sum()) if by_tier.eligible.sum() else float("nan")


def _verdicts(identity: str, reviews: pd.DataFrame | None) -> str:
    """What its tested campaigns showed; '' where none was tested."""
    if reviews is None:
        return ""
    tested = (reviews.tier == "all") & reviews.evidence_grade.isin(["A", "B"]) & (reviews.strategy_id == identity)
    return "; ".join(sorted(set(reviews.verdict[tested])))


def _outcomes(identity: str, effects: pd.DataFrame | None) -> str:
    if effects is None or identity not in set(effects.strategy_id):
        return "not_reviewed"
    return "; ".join(sorted(set(effects.outcome[effects.strategy_id == identity])))
