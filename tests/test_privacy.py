"""What may leave the door: pseudonyms, masks, and a scan of every byte that a run writes."""

import html
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import books
import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import params, run, schema
from crmlib.collect import inventory, matching, scrub
from crmlib.io import privacy, registers, staging
from crmlib.io.engine import connect, frame

PEOPLE = [
    ("KD770010", "Quarkwright Zebulon", "Zebulon Quarkwright", "13812345671", "zeb@quarkwright.example", "Elmgrove 17b, Mudford", "DE998877661"),
    ("KD770011", "堃鑫麒麟贸易有限公司", "欧阳麒麟", "13912345672", "ouyang@kunxin.example", "麒麟巷18号", "91310000MA1FL9999X"),
    ("KD770012", "Ferrowitz & Sons", "Oda Ferrowitz", "+49 171 2345673", "oda@ferrowitz.example", "Kupfergasse 19", "DE998877662"),
]  # fmt: skip
PLANTED = sorted(
    {value for person in PEOPLE for value in person} | {"Slipwell Aurelius", "Vera Brokenline", "13700009999"}
)


def shown(text: str | None, field: str, settings: params.Settings) -> str | None:
    masked = privacy.masked(field, ibis.memtable(pa.table({"v": pa.array([text], pa.string())})).v, settings)
    return masked.to_pyarrow().to_pylist()[0]


@pytest.mark.parametrize(
    ("field", "text", "masked"),
    [
        ("customer_name", "Zebulon Quarkwright", "Z***"),
        ("contact_name", " 欧阳麒麟 ", "欧***"),
        ("contact_name", "李", "***"),
        ("contact_phone", "+49 171 2345673", "***73"),
        ("contact_phone", "110", "***"),
        ("contact_mail", "oda@ferrowitz.co.uk", "o***@***.uk"),
        ("contact_mail", "ask Oda", "***"),
        ("address", "Kupfergasse 19", "***"),
        ("tax_id", "DE998877662", "***62"),
        ("tax_id", "12-34", "***"),
        ("region", "North", "North"),
        ("contact_mail", None, None),
    ],
)
def test_masks_by_kind(shop: params.Settings, field: str, text: str | None, masked: str | None) -> None:
    assert shown(text, field, shop) == masked
    as_given = shop.model_copy(update={"privacy": params.Privacy(names="as_given")})
    assert shown(text, field, as_given) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("31/02/2017", "31/02/2017"),
        ("2017年13月1日", "2017年13月1日"),
        ("31 Feb 2017 25:00", "31 Feb 2017 25:00"),
        ("2020-01-05 07:08:22 UTC", "2020-01-05 07:08:22 UTC"),
        ("4:05 PM", "4:05 PM"),
        ("August 12, 1999", "August 12, 1999"),
        ("August Mayer", "xxxxxx xxxxx"),
        ("5 Marta", "5 xxxxx"),
        ("12 0171 5550100200 UTC", "12 0171 *** UTC"),
        ("1.234,5 EUR", "1.234,5 xxx"),
        ("Slipwell Aurelius", "xxxxxxxx xxxxxxxx"),
        ("欧阳麒麟", "xxxx"),
        ("13700009999", "***"),
        ("+49 171 2345673", "***"),
    ],
)
def test_a_cell_that_cannot_be_read_keeps_its_shape_only(shop: params.Settings, text: str, left: str) -> None:
    assert privacy.cell(ibis.literal(text), shop).to_pyarrow().as_py() == left
    assert privacy.line(ibis.literal(text), shop).to_pyarrow().as_py() == f"*** ({len(text)})"


@settings(max_examples=5)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12), min_size=1))
def test_the_engine_and_python_give_the_same_pseudonym(customers: list[str]) -> None:
    table = ibis.memtable(pa.table({"v": pa.array(customers, pa.string())}))
    made = privacy.customer_id(table.v, _shop_with_key()).to_pyarrow().to_pylist()
    assert [len(name) for name in made] == [16] * len(customers)
    assert [privacy.pseudonym(c, KEY) for c in customers if c] == [m for c, m in zip(customers, made, strict=True) if c]
    assert [privacy.pseudonym(name, KEY) for name in made] == made  # registers may name a customer either way


KEY = "a key of at least sixteen characters"


def _shop_with_key() -> params.Settings:
    """Settings whose key comes from the environment that `_key` sets."""
    return params.Settings.model_construct(
        file=Path("a/params/shop/2024Q1.yml").absolute(), privacy=params.Privacy(key_variable="CRM_TEST_KEY")
    )


