"""Kano classes: the whole evaluation table, ties, coefficients and intervals by hand."""

import pandas as pd
import pytest

from crmlib.periods import Period
from crmlib.segment import kano
from crmlib.views import charts_profile, narrative_profile

PERIOD = Period(2023, 4)
# One pair of answers for each class.
PAIR = {"M": (2, 5), "O": (1, 5), "A": (1, 3), "I": (3, 3), "R": (3, 1), "Q": (1, 1)}


def answers(needs: dict[str, str], day: str = "2023-11-01") -> pd.DataFrame:
    """Customers c0, c1, ... of whom each letter of a need's text is one answer."""
    rows = [
        (f"c{n}", need, need, "", *PAIR[letter]) for need, letters in needs.items() for n, letter in enumerate(letters)
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "need_id", "need", "need_zh", "functional", "dysfunctional"])
    return frame.assign(answered_on=pd.Timestamp(day), provenance="actual")


def classed(needs: dict[str, str], min_n: int = 30) -> pd.DataFrame:
    return kano.classes(answers(needs), PERIOD, min_n).set_index("need_id")


@pytest.mark.parametrize(
    ("there", "row"),
    [(1, "QAAAO"), (2, "RIIIM"), (3, "RIIIM"), (4, "RIIIM"), (5, "RRRRQ")],
    ids=["like", "expect", "neutral", "live with", "dislike"],
)
def test_the_standard_evaluation_table(there, row):
    asked = answers({"N": "I" * 5}).assign(need_id=list("abcde"), functional=there, dysfunctional=[1, 2, 3, 4, 5])
    assert kano.classes(asked, PERIOD, 1)["kano_class"].tolist() == [f"kano_{letter}" for letter in row]


def test_counts_and_coefficients_by_hand():
    """3 M, 2 O, 4 A, 1 I: better (4+2)/10, worse -(2+3)/10; R and Q count as answers but not in the coefficients."""
    found = classed({"N": "MMMOOAAAAIRQ"}).loc["N"]
    assert found[["kano_must", "kano_linear", "kano_attractive", "kano_indifferent", "kano_reverse", "kano_doubtful"]].tolist() == [
        3, 2, 4, 1, 1, 1]  # fmt: skip
    assert (found["kano_class"], found["answers"], found["better_share"], found["worse_share"]) == (
        "kano_A",
        12,
        0.6,
        -0.5,
    )
    assert found["worse_low"] < found["worse_share"] < found["worse_high"] <= 0


@pytest.mark.parametrize(
    ("letters", "wins"), [("MO", "M"), ("OA", "O"), ("AI", "A"), ("IR", "I"), ("RQ", "R"), ("IAOM", "M"), ("AIIA", "A")]
)
def test_ties_go_to_what_must_be_there(letters, wins):
    assert classed({"N": letters}).loc["N", "kano_class"] == f"kano_{wins}"


@pytest.mark.parametrize(("hits", "n", "low", "high"), [(0, 10, 0, 0.2775), (3, 10, 0.1078, 0.6032), (10, 10, 0.7225, 1),
                                                       (60, 100, 0.5020, 0.6906), (450, 600, 0.7138, 0.7830)])  # fmt: skip
def test_wilson_intervals_of_the_method(hits, n, low, high):
    assert kano.wilson(hits, n) == pytest.approx((hits / n, low, high), abs=1e-4)


def test_only_contradictions_give_no_coefficient():
    found = classed({"N": "QQR"}).loc["N"]
    assert found["kano_class"] == "kano_Q" and pd.isna(found["better_share"]) and pd.isna(found["worse_low"])


def test_a_clear_majority_and_a_thin_need():
    """Fong: of 40, 30 against 10 differ by more than 1.65 sqrt(40 x 40 / 80) = 7.4; 22 against 18 do not."""
    found = classed({"a": "M" * 30 + "O" * 10, "b": "M" * 22 + "O" * 18, "c": "MMM"})
    assert found["is_clear"].tolist() == [True, False, True]
    assert found["is_thin"].tolist() == [False, False, True]


def test_the_latest_answer_up_to_the_quarters_end_counts():
    early, last, late = (
        answers({"N": letter}, day) for letter, day in (("M", "2023-01-01"), ("A", "2023-12-31"), ("I", "2024-01-01"))
    )
    found = kano.classes(pd.concat([last, late, early]), PERIOD, 1)
    assert found[["kano_class", "answers"]].to_numpy().tolist() == [["kano_A", 1]]
    assert kano.classes(late, PERIOD, 1).empty


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_figure_and_sentence_say_what_must_be_there_or_that_nobody_was_asked(lang):
    asked = kano.classes(answers({"fresh": "M" * 40, "points": "A" * 40, "empty": "Q", "thin": "M"}), PERIOD, 30)
    title = charts_profile.kano(asked, lang).get_figure().get_label()
    assert (
        title
        == {
            "en": "1 of 2 needs must be met, 1 would delight, n = 40",
            "zh": "2项需求中1项为必备，1项可带来惊喜，n = 40",
        }[lang]
    )
    said = narrative_profile.kano(asked, lang).text
    assert (
        "fresh" in said and "thin" not in said and {"en": "2 have too few answers", "zh": "2项回答太少"}[lang] in said
    )
    few = charts_profile.kano(kano.classes(answers({"a": "M"}), PERIOD, 30), lang).get_figure().get_label()
    assert few == {"en": "Too few answers to class needs: n = 1", "zh": "回答太少，尚不能分类：n = 1"}[lang]
    for said in (
        charts_profile.kano(asked.head(0), lang).get_figure().get_label(),
        narrative_profile.kano(asked.head(0), lang).text,
    ):
        assert (said.startswith({"en": "No ", "zh": ""}[lang]) and "Kano" in said) or "kano" in said
