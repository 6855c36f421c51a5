"""Rows that stand twice: found by 64-bit fingerprints, decided by comparing the rows themselves.

The upper half of a fingerprint is that of the row's order: where an order stands in one place of the file, its rows are
compared with each other only. That takes a tenth of a second for ten million rows, sorting them half a one, a window
over the rows themselves fifteen. A fingerprint that two different rows share costs one more comparison and changes no
result.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from ibis import _
from ibis.backends.duckdb import Backend

from crmlib.io import engine, faults, typed
from crmlib.io.typed import Form

_REACH = 64
"""An order of at most so many rows is compared row by row; the rows of a longer one are sorted."""
_BLOCK = 1 << 18
"""Fingerprints looked at together: few enough for a processor's cache, enough to outweigh the call."""
_FEW = 1 << 14
_NOWHERE = np.zeros(0, dtype=np.int64)


def places(prints: np.ndarray) -> np.ndarray:
    """Where fingerprints stand that stand more than once, in order; a few others may be among them."""
    heads = _heads(prints)
    if 2 * len(heads) > len(prints):
        return _scattered(prints)
    lengths = np.diff(heads, append=len(prints))
    first = _upper(prints[heads])
    apart = lengths > _REACH
    apart[_scattered(first)] = True
    far = np.flatnonzero(np.repeat(apart, lengths))
    found = np.zeros(len(prints), dtype=bool)  # to sort the places, or `np.unique`, takes seconds where they are many
    found[_near(prints, int(lengths.clip(max=_REACH).max(initial=1)))] = True
    found[far[_scattered(prints[far])]] = True
    return np.flatnonzero(found)


def _upper(prints: np.ndarray) -> np.ndarray:
    return (prints >> np.uint64(32)).astype(np.uint32)


def _heads(prints: np.ndarray) -> np.ndarray:
    """Where each run of equal upper halves begins."""

    def found(start: int) -> np.ndarray:
        upper = _upper(prints[start : start + _BLOCK + 1])
        return np.flatnonzero(upper[1:] != upper[:-1]) + start + 1

    return np.concatenate([np.arange(min(len(prints), 1)), _blockwise(found, len(prints))])


def _near(prints: np.ndarray, reach: int) -> np.ndarray:
    """Places less than `reach` apart whose fingerprints have equal lower halves."""

    def found(start: int) -> np.ndarray:
        lower = prints[start : start + _BLOCK + reach - 1].astype(np.uint32)
        lags = range(1, min(reach, len(lower)))
        hits = [(lag, np.flatnonzero(lower[lag:] == lower[:-lag]) + start) for lag in lags]
        return np.concatenate([_NOWHERE, *(place for lag, at in hits for place in (at, at + lag) if len(at))])

    return _blockwise(found, len(prints))


def _blockwise(found: Callable[[int], np.ndarray], size: int) -> np.ndarray:
    """What is found from each of the places 0, `_BLOCK`, …, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        return np.concatenate([_NOWHERE, *pool.map(found, range(0, size, _BLOCK))])


def _scattered(prints: np.ndarray) -> np.ndarray:
    """Places of fingerprints that may stand more than once, wherever they stand."""
    short = prints if prints.dtype == np.uint32 else _folded(prints)
    twice = _shared(short)
    if not len(twice):
        return _NOWHERE
    is_few = len(twice) <= _FEW
    last = np.uint32((1 << (22 if is_few else 26)) - 1)
    flags = np.zeros(int(last) + 1, dtype=bool)
    flags[twice & last] = True
    near = np.flatnonzero(flags[short & last])
    return near[np.isin(short[near], twice)] if is_few else near  # to look at many exactly takes longer than to compare


def _folded(prints: np.ndarray) -> np.ndarray:
    return ((prints >> np.uint64(32)) ^ (prints & np.uint64(0xFFFFFFFF))).astype(np.uint32)


def _shared(short: np.ndarray) -> np.ndarray:
    """Values that stand more than once, each once; the two halves are sorted side by side."""
    high = short >= np.uint32(1 << 31)
    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(_repeated, (short[~high], short[high])))
    return np.concatenate(parts)


def _repeated(short: np.ndarray) -> np.ndarray:
    short.sort()
    twice = short[1:][short[1:] == short[:-1]]
    first = np.ones(len(twice), dtype=bool)
    first[1:] = twice[1:] != twice[:-1]
    return twice[first]


def found(con: Backend, form: Form, rows: ir.Table, where: np.ndarray) -> ir.Table:
    """Of rows that stand at some places, those that are equal to an earlier one (`copy`), or have its key (`clash`).

    One row each, and one for every suspect: `place`, `part`, `was` (its `bad`), `bad` (without the mark of a suspect).
    """
    near = rows.semi_join(ibis.memtable(pa.table({"place": where})), "place")
    near = near.mutate(was=near.bad, bad=faults.cleared(near.bad))
    key = typed.key(form)
    copy = ibis.row_number().over(group_by=faults.compared(form), order_by=["part", "place"]) > 0
    wide = near.mutate(copy=copy, clash=ibis.literal(False))  # noqa: FBT003
    if key:
        is_good = (_.bad == 0).cast("int8")
        nth = ibis.row_number().over(group_by=[_[key], is_good], order_by=["part", "place"])
        wide = near.mutate(copy=copy, clash=(_.bad == 0) & (nth > 0))
    listed = wide.select("place", "part", "was", "bad", "copy", clash=_.clash & ~_.copy)
    return engine.keep(con, f"repeats_{form.name}", listed.filter(_.copy | _.clash | (_.was != _.bad)))


def reasons(form: Form) -> list[tuple[str, str]]:
    """The faults that a row has beside another; their codes come after those of `faults.reasons`."""
    key = typed.key(form) or "row"
    return [(key, "duplicate"), (key, "conflict")]


def suspects(where: np.ndarray) -> ir.Table:
    """Marks for good rows that may stand twice, by `place`."""
    placed = ibis.memtable(pa.table({"place": where}))
    return placed.mutate(was=ibis.literal(0, "uint8"), value=ibis.literal(faults.SUSPECT, "uint8"))


def marks(form: Form, repeats: ir.Table) -> ir.Table:
    """What becomes of them: set aside, one row with the first, or as they were (`value`), by `place`."""
    codes = {reason: len(faults.reasons(form)) + i for i, (_key, reason) in enumerate(reasons(form), 1)}
    fates: list[tuple[ir.Value, ir.Value | int]] = []
    if form.source.duplicates == "collapse":
        fates = [(_.bad == faults.EMPTY, _.bad), (_.copy, faults.REPEATED), (_.clash, codes["conflict"])]
    elif form.source.duplicates == "quarantine":
        fates = [(_.bad != 0, _.bad), (_.copy, codes["duplicate"]), (_.clash, codes["conflict"])]
    fate = ibis.cases(*fates, else_=_.bad) if fates else _.bad
    return repeats.select("place", "was", value=fate.cast("uint8")).filter(_.value != _.was)
