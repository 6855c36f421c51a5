"""Cells as values: text, numbers, money, dates and times, yes and no; null where a cell cannot be read.

Plain cells take a short way; whatever is written otherwise goes through `_cleaned`, row by row.
"""

import re
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from crmlib.io import functions

ID_LENGTH = 200
TEXT_LENGTH = 32_767
LARGEST = 1e15
"""Money in minor units stays below this: eight times smaller than the whole numbers that a float still tells apart."""

_SIGNS = {
    "CNY": ("CN¥", "¥", "元", "人民币", "RMB"),
    "JPY": ("JP¥", "¥", "円", "日元"),
    "USD": ("US$", "$", "美元"),
    "EUR": ("€", "欧元"),
    "GBP": ("£", "英镑"),
    "HKD": ("HK$", "$", "港元", "港币"),
    "TWD": ("NT$", "$", "新台币"),
    "SGD": ("S$", "$"),
    "AUD": ("A$", "$", "澳元"),
    "CAD": ("C$", "$", "加元"),
    "NZD": ("NZ$", "$"),
    "KRW": ("₩", "韩元"),
    "INR": ("₹",),
    "RUB": ("₽", "卢布"),
    "THB": ("฿", "泰铢"),
    "VND": ("₫",),
    "CHF": ("Fr.",),
    "BRL": ("R$",),
    "MXN": ("$",),
    "SEK": ("kr",),
    "NOK": ("kr",),
    "DKK": ("kr",),
    "PLN": ("zł",),
    "ZAR": (),
    "TRY": ("₺",),
    "AED": (),
    "SAR": (),
    "MYR": ("RM",),
    "IDR": ("Rp",),
    "PHP": ("₱",),
    "MOP": (),
    "ILS": ("₪",),
    "CZK": ("Kč",),
    "HUF": ("Ft",),
}  # fmt: skip
"""ISO codes of currencies, and the other signs that stand for them before or after an amount."""

_EDGE = r"[\s\p{Z}\x{180E}\x{200B}-\x{200F}\x{2060}\x{FEFF}]"
_CONTROL = r"\x00-\x08\x0B\x0C\x0E-\x1F\x7F"
_END = rf"[^\s\p{{Z}}\x{{180E}}\x{{200B}}-\x{{200F}}\x{{2060}}\x{{FEFF}}{_CONTROL}]"
_PLAIN = rf"{_END}(?:[^{_CONTROL}]*{_END})?"
_SHORT = rf"{_END}(?:[^{_CONTROL}]{{0,{ID_LENGTH - 2}}}{_END})?"
_WIDE = "０１２３４５６７８９．，－＋（）％￥＄：／−’\u00a0\u2007\u2009\u202f\u3000"
_NARROW = "0123456789.,-+()%¥$:/-'     "


@dataclass(frozen=True)
class Written:
    """How a source writes its amounts: the decimal sign and the currency whose sign may stand beside them."""

    decimal: str
    currency: str


def bare(cell: ir.Value) -> ir.Value:
    """A cell as text without blanks at its ends, seen or unseen (no-break, zero-width); null when empty."""
    return cell.cast("string").re_replace(f"^{_EDGE}+|{_EDGE}+$", "").nullif("")


def text(cell: ir.Value, limit: int = TEXT_LENGTH) -> ir.Value:
    """A cell as text; null where it is empty, too long, or holds control characters.

    A whole number that comes as a float (a column with gaps, in Excel or Parquet) is written without '.0'.
    """
    if cell.type().is_floating():
        whole = (cell == cell.floor()) & (cell.abs() < LARGEST)
        return ibis.cases((whole, cell.cast("int64").cast("string")), else_=cell.cast("string"))
    if not cell.type().is_string():
        return cell.cast("string")
    stripped = bare(cell)
    return ibis.cases((is_text(stripped) & (stripped.length() <= limit), stripped))


def same_id(text: ir.StringValue) -> ir.Value:
    """An id without its case and the signs around it: equal for ids that a person would read as one."""
    return text.lower().re_replace(r"^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$", "").nullif("")


def is_plain(cell: ir.Value, limit: int, *, repeats: bool = False) -> ir.Value:
    """Whether text needs no look at `text`, which would give it back as it is; null for null.

    What has only letters, digits and -._~ is found in a third of the time that the pattern takes; most ids are so.
    Where cells repeat (in a dictionary of Parquet), the engine applies one pattern once per word, faster still.
    """
    if limit == ID_LENGTH and repeats:
        return functions.matches(cell, _SHORT)
    plain = functions.matches(cell, _PLAIN) & (functions.bytes_of(cell) <= limit)
    if limit > ID_LENGTH:
        return plain
    simple = (functions.url_encode(cell) == cell) & (functions.bytes_of(cell) <= limit) & (cell != "")
    return ibis.cases((simple, True), else_=plain)


