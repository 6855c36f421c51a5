"""Weekly monitoring: limits, weeks, holidays, pace, adjustments. Golden values: the method, sections 8.1 and 8.3."""

import math
from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import params, schema
from crmlib.errors import InputError
from crmlib.kpi import execution, holidays, limits, pace, quarterly, reach, weekly, weeks
from crmlib.params import Closed, Strategy, Weekly
from crmlib.periods import Period
from crmlib.strategy import adjustments
from crmlib.views import charts_weekly, narrative_steps, narrative_weekly, style

Q4 = Period(2017, 4)
PLAIN = Strategy(budget=0)
HOLIDAYS = Strategy(budget=0, weekly=Weekly(holidays=("thanksgiving", "christmas")))
WEEKS = pd.Series([52, 48, 55, 50, 47, 53, 51, 49, 60, 46, 54])
BOOK = params.Book(name_en="Shop", name_zh="店", currency="USD")


def days_of(rows: list[tuple[str, date, int, int]]) -> ibis.Table:
    """`purchase_days` from customer, day, orders, cents."""
    names = ("customer_id", "order_date", "orders", "net_minor")
    types = (pa.string(), pa.date32(), pa.int64(), pa.int64())
    columns = list(zip(*rows, strict=True)) or [[], [], [], []]
    return ibis.memtable(pa.table([pa.array(c, t) for c, t in zip(columns, types, strict=True)], names=list(names)))


def steady(first: date, last: date, amounts: tuple[int, ...] = (10_000, 11_000)) -> list[tuple[str, date, int, int]]:
    """One customer who buys once a Monday, for the amounts in turn."""
    mondays = [first + timedelta(days=7 * i) for i in range((last - first).days // 7 + 1)]
    return [("A", day, 1, amounts[i % len(amounts)]) for i, day in enumerate(mondays)]


def measured(rows: list[tuple[str, date, int, int]], period: Period = Q4, strategy: Strategy = PLAIN) -> pd.DataFrame:
    days = days_of(rows)
    return weekly.purchases(days, weekly.calendar(days, period, strategy), period, strategy)


def of(found: pd.DataFrame, kpi: str) -> pd.DataFrame:
    return found[found["kpi"] == kpi].set_index("week")


# Limits


def test_limits_of_a_run_chart() -> None:
    found = limits.xmr(WEEKS)
    assert (found.mean, found.low, found.high) == pytest.approx((51.364, 34.872, 67.856), abs=1e-3)
    assert WEEKS.diff().abs().mean() == pytest.approx(6.2)
    share = limits.p_chart(0.8, 40)
    assert (share.low, share.high) == pytest.approx((0.6103, 0.9897), abs=1e-4)
    assert limits.p_chart(0.99, 5).high == 1 and math.isnan(float(limits.p_chart(0.5, 0).low))


def test_counts_have_no_limit_below_zero() -> None:
    """0 and 4 in turn: mean 2, moving range 4, so 2 - 10.64; money that was negative once keeps its limit."""
    assert limits.xmr(pd.Series([0.0, 4, 0, 4])).low == 0
    assert limits.xmr(pd.Series([0.0, 4, 0, -4])).low < 0


def test_a_week_outside_or_eight_in_a_row_is_a_signal() -> None:
    limit = limits.xmr(WEEKS)
    assert list(limits.signals(pd.Series([50, 30, 68]), limit)) == ["", "outside", "outside"]
    assert list(limits.signals(pd.Series([52.0] * 9), limit)) == [""] * 7 + ["run"] * 2
    broken = pd.Series([52.0] * 7 + [limit.mean] + [52.0] * 7)
    assert (limits.signals(broken, limit) == "").all()
    assert (limits.signals(pd.Series([limit.mean] * 9), limit) == "").all()
    assert (limits.signals(pd.Series([1.0, 99.0]), limits.NO_LIMITS) == "").all()


def test_laneys_limits_from_the_spread_between_weeks() -> None:
    """30 and 10 of 40 in turn: p 0.5, binomial sd 0.0791, z +-3.162, moving range 6.325, /1.128 = 5.607 times."""
    hits, n = pd.Series([30, 10] * 6), pd.Series([40] * 12)
    assert limits.dispersion(hits, n) == pytest.approx(5.6069, abs=1e-4)
    few = limits.rate(hits, n, pd.Series([400]))
    assert few.rule == "laney"
    assert float(few.high[0]) == pytest.approx(0.5 + 3 * math.sqrt(0.25 / 400) * 5.6069, abs=1e-4)  # 0.92052
    calm = limits.rate(pd.Series([21, 20] * 6), n, pd.Series([40, 9]))  # p 0.5125
    assert (calm.rule, float(calm.high[0])) == ("p_chart", pytest.approx(0.5125 + 3 * math.sqrt(0.5125 * 0.4875 / 40)))
    assert math.isnan(calm.low[1])  # nine cases expect 4.4 misses


def test_false_alarms_are_as_often_as_the_method_says() -> None:
    """26 baseline weeks, 13 watched: a week outside in 9.2 % of quiet quarters, eight in a row in 4.5 %."""
    rng = np.random.default_rng(1)
    outside = run = 0
    for quarter in rng.normal(size=(3_000, 39)):
        band = limits.xmr(pd.Series(quarter[:26]))
        found = quarter[26:]
        outside += bool(((found > band.high) | (found < band.low)).any())
        side = "".join("+" if value > band.mean else "-" for value in found)
        run += "+" * 8 in side or "-" * 8 in side
    told = limits.false_alarms(26)
    assert outside / 3_000 == pytest.approx(told[0], abs=0.017)
    assert run / 3_000 == pytest.approx(told[1], abs=0.012)
    assert limits.false_alarms(25) == (0.158, 0.067) and math.isnan(limits.false_alarms(11)[0])


# Weeks and holidays


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


# KPIs by week

PURCHASES = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.integers(0, 180), st.integers(0, 2), st.integers(-500, 5_000)), max_size=25
)


