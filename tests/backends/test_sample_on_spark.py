"""The sample book: staged for either engine, measured by both."""

from dataclasses import dataclass
from pathlib import Path
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
def sides(spark, used, tmp_path_factory) -> tuple[Side, Side]:
    ours, theirs = (_side(con, used, tmp_path_factory.mktemp("side")) for con in (engine.connect(used), spark))
    return ours, theirs


def _side(con: Any, used: params.Settings, folder: Path) -> Side:
    """The sample staged, its purchase days stored and read again."""
    tables = staging.stage(con, used).tables
    days = purchase_days.build(purchase_days.orders(tables["orders"], used.period))
    engine.write_parquet(days, folder / "days.parquet", ["customer_id", "order_date"])
    stored = con.read_parquet(str(folder / "days.parquet"))
    return Side(tables["orders"], stored, inventory.customers(tables.get("customers"), stored))


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
