"""Figures and sentences of scores, tiers and clusters say what their tables hold, and state what is absent."""

import books
import drawn
import pandas as pd
import pytest
from books import ANCHORS, TIERS

from crmlib.io import engine
from crmlib.params import Book, Segment
from crmlib.segment import churn, clusters, tiers
from crmlib.views import charts_segment, narrative_review, narrative_segment, style, suppression

BOOK = Book(name_en="Tiny", name_zh="小账套", currency="CNY")
MOVES = pd.DataFrame(
    [("high", "high", 5), ("high", "risk", 1), ("risk", "lapsed", 1), ("lapsed", "high", 3), ("absent", "risk", 3),
     ("prospect", "prospect", 50)], columns=["tier_before", "tier", "customers"],
)  # fmt: skip
NOBODY = MOVES.head(0)
FIRST = MOVES[MOVES["tier_before"].isin(["absent", "prospect"])]


def told(ax) -> str:
    picture = style.picture(ax)
    assert "<svg" in picture.svg
    return picture.alt


@pytest.mark.parametrize(
    ("lang", "says"),
    [
        ("en", "50.0% stayed where they were; 3 moved up, 2 down, 3 are new"),
        ("zh", "50.0%的客户层级不变；3个上升，2个下降，3个新增"),
    ],
)
def test_the_flow_counts_who_stayed_rose_fell_and_came(lang, says):
    """5 of 10 earlier customers stayed; a customer back from silence rose, one gone silent fell."""
    assert told(charts_segment.tier_flow(MOVES, lang)) == says


def test_names_of_thin_bars_stay_at_their_bar_or_are_led_to_it():
    """Bars of 20 at 0, 57 and 114, of 1,000 at 171; names keep 76 apart, so the second and the third are moved."""
    stay = [(tier, tier, n) for tier, n in (("high", 20), ("potential", 20), ("general", 20), ("risk", 1000))]
    ax = charts_segment.tier_flow(pd.DataFrame(stay, columns=MOVES.columns), "en")
    assert drawn.touching(ax) == []
    at = {text.get_text().split("  ")[0]: text.get_position()[1] for text in ax.texts}
    assert at["High value"] == 10 and round(at["Churn risk"]) == 671
    led = sorted({tuple(round(float(y)) for y in line.get_ydata()) for line in ax.lines})
    assert led == [(67, round(at["Potential"])), (124, round(at["General"]))]


def test_a_cluster_that_gave_back_more_than_it_bought_keeps_its_name_legible():
    shares = pd.DataFrame(
        {
            "cluster_name": ["core", "fading", "regular", "regular_2"],
            "customer_share": 0.25,
            "revenue_share": [1, 0.02, 0.02, -0.04],
        }
    )
    assert drawn.touching(charts_segment.cluster_profile(shares, "en")) == []


def test_the_heat_map_of_moves_leaves_prospects_out_of_its_share():
    assert told(charts_segment.tier_migration(MOVES, "en")).startswith("50.0% of earlier customers")


def test_the_heat_map_tells_no_small_count():
    cells = charts_segment.tier_migration(MOVES, "en", 5).texts
    assert {text.get_text() for text in cells} == {"", "50", "<5"}  # 5 would give away one of its row


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_flow_tells_no_small_count(lang):
    """Three were high and are so now; four are new."""
    moves = pd.DataFrame({"tier_before": ["high", "general", "general", "absent"], "tier": ["high", "general", "risk", "general"],
                          "customers": [3, 50, 7, 4]})  # fmt: skip
    seen = charts_segment.tier_flow(moves, lang, 5)
    assert not any(c.isdigit() for text in seen.texts for c in text.get_text())
    assert told(seen) == {"en": "88.3% stayed where they were", "zh": "88.3%的客户层级不变"}[lang]
    many = moves.assign(customers=moves["customers"] * 10)
    texts = [text.get_text() for text in charts_segment.tier_flow(many, lang, 5).texts]
    assert any(text.endswith("540") for text in texts)