@settings(max_examples=12, deadline=None)
@given(PURCHASES)
def test_the_weeks_add_to_the_quarter(rows: list[tuple[str, int, int, int]]) -> None:
    bought = [(c, date(2017, 7, 5) + timedelta(days=day), orders, cents) for c, day, orders, cents in rows]
    bought = [*bought, ("Z", date(2017, 7, 3), 1, 1), ("Z", Q4.as_of, 1, 100)]
    found, whole = measured(bought), quarterly.measure(days_of(bought), Q4)
    totals = whole[whole["period"] == "2017Q4"].set_index("kpi")["kpi_value"]
    inside = found[found["phase"] == "quarter"]
    for kpi in ("net_revenue", "orders"):
        assert inside.loc[inside["kpi"] == kpi, "kpi_value"].sum() == totals[kpi]
    assert schema.columns("weekly", found.columns)


def test_a_spike_stands_out_and_a_cut_week_is_not_judged() -> None:
    """2017Q4: weeks of 100 and 110 in turn give 105 +- 26.60; W45 takes 300, and the first of October is one day."""
    extra = [("B", date(2017, 11, 8), 1, 20_000), ("C", date(2017, 10, 1), 1, 90_000), ("A", date(2017, 12, 31), 1, 1)]
    revenue = of(measured([*steady(date(2017, 6, 5), date(2017, 12, 25)), *extra]), "net_revenue")
    assert (revenue["phase"] == "baseline").sum() == 16
    assert (revenue["mean"].iloc[0], revenue["upper_limit"].iloc[0]) == pytest.approx((10_500, 13_160))
    assert list(revenue.index[revenue["signal"] != ""]) == ["2017-W45"]
    cut = revenue.loc["2017-W39"]
    assert (cut["days"], cut["kpi_value"], cut["signal"], cut["is_partial"]) == (1, 90_000, "", True)


