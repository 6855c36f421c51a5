"""Allocation, schedule, plans and decisions. Golden values: the method, section 7; the rest by hand."""

import books
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import schema
from crmlib.io import registers
from crmlib.params import Book, Strategy
from crmlib.periods import Period
from crmlib.strategy import allocation, plans, schedule
from crmlib.views import charts_strategy, narrative_strategy, style

BOOK = Book(name_en="Tiny", name_zh="小账套", currency="USD")
Q4 = Period(2017, 4)
LANGS = ("en", "zh")


def actions(*rows: tuple, **columns: object) -> pd.DataFrame:
    """Actions from (id, tier, cost, hours, value, floor); the department is Mail."""
    names = ["action_id", "tier", "unit_cost", "unit_hours", "unit_value", "cover_share"]
    frame = pd.DataFrame(rows, columns=names).astype(dict.fromkeys(names[2:], "float64"))
    texts = {
        "strategy_id": "ST1",
        "action": frame.action_id + " call",
        "action_zh": frame.action_id + "电话",
        "department": "Mail",
    }
    return frame.assign(**(texts | {"value_basis": "planner", "provenance": "illustrative"} | columns))


def sizes(**customers: int) -> pd.DataFrame:
    frame = pd.DataFrame({"tier": list(customers), "customers": list(customers.values())})
    total = max(frame.customers.sum(), 1)
    return frame.assign(
        customer_share=frame.customers / total, monetary_12m_minor=frame.customers * 100, revenue_share=0.5
    )


def rules(budget: float, **changes: object) -> Strategy:
    return Strategy.model_validate({"budget": budget, "segment_sizes": [1], "segment_effects": [1], **changes})


# The method's v is net: our values are gross of the contact's cost, so 120 there is 130 here.
GOLDEN = actions(
    ("A", "high", 10, 1, 130, 0), ("B", "high", 10, 1, 70, 0),
    ("A", "risk", 5, 0.5, 55, 0.4), ("B", "risk", 5, 0.5, 35, 0),
)  # fmt: skip
SIZES = sizes(high=10, risk=20)


def price(solved: allocation.Allocation, kind: str) -> float:
    return solved.limits.loc[solved.limits.limit_kind == kind, "shadow_price"].iloc[0]


@pytest.mark.parametrize(("budget", "contacts", "value"), [(150, [10, 0, 10, 0], 1700), (160, [10, 0, 12, 0], 1800)])
def test_optimum_and_price_of_the_method(budget, contacts, value):
    solved = allocation.solve(GOLDEN, SIZES, rules(budget, department_hours={"Mail": 18}))
    assert solved.lines.contacts.to_list() == contacts
    assert solved.value == pytest.approx(value) and solved.lines.value.sum() == pytest.approx(value)
    assert price(solved, "budget") == pytest.approx(10) and price(solved, "hours") == 0
    assert solved.broken.empty and solved.budget_needed == pytest.approx(40)


def test_the_price_is_checked_by_solving_again():
    """10 % more than 150 buys three more contacts of 50: 10 each unit. 10 % less gives up those three."""
    row = allocation.solve(GOLDEN, SIZES, rules(160)).limits.iloc[0]
    assert (row.price_above, row.price_below) == (pytest.approx(10), pytest.approx(10))


def test_a_floor_that_binds_costs_something():
    """All 20 must be reached: one more at 5 would take half a contact of 120 away and bring 50."""
    strict = GOLDEN.assign(cover_share=[0, 0, 1, 0])
    assert price(allocation.solve(strict, SIZES, rules(150)), "cover") == pytest.approx(-10)


