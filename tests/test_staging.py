"""Raw rows through the door: every row is accepted or set aside with a reason, and every refusal says what to do."""

from datetime import date

import books
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
import yaml
from staged_books import COLUMNS, HEADER, set_aside, source, staged

from crmlib import params
from crmlib.collect import consistency, purchase_days
from crmlib.errors import InputError
from crmlib.io import engine, faults, plain, staging, typed
from crmlib.periods import Period


def refusal(root, orders=books.ORDERS, **changes) -> list[str]:
    found = books.load(root, orders, **changes)
    with pytest.raises(InputError) as error:
        staging.stage(engine.connect(found), found)
    assert staging.check(found) == error.value.problems
    return error.value.problems


def test_good_rows_are_typed_and_money_becomes_cents(tmp_path):
    rows = engine.frame(staged(tmp_path)[0].tables["orders"].order_by("order_id"))
    assert rows["net_minor"].tolist() == [10_050, 2_000, 3_000]
    assert [d.isoformat() for d in rows["order_date"].dt.date] == ["2023-10-15", "2023-11-01", "2023-12-31"]
    assert rows["customer_id"].tolist() == ["A", "B", "A"]


@pytest.mark.parametrize(
    ("row", "field", "reason", "sentence"),
    [
        ("9,,2023-11-02,5", "customer_id", "missing",
         "orders.csv row 5: customer is empty; fill it in or correct sources.orders.columns.customer_id"),
        ("9,A,31/11/2023,5", "order_date", "not_a_date",
         "orders.csv row 5: date '31/11/2023' is no date in format '%Y-%m-%d'; fix the row or set sources.orders.date_format"),
        ("9,A,2023-11-31,5", "order_date", "not_a_date",
         "orders.csv row 5: date '2023-11-31' is no date in format '%Y-%m-%d'; fix the row or set sources.orders.date_format"),
        ("9,A,2023-11-02,five", "net_amount", "not_a_number",
         "orders.csv row 5: amount 'xxxx' is no amount; write it as 1234.56, or correct sources.orders.decimal ('.')"),
        ("9,A,2023-11-02,1e308", "net_amount", "out_of_range",
         "orders.csv row 5: amount '1x308' is too large for money; fix the row"),
        ("9,A,2023-11-02,$5", "net_amount", "other_currency",
         "orders.csv row 5: amount '$5' is not in CNY; convert it, or give sources.orders.columns.currency and book.rates"),
        ("9,A,1900-01-01,5", "order_date", "out_of_range",
         "orders.csv row 5: date '1900-01-01' is outside 1970-01-02 to 2100-12-31, or stands for no date; fix the row"),
        ("9,A,9999-12-31,5", "order_date", "out_of_range",
         "orders.csv row 5: date '9999-12-31' is outside 1970-01-02 to 2100-12-31, or stands for no date; fix the row"),
        ("a\x00b,A,2023-11-02,5", "order_id", "not_text",
         "orders.csv row 5: order '*** (3)' holds bytes that are no text; export the file again or set sources.orders.encoding"),
        ("9,A,2023-11-02,5,extra", "row", "malformed",
         "orders.csv row 5 cannot be split into the columns of the header '*** (22)'; "
         "quote cells that hold the delimiter, a quote or a line end, or set sources.orders.delimiter"),
        ("2,B,2023-11-01,20", "row", "duplicate",
         "orders.csv row 5 repeats an earlier row; remove it, or set sources.orders.duplicates to keep"),
    ],
)  # fmt: skip
def test_a_bad_row_is_set_aside_with_its_sentence(tmp_path, row, field, reason, sentence):
    rows, said = set_aside(tmp_path, books.ORDERS + row + "\n")
    assert rows[["row", "field", "reason"]].values.tolist() == [[5, field, reason]]
    assert said == [sentence]


def test_a_future_date_is_one_after_the_extract(tmp_path):
    source = {**books.DEFAULT["sources"]["orders"], "extracted_on": "2023-12-30"}
    rows, said = set_aside(tmp_path, books.ORDERS, sources={"orders": source})
    assert rows["reason"].tolist() == ["future_date"]
    assert said == [
        "orders.csv row 4: date '2023-12-31' is later than the extract of 2023-12-30; fix the row or sources.orders.extracted_on"
    ]


def test_copies_can_be_kept(tmp_path):
    source = {**books.DEFAULT["sources"]["orders"], "duplicates": "keep"}
    result, _found = staged(tmp_path, books.ORDERS + "2,B,2023-11-01,20\n", sources={"orders": source})
    assert result.tables["orders"].count().to_pyarrow().as_py() == 4


