"""Frozen campaigns: written once, the same bytes each time, and every later change found and named."""

import dataclasses
import shutil
from pathlib import Path

import books
import ibis
import pandas as pd
import pytest
import yaml

from crmlib import params
from crmlib.errors import InputError
from crmlib.io import engine, frozen, frozen_files, registers
from crmlib.params import Settings
from crmlib.review import campaigns as reviewed
from crmlib.review import grades
from crmlib.segment.expectation import Expectation
from crmlib.strategy import campaign_design, campaigns, holdout
from crmlib.views import narrative_campaign, narrative_reviews

STRATEGIES = """strategy_id,tier,strategy,measures,department,owner,start_date,end_date
ST1,high,Keep,Call,CRM,Li,2024-01-01,2024-03-31
"""
PLANS = """campaign_id,strategy_id,campaign,tiers,channel,kpi,effect_target,start_date,end_date,holdout_share,owner,provenance
CP1,ST1,Spring,high; risk,mail,window_repurchase_rate,0.02,2024-01-08,2024-02-06,0.5,Li,actual
"""
IDS = ["1", "c,2", "客户3", '"4"', *map(str, range(5, 60))]


@pytest.fixture
def book(tmp_path: Path) -> Settings:
    """A tiny book at the end of 2023 with one plan that starts on 8 January."""
    settings = books.load(tmp_path)
    folder = settings.data_dir / "registers"
    folder.mkdir()
    (folder / "strategies.csv").write_text(STRATEGIES, encoding="utf-8")
    (folder / "campaign_plans.csv").write_text(PLANS, encoding="utf-8")
    return settings


def drawn(ids: list[str]) -> ibis.Table:
    people = ibis.memtable({"customer_id": ids, "tier": ["high"] * len(ids), "drawn_unit": [""] * len(ids)})
    return holdout.drawn(people, "CP1", {"high": 0.5})


def put(settings: Settings, ids: list[str] = IDS) -> bool:
    """Freeze CP1 with a list drawn from `ids`."""
    plan = registers.read(settings, "campaign_plans").to_dict("records")[0]
    given = campaigns.given(campaigns.plan_of({str(k): v for k, v in plan.items()}, settings))
    rows = [{**given, "tier": tier, "eligible": len(ids), "holdout_share": 0.5} for tier in ("high", "all")]
    return frozen_files.write(settings, plan, campaigns.frame(rows), drawn(ids))


def codes(settings: Settings) -> list[str]:
    return [breach.code for one in frozen.read(settings) for breach in one.breaches]


def edit(settings: Settings, name: str, old: str, new: str) -> None:
    file = settings.data_dir / name
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_what_is_frozen_is_read_back(book: Settings) -> None:
    """8 January to 6 February are 30 days: four whole weeks, to 4 February, and four before."""
    assert put(book)
    (one,) = frozen.read(book)
    assert one.breaches == ()
    assert one.record is not None
    assert str(one.record.snapshot) == "2023-12-31"
    assert [str(day) for day in one.record.during] == ["2024-01-08", "2024-02-04"]
    assert [str(day) for day in one.record.before] == ["2023-12-11", "2024-01-07"]
    assert one.record.holdout_shares == {"high": 0.5}
    design = campaigns.frame(frozen.rows([one])).iloc[0]
    assert (design["campaign"], design["effect_target"], design["weeks"]) == ("Spring", 0.02, 4)
    assert design["plan_hash"] == one.record.plan_hash
    con = engine.connect(book)
    listed = frozen.assignments(con, [one]).to_pyarrow().to_pandas().set_index("customer_id")
    expected = drawn(IDS).to_pyarrow().to_pandas().set_index("customer_id")
    pd.testing.assert_frame_equal(listed.sort_index(), expected.sort_index())
    assert listed.index.tolist() == sorted(IDS)


