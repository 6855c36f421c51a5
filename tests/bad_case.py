"""A messy input and what must become of it; how the corpus of bad_texts.py and bad_files.py is written."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import books

from crmlib import params

Aside = tuple[int, str, str]
"""A row that is set aside: its number, the field and the reason."""


@dataclass(frozen=True)
class Case:
    """One input: `write` puts its files below `raw`; `source` and `changes` are settings of orders and of the book.

    Either `refused` holds fragments of the sentence that stops the run, or each row is accepted, set aside or repeated.
    `holds` are stored values of the rows that are not the three good ones; `cells` is the fourth row where only one cell
    of it is in question: such cases can share a file.
    """

    kind: str
    name: str
    write: Callable[[Path], None]
    source: Mapping[str, Any] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    accepted: int = 3
    aside: tuple[Aside, ...] = ()
    repeated: int = 0
    holds: Mapping[str, Any] = field(default_factory=dict)
    cells: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.kind}: {self.name}"

    @property
    def rows(self) -> int:
        return self.accepted + len(self.aside) + self.repeated

    def settings(self, root: Path) -> params.Settings:
        """The case as a book of its own below `root`."""
        sources = {"orders": dict(self.source)} | dict(self.changes.get("sources", {}))
        file = books.write(root, None, **{**self.changes, "sources": sources})
        self.write(root / "data/tiny/raw")
        return params.load(file)


def put(content: str | bytes, name: str = "orders.csv", encoding: str = "utf-8") -> Callable[[Path], None]:
    """A maker of one file."""
    data = content if isinstance(content, bytes) else content.encode(encoding)

    def write(raw: Path) -> None:
        (raw / name).write_bytes(data)

    return write


def together(*makers: Callable[[Path], None]) -> Callable[[Path], None]:
    """A maker of several files."""

    def write(raw: Path) -> None:
        for make in makers:
            make(raw)

    return write


HEADER = "order,customer,date,amount\n"
GOOD = books.ORDERS.removeprefix(HEADER)
COLUMNS = {"order_id": "order", "customer_id": "customer", "order_date": "date", "net_amount": "amount"}


def cell(kind: str, name: str, where: str, text: str, expected: Any, **source: Any) -> Case:
    """The three good rows and a fourth whose cell `where` is `text`; `expected` is `!reason`, or the stored value."""
    cells = ["9", "A", "2023-11-02", "5"]
    cells[list(COLUMNS).index(where)] = text
    content = HEADER + good_rows(**source) + row(cells)
    made = Case(kind, name, put(content), source, cells=() if source else tuple(cells))
    if isinstance(expected, str) and expected.startswith("!"):
        return replace(made, aside=((5, where, expected[1:]),))
    return replace(made, accepted=4, holds={"net_minor" if where == "net_amount" else where: expected})


def row(cells: Sequence[str]) -> str:
    """Cells as a line of CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def good_rows(date_format: str = "%Y-%m-%d", decimal: str = ".", **_other: Any) -> str:
    """The three good rows as a source with these settings writes them."""
    days = [f"{datetime(2023, month, day, tzinfo=UTC):{date_format}}" for month, day in ((10, 15), (11, 1), (12, 31))]
    amounts = [amount.replace(".", decimal) for amount in ("100.50", "20", "30")]
    return "".join(row(cells) for cells in zip("123", "ABA", days, amounts, strict=True))
