"""What becomes standard: only what a test with a control group has shown to work."""

import pandas as pd

from crmlib import schema
from crmlib.kpi import KPIS, ROW, service
from crmlib.periods import Period

_SHOWN = ("effective", "partly_effective")
_OPEN = ("not_ended", "not_started")
PDCA = {
    "effect_shown": "act",
    "harm_shown": "plan",
    "no_effect_shown": "plan",
    "effect_open": "check",
    "test_running": "do",
    "descriptive_only": "check",
    "targets_not_due": "do",
    "no_target": "plan",
}
"""Where the evidence puts a measure in the cycle: what does not work is planned anew, what works is acted on."""


def decide(register: pd.DataFrame, effects: pd.DataFrame, reviews: pd.DataFrame | None, period: Period) -> pd.DataFrame:
    """Table `standard_list`: adopted with evidence of grade A or B that it is effective, at least partly; else waiting.

    `reviews` is the table `campaign_reviews`, whose row of tier "all" is a campaign's verdict; `effects` are the
    targets, which are attributed to nothing and make no standard. A review is overdue when its date has passed.
    """
    tests = _tests(reviews)
    found = [
        (_reason(tests[tests["strategy_id"] == s], effects[effects["strategy_id"] == s]), _proof(tests, s))
        for s in register["strategy_id"]
    ]
    reasons = pd.Series([reason for reason, _proved in found], index=register.index, dtype="str")
    late = (pd.Timestamp(period.as_of) - register["review_date"]).dt.days
    decided = register.assign(
        decision=reasons.map(lambda r: "adopted" if r == "effect_shown" else "waiting").astype("str"),
        decision_reason=reasons,
        campaign_ids=pd.Series([proved for _reason, proved in found], index=register.index, dtype="str"),
        pdca_evidence=reasons.map(PDCA).astype("str"),
        is_overdue=late > 0,
        days_overdue=late.clip(lower=0).astype("int64"),
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


def _tests(reviews: pd.DataFrame | None) -> pd.DataFrame:
    """One row per campaign with a control group; those that have not ended are kept, grade C is not."""
    columns = ["campaign_id", "strategy_id", "evidence_grade", "verdict"]
    if reviews is None:
        return pd.DataFrame(columns=columns)
    whole = reviews[reviews["tier"] == "all"]
    return whole[whole["evidence_grade"].isin(["A", "B"]) | whole["verdict"].isin(_OPEN)][columns]


def _proof(tests: pd.DataFrame, strategy: str) -> str:
    """The campaigns that speak for or against it."""
    theirs = tests[(tests["strategy_id"] == strategy) & ~tests["verdict"].isin(_OPEN)]
    return "; ".join(sorted(theirs["campaign_id"].astype("str")))


def _reason(tests: pd.DataFrame, effects: pd.DataFrame) -> str:
    """Why a strategy's measure is adopted or waits: harm outweighs proof, proof outweighs doubt."""
    verdicts = set(tests["verdict"])
    if "harmful" in verdicts:
        return "harm_shown"
    for reason, words in (("effect_shown", _SHOWN), ("no_effect_shown", ("not_effective",)),
                          ("effect_open", ("inconclusive",)), ("test_running", _OPEN)):  # fmt: skip
        if verdicts & set(words):
            return reason
    if effects.empty:
        return "no_target"
    return "targets_not_due" if effects["outcome"].eq("not_due").all() else "descriptive_only"
