"""Customer by day, reckoned once for each kept part of the order lines and stored beside it (`parts`)."""

import datetime as dt
from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

import ibis.expr.types as ir

from crmlib.io import engine, parts
from crmlib.io.parts import Part
from crmlib.io.staging import Staged
from crmlib.periods import Period


class Way(Protocol):
    """What `collect.day_pieces` offers."""

    NAMES: tuple[str, ...]
    Piece: Any

    def settled(self, lines: ir.Table, period: Period) -> ir.Table: ...
    def reckoned(self, lines: ir.Table, orders: ir.Table, period: Period) -> dict[str, ir.Table]: ...
    def whole(self, lines: ir.Table, period: Period) -> ir.Table: ...
    def crossing(self, pieces: Sequence[Any]) -> ir.Table: ...
    def of(self, lines: ir.Table, again: ir.Table) -> ir.Table: ...
    def together(self, pieces: Sequence[Any], again: ir.Table, lines: ir.Table, period: Period) -> ir.Table: ...


def purchase_days(con: Any, staged: Staged, period: Period, way: Way) -> ir.Table:
    """Customer by day of all order lines, computed and kept."""
    lines = staged.tables["orders"]
    held = [part for part in staged.parts if part.first and part.first <= period.as_of]
    if not held:
        return engine.keep(con, "purchase_days", way.whole(lines, period))
    found = [_piece(con, part, period, way) for part in held]
    engine.drop(con, "piece_orders")
    again = engine.keep(con, "days_again", way.crossing(found))
    theirs = engine.keep(con, "lines_again", way.of(lines, again))
    days = engine.keep(con, "purchase_days", way.together(found, again, theirs, period))
    engine.drop(con, "lines_again")
    return days


def _piece(con: Any, part: Part, period: Period, way: Way) -> Any:
    """A part's piece: of all its rows, or up to the end of the quarter where the part goes on."""
    last = part.last or dt.date.max
    mark = "" if last <= period.as_of else f"_{period.as_of}"
    names = {name: f"{name}{mark}" for name in way.NAMES}
    absent = [name for name in way.NAMES if not (part.folder / f"{names[name]}.parquet").is_file()]
    if absent:
        lines = part.table(con, "orders")
        made = way.reckoned(lines, engine.keep(con, "piece_orders", way.settled(lines, period)), period)
        parts.write(part.folder, {names[name]: partial(made.__getitem__, name) for name in absent})
    tables = {name: part.table(con, names[name]) for name in way.NAMES}
    return way.Piece(**tables, first=part.first, last=min(last, period.as_of))
