"""Weeks of a quarter, the baseline before it, and the holidays that neither sets limits nor gives signals."""

from datetime import date

import pandas as pd
import pytest
from weekly_books import HOLIDAYS, PLAIN, Q4

from crmlib import params
from crmlib.errors import InputError
from crmlib.kpi import holidays, weeks
from crmlib.params import Closed, Strategy, Weekly
from crmlib.periods import Period


def test_a_week_cuts_the_quarter_at_its_sunday(shop: params.Settings) -> None:
    """2024-W05 is 29 January to 4 February; a week of another quarter is refused."""
    seen = weeks.seen_from(shop, "2024-W05")
    assert (seen.period.as_of, weeks.whole(seen.period)) == (date(2024, 2, 4), Period(2024, 1))
    assert weeks.seen_from(shop, "") is shop
    with pytest.raises(InputError, match="week '2024-W20' is not in 2024Q1; its weeks are 2024-W01 to 2024-W13"):
        weeks.seen_from(shop, "2024-W20")


def calendar(period: Period, strategy: Strategy, since: date) -> pd.DataFrame:
    return weeks.calendar(period, strategy, since, period.as_of)


def test_the_baseline_is_the_whole_weeks_before_the_quarter() -> None:
    """2017Q4 begins on a Sunday: the week cut by it is in neither part; 26 weeks back is Monday, 27 March."""
    before = calendar(Q4, PLAIN, date(2017, 1, 1)).query("phase == 'baseline'")
    assert len(before) == 26
    assert [str(day.date()) for day in (before.start_date.iloc[0], before.end_date.iloc[-1])] == [
        "2017-03-27",
        "2017-09-24",
    ]
    assert calendar(Period(2017, 1), PLAIN, date(2017, 1, 1)).query("phase == 'baseline'").empty
    monday_start = calendar(Period(2018, 1), PLAIN, date(2017, 1, 1)).query("phase == 'baseline'")
    assert str(monday_start.end_date.iloc[-1].date()) == "2017-12-31"


def test_holiday_weeks_do_not_count_towards_the_baseline() -> None:
    """Thanksgiving 2017 is 23 November (W47); Christmas takes W51 (Sunday, 24 December) and W52."""
    found = calendar(Period(2018, 1), HOLIDAYS, date(2017, 1, 1))
    masked = found[found.holiday.ne("")]
    assert dict(zip(masked.week, masked.holiday, strict=True)) == {
        "2017-W47": "thanksgiving", "2017-W51": "christmas", "2017-W52": "christmas"}  # fmt: skip
    before = found[found.phase == "baseline"]
    assert (len(before), int(before.holiday.eq("").sum()), before.week.iloc[0]) == (29, 26, "2017-W24")


@pytest.mark.parametrize(
    ("name", "day", "other"),
    [("spring_festival", date(2017, 1, 27), date(2017, 2, 6)), ("spring_festival", date(2024, 2, 16), date(2024, 2, 19)),
     ("national_day", date(2017, 10, 7), date(2017, 10, 9)), ("easter", date(2017, 4, 17), date(2017, 4, 24)),
     ("easter", date(2024, 3, 29), date(2024, 4, 2)), ("thanksgiving", date(2024, 11, 28), date(2024, 11, 21)), ("new_year", date(2018, 1, 1), date(2017, 12, 31))],
)  # fmt: skip
def test_holidays_fall_where_the_calendar_has_them(name: str, day: date, other: date) -> None:
    """New Year's Eve 除夕 2017 was 27 January, the sixth day of 2024's festival 15 to 16 February; Easter 2017: 16 April."""
    at = pd.DataFrame({"start_date": pd.to_datetime([day, other]), "end_date": pd.to_datetime([day, other])})
    named = holidays.names(at, Weekly(holidays=(name,)))  # type: ignore[arg-type]
    assert list(named["holiday"]) == [name, ""]


def test_an_own_holiday_and_a_year_beyond_the_table() -> None:
    at = pd.DataFrame({"start_date": pd.to_datetime(["2017-06-05"]), "end_date": pd.to_datetime(["2017-06-11"])})
    own = Closed(name_en="Stocktaking", name_zh="盘点", start=date(2017, 6, 11), end=date(2017, 6, 12))
    named = holidays.names(at, Weekly(holidays=(own, "christmas")))
    assert (named["holiday"][0], named["holiday_zh"][0]) == ("Stocktaking", "盘点")
    later = at + pd.DateOffset(years=40)
    with pytest.raises(InputError, match="spring_festival is known from 2000 to 2050, not for 2057"):
        holidays.names(later, Weekly(holidays=("spring_festival",)))