def test_a_missing_file_is_refused(tmp_path):
    assert refusal(tmp_path, None) == [
        "sources.orders: no file matches 'orders.csv' in data/tiny/raw (there: nothing); "
        "put the file there or change sources.orders.files"
    ]


def test_a_missing_column_names_those_that_are_there(tmp_path):
    assert refusal(tmp_path, books.ORDERS.replace("customer", "custommer", 1)) == [
        "data/tiny/raw/orders.csv has no column 'customer' (sources.orders.columns.customer_id), did you mean 'custommer'; "
        "it has: order, custommer, date, amount; correct the mapping or the file"
    ]


def test_an_unmapped_field_is_refused(tmp_path):
    columns = {"order_id": "order", "customer_id": "customer", "net_amount": "amount"}
    found = books.load(tmp_path, sources={"orders": {"columns": columns}})
    assert "order_date" in found.sources.orders.columns  # a mapping merges: the default still has it
    changed = found.sources.orders.model_copy(update={"columns": {**columns, "order_dat": "date"}})
    source = found.model_copy(update={"sources": found.sources.model_copy(update={"orders": changed})})
    assert staging.check(source) == [
        "sources.orders.columns: 'order_date' has no column; add 'order_date: <its name in the file>'",
        "sources.orders.columns: unknown field 'order_dat', did you mean 'order_date'",
    ]


@pytest.mark.parametrize("orders", ["", b""])
def test_an_empty_file_is_refused(tmp_path, orders):
    assert refusal(tmp_path, orders) == ["data/tiny/raw/orders.csv is empty; it needs at least a header row"]


def test_an_empty_table_is_refused(tmp_path):
    assert refusal(tmp_path, HEADER) == [
        "data/tiny/raw/orders.csv has a header and no rows; put the export there or remove sources.orders"
    ]


def test_a_wrong_date_format_stops_the_run_with_an_example(tmp_path):
    said = refusal(tmp_path, books.ORDERS.replace("2023-", "23."), quality={"max_quarantined_share": 0.05})
    assert said[0].startswith(
        "3 of 3 rows of data/tiny/raw/orders.csv cannot be used (more than quality.max_quarantined_share = 0.05): "
        "orders.csv row 2: date '23.10-15' is no date in format '%Y-%m-%d'"
    )


def test_each_reason_is_counted_and_the_limit_named_that_lets_the_rest_pass(tmp_path):
    """Of 20 rows four name no customer and one has no date: 0.25."""
    cells = [f"{n},{'' if n < 4 else 'A'},{'soon' if n == 9 else '2023-11-01'},5" for n in range(20)]
    (said,) = refusal(tmp_path, "\n".join([HEADER.strip(), *cells, ""]), quality={"max_quarantined_share": 0.05})
    assert said.startswith("5 of 20 rows of data/tiny/raw/orders.csv cannot be used")
    assert "correct sources.orders.columns.customer_id (4 rows); orders.csv row 11: " in said
    assert said.endswith(
        "sources.orders.date_format (1 rows); if these are sales to unknown customers, raise quality.max_quarantined_share to 0.25"
    )
    kept = books.load(tmp_path / "b", "\n".join([HEADER.strip(), *cells, ""]), quality={"max_quarantined_share": 0.25})
    assert staging.check(kept) == []


def test_two_currencies_are_refused(tmp_path):
    orders = "order,customer,date,amount,cur\n1,A,2023-11-01,5,CNY\n2,A,2023-11-02,5,USD\n"
    assert refusal(tmp_path, orders, sources={"orders": {"columns": {"currency": "cur"}}}) == [
        "orders row 3: currency 'USD' (1 rows) is not the book's CNY and has no rate; "
        "add book.rates.USD (what one USD is worth in CNY), or split the book"
    ]


def test_a_quarter_without_orders_is_refused(tmp_path):
    assert refusal(tmp_path, period="2024Q2") == [
        "2024Q2 has no order: orders run from 2023-10-15 to 2023-12-31; "
        "run a quarter within them or add its file to data/tiny/raw"
    ]