def test_freezing_again_gives_the_same_bytes_and_writes_nothing(book: Settings, tmp_path: Path) -> None:
    put(book)
    files = sorted((book.data_dir / "campaigns").iterdir())
    before = {file.name: file.read_bytes() for file in files}
    assert not put(book, list(reversed(IDS)))
    assert {file.name: file.read_bytes() for file in sorted((book.data_dir / "campaigns").iterdir())} == before
    shutil.rmtree(book.data_dir / "campaigns")
    assert put(book)
    assert {file.name: file.read_bytes() for file in (book.data_dir / "campaigns").iterdir()} == before
    assert set(before) == {"CP1.yml", "CP1.csv"}


def test_another_plan_is_never_written_over(book: Settings) -> None:
    put(book)
    before = {file.name: file.read_bytes() for file in (book.data_dir / "campaigns").iterdir()}
    edit(book, "registers/campaign_plans.csv", "0.02", "0.01")
    with pytest.raises(
        InputError, match=r"effect_target was 0.02 and is 0\.01; undo the change, or give the changed plan"
    ):
        put(book)
    edit(book, "registers/campaign_plans.csv", "0.01", "0.02")
    with pytest.raises(InputError, match="the draw from these results differs, because data or settings changed"):
        put(book, IDS[1:])
    assert {file.name: file.read_bytes() for file in (book.data_dir / "campaigns").iterdir()} == before


@pytest.mark.parametrize(
    ("name", "old", "new", "found"),
    [
        ("registers/campaign_plans.csv", ",0.02,", ",0.01,", ["register_changed"]),
        ("registers/campaign_plans.csv", "2024-02-06", "2024-03-06", ["register_changed"]),
        ("registers/campaign_plans.csv", "CP1,", "CP2,", ["register_missing"]),
        ("registers/campaign_plans.csv", "high; risk", "risk; high", []),
        ("registers/campaign_plans.csv", "Spring", "Spring sale", []),
        ("campaigns/CP1.yml", "effect_target: 0.02", "effect_target: 0.01", ["plan_edited", "register_changed"]),
        ("campaigns/CP1.yml", "eligible: 59", "eligible: 58", ["plan_edited"]),
        ("campaigns/CP1.yml", "snapshot: '2023-12-31'", "snapshot: '2023-10-31'", ["plan_edited"]),
        ("campaigns/CP1.yml", "- '2023-12-11'", "- '2023-12-04'", ["plan_edited", "windows_differ"]),
        ("campaigns/CP1.yml", "plan_sha256: ", "plan_sha256: 0", ["plan_edited"]),
        ("campaigns/CP1.csv", "treated", "hold_out", ["list_edited"]),
        ("campaigns/CP1.csv", "59,high", "60,high", ["list_edited"]),
        ("campaigns/CP1.yml", "plan:", "plan", ["unreadable"]),
        ("campaigns/CP1.yml", "format: 1", "format: &a 1\nagain: *a", ["unreadable"]),
    ],
)  # fmt: skip
def test_every_later_change_is_found(book: Settings, name: str, old: str, new: str, found: list[str]) -> None:
    put(book)
    edit(book, name, old, new)
    assert codes(book) == found


def test_a_change_is_named_with_both_values(book: Settings) -> None:
    put(book)
    edit(book, "registers/campaign_plans.csv", "0.02", "0.01")
    row = frozen.breaches(frozen.read(book)).to_dict("records")[0]
    assert narrative_campaign.breach(row, "en") == (
        "CP1: effect_target was 0.02 when frozen on 31 Dec 2023 and is 0.01 in the register now."
    )
    assert narrative_campaign.breach(row, "zh") == "CP1：effect_target在2023年12月31日冻结时为0.02，登记表中现为0.01。"


def test_a_list_that_is_gone_or_a_link_is_missing(book: Settings, tmp_path: Path) -> None:
    put(book)
    listed = book.data_dir / "campaigns/CP1.csv"
    elsewhere = tmp_path / "other.csv"
    shutil.move(listed, elsewhere)
    assert codes(book) == ["list_missing"]
    listed.symlink_to(elsewhere)
    assert codes(book) == ["list_missing"]
    assert frozen.assignments(engine.connect(book), frozen.read(book)).count().to_pyarrow().as_py() == 0


