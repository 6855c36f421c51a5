"""Weights from judgements in pairs. Golden values: the method, section 6 (Saaty's printed random indices)."""

from fractions import Fraction
from itertools import combinations

import books
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import schema
from crmlib.io import registers
from crmlib.market import ahp, swot
from crmlib.params import Market
from crmlib.views import charts_market, narrative_market, style

RULES = Market(weights_from="ahp")
GOLDEN = np.array([[1, 3, 5], [1 / 3, 1, 3], [1 / 5, 1 / 3, 1]])


def register(*rows: tuple[str, str, str], name: str = "s") -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["criterion", "against", "judgement"], dtype="str")
    return frame.assign(criterion_set=name, provenance="illustrative")


def of_weights(weights: dict[str, int]) -> pd.DataFrame:
    """The judgements that somebody makes who knows these weights."""
    pairs = combinations(weights, 2)
    return register(*[(a, b, str(Fraction(weights[a], weights[b]))) for a, b in pairs])


def test_weights_and_ratio_of_the_method():
    weights, largest = ahp.principal(GOLDEN)
    assert weights == pytest.approx([0.6370, 0.2583, 0.1047], abs=5e-5)
    assert largest == pytest.approx(3.0385, abs=5e-5)
    assert ahp.consistency(GOLDEN) == pytest.approx((3.0385, 0.0193, 0.0332), abs=5e-5)
    found = ahp.weights(register(("a", "b", "3"), ("c", "a", "1/5"), ("b", "c", "3")), "s", RULES)
    assert found == pytest.approx({"a": 0.6370, "b": 0.2583, "c": 0.1047}, abs=5e-5)


@given(st.lists(st.integers(1, 9), min_size=3, max_size=8))
@settings(max_examples=30)
def test_consistent_judgements_give_their_weights_back(parts):
    weights = {f"c{n}": part for n, part in enumerate(parts)}
    judged = ahp.judge(of_weights(weights), RULES)
    assert judged.sets.consistency_ratio.item() == pytest.approx(0, abs=1e-9)
    found = judged.weights.set_index("criterion").weight
    assert found[list(weights)].to_list() == pytest.approx([part / sum(parts) for part in parts])
    assert judged.comparisons.misfit_factor.to_numpy() == pytest.approx(1)


@given(st.lists(st.sampled_from(ahp._SCALE), min_size=6, max_size=6), st.permutations(range(6)))
@settings(max_examples=30)
def test_neither_order_nor_direction_of_the_comparisons_matters(values, order):
    rows = [(a, b, str(v)) for (a, b), v in zip(combinations("abcd", 2), values, strict=True)]
    turned = [(b, a, str(1 / Fraction(v))) for a, b, v in rows]
    straight, mixed = ahp.judge(register(*rows), RULES), ahp.judge(register(*[turned[i] for i in order]), RULES)
    pd.testing.assert_frame_equal(straight.sets, mixed.sets)
    pd.testing.assert_frame_equal(straight.weights, mixed.weights)


def test_the_bad_comparison_is_found_and_the_value_that_fits():
    """Weights 4 : 2 : 1 : 1, but b against c is written the wrong way round: 1/2 for 2."""
    rows = [(a, b, v) for a, b, v in of_weights({"a": 4, "b": 2, "c": 1, "d": 1})[["criterion", "against", "judgement"]]
            .itertuples(index=False) if (a, b) != ("b", "c")]  # fmt: skip
    judged = ahp.judge(register(*rows, ("b", "c", "1/5")), RULES)
    assert judged.sets.set_state.item() == "inconsistent"
    worst = judged.comparisons.iloc[0]
    assert (worst.criterion, worst.against, worst.judgement_fit) == ("b", "c", "2")
    assert worst.ratio_after == pytest.approx(0, abs=1e-9)
    english = str(narrative_market.judgements(judged.sets, judged.comparisons, 0.1, "en"))
    assert "b against c is written as 1/5; the other comparisons ask for 2" in english
    assert "其余比较所对应的值为2" in str(narrative_market.judgements(judged.sets, judged.comparisons, 0.1, "zh"))


def test_among_three_criteria_no_comparison_is_worse_than_the_others():
    """a > b > c > a: each comparison is off by the same factor, so all three are named."""
    judged = ahp.judge(register(("a", "b", "3"), ("b", "c", "3"), ("c", "a", "3")), RULES)
    assert judged.comparisons.misfit_factor.nunique() == 1
    assert judged.comparisons.misfit_factor.iloc[0] == pytest.approx(3)
    assert set(judged.comparisons.judgement_fit) == {"1/9"}
    english = str(narrative_market.judgements(judged.sets, judged.comparisons, 0.1, "en"))
    assert "any one of the comparisons" in english and english.count("is written as") == 3


