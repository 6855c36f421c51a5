"""Spend budget and hours where the next contact earns most: a linear program by action and tier.

A tier's customers answer in order of readiness: the first part of them (`segment_sizes`) at full effect, the next parts
at lower `segment_effects`. Effects fall, so the parts fill in order and no integer variable is needed.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from crmlib import schema
from crmlib.errors import InputError
from crmlib.params import Book, Strategy

_TOLERANCE = 1e-6
_SLACK_PRICE = 1e4  # times the largest gain: a floor is broken only when nothing else is possible
_STEP = 0.10  # each limit is moved by this share to see how far its price holds
_NAMES = ["limit_kind", "department", "tier", "action_id"]
_AMOUNTS = ["limit_amount", "used_amount", "shadow_price", "price_below", "price_above", "shortfall"]


@dataclass(frozen=True)
class Allocation:
    """An optimal plan, money in major units; `value` is the expected margin net of what the contacts cost.

    `lines`: one row per action and tier, in whole contacts (rounded down, so they add to a little less than `value`).
    `limits`: one row per limit, with what one unit more of it is worth.
    `budget_needed`: the least budget that meets every floor, NaN when no budget can.
    """

    lines: pd.DataFrame
    limits: pd.DataFrame
    value: float
    budget_needed: float

    @property
    def broken(self) -> pd.DataFrame:
        """Floors that budget, hours and contact limits do not allow, with the customers missing."""
        return self.limits[self.limits.shortfall > 0]


@dataclass(frozen=True)
class _Limit:
    """Sum of `per_contact` x contacts over the lines is at most `bound`; a floor has both signs turned."""

    limit_kind: str
    per_contact: np.ndarray
    bound: float
    department: str = ""
    tier: str = ""
    action_id: str = ""


@dataclass(frozen=True)
class _Program:
    """Maximise gain x contacts (lines x parts), 0 <= contacts <= room, within the limits."""

    gain: np.ndarray
    room: np.ndarray
    limits: tuple[_Limit, ...]

    @property
    def bounds(self) -> np.ndarray:
        return np.array([limit.bound for limit in self.limits])

    @property
    def floors(self) -> np.ndarray:
        return np.flatnonzero([limit.limit_kind == "cover" for limit in self.limits])


@dataclass(frozen=True)
class _Optimum:
    contacts: np.ndarray
    prices: np.ndarray
    value: float


def solve(actions: pd.DataFrame, sizes: pd.DataFrame, rules: Strategy) -> Allocation:
    """The plan of highest expected net margin within budget, hours, contact limits and cover floors.

    When the floors cannot all be met they are lowered by as few customers as possible, and `broken` names them.
    """
    if actions.empty:
        nothing = np.zeros((0, 1))
        names = pd.DataFrame(columns=_NAMES, dtype="str")
        amounts = pd.DataFrame(columns=_AMOUNTS, dtype="float64")
        return Allocation(_lines(actions, nothing[:, 0], nothing, nothing), names.join(amounts), 0.0, 0.0)
    asked = _program(actions, sizes, rules)
    program = _moved(asked, asked.bounds + _shortfall(asked))
    best = _maximum(program)
    if best is None:
        raise InputError(
            "actions: no plan meets budget, hours and floors, even with floors lowered; check their numbers"
        )
    lines = _lines(actions, _customers(actions, sizes), _whole(best.contacts), program.gain)
    return Allocation(lines, _priced(asked, program, best), best.value, _least_budget(asked))


def plan(allocation: Allocation, strategies: pd.DataFrame, book: Book) -> pd.DataFrame:
    """The lines as a table: money in minor units, with owner and dates of each line's strategy."""
    known = strategies[["strategy_id", "owner", "start_date", "end_date"]]
    lines = allocation.lines.merge(known, how="left", on="strategy_id", validate="many_to_one")
    scale = 10**book.minor_digits
    table = lines.assign(
        department_zh=_department_zh(lines.department, strategies),
        contacts=lines.contacts.astype("int64"),
        cost_minor=(lines.cost * scale).round().astype("int64"),
        value_minor=(lines.value * scale).round().astype("int64"),
    )
    return table[list(schema.TABLES["allocation"].columns)]


def limits(allocation: Allocation, strategies: pd.DataFrame) -> pd.DataFrame:
    """The limits as a table, with the words for action and department."""
    named = allocation.lines[["action_id", "tier", "action", "action_zh"]]
    worded = allocation.limits.merge(named, how="left", on=["action_id", "tier"], validate="many_to_one")
    return worded.fillna({"action": "", "action_zh": ""}).assign(
        department_zh=_department_zh(worded.department, strategies)
    )


def _department_zh(departments: pd.Series, strategies: pd.DataFrame) -> list[str]:
    words = dict(zip(strategies.department, strategies.department_zh, strict=True))
    return [words.get(name, "") for name in departments]


def _program(actions: pd.DataFrame, sizes: pd.DataFrame, rules: Strategy) -> _Program:
    effects, parts = np.array(rules.segment_effects), np.array(rules.segment_sizes)
    customers = _customers(actions, sizes)
    gain = np.outer(actions.unit_value, effects) - actions.unit_cost.to_numpy(dtype=float)[:, None]
    limits = [_Limit("budget", actions.unit_cost.to_numpy(dtype=float), rules.budget)]
    limits += _hours(actions, rules) + _contacts(actions, customers, rules) + _floors(actions, customers)
    last = _whole(np.outer(customers, parts.cumsum()))  # of each part, counted through the tier
    return _Program(gain, np.diff(last, axis=1, prepend=0), tuple(limits))


