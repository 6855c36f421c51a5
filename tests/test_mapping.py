"""`crm map`: the mapping proposed for real kinds of exports is right, says what it cannot know, and gives nobody away."""

import sqlite3
from pathlib import Path

import books
import pandas as pd
import pyarrow.parquet as pq
import pytest
import xlsxwriter
import yaml

from crmlib import cli, params
from crmlib.errors import InputError
from crmlib.io import mapping, profiles, staging, synonyms
from crmlib.io.sources import FIELDS


def proposed(file: Path, **options) -> tuple[str, dict, str]:
    """The main source's name, its settings, and the text."""
    text = mapping.propose(str(file), options.get("table"), options.get("sheet"), options.get("source"))
    name, settings = next(iter(yaml.safe_load(text).items()))
    return name, settings, text


def write(folder: Path, header: str, row, rows: int = 40, encoding: str = "utf-8", delimiter: str = ",") -> Path:
    lines = [header, *(row(n) for n in range(1, rows + 1))]
    file = folder / "export.csv"
    file.write_bytes("".join(line + "\n" for line in lines).replace(",", delimiter).encode(encoding))
    return file


def test_the_online_retail_lines(tmp_path, acceptance_data):
    """The proposal is right, loads as params, and its source passes the check."""
    head = pq.ParquetFile(acceptance_data / "online_retail_lines.parquet")
    sample = next(head.iter_batches(3000))
    file = books.write(tmp_path, None).parents[2] / "data/tiny/raw/online_retail_lines.parquet"
    with pq.ParquetWriter(file, sample.schema) as writer:
        writer.write_batch(sample)
    name, settings, text = proposed(file)
    assert name == "orders"
    assert settings == {
        "files": "online_retail_lines.parquet",
        "columns": {"order_id": "InvoiceNo", "customer_id": "CustomerID", "order_date": "InvoiceDate", "product_id": "StockCode",
                    "product_name": "Description", "quantity": "Quantity", "unit_price": "UnitPrice"},
    }  # fmt: skip
    assert "#   Country: text, 100% filled" in text and "like customers.region" in text
    (tmp_path / "params/tiny/default.yml").write_text(
        yaml.safe_dump({**books.DEFAULT, "sources": {"orders": settings}})
    )
    (tmp_path / "params/tiny/2010Q4.yml").write_text(yaml.safe_dump({"book": {"currency": "GBP"}}))
    assert staging.check(params.load(tmp_path / "params/tiny/2010Q4.yml")) == []


SPACED = " customer_id  date number_of_cds  dollar_value\r\n"


def spaced(n: int) -> str:
    return f" {n // 3:05d} 1997{n % 12 + 1:02d}{n % 28 + 1:02d} {n % 4 + 1:2d} {n + 0.5:7.2f}\r\n"


def test_columns_in_line_and_a_log_without_order_ids(tmp_path):
    """An amount is the only column with decimals, a day may be a whole number, and a customer and a day are no survey."""
    file = tmp_path / "log.txt"
    file.write_text(SPACED + "".join(map(spaced, range(40))), newline="")
    name, settings, text = proposed(file)
    assert name == "orders"
    assert settings == {
        "files": "log.txt", "encoding": "utf-8", "delimiter": "spaces", "date_format": "%Y%m%d",
        "order_id_from": ["customer_id", "order_date"],
        "columns": {"customer_id": "customer_id", "order_date": "date", "net_amount": "dollar_value"},
    }  # fmt: skip
    assert "#   number_of_cds: number, 100% filled" in text


def test_orders_in_two_files(tmp_path):
    """Heads of orders without amounts, and lines without customers: the other part stands in a second file."""
    file = write(
        tmp_path,
        "order_id,customer_id,order_status,order_date",
        lambda n: f"o{n},c{n % 9},{'canceled' if n % 7 else 'ok'},2024-01-05",
    )
    name, settings, text = proposed(file)
    assert (name, settings["classes"]["kinds"]) == ("orders", {"canceled": "adjustment", "ok": "sale"})
    assert "# net_amount: ?  # required" in text and "`url: duckdb://` and a `query` that joins them" in text
    file = write(tmp_path, "order_id,product_id,price", lambda n: f"o{n // 2},p{n % 9},{n}.5")
    assert "`url: duckdb://`" in proposed(file)[2]
    file = write(tmp_path, "order_id,customer_id,order_date,price", lambda n: f"o{n},c{n % 9},2024-01-05,{n}.5")
    assert "`url: duckdb://`" not in proposed(file)[2]