@pytest.mark.parametrize(
    ("rows", "state", "pairs"),
    [
        ([("a", "b", "9")], "consistent", ""),
        ([("a", "b", "3"), ("b", "c", "3")], "incomplete", "a - c"),
        ([("a", "b", "3"), ("b", "a", "3")], "contradictory", "a - b"),
        ([("a", "b", "3"), ("b", "a", "1/3")], "consistent", ""),
        ([("a", "b", "3"), ("a", "a", "2")], "contradictory", "a - a"),
        ([(f"c{i}", f"c{j}", "1") for i, j in combinations(range(9), 2)], "too_many", ""),
    ],
)
def test_what_gives_no_weights_says_why(rows, state, pairs):
    judged = ahp.judge(register(*rows), RULES)
    assert (judged.sets.set_state.item(), judged.sets.missing_pairs.item()) == (state, pairs)
    assert (ahp.weights(register(*rows), "s", RULES) is None) == (state != "consistent")
    assert judged.weights.empty == (state != "consistent")
    sentence = narrative_market.judgements(judged.sets, judged.comparisons, 0.1, "en")
    assert pairs in str(sentence)


def test_the_limit_is_a_setting():
    rows = register(("a", "b", "3"), ("a", "c", "5"), ("b", "c", "3"))  # ratio .0332
    strict = Market(weights_from="ahp", ahp={"max_ratio": 0.03})
    assert ahp.weights(rows, "s", RULES) is not None and ahp.weights(rows, "s", strict) is None


def test_judged_weights_are_taken_only_when_asked_for_and_about_the_same_criteria():
    rows, otherwise = register(("y", "x", "3")), {"x": 0.5, "y": 0.5}
    weights, source = ahp.choose(rows, "s", otherwise, RULES)
    assert source == "ahp" and list(weights) == ["x", "y"] and weights == pytest.approx({"x": 0.25, "y": 0.75})
    assert ahp.choose(rows, "s", otherwise, Market()) == (otherwise, "params")
    assert ahp.choose(rows, "s", otherwise | {"z": 0.1}, RULES)[1] == "params"
    assert ahp.choose(rows, "another", otherwise, RULES)[1] == "params"


def test_strengths_and_weaknesses_take_judged_weights():
    factors = pd.DataFrame({"factor_id": ["I1", "I2"], "weight": [0.5, 0.5], "rating": [4, 1]})
    weighed, source = swot.weigh(factors, register(("I1", "I2", "4"), name="swot"), RULES)
    assert source == "ahp" and weighed.weight.to_list() == pytest.approx([0.8, 0.2])
    kept, source = swot.weigh(factors, register(("I1", "I3", "4"), name="swot"), RULES)
    assert source == "params" and kept.weight.to_list() == [0.5, 0.5]


@pytest.mark.parametrize(("value", "is_right"), [("9", True), ("1/9", True), ("10", False), ("0.5", False)])
def test_the_register_takes_the_nine_steps_and_their_inverses(tmp_path, value, is_right):
    book = books.load(tmp_path)
    folder = book.data_dir / "registers"
    folder.mkdir(parents=True)
    rows = f"criterion_set,criterion,against,judgement\ns,a,b,{value}\n"
    (folder / "ahp.csv").write_text(rows, encoding="utf-8")
    assert (registers.check(book) == []) == is_right


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_chart_leaves_out_what_is_rejected_and_an_empty_register_is_stated(lang):
    rows = [register(("a", "b", "3")), register(("a", "b", "9"), ("b", "c", "9"), ("c", "a", "9"), name="t")]
    judged = ahp.judge(pd.concat(rows), RULES)
    alt = style.picture(charts_market.ahp_weights(judged.weights, judged.sets, lang)).alt
    assert "75%" in alt and {"en": "(illustrative)", "zh": "（示例）"}[lang] in alt
    rejected = judged.sets.criterion_set == "t"
    assert style.picture(charts_market.ahp_weights(judged.weights, judged.sets[rejected], lang)).is_empty
    empty = ahp.judge(register(), RULES)
    assert {"en": "No criteria", "zh": "尚未进行"}[lang] in str(
        narrative_market.judgements(empty.sets, empty.comparisons, 0.1, lang)
    )
    assert style.picture(charts_market.ahp_weights(empty.weights, empty.sets, lang)).is_empty
    for name, frame in (
        ("ahp_sets", empty.sets),
        ("ahp_weights", empty.weights),
        ("ahp_comparisons", empty.comparisons),
    ):
        assert schema.columns(name, frame.columns)
