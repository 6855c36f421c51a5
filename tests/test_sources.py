"""CSV and Parquet as they come: encodings, line ends, headers, lines that cannot be split. Nothing guessed, nothing lost."""

import gc

import books
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.errors import InputError
from crmlib.io import engine, sources, staging
from crmlib.io.headers import joined

HEADER = "order,customer,date,amount\n"
IDS = {"order_id": "order", "customer_id": "customer", "order_date": "date", "net_amount": "amount"}


def read(root, orders, **source):
    """Order ids, rejected lines as (row, reason, value), and the first part, after its scan."""
    found = books.load(root, orders, sources={"orders": source} if source else {})
    con = engine.connect(found)
    parts = sources.read(con, found, "orders").parts
    ids, rejects = [], []
    for n, part in enumerate(parts):
        ids += engine.keep(con, f"kept{n}", part.table).to_pyarrow().to_pydict()["order_id"]
        if part.rejects is not None:
            rejects += [
                (r["row"], r["reason"], r["value"]) for r in part.rejects.order_by("row").to_pyarrow().to_pylist()
            ]
    return ids, rejects, parts[0], found


def refusal(root, orders, **source) -> str:
    with pytest.raises(InputError) as error:
        read(root, orders, **source)
    assert len(error.value.problems) == 1
    return error.value.problems[0]


CHINESE = HEADER + "1,张伟,2023-10-15,100\n2,王龘𠮷,2023-11-01,20\n"


@pytest.mark.parametrize(
    ("data", "source"),
    [
        (CHINESE.encode(), {}),
        (b"\xef\xbb\xbf" + CHINESE.encode(), {}),
        (b"\xef\xbb\xbf" + CHINESE.encode(), {"encoding": "utf-8"}),
        (CHINESE.encode("utf-16"), {}),
        (b"\xfe\xff" + CHINESE.encode("utf-16-be"), {}),
        (CHINESE.encode("utf-16-le"), {"encoding": "utf-16"}),
        (CHINESE.encode("utf-16-be"), {"encoding": "utf-16"}),
        (CHINESE.encode("gb18030"), {"encoding": "gb18030"}),
        (CHINESE.replace("\n", "\r\n").encode("gb18030"), {"encoding": "gb18030"}),
    ],
)
def test_an_encoding_is_read_exactly(tmp_path, data, source):
    *_rest, part, _found = read(tmp_path, data, **source)
    assert part.table.order_by("order_id").to_pyarrow().to_pydict()["customer_id"] == ["张伟", "王龘𠮷"]


def test_latin_1_is_that_of_windows(tmp_path):
    text = HEADER + "1,Müller €,2023-10-15,1\n"
    part = read(tmp_path, text.encode("cp1252"), encoding="latin-1")[2]
    assert part.table.to_pyarrow().to_pydict()["customer_id"] == ["Müller €"]


@pytest.mark.parametrize(
    ("data", "source", "says"),
    [
        (CHINESE.encode("gb18030"), {}, "is not in UTF-8 (line 2 has the byte 0xD5); set encoding: gb18030 or latin-1"),
        (HEADER.encode() + b"1,\xe9,a,1\n2,\xe9,b,1\n", {}, "is not in UTF-8 (line 2 has the byte 0xE9); set encoding: "),
        (HEADER.encode() + b"1,caf\xe9\n2,\xe9\n", {"encoding": "utf-8"}, "line 2 has the byte 0xE9); set encoding: latin-1, or"),
        (HEADER.encode("utf-16-le"), {}, "is not in UTF-8 (every second byte is zero); set encoding: utf-16"),
        (HEADER.encode("utf-16"), {"encoding": "gb18030"}, "is marked as utf-16, not gb18030; set encoding: auto"),
        (b"", {}, "is empty; it needs at least a header row"),
        (b"\xef\xbb\xbf", {}, "is empty; it needs at least a header row"),
        (b"PK\x03\x04\x14", {}, "is no CSV but a zip file, perhaps an Excel workbook; name it .xlsx"),
        (b"PAR1\x15", {}, "is no CSV but a Parquet file"),
        (books.ORDERS.replace(",", ";"), {"delimiter": ","}, "under the delimiter ','; set delimiter to ';', or auto"),
        ("order,customer,order,date,amount\n1,2,3,4,5\n", {}, "has the column 'order' twice"),
        (books.ORDERS, {"header_row": 9}, "ends before its header row 9"),
        ("\n\n" + books.ORDERS, {}, "has no header in row 1; set header_row"),
    ],
)  # fmt: skip
def test_a_file_that_is_something_else_is_refused_with_what_to_do(tmp_path, data, source, says):
    said = refusal(tmp_path, data, **source)
    assert said.startswith("data/tiny/raw/orders.csv") and says in said


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_gives_the_mapped_columns(tmp_path, delimiter):
    assert read(tmp_path, books.ORDERS.replace(",", delimiter))[0] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "text",
    [
        books.ORDERS.replace("\n", "\r\n"),
        books.ORDERS.replace("\n", "\r"),
        books.ORDERS.replace("\n", "\r\n", 2),
        books.ORDERS.replace("\n", "\r", 1),
        books.ORDERS.rstrip("\n"),
        books.ORDERS.replace("50\n", "50,\n"),
        books.ORDERS.replace("\n2", "\n\n\n2") + "\n\n",
        "extract of orders\n\n" + books.ORDERS,
        books.ORDERS.replace("order,customer", " order\u200b,\xa0customer "),
        books.ORDERS.replace("order,", '"order",'),
    ],
    ids=[
        "crlf",
        "cr",
        "mixed",
        "mixed cr",
        "no last end",
        "empty last cell",
        "blank lines",
        "title",
        "unseen",
        "quoted",
    ],
)
def test_forms_that_mean_the_same(tmp_path, text):
    source = {"header_row": 3} if text.startswith("extract") else {}
    ids, rejects, _part, _found = read(tmp_path, text, **source)
    assert (ids, rejects) == (["1", "2", "3"], [])


