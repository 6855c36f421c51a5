"""Counted, not modelled: who fell silent, and how much money that puts at risk; and how spend is spread."""

from datetime import date, timedelta

import ibis
import pandas as pd
import pyarrow as pa

from crmlib.io import engine
from crmlib.periods import Period
from crmlib.segment import churn, value

PERIOD = Period(2023, 4)


def base(recency: list[int], state: str = "active") -> ibis.Table:
    n = len(recency)
    frame = pd.DataFrame({"customer_id": [f"c{i}" for i in range(n)], "recency_days": recency, "state": [state] * n,
                          "tier": ["general"] * n, "frequency_12m": [3] * n, "monetary_12m_minor": [1000 * (i + 1) for i in range(n)],
                          "risk_reason": [""] * n})  # fmt: skip
    return engine.table(frame)


def bought(ids: list[str], day: date = PERIOD.start) -> ibis.Table:
    columns = {"customer_id": ids, "order_date": pa.array([day] * len(ids), pa.date32()), "orders": [1] * len(ids)}
    return ibis.memtable(pa.table(columns))


def test_rates_by_hand():
    """Four customers silent 3-7 days, two 61-90: c0 and c4 come back."""
    rates = engine.frame(churn.observed(base([3, 5, 7, 7, 61, 90]), bought(["c0", "c4"]), PERIOD, min_n=3))
    assert rates[["recency_band", "customers", "silent", "is_thin"]].values.tolist() == [
        [0, 4, 3, False],
        [61, 2, 1, True],
    ]
    assert rates["silent_rate"].tolist() == [0.75, 0.5]


def test_purchases_outside_the_quarter_do_not_count_as_coming_back():
    outside = bought(["c0"], PERIOD.start - timedelta(days=1)).union(bought(["c1"], PERIOD.end))
    rates = engine.frame(churn.observed(base([3, 3]), outside, PERIOD, min_n=1))
    assert rates["silent_rate"].tolist() == [1.0]


def test_no_earlier_customers_no_rates():
    assert engine.frame(churn.observed(base([3], "prospect"), bought(["c0"]), PERIOD, min_n=1)).empty


def test_the_list_is_ranked_by_money_at_risk():
    rates = engine.table(pd.DataFrame({"recency_band": [0, 61], "silent_rate": [0.1, 0.5]}))
    listed = engine.frame(churn.warnings(base([1, 70, 2, 80]), rates, rows=3))
    assert listed[["rank", "customer_id", "at_risk_minor"]].values.tolist() == [
        [1, "c3", 2000],
        [2, "c1", 1000],
        [3, "c2", 300],
    ]


def test_tenths_share_out_all_money():
    tenths = engine.frame(value.deciles(base([1] * 20)))
    assert tenths["customers"].tolist() == [2] * 10
    assert tenths["monetary_12m_minor"].tolist()[0] == 39_000
    assert round(tenths["running_share"].iloc[-1], 12) == 1 and tenths["monetary_12m_minor"].sum() == 210_000
