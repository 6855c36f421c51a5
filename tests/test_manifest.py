"""What results are made of, and when a run may be left out: each kind of change is noticed."""

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crmlib import lock, manifest, params
from crmlib.errors import InputError

BEGAN = datetime(2024, 4, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def done(shop: params.Settings) -> Path:
    """The results folder of a quarter that was run in English: one notebook, one table, one page."""
    (shop.data_dir / "raw/orders.csv").write_text("order_id\n1\n")
    (shop.file.parents[2] / "notebooks/10_collect.ipynb").write_text("{}")
    results = manifest.folder(shop)
    (results / "tables").mkdir(parents=True)
    (results / "tables/kpis.parquet").write_bytes(b"kpis")
    (results / "report.en.html").write_text('<p>1</p><nav class="elsewhere" aria-label="x">a</nav>', encoding="utf-8")
    (results.parent / "2023Q4/tables").mkdir(parents=True)
    (results.parent / "2023Q4/tables/kpis.parquet").write_bytes(b"before")
    stamped = manifest.stamp(shop, ["en"], ["10_collect"], BEGAN, {"10_collect": 1.234}, manifest.origin(shop, results))
    (results / "manifest.json").write_text(
        manifest.as_json({**stamped, "outputs": manifest.outputs(results)}), encoding="utf-8"
    )
    return results


def since(settings: params.Settings, lang: str = "en", notebooks: tuple[str, ...] = ("10_collect",)) -> str:
    return manifest.unchanged_since(settings, lang, notebooks, manifest.folder(settings))


def test_the_manifest_says_what_went_in(shop: params.Settings) -> None:
    """The hash is that of `printf 'a\\n' | sha256sum`."""
    (shop.data_dir / "raw/note.txt").write_text("a\n")
    made_of = manifest.origin(shop, manifest.folder(shop))
    found = manifest.stamp(shop, ["zh", "en"], ["10_collect"], BEGAN, {"10_collect": 1.234}, made_of)
    inputs = manifest.hashes(shop.data_dir)
    assert inputs["raw/note.txt"] == "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7"
    assert {"registers/pest.csv"} < set(inputs) == set(found["inputs"])
    assert (found["started_at"], found["seconds"]) == ("2024-04-02T09:30:00+00:00", {"10_collect": 1.23})
    assert {"python", "crmlib", "papermill", "pandas"} < set(found["versions"])
    assert found["git_commit"] is None and found["languages"] == ["en", "zh"]


def test_the_key_is_recognised_but_not_told(shop: params.Settings) -> None:
    """8 hex digits of a hash that is not the pseudonyms' own: 32 bits of a key of 64 or more."""
    file = shop.data_dir / "pseudonym.key"
    secret = file.read_text(encoding="utf-8").strip()
    before = manifest.origin(shop, manifest.folder(shop))
    assert before["key"] == hashlib.sha256(f"manifest|{secret}".encode()).hexdigest()[:8]
    assert secret not in json.dumps(before)


def test_results_in_which_nothing_changed_are_known_by_their_time(shop: params.Settings, done: Path) -> None:
    assert since(shop) == "2024-04-02T09:30:00+00:00"


def _register(shop: params.Settings, _done: Path) -> None:
    (shop.data_dir / "registers/pest.csv").write_text("factor_id\n")


def _frozen(shop: params.Settings, _done: Path) -> None:
    (shop.data_dir / "campaigns").mkdir(exist_ok=True)
    (shop.data_dir / "campaigns/C1.csv").write_text("x")


def _key(shop: params.Settings, _done: Path) -> None:
    (shop.data_dir / "pseudonym.key").write_text("another key of more than 16 characters")


def _notebook(shop: params.Settings, _done: Path) -> None:
    (shop.file.parents[2] / "notebooks/10_collect.ipynb").write_text("{ }")


def _earlier_quarter(_shop: params.Settings, done: Path) -> None:
    (done.parent / "2023Q4/tables/kpis.parquet").write_bytes(b"after")


def _new_earlier_quarter(_shop: params.Settings, done: Path) -> None:
    shutil.copytree(done.parent / "2023Q4", done.parent / "2023Q3")


def _table(_shop: params.Settings, done: Path) -> None:
    (done / "tables/kpis.parquet").write_bytes(b"KPIS")


def _page(_shop: params.Settings, done: Path) -> None:
    (done / "report.en.html").write_text('<p>2</p><nav class="elsewhere" aria-label="x">a</nav>', encoding="utf-8")


def _page_is_gone(_shop: params.Settings, done: Path) -> None:
    (done / "report.en.html").unlink()


def _version(_shop: params.Settings, done: Path) -> None:
    found = manifest.read(done)
    found["versions"]["pandas"] = "0.1"
    (done / "manifest.json").write_text(manifest.as_json(found), encoding="utf-8")


def _library(_shop: params.Settings, done: Path) -> None:
    found = manifest.read(done)
    found["code"]["crmlib"] = "0"
    (done / "manifest.json").write_text(manifest.as_json(found), encoding="utf-8")


def _edited_meanwhile(_shop: params.Settings, done: Path) -> None:
    """A run during which something was edited stores no outputs."""
    found = manifest.read(done)
    del found["outputs"]
    (done / "manifest.json").write_text(manifest.as_json(found), encoding="utf-8")


@pytest.mark.parametrize("change", [_register, _frozen, _key, _notebook, _earlier_quarter, _new_earlier_quarter, _table,
                                    _page, _page_is_gone, _version, _library, _edited_meanwhile])  # fmt: skip
def test_each_change_is_noticed(
    shop: params.Settings, done: Path, change: Callable[[params.Settings, Path], None]
) -> None:
    change(shop, done)
    assert since(shop) == ""


def test_a_changed_setting_another_language_or_other_notebooks_are_noticed(shop: params.Settings, done: Path) -> None:
    assert since(shop.model_copy(update={"seed": 1})) == ""
    assert since(shop, "zh") == since(shop, "both") == ""
    assert since(shop, notebooks=("10_collect", "15_feedback")) == since(shop, notebooks=()) == ""


def test_what_no_run_reads_or_writes_does_not_matter(shop: params.Settings, done: Path) -> None:
    """Links in a page change when its neighbours come and go; later quarters, weeks, PDFs and README are no inputs."""
    page = done / "report.en.html"
    page.write_text(page.read_text(encoding="utf-8").replace(">a<", ">b<"), encoding="utf-8")
    for name in ("report.en.pdf", "weekly/weekly_2024-W02.en.html", "../2024Q2/tables/kpis.parquet", ".x.part"):
        (done / name).parent.mkdir(parents=True, exist_ok=True)
        (done / name).write_bytes(b"new")
    (shop.file.parents[2] / "README.md").write_text("new")
    assert since(shop)


def test_a_database_is_never_known_to_be_unchanged(shop: params.Settings, done: Path) -> None:
    orders = shop.sources.orders.model_copy(update={"url": "sqlite:///shop.db", "files": None, "table": "orders"})
    asked = shop.model_copy(update={"sources": shop.sources.model_copy(update={"orders": orders})})
    found = manifest.read(done)
    found["params"] = manifest.origin(asked, done)["params"]
    (done / "manifest.json").write_text(manifest.as_json(found), encoding="utf-8")
    assert since(asked) == ""


def test_two_runs_of_a_book_do_not_meet(tmp_path: Path) -> None:
    shop, other = tmp_path / "outputs/shop", tmp_path / "outputs/other"
    refused = pytest.raises(InputError, match="another run of shop writes to outputs/shop now; wait until it is done")
    with lock.held(shop), lock.held(other), refused, lock.held(shop):
        pass
    with lock.held(shop):
        assert list(shop.iterdir()) == []
