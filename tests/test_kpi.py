"""KPIs, intervals, limits and weeks. Golden values: the method, sections 3.6, 8 and 10."""

import math
from datetime import date, timedelta

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import schema
from crmlib.kpi import KPIS, intervals, quarterly, service, targets
from crmlib.periods import Period

PERIOD = Period(2023, 4)
FEW = settings(max_examples=12, deadline=None)

# The retention fixture of section 10: customer, day, amount; P0 = 2023Q3, P1 = 2023Q4.
RETENTION = [
    ("A", "2023-07-05", 100), ("B", "2023-08-01", 50), ("C", "2023-09-30", 70), ("D", "2023-07-20", 20),
    ("A", "2023-10-02", 80), ("A", "2023-12-30", 90), ("B", "2023-11-11", 60), ("E", "2023-10-31", 40),
    ("F", "2022-01-15", 500), ("F", "2023-12-01", 30),
]  # fmt: skip


def days_of(rows: list[tuple[str, date, int, int]]) -> ibis.Table:
    """`purchase_days` from customer, day, orders, cents."""
    names, types = (
        ("customer_id", "order_date", "orders", "net_minor"),
        (pa.string(), pa.date32(), pa.int64(), pa.int64()),
    )
    columns = list(zip(*rows, strict=True)) or [[], [], [], []]
    return ibis.memtable(pa.table([pa.array(c, t) for c, t in zip(columns, types, strict=True)], names=list(names)))


def fixture() -> ibis.Table:
    return days_of([(c, date.fromisoformat(day), 1, 100 * amount) for c, day, amount in RETENTION])


def values(found: pd.DataFrame, period: str) -> dict[str, float]:
    return found[found["period"] == period].set_index("kpi")["kpi_value"].to_dict()


def test_the_retention_fixture() -> None:
    """Q4: A and B stay, C and D leave, E is new, F comes back; 12 months: A and B of six buy again."""
    found = values(quarterly.measure(fixture(), PERIOD), "2023Q4")
    assert found["retention_rate"] == 0.5 and found["churn_rate"] == 0.5
    counts = ("active_customers", "retained_customers", "new_customers", "reactivated_customers")
    assert [found[k] for k in counts] == [4, 2, 1, 1]
    assert found["repurchase_rate"] == pytest.approx(2 / 6)
    assert found["gross_revenue_retention"] == 0.625
    assert found["net_revenue_retention"] == pytest.approx(0.9583, abs=1e-4)
    assert (found["net_revenue"], found["orders"], found["average_ticket"]) == (30_000, 5, 6_000)
    assert found["orders_per_customer"] == 1.25


def test_a_rate_has_its_cases_and_its_wilson_interval() -> None:
    row = quarterly.measure(fixture(), PERIOD).set_index(["kpi", "period"]).loc[("retention_rate", "2023Q4")]
    assert row["n"] == 4
    assert (row["low"], row["high"]) == pytest.approx((0.15004, 0.84996), abs=1e-4)  # 2 of 4, worked out by hand


def test_what_differs_between_customers_has_an_interval_and_totals_have_none() -> None:
    """Q4: A 2 orders, 170; B, E, F 1 order, 60, 40, 30; t with 3 degrees is 3.182446.

    Orders per customer: residuals 0.75 and three times -0.25; half = t x sqrt(4/3 x 0.75) / 4 = 0.795612.
    Average ticket of 60: residuals 50, 0, -20, -30; half = t x sqrt(4/3 x 3800) / 5 = 45.3056.
    """
    found = quarterly.measure(fixture(), PERIOD).set_index(["kpi", "period"])[["low", "high"]]
    each = found.loc[("orders_per_customer", "2023Q4")].tolist()
    assert each == pytest.approx([1.25 - 0.795612, 1.25 + 0.795612], abs=1e-5)
    assert found.loc[("average_ticket", "2023Q4")].tolist() == pytest.approx([1_469.44, 10_530.56], abs=0.01)
    assert found.loc[[("net_revenue", "2023Q4"), ("active_customers", "2023Q4")]].isna().all(axis=None)
    alone, alike = ("average_ticket", "2022Q1"), ("orders_per_customer", "2023Q3")  # F alone; one order each
    assert found.loc[[alone, alike]].isna().all(axis=None)


