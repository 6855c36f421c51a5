"""The ways in which `bench_scale` gets from order lines to customers: one function a way, timed stage by stage.

    python tests/scale_ways.py WAY FILES OUT MEMORY

times one way and prints its stages. A Python that has only the way's own package is enough.
"""
# ruff: noqa: S608

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import scale_run

OPTIONAL = ("polars", "openretailscience")
"""Ways that are packages which need not be there."""
BASE = ["customer_id", "first_order_date", "last_order_date", "state", "recency_days", "frequency_12m", "monetary_12m_minor",
        "tenure_days"]  # fmt: skip
AS_OF, YEAR_AGO = "2023-12-31", "2022-12-31"


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


def python_with(package: str) -> str:
    """This Python, or the one named by an environment variable such as OPENRETAILSCIENCE_PYTHON."""
    return os.environ.get(f"{package.upper()}_PYTHON", sys.executable)


def version_of(package: str) -> str:
    """The version of an optional package, empty where it is not installed."""
    code = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"
    command = [python_with(package), "-c", code, package]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


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


def minimal_days(files: Path, out: Path, memory: str, stages: Stages) -> None:
    """Per customer and day lines and money: one group-by to the grain that the base stores; no orders, no window."""
    with stages.stage("all"):
        _duck(memory).execute(
            f"COPY (SELECT customer_id, order_date, count(*), sum(net_minor)::BIGINT "
            f"FROM '{files}/*.parquet' GROUP BY 1, 2) TO '{out}/minimal_days.parquet' (COMPRESSION zstd)"
        )


def minimal_orders(files: Path, out: Path, memory: str, stages: Stages) -> None:
    """Per order its day and money: one group-by of the four columns that the base reads; no days, no window."""
    with stages.stage("all"):
        _duck(memory).execute(
            f"COPY (SELECT customer_id, order_id, min(order_date), sum(net_minor)::BIGINT "
            f"FROM '{files}/*.parquet' GROUP BY 1, 2) TO '{out}/minimal_orders.parquet' (COMPRESSION zstd)"
        )


DAYS_SQL = """
    SELECT customer_id, order_date, count(*) FILTER (WHERE gross > 0 AND net > 0) AS orders, sum(net)::BIGINT AS net_minor,
           sum(gross)::BIGINT AS gross_minor, (sum(gross) - sum(net))::BIGINT AS returned_minor
    FROM (SELECT customer_id, order_id, min(order_date) AS order_date, sum(net_minor) AS net, sum(greatest(net_minor, 0)) AS gross
          FROM '{files}/*.parquet' WHERE order_date <= DATE '{as_of}' GROUP BY 1, 2)
    GROUP BY 1, 2"""
BASE_SQL = """
    SELECT customer_id, first_order_date, last_order_date,
           CASE WHEN first_order_date IS NULL THEN 'returns_only' WHEN frequency_12m = 0 THEN 'lapsed' ELSE 'active' END AS state,
           DATE '{as_of}' - last_order_date AS recency_days, frequency_12m, monetary_12m_minor,
           DATE '{as_of}' - first_order_date AS tenure_days
    FROM (SELECT customer_id, min(order_date) FILTER (WHERE orders > 0) AS first_order_date,
                 max(order_date) FILTER (WHERE orders > 0) AS last_order_date,
                 coalesce(sum(orders) FILTER (WHERE order_date > DATE '{year_ago}'), 0)::BIGINT AS frequency_12m,
                 coalesce(sum(net_minor) FILTER (WHERE order_date > DATE '{year_ago}'), 0)::BIGINT AS monetary_12m_minor
          FROM {days} GROUP BY 1)"""


def sql(files: Path, out: Path, memory: str, stages: Stages) -> None:
    """By hand: orders, customer by day (stored, in order), then the 12 months (stored, in order)."""
    con = _duck(memory)
    with stages.stage("days"):
        days = DAYS_SQL.format(files=files, as_of=AS_OF)
        con.execute(f"COPY (FROM ({days}) ORDER BY 1, 2) TO '{out}/days.parquet' (COMPRESSION zstd)")
    with stages.stage("base"):
        base = BASE_SQL.format(days=f"'{out}/days.parquet'", as_of=AS_OF, year_ago=YEAR_AGO)
        con.execute(f"COPY (FROM ({base}) ORDER BY 1) TO '{out}/base.parquet' (COMPRESSION zstd)")


def _plain_lines(con, files: Path):
    """The lines without product and quantity: no return can be matched, the work is that of the SQL."""
    return con.read_parquet(str(files / "*.parquet")).select("order_id", "customer_id", "order_date", "net_minor")


def ours(files: Path, out: Path, memory: str, stages: Stages, *, plain: bool = True) -> None:
    """`purchase_days` and `rfm` on the same files: customer by day (stored, in order), the 12 months (stored)."""
    with stages.stage("start"):
        settings, con = _opened(files, memory)
        from crmlib.collect import day_pieces
        from crmlib.io import engine, pieces
        from crmlib.segment import rfm, tiers

        lines = _plain_lines(con, files) if plain else con.read_parquet(str(files / "*.parquet"))
    with stages.stage("days"):
        orders = pieces.settled(con, pieces.ORDERS, lines, settings.period, day_pieces)
        engine.write_parquet(day_pieces.built(orders), out / "days.parquet", ["customer_id", "order_date"])
        engine.drop(con, pieces.ORDERS)
    days = con.read_parquet(str(out / "days.parquet"))
    with stages.stage("base"):
        engine.write_parquet(rfm.summarise(days, nobody(), settings.period), out / "base.parquet", ["customer_id"])
    with stages.stage("tiers"):
        engine.write_parquet(
            tiers.at(days, nobody(), settings.period, settings), out / "tiers.parquet", ["customer_id"]
        )


