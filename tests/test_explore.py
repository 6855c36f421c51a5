"""Panels answer with the functions of the batch, whatever is tried: cut-offs, weights, hold-outs, effects, budgets."""

import math

import numpy as np
import pandas as pd
import pytest
import sample_book
from books import ANCHORS, TIERS
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import params
from crmlib.errors import InputError
from crmlib.io import engine
from crmlib.params import Holdout, Levels, Segment
from crmlib.segment import levels as level_rules
from crmlib.segment import tiers as tier_rules
from crmlib.views import charts_explore
from crmlib.views.explore import budget, effect, holdout, levels, moves, ranking, tiers

RULES = Segment.model_validate({"anchors": ANCHORS, "tiers": TIERS}).tiers
SCORED = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d"],
        "state": ["active", "active", "lapsed", "prospect"],
        "tier": ["high", "potential", "general", "none"],
        "recency_score": [90.0, 70, 50, 0],
        "frequency_score": [90.0, 70, 50, 0],
        "monetary_score": [90.0, 70, 50, 0],
        "monetary_12m_minor": [400, 300, 200, 0],
    }
)
RATE = holdout.Kpi("all", "window_repurchase_rate", "rate", 0.5, math.nan, math.nan, 400)
MONEY = holdout.Kpi("all", "window_net_revenue", "money", 1_000.0, 500.0, 0.6, 400)

book = sample_book.book


def pairs(cuts: dict[float, float]) -> dict[tuple[str, str], int]:
    cells = tiers.tier_cells(engine.table(SCORED), RULES)
    found = tiers.tier_thresholds_data(cells, tiers.with_cuts(RULES, cuts))
    return {(row.tier_then, row.tier_now): row.customers for row in found.itertuples()}


def test_nobody_moves_at_the_signed_off_cut_offs():
    assert pairs({}) == {
        ("high", "high"): 1,
        ("potential", "potential"): 1,
        ("general", "general"): 1,
        ("none", "none"): 1,
    }


def test_other_cut_offs_move_customers():
    """From 70 the second customer is in the high tier; at 55 for general the third falls to the last."""
    assert pairs({80: 70, 40: 55}) == {
        ("high", "high"): 1, ("potential", "high"): 1, ("general", "risk"): 1, ("none", "none"): 1,
    }  # fmt: skip


def test_cut_offs_must_fall():
    with pytest.raises(InputError, match="must fall"):
        tiers.with_cuts(RULES, {60: 85})


@settings(max_examples=8)
@given(
    st.lists(
        st.tuples(*[st.floats(0, 100).map(lambda x: round(x, 6))] * 3, st.integers(-50, 500)), min_size=1, max_size=20
    ),
    st.tuples(st.integers(61, 100), st.integers(41, 60), st.integers(1, 40)),
)
def test_cells_give_what_the_batch_would(rows: list[tuple[float, float, float, int]], cuts: tuple[int, int, int]):
    frame = pd.DataFrame(rows, columns=[*tiers.SCORES, "monetary_12m_minor"]).assign(state="active", tier="risk")
    rules = tiers.with_cuts(RULES, dict(zip((80, 60, 40), cuts, strict=True)))
    found = tiers.sizes_of(tiers.tier_thresholds_data(tiers.tier_cells(engine.table(frame), RULES), rules), rules)
    wanted = engine.frame(tier_rules.sizes(tier_rules.classify(engine.table(frame), rules), rules))
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)


def test_a_rule_with_finer_cut_offs_is_met_exactly():
    rules = tiers.with_cuts(RULES, {80: 80.5})
    frame = SCORED.head(2).assign(recency_score=[80.4, 80.5], frequency_score=90.0, monetary_score=90.0)
    found = tiers.tier_thresholds_data(tiers.tier_cells(engine.table(frame), rules), rules)
    assert set(zip(found["tier_then"], found["tier_now"], strict=True)) == {
        ("high", "potential"),
        ("potential", "high"),
    }


def test_ranking_by_weights():
    """Three customers; the weights turn the first two around: d = (1, 1, 0), rho = 1 - 6 * 2 / (3 * 8) = 0.5."""
    before, now = np.array([3.0, 2.0, 1.0]), np.array([2.0, 3.0, 1.0])
    assert ranking.alike(before, now).spearman == pytest.approx(0.5)
    assert ranking.alike(before, before).spearman == pytest.approx(1)


def test_a_cell_counts_for_its_customers():
    once = ranking.alike(np.array([3.0, 3, 2, 1]), np.array([1.0, 1, 3, 2]))
    many = ranking.alike(np.array([3.0, 2, 1]), np.array([1.0, 3, 2]), np.array([2, 1, 1]))
    assert many.spearman == pytest.approx(once.spearman)


def test_only_movers_are_told_the_largest_group_first():
    frame = pd.DataFrame({"then": ["a", "a", "b"], "now": ["a", "b", "c"], "customers": [9, 1, 5]})
    assert list(moves.moved(frame, "then", "now")["customers"]) == [5, 1]


LEVELLED = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c"],
        "level": ["strategic", "key", "not_scored"],
        "priority_score": [92.0, 75.0, np.nan],
        "value_score": [100.0, 90.0, 80.0],
        "potential_score": [90.0, 60.0, np.nan],
        "need_score": [75.0, np.nan, np.nan],
        "monetary_12m_minor": [300, 200, 100],
    }
)


