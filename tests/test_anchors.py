"""Anchors proposed from a baseline: rising knots whatever the data, and a bridge that moves nobody's buying."""

from datetime import date, timedelta

import books
import ibis
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import params
from crmlib.errors import InputError
from crmlib.io import engine
from crmlib.params import Anchors, Knots
from crmlib.periods import Period
from crmlib.segment import anchors, rfm

PERIOD = Period(2023, 4)
FEW = settings(max_examples=50)


def found(orders: list[float], money: list[float], gaps: list[float | None], crowded: float = 0.05) -> pd.DataFrame:
    scores = [20.0, 40.0, 60.0, 80.0, 95.0]
    return pd.DataFrame({"score": scores, "frequency_12m": orders, "monetary_12m_minor": money,
                         "longest_gap_days": gaps, "crowded_share": crowded})  # fmt: skip


def days_of(rows: list[tuple[str, date, int, int]]) -> ibis.Table:
    """Purchase days of (customer, day, orders, net_minor)."""
    names = ["customer_id", "order_date", "orders", "net_minor"]
    return engine.table(pd.DataFrame(rows, columns=names).astype({"orders": "int64", "net_minor": "int64"}))


def test_knots_are_the_quantiles_of_the_baseline():
    """101 customers with n = 0 .. 100 orders, CNY n, a longest gap of n days; half a year scaled to a whole."""
    rows = range(101)
    columns = {"frequency_12m": rows, "monetary_12m_minor": [100 * n for n in rows], "longest_gap_days": rows}
    measured = anchors.quantiles(engine.table(pd.DataFrame(columns)))
    made = anchors.knots(measured, rfm.Scale(2, 2 / 100))
    assert made["frequency_12m"] == ((0, 0), (40, 20), (80, 40), (120, 60), (160, 80), (190, 95), (380, 100))
    assert made["monetary_12m"] == made["frequency_12m"]
    assert made["recency_days"] == ((0, 100), (20, 80), (40, 60), (60, 40), (80, 20), (95, 5), (365, 0))
    assert measured["crowded_share"].tolist() == [0.0] * 5  # nobody shares his number
    shared = {**columns, "frequency_12m": [*range(100), 99]}
    assert (
        anchors.quantiles(engine.table(pd.DataFrame(shared)))["crowded_share"].tolist() == [pytest.approx(2 / 101)] * 5
    )


def test_tied_quantiles_become_one_knot_with_their_mean_score():
    made = anchors.knots(found([1, 1, 2, 2, 5], [100, 100, 100, 700, 900], [5, 5, 9, 9, 400]), rfm.Scale())
    assert made["frequency_12m"] == ((0, 0), (1, 30), (2, 70), (5, 95), (10, 100))
    assert made["monetary_12m"] == ((0, 0), (1, 40), (7, 80), (9, 95), (18, 100))
    assert made["recency_days"] == ((0, 100), (5, 70), (9, 30), (400, 5), (800, 0))


def test_orders_are_absolute_where_one_number_crowds():
    """Unless fewer than one in five customers have the 4 orders of the first absolute value: they would all score low."""

    def made(orders: list[float], crowded: float) -> Knots:
        return anchors.knots(found(orders, [1] * 5, [1] * 5, crowded), rfm.Scale())["frequency_12m"]

    assert made([1, 1, 1, 4, 9], 0.101) == anchors.ABSOLUTE_ORDERS
    assert made([1, 1, 1, 4, 9], 0.1) == ((0, 0), (1, 40), (4, 80), (9, 95), (18, 100))
    assert made([1, 1, 1, 2, 3], 0.6) == ((0, 0), (1, 40), (2, 80), (3, 95), (6, 100))


rising = st.lists(st.floats(-50, 5000), min_size=5, max_size=5).map(sorted)


