"""Who may be leaving: counted, modelled and explained; and how much money that puts at risk."""

from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from buyers import log, purchase_days

from crmlib import schema
from crmlib.io import engine
from crmlib.params import Segment, Value
from crmlib.periods import Period
from crmlib.segment import btyd, churn, value

PERIOD = Period(2023, 4)


def base(recency: list[int]) -> ibis.Table:
    n = len(recency)
    frame = pd.DataFrame({"customer_id": [f"c{i}" for i in range(n)], "recency_days": recency, "state": ["active"] * n,
                          "monetary_12m_minor": [1000 * (i + 1) for i in range(n)]})  # fmt: skip
    return engine.table(frame)


AS_OF, DAYS = date(2023, 12, 31), 91
CUT = AS_OF - timedelta(days=DAYS)


def silences(recency: list[int], later: list[tuple[str, date]]) -> ibis.Table:
    """Customers last seen so many days before the cut, and what they bought afterwards."""
    known = [(f"c{i}", str(CUT - timedelta(days=n))) for i, n in enumerate(recency)]
    return days_of([*known, *((customer, str(day)) for customer, day in later)])


def test_rates_by_hand():
    """Four customers silent 3-7 days, two 61-90: c0 and c4 come back."""
    bought = silences([3, 5, 7, 7, 61, 90], [("c0", AS_OF), ("c4", CUT + timedelta(days=1))])
    rates = engine.frame(churn.observed(bought, AS_OF, DAYS, min_n=3))
    assert rates[["recency_band", "silence_days", "customers", "silent", "is_thin"]].values.tolist() == [
        [0, 91, 4, 3, False],
        [61, 91, 2, 1, True],
    ]
    assert rates["silent_rate"].tolist() == [0.75, 0.5]


def test_the_counted_chance_is_about_the_days_of_silence_not_about_the_quarter():
    """Bought 100 days before the end, and again 80 days before it: silent for 28 days, not for 91."""
    bought = days_of([("c0", str(AS_OF - timedelta(days=n))) for n in (100, 80)])
    found = {days: engine.frame(churn.observed(bought, AS_OF, days, min_n=1)) for days in (28, 91)}
    assert {days: rates["silent_rate"].tolist() for days, rates in found.items()} == {28: [1.0], 91: [0.0]}


def test_purchases_outside_the_days_do_not_count_as_coming_back():
    outside = silences([3, 3], [("c0", CUT), ("c1", AS_OF + timedelta(days=1))])
    assert engine.frame(churn.observed(outside, AS_OF, DAYS, min_n=1))["silent_rate"].tolist() == [1.0]


def test_no_earlier_customers_no_rates():
    assert engine.frame(churn.observed(silences([], [("c0", AS_OF)]), AS_OF, DAYS, min_n=1)).empty


@pytest.mark.parametrize(
    ("gaps", "customers", "days"),
    [([10, 20, 31], [1, 1, 1], 91), ([40, 40, 10], [1, 1, 1], 119), ([40, 10], [1, 3], 91), ([], [], 91)],
)
def test_churn_window_is_thirteen_weeks_or_three_usual_gaps(gaps, customers, days):
    """Median gap 20: 90 days round to 13 weeks; 40: 120 to 17 weeks; 10 (three of four customers): 13; no repeat buyer: 13."""
    frame = pd.DataFrame(
        {"repeat_purchases": [2] * len(gaps), "last_purchase_age_days": [2 * g for g in gaps], "customers": customers}
    )
    assert churn.window(frame, Value(), date(2022, 1, 1), AS_OF) == days
    assert churn.window(frame, Value(churn_days=60), date(2022, 1, 1), AS_OF) == 60


@pytest.mark.parametrize(("history", "days"), [(1100, 504), (541, 266), (532, 266), (531, 259), (100, 91)])
def test_churn_window_is_at_most_half_of_the_data(history, days):
    """Gaps of 168 days ask for 504: half of 541 days are 38 whole weeks; 13 weeks are the least."""
    frame = pd.DataFrame({"repeat_purchases": [1], "last_purchase_age_days": [168], "customers": [9]})
    assert churn.window(frame, Value(), AS_OF - timedelta(days=history), AS_OF) == days


