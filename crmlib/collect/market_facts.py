"""What is known about industry, competitors, policy and economy, and how old it is."""

import pandas as pd

from crmlib.periods import Period
from crmlib.schema import TABLES


def summary(facts: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Facts known by the end of the quarter, the weightiest and freshest first."""
    as_of = pd.Timestamp(period.as_of)
    known = facts[facts["source_date"] <= as_of]
    aged = known.assign(age_days=(as_of - known["source_date"]).dt.days.astype("int64"))
    ranked = aged.sort_values(["relevance", "age_days", "fact_id"], ascending=[False, True, True])
    return ranked[list(TABLES["market_summary"].columns)].reset_index(drop=True)
