"""Panels answer with the functions of the batch; the widget only passes values on."""

import asyncio
import dataclasses
import json
import math
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import nbformat
import numpy as np
import pandas as pd
import pytest
from books import ANCHORS, TIERS
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import params, schema
from crmlib.errors import InputError
from crmlib.io import engine, privacy, store
from crmlib.params import Holdout, Levels, Segment
from crmlib.segment import levels as level_rules
from crmlib.segment import tiers as tier_rules
from crmlib.views import charts_explore, explore, narrative, tables
from crmlib.views.explore import budget, controls, effect, holdout, levels, moves, ranking, saving, search, tiers
from crmlib.views.explore.panel import Answer, Control, Panel

ROOT = Path(__file__).resolve().parents[1]
RULES = Segment.model_validate({"anchors": ANCHORS, "tiers": TIERS}).tiers
SCORED = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d"],
        "state": ["active", "active", "lapsed", "prospect"],
        "tier": ["high", "potential", "general", "none"],
        "recency_score": [90.0, 70, 50, 0],
        "frequency_score": [90.0, 70, 50, 0],
        "monetary_score": [90.0, 70, 50, 0],
        "monetary_12m_minor": [400, 300, 200, 0],
    }
)
RATE = holdout.Kpi("all", "window_repurchase_rate", "rate", 0.5, math.nan, math.nan, 400)
MONEY = holdout.Kpi("all", "window_net_revenue", "money", 1_000.0, 500.0, 0.6, 400)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def book(tmp_path: Path) -> params.Settings:
    """The sample's settings in a folder that may be written to."""
    folder = tmp_path / "params" / "sample"
    folder.mkdir(parents=True)
    for name in ("default.yml", "2017Q4.yml"):
        (folder / name).write_text((ROOT / "params/sample" / name).read_text(encoding="utf-8"), encoding="utf-8")
    return params.load(folder / "2017Q4.yml")


def pairs(cuts: dict[float, float]) -> dict[tuple[str, str], int]:
    cells = tiers.tier_cells(engine.table(SCORED), RULES)
    found = tiers.tier_thresholds_data(cells, tiers.with_cuts(RULES, cuts))
    return {(row.tier_then, row.tier_now): row.customers for row in found.itertuples()}


def test_nobody_moves_at_the_signed_off_cut_offs():
    assert pairs({}) == {
        ("high", "high"): 1,
        ("potential", "potential"): 1,
        ("general", "general"): 1,
        ("none", "none"): 1,
    }


def test_other_cut_offs_move_customers():
    """From 70 the second customer is in the high tier; at 55 for general the third falls to the last."""
    assert pairs({80: 70, 40: 55}) == {
        ("high", "high"): 1, ("potential", "high"): 1, ("general", "risk"): 1, ("none", "none"): 1,
    }  # fmt: skip


def test_cut_offs_must_fall():
    with pytest.raises(InputError, match="must fall"):
        tiers.with_cuts(RULES, {60: 85})


@settings(max_examples=8)
@given(
    st.lists(
        st.tuples(*[st.floats(0, 100).map(lambda x: round(x, 6))] * 3, st.integers(-50, 500)), min_size=1, max_size=20
    ),
    st.tuples(st.integers(61, 100), st.integers(41, 60), st.integers(1, 40)),
)
def test_cells_give_what_the_batch_would(rows: list[tuple[float, float, float, int]], cuts: tuple[int, int, int]):
    frame = pd.DataFrame(rows, columns=[*tiers.SCORES, "monetary_12m_minor"]).assign(state="active", tier="risk")
    rules = tiers.with_cuts(RULES, dict(zip((80, 60, 40), cuts, strict=True)))
    found = tiers.sizes_of(tiers.tier_thresholds_data(tiers.tier_cells(engine.table(frame), RULES), rules), rules)
    wanted = engine.frame(tier_rules.sizes(tier_rules.classify(engine.table(frame), rules), rules))
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)