def test_pieces_called_amount_and_days_counted_from_a_start(tmp_path):
    """As two published logs of supermarkets have them."""
    header = "CUSTOMER_ID,TRANSACTION_DT,PRODUCT_ID,AMOUNT,SALES_PRICE"
    file = write(tmp_path, header, lambda n: f"0{n},2000-11-{n % 28 + 1:02d},{n},{n % 3 + 1},{n * 7}")
    assert proposed(file)[1]["columns"]["quantity"] == "AMOUNT"
    file = write(tmp_path, header, lambda n: f"0{n},2000-11-{n % 28 + 1:02d},{n},{n * 7},{n % 3 + 1}")
    assert proposed(file)[1]["columns"]["net_amount"] == "AMOUNT"  # of more values than the price: money
    file = write(
        tmp_path, "household_key,BASKET_ID,DAY,SALES_VALUE", lambda n: f"{n % 9},{n + 900},{n * 3},{n / 7:.2f}"
    )
    text = proposed(file)[2]
    assert "order_date: ?" in text and "DAY may count days from a start" in text and """+ "DAY"::INT`""" in text
    file = write(tmp_path, "household_key,BASKET_ID,date,DAY,SALES_VALUE",
                 lambda n: f"{n % 9},{n + 900},2023-01-{n % 28 + 1:02d},{n},{n / 7:.2f}")  # fmt: skip
    assert "may count days" not in proposed(file)[2]


def test_a_file_without_a_header(tmp_path):
    file = tmp_path / "log.txt"
    file.write_text("".join(map(spaced, range(40))), newline="")
    name, settings, text = proposed(file)
    assert name == "orders"
    assert (settings["header_row"], settings["columns"]) == (0, {"order_date": "column2", "net_amount": "column4"})
    assert "# the first row holds values, no names: columns are called by their place" in text
    assert "# customer_id: ?  # required" in text and "#   column1: number" in text
    books.write(tmp_path, None)
    write(tmp_path, "2024-01-05,7,12.50", lambda n: f"2024-01-{n % 28 + 1:02d},{n},1.50")
    assert proposed(tmp_path / "export.csv")[1]["columns"] == {"order_date": "column1", "net_amount": "column3"}


@pytest.mark.parametrize("kind", ["int64", "float64"])
def test_days_stored_as_whole_numbers(tmp_path, kind):
    frame = pd.DataFrame({"client": range(40), "day": [20240101 + n % 28 for n in range(40)], "number": range(40)})
    frame.astype({"day": kind}).assign(paid=frame.index + 0.25).to_parquet(tmp_path / "log.parquet")
    name, settings, _text = proposed(tmp_path / "log.parquet")
    assert (name, settings["date_format"]) == ("orders", "%Y%m%d")
    assert settings["columns"] == {"customer_id": "client", "order_date": "day", "net_amount": "paid"}


def test_taobao_in_gb18030(tmp_path):
    file = write(
        tmp_path, "订单编号,买家会员名,订单付款时间,买家实际支付金额,宝贝总数量,收货人姓名,联系手机,宝贝标题",
        lambda n: f"T{n},昵称{n % 7},2024/01/{n % 28 + 1:02d} 10:20:30,{n}.50,{n % 3 + 1},张三{n},138001380{n:02d},杯子{n}",
        encoding="gb18030",
    )  # fmt: skip
    name, settings, text = proposed(file)
    assert (name, settings["encoding"], settings["date_format"]) == ("orders", "gb18030", "%Y/%m/%d %H:%M:%S")
    assert settings["columns"] == {
        "order_id": "订单编号", "customer_id": "买家会员名", "order_date": "订单付款时间", "net_amount": "买家实际支付金额",
        "product_name": "宝贝标题", "quantity": "宝贝总数量"}  # fmt: skip
    assert "like customers.contact_phone" in text and not any(secret in text for secret in ("昵称", "张三", "13800"))


