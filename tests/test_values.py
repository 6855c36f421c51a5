"""Cells as people write them: each has one reading, or none."""

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

import ibis
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.io import values

CNY = values.Written(".", "CNY")


def minors(cells: list, written: values.Written = CNY, digits: int = 2) -> list[int | None]:
    """Amounts in minor units, as staging reads them."""
    cell = ibis.memtable(pa.table({"cell": cells})).cell
    amount = values.number(cell, values.quick_number(cell, written), written)
    return values.minor(amount, values.exact(cell, written), digits).to_pyarrow().to_pylist()


READ = {
    "1234.5": 123450, "1,234.56": 123456, "1 234.56": 123456, "1\u00a0234.56": 123456, "1'234.56": 123456, " 7 ": 700,
    "\u200b7\ufeff": 700, "+5": 500, ".5": 50, "5.": 500, "-5": -500, "5.00-": -500, "(12.50)": -1250, "−5": -500,
    "１２３．４５": 12345, "－１，２３４．５": -123450, "¥5": 500, "￥5": 500, "5元": 500, "CNY 5": 500, "5 cny": 500,
    "-¥5": -500, "¥-5": -500, "(¥5)": -500, "RMB 1,000.00": 100000, "1e3": 100000, "1.5E-1": 15, "-0.0": 0,
    "0.285": 29, "1.005": 101, "-0.285": -29, "2.675": 268, "0.2849999": 28, "9999999999999.99": 999999999999999,
    "123456789012.345": 12345678901235,
}  # fmt: skip

NOT = ["", " ", "five", "5 5", "1,23", "1,2345", "1.234,56", "12,34,567.00", "NaN", "inf", "-Infinity", "0x10", "1_000", "#N/A",
       "--5", "+-5", "-5-", "(5", "5)", "(-5)", "$5", "5 EUR", "壹佰", "1e", "5%", "1e308", "12345678901234567890", "1e14",
       "10000000000000.00"]  # fmt: skip


def test_amounts_as_people_write_them():
    assert dict(zip(READ, minors(list(READ)), strict=True)) == READ


def test_what_is_no_amount_has_no_value():
    assert dict(zip(NOT, minors(NOT), strict=True)) == dict.fromkeys(NOT)


def test_a_decimal_comma_turns_the_signs_round():
    euro = values.Written(",", "EUR")
    cells = {
        "1.234,56": 123456,
        "1234,5": 123450,
        "1 234,50 €": 123450,
        "7": 700,
        "1.234": 123400,
        "1,234.56": None,
        "1.23": None,
    }
    assert dict(zip(cells, minors(list(cells), euro), strict=True)) == cells


def test_another_currency_and_numbers_that_are_too_large_are_told_apart():
    cells = ["$5", "5 EUR", "USD 1,234.50", "￥5", "x5", "1e308", "5"]
    cell = ibis.memtable({"cell": cells}).cell
    foreign = values.is_other_currency(cell, values.Written(".", "USD")).to_pyarrow().to_pylist()
    assert foreign == [False, True, False, True, False, False, False]
    assert values.is_number(cell, CNY).to_pyarrow().to_pylist() == [False, False, False, True, False, True, True]


@given(st.lists(st.decimals(-(10**9), 10**9, places=5), min_size=1, max_size=30))
def test_text_is_rounded_as_on_paper(numbers):
    expected = [int((n * 100).quantize(Decimal(1), ROUND_HALF_UP)) for n in numbers]
    assert minors([f"{n:f}" for n in numbers]) == expected


@given(st.lists(st.integers(-(10**12), 10**12).map(lambda n: n / 1000), min_size=1, max_size=30))
def test_floats_are_rounded_as_they_are_shown(numbers):
    expected = [int((Decimal(repr(n)) * 100).quantize(Decimal(1), ROUND_HALF_UP)) for n in numbers]
    assert minors(numbers) == expected


def test_whole_numbers_and_decimals_come_as_they_are():
    assert minors([3, -4]) == [300, -400]
    assert minors([Decimal("1.005"), Decimal("-2.50")]) == [101, -250]
    assert minors(["1234"], digits=0) == [1234]


def texts(cells: list, limit: int = values.ID_LENGTH) -> list[str | None]:
    return values.text(ibis.memtable(pa.table({"cell": cells})).cell, limit).to_pyarrow().to_pylist()


def test_ids_are_trimmed_and_otherwise_left_alone():
    assert texts(["007", " a b ", "\u00a0x\u200b", "\ufeffK1", "NA", "１２", "a\x00b", "  ", "x" * 201, "客户" * 100]) == [
        "007", "a b", "x", "K1", "NA", "１２", None, None, None, "客户" * 100,
    ]  # fmt: skip
    assert texts([17850.0, 1.5, None]) == ["17850", "1.5", None]