def test_a_holiday_week_sets_no_limit_and_gives_no_signal() -> None:
    """Ten times the money in Thanksgiving's week: no signal in 2017Q4, and no wider limits in 2018Q1."""
    rows = [
        *steady(date(2017, 6, 5), date(2018, 3, 26)),
        ("B", date(2017, 11, 23), 1, 100_000),
        ("B", date(2018, 3, 31), 1, 1),
    ]
    for strategy, signals in ((HOLIDAYS, []), (PLAIN, ["2017-W47"])):
        revenue = of(measured(rows, Q4, strategy), "net_revenue")
        assert list(revenue.index[revenue["signal"] != ""]) == signals
    masked = of(measured(rows, Period(2018, 1), HOLIDAYS), "net_revenue")
    plain = of(measured(rows, Period(2018, 1), PLAIN), "net_revenue")
    assert (
        masked["mean"].iloc[0] == pytest.approx((12 * 10_000 + 14 * 11_000) / 26)
        and masked["upper_limit"].iloc[0] < 14_000
    )
    assert plain["upper_limit"].iloc[0] > 20_000


def test_eleven_weeks_are_too_few_for_limits() -> None:
    last = date(2017, 12, 31)
    for first, has_limits in ((date(2017, 7, 3), True), (date(2017, 7, 10), False)):  # 12 and 11 whole weeks
        revenue = of(measured([*steady(first, last), ("A", last, 1, 1)]), "net_revenue")
        assert revenue["mean"].notna().all() == has_limits and revenue["mean"].notna().any() == has_limits


def test_who_is_new_who_came_back() -> None:
    """A buys in W40 and W41, B first in W41, C in W35 only: of those active in W37 to W40 (A) all came back in W41."""
    rows = [*steady(date(2017, 6, 5), date(2017, 6, 5)), ("C", date(2017, 8, 30), 1, 5), ("A", date(2017, 10, 3), 1, 5),
            ("A", date(2017, 10, 9), 1, 5), ("B", date(2017, 10, 15), 2, 5), ("A", date(2017, 12, 31), 1, 5)]  # fmt: skip
    found = measured(rows)
    new, back = of(found, "new_customers"), of(found, "weekly_return_rate")
    assert (new.loc["2017-W41", "kpi_value"], of(found, "returning_share").loc["2017-W41", "kpi_value"]) == (1, 0.5)
    assert (back.loc["2017-W41", "kpi_value"], back.loc["2017-W41", "n"]) == (1, 1)
    assert (back.loc["2017-W42", "kpi_value"], back.loc["2017-W42", "n"]) == (0, 2)
    assert math.isnan(new.loc["2017-W24", "kpi_value"])  # everybody is new when the data begin


def test_nothing_after_the_week_is_seen() -> None:
    """The rows of a later day change no figure of a page of W45."""
    cut = Period(2017, 4, date(2017, 11, 12))
    rows = [*steady(date(2017, 6, 5), date(2017, 11, 6)), ("A", date(2017, 11, 12), 1, 7)]
    later = [*rows, ("N", date(2017, 11, 13), 3, 999_999)]
    before, after = (measured(each, cut) for each in (rows, later))
    pd.testing.assert_frame_equal(before, after[after["week"] <= "2017-W45"].reset_index(drop=True))


# Pace


def goals(*rows: tuple[str, float]) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=["kpi", "target"])
    return found.assign(target_id=[f"G{n}" for n in range(1, len(found) + 1)], strategy_id="ST1", baseline=0.0,
                        target_unit="abs", due_date=pd.Timestamp("2024-03-31"), owner="L", provenance="actual")  # fmt: skip


def paced(shop: params.Settings, rows: list, register: pd.DataFrame, week: str) -> pd.DataFrame:
    seen = weeks.seen_from(shop, week)
    nothing = pd.DataFrame({"due_date": pd.to_datetime([]), "survey_date": pd.to_datetime([])})
    days = days_of([row for row in rows if row[1] <= seen.period.as_of])
    bought = quarterly.measure(days, seen.period)
    return pace.targets(register, days, pace.so_far(bought, (nothing, nothing, nothing), seen.period), seen)


