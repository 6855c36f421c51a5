"""A whole run of the sample beside stock papermill on the same notebooks emptied of all code but their imports.

Both are timed as whole processes with all they start, in turn; the ratio is of the two of one turn, which share the
machine's mood. Run it by `make bench`.
"""

import argparse
import ast
import ctypes
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GOAL = 0.6
_SET_CHILD_SUBREAPER = 36  # prctl(2)

STOCK = """
import sys
from pathlib import Path
import papermill
for source in sorted(Path(sys.argv[1]).glob("*.ipynb")):
    papermill.execute_notebook(source, Path(sys.argv[2]) / source.name, kernel_name="python3", progress_bar=False)
"""


def only_imports(code: str) -> str:
    kept = [node for node in ast.parse(code).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(ast.unparse(node) for node in kept)


def empty_notebooks(folder: Path) -> int:
    """Copies of the batch's notebooks with nothing but their imports; returns how many."""
    import nbformat

    from crmlib import order

    sources = [f for name in order.NOTEBOOKS if (f := ROOT / f"notebooks/{name}.ipynb").is_file()]
    for source in sources:
        notebook = nbformat.read(source, as_version=4)
        codes = [only_imports(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
        notebook.cells = [nbformat.v4.new_code_cell(code, id=f"c{i}") for i, code in enumerate(codes) if code]
        nbformat.write(notebook, folder / source.name)
    return len(sources)


def adopt_orphans() -> None:
    """Become the parent of what a command leaves to itself, so that its CPU time can be counted (Linux)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def timed(command: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of a command and all it starts."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before, began = _cpu(), time.perf_counter()
    subprocess.run(command, check=True, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wall = time.perf_counter() - began
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    return wall, _cpu() - before


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def told(name: str, values: list[float], unit: str = " s") -> str:
    least, middle, most = min(values), statistics.median(values), max(values)
    return f"{name:<52} min {least:6.2f}{unit}  median {middle:6.2f}{unit}  max {most:6.2f}{unit}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--isolated", action="store_true", help="our run with kernels that are not forked")
    options = parser.parse_args()
    latest = max((ROOT / "params/sample").glob("????Q?.yml"))
    adopt_orphans()
    with tempfile.TemporaryDirectory() as scratch:
        empty, out = Path(scratch) / "empty", Path(scratch) / "out"
        empty.mkdir()
        out.mkdir()
        count = empty_notebooks(empty)
        ours = [sys.executable, "-m", "crmlib.cli", "run", str(latest), "--force", "--out", str(out)]
        ours += ["--isolated"] if options.isolated else []
        stock = [sys.executable, "-c", STOCK, str(empty), str(out)]
        turns = [(timed(stock), timed(ours)) for _ in range(options.turns)]
        spent = json.loads((out / f"sample/{latest.stem}/manifest.json").read_text(encoding="utf-8"))["seconds"]
    ratios = [our[0] / other[0] for other, our in turns]
    print(
        f"{count} notebooks, {options.turns} turns of both, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}"
    )
    print(told(f"A  our batch of {latest.stem}, HTML and Excel: wall", [our[0] for _, our in turns]))
    print(told("   CPU of all its processes", [our[1] for _, our in turns]))
    print(told("B  stock papermill, imports only: wall", [other[0] for other, _ in turns]))
    print(told("   CPU of all its processes", [other[1] for other, _ in turns]))
    print(told("A/B wall, both of one turn", ratios, ""))
    print(told("A/B CPU, both of one turn", [our[1] / other[1] for other, our in turns], ""))
    print("seconds of the last turn (side by side, so they overlap): "
          + ", ".join(f"{name} {seconds:.1f}" for name, seconds in spent.items()))  # fmt: skip
    print(f"goal: A/B wall at most {GOAL}; {'met' if min(ratios) <= GOAL else 'not met'} by the best turn, "
          f"{'met' if statistics.median(ratios) <= GOAL else 'not met'} by the median")  # fmt: skip


if __name__ == "__main__":
    main()
