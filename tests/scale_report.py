"""`docs/benchmarks.md` from the records of `bench_scale`."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

import scale_ways

MEMORY = "4GB"
GOAL_MIB = 6 * 1024
MEASURES = {"cpu": "CPU s", "wall": "wall s", "mib": "MiB"}
NAMES = {
    "scan": "bare scan of the four columns",
    "minimal": "minimal group-by by customer, written",
    "minimal_days": "minimal group-by by customer and day, written",
    "minimal_orders": "minimal group-by by customer and order, written",
    "sql": "RFM base, hand-written SQL",
    "ours": "RFM base, crmlib (no product: no returns to match)",
    "polars": "RFM base, Polars streaming",
    "pandas": "RFM base, pandas",
    "openretailscience": "RFM segments, openretailscience",
    "matched": "RFM base, crmlib, returns matched with sales",
    "batch": "raw files to tiers, nothing kept",
    "kept": "raw files to RFM base, parts kept",
    "whole_16": "16 quarters from nothing, parts kept",
    "grown_15": "15 quarters from nothing, parts kept",
    "grown_16": "the next quarter on top of these 15",
    "run": "the whole batch, raw files to HTML and Excel",
}
SCORED = "lines to scores and tiers, crmlib"
BASE = ("days", "base", "all")
"""The stages of which a base consists; `start` is opening Python and the engine, `tiers` comes after."""
Record = dict
"""lines, memory, way, and seconds and peak by stage."""


@dataclass(frozen=True)
class Ratio:
    """One way divided by another, and the most that it should be from so many lines on, where there is a goal."""

    above: str
    below: str
    goal: float | None = None
    lines: int = 10**6

    def row(self, spent: dict[str, float], lines: int) -> str:
        ratio = spent[self.above] / spent[self.below]
        told = f"| {NAMES.get(self.above, self.above)} / {NAMES[self.below]} | {ratio:.2f} | "
        if self.goal is None:
            return told + "none | |"
        if lines < self.lines:
            return told + f"{self.goal} from {self.lines:,} lines on | |"
        return told + f"{self.goal} | {'met' if ratio <= self.goal else 'missed'} |"


RATIOS = [
    Ratio("ours", "minimal", 2.5), Ratio("ours", "minimal_days", 2.5),
    Ratio("ours", "minimal_orders", 2.5), Ratio("ours", "sql", 1.1),
    Ratio("ours", "pandas", 1.0), Ratio("ours", "polars", 1.0), Ratio(SCORED, "openretailscience"),
    Ratio("grown_16", "whole_16", 0.2), Ratio("run", "kept", 3.0, 10**8), Ratio("run", "whole_16", 3.0, 10**8),
    Ratio("run", "ours"),
]  # fmt: skip
"""`whole_16` is `kept` by another name, so there is seldom more than one of the two."""


def page(file: Path) -> str:
    records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    known = [r for r in records if r["way"] in NAMES]
    good = [r for r in known if r["stages"]]
    parts = [HEAD.format(machine=_machine(), versions=_versions())]
    for lines, memory in sorted({(r["lines"], r["memory"]) for r in known}):
        tried, here = ([r for r in some if (r["lines"], r["memory"]) == (lines, memory)] for some in (known, good))
        parts += [f"## {lines:,} lines, `memory_limit: {memory}`", _table(tried), _stages(here), _notebooks(here),
                  _ratios(here), _peak(here)]  # fmt: skip
    parts.append(_growth([r for r in good if r["memory"] == MEMORY]))
    same = [r["stages"]["all"]["cpu"] for r in records if r["way"] == "same_bytes"]
    if same:
        parts.append(
            f"Grown by a quarter and built from nothing gave the same bytes {int(sum(same))} times of {len(same)}."
        )
    return "\n\n".join(filter(None, parts)) + "\n"


def total(record: Record, measure: str, stages: Sequence[str] = ()) -> float:
    """Seconds of all stages that belong to what the way is called, or of these stages; of memory the most."""
    wanted = stages or BASE if record["way"] in ("ours", "matched", "run") else record["stages"].keys() - {"start"}
    found = [spent[measure] for name, spent in record["stages"].items() if name in wanted]
    return max(found) if measure == "mib" else sum(found)


def _table(tried: list[Record]) -> str:
    rows = ["| way | finished | " + " | ".join(f"{label}: median (min to max)" for label in MEASURES.values()) + " |",
            "|---|---|---|---|---|"]  # fmt: skip
    for way, label in NAMES.items():
        turns = [r for r in tried if r["way"] == way]
        cells = [_spread([total(r, measure) for r in turns if r["stages"]], measure) for measure in MEASURES]
        done = sum(bool(r["stages"]) for r in turns)
        rows += [f"| {label} | {done} of {len(turns)} | " + " | ".join(cells) + " |"] if turns else []
    return "\n".join(rows)


def _spread(values: list[float], measure: str) -> str:
    digits = 0 if measure == "mib" else 1
    told = [f"{value:,.{digits}f}" for value in (median(values), min(values), max(values))] if values else []
    return "{} ({} to {})".format(*told) if told else ""


def _stages(records: list[Record]) -> str:
    said = []
    for way in ("ours", "matched", "batch", "kept", "whole_16", "grown_16"):
        runs = [r for r in records if r["way"] == way]
        if runs:
            spent = {s: median(r["stages"][s]["cpu"] for r in runs) for s in runs[0]["stages"]}
            said.append(f"- {NAMES[way]}: " + ", ".join(f"{stage} {cpu:.1f}" for stage, cpu in spent.items()))
    return "\n".join(["Where the CPU seconds go (medians):", *said]) if said else ""


def _notebooks(records: list[Record]) -> str:
    """Wall seconds, as the manifest has them."""
    runs = [r["stages"] for r in records if r["way"] == "run"]
    names = [name for name in runs[0] if name != "all"] if runs else []
    spent = [f"{name} {median(run[name]['wall'] for run in runs):.1f}" for name in names]
    return f"Where the wall seconds of the whole batch go (medians): {', '.join(spent)}." if spent else ""


def _ratios(records: list[Record]) -> str:
    spent = {way: median(total(r, "cpu") for r in records if r["way"] == way) for way in {r["way"] for r in records}}
    ours = [total(r, "cpu", ("days", "tiers")) for r in records if r["way"] == "ours"]
    spent |= {SCORED: median(ours)} if ours else {}
    rows = [ratio.row(spent, records[0]["lines"]) for ratio in RATIOS if {ratio.above, ratio.below} <= set(spent)]
    return "\n".join(["| CPU seconds, medians | ratio | goal, at most | |", "|---|---|---|---|", *rows]) if rows else ""


def _peak(records: list[Record]) -> str:
    runs = [r["stages"]["all"] for r in records if r["way"] == "run"]
    if not runs:
        return ""
    most, together = (max(run[measure] for run in runs) for measure in ("mib", "tree_mib"))
    return (
        f"Memory of the whole batch: its largest process held {most:,.0f} MiB (goal: at most {GOAL_MIB:,}; "
        f"{'met' if most <= GOAL_MIB else 'missed'}), all its processes together {together:,.0f} MiB, where what forks "
        f"share is counted in each."
    )


def _growth(records: list[Record]) -> str:
    rows = []
    for way, label in NAMES.items():
        by = {n: [total(r, "cpu") for r in records if r["way"] == way and r["lines"] == n] for n in (10**7, 10**8)}
        if all(by.values()):
            rows.append(f"| {label} | {median(by[10**8]) / median(by[10**7]):.1f} |")
    head = ["## From 10M to 100M lines", "", "| way | CPU seconds, times (goal for ours: at most 11) |", "|---|---|"]
    return "\n".join([*head, *rows]) if rows else ""


def _machine() -> str:
    cpu = next(
        (x.split(":")[1].strip() for x in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in x), ""
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 2**20
    return f"{os.cpu_count()} cores ({cpu or platform.machine()}), {memory:.0f} GiB, shared with other work"


def _versions() -> str:
    names = ("duckdb", "ibis-framework", "pandas", "pyarrow")
    found = {name: version(name) for name in names} | {
        name: scale_ways.version_of(name) for name in scale_ways.OPTIONAL
    }
    return ", ".join(
        [f"Python {platform.python_version()}", *(f"{name} {found[name]}" for name in found if found[name])]
    )


HEAD = """# Benchmarks: order lines to scored customers

