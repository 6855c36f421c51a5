"""What may go wrong: likelihood x impact, the money it touches, what was decided, and whose review is late."""

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from crmlib.params.market import Risks
from crmlib.periods import Period
from crmlib.schema import TABLES

BANDS = ["band_severe", "band_serious", "band_minor"]


def score(register: pd.DataFrame, period: Period, rules: Risks) -> pd.DataFrame:
    """Points 1 to 25 = likelihood x impact, the band they fall in, and whether the review is overdue at `as_of`."""
    points = register.likelihood * register.impact
    bands = np.select([points >= rules.severe_from, points >= rules.serious_from], BANDS[:2], BANDS[2])
    return register.assign(
        risk_points=points.astype("int64"),
        risk_band=pd.Series(bands, index=register.index, dtype="str"),
        is_overdue=register.review_date < pd.Timestamp(period.as_of),
    )


def expected_loss(customer_value: ir.Table) -> ir.Table:
    """Money at risk of each tier: what its customers would spend in a year, times the risk that they stop buying."""
    return customer_value.group_by("tier").agg(at_risk_minor=_.at_risk_minor.sum()).order_by("tier")


def exposed(scored: pd.DataFrame, losses: pd.DataFrame, strategies: pd.DataFrame, matrix: pd.DataFrame) -> pd.DataFrame:
    """Add the money a risk touches, and which money that is; a risk that leads to no figure has none.

    Churn: the expected loss of its strategy's tier, or of everyone. Others: what that tier spent on the opportunity
    its strategy serves (`opportunity_matrix`).
    """
    named = strategies[["strategy_id", "tier", "opportunity_id"]].drop_duplicates("strategy_id")
    told = scored.merge(named, how="left", on="strategy_id", validate="many_to_one")
    cells = matrix[["tier", "opportunity_id", "stake_minor"]]
    told = told.merge(cells, how="left", on=["tier", "opportunity_id"], validate="many_to_one")
    by_tier = losses.set_index("tier").at_risk_minor.astype("float64")
    loss = told.tier.map(by_tier).where(told.tier.notna(), by_tier.sum(min_count=1))
    is_churn = told.kind == "churn"
    money = loss.where(is_churn, told.stake_minor).round()
    basis = np.select([money.isna(), is_churn], ["", "expected_loss"], "spend_at_stake")
    return scored.assign(
        exposed_minor=money.astype("Int64").to_numpy(),
        exposed_basis=pd.Series(basis, index=told.index, dtype="str").to_numpy(),
    )


def moved(scored: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    """Table `risk_register`: with last quarter's points and the move since; without that table both stay empty."""
    known = before.set_index("risk_id").risk_points if before is not None else pd.Series(dtype="float64")
    points_before = scored.risk_id.map(known).astype("float64")
    change = scored.risk_points - points_before
    words = np.select([change > 0, change < 0, change == 0], ["move_up", "move_down", "move_same"], "move_new")
    moves = pd.Series(words if before is not None else "", index=scored.index, dtype="str")
    found = scored.assign(points_before=points_before, points_move=moves)
    ordered = found.sort_values(["risk_points", "impact", "risk_id"], ascending=[False, False, True])
    return ordered[list(TABLES["risk_register"].columns)].reset_index(drop=True)
