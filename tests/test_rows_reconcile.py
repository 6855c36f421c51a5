"""Where every row went: set aside, repeated, or accepted, once, with its money; and the rows that stand twice."""

from unittest import mock

import books
import ibis
import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from staged_books import HEADER, set_aside, source, staged

from crmlib import params
from crmlib.collect import purchase_days, waterfall
from crmlib.errors import InputError
from crmlib.io import engine, kept, repeats, staging, typed


def flow(root, orders, **changes) -> tuple[pd.DataFrame, staging.Staged]:
    result, found = staged(root, orders, **changes)
    lines = result.tables["orders"]
    days = purchase_days.build(purchase_days.orders(lines, found.period))
    return waterfall.waterfall(
        waterfall.by_customer(lines, found.period), result.quarantine, result.intake, days
    ), result


def test_the_waterfall_by_hand(tmp_path):
    """One row each: bad, after the quarter, its last day, the first day of the window, the last day before; a return."""
    days = ["x", "2024-01-01", "2023-12-31", "2023-01-01", "2022-12-31"]
    orders = HEADER + "".join(f"{n},C{n},{day},1\n" for n, day in enumerate(days)) + "9,C9,2023-11-11,-5\n"
    stages, _result = flow(tmp_path, orders)
    assert stages[["stage", "field", "reason", "rows", "net_minor"]].values.tolist() == [
        ["raw", "", "", 6, 0],
        ["quarantined", "order_date", "not_a_date", 1, 100],
        ["accepted", "", "", 5, -100],
        ["later", "", "", 1, 100],
        ["seen", "", "", 4, -200],
        ["before_window", "", "", 1, 100],
        ["in_window", "", "", 3, -300],
        ["unscored", "", "", 1, -500],
        ["scored", "", "", 2, 200],
    ]


cells = st.tuples(
    st.sampled_from(["1", "2", ""]),
    st.sampled_from(["A", "B", " "]),
    st.sampled_from(["2023-10-15", "2023-12-31", "2024-01-01", "2022-01-01", "x", ""]),
    st.sampled_from(["10", "-3.5", "0", "abc", "", "1,000.005", "1e300", "5,6"]),
)
SUMS = {
    "raw": ["quarantined", "repeated", "accepted"],
    "accepted": ["adjustment", "later", "seen"],
    "seen": ["before_window", "in_window"],
    "in_window": ["unscored", "scored"],
}


@given(st.lists(cells, min_size=1, max_size=20), st.sampled_from(["quarantine", "keep", "collapse"]))
@settings(max_examples=15, deadline=None)
def test_rows_and_money_reconcile(tmp_path_factory, rows, duplicates):
    orders = HEADER + "0,A,2023-11-11,7\n" + "".join(",".join(row) + "\n" for row in rows)
    source = {**books.DEFAULT["sources"]["orders"], "duplicates": duplicates}
    changes = {"quality": {"max_quarantined_share": 1}, "sources": {"orders": source}}
    stages, result = flow(tmp_path_factory.mktemp("book"), orders, **changes)
    total = stages.groupby("stage")[["rows", "net_minor", "unreadable"]].sum()
    total = total.reindex(["raw", *(part for parts in SUMS.values() for part in parts)], fill_value=0)
    for whole, parts in SUMS.items():
        assert (
            total.loc[whole, ["rows", "net_minor"]].tolist() == total.loc[parts, ["rows", "net_minor"]].sum().tolist()
        )
    one = result.intake.iloc[0]
    assert one["rows"] == one["accepted"] + one["quarantined"] + one["repeated"] == len(rows) + 1
    assert one["net_minor_rows"] == total.loc["raw", "net_minor"]
    readable = {"10": 1000, "-3.5": -350, "0": 0, "1,000.005": None}
    if not any(len(row[3].split(",")) > 1 for row in rows):  # an unquoted comma splits the cell: no amount is known
        assert one["net_minor_rows"] == 700 + sum(readable.get(row[3]) or 0 for row in rows)


@pytest.mark.parametrize(
    ("duplicates", "counts"),
    [("quarantine", (4, 3, 0, 2)), ("keep", (6, 1, 0, 2)), ("collapse", (4, 1, 2, 2))],
)
@pytest.mark.parametrize("few", [0, kept.FEW])
def test_equal_rows(tmp_path, monkeypatch, duplicates, counts, few):
    """Accepted, set aside, repeated, and copies, which are counted whatever becomes of them: of a good row and of a bad one."""
    monkeypatch.setattr(kept, "FEW", few)
    orders = books.ORDERS + "2,B,2023-11-01,20.00\n2,B,2023-11-02,20\n2,B,2023-11-01,20\n,B,2023-11-01,20\n"
    result, _found = staged(tmp_path, orders, **source(duplicates=duplicates))
    one = result.intake.iloc[0]
    assert tuple(one[["accepted", "quarantined", "repeated", "copies"]]) == counts


def test_two_rows_that_share_a_fingerprint_stay_two_rows(tmp_path):
    found = books.load(tmp_path, books.ORDERS + "2,B,2023-11-01,20\n")
    con = engine.connect(found)
    staging.stage(con, found)
    con.raw_sql("UPDATE rows_orders SET fingerprint = 7, bad = 253")
    rows = con.table("rows_orders")
    rows = rows.mutate(place=rows.rowid(), part=0, is_mended=False, cells=ibis.null("string"))
    where = repeats.places(np.array([7, 7, 7, 7], dtype="uint64"))
    twice = engine.frame(repeats.found(con, typed.form(found, "orders"), rows, where).order_by("place"))
    assert twice[["place", "copy"]].values.tolist() == [[0, False], [1, False], [2, False], [3, True]]


