"""Times that say their own zone: `crm check` and `crm map` say by whose days they count."""

from datetime import date

import books
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from staged_books import source

from crmlib import cli, params
from crmlib.io import mapping, staging

HEADER = "order,customer,date,amount\n"
UTC_DAYS = "days are UTC days"
LAST = date(2023, 11, 1)


def looked_at(root, cell, **changes) -> list[str]:
    problems, _counted, notices = staging.looked_at(books.load(root, f"{HEADER}1,A,{cell},5\n", as_of=LAST, **changes))
    assert not problems
    return notices


@pytest.mark.parametrize(
    ("cell", "pattern", "own", "book", "said"),
    [
        ("2023-11-01T03:18:36-03:00", "%Y-%m-%dT%H:%M:%S%z", None, None, "times carry a zone"),
        ("2023-11-01T03:18:36-03:00", "%Y-%m-%dT%H:%M:%S%z", None, "America/Sao_Paulo", None),
        ("2023-11-01T03:18:36-03:00", "%Y-%m-%dT%H:%M:%S%z", "America/Sao_Paulo", None, None),
        ("2023-11-01T03:18:36Z", "%Y-%m-%dT%H:%M:%SZ", None, "America/Sao_Paulo", "set sources.orders.time_zone: UTC"),
        ("2023-11-01T03:18:36Z", "%Y-%m-%dT%H:%M:%SZ", "UTC", None, "book.time_zone is not set"),
        ("2023-11-01T03:18:36Z", "%Y-%m-%dT%H:%M:%SZ", "UTC", "America/Sao_Paulo", None),
        ("2023-11-01 03:18", "%Y-%m-%d %H:%M", None, None, None),
        ("2023-11-01", "%Y-%m-%d", None, None, None),
    ],
)
def test_times_with_a_zone_are_utc_days_unless_somebody_said_whose(tmp_path, cell, pattern, own, book, said):
    for keep in ("never", "always"):
        changes = source(date_format=pattern, time_zone=own) | {"book": {"time_zone": book}, "keep_parts": keep}
        found = looked_at(tmp_path / keep, cell, **changes)
        assert [UTC_DAYS in notice and said in notice for notice in found] == ([True] if said else [])


def parquet(root, zone: str | None):
    file = books.write(root, None, as_of=LAST, **source(files="orders.parquet"))
    day = pa.array([1_698_800_000_000_000], pa.timestamp("us", zone))
    rows = pa.table({"order": ["1"], "customer": ["A"], "date": day, "amount": [5.0]})
    pq.write_table(rows, root / "data/tiny/raw/orders.parquet")
    return file


@pytest.mark.parametrize(("zone", "is_said"), [("America/Sao_Paulo", True), (None, False)])
def test_a_zone_in_the_type_is_told_too(tmp_path, zone, is_said, capsys):
    """The check passes, and its words come after."""
    file = parquet(tmp_path, zone)
    assert bool(staging.looked_at(params.load(file))[2]) == is_said
    assert cli.main(["check", str(file)]) == cli.DONE
    assert (UTC_DAYS in capsys.readouterr().out) == is_said
    proposal = mapping.propose(str(tmp_path / "data/tiny/raw/orders.parquet"), None, None, "orders")
    assert ("book.time_zone" in proposal) == is_said


@pytest.mark.parametrize(
    ("ending", "line"),
    [
        ("-03:00", "  # times carry a zone: days are UTC days until `book.time_zone` names the book's own"),
        (
            "Z",
            "  time_zone: UTC  # times are written as UTC: days are UTC days until `book.time_zone` names the book's own",
        ),
        ("", None),
    ],
)
def test_a_proposal_names_the_zone_of_the_book(tmp_path, ending, line):
    file = tmp_path / "orders.csv"
    rows = [f"{n},A{n},2023-11-{n:02d}T03:18:36{ending},5.5\n" for n in range(1, 25)]
    file.write_text(HEADER.replace("date", "order date") + "".join(rows))
    text = mapping.propose(str(file), None, None, "orders")
    assert line in text.splitlines() if line else "time_zone" not in text
