"""One row that was set aside, as a sentence for the person who can mend it: where, what was found, what to do."""

import pandas as pd

from crmlib.io import profiles, sources, typed, values
from crmlib.params import Settings, Source

_WORDS = 20


def sentence(row: pd.Series, settings: Settings) -> str:
    """One quarantined row as a sentence that says what to do."""
    source = sources.named(settings)[row.source]
    column = source.columns.get(row.field, row.field)
    key = f"sources.{row.source}"
    at = f"{row.file} row {row.row}"
    found = "" if pd.isna(row.value) else f" '{row.value}'"
    if row.reason in ("malformed", "duplicate", "conflict"):
        return f"{at} {_of_row(row, found, key, source)}"
    column = "" if row.field == "row" else f": {column}"
    return f"{at}{column}{_of_cell(row, found, key, source, settings)}"


def hint(reason: str, cells: list[str]) -> str:
    """What many cells with one fault tell together: the format of dates, the words that have no class."""
    if reason == "unknown_class" and len(cells) > 1:
        return f", of these words: {', '.join(cells[:_WORDS])}{', …' if len(cells) > _WORDS else ''}"
    formats = profiles.profile("", cells).formats if reason == "not_a_date" else ()
    return f", which fit '{formats[0]}'" if len(formats) == 1 else ""


def _of_row(row: pd.Series, found: str, key: str, source: Source) -> str:
    if row.reason == "malformed":
        return (
            f"cannot be split into the columns of the header{found}; "
            f"quote cells that hold the delimiter, a quote or a line end, or set {key}.delimiter"
        )
    if row.reason == "duplicate":
        return f"repeats an earlier row; remove it, or set {key}.duplicates to keep"
    name = source.columns.get(row.field, row.field)
    return (
        f"has the {name}{found} of an earlier row and other values; the first one counts: "
        f"remove one of them, or correct {key}.columns.{row.field}"
    )


def _of_cell(row: pd.Series, found: str, key: str, source: Source, settings: Settings) -> str:
    pattern = _pattern(source, row)
    own = source.currency or settings.book.currency
    says = {
        "missing": f" is empty; fill it in or correct {key}.columns.{row.field}",
        "not_a_date": f"{found} is no date in format '{pattern}'; fix the row or set {key}.date_format",
        "not_a_number": f"{found} is no amount; write it as 1234{source.decimal}56, or correct {key}.decimal "
        f"('{source.decimal}')",
        "future_date": f"{found} is later than the extract of {source.extracted_on}; fix the row or {key}.extracted_on",
        "other_currency": f"{found} is not in {own}; convert it, or give {key}.columns.currency and book.rates",
        "out_of_range": f"{found} is {_out_of(row.field)}; fix the row",
        "unknown_class": f"{found} is no word of {key}.classes.kinds; add it there with its class (sale, return, …)",
        "not_text": f"{found} holds bytes that are no text; export the file again or set {key}.encoding",
        "too_long": f"{found} is longer than {_limit(row.field)} characters; shorten it, or look for an open quote",
    }
    return says[row.reason]


def _pattern(source: Source, row: pd.Series) -> str:
    name = str(row.file).split("[")[0]
    return source.date_format if isinstance(source.date_format, str) else sources.date_format(source, name)


def _out_of(field: str) -> str:
    return (
        "too large for money" if field in typed.NUMBERS else "outside 1970-01-02 to 2100-12-31, or stands for no date"
    )


def _limit(field: str) -> int:
    return values.ID_LENGTH if field in typed.IDS else values.TEXT_LENGTH
