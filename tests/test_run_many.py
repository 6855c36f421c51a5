"""Many files in one command, and one file twice: what becomes of each, and what is left alone."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from crmlib import cli
from crmlib.io import new_book
from crmlib.verbs import run_many

HEADER = "order_id,customer_id,order_date,product_id,quantity,amount"
BOOK = "from crmlib import params\nfrom crmlib.io import engine, store\nsettings = params.load(params_file)\nresults = store.open_store(settings, out_dir, engine.connect(settings))"


def write(folder: Path, name: str, *codes: str) -> None:
    v4 = nbformat.v4
    given = v4.new_code_cell('params_file = ""\nlang = ""\nout_dir = ""', id="a", metadata={"tags": ["parameters"]})
    cells = [given, *[v4.new_code_cell(code, id=f"c{i}") for i, code in enumerate(codes)]]
    nbformat.write(v4.new_notebook(cells=cells), folder / f"notebooks/{name}.ipynb")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three books in the current folder: `bad` stops in its notebook, `empty` has no orders, `good` runs."""
    folder = tmp_path / "客 project"
    (folder / "notebooks").mkdir(parents=True)
    for book in ("bad", "empty", "good"):
        new_book.create(folder, book, "2024Q1")
        if book != "empty":
            days = [f"o{m},c1,2024-0{m}-15,p1,1,12.50" for m in (1, 2, 3, 4, 5, 6)]
            (folder / f"data/{book}/raw/orders.csv").write_text("\n".join([HEADER, *days]) + "\n")
    write(folder, "10_collect", BOOK, "fine = {'good': 1}[settings.book_id]",
          "results.write('made.txt', str(settings.period))")  # fmt: skip
    monkeypatch.chdir(folder)
    return folder


def crm(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "crmlib.cli", *arguments], capture_output=True, text=True, check=False)


def is_gone(pid: int, seconds: float = 15) -> bool:
    for _ in range(int(seconds * 20)):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_one_that_fails_stops_no_other_and_a_table_says_what_became_of_each(project: Path) -> None:
    files = [f"params/{book}/2024Q1.yml" for book in ("bad", "empty", "good")]
    found = crm("run", *files, "--jobs", "2", "--out", "out 客", "--lang", "both")
    assert found.returncode == cli.FAILED
    lines = found.stdout.splitlines()
    assert "bad 2024Q1: 10_collect started, 4 cells" in lines
    at = next(i for i, line in enumerate(lines) if line.startswith("file "))
    told = [re.split(r"  +", line, maxsplit=3) for line in lines[at : at + 4]]
    assert [row[:2] for row in told] == [["file", "state"], [files[0], "failed"], [files[1], "wrong input"],
                                         [files[2], "done"]]  # fmt: skip
    assert told[1][3] == "10_collect stopped in cell 3: fine = {'good': 1}[settings.book_id]; KeyError: 'bad'"
    assert "no file matches 'orders.csv' in data/empty/raw" in told[2][3]
    assert told[3][3] == "out 客/good/2024Q1/report.en.html"
    assert re.fullmatch(r"1 of 3 ran well, \d+ s", lines[-1])
    there = {file.parent.name for file in (project / "out 客/good/2024Q1").rglob("10_collect.ipynb")}
    assert there == {"en", "zh"}


def test_quarters_of_a_book_go_in_their_order_each_once() -> None:
    files = ["params/b/2024Q2.yml", "params/a/2024Q1.yml", "params/b/2024Q1.yml", "params/b/2024Q2.yml"]
    assert run_many.by_book(files) == [["params/b/2024Q1.yml", "params/b/2024Q2.yml"], ["params/a/2024Q1.yml"]]
    assert run_many.by_book(["p/a/1.yml", "p/b/../a/1.yml"]) == [["p/a/1.yml"]]


def test_the_table_is_in_columns() -> None:
    lines = run_many.table([run_many.Outcome("a.yml", 0, "done", 1.25, "r.html"),
                            run_many.Outcome("longer.yml", 2, "wrong input", 100.0, "empty")])  # fmt: skip
    assert lines == ["file        state        seconds  report, or what went wrong",
                     "a.yml       done             1.2  r.html",
                     "longer.yml  wrong input    100.0  empty"]  # fmt: skip


def test_a_second_run_touches_nothing_unless_it_is_forced(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, results = "params/good/2024Q1.yml", project / "outputs/good/2024Q1"
    assert cli.main(["run", file]) == cli.DONE
    before = {f: (f.stat().st_mtime_ns, f.stat().st_ino) for f in sorted(results.parent.rglob("*"))}
    capsys.readouterr()
    assert cli.main(["run", file]) == cli.DONE
    assert re.fullmatch(
        r"nothing changed since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC; use --force to run it again\n"
        r"report: outputs/good/2024Q1/report\.en\.html\n",
        capsys.readouterr().out,
    )
    assert {f: (f.stat().st_mtime_ns, f.stat().st_ino) for f in sorted(results.parent.rglob("*"))} == before
    many = crm("run", file, "params/good/2024Q1.yml", "params/bad/../good/2024Q1.yml")
    assert many.stdout.splitlines()[-2].split()[1] == "unchanged"
    content = {f: f.read_bytes() for f in before if f.is_file() and f.name != "manifest.json"}
    assert cli.main(["run", file, "--force"]) == cli.DONE
    assert "10_collect done" in capsys.readouterr().out
    assert {f: f.read_bytes() for f in content} == content


@pytest.mark.parametrize("jobs", ["0", "-1", "x"])
def test_jobs_are_one_or_more(jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["run", "params/good/2024Q1.yml", f"--jobs={jobs}"])
    assert left.value.code == cli.WRONG_INPUT
    assert f"'{jobs}' is no number of jobs; take 1 or more" in capsys.readouterr().err


def test_ctrl_c_stops_all_and_leaves_no_child(project: Path) -> None:
    mark = "Path(f'{params_file}.pid').write_text(f'{os.getpid()} {os.environ[\"TMPDIR\"]}')"
    write(project, "10_collect", "import os, time\nfrom pathlib import Path", mark, "time.sleep(60)")
    files = [project / f"params/{book}/2024Q1.yml" for book in ("bad", "good")]
    batch = subprocess.Popen(
        [sys.executable, "-m", "crmlib.cli", "run", *map(str, files), "--jobs", "2"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    marks = [Path(f"{file}.pid") for file in files]
    _until(lambda: all(m.is_file() and m.read_text() for m in marks), batch)
    batch.send_signal(signal.SIGINT)
    assert batch.wait(timeout=30) == cli.INTERRUPTED
    assert batch.stderr is not None and batch.stderr.read() == "stopped\n"
    batch.stderr.close()
    for marked in marks:
        pid, scratch = marked.read_text().split(" ", 1)
        assert is_gone(int(pid)) and not Path(scratch).exists()
    assert not list(project.glob("outputs/*/*/notebooks/*/*.failed.ipynb"))


def _until(holds: Callable[[], bool], batch: subprocess.Popen[str]) -> None:
    while not holds():
        assert batch.poll() is None
        time.sleep(0.05)