Made by `python tests/bench_scale.py --lines 1e6,1e7,1e8 --folder FOLDER --write docs/benchmarks.md`; seeded books of 16 quarters,
one Parquet file each, customers a tenth of the lines, three lines to an order, 2 % of the orders undo an earlier one. Each
measurement is a process of its own with a book in which nothing is kept from the turn before; the ways take turns.

- Machine: {machine}. Wall seconds stretch with what else runs; compare CPU seconds, and only within a table.
- {versions}.
- *RFM base* is customer by day (stored, in key order) and from it the 12-month summary (stored). A purchase is an order, so
  every way groups by order, then by day, then by customer.
- *Minimal group-by by customer* goes from lines to customers in one step and counts lines: it has no orders, no days, no window
  and no order of rows, so it bounds what reading and writing must cost. *By customer and day* ends at the grain that the base
  stores, and still counts lines: it has no orders, no returns, no order of rows and no summary of 12 months. *By customer and
  order* groups by all that the base must group by: it alone reads the same four columns, and has no days, no order of rows
  and no summary.
- *Hand-written SQL*, *Polars* and *pandas* store the same rows (`tests/test_scale_ways.py`) and check nothing.
- *openretailscience* counts order ids over all history, those undone too, and ranks the customers into tenths; it stores no days and
  scores against no anchors. It is set beside our lines to customer by day to scores and tiers, both stored. It needs pandas 2, so it
  is timed in an environment of its own.
- *lifetimes* is no way here: `python tests/bench_btyd.py`, which `make bench` runs too, sets our purchase model beside it.
- *raw files* adds staging: types, checks, set-aside rows, repeats, masks.
- *The whole batch* is `crm run` of a new book with one row in each register: every notebook, report and workbooks; its CPU
  seconds are those of all its processes, its MiB those of the largest one. Notebooks of a small book run side by side.
- Turns differ by a tenth and more: a goal that is missed or met by so little is neither."""
