"""What the values of an unknown column look like: type, date format, how full, examples without personal data."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d", "%Y%m%d",
          "%Y年%m月%d日", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y")  # fmt: skip
_TIMES = ("", " %H:%M:%S", " %H:%M", "T%H:%M:%S", "T%H:%M:%SZ", " %H:%M:%S %z", "T%H:%M:%S%z", " %H:%M:%S.%f",
          "T%H:%M:%S.%fZ", " %H:%M:%S UTC", " %H:%M:%S.%f UTC", " %I:%M %p", " %I:%M:%S %p",
          " %H时%M分%S秒", "%H%M%S")  # fmt: skip
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.\w+")
_PHONE = re.compile(
    r"\+?(?:86[- ]?)?1[3-9]\d{9}|\+\d[\d ()-]{8,16}\d|\(?0\d{2,4}\)?[- ]\d{6,8}|\(\d{1,5}\) ?\d[\d .-]{4,12}\d"
)
_PERSON = re.compile(r"\d{17}[\dXx]")
_NUMBER = re.compile(r"[-+(]?[¥￥$€£]?\s*[-+]?\d[\d.,' \u00a0]*\)?(?:[eE][-+]?\d+)?[-]?")
_SHARE = 0.95
_TRIED = 500
_FEW = 20


@dataclass(frozen=True)
class Profile:
    """A column of a sample. `formats` are the date formats that fit; several, when they cannot be told apart.

    `words` are all values where they are few, `repeats` says whether one stands twice, `rows` how many cells there are.
    """

    name: str
    kind: str
    filled: float
    distinct: int
    examples: tuple[str, ...]
    formats: tuple[str, ...] = ()
    decimal: str = ""
    personal: str = ""
    words: tuple[str, ...] = ()
    repeats: bool = False
    rows: int = 0


def profile(name: str, cells: Sequence[Any]) -> Profile:
    """Look at the cells of one column; an empty cell is None."""
    values = [v for v in cells if v is not None and not (isinstance(v, float) and math.isnan(v))]
    texts = list(dict.fromkeys(_shown(v) for v in values))
    kind, formats = _kind(values, texts[:_TRIED])
    return Profile(
        name, kind, len(values) / len(cells) if cells else 0.0, len(texts), tuple(texts[:3]), formats,
        _decimal(texts[:_TRIED]) if kind == "number" else "", _personal(texts[:_TRIED]),
        tuple(sorted(texts)) if len(texts) <= _FEW else (), len(texts) < len(values), len(cells),
    )  # fmt: skip


def _shown(value: Any) -> str:
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return " ".join(str(value).split())


def _kind(values: Sequence[Any], texts: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Number, date, yes/no or text; native types as they are."""
    if not values:
        return "empty", ()
    for types, kind in ((bool, "yes/no"), (int | float | Decimal, "number"), (date | datetime, "date")):
        if all(isinstance(v, types) for v in values):
            return _days(kind, texts)
    formats = _formats(texts)
    if formats:
        return "date", formats
    return ("number" if _most(_NUMBER.fullmatch(t) is not None for t in texts) else "text"), ()


def _days(kind: str, texts: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """A native type, but 20240131 as a number is a day."""
    is_day = (
        kind == "number" and texts and all(re.fullmatch(r"(19|20)\d{6}", t) and _is_date(t, "%Y%m%d") for t in texts)
    )
    return ("date", ("%Y%m%d",)) if is_day else (kind, ())


def _most(found: Any) -> bool:
    hits = list(found)
    return sum(hits) >= _SHARE * len(hits)


def _formats(texts: Sequence[str]) -> tuple[str, ...]:
    """Date formats that nearly all values have, the plainest first, and its rivals of the same length."""
    if not _most(6 <= len(t) <= 40 and sum(c.isdigit() for c in t) >= 4 for t in texts):
        return ()
    fits = [day + time for time in _TIMES for day in _DATES if _most(_is_date(t, day + time) for t in texts)]
    return tuple(f for f in fits if len(f) == len(fits[0]) and ("%y" in f) == ("%y" in fits[0]))


def _is_date(text: str, pattern: str) -> bool:
    if "%Y%m%d" in pattern and not text[:8].isdigit():
        return False
    try:
        return 1900 < datetime.strptime(text, pattern).year < 2200  # noqa: DTZ007 - only the form is asked
    except ValueError:
        return False


def _decimal(texts: Sequence[str]) -> str:
    """The decimal sign: a comma where it comes last with other than three digits behind it, more often than a point."""
    comma = sum(re.search(r",\d{1,2}\)?$|\.\d{3},\d+", t) is not None for t in texts)
    point = sum(re.search(r"\.\d{1,2}\)?$|,\d{3}\.\d+", t) is not None for t in texts)
    return "," if comma > point else "." if point else ""


def _personal(texts: Sequence[str]) -> str:
    """What kind of personal data many values are: mail, phone or identity number."""
    for pattern, what in ((_MAIL, "mail"), (_PERSON, "person"), (_PHONE, "phone")):
        if texts and sum(pattern.fullmatch(t) is not None for t in texts) * 2 >= len(texts):
            return what
    return ""


def masked(text: str) -> str:
    """An identifier that cannot be recognised: its first sign and its length, roughly."""
    return f"{text[:1]}{'*' * min(len(text) - 1, 5)}" if text else text


def scrubbed(text: str) -> str:
    """A free text without mail addresses and long numbers."""
    return re.sub(r"\d{7,}", "***", _PHONE.sub("***", _MAIL.sub("***", text)))
