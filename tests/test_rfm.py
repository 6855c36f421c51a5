"""Scores on the real path: Ibis on DuckDB. Golden values: the method, sections 2 and 10."""

from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from books import ANCHORS
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.collect import purchase_days
from crmlib.io import engine
from crmlib.params import Anchors
from crmlib.periods import Period
from crmlib.segment import rfm

PERIOD = Period(2023, 4)
METHOD = Anchors.model_validate(ANCHORS)
FEW = settings(max_examples=20, deadline=None)


def lines_of(rows: list[tuple[str, str, date, int]]) -> ibis.Table:
    names = ["customer_id", "order_id", "order_date", "net_minor"]
    types = [pa.string(), pa.string(), pa.date32(), pa.int64()]
    columns = list(zip(*rows, strict=True)) or [[], [], [], []]
    return ibis.memtable(pa.table([pa.array(c, t) for c, t in zip(columns, types, strict=True)], names=names))


def summary_of(rows, known: tuple[str, ...] = (), period: Period = PERIOD) -> pd.DataFrame:
    days = purchase_days.build(purchase_days.orders(lines_of(rows), period))
    customers = ibis.memtable(pa.table({"customer_id": pa.array(known, pa.string())}))
    return engine.frame(rfm.summarise(days, customers, period).order_by("customer_id")).set_index("customer_id")


def scored(raw: list[tuple[float, int, float]]) -> np.ndarray:
    """R, F, M scores of (days, orders, CNY) triples."""
    frame = pd.DataFrame(
        {
            "recency_days": pd.array([r for r, _f, _m in raw], "Int64"),
            "frequency_12m": [f for _r, f, _m in raw],
            "monetary_12m_minor": [round(m * 100) for _r, _f, m in raw],
        }
    ).assign(position=range(len(raw)))
    result = engine.frame(rfm.score(engine.table(frame), METHOD, 100).order_by("position"))
    return result[["recency_score", "frequency_score", "monetary_score", "rfm_total"]].to_numpy()


@pytest.mark.parametrize(
    ("raw", "scores"),
    [
        ((30, 15, 200_000), (85, 75, 70, 230)),
        ((15, 15, 232_000), (92.5, 75, 72.4, 239.9)),
        ((30, 12, 200_000), (85, 66, 70, 221)),
        ((0, 0, 0), (100, 0, 0, 100)),
        ((400, 50, 2e6), (0, 100, 100, 200)),
        ((180, 4, 50_000), (40, 40, 40, 120)),
        ((42, 18, 1e6 / 3), (80, 80, 80, 240)),
    ],
)
def test_golden_scores(raw, scores):
    assert scored([raw])[0] == pytest.approx(scores, abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 800), st.integers(0, 60), st.floats(-1e5, 2e6)), min_size=1, max_size=30))
@FEW
def test_scores_are_numpy_interp(raw):
    knots = [METHOD.recency_days, METHOD.frequency_12m, METHOD.monetary_12m]
    wanted = [
        [
            np.interp(v, [k[0] for k in kn], [k[1] for k in kn])
            for v, kn in zip((r, f, round(m * 100) / 100), knots, strict=True)
        ]
        for r, f, m in raw
    ]
    assert scored(raw)[:, :3] == pytest.approx(np.array(wanted), abs=2e-6)


@given(st.tuples(st.integers(0, 400), st.integers(0, 40), st.integers(0, 1_200_000)), st.integers(0, 50), st.integers(0, 5),
       st.integers(0, 90_000))  # fmt: skip
@FEW
def test_better_values_never_score_lower(raw, sooner, more, richer):
    r, f, m = raw
    before, after = scored([raw, (max(r - sooner, 0), f + more, m + richer)])
    assert (after >= before).all()


def test_raw_at_is_the_inverse_of_the_map():
    assert rfm.raw_at(METHOD.recency_days, 80) == pytest.approx(42)
    assert rfm.raw_at(METHOD.frequency_12m, 80) == pytest.approx(18)
    assert rfm.raw_at(METHOD.monetary_12m, 80) == pytest.approx(1e6 / 3)
    assert [rfm.raw_at(METHOD.recency_days, s) for s in (0, 100)] == [365, 0]


def test_the_window_is_left_open_and_ends_on_the_last_day():
    year_ago, as_of = PERIOD.year_ago, PERIOD.as_of
    rows = [
        ("A", "1", year_ago, 100),
        ("A", "2", year_ago + timedelta(days=1), 200),
        ("A", "3", as_of, 400),
        ("A", "4", as_of + timedelta(days=1), 800),
    ]
    found = summary_of(rows).loc["A"]
    assert (found.frequency_12m, found.monetary_12m_minor, found.recency_days) == (2, 600, 0)
    assert found.tenure_days == (as_of - year_ago).days


