"""All quarters of a book on one page: how the KPIs moved, and where each quarter's report, workbook and weeks are."""

import functools
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from crmlib import schema
from crmlib.errors import InputError
from crmlib.io.store import Store
from crmlib.periods import Period
from crmlib.report import elsewhere, font, history, html, lines
from crmlib.report.summary import KPIS
from crmlib.report.text import text
from crmlib.views import lettering, style, tables

_FONTS_HERE = "/* fonts */"


@dataclass(frozen=True)
class Trend:
    """A KPI over the quarters: `cells` holds its value for each quarter shown, as a reader sees it."""

    label: str
    drawn: Markup
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Quarter:
    """A quarter that was run: its main finding, and links as label and place."""

    period: str
    days: str
    finding: str
    links: tuple[tuple[str, str], ...]


def build(store: Store, lang: str) -> str:
    """The overview in one language; the same stored quarters and files give the same page, byte for byte."""
    book, there = store.settings.book, _stored(store)
    kpis, parts = _kpis(there), frozenset().union(*(history.partial(quarter) for quarter in there))
    shown = sorted(kpis["period"].unique()) if len(kpis) else []
    page = (
        html.environment()
        .get_template("index.html.j2")
        .render(
            t=functools.partial(text, lang=lang),
            html_lang={"en": "en", "zh": "zh-CN"}[lang],
            css=html.css() + html.stylesheet("index.css"),
            families=Markup(", ").join(Markup('"{}"').format(name) for name in lettering.FONTS),
            book=tables.book_name(book, lang),
            notice=tables.book_notice(book, lang),
            title=_title(shown, lang),
            last=shown[-1] if shown else "",
            periods=[f"{period}*" if period in parts else period for period in shown],
            trends=[_trend(kpis, kpi, parts, shown, store, lang) for kpi in _known(kpis)],
            quarters=[_quarter(quarter, lang) for quarter in reversed(there)],
            elsewhere=elsewhere.line(_other(store, lang), lang),
        )
    )
    return page.replace(_FONTS_HERE, font.faces(page + elsewhere.LABELS), 1)


def _stored(store: Store) -> list[Store]:
    """The book's quarters that have results, in their order."""
    found = []
    for folder in store.folder.parent.iterdir() if store.folder.parent.is_dir() else ():
        period = _period(folder)
        if period and (any(folder.glob("tables/*.parquet")) or any(folder.glob("*.html"))):
            found.append(period)
    return [store.at(period) for period in sorted(found)]


def _period(folder: Path) -> Period | None:
    try:
        return Period.parse(folder.name)
    except InputError:
        return None


def _kpis(there: list[Store]) -> pd.DataFrame:
    """Each KPI and quarter as the latest run that has it counts it: one way of counting over the whole line."""
    frames = [frame for quarter in reversed(there) if len(frame := history.whole(quarter))]
    if not frames:
        return pd.DataFrame(columns=["kpi", "period"])
    return pd.concat(frames, ignore_index=True).drop_duplicates(["kpi", "period"])


def _known(kpis: pd.DataFrame) -> list[str]:
    """The five of the first screen, then the others that have a value, in the order of the run."""
    have = list(dict.fromkeys(kpis.loc[kpis["kpi_value"].notna(), "kpi"])) if len(kpis) else []
    return [kpi for kpi in KPIS if kpi in have] + [kpi for kpi in have if kpi not in KPIS]


def _title(shown: list[str], lang: str) -> str:
    if not shown:
        return text("all_quarters", lang)
    return text("index_title" if len(shown) > 1 else "one_quarter", lang, first=shown[0], last=shown[-1])


def _trend(kpis: pd.DataFrame, kpi: str, parts: frozenset[str], shown: list[str], store: Store, lang: str) -> Trend:
    found = history.spots(kpis, kpi, parts, store.settings.book, lang)
    drawn = lines.trend(found, history.alt(found, kpi, lang)) if kpi in KPIS else Markup()
    values = {spot.period: spot.words for spot in found}
    return Trend(schema.word(kpi, lang), drawn, tuple(values.get(period, "–") for period in shown))


def _quarter(store: Store, lang: str) -> Quarter:
    period = Period.parse(store.folder.name)
    findings = history.frame(store, "findings")
    first = "" if findings.empty else str(findings.sort_values("rank")[f"text_{lang}"].iloc[0])
    days = text("days", lang, start=style.day(period.start, lang), end=style.day(period.as_of, lang))
    return Quarter(str(period), days, style.legible(first), tuple(_links(store.folder, lang)))


def _links(folder: Path, lang: str) -> list[tuple[str, str]]:
    """What stands in a quarter's folder in this language, as label and place."""
    book, links = elsewhere.workbook(folder, lang), []
    for label, name in (("as_report", elsewhere.report(lang)), ("as_pdf", elsewhere.pdf(lang)), ("as_workbook", book)):
        if name and (folder / name).is_file():
            links.append((text(label, lang), f"{folder.name}/{name}"))
    weeks = sorted(file.name for file in folder.glob("weekly_*.html") if _is_of(file.name, lang))
    return links + [(text("week_page", lang, week=_week(name)), f"{folder.name}/{name}") for name in weeks]


def _is_of(name: str, lang: str) -> bool:
    return not name.endswith(f".{elsewhere.other(lang)}.html")


def _week(name: str) -> str:
    found = re.search(r"weekly_(\d{4}-W\d\d)", name)
    return found[1] if found else name


def _other(store: Store, lang: str) -> dict[str, str]:
    twin = elsewhere.index(elsewhere.other(lang))
    return {text("other_language", lang): twin} if (store.folder.parent / twin).is_file() else {}
