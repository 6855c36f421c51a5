"""Contacts by hand: fresh, stale or never checked, consent, and one row for each customer."""

import pyarrow as pa
from faulty_book import Q4, days, file, table, texts

from crmlib.collect import inventory
from crmlib.io import engine


def test_contacts_are_fresh_for_so_many_days_and_a_date_to_come_is_no_check():
    """2023-10-01 is 91 days before the end of the year, 2023-09-30 is 92."""
    found = engine.frame(file().order_by("customer_id"))
    assert found["contact_state"].tolist() == ["verified", "stale", "never"]
    assert found["consent"].tolist() == ["given", "withdrawn", "unknown"]
    listed = engine.frame(inventory.stale_contacts(file(), Q4))
    assert listed[["customer_id", "age_days"]].values.tolist() == [["Z", -1], ["B", 92]]
    states = engine.frame(inventory.contact_states(file()))
    assert states["customers"].sum() == 3 and states["lifetime_minor"].sum() == 1250


def test_absent_fields_stay_absent():
    bought = table(customer_id=["A"], order_date=days("2023-10-02"), orders=pa.array([1]), net_minor=pa.array([5]))
    found = engine.frame(inventory.inventory(inventory.customers(None, bought), bought, Q4, 92)).iloc[0]
    assert found[["contact_state", "consent", "contact_mail", "region", "tax_id"]].isna().all()


def test_customers_found_to_be_one_keep_one_row_and_the_withdrawn_consent():
    twice = table(
        customer_id=["A", "A", "B"],
        contact_phone=texts(None, "***11", None),
        consent=texts("yes", "no", "yes"),
        contact_verified_date=days("2023-12-01", "2023-01-01", None),
    )
    bought = table(customer_id=["A"], order_date=days("2023-10-02"), orders=pa.array([1]), net_minor=pa.array([5]))
    found = engine.frame(inventory.customers(twice, bought).order_by("customer_id"))
    assert found["customer_id"].tolist() == ["A", "B"]
    row = found.iloc[0]
    assert (row["contact_phone"], row["consent"], str(row["contact_verified_date"].date())) == (
        "***11", "withdrawn", "2023-12-01")  # fmt: skip


def test_who_orders_first_after_the_quarter_is_no_customer_of_it():
    """A bought in it and after it, B only after it, C never; D's first sale is later, but a fee or a talk of his is not."""
    known = table(customer_id=["A", "B", "C", "D", "E"], region=texts("n", "n", "n", "n", "n"))
    orders = table(customer_id=["A", "A", "B", "D", "D", "E"], row_class=["sale"] * 3 + ["adjustment"] + ["sale"] * 2,
                   order_date=days("2023-10-02", "2024-01-02", "2024-01-01", "2023-12-31", "2024-02-01", "2024-02-01"))  # fmt: skip
    talks = table(customer_id=["E", "B", None], interaction_at=days("2023-12-31", "2024-01-01", "2023-11-01"))
    bought = table(customer_id=["A"], order_date=days("2023-10-02"), orders=pa.array([1]), net_minor=pa.array([5]))
    tables = {"customers": known, "orders": orders, "interactions": talks}
    found = engine.frame(inventory.customers(inventory.present(tables, bought, Q4), bought).order_by("customer_id"))
    assert found["customer_id"].tolist() == ["A", "C", "D", "E"]
    del tables["interactions"]
    found = engine.frame(inventory.present(tables, bought, Q4).order_by("customer_id"))
    assert found["customer_id"].tolist() == ["A", "C", "D"]
    assert inventory.present({"orders": orders}, bought, Q4) is None