@pytest.mark.parametrize(
    ("line", "reason", "value"),
    [
        (b"9,A,2023-11-02", "malformed", "9,A,2023-11-02"),
        (b"9,A,2023-11-02,5,6", "malformed", "9,A,2023-11-02,5,6"),
        (b'9,"A"x,2023-11-02,5', "malformed", '9,"A"x,2023-11-02,5'),
        (b"9,\xff,2023-11-02,5", "not_text", "9,?,2023-11-02,5"),
        (b'9,"' + b"z" * 3_000_000 + b'",2023-11-02,5', "too_long", '9,"' + "z" * 497),
    ],
)
def test_a_line_that_cannot_be_split_is_a_reject_and_the_others_are_read(tmp_path, line, reason, value):
    text = books.ORDERS.encode() + line + b"\n4,A,2023-12-31,1\n"
    assert read(tmp_path, text)[:2] == (["1", "2", "3", "4"], [(5, reason, value)])


def test_bytes_that_are_no_text_stay_so_through_a_copy(tmp_path):
    """GB18030 has no character 0xFF; UTF-16 none that the end of the file cuts."""
    bad = CHINESE.encode("gb18030") + b"3,\xff,2023-11-02,5\n4,A,2023-11-02,5\n"
    assert [r[:2] for r in read(tmp_path / "a", bad, encoding="gb18030")[1]] == [(4, "not_text")]
    cut = (CHINESE + "3,A,2023-11-02,5").encode("utf-16-le") + b"\x35"
    ids, rejects, _part, _found = read(tmp_path / "b", cut, encoding="utf-16")
    assert (ids, [r[:2] for r in rejects]) == (["1", "2"], [(4, "not_text")])


def test_a_cell_may_hold_line_breaks_and_rows_are_numbered_as_records(tmp_path):
    text = HEADER + '1,"A\n""B""\n\nC",2023-10-15,1\n\n2,B,2023-10-16\n3,C,2023-10-17,1\n'
    ids, rejects, part, _found = read(tmp_path, text)
    assert (ids, rejects) == (["1", "3"], [(4, "malformed", "2,B,2023-10-16")])
    assert (part.first_row, sources.blank_lines(part)) == (2, (3,))


@pytest.mark.parametrize(
    ("text", "row"),
    [
        (HEADER + '1,"A,2023-10-15,1\n2,B,2023-10-16,1\n3,C,2023-10-17,1\n', 2),
        (HEADER + '1,A,2023-10-15,1\n2,"B\nb"x,2023-10-16,1\n3,C,2023-10-17,1\n', None),
        (HEADER + '1,A,2023-10-15,1\n2,"B,2023-10-16,1\n', None),
    ],
)
def test_a_quote_that_takes_rows_with_it_is_told_from_one_broken_row(tmp_path, text, row):
    _ids, rejects, part, found = read(tmp_path, text)
    said = [f"data/tiny/raw/orders.csv row {row}: a quote opens and takes the rows after it with it; "
            "close it, or double it inside a cell"]  # fmt: skip
    assert len(rejects) == 1 and sources.swallowed(part, found) == (said if row else [])


