"""Every messy input of the corpus has the outcome that is written beside it; nothing crashes, nothing is lost."""

import html
import re
import zipfile
from pathlib import Path
from typing import Any

import books
import pandas as pd
import pytest
from bad_case import GOOD, HEADER, Case, row
from bad_files import FACT
from bad_inputs import CASES, PAGE, line, told
from bad_texts import HOSTILE
from bs4 import BeautifulSoup
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crmlib import cli, run, schema
from crmlib.errors import InputError
from crmlib.io import engine, registers, staging
from crmlib.params import Settings

MONEY = ["net_minor_accepted", "net_minor_quarantined", "net_minor_repeated"]


def staged(found: Settings) -> staging.Staged:
    return staging.stage(engine.connect(found), found)


def reconciles(result: staging.Staged) -> pd.DataFrame:
    """The intake of the orders, after checking that rows and money add up and are what the tables hold."""
    intake = result.intake[result.intake["source"] == "orders"]
    assert (intake["rows"] == intake["accepted"] + intake["quarantined"] + intake["repeated"]).all()
    assert (intake["net_minor_rows"] == intake[MONEY].sum(axis=1)).all()
    orders, aside = engine.frame(result.tables["orders"]), engine.frame(result.quarantine)
    assert (len(orders), len(aside)) == (intake["accepted"].sum(), intake["quarantined"].sum())
    assert orders["net_minor"].sum() == intake["net_minor_accepted"].sum()
    assert aside["net_minor"].sum() == intake["net_minor_quarantined"].sum()
    return intake


def test_the_corpus_is_as_large_as_promised() -> None:
    assert len({case.id for case in CASES}) == len(CASES) >= 200


@pytest.fixture(scope="module")
def documented() -> set[str]:
    return set(PAGE.read_text(encoding="utf-8").splitlines(keepends=True))


def told_well(result: staging.Staged, found: Settings) -> list[str]:
    """The sentences about what was set aside, each naming its file and row and saying what to do."""
    aside = engine.frame(result.quarantine.order_by("row"))
    said = [staging.sentence(one, found) for one in aside.itertuples()]
    for one, sentence in zip(aside.itertuples(), said, strict=True):
        assert sentence.startswith(f"{one.file} row {one.row}") and "; " in sentence and len(sentence) < 1000
    return said


def faults(result: staging.Staged) -> list[tuple[int, str, str]]:
    aside = engine.frame(result.quarantine.order_by("row"))
    return list(aside[["row", "field", "reason"]].itertuples(index=False, name=None))


def shown(orders: pd.DataFrame) -> pd.DataFrame:
    return orders.assign(order_date=orders["order_date"].dt.strftime("%Y-%m-%d"))


@pytest.mark.parametrize("case", [c for c in CASES if not c.refused and not c.cells], ids=lambda c: c.id)
def test_rows_are_accepted_or_set_aside_and_keep_their_meaning(
    case: Case, tmp_path: Path, documented: set[str]
) -> None:
    found = case.settings(tmp_path)
    assert registers.check(found) == []
    result = staged(found)
    intake = reconciles(result)
    assert faults(result) == list(case.aside)
    assert intake[["rows", "accepted", "repeated"]].sum().tolist() == [case.rows, case.accepted, case.repeated]
    said = told_well(result, found)
    if case.holds:
        orders = shown(engine.frame(result.tables["orders"]))
        ours = orders[~orders["order_id"].isin(["1", "2", "3"])]
        assert ours[list(case.holds)].to_dict("records") == [dict(case.holds)]
    assert line(case, said) in documented


@pytest.fixture(scope="module")
def cells(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[int, str], dict[int, tuple[int, str, str]], pd.DataFrame]:
    """All cases of one cell in one file, from row 5 on: sentences and faults by row, accepted rows by order id."""
    rows = [[str(n) if cell == "9" else cell for cell in case.cells] for n, case in enumerate(CELLS, 5)]
    found = books.load(tmp_path_factory.mktemp("cells"), HEADER + GOOD + "".join(map(row, rows)))
    result = staged(found)
    reconciles(result)
    wrong = faults(result)
    said = dict(zip([number for number, _field, _reason in wrong], told_well(result, found), strict=True))
    return (
        said,
        {fault[0]: fault for fault in wrong},
        shown(engine.frame(result.tables["orders"])).set_index("order_id"),
    )


CELLS = [case for case in CASES if case.cells]


