"""Executed notebooks and stored results as one page that needs nothing else: no script, no request, no code shown."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from bs4 import BeautifulSoup
from markupsafe import Markup

from crmlib import schema
from crmlib.io.store import Store
from crmlib.report import cards, chapters, elsewhere, font, sections, summary, threads
from crmlib.report.history import frame
from crmlib.report.text import glossary, methods, quarter, text
from crmlib.views import lettering, narrative_quality, narrative_segment, style, tables

_TEMPLATES = Path(__file__).parent / "templates"
_FONTS_HERE = "/* fonts */"
_WORTH_SAYING = 0.01  # share of the order rows


def build(store: Store, notebooks: list[Path], lang: str, facts: Mapping[str, str] | None = None) -> str:
    """The page of one quarter. `facts` (say, hashes of the inputs) are listed in the appendix.

    The same stored results and notebooks give the same page, byte for byte.
    """
    told = threads.link(sections.read(notebooks, lang, functools.partial(_laid_out, store)))
    book, period = store.settings.book, store.settings.period
    page = (
        environment()
        .get_template("page.html.j2")
        .render(
            t=functools.partial(text, lang=lang),
            html_lang={"en": "en", "zh": "zh-CN"}[lang],
            css=css(),
            families=Markup(", ").join(Markup('"{}"').format(name) for name in lettering.FONTS),
            book=tables.book_name(book, lang),
            elsewhere=elsewhere.line({}, lang),
            caveats=_caveats(store, lang),
            quality=_quality(store, told, lang),
            quarter=quarter(period, lang),
            title=text("title", lang, quarter=quarter(period, lang)),
            days=text("days", lang, start=style.day(period.start, lang), end=style.day(period.as_of, lang)),
            data=_data_as_of(store, lang),
            summary=summary.read(store, told, lang),
            sections=told,
            glossary=glossary(lang),
            definitions=_definitions(store, lang),
            methods=methods(lang),
            facts={**_facts(store, lang), **(facts or {})},
        )
    )
    return page.replace(_FONTS_HERE, font.faces(page + elsewhere.LABELS), 1)


def _laid_out(store: Store, soup: BeautifulSoup, lang: str) -> None:
    cards.place(soup, store, lang)
    chapters.arrange(soup, lang, summary.evidence(store))


def css() -> Markup:
    return stylesheet("page.css") + tables.css()


def stylesheet(name: str) -> Markup:
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))  # noqa: S704 - our own files


def _data_as_of(store: Store, lang: str) -> str:
    history = frame(store, "data_history")
    if history.empty:
        return text("no_data", lang)
    return text("data", lang, day=style.day(history["last_order_date"].iloc[0], lang))


def _caveats(store: Store, lang: str) -> str:
    """What to keep in mind about the data, in one line."""
    said = [
        tables.book_notice(store.settings.book, lang),
        _window(store, lang),
        _aside(store, lang),
        _single_orders(store, lang),
        _large(store, lang),
        _returns_alone(store, lang),
        _misfit(store, lang),
    ]
    return ("" if lang == "zh" else " ").join(part for part in said if part)


def _quality(store: Store, told: list[sections.Section], lang: str) -> tuple[str, str]:
    """The data's quality in a sentence, and where the page shows why."""
    rows = frame(store, "data_quality")
    rows = rows if rows.empty else rows[rows["source"] == "all"]
    if rows.empty:
        return "", ""
    score = style.points(rows["quality_score"].iloc[0], lang)
    return text("quality", lang, score=score), summary.where("quality_scores", "collect", told)[0]


def _definitions(store: Store, lang: str) -> list[tuple[str, str]]:
    """Each KPI and what it exactly is, as the run that computed it wrote it down."""
    rows = frame(store, "kpi_definitions")
    local = rows if rows.empty else tables.in_language(rows, lang)
    return [(schema.word(row.kpi, lang), _definition(row, lang)) for row in local.itertuples()]


def _definition(row: Any, lang: str) -> str:
    above, below = row.numerator_text, row.denominator_text
    what = text("ratio", lang, above=above, below=below) if below else above
    return text("definition", lang, above=what, window=row.window_text, source=row.source_text)


def _window(store: Store, lang: str) -> str:
    """That the 12-month window is truncated, where it is."""
    history = frame(store, "data_history")
    months = 12 if history.empty else int(history["window_months"].iloc[0])
    return text("window", lang, months=months) if months < 12 else ""


def _aside(store: Store, lang: str) -> str:
    """How much of the orders is in no figure because it was set aside, where that is more than a trifle."""
    stages = frame(store, "waterfall")
    if stages.empty:
        return ""
    total = stages.groupby("stage")[["rows", "net_minor"]].sum().reindex(["raw", "quarantined"]).fillna(0)
    share = total["rows"]["quarantined"] / max(total["rows"]["raw"], 1)
    if share < _WORTH_SAYING:
        return ""
    money = style.money(total["net_minor"]["quarantined"], store.settings.book, lang)
    return text("aside", lang, share=style.percent(share, lang), money=money)


def _single_orders(store: Store, lang: str) -> str:
    """That no customer id comes back."""
    history = frame(store, "data_history")
    if not {"orders", "buyers"} <= set(history.columns) or history.empty:  # results of an earlier version lack them
        return ""
    said = narrative_quality.single_orders(history, store.settings.review.min_rate_n, lang)
    return said.text if said else ""


def _large(store: Store, lang: str) -> str:
    """That one order line or customer is much of the quarter's sales."""
    parts = frame(store, "large_parts")
    return "" if parts.empty else narrative_quality.large_parts(parts, lang).text


def _returns_alone(store: Store, lang: str) -> str:
    """That returns take money off that no sale ever brought."""
    rules = frame(store, "consistency")
    found = rules if rules.empty else rules[rules["rule"] == "returns_alone"]
    if found.empty:
        return ""
    money = style.money(-found["net_minor"].sum(), store.settings.book, lang)
    return text("returns_alone", lang, rows=style.number(found["rows"].sum(), lang), money=money)


def _misfit(store: Store, lang: str) -> str:
    """That the scores tell the customers apart too little."""
    sizes, ends = frame(store, "tier_sizes"), frame(store, "score_ends")
    if sizes.empty:
        return ""
    settings = store.settings
    said = narrative_segment.misfit(sizes, ends, str(settings.file), lang, settings.privacy.min_cell)
    return said.text if said else ""


def _facts(store: Store, lang: str) -> dict[str, str]:
    settings = store.settings
    anchors = settings.segment.anchors
    basis = anchors.basis_zh if lang == "zh" else anchors.basis_en
    frozen = text("frozen", lang, version=anchors.version, day=style.day(anchors.frozen_on, lang), basis=basis)
    found = {
        text("book", lang): f"{tables.book_name(settings.book, lang)} ({settings.book_id})",
        text("period", lang): str(settings.period),
        text("as_of", lang): str(settings.period.as_of),
        text("currency", lang): settings.book.currency,
        text("anchors", lang): frozen,
        text("seed", lang): str(settings.seed),
        text("notice", lang): tables.book_notice(settings.book, lang),
    }
    return {term: style.legible(value) for term, value in found.items() if value}


@functools.cache
def environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
