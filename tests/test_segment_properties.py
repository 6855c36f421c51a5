"""The invariants of scores and tiers, on the path of a run: order lines to stored tiers, in the engine.

Each random book holds every customer several times: as he is, with one more order, one more return, an order after the
quarter. One run then compares them, and equals a plain pandas version of the method.
"""

from datetime import date, timedelta
from typing import Any

import books
import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import params
from crmlib.collect import purchase_days
from crmlib.io import engine
from crmlib.segment import distance, tiers

SOME = settings(max_examples=12)
RANK = {"high": 3, "potential": 2, "general": 1, "risk": 0}
# Steep enough that a book of a few orders reaches every tier.
ANCHORS = {**books.ANCHORS, "recency_days": [[0, 100], [30, 80], [90, 60], [180, 40], [365, 0]],
           "frequency_12m": [[0, 0], [1, 45], [2, 65], [3, 85], [5, 100]], "monetary_12m": [[0, 0], [40, 100]]}  # fmt: skip
Row = tuple[str, str, date, int]

days = st.dates(date(2022, 10, 1), date(2023, 12, 31))
some_books = st.lists(
    st.tuples(st.sampled_from("ABCD"), st.sampled_from("123456"), days, st.integers(-500, 2000)),
    min_size=1,
    max_size=30,
)


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> params.Settings:
    return books.load(tmp_path_factory.mktemp("book"), segment={"anchors": ANCHORS})


def run(rows: list[Row], known: list[str], used: params.Settings) -> ibis.Table:
    names, types = (
        ["customer_id", "order_id", "order_date", "net_minor"],
        [pa.string(), pa.string(), pa.date32(), pa.int64()],
    )
    columns = list(zip(*rows, strict=True))
    lines = ibis.memtable(pa.table([pa.array(c, t) for c, t in zip(columns, types, strict=True)], names=names))
    bought = purchase_days.build(purchase_days.orders(lines, used.period))
    customers = ibis.memtable(pa.table({"customer_id": pa.array(known, pa.string())}))
    return tiers.stored(tiers.at(bought, customers, used.period, used), used)


def found(rows: list[Row], known: list[str], used: params.Settings) -> pd.DataFrame:
    return engine.frame(run(rows, known, used).order_by("customer_id")).set_index("customer_id")


def with_twins(rows: list[Row], as_of: date, amount: int) -> list[Row]:
    """The book, and each customer again under other names with one thing changed."""
    twins = [(f"{kind} {c}", o, d, m) for kind in ("same", "more", "back", "late") for c, o, d, m in rows]
    for c in {row[0] for row in rows}:
        twins += [(f"more {c}", "new", as_of, amount), (f"back {c}", "return", as_of, -amount)]
        twins += [(f"late {c}", "late", as_of + timedelta(days=1), amount)]
    return [*rows, *twins]


@given(rows=some_books, amount=st.integers(1, 3000))
@SOME
def test_scores_and_tiers_follow_from_the_customers_own_buying(used, rows, amount):
    known = ["never", *sorted({row[0] for row in rows})]
    all_rows = with_twins(rows, used.period.as_of, amount)
    result = found(all_rows, known, used)
    assert set(result.index) == {"never", *(row[0] for row in all_rows)}
    assert result["tier"].isin([*RANK, "none"]).all()
    assert (result["tier"] == "none").tolist() == result["state"].isin(["prospect", "returns_only"]).tolist()
    values = result.drop(columns=["reason_text_zh"])
    for customer in {row[0] for row in rows}:
        one, more, back = (result.loc[name] for name in (customer, f"more {customer}", f"back {customer}"))
        for twin in ("same", "late"):
            pd.testing.assert_series_equal(values.loc[customer], values.loc[f"{twin} {customer}"], check_names=False)
        scores = list(tiers.SCORES)
        assert (more[scores] >= one[scores]).all() and (back[scores] <= one[scores]).all()
        assert RANK.get(more.tier, -1) >= RANK.get(one.tier, -1)
        assert one.state == "returns_only" or RANK.get(back.tier, -1) <= RANK.get(one.tier, -1)


