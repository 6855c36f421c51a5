"""Every command of the README works, in the order in which a reader would type them."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def blocks(root) -> list[tuple[str, str]]:
    return BLOCK.findall((root / "README.md").read_text(encoding="utf-8"))


def commands(blocks: list[tuple[str, str]]) -> list[str]:
    lines = [line.split("  #")[0].strip() for kind, text in blocks if kind == "sh" for line in text.splitlines()]
    return [line for line in lines if line]


def make(root: Path, target: str, **environment: str) -> str:
    done = subprocess.run(
        ["make", target], cwd=root, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"make {target}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_make_targets(blocks, root):
    """Each target of the README runs; where it would run these tests again, they are only collected.

    `test-spark` makes an environment of its own; the CI runs it.
    """
    targets = {line.removeprefix("make ") for line in commands(blocks) if line.startswith("make ")}
    assert targets == {"report", "test", "test-spark", "lab", "check", "bench"}
    assert "report: outputs/sample/2017Q4/report.en.html" in make(root, "report")
    assert "tests collected" in make(root, "test", PYTEST_ADDOPTS="--collect-only -q")
    assert "All checks passed!" in make(root, "check", PYTEST_ADDOPTS="--collect-only -q")
    benches = make(root, "bench", BENCH="small")
    assert "A/B" in benches
    assert "the whole batch, raw files to HTML and Excel | 1 of 1 |" in benches
    assert "| 0 of 1 |" not in benches


@pytest.mark.slow
def test_make_lab_serves_the_notebooks(root, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = f"--no-browser --ip=127.0.0.1 --port={port} --ServerApp.port_retries=0 --IdentityProvider.token=key"
    own = {"JUPYTER_CONFIG_DIR": str(tmp_path), "JUPYTER_DATA_DIR": str(tmp_path), "JUPYTER_RUNTIME_DIR": str(tmp_path)}
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(
            ["make", "lab"], cwd=root, env={**os.environ, **own, "LAB_OPTIONS": options}, start_new_session=True,
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        listed = answer(f"http://127.0.0.1:{port}/api/contents/notebooks?token=key", server)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)
    assert "10_collect.ipynb" in listed


def answer(url: str, server: subprocess.Popen) -> str:
    """What a server on this machine says once it is up; at most a minute is waited."""
    for _try in range(120):
        assert server.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:  # noqa: S310 - our own server
                return reply.read().decode()
        except OSError:
            time.sleep(0.5)
    raise AssertionError("the server did not answer within a minute")


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
    assert (project / "outputs/shop/2024Q1/report.en.html").is_file()
    assert 'lang="zh-CN"' in (project / "outputs/sample/2017Q4/report.zh.html").read_text(encoding="utf-8")
