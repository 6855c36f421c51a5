"""Panels of 90_explore on the sample's results and on a book of 1M customers made from them; run by `make bench`.

The large book is each customer of the sample some 1,300 times over under ids of its own, with scores and money moved by
a hash of the id. Its parquet files are in the order of their keys, as a run writes them. An answer is what a moved
control costs before the figures on the page change: finding and tables. The picture follows it, and opening is what a
panel does once. CPU seconds of the whole process, the smallest of the turns, each with other values of the controls.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from crmlib import params, run
from crmlib.io import engine, store
from crmlib.params import Settings
from crmlib.views import explore
from crmlib.views.explore.panel import Answer, Panel

ROOT = Path(__file__).resolve().parents[1]
SMALL_GOAL, LARGE_GOAL = 0.5, 2.0
DAYS = 10  # purchase days kept of a customer: the large book has ten million
SCORES = ("recency_score", "frequency_score", "monetary_score", "value_score", "potential_score", "need_score")
SPREAD = ("recency_days", "frequency_12m", "monetary_12m_minor", "tenure_days", "net_minor")
IN_ORDER = {
    "customer_tiers": "customer_id",
    "customer_levels": "customer_id",
    "customer_value": "customer_id",
    "customer_inventory": "customer_id",
    "customer_actions": "customer_id, action_id",
    "campaign_assignments": "campaign_id, customer_id",
    "campaign_targets": "campaign_id, customer_id",
    "purchase_days": "customer_id, order_date",
}
MOVED: dict[str, tuple[str, Callable[[int], Any]]] = {
    "tier_thresholds": ("cut_80", lambda turn: 78.0 - turn),
    "cluster_try": ("k", lambda turn: 4.0 + turn),
    "level_weights": ("value", lambda turn: 30.0 + 5 * turn),
    "budget_what_if": ("budget", lambda turn: 900.0 + 100 * turn),
    "holdout_plan": ("share", lambda turn: 0.3 + 0.1 * turn),
    "effect_chances": ("effect", lambda turn: 0.04 + 0.01 * turn),
    "customer_card": ("customer", lambda turn: turn),
}
"""The control that a turn moves; a customer is given by his place among the suggestions."""


@dataclass(frozen=True)
class Spent:
    opening: float
    answer: float
    picture: float


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def crowd(source: Path, target: Path, customers: int) -> None:
    """The tables of `source` with at least so many customers."""
    target.mkdir(parents=True)
    for file in source.glob("*.parquet"):
        (target / file.name).symlink_to(file)
    copies = -(-customers // pq.read_metadata(source / "customer_tiers.parquet").num_rows)
    for name, order in IN_ORDER.items():
        if (source / f"{name}.parquet").is_file():
            _repeat(source / f"{name}.parquet", target / f"{name}.parquet", copies, order)
    (target / "tier_sizes.parquet").unlink()
    duckdb.sql(f"""COPY (SELECT * REPLACE (customers * {copies} AS customers, monetary_12m_minor * {copies} AS
        monetary_12m_minor) FROM '{source}/tier_sizes.parquet') TO '{target}/tier_sizes.parquet'""")  # noqa: S608


def _repeat(source: Path, target: Path, copies: int, order: str) -> None:
    columns = pq.read_schema(source).names
    told = ", ".join(f"{_moved(column)} AS {column}" for column in columns)
    newest = "QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY order_date DESC) <= " + str(DAYS)
    rows = f"SELECT * FROM '{source}' {newest if target.stem == 'purchase_days' else ''}"  # noqa: S608
    target.unlink()
    duckdb.sql(f"""COPY (SELECT {told} FROM ({rows}) t, range({copies}) r(i) ORDER BY {order})
        TO '{target}' (FORMAT parquet, COMPRESSION zstd)""")  # noqa: S608


def _moved(column: str) -> str:
    chance = f"hash(t.customer_id, r.i, '{column}') % 20001"
    if column == "customer_id":
        return "t.customer_id || '-' || r.i"
    if column in SCORES:
        moved = f"greatest(0, least(100, round(t.{column} + ({chance}) / 1000.0 - 10, 6)))"
    elif column in SPREAD:
        moved = f"(t.{column} * (0.7 + ({chance}) / 30000.0))::BIGINT"
    else:
        return f"t.{column}"
    return f"CASE WHEN t.{column} > 0 AND r.i > 0 THEN {moved} ELSE t.{column} END"


def measured(settings: Settings, out: Path, name: str, turns: int) -> Spent:
    con = engine.connect(settings)
    results = store.open_store(settings, out, con)
    opening, panel = timed(lambda: getattr(explore, name)(results, settings, "en"))
    panel.start().picture()  # what a panel shows when it opens; imports too
    spent = [_asked(panel, name, turn) for turn in range(turns)]
    con.disconnect()
    return Spent(opening, *(min(side) for side in zip(*spent, strict=True)))


def _asked(panel: Panel, name: str, turn: int) -> tuple[float, float]:
    control, value = MOVED[name][0], MOVED[name][1](turn)
    values: Mapping[str, Any] = {c.name: c.value for c in panel.controls}
    if name == "customer_card":
        value = next(c for c in panel.controls if c.name == control).options[turn][1]
    seconds, answer = timed(lambda: panel.answer({**values, control: value}))
    assert isinstance(answer, Answer)
    return seconds, timed(answer.picture)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument(
        "--results", type=Path, help="a folder with sample/<quarter> of an earlier run; else one is made"
    )
    options = parser.parse_args()
    settings = params.load(max((ROOT / "params/sample").glob("????Q?.yml")))
    with tempfile.TemporaryDirectory() as scratch:
        small, large = (options.results or Path(scratch) / "small").resolve(), Path(scratch) / "large"
        if not options.results:
            run.run(settings.file, out_dir=small)
        tables = Path(settings.book_id) / str(settings.period) / "tables"
        crowd(small / tables, large / tables, options.customers)
        found = {name: [measured(settings, out, name, options.turns) for out in (small, large)] for name in MOVED}
    print(f"CPU seconds on the sample and on {options.customers:,} customers; the smallest of {options.turns} turns")
    print(f"{'panel':<18}{'sample':>8}{'goal':>6}{'large':>8}{'goal':>6}{'picture':>9}{'opening':>9}")
    for name, (here, there) in found.items():
        met = here.answer <= SMALL_GOAL and there.answer <= LARGE_GOAL
        print(f"{name:<18}{here.answer:>8.2f}{SMALL_GOAL:>6}{there.answer:>8.2f}{LARGE_GOAL:>6}{there.picture:>9.2f}"
              f"{there.opening:>9.2f}  {'met' if met else 'MISSED'}")  # fmt: skip


if __name__ == "__main__":
    main()