def test_a_rule_with_finer_cut_offs_is_met_exactly():
    rules = tiers.with_cuts(RULES, {80: 80.5})
    frame = SCORED.head(2).assign(recency_score=[80.4, 80.5], frequency_score=90.0, monetary_score=90.0)
    found = tiers.tier_thresholds_data(tiers.tier_cells(engine.table(frame), rules), rules)
    assert set(zip(found["tier_then"], found["tier_now"], strict=True)) == {
        ("high", "potential"),
        ("potential", "high"),
    }


def test_ranking_by_weights():
    """Three customers; the weights turn the first two around: d = (1, 1, 0), rho = 1 - 6 * 2 / (3 * 8) = 0.5."""
    before, now = np.array([3.0, 2.0, 1.0]), np.array([2.0, 3.0, 1.0])
    assert ranking.alike(before, now).spearman == pytest.approx(0.5)
    assert ranking.alike(before, before).spearman == pytest.approx(1)


def test_a_cell_counts_for_its_customers():
    once = ranking.alike(np.array([3.0, 3, 2, 1]), np.array([1.0, 1, 3, 2]))
    many = ranking.alike(np.array([3.0, 2, 1]), np.array([1.0, 3, 2]), np.array([2, 1, 1]))
    assert many.spearman == pytest.approx(once.spearman)


def test_only_movers_are_told_the_largest_group_first():
    frame = pd.DataFrame({"then": ["a", "a", "b"], "now": ["a", "b", "c"], "customers": [9, 1, 5]})
    assert list(moves.moved(frame, "then", "now")["customers"]) == [5, 1]


LEVELLED = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c"],
        "level": ["strategic", "key", "not_scored"],
        "priority_score": [92.0, 75.0, np.nan],
        "value_score": [100.0, 90.0, 80.0],
        "potential_score": [90.0, 60.0, np.nan],
        "need_score": [75.0, np.nan, np.nan],
        "monetary_12m_minor": [300, 200, 100],
    }
)


def test_levels_by_other_weights():
    """Need alone, almost: a falls to 75 (key). b knows value and potential only: (0.1*90 + 0.1*60) / 0.2 = 75, key."""
    wanted = levels.with_weights(Levels(), {"value": 10, "potential": 10, "need": 80})
    tried = levels.level_weights_data(engine.table(LEVELLED), LEVELLED.head(2), wanted)
    found = {(r.level_then, r.level): r.customers for r in tried.moves.itertuples()}
    assert found == {("strategic", "key"): 1, ("key", "key"): 1, ("not_scored", "not_scored"): 1}


def test_priority_is_that_of_the_batch():
    """Whatever is known, the panel's S is the one that `segment.levels` makes of the same scores."""
    inputs = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c", "d"], "profit_minor": [5, 4, 3, 0], "tenure_days": [300, 200, 100, np.nan],
            "growth_rate": [0.1, np.nan, -0.2, np.nan], "needs_open": [1, np.nan, 2, np.nan],
            "needs_total": [2, np.nan, 3, np.nan], "service_level": [3, 4, np.nan, np.nan],
            "price_sensitivity": [2, np.nan, np.nan, 1], "monetary_12m_minor": [9, 8, 7, 0],
        }
    )  # fmt: skip
    whole = dict.fromkeys(["tenure_days", "needs_open", "needs_total", "service_level", "price_sensitivity"], "Int64")
    scored = engine.frame(level_rules.score(engine.table(inputs.astype(whole)), Levels()))
    table = engine.table(scored)
    again = engine.frame(table.mutate(s=levels._priority(table, Levels())))
    np.testing.assert_allclose(again["s"].to_numpy(float), scored["priority_score"].to_numpy(float), atol=2e-6)


def test_every_dimension_must_weigh_something():
    with pytest.raises(InputError, match="must each weigh"):
        levels.with_weights(Levels(), {"value": 0, "potential": 50, "need": 50})


def test_least_effect_shrinks_with_size_and_the_asked_pair_is_marked():
    frame = holdout.holdout_data(MONEY, 777, 0.4, Holdout())
    asked = frame[frame["is_asked"]]
    assert list(asked[["eligible", "holdout_share"]].itertuples(index=False, name=None)) == [(777, 0.4)]
    half = frame[frame["holdout_share"] == 0.5].set_index("eligible")["mde"]
    assert half.is_monotonic_decreasing
    assert half[400] / half[100] == pytest.approx(0.5)  # four times the customers


