"""Order lines to scored customers at 1M to 100M lines, stage by stage, beside the same work done in other ways.

    python tests/bench_scale.py [--lines 1e6,1e7] [--turns 3] [--write docs/benchmarks.md]

The book is made from a seed, one Parquet file per quarter, so that no size has to fit into memory. Each measurement is a
process of its own; ways take turns; CPU seconds count all threads. `polars` is the optional group `bench`. Linux only.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import books
import yaml

QUARTERS = [f"{year}Q{q}" for year in range(2020, 2024) for q in range(1, 5)]
"""Sixteen files of equal length; the last is the next quarter: 6 % of the lines."""
AS_OF, YEAR_AGO = "2023-12-31", "2022-12-31"
DAYS = 1461
COLUMNS = {"order_id": "order_id", "customer_id": "customer_id", "order_date": "order_date", "product_id": "product_id",
           "quantity": "quantity", "net_amount": "net_minor"}  # fmt: skip

GOALS = {"minimal": 2.5, "sql": 1.1, "pandas": 1.0, "polars": 1.0, "growth": 11.0, "again": 0.2, "mib": 6144}


# ---- the book ----------------------------------------------------------------------------------------------------


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
        con.execute(f"COPY ({_rows(first, last, orders, lines // 10)}) TO '{raw}/orders_{quarter}.parquet' (COMPRESSION zstd)")
        first = last


def _orders_until(quarters: int, orders: int) -> int:
    """How many orders there are up to the end of a quarter, by its last day."""
    import datetime as dt

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


# ---- ways --------------------------------------------------------------------------------------------------------


class Stages:
    """CPU and wall seconds and peak memory of one stage after the other."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, float]] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        forget_peak()
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.found[name] = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "mib": peak_mib()}


def peak_mib() -> float:
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024


