"""The first screen: five numbers, the findings and the decisions, from stored tables."""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
from markupsafe import Markup

from crmlib import schema
from crmlib.io.store import Store
from crmlib.params import Book, Review
from crmlib.periods import Period
from crmlib.report import history, threads
from crmlib.report.history import frame
from crmlib.report.sections import Section
from crmlib.report.text import quarter, text
from crmlib.views import style

# Revenue is the product of the next three: together they say where a change came from.
KPIS = ("net_revenue", "active_customers", "orders_per_customer", "average_ticket", "retention_rate")
_COUNTED = KPIS[:2]  # facts about all customers, not estimates
_SHOWN = 3
_TRIFLE = 0.005  # a change too small to colour


@dataclass(frozen=True)
class Number:
    """One KPI: `tone` is up, down, flat (within the sampling error) or none (nothing to compare, or too few cases)."""

    label: str
    value: str
    change: str
    tone: str
    note: str = ""
    spark: Markup = field(default_factory=Markup)


@dataclass(frozen=True)
class Point:
    """A finding or a decision, with the place in the page that shows why."""

    text: Markup
    href: str
    section: str
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Summary:
    numbers: tuple[Number, ...]
    notes: tuple[str, ...]
    findings: tuple[Point, ...]
    decisions: tuple[Point, ...]


def read(store: Store, sections: list[Section], lang: str) -> Summary:
    """What the stored tables `kpis`, `findings` and `decisions` say; an absent one gives an empty part."""
    numbers, notes = _numbers(store, lang)
    findings, decisions = (_points(store, name, sections, lang) for name in ("findings", "decisions"))
    return Summary(numbers, notes, findings, decisions)


def evidence(store: Store) -> frozenset[str]:
    """The names of the figures and tables that the findings and decisions point to."""
    rows = [frame(store, name) for name in ("findings", "decisions")]
    return frozenset(str(anchor) for part in rows if len(part) for anchor in part.nsmallest(_SHOWN, "rank")["anchor"])


def _numbers(store: Store, lang: str) -> tuple[tuple[Number, ...], tuple[str, ...]]:
    kpis, period = history.whole(store), store.settings.period
    if kpis.empty or not (kpis["period"] == str(period)).any():
        return (), (text("no_kpis", lang),)
    whole = kpis.set_index(["kpi", "period"]).sort_index()
    known = [kpi for kpi in KPIS if (kpi, str(period)) in whole.index]
    partial, parts = _partial(store, lang), history.partial(store)
    numbers = tuple(
        replace(
            _number(whole, kpi, store, lang, compare=not partial),
            spark=history.spark(history.spots(kpis, kpi, parts, store.settings.book, lang), kpi, lang),
        )
        for kpi in known
    )
    had = kpis["period"].eq(str(period.previous)).any()
    compared = text("against" if had else "no_previous", lang, quarter=quarter(period.previous, lang))
    doubt = [text("chance", lang)] if any(number.tone == "flat" for number in numbers) else []
    return numbers, (text("identity", lang), *(partial or [compared, *doubt]))


def _partial(store: Store, lang: str) -> list[str]:
    """A sentence for this quarter and the one before, where the data cover only a part of it."""
    coverage, period = frame(store, "period_coverage"), store.settings.period
    if coverage.empty:
        return []
    rows = coverage[coverage["is_partial_quarter"] & coverage["period"].isin([str(period), str(period.previous)])]
    said = [
        text(
            "partial",
            lang,
            quarter=quarter(Period.parse(row["period"]), lang),
            start=style.day(row["first_order_date"], lang),
            end=style.day(row["last_order_date"], lang),
        )
        for _, row in rows.iterrows()
    ]
    return [*said, text("not_compared", lang), *_silent_end(rows, store, lang)] if said else []


def _silent_end(rows: pd.DataFrame, store: Store, lang: str) -> list[str]:
    """What it means that the orders of this quarter end before the day on which customers are measured."""
    settings = store.settings
    here = rows[(rows["period"] == str(settings.period)) & rows["partial_reason"].str.endswith("ends_early")]
    return [
        text(
            "silent_end",
            lang,
            days=style.number((settings.period.as_of - last.date()).days, lang),
            as_of=style.day(settings.period.as_of, lang),
            last=f"{last:%Y-%m-%d}",
            file=f"params/{settings.book_id}/{settings.file.name}",
        )
        for last in here["last_order_date"]
    ]


