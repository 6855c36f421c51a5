"""The page, the workbook and the notebooks say the same figures: all three are read back and compared, cell by cell."""

import io
import math
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import openpyxl
import pytest
import quarters
from bs4 import BeautifulSoup, Tag

from crmlib import schema
from crmlib.report import excel, html, summary

# name, headings, rows: a table as it is read by a person
Shown = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
Grid = list[tuple[object, ...]]

_FIGURE = re.compile(r"^([-−]?)(?:[A-Z]{3}\s)?[$¥€£]?([\d,]+)(?:\.(\d+))?(%| pp| 个百分点)?$")
_UNKNOWN = ("", "–", "n/a", "无数据")


@pytest.fixture(scope="module", params=["en", "zh"])
def small(request, tmp_path_factory) -> tuple[str, str, list[Path], bytes]:
    lang = request.param
    store, notebooks = quarters.make(tmp_path_factory.mktemp(lang), lang)
    return lang, html.build(store, notebooks, lang), notebooks, excel.build(store, lang)


def tables_of(page: str) -> list[Shown]:
    found = BeautifulSoup(page, "html.parser").select("div.crm-table")
    return [(str(t["data-name"]), words(t.thead.find_all("th")), [words(r.find_all(["th", "td"])) for r in t.tbody.find_all("tr")])
            for t in found]  # fmt: skip


def words(cells: list[Tag]) -> tuple[str, ...]:
    return tuple(" ".join(cell.get_text().split()) for cell in cells)


def in_notebooks(files: list[Path]) -> list[Shown]:
    outputs = [o for f in files for c in nbformat.read(f, as_version=4).cells for o in c.get("outputs", [])]
    return [table for o in outputs for table in tables_of(o.get("data", {}).get("text/html", ""))]


def sheets(content: bytes) -> dict[str, Grid]:
    """The rows of each sheet by the number of its deliverable; the cover as ''."""
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    found = {name.split(" ")[0]: list(book[name].iter_rows(values_only=True)) for name in book.sheetnames[2:]}
    return {**found, "": list(book[book.sheetnames[0]].iter_rows(values_only=True))}


def differs(said: str, value: object) -> bool:
    """Whether a sheet's number rounds to something else than the page says, in the digits that the page shows."""
    if said == "99.9" and 99.9 < float(value) < 100:  # type: ignore[arg-type] # points: not all of them
        return False
    sign, whole, digits, unit = _FIGURE.match(said).groups()  # type: ignore[union-attr]
    number = float(whole.replace(",", "") + "." + (digits or "0")) * (-1 if sign else 1)
    scale = 100 if unit else 1
    return abs(float(value) * scale - number) > 0.5 * 10 ** -len(digits or "") + 1e-9  # type: ignore[arg-type]


def compare(shown: Shown, grid: Grid) -> Iterator[tuple[str, object, bool]]:
    """What the page and the sheet say of the same row and column: the two, and whether they differ."""
    _name, headings, rows = shown
    head = [" ".join(str(cell or "").split()) for cell in grid[3]]
    columns = {n: head.index(h) for n, h in enumerate(headings) if head.count(h) == 1 and headings.count(h) == 1}
    labels = [n for n, at in columns.items() if not any(is_number(row[at]) for row in grid[4:])]
    by_label: dict[tuple[str, ...], list[tuple[object, ...]]] = {}
    for row in grid[4:]:
        by_label.setdefault(tuple(as_words(row[columns[n]]) for n in labels), []).append(row)
    for row in rows:
        found = by_label.get(tuple(as_words(row[n]) for n in labels), [])
        for n in columns if len(found) == 1 else ():
            value = found[0][columns[n]]
            if n not in labels and _FIGURE.match(row[n]) and is_number(value):
                yield row[n], value, differs(row[n], value)
            elif n not in labels and row[n] in _UNKNOWN:
                yield row[n], value, value not in (None, "")


def is_number(cell: object) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def as_words(cell: object) -> str:
    text = "" if cell is None or cell in _UNKNOWN else str(cell)
    text = {"True": "yes", "False": "no", "是": "yes", "否": "no"}.get(text, text)
    return " ".join(text.removesuffix(" 00:00:00").split())[:16]


def test_a_figure_is_compared_in_the_digits_that_are_shown():
    assert not differs("1,234.6", 1234.56) and differs("1,234.5", 1234.56)
    assert not differs("−7.1%", -0.0709) and differs("7.1%", -0.0709) and differs("7.1%", 0.0716)
    assert not differs("$403,178", 403_177.6) and differs("$403,178", 403_178.6)
    assert not differs("2.0 pp", 0.02)
    assert not differs("99.9", 99.97) and differs("100.0", 99.9) and differs("99.9", 100.0)


def test_the_small_quarter_says_the_same_three_times(small):
    lang, page, notebooks, content = small
    check(lang, page, notebooks, content, tables=2, figures=20)
    tiers = next(t for t in tables_of(page) if t[0] == "tier_sizes")
    assert len([*compare(tiers, sheets(content)["2.2"])]) >= 15


def test_a_changed_figure_is_noticed(small):
    """The test itself can fail: a customer more on the sheet."""
    _lang, page, _notebooks, content = small
    tiers, grid = next(t for t in tables_of(page) if t[0] == "tier_sizes"), sheets(content)["2.2"]
    grid[4] = (grid[4][0], 56, *grid[4][2:])
    assert [(said, value) for said, value, wrong in compare(tiers, grid) if wrong] == [("55", 56)]


@pytest.mark.parametrize("lang", ["en"])
def test_the_sample_says_the_same_three_times(sample_run, lang):
    folder = sample_run(lang)
    page, content = (
        (folder / "report.en.html").read_text(encoding="utf-8"),
        (folder / "deliverables.en.xlsx").read_bytes(),
    )
    check(lang, page, sorted((folder / "notebooks/en").glob("*.ipynb")), content, tables=25, figures=1_000)


def check(lang: str, page: str, notebooks: list[Path], content: bytes, *, tables: int, figures: int) -> None:
    shown, told, grids = tables_of(page), in_notebooks(notebooks), sheets(content)
    assert [t for t in shown if t not in told] == []
    numbers = {name: table.deliverable for name, table in schema.TABLES.items() if table.deliverable in grids}
    found = {(t[0], n): [*compare(t, grids[numbers[t[0]]])] for n, t in enumerate(shown) if numbers.get(t[0])}
    wrong = [(name, said, value) for (name, _n), pairs in found.items() for said, value, is_wrong in pairs if is_wrong]
    assert wrong == []
    assert len({name for (name, _n), pairs in found.items() if pairs}) >= tables
    assert sum(map(len, found.values())) >= figures
    five(lang, page, grids[""])


def five(lang: str, page: str, cover: Grid) -> None:
    """The five figures of the first screen are those of the cover."""
    first = BeautifulSoup(page, "html.parser").select("ul.numbers li")
    said = {li.select_one(".label").get_text(): li.select_one(".value").get_text().strip() for li in first}
    on_cover = {str(row[0]): row[1] for row in cover if is_number(row[1])}
    assert list(said) == [schema.word(kpi, lang) for kpi in summary.KPIS]
    assert [label for label in said if math.isnan(on_cover[label]) or differs(said[label], on_cover[label])] == []
