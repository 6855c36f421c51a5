"""The model card: metrics against scikit-learn and by hand, honest splits, the verdict's rule, the published ordering."""

from datetime import date
from pathlib import Path

import books
import numpy as np
import pandas as pd
import pytest
from buyers import log, purchase_days

from crmlib import params, schema
from crmlib.io import engine
from crmlib.segment import accuracy, backtest, btyd, btyd_fit, churn, customer_value, model_card, model_concerns

START = date(2022, 7, 1)
LIKE_CDNOW = (0.25, 31.0, 0.8, 2.4)
LOG = log(31, 6000, LIKE_CDNOW, START, 549, joining=91)


def settings_of(root: Path, **rules: object) -> params.Settings:
    return books.load(root, period="2023Q4", segment={"anchors": books.ANCHORS, "tiers": books.TIERS, "value": rules})


def run(
    root: Path, frame: pd.DataFrame, first: date = START
) -> tuple[params.Settings, model_card.Card, customer_value.Models]:
    settings = settings_of(root, churn_days=91)
    days = purchase_days(frame).cache()
    known = engine.table(pd.DataFrame({"customer_id": frame["customer_id"].unique()}))
    models = customer_value.fit(btyd.histories(days, settings.period.as_of))
    return settings, model_card.examine(days, known, first, 91, settings), models


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    """Customers who join within a quarter and then buy and leave as the model says, as CDNOW's did."""
    return run(tmp_path_factory.mktemp("card"), LOG)


def scores(card: pd.DataFrame, target: str = "silence", population: str = "all") -> pd.DataFrame:
    return card[(card["score_target"] == target) & (card["population"] == population)].set_index("score")


def test_the_published_ordering_is_reproduced(cohort):
    """Method 5.2: P0 ranks far better than 1 - P(alive), which is worse than chance; the logistic is as good as P0."""
    days = purchase_days(LOG)
    cut, as_of = date(2023, 10, 1), date(2023, 12, 31)
    cells = btyd.cells(btyd.histories(days, cut))
    fitted = btyd_fit.purchases(cells)
    x, t_x, tenure = (cells[c].to_numpy(float) for c in btyd.CELL)
    table = btyd.histories(days, cut).join(
        engine.table(cells.assign(gone=1 - btyd.alive(fitted, x, t_x, tenure))), list(btyd.CELL)
    )
    later = churn.features(days, cut, {"later": (cut, as_of)}).select("customer_id", "later")
    frame = table.join(later, "customer_id").to_pyarrow().to_pandas()
    told = engine.table(pd.DataFrame({"told": frame["gone"], "happened": (frame["later"] == 0).astype(float)}))
    gone = accuracy._ranked(told)["auc"]
    found = scores(cohort[1].card)["auc"]
    assert gone < 0.5 and found["btyd"] > 0.7 and found["logistic"] == pytest.approx(found["btyd"], abs=0.02)
    assert found["btyd"] - gone > 0.3


def test_the_model_is_calibrated_on_its_own_world(cohort):
    """Totals within their interval, tenths of silence within theirs nine times of ten, and the verdict says so."""
    card = cohort[1]
    ours = scores(card.card, "future_purchases").loc["btyd"]
    assert ours["ratio_low"] < 1 < ours["ratio_high"] and card.ratio == ours["expected_ratio"]
    tenths = card.calibration[card.calibration["score_target"] == "silence"]
    inside = tenths["predicted"].between(tenths["happened_low"] - 0.01, tenths["happened_high"] + 0.01)
    assert inside.sum() >= 8 and tenths["customers"].sum() == 6000
    assert card.verdicts.set_index("score_target")["verdict_code"].tolist() == ["model_adds_value", "model_adds_value"]


def test_columns_are_those_of_the_schema(cohort):
    _settings, card, _models = cohort
    for name, frame in (
        ("model_card", card.card),
        ("model_calibration", card.calibration),
        ("model_verdicts", card.verdicts),
    ):
        assert list(frame.columns) == list(schema.TABLES[name].columns)
    codes = {
        *card.card["score"],
        *card.card["population"],
        *card.verdicts["verdict_code"],
        *card.verdicts["verdict_reason"],
    }
    assert [c for c in codes if schema.word(c, "zh") == c] == []


def test_error_saved_by_hand():
    """Brier 0.15 where everyone the same gives 0.2 saves a quarter; RMSE 3 instead of 6 saves three quarters."""
    frame = pd.DataFrame({"population": ["all"] * 3, "score": ["btyd", "population_mean", "rfm_rank"]})
    silence = model_card._saved(frame.assign(brier=[0.15, 0.2, np.nan]), "silence")
    counts = model_card._saved(frame.assign(rmse=[3.0, 6.0, np.nan]), "future_purchases")
    np.testing.assert_allclose([silence, counts], [[0.25, 0, np.nan], [0.75, 0, np.nan]])