def test_orders_are_told_as_orders(book: params.Settings):
    """2.8016 * 1.2 * sqrt((1 - 0.6^2) * 2 / 100) = 0.38; the axis says orders, not money."""
    kpi = holdout.Kpi("all", "window_orders", "number", 2.5, 1.2, 0.6, 200)
    frame = holdout.holdout_data(kpi, 200, 0.5, Holdout())
    said = holdout.said(kpi, frame, Holdout(), book.book, "en").text
    assert "an effect of 0.38 orders or more" in said
    assert "(without a campaign: 2.50)" in said
    axes = charts_explore.least_effect(frame, kpi.unit, "Title", "zh", book.book)
    assert axes.get_ylabel().endswith("(单)")


def test_a_share_is_saved_where_tiers_of_that_size_take_it_from():
    rules = Holdout()
    assert holdout.with_share(rules, 300, 0.4) == {"shares": [[599, 0.4], [5_000, 0.2]]}
    assert holdout.with_share(rules, 90_000, 0.05) == {"large_share": 0.05}


def test_without_measured_kpis_there_is_one_to_plan_with():
    assert [kpi.base for kpi in holdout.kpis(None)] == [0.3]


def test_half_of_all_estimates_reach_a_target_that_is_the_true_effect():
    """With 200,000 customers the standard error of 5 pp is 0.22 pp: never insignificant, above the target half the time."""
    found = effect.effect_chances_data(effect.Case(RATE, 200_000, 0.5, 0.05, 0.05)).set_index("outcome")["chance"]
    assert found["effective"] == pytest.approx(0.5, abs=0.01)
    assert found["partly_effective"] == pytest.approx(0.5, abs=0.01)
    assert found.sum() == pytest.approx(1)


def test_no_effect_is_seldom_called_one():
    """At most 2.5 of 100 reviews of nothing find something; an arm too small earns no verdict at all."""
    found = effect.effect_chances_data(effect.Case(MONEY, 400, 0.5, 0.0, 100.0)).set_index("outcome")["chance"]
    assert found["effective"] + found["partly_effective"] <= 0.026
    small = effect.effect_chances_data(effect.Case(MONEY, 150, 0.5, 0.0, 100.0)).set_index("outcome")["chance"]
    assert small["inconclusive"] == 1


def test_standard_errors_by_hand():
    """sqrt(0.25 * (1/100 + 1/100)); for means 500 * sqrt((1 - 0.6^2) * 2 / 100)."""
    assert effect.standard_error(effect.Case(RATE, 200, 0.5, 0.0, 0.1)) == pytest.approx(0.0707107, abs=1e-6)
    assert effect.standard_error(effect.Case(MONEY, 200, 0.5, 0.0, 10.0)) == pytest.approx(56.5685, abs=1e-3)


def test_budgets_are_marked_once_where_they_are_the_same(book: params.Settings):
    curve = pd.DataFrame({"budget_minor": [0, 10_000], "value_minor": [0, 40_000]})
    assert budget.spots(curve, 50.0, 50.0, book.book) == {"signed": (50.0, 200.0)}
    assert budget.spots(curve, 50.0, 75.0, book.book)["tried"] == (75.0, 300.0)


def test_settings_that_were_tried_make_a_file_that_loads(book: params.Settings):
    before = book.file.read_bytes()
    first = saving.propose(book, {"segment": {"clusters": {"k": 4}}})
    assert first.difference == (("segment.clusters.k", "–", "4"),)
    assert not first.replaces
    assert not first.file.exists()
    file = saving.write(first)
    assert (file.name, params.load(file).segment.clusters.k) == ("2017Q4.explored.yml", 4)
    assert params.load(file).period == book.period
    second = saving.propose(book, {"strategy": {"budget": 99.0}})
    assert second.replaces
    again = params.load(saving.write(second))
    assert (again.segment.clusters.k, again.strategy.budget) == (4, 99.0)
    assert book.file.read_bytes() == before


