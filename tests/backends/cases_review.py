"""Functions of step 5, the KPIs, the hold-out and the plan by customer, each as a call on a book."""

from collections.abc import Callable
from datetime import date
from typing import Any

import ibis
import pandas as pd
from random_book import Book

from crmlib.kpi import quarterly, reach, weekly, weeks, win_back, windows
from crmlib.kpi.windows import Span
from crmlib.params import Strategy
from crmlib.review import campaigns, churn_reasons, effect, effect_review, hand_picked
from crmlib.segment import expectation, tiers
from crmlib.strategy import campaign_base, holdout, incentives, priced

SPAN = Span(date(2024, 1, 15), date(2024, 2, 11))
SHARES = {"high": 0.5, "general": 0.2, "risk": 1.0}
LOG = pd.DataFrame({"customer_id": [f"C{i:03d}" for i in range(0, 40, 3)], "provenance": "actual",
                    "contacted_on": pd.to_datetime([f"2024-0{1 + i % 3}-{1 + i:02d}" for i in range(14)])})  # fmt: skip
RUNS = pd.DataFrame({"campaign_id": ["k1", "k2", "k3"], "start_date": pd.to_datetime(["2024-01-15", "2024-02-01", "2024-03-20"]),
                     "end_date": pd.to_datetime(["2024-02-11", "2024-02-29", "2024-04-20"])})  # fmt: skip
ACTIONS = pd.DataFrame({"action_id": ["call", "mail", "call"], "tier": ["high", "high", "risk"], "department": "Sales",
                        "unit_cost": [4.0, 1.0, 2.0], "unit_hours": 0.5, "unit_value": [9.0, 3.0, 5.5], "cover_share": [0, 0.1, 0]})  # fmt: skip


def calendar(book: Book) -> pd.DataFrame:
    return weeks.calendar(book.period, book.settings.strategy, date(2022, 3, 1), date(2024, 4, 20))


def cases(book: Book, kpi: str = "window_net_revenue") -> Any:
    one = book.assignments.filter(book.assignments.campaign_id == "k1")
    expected = expectation._at_pace(book.days, date(2024, 1, 14), 28) if kpi == "window_net_revenue" else None
    return campaigns.cases(one, book.days, SPAN, kpi, expected)


def tracking(book: Book) -> Any:
    about = {"strategy_id": "S1", "customer_name": "", "strategy_type": "keep", "strategy_type_zh": "", "expected": "",
             "expected_zh": "", "plan_window": "2024-01-01 / 2024-02-01", "period": str(book.period)}  # fmt: skip
    return book.tiered.select("customer_id", **{name: ibis.literal(text) for name, text in about.items()})


def written(book: Book) -> pd.DataFrame:
    columns = ["customer_id", "strategy_id", "gap_reason", "improvement", "period"]
    rows = [["C001", "S1", "too late", "", str(book.period)], ["Nobody", "S1", "", "call", str(book.period)]]
    return pd.DataFrame(rows, columns=columns)


def sheet(book: Book) -> Any:
    judged = effect_review.assessments(pd.DataFrame({"strategy_id": ["S1"]}), None)
    known = effect_review.Known(pd.DataFrame(), judged, written(book))
    return effect_review.sheet(tracking(book), book.days, known, book.settings)


def planned(book: Book) -> pd.DataFrame:
    """Two campaigns with a hold-out that ended, and one whose list was edited."""
    plans = [
        campaigns.Frozen("k1", "window_net_revenue", SPAN, 500.0, 100.0),
        campaigns.Frozen("k2", "window_repurchase_rate", SPAN, 0.1, 0.02),
        campaigns.Frozen("k3", "window_orders", SPAN, 0.5, 0.1, "store", ("list_edited",)),
    ]
    return campaigns.measured(plans, book.assignments, book.days, expectation.after, book.settings)