SPACED = "  order customer    date   amount \r\n  1  C1 20231015   100  \r\n\r\n 2 \t C2 20231101 20.50\r\n 3 C3\r\n"
SPACES = {"files": "orders.csv", "columns": IDS, "date_format": "%Y%m%d", "delimiter": "spaces"}


@pytest.mark.parametrize("delimiter", ["spaces", "auto"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_columns_that_stand_in_line(tmp_path, delimiter, encoding, monkeypatch):
    """Any run of spaces lies between two cells, wherever a chunk of the file ends."""
    for size in (1 << 18, 40, 33):
        monkeypatch.setattr("crmlib.io.csv_files._CHUNK", size)
        source = {**SPACES, "delimiter": delimiter, "encoding": encoding}
        ids, rejects, part, found = read(tmp_path, SPACED.encode(encoding), **source)
        assert ids == ["1", "2"]
        assert rejects == [(5, "malformed", "3\tC3")]
        assert sources.blank_lines(part, 4) == (3,)
        lines = staging.stage(engine.connect(found), found).tables["orders"].order_by("order_id").to_pyarrow()
        assert lines["net_minor"].to_pylist() == [10000, 2050]


def test_a_file_without_a_header_has_its_columns_by_place(tmp_path):
    columns = {"order_id": "column1", "customer_id": "column2", "order_date": "column3", "net_amount": "column4"}
    text = "1;C1;2023-10-15;100\n2;C2;2023-11-01;20\nx\n"
    source = {"files": "orders.csv", "columns": columns, "header_row": 0}
    ids, rejects, part, _found = read(tmp_path, text.encode(), **source)
    assert (ids, rejects, part.first_row) == (["1", "2"], [(3, "malformed", "x")], 1)
    says = refusal(tmp_path, text.encode(), **{**source, "delimiter": ","})
    assert "has one column, '1;C1;2023-10-15;100', under the delimiter ','; set delimiter to ';'" in says
    said = refusal(tmp_path, text.encode(), **{**source, "columns": {**columns, "net_amount": "column5"}})
    assert "has no column 'column5'" in said


def test_a_quarter_may_lack_a_column_of_the_default(tmp_path):
    found = books.load(tmp_path, HEADER + "1,C1,2023-10-15,100\n", sources={"orders": {"columns": {"quantity": None}}})
    assert "quantity" not in found.sources.orders.columns
    assert found.sources.orders.columns["order_id"] == "order"


def test_merged_header_rows_are_joined(tmp_path):
    text = "Order,,Customer,\nid,date,,paid\n1,2023-10-10,A,3\n"
    columns = {
        "order_id": "Order / id",
        "order_date": "Order / date",
        "customer_id": "Customer",
        "net_amount": "Customer / paid",
    }
    ids, _rejects, part, _found = read(tmp_path, text, header_rows=2, columns=columns)
    assert (ids, part.first_row) == (["1"], 3)
    assert joined([["A", "", "B"], ["x", "A", ""]]) == ("A / x", "A", "B")


@given(st.lists(st.sampled_from(["ok", "few", "many", "junk", "blank", "multi"]), max_size=25))
@settings(max_examples=20)
def test_every_line_is_a_row_a_reject_or_blank(tmp_path_factory, kinds):
    lines = {
        "ok": "1,A,d,5",
        "few": "1,A",
        "many": "1,A,d,5,6",
        "junk": '1,"A"x,d,5',
        "blank": "",
        "multi": '1,"A\nB",d,5',
    }
    text = HEADER + "0,A,d,5\n" + "".join(lines[kind] + "\n" for kind in kinds)
    ids, rejects, part, _found = read(tmp_path_factory.mktemp("book"), text)
    numbers = {kind: [3 + n for n, k in enumerate(kinds) if k == kind] for kind in lines}
    assert [r[0] for r in rejects] == sorted(numbers["few"] + numbers["many"] + numbers["junk"])
    assert len(ids) == 1 + len(numbers["ok"]) + len(numbers["multi"])
    inside = [n for n in numbers["blank"] if any(kind != "blank" for kind in kinds[n - 2 :])]
    assert [n for n in sources.blank_lines(part) if n in inside] == inside


def test_rejects_are_complete_and_rows_in_order_when_read_in_parallel(tmp_path):
    """Several buffers of the reader: numbers of bad lines, and the order of the others, must hold across them."""
    file = books.write(tmp_path, None).parents[2] / "data/tiny/raw/orders.csv"
    con = duckdb.connect()
    row = "CASE WHEN i % 100_000 = 7 THEN 'bad' ELSE concat_ws(',', i, 'customer ' || i, '2023-10-15', 'x') END"
    con.sql(f"FROM range(1_500_000) r(i) SELECT {row}").write_csv(str(file), header=False, quotechar="", sep="\x01")
    con.close()
    file.write_bytes(HEADER.encode() + file.read_bytes())
    ids, rejects, _part, _found = read(tmp_path, None)
    assert [r[0] for r in rejects] == [n * 100_000 + 7 + 2 for n in range(15)]
    assert list(map(int, ids)) == [i for i in range(1_500_000) if i % 100_000 != 7]


def parquet(root, **tables):
    raw = books.write(root, None, sources={"orders": {"files": "*.parquet"}}).parents[2] / "data/tiny/raw"
    for name, table in tables.items():
        pq.write_table(table, raw / f"{name}.parquet")
    return {"files": "*.parquet"}


GOOD = {"order": [1, 2], "customer": ["A", "B"], "date": ["2023-10-15", "2023-11-01"], "amount": [1.5, 2.0]}


def test_parquet_files_keep_their_own_types_and_may_lack_an_optional_column(tmp_path):
    one = pa.table({**GOOD, "pieces": [1, 2]})
    two = pa.table({**GOOD, "order": ["x", "y"], "extra": [1, 2]}).select(
        ["amount", "order", "date", "customer", "extra"]
    )
    source = parquet(tmp_path, a=one, b=two)
    found = books.load(tmp_path, None, sources={"orders": {**source, "columns": {"quantity": "pieces"}}})
    parts = sources.read(engine.connect(found), found, "orders").parts
    assert [str(p.table.order_id.type()) for p in parts] == ["int64", "string"]
    assert parts[1].table.to_pyarrow().to_pydict()["quantity"] == [None, None]
    assert [(p.file, p.first_row) for p in parts] == [("a.parquet", 1), ("b.parquet", 1)]


def test_bytes_in_parquet_are_read_as_text(tmp_path):
    table = pa.table({**GOOD, "customer": pa.array([b"A", "张".encode()])})
    assert read(tmp_path, None, **parquet(tmp_path, a=table))[2].table.to_pyarrow().to_pydict()["customer_id"] == [
        "A",
        "张",
    ]


def test_damaged_or_nested_parquet_is_refused(tmp_path):
    source = parquet(tmp_path, a=pa.table({**GOOD, "customer": [["A"], ["B"]]}))
    assert "a.parquet: column 'customer' holds lists or structures" in refusal(tmp_path, None, **source)
    file = tmp_path / "data/tiny/raw/a.parquet"
    file.write_bytes(file.read_bytes()[:-20])
    assert "data/tiny/raw/a.parquet is no readable Parquet file" in refusal(tmp_path, None, **source)


def test_a_missing_required_column_of_one_file_of_several_is_refused(tmp_path):
    source = parquet(tmp_path, a=pa.table(GOOD), b=pa.table(GOOD).drop_columns(["date"]))
    said = refusal(tmp_path, None, **source)
    assert said.startswith("data/tiny/raw/b.parquet has no column 'date' (sources.orders.columns.order_date); it has:")


def test_files_have_their_own_date_formats(tmp_path):
    raw = books.write(tmp_path, books.ORDERS).parents[2] / "data/tiny/raw"
    (raw / "orders_old.csv").write_text(books.ORDERS)
    source = {"files": "orders*.csv", "date_format": {"*_old.csv": "%d/%m/%Y", "*": "%Y-%m-%d"}}
    found = books.load(tmp_path, books.ORDERS, sources={"orders": source})
    parts = sources.read(engine.connect(found), found, "orders").parts
    assert [(p.file, p.date_format) for p in parts] == [("orders.csv", "%Y-%m-%d"), ("orders_old.csv", "%d/%m/%Y")]
    said = refusal(tmp_path, books.ORDERS, date_format={"x*": "%Y"}, files="orders.csv")
    assert said.startswith("date_format has no pattern for 'orders.csv'")


@pytest.mark.parametrize("pattern", ["../../../etc/passwd", "/etc/passwd", "../raw/orders.csv"])
def test_a_file_name_cannot_lead_out_of_the_folder(tmp_path, pattern):
    assert "no file matches" in refusal(tmp_path, books.ORDERS, files=pattern)


def test_the_scratch_copy_goes_with_the_connection(tmp_path):
    found = books.load(tmp_path, CHINESE.encode("utf-16"))
    con = engine.connect(found)
    parts = list(sources.read(con, found, "orders").parts)
    copy = parts.pop().lines.plain
    assert copy.is_file() and copy != tmp_path / "data/tiny/raw/orders.csv"
    del con
    gc.collect()
    assert not copy.parent.exists()
