"""Targets on their way through the quarter: what is expected of each by now, and from what."""

import math
from datetime import date

import pandas as pd
import pytest
from weekly_books import Q4, days_of, measured, of, steady

from crmlib import params
from crmlib.kpi import pace, quarterly, weeks


def goals(*rows: tuple[str, float]) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=["kpi", "target"])
    return found.assign(target_id=[f"G{n}" for n in range(1, len(found) + 1)], strategy_id="ST1", baseline=0.0,
                        target_unit="abs", due_date=pd.Timestamp("2024-03-31"), owner="L", provenance="actual")  # fmt: skip


def paced(shop: params.Settings, rows: list, register: pd.DataFrame, week: str) -> pd.DataFrame:
    seen = weeks.seen_from(shop, week)
    nothing = pd.DataFrame({"due_date": pd.to_datetime([]), "survey_date": pd.to_datetime([])})
    days = days_of([row for row in rows if row[1] <= seen.period.as_of])
    bought = quarterly.measure(days, seen.period)
    return pace.targets(register, days, pace.so_far(bought, (nothing, nothing, nothing), seen.period), seen)


def test_a_sum_is_expected_evenly_by_days_unless_last_year_is_known(shop: params.Settings) -> None:
    """2024-W05 ends on day 35 of 91. Last year 90 of 100 came in the first 35 days."""
    now = [("A", date(2024, 1, 10), 1, 40_000)]
    even = paced(shop, [("A", date(2023, 12, 1), 1, 1), *now], goals(("net_revenue", 910.0)), "2024-W05").iloc[0]
    assert (even["pace"], even["pace_basis"]) == (pytest.approx(35_000), "even_days")
    assert (even["actual"], even["target"], even["pace_state"]) == (40_000, 91_000, "ahead_of_pace")
    last_year = [("A", date(2023, 1, 1), 1, 0), ("A", date(2023, 2, 4), 1, 9_000), ("A", date(2023, 2, 5), 1, 1_000)]
    seasonal = paced(shop, [*last_year, *now], goals(("net_revenue", 910.0)), "2024-W05").iloc[0]
    assert (seasonal["pace"], seasonal["pace_basis"]) == (pytest.approx(0.9 * 91_000), "last_year")
    assert seasonal["pace_state"] == "behind_pace"


def test_a_count_of_customers_follows_the_quarter_before(shop: params.Settings) -> None:
    """Of last quarter's four customers three had bought by its day 35; a target of 8 is then at 6."""
    early = [(c, date(2023, 10, 5), 1, 100) for c in "ABC"]
    rows = [("A", date(2023, 9, 29), 1, 100), *early, ("D", date(2023, 12, 1), 1, 100), ("A", date(2024, 1, 3), 1, 100)]
    found = paced(shop, rows, goals(("active_customers", 8.0), ("average_ticket", 2.0)), "2024-W05").set_index("kpi")
    assert tuple(found.loc["active_customers", ["pace", "pace_basis"]]) == (pytest.approx(6), "quarter_before")
    assert tuple(found.loc["average_ticket", ["pace", "pace_basis", "pace_state"]]) == (
        200,
        "target_level",
        "behind_pace",
    )
    unknown = paced(shop, rows[-1:], goals(("active_customers", 8.0)), "2024-W05").iloc[0]
    assert (unknown["pace_basis"], unknown["pace_state"]) == ("no_shape", "no_pace") and math.isnan(unknown["pace"])


def test_at_the_end_of_the_quarter_the_pace_is_the_target(shop: params.Settings) -> None:
    rows = [("A", date(2023, 12, 1), 1, 1), ("A", date(2024, 3, 31), 1, 89_500)]
    found = paced(shop, rows, goals(("net_revenue", 910.0)), "").iloc[0]
    assert (found["pace"], found["pace_state"]) == (91_000, "on_pace")  # within 2 %
    assert paced(shop, rows, goals(("net_revenue", 910.0)).iloc[:0], "").empty


def test_the_pace_of_the_weeks_adds_to_the_target() -> None:
    bought = measured([*steady(date(2017, 6, 5), date(2017, 12, 25)), ("A", date(2017, 12, 31), 1, 1)])
    due = pd.DataFrame({"kpi": ["net_revenue", "average_ticket"], "target": [9_200.0, 3.0]})
    lined = pace.of_weeks(bought, due, days_of([("A", date(2017, 6, 5), 1, 1)]), Q4)
    assert of(lined, "net_revenue")["pace"].sum() == pytest.approx(9_200)
    assert of(lined, "net_revenue").loc["2017-W40", "pace"] == pytest.approx(700)
    assert set(of(lined, "average_ticket")["pace"].dropna()) == {3.0} and of(lined, "orders")["pace"].isna().all()
