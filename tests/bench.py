"""A whole run of the sample beside stock papermill on the same notebooks emptied of all code but their imports.

Both are timed as whole processes, in turn, three times; the smallest time of each counts. Run it by `make bench`.
"""

import argparse
import ast
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GOAL = 1.3

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

    from crmlib import run

    sources = [f for name in run.NOTEBOOKS if (f := ROOT / f"notebooks/{name}.ipynb").is_file()]
    for source in sources:
        notebook = nbformat.read(source, as_version=4)
        codes = [only_imports(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
        notebook.cells = [nbformat.v4.new_code_cell(code, id=f"c{i}") for i, code in enumerate(codes) if code]
        nbformat.write(notebook, folder / source.name)
    return len(sources)


def timed(command: list[str]) -> float:
    """Wall seconds of a command and all it starts."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    subprocess.run(command, check=True, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--isolated", action="store_true", help="our run with kernels that are not forked")
    options = parser.parse_args()
    latest = max((ROOT / "params/sample").glob("????Q?.yml"))
    with tempfile.TemporaryDirectory() as scratch:
        empty, out = Path(scratch) / "empty", Path(scratch) / "out"
        empty.mkdir()
        out.mkdir()
        count = empty_notebooks(empty)
        ours = [sys.executable, "-m", "crmlib.cli", "run", str(latest), "--out", str(out)]
        ours += ["--isolated"] if options.isolated else []
        stock = [sys.executable, "-c", STOCK, str(empty), str(out)]
        turns = [(timed(stock), timed(ours)) for _ in range(options.turns)]
    stock_wall, our_wall = (min(side) for side in zip(*turns, strict=True))
    print(f"wall seconds, {count} notebooks, the smallest of {options.turns} turns")
    print(f"A  our batch of {latest.stem}, HTML and Excel included {our_wall:7.1f}")
    print(f"B  stock papermill, imports only               {stock_wall:7.1f}")
    print(f"A/B {our_wall / stock_wall:.2f} (goal: at most {GOAL})")


if __name__ == "__main__":
    main()
