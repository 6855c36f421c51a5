"""The first two sheets: what the workbook holds and what it was made from; what each column means."""

from collections.abc import Mapping

import pandas as pd
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from crmlib import schema
from crmlib.io.store import Store
from crmlib.params import Settings
from crmlib.report import excel_marks, summary
from crmlib.report.excel_cells import KINDS, lines, write_text
from crmlib.report.excel_rows import Sheet
from crmlib.report.excel_words import grain, meaning, say, unit
from crmlib.report.text import quarter, text
from crmlib.views import style, suppression, tables

_NUMBERS = 9  # row of the first KPI
_FIRST = 17  # row of the first deliverable
_WIDTHS = {"cover": (52, 16, 70), "definitions": (44, 34, 24, 84)}
_MOST_WORDS = 12


def write_cover(
    page: Worksheet, sheets: list[Sheet], looks: dict[str, Format], store: Store, lang: str, facts: Mapping[str, str]
) -> None:
    """Every deliverable of the method with its sheet, or that it is absent; then what the figures were made from."""
    _lay_out(page, "cover")
    _write_opening(page, looks, store.settings, lang)
    _write_numbers(page, looks, store, lang)
    for column, (key, head) in enumerate((("sheet", "head"), ("rows", "head_number"), ("notice", "head"))):
        page.write_string(_FIRST - 1, column, text(key, lang), looks[head])
    found, listed = {sheet.table: sheet for sheet in sheets}, schema.deliverables()
    for n, name in enumerate(listed, _FIRST):
        _write_entry(page, n, name, found.get(name), looks, lang)
    row = _FIRST + len(listed) + 1
    page.write_string(row, 0, say("made_from", lang), looks["head"])
    for n, (term, value) in enumerate(_facts(store.settings, lang, facts).items(), row + 1):
        write_text(page, (n, 0), term, looks)
        write_text(page, (n, 2), value, looks)


def write_definitions(
    page: Worksheet, sheets: list[Sheet], looks: dict[str, Format], settings: Settings, lang: str
) -> None:
    """One row per column of each sheet: unit, meaning, and the words that a column of codes has; then the colours."""
    _lay_out(page, "definitions")
    page.write_string(0, 0, say("definitions", lang), looks["title"])
    page.write_url(1, 0, f"internal:'{say('workbook', lang)}'!A1", looks["link"], text("back", lang))
    for column, key in enumerate(("sheet", "column", "unit", "meaning")):
        page.write_string(3, column, say(key, lang), looks["head"])
    page.freeze_panes(4, 0)
    row = 4
    for sheet in sheets:
        page.write_url(row, 0, f"internal:'{sheet.name}'!A1", looks["link"], schema.title(sheet.table, lang))
        row = _row(page, row, ["", "", "", grain(sheet.table, lang)], looks, "strong")
        for name in sheet.rows.columns:
            said = [sheet.name, tables.heading(name, lang, settings.book), unit(name, lang, settings.book)]
            row = _row(page, row, [*said, _meaning(sheet, name, lang)], looks)
    page.autofilter(3, 0, row - 1, 3)
    _write_colours(page, row + 1, looks, settings, lang)


def _row(page: Worksheet, row: int, said: list[str], looks: dict[str, Format], look: str = "text") -> int:
    """Write a row of texts; returns the next one."""
    needed = max(lines(words, wide) for words, wide in zip(said, _WIDTHS["definitions"], strict=True))
    if needed > 1:
        page.set_row(row, 15 * needed)
    for column, words in enumerate(said):
        if words:
            write_text(page, (row, column), words, looks, look)
    return row + 1


def _meaning(sheet: Sheet, name: str, lang: str) -> str:
    """The meaning, with the words that stand in a column of codes where they are few."""
    parts = [meaning(name, lang)]
    if tables.column_of(name).unit == "word":
        words = sorted({str(word) for word in sheet.rows[name].dropna()})
        if 0 < len(words) <= _MOST_WORDS:
            parts.append(say("one_of", lang, words=("、" if lang == "zh" else ", ").join(words)))
    return ("" if lang == "zh" else " ").join(part for part in parts if part)


def _write_colours(page: Worksheet, row: int, looks: dict[str, Format], settings: Settings, lang: str) -> None:
    page.write_string(row, 0, say("colours", lang), looks["head"])
    at, review = row + 1, settings.review
    values = {"partly": f"{excel_marks.PARTLY:.0%}", "attained": f"{excel_marks.ATTAINED:.0%}"}
    values |= {"rate": str(review.min_rate_n), "money": str(review.min_money_n)}
    for tone in ("bad", "warn", "good", "thin"):
        page.merge_range(at, 0, at, 3, say(f"tone_{tone}", lang, **values), looks[f"mark_{tone}"])
        at += 1
    for tier in style.TIER_COLOURS:
        said = say("tone_tier", lang, tier=tables.words_of(tier, lang))
        page.merge_range(at, 0, at, 3, said, looks[f"mark_tier_{tier}"])
        at += 1


