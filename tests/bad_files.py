"""Messy workbooks, Parquet files, databases and registers: the part of the corpus that is not text."""

import io
import sqlite3
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter
from bad_case import COLUMNS, GOOD, HEADER, Case, put, together

from crmlib import schema

NAMES = ("order", "customer", "date", "amount")
ROWS = [("1", "A", "2023-10-15", 100.5), ("2", "B", "2023-11-01", 20), ("3", "A", "2023-12-31", 30)]
XLSX, PARQUET = {"files": "*.xlsx"}, {"files": "*.parquet"}
Cells = Sequence[Sequence[Any]]


def book(sheets: dict[str, Cells], *, hidden: Sequence[str] = (), **options: Any) -> bytes:
    """A workbook: text, numbers, dates and formulas (a pair of formula and cached value) as given."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"default_date_format": "yyyy-mm-dd", **options}) as workbook:
        for name, cells in sheets.items():
            sheet = workbook.add_worksheet(name)
            for row, values in enumerate(cells):
                for column, value in enumerate(values):
                    _write(sheet, row, column, value)
            if name in hidden:
                sheet.hide()
    return content.getvalue()


def _write(sheet: Any, row: int, column: int, value: Any) -> None:
    if isinstance(value, tuple):
        sheet.write_formula(row, column, value[0], None, value[1])
    elif isinstance(value, str):
        sheet.write_string(row, column, value)
    else:
        sheet.write(row, column, value)


def patched(content: bytes, member: str, change: Callable[[bytes], bytes]) -> bytes:
    """The same zip with one member changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == member else old.read(name))
    return out.getvalue()


def excel(name: str, content: bytes, source: dict[str, Any] | None = None, **outcome: Any) -> Case:
    return Case("Excel", name, put(content, "orders.xlsx"), {**XLSX, **(source or {})}, **outcome)


TABLE = [NAMES, *ROWS]
SHEET = "xl/worksheets/sheet1.xml"
BOMB = b"<row r='2'>" + b" " * 100_000_000
DIMENSION = (b'<dimension ref="A1:D4"/>', b'<dimension ref="A1:D1048576"/>')


def bomb() -> Callable[[Path], None]:
    """A workbook of 100 KB whose sheet is 100 MB; written only when it is needed."""

    def write(raw: Path) -> None:
        data = patched(book({"a": TABLE}), SHEET, lambda xml: xml.replace(b"<sheetData>", b"<sheetData>" + BOMB))
        (raw / "orders.xlsx").write_bytes(data)

    return write


