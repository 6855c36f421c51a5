"""The settings of one book and quarter: default.yml, then the quarter's file, checked as a whole.

A mapping in the quarter's file merges into the default, a list replaces it; unknown keys are refused. A variant of a
quarter (`2017Q4.explored.yml`) holds only what differs from the quarter's own file.
"""

import difflib
import tempfile
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ValidationError, model_validator

from crmlib import yml
from crmlib.errors import InputError
from crmlib.params.collect import Book, Collect, Privacy, Quality, RowClasses, Series, Source, Sources
from crmlib.params.machine import Engine, Memory, Parts, spark_master
from crmlib.params.market import Market
from crmlib.params.report import Report
from crmlib.params.review import Review
from crmlib.params.segment import Anchors, Clusters, Knots, Levels, Profile, Segment, Tags, TierRule, Value
from crmlib.params.strategy import Closed, Holdout, Strategy, Weekly
from crmlib.params.types import Frozen, Lang
from crmlib.periods import Period

__all__ = [
    "Anchors",
    "Book",
    "Closed",
    "Clusters",
    "Collect",
    "Holdout",
    "Knots",
    "Lang",
    "Levels",
    "Market",
    "Privacy",
    "Profile",
    "Quality",
    "Review",
    "RowClasses",
    "Segment",
    "Series",
    "Settings",
    "Source",
    "Sources",
    "Strategy",
    "Tags",
    "TierRule",
    "Value",
    "Weekly",
    "dump",
    "load",
]


class Settings(Frozen):
    """Everything that a step may ask. `file` tells book, period and where data and outputs are."""

    file: Path
    book: Book
    sources: Sources
    as_of: date | None = None
    seed: int = 20170101
    engine: Engine = "duckdb"
    memory_limit: Memory = "4GB"
    temp_folder: str = ""
    keep_parts: Parts = "auto"
    privacy: Privacy = Privacy()
    quality: Quality = Quality()
    collect: Collect = Collect()
    segment: Segment
    market: Market = Market()
    strategy: Strategy
    review: Review = Review()
    report: Report = Report()

    @model_validator(mode="after")
    def _as_of_is_in_the_quarter(self) -> Self:
        quarter = Period.parse(_quarter(self.file))
        if self.as_of and not quarter.start <= self.as_of < quarter.end:
            raise ValueError(f"as_of {self.as_of} is not in {quarter} ({quarter.start} to {quarter.as_of})")
        return self

    @model_validator(mode="after")
    def _tiers_are_known(self) -> Self:
        known = {rule.tier for rule in self.segment.tiers}
        unknown = sorted(set(self.strategy.allocation.tier_cover) - known)
        if unknown:
            raise ValueError(f"strategy.allocation.tier_cover names '{unknown[0]}', which is none of the tiers")
        return self

    @model_validator(mode="after")
    def _cluster_shares_a_folder(self) -> Self:
        if self.engine.startswith("spark://") and not self.temp_folder:
            raise ValueError(
                f"engine is '{self.engine}', a cluster; set temp_folder to a folder that it and this machine see alike"
            )
        return self

    @property
    def spark_master(self) -> str:
        """Where Spark runs, as Spark says it; nothing where DuckDB is the engine."""
        return spark_master(self.engine)

    @property
    def temp_dir(self) -> Path:
        """Where the engine puts what does not fit into memory; `temp_folder` may be given from the project's folder."""
        return self.file.parents[2] / self.temp_folder if self.temp_folder else Path(tempfile.gettempdir())

    @property
    def period(self) -> Period:
        """The quarter, up to `as_of` where that cuts it short."""
        quarter = Period.parse(_quarter(self.file))
        return quarter if self.as_of in (None, quarter.as_of) else Period(quarter.year, quarter.quarter, self.as_of)

    @property
    def book_id(self) -> str:
        return self.file.parent.name

    @property
    def data_dir(self) -> Path:
        return self.file.parents[2] / "data" / self.book_id

    @property
    def outputs_dir(self) -> Path:
        return self.file.parents[2] / "outputs" / self.book_id / str(self.period)

    def minor(self, major: float) -> float:
        """Money in the currency's minor unit."""
        return major * 10**self.book.minor_digits


