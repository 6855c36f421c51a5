"""One week as one page: what stands out, what is late, what was changed, what to do next."""

import re
from pathlib import Path

import pandas as pd
from bs4 import BeautifulSoup
from markupsafe import Markup

from crmlib import schema
from crmlib.io.store import Store
from crmlib.report import font, html, sections
from crmlib.report.sections import Section
from crmlib.report.summary import Number
from crmlib.views import lettering, narrative_review, style, tables

KPIS = ("net_revenue", "orders", "active_customers", "weekly_return_rate", "average_ticket")
_FONTS_HERE = "/* fonts */"
_WORDS = {
    "en": {
        "title": "Weekly monitoring, {week}",
        "days": "{start} to {end}, {quarter}; nothing later is seen",
        "mean": "{change} on the mean of earlier weeks",
        "within": "within the limits",
        "pp": " pp",
        "holiday": "{name}: not judged",
        "partial": "{days} of 7 days: not judged",
        "no_limits": "no limits",
        "how": "How to read this page",
    },
    "zh": {
        "title": "周度执行监控报表，{week}",
        "days": "{start}至{end}，{quarter}；不含此后数据",
        "mean": "较此前各周均值{change}",
        "within": "在控制限内",
        "pp": "个百分点",
        "holiday": "{name}：不作判断",
        "partial": "仅{days}天：不作判断",
        "no_limits": "无控制限",
        "how": "如何阅读本页",
    },
}


def build(results: Store, notebook: Path, week: str, lang: str) -> str:
    """The page of `week` from the notebook that was run for it; the same results give the same page, byte for byte."""
    settings, words = results.settings, _WORDS[lang]
    book, period = settings.book, settings.period
    section = next(s for s in sections.read([notebook], lang) if s.anchor == "weekly")
    shown = results.frame("weekly")
    span = next((w for w in period.weeks if w.label == week), period.weeks[-1])
    page = html.environment().get_template("weekly.html.j2").render(
        html_lang={"en": "en", "zh": "zh-CN"}[lang],
        css=html.css() + html.stylesheet("weekly.css"),
        families=Markup(", ").join(Markup('"{}"').format(name) for name in lettering.FONTS),
        book=tables.book_name(book, lang),
        title=words["title"].format(week=week),
        week=week,
        days=words["days"].format(
            start=style.day(span.start, lang), end=style.day(span.end, lang), quarter=str(period)
        ),
        notices=[tables.book_notice(book, lang)],
        numbers=_numbers(shown[shown["week"] == week], results, lang),
        body=_own_page(section, lang),
    )  # fmt: skip
    return page.replace(_FONTS_HERE, font.faces(page), 1)


def _own_page(section: Section, lang: str) -> Markup:
    """The chapter as a page: headings one level up, tables that follow each other side by side, prose at the end."""
    body = re.sub(r"<(/?)h([3-6])", lambda found: f"<{found[1]}h{int(found[2]) - 1}", str(section.body))
    parts = re.split(r"(<figure .*?</figure>)", body, flags=re.DOTALL)  # an HTML parser would change the SVG's tags
    drawn = {f"figure-{n}": part for n, part in enumerate(parts) if n % 2}
    kept = "".join(f'<div id="figure-{n}"></div>' if n % 2 else part for n, part in enumerate(parts))
    soup = BeautifulSoup(kept, "html.parser")
    prose = [tag.extract() for tag in soup.find_all("p", recursive=False) if not tag.get("class")]
    _side_by_side(soup)
    if prose:
        details = soup.new_tag("details")
        details.append(summary := soup.new_tag("summary"))
        summary.string = _WORDS[lang]["how"]
        details.extend(prose)
        soup.append(details)
    told = str(soup)
    for name, figure in drawn.items():
        told = told.replace(f'<div id="{name}"></div>', figure)
    return Markup(told)  # noqa: S704 - a section is trusted: views escape what they show


def _side_by_side(soup: BeautifulSoup) -> None:
    """Neighbouring tables in one row, where the page is wide enough."""
    for table in soup.find_all(class_="crm-table", recursive=False):
        following = table.find_next_sibling()
        if table.parent is soup and following is not None and "crm-table" in (following.get("class") or []):
            row = soup.new_tag("div", attrs={"class": "beside"})
            table.wrap(row)
            row.append(following.extract())


def _numbers(week: pd.DataFrame, results: Store, lang: str) -> list[Number]:
    known = {row["kpi"]: row for _i, row in week[week["kpi_value"].notna()].iterrows()}
    return [_number(known[kpi], kpi, results, lang) for kpi in KPIS if kpi in known]


def _number(row: pd.Series, kpi: str, results: Store, lang: str) -> Number:
    words, unit, book = _WORDS[lang], str(row["kpi_unit"]), results.settings.book
    label, value = schema.word(kpi, lang), narrative_review.figure(row["kpi_value"], unit, lang, book)
    if row["is_partial"]:
        return Number(label, value, "", "none", words["partial"].format(days=row["days"]))
    if row["holiday"]:
        name = row["holiday_zh" if lang == "zh" else "holiday"].split("; ")[0]
        return Number(label, value, "", "none", words["holiday"].format(name=schema.word(name, lang)))
    if pd.isna(row["mean"]):
        return Number(label, value, "", "none", words["no_limits"])
    change = words["mean"].format(change=_change(row, unit, lang))
    if not row["signal"]:
        return Number(label, value, change, "flat", words["within"])
    return Number(label, value, change, "up" if row["kpi_value"] > row["mean"] else "down",
                  schema.word(row["signal"], lang))  # fmt: skip


def _change(row: pd.Series, unit: str, lang: str) -> str:
    size = row["kpi_value"] - row["mean"]
    sign = "+" if size > 0 else ""
    if unit == "rate":
        return sign + style.number(100 * size, lang, 1) + _WORDS[lang]["pp"]
    return sign + style.percent(size / row["mean"] if row["mean"] else None, lang)