def test_a_ticket_is_not_below_zero_where_nobody_got_back_more_than_he_paid() -> None:
    """1, 1 and 10,000 fen: the interval is wider than the mean; with a refund it may well be below 0."""
    rows = [(name, date(2023, 11, 1), 1, net) for name, net in (("A", 1), ("B", 1), ("C", 10_000))]
    refund = [*rows, ("B", date(2023, 11, 2), 0, -20)]
    lows = []
    for part in (rows, refund):
        found = quarterly.measure(days_of(part), Period(2023, 4)).set_index(["kpi", "period"])
        lows.append(found.loc[("average_ticket", "2023Q4"), "low"])
    assert lows[0] == 0 and lows[1] < 0


def test_intervals_hold_for_amounts_whose_squares_pass_64_bits() -> None:
    days = [("A", date(2023, 11, 1), 1, 8 * 10**15), ("B", date(2023, 11, 1), 1, 6 * 10**15)]
    row = quarterly.measure(days_of(days), PERIOD).set_index("kpi").loc["average_ticket"]
    assert (row["high"] - 7e15) / 1e15 == pytest.approx(12.7062, abs=1e-4)  # t with 1 degree, standard error 1e15


def test_a_past_that_the_data_do_not_hold_gives_no_value() -> None:
    """The data begin in 2022Q1: no quarter before it, and the 12 months are whole from 2022Q4 on."""
    found = quarterly.measure(fixture(), PERIOD).set_index(["kpi", "period"])
    unknown = [("retention_rate", "2022Q1"), ("new_customers", "2022Q1"), ("reactivated_customers", "2022Q2"),
               ("repurchase_rate", "2022Q3"), ("gross_revenue_retention", "2022Q1")]  # fmt: skip
    assert found.loc[unknown, "kpi_value"].isna().all() and (found.loc[unknown, "n"] == 0).all()
    assert found.loc[("retention_rate", "2022Q2"), "kpi_value"] == 0  # F was active and left: a fact
    assert found.loc[("repurchase_rate", "2022Q4"), "kpi_value"] == 0
    assert math.isnan(found.loc[("retention_rate", "2022Q4"), "kpi_value"])  # nobody to retain
    assert found.loc[("active_customers", "2022Q3"), "kpi_value"] == 0


def test_a_day_of_returns_is_no_purchase() -> None:
    """A only returns in the fourth quarter; C only returned in the third and buys for the first time in the fourth."""
    rows = [("A", date(2023, 8, 1), 1, 5_000), ("A", date(2023, 11, 1), 0, -2_000), ("B", date(2023, 11, 2), 1, 1_000)]
    rows += [("C", date(2023, 8, 1), 0, -100), ("C", date(2023, 11, 5), 1, 500)]
    found = values(quarterly.measure(days_of(rows), PERIOD), "2023Q4")
    assert (found["active_customers"], found["new_customers"], found["net_revenue"]) == (2, 2, -500)
    assert found["retention_rate"] == 0


ROWS = st.tuples(st.sampled_from("ABCDEF"), st.integers(0, 560), st.integers(0, 2), st.integers(-2_000, 9_000))
PURCHASES = st.lists(ROWS, min_size=1, max_size=30)


def dated(rows: list[tuple[str, int, int, int]]) -> list[tuple[str, date, int, int]]:
    """One row per customer and day, from 2022-07-01 on."""
    unique = {(c, d): (o, m) for c, d, o, m in rows}
    return [(c, date(2022, 7, 1) + timedelta(days=d), o, m) for (c, d), (o, m) in unique.items()]


