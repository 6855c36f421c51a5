"""PEST and SWOT. Golden values: the method, section 6; the rest by hand."""

from datetime import date

import books
import pandas as pd
import pytest

from crmlib import schema
from crmlib.io import registers
from crmlib.market import pest, swot
from crmlib.views import charts_market, narrative_market, style

AS_OF = date(2017, 12, 31)
LANGS = ("en", "zh")


def facts(**grades: str) -> pd.DataFrame:
    """Facts by id and grade, all dated on the as-of day."""
    dated = pd.Timestamp(AS_OF)
    return pd.DataFrame({"fact_id": list(grades), "grade": list(grades.values()), "source_date": dated})


def factors(*rows: tuple) -> pd.DataFrame:
    """PEST factors from (id, axis, direction, impact, likelihood, years, evidence)."""
    columns = ["factor_id", "axis", "direction", "impact", "likelihood", "horizon_years", "evidence"]
    frame = pd.DataFrame(rows, columns=columns)
    texts = {
        "factor": frame.factor_id + " happens",
        "factor_zh": frame.factor_id + "发生",
        "provenance": "illustrative",
    }
    return frame.assign(response=2, owner="O", review_date=pd.Timestamp(AS_OF), **texts)


GOLDEN_PEST = factors(("A", "P", 1, 4, 5, 1, "F1"), ("B", "E", -1, 3, 4, 3, "F1"), ("C", "E", 1, 5, 2, 4, "F1"))


def points(frame: pd.DataFrame) -> dict[str, float]:
    return dict(zip(frame.factor_id, frame.impact_points.round(6), strict=True))


def test_pest_scores_of_the_method():
    scored = pest.score(GOLDEN_PEST, facts(F1="A"), AS_OF)
    assert points(scored) == {"A": 20, "B": -8.4, "C": 4}
    assert list(scored.factor_id) == ["A", "B", "C"]


def test_horizon_edges():
    rows = [(name, "S", 1, 1, 1, years, "F1") for name, years in (("a", 1), ("b", 1.01), ("c", 3), ("d", 3.01))]
    assert points(pest.score(factors(*rows), facts(F1="A"), AS_OF)) == {"a": 1, "b": 0.7, "c": 0.7, "d": 0.4}


@pytest.mark.parametrize(
    ("evidence", "grade", "expected"),
    [
        ("F1; F3", "A", 20),
        ("F2", "B", 20),
        ("F3", "C", 10),
        ("F3;F2", "B", 20),
        ("", "unsupported", 0),
        ("F9", "unsupported", 0),
    ],
)
def test_the_best_grade_counts_and_nothing_without_evidence(evidence, grade, expected):
    scored = pest.score(factors(("A", "P", 1, 4, 5, 1, evidence)), facts(F1="A", F2="B", F3="C"), AS_OF)
    assert scored.grade.item() == grade and scored.impact_points.item() == expected


def test_a_fact_after_the_quarter_is_not_known():
    later = facts(F1="A").assign(source_date=pd.Timestamp("2018-01-01"))
    assert pest.score(GOLDEN_PEST, later, AS_OF).impact_points.eq(0).all()
    assert pest.score(GOLDEN_PEST, facts(F1="A"), AS_OF).impact_points.ne(0).all()


def test_axes_net_and_exposure():
    found = pest.axes(pest.score(GOLDEN_PEST, facts(F1="A"), AS_OF)).set_index("axis")
    assert list(found.index) == ["P", "E"]
    assert found.loc["E", ["net_points", "exposure_points"]].to_list() == pytest.approx([-4.4, 12.4])
    assert found.loc["P", ["net_points", "exposure_points"]].to_list() == [20, 20]


