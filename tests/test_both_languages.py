"""One run in both languages: pages, workbooks and overviews side by side, and what a later run in one of them keeps."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from crmlib import params

pytestmark = pytest.mark.slow
Run = Callable[[str, str], Path]
PAGES = ["deliverables.{}.xlsx", "notebooks/{}/10_collect.ipynb", "registers.{}.xlsx", "report.{}.html"]


@pytest.fixture
def company(shop: params.Settings, tmp_path: Path) -> Run:
    """Run a quarter of a book with one notebook, which says its language; returns the results folder."""
    v4 = nbformat.v4
    told = [v4.new_markdown_cell(f"# {words}", id=lang, metadata={"tags": [lang]})
            for lang, words in (("en", "What arrived"), ("zh", "数据收集"))]  # fmt: skip
    given = v4.new_code_cell('params_file = ""\nlang = ""\nout_dir = ""', id="p", metadata={"tags": ["parameters"]})
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = v4.new_notebook(
        cells=[*told, given, v4.new_code_cell("print(lang)", id="c")], metadata={"kernelspec": kernel}
    )
    nbformat.write(made, shop.file.parents[2] / "notebooks/10_collect.ipynb")
    days = [f"o{m},c1,{date(2024, m, 15)},p1,1,12.50" for m in range(1, 7)]
    header = "order_id,customer_id,order_date,product_id,quantity,amount"
    (shop.data_dir / "raw/orders.csv").write_text("\n".join([header, *days]) + "\n")
    shutil.copy(shop.file, shop.file.with_name("2024Q2.yml"))

    def quarter(period: str, lang: str) -> Path:
        file, out = shop.file.with_name(f"{period}.yml"), tmp_path / "out"
        command = [sys.executable, "-m", "crmlib.cli", "run", str(file), "--lang", lang, "--out", str(out)]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        return out / "shop" / period

    return quarter


def there(folder: Path, lang: str) -> list[bool]:
    return [(folder / name.format(lang)).is_file() for name in PAGES]


def hrefs(file: Path, where: str) -> list[str]:
    return [a["href"] for a in BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser").select(where)]


def test_one_run_makes_both_languages_and_they_lead_to_each_other(company: Run) -> None:
    folder = company("2024Q1", "both")
    for lang, other, title in (("en", "zh", "What arrived"), ("zh", "en", "数据收集")):
        assert all(there(folder, lang))
        page = folder / f"report.{lang}.html"
        assert title in page.read_text(encoding="utf-8")
        assert hrefs(page, "nav.elsewhere a") == [
            f"../index.{lang}.html", f"deliverables.{lang}.xlsx", f"report.{other}.html",
        ]  # fmt: skip
        ran = nbformat.read(folder / f"notebooks/{lang}/10_collect.ipynb", as_version=4)
        assert ran.cells[-1].outputs[0].text.strip() == lang
    assert json.loads((folder / "manifest.json").read_text())["languages"] == ["en", "zh"]


def test_overviews_list_all_quarters_and_a_run_of_one_language_keeps_the_other_while_it_is_true(company: Run) -> None:
    first, second = company("2024Q1", "both"), company("2024Q2", "both")
    for lang, other in (("en", "zh"), ("zh", "en")):
        page = first.parent / f"index.{lang}.html"
        assert hrefs(page, ".quarters a") == [
            f"{quarter}/{name}"
            for quarter in ("2024Q2", "2024Q1")
            for name in (f"report.{lang}.html", f"deliverables.{lang}.xlsx")
        ]
        assert hrefs(page, "nav.elsewhere a") == [f"index.{other}.html"]
        assert all((first.parent / place).is_file() for place in hrefs(page, ".quarters a"))
    chinese = (second / "report.zh.html").read_bytes()
    company("2024Q2", "en")
    assert (second / "report.zh.html").read_bytes() == chinese and all(there(second, "zh"))
    orders = next(first.parents[2].glob("*/data/shop/raw/orders.csv"))
    orders.write_text(orders.read_text() + "o9,c2,2024-02-01,p1,1,20.00\n")
    company("2024Q2", "en")
    assert not any(there(second, "zh")) and all(there(first, "zh"))
    assert hrefs(second / "report.en.html", "nav.elsewhere a") == ["../index.en.html", "deliverables.en.xlsx"]
