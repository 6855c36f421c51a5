"""Tiers on the real path. Golden values: the method, sections 2.1 and 10 (repair A)."""

import itertools

import ibis
import pandas as pd
import pytest
from books import ANCHORS, TIERS
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis import _

from crmlib.errors import InputError
from crmlib.io import engine
from crmlib.params import Segment, TierRule
from crmlib.segment import distance, rfm, tiers

METHOD = Segment.model_validate({"anchors": ANCHORS, "tiers": TIERS})
SCALE = rfm.Scale()


def assigned(scores: ibis.Table) -> ibis.Table:
    """Tiers of a table with the three scores; the other columns are filled with what does not matter here."""
    filled = {"state": ibis.literal("active"), "tenure_days": ibis.literal(999), "recency_days": ibis.literal(10),
              "frequency_12m": ibis.literal(1), "monetary_12m_minor": ibis.literal(100)}  # fmt: skip
    return tiers.assign(scores.mutate(**{c: v for c, v in filled.items() if c not in scores.columns}), METHOD, SCALE)


@pytest.fixture(scope="module")
def cube() -> ibis.Table:
    """All 101^3 integer score points with their tier as a rank, 3 = high."""
    con = ibis.duckdb.connect()
    axis = [ibis.range(0, 101).unnest().name(c).as_table() for c in tiers.SCORES]
    points = axis[0].cross_join(axis[1]).cross_join(axis[2])
    rank = ibis.cases((_.tier == "high", 3), (_.tier == "potential", 2), (_.tier == "general", 1), else_=0)
    ranked = assigned(points).mutate(rank=rank.cast("int8")).select(*tiers.SCORES, "tier", "rank")
    return con.create_table("cube", ranked)


def test_cube_counts(cube):
    counts = engine.frame(cube.group_by("tier").aggregate(n=_.count())).set_index("tier")["n"]
    assert counts.to_dict() == {"high": 9_261, "potential": 110_500, "general": 107_220, "risk": 803_320}


@pytest.mark.parametrize("axis", tiers.SCORES)
def test_no_unit_step_up_lowers_a_tier(cube, axis):
    others = [c for c in tiers.SCORES if c != axis]
    lower = _.rank.lag().over(group_by=others, order_by=axis)
    worse = cube.mutate(below=lower).filter(_.below > _.rank)
    assert worse.count().to_pyarrow().as_py() == 0


def test_golden_points():
    points = {
        (80, 80, 80): "high", (79.9, 100, 100): "potential", (90, 70, 90): "potential", (90, 70, 79): "potential",
        (90, 90, 10): "risk", (10, 90, 70): "risk", (59, 80, 60): "potential", (59, 79, 60): "general",
        (40, 80, 60): "potential", (39.9, 80, 60): "risk", (60, 60, 40): "potential", (60, 60, 39): "risk",
        (60, 59, 100): "general", (40, 40, 40): "general", (85, 75, 70): "potential",
    }  # fmt: skip
    frame = pd.DataFrame(list(points), columns=list(tiers.SCORES), dtype="float64")
    found = engine.frame(assigned(engine.table(frame.assign(n=range(len(frame))))).order_by("n"))
    assert found["tier"].tolist() == list(points.values())


def raw(rows: list[tuple[int, int, float]], **more: object) -> pd.DataFrame:
    """Tiers of (days, orders, CNY)."""
    frame = pd.DataFrame(rows, columns=["recency_days", "frequency_12m", "monetary_12m_minor"])
    frame["monetary_12m_minor"] = (frame["monetary_12m_minor"] * 100).round().astype("int64")
    frame = frame.assign(state="active", tenure_days=999, n=range(len(frame)), **more)
    return engine.frame(
        tiers.assign(rfm.score(engine.table(frame), METHOD.anchors, SCALE), METHOD, SCALE).order_by("n")
    )


def test_golden_edges_in_raw_values():
    edges = [
        (42, 18, 333_334),
        (43, 18, 333_334),
        (90, 10, 146_667),
        (91, 10, 146_667),
        (180, 4, 50_000),
        (181, 4, 50_000),
    ]
    assert raw(edges)["tier"].tolist() == ["high", "potential", "potential", "general", "general", "risk"]


def test_distances_by_hand():
    """91 days, 10 orders, 146,667: potential needs R >= 60, that is 90 days; or F >= 80 and M >= 60, 18 orders.

    So it is one day, the nearest way, or one order, which is a new one. (200, 3, 60,000) lacks days and an order: a fourth
    order brings both. Where money is short no order is enough.
    """
    found = raw(
        [(91, 10, 146_667), (91, 17, 146_667), (30, 3, 60_000), (10, 20, 300_000), (200, 3, 60_000), (0, 36, 1e6)]
    )
    columns = ["next_tier", *distance.TOGETHER, *distance.ALONE]
    assert found[columns].astype(object).where(found[columns].notna(), None).values.tolist() == [
        ["potential", 1, 0, 0, 1, 1, None],
        ["potential", 1, 0, 0, 1, 1, None],
        ["general", 0, 1, 0, None, 1, None],
        ["high", 0, 0, 3_333_334, None, None, 3_333_334],
        ["general", 20, 1, 0, None, 1, None],
        ["", None, None, None, None, None, None],
    ]