@pytest.mark.parametrize(("last", "keep", "said"), [
    ("2023-12-24", "never", []), ("2023-12-01", "never", ["orders end on 2023-12-01, 30 days before 2023-12-31"]),
    ("2023-12-01", "always", ["orders end on 2023-12-01, 30 days before 2023-12-31"]),
])  # fmt: skip
def test_orders_that_end_before_the_quarter_are_told_with_the_setting(tmp_path, last, keep, said):
    orders = f"{HEADER}1,A,2023-10-15,5\n2,A,{last},5\n3,A,2024-02-01,5\n"
    problems, _counted, notices = staging.looked_at(books.load(tmp_path, orders, keep_parts=keep))
    assert not problems and [notice.split(", the day")[0] for notice in notices] == said
    assert all(f"write `as_of: {last}` into params/tiny/2023Q4.yml" in notice for notice in notices)
    cut = books.load(tmp_path / "cut", orders, as_of=date.fromisoformat(last))
    assert staging.looked_at(cut)[::2] == ([], [])


def test_a_month_without_invoices_is_no_early_end(tmp_path):
    orders = "".join(f"{n},A,2023-{n:02}-01,5\n" for n in range(1, 13))
    assert staging.looked_at(books.load(tmp_path, HEADER + orders))[::2] == ([], [])


def test_every_source_is_checked_not_just_the_first(tmp_path):
    products = {"files": "products.csv", "columns": {"product_id": "sku", "category": "group"}}
    said = refusal_of_all(tmp_path, sources={"products": products})
    assert len(said) == 2 and "sources.orders" in said[0] and "sources.products" in said[1]


def refusal_of_all(root, **changes):
    return staging.check(books.load(root, None, **changes))


def test_parquet_and_csv_of_the_same_rows_stage_alike(tmp_path):
    table = pa.table(
        {
            "order": pa.array([1, 2, 3]),
            "customer": pa.array(["A", "B", "A"]),
            "date": pa.array(pd.to_datetime(["2023-10-15 23:59", "2023-11-01 00:00", "2023-12-31 08:00"])),
            "amount": pa.array([100.5, 20.0, 30.0]),
        }
    )
    file = books.write(tmp_path / "b", None, sources={"orders": {"files": "*.parquet"}})
    pq.write_table(table, tmp_path / "b/data/tiny/raw/orders.parquet")
    binary = params.load(file)
    one = engine.frame(staging.stage(engine.connect(binary), binary).tables["orders"].order_by("order_id"))
    two = engine.frame(staged(tmp_path / "a")[0].tables["orders"].order_by("order_id"))
    assert one["order_second"].tolist() == [86_340, 0, 28_800]  # the CSV has no times of day
    pd.testing.assert_frame_equal(one.drop(columns="order_second"), two.drop(columns="order_second"))


def test_pseudonyms_need_a_key_and_hide_the_id(tmp_path, monkeypatch):
    monkeypatch.delenv("CRM_PSEUDONYM_KEY", raising=False)
    hidden = {"privacy": {"customer_ids": "pseudonym"}}
    assert "data/tiny/pseudonym.key" in refusal(tmp_path, **hidden)[0]
    monkeypatch.setenv("CRM_PSEUDONYM_KEY", "k" * 16)
    result, _found = staged(tmp_path, **hidden)
    ids = engine.frame(result.tables["orders"].order_by("order_id"))["customer_id"]
    assert ids[0] == ids[2] != ids[1] and not ids.str.contains("^[AB]$").any()
    monkeypatch.setenv("CRM_PSEUDONYM_KEY", "q" * 16)
    other, _found = staged(tmp_path, **hidden)
    assert engine.frame(other.tables["orders"].order_by("order_id"))["customer_id"][0] != ids[0]


def test_rows_are_told_apart_by_rules_then_by_sign(tmp_path):
    orders = (
        "order,customer,date,amount,sku,kind\n"
        "1,A,2023-11-01,5,x,\n2,A,2023-11-01,-5,x,\n3,A,2023-11-01,0,x,\nC4,A,2023-11-01,5,POST,\n"
        "5,A,2023-11-01,5,POST,\n6,A,2023-11-01,5,post,\n7,A,2023-11-01,5,GIFT_9,\n8,A,2023-11-01,5,x,退货\n9,A,2023-11-01,5,x,??\n"
    )
    rules = {"cancellation_orders": ["C*"], "adjustment_products": ["POST", "GIFT_*"], "kinds": {"退货": "return"}}
    columns = {**COLUMNS, "product_id": "sku", "row_kind": "kind"}
    result, found = staged(tmp_path, orders, **source(classes=rules, columns=columns, returns="positive"))
    rows = engine.frame(result.tables["orders"].order_by("order_id"))
    assert rows[["order_id", "row_class", "net_minor"]].values.tolist() == [
        ["1", "sale", 500],
        ["2", "return", -500],
        ["3", "free", 0],
        ["5", "adjustment", 500],
        ["6", "sale", 500],
        ["7", "adjustment", 500],
        ["8", "return", -500],
        ["C4", "cancellation", -500],
    ]
    aside = engine.frame(result.quarantine).iloc[0]
    assert (aside["reason"], aside["value"]) == ("unknown_class", "??")
    assert "is no word of sources.orders.classes.kinds" in staging.sentence(aside, found)