EXCEL = [
    excel("a plain table", book({"a": TABLE})),
    excel("real dates", book({"a": [NAMES, *[(n, c, date.fromisoformat(d), m) for n, c, d, m in ROWS]]})),
    excel("dates of the 1904 system",
          book({"a": [NAMES, ("9", "A", date(2023, 11, 2), 5)]}, date_1904=True), accepted=1,
          holds={"order_date": "2023-11-02"}),
    excel("numbers stored as text", book({"a": [NAMES, *[(n, c, d, f"{m:,.2f}") for n, c, d, m in ROWS]]})),
    excel("ids stored as numbers", book({"a": [*TABLE, (9, 12346.0, "2023-11-02", 5)]}), accepted=4,
          holds={"customer_id": "12346", "order_id": "9"}),
    excel("ids with leading zeros as text", book({"a": [*TABLE, ("009", "0012", "2023-11-02", 5)]}), accepted=4,
          holds={"customer_id": "0012", "order_id": "009"}),
    excel("formula cells", book({"a": [*TABLE, ("9", "A", "2023-11-02", ("=2+3", 5))]}), accepted=4,
          holds={"net_minor": 500}),
    excel("error cells", book({"a": [*TABLE, ("9", "A", "2023-11-02", ("=1/0", "#DIV/0!"))]}),
          aside=((5, "net_amount", "not_a_number"),)),
    excel("a date where an amount should be", book({"a": [*TABLE, ("9", "A", "2023-11-02", date(2023, 11, 2))]}),
          aside=((5, "net_amount", "not_a_number"),)),
    excel("true and false as amounts", book({"a": [*TABLE, ("9", "A", "2023-11-02", True)]}),
          aside=((5, "net_amount", "not_a_number"),)),
    excel("empty rows between and after", book({"a": [*TABLE, (), ("9", "A", "x", 5), (), ()]}),
          aside=((6, "order_date", "not_a_date"),)),
    excel("a table that starts in row 4", book({"a": [("Export",), (), (), *TABLE]}), {"header_row": 4}),
    excel("a header of two rows", book({"a": [("key", "", "sale", ""), NAMES, *ROWS]}),
          {"header_rows": 2, "columns": {"order_id": "key / order", "customer_id": "key / customer",
                                         "order_date": "sale / date", "net_amount": "sale / amount"}}),
    excel("two sheets, one named", book({"notes": [("x",)], "a": TABLE}), {"sheet": "a"}),
    excel("two sheets, none named", book({"a": TABLE, "b": TABLE}), refused=("orders.xlsx", "a, b", "sheet")),
    excel("a sheet that is not there", book({"a": TABLE}), {"sheet": "orders"}, refused=("'orders'", "a", "sheet")),
    excel("a hidden second sheet", book({"a": TABLE, "old": TABLE}, hidden=("old",))),
    excel("an empty sheet", book({"a": []}), refused=("orders.xlsx", "rows")),
    excel("a header and no rows", book({"a": [NAMES]}), refused=(".xlsx has a header and no rows",)),
    excel("a column twice", book({"a": [(*NAMES, "amount"), ("1", "A", "2023-10-15", 1, 2)]}), refused=("'amount' twice",)),
    excel("a size of 1,048,576 rows that is only claimed",
          patched(book({"a": TABLE}), SHEET, lambda xml: xml.replace(*DIMENSION))),
    excel("not a workbook", b"order,customer,date,amount\n", refused=("orders.xlsx is no workbook",)),
    excel("cut in half", book({"a": TABLE})[:3000], refused=("orders.xlsx",)),
    excel("with a password, or of the old format renamed", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000,
          refused=("orders.xlsx", "password")),
    excel("a zip without sheets", patched(book({"a": TABLE}), SHEET, lambda _xml: b""), refused=("orders.xlsx",)),
    Case("Excel", "a zip bomb", bomb(), XLSX, refused=("orders.xlsx would unpack to",)),
]  # fmt: skip


def arrow(**columns: pa.Array) -> pa.Table:
    """The three good rows, with some columns in another type."""
    plain = {name: pa.array([row[i] for row in ROWS]) for i, name in enumerate(NAMES)}
    return pa.table({**plain, **columns})


def parquet(name: str, table: pa.Table, source: dict[str, Any] | None = None, **outcome: Any) -> Case:
    content = io.BytesIO()
    pq.write_table(table, content)
    return Case("Parquet", name, put(content.getvalue(), "orders.parquet"), {**PARQUET, **(source or {})}, **outcome)


def _bytes(table: pa.Table) -> bytes:
    content = io.BytesIO()
    pq.write_table(table, content)
    return content.getvalue()


