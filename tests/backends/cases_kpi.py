"""Functions of the KPIs by week and by target, each as a call on a book."""

from collections.abc import Callable
from typing import Any

import pandas as pd
from random_book import Book

from crmlib.io import registers
from crmlib.kpi import execution, pace, quarterly, reach, weeks
from crmlib.params import Settings

STARTED = pd.to_datetime(["2024-01-15", "2024-03-20"])
DESIGNS = [{"campaign_id": "k1", "start_date": STARTED[0], "end_date": pd.Timestamp("2024-02-11")},
           {"campaign_id": "k3", "start_date": STARTED[1], "end_date": pd.Timestamp("2024-04-20")}]  # fmt: skip


def cut(book: Book) -> Settings:
    """The settings, the quarter cut on a day on which last year's quarter had not seen all of its money."""
    return book.settings.model_copy(update={"as_of": pd.Timestamp("2024-02-20").date()})


def so_far(book: Book) -> pd.DataFrame:
    people = tuple(registers.read(book.settings, name) for name in ("surveys", "tickets", "tasks"))
    return pace.so_far(quarterly.measure(book.days, cut(book).period), people, cut(book).period)


def due(book: Book) -> pd.DataFrame:
    kpis = ["net_revenue", "orders", "active_customers", "churn_rate", "orders_per_customer"]
    register = pd.DataFrame({"target_id": [f"t{i}" for i in range(len(kpis))], "strategy_id": "S1", "kpi": kpis,
                             "baseline": 1.0, "target": [9000.0, 80.0, 40.0, 0.4, 2.0], "owner": "", "provenance": "actual",
                             "due_date": pd.Timestamp("2024-03-31")})  # fmt: skip
    return pace.targets(register, book.days, so_far(book), cut(book))


def of_weeks(book: Book) -> pd.DataFrame:
    shown = pd.DataFrame(
        [(w.start, (w.end - w.start).days + 1) for w in book.period.weeks], columns=["start_date", "days"]
    )
    watched = pd.concat([shown.assign(kpi=kpi) for kpi in ("net_revenue", "orders", "csat")], ignore_index=True)
    watched["start_date"] = pd.to_datetime(watched["start_date"])
    aims = pd.DataFrame({"kpi": ["net_revenue", "orders", "csat"], "target": [9000.0, 80.0, 0.9]})
    return pace.of_weeks(watched.assign(phase="quarter", pace=float("nan")), aims, book.days, weeks.whole(book.period))


def planned(book: Book) -> Any:
    listed = book.tiered.mutate(due_date=book.tiered.last_order_date, completion_status=book.tiered.state)
    return execution.planned(listed, book.period)


CASES: dict[str, Callable[[Book], Any]] = {
    "kpis so far": so_far,
    "orders and buyers": lambda b: quarterly.bought(quarterly.customer_quarters(b.days, b.period)),
    "targets by now": due,
    "pace of weeks": of_weeks,
    "actions done": planned,
    "money spent": lambda b: execution.spending(pd.DataFrame({"cost_minor": [50_000, 1]}), b.costs, b.period),
    "treated so far": lambda b: reach.treated(DESIGNS, b.assignments, b.days, b.period),
}
