"""The pages and files beside a page: one line of links, brought up to date whenever a page or a file comes or goes."""

import re
from pathlib import Path

from markupsafe import Markup

from crmlib.report.text import text

LANGUAGES = ("en", "zh")
LINE = re.compile(r'<nav class="elsewhere".*?</nav>', re.DOTALL)
LABELS = "".join(text(key, lang) for key in ("all_quarters", "other_language", "as_workbook", "as_pdf", "elsewhere")
                 for lang in LANGUAGES)  # fmt: skip
"""What the links may say: a page's font needs these characters before anyone knows which links it will have."""


def report(lang: str) -> str:
    """The file of a quarter's report."""
    return f"report.{lang}.html"


def pdf(lang: str) -> str:
    """The report as PDF."""
    return f"report.{lang}.pdf"


def index(lang: str) -> str:
    """The file of a book's overview of all quarters."""
    return f"index.{lang}.html"


def other(lang: str) -> str:
    return next(one for one in LANGUAGES if one != lang)


def workbook(folder: Path, lang: str) -> str:
    """The name of a quarter's workbook in a language, or nothing."""
    return next((name for name in (f"deliverables.{lang}.xlsx", "deliverables.xlsx") if (folder / name).is_file()), "")


def line(links: dict[str, str], lang: str) -> Markup:
    """Links as label and place; without any the line is there and empty, so that it can be filled later."""
    told = Markup(" · ").join(
        Markup('<a href="{}"{}>{}</a>').format(place, _speaks(label, lang), label) for label, place in links.items()
    )
    return Markup('<nav class="elsewhere" aria-label="{}">{}</nav>').format(text("elsewhere", lang), told)


def beside(folder: Path, lang: str) -> Markup:
    """The links of a quarter's report."""
    twin = report(other(lang))
    found = {"all_quarters": f"../{index(lang)}" if (folder.parent / index(lang)).is_file() else "",
             "as_workbook": workbook(folder, lang),
             "as_pdf": pdf(lang) if (folder / pdf(lang)).is_file() else "",
             "other_language": twin if (folder / twin).is_file() else ""}  # fmt: skip
    return line({text(key, lang): place for key, place in found.items() if place}, lang)


def linked(page: str, links: Markup) -> str:
    """The page with these links in place of those it had."""
    return LINE.sub(lambda _found: str(links), page, count=1)


def _speaks(label: str, lang: str) -> Markup:
    """The language of a link to the other language's page."""
    if label != text("other_language", lang):
        return Markup()
    code = {"en": "en", "zh": "zh-CN"}[other(lang)]
    return Markup(' lang="{0}" hreflang="{0}"').format(code)
