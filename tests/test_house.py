"""The house rules that a machine can hold: who imports whom, thin notebooks, nothing of one machine."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from crmlib import schema
from crmlib.order import NOTEBOOKS

ROOT = Path(__file__).resolve().parents[1]
STEPS = ("collect", "segment", "market", "strategy", "review")
WORDS = {"errors", "periods", "schema", "params", "yml"}
DRIVER = {"run", "run_week", "order", "manifest", "lock", "execute", "kernels", "warm", "cli", "verbs"}

# Room -> the rooms it may import from, besides itself. Nothing imports the driver but the driver.
MAY_IMPORT = {
    "words": set(),
    "io": {"words"},
    "collect": {"words"},
    "segment": {"words"},
    "market": {"words"},
    "strategy": {"words", "kpi"},
    "review": {"words", "kpi"},
    "kpi": {"words"},
    "views": {"words"},
    "views/explore": {"words", "io", *STEPS, "kpi", "views"},
    "report": {"words", "io", "views"},
    "driver": {"words", "io", *STEPS, "kpi", "views", "report"},
    "notebooks": {"words", "io", *STEPS, "kpi", "views"},
}
HEAVY = ("seaborn", "sklearn", "scipy", "statsmodels")


def room(module: str) -> str:
    """The room of a module given as `crmlib.views.tables`."""
    parts = module.split(".")[1:]
    if parts[:2] == ["views", "explore"]:
        return "views/explore"
    return "words" if parts[0] in WORDS else "driver" if parts[0] in DRIVER else parts[0]


def imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names of what is imported, one per imported name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def modules() -> dict[str, ast.Module]:
    files = sorted((ROOT / "crmlib").rglob("*.py"))
    return {
        ".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
            f.read_text(encoding="utf-8")
        )
        for f in files
    }


def notebooks() -> list[Path]:
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tells_of_groups(name: str) -> bool:
    """Whether a table counts customers, and is no list of them."""
    columns = set(schema.TABLES[name].columns)
    counts = any(schema.COLUMNS[c].unit == "customers" for c in columns if c in schema.COLUMNS)
    return not columns & {"customer_id", "other_id"} and (counts or "kpi_unit" in columns)


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_tables_that_count_customers_are_shown_with_the_least_that_may_be_told(path: Path) -> None:
    shown = [
        node
        for cell in code_cells(nbformat.read(path, as_version=4))
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "tables.show"
    ]
    told = [(ast.literal_eval(node.args[1]), [keyword.arg for keyword in node.keywords]) for node in shown]
    assert [name for name, given in told if tells_of_groups(name) and "min_cell" not in given] == []


def test_imports_go_one_way() -> None:
    wrong = [
        f"{module} ({room(module)}) imports {name} ({room(name)})"
        for module, tree in modules().items()
        if module != "crmlib"
        for name in imports(tree)
        if name.startswith("crmlib.") and room(name) not in MAY_IMPORT[room(module)] | {room(module)}
    ]
    assert wrong == []


def test_imports_are_absolute() -> None:
    assert [(m, n) for m, tree in modules().items() for n in imports(tree) if n.startswith(".")] == []


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    """seaborn, sklearn and scipy double a notebook's import time, so they stand inside functions."""
    tops = {
        m: ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
        for m, tree in modules().items()
    }
    assert [(m, name) for m, tree in tops.items() for name in imports(tree) if name.split(".")[0] in HEAVY] == []


@pytest.mark.parametrize("file", notebooks(), ids=lambda f: f.stem)
def test_a_notebook_names_calls_shows_and_saves(file: Path) -> None:
    """At most 12 lines a cell, no logic, imports from the rooms below it."""
    notebook = nbformat.read(file, as_version=4)
    logic = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Try, ast.For, ast.While, ast.Lambda, ast.If,
             ast.IfExp, ast.With, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)  # fmt: skip
    trees = {cell.id: ast.parse(cell.source) for cell in code_cells(notebook)}
    assert [cell.id for cell in code_cells(notebook) if len(cell.source.splitlines()) > 12] == []
    assert [(i, type(n).__name__) for i, tree in trees.items() for n in ast.walk(tree) if isinstance(n, logic)] == []
    ours = [name for tree in trees.values() for name in imports(tree) if name.startswith("crmlib")]
    assert [name for name in ours if room(name) not in MAY_IMPORT["notebooks"] | {"views/explore"}] == []
    assert len(notebook.cells) <= 60