@pytest.fixture(autouse=True, scope="module")
def _key() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRM_TEST_KEY", KEY)
        yield


def test_the_access_list_names_every_table_that_speaks_of_persons(root: Path) -> None:
    """Tables with pseudonyms, masked identifiers or free text, as `docs/privacy.md` lists them."""
    lines = (root / "docs/privacy.md").read_text(encoding="utf-8").splitlines()
    listed = [line for line in lines if line.startswith("| `")]
    kinds = (
        ("customer_id", "other_id"),
        (*privacy.IDENTIFIERS, "other_name"),
        ("text", "comment", "quote", "value", "main_need", "contact_summary", "note"),
    )
    expected = []
    for name, entry in sorted(schema.TABLES.items()):
        held = [", ".join(c for c in entry.columns if c in kind) for kind in kinds]
        row = [f"`{name}`", *held, "yes" if entry.deliverable else ""]
        if any(held):
            expected.append(f"| {' | '.join(cell or '–' for cell in row)} |")
    assert listed == expected


# everything that a run writes


@pytest.fixture
def planted(shop: params.Settings, root: Path) -> params.Settings:
    """A book whose every door has something to hide: customers, orders, bad rows, registers, free texts."""
    project, raw = shop.file.parents[2], shop.data_dir / "raw"
    shutil.copytree(root / "notebooks", project / "notebooks", dirs_exist_ok=True)
    head = "id,name,contact,phone,mail,address,tax,checked,summary\n"
    rows = [
        f'{i},{n},{c},{p},{m},"{a}",{t},2024-01-15,"Call {c} on {p} or write to {m}"' for i, n, c, p, m, a, t in PEOPLE
    ]
    (raw / "customers.csv").write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    orders = [f"{n},{PEOPLE[n % 3][0]},2024-0{1 + n % 3}-{10 + n % 15},{10 + n}.50,p1,1" for n in range(60)]
    orders += [
        "901,KD770010,Slipwell Aurelius,5.00,p1,1",
        "902,KD770011,2024-02-03,13700009999x,p1,1",
        "903,KD770012,2024-02-30,7.00,p1,1",
        ",KD770010,2024-02-03,7.00,p1,1",
        "905,KD770010,Vera Brokenline,2024-02-03,one,cell,too,many,p1,1",
    ]
    (raw / "orders.csv").write_text(
        "order_no,customer_no,day,amount,product,pieces\n" + "\n".join(orders) + "\n", encoding="utf-8"
    )
    for old in (shop.data_dir / "registers").glob("*.csv"):
        old.unlink()
    surveys = "survey_id,customer_id,survey_date,csat,nps,comment\n"
    said = [f'Q{n},{p[0]},2024-02-1{n},4,9,"Mail {p[4]}, phone {p[3]}"' for n, p in enumerate(PEOPLE)]
    registers.file(shop, "surveys").write_text(surveys + "\n".join(said) + "\n", encoding="utf-8")
    tickets = "ticket_id,customer_id,opened_at,ticket_kind,text\n"
    texts = [
        f'T{n},{p[0]},2024-02-1{n} 10:00,complaint,"Customer {p[0]} asks: ring {p[3]}"' for n, p in enumerate(PEOPLE)
    ]
    registers.file(shop, "tickets").write_text(tickets + "\n".join(texts) + "\n", encoding="utf-8")
    matches = (
        "customer_id,same_as,decision,decided_by,decided_on,note\nKD770010,KD770012,different,M. Chen,2024-02-01,\n"
    )
    registers.file(shop, "customer_matches").write_text(matches, encoding="utf-8")
    known = {"customer_id": "id", "customer_name": "name", "contact_name": "contact", "contact_phone": "phone",
             "contact_mail": "mail", "address": "address", "tax_id": "tax", "contact_verified_date": "checked",
             "contact_summary": "summary"}  # fmt: skip
    asked = {
        "order_id": "order_no",
        "customer_id": "customer_no",
        "order_date": "day",
        "net_amount": "amount",
        "product_id": "product",
        "quantity": "pieces",
    }
    changes = {
        "sources": {"orders": {"files": "orders.csv", "columns": asked}, "customers": {"files": "customers.csv", "columns": known}},
        "quality": {"max_quarantined_share": 0.5},
    }  # fmt: skip
    shop.file.write_text(yaml.safe_dump(changes, allow_unicode=True), encoding="utf-8")
    return params.load(shop.file)


def leaks(text: str) -> list[str]:
    """The planted identifiers that a text holds."""
    return [value for value in PLANTED if value in text]


