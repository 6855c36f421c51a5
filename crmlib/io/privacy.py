"""Pseudonyms and masks: what of a person may leave the door. `docs/privacy.md` says why, and how to change the key."""

import hashlib
import os
import re

import ibis
import ibis.expr.types as ir

from crmlib.errors import InputError
from crmlib.io import functions
from crmlib.params import Settings

IDENTIFIERS = ("customer_name", "contact_name", "contact_phone", "contact_mail", "address", "tax_id")
_PSEUDONYM = re.compile(r"c[0-9a-f]{15}")
_HIDDEN = "***"
_MONTH = (
    "(?i:jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|"
    "aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?|dec(ember)?)"
)
_DATE_LIKE = rf"({_MONTH}[ .-]*)?\d([-\d\s:./,+TZ]|UTC|GMT|[AaPp][Mm]|{_MONTH})*"


def key(settings: Settings) -> str:
    """The book's secret, from the variable `privacy.key_variable` or the file `data/<book>/pseudonym.key`."""
    file, variable = settings.data_dir / "pseudonym.key", settings.privacy.key_variable
    secret = os.environ.get(variable, "") or (file.read_text(encoding="utf-8").strip() if file.is_file() else "")
    if len(secret) < 16:
        raise InputError(
            f"customer ids are pseudonymised, which needs a key of at least 16 characters: write one to "
            f"data/{settings.book_id}/pseudonym.key (keep it, and keep it secret) or set {variable}"
        )
    return secret


def customer_id(value: ir.Value, settings: Settings) -> ir.Value:
    """The pseudonym of a customer id: the same for the same key, not to be turned back without it.

    The first 60 bits of SHA-256 over key and id. Nobody can extend a hash that was cut short, so HMAC would add nothing
    but four times the work.
    """
    if settings.privacy.customer_ids == "as_given":
        return value
    return "c" + (ibis.literal(key(settings)) + "|" + value).hexdigest("sha256").left(15)


def pseudonym(customer: str, secret: str) -> str:
    """The same pseudonym for one id outside the engine; no id has none, and a pseudonym stays what it is."""
    if not customer or _PSEUDONYM.fullmatch(customer):
        return customer
    return "c" + hashlib.sha256(f"{secret}|{customer}".encode()).hexdigest()[:15]


def masked(field: str, value: ir.Value, settings: Settings) -> ir.Value:
    """A direct identifier with as much of it as helps a colleague to recognise it, unless the params give it away."""
    if settings.privacy.names == "as_given" or field not in IDENTIFIERS:
        return value
    masks = {"contact_phone": _phone, "contact_mail": _mail, "address": _whole, "tax_id": _number}
    mask = masks.get(field, _name)
    return ibis.cases((value.isnull(), ibis.null("string")), else_=mask(value.cast("string").strip()))


def cell(value: ir.Value, settings: Settings) -> ir.Value:
    """A cell that should have been a date or an amount: what is wrong with it stays to be seen, a name does not.

    In a row whose cells slipped by one column, any cell can be a name or a number. Letters become x (Chinese ones but
    for 年, 月, 日 too, and not those of a date or time), and so many digits in a row that they may be a phone number
    become stars.
    """
    if settings.privacy.names == "as_given":
        return value
    hidden = ibis.cases((functions.matches(value, _DATE_LIKE), value), else_=value.re_replace(r"[^\P{L}年月日]", "x"))
    return hidden.re_replace(r"\+?[\d０-９]{9,}|\+\d[\d ().-]{6,}", _HIDDEN)


def line(value: ir.Value, settings: Settings) -> ir.Value:
    """A line that could not be split into cells: only its length may leave, for it holds ids and names."""
    if settings.privacy.customer_ids == "as_given" and settings.privacy.names == "as_given":
        return value
    return ibis.literal(f"{_HIDDEN} (").concat(value.length().cast("string"), ")")


def _name(value: ir.Value) -> ir.Value:
    """The first character; in a Chinese name, the family name. A name of one character is hidden."""
    return ibis.cases((value.length() > 1, value.left(1) + _HIDDEN), else_=_HIDDEN)


def _phone(value: ir.Value) -> ir.Value:
    """The last two of at least seven digits."""
    digits = value.re_replace(r"[^\d０-９]", "")
    return ibis.cases((digits.length() >= 7, _HIDDEN + digits.right(2)), else_=_HIDDEN)


def _mail(value: ir.Value) -> ir.Value:
    """The first letter and the top-level domain: a domain can be a person's or a firm's name."""
    shape = value.re_search(r"^\S+@\S+\.[A-Za-z]{2,}$")
    top = value.re_extract(r"\.([A-Za-z]{2,})$", 1)
    return ibis.cases((shape, value.left(1) + _HIDDEN + "@" + _HIDDEN + "." + top), else_=_HIDDEN)


def _number(value: ir.Value) -> ir.Value:
    """The last two of at least eight characters."""
    return ibis.cases((value.length() >= 8, _HIDDEN + value.right(2)), else_=_HIDDEN)


def _whole(_value: ir.Value) -> ir.Value:
    return ibis.literal(_HIDDEN)
