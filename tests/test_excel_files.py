"""Workbooks: the sheet that is meant, header rows, cell types, error cells, and files that are refused before they are read."""

import datetime as dt
import zipfile
from pathlib import Path

import books
import pytest
import xlsxwriter

from crmlib.errors import InputError
from crmlib.io import engine, excel_files, sources

HEAD = ["order", "customer", "date", "amount"]
DAY = dt.datetime(2023, 10, 15)  # noqa: DTZ001 - a cell has no zone
ROWS = [HEAD, [1, "A", DAY, 100.5], [2, "B", DAY, 20]]


def workbook(root, sheets, hidden=(), options=None) -> dict[str, str]:
    """Write sheets of rows; a datetime is a date cell, a text that begins with # an error cell."""
    file = (
        books.write(root, None, sources={"orders": {"files": "orders.xlsx"}}).parents[2] / "data/tiny/raw/orders.xlsx"
    )
    book = xlsxwriter.Workbook(file, {"default_date_format": "yyyy-mm-dd", **(options or {})})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        if name in hidden:
            sheet.hide()
        for y, row in enumerate(rows):
            for x, cell in enumerate(row):
                if str(cell).startswith("#"):
                    sheet.write_formula(y, x, "=NA()", None, cell)
                else:
                    sheet.write(y, x, cell)
    book.close()
    return {"files": "orders.xlsx"}


def read(root, **source):
    found = books.load(root, None, sources={"orders": source})
    return sources.read(engine.connect(found), found, "orders").parts


def cells(root, **source) -> dict[str, list]:
    (part,) = read(root, **source)
    return part.table.to_pyarrow().to_pydict()


def refusal(root, **source) -> str:
    with pytest.raises(InputError) as error:
        read(root, **source)
    return error.value.problems[0]


def test_cells_keep_the_types_of_excel(tmp_path):
    source = workbook(tmp_path, {"S": ROWS}, options={"date_1904": True})
    (part,) = read(tmp_path, **source)
    assert part.table.to_pyarrow().to_pydict() == {
        "order_id": [1.0, 2.0], "customer_id": ["A", "B"], "order_date": [DAY, DAY], "net_amount": [100.5, 20.0]}  # fmt: skip
    assert (part.file, part.first_row, part.is_cut) == ("orders.xlsx[S]", 2, False)


def test_a_mixed_column_is_text_as_a_person_would_type_it(tmp_path):
    rows = [HEAD, [1, 12, DAY, "1.234,5"], ["007", 1.5, "16.10.2023", 20.25], [True, "x", "", 3]]
    source = workbook(tmp_path, {"S": rows})
    assert cells(tmp_path, **source, decimal=",", date_format="%d.%m.%Y") == {
        "order_id": ["1", "007", "TRUE"], "customer_id": ["12", "1,5", "x"],
        "order_date": ["15.10.2023", "16.10.2023", None], "net_amount": ["1.234,5", "20,25", "3"]}  # fmt: skip


def test_a_column_that_changes_its_kind_far_down_is_text_throughout(tmp_path):
    """Cells are turned into columns 50,000 rows at a time: the parts must agree."""
    rows = [HEAD, *([n, "A", DAY, n] for n in range(50_001)), ["x", "A", DAY, 1]]
    found = cells(tmp_path, **workbook(tmp_path, {"S": rows}))
    assert (found["order_id"][0], found["order_id"][-2:]) == ("0", ["50000", "x"])
    assert found["net_amount"][-2:] == [50_000.0, 1.0]


def test_error_cells_are_kept_as_what_excel_shows(tmp_path):
    rows = [["Sales"], [], ["", *HEAD], ["", 1, "A", DAY, "#N/A"], ["", 2, "#REF!", DAY, 20]]
    source = workbook(tmp_path, {"first": [["x"]], "a & <b>": rows})
    found = cells(tmp_path, **source, sheet="a & <b>", header_row=3)
    assert (found["net_amount"], found["customer_id"]) == (["#N/A", "20"], ["A", "#REF!"])


def test_blank_rows_are_no_rows_but_count(tmp_path):
    source = workbook(tmp_path, {"S": [*ROWS, [], [], [3, "C", DAY, 1]]})
    (part,) = read(tmp_path, **source)
    assert part.table.to_pyarrow().to_pydict()["order_id"] == [1.0, 2.0, 3.0]
    assert sources.blank_lines(part) == (4, 5)


