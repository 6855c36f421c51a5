"""Positioning, the staged plan and risks; expected values worked out by hand."""

import books
import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import schema
from crmlib.io import engine, registers
from crmlib.kpi import KPIS
from crmlib.market import expansion, positioning, risks, smart
from crmlib.params import Book
from crmlib.params.market import Positioning, Risks
from crmlib.periods import Period
from crmlib.views import charts_position, narrative_position, style

Q4 = Period(2017, 4)
BOOK = Book(name_en="Tiny", name_zh="小账套", currency="USD")
LANGS = ("en", "zh")
ILLUSTRATIVE = {"provenance": "illustrative"}

MATRIX = pd.DataFrame(
    [("high", "O1", 60.0, 5000), ("risk", "O1", 70.0, 900), ("high", "O2", 40.0, 100)],
    columns=["tier", "opportunity_id", "opportunity_score", "stake_minor"],
)
STRATEGIES = pd.DataFrame(
    [("ST1", "high", "O1", "2017-10-02"), ("ST2", "risk", "", "2018-01-02"), ("ST3", "potential", "O1", "2018-01-02")],
    columns=["strategy_id", "tier", "opportunity_id", "start_date"],
).astype({"start_date": "datetime64[us]"})


# positioning


KANO = pd.DataFrame(
    [("N1", "kano_M", False), ("N2", "kano_I", False), ("N3", "kano_A", False), ("N4", "kano_O", True)],
    columns=["need_id", "kano_class", "is_thin"],
).assign(need=lambda f: "Need " + f.need_id, need_zh=lambda f: "需求" + f.need_id)
PAINS = pd.DataFrame(
    [("queue", "by_tier", "high", 0.05, False), ("goods", "by_tier", "high", 0.04, False),
     ("price", "by_tier", "risk", 0.50, True), ("staff", "by_all", "every", 0.90, False),
     ("price", "by_tier", "high", np.nan, False)],
    columns=["theme", "split", "split_value", "mention_share", "is_thin"],
)  # fmt: skip
TAGS = pd.DataFrame([("high", "organic", 5), ("high", "pets", 9), ("risk", "organic", 4)],
                    columns=["tier", "tag", "customers"])  # fmt: skip


