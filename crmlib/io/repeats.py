"""Rows that stand twice: found by 32-bit fingerprints, decided by comparing the rows themselves.

Sorting the fingerprints of ten million rows takes half a second; a window over the rows themselves took fifteen. A
fingerprint that two different rows share costs one more comparison and changes no result.
"""

from concurrent.futures import ThreadPoolExecutor

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
from ibis import _
from ibis.backends.duckdb import Backend

from crmlib.io import engine, faults, typed
from crmlib.io.typed import Form


def found(con: Backend, form: Form, rows: ir.Table, prints: np.ndarray) -> ir.Table | None:
    """Rows that are equal to an earlier one (`copy`), or have its key and other values (`clash`).

    One row each: `place`, `part`, `bad`, `is_mended`, `copy`, `clash`. None where no two rows have one fingerprint.
    """
    twice = shared(prints)
    if not len(twice):
        return None
    near = rows.semi_join(ibis.memtable(pa.table({"fingerprint": twice})), "fingerprint")
    key = typed.key(form)
    copy = ibis.row_number().over(group_by=faults.compared(form), order_by=["part", "place"]) > 0
    wide = near.mutate(copy=copy, clash=ibis.literal(False))  # noqa: FBT003
    if key:
        is_good = (_.bad == 0).cast("int8")
        nth = ibis.row_number().over(group_by=[_[key], is_good], order_by=["part", "place"])
        wide = near.mutate(copy=copy, clash=(_.bad == 0) & (nth > 0))
    listed = wide.select("place", "part", "bad", "is_mended", "copy", clash=_.clash & ~_.copy)
    return engine.keep(con, f"repeats_{form.name}", listed.filter(_.copy | _.clash))


def shared(prints: np.ndarray) -> np.ndarray:
    """Fingerprints that stand more than once, each once; the two halves are sorted side by side."""
    high = prints >= np.uint32(1 << 31)
    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(_repeated, (prints[~high], prints[high])))
    return np.concatenate(parts)


def _repeated(prints: np.ndarray) -> np.ndarray:
    prints.sort()
    return np.unique(prints[1:][prints[1:] == prints[:-1]])


def marks(form: Form, repeats: ir.Table, codes: dict[str, int]) -> ir.Table | None:
    """What becomes of them: set aside or one row with the first (`value`), by `place`; None where they stay."""
    if form.source.duplicates == "keep":
        return None
    if form.source.duplicates == "collapse":
        fate = ibis.cases((_.copy, faults.REPEATED), (_.bad == 0, codes["conflict"]))
    else:
        fate = ibis.cases((_.bad != 0, None), (_.copy, codes["duplicate"]), (_.clash, codes["conflict"]))
    return repeats.select("place", "is_mended", value=fate.cast("uint8")).filter(_.value.notnull())