def is_error(cell: ir.Value) -> ir.Value:
    """Whether a cell holds what Excel shows where a formula failed."""
    return functions.matches(cell, r"#(N/A|DIV/0!|VALUE!|REF!|NAME\?|NUM!|NULL!)")


def is_text(value: ir.Value) -> ir.Value:
    """Whether text is free of control characters; tabs and line ends are no harm."""
    return ~value.re_search(f"[{_CONTROL}]")


def quick_number(cell: ir.Value, written: Written) -> ir.Value:
    """The number of a plain cell, null or not finite for any other: `number` looks at those again."""
    if cell.type().is_numeric():
        return cell.cast("float64")
    if not cell.type().is_string():
        return ibis.null("float64")
    if written.decimal == ",":
        return ibis.cases((~cell.contains("."), cell.replace(",", ".").try_cast("float64")))
    return cell.try_cast("float64")


def number(cell: ir.Value, quick: ir.Value, written: Written) -> ir.Value:
    """A cell as a number; null where it is none, or not finite."""
    finite = quick.abs() < float("inf")
    if cell.type().is_numeric():
        return ibis.cases((finite, quick))
    if not cell.type().is_string():
        return ibis.null("float64")
    found = _cleaned(cell, written).try_cast("float64")
    return ibis.cases((finite & ~cell.contains("_") & ~cell.contains("+-"), quick), (found.abs() < float("inf"), found))


def exact(cell: ir.Value, written: Written) -> ir.Value:
    """The same number as it is written, to nine decimals; null from 1e15 on."""
    if cell.type().is_string():
        return _cleaned(cell, written).try_cast("decimal(24, 9)")
    return cell.cast("string").try_cast("decimal(24, 9)") if cell.type().is_numeric() else ibis.null("decimal(24, 9)")


def times(one: ir.Value, other: ir.Value) -> ir.Value:
    """The product of two exact numbers; null where it is 1e15 or more."""
    return (one.try_cast("decimal(19, 9)") * other.try_cast("decimal(19, 9)")).try_cast("decimal(24, 9)")


def minor(amount: ir.Value, precise: ir.Value, digits: int) -> ir.Value:
    """Money in whole minor units, halves away from zero; null where it is too large to be money.

    Where the fraction of `amount` (a float) is so near a half that the binary number may lie on its wrong side,
    `precise` (as written) decides, so that 1.005 is 1.01.
    """
    scaled = amount * 10**digits
    clear = (scaled.abs() < 1e9) & (((scaled - functions.whole_part(scaled)).abs() - 0.5).abs() > 1e-6)
    rounded = precise.try_cast(f"decimal(24, {digits})") * 10**digits
    return ibis.cases(
        (clear, scaled.round().cast("int64")),
        (scaled.abs() < LARGEST, rounded.try_cast("int64")),
        else_=ibis.null("int64"),
    )


def is_number(cell: ir.Value, written: Written) -> ir.Value:
    """Whether a cell that gave no value is a number nevertheless: one that is too large."""
    if cell.type().is_string():
        return _cleaned(cell, written).notnull()
    return ~cell.cast("float64").isnan() if cell.type().is_numeric() else ibis.literal(False)  # noqa: FBT003


def is_other_currency(cell: ir.Value, written: Written) -> ir.Value:
    """Whether a cell is an amount beside the sign of another currency."""
    if not cell.type().is_string():
        return ibis.literal(False)  # noqa: FBT003
    return _cleaned(cell, written).isnull() & functions.matches(_narrow(cell), _amount(_any_sign(), written.decimal))


def _narrow(cell: ir.Value) -> ir.Value:
    return bare(cell.cast("string").translate(_WIDE, _NARROW))


def _own_signs(currency: str) -> str:
    signs = [re.escape(sign) for sign in _SIGNS.get(currency, ()) if sign != "RMB"]
    codes = [currency, *(["RMB"] if currency == "CNY" else [])]
    return "|".join([f"(?i:{'|'.join(codes)})", *signs])


def _any_sign() -> str:
    signs = sorted({re.escape(sign) for signs in _SIGNS.values() for sign in signs}, key=lambda s: (-len(s), s))
    return f"(?i:{'|'.join(_SIGNS)})|" + "|".join(signs)


