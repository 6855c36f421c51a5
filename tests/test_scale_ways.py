"""The ways that are timed beside one another do the same work: the same customer by day, the same base."""

import sys

import bench_scale
import duckdb
import pytest
import scale_ways

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the bench counts what only Linux tells of a process")

TABLES = {
    "days": ["customer_id", "order_date", "orders", "net_minor", "gross_minor", "returned_minor"],
    "base": scale_ways.BASE,
}


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lines")
    bench_scale.make(folder, 6_000)
    return folder


@pytest.fixture(scope="module")
def by_hand(lines):
    return made(lines, "sql")


def made(lines, way):
    """The rows that a way stores, by table."""
    with bench_scale.fresh(lines, bench_scale.raw_files(lines), "1GB") as raw:
        assert bench_scale.run(way, raw, "1GB")
        return {name: rows(raw.parents[2] / f"out/{name}.parquet", columns) for name, columns in TABLES.items()}


def rows(file, columns):
    """The rows of a file in their order; whole numbers and days as such, whatever stores them."""
    whole = [
        c if c in ("customer_id", "state") else f"{c}::DATE" if c.endswith("date") else f"{c}::BIGINT" for c in columns
    ]
    return duckdb.sql(f"SELECT {', '.join(whole)} FROM '{file}'").fetchall()  # noqa: S608


@pytest.mark.parametrize("way", ["ours", "pandas", "polars"])
def test_ways_store_the_same(way, lines, by_hand):
    if way == "polars":
        pytest.importorskip("polars", reason="polars is not installed (group `bench`)")
    assert len(by_hand["days"]) > len(by_hand["base"]) > 100
    assert {row[3] for row in by_hand["base"]} == {"active", "lapsed"}
    assert made(lines, way) == by_hand