def test_a_sum_is_expected_evenly_by_days_unless_last_year_is_known(shop: params.Settings) -> None:
    """2024-W05 ends on day 35 of 91. Last year 90 of 100 came in the first 35 days."""
    now = [("A", date(2024, 1, 10), 1, 40_000)]
    even = paced(shop, [("A", date(2023, 12, 1), 1, 1), *now], goals(("net_revenue", 910.0)), "2024-W05").iloc[0]
    assert (even["pace"], even["pace_basis"]) == (pytest.approx(35_000), "even_days")
    assert (even["actual"], even["target"], even["pace_state"]) == (40_000, 91_000, "ahead_of_pace")
    last_year = [("A", date(2023, 1, 1), 1, 0), ("A", date(2023, 2, 4), 1, 9_000), ("A", date(2023, 2, 5), 1, 1_000)]
    seasonal = paced(shop, [*last_year, *now], goals(("net_revenue", 910.0)), "2024-W05").iloc[0]
    assert (seasonal["pace"], seasonal["pace_basis"]) == (pytest.approx(0.9 * 91_000), "last_year")
    assert seasonal["pace_state"] == "behind_pace"


def test_a_count_of_customers_follows_the_quarter_before(shop: params.Settings) -> None:
    """Of last quarter's four customers three had bought by its day 35; a target of 8 is then at 6."""
    early = [(c, date(2023, 10, 5), 1, 100) for c in "ABC"]
    rows = [("A", date(2023, 9, 29), 1, 100), *early, ("D", date(2023, 12, 1), 1, 100), ("A", date(2024, 1, 3), 1, 100)]
    found = paced(shop, rows, goals(("active_customers", 8.0), ("average_ticket", 2.0)), "2024-W05").set_index("kpi")
    assert tuple(found.loc["active_customers", ["pace", "pace_basis"]]) == (pytest.approx(6), "quarter_before")
    assert tuple(found.loc["average_ticket", ["pace", "pace_basis", "pace_state"]]) == (
        200,
        "target_level",
        "behind_pace",
    )
    unknown = paced(shop, rows[-1:], goals(("active_customers", 8.0)), "2024-W05").iloc[0]
    assert (unknown["pace_basis"], unknown["pace_state"]) == ("no_shape", "no_pace") and math.isnan(unknown["pace"])


def test_at_the_end_of_the_quarter_the_pace_is_the_target(shop: params.Settings) -> None:
    rows = [("A", date(2023, 12, 1), 1, 1), ("A", date(2024, 3, 31), 1, 89_500)]
    found = paced(shop, rows, goals(("net_revenue", 910.0)), "").iloc[0]
    assert (found["pace"], found["pace_state"]) == (91_000, "on_pace")  # within 2 %
    assert paced(shop, rows, goals(("net_revenue", 910.0)).iloc[:0], "").empty


def test_the_pace_of_the_weeks_adds_to_the_target() -> None:
    bought = measured([*steady(date(2017, 6, 5), date(2017, 12, 25)), ("A", date(2017, 12, 31), 1, 1)])
    due = pd.DataFrame({"kpi": ["net_revenue", "average_ticket"], "target": [9_200.0, 3.0]})
    lined = pace.of_weeks(bought, due, days_of([("A", date(2017, 6, 5), 1, 1)]), Q4)
    assert of(lined, "net_revenue")["pace"].sum() == pytest.approx(9_200)
    assert of(lined, "net_revenue").loc["2017-W40", "pace"] == pytest.approx(700)
    assert set(of(lined, "average_ticket")["pace"].dropna()) == {3.0} and of(lined, "orders")["pace"].isna().all()


# Execution