@given(rising, rising, st.lists(st.integers(1, 900), min_size=5, max_size=5).map(sorted), st.booleans())
@FEW
def test_any_quantiles_give_anchors_that_the_params_accept(orders, money, gaps, bought_once):
    made = anchors.knots(found(orders, money, [None] * 5 if bought_once else gaps), rfm.Scale())
    valid = Anchors.model_validate({**books.ANCHORS, **made})
    assert valid.recency_days[0] == (0, 100) and valid.frequency_12m[-1][1] == 100


def book(tmp_path) -> tuple[params.Settings, ibis.Table, ibis.Table]:
    """Thirty customers; number n buys n + 1 times for CNY 10 n, every n + 1 days, up to the end of the quarter."""
    rows = [
        (f"c{n:02d}", PERIOD.as_of - timedelta(days=(n + 1) * i), 1, 1000 * n) for n in range(30) for i in range(n + 1)
    ]
    days = days_of([row for row in rows if row[1] > PERIOD.year_ago])
    return books.load(tmp_path), days, days.select("customer_id").distinct()


def test_the_proposal_says_where_it_comes_from_and_reads_back(tmp_path):
    used, days, known = book(tmp_path)
    proposed = anchors.propose(days, known, PERIOD, used)
    assert (proposed.version, proposed.kind, proposed.frozen_on) == ("tiny-2023Q4", "frozen_quantile", PERIOD.as_of)
    assert "2023Q4" in proposed.basis_en and "2023Q4" in proposed.basis_zh
    moved = anchors.bridge(days, known, PERIOD, used, proposed)
    text = anchors.document(proposed, moved, PERIOD)
    (tmp_path / "params/tiny/anchors-2023Q4.yml").write_text(text, encoding="utf-8")
    again = books.load(tmp_path, segment={"anchors": "anchors-2023Q4.yml"})
    assert again.segment.anchors == proposed
    assert again.segment.scored_by == "frozen_quantile"
    assert yaml.safe_load(text)["version"] == "tiny-2023Q4"
    assert moved.to_numpy().sum() == 30


def test_a_quarter_without_customers_is_no_baseline(tmp_path):
    used, days, known = book(tmp_path)
    with pytest.raises(InputError, match="2021Q4 is no baseline"):
        anchors.propose(days, known, Period(2021, 4), used)


def test_a_bridge_to_the_same_anchors_moves_nobody(tmp_path):
    used, days, known = book(tmp_path)
    same = anchors.bridge(days, known, PERIOD, used, used.segment.anchors).to_numpy()
    assert same.sum() == same.diagonal().sum() == 30


def test_a_bridge_counts_who_moves_because_the_scale_does(tmp_path):
    """Orders and money a hundred times easier: with the method's anchors everybody is in the lowest tier."""
    used, days, known = book(tmp_path)
    easy = used.segment.anchors.model_copy(
        update={"frequency_12m": ((0, 0), (0.36, 100)), "monetary_12m": ((0, 0), (1, 100))}
    )
    moved = anchors.bridge(days, known, PERIOD, used, easy)
    assert moved.loc["risk"].to_dict() == {"high": 29, "potential": 0, "general": 0, "risk": 1, "none": 0}
    alike = anchors.document(easy, moved, PERIOD)
    assert "# 96.7% of the customers would be in one tier" in alike and "set as_of to their last day" in alike
    moved.loc["risk", ["high", "general"]] = [19, 10]
    assert "in one tier" not in anchors.document(easy, moved, PERIOD)


@pytest.mark.parametrize("name", ["anchors-1999.yml", "../default.yml"])
def test_an_anchors_file_that_is_not_there_is_said(tmp_path, name):
    with pytest.raises(InputError, match=r"no file beside the params.*crm anchors"):
        books.load(tmp_path, segment={"anchors": name})


@pytest.mark.parametrize(("index", "says"), [({"2023-Q4": 1.0}, "neither a quarter"), ({2023: 0}, "greater than 0")])
def test_a_price_index_that_means_nothing_is_refused(tmp_path, index, says):
    with pytest.raises(InputError, match=says):
        books.load(tmp_path, segment={"price_index": index})
