"""Scores on the real path: Ibis on DuckDB. Golden values: the method, sections 2 and 10."""

from datetime import date, timedelta

import books
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from books import ANCHORS, TIERS
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.collect import purchase_days
from crmlib.errors import InputError
from crmlib.io import engine
from crmlib.params import Anchors, Segment
from crmlib.periods import Period
from crmlib.segment import rfm, tiers

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
    result = engine.frame(rfm.score(engine.table(frame), METHOD, rfm.Scale()).order_by("position"))
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


def test_an_earlier_quarter_looks_at_nothing_later():
    """The same purchase days scored a quarter earlier, as migration does: the order of December is not there yet."""
    rows = [("A", "1", date(2023, 9, 1), 100), ("A", "2", date(2023, 12, 1), 800)]
    spent = purchase_days.build(purchase_days.orders(lines_of(rows), PERIOD))
    found = engine.frame(rfm.summarise(spent, spent.select("customer_id").distinct(), PERIOD.previous)).iloc[0]
    assert (found.frequency_12m, found.monetary_12m_minor, found.recency_days) == (1, 100, 29)


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
        ("free", "4", date(2023, 12, 1), 0),
    ]
    found = summary_of(rows, known=("active", "never"))
    assert found["state"].to_dict() == {
        "active": "active",
        "gone": "lapsed",
        "back": "returns_only",
        "free": "returns_only",
        "never": "prospect",
    }
    assert pd.isna(found.loc["never", "recency_days"]) and found.loc["never", "monetary_12m_minor"] == 0


days = st.dates(date(2022, 10, 1), date(2024, 2, 1))
some_books = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.sampled_from("123456"), days, st.integers(-500, 2000)),
    min_size=1,
    max_size=30,
)


@given(some_books)
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
    one = engine.frame(rfm.score(engine.table(frame), METHOD, rfm.Scale(12 / 6, 12 / 6 / 100))).iloc[0]
    assert (one.frequency_12m, one.frequency_score, one.monetary_score) == (5, 60, pytest.approx(40 + 50 * 15 / 70))


def test_a_rank_is_the_share_below_plus_half_of_the_equal():
    """Orders 0 0 1 1 1 5 of six who bought: 2/12, 2/12, (2 + 1.5)/6, ..., 5.5/6; fewer days rank higher."""
    frame = pd.DataFrame(
        {
            "customer_id": list("abcdefgh"),
            "state": [*["active"] * 5, "lapsed", "prospect", "returns_only"],
            "recency_days": pd.array([1, 2, 3, 3, 4, 400, None, None], "Int64"),
            "frequency_12m": [0, 0, 1, 1, 1, 5, 0, 0],
            "monetary_12m_minor": [10, 20, 30, 40, 50, 60, 0, -5],
        }
    )
    found = engine.frame(rfm.rank(engine.table(frame)).order_by("customer_id"))
    assert found["frequency_score"].tolist() == pytest.approx(
        [100 / 6, 100 / 6, *[350 / 6] * 3, 550 / 6, 0, 0], abs=1e-6
    )
    assert found["recency_score"].tolist() == pytest.approx([550 / 6, 450 / 6, 50, 50, 150 / 6, 50 / 6, 0, 0], abs=1e-6)
    assert set(found["scoring"]) == {"percentile"}


def segment(**more: object) -> Segment:
    return Segment.model_validate({"anchors": ANCHORS, "tiers": TIERS, **more})


def test_the_price_level_is_that_of_the_quarter_or_its_year_over_that_of_the_anchors():
    """The anchors are of 2023-01-01: 2023Q1."""
    index = {2023: 1.04, "2024Q2": 1.10}
    assert rfm.price_level(PERIOD, segment()) == 1
    assert rfm.price_level(Period(2024, 2), segment(price_index={"2024Q2": 1.10})) == 1.10
    assert rfm.price_level(Period(2023, 1), segment(price_index={"2024Q2": 1.10})) == 1
    assert rfm.price_level(PERIOD, segment(price_index=index)) == 1
    assert rfm.price_level(Period(2024, 2), segment(price_index=index)) == pytest.approx(1.10 / 1.04)
    with pytest.raises(InputError, match=r"no value for 2025Q1.*'2025Q1' or '2025'"):
        rfm.price_level(Period(2025, 1), segment(price_index=index))


def test_prices_lower_the_money_score_only(tmp_path):
    """CNY 208,000 at prices 4 % higher score as 200,000 did: 70."""
    rows = [("A", str(n), date(2023, 12, 1), 208_000_00 // 8) for n in range(8)]
    spent = purchase_days.build(purchase_days.orders(lines_of(rows), PERIOD))
    known = spent.select("customer_id").distinct()
    plain, dear = (books.load(tmp_path, segment={"price_index": index}) for index in ({}, {"2023Q4": 1.04}))
    before, after = (engine.frame(tiers.at(spent, known, PERIOD, s)).iloc[0] for s in (plain, dear))
    assert after.monetary_score == pytest.approx(70) and before.monetary_score == pytest.approx(70.6)
    assert after.monetary_12m_minor == before.monetary_12m_minor == 208_000_00
    assert (after.recency_score, after.frequency_score) == (before.recency_score, before.frequency_score)