@FEW
@given(PURCHASES, st.randoms(use_true_random=False))
def test_identities_hold_and_ids_order_and_the_future_do_not_matter(rows, random) -> None:  # type: ignore[no-untyped-def]
    known = dated(rows)
    found = quarterly.measure(days_of(known), PERIOD)
    table = found.pivot(index="period", columns="kpi", values="kpi_value")
    parts = table[["retained_customers", "reactivated_customers", "new_customers"]].sum(axis=1, skipna=False)
    assert parts.dropna().equals(table["active_customers"][parts.notna()])
    assert (table["retention_rate"] + table["churn_rate"]).dropna().eq(1).all()
    kept, net = table["gross_revenue_retention"].dropna(), table["net_revenue_retention"].dropna()
    assert (kept <= 1).all() and (kept <= net + 1e-12).all()
    other = [(f"x{ord(c) * 7}", d, o, m) for c, d, o, m in known] + [("new", PERIOD.end, 3, 99)]
    random.shuffle(other)
    pd.testing.assert_frame_equal(quarterly.measure(days_of(other), PERIOD), found)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(0, 10, 0, 0.2775), (3, 10, 0.1078, 0.6032), (10, 10, 0.7225, 1), (12, 20, 0.3866, 0.7812),
     (60, 100, 0.5020, 0.6906), (75, 100, 0.6570, 0.8245), (450, 600, 0.7138, 0.7830)],
)  # fmt: skip
def test_wilson(hits: int, n: int, low: float, high: float) -> None:
    found = intervals.wilson(pd.Series([hits]), pd.Series([n])).iloc[0]
    assert (found["low"], found["high"]) == pytest.approx((low, high), abs=1e-4)


def test_wilson_of_no_cases_is_unknown() -> None:
    assert intervals.wilson(pd.Series([0]), pd.Series([0])).isna().all(axis=None)


@pytest.mark.parametrize(
    ("treated", "control", "n", "low", "high"),
    [(75, 60, 100, 0.0201, 0.2731), (72, 60, 100, -0.0112, 0.2456), (720, 600, 1000, 0.0786, 0.1608),
     (610, 600, 1000, -0.0328, 0.0527), (540, 600, 1000, -0.1031, -0.0166), (640, 600, 1000, -0.0025, 0.0823)],
)  # fmt: skip
def test_newcombe(treated: int, control: int, n: int, low: float, high: float) -> None:
    cases = pd.Series([n])
    found = intervals.newcombe(pd.Series([treated]), cases, pd.Series([control]), cases).iloc[0]
    assert found["difference"] == pytest.approx((treated - control) / n)
    assert (found["low"], found["high"]) == pytest.approx((low, high), abs=1e-4)


def test_two_counts_12_and_15_are_no_proof() -> None:
    """S10: the source calls 12 to 15 orders effective."""
    p, low, high = intervals.poisson_pair(12, 15)
    assert p == pytest.approx(0.70111, abs=1e-5)
    assert (low, high) == pytest.approx((0.5462, 2.9247), abs=1e-4)


def test_the_mean_of_four_has_the_t_interval() -> None:
    """1, 2, 3, 4: sd 1.290994, t(3) 3.182446 from the table, so 2.5 +- 2.054261."""
    assert intervals.mean(pd.Series([1.0, 2, 3, 4])) == pytest.approx((2.5, 0.445739, 4.554261), abs=1e-6)
    assert math.isnan(intervals.mean(pd.Series([1.0]))[1])


@pytest.mark.parametrize(
    ("baseline", "target", "actual", "expected"),
    [(0.60, 0.75, 0.72, 0.80), (0.15, 0.10, 0.12, 0.60), (0, -0.20, -0.12, 0.60), (0, 30, 32, 1.0667),
     (0, 0.20, 0.22, 1.10), (12, 15, 15, 1), (10, 20, 5, -0.5)],
)  # fmt: skip
def test_attainment(baseline: float, target: float, actual: float, expected: float) -> None:
    """One formula whichever way is better, whatever the direction says."""
    for direction in ("higher", "lower"):
        assert targets.attainment(baseline, target, actual, direction) == pytest.approx(expected, abs=1e-4)


def test_attainment_at_the_edges() -> None:
    assert [targets.attainment(5, 5, a) for a in (4, 5, 6)] == [0, 1, 1]
    assert [targets.attainment(5, 5, a, "lower") for a in (4, 5, 6)] == [1, 1, 0]
    assert math.isnan(targets.attainment(math.nan, 5, 4)) and math.isnan(targets.attainment(3, 5, math.nan))


def test_change_needs_something_before() -> None:
    assert (targets.change(12, 15), targets.change(200, 232)) == pytest.approx((0.25, 0.16))
    assert math.isnan(targets.change(0, 5)) and math.isnan(targets.change(-1, 5))


def test_the_word_for_an_attainment() -> None:
    """12/15 and 32k/30k are the source's own examples."""
    words = [targets.outcome(a) for a in (0.80, 32 / 30, 1, 0.5, 0.4999, -2, math.nan)]
    good, half, bad = "attained", "partly_attained", "not_attained"
    assert words == [half, good, good, half, bad, bad, "not_measured"]


