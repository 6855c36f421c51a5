"""Words of the workbooks: `excel.yml`, and the dictionary's own for units, rows and columns."""

import functools
from pathlib import Path
from typing import Any

from crmlib import schema, yml
from crmlib.params import Book
from crmlib.views import tables


def say(key: str, lang: str, **values: object) -> str:
    return _words()["texts"][key][lang].format(**values)


def unit(column: str, lang: str, book: Book) -> str:
    """What a figure of the column is measured in, or what kind of cell it is."""
    entry, words = tables.column_of(column), _words()["units"]
    by_type = entry.dtype if entry.dtype in ("date", "timestamp", "boolean") else entry.unit
    return words.get(by_type, words["number"])[lang].format(currency=book.currency)


def meaning(column: str, lang: str) -> str:
    """What the column says beyond its heading; nothing where the heading says it all."""
    return _words()["meanings"].get(column, {}).get(lang, "")


def grain(table: str, lang: str) -> str:
    """What a row of the table is; in Chinese, by the columns that tell one row from another."""
    entry = schema.TABLES[table]
    if lang == "en":
        return say("per_row", lang, grain=entry.grain.removeprefix("one row per "))
    return say("per_row", lang, grain=" × ".join(schema.label(c, lang) for c in entry.key))


@functools.cache
def _words() -> dict[str, Any]:
    return yml.read((Path(__file__).parent / "excel.yml").read_text(encoding="utf-8"))
