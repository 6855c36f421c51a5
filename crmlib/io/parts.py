"""Order lines kept file by file in `data/<book>/parts`, so that a quarter reads only the files that are new.

A part is what staging made of one file: its good rows, those set aside, its counts. It is found again by the hash of
the file, of the settings that touch a row, of the confirmed customer matches, and of the code. What crosses files is a
row that stands in two of them: files that share a row are staged together, as one part. A book whose orders are one row
each may not be split, because any two files may clash; it is one part. The folder may be deleted at any time.
"""

import datetime as dt
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _
from ibis.backends.duckdb import Backend

from crmlib.errors import InputError
from crmlib.io import engine, examined, kept, privacy, quarantine, registers, sources
from crmlib.io.examined import Examined
from crmlib.params import Settings

LARGE = 256 << 20
"""From so many bytes of order files on, `keep_parts: auto` keeps them: below, writing costs what reading saves."""
_CODE = ("io", "params", "schema", "periods.py", "collect/purchase_days.py", "collect/day_pieces.py")
_ENGINES = ("duckdb", "ibis-framework", "sqlglot")
_SUMMARY = "summary.json"


@dataclass(frozen=True)
class Part:
    """What is kept of some files: `days` are all days of their rows, `first` and `last` those of the good rows."""

    folder: Path
    files: tuple[str, ...]
    days: frozenset[int]
    has_undated: bool
    first: dt.date | None
    last: dt.date | None
    intake: pd.DataFrame
    fields: pd.DataFrame
    notices: tuple[str, ...]

    def table(self, con: Backend, name: str) -> ir.Table:
        return con.read_parquet(str(self.folder / f"{name}.parquet"))


def applies(settings: Settings) -> bool:
    """Whether the order lines of a book are kept file by file."""
    if settings.keep_parts == "never" or settings.spark_master or settings.sources.orders.files is None:
        return False
    found = sources.files(settings, "orders")
    return settings.keep_parts == "always" or sum(f.stat().st_size for f in found) >= LARGE


def stage(con: Backend, settings: Settings) -> tuple[Part, ...]:
    """The parts of the book's order lines, made where they are not kept from an earlier run."""
    found = sources.files(settings, "orders")
    hashes = {file.name: _sha256(file) for file in found}
    key = _of_settings(settings)
    groups = [(name,) for name in hashes] if settings.sources.orders.grain == "line" else [tuple(hashes)]
    while True:
        parts, problems = [], []
        for group in groups:
            try:
                parts.append(_part(con, settings, key, {name: hashes[name] for name in group}))
            except InputError as error:
                problems += error.problems
        if problems:
            raise InputError(problems)
        joined = _joined(con, parts)
        if len(joined) == len(groups):
            _tidy(settings, hashes)
            return tuple(parts)
        groups = joined


def together(con: Backend, parts: Sequence[Part], files: Sequence[Path]) -> Examined:
    """All parts as the one source that they are."""
    order = [file.name for file in files]
    intake = pd.concat([part.intake for part in parts], ignore_index=True)
    place = [min(i for i, n in enumerate(order) if said == n or said.startswith(f"{n}[")) for said in intake["file"]]
    intake = intake.iloc[pd.Series(place).sort_values(kind="stable").index].reset_index(drop=True)
    fields = pd.concat([part.fields for part in parts], ignore_index=True)
    aside = [part.table(con, "aside") for part in parts if part.intake["quarantined"].any()]
    return Examined(
        "orders",
        con.read_parquet([str(part.folder / "orders.parquet") for part in parts]),
        (ibis.union(*aside) if len(aside) > 1 else aside[0]) if aside else None,
        intake,
        fields.groupby(["source", "field"], sort=False, as_index=False).sum(),
        notices=list(dict.fromkeys(notice for part in parts for notice in part.notices)),
    )


def write(folder: Path, tables: dict[str, Callable[[], ir.Table]]) -> None:
    """Add tables to a part; a file appears whole or not at all."""
    for name, table in tables.items():
        part = folder / f".{name}.{os.getpid()}.part"
        try:
            engine.write_parquet(table(), part)
            part.replace(folder / f"{name}.parquet")
        finally:
            part.unlink(missing_ok=True)


def _part(con: Backend, settings: Settings, of_settings: str, hashes: dict[str, str]) -> Part:
    folder = settings.data_dir / "parts" / _key(of_settings, hashes)
    said = summary(folder)
    if not said or not _holds(said, settings.sources.orders.extracted_on):
        with whole(folder) as made:
            _make(con, settings, hashes, made)
        said = summary(folder)
    intake = pd.DataFrame(said["intake"])
    return Part(
        folder, tuple(hashes), frozenset(said["days"]), said["has_undated"], _day(said["first"]), _day(said["last"]),
        intake.astype({"copies": "int64"}), pd.DataFrame(said["fields"]), tuple(said["notices"]),
    )  # fmt: skip


def _holds(said: dict[str, Any], extracted_on: dt.date | None) -> bool:
    """Whether no row is, or was, later than the day of the export: that day changes with each export."""
    was = _day(said["extracted_on"])
    latest = dt.date(1970, 1, 1) + dt.timedelta(days=max(said["days"], default=0))
    return was == extracted_on or all(day is None or day >= latest for day in (was, extracted_on))