@pytest.mark.parametrize("moves", [NOBODY, FIRST], ids=["relative", "first quarter"])
@pytest.mark.parametrize("chart", [charts_segment.tier_flow, charts_segment.tier_migration])
def test_no_earlier_quarter_is_stated(chart, moves):
    assert "No earlier quarter" in told(chart(moves, "en")) and "没有可比较" in told(chart(moves, "zh"))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_relative_tiers_are_stamped(lang):
    sizes = pd.DataFrame({"tier": ["high", "risk"], "customer_share": [0.1, 0.9], "revenue_share": [0.4, 0.6]})
    warning = {"en": "not comparable between quarters", "zh": "不可跨季度比较"}[lang]
    assert warning in told(charts_segment.tier_sizes(sizes.assign(scoring="percentile"), lang))
    assert warning not in told(charts_segment.tier_sizes(sizes.assign(scoring="absolute"), lang))
    plain, ranked = (
        Segment.model_validate({"anchors": ANCHORS, "tiers": TIERS, "scoring": s}) for s in ("anchors", "percentile")
    )
    assert warning in narrative_segment.anchors(ranked, 1.0, lang).text and warning in narrative_segment.stamp(
        ranked, lang
    )
    assert warning not in narrative_segment.anchors(plain, 1.0, lang).text and not narrative_segment.stamp(plain, lang)


def test_a_price_index_is_said():
    used = Segment.model_validate({"anchors": ANCHORS, "tiers": TIERS, "price_index": {2024: 1.05}})
    assert "divided by 1.050" in narrative_segment.anchors(used, 1.05, "en").text
    assert "1.050" in narrative_segment.anchors(used, 1.05, "zh").text


def test_a_window_that_fills_is_said_beside_the_moves():
    balance = pd.DataFrame(
        [("high", 10, 1, 3, 2, 12, 9_000_00, 0, 0, 0, 0, 9_900_00)],
        columns=["tier", "opening", "joined", "moved_in", "moved_out", "closing", "opening_minor", "joined_minor",
                 "moved_in_minor", "moved_out_minor", "change_minor", "closing_minor"],
    )  # fmt: skip
    whole, partly = (narrative_segment.migration(balance, months, "en", BOOK).text for months in (12, 9))
    assert "10 at the start + 1 new + 3 moved in − 2 moved out = 12, with ¥9,000" in whole
    assert "9 of 12 months" in partly and "9 of 12 months" not in whole
    assert "No migration" in narrative_segment.migration(balance.head(0), 12, "en", BOOK).text


def test_changed_cut_points_are_counted_apart():
    pairs = pd.DataFrame({"tier_then": ["high", "high"], "tier_now": ["high", "potential"], "customers": [90, 10]})
    assert "moved 10 of 100 customers" in narrative_segment.restated(pairs, "en").text
    assert "moved nobody" in narrative_segment.restated(pairs.head(1), "en").text
    assert "not stored" in narrative_segment.restated(pairs.head(0), "en").text
    few = pairs.assign(customers=[90, 3])
    assert "moved a few customers" in narrative_segment.restated(few, "en", 5).text
    assert "少数客户" in narrative_segment.restated(few, "zh", 5).text
    same = pd.DataFrame({"tier_then": ["high", "risk"], "tier_now": ["high", "risk"], "customers": [3, 1021]})
    assert "moved nobody: all 1,024 customers" in narrative_segment.restated(same, "en", 5).text
    assert "1,024个客户" in narrative_segment.restated(same, "zh", 5).text


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "too few customers to be told are left out"), ("zh", "不宜披露的组未绘制")]
)
def test_a_chart_says_that_groups_are_left_out(lang, said):
    tiers = ["high", "potential", "general", "risk"]
    sizes = pd.DataFrame({"tier": tiers, "customers": [2, 30, 40, 700], "customer_share": [0.003, 0.039, 0.052, 0.906],
                          "monetary_12m_minor": [5, 30, 40, 700], "revenue_share": [0.1, 0.2, 0.3, 0.4]})  # fmt: skip
    drawn = charts_segment.tier_sizes(suppression.told(sizes, 5), lang).get_figure()
    assert said in drawn.get_supxlabel() and said in drawn.get_label()
    assert len(drawn.axes[0].get_yticks()) == 2
    whole = charts_segment.tier_sizes(suppression.told(sizes, 1), lang).get_figure()
    assert not whole.get_supxlabel() and said not in whole.get_label()


def test_a_share_that_tells_of_a_few_silent_customers_has_no_bar():
    """1 of 21 and 1 of 30 were silent, and 3 of 40 bought: none of these shares is told, nor in which band the others are."""
    rates = pd.DataFrame({"recency_band": [0, 8, 15, 31, 61], "customers": [21, 30, 40, 100, 90], "silent": [1, 1, 37, 60, 30],
                          "silence_days": 91, "is_thin": False})  # fmt: skip
    rates["silent_rate"] = rates["silent"] / rates["customers"]
    axes = charts_segment.silence_rates(rates, "en", 5)
    written = [text.get_text() for text in axes.texts]
    assert written[:3] == ["n = 21", "n = 30", "n = 40"] and written[3] == "60.0%\nn = 100"
    assert [bar.get_height() for bar in axes.patches][:3] == [0, 0, 0]
    assert "31–60 days, 60.0%" in axes.get_figure().get_label()
    assert charts_segment.silence_rates(rates[:3], "en", 5).get_label() == "nothing to draw"
    listed = pd.DataFrame({"recency_days": [7, 8, 31, 400], "risk_source": ["observed", "btyd", "observed", "observed"],
                           "silent_rate": 0.5, "churn_risk": 0.4})  # fmt: skip
    told = churn.told(listed, suppression.told(rates, 5))
    assert told["silent_rate"].notna().tolist() == [False, False, True, False]
    assert told["churn_risk"].notna().tolist() == [False, True, True, False]


