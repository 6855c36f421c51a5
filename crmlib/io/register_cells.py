"""Cells of registers: how each kind is read, and what to write instead of one that cannot be."""

import math
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crmlib import schema


def _date(text: str) -> datetime:
    return datetime.strptime(text.replace("/", "-"), "%Y-%m-%d")  # noqa: DTZ007 - a register holds local calendar days


def _timestamp(text: str) -> datetime:
    text = text.replace("/", "-").replace("T", " ")
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S" if text.count(":") == 2 else "%Y-%m-%d %H:%M")  # noqa: DTZ007


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _share(text: str) -> float:
    value = _number(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value


def _flag(text: str) -> bool:
    return {"true": True, "yes": True, "1": True, "是": True, "false": False, "no": False, "0": False, "否": False}[
        text.lower()
    ]


@dataclass(frozen=True)
class Kind:
    parse: Callable[[str], object]
    dtype: str
    optional_dtype: str
    advice: str


_KINDS = {
    "string": Kind(str, "str", "str", ""),
    "int64": Kind(int, "int64", "Int64", "is no whole number; write it as 3"),
    "float64": Kind(_number, "float64", "float64", "is no number; write it plainly as 1234.5, and 5 % as 0.05"),
    "share": Kind(_share, "float64", "float64", "is no share between 0 and 1; write 50 % as 0.5"),
    "boolean": Kind(_flag, "bool", "boolean", "is neither true nor false"),
    "date": Kind(_date, "datetime64[us]", "datetime64[us]", "is no date; write it as 2017-12-31"),
    "timestamp": Kind(_timestamp, "datetime64[us]", "datetime64[us]", "is no time; write it as 2017-12-31 14:30"),
}


def kind(column: str) -> Kind:
    entry = schema.COLUMNS[column]
    return _KINDS["share" if entry.unit == "share" else entry.dtype]


def problems(column: str, value: str) -> Iterator[str]:
    """What is wrong with a cell that is not empty."""
    yield from _of_type(column, value)
    yield from _of_text(column, value)


def _of_type(column: str, value: str) -> Iterator[str]:
    needed, bounds = kind(column), schema.COLUMNS[column].bounds
    try:
        parsed: Any = needed.parse(value)
    except (ValueError, KeyError):
        yield f"{column} '{value}' {needed.advice}"
        return
    if bounds and not bounds[0] <= parsed <= bounds[1]:
        yield f"{column} '{value}' is outside {bounds[0]} to {bounds[1]}; correct it"


def _of_text(column: str, value: str) -> Iterator[str]:
    """Signs that no page can show, and links that would run something."""
    hidden = sorted({ord(sign) for sign in value if unicodedata.category(sign) == "Cc" and sign not in "\t\n\r"})
    if hidden:
        yield f"{column} holds the control character U+{hidden[0]:04X}; remove it"
    if column == "link" and not value.lower().startswith(("http://", "https://")):
        yield f"link '{value}' is no web address; write it with https://, or leave it empty"
