"""Every table and column once: type, unit, key, grain, English, Chinese.

`columns.py` and one file per step hold the dictionary; this file answers questions about it.
Money is an integer number of the currency's minor unit (cents, fen) wherever a column ends in `_minor`.
"""

from collections.abc import Iterable

from crmlib.schema import (
    actions,
    campaign,
    collect,
    effects,
    feedback,
    market,
    playbook,
    position,
    profile,
    quality,
    resources,
    review,
    scorecard,
    segment,
    standards,
    strategy,
    trend,
    value,
    weekly,
    words,
)
from crmlib.schema.model import Column, Register, Table

STEPS = ("collect", "segment", "market", "strategy", "review")
_PARTS = {
    collect: "collect",
    quality: "collect",
    feedback: "collect",
    segment: "segment",
    profile: "segment",
    value: "segment",
    market: "market",
    position: "market",
    trend: "market",
    strategy: "strategy",
    campaign: "strategy",
    playbook: "strategy",
    resources: "strategy",
    actions: "strategy",
    weekly: "strategy",
    review: "review",
    scorecard: "review",
    standards: "review",
    effects: "review",
    words: "",
}


def _merge(name: str) -> dict:
    merged: dict = {}
    for part in _PARTS:
        entries = getattr(part, name, {})
        twice = merged.keys() & entries.keys()
        if twice:
            raise TypeError(f"schema: {name} defines {sorted(twice)} twice")
        merged.update(entries)
    return merged


COLUMNS: dict[str, Column] = _merge("COLUMNS")
TABLES: dict[str, Table] = _merge("TABLES")
REGISTERS: dict[str, Register] = _merge("REGISTERS")
WORDS: dict[str, dict[str, str]] = _merge("WORDS")


def label(column: str, lang: str) -> str:
    """What a reader sees as the heading of `column`."""
    return getattr(COLUMNS[column], lang)


def title(table: str, lang: str) -> str:
    return getattr(TABLES[table], lang)


def word(value: object, lang: str) -> str:
    """The reader's word for a code such as 'high' or 'regular_2'; other text is returned as it is."""
    text = str(value)
    base, _cut, number = text.rpartition("_")
    if text not in WORDS and base in WORDS and number.isdigit():
        return f"{WORDS[base][lang]} {number}"
    return WORDS[text][lang] if text in WORDS else text


def source(name: object, lang: str) -> str:
    """The reader's word for a source of the params; other text is returned as it is."""
    return WORDS.get(f"source_{name}", {}).get(lang, str(name))


def step_of(table: str) -> str:
    """The step that makes `table`."""
    return next(step for part, step in _PARTS.items() if table in getattr(part, "TABLES", {}))


def deliverables() -> list[str]:
    """Names of the tables that go to people, in the order of the method."""
    named = [name for name, table in TABLES.items() if table.deliverable]
    return sorted(named, key=lambda name: TABLES[name].deliverable)


def columns(name: str, found: Iterable[str]) -> list[str]:
    """The columns of a table in their order; raises when a result has other columns than its table promises."""
    wanted, there = TABLES[name].columns, set(found)
    if there != set(wanted):
        raise TypeError(
            f"table {name}: missing {sorted(set(wanted) - there)}, unexpected {sorted(there - set(wanted))}"
        )
    return list(wanted)
