"""Raw rows through the door: every row is accepted or set aside with a reason, and every refusal says what to do."""

import books
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.collect import purchase_days, quality
from crmlib.errors import InputError
from crmlib.io import engine, staging

HEADER = "order,customer,date,amount\n"


def staged(root, orders=books.ORDERS, **changes):
    found = books.load(root, orders, **changes)
    return staging.stage(engine.connect(found), found), found


def set_aside(root, orders, **changes):
    """Quarantined rows and their sentences."""
    result, found = staged(root, orders, **changes)
    rows = engine.frame(result.quarantine.order_by("row"))
    return rows, [staging.sentence(row, found) for row in rows.itertuples()]


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
         "orders.csv row 5: amount 'five' is no amount; write it as 1234.56 without currency sign or thousands separator"),
        ("9,A,2023-11-02,1e308", "net_amount", "not_a_number",
         "orders.csv row 5: amount '1e308' is no amount; write it as 1234.56 without currency sign or thousands separator"),
        ("9,A,2023-11-02,1e14", "net_amount", "not_a_number",
         "orders.csv row 5: amount '1e14' is no amount; write it as 1234.56 without currency sign or thousands separator"),
        ("9,A,2023-11-02,NaN", "net_amount", "not_a_number",
         "orders.csv row 5: amount 'NaN' is no amount; write it as 1234.56 without currency sign or thousands separator"),
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


def test_two_currencies_are_refused(tmp_path):
    orders = "order,customer,date,amount,cur\n1,A,2023-11-01,5,CNY\n2,A,2023-11-02,5,USD\n"
    assert refusal(tmp_path, orders, sources={"orders": {"columns": {"currency": "cur"}}}) == [
        "orders row 3: currency 'USD' (1 rows) is not the book's CNY; "
        "convert the amounts first or split the book, money in two currencies cannot be added"
    ]


def test_a_quarter_without_orders_is_refused(tmp_path):
    assert refusal(tmp_path, period="2024Q2") == [
        "2024Q2 has no order: orders run from 2023-10-15 to 2023-12-31; "
        "run a quarter within them or add its file to data/tiny/raw"
    ]


def test_a_line_with_too_many_cells_is_refused_with_its_line(tmp_path):
    said = refusal(tmp_path, books.ORDERS + "9,A,2023-11-02,5,extra\n")
    assert len(said) == 1 and "data/tiny/raw/orders.csv cannot be read" in said[0] and "5" in said[0]


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
    from crmlib import params

    binary = params.load(file)
    one = engine.frame(staging.stage(engine.connect(binary), binary).tables["orders"].order_by("order_id"))
    two = engine.frame(staged(tmp_path / "a")[0].tables["orders"].order_by("order_id"))
    pd.testing.assert_frame_equal(one, two)


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


def waterfall(root, orders, **changes) -> pd.DataFrame:
    result, found = staged(root, orders, **changes)
    days = purchase_days.build(purchase_days.orders(result.tables["orders"], found.period))
    return engine.frame(quality.waterfall(result.checked["orders"], days, found.period))


def test_the_waterfall_by_hand(tmp_path):
    """One row each: bad, after the quarter, its last day, the first day of the window, the last day before; a return."""
    days = ["x", "2024-01-01", "2023-12-31", "2023-01-01", "2022-12-31"]
    orders = HEADER + "".join(f"{n},C{n},{day},1\n" for n, day in enumerate(days)) + "9,C9,2023-11-11,-5\n"
    stages = waterfall(tmp_path, orders)
    assert stages[["stage", "field", "reason", "rows", "net_minor"]].values.tolist() == [
        ["raw", "", "", 6, 0],
        ["quarantined", "order_date", "not_a_date", 1, 100],
        ["accepted", "", "", 5, -100],
        ["later", "", "", 1, 100],
        ["seen", "", "", 4, -200],
        ["before_window", "", "", 1, 100],
        ["in_window", "", "", 3, -300],
        ["unscored", "", "", 1, -500],
        ["scored", "", "", 2, 200],
    ]


cells = st.tuples(
    st.sampled_from(["1", "2", ""]),
    st.sampled_from(["A", "B", " "]),
    st.sampled_from(["2023-10-15", "2023-12-31", "2024-01-01", "2022-01-01", "x", ""]),
    st.sampled_from(["10", "-3.5", "0", "abc", ""]),
)


@given(st.lists(cells, min_size=1, max_size=20))
@settings(max_examples=15, deadline=None)
def test_rows_and_money_reconcile(tmp_path_factory, rows):
    orders = HEADER + "0,A,2023-11-11,7\n" + "".join(",".join(row) + "\n" for row in rows)
    changes = {"quality": {"max_quarantined_share": 1}}
    stages = waterfall(tmp_path_factory.mktemp("book"), orders, **changes)
    total = stages.groupby("stage")[["rows", "net_minor", "unreadable"]].sum()
    sums = {
        "raw": ["quarantined", "accepted"],
        "accepted": ["later", "seen"],
        "seen": ["before_window", "in_window"],
        "in_window": ["unscored", "scored"],
    }
    total = total.reindex(["raw", *(part for parts in sums.values() for part in parts)], fill_value=0)
    for whole, parts in sums.items():
        assert total.loc[whole].tolist() == total.loc[parts].sum().tolist()
    assert total.loc["raw", "rows"] == len(rows) + 1
    readable = [float(row[3]) for row in [*rows, ("", "", "", "7")] if row[3] not in ("abc", "")]
    assert total.loc["raw", "net_minor"] == round(100 * sum(readable))
