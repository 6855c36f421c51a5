"""Customers that may be one: same phone, mail or tax number, an id that differs only in case and outer signs, or a
similar name at the same address. People decide.

Pairs are sought within blocks, so that a million customers stay feasible. A value that more than five customers share
(a switchboard, a placeholder) is no evidence; a region is no address, a name that many bear proves little. The
engine's Jaro-Winkler similarity compares characters, Chinese too.
"""

from collections.abc import Iterator

import ibis
import ibis.expr.types as ir
from ibis import _
from ibis.expr import datatypes as dt

from crmlib.schema import TABLES

MOST_SHARING = 5
_LARGEST_BLOCK = 50
_PHONE_END = 9  # digits that tell numbers apart without their country code
_LEAST_NAME, _LEAST_ADDRESS = 0.92, 0.85
_OTHER_NAME = 0.6
# How strongly each rule speaks for one customer; several add up as 1 - (1 - a)(1 - b). An order of reading, not a
# probability: no labelled pairs exist to measure one. What speaks against a rule takes part of its weight.
_WEIGHTS = {"same_tax_id": 0.95, "same_id": 0.9, "same_mail": 0.9, "same_phone": 0.8, "similar_name": 0.6}
_DOUBTED = 0.6
_PLAIN = "".join(map(chr, range(0x21, 0x7F))) + " "
_WIDE = "".join(chr(ord(sign) + 0xFEE0) for sign in _PLAIN[:-1]) + "\u3000"  # the same signs as wide as Chinese ones
_SUFFIXES = (
    r"(\b(ltd|limited|llc|llp|inc|incorporated|corp|corporation|co|company|plc|gmbh|ag|kg|ohg|ug|se|sa|sas|sarl|srl|spa|"
    r"bv|nv|oy|ab|as|aps|pty|pte|the|and)\b|股份有限公司|有限责任公司|有限公司|集团公司|股份公司|集团|公司)"
)


@ibis.udf.scalar.builtin
def jaro_winkler_similarity(one: str, other: str) -> dt.float64:
    """0 to 1, by characters that agree, more so at the beginning (Winkler 1990)."""


@ibis.udf.scalar.builtin
def translate(text: str, signs: str, others: str) -> dt.string:
    """Each of `signs` replaced by its neighbour in `others`."""


def normalised(contacts: ir.Table) -> ir.Table:
    """Per customer what can be compared: `phone`, `mail`, `tax`, `id` (without case and outer signs), `name` (words in
    order), `place`; null where useless.

    `contacts` may have `like_id`, made of the id before it became a pseudonym. `is_common` marks a name that many
    customers bear. Customers of whom nothing can be compared have no row. Keep the result: it is joined with itself
    several times.
    """
    has = contacts.columns.__contains__
    none = ibis.null("string")
    keys = {
        "phone": _phone(contacts.contact_phone) if has("contact_phone") else none,
        "mail": _mail(contacts.contact_mail) if has("contact_mail") else none,
        "tax": _tax(contacts.tax_id) if has("tax_id") else none,
        "name": _name(contacts.customer_name) if has("customer_name") else none,
        "place": _place(contacts, ["region"] if has("region") else []) if has("address") else none,
    }
    like = contacts.like_id if has("like_id") else _like(contacts.customer_id)
    keys["id"] = ibis.cases((like.count().over(group_by=like) > 1, like), else_=none)  # few have one: others stay out
    said = ibis.coalesce(_.phone, _.mail, _.tax, _.id, _.name).notnull()  # a place alone makes nobody alike
    found = contacts.select("customer_id", **keys).filter(_.customer_id.notnull(), said).distinct()
    alike = {"phone": found.phone.right(_PHONE_END), "mail": found.mail, "tax": found.tax, "id": found.id}
    unnumbered = _digits(found.place) == ""
    return found.mutate(
        **{c: _rare(found[c], value) for c, value in alike.items()},
        place=ibis.cases((unnumbered, _rare(found.place, found.place)), else_=found.place),
        is_common=found.name.count().over(group_by=found.name) > MOST_SHARING,
    )


def _rare(value: ir.Value, alike: ir.Value) -> ir.Value:
    """The value, unless so many customers share one like it that it says nothing."""
    sharing = value.count().over(group_by=alike)
    return ibis.cases((sharing <= MOST_SHARING, value), else_=ibis.null("string"))


