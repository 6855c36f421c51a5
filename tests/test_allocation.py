"""Allocation by tier. Golden values: the method, section 7; Hillier and Lieberman's Wyndor Glass; the rest by hand."""

import itertools

import numpy as np
import pandas as pd
import pytest
from allocations import BOOK, GOLDEN, SIZES, STRATEGIES, actions, rules, sizes
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import schema
from crmlib.strategy import allocation, program
from crmlib.views import charts_resources, narrative_resources, style

LANGS = ("en", "zh")


def limit(solved: allocation.Allocation, kind: str) -> pd.Series:
    return solved.limits[solved.limits.limit_kind == kind].iloc[0]


def price(solved: allocation.Allocation, kind: str) -> float:
    return limit(solved, kind).shadow_price


@pytest.mark.parametrize(("budget", "contacts", "value"), [(150, [10, 0, 10, 0], 1700), (160, [10, 0, 12, 0], 1800)])
def test_optimum_and_price_of_the_method(budget, contacts, value):
    solved = allocation.solve(GOLDEN, SIZES, rules(budget, department_hours={"Mail": 18}))
    assert solved.lines.contacts.to_list() == contacts
    assert solved.value == pytest.approx(value) and solved.lines.value.sum() == pytest.approx(value)
    assert price(solved, "budget") == pytest.approx(10) and price(solved, "hours") == 0
    assert solved.broken.empty and solved.relaxations.empty and solved.budget_needed == pytest.approx(40)


def test_published_optimum_duals_and_ranges():
    """Hillier and Lieberman, Introduction to Operations Research, Wyndor Glass Co.: maximise 3 x1 + 5 x2 with x1 <= 4,
    2 x2 <= 12, 3 x1 + 2 x2 <= 18. Optimum (2, 6), 36; duals 0, 3/2, 1; allowable ranges 6 to 18 and 12 to 24."""
    windows = actions(("A", "high", 3, 0, 6, 0), ("B", "risk", 2, 2, 7, 0), department=["Doors", "Windows"])
    solved = allocation.solve(windows, sizes(high=4, risk=99), rules(18, department_hours={"Windows": 12}))
    assert solved.lines.contacts.to_list() == [2, 6] and solved.value == pytest.approx(36)
    plant2, plant3 = limit(solved, "hours"), limit(solved, "budget")
    assert (plant2.shadow_price, plant3.shadow_price) == (pytest.approx(1.5), pytest.approx(1))
    assert price(solved, "contacts") == 0
    assert (plant2.holds_from, plant2.holds_to) == (pytest.approx(6, abs=1e-3), pytest.approx(18, abs=1e-3))
    assert (plant3.holds_from, plant3.holds_to) == (pytest.approx(12, abs=1e-3), pytest.approx(24, abs=1e-3))


def test_the_price_is_checked_by_solving_again():
    """10 % more than 160 buys three more contacts of 50: 10 each unit. 10 % less gives up as much."""
    row = allocation.solve(GOLDEN, SIZES, rules(160)).limits.iloc[0]
    assert (row.price_above, row.price_below) == (pytest.approx(10), pytest.approx(10))


def test_at_a_corner_the_price_is_that_of_the_next_unit():
    """100 buys exactly the 10 contacts at 12 a unit; the next unit of money buys contacts at 10 a unit."""
    row = limit(allocation.solve(GOLDEN.assign(cover_share=0.0), SIZES, rules(100)), "budget")
    assert row.shadow_price == pytest.approx(10) and row.price_below == pytest.approx(12)
    assert (row.holds_from, row.holds_to) == (pytest.approx(100, abs=1e-3), pytest.approx(200, abs=1e-3))


def test_a_price_holds_until_a_part_of_the_tier_is_full():
    """Five customers at a gain of 20 for 10, five more at 5 for 10: 2 a unit up to 50, then .5 up to 100."""
    parts = {"segment_sizes": [0.5, 0.5], "segment_effects": [1, 0.5]}
    for budget, worth, low, high in ((30, 2, 0, 50), (70, 0.5, 50, 100)):
        row = limit(
            allocation.solve(actions(("A", "high", 10, 0, 30, 0)), sizes(high=10), rules(budget, **parts)), "budget"
        )
        assert (row.shadow_price, row.holds_from, row.holds_to) == pytest.approx((worth, low, high), abs=1e-3)


def test_a_floor_that_binds_costs_something():
    """All 20 must be reached: one more at 5 would take half a contact of 120 away and bring 50."""
    strict = GOLDEN.assign(cover_share=[0, 0, 1, 0])
    assert price(allocation.solve(strict, SIZES, rules(150)), "cover") == pytest.approx(-10)


