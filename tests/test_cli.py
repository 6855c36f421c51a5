"""The `crm` command as people meet it: help, a new book, its check, exit codes, progress."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from pydantic import BaseModel

from crmlib import cli, params
from crmlib.io import new_book
from crmlib.verbs import bench

ORDERS = """order_id,customer_id,order_date,product_id,quantity,amount
o1,c1,2024-01-15,p1,1,12.50
o2,c2,2024-02-15,p1,2,25
o3,c1,2024-03-15,p2,1,-2.50
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder as the current one, its name with a space and a Chinese character."""
    folder = tmp_path / "客 project"
    (folder / "notebooks").mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def crm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "crmlib.cli", *arguments], capture_output=True, text=True, check=False)


def test_help_tells_a_newcomer_what_to_type() -> None:
    code = "import sys; from crmlib import cli\ntry: cli.main(['--help'])\nfinally: print(sorted(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert all(
        verb in shown for verb in ("crm run params/sample/2017Q4.yml", "crm new shop", "crm check", "exit codes")
    )
    heavy = ("pandas", "ibis", "papermill", "numpy", "pydantic", "nbformat", "duckdb")
    assert [name for name in heavy if f"'{name}'" in shown.splitlines()[-1]] == []


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["--version"])
    assert (left.value.code, capsys.readouterr().out) == (0, "crm 0.1.0\n")


def test_a_new_book_with_orders_passes_its_check(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["new", "shop", "--period", "2024Q1"]) == cli.DONE
    assert "4. crm check params/shop/2024Q1.yml" in capsys.readouterr().out
    (project / "data/shop/raw/orders.csv").write_text(ORDERS)
    assert cli.main(["check", "params/shop/2024Q1.yml"]) == cli.DONE
    assert capsys.readouterr().out.startswith(
        "ok: params/shop/2024Q1.yml\n  orders: 3 rows accepted (35.00 USD)\n  registers: none\n"
        "  with an example row, which counts for nothing until you replace it: market_facts, "
    )


def test_anchors_are_proposed_and_frozen_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["new", "shop", "--period", "2024Q1"])
    rows = [f"o{n},c{n % 20},2024-0{1 + n % 3}-{1 + n % 28:02d},p1,1,{10 + n}" for n in range(120)]
    (project / "data/shop/raw/orders.csv").write_text("\n".join([ORDERS.splitlines()[0], *rows]))
    capsys.readouterr()
    assert cli.main(["anchors", "params/shop/2024Q1.yml"]) == cli.DONE
    proposed = params.Anchors(**yaml.safe_load(capsys.readouterr().out))
    assert (proposed.version, proposed.kind) == ("shop-2024Q1", "frozen_quantile")
    assert cli.main(["anchors", "params/shop/2024Q1.yml", "--write"]) == cli.DONE
    file = project / "params/shop/2024Q1.yml"
    file.write_text("segment: {anchors: anchors-2024Q1.yml}\n")
    assert params.load(file).segment.anchors == proposed
    assert cli.main(["anchors", "params/shop/2024Q1.yml", "--write"]) == cli.WRONG_INPUT
    assert "anchors are frozen" in capsys.readouterr().err


def test_a_rule_that_nobody_can_reach_stops_check_and_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["new", "shop", "--period", "2024Q1"])
    (project / "data/shop/raw/orders.csv").write_text(ORDERS)
    tiers = [{"tier": "high", "at_least": [[10, 10, 10]]}, {"tier": "general", "at_least": [[40, 40, 40]]},
             {"tier": "risk", "at_least": [[0, 0, 0]]}]  # fmt: skip
    (project / "params/shop/2024Q1.yml").write_text(yaml.safe_dump({"segment": {"tiers": tiers}}))
    capsys.readouterr()
    for verb in ("check", "run"):
        assert cli.main([verb, "params/shop/2024Q1.yml"]) == cli.WRONG_INPUT
        assert "general" in capsys.readouterr().err


def test_a_check_lists_every_problem(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["new", "shop"])
    (project / "data/shop/registers/pest.csv").write_text("factor_id\nP1\n")
    (project / "data/shop/registers/swot.csv").write_text("")
    assert cli.main(["check", "params/shop/2024Q1.yml"]) == cli.WRONG_INPUT
    told = capsys.readouterr().err
    assert "pest.csv: column 'axis' is missing" in told
    assert "swot.csv is empty" in told
    assert "no file matches 'orders.csv' in data/shop/raw" in told
    assert re.search(r"^\d+ problems in params/shop/2024Q1.yml$", told.splitlines()[-1])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["new", "Shop"], "'Shop' cannot name a book; take small letters, digits, - and _, and begin with a letter"),
        (["new", "../shop"], "'../shop' cannot name a book"),
        (["new", "taken"], "data/taken exists already and is left as it is; take another name or remove it"),
        (["new", "shop", "--period", "2024-1"], "period '2024-1' is no quarter; write it as 2017Q4"),
        (["check", "params/shop/2024Q1.yml"], "params/shop/2024Q1.yml does not exist"),
        (["run", "params/shop/2024Q1.yml"], "params/shop/2024Q1.yml does not exist"),
    ],
)
def test_wrong_input(project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    (project / "data/taken").mkdir(parents=True)
    assert cli.main(arguments) == cli.WRONG_INPUT
    assert says in capsys.readouterr().err
    assert [p.name for p in project.iterdir()] == ["notebooks", "data"] or not (project / "params").exists()


def test_a_book_is_made_only_in_the_projects_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["new", "shop"]) == cli.WRONG_INPUT


def failing_book(project: Path) -> str:
    new_book.create(project, "shop", "2024Q1")
    (project / "data/shop/raw/orders.csv").write_text(ORDERS)
    v4 = nbformat.v4
    given = v4.new_code_cell('params_file = ""\nlang = ""\nout_dir = ""', id="a", metadata={"tags": ["parameters"]})
    cells = [given, v4.new_code_cell("1 / 0  # here", id="b")]
    nbformat.write(v4.new_notebook(cells=cells), project / "notebooks/10_collect.ipynb")
    return "params/shop/2024Q1.yml"


def test_a_failed_step_says_where_and_what_in_plain_lines(project: Path) -> None:
    found = crm("run", failing_book(project))
    assert (found.returncode, found.stdout) == (cli.FAILED, "10_collect started, 2 cells\n")
    assert found.stderr.splitlines() == [
        "10_collect stopped in cell 2: 1 / 0  # here",
        "ZeroDivisionError: division by zero",
        "what ran until then is in outputs/shop/2024Q1/notebooks/en/10_collect.failed.ipynb",
    ]
    assert (project / "outputs/shop/2024Q1/notebooks/en/10_collect.failed.ipynb").is_file()


def test_a_terminal_sees_one_line_per_notebook_rewritten_at_each_cell(project: Path) -> None:
    main, inner = pty.openpty()
    command = [sys.executable, "-m", "crmlib.cli", "run", failing_book(project), "--isolated"]
    ended = subprocess.run(command, stdout=inner, stderr=subprocess.DEVNULL, check=False)
    os.close(inner)
    shown = os.read(main, 10_000).decode()
    os.close(main)
    assert ended.returncode == cli.FAILED
    assert [re.sub(r" +[\d.]+ s", "", line) for line in shown.split("\r\x1b[K")[1:]][:3] == [
        "10_collect      cell 0/2", "10_collect      cell 1/2", "10_collect      cell 1/2"]  # fmt: skip


def test_bench_times_the_asked_ways_on_a_book_of_the_asked_size(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    assert cli.main(["bench", "--lines", "3000", "--turns", "2", "--ways", "scan", "--write", str(page)]) == cli.DONE
    told = page.read_text(encoding="utf-8")
    assert "## 3,000 lines, `memory_limit: 4GB`" in told
    assert "| bare scan of the four columns | 2 of 2 |" in told


def test_bench_says_where_it_is_when_it_is_not_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "_SCRIPT", tmp_path / "bench_scale.py")
    assert cli.main(["bench"]) == cli.WRONG_INPUT
    assert "run `make bench` in the source tree" in capsys.readouterr().err


def keys(model: type[BaseModel]) -> set[str]:
    """Every key that a settings file may have, at any depth."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        inner = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        found |= {name}.union(*(keys(kind) for kind in inner))
    return found


