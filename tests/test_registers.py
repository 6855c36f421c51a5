"""Registers: typed when right, one sentence per mistake when not."""

import csv
from collections.abc import Callable
from pathlib import Path

import ibis
import pandas as pd
import pytest

from crmlib import params, schema
from crmlib.errors import InputError
from crmlib.io import privacy, registers

TASKS = "task_id,strategy_id,task,owner,start_date,due_date,done_date,progress_share,depends_on,status"
PEST = "factor_id,axis,factor,direction,impact,likelihood,horizon_years,response"


@pytest.fixture
def keep(shop: params.Settings) -> Callable[..., Path]:
    """Replace all registers of the book by the one given, row by row."""

    def write(name: str, *rows: str, encoding: str = "utf-8") -> Path:
        file = registers.file(shop, name)
        for old in file.parent.glob("*.csv"):
            old.unlink()
        file.write_text("\n".join(rows) + "\n", encoding=encoding)
        return file

    return write


def test_a_register_is_typed_by_the_schema(shop: params.Settings, keep: Callable[..., Path]) -> None:
    head = "ticket_id,customer_id,opened_at,is_escalated,ticket_kind"
    rows = "C1,0042,2017-11-20 10:30,yes,complaint", "C2,43,2017/11/21T09:00:30,,question"
    keep("tickets", head, *rows, encoding="utf-8-sig")
    found = registers.read(shop.model_copy(update={"privacy": params.Privacy(customer_ids="as_given")}), "tickets")
    expected = pd.DataFrame({
        "ticket_id": ["C1", "C2"],
        "customer_id": ["0042", "43"],
        "opened_at": pd.array(["2017-11-20 10:30:00", "2017-11-21 09:00:30"], dtype="datetime64[us]"),
        "first_reply_at": pd.array([None, None], dtype="datetime64[us]"),
        "analysed_at": pd.array([None, None], dtype="datetime64[us]"),
        "closed_at": pd.array([None, None], dtype="datetime64[us]"),
        "is_escalated": pd.array([True, None], dtype="boolean"),
        "ticket_kind": ["complaint", "question"],
        "text": ["", ""],
        "provenance": ["", ""],
    })  # fmt: skip
    pd.testing.assert_frame_equal(found, expected)


def test_numbers_and_dates(shop: params.Settings, keep: Callable[..., Path]) -> None:
    keep("pest", PEST, "P1,P,Levy,-1,4,2,0.5,3")
    found = registers.read(shop, "pest").iloc[0]
    assert (found.direction, found.impact, found.horizon_years) == (-1, 4, 0.5)
    assert registers.read(shop, "pest").dtypes[["impact", "horizon_years", "review_date"]].astype(str).tolist() == [
        "int64", "float64", "datetime64[us]"]  # fmt: skip


def test_no_file_is_an_empty_typed_table(shop: params.Settings, keep: Callable[..., Path]) -> None:
    keep("pest", PEST)
    for name, register in schema.REGISTERS.items():
        found = registers.read(shop, name)
        assert (len(found), list(found.columns)) == (0, list(register.columns))
    assert registers.read(shop, "surveys").dtypes[["csat", "nps"]].astype(str).tolist() == ["int64", "Int64"]
    assert registers.check(shop) == []


def test_customers_are_called_as_in_the_results(shop: params.Settings, keep: Callable[..., Path]) -> None:
    keep("surveys", "survey_id,customer_id,survey_date,csat", "Q1,1001,2024-01-31,4")
    in_results = ibis.duckdb.connect().execute(privacy.customer_id(ibis.literal("1001"), shop))
    assert registers.read(shop, "surveys")["customer_id"].tolist() == [in_results]