def proposals(known: ir.Table, inventory: ir.Table, decided: ir.Table | None = None) -> ir.Table:
    """Pairs of customers that may be one, with the reasons, their strength and what both have bought; names masked.

    `known` is `normalised`; pairs in `decided` (customer_id, same_as) are not proposed again, whatever was decided.
    """
    found = ibis.union(*_pairs(known)).distinct()
    sides = [known.rename({f"{c}_{n}": c for c in known.columns}) for n in (1, 2)]
    one = found.join(sides[0], found.customer_id == sides[0].customer_id_1)
    both = one.join(sides[1], one.other_id == sides[1].customer_id_2)
    scored = both.group_by("customer_id", "other_id").aggregate(**_evidence(both))
    asked = scored.filter(_.match_score > 0) if decided is None else _undecided(scored, decided)
    listed = _described(asked, inventory)
    return listed.order_by(listed.match_score.desc(), listed.customer_id, listed.other_id)


def _plain(value: ir.StringValue) -> ir.StringValue:
    return translate(value, _WIDE, _PLAIN).strip().lower()


def _like(value: ir.StringValue) -> ir.Value:
    return value.lower().re_replace(r"^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$", "").nullif("")


def _phone(value: ir.StringValue) -> ir.Value:
    """Digits without international or trunk zeros; a number is compared by its end, so a country code does no harm."""
    digits = _plain(value).re_replace(r"\(0\)", "").re_replace(r"[^0-9]", "").re_replace(r"^0+", "")
    one_digit = digits.replace(digits.left(1), "") == ""
    return ibis.cases(((digits.length() >= 7) & ~one_digit, digits), else_=ibis.null("string"))


def _mail(value: ir.StringValue) -> ir.Value:
    """In small letters, without a +tag."""
    mail = _plain(value).re_replace(r"\+[^@]*@", "@")
    return ibis.cases((mail.re_search(r"^[^@\s]+@[^@\s]+\.[^@\s]+$"), mail), else_=ibis.null("string"))


def _tax(value: ir.StringValue) -> ir.Value:
    number = _plain(value).re_replace(r"[^0-9a-z]", "")
    one_sign = number.replace(number.left(1), "") == ""
    return ibis.cases(((number.length() >= 6) & ~one_sign, number), else_=ibis.null("string"))


def _name(value: ir.StringValue) -> ir.Value:
    """Words in order of the alphabet, without signs and forms of companies: "Wei Wang" is "Wang, Wei"."""
    words = _plain(value).re_replace(r"[.'’]", "").re_replace(r"[^\p{L}\p{N}]+", " ").re_replace(_SUFFIXES, " ")
    found = words.split(" ").filter(lambda word: word != "").sort().join(" ")
    return ibis.cases((found.length() >= 2, found), else_=ibis.null("string"))


def _place(contacts: ir.Table, region: list[str]) -> ir.Value:
    """Region and address in one, without signs; null without an address."""
    parts = [_plain(contacts[c]).re_replace(r"[^\p{L}\p{N}]+", "").fill_null("") for c in (*region, "address")]
    return ibis.cases((parts[-1] != "", ibis.literal("").concat(*parts)), else_=ibis.null("string"))


def _pairs(known: ir.Table) -> Iterator[ir.Table]:
    """Candidate pairs: equal values that few customers share, and names that begin alike at places that begin alike."""
    for key in ("tax", "mail", "id"):
        yield _block(known, known[key], MOST_SHARING)
    yield _block(known, known.phone.right(7), _LARGEST_BLOCK)
    yield _block(known, known.name, MOST_SHARING)
    yield _block(known, known.name.left(4) + "|" + known.place.left(4), _LARGEST_BLOCK)


def _block(known: ir.Table, value: ir.Value, most: int) -> ir.Table:
    """Each pair of customers with the same value, the smaller id first; larger blocks are left out."""
    keyed = known.select("customer_id", block=value).filter(_.block.notnull()).distinct()
    shared = keyed.mutate(sharing=_.count().over(group_by="block")).filter(_.sharing.between(2, most))
    left, right = shared.select("block", "customer_id"), shared.select("block", other_id=shared.customer_id)
    joined = left.join(right, "block").filter(_.customer_id < _.other_id)
    return joined.select("customer_id", "other_id")


