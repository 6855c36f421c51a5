"""What the seam adds to Ibis' backend for Spark."""

from datetime import date, datetime

import books
import ibis
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ibis import _
from test_equal import frame

from crmlib.io import engine, staging, store

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


def test_a_kept_table_goes_when_nothing_reads_it(rows, spark):
    engine.keep(spark, "gone", rows)
    engine.drop(spark, "gone")
    engine.drop(spark, "gone")
    assert "gone" not in spark.list_tables()


def test_tables_are_stacked(rows, spark):
    stacked = engine.stack(spark, "stacked", [rows, rows.filter(_.id == "a"), rows.limit(0)])
    assert sorted(frame(stacked)["id"].fillna("")) == ["", "a", "a", "b"]


def test_what_is_stored_as_ordered_is_put_in_order(rows, spark, tmp_path):
    """Spark promises no order of kept rows, so they are sorted once more."""
    results = store.open_store(books.load(tmp_path), tmp_path / "out", spark)
    found = pd.DataFrame({"campaign_id": "k", "customer_id": ["b", "c", "a"]})
    results.save_as_ordered(campaign_targets=engine.keep(spark, "kept", engine.table(found)))
    assert results.frame("campaign_targets")["customer_id"].to_list() == ["a", "b", "c"]


def test_a_table_of_duckdb_is_taken_over(spark):
    con = ibis.duckdb.connect()
    ours = con.create_table(
        "ours", pa.table({"customer_id": ["A", None], "at": pa.array([AT, None], pa.timestamp("us"))})
    )
    theirs = spark.take(ours)
    assert (
        theirs.order_by("customer_id").to_pyarrow().to_pylist() == ours.order_by("customer_id").to_pyarrow().to_pylist()
    )


def test_a_list_of_people_is_written_and_read_as_duckdb_does(rows, spark, tmp_path):
    listed = rows.select("id", "net_minor", "day").order_by("net_minor")
    listed.to_csv(tmp_path / "spark.csv")
    ibis.memtable(listed.to_pyarrow()).to_csv(tmp_path / "duckdb.csv")
    assert (tmp_path / "spark.csv").read_bytes() == (tmp_path / "duckdb.csv").read_bytes()
    found = engine.read_csv(spark, tmp_path / "spark.csv", ",", 3, 1)
    assert found.order_by("c1").to_pyarrow()["c1"].to_pylist() == ["-1", str(2**40), None]


def test_staging_hands_over_what_duckdb_read(spark, tmp_path):
    used = books.load(tmp_path, books.ORDERS + "4,B,31/31/2023,9\n")
    con = engine.connect(used)
    ours, theirs = (staging.stage(c, used) for c in (con, spark))
    for one, other in [(ours.tables["orders"], theirs.tables["orders"]), (ours.quarantine, theirs.quarantine)]:
        assert one.count().to_pyarrow().as_py() > 0
        pd.testing.assert_frame_equal(frame(one), frame(other))
    pd.testing.assert_frame_equal(ours.intake, theirs.intake)


def test_a_number_with_a_fraction_is_no_decimal(rows, spark):
    made = spark.create_view("made", rows.select(half=_.net_minor * 0.5, tenth=ibis.literal(0.1)), overwrite=True)
    assert dict(made.schema()) == {"half": ibis.dtype("float64"), "tenth": ibis.dtype("float64")}


def test_groups_in_a_replacement_mean_the_same(spark):
    said = spark.create_view("said", ibis.memtable({"text": ["Mr. Smith owes $1"]}), overwrite=True)
    changed = said.text.re_replace(r"(Mr)\.? [A-Z][a-z]+", r"\1 [$name]")
    assert said.select(changed.name("t")).to_pyarrow().to_pylist() == [{"t": "Mr [$name] owes $1"}]


def test_memory_is_what_the_settings_say(spark):
    assert spark._session.sparkContext.getConf().get("spark.driver.memory") == "1430m"