@pytest.mark.parametrize("ending", ["csv", "parquet", "odd.csv"])
@pytest.mark.parametrize("pieces", ["int64", "float64"])
def test_returns_without_a_minus_undo_their_sales(tmp_path, ending, pieces):
    """The second order takes back three of x, however its cells are written: nothing is left of the first."""
    rows = pd.DataFrame({
        "order": ["1", "2"], "customer": "A", "date": ["2023-11-01", "2023-11-02"], "sku": "x", "amount": [15.0, 15.0],
        "pieces": pd.Series([3, 3]).astype(pieces), "kind": ["sold", "back"],
    })  # fmt: skip
    columns = {**COLUMNS, "product_id": "sku", "row_kind": "kind", "quantity": "pieces"}
    rules = {"kinds": {"sold": "sale", "back": "return"}}
    file = f"orders.{ending.split('.')[-1]}"
    settings = source(files=file, classes=rules, columns=columns, returns="positive")
    found = books.write(tmp_path, None, **settings)
    path = tmp_path / "data/tiny/raw" / file
    if ending == "parquet":
        rows.assign(date=pd.to_datetime(rows.date)).to_parquet(path)
    else:
        rows.assign(amount="+15" if "odd" in ending else 15).to_csv(path, index=False)
    book = params.load(found)
    lines = staging.stage(engine.connect(book), book).tables["orders"]
    kept = engine.frame(lines.order_by("order_id"))
    assert kept[["quantity", "net_minor"]].values.tolist() == [[3, 1500], [-3, -1500]]
    orders = engine.frame(purchase_days.orders(lines, Period(2023, 4)).order_by("order_id"))
    assert orders["is_purchase"].tolist() == [False, False]
    rules = consistency.rules({"orders": lines}, lines.group_by("customer_id").agg(), Period(2023, 4))
    assert rules.set_index("rule").loc["sign_differs", "rows"] == 0


def test_amounts_from_price_and_quantity_and_order_ids_from_fields(tmp_path):
    orders = (
        "customer,date,price,pieces\nA,2023-11-01 09:00,1.005,1\nA,2023-11-01 17:00,2.50,-2\nB,2023-11-02 09:00,x,1\n"
    )
    columns = {"customer_id": "customer", "order_date": "date", "unit_price": "price", "quantity": "pieces"}
    settings = {"date_format": "%Y-%m-%d %H:%M", "order_id_from": ["customer_id", "order_date"]}
    file = books.write(tmp_path, orders)
    default = {**books.DEFAULT, "sources": {"orders": {"files": "orders.csv", "columns": columns, **settings}}}
    (file.parent / "default.yml").write_text(yaml.safe_dump(default))
    found = params.load(file)
    result = staging.stage(engine.connect(found), found)
    rows = engine.frame(result.tables["orders"].order_by("net_minor"))
    assert rows[["order_id", "net_minor", "quantity"]].values.tolist() == [
        ["A|2023-11-01", -500, -2],
        ["A|2023-11-01", 101, 1],
    ]
    assert engine.frame(result.quarantine)[["row", "field", "reason"]].values.tolist() == [
        [4, "unit_price", "not_a_number"]
    ]


def test_other_currencies_are_converted_before_they_are_rounded(tmp_path):
    orders = "order,customer,date,amount,cur\n1,A,2023-11-01,1.005,USD\n2,A,2023-11-02,5,\n3,A,2023-11-02,5,usd\n4,A,2023-11-02,5,?\n"
    changes = source(columns={**COLUMNS, "currency": "cur"}) | {"book": {"rates": {"USD": 7.1}}}
    result, _found = staged(tmp_path, orders, **changes)
    assert engine.frame(result.tables["orders"].order_by("order_id"))["net_minor"].tolist() == [714, 500, 3550]
    assert engine.frame(result.quarantine)[["row", "field", "reason"]].values.tolist() == [
        [5, "currency", "other_currency"]
    ]


