"""KPIs of quarters and weeks beside the same counted customer by customer, in plain loops."""

import math
from collections import Counter
from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_kpi import PURCHASES, dated, days_of
from test_kpi_tiers import starts

from crmlib.kpi import KPIS, quarterly, weekly
from crmlib.periods import Period

PERIOD, FIRST = Period.up_to(date(2023, 12, 15)), Period(2022, 2)
QUARTERS, TIERS = PERIOD.since(FIRST), ("high", "general", "risk")
BEFORE = ("A", date(2022, 6, 30), 1, 5)  # so that the data begin in the same quarter each time
CUT = Period.up_to(date(2022, 11, 1))  # begins on a Saturday
NEAR = st.integers(45, 56) | st.integers(0, 90)  # days since 2022-08-10; the first week of the quarter is cut at 52
NEARBY = st.lists(st.tuples(st.sampled_from("ABC"), NEAR, st.integers(0, 2), st.integers(-2_000, 9_000)), max_size=16)
WEEK = timedelta(days=7)
FEW = settings(max_examples=25)
Rows = list[tuple[str, date, int, int]]


def plain_quarter(rows: Rows, quarter: Period, customers: str = "ABCDEF") -> Counter[str]:
    """What `quarterly.counts` says of a quarter."""
    known = [row for row in rows if row[1] <= min(quarter.as_of, PERIOD.as_of)]
    total: Counter[str] = Counter()
    for customer in customers:
        own = [row for row in known if row[0] == customer]
        now, last = [r for r in own if r[1] >= quarter.start], [r for r in own if r[1] < quarter.start]
        last = [row for row in last if row[1] >= quarter.previous.start]
        (orders, net), (was, base) = ((sum(r[2] for r in part), sum(r[3] for r in part)) for part in (now, last))
        since = Period(quarter.year - 1, quarter.quarter).next.start
        year, ever = (sum(r[2] for r in own if r[1] >= day) for day in (since, date.min))
        total.update(
            active=orders > 0, active_before=was > 0, retained=orders > 0 < was, lost=orders == 0 < was,
            new=orders == ever > 0, reactivated=was == 0 < orders < ever, buyers_12m=year > 0, repeat_12m=year > 1,
            repeat=orders > 1, orders=orders, net_minor=net, base_minor=base * (was > 0), base_now_minor=net * (was > 0),
            kept_minor=min(net, base) * (was > 0), orders_squared=orders**2, net_squared=net**2, net_orders=net * orders,
        )  # fmt: skip
    return total


@FEW
@given(PURCHASES)
def test_quarters_are_those_counted_customer_by_customer(drawn) -> None:  # type: ignore[no-untyped-def]
    rows = [BEFORE, *dated(drawn)]
    found = quarterly.counts(quarterly.customer_quarters(days_of(rows), PERIOD), PERIOD, FIRST).set_index("period")
    for quarter in QUARTERS:
        expected = plain_quarter(rows, quarter)
        assert found.loc[str(quarter), list(expected)].to_dict() == expected
    ever = [(orders, customer) for customer, day, orders, _net in rows if orders > 0 and day <= PERIOD.as_of]
    bought = quarterly.bought(quarterly.customer_quarters(days_of(rows), PERIOD))
    assert bought.values.tolist() == [[sum(n for n, _ in ever), len({c for _, c in ever})]]


@FEW
@given(PURCHASES, st.lists(st.sampled_from([*TIERS, "none"]), min_size=6, max_size=6))
def test_tiers_are_those_counted_customer_by_customer(drawn, drawn_tiers) -> None:  # type: ignore[no-untyped-def]
    """Each customer begins every quarter in the tier next to that of the quarter before."""
    rows, names = [BEFORE, *dated(drawn)], [*TIERS, "none"]
    placed = {(c, q): names[(names.index(tier) + n) % 4] for n, q in enumerate(QUARTERS)
              for c, tier in zip("ABCDEF", drawn_tiers, strict=True)}  # fmt: skip
    told = quarterly.by_tier(days_of(rows), starts(*[(c, str(q), tier) for (c, q), tier in placed.items()]), PERIOD)
    told = told.set_index(["period", "tier", "kpi"])["kpi_value"]
    for n, quarter in enumerate(QUARTERS):
        for tier in TIERS:
            counted = plain_quarter(rows, quarter, "".join(c for c in "ABCDEF" if placed[c, quarter] == tier))
            for kpi in (kpi for kpi in KPIS.values() if kpi.numerator and kpi.has_tiers and counted["buyers_12m"]):
                base = counted[kpi.denominator] if kpi.denominator else 1
                value = counted[kpi.numerator] / base if base > 0 and n >= kpi.quarters_before else math.nan
                assert told[str(quarter), tier, kpi.id] == pytest.approx(value, rel=0, abs=0, nan_ok=True)


def plain_weeks(rows: Rows, span: int) -> pd.DataFrame:
    """What `weekly._counts` says of the weeks up to the cut."""
    known = [(c, day - timedelta(days=day.weekday()), day, o, m) for c, day, o, m in rows if day <= CUT.as_of]
    total = {monday + n * WEEK: Counter[str]() for _c, monday, *_rest in known for n in range(span + 1)}
    for monday, customer in ((m, c) for m in total for c in "ABC"):
        own = [row[1:] for row in known if row[0] == customer]
        ordered = [row for row in own if row[2]]
        shown = [row for row in own if row[0] == monday and not row[1] < CUT.start < monday + WEEK]
        orders, begun = sum(row[2] for row in shown), min((row[1] for row in ordered), default=None)
        new = any(row[2] and row[1] == begun for row in shown)
        before = any(monday - span * WEEK <= row[0] < monday for row in ordered)
        total[monday].update(net_minor=sum(row[3] for row in shown), orders=orders, active=orders > 0, new=new,
                             returning=orders > 0 and not new, came_back=orders > 0 and before, active_before=before)  # fmt: skip
    return pd.DataFrame([{"start_date": pd.Timestamp(day), **total[day]} for day in sorted(total)])


@FEW
@given(NEARBY, st.integers(1, 5))
def test_weeks_are_those_counted_customer_by_customer(drawn, span) -> None:  # type: ignore[no-untyped-def]
    unique = {(c, date(2022, 8, 10) + timedelta(days=d)): (o, m) for c, d, o, m in drawn}
    rows = [("A", date(2022, 8, 8), 0, -1), *((c, day, o, m) for (c, day), (o, m) in unique.items())]
    expected = plain_weeks(rows, span).astype({"start_date": "datetime64[us]"})
    pd.testing.assert_frame_equal(weekly._counts(days_of(rows), CUT, span), expected)
