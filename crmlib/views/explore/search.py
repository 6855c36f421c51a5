"""Find a customer by what a colleague has: the id of the results, its beginning, a masked form, the book's own id."""

import re

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.errors import InputError
from crmlib.io import engine, privacy
from crmlib.io.store import Store
from crmlib.params import Settings

MOST = 20
"""Customers that a search lists."""
_LEFT_OUT = re.compile(r"[*…]+|\.{2,}")


def found(results: Store, asked: str, settings: Settings) -> pd.DataFrame:
    """Customers whom `asked` means: the one with that id, else those whose id or masked name it fits, by spend.

    In a masked form stars or dots stand for what is left out (c12***9f); without any, it is the id's beginning. An id
    of the book's own files is found by its pseudonym where the book's key is at hand. Columns customer_id, tier, state,
    monetary_12m_minor; one more row than `MOST` where there are more.
    """
    tiered = results.table("customer_tiers")
    wanted = ["customer_id", "tier", "state", "monetary_12m_minor"]
    ids = [asked, asked.lower(), *_pseudonym(asked, settings)]
    exact = engine.frame(tiered.filter(_.customer_id.isin(ids)).select(wanted).order_by("customer_id"))
    if len(exact) or not asked:
        return exact.head(1)
    fits = _fits(tiered.customer_id.lower(), asked.lower())
    inventory = results.table_if_any("customer_inventory")
    if inventory is not None:
        named = inventory.filter(_.customer_name.lower() == asked.lower())
        fits = fits | tiered.customer_id.isin(named.customer_id)
    ranked = tiered.filter(fits).select(wanted).order_by([_.monetary_12m_minor.desc(nulls_first=False), "customer_id"])
    return engine.frame(ranked.limit(MOST + 1))


def _fits(ids: ir.StringColumn, asked: str) -> ir.BooleanValue:
    first, *rest = _LEFT_OUT.split(asked)
    return ids.startswith(first) & ids.endswith(rest[-1]) if rest else ids.startswith(first)


def _pseudonym(asked: str, settings: Settings) -> list[str]:
    if settings.privacy.customer_ids == "as_given" or not asked:
        return []
    try:
        return [privacy.pseudonym(asked, privacy.key(settings))]
    except InputError:  # results can be read without the key; own ids are then not found
        return []
