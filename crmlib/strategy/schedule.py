"""What is done, late, blocked or critical on the last day of the quarter, and when each strategy will be done."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crmlib import schema
from crmlib.periods import Period

_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class _Task:
    """`days` it lasts from `start` on, both ends counted; `end` is where it is fixed: it is done."""

    start: pd.Timestamp
    days: int
    needs: tuple[str, ...]
    end: pd.Timestamp | None


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
    network = _network(seen, as_of)
    starts, ends = _forward(network)
    spare = _spare(seen, network, starts, ends)
    return (
        seen.assign(
            forecast_start=pd.to_datetime(seen.task_id.map(starts)),
            forecast_date=pd.to_datetime(seen.task_id.map(ends)),
            spare_days=seen.task_id.map(spare).mask(is_done).astype("Int64"),
            is_critical=~is_done & (seen.task_id.map(spare) == 0),
        )
        .sort_values(["start_date", "due_date", "task_id"])
        .reset_index(drop=True)
    )


def forecasts(tasks: pd.DataFrame, strategies: pd.DataFrame) -> pd.DataFrame:
    """When each strategy with tasks was to be done and will be at today's pace; the latest forecast first.

    `tasks` as `gantt` returns them. Critical: the open tasks without a day to spare, in order of their start.
    """
    of = tasks.assign(done=tasks.status == "done", critical=tasks.task_id.where(tasks.is_critical))
    found = of.groupby("strategy_id", as_index=False).agg(
        tasks=("task_id", "size"),
        tasks_done=("done", "sum"),
        due_date=("due_date", "max"),
        forecast_date=("forecast_date", "max"),
        critical_tasks=("critical", lambda ids: "; ".join(ids.dropna())),
    )
    named = found.merge(strategies[["strategy_id", "strategy", "strategy_zh", "owner", "end_date"]], how="left")
    dated = named.assign(
        slippage_days=(named.forecast_date - named.due_date).dt.days.astype("int64"),
        is_past_end=(named.forecast_date > named.end_date) & (named.tasks_done < named.tasks),
        provenance=named.strategy_id.map(of.groupby("strategy_id").provenance.first()),
    )
    columns = list(schema.TABLES["strategy_forecasts"].columns)
    return dated.sort_values(["forecast_date", "strategy_id"], ascending=[False, True]).reset_index(drop=True)[columns]


def _network(seen: pd.DataFrame, as_of: pd.Timestamp) -> dict[str, _Task]:
    """What is done keeps its dates; what runs needs the rest of its days from tomorrow on, what has not begun all.

    A task keeps its planned length. Its due date is kept too while there is time: nobody is assumed to finish early.
    """
    network = {}
    rows = zip(seen.task_id, seen.start_date, seen.due_date, seen.done_date, seen.progress_share, seen.depends_on,
               strict=True)  # fmt: skip
    for name, start, due, done, progress, needed in rows:
        days = (due - start).days + 1
        begun = progress > 0
        rest = days if pd.isna(progress) else int(np.ceil(days * (1 - progress) - 1e-9))
        begin = start if start > as_of or begun else max(start, as_of + _DAY)
        length = max(days, (as_of - start).days + 1 + rest) if begun and start <= as_of else days
        needs = tuple(part.strip() for part in needed.split(";") if part.strip())
        network[name] = _Task(begin, length, needs, None if pd.isna(done) else done)
    return network


def _order(network: Mapping[str, _Task]) -> list[str]:
    """What is needed before what needs it; the register's check has refused circles."""
    ordered: dict[str, None] = {}
    waiting = sorted(network)
    while waiting:
        ready = [name for name in waiting if all(n in ordered or n not in network for n in network[name].needs)]
        if not ready:
            raise ValueError(f"tasks {', '.join(waiting)} wait for one another")
        ordered |= dict.fromkeys(ready)
        waiting = [name for name in waiting if name not in ordered]
    return list(ordered)


def _forward(network: Mapping[str, _Task]) -> tuple[dict[str, pd.Timestamp], dict[str, pd.Timestamp]]:
    """The earliest start and end of each task; it may start on the day on which the last one it needs ends."""
    starts: dict[str, pd.Timestamp] = {}
    ends: dict[str, pd.Timestamp] = {}
    for name in _order(network):
        task = network[name]
        starts[name] = (
            max([task.start, *(ends[n] for n in task.needs if n in ends)]) if task.end is None else task.start
        )
        ends[name] = starts[name] + (task.days - 1) * _DAY if task.end is None else task.end
    return starts, ends


def _spare(
    seen: pd.DataFrame,
    network: Mapping[str, _Task],
    starts: Mapping[str, pd.Timestamp],
    ends: Mapping[str, pd.Timestamp],
) -> dict[str, int]:
    """Days by which a task may slip before its strategy, or another one that waits for it, ends later."""
    strategy = dict(zip(seen.task_id, seen.strategy_id, strict=True))
    last: dict[str, pd.Timestamp] = {}
    for name, end in ends.items():
        last[strategy[name]] = max(end, last.get(strategy[name], end))
    spare: dict[str, int] = {}
    for name in reversed(_order(network)):
        waiting = [(starts[n] - ends[name]).days + spare[n] for n, task in network.items()
                   if name in task.needs and task.end is None]  # fmt: skip
        spare[name] = min([(last[strategy[name]] - ends[name]).days, *waiting])
    return spare


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
