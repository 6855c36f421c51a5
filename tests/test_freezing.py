"""Freezing on the sample: its files follow from its data, what cannot be frozen yet, and drafts of what can."""

import shutil
from pathlib import Path

import ibis
import pandas as pd
import pytest

from crmlib import params
from crmlib.collect import inventory, purchase_days
from crmlib.errors import InputError
from crmlib.io import engine, registers, staging, store
from crmlib.kpi import windows
from crmlib.params import Settings
from crmlib.segment import tiers
from crmlib.strategy import campaign_design, campaigns
from crmlib.verbs import freezing
from crmlib.views import narrative_campaign


@pytest.fixture(scope="module")
def sample(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's results of 2017Q3 and 2017Q4 as far as a freeze needs them, in `out` beside a copy of the book."""
    project = tmp_path_factory.mktemp("project")
    for folder in ("params/sample", "data/sample"):
        shutil.copytree(root / folder, project / folder, ignore=shutil.ignore_patterns("campaigns", "build.py"))
    for quarter in ("2017Q3", "2017Q4"):
        settings = params.load(project / f"params/sample/{quarter}.yml")
        con = engine.connect(settings)
        staged = staging.stage(con, settings)
        days = purchase_days.build(purchase_days.orders(staged.tables["orders"], settings.period))
        days = engine.keep(con, "days", days)
        known = inventory.customers(staged.tables["customers"], days, staged.contacts)
        filed = inventory.inventory(known, days, settings.period, settings.quality.contact_fresh_days)
        results = store.open_store(settings, project / "out", con)
        results.save(purchase_days=days, customer_inventory=filed)
        at_end = tiers.at(days, results.table("customer_inventory"), settings.period, settings)
        results.save(customer_tiers=tiers.stored(at_end, settings))
    return project


def test_the_samples_frozen_files_follow_from_its_data(sample: Path, root: Path) -> None:
    """Freezing once more, in another folder, gives the committed files byte by byte."""
    shutil.rmtree(sample / "data/sample/campaigns", ignore_errors=True)
    done = [
        one
        for quarter in ("2017Q3", "2017Q4")
        for one in freezing.freeze(sample / f"params/sample/{quarter}.yml", out_dir=sample / "out")
    ]
    assert [(one.campaign_id, one.is_new) for one in done] == [("CP1", True), ("CP2", True)]
    committed = {file.name: file.read_bytes() for file in (root / "data/sample/campaigns").iterdir()}
    assert {file.name: file.read_bytes() for file in (sample / "data/sample/campaigns").iterdir()} == committed
    again = freezing.freeze(sample / "params/sample/2017Q4.yml", "CP2", sample / "out")
    assert [one.is_new for one in again] == [False]


@pytest.mark.parametrize(
    ("quarter", "campaign", "said"),
    [
        ("2017Q4", "CP1", "CP1 starts on 2017-10-02; .* crm freeze params/sample/2017Q3.yml --campaign CP1"),
        ("2017Q3", "CP2", "CP2 starts on 2018-01-08; .* crm freeze params/sample/2017Q4.yml --campaign CP2"),
        ("2017Q3", "C1", "has no campaign 'C1'; did you mean 'CP1'"),
        ("2017Q1", "", "has no campaign that starts from 2017-04-01 to 2017-06-30; add its row first"),
    ],
)
def test_what_cannot_be_frozen_says_the_next_step(sample: Path, quarter: str, campaign: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        freezing.freeze(sample / f"params/sample/{quarter}.yml", campaign, sample / "out")


def test_results_of_other_settings_are_not_frozen(sample: Path) -> None:
    folder = sample / "out/sample/2017Q4"
    settings = params.load(sample / "params/sample/2017Q4.yml")
    (folder / "params.yml").write_text(params.dump(settings).replace("new_customer_days: 90", "new_customer_days: 30"))
    try:
        with pytest.raises(InputError, match=r"made with other settings \(segment\); first `crm run"):
            freezing.freeze(sample / "params/sample/2017Q4.yml", out_dir=sample / "out")
    finally:
        (folder / "params.yml").unlink()


def standing(sample: Path, quarter: str, *, exclusive: bool = False) -> tuple[campaign_design.Drawn, Settings]:
    """What the notebook shows, without anything frozen."""
    settings = params.load(sample / f"params/sample/{quarter}.yml")
    rules = settings.strategy.holdout.model_copy(update={"exclusive": exclusive})
    settings = settings.model_copy(update={"strategy": settings.strategy.model_copy(update={"holdout": rules})})
    con = engine.connect(settings)
    results = store.open_store(settings, sample / "out", con)
    tables = [results.table(name) for name in ("customer_tiers", "purchase_days", "customer_inventory")]
    sources = campaign_design.Sources(*tables, tiers.at)
    plans = campaigns.near(registers.read(settings, "campaign_plans"), settings.period)
    empty = campaign_design.nothing()
    twin = plans.assign(campaign_id=plans["campaign_id"] + "b") if exclusive else plans[:0]
    due = campaigns.drafts(pd.concat([plans, twin]), (), settings.period)
    drafted = campaign_design.draw(due, sources, settings)
    assert empty.designs.columns.tolist() == drafted.designs.columns.tolist()
    return campaign_design.standing(plans, empty, drafted, settings), settings


def test_drafts_and_late_plans(sample: Path) -> None:
    """Without frozen files CP1, which began in October, can no longer be drawn at the year's end; CP2 can."""
    found, settings = standing(sample, "2017Q4")
    whole = found.designs[found.designs["tier"] == "all"].set_index("campaign_id")
    assert whole["campaign_state"].to_dict() == {"CP1": "unfrozen", "CP2": "draft"}
    assert whole.loc["CP1", "eligible"] == 0
    assert whole.loc["CP2", ["treated", "held_out"]].sum() == whole.loc["CP2", "eligible"] == 293
    said = {lang: narrative_campaign.states(found.designs, str(settings.file), lang).text for lang in ("en", "zh")}
    assert (
        "CP1 started on 2 Oct 2017 without a frozen hold-out: its effect can be described, never attributed."
        in said["en"]
    )
    assert "freeze it before 8 Jan 2018 with `crm freeze params/sample/2017Q4.yml --campaign CP2`" in said["en"]
    assert "nothing was sent to anybody" in said["en"]
    assert "CP2为草案：请于2018年1月8日前执行" in said["zh"]
    power = narrative_campaign.power(found.designs, "en", settings.book).text
    assert power.startswith("CP2 can show an effect of $90.00 per customer in 10 weeks: it has 164 treated")


def test_campaigns_that_must_not_share_customers_do_not(sample: Path) -> None:
    """The second of two equal plans finds nobody left, and says that it cannot be planned."""
    found, settings = standing(sample, "2017Q3", exclusive=True)
    assert (
        found.assignments.group_by("customer_id").having(ibis._.count() > 1).aggregate().count().to_pyarrow().as_py()
        == 0
    )
    sizes = found.designs[found.designs["tier"] == "all"].set_index("campaign_id")["eligible"].to_dict()
    assert sizes["CP1"] == 294
    assert sizes["CP1b"] == 0
    assert "CP1b cannot show" in narrative_campaign.power(found.designs, "en", settings.book).text


def test_a_campaign_drawn_by_groups(sample: Path) -> None:
    """Five household types are too few groups to tell anything, and everyone without a type is left out."""
    settings = params.load(sample / "params/sample/2017Q3.yml")
    results = store.open_store(settings, sample / "out", engine.connect(settings))
    tables = [results.table(name) for name in ("customer_tiers", "purchase_days", "customer_inventory")]
    plans = registers.read(settings, "campaign_plans").assign(drawn_by="customer_type")
    found = campaign_design.draw(plans[:1], campaign_design.Sources(*tables, tiers.at), settings)
    listed = found.assignments.to_pyarrow().to_pandas()
    kinds = tables[2].select("customer_id", "customer_type").to_pyarrow().to_pandas().set_index("customer_id")
    assert listed["drawn_unit"].tolist() == kinds.loc[listed["customer_id"], "customer_type"].tolist()
    assert (listed.groupby("drawn_unit")["arm"].nunique() == 1).all()
    whole = found.designs.iloc[-1]
    assert whole["units"] == listed["drawn_unit"].nunique() < 6
    assert (whole["remedy"], whole["is_enough"]) == ("more_groups", False)
    said = narrative_campaign.power(campaigns.with_state(found.designs, settings.period), "en", settings.book).text
    assert "whole groups by type or industry were drawn, which multiplies the variance by" in said
    assert "Cheapest way out: draw at least 6 groups, or single customers." in said


def test_a_book_without_plans_still_learns_what_its_tiers_can_show(sample: Path) -> None:
    found, settings = standing(sample, "2017Q4")
    con = engine.connect(settings)
    results = store.open_store(settings, sample / "out", con)
    tables = [results.table(name) for name in ("customer_tiers", "purchase_days", "customer_inventory")]
    reach = campaign_design.detectability(campaign_design.Sources(*tables, tiers.at), settings)
    none = found.designs[:0]
    assert narrative_campaign.states(none, "p", "en").text.startswith("No campaign with a hold-out is planned")
    assert narrative_campaign.states(none, "p", "zh").text.startswith("本季度与下季度均未计划")
    assert (reach["tier"].value_counts() == len(windows.UNITS)).all()
    risk = reach[(reach["tier"] == "risk") & (reach["kpi_unit"] == "rate")].iloc[0]
    assert (risk["eligible"], risk["treated"], risk["held_out"]) == (381, 191, 190)
    assert risk["mde"] == pytest.approx(0.0882, abs=1e-3)
    assert "A campaign to all tiers could show" in narrative_campaign.detectability(reach, "en", settings.book).text
    assert "可检测到人均" in narrative_campaign.detectability(reach, "zh", settings.book).text
    never = reach.assign(base_value=0.0, base_sd=0.0, mde=float("nan"), mde_cuped=float("nan"))
    assert "no earlier customer bought again in" in narrative_campaign.detectability(never, "en", settings.book).text
    assert "没有老客户再次购买" in narrative_campaign.detectability(never, "zh", settings.book).text
    idle = reach.assign(base_value=0.0)
    assert "usually spend nothing in that time." in narrative_campaign.detectability(idle, "en", settings.book).text
    one = tables[0].filter(tables[0].tier == "general").order_by("customer_id").limit(1)
    few = tables[0].filter(tables[0].tier != "general").union(one)
    left = campaign_design.detectability(campaign_design.Sources(few, *tables[1:], tiers.at), settings)
    money = left[left["kpi_unit"] == "money"].set_index("tier")["mde"]
    assert money.isna().to_dict() == {"high": False, "potential": False, "general": True, "risk": False, "all": False}
    said = narrative_campaign.detectability(left, "en", settings.book).text
    assert "A campaign to all tiers but General could show" in said
