"""Tables as a reader sees them: headings from the schema, numbers by unit, codes as words, absent values stated."""

import functools
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import jinja2
import pandas as pd
from markupsafe import Markup

from crmlib import schema
from crmlib.params import Book, Settings
from crmlib.schema.model import Column
from crmlib.views import style, suppression

MAX_ROWS = 100
_COUNTS = ("days", "orders", "customers", "count")
# Of a KPI; where it is a rate, they are percentage points.
_DIFFERENCES = ("difference", "target_gap", "effect_target", "minimum_effect", "mde", "mde_cuped", "needed_change",
                "usual_change", "effect", "low_effect", "high_effect")  # fmt: skip
_REFERENCES = {"internal_id": "factor", "external_id": "factor", "evidence": "fact", "depends_on": "task"}
_FOLLOWED = ("fact", "factor", "opportunity", "strategy", "action", "campaign", "target", "task", "risk", "standard")
_HERE = Path(__file__).parent
_WORDS = {
    "en": {
        "absent": "not available",
        "empty": "{caption}: nothing to show for this quarter.",
        "cut": "{shown} of {all} rows.",
        "unfilled": "No data for: {columns}.",
        "illustrative": "illustrative, not measured",
        "yes": "yes",
        "no": "no",
        "pp": " pp",
        "hidden": "hidden",
        "small_cells": "Groups of fewer than {n} customers are shown as <{n}; what would give them away is hidden.",
        "book": "Book",
        "period": "Period",
        "days": "{start} to {end}",
        "as_of": "Seen from",
        "data": "Data up to",
        "notice": "Notice",
    },
    "zh": {
        "absent": "无数据",
        "empty": "{caption}：本季度无内容。",
        "cut": "共 {all} 行，显示 {shown} 行。",
        "unfilled": "以下各列无数据：{columns}。",
        "illustrative": "示例，非实测",
        "yes": "是",
        "no": "否",
        "pp": " 个百分点",
        "hidden": "隐去",
        "small_cells": "不足{n}名客户的分组显示为<{n}，可推算出其数值的数据一并隐去。",
        "book": "账套",
        "period": "期间",
        "days": "{start} 至 {end}",
        "as_of": "观察日",
        "data": "数据截至",
        "notice": "说明",
    },
}


@dataclass(frozen=True)
class Shown:
    """HTML for a notebook and for the report; `text` is what it is about."""

    html: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


@dataclass(frozen=True)
class Head:
    """One shown column. `kind` is its CSS class: n number or date, t long text, s short text."""

    heading: str
    kind: str


class Results(Protocol):
    """What the opening asks of a store."""

    def has(self, name: str) -> bool: ...

    def table(self, name: str) -> Any: ...


def show(  # noqa: PLR0913 - what to show, for whom, and the three things a cell may add
    frame: pd.DataFrame,
    name: str,
    lang: str,
    book: Book,
    rows: int | None = None,
    *,
    caption: str = "",
    note: str = "",
    min_cell: int = 1,
) -> Shown:
    """The first `rows` (100 unless told otherwise) of a table; rows with too few cases to judge by are grey.

    A column without any value is named below the table instead of taking up its width. Groups of fewer than `min_cell`
    customers are not told (`settings.privacy.min_cell`).
    """
    words, caption = _WORDS[lang], style.legible(caption or schema.title(name, lang))
    if frame.empty:
        text = words["empty"].format(caption=caption)
        return Shown(_html("absent.html.j2", name=name, text=text), text)
    shown = frame.head(MAX_ROWS if rows is None else rows)
    cut = words["cut"].format(shown=f"{len(shown):,}", all=f"{len(frame):,}") if len(shown) < len(frame) else ""
    local = in_language(shown, lang).drop(columns="kpi_unit", errors="ignore")
    local, unfilled = _filled(local[_in_order(local, name)], lang, book)
    marks = suppression.hidden(frame, min_cell).loc[shown.index]
    kept = words["small_cells"].format(n=min_cell) if (marks != "").any(axis=None) else ""
    cells = [_told(_cells(shown, local[c], c, lang, book), marks.get(c), min_cell, lang) for c in local.columns]
    html = _html(
        "table.html.j2",
        name=name,
        caption=caption,
        badge=words["illustrative"] if is_illustrative(frame) else "",
        columns=[Head(heading(c, lang, book), _kind(local[c], c)) for c in local.columns],
        cells=list(zip(*cells, strict=True)),
        ids=[reference(c) for c in local.columns],
        grey=_is_thin(shown),
        note=("" if lang == "zh" else " ").join(part for part in (cut, unfilled, kept, style.legible(note)) if part),
        absent=words["absent"],
    )
    return Shown(html, caption)