def test_rank_intervals_by_hand():
    """A stays at 16 or more, B at 4 or less, C has no evidence: no draw can change the order."""
    rows = [("A", "P", -1, 5, 5, 1, "F1"), ("B", "P", 1, 1, 1, 1, "F1"), ("C", "P", 1, 5, 5, 1, "")]
    ranked = pest.rank_intervals(pest.score(factors(*rows), facts(F1="A"), AS_OF), seed=1).set_index("factor_id")
    assert ranked[["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 1], [2, 2], [3, 3]]
    assert ranked.top3_share.eq(1).all()


def test_rank_intervals_do_not_depend_on_row_order():
    close = [(name, "P", 1, 3, 3, 1, "F1") for name in "CABED"]
    scored = pest.score(factors(*close), facts(F1="A"), AS_OF)
    turned = pest.rank_intervals(scored.iloc[::-1], seed=3).sort_values("factor_id", ignore_index=True)
    pd.testing.assert_frame_equal(
        turned, pest.rank_intervals(scored, seed=3).sort_values("factor_id", ignore_index=True)
    )


def swot_register(*rows: tuple[str, str, float, int]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["factor_id", "kind", "weight", "rating"])
    return frame.assign(factor="f", factor_zh="因", evidence="", provenance="illustrative")


IFE = swot_register(
    ("I1", "strength", 0.3, 4), ("I2", "strength", 0.25, 3), ("I3", "weakness", 0.25, 2), ("I4", "weakness", 0.2, 1)
)  # fmt: skip


def test_ife_of_the_method_and_efe_from_pest_by_sign():
    """EFE: points 20, -8.4, 4 weigh 20/32.4, 8.4/32.4, 4/32.4; each is rated 2."""
    grid = swot.factors(IFE, pest.score(GOLDEN_PEST, facts(F1="A"), AS_OF))
    rated = swot.evaluations(grid).set_index("side").weighted_rating
    assert rated["internal"] == pytest.approx(2.65) and rated["external"] == pytest.approx(2)
    weights = grid.set_index("factor_id").weight
    assert weights[["A", "B", "C"]].to_list() == pytest.approx([20 / 32.4, 8.4 / 32.4, 4 / 32.4])
    assert grid.set_index("factor_id").kind[["A", "B"]].to_list() == ["opportunity", "threat"]


def test_weights_that_do_not_add_to_one_are_scaled():
    grid = swot.factors(IFE.assign(weight=IFE.weight * 4), pest.score(GOLDEN_PEST, facts(F1="A"), AS_OF))
    assert swot.evaluations(grid).weighted_rating.iloc[0] == pytest.approx(2.65)


def test_tows_pairs_and_quadrants():
    """I1: .3 x 4; I4: .2 x 1; A: 20/32.4 x 2; B: 8.4/32.4 x 2."""
    grid = swot.factors(IFE, pest.score(GOLDEN_PEST, facts(F1="A"), AS_OF))
    pairs = pd.DataFrame({"internal_id": ["I4", "I1", "I1"], "external_id": ["B", "A", "B"], "fit": [3, 2, 0]})
    options = swot.tows(pairs.assign(option="o", option_zh="选", provenance="actual"), grid)
    assert list(options.quadrant) == ["SO", "WT", "ST"]
    assert options.pair_points.to_list() == pytest.approx([1.2 * 40 / 32.4 * 2, 0.2 * 16.8 / 32.4 * 3, 0])
    shares = swot.quadrants(options)
    assert list(shares.quadrant) == ["SO", "ST", "WT"] and shares.points_share.sum() == pytest.approx(1)


def summary(*expired: str) -> pd.DataFrame:
    """Table `market_summary`, as far as it is read: F1 and F2, of which some are past their date."""
    return pd.DataFrame({"fact_id": ["F1", "F2"], "is_expired": [fact in expired for fact in ("F1", "F2")]})


def test_expired_facts_and_late_reviews_are_named_and_cost_nothing():
    rows = [("A", "P", -1, 4, 4, 1, "F1; F2"), ("B", "P", 1, 4, 3, 1, "F2"), ("C", "P", 1, 2, 2, 1, "")]
    scored = pest.score(factors(*rows), facts(F1="A", F2="B"), AS_OF)
    days = pd.to_datetime(["2017-12-30", "2017-12-31", "2018-01-01"])
    dated = pest.dated(scored.assign(review_date=days), summary("F2"), AS_OF)
    assert dated.expired_facts.to_list() == ["F2", "F2", ""]
    assert dated.is_overdue.to_list() == [True, False, False]
    pd.testing.assert_series_equal(dated.impact_points, scored.impact_points)
    assert pest.dated(scored, None, AS_OF).expired_facts.eq("").all()


def test_a_factor_is_compared_with_last_quarter_by_its_size():
    """A: -16 after -12 weighs more; B: 12 after 20 weighs less; C is as before, D was not there."""
    rows = [("A", "P", -1, 4, 4, 1, "F1"), ("B", "P", 1, 4, 3, 1, "F1"), ("C", "P", 1, 2, 2, 1, "F1"),
            ("D", "S", 1, 1, 1, 1, "F1")]  # fmt: skip
    scored = pest.score(factors(*rows), facts(F1="A"), AS_OF)
    before = pd.DataFrame({"factor_id": ["C", "A", "B"], "impact_points": [4.0, -12.0, 20.0]})
    moved = pest.moved(scored, before).set_index("factor_id")
    assert moved.points_move.to_dict() == {"A": "move_up", "B": "move_down", "C": "move_same", "D": "move_new"}
    assert moved.points_before[["A", "B", "C"]].to_list() == [-12, 20, 4]
    assert pest.moved(scored, None).points_move.eq("").all()


@pytest.mark.parametrize(("row", "said"), [("IS9,E1", "internal_id 'IS9' is not in swot.csv"),
                                           ("IS1,E9", "external_id 'E9' is not in pest.csv"),
                                           ("IS1,", "external_id is empty")])  # fmt: skip
def test_an_option_must_name_both_its_factors(tmp_path, row, said):
    book = books.load(tmp_path)
    folder = book.data_dir / "registers"
    folder.mkdir(parents=True)
    swot_row, pest_row = "IS1,strength,Fresh,1,4", "E1,E,Prices,-1,4,4,1,2"
    (folder / "swot.csv").write_text(f"factor_id,kind,factor,weight,rating\n{swot_row}\n", encoding="utf-8")
    head = "factor_id,axis,factor,direction,impact,likelihood,horizon_years,response"
    (folder / "pest.csv").write_text(f"{head}\n{pest_row}\n", encoding="utf-8")
    (folder / "tows.csv").write_text(f"internal_id,external_id,fit,option\n{row},2,Do it\n", encoding="utf-8")
    problems = registers.check(book)
    assert len(problems) == 1 and "registers/tows.csv row 2: " in problems[0] and said in problems[0]


def test_empty_registers_give_empty_results_that_say_so(tmp_path):
    book = books.load(tmp_path)
    empty = {name: registers.read(book, name) for name in ("pest", "market_facts", "swot", "tows")}
    ranked = pest.rank_intervals(pest.score(empty["pest"], empty["market_facts"], AS_OF), seed=1)
    ranked = pest.moved(pest.dated(ranked, None, AS_OF), None)
    grid = swot.factors(empty["swot"], ranked)
    options = swot.tows(empty["tows"], grid)
    for name, frame in (("pest_factors", ranked), ("pest_axes", pest.axes(ranked)), ("swot_factors", grid),
                        ("tows_options", options)):  # fmt: skip
        assert frame.empty and schema.columns(name, frame.columns)
    assert "No TOWS" in charts_market.tows_quadrants(swot.quadrants(options), "en").get_figure(root=True).get_label()


@pytest.mark.parametrize("lang", LANGS)
def test_charts_state_the_finding_and_that_it_is_illustrative(lang):
    """Every glyph is in the font, or `picture` raises."""
    ranked = pest.rank_intervals(pest.score(GOLDEN_PEST, facts(F1="A"), AS_OF), seed=1)
    shown = {"pest": charts_market.pest_factors(ranked, lang), "axes": charts_market.pest_axes(pest.axes(ranked), lang)}
    alts = {name: style.picture(ax).alt for name, ax in shown.items()}
    assert all(alt.endswith({"en": "(illustrative)", "zh": "（示例）"}[lang]) for alt in alts.values())
    assert {"en": "A happens", "zh": "A发生"}[lang] in alts["pest"]
    assert "20.0" in alts["axes"]


def test_the_sentence_names_rivals_and_unsupported_factors():
    rows = [("A", "P", -1, 4, 4, 1, "F1"), ("B", "P", 1, 4, 4, 1, ""), ("C", "P", 1, 2, 2, 1, "F2")]
    ranked = pest.rank_intervals(pest.score(factors(*rows), facts(F1="A", F2="C"), AS_OF), seed=1)
    english, chinese = (str(narrative_market.pest(ranked, lang)) for lang in LANGS)
    assert (
        "counted as zero: B." in english and "count half: 1." in english and '"A happens" weighs most (−16.0' in english
    )
    assert "计零分的有：B。" in chinese and "“A发生”（−16.0分" in chinese


def test_the_sentence_says_what_is_old_late_and_moved():
    rows = [("A", "P", -1, 4, 4, 1, "F1; F2"), ("B", "P", 1, 4, 3, 1, "F1")]
    scored = pest.score(factors(*rows), facts(F1="A", F2="C"), AS_OF)
    late = scored.assign(review_date=pd.to_datetime(["2017-12-01", "2018-03-31"]))
    before = pd.DataFrame({"factor_id": ["A", "B"], "impact_points": [-9.0, 12.0]})
    told = pest.moved(pest.dated(late, summary("F1", "F2"), AS_OF), before)
    english = str(narrative_market.evidence_age(told, "en"))
    assert "still counted: A: F1, F2; B: F1." in english and "overdue: A (1 Dec 2017, O)" in english
    assert english.endswith("Against last quarter: weighing more A.")
    chinese = str(narrative_market.evidence_age(pest.moved(told, None), "zh"))
    assert "A：F1、F2；B：F1。复查逾期：A（2017年12月1日，O）。没有上季度的得分" in chinese
    assert narrative_market.evidence_age(told.iloc[:0], "en") is None  # the sentence before says that there are none
