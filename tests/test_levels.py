"""Value, potential, need. Golden values: the method, sections 2.4 and 10."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.errors import InputError
from crmlib.io import engine
from crmlib.params import Levels
from crmlib.periods import Period
from crmlib.segment import evidence, levels

FIXED = Levels(max_tenure_days=1000)
NOT_KNOWN = {
    "growth_rate": None,
    "needs_total": None,
    "needs_open": None,
    "service_level": None,
    "price_sensitivity": None,
}
TYPES = {"customer_id": "str", "profit_minor": "Int64", "monetary_12m_minor": "Int64", "tenure_days": "Int64",
         "growth_rate": "float64", "needs_total": "Int64", "needs_open": "Int64", "service_level": "Int64",
         "price_sensitivity": "Int64"}  # fmt: skip


def scored(rows: list[dict], how: Levels = FIXED) -> pd.DataFrame:
    """Scores and levels of customers; what a row does not say is not known, its id is its place."""
    frame = pd.DataFrame([{"customer_id": f"{n:03d}", "monetary_12m_minor": 0, "tenure_days": 10, **NOT_KNOWN, **row}
                          for n, row in enumerate(rows)])  # fmt: skip
    table = engine.table(frame.astype(TYPES)[list(TYPES)])
    return engine.frame(levels.assign(levels.score(table, how), how).order_by("customer_id"))


GOLDEN = {"profit_minor": 10, "tenure_days": 800, "growth_rate": 0.125, "needs_total": 10, "needs_open": 6,
          "service_level": 4, "price_sensitivity": 2}  # fmt: skip


def test_the_golden_customer_is_key():
    """Best profit of ten is percentile .95; tenure .8 of the longest; growth .75 between its anchors; 6 of 10 needs."""
    found = scored([GOLDEN, *({"profit_minor": n} for n in range(9))]).iloc[0]
    assert [found[f"{d}_score"] for d in levels.DIMENSIONS] == pytest.approx([87.5, 64.5, 75])
    assert found["priority_score"] == pytest.approx(78.1)
    assert (found["level"], found["missing_dimensions"], found["missing_inputs"]) == ("key", "", "")


@pytest.mark.parametrize(("profits", "value", "priority", "level"),
                         [((0, 100), 50, 75, "key"), ((60, 40), 80, 90, "strategic")])  # fmt: skip
def test_with_profit_as_a_share_only_the_giant_can_be_strategic(profits, value, priority, level):
    """The published form: everything else at its best, a share of 0 gives at most 75, and 90 needs a share of 60 %."""
    best = {"tenure_days": 1000, "growth_rate": 0.2, "needs_total": 1, "needs_open": 1, "service_level": 5,
            "price_sensitivity": 1}  # fmt: skip
    found = scored([{**best, "profit_minor": profits[0]}, {"profit_minor": profits[1]}],
                   FIXED.model_copy(update={"profit": "share"})).iloc[0]  # fmt: skip
    assert (found["value_score"], found["priority_score"], found["level"]) == (value, pytest.approx(priority), level)


def test_a_share_of_a_loss_is_refused():
    with pytest.raises(InputError, match=r"segment.levels.profit is 'share'.*adds to -5 minor units"):
        scored([{"profit_minor": 5}, {"profit_minor": -10}], FIXED.model_copy(update={"profit": "share"}))


def test_profit_over_its_p99_is_capped_and_losses_are_zero():
    rows = [{"profit_minor": n, "tenure_days": 0} for n in (-50, 0, 50, 100, 100)]
    found = scored(rows, FIXED.model_copy(update={"profit": "cap_p99"}))
    assert found["value_score"].tolist() == [0, 0, 25, 50, 50]


def test_equal_profits_are_equal_and_the_longest_tenure_is_p99():
    found = scored([{"profit_minor": p, "tenure_days": t} for p, t in ((1, 0), (2, 100), (2, 100), (3, 100))], Levels())
    assert found["value_score"].tolist() == [6.25, 75, 75, 93.75]  # (.125, .5, .5, .875) / 2 and tenure of 100 days


POINTS = {(90, 90, 90): (90, "strategic"), (10, 90, 50): (42, "potential"), (60, 20, 25): (41, "potential"),
          (70, 70, 70): (70, "key"), (69.9, 70, 70): (69.95, "ordinary"), (0, 0, 0): (0, "optimise")}  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
def test_cut_offs_at_golden_points(point):
    """V, P, N made from inputs that give exactly them: tenure only, needs only, price only."""
    priority, level = POINTS[point]
    assert levels._priority(np.array([point], float), np.array([[0.5, 0.3, 0.2]]))[0, 0] == pytest.approx(priority)
    table = engine.table(pd.DataFrame({"customer_id": ["a"], "priority_score": [priority], "value_score": [point[0]]}))
    assert engine.frame(levels.assign(table, FIXED))["level"].tolist() == [level]


def test_low_value_with_both_growth_and_needs_is_confirmed_potential():
    poor = {"profit_minor": 0, "tenure_days": 0}
    rows = [{**poor, "growth_rate": 0.5, "needs_total": 4, "needs_open": 3}, {**poor, "needs_total": 1, "needs_open": 1},
            {**poor, "growth_rate": 0.5, "needs_total": 2, "needs_open": 1}]  # fmt: skip
    found = scored(rows)
    assert found["potential_score"].tolist() == [82.5, 100, 65]
    assert found["growth_confirmed"].tolist() == [True, False, False]


def test_a_missing_dimension_shares_its_weight_and_two_give_no_score():
    half = {"profit_minor": 1, "tenure_days": 300, "price_sensitivity": 3}
    found = scored([half, {"profit_minor": 1}, {"tenure_days": None, "profit_minor": 0, "price_sensitivity": 3}])
    assert found["value_score"].iloc[0] == pytest.approx(100 * (0.5 * 0.5 + 0.5 * 0.3))
    assert found["priority_score"].iloc[0] == pytest.approx((0.5 * 40 + 0.2 * 50) / 0.7)
    assert found["priority_score"].isna().tolist() == [False, True, True]
    assert found["level"].tolist() == ["potential", "not_scored", "not_scored"]  # 42.86
    assert found["missing_dimensions"].tolist() == [
        "dimension_potential", "dimension_potential; dimension_need", "dimension_value; dimension_potential"]  # fmt: skip


def test_a_dimension_needs_half_of_its_weight():
    """Growth alone (0.3) makes no potential, needs alone (0.7) do; so with service and price."""
    rows = [{"growth_rate": 0.2}, {"needs_total": 4, "needs_open": 1}, {"service_level": 5}, {"price_sensitivity": 1}]
    found = scored([{"profit_minor": 1, **row} for row in rows])
    assert found["potential_score"].fillna(-1).tolist() == [-1, 25, -1, -1]
    assert found["need_score"].fillna(-1).tolist() == [-1, -1, -1, 100]


def test_no_known_need_leaves_none_open_and_is_flagged():
    found = scored([{"profit_minor": 1, "growth_rate": 0.05, "needs_total": 0, "needs_open": 0}]).iloc[0]
    assert found["potential_score"] == pytest.approx(15)
    assert "input_needs" in found["missing_inputs"]


def ranked(scores: list[tuple[str, float | None, float | None]], quotas: dict | None = None) -> dict[str, str]:
    table = engine.table(pd.DataFrame(scores, columns=["customer_id", "priority_score", "value_score"])
                         .astype({"priority_score": float, "value_score": float}))  # fmt: skip
    found = engine.frame(levels.assign(table, Levels(mode="quota", **(quotas or {}))))
    return dict(zip(found["customer_id"], found["level"], strict=True))


def test_quotas_of_a_hundred_are_12_22_54_7_5():
    found = pd.Series(ranked([(f"{n:03d}", float(n), 1.0) for n in range(100)])).value_counts()
    assert found.reindex(levels.LEVELS).tolist() == [12, 22, 54, 7, 5]


def test_a_tie_at_the_edge_of_a_quota_goes_to_the_higher_value_then_the_smaller_id():
    quotas = {"quotas": (0.25, 0.25, 0.25, 0.25, 0.0)}
    found = ranked([("d", 50, None), ("c", 50, 9), ("b", 50, 8), ("a", 50, 8), ("e", None, 99)], quotas)
    assert found == {"c": "strategic", "a": "key", "b": "ordinary", "d": "potential", "e": "not_scored"}


def test_sizes_stand_beside_the_target_shares_and_count_scored_customers_only():
    rows = [{**GOLDEN, "monetary_12m_minor": 300}, {"profit_minor": 1, "monetary_12m_minor": 100}]
    table = engine.table(scored(rows))
    found = engine.frame(levels.sizes(table, FIXED)).set_index("level")
    assert found["customers"].tolist() == [0, 1, 0, 0, 0, 1]
    assert found.loc["key", ["customer_share", "target_low", "target_high", "revenue_share"]].tolist() == [
        1,
        0.2,
        0.25,
        0.75,
    ]
    assert pd.isna(found.loc["not_scored", "customer_share"]) and found["revenue_share"].sum() == pytest.approx(1)
    lacks = engine.frame(levels.lacking(table)).set_index("missing_inputs")["customers"]
    assert lacks.to_dict() == {"input_growth": 1, "input_needs": 1, "input_price": 1, "input_service": 1}


amount, grade = st.integers(-50, 50), st.none() | st.integers(1, 5)
customers = st.lists(
    st.fixed_dictionaries({
        "profit_minor": amount, "tenure_days": st.integers(0, 1500), "growth_rate": st.none() | st.floats(-2, 2),
        "needs_total": st.just(5), "needs_open": st.integers(0, 4), "service_level": grade, "price_sensitivity": grade,
    }), min_size=2, max_size=8,
)  # fmt: skip
BETTER = {"profit_minor": 7, "tenure_days": 90, "growth_rate": 0.1, "needs_open": 1, "service_level": 1,
          "price_sensitivity": -1}  # fmt: skip


@settings(max_examples=15)
@given(rows=customers, which=st.sampled_from(sorted(BETTER)), mode=st.sampled_from(["cutoff", "quota"]))
def test_a_better_input_never_lowers_score_or_level(rows, which, mode):
    first = {**rows[0], which: rows[0][which] if rows[0][which] is not None else 3}
    raised = first[which] + BETTER[which]
    if which in ("service_level", "price_sensitivity"):
        raised = min(max(raised, 1), 5)
    how = FIXED.model_copy(update={"mode": mode})
    before, after = (scored([{**first, **change}, *rows[1:]], how).iloc[0] for change in ({}, {which: raised}))
    if pd.isna(before["priority_score"]):
        return
    assert after["priority_score"] >= before["priority_score"]
    order = [*levels.LEVELS]
    assert order.index(after["level"]) <= order.index(before["level"])


@settings(max_examples=15)
@given(rows=customers, seed=st.integers(0, 99))
def test_row_order_changes_nothing_and_a_reference_in_pandas_agrees(rows, seed):
    frame = scored(rows)
    ids = [f"{n:03d}" for n in range(len(rows))]
    mixed = [dict(row, customer_id=i) for i, row in zip(ids, rows, strict=True)]
    np.random.default_rng(seed).shuffle(mixed)
    pd.testing.assert_frame_equal(frame, scored(mixed))
    given = pd.DataFrame(rows)
    rank = (given["profit_minor"].rank() - 0.5) / len(given)
    value = 100 * (0.5 * rank + 0.5 * (given["tenure_days"] / 1000).clip(upper=1))
    np.testing.assert_allclose(frame["value_score"], value, atol=1e-6)
    own = levels._priority(
        frame[["value_score", "potential_score", "need_score"]].to_numpy(float), np.array([[0.5, 0.3, 0.2]])
    )
    known = frame["priority_score"].notna().to_numpy()
    np.testing.assert_allclose(frame["priority_score"][known], own[0][known], atol=2e-6)


def test_sensitivity_is_seeded_and_vanishes_with_certain_weights():
    sampled = pd.DataFrame({"customer_id": [f"{n:03d}" for n in range(50)], "value_score": np.linspace(0, 100, 50),
                            "potential_score": np.linspace(100, 0, 50), "need_score": np.linspace(20, 80, 50)})  # fmt: skip
    how = FIXED.model_copy(update={"draws": 50})
    first, again = (levels.sensitivity(sampled, how, 1) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert first["level"].tolist() == [*levels.LEVELS, "all"] and first["customers"].iloc[-1] == 50
    assert first.iloc[-1]["level_change_share"] > 0.02 and first.iloc[-1]["spearman"] < 1
    sure = levels.sensitivity(sampled, how.model_copy(update={"concentration": 1e9}), 1).iloc[-1]
    assert sure["level_change_share"] == 0 and sure["kendall"] == pytest.approx(1)
    assert levels.sensitivity(sampled.head(0), how, 1).empty


def test_sensitivity_in_quota_mode_keeps_the_quotas():
    sampled = pd.DataFrame({"customer_id": [f"{n:03d}" for n in range(100)], "value_score": np.arange(100.0),
                            "potential_score": np.nan, "need_score": 50.0})  # fmt: skip
    found = levels.sensitivity(sampled, Levels(mode="quota", draws=20), 1)
    assert found["customers"].tolist() == [12, 22, 54, 7, 5, 100]
    assert found["level_change_share"].iloc[-1] == 0  # only the value differs, so no weight can change the order


PERIOD = Period(2023, 4)


def bought(rows: list[tuple[str, str, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "order_date", "net_minor"])
    return frame.assign(order_date=pd.to_datetime(frame["order_date"]).dt.date, orders=1)


def grown(rows: list[tuple[str, str, int]], window: str = "half_year", quiet_days: int = 7) -> dict[str, float]:
    days = bought(rows)
    first = (
        days.groupby("customer_id", as_index=False)["order_date"]
        .min()
        .rename(columns={"order_date": "first_order_date"})
    )
    table = evidence.growth(engine.table(first), engine.table(days), PERIOD, window, quiet_days)
    return engine.frame(table).set_index("customer_id")["growth_rate"].round(9).to_dict()


def test_windows_are_equal_disjoint_and_end_at_as_of():
    for window in ("year", "half_year", "quarter"):
        before, start = evidence.windows(PERIOD, window)
        assert PERIOD.as_of - start == start - before
    assert evidence.windows(PERIOD, "half_year") == (date(2022, 12, 28), date(2023, 6, 30))
    assert evidence.windows(Period(2023, 4, date(2023, 11, 30)), "quarter") == (date(2023, 7, 31), date(2023, 9, 30))


def test_growth_by_hand_with_the_days_at_the_edges():
    """The later window is (06-30, 12-31], the earlier (2022-12-28, 06-30]."""
    rows = [("A", "2022-12-29", 50), ("A", "2023-06-30", 50), ("A", "2023-07-01", 60), ("A", "2023-12-31", 60),
            ("B", "2022-12-28", 999), ("B", "2023-01-05", 100), ("B", "2024-01-01", 999),
            ("C", "2022-12-01", 10), ("C", "2023-08-01", 10), ("D", "2023-08-01", 10)]  # fmt: skip
    found = grown(rows)
    assert (found["A"], found["B"]) == (0.2, -1.0)
    assert pd.isna(found["C"]) and pd.isna(found["D"])  # spent nothing before; was no customer before


def test_growth_of_a_recent_customer_is_per_day_and_too_recent_is_not_known():
    """Half of 184 days is 92: first order on 03-31 has 92 days before 07-01, on 04-01 has 91."""
    rows = [("old", "2022-12-01", 1), ("in", "2023-03-31", 100), ("in", "2023-07-01", 100),
            ("out", "2023-04-01", 100), ("out", "2023-07-01", 100)]  # fmt: skip
    found = grown(rows)
    assert found["in"] == pytest.approx(0.5 - 1) and pd.isna(found["out"])


def test_growth_is_not_known_where_the_data_begin_inside_the_earlier_window():
    rows = [("A", "2023-01-06", 100), ("A", "2023-07-01", 100)]
    assert pd.isna(grown(rows)["A"]) and not pd.isna(grown(rows, quiet_days=8)["A"])


def test_profit_takes_the_margin_and_the_customers_own_costs_of_the_window():
    base = engine.table(pd.DataFrame({"customer_id": ["A", "B"], "monetary_12m_minor": [1001, 200]}))
    costs = pd.DataFrame({"customer_id": ["A", "A", "B", None], "cost_minor": [50, 7, 300, 999],
                          "cost_date": [date(2023, 5, 1), date(2022, 12, 31), date(2023, 12, 31), date(2023, 5, 1)]})  # fmt: skip
    with_costs = engine.frame(evidence.profit(base, engine.table(costs), PERIOD, 0.5).order_by("customer_id"))
    assert with_costs["profit_minor"].tolist() == [451, -200]  # 500.5 - 50, half away from zero
    assert engine.frame(evidence.profit(base, None, PERIOD, None).order_by("customer_id"))["profit_minor"].tolist() == [
        1001,
        200,
    ]


def register(**columns: list) -> pd.DataFrame:
    size = len(next(iter(columns.values())))
    blank = {
        "needs_total": 1,
        "needs_open": 0,
        "service_level": 3,
        "price_sensitivity": 3,
        "need_type": "",
        "decision_complexity": "",
    }
    frame = pd.DataFrame({**{c: [v] * size for c, v in blank.items()}, **columns})
    return frame.assign(set_on=pd.to_datetime(frame["set_on"]))


def test_the_latest_note_up_to_the_quarters_end_counts():
    noted = register(customer_id=["A"] * 3, set_on=["2023-05-01", "2023-12-31", "2024-01-01"], service_level=[1, 2, 5])
    assert engine.frame(evidence.needs(engine.table(noted), PERIOD))["service_level"].tolist() == [2]


def test_more_open_needs_than_needs_are_refused():
    wrong = register(customer_id=["A"], set_on=["2023-05-01"], needs_open=[3])
    with pytest.raises(InputError, match=r"customer 'A', 2023-05-01: needs_open 3 is more than needs_total 1"):
        evidence.needs(engine.table(wrong), PERIOD)


def offers(period: Period = PERIOD) -> pd.DataFrame:
    """Four campaigns, of which `old` began before the 12 months and `late` after them."""
    starts = {"old": "2022-12-31", "c1": "2023-01-01", "c2": "2023-06-01", "c3": "2023-12-31", "late": "2024-01-01"}
    campaigns = pd.DataFrame({"campaign_id": list(starts), "start_date": pd.to_datetime(list(starts.values())).date})
    sent = pd.DataFrame(
        [(c, who) for c in starts for who in ("A", "B")] + [("c1", "C")], columns=["campaign_id", "customer_id"]
    )
    used = pd.DataFrame({"campaign_id": ["c1", "c1", "old", "c2"], "customer_id": ["A", "A", "B", "B"],
                         "redemption_date": [date(2023, 2, 1), date(2023, 2, 2), date(2023, 2, 1), date(2024, 1, 1)]})  # fmt: skip
    table = evidence.offers(engine.table(campaigns), engine.table(sent), engine.table(used), period)
    assert table is not None
    return engine.frame(table.order_by("customer_id"))


def test_offers_of_the_12_months_and_how_many_were_used_by_then():
    found = offers().set_index("customer_id")
    assert found["offers"].to_dict() == {"A": 3, "B": 3, "C": 1}
    assert found["offers_used"].to_dict() == {"A": 1, "B": 0, "C": 0}
    assert evidence.offers(None, None, None, PERIOD) is None


def test_price_sensitivity_from_the_share_of_offers_used():
    """With half a use on one offer more: 0 of 9 is .05, 0 of 4 .10, 0 of 2 .17, 2 of 4 .50, 3 of 4 .70; one is too few."""
    given = [(9, 0), (4, 0), (2, 0), (4, 2), (4, 3), (1, 1)]
    used = pd.DataFrame(given, columns=["offers", "offers_used"]).assign(customer_id=list("abcdef"))
    found = engine.frame(evidence.price(engine.table(used), Levels()).order_by("customer_id"))["price_seen"]
    assert found.fillna(0).tolist() == [1, 2, 3, 4, 5, 0]


def test_a_row_after_as_of_changes_no_input():
    rows = [("A", "2022-12-29", 50), ("A", "2023-08-01", 60)]
    assert grown(rows) == grown([*rows, ("A", str(PERIOD.as_of + timedelta(days=1)), 10_000)])


def test_settings_that_do_not_add_up_are_refused():
    for wrong in ({"quotas": (0.2, 0.2, 0.2, 0.2, 0.1)}, {"cutoffs": (90, 90, 50, 30)}, {"growth_low": 0.3},
                  {"weights": {"value": 0.5, "potential": 0.5}}, {"price_levels": (0.5, 0.1, 0.2, 0.3)}):  # fmt: skip
        with pytest.raises(ValueError, match=r"add to|fall from|above growth_low|above 0|not fall"):
            Levels(**wrong)