def test_a_floor_beyond_the_budget_is_named_with_the_way_out():
    """30 buys 6 of the 8 required contacts at 5 each; all 8 need 40."""
    solved = allocation.solve(GOLDEN, SIZES, rules(30))
    broken = solved.broken.iloc[0]
    assert (broken.tier, broken.action_id, broken.limit_amount, broken.shortfall) == ("risk", "A", 8, 2)
    assert solved.lines.contacts.to_list() == [0, 0, 6, 0] and solved.budget_needed == pytest.approx(40)
    english, chinese = (
        str(narrative_strategy.floors(allocation.limits(solved, STRATEGIES), 40, lang, BOOK)) for lang in LANGS
    )
    assert "A call (Churn risk): 2 of 8 fewer; or a budget of $40.00." in english
    assert "A电话（流失风险）：8人中减少2人；或将预算提高到$40.00。" in chinese


def test_a_floor_beyond_the_hours_cannot_be_bought():
    """Two hours allow four of the eight contacts at half an hour each, whatever the budget."""
    solved = allocation.solve(GOLDEN, SIZES, rules(1000, department_hours={"Mail": 2}))
    assert solved.broken.shortfall.to_list() == [4] and pd.isna(solved.budget_needed)


def test_contacts_are_whole_customers():
    """Of 5 customers the parts .2/.3/.3/.2 end at 1, 2 (2.5), 4, 5; a floor of one half asks for 3."""
    effects = {"segment_sizes": [0.2, 0.3, 0.3, 0.2], "segment_effects": [1, 0.6, 0.35, 0.15]}
    solved = allocation.solve(actions(("A", "high", 1, 0, 2, 0.5)), sizes(high=5), rules(100, **effects))
    assert solved.lines.contacts.to_list() == [3]
    assert solved.value == pytest.approx(1 + 0.2 - 0.3)


def test_no_actions_and_no_customers():
    empty = allocation.solve(GOLDEN.iloc[:0], SIZES, rules(10))
    assert empty.value == 0 and allocation.plan(empty, STRATEGIES, BOOK).empty
    nobody = allocation.solve(GOLDEN, sizes(high=0, risk=0), rules(10))
    assert nobody.value == 0 and nobody.lines.reached_share.eq(0).all() and nobody.broken.empty


PARTS = {
    "segment_sizes": [0.2, 0.3, 0.3, 0.2],
    "segment_effects": [1, 0.6, 0.35, 0.15],
    "department_hours": {"Mail": 6},
}
plan_rows = st.lists(
    st.tuples(st.sampled_from(["high", "risk"]), st.integers(1, 9), st.integers(0, 30), st.sampled_from([0, 0.1, 0.3])),
    min_size=1, max_size=4,
)  # fmt: skip


def drawn(rows: list[tuple], scale: float = 1.0, floor: float = 0.0) -> pd.DataFrame:
    lines = [(tier, cost * scale, 0.2, value * scale, share + floor) for tier, cost, value, share in rows]
    return actions(*((f"A{i}", *line) for i, line in enumerate(lines)))


@given(plan_rows, st.integers(0, 200), st.integers(1, 100))
@settings(max_examples=25, deadline=None)
def test_more_budget_never_lowers_the_value(rows, budget, more):
    """Among budgets that meet the floors; below that a floor gives way first."""
    table, enough = drawn(rows), allocation.solve(drawn(rows), SIZES, rules(10_000, **PARTS)).budget_needed
    least = budget + (0 if pd.isna(enough) else enough)
    low, high = (allocation.solve(table, SIZES, rules(b, **PARTS)) for b in (least, least + more))
    assert high.value >= low.value - 1e-6
    assert low.lines.cost.sum() <= least + 1e-6 and low.lines.hours.sum() <= 6 + 1e-6


@given(plan_rows, st.integers(50, 300))
@settings(max_examples=25, deadline=None)
def test_a_stricter_floor_never_raises_the_value(rows, budget):
    loose, strict = (allocation.solve(drawn(rows, floor=f), SIZES, rules(budget, **PARTS)) for f in (0, 0.2))
    assert strict.broken.size or strict.value <= loose.value + 1e-6