def test_unknown_tier(shop: params.Settings, keep: Callable[..., Path]) -> None:
    head = "strategy_id,tier,strategy,measures,department,owner,start_date,end_date"
    row = "ST{},{},Keep,Call,CRM team,M. Chen,2018-01-02,2018-03-31"
    keep(
        "strategies", head, row.format(1, "high"), row.format(2, "risk"), row.format(3, "hgih"), row.format(4, "高价值")
    )
    where, tiers = "data/shop/registers/strategies.csv", "high, potential, general, risk"
    assert registers.check(shop) == [
        f"{where} row 4: tier 'hgih' is none of {tiers}; did you mean 'high'?",
        f"{where} row 5: tier '高价值' is none of {tiers}; did you mean 'high'?",
    ]
    with pytest.raises(InputError, match="row 4: tier 'hgih'"):
        registers.read(shop, "strategies")


def test_each_entry_of_a_list_is_checked(shop: params.Settings, keep: Callable[..., Path]) -> None:
    keep("trend_adaptations", "adaptation_id,trigger,adaptation,tiers,owner,due_date,status",
         "A1,Rival opens,Match prices,high; lost,M. Chen,2018-02-28,open")  # fmt: skip
    assert registers.check(shop) == [
        "data/shop/registers/trend_adaptations.csv row 2: tiers 'lost' is none of high, potential, general, risk"
    ]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("T1,,Draw,,2018-01-02,2018-01-12,,0,,open", "owner is empty; fill it in"),
        ("T1,,Draw,M,02.01.2018,2018-01-12,,0,,open", "start_date '02.01.2018' is no date; write it as 2017-12-31"),
        ("T1,,Draw,M,2018-02-30,2018-01-12,,0,,open", "start_date '2018-02-30' is no date; write it as 2017-12-31"),
        (
            "T1,,Draw,M,2018-01-02,2018-01-12,,50,,open",
            "progress_share '50' is no share between 0 and 1; write 50 % as 0.5",
        ),
        (
            "T1,,Draw,M,2018-01-02,2018-01-12,,nan,,open",
            "progress_share 'nan' is no share between 0 and 1; write 50 % as 0.5",
        ),
        (
            "T1,,Draw,M,2018-01-02,2018-01-12,,0,T9,open",
            "depends_on 'T9' is not in tasks.csv; add it there or correct it",
        ),
        (
            "T1,,Draw,M,2018-01-02,2018-01-12,,0,,opne",
            "status 'opne' is none of open, done, partial; did you mean 'open'?",
        ),
        (
            "T1,,Draw,M,2018-01-02,2018-01-12,,1,,done",
            "done_date is empty though status is 'done'; write the day it was done",
        ),
    ],
)
def test_a_wrong_cell_is_one_sentence(
    shop: params.Settings, keep: Callable[..., Path], row: str, sentence: str
) -> None:
    keep("tasks", TASKS, row.replace("T1,,", "T1,ST1,"))
    strategies = "strategy_id,tier,strategy,measures,department,owner,start_date,end_date"
    registers.file(shop, "strategies").write_text(f"{strategies}\nST1,high,Keep,Call,CRM,M,2018-01-02,2018-03-31\n")
    assert registers.check(shop) == [f"data/shop/registers/tasks.csv row 2: {sentence}"]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("P1,P,Levy,up,4,2,0.5,3", "direction 'up' is no whole number; write it as 3"),
        ("P1,P,Levy,1,4,2,\"1,5\",3", "horizon_years '1,5' is no number; write it plainly as 1234.5, and 5 % as 0.05"),
        ("P1,P,Levy,1,4,2,inf,3", "horizon_years 'inf' is no number; write it plainly as 1234.5, and 5 % as 0.05"),
        ("P1,X,Levy,1,4,2,1,3", "axis 'X' is none of P, E, S, T"),
    ],
)  # fmt: skip
def test_a_wrong_number_is_one_sentence(
    shop: params.Settings, keep: Callable[..., Path], row: str, sentence: str
) -> None:
    keep("pest", PEST, row)
    assert registers.check(shop) == [f"data/shop/registers/pest.csv row 2: {sentence}"]


