"""A real JupyterLab in a real browser: notebooks open quietly and run top to bottom, a moved slider moves the figures.

Three notebooks and the panels run in the Lab's own page; the other step notebooks run in plain kernels, without the
batch's forked ones, because seventeen in the page would take several minutes.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import lab
import nbformat
import pytest
import yaml
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

from crmlib.run import NOTEBOOKS

ROOT = Path(__file__).resolve().parents[1]
IN_THE_LAB = ("00_start", "20_segment", "43_resources")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not lab.CHROMIUM, reason="no chromium on this machine: install Debian's package `chromium`"),
]
_OTHER = "before => document.querySelectorAll('.crm-panel')[0].querySelectorAll('table')[0].innerText !== before"


@pytest.fixture(scope="module")
def project(sample_run: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lab.project(ROOT, tmp_path_factory.mktemp("project"), sample_run("en"))


@pytest.fixture(scope="module")
def address(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with lab.server(project, tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with lab.browser() as opened:
        yield opened


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", IN_THE_LAB)
def test_a_notebook_opens_quietly_and_runs(page: Page, address: str, name: str) -> None:
    lab.open_notebook(page, address, f"{name}.ipynb")
    assert page.locator(".jp-Dialog").count() == 0
    assert lab.run_all(page) == []


def test_a_moved_slider_moves_the_table_and_its_settings_can_be_kept(page: Page, address: str, project: Path) -> None:
    lab.open_notebook(page, address, "90_explore.ipynb")
    assert lab.run_all(page) == []
    page.wait_for_selector(".crm-panel table", timeout=60_000)
    assert page.locator(".crm-panel").count() == 7
    assert page.locator(".jp-RenderedSVG:visible").count() == 0  # the still pictures give way to the panels
    first = page.locator(".crm-panel").first
    before, picture = first.locator("table").first.inner_text(), first.locator("img").get_attribute("src")
    first.locator(".noUi-handle").first.focus()
    for _step in range(5):
        page.keyboard.press("ArrowLeft")
    page.wait_for_function(_OTHER, arg=before, timeout=60_000)
    page.wait_for_function("src => document.querySelector('.crm-panel img').src !== src", arg=picture, timeout=60_000)
    first.locator("button").nth(1).click()
    page.wait_for_selector(".crm-panel .crm-file", timeout=60_000)
    assert not (project / "params/sample/2017Q4.explored.yml").exists()
    first.locator("button").nth(2).click()
    page.wait_for_selector("text=crm run params/sample/2017Q4.explored.yml", timeout=60_000)
    tried = yaml.safe_load((project / "params/sample/2017Q4.explored.yml").read_text(encoding="utf-8"))
    highest = tried["segment"]["tiers"][0]["at_least"][0][0]
    assert 70 <= highest < 80 and round(highest, 2) == highest


def test_panels_can_be_used_by_ear_and_by_keyboard(page: Page, address: str) -> None:
    """axe-core finds nothing serious in the panels: each slider's handle says what it sets."""
    lab.open_notebook(page, address, "90_explore.ipynb")
    assert lab.run_all(page) == []
    page.wait_for_selector(".crm-panel .noUi-handle[aria-label]", timeout=60_000)
    names = page.locator(".crm-panel").first.locator(".noUi-handle").evaluate_all("e => e.map(x => x.ariaLabel)")
    assert names[0] == "High value, Potential: from"
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate(
        "async () => (await axe.run('.crm-panel')).violations.map(v => [v.id, v.impact, v.nodes[0].html])"
    )
    assert [violation for violation in found if violation[1] in ("serious", "critical")] == []


@pytest.mark.parametrize("name", [name for name in NOTEBOOKS if name not in IN_THE_LAB])
@pytest.mark.filterwarnings("ignore:Running over TCP without encryption", "ignore::DeprecationWarning")
def test_every_other_step_notebook_runs_in_a_plain_kernel(project: Path, name: str) -> None:
    from nbclient import NotebookClient

    notebook = nbformat.read(project / "notebooks" / f"{name}.ipynb", as_version=4)
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(project / "notebooks")}}
    )
    client.execute()
    said = [o.text for cell in notebook.cells for o in cell.get("outputs", []) if o.get("name") == "stderr"]
    assert said == []
