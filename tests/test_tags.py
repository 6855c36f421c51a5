"""Tags: stages and loyalty at their boundary days, and the round trip of hand-written tags through Excel."""

from datetime import date, timedelta
from pathlib import Path

import books
import ibis
import pandas as pd
import pytest
import xlsxwriter

from crmlib import params
from crmlib.errors import InputError
from crmlib.io import engine, privacy, store, tags_back
from crmlib.params import Settings, Tags
from crmlib.report import excel
from crmlib.segment import rfm, tags
from crmlib.views import charts_profile

ORDERS = "order,customer,date,amount\n1,A,2023-10-15,100.50\n2,B,2023-11-01,20\n3,C,2023-12-31,30\n"
AS_OF = date(2023, 12, 31)


def day(before: int) -> date:
    return AS_OF - timedelta(days=before)


@pytest.fixture
def tiny(tmp_path: Path) -> Settings:
    return books.load(tmp_path, ORDERS)


def days(bought: dict[str, list[int]]) -> pd.DataFrame:
    """Purchases so many days before as_of; a negative one lies after it."""
    rows = [(who, day(before)) for who, ages in bought.items() for before in ages]
    frame = pd.DataFrame(rows, columns=["customer_id", "order_date"])
    return frame.assign(orders=1, net_minor=1000, gross_minor=1000, returned_minor=0)


def labelled(settings: Settings, bought: dict[str, list[int]], *known: str) -> pd.DataFrame:
    """Labels of these customers and of those who are only known."""
    bought_days = engine.table(days(bought))
    everyone = engine.table(pd.DataFrame({"customer_id": [*bought, *known]}))
    tiered = rfm.summarise(bought_days, everyone, settings.period)
    levelled = everyone.mutate(price_sensitivity=4, price_from=ibis.literal("from_register"))
    needs = everyone.mutate(**dict.fromkeys(("need_type", "need_from", "decision_complexity"), ibis.literal(""))).limit(
        0
    )
    return engine.frame(tags.labels(tiered, bought_days, levelled, needs, settings)).set_index("customer_id")


def test_lifecycle_at_its_boundary_days(tiny):
    """New up to 90 days after the first order, lapsing beyond 60 days of silence, lapsed beyond 180, won back within 90."""
    cases = {
        "new": [90], "new_again": [90, 61], "not_new": [91, 60], "lapsing": [91, 61], "lapsing_last": [300, 180],
        "lapsed": [181], "back": [400, 219, 38], "back_edge": [400, 271, 90, 10], "long_back": [400, 272, 91, 10],
        "no_gap": [400, 220, 40], "future": [300, 181, -1],
    }  # fmt: skip
    found = labelled(tiny, cases, "known")["lifecycle"].str.removeprefix("lifecycle_").to_dict()
    assert found == {
        "new": "new", "new_again": "new", "not_new": "active", "lapsing": "lapsing", "lapsing_last": "lapsing",
        "lapsed": "lapsed", "back": "won_back", "back_edge": "won_back", "long_back": "active", "no_gap": "active",
        "future": "lapsed", "known": "prospect",
    }  # fmt: skip


def test_loyalty_counts_months_of_30_days_since_the_first_order(tiny):
    """Nine of twelve months are three quarters: loyal. First order 150 days ago is the sixth month, 149 the fifth."""
    nine = [30 * n for n in (0, 1, 2, 3, 4, 5, 6, 7, 11)]
    cases = {
        "loyal": nine,
        "returning": nine[1:],
        "casual": [0, 29, 359],
        "six": [0, 150],
        "five": [149],
        "same": [0] * 9 + [355],
    }
    found = labelled(tiny, cases, "known")
    assert found["loyalty"].to_dict() == {"loyal": "loyal", "returning": "returning", "casual": "casual", "six": "casual",
                                          "five": "too_new", "same": "casual", "known": "not_known"}  # fmt: skip
    assert found.loc["six", ["loyal_months", "known_months"]].tolist() == [2, 6]
    assert found.loc["known", ["loyal_months", "known_months"]].tolist() == [0, 0]


def test_what_nobody_knows_is_not_known(tiny):
    found = labelled(tiny, {"A": [0]}).iloc[0]
    assert found[["price_band", "need_type", "decision_complexity"]].tolist() == [
        "price_high",
        "not_known",
        "not_known",
    ]