@given(plan_rows, st.integers(0, 300), st.sampled_from([0.01, 7.0, 100.0]))
@settings(max_examples=25, deadline=None)
def test_scaling_money_scales_the_value(rows, budget, scale):
    one = allocation.solve(drawn(rows), SIZES, rules(budget, **PARTS))
    other = allocation.solve(drawn(rows, scale), SIZES, rules(budget * scale, **PARTS))
    assert other.value == pytest.approx(scale * one.value, rel=1e-6, abs=1e-6 * scale)
    assert other.broken.shortfall.sum() == one.broken.shortfall.sum()


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text) if text else pd.NaT


def tasks(*rows: tuple[str, str, str, str, float, str]) -> pd.DataFrame:
    """Tasks from (id, start, due, done, progress, depends on)."""
    names = ["task_id", "start_date", "due_date", "done_date", "progress_share", "depends_on"]
    frame = pd.DataFrame([(r[0], *map(day, r[1:4]), *r[4:]) for r in rows], columns=names)
    texts = {"strategy_id": "ST1", "task": "t", "task_zh": "任务", "owner": "O", "provenance": "illustrative"}
    return frame.assign(**texts, status="open")


TASKS = tasks(
    ("T1", "2017-10-01", "2017-10-10", "2017-10-10", 1, ""),          # on the day: on time
    ("T2", "2017-10-05", "2017-10-12", "2017-10-15", 1, "T1"),        # too early; 3 days late
    ("T3", "2017-10-15", "2017-12-31", "", 0.5, "T2"),                # due on the last day: not overdue yet
    ("T4", "2017-12-01", "2017-12-30", "", 0, "T1; T3"),              # a day overdue; T3 is not finished
    ("T5", "2018-01-02", "2018-01-31", "", 0, "T3"),                  # T3 lasts to its due date
    ("T6", "2017-09-01", "2017-09-30", "2018-01-05", 1, ""),          # done later: open, progress unknown
    ("T7", "2018-01-02", "2018-01-05", "2018-01-04", 1, ""),          # all after the quarter
    ("T8", "2017-11-01", "2018-02-28", "", 0, "T6"),                  # T6 was due before, but is still open
)  # fmt: skip


def test_schedule_as_of_the_last_day():
    seen = schedule.gantt(TASKS, Q4).set_index("task_id").loc[[f"T{i}" for i in range(1, 9)]]
    assert seen.status.to_list() == ["done", "done", "partial", "open", "open", "open", "open", "open"]
    assert seen.slippage_days.to_list() == [0, 3, 0, 1, 0, 92, 0, 0]
    assert seen.is_late.to_list() == [False, False, False, True, False, True, False, False]
    assert seen.is_due.to_list() == [True, True, True, True, False, False, False, False]
    assert seen.is_on_time.to_list() == [True, False, False, False, False, False, False, False]
    assert seen.is_blocked.to_list() == [False, True, False, True, False, False, False, True]
    assert seen.progress_share.fillna(-1).to_list() == [1, 1, 0.5, 0, 0, -1, 0, 0]
    assert seen.done_date.isna().to_list() == [False, False, True, True, True, True, True, True]


@pytest.mark.parametrize("lang", LANGS)
def test_schedule_in_words(lang):
    seen = schedule.gantt(TASKS, Q4)
    words = str(narrative_strategy.schedule(seen, lang))
    assert {"en": "1 of 4 tasks due this quarter were done on time (4 are too few to judge by). Overdue: T6, T4.",
            "zh": "本季度到期任务4项，按时完成1项（仅4项，样本过少，不作评判）。逾期：T6、T4。"}[lang] in words  # fmt: skip
    assert {"en": "depend on: T2, T8, T4.", "zh": "T2、T8、T4。"}[lang] in words
    alt = style.picture(charts_strategy.gantt(seen, lang, Q4.as_of)).alt
    assert {"en": "1 of 4 tasks due", "zh": "到期任务4项，按时完成1项"}[lang] in alt


