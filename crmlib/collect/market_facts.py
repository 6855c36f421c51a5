"""What is known about industry, competitors, policy and economy, and how old it is."""

import pandas as pd

from crmlib.periods import Period


def summary(facts: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Facts known by the end of the quarter, the weightiest and freshest first."""
    as_of = pd.Timestamp(period.as_of)
    known = facts[facts["source_date"] <= as_of]
    aged = known.assign(age_days=(as_of - known["source_date"]).dt.days.astype("int64"))
    ranked = aged.sort_values(["relevance", "age_days", "fact_id"], ascending=[False, True, True])
    columns = ["fact_id", "kind", "item", "item_zh", "figure", "relevance", "grade", "source", "source_date", "age_days",
               "link", "provenance"]  # fmt: skip
    return ranked[columns].reset_index(drop=True)
