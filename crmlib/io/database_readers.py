"""How each kind of database is asked: its tables, the columns of the question, and the rows in Arrow batches.

Exactness first: decimals, UUIDs and JSON arrive as text, dates and times as such, PostgreSQL arrays as its own text.
"""

import difflib
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, unquote, urlsplit

import pyarrow as pa

from crmlib.errors import InputError

_ROWS = 50_000
_POSTGRES_TYPES = {"bool", "int2", "int4", "int8", "float8", "date", "timestamp", "timestamptz", "text", "varchar"}


@dataclass(frozen=True)
class Question:
    """A database (resolved URL, or the path of its file) and one table or query in it; or a query over files."""

    url: str
    table: str | None
    query: str | None
    decimal: str
    where: str
    is_over_files: bool = False


@dataclass(frozen=True)
class Opened:
    """The columns there are, and the rows of some of them."""

    columns: tuple[str, ...]
    batches: Callable[[Sequence[str]], pa.RecordBatchReader]


@contextmanager
def postgresql(ask: Question) -> Iterator[Opened]:
    """Through ADBC (Arrow from the wire), in a read-only transaction."""
    import adbc_driver_postgresql.dbapi as adbc

    with adbc.connect(ask.url) as con, con.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        origin = _origin(ask, lambda sql: _all(cursor, sql), _POSTGRES_TABLES, '"')
        cursor.execute(f"SELECT * FROM {origin} LIMIT 0")  # noqa: S608
        with cursor.fetch_record_batch() as nothing:
            types = {field.name: _postgres_type(field) for field in nothing.schema}

        def batches(columns: Sequence[str]) -> pa.RecordBatchReader:
            wanted = ", ".join(_postgres_text(c, types[c], ask.decimal) for c in columns)
            cursor.execute(f"SELECT {wanted} FROM {origin}")  # noqa: S608
            return cursor.fetch_record_batch()

        yield Opened(tuple(types), batches)


_POSTGRES_TABLES = """SELECT n.nspname, c.relname, pg_table_is_visible(c.oid) FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f')
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1, 2"""


def _postgres_type(field: pa.Field) -> str:
    return (field.metadata or {}).get(b"POSTGRESQL:type", b"text").decode()


def _postgres_text(column: str, kind: str, decimal: str) -> str:
    """A column as it is, or as text where Arrow has no exact type for it; a decimal as the source writes them."""
    name = _quoted(column, '"')
    if kind in _POSTGRES_TYPES:
        return name
    text = f"{name}::numeric::text" if kind == "money" else f"{name}::text"
    comma = decimal == "," and kind in ("numeric", "money", "float4")
    return f"{f'replace({text}, chr(46), chr(44))' if comma else text} AS {name}"


@contextmanager
def mysql(ask: Question) -> Iterator[Opened]:
    """Through PyMySQL: every value as the server writes it, row by row, in a read-only session in UTC."""
    import pymysql
    from pymysql.converters import encoders
    from pymysql.cursors import SSCursor

    parts = urlsplit(ask.url)
    login = {"user": unquote(parts.username or ""), "password": unquote(parts.password or "")}
    con = pymysql.connect(
        host=parts.hostname or "localhost", port=parts.port or 3306, database=unquote(parts.path.strip("/")) or None,
        charset="utf8mb4", conv=encoders, cursorclass=SSCursor, **login,
    )  # fmt: skip
    with closing(con), con.cursor() as cursor:
        cursor.execute("SET SESSION time_zone = '+00:00'")
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        origin = _origin(ask, lambda sql: _all(cursor, sql), _MYSQL_TABLES, "`")
        cursor.execute(f"SELECT * FROM {origin} LIMIT 0")  # noqa: S608
        found = {column[0]: column[1] for column in cursor.description}
        cursor.fetchall()

        def batches(columns: Sequence[str]) -> pa.RecordBatchReader:
            cursor.execute(f"SELECT {', '.join(_quoted(c, '`') for c in columns)} FROM {origin}")  # noqa: S608
            kinds = [_mysql_kind(found[c]) for c in columns]
            schema = pa.schema([(c, _MYSQL_TYPES.get(k, pa.string())) for c, k in zip(columns, kinds, strict=True)])
            comma = ask.decimal == ","
            rows = (
                [_mysql_array(v, k, comma=comma) for v, k in zip(cells, kinds, strict=True)]
                for cells in _by_column(cursor)
            )
            return pa.RecordBatchReader.from_batches(schema, (pa.record_batch(r, schema=schema) for r in rows))

        yield Opened(tuple(found), batches)


_MYSQL_TABLES = """SELECT table_schema, table_name, table_schema = DATABASE() FROM information_schema.tables
    WHERE table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema') ORDER BY 1, 2"""
_MYSQL_TYPES = {"date": pa.date32(), "datetime": pa.timestamp("us"), "timestamp": pa.timestamp("us", "UTC")}


def _mysql_kind(code: int) -> str:
    from pymysql.constants import FIELD_TYPE as TYPE

    kinds = {TYPE.DATE: "date", TYPE.NEWDATE: "date", TYPE.DATETIME: "datetime", TYPE.TIMESTAMP: "timestamp"}
    fractions = (TYPE.DECIMAL, TYPE.NEWDECIMAL, TYPE.FLOAT, TYPE.DOUBLE)
    return "fraction" if code in fractions else kinds.get(code, "text")


