"""What one unit more of each limit is worth, and how far that holds.

A price is the worth of the *next* unit: it is read where every limit is loosened by a hair, because at a corner of the
plan the last unit and the next one are worth different amounts. How far it holds follows from the basis of the optimum:
until some contact reaches a bound of its own, the same trade-offs stay best and the value moves in a straight line.
Budget and hours are solved again a tenth below and above; so is every other limit whose price does not hold that far.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from crmlib.strategy import program
from crmlib.strategy.program import NAMES, Array, Optimum, Program

AMOUNTS = ["limit_amount", "used_amount", "shadow_price", "price_below", "price_above", "holds_from", "holds_to",
           "shortfall"]  # fmt: skip
_STEP = 0.10  # each limit is moved by this share of itself
_HAIR = 1e-6  # of a limit: far above the solver's tolerance, far below a contact
_AT_BOUND = 1e-8
_FREE = 1e-9  # a price below this is none

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class _Slopes:
    """Of each limit (rows, then floored lines), in its own unit: the worth of one more, and how far that holds."""

    worth: Array
    down: Array
    up: Array


def priced(actions: pd.DataFrame, asked: Program, met: Program, best: Optimum, contacts: Array) -> pd.DataFrame:
    """Each limit in its own unit: asked, used, the worth of one more, the mean worth over the last and next tenth.

    `asked` has the floors as they were wished, `met` as they can be met; `best` is the optimum of `met`.
    """
    lines = np.flatnonzero(asked.floor > 0)
    slopes, amount = _slopes(met, best, lines), _amounts(met, lines)
    held, wished = slopes.worth != 0, _amounts(asked, lines)
    names = pd.concat([met.names, floor_names(actions, lines)], ignore_index=True)
    return names.assign(
        limit_amount=wished,
        used_amount=np.append(_sign(met) * (met.rows @ contacts), contacts[lines]) + 0.0,
        shadow_price=slopes.worth,
        price_below=_mean_worths(met, best, slopes, lines, -_STEP),
        price_above=_mean_worths(met, best, slopes, lines, _STEP),
        holds_from=np.where(held, np.maximum(amount - slopes.down, 0), np.nan),
        holds_to=np.where(held, amount + slopes.up, np.nan),
        shortfall=wished - amount + 0.0,
    )


def _sign(program: Program) -> Array:
    """-1 for the floor of a tier, whose row has both signs turned."""
    return np.where(program.names.limit_kind == "cover", -1.0, 1.0)


def _amounts(program: Program, lines: Places) -> Array:
    return np.append(_sign(program) * program.bounds, program.floor[lines]) + 0.0


def floor_names(actions: pd.DataFrame, lines: Places) -> pd.DataFrame:
    """What the floors of these lines are called."""
    named = actions.iloc[lines]
    return named[["tier", "action_id"]].assign(limit_kind="cover", department="")[NAMES]


def _slopes(met: Program, best: Optimum, lines: Places) -> _Slopes:
    """Prices just above each limit; without a basis to read they are not known to hold anywhere else."""
    hair = _HAIR * np.maximum(1, np.abs(met.bounds)) * (1 + np.arange(len(met.bounds)) % 7 / 10)
    looser = replace(met, bounds=met.bounds + hair)
    near, sign = program.maximum(looser) or best, _sign(met)
    parts = _next_parts(met, lines)
    worth = np.append(sign * near.prices, -np.maximum(near.costs[lines, parts], 0))
    moves = _moves(looser, near, lines, parts)
    down, up = np.zeros((2, len(worth))) if moves is None else moves
    down[: len(hair)] = np.maximum(down[: len(hair)] - hair, 0)
    turned = np.append(sign < 0, np.zeros(len(lines), dtype=bool))
    return _Slopes(np.where(np.abs(worth) < _FREE, 0.0, worth), np.where(turned, up, down), np.where(turned, down, up))


def _next_parts(met: Program, lines: Places) -> Places:
    """The part of each floored line in which the next required contact falls; the last one when all are required."""
    past = (met.ends[lines] <= met.floor[lines, None] + program.TOLERANCE).sum(axis=1)
    return np.minimum(past, met.room.shape[1] - 1)


def _moves(looser: Program, near: Optimum, lines: Places, parts: Places) -> tuple[Array, Array] | None:
    """How far each row's bound, and each floored line's, can go down and up before the basis changes.

    The basis: contacts strictly between their bounds, and limits not reached. None when these are not as many as the
    rows (several optima of the same value).
    """
    x, low, room = near.contacts.ravel(), looser.low(looser.floor).ravel(), looser.room.ravel()
    slack = looser.bounds - looser.matrix @ x
    between = np.flatnonzero((x > low + _AT_BOUND) & (x < room - _AT_BOUND))
    loose = np.flatnonzero(slack > _AT_BOUND * np.maximum(1, np.abs(looser.bounds)))
    basis = np.hstack([looser.matrix[:, between], np.eye(len(slack))[:, loose]])
    if basis.shape[0] != basis.shape[1] or np.linalg.cond(basis) > 1 / _AT_BOUND:
        return None
    columns = looser.matrix[:, lines * looser.room.shape[1] + parts]
    turns = np.linalg.solve(basis, np.hstack([np.eye(len(slack)), -columns]))
    now = np.append(x[between], slack[loose])
    to_low = now - np.append(low[between], np.zeros(len(loose)))
    to_high = np.append(room[between], np.full(len(loose), np.inf)) - now
    floor, rows = looser.floor[lines], np.full(len(slack), np.inf)
    ends = looser.ends[lines, parts]
    starts = ends - looser.room[lines, parts]
    up = np.minimum(_reach(turns, to_low, to_high), np.append(rows, np.maximum(ends - floor, 0)))
    down = np.minimum(_reach(-turns, to_low, to_high), np.append(rows, np.maximum(floor - starts, 0)))
    return down, up


def _reach(turns: npt.NDArray[Any], to_low: npt.NDArray[Any], to_high: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """How far each column can be followed until the first basic value meets a bound."""
    turns = np.where(np.abs(turns) < _FREE, 0, turns)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(turns > 0, to_high[:, None] / turns, np.where(turns < 0, to_low[:, None] / -turns, np.inf))
    return steps.min(axis=0, initial=np.inf)


def _mean_worths(met: Program, best: Optimum, slopes: _Slopes, lines: Places, step: float) -> list[float]:
    """Change of the value per unit when a limit moves by `step` of itself; NaN if it is free or no plan is left."""
    amount, holds = _amounts(met, lines), slopes.up if step > 0 else slopes.down
    again = met.names.limit_kind.isin(["budget", "hours"]).to_numpy()
    found = []
    for i, worth in enumerate(slopes.worth):
        unit = amount[i] * step
        if worth == 0 or unit == 0:
            found.append(float("nan"))
        elif abs(unit) <= holds[i] and not (i < len(again) and again[i]):
            found.append(float(worth))
        else:
            found.append((_moved_value(met, best, lines, i, unit) - best.value) / unit)
    return found


def _moved_value(met: Program, best: Optimum, lines: Places, i: int, unit: float) -> float:
    """The value when limit i is larger by `unit`; NaN when no plan is left."""
    bounds, floor, rows = met.bounds.copy(), met.floor.copy(), len(met.bounds)
    if i < rows:
        bounds[i] += _sign(met)[i] * unit
    else:
        line = lines[i - rows]
        floor[line] += unit
        if floor[line] > met.ends[line, -1]:
            return float("nan")
    return program.value_near(met, best.prices, bounds, floor)