@pytest.mark.parametrize(("number", "case"), list(enumerate(CELLS, 5)), ids=[case.id for case in CELLS])
def test_a_cell_is_accepted_or_sets_its_row_aside(number: int, case: Case, cells: Any, documented: set[str]) -> None:
    said, wrong, orders = cells
    if case.aside:
        assert wrong[number] == (number, *case.aside[0][1:])
    else:
        assert orders.loc[str(number), list(case.holds)].tolist() == list(case.holds.values())
    assert line(case, [said[number].replace(f"row {number}", "row 5")] if case.aside else []) in documented


@pytest.mark.parametrize("case", [c for c in CASES if c.refused], ids=lambda c: c.id)
def test_a_whole_source_is_refused_with_a_sentence(case: Case, tmp_path: Path, documented: set[str]) -> None:
    said = told(case, tmp_path)
    assert said and all("\n" not in sentence and 40 < len(sentence) < 1000 and "; " in sentence for sentence in said)
    every = " ".join(said)
    assert [part for part in case.refused if part not in every] == []
    assert [word for word in ("s3cretpw", "Traceback", "Exception", "Error:", str(tmp_path)) if word in every] == []
    assert line(case, said) in documented


def survives(root: Path, content: bytes) -> pd.DataFrame | None:
    """The intake of a file of any bytes, or None where it was refused with sentences."""
    found = books.load(root, content, quality={"max_quarantined_share": 1})
    try:
        return reconciles(staged(found))
    except InputError:
        return None


@given(st.binary(max_size=120) | st.text(alphabet='1aé王,;"\n\r\t\0 -', max_size=60).map(str.encode))
@settings(max_examples=6)
@example(b'order,customer,date,amount\n"')
@example(b"\xff\xfeo")
def test_no_soup_of_bytes_crashes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    survives(tmp_path_factory.mktemp("soup"), content)
    survives(tmp_path_factory.mktemp("soup"), HEADER.encode() + content)


VALID = (books.ORDERS + '4,"C, D",2023-12-01,"1,000.5"\n5,王伟,2023-12-02,-3\n').encode()
edits = st.tuples(
    st.sampled_from(["flip", "insert", "delete", "swap"]), st.integers(0, len(VALID) - 1), st.integers(0, 255)
)


def mutated(content: bytes, changes: list[tuple[str, int, int]]) -> bytes:
    data = bytearray(content)
    for how, at, byte in changes:
        here = at % max(len(data), 1)
        if how == "insert":
            data[here:here] = bytes([byte])
        elif how == "swap":
            data[here : here + 1] = data[byte % max(len(data), 1) :][:1]
        else:
            data[here : here + 1] = b"" if how == "delete" else bytes([data[here] ^ (byte or 1)])
    return bytes(data)


@given(st.lists(edits, min_size=1, max_size=4))
@settings(max_examples=25)
def test_a_damaged_file_loses_no_line(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, int, int]]
) -> None:
    """Where no quote and no odd line end is in play, each line that is not blank is one row."""
    content = mutated(VALID, changes)
    intake = survives(tmp_path_factory.mktemp("damaged"), content)
    lines = [line for line in content.split(b"\n") if line.strip(b"\0 \t\x0b\x0c")]
    if intake is not None and content.count(b'"') == VALID.count(b'"') and b"\r" not in content:
        assert intake["rows"].sum() == len(lines) - 1 or content[:2] in (b"\xff\xfe", b"\xfe\xff")


CHECKED = ["rows: a cell too many", "file: empty", "file: missing", "encoding: GB18030 declared as UTF-8",
           "Excel: not a workbook", "Parquet: cut at the end", "database: a password in the settings",
           "register: a grade that is none", "date: all in another format than declared"]  # fmt: skip


