"""A proposed mapping in words: YAML to paste, with a comment on each column that gives nobody away."""

import json
import re
from collections.abc import Sequence
from typing import Any

import yaml

from crmlib.io import privacy, profiles, synonyms, zones
from crmlib.io.profiles import Profile
from crmlib.io.samples import Sample
from crmlib.io.sources import FIELDS

NUMBERS = ("net_amount", "quantity", "unit_price", "csat", "nps", "cost_amount")
LEAST = 40.0
"""How alike the names of a column and of a field must be at least, of 101."""
_TEXTS = ("text", "comment", "note", "contact_summary", "main_need")
_HIDDEN = ("customer_id", "owner", *privacy.IDENTIFIERS)
_DAY = ("customer_id", "order_date")
_NUMBERED = ("day", "dayno", "daynum", "daynumber", "dayindex")
_MADE = {"net_amount": {"quantity", "unit_price"}, "order_id": set(_DAY)}
"""Fields of orders that others give together: an amount, and what a customer buys on a day."""
_OFFSET = r":\d\d(\.\d+)?[+-]\d\d:\d\d$"
"""How a time that is no text ends where it has a zone."""
_KINDS = {"cancellation": r"cancel|void|abort|unpaid|unavailable|declin|fail|取消|作废|关闭|未付款",
          "return": r"return|refund|credit|chargeback|退",
          "free": r"\bfree\b|gratis|gift(?! ?card)|giveaway|sample|赠|免费"}  # fmt: skip


def lines(
    found: dict[str, dict[str, Profile]], sample: Sample, columns: Sequence[Profile], doubts: Sequence[str]
) -> list[str]:
    """The sources that a sample gives, the main one first, and at the end the columns that none of them takes.

    `doubts` are lines on the main one: what was corrected in it, and what else its rows say.
    """
    used = [column for chosen in found.values() for column in chosen.values()]
    left = [c for c in columns if c not in used]
    main, *beside = found
    return [
        f"# Proposed by crm map from {sample.note}. Check it, then paste it under `sources:`.",
        *[f"# {remark}" for remark in sample.remarks],
        *_source(main, sample, found[main], columns, doubts),
        *_numbered_days(main, found[main], left),
        *(["  # columns without a field:"] if left else []),
        *[f"  #   {c.name}: {_said(c, '')}{_elsewhere(main, c)}" for c in left],
        *(["# The same file says this too; leave out what comes from a better one:"] if beside else []),
        *[line for name in beside for line in _source(name, sample, found[name], columns)],
    ]


def _source(
    name: str, sample: Sample, chosen: dict[str, Profile], columns: Sequence[Profile], doubts: Sequence[str] = ()
) -> list[str]:
    left = [c for c in columns if c not in chosen.values()]
    width = max((len(f) + len(_scalar(c.name)) for f, c in chosen.items()), default=0) + 2
    return [
        f"{name}:",
        *[f"  {key}: {_scalar(value)}" for key, value in sample.settings.items()],
        *_decimal_lines(chosen),
        *_date_lines(chosen),
        *_row_lines(name, sample, chosen),
        *doubts,
        "  columns:",
        *[f"    {f'{f}: {_scalar(c.name)}':<{width}}  # {_said(c, f)}" for f, c in chosen.items()],
        *[
            f"    # {field}: ?  # required, and no column looks like it{_named(field, left)}"
            for field in missing(name, chosen)
        ],
        *_joined_lines(name, sample, chosen),
    ]


def _named(field: str, left: Sequence[Profile]) -> str:
    """A column that is called like a field, and holds something else."""
    alike = max(left, key=lambda c: synonyms.likeness(field, c.name), default=None)
    if alike is None or synonyms.likeness(field, alike.name) <= synonyms.PART:
        return ""
    held = f"{alike.name} has its name; its values are {alike.kind}"
    return f"; {held}{', in no known format' if field.endswith(('_date', '_at')) else ''}"


def missing(name: str, chosen: dict[str, Profile]) -> list[str]:
    """The required fields that no column gives, nor several together."""
    made = _MADE if name == "orders" else {}
    return [f for f, must in FIELDS[name].items() if must and f not in chosen and not made.get(f, {f}) <= set(chosen)]


def is_new_each_time(chosen: dict[str, Profile]) -> bool:
    """Whether each order has a customer of its own, as far as the sample can tell."""
    return {"customer_id", "order_id"} <= set(chosen) and chosen["customer_id"].distinct >= chosen["order_id"].distinct


def _joined_lines(name: str, sample: Sample, chosen: dict[str, Profile]) -> list[str]:
    """Where orders are told by one part of what they need, the other part may stand in a second file or table."""
    if name != "orders" or "order_id" not in chosen or not missing(name, chosen):
        return []
    if "url" in sample.settings:
        return ["    # where another table has that by order_id: a `query` that joins them, instead of `table`"]
    told = (
        "    # where another file has that by order_id: `url: duckdb://` and a `query` that joins them (see README.md)"
    )
    return [told]