DAYS = [date(2023, 10, 15), date(2023, 11, 1), date(2023, 12, 31)]
LATE = [datetime(2023, m, d, 23, 30, tzinfo=UTC) for m, d in ((10, 15), (11, 1), (12, 30))]
PARQUETS = [
    parquet("a plain table", arrow()),
    parquet("dates as dates", arrow(date=pa.array(DAYS))),
    parquet("times with a zone", arrow(date=pa.array(LATE, pa.timestamp("us", "UTC"))),
            changes={"book": {"time_zone": "Asia/Shanghai"}}),
    parquet("decimal amounts", arrow(amount=pa.array([Decimal("100.50"), Decimal("20.00"), Decimal("30.00")]))),
    parquet("integer cents", arrow(amount=pa.array([10050, 2000, 3000])), {"amount_unit": "minor"}),
    parquet("float ids", arrow(customer=pa.array([1.0, 2.0, 1.0]))),
    parquet("ids in a dictionary", arrow(customer=pa.array(["A", "B", "A"]).dictionary_encode())),
    parquet("ids as bytes", arrow(customer=pa.array([b"A", b"B", b"A"]))),
    parquet("NaN, infinity, nothing and 1e308 as amounts",
            pa.concat_tables([arrow(amount=pa.array([100.5, 20.0, 30.0])),
                              arrow(order=pa.array(["4", "5", "6"]), amount=pa.array([float("nan"), float("inf"), None])),
                              arrow(order=pa.array(["7", "8", "9"]), amount=pa.array([1e308, -1e308, -0.0]))]),
            accepted=4,
            aside=((4, "net_amount", "not_a_number"), (5, "net_amount", "out_of_range"), (6, "net_amount", "missing"),
                   (7, "net_amount", "out_of_range"), (8, "net_amount", "out_of_range")), holds={"net_minor": 0}),
    parquet("a list where an amount should be", arrow(amount=pa.array([[1.0], [2.0], [3.0]])),
            refused=("orders.parquet", "amount")),
    parquet("a struct where an id should be", arrow(customer=pa.array([{"id": "A"}] * 3)),
            refused=("orders.parquet", "customer")),
    parquet("no rows", arrow().slice(0, 0), refused=(".parquet has a header and no rows",)),
    parquet("a missing column", arrow().drop_columns(["amount"]), refused=("no column 'amount'",)),
    Case("Parquet", "cut at the end", put(_bytes(arrow())[:-20], "orders.parquet"), PARQUET, refused=("orders.parquet",)),
    Case("Parquet", "a CSV file called .parquet", put(HEADER + GOOD, "orders.parquet"), PARQUET,
         refused=("orders.parquet", "Parquet")),
    Case("Parquet", "empty", put(b"", "orders.parquet"), PARQUET, refused=("orders.parquet is empty",)),
    Case("Parquet", "a column in another place and type in the second file",
         together(put(_bytes(arrow(order=pa.array([1, 2, 3]))), "a.parquet"),
                  put(_bytes(arrow().select(["amount", "date", "customer", "order"]).slice(0, 1)), "b.parquet")),
         {**PARQUET, "duplicates": "keep"}, accepted=4),
    Case("Parquet", "a required column missing from the second file",
         together(put(_bytes(arrow()), "a.parquet"), put(_bytes(arrow().drop_columns(["amount"])), "b.parquet")), PARQUET,
         refused=("b.parquet", "'amount'")),
]  # fmt: skip


def lite(raw: Path) -> None:
    """A database of SQLite, which lets a column hold anything."""
    with sqlite3.connect(raw / "shop.db") as con:
        con.execute("CREATE TABLE sales (order_no, customer, day, amount)")
        con.executemany("INSERT INTO sales VALUES (?, ?, ?, ?)", ROWS)
        con.execute("INSERT INTO sales VALUES ('9', 'A', '2023-11-02', 'five'), ('8', NULL, '2023-11-02', 5)")
    con.close()


def duck(raw: Path) -> None:
    with duckdb.connect(str(raw / "shop.duckdb")) as con:
        con.execute(
            'CREATE TABLE "sales; x" AS SELECT * FROM (VALUES (1, 2, DATE \'2023-10-15\', 100.50)) t("order", customer, date, amount)'
        )


def database(name: str, write: Callable[[Path], None], url: str, **source: Any) -> Case:
    outcome = {key: source.pop(key) for key in ("accepted", "aside", "refused") if key in source}
    return Case("database", name, write, {"files": None, "url": url, **source}, **outcome)