def test_shopify(tmp_path):
    file = write(
        tmp_path, "Name,Email,Paid at,Currency,Total,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Phone,Created at",
        lambda n: f"#{1000 + n},ann{n}@shop.com,,USD,{n}.20,2,Mug {n},5.00,SKU-{n},,2024-01-{n % 28 + 1:02d} 09:00:00 +0800",
    )  # fmt: skip
    _name, settings, text = proposed(file)
    assert settings["columns"] == {
        "order_id": "Name", "customer_id": "Email", "order_date": "Created at", "net_amount": "Total", "product_id": "Lineitem sku",
        "product_name": "Lineitem name", "quantity": "Lineitem quantity", "unit_price": "Lineitem price", "currency": "Currency"}  # fmt: skip
    assert settings["date_format"] == "%Y-%m-%d %H:%M:%S %z"
    assert "#   Phone: empty, 0% filled" in text and "ann" not in text


def test_kingdee_below_a_title(tmp_path):
    file = write(
        tmp_path, "销售出库明细表\n\n单据编号,日期,购货单位编码,购货单位,物料编码,物料名称,数量,含税单价,价税合计(元),业务员",
        lambda n: f"XOUT{n:05d},2024-01-{n % 28 + 1:02d},{n % 9:03d},某某公司{n % 9},W{n},电机,{n},1.5,{n * 1.5},李四",
    )  # fmt: skip
    _name, settings, text = proposed(file)
    assert settings["header_row"] == 3
    assert settings["columns"] == {
        "order_id": "单据编号", "customer_id": "购货单位编码", "order_date": "日期", "net_amount": "价税合计(元)",
        "product_id": "物料编码", "product_name": "物料名称", "quantity": "数量", "unit_price": "含税单价"}  # fmt: skip
    assert "李四" not in text and "某某" not in text


def test_sap_with_semicolons_and_decimal_commas(tmp_path):
    file = write(
        tmp_path, "VBELN;KUNNR;FKDAT;MATNR;FKIMG;NETWR;WAERK",
        lambda n: f"00{n};10{n % 5};{n % 28 + 1:02d}.03.2024;M{n};{n};1.{n:03d},50;EUR",
    )  # fmt: skip
    _name, settings, _text = proposed(file)
    assert (settings["delimiter"], settings["decimal"], settings["date_format"]) == (";", ",", "%d.%m.%Y")
    assert list(settings["columns"].values()) == ["VBELN", "KUNNR", "FKDAT", "NETWR", "MATNR", "FKIMG", "WAERK"]


def test_customers(tmp_path):
    file = write(
        tmp_path, "客户编码,客户名称,行业,联系人,手机,邮箱,省份,成立日期,备注",
        lambda n: f"K{n},公司{n},制造,王五{n},1390000{n:04d},w{n}@corp.cn,广东,2001-02-{n % 28 + 1:02d},打13800138000找他",
    )  # fmt: skip
    name, settings, text = proposed(file)
    assert name == "customers"
    assert settings["columns"] == {
        "customer_id": "客户编码", "customer_name": "客户名称", "customer_type": "行业", "founded_date": "成立日期",
        "region": "省份", "contact_name": "联系人", "contact_phone": "手机", "contact_mail": "邮箱", "note": "备注"}  # fmt: skip
    assert not any(secret in text for secret in ("公司1", "王五", "1390000", "corp", "13800138000"))


def test_day_and_month_are_asked_for_not_guessed(tmp_path):
    file = write(tmp_path, "order no,client,when,total", lambda n: f"{n},c{n},{n % 12 + 1:02d}/{n % 12 + 1:02d}/2024,5")
    _name, settings, text = proposed(file, source="orders")
    assert "date_format" not in settings
    assert "# order_date: day and month cannot be told apart in the sample; ask, and keep one of these lines" in text
    assert '# date_format: "%d/%m/%Y"' in text and '# date_format: "%m/%d/%Y"' in text