def test_a_floor_of_a_tier_may_be_met_by_any_action():
    """15 of 20 at 50 each for 75 leave 75 for 7.5 contacts at 120: one more required takes half of one away."""
    solved = allocation.solve(GOLDEN, SIZES, rules(150, allocation={"tier_cover": {"risk": 0.75, "none": 0.5}}))
    assert solved.lines.contacts.to_list() == [7, 0, 15, 0] and solved.value == pytest.approx(750 + 900)
    row = solved.limits[(solved.limits.limit_kind == "cover") & (solved.limits.action_id == "")].iloc[0]
    assert (row.tier, row.limit_amount, row.used_amount) == ("risk", 15, 15)
    assert row.shadow_price == pytest.approx(-10) and row.holds_to == pytest.approx(20, abs=1e-3)


def test_a_floor_beyond_the_budget_is_named_with_both_ways_out():
    """30 buys 6 of the 8 required contacts at 5 each; all 8 need 40."""
    solved = allocation.solve(GOLDEN, SIZES, rules(30))
    broken = solved.broken.iloc[0]
    assert (broken.tier, broken.action_id, broken.limit_amount, broken.shortfall) == ("risk", "A", 8, 2)
    assert solved.lines.contacts.to_list() == [0, 0, 6, 0] and solved.budget_needed == pytest.approx(40)
    ways, limits = allocation.relaxations(solved, STRATEGIES), allocation.limits(solved, STRATEGIES)
    assert list(ways.columns) == schema.columns("allocation_relaxations", ways.columns)
    english, chinese = (str(narrative_resources.floors(limits, ways, lang, BOOK)) for lang in LANGS)
    assert "A call (Churn risk) from 40% to 30% (8 to 6 customers)" in english
    assert "or raise the budget by $10.00, from $30.00 to $40.00." in english
    assert "A电话（流失风险）由40%降至30%（8位降至6位客户）；或提高预算$10.00（由$30.00增至$40.00）。" in chinese


def test_a_floor_beyond_the_hours_needs_hours():
    """Two hours allow four of the eight contacts at half an hour each, whatever the budget."""
    solved = allocation.solve(GOLDEN, SIZES, rules(1000, department_hours={"Mail": 2}))
    assert solved.broken.shortfall.to_list() == [4] and pd.isna(solved.budget_needed)
    raised = solved.relaxations[solved.relaxations.way == "raise_limits"].iloc[0]
    assert (raised.limit_kind, raised.department, raised.amended_amount) == ("hours", "Mail", pytest.approx(4))
    said = narrative_resources.floors(
        allocation.limits(solved, STRATEGIES), allocation.relaxations(solved, STRATEGIES), "en", BOOK
    )
    assert "raise the hours of Mail by 2.0, from 2.0 to 4.0" in str(said)


def test_floors_beyond_the_contact_limit_cannot_be_bought():
    """Two floors of 60 % each ask for 24 contacts of 20 customers: four must go, and no money helps."""
    both = GOLDEN.assign(cover_share=[0, 0, 0.6, 0.6])
    solved = allocation.solve(both, SIZES, rules(1000))
    assert solved.broken.shortfall.sum() == 4 and set(solved.relaxations.way) == {"lower_floors"}
    said = narrative_resources.floors(
        allocation.limits(solved, STRATEGIES), allocation.relaxations(solved, STRATEGIES), "en", BOOK
    )
    assert "the contact limits forbid it" in str(said)


def test_contacts_are_whole_customers():
    """Of 5 customers the parts .2/.3/.3/.2 end at 1, 2 (2.5), 4, 5; a floor of one half asks for 3."""
    effects = {"segment_sizes": [0.2, 0.3, 0.3, 0.2], "segment_effects": [1, 0.6, 0.35, 0.15]}
    solved = allocation.solve(actions(("A", "high", 1, 0, 2, 0.5)), sizes(high=5), rules(100, **effects))
    assert solved.lines.contacts.to_list() == [3]
    assert solved.value == pytest.approx(1 + 0.2 - 0.3)


def test_the_best_whole_contacts_are_not_the_rounded_ones():
    """Knapsack 10: costs 6, 5, 5, values 13, 10, 10. Rounded down: one of 13 (value 7); whole: two of 10 (value 10)."""
    knapsack = actions(("A", "high", 6, 0, 14, 0), ("B", "risk", 5, 0, 10, 0))
    people = sizes(high=1, risk=2)
    exact = allocation.solve(knapsack, people, rules(10, allocation={"integer": True})).lines
    assert exact.contacts.to_list() == [0, 2] and exact.value.sum() == pytest.approx(10)
    assert allocation.solve(knapsack, people, rules(10)).lines.contacts.to_list() == [1, 0]