def tasks_table() -> pd.DataFrame:
    return pd.DataFrame({"task_id": ["T1", "T2", "T3"], "owner": ["Li", "Li", "Wu"], "is_due": [True, True, False],
                         "is_on_time": [True, False, False], "is_late": [False, True, True], "slippage_days": [0, 9, 30],
                         "status": ["done", "partial", "open"], "provenance": "actual",
                         "due_date": pd.to_datetime(["2017-11-01", "2017-11-03", "2017-09-13"]), "task": "t",
                         "task_zh": "任务"})  # fmt: skip


def test_late_tasks_by_owner_count_those_of_earlier_quarters_too() -> None:
    found = execution.owners(tasks_table())
    assert found[["owner", "tasks_due", "tasks_on_time", "tasks_overdue", "worst_days", "task_ids"]].to_numpy().tolist() == [
        ["Wu", 0, 0, 1, 30, "T3"], ["Li", 2, 1, 1, 9, "T2"]]  # fmt: skip
    assert execution.owners(tasks_table().iloc[:0]).empty and schema.columns("owner_tasks", found.columns)


def test_contacts_in_time_by_tier() -> None:
    """Three of A's kind due, two in time: 2/3 [0.2077, 0.9385] (Wilson); a pending one is not due."""
    tickets = pd.DataFrame({"customer_id": ["a", "a", "a", "b", "z"], "provenance": "actual",
                            "reply_state": ["in_time", "late", "in_time", "pending", "overdue"],
                            "analysis_state": ["pending"] * 5})  # fmt: skip
    people = pd.DataFrame({"customer_id": ["a", "b"], "tier": ["high", "risk"]})
    plan = pd.DataFrame({"tier": ["risk"], "due": [40], "in_time": [30], "provenance": ["actual"]})
    found = execution.contacts(tickets, people, plan, params.Review()).set_index(["level", "tier"])
    assert list(found.index) == [("first_reply", "high"), ("first_reply", "none"), ("planned_contact", "risk")]
    assert tuple(found.loc[("first_reply", "high"), ["due", "in_time"]]) == (3, 2)
    assert found.loc[("first_reply", "high"), "low_rate"] == pytest.approx(0.2077, abs=1e-4)
    assert list(found["is_thin"]) == [True, True, False]


def test_planned_contacts_are_those_due_and_not_of_a_hold_out() -> None:
    listed = ibis.memtable(pd.DataFrame({"tier": ["high", "high", "risk", "risk"],
        "due_date": pd.to_datetime(["2017-11-01", "2017-12-01", "2017-10-09", None]),
        "completion_status": ["done", "open", "partial", "open"]})).mutate(due_date=lambda t: t.due_date.cast("date"))  # fmt: skip
    found = execution.planned(listed, Period(2017, 4, date(2017, 11, 12)))
    assert found is not None and found[["tier", "due", "in_time"]].to_numpy().tolist() == [
        ["high", 1, 1],
        ["risk", 1, 0],
    ]
    assert execution.planned(None, Q4) is None


def test_the_budget_used_beside_its_even_share() -> None:
    """46 of 92 days: half of 1,000 is due; costs outside the quarter's days do not count."""
    costs = ibis.memtable(pa.table({"cost_date": pa.array([date(2017, 9, 30), date(2017, 10, 1), date(2017, 11, 16)]),
                                    "cost_minor": pa.array([9, 300, 50])}))  # fmt: skip
    plan = pd.DataFrame({"cost_minor": [400, 600]})
    used = execution.spending(plan, costs, Period(2017, 4, date(2017, 11, 15)))
    assert used.to_numpy().tolist() == [[1_000, 500, 300, 0.3]]
    assert execution.spending(None, costs, Q4).empty and execution.spending(plan, None, Q4).empty


