"""A proposal for `sources.<name>` from a look at a file or table: for a person to check, edit and paste.

Nothing here is used by a run: what is uncertain is said in a comment, and left to the person.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crmlib.errors import InputError
from crmlib.io import mapping_doubts, mapping_text, profiles, samples, synonyms
from crmlib.io.mapping_text import LEAST, NUMBERS
from crmlib.io.profiles import Profile
from crmlib.io.sources import FIELDS

_NAMES = ("product_name", "customer_name", "contact_name", "contact_title", "address")
_CURRENCY = re.compile(
    "AED|ARS|AUD|BGN|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|HKD|HUF|IDR|ILS|INR|ISK|JPY|KRW|MAD|MXN|MYR|NGN|NOK|"
    "NZD|PEN|PHP|PKR|PLN|RMB|RON|RSD|RUB|SAR|SEK|SGD|THB|TND|TRY|TWD|UAH|USD|UYU|VND|ZAR",
    re.IGNORECASE,
)
_BESIDE = {"freight", "shipping", "postage", "tax", "vat", "tip", "discount", "cost", "fee", "weight", "lat", "lon",
           "latitude", "longitude"}  # fmt: skip
_BESIDE_ZH = re.compile("运费|税|折扣|优惠|成本|重量")
"""Words in the names of numbers that come with an amount and are none."""
_WITH = {"net", "excl", "incl", "excluding", "including", "ex", "with", "without", "before", "after"}
_STEADY = 0.98  # of the keys that stand in several rows have one value
_FITS = 500.0  # as much as half of the required fields
_HUNDREDS = 400
_SOME = 5  # keys at least must stand in several rows to tell


def propose(place: str, table: str | None, sheet: str | None, name: str | None) -> str:
    """YAML to paste under `sources:`, with a comment on each column; `name` is the source, else the likeliest one."""
    if name is not None and name not in FIELDS:
        raise InputError(f"'{name}' is no source; choose one of {', '.join(FIELDS)}")
    if "://" in place or place.startswith("${"):
        if table is None:
            raise InputError("a database URL needs --table; give the table or view whose columns are to be mapped")
        sample = samples.of_database(place, table, Path.cwd())
    else:
        sample = samples.of_file(Path(place), sheet)
    columns = [
        profiles.profile(column, [row[i] if i < len(row) else None for row in sample.rows])
        for i, column in enumerate(sample.columns)
        if column
    ]
    if not columns or not sample.rows:
        raise InputError(f"{place} has no rows to look at; give an export with some")
    fits = {source: _fit(source, match(source, columns)) for source in FIELDS}
    likeliest = name or max(fits, key=fits.__getitem__)
    if name is None and fits[likeliest] < _FITS:
        likeliest = "orders"  # what a book cannot do without
    if name is None and {"order_id", "customer_id", "order_date"} <= set(match("orders", columns)):
        likeliest = "orders"  # its amounts may be elsewhere
    chosen = match(likeliest, columns)
    found = {likeliest: chosen}
    if name is None and likeliest == "orders":
        found |= _beside(sample, columns, chosen)
    doubts = mapping_doubts.settle(sample, chosen, columns) if likeliest == "orders" else []
    found[likeliest] = {field: chosen[field] for field in FIELDS[likeliest] if field in chosen}
    return "\n".join(mapping_text.lines(found, sample, columns, doubts)) + "\n"


def match(name: str, columns: Sequence[Profile]) -> dict[str, Profile]:
    """Our fields and their likeliest columns: by name, where the values allow it; each column once."""
    found = [
        (_score(field, column), -at, field, column)
        for field in FIELDS[name]
        for at, column in enumerate(columns)
        if _score(field, column) >= LEAST
    ]
    chosen: dict[str, Profile] = {}
    for _points, _at, field, column in sorted(found, key=lambda f: f[:2], reverse=True):
        if field not in chosen and column not in chosen.values():
            chosen[field] = column
    _only_date(name, columns, chosen)
    _only_amount(name, columns, chosen)
    _counted(name, chosen)
    _lasting(name, columns, chosen)
    _by_codes(name, columns, chosen)
    if "row_kind" in chosen and not chosen["row_kind"].words:
        del chosen["row_kind"]  # so many words are no kinds of rows
    if name == "orders" and "unit_price" in chosen and not {"quantity", "net_amount"} & set(chosen):
        chosen["net_amount"] = chosen.pop("unit_price")
    return {field: chosen[field] for field in FIELDS[name] if field in chosen}


def _only_date(name: str, columns: Sequence[Profile], chosen: dict[str, Profile]) -> None:
    """The required date is the only column of dates, however it is called."""
    asked = [f for f, must in FIELDS[name].items() if must and f not in chosen and f.endswith(("_date", "_at"))]
    dates = [column for column in columns if column.kind == "date"]
    if asked and len(dates) == 1 and dates[0] not in chosen.values():
        chosen[asked[0]] = dates[0]


def _only_amount(name: str, columns: Sequence[Profile], chosen: dict[str, Profile]) -> None:
    """The amount of an order line is the only column of numbers with decimals, however it is called."""
    broken = [c for c in columns if c.kind == "number" and c.decimal and not _comes_beside(c.name)]
    if name == "orders" and not {"net_amount", "unit_price"} & set(chosen) and len(broken) == 1:
        chosen["net_amount"] = broken[0]


def _comes_beside(name: str) -> bool:
    """Whether a number is a tax, a discount and the like; an amount with or without them is none."""
    words = {word.lower().removesuffix("s") for word in re.findall("[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}
    return bool(_BESIDE & words or _BESIDE_ZH.search(name)) and not (_WITH & words or "含" in name)


def _counted(name: str, chosen: dict[str, Profile]) -> None:
    """An amount of fewer values than the price beside it, all whole numbers, counts pieces."""
    amount, price = chosen.get("net_amount"), chosen.get("unit_price")
    if name != "orders" or amount is None or price is None or "quantity" in chosen:
        return
    if not amount.decimal and amount.distinct < price.distinct:
        chosen["quantity"] = chosen.pop("net_amount")


def _lasting(name: str, columns: Sequence[Profile], chosen: dict[str, Profile]) -> None:
    """An id that is another one in each order is no customer's, where a likely column has one that comes again."""
    if name != "orders" or not mapping_text.is_new_each_time(chosen):
        return
    most = chosen["customer_id"].distinct
    again = [c for c in columns if c.distinct < most and not c.personal and c not in chosen.values()]
    chosen["customer_id"] = max(
        (c for c in again if _score("customer_id", c) >= LEAST),
        key=lambda c: _score("customer_id", c),
        default=chosen["customer_id"],
    )


