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
