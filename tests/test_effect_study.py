"""The study of the campaign review: a small run within bounds, and the page in `docs/` is made from the stored figures."""

import json
from collections.abc import Iterable

import effect_page
import effect_scene
import effect_study
import pandas as pd
import pytest

WORLDS, CUSTOMERS = 4, 9_000
STORED = json.loads(effect_study.FIGURES.read_text(encoding="utf-8"))


def rate(cells: Iterable[dict], *names: str) -> float:
    found = list(cells)
    assert found
    return sum(cell[name] for cell in found for name in names) / sum(cell["runs"] for cell in found)


def cells(figures: dict, way: str, effect: float = 0.0, **where: str) -> list[dict]:
    """The cells of campaigns with a hold-out, or of customers picked by hand where `review` says so."""
    wanted = {"way": way, "effect": effect, **where}
    return [
        c for c in figures["cells"]
        if all(c[k] == v for k, v in wanted.items()) and ("review" in where or c["review"] in effect_study.REVIEWS)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def worlds(tmp_path_factory) -> list[pd.DataFrame]:
    settings = effect_scene.settings_in(tmp_path_factory.mktemp("book"))
    return [effect_study.runs(number, settings, CUSTOMERS, every=2) for number in range(WORLDS)]


@pytest.fixture(scope="module")
def small(worlds) -> dict:
    return effect_study.added_up(worlds, CUSTOMERS)


@pytest.mark.slow
def test_with_a_hold_out_nothing_is_seldom_an_effect_and_the_truth_is_within(small):
    assert rate(cells(small, "shipped"), "improved", "worse") <= 0.08
    assert rate([c for e in (0.0, 0.10, 0.25) for c in cells(small, "shipped", e)], "covered") >= 0.9


@pytest.mark.slow
def test_before_and_after_sees_effects_that_are_not_there(small):
    for tier in ("potential", "general"):
        assert rate(cells(small, "before_after", tier=tier), "improved", "worse") > 0.5
    assert rate(cells(small, "other_tiers", tier="risk"), "improved") > 0.5


@pytest.mark.slow
def test_where_a_dip_made_the_choice_differences_deceive_and_the_gate_refuses(small):
    assert rate(cells(small, "difference", review="picked_dip"), "improved") > 0.9
    gate = cells(small, "gated", review="picked_dip")
    assert sum(c["verdicts"].get("refused_placebo_failed", 0) for c in gate) / sum(c["runs"] for c in gate) > 0.9


@pytest.mark.slow
def test_the_engine_gives_the_same_arms_figures_and_verdicts(small):
    found = cells(small, "shipped", review="engine")
    found += [c for e in (0.10, 0.25) for c in cells(small, "shipped", e, review="engine")]
    assert {word for c in found for word in c["verdicts"]} == {"same"}


@pytest.mark.slow
def test_a_world_is_the_same_again(worlds, tmp_path):
    again = effect_study.runs(1, effect_scene.settings_in(tmp_path), CUSTOMERS, every=2)
    pd.testing.assert_frame_equal(again, worlds[1])


def test_the_page_is_made_from_the_stored_figures():
    page = effect_study.PAGE.read_text(encoding="utf-8")
    assert page == effect_page.page(STORED)
    assert effect_study.stored(STORED) == effect_study.FIGURES.read_text(encoding="utf-8")
    assert f"Seed\n{STORED['seed']}, {STORED['worlds']} worlds" in page


def test_the_stored_figures_show_what_the_review_promises():
    """False alarms within chance of 0.05 in every campaign, coverage 0.93 to 0.97, power 0.8 in equal arms of 250."""
    null = cells(STORED, "shipped")
    for cell in null:
        share = rate([cell], "improved", "worse")
        assert share - 1.5 * effect_page.error(share, cell["runs"]) <= 0.05
    assert rate(null, "improved", "worse") <= 0.055
    for effect in (0.0, 0.10, 0.25):
        assert 0.93 <= rate(cells(STORED, "shipped", effect), "covered") <= 0.97
    power = cells(STORED, "shipped", 0.25, review="balanced", kpi="orders")
    assert rate(power, "improved") >= 0.8
    assert rate(cells(STORED, "before_after"), "improved", "worse") > 0.5