@pytest.mark.parametrize(
    ("texts", "formats"),
    [
        (["13/01/2024", "01/02/2024"], ("%d/%m/%Y",)),
        (["01/13/2024", "01/02/2024"], ("%m/%d/%Y",)),
        (["20240131", "20240201"], ("%Y%m%d",)),
        (["2024年1月31日", "2024年02月01日"], ("%Y年%m月%d日",)),
        (["2024-01-31T10:00:00Z"], ("%Y-%m-%dT%H:%M:%SZ",)),
        (["31-Jan-2024"], ("%d-%b-%Y",)),
        (["12345678", "87654321"], ()),
        (["2024-01-31", "n/a", "x"], ()),
    ],
)
def test_date_formats(texts, formats):
    assert profiles.profile("d", texts).formats == formats


def test_lines_without_order_ids_are_orders_of_customer_and_day(tmp_path):
    """A plain log of purchases is no survey, though it has a customer and a day."""
    file = write(
        tmp_path, "customer_id,date,quantity,price", lambda n: f"{n % 9:05d},199701{n % 28 + 1:02d},{n % 3 + 1},11.77"
    )
    name, settings, _text = proposed(file)
    assert (name, settings["order_id_from"]) == ("orders", ["customer_id", "order_date"])
    assert settings["columns"] == {
        "customer_id": "customer_id", "order_date": "date", "quantity": "quantity", "unit_price": "price"}  # fmt: skip


def test_a_price_without_a_quantity_is_the_amount_and_kinds_are_spelt_out(tmp_path):
    kinds = ("delivered", "canceled", "refunded")
    file = write(tmp_path, "order_id,customer_unique_id,order_status,order_purchase_timestamp,price,freight_value",
                 lambda n: f"o{n},c{n % 9},{kinds[n % 3]},2017-10-{n % 28 + 1:02d} 10:56:33,{n}.9,8.72")  # fmt: skip
    _name, settings, text = proposed(file)
    assert settings["columns"] == {
        "order_id": "order_id", "customer_id": "customer_unique_id", "order_date": "order_purchase_timestamp",
        "net_amount": "price", "row_kind": "order_status"}  # fmt: skip
    assert settings["classes"]["kinds"] == {"canceled": "adjustment", "delivered": "sale", "refunded": "return"}
    assert "refunded: return  # amounts without a minus" in text
    undone = write(tmp_path, "order_id,customer_id,status,date,amount",
                   lambda n: f"o{n},c{n % 9},{'cancelled' if n % 3 else 'paid'},2017-10-{n % 28 + 1:02d},{'-' if n % 3 else ''}5")  # fmt: skip
    assert proposed(undone)[1]["classes"]["kinds"] == {"cancelled": "cancellation", "paid": "sale"}
    many = write(
        tmp_path, "order_id,customer_id,status,date,amount", lambda n: f"o{n},c,word {n},2017-10-{n % 28 + 1:02d},5"
    )
    assert "row_kind" not in proposed(many)[1]["columns"]


HEADS = "Order ID,Order Date,Customer ID,Customer Name,Segment,City,Product ID,Category,Product Name,Sales,Quantity"


def superstore(folder: Path, cells: str = "P{p},Cat {c},Thing {p}", head: str = HEADS, rows: int = 200) -> Path:
    def row(n: int) -> str:
        what = cells.format(p=n % 12, c=n % 3)
        return f"O{n},11/{n % 28 + 1}/2016,K{n % 20},Ann B{n % 20},Consumer,Town {n},{what},{n}.5,{n % 3 + 1}"

    return write(folder, head, row, rows)


