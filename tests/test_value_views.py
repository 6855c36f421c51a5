"""Figures and sentences of value and risk: the finding in the title, both languages, and absent results stated."""

import numpy as np
import pandas as pd
import pytest

from crmlib import schema
from crmlib.params import Book, Value
from crmlib.views import charts_value, narrative_value, style, suppression

BOOK = Book(name_en="Tiny", name_zh="小账套", currency="USD")
NONE = {name: pd.DataFrame(columns=list(table.columns)) for name, table in schema.TABLES.items()}
CURVE = pd.DataFrame({"decile": range(1, 11), "revenue_share": [0.4, *[0.6 / 9] * 9]}).assign(
    running_share=lambda f: f["revenue_share"].cumsum()
)
TIERS = pd.DataFrame({
    "tier": ["high", "risk", "all"], "customers": [2, 8, 10], "expected_purchases": [30.0, 10.0, 40.0],
    "clv_minor": [300_000, 100_000, 400_000], "clv_low_minor": [280_000, 90_000, 370_000],
    "clv_high_minor": [310_000, 120_000, 430_000], "clv_calibrated_minor": [330_000, 110_000, 440_000],
})  # fmt: skip
CALIBRATION = pd.DataFrame([
    {"score_target": target, "decile": d, "customers": 10, "predicted": 0.05 * d, "happened": 0.04 * d, "happened_low": 0.03 * d,
     "happened_high": 0.05 * d}
    for target in ("future_purchases", "silence") for d in range(1, 11)
])  # fmt: skip
FINE = NONE["model_concerns"]
CARD = pd.DataFrame(
    {"score_target": "silence", "population": "all", "score": ["rfm_rank", "btyd"], "top_lift": [1.5, 2.25]}
)


def alt(ax) -> str:
    return style.picture(ax).alt


@pytest.mark.parametrize(
    ("drawn", "en", "zh"),
    [
        (lambda lang: charts_value.value_curve(CURVE, CURVE, lang), "holds 40.0% of", "40.0%"),
        (lambda lang: charts_value.value_by_tier(TIERS, lang, BOOK), "75.0% of the $4,000", "$4,000的75.0%"),
        (lambda lang: charts_value.expected_purchases(CALIBRATION, lang), "foretold 125% of", "125%"),
        (lambda lang: charts_value.silence_calibration(CALIBRATION, lang), "50% expected to stop buying, 40% did", "预计50%停止购买，实际40%"),
        (lambda lang: charts_value.lift(CARD, lang), "BTYD model: silent 2.25 times as often as average (RFM rank: 1.50)", "2.25倍"),
        (lambda lang: charts_value.lift(CARD.head(1), lang), "No model this quarter", "本季度无可用模型"),
    ],
)  # fmt: skip
def test_the_title_is_the_finding(drawn, en, zh):
    assert en in alt(drawn("en")) and zh in alt(drawn("zh"))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_absent_results_are_stated(lang):
    said = [
        alt(charts_value.value_curve(NONE["value_curve"], NONE["spend_deciles"], lang)),
        alt(charts_value.value_by_tier(NONE["value_by_tier"], lang, BOOK)),
        alt(charts_value.expected_purchases(NONE["model_calibration"], lang)),
        alt(charts_value.silence_calibration(NONE["model_calibration"], lang)),
        alt(charts_value.lift(NONE["model_card"], lang)),
        narrative_value.concerns(NONE["model_concerns"], lang).text,
        narrative_value.value(NONE["value_by_tier"], FINE, Value(), lang, BOOK).text,
        narrative_value.acquisition(NONE["acquisition"], lang, BOOK).text,
        narrative_value.newcomer(float("nan"), float("nan"), Value(), lang, BOOK).text,
        narrative_value.warnings(NONE["churn_warnings"], NONE["churn_alerts"], 91, lang, BOOK).text,
        narrative_value.predictors(NONE["churn_coefficients"], lang).text,
    ]
    assert all(said) and all(any(ord(c) > 0x4E00 for c in text) == (lang == "zh") for text in said)


def test_the_share_of_a_tier_is_of_all_customers_where_others_are_hidden():
    shown = TIERS[TIERS["tier"].isin(["all", TIERS["tier"].iloc[0]])]
    assert "75.0% of the $4,000" in alt(charts_value.value_by_tier(shown, "en", BOOK))


def test_verdicts_in_words():
    frame = pd.DataFrame({
        "score_target": ["future_purchases", "silence"], "verdict_code": ["use_rfm", "model_adds_value"],
        "verdict_reason": ["error_not_lower", "btyd_best"], "best_naive": ["same_count", "recency_rate"],
        "holdout_days": [91, 91], "customers": [770, 770],
    })  # fmt: skip
    en, zh = (narrative_value.verdicts(frame, lang).text for lang in ("en", "zh"))
    assert (
        "Purchases: use RFM and simple rules (its error is not below" in en
        and "No purchase: the model adds value" in en
    )
    assert "模型有增益" in zh and "770" in zh and "BTYD模型误差最小" in zh
    short = frame.assign(verdict_code="not_enough_data", verdict_reason="short_history", best_naive="")
    assert "not enough data to judge a model (history too short" in narrative_value.verdicts(short, "en").text