def test_nothing_after_the_cut_reaches_the_models(tmp_path, cohort):
    """Other purchases in the days held out change what happened, never what was foretold."""
    settings = settings_of(tmp_path, churn_days=91)
    known = engine.table(pd.DataFrame({"customer_id": LOG["customer_id"].unique()}))
    changed = LOG[~((LOG["order_date"] > "2023-10-01") & (LOG["customer_id"] < "c03000"))]
    tables = [backtest.run(purchase_days(f), known, START, 91, settings).scored for f in (LOG, changed)]
    frames = [engine.frame(t.order_by("customer_id")) for t in tables]
    same = [c for c in frames[0] if c not in ("actual", "is_silent")]
    pd.testing.assert_frame_equal(frames[0][same], frames[1][same])
    assert (frames[0]["actual"] != frames[1]["actual"]).any()


def test_auc_and_error_against_scikit_learn():
    from sklearn.metrics import brier_score_loss, roc_auc_score

    rng = np.random.default_rng(3)
    told, happened = rng.integers(0, 20, 500) / 20, rng.integers(0, 2, 500)
    table = engine.table(pd.DataFrame({"silence_x": told, "is_silent": happened}))
    found = accuracy.measured(table, {"x": "silence_x"}, "is_silent")["x"]
    assert found["auc"] == pytest.approx(roc_auc_score(happened, told), abs=1e-12)
    assert found["brier"] == pytest.approx(brier_score_loss(happened, told), abs=1e-6)
    assert found["auc_low"] < found["auc"] < found["auc_high"]


def test_lift_by_hand():
    """20 customers, the top tenth holds 2: one at 0.9 who left, then four equal at 0.5 of whom two left share one place.

    Expected hits (1 + 0.5) of 2 places; 5 of 20 left: 0.75 / 0.25 = 3.
    """
    told = [0.9, 0.5, 0.5, 0.5, 0.5, *[0.1] * 15]
    happened = [1, 1, 1, 0, 0, 1, 1, *[0] * 13]
    table = engine.table(pd.DataFrame({"told": told, "happened": [float(h) for h in happened]}))
    assert accuracy._ranked(table)["top_lift"] == pytest.approx(3.0)


def test_counts_by_hand():
    """Foretold 1, 2, 3; bought 2, 2, 0: off by 1, 0, 3; 6 foretold of 4."""
    table = engine.table(pd.DataFrame({"btyd": [1.0, 2.0, 3.0], "actual": [2, 2, 0]}))
    found = accuracy.measured(table, {"btyd": "btyd"}, "actual")["btyd"]
    assert (found["mae"], found["rmse"], found["expected_ratio"]) == pytest.approx((4 / 3, (10 / 3) ** 0.5, 1.5))


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (date(2021, 12, 30), {"future_purchases": 365, "silence": 91}),
        (date(2022, 1, 2), {"future_purchases": 91, "silence": 91}),
        (date(2023, 7, 2), {"future_purchases": 91, "silence": 91}),
        (date(2023, 7, 3), {"future_purchases": 0, "silence": 0}),
    ],
)
def test_as_much_history_before_the_cut_as_after(first, expected):
    """Up to 2023-12-31: 731 days allow a year, 728 do not; 182 days allow 91, 181 do not."""
    assert model_card.windows(first, date(2023, 12, 31), 91, 12) == expected


def rows(target: str, error: str, **figures: tuple[float, float, float]) -> pd.DataFrame:
    """Per score: error, AUC, and the upper end of its range."""
    data = [
        {"score_target": target, "population": "all", "score": s, error: e, "auc": a, "auc_high": h}
        for s, (e, a, h) in figures.items()
    ]
    return pd.DataFrame(data)