STRATEGIES = pd.DataFrame(
    {
        "strategy_id": ["ST2", "ST1"], "tier": ["risk", "high"], "opportunity_id": ["O9", "O1"], "department": "Mail",
        "department_zh": "邮件部", "owner": ["R", "H"], "provenance": "illustrative",
        "start_date": pd.to_datetime(["2017-12-31", "2018-01-02"]), "end_date": pd.to_datetime(["2018-03-31"] * 2),
    }
)  # fmt: skip
for _column in ("strategy", "measures", "resources", "channel", "cadence", "incentive"):
    STRATEGIES[[_column, f"{_column}_zh"]] = ["w", "文"]
MATRIX = pd.DataFrame(
    {
        "tier": ["potential", "high"], "opportunity_id": ["O2", "O1"], "opportunity": ["Fuel", "Deli"],
        "opportunity_zh": ["燃油", "熟食"], "opportunity_score": [80.0, 70.0], "first_share": [0.6, 0.4],
        "stake_minor": [900, 50_000], "buyers": [29, 30], "is_thin": [True, False],
    }
)  # fmt: skip
REASONS = pd.DataFrame({"risk_reason": ["new", "lapsed"], "customers": [9, 4], "monetary_12m_minor": [1, 70_000]})
TARGETS = pd.DataFrame(
    {
        "strategy_id": ["ST1", "ST1"], "kpi": ["retention_rate", "net_revenue"], "baseline": [0.9, 381_070.0],
        "target": [0.925, 400_000.0], "target_unit": ["pp", "pct"], "due_date": pd.Timestamp("2018-03-31"),
    }
)  # fmt: skip


def test_tier_strategies_are_filled_with_this_quarter():
    filled = plans.tier_strategies(STRATEGIES, sizes(high=10, potential=5), MATRIX, TARGETS)
    assert schema.columns("tier_strategies", filled.columns)
    assert filled.strategy_id.to_list() == ["ST1", "ST2"]
    assert filled.customers.to_list() == [10, 0] and filled.monetary_12m_minor.to_list() == [1000, 0]
    assert filled.opportunity_score.iloc[0] == 70 and pd.isna(filled.opportunity_score.iloc[1])
    assert filled.expected.iloc[0] == (
        "Retention rate: 90.0% → 92.5% by 2018-03-31; Net revenue: 381,070 → 400,000 by 2018-03-31"
    )
    assert "90.0% → 92.5%（2018-03-31 前）" in filled.expected_zh.iloc[0] and filled.expected.iloc[1] == ""
    assert plans.tiers_without_strategy(STRATEGIES, sizes(high=10, potential=5, general=0, none=3)) == ["potential"]


def test_an_answer_is_overdue_the_day_after_its_due_date():
    dates = pd.to_datetime(["2017-12-30", "2017-12-31", "2017-12-30"])
    texts = dict.fromkeys(["trigger", "trigger_zh", "adaptation", "adaptation_zh", "owner", "provenance"], "t")
    answers = pd.DataFrame({"adaptation_id": ["A1", "A2", "A3"], "factor_id": ["E1", "E2", ""], "tiers": "high; risk",
                            "due_date": dates, "status": ["open", "partial", "done"], **texts})  # fmt: skip
    pest = pd.DataFrame({"factor_id": ["E1", "E2"], "factor": "f", "factor_zh": "因", "impact_points": [4.0, -9.0]})
    plan = plans.adaptation_plan(answers, pest, Q4)
    assert plan.adaptation_id.to_list() == ["A2", "A1", "A3"]
    assert plan.is_late.to_list() == [False, True, False]
    assert schema.columns("adaptation_plan", plan.columns)


def test_an_adjustment_after_the_quarter_is_not_known():
    texts = dict.fromkeys(["what", "what_zh", "why", "why_zh", "owner", "provenance"], "t")
    dates = pd.to_datetime(["2017-11-01", "2018-01-01", "2017-12-31"])
    log = plans.adjustments_log(pd.DataFrame({"adjusted_on": dates, "strategy_id": "ST1", **texts}), STRATEGIES, Q4)
    assert log.adjusted_on.dt.strftime("%m-%d").to_list() == ["12-31", "11-01"]
    assert schema.columns("adjustments_log", log.columns)


