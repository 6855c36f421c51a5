"""Demand by week and month, its outlook, and macro series beside it. Expected values by hand."""

from datetime import date

import drawn
import ibis
import numpy as np
import pandas as pd
import pytest

from crmlib import schema
from crmlib.io import engine
from crmlib.market import macro, trends
from crmlib.params import Book
from crmlib.periods import Period
from crmlib.views import charts_trend, narrative_trend, style

BOOK = Book(name_en="Tiny", name_zh="小账套", currency="USD")
LANGS = ("en", "zh")
Q4 = Period(2017, 4)
NO_GAPS = pd.DataFrame({"source": [], "start_date": pd.to_datetime([]), "end_date": pd.to_datetime([])})


def sales(first: str, last: str, minor: int = 100) -> pd.DataFrame:
    """The same sale of all customers every day."""
    days = pd.date_range(first, last)
    return pd.DataFrame({"series_kind": "total", "demand_series": "total", "order_date": days, "net_minor": minor})


def gap(first: str, last: str) -> pd.DataFrame:
    return pd.DataFrame(
        {"source": ["orders"], "start_date": pd.to_datetime([first]), "end_date": pd.to_datetime([last])}
    )


def weeks_of(frame: pd.DataFrame) -> pd.DataFrame:
    return trends.pick(frame, "total", "week")


def test_days_become_whole_weeks_and_months():
    """2017-09-01 is a Friday, 2017-10-31 a Tuesday: the first week and the last are cut."""
    found = trends.demand(sales("2017-09-01", "2017-10-31"), NO_GAPS, Period(2017, 4, date(2017, 10, 31)))
    weeks, months = weeks_of(found), trends.pick(found, "total", "month")
    assert list(weeks.net_minor) == [300, *([700] * 8), 200]
    assert list(weeks.is_whole) == [False, *([True] * 8), False]
    assert list(months.net_minor) == [3000, 3100] and months.is_whole.all()
    assert weeks.start_date.iloc[1] == pd.Timestamp("2017-09-04") and weeks.trend_minor.iloc[1] == 700
    assert pd.isna(weeks.trend_minor.iloc[0])


def test_a_missing_day_takes_the_week_out_and_three_leave_the_month_whole():
    daily = sales("2017-09-01", "2017-10-31")
    for last, is_whole in (("2017-10-12", True), ("2017-10-13", False)):
        found = trends.demand(daily, gap("2017-10-10", last), Period(2017, 4, date(2017, 10, 31)))
        weeks = weeks_of(found).set_index("start_date")
        assert not weeks.is_whole["2017-10-09"] and weeks.is_whole["2017-10-16"]
        assert list(trends.pick(found, "total", "month").is_whole) == [True, is_whole]


def test_gaps_of_another_source_do_not_matter():
    tickets = gap("2017-10-10", "2017-10-12").assign(source="tickets")
    assert weeks_of(trends.demand(sales("2017-10-02", "2017-10-29"), tickets, Q4)).is_whole.iloc[:4].all()


def test_too_short_is_said_with_what_is_needed():
    """14 whole weeks and 3 months: 33 and 15 are needed."""
    sold = trends.demand(sales("2017-09-25", "2017-12-31"), NO_GAPS, Q4)
    outlook, forecast = trends.outlook(sold, Q4)
    assert list(outlook.forecast_state) == ["too_short", "too_short"] and forecast.empty
    assert list(outlook.periods) == [3, 14] and list(outlook.periods_needed) == [15, 33]
    text = str(narrative_trend.demand(weeks_of(outlook), "en", BOOK))
    assert "14 whole weeks are too few" in text and "33 are needed" in text
    assert "33周" in str(narrative_trend.demand(weeks_of(outlook), "zh", BOOK))
    assert "It takes 117" in str(narrative_trend.season(weeks_of(outlook), weeks_of(sold), "en"))


def test_the_next_quarter_of_steady_sales():
    """7 a week for 13 weeks is 91, nothing else is possible; as much as in the 13 before."""
    sold = trends.demand(sales("2017-01-01", "2017-12-31", 100), NO_GAPS, Q4)
    outlook, forecast = trends.outlook(sold, Q4)
    row = weeks_of(outlook).iloc[0]
    assert (row.start_date, row.end_date) == (pd.Timestamp("2018-01-01"), pd.Timestamp("2018-04-01"))
    assert (row.expected_minor, row.low_95_minor, row.high_95_minor, row.before_minor) == (9100, 9100, 9100, 9100)
    assert row.forecast_method == "naive_last", "a tie goes to the simpler rule"
    assert row.slope_rate == 0 and row.year_before_minor == 9100
    assert list(forecast.expected_minor) == [700] * 13