@pytest.mark.parametrize(
    ("figures", "silent", "problem", "verdict"),
    [
        ({"btyd": (0.10, 0.80, 0.82), "recency_rate": (0.12, 0.79, 0.81)}, 100, "", ("model_adds_value", "btyd_best", "recency_rate")),
        ({"btyd": (0.12, 0.80, 0.82), "recency_rate": (0.12, 0.79, 0.81)}, 100, "", ("use_rfm", "error_not_lower", "recency_rate")),
        ({"btyd": (0.10, 0.80, 0.82), "recency_rate": (0.12, 0.83, 0.85)}, 100, "", ("use_rfm", "ranks_worse", "recency_rate")),
        ({"btyd": (0.10, 0.80, 0.82), "recency_rate": (0.12, 0.81, 0.85)}, 100, "", ("model_adds_value", "btyd_best", "recency_rate")),
        ({"btyd": (0.10, 0.80, 0.82), "recency_rate": (0.12, 0.7, 0.8)}, 29, "", ("not_enough_data", "few_events", "")),
        ({"btyd": (0.10, 0.80, 0.82), "recency_rate": (0.12, 0.7, 0.8)}, 971, "", ("not_enough_data", "few_events", "")),
        ({"recency_rate": (0.12, 0.7, 0.8)}, 100, "not_identified", ("use_rfm", "not_identified", "recency_rate")),
        ({"recency_rate": (0.12, 0.7, 0.8)}, 100, "few_repeat_buyers", ("not_enough_data", "few_repeat_buyers", "")),
    ],
)  # fmt: skip
def test_verdict_by_its_rule(figures, silent, problem, verdict):
    test = backtest.BackTest(START, engine.table(pd.DataFrame({"a": [1]})), btyd.Purchases(1, 1, 1, 1, 0, 0, np.eye(4), problem),
                               churn.Logistic(0, (), (), 0, 0, START, 91, "few_events"), pd.DataFrame())  # fmt: skip
    found = model_card.judge(
        rows("silence", "brier", **figures), "silence", test, {"customers": 1000, "silent": silent}, 30
    )
    assert tuple(found.values()) == verdict


def test_a_short_history_is_said_and_not_modelled(tmp_path):
    first = date(2023, 9, 1)
    settings, card, models = run(tmp_path, LOG[LOG["order_date"] >= "2023-09-01"], first)
    assert (
        card.verdicts["verdict_code"].tolist() == ["not_enough_data"] * 2 and card.card.empty and np.isnan(card.ratio)
    )
    concerns = model_concerns.find(models, card, first, settings)
    assert "no_backtest" in concerns["concern"].tolist()
    later = LOG[LOG["order_date"].between("2023-11-02", "2023-12-31")]  # after half of the 121 days
    brought = card.means.set_index("tier")
    assert (brought["purchases_per_day"] * brought["customers"] * 60).sum() <= len(later)
    assert (brought["purchases_per_day"] > 0).any()


def test_a_window_longer_than_half_of_the_data_is_said(cohort):
    """Usual gaps of 168 days ask for 504 days; the 549 days of data back 273."""
    settings, card, models = cohort
    slow = models.cells.head(1).assign(repeat_purchases=1, last_purchase_age_days=168, customers=9)
    odd = customer_value.Models(slow, models.purchases, models.spend, 0.0)
    free = settings.model_copy(
        update={"segment": settings.segment.model_copy(update={"value": params.Value(churn_days=None)})}
    )
    found = model_concerns.find(odd, card, START, free).set_index("concern")
    first, last = found.loc["short_window", ["found", "found_high"]]
    assert (first, last) == (273, 504)
    assert "short_window" not in model_concerns.find(odd, card, START, settings)["concern"].tolist()


def test_a_book_in_which_nobody_leaves_is_warned_of(tmp_path):
    """As in Online Retail: the card says that drop-out is not identified, and P(alive) stands in no table."""
    frame = log(33, 1500, (1.5, 30.0, 0.001, 50.0), START, 549, joining=60)
    settings, card, models = run(tmp_path, frame)
    found = model_concerns.find(models, card, START, settings)["concern"].tolist()
    assert found[0] == "dropout_not_identified" and "revenue_only" in found
    assert [
        c
        for name in ("customer_value", "model_card", "churn_warnings")
        for c in schema.TABLES[name].columns
        if "alive" in c
    ] == []


def test_concerns_by_hand(cohort):
    settings, card, models = cohort
    spend = btyd.Spend(1, 0.9, 1, 0, 1, "spend_not_identified")
    odd = customer_value.Models(models.cells, models.purchases, spend, -0.4)
    off = model_card.Card(card.card, card.calibration, card.verdicts, 1.3, card.means)
    found = model_concerns.find(odd, off, START, settings).set_index("concern")["found"]
    assert {"spend_not_identified", "value_depends_on_count", "short_backtest", "biased_total", "revenue_only"} <= set(
        found.index
    )
    assert (found["value_depends_on_count"], found["short_backtest"], found["biased_total"]) == (-0.4, 91, 1.3)
    assert "biased_silence" not in found.index
    rows = card.card.assign(expected_ratio=2.2)
    off = model_card.Card(rows, card.calibration, card.verdicts, 1.0, card.means)
    found = model_concerns.find(models, off, START, settings).set_index("concern")["found"]
    assert found["biased_silence"] == 2.2 and "biased_total" not in found.index
    cells = pd.DataFrame({"tenure_days": [100, 71, 70], "customers": [6, 3, 1]})
    assert model_concerns._seen_first(cells, 100) == 0.9
