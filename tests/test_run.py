"""One notebook in its own process, and a quarter as a whole: isolation, failures, what is kept."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from crmlib import execute, kernels, params, run, schema, warm
from crmlib.errors import InputError

Write = Callable[..., Path]
MODES = pytest.mark.parametrize("isolated", [False, True], ids=["forked", "isolated"])


@pytest.fixture(scope="module", autouse=True)
def _server() -> None:
    warm.start_server()


@pytest.fixture
def notebook(shop: params.Settings) -> Write:
    """Write a notebook into the book's project: title, parameters, then the given code cells."""

    def write(name: str, *codes: str) -> Path:
        v4 = nbformat.v4
        given = v4.new_code_cell('params_file = ""\nlang = ""\nout_dir = ""', id="p", metadata={"tags": ["parameters"]})
        cells = [v4.new_markdown_cell(f"# {name}", id="title"), given]
        cells += [v4.new_code_cell(code, id=f"c{i}") for i, code in enumerate(codes)]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        file = shop.file.parents[2] / f"notebooks/{name}.ipynb"
        nbformat.write(v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), file)
        return file

    return write


def given(settings: params.Settings) -> dict[str, str]:
    return {"params_file": str(settings.file), "lang": "zh", "out_dir": ""}


def printed(executed: nbformat.NotebookNode) -> list[str]:
    return [o.text.strip() for cell in executed.cells for o in cell.get("outputs", []) if o.output_type == "stream"]


def ignore(_cell: int, _cells: int) -> None:
    """Progress that nobody watches."""


def is_gone(pid: int, seconds: float = 10) -> bool:
    """Whether a process ends within some seconds."""
    for _ in range(int(seconds * 20)):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@MODES
