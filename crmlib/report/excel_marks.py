"""Colours on a sheet that repeat the report's thresholds; they follow when a person edits a cell."""

from collections.abc import Iterator

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from crmlib.params import Settings
from crmlib.report.excel_cells import HEADER_ROW
from crmlib.report.excel_rows import Sheet
from crmlib.views import style, tables

ATTAINED, PARTLY = 1.0, 0.5
"""Of the way from the baseline to the target: from here attained, from here partly (method, section 5)."""

_TINT = 0.72  # of white in a colour behind text, so that the text has all its contrast
_TIERS = ("tier", "tier_before", "next_tier")
_VERDICTS = {
    "effective": "good", "partly_effective": "warn", "not_effective": "bad", "harmful": "bad", "inconclusive": "thin",
    "attained": "good", "partly_attained": "warn", "not_attained": "bad", "small_n": "thin", "not_due": "thin",
    "not_attributed": "thin", "not_measured": "thin",
}  # fmt: skip
# Codes that call for somebody, by column; what is not named here has no colour.
_TONES: dict[str, dict[str, str]] = {
    "alert": {"red": "bad", "amber": "warn"},
    "reply_state": {"overdue": "bad", "late": "warn"},
    "analysis_state": {"overdue": "bad", "late": "warn"},
    "escalation_state": {"overdue": "bad", "late": "warn", "pending": "warn"},
    "contact_state": {"stale": "warn", "never": "warn"},
    "risk_band": {"band_severe": "bad", "band_serious": "warn"},
    "grade": {"A": "good", "C": "warn", "unsupported": "bad"},
    "evidence_grade": {"A": "good", "B": "good", "C": "thin"},
    "verdict": _VERDICTS,
    "assessment": _VERDICTS,
    "outcome": _VERDICTS,
    "smart_state": {"smart_met": "good", "smart_open": "warn", "smart_failed": "bad"},
    "signal": {"outside": "bad", "run": "warn"},
    "status": {"done": "good"},
    "completion_status": {"done": "good", "partial": "warn"},
    "provenance": {"illustrative": "thin", "template": "thin"},
}  # fmt: skip
_BAD_WHEN_TRUE = ("is_overdue", "is_late", "is_expired", "is_blocked", "is_over")
_WARN_WHEN_FALSE = ("is_enough", "is_balanced", "is_on_time")
_BAD_ABOVE_ZERO = ("hours_late", "slippage_days", "days_overdue")


def formats(book: xlsxwriter.Workbook) -> dict[str, Format]:
    """One look for each tone and each tier."""
    colours = {"bad": style.TIER_COLOURS["risk"], "warn": "#e69f00", "good": "#009e73"} | {
        f"tier_{tier}": colour for tier, colour in style.TIER_COLOURS.items()
    }
    looks = {n: book.add_format({"bg_color": tint(c), "font_color": style.INK}) for n, c in colours.items()}
    return looks | {"thin": book.add_format({"font_color": style.MUTED, "italic": True})}


def tint(colour: str) -> str:
    """A colour with enough white in it to stand behind text."""
    parts = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    return "#" + "".join(f"{round(255 * _TINT + part * (1 - _TINT)):02x}" for part in parts)


def write(page: Worksheet, sheet: Sheet, looks: dict[str, Format], settings: Settings, lang: str) -> None:
    """The rules of a sheet; one that greys whole rows stands last, so that a cell's own colour wins."""
    last_row, last_column = HEADER_ROW + len(sheet.rows), len(sheet.rows.columns) - 1
    if sheet.rows.empty:
        return
    for column, name in enumerate(sheet.rows.columns):
        for formula, tone in _rules(name, xl_col_to_name(column), lang):
            rule = {"type": "formula", "criteria": formula, "format": looks[tone]}
            page.conditional_format(HEADER_ROW + 1, column, last_row, column, rule)
    for formula in _thin(sheet, settings, lang):
        rule = {"type": "formula", "criteria": formula, "format": looks["thin"]}
        page.conditional_format(HEADER_ROW + 1, 0, last_row, last_column, rule)


def codes(column: str) -> dict[str, str]:
    """The tone of each code of a column."""
    if column in _TIERS:
        return {tier: f"tier_{tier}" for tier in style.TIER_COLOURS}
    return _TONES.get(column, {})


def _rules(name: str, letter: str, lang: str) -> Iterator[tuple[str, str]]:
    """Formulas for the first row, with the tone that they give. Text and blanks are no numbers here: `<5` is larger
    than any number to Excel, and a blank is 0."""
    cell = f"${letter}{HEADER_ROW + 2}"
    for code, tone in codes(name).items():
        yield f'={cell}="{_quoted(tables.words_of(code, lang))}"', tone
    if name in _BAD_WHEN_TRUE:
        yield f"={cell}=TRUE", "bad"
    if name in _WARN_WHEN_FALSE:
        yield f"=AND(ISLOGICAL({cell}),{cell}=FALSE)", "warn"
    if name in _BAD_ABOVE_ZERO:
        yield f"=AND(ISNUMBER({cell}),{cell}>0)", "bad"
    if name == "attainment":
        yield f"=AND(ISNUMBER({cell}),{cell}>={ATTAINED:g})", "good"
        yield f"=AND(ISNUMBER({cell}),{cell}<{PARTLY:g})", "bad"


def _thin(sheet: Sheet, settings: Settings, lang: str) -> Iterator[str]:
    """Rows with too few cases to judge by: fewer than a rate needs, or than money needs where the row is money."""
    at = {name: f"${xl_col_to_name(n)}{HEADER_ROW + 2}" for n, name in enumerate(sheet.rows.columns)}
    least = f"{settings.review.min_rate_n}"
    if "kpi_unit" in at:
        money = _quoted(tables.words_of("money", lang))
        least = f'IF({at["kpi_unit"]}="{money}",{settings.review.min_money_n},{least})'
    if "n" in at:
        yield f"=AND(ISNUMBER({at['n']}),{at['n']}<{least})"
    if "is_thin" in at:
        yield f"={at['is_thin']}=TRUE"


def _quoted(words: str) -> str:
    return words.replace('"', '""')
