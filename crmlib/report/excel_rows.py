"""What stands on a sheet: a stored table in the reader's words, as many rows as people work with, the best first."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from crmlib import schema
from crmlib.io.store import Store
from crmlib.report.text import text
from crmlib.views import style, suppression, tables

_PERSONS = ("customer_id", "other_id")
# What makes a row worth working on, the first of these that a table has; without any, the stored order counts.
_BEST = ("priority_score", "at_risk_minor", "clv_minor", "lifetime_minor", "monetary_12m_minor", "money_12m_minor",
         "rfm_total", "loyal_months", "net_minor")  # fmt: skip
_LONGEST_NAME = 31
_RESERVED = "history"  # Excel keeps this name for itself


@dataclass(frozen=True)
class Sheet:
    """One deliverable: its rows in the reader's words; `units` holds the unit of each row's KPI.

    `all_rows` is how many the stored table has; where that is more, `best` is the column that chose those shown, or "".
    """

    table: str
    name: str
    rows: pd.DataFrame
    units: tuple[str, ...]
    all_rows: int
    best: str
    is_illustrative: bool


def read(store: Store, lang: str, limit: int, taken: Iterable[str] = ()) -> list[Sheet]:
    """The sheets of the deliverables that exist, in the order of the method; no name twice and none of `taken`."""
    present = [name for name in schema.deliverables() if store.has(name)]
    titles = [f"{schema.TABLES[name].deliverable} {schema.title(name, lang)}" for name in present]
    names = sheet_names(titles, taken)
    return [_sheet(store, table, name, lang, limit) for table, name in zip(present, names, strict=True)]


def sheet_names(titles: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Names that Excel takes: at most 31 characters, without its seven signs, different also in small letters."""
    used, names = {name.casefold() for name in taken} | {_RESERVED}, []
    for title in titles:
        plain = re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", title).strip(" '") or "-"
        name, n = _cut(plain, _LONGEST_NAME), 1
        while name.casefold() in used:
            n += 1
            name = f"{_cut(plain, _LONGEST_NAME - len(f' ({n})'))} ({n})"
        used.add(name.casefold())
        names.append(name)
    return names


def _cut(title: str, length: int) -> str:
    """The beginning of a title, with its last word whole where that leaves more than half."""
    kept = title[:length]
    words = kept.rpartition(" ")[0] if title[length : length + 1].strip() else kept
    return (words if 2 * len(words) > length else kept).strip(" '")


def _sheet(store: Store, table: str, name: str, lang: str, limit: int) -> Sheet:
    frame, marks, all_rows, best = _first(store, table, limit)
    local = tables.in_language(frame, lang)
    worded = local.assign(**{c: _worded(local[c], c, lang) for c in local.columns if _is_coded(c)})
    units = tuple(local["kpi_unit"].astype(str)) if "kpi_unit" in local else ("",) * len(local)
    told = _told(worded, marks, store.settings.privacy.min_cell, lang)
    return Sheet(table, name, told, units, all_rows, best, tables.is_illustrative(frame))


def _first(store: Store, table: str, limit: int) -> tuple[pd.DataFrame, pd.DataFrame, int, str]:
    """The rows to show with what must not be told of them, how many there are, and the column that chose.

    Only tables of single customers are long; of these no more than the rows shown reach pandas.
    """
    file = store.folder / "tables" / f"{table}.parquet"
    found, min_cell = pq.read_metadata(file), store.settings.privacy.min_cell
    columns = found.schema.to_arrow_schema().names
    if found.num_rows > limit and any(c in columns for c in _PERSONS):
        frame, best = _best(file, columns, limit)
        return frame, suppression.hidden(frame, min_cell), found.num_rows, best
    whole = store.frame(table)
    shown = whole.head(limit)
    return shown, suppression.hidden(whole, min_cell).loc[shown.index], found.num_rows, ""


def _best(file: Path, columns: list[str], limit: int) -> tuple[pd.DataFrame, str]:
    best = "" if "rank" in columns else next((c for c in _BEST if c in columns), "")
    if not best:
        return _rows(file, pa.array(range(limit), pa.int64())), ""
    values = pq.read_table(file, columns=[best])
    order = pc.sort_indices(
        values, sort_keys=[(best, "descending")]
    )  # equal ones stay in their order, blanks come last
    return _rows(file, order.slice(0, limit)), best


def _rows(file: Path, places: pa.Array) -> pd.DataFrame:
    """The rows at some places, in that order; a part of the file at a time, for the whole need not fit into memory."""
    stored, wanted, first, found = pq.ParquetFile(file), np.sort(places.to_numpy()), 0, []
    for batch in stored.iter_batches():
        here = wanted[np.searchsorted(wanted, first) : np.searchsorted(wanted, first + len(batch))]
        found.append(batch.take(pa.array(here - first, pa.int64())))
        first += len(batch)
    in_order = pa.array(np.searchsorted(wanted, places.to_numpy()))
    return pa.Table.from_batches(found, stored.schema_arrow).take(in_order).to_pandas(date_as_object=False)


def _is_coded(column: str) -> bool:
    return column == "source" or tables.column_of(column).unit == "word"


def _worded(values: pd.Series, column: str, lang: str) -> pd.Series:
    """Codes as words; each code is looked up once."""
    words: dict[Any, Any] = {None: None}
    for code in values.dropna().unique():
        said = schema.source(code, lang) if column == "source" else tables.words_of(str(code), lang)
        words[code] = said if code != "" else None
    return pd.Series(
        [words.get(v) for v in values.astype("object").where(values.notna(), None)], values.index, "object"
    )


def _told(rows: pd.DataFrame, marks: pd.DataFrame, min_cell: int, lang: str) -> pd.DataFrame:
    """Figures of groups of fewer than `min_cell` customers replaced by what may be said of them."""
    said = {suppression.SMALL: f"<{min_cell}", suppression.HIDDEN: text("hidden", lang)}
    touched = [c for c in rows.columns if c in marks.columns and (marks[c] != "").any()]
    return rows.assign(**{c: rows[c].astype("object").where(marks[c] == "", marks[c].map(said)) for c in touched})


def legible(words: str) -> str:
    """Text as a page would show it: no sign that turns its order around, lines ended in one way."""
    return style.in_order(words).replace("\r\n", "\n").replace("\r", "\n")