def test_a_source_in_another_currency_needs_its_rate(tmp_path):
    assert refusal(tmp_path, **source(currency="USD")) == [
        "sources.orders.currency is USD, the book's is CNY; add book.rates.USD: what one USD is worth in CNY"
    ]


def test_row_numbers_are_those_of_the_file_whatever_stands_between(tmp_path):
    lines = [f"{n},A,2023-11-01,{n}" for n in range(2, 150_000)]
    lines[50] = "52,A,2023-11-01,5,6,7"
    lines[60] = ""
    for place in (10, 70, 140_000):
        lines[place] = f"{place + 2},A,2023-11-01,bad"
    rows, _said = set_aside(tmp_path, HEADER + "\n".join(lines) + "\n")
    assert rows["row"].tolist() == [12, 52, 72, 140_002]


def test_unreadable_optional_cells_are_counted_and_the_row_stays(tmp_path):
    orders = "order,customer,date,amount,pieces\n1,A,2023-11-01,5,x\n2,A,2023-11-01,5,\n3,A,2023-11-01,bad,2\n"
    result, _found = staged(tmp_path, orders, **source(columns={**COLUMNS, "quantity": "pieces"}))
    fields = result.fields.set_index("field")
    assert fields.loc["quantity", ["rows", "filled", "unreadable"]].tolist() == [3, 2, 1]
    assert fields.loc["net_amount", ["rows", "filled", "unreadable"]].tolist() == [3, 3, 1]
    assert fields.loc["customer_id", ["rows", "filled", "unreadable"]].tolist() == [3, 3, 0]
    assert len(engine.frame(result.tables["orders"])) == 2


def test_files_with_their_own_date_formats(tmp_path):
    changes = source(files="*.csv", date_format={"o*": "%Y-%m-%d", "*": "%d.%m.%Y"})
    file = books.write(tmp_path, books.ORDERS, **changes)
    (tmp_path / "data/tiny/raw/later.csv").write_text(HEADER + "7,C,05.12.2023,1\n8,C,2023-12-05,1\n")
    found = params.load(file)
    result = staging.stage(engine.connect(found), found)
    assert result.intake[["file", "rows", "accepted"]].values.tolist() == [["later.csv", 2, 1], ["orders.csv", 3, 3]]
    aside = engine.frame(result.quarantine).iloc[0]
    assert "later.csv row 3: date '2023-12-05' is no date in format '%d.%m.%Y'" in staging.sentence(aside, found)


def test_people_are_masked_but_for_matching_and_never_shown_in_the_quarantine(tmp_path, monkeypatch):
    monkeypatch.setenv("CRM_PSEUDONYM_KEY", "k" * 16)
    customers = {
        "files": "customers.csv",
        "columns": {"customer_id": "id", "contact_name": "name", "contact_phone": "phone"},
    }
    changes = {"sources": {"customers": customers}, "privacy": {"customer_ids": "pseudonym"}}
    file = books.write(tmp_path, **changes)
    (tmp_path / "data/tiny/raw/customers.csv").write_text(
        "id,name,phone\nA,Wang Fang,13800001111\nA,Li Na,13900002222\n,Zhao,1\n"
    )
    found = params.load(file)
    result = staging.stage(engine.connect(found), found)
    shown = engine.frame(result.tables["customers"]).iloc[0]
    assert shown["contact_name"] == "W***" and "13800001111" not in shown["contact_phone"]
    assert engine.frame(result.contacts)["contact_name"].tolist() == ["Wang Fang"]
    aside = engine.frame(result.quarantine.order_by("row"))
    assert aside["reason"].tolist() == ["conflict", "missing"]
    assert not aside.to_csv().count("Li Na") and aside["value"].iloc[0] == shown["customer_id"]


MESSY = {
    "order": ["1", " 2", "3\u200b", "", "a\x1fb", "x" * 200, "x" * 201, "客" * 200, "客" * 201, "C4", "A-5", "客户 7", "8 "],
    "customer": ["A", "a b", "\u00a0B", "", "NA", "_", "ü"],
    "date": ["2023-11-01", " 2023-11-01", "2023-11-1", "２０２３-11-01", "1900-01-01", "x", "", "2023/11/01"],
    "amount": ["5", "1.005", "-2.675", "1_000", "+-5", "¥5", "$5", "１２", "1e9", "1e16", "inf", "nan", "", " 7 ", "(3)", "0.5"],
    "pieces": ["1", "x", "", "1_0", "inf"],
    "sku": ["10001", "POST", "GIFT_1", "post", "zz", ""],
}  # fmt: skip


