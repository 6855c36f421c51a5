"""Targets against what was measured, whole and by tier, and what to look at; the method, sections 1.1, 3.6 and 10."""

import math

import pandas as pd
import pytest
from books import load
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import params, schema
from crmlib.kpi import KPIS, ROW, intervals, targets
from crmlib.periods import Period
from crmlib.review import attainment
from crmlib.views import charts_review, narrative_review, narrative_standards

PERIOD = Period(2023, 4)
LEVELS = st.floats(-10, 10, width=16)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> params.Settings:
    """2023Q4, money in fen."""
    return load(tmp_path_factory.mktemp("tiny"))


def kpi_rows(*rows: tuple[str, str, float, int], tier: str = "all") -> pd.DataFrame:
    """Rows of `kpis` from KPI, quarter, value, n."""
    table = [(kpi, period, tier, KPIS[kpi].unit, v, math.nan, math.nan, n, "actual") for kpi, period, v, n in rows]
    return pd.DataFrame(table, columns=ROW)


def goals(*rows: tuple[str, str, str, float, float, str], measured_on: str = "all") -> pd.DataFrame:
    """The targets register from id, strategy, KPI, baseline, target, due date."""
    found = pd.DataFrame(rows, columns=["target_id", "strategy_id", "kpi", "baseline", "target", "due_date"])
    found = found.astype({"due_date": "datetime64[us]", "strategy_id": "str", "kpi": "str", "target": "float64"})
    return found.assign(target_unit="abs", owner="L", provenance="illustrative", measured_on=measured_on)


def strategies(**starts: str) -> pd.DataFrame:
    found = pd.DataFrame({"strategy_id": list(starts), "start_date": pd.to_datetime(list(starts.values()))})
    found = found.astype({"strategy_id": "str"})
    return found.assign(strategy="s", strategy_zh="策", tier="high", end_date=pd.Timestamp("2024-03-31"))


MEASURED = kpi_rows(
    ("retention_rate", "2023Q3", 0.74, 200),
    ("retention_rate", "2023Q4", 0.72, 200),
    ("churn_rate", "2023Q4", 0.12, 200),
    ("net_revenue", "2023Q4", 13_200_000, 500),
    ("csat", "2023Q4", 0.9, 29),
)


@pytest.mark.parametrize(
    ("baseline", "target", "actual", "share"),
    [(0.60, 0.75, 0.72, 0.80), (0.15, 0.10, 0.12, 0.60), (0, -0.20, -0.12, 0.60), (0, 30, 32, 1.0667),
     (0, 0.20, 0.22, 1.10), (12, 15, 15, 1.0)],
)  # fmt: skip
def test_one_formula_whichever_way_is_better(baseline: float, target: float, actual: float, share: float) -> None:
    assert targets.attainment(baseline, target, actual) == pytest.approx(share, abs=1e-4)


def test_a_change_of_one_customer_is_no_effect() -> None:
    """Section 10: 12 to 15 orders is +25 %, 200 to 232 is +16 %; p .70111, ratio .5462 to 2.9247."""
    assert targets.change(12, 15) == pytest.approx(0.25) and targets.change(200, 232) == pytest.approx(0.16)
    assert intervals.poisson_pair(12, 15) == pytest.approx((0.70111, 0.5462, 2.9247), abs=1e-4)


def test_targets_against_what_was_measured(book: params.Settings) -> None:
    """Section 10: .60 to .75 with .72 is .80; churn .15 to .10 with .12 is .60; 100k to 130k with 132k is 1.0667."""
    register = goals(
        ("a", "S", "retention_rate", 0.60, 0.75, "2023-12-31"),
        ("b", "S", "churn_rate", 0.15, 0.10, "2023-11-01"),
        ("c", "S", "net_revenue", 100_000, 130_000, "2023-12-31"),
        ("d", "S", "csat", 0.5, 0.8, "2023-12-31"),
        ("e", "S", "nps", 20, 30, "2023-12-31"),
        ("f", "S", "retention_rate", 0.60, 0.75, "2024-01-01"),
        ("g", "S", "retention_rate", 0.60, 0.70, "2023-09-30"),
        ("h", "later", "retention_rate", 0.60, 0.70, "2024-12-31"),
    )
    found = attainment.attained(register, strategies(S="2023-10-01", later="2024-04-01"), MEASURED, book)
    found = found.set_index("target_id")
    assert list(found.index) == ["a", "b", "c", "d", "e", "f", "g"]  # h starts after the next quarter
    assert list(found["attainment"])[:4] == pytest.approx([0.80, 0.60, 32 / 30, 4 / 3])
    assert list(found["outcome"]) == ["partly_attained", "partly_attained", "attained", "small_n", "not_measured",
                                      "not_due", "attained"]  # fmt: skip
    assert found.loc["c", ["baseline", "target", "target_gap"]].tolist() == [10_000_000, 13_000_000, 200_000]
    assert found.loc["f", "actual"] == 0.72 and found.loc["g", "actual"] == 0.74  # g was due in the third quarter
    assert found.loc["e", "n"] == 0


