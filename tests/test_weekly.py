"""Weekly monitoring: KPIs by week, adjustments, and what is said and drawn; the method, sections 8.1 and 8.3."""

import math
from datetime import date, timedelta

import pandas as pd
import pytest
from drawn import touching
from hypothesis import given, settings
from hypothesis import strategies as st
from weekly_books import BOOK, HOLIDAYS, PLAIN, Q4, days_of, measured, of, steady, tasks_table

from crmlib import schema
from crmlib.kpi import execution, limits, quarterly, weekly
from crmlib.periods import Period
from crmlib.strategy import adjustments
from crmlib.views import charts_weekly, narrative_steps, narrative_weekly, style

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
    assert drawn.alt.startswith({"en": f"Signals: {word}", "zh": f"信号：{word}"}[lang]) and "2017-W50" in drawn.alt
    sentence = str(narrative_weekly.signals(found, limits.false_alarms(weekly.baseline_size(found)), lang))
    assert "W45" in sentence and "15.8%" in sentence
    assert "W47" in str(narrative_weekly.masked(found, lang))
    few = measured([*steady(date(2017, 9, 4), date(2017, 12, 25)), ("A", date(2017, 12, 31), 1, 1)])
    assert {"en": "Limits need 12", "zh": "至少需要12周"}[lang] in str(
        narrative_weekly.signals(few, (math.nan, math.nan), lang)
    )
    assert style.picture(charts_weekly.run_charts(weekly.nothing(), lang, BOOK)).is_empty


def of_weeks(kpi: str, numbers: list[int], above: list[int]) -> pd.DataFrame:
    start = pd.to_datetime("2017-10-02") + pd.to_timedelta([7 * (n - 40) for n in numbers], unit="D")
    return pd.DataFrame({"kpi": kpi, "week": [f"2017-W{n}" for n in numbers], "start_date": start, "phase": "quarter",
                         "holiday": "", "mean": 5.0, "lower_limit": 4.0, "signal": "outside",
                         "kpi_value": [9.0 if n in above else 1.0 for n in numbers]})  # fmt: skip


def test_weeks_on_end_are_a_span_and_eight_are_a_new_level():
    """Orders are high from W40 to W47; revenue is low in W40 and W41, high in W42, and low again in W45."""
    found = pd.concat([of_weeks("orders", [*range(40, 48)], [*range(40, 48)]),
                       of_weeks("net_revenue", [40, 41, 42, 45], [42])])  # fmt: skip
    en, zh = (str(narrative_weekly.signals(found, limits.false_alarms(30), lang)) for lang in ("en", "zh"))
    assert "Signals: Orders W40–W47 (outside the limits); Net revenue W40–W41, W42, W45 (outside the limits)." in en
    assert "8 weeks or more in a row are no single events: the level has shifted (Orders). Limits rest" in en
    assert "W40–W47" in zh and "水平已经改变（订单数）" in zh
    assert "shifted" not in str(narrative_weekly.signals(found[found["week"] > "2017-W40"], (0.1, 0.1), "en"))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_small_chart_names_its_last_whole_week_and_wide_limits_have_room(lang: str) -> None:
    """The quarter ends on Sunday, the data on Wednesday: W52 is cut."""
    rows = steady(date(2017, 6, 5), date(2017, 12, 25), (1_234_567_890_00, 1_345_678_901_00))
    found = weekly.chosen(measured(rows, Period(2017, 4, date(2017, 12, 27))), weekly.CUSTOMERS)
    ax = charts_weekly.run_charts(found, lang, BOOK.model_copy(update={"currency": "IDR"}))
    assert touching(ax) == []
    said = [text.get_text() for panel in ax.child_axes for text in panel.texts]
    assert any("W51" in text for text in said) and not any("W52" in text for text in said)
    outside = found.assign(signal=["above" if week == "2017-W51" else "" for week in found["week"]])
    title = charts_weekly.run_charts(outside, lang, BOOK).get_title(loc="left")
    assert title.startswith({"en": "Signals up to W51: ", "zh": "截至W51的信号："}[lang])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_best_campaign_is_not_one_of_a_few_people(lang):
    rows = pd.DataFrame({"campaign_source": "campaign_data", "is_running": True, "campaign_id": ["A", "B"],
                         "targeted": [4, 50], "responded": [2, 10], "response_rate": [0.5, 0.2]})  # fmt: skip
    said = [narrative_weekly.campaigns(rows.head(n), lang, least).text for n, least in ((2, 5), (2, 1), (1, 5))]
    best = {"en": ["most in B (20.0% of 50)", "most in A (50.0% of 4)"], "zh": ["B（50人中20.0%）", "A（4人中50.0%）"]}[
        lang
    ]
    assert best[0] in said[0] and best[1] in said[1]
    assert {"en": "most in", "zh": "最高的是"}[lang] not in said[2]
