"""The only writer of `outputs/`: tables, figures, texts; a file appears whole or not at all."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends.duckdb import Backend

from crmlib import schema
from crmlib.errors import InputError
from crmlib.io import engine
from crmlib.params import Settings
from crmlib.periods import Period

_ARROW = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}
_NOTEBOOKS = {
    "collect": "10_collect and 15_feedback",
    "segment": "20_segment, 22_profile and 25_value_risk",
    "market": "30_market, 32_demand and 34_position",
    "strategy": "40_strategy, 42_campaigns, 43_resources, 44_actions and 45_weekly",
    "review": "50_review, 52_effects and 54_standards",
}


class Figure(Protocol):
    """What a figure must offer to be stored."""

    svg: str


@dataclass(frozen=True)
class Store:
    """The results of one book and quarter: `folder` is `<outputs>/<book>/<period>`."""

    folder: Path
    settings: Settings
    con: Backend | None = None

    def at(self, period: Period) -> "Store":
        """The same book's results of another quarter."""
        return Store(self.folder.parent / str(period), self.settings, self.con)

    def has(self, name: str) -> bool:
        return self._path(name).is_file()

    def table(self, name: str) -> ir.Table:
        """A stored table, in the engine."""
        if self.con is None:
            raise TypeError("this store was opened without an engine")
        return self.con.read_parquet(str(self._existing(name)))

    def table_if_any(self, name: str) -> ir.Table | None:
        """A stored table, or None where that step has not run."""
        return self.table(name) if self.has(name) else None

    def frame(self, name: str) -> pd.DataFrame:
        """A stored table small enough to show, in its stored order."""
        return pq.read_table(self._existing(name)).to_pandas(date_as_object=False)

    def frame_if_any(self, name: str) -> pd.DataFrame | None:
        """A small stored table, or None where that step has not run."""
        return self.frame(name) if self.has(name) else None

    def save(self, **tables: ir.Table | pd.DataFrame | Path) -> None:
        """Store results under their schema names; engine tables are ordered by their key, frames keep their order.

        A file that the engine wrote with the table's columns, in the order of its key, is copied.
        """
        for name, table in tables.items():
            with _whole(self._path(name)) as path:
                if isinstance(table, Path):
                    shutil.copyfile(table, path)
                elif isinstance(table, pd.DataFrame):
                    _write_frame(table[schema.columns(name, table.columns)], path)
                else:
                    engine.write_parquet(_typed(name, table), path, list(schema.TABLES[name].key))

    def save_as_ordered(self, **tables: ir.Table) -> None:
        """Store engine tables whose rows lie in the order of their key (`engine.keep`), as texts made row by row do.

        Sorting a sentence for each of ten million customers takes longer than making it.
        """
        if not engine.keeps_order(self.con):
            self.save(**tables)
            return
        for name, table in tables.items():
            with _whole(self._path(name)) as path:
                engine.write_parquet(_typed(name, table), path)

    def save_figures(self, **figures: Figure) -> None:
        for name, figure in figures.items():
            self.write(f"figures/{name}.svg", figure.svg)

    def shelve_figures(self, lang: str, names: Iterable[str]) -> None:
        """Put figures that a notebook saved into the folder of its language."""
        for name in sorted(names):
            file = self.folder / "figures" / f"{name}.svg"
            if file.is_file():
                (file.parent / lang).mkdir(exist_ok=True)
                file.replace(file.parent / lang / file.name)

    def write(self, name: str, content: str | bytes) -> Path:
        """Write one file below the folder, e.g. `report.en.html`."""
        target = self.folder / name
        with _whole(target) as path:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def remove(self, names: Iterable[str]) -> None:
        """Take away files below the folder that are about to be made anew; absent ones are no error."""
        for name in names:
            (self.folder / name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        if name not in schema.TABLES:
            raise InputError(f"'{name}' is no table; add it to crmlib/schema")
        return self.folder / "tables" / f"{name}.parquet"

    def _existing(self, name: str) -> Path:
        path = self._path(name)
        if not path.is_file():
            step = schema.step_of(name)
            raise InputError(
                f"{self.folder.name} has no table '{name}' yet: run the notebook {_NOTEBOOKS[step]} first, "
                f"or `crm run params/{self.settings.book_id}/{self.folder.name}.yml --to {step}`"
            )
        return path


def open_store(settings: Settings, out_dir: str | Path = "", con: Backend | None = None) -> Store:
    """The store of the settings' book and quarter; `out_dir` replaces the project's `outputs/`."""
    base = Path(out_dir).resolve() / settings.book_id if out_dir else settings.outputs_dir.parent
    return Store(base / settings.file.stem, settings, con)


def _typed(name: str, table: ir.Table) -> ir.Table:
    columns = schema.columns(name, table.columns)
    kinds = {c: schema.COLUMNS[c].dtype.replace("timestamp", "timestamp(6)") for c in columns}
    return table.select(columns).cast(kinds)


def _write_frame(frame: pd.DataFrame, path: Path) -> None:
    types = pa.schema([(c, _ARROW[schema.COLUMNS[c].dtype]) for c in frame.columns])
    table = pa.Table.from_pandas(frame, schema=types, preserve_index=False)
    pq.write_table(table.replace_schema_metadata(None), path, compression="zstd")


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