def load(file: str | Path) -> Settings:
    """Settings of one quarter, e.g. `params/sample/2017Q4.yml`; every problem found is in the error."""
    file = Path(file).resolve()
    if not file.is_file():
        there = sorted(p.name for p in file.parent.glob("*Q?.yml")) if file.parent.is_dir() else []
        hint = f"; there are {', '.join(there)}" if there else "; `crm new BOOK` makes a book"
        raise InputError(f"{_short(file)} does not exist{hint}")
    Period.parse(_quarter(file))
    merged = _with_anchors(reduce(_merge, map(_read, _layers(file))), file.parent)
    try:
        return Settings(file=file, **merged)
    except ValidationError as error:
        raise InputError([_sentence(file, problem) for problem in error.errors()]) from None


def dump(settings: Settings) -> str:
    """The resolved settings as YAML, without the machine's paths."""
    said = settings.model_dump(mode="json", exclude={"file", "temp_folder", "keep_parts"})
    return yaml.safe_dump(said, allow_unicode=True, sort_keys=False)


def _quarter(file: Path) -> str:
    """'2017Q4' of 2017Q4.yml, and of a variant such as 2017Q4.explored.yml."""
    return file.stem.split(".")[0]


def _layers(file: Path) -> list[Path]:
    """The files that make up the settings, the last one winning."""
    own = file.with_name(f"{_quarter(file)}{file.suffix}")
    return [file.with_name("default.yml"), *([own] if own != file and own.is_file() else []), file]


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise InputError(f"{_short(file)} does not exist; each book needs one beside its quarters")
    try:
        found = yml.read(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{_short(file)} is no readable YAML: {' '.join(str(error).split())}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InputError(f"{_short(file)} must be a mapping of settings, not {type(found).__name__}")
    if "file" in found:
        raise InputError(f"{_short(file)}: 'file' is no setting; remove it")
    return found


def _with_anchors(merged: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The settings with the anchors read from the file that they name."""
    segment = merged.get("segment")
    if not isinstance(segment, dict) or not isinstance(segment.get("anchors"), str):
        return merged
    name = segment["anchors"]
    if Path(name).name != name or not (folder / name).is_file():
        there = ", ".join(sorted(f.name for f in folder.glob("anchors*.yml"))) or "none"
        raise InputError(
            f"params {folder.name}: segment.anchors names '{name}', which is no file beside the params "
            f"(there: {there}); `crm anchors PARAMS --write` makes one"
        )
    return {**merged, "segment": {**segment, "anchors": _read(folder / name)}}


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _sentence(file: Path, problem: Any) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    name = f"{file.parent.name}/{file.stem}"
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(problem["loc"][-1]), _known_keys(Settings), n=1)
        return f"params {name}: unknown key '{where}'" + (f"; did you mean '{near[0]}'?" if near else "; remove it")
    if problem["type"] == "missing":
        return f"params {name}: '{where}' is missing; add it to default.yml"
    said = problem["msg"].removeprefix("Value error, ")
    if not where:
        return f"params {name}: {said}"
    if problem["loc"][-1:] == ("url",):
        return f"params {name}: '{where}' {said}"  # without the value, which may hold a password
    return f"params {name}: '{where}' is {problem['input']!r}: {said}"


def _known_keys(model: type[BaseModel]) -> list[str]:
    keys: list[str] = []
    for key, field in model.model_fields.items():
        keys.append(key)
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        keys += [
            k for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel) for k in _known_keys(kind)
        ]
    return keys


def _short(file: Path) -> str:
    return "/".join(file.parts[-3:])
