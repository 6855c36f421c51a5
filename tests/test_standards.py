"""What becomes standard, what is looked at again, template table 4 out to the workbook and back; sections 3.6 and 9.4."""

from datetime import date
from pathlib import Path

import books
import ibis
import openpyxl
import pandas as pd
import pytest

from crmlib import schema
from crmlib.errors import InputError
from crmlib.io import engine, privacy, reviews_back, store
from crmlib.kpi import ROW
from crmlib.params import Settings
from crmlib.periods import Period
from crmlib.report import excel
from crmlib.review import calendar, effect_review, standards
from crmlib.views import narrative_standards

PERIOD = Period(2023, 4)
LANGS = ("en", "zh")
TEMPLATE = [
    "客户ID",
    "客户名称",
    "策略名称",
    "核心目标",
    "执行周期",
    "关键指标(执行前vs执行后)",
    "效果评估",
    "差异分析",
    "改进建议",
]


@pytest.fixture
def tiny(tmp_path: Path) -> Settings:
    return books.load(tmp_path)


def reviews(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    """Campaign, strategy, grade, verdict."""
    found = pd.DataFrame(rows, columns=["campaign_id", "strategy_id", "evidence_grade", "verdict"])
    return found.assign(tier="all", end_date=pd.Timestamp("2023-12-10"))


def proposals(**dates: str) -> pd.DataFrame:
    found = pd.DataFrame({"standard_id": list(dates), "strategy_id": list(dates)})
    found = found.assign(review_date=pd.to_datetime(list(dates.values())).astype("datetime64[us]"))
    return found.assign(measure="m", measure_zh="", kind="sop", owner="L", pdca="act", provenance="actual")


EFFECTS = pd.DataFrame(
    [("c", "attained"), ("later", "not_due"), ("a", "attained")], columns=["strategy_id", "outcome"]
).assign(evidence_grade="C")


def test_only_a_test_with_a_control_group_makes_a_standard() -> None:
    """9.4: a standard list with a grade-C strategy must not exist; a target that was attained is no evidence."""
    tests = reviews(
        ("K1", "a", "A", "effective"), ("K2", "b", "B", "partly_effective"), ("K3", "c", "C", "attained"),
        ("K4", "x", "A", "not_effective"), ("K5", "h", "A", "harmful"), ("K6", "h", "A", "effective"),
        ("K7", "open", "A", "inconclusive"), ("K8", "runs", "", "not_ended"),
    )  # fmt: skip
    of_tier = tests.iloc[:1].assign(tier="high", strategy_id="none")
    names = ("c", "a", "b", "x", "h", "open", "runs", "later", "none")
    register = proposals(**dict.fromkeys(names, "2023-12-31"))
    found = standards.decide(register, EFFECTS, pd.concat([tests, of_tier]), PERIOD).set_index("standard_id")
    assert found["decision_reason"].to_dict() == {
        "c": "descriptive_only", "a": "effect_shown", "b": "effect_shown", "x": "no_effect_shown", "h": "harm_shown",
        "open": "effect_open", "runs": "test_running", "later": "targets_not_due", "none": "no_target",
    }  # fmt: skip
    assert list(found.index[found["decision"] == "adopted"]) == ["a", "b"]
    assert found["pdca_evidence"].to_dict()["a"] == "act" and found["pdca_evidence"].to_dict()["x"] == "plan"
    assert found["campaign_ids"].to_dict()["h"] == "K5; K6" and found["campaign_ids"].to_dict()["runs"] == ""
    row = standards.adopted(found, PERIOD).iloc[0]
    assert (row["kpi_value"], row["n"]) == (2, 9)
    assert "Recorded at 'act' before there is evidence: 7." in narrative_standards.standards(found, "en").text


def test_without_reviews_nothing_is_adopted() -> None:
    dates = {"c": "2023-12-30", "later": "2023-12-31"}
    found = standards.decide(proposals(**dates), EFFECTS, None, PERIOD).set_index("standard_id")
    assert found["decision"].eq("waiting").all()
    assert found["days_overdue"].to_dict() == {"c": 1, "later": 0} and list(found["is_overdue"]) == [True, False]
    nothing = standards.decide(proposals(), EFFECTS, None, PERIOD)
    assert nothing.empty and standards.adopted(nothing, PERIOD).empty
    assert list(standards.adopted(nothing, PERIOD).columns) == ROW


def log(*rows: tuple[str, str, str]) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=["review_kind", "subject_id", "reviewed_on"])
    return found.astype({"reviewed_on": "datetime64[us]"}).assign(owner="L")


