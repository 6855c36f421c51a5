"""Purchases by hand: what counts as one, what a return takes away, and where every row and cent went."""

import random
from datetime import date

import books
import ibis
import pandas as pd
import pyarrow as pa
import pytest

from crmlib.collect import purchase_days, quality, waterfall
from crmlib.io import engine
from crmlib.params import Book
from crmlib.periods import Period
from crmlib.views import narrative_collect

PERIOD = Period(2023, 4)


def lines(rows: list[tuple[str, str, date, int, str]]) -> ibis.Table:
    names = ["customer_id", "order_id", "order_date", "net_minor", "product_id"]
    types = [pa.string(), pa.string(), pa.date32(), pa.int64(), pa.string()]
    return ibis.memtable(
        pa.table([pa.array(c, t) for c, t in zip(zip(*rows, strict=True), types, strict=True)], names=names)
    )


BOUGHT = lines(
    [
        ("A", "1", date(2023, 9, 30), 500, "p1"),
        ("A", "2", date(2023, 10, 1), 300, "p2"),
        ("A", "2", date(2023, 10, 1), -100, "p2"),
        ("B", "3", date(2023, 10, 2), -50, "p9"),
        ("A", "4", date(2024, 1, 1), 900, "p1"),
    ]
)


def test_days_hold_sales_and_returns_apart():
    days = engine.frame(purchase_days.build(purchase_days.orders(BOUGHT, PERIOD)).order_by("customer_id", "order_date"))
    assert days[["customer_id", "orders", "net_minor", "gross_minor", "returned_minor"]].values.tolist() == [
        ["A", 1, 500, 500, 0],
        ["A", 1, 200, 300, 100],
        ["B", 0, -50, 0, 50],
    ]


def test_an_order_over_midnight_is_one_order_on_its_first_day():
    over = lines([("A", "1", date(2023, 11, 2), 300, "p1"), ("A", "1", date(2023, 11, 1), 200, "p2")])
    days = engine.frame(purchase_days.build(purchase_days.orders(over, PERIOD)))
    assert days[["orders", "net_minor"]].values.tolist() == [[1, 500]] and days["order_date"].iloc[0].day == 1


def test_categories_by_quarter_add_up_and_unknown_products_stay():
    products = ibis.memtable(pa.table({"product_id": ["p1", "p2"], "category": ["tea", None]}))
    sales = engine.frame(purchase_days.categories(BOUGHT, products, PERIOD).order_by("customer_id", "period"))
    assert sales[["customer_id", "category", "period", "net_minor"]].values.tolist() == [
        ["A", "tea", "2023Q3", 500],
        ["A", "unknown", "2023Q4", 200],
        ["B", "unknown", "2023Q4", -50],
    ]
    everything = engine.frame(purchase_days.categories(BOUGHT, None, PERIOD))
    assert set(everything["category"]) == {"unknown"} and everything["net_minor"].sum() == 650


def test_history_counts_the_months_of_data_in_the_window():
    days = purchase_days.build(purchase_days.orders(BOUGHT, PERIOD))
    row = quality.history(days, PERIOD).iloc[0]
    assert (row.first_order_date.date(), row.last_order_date.date()) == (date(2023, 9, 30), date(2023, 10, 2))
    assert row.window_months == 3


def day(n: int) -> date:
    return date(2023, 11, n)


def classed(rows: list[tuple]) -> ibis.Table:
    """Rows of customer, order, day in November, cents, product, pieces, class, original order."""
    names = [
        "customer_id",
        "order_id",
        "order_date",
        "net_minor",
        "product_id",
        "quantity",
        "row_class",
        "original_order_id",
    ]
    types = [pa.string(), pa.string(), pa.date32(), pa.int64(), pa.string(), pa.float64(), pa.string(), pa.string()]
    wide = [(c, o, day(d), *rest) for c, o, d, *rest in rows]
    columns = list(zip(*wide, strict=True)) if wide else [[] for _name in names]
    return ibis.memtable(pa.table([pa.array(c, t) for c, t in zip(columns, types, strict=True)], names=names))


def purchases(rows: list[tuple]) -> list[str]:
    """The orders that count as purchases."""
    found = engine.frame(purchase_days.orders(classed(rows), PERIOD))
    return sorted(found.loc[found["is_purchase"], "order_id"])


A1 = ("A", "1", 1, 500, "tea", 5.0, "sale", None)
A2 = ("A", "2", 3, 500, "tea", 5.0, "sale", None)


