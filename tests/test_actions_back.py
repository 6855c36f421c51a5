"""Template table 3: out to the workbook, filled in by people, and back. Conflicts and unknown customers are named."""

from datetime import date
from pathlib import Path

import books
import ibis
import openpyxl
import pandas as pd
import pytest

from crmlib import params, schema
from crmlib.errors import InputError
from crmlib.io import actions_back, engine, privacy, store, tags_back
from crmlib.params import Settings
from crmlib.report import excel
from crmlib.strategy import action_list, actions
from crmlib.views import narrative_actions

LANGS = ("en", "zh")
HEADS = {
    "en": ["What was done", "Done?", "Why not, or what went well"],
    "zh": ["实际执行情况", "完成状态", "未完成原因/完成亮点"],
}
TEMPLATE = ["客户ID", "客户名称", "客户层级", "策略类型", "策略内容描述", "负责人", "计划执行周期", "预期目标", "实际执行情况",
            "完成状态", "未完成原因/完成亮点"]  # fmt: skip


@pytest.fixture
def tiny(tmp_path: Path) -> Settings:
    return books.load(tmp_path)


def listed(settings: Settings, written: pd.DataFrame) -> ibis.Table:
    """Three customers of one tier: A and B get mail, C is held out of the campaign that the mail is."""
    people = pd.DataFrame({
        "customer_id": ["A", "1004", "C"], "tier": "high", "stake": [9, 8, 7], "may_contact": True, "free_on": None,
        "action_reason": "reason_best", "next_tier": "", "gap_days": 0, "gap_orders": 0, "gap_minor": 0,
        "stake_basis": "stake_clv",
    })  # fmt: skip
    kinds = {"customer_id": "string", "tier": "string", "stake": "int64", "may_contact": "boolean", "free_on": "date"}
    rest = dict.fromkeys(people.columns[5:7], "string") | dict.fromkeys(people.columns[7:10], "int64")
    known = ibis.memtable(people, schema=kinds | rest | {"stake_basis": "string"})
    drawn = pd.DataFrame({"campaign_id": "CP1", "customer_id": ["A", "1004", "C"], "tier": "high",
                          "arm": ["treated", "treated", "hold_out"]})  # fmt: skip
    rows = actions.assign(known, plan(), ibis.memtable(drawn), settings)
    tiered = ibis.memtable(people[["customer_id"]].assign(reason_text="Because.", reason_text_zh="因为。"))
    return action_list.customer_actions(rows, known, tiered, plan(), engine.table(written), settings)


def plan() -> pd.DataFrame:
    day = pd.Timestamp("2024-01-01")
    return pd.DataFrame({
        "action_id": ["AC1"], "strategy_id": "ST1", "tier": "high", "action": "Mail", "action_zh": "邮件", "contacts": 2,
        "campaign_id": "CP1", "unit_hours": 0.0, "unit_value": 3.0, "department": "CRM", "line": 0, "first": day,
        "last": pd.Timestamp("2024-03-31"), "channel": "mail", "channel_zh": "邮寄", "owner": "L. Chen", "hours": 0.2,
        "cost_minor": 100,
    })  # fmt: skip


def workbook(settings: Settings, tmp_path: Path, written: pd.DataFrame, lang: str) -> Path:
    """The batch's own workbook, put where people put it."""
    goals = pd.DataFrame({"strategy_id": ["ST1"], "strategy": "Keep", "strategy_zh": "维系", "expected": "Retention: 90% → 92%",
                          "expected_zh": "留存率：90% → 92%"})  # fmt: skip
    names = ibis.memtable(pd.DataFrame({"customer_id": ["A", "1004"], "customer_name": ["甲***", "=乙***"]}))
    con = engine.connect(settings)
    made = store.open_store(settings, tmp_path / "out", con)
    table = engine.keep(con, "listed", listed(settings, written))
    made.save(strategy_tracking=action_list.tracking(table, names, goals, plan()))
    file = settings.data_dir / "registers" / "deliverables.xlsx"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(excel.build(made, lang))
    return file


def filled(file: Path, lang: str, texts: dict[str, tuple[str, str, str]]) -> None:
    """What a person does: find his customers' rows in the sheet and write three cells."""
    book = openpyxl.load_workbook(file)
    page = next(s for s in book.worksheets if s.title.startswith("4.8"))
    head = next(n for n in range(1, 9) if HEADS[lang][0] in [c.value for c in page[n]])
    heads = [c.value for c in page[head]]
    columns = [heads.index(name) + 1 for name in HEADS[lang]]
    for row in range(head + 1, page.max_row + 1):
        for column, text in zip(columns, texts.get(str(page.cell(row, 1).value), ()), strict=False):
            page.cell(row, column).value = text
    book.save(file)


NOTHING = pd.DataFrame({c: pd.Series(dtype="str") for c in actions_back.COLUMNS})