def test_no_actions_and_no_customers():
    empty = allocation.solve(GOLDEN.iloc[:0], SIZES, rules(10))
    assert empty.value == 0 and allocation.plan(empty, STRATEGIES, BOOK).empty
    assert allocation.relaxations(empty, STRATEGIES).empty
    curve = allocation.curve_data(GOLDEN.iloc[:0], SIZES, rules(10), BOOK)
    assert "No actions" in str(narrative_resources.budget_curve(curve, "en", BOOK))
    assert "尚未登记" in style.picture(charts_resources.budget_curve(curve, "zh", BOOK)).alt
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
@settings(max_examples=10, deadline=None)
def test_more_budget_never_lowers_the_value(rows, budget, more):
    """Among budgets that meet the floors; below that a floor gives way first."""
    table, enough = drawn(rows), allocation.solve(drawn(rows), SIZES, rules(10_000, **PARTS)).budget_needed
    least = budget + (0 if pd.isna(enough) else enough)
    low, high = (allocation.solve(table, SIZES, rules(b, **PARTS)) for b in (least, least + more))
    assert high.value >= low.value - 1e-6
    assert low.lines.cost.sum() <= least + 1e-6 and low.lines.hours.sum() <= 6 + 1e-6


@given(plan_rows, st.integers(50, 300))
@settings(max_examples=10, deadline=None)
def test_a_stricter_floor_never_raises_the_value(rows, budget):
    loose, strict = (allocation.solve(drawn(rows, floor=f), SIZES, rules(budget, **PARTS)) for f in (0, 0.2))
    assert strict.broken.size or strict.value <= loose.value + 1e-6


@given(plan_rows, st.integers(0, 300), st.sampled_from([0.01, 7.0, 100.0]))
@settings(max_examples=10, deadline=None)
def test_scaling_money_scales_the_value(rows, budget, scale):
    one = allocation.solve(drawn(rows), SIZES, rules(budget, **PARTS))
    other = allocation.solve(drawn(rows, scale), SIZES, rules(budget * scale, **PARTS))
    assert other.value == pytest.approx(scale * one.value, rel=1e-6, abs=1e-6 * scale)
    assert other.broken.shortfall.sum() == one.broken.shortfall.sum()


@given(plan_rows, st.integers(0, 300), st.randoms(use_true_random=False))
@settings(max_examples=10, deadline=None)
def test_the_order_of_the_rows_changes_nothing(rows, budget, random):
    """Also between plans of equal value: each action here has a twin."""
    table = drawn([*rows, *rows])
    shuffled = table.sample(frac=1, random_state=random.randrange(1000))
    one, other = (allocation.solve(frame, SIZES, rules(budget, **PARTS)).lines for frame in (table, shuffled))
    keys = ["action_id", "tier"]
    pd.testing.assert_frame_equal(
        one.sort_values(keys).reset_index(drop=True), other.sort_values(keys).reset_index(drop=True)
    )


@given(plan_rows, st.integers(0, 300))
@settings(max_examples=10, deadline=None)
def test_parts_fill_in_order(rows, budget):
    met, best = allocation.feasible(program.build(drawn(rows), SIZES, rules(budget, **PARTS)))
    started, full = best.contacts > 1e-6, best.contacts > met.room - 1e-6
    assert (started[:, 1:] <= full[:, :-1]).all()


@given(plan_rows, st.integers(20, 300))
@settings(max_examples=15, deadline=None)
def test_a_price_holds_over_its_range(rows, budget):
    """Solved again at both ends of the range: the value has moved by the price times the distance."""
    solved = allocation.solve(drawn(rows), SIZES, rules(budget, **PARTS))
    row = limit(solved, "budget")
    if solved.broken.empty and row.shadow_price > 0:
        for end in (row.holds_from, min(row.holds_to, 1e4)):
            again = allocation.solve(drawn(rows), SIZES, rules(end, **PARTS))
            moved = solved.value + (end - budget) * row.shadow_price
            assert again.broken.size or again.value == pytest.approx(moved, rel=1e-4, abs=1e-2)


@given(plan_rows, st.integers(0, 60))
@settings(max_examples=10, deadline=None)
def test_both_ways_out_lead_out(rows, budget):
    table, settled = drawn(rows, floor=0.3), rules(budget, **PARTS)
    ways = allocation.solve(table, SIZES, settled).relaxations
    lower, raised = (ways[ways.way == way] for way in ("lower_floors", "raise_limits"))
    softer = table.merge(lower[["action_id", "tier", "amended_share"]], how="left", on=["action_id", "tier"])
    softer = softer.assign(cover_share=softer.amended_share.fillna(softer.cover_share))
    assert allocation.solve(softer, SIZES, settled).broken.empty
    if len(raised):
        amounts = dict(zip(raised.limit_kind, raised.amended_amount, strict=True))
        richer = rules(
            amounts.get("budget", budget) + 1e-6,
            **PARTS | {"department_hours": {"Mail": amounts.get("hours", 6) + 1e-6}},
        )
        assert allocation.solve(table, SIZES, richer).broken.empty


