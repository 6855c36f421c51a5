"""`docs/benchmarks.md` from the records of `bench_scale`."""

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median

MEASURES = {"cpu": "CPU s", "wall": "wall s", "mib": "MiB"}
NAMES = {
    "scan": "bare scan of the four columns",
    "minimal": "minimal group-by, written",
    "sql": "RFM base, hand-written SQL",
    "ours": "RFM base, crmlib (no product: no returns to match)",
    "polars": "RFM base, Polars streaming",
    "pandas": "RFM base, pandas",
    "matched": "RFM base, crmlib, returns matched with sales",
    "batch": "raw files to tiers, nothing kept",
    "kept": "raw files to RFM base, parts kept",
    "whole_16": "16 quarters from nothing, parts kept",
    "grown_15": "15 quarters from nothing, parts kept",
    "grown_16": "the next quarter on top of these 15",
}
BASE = ("days", "base", "all")
"""The stages of which a base consists; `start` is opening Python and the engine, `tiers` comes after."""

Record = dict
"""lines, memory, way, and seconds and peak by stage."""


def page(file: Path) -> str:
    records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    good = [r for r in records if r["stages"] and r["way"] in NAMES]
    parts = [HEAD.format(machine=_machine(), versions=_versions())]
    for lines, memory in sorted({(r["lines"], r["memory"]) for r in good}):
        here = [r for r in good if (r["lines"], r["memory"]) == (lines, memory)]
        parts += [f"## {lines:,} lines, `memory_limit: {memory}`", _table(here), _stages(here), _ratios(here)]
    parts.append(_growth(good))
    same = [r["stages"]["all"]["cpu"] for r in records if r["way"] == "same_bytes"]
    parts.append(
        f"Grown by a quarter and built from nothing gave the same bytes {int(sum(same))} times of {len(same)}.\n"
    )
    return "\n\n".join(filter(None, parts))


def total(record: Record, measure: str, stages: Sequence[str] = ()) -> float:
    found = [v[measure] for name, v in record["stages"].items() if not stages or name in stages]
    return max(found) if measure == "mib" else sum(found)


def _table(records: list[Record]) -> str:
    rows = ["| way | turns | " + " | ".join(f"{label}: median (min to max)" for label in MEASURES.values()) + " |",
            "|---|---|---|---|---|"]  # fmt: skip
    for way, label in NAMES.items():
        runs = [r for r in records if r["way"] == way]
        cells = []
        for measure in MEASURES:
            values = [total(r, measure, BASE if way in ("ours", "matched") else _work(r)) for r in runs]
            digits = 0 if measure == "mib" else 1
            cells.append(
                f"{median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})" if runs else ""
            )
        rows += [f"| {label} | {len(runs)} | " + " | ".join(cells) + " |"] if runs else []
    return "\n".join(rows)


def _work(record: Record) -> tuple[str, ...]:
    return tuple(name for name in record["stages"] if name != "start")


def _stages(records: list[Record]) -> str:
    said = []
    for way in ("ours", "matched", "batch", "whole_16", "grown_16"):
        runs = [r for r in records if r["way"] == way]
        if runs:
            spent = {s: median(r["stages"][s]["cpu"] for r in runs) for s in runs[0]["stages"]}
            said.append(f"- {NAMES[way]}: " + ", ".join(f"{stage} {cpu:.1f}" for stage, cpu in spent.items()))
    return "\n".join(["Where the CPU seconds go (medians):", *said]) if said else ""


def _ratios(records: list[Record]) -> str:
    spent = {
        way: median(
            total(r, "cpu", BASE if way in ("ours", "matched") else _work(r)) for r in records if r["way"] == way
        )
        for way in {r["way"] for r in records}
    }
    pairs = [("ours", "minimal", 2.5), ("ours", "sql", 1.1), ("ours", "pandas", 1.0), ("ours", "polars", 1.0),
             ("grown_16", "whole_16", 0.2)]  # fmt: skip
    rows = [
        f"| {NAMES[a]} / {NAMES[b]} | {spent[a] / spent[b]:.2f} | {goal} | {'met' if spent[a] <= goal * spent[b] else 'missed'} |"
        for a, b, goal in pairs
        if {a, b} <= set(spent)
    ]
    return "\n".join(["| CPU seconds, medians | ratio | goal, at most | |", "|---|---|---|---|", *rows]) if rows else ""


def _growth(records: list[Record]) -> str:
    rows = []
    for way, label in NAMES.items():
        by = {
            n: [total(r, "cpu", _work(r)) for r in records if r["way"] == way and r["lines"] == n]
            for n in (10**7, 10**8)
        }
        if all(by.values()):
            rows.append(f"| {label} | {median(by[10**8]) / median(by[10**7]):.1f} |")
    head = ["## From 10M to 100M lines", "| way | CPU seconds, times (goal for ours: at most 11) |", "|---|---|"]
    return "\n".join([head[0], "", *head[1:], *rows]) if rows else ""


def _machine() -> str:
    cpu = next(
        (x.split(":")[1].strip() for x in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in x), ""
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 2**20
    return f"{os.cpu_count()} cores ({cpu or platform.machine()}), {memory:.0f} GiB, shared with other work"


def _versions() -> str:
    names = [
        n for n in ("duckdb", "ibis-framework", "pandas", "polars", "pyarrow") if n != "polars" or find_spec("polars")
    ]
    return ", ".join([f"Python {platform.python_version()}", *(f"{n} {version(n)}" for n in names)])


HEAD = """# Benchmarks: order lines to scored customers

Made by `python tests/bench_scale.py --lines 1e6,1e7,1e8 --folder FOLDER --write docs/benchmarks.md`; seeded books of 16 quarters,
one Parquet file each, customers a tenth of the lines, three lines to an order, 2 % of the orders undo an earlier one. Each
measurement is a process of its own; the ways take turns.

- Machine: {machine}. Wall seconds stretch with what else runs; compare CPU seconds, and only within a table.
- {versions}.
- *RFM base* is customer by day (stored, in key order) and from it the 12-month summary (stored). A purchase is an order, so
  every way groups by order, then by day, then by customer. The minimal group-by goes from lines to customers in one step and
  counts lines: it has no orders, no days, no window and no order of rows, so it bounds what reading and writing must cost.
- *raw files* adds staging: types, checks, set-aside rows, repeats, masks.
- Turns differ by a tenth and more: a goal that is missed or met by so little is neither."""
