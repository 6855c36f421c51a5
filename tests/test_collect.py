"""Step 1 by hand: categories, the customer file, field quality, market facts, tickets through the loop."""

from datetime import date

import ibis
import pandas as pd
import pyarrow as pa

from crmlib.collect import feedback, inventory, market_facts, purchase_days, quality
from crmlib.io import engine
from crmlib.periods import Period

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


def test_the_customer_file_keeps_customers_without_orders():
    known = ibis.memtable(pa.table({"customer_id": ["A", "Z"], "size_band": ["small", "large"]}))
    days = purchase_days.build(purchase_days.orders(BOUGHT, PERIOD))
    file = engine.frame(inventory.inventory(inventory.customers(known, days), days).order_by("customer_id"))
    assert file["customer_id"].tolist() == ["A", "B", "Z"]
    assert file["lifetime_minor"].tolist() == [700, -50, 0]
    assert file["size_band"].fillna("").tolist() == ["small", "", "large"]
    assert file["last_order_date"].isna().tolist() == [False, True, True]


def test_field_quality_by_hand():
    checked = ibis.memtable(
        pa.table(
            {
                "raw_amount": ["1", "x", None, "4"],
                "bad_field": pa.array([None, "amount", "amount", None], pa.string()),
            }
        )
    )
    row = engine.frame(quality.fields({"orders": checked})).iloc[0]
    assert (row.rows, row.complete_share, row.distinct_values) == (4, 0.75, 3)
    assert row.valid_share == 1 - 1 / 3  # of the three cells that are filled, one is no amount


def test_history_counts_the_months_of_data_in_the_window():
    days = purchase_days.build(purchase_days.orders(BOUGHT, PERIOD))
    row = quality.history(days, PERIOD).iloc[0]
    assert (row.first_order_date.date(), row.last_order_date.date()) == (date(2023, 9, 30), date(2023, 10, 2))
    assert row.window_months == 3


def test_market_facts_after_the_quarter_are_not_known_yet():
    facts = pd.DataFrame(
        {
            "fact_id": ["F1", "F2", "F3", "F4"],
            "relevance": [3, 5, 3, 5],
            "source_date": pd.to_datetime(["2023-12-01", "2023-06-30", "2023-12-21", "2024-01-01"]),
        }
    ).assign(**dict.fromkeys(("kind", "item", "item_zh", "figure", "grade", "source", "link", "provenance"), ""))
    summary = market_facts.summary(facts, PERIOD)
    assert summary["fact_id"].tolist() == ["F2", "F3", "F1"]
    assert summary["age_days"].tolist() == [184, 10, 30]


def tickets(rows: list[tuple[str, str, str, str, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["ticket_id", "opened_at", "first_reply_at", "analysed_at", "closed_at"])
    for column in frame.columns[1:]:
        frame[column] = pd.to_datetime(frame[column])
    return frame.assign(customer_id="A", ticket_kind="complaint", is_escalated=False, text="", provenance="actual")


def test_tickets_go_through_the_loop_and_the_future_is_unknown():
    found = feedback.tickets(
        tickets(
            [
                ("old and closed", "2023-09-01 10:00", "2023-09-01 11:00", "2023-09-01 12:00", "2023-09-02 10:00"),
                ("old and open", "2023-09-01 10:00", "2023-09-01 11:00", "2023-09-03 10:00", ""),
                ("in time", "2023-11-01 10:00", "2023-11-01 10:30", "2023-11-02 10:00", "2023-11-03 10:00"),
                ("late", "2023-11-05 10:00", "", "2023-11-06 10:01", "2023-11-07 10:00"),
                ("closed later", "2023-12-31 20:00", "2024-01-01 08:00", "2024-01-01 09:00", "2024-01-02 10:00"),
                ("later", "2024-01-01 00:00", "", "", ""),
            ]
        ),
        PERIOD,
    ).set_index("ticket_id")
    assert found.index.tolist() == ["old and open", "in time", "late", "closed later"]
    assert found["is_open"].tolist() == [True, False, False, True]
    assert found["is_analysed_late"].tolist() == [True, False, True, False]
    assert found.loc["in time", "first_reply_hours"] == 0.5 and pd.isna(found.loc["closed later", "first_reply_hours"])


def test_surveys_are_counted_by_quarter():
    answers = pd.DataFrame(
        {
            "survey_date": pd.to_datetime(["2023-09-30", "2023-10-01", "2023-12-31", "2024-01-01"]),
            "csat": [5, 4, 3, 5],
            "nps": [9.0, 10.0, float("nan"), 9.0],
        }
    )
    assert feedback.surveys(answers, PERIOD, Period(2023, 3)).values.tolist() == [
        ["2023Q3", 1, 1, 1, 1, 0],
        ["2023Q4", 2, 1, 1, 1, 0],
    ]