def test_the_settings_of_a_new_book_show_and_explain_every_key(project: Path) -> None:
    new_book.create(project, "shop", "2024Q1")
    text = (project / "params/shop/default.yml").read_text(encoding="utf-8")
    shown = set(re.findall(r"(?:^|[{,#-])\s*(\w+):(?=\s)", text, flags=re.MULTILINE))
    assert keys(params.Settings) - {"file"} - shown == set()


BLOCK = r"^(  orders:.*\n(?:    .*\n)*)"
OPTIONAL = re.compile(r"^( +)# (?=[ \w]+:)", flags=re.MULTILINE)


def test_the_optional_parts_of_a_new_books_settings_are_right(project: Path) -> None:
    new_book.create(project, "shop", "2024Q1")
    file = project / "params/shop/default.yml"
    plain = params.load(project / "params/shop/2024Q1.yml")
    before, orders, after = re.split(BLOCK, file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    file.write_text(before + orders + OPTIONAL.sub(r"\1", after), encoding="utf-8")
    full = params.load(project / "params/shop/2024Q1.yml")
    assert [name for name, source in full.sources if source is None] == []
    assert (full.segment.clusters.k, plain.segment.clusters.k) == (5, None)
    assert yaml.safe_load(params.dump(plain))["market"] == yaml.safe_load(params.dump(full))["market"]


def test_each_option_of_the_orders_source_is_right(project: Path) -> None:
    new_book.create(project, "shop", "2024Q1")
    file = project / "params/shop/default.yml"
    text = file.read_text(encoding="utf-8")
    orders = re.split(BLOCK, text, flags=re.MULTILINE)[1]
    options = re.findall(r"^    # [ \w]+:.*\n(?:    #   .*\n)*", orders, flags=re.MULTILINE)
    for option in options:
        shown = re.sub(r"^    # ", "    ", option, flags=re.MULTILINE)
        file.write_text(text.replace(option, shown), encoding="utf-8")
        source = params.load(project / "params/shop/2024Q1.yml").sources.orders
        assert set(yaml.safe_load(shown)) <= source.model_fields_set
    assert len(options) >= 12
