"""The staged plan of the next two years: which step serves which opportunity, and what must be true to go on."""

import pandas as pd

from crmlib.periods import Period
from crmlib.schema import TABLES

MONTHS = {"months_0_to_6": 6, "months_6_to_12": 12, "months_12_to_24": 24}


def plan(steps: pd.DataFrame, strategies: pd.DataFrame, matrix: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Table `expansion_plan`: each step with the score of its opportunity.

    The score is that of its strategy's tier, or of the tier where the opportunity scores best. A step is late once its
    date has passed undone; it is beyond its stage when its date lies further ahead than the stage reaches.
    """
    tiers = strategies.drop_duplicates("strategy_id").set_index("strategy_id").tier
    named = steps.assign(tier=steps.strategy_id.map(tiers), stage=steps.horizon.map(MONTHS).astype("float64"))
    best = matrix.sort_values("opportunity_score", ascending=False, kind="stable").drop_duplicates("opportunity_id")
    named["tier"] = named.tier.fillna(named.opportunity_id.map(best.set_index("opportunity_id").tier))
    cells = matrix[["tier", "opportunity_id", "opportunity_score", "stake_minor"]]
    found = named.merge(cells, how="left", on=["tier", "opportunity_id"], validate="many_to_one")
    as_of = pd.Timestamp(period.as_of)
    reach = [as_of + pd.DateOffset(months=int(months)) for months in found.stage]
    judged = found.assign(
        stake_minor=found.stake_minor.astype("Int64"),
        is_late=(found.due_date < as_of) & (found.status != "done"),
        is_beyond=found.due_date > pd.Series(reach, index=found.index, dtype="datetime64[us]"),
    )
    ordered = judged.sort_values(["stage", "due_date", "stage_id"])
    return ordered[list(TABLES["expansion_plan"].columns)].reset_index(drop=True)