def test_one_cluster_is_not_compared_with_tiers():
    row = {"cramers_v": float("nan"), "adjusted_rand": 0.0}
    for lang, said in (("en", "cannot be compared"), ("zh", "无法比较")):
        assert said in narrative_segment.agreement(pd.DataFrame([row]), lang).text
        assert said not in narrative_segment.agreement(pd.DataFrame([row | {"cramers_v": 0.4}]), lang).text


def test_customers_without_a_purchase_are_counted_by_state():
    counted = pd.DataFrame({"state": ["active", "lapsed", "prospect"], "customers": [70, 20, 10]})
    said = narrative_segment.states(counted, "en").text
    assert said.startswith("Of 100 customers 70 bought in the 12 months; 20 bought only before, 10 have never bought.")
    assert "All 70" in narrative_segment.states(counted.head(1), "en").text
    few = suppression.blank(counted.head(1).assign(customers=3), 5)
    assert narrative_segment.states(few, "en").text == "In the 12 months some customers bought."
    assert narrative_segment.states(few, "zh").text == "若干个客户在12个月内有购买。"


def test_the_cluster_figures_name_what_stands_out():
    profile = pd.DataFrame(
        {"cluster_name": ["core", "fading"], "recency_days": [5, 200], "frequency_12m": [20, 2],
         "monetary_12m_minor": [500_000, 20_000], "tenure_days": [900, 300]}
    )  # fmt: skip
    model = clusters.Model("2023Q4", books.ANCHORS["frozen_on"], (3.0, 2.0, 11.0, 6.0), (1.0,) * 4, (), (), (), 2)
    heat = charts_segment.cluster_heat(clusters.positions(profile, model), profile, "en", BOOK)
    assert told(heat) == "'Fading' stands out most: days since last order far above average"
    assert "¥5,000" in {text.get_text() for text in heat.texts}
    cells = pd.DataFrame({"cluster": [1, 1, 2], "cluster_name": ["core", "core", "fading"], "tier": ["high", "risk", "risk"],
                          "cluster_share": [0.6, 0.4, 1.0]})  # fmt: skip
    assert (
        told(charts_segment.cluster_tiers(cells, "en")) == "100% of the cluster 'Fading' are in the tier 'Churn risk'"
    )


@pytest.mark.parametrize(
    ("rule", "stable", "says"),
    [
        ("gap_rule", True, "stable (p10"),
        ("override", True, "set by hand"),
        ("least_unstable", False, "not a basis for action"),
    ],
)
def test_clusters_say_how_they_were_chosen(rule, stable, says):
    choice = pd.DataFrame(
        {"k": [4], "stability": [0.9], "is_stable": [stable], "is_chosen": [True], "chosen_by": [rule]}
    )
    assert says in narrative_segment.clusters(choice, 4, "en").text
    assert "Too few" in narrative_segment.clusters(choice.head(0), 1, "en").text


def test_the_cluster_model_says_whether_it_is_kept_matched_or_new():
    shifts = pd.DataFrame({"cluster_before": [1.0, None], "centroid_shift": [0.2, 2.0], "shift_limit": [0.8, 0.8]})
    near = shifts.assign(centroid_shift=[0.2, 0.8])
    kept = narrative_segment.cluster_model(near, "2023Q2", "2024Q1", "en").text
    matched = narrative_segment.cluster_model(shifts, "2024Q1", "2024Q1", "en").text
    assert "model of 2023Q2 is kept, so" in kept and "refit" not in kept
    far = [narrative_segment.cluster_model(shifts, "2023Q2", "2024Q1", lang).text for lang in ("en", "zh")]
    assert "does not fit any more" in far[0] and "by up to 2.00 standard" in far[0] and "(0.80)" in far[0]
    assert "已不再适用" in far[1] and all("segment.clusters.refit" in text for text in far)
    assert "1 clusters are matched" in matched and "1 are new" in matched
    new = shifts.assign(cluster_before=None, shift_limit=float("nan"))
    assert "A new model, frozen at 2024Q1" in narrative_segment.cluster_model(new, "2024Q1", "2024Q1", "en").text