def test_the_reason_for_risk_is_the_first_that_applies():
    cases = [
        (200, 20, 200_000, 999),
        (10, 1, 10_000, 30),
        (10, 1, 10_000, 999),
        (10, 20, 10_000, 999),
        (10, 20, 200_000, 999),
    ]
    found = raw([c[:3] for c in cases]).assign(tenure_days=[c[3] for c in cases])
    again = tiers.assign(engine.table(found.drop(columns=["tier", "risk_reason"])), METHOD, SCALE)
    assert engine.frame(again.order_by("n"))["risk_reason"].tolist() == [
        "lapsed",
        "new",
        "low_frequency",
        "low_value",
        "",
    ]


def test_customers_who_never_bought_are_in_no_tier_and_counted():
    frame = raw([(10, 20, 500_000), (10, 20, 500_000)]).assign(state=["active", "prospect"])
    tiered = tiers.assign(
        engine.table(frame.drop(columns=["tier", *distance.TOGETHER, *distance.ALONE])), METHOD, SCALE
    )
    assert engine.frame(tiers.states(tiered))["state"].tolist() == ["active", "prospect"]
    sizes = engine.frame(tiers.sizes(tiered, METHOD.tiers)).set_index("tier")
    assert sizes["customers"].to_dict() == {"high": 1, "potential": 0, "general": 0, "risk": 0, "none": 1}
    assert sizes["customer_share"].sum() == 1


def rules_of(*listed: tuple[str, list[tuple[float, float, float]]]) -> tuple[TierRule, ...]:
    return tuple(TierRule(tier=tier, at_least=tuple(need)) for tier, need in listed)


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ([("high", [(80, 80, 80)]), ("risk", [(10, 0, 0)])], r"\(0, 0, 0\) is in no tier.*must take everyone"),
        (
            [("high", [(40, 40, 40)]), ("general", [(50, 60, 70)]), ("risk", [(0, 0, 0)])],
            r"'general' can never be reached.*\(50, 60, 70\), is in 'high'",
        ),
        ([("high", [(80, 80, 80)]), ("high", [(60, 60, 60)]), ("risk", [(0, 0, 0)])], "appears twice"),
        (
            [("high", [(80, 80, 80), (90, 80, 80)]), ("risk", [(0, 0, 0)])],
            r"line \(90, 80, 80\) adds no customer.*'high' without it",
        ),
        ([("high", [(80, 80, 80), (80, 80, 80)]), ("risk", [(0, 0, 0)])], r"line \(80, 80, 80\) adds no customer"),
        (
            [("potential", [(60, 60, 60)]), ("high", [(0, 80, 80)]), ("risk", [(0, 0, 0)])],
            r"better customer is in a lower tier: .*\(60, 80, 80\) is in 'potential', \(0, 80, 80\) in 'high'",
        ),
    ],
)
def test_rules_that_go_wrong_for_a_customer_name_him(rules, says):
    with pytest.raises(InputError, match=says):
        tiers.check(rules_of(*rules))


STEPS = (0, 20, 40, 60, 80, 100)
triples = st.tuples(*[st.sampled_from(STEPS)] * 3)
some_rules = st.permutations(tiers.ORDER).flatmap(
    lambda names: st.lists(st.lists(triples, min_size=1, max_size=3), min_size=2, max_size=4).map(
        lambda needs: rules_of(*zip(names, needs, strict=False))
    )
)
POINTS = list(itertools.product(STEPS, repeat=3))


def tier_at(point: tuple[int, ...], rules: tuple[TierRule, ...]) -> str | None:
    reached = (
        rule.tier for rule in rules for need in rule.at_least if all(a >= b for a, b in zip(point, need, strict=True))
    )
    return next(reached, None)


@given(some_rules)
@settings(max_examples=50)
def test_the_linter_finds_what_a_walk_over_all_points_finds(rules):
    """Thresholds are multiples of 20, so the 216 points between them are all there is."""
    at = {point: tier_at(point, rules) for point in POINTS}
    empty = [rule.tier for rule in rules if rule.tier not in at.values()]
    pairs = [(p, q) for p in POINTS for q in _one_step_up(p) if None not in (at[p], at[q])]
    falls = any(tiers.ORDER.index(at[q]) > tiers.ORDER.index(at[p]) for p, q in pairs)
    said = tiers.lint(rules)
    assert any("is in no tier" in s for s in said) == (None in at.values())
    assert [s.split("'")[1] for s in said if "never be reached" in s] == empty
    assert any("lower tier" in s for s in said) == falls
    assert any("adds no customer" in s for s in said) == any(
        _without(rules, i, j, at)
        for i, rule in enumerate(rules)
        for j in range(len(rule.at_least))
        if rule.tier not in empty
    )


def _one_step_up(point: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [(*point[:i], point[i] + 20, *point[i + 1 :]) for i in range(3) if point[i] < 100]


def _without(rules: tuple[TierRule, ...], i: int, j: int, at: dict[tuple[int, ...], str | None]) -> bool:
    """Whether every point keeps its tier when a line is taken out."""
    lines = tuple(need for place, need in enumerate(rules[i].at_least) if place != j)
    less = (*rules[:i], rules[i].model_copy(update={"at_least": lines}), *rules[i + 1 :])
    return all(tier_at(point, less) == tier for point, tier in at.items())


def test_the_methods_rules_are_sound():
    assert tiers.lint(METHOD.tiers) == []