def days_of(rows: list[tuple[str, str]]) -> ibis.Table:
    frame = pd.DataFrame(rows, columns=["customer_id", "order_date"]).assign(orders=1, net_minor=100)
    return purchase_days(frame.assign(order_date=pd.to_datetime(frame["order_date"]).astype("datetime64[us]")))


def test_features_by_hand():
    """At 31 December: purchases 0, 90 and 180 days before lie inside, outside, outside their windows (left-open)."""
    rows = [("A", "2023-12-31"), ("A", "2023-10-02"), ("A", "2023-07-04"), ("A", "2023-07-05"), ("A", "2024-01-01")]
    found = churn.features(days_of(rows), date(2023, 12, 31)).to_pyarrow().to_pylist()
    assert found == [{"customer_id": "A", "last_purchase_age_days": 180, "repeat_purchases": 3, "recency_days": 0,
                      "tenure_days": 180, "purchase_days_90": 1, "purchase_days_180": 3,
                      "purchase_value_minor": 100.0}]  # fmt: skip


def test_windows_count_purchases_after_the_date_too():
    """The day after `as_of` counts in its window and in nothing else; the first day of a window does not count."""
    rows = [("A", "2023-12-30"), ("A", "2023-12-31"), ("A", "2024-01-01"), ("B", "2024-01-01")]
    windows = {"later": (date(2023, 12, 31), date(2024, 1, 1)), "same": (date(2023, 12, 30), date(2023, 12, 31))}
    found = churn.features(days_of(rows), date(2023, 12, 31), windows).to_pyarrow().to_pylist()
    assert found == [{"customer_id": "A", "last_purchase_age_days": 1, "repeat_purchases": 1, "recency_days": 0,
                      "tenure_days": 1, "purchase_days_90": 2, "purchase_days_180": 2, "purchase_value_minor": 100.0,
                      "later": 1, "same": 1}]  # fmt: skip


LOG = log(11, 3000, (0.8, 40.0, 0.8, 2.5), date(2023, 1, 1), 365, joining=120)


def test_logistic_is_what_scikit_learn_predicts():
    """The engine's expression against the library's own probabilities, on the training customers."""
    from sklearn.linear_model import LogisticRegression

    days = purchase_days(LOG)
    found = churn.learn(days, date(2023, 1, 1), PERIOD.as_of, 91)
    assert found.problem == "" and found.cut == date(2023, 10, 1)
    known = churn.features(days, found.cut)
    frame = known.mutate(risk=churn.logistic_risk(known, found)).to_pyarrow().to_pandas()
    later = LOG[(LOG["order_date"] > "2023-10-01") & (LOG["order_date"] <= "2023-12-31")]
    silent = ~frame["customer_id"].isin(later["customer_id"])
    x = np.log1p(frame[list(churn.FEATURES)].to_numpy(float))
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    theirs = LogisticRegression(max_iter=1000).fit(scaled, silent).predict_proba(scaled)[:, 1]
    np.testing.assert_allclose(frame["risk"], theirs, atol=2e-3)
    table = churn.coefficients(found)
    assert list(table.columns) == list(schema.TABLES["churn_coefficients"].columns)
    assert table.set_index("predictor").at["recency_days", "odds_ratio"] > 1
    assert [p for p in table["predictor"] if schema.word(p, "zh") == p] == []


def test_logistic_needs_history_and_events():
    days = purchase_days(LOG)
    assert churn.learn(days, date(2023, 7, 5), PERIOD.as_of, 91).problem == "short_history"
    few = purchase_days(LOG[LOG["customer_id"] < "c00040"])
    assert churn.learn(few, date(2023, 1, 1), PERIOD.as_of, 91).problem == "few_events"


MODEL, LOST = btyd.Purchases(1, 1, 1, 1, 0, 0, np.eye(4)), btyd.Purchases(1, 1, 1, 1, 0, 0, np.eye(4), "not_identified")
FITTED, UNFITTED = (churn.Logistic(0.0, (), (), 0, 0, date(2023, 1, 1), 91, problem) for problem in ("", "few_events"))


def card(**briers: float) -> pd.DataFrame:
    return pd.DataFrame(
        {"score_target": "silence", "population": "all", "score": list(briers), "brier": list(briers.values())}
    )


