"""Spend budget and hours where the next contact earns most: a linear program by action and tier."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from crmlib import schema
from crmlib.errors import InputError
from crmlib.params import Book, Strategy
from crmlib.strategy import allocation_prices, program
from crmlib.strategy.program import NAMES, Array, Optimum, Program

_KINDS = {"budget": 0, "hours": 1, "contacts": 2, "cover": 3}
_CURVE_POINTS = 25
_WAYS = [*NAMES, "way", "limit_amount", "amended_amount", "cover_share", "amended_share"]


@dataclass(frozen=True)
class Allocation:
    """An optimal plan, money in major units; `value` is the expected margin net of what the contacts cost.

    `lines`: one row per action and tier, in whole contacts (unless the settings ask for the best whole contacts they
    are rounded down, so they add to a little less than `value`).
    `limits`: one row per limit, with what one unit more of it is worth.
    `relaxations`: the ways out when the floors cannot all be met, else empty.
    `budget_needed`: the least budget that meets every floor, NaN when no budget can.
    """

    lines: pd.DataFrame
    limits: pd.DataFrame
    relaxations: pd.DataFrame
    value: float
    budget_needed: float

    @property
    def broken(self) -> pd.DataFrame:
        """Floors that budget, hours and contact limits do not allow, with the customers missing."""
        return self.limits[self.limits.shortfall > 0]


def solve(actions: pd.DataFrame, sizes: pd.DataFrame, rules: Strategy) -> Allocation:
    """The plan of highest expected net margin within budget, hours, contact limits and cover floors.

    When the floors cannot all be met they are lowered by as few customers as possible, and `broken` names them.
    The order of the rows changes nothing but the order of the result.
    """
    if actions.empty:
        return _nothing(actions)
    ordered = _ordered(actions)
    asked = program.build(ordered, sizes, rules)
    met, best = feasible(asked)
    contacts = _contacts(met, best, rules)
    lines = _lines(ordered, program.customers(ordered, sizes), contacts, met.gain).sort_index()
    limits = allocation_prices.priced(ordered, asked, met, best, contacts.sum(axis=1))
    ways = _ways(ordered, program.customers(ordered, sizes), asked, met)
    return Allocation(lines, _in_order(limits, lines), ways, best.value, program.least_budget(asked))


def plan(allocation: Allocation, strategies: pd.DataFrame, book: Book) -> pd.DataFrame:
    """The lines as a table: money in minor units, with owner and dates of each line's strategy."""
    known = strategies[["strategy_id", "owner", "start_date", "end_date"]]
    lines = allocation.lines.merge(known, how="left", on="strategy_id", validate="many_to_one")
    table = lines.assign(
        department_zh=_department_zh(lines.department, strategies),
        contacts=lines.contacts.astype("int64"),
        cost_minor=_minor(lines.cost, book),
        value_minor=_minor(lines.value, book),
    )
    return table[list(schema.TABLES["allocation"].columns)]


def limits(allocation: Allocation, strategies: pd.DataFrame) -> pd.DataFrame:
    """The limits as a table, with the words for action and department."""
    return _worded(allocation.limits, allocation, strategies)


def relaxations(allocation: Allocation, strategies: pd.DataFrame) -> pd.DataFrame:
    """The ways out as a table, with the words for action and department."""
    table = _worded(allocation.relaxations, allocation, strategies)
    return table[list(schema.TABLES["allocation_relaxations"].columns)]


def curve_data(actions: pd.DataFrame, sizes: pd.DataFrame, rules: Strategy, book: Book) -> pd.DataFrame:
    """What every budget would bring, from the least that meets the floors to where more brings nothing.

    `budget_mark`: the least budget, the plan's, the one from which the next unit of money brings less than one on top
    of its cost, and the one from which it brings nothing.
    """
    columns = list(schema.TABLES["budget_curve"].columns)
    if actions.empty:
        return pd.DataFrame(columns=columns).astype({"budget_minor": "int64", "value_minor": "int64"})
    met, _best = feasible(program.build(_ordered(actions), sizes, rules))
    marks = {
        "worth_one": program.spent_above(met, 1.0),
        "saturated": program.spent_above(met, 0.0),
        "least": program.least_budget(met),
        "planned": rules.budget,
    }
    most = max(marks["saturated"] * 1.1, rules.budget)
    budgets = sorted({*np.linspace(marks["least"], most, _CURVE_POINTS), *marks.values()})
    points = [(budget, *program.worth_at(met, budget)) for budget in budgets]
    named = {amount: mark for mark, amount in marks.items()}
    frame = pd.DataFrame(points, columns=["budget", "value", "shadow_price"])
    return frame.assign(
        budget_minor=_minor(frame.budget, book),
        value_minor=_minor(frame.value, book),
        budget_mark=[named.get(budget, "") for budget in budgets],
        provenance="illustrative" if (actions.provenance == "illustrative").any() else "actual",
    )[columns]


def what_if_data(actions: pd.DataFrame, sizes: pd.DataFrame, rules: Strategy, budget: float) -> pd.DataFrame:
    """The lines of the plan under another budget, without its prices: quick enough to follow a slider."""
    if actions.empty:
        return _nothing(actions).lines
    ordered, other = _ordered(actions), rules.model_copy(update={"budget": budget})
    met, best = feasible(program.build(ordered, sizes, other))
    contacts = _contacts(met, best, other)
    return _lines(ordered, program.customers(ordered, sizes), contacts, met.gain).sort_index()


