"""Which notebooks must wait for which: read off their code, so that running side by side changes no result."""

import json
from pathlib import Path

import pytest

from crmlib import order
from crmlib.kpi import stored


def notebook(folder: Path, name: str, *lines: str) -> None:
    cells = [{"cell_type": "markdown", "source": ['"kpis"']}, {"cell_type": "code", "source": "\n".join(lines)}]
    (folder / f"{name}.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")


def waits(folder: Path) -> dict[str, set[str]]:
    names = tuple(name for name in order.NOTEBOOKS if (folder / f"{name}.ipynb").is_file())
    return {name: set(found) for name, found in order.waits(folder, names).items()}


def test_who_reads_a_table_waits_for_who_stores_it(tmp_path: Path) -> None:
    notebook(tmp_path, "10_collect", "results.save(purchase_days=days)")
    notebook(tmp_path, "15_feedback", "days = results.table('purchase_days')", "results.save(surveys=found)")
    notebook(tmp_path, "20_segment", "days = results.table('purchase_days')")
    notebook(tmp_path, "22_profile", "asked = results.frame_if_any('surveys')")
    assert waits(tmp_path) == {"10_collect": set(), "15_feedback": {"10_collect"}, "20_segment": {"10_collect"},
                               "22_profile": {"15_feedback"}}  # fmt: skip


def test_who_asks_for_last_quarters_table_never_finds_this_quarters(tmp_path: Path) -> None:
    notebook(tmp_path, "44_actions", "effects = results.at(period.previous).frame_if_any('effects')")
    notebook(tmp_path, "50_review", "results.save(effects=effects)")
    assert waits(tmp_path)["50_review"] == {"44_actions"}


def test_two_that_store_the_same_table_keep_their_order(tmp_path: Path) -> None:
    notebook(tmp_path, "50_review", "results.save(kpis=kpis)")
    notebook(tmp_path, "54_standards", "results.save(kpis=kpis)")
    assert waits(tmp_path)["54_standards"] == {"50_review"}


def test_tables_stored_without_their_names_belong_to_the_first_of_the_step(tmp_path: Path) -> None:
    notebook(tmp_path, "10_collect", "results.save(**found)")
    notebook(tmp_path, "15_feedback", "1")
    notebook(tmp_path, "22_profile", "met = results.table_if_any('source_interactions')")
    assert waits(tmp_path) == {"10_collect": set(), "15_feedback": set(), "22_profile": {"10_collect"}}


def test_results_that_are_handed_on_count_with_what_the_taker_names(tmp_path: Path) -> None:
    notebook(tmp_path, "15_feedback", "results.save(satisfaction=found)")
    notebook(tmp_path, "30_market", "results.save(pest_factors=found)")
    notebook(tmp_path, "50_review", "from crmlib.kpi import stored", "stored.measure(results, quarters)")
    assert waits(tmp_path)["50_review"] == {"15_feedback"}


@pytest.mark.parametrize("line", ["look(results)", "results.frame(name)", "results.table_if_any('x' + name)"])
def test_nobody_knows_what_it_reads_so_it_waits_for_all_and_all_for_it(tmp_path: Path, line: str) -> None:
    notebook(tmp_path, "15_feedback", "results.save(satisfaction=found)")
    notebook(tmp_path, "20_segment", line)
    notebook(tmp_path, "42_campaigns", "1")
    assert waits(tmp_path) == {"15_feedback": set(), "20_segment": {"15_feedback"}, "42_campaigns": {"20_segment"}}


def test_the_opening_of_a_notebook_reads_the_purchase_days_only(tmp_path: Path) -> None:
    notebook(tmp_path, "10_collect", "results.save(purchase_days=days)")
    notebook(tmp_path, "15_feedback", "tables.opening(settings, results, lang)", "results.save_figures(a=a, b=b)")
    notebook(tmp_path, "20_segment", "tables.opening(settings, results, lang)")
    assert waits(tmp_path)["20_segment"] == {"10_collect"}
    assert order.read(tmp_path / "15_feedback.ipynb").figures == {"a", "b"}