@given(plan_rows, st.integers(0, 80))
@settings(max_examples=10, deadline=None)
def test_whole_contacts_lie_between_the_rounded_and_the_divided_ones(rows, budget):
    rounded = allocation.solve(drawn(rows), SIZES, rules(budget, **PARTS))
    exact = allocation.solve(drawn(rows), SIZES, rules(budget, **PARTS, allocation={"integer": True})).lines
    assert exact.value.sum() <= rounded.value + 1e-6
    if (rounded.lines.value >= 0).all():
        assert exact.cost.sum() <= budget + 1e-6 and exact.value.sum() >= rounded.lines.value.sum() - 1e-6


def test_whole_contacts_equal_those_of_trying_all():
    costs, gains, budget = np.array([7, 4, 3]), np.array([13, 6, 4]), 23
    table = actions(*(("ABC"[i], "high", costs[i], 0, costs[i] + gains[i], 0) for i in range(3)))
    best = max(
        gains @ np.array(plan)
        for plan in itertools.product(range(6), repeat=3)
        if costs @ np.array(plan) <= budget and sum(plan) <= 5
    )
    exact = allocation.solve(table, sizes(high=5), rules(budget, allocation={"integer": True})).lines
    assert exact.value.sum() == pytest.approx(best)


def test_curve_of_budgets():
    """Least 40 (the floor); 120 each 10 spent up to 100 beyond it, then 50 each 5 up to 200 in all; none is below 1."""
    curve = allocation.curve_data(GOLDEN, SIZES, rules(150), BOOK)
    assert list(curve.columns) == schema.columns("budget_curve", curve.columns)
    at = curve[curve.budget_mark != ""].set_index("budget_mark")
    assert at.budget_minor.to_dict() == {"least": 4_000, "planned": 15_000, "saturated": 20_000}
    assert at.value_minor.to_dict() == {"least": 40_000, "planned": 170_000, "saturated": 220_000}
    assert at.shadow_price.to_list() == pytest.approx([12, 10, 0])
    steps = np.diff(curve.value_minor) / np.diff(curve.budget_minor)
    assert (steps >= -1e-6).all() and (np.diff(steps) <= 1e-3).all()


def test_from_where_a_unit_brings_less_than_one():
    """Gains of 2 and .5 a unit of money, 10 customers each at 10: from 100 on the next unit brings .5, from 200 none."""
    table = actions(("A", "high", 10, 0, 30, 0), ("B", "risk", 10, 0, 15, 0))
    curve = allocation.curve_data(table, sizes(high=10, risk=10), rules(150), BOOK)
    at = curve[curve.budget_mark != ""].set_index("budget_mark").budget_minor.to_dict()
    assert at == {"least": 0, "worth_one": 10_000, "planned": 15_000, "saturated": 20_000}
    english, chinese = (str(narrative_resources.budget_curve(curve, lang, BOOK)) for lang in LANGS)
    assert "planned budget is beyond $100.00" in english and "beyond $200.00 nothing more" in english
    assert "计划预算已超过$100.00" in chinese and "超过$200.00后不再增加" in chinese
    drawn = charts_resources.budget_curve(curve, "en", BOOK)
    assert "next $1.00 brings $0.50" in style.picture(drawn).alt
    assert len(drawn.texts) == 4
    assert all(text.get_window_extent().y0 > drawn.get_window_extent().y0 for text in drawn.texts)


def test_another_budget_by_slider():
    moved = allocation.what_if_data(GOLDEN, SIZES, rules(150), 160)
    assert moved.contacts.to_list() == [10, 0, 12, 0] and moved.value.sum() == pytest.approx(1800)


@pytest.mark.parametrize("lang", LANGS)
def test_allocation_in_words(lang):
    solved = allocation.solve(GOLDEN, SIZES, rules(160, department_hours={"Mail": 18, "Typo": 5}))
    plan, limits = allocation.plan(solved, STRATEGIES, BOOK), allocation.limits(solved, STRATEGIES)
    said = str(narrative_resources.allocation(plan, limits, lang, BOOK))
    assert all(number in said for number in ("$160.00", "$1,800", "$10.00"))
    assert {"en": "The budget binds", "zh": "预算已用足"}[lang] in said
    assert {"en": "for budgets from $140.00 to $180.00", "zh": "预算在$140.00至$180.00之间"}[lang] in said
    assert "Typo" in str(narrative_resources.hours(plan, limits, lang))
    alt = style.picture(charts_resources.budget_by_action(plan, lang, BOOK)).alt
    assert "$160.00" in alt and "$1,800" in alt
