"""What is done, late or blocked, seen from the last day of the quarter."""

import numpy as np
import pandas as pd

from crmlib.periods import Period


def gantt(tasks: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The tasks as they stood at the end of the quarter, in order of their start.

    Done means a `done_date` by then; what was finished later, or has no date, counts as not done, and its progress at
    the time is unknown. Slippage runs from the due date to the done date, or to the end of the quarter while it is due.
    """
    as_of = pd.Timestamp(period.as_of)
    is_done = tasks.done_date <= as_of
    seen = tasks.assign(
        done_date=tasks.done_date.where(is_done),
        progress_share=_progress(tasks, is_done, as_of),
        slippage_days=_slippage(tasks, is_done, as_of),
        is_late=~is_done & (tasks.due_date < as_of),
        is_due=(tasks.due_date >= pd.Timestamp(period.start)) & (tasks.due_date <= as_of),
        is_on_time=is_done & (tasks.done_date <= tasks.due_date),
        is_blocked=_blocked(tasks, is_done, as_of),
    )
    seen["status"] = np.select([is_done, seen.progress_share > 0], ["done", "partial"], "open")
    return seen.sort_values(["start_date", "due_date", "task_id"]).reset_index(drop=True)


def _progress(tasks: pd.DataFrame, is_done: pd.Series, as_of: pd.Timestamp) -> pd.Series:
    """1 when done, 0 before the start, unknown when finished after the quarter, else as reported."""
    finished_later = tasks.done_date > as_of
    reported = tasks.progress_share.astype("float64").mask(finished_later)
    return reported.mask(tasks.start_date > as_of, 0.0).mask(is_done, 1.0)


def _slippage(tasks: pd.DataFrame, is_done: pd.Series, as_of: pd.Timestamp) -> pd.Series:
    """Days late (negative: early); 0 while neither done nor due."""
    late = (tasks.done_date.where(is_done, as_of) - tasks.due_date).dt.days
    return late.where(is_done, late.clip(lower=0)).astype("int64")


def _blocked(tasks: pd.DataFrame, is_done: pd.Series, as_of: pd.Timestamp) -> list[bool]:
    """Whether a task starts before all it needs is finished; what is unfinished lasts to its due date or to today."""
    latest = tasks.due_date.where(tasks.due_date > as_of, as_of)
    finish = pd.Series(tasks.done_date.where(is_done, latest).to_numpy(), index=tasks.task_id)
    return [
        any(finish[before.strip()] > start for before in named.split(";") if before.strip())
        for named, start in zip(tasks.depends_on, tasks.start_date, strict=True)
    ]