@pytest.mark.parametrize("returns", ["negative", "positive"])
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_the_short_way_gives_the_same_values(tmp_path, ending, returns):
    """Each cell in a row that is good otherwise: where the short way has no doubt, both agree on value, class and fault."""
    good = {"order": "1", "customer": "A", "date": "2023-11-01", "amount": "5", "pieces": "1", "sku": "10001"}
    rows = [{**good, column: cell} for column, cells in MESSY.items() for cell in cells]
    rules = {"cancellation_orders": ["C*"], "adjustment_products": ["POST", "GIFT_*"]}
    columns = {**COLUMNS, "quantity": "pieces", "product_id": "sku"}
    found = books.load(tmp_path, **source(classes=rules, columns=columns, returns=returns))
    form = typed.form(found, "orders")
    cells = {f: [row[column] or None for row in rows] for f, column in form.source.columns.items()}
    raw = engine.table(
        pd.DataFrame(cells, dtype="object").astype("string").assign(part=0, place=range(len(rows)), cells="")
    )
    layout = typed.Layout("%Y-%m-%d", ending)
    con = engine.connect(found)
    short = engine.scan(con, "short", plain.rows(form, raw, layout, some_are_merged=False))
    long = engine.scan(con, "long", faults.examined(form, typed.rows(form, raw, layout)))
    one, other = engine.frame(short), engine.frame(long).sort_values("place", ignore_index=True)
    clear = one["bad"] != faults.DOUBT
    names = [*typed.stored(form), "bad", "fingerprint"]
    pd.testing.assert_frame_equal(one.loc[clear, names], other.loc[clear, names], check_dtype=False)
    assert set(other.loc[~clear, "bad"]) <= {0, *range(1, len(faults.reasons(form)) + 1)}


def test_an_error_of_excel_in_a_text_is_no_text(tmp_path):
    file = books.write(tmp_path, None, **source(files="orders.xlsx", columns={**COLUMNS, "product_id": "sku"}))
    with xlsxwriter.Workbook(tmp_path / "data/tiny/raw/orders.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["order", "customer", "date", "amount", "sku"])
        sheet.write_row(1, 0, ["1", "A", "2023-11-01", 5, "#N/A"])
        sheet.write_row(2, 0, ["2", "#REF!", "2023-11-01", 5, "x"])
    found = params.load(file)
    result = staging.stage(engine.connect(found), found)
    assert engine.frame(result.tables["orders"])["product_id"].isna().tolist() == [True]
    fields = result.fields.set_index("field")
    assert fields.loc["product_id", ["rows", "filled", "unreadable"]].tolist() == [2, 2, 1]
    assert engine.frame(result.quarantine)[["row", "field", "reason"]].values.tolist() == [
        [3, "customer_id", "missing"]
    ]


def test_ids_that_are_numbers_in_one_file_and_text_in_another_are_text(tmp_path):
    """Of the files with numbers, one row is not plain (a blank at its end) and one stands twice."""
    file = books.write(tmp_path, None, **source(files="*.parquet", columns={**COLUMNS, "quantity": "pieces"}))
    dates = pa.array(pd.to_datetime(["2023-10-15", "2023-11-01", "2023-11-01"]))
    rows = {"order": ["1", "2 ", "2 "], "date": dates, "amount": [1.0, 2.0, 2.0]}
    raw = tmp_path / "data/tiny/raw"
    pq.write_table(pa.table({**rows, "customer": [7, 8, 8], "pieces": [1, 2, 2]}), raw / "a.parquet")
    pq.write_table(pa.table({**rows, "customer": ["7", "x", "y"], "pieces": [1.5, 2, 2]}), raw / "b.parquet")
    found = params.load(file)
    shown = engine.frame(staging.stage(engine.connect(found), found).tables["orders"])
    shown = shown.sort_values(["customer_id", "quantity"])
    assert shown[["order_id", "customer_id", "quantity"]].values.tolist() == [
        ["1", "7", 1.0], ["1", "7", 1.5], ["2", "8", 2.0], ["2", "x", 2.0], ["2", "y", 2.0],
    ]  # fmt: skip
    (raw / "b.parquet").unlink()
    alone = engine.frame(staging.stage(engine.connect(found), found).tables["orders"]).sort_values("customer_id")
    assert alone[["order_id", "customer_id", "quantity"]].values.tolist() == [["1", "7", 1.0], ["2", "8", 2.0]]
