"""The data engine: the only file that names a backend.

Tables are Ibis expressions; DuckDB runs them in this process.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
from ibis.backends.duckdb import Backend
from ibis.expr import datatypes as dt

from crmlib.params import Settings

Failure = duckdb.Error
"""What the backend raises when it cannot read or compute."""


def connect(settings: Settings) -> Backend:
    """An empty in-memory database within the book's memory limit, spilling to the temp folder."""
    con = ibis.duckdb.connect(
        memory_limit=settings.memory_limit,
        temp_directory=str(Path(tempfile.gettempdir()) / "crmlib-spill"),
    )
    con.raw_sql("SET enable_progress_bar = false")
    return con


def read_parquet(con: Backend, files: Sequence[Path]) -> ir.Table:
    """Rows of one or more files as they are, with `file` (its path) and `row` (the first data row is 1)."""
    found = con.read_parquet([str(f) for f in files], filename=True, file_row_number=True, union_by_name=True)
    return found.rename(file="filename").mutate(row=found.file_row_number + 1).drop("file_row_number")


def read_csv(con: Backend, file: Path, delimiter: str, columns: Sequence[str]) -> ir.Table:
    """Rows of a CSV file, every cell as text, with `file` and `row` (as an editor counts; the header is row 1).

    Nothing is sniffed: DuckDB's guess can be confidently wrong, even skip lines to make a file fit. A line with more or
    fewer cells than the header is a failure that names it.
    """
    found = con.read_csv(
        str(file), auto_detect=False, delim=delimiter, quote='"', escape='"', header=True, skip=0,
        columns=dict.fromkeys(columns, "VARCHAR"), filename=True, encoding="utf-8",
    )  # fmt: skip
    return found.rename(file="filename").mutate(row=ibis.row_number() + 2)


def keep(con: Backend, name: str, table: ir.Table) -> ir.Table:
    """Compute a table once, for the several results that read it."""
    return con.create_table(name, table, temp=True, overwrite=True)


def write_parquet(table: ir.Table, path: Path, order_by: Sequence[str]) -> None:
    """Write rows in the order of `order_by`, the same bytes each time."""
    table.order_by(list(order_by)).to_parquet(path, compression="zstd")


def frame(table: ir.Table) -> pd.DataFrame:
    """A result small enough to show, in pandas."""
    return table.to_pyarrow().to_pandas(date_as_object=False)


def table(frame: pd.DataFrame) -> ir.Table:
    """A small frame, in the engine; it can be joined with any table."""
    return ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))


@ibis.udf.scalar.builtin
def try_strptime(text: str, pattern: str) -> dt.timestamp:
    """Text in a strftime format as a time; null where it is none."""