@pytest.mark.parametrize("lang", LANGS)
def test_what_people_write_into_the_workbook_comes_back_and_stays(tiny, tmp_path, lang):
    """Out, filled in, back, out again, back again: nothing lost, nothing doubled; the held-out is on no list."""
    file = workbook(tiny, tmp_path, NOTHING, lang)
    assert actions_back.read(tiny).empty
    words = {"en": ("Partly done", "Done"), "zh": ("部分完成", "已完成")}[lang]
    filled(file, lang, {"1004": ("寄出 2 封", words[0], "one came back"), "A": ("", words[1], "")})
    first = actions_back.read(tiny)
    assert first.to_numpy().tolist() == [
        ["1004", "AC1", "2024Q1", "寄出 2 封", "partial", "one came back"], ["A", "AC1", "2024Q1", "", "done", ""]]  # fmt: skip
    again = engine.frame(listed(tiny, first)).set_index("customer_id")
    assert again.completion_status.to_dict() == {"A": "done", "1004": "partial", "C": "open"}
    assert again.arm.to_dict() == {"A": "treated", "1004": "treated", "C": "hold_out"} and pd.isna(again.due_date["C"])
    workbook(tiny, tmp_path, first, lang)
    pd.testing.assert_frame_equal(actions_back.read(tiny), first)
    assert actions_back.check(tiny) == []


def test_the_sheet_has_the_columns_of_the_template(tiny, tmp_path):
    book = openpyxl.load_workbook(workbook(tiny, tmp_path, NOTHING, "zh"))
    sheets = [[[c.value for c in row][:11] for row in page.iter_rows()] for page in book.worksheets]
    (table,) = [cells for cells in sheets if TEMPLATE in cells]
    rows = table[table.index(TEMPLATE) + 1 :]
    assert sorted(r[0] for r in rows if r[0]) == ["1004", "A"]
    mine = next(r for r in rows if r[0] == "A")
    assert mine[2:8] == ["高价值", "ST1 维系", "AC1 邮件", "L. Chen", "2024-01-01 / 2024-01-05", "留存率：90% → 92%"]
    assert mine[9] == "未完成"


def sheet(path: Path, rows: list[tuple], heads: list[str] | None = None, errors: str = "s") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    book = openpyxl.Workbook()
    for row in [heads or ["客户ID", "行动编号", "季度", "实际执行情况", "完成状态", "未完成原因/完成亮点"], *rows]:
        book.active.append(list(row))
    for cell in (c for row in book.active.iter_rows() for c in row if isinstance(c.value, str)):
        cell.data_type = errors if cell.value.startswith("#") else "s"  # a person may type "#N/A", or Excel shows it
    book.active.title = "T"
    book.save(path)


def test_rows_that_contradict_are_named(tiny):
    file = tiny.data_dir / "registers/strategy_tracking.xlsx"
    sheet(file, [("A", "AC1", "2024Q1", "sent", "done", ""), (1004, "AC1", "2024Q1", "", "未完成", ""),
                 ("A", "AC1", "2024Q1", "sent", "Partly done", "")])  # fmt: skip
    where = "data/tiny/registers/strategy_tracking.xlsx sheet 'T'"
    assert actions_back.check(tiny) == [
        f"{where} row 4: {where} row 2 says something else of customer 'A', action AC1, 2024Q1; keep one of the two"
    ]
    with pytest.raises(InputError, match="keep one of the two"):
        actions_back.read(tiny)
    sheet(file, [("A", "AC1", "2024Q1", "sent", "done", "")] * 2)
    assert len(actions_back.read(tiny)) == 1


def test_wrong_cells_are_named_as_excel_numbers_them(tiny):
    file = tiny.data_dir / "registers/strategy_tracking.xlsx"
    sheet(file, [("", "AC1", "2024Q1", "sent", "", ""), ("A", "AC1", "soon", "", "finished", ""),
                 ("B", "AC1", "2024Q1", "x" * 2001, "done", "#N/A"), ("", "", "", "", "", "")])  # fmt: skip
    where = "data/tiny/registers/strategy_tracking.xlsx sheet 'T' row"
    assert actions_back.check(tiny) == [
        f"{where} 2: customer_id is empty; keep what the sheet had there, or clear the row",
        f"{where} 3: period 'soon' is no quarter; keep what the sheet had there, such as 2018Q1",
        f"{where} 3: completion_status 'finished' is none of 'Not done' (未完成), 'Done' (已完成), 'Partly done' (部分完成); "
        "write one of them",
        f"{where} 4: actual_execution has 2,001 characters; use at most 2,000",
        f"{where} 4: execution_note is #N/A, an error of the sheet; write it as text",
    ]
    sheet(file, [], heads=["客户ID", "实际执行情况"])
    assert "no sheet has the columns" in actions_back.check(tiny)[0]
    file.write_bytes(b"no workbook")
    assert "is no readable Excel workbook" in actions_back.check(tiny)[0]


