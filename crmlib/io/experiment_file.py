"""The columns of an experiment's table, from a CSV, Excel or Parquet file."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from crmlib.errors import InputError
from crmlib.io import csv_heads, samples
from crmlib.io.samples import Sample

NUMBERS = ("outcome", "before")
_YES_NO = {"true": "1", "yes": "1", "y": "1", "是": "1", "false": "0", "no": "0", "n": "0", "否": "0"}
_NOTHING = ("", "na", "n/a", "#n/a", "nan", "null", "none", ".", "-")
"""Cells of a number that hold none; as the name of an arm each of these is a name, but for the empty one."""
_GROUPED = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d*)?")
_COMMA = re.compile(r"[-+]?(\d{1,3}(\.\d{3})+|\d*),\d+")
_DOTS = re.compile(r"[-+]?\d{1,3}(\.\d{3})+")


@dataclass(frozen=True)
class File:
    """A file whose columns are known, and some of its rows."""

    path: Path
    sample: Sample

    def column(self, asked: str) -> str:
        """The column of that name, in whatever case it is written."""
        there = self.sample.columns
        alike = [name for name in there if name.casefold() == asked.strip().casefold()]
        if asked not in there and len(alike) != 1:
            raise InputError(_missing(asked, there, self.path))
        return asked if asked in there else alike[0]

    def columns(self, asked: Sequence[str]) -> list[str]:
        """Each of them, also where several stand in one word, with commas between."""
        names = [name for word in asked for name in self._parts(word)]
        problems = [problem for name in names if (problem := self._problem(name))]
        if problems:
            raise InputError(problems)
        return list(dict.fromkeys(self.column(name) for name in names))

    def _parts(self, word: str) -> list[str]:
        parts = [part.strip() for part in word.split(",") if part.strip()]
        return [word] if len(parts) < 2 or not self._problem(word) or self._problem(parts[0]) else parts

    def _problem(self, name: str) -> str:
        try:
            self.column(name)
        except InputError as error:
            return str(error)
        return ""

    def kinds(self) -> tuple[list[str], list[str]]:
        """What may be arms (two to twenty values), and what may be outcomes (numbers, or yes and no), by the sample."""
        cells = {name: {str(row[n]).strip() for row in self.sample.rows if row[n] is not None}
                 for n, name in enumerate(self.sample.columns)}  # fmt: skip
        arms = [name for name, values in cells.items() if 2 <= len(values) <= 20]
        outcomes = [name for name, values in cells.items() if values and all(map(_is_number, values))]
        return arms, outcomes


def opened(path: Path, sheet: str | None = None) -> File:
    return File(path, samples.of_file(path, sheet))


def read(file: File, columns: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """The named columns under their own names: arms and groups as text, outcomes and what was known before as numbers.

    `columns`: role (arm, outcome, before, stratum, cluster) -> columns of the file. An empty cell of a number is NaN.
    """
    wanted = list(dict.fromkeys(name for names in columns.values() for name in names))
    numbers = {name for role in NUMBERS for name in columns.get(role, ())}
    raw = _raw(file, wanted)
    return pd.DataFrame({c: _numbers(raw[c], file) if c in numbers else _texts(raw[c], file) for c in wanted})


def _raw(file: File, wanted: list[str]) -> pd.DataFrame:
    """By place, because a heading may have spaces around it. Only an empty cell holds nothing: NA may be an arm."""
    settings, path, order = file.sample.settings, file.path, list(file.sample.columns)
    if path.suffix.lower() == ".parquet":
        return pd.read_parquet(path, columns=wanted)
    names = sorted(wanted, key=order.index)
    common: dict[str, Any] = {"usecols": [order.index(name) for name in names], "keep_default_na": False,
                              "header": settings.get("header_row", 1) - 1 if settings.get("header_row", 1) else None,
                              "na_values": [""]}  # fmt: skip
    try:
        if "sheet" in settings:
            found = pd.read_excel(path, sheet_name=settings["sheet"], engine="calamine", **common)
        else:
            codec = csv_heads.codec(file.sample.encoding)
            sign = r"\s+" if settings["delimiter"] == csv_heads.SPACES else settings["delimiter"]
            common |= {"sep": sign, "encoding": codec, "encoding_errors": "replace"}
            found = pd.read_csv(path, skipinitialspace=True, low_memory=False, **common)
    except (pd.errors.ParserError, ValueError) as error:
        raise InputError(f"{path.name} cannot be read: {' '.join(str(error).split())}; correct that line") from None
    return found.set_axis(names, axis=1)


def _numbers(cells: pd.Series, file: File) -> pd.Series:
    """Cells as numbers; yes and no, true and false are 1 and 0."""
    if cells.dtype != bool and pd.api.types.is_numeric_dtype(cells):
        return cells.astype("float64")
    text = cells.astype("str").str.strip().str.casefold().where(cells.notna())
    plain = text.where(~text.isin(_NOTHING)).replace(_YES_NO)
    found = pd.to_numeric(_pointed(plain.str.lstrip("$¥€£￥ "), file.path), errors="coerce").astype("float64")
    wrong = found.isna() & plain.notna()
    if wrong.any():
        at, count = int(wrong.to_numpy().argmax()), int(wrong.sum())
        raise InputError(_words(cells, file) if found.isna().all() else _no_number(cells, at, count, file))
    return found


def _pointed(text: pd.Series, path: Path) -> pd.Series:
    """Numbers with a point before their decimals: commas may stand before thousands, or before decimals."""
    known = text.dropna()
    commas = known[known.str.contains(",", regex=False)]
    if commas.empty:
        return text
    if commas.map(lambda cell: bool(_GROUPED.fullmatch(cell))).all():
        return text.str.replace(",", "")
    if commas.map(lambda cell: bool(_COMMA.fullmatch(cell))).all():
        dots = text.map(lambda cell: isinstance(cell, str) and bool(_DOTS.fullmatch(cell)))
        plain = text.where(~(dots | text.isin(commas)), text.str.replace(".", ""))
        return plain.str.replace(",", ".")
    odd = next(cell for cell in commas if not _GROUPED.fullmatch(cell))
    raise InputError(
        f"{path.name}: {text.name} has '{odd}': its commas stand before thousands in some cells and before decimals in "
        "others; write the numbers without commas"
    )


def _words(cells: pd.Series, file: File) -> str:
    values = sorted(cells.dropna().astype("str").unique())
    if len(values) == 2:
        one, two = values
        return f"{file.path.name}: {cells.name} is '{one}' or '{two}'; write 1 for what is counted and 0 for the other"
    return (
        f"{file.path.name}: {cells.name} holds words, such as '{values[0][:100]}'; give a column of numbers, or of "
        "0 and 1 (yes and no)"
    )


def _no_number(cells: pd.Series, at: int, count: int, file: File) -> str:
    row = at + file.sample.settings.get("header_row", 1) + (0 if file.path.suffix.lower() == ".parquet" else 1)
    return (f"{file.path.name} row {row}: {cells.name} is {cells.iloc[at]!r}, which is no number; correct it "
            f"({count:,} such cells), or give another column")  # fmt: skip


def _texts(cells: pd.Series, file: File) -> pd.Series:
    blank = cells.isna() | (cells.astype("str").str.strip() == "")
    if blank.any():
        raise InputError(
            f"{file.path.name}: {cells.name} is empty in {int(blank.sum()):,} rows; each row needs its arm or group, "
            "also of those who did not answer; delete the rows of who was never drawn"
        )
    whole = pd.api.types.is_float_dtype(cells) and (cells % 1 == 0).all()
    return (cells.astype("int64") if whole else cells).astype("str").str.strip()


def _is_number(cell: str) -> bool:
    return cell.casefold() in _YES_NO or bool(re.fullmatch(r"[-+$¥€£￥]*[\d.,]+([eE][-+]?\d+)?", cell))


def _missing(name: str, there: Sequence[str], file: Path) -> str:
    near = difflib.get_close_matches(name, there, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{file.name} has no column '{name}'; {hint}it has: {', '.join(there)[:1000]}"