def test_levels_by_other_weights():
    """Need alone, almost: a falls to 75 (key). b knows value and potential only: (0.1*90 + 0.1*60) / 0.2 = 75, key."""
    wanted = levels.with_weights(Levels(), {"value": 10, "potential": 10, "need": 80})
    tried = levels.level_weights_data(engine.table(LEVELLED), LEVELLED.head(2), wanted)
    found = {(r.level_then, r.level): r.customers for r in tried.moves.itertuples()}
    assert found == {("strategic", "key"): 1, ("key", "key"): 1, ("not_scored", "not_scored"): 1}


def test_priority_is_that_of_the_batch():
    """Whatever is known, the panel's S is the one that `segment.levels` makes of the same scores."""
    inputs = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c", "d"], "profit_minor": [5, 4, 3, 0], "tenure_days": [300, 200, 100, np.nan],
            "growth_rate": [0.1, np.nan, -0.2, np.nan], "needs_open": [1, np.nan, 2, np.nan],
            "needs_total": [2, np.nan, 3, np.nan], "service_level": [3, 4, np.nan, np.nan],
            "price_sensitivity": [2, np.nan, np.nan, 1], "monetary_12m_minor": [9, 8, 7, 0],
        }
    )  # fmt: skip
    whole = dict.fromkeys(["tenure_days", "needs_open", "needs_total", "service_level", "price_sensitivity"], "Int64")
    scored = engine.frame(level_rules.score(engine.table(inputs.astype(whole)), Levels()))
    table = engine.table(scored)
    again = engine.frame(table.mutate(s=levels._priority(table, Levels())))
    np.testing.assert_allclose(again["s"].to_numpy(float), scored["priority_score"].to_numpy(float), atol=2e-6)


def test_every_dimension_must_weigh_something():
    with pytest.raises(InputError, match="must each weigh"):
        levels.with_weights(Levels(), {"value": 0, "potential": 50, "need": 50})


def test_least_effect_shrinks_with_size_and_the_asked_pair_is_marked():
    frame = holdout.holdout_data(MONEY, 777, 0.4, Holdout())
    asked = frame[frame["is_asked"]]
    assert list(asked[["eligible", "holdout_share"]].itertuples(index=False, name=None)) == [(777, 0.4)]
    half = frame[frame["holdout_share"] == 0.5].set_index("eligible")["mde"]
    assert half.is_monotonic_decreasing
    assert half[400] / half[100] == pytest.approx(0.5)  # four times the customers


def test_orders_are_told_as_orders(book: params.Settings):
    """2.8016 * 1.2 * sqrt((1 - 0.6^2) * 2 / 100) = 0.38; the axis says orders, not money."""
    kpi = holdout.Kpi("all", "window_orders", "number", 2.5, 1.2, 0.6, 200)
    frame = holdout.holdout_data(kpi, 200, 0.5, Holdout())
    said = holdout.said(kpi, frame, Holdout(), book.book, "en").text
    assert "an effect of 0.38 orders or more" in said
    assert "(without a campaign: 2.50)" in said
    axes = charts_explore.least_effect(frame, kpi.unit, "Title", "zh", book.book)
    assert axes.get_ylabel().endswith("(单)")


def test_a_share_is_saved_where_tiers_of_that_size_take_it_from():
    rules = Holdout()
    assert holdout.with_share(rules, 300, 0.4) == {"shares": [[599, 0.4], [5_000, 0.2]]}
    assert holdout.with_share(rules, 90_000, 0.05) == {"large_share": 0.05}


def test_without_measured_kpis_there_is_one_to_plan_with():
    assert [kpi.base for kpi in holdout.kpis(None)] == [0.3]


def test_half_of_all_estimates_reach_a_target_that_is_the_true_effect():
    """With 200,000 customers the standard error of 5 pp is 0.22 pp: never insignificant, above the target half the time."""
    found = effect.effect_chances_data(effect.Case(RATE, 200_000, 0.5, 0.05, 0.05)).set_index("outcome")["chance"]
    assert found["effective"] == pytest.approx(0.5, abs=0.01)
    assert found["partly_effective"] == pytest.approx(0.5, abs=0.01)
    assert found.sum() == pytest.approx(1)


def test_no_effect_is_seldom_called_one():
    """At most 2.5 of 100 reviews of nothing find something; an arm too small earns no verdict at all."""
    found = effect.effect_chances_data(effect.Case(MONEY, 400, 0.5, 0.0, 100.0)).set_index("outcome")["chance"]
    assert found["effective"] + found["partly_effective"] <= 0.026
    small = effect.effect_chances_data(effect.Case(MONEY, 150, 0.5, 0.0, 100.0)).set_index("outcome")["chance"]
    assert small["inconclusive"] == 1


def test_standard_errors_by_hand():
    """sqrt(0.25 * (1/100 + 1/100)); for means 500 * sqrt((1 - 0.6^2) * 2 / 100)."""
    assert effect.standard_error(effect.Case(RATE, 200, 0.5, 0.0, 0.1)) == pytest.approx(0.0707107, abs=1e-6)
    assert effect.standard_error(effect.Case(MONEY, 200, 0.5, 0.0, 10.0)) == pytest.approx(56.5685, abs=1e-3)


def test_budgets_are_marked_once_where_they_are_the_same(book: params.Settings):
    curve = pd.DataFrame({"budget_minor": [0, 10_000], "value_minor": [0, 40_000]})
    assert budget.spots(curve, 50.0, 50.0, book.book) == {"signed": (50.0, 200.0)}
    assert budget.spots(curve, 50.0, 75.0, book.book)["tried"] == (75.0, 300.0)