def _make(con: Backend, settings: Settings, hashes: dict[str, str], folder: Path) -> None:
    source = kept.keep(con, settings, "orders", tuple(hashes))
    found = examined.of(source)
    if found.problems:
        raise InputError(found.problems)
    day = source.table.order_date.cast("date").epoch_days()
    prints = source.table.select(day=day.cast("int32"), fingerprint=source.table.fingerprint)
    aside = found.aside if found.aside is not None else quarantine.nothing()
    write(folder, {"orders": lambda: found.accepted, "aside": lambda: aside, "prints": lambda: prints})
    days = engine.frame(con.read_parquet(str(folder / "prints.parquet")).select("day").distinct().order_by("day"))[
        "day"
    ]
    ends = found.accepted.aggregate(first=_.order_date.min(), last=_.order_date.max()).to_pyarrow().to_pylist()[0]
    kept.forget(con, "orders")
    extracted_on = settings.sources.orders.extracted_on
    said = {
        "extracted_on": extracted_on and extracted_on.isoformat(),
        "days": days.dropna().astype(int).tolist(),
        "has_undated": bool(days.isna().any()),
        **{name: value and value.isoformat() for name, value in ends.items()},
        "intake": found.intake.to_dict("list"),
        "fields": found.fields.to_dict("list"),
        "notices": found.notices,
    }
    tell(folder, hashes, said)


def tell(folder: Path, hashes: dict[str, str], said: dict[str, Any]) -> None:
    """Write what there is to say of tables in a folder, and of which files they were made."""
    sizes = {file.name: file.stat().st_size for file in sorted(folder.glob("*.parquet"))}
    whole_story = {"hashes": hashes, "code": _code(), **said, "sizes": sizes}
    (folder / _SUMMARY).write_text(json.dumps(whole_story, ensure_ascii=False), encoding="utf-8")


def _joined(con: Backend, parts: Sequence[Part]) -> list[tuple[str, ...]]:
    """The files of the parts, those that share a row brought together; each in the order of names."""
    groups = {part.folder: {*part.files} for part in parts}
    for one, other in combinations(parts, 2):
        if groups[one.folder] is not groups[other.folder] and _share(con, one, other):
            both = groups[one.folder] | groups[other.folder]
            groups |= {folder: both for folder, files in groups.items() if files & both}
    distinct = {id(files): files for files in groups.values()}
    return sorted(tuple(sorted(files)) for files in distinct.values())


def _share(con: Backend, one: Part, other: Part) -> bool:
    """Whether two parts may hold one row: its day and its fingerprint are the same in both."""
    days, undated = sorted(one.days & other.days), one.has_undated and other.has_undated
    if not days and not undated:
        return False
    sides = [part.table(con, "prints") for part in (one, other)]
    near = [
        side.filter(side.day.isin(days) | side.day.isnull()) if days else side.filter(side.day.isnull())
        for side in sides
    ]
    small, large = (near[0], near[1]) if len(one.days) <= len(other.days) else (near[1], near[0])
    return large.semi_join(small, "fingerprint").limit(1).to_pyarrow().num_rows > 0


def story(folder: Path) -> str:
    """A hash of what is said of a kept folder; a part that is made again in its place may have another."""
    return hashlib.sha256(json.dumps(summary(folder), sort_keys=True).encode()).hexdigest()


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """A folder that appears whole or not at all."""
    made = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    try:
        yield made
        shutil.rmtree(folder, ignore_errors=True)
        made.replace(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def summary(folder: Path) -> dict[str, Any]:
    """What is said of a kept folder that is there and whole; nothing otherwise."""
    try:
        said = json.loads((folder / _SUMMARY).read_text(encoding="utf-8"))
        sizes = {name: (folder / name).stat().st_size for name in said["sizes"]}
    except (OSError, ValueError, KeyError):
        return {}
    return said if sizes == said["sizes"] else {}


def _tidy(settings: Settings, hashes: dict[str, str]) -> None:
    """Remove what was made of files that are gone or have changed, and what other code made."""
    for folder in (settings.data_dir / "parts").glob("[!.]*"):
        said = summary(folder)
        made_of = said.get("hashes", {})
        is_stale = any(
            hashes.get(name, was) != was or not (settings.data_dir / "raw" / name).is_file()
            for name, was in made_of.items()
        ) or any(story(folder.with_name(part)) != was for part, was in said.get("parts", {}).items())
        if is_stale or said.get("code") != _code():
            shutil.rmtree(folder, ignore_errors=True)


def _key(of_settings: str, hashes: dict[str, str]) -> str:
    """The name of a part: a hash of everything it depends on."""
    return hashlib.sha256(json.dumps([of_settings, _code(), hashes]).encode()).hexdigest()[:32]


def _of_settings(settings: Settings) -> str:
    """A hash of every setting, register and secret that can change what becomes of a row."""
    said = {
        "source": settings.sources.orders.model_dump(mode="json", exclude={"files", "extracted_on", "ledger_total"}),
        "book": settings.book.model_dump(mode="json", include={"currency", "minor_digits", "time_zone", "rates"}),
        "privacy": settings.privacy.model_dump(mode="json", include={"customer_ids", "names"}),
        "key": "" if settings.privacy.customer_ids == "as_given" else privacy.key(settings),
        "merged": sorted(registers.merged(settings).items()),
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@cache
def _code() -> str:
    """A hash of the code that makes a part, and of the engine's version."""
    library = Path(__file__).resolve().parents[1]
    files = [
        f
        for name in _CODE
        for f in ([library / name] if name.endswith(".py") else sorted((library / name).rglob("*.py")))
    ]
    told = [*(_sha256(file) for file in files if file.is_file()), *map(version, _ENGINES)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None
