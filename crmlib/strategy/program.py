"""The linear program behind the allocation, as arrays: built once, solved again and again.

A line is an action for one tier. Its customers answer in order of readiness: the first part of them at full effect, the
next parts at lower ones. Effects never rise, so parts fill in order, no integer variable is needed, and a floor on a
line is the same as a lower bound on its first parts.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from crmlib.params import Strategy

Array = npt.NDArray[np.float64]
NAMES = ["limit_kind", "department", "tier", "action_id"]
TOLERANCE = 1e-6
_SLACK_PRICE = 1e4  # times the largest gain: a floor is broken only when nothing else is possible
_GAP = 1e-6  # of the integer program
_FREE_CONTACTS = 150


@dataclass(frozen=True)
class Program:
    """Maximise gain x contacts (lines x parts), up to `room`, floors met, `rows` x contacts of lines <= `bounds`.

    `names`: what each row limits; a row of kind "cover" is a tier's floor with both signs turned.
    """

    gain: Array
    room: Array
    floor: Array
    rows: Array
    bounds: Array
    names: pd.DataFrame

    @cached_property
    def matrix(self) -> Array:
        return np.repeat(self.rows, self.room.shape[1], axis=1)

    @cached_property
    def ends(self) -> Array:
        """Contacts of each line up to the end of each part."""
        return self.room.cumsum(axis=1)

    def low(self, floor: Array) -> Array:
        return np.clip(floor[:, None] - (self.ends - self.room), 0, self.room)


@dataclass(frozen=True)
class Optimum:
    """`prices`: what one unit more of each row's bound is worth; `costs`: what one contact more of each part costs."""

    contacts: Array
    prices: Array
    costs: Array
    value: float


def build(actions: pd.DataFrame, sizes: pd.DataFrame, rules: Strategy) -> Program:
    """The program of the plan; `actions` in the order that its lines shall have."""
    effects, parts = np.array(rules.segment_effects), np.array(rules.segment_sizes)
    people = customers(actions, sizes)
    cost = actions.unit_cost.to_numpy(dtype=float)
    gain = np.outer(actions.unit_value, effects) - cost[:, None]
    ends = whole(np.outer(people, parts.cumsum()))
    floor = ceil(actions.cover_share.fillna(0).to_numpy(dtype=float) * people)
    limits = [("budget", "", "", cost, rules.budget), *_hours(actions, rules), *_tiers(actions, sizes, rules)]
    names = pd.DataFrame([(*limit[:3], "") for limit in limits], columns=NAMES)
    rows, bounds = np.array([limit[3] for limit in limits]), np.array([limit[4] for limit in limits], dtype=float)
    return Program(gain, np.diff(ends, axis=1, prepend=0), floor, rows, bounds, names)


def customers(actions: pd.DataFrame, sizes: pd.DataFrame) -> Array:
    """How many customers the tier of each line has."""
    return actions.tier.map(sizes.set_index("tier").customers).fillna(0).to_numpy(dtype=float)


def whole(contacts: Array | float) -> Any:
    """Rounded down, but for the last digits of a float."""
    return np.floor(np.asarray(contacts) + TOLERANCE)


def ceil(contacts: Array) -> Array:
    """Rounded up, but for the last digits of a float."""
    return -whole(-contacts) + 0.0


def _hours(actions: pd.DataFrame, rules: Strategy) -> list[tuple[str, str, str, Array, float]]:
    return [
        ("hours", name, "", (actions.unit_hours * (actions.department == name)).to_numpy(dtype=float), hours)
        for name, hours in rules.department_hours.items()
    ]


def _tiers(actions: pd.DataFrame, sizes: pd.DataFrame, rules: Strategy) -> list[tuple[str, str, str, Array, float]]:
    """At most `max_contacts` for each customer of a tier, at least `tier_cover` of them."""
    size, shares = dict(zip(sizes.tier, sizes.customers, strict=True)), rules.allocation.tier_cover
    served = dict.fromkeys(actions.tier)
    of: dict[str, Array] = {tier: np.array(actions.tier == tier, dtype=float) for tier in served | shares}
    most = [("contacts", "", tier, of[tier], float(whole(rules.max_contacts * size.get(tier, 0)))) for tier in served]
    least = {tier: float(ceil(np.array(share * size.get(tier, 0)))) for tier, share in shares.items()}
    return most + [("cover", "", tier, -of[tier], -floor) for tier, floor in least.items() if floor > 0]


def maximum(program: Program, bounds: Array | None = None, floor: Array | None = None) -> Optimum | None:
    """The best contacts and the price of each limit; None when the limits contradict one another."""
    low = program.low(program.floor if floor is None else floor)
    found = _linprog(program.gain, program.matrix, program.bounds if bounds is None else bounds, low, program.room)
    if found is None:
        return None
    shape = program.gain.shape
    costs = (found.lower.marginals + found.upper.marginals).reshape(shape)
    return Optimum(found.x.reshape(shape), -found.ineqlin.marginals, costs, -found.fun)


