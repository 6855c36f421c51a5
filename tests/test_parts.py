"""Order lines kept file by file: the same results as from nothing, whatever crosses files; made again when anything changed."""

import books
import ibis
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as rules
from hypothesis import strategies as st
from ibis import _

from crmlib.collect import day_pieces, purchase_days
from crmlib.io import engine, parts, pieces, staging, store
from crmlib.periods import Period

HEADER = "order,customer,date,product,pieces,amount,named\n"
COLUMNS = {"order_id": "order", "customer_id": "customer", "order_date": "date", "product_id": "product",
           "quantity": "pieces", "net_amount": "amount", "original_order_id": "named"}  # fmt: skip
KEY = ["customer_id", "order_date"]


def book(root, files, keep="always", **changes):
    """A book of several files, each a list of lines; what is not given is taken away."""
    orders = {"files": "orders_*.csv", "columns": COLUMNS, **changes.pop("orders", {})}
    found = books.load(root, None, sources={"orders": orders}, keep_parts=keep, **changes)
    raw = found.data_dir / "raw"
    for old in raw.glob("*.csv"):
        old.unlink()
    for name, lines in files.items():
        (raw / f"orders_{name}.csv").write_text(HEADER + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    return found


def results(settings):
    """All that depends on the order lines, each in one order."""
    con = engine.connect(settings)
    staged = staging.stage(con, settings)
    found = pieces.purchase_days(con, staged, settings.period, day_pieces)
    results = store.open_store(settings, con=con)
    results.save(purchase_days=found)
    days = pieces.kept(con, found)
    lines = engine.frame(staged.tables["orders"])
    aside = engine.frame(staged.quarantine)
    return {
        "days": engine.frame(days.cast(dict.fromkeys(days.columns[2:], "int64")).order_by(KEY))[sorted(days.columns)],
        "lines": lines.sort_values(list(lines.columns), ignore_index=True),
        "aside": aside.sort_values(["file", "row"], ignore_index=True),
        "intake": staged.intake,
        "fields": staged.fields,
        "stored": pd.DataFrame({"bytes": [(results.folder / "tables/purchase_days.parquet").read_bytes()]}),
    }, [part.folder for part in staged.parts]


def compare(root, files, **changes):
    """The folders of the parts, after both ways gave the same."""
    one, none = results(book(root, files, "never", **changes))
    other, folders = results(book(root, files, "always", **changes))
    assert none == []
    for name, table in one.items():
        pd.testing.assert_frame_equal(table, other[name], check_dtype=name != "aside")
    return folders, one


A, B, C = (
    ["1,A,2023-10-05,P,1,10,", "2,B,2023-10-09,P,2,20,"],
    ["3,A,2023-11-05,P,1,10,", "4,C,2023-11-09,Q,1,7,"],
    ["5,B,2023-12-01,P,1,9,"],
)
PLAIN = {"01": A, "02": B, "03": C}


def test_each_file_is_a_part(tmp_path):
    folders, _found = compare(tmp_path, PLAIN)
    assert len(folders) == 3


def test_a_return_in_a_later_file_undoes_the_sale_of_an_earlier_one(tmp_path):
    files = PLAIN | {"03": [*C, "6,A,2023-12-05,P,-1,-10,", "7,A,2023-12-06,P,-1,-10,"]}
    folders, found = compare(tmp_path, files)
    days = found["days"].set_index(["customer_id", "order_date"])["orders"]
    assert len(folders) == 3
    assert days.loc["A"].tolist() == [0, 0, 0, 0]  # both sales are undone, in two files
    assert days.loc["B"].tolist() == [1, 1]


def test_a_named_return_finds_its_order_in_another_file(tmp_path):
    _folders, found = compare(tmp_path, PLAIN | {"03": [*C, "6,B,2023-12-05,P,-2,-20,2"]})
    assert found["days"].set_index("customer_id").loc["B", "orders"].tolist() == [0, 1, 0]


def test_an_order_with_lines_in_two_files_is_one_order(tmp_path):
    _folders, found = compare(tmp_path, PLAIN | {"02": [*B, "2,B,2023-11-02,Q,1,5,"]})
    days = found["days"].set_index("customer_id").loc["B"]
    assert days["net_minor"].tolist() == [2500, 900]  # dated by its first line


@pytest.mark.parametrize("duplicates", ["quarantine", "collapse", "keep"])
def test_a_row_that_stands_in_two_files_joins_them(tmp_path, duplicates):
    """Two files that share a row are one part; a third one stays by itself."""
    folders, found = compare(tmp_path, PLAIN | {"02": [*B, A[1]]}, orders={"duplicates": duplicates})
    assert len(folders) == 2
    assert found["intake"]["copies"].tolist() == [0, 1, 0]


def test_a_shared_day_alone_does_not_join_files(tmp_path):
    files = PLAIN | {"02": [*B, "8,A,2023-10-05,Q,1,3,", "9,A,2023-10-31,P,-1,-10,"]}
    folders, found = compare(tmp_path, files)
    assert len(folders) == 3
    assert found["days"].set_index("customer_id").loc["A", "orders"].tolist() == [1, 0, 1]


def test_rows_without_a_day_are_compared_too(tmp_path):
    bad = "9,A,someday,P,1,10,"
    folders, found = compare(tmp_path, PLAIN | {"01": [*A, bad], "03": [*C, bad]})
    assert len(folders) == 2
    assert found["intake"]["copies"].tolist() == [0, 0, 1]


def test_orders_of_one_row_are_one_part(tmp_path):
    """Any two files may hold one order twice."""
    files = PLAIN | {"03": [*C, "1,A,2023-12-09,P,1,99,"]}
    folders, found = compare(tmp_path, files, orders={"grain": "order"})
    assert len(folders) == 1
    assert found["aside"]["reason"].tolist() == ["conflict"]


def test_a_file_that_goes_beyond_the_quarter_counts_up_to_its_end(tmp_path):
    files = {"01": [*A, "6,A,2024-01-05,P,-1,-10,"], "02": B}
    for period in ("2023Q4", "2024Q1"):
        folder = tmp_path / period
        compare(folder, files, period=period)


def test_the_next_file_leaves_the_others_as_they_are(tmp_path):
    _found, before = results(book(tmp_path, {"01": A, "02": B}))
    stamps = {f: f.stat().st_mtime_ns for folder in before for f in folder.iterdir()}
    grown, after = results(book(tmp_path, PLAIN))
    fresh, _ = results(book(tmp_path / "fresh", PLAIN))
    assert set(before) < set(after)
    assert {f: f.stat().st_mtime_ns for f in stamps} == stamps
    for name, table in fresh.items():
        pd.testing.assert_frame_equal(table, grown[name])


def test_a_corrected_file_is_read_again_and_its_old_part_goes(tmp_path):
    _found, before = results(book(tmp_path, PLAIN))
    corrected = PLAIN | {"02": ["3,A,2023-11-05,P,1,11,"]}
    found, after = results(book(tmp_path, corrected))
    assert found["days"].query("customer_id == 'A'")["net_minor"].tolist() == [1000, 1100]
    assert len(set(before) & set(after)) == 2
    assert sorted(file.parent for file in after[0].parent.glob("*/orders.parquet")) == sorted(after)
    assert len(known(after)) == 1


def known(parts_of):
    """The kept folders that hold what parts give together."""
    days = {file.parent for file in parts_of[0].parent.glob("*/days.parquet")}
    return days - {*parts_of}


UNDONE = PLAIN | {
    "02": [*B, "8,A,2023-11-06,P,1,10,"],
    "03": [*C, "6,A,2023-12-05,P,-1,-10,", "7,B,2023-12-06,P,-2,-20,2"],
    "04": ["9,A,2023-12-20,P,-1,-10,", "10,B,2023-12-21,P,1,3,"],
    "long": ["1,A,2023-10-05,P,1,10,", "6,A,2023-12-05,P,-1,-10,"],
}
"""Sales of A come back, the latest that is known first; B has something back, and buys again."""
HELD = {
    "one after the other": ["01", "01 02", "01 02 03", "01 02 03 04"],
    "two at once": ["01", "01 02 03"],
    "the last first": ["03", "02 03", "01 02 03"],
    "one between": ["01 03", "01 02 03"],
    "one within": ["long", "long 02"],
    "one goes": ["01 02 03", "02 03", "03"],
    "one goes and comes": ["01 02 03", "01 03", "01 02 03", "01 02"],
}


@pytest.mark.parametrize("turns", HELD.values(), ids=HELD.keys())
def test_what_crosses_files_is_kept_only_for_these_files(tmp_path, turns):
    for held in turns:
        compare(tmp_path, {name: UNDONE[name] for name in held.split()})


def test_what_crosses_a_corrected_file_is_looked_for_again(tmp_path):
    """The first sale of A is another one now, then none; the last file's return takes what there is."""
    for first in (A, ["1,A,2023-10-05,P,1,11,", A[1]], A[1:]):
        _folders, found = compare(tmp_path, {"01": first, "02": B[1:], "03": UNDONE["03"]})
    assert found["days"].query("customer_id == 'A'")["orders"].tolist() == [0]


def test_an_order_goes_on_in_the_next_file(tmp_path):
    compare(tmp_path, {"01": A, "02": B})
    _folders, found = compare(tmp_path, {"01": A, "02": B, "03": [*C, "3,A,2023-12-02,Q,1,5,"]})
    assert found["days"].query("customer_id == 'A'")["net_minor"].tolist() == [1000, 1500]


def test_a_return_waits_for_its_sale(tmp_path):
    """It undoes nothing in two files; the third holds the order that it names."""
    early = {"01": [*A, "9,A,2023-10-06,P,-1,-10,5"], "02": B}
    compare(tmp_path, early)
    _folders, found = compare(tmp_path, early | {"03": ["5,A,2023-12-01,P,1,10,"]})
    assert found["days"].query("customer_id == 'A'")["orders"].tolist() == [1, 0, 1, 0]


def test_what_crosses_files_is_kept_for_the_last_two_sets_of_them(tmp_path):
    for names, number in [("01", 0), ("01 02", 1), ("01 02 03", 2), ("01 02 03 04", 2)]:
        _found, folders = results(book(tmp_path, {name: UNDONE[name] for name in names.split()}))
        assert len(known(folders)) == number


def test_what_crosses_files_depends_on_the_day_of_export_and_the_quarter(tmp_path):
    files = {"01": A, "02": [*B, "6,B,2023-12-02,P,-2,-20,"], "03": ["7,A,2024-01-05,P,-1,-10,"]}
    both = {"1": [*files["01"], *files["03"]], "2": files["02"]}
    for day in ("2023-11-30", "2023-12-31"):
        folders, _found = compare(tmp_path / "export", {"01": A, "02": files["02"]}, orders={"extracted_on": day})
    assert len(known(folders)) == 1
    for period in ("2023Q4", "2024Q1", "2023Q4"):
        compare(tmp_path / "apart", files, period=period)
        compare(tmp_path / "beyond", both, period=period)


def test_a_part_that_is_not_whole_is_made_again(tmp_path):
    found, folders = results(book(tmp_path, PLAIN))
    file = folders[0] / "orders.parquet"
    file.write_bytes(file.read_bytes()[:-10])
    (folders[1] / "summary.json").unlink()
    again, same = results(book(tmp_path, PLAIN))
    assert same == folders
    pd.testing.assert_frame_equal(again["lines"], found["lines"])


def test_a_later_export_reads_old_files_again_only_where_a_row_lay_after_it(tmp_path):
    _found, first = results(book(tmp_path, PLAIN, orders={"extracted_on": "2023-11-30"}))
    stamp = {f: (f / "summary.json").stat().st_mtime_ns for f in first}
    later, second = results(book(tmp_path, PLAIN, orders={"extracted_on": "2023-12-31"}))
    assert first == second
    assert [(f / "summary.json").stat().st_mtime_ns == stamp[f] for f in first] == [True, True, False]
    assert later["aside"].empty


@pytest.mark.parametrize("change", [{"privacy": {"customer_ids": "pseudonym"}}, {"book": {"minor_digits": 3}}])
def test_settings_that_touch_a_row_make_other_parts(tmp_path, change, monkeypatch):
    monkeypatch.setenv("CRM_PSEUDONYM_KEY", "a key for these tests")
    _found, before = results(book(tmp_path, PLAIN))
    _found, after = results(book(tmp_path, PLAIN, **change))
    assert not set(before) & set(after)


def test_settings_that_touch_no_row_do_not(tmp_path):
    _found, before = results(book(tmp_path, PLAIN))
    assert results(book(tmp_path, PLAIN, seed=5))[1] == before


def test_small_books_are_not_kept(tmp_path):
    assert not parts.applies(book(tmp_path, PLAIN, "auto"))
    assert parts.applies(book(tmp_path, PLAIN, "always"))


def test_a_quote_that_takes_rows_refuses_the_file(tmp_path):
    broken = PLAIN | {"02": ['4,"C,2023-11-09,Q,1,7,', "5,C,2023-11-10,Q,1,7,"]}
    said = []
    for keep in ("never", "always"):
        with pytest.raises(staging.InputError) as refused:
            results(book(tmp_path, broken, keep))
        said.append(str(refused.value))
    assert said[0] == said[1]


lines_of = st.lists(
    st.tuples(
        st.sampled_from("ab"), st.sampled_from(["1", "2", "3"]), st.integers(1, 6), st.sampled_from("PQ"),
        st.sampled_from([-2, -1, 1, 2]), st.sampled_from([None, None, "1", "2"]), st.integers(0, 2),
    ), min_size=1, max_size=16,
)  # fmt: skip


@given(lines_of)
@rules(max_examples=15, deadline=None)
def test_pieces_give_the_whole_however_lines_are_spread(rows):
    """Random lines in three parts whose days overlap: returns named and reversed, orders in several parts."""
    con, lines = spread(rows)
    found = [piece(lines, part) for part in sorted({row[-1] for row in rows})]
    _crossed, joined = grown(con, lines, [], found, None)
    assert joined == ordered(con, whole(lines, PERIOD))


@given(lines_of, st.sampled_from([[1, 2, 3], [2, 3], [1, 3]]))
@rules(max_examples=30, deadline=None)
def test_pieces_that_follow_one_another_give_the_whole_each_time(rows, numbers):
    """Random lines in three parts of two days each, which come one by one or two at a time."""
    con, lines = spread([(*row[:-1], (row[2] - 1) // 2) for row in rows])
    parts_of = sorted({(row[2] - 1) // 2 for row in rows})
    found, crossed, before = [piece(lines, part) for part in parts_of], None, 0
    for number in sorted({min(number, len(found)) for number in numbers}):
        crossed, joined = grown(con, lines, found[:before], found[before:number], crossed)
        assert joined == ordered(con, whole(lines.filter(_.part.isin(parts_of[:number])), PERIOD))
        before = number


PERIOD = Period.parse("2023Q4")


def spread(rows):
    """Random lines in a table, with the number of their part."""
    names = ["customer_id", "order_id", "day", "product_id", "quantity", "original_order_id", "part"]
    frame = pd.DataFrame(rows, columns=names).astype({"original_order_id": "str"})
    frame["order_date"] = pd.to_datetime("2023-11-01") + pd.to_timedelta(frame.pop("day"), "D")
    frame["original_order_id"] = frame["original_order_id"].where(frame["original_order_id"].isin(["1", "2"]), None)
    con = ibis.duckdb.connect()
    amounts = {"net_minor": _.quantity * 5, "row_class": ibis.ifelse(_.quantity < 0, "return", "sale")}
    return con, con.create_table("lines", engine.table(frame)).mutate(order_date=_.order_date.cast("date"), **amounts)


def whole(lines, period):
    return purchase_days.build(purchase_days.orders(lines, period))


def piece(lines, part):
    here = lines.filter(_.part == part)
    first, last = here.aggregate(first=_.order_date.min(), last=_.order_date.max()).to_pyarrow().to_pylist()[0].values()
    return day_pieces.Piece(
        **day_pieces.reckoned(here, purchase_days.settled(here, PERIOD), PERIOD), first=first, last=last
    )


def grown(con, lines, earlier, pieces, before):
    """What crosses `earlier` pieces and these, kept, and the days of all."""
    everything = [*earlier, *pieces]
    again = day_pieces.crossing(pieces, earlier, before)
    theirs = day_pieces.of(lines.filter(_.order_date <= max(p.last for p in everything)), again)
    made = day_pieces.reckoned(theirs, purchase_days.settled(theirs, PERIOD), PERIOD)
    days = [*([before.days] if before else []), *[p.days for p in pieces]]
    kept = day_pieces.together(ibis.union(*days) if len(days) > 1 else days[0], again, made)
    known = day_pieces.Known(**{n: engine.keep(con, f"{n}_{len(everything)}", table) for n, table in kept.items()})
    return known, ordered(con, known.days)


def ordered(con, days):
    return sorted(map(tuple, con.raw_sql(con.compile(days)).fetchall()))
