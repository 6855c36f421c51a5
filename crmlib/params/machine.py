"""Settings of the machine: which engine computes, how much memory it may take, and where it puts what does not fit."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator

DUCKDB = "duckdb"

_SPARK = re.compile(r"spark:local\[(\*|[1-9][0-9]{0,3})\]|spark://[\w.-]+:[0-9]+(,[\w.-]+:[0-9]+)*")
_MEMORY = re.compile(r"[0-9]+(\.[0-9]+)? ?[KMGT]i?B")


def _engine(value: Any) -> str:
    said = str(value)
    if said != DUCKDB and not _SPARK.fullmatch(said):
        raise ValueError(
            "is no engine; write duckdb (in this process), spark:local[2] (Spark on two cores of this machine) "
            "or spark://HOST:7077 (a Spark cluster)"
        )
    return said


def _memory(value: str) -> str:
    if not _MEMORY.fullmatch(value):
        raise ValueError("is no amount of memory; write it as 4GB or 512MB")
    return value


Engine = Annotated[str, BeforeValidator(_engine)]
"""`duckdb`, or Spark by its master: `spark:local[2]`, `spark://host:7077`."""

Memory = Annotated[str, AfterValidator(_memory)]


Parts = Literal["auto", "always", "never"]
"""Whether staged order lines are kept file by file, so that a quarter reads new files only."""


def spark_master(engine: str) -> str:
    """What Spark calls the place where it runs; nothing for DuckDB."""
    return "" if engine == DUCKDB else engine.removeprefix("spark:") if engine.startswith("spark:local") else engine