def test_response_is_of_all_targeted_customers() -> None:
    """K1 runs from W40, aims at a, b, c; a redeems twice in W41, b in W42 of another campaign."""
    shown = weeks.calendar(Q4, PLAIN, date(2017, 9, 25), date(2017, 10, 22))
    ids = ibis.memtable({"campaign_id": ["K1"] * 3 + ["K9"], "customer_id": ["a", "b", "c", "b"]})
    ran = ibis.memtable(
        pa.table({"campaign_id": ["K1"], "start_date": [date(2017, 10, 2)], "end_date": [date(2017, 11, 2)]})
    )
    used = ibis.memtable(pa.table({"campaign_id": ["K1", "K1", "K9"], "customer_id": ["a", "a", "b"],
                                   "redemption_date": [date(2017, 10, 9), date(2017, 10, 10), date(2017, 10, 16)]}))  # fmt: skip
    by_week = reach.response(shown, ran, ids, used).set_index("week")
    assert list(by_week.loc[["2017-W40", "2017-W41", "2017-W42"], "kpi_value"]) == [0, pytest.approx(1 / 3), 0]
    so_far = reach.progress(ran, ids, used, Period(2017, 4, date(2017, 10, 22))).iloc[0]
    assert (so_far["targeted"], so_far["responded"], so_far["is_running"]) == (3, 1, True)
    assert reach.progress(None, ids, used, Q4).empty and reach.response(shown, None, ids, used).empty


def test_only_the_treated_of_a_begun_campaign_are_followed() -> None:
    """CP1 began on 2 October: of a, b (treated) a bought since; h is held out; CP2 has not begun."""
    day = pd.Timestamp
    designs = [{"campaign_id": "CP1", "start_date": day("2017-10-02"), "end_date": day("2017-12-10")},
               {"campaign_id": "CP2", "start_date": day("2018-01-08"), "end_date": day("2018-03-18")}]  # fmt: skip
    lists = ibis.memtable(
        {"campaign_id": ["CP1"] * 3, "customer_id": ["a", "b", "h"], "arm": ["treated", "treated", "hold_out"]}
    )
    bought = days_of([("a", date(2017, 10, 9), 1, 5), ("b", date(2017, 10, 1), 1, 5), ("h", date(2017, 10, 9), 1, 5)])
    found = reach.treated(designs, lists, bought, Period(2017, 4, date(2017, 11, 12)))
    assert found[["campaign_id", "targeted", "responded", "is_running"]].to_numpy().tolist() == [["CP1", 2, 1, True]]
    assert "1 of 2 treated customers bought" in str(narrative_weekly.frozen(found, "en"))
    assert "没有已开始的设对照组活动" in str(narrative_weekly.frozen(found.iloc[:0], "zh"))


# Adjustments


def test_an_adjustment_after_the_quarter_is_not_known() -> None:
    texts = dict.fromkeys(["what", "what_zh", "why", "why_zh", "owner", "provenance"], "t")
    dates = pd.to_datetime(["2017-11-01", "2018-01-01", "2017-12-31"])
    plans = pd.DataFrame({"strategy_id": ["ST1"], "tier": "high", "strategy": "s", "strategy_zh": "策"})
    log = adjustments.log(pd.DataFrame({"adjusted_on": dates, "strategy_id": "ST1", **texts}), plans, Q4)
    assert log.adjusted_on.dt.strftime("%m-%d").to_list() == ["12-31", "11-01"]


