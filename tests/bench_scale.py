"""Order lines to scored customers at 1M to 100M lines, stage by stage, beside the same work done in other ways.

    python tests/bench_scale.py [--lines 1e6,1e7] [--turns 3] [--write docs/benchmarks.md]

The book is made from a seed, one Parquet file per quarter, so that no size has to fit into memory. Each measurement is a
process of its own; ways take turns; CPU seconds count all threads. `polars` is the optional group `bench`. Linux only.
"""

import argparse
import datetime as dt
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import books
import scale_report
import yaml
from scale_ways import WAYS, Stages

QUARTERS = [f"{year}Q{q}" for year in range(2020, 2024) for q in range(1, 5)]
"""Sixteen files of equal length; the last is the next quarter: 6 % of the lines."""
DAYS = 1461
COLUMNS = {"order_id": "order_id", "customer_id": "customer_id", "order_date": "order_date", "product_id": "product_id",
           "quantity": "quantity", "net_amount": "net_minor"}  # fmt: skip


def make(folder: Path, lines: int) -> None:
    """Three lines to an order, orders in the order of time, two in a hundred undo one of the weeks before."""
    import duckdb

    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false; SET preserve_insertion_order = false; SET memory_limit = '2GB'")
    raw = folder / "data/speed/raw"
    raw.mkdir(parents=True)
    orders = lines // 3
    first = 0
    for i, quarter in enumerate(QUARTERS, 1):
        last = _orders_until(i, orders)
        con.execute(
            f"COPY ({_rows(first, last, orders, lines // 10)}) TO '{raw}/orders_{quarter}.parquet' (COMPRESSION zstd)"
        )
        first = last


def _orders_until(quarters: int, orders: int) -> int:
    """How many orders there are up to the end of a quarter, by its last day."""
    year, quarter = divmod(quarters, 4)
    until = (dt.date(2020 + year, 3 * quarter + 1, 1) - dt.date(2020, 1, 1)).days
    return -(-orders * until // DAYS)


def _rows(first: int, last: int, orders: int, customers: int) -> str:
    """Customers are skewed: a tenth of them has a third of the orders. An order that undoes another repeats its lines."""
    back = max(orders * 40 // DAYS, 1)
    return f"""
        WITH made AS (
            SELECT o, CASE WHEN hash(o * 13) % 50 = 0 AND o >= {back} THEN o - 1 - hash(o * 7 + 1) % {back} ELSE o END AS b
            FROM range({first}, {last}) t(o)),
        lines AS (SELECT o, b, b * 3 + n AS i FROM made, range(3) r(n))
        SELECT 'O' || lpad(o::VARCHAR, 9, '0') AS order_id,
               'C' || lpad((floor({customers} * pow((hash(b * 19) % 2147483647) / 2147483647.0, 2)))::BIGINT::VARCHAR, 8, '0') AS customer_id,
               DATE '2020-01-01' + (o * {DAYS} // {orders})::INT AS order_date,
               'P' || (hash(i * 7) % 5000)::VARCHAR AS product_id,
               ((hash(i * 3) % 6 + 1) * CASE WHEN o = b THEN 1 ELSE -1 END)::INT AS quantity,
               ((100 + hash(i * 11) % 9900) * CASE WHEN o = b THEN 1 ELSE -1 END)::BIGINT AS net_minor
        FROM lines"""  # noqa: S608


def book(folder: Path, memory: str) -> Path:
    """A book of these files; returns its last quarter."""
    settings = folder / "params/speed"
    settings.mkdir(parents=True, exist_ok=True)
    orders = {"files": "orders_*.parquet", "columns": COLUMNS, "amount_unit": "minor"}
    default = {**books.DEFAULT, "sources": {"orders": orders}, "memory_limit": memory}
    (settings / "default.yml").write_text(yaml.safe_dump(default), encoding="utf-8")
    (settings / "2023Q4.yml").write_text("{}\n", encoding="utf-8")
    return settings / "2023Q4.yml"


def next_quarter(folder: Path, memory: str) -> dict[str, dict[str, dict[str, float]]]:
    """Sixteen files from nothing; fifteen from nothing, then the sixteenth; the results must be the same bytes."""
    files = sorted((folder / "data/speed/raw").glob("*.parquet"))
    found, hashes = {}, {}
    for name, numbers in {"whole": (16,), "grown": (15, 16)}.items():
        with tempfile.TemporaryDirectory(dir=folder) as made:
            other = Path(made)
            book(other, memory)
            raw = other / "data/speed/raw"
            raw.mkdir(parents=True)
            for number in numbers:
                for file in files[:number]:
                    (raw / file.name).exists() or (raw / file.name).symlink_to(file)
                if number == 15:
                    (other / "params/speed/2023Q4.yml").rename(other / "params/speed/2023Q3.yml")
                out = other / "out"
                out.mkdir(exist_ok=True)
                found[f"{name}_{number}"] = run("kept", raw, out, memory)
                (other / "params/speed/2023Q4.yml").write_text("{}\n", encoding="utf-8")
            hashes[name] = [hashlib.sha256((out / f"{t}.parquet").read_bytes()).hexdigest() for t in ("days", "base")]
    found["same_bytes"] = {"all": {"cpu": float(hashes["whole"] == hashes["grown"])}}
    return found


def measured(way: str, files: Path, memory: str) -> dict[str, dict[str, float]]:
    """One way in a process of its own."""
    with tempfile.TemporaryDirectory(dir=files.parents[2]) as out:
        return run(way, files, Path(out), memory)


def run(way: str, files: Path, out: Path, memory: str) -> dict[str, dict[str, float]]:
    command = [sys.executable, __file__, "--way", way, "--files", str(files), "--out", str(out), "--memory", memory]
    done = subprocess.run(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONWARNINGS": "ignore"}, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else {}


def measurements(folder: Path, ways: list[str], memory: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for way in ways:
        if way == "polars" and not find_spec("polars"):
            print("polars is not installed, so not timed: pip install -e '.[bench]'", file=sys.stderr)
        elif way == "next":
            yield from next_quarter(folder, memory).items()
        else:
            yield way, measured(way, folder / "data/speed/raw", memory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", default="1e6,1e7")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--ways", default=",".join([*WAYS, "next"]))
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--folder", type=Path, help="keep the generated books, and records.jsonl, there")
    parser.add_argument("--write", type=Path, help="write the page from all records of the folder")
    for hidden in ("--way", "--files", "--out"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        stages = Stages()
        WAYS[options.way](Path(options.files), Path(options.out), options.memory, stages)
        print(json.dumps(stages.found))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        for lines in [int(float(n)) for n in options.lines.split(",") if n]:
            measure(folder, lines, options)
        if options.write:
            options.write.write_text(scale_report.page(folder / "records.jsonl"), encoding="utf-8")


def measure(base: Path, lines: int, options: argparse.Namespace) -> None:
    folder = base / str(lines)
    if not folder.exists():
        make(folder, lines)
    book(folder, options.memory)
    for turn in range(options.turns):
        for way, found in measurements(folder, options.ways.split(","), options.memory):
            record = json.dumps({"lines": lines, "memory": options.memory, "turn": turn, "way": way, "stages": found})
            print(record, flush=True)
            with (base / "records.jsonl").open("a", encoding="utf-8") as records:
                records.write(record + "\n")


if __name__ == "__main__":
    main()