def verdicts(code: str) -> pd.DataFrame:
    return pd.DataFrame({"score_target": ["future_purchases", "silence"], "verdict_code": ["model_adds_value", code]})


@pytest.mark.parametrize(
    ("wanted", "tested", "model", "logistic", "chosen"),
    [
        ("auto", card(btyd=0.2, logistic=0.1, recency_rate=0.3), MODEL, FITTED, "logistic"),
        ("auto", card(btyd=0.2, logistic=0.1, recency_rate=0.3), MODEL, UNFITTED, "btyd"),
        ("auto", card(btyd=0.4, recency_rate=0.3), MODEL, FITTED, "observed"),
        ("auto", card(btyd=0.2, recency_rate=0.3, population_mean=0.1), MODEL, FITTED, "observed"),
        ("auto", card(), MODEL, UNFITTED, "observed"),
        ("auto", card(), LOST, UNFITTED, "observed"),
        ("btyd", card(btyd=0.4, recency_rate=0.3), MODEL, FITTED, "btyd"),
        ("btyd", card(), LOST, FITTED, "observed"),
        ("observed", card(btyd=0.1, recency_rate=0.3), MODEL, FITTED, "observed"),
    ],
)
def test_source_is_the_most_exact_in_the_back_test(wanted, tested, model, logistic, chosen):
    assert churn.source(wanted, tested, verdicts("use_rfm"), model, logistic) == chosen


@pytest.mark.parametrize(("wanted", "chosen"), [("auto", "observed"), ("btyd", "btyd")])
def test_where_no_model_can_be_judged_the_chance_is_counted(wanted, chosen):
    """A back-test on a few customers who fell silent chooses nothing, however small its error."""
    tested = card(btyd=0.1, recency_rate=0.3)
    assert churn.source(wanted, tested, verdicts("not_enough_data"), MODEL, FITTED) == chosen


RULES = Segment.model_validate({
    "anchors": {"version": "t", "frozen_on": "2023-01-01", "basis_en": "t", "basis_zh": "t", "recency_days": [[0, 100], [365, 0]],
                "frequency_12m": [[0, 0], [9, 100]], "monetary_12m": [[0, 0], [9, 100]]},
    "tiers": [{"tier": t, "at_least": [[s, s, s]]} for t, s in (("high", 80), ("potential", 60), ("general", 40), ("risk", 0))],
})  # fmt: skip


def assessed(rows: list[dict]) -> ibis.Table:
    usual = {"state": "active", "tier": "general", "tier_before": "general", "recency_days": 30, "repeat_purchases": 4,
             "last_purchase_age_days": 80, "usual_gap_days": 20.0, "overdue_ratio": 1.5, "purchase_days_90": 2, "purchase_days_180": 4,
             "active_purchases": 10.0, "expected_value_minor": 100.0, "monetary_12m_minor": 700, "frequency_12m": 5,
             "silent_rate": 0.2, "logistic_risk": 0.1, "risk_reason": ""}  # fmt: skip
    return engine.table(pd.DataFrame([{"customer_id": f"c{i}", **usual, **row} for i, row in enumerate(rows)]))


def test_alerts_and_money_at_risk_by_hand():
    """c0 red (0.7, was potential); c1 the same chance from a lower tier: amber; c2 watch: twice the mean of 0.39 is out of
    reach, so none; c3 a customer of 200 days ago is no early warning; c4 low."""
    rows = [{"btyd_risk": 0.7, "tier_before": "potential"}, {"btyd_risk": 0.7}, {"btyd_risk": 0.49},
            {"btyd_risk": 0.9, "recency_days": 200, "state": "lapsed"}, {"btyd_risk": 0.0}]  # fmt: skip
    alerted = churn.alerts(assessed(rows), "btyd", RULES)
    found = engine.frame(alerted.order_by("customer_id"))
    assert found["alert"].tolist() == ["red", "amber", "no_alert", "amber", "no_alert"]
    assert found["at_risk_minor"].tolist() == [700, 700, 490, 900, 0]
    listed = churn.warnings(alerted, 9, 91)
    assert listed[["rank", "customer_id", "advice"]].values.tolist() == [
        [1, "c0", "call_within_week"],
        [2, "c1", "send_reminder"],
    ]
    assert list(listed.columns) == list(schema.TABLES["churn_warnings"].columns)
    sizes = churn.alert_sizes(alerted)
    assert sizes[["alert", "customers", "at_risk_minor"]].values.tolist() == [
        ["red", 1, 700], ["amber", 1, 700], ["watch", 0, 0], ["no_alert", 2, 490]
    ]  # fmt: skip
    assert sizes["expected_silent"].tolist() == pytest.approx([0.7, 0.7, 0, 0.49])