def _write_opening(page: Worksheet, looks: dict[str, Format], settings: Settings, lang: str) -> None:
    days = text("days", lang, start=settings.period.start, end=settings.period.as_of)
    page.write_string(0, 0, text("title", lang, quarter=quarter(settings.period, lang)), looks["title"])
    notes = [
        f"{tables.book_name(settings.book, lang)} · {days}",
        tables.book_notice(settings.book, lang),
        text("formula_note", lang),
        say("hidden_cells", lang, n=settings.privacy.min_cell),
        say("registers_note", lang, book=settings.book_id),
    ]
    for row, note in enumerate(notes, 1):
        page.write_string(row, 0, style.in_order(note), looks["note"])
    page.write_url(6, 0, f"internal:'{say('definitions', lang)}'!A1", looks["link"], say("to_definitions", lang))


def _write_numbers(page: Worksheet, looks: dict[str, Format], store: Store, lang: str) -> None:
    """The five figures of the report's first screen, as numbers, beside those of the quarter before."""
    period = store.settings.period
    page.write_string(_NUMBERS - 1, 0, text("numbers", lang), looks["head"])
    kpis = store.frame_if_any("kpis")
    if kpis is None or kpis.empty:
        page.write_string(_NUMBERS, 0, text("no_kpis", lang), looks["text"])
        return
    marks = suppression.hidden(kpis, store.settings.privacy.min_cell)["kpi_value"]
    told = kpis.assign(kpi_value=kpis["kpi_value"].where(marks == ""))
    whole = told[told["tier"] == "all"]
    for column, quarter_shown in enumerate((period, period.previous), 1):
        page.write_string(_NUMBERS - 1, column, quarter(quarter_shown, lang), looks["head_number"])
    for row, kpi in enumerate(summary.KPIS, _NUMBERS):
        page.write_string(row, 0, schema.word(kpi, lang), looks["text"])
        for column, shown in enumerate((str(period), str(period.previous)), 1):
            for _, found in whole[(whole["kpi"] == kpi) & (whole["period"] == shown)].iterrows():
                _write_number(page, (row, column), found, looks, store.settings)


def _write_number(
    page: Worksheet, at: tuple[int, int], row: pd.Series, looks: dict[str, Format], settings: Settings
) -> None:
    if not tables.is_blank(row["kpi_value"]):
        is_money, unit_kind = row["kpi_unit"] == "money", KINDS.get(row["kpi_unit"], "number")
        whole = "integer" if unit_kind == "number" and float(row["kpi_value"]).is_integer() else unit_kind
        value = row["kpi_value"] / 10**settings.book.minor_digits if is_money else row["kpi_value"]
        page.write_number(*at, float(value), looks[whole])


def _write_entry(
    page: Worksheet, row: int, name: str, sheet: Sheet | None, looks: dict[str, Format], lang: str
) -> None:
    title = f"{schema.TABLES[name].deliverable} {schema.title(name, lang)}"
    if sheet is None:
        page.write_string(row, 0, title, looks["text"])
        page.write_string(row, 2, text("absent", lang), looks["text"])
        return
    page.write_url(row, 0, f"internal:'{sheet.name}'!A1", looks["link"], title)
    page.write_number(row, 1, sheet.all_rows, looks["integer"])
    said = " · ".join(notices(sheet, lang))
    if said:
        page.write_string(row, 2, said, looks["text"])
        page.set_row(row, 15 * lines(said, _WIDTHS["cover"][2]))


def notices(sheet: Sheet, lang: str) -> list[str]:
    """What a reader must know of a sheet: illustrative, empty, cut."""
    parts = [text("illustrative", lang)] if sheet.is_illustrative else []
    if "provenance" in sheet.rows:  # only where rows differ
        made_up = int((sheet.rows["provenance"] == tables.words_of("illustrative", lang)).sum())
        parts += [say("some_illustrative", lang, n=f"{made_up:,}")] if made_up else []
    if sheet.all_rows == 0:
        parts.append(text("empty", lang))
    if len(sheet.rows) < sheet.all_rows:
        by = schema.label(sheet.best, lang) if sheet.best else ""
        counts = {"rows": f"{len(sheet.rows):,}", "all": f"{sheet.all_rows:,}", "table": sheet.table}
        parts.append(say("cut_best" if by else "cut_first", lang, by=by, **counts))
    return parts


def _facts(settings: Settings, lang: str, facts: Mapping[str, str]) -> dict[str, str]:
    privacy = settings.privacy
    found = {
        text("book", lang): f"{tables.book_name(settings.book, lang)} ({settings.book_id})",
        text("period", lang): str(settings.period),
        text("as_of", lang): str(settings.period.as_of),
        text("currency", lang): settings.book.currency,
        say("names", lang): say("masked" if privacy.names == "masked" else "as_given", lang),
        text("seed", lang): str(settings.seed),
        text("notice", lang): tables.book_notice(settings.book, lang),
        **facts,
    }
    return {term: value for term, value in found.items() if value}


def _lay_out(page: Worksheet, name: str) -> None:
    for column, wide in enumerate(_WIDTHS[name]):
        page.set_column(column, column, wide)
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    page.hide_gridlines(2)