def test_weeks_that_are_over_but_not_whole_are_no_part_of_the_horizon():
    """The last week misses a day: the 13 weeks still begin after the as-of date."""
    sold = trends.demand(noisy(), gap("2017-12-25", "2017-12-25"), Q4)
    outlook, forecast = trends.outlook(sold, Q4)
    assert weeks_of(outlook).start_date.item() == pd.Timestamp("2018-01-01") and len(weeks_of(forecast)) == 13
    assert weeks_of(outlook).periods.item() == 51


def test_a_sum_that_was_never_negative_has_no_range_below_nothing():
    """Every fourth week more comes back than is sold; any 13 weeks in a row are at least 0."""
    daily = noisy()
    week = (daily.order_date - daily.order_date.min()).dt.days // 7
    daily["net_minor"] = np.where(week % 4 == 0, -300, np.where(week % 4 == 1, 400, np.where(week % 4 == 2, 5, 0)))
    outlook, forecast = trends.outlook(trends.demand(daily, NO_GAPS, Q4), Q4)
    row = weeks_of(outlook).iloc[0]
    assert row.low_95_minor == 0 < row.high_95_minor
    assert (weeks_of(forecast).low_95_minor < 0).any(), "a single week may be below"


def test_old_data_are_not_carried_on():
    """The last order is a whole quarter back."""
    sold = trends.demand(sales("2016-06-01", "2017-09-20"), gap("2017-09-21", "2017-12-31"), Q4)
    assert "ended_early" in set(trends.outlook(sold, Q4)[0].forecast_state)


def noisy() -> pd.DataFrame:
    daily = sales("2017-01-01", "2017-12-31", 0)
    return daily.assign(net_minor=np.random.default_rng(7).poisson(10_000, len(daily)))


def test_row_order_changes_nothing():
    daily = noisy()
    one, other = (
        trends.outlook(trends.demand(frame, NO_GAPS, Q4), Q4) for frame in (daily, daily.sample(frac=1, random_state=1))
    )
    pd.testing.assert_frame_equal(one[0], other[0])
    pd.testing.assert_frame_equal(one[1], other[1])


DAYS = pd.DataFrame(
    [("a", "2017-03-30", 500), ("a", "2017-10-02", 300), ("b", "2017-10-02", 50), ("c", "2017-11-01", 7),
     ("a", "2018-01-01", 999)],
    columns=["customer_id", "order_date", "net_minor"],
).assign(order_date=lambda frame: pd.to_datetime(frame.order_date).dt.date)  # fmt: skip
TIERS = pd.DataFrame({"customer_id": ["a", "b", "d"], "tier": ["high", "none", "risk"]})


def daily(least: int, categories: pd.DataFrame | None = None) -> pd.DataFrame:
    sold = None if categories is None else ibis.memtable(categories)
    found = engine.frame(trends.daily(ibis.memtable(DAYS), ibis.memtable(TIERS), sold, Q4, least))
    return found.assign(order_date=found.order_date.dt.strftime("%Y-%m-%d"))


def test_tiers_are_those_of_the_freeze_and_counted_from_then_on():
    """Frozen at the end of 2017Q1: a's March sale is only in the total; b and c had no tier; 2018 is not seen."""
    assert trends.freeze(Q4) == Period(2017, 1)
    rows = daily(1).set_index(["demand_series", "order_date"]).net_minor
    assert rows.to_dict() == {
        ("high", "2017-10-02"): 300, ("no_tier_then", "2017-10-02"): 50, ("no_tier_then", "2017-11-01"): 7,
        ("total", "2017-03-30"): 500, ("total", "2017-10-02"): 350, ("total", "2017-11-01"): 7,
    }  # fmt: skip


def test_a_tier_of_few_customers_is_not_told():
    assert "high" not in set(daily(2).demand_series)