def test_watch_is_twice_the_usual_chance():
    rows = [{"btyd_risk": 0.02}] * 8 + [{"btyd_risk": 0.2}]
    found = engine.frame(churn.alerts(assessed(rows), "btyd", RULES).order_by("customer_id"))
    assert found["alert"].tolist() == ["no_alert"] * 8 + ["watch"]


def test_without_a_model_the_counted_rate_puts_the_years_spend_at_risk():
    rows = [{"btyd_risk": None, "active_purchases": None, "silent_rate": 0.5}, {"btyd_risk": 0.9, "silent_rate": None}]
    found = engine.frame(churn.alerts(assessed(rows), "observed", RULES).order_by("customer_id"))
    assert found["at_risk_minor"].tolist()[0] == 350 and found["alert"].tolist() == ["amber", "no_alert"]
    assert found["risk_source"].tolist() == ["observed", "none"] and pd.isna(found["at_risk_minor"][1])


def test_where_nobody_ever_came_back_no_money_is_at_risk():
    once = {"btyd_risk": 0.5, "active_purchases": float("nan"), "silent_rate": 1.0, "repeat_purchases": 0}
    found = engine.frame(churn.alerts(assessed([once, once]), "observed", RULES))
    assert found["alert"].tolist() == ["amber"] * 2 and found["at_risk_minor"].tolist() == [0, 0]


def test_reasons_say_what_happened_in_both_languages():
    rows = [
        {"recency_days": 61, "usual_gap_days": 22.0, "overdue_ratio": 2.77},
        {"repeat_purchases": 0, "usual_gap_days": None, "overdue_ratio": None},
        {"overdue_ratio": 1.2, "purchase_days_90": 1, "purchase_days_180": 4},
        {"overdue_ratio": 1.2},
    ]
    listed = churn.warnings(churn.alerts(assessed([{"btyd_risk": 0.6, **row} for row in rows]), "btyd", RULES), 9, 91)
    found = listed.set_index("customer_id").sort_index()
    assert found["reason"].tolist() == ["overdue_gap", "bought_once", "slowing", "rare_buyer"]
    assert found["warning_text"].tolist()[:2] == ["usual gap 22 d, now 61 d = 2.8x", "bought on one day only, 30 d ago"]
    assert found["warning_text_zh"].tolist()[:2] == ["通常间隔22天，现已61天，为2.8倍", "仅购买过一次，距今30天"]
    assert (found["warning_text"] != found["warning_text_zh"]).all()


def test_the_list_is_cut_at_its_capacity_and_ties_keep_an_order():
    listed = churn.warnings(churn.alerts(assessed([{"btyd_risk": 0.6}] * 5), "btyd", RULES), 2, 91)
    assert listed["customer_id"].tolist() == ["c0", "c1"]


def test_an_empty_list_keeps_its_columns():
    listed = churn.warnings(churn.alerts(assessed([{"btyd_risk": 0.0}] * 2), "btyd", RULES), 9, 91)
    assert listed.empty and list(listed.columns) == list(schema.TABLES["churn_warnings"].columns)


def test_every_code_has_its_words():
    codes = [*churn.ALERTS, "overdue_gap", "bought_once", "slowing", "rare_buyer", "call_within_week", "invite_second", "send_reminder",
             "btyd", "logistic", "observed", "tier_mean"]  # fmt: skip
    assert [c for c in codes if schema.word(c, "zh") == c] == []


def test_tenths_share_out_all_money():
    tenths = engine.frame(value.deciles(base([1] * 20)))
    assert tenths["customers"].tolist() == [2] * 10
    assert tenths["monetary_12m_minor"].tolist()[0] == 39_000
    assert round(tenths["running_share"].iloc[-1], 12) == 1 and tenths["monetary_12m_minor"].sum() == 210_000