def forget_peak() -> None:
    """Start the count of the peak anew, where the machine lets one."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _duck(memory: str):
    import duckdb

    con = duckdb.connect()
    con.execute(f"SET enable_progress_bar = false; SET memory_limit = '{memory}'")
    con.execute(f"SET temp_directory = '{tempfile.gettempdir()}/bench-{os.getpid()}'")
    return con


def scan(files: Path, _out: Path, memory: str, stages: Stages) -> None:
    with stages.stage("all"):
        wanted = "max(order_id), max(customer_id), max(order_date), sum(net_minor)"
        _duck(memory).execute(f"SELECT {wanted} FROM '{files}/*.parquet'").fetchall()


def minimal(files: Path, out: Path, memory: str, stages: Stages) -> None:
    """Per customer first and last day, lines, money: one group-by, one file; no orders, no window."""
    with stages.stage("all"):
        _duck(memory).execute(
            f"COPY (SELECT customer_id, min(order_date), max(order_date), count(*), sum(net_minor)::BIGINT "
            f"FROM '{files}/*.parquet' GROUP BY 1) TO '{out}/minimal.parquet' (COMPRESSION zstd)"
        )


DAYS_SQL = """
    SELECT customer_id, order_date, count(*) FILTER (WHERE gross > 0 AND net > 0) AS orders, sum(net)::BIGINT AS net_minor,
           sum(gross)::BIGINT AS gross_minor, (sum(gross) - sum(net))::BIGINT AS returned_minor
    FROM (SELECT customer_id, order_id, min(order_date) AS order_date, sum(net_minor) AS net, sum(greatest(net_minor, 0)) AS gross
          FROM '{files}/*.parquet' WHERE order_date <= DATE '{as_of}' GROUP BY 1, 2)
    GROUP BY 1, 2"""
BASE_SQL = """
    SELECT customer_id, min(order_date) FILTER (WHERE orders > 0) AS first_order_date,
           max(order_date) FILTER (WHERE orders > 0) AS last_order_date,
           coalesce(sum(orders) FILTER (WHERE order_date > DATE '{year_ago}'), 0)::BIGINT AS frequency_12m,
           coalesce(sum(net_minor) FILTER (WHERE order_date > DATE '{year_ago}'), 0)::BIGINT AS monetary_12m_minor
    FROM {days} GROUP BY 1"""


def sql(files: Path, out: Path, memory: str, stages: Stages) -> None:
    """By hand: orders, customer by day (stored, in order), then the 12 months (stored, in order)."""
    con = _duck(memory)
    with stages.stage("days"):
        days = DAYS_SQL.format(files=files, as_of=AS_OF)
        con.execute(f"COPY (FROM ({days}) ORDER BY 1, 2) TO '{out}/days.parquet' (COMPRESSION zstd)")
    with stages.stage("base"):
        base = BASE_SQL.format(days=f"'{out}/days.parquet'", year_ago=YEAR_AGO)
        con.execute(f"COPY (FROM ({base}) ORDER BY 1) TO '{out}/base.parquet' (COMPRESSION zstd)")


def _plain_lines(con, files: Path):
    """The lines without product and quantity: no return can be matched, the work is that of the SQL."""
    return con.read_parquet(str(files / "*.parquet")).select("order_id", "customer_id", "order_date", "net_minor")


def ours(files: Path, out: Path, memory: str, stages: Stages, *, plain: bool = True) -> None:
    """`purchase_days` and `rfm` on the same files: customer by day (stored, in order), the 12 months (stored)."""
    with stages.stage("start"):
        settings, con = _opened(files, memory)
        from crmlib.collect import purchase_days
        from crmlib.io import engine
        from crmlib.segment import rfm, tiers

        lines = _plain_lines(con, files) if plain else con.read_parquet(str(files / "*.parquet"))
        nobody = engine.table(__import__("pandas").DataFrame({"customer_id": __import__("pandas").Series(dtype="str")}))
    with stages.stage("days"):
        orders = purchase_days.orders(lines, settings.period)
        engine.write_parquet(purchase_days.build(orders), out / "days.parquet", ["customer_id", "order_date"])
    days = con.read_parquet(str(out / "days.parquet"))
    with stages.stage("base"):
        engine.write_parquet(rfm.summarise(days, nobody, settings.period), out / "base.parquet", ["customer_id"])
    with stages.stage("tiers"):
        engine.write_parquet(tiers.at(days, nobody, settings.period, settings), out / "tiers.parquet", ["customer_id"])


def matched(files: Path, out: Path, memory: str, stages: Stages) -> None:
    ours(files, out, memory, stages, plain=False)


def _opened(files: Path, memory: str):
    from crmlib import params
    from crmlib.io import engine

    settings = params.load(max((files.parents[2] / "params/speed").glob("????Q?.yml"))).model_copy(update={"memory_limit": memory})
    return settings, engine.connect(settings)


def batch(files: Path, out: Path, memory: str, stages: Stages) -> None:
    """From the raw files: staged with all checks, customer by day stored, scores and tiers stored."""
    with stages.stage("start"):
        settings, con = _opened(files, memory)
        from crmlib.collect import purchase_days
        from crmlib.io import engine, staging
        from crmlib.segment import tiers
    with stages.stage("staging"):
        lines = staging.stage(con, settings).tables["orders"]
    with stages.stage("days"):
        days = engine.keep(con, "purchase_days", purchase_days.build(purchase_days.orders(lines, settings.period)))
    with stages.stage("store"):
        engine.write_parquet(days, out / "days.parquet", ["customer_id", "order_date"])
    with stages.stage("tiers"):
        days = con.read_parquet(str(out / "days.parquet"))
        known = days.select("customer_id").distinct()
        engine.write_parquet(tiers.at(days, known, settings.period, settings), out / "tiers.parquet", ["customer_id"])


def kept(files: Path, out: Path, memory: str, stages: Stages) -> None:
    """The same with parts kept file by file: what is there already is not made again."""
    with stages.stage("start"):
        settings, con = _opened(files, memory)
        settings = settings.model_copy(update={"keep_parts": "always"})
        from crmlib.collect import day_pieces
        from crmlib.io import engine, pieces, staging
        from crmlib.segment import rfm
    with stages.stage("staging"):
        staged = staging.stage(con, settings)
    with stages.stage("days"):
        days = pieces.purchase_days(con, staged, settings.period, day_pieces)
    with stages.stage("store"):
        engine.write_parquet(days, out / "days.parquet", ["customer_id", "order_date"])
    with stages.stage("base"):
        days = con.read_parquet(str(out / "days.parquet"))
        known = engine.table(__import__("pandas").DataFrame({"customer_id": __import__("pandas").Series(dtype="str")}))
        engine.write_parquet(rfm.summarise(days, known, settings.period), out / "base.parquet", ["customer_id"])


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


def pandas(files: Path, out: Path, _memory: str, stages: Stages) -> None:
    import pandas as pd

    with stages.stage("days"):
        found = pd.read_parquet(files, columns=["customer_id", "order_id", "order_date", "net_minor"])
        found["order_date"] = pd.to_datetime(found["order_date"])
        found = found[found["order_date"] <= AS_OF]
        found["gross_minor"] = found["net_minor"].clip(lower=0)
        orders = found.groupby(["customer_id", "order_id"], sort=False).agg(
            order_date=("order_date", "min"), net_minor=("net_minor", "sum"), gross_minor=("gross_minor", "sum"))  # fmt: skip
        del found
        orders["returned_minor"] = orders["gross_minor"] - orders["net_minor"]
        orders["orders"] = ((orders["gross_minor"] > 0) & (orders["net_minor"] > 0)).astype("int64")
        days = orders.groupby(["customer_id", "order_date"])[["orders", "net_minor", "gross_minor", "returned_minor"]].sum()
        del orders
        days = days.reset_index()
        days.to_parquet(out / "days.parquet", compression="zstd")
    with stages.stage("base"):
        bought = days[days["orders"] > 0].groupby("customer_id")["order_date"].agg(["min", "max"])
        recent = days[days["order_date"] > YEAR_AGO].groupby("customer_id")[["orders", "net_minor"]].sum()
        everyone = days[["customer_id"]].drop_duplicates().set_index("customer_id")
        everyone.join(bought).join(recent).fillna({"orders": 0, "net_minor": 0}).to_parquet(out / "base.parquet")


def polars(files: Path, out: Path, _memory: str, stages: Stages) -> None:
    import datetime as dt

    import polars as pl

    with stages.stage("days"):
        net = pl.col("net_minor")
        orders = (
            pl.scan_parquet(str(files / "*.parquet"))
            .filter(pl.col("order_date") <= dt.date.fromisoformat(AS_OF))
            .group_by("customer_id", "order_id")
            .agg(pl.col("order_date").min(), net.sum(), net.clip(lower_bound=0).sum().alias("gross_minor"))
        )
        days = (
            orders.with_columns(((pl.col("gross_minor") > 0) & (net > 0)).alias("orders").cast(pl.Int64))
            .group_by("customer_id", "order_date")
            .agg(pl.col("orders").sum(), net.sum(), pl.col("gross_minor").sum())
            .with_columns((pl.col("gross_minor") - net).alias("returned_minor"))
            .sort("customer_id", "order_date")
        )
        days.sink_parquet(out / "days.parquet", compression="zstd")
    with stages.stage("base"):
        found, recent = pl.scan_parquet(out / "days.parquet"), pl.col("order_date") > dt.date.fromisoformat(YEAR_AGO)
        bought = pl.col("order_date").filter(pl.col("orders") > 0)
        found.group_by("customer_id").agg(
            bought.min().alias("first"), bought.max().alias("last"),
            pl.col("orders").filter(recent).sum().alias("frequency_12m"), net.filter(recent).sum().alias("monetary_12m_minor"),
        ).sort("customer_id").sink_parquet(out / "base.parquet", compression="zstd")  # fmt: skip


WAYS: dict[str, Callable[..., None]] = {
    "scan": scan, "minimal": minimal, "sql": sql, "ours": ours, "polars": polars, "pandas": pandas,
    "matched": matched, "batch": batch, "kept": kept,
}  # fmt: skip


def measured(way: str, files: Path, memory: str) -> dict[str, dict[str, float]]:
    """One way in a process of its own."""
    with tempfile.TemporaryDirectory(dir=files.parents[2]) as out:
        return run(way, files, Path(out), memory)


def run(way: str, files: Path, out: Path, memory: str) -> dict[str, dict[str, float]]:
    command = [sys.executable, __file__, "--way", way, "--files", str(files), "--out", str(out), "--memory", memory]
    done = subprocess.run(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONWARNINGS": "ignore"}, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", default="1e6,1e7")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--folder", type=Path, help="keep the generated books there")
    for hidden in ("--way", "--files", "--out"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.way:
        stages = Stages()
        WAYS[options.way](Path(options.files), Path(options.out), options.memory, stages)
        print(json.dumps(stages.found))
        return
    for lines in (int(float(n)) for n in options.lines.split(",")):
        folder = options.folder / str(lines)
        if not folder.exists():
            make(folder, lines)
        book(folder, options.memory)
        for turn in range(options.turns):
            for way in filter(None, options.ways.split(",")):
                if way == "next":
                    for k, v in next_quarter(folder, options.memory).items():
                        print(lines, turn, k, {n: {m: round(x, 2) for m, x in y.items()} for n, y in v.items()}, flush=True)
                    continue
                found = measured(way, folder / "data/speed/raw", options.memory)
                print(lines, turn, way, {k: {n: round(x, 2) for n, x in v.items()} for k, v in found.items()}, flush=True)


if __name__ == "__main__":
    main()