def test_a_file_holds_only_what_differs(book: params.Settings):
    """What is put back to the signed-off value leaves the file; of four tier rules the one that differs is told."""
    rules = [rule.model_dump(mode="json") for rule in book.segment.tiers]
    rules[0]["at_least"] = [[75, 75, 75.5]]
    first = saving.propose(book, {"segment": {"tiers": rules}, "strategy": {"budget": 99.0}})
    assert first.difference == (
        ("segment.tiers.high.at_least", "[[80, 80, 80]]", "[[75, 75, 75.5]]"),
        ("strategy.budget", f"{book.strategy.budget:g}", "99"),
    )
    saving.write(first)
    back = saving.propose(book, {"strategy": {"budget": book.strategy.budget}})
    assert "budget" not in back.text
    assert "75.5" in back.text


def test_saving_twice_or_back_to_the_signed_off_settings_says_so(book: params.Settings):
    change = {"strategy": {"budget": 99.0}}
    saving.write(saving.propose(book, change))
    again = saving.propose(book, change)
    assert (again.text, again.difference != ()) == ("", True)
    assert "already holds these settings" in saving.announcement(again)["en"]
    none = saving.propose(book, {"strategy": {"budget": book.strategy.budget}})
    assert (none.text, none.difference) == ("", ())
    assert "still holds others" in saving.announcement(none)["en"]


def test_what_cannot_be_read_or_written_is_said(book: params.Settings):
    file = saving.explored_file(book)
    file.write_text("strategy: [", encoding="utf-8")
    with pytest.raises(InputError, match=r"2017Q4.explored.yml is no readable YAML"):
        saving.propose(book, {"strategy": {"budget": 99.0}})
    file.unlink()
    proposal = saving.propose(book, {"strategy": {"budget": 99.0}})
    file.with_name(f".{file.name}.part").mkdir()  # what a folder that may not be written to does, also for root
    with pytest.raises(InputError, match="could not be written"):
        saving.write(proposal)


def test_a_tried_quarter_is_run_into_a_folder_of_its_own(book: params.Settings, tmp_path: Path):
    """The sentence, the command and the store agree; earlier quarters are those that were signed off."""
    tried = params.load(saving.write(saving.propose(book, {"strategy": {"budget": 99.0}})))
    results = store.open_store(tried)
    assert results.folder == tmp_path / "outputs/sample/2017Q4.explored"
    assert results.at(book.period.previous).folder == tmp_path / "outputs/sample/2017Q3"
    said = saving.told(tried.file, "en").text
    assert said.endswith("crm run params/sample/2017Q4.explored.yml")
    assert "outputs/sample/2017Q4.explored/" in said


def test_what_changes_nothing_or_is_not_valid_is_not_saved(book: params.Settings):
    assert saving.propose(book, {"strategy": {"budget": book.strategy.budget}}).text == ""
    with pytest.raises(InputError, match="power"):
        saving.propose(book, {"strategy": {"holdout": {"power": 2}}})
    with pytest.raises(InputError, match="never be reached"):
        saving.propose(book, {"segment": {"tiers": [
            {"tier": "high", "at_least": [[0, 0, 0]]}, {"tier": "risk", "at_least": [[0, 0, 0]]}]}})  # fmt: skip


def test_a_signed_off_file_is_never_written(book: params.Settings):
    with pytest.raises(InputError, match="no explored file"):
        saving.write(saving.Proposal(book.file, "seed: 1\n", ()))


def panel_of(book: params.Settings, lang: str = "en") -> Panel:
    def answer(values: Any) -> Answer:
        if values["n"] > 90:
            raise InputError("too many")
        frame = pd.DataFrame({"tier": ["high"], "customers": [int(values["n"])]})
        shown = tables.show(frame, "tier_sizes", lang, book.book)
        said = narrative.say({"en": f"{values['n']:g} it is <b>", "zh": f"{values['n']:g}"}, lang)
        return Answer(said, None, (shown,), {"strategy": {"budget": float(values["n"])}})

    return Panel("Title", (Control("n", "Number", 5.0, "How many", (0.0, 100.0, 1.0)),), answer, book, lang)


