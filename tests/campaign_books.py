"""Books with one campaign, for tests: who was drawn, who bought in the windows, and the review of what was measured."""

from dataclasses import dataclass
from datetime import date, timedelta

import books
import ibis
import ibis.expr.types as ir
import pandas as pd
import pytest

from crmlib.kpi.windows import Span
from crmlib.params import Settings
from crmlib.review import grades, hand_picked
from crmlib.review.campaigns import Frozen
from crmlib.strategy import campaigns as plans

RATE, MONEY, ORDERS = "window_repurchase_rate", "window_net_revenue", "window_orders"
DURING = Span(date(2023, 10, 2), date(2023, 11, 26))  # 8 weeks; the 8 before start on 7 August
BEFORE = DURING.before
NO_BREACH = pd.DataFrame({"campaign_id": pd.Series(dtype="str"), "breach": pd.Series(dtype="str")})
NOTHING = plans.frame([])


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return books.load(tmp_path_factory.mktemp("book"))  # 2023Q4


@dataclass(frozen=True)
class Expected:
    customers: ir.Table
    basis: str = "btyd"


def alike(days: ir.Table, _day: date, _days: int) -> Expected:
    """Everybody is expected to order once and spend 10, which takes nothing out of an effect."""
    return Expected(days.select("customer_id").distinct().mutate(expected_minor=10.0, expected_orders=1.0))


def shop(*rows: tuple[str, date, int, int]) -> ir.Table:
    """Purchase days: customer, day, orders, money. Someone buys early and late, so that the data cover the windows."""
    always = [("till", date(2023, 1, 1), 1, 1), ("till", date(2023, 12, 31), 1, 1)]
    frame = pd.DataFrame([*always, *rows], columns=["customer_id", "order_date", "orders", "net_minor"])
    return ibis.memtable(frame.assign(order_date=pd.to_datetime(frame["order_date"]))).mutate(
        order_date=ibis._.order_date.cast("date")
    )


def members(arms: dict[str, str], tier: str | dict[str, str] = "high", unit: dict[str, str] | None = None) -> ir.Table:
    rows = [
        ("CP1", name, tier if isinstance(tier, str) else tier[name], arm, (unit or {}).get(name, ""))
        for name, arm in arms.items()
    ]
    names = ("campaign_id", "customer_id", "tier", "arm", "drawn_unit")
    return ibis.memtable(pd.DataFrame(rows, columns=names).astype("object"), schema=dict.fromkeys(names, "string"))


def planned(kpi: str = RATE, target: float = 0.15, **changes: object) -> Frozen:
    return Frozen("CP1", kpi, DURING, target, target / 2, **changes)  # type: ignore[arg-type]


def names(arm: str, n: int) -> list[str]:
    return [f"{arm}{i}" for i in range(n)]


def halves(n: int) -> dict[str, str]:
    return {**dict.fromkeys(names("t", n), "treated"), **dict.fromkeys(names("c", n), "hold_out")}


def bought(customers: list[str], day: date, money: int | list[int] = 100) -> list[tuple[str, date, int, int]]:
    sums = money if isinstance(money, list) else [money] * len(customers)
    return [(name, day, 1, paid) for name, paid in zip(customers, sums, strict=True)]


def review(found: pd.DataFrame, book: Settings, picked: pd.DataFrame | None = None) -> pd.DataFrame:
    """As the notebook does, with a design row per campaign."""
    rows = [
        {"campaign_id": name, "tier": "all", "campaign": "Spring", "kpi": RATE, "kpi_unit": "rate", "provenance": "actual",
         "strategy_id": "ST1", "start_date": pd.Timestamp(DURING.start), "end_date": pd.Timestamp(DURING.end)}
        for name in dict.fromkeys(found["campaign_id"] if len(found) else [])
    ]  # fmt: skip
    return grades.reviews(found, pd.DataFrame() if picked is None else picked, plans.frame(rows), NO_BREACH, book)


def golden(hits: int = 75, hits_c: int = 60) -> ir.Table:
    """Of 100 treated and 100 held out so many order in the window; 50 of either did in the window before."""
    return shop(
        *bought(names("t", hits), DURING.start),
        *bought(names("c", hits_c), DURING.end),
        *bought(names("t", 50) + names("c", 50), BEFORE.start),
        *bought(names("t", 100), DURING.end + timedelta(days=1)),
        ("t99", DURING.start, 0, -50),  # a return is no order
    )


def review_of(row: pd.Series) -> pd.DataFrame:
    return pd.DataFrame([row.to_dict()])


def one_tier(days: ir.Table, _known: ir.Table, _period: object, _settings: Settings) -> ir.Table:
    return days.select("customer_id").distinct().mutate(tier=ibis.literal("high"), state=ibis.literal("active"))


def past(days: ir.Table) -> hand_picked.Past:
    return hand_picked.Past(days, days, one_tier, alike)