def picked(book: Book) -> Any:
    ran = pd.DataFrame(
        {"campaign_id": ["k1"], "campaign_kind": ["mail"], "start_date": [SPAN.start], "end_date": [SPAN.end]}
    )
    ran = ran.astype({"start_date": "datetime64[us]", "end_date": "datetime64[us]"})
    past = hand_picked.Past(book.days, book.customers, tiers.at, expectation.after)
    return hand_picked.measured(ran, book.campaign_targets, past, book.settings)


def drawn(book: Book) -> Any:
    able = holdout.eligible(book.tiered, book.file, ["high", "general", "risk"])
    return holdout.drawn(able, "K-1 春", SHARES)


def one_by_one(book: Book) -> Strategy:
    """A plan customer by customer, with less money and time than all would take."""
    rules = book.settings.strategy
    allocation = rules.allocation.model_copy(update={"level": "customer"})
    return rules.model_copy(update={"budget": 40.0, "department_hours": {"Sales": 9.0}, "allocation": allocation})


def chosen(book: Book) -> priced.Choice:
    rules = one_by_one(book)
    return priced.solve(priced.customers(book.alerted, rules), ACTIONS, rules)


CASES: dict[str, Callable[[Book], Any]] = {
    "lapsed": lambda b: churn_reasons.lapsed(b.tiered, b.surveys),
    "kpis": lambda b: quarterly.measure(b.days, b.period),
    "kpis by tier": lambda b: quarterly.by_tier(b.days, b.at_start, b.period),
    "weekly calendar": lambda b: weekly.calendar(b.days, b.period, b.settings.strategy),
    "weekly counts": lambda b: weekly._counts(b.days, b.period, 4),
    "weekly": lambda b: weekly.purchases(b.days, calendar(b), b.period, b.settings.strategy),
    "win-back": lambda b: win_back.measure(b.days, b.at_start, LOG, [b.period.previous, b.period]),
    "progress": lambda b: reach.progress(b.campaigns, b.campaign_targets, b.redemptions, b.period),
    "response": lambda b: reach.response(calendar(b), b.campaigns, b.campaign_targets, b.redemptions),
    "outcomes": lambda b: windows.outcomes(b.tiered.select("customer_id"), b.days, SPAN),
    "cases of money": cases,
    "cases of a rate": lambda b: cases(b, "window_repurchase_rate"),
    "cases of orders": lambda b: cases(b, "window_orders"),
    "campaigns measured": planned,
    "moments": lambda b: campaigns.moments(cases(b)),
    "sums": lambda b: campaigns.sums(cases(b)),
    "before and after": lambda b: effect.before_after(b.days, b.campaigns, b.campaign_targets, b.period),
    "review sheet": sheet,
    "review counts": lambda b: effect_review.counts(sheet(b)),
    "review of strangers": lambda b: effect_review.strangers(written(b), sheet(b), b.period),
    "without a hold-out": lambda b: hand_picked.without(b.campaigns, pd.DataFrame({"campaign_id": ["k1"]})),
    "hand-picked": picked,
    "eligible": lambda b: holdout.eligible(b.tiered, b.file, ["high", "risk"], "region"),
    "drawn": drawn,
    "moved": lambda b: holdout.moved(b.assignments, {"k1": SHARES, "k3": SHARES}),
    "arm sizes": lambda b: holdout.sizes(b.assignments),
    "balance of arms": lambda b: holdout.balance(b.assignments, b.tiered),
    "overlaps": lambda b: holdout.overlaps(b.assignments, RUNS),
    "treated twice": lambda b: holdout.treated_twice(b.assignments, RUNS),
    "campaign base": lambda b: campaign_base.by_tier(b.tiered, b.days, SPAN, "window_net_revenue"),
    "alike within stores": lambda b: campaign_base.icc(
        b.assignments.filter(b.assignments.campaign_id == "k3"), b.days, SPAN, "window_net_revenue"),
    "customers to plan for": lambda b: priced.customers(b.alerted, one_by_one(b)),
    "customers chosen": lambda b: priced.table(chosen(b), b.settings.book),
    "plan by customer": lambda b: chosen(b).totals,
    "incentive spend": lambda b: incentives.spend(b.tiered, b.days, b.period),
}  # fmt: skip