@given(rows=some_books, random=st.randoms(use_true_random=False))
@settings(max_examples=5)
def test_ids_row_order_and_the_currencys_unit_change_nothing(used, tmp_path_factory, rows, random):
    known = list("ABCD")
    thousandths = books.load(
        tmp_path_factory.mktemp("thousandths"), segment={"anchors": ANCHORS},
        book={"name_en": "Tiny", "name_zh": "小账套", "currency": "CNY", "minor_digits": 3},
    )  # fmt: skip
    shuffled = [(f"x{'DCBA'['ABCD'.index(c)]}", o, d, 10 * m) for c, o, d, m in rows]
    random.shuffle(shuffled)
    plain, other = found(rows, known, used), found(shuffled, [f"x{c}" for c in known], thousandths)
    renamed = other.rename(index=lambda c: "ABCD"["DCBA".index(c[1])]).sort_index()
    money = ["monetary_12m_minor", "gap_minor", "alone_minor"]
    pd.testing.assert_frame_equal(plain.drop(columns=money), renamed.drop(columns=money))
    assert (10 * plain["monetary_12m_minor"]).tolist() == renamed["monetary_12m_minor"].tolist()


def test_the_same_book_in_any_order_gives_the_same_bytes(used, tmp_path):
    rng = np.random.default_rng(5)
    rows = [(f"c{n % 90:03d}", f"o{n}", date(2022, 6, 1) + timedelta(days=int(rng.integers(0, 570))), int(rng.integers(-300, 900)))
            for n in range(900)]  # fmt: skip
    files = []
    for n, order in enumerate((rows, rows[::-1])):
        files.append(tmp_path / f"{n}.parquet")
        engine.write_parquet(run(order, [], used), files[-1], ["customer_id"])
    assert files[0].read_bytes() == files[1].read_bytes()


def reference(rows: list[Row], known: list[str], used: params.Settings) -> pd.DataFrame:
    """The method, sections 1.1 and 2, in pandas: one customer at a time."""
    period, found = used.period, []
    lines = pd.DataFrame(rows, columns=["customer_id", "order_id", "order_date", "net_minor"])
    lines = lines[lines["order_date"] <= period.as_of]
    for customer in sorted({*known, *lines["customer_id"]}):
        orders = (
            lines[lines["customer_id"] == customer].groupby("order_id").agg({"order_date": "min", "net_minor": "sum"})
        )
        bought = orders[orders["net_minor"] > 0]
        window = orders["order_date"] > period.year_ago
        f, m = int((bought["order_date"] > period.year_ago).sum()), int(orders.loc[window, "net_minor"].sum())
        r = (period.as_of - bought["order_date"].max()).days if len(bought) else None
        state = "prospect" if orders.empty else "returns_only" if bought.empty else "active" if f else "lapsed"
        knots = [np.array(ANCHORS[name]).T for name in ("recency_days", "frequency_12m", "monetary_12m")]
        score = [0.0 if v is None else float(np.interp(v, *kn)) for v, kn in zip((r, f, m / 100), knots, strict=True)]
        tier = _tier(np.round(score, 6)) if r is not None else "none"
        found.append((customer, tier, *score, state, f, m))
    columns = ["customer_id", "tier", *tiers.SCORES, "state", "frequency_12m", "monetary_12m_minor"]
    return pd.DataFrame(found, columns=columns).set_index("customer_id")


def _tier(score: Any) -> str:
    """Repair A as the method prints it."""
    r, f, m = score
    if min(score) >= 80:
        return "high"
    if min(score) < 40:
        return "risk"
    return "potential" if (r >= 60 and f >= 60) or (f >= 80 and m >= 60) else "general"


@given(rows=some_books)
@settings(max_examples=10)
def test_the_engine_equals_plain_pandas(used, rows):
    wanted, got = reference(rows, ["A", "E"], used), found(rows, ["A", "E"], used)
    pd.testing.assert_frame_equal(got[wanted.columns], wanted, check_dtype=False, atol=1e-6, check_column_type=False)


def raw(rows: np.ndarray, used: params.Settings) -> pd.DataFrame:
    """Tiers of (days, orders, minor units of money)."""
    frame = pd.DataFrame(rows, columns=["recency_days", "frequency_12m", "monetary_12m_minor"]).astype("int64")
    frame = frame.assign(state="active", tenure_days=999, n=range(len(frame)))
    scored = tiers.rfm.score(engine.table(frame), used.segment.anchors, tiers.rfm.Scale())
    return engine.frame(tiers.assign(scored, used.segment, tiers.rfm.Scale()).order_by("n"))


