"""Times that say their own zone: what to tell where nobody said by whose days they are counted."""

import re
from collections.abc import Sequence

from crmlib.io.sources import Part
from crmlib.io.typed import DATES, TIMES, Form

_UTC = "so that days are UTC days"


def letter(pattern: str) -> bool:
    """Whether a format ends in letters that stand for UTC, which are read as letters."""
    return re.search(r"(?<!%)(Z|UTC|GMT)$", pattern) is not None


def notices(form: Form, parts: Sequence[Part]) -> list[str]:
    """What to set where the times of a source count by UTC days because neither the book nor the source has a zone."""
    own, book, said = form.source.time_zone, form.settings.book.time_zone, f"sources.{form.name}"
    at = [(part.date_format, part.table[f].type()) for part in parts for f in form.fields if f in DATES + TIMES]
    written = {pattern for pattern, kind in at if kind.is_string()}
    is_native = any(kind.is_timestamp() and kind.timezone is not None for _pattern, kind in at)
    if any(map(letter, written)) and own is None:
        return [
            f"{said}: times are written as UTC, {_UTC}; for the book's own set {said}.time_zone: UTC and book.time_zone"
        ]
    is_zoned = is_native or any(re.search("%[zZ]", pattern) or letter(pattern) for pattern in written)
    if is_zoned and book is None and own in (None, "UTC"):
        return [f"{said}: times carry a zone, and book.time_zone is not set, {_UTC}; set it to count the book's own"]
    return []
