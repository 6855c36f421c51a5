"""Make docs/report.png: the first screen of the sample's latest report, in headless Chromium.

Run `make report` first, then `.venv/bin/python docs/picture.py`.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    report = max(ROOT.glob("outputs/sample/*/report.html"), default=None)
    chromium = shutil.which("chromium")
    if not report or not chromium:
        sys.exit("needs a report (make report) and Chromium on the path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        page.goto(report.as_uri())
        page.screenshot(path=ROOT / "docs/report.png")
        browser.close()


if __name__ == "__main__":
    main()
