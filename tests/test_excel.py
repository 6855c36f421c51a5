"""The workbook, read back: types, formats, contents, and text that can never be a formula."""

import io
import re
import zipfile
from datetime import date

import pandas as pd
import pytest
import quarters
from python_calamine import CalamineWorkbook

from crmlib import schema
from crmlib.report import excel


@pytest.fixture(scope="module")
def books(tmp_path_factory) -> dict[str, bytes]:
    return {lang: excel.build(quarters.make(tmp_path_factory.mktemp(lang), lang)[0], lang) for lang in ("en", "zh")}


def sheet(content: bytes, name: str) -> list[list[object]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name(name).to_python()


def part(content: bytes, name: str) -> str:
    return zipfile.ZipFile(io.BytesIO(content)).read(name).decode()


def test_the_same_results_give_the_same_bytes(books, tmp_path):
    assert excel.build(quarters.make(tmp_path, "zh")[0], "zh") == books["zh"]
    assert "2023-12-31T00:00:00Z" in part(books["zh"], "docProps/core.xml")


def test_a_sheet_has_types_and_major_units(books):
    """lifetime 123456 fen = 1234.56 CNY; the tier's share is 55/775."""
    rows = sheet(books["en"], "1.1 Customer data inventory")
    assert rows[0][0] == "Customer data inventory"
    assert rows[1][0] == "Corner Grocers · Q4 2023 · Third-party sample data, provenance disputed."
    head = rows[3]
    first = dict(zip(head, rows[4], strict=True))
    assert first["Lifetime spend (CNY)"] == 1234.56
    assert first["Last order"] == date(2023, 12, 30)
    assert first["Main needs"] == ""
    tiers = sheet(books["en"], "2.2 Tiers")
    assert tiers[4][:2] == ["High value", 55]
    assert tiers[4][2] == pytest.approx(55 / 775)


def test_headings_and_codes_are_in_the_language(books):
    rows = sheet(books["zh"], "2.2 客户层级规模")
    assert rows[3][:3] == ["客户层级", "客户数", "客户占比"]
    assert rows[4][0] == "高价值"


def test_formulas_and_markup_stay_text(books):
    names = [row[1] for row in sheet(books["en"], "1.1 Customer data inventory")[4:]]
    assert names[:2] == list(quarters.HOSTILE[:2])
    assert names[2] == "[right-to-left override]gnp.exe"
    assert names[3] == quarters.HOSTILE[3]
    pages = [n for n in zipfile.ZipFile(io.BytesIO(books["en"])).namelist() if n.startswith("xl/worksheets/sheet")]
    assert not any("<f>" in part(books["en"], n) for n in pages)
    quoted = re.findall(r"<xf [^>]*quotePrefix", part(books["en"], "xl/styles.xml"))
    assert len(quoted) == 1


def test_the_cover_links_what_exists_and_states_what_does_not(books):
    rows = sheet(books["en"], "Deliverables")
    listed = {row[0]: row[1:] for row in rows[6:]}
    assert len(listed) == len(schema.deliverables())
    assert listed["1.1 Customer data inventory"] == [4, ""]
    assert listed["5.1 Effect report"] == ["", "not available for this quarter"]
    cover = part(books["en"], "xl/worksheets/sheet1.xml")
    assert re.findall(r'location="([^"]+)"', cover) == ["'1.1 Customer data inventory'!A1", "'2.2 Tiers'!A1"]


def test_a_sheet_is_ready_to_read_and_to_print(books):
    page = part(books["en"], "xl/worksheets/sheet2.xml")
    assert '<pane xSplit="1" ySplit="4" topLeftCell="B5"' in page
    assert '<autoFilter ref="A4:U8"/>' in page
    assert 'orientation="landscape"' in page
    assert 'fitToHeight="0"' in page
    formats = part(books["en"], "xl/styles.xml")
    for wanted in ('formatCode="#,##0.00"', 'formatCode="0.0%"', 'formatCode="yyyy-mm-dd"'):
        assert wanted in formats


def test_a_table_that_does_not_fit_is_cut_and_says_so(tmp_path):
    content = excel.build(quarters.make(tmp_path, "en")[0], "en", max_rows=3)
    rows = sheet(content, "1.1 Customer data inventory")
    assert len(rows) == 4 + 3
    assert "Only the first 3 of 4 rows fit in a sheet." in rows[1][0]
    assert ["1.1 Customer data inventory", 4, "Only the first 3 of 4 rows fit in a sheet."] in sheet(
        content, "Deliverables"
    )


def test_kpis_have_the_format_of_their_unit(tmp_path):
    results = quarters.make(tmp_path, "en")[0]
    columns = schema.TABLES["weekly"].columns
    weekly = pd.DataFrame({c: [None, None] for c in columns})
    weekly["kpi"], weekly["kpi_unit"], weekly["kpi_value"] = (
        ["net_revenue", "on_time_rate"],
        ["money", "rate"],
        [12_345.0, 0.5],
    )
    weekly["week"], weekly["provenance"] = "2023-W40", "illustrative"
    results.save(weekly=weekly)
    content = excel.build(results, "en")
    rows = sheet(content, "4.5 Weekly monitoring")
    value = rows[3].index("Value")
    assert [row[value] for row in rows[4:]] == [123.45, 0.5]
    assert rows[4][0] == "Net revenue"
    assert "Illustrative, not measured" in rows[1][0]


def test_a_row_is_as_high_as_its_longest_text():
    """100 letters in a column 48 wide, of which 45 can be used: 3 lines; 30 Chinese signs take 60."""
    assert excel._lines(["a" * 100, "客" * 30], [48.0, 33.0]) == 3
    assert excel._lines(["", "b"], [10.0, 10.0]) == 1


def test_sheet_names_fit_excel():
    assert excel._sheet_name("4.1 Plans/[all]: what? where\\when*") == "4.1 Plans  all   what  where wh"
