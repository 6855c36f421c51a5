"""Panels on a stored quarter: a customer found and drawn, what is absent is said, and where to start."""

import dataclasses
import json
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import sample_book
from sample_book import ROOT

from crmlib import params, schema
from crmlib.io import engine, privacy, store
from crmlib.views import explore
from crmlib.views.explore import saving, search, tiers

book = sample_book.book


def test_the_first_notebook_leads_to_every_other():
    """Each with the question that stands at its top, in both languages."""
    start = nbformat.read(ROOT / "notebooks/00_start.ipynb", as_version=4)
    for file in sorted((ROOT / "notebooks").glob("[1-8]*.ipynb")):
        for cell in nbformat.read(file, as_version=4).cells[:2]:
            title, question = cell.source.split("\n")[:2]
            row = f"| [{file.stem}]({file.name}) | {title.removeprefix('# ')} | {question} |"
            assert any(
                row in other.source for other in start.cells if other.metadata.get("tags") == cell.metadata.tags
            ), row
    assert "(90_explore.ipynb)" in json.dumps(start)


CUSTOMERS = pd.DataFrame(
    {
        "customer_id": ["c0a1000000000001", "c0a1000000000002", "c0b1000000000003", "P9"],
        "tier": ["high", "general", "risk", "none"],
        "state": ["active", "active", "returns_only", "prospect"],
        "monetary_12m_minor": [900, 500, -300, 0],
        "recency_score": [90.0, 50, 10, np.nan],
        "frequency_score": [90.0, 50, 10, np.nan],
        "monetary_score": [90.0, 50, 0, np.nan],
        "reason_text": ["Because.", "Because.", "Only returns.", "Never bought."],
        "reason_text_zh": ["因为。", "因为。", "只有退货。", "从未购买。"],
    }
)
DAYS = pd.DataFrame(
    {
        "customer_id": ["c0a1000000000001", "c0b1000000000003"],
        "order_date": pd.to_datetime(["2017-11-02", "2017-11-05"]).astype("datetime64[us]"),
        "orders": [1, 0], "net_minor": [900, -300], "gross_minor": [900, 0], "returned_minor": [0, 300],
    }
)  # fmt: skip


@pytest.fixture
def results(book: params.Settings, tmp_path: Path) -> store.Store:
    """A quarter of which only customers and their days are known."""
    made = store.open_store(book, tmp_path / "out", engine.connect(book))
    made.save(customer_tiers=whole(CUSTOMERS), purchase_days=DAYS)
    return made


def whole(customers: pd.DataFrame) -> pd.DataFrame:
    """With all columns of the table; what is not given is not known."""
    columns = [c for c in schema.TABLES["customer_tiers"].columns if c not in customers]
    return customers.join(pd.DataFrame({c: pd.array([None] * len(customers), dtype="object") for c in columns}))


def named(results: store.Store, asked: str) -> list[str]:
    return list(search.found(results, asked, results.settings)["customer_id"])


def test_a_customer_is_found_by_id_beginning_masked_form_and_own_id(results: store.Store):
    """Without wildcards an id is meant by its beginning; signs that a query language knows are letters here."""
    assert named(results, "P9") == ["P9"]
    assert named(results, "C0A1000000000002") == ["c0a1000000000002"]
    assert named(results, "c0a1") == ["c0a1000000000001", "c0a1000000000002"]
    assert named(results, "c0a1***02") == named(results, "c0…02") == named(results, "c0..02") == ["c0a1000000000002"]
    assert named(results, "%") == named(results, "_") == named(results, "' or 1=1 --") == named(results, "") == []


