"""Customers that may be one: by phone, mail, tax number, name and place; capped, scored, never merged."""

from typing import Any

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.collect import matching
from crmlib.io import engine

FIELDS = ("customer_id", "customer_name", "contact_phone", "contact_mail", "tax_id", "region", "address")


def contacts(*rows: dict[str, str]) -> ibis.Table:
    return ibis.memtable(pa.table({f: pa.array([row.get(f) for row in rows], pa.string()) for f in FIELDS}))


def person(customer: str, **fields: str) -> dict[str, str]:
    return {"customer_id": customer, **fields}


def found(*rows: dict[str, str], decided: list[tuple[str, str]] | None = None) -> list[tuple[Any, ...]]:
    table = contacts(*rows)
    inventory = table.select("customer_id", customer_name=ibis.literal("A***")).mutate(
        lifetime_minor=100, last_order_date=ibis.null("date")
    )
    pairs = (
        ibis.memtable(
            pa.table(dict(zip(("customer_id", "same_as"), map(list, zip(*decided, strict=True)), strict=True)))
        )
        if decided
        else None
    )
    frame = engine.frame(matching.proposals(matching.normalised(table), inventory, pairs))
    return list(frame[["customer_id", "other_id", "rules", "match_score"]].itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("13800138000", "138-0013-8000"),
        ("+86 138 0013 8000", "13800138000"),
        ("0086 13800138000", "１３８００１３８０００"),
        ("+49 (0)30 1234567", "030/1234567"),
    ],
)
def test_one_phone_written_in_two_ways(one, other):
    assert found(person("A", contact_phone=one), person("B", contact_phone=other)) == [("A", "B", "same_phone", 80.0)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("13800138000", "13900138000"),  # the last seven digits agree, the number does not
        ("0000000", "0000000"),
        ("11111111", "11111111"),
        ("12345", "12345"),
        ("n/a", "n/a"),
    ],
)
def test_what_is_no_phone_in_common(one, other):
    assert found(person("A", contact_phone=one), person("B", contact_phone=other)) == []


def test_mail_without_case_and_tag_and_tax_number_without_signs():
    assert found(person("A", contact_mail="Jo+shop@X.org"), person("B", contact_mail=" jo@x.ORG ")) == [
        ("A", "B", "same_mail", 90.0)
    ]
    assert found(person("A", tax_id="DE 123.456.789"), person("B", tax_id="de123456789")) == [
        ("A", "B", "same_tax_id", 95.0)
    ]
    assert found(person("A", contact_mail="none"), person("B", contact_mail="none")) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme Trading Ltd.", "ACME TRADING LIMITED"),
        ("Müller & Söhne GmbH", "Müller Söhne"),
        ("上海华为贸易有限公司", "上海华为贸易公司"),
        ("Wang, Wei", "Wei Wang"),
        ("Jonathan Miller", "Jonathon Miller"),
    ],
)
def test_a_similar_name_at_the_same_address(one, other):
    rows = [person("A", customer_name=one, address="5 High Street, Leeds"), person("B", customer_name=other, address="5, High street Leeds")]  # fmt: skip
    assert found(*rows) == [("A", "B", "similar_name", 60.0)]
    assert found(*[row | {"address": ""} for row in rows]) == []  # a name alone proves nothing


def test_another_house_number_or_branch_is_another_customer():
    street = {"customer_name": "Jo Miller"}
    assert (
        found(
            person("A", **street, address="5 High Street, Leeds"),
            person("B", **street, address="51 High Street, Leeds"),
        )
        == []
    )
    place = {"address": "5 High Street, Leeds"}
    assert found(person("A", customer_name="Store 12", **place), person("B", customer_name="Store 13", **place)) == []


def test_a_region_alone_is_no_address_nor_is_what_many_customers_share():
    rows = [person(c, customer_name="Jo Miller", region="Leeds") for c in "AB"]
    assert found(*rows) == []
    town = [person(c, customer_name=f"Ann {c * 5}", region="Leeds", address="Leeds") for c in "CDEFG"]
    assert found(*[row | {"address": "Leeds"} for row in rows], *town) == []
    cottage = [row | {"address": "Rose Cottage, Mill Lane"} for row in rows]
    assert found(*cottage) == [("A", "B", "similar_name", 60.0)]