def pieces(name: str, content: bytes) -> Iterator[tuple[str, str]]:
    """What a reader of the file could read: cells, parts of a workbook, texts with their escapes undone."""
    if name.endswith(".parquet"):
        table = pq.read_table(io.BytesIO(content))
        yield from (
            (f"{name}:{c}", json.dumps(table[c].to_pylist(), ensure_ascii=False, default=str))
            for c in table.column_names
        )
        yield name, str(table.schema.metadata)
        return
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            for part in packed.namelist():
                yield from pieces(f"{name}!{part}", packed.read(part))
        return
    text = content.decode("utf-8", "replace")
    yield name, html.unescape(text)
    if name.endswith((".json", ".ipynb")):
        yield name, json.dumps(json.loads(text), ensure_ascii=False)


def found_in(folder: Path) -> dict[str, list[str]]:
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    parts = [part for file in files for part in pieces(file.relative_to(folder).as_posix(), file.read_bytes())]
    return {name: found for name, text in parts if (found := leaks(text))}


def test_the_scan_finds_what_it_looks_for(tmp_path: Path) -> None:
    """In every kind of file that a run writes."""
    name = PEOPLE[1][2]
    pq.write_table(pa.table({"a": [name]}), tmp_path / "t.parquet")
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": [name]}))
    (tmp_path / "p.html").write_text("".join(f"&#{ord(sign)};" for sign in name))
    with zipfile.ZipFile(tmp_path / "d.xlsx", "w") as packed:
        packed.writestr("xl/sharedStrings.xml", f"<si>{name}</si>")
    assert sorted(found_in(tmp_path)) == ["d.xlsx!xl/sharedStrings.xml", "n.ipynb", "p.html", "t.parquet:a"]


def test_what_is_handed_on_holds_no_identifier(planted: params.Settings) -> None:
    """But for `contacts`, which is for matching and never stored. Free texts are cleared with the customer file."""
    staged = staging.stage(connect(planted), planted)
    file = inventory.customers(staged.tables["customers"], staged.tables["orders"], staged.contacts)
    tables = staged.tables | {"quarantine": staged.quarantine, "customers": file}
    held = {name: leaks(frame(table).to_csv()) for name, table in tables.items()}
    assert {name: found for name, found in held.items() if found} == {}
    summary = frame(file.filter(file.contact_phone == "***71"))["contact_summary"].iloc[0]
    assert summary == "Call *** on *** or write to ***"
    assert len(frame(staged.quarantine)) == 5
    assert staged.contacts is not None and leaks(frame(staged.contacts).to_csv())


def test_ids_that_differ_only_in_case_and_outer_signs_are_known_behind_their_pseudonyms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """'D1 ' is trimmed when it is read, so it is D1 in both files; the one who is d1 is somebody else until people say."""
    monkeypatch.setenv("CRM_PSEUDONYM_KEY", KEY)
    columns = {"customer_id": "id", "customer_name": "name"}
    book = books.load(tmp_path, privacy={"customer_ids": "pseudonym"},
                      sources={"customers": {"files": "people.csv", "columns": columns}})  # fmt: skip
    (book.data_dir / "raw" / "people.csv").write_text("id,name\nD1,Ann\nd1,Ann\nA,Bo\n(D1),Cy\nÉ2,Di\né2 ,Di\n")
    staged = staging.stage(connect(book), book)
    assert staged.tables["customers"].columns == ("customer_id", "customer_name")
    known = frame(matching.normalised(staged.contacts))
    groups = known.dropna(subset="id").groupby("id")["customer_id"].agg(set)
    made = [{privacy.pseudonym(c, KEY) for c in ids} for ids in (("D1", "d1", "(D1)"), ("É2", "é2"))]
    assert sorted(groups.map(sorted)) == sorted(map(sorted, made))


def test_registers_name_nobody_in_their_texts(planted: params.Settings) -> None:
    """Ids become pseudonyms; the step that shows a text takes out phone numbers and mail addresses."""
    for name, column in (("surveys", "comment"), ("tickets", "text")):
        read = registers.read(planted, name)
        assert leaks(read.assign(**{column: scrub.texts(read[column])}).to_csv()) == []


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_nothing_that_a_run_writes_holds_an_identifier(planted: params.Settings, tmp_path: Path, lang: str) -> None:
    out = tmp_path / "out"
    run.run(planted.file, lang, out_dir=out)
    assert {file.suffix for file in out.rglob("*.*")} >= {
        ".parquet",
        ".html",
        ".xlsx",
        ".ipynb",
        ".svg",
        ".json",
        ".yml",
    }
    assert found_in(out) == {}