@settings(max_examples=30, deadline=None)
@given(baseline=LEVELS, target=LEVELS, actual=LEVELS, n=st.integers(0, 300))
def test_grade_c_never_says_effective(
    book: params.Settings, baseline: float, target: float, actual: float, n: int
) -> None:
    """3.6: without a control group there is attainment and no verdict."""
    register = goals(("a", "S", "retention_rate", baseline, target, "2023-12-31"))
    found = attainment.attained(
        register, strategies(S="2023-10-01"), kpi_rows(("retention_rate", "2023Q4", actual, n)), book
    )
    assert found["evidence_grade"].eq("C").all()
    assert found["outcome"].isin(["attained", "partly_attained", "not_attained", "small_n"]).all()
    assert (found["outcome"] == "small_n").all() == (n < 30)


def test_no_targets_give_an_empty_table(book: params.Settings) -> None:
    found = attainment.attained(goals(), strategies(S="2023-10-01"), MEASURED, book)
    assert found.empty and list(found.columns) == list(schema.TABLES["effects"].columns)


def test_a_target_of_a_tier_is_measured_on_that_tier(book: params.Settings) -> None:
    """Retention by tier .90, of all .72; NPS has tiers too, on-time tasks have none."""
    register = goals(
        ("tier", "S", "retention_rate", 0.80, 0.95, "2023-12-31"),
        ("plan", "S", "on_time_rate", 0.5, 0.75, "2023-12-31"),
        measured_on="",
    )
    whole = goals(("whole", "S", "retention_rate", 0.60, 0.75, "2023-12-31"))
    known = pd.concat([MEASURED, kpi_rows(("retention_rate", "2023Q4", 0.90, 60), tier="high"),
                       kpi_rows(("on_time_rate", "2023Q4", 0.75, 40))])  # fmt: skip
    every = pd.concat([register, whole])
    found = attainment.attained(every, strategies(S="2023-10-01"), known, book).set_index("target_id")
    assert found["measured_on"].to_dict() == {"tier": "high", "plan": "all", "whole": "all"}
    assert found["actual"].to_dict() == {"tier": 0.90, "plan": 0.75, "whole": 0.72}
    assert found.loc["tier", "attainment"] == pytest.approx(2 / 3) and found.loc["tier", "n"] == 60
    assert list(targets.whole(every, strategies(S="2023-10-01"))["target_id"]) == ["plan", "whole"]
    axes = charts_review.attainment(found.reset_index(), "en")
    assert next(t.get_text() for t in axes.get_yticklabels()) == "Retention rate · tier · High value"


def test_the_quarters_that_tiers_are_needed_for() -> None:
    """This one, the one before, and the due one; none for the first quarter of the data."""
    register = goals(("a", "S", "csat", 0, 1, "2022-11-30"), ("b", "S", "csat", 0, 1, "2024-03-31"))
    found = [str(q) for q in attainment.quarters(register, PERIOD, Period(2022, 1))]
    assert found == ["2022Q4", "2023Q3", "2023Q4"]
    assert [str(q) for q in attainment.quarters(register, PERIOD, PERIOD)] == ["2023Q4"]


@pytest.mark.parametrize(
    ("progress", "attainable", "actual", "look"),
    [(0.5, "smart_met", 0.61, "look_execution"), (1.0, "smart_failed", 0.61, "look_target"),
     (1.0, "smart_met", 0.61, "look_measure"), (0.2, "smart_failed", 0.80, "look_other_causes"),
     (math.nan, "smart_open", 0.61, "look_measure")],
)  # fmt: skip
def test_what_to_look_at_first(
    book: params.Settings, progress: float, attainable: str, actual: float, look: str
) -> None:
    register = goals(("a", "S", "retention_rate", 0.60, 0.75, "2023-12-31"), ("b", "S", "csat", 0.5, 0.8, "2024-12-31"))
    effects = attainment.attained(register, strategies(S="2023-10-01"), kpi_rows(("retention_rate", "2023Q4", actual, 99)),
                                  book)  # fmt: skip
    tasks = pd.DataFrame({"strategy_id": ["S", "other"], "progress_share": [progress, 0.0]})
    found = attainment.gaps(effects, tasks, pd.DataFrame({"target_id": ["a"], "attainable": [attainable]}))
    assert list(found["target_id"]) == ["a"] and list(found["look_at"]) == [look]  # b is due later
    assert list(found.columns) == list(schema.TABLES["gap_analysis"].columns)
    without = attainment.gaps(effects, tasks.iloc[:0], None)
    assert list(without["is_realistic"]) == ["gap_unknown"] and list(without["is_executed"]) == ["gap_unknown"]
    assert narrative_standards.gaps(without, "zh").text


def test_the_attainment_chart_counts_only_what_can_be_judged(book: params.Settings) -> None:
    register = goals(
        ("a", "S", "retention_rate", 0.60, 0.70, "2023-12-31"),
        ("b", "S", "churn_rate", 0.15, 0.10, "2023-12-31"),
        ("c", "S", "csat", 0.5, 0.8, "2023-12-31"),
        ("d", "S", "retention_rate", 0.60, 0.75, "2024-01-01"),
    )
    effects = attainment.attained(register, strategies(S="2023-10-01"), MEASURED, book)
    ax = charts_review.attainment(effects, "en")
    assert "Of 2 targets that can be judged 1 were attained" in ax.get_title(loc="left").replace("\n", " ")


@pytest.mark.parametrize(("outcomes", "said"), [(["attained"], "1 target has"), (["attained"] * 2, "2 targets have")])
def test_one_target_is_one(outcomes, said):
    assert narrative_review.attainment(pd.DataFrame({"outcome": outcomes}), "en").text.startswith(f"{said} come due: ")
