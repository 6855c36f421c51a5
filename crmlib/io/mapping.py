"""A proposal for `sources.<name>` from a look at a file or table: for a person to check, edit and paste.

Nothing here is used by a run: what is uncertain is said in a comment, and left to the person.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from crmlib.errors import InputError
from crmlib.io import privacy, profiles, samples, synonyms
from crmlib.io.profiles import Profile
from crmlib.io.sources import FIELDS

NUMBERS = ("net_amount", "quantity", "unit_price", "csat", "nps", "cost_amount")
_TEXTS = ("text", "comment", "note", "contact_summary", "main_need")
_HIDDEN = ("customer_id", "owner", *privacy.IDENTIFIERS)
_LEAST = 40.0


def propose(place: str, table: str | None, sheet: str | None, name: str | None) -> str:
    """YAML to paste under `sources:`, with a comment on each column; `name` is the source, else the likeliest one."""
    if name is not None and name not in FIELDS:
        raise InputError(f"'{name}' is no source; choose one of {', '.join(FIELDS)}")
    if "://" in place or place.startswith("${"):
        if table is None:
            raise InputError("a database URL needs --table; give the table or view whose columns are to be mapped")
        sample = samples.of_database(place, table, Path.cwd())
    else:
        sample = samples.of_file(Path(place), sheet)
    columns = [
        profiles.profile(column, [row[i] if i < len(row) else None for row in sample.rows])
        for i, column in enumerate(sample.columns)
        if column
    ]
    if not columns or not sample.rows:
        raise InputError(f"{place} has no rows to look at; give an export with some")
    name = name or max(FIELDS, key=lambda source: _fit(source, match(source, columns)))
    return "\n".join(_lines(name, sample, columns)) + "\n"


def match(name: str, columns: Sequence[Profile]) -> dict[str, Profile]:
    """Our fields and their likeliest columns: by name, where the values allow it; each column once."""
    found = [
        (_score(field, column), -at, field, column)
        for field in FIELDS[name]
        for at, column in enumerate(columns)
        if _score(field, column) >= _LEAST
    ]
    chosen: dict[str, Profile] = {}
    for _points, _at, field, column in sorted(found, key=lambda f: f[:2], reverse=True):
        if field not in chosen and column not in chosen.values():
            chosen[field] = column
    _only_date(name, columns, chosen)
    return {field: chosen[field] for field in FIELDS[name] if field in chosen}


def _only_date(name: str, columns: Sequence[Profile], chosen: dict[str, Profile]) -> None:
    """The required date is the only column of dates, however it is called."""
    asked = [f for f, must in FIELDS[name].items() if must and f not in chosen and f.endswith(("_date", "_at"))]
    dates = [column for column in columns if column.kind == "date"]
    if asked and len(dates) == 1 and dates[0] not in chosen.values():
        chosen[asked[0]] = dates[0]


def _score(field: str, column: Profile) -> float:
    if column.kind == "empty":
        return 0.0
    is_date, is_number = field.endswith(("_date", "_at")), field in NUMBERS
    if (is_date and column.kind != "date") or (is_number and column.kind != "number"):
        return 0.0
    if column.kind == "date" and not is_date:
        return 0.0
    values = {"contact_mail": "mail", "contact_phone": "phone"}.get(field, "")
    if values and values == column.personal:
        return max(synonyms.likeness(field, column.name), 45.0)
    doubtful = values or (column.personal in ("mail", "phone") and field != "customer_id")
    return 0.0 if doubtful else synonyms.likeness(field, column.name)


def _fit(name: str, chosen: dict[str, Profile]) -> float:
    """How well a table is a source: required fields found weigh most, then how well the names fit."""
    needed = [f for f, must in FIELDS[name].items() if must]
    there = [f for f in needed if f in chosen or (f == "net_amount" and {"quantity", "unit_price"} <= set(chosen))]
    likeness = sum(synonyms.likeness(f, c.name) for f, c in chosen.items())
    return 1000.0 * len(there) / len(needed) + likeness


def _lines(name: str, sample: samples.Sample, columns: Sequence[Profile]) -> list[str]:
    chosen = match(name, columns)
    left = [c for c in columns if c not in chosen.values()]
    width = max((len(f) + len(_name(c.name)) for f, c in chosen.items()), default=0) + 2
    return [
        f"# Proposed by crm map from {sample.note}. Check it, then paste it under `sources:`.",
        *[f"# {remark}" for remark in sample.remarks],
        f"{name}:",
        *[f"  {key}: {_scalar(value)}" for key, value in sample.settings.items()],
        *_decimal_lines(chosen),
        *_date_lines(chosen),
        "  columns:",
        *[f"    {f'{f}: {_name(c.name)}':<{width}}  # {_said(c, f)}" for f, c in chosen.items()],
        *_absent(name, chosen),
        *(["  # columns without a field:"] if left else []),
        *[f"  #   {c.name}: {_said(c, '')}{_elsewhere(name, c)}" for c in left],
    ]


def _decimal_lines(chosen: dict[str, Profile]) -> list[str]:
    signs = {c.decimal for f, c in chosen.items() if f in NUMBERS} - {""}
    if len(signs) > 1:
        return ["  # some columns have a decimal comma, others a point: a source has one; export them alike"]
    return ['  decimal: ","'] if signs == {","} else []


def _date_lines(chosen: dict[str, Profile]) -> list[str]:
    """The date format, or the question where several fit: a guess would swap days and months without an error."""
    dates = {f: c for f, c in chosen.items() if c.formats}
    several = [(f, c) for f, c in dates.items() if len(c.formats) > 1]
    sure = {c.formats[0]: f for f, c in dates.items() if len(c.formats) == 1}
    lines = [f'  date_format: "{form}"' for form in list(sure)[:1]]
    if len(sure) > 1:
        lines += [f"  # {', '.join(f'{f} is {form}' for form, f in sure.items())}: one date_format per file; map one"]
    for field, column in several:
        lines += [f"  # {field}: day and month cannot be told apart in the sample; ask, and keep one of these lines"]
        lines += [f'  # date_format: "{form}"' for form in column.formats]
    return lines


def _absent(name: str, chosen: dict[str, Profile]) -> list[str]:
    absent = [f for f, must in FIELDS[name].items() if must and f not in chosen]
    if {"unit_price", "quantity"} <= set(chosen) and "net_amount" in absent:
        absent.remove("net_amount")
    return [f"    # {field}: ?  # required, and no column looks like it" for field in absent]


def _said(column: Profile, field: str) -> str:
    """Type, how full, how many values, and examples that give nobody away."""
    examples = ", ".join(_example(text, column, field) for text in column.examples)
    kind = f"{column.kind} {column.formats[0]}" if len(column.formats) == 1 else column.kind
    return f"{kind}, {column.filled:.0%} filled, {column.distinct:,} distinct: {examples}"


def _example(text: str, column: Profile, field: str) -> str:
    hidden = field in _HIDDEN or column.personal or (not field and _is_identifier(column.name))
    if column.kind not in ("date", "yes/no") and hidden:
        return profiles.masked(text)
    shown = profiles.scrubbed(text) if field in _TEXTS or not field else text
    return shown if len(shown) <= 30 else f"{shown[:29]}…"


def _is_identifier(column: str) -> bool:
    return any(synonyms.likeness(field, column) >= _LEAST for field in _HIDDEN)


def _elsewhere(name: str, column: Profile) -> str:
    """Where else in the book the column may belong."""
    found = [(_score(f, column), s, f) for s, fields in FIELDS.items() if s != name for f in fields if not fields[f]]
    points, source, field = max(found)
    return f" (like {source}.{field})" if points > 90 else ""


def _name(column: str) -> str:
    return _scalar(column)


def _scalar(value: Any) -> str:
    """A value as YAML on one line; a text that YAML would take for something else in double quotes."""
    if not isinstance(value, str):
        return str(value)
    plain = re.fullmatch(r"[A-Za-z\u4e00-\u9fff][\w\u4e00-\u9fff ./()（）*-]*(?<! )", value)
    return value if plain and yaml.safe_load(value) == value else json.dumps(value, ensure_ascii=False)