def moments(cells: list, pattern: str, zone: str | None = None, book: str | None = None) -> list:
    cell = ibis.memtable(pa.table({"cell": cells})).cell
    return values.moment(cell, values.Clock(pattern, zone, book)).cast("string").to_pyarrow().to_pylist()


def test_days_in_the_declared_format_only():
    cells = [
        "2024-02-29",
        "2023-02-29",
        " 2023-01-05 ",
        "２０２３-０１-０５",
        "2023-01-05x",
        "05.01.2023",
        "0000-00-00",
        "",
    ]
    assert moments(cells, "%Y-%m-%d") == ["2024-02-29", None, "2023-01-05", "2023-01-05", None, None, None, None]


@pytest.mark.parametrize(
    ("cell", "there"),
    [
        ("2023-03-12 01:30", "2023-03-12 06:30:00"),
        ("2023-03-12 02:30", "2023-03-12 07:30:00"),  # skipped in spring: as if the clocks had not been changed yet
        ("2023-11-05 01:30", "2023-11-05 06:30:00"),  # twice in autumn: the second
        ("2023-11-05 20:00", "2023-11-06 01:00:00"),
    ],
)
def test_times_move_once_between_zones(cell, there):
    assert moments([cell], "%Y-%m-%d %H:%M", "America/New_York", "UTC") == [there]


def test_a_zone_in_the_cell_or_in_the_type_counts_and_a_day_does_not_move():
    assert moments(["2023-01-01 23:00 +0000"], "%Y-%m-%d %H:%M %z", None, "Asia/Shanghai") == ["2023-01-02 07:00:00"]
    aware = pa.array([datetime(2023, 1, 1, 23, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    assert moments(aware, "", None, "Asia/Shanghai") == ["2023-01-02 07:00:00"]
    assert moments(["2023-01-01"], "%Y-%m-%d", "America/New_York", "Asia/Shanghai") == ["2023-01-01"]


digits = st.sampled_from(
    ["2023", "2024", "9999", "0", "02", "11", "23", "24", "29", "30", "31", "59", "60", " 5", "5.", "-1", "٣٣"]
)
between = st.sampled_from(["-", "-", "-", "/", " ", ":", ".", "T"])


@given(st.tuples(*[digits, between] * 5, digits), st.sampled_from(["%Y-%m-%d", "%Y-%m-%d %H:%M:%S"]))
def test_the_short_way_reads_a_day_as_the_format_does_or_not_at_all(parts, pattern):
    year, month, day, hour, minute, second = parts[::2]
    cells = [
        "".join(parts),
        "".join(parts[:5]),
        f"{year}-{month}-{day} {hour}:{minute}:{second}",
        f"{year}-{month}-{day}",
        f"2023-11-02 {hour}:{minute}:{second}",
        f"2023-11-02 {hour}:{minute}:{second}.5",
        f"2023-{month}-{day} 10:00:00",
    ]
    cell = ibis.memtable(pa.table({"cell": cells})).cell
    clock = values.Clock(pattern, None, None)
    found = values.quick_moment(cell, clock).to_pyarrow().to_pylist()
    for quick, slow in zip(found, values.moment(cell, clock).to_pyarrow().to_pylist(), strict=True):
        assert quick in (None, slow)


def test_the_short_way_reads_the_days_that_are_written_as_usual():
    days = ["2023-11-02", "2024-02-29", "2023-02-29", "2023-11-02 ", "2023-11-2", "infinity"]
    times = [
        "2023-11-02 23:59:59",
        "2023-11-02 24:00:00",
        "2023-11-02 10:00:5.",
        "2023-11-02 10:00:00.5",
        "2023-11-02T10:00:00",
    ]

    def read(cells: list[str], pattern: str) -> list:
        cell = ibis.memtable(pa.table({"cell": cells})).cell
        return values.quick_moment(cell, values.Clock(pattern, None, None)).to_pyarrow().to_pylist()

    assert read(days, "%Y-%m-%d") == [date(2023, 11, 2), date(2024, 2, 29), None, None, None, None]
    assert read(times, "%Y-%m-%d %H:%M:%S") == [datetime.fromisoformat("2023-11-02 23:59:59"), None, None, None, None]


def test_yes_and_no():
    cell = ibis.memtable({"cell": ["TRUE", "是", "1", "no", "否", "0", "maybe", ""]}).cell
    assert values.boolean(cell).to_pyarrow().to_pylist() == [True, True, True, False, False, False, None, None]


def test_whole_numbers_within_bounds():
    found = ibis.memtable({"n": [0.0, 10.0, 11.0, -1.0, 2.5]}).n
    assert values.whole(found, (0, 10)).to_pyarrow().to_pylist() == [0, 10, None, None, None]
    assert values.whole(ibis.memtable({"n": [3.0]}).n, None).to_pyarrow().to_pylist() == [3]