ENDS = pd.DataFrame({"score_name": ["monetary_score"] * 2, "end_score": [0.0, 100.0], "customers": 70,
                     "at_end": [0, 55], "end_share": [0.0, 55 / 70]})  # fmt: skip


@pytest.mark.parametrize(
    ("customers", "money", "fits"),
    [
        ([5, 20, 75], [500, 300, 200], True),
        ([0, 20, 80], [0, 700, 300], False),  # nobody in the best tier
        ([1, 400, 700], [300, 300, 400], False),  # hardly anybody
        ([5, 495, 501], [300, 300, 400], False),  # 5 of 1,001 are less than one in 200
        ([5, 495, 500], [300, 300, 400], True),
        ([2, 3, 95], [100, 100, 800], False),  # four fifths of the spend in one
        ([2, 3, 95], [101, 100, 799], True),
        ([21, 30, 49], [850, 100, 50], False),  # the best tier is no elite
        ([20, 31, 49], [850, 100, 50], True),  # a fifth of the customers brings most: the tiers do tell them apart
        ([0, 0, 9], [0, 0, 0], True),  # nobody bought: that is no matter of anchors
    ],
)
def test_anchors_that_tell_nobody_apart_are_named_with_the_way_out(customers, money, fits):
    share = [m / max(sum(money), 1) for m in money]
    sizes = pd.DataFrame({"tier": ["high", "general", "risk"], "customers": customers, "monetary_12m_minor": money,
                          "revenue_share": share})  # fmt: skip
    told = [narrative_segment.misfit(sizes, ENDS, "../params/tiny/2023Q4.yml", lang) for lang in ("en", "zh")]
    assert [said is None for said in told] == [fits, fits]
    if not fits:
        assert all("crm anchors params/tiny/2023Q4.yml" in said.text for said in told)


def test_a_best_tier_that_is_no_elite_is_named_once():
    sizes = pd.DataFrame({"tier": ["high", "risk"], "customers": [28, 45], "monetary_12m_minor": [851, 149],
                          "revenue_share": [0.851, 0.149]})  # fmt: skip
    said = [str(narrative_segment.misfit(sizes, ENDS, "params/tiny/2023Q4.yml", lang, 5)) for lang in ("en", "zh")]
    assert "28 customers are High value and bring 85.1% of the spend." in said[0]
    assert "高价值客户有28个，占消费的85.1%。" in said[1]


def test_a_score_that_most_customers_have_alike_is_named():
    """63 of 70 have the full score for spend; of 66 the other 4 would be told by it."""
    sizes = pd.DataFrame({"tier": ["high", "risk"], "customers": [20, 50], "monetary_12m_minor": [700, 300],
                          "revenue_share": [0.7, 0.3]})  # fmt: skip

    def said(n: int, lang: str) -> str:
        ends = ENDS.assign(at_end=[0, n], end_share=[0.0, n / 70])
        return str(narrative_segment.misfit(sizes, ends, "params/tiny/2023Q4.yml", lang, 5))

    assert "90.0% of the active customers have an M score of 100" in said(63, "en")
    assert "90.0%的活跃客户M得分为100" in said(63, "zh")
    assert "nearly all of the active customers have an M score of 100" in said(
        66, "en"
    ) and "几乎全部的活跃客户" in said(66, "zh")
    assert narrative_segment.misfit(sizes, ENDS, "params/tiny/2023Q4.yml", "en", 5) is None


def test_the_ends_of_scores_by_hand():
    """Three active customers: two have 100 for spend, one 0 for recency; a lapsed one does not count."""
    frame = pd.DataFrame({"state": ["active"] * 3 + ["lapsed"], "recency_score": [0.0, 50, 60, 0],
                          "frequency_score": [10.0, 20, 30, 0], "monetary_score": [100.0, 100, 99.9, 100]})  # fmt: skip
    found = engine.frame(tiers.score_ends(engine.table(frame)))
    assert found.loc[found["at_end"] > 0, ["score_name", "end_score", "at_end", "customers"]].values.tolist() == [
        ["monetary_score", 100, 2, 3], ["recency_score", 0, 1, 3]]  # fmt: skip
    assert engine.frame(tiers.score_ends(engine.table(frame.tail(1))))["end_share"].isna().all()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_nobody_spends_nothing(lang):
    """Without a high-value customer there is no "0 customers spent 0"."""
    sizes = pd.DataFrame({
        "tier": ["high", "general", "risk"], "customers": [0, 12, 25], "customer_share": [0, 0.32, 0.68],
        "monetary_12m_minor": [0, 1234_00, 2345_00], "revenue_share": [0, 0.345, 0.655],
    })  # fmt: skip
    reasons = pd.DataFrame({"risk_reason": ["lapsed"], "customers": [25], "monetary_12m_minor": [2345_00]})
    nobody = {"en": "o customer is high value", "zh": "没有客户属于高价值层级"}[lang]
    for said in (narrative_segment.tiers(sizes, reasons, lang, BOOK), narrative_review.risk(sizes, lang, BOOK)):
        assert nobody in said.text and "0.00" not in said.text and "0.0%" not in said.text