def opening(settings: Settings, results: Results | None, lang: str) -> Shown:
    """What a notebook looks at: book, period, as-of date, and the last order in the data.

    Without `results` the last order is left out: the notebook that reads the data comes to it by itself.
    """
    words, period, book = _WORDS[lang], settings.period, settings.book
    lines = {
        words["book"]: book_name(book, lang),
        words["period"]: f"{period} ({words['days'].format(start=period.start, end=period.as_of)})",
        words["as_of"]: str(period.as_of),
        words["data"]: (data_as_of(results) or words["absent"]) if results else "",
        words["notice"]: book_notice(book, lang),
    }
    filled = {term: style.legible(value) for term, value in lines.items() if value}
    return Shown(_html("opening.html.j2", lines=filled), f"{book_name(book, lang)} {period}")


def data_as_of(results: Results) -> str:
    """ISO date of the last order that the results have seen; empty before any order has been read."""
    if not results.has("purchase_days"):
        return ""
    last = results.table("purchase_days").order_date.max().to_pyarrow().as_py()
    return str(last) if last else ""


def book_name(book: Book, lang: str) -> str:
    return book.name_zh if lang == "zh" else book.name_en


def book_notice(book: Book, lang: str) -> str:
    return book.notice_zh if lang == "zh" else book.notice_en


def is_illustrative(frame: pd.DataFrame) -> bool:
    """Whether every row was written for illustration."""
    return len(frame) > 0 and "provenance" in frame.columns and bool((frame["provenance"] == "illustrative").all())


def in_language(frame: pd.DataFrame, lang: str) -> pd.DataFrame:
    """One column per meaning: the `_zh` text where it is wanted and filled; `provenance` only where rows differ."""
    local = {c: _text_of(frame, c, lang) for c in frame.columns if not _is_sibling(frame, c)}
    if "provenance" in local and frame["provenance"].nunique(dropna=False) <= 1:
        del local["provenance"]
    return pd.DataFrame(local, index=frame.index)


def heading(column: str, lang: str, book: Book) -> str:
    """The label, with the currency where the figures are money; a code used as a column is its word."""
    if column not in schema.COLUMNS:
        return style.legible(schema.word(column, lang))
    label = schema.label(column, lang)
    return f"{label} ({book.currency})" if column_of(column).unit == "money" else label


def column_of(name: str) -> Column:
    """The schema's entry; a column that only a view has (a code turned into a column) is a plain number."""
    return schema.COLUMNS.get(name, Column("float64", "number", name, name))


def words_of(text: str, lang: str) -> str:
    """Codes as words, also several of them ("high; potential")."""
    parts = [style.legible(schema.word(part.strip(), lang)) for part in text.split(";")]
    return ("、" if lang == "zh" else "; ").join(parts)


def is_blank(value: Any) -> bool:
    return value is None or bool(pd.isna(value)) or value == ""


def reference(column: str) -> str:
    """What the ids in a column name, e.g. 'strategy' for `strategy_id`; the report links each to where it is told."""
    kind = _REFERENCES.get(column, column.removesuffix("s").removesuffix("_id"))
    return kind if kind in _FOLLOWED and (kind != column or column in _REFERENCES) else ""


def columns_wide(words: str) -> int:
    """Width in Latin characters; a Chinese sign takes two."""
    if words.isascii():
        return len(words)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in words)


def _cells(frame: pd.DataFrame, values: pd.Series, column: str, lang: str, book: Book) -> list[str | None]:
    """Each value as text, in one format for the whole column; None where there is none."""
    entry = column_of(column)
    if column == "source":
        return [None if is_blank(v) else style.legible(schema.source(v, lang)) for v in values]
    if entry.unit == "kpi" and "kpi_unit" in frame.columns:
        pairs = zip(values, frame["kpi_unit"], strict=True)
        return [None if is_blank(v) else _kpi(v, str(unit), column, lang, book) for v, unit in pairs]
    digits = _digits(values, entry.unit, book)
    return [None if is_blank(v) else _cell(v, entry, digits, lang, book) for v in values]


