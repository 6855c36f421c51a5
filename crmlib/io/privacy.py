"""Pseudonyms and masks: what of a person may leave the door."""

import hashlib
import os

import ibis
import ibis.expr.types as ir

from crmlib.errors import InputError
from crmlib.params import Settings

IDENTIFIERS = ("customer_name", "contact_name", "contact_phone")


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
    """The pseudonym of a customer id: the same for the same key, not to be turned back without it."""
    if settings.privacy.customer_ids == "as_given":
        return value
    return "c" + (ibis.literal(key(settings)) + "|" + value).hexdigest("sha256").left(15)


def pseudonym(customer: str, secret: str) -> str:
    """The same pseudonym for one id outside the engine; no id has none."""
    return "c" + hashlib.sha256(f"{secret}|{customer}".encode()).hexdigest()[:15] if customer else ""


def name(value: ir.Value, settings: Settings) -> ir.Value:
    """A name or phone number, masked to its first character and three stars unless the params give it away."""
    if settings.privacy.names == "as_given":
        return value
    return ibis.cases((value.isnull(), ibis.null("string")), else_=value.left(1) + "***")