halves = st.tuples(st.integers(0, 3) | st.integers(0, 2**32 - 1), st.integers(0, 5) | st.integers(0, 2**32 - 1))


@given(st.lists(st.tuples(halves, st.integers(1, 100)), max_size=12), st.booleans(), st.sampled_from([3, 64, 1 << 18]))
def test_places_of_fingerprints_are_those_that_stand_twice(runs, in_order, block):
    """Orders of a few and of more than a hundred rows, in one place or in several, some of them with equal rows."""
    both = [(upper << 32) | (lower * (n % 7) % 2**32) for (upper, lower), length in runs for n in range(length)]
    both = both if in_order else both[::2] + both[1::2]
    expected = [i for i, p in enumerate(both) if both.count(p) > 1]
    with mock.patch.object(repeats, "_BLOCK", block):
        found = repeats.places(np.array(both, dtype="uint64")).tolist()
    assert set(expected) <= set(found) and found == sorted(set(found))


def test_an_order_may_have_one_row_where_rows_are_orders(tmp_path):
    rows, said = set_aside(tmp_path, books.ORDERS + "2,B,2023-11-01,20\n2,B,2023-11-05,99\n", **source(grain="order"))
    assert rows[["row", "field", "value", "reason"]].values.tolist() == [
        [5, "order_id", "2", "duplicate"],
        [6, "order_id", "2", "conflict"],
    ]
    assert said[1] == (
        "orders.csv row 6 has the order '2' of an earlier row and other values; the first one counts: "
        "remove one of them, or correct sources.orders.columns.order_id"
    )


@given(st.binary(max_size=200))
@settings(max_examples=20, deadline=None)
def test_no_bytes_get_lost_or_crash(tmp_path_factory, garbage):
    root = tmp_path_factory.mktemp("book")
    found = books.load(root, books.ORDERS.encode() + garbage + b"\n", quality={"max_quarantined_share": 1})
    try:
        result = staging.stage(engine.connect(found), found)
    except InputError as error:
        said = error.problems
    else:
        said = []
    if said:
        assert min(map(len, said)) > 20
        return
    one = result.intake.iloc[0]
    assert one["rows"] == one["accepted"] + one["quarantined"] + one["repeated"]
    parts = ["net_minor_accepted", "net_minor_quarantined", "net_minor_repeated"]
    assert one["net_minor_rows"] == one[parts].sum()


def test_customers_found_to_be_one_are_one_and_rows_keep_their_numbers(tmp_path):
    """B and C are A. Order 5 of B comes again as A's, and row 2502, of C, is bad."""
    lines = [f"{n},{'ABCD'[n % 4]},2023-11-01,{n}" for n in range(2, 5_000)]
    lines[2_500] = "2502,B,2023-11-01,bad"
    found = books.load(tmp_path, HEADER + "\n".join([*lines, "5,A,2023-11-01,5"]) + "\n")
    registers = tmp_path / "data/tiny/registers"
    registers.mkdir(parents=True)
    (registers / "customer_matches.csv").write_text(
        "customer_id,same_as,decision,decided_by,decided_on\nB,A,same,Li,2023-12-01\nC,B,same,Li,2023-12-01\n"
    )
    result = staging.stage(engine.connect(found), found)
    shown = result.tables["orders"].group_by("customer_id").aggregate(rows=lambda t: t.count()).order_by("customer_id")
    assert engine.frame(shown).values.tolist() == [["A", 3747], ["D", 1250]]
    aside = engine.frame(result.quarantine.order_by("row"))
    assert aside[["row", "customer_id", "reason"]].values.tolist() == [
        [2502, "A", "not_a_number"],
        [5000, "A", "duplicate"],
    ]


PRICED = {
    "order_id": "order",
    "customer_id": "customer",
    "order_date": "date",
    "unit_price": "price",
    "quantity": "pieces",
}


def test_a_price_is_part_of_its_row_though_only_its_money_is_kept(tmp_path):
    """1.001 and 1.002 make the same cents; the second 1.001 is a copy, and so is the one that is written with blanks."""
    prices = ["1.001", "1.002", "1.001", " 1.001"]
    orders = "order,customer,date,price,pieces\n" + "".join(f"1,A,2023-11-01,{price},1\n" for price in prices)
    file = books.write(tmp_path, orders + "2,B,2023-11-01,,3\n", quality={"max_quarantined_share": 1})
    orders_of = {"files": "orders.csv", "columns": PRICED, "date_format": "%Y-%m-%d"}
    (file.parent / "default.yml").write_text(yaml.safe_dump({**books.DEFAULT, "sources": {"orders": orders_of}}))
    found = params.load(file)
    result = staging.stage(engine.connect(found), found)
    assert engine.frame(result.tables["orders"])["net_minor"].tolist() == [100, 100]
    aside = engine.frame(result.quarantine.order_by("row"))
    assert aside[["row", "field", "reason"]].values.tolist() == [
        [4, "row", "duplicate"],
        [5, "row", "duplicate"],
        [6, "unit_price", "missing"],
    ]
    filled = result.fields.set_index("field")
    assert filled.loc[["unit_price", "quantity"], ["rows", "filled", "unreadable"]].values.tolist() == [
        [5, 4, 0],
        [5, 5, 0],
    ]
