"""What `crm check` says of rows and ids where nothing stops a run, and files that were put there twice."""

import books
import pytest
from staged_books import COLUMNS, HEADER, source, staged

from crmlib.errors import InputError
from crmlib.io import engine, outcome, staging

GOOD = "1,A,2023-10-02,5\n2,A,2023-11-02,-2\n3,B,2023-12-02,1.50\n"
BAD = "4,,2023-12-03,10\n,,2023-12-04,10.25\n5,B,x,1\n"


def looked_at(root, rows: str) -> tuple[list[str], list[str], list[str]]:
    """The rows end in December: nothing is said of an early end."""
    quality = {"max_quarantined_share": 0.6, "quiet_days": 30}
    return staging.looked_at(books.load(root, HEADER + rows, quality=quality))


def test_rows_set_aside_are_told_though_they_stop_nothing(tmp_path):
    problems, counted, _notices = looked_at(tmp_path, GOOD + BAD + GOOD.splitlines()[0] + "\n,,,\n")
    assert problems == []
    assert counted == [
        "orders: 3 rows accepted (4.50 CNY); 4 set aside (26.25 CNY): customer_id missing 1, order_date not a date 1, "
        "order_id missing 1, row duplicate 1"
    ]


def test_rows_that_hold_nothing_are_no_rows_and_that_is_said(tmp_path):
    _problems, counted, notices = looked_at(tmp_path, GOOD + ",,,\n , ,,\n")
    assert counted == ["orders: 3 rows accepted (4.50 CNY)"]
    assert notices == ["orders.csv: 2 rows hold nothing in any mapped column; like blank lines, they count as no rows"]


def test_a_run_does_not_ask_what_only_check_tells(tmp_path, monkeypatch):
    """To group all lines by order, and to count what was set aside, would cost each batch as much as a notebook."""
    asked = []
    for name in ("counted", "strange_ids"):
        monkeypatch.setattr(outcome, name, lambda *_given, name=name: asked.append(name) or "")
    found = books.load(tmp_path, HEADER + GOOD)
    assert staging.check(found) == [] and asked == []
    staging.looked_at(found)
    assert asked == ["counted", "strange_ids"]


@pytest.mark.parametrize("duplicates", ["keep", "quarantine", "collapse"])
def test_a_file_that_is_there_twice_is_refused_by_name(tmp_path, duplicates):
    found = books.load(tmp_path, HEADER + GOOD, **source(files="orders*.csv", duplicates=duplicates))
    raw = tmp_path / "data/tiny/raw"
    (raw / "orders_empty.csv").write_text(HEADER)
    (raw / "orders_none.csv").write_text(HEADER)
    assert staging.check(found) == []  # files without rows may be equal
    (raw / "orders (1).csv").write_text(HEADER + GOOD)
    with pytest.raises(InputError) as refused:
        staging.stage(engine.connect(found), found)
    assert refused.value.problems == [
        "data/tiny/raw/orders.csv is the same file as orders (1).csv, byte by byte, and would count twice; remove one of "
        "them, or correct sources.orders.files"
    ]


def rows_of(ids: list[tuple[str, str]]) -> str:
    return "".join(f"{order},{customer},2023-12-{n % 28 + 1:02d},{n + 1}\n" for n, (order, customer) in enumerate(ids))


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        ([(f"{n}", f"c{n % 10}") for n in range(40)], []),
        ([(f"{n % 25}", f"c{n}") for n in range(40)], ["orders: 15 of 25 order ids stand with several customers"]),
        ([(f"{n}", f"c{n}") for n in range(40)], ["orders: each of the 40 orders has a customer id of its own"]),
        ([(f"{n}", f"c{n}") for n in range(19)], []),
    ],
)
def test_ids_that_cannot_be_what_they_are_mapped_to_are_named(tmp_path, ids, said):
    _problems, _counted, notices = looked_at(tmp_path, rows_of(ids))
    assert [notice.split(";")[0] for notice in notices] == said


def refusal(root, rows: str, **changes) -> str:
    with pytest.raises(InputError) as refused:
        staged(root, HEADER + rows, quality={"max_quarantined_share": 0.05}, **changes)
    (said,) = refused.value.problems
    return said


def test_a_refusal_of_dates_names_the_format_that_fits(tmp_path):
    rows = "".join(f"{n},A,2023-10-{n + 1:02d},5\n" for n in range(20))
    months = "".join(f"{n},A,11/{n - 10}/2023,5\n" for n in range(25, 35))
    assert "(10 rows), which fit '%m/%d/%Y'" in refusal(tmp_path, rows + months)


def test_a_refusal_of_words_lists_all_that_have_no_class(tmp_path):
    columns = {**COLUMNS, "row_kind": "kind"}
    rows = "".join(f"{n},A,2023-10-{n + 1:02d},5,{('sold', 'paid', 'open', 'void')[n % 4]}\n" for n in range(20))
    found = {"columns": columns, "classes": {"kinds": {"sold": "sale"}}}
    with pytest.raises(InputError) as refused:
        staged(tmp_path, HEADER.strip() + ",kind\n" + rows, quality={"max_quarantined_share": 0.05}, **source(**found))
    assert "(15 rows), of these words: open, paid, void" in refused.value.problems[0]


def test_most_rows_without_a_customer_may_be_sales_to_unknown_ones(tmp_path):
    rows = "".join(f"{n},{'A' * (n % 3 == 0)},2023-10-{n + 1:02d},5\n" for n in range(21))
    assert refusal(tmp_path / "a", rows).endswith(
        "; if these are sales to unknown customers, raise quality.max_quarantined_share to 0.67"
    )
    worse = "".join(f"{n},A,{'x' * (n % 3 > 0) or '2023-10-01'},5\n" for n in range(21))
    assert "max_quarantined_share to" not in refusal(tmp_path / "b", worse)
