"""Registers as a workbook: nothing is lost on the way out and back, edits arrive, mistakes change nothing."""

import csv
import io
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import params, schema
from crmlib.errors import InputError
from crmlib.io import register_files, registers, registers_back
from crmlib.report import excel_registers

HARD = ["0012", "=1+1", "+86 10", "-5", "@home", "1/2", "2017-12-31", "1e5", "TRUE", "001.50", "“引号”，逗号", "<r>x</r>",
        "_x0041_", "two\nlines", "a,b;c\"d", "<b>&amp;", "＝全角", "'quoted", "👍🏽", "#N/A", "12345678901234567890"]  # fmt: skip


@pytest.fixture
def book(root: Path, tmp_path: Path) -> params.Settings:
    """The sample's registers in a project of their own."""
    sample = params.load(root / "params/sample/2017Q4.yml")
    copy = sample.model_copy(update={"file": tmp_path / "params/sample/2017Q4.yml"})
    shutil.copytree(sample.data_dir / "registers", copy.data_dir / "registers")
    return copy


def written(book: params.Settings, folder: Path, lang: str = "en") -> Path:
    file = folder / "edited.xlsx"
    file.write_bytes(excel_registers.build(book, lang, excel_registers.of_the_book()))
    return file


def texts(book: params.Settings) -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in (book.data_dir / "registers").iterdir()}


def as_workbook(book: params.Settings, file: Path, folder: Path) -> params.Settings:
    """The same book with the workbook in place of its CSV files."""
    other = book.model_copy(update={"file": folder / "other/params/sample/2017Q4.yml"})
    (other.data_dir / "registers").mkdir(parents=True)
    shutil.copyfile(file, other.data_dir / "registers/registers.xlsx")
    return other


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_workbook_reads_as_the_files_do(book: params.Settings, tmp_path: Path, lang: str) -> None:
    other = as_workbook(book, written(book, tmp_path, lang), tmp_path)
    assert registers.check(other) == []
    for name in schema.REGISTERS:
        pd.testing.assert_frame_equal(registers.read(other, name), registers.read(book, name))


def test_an_untouched_workbook_changes_no_file(book: params.Settings, tmp_path: Path) -> None:
    before = texts(book)
    assert registers_back.take(book, written(book, tmp_path)) == []
    assert texts(book) == before


def test_hard_texts_come_back_the_same(book: params.Settings, tmp_path: Path) -> None:
    """Also after another program has saved the workbook."""
    file = registers.file(book, "swot")
    rows = [[f"S{n}", "strength", text, "0.5", "3"] for n, text in enumerate(HARD)]
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([["factor_id", "kind", "factor", "weight", "rating"], *rows])
    edited = written(book, tmp_path)
    openpyxl.load_workbook(edited).save(edited)
    other = as_workbook(book, edited, tmp_path)
    assert registers.read(other, "swot")["factor"].tolist() == HARD


@given(
    st.lists(
        st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(lambda t: t.strip()), max_size=5
    )
)
@settings(max_examples=50)
def test_any_text_comes_back(found: list[str]) -> None:
    """Through the cells alone: what a sheet holds, read by the reader of registers."""
    import xlsxwriter
    from python_calamine import CalamineWorkbook

    from crmlib.report import excel_xml

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"constant_memory": True}) as made:
        page = made.add_worksheet("x")
        page.write_string(0, 0, "head")
        excel_xml.append(page, 1, [[excel_xml.words(t, 0) for t in found]], [0] * len(found))
    rows = CalamineWorkbook.from_filelike(io.BytesIO(buffer.getvalue())).get_sheet_by_name("x").to_python()
    assert [row[0] for row in rows] == ["head", *found]


@pytest.mark.parametrize(
    ("cell", "dtype", "is_native"),
    [
        ("3", "int64", True), ("03", "int64", False), ("0.5", "float64", True), ("0.50", "float64", False),
        ("1e3", "float64", False), ("nan", "float64", False), ("12345678901234567890", "int64", False),
        ("2017-12-31", "date", True), ("2017/12/31", "date", False), ("1899-01-01", "date", False),
        ("2017-01-05 15:14", "timestamp", True), ("2017-01-05 15:14:00", "timestamp", False),
        ("2017-01-05 15:14:07", "timestamp", True), ("0012", "string", False),
    ],
)  # fmt: skip
def test_only_what_reads_back_alike_is_a_number_or_a_date(cell: str, dtype: str, is_native: bool) -> None:
    assert (excel_registers._serial(cell, dtype) is not None) is is_native


def test_edits_arrive_and_only_their_files_change(book: params.Settings, tmp_path: Path) -> None:
    """A date, a share, a text that looks like a formula, a new row, a row cleared; all other files keep their bytes."""
    before, edited = texts(book), written(book, tmp_path, "zh")
    found = openpyxl.load_workbook(edited)
    tasks, risks = found["tasks"], found["risks"]
    head = {cell.value: cell.column for cell in tasks[1]}
    task = tasks.cell(2, head["task_id"]).value
    tasks.cell(2, head["due_date"]).value = pd.Timestamp("2018-06-30").to_pydatetime()
    tasks.cell(2, head["progress_share"]).value = 0.25
    note = tasks.cell(2, head["task"])
    note.value, note.data_type = "=SUM(A1) 早", "s"
    last = risks.max_row + 1
    for column, cell in enumerate(risks[2], 1):
        risks.cell(last, column).value = cell.value
    risks.cell(last, 1).value = "0099"
    risks.delete_rows(3)
    found.save(edited)
    gone, kept = registers.read(book, "risks")["risk_id"][1], len(registers.read(book, "risks"))
    assert sorted(registers_back.take(book, edited)) == ["risks", "tasks"]
    row = registers.read(book, "tasks").set_index("task_id").loc[task]
    assert (row["due_date"], row["progress_share"], row["task"]) == (pd.Timestamp("2018-06-30"), 0.25, "=SUM(A1) 早")
    ids = registers.read(book, "risks")["risk_id"].tolist()
    assert len(ids) == kept and gone not in ids and ids[-1] == "0099"
    after = texts(book)
    assert {name for name in before if before[name] != after[name]} == {"risks.csv", "tasks.csv"}
    assert after["tasks.csv"].split(b"\n")[0] == before["tasks.csv"].split(b"\n")[0].rstrip(b"\r")