@pytest.mark.parametrize(
    ("back", "left"),
    [
        (("A", "C9", 4, -500, "tea", -5.0, "cancellation", None), ["1"]),  # the latest earlier sale is undone
        (("A", "C9", 2, -500, "tea", -5.0, "cancellation", None), ["2"]),  # the other one was not sold yet
        (("A", "C9", 3, -500, "tea", -5.0, "cancellation", None), ["1"]),  # on the same day
        (("A", "C9", 4, -500, "tea", -5.0, "return", "1"), ["2"]),  # it names its order
        (("A", "C9", 4, -200, "tea", -2.0, "return", "1"), ["1", "2"]),  # a part of it
        (("A", "C9", 4, -200, "tea", -2.0, "return", None), ["1", "2"]),  # no exact reversal
        (("B", "C9", 4, -500, "tea", -5.0, "return", None), ["1", "2"]),  # another customer
        (("A", "C9", 4, -500, "mug", -5.0, "return", None), ["1", "2"]),  # another product
        (("A", "2", 4, -500, "tea", -5.0, "return", None), ["1"]),  # within its order
        (("A", "9", 4, 900, "post", 1.0, "adjustment", None), ["1", "2"]),  # postage is no purchase
        (("A", "9", 4, 0, "gift", 1.0, "free", None), ["1", "2"]),
    ],
)
def test_a_return_takes_back_the_order_it_can_be_matched_with(back, left):
    assert purchases([A1, A2, back]) == left


def test_one_return_undoes_one_sale_and_its_money_stays_on_its_day():
    rows = [
        A1,
        A2,
        ("A", "C9", 4, -500, "tea", -5.0, "return", None),
        ("A", "P", 4, 90, "post", 1.0, "adjustment", None),
    ]
    days = engine.frame(purchase_days.build(purchase_days.orders(classed(rows), PERIOD)).order_by("order_date"))
    assert days[["orders", "net_minor", "gross_minor", "returned_minor"]].values.tolist() == [
        [1, 500, 500, 0],
        [0, 500, 500, 0],
        [0, -500, 0, 500],
    ]


def test_a_return_after_the_quarter_changes_nothing():
    late = classed([A1]).union(
        classed([A1]).mutate(order_id=ibis.literal("C1"), order_date=ibis.literal(date(2024, 1, 1)), net_minor=ibis.literal(-500, "int64"),
                             quantity=ibis.literal(-5.0), row_class=ibis.literal("return"))
    )  # fmt: skip
    assert engine.frame(purchase_days.orders(late, PERIOD))["is_purchase"].tolist() == [True]


def test_one_more_return_never_makes_one_more_purchase():
    """Three hundred customers with orders and returns at random; each gets one return more, and then all of them."""
    draw = random.Random(20231231)
    sold, back = [], []
    for customer in (f"A{n}" for n in range(300)):
        for _unused in range(draw.randint(1, 8)):
            minor = draw.choice([100, 200])
            item = (draw.choice("1234"), draw.randint(1, 5), minor, draw.choice(["tea", "mug"]))
            sold.append((customer, *item, minor / 100, "sale", None))
        for _unused in range(draw.randint(1, 6)):
            minor = -draw.choice([100, 200])
            item = (draw.choice(["1", "2", "C1", "C2"]), draw.randint(1, 6), minor, draw.choice(["tea", "mug"]))
            back.append((customer, *item, minor / 100, "return", draw.choice([None, "1", "3"])))
    fewer = {row[0]: row for row in back}
    whole, less, none = (bought(rows) for rows in (sold + back, sold + [r for r in back if r is not fewer[r[0]]], sold))
    assert whole < less < none


def bought(rows: list[tuple]) -> set[tuple[str, str]]:
    found = engine.frame(purchase_days.orders(classed(rows), PERIOD))
    return set(found.loc[found["is_purchase"], ["customer_id", "order_id"]].itertuples(index=False, name=None))


QUARANTINE = {
    "source": ["orders", "orders", "customers"], "field": ["order_date", "net_amount", "customer_id"],
    "reason": ["not_a_date", "not_a_number", "missing"], "net_minor": [700, None, None], "customer_id": ["Z", "A", None],
    "order_id": ["7", "8", None], "row_class": ["sale", None, None],
}  # fmt: skip
INTAKE = pd.DataFrame({"source": ["orders", "customers"], "rows": [7, 9], "repeated": [1, 0],
                       "net_minor_rows": [2290, 0], "net_minor_repeated": [500, 0]})  # fmt: skip


@pytest.fixture
def came() -> tuple[ibis.Table, ibis.Table]:
    """Four accepted rows and two that were set aside; a fifth was merged with its copy."""
    back = ("B", "C1", 5, -500, "tea", -5.0, "return", None)
    aside = pa.table(QUARANTINE).set_column(3, "net_minor", pa.array(QUARANTINE["net_minor"], pa.int64()))
    return classed([A1, A2, ("A", "P", 4, 590, "post", 1.0, "adjustment", None), back]), ibis.memtable(aside)


def test_the_waterfall_shows_where_rows_and_money_went(came):
    lines, aside = came
    days = purchase_days.build(purchase_days.orders(lines, PERIOD))
    stages = waterfall.waterfall(waterfall.by_customer(lines, PERIOD), aside, INTAKE, days)
    assert stages[["stage", "reason", "rows", "customers", "net_minor", "unreadable"]].values.tolist() == [
        ["raw", "", 7, 3, 2290, 1],
        ["quarantined", "not_a_number", 1, 1, 0, 1],
        ["quarantined", "not_a_date", 1, 1, 700, 0],
        ["repeated", "", 1, 0, 500, 0],
        ["accepted", "", 4, 2, 1090, 0],
        ["adjustment", "", 1, 1, 590, 0],
        ["later", "", 0, 0, 0, 0],
        ["seen", "", 3, 2, 500, 0],
        ["before_window", "", 0, 0, 0, 0],
        ["in_window", "", 3, 2, 500, 0],
        ["unscored", "", 1, 1, -500, 0],
        ["scored", "", 2, 1, 1000, 0],
    ]


