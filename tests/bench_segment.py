"""RFM and tiers of 10M order lines beside a bare aggregation, and clustering of 1M customers; run by `make bench`.

A is everything from order lines to a stored table of tiers: orders, purchase days (the table that churn, migration,
value and KPIs read too), raw values, scores, tiers with reason and distance. B is one hand-written query that reads the
same columns of the same file: per customer first and last day, orders, net money. B counts distinct orders, as A must;
B without it (counting lines) is shown too. C is A's part after the purchase days. CPU seconds of the whole process, the
smallest of three turns, each in a fresh database.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import books
import duckdb
import ibis

from crmlib.collect import purchase_days
from crmlib.io import engine
from crmlib.params import Clusters, Settings
from crmlib.segment import agreement, cluster_choice, cluster_model, clusters, tiers

GOAL_RATIO, GOAL_SECONDS = 2.5, 5.0
COLUMNS = "customer_id, order_id, order_date, net_minor"
BARE = """SELECT customer_id, min(order_date), max(order_date), {orders}, sum(net_minor)
FROM read_parquet('{file}') WHERE order_date <= DATE '2023-12-31' GROUP BY customer_id"""


@dataclass(frozen=True)
class Spent:
    cpu: float
    wall: float


def made(folder: Path, lines: int, customers: int) -> Path:
    """Order lines of two years, three to an order; a twentieth of them are returns."""
    file = folder / "lines.parquet"
    duckdb.sql(f"""COPY (
        SELECT 'C' || lpad((hash(o) % {customers})::VARCHAR, 8, '0') AS customer_id, 'O' || o AS order_id,
               DATE '2022-01-01' + (hash(o * 7 + 1) % 730)::INT AS order_date,
               (CASE WHEN hash(i + 3) % 20 = 0 THEN -1 ELSE 1 END * (100 + hash(i + 5) % 9900))::BIGINT AS net_minor
        FROM (SELECT i, i // 3 AS o FROM range({lines}) t(i))) TO '{file}' (FORMAT parquet)""")  # noqa: S608
    return file


def timed(work: Callable[[], object]) -> Spent:
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Spent(time.process_time() - cpu, time.perf_counter() - wall)


def days_of(con: ibis.BaseBackend, file: Path, settings: Settings) -> ibis.Table:
    lines = con.read_parquet(str(file))
    return engine.keep(con, "days", purchase_days.build(purchase_days.orders(lines, settings.period)))


def tiers_of(con: ibis.BaseBackend, settings: Settings, out: Path) -> None:
    days, known = con.table("days"), con.table("known")  # the list of customers is an input, as in a run
    tiers.at(days, known, settings.period, settings).to_parquet(out, compression="zstd")


def measured(file: Path, settings: Settings, folder: Path) -> dict[str, Spent]:
    con = engine.connect(settings)
    bare = {name: BARE.format(orders=orders, file=file) for name, orders in
            {"B": "count(DISTINCT order_id)", "B without distinct": "count(*)"}.items()}  # fmt: skip
    found = {
        name: timed(lambda query=query: con.raw_sql(f"COPY ({query}) TO '{folder / 'bare.parquet'}' (FORMAT parquet)"))
        for name, query in bare.items()
    }
    lines = con.read_parquet(str(file))
    engine.keep(con, "known", lines.select("customer_id").distinct())
    first = timed(lambda: days_of(con, file, settings))
    second = timed(lambda: tiers_of(con, settings, folder / "tiers.parquet"))
    found["A"] = Spent(first.cpu + second.cpu, first.wall + second.wall)
    found["C"] = second
    return found


def clustered(file: Path, settings: Settings) -> dict[str, Spent]:
    """The year's search, the fit, and each quarter's prediction, as the notebook does it."""
    con = engine.connect(settings)
    tiered = con.read_parquet(str(file))
    wanted: Clusters = settings.segment.clusters
    sampled = engine.frame(clusters.sample(tiered, wanted.sample))
    fitted = cluster_model.current(sampled.head(1000), None, None, settings)  # imports scikit-learn
    kept = engine.table(cluster_model.frame(fitted.model)), engine.table(fitted.choice)

    def predict(model: clusters.Model) -> None:
        assigned = engine.keep(con, "assigned", clusters.assign(tiered, model))
        engine.frame(clusters.profile(assigned))
        agreement.compare(engine.frame(agreement.cells(assigned)))

    def quarter() -> None:
        again = engine.frame(clusters.sample(tiered, wanted.sample))
        predict(cluster_model.current(again, *kept, settings).model)

    def fit() -> None:
        again = engine.frame(clusters.sample(tiered, wanted.sample))
        predict(clusters.fit(again, 5, settings.seed, settings.period))

    return {
        "kept model": timed(quarter),
        "fit and predict": timed(fit),
        "search of k": timed(lambda: cluster_choice.candidates(sampled, wanted, settings.seed)),
    }


def smallest(turns: list[dict[str, Spent]]) -> dict[str, Spent]:
    return {name: min((turn[name] for turn in turns), key=lambda spent: spent.cpu) for name in turns[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        settings = books.load(folder)
        file = made(folder, options.lines, options.customers)
        found = smallest([measured(file, settings, folder) for _ in range(options.turns)])
        groups = smallest([clustered(folder / "tiers.parquet", settings) for _ in range(options.turns)])
    print(f"{options.lines:,} lines, {options.customers:,} customers; the smallest of {options.turns} turns")
    for name, spent in {**found, **groups}.items():
        print(f"{name:<22} CPU {spent.cpu:6.1f} s   wall {spent.wall:6.1f} s")
    for name in ("B", "B without distinct"):
        print(f"A / {name:<18} {found['A'].cpu / found[name].cpu:.2f} of CPU, {found['A'].wall / found[name].wall:.2f} of wall"
              f" (goal: at most {GOAL_RATIO})")  # fmt: skip
    total = sum(groups[name].cpu for name in ("fit and predict", "search of k"))
    print(
        f"clustering with search {total:.1f} s CPU, with the kept model {groups['kept model'].cpu:.1f} (goal {GOAL_SECONDS})"
    )


if __name__ == "__main__":
    main()