def _amount(signs: str, decimal: str) -> str:
    """A whole cell that is an amount: optional sign of currency, minus before or after, or brackets for minus."""
    groups = [",", " ", "'"] if decimal == "." else [r"\.", " ", "'"]
    point = r"\." if decimal == "." else ","
    grouped = "|".join(rf"\d{{1,3}}(?:{g}\d{{3}})+" for g in groups)
    number = rf"(?:(?:{grouped}|\d+)(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d{{1,3}})?"
    sign = f"(?:{signs})"
    return "|".join(
        [
            rf"[+-]? ?{sign}? ?{number} ?{sign}?",
            rf"{sign} ?[+-] ?{number}",
            rf"{sign}? ?{number} ?{sign}? ?-",
            rf"{sign}? ?\( ?{sign}? ?{number} ?{sign}? ?\) ?{sign}?",
        ]
    )


def _cleaned(cell: ir.Value, written: Written) -> ir.Value:
    """A number as every program reads it, from one of the ways in which people write it; null for any other text."""
    narrow, signs = _narrow(cell), _own_signs(written.currency)
    alone = narrow.re_replace(signs, "").strip()
    group = "," if written.decimal == "." else r"\."
    digits = alone.re_replace(rf"^[+-]|-$|[ '()]|{group}", "").replace(written.decimal, ".")
    value = ibis.ifelse(alone.re_search(r"^-|-$|\("), ibis.literal("-").concat(digits), digits)
    return ibis.cases((functions.matches(narrow, _amount(signs, written.decimal)), value))


def whole(found: ir.Value, bounds: tuple[float, float] | None) -> ir.Value:
    """A number that must be whole and, where it has bounds, within them."""
    good = (found == found.floor()) & (found.abs() < LARGEST)
    if bounds:
        good = good & found.between(*bounds)
    return ibis.cases((good, found.cast("int64")))


def boolean(cell: ir.Value) -> ir.Value:
    """Yes or no, in words or as 1 and 0."""
    said = bare(cell).lower()
    return ibis.cases(
        (said.isin(["true", "yes", "y", "t", "1", "1.0", "是", "真"]), True),
        (said.isin(["false", "no", "n", "f", "0", "0.0", "否", "假"]), False),
        else_=ibis.null("boolean"),
    )


_OWN = {"%Y-%m-%d": ("date", 10), "%Y-%m-%d %H:%M:%S": ("timestamp", 19)}
"""Formats in which the engine itself writes days and times, and their length."""


@dataclass(frozen=True)
class Clock:
    """How a source writes its days and times, in which zone its clocks run, and in which the book's."""

    pattern: str
    zone: str | None
    book_zone: str | None


def moment(cell: ir.Value, clock: Clock) -> ir.Value:
    """A cell as a day (date) or as a time in the book's zone (timestamp); null where it is none in the declared format.

    A local time that the clocks skipped in spring counts from before the change (02:30 becomes 03:30); one that came
    twice in autumn is taken as the second. A day without a time is not moved between zones.
    """
    kind = cell.type()
    if kind.is_date():
        return cell
    if kind.is_timestamp():
        naive = cell if kind.timezone is None else functions.in_zone("UTC", cell.cast("timestamp('UTC')"))
        return _moved(naive, clock.zone if kind.timezone is None else "UTC", clock)
    written = cell if kind.is_string() else cell.cast("string")
    return _parsed([written, _narrow(written)], clock)


def quick_moment(cell: ir.Value, clock: Clock) -> ir.Value:
    """The day or time of a plain cell, null for any other: `moment` looks at those again.

    In the engine's own formats, what comes back as written was written so: neither 24:00:00 nor a fraction passes.
    """
    if not cell.type().is_string():
        return moment(cell, clock)
    if clock.pattern not in _OWN:
        return _parsed([cell], clock)
    kind, length = _OWN[clock.pattern]
    found = cell.try_cast(kind)
    plain = ibis.cases(((found.cast("string") == cell) & (functions.bytes_of(cell) == length), found))
    return plain if kind == "date" else _moved(plain, clock.zone, clock)


def _parsed(texts: list[ir.Value], clock: Clock) -> ir.Value:
    """The first of some texts that is in the declared format."""
    has_zone = re.search(r"%[zZ]", clock.pattern)
    parse = functions.try_strptime_zone if has_zone else functions.try_strptime
    found = [parse(text, clock.pattern) for text in texts]
    first = ibis.coalesce(*found) if len(found) > 1 else found[0]
    if has_zone:
        return _moved(functions.in_zone("UTC", first), "UTC", clock)
    return _moved(first, clock.zone, clock) if re.search(r"%[HIMSfcXT]", clock.pattern) else first.date()


def _moved(time: ir.Value, zone: str | None, clock: Clock) -> ir.Value:
    """A clock time of one zone as the book's."""
    to = clock.book_zone or clock.zone or "UTC"
    return time if zone is None or zone == to else functions.in_zone(to, functions.at_zone(zone, time))
