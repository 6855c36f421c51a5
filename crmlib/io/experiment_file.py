"""The columns of an experiment's table, from a CSV, Excel or Parquet file."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from crmlib.errors import InputError
from crmlib.io import excel_files, samples

NUMBERS = ("outcome", "before")
_YES_NO = {"true": "1", "yes": "1", "y": "1", "是": "1", "false": "0", "no": "0", "n": "0", "否": "0"}


def read(file: Path, columns: Mapping[str, Sequence[str]], sheet: str | None = None) -> pd.DataFrame:
    """The named columns under their own names: arms and groups as text, outcomes and what was known before as numbers.

    `columns`: role (arm, outcome, before, stratum, cluster) -> columns of the file. An empty cell of a number is NaN.
    """
    sample = samples.of_file(file, sheet)
    wanted = list(dict.fromkeys(name for names in columns.values() for name in names))
    problems = [_missing(name, sample.columns, file) for name in wanted if name not in sample.columns]
    if problems:
        raise InputError(problems)
    raw = _raw(file, wanted, sample.settings)
    numbers = {name for role in NUMBERS for name in columns.get(role, ())}
    found = {c: _numbers(raw[c], file, sample.settings) if c in numbers else _texts(raw[c], file) for c in wanted}
    return pd.DataFrame(found)


def _raw(file: Path, wanted: list[str], settings: Mapping[str, Any]) -> pd.DataFrame:
    kind = file.suffix.lower()
    if kind == ".parquet":
        return pd.read_parquet(file, columns=wanted)
    skip = settings.get("header_row", 1) - 1
    try:
        if kind in excel_files.ENDINGS:
            return pd.read_excel(file, sheet_name=settings["sheet"], usecols=wanted, header=skip, engine="calamine")
        return pd.read_csv(
            file, sep=settings["delimiter"], encoding=settings["encoding"], usecols=wanted, header=skip,
            skipinitialspace=True, low_memory=False,
        )  # fmt: skip
    except (pd.errors.ParserError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"{file.name} cannot be read: {' '.join(str(error).split())}; correct that line") from None


def _numbers(cells: pd.Series, file: Path, settings: Mapping[str, Any]) -> pd.Series:
    """Cells as numbers; yes and no, true and false are 1 and 0."""
    if cells.dtype != bool and pd.api.types.is_numeric_dtype(cells):
        return cells.astype("float64")
    text = cells.astype("str").str.strip().str.casefold().where(cells.notna())
    plain = text.replace(_YES_NO).where(text != "")
    found = pd.to_numeric(plain.str.replace(",", "").str.lstrip("$¥€£"), errors="coerce").astype("float64")
    wrong = found.isna() & plain.notna()
    if wrong.any():
        at = int(wrong.to_numpy().argmax())
        row = at + settings.get("header_row", 1) + (0 if file.suffix.lower() == ".parquet" else 1)
        raise InputError(
            f"{file.name} row {row}: {cells.name} is {cells.iloc[at]!r}, which is no number; "
            f"correct it ({int(wrong.sum()):,} such cells), or give another column"
        )
    return found


def _texts(cells: pd.Series, file: Path) -> pd.Series:
    if cells.isna().any():
        raise InputError(
            f"{file.name}: {cells.name} is empty in {int(cells.isna().sum()):,} rows; each row needs its arm or group, "
            "also of those who did not answer"
        )
    whole = pd.api.types.is_float_dtype(cells) and (cells % 1 == 0).all()
    return (cells.astype("int64") if whole else cells).astype("str").str.strip()


def _missing(name: str, there: Sequence[str], file: Path) -> str:
    near = difflib.get_close_matches(name, there, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{file.name} has no column '{name}'; {hint}it has: {', '.join(there)[:1000]}"
