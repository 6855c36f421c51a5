"""Make docs/lab_panel.png: the first panel of 90_explore in a real JupyterLab, after a slider was moved.

`python docs/screenshots_lab.py outputs/sample/2017Q4 [en|zh] [FILE]`, after a run of that quarter. Needs Chromium. The
page gets the font that the report embeds, so that Chinese is drawn on any machine.
"""

import base64
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import lab  # noqa: E402

from crmlib.views import style  # noqa: E402

_FONT = "@font-face {{ font-family: 'Shot'; src: url(data:font/otf;base64,{data}); }} * {{ {names} }}"
_NAMES = "--jp-ui-font-family: system-ui, 'Shot', sans-serif; --jp-content-font-family: system-ui, 'Shot', sans-serif;"


def take(results: Path, lang: str, file: Path) -> None:
    """Open the notebook in a copy of the project, move the first slider, and picture the window."""
    with tempfile.TemporaryDirectory() as folder:
        copy, private = Path(folder) / "project", Path(folder) / "lab"
        copy.mkdir()
        private.mkdir()
        project = lab.project(ROOT, copy, results, lang)
        with lab.server(project, private) as address, lab.browser() as browser:
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            lab.open_notebook(page, address, "90_explore.ipynb")
            data = base64.b64encode(style.FONT_FILE.read_bytes()).decode()
            page.add_style_tag(content=_FONT.format(data=data, names=_NAMES))
            if lab.run_all(page):
                raise SystemExit("the notebook printed a warning or stopped")
            page.wait_for_selector(".crm-panel table")
            page.locator(".crm-panel .noUi-handle").first.focus()
            for _step in range(5):
                page.keyboard.press("ArrowLeft")
            page.wait_for_timeout(3_000)
            page.evaluate("document.activeElement.blur()")
            page.screenshot(path=file)


if __name__ == "__main__":
    given = sys.argv[1:]
    language = given[1] if len(given) > 1 else "en"
    take(Path(given[0]).resolve(), language, Path(given[2]) if len(given) > 2 else ROOT / "docs/lab_panel.png")