def test_a_book_without_tiers_then_has_no_series_by_tier():
    sold = trends.demand(daily(2).assign(order_date=lambda f: pd.to_datetime(f.order_date)), NO_GAPS, Q4)
    assert set(sold.series_kind) == {"total"}
    outlook = trends.outlook(sold, Q4)[0]
    told = narrative_trend.tiers(outlook.head(0), weeks_of(outlook), trends.freeze(Q4), "en", BOOK)
    assert "31 Mar 2017" in str(told)


def test_the_four_largest_categories_are_followed():
    rows = [(name, date(2017, 5, 1), size) for name, size in zip("ABCDE", (5, 1, 4, 3, 2), strict=True)]
    sold = pd.DataFrame([*rows, ("unknown", date(2017, 5, 1), 99)], columns=["category", "order_date", "net_minor"])
    found = daily(1, sold)
    assert list(found.demand_series[found.series_kind == "product_categories"]) == ["A", "C", "D", "E"]


def months(values: np.ndarray) -> pd.DataFrame:
    start = pd.date_range("2015-01-01", periods=len(values), freq="MS")
    return pd.DataFrame({"series_kind": "total", "demand_series": "total", "calendar": "month", "start_date": start,
                         "net_minor": values.astype("int64"), "is_whole": True, "season_minor": pd.array([pd.NA] * len(values), "Int64")})  # fmt: skip


def series(values: np.ndarray, freq: str = "ME") -> pd.DataFrame:
    dated = pd.date_range("2015-01-31", periods=len(values), freq=freq)
    return pd.DataFrame({"series": "m", "series_name": "Index", "series_name_zh": "指数", "observed_date": dated,
                         "series_value": values})  # fmt: skip


def test_a_leading_series_is_found_at_its_lag():
    """Demand is the series of two months before: their changes go together fully at lag 2 and at no other."""
    walk = np.round(np.cumsum(np.random.default_rng(2).normal(0, 100, 40)) + 5000)
    links = macro.links(months(np.append([5000, 5000], walk)[:40]), series(walk)).set_index("lag_periods")
    assert list(links.n) == [39, 38, 37, 36]
    assert links.association[2] > 0.999 and links.association_low[2] > 0.99
    assert list(links.is_notable_link) == [False, False, True, False]
    assert "2 periods earlier" in str(narrative_trend.macro(links.reset_index(), "en"))
    assert "先行2期" in str(narrative_trend.macro(links.reset_index(), "zh"))


def test_the_interval_of_a_correlation_by_hand():
    """Ranks 1..13 with the first two swapped: r = 1 - 6 x 2 / (13 x 168) = .9945; atanh = 2.947, half 1.96 x .3864."""
    steps = np.arange(1, 14.0)
    swapped = np.array([2, 1, *range(3, 14)], dtype=float)
    own, other = (np.cumsum(np.append([100], s)) for s in (steps, swapped))
    row = macro.links(months(own), series(other)).iloc[0]
    assert (row.n, row.association) == (13, pytest.approx(0.99451, abs=1e-5))
    half = 1.96 * np.sqrt((1 + 0.99451**2 / 2) / 10)
    assert row.association_low == pytest.approx(np.tanh(np.arctanh(0.99451) - half), abs=1e-4)


def test_unrelated_series_are_not_called_related():
    """30 pairs of random walks, 4 lags each: with adjustment at most a few are notable."""
    rng = np.random.default_rng(3)
    walks = [np.cumsum(rng.normal(0, 100, 36)) + 5000 for _ in range(30)]
    own = np.round(np.cumsum(rng.normal(0, 100, 36)) + 9000).astype(int)
    many = pd.concat([series(walk).assign(series=f"s{i}") for i, walk in enumerate(walks)])
    links = macro.links(months(own), many)
    assert len(links) == 120 and links.is_notable_link.sum() <= 2 and (links.p_value < 0.05).sum() >= 1


def test_too_few_common_periods_are_stated():
    links = macro.links(months(np.arange(12) ** 2), series(np.arange(12.0), "YE"))
    assert links[["calendar", "n", "link_state"]].to_numpy().tolist() == [["yearly", 0, "few_common"]]
    quarterly = macro.links(months(np.arange(12) ** 2), series(np.arange(4.0) ** 2, "QE"))
    assert set(quarterly.link_state) == {"few_common"} and list(quarterly.n) == [3, 2]
    assert "Too few common periods" in str(narrative_trend.macro(quarterly, "en"))
    assert "共同周期过少" in str(narrative_trend.macro(quarterly, "zh"))
    assert "No macro series" in str(
        narrative_trend.macro(macro.links(months(np.arange(12)), series(np.array([]))), "en")
    )