def _number(whole: pd.DataFrame, kpi: str, store: Store, lang: str, *, compare: bool) -> Number:
    period, settings = store.settings.period, store.settings
    now: Any = whole.loc[(kpi, str(period))]
    before: Any = whole.loc[(kpi, str(period.previous))] if (kpi, str(period.previous)) in whole.index else None
    label, unit = schema.word(kpi, lang), str(now["kpi_unit"])
    shown = history.value(now["kpi_value"], unit, settings.book, lang)
    if now["n"] < _enough(unit, settings.review):
        return Number(label, shown, "", "none", text("too_few", lang, n=style.number(now["n"], lang)))
    if not compare:
        return Number(label, shown, "", "none", _interval(kpi, now, "none", settings.book, lang))
    change, tone = _change(now, before, unit, lang)
    return Number(label, shown, change, tone, _interval(kpi, now, tone, settings.book, lang))


def _enough(unit: str, review: Review) -> int:
    return review.min_money_n if unit == "money" else review.min_rate_n


def _change(now: pd.Series, before: pd.Series | None, unit: str, lang: str) -> tuple[str, str]:
    """Rates differ by percentage points, everything else by per cent."""
    was = float("nan") if before is None else before["kpi_value"]
    if before is None or pd.isna(was) or pd.isna(now["kpi_value"]) or (unit != "rate" and was == 0):
        return text("new", lang), "none"
    size = now["kpi_value"] - was if unit == "rate" else now["kpi_value"] / was - 1
    shown = style.number(100 * size, lang, 1) if unit == "rate" else style.percent(size, lang)
    if round(1000 * size) == 0:
        return text("unchanged", lang), "flat"
    words = ("+" if size > 0 else "") + shown + (text("pp", lang) if unit == "rate" else "")
    if _by_chance(now, before) or abs(size) < _TRIFLE:
        return words, "flat"
    return words, "up" if size > 0 else "down"


def _by_chance(now: pd.Series, before: pd.Series) -> bool:
    """Whether the interval of the difference holds 0: Newcombe's method 10, as the scorecard reckons it."""
    gap = now["kpi_value"] - before["kpi_value"]
    low = gap - math.hypot(now["kpi_value"] - now["low"], before["high"] - before["kpi_value"])
    high = gap + math.hypot(now["high"] - now["kpi_value"], before["kpi_value"] - before["low"])
    return low <= 0 <= high


def _interval(kpi: str, now: pd.Series, tone: str, book: Book, lang: str) -> str:
    if pd.isna(now["low"]):
        return text("counted", lang) if kpi in _COUNTED else ""
    low, high = (history.value(now[end], str(now["kpi_unit"]), book, lang) for end in ("low", "high"))
    return text("unclear" if tone == "flat" else "interval", lang, low=low, high=high)


def _points(store: Store, name: str, sections: list[Section], lang: str) -> tuple[Point, ...]:
    rows = frame(store, name)
    if rows.empty:
        return ()
    return tuple(_point(row, store, sections, lang) for _, row in rows.sort_values("rank").head(_SHOWN).iterrows())


def _point(row: pd.Series, store: Store, sections: list[Section], lang: str) -> Point:
    facts = []
    if not pd.isna(row.get("amount_minor")):
        facts.append((text("amount", lang), style.money(row["amount_minor"], store.settings.book, lang)))
    if row.get("owner"):
        facts.append((text("owner", lang), style.legible(str(row["owner"]))))
    if not pd.isna(row.get("due_date")):
        facts.append((text("due", lang), style.day(row["due_date"], lang)))
    words = style.legible(str(row[f"text_{lang}"] or row["text_en"]))
    ids = {"strategy": row.get("strategy_id"), "campaign": row.get("campaign_ids")}
    return Point(
        threads.mention(words, ids, sections),
        *where(str(row.get("anchor") or ""), str(row.get("step") or ""), sections),
        tuple(facts),
    )


def where(anchor: str, step: str, sections: list[Section]) -> tuple[str, str]:
    """Where `anchor` (a section, or the name of a figure or table) stands; else the section of `step`; else nowhere."""
    for wanted in (anchor, step):
        for section in sections:
            if wanted and wanted in section.places:
                place = section.places[wanted]
                return f"#{place}", dict(section.headings).get(place, section.title)
    return "", ""
