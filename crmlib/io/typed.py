"""Raw cells of one source become typed fields, money and row classes, however they are written.

Rows whose cells are all plain take a shorter way to the same values: `plain`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir

from crmlib import schema
from crmlib.io import classes, privacy, sources, values
from crmlib.params import Settings, Source

MONEY = {"net_amount": "net_minor", "cost_amount": "cost_minor"}
NUMBERS = ("net_amount", "cost_amount", "quantity", "unit_price", "csat", "nps")
WHOLE = ("csat", "nps")
DATES = ("order_date", "start_date", "end_date", "redemption_date", "founded_date", "contact_verified_date",
         "survey_date", "cost_date")  # fmt: skip
TIMES = ("interaction_at", "opened_at", "first_reply_at", "analysed_at", "closed_at")
IDS = ("order_id", "customer_id", "product_id", "campaign_id", "store_id", "original_order_id", "survey_id",
       "ticket_id", "interaction_id", "currency", "row_kind", "category", "cost_kind")  # fmt: skip
KEYS = {"customers": "customer_id", "products": "product_id", "campaigns": "campaign_id", "tickets": "ticket_id"}
LIKE = "like_id"
"""Of a customer in the customer file: the pseudonym of his id without case and outer signs, to tell ids that differ in
these alone. Of an order it is not known: it would cost a second hash of every line."""
_FIRST, _LAST = date(1970, 1, 2), date(2100, 12, 31)
_FOUNDED, _PLACEHOLDER = date(1600, 1, 1), date(1900, 1, 1)


@dataclass(frozen=True)
class Form:
    """One source as it is to be read: its fields in order, and those that a row cannot do without."""

    name: str
    source: Source
    settings: Settings
    fields: tuple[str, ...]
    needed: tuple[str, ...]

    @property
    def written(self) -> values.Written:
        return values.Written(self.source.decimal, self.source.currency or self.settings.book.currency)

    def clock(self, pattern: str) -> values.Clock:
        return values.Clock(pattern, self.source.time_zone, self.settings.book.time_zone)

    @property
    def digits(self) -> int:
        """Decimals of the source's amounts that stand for minor units."""
        return 0 if self.source.amount_unit == "minor" else self.settings.book.minor_digits

    @property
    def money(self) -> str | None:
        """The stored name of the source's amount."""
        amount = {"orders": "net_minor", "costs": "cost_minor"}
        return amount.get(self.name)


def form(settings: Settings, name: str) -> Form:
    """The form of a mapped source."""
    source = sources.named(settings)[name]
    fields = tuple(source.columns)
    needed = [f for f, must in sources.FIELDS[name].items() if must and f in fields]
    if name == "orders" and "net_amount" not in fields:
        needed += ["unit_price", "quantity"]
    return Form(name, source, settings, fields, tuple(needed))


@dataclass(frozen=True)
class Layout:
    """How some files of a source are written: their date format, and the ending that says of what kind they are."""

    pattern: str
    ending: str

    @property
    def has_errors(self) -> bool:
        """Whether a cell may hold what Excel shows where a formula failed."""
        return self.ending in sources.EXCEL

    @property
    def has_words(self) -> bool:
        """Whether a column may be stored as a dictionary."""
        return self.ending in sources.PARQUET


def layout(part: sources.Part) -> Layout:
    return Layout(part.date_format, Path(part.file.split("[")[0]).suffix.lower())


def rows(form: Form, raw: ir.Table, layout: Layout) -> ir.Table:
    """Rows of files that are written alike, however their cells are: the stored fields, and `raw_*` as they came.

    What `raw` has beside the cells is kept. Each step must stay one (`engine.scan`), or values are computed again.
    """
    others = [name for name in raw.columns if name not in form.fields]
    read = raw.mutate(**dict(_quick(form, raw, layout.pattern)))
    read = read.select(*others, *_kept(form, read), **dict(_read(form, read, layout)))
    if form.money is None:
        return read
    priced = read.mutate(**_priced(form, read))
    return priced.mutate(**classed(form, priced))


def _quick(form: Form, raw: ir.Table, pattern: str) -> Iterator[tuple[str, ir.Value]]:
    """What takes long and is looked at more than once."""
    for field in form.fields:
        if field in NUMBERS:
            yield f"quick_{field}", values.quick_number(raw[field], form.written)
        elif field in DATES or field in TIMES:
            yield f"quick_{field}", values.moment(raw[field], form.clock(pattern))


def _kept(form: Form, quick: ir.Table) -> list[Any]:
    """The cells as they came, and the times before their bounds are looked at."""
    moments = [f"quick_{f}" for f in form.fields if f in DATES + TIMES]
    return [*moments, *[quick[f].name(f"raw_{f}") for f in form.fields]]


def _read(form: Form, quick: ir.Table, layout: Layout) -> Iterator[tuple[str, ir.Value]]:
    for field in form.fields:
        cell = quick[field]
        if field in NUMBERS:
            found = values.number(cell, quick[f"quick_{field}"], form.written)
            yield field, values.whole(found, schema.COLUMNS[field].bounds) if field in WHOLE else found
        elif field in DATES or field in TIMES:
            moment = quick[f"quick_{field}"]
            yield field, ibis.cases((within(field, moment), moment))
        elif field == "is_escalated":
            yield field, values.boolean(cell)
        else:
            text = values.text(cell, limit(field))
            if layout.has_errors and cell.type().is_string():
                text = ibis.cases((~values.is_error(text), text))
            yield from identity(form, text) if field == "customer_id" else [(field, text)]