def _evidence(both: ir.Table) -> dict[str, ir.Value]:
    """Which rules hold for a pair, and how strongly they speak together."""
    alike = jaro_winkler_similarity(both.name_1, both.name_2)
    other_tax = ibis.coalesce(both.tax_1 != both.tax_2, False)
    other_mail = ibis.coalesce(both.mail_1 != both.mail_2, False)
    other_phone = ibis.coalesce(~_same_phone(both.phone_1, both.phone_2), False)
    holds = {
        "same_tax_id": both.tax_1 == both.tax_2,
        "same_id": both.id_1 == both.id_2,
        "same_mail": both.mail_1 == both.mail_2,
        "same_phone": _same_phone(both.phone_1, both.phone_2),
        "similar_name": _same_name_there(both, alike) & ~other_tax & ~(other_mail & other_phone),
    }
    sure = {rule: ibis.coalesce(right, False).max() for rule, right in holds.items()}
    # people of different names who share a phone or a mail address are often a family or an office; of the same name at
    # the same address with another phone or mail often father and son
    others = _doubt((alike < _OTHER_NAME) | other_tax)
    namesake = _doubt(other_mail | other_phone) * _doubt(both.is_common_1 | both.is_common_2)
    doubt = {"same_id": others, "same_mail": others, "same_phone": others, "similar_name": namesake}
    left = ibis.literal(1.0)
    for rule, weight in _WEIGHTS.items():
        left *= 1 - weight * doubt.get(rule, 1.0) * sure[rule].cast("float64")
    words = [ibis.cases((sure[rule], rule), else_=ibis.null("string")) for rule in _WEIGHTS]
    rules = ibis.array(words).filter(lambda word: word.notnull()).join("; ")
    return {"rules": rules, "match_score": (100 * (1 - left)).round(1)}


def _doubt(against: ir.BooleanValue) -> ir.Value:
    """What is left of a rule's weight."""
    return ibis.cases((ibis.coalesce(against, False).max(), _DOUBTED), else_=1.0)


def _same_phone(one: ir.StringValue, other: ir.StringValue) -> ir.Value:
    """One number is the end of the other, which has at most three digits more: a country code."""
    longer = one.length() - other.length()
    return (one.endswith(other) | other.endswith(one)) & longer.between(-3, 3)


def _same_name_there(both: ir.Table, alike: ir.FloatingValue) -> ir.Value:
    """Similar names at similar addresses with the same numbers in both; without a house number, equal in both."""
    at = [_digits(both.place_1), _digits(both.place_2)]
    similar = (alike >= _LEAST_NAME) & (_digits(both.name_1) == _digits(both.name_2))
    near = (jaro_winkler_similarity(both.place_1, both.place_2) >= _LEAST_ADDRESS) & (at[0] == at[1]) & (at[0] != "")
    return (similar & near) | ((both.name_1 == both.name_2) & (both.place_1 == both.place_2))


def _digits(value: ir.StringValue) -> ir.StringValue:
    return value.re_replace(r"[^0-9]+", " ").strip()


def _undecided(scored: ir.Table, decided: ir.Table) -> ir.Table:
    pairs = decided.select(
        customer_id=ibis.least(decided.customer_id, decided.same_as),
        other_id=ibis.greatest(decided.customer_id, decided.same_as),
    )
    return scored.filter(_.match_score > 0).anti_join(pairs, ["customer_id", "other_id"])


def _described(pairs: ir.Table, inventory: ir.Table) -> ir.Table:
    known = inventory.select("customer_id", "customer_name", "lifetime_minor", "last_order_date")
    other = known.select(
        other_id=known.customer_id,
        other_name=known.customer_name,
        other_lifetime_minor=known.lifetime_minor,
        other_last_order_date=known.last_order_date,
    )
    joined = pairs.left_join(known, "customer_id").left_join(other, "other_id")
    return joined.select(*TABLES["match_proposals"].columns)


def identifying(contacts: ir.Table | None, customers: ir.Table) -> ir.Table:
    """What customers can be compared by: `contacts` and the region; ids alone in a book without `contacts`."""
    known = customers.select("customer_id", "region")
    return known.select("customer_id") if contacts is None else contacts.inner_join(known, "customer_id")