def test_merged_header_rows_below_a_title(tmp_path):
    head = [["Sales report"], [], ["Order", "", "Customer", ""], ["id", "date", "", "paid"]]
    source = workbook(tmp_path, {"S": [*head, [1, DAY, "A", 5]]})
    columns = {
        "order_id": "Order / id",
        "order_date": "Order / date",
        "customer_id": "Customer",
        "net_amount": "Customer / paid",
    }
    (part,) = read(tmp_path, **source, header_row=3, header_rows=2, columns=columns)
    assert part.table.to_pyarrow().to_pydict()["net_amount"] == [5.0]
    assert part.first_row == 5


def test_several_sheets(tmp_path):
    source = workbook(
        tmp_path, {"2023-01": ROWS, "2023-02": ROWS, "notes": [["x"]], "empty": [], "old": ROWS}, hidden=["old"]
    )
    assert [part.file for part in read(tmp_path, **source, sheet="2023-*")] == [
        "orders.xlsx[2023-01]",
        "orders.xlsx[2023-02]",
    ]
    assert [part.file for part in read(tmp_path, **source, sheet="old")] == ["orders.xlsx[old]"]
    assert refusal(tmp_path, **source) == (
        "data/tiny/raw/orders.xlsx has rows in 3 sheets (2023-01, 2023-02, notes); set sources.orders.sheet to one of "
        "them, or to a pattern such as '2*' for several alike"
    )
    assert "has no sheet '2024' (it has 2023-01, 2023-02, notes, empty, old)" in refusal(
        tmp_path, **source, sheet="2024"
    )


def test_a_hidden_or_empty_sheet_is_not_asked_about(tmp_path):
    assert len(cells(tmp_path, **workbook(tmp_path, {"a": ROWS, "b": [], "c": ROWS}, hidden=["c"]))["order_id"]) == 2


def test_a_workbook_without_rows_is_refused(tmp_path):
    assert "has no sheet with rows" in refusal(tmp_path, **workbook(tmp_path, {"a": []}))


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("orders.xlsx", b"order,customer\n", "is no workbook (not a zip archive)"),
        ("orders.xlsx", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "is protected by a password, or is an old .xls workbook"),
        ("orders.xls", b"<html><table></table></html>", "is a web page named .xls"),
        ("orders.xls", b"PK\x03\x04", "is no Excel workbook of the .xls kind"),
        ("orders.xls", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "is no readable workbook"),
        ("orders.ods", b"", "is empty"),
    ],
)
def test_another_kind_of_file_is_refused(tmp_path, name, data, says):
    raw = books.write(tmp_path, None, sources={"orders": {"files": name}}).parents[2] / "data/tiny/raw"
    (raw / name).write_bytes(data)
    said = refusal(tmp_path, files=name)
    assert said.startswith(f"data/tiny/raw/{name}") and says in said


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    raw = books.write(tmp_path, None).parents[2] / "data/tiny/raw"
    with zipfile.ZipFile(raw / "orders.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (70 << 20))
    said = refusal(tmp_path, files="orders.xlsx")
    assert "would unpack to 70 MiB" in said and "more than 4,096 MiB, or 64 MiB and 200 times, is refused" in said


def test_a_full_sheet_is_said_to_be_cut(tmp_path, monkeypatch):
    source = workbook(tmp_path, {"S": ROWS})
    monkeypatch.setitem(excel_files.ROW_LIMIT, ".xlsx", 3)
    assert [part.is_cut for part in read(tmp_path, **source)] == [True]


def test_open_document(tmp_path):
    """The least workbook of this kind, written by hand."""
    raw = books.write(tmp_path, None).parents[2] / "data/tiny/raw"
    ods(raw / "orders.ods", [HEAD, ["1", "A", "2023-10-15", "5"]])
    assert cells(tmp_path, files="orders.ods")["customer_id"] == ["A"]


def ods(file: Path, rows) -> None:
    body = "".join(
        "<table:table-row>"
        + "".join(f'<table:table-cell office:value-type="string"><text:p>{c}</text:p></table:table-cell>' for c in row)
        + "</table:table-row>"
        for row in rows
    )
    spaces = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr(
            "content.xml",
            f"<office:document-content {spaces}><office:body><office:spreadsheet><table:table table:name='S'>{body}"
            "</table:table></office:spreadsheet></office:body></office:document-content>",
        )
        manifest = 'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"'
        archive.writestr("META-INF/manifest.xml", f"<manifest:manifest {manifest}/>")


def test_the_header_must_be_there(tmp_path):
    source = workbook(tmp_path, {"S": ROWS})
    assert "sheet 'S' has no header in row 9" in refusal(tmp_path, **source, header_row=9)
    assert "sheet 'S' has no column 'paid'" in refusal(tmp_path, **source, columns={"net_amount": "paid"})
