"""The shape of a dictionary entry."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One meaning, wherever it appears.

    dtype: string, int64, float64, date, timestamp, boolean.
    unit: '' (text or code), days, orders, customers, count, hours, money (integer minor units), score (0-100),
    share and rate (0-1), number, date, word (a code that `words.py` translates), kpi (the unit is in the row's `kpi_unit`).
    bounds: the smallest and the largest value that a person may write or a source may hold.
    """

    dtype: str
    unit: str
    en: str
    zh: str
    bounds: tuple[float, float] | None = None


@dataclass(frozen=True)
class Table:
    """What a stored result promises. `deliverable` ('2.1') puts it in the Excel workbook, in that order."""

    grain: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    en: str
    zh: str
    deliverable: str = ""


@dataclass(frozen=True)
class Register:
    """A table kept by people. `required` columns must be filled in each row; `words` lists the codes a column allows."""

    grain: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    required: tuple[str, ...]
    words: dict[str, tuple[str, ...]]
    example: tuple[str, ...]

    @property
    def illustrated(self) -> tuple[str, ...]:
        """The example as a new book has it: a row that says of itself that nobody measured it."""
        cells = dict(zip(self.columns, self.example, strict=True))
        return tuple({**cells, "provenance": "illustrative"}.values())
