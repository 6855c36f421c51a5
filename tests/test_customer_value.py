"""Expected purchases, CLV and what new customers cost: by hand, against brute force, and where no model can be used."""

import math
from datetime import date
from pathlib import Path
from statistics import mean

import books
import ibis
import numpy as np
import pandas as pd
import pytest
from buyers import log, purchase_days

from crmlib import params, schema
from crmlib.io import engine
from crmlib.periods import Period
from crmlib.segment import btyd, btyd_fit, customer_value, tiers, value

CDNOW = btyd.Purchases(0.2426, 4.4135, 0.7929, 2.4258, 0.0, 0, np.eye(4) * 0.01)


def settings_of(root: Path, **rules: object) -> params.Settings:
    return books.load(root, period="2023Q4", segment={"anchors": books.ANCHORS, "tiers": books.TIERS, "value": rules})


def test_discounted_money_of_cdnow_customers():
    """Method section 10: customers 1-3, a month of 4.345 weeks, 0.01 a month, 12 months: 36.278, 4.637, 8.344 dollars."""
    frame = pd.DataFrame(
        {"repeat_purchases": [2, 1, 0], "last_purchase_age_days": [30.43, 1.71, 0.0], "tenure_days": [38.86] * 3}
    )
    days = frame.assign(**{c: frame[c] * customer_value.MONTH_DAYS / 4.345 for c in btyd.CELL[1:]})
    scaled = btyd.Purchases(
        0.242593, 4.413534 * customer_value.MONTH_DAYS / 4.345, 0.792887, 2.425754, 0.0, 0, np.eye(4)
    )
    units = customer_value.discounted(scaled, days, 12, 0.01)
    spend = btyd.Spend(6.248803, 3.744588, 15.447748, 0.0, 0)
    money = btyd.expected_value(spend, np.array([2.0, 1.0, 0.0]), np.array([22.35, 11.77, 0.0]))
    np.testing.assert_allclose(units * money, [36.278, 4.637, 8.344], atol=1.5e-3)


def test_without_discount_the_months_add_up():
    frame = pd.DataFrame({"repeat_purchases": [0, 3], "last_purchase_age_days": [0, 50], "tenure_days": [10, 90]})
    x, t_x, tenure = (frame[c].to_numpy(float) for c in btyd.CELL)
    whole = btyd.expected(CDNOW, x, t_x, tenure, 6 * customer_value.MONTH_DAYS)
    np.testing.assert_allclose(customer_value.discounted(CDNOW, frame, 6, 0.0), whole, rtol=1e-12)
    assert (customer_value.discounted(CDNOW, frame, 6, 0.01) < whole).all()
    assert customer_value.monthly(1.01**12 - 1) == pytest.approx(0.01)


LOG = log(21, 2500, (0.8, 40.0, 0.8, 2.5), date(2022, 10, 1), 457, joining=300)


@pytest.fixture(scope="module")
def valued(tmp_path_factory: pytest.TempPathFactory) -> tuple:
    settings = settings_of(tmp_path_factory.mktemp("value"), margin=0.25)
    days = purchase_days(LOG)
    known = engine.table(pd.DataFrame({"customer_id": [*LOG["customer_id"].unique(), "prospect"]}))
    tiered = tiers.at(days, known, settings.period, settings).cache()
    histories = btyd.histories(days, settings.period.as_of).cache()
    models = customer_value.fit(histories)
    nothing = pd.DataFrame(columns=["tier", "purchases_per_day", "minor_per_day"])
    told = customer_value.predicted(histories, tiered, models, nothing, 91, settings.segment.value)
    return settings, models, customer_value.customers(tiered, told, 0.8, settings.segment.value).cache()


