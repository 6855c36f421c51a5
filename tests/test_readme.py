"""Every command of the README works, in the order in which a reader would type them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
MAKE = {"report", "test", "lab", "check", "bench"}


@pytest.fixture(scope="module")
def blocks(root) -> list[tuple[str, str]]:
    return BLOCK.findall((root / "README.md").read_text(encoding="utf-8"))


def commands(blocks: list[tuple[str, str]]) -> list[str]:
    lines = [line.split("  #")[0].strip() for kind, text in blocks if kind == "sh" for line in text.splitlines()]
    return [line for line in lines if line]


def test_each_make_target_exists(blocks, root):
    targets = {line.removeprefix("make ") for line in commands(blocks) if line.startswith("make ")}
    assert targets == MAKE
    for target in targets:
        subprocess.run(["make", "--dry-run", "--always-make", target], cwd=root, check=True, capture_output=True)


@pytest.mark.slow
def test_the_commands_of_a_first_hour(blocks, root, tmp_path):
    """A copy of the project: the README's own CSV, its threshold, every `crm` line."""
    project = tmp_path / "a 项目"
    for name in ("params", "notebooks"):
        shutil.copytree(root / name, project / name)
    shutil.copytree(root / "data/sample", project / "data/sample")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    lines = [line for line in commands(blocks) if line.startswith("crm ")]
    csv = next(text for kind, text in blocks if kind == "csv")
    (threshold,) = [text for kind, text in blocks if kind == "yaml"]
    with (project / "params/sample/2017Q4.yml").open("a", encoding="utf-8") as file:
        file.write(threshold)
    assert len(lines) >= 6
    for line in lines:
        done = subprocess.run(
            line.split(), cwd=project, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        if line.startswith("crm new"):
            (project / "data/shop/raw/orders.csv").write_text(csv, encoding="utf-8")
    assert (project / "outputs/shop/2024Q1/report.html").is_file()
    assert 'lang="zh-CN"' in (project / "outputs/sample/2017Q4/report.html").read_text(encoding="utf-8")
