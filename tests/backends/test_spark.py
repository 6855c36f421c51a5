"""What the seam adds to Ibis' backend for Spark."""

from datetime import date, datetime

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ibis import _

from crmlib.io import engine

AT = datetime.fromisoformat("2024-03-31 01:30:00")  # an hour that Berlin's clocks skip


@pytest.fixture
def rows(spark) -> ibis.Table:
    table = pa.table({"id": ["b", "a", None], "at": pa.array([AT, None, AT], pa.timestamp("us")), "net_minor": [2**40, -1, None],
                      "day": pa.array([date(2024, 2, 29), None, date(1960, 1, 1)]), "share": [0.1, None, 2.0]})  # fmt: skip
    return spark.create_view("rows", ibis.memtable(table), overwrite=True)


def test_values_come_back_as_they_went(rows):
    found = rows.order_by("id").to_pyarrow().to_pylist()
    assert [row["id"] for row in found] == ["a", "b", None]
    assert found[1] == {"id": "b", "at": AT, "net_minor": 2**40, "day": date(2024, 2, 29), "share": 0.1}
    assert found[0] | {"id": None} == dict.fromkeys(found[0]) | {"net_minor": -1}


def test_a_table_is_written_as_one_file_in_order_the_same_bytes_each_time(rows, tmp_path):
    for name in ("one", "two"):
        engine.write_parquet(rows, tmp_path / name, ["net_minor"])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert sorted(f.name for f in tmp_path.iterdir()) == ["one", "two"]
    stored = pq.read_table(tmp_path / "one")
    assert stored["net_minor"].to_pylist() == [-1, 2**40, None]
    assert stored["at"].type == pa.timestamp("us") and stored["at"].to_pylist() == [None, AT, AT]


def test_a_kept_table_may_be_made_from_the_one_that_it_replaces(rows, spark):
    spark.keep("kept", rows)
    again = spark.keep("kept", spark.table("kept").filter(_.id == "a"))
    assert again.count().to_pyarrow().as_py() == 1


def test_a_table_of_duckdb_is_taken_over(spark):
    con = ibis.duckdb.connect()
    ours = con.create_table(
        "ours", pa.table({"customer_id": ["A", None], "at": pa.array([AT, None], pa.timestamp("us"))})
    )
    theirs = spark.take(ours)
    assert (
        theirs.order_by("customer_id").to_pyarrow().to_pylist() == ours.order_by("customer_id").to_pyarrow().to_pylist()
    )


def test_a_number_with_a_fraction_is_no_decimal(rows, spark):
    made = spark.create_view("made", rows.select(half=_.net_minor * 0.5, tenth=ibis.literal(0.1)), overwrite=True)
    assert dict(made.schema()) == {"half": ibis.dtype("float64"), "tenth": ibis.dtype("float64")}


def test_groups_in_a_replacement_mean_the_same(spark):
    said = spark.create_view("said", ibis.memtable({"text": ["Mr. Smith owes $1"]}), overwrite=True)
    changed = said.text.re_replace(r"(Mr)\.? [A-Z][a-z]+", r"\1 [$name]")
    assert said.select(changed.name("t")).to_pyarrow().to_pylist() == [{"t": "Mr [$name] owes $1"}]


def test_memory_is_what_the_settings_say(spark):
    assert spark._session.sparkContext.getConf().get("spark.driver.memory") == "1430m"
