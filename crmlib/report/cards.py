"""One card per strategy: evidence, opportunity, money, people, hold-out, target, tasks, verdict; gaps are named."""

from collections.abc import Callable

import pandas as pd
from bs4 import BeautifulSoup, Tag
from markupsafe import Markup, escape

from crmlib.io.store import Store
from crmlib.params import Book
from crmlib.report.history import frame
from crmlib.report.text import text
from crmlib.views import style, tables

NAME = "strategy_cards"
_STAGES = ("evidence", "opportunity", "spent", "when", "held_out", "aim", "tasks", "verdict")


def place(soup: BeautifulSoup, store: Store, lang: str) -> None:
    """Put the cards before the tables that hold the same, in the chapter that has them."""
    tables_here = soup.select('.crm-table[data-name="strategy_thread"]')
    rows = frame(store, "strategy_thread")
    if not tables_here or rows.empty:
        return
    made = BeautifulSoup(build(rows, _factors(store, lang), store.settings.book, lang), "html.parser")
    if isinstance(made.div, Tag):
        tables_here[0].insert_before(made.div.extract())


def build(rows: pd.DataFrame, factors: dict[str, str], book: Book, lang: str) -> Markup:
    """Cards of the table `strategy_thread`; `factors` names the outside and inside factors."""
    told = Markup().join(_card(row, factors, book, lang) for _, row in tables.in_language(rows, lang).iterrows())
    written = Markup('<p><span class="crm-badge">{}</span></p>').format(text("illustrative", lang))
    badge = written if tables.is_illustrative(rows) else Markup()
    return Markup('<div class="cards-box" data-name="{}">{}<div class="cards">{}</div></div>').format(NAME, badge, told)


def _factors(store: Store, lang: str) -> dict[str, str]:
    named: dict[str, str] = {}
    for name in ("swot_factors", "pest_factors"):
        rows = frame(store, name)
        if not rows.empty:
            local = tables.in_language(rows, lang)
            named |= dict(zip(local["factor_id"], local["factor"], strict=True))
    return named


def _card(row: pd.Series, factors: dict[str, str], book: Book, lang: str) -> Markup:
    head = Markup('<h4><span data-id="strategy" data-row="{}">{}</span> {}</h4>').format(
        NAME, row["strategy_id"], style.legible(str(row["strategy"]))
    )
    about = tables.words_of(str(row["tier"]), lang)
    tellers: dict[str, Callable[[], Markup]] = {
        "evidence": lambda: _evidence(row, factors, lang),
        "opportunity": lambda: _opportunity(row, lang),
        "spent": lambda: _spent(row, book, lang),
        "when": lambda: _when(row, lang),
        "held_out": lambda: _held_out(row, lang),
        "aim": lambda: _aim(row, lang),
        "tasks": lambda: _tasks(row, lang),
        "verdict": lambda: escape(tables.words_of(str(row["review_outcomes"]), lang)),
    }
    steps = Markup().join(
        Markup("<div{}><dt>{}</dt><dd>{}</dd></div>").format(
            Markup(' class="gap"') if "crm-gap" in (told := tellers[stage]()) else "",
            text(f"thread_{stage}", lang),
            told,
        )
        for stage in _STAGES
    )
    return Markup('<div class="card">{}<p class="small">{}</p><dl>{}</dl></div>').format(head, about, steps)


def _ids(kind: str, ids: object) -> Markup:
    return Markup("; ").join(
        Markup('<span data-id="{}">{}</span>').format(kind, name) for name in str(ids or "").split("; ") if name
    )


def _gap(key: str, lang: str) -> Markup:
    return Markup('<span class="crm-gap">{}</span>').format(text(key, lang))


def _evidence(row: pd.Series, factors: dict[str, str], lang: str) -> Markup:
    names = [name for name in str(row["factor_ids"] or "").split("; ") if name]
    if not names:
        return _gap("no_evidence", lang)
    told = [Markup("{} {}").format(_ids("factor", name), style.legible(factors.get(name, ""))) for name in names]
    return Markup("<br>").join(told)


def _opportunity(row: pd.Series, lang: str) -> Markup:
    score = text("score", lang, score=style.number(row["opportunity_score"], lang, 0))
    told = _ids("opportunity", row["opportunity_id"])
    return Markup("{} {} ({})").format(told, style.legible(str(row["opportunity"] or "")), score)


def _spent(row: pd.Series, book: Book, lang: str) -> Markup:
    cost = style.money(row["cost_minor"], book, lang)
    told = text("contacts", lang, n=style.number(row["contacts"], lang), cost=cost)
    back = text("expected_value", lang, value=style.money(row["value_minor"], book, lang))
    return Markup("{}: {}; {}").format(_ids("action", row["action_ids"]), told, back)


def _when(row: pd.Series, lang: str) -> Markup:
    days = text("days", lang, start=style.day(row["start_date"], lang), end=style.day(row["end_date"], lang))
    return escape(text("and", lang).join([style.legible(str(row["owner"] or "–")), days]))


def _held_out(row: pd.Series, lang: str) -> Markup:
    if pd.isna(row["held_out_share"]) or not row["campaign_ids"]:
        return _gap("not_held_out", lang)
    share = style.percent(row["held_out_share"], lang, 0)
    return Markup(text("held_out", lang, campaign=_ids("campaign", row["campaign_ids"]), share=share))  # noqa: S704


def _aim(row: pd.Series, lang: str) -> Markup:
    if not row["expected"]:
        return _gap("no_target", lang)
    return Markup("{}<br>{}").format(_ids("target", row["target_ids"]), style.legible(str(row["expected"])))


def _tasks(row: pd.Series, lang: str) -> Markup:
    if pd.isna(row["progress_share"]):
        return _gap("no_tasks", lang)
    told = text("progress", lang, share=style.percent(row["progress_share"], lang, 0), late=row["tasks_late"])
    return Markup("{}<br>{}").format(_ids("task", row["task_ids"]), told)
