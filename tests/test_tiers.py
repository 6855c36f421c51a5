"""Tiers on the real path. Golden values: the method, sections 2.1 and 10 (repair A)."""

import ibis
import pandas as pd
import pytest
from books import ANCHORS, TIERS
from ibis import _

from crmlib.errors import InputError
from crmlib.io import engine
from crmlib.params import Segment
from crmlib.segment import rfm, tiers

METHOD = Segment.model_validate({"anchors": ANCHORS, "tiers": TIERS})


def assigned(scores: ibis.Table) -> ibis.Table:
    """Tiers of a table with the three scores; the other columns are filled with what does not matter here."""
    filled = {"state": ibis.literal("active"), "tenure_days": ibis.literal(999), "recency_days": ibis.literal(10),
              "frequency_12m": ibis.literal(1), "monetary_12m_minor": ibis.literal(100)}  # fmt: skip
    return tiers.assign(scores.mutate(**{c: v for c, v in filled.items() if c not in scores.columns}), METHOD, 100)


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
    return engine.frame(tiers.assign(rfm.score(engine.table(frame), METHOD.anchors, 100), METHOD, 100).order_by("n"))


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


def test_the_distance_leads_into_the_next_tier():
    """91 days, 10 orders, 146,667: potential needs R >= 60, that is 90 days; or F >= 80 and M >= 60, 18 orders."""
    found = raw([(91, 10, 146_667), (30, 3, 60_000), (10, 20, 300_000), (0, 36, 1_000_000)])
    gaps = found[["next_tier", "gap_days", "gap_orders", "gap_minor"]].values.tolist()
    assert gaps == [
        ["potential", 1, 0, 0],
        ["general", 0, 1, 0],
        ["high", 0, 0, 3_333_334],
        ["", 0, 0, 0],
    ]
    closed = raw([(91 - 1, 10, 146_667), (30, 3 + 1, 60_000), (10, 20, 300_000 + 33_333.34)])
    assert closed["tier"].tolist() == ["potential", "general", "high"]


def test_the_reason_for_risk_is_the_first_that_applies():
    cases = [
        (200, 20, 200_000, 999),
        (10, 1, 10_000, 30),
        (10, 1, 10_000, 999),
        (10, 20, 10_000, 999),
        (10, 20, 200_000, 999),
    ]
    found = raw([c[:3] for c in cases]).assign(tenure_days=[c[3] for c in cases])
    again = tiers.assign(engine.table(found.drop(columns=["tier", "risk_reason"])), METHOD, 100)
    assert engine.frame(again.order_by("n"))["risk_reason"].tolist() == [
        "lapsed",
        "new",
        "low_frequency",
        "low_value",
        "",
    ]


def test_customers_who_never_bought_are_in_no_tier_and_counted():
    frame = raw([(10, 20, 500_000), (10, 20, 500_000)]).assign(state=["active", "prospect"])
    tiered = tiers.assign(engine.table(frame.drop(columns=["tier"])), METHOD, 100)
    sizes = engine.frame(tiers.sizes(tiered, METHOD.tiers)).set_index("tier")
    assert sizes["customers"].to_dict() == {"high": 1, "potential": 0, "general": 0, "risk": 0, "none": 1}
    assert sizes["customer_share"].sum() == 1


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ([("high", [(80, 80, 80)]), ("risk", [(10, 0, 0)])], "must take everyone"),
        (
            [("high", [(40, 40, 40)]), ("general", [(50, 60, 70)]), ("risk", [(0, 0, 0)])],
            "'general' can never be reached",
        ),
        ([("high", [(80, 80, 80)]), ("high", [(60, 60, 60)]), ("risk", [(0, 0, 0)])], "appears twice"),
    ],
)
def test_rules_that_leave_a_gap_or_hide_a_tier_are_refused(rules, says):
    listed = [{"tier": tier, "at_least": need} for tier, need in rules]
    broken = Segment.model_validate({"anchors": ANCHORS, "tiers": listed})
    with pytest.raises(InputError, match=says):
        tiers.check(broken.tiers)
