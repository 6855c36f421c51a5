"""Order lines to scored customers at 1M to 100M lines, stage by stage, beside the same work done in other ways.

    python tests/bench_scale.py [--lines 1e6,1e7] [--turns 3] [--folder FOLDER] [--write docs/benchmarks.md]
    python tests/bench_scale.py --lines 1e8 --ways kept --memory 2GB --turns 10 --folder FOLDER

The book is made from a seed, one Parquet file per quarter, so that no size has to fit into memory. Each measurement is a
process of its own with a book in which nothing is kept; ways take turns; CPU seconds count all threads, of `run` all
processes. The page is made from all records of the folder, so that sizes may be measured one after the other. `polars` is
in the optional group `bench`; openretailscience needs pandas 2, so it is timed in another environment, whose Python is
named by OPENRETAILSCIENCE_PYTHON. Linux only.
"""

import argparse
import datetime as dt
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import books
import scale_report
import scale_ways
import yaml

QUARTERS = [f"{year}Q{q}" for year in range(2020, 2024) for q in range(1, 5)]
"""Sixteen files of equal length; the last is the next quarter: 6 % of the lines."""
DAYS = 1461
COLUMNS = {"order_id": "order_id", "customer_id": "customer_id", "order_date": "order_date", "product_id": "product_id",
           "quantity": "quantity", "net_amount": "net_minor"}  # fmt: skip
USUAL = [*(way for way in scale_ways.WAYS if way != "kept"), "next"]
PANDAS_AT_MOST = 20_000_000
HINTS = {
    "polars": "polars is not installed, so not timed: pip install -e '.[bench]'",
    "openretailscience": "openretailscience is not installed, so not timed; it needs pandas 2: name the Python of another"
    " environment that has it by OPENRETAILSCIENCE_PYTHON",
}

Found = dict[str, dict[str, float]]
"""Seconds and peak memory by stage."""


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


@contextmanager
def fresh(folder: Path, files: Sequence[Path], memory: str) -> Iterator[Path]:
    """The raw folder of another book with these files, in which nothing is kept from an earlier turn."""
    with tempfile.TemporaryDirectory(dir=folder) as made:
        other = Path(made)
        book(other, memory)
        raw = other / "data/speed/raw"
        raw.mkdir(parents=True)
        (other / "out").mkdir()
        link(files, raw)
        yield raw


def link(files: Sequence[Path], raw: Path) -> None:
    for file in files:
        (raw / file.name).exists() or (raw / file.name).symlink_to(file.resolve())


def next_quarter(folder: Path, memory: str) -> dict[str, Found]:
    """Sixteen files from nothing; fifteen from nothing, then the sixteenth; the results must be the same bytes."""
    files = raw_files(folder)
    found, hashes = {}, []
    with fresh(folder, files, memory) as raw:
        found["whole_16"] = run("kept", raw, memory)
        hashes.append(digests(raw))
    with fresh(folder, files[:15], memory) as raw:
        last = raw.parents[2] / "params/speed/2023Q4.yml"
        last.rename(last.with_stem("2023Q3"))
        found["grown_15"] = run("kept", raw, memory)
        last.write_text("{}\n", encoding="utf-8")
        link(files, raw)
        found["grown_16"] = run("kept", raw, memory)
        hashes.append(digests(raw))
    if all(found.values()):
        found["same_bytes"] = {"all": {"cpu": float(hashes[0] == hashes[1])}}
    return found


def digests(raw: Path) -> list[str]:
    """What a run has made, as hashes."""
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted((raw.parents[2] / "out").iterdir())]


def raw_files(folder: Path) -> list[Path]:
    return sorted((folder / "data/speed/raw").glob("*.parquet"))


def run(way: str, raw: Path, memory: str) -> Found:
    """One way in a process of its own; nothing where it did not finish."""
    python = scale_ways.python_with(way) if way in scale_ways.OPTIONAL else sys.executable
    command = [python, scale_ways.__file__, way, str(raw), str(raw.parents[2] / "out"), memory]
    done = subprocess.run(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONWARNINGS": "ignore"}, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else {}


def measurements(folder: Path, ways: list[str], memory: str) -> Iterator[tuple[str, Found]]:
    for way in ways:
        if way == "next":
            yield from next_quarter(folder, memory).items()
        else:
            with fresh(folder, raw_files(folder), memory) as raw:
                yield way, run(way, raw, memory)


def possible(ways: list[str], lines: int) -> list[str]:
    """The ways that can be timed here; of the others it is said why not."""
    why = {way: HINTS[way] for way in scale_ways.OPTIONAL if not scale_ways.version_of(way)}
    if lines > PANDAS_AT_MOST:
        why["pandas"] = f"pandas holds all lines in memory, so it is not timed above {PANDAS_AT_MOST:,}"
    for way in ways:
        if way in why:
            print(why[way], file=sys.stderr)
    return [way for way in ways if way not in why]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", default="1e6,1e7", help="sizes of the books (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument(
        "--ways", default=",".join(USUAL), help="default: %(default)s; `kept` is the first part of `next`"
    )
    parser.add_argument("--memory", default=scale_report.MEMORY, help="memory_limit (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="keep the generated books, and records.jsonl, there")
    parser.add_argument("--write", type=Path, help="write the page there, not on the screen")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).resolve()
        for lines in [int(float(n)) for n in options.lines.split(",") if n]:
            measure(folder, lines, options)
        page = scale_report.page(folder / "records.jsonl")
    if options.write:
        options.write.write_text(page, encoding="utf-8")
    else:
        print(page)


def measure(base: Path, lines: int, options: argparse.Namespace) -> None:
    folder = base / str(lines)
    if not folder.exists():
        make(folder, lines)
    ways = possible(options.ways.split(","), lines)
    for turn in range(options.turns):
        for way, found in measurements(folder, ways, options.memory):
            record = json.dumps({"lines": lines, "memory": options.memory, "turn": turn, "way": way, "stages": found})
            print(record, file=sys.stderr, flush=True)
            with (base / "records.jsonl").open("a", encoding="utf-8") as records:
                records.write(record + "\n")


if __name__ == "__main__":
    main()