def test_the_need_comes_from_the_register_before_what_is_bought(tiny):
    mapped = {"functional": ("RICE",), "experience": ("WINE", "CHEESE")}
    segment = tiny.segment.model_copy(update={"tags": Tags(need_categories=mapped)})
    settings = tiny.model_copy(update={"segment": segment})
    sales = pd.DataFrame(
        [("A", "RICE", "2023Q4", 49), ("A", "WINE", "2023Q1", 26), ("A", "CHEESE", "2023Q2", 25), ("A", "RICE", "2022Q4", 900),
         ("B", "RICE", "2023Q4", 10), ("C", "SOAP", "2023Q4", 10), ("D", "RICE", "2023Q4", 49), ("D", "SOAP", "2023Q4", 51)],
        columns=["customer_id", "category", "period", "net_minor"],
    )  # fmt: skip
    register = pd.DataFrame({"customer_id": ["B", "E"], "need_type": ["personal", ""], "decision_complexity": ["", "complex"],
                             "needs_total": 1, "needs_open": 0, "service_level": 1, "price_sensitivity": 1,
                             "set_on": pd.to_datetime(["2023-12-31"] * 2)})  # fmt: skip
    found = (
        engine.frame(tags.needs(engine.table(register), engine.table(sales), settings))
        .fillna("")
        .set_index("customer_id")
    )
    assert found["need_type"].to_dict() == {"A": "experience", "B": "personal", "E": ""}
    assert found["need_from"].to_dict() == {"A": "from_categories", "B": "from_register", "E": ""}
    assert found.loc["E", "decision_complexity"] == "complex"


def free(rows: list[tuple[str, str, str | None]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "tag", "set_on"])
    return frame.assign(set_on=pd.to_datetime(frame["set_on"]))


def test_free_tags_are_united_up_to_the_quarters_end_and_strangers_are_named(tiny):
    register = free([("A", "b", "2023-12-31"), ("A", "late", "2024-01-01"), ("B", "old", None), ("X", "who", None)])
    written = pd.DataFrame({"customer_id": ["A", "A"], "tag": ["a", "b"]})
    found = tags.free(engine.table(register), engine.table(written), tiny.period)
    assert [tuple(r) for r in engine.frame(found).to_numpy()] == [("A", "a"), ("A", "b"), ("B", "old"), ("X", "who")]
    tiered = engine.table(pd.DataFrame({"customer_id": ["A", "B"], "monetary_12m_minor": [300, 100]}))
    assert engine.frame(tags.strangers(found, tiered))["customer_id"].tolist() == ["X"]
    blank = {c: ["x", "y"] for c in tags.KINDS} | {
        "loyal_months": [1, 1],
        "known_months": [1, 1],
        "price_from": ["", ""],
    }
    labels = pd.DataFrame({"customer_id": ["A", "B"], "need_from": ["", ""], **blank})
    table = tags.with_free(engine.table(labels), found, None)
    assert engine.frame(table.order_by("customer_id"))["custom_tags"].tolist() == ["a; b", "old"]
    sizes = engine.frame(tags.sizes(table, found, tiered))
    lifecycle = sizes[sizes["label_kind"] == "var_lifecycle"]
    assert lifecycle[["label", "customers", "revenue_share"]].to_numpy().tolist() == [["x", 1, 0.75], ["y", 1, 0.25]]
    assert set(sizes.loc[sizes["label_kind"] == "var_custom_tags", "label"]) == {"a", "b", "old"}


def results(settings: Settings, tmp_path: Path, tagged: dict[str, str]) -> store.Store:
    """A store with template table 2 of customers and their tags."""
    made = store.open_store(settings, tmp_path / "out")
    n = len(tagged)
    frame = pd.DataFrame({
        "customer_id": list(tagged), "customer_name": ["甲***"] * n, "recency_score": [85.0] * n, "frequency_score": [75.0] * n,
        "monetary_score": [70.0] * n, "rfm_total": [230.0] * n, "tier": ["potential"] * n, "custom_tags": list(tagged.values()),
        "reason_text": ["Because"] * n, "reason_text_zh": ["因为"] * n,
    })  # fmt: skip
    made.save(tier_tags=frame)
    return made


def put(settings: Settings, content: bytes, name: str = "tier_tags.xlsx") -> Path:
    file = settings.data_dir / "registers" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_tags_written_into_the_workbook_come_back(tiny, tmp_path, lang):
    """The real workbook, in either language: the sheet is found among the others, tags are split and trimmed."""
    made = results(tiny, tmp_path, {"1004": "large  family；organic", "A": "", "=B": "素食、VIP"})
    put(tiny, excel.build(made, lang), "deliverables.xlsx")
    found = tags_back.read(tiny)
    assert [tuple(row) for row in found.to_numpy()] == [
        ("1004", "large family"), ("1004", "organic"), ("=B", "VIP"), ("=B", "素食")]  # fmt: skip
    assert tags_back.check(tiny) == []


