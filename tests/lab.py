"""JupyterLab on a port of its own with nothing of the user's machine, driven by a headless browser."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ENTRY = "workbook"
_ARGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
_READY = """async () => {
  const app = window.jupyterapp;
  if (!app) return false;
  const widget = [...app.shell.widgets('main')].find(w => w.context && w.context.path.endsWith(NAME));
  if (!widget) return false;
  await app.restored; await widget.context.ready; await widget.sessionContext.ready;
  const session = widget.sessionContext.session;
  return !!session && !!session.kernel && session.kernel.status === 'idle';
}"""
_RUN = (
    "() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }"  # not awaited: it ends with the last cell
)
_STATE = """() => {
  const shown = [...window.jupyterapp.shell.widgets('main')].find(w => w.context && w.isVisible);
  const cells = shown.content.widgets.filter(c => c.model.type === 'code');
  const outputs = cells.flatMap(c => c.model.sharedModel.getOutputs());
  const said = outputs.filter(o => o.output_type === 'error' || o.name === 'stderr');
  return {
    waiting: cells.filter(c => c.model.sharedModel.getSource().trim() && c.model.executionCount === null).length,
    said: said.map(o => o.evalue || [o.text].flat().join('')),
  };
}"""


@contextmanager
def server(root: Path, private: Path) -> Iterator[str]:
    """The address of a JupyterLab that shows `root`; its settings and logs live in `private`."""
    settings = private / "settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
    kept = {name: str(private / name) for name in ("config", "data", "runtime")}
    env = dict(
        os.environ, JUPYTER_CONFIG_DIR=kept["config"], JUPYTER_DATA_DIR=kept["data"], JUPYTER_PREFER_ENV_PATH="1",
        JUPYTER_RUNTIME_DIR=kept["runtime"], JUPYTERLAB_SETTINGS_DIR=str(private / "settings"), HOME=str(private),
    )  # fmt: skip
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", f"--IdentityProvider.token={ENTRY}", "--LabApp.expose_app_in_browser=True",
        f"--ServerApp.root_dir={root}",
    ]  # fmt: skip
    with (private / "lab.log").open("w") as log, subprocess.Popen(command, env=env, stdout=log, stderr=log) as process:
        try:
            _wait(f"http://127.0.0.1:{port}/api?token={ENTRY}", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    for _second in range(240):
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own server
                return
        except OSError:
            if process.poll() is not None:
                raise
            time.sleep(0.5)
    raise TimeoutError("JupyterLab did not answer in two minutes")


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGS)
        try:
            yield opened
        finally:
            opened.close()


def open_notebook(page: Page, address: str, name: str) -> None:
    """Open a notebook of the folder `notebooks` and wait for its kernel."""
    page.goto(f"{address}/lab/workspaces/{name.partition('.')[0]}/tree/notebooks/{name}?token={ENTRY}")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=120_000)
    for _quarter in range(480):
        if page.evaluate(_READY.replace("NAME", json.dumps(name))):
            return
        page.wait_for_timeout(250)
    raise TimeoutError(f"{name} had no kernel in two minutes")


def run_all(page: Page) -> list[str]:
    """Run every cell; what was printed as a warning or an error."""
    page.evaluate(_RUN)
    for _quarter in range(1_200):
        page.wait_for_timeout(250)
        state = page.evaluate(_STATE)
        if state["said"] or not state["waiting"]:
            return list(state["said"])
    raise TimeoutError("the notebook did not end in five minutes")


def project(root: Path, folder: Path, results: Path, lang: str = "en") -> Path:
    """A copy of the project's notebooks and params that reads and writes a copy of `results` (<out>/<book>/<quarter>)."""
    shutil.copytree(root / "params", folder / "params")
    (folder / "data").symlink_to(root / "data")
    shutil.copytree(results.parent, folder / "out" / results.parent.name)
    (folder / "notebooks").mkdir()
    for file in sorted((root / "notebooks").glob("*.ipynb")):
        text = file.read_text(encoding="utf-8")
        text = text.replace('out_dir = \\"\\"', 'out_dir = \\"../out\\"').replace(
            'lang = \\"en\\"', f'lang = \\"{lang}\\"'
        )
        (folder / "notebooks" / file.name).write_text(text, encoding="utf-8")
    return folder