@pytest.mark.parametrize("case", [c for c in CASES if c.id in CHECKED], ids=lambda c: c.id)
def test_the_command_says_it_without_a_traceback(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        file = str(case.settings(tmp_path).file)
    except InputError:
        file = str(tmp_path / "params/tiny/2023Q4.yml")
    code = cli.main(["check", file])
    out, err = capsys.readouterr()
    assert code == (cli.WRONG_INPUT if case.refused else cli.DONE)
    assert "Traceback" not in out + err
    assert [part for part in case.refused if part not in err] == []


@pytest.fixture(scope="module")
def hostile(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a quarter in which every id, name, category, region and fact is hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "notebooks").symlink_to(root / "notebooks")
    words = list(HOSTILE.values())
    months = [f"2023-{month:02d}-{day:02d}" for month in range(1, 13) for day in (5, 20)]
    orders = [(f"{word}{day}", word, day, word, 5 + n) for n, word in enumerate(words) for day in months[n % 3 :: 2]]
    file = books.write(folder, None, **HOSTILE_BOOK)
    raw = folder / "data/tiny/raw"
    written = {"orders": (["order", "customer", "date", "product", "amount"], orders),
               "customers": (["id", *"abcdefg"], [(word,) * 8 for word in words]),
               "products": (["id", "category", "name"], [(word,) * 3 for word in words])}  # fmt: skip
    for name, (header, rows) in written.items():
        pd.DataFrame(rows, columns=header).to_csv(raw / f"{name}.csv", index=False)
    (folder / "data/tiny/registers").mkdir()
    facts = [
        dict(zip(FACT, schema.REGISTERS["market_facts"].example, strict=True))
        | {"fact_id": f"F{n}", "item": word, "item_zh": word, "figure": word, "source": word}
        for n, word in enumerate(words)
    ]
    pd.DataFrame(facts).to_csv(folder / "data/tiny/registers/market_facts.csv", index=False)
    return run.run(file, "en", out_dir=folder / "out").parent


HOSTILE_BOOK = {
    "privacy": {"customer_ids": "as_given", "names": "as_given"},
    "sources": {
        "orders": {"columns": {"product_id": "product"}},
        "customers": {"files": "customers.csv", "columns": {"customer_id": "id", "customer_name": "a", "customer_type": "b",
                      "size_band": "c", "region": "d", "main_need": "e", "contact_summary": "f", "note": "g"}},
        "products": {"files": "products.csv", "columns": {"product_id": "id", "category": "category", "product_name": "name"}},
    },
}  # fmt: skip


@pytest.mark.slow
def test_hostile_words_are_only_words_in_the_page(hostile: Path) -> None:
    page = BeautifulSoup((hostile / "report.en.html").read_text(encoding="utf-8"), "html.parser")
    tags = page.find_all(True)
    assert [tag for tag in tags if "alert(1)" in str(tag.attrs) and tag.name in ("script", "img", "a", "iframe")] == []
    assert [(tag.name, name) for tag in tags for name in tag.attrs if name.startswith("on")] == []
    led = {a["href"] for a in page.find_all("a", href=True) if not a["href"].startswith(("#", "https://", "http://"))}
    assert led == {"../index.en.html", "deliverables.en.xlsx"}
    assert HOSTILE["a template"] in page.get_text() and HOSTILE["a script"] in page.get_text()


@pytest.mark.slow
def test_hostile_words_are_only_words_in_the_workbook(hostile: Path) -> None:
    """Text that looks like a formula is a text cell with the quote prefix: it stays text when the cell is edited."""
    with zipfile.ZipFile(hostile / "deliverables.en.xlsx") as book:
        parts = {name: book.read(name).decode("utf-8") for name in book.namelist() if name.endswith((".xml", ".rels"))}
    every = "".join(part for name, part in parts.items() if name.startswith("xl/worksheets/"))
    assert not any(word in formula for formula in re.findall(r"<f>(.*?)</f>", every) for word in ("evil", "cmd", "1+1"))
    assert not any("evil.example" in part for name, part in parts.items() if name.endswith(".rels"))
    styles = re.findall(r"<xf [^>]*>", parts["xl/styles.xml"].split("<cellXfs")[1])
    cells = re.findall(r'<c r="\w+" s="(\d+)" t="inlineStr"><is><t[^>]*>(.*?)</t>', every, re.DOTALL)
    risky = {html.unescape(text): styles[int(style)] for style, text in cells if text.startswith(("=", "+", "-", "@"))}
    assert {HOSTILE["a formula"], HOSTILE["a command"], HOSTILE["a minus"]} < set(risky)
    assert [text for text, style in risky.items() if 'quotePrefix="1"' not in style] == []


@pytest.mark.slow
def test_hostile_words_name_no_files(hostile: Path) -> None:
    files = [file.relative_to(hostile).as_posix() for file in hostile.rglob("*")]
    assert [name for name in files if not re.fullmatch(r"[\w./-]+", name) or ".." in name] == []
    assert sorted(p.name for p in hostile.parent.iterdir()) == ["2023Q4", "index.en.html"]
