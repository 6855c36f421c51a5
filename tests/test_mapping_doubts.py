"""What the rows of a sample say against names of columns: `crm map` proposes what they are, and says why."""

import sqlite3

import pytest
import yaml

from crmlib.errors import InputError
from crmlib.io import mapping


def proposed(file, **options) -> tuple[str, dict]:
    text = mapping.propose(str(file), options.get("table"), options.get("sheet"), options.get("source"))
    return text, yaml.safe_load(text)


def written(folder, header: str, rows: list[str], name: str = "export.csv"):
    (folder / name).write_text("\n".join([header, *rows, ""]))
    return folder / name


def test_the_id_of_an_order_is_no_number_of_pieces(tmp_path):
    """The columns of a shop on Magento: the order's number is the increment id, and the total stands on each line."""
    rows = [
        f"{1000 + n},complete,{1 + n // 2 % 12}/{1 + n // 2 % 28}/2017,sku{n % 9},{100 + n % 9 * 7},{1 + n % 3},"
        f"{(n // 2) * 10 + 250},{5000 + n // 2},2016-{1 + n % 7},{1 + n // 2 % 50}.0"
        for n in range(800)
    ]
    head = "item_id,status,created_at,sku,price,qty_ordered,grand_total,increment_id,Customer Since,Customer ID"
    text, told = proposed(written(tmp_path, head, rows))
    assert {f: told["orders"]["columns"].get(f) for f in ("order_id", "customer_id", "quantity", "unit_price", "net_amount")} == {
        "order_id": "increment_id", "customer_id": "Customer ID", "quantity": "qty_ordered", "unit_price": "price", "net_amount": None}  # fmt: skip
    assert (
        "grand_total is the same on all lines of an order: it may be the order's total, so the amount is price x"
        in text
    )


@pytest.mark.parametrize(("is_total", "field"), [(True, "net_amount"), (False, "unit_price")])
def test_a_price_that_grows_with_the_pieces_is_the_line_s_total(tmp_path, is_total, field):
    rows = [
        f"i{n},c{n % 200},{1 + n % 12}/{1 + n % 28}/2021,p{n % 8},{1 + n // 8 % 5},{(10.5 + n % 8) * (1 + n // 8 % 5 if is_total else 1)}"
        for n in range(600)
    ]
    text, told = proposed(
        written(tmp_path, "invoice_no,customer_id,invoice_date,product_id,quantity,price", rows), source="orders"
    )
    assert told["orders"]["columns"][field] == "price"
    assert ("price grows with quantity within a product: a line's total, no price" in text) == is_total


def test_half_of_the_rows_without_a_customer_are_said_to_be_set_aside(tmp_path):
    rows = [
        f"{10**18 + n},2020-04-{1 + n % 28:02d} 11:50:39 UTC,{n % 7 + 1}.5,{'' if n % 2 else 77 + n % 40}"
        for n in range(300)
    ]
    text, told = proposed(written(tmp_path, "order_id,event_time,price,user_id", rows), source="orders")
    assert "# user_id is empty in 50% of the rows: sales to unknown customers are set aside" in text
    assert (told["orders"]["date_format"], told["orders"]["time_zone"]) == ("%Y-%m-%d %H:%M:%S UTC", "UTC")


@pytest.mark.parametrize(
    ("line_id", "said"),
    [(True, "duplicates: keep  # line is another one in each row"), (False, "100 of 300 rows equal another")],
)
def test_equal_rows_are_pieces_where_lines_have_numbers(tmp_path, line_id, said):
    rows = [
        f"{n if line_id else ''},{n // 3},c{n % 30 // 3},2020-04-{1 + n // 3 % 28:02d},{[1.5, 1.5, 2.5][n % 3]}"
        for n in range(300)
    ]
    text, _told = proposed(written(tmp_path, "line,order_id,customer_id,order_date,amount", rows), source="orders")
    assert said in text


def test_a_discount_beside_price_and_pieces_is_named(tmp_path):
    rows = [
        f"{n // 2},c{n % 30},2020-04-{1 + n % 28:02d},p{n % 9},{10 + n % 9}.5,{n % 4 + 1},0.0{n % 5}"
        for n in range(300)
    ]
    text, _told = proposed(
        written(tmp_path, "OrderID,CustomerID,OrderDate,ProductID,UnitPrice,Quantity,Discount", rows), source="orders"
    )
    assert "# the amount is UnitPrice x quantity, without Discount: a `query` can take it off" in text


def test_freight_is_no_amount_and_a_name_with_other_values_is_named(tmp_path):
    rows = [f"{n},c{n % 30},{n * 7 % 100},{n % 50}.25" for n in range(300)] + [",,,"] * 200
    text, told = proposed(written(tmp_path, "OrderID,CustomerID,OrderDate,Freight", rows), source="orders")
    assert "net_amount" not in told["orders"]["columns"]
    assert (
        "# order_date: ?  # required, and no column looks like it; OrderDate has its name; its values are number"
        in text
    )


def test_words_are_a_better_category_than_numbers(tmp_path):
    rows = [
        f"{n},c{n % 30},2020-04-{1 + n % 28:02d},p{n % 9},{10**18 + n % 9},{'abc'[n % 9 % 3]}.x,9.5" for n in range(300)
    ]
    _text, told = proposed(
        written(tmp_path, "order_id,user_id,event_time,product_id,category_id,category_code,price", rows)
    )
    assert told["products"]["columns"]["category"] == "category_code"


def test_a_database_file_is_said_to_be_one_and_its_url_is_that_of_the_settings(tmp_path, monkeypatch):
    raw = tmp_path / "data/shop/raw"
    raw.mkdir(parents=True)
    with sqlite3.connect(raw / "shop.db") as base:
        heads = "1 AS order_id, 'A' AS customer_id, '2024-01-02' AS order_date"
        base.execute(f"CREATE TABLE heads AS SELECT {heads}, 'B' AS region")
        base.execute(f"CREATE TABLE lines AS SELECT {heads}, 2.5 AS amount")
    base.close()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no CSV but a SQLite database"):
        mapping.propose("data/shop/raw/shop.db", None, None, None)
    _text, told = proposed("sqlite:///data/shop/raw/shop.db", table="lines")
    assert told["orders"]["url"] == "sqlite:///shop.db"
    text, told = proposed("sqlite:///data/shop/raw/shop.db", table="heads")
    assert next(iter(told)) == "orders"
    assert "# where another table has that by order_id: a `query` that joins them, instead of `table`" in text


@pytest.mark.parametrize(
    ("column", "is_amount"),
    [("Freight", False), ("SalesTax", False), ("TaxAmount", False), ("shipping_costs", False), ("运费", False), ("LATITUDE", False),
     ("multiple", True), ("SalesExclTax", True), ("不含税金额", True), ("discounts", False), ("total_after_discount", True), ("CoffeeSales2", True), ("Salon", True), ("private_value", True)],
)  # fmt: skip
def test_a_number_beside_the_amount_is_told_by_whole_words(tmp_path, column, is_amount):
    rows = [f"{n},c{n % 30},2020-04-{1 + n % 28:02d},{n % 50}.25" for n in range(300)]
    _text, told = proposed(written(tmp_path, f"OrderID,CustomerID,OrderDate,{column}", rows), source="orders")
    assert told["orders"]["columns"].get("net_amount") == (column if is_amount else None)