def survey(csat: list[int], nps: list[int | None], day: str = "2023-11-01") -> pd.DataFrame:
    return pd.DataFrame(
        {"csat": csat, "nps": pd.array(nps, "Int64"), "survey_date": pd.Timestamp(day), "provenance": "actual"}
    )


def test_csat_is_the_share_of_the_two_best_marks() -> None:
    marks = [5] * 40 + [4] * 25 + [3] * 10 + [2] * 3 + [1] * 2
    row = service.csat(survey(marks, [None] * 80), PERIOD).iloc[0]
    assert (row["kpi_value"], row["n"]) == (0.8125, 80)


def test_nps_with_its_interval() -> None:
    marks: list[int | None] = [9] * 30 + [10] * 20 + [7] * 15 + [8] * 15 + [0] * 5 + [6] * 15 + [None] * 7
    row = service.nps(survey([3] * 107, marks), PERIOD).iloc[0]
    assert row["n"] == 100
    assert (row["kpi_value"], row["low"], row["high"]) == pytest.approx((30, 14.69, 45.31), abs=0.01)


def test_answers_of_another_quarter_do_not_count() -> None:
    both = pd.concat([survey([5, 5], [10, 10], "2023-09-30"), survey([1], [0], "2023-12-31")])
    assert service.csat(both, PERIOD).iloc[0]["kpi_value"] == 0
    nothing = service.nps(both, Period(2023, 2)).iloc[0]
    assert nothing["n"] == 0 and math.isnan(nothing["kpi_value"])


def test_tasks_on_time_and_done() -> None:
    """Ten due: seven on time, two late, one never; and one that is done after the quarter ended."""
    due = pd.Timestamp("2023-11-30")
    done = [due] * 6 + [due - pd.Timedelta(days=9)] + [due + pd.Timedelta(days=1), pd.Timestamp("2023-12-31")]
    tasks = pd.DataFrame({"due_date": [due] * 10, "done_date": [*done, pd.NaT], "provenance": "actual"})
    assert service.on_time_rate(tasks, PERIOD).iloc[0]["kpi_value"] == 0.7
    assert service.completion_rate(tasks, PERIOD).iloc[0]["kpi_value"] == 0.9
    later = tasks.assign(done_date=tasks["done_date"].fillna(pd.Timestamp("2024-01-01")))
    assert service.completion_rate(later, PERIOD).iloc[0]["kpi_value"] == 0.9


def test_tickets_see_only_what_was_known_at_the_end() -> None:
    """Four tickets: all in time; analysed a minute late; replied next year; opened on the last evening."""
    tickets = pd.DataFrame(
        {
            "opened_at": pd.to_datetime(
                ["2023-10-01 09:00", "2023-11-01 09:00", "2023-12-30 09:00", "2023-12-31 20:00"]
            ),
            "first_reply_at": pd.to_datetime(["2023-10-01 09:05", "2023-11-01 10:00", "2024-01-02 09:00", None]),
            "analysed_at": pd.to_datetime(["2023-10-02 09:00", "2023-11-02 09:01", None, "2024-01-01 08:00"]),
            "provenance": ["actual", "illustrative", "actual", "actual"],
        }
    )
    replied, analysed = (f(tickets, PERIOD).iloc[0] for f in (service.first_reply_rate, service.analysis_24h_rate))
    assert (replied["kpi_value"], replied["n"]) == (0.5, 4)
    assert (analysed["kpi_value"], analysed["n"]) == (pytest.approx(1 / 3), 3)
    nothing = tickets.iloc[:0]
    measured = service.measure(nothing, tickets, nothing, [PERIOD])
    assert set(measured["kpi"]) == {"first_reply_rate", "analysis_24h_rate"}
    assert set(measured["provenance"]) == {"illustrative"}  # one illustrative ticket is enough
    assert service.measure(nothing, nothing, nothing, [PERIOD]).empty


def test_a_target_may_name_every_kpi_and_each_has_its_words() -> None:
    assert set(schema.REGISTERS["targets"].words["kpi"]) == set(KPIS)
    assert [k for k in KPIS if schema.word(k, "en") == k or schema.word(k, "zh") == k] == []