@pytest.mark.parametrize("kind", ["s", "e"], ids=["typed", "shown by Excel"])
def test_errors_of_the_sheet_are_named(tiny, kind):
    """The reader of workbooks takes Excel's own error cells for empty ones: what was meant there must not get lost."""
    sheet(tiny.data_dir / "registers/strategy_tracking.xlsx", [("A", "AC1", "2024Q1", "#REF!", "", ""),
          ("#N/A", "AC1", "2024Q1", "sent", "#NAME?", "")], errors=kind)  # fmt: skip
    told = "an error of the sheet; write it as text"
    assert [p.partition("row ")[2] for p in actions_back.check(tiny)] == [
        f"2: actual_execution is #REF!, {told}", f"3: customer_id is #N/A, {told}", f"3: completion_status is #NAME?, {told}"]  # fmt: skip


def test_a_workbook_with_other_sheets_only_holds_nothing(tiny):
    sheet(tiny.data_dir / "registers/deliverables.xlsx", [("A", "vip")], heads=["客户ID", "自定义标签"])
    assert actions_back.read(tiny).empty and len(tags_back.read(tiny)) == 1
    assert {c: schema.COLUMNS[c].dtype for c in actions_back.COLUMNS} == dict.fromkeys(actions_back.COLUMNS, "string")


def test_ids_become_pseudonyms_and_pseudonyms_stay(tmp_path, monkeypatch):
    monkeypatch.setenv("CRM_PSEUDONYM_KEY", "a key that is long enough")
    settings = params.load(books.write(tmp_path, privacy={"customer_ids": "pseudonym"}))
    called = privacy.pseudonym("A", "a key that is long enough")
    rows = [("A", "AC1", "2024Q1", "sent", "done", ""), (called, "AC1", "2024Q1", "sent", "done", "")]
    sheet(settings.data_dir / "registers/strategy_tracking.xlsx", rows)
    assert actions_back.read(settings).customer_id.to_list() == [called]


@pytest.mark.parametrize("lang", LANGS)
def test_unknown_customers_are_named(tiny, lang):
    """C is held out and Z is nobody: neither is on the list; a row of another quarter is not of this list at all."""
    rows = [("A", "done"), ("C", "done"), ("Z", "partial")]
    written = pd.DataFrame([(c, "AC1", "2024Q1", "", s, "") for c, s in rows] + [("Z", "AC1", "2023Q4", "", "done", "")],
                           columns=actions_back.COLUMNS, dtype="str")  # fmt: skip
    table = listed(tiny, written)
    strange = engine.frame(action_list.strangers(engine.table(written), table, tiny))
    assert strange.customer_id.to_list() == ["C", "Z"]
    said = str(narrative_actions.written_back(engine.frame(action_list.statuses(table)), strange, lang))
    assert "C / AC1" in said and "Z / AC1" in said
    assert {"en": "1 done, 0 partly", "zh": "已完成1项，部分完成0项"}[lang] in said


def test_the_last_list_takes_what_was_written_since(tiny):
    """A was done and counts as contacted on the day it was due; 1004 was not done."""
    before = pd.DataFrame({"customer_id": ["A", "1004", "C"], "action_id": "AC1", "period": "2023Q4",
                           "arm": ["treated", "", "hold_out"], "completion_status": "open",
                           "due_date": [date(2023, 10, 6), date(2023, 10, 13), None]})  # fmt: skip
    kinds = dict.fromkeys(before.columns[:-1], "string") | {"due_date": "date"}
    written = pd.DataFrame([("A", "AC1", "2023Q4", "", "done", "")], columns=actions_back.COLUMNS, dtype="str")
    last = action_list.execution(ibis.memtable(before, schema=kinds), engine.table(written), "2023Q4")
    found = action_list.executed(last, "2023Q4")
    assert found.to_numpy().tolist() == [["2023Q4", "AC1", "done", 1], ["2023Q4", "AC1", "open", 1]]
    assert engine.frame(action_list.contacts_of(last)).to_numpy().tolist() == [["A", pd.Timestamp("2023-10-06")]]
    assert action_list.executed(action_list.execution(None, engine.table(written), "2023Q4"), "2023Q4").empty
    assert "1 are marked done" in str(narrative_actions.executed(found, "en"))


def test_totals_say_what_found_nobody(tiny):
    found = action_list.totals(listed(tiny, NOTHING), plan().assign(contacts=4, cost_minor=200, hours=0.4))
    assert schema.columns("action_totals", found.columns) == list(found.columns)
    row = found.iloc[0]
    assert (row.contacts_listed, row.contacts_unplaced, row.cost_minor, row.hours) == (2, 2, 100, 0.2)
    assert "AC1 (High value) 2 of 4" in str(narrative_actions.unplaced(found, "en"))