def decided(budget: float) -> pd.DataFrame:
    solved = allocation.solve(GOLDEN, SIZES, rules(budget))
    plan, limits = allocation.plan(solved, STRATEGIES, BOOK), allocation.limits(solved, STRATEGIES)
    assert schema.columns("allocation", plan.columns) and schema.columns("allocation_limits", limits.columns)
    return narrative_strategy.decisions(plans.decisions(plan, limits, MATRIX, REASONS, STRATEGIES, Q4), BOOK)


def test_decisions_are_ranked_by_money_and_say_their_numbers():
    """The thin cell is passed over. ST2 starts within the quarter, so its date is the next quarter's end."""
    found = decided(150)
    assert schema.columns("decisions", found.columns) == list(found.columns)
    assert found["rank"].to_list() == [1, 2, 3] and found.amount_minor.to_list() == [70_000, 50_000, 15_000]
    assert found.owner.to_list() == ["R", "H", "H"]
    assert found.due_date.dt.strftime("%Y-%m-%d").to_list() == ["2018-03-31", "2018-01-02", "2018-01-02"]
    lapsed, deli, budget = found.text_en
    assert "4 lapsed customers who spent $700.00" in lapsed
    assert '"Deli" for high value customers: 30 buyers spent $500.00' in deli and "40% of the draws: compare" in deli
    assert "Approve $150.00" in budget and "$1,700 of margin" in budget and "next $1.00 would return $10.00" in budget
    assert "4位已沉寂客户（近12个月消费$700.00）" in found.text_zh[0] and "“熟食”" in found.text_zh[1]
    assert "批准下季度客户接触预算$150.00" in found.text_zh[2] and "每再增加$1.00可带来$10.00" in found.text_zh[2]


def test_decisions_tell_a_broken_floor_and_a_budget_that_does_not_bind():
    assert "fall short by 2 customers" in decided(30).text_en.iloc[-1]
    assert "more budget would return nothing" in decided(10_000).text_en.iloc[-1]


def test_nothing_known_gives_no_decision(tmp_path):
    book = books.load(tmp_path)
    none = {
        name: registers.read(book, name)
        for name in ("strategies", "actions", "tasks", "adjustments", "trend_adaptations")
    }
    solved = allocation.solve(none["actions"], SIZES, rules(10))
    plan, limits = allocation.plan(solved, none["strategies"], BOOK), allocation.limits(solved, none["strategies"])
    found = plans.decisions(plan, limits, MATRIX.iloc[:0], REASONS.iloc[:0], none["strategies"], Q4)
    assert narrative_strategy.decisions(found, BOOK).empty
    assert schedule.gantt(none["tasks"], Q4).empty
    assert plans.adjustments_log(none["adjustments"], none["strategies"], Q4).empty
    assert "No actions are registered" in str(narrative_strategy.allocation(plan, limits, "en", BOOK))
    assert "尚未登记任务" in str(narrative_strategy.schedule(schedule.gantt(none["tasks"], Q4), "zh"))
    assert "No actions" in charts_strategy.budget_by_action(plan, "en", BOOK).get_figure(root=True).get_label()


@pytest.mark.parametrize("lang", LANGS)
def test_allocation_in_words(lang):
    solved = allocation.solve(GOLDEN, SIZES, rules(160, department_hours={"Mail": 18, "Typo": 5}))
    plan, limits = allocation.plan(solved, STRATEGIES, BOOK), allocation.limits(solved, STRATEGIES)
    said = str(narrative_strategy.allocation(plan, limits, lang, BOOK))
    assert all(number in said for number in ("$160.00", "$1,800", "$10.00"))
    assert {"en": "The budget binds", "zh": "预算已用足"}[lang] in said
    assert "Typo" in str(narrative_strategy.hours(plan, limits, lang))
    alt = style.picture(charts_strategy.budget_by_action(plan, lang, BOOK)).alt
    assert "$160.00" in alt and "$1,800" in alt