DESIGNS = pd.DataFrame({
    "campaign_id": ["K1", "K2", "K3", "K4"], "tier": "all", "owner": ["L. Chen", "B", "C", "D"],
    "end_date": pd.to_datetime(["2023-10-31", "2023-12-29", "2023-10-31", "2024-01-15"]).astype("datetime64[us]"),
})  # fmt: skip
STRATEGIES = pd.DataFrame({
    "strategy_id": ["S1", "S2", "S3"], "owner": ["A", "B", "C"],
    "start_date": pd.to_datetime(["2023-09-30", "2023-08-01", "2024-01-02"]).astype("datetime64[us]"),
})  # fmt: skip


def test_reviews_are_due_by_their_cadence_and_named_with_their_owner(tiny: Settings) -> None:
    """A campaign that ended on 31 October is due on 3 November (section 1.1, R20): 58 days before 31 December.

    The anchors were frozen on 1 January, so tiers were due on 1 July. S1 began on 30 September and is due on 30 December,
    S2 was looked at in December. K2 ended on the 29th and is due on 1 January. The entry of January is not known yet.
    """
    known = log(("review_campaign", "K3", "2023-11-02"), ("review_campaign", "K1", "2023-10-20"),
                ("review_strategy", "S2", "2023-12-01"), ("review_strategy", "S1", "2024-01-05"))  # fmt: skip
    found = calendar.due(known, DESIGNS, STRATEGIES, proposals(SD1="2023-12-01"), tiny).set_index("subject_id")
    due = {k: f"{v:%Y-%m-%d}" for k, v in found["review_due"].to_dict().items()}
    assert due == {"tiers": "2023-07-01", "K1": "2023-11-03", "SD1": "2023-12-01", "S1": "2023-12-30",
                   "K2": "2024-01-01", "S2": "2024-03-01"}  # fmt: skip
    assert found["days_overdue"].to_dict() == {"tiers": 183, "K1": 58, "SD1": 30, "S1": 1, "K2": 0, "S2": 0}
    assert list(found.index)[:4] == ["tiers", "K1", "SD1", "S1"]
    said = narrative_standards.overdue(found.reset_index(), "en").text
    assert "short action K1 (L. Chen, 58 days)" in said and "no owner named" in said and "K2" not in said
    seen = log(("review_tiers", "tiers", "2023-12-01"), ("review_campaign", "K1", "2023-11-01"))
    rest = calendar.due(seen, None, STRATEGIES.iloc[2:], proposals(), tiny)
    assert not rest["is_overdue"].any() and list(rest["subject_id"]) == ["tiers"]


def days_of(*rows: tuple[str, str, int, int]) -> ibis.Table:
    frame = pd.DataFrame(rows, columns=["customer_id", "order_date", "orders", "net_minor"])
    frame["order_date"] = [date.fromisoformat(day) for day in frame["order_date"]]
    kinds = {"customer_id": "string", "order_date": "date", "orders": "int64", "net_minor": "int64"}
    return ibis.memtable(frame, schema=kinds)


DAYS = days_of(
    ("A", "2023-06-30", 9, 900_000), ("A", "2023-07-01", 2, 20_000), ("A", "2023-10-01", 1, 10_000),
    ("A", "2023-12-31", 2, 13_200), ("A", "2024-01-01", 9, 900_000), ("B", "2023-09-30", 1, 5_000),
)  # fmt: skip


def tracking(period: str = "2023Q4") -> ibis.Table:
    """A gets two measures of one strategy, B one, 1004 one."""
    rows = [("A", "AC1", "2023-10-02 / 2023-10-06"), ("A", "AC2", "2023-11-06 / 2023-11-10"),
            ("B", "AC1", "2023-10-09 / 2023-10-13"), ("1004", "AC1", "2023-10-09 / 2023-10-13")]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["customer_id", "action_id", "plan_window"])
    return ibis.memtable(
        frame.assign(customer_name="", strategy_id="ST1", strategy_type="ST1 Keep", strategy_type_zh="ST1 维系", tier="high",
                     expected="Retention: 90% → 92%", expected_zh="留存率：90% → 92%", period=period)
    )  # fmt: skip


NOTHING = pd.DataFrame({c: pd.Series(dtype="str") for c in reviews_back.COLUMNS})
ONE = pd.DataFrame({"strategy_id": ["ST1"], "start_date": [pd.Timestamp("2023-10-01")]})


def made(settings: Settings, written: pd.DataFrame, found: pd.DataFrame | None = None) -> ibis.Table:
    judged = effect_review.assessments(ONE, found)
    return effect_review.sheet(tracking(), DAYS, effect_review.Known(EFFECTS, judged, written), settings)


