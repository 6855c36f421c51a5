"""Make the pictures in docs/ from the sample's latest run: both languages, on a desk, on a phone, on paper.

First `.venv/bin/crm run params/sample/2017Q4.yml --lang both`, then `.venv/bin/python docs/screenshots.py [OUTPUTS]`.
OUTPUTS is the book's folder of results, outputs/sample unless given. report.png is the README's.
"""

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from crmlib.errors import InputError
from crmlib.periods import Period
from crmlib.report import elsewhere, paper

DOCS = Path(__file__).resolve().parent
DESK, PHONE = (1280, 860), (390, 844)
PAGES = 3  # of the PDF, side by side


def main(outputs: Path) -> None:
    """Write the pictures; say what is missing."""
    try:
        browser = paper.browser()
    except InputError as error:
        sys.exit(str(error))
    with sync_playwright() as playwright:
        window = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        for lang in elsewhere.LANGUAGES:
            _pictures(window, outputs, lang)
        window.close()
    shutil.copyfile(DOCS / "report_desk_en.png", DOCS / "report.png")


def _pictures(window: Browser, outputs: Path, lang: str) -> None:
    quarters = "[0-9][0-9][0-9][0-9]Q[1-4]"  # not 2017Q4.explored
    report = max(outputs.glob(f"{quarters}/{elsewhere.report(lang)}"), default=None)
    if report is None:
        sys.exit(f"no {elsewhere.report(lang)} in {outputs}; run the sample in both languages first")
    _shot(window, report, DESK, "light", f"report_desk_{lang}")
    _shot(window, report, DESK, "dark", f"report_dark_{lang}")
    _shot(window, report, PHONE, "light", f"report_phone_{lang}")
    _shot(window, report.parents[1] / elsewhere.index(lang), DESK, "light", f"index_{lang}")
    _print(report, f"report_print_{lang}")


def _shot(window: Browser, file: Path, size: tuple[int, int], scheme: str, name: str) -> None:
    page = window.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page.goto(file.as_uri())
    _save(Image.open(io.BytesIO(page.screenshot())), name)
    page.close()


def _print(report: Path, name: str) -> None:
    """The first pages of the PDF side by side; needs Poppler's pdftoppm."""
    if not shutil.which("pdftoppm"):
        sys.stdout.write("pdftoppm is not there (Debian: poppler-utils); no picture of the print\n")
        return
    with tempfile.TemporaryDirectory() as scratch:
        pdf = Path(scratch) / "report.pdf"
        pdf.write_bytes(paper.printed(report, Period.parse(report.parent.name).as_of))
        subprocess.run(["pdftoppm", "-r", "60", "-l", str(PAGES), "-png", pdf, Path(scratch) / "page"], check=True)
        sheets = [Image.open(file) for file in sorted(Path(scratch).glob("page*.png"))]
        width, height = sheets[0].size
        together = Image.new("RGB", (len(sheets) * (width + 12) - 12, height), "#9aa3ad")
        for n, sheet in enumerate(sheets):
            together.paste(sheet, (n * (width + 12), 0))
        _save(together, name)


def _save(picture: Image.Image, name: str) -> None:
    picture.convert("RGB").save(DOCS / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS.parent / "outputs/sample")