def places(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Register `positioning` from (id, tier, needs it meets)."""
    frame = pd.DataFrame(rows, columns=["position_id", "tier", "meets"], dtype="str")
    texts = dict.fromkeys(("segment", "segment_zh", "rival", "rival_zh", "strategy_id"), "")
    return frame.assign(statement="We", statement_zh="我", internal_id="IS1", rival_strength=3, evidence="F1; F9", **texts,
                        **ILLUSTRATIVE)  # fmt: skip


STRENGTHS = pd.DataFrame({"factor_id": ["IS1"], "factor": ["Fresh"], "factor_zh": ["新鲜"], "rating": [4]})
FACTS = pd.DataFrame({"fact_id": ["F1", "F2"], "grade": ["B", "A"]})


def known() -> pd.DataFrame:
    return positioning.measured(KANO, PAINS, TAGS, Positioning(), min_cell=5)


def test_needs_that_matter_are_measured():
    """Kano: neither indifferent nor thin; complaints: 5 % of the tier's own texts, not thin; tags: five customers."""
    found = known()
    assert list(zip(found.tier, found.need_id, strict=True)) == [
        ("all", "N1"), ("all", "N3"), ("high", "queue"), ("high", "organic"), ("high", "pets"),
    ]  # fmt: skip
    assert found.set_index("need_id").need["queue"] == "Waiting and queues"


def test_a_position_is_held_against_what_was_measured_for_its_tier():
    """High: N1, N3, queue, organic (pets: no position names it), of which two are met; risk: N1, N3, none met."""
    register = places(("A", "high", "N1; organic"), ("B", "risk", "organic; queue"))
    answered = positioning.needs(register, known())
    placed = positioning.positions(register, answered, STRENGTHS, FACTS).set_index("position_id")
    assert placed.loc["A", ["needs_met", "needs_measured", "needs_met_share"]].to_list() == [2, 4, 0.5]
    assert placed.loc["B", ["needs_met", "needs_measured", "needs_met_share"]].to_list() == [0, 2, 0]
    assert (placed.must_unmet["A"], placed.must_unmet["B"]) == ("", "N1")
    assert (placed.needs_unknown["A"], placed.needs_unknown["B"]) == ("", "organic; queue")
    assert placed.grade["A"] == "B" and placed.advantage["A"] == "Fresh"
    assert positioning.unanswered(answered).need_id.to_list() == ["N3", "queue"]


def test_without_measurements_nothing_is_scored_and_it_is_said():
    register = places(("A", "high", "N1"))
    answered = positioning.needs(register, positioning.measured(None, None, TAGS.iloc[:0], Positioning(), 5))
    placed = positioning.positions(register, answered, STRENGTHS, FACTS.iloc[:0])
    assert placed.needs_measured.item() == 0 and placed.needs_met_share.isna().item()
    assert placed.grade.item() == "unsupported" and placed.needs_unknown.item() == "N1"
    sentence = narrative_position.positions(placed, positioning.unanswered(answered), "en")
    assert "statements of intent" in str(sentence)
    assert style.picture(charts_position.position_needs(answered, "zh")).is_empty


def test_tags_are_counted_by_tier():
    labels = pd.DataFrame({"customer_id": ["1", "2", "3", "4"], "custom_tags": ["a; b", "a", "", "a"]})
    tiers = pd.DataFrame({"customer_id": ["1", "2", "3", "4"], "tier": ["high", "high", "high", "risk"]})
    found = engine.frame(positioning.tags(ibis.memtable(labels), ibis.memtable(tiers)))
    assert list(found.itertuples(index=False, name=None)) == [("high", "a", 2), ("high", "b", 1), ("risk", "a", 1)]


# the staged plan


def steps(*rows: tuple[str, str, str, str, str, str]) -> pd.DataFrame:
    columns = ["stage_id", "horizon", "opportunity_id", "strategy_id", "due_date", "status"]
    frame = pd.DataFrame(rows, columns=columns).astype({"due_date": "datetime64[us]"})
    return frame.assign(goal="Go", goal_zh="做", gate="If", gate_zh="若", owner="O", **ILLUSTRATIVE)


def test_steps_stand_in_the_order_of_time_with_the_score_of_their_cell():
    """X1: the cell of its strategy's tier; X2: the tier where O1 scores best; X3: no cell."""
    plan = expansion.plan(
        steps(("X3", "months_12_to_24", "", "", "2019-12-31", "open"),
              ("X2", "months_0_to_6", "O1", "", "2018-06-30", "open"),
              ("X1", "months_0_to_6", "O1", "ST1", "2018-03-31", "open")),
        STRATEGIES, MATRIX, Q4,
    ).set_index("stage_id")  # fmt: skip
    assert list(plan.index) == ["X1", "X2", "X3"]
    assert plan.opportunity_score.fillna(-1).to_list() == [60, 70, -1]
    assert plan.stake_minor.fillna(-1).to_list() == [5000, 900, -1] and plan.tier["X2"] == "risk"
    assert not plan.is_late.any() and not plan.is_beyond.any()


def test_late_steps_and_steps_beyond_their_stage():
    """Six months from 2017-12-31 end on 2018-06-30."""
    plan = expansion.plan(
        steps(("X1", "months_0_to_6", "O1", "ST1", "2017-12-30", "open"),
              ("X2", "months_0_to_6", "O1", "ST1", "2017-12-30", "done"),
              ("X3", "months_0_to_6", "O1", "ST1", "2017-12-31", "partial"),
              ("X4", "months_0_to_6", "", "ST1", "2018-07-01", "open")),
        STRATEGIES, MATRIX, Q4,
    )  # fmt: skip
    assert plan.stage_id[plan.is_late].to_list() == ["X1"] and plan.stage_id[plan.is_beyond].to_list() == ["X4"]
    english = str(narrative_position.expansion(plan, "en", BOOK))
    assert "Overdue: X1." in english and "stand in: X4." in english and "no registered opportunity: X4." in english
    assert "Next, by 30 Dec 2017: X1, on $50.00 of spend" in english
    assert "逾期：X1。" in str(narrative_position.expansion(plan, "zh", BOOK))


# risks


def risk_rows(*rows: tuple[str, str, int, int, str]) -> pd.DataFrame:
    """Register `risks` from (id, kind, likelihood, impact, strategy)."""
    frame = pd.DataFrame(rows, columns=["risk_id", "kind", "likelihood", "impact", "strategy_id"])
    texts = {"risk": frame.risk_id + " happens", "risk_zh": frame.risk_id + "发生", "measures": "", "measures_zh": ""}
    return frame.assign(treatment="reduce", factor_id="", owner="O", review_date=pd.Timestamp("2018-01-31"), **texts,
                        **ILLUSTRATIVE)  # fmt: skip


LOSSES = pd.DataFrame({"tier": ["high", "risk"], "at_risk_minor": [200, 3000]})


def register_of(frame: pd.DataFrame, before: pd.DataFrame | None = None) -> pd.DataFrame:
    scored = risks.score(frame, Q4, Risks())
    return risks.moved(risks.exposed(scored, LOSSES, STRATEGIES, MATRIX), before)


def test_points_bands_and_order():
    """15 is severe and 8 serious; of equal points the larger impact comes first."""
    rows = [
        ("R1", "policy", 1, 5, ""),
        ("R2", "policy", 2, 4, ""),
        ("R3", "policy", 5, 3, ""),
        ("R4", "policy", 3, 5, ""),
    ]
    found = register_of(risk_rows(*rows))
    assert found.risk_id.to_list() == ["R4", "R3", "R2", "R1"]
    assert found.risk_points.to_list() == [15, 15, 8, 5]
    assert found.risk_band.to_list() == ["band_severe", "band_severe", "band_serious", "band_minor"]


def test_money_comes_from_the_tier_or_the_opportunity_at_stake():
    """Churn: its strategy's tier, else everyone; others: what the tier spent on the strategy's opportunity."""
    rows = [("R1", "churn", 5, 5, ""), ("R2", "churn", 5, 4, "ST2"), ("R3", "supply", 4, 4, "ST1"),
            ("R4", "supply", 3, 3, "ST2"), ("R5", "supply", 2, 2, "ST3"), ("R6", "churn", 1, 1, "ST3")]  # fmt: skip
    found = register_of(risk_rows(*rows)).set_index("risk_id")
    assert found.exposed_minor.fillna(-1).to_dict() == {
        "R1": 3200,
        "R2": 3000,
        "R3": 5000,
        "R4": -1,
        "R5": -1,
        "R6": -1,
    }
    assert found.exposed_basis[["R1", "R3", "R4"]].to_list() == ["expected_loss", "spend_at_stake", ""]


def test_the_expected_loss_of_a_tier_is_the_sum_of_its_customers():
    values = pd.DataFrame({"tier": ["risk", "high", "risk"], "at_risk_minor": [1000, 200, 2000]})
    pd.testing.assert_frame_equal(engine.frame(risks.expected_loss(ibis.memtable(values))), LOSSES)


def test_reviews_overdue_and_moves_since_last_quarter():
    rows = [
        ("R1", "policy", 4, 4, ""),
        ("R2", "policy", 2, 2, ""),
        ("R3", "policy", 1, 1, ""),
        ("R4", "policy", 1, 2, ""),
    ]
    days = pd.to_datetime(["2017-12-30", "2017-12-31", "2018-01-01", "2018-01-01"])
    before = pd.DataFrame({"risk_id": ["R3", "R1", "R2"], "risk_points": [1, 20, 2]})
    found = register_of(risk_rows(*rows).assign(review_date=days), before)
    assert found.risk_id[found.is_overdue].to_list() == ["R1"]
    moves = found.set_index("risk_id").points_move.to_dict()
    assert moves == {"R1": "move_down", "R2": "move_up", "R3": "move_same", "R4": "move_new"}
    english = str(narrative_position.risks(found, "en", BOOK))
    assert "Review overdue: R1 (30 Dec 2017, O)." in english and "1 up, 1 down, 1 new." in english
    assert "no comparison" in str(narrative_position.risks(register_of(risk_rows(*rows)), "en", BOOK))


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=12))
@settings(max_examples=30)
def test_a_larger_judgement_never_lowers_a_risk(judged):
    rows = [(f"R{n:02d}", "policy", likelihood, impact, "") for n, (likelihood, impact) in enumerate(judged)]
    higher = [(i, k, min(likelihood + 1, 5), impact, s) for i, k, likelihood, impact, s in rows]
    now, then = (register_of(risk_rows(*r)).set_index("risk_id").risk_points.sort_index() for r in (rows, higher))
    assert (then >= now).all() and now.between(1, 25).all()
    mixed = register_of(risk_rows(*rows[::-1]))
    pd.testing.assert_frame_equal(mixed, register_of(risk_rows(*rows)))


