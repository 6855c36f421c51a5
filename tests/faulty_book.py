"""A small book with known faults, for tests of its quality: its tables, days, quarters and customer file."""

from datetime import date, timedelta
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa

from crmlib.collect import coverage, inventory
from crmlib.periods import Period

Q4 = Period(2023, 4)


def table(**columns: Any) -> ibis.Table:
    return ibis.memtable(pa.table(columns))


def texts(*values: str | None) -> pa.Array:
    return pa.array(values, pa.string())


def days(*values: str | None) -> pa.Array:
    return pa.array([date.fromisoformat(v) if v else None for v in values], pa.date32())


def orders() -> ibis.Table:
    """Five lines of A, B and X; X is in no customer file, p2 has no category, p9 is no product, one sign is wrong."""
    return table(
        order_id=["1", "2", "3", "4", "5"],
        customer_id=["A", "A", "B", "X", "X"],
        order_date=days("2023-07-10", "2023-10-02", "2023-11-20", "2023-12-29", "2024-01-05"),
        net_minor=pa.array([1000, 300, -50, 700, 9000]),
        product_id=texts("p1", "p2", "p1", None, "p9"),
        quantity=[1.0, 3.0, 1.0, 7.0, 9.0],
    )


def customers() -> ibis.Table:
    return table(
        customer_id=["A", "B", "Z"],
        founded_date=days("2023-07-11", None, "2001-01-01"),
        contact_phone=texts("***11", None, "***12"),
        contact_mail=texts(None, None, "a***@***.cn"),
        contact_verified_date=days("2023-10-01", "2023-09-30", "2024-01-01"),
        consent=texts("是", "Opt-out", "perhaps"),
    )


def book() -> dict[str, ibis.Table]:
    return {
        "orders": orders(),
        "customers": customers(),
        "products": table(product_id=["p1", "p2"], category=texts("tea", None)),
        "campaigns": table(
            campaign_id=["c1", "c2"],
            start_date=days("2023-10-01", "2023-11-10"),
            end_date=days("2023-10-31", "2023-11-01"),
        ),
        "redemptions": table(
            campaign_id=["c1", "c1", "c7"],
            customer_id=["A", "A", "A"],
            redemption_date=days("2023-10-31", "2023-11-01", "2023-11-01"),
        ),
        "tickets": table(
            ticket_id=["t1", "t2"],
            customer_id=["A", "Q"],
            opened_at=pd.to_datetime(["2023-11-05 10:00", "2023-11-05 10:00"]),
            closed_at=pd.to_datetime(["2023-11-05 09:59", None]),
        ),
    }


def seen() -> dict[str, ibis.Table]:
    return coverage.seen(book(), Q4)


def daily(source: str, *found: date) -> pd.DataFrame:
    return pd.DataFrame({"source": source, "day": pd.to_datetime(list(found)), "rows": 1})


def working_days(first: date, last: date, closed: set[int]) -> list[date]:
    every = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [day for day in every if day.weekday() not in closed]


def quarters(*names: str, partial: tuple[str, ...] = ()) -> pd.DataFrame:
    return pd.DataFrame({"period": names, "is_partial_quarter": [name in partial for name in names]})


def file() -> ibis.Table:
    bought = table(
        customer_id=["A", "B"], order_date=days("2023-10-02", "2023-11-20"), orders=pa.array([1, 0]),
        net_minor=pa.array([1300, -50]),
    )  # fmt: skip
    return inventory.inventory(inventory.customers(customers(), bought), bought, Q4, 91)
