"""What we did, week by week: tasks, contacts within their time, money spent, campaigns under way."""

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.kpi import intervals, service, weekly, weeks
from crmlib.params import Review, Settings
from crmlib.periods import Period

TIERS = ("high", "potential", "general", "risk", "none")
_IN_TIME, _OVER = "in_time", ("in_time", "late", "overdue")


def rates(
    shown: pd.DataFrame, surveys: pd.DataFrame, tickets: pd.DataFrame, tasks: pd.DataFrame, settings: Settings
) -> pd.DataFrame:
    """Rows of the table `weekly`: satisfied answers, first replies within their hours, tasks done in time.

    A ticket counts in the week it was opened, once its hours are over; a task in the week it was due. What happened
    after the last day is not known yet.
    """
    end, limit = pd.Timestamp(settings.period.end), pd.Timedelta(hours=settings.collect.first_reply_hours)
    asked = surveys.dropna(subset=["csat"])
    over = tickets[tickets["opened_at"] + limit < end]
    replied = over["first_reply_at"].fillna(over["closed_at"])
    due = tasks[tasks["due_date"] < end]
    cases = (
        ("csat", asked, asked["survey_date"], asked["csat"] >= 4),
        ("reply_in_time_rate", over, over["opened_at"], replied - over["opened_at"] <= limit),
        ("on_time_rate", due, due["due_date"], due["done_date"] <= due["due_date"]),
    )
    parts = []
    for kpi, register, at, hit in cases:
        hits, n = weekly.by_week(shown, at.reset_index(drop=True), hit.reset_index(drop=True))
        parts.append(weekly.rate(shown, kpi, hits, n, service.provenance(register)))
    return weekly.joined(*parts)


def owners(tasks: pd.DataFrame) -> pd.DataFrame:
    """Table `owner_tasks`: one row per owner with a task due or open and late; the one with most late tasks first.

    `tasks` is the table `schedule`: what was known on the last day.
    """
    seen = tasks[tasks["is_due"].astype("bool") | tasks["is_late"].astype("bool")]
    rows = [(owner, *_of_owner(group)) for owner, group in seen.groupby("owner", sort=True)]
    columns = ["owner", "tasks_due", "tasks_on_time", "tasks_done_late", "tasks_overdue", "worst_days", "task_ids",
               "provenance"]  # fmt: skip
    found = pd.DataFrame(rows, columns=columns)
    return found.sort_values(
        ["tasks_overdue", "worst_days", "owner"], ascending=[False, False, True], ignore_index=True
    )


def _of_owner(tasks: pd.DataFrame) -> tuple[int, int, int, int, int, str, str]:
    due, on_time = tasks["is_due"].astype("bool"), tasks["is_on_time"].astype("bool")
    late = tasks["is_late"].astype("bool")
    done = tasks["status"] == "done"
    worst = tasks["slippage_days"].where(late | (done & ~on_time), 0)
    names = "; ".join(tasks.loc[late, "task_id"])
    return (int(due.sum()), int((due & on_time).sum()), int((due & done & ~on_time).sum()), int(late.sum()),
            max(0, int(worst.max())), names, service.provenance(tasks))  # fmt: skip


def contacts(tickets: pd.DataFrame, people: pd.DataFrame, planned: pd.DataFrame | None, review: Review) -> pd.DataFrame:
    """Table `contact_sla`: of the contacts due so far, those made in time, by tier at the start of the quarter.

    tickets: table `feedback_tickets`, with the state of each level; people: each customer's tier; planned: per tier the
    contacts of the action list that are due and done, or None where no list was stored.
    """
    tier = (
        tickets["customer_id"].astype("str").map(people.drop_duplicates("customer_id").set_index("customer_id")["tier"])
    )
    known = tickets.assign(tier=tier.fillna("none"))
    parts = [
        _by_tier(known, state, level)
        for level, state in (("first_reply", "reply_state"), ("analysis", "analysis_state"))
    ]
    parts += [] if planned is None else [planned.assign(level="planned_contact")]
    found = [part for part in parts if len(part)]
    columns = ["level", "tier", "due", "in_time", "in_time_rate", "low_rate", "high_rate", "is_thin", "provenance"]
    if not found:
        return pd.DataFrame(columns=columns)
    rows = pd.concat(found, ignore_index=True)
    rows = rows[rows["due"] > 0].astype({"due": "int64", "in_time": "int64"})
    band = intervals.wilson(rows["in_time"], rows["due"])
    rated = rows.assign(in_time_rate=rows["in_time"] / rows["due"], low_rate=band["low"], high_rate=band["high"],
                        is_thin=rows["due"] < review.min_rate_n)  # fmt: skip
    place = {"first_reply": 0, "analysis": 1, "planned_contact": 2}
    order = rated.assign(a=rated["level"].map(place), b=rated["tier"].map(TIERS.index))
    return order.sort_values(["a", "b"])[columns].reset_index(drop=True)


def _by_tier(tickets: pd.DataFrame, state: str, level: str) -> pd.DataFrame:
    counts = tickets.assign(due=tickets[state].isin(_OVER), in_time=tickets[state] == _IN_TIME)
    found = counts.groupby("tier")[["due", "in_time"]].sum().reset_index()
    return found.assign(level=level, provenance=service.provenance(tickets))


def planned(actions: ir.Table | None, period: Period) -> pd.DataFrame | None:
    """Per tier the contacts of the stored action list that were due by now, and those of them that are done.

    None where there is no list; nobody of a hold-out is to be contacted.
    """
    if actions is None:
        return None
    due = actions.filter(_.due_date <= ibis.literal(period.as_of), _.due_date.notnull())
    counted = due.group_by("tier").aggregate(due=_.count(), in_time=(_.completion_status == "done").sum())
    return counted.order_by("tier").to_pyarrow().to_pandas().assign(provenance="actual")


def spending(allocation: pd.DataFrame | None, costs: ir.Table | None, period: Period) -> pd.DataFrame:
    """Table `resource_use`: one row, the quarter's plan, its even share by now, and what was spent; or no row.

    allocation: the plan that the quarter before made for this one. Hours are planned, but nobody records the real ones.
    """
    columns = ["planned_minor", "pace_minor", "spent_minor", "spent_share"]
    if allocation is None or costs is None or not allocation["cost_minor"].sum():
        return pd.DataFrame(columns=columns)
    here = costs.filter(costs.cost_date >= ibis.literal(period.start), costs.cost_date <= ibis.literal(period.as_of))
    spent = int(here.cost_minor.sum().to_pyarrow().as_py() or 0)
    plan, whole = int(allocation["cost_minor"].sum()), weeks.whole(period)
    share = (period.end - period.start) / (whole.end - whole.start)
    return pd.DataFrame([(plan, round(plan * share), spent, spent / plan)], columns=columns)


def still_open(tasks: pd.DataFrame, period: Period, days: int = 7) -> pd.DataFrame:
    """The tasks that are late, then those due within the next `days`; from the table `schedule`."""
    soon = pd.Timestamp(period.as_of) + pd.Timedelta(days=days)
    waiting = tasks[(tasks["status"] != "done") & (tasks["due_date"] <= soon)]
    return waiting.sort_values(["due_date", "task_id"]).reset_index(drop=True)