def test_one_row_per_customer_and_strategy_with_equal_windows(tiny: Settings) -> None:
    """92 days from 1 October, and the 92 days before them from 1 July; 30 June and 1 January are outside."""
    found = engine.frame(made(tiny, NOTHING)).set_index("customer_id").sort_index()
    assert list(found.index) == ["1004", "A", "B"]
    assert found.loc["A", "before_after"] == "Orders 2 → 3; spend CNY 200 → 232 (descriptive, not attributed)"
    assert found.loc["A", "before_after_zh"] == "订单2 → 3；消费CNY 200 → 232（仅作描述，不作归因）"
    assert found.loc["A", "review_window"] == "2023-10-02 / 2023-11-10"
    assert "Orders 0 → 0" in found.loc["1004", "before_after"]
    assert set(found["assessment"]) == {"inconclusive"} and set(found["evidence_grade"]) == {"C"}
    assert engine.frame(effect_review.sheet(tracking("2024Q1"), DAYS, effect_review.Known(
        EFFECTS, effect_review.assessments(ONE, None), NOTHING), tiny)).empty  # fmt: skip


@pytest.mark.parametrize(
    ("grade", "verdict", "said"),
    [("A", "effective", "effective"), ("B", "not_effective", "not_effective"), ("C", "attained", "inconclusive")],
)
def test_the_assessment_comes_from_a_test_and_never_from_before_and_after(
    tiny: Settings, grade: str, verdict: str, said: str
) -> None:
    """A spent more, and that is no verdict: only grades A and B speak."""
    found = engine.frame(made(tiny, NOTHING, reviews(("K1", "ST1", grade, verdict))))
    assert set(found["assessment"]) == {said}
    assert effect_review.counts(made(tiny, NOTHING, reviews(("K1", "ST1", grade, verdict))))["tested"] == (
        0 if grade == "C" else 3
    )


def test_without_a_list_each_strategy_has_a_row_of_its_tier(tiny: Settings) -> None:
    effects = pd.DataFrame({
        "strategy_id": "ST1", "strategy": "Keep", "strategy_zh": "维系", "tier": "high", "kpi": ["retention_rate", "average_ticket"],
        "baseline": [0.6, 20_000.0], "target": [0.75, 25_000.0], "actual": [0.72, float("nan")], "outcome": "attained",
        "start_date": pd.Timestamp("2023-10-01"), "end_date": pd.Timestamp("2023-12-31"),
    })  # fmt: skip
    known = effect_review.Known(effects, effect_review.assessments(ONE, None), NOTHING)
    row = engine.frame(effect_review.sheet(None, DAYS, known, tiny)).iloc[0]
    assert row["customer_id"] == "tier:high" and row["assessment"] == "inconclusive"
    assert row["core_goal"] == "Retention rate 60.0% → 75.0%; Average ticket CNY 200.00 → CNY 250.00"
    assert row["before_after"] == "Retention rate 60.0% → 72.0% (descriptive, not attributed)"


def workbook(settings: Settings, tmp_path: Path, written: pd.DataFrame, lang: str) -> Path:
    """The batch's own workbook, put where people put it."""
    results = store.open_store(settings, tmp_path / "out", engine.connect(settings))
    results.save(effect_review=engine.frame(made(settings, written)))
    file = settings.data_dir / "registers" / "deliverables.xlsx"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(excel.build(results, lang))
    return file


def filled(file: Path, lang: str, texts: dict[str, tuple[str, str]]) -> None:
    """What a person does: find the customers' rows and write two cells."""
    book = openpyxl.load_workbook(file)
    page = next(s for s in book.worksheets if s.title.startswith("5.1.1"))
    heads = [c.value for c in page[4]]
    columns = [heads.index(schema.label(c, lang)) + 1 for c in ("gap_reason", "improvement")]
    for row in range(5, page.max_row + 1):
        for column, text in zip(columns, texts.get(str(page.cell(row, 1).value), ()), strict=False):
            page.cell(row, column).value = text
    book.save(file)


@pytest.mark.parametrize("lang", LANGS)
def test_what_people_write_comes_back_and_stays(tiny: Settings, tmp_path: Path, lang: str) -> None:
    """Out, filled in, back, out again, back again: nothing lost, nothing doubled."""
    file = workbook(tiny, tmp_path, NOTHING, lang)
    assert reviews_back.read(tiny).empty
    filled(file, lang, {"1004": ("未读邮件", "改用短信"), "A": ("", "Call instead")})
    first = reviews_back.read(tiny)
    assert first.to_numpy().tolist() == [
        ["1004", "ST1", "2023Q4", "未读邮件", "改用短信"], ["A", "ST1", "2023Q4", "", "Call instead"]]  # fmt: skip
    table = made(tiny, first)
    again = engine.frame(table).set_index("customer_id")
    assert again["gap_reason"].to_dict() == {"1004": "未读邮件", "A": "", "B": ""}
    assert effect_review.counts(table) == {"rows": 3, "tested": 0, "written": 2}
    workbook(tiny, tmp_path, first, lang)
    pd.testing.assert_frame_equal(reviews_back.read(tiny), first)
    assert reviews_back.check(tiny) == []