def test_what_lines_say_of_products_and_customers_is_proposed_beside_them(tmp_path):
    """Only what is the same in all lines of a product or customer: the town is each order's own."""
    text = mapping.propose(str(superstore(tmp_path)), None, None, None)
    told = yaml.safe_load(text)
    assert list(told) == ["orders", "products", "customers"]
    assert told["orders"]["columns"]["net_amount"] == "Sales"
    assert told["products"] == {
        "files": "export.csv", "encoding": "utf-8", "delimiter": ",", "duplicates": "collapse",
        "columns": {"product_id": "Product ID", "category": "Category", "product_name": "Product Name"}}  # fmt: skip
    assert told["customers"]["columns"] == {
        "customer_id": "Customer ID", "customer_name": "Customer Name", "customer_type": "Segment"}  # fmt: skip
    assert "Ann" not in text and "#   City:" in text


def test_a_category_stands_for_products_where_lines_name_none(tmp_path):
    told = yaml.safe_load(
        mapping.propose(str(superstore(tmp_path, "Cat {c}", HEADS.replace("Product ID,", "").replace("Product Name,", ""))),
                        None, None, None))  # fmt: skip
    assert told["orders"]["columns"]["product_id"] == "Category"
    assert told["products"]["columns"] == {"product_id": "Category", "category": "Category"}


@pytest.mark.parametrize("head", ["Währung", "Devise", "Moneda", "Moeda", "Valuta", "结算币种", "Cur."])
def test_a_currency_is_known_by_name_or_by_its_codes(tmp_path, head):
    file = write(tmp_path, f"Belegnummer,Kundennr.,Belegdatum,Nettobetrag,{head}",
                 lambda n: f"B{n},K{n % 9},{n % 28 + 1:02d}.10.2022,{n}.50,{'EUR' if n % 5 else 'CHF'}")  # fmt: skip
    assert proposed(file)[1]["columns"]["currency"] == head


def test_a_product_s_name_stands_for_it_and_what_is_given_away_is_free(tmp_path):
    """One line in a hundred names no member: that keeps no member from being told by the lines."""
    words = ("已完成", "已取消", "赠品")
    file = write(
        tmp_path, "订单号,会员编号,姓名,手机号,地区,下单日期,商品名称,类别,实付金额,订单状态",
        lambda n: (f"T{n},{'' if n % 100 == 7 else f'M{n % 30}'},王{n % 30},139000000{n % 30:02d},北京市,2023-10-{n % 28 + 1:02d},"
                   f"茶{n % 12},类{n % 3},{n}.50,{words[n % 3]}"),
        rows=300,
    )  # fmt: skip
    told = yaml.safe_load(mapping.propose(str(file), None, None, None))
    assert told["orders"]["columns"]["product_id"] == "商品名称" and "product_name" not in told["orders"]["columns"]
    assert told["orders"]["classes"]["kinds"] == {"已完成": "sale", "已取消": "adjustment", "赠品": "free"}
    assert told["products"]["columns"] == {"product_id": "商品名称", "category": "类别"}
    assert told["customers"]["columns"] == {
        "customer_id": "会员编号", "customer_name": "姓名", "region": "地区", "contact_phone": "手机号"}  # fmt: skip


def test_an_id_of_the_customer_tells_better_than_a_mail_address(tmp_path):
    file = write(tmp_path, "Email,Donor ID,Payment Date,Amount",
                 lambda n: f"d{n % 11}@a.example,DON{n % 11},2021-01-{n % 28 + 1:02d},{n}.5")  # fmt: skip
    told = yaml.safe_load(mapping.propose(str(file), None, None, None))
    assert told["orders"]["columns"]["customer_id"] == "Donor ID"
    assert told["customers"]["columns"] == {"customer_id": "Donor ID", "contact_mail": "Email"}


def test_an_id_that_is_another_one_in_each_order_is_no_customer_s(tmp_path):
    def row(n):
        return f"o{n},c{n},u{n % 30},2017-10-{n % 28 + 1:02d},{n}.9"

    both = proposed(write(tmp_path, "order_id,customer_id,customer_unique_id,order_date,price", row))
    assert both[1]["columns"]["customer_id"] == "customer_unique_id" and "another one in each order" not in both[2]
    alone = proposed(write(tmp_path, "order_id,customer_id,till,order_date,price", row))
    assert alone[1]["columns"]["customer_id"] == "customer_id" and "another one in each order" in alone[2]


