"""Cohorts: the method's retention fixture, and what is not seen yet is empty."""

from datetime import date

import pandas as pd
import pytest

from crmlib import schema
from crmlib.io import engine
from crmlib.params import Book
from crmlib.periods import Period
from crmlib.segment import cohorts
from crmlib.views import charts_profile, narrative_profile, suppression

# Section 10 of the method: retention fixture.
FIXTURE = [("A", "2023-07-05", 100), ("B", "2023-08-01", 50), ("C", "2023-09-30", 70), ("D", "2023-07-20", 20), ("A", "2023-10-02", 80),
           ("A", "2023-12-30", 90), ("B", "2023-11-11", 60), ("E", "2023-10-31", 40), ("F", "2022-01-15", 500), ("F", "2023-12-01", 30)]  # fmt: skip
PERIOD = Period(2023, 4)
BOOK = Book(name_en="A", name_zh="甲", currency="CNY")


def cells(rows: list[tuple[str, str, int]], period: Period = PERIOD) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "order_date", "net_minor"])
    frame = frame.assign(
        order_date=pd.to_datetime(frame["order_date"]).dt.date, orders=(frame["net_minor"] > 0).astype(int)
    )
    return engine.frame(cohorts.cells(engine.table(frame), period))


def cell(found: pd.DataFrame, cohort: str, later: int) -> pd.Series:
    return found[(found["cohort"] == cohort) & (found["quarters_later"] == later)].iloc[0]


def test_the_retention_fixture():
    """Of A, B, C, D of the third quarter A and B buy again: half; they bring 170 + 60."""
    found = cells(FIXTURE)
    again = cell(found, "2023Q3", 1)
    assert (again["period"], again["cohort_customers"], again["cohort_buyers"], again["retained_share"]) == (
        "2023Q4",
        4,
        2,
        0.5,
    )
    assert (again["net_minor"], again["cohort_customer_minor"]) == (230, 58)  # 57.5, half away from zero
    assert cell(found, "2022Q1", 7)["cohort_buyers"] == 1


def test_a_quarter_without_purchases_is_zero_and_one_still_to_come_is_empty():
    found = cells(FIXTURE)
    assert cell(found, "2022Q1", 3)[["cohort_buyers", "net_minor", "retained_share"]].tolist() == [0, 0, 0]
    ahead = cell(found, "2023Q4", 1)
    assert (
        ahead["period"] == ""
        and ahead[["cohort_buyers", "net_minor", "retained_share", "cohort_customer_minor"]].isna().all()
    )
    assert set(found["cohort"]) == {"2022Q1", "2023Q3", "2023Q4"} and len(found) == 3 * 8
    assert found["is_before_data"].sum() == 8  # only the cohort in which the data begin


def test_cohorts_add_up_to_everything_bought():
    found = cells(FIXTURE)
    assert found["net_minor"].sum() == sum(net for _who, _day, net in FIXTURE)
    assert found.drop_duplicates("cohort")["cohort_customers"].sum() == 6


def test_a_refund_lowers_the_money_and_makes_no_buyer():
    found = cell(cells([("A", "2023-07-05", 100), ("A", "2023-10-05", -30)]), "2023Q3", 1)
    assert (found["cohort_buyers"], found["net_minor"]) == (0, -30)


def test_rows_after_as_of_change_nothing_and_a_cut_quarter_is_marked():
    pd.testing.assert_frame_equal(cells(FIXTURE), cells([*FIXTURE, ("B", "2024-01-01", 999)]))
    cut = cells(FIXTURE, Period(2023, 4, date(2023, 10, 31)))
    assert cut.loc[cut["is_partial"], "period"].unique().tolist() == ["2023Q4"]
    assert cell(cut, "2023Q3", 1)["cohort_buyers"] == 1
    assert not cells(FIXTURE)["is_partial"].any()


def test_without_purchases_there_are_no_cohorts():
    assert cells([("A", "2023-07-05", -100)]).empty


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_figure_and_sentence(lang):
    found = cells(FIXTURE)
    title = charts_profile.cohorts(found, found, lang).get_figure().get_label()
    assert title.startswith({"en": "50% of new customers since 2023Q3", "zh": "2023Q3以来的新客户中，50%"}[lang])
    told = narrative_profile.cohorts(found, lang, BOOK).text
    few = narrative_profile.cohorts(suppression.blank(found, 5), lang, BOOK).text
    assert told.startswith(few) and "2022Q1" in few and "¥" in told and "¥" not in few  # two customers came later
    nothing = found.head(0)
    assert (
        charts_profile.cohorts(nothing, nothing, lang).get_figure().get_label()
        == {"en": "No purchases, so no cohorts", "zh": "没有购买记录，无法划分同期群"}[lang]
    )
    assert narrative_profile.cohorts(nothing, lang, BOOK).text


def title(bought: list[tuple[int, int]], min_cell: int = 5) -> str:
    """Of a figure of cohorts of (customers, of them again a quarter later), the first of which begins the data."""
    quarters = [f"{2010 + n // 4}Q{n % 4 + 1}" for n in range(len(bought))]
    rows = [
        (c, 1, n, again, again / n, c == quarters[0], False) for c, (n, again) in zip(quarters, bought, strict=True)
    ]
    columns = [
        "cohort",
        "quarters_later",
        "cohort_customers",
        "cohort_buyers",
        "retained_share",
        "is_before_data",
        "is_partial",
    ]
    every = pd.DataFrame(rows, columns=columns)
    return charts_profile.cohorts(suppression.told(every, min_cell), every, "en", min_cell).get_figure().get_label()


def test_the_title_counts_customers_of_cohorts_that_are_hidden():
    assert title([(500, 400), (50, 20), (50, 2), (100, 3), (100, 4)]).startswith(
        "10% of new customers since 2010Q2 bought again in the quarter after their first (n = 300)"
    )
    assert title([(500, 400), (50, 20), (50, 2), (50, 0)], 2).startswith("15% of new customers since 2010Q2")
    assert title([(500, 400), (50, 0), (60, 3), (40, 0)]).startswith("Too few customers to say")
    assert title([(500, 400)]).startswith("80% of customers of 2010Q1, where the data begin")
    assert title([(500, 400), *[(100, 50)] * 12, (100, 80)]).startswith("52% of new customers since 2010Q3")


def test_the_title_does_not_promise_twelve_months():
    """The money of a cell is that of its quarter."""
    assert not [c for c in schema.TABLES["cohorts"].columns if "12" in schema.COLUMNS[c].en + schema.COLUMNS[c].zh]