def test_each_customer_has_what_his_own_numbers_give(valued):
    """Cells and joins in the engine against the formulas applied to each customer."""
    _settings, models, table = valued
    frame = engine.frame(table.filter(ibis._.clv_minor.notnull()))
    assert len(frame) == LOG["customer_id"].nunique()
    x, t_x, tenure = (frame[c].to_numpy(float) for c in btyd.CELL)
    money = btyd.expected_value(models.spend, x + 1, frame["purchase_value_minor"].to_numpy(float))
    np.testing.assert_allclose(frame["expected_value_minor"], money)
    np.testing.assert_allclose(frame["btyd_risk"], btyd.silent(models.purchases, x, t_x, tenure, 91), atol=1e-8)
    units = customer_value.discounted(models.purchases, frame, 12, customer_value.monthly(0.12))
    np.testing.assert_allclose(frame["clv_minor"], units * money * 0.25, atol=0.6)
    np.testing.assert_allclose(frame["clv_calibrated_minor"], units * money * 0.25 / 0.8, atol=0.6)
    np.testing.assert_allclose(frame["clv_quick_minor"], frame["monetary_12m_minor"] * 2.4, atol=0.6)
    assert frame["value_index"].mean() == pytest.approx(1)


def test_who_never_bought_stays_without_a_value(valued):
    row = engine.frame(valued[2].filter(ibis._.customer_id == "prospect")).iloc[0]
    assert row["state"] == "prospect" and row["clv_basis"] == "none" and pd.isna(row["clv_minor"])


def test_the_margin_scales_the_value(valued, tmp_path):
    _settings, _models, table = valued
    revenue = settings_of(tmp_path).segment.value
    told = table.select("customer_id", *btyd.CELL[:2], "purchase_value_minor", "btyd_risk", "expected_purchases",
                        "active_purchases", "discounted_purchases", "expected_value_minor", "clv_basis")  # fmt: skip
    plain = table.select(customer_value._KNOWN)
    frame = engine.frame(customer_value.customers(plain, told, float("nan"), revenue).order_by("customer_id"))
    margin = engine.frame(table.order_by("customer_id"))
    both = frame["clv_minor"].notna()
    np.testing.assert_allclose(frame["clv_minor"][both], margin["clv_minor"][both] * 4, atol=3)
    assert frame["clv_calibrated_minor"].isna().all()


def test_tiers_add_up_and_the_range_holds_the_estimate(valued):
    settings, models, table = valued
    found = customer_value.by_tier(table, models, settings).set_index("tier")
    parts, whole = found.drop("all"), found.loc["all"]
    for column in ("customers", "clv_minor", "clv_calibrated_minor", "clv_quick_minor"):
        assert parts[column].sum() == whole[column]
    assert whole["value_index"] == 1
    assert (found["clv_low_minor"] < found["clv_minor"]).all() and (found["clv_minor"] < found["clv_high_minor"]).all()
    again = customer_value.by_tier(table, models, settings).set_index("tier")
    pd.testing.assert_frame_equal(found, again)


def test_the_range_is_that_of_the_draws(valued):
    """Brute force: the total over all cells for each draw; the coarser grid moves the ends by less than 1 %."""
    settings, models, table = valued
    frame = engine.frame(table.filter(ibis._.clv_minor.notnull()))
    x, t_x, tenure = (frame[c].to_numpy(float) for c in btyd.CELL)
    money = frame["expected_value_minor"].to_numpy(float)
    horizon = 12 * customer_value.MONTH_DAYS
    totals = [
        btyd.expected(m, x, t_x, tenure, horizon) @ money for m in btyd_fit.draws(models.purchases, 200, settings.seed)
    ]
    ends = np.quantile(totals, [0.025, 0.975]) / (btyd.expected(models.purchases, x, t_x, tenure, horizon) @ money)
    whole = customer_value.by_tier(table, models, settings).set_index("tier").loc["all"]
    found = np.array([whole["clv_low_minor"], whole["clv_high_minor"]]) / whole["clv_minor"]
    np.testing.assert_allclose(found, ends, atol=0.01)


def test_the_curve_shares_out_all_value(valued):
    found = engine.frame(value.curve(valued[2]))
    assert found["decile"].tolist() == list(range(1, 11))
    assert found["running_share"].iloc[-1] == pytest.approx(1) and found["revenue_share"].is_monotonic_decreasing
    assert found["clv_minor"].sum() == engine.frame(valued[2])["clv_minor"].sum()