def identity(form: Form, text: ir.Value) -> Iterator[tuple[str, ir.Value]]:
    """The customer's id as it is stored, and in the customer file what it is like."""
    yield "customer_id", privacy.customer_id(text, form.settings)
    if form.name == "customers":
        yield LIKE, privacy.customer_id(values.same_id(text), form.settings)


def limit(field: str) -> int:
    """The most characters that a text may have."""
    return values.ID_LENGTH if field in IDS else values.TEXT_LENGTH


def within(field: str, moment: ir.Value) -> ir.Value:
    """Whether a day can be meant: 1900-01-01, 1970-01-01 and 9999-12-31 stand for an unknown one."""
    first = _FOUNDED if field == "founded_date" else _FIRST
    bounds = (moment >= bound(moment, first)) & (moment < bound(moment, date(_LAST.year + 1, 1, 1)))
    return bounds & (moment != bound(moment, _PLACEHOLDER)) if field == "founded_date" else bounds


def bound(moment: ir.Value, day: date) -> ir.Value:
    """A day to compare with: its first moment where the other side has a time."""
    return ibis.literal(day if moment.type().is_date() else datetime.combine(day, time.min))


def _priced(form: Form, read: ir.Table) -> dict[str, ir.Value]:
    """Money in minor units of the book's currency; the id of an order that is put together from other fields."""
    found: dict[str, ir.Value] = {}
    amount, precise = _amount(form, read)
    rate = _rate(form, read)
    if rate is not None:
        amount, precise = amount * rate.cast("float64"), (precise * rate).try_cast("decimal(24, 9)")
    found[str(form.money)] = values.minor(amount, precise, form.digits)
    return found | order_id(form, read)


def order_id(form: Form, read: ir.Table) -> dict[str, ir.Value]:
    """The id of an order that is put together from other fields."""
    parts = [_part(read[field]) for field in form.source.order_id_from]
    return {"order_id": ibis.literal("|").join(parts)} if parts else {}


def _part(value: ir.Value) -> ir.Value:
    text = value.date().cast("string") if value.type().is_timestamp() else value.cast("string")
    return text.fill_null("")


def _amount(form: Form, read: ir.Table) -> tuple[ir.Value, ir.Value]:
    """The amount of a row as a float, and as it is written."""
    field = next((f for f in MONEY if f in form.fields), None)
    if field:
        return read[field], values.exact(read[f"raw_{field}"], form.written)
    one, other = (values.exact(read[f"raw_{f}"], form.written) for f in ("unit_price", "quantity"))
    return read.unit_price * read.quantity, values.times(one, other)


def _rate(form: Form, read: ir.Table) -> ir.Value | None:
    """What one unit of a row's currency is worth in the book's; null where that is not known."""
    book, own = form.settings.book, form.written.currency
    rates = {book.currency: 1.0, **book.rates}
    if "currency" not in form.fields:
        return None if own == book.currency else _decimal(rates.get(own))
    code = read.currency.upper().fill_null(own)
    return ibis.cases(*[(code == c, _decimal(rate)) for c, rate in rates.items()], else_=_decimal(None))


def _decimal(rate: float | None) -> ir.Value:
    kind = "decimal(14, 8)"
    return ibis.null(kind) if rate is None else ibis.literal(Decimal(str(rate)).quantize(Decimal("1e-8")), kind)


def classed(form: Form, priced: ir.Table) -> dict[str, ir.Value]:
    """What kind of row an order row is, and its money and quantity with the sign of that kind."""
    if form.name != "orders":
        return {}
    number = classes.of(form.source, priced, priced.net_minor)
    back = number.isin([classes.code("return"), classes.code("cancellation")])
    return {"class_code": number, **{c: ibis.ifelse(back, -priced[c].abs(), priced[c]) for c in turned(form)}}


def turned(form: Form) -> list[str]:
    """What gets its sign from the class of its row: money and pieces, where returns come without a minus."""
    if form.name != "orders" or form.source.returns == "negative":
        return []
    return ["net_minor", *(["quantity"] if "quantity" in form.fields else [])]


def stored(form: Form) -> list[str]:
    """The columns that are kept of every row: the fields, the money, the class."""
    made = [form.money, *(["class_code"] if form.name == "orders" else [])]
    made += [LIKE] if form.name == "customers" else []
    made += ["order_id"] if form.source.order_id_from and "order_id" not in form.fields else []
    fields = [f for f in form.fields if f not in MONEY and f not in passed(form)]
    return [name for name in [*fields, *made] if name]


def passed(form: Form) -> list[str]:
    """The fields that are not kept: of a price, which has given the money of its row, only the fingerprint knows."""
    is_done = form.name == "orders" and "net_amount" not in form.fields and not key(form)
    return ["unit_price"] if is_done else []


def read_back(form: Form, kept: ir.Table) -> dict[str, ir.Value]:
    """The fields that are kept as whole numbers but are none, as what they are (`plain.rows`)."""
    whole = [f for f in form.fields if f in kept.columns and f not in WHOLE and kept[f].type().is_integer()]
    return {f: kept[f].cast("float64" if f in NUMBERS else "string") for f in whole}


def kept_as(field: str) -> str:
    """The stored name of a field."""
    return MONEY.get(field, field)


def key(form: Form) -> str | None:
    """The field of which each value may stand in one row only."""
    return "order_id" if form.name == "orders" and form.source.grain == "order" else KEYS.get(form.name)