def test_the_sheet_has_the_columns_of_the_template(tiny: Settings, tmp_path: Path) -> None:
    sheets = openpyxl.load_workbook(workbook(tiny, tmp_path, NOTHING, "zh")).worksheets
    page = next(s for s in sheets if s.title.startswith("5.1.1"))
    assert [c.value for c in page[4]][:9] == TEMPLATE
    assert next(r[6].value for r in page.iter_rows(min_row=5) if r[0].value == "A") == "无法判断"


def put(path: Path, rows: list[tuple], heads: list[str] | None = None) -> None:
    book = openpyxl.Workbook()
    page = book.active
    page.append(heads or [schema.label(c, "en") for c in reviews_back.COLUMNS])
    for row in rows:
        page.append(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)


@pytest.mark.parametrize(
    ("rows", "said"),
    [([("", "ST1", "2023Q4", "x", "")], "row 2: customer_id is empty"),
     ([("A", "ST1", "Q4", "x", "")], "period 'Q4' is no quarter"),
     ([("A", "ST1", "2023Q4", "x" * 2_001, "")], "has 2,001 characters"),
     ([("A", "ST1", "2023Q4", "x", ""), ("A", "ST1", "2023Q4", "y", "")], "says something else of customer 'A'")],
)  # fmt: skip
def test_what_cannot_be_taken_back_is_named(tiny: Settings, rows: list[tuple], said: str) -> None:
    put(tiny.data_dir / "registers/effect_review.xlsx", rows)
    with pytest.raises(InputError, match=r"effect_review\.xlsx") as problem:
        reviews_back.read(tiny)
    assert said in str(problem.value)


def test_a_sheet_of_its_own_must_be_there_and_ids_become_pseudonyms(tiny: Settings, tmp_path: Path) -> None:
    file = tiny.data_dir / "registers/effect_review.xlsx"
    put(file, [("A", "ST1")], heads=["Customer", "Strategy ID"])
    assert "no sheet has the columns" in reviews_back.check(tiny)[0]
    hidden = books.load(tmp_path / "hidden", privacy={"customer_ids": "pseudonym"})
    (hidden.data_dir / "pseudonym.key").write_text("k" * 48)
    put(hidden.data_dir / "registers/effect_review.xlsx",
        [("A", "ST1", "2023Q4", "x", ""), ("tier:high", "ST1", "2023Q4", "y", "")])  # fmt: skip
    ids = set(reviews_back.read(hidden)["customer_id"])
    assert ids == {privacy.pseudonym("A", privacy.key(hidden)), "tier:high"}


def test_rows_of_nobody_on_this_sheet_are_named_and_not_used(tiny: Settings) -> None:
    written = pd.DataFrame([("Z", "ST1", "2023Q4", "x", ""), ("A", "ST1", "2023Q3", "old", "")],
                           columns=list(reviews_back.COLUMNS))  # fmt: skip
    table = made(tiny, written)
    assert engine.frame(effect_review.strangers(written, table, PERIOD))["customer_id"].tolist() == ["Z"]
    assert set(engine.frame(table)["gap_reason"]) == {""}


def test_no_table_holds_before_and_after_beside_a_verdict() -> None:
    """9.4. Of the method's own table 4 the assessment comes from tests alone (above) and its figures say so."""
    ahead = {"before_after", "before_after_change", "targeted_before_minor", "kpi_before", "mark_before"}
    verdicts = {"verdict", "outcome", "assessment", "decision", "status"}
    found = {n for n, t in schema.TABLES.items() if ahead & set(t.columns) and verdicts & set(t.columns)}
    assert found <= {"effect_review", "campaign_reviews"}


@pytest.mark.parametrize("lang", LANGS)
def test_an_empty_sheet_is_stated(lang: str) -> None:
    nothing = {"rows": 0, "tested": 0, "written": 0}
    empty = narrative_standards.effect_review(nothing, 0, lang).text
    assert {"en": "is empty", "zh": "为空"}[lang] in empty
    assert empty != narrative_standards.effect_review(nothing, 2, lang).text