@pytest.fixture(scope="module")
def points(used: params.Settings) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    return raw(
        np.column_stack([rng.integers(0, 400, 600), rng.integers(0, 7, 600), rng.integers(-500, 5000, 600)]), used
    )


def moved(points: pd.DataFrame, days: pd.Series, orders: pd.Series, money: pd.Series) -> np.ndarray:
    """After so many days less, or none where an order came, and so many orders and so much money more."""
    return np.column_stack(
        [
            (points["recency_days"] - days).where(orders == 0, 0),
            points["frequency_12m"] + orders,
            points["monetary_12m_minor"] + money,
        ]
    )


def test_closing_all_gaps_reaches_the_next_tier(used, points):
    below = points[points["next_tier"] != ""]
    after = raw(moved(below, below["gap_days"], below["gap_orders"], below["gap_minor"]), used)
    assert (after["tier"].map(RANK).to_numpy() >= below["next_tier"].map(RANK).to_numpy()).all()
    assert points.loc[points["next_tier"] == "", [*distance.TOGETHER, *distance.ALONE]].isna().all(axis=None)


@pytest.mark.parametrize("column", distance.ALONE)
def test_what_is_enough_alone_is_the_least_that_is(used, points, column):
    """And where it is null, no amount of it helps: a day, ten orders, ten times the money."""
    below = points[points["next_tier"] != ""]
    wanted = below["next_tier"].map(RANK).to_numpy()
    zero = below[column] * 0
    shift = [below[column].fillna(0) if name == column else zero.fillna(0) for name in distance.ALONE]
    far = {
        "alone_days": below["recency_days"],
        "alone_orders": zero.fillna(0) + 10,
        "alone_minor": zero.fillna(0) + 50_000,
    }
    most = [far[name] if name == column else zero.fillna(0) for name in distance.ALONE]
    one = {"alone_days": 1, "alone_orders": 1, "alone_minor": 1}[column]
    short = [s - one if name == column else s for name, s in zip(distance.ALONE, shift, strict=True)]
    enough, less, all_of_it = (raw(moved(below, *s), used)["tier"].map(RANK).to_numpy() for s in (shift, short, most))
    known = below[column].notna().to_numpy()
    assert known.any() and (~known).any()
    assert (enough >= wanted)[known].all() and (less < wanted)[known].all()
    assert (all_of_it < wanted)[~known].all()


def test_the_sentences_say_what_the_columns_say(used):
    """40 days, one order, CNY 26: R 76.67, F 45, M 65; potential takes a second order, 65 <= F."""
    rows = [("A", "1", used.period.as_of - timedelta(days=40), 2600), ("B", "1", date(2023, 12, 31), -5),
            ("F", "1", date(2023, 12, 31), 0)]  # fmt: skip
    result = found(rows, ["A", "P"], used)
    assert result["reason_text"].to_dict() == {
        "A": "Last order 40 days ago; 1 order and CNY 26 in 12 months (R 76 F 45 M 65): General, which takes R≥40 F≥40 M≥40. "
        "It takes 1 more order to be Potential.",
        "B": "No paid purchase left, only returns or lines without an amount: no tier.",
        "F": "No paid purchase left, only returns or lines without an amount: no tier.",
        "P": "Has not bought yet: no tier.",
    }
    assert result.loc["A", "reason_text_zh"] == (
        "距上次购买40天，近12个月1单、净消费CNY 26（R 76 F 45 M 65），达到“一般”标准（R≥40 F≥40 M≥40）。再增加1单可升至“潜力”。"
    )
    assert (result.loc["A", "alone_orders"], result.loc["A", "gap_orders"]) == (1, 1)
    assert pd.isna(result.loc["A", "alone_minor"]) and pd.isna(result.loc["P", "gap_orders"])


def test_relative_scores_say_so_and_have_no_distance(used):
    ranked = used.model_copy(update={"segment": used.segment.model_copy(update={"scoring": "percentile"})})
    rows = [(c, c, date(2023, 12, 1), 100 * n) for n, c in enumerate("ABCDE", start=1)]
    result = found(rows, [], ranked)
    assert set(result["scoring"]) == {"percentile"}
    assert result["monetary_score"].tolist() == [10, 30, 50, 70, 90]
    assert result["gap_minor"].isna().all() and result["alone_minor"].isna().all()
    assert result["reason_text"].str.contains("not comparable between quarters").all()
    assert result["reason_text_zh"].str.contains("不可跨季度比较").all()