def sheet(path: Path, rows: list[list[object]]) -> None:
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet("标签")
        for n, row in enumerate(rows):
            page.write_row(n, 0, row)


def test_the_next_run_keeps_what_people_added(tiny, tmp_path):
    """Read back, stored in the table again, and read back from that workbook: nothing is lost or doubled."""
    put(tiny, b"")
    file = tiny.data_dir / "registers/tier_tags.xlsx"
    sheet(file, [["客户ID", "自定义标签"], ["A", "vip; organic"]])
    first = tags_back.read(tiny)
    con = engine.connect(tiny)
    found = con.create_table(
        "f",
        tags.free(
            engine.table(free([]).astype({"customer_id": "str", "tag": "str"})), engine.table(first), tiny.period
        ),
    )
    text = "; ".join(engine.frame(found)["tag"])
    put(tiny, excel.build(results(tiny, tmp_path, {"A": text, "B": ""}), "zh"))
    pd.testing.assert_frame_equal(tags_back.read(tiny), first)


def test_wrong_rows_are_named_as_excel_numbers_them(tiny, tmp_path):
    file = put(tiny, b"")
    sheet(file, [["our tags"], [], ["Customer", "Name", "Tags"], ["A", "", "fine"], ["", "", "lost"], ["B", "", "#N/A"],
                 ["C", "", "x" * 61], [1004.0, "", "numeric id"], ["", "", ""]])  # fmt: skip
    where = "data/tiny/registers/tier_tags.xlsx sheet '标签' row"
    assert tags_back.check(tiny) == [
        f"{where} 5: customer_id is empty; keep what the sheet had there, or clear the row",
        f"{where} 6: custom_tags is #N/A, an error of the sheet; write it as text",
        f"{where} 7: tag '{'x' * 20}…' has 61 characters; use at most 60, and ';' between two tags",
    ]
    with pytest.raises(InputError, match="row 5"):
        tags_back.read(tiny)
    sheet(file, [["customer_id", "custom_tags"], [1004.0, "numeric id"]])
    assert tags_back.read(tiny).to_numpy().tolist() == [["1004", "numeric id"]]


def test_a_file_that_is_no_workbook_or_has_other_columns_is_refused(tiny):
    file = put(tiny, b"not a workbook")
    assert tags_back.check(tiny) == [
        "data/tiny/registers/tier_tags.xlsx is no readable Excel workbook; save it as .xlsx without a password"
    ]
    sheet(file, [["id", "tags and more"]])
    assert "no sheet has the columns 'Customer' (or '客户ID'), 'Tags' (or '自定义标签')" in tags_back.check(tiny)[0]


def test_without_a_workbook_there_are_no_tags(tiny):
    found = tags_back.read(tiny)
    assert found.empty and engine.table(found).schema()["tag"].is_string()


def test_pseudonyms_are_taken_as_they_are_and_ids_are_turned_into_them(tmp_path, monkeypatch):
    monkeypatch.setenv("CRM_PSEUDONYM_KEY", "a key that is long enough")
    settings = params.load(books.write(tmp_path, ORDERS, privacy={"customer_ids": "pseudonym"}))
    called = privacy.pseudonym("A", "a key that is long enough")
    sheet(put(settings, b""), [["Customer", "Tags"], [called, "one"], ["A", "two"]])
    assert tags_back.read(settings).to_numpy().tolist() == [[called, "one"], [called, "two"]]


def test_definitions_that_contradict_are_refused():
    for wrong in ({"lapsing_days": 180}, {"returning_share": 0.9}, {"journey_orders": (3, 2)}):
        with pytest.raises(ValueError, match=r"fewer than|not be above|must rise"):
            Tags(**wrong)


def test_who_only_brought_back_is_named_right_of_the_axis():
    """A share below nothing has its bar left of the axis, and its words where no stage is written."""
    stages = ["lifecycle_active", "lifecycle_returns_only"]
    sizes = pd.DataFrame({"label_kind": "var_lifecycle", "label": stages, "customer_share": [0.9, 0.1]})
    ax = charts_profile.lifecycle(sizes.assign(revenue_share=[1.02, -0.02]), "en")
    assert ax.get_xlim()[0] == -0.02 and [round(bar.get_width(), 2) for bar in ax.patches] == [0.9, 0.1, 1.02, -0.02]
    said = {text.get_text(): text.xy[0] for text in ax.texts}
    assert {words.split()[0]: round(x, 2) for words, x in said.items()} == {
        "90.0%": 0.9, "10.0%": 0.1, "102.0%": 1.02, "−2.0%": 0.0
    }  # fmt: skip