def test_postage_is_an_adjustment_on_whichever_day_it_is_charged(came):
    """One row each before the window, in it and after the quarter; only the last is not seen in the customer's sums."""
    lines, _aside = came
    one = lines.filter(lines.row_class == "adjustment")
    dated = [one.mutate(order_date=ibis.literal(day)) for day in (date(2022, 1, 1), PERIOD.as_of, PERIOD.end)]
    sums = waterfall.by_customer(ibis.union(*dated), PERIOD)
    (row,) = engine.frame(sums).to_dict("records")
    assert {k: v for k, v in row.items() if k.endswith("_rows") and v} == {"adjustment_rows": 3}
    assert (row["rows"], row["net_minor"], row["adjustment_minor"]) == (2, 2 * 590, 3 * 590)
    assert row["last_order_date"].date() == PERIOD.as_of


def test_rows_by_class(came):
    assert engine.frame(waterfall.row_classes(*came)).values.tolist() == [
        ["accepted", "adjustment", 1, 1, 1, 590],
        ["accepted", "return", 1, 1, 1, -500],
        ["accepted", "sale", 2, 2, 1, 1000],
        ["quarantined", "sale", 1, 1, 1, 700],
        ["quarantined", "unknown", 1, 1, 1, 0],
    ]


def test_the_ledger_is_explained_to_the_last_cent(came, tmp_path):
    orders = {**books.DEFAULT["sources"]["orders"], "ledger_total": 25}
    found = waterfall.ledger(*came, INTAKE, books.load(tmp_path, sources={"orders": orders}))
    assert found[["stage", "row_class", "reason", "rows", "net_minor"]].values.tolist() == [
        ["ledger", "", "", 0, 2500],
        ["accepted", "adjustment", "", 1, 590],
        ["accepted", "return", "", 1, -500],
        ["accepted", "sale", "", 2, 1000],
        ["quarantined", "", "not_a_date", 1, 700],
        ["quarantined", "", "not_a_number", 1, 0],
        ["repeated", "", "", 1, 500],
        ["unexplained", "", "", 0, 210],
    ]
    assert waterfall.ledger(*came, INTAKE, books.load(tmp_path)).empty


def test_what_came_back_and_what_was_not_sold_is_said_where_there_is_any():
    """30 of 200 came back; 5 of 20 rows were not sold; the quarter before had sales only."""
    book = Book(name_en="t", name_zh="t", currency="USD")
    rows = [("2023Q3", "sale", 9, 90_000), ("2023Q4", "sale", 10, 20_000), ("2023Q4", "return", 3, -2_000),
            ("2023Q4", "cancellation", 2, -1_000), ("2023Q4", "adjustment", 5, 700)]  # fmt: skip
    by_class = pd.DataFrame(rows, columns=["period", "row_class", "rows", "net_minor"])
    en, zh = (narrative_collect.unsold(by_class, PERIOD, lang, book).text for lang in ("en", "zh"))
    assert "returns and cancellations took back $30.00, 15.0% of the sales of $200.00" in en
    assert "5 of the rows of 2023Q4 (25.0%) were not sold" in en and "退货与取消共冲回$30.00" in zh and "25.0%" in zh
    assert narrative_collect.unsold(by_class, PERIOD.previous, "en", book) is None
    returns = narrative_collect.unsold(by_class[by_class["row_class"].isin(["sale", "return"])], PERIOD, "en", book)
    assert returns.text == "In 2023Q4 returns took back $20.00, 10.0% of the sales of $200.00."


def test_the_workbook_is_said_to_be_cut_where_it_is():
    rows = pd.DataFrame({"rows": [7, 5]})
    assert narrative_collect.aside(rows, 12, "en").text == "All 12 of these rows are in the workbook."
    assert (
        "first 11 of these 12 rows; all are in tables/quarantine.parquet"
        in narrative_collect.aside(rows, 11, "en").text
    )
    assert "前11行（共12行）" in narrative_collect.aside(rows, 11, "zh").text
    assert narrative_collect.aside(rows[:0], 12, "en") is None


def test_rows_after_the_quarter_are_said_to_count_later(came):
    lines, aside = came
    book, days = (
        Book(name_en="t", name_zh="t", currency="USD"),
        purchase_days.build(purchase_days.orders(lines, PERIOD)),
    )
    late = lines.union(lines.filter(lines.row_class == "return").mutate(order_date=ibis.literal(PERIOD.end)))
    said = [
        narrative_collect.reconciliation(
            waterfall.waterfall(waterfall.by_customer(rows, PERIOD), aside, INTAKE, days), lang, book
        ).text
        for rows in (lines, late)
        for lang in ("en", "zh")
    ]
    assert "after the quarter" not in said[0] and "本季度之后" not in said[1]
    assert "1 of the accepted rows come after the quarter and count later" in said[2] and "有1行在本季度之后" in said[3]