def parts(box: widgets.VBox) -> dict[str, Any]:
    _head, rows, below, said, drawn, more, keeps = box.children
    preview, write = keeps.children[0].children
    reset, busy = below.children
    return {"slider": rows.children[0], "reset": reset, "busy": busy, "said": said, "drawn": drawn, "more": more,
            "preview": preview, "write": write, "told": keeps.children[1]}  # fmt: skip


def test_a_slider_changes_the_answer_and_what_cannot_be_is_said(book: params.Settings):
    panel = panel_of(book)
    part = parts(controls.widget(panel, panel.start(), None))
    assert "5 it is &lt;b&gt;" in part["said"].value
    part["slider"].value = 7
    assert "7 it is" in part["said"].value
    assert ">7</td>" in part["more"].value
    part["slider"].value = 95
    assert "too many" in part["said"].value
    part["preview"].click()
    assert "too many" in part["told"].value
    assert part["write"].disabled
    part["reset"].click()
    assert (part["slider"].value, part["busy"].value) == (5, "")
    assert "5 it is" in part["said"].value


def test_work_in_hand_is_shown_until_the_picture_is_there(book: params.Settings):
    seen: list[str] = []
    panel = panel_of(book)
    part = parts(controls.widget(panel, panel.start(), None))
    part["said"].observe(lambda _change: seen.append(part["busy"].value), names="value")
    part["slider"].value = 8
    assert len(seen) == 1
    assert "computing" in seen[0]
    assert part["busy"].value == ""


def test_panels_asked_in_two_threads_at_once_take_turns(book: params.Settings):
    """JupyterLab does so when a slider moves while a cell runs; text that is no outline would show another font."""
    frame = pd.DataFrame({"eligible": [100, 200], "holdout_share": 0.5, "mde": [0.2, 0.1], "is_asked": [True, False]})
    draw = partial(charts_explore.least_effect, frame, "rate", "Title", "en", book.book)
    answer = Answer(narrative.say({"en": "x"}, "en"), draw)
    with ThreadPoolExecutor(3) as pool:
        pictures = list(pool.map(lambda _turn: answer.picture(), range(12)))
    assert ["<text" in picture.svg for picture in pictures if picture] == [False] * 12


def test_the_buttons_show_first_and_write_then(book: params.Settings):
    panel = panel_of(book)
    part = parts(controls.widget(panel, panel.start(), None))
    part["slider"].value = 50
    assert part["write"].disabled
    part["preview"].click()
    assert "<td" in part["told"].value
    assert "strategy.budget" in part["told"].value
    assert "budget: 50.0" in part["told"].value
    assert not saving.explored_file(book).exists()
    part["write"].click()
    assert params.load(saving.explored_file(book)).strategy.budget == 50
    assert "crm run params/sample/2017Q4.explored.yml" in part["told"].value
    part["slider"].value = 60
    part["preview"].click()
    folder = book.file.with_name(".2017Q4.explored.yml.part")
    folder.mkdir()
    part["write"].click()
    assert "could not be written" in part["told"].value


def test_a_dragged_slider_asks_once():
    asked: list[int] = []

    async def drag() -> None:
        ask = controls.at_rest(asked.append, 0.02)
        for place in range(10):
            ask(place)
        await asyncio.sleep(0.1)

    asyncio.run(drag())
    assert asked == [9]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_without_a_listener_no_widget_is_made(
    book: params.Settings, lang: str, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    before = len(widgets.Widget.widgets)
    panel_of(book, lang)._ipython_display_()
    assert len(widgets.Widget.widgets) == before
    assert {"en": "signed-off settings", "zh": "已确认的设置"}[lang] in capsys.readouterr().out
    monkeypatch.setenv("JPY_SESSION_NAME", "90_explore.ipynb")
    panel_of(book, lang)._ipython_display_()
    assert len(widgets.Widget.widgets) > before


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
        ("c0b1", "Only returns. No action is planned", "Only returns, no purchase, in the time shown"),
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