def test_rows_are_counted_as_an_editor_counts_them(shop: params.Settings, keep: Callable[..., Path]) -> None:
    """A blank line and a cell of two lines come before the mistake: it starts on line 5."""
    keep("pest", PEST, "", 'P1,P,"Levy', 'on drinks",1,4,2,1,3', "P2,P,Wages,0.5,4,2,1,3", "P1,P,Again,1,4,2,1,3")
    assert registers.check(shop) == [
        "data/shop/registers/pest.csv row 5: direction '0.5' is no whole number; write it as 3",
        "data/shop/registers/pest.csv row 6: factor_id 'P1' is already in row 3; keep one row or give it another id",
    ]


def test_a_key_of_two_columns(shop: params.Settings, keep: Callable[..., Path]) -> None:
    keep(
        "adjustments",
        "adjusted_on,strategy_id,what,why,owner",
        "2017-11-13,S1,a,b,M",
        "2017-11-13,S2,a,b,M",
        "2017-11-13,S1,c,d,M",
    )
    assert registers.check(shop)[-1] == (
        "data/shop/registers/adjustments.csv row 4: adjusted_on '2017-11-13' with strategy_id 'S1' "
        "is already in row 2; keep one row or give it another id"
    )


def test_an_id_of_another_register_must_exist(shop: params.Settings, keep: Callable[..., Path]) -> None:
    keep("tows", "internal_id,external_id,fit,option", "S1,E1,2,Lead with fresh")
    registers.file(shop, "swot").write_text("factor_id,kind,factor,weight,rating\nS1,strength,Fresh,0.3,4\n")
    assert registers.check(shop) == [
        "data/shop/registers/tows.csv row 2: external_id 'E1' is not in pest.csv; add it there or correct it"
    ]


def test_columns_are_named(shop: params.Settings, keep: Callable[..., Path]) -> None:
    keep("pest", PEST.replace("impact", "imapct") + ",remark,axis", "P1,P,Levy,1,4,2,1,3,,")
    assert registers.check(shop) == [
        "data/shop/registers/pest.csv: column 'impact' is missing; add it to row 1 and fill it in each row",
        "data/shop/registers/pest.csv: unknown column 'imapct'; did you mean 'impact'?",
        "data/shop/registers/pest.csv: unknown column 'remark'; remove it, or see the columns with `crm new`",
        "data/shop/registers/pest.csv: column 'axis' appears twice in row 1; keep one",
    ]


def test_files_that_are_no_table(shop: params.Settings, keep: Callable[..., Path]) -> None:
    file = keep("swot", "factor_id;kind;factor")
    assert "not separated by commas" in registers.check(shop)[0]
    file.write_text("")
    assert registers.check(shop) == [
        "data/shop/registers/swot.csv is empty; its first row must be: " + ",".join(schema.REGISTERS["swot"].columns)
    ]
    file.write_text("factor_id,kind,factor,weight,rating\nS1,strength,Fresh, ripe,0.3,4\n")
    assert registers.check(shop)[0].startswith(
        "data/shop/registers/swot.csv row 2 has 6 cells and row 1 has 5; put text"
    )
    file.write_bytes("factor_id,kind,factor,weight,rating\nS1,strength,生鲜,0.3,4\n".encode("gb18030"))
    assert registers.check(shop) == [
        "data/shop/registers/swot.csv is not UTF-8; in the spreadsheet choose 'Save as: CSV UTF-8'"
    ]
    file.rename(file.with_name("swto.csv"))
    assert registers.check(shop) == ["data/shop/registers/swto.csv is no register; did you mean 'swot'?"]


def test_the_example_rows_are_right_and_refer_to_each_other(shop: params.Settings) -> None:
    assert registers.check(shop) == []
    for name, register in schema.REGISTERS.items():
        with registers.file(shop, name).open(encoding="utf-8-sig", newline="") as lines:
            header, example = csv.reader(lines)
        assert header == list(register.columns)
        assert dict(zip(header, example, strict=True))["provenance"] == "illustrative"
