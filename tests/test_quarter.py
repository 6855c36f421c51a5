"""Whole quarters through every notebook: the sample in both languages, and a book that has just been made."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from crmlib import cli, params, run
from crmlib.errors import InputError

pytestmark = pytest.mark.slow


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every result but the manifest, the only one that holds times."""
    files = (file for file in folder.rglob("*") if file.is_file() and file.name != "manifest.json")
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def latest(root: Path) -> Path:
    return max((root / "params/sample").glob("????Q?.yml"))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_notebook_runs_on_the_sample(sample_run: Callable[[str], Path], lang: str) -> None:
    results = sample_run(lang)
    kept = {file.stem: nbformat.read(file, as_version=4) for file in (results / "notebooks" / lang).glob("*.ipynb")}
    assert set(kept) == set(run.NOTEBOOKS)
    assert {notebook.metadata.lang for notebook in kept.values()} == {lang}
    outputs = [o for notebook in kept.values() for cell in notebook.cells for o in cell.get("outputs", [])]
    assert [o for o in outputs if o.output_type in ("error", "stream")] == []
    manifest = json.loads((results / "manifest.json").read_text(encoding="utf-8"))
    assert list(manifest["seconds"]) == [*run.NOTEBOOKS, "report"]
    assert {f"report.{lang}.html", f"deliverables.{lang}.xlsx", "params.yml"} < set(bytes_of(results))


def test_no_result_names_a_path_of_this_machine(sample_run: Callable[[str], Path], root: Path) -> None:
    results = sample_run("en")
    traces = [str(root).encode(), str(results).encode(), b" at 0x"]
    assert [(name, t) for name, content in bytes_of(results).items() for t in traces if t in content] == []


def test_same_input_same_bytes_whether_kernels_are_forked_side_by_side_or_started_anew_one_by_one(
    sample_run: Callable[[str], Path], latest: Path, tmp_path: Path
) -> None:
    again = run.run(latest, out_dir=tmp_path, isolated=True, share=os.cpu_count() or 1).parent
    first, second = bytes_of(sample_run("en")), bytes_of(again)
    assert [name for name in first | second if first.get(name) != second.get(name)] == []


def test_a_run_from_a_later_step_gives_the_same_page(
    sample_run: Callable[[str], Path], latest: Path, tmp_path: Path
) -> None:
    results = tmp_path / "sample" / latest.stem
    shutil.copytree(sample_run("en"), results)
    before = bytes_of(results)
    (results / "report.en.html").write_text("to be made anew")
    run.run(latest, first_step="review", out_dir=tmp_path)
    assert [name for name, content in bytes_of(results).items() if content != before.get(name)] == []
    with pytest.raises(
        InputError, match=r"no results of 10_collect \(step collect\) in language 'zh' yet; run `crm run"
    ):
        run.run(latest, "zh", first_step="review", out_dir=tmp_path)


def test_a_new_book_with_a_few_orders_runs(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `crm new` prints, done: nine customers, three months, no optional file."""
    shutil.copytree(root / "notebooks", tmp_path / "notebooks")
    monkeypatch.chdir(tmp_path)
    cli.main(["new", "shop", "--period", "2024Q1"])
    orders = [f"o{i},c{i % 9},2024-0{i % 3 + 1}-15,p{i % 4},1,{i}.50" for i in range(40)]
    header = "order_id,customer_id,order_date,product_id,quantity,amount"
    (tmp_path / "data/shop/raw/orders.csv").write_text("\n".join([header, *orders]) + "\n")
    assert cli.main(["run", "params/shop/2024Q1.yml"]) == cli.DONE
    assert (tmp_path / "outputs/shop/2024Q1/report.en.html").is_file()
    settings = params.load("params/shop/2024Q1.yml")
    secret = (settings.data_dir / "pseudonym.key").read_bytes().strip()
    assert [name for name, content in bytes_of(tmp_path / "outputs").items() if secret in content] == []
