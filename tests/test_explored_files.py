"""Settings that were tried, kept in a file beside the signed-off one: what it holds, and what is never written."""

from pathlib import Path

import pytest
import sample_book

from crmlib import params
from crmlib.errors import InputError
from crmlib.io import store
from crmlib.views.explore import saving

book = sample_book.book


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
