"""What was done of what was planned, by hand: tasks, contacts, the budget, and campaigns that run."""

from datetime import date

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from weekly_books import PLAIN, Q4, days_of, tasks_table

from crmlib import params, schema
from crmlib.kpi import execution, reach, weeks
from crmlib.periods import Period
from crmlib.views import narrative_weekly


def test_late_tasks_by_owner_count_those_of_earlier_quarters_too() -> None:
    found = execution.owners(tasks_table())
    assert found[["owner", "tasks_due", "tasks_on_time", "tasks_overdue", "worst_days", "task_ids"]].to_numpy().tolist() == [
        ["Wu", 0, 0, 1, 30, "T3"], ["Li", 2, 1, 1, 9, "T2"]]  # fmt: skip
    assert execution.owners(tasks_table().iloc[:0]).empty and schema.columns("owner_tasks", found.columns)


def test_contacts_in_time_by_tier() -> None:
    """Three of A's kind due, two in time: 2/3 [0.2077, 0.9385] (Wilson); a pending one is not due."""
    tickets = pd.DataFrame({"customer_id": ["a", "a", "a", "b", "z"], "provenance": "actual",
                            "reply_state": ["in_time", "late", "in_time", "pending", "overdue"],
                            "analysis_state": ["pending"] * 5})  # fmt: skip
    people = pd.DataFrame({"customer_id": ["a", "b"], "tier": ["high", "risk"]})
    plan = pd.DataFrame({"tier": ["risk"], "due": [40], "in_time": [30], "provenance": ["actual"]})
    found = execution.contacts(tickets, people, plan, params.Review()).set_index(["level", "tier"])
    assert list(found.index) == [("first_reply", "high"), ("first_reply", "none"), ("planned_contact", "risk")]
    assert tuple(found.loc[("first_reply", "high"), ["due", "in_time"]]) == (3, 2)
    assert found.loc[("first_reply", "high"), "low_rate"] == pytest.approx(0.2077, abs=1e-4)
    assert list(found["is_thin"]) == [True, True, False]


def test_planned_contacts_are_those_due_and_not_of_a_hold_out() -> None:
    listed = ibis.memtable(pd.DataFrame({"tier": ["high", "high", "risk", "risk"],
        "due_date": pd.to_datetime(["2017-11-01", "2017-12-01", "2017-10-09", None]),
        "completion_status": ["done", "open", "partial", "open"]})).mutate(due_date=lambda t: t.due_date.cast("date"))  # fmt: skip
    found = execution.planned(listed, Period(2017, 4, date(2017, 11, 12)))
    assert found is not None and found[["tier", "due", "in_time"]].to_numpy().tolist() == [
        ["high", 1, 1],
        ["risk", 1, 0],
    ]
    assert execution.planned(None, Q4) is None


def test_the_budget_used_beside_its_even_share() -> None:
    """46 of 92 days: half of 1,000 is due; costs outside the quarter's days do not count."""
    costs = ibis.memtable(pa.table({"cost_date": pa.array([date(2017, 9, 30), date(2017, 10, 1), date(2017, 11, 16)]),
                                    "cost_minor": pa.array([9, 300, 50])}))  # fmt: skip
    plan = pd.DataFrame({"cost_minor": [400, 600]})
    used = execution.spending(plan, costs, Period(2017, 4, date(2017, 11, 15)))
    assert used.to_numpy().tolist() == [[1_000, 500, 300, 0.3]]
    assert execution.spending(None, costs, Q4).empty and execution.spending(plan, None, Q4).empty


def test_response_is_of_all_targeted_customers() -> None:
    """K1 runs from W40, aims at a, b, c; a redeems twice in W41, b in W42 of another campaign."""
    shown = weeks.calendar(Q4, PLAIN, date(2017, 9, 25), date(2017, 10, 22))
    ids = ibis.memtable({"campaign_id": ["K1"] * 3 + ["K9"], "customer_id": ["a", "b", "c", "b"]})
    ran = ibis.memtable(
        pa.table({"campaign_id": ["K1"], "start_date": [date(2017, 10, 2)], "end_date": [date(2017, 11, 2)]})
    )
    used = ibis.memtable(pa.table({"campaign_id": ["K1", "K1", "K9"], "customer_id": ["a", "a", "b"],
                                   "redemption_date": [date(2017, 10, 9), date(2017, 10, 10), date(2017, 10, 16)]}))  # fmt: skip
    by_week = reach.response(shown, ran, ids, used).set_index("week")
    assert list(by_week.loc[["2017-W40", "2017-W41", "2017-W42"], "kpi_value"]) == [0, pytest.approx(1 / 3), 0]
    so_far = reach.progress(ran, ids, used, Period(2017, 4, date(2017, 10, 22))).iloc[0]
    assert (so_far["targeted"], so_far["responded"], so_far["is_running"]) == (3, 1, True)
    assert reach.progress(None, ids, used, Q4).empty and reach.response(shown, None, ids, used).empty


def test_only_the_treated_of_a_begun_campaign_are_followed() -> None:
    """CP1 began on 2 October: of a, b (treated) a bought since; h is held out; CP2 has not begun."""
    day = pd.Timestamp
    designs = [{"campaign_id": "CP1", "start_date": day("2017-10-02"), "end_date": day("2017-12-10")},
               {"campaign_id": "CP2", "start_date": day("2018-01-08"), "end_date": day("2018-03-18")}]  # fmt: skip
    lists = ibis.memtable(
        {"campaign_id": ["CP1"] * 3, "customer_id": ["a", "b", "h"], "arm": ["treated", "treated", "hold_out"]}
    )
    bought = days_of([("a", date(2017, 10, 9), 1, 5), ("b", date(2017, 10, 1), 1, 5), ("h", date(2017, 10, 9), 1, 5)])
    found = reach.treated(designs, lists, bought, Period(2017, 4, date(2017, 11, 12)))
    assert found[["campaign_id", "targeted", "responded", "is_running"]].to_numpy().tolist() == [["CP1", 2, 1, True]]
    assert "1 of 2 treated customers bought" in str(narrative_weekly.frozen(found, "en"))
    assert "没有已开始的设对照组活动" in str(narrative_weekly.frozen(found.iloc[:0], "zh"))