def _told(cells: list[str | None], marks: pd.Series | None, min_cell: int, lang: str) -> list[str | None]:
    """Figures of small groups replaced by what may be said of them."""
    if marks is None:
        return cells
    said = {suppression.SMALL: f"<{min_cell}", suppression.HIDDEN: _WORDS[lang]["hidden"]}
    return [said.get(mark, cell) for cell, mark in zip(cells, marks, strict=True)]


def _cell(value: Any, entry: Column, digits: int, lang: str, book: Book) -> str:
    if entry.dtype == "boolean":
        return _WORDS[lang]["yes" if value else "no"]
    if entry.dtype == "string" or isinstance(value, str):
        return words_of(str(value), lang) if entry.unit == "word" else style.legible(str(value))
    if entry.dtype in ("date", "timestamp"):
        return f"{value:%Y-%m-%d %H:%M}" if entry.dtype == "timestamp" else f"{value:%Y-%m-%d}"
    if entry.unit == "money":
        return style.number(value / 10**book.minor_digits, lang, digits)
    if entry.unit in ("share", "rate"):
        return (style.share if entry.unit == "share" else style.percent)(value, lang)
    return style.points(value, lang) if entry.unit == "score" and digits else style.number(value, lang, digits)


def _kpi(value: float, unit: str, column: str, lang: str, book: Book) -> str:
    """A figure in the unit of its row."""
    if unit == "money":
        return style.money(value, book, lang)
    if unit in ("rate", "ratio", "share"):
        if column in _DIFFERENCES:
            return style.number(100 * value, lang, 1) + _WORDS[lang]["pp"]
        return style.percent(value, lang)
    return style.number(value, lang)


def _digits(values: pd.Series, unit: str, book: Book) -> int:
    """Decimals for the whole column, so that its figures line up."""
    if not pd.api.types.is_numeric_dtype(values):
        return 0
    numbers = values.dropna().astype(float).abs()
    if unit == "money":
        return 0 if numbers.max() >= 10_000 * 10**book.minor_digits else book.minor_digits
    if unit in _COUNTS or (numbers % 1 == 0).all():
        return 0
    return 1 if unit in ("score", "hours") or numbers.max() >= 100 else 2


def _in_order(frame: pd.DataFrame, name: str) -> list[str]:
    """The schema's order of columns, whatever a join made of it; columns of the view's own follow."""
    known = schema.TABLES[name].columns if name in schema.TABLES else ()
    return [*(c for c in known if c in frame.columns), *(c for c in frame.columns if c not in known)]


def _filled(frame: pd.DataFrame, lang: str, book: Book) -> tuple[pd.DataFrame, str]:
    """The columns that hold something, and a sentence that names the others."""
    bare = [c for c in frame.columns[1:] if frame[c].map(is_blank).all()]
    names = ("、" if lang == "zh" else ", ").join(heading(c, lang, book) for c in bare)
    return frame.drop(columns=bare), _WORDS[lang]["unfilled"].format(columns=names) if bare else ""


def _kind(values: pd.Series, column: str) -> str:
    entry = column_of(column)
    if entry.dtype in ("int64", "float64", "date", "timestamp"):
        return "n"
    return "t" if max(map(columns_wide, values.dropna().astype(str)), default=0) > 24 else "s"


def _is_thin(frame: pd.DataFrame) -> list[bool]:
    marks = [frame[c] == sign for c, sign in (("is_thin", True), ("movement", "small_n")) if c in frame.columns]
    return [any(row) for row in zip(*marks, strict=True)] if marks else [False] * len(frame)


def _is_sibling(frame: pd.DataFrame, column: str) -> bool:
    return column.endswith("_zh") and column.removesuffix("_zh") in frame.columns


def _text_of(frame: pd.DataFrame, column: str, lang: str) -> pd.Series:
    if lang != "zh" or f"{column}_zh" not in frame.columns:
        return frame[column]
    chinese = frame[f"{column}_zh"]
    return frame[column].where(chinese.map(is_blank), chinese)


@functools.cache
def css() -> Markup:
    """Our table style; each notebook output carries it, the report has it once."""
    return Markup((_HERE / "table.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file


@functools.cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(loader=jinja2.FileSystemLoader(_HERE), autoescape=True, undefined=jinja2.StrictUndefined)


def _html(template: str, **values: Any) -> str:
    return _templates().get_template(template).render(css=css(), **values)
