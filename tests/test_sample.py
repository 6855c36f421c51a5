"""The sample book: the committed data are what its README says, and its frozen anchors come from them."""

import pytest

from crmlib import params
from crmlib.collect import inventory, purchase_days
from crmlib.io import engine, staging
from crmlib.periods import Period
from crmlib.segment import anchors, rfm, tiers


@pytest.fixture(scope="module")
def sample(root):
    """Settings of the latest quarter, staged tables and purchase days of the whole year."""
    settings = params.load(root / "params/sample/2017Q4.yml")
    con = engine.connect(settings)
    staged = staging.stage(con, settings)
    days = purchase_days.build(purchase_days.orders(staged.tables["orders"], settings.period))
    return settings, staged, engine.keep(con, "days", days)


def test_the_counts_of_its_readme(sample):
    _settings, staged, days = sample
    lines = staged.tables["orders"]
    count = {name: getattr(lines, name).nunique().to_pyarrow().as_py() for name in ("customer_id", "order_id")}
    rows = {name: table.count().to_pyarrow().as_py() for name, table in staged.tables.items()}
    assert count == {"customer_id": 775, "order_id": 51_897}
    assert (rows["orders"], rows["customers"], rows["redemptions"]) == (486_700, 256, 662)
    assert staged.quarantine.count().to_pyarrow().as_py() == 0
    assert staged.tables["campaign_targets"].customer_id.nunique().to_pyarrow().as_py() == 497
    assert staged.tables["redemptions"].customer_id.nunique().to_pyarrow().as_py() == 135
    quarter = days.order_date.quarter().name("quarter")
    revenue = engine.frame(days.group_by(quarter).aggregate(minor=days.net_minor.sum()).order_by("quarter"))
    assert (revenue["minor"] / 100).round().tolist() == [362_425, 381_097, 381_070, 403_178]


def test_the_frozen_anchors_are_those_of_its_second_quarter(sample, root):
    settings, staged, days = sample
    baseline = Period(2017, 2)
    seen = days.filter(days.order_date <= baseline.as_of)
    known = inventory.customers(staged.tables.get("customers"), seen)
    proposed = anchors.propose(seen, known, baseline, settings)
    written = settings.segment.anchors
    assert rfm.window_scale(seen, baseline, settings.segment) == 2
    for name in ("version", "frozen_on", "recency_days", "frequency_12m", "monetary_12m"):
        assert getattr(proposed, name) == getattr(written, name)


def test_tiers_hold_every_customer_and_all_the_money(sample):
    settings, staged, days = sample
    tiered = tiers.at(days, inventory.customers(staged.tables.get("customers"), days), settings.period, settings)
    sizes = engine.frame(tiers.sizes(tiered, settings.segment.tiers))
    assert sizes["customers"].sum() == 775
    assert sizes["monetary_12m_minor"].sum() == days.net_minor.sum().to_pyarrow().as_py()
    assert sizes[["customer_share", "revenue_share"]].sum().tolist() == pytest.approx([1, 1])