def test_a_mistake_in_the_workbook_changes_no_file(book: params.Settings, tmp_path: Path) -> None:
    before, edited = texts(book), written(book, tmp_path)
    found = openpyxl.load_workbook(edited)
    head = {cell.value: cell.column for cell in found["tasks"][1]}
    found["tasks"].cell(2, head["status"]).value = "finished"
    found["risks"].cell(2, 1).value = "R77"
    found.save(edited)
    with pytest.raises(InputError, match="sheet 'tasks' row 2: status 'finished' is none of open, done, partial"):
        registers_back.take(book, edited)
    assert texts(book) == before
    with pytest.raises(InputError, match="does not exist"):
        registers_back.take(book, tmp_path / "nothing.xlsx")
    (book.data_dir / "registers/registers.xlsx").write_bytes(edited.read_bytes())
    with pytest.raises(InputError, match="replace that file"):
        registers_back.take(book, edited)


def test_what_lies_beside_the_report_names_no_customer(book: params.Settings) -> None:
    content = excel_registers.build(book, "en", excel_registers.without_customers())
    found = openpyxl.load_workbook(io.BytesIO(content))
    assert not {"tickets", "surveys", "customer_tags", "customer_matches", "kano_answers", "winback_log"} & set(
        found.sheetnames
    )
    assert "pest" in found.sheetnames
    heads = {cell.value for page in found.worksheets[1:] for cell in page[1]}
    assert "customer_id" not in heads
    told = {row[0]: row[3] for row in found["Read me"].iter_rows(min_row=8, values_only=True)}
    assert told["tickets"].startswith("names customers, so it stays in data/sample/registers")
    assert not told["pest"]


def test_headings_explain_and_codes_can_be_picked(book: params.Settings, tmp_path: Path) -> None:
    found = openpyxl.load_workbook(written(book, tmp_path))
    risks = found["risks"]
    head = {cell.value: cell for cell in risks[1]}
    assert set(head) == set(schema.REGISTERS["risks"].columns)
    assert head["review_date"].comment.text == "Review on: A date such as 2017-12-31. Must be filled in."
    assert head["owner"].font.b and not head["measures_zh"].font.b
    lists = {str(rule.sqref).split(":")[0]: rule for rule in risks.data_validations.dataValidation}
    treatment = lists[f"{head['treatment'].column_letter}2"]
    assert (treatment.type, treatment.formula1) == ("list", '"avoid,reduce,transfer,accept"')
    assert lists[f"{head['review_date'].column_letter}2"].type == "date"
    targets = found["targets"]
    kpi = next(cell.column_letter for cell in targets[1] if cell.value == "kpi")
    rule = next(r for r in targets.data_validations.dataValidation if str(r.sqref).startswith(f"{kpi}2"))
    assert rule.formula1.startswith("'_choices'!") or rule.formula1.startswith("_choices!")
    assert found["_choices"].sheet_state == "veryHidden"


def test_what_excel_cannot_hold_is_left_out_and_said(book: params.Settings) -> None:
    file = registers.file(book, "swot")
    file.write_text(f"factor_id,kind,factor,weight,rating\nS1,strength,{'x' * 32_768},0.5,3\n", encoding="utf-8")
    found = openpyxl.load_workbook(io.BytesIO(excel_registers.build(book, "zh", excel_registers.of_the_book())))
    assert "swot" not in found.sheetnames
    told = {row[0]: row[3] for row in found["请先阅读"].iter_rows(min_row=8, values_only=True)}
    assert "data/sample/registers/swot.csv" in told["swot"]


def test_the_same_registers_give_the_same_bytes(book: params.Settings) -> None:
    names = excel_registers.of_the_book()
    assert excel_registers.build(book, "en", names) == excel_registers.build(book, "en", names)


@given(st.datetimes(pd.Timestamp("1901-01-01").to_pydatetime(), pd.Timestamp("2100-01-01").to_pydatetime()))
@settings(max_examples=50)
def test_a_time_survives_as_part_of_a_day(time: datetime) -> None:
    """Excel keeps 15:14 as 0.634722…; what comes back may be a hair off."""
    whole = time.replace(microsecond=0)
    for off in (-400_000, 0, 400_000):
        near = pd.Timestamp(whole) + pd.Timedelta(microseconds=off)
        assert pd.Timestamp(register_files.as_text(near.to_pydatetime())) == whole


def test_libreoffice_can_save_it(book: params.Settings, tmp_path: Path) -> None:
    office = shutil.which("soffice")
    if not office:
        pytest.skip("LibreOffice is not installed")
    file, out = written(book, tmp_path), tmp_path / "saved"
    home = (tmp_path / "home").as_uri()
    command = [office, f"-env:UserInstallation={home}", "--headless", "--convert-to", "xlsx", "--outdir", str(out)]
    subprocess.run([*command, str(file)], check=True, capture_output=True, timeout=120)
    assert registers_back.take(book, out / "edited.xlsx") == []