def test_a_plan_redone_by_hand_with_new_hashes_is_late_or_moved(book: Settings) -> None:
    """Who knows how hashes are made can forge them, but not the draw, nor a snapshot after the start."""
    put(book)
    file, listed = book.data_dir / "campaigns/CP1.yml", book.data_dir / "campaigns/CP1.csv"
    listed.write_text(listed.read_text(encoding="utf-8").replace("hold_out", "treated", 3), encoding="utf-8")
    said = yaml.safe_load(file.read_text(encoding="utf-8"))
    said.pop("plan_sha256")
    said["list_sha256"] = frozen_files.sha256(listed)
    said["snapshot"] = "2024-01-08"
    said["plan_sha256"] = frozen_files._hash(said)
    file.write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
    later = params.load(books.write(book.file.parents[2], period="2024Q1"))
    assert codes(later) == ["late_snapshot"]
    there = frozen.read(later)
    moved = holdout.moved(frozen.assignments(engine.connect(later), there), frozen.shares(there))
    assert moved["customers"].tolist() == [3]
    told = campaigns.with_moved(frozen.breaches(there), moved)
    assert told["breach"].tolist() == ["arms_moved", "late_snapshot"]
    assert "3 customers of the list are not in the arm" in narrative_campaign.breaches(told, "en", 1).text


def test_what_is_frozen_later_is_not_known_yet(book: Settings) -> None:
    put(book)
    earlier = params.load(books.write(book.file.parents[2], period="2023Q3"))
    assert frozen.read(earlier) == ()


def test_nothing_is_written_through_a_link(book: Settings, tmp_path: Path) -> None:
    folder, outside = book.data_dir / "campaigns", tmp_path / "outside"
    outside.mkdir()
    folder.symlink_to(outside)
    with pytest.raises(InputError, match="is a link to another place"):
        put(book)
    folder.unlink()
    folder.mkdir()
    (folder / "CP1.csv").symlink_to(outside / "x.csv")
    with pytest.raises(InputError, match=r"CP1\.csv is a link; remove it"):
        put(book)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("CP1", "../CP1", "campaign_id names a file; use at most 40 letters, digits, - and _"),
        ("2024-02-06", "2024-01-12", "end_date 2024-01-12 leaves no whole week; make it 7 days or more"),
        (",0.5,Li", ",1,Li", "holdout_share 1 leaves one arm empty; write a share between 0 and 1, such as 0.2"),
        ("0.02", "0", "effect_target 0 is not above 0; write what the campaign is to add"),
        ("0.02", "5", "effect_target 5 is no share; write 5 points as 0.05"),
    ],
)
def test_plans_that_cannot_be_frozen(book: Settings, old: str, new: str, said: str) -> None:
    edit(book, "registers/campaign_plans.csv", old, new)
    name = "../CP1" if "../" in new else "CP1"
    assert frozen.check(book) == [f"data/tiny/registers/campaign_plans.csv: {name}: {said}"]
    if "../" in new:
        with pytest.raises(InputError, match="cannot name a file"):
            put(book)


def test_a_record_keeps_what_it_was(book: Settings) -> None:
    put(book)
    (one,) = frozen.read(book)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.campaign_id = "CP2"  # type: ignore[misc]


ORDERS_PLAN = """campaign_id,strategy_id,campaign,tiers,channel,kpi,effect_target,start_date,end_date,owner,provenance
CP1,ST1,Spring,high,mail,window_orders,0.5,2024-01-01,2024-01-28,Li,actual
"""