def test_the_batch_as_it_is(root: Path) -> None:
    """Worked out by hand from what the notebooks read: a reader's longest way to the data."""
    found = waits(root / "notebooks")
    assert found["15_feedback"] == found["20_segment"] == {"10_collect"}
    assert found["30_market"] == {"10_collect", "15_feedback"}
    assert found["42_campaigns"] == {"10_collect", "20_segment"}
    assert {"44_actions", "45_weekly", "25_value_risk", "15_feedback"} <= found["50_review"]
    assert {"50_review", "52_effects", "44_actions"} <= found["54_standards"]
    uses = {name: order.read(root / f"notebooks/{name}.ipynb") for name in order.NOTEBOOKS}
    assert [name for name, use in uses.items() if use.sees_all] == []
    figures = [figure for use in uses.values() for figure in use.figures]
    assert len(figures) == len(set(figures))


def test_the_tables_that_are_enough_to_begin(tmp_path: Path) -> None:
    """C reads what A alone stores, what A and B store, and what A may find of last quarter."""
    notebook(tmp_path, "10_collect", "results.save(purchase_days=days, surveys=a)", "results.frame_if_any('effects')")
    notebook(tmp_path, "15_feedback", "results.save(surveys=b)")
    notebook(tmp_path, "20_segment", "results.table('purchase_days')")
    notebook(tmp_path, "22_profile", "results.table('purchase_days')", "results.table('surveys')")
    notebook(tmp_path, "50_review", "results.table('purchase_days')", "results.save(effects=c)")
    found = order.waits(tmp_path, ("10_collect", "15_feedback", "20_segment", "22_profile", "50_review"))
    assert found["20_segment"] == {"10_collect": {"purchase_days"}}
    assert found["22_profile"] == {"10_collect": set(), "15_feedback": set()}
    assert found["50_review"] == {"10_collect": set()}


@pytest.mark.parametrize(
    ("done", "stored", "can"),
    [(set(), set(), False), (set(), {"x"}, False), (set(), {"x", "y"}, False), ({"a"}, set(), False),
     ({"b"}, {"x"}, False), ({"b"}, {"x", "y"}, True), ({"a", "b"}, set(), True)],
)  # fmt: skip
def test_a_notebook_begins_when_the_others_are_done_or_its_tables_are_there(done, stored, can) -> None:
    waits = {"a": frozenset({"x", "y"}), "b": frozenset()}
    assert order.can_begin(waits, done, stored.__contains__) is can


class Seen:
    """A store that only notes what it is asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def at(self, _period: object) -> "Seen":
        return self

    def frame_if_any(self, name: str) -> None:
        self.names.add(name)


def test_stored_kpis_ask_for_no_table_that_their_module_does_not_name(root: Path) -> None:
    from crmlib.periods import Period

    seen = Seen()
    stored.measure(seen, [Period.parse("2024Q1"), Period.parse("2024Q2")])
    assert seen.names and seen.names <= order.read(root / "notebooks/50_review.ipynb").tables


def test_the_longest_chain_goes_first_and_equals_keep_their_order() -> None:
    waits = {"a": frozenset(), "b": frozenset("a"), "c": frozenset("a"), "d": frozenset("c"), "e": frozenset("a")}
    assert order.longest_first(waits) == ["a", "c", "b", "d", "e"]


def test_no_notebook_of_the_project_goes_before_one_it_waits_for() -> None:
    found = order.waits(Path(__file__).parents[1] / "notebooks", tuple(order.NOTEBOOKS))
    first = order.longest_first(found)
    assert sorted(first) == sorted(order.NOTEBOOKS)
    assert all(first.index(before) < first.index(name) for name in found for before in found[name])