def test_the_proposal_passes_the_check_as_it_is(tmp_path):
    """What is pasted unchanged is accepted: rows that repeat a product or a customer are one row."""
    file = superstore(tmp_path)
    book = books.write(tmp_path, None).parents[2]
    (book / "data/tiny/raw/export.csv").write_bytes(file.read_bytes())
    sources = yaml.safe_load(mapping.propose(str(file), None, None, None))
    (book / "params/tiny/default.yml").write_text(yaml.safe_dump({**books.DEFAULT, "sources": sources}))
    (book / "params/tiny/2016Q4.yml").write_text("{}")
    assert staging.check(params.load(book / "params/tiny/2016Q4.yml")) == []


def test_what_is_required_and_not_there_is_asked_for(tmp_path):
    _name, settings, text = proposed(write(tmp_path, "sku,colour", lambda n: f"S{n},red"), source="orders")
    assert settings["columns"] == {"product_id": "sku"}
    assert text.count("?  # required, and no column looks like it") == 4


def test_a_large_file_is_sampled_further_on_too(tmp_path):
    file = write(
        tmp_path,
        "order_id,customer_id,order_date,amount,row_type",
        lambda n: f"{n},c{n},2024-01-31,5,{'x' * 30}{n // 50_000}",
        130_000,
    )
    *_rest, text = proposed(file)
    assert text.splitlines()[0] == (
        "# Proposed by crm map from the first 4,999 rows and 2,000 further on. Check it, then paste it under `sources:`.")  # fmt: skip
    assert "3 distinct" in text


def test_workbook_and_database(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with xlsxwriter.Workbook("orders.xlsx") as book:
        for y, row in enumerate(
            [["Sales"], ["Order No", "Customer", "Order Date", "Amount"], ["a", "b", "2024-01-31", 5]]
        ):
            book.get_worksheet_by_name("S") or book.add_worksheet("S")
            book.get_worksheet_by_name("S").write_row(y, 0, row)
    _name, settings, _text = proposed(Path("orders.xlsx"))
    assert (settings["sheet"], settings["header_row"], settings["columns"]["order_id"]) == ("S", 2, "Order No")
    with sqlite3.connect("shop.db") as con:
        con.execute(
            "CREATE TABLE orders AS SELECT 1 AS order_no, 'b' AS customer, '2024-01-31' AS order_date, 5.5 AS amount"
        )
    con.close()
    assert cli.main(["map", "sqlite:///shop.db", "--table", "orders"]) == cli.DONE
    told = yaml.safe_load(capsys.readouterr().out)["orders"]
    assert (told["url"], told["table"], told["columns"]["order_id"]) == ("sqlite:///shop.db", "orders", "order_no")
    assert cli.main(["map", "sqlite:///shop.db"]) == cli.WRONG_INPUT
    assert "a database URL needs --table" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("none.csv", None, "none.csv does not exist"),
        ("e.csv", b"", "e.csv is empty"),
        ("h.csv", b"a,b\n", "has no rows to look at"),
    ],
)
def test_nothing_to_look_at(tmp_path, name, data, says):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=says):
        proposed(tmp_path / name)


def test_an_unknown_source_is_named(tmp_path):
    with pytest.raises(InputError, match="'order' is no source; choose one of orders, customers"):
        mapping.propose("x.csv", None, None, "order")


def test_hostile_column_names_stay_yaml(tmp_path):
    file = write(tmp_path, '"order_id: x #",customer_id,yes,"a\n- b"', lambda n: f"{n},c,2024-01-31,5.5")
    _name, settings, _text = proposed(file, source="orders")
    assert settings["columns"]["order_id"] == "order_id: x #"


def test_every_field_has_names():
    fields = {field for found in FIELDS.values() for field in found}
    assert fields == set(synonyms.names())
    assert [f for f in fields if synonyms.likeness(f, f.replace("_", " ").title()) < 100] == []