# what readers see

NO_HISTORY = pd.DataFrame({"kpi": [], "period": [], "tier": [], "kpi_value": []})


@pytest.mark.parametrize("lang", LANGS)
def test_charts_state_the_finding_and_that_it_is_illustrative(lang):
    register = places(("A", "high", "N1"), ("B", "risk", ""))
    answered = positioning.needs(register, known())
    rows = [("R1", "policy", 4, 4, ""), ("R2", "policy", 1, 1, "")]
    alts = [
        style.picture(charts_position.position_needs(answered, lang)).alt,
        style.picture(charts_position.risk_map(register_of(risk_rows(*rows)), lang)).alt,
    ]
    assert all(alt.endswith({"en": "(illustrative)", "zh": "（示例）"}[lang]) for alt in alts)
    assert {"en": "meets 2 of the 3 needs", "zh": "3项需求中，有2项没有"}[lang] in alts[0]
    assert {"en": "1 of 2 risks is severe: R1", "zh": "2项风险中有1项重大：R1"}[lang] in alts[1]


@pytest.mark.parametrize("lang", LANGS)
def test_empty_registers_give_empty_results_that_say_so(tmp_path, lang):
    book = books.load(tmp_path, period="2017Q4")
    empty = {
        name: registers.read(book, name) for name in ("positioning", "expansion", "risks", "targets", "strategies")
    }
    none = positioning.measured(None, None, TAGS.iloc[:0], Positioning(), 5)
    answered = positioning.needs(empty["positioning"], none)
    matrix = MATRIX.iloc[:0]
    found = {
        "position_needs": answered,
        "positioning_map": positioning.positions(empty["positioning"], answered, STRENGTHS, FACTS),
        "expansion_plan": expansion.plan(empty["expansion"], empty["strategies"], matrix, Q4),
        "risk_register": risks.moved(
            risks.exposed(risks.score(empty["risks"], Q4, Risks()), LOSSES, empty["strategies"], matrix), None
        ),
        "smart_targets": smart.check(empty["targets"], empty["strategies"], NO_HISTORY, KPIS, book),
    }
    for name, frame in found.items():
        assert frame.empty and schema.columns(name, frame.columns)
    said = [
        narrative_position.positions(found["positioning_map"], positioning.unanswered(answered), lang),
        narrative_position.expansion(found["expansion_plan"], lang, BOOK),
        narrative_position.risks(found["risk_register"], lang, BOOK),
        narrative_position.smart(found["smart_targets"], lang),
    ]
    assert all({"en": "registered", "zh": "尚未登记"}[lang] in str(sentence) for sentence in said)
    assert style.picture(charts_position.risk_map(found["risk_register"], lang)).is_empty