def value_near(program: Program, prices: Array, bounds: Array, floor: Array) -> float:
    """The best value with other bounds or floors, quickly; NaN when no plan is left.

    Only the contacts closest to paying at `prices` are free, the others rest at a bound; if the new prices agree with
    that, the optimum is that of the whole program (the dual solution proves it), else the whole program is solved.
    """
    gain, low, room = program.gain.ravel(), program.low(floor).ravel(), program.room.ravel()
    pays = gain - prices @ program.matrix
    free = np.argsort(np.abs(pays), kind="stable")[:_FREE_CONTACTS]
    rest = np.setdiff1d(np.arange(len(gain)), free)
    at_room = pays[rest] > 0
    fixed = np.where(at_room, room[rest], low[rest])
    found = _linprog(
        gain[free], program.matrix[:, free], bounds - program.matrix[:, rest] @ fixed, low[free], room[free]
    )
    if found is not None:
        agreed = (gain + found.ineqlin.marginals @ program.matrix)[rest]
        if (np.where(at_room, agreed, -agreed) >= -TOLERANCE).all():
            return float(gain[rest] @ fixed - found.fun)
    best = maximum(program, bounds, floor)
    return float("nan") if best is None else best.value


def whole_maximum(program: Program) -> Array:
    """The best whole contacts of a program that has a solution (branch and bound, to a gap of one millionth)."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    found = milp(
        -program.gain.ravel(),
        integrality=np.ones(program.gain.size),
        bounds=Bounds(program.low(program.floor).ravel(), program.room.ravel()),
        constraints=LinearConstraint(program.matrix, -np.inf, program.bounds),
        options={"mip_rel_gap": _GAP},
    )
    return np.round(found.x).reshape(program.gain.shape)


def shortfall(program: Program) -> tuple[Array, Array]:
    """Customers by which the line floors and the tier floors must be lowered, as few as possible, then as dear.

    One dear slack variable for each floor; the second array has an entry for each row, zero but for tier floors.
    """
    lines, parts = program.gain.shape
    tier_floors = np.flatnonzero(program.names.limit_kind == "cover")
    rows = np.vstack([program.matrix, -np.repeat(np.eye(lines), parts, axis=1)])
    bounds = np.append(program.bounds, -program.floor)
    floors = np.append(tier_floors, len(program.bounds) + np.flatnonzero(program.floor > 0))
    slack = -np.eye(len(bounds))[:, floors]
    price = _SLACK_PRICE * max(1.0, np.abs(program.gain).max())
    gain = np.append(program.gain.ravel(), np.full(len(floors), -price))
    room = np.append(program.room.ravel(), -bounds[floors])
    found = _linprog(gain, np.hstack([rows, slack]), bounds, np.zeros_like(room), room)
    missing = np.zeros(len(bounds))
    missing[floors] = 0 if found is None else ceil(found.x[program.gain.size :])
    return missing[len(program.bounds) :], missing[: len(program.bounds)]


def resources_needed(program: Program) -> Array | None:
    """By how much budget and hours must grow, all floors kept: hours first as little as possible, then the budget.

    One entry for each row; None when the contact limits alone forbid the floors.
    """
    can_grow = np.flatnonzero(program.names.limit_kind.isin(["budget", "hours"]))
    extra = -np.eye(len(program.bounds))[:, can_grow]
    is_hours = (program.names.limit_kind == "hours").to_numpy()[can_grow]
    dear = np.where(is_hours, _SLACK_PRICE * max(1.0, program.rows[0].max(initial=0)), 1.0)
    gain = np.append(np.zeros(program.gain.size), -dear)
    low = np.append(program.low(program.floor).ravel(), np.zeros(len(can_grow)))
    room = np.append(program.room.ravel(), np.full(len(can_grow), np.inf))
    found = _linprog(gain, np.hstack([program.matrix, extra]), program.bounds, low, room)
    if found is None:
        return None
    needed = np.zeros(len(program.bounds))
    needed[can_grow] = np.where(found.x[program.gain.size :] > TOLERANCE, found.x[program.gain.size :], 0)
    return needed


def least_budget(program: Program) -> float:
    """The cheapest way to meet every floor within hours and contact limits; NaN when there is none."""
    cost = np.repeat(-program.rows[0][:, None], program.gain.shape[1], axis=1)
    cheapest = maximum(_without_budget(program, cost))
    return float("nan") if cheapest is None else -cheapest.value + 0.0


def spent_above(program: Program, hurdle: float) -> float:
    """The least budget from which the next unit of money brings no more than `hurdle` on top of its cost."""
    dearer = program.gain - (hurdle + TOLERANCE) * program.rows[0][:, None]
    best = maximum(_without_budget(program, dearer))
    return float("nan") if best is None else float(program.rows[0] @ best.contacts.sum(axis=1))


def worth_at(program: Program, budget: float) -> tuple[float, float]:
    """Value of the plan under a budget, and the worth of the next unit of money; NaN when no plan is left."""
    hair = TOLERANCE * max(1.0, budget)
    bounds = program.bounds.copy()
    bounds[0] = budget + hair
    best = maximum(program, bounds)
    price = float("nan") if best is None else max(float(best.prices[0]), 0.0)
    return (price, price) if best is None else (best.value - price * hair, price)


def _without_budget(program: Program, gain: Array) -> Program:
    return Program(gain, program.room, program.floor, program.rows[1:], program.bounds[1:], program.names.iloc[1:])


def _linprog(gain: Array, rows: Array, bounds: Array, low: Array, room: Array) -> Any:
    """A corner of the feasible region, so that its basis can be read; None when the region is empty."""
    from scipy.optimize import linprog

    box = np.column_stack([low.ravel(), room.ravel()])
    found = linprog(-gain.ravel(), rows, bounds, bounds=box, method="highs-ds", options={"presolve": False})
    return found if found.status == 0 else None