@pytest.mark.parametrize("file", notebooks(), ids=lambda f: f.stem)
def test_a_notebook_is_stored_without_outputs_and_with_ids(file: Path) -> None:
    notebook = nbformat.read(file, as_version=nbformat.NO_CONVERT)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert [c.id for c in code_cells(notebook) if c.outputs or c.execution_count is not None] == []
    assert [c.id for c in notebook.cells if set(c.metadata) - {"tags"}] == []


@pytest.mark.parametrize("file", notebooks(), ids=lambda f: f.stem)
def test_a_notebook_opens_in_the_agreed_order(file: Path) -> None:
    """A title once, then the parameters and nothing else in their cell, each a default that runs."""
    notebook = nbformat.read(file, as_version=4)
    given = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert given == code_cells(notebook)[:1]
    body = ast.parse(given[0].source).body
    week = ["week"] if file.stem == "45_weekly" else []
    assert [node.targets[0].id for node in body] == ["params_file", "lang", "out_dir", *week]
    assert (file.parent / ast.literal_eval(body[0].value)).is_file()
    titles = [c.metadata.get("tags") for c in notebook.cells if c.cell_type == "markdown" and re.match("# ", c.source)]
    assert titles in ([["en"], ["zh"]], [None], [[]])


@pytest.mark.parametrize("file", notebooks(), ids=lambda f: f.stem)
def test_prose_stands_in_both_languages_side_by_side(file: Path) -> None:
    """Export drops the cells of the other language: each must have its twin."""
    runs: list[list[str]] = [[]]
    for cell in nbformat.read(file, as_version=4).cells:
        spoken = [tag for tag in cell.metadata.get("tags", []) if tag in ("en", "zh")]
        runs[-1] += spoken
        runs += [] if spoken else [[]]
    assert [run for run in runs if run.count("en") != run.count("zh")] == []


@pytest.mark.parametrize("file", notebooks(), ids=lambda f: f.stem)
def test_a_notebook_saves_tables_of_its_own_step(file: Path) -> None:
    """A run from a step on makes that step's tables anew, so each must be made by that step's notebooks."""
    calls = [n for cell in code_cells(nbformat.read(file, as_version=4)) for n in ast.walk(ast.parse(cell.source))
             if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func.attr == "save"]  # fmt: skip
    saved = [keyword.arg for call in calls for keyword in call.keywords if keyword.arg]
    step = NOTEBOOKS.get(file.stem)
    assert [(name, schema.step_of(name)) for name in saved if schema.step_of(name) != step] == []


def texts() -> Iterator[tuple[str, str]]:
    """The project's own text files, without what is generated."""
    made = re.compile(r"\.git|\.venv.*|outputs|\..*_cache|\.hypothesis|.*\.egg-info")
    kinds = {".py", ".md", ".yml", ".yaml", ".toml", ".ipynb", ".csv", ".j2", ".css", ".txt", ".lock", ""}
    tops = [top for top in sorted(ROOT.iterdir()) if not made.fullmatch(top.name)]
    for file in (file for top in tops for file in ([top] if top.is_file() else sorted(top.rglob("*")))):
        if file.is_file() and file.suffix in kinds:
            yield file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")


def test_no_file_names_a_path_of_one_machine() -> None:
    """The patterns are put together here so that this file does not hold them."""
    homes = "|".join(("home", "root", "Users", "work", "mnt", "opt"))
    path = re.compile(rf"(?<![\w.:/])/(?:{homes})/[\w.]|[A-Z]:\\\\")
    assert [(name, found[0]) for name, text in texts() if (found := path.search(text))] == []