def _mysql_array(values: Sequence[Any], kind: str, *, comma: bool) -> pa.Array:
    """Cells of one column; MySQL's zero dates (0000-00-00) are no dates and become empty."""
    texts = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values]
    if kind == "fraction" and comma:
        texts = [v if v is None else v.replace(".", ",") for v in texts]
    if kind not in _MYSQL_TYPES:
        return pa.array(texts, pa.string())
    dates = [None if v is None or v.startswith("0000") or "-00" in v else v for v in texts]
    naive = pa.array(dates, pa.string()).cast(pa.timestamp("us"))
    return naive.cast(_MYSQL_TYPES[kind]) if kind != "timestamp" else naive.cast(pa.int64()).cast(_MYSQL_TYPES[kind])


@contextmanager
def sqlite(ask: Question) -> Iterator[Opened]:
    """Through Python's own module, read-only, every value as text: a SQLite column may hold values of several types.

    The engine pulls the rows in a thread of its own, one at a time.
    """
    import sqlite3

    with closing(
        sqlite3.connect(f"file:{quote(str(Path(ask.url).resolve()))}?mode=ro", uri=True, check_same_thread=False)
    ) as con:
        con.text_factory = lambda raw: raw.decode("utf-8", "replace")
        cursor = con.cursor()
        tables = "SELECT 'main', name, 1 FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY 2"
        origin = _origin(ask, lambda sql: _all(cursor, sql), tables, '"')
        cursor.execute(f"SELECT * FROM {origin} LIMIT 0")  # noqa: S608
        found = tuple(column[0] for column in cursor.description)

        def batches(columns: Sequence[str]) -> pa.RecordBatchReader:
            cursor.execute(f"SELECT {', '.join(_sqlite_text(c, ask.decimal) for c in columns)} FROM {origin}")  # noqa: S608
            schema = pa.schema([(c, pa.string()) for c in columns])
            rows = ([pa.array(v, pa.string()) for v in cells] for cells in _by_column(cursor))
            return pa.RecordBatchReader.from_batches(schema, (pa.record_batch(r, schema=schema) for r in rows))

        yield Opened(found, batches)


def _sqlite_text(column: str, decimal: str) -> str:
    name = _quoted(column, '"')
    text = f"CAST({name} AS TEXT)"
    comma = f"CASE typeof({name}) WHEN 'real' THEN replace({text}, '.', ',') ELSE {text} END"
    return comma if decimal == "," else text


@contextmanager
def by_ibis(ask: Question) -> Iterator[Opened]:
    """Through Ibis: DuckDB files (read-only), files by a query, and any warehouse that it has a driver for."""
    import ibis

    if ask.is_over_files:
        con = ibis.duckdb.connect()
    elif "://" not in ask.url:
        con = ibis.duckdb.connect(ask.url, read_only=True)
    else:
        con = ibis.connect(ask.url)
    with ExitStack() as left, warnings.catch_warnings():
        left.callback(con.disconnect)
        warnings.simplefilter("ignore", DeprecationWarning)  # ibis 12 calls methods that duckdb 1.5 renamed
        found = con.sql(ask.query) if ask.query else _ibis_table(con, ask)

        def batches(columns: Sequence[str]) -> pa.RecordBatchReader:
            plain = [found[c].cast("string") if _is_complex(found[c].type()) else found[c] for c in columns]
            return found.select(plain).to_pyarrow_batches(chunk_size=_ROWS)

        yield Opened(tuple(found.columns), batches)


def _ibis_table(con: Any, ask: Question) -> Any:
    from ibis.common.exceptions import TableNotFound

    schema, _dot, table = str(ask.table).rpartition(".")
    try:
        return con.table(table, database=schema or None)
    except TableNotFound:
        _refuse_table(ask, con.list_tables(database=schema or None))


def _is_complex(kind: Any) -> bool:
    return kind.is_nested() or kind.is_json() or kind.is_uuid() or kind.is_binary()


def _origin(ask: Question, run: Callable[[str], list[Sequence[Any]]], tables: str, sign: str) -> str:
    """What stands behind FROM: the quoted table, which must be there, or the query in brackets."""
    if ask.query is not None:
        return f"(\n{ask.query.strip().rstrip(';')}\n) AS question"
    there = [(str(schema), str(table), str(visible) in ("1", "True")) for schema, table, visible in run(tables)]
    found = [(s, t) for s, t, visible in there if ask.table == f"{s}.{t}" or (visible and ask.table == t)]
    if not found:
        _refuse_table(ask, [t if visible else f"{s}.{t}" for s, t, visible in there])
    return ".".join(_quoted(part, sign) for part in found[0])


def _refuse_table(ask: Question, there: Sequence[str]) -> NoReturn:
    near = difflib.get_close_matches(str(ask.table), there, n=1)
    listed = ", ".join([*there[:20], *(["…"] if len(there) > 20 else [])]) or "none"
    hint = f", did you mean '{near[0]}'" if near else ""
    raise InputError(f"{ask.where}: there is no such table{hint}; there are: {listed}")


def _quoted(name: str, sign: str) -> str:
    return f"{sign}{name.replace(sign, sign * 2)}{sign}"


def _all(cursor: Any, sql: str) -> list[Sequence[Any]]:
    cursor.execute(sql)
    return list(cursor.fetchall())


def _by_column(cursor: Any) -> Iterable[list[tuple[Any, ...]]]:
    """Rows in portions, turned into columns."""
    while rows := cursor.fetchmany(_ROWS):
        yield list(zip(*rows, strict=True))