def _numbered_days(name: str, chosen: dict[str, Profile], left: Sequence[Profile]) -> list[str]:
    """Days counted from a start, as published logs have them, become dates by a query."""
    if name != "orders" or "order_date" in chosen:
        return []
    days = [c.name for c in left if c.kind == "number" and not c.decimal and synonyms.plain(c.name) in _NUMBERED]
    way = "`url: duckdb://` and a `query` with"
    return [f"    # {day} may count days from a start: {way} `DATE '2024-01-01' + \"{day}\"::INT`" for day in days]


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
    lines += _zone_lines(list(chosen.values()))
    for field, column in several:
        lines += [f"  # {field}: day and month cannot be told apart in the sample; ask, and keep one of these lines"]
        lines += [f'  # date_format: "{form}"' for form in column.formats]
    return lines


def _zone_lines(columns: Sequence[Profile]) -> list[str]:
    """By whose days times are counted that say their own zone."""
    told = "days are UTC days until `book.time_zone` names the book's own"
    formats = [form for c in columns for form in c.formats]
    if any(map(zones.letter, formats)):
        return [f"  time_zone: UTC  # times are written as UTC: {told}"]
    is_written = any("%z" in form for form in formats)
    is_native = any(c.kind == "date" and not c.formats and re.search(_OFFSET, c.examples[0]) for c in columns)
    return [f"  # times carry a zone: {told}"] if is_written or is_native else []


def _row_lines(name: str, sample: Sample, chosen: dict[str, Profile]) -> list[str]:
    """What the rows are: lines of orders, or of products and customers that stand in many lines."""
    if name in ("products", "customers"):
        several = chosen[next(iter(chosen))].repeats
        return ["  duplicates: collapse  # one row of each counts"] if several else []
    if name != "orders":
        return []
    day = ", ".join(_DAY)
    once = ["  # customer_id is another one in each order: if customers have an id that stays, map that"]
    made = [f"  order_id_from: [{day}]  # no column looks like an order id: one order per customer and day"]
    return [
        *(made if "order_id" not in chosen and set(_DAY) <= set(chosen) else []),
        *(once if is_new_each_time(chosen) else []),
        *_kind_lines(sample, chosen),
    ]


def _kind_lines(sample: Sample, chosen: dict[str, Profile]) -> list[str]:
    """What each word of a column of kinds stands for, by what such words mostly mean."""
    if "row_kind" not in chosen:
        return []
    below = _below_zero(sample, chosen)
    kinds = {word: _kind(word, is_below=word in below) for word in chosen["row_kind"].words}
    sign = "  # amounts without a minus: `returns: positive`, or adjustment where the order itself bears this word"
    words = [
        f"      {_scalar(word)}: {kind}{sign if kind == 'return' and word not in below else ''}"
        for word, kind in kinds.items()
    ]
    told = "# sale, return, cancellation (undoes a sale), adjustment (counts nowhere), free: check each word"
    return ["  classes:", f"    kinds:  {told}", *words]


def _kind(word: str, *, is_below: bool) -> str:
    """A cancelled order that keeps its positive amount has never brought that money."""
    kind = next((kind for kind, pattern in _KINDS.items() if re.search(pattern, word, re.IGNORECASE)), "sale")
    return "adjustment" if kind == "cancellation" and not is_below else kind


def _below_zero(sample: Sample, chosen: dict[str, Profile]) -> set[str]:
    """The words of a kind whose rows have amounts or quantities below zero."""
    kind = sample.columns.index(chosen["row_kind"].name)
    numbers = [sample.columns.index(chosen[f].name) for f in ("net_amount", "quantity") if f in chosen]
    return {
        " ".join(str(row[kind]).split())
        for row in sample.rows
        if len(row) > max([kind, *numbers]) and any(str(row[n] or "").strip().startswith(("-", "(")) for n in numbers)
    }


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
    return any(synonyms.likeness(field, column) >= LEAST for field in _HIDDEN)


def _elsewhere(name: str, column: Profile) -> str:
    """Where else in the book the column may belong."""
    found = [
        (synonyms.likeness(f, column.name), s, f)
        for s, fields in FIELDS.items()
        if s != name
        for f in fields
        if not fields[f]
    ]
    points, source, field = max(found)
    return f" (like {source}.{field})" if points > 90 else ""


def _scalar(value: Any) -> str:
    """A value as YAML on one line; a text that YAML would take for something else in double quotes."""
    if not isinstance(value, str):
        return str(value)
    plain = re.fullmatch(r"[A-Za-z\u4e00-\u9fff][\w\u4e00-\u9fff ./()（）*-]*(?<! )", value)
    return value if plain and yaml.safe_load(value) == value else json.dumps(value, ensure_ascii=False)