SQLITE, DUCK = "sqlite:///shop.db", "duckdb:///shop.duckdb"
DAY = {"columns": {**COLUMNS, "order_id": "order_no", "order_date": "day"}}
DATABASES = [
    database("SQLite with a word among the numbers", lite, SQLITE, table="sales", **DAY,
             aside=((4, "net_amount", "not_a_number"), (5, "customer_id", "missing"))),
    database("a query", lite, SQLITE, query="SELECT * FROM sales WHERE amount > 0 AND typeof(amount) <> 'text' AND customer IS NOT NULL", **DAY),
    database("a table that is not there", lite, SQLITE, table="sale", **DAY, refused=("table sale in sqlite:///shop.db", "there are: sales")),
    database("SQL in the table name", lite, SQLITE, table='sales"; DROP TABLE sales; --', **DAY,
             refused=("DROP TABLE", "sales")),
    database("a query that changes data", lite, SQLITE, query="DELETE FROM sales", **DAY, refused=("query",)),
    database("a query with a mistake", lite, SQLITE, query="SELEC * FROM sales", **DAY, refused=("query",)),
    database("a column that is not there", lite, SQLITE, table="sales", columns={**COLUMNS, "order_id": "order_no"},
             refused=("no column 'date'",)),
    database("a file that is not there", lite, "sqlite:///shopp.db", table="sales", **DAY, refused=("shopp.db",)),
    database("a file that is no database", put("x" * 5000, "shop.db"), SQLITE, table="sales", **DAY, refused=("shop.db",)),
    database("a table name with a semicolon", duck, DUCK, table="sales; x", accepted=1),
    database("an unknown kind", lite, "magic://db.invalid/x", table="sales", **DAY, refused=("magic",)),
    database("a password in the settings", lite, "postgresql://u:s3cretpw@127.0.0.1:9/x", table="sales", **DAY,
             refused=("holds a password", "${")),
    database("a server that does not answer", lite, "postgresql://u@127.0.0.1:9/x", table="sales", **DAY,
             refused=("127.0.0.1",)),
]  # fmt: skip


def register(name: str, content: str | bytes, refused: tuple[str, ...], encoding: str = "utf-8-sig") -> Case:
    """Good orders beside a register of market facts."""

    def write(raw: Path) -> None:
        put(HEADER + GOOD)(raw)
        folder = raw.parent / "registers"
        folder.mkdir()
        put(content, "market_facts.csv", encoding)(folder)

    return Case("register", name, write, refused=refused)


FACT = list(schema.REGISTERS["market_facts"].columns)


def fact(**cells: str) -> str:
    """A register with one good row, in which some cells are changed."""
    row = dict(zip(FACT, schema.REGISTERS["market_facts"].example, strict=True)) | cells
    quoted = ('"{}"'.format(row[column].replace('"', '""')) for column in FACT)
    return ",".join(FACT) + "\n" + ",".join(quoted) + "\n"


REGISTERS = [
    register("a grade that is none", fact(grade="D"), ("market_facts.csv row 2", "'D'", "A")),
    register("a date that is none", fact(source_date="2017-02-30"), ("market_facts.csv row 2", "'2017-02-30'")),
    register("a relevance that is none", fact(relevance="1e308"), ("market_facts.csv row 2", "1e308")),
    register("a link that runs", fact(link="javascript:alert(1)"), ("market_facts.csv row 2: link", "https://")),
    register("the same fact twice", fact() + fact().split("\n")[1] + "\n", ("market_facts.csv row 3", "F1")),
    register("a missing column", fact().replace(",relevance", ",weight", 1), ("market_facts.csv", "relevance")),
    register("empty", "", ("market_facts.csv is empty",)),
    register("GBK from Excel", fact(item_zh="食品价格"), ("market_facts.csv is not UTF-8", "CSV UTF-8"), "gb18030"),
    register("hostile words", fact(item='=HYPERLINK("x")', item_zh="<script>alert(1)</script>"), ()),
    register("NUL bytes", fact(item="a\0b"), ("market_facts.csv", "row 2")),
]

CASES = [*EXCEL, *PARQUETS, *DATABASES, *REGISTERS]