def test_tables_keep_their_promise():
    sold = trends.demand(noisy(), NO_GAPS, Q4)
    outlook, forecast = trends.outlook(sold, Q4)
    links = macro.links(sold, series(np.arange(12.0)))
    for name, frame in (
        ("demand", sold),
        ("demand_outlook", outlook),
        ("demand_forecast", forecast),
        ("macro_links", links),
    ):
        assert schema.columns(name, frame.columns)
        assert not frame.duplicated(list(schema.TABLES[name].key)).any()


@pytest.mark.parametrize("lang", LANGS)
def test_figures_and_sentences_tell_the_finding(lang):
    sold = trends.demand(noisy(), NO_GAPS, Q4)
    outlook, forecast = trends.outlook(sold, Q4)
    weeks = weeks_of(outlook)
    alt = style.picture(charts_trend.demand_forecast(weeks_of(sold), weeks_of(forecast), weeks, lang, BOOK)).alt
    told = str(narrative_trend.demand(weeks, lang, BOOK))
    mean = style.money(weeks.expected_minor.item(), BOOK, lang)
    assert mean in alt and mean in told and {"en": "No clear trend", "zh": "无明显趋势"}[lang] in told
    assert {"en": "exponential smoothing", "zh": "指数平滑"}[lang] in told
    panels = style.picture(charts_trend.demand_panels(weeks_of(sold), weeks_of(forecast), weeks, lang, BOOK))
    assert not panels.is_empty
    empty = [outlook.head(0), forecast.head(0), sold.head(0)]
    assert style.picture(charts_trend.demand_panels(empty[2], empty[1], empty[0], lang, BOOK)).is_empty
    season = style.picture(charts_trend.demand_season(trends.pick(sold, "total", "month"), lang, BOOK))
    assert season.is_empty and {"en": "two years and a quarter", "zh": "两年零一个季度"}[lang] in season.alt
    later = narrative_trend.tiers(empty[0], weeks, trends.freeze(Q4), lang, BOOK).text
    assert {"en": "nobody who had a tier on 31 Mar 2017 has bought since", "zh": "此后无人购买"}[lang] in later


@pytest.mark.parametrize("lang", LANGS)
def test_long_names_of_categories_stay_in_their_panel(lang):
    sold = trends.demand(noisy(), NO_GAPS, Q4)
    outlook, forecast = trends.outlook(sold, Q4)
    names = (
        "appliances.kitchen.refrigerators",
        "appliances.kitchen." + "washers-" * 9,
        "tea",
        "其他家用电器及其配件（进口）",
    )
    many = [
        pd.concat([weeks_of(frame).assign(demand_series=name) for name in names]) for frame in (sold, forecast, outlook)
    ]
    ax = charts_trend.demand_panels(*many, lang, BOOK)
    assert drawn.touching(ax) == []
    titles = [panel.get_title(loc="left").split("\n") for panel in ax.child_axes]
    assert sorted(title[0][:18] for title in titles) == sorted(name[:18] for name in names)
    assert [len(title) for title in titles] == [2] * 4 and any(title[0].endswith("…") for title in titles)


def test_the_key_stands_below_the_sales_and_returns_are_not_cut_off():
    sold = trends.demand(noisy(), NO_GAPS, Q4)
    outlook, forecast = trends.outlook(sold, Q4)
    given_back = weeks_of(sold).assign(net_minor=lambda f: f.net_minor.where(f.index != f.index[3], -100_000))
    ax = charts_trend.demand_forecast(given_back, weeks_of(forecast), weeks_of(outlook), "en", BOOK)
    style.picture(ax)
    assert ax.get_figure().legends[0].get_window_extent().y1 <= ax.get_window_extent().y0
    assert ax.get_ylim()[0] < -100_000 / 10**BOOK.minor_digits


