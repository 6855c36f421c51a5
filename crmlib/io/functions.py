"""What the database that reads raw files computes and Ibis has no word for; Spark reads none and needs none of it."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
from ibis.expr import datatypes as dt


@ibis.udf.scalar.builtin
def try_strptime(text: str, pattern: str) -> dt.timestamp:
    """Text in a strftime format as a time; null where it is none."""


@ibis.udf.scalar.builtin(name="try_strptime")
def try_strptime_zone(text: str, pattern: str) -> dt.Timestamp("UTC"):  # type: ignore[valid-type]
    """Text in a strftime format with %z or %Z as a point in time; null where it is none."""


@ibis.udf.scalar.builtin(name="timezone")
def at_zone(zone: str, time: dt.timestamp) -> dt.Timestamp("UTC"):  # type: ignore[valid-type]
    """What a clock in `zone` shows, as a point in time."""


@ibis.udf.scalar.builtin(name="timezone")
def in_zone(zone: str, time: dt.Timestamp("UTC")) -> dt.timestamp:  # type: ignore[valid-type]
    """A point in time as a clock in `zone` shows it."""


@ibis.udf.scalar.builtin(name="regexp_full_match")
def matches(text: str, pattern: str) -> bool:  # type: ignore[empty-body]
    """Whether a pattern fits all of a text."""


@ibis.udf.scalar.builtin(name="strlen")
def bytes_of(text: str) -> int:  # type: ignore[empty-body]
    """Length in bytes, known without reading the text."""


@ibis.udf.scalar.builtin
def url_encode(text: str) -> str:  # type: ignore[empty-body]
    """Text in which all but letters, digits and -._~ of ASCII is written otherwise."""


@ibis.udf.scalar.builtin
def is_chosen(word: str) -> bool:  # type: ignore[empty-body]
    """Whether text is one of the words of `engine.choose`."""


@ibis.udf.scalar.builtin(name="trunc")
def whole_part(number: float) -> float:  # type: ignore[empty-body]
    """A number without its fraction."""


@ibis.udf.scalar.builtin(name="hash")
def _hash(value) -> dt.uint64:  # type: ignore[no-untyped-def]
    """64 bits that are equal for equal values."""


@ibis.udf.scalar.builtin(name="round")
def rounded(number: float) -> float:  # type: ignore[empty-body]
    """The whole number next to a float, as a float: it may be too large for anything else."""


def fingerprint(values: Sequence[ir.Value]) -> ir.Value:
    """64 bits that are equal for equal values, and seldom for others; the upper 32 depend on the first value only."""
    if len(values) == 1:
        return _hash(values[0])
    whole = _hash(ibis.struct({f"v{i}": v for i, v in enumerate(values)}))
    upper = ibis.literal(0xFFFFFFFF00000000, "uint64")
    return (_hash(values[0]) & upper) | (whole >> ibis.literal(32, "uint64"))


def second_of_day(moment: ir.Value) -> ir.Value:
    """Seconds since midnight; 0 for a day without a time."""
    if moment.type().is_date():
        return ibis.literal(0).cast("int32")
    return (moment.hour() * 3600 + moment.minute() * 60 + moment.second()).cast("int32")