def test_sentences_do_not_say_what_their_tables_hide():
    """Three customers of 40 are high value: neither their spend nor that of the next smallest tier may be told."""
    sizes = pd.DataFrame({
        "tier": ["high", "general", "risk"], "customers": [3, 12, 25], "customer_share": [0.075, 0.3, 0.625],
        "monetary_12m_minor": [777_00, 1234_00, 2345_00], "revenue_share": [0.178, 0.283, 0.538],
    })  # fmt: skip
    reasons = pd.DataFrame({"risk_reason": ["lapsed", "new", "rare_buyer"], "customers": [12, 4, 9],
                            "monetary_12m_minor": [100_00, 20_00, 30_00]})  # fmt: skip
    told, why = suppression.blank(sizes, 5), suppression.blank(reasons, 5)
    for lang in ("en", "zh"):
        said = narrative_segment.tiers(told, why, lang, BOOK).text
        assert {"en": "and smaller groups", "zh": "更小的群体"}[lang] in said
        assert "777" not in said and "12" in said and "4" not in said.replace("12", "")
        assert "¥777" in narrative_segment.tiers(sizes, reasons, lang, BOOK).text
        first = narrative_review.risk(told, lang, BOOK).text
        assert "¥2,345" in first and "777" not in first and "17.8" not in first
        nobody = suppression.blank(sizes.assign(customers=[3, 2, 25]), 100)
        assert not set("0123456789") & set(narrative_review.risk(nobody, lang, BOOK).text)
        few = sizes.assign(customers=[3, 12, 25_000], revenue_share=[0.01, 0.02, 0.97])
        assert "3" not in narrative_segment.misfit(few, ENDS, "params/tiny/2023Q4.yml", lang, 5).text.replace(
            "2023Q4", ""
        )


@pytest.mark.parametrize(
    ("opening", "moved_in", "moved_out", "closing", "says", "hides"),
    [
        (20, 3, 6, 17, "20 at the start, 17 at the end; too few moved", "9,000"),
        (3, 0, 0, 3, "too few customers to tell who moved", "9,000"),
        (10, 0, 0, 10, "10 at the start + 0 new + 0 moved in − 0 moved out = 10, with ¥9,000", "too few"),
    ],
)
def test_moves_of_too_few_are_not_told(opening, moved_in, moved_out, closing, says, hides):
    columns = ["tier", "opening", "joined", "moved_in", "moved_out", "closing", "opening_minor", "joined_minor",
               "moved_in_minor", "moved_out_minor", "change_minor", "closing_minor"]  # fmt: skip
    row = ("high", opening, 0, moved_in, moved_out, closing, 9_000_00, 0, 0, 0, 0, 9_900_00)
    others = [(tier, 80, 0, 0, 0, 80, 1_00, 0, 0, 0, 0, 1_00) for tier in ("general", "risk")]
    balance = suppression.blank(pd.DataFrame([row, *others], columns=columns), 5)
    said = narrative_segment.migration(balance, 12, "en", BOOK).text
    assert says in said and hides not in said
    assert narrative_segment.migration(balance, 12, "zh", BOOK).text


@pytest.mark.parametrize(
    ("counts", "en", "zh"),
    [
        ((900, 300, 50), "Of 1,250 customers 900 bought", "1,250个客户中，900个"),
        (
            (900, 3, 50),
            "some have no paid purchase left (only returns, or lines without an amount), some bought",
            "若干个没有有效购买（仅有退货或无金额的行），若干个仅在此前有购买",
        ),
        (
            (70, 3),
            "73 customers are in every table; some of them have no paid",
            "共73个客户保留在所有表中，其中若干个没有",
        ),
    ],
)
def test_states_of_a_few_are_not_counted_out(counts, en, zh):
    found = pd.DataFrame({"state": ["active", "returns_only", "lapsed"][: len(counts)], "customers": counts})
    assert en in narrative_segment.states(found, "en", 5).text and zh in narrative_segment.states(found, "zh", 5).text
