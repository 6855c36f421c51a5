"""The same books on DuckDB and on Spark."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import books
import derived
import pytest
import random_book
from random_book import Book

from crmlib import params
from crmlib.io import engine

PERIODS = {"first": "2024Q1", "second": "2024Q1", "empty": "2024Q1"}
SEEDS = {"first": 1, "second": 2, "empty": None}
CUTS = {"second": "2024-02-29"}  # the book ends on the leap day
ANCHORS = {**books.ANCHORS, "frequency_12m": [[0, 0], [1, 45], [2, 65], [3, 85], [5, 100]],
           "monetary_12m": [[0, 0], [40, 40], [900, 100]]}  # fmt: skip

# For tables of a few rows Spark's time is that of planning and compiling: fewer tasks, no code made for each query.
QUICK = {"spark.sql.shuffle.partitions": "1", "spark.sql.codegen.wholeStage": "false", "spark.sql.adaptive.enabled": "false",
         "spark.sql.codegen.factoryMode": "NO_CODEGEN"}  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """One book on both engines."""

    duckdb: Book
    spark: Book


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if not find_spec("pyspark"):
        pytest.skip("Spark is not installed: `make test-spark` installs it and runs these tests")
    from crmlib.io import spark as seam

    os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    con = seam.connect("local[1]", "1500MB", tmp_path_factory.mktemp("engine") / "spark")
    for key, value in QUICK.items():
        con._session.conf.set(key, value)
    yield con
    con.disconnect()


@pytest.fixture(scope="session")
def duckdb_book(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Book]:
    """`duckdb_book("first")`: a random book and its derived tables, stored and opened by DuckDB."""

    @cache
    def made(name: str) -> Book:
        root = tmp_path_factory.mktemp(name)
        used = settings(root, name)
        con, folder = engine.connect(used), root / "tables"
        random_book.store(folder, random_book.raw(SEEDS[name]))
        for step in (derived.days, derived.segments, derived.values):
            random_book.store(folder, step(random_book.load(con, folder, used)))
        return random_book.load(con, folder, used)

    return made


@pytest.fixture(scope="session")
def pair(spark: Any, duckdb_book: Callable[[str], Book]) -> Callable[[str], Pair]:
    """`pair("first")`: a random book, its derived tables made on DuckDB, on both engines."""

    @cache
    def made(name: str) -> Pair:
        ours = duckdb_book(name)
        folder = ours.settings.file.parents[2] / "tables"
        return Pair(ours, random_book.load(spark, folder, ours.settings))

    return made


def settings(root: Path, name: str) -> params.Settings:
    cut = {"as_of": CUTS[name]} if name in CUTS else {}
    return books.load(root, period=PERIODS[name], segment={"anchors": ANCHORS, "value": {"draws": 50}}, **cut)
