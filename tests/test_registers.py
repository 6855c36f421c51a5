"""Registers: typed when right, one sentence per mistake when not."""

import csv
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import ibis
import pandas as pd
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import params, schema
from crmlib.errors import InputError
from crmlib.io import privacy, register_files, register_matches, registers

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
        "channel": ["", ""],
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
        "data/shop/registers/trend_adaptations.csv row 2: tiers 'lost' is none of high, potential, general, risk; "
        "write one of them"
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
        ("P1,X,Levy,1,4,2,1,3", "axis 'X' is none of P, E, S, T; write one of them"),
        ("P1,P,Levy,2,4,2,1,3", "direction '2' is outside -1 to 1; correct it"),
        ("P1,P,Levy,1,6,2,1,3", "impact '6' is outside 1 to 5; correct it"),
        ("P1,P,Levy,1,4,0,1,3", "likelihood '0' is outside 1 to 5; correct it"),
        ("P1,P,Le\x00vy,1,4,2,1,3", "factor holds the control character U+0000; remove it"),
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


def test_an_example_row_counts_for_nothing_until_somebody_writes_it(shop: params.Settings) -> None:
    """Nobody has said that M. Chen keeps a customer: neither as a row, nor as a tier that the book may not have."""
    assert registers.untouched(shop) == list(schema.REGISTERS)
    assert all(registers.read(shop, name).empty for name in schema.REGISTERS)
    file = registers.file(shop, "strategies")
    file.write_text(file.read_text(encoding="utf-8-sig").replace(",high,", ",best,"), encoding="utf-8")
    assert registers.check(shop)[0].startswith("data/shop/registers/strategies.csv row 2: tier 'best' is none of high")
    file.write_text(file.read_text().replace(",best,", ",high,").replace("M. Chen", "A. Roe"), encoding="utf-8")
    assert registers.check(shop) == []
    assert registers.read(shop, "strategies")["owner"].tolist() == ["A. Roe"]
    assert "strategies" not in registers.untouched(shop)
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], lines[1].replace("A. Roe", "M. Chen"), lines[1].replace("ST1", "ST2")]))
    assert registers.read(shop, "strategies")["strategy_id"].tolist() == ["ST2"]
    assert "strategies" not in registers.untouched(shop)
    file.write_text(lines[0] + "\n")
    assert (registers.check(shop), "strategies" in registers.untouched(shop)) == ([], False)


def test_no_row_of_the_sample_is_an_example_row() -> None:
    sample = params.load(max((Path(__file__).parents[1] / "params/sample").glob("????Q?.yml")))
    for name in schema.REGISTERS:
        lines, _problems = register_files.lines(sample, name)
        assert len(registers.read(sample, name)) == max(len(lines) - 1, 0), name


def test_what_refers_to_an_example_row_is_no_error(shop: params.Settings) -> None:
    registers.file(shop, "tasks").write_text(f"{TASKS}\nT9,ST1,Call,A. Roe,2024-01-02,2024-02-02,,0,,open\n")
    assert registers.check(shop) == []


SURVEYS = "survey_id,customer_id,survey_date,csat,nps"


def test_marks_have_ranges_and_links_are_addresses(shop: params.Settings, keep: Callable[..., Path]) -> None:
    keep("surveys", SURVEYS, "Q1,1,2024-01-05,5,10", "Q2,1,2024-01-05,0,", "Q3,1,2024-01-05,1,11")
    where = "data/shop/registers"
    assert registers.check(shop) == [
        f"{where}/surveys.csv row 3: csat '0' is outside 1 to 5; correct it",
        f"{where}/surveys.csv row 4: nps '11' is outside 0 to 10; correct it",
    ]
    head = "fact_id,kind,item,source,source_date,grade,relevance,link"
    keep("market_facts", head, "F1,macro,Prices,office,2024-01-05,A,6,javascript:alert(1)")
    assert registers.check(shop) == [
        f"{where}/market_facts.csv row 2: relevance '6' is outside 1 to 5; correct it",
        f"{where}/market_facts.csv row 2: link 'javascript:alert(1)' is no web address; "
        "write it with https://, or leave it empty",
    ]


def test_a_formula_in_a_register_is_text(shop: params.Settings, keep: Callable[..., Path]) -> None:
    keep("pest", PEST, 'P1,P,"=HYPERLINK(""http://evil.example"",""x"")",-1,4,2,1,3')
    assert registers.read(shop, "pest")["factor"].tolist() == ['=HYPERLINK("http://evil.example","x")']


# one workbook instead of CSV files


@pytest.fixture
def workbook(shop: params.Settings) -> Callable[..., Path]:
    """Replace all registers by sheets of one workbook."""

    def write(**sheets: list[list[object]]) -> Path:
        folder = registers.file(shop, "pest").parent
        for old in folder.glob("*"):
            old.unlink()
        with xlsxwriter.Workbook(folder / "registers.xlsx", {"strings_to_formulas": False}) as book:
            day, time = (book.add_format({"num_format": f}) for f in ("yyyy-mm-dd", "yyyy-mm-dd hh:mm"))
            for name, rows in sheets.items():
                page = book.add_worksheet(name)
                for n, row in enumerate(rows):
                    for m, value in enumerate(row):
                        midnight = isinstance(value, datetime) and value.hour == 0
                        page.write(n, m, value, *([day if midnight else time] if isinstance(value, datetime) else []))
        return folder / "registers.xlsx"

    return write