def test_orders_per_customer_from_the_register_to_the_verdict(book: Settings) -> None:
    """400 customers order 0, 1, 2 or 3 times in 4 weeks, as before; then the treated order once more: effective.

    Mean 1.5, variance 1.25 * 400 / 399, correlation 1 with the window before; half of so small a tier is held out.
    """
    (book.data_dir / "registers/campaign_plans.csv").write_text(ORDERS_PLAN, encoding="utf-8")
    ids = [f"c{n:03d}" for n in range(400)]
    base = {name: n % 4 for n, name in enumerate(ids)}
    rows = [(i, day, base[i], 100 * base[i]) for i in ids for day in ("2023-11-20", "2023-12-20") if base[i]]
    rows += [("till", day, 1, 1) for day in ("2023-01-02", "2024-01-28")]
    people = pd.DataFrame({"customer_id": ids, "tier": "high", "consent": "given", "recency_days": 1,
                           "frequency_12m": 1, "monetary_12m_minor": 1})  # fmt: skip
    known = engine.table(people)
    sources = campaign_design.Sources(known, purchases(rows), known, lambda *_: known)
    plans = registers.read(book, "campaign_plans")
    drawn_one = campaign_design.draw(plans, sources, book)
    whole = drawn_one.designs[drawn_one.designs["tier"] == "all"].iloc[0]
    assert (whole["kpi_unit"], whole["effect_target"], whole["minimum_effect"], whole["base_value"]) == (
        "number", 0.5, 0.25, 1.5)  # fmt: skip
    assert whole["base_sd"] == pytest.approx(1.25**0.5 * (400 / 399) ** 0.5, rel=1e-5)
    assert (whole["base_rho"], whole["needed_per_arm"], whole["is_enough"]) == (1.0, 100, True)
    assert whole["mde"] == pytest.approx(2.80159 * whole["base_sd"] * (1 / whole["treated"] + 1 / whole["held_out"]) ** 0.5,
                                         rel=1e-4)  # fmt: skip
    said = narrative_campaign.power(drawn_one.designs.assign(campaign_state="draft"), "en", book.book).text
    assert said.startswith("CP1 can show an effect of 0.50 orders per customer in 4 weeks")

    plan = plans.to_dict("records")[0]
    assert frozen_files.write(book, plan, drawn_one.designs, drawn_one.assignments)
    later = params.load(books.write(book.file.parents[2], period="2024Q1"))
    there, con = frozen.read(later), engine.connect(later)
    listed = engine.keep(con, "listed", frozen.assignments(con, there))
    treated = set(engine.frame(listed.filter(ibis._.arm == "treated"))["customer_id"])
    rows += [(i, "2024-01-10", base[i] + (i in treated), 100) for i in ids if base[i] + (i in treated)]
    designs, broken = campaigns.frame(frozen.rows(there)), frozen.breaches(there)
    days = engine.keep(con, "days", purchases(rows))
    foretold = engine.table(pd.DataFrame({"customer_id": ids, "expected_orders": [float(base[i]) for i in ids]}))
    held = reviewed.measured(
        reviewed.planned(designs, broken), listed, days, lambda *_: Expectation(foretold, "btyd"), later
    )
    row = grades.reviews(held, pd.DataFrame(), designs, broken, later).iloc[0]
    assert (row["kpi"], row["kpi_unit"], row["evidence_grade"], row["verdict"]) == (
        "window_orders", "number", "A", "effective")  # fmt: skip
    assert row["effect"] == pytest.approx(1.0, abs=0.1) and row["explained_share"] > 0.75
    told = {lang: narrative_reviews.held_out(pd.DataFrame([row]), lang, book.book).text for lang in ("en", "zh")}
    assert "orders per customer 2." in told["en"] and "adjusted for the orders expected of each customer" in told["en"]
    assert "the target is 0.50 orders" in told["en"] and "目标为0.50单" in told["zh"]


def purchases(rows: list[tuple[str, str, int, int]]) -> ibis.Table:
    frame = pd.DataFrame(rows, columns=["customer_id", "order_date", "orders", "net_minor"])
    return engine.table(frame.astype({"order_date": "datetime64[us]"})).mutate(
        order_date=ibis._.order_date.cast("date")
    )