def _nothing(actions: pd.DataFrame) -> Allocation:
    none = np.zeros((0, 1))
    names = pd.DataFrame(columns=NAMES, dtype="str")
    amounts = pd.DataFrame(columns=allocation_prices.AMOUNTS, dtype="float64")
    return Allocation(_lines(actions, none[:, 0], none, none), names.join(amounts), _way_table([]), 0.0, 0.0)


def _way_table(rows: list[dict[str, object]]) -> pd.DataFrame:
    texts, numbers = [*NAMES, "way"], _WAYS[len(NAMES) + 1 :]
    return pd.DataFrame(rows, columns=_WAYS).astype(dict.fromkeys(texts, "str") | dict.fromkeys(numbers, "float64"))


def _ordered(actions: pd.DataFrame) -> pd.DataFrame:
    """Among plans of equal value the solver takes the first: the rows' order must not decide which that is."""
    return actions.reset_index(drop=True).sort_values(["tier", "action_id"])


def feasible(asked: Program) -> tuple[Program, Optimum]:
    """The program with floors that can be met, and its optimum."""
    best = program.maximum(asked)
    if best is not None:
        return asked, best
    lines, rows = program.shortfall(asked)
    met = replace(asked, floor=asked.floor - lines, bounds=asked.bounds + rows)
    best = program.maximum(met)
    if best is None:
        raise InputError(
            "actions: no plan meets budget, hours and floors, even with floors lowered; check their numbers"
        )
    return met, best


def _contacts(met: Program, best: Optimum, rules: Strategy) -> Array:
    rounded: Array = program.whole(best.contacts)
    return program.whole_maximum(met) if rules.allocation.integer else rounded


def _lines(actions: pd.DataFrame, customers: Array, contacts: Array, gain: Array) -> pd.DataFrame:
    reached = contacts.sum(axis=1)
    return actions.assign(
        contacts=reached,
        reached_share=np.divide(reached, customers, out=np.zeros_like(reached), where=customers > 0),
        cost=reached * actions.unit_cost,
        hours=reached * actions.unit_hours,
        value=(gain * contacts).sum(axis=1),
    )


def _in_order(limits: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """By kind; tiers and actions in the order of the register."""
    tier = {name: i for i, name in enumerate(lines.tier.drop_duplicates())}
    line = {key: i for i, key in enumerate(zip(lines.action_id, lines.tier, strict=True))}
    keys = [
        (_KINDS[kind], line.get((action_id, name), tier.get(name, -1)) if action_id else tier.get(name, -1))
        for kind, name, action_id in zip(limits.limit_kind, limits.tier, limits.action_id, strict=True)
    ]
    return limits.iloc[sorted(range(len(keys)), key=keys.__getitem__)].reset_index(drop=True)


def _ways(actions: pd.DataFrame, customers: Array, asked: Program, met: Program) -> pd.DataFrame:
    """Either lower the floors that `met` has lowered, or raise budget and hours just enough to keep them all."""
    if asked is met:
        return _way_table([])
    floors = [*_lowered_lines(actions, customers, asked, met), *_lowered_tiers(asked, met)]
    rows = [row | {"way": "lower_floors"} for row in floors] + [row | {"way": "raise_limits"} for row in _raised(asked)]
    return _way_table(rows)


def _raised(asked: Program) -> list[dict[str, object]]:
    extra = program.resources_needed(asked)
    return [
        {**asked.names.iloc[i], "limit_amount": asked.bounds[i], "amended_amount": asked.bounds[i] + extra[i]}
        for i in ([] if extra is None else np.flatnonzero(extra))
        if extra is not None
    ]


def _lowered_lines(actions: pd.DataFrame, customers: Array, asked: Program, met: Program) -> list[dict[str, object]]:
    return [
        {
            "limit_kind": "cover",
            "department": "",
            "tier": actions.tier.iloc[i],
            "action_id": actions.action_id.iloc[i],
            "limit_amount": asked.floor[i],
            "amended_amount": met.floor[i],
            "cover_share": actions.cover_share.iloc[i],
            "amended_share": met.floor[i] / customers[i],
        }
        for i in np.flatnonzero(met.floor < asked.floor)
    ]


def _lowered_tiers(asked: Program, met: Program) -> list[dict[str, object]]:
    """Of a tier's floor the bound is turned in sign."""
    is_floor = (asked.names.limit_kind == "cover").to_numpy()
    return [
        {**asked.names.iloc[i], "limit_amount": -asked.bounds[i], "amended_amount": -met.bounds[i] + 0.0}
        for i in np.flatnonzero(is_floor & (met.bounds > asked.bounds))
    ]


def _worded(frame: pd.DataFrame, allocation: Allocation, strategies: pd.DataFrame) -> pd.DataFrame:
    named = allocation.lines[["action_id", "tier", "action", "action_zh"]]
    worded = frame.merge(named, how="left", on=["action_id", "tier"], validate="many_to_one")
    return worded.fillna({"action": "", "action_zh": ""}).assign(
        department_zh=_department_zh(worded.department, strategies)
    )


def _department_zh(departments: pd.Series, strategies: pd.DataFrame) -> list[str]:
    words = dict(zip(strategies.department, strategies.department_zh, strict=True))
    return [words.get(name, "") for name in departments]


def _minor(money: pd.Series, book: Book) -> pd.Series:
    return (money * 10**book.minor_digits).round().astype("int64")
