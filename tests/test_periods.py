from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.errors import InputError
from crmlib.periods import Period

quarters = st.builds(Period, st.integers(1990, 2100), st.integers(1, 4))


def test_a_quarter_knows_its_dates():
    quarter = Period.parse("2017Q4")
    assert (quarter.start, quarter.as_of, quarter.end) == (date(2017, 10, 1), date(2017, 12, 31), date(2018, 1, 1))
    assert quarter.year_ago == date(2016, 12, 31)
    assert str(quarter.previous) == "2017Q3"
    assert str(quarter.next) == "2018Q1"
    assert str(Period(2017, 1).previous) == "2016Q4"


def test_a_leap_year_window_ends_on_the_last_day_of_the_quarter_a_year_before():
    assert Period(2024, 1).year_ago == date(2023, 3, 31)
    assert Period(2025, 1).year_ago == date(2024, 3, 31)


@pytest.mark.parametrize("text", ["2017", "2017Q5", "2017q4", "Q4 2017", "2017Q4 "])
def test_other_text_is_refused_with_the_form_to_write(text):
    with pytest.raises(InputError, match="write it as 2017Q4"):
        Period.parse(text)


@given(quarters)
def test_weeks_are_the_quarter(quarter):
    weeks = quarter.weeks
    assert weeks[0].start == quarter.start and weeks[-1].end == quarter.as_of
    assert all(a.end + timedelta(days=1) == b.start for a, b in pairwise(weeks))
    assert all(week.days == 7 for week in weeks[1:-1])
    assert sum(week.days for week in weeks) == (quarter.end - quarter.start).days


@given(quarters)
def test_neighbours_are_each_others(quarter):
    assert quarter.previous.next == quarter
    assert quarter.previous.as_of + timedelta(days=1) == quarter.start
    assert Period.containing(quarter.as_of) == quarter


def test_months_covered_counts_from_the_first_day_of_the_data():
    quarter = Period(2017, 4)
    assert [quarter.months_covered(date(2017, m, 1)) for m in (1, 4, 7, 10)] == [12, 9, 6, 3]
    assert quarter.months_covered(date(2015, 1, 1)) == 12
    assert quarter.months_covered(date(2017, 12, 31)) == 1


def test_since_lists_every_quarter():
    assert [str(p) for p in Period(2018, 1).since(Period(2017, 3))] == ["2017Q3", "2017Q4", "2018Q1"]


def test_a_cut_quarter_ends_early_and_its_neighbours_do_not():
    cut = Period(2011, 4, date(2011, 12, 9))
    assert (cut.start, cut.as_of, cut.end) == (date(2011, 10, 1), date(2011, 12, 9), date(2011, 12, 10))
    assert cut.is_cut and not Period(2011, 4).is_cut
    assert (str(cut), cut.year_ago) == ("2011Q4", date(2010, 12, 9))
    assert cut.previous == Period(2011, 3) and cut.next == Period(2012, 1)
    assert cut.weeks[-1].end == date(2011, 12, 9)
    assert Period(2011, 3) < cut < Period(2012, 1)
    assert cut.since(Period(2011, 3)) == [Period(2011, 3), cut]


def test_the_year_before_a_leap_day_ends_on_28_february():
    assert Period(2012, 1, date(2012, 2, 29)).year_ago == date(2011, 2, 28)


def test_a_quarter_up_to_a_day_is_cut_unless_the_day_is_its_last():
    assert Period.up_to(date(2024, 2, 29)) == Period(2024, 1, date(2024, 2, 29))
    assert Period.up_to(date(2024, 3, 31)) == Period(2024, 1)