def test_the_book_s_own_id_is_found_where_its_key_is(results: store.Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BOOK_KEY", "a key of sixteen or more characters")
    closed = results.settings.privacy.model_copy(update={"customer_ids": "pseudonym", "key_variable": "BOOK_KEY"})
    here = results.settings.model_copy(update={"privacy": closed})
    wanted = privacy.pseudonym("K-2", privacy.key(here))
    results.save(customer_tiers=whole(CUSTOMERS.assign(customer_id=["a", "b", wanted, "d"])))
    assert list(search.found(results, "K-2", here)["customer_id"]) == [wanted]
    monkeypatch.delenv("BOOK_KEY")
    assert list(search.found(results, "K-2", here)["customer_id"]) == []


@pytest.mark.parametrize(
    ("asked", "said", "drawn"),
    [
        ("P9", "Never bought. No action is planned", "This customer has no purchases"),
        ("c0b1", "Only returns. No action is planned", "No paid purchase in the time shown"),
        ("c0a1000000000001", "Because. No action", "Bought on 1 of the days shown, last on 2 Nov 2017"),
    ],
)
def test_a_card_of_whoever_it_is(results: store.Store, asked: str, said: str, drawn: str):
    answer = explore.customer_card(results, results.settings, "en").answer({"customer": asked})
    picture = answer.picture()
    assert said in answer.said.text
    assert picture is not None
    assert picture.alt == drawn


def test_several_customers_are_offered_and_nobody_is_said(results: store.Store):
    panel = explore.customer_card(results, results.settings, "en")
    several = panel.answer({"customer": "c0a"})
    assert several.said.text == "'c0a' fits 2 customers: enter one of these ids."
    assert "c0a1000000000002" in several.shown[0]._repr_html_()
    assert panel.answer({"customer": " nobody "}).said.text == "No customer's id is or begins with 'nobody'."
    assert len(panel.answer({"customer": "x" * 5_000}).said.text) < 100


def test_panels_without_their_results_say_what_to_run_and_assumptions_are_said(results: store.Store):
    asked = explore.level_weights(results, results.settings, "en")
    assert "no table 'customer_levels' yet" in asked.start().said.text
    assert asked.controls == ()
    for make in (explore.holdout_plan, explore.effect_chances):
        assert "are assumed" in str(make(results, results.settings, "en").start().shown[-1])


def test_a_book_without_customers_is_said(results: store.Store):
    results.save(customer_tiers=whole(CUSTOMERS).head(0), purchase_days=DAYS.head(0))
    for make in (explore.tier_thresholds, explore.customer_card):
        assert make(results, results.settings, "zh").start().said.text == "尚无客户。"


def test_the_first_page_says_what_to_do_next(results: store.Store, book: params.Settings):
    """Before a run, the command; after it, links that stand from the folder of the notebooks."""
    before = explore.where_to_start(book, results, "en")
    assert before.text == "2017Q4 has no results of collect, segment, market, strategy, review yet."
    assert "<code>crm run params/sample/2017Q4.yml</code>" in before.html
    for table in ("customer_inventory", "customer_value", "opportunity_matrix", "customer_actions", "scorecard"):
        results.write(f"tables/{table}.parquet", b"")
    results.write("report.zh.html", "")
    after = explore.where_to_start(book, results, "zh")
    assert after.text == "2017Q4的结果已就绪。"
    assert '<a href="../out/sample/2017Q4/report.zh.html">report.zh.html</a>' in after.html
    assert "deliverables" not in after.html


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_panel_answers_from_a_stored_quarter(sample_run, lang: str):
    quarter = params.load(ROOT / "params/sample/2017Q4.yml")
    con = engine.connect(quarter)
    results = store.open_store(quarter, sample_run("en").parents[1], con)
    signed_off = engine.frame(results.table("tier_sizes"))
    panel = explore.tier_thresholds(results, quarter, lang)
    cells = tiers.tier_cells(results.table("customer_tiers"), quarter.segment.tiers)
    sizes = tiers.sizes_of(tiers.tier_thresholds_data(cells, quarter.segment.tiers), quarter.segment.tiers)
    pd.testing.assert_frame_equal(sizes, signed_off, check_dtype=False)
    others = (explore.cluster_try, explore.level_weights, explore.budget_what_if, explore.holdout_plan,
              explore.effect_chances, explore.customer_card)  # fmt: skip
    for made in (panel, *(make(results, quarter, lang) for make in others)):
        answer = made.start()
        assert answer.said.text
        assert answer.picture() is not None
        assert all(control.label and control.tip for control in made.controls)
        assert saving.propose(quarter, answer.change).text == "" or made.title in (
            "Clusters",
            "聚类分群",
            "Hold-out planner",
            "对照组规划",
        )
    unknown = explore.customer_card_data(results, "nobody")
    assert dataclasses.is_dataclass(unknown)
    assert unknown.scores.empty
