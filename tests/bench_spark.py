"""What Spark costs on one machine: order lines to scored customers, on DuckDB and on Spark local[2], in turn.

    python tests/bench_spark.py [--rows 1000000] [--turns 3]

Each turn is a fresh process. `start` is opening the engine, `first` the work in a new engine, `again` the same work once
more in the same one: the difference is what Spark spends on planning and compiling. Linux only (it reads /proc).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import books
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from crmlib import params
from crmlib.collect import day_pieces
from crmlib.io import engine, pieces
from crmlib.segment import tiers

ENGINES = {"duckdb": "duckdb", "spark": "spark:local[2]"}
STEPS = ("start", "first", "again")


def lines(rows: int, seed: int = 1) -> pa.Table:
    """Order lines of a tenth as many customers over two years to the end of 2023; one line in twenty comes back."""
    rng = np.random.default_rng(seed)
    customers = (rows // 10 * rng.random(rows) ** 2).astype("int64")
    days = np.datetime64("2022-01-01") + rng.integers(0, 730, rows).astype("timedelta64[D]")
    returned = rng.random(rows) < 0.05
    money = rng.integers(100, 100_000, rows) * np.where(returned, -1, 1)
    return pa.table({
        "customer_id": pa.array(customers).cast("string"),
        "order_id": pa.array(np.arange(rows) // 2).cast("string"),
        "order_date": pa.array(days).cast("date32"),
        "net_minor": money,
        "row_class": pa.array(np.where(returned, "return", "sale")),
    })  # fmt: skip


def work(con: Any, folder: Path, settings: params.Settings) -> None:
    """Lines to customer by day, stored; from there to scores and tiers, stored."""
    found = con.read_parquet(str(folder / "lines.parquet"))
    orders = pieces.settled(con, pieces.ORDERS, found, settings.period, day_pieces)
    engine.write_parquet(day_pieces.built(orders), folder / "days.parquet", ["customer_id", "order_date"])
    engine.drop(con, pieces.ORDERS)
    stored = con.read_parquet(str(folder / "days.parquet"))
    known = con.read_parquet(str(folder / "customers.parquet"))
    scored = tiers.at(stored, known, settings.period, settings)
    engine.write_parquet(scored, folder / "tiers.parquet", ["customer_id"])


def one(name: str, folder: Path) -> dict[str, float]:
    settings = params.load(folder / "params/tiny/2023Q4.yml").model_copy(update={"engine": ENGINES[name]})
    times, since = {}, perf_counter()
    con = engine.connect(settings)
    times["start"] = perf_counter() - since
    for step in STEPS[1:]:
        since = perf_counter()
        work(con, folder, settings)
        times[step] = perf_counter() - since
    own = [os.getpid()] + ([con._session.sparkContext._gateway.proc.pid] if name == "spark" else [])
    return times | {"cpu": sum(map(cpu, own)), "mib": sum(map(peak, own))}


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def peak(pid: int) -> float:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return int(status["VmHWM"].split()[0]) / 1024


def main(rows: int, turns: int) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        books.load(folder)
        found = lines(rows)
        pq.write_table(found, folder / "lines.parquet")
        pq.write_table(pa.table({"customer_id": found["customer_id"].unique()}), folder / "customers.parquet")
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in ENGINES}
        for name in [*ENGINES] * turns:
            command = [sys.executable, __file__, "--one", name, "--folder", made]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            runs[name].append(json.loads(said.splitlines()[-1]))
    print(f"{rows:,} order lines, {turns} turns; seconds as median (least to most)")
    for name in ENGINES:
        for key in (*STEPS, "cpu", "mib"):
            values = [run[key] for run in runs[name]]
            print(f"  {name:7} {key:6} {median(values):9.2f} ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--one", choices=ENGINES)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(asked.one, asked.folder)))
    else:
        main(asked.rows, asked.turns)