def test_a_kernel_is_this_interpreter_with_a_fixed_environment(
    shop: params.Settings, notebook: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, isolated: bool
) -> None:
    """Even where the machine has another kernel of the same name, or forbids bytecode."""
    other = tmp_path / "kernels/python3/kernel.json"
    other.parent.mkdir(parents=True)
    other.write_text(json.dumps({"argv": ["/bin/false"], "display_name": "other", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    file = notebook("10_collect", "import os, sys, numpy, threadpoolctl\nfrom pathlib import Path",
                    "print(sys.executable, sys.dont_write_bytecode, os.environ['OMP_NUM_THREADS'])",
                    "print({pool['num_threads'] for pool in threadpoolctl.threadpool_info()})",
                    "print(lang, params_file, Path.cwd())")  # fmt: skip
    found = printed(execute.execute(file, given(shop), ignore, isolated=isolated))
    assert found == [f"{sys.executable} False 1", "{1}", f"zh {shop.file} {file.parent}"]


@MODES
def test_nothing_leaks_from_one_notebook_into_the_next(shop: params.Settings, notebook: Write, isolated: bool) -> None:
    state = ("(os.environ.get('LEAK'), str(Path.cwd()), sys.path.count('leak'), pandas.get_option('display.max_rows'), "
             "matplotlib.rcParams['font.size'], hasattr(pandas.DataFrame, 'leak'))")  # fmt: skip
    imports = "import os, sys, random\nimport matplotlib, numpy, pandas\nfrom pathlib import Path"
    dirty = (
        "os.environ['LEAK'] = '1'; os.chdir('/'); sys.path.append('leak')\n"
        "pandas.set_option('display.max_rows', 7); pandas.DataFrame.leak = 1; matplotlib.rcParams['font.size'] = 3"
    )
    draw = "print(random.random(), numpy.random.rand())"
    file = notebook("10_collect", imports, f"print({state})", draw, dirty)
    first = printed(execute.execute(file, given(shop), ignore, isolated=isolated))
    second = printed(execute.execute(file, given(shop), ignore, isolated=isolated))
    assert first[0] == second[0] == str((None, str(file.parent), 0, 60, 10.0, False))
    assert not set(first[1].split()) & set(second[1].split())


@MODES
def test_a_killed_process_stops_the_step_and_leaves_nothing(
    shop: params.Settings, notebook: Write, tmp_path: Path, isolated: bool
) -> None:
    mark = tmp_path / "pid"
    file = notebook("10_collect", "import os, signal\nfrom pathlib import Path",
                    f"Path({str(mark)!r}).write_text(f'{{os.getpid()}} {{os.environ[\"TMPDIR\"]}}')",
                    "os.kill(os.getpid(), signal.SIGKILL)")  # fmt: skip
    with pytest.raises(execute.Stopped, match="process died") as stopped:
        execute.execute(file, given(shop), ignore, isolated=isolated)
    pid, scratch = mark.read_text().split()
    assert (stopped.value.cell, stopped.value.line) == (5, "os.kill(os.getpid(), signal.SIGKILL)")
    assert is_gone(int(pid))
    assert not Path(scratch).exists()


@MODES
def test_a_cell_that_takes_too_long_is_stopped(
    shop: params.Settings, notebook: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, isolated: bool
) -> None:
    monkeypatch.setattr(execute, "CELL_SECONDS", 1)
    mark = tmp_path / "pid"
    code = (
        f"import os, time\nfrom pathlib import Path\nPath({str(mark)!r}).write_text(str(os.getpid()))\ntime.sleep(60)"
    )
    with pytest.raises(execute.Stopped, match="took too long; a cell has 1 s"):
        execute.execute(notebook("10_collect", code), given(shop), ignore, isolated=isolated)
    assert is_gone(int(mark.read_text()))


def test_a_notebook_as_a_whole_has_a_limit_too(
    shop: params.Settings, notebook: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "NOTEBOOK_SECONDS", 2)
    file = notebook("10_collect", "import time", "time.sleep(30)")
    with pytest.raises(execute.Stopped, match="a notebook 2 s"):
        execute.execute(file, given(shop), ignore, isolated=False)


@MODES
def test_no_kernel_outlives_a_killed_batch(
    shop: params.Settings, notebook: Write, tmp_path: Path, isolated: bool
) -> None:
    mark = tmp_path / "pid"
    sleep = (
        f"import os, time\nfrom pathlib import Path\nPath({str(mark)!r}).write_text(str(os.getpid()))\ntime.sleep(60)"
    )
    notebook("10_collect", sleep)
    (shop.data_dir / "raw/orders.csv").write_text("order_id,customer_id,order_date,amount\n1,1,2024-01-31,2\n")
    (shop.file.parent / "2024Q1.yml").write_text(
        "sources: {orders: {columns: {product_id: amount, quantity: amount}}}\n"
    )
    options = ["--isolated"] if isolated else []
    batch = subprocess.Popen(
        [sys.executable, "-m", "crmlib.cli", "run", str(shop.file), *options], stdout=subprocess.DEVNULL
    )
    while not (mark.is_file() and mark.read_text()):
        assert batch.poll() is None
        time.sleep(0.05)
    batch.send_signal(signal.SIGKILL)
    batch.wait()
    assert is_gone(int(mark.read_text()))


def test_a_copy_is_the_same_bytes_each_time_and_names_no_machine_path(shop: params.Settings, notebook: Write) -> None:
    file = notebook("10_collect", "import pandas", "pandas.DataFrame({'a': [1]})", "print('a')\nprint('b')")
    kept = [
        execute.kept(execute.execute(file, given(shop), ignore, isolated=False), "params/shop/2024Q1.yml", "zh")
        for _ in range(2)
    ]
    assert kept[0] == kept[1]
    assert str(shop.file.parents[2]) not in kept[0]
    copy = nbformat.reads(kept[0], as_version=4)
    assert [cell.id for cell in copy.cells] == ["title", "p", "injected-parameters", "c0", "c1", "c2"]
    assert copy.cells[2].source == 'params_file = "params/shop/2024Q1.yml"\nlang = "zh"'
    assert list(copy.cells[4].outputs[0].data) == ["text/html"]


def test_progress_counts_the_cells_of_the_notebook_as_the_analyst_sees_it(
    shop: params.Settings, notebook: Write
) -> None:
    seen: list[tuple[int, int]] = []
    execute.execute(notebook("10_collect", "1", "2"), given(shop), lambda *at: seen.append(at), isolated=False)
    assert list(dict.fromkeys(seen)) == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_script_without_a_main_guard_can_run_notebooks(
    shop: params.Settings, notebook: Write, tmp_path: Path
) -> None:
    """multiprocessing would import the script into each fork."""
    file = notebook("10_collect", "print(lang)")
    script = tmp_path / "script.py"
    script.write_text(f"""from pathlib import Path
from crmlib import execute, warm
warm.start_server()
executed = execute.execute(Path({str(file)!r}), {given(shop)!r}, lambda cell, cells: None, isolated=False)
print("ran", executed.cells[-1].outputs[0].text)
""")
    found = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "ran zh\n\n")


@pytest.fixture
def orders(shop: params.Settings) -> None:
    """One customer with one order a month."""
    days = [f"o{m},c1,2024-0{m}-15,p1,1,12.50" for m in (1, 2, 3)]
    header = "order_id,customer_id,order_date,product_id,quantity,amount"
    (shop.data_dir / "raw/orders.csv").write_text("\n".join([header, *days]) + "\n")


@pytest.mark.usefixtures("orders")
def test_a_failed_step_keeps_the_partial_notebook(shop: params.Settings, notebook: Write, tmp_path: Path) -> None:
    notebook("10_collect", "print('so far')", "1 / 0  # why", "print('never')")
    stale = tmp_path / "out/shop/2024Q1/report.en.html"
    stale.parent.mkdir(parents=True)
    stale.write_text("of an earlier run")
    seen: list[run.Progress] = []
    with pytest.raises(run.StepFailed) as failed:
        run.run(shop.file, out_dir=tmp_path / "out", reporter=seen.append)
    error = failed.value
    assert (error.notebook, error.cell, error.line) == ("10_collect", 4, "1 / 0  # why")
    assert error.message == "ZeroDivisionError: division by zero"
    assert error.partial == tmp_path / "out/shop/2024Q1/notebooks/en/10_collect.failed.ipynb"
    assert printed(nbformat.read(error.partial, as_version=4)) == ["so far"]
    assert not stale.exists()
    assert [(p.notebook, p.cell, p.done) for p in seen][:2] == [("10_collect", 0, False), ("10_collect", 1, False)]


@pytest.mark.usefixtures("orders")
def test_an_input_error_of_a_step_is_told_without_a_traceback(
    shop: params.Settings, notebook: Write, tmp_path: Path
) -> None:
    notebook("10_collect", "from crmlib.errors import InputError\nraise InputError(['one is wrong', 'two is wrong'])")
    with pytest.raises(run.StepFailed) as failed:
        run.run(shop.file, out_dir=tmp_path)
    assert failed.value.message == "one is wrong\ntwo is wrong"


@pytest.mark.usefixtures("orders")
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"lang": "fr"}, "language 'fr' is not known; take en, zh or both"),
        ({"first_step": "sell"}, "'sell' is no step; the steps are collect, segment, market, strategy, review"),
        ({"first_step": "market", "last_step": "segment"}, "step 'market' comes after step 'segment'"),
        (
            {"first_step": "segment"},
            "2024Q1 has no results of 10_collect .step collect. in language 'en' yet; run `crm run params/shop",
        ),
    ],
)
def test_a_wrong_order_is_refused_before_anything_runs(
    shop: params.Settings, notebook: Write, tmp_path: Path, options: dict[str, str], says: str
) -> None:
    notebook("10_collect", "1")
    notebook("20_segment", "1")
    with pytest.raises(InputError, match=says):
        run.run(shop.file, out_dir=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_every_problem_of_the_inputs_is_told_at_once(shop: params.Settings, notebook: Write, tmp_path: Path) -> None:
    notebook("10_collect", "1")
    (shop.data_dir / "registers/pest.csv").write_text("")
    with pytest.raises(InputError) as refused:
        run.run(shop.file, out_dir=tmp_path)
    assert any("pest.csv is empty" in problem for problem in refused.value.problems)
    assert any("no file matches 'orders.csv'" in problem for problem in refused.value.problems)


@pytest.mark.usefixtures("orders")
def test_a_failure_stops_what_runs_beside_it(shop: params.Settings, notebook: Write, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    notebook("15_feedback", "import os, time\nfrom pathlib import Path",
             f"Path({str(mark)!r}).write_text(str(os.getpid()))", "time.sleep(60)")  # fmt: skip
    notebook("20_segment", f"import time\nfrom pathlib import Path\nwhile not Path({str(mark)!r}).is_file():\n    time.sleep(.05)",
             "time.sleep(.2)", "1 / 0")  # fmt: skip
    began = time.monotonic()
    with pytest.raises(run.StepFailed) as failed:
        run.run(shop.file, out_dir=tmp_path / "out")
    assert failed.value.notebook == "20_segment" and time.monotonic() - began < 50
    assert is_gone(int(mark.read_text()))
    kept = [file.name for file in (tmp_path / "out").rglob("*.ipynb")]
    assert kept == ["20_segment.failed.ipynb"]


@pytest.mark.usefixtures("orders")
def test_who_needs_a_table_starts_when_it_is_there(shop: params.Settings, notebook: Write, tmp_path: Path) -> None:
    """And who needs none of it does not wait for it."""
    opened = ("import pandas\nfrom crmlib import params\nfrom crmlib.io import store\n"
              "results = store.open_store(params.load(params_file), out_dir)")  # fmt: skip
    rows = "pandas.DataFrame({'fits': [1]})"
    notebook("10_collect", "1")
    notebook("15_feedback", opened, "import time\ntime.sleep(1)", f"results.save(kpi_definitions={rows}) if 0 else 1",
             "results.write('there', '')")  # fmt: skip
    notebook("20_segment", opened, "there = (results.folder / 'there').is_file()", "'kpi_definitions'", "assert there")
    seen: list[tuple[str, bool]] = []
    run.run(shop.file, out_dir=tmp_path, reporter=lambda at: seen.append((at.notebook, at.done)))
    assert seen.index(("15_feedback", True)) < seen.index(("20_segment", False))


@pytest.mark.usefixtures("orders")
def test_it_starts_before_who_stores_the_table_is_done(shop: params.Settings, notebook: Write, tmp_path: Path) -> None:
    """The first notebook stores the table, then waits for what the second one leaves."""
    opened = ("import pandas\nfrom crmlib import params\nfrom crmlib.io import store\n"
              "results = store.open_store(params.load(params_file), out_dir)")  # fmt: skip
    rows = f"pandas.DataFrame(columns={list(schema.TABLES['stale_contacts'].columns)!r}, dtype=object)"
    notebook("10_collect", opened, f"results.save(stale_contacts={rows})",
             "import time\nfor _ in range(400):\n    time.sleep(0 if (results.folder / 'there').is_file() else .05)",
             "assert (results.folder / 'there').is_file()")  # fmt: skip
    notebook("20_segment", opened, "assert results.has('stale_contacts')", "results.write('there', '')")
    seen: list[tuple[str, bool]] = []
    run.run(shop.file, out_dir=tmp_path, reporter=lambda at: seen.append((at.notebook, at.done)))
    assert seen.index(("20_segment", True)) < seen.index(("10_collect", True))


@pytest.mark.parametrize("forked", [True, False])
def test_work_beside_is_done_when_the_body_is(tmp_path: Path, forked: bool) -> None:
    with warm.beside(Path.write_text, (tmp_path / "file", "done"), forked=forked):
        pass
    assert (tmp_path / "file").read_text() == "done"


@pytest.mark.parametrize("forked", [True, False])
def test_what_work_beside_raises_is_raised(tmp_path: Path, forked: bool) -> None:
    with (
        pytest.raises(FileNotFoundError, match="nowhere"),
        warm.beside(Path.write_text, (tmp_path / "nowhere/file", "x"), forked=forked),
    ):
        pass


def test_work_beside_that_dies_is_named() -> None:
    with (
        pytest.raises(MemoryError, match="the process that makes the workbooks died"),
        warm.beside(os._exit, (3,), forked=True),
    ):
        pass


def test_the_server_has_imported_what_notebooks_may_import_and_nothing_else_of_ours(
    shop: params.Settings, notebook: Write
) -> None:
    code = "import sys; print(' '.join(name for name in sys.modules if name.startswith('crmlib')))"
    found = set(printed(execute.execute(notebook("10_collect", code), given(shop), ignore, isolated=False))[0].split())
    there = Path(warm.__file__).parent.rglob("*.py")
    names = {f"crmlib.{file.relative_to(Path(warm.__file__).parent).with_suffix('').as_posix()}" for file in there}
    ours = {name.replace("/", ".").removesuffix(".__init__") for name in names}
    hidden = ("crmlib.report", "crmlib.verbs", "crmlib.views.explore", "crmlib.run", "crmlib.manifest")
    assert {name for name in found if name.startswith(hidden)} == set()
    assert {
        name for name in ours - found if name.startswith(("crmlib.segment", "crmlib.collect", "crmlib.kpi"))
    } == set()


def test_a_kernel_that_never_was_is_said_to_have_died():
    manager = kernels.PlainKernel()
    manager.write_connection_file()

    async def asked() -> None:
        client = manager.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=30)
        finally:
            client.stop_channels()

    began = time.monotonic()
    with pytest.raises(RuntimeError, match="Kernel died before replying"):
        asyncio.run(asked())
    assert time.monotonic() - began < 10
    asyncio.run(manager.cleanup_resources())
    assert not Path(manager.scratch).exists()