def test_every_concern_has_its_sentence():
    """All codes that the card can give, also with absent figures."""
    for concern in narrative_value._CONCERNS:
        row = pd.DataFrame({"concern": [concern], "found": [0.5], "found_low": [np.nan], "found_high": [1e9]})
        texts = [narrative_value.concerns(row, lang).text for lang in ("en", "zh")]
        assert all(texts) and "{" not in "".join(texts) and schema.word(concern, "zh") != concern


def test_value_says_revenue_or_margin_and_its_range():
    plain, margin = (narrative_value.value(TIERS, FINE, Value(margin=m), "en", BOOK).text for m in (None, 0.3))
    assert "worth $4,000 of revenue" in plain and "($3,700 to $4,300" in plain and "back-test: $4,400" in plain
    assert "of margin" in margin
    bare = TIERS.assign(clv_low_minor=None, clv_calibrated_minor=None)
    assert "customers of the same tier" in narrative_value.value(bare, FINE, Value(), "en", BOOK).text


def test_a_total_that_the_back_test_found_far_off_comes_second():
    biased = pd.DataFrame({"concern": ["biased_total"], "found": [0.62]})
    en, zh = (narrative_value.value(TIERS, biased, Value(), lang, BOOK).text for lang in ("en", "zh"))
    assert en.startswith("Over 12 months $4,400 of revenue is expected") and "$3,700" not in en
    assert "sum of $4,000, corrected because in the back-test it foretold 0.62 times" in en
    assert zh.startswith("未来12个月预计收入为$4,400") and "模型合计为$4,000" in zh and "0.62倍" in zh


def test_without_an_expectation_only_a_book_without_buyers_says_that_nobody_bought():
    columns = [c for c in TIERS if c not in ("tier", "customers")]
    bought = TIERS.assign(**dict.fromkeys(columns, float("nan")))
    said = [narrative_value.value(bought, FINE, Value(), lang, BOOK).text for lang in ("en", "zh")]
    assert "the purchase model cannot be used" in said[0] and "购买模型不可用" in said[1]
    nobody = bought.tail(1).assign(customers=float("nan"))
    assert "nobody has bought yet" in narrative_value.value(nobody, FINE, Value(), "en", BOOK).text
    assert alt(charts_value.value_curve(NONE["value_curve"], CURVE, "en")) == "No expected value this quarter"
    assert alt(charts_value.value_by_tier(bought, "en", BOOK)) == "No expected value this quarter"


def test_warnings_name_counts_money_and_source():
    listed = pd.DataFrame({"at_risk_minor": [100_000, 50_000], "risk_source": ["btyd", "btyd"]})
    alerts = pd.DataFrame({"alert": ["red", "amber", "watch", "no_alert"], "customers": [1, 4, 9, 100]})
    text = narrative_value.warnings(listed, alerts, 91, "en", BOOK).text
    assert "1 red, 4 amber and 9 watch" in text and "$1,500 at risk" in text and "91 days (source: BTYD model)" in text


def test_alerts_without_money_at_risk_are_said_to_be_without():
    alerts = pd.DataFrame({"alert": ["red", "amber", "watch", "no_alert"], "customers": [0, 22_733, 0, 100]})
    en, zh = (narrative_value.warnings(NONE["churn_warnings"], alerts, 91, lang, BOOK).text for lang in ("en", "zh"))
    assert en.startswith("22,733 customers carry an alert, but no money") and "22,733个客户有预警" in zh


def test_the_strongest_predictor_is_named_whichever_way_it_points():
    frame = pd.DataFrame({"predictor": ["repeat_purchases", "recency_days"], "odds_ratio": [0.25, 2.0]})
    assert "Repeat purchases" in narrative_value.predictors(frame, "en").text
    cohorts = pd.DataFrame(
        {
            "period": ["2023Q4"],
            "acquired": 9,
            "cac_minor": [15_000],
            "cohort_value_minor": [60_000],
            "clv_per_cac": [4.0],
        }
    )
    few = suppression.blank(cohorts.assign(acquired=3), 5)
    assert narrative_value.acquisition(few, "en", BOOK).text.startswith("Too few customers are new in 2023Q4")
    assert narrative_value.acquisition(few, "zh", BOOK).text.startswith("2023Q4的新客户过少")
    assert (
        "cost $150.00 and is worth $600.00 so far and ahead: 4 times"
        in narrative_value.acquisition(cohorts, "en", BOOK).text
    )


def test_what_a_new_customer_is_expected_to_bring():
    said = narrative_value.newcomer(1.446, 2546.0, Value(margin=0.5), "en", BOOK).text
    assert said == (
        "By the model, a new customer buys on 1.4 more days in the 12 months after the first purchase, worth $25.46 of margin."
    )
    assert "worth" not in narrative_value.newcomer(1.446, float("nan"), Value(), "en", BOOK).text
