"""What customers say: answers to surveys, and tickets through the three-level loop.

The loop: a first reply at once, an analysis within 24 hours, escalation where the customer is not satisfied.
"""

import pandas as pd

from crmlib.periods import Period
from crmlib.schema import TABLES


def surveys(answers: pd.DataFrame, period: Period, first: Period) -> pd.DataFrame:
    """Answers per quarter from `first` to this one: how many, how many satisfied (4-5), promoters, detractors."""
    seen = answers[answers["survey_date"] < pd.Timestamp(period.end)]
    rows = [_survey_row(seen, quarter) for quarter in period.since(first)]
    columns = ["period", "answers", "satisfied", "nps_answers", "promoters", "detractors"]
    return pd.DataFrame(rows, columns=columns)


def _survey_row(answers: pd.DataFrame, quarter: Period) -> tuple[str, int, int, int, int, int]:
    within = answers[answers["survey_date"].between(pd.Timestamp(quarter.start), pd.Timestamp(quarter.as_of))]
    nps = within["nps"].dropna()
    return (
        str(quarter),
        len(within),
        int((within["csat"] >= 4).sum()),
        len(nps),
        int((nps >= 9).sum()),
        int((nps <= 6).sum()),
    )


def tickets(found: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The quarter's tickets and any still open at its end, each with its state in the loop; the oldest first.

    What happened after the quarter is not known at its end.
    """
    end = pd.Timestamp(period.end)
    known = found[found["opened_at"] < end].copy()
    for column in ("first_reply_at", "analysed_at", "closed_at"):
        known[column] = known[column].where(known[column] < end)
    relevant = known[(known["opened_at"] >= pd.Timestamp(period.start)) | known["closed_at"].isna()]
    late = _hours(relevant["opened_at"], relevant["analysed_at"].fillna(end)) > 24
    loop = relevant.assign(
        first_reply_hours=_hours(relevant["opened_at"], relevant["first_reply_at"]),
        analysis_hours=_hours(relevant["opened_at"], relevant["analysed_at"]),
        is_analysed_late=late,
        is_open=relevant["closed_at"].isna(),
    )
    columns = list(TABLES["feedback_tickets"].columns)
    return loop.sort_values(["opened_at", "ticket_id"])[columns].reset_index(drop=True)


def _hours(start: pd.Series, end: pd.Series) -> pd.Series:
    return (end - start).dt.total_seconds() / 3600
