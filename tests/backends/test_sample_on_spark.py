"""The sample book: staged by DuckDB, handed over to Spark, measured by both."""

from dataclasses import dataclass
from typing import Any

import ibis
import pandas as pd
import pytest
from test_equal import frame

from crmlib import params
from crmlib.collect import inventory, purchase_days
from crmlib.io import engine, staging
from crmlib.kpi import quarterly
from crmlib.segment import churn, cohorts, tiers


@dataclass(frozen=True)
class Side:
    """The sample on one engine."""

    lines: ibis.Table
    days: ibis.Table
    file: ibis.Table


@pytest.fixture(scope="module")
def used(root) -> params.Settings:
    return params.load(max((root / "params/sample").glob("????Q?.yml")))


@pytest.fixture(scope="module")
def sides(spark, used) -> tuple[Side, Side]:
    con = engine.connect(used)
    staged = staging.stage(con, used).tables
    ours, theirs = staged, {name: spark.take(staged[name]) for name in ("orders", "customers") if name in staged}
    return _side(con, ours, used), _side(spark, theirs, used)


def _side(con: Any, tables: dict[str, ibis.Table], used: params.Settings) -> Side:
    days = purchase_days.build(purchase_days.orders(tables["orders"], used.period))
    # DuckDB's sums are of 128 bits, which Ibis calls decimals in a table that is kept; Arrow brings them back to 64.
    kept = con.keep("days_kept", days) if hasattr(con, "keep") else con.create_table("days_kept", days.to_pyarrow())
    return Side(tables["orders"], kept, inventory.customers(tables.get("customers"), kept))


CASES = {
    "purchase days": lambda s, _used: s.days,
    "customer file": lambda s, _used: s.file,
    "tiers": lambda s, used: tiers.stored(tiers.at(s.days, s.file, used.period, used), used),
    "cohorts": lambda s, used: cohorts.cells(s.days, used.period),
    "features": lambda s, used: churn.features(s.days, used.period.as_of),
    "kpis": lambda s, used: quarterly.measure(s.days, used.period),
}


@pytest.mark.parametrize("case", CASES)
def test_the_sample_gives_the_same(case, sides, used):
    ours, theirs = (frame(CASES[case](side, used)) for side in sides)
    assert len(ours)
    pd.testing.assert_frame_equal(ours, theirs, check_exact=False, rtol=1e-12, atol=1e-9)