def _by_codes(name: str, columns: Sequence[Profile], chosen: dict[str, Profile]) -> None:
    """The only column of currency codes is the currency, however it is called."""
    coded = [c for c in columns if c.words and all(map(_CURRENCY.fullmatch, c.words))]
    if "currency" in FIELDS[name] and "currency" not in chosen and len(coded) == 1 and coded[0] not in chosen.values():
        chosen["currency"] = coded[0]


def _score(field: str, column: Profile) -> float:
    if column.kind == "empty":
        return 0.0
    is_date, is_number = field.endswith(("_date", "_at")), field in NUMBERS
    if (is_date and column.kind != "date") or (is_number and column.kind != "number"):
        return 0.0
    if (column.kind == "date" and not is_date) or (field in _NAMES and column.kind == "number"):
        return 0.0
    values = {"contact_mail": "mail", "contact_phone": "phone"}.get(field, "")
    if values and values == column.personal:
        return max(synonyms.likeness(field, column.name), 45.0)
    doubtful = values or (column.personal in ("mail", "phone") and field != "customer_id")
    likeness = 0.0 if doubtful or _counts_little(field, column) else synonyms.likeness(field, column.name)
    if field == "net_amount" and likeness <= synonyms.PART and _comes_beside(column.name):
        return 0.0
    if field == "category" and column.kind == "number":
        likeness *= 0.6  # words tell people more than numbers
    return min(likeness, 45.0) if column.personal in ("mail", "phone") else likeness  # an id of its own tells better


def _counts_little(field: str, column: Profile) -> bool:
    """An id of orders or customers with a handful of values in hundreds of rows is none."""
    return field in ("order_id", "customer_id") and bool(column.words) and column.rows >= _HUNDREDS


def _fit(name: str, chosen: dict[str, Profile]) -> float:
    """How well a table is a source: required fields found weigh most, then how well the names fit.

    Less where it holds nothing that makes it one: a customer and a day alone are no survey.
    """
    telling = {f for f, must in FIELDS[name].items() if not must}
    says_nothing = name != "orders" and bool(telling) and not telling & set(chosen)
    needed = [f for f, must in FIELDS[name].items() if must]
    likeness = sum(synonyms.likeness(f, c.name) for f, c in chosen.items())
    return 1000.0 * (1 - len(mapping_text.missing(name, chosen)) / len(needed)) + likeness - 500.0 * says_nothing


def _beside(
    sample: samples.Sample, columns: Sequence[Profile], orders: dict[str, Profile]
) -> dict[str, dict[str, Profile]]:
    """What a file of order lines also says of its products and customers: columns with one value for each of them."""
    places = {column: at for at, column in enumerate(sample.columns)}
    left = [c for c in columns if c not in orders.values()]
    found: dict[str, dict[str, Profile]] = {}
    if "product_id" not in orders and "category" in (kinds := match("products", left)):
        orders["product_id"] = orders.pop(
            "product_name", kinds["category"]
        )  # its name stands for a product, or its kind
        if orders["product_id"] == kinds["category"]:
            found["products"] = {"product_id": kinds["category"], "category": kinds["category"]}
    for source, key, wanted in (("products", "product_id", "category"), ("customers", "customer_id", "")):
        if source in found or key not in orders or orders[key].filled < _STEADY:
            continue
        named = [orders["product_name"]] if source == "products" and "product_name" in orders else []
        others = match(source, [orders[key], *left, *named])
        chosen = {key: orders[key]} | {f: c for f, c in others.items() if f != key and c != orders[key]}
        at = places[orders[key].name]
        kept = {f: c for f, c in chosen.items() if f == key or _is_steady(sample, at, places[c.name])}
        if len(kept) > 1 and (not wanted or wanted in kept):
            found[source] = kept
    return found


def _is_steady(sample: samples.Sample, key: int, column: int) -> bool:
    """Whether each key has one value, as far as the sample can tell."""
    values: dict[Any, set[Any]] = {}
    rows: dict[Any, int] = {}
    for row in sample.rows:
        if max(key, column) < len(row) and row[key] is not None:
            values.setdefault(row[key], set()).add(row[column])
            rows[row[key]] = rows.get(row[key], 0) + 1
    several = [k for k, count in rows.items() if count > 1]
    return len(several) >= _SOME and sum(len(values[k]) == 1 for k in several) >= _STEADY * len(several)