def test_a_new_customer_of_cdnow():
    """Method section 10: 1.446051 purchases in 52 weeks; at 35.2190 each (p 6.25, q 3.74, v 15.44) and a margin of 0.5."""
    weeks = 12 * customer_value.MONTH_DAYS / 52
    model = btyd.Purchases(0.243, 4.414 * weeks, 0.793, 2.426, 0.0, 0, np.eye(4))
    models = customer_value.Models(pd.DataFrame(), model, btyd.Spend(6.25, 3.74, 15.44, 0.0, 0), 0.0)
    found = customer_value.newcomer(models, params.Value(margin=0.5))
    assert found == pytest.approx((1.446051, 1.446051 * 35.2190 / 2), rel=1e-5)
    lost = customer_value.Models(pd.DataFrame(), btyd_fit.purchases(pd.DataFrame(columns=[*btyd.CELL, "customers"])),
                                 btyd_fit.spend([1], [1]), 0.0)  # fmt: skip
    assert np.isnan(customer_value.newcomer(lost, params.Value())).all()


def test_the_value_index_is_one_on_average(valued):
    index = engine.frame(valued[2])["value_index"]
    assert index.mean() == pytest.approx(1, abs=1e-6) and index.isna().sum() == 1


def test_stored_columns(valued):
    extra = dict.fromkeys(("churn_risk", "risk_source", "alert", "at_risk_minor"), 0)
    found = customer_value.stored(valued[2].mutate(**extra))
    assert list(found.columns) == list(schema.TABLES["customer_value"].columns)


def test_customers_without_an_expectation_count_as_buyers_of_their_tier(valued):
    """Tier general brought 100 and 300; nobody of tier risk was one before: two buyers, no CLV. D never bought."""
    settings, lost = valued[0], customer_value.Models(pd.DataFrame(), btyd_fit.purchases(
        pd.DataFrame(columns=[*btyd.CELL, "customers"])), btyd_fit.spend([1], [1]), 0.0)  # fmt: skip
    frame = pd.DataFrame({"tier": ["general", "general", "risk", "risk"], "clv_minor": [100, 300, None, None],
                          "first_order_date": pd.to_datetime(["2023-01-01"] * 3 + [None])}).assign(
        expected_purchases=1.0, clv_calibrated_minor=lambda f: f["clv_minor"], clv_quick_minor=7)  # fmt: skip
    table = engine.table(frame.astype(dict.fromkeys(("clv_minor", "clv_calibrated_minor"), "Int64")))
    found = customer_value.by_tier(table, lost, settings).set_index("tier")
    assert found["customers"].tolist() == [2, 1, 3] and found["clv_minor"].fillna(-1).tolist() == [400, -1, 400]
    assert found["value_index"].fillna(-1).tolist()[:2] == [1, -1]


def test_without_a_model_a_customer_is_worth_what_his_tier_brought(tmp_path):
    """One customer, tier general, brought 2 purchases and 1000 over 100 days: 0.02 and 10 a day, discounted months."""
    rules = settings_of(tmp_path, discount_rate_year=0.0).segment.value
    before = engine.table(pd.DataFrame({"customer_id": ["A"], "tier": ["general"]}))
    frame = pd.DataFrame({"customer_id": ["A", "A", "A"], "orders": [1, 1, 1], "net_minor": [500, 500, 77],
                          "order_date": pd.to_datetime(["2023-09-23", "2023-12-31", "2023-09-22"]).astype("datetime64[us]")})  # fmt: skip
    means = customer_value.tier_means(before, purchase_days(frame), date(2023, 9, 22), date(2023, 12, 31))
    assert means[["tier", "purchases_per_day", "minor_per_day"]].values.tolist() == [["general", 0.02, 10.0]]
    histories = btyd.histories(purchase_days(frame), date(2023, 12, 31))
    lost = customer_value.Models(
        pd.DataFrame(), btyd_fit.purchases(btyd.cells(histories)), btyd_fit.spend([1], [1]), float("nan")
    )
    tiered = before.mutate(state=ibis.literal("active"), monetary_12m_minor=1077, first_order_date=ibis.date("2023-09-22"),
                           recency_days=0, frequency_12m=3, tenure_days=100, risk_reason=ibis.literal(""))  # fmt: skip
    told = customer_value.predicted(histories, tiered, lost, means, 91, rules)
    row = engine.frame(customer_value.customers(tiered, told, 1.0, rules)).iloc[0]
    assert row["clv_basis"] == "tier_mean" and pd.isna(row["btyd_risk"])
    assert row["expected_purchases"] == pytest.approx(0.02 * 365.25) and row["clv_minor"] in (3652, 3653)


