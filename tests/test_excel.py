"""The workbook, read back: types, formats, contents, colours, and text that can never be a formula."""

import dataclasses
import io
import re
import shutil
import subprocess
import zipfile
from datetime import date
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import quarters
import xlsxwriter
from python_calamine import CalamineWorkbook

from crmlib import params, schema
from crmlib.io.store import Store
from crmlib.params import Report
from crmlib.report import excel, excel_cells, excel_marks, excel_rows, excel_words
from crmlib.report.text import quarter
from crmlib.views import tables

FACTS = {"crmlib": "1.2", "SHA-256": "=0123abcd"}
NASTY = (
    "<r><t>rich</t></r>",
    "_x0041_",
    "a\x07b",
    " lead",
    "+1",
    "-1",
    "@SUM(1)",
    "\ttab",
    "＝1",
    "two\r\nlines",
    "😀" * 3,
)


@pytest.fixture(scope="module")
def books(tmp_path_factory) -> dict[str, bytes]:
    made = {lang: quarters.make(tmp_path_factory.mktemp(lang), lang)[0] for lang in ("en", "zh")}
    return {lang: excel.build(store, lang, FACTS) for lang, store in made.items()}


def sheet(content: bytes, name: str) -> list[list[object]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name(name).to_python()


def part(content: bytes, name: str) -> str:
    return zipfile.ZipFile(io.BytesIO(content)).read(name).decode()


def limited(store: Store, rows: int) -> Store:
    settings = store.settings.model_copy(update={"report": Report(excel_rows=rows)})
    return dataclasses.replace(store, settings=settings)


def test_the_same_results_give_the_same_bytes(books, tmp_path):
    assert excel.build(quarters.make(tmp_path, "zh")[0], "zh", FACTS) == books["zh"]
    assert "2023-12-31T00:00:00Z" in part(books["zh"], "docProps/core.xml")


def test_a_sheet_has_types_and_major_units(books):
    """lifetime 123456 fen = 1234.56 CNY; the tier's share is 55/775."""
    rows = sheet(books["en"], "1.1 Customer data inventory")
    assert rows[0][0] == "Customer data inventory"
    said = "Corner Grocers", quarter("2023Q4", "en"), "Third-party sample data, provenance disputed."
    assert rows[1][0] == " · ".join(said)
    first = dict(zip(rows[3], rows[4], strict=True))
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


def test_no_sheet_has_a_formula_whatever_book_headings_and_cells_say(tmp_path, monkeypatch):
    """Every sheet, names of book and headings among them; the text is the same after reading."""
    label = dataclasses.replace(schema.COLUMNS["region"], en='=cmd|"/c calc"!A1')
    monkeypatch.setitem(schema.COLUMNS, "region", label)
    store = quarters.make(tmp_path, "en", name_en='=HYPERLINK("http://x.example")', notice_en="+1+1")[0]
    people = quarters.customers().iloc[[0] * len(NASTY)].assign(customer_name=NASTY, region=NASTY)
    people["customer_id"] = [f"={n}" for n in range(len(NASTY))]
    store.save(customer_inventory=people)
    content = excel.build(store, "en", FACTS)
    pages = [n for n in zipfile.ZipFile(io.BytesIO(content)).namelist() if n.startswith("xl/worksheets/sheet")]
    assert len(pages) == 4
    assert not any(re.search(r"<f[ >]", part(content, n)) for n in pages)
    read = openpyxl.load_workbook(io.BytesIO(content))
    assert {cell.data_type for page in read for row in page.iter_rows() for cell in row} <= {"n", "s", "d", "b"}
    rows = sheet(content, "1.1 Customer data inventory")
    assert rows[3][rows[3].index('=cmd|"/c calc"!A1')] == '=cmd|"/c calc"!A1'
    shown = [row[1] for row in rows[4:]]
    assert shown == [*NASTY[:9], "two\nlines", "😀" * 3]
    cells = {str(c.value): c for c in read["1.1 Customer data inventory"]["A"]}
    assert cells["=0"].quotePrefix


def test_the_cover_links_what_exists_and_states_what_does_not(books):
    rows = sheet(books["en"], "Deliverables")
    listed = {row[0]: row[1:3] for row in rows[17 : 17 + len(schema.deliverables())]}
    assert len(listed) == len(schema.deliverables())
    assert listed["1.1 Customer data inventory"] == [4, ""]
    numbers = {row[0]: row[1:3] for row in rows[9:14]}
    assert numbers["Net revenue"] == [403_178, 381_070] and numbers[schema.word("retention_rate", "en")] == [
        0.957,
        0.951,
    ]
    assert listed["5.1 Effect report"] == ["", "not available for this quarter"]
    told = {row[0]: row[2] for row in rows[17 + len(listed) :]}
    assert (told["Period"], told["SHA-256"], told["Names and phones"]) == ("2023Q4", "=0123abcd", "masked")
    cover = part(books["en"], "xl/worksheets/sheet1.xml")
    links = ["'Definitions'!A1", "'1.1 Customer data inventory'!A1", "'2.2 Tiers'!A1"]
    assert re.findall(r'location="([^"]+)"', cover) == links


def test_each_column_is_defined_with_its_unit(books):
    rows = sheet(books["zh"], "字段说明")
    found = {(row[0], row[1]): row[2:4] for row in rows}
    assert found[("2.2 客户层级规模", "客户占比")] == ["%（占比）", "占全部客户的比例。"]
    tiers = found[("2.2 客户层级规模", "客户层级")]
    assert tiers[0] == "选项" and "取值：" in tiers[1] and "高价值" in tiers[1]
    assert any("样本少于30（金额类100）" in str(row[0]) for row in rows)


def test_a_heading_explains_itself_when_it_is_selected(books):
    """Beyond its heading only: at most 255 characters, which is all that Excel shows."""
    page = openpyxl.load_workbook(io.BytesIO(books["en"]))["1.1 Customer data inventory"]
    told = {str(rule.sqref): rule.prompt for rule in page.data_validations.dataValidation if rule.prompt}
    meant = {page.cell(4, n).coordinate: excel_words.meaning(name, "en")
             for n, name in enumerate(schema.TABLES["customer_inventory"].columns, 1)}  # fmt: skip
    assert told and told == {at: said for at, said in meant.items() if said}
    assert all(len(said) <= 255 for said in told.values())


def test_every_word_of_the_workbook_exists_in_both_languages():
    for kind, entries in excel_words._words().items():
        for key, said in entries.items():
            assert set(said) == {"en", "zh"} and all(said.values()), (kind, key)
            assert set(re.findall(r"{(\w+)}", said["en"])) == set(re.findall(r"{(\w+)}", said["zh"])), key
    assert set(excel_words._words()["meanings"]) <= set(schema.COLUMNS)
    assert {c.unit for c in schema.COLUMNS.values()} <= set(excel_words._words()["units"])


def test_a_sheet_is_ready_to_read_and_to_print(books):
    page = part(books["en"], "xl/worksheets/sheet3.xml")
    assert '<pane xSplit="1" ySplit="4" topLeftCell="B5"' in page
    assert '<autoFilter ref="A4:U8"/>' in page
    assert 'orientation="landscape"' in page
    assert 'fitToHeight="0"' in page
    formats = part(books["en"], "xl/styles.xml")
    for wanted in ('formatCode="#,##0.00"', 'formatCode="0.0%"', 'formatCode="yyyy-mm-dd"'):
        assert wanted in formats


def test_a_long_table_shows_its_best_rows_and_says_where_the_others_are(tmp_path):
    """Lifetime spend is 1234.56, 200000, 0 and -0.05: the best three are C2, C1, C3."""
    content = excel.build(limited(quarters.make(tmp_path, "en")[0], 3), "en")
    rows = sheet(content, "1.1 Customer data inventory")
    assert [row[0] for row in rows[4:]] == ["C2", "C1", "C3"]
    said = ("The first 3 of 4 rows, the highest by Lifetime spend; "
            "all of them are in tables/customer_inventory.parquet")  # fmt: skip
    assert said in str(rows[1][0])
    listed = {row[0]: row[1:3] for row in sheet(content, "Deliverables")}
    assert listed["1.1 Customer data inventory"] == [4, said]
    assert "The first 3 of 5 rows; all" in str(sheet(content, "2.2 Tiers")[1][0])


def test_the_best_rows_come_in_their_order_from_wherever_they_lie_in_the_file(tmp_path):
    """Every 997th of 200,000 customers has 1 or 2, the others nothing: 2 before 1, equal ones in the stored order."""
    n = np.arange(200_000)
    money = np.where(n % 997 == 0, 1 + n // 997 % 2, 0)
    pq.write_table(pa.table({"customer_id": n, "lifetime_minor": money}), tmp_path / "many.parquet")
    frame, best = excel_rows._best(tmp_path / "many.parquet", ["customer_id", "lifetime_minor"], 150)
    odd, even = np.arange(997, 200_000, 2 * 997), np.arange(0, 200_000, 2 * 997)
    assert (best, frame["customer_id"].tolist()) == ("lifetime_minor", [*odd, *even][:150])
    assert frame["lifetime_minor"].tolist() == [2] * len(odd) + [1] * (150 - len(odd))


def test_no_setting_asks_for_more_rows_than_a_sheet_has():
    with pytest.raises(ValueError, match="less than or equal to 1048500"):
        Report(excel_rows=1_048_577)


def test_kpis_have_the_format_of_their_unit(tmp_path):
    results = quarters.make(tmp_path, "en")[0]
    columns = schema.TABLES["weekly"].columns
    weekly = pd.DataFrame({c: [None, None] for c in columns})
    weekly["kpi"], weekly["kpi_unit"] = ["net_revenue", "on_time_rate"], ["money", "rate"]
    weekly["kpi_value"], weekly["n"] = [12_345.0, 0.5], [99, 30]
    weekly["week"], weekly["provenance"], weekly["signal"] = "2023-W40", "illustrative", "outside"
    results.save(weekly=weekly)
    content = excel.build(results, "en")
    rows = sheet(content, "4.5 Weekly monitoring")
    value = rows[3].index("Value")
    assert [row[value] for row in rows[4:]] == [123.45, 0.5]
    assert rows[4][0] == "Net revenue"
    assert "Illustrative, not measured" in str(rows[1][0])
    rules = rules_of(content, "4.5 Weekly monitoring")
    letter = {
        name: openpyxl.utils.get_column_letter(rows[3].index(name) + 1) for name in ("Measured in", "Cases", "Signal")
    }
    thin = f'AND(ISNUMBER(${letter["Cases"]}5),${letter["Cases"]}5<IF(${letter["Measured in"]}5="money",100,30))'
    assert any(formula == thin for _range, formula in rules)
    signal = f'${letter["Signal"]}5="{schema.word("outside", "en")}"'
    assert (f"{letter['Signal']}5:{letter['Signal']}6", signal) in rules


def rules_of(content: bytes, name: str) -> list[tuple[str, str]]:
    """The colour rules of a sheet: where, and the formula for the first row."""
    found = openpyxl.load_workbook(io.BytesIO(content))[name].conditional_formatting
    return [(str(place.sqref), rule.formula[0]) for place in found for rule in place.rules]


def test_tiers_have_the_colours_of_the_charts(books):
    rules = {formula: place for place, formula in rules_of(books["zh"], "2.2 客户层级规模")}
    assert rules['$A5="高价值"'] == "A5:A9"
    assert excel_marks.tint("#0072b2") == "#b8d8e9"  # 0.72 white: 183.6 + (0, 114, 178) * .28
    assert 'rgb="FFB8D8E9"' in part(books["zh"], "xl/styles.xml").upper().replace("RGB", "rgb")


def test_attainment_has_the_bounds_of_the_verdict():
    """Text such as <5 and blanks are no numbers: they get no colour."""
    assert dict(excel_marks._rules("attainment", "C", "en")) == {
        "=AND(ISNUMBER($C5),$C5>=1)": "good",
        "=AND(ISNUMBER($C5),$C5<0.5)": "bad",
    }
    assert dict(excel_marks._rules("is_overdue", "D", "en")) == {"=$D5=TRUE": "bad"}


def test_every_coloured_code_is_a_word():
    for column in (
        "alert",
        "risk_band",
        "verdict",
        "outcome",
        "smart_state",
        "signal",
        "completion_status",
        "reply_state",
    ):
        for code in excel_marks.codes(column):
            assert tables.words_of(code, "zh") != code, (column, code)


def test_a_row_is_as_high_as_its_longest_text():
    """100 letters in a column 48 wide, of which 45 can be used: 3 lines; 30 Chinese signs take 60."""
    assert excel_cells.lines("a" * 100, 48.0) == 3
    assert excel_cells.lines("客" * 30, 33.0) == 2
    assert excel_cells.lines("b", 10.0) == 1
    assert excel_cells.lines("a\nb\n", 10.0) == 3
    assert excel_cells.lines("a" * 10_000, 10.0) == 25


def test_days_before_excel_began_are_text_and_infinity_is_a_sign(tmp_path):
    """1900-03-01 is day 61 of Excel, which believes in 1900-02-29."""
    store = quarters.make(tmp_path, "en")[0]
    people = quarters.customers()
    people["founded_date"] = pd.to_datetime(["1843-05-01", "1900-03-01", None, "2020-01-31"])
    store.save(customer_inventory=people, tier_sizes=quarters.tier_sizes().assign(customer_share=float("inf")))
    content = excel.build(store, "en")
    rows = sheet(content, "1.1 Customer data inventory")
    founded = rows[3].index("Founded")
    assert [row[founded] for row in rows[4:]] == ["1843-05-01", date(1900, 3, 1), "", date(2020, 1, 31)]
    assert sheet(content, "2.2 Tiers")[4][2] == "∞"


def test_sheet_names_fit_excel_and_are_told_apart():
    assert excel_rows.sheet_names(["4.1 Plans/[all]: what? where\\when*"]) == ["4.1 Plans  all   what  where"]
    assert excel_rows.sheet_names(["1.4 From raw rows to scored customers"]) == ["1.4 From raw rows to scored"]
    assert excel_rows.sheet_names(["2 " + "x" * 40]) == ["2 " + "x" * 29]
    long = "1.1 A very long name of a table that is cut"
    names = excel_rows.sheet_names([long, long.upper(), long, "Cover", "''", "History"], ["cover"])
    assert names == [long[:31].strip(), "1.1 A VERY LONG NAME OF A (2)", "1.1 A very long name of a (3)",
                     "Cover (2)", "-", "History (2)"]  # fmt: skip
    for lang in ("en", "zh"):
        found = excel_rows.sheet_names([schema.title(name, lang) for name in schema.deliverables()])
        assert len({name.casefold() for name in found}) == len(found) and max(map(len, found)) <= 31


def test_every_number_is_the_stored_one(sample_run, root):
    """Both readers agree on every cell of the sample's sheets, and each figure is the stored one."""
    folder, book = sample_run("en"), params.load(max((root / "params/sample").glob("????Q?.yml"))).book
    content = (folder / "deliverables.en.xlsx").read_bytes()
    second, compared = openpyxl.load_workbook(io.BytesIO(content), read_only=True), 0
    for name in (n for n in schema.deliverables() if (folder / f"tables/{n}.parquet").is_file()):
        stored = pd.read_parquet(folder / f"tables/{name}.parquet")
        page = next(n for n in second.sheetnames if n.startswith(f"{schema.TABLES[name].deliverable} "))
        rows = sheet(content, page)
        also = second[page].iter_rows(min_row=5, max_row=len(rows), values_only=True)
        assert [list(map(plain, row)) for row in also] == [list(map(plain, row)) for row in rows[4:]], page
        for column in stored.select_dtypes("number"):
            heads = [n for n, head in enumerate(rows[3]) if head == tables.heading(column, "en", book)]
            if len(heads) == 1 and schema.COLUMNS[column].unit != "kpi":
                compared += same(rows[4:], heads[0], stored[column], schema.COLUMNS[column].unit, page)
    assert compared > 20_000


def same(rows: list[list[object]], at: int, stored: pd.Series, unit: str, page: str) -> int:
    """How many figures of a column were compared; money stands on the sheet in major units."""
    shown = [row[at] for row in rows] + [""] * (len(stored) - len(rows))
    pairs = [(a, b) for a, b in zip(shown, stored, strict=True) if isinstance(a, int | float)]
    factor = 100 if unit == "money" else 1
    assert [a * factor for a, _ in pairs] == pytest.approx([b for _, b in pairs], rel=1e-12, abs=1e-9), (
        page,
        stored.name,
    )
    assert len(pairs) == stored.notna().sum() or {"<5", "hidden"} & {s for s in shown if isinstance(s, str)}, (
        page,
        stored.name,
    )
    return len(pairs)


def plain(value: object) -> object:
    """One cell as both readers mean it."""
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return str(value)[:10]
    return float(value) if isinstance(value, int | float) else value


def test_libreoffice_opens_it_and_shows_the_same_numbers(books, tmp_path):
    office = shutil.which("soffice")
    if not office:
        pytest.skip("LibreOffice is not installed")
    file = tmp_path / "book.xlsx"
    file.write_bytes(books["zh"])
    home = (tmp_path / "home").as_uri()
    command = [office, f"-env:UserInstallation={home}", "--headless", "--convert-to", "ods", "--outdir", str(tmp_path)]
    subprocess.run([*command, str(file)], check=True, capture_output=True, timeout=120)
    saved = CalamineWorkbook.from_path(str(Path(tmp_path) / "book.ods"))
    rows = saved.get_sheet_by_name("2.2 客户层级规模").to_python()
    assert [row[:2] for row in rows[4:]] == [row[:2] for row in sheet(books["zh"], "2.2 客户层级规模")[4:]]
    names = [row[1] for row in saved.get_sheet_by_name("1.1 客户数据清单").to_python()[4:]]
    assert names[1] == quarters.HOSTILE[1]


def test_libreoffice_can_draw_two_flags_beside_each_other(tmp_path):
    """A colour on a cell with TRUE beside another TRUE ended the program, unless both say how they are to be written."""
    office = shutil.which("soffice")
    if not office:
        pytest.skip("LibreOffice is not installed")
    file = tmp_path / "flags.xlsx"
    with xlsxwriter.Workbook(str(file)) as book:
        page, looks = book.add_worksheet(), excel_cells.formats(book, 2)
        for row in range(7):
            page.write_boolean(row, 0, True, looks["boolean"])
            page.write_boolean(row, 1, True, looks["boolean"])
        red = book.add_format({"bg_color": "#f0c0c0"})
        page.conditional_format(0, 0, 6, 0, {"type": "formula", "criteria": "=$A1=TRUE", "format": red})
    home = (tmp_path / "home").as_uri()
    command = [office, f"-env:UserInstallation={home}", "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path)]
    subprocess.run([*command, str(file)], check=False, capture_output=True, timeout=120)
    assert (tmp_path / "flags.pdf").is_file()