def test_a_sheet_reads_like_a_file(shop: params.Settings, workbook: Callable[..., Path]) -> None:
    """Numbers, dates, times and answers as Excel stores them; blank rows and columns at the edge do no harm."""
    workbook(
        pest=[PEST.split(","), [], ["P1", "P", "=1+1", -1.0, 4, 2, 0.5, 3, "", ""]],
        tickets=[
            ["ticket_id", "customer_id", "opened_at", "is_escalated", "ticket_kind"],
            ["C1", 1001, datetime(2024, 1, 5, 10, 30), True, "complaint"],  # noqa: DTZ001
        ],
        surveys=[SURVEYS.split(","), ["Q1", "1001", datetime(2024, 1, 5), 5, ""]],  # noqa: DTZ001
    )
    given = shop.model_copy(update={"privacy": params.Privacy(customer_ids="as_given")})
    assert registers.check(given) == []
    pest, ticket = registers.read(given, "pest").iloc[0], registers.read(given, "tickets").iloc[0]
    assert (pest.factor, pest.direction, pest.horizon_years) == ("=1+1", -1, 0.5)
    assert (ticket.customer_id, ticket.is_escalated) == ("1001", True)
    assert ticket.opened_at == pd.Timestamp("2024-01-05 10:30")
    assert registers.read(given, "surveys").iloc[0].survey_date == pd.Timestamp("2024-01-05")


def test_mistakes_in_a_workbook_name_sheet_and_row(shop: params.Settings, workbook: Callable[..., Path]) -> None:
    file = workbook(pest=[PEST.split(","), [], ["P1", "P", "Levy", -1, 9, 2, 1, 3]], pset=[["x"]], Sheet1=[])
    where = "data/shop/registers/registers.xlsx"
    assert registers.check(shop) == [
        f"{where} sheet 'pset' is no register; did you mean 'pest'?",
        f"{where} sheet 'pest' row 3: impact '9' is outside 1 to 5; correct it",
    ]
    registers.file(shop, "pest").write_text(PEST + "\n")
    assert registers.check(shop)[1:] == [
        "data/shop/registers/pest.csv and sheet 'pest' of registers.xlsx hold the same register; keep one of them"
    ]
    file.write_bytes(b"no workbook")
    assert registers.check(shop) == [f"{where} is no readable Excel workbook; save it as .xlsx without a password"]
    with pytest.raises(InputError, match="no readable Excel workbook"):
        registers.read(shop, "swot")


# customers that are one

MATCHES = "customer_id,same_as,decision,decided_by,decided_on"
DAY = "M. Chen,2024-01-10"


def test_confirmed_matches_lead_to_the_customer_to_keep(shop: params.Settings, keep: Callable[..., Path]) -> None:
    """1 is 2, 2 is 3; the pseudonym that a table shows names 4 as well as the id itself does."""
    secret = privacy.key(shop)
    one, two, three, four, five = (privacy.pseudonym(customer, secret) for customer in "12345")
    keep(
        "customer_matches",
        MATCHES,
        f"1,2,same,{DAY}",
        f"2,3,same,{DAY}",
        f"{four},3,same,{DAY}",
        f"5,3,different,{DAY}",
    )
    assert registers.check(shop) == []
    assert registers.merged(shop) == {one: three, two: three, four: three}
    surveys = registers.file(shop, "surveys")
    surveys.write_text(f"{SURVEYS}\nQ1,1,2024-01-05,5,\nQ2,{four},2024-01-05,4,\nQ3,5,2024-01-05,4,\n")
    assert registers.read(shop, "surveys")["customer_id"].tolist() == [three, three, five]
    as_given = shop.model_copy(update={"privacy": params.Privacy(customer_ids="as_given")})
    assert registers.merged(as_given)["1"] == "3"


@pytest.mark.parametrize(
    ("rows", "sentences"),
    [
        (["1,1,same"], ["row 2: customer_id and same_as name the same customer; name the other one"]),
        (
            ["1,2,same", "2,3,same", "3,1,same"],
            ["row 4: rows 2, 3, 4 lead in a circle; decide which of these customers to keep"],
        ),
        (
            ["1,2,same", "1,3,same"],
            ["row 3: customer_id is the same as another customer in row 2 already; "
             "write that those two are the same instead"],
        ),
        (
            ["1,3,same", "2,3,same", "2,1,different"],
            ["row 4: the customers are decided to be different, but row 2, 3 makes them the same; correct one"],
        ),
    ],
)  # fmt: skip
def test_matches_that_contradict_each_other_are_refused(
    shop: params.Settings, keep: Callable[..., Path], rows: list[str], sentences: list[str]
) -> None:
    keep("customer_matches", MATCHES, *[f"{row},{DAY}" for row in rows])
    where = "data/shop/registers/customer_matches.csv"
    assert registers.check(shop) == [f"{where} {sentence}" for sentence in sentences]
    with pytest.raises(InputError):
        registers.merged(shop)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=8))
def test_merged_customers_end_at_one_that_is_kept(pairs: list[tuple[int, int]]) -> None:
    """Whatever people write: either it is refused, or nobody is merged into a customer who is merged himself."""
    matches = [register_matches.Match(n, str(a), str(b), True) for n, (a, b) in enumerate(pairs, 2)]
    if list(register_matches.problems(matches)):
        return
    merged = register_matches.resolve(matches)
    assert merged.keys().isdisjoint(merged.values())
    assert merged.keys() == {str(a) for a, _b in pairs}