def test_four_whole_weeks_on_either_side_of_a_change() -> None:
    """Money by week 100, 110, ... with W45 at 300. A change on Monday, 6 November counts from W45 on."""
    extra = [("B", date(2017, 11, 8), 1, 20_000), ("A", date(2017, 12, 31), 1, 1)]
    found = measured([*steady(date(2017, 6, 5), date(2017, 12, 25)), *extra], strategy=HOLIDAYS)
    revenue = of(found, "net_revenue")["kpi_value"]
    changes = pd.DataFrame(
        {"adjusted_on": pd.to_datetime(["2017-11-06", "2017-11-08", "2018-01-01"]), "strategy_id": "ST1"}
    )
    aims = pd.DataFrame({"strategy_id": ["ST1", "ST1"], "target_id": ["G1", "G2"], "kpi": ["net_revenue", "nps"]})
    seen = adjustments.seen(changes, aims, found, 4)
    monday, midweek, new_year = (seen.iloc[i] for i in range(3))
    assert (monday["kpi_before"], monday["weeks_before"]) == (
        revenue[["2017-W41", "2017-W42", "2017-W43", "2017-W44"]].mean(),
        4,
    )
    assert monday["kpi_after"] == revenue[["2017-W45", "2017-W46", "2017-W48", "2017-W49"]].mean()  # W47 is a holiday
    assert (monday["after_state"], midweek["after_state"]) == ("some_outside", "all_within")
    assert midweek["kpi_before"] == monday["kpi_before"] and midweek["weeks_after"] == 4
    assert (new_year["weeks_after"], new_year["after_state"]) == (0, "too_soon")
    log = narrative_steps.with_effects(changes, seen, BOOK)
    assert log["effect_seen"][0].startswith("Net revenue $105.00 → $") and "有周超出控制限" in log["effect_seen_zh"][0]
    assert log["effect_seen"][2] == "Net revenue: no whole week yet"


# What is said and drawn


def test_steps_begin_with_late_tasks_and_name_who_must_act() -> None:
    found = measured([*steady(date(2017, 6, 5), date(2017, 10, 30)), ("B", date(2017, 11, 5), 1, 90_000)],
                     Period(2017, 4, date(2017, 11, 5)))  # fmt: skip
    due = pd.DataFrame({"target_id": ["G1"], "kpi": ["net_revenue"], "kpi_unit": ["money"], "actual": [5_000.0],
                        "pace": [9_000.0], "pace_state": ["behind_pace"], "owner": ["Li"], "provenance": ["illustrative"],
                        "due_date": pd.to_datetime(["2017-12-31"])})  # fmt: skip
    open_tasks = execution.still_open(tasks_table(), Period(2017, 4, date(2017, 11, 5)))
    steps = narrative_steps.steps(due, found, open_tasks, BOOK)
    assert schema.columns("weekly_steps", steps.columns) and list(steps["rank"]) == list(range(1, len(steps) + 1))
    assert list(steps["todo"][:2]) == ["Finish T3 t: 30 days late.", "Finish T2 t: 9 days late."]
    assert "Find out what moved net revenue in 2017-W44" in steps["todo"][2] and steps["owner"][2] == "Li"
    assert steps["todo"].iloc[-1] == "Say how G1 will be reached: Net revenue $50.00 where $90.00 was expected by now."
    said = narrative_weekly.pace(due, "zh", BOOK)
    assert "1个目标中有1个落后于进度：净销售额为$50.00，此时应为$90.00" in str(said)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_small_charts_say_their_finding(lang: str) -> None:
    rows = [
        *steady(date(2017, 6, 5), date(2017, 12, 25)),
        ("B", date(2017, 11, 8), 1, 20_000),
        ("A", date(2017, 12, 31), 1, 1),
    ]
    found = weekly.chosen(measured(rows, strategy=HOLIDAYS), weekly.CUSTOMERS)
    drawn = style.picture(charts_weekly.run_charts(found, lang, BOOK))
    word = schema.word("net_revenue", lang)
    assert drawn.alt.startswith({"en": f"Signals: {word}", "zh": f"信号：{word}"}[lang]) and "2017-W52" in drawn.alt
    sentence = str(narrative_weekly.signals(found, limits.false_alarms(weekly.baseline_size(found)), lang))
    assert "W45" in sentence and "15.8%" in sentence
    assert "W47" in str(narrative_weekly.masked(found, lang))
    few = measured([*steady(date(2017, 9, 4), date(2017, 12, 25)), ("A", date(2017, 12, 31), 1, 1)])
    assert {"en": "Limits need 12", "zh": "至少需要12周"}[lang] in str(
        narrative_weekly.signals(few, (math.nan, math.nan), lang)
    )
    assert style.picture(charts_weekly.run_charts(weekly.nothing(), lang, BOOK)).is_empty
