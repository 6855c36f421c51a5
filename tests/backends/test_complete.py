"""No engine-level function of steps 1, 2 and 5, of the KPIs, the hold-out and the plan is left out of `test_equal`."""

import ast
import re
import sys
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from test_equal import CASES, NEEDS_ROWS

LEFT_OUT: dict[str, str] = {}
"""Functions that are not called on both engines, with the reason."""

PLACES = ("collect", "segment", "kpi", "review", "strategy/campaign_base", "strategy/holdout", "strategy/incentives",
          "strategy/priced")  # fmt: skip


def asked(root: Path) -> set[str]:
    """Public functions that take or give a table of the engine, as path:name."""
    found = set()
    for place in PLACES:
        folder = root / "crmlib" / place
        for file in sorted(folder.glob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]:
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and _is_of_tables(node):
                    found.add(f"{file.relative_to(root / 'crmlib').as_posix()}:{node.name}")
    return found


def _is_of_tables(function: ast.FunctionDef) -> bool:
    said = [a.annotation for a in function.args.args] + [function.returns]
    return any("ir.Table" in ast.unparse(one) for one in said if one)


def called(root: Path, book: Any) -> set[str]:
    """Functions of the project that the cases go through."""
    codes: set[CodeType] = set()

    def seen(frame: FrameType, event: str, _arg: Any) -> None:
        if event == "call":
            codes.add(frame.f_code)

    sys.setprofile(seen)
    try:
        for case in CASES.values():
            case(book)
    finally:
        sys.setprofile(None)
    home = root / "crmlib"
    ours = [(Path(code.co_filename), code.co_name) for code in codes]
    return {f"{file.relative_to(home).as_posix()}:{name}" for file, name in ours if file.is_relative_to(home)}


def test_every_function_is_compared(root, duckdb_book):
    left = asked(root) - called(root, duckdb_book("first"))
    assert not left - set(LEFT_OUT), "\n".join(sorted(left))


def test_what_notebooks_ask_of_the_engine_is_tested_on_spark(root):
    """Notebooks call the seam itself too; one such call that only DuckDB knew stopped the whole batch on Spark."""
    verb = re.compile(r"\bengine\.([a-z_]+)\(")
    wanted = {
        name for file in root.glob("notebooks/*.ipynb") for name in verb.findall(file.read_text(encoding="utf-8"))
    }
    tests = (root / "tests/backends/test_spark.py").read_text(encoding="utf-8")
    assert {"keep", "drop", "stack"} <= wanted
    assert not wanted - set(verb.findall(tests)) - {"connect", "frame"}  # these two every test here goes through


def test_a_book_without_rows_is_left_out_only_where_nothing_can_begin():
    assert set(NEEDS_ROWS) < set(CASES)
