"""The three-level loop: a first reply at once, an analysis within a day, then escalation of what is still open."""

import pandas as pd

from crmlib.params import Collect
from crmlib.periods import Period
from crmlib.schema import TABLES

LEVELS = {"first_reply": "reply_state", "analysis": "analysis_state", "escalation": "escalation_state"}
HOURS = {"first_reply": "first_reply_hours", "analysis": "analysis_hours", "escalation": "closing_hours"}


def states(tickets: pd.DataFrame, people: pd.DataFrame, period: Period, collect: Collect) -> pd.DataFrame:
    """Table `feedback_tickets`: the quarter's tickets and all still open at its end, the most overdue first.

    What happened after the quarter is not known at its end. A ticket that was closed without a time for the reply or
    the analysis had both at the latest when it was closed. `people` adds the customers' 12-month spend.
    """
    end = pd.Timestamp(period.end)
    known = tickets[tickets["opened_at"] < end].copy()
    for column in ("first_reply_at", "analysed_at", "closed_at"):
        known[column] = known[column].where(known[column] < end)
    shown = known[(known["opened_at"] >= pd.Timestamp(period.start)) | known["closed_at"].isna()]
    limits = {name: getattr(collect, f"{name}_hours") for name in LEVELS}
    due = {name: shown["opened_at"] + pd.Timedelta(hours=hours) for name, hours in limits.items()}
    found = shown.assign(
        reply_state=_state(shown["first_reply_at"].fillna(shown["closed_at"]), due["first_reply"], end),
        analysis_state=_state(shown["analysed_at"].fillna(shown["closed_at"]), due["analysis"], end),
        escalation_state=_escalation(shown, due["escalation"], end),
        first_reply_hours=_hours(shown["opened_at"], shown["first_reply_at"]),
        analysis_hours=_hours(shown["opened_at"], shown["analysed_at"]),
        closing_hours=_hours(shown["opened_at"], shown["closed_at"]),
        is_open=shown["closed_at"].isna(),
    )
    late = pd.DataFrame({c: _hours(due[n], end).where(found[c] == "overdue") for n, c in LEVELS.items()})
    money = people.drop_duplicates("customer_id").set_index("customer_id")["money_12m_minor"]
    spent = found["customer_id"].map(money).astype("float64")
    timed = found.assign(hours_late=late.max(axis=1), money_12m_minor=spent)
    ranked = timed.sort_values(["hours_late", "opened_at", "ticket_id"], ascending=[False, True, True])
    return ranked[list(TABLES["feedback_tickets"].columns)].reset_index(drop=True)


def open_and_late(tickets: pd.DataFrame) -> pd.DataFrame:
    """The tickets that are open and late on a level, the most overdue first."""
    return tickets[tickets["hours_late"].notna()]


def _state(done: pd.Series, due: pd.Series, end: pd.Timestamp) -> pd.Series:
    waiting = pd.Series("pending", done.index).mask(due < end, "overdue")
    return waiting.mask(done.notna(), "late").mask(done <= due, "in_time").astype("str")


def _escalation(tickets: pd.DataFrame, due: pd.Series, end: pd.Timestamp) -> pd.Series:
    """Closed soon enough: not needed. Otherwise it has to be escalated; how soon that was is not recorded."""
    state = _state(tickets["closed_at"], due, end).replace("in_time", "not_needed")
    return state.mask(tickets["is_escalated"].fillna(value=False).astype("bool"), "escalated").astype("str")


def _hours(start: pd.Series, end: pd.Series | pd.Timestamp) -> pd.Series:
    return (end - start).dt.total_seconds() / 3600