def _customers(actions: pd.DataFrame, sizes: pd.DataFrame) -> np.ndarray:
    return actions.tier.map(sizes.set_index("tier").customers).fillna(0).to_numpy(dtype=float)


def _whole(customers: np.ndarray | float) -> np.ndarray:
    """Rounded down, but for the last digits of a float."""
    return np.floor(customers + _TOLERANCE)


def _hours(actions: pd.DataFrame, rules: Strategy) -> list[_Limit]:
    return [
        _Limit(
            "hours", (actions.unit_hours * (actions.department == name)).to_numpy(dtype=float), hours, department=name
        )
        for name, hours in rules.department_hours.items()
    ]


def _contacts(actions: pd.DataFrame, customers: np.ndarray, rules: Strategy) -> list[_Limit]:
    size = dict(zip(actions.tier, customers, strict=True))
    return [
        _Limit(
            "contacts",
            (actions.tier == tier).to_numpy(dtype=float),
            float(_whole(rules.max_contacts * size[tier])),
            tier=tier,
        )
        for tier in size
    ]


def _floors(actions: pd.DataFrame, customers: np.ndarray) -> list[_Limit]:
    floor = -_whole(-actions.cover_share.fillna(0).to_numpy(dtype=float) * customers)
    line = -np.eye(len(actions))
    return [
        _Limit("cover", line[i], -floor[i], tier=actions.tier.iloc[i], action_id=actions.action_id.iloc[i])
        for i in np.flatnonzero(floor > 0)
    ]


def _moved(program: _Program, bounds: np.ndarray) -> _Program:
    limits = tuple(replace(limit, bound=bound) for limit, bound in zip(program.limits, bounds, strict=True))
    return replace(program, limits=limits)


def _maximum(program: _Program) -> _Optimum | None:
    """The best contacts and the price of each limit; None when the limits contradict one another."""
    rows = np.repeat([limit.per_contact for limit in program.limits], program.gain.shape[1], axis=1)
    found = _linprog(program.gain.ravel(), rows, program.bounds, program.room.ravel())
    return found and replace(found, contacts=found.contacts.reshape(program.gain.shape))


def _linprog(gain: np.ndarray, rows: np.ndarray, bounds: np.ndarray, room: np.ndarray) -> _Optimum | None:
    from scipy.optimize import linprog

    found = linprog(-gain, rows, bounds, bounds=np.column_stack([np.zeros_like(room), room]), method="highs")
    return _Optimum(found.x, -found.ineqlin.marginals, -found.fun) if found.status == 0 else None


def _shortfall(program: _Program) -> np.ndarray:
    """Customers by which each floor must be lowered, per limit: one dear slack variable for each floor."""
    rows = np.repeat([limit.per_contact for limit in program.limits], program.gain.shape[1], axis=1)
    slack = -np.eye(len(program.limits))[:, program.floors]
    price = _SLACK_PRICE * max(1.0, np.abs(program.gain).max())
    gain = np.append(program.gain.ravel(), np.full(slack.shape[1], -price))
    room = np.append(program.room.ravel(), -program.bounds[program.floors])
    found = _linprog(gain, np.hstack([rows, slack]), program.bounds, room)
    missing = np.zeros(len(program.limits))
    if found is not None:
        missing[program.floors] = found.contacts[program.gain.size :]
    return np.ceil(missing - _TOLERANCE) + 0.0


def _least_budget(program: _Program) -> float:
    """The cheapest way to meet every floor within hours and contact limits."""
    budget, *others = program.limits
    gain = np.repeat(-budget.per_contact[:, None], program.gain.shape[1], axis=1)
    cheapest = _maximum(replace(program, gain=gain, limits=tuple(others)))
    return float("nan") if cheapest is None else -cheapest.value


def _lines(actions: pd.DataFrame, customers: np.ndarray, contacts: np.ndarray, gain: np.ndarray) -> pd.DataFrame:
    reached = contacts.sum(axis=1)
    return actions.assign(
        contacts=reached,
        reached_share=np.divide(reached, customers, out=np.zeros_like(reached), where=customers > 0),
        cost=reached * actions.unit_cost,
        hours=reached * actions.unit_hours,
        value=(gain * contacts).sum(axis=1),
    )


def _priced(asked: _Program, program: _Program, best: _Optimum) -> pd.DataFrame:
    """Each limit in its own unit: asked, used, worth of one more, mean worth over the last and the next tenth."""
    names = pd.DataFrame([[getattr(limit, name) for name in _NAMES] for limit in asked.limits], columns=_NAMES)
    sign = np.where(names.limit_kind == "cover", -1.0, 1.0)
    used = np.array([limit.per_contact for limit in asked.limits]) @ _whole(best.contacts).sum(axis=1)
    return names.assign(
        limit_amount=sign * asked.bounds,
        used_amount=sign * used + 0.0,
        shadow_price=sign * best.prices + 0.0,
        price_below=[_mean_price(program, best, i, -_STEP) for i in range(len(names))],
        price_above=[_mean_price(program, best, i, _STEP) for i in range(len(names))],
        shortfall=program.bounds - asked.bounds,
    )


def _mean_price(program: _Program, best: _Optimum, i: int, step: float) -> float:
    """Change of the value per unit when limit i moves by `step` of itself; NaN if it is free or no plan is left."""
    bounds = program.bounds
    unit = abs(bounds[i]) * step
    if best.prices[i] == 0 or unit == 0:
        return float("nan")
    bounds[i] *= 1 + step
    moved = _maximum(_moved(program, bounds))
    return float("nan") if moved is None else (moved.value - best.value) / unit
