"""Books seen week by week, for tests: purchases by hand, their KPIs of each week, and three tasks."""

from datetime import date, timedelta

import ibis
import pandas as pd
import pyarrow as pa

from crmlib import params
from crmlib.kpi import weekly
from crmlib.params import Strategy, Weekly
from crmlib.periods import Period

Q4 = Period(2017, 4)
PLAIN = Strategy(budget=0)
HOLIDAYS = Strategy(budget=0, weekly=Weekly(holidays=("thanksgiving", "christmas")))
BOOK = params.Book(name_en="Shop", name_zh="店", currency="USD")


def days_of(rows: list[tuple[str, date, int, int]]) -> ibis.Table:
    """`purchase_days` from customer, day, orders, cents."""
    names = ("customer_id", "order_date", "orders", "net_minor")
    types = (pa.string(), pa.date32(), pa.int64(), pa.int64())
    columns = list(zip(*rows, strict=True)) or [[], [], [], []]
    return ibis.memtable(pa.table([pa.array(c, t) for c, t in zip(columns, types, strict=True)], names=list(names)))


def steady(first: date, last: date, amounts: tuple[int, ...] = (10_000, 11_000)) -> list[tuple[str, date, int, int]]:
    """One customer who buys once a Monday, for the amounts in turn."""
    mondays = [first + timedelta(days=7 * i) for i in range((last - first).days // 7 + 1)]
    return [("A", day, 1, amounts[i % len(amounts)]) for i, day in enumerate(mondays)]


def measured(rows: list[tuple[str, date, int, int]], period: Period = Q4, strategy: Strategy = PLAIN) -> pd.DataFrame:
    days = days_of(rows)
    return weekly.purchases(days, weekly.calendar(days, period, strategy), period, strategy)


def of(found: pd.DataFrame, kpi: str) -> pd.DataFrame:
    return found[found["kpi"] == kpi].set_index("week")


def tasks_table() -> pd.DataFrame:
    return pd.DataFrame({"task_id": ["T1", "T2", "T3"], "owner": ["Li", "Li", "Wu"], "is_due": [True, True, False],
                         "is_on_time": [True, False, False], "is_late": [False, True, True], "slippage_days": [0, 9, 30],
                         "status": ["done", "partial", "open"], "provenance": "actual",
                         "due_date": pd.to_datetime(["2017-11-01", "2017-11-03", "2017-09-13"]), "task": "t",
                         "task_zh": "任务"})  # fmt: skip
