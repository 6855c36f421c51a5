"""What becomes standard: only what a test with a control group has shown to work."""

import pandas as pd

from crmlib import schema
from crmlib.kpi import KPIS, ROW, service
from crmlib.periods import Period


def decide(register: pd.DataFrame, effects: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Table `standard_list`: adopted with evidence of grade A or B that it is effective, at least partly; else waiting.

    A review is overdue when its date has passed at the end of the quarter.
    """
    reasons = [_reason(effects[effects["strategy_id"] == strategy]) for strategy in register["strategy_id"]]
    decided = register.assign(
        decision=pd.Series(
            ["adopted" if r == "effect_shown" else "waiting" for r in reasons], index=register.index, dtype="str"
        ),
        decision_reason=pd.Series(reasons, index=register.index, dtype="str"),
        is_overdue=register["review_date"] < pd.Timestamp(period.as_of),
    )
    return decided[list(schema.TABLES["standard_list"].columns)]


def adopted(decided: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The KPI `standards_adopted`: how many of the proposed measures; no register, no row."""
    figures = (float((decided["decision"] == "adopted").sum()), float("nan"), float("nan"), len(decided))
    row = (
        "standards_adopted",
        str(period),
        "all",
        KPIS["standards_adopted"].unit,
        *figures,
        service.provenance(decided),
    )
    return pd.DataFrame([row] if len(decided) else [], columns=ROW)


def _reason(effects: pd.DataFrame) -> str:
    """Why a strategy's measure is adopted or waits, from the effects of its targets."""
    tested = effects[effects["evidence_grade"].isin(["A", "B"])]
    if tested["outcome"].isin(["effective", "partly_effective"]).any():
        return "effect_shown"
    if len(tested):
        return "no_effect_shown"
    if effects.empty:
        return "no_target"
    return "targets_not_due" if effects["outcome"].eq("not_due").all() else "descriptive_only"