def test_cost_and_value_of_new_customers_by_hand():
    """Two new in 2023Q4 cost 300, brought 400 and 200 so far and are worth 500 and 100 ahead: CAC 150, worth 600 each."""
    frame = pd.DataFrame({"customer_id": ["A", "B", "C"], "first_order_date": pd.to_datetime(["2023-10-01", "2023-12-31", "2023-07-01"]),
                          "purchase_value_minor": [200.0, 200.0, 9.0], "repeat_purchases": [1, 0, 0], "clv_minor": [500, 100, 7],
                          "clv_calibrated_minor": pd.array([None, None, None], dtype="Int64")})  # fmt: skip
    costs = pd.DataFrame({"cost_date": pd.to_datetime(["2023-11-01", "2023-10-05", "2024-01-01", "2023-11-01"]),
                          "cost_kind": ["acquisition", "acquisition", "acquisition", "service"], "cost_minor": [200, 100, 999, 999]})  # fmt: skip
    frame["first_order_date"] = frame["first_order_date"].astype("datetime64[us]")
    costs["cost_date"] = costs["cost_date"].astype("datetime64[us]")
    valued = engine.table(frame).mutate(first_order_date=ibis._.first_order_date.cast("date"))
    spent = engine.table(costs).mutate(cost_date=ibis._.cost_date.cast("date"))
    found = customer_value.acquisition(valued, spent, Period(2023, 4), params.Value())
    assert found.values.tolist() == [["2023Q4", 2, 300, 150, 600, 4.0]]
    assert customer_value.acquisition(valued, None, Period(2023, 4), params.Value()).empty


def test_the_coarser_grid_holds_everybody_with_his_like():
    """Up to seven purchases are a class each, then fifths of a doubling's logarithm; both times fall into 32 spans."""
    rng = np.random.default_rng(3)
    tenure = np.append(rng.integers(1, 321, 400), 320)
    x = np.append(rng.integers(0, 64, 400), [64])
    frame = pd.DataFrame({"x": x, "t_x": (tenure * rng.random(401)).astype(int), "tenure": tenure})
    frame = frame.set_axis(list(btyd.CELL), axis=1).assign(
        expected_value_minor=rng.integers(1, 900, 401) + 0.25, tier=rng.choice(["high", "risk"], 401)
    )
    alike: dict[tuple, list] = {}
    for row in frame.itertuples(index=False, name=None):
        few = row[0] if row[0] < 8 else 8 + math.floor(4 * math.log2(row[0] / 8))
        alike.setdefault((few, row[1] // 10, row[2] // 10), []).append(row)
    expected = [
        [round(mean(r[0] for r in rows)), mean(r[1] for r in rows), mean(r[2] for r in rows),
         sum(round(r[3]) for r in rows if r[4] == "high"), sum(round(r[3]) for r in rows if r[4] == "risk")]
        for _place, rows in sorted(alike.items())
    ]  # fmt: skip
    found = customer_value.coarse(ibis.memtable(frame), frame, ["high", "risk"])
    assert len(found) > 250 and list(found) == [*btyd.CELL, "high", "risk"]
    np.testing.assert_allclose(found.to_numpy(float), expected, rtol=1e-12)