def matched(files: Path, out: Path, memory: str, stages: Stages) -> None:
    ours(files, out, memory, stages, plain=False)


def nobody():
    """No customer file."""
    import ibis

    return ibis.memtable([], schema={"customer_id": "string"})


def _opened(files: Path, memory: str):
    """The settings and the engine, with the library that DuckDB loads at the first table from Python."""
    import pyarrow.dataset  # noqa: F401

    from crmlib import params
    from crmlib.io import engine

    settings = params.load(max((files.parents[2] / "params/speed").glob("????Q?.yml"))).model_copy(
        update={"memory_limit": memory}
    )
    return settings, engine.connect(settings)


def batch(files: Path, out: Path, memory: str, stages: Stages) -> None:
    """From the raw files: staged with all checks, customer by day stored, scores and tiers stored."""
    with stages.stage("start"):
        settings, con = _opened(files, memory)
        settings = settings.model_copy(update={"keep_parts": "never"})
        from crmlib.collect import day_pieces
        from crmlib.io import engine, pieces, staging
        from crmlib.segment import tiers
    with stages.stage("staging"):
        staged = staging.stage(con, settings)
    with stages.stage("days"):
        days = pieces.purchase_days(con, staged, settings.period, day_pieces)
    with stages.stage("store"):
        engine.write_parquet(days, out / "days.parquet", ["customer_id", "order_date"])
        engine.drop(con, pieces.ORDERS)
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
        shutil.copyfile(days, out / "days.parquet")
    with stages.stage("base"):
        days = con.read_parquet(str(out / "days.parquet"))
        engine.write_parquet(rfm.summarise(days, nobody(), settings.period), out / "base.parquet", ["customer_id"])


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
        days = orders.groupby(["customer_id", "order_date"])[
            ["orders", "net_minor", "gross_minor", "returned_minor"]
        ].sum()
        del orders
        days = days.reset_index()
        days.to_parquet(out / "days.parquet", compression="zstd")
    with stages.stage("base"):
        bought = days[days["orders"] > 0].groupby("customer_id")["order_date"].agg(["min", "max"])
        recent = days[days["order_date"] > YEAR_AGO].groupby("customer_id")[["orders", "net_minor"]].sum()
        everyone = days[["customer_id"]].drop_duplicates().set_index("customer_id")
        found = everyone.join(bought).join(recent).fillna({"orders": 0, "net_minor": 0}).reset_index()
        found = found.rename(columns={"min": "first_order_date", "max": "last_order_date", "orders": "frequency_12m",
                                      "net_minor": "monetary_12m_minor"})  # fmt: skip
        found = found.astype({"frequency_12m": "int64", "monetary_12m_minor": "int64"})
        found["state"] = "active"
        found.loc[found["frequency_12m"] == 0, "state"] = "lapsed"
        found.loc[found["first_order_date"].isna(), "state"] = "returns_only"
        found["recency_days"] = (pd.Timestamp(AS_OF) - found["last_order_date"]).dt.days
        found["tenure_days"] = (pd.Timestamp(AS_OF) - found["first_order_date"]).dt.days
        found[BASE].to_parquet(out / "base.parquet", compression="zstd")


def polars(files: Path, out: Path, _memory: str, stages: Stages) -> None:
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
        first, last, as_of = pl.col("first_order_date"), pl.col("last_order_date"), pl.lit(dt.date.fromisoformat(AS_OF))
        never, lapsed = first.is_null(), pl.col("frequency_12m") == 0
        found.group_by("customer_id").agg(
            bought.min().alias("first_order_date"), bought.max().alias("last_order_date"),
            pl.col("orders").filter(recent).sum().alias("frequency_12m"), net.filter(recent).sum().alias("monetary_12m_minor"),
        ).with_columns(
            pl.when(never).then(pl.lit("returns_only")).when(lapsed).then(pl.lit("lapsed")).otherwise(pl.lit("active")).alias("state"),
            (as_of - last).dt.total_days().alias("recency_days"), (as_of - first).dt.total_days().alias("tenure_days"),
        ).select(BASE).sort("customer_id").sink_parquet(out / "base.parquet", compression="zstd")  # fmt: skip


def openretailscience(files: Path, out: Path, memory: str, stages: Stages) -> None:
    """Its RFM segments: all history, every order id counted, customers ranked into tenths."""
    with stages.stage("start"):
        import ibis
        from openretailscience.segmentation.rfm import RFMSegmentation

        lines = ibis.duckdb.from_connection(_duck(memory)).read_parquet(str(files / "*.parquet"))
    with stages.stage("all"):
        named = lines.select(
            "customer_id", transaction_id="order_id", transaction_date="order_date", unit_spend="net_minor"
        )
        RFMSegmentation(named, AS_OF).table.to_parquet(out / "segments.parquet", compression="zstd")


WAYS: dict[str, Callable[..., None]] = {
    "scan": scan, "minimal": minimal, "minimal_days": minimal_days,
    "minimal_orders": minimal_orders, "sql": sql, "ours": ours, "polars": polars,
    "pandas": pandas, "openretailscience": openretailscience, "matched": matched, "batch": batch, "kept": kept,
    "run": scale_run.whole,
}  # fmt: skip


def main(way: str, files: str, out: str, memory: str) -> None:
    stages = Stages()
    WAYS[way](Path(files), Path(out), memory, stages)
    print(json.dumps(stages.found))


if __name__ == "__main__":
    main(*sys.argv[1:])
