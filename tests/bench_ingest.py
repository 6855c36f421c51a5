"""Staging of order lines, all checks included, beside DuckDB's bare read of the same file into a table.

The files have the shape of Online Retail and are made from a seed in a scratch folder. Each measurement is a process of its
own that works once; bare and staged take turns, and the smallest time of each counts. Both ratios are shown, of CPU and of wall
seconds: what else runs stretches the clock. Run it by `make bench`, or with `--rows` and `--turns`.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import books
import yaml

GOALS = {"parquet": 1.5, "csv": 2.0}
GOAL_MIB = 2048
COLUMNS = {"order_id": "InvoiceNo", "product_id": "StockCode", "quantity": "Quantity", "order_date": "InvoiceDate",
           "unit_price": "UnitPrice", "customer_id": "CustomerID"}  # fmt: skip
CLASSES = {
    "cancellation_orders": ["C*"],
    "adjustment_orders": ["A*"],
    "adjustment_products": ["POST", "DOT", "M", "m", "C2", "D", "S", "BANK CHARGES", "AMAZONFEE", "CRUK", "DCGS*",
                            "gift_0001_*", "PADS", "B"],
}  # fmt: skip


def peak_mib() -> float:
    """Most memory this process has held; `ru_maxrss` would begin with what the process that started it had."""
    status = Path("/proc/self/status")
    if status.is_file():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def make(folder: Path, rows: int) -> None:
    """A year of order lines: 20 to an order, 2 % of orders cancelled, one line in 5,000 twice, some without a customer."""
    import duckdb

    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false")
    lines = f"""
        CREATE TABLE lines AS SELECT
          CASE WHEN hash(o * 13) % 50 = 0 THEN 'C' ELSE '' END || (536365 + o) AS "InvoiceNo",
          CASE WHEN hash(n * 17) % 200 = 0 THEN 'POST' ELSE CAST(10000 + hash(n * 7) % 4000 AS VARCHAR) END AS "StockCode",
          'WHITE HANGING HEART ' || upper(substr(md5(CAST(hash(n * 7) % 4000 AS VARCHAR)), 1, 12)) AS "Description",
          CAST(hash(n * 3) % 24 + 1 AS INT) * CASE WHEN hash(o * 13) % 50 = 0 THEN -1 ELSE 1 END AS "Quantity",
          TIMESTAMP '2023-01-01' + to_seconds(CAST(o * (31000000.0 / ({rows} / 20 + 1)) AS BIGINT)) AS "InvoiceDate",
          (hash(n * 11) % 1000) / 100.0 AS "UnitPrice",
          CASE WHEN hash(o * 19) % 50 = 0 THEN NULL ELSE CAST(12346 + hash(o) % 1000000 AS INT) END AS "CustomerID",
          ['United Kingdom', 'Germany', 'France', 'EIRE'][CAST(hash(o) % 4 + 1 AS INT)] AS "Country"
        FROM (SELECT i - CASE WHEN i % 5000 = 4999 THEN 1 ELSE 0 END AS n, n // 20 AS o FROM range({rows}) r(i))
    """  # noqa: S608
    con.execute(lines)
    raw = folder / "data/speed/raw"
    raw.mkdir(parents=True)
    con.execute(f"COPY lines TO '{raw / 'lines.parquet'}' (COMPRESSION zstd)")
    con.execute(f"COPY lines TO '{raw / 'lines.csv'}' (HEADER)")


def book(folder: Path) -> None:
    """A book per kind of file and way of naming customers; it keeps no parts, or a second turn would only read them."""
    settings = folder / "params/speed"
    settings.mkdir(parents=True)
    default = {**books.DEFAULT, "memory_limit": "4GB", "keep_parts": "never"}
    del default["sources"]
    (settings / "default.yml").write_text(yaml.safe_dump(default), encoding="utf-8")
    (folder / "data/speed/pseudonym.key").write_text("a key of this benchmark\n", encoding="utf-8")


def quarter(folder: Path, kind: str, customers: str) -> Path:
    orders = {"files": f"lines.{kind}", "columns": COLUMNS, "date_format": "%Y-%m-%d %H:%M:%S", "classes": CLASSES}
    file = folder / "params/speed/2023Q4.yml"
    file.write_text(yaml.safe_dump({"sources": {"orders": orders}, "privacy": {"customer_ids": customers}}))
    return file


def bare(file: Path) -> None:
    import duckdb

    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false")
    began = time.perf_counter()
    cpu = time.process_time()
    con.execute(f"CREATE TEMP TABLE lines AS SELECT * FROM read_{file.suffix[1:]}('{file}')")  # noqa: S608
    report(began, cpu, {})


def staged(file: Path) -> None:
    """Libraries are loaded before, also those that staging loads when it needs them, and held as in the kernels of a run."""
    import gc

    import pyarrow.dataset
    import pyarrow.parquet  # noqa: F401

    from crmlib import params
    from crmlib.io import engine, staging

    settings = params.load(file)
    con = engine.connect(settings)
    gc.collect()
    gc.freeze()
    began, cpu = time.perf_counter(), time.process_time()
    result = staging.stage(con, settings)
    report(began, cpu, result.intake.drop(columns=["source", "file", "is_cut"]).sum().astype(int).to_dict())


def report(began: float, cpu: float, found: dict[str, int]) -> None:
    spent = {"wall": time.perf_counter() - began, "cpu": time.process_time() - cpu}
    print(json.dumps({**spent, "mib": peak_mib(), **found}))


def measured(way: str, file: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--way", way, "--file", str(file)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    return json.loads(done.stdout)


def best(runs: list[dict[str, float]]) -> dict[str, float]:
    """The least seconds of the turns, and the most memory."""
    return {key: (max if key == "mib" else min)(run[key] for run in runs) for key in ("cpu", "wall", "mib")}


def compare(folder: Path, kind: str, turns: int) -> None:
    raw = folder / f"data/speed/raw/lines.{kind}"
    found: dict[str, list[dict[str, float]]] = {"bare": [], "as_given": [], "pseudonym": []}
    for _turn in range(turns):
        found["bare"].append(measured("bare", raw))
        for customers in ("as_given", "pseudonym"):
            found[customers].append(measured("staged", quarter(folder, kind, customers)))
    base = best(found["bare"])
    print(f"{kind}: bare read {base['cpu']:.2f} CPU s, {base['wall']:.2f} wall s, {base['mib']:,.0f} MiB")
    for customers in ("as_given", "pseudonym"):
        mine = best(found[customers])
        cpu, wall = mine["cpu"] / base["cpu"], mine["wall"] / base["wall"]
        goal = f" (goals: at most {GOALS[kind]}, {GOAL_MIB:,} MiB)" if customers == "as_given" else ""
        print(f"  staged, customer ids {customers:9s} {mine['cpu']:5.2f} CPU s, ratio {cpu:.2f}; "
              f"{mine['wall']:5.2f} wall s, ratio {wall:.2f}; {mine['mib']:,.0f} MiB{goal}")  # fmt: skip
    one = found["as_given"][0]
    print(
        f"  rows {one['rows']:,} = {one['accepted']:,} accepted + {one['quarantined']:,} set aside; copies {one['copies']:,}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--way", choices=["bare", "staged"], help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        {"bare": bare, "staged": staged}[options.way](options.file)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make(folder, options.rows)
        book(folder)
        print(f"{options.rows:,} order lines, the smallest of {options.turns} turns", flush=True)
        for kind in GOALS:
            compare(folder, kind, options.turns)


if __name__ == "__main__":
    main()
