"""Make docs/lab_start_*.png and docs/lab_panel_*.png: the first notebook, and a panel after a slider was moved.

`python docs/screenshots_lab.py outputs/sample/2017Q4 [en zh]`, after a run of that quarter in these languages. A real
JupyterLab in headless Chromium; the page gets the font that the report embeds, so that Chinese is drawn on any machine.
"""

import base64
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import lab  # noqa: E402

from crmlib.views import lettering  # noqa: E402

_FONT = (
    "@font-face {{ font-family: 'Shot'; src: url(data:font/otf;base64,{data}); }} * {{ {names} }} select {{ {own} }}"
)
_NAMES = "--jp-ui-font-family: system-ui, 'Shot', sans-serif; --jp-content-font-family: system-ui, 'Shot', sans-serif;"
_OWN = "font-family: system-ui, 'Shot', sans-serif !important;"


def take(results: Path, lang: str) -> None:
    """Both pictures in one language, in a copy of the project."""
    with tempfile.TemporaryDirectory() as folder:
        copy, private = Path(folder) / "project", Path(folder) / "lab"
        copy.mkdir()
        private.mkdir()
        project = lab.project(ROOT, copy, results, lang)
        with lab.server(project, private) as address, lab.browser() as browser:
            page = _ran(browser, address, "00_start.ipynb")
            page.locator(".jp-Cell").nth(0).scroll_into_view_if_needed()
            _save(page, f"lab_start_{lang}")
            page = _ran(browser, address, "90_explore.ipynb")
            page.wait_for_selector(".crm-panel table")
            page.locator(".crm-panel .noUi-handle").first.focus()
            for _step in range(5):
                page.keyboard.press("ArrowLeft")
            page.wait_for_timeout(3_000)
            page.evaluate("document.activeElement.blur()")
            _save(page, f"lab_panel_{lang}")


def _ran(browser: Browser, address: str, name: str) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    lab.open_notebook(page, address, name)
    data = base64.b64encode(lettering.FONT_FILE.read_bytes()).decode()
    page.add_style_tag(content=_FONT.format(data=data, names=_NAMES, own=_OWN))
    if lab.run_all(page):
        raise SystemExit(f"{name} printed a warning or stopped")
    page.wait_for_timeout(1_500)
    return page


def _save(page: Page, name: str) -> None:
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(ROOT / f"docs/{name}.png", optimize=True)


if __name__ == "__main__":
    for language in sys.argv[2:] or ["en", "zh"]:
        take(Path(sys.argv[1]).resolve(), language)