def test_another_phone_or_mail_speaks_against_a_name_and_both_together_refute_it():
    """0.6 of 0.6 is left; a common name costs as much again."""
    one = {"customer_name": "Jo Miller", "address": "5 High Street, Leeds"}
    phones, mails = ("13800138000", "13900139000"), ("jo@a.example", "jm@b.example")
    pair = [person(c, **one, contact_phone=phone) for c, phone in zip("AB", phones, strict=True)]
    assert found(*pair) == [("A", "B", "similar_name", 36.0)]
    assert found(*[row | {"contact_mail": mail} for row, mail in zip(pair, mails, strict=True)]) == []
    assert found(*[row | {"contact_mail": mails[0]} for row in pair]) == [
        ("A", "B", "same_mail; similar_name", pytest.approx(100 * (1 - 0.1 * 0.64), abs=0.1))
    ]
    others = [person(c, customer_name="Jo Miller", address=f"{n} Low Road, York") for n, c in enumerate("CDEF")]
    assert found(*pair, *others) == [("A", "B", "similar_name", 21.6)]


def test_namesakes_of_one_region_are_not_proposed():
    """A thousand customers with 50 names and a phone of their own each."""
    rows = [
        person(f"K{n:04}", customer_name=f"王{'伟芳娜敏静丽强磊军洋'[n % 10]}{'一二三四五'[n // 10 % 5]}",
               region="广东", contact_phone=f"139{n * 7919:08}")
        for n in range(1000)
    ]  # fmt: skip
    assert found(*rows) == []


def test_evidence_adds_up_and_doubt_weakens_it():
    """Phone and mail: 1 - 0.2 * 0.1. Under two names each counts 0.6 of its weight: 1 - (1 - 0.48)(1 - 0.54)."""
    same = {"contact_phone": "13800138000", "contact_mail": "a@b.cn"}
    assert found(person("A", **same), person("B", **same)) == [("A", "B", "same_mail; same_phone", 98.0)]
    ((*_pair, score),) = found(
        person("A", **same, customer_name="Zhao Min"), person("B", **same, customer_name="Oliver Quist")
    )
    assert score == pytest.approx(100 * (1 - 0.52 * 0.46), abs=0.1)


def test_ids_that_differ_in_case_and_outer_signs_are_proposed():
    ids = ("D10000", "d10000", " D10000.", "D1000", "D10001")
    pairs = found(*[person(c) for c in ids])
    assert {tuple(sorted(pair[:2])) for pair in pairs} == {
        (" D10000.", "D10000"), (" D10000.", "d10000"), ("D10000", "d10000"),
    }  # fmt: skip
    assert {pair[2:] for pair in pairs} == {("same_id", 90.0)}


def test_a_switchboard_is_no_evidence():
    five = [person(c, contact_phone="02112345678", contact_mail="info@firm.de") for c in "ABCDE"]
    assert len(found(*five)) == 10
    six = [*five, person("F", contact_phone="02112345678", contact_mail="info@firm.de")]
    assert found(*six) == []


def test_decided_pairs_are_not_proposed_again_in_either_direction():
    rows = [person(c, tax_id="DE123456789") for c in "ABC"]
    assert [pair[:2] for pair in found(*rows, decided=[("B", "A"), ("B", "C")])] == [("A", "C")]


def test_fields_that_the_book_lacks():
    bare = contacts(person("A"), person("B")).select("customer_id")
    assert engine.frame(matching.normalised(bare)).empty


@settings(max_examples=6)
@given(st.permutations(range(4)))
def test_the_order_of_rows_changes_nothing(order):
    rows = [
        person("A", contact_phone="13800138000", customer_name="Zhao Min"),
        person("B", contact_phone="+8613800138000", contact_mail="x@y.cn"),
        person("C", contact_mail="x@y.cn", tax_id="123456789"),
        person("D", tax_id="123 456 789"),
    ]
    assert found(*[rows[n] for n in order]) == [
        ("C", "D", "same_tax_id", 95.0),
        ("B", "C", "same_mail", 90.0),
        ("A", "B", "same_phone", 80.0),
    ]