def test_returns_lower_money_but_are_no_orders():
    rows = [
        ("A", "1", date(2023, 11, 1), 500),
        ("A", "1", date(2023, 11, 1), -200),
        ("A", "2", date(2023, 12, 1), 300),
        ("A", "2", date(2023, 12, 1), -300),
        ("A", "3", date(2023, 12, 20), -50),
    ]
    found = summary_of(rows).loc["A"]
    assert (found.frequency_12m, found.monetary_12m_minor, found.state) == (1, 250, "active")
    assert found.last_order_date.date() == date(2023, 11, 1)


def test_every_customer_stays_with_a_state():
    rows = [
        ("active", "1", date(2023, 12, 1), 10),
        ("gone", "2", date(2020, 1, 1), 10),
        ("back", "3", date(2023, 12, 1), -5),
    ]
    found = summary_of(rows, known=("active", "never"))
    assert found["state"].to_dict() == {
        "active": "active",
        "gone": "lapsed",
        "back": "returns_only",
        "never": "prospect",
    }
    assert pd.isna(found.loc["never", "recency_days"]) and found.loc["never", "monetary_12m_minor"] == 0


days = st.dates(date(2022, 10, 1), date(2024, 2, 1))
books = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.sampled_from("123456"), days, st.integers(-500, 2000)),
    min_size=1,
    max_size=30,
)


@given(books, st.randoms(use_true_random=False))
@FEW
def test_row_order_and_later_rows_change_nothing(rows, random):
    shuffled = [row for row in rows if row[2] <= PERIOD.as_of]
    random.shuffle(shuffled)
    known = tuple("ABCD")
    pd.testing.assert_frame_equal(summary_of(rows, known), summary_of(shuffled, known))


@given(books)
@FEW
def test_customer_names_change_nothing(rows):
    renamed = [(f"x{'DCBA'['ABCD'.index(c)]}", o, d, m) for c, o, d, m in rows]
    mapped = summary_of(renamed).rename(index=lambda c: "ABCD"["DCBA".index(c[1])])
    pd.testing.assert_frame_equal(summary_of(rows), mapped.sort_index())


@given(books, st.integers(1, 900))
@FEW
def test_a_return_never_raises_anything(rows, amount):
    customer = rows[0][0]
    more = [*rows, (customer, "return", PERIOD.as_of, -amount)]
    before, after = (summary_of(found, tuple("ABCD")).loc[customer] for found in (rows, more))
    assert after.frequency_12m == before.frequency_12m
    assert after.monetary_12m_minor == before.monetary_12m_minor - amount
    assert pd.isna(before.recency_days) or after.recency_days == before.recency_days


@given(books)
@FEW
def test_money_reconciles_with_the_window(rows):
    within = sum(m for *_rest, d, m in rows if PERIOD.year_ago < d <= PERIOD.as_of)
    orders = {}
    for customer, order, day, _money in rows:
        if day <= PERIOD.as_of:
            orders[customer, order] = min(day, orders.get((customer, order), day))
    split = any(
        d <= PERIOD.as_of and (orders[c, o] <= PERIOD.year_ago) != (d <= PERIOD.year_ago) for c, o, d, _m in rows
    )
    assert split or summary_of(rows)["monetary_12m_minor"].sum() == within


def test_a_partly_covered_window_is_scaled_for_scoring_only():
    frame = pd.DataFrame({"recency_days": [30], "frequency_12m": [5], "monetary_12m_minor": [5_000_000]})
    one = engine.frame(rfm.score(engine.table(frame), METHOD, 100, scale=12 / 6)).iloc[0]
    assert (one.frequency_12m, one.frequency_score, one.monetary_score) == (5, 60, pytest.approx(40 + 50 * 15 / 70))


def test_proposed_anchors_are_the_quantiles_of_the_baseline():
    frame = pd.DataFrame(
        {
            "frequency_12m": range(101),
            "monetary_12m_minor": [100 * n for n in range(101)],
            "longest_gap_days": range(101),
        }
    )
    proposed = rfm.propose_anchors(frame, 100, scale=2)
    assert proposed["frequency_12m"] == [[0, 0], [40, 20], [80, 40], [120, 60], [160, 80], [190, 95], [380, 100]]
    assert proposed["monetary_12m"] == proposed["frequency_12m"]
    assert proposed["recency_days"] == [[0, 100], [20, 80], [40, 60], [60, 40], [80, 20], [95, 5], [365, 0]]
