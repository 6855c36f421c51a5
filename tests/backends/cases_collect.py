"""Functions of step 1, each as a call on a book."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pandas as pd
from random_book import Book

from crmlib.collect import (
    concentration,
    consistency,
    coverage,
    day_pieces,
    drift,
    feedback,
    inventory,
    matching,
    purchase_days,
    quality,
    waterfall,
)

EVENTS = ("interactions", "tickets", "costs", "redemptions")


def sources(book: Book) -> dict[str, Any]:
    names = ("customers", "products", "campaigns", "campaign_targets", "surveys", *EVENTS)
    return {"orders": book.lines, **{name: book.tables[name] for name in names}}


def intake(book: Book) -> pd.DataFrame:
    columns = ["rows", "accepted", "quarantined", "repeated", "net_minor_rows", "net_minor_repeated"]
    return pd.DataFrame([["orders", "a.csv", 900, 860, 24, 3, 123_456, 0]], columns=["source", "file", *columns])


def counts(book: Book) -> pd.DataFrame:
    fields = ["customer_id", "product_id", "quantity", "net_amount"]
    return pd.DataFrame({"source": "orders", "field": fields, "rows": 500, "filled": 480, "unreadable": 1})


def sums(book: Book) -> Any:
    return waterfall.by_customer(book.lines, book.period)


def contacts(book: Book) -> Any:
    return book.customers.select("customer_id", "customer_name", "contact_phone")


def ledger(book: Book) -> pd.DataFrame:
    settings = book.settings
    orders = settings.sources.orders.model_copy(update={"ledger_total": 9_000.5})
    changed = settings.model_copy(update={"sources": settings.sources.model_copy(update={"orders": orders})})
    return waterfall.ledger(book.lines, book.quarantine, intake(book), changed)


def inventory_of(book: Book) -> Any:
    return inventory.inventory(book.file, book.days, book.period, 365)


def settled(lines: Any, period: Any) -> Any:
    own = day_pieces.sums(lines, period)
    return day_pieces.credited(own, day_pieces.returned(lines, own, period))


def in_pieces(book: Book) -> Any:
    """The order lines cut in two at New Year, and brought together again."""
    cut, found = date(2024, 1, 1), []
    for side, first, last in [
        (book.lines.order_date < cut, date.min, date(2023, 12, 31)),
        (book.lines.order_date >= cut, cut, date.max),
    ]:
        lines = book.lines.filter(side)
        tables = day_pieces.reckoned(lines, settled(lines, book.period), book.period)
        found.append(day_pieces.Piece(**tables, first=first, last=last))
    again = day_pieces.crossing(found)
    lines = day_pieces.of(book.lines, again)
    made = day_pieces.reckoned(lines, settled(lines, book.period), book.period)
    return day_pieces.together(found[0].days.union(found[1].days), again, made)["days"]


CASES: dict[str, Callable[[Book], Any]] = {
    "orders": lambda b: purchase_days.orders(b.lines, b.period),
    "orders without classes": lambda b: purchase_days.orders(b.lines.drop("row_class", "original_order_id"), b.period),
    "purchase days": lambda b: purchase_days.build(b.orders),
    "purchase days in pieces": in_pieces,
    "categories": lambda b: purchase_days.categories(b.lines, b.products, b.period),
    "category days": lambda b: purchase_days.category_days(b.lines, b.products, b.period),
    "sums by customer": sums,
    "waterfall": lambda b: waterfall.waterfall(sums(b), b.quarantine, intake(b), b.days),
    "examples": lambda b: waterfall.examples(b.quarantine),
    "row classes": lambda b: waterfall.row_classes(b.lines, b.quarantine),
    "fields": lambda b: quality.fields(counts(b), {"orders": b.lines}),
    "empty cells": lambda b: quality.empty_cells(
        {"orders": b.lines}, consistency.customer_spend(sums(b)), quality.fields(counts(b), {"orders": b.lines})),
    "set aside": lambda b: quality.set_aside(b.quarantine),
    "history": lambda b: quality.history(b.days, b.period),
    "rules": lambda b: consistency.rules(
        coverage.seen(sources(b), b.period), consistency.customer_spend(sums(b)), b.period),
    "days": lambda b: coverage.days(sources(b), b.period),
    "later": lambda b: coverage.later(sources(b), b.period),
    "stores": lambda b: coverage.stores(b.lines, b.period),
    "drift": lambda b: drift.quarterly(b.lines),
    "large parts": lambda b: concentration.large(b.lines, b.days, b.period),
    "customer file": lambda b: inventory.customers(b.customers.union(b.customers), b.days, contacts(b)),
    "customers of the quarter": lambda b: inventory.present(sources(b) | {"customers": b.customers}, b.days, b.period),
    "inventory": inventory_of,
    "contact states": lambda b: inventory.contact_states(inventory_of(b)),
    "stale contacts": lambda b: inventory.stale_contacts(inventory_of(b), b.period),
    "campaigns": lambda b: inventory.campaigns(sources(b)),
    "feedback profile": lambda b: feedback.profile(b.surveys.select("customer_id"), b.days, b.tiered, b.file, b.period),
    "feedback sources": lambda b: feedback.sources({"interactions": b.interactions}),
    "ledger": ledger,
    "mapped source": lambda b: feedback.mapped(b.surveys.order_by("customer_id", "survey_date", "csat")),
    "identifying": lambda b: matching.identifying(contacts(b), b.file),
    "matching": lambda b: matching.proposals(matching.normalised(b.customers), inventory_of(b)),
}  # fmt: skip
