"""Customer by day, reckoned once for each kept part of the order lines and stored beside it (`parts`).

What they give together is kept too, in a folder of its own for each set of parts. The next quarter starts from the
longest row of earliest parts of which it is kept, if all others lie behind these.
"""

import datetime as dt
import hashlib
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import ibis.expr.types as ir

from crmlib.io import engine, parts
from crmlib.io.parts import Part
from crmlib.io.staging import Staged
from crmlib.periods import Period

ORDERS = "settled_orders"


class Way(Protocol):
    """What `collect.day_pieces` offers."""

    NAMES: tuple[str, ...]
    KNOWN: tuple[str, ...]
    Piece: Any
    Known: Any

    def sums(self, lines: ir.Table, period: Period) -> ir.Table: ...
    def returned(self, lines: ir.Table, own: ir.Table, period: Period) -> ir.Table | None: ...
    def credited(self, own: ir.Table, back: ir.Table | None) -> ir.Table: ...
    def reckoned(self, lines: ir.Table, orders: ir.Table, period: Period) -> dict[str, ir.Table]: ...
    def built(self, orders: ir.Table) -> ir.Table: ...
    def crossing(self, pieces: Sequence[Any], earlier: Sequence[Any], before: Any) -> ir.Table: ...
    def of(self, lines: ir.Table, again: ir.Table) -> ir.Table: ...
    def together(self, days: ir.Table, again: ir.Table, made: dict[str, ir.Table]) -> dict[str, ir.Table]: ...


def purchase_days(con: Any, staged: Staged, period: Period, way: Way) -> ir.Table | Path:
    """Customer by day of all order lines, to be stored: a file that has it in the order of its key, or a table.

    Each reading of the table computes it again. Once it is stored, the kept table `ORDERS`, of which it is made, can be
    dropped.
    """
    lines = staged.tables["orders"]
    held = [part for part in staged.parts if part.first and part.first <= period.as_of]
    if not held:
        return way.built(settled(con, ORDERS, lines, period, way))
    held.sort(key=lambda part: (part.first, part.last, part.folder))
    found = [_piece(con, part, period, way) for part in held]
    engine.drop(con, ORDERS)
    if len(held) == 1:
        return _days(held[0], period)
    folders = _folders(held, period)
    known = _reach(folders, found)
    if known < len(held):
        before = _known(con, folders[known - 1], way) if known else None
        again = engine.keep(con, "days_again", way.crossing(found[known:], found[:known], before))
        made = _again(con, lines, again, period, way)
        files = [_days(part, period) for part in held[known:]]
        if known:
            files.insert(0, folders[known - 1] / "days.parquet")
        days = con.read_parquet([str(file) for file in files])  # one scan of all takes less time than a union of scans
        _keep(folders[-1], held, way.together(days, again, made))
        engine.drop(con, "lines_again")
        engine.drop(con, "orders_again")
        for older in folders[: max(known - 1, 0)]:
            shutil.rmtree(older, ignore_errors=True)
    return folders[-1] / "days.parquet"


def kept(con: Any, found: ir.Table | Path) -> ir.Table:
    """What `purchase_days` found, to be read several times."""
    if isinstance(found, Path):
        return con.read_parquet(str(found))
    days = engine.keep(con, "purchase_days", found)
    engine.drop(con, ORDERS)
    return days


def _piece(con: Any, part: Part, period: Period, way: Way) -> Any:
    """A part's piece: of all its rows, or up to the end of the quarter where the part goes on."""
    last = part.last or dt.date.max
    names = {name: f"{name}{_mark(part, period)}" for name in way.NAMES}
    absent = [name for name in way.NAMES if not (part.folder / f"{names[name]}.parquet").is_file()]
    if absent:
        lines = part.table(con, "orders")
        made = way.reckoned(lines, settled(con, ORDERS, lines, period, way), period)
        parts.write(part.folder, {names[name]: partial(made.__getitem__, name) for name in absent})
    tables = {name: part.table(con, names[name]) for name in way.NAMES}
    return way.Piece(**tables, first=part.first, last=min(last, period.as_of))


def settled(con: Any, name: str, lines: ir.Table, period: Period, way: Way) -> ir.Table:
    """The orders of lines, computed once and kept: days and what crosses parts come from them.

    What they hold is kept first. Returns are sought among it twice, and the engine, which then knows how many orders
    there are and how long their keys, makes days of it in six sevenths of the time of one query for all.
    """
    own = engine.keep(con, name, way.sums(lines, period))
    back = way.returned(lines, own, period)
    found = way.credited(own, back)
    return found if back is None else engine.keep(con, name, found)


def _mark(part: Part, period: Period) -> str:
    """What the names of a part's tables end in where it goes beyond the quarter."""
    return "" if (part.last or dt.date.max) <= period.as_of else f"_{period.as_of}"


def _days(part: Part, period: Period) -> Path:
    return part.folder / f"days{_mark(part, period)}.parquet"


def _folders(held: Sequence[Part], period: Period) -> list[Path]:
    """Where is kept what the first part gives, the first two together, and so on."""
    told, folders = "", []
    for part in held:
        told = hashlib.sha256(f"{told}{parts.story(part.folder)}{_mark(part, period)}".encode()).hexdigest()
        folders.append(part.folder.with_name(told[:32]))
    return folders


def _reach(folders: Sequence[Path], found: Sequence[Any]) -> int:
    """Of how many of the earliest parts it is kept what they give together; all others must lie behind these."""
    for number in range(len(found), 0, -1):
        end = max(piece.last for piece in found[:number])
        if parts.summary(folders[number - 1]) and all(piece.first > end for piece in found[number:]):
            return number
    return 0


def _again(con: Any, lines: ir.Table, again: ir.Table, period: Period, way: Way) -> dict[str, ir.Table]:
    """The customers of whom something crosses parts, reckoned from all their lines."""
    theirs = engine.keep(con, "lines_again", way.of(lines, again))
    orders = settled(con, "orders_again", theirs, period, way)
    return way.reckoned(theirs, orders, period)


def _keep(folder: Path, held: Sequence[Part], tables: dict[str, ir.Table]) -> None:
    """Keep what parts give together, for as long as these are as they are."""
    hashes = {name: was for part in held for name, was in parts.summary(part.folder)["hashes"].items()}
    with parts.whole(folder) as made:
        parts.write(made, {name: partial(tables.__getitem__, name) for name in tables})
        parts.tell(made, hashes, {"parts": {part.folder.name: parts.story(part.folder) for part in held}})


def _known(con: Any, folder: Path, way: Way) -> Any:
    return way.Known(**{name: con.read_parquet(str(folder / f"{name}.parquet")) for name in way.KNOWN})
