"""The files of a book: one report per quarter and language, the overview, the links between them, the PDF, `crm report`."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import quarters
from bs4 import BeautifulSoup

from crmlib.errors import InputError
from crmlib.io import store
from crmlib.report import elsewhere, index, lines, pages, paper

CHROMIUM = next((path for name in paper.BROWSERS if (path := shutil.which(name))), None)


@pytest.fixture
def quarter(tmp_path) -> tuple[store.Store, list[Path]]:
    return quarters.make(tmp_path, "en")


def links(file: Path) -> list[str]:
    soup = BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")
    return [a["href"] for a in soup.select("nav.elsewhere a")]


def test_each_language_has_its_own_files_and_they_lead_to_each_other(quarter, tmp_path):
    results, notebooks = quarter
    report = pages.write(results, notebooks, "en", {})
    assert report.name == "report.en.html"
    assert links(report) == ["../index.en.html"]
    results.write("deliverables.en.xlsx", "x")
    pages.write(results, quarters.make(tmp_path, "zh")[1], "zh", {})
    assert links(report) == ["../index.en.html", "deliverables.en.xlsx", "report.zh.html"]
    assert links(results.folder / "report.zh.html") == ["../index.zh.html", "report.en.html"]
    assert links(results.folder.parent / "index.zh.html") == ["index.en.html"]
    for file in (report, results.folder.parent / "index.en.html"):
        soup = BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")
        places = [a["href"] for a in soup.find_all("a") if not a["href"].startswith("#")]
        assert all((file.parent / place).is_file() for place in places) and places
    report.unlink()
    pages.link(results)
    assert not (results.folder.parent / "index.en.html").exists()
    assert links(results.folder / "report.zh.html") == ["../index.zh.html"]


def test_links_leave_the_rest_of_a_page_as_it_was(quarter):
    results, notebooks = quarter
    report = pages.write(results, notebooks, "en", {})
    before = report.read_text(encoding="utf-8")
    results.write("deliverables.en.xlsx", "x")
    pages.link(results)
    after = report.read_text(encoding="utf-8")
    assert (
        elsewhere.linked(after, elsewhere.line({}, "en")) == elsewhere.linked(before, elsewhere.line({}, "en")) != after
    )


def test_the_overview_shows_every_quarter_as_the_latest_counts_it(quarter):
    """2023Q2 is known only to its own run; 2023Q3 was 999 then and is 742 as counted in 2023Q4."""
    results, notebooks = quarter
    earlier = results.at(results.settings.period.previous)
    old = quarters.kpis().replace({"period": {"2023Q3": "2023Q2", "2023Q4": "2023Q3"}})
    earlier.save(kpis=old.assign(kpi_value=999.0))
    pages.write(results, notebooks, "en", {})
    soup = BeautifulSoup((results.folder.parent / "index.en.html").read_text(encoding="utf-8"), "html.parser")
    rows = {row.th.get_text(): [cell.get_text() for cell in row.find_all("td")] for row in soup.select("tbody tr")}
    assert rows["Active customers"] == ["999", "742", "748"]
    assert list(rows)[:5] == [label.get_text() for label in soup.select(".trends h3")]
    assert [h.get_text() for h in soup.select(".quarters h3")] == ["2023Q4", "2023Q3"]
    assert [a["href"] for a in soup.select(".quarters a")] == ["2023Q4/report.en.html"]
    assert "55 high-value customers" in soup.select_one(".quarters li").get_text()
    assert "no page in this language" in soup.select(".quarters li")[1].get_text()


def test_a_partial_quarter_is_starred_and_off_the_line(quarter):
    results, _notebooks = quarter
    days = pd.to_datetime(["2023-07-01", "2023-10-01", "2023-09-30", "2023-12-09"])
    coverage = pd.DataFrame({"period": ["2023Q3", "2023Q4"], "first_order_date": days[:2], "last_order_date": days[2:]})
    coverage["active_days"], coverage["calendar_days"] = [92, 70], [92, 92]
    results.save(period_coverage=coverage.assign(is_partial_quarter=[False, True], partial_reason=["", "data_end"]))
    soup = BeautifulSoup(index.build(results, "en"), "html.parser")
    assert [head.get_text() for head in soup.select("thead th")] == ["KPI", "2023Q3", "2023Q4*"]
    assert soup.select_one("svg.trend")["aria-label"] == "Net revenue: ¥381,070 in 2023Q3"


def test_weeks_and_workbooks_of_a_language_are_listed(quarter):
    results, _notebooks = quarter
    for name in ("weekly_2023-W45.en.html", "weekly_2023-W45.zh.html", "deliverables.xlsx"):
        results.write(name, "x")
    soup = BeautifulSoup(index.build(results, "zh"), "html.parser")
    assert [(a.get_text(), a["href"]) for a in soup.select(".quarters a")] == [
        ("Excel工作簿", "2023Q4/deliverables.xlsx"),
        ("2023-W45周", "2023Q4/weekly_2023-W45.zh.html"),
    ]


def test_the_overview_is_the_same_bytes_each_time_and_asks_for_nothing(quarter):
    results, _notebooks = quarter
    page = index.build(results, "zh")
    assert page == index.build(results, "zh")
    assert "default-src 'none'" in page and "https:" not in page and "<script" not in page


def spot(period: str, value: float, **more) -> lines.Spot:
    return lines.Spot(period, value, str(value), **more)


def test_a_line_runs_from_the_lowest_to_the_highest_value():
    """Width 104 less 4 on each side: 4, 52, 100; height 26 less 4: 1 is at 22, 3 at 4, 2 between them."""
    drawn = lines.spark([spot("2023Q1", 1), spot("2023Q2", 3), spot("2023Q3", 2)], "alt")
    assert 'points="4.0,22.0 52.0,4.0 100.0,13.0"' in drawn
    assert lines.spark([spot("2023Q1", 1), spot("2023Q2", 3, is_partial=True)], "alt") == ""
    assert 'points="4.0,13.0 100.0,13.0"' in lines.spark([spot("a", 5), spot("b", 5)], "alt")


def test_a_hostile_label_stays_text():
    assert "<script>" not in lines.trend([lines.Spot("<script>", 1.0, "<script>")], '"><script>')


def test_again_builds_what_was_run_and_says_what_was_not(quarter, tmp_path):
    results, notebooks = quarter
    with pytest.raises(InputError, match="2023Q4 of tiny was not run yet; run `crm run params/tiny/"):
        pages.again(results)
    for file in notebooks:
        results.write(f"notebooks/en/{file.name}", file.read_bytes())
    results.write("manifest.json", '{"inputs": {"a.csv": "12"}, "versions": {"crmlib": "9.9"}}')
    assert [file.name for file in pages.again(results)] == ["report.en.html"]
    page = results.folder / "report.en.html"
    first = page.read_bytes()
    assert b"9.9" in first and pages.again(results) and page.read_bytes() == first
    with pytest.raises(InputError, match="in language 'zh'"):
        pages.again(results, "zh")


def test_without_a_browser_a_pdf_says_what_to_install(quarter, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="a PDF needs Chromium, Chrome or Edge"):
        pages.again(quarter[0], pdf=True)


def test_folds_are_open_on_paper():
    assert "nav" not in paper.opened(str(elsewhere.line({"a": "b.html"}, "en")))
    assert paper.opened('<details class="fold"><details><details open>') == (
        '<details open class="fold"><details open><details open>'
    )


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine: install Debian's package `chromium`")
def test_the_pdf_is_a4_the_same_bytes_and_linked(quarter):
    results, notebooks = quarter
    for file in notebooks:
        results.write(f"notebooks/en/{file.name}", file.read_bytes())
    _page, pdf = pages.again(results, pdf=True)
    first = pdf.read_bytes()
    assert b"/MediaBox [0 0 594.95996 841.91998]" in first and b"D:20231231000000" in first
    assert paper.printed(results.folder / "report.en.html", results.settings.period.as_of) == first
    assert "report.en.pdf" in links(results.folder / "report.en.html")
