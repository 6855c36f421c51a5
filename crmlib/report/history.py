"""A KPI over the quarters, from the stored tables of one quarter or of all quarters of a book."""

import pandas as pd
from markupsafe import Markup

from crmlib import schema
from crmlib.io.store import Store
from crmlib.params import Book
from crmlib.report import lines
from crmlib.report.text import text
from crmlib.views import style


def frame(store: Store, name: str) -> pd.DataFrame:
    """A stored table, or an empty frame when it is not there."""
    return store.frame(name) if name in schema.TABLES and store.has(name) else pd.DataFrame()


def whole(store: Store) -> pd.DataFrame:
    """The KPIs of all customers by quarter, as this quarter's run counts them."""
    kpis = frame(store, "kpis")
    return kpis if kpis.empty else kpis[kpis["tier"] == "all"]


def partial(store: Store) -> frozenset[str]:
    """The quarters that the data cover only in part."""
    coverage = frame(store, "period_coverage")
    return frozenset() if coverage.empty else frozenset(coverage.loc[coverage["is_partial_quarter"], "period"])


def spots(kpis: pd.DataFrame, kpi: str, parts: frozenset[str], book: Book, lang: str) -> list[lines.Spot]:
    """The known values of a KPI in the order of the quarters."""
    rows = kpis[(kpis["kpi"] == kpi) & kpis["kpi_value"].notna()].sort_values("period")
    return [_spot(row, parts, book, lang) for _, row in rows.iterrows()]


def _spot(row: pd.Series, parts: frozenset[str], book: Book, lang: str) -> lines.Spot:
    words = value(row["kpi_value"], row["kpi_unit"], book, lang)
    return lines.Spot(row["period"], row["kpi_value"], words, row["low"], row["high"], row["period"] in parts)


def value(amount: float, unit: str, book: Book, lang: str) -> str:
    """A KPI's value as a reader sees it."""
    if unit == "money":
        return style.money(amount, book, lang)
    return style.percent(amount, lang) if unit in ("rate", "ratio") else style.number(amount, lang)


def spark(found: list[lines.Spot], kpi: str, lang: str) -> Markup:
    return lines.spark(found, alt(found, kpi, lang))


def alt(found: list[lines.Spot], kpi: str, lang: str) -> str:
    """What a reader who cannot see the line is told: each value with its quarter."""
    told = [text("spark_point", lang, value=spot.words, period=spot.period) for spot in found if not spot.is_partial]
    return text("spark", lang, label=schema.word(kpi, lang), points=text("and", lang).join(told))
