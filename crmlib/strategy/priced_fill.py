"""Give places to customers, best first, within every limit: whole arrays at a time, no loop over customers."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from crmlib.strategy.program import Array

Lines = npt.NDArray[np.signedinteger[Any]]
_TOLERANCE = 1e-9
_PART = 100_000
"""Customers whose gains are in memory at a time."""


@dataclass(frozen=True)
class Block:
    """Customers from place `first` on who may get the same lines; each brings weight x unit_value - unit_cost.

    `weight` has a row per customer and one column, or one for each line where customers value lines differently.
    """

    first: int
    lines: Lines
    weight: Array
    unit_value: Array
    unit_cost: Array

    @property
    def people(self) -> slice:
        return slice(self.first, self.first + len(self.weight))

    @property
    def gain(self) -> Array:
        """Of each customer (rows) from each line (columns): large, so ask it of `parts`."""
        gain: Array = self.weight * self.unit_value - self.unit_cost
        return gain


@dataclass(frozen=True)
class Demand:
    """`use` of each limit (rows) by a contact of each line is at most `bounds`; a floor has both signs turned."""

    use: Array
    bounds: Array

    @property
    def is_floor(self) -> npt.NDArray[np.bool_]:
        return (self.use < 0).any(axis=1) | (self.bounds < 0)


@dataclass(frozen=True)
class _Offers:
    """For each customer the best line that still has room, its gain net of prices, and whether there is one."""

    line: Lines
    net: Array


def parts(blocks: list[Block]) -> list[Block]:
    """The same customers in blocks so small that the gains of one are no burden."""
    return [
        replace(block, first=block.first + start, weight=block.weight[start : start + _PART])
        for block in blocks
        for start in range(0, len(block.weight), _PART)
    ]


def fill(blocks: list[Block], demand: Demand, prices: Array) -> Lines:
    """The line of each customer, -1 for none: first the floors, then what pays at these prices, then what fits."""
    filled = np.full(max(block.people.stop for block in blocks), -1, dtype=np.int32)
    priced = prices @ demand.use
    for floor in np.flatnonzero(demand.is_floor)[::-1]:
        lines = np.flatnonzero(demand.use[floor] < 0)
        missing = int(np.ceil(-demand.bounds[floor] - _TOLERANCE)) - int(np.isin(filled, lines).sum())
        if missing > 0:
            filled = _filled(demand, filled, _regrets(blocks, filled, priced, lines), missing)
    limits_only = np.where(demand.is_floor, 0, prices) @ demand.use
    for least in (-_TOLERANCE, -np.inf):
        filled = _until_full(blocks, demand, filled, limits_only, least)
    return filled


def _until_full(blocks: list[Block], demand: Demand, filled: Lines, priced: Array, least: float) -> Lines:
    """Each round ends where a limit is reached; the next one offers only what still fits."""
    places = -1
    while places < (filled >= 0).sum():
        places = int((filled >= 0).sum())
        filled = _filled(demand, filled, _offers(blocks, demand, filled, priced, least), len(filled))
    return filled


def value(blocks: list[Block], filled: Lines) -> float:
    """Gain of all contacts."""
    total = 0.0
    for block in blocks:
        given = filled[block.people]
        got = np.flatnonzero(given >= 0)
        total += block.gain[got, np.searchsorted(block.lines, given[got])].sum()
    return float(total)


def _room(demand: Demand, filled: Lines) -> Array:
    """What is left of each limit."""
    counts = np.bincount(filled[filled >= 0], minlength=demand.use.shape[1])
    left: Array = demand.bounds - demand.use @ counts
    return left


def _fitting(demand: Demand, filled: Lines) -> npt.NDArray[np.bool_]:
    """The lines of which one more contact fits."""
    hard = ~demand.is_floor
    fits = demand.use[hard] <= _room(demand, filled)[hard, None] + _TOLERANCE
    return np.logical_and.reduce(fits, axis=0)


def _offers(blocks: list[Block], demand: Demand, filled: Lines, priced: Array, least: float) -> _Offers:
    """Only contacts that gain something by themselves, and at least `least` net of prices."""
    fits, line, net = _fitting(demand, filled), np.full_like(filled, -1), np.full(len(filled), -np.inf)
    for block in blocks:
        free = np.flatnonzero(filled[block.people] < 0)
        open_lines = np.flatnonzero(fits[block.lines])
        if len(free) == 0 or len(open_lines) == 0:
            continue
        gain = block.gain[np.ix_(free, open_lines)]
        worth = np.where(gain > 0, gain - priced[block.lines[open_lines]], -np.inf)
        place = worth.argmax(axis=1)
        line[block.first + free] = block.lines[open_lines][place]
        net[block.first + free] = worth[np.arange(len(free)), place]
    net[net < least] = -np.inf
    return _Offers(line, net)


def _regrets(blocks: list[Block], filled: Lines, priced: Array, lines: Lines) -> _Offers:
    """The best of `lines` for each free customer, and what it brings more than the best he could have instead."""
    line, net = np.full_like(filled, -1), np.full(len(filled), -np.inf)
    for block in blocks:
        mine = np.isin(block.lines, lines)
        free = np.flatnonzero(filled[block.people] < 0)
        if len(free) == 0 or not mine.any():
            continue
        worth = block.gain[free] - priced[block.lines]
        inside, other = worth[:, mine], worth[:, ~mine].max(axis=1, initial=0)
        place = inside.argmax(axis=1)
        line[block.first + free] = block.lines[mine][place]
        net[block.first + free] = inside[np.arange(len(free)), place] - np.maximum(other, 0)
    return _Offers(line, net)


def _filled(demand: Demand, filled: Lines, offers: _Offers, most: int) -> Lines:
    """The lines after places went from the best offer down, at most so many, until a limit was reached."""
    wanted = np.flatnonzero(np.isfinite(offers.net))
    best = wanted[np.argsort(-offers.net[wanted], kind="stable")][:most]
    taken = best[: _fit(demand, filled, offers.line[best])]
    after = filled.copy()
    after[taken] = offers.line[taken]
    return after


def _fit(demand: Demand, filled: Lines, lines: Lines) -> int:
    """How many contacts more, in this order, fit before one would pass a limit."""
    hard = ~demand.is_floor
    use, room = demand.use[hard], _room(demand, filled)[hard, None] + _TOLERANCE
    used = np.zeros_like(room)
    for start in range(0, len(lines), _PART):
        used = np.hstack([used[:, -1:], use[:, lines[start : start + _PART]]]).cumsum(axis=1)
        fits = (used[:, 1:] <= room).all(axis=0)
        if not fits.all():
            return start + int(fits.argmin())
    return len(lines)
