"""Coverage by hand: days without rows where a source has a rhythm, stores that are missing, quarters that are partial."""

from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from faulty_book import Q4, book, daily, orders, working_days

from crmlib.collect import coverage
from crmlib.periods import Period


def test_a_shop_closed_on_sundays_misses_none_and_a_silent_week_is_a_gap():
    week = {date(2023, 11, 6) + timedelta(days=n) for n in range(7)}
    found = [d for d in working_days(date(2023, 7, 3), date(2023, 12, 28), {6}) if d not in week]
    gaps = coverage.gaps(daily("orders", *found).assign(rows=20), Q4)
    assert gaps[["start_date", "end_date", "missing_days"]].astype(str).values.tolist() == [
        ["2023-11-06", "2023-11-11", "6"],
        ["2023-12-29", "2023-12-30", "2"],
    ]
    weeks = coverage.weeks(daily("orders", *found), gaps, coverage.stores(orders(), Q4), Q4).set_index("start_date")
    assert weeks.loc["2023-11-06", ["rows", "active_days", "missing_days"]].tolist() == [0, 0, 6]
    assert weeks.loc["2023-11-13", ["rows", "active_days", "missing_days"]].tolist() == [6, 6, 0]
    assert weeks["active_days"].sum() == len(found) and weeks["missing_days"].sum() == 8


def test_a_source_without_rhythm_has_no_missing_days():
    now_and_then = [date(2023, 7, 3), date(2023, 8, 11), date(2023, 11, 30)]
    assert coverage.gaps(daily("surveys", *now_and_then), Q4).empty


def sparse(first: date, last: date, lines: float, seed: int) -> pd.DataFrame:
    """A book whose days have Poisson-many lines; days without any have no row."""
    every = working_days(first, last, set())
    counted = daily("orders", *every).assign(rows=np.random.default_rng(seed).poisson(lines, len(every)))
    return counted[counted["rows"] > 0]


@pytest.mark.parametrize("seed", range(5))
def test_a_few_orders_a_day_leave_days_without_any_and_none_is_missing(seed):
    few = sparse(date(2021, 1, 1), Q4.as_of, 2.5, seed)
    assert len(few) < 1040 and coverage.gaps(few, Q4).empty
    hole = few[~few["day"].between("2022-05-09", "2022-05-22")]
    found = coverage.gaps(hole, Q4)
    assert len(found) == 1 and found["missing_days"][0] >= 14
    assert (found["start_date"][0] <= pd.Timestamp(2022, 5, 9)) and (found["end_date"][0] >= pd.Timestamp(2022, 5, 22))


def test_one_day_of_a_dense_book_is_missing_great_days_or_not():
    dense = sparse(date(2022, 1, 1), Q4.as_of, 60, 1)
    dense["rows"] *= np.where(dense["day"].dt.month == 12, 9, 1)
    silent = pd.Timestamp(2023, 3, 8)
    found = coverage.gaps(dense[dense["day"] != silent], Q4)
    assert found[["start_date", "missing_days"]].values.tolist() == [[silent, 1]]


def test_the_chance_of_a_silent_day_by_hand():
    """Mean 2 and variance 8/3: (4/3)^-6; variance 1: (1/2)^4; no more often than seen: (9 + 1) / (20 + 1)."""
    assert coverage._silence(np.array([0, 2, 4] * 4)) == pytest.approx(0.75**6)
    assert coverage._silence(np.array([1, 3] * 4)) == pytest.approx(0.5**4)
    assert coverage._silence(np.array([0] * 9 + [1] * 11)) == pytest.approx(0.45)
    assert coverage._silence(np.array([0] + [1] * 30 + [900] * 3)) == pytest.approx(1 / 34)
    assert [coverage._silence(np.array(rows)) for rows in ([2, 2], [0, 0], [])] == [0, 1, 1]


def test_a_store_without_rows_in_between_is_missing():
    stores = pd.DataFrame({
        "start_date": pd.to_datetime(["2023-11-06", "2023-11-06", "2023-11-13", "2023-11-20", "2023-11-20"]),
        "store_id": ["s1", "s2", "s1", "s1", "s2"],
    })  # fmt: skip
    found = daily("orders", *working_days(date(2023, 11, 6), date(2023, 11, 26), set()))
    weeks = coverage.weeks(found, coverage.gaps(found, Q4), stores, Q4).set_index("start_date")
    assert weeks.loc["2023-11-06":"2023-11-20", "missing_stores"].tolist() == [0, 1, 0]
    assert weeks.loc["2023-11-06":"2023-11-20", "stores"].tolist() == [2, 1, 2]


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        (date(2023, 10, 8), date(2023, 12, 24), ""),
        (date(2023, 10, 9), date(2023, 12, 31), "starts_late"),
        (date(2023, 10, 1), date(2023, 12, 23), "ends_early"),
        (date(2023, 11, 1), date(2023, 11, 2), "starts_late_ends_early"),
    ],
)
def test_a_quarter_is_partial_when_orders_keep_away_from_its_ends_for_more_than_a_week(first, last, reason):
    row = coverage.quarters(daily("orders", first, last), Q4, 7).iloc[-1]
    assert (row["partial_reason"], row["is_partial_quarter"], row["active_days"]) == (reason, bool(reason), 2)


def test_invoices_of_each_month_make_whole_quarters_and_a_month_without_them_a_partial_one():
    """Nothing was ordered in the last four weeks of any quarter here; only a missing month is unusual."""
    firsts = [date(2022 + n // 12, n % 12 + 1, 1) for n in range(24)]
    for absent, partial in ((None, []), (date(2023, 12, 1), ["2023Q4"]), (date(2023, 4, 1), ["2023Q2"])):
        found = coverage.quarters(daily("orders", *(d for d in firsts if d != absent)), Q4, 7)
        assert found.loc[found["is_partial_quarter"], "period"].tolist() == partial
        assert len(found) == 8
    daily_shop = working_days(date(2023, 1, 1), date(2023, 12, 20), {6})
    assert coverage.quarters(daily("orders", *daily_shop), Q4, 7)["is_partial_quarter"].tolist() == [False] * 3 + [True]


def test_quarters_of_the_book_from_the_first_order_on():
    found = coverage.quarters(daily("orders", date(2022, 12, 1), date(2022, 12, 31), date(2023, 9, 30)), Q4, 7)
    assert found["period"].tolist() == ["2022Q4", "2023Q1", "2023Q2", "2023Q3", "2023Q4"]
    assert found["partial_reason"].tolist() == ["starts_late", "no_orders", "no_orders", "starts_late", "no_orders"]
    cut = Period(2023, 4, date(2023, 11, 9))
    last = coverage.quarters(daily("orders", date(2023, 10, 1), date(2023, 11, 9)), cut, 7).iloc[-1]
    assert (last["partial_reason"], last["calendar_days"]) == ("cut", 40)


@pytest.mark.parametrize(("day", "found"), [
    ("2023-12-31", []), ("2024-01-01", ["orders"]), ("2024-03-31", ["orders"]), ("2099-01-01", []),
])  # fmt: skip
def test_rows_of_the_next_quarter_show_that_the_export_is_newer(day, found):
    tables = {"orders": ibis.memtable({"order_date": [date.fromisoformat(day)]})}
    assert coverage.later(tables, Q4) == found


def test_rows_after_the_quarter_are_not_counted():
    counted = coverage.days(book(), Q4)
    assert counted.loc[counted["source"] == "orders", "rows"].sum() == 4
    assert counted.loc[counted["source"] == "customers", "day"].max() == pd.Timestamp("2023-10-01")