def growing(n: int) -> pd.DataFrame:
    """A shop that sells 100 a day more each week, in the n weeks up to the end of 2017."""
    daily = sales(str(pd.Timestamp("2018-01-01") - pd.Timedelta(weeks=n)), "2017-12-31")
    return daily.assign(net_minor=1000 + 100 * (np.arange(len(daily)) // 7))


def test_last_year_is_not_carried_on_before_it_was_checked():
    """80 weeks: at each origin the naive rule was the last week, and so it is now; sales go on above those before."""
    outlook = trends.outlook(trends.demand(growing(80), NO_GAPS, Q4), Q4)[0]
    row = weeks_of(outlook).iloc[0]
    assert row.naive_method == "naive_last" and row.before_minor == 7 * sum(1000 + 100 * n for n in range(67, 80))
    assert row.expected_minor > row.before_minor > row.year_before_minor


def test_weeks_without_data_are_no_weeks_without_sales():
    """Data end in November: the 13 weeks before cannot be summed, and nothing is said of them."""
    daily = growing(80)
    until, silent = daily[daily["order_date"] < pd.Timestamp("2017-11-27")], gap("2017-11-27", "2017-12-31")
    outlook = trends.outlook(trends.demand(until, silent, Q4), Q4)[0]
    row = weeks_of(outlook).iloc[0]
    assert pd.isna(row.before_minor) and row.year_before_minor > 0
    for lang, word in (("en", "before"), ("zh", "前13")):
        told = str(narrative_trend.demand(weeks_of(outlook), lang, BOOK)).replace("a year before", "")
        assert word not in told
    assert charts_trend._expected(row, "en", BOOK).endswith("%")


@pytest.mark.parametrize("lang", LANGS)
def test_the_trend_names_its_span_and_that_it_is_no_forecast(lang):
    """80 whole weeks up to the end of 2017 begin on 20 Jun 2016."""
    weeks = weeks_of(trends.outlook(trends.demand(growing(80), NO_GAPS, Q4), Q4)[0])
    told = str(narrative_trend.demand(weeks, lang, BOOK))
    assert style.day(pd.Timestamp("2016-06-20"), lang) in told
    assert {"en": "The forecast need not go the same way", "zh": "预测不一定沿此方向"}[lang] in told
    assert {"en": "without their season", "zh": "已剔除季节性"}[lang] not in told


@pytest.mark.parametrize("lang", LANGS)
def test_the_sum_of_the_tiers_stands_beside_the_forecast_of_all(lang):
    """Each is forecast on its own; where one is not, there is no sum."""
    weeks = weeks_of(trends.outlook(trends.demand(growing(80), NO_GAPS, Q4), Q4)[0])
    parts = pd.concat([weeks.assign(demand_series=name, expected_minor=each) for name, each in (("a", 700), ("b", 34))])
    together, frozen = style.money(734, BOOK, lang), trends.freeze(Q4)
    whole = style.money(weeks.expected_minor.item(), BOOK, lang)
    told = str(narrative_trend.tiers(parts, weeks, frozen, lang, BOOK))
    assert together in told and whole in told
    short = parts.assign(forecast_state=["foretold", "too_short"])
    assert together not in str(narrative_trend.tiers(short, weeks, frozen, lang, BOOK))


@pytest.mark.parametrize("lang", LANGS)
def test_a_known_season_is_drawn(lang):
    """Three years; December sells twice as much."""
    daily = sales("2015-01-01", "2017-12-31")
    doubled = daily.assign(net_minor=daily.net_minor * (1 + (daily.order_date.dt.month == 12)))
    months = trends.pick(trends.demand(doubled, NO_GAPS, Q4), "total", "month")
    picture = style.picture(charts_trend.demand_season(months, lang, BOOK))
    assert {"en": "Dec stands out", "zh": "12月最旺"}[lang] in picture.alt


@pytest.mark.parametrize("lang", LANGS)
def test_what_is_not_known_of_a_trend_is_left_out(lang):
    """Sales in one week of each month: no trend in percent, and no usual step to measure errors by."""
    outlook, _forecast = trends.outlook(trends.demand(noisy(), NO_GAPS, Q4), Q4)
    unknown = ["slope_rate", "slope_low_rate", "slope_high_rate", "smooth_mase", "naive_mase"]
    whole = str(narrative_trend.demand(weeks_of(outlook), lang, BOOK))
    bare = str(narrative_trend.demand(weeks_of(outlook).assign(**dict.fromkeys(unknown, float("nan"))), lang, BOOK))
    absent = style.number(None, lang)
    assert absent not in whole and absent not in bare and len(bare) < len(whole)
    assert "MASE" in whole and "MASE" not in bare
