"""The page in a real browser, offline: no request, no console error, alt text, no tofu, nothing wider than a phone."""

import base64
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import quarters
from fontTools.ttLib import TTFont
from playwright.sync_api import Browser, sync_playwright

from crmlib.report import html

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine: install Debian's package `chromium`"),
]

_LOOK = """async () => {
  await document.fonts.ready;
  const families = getComputedStyle(document.documentElement).getPropertyValue('--family');
  const first = families.split(',')[0].replaceAll('"', '').trim();
  const words = [], elsewhere = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const owner = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || ['STYLE', 'SCRIPT'].includes(owner.tagName)) continue;
    words.push(walker.currentNode.data);
    const family = getComputedStyle(owner).fontFamily.replaceAll("'", '').replaceAll('"', '');
    if (!family.startsWith(first)) elsewhere.add(owner.tagName + ' in ' + family);
  }
  const unnamed = [...document.querySelectorAll('img, svg')].filter(picture =>
    !(picture.getAttribute('alt') || picture.getAttribute('aria-label') || '').trim());
  return {
    words: words.join(''), elsewhere: [...elsewhere], unnamed: unnamed.map(picture => picture.outerHTML.slice(0, 80)),
    fonts: [...document.fonts].filter(face => face.family.replaceAll('"', '') === first).map(face => face.status),
  };
}"""
_WIDER = """() => [document.documentElement.scrollWidth, window.innerWidth]"""


def problems(page_file: Path, browser: Browser) -> list[str]:
    """What is wrong with a page, one sentence each."""
    found: list[str] = []
    address = page_file.resolve().as_uri()
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    page = context.new_page()
    page.on("request", lambda r: r.url.startswith(("data:", address)) or found.append(f"requests {r.url}"))
    page.on("console", lambda said: said.type in ("error", "warning") and found.append(f"console: {said.text}"))
    page.on("pageerror", lambda error: found.append(f"script error: {error}"))
    page.goto(address)
    seen = page.evaluate(_LOOK)
    found += [f"no alt text: {picture}" for picture in seen["unnamed"]]
    found += [f"text in another font: {place}" for place in seen["elsewhere"]]
    if seen["fonts"] != ["loaded"]:
        found.append(f"the embedded font is {seen['fonts'] or 'absent'}")
    tofu = sorted(set(seen["words"]) - _drawable(page_file) - set("\n\t\r"))
    if tofu:
        found.append(f"no glyph for {''.join(tofu)}")
    for width in (390, 820):
        page.set_viewport_size({"width": width, "height": 844})
        content, window = page.evaluate(_WIDER)
        if content > window:
            found.append(f"scrolls sideways at {width} px: {content} px wide")
    context.close()
    return found


def _drawable(page_file: Path) -> set[str]:
    fonts = re.findall(r'url\("data:font/woff2;base64,([^"]+)"', page_file.read_text(encoding="utf-8"))
    return {chr(code) for data in fonts for code in TTFont(io.BytesIO(base64.b64decode(data))).getBestCmap()}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    file = folder / "report.zh.html"
    file.write_text(html.build(*quarters.make(folder, "zh"), "zh"), encoding="utf-8")
    return file


def test_a_chinese_report_is_whole(report, browser):
    assert problems(report, browser) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("<h1>", '<img alt="x" src="http://192.0.2.1/x.png"><h1>', "requests http://192.0.2.1/x.png"),
        ("<h1>", "<script>alert(1)</script><h1>", "console: "),
        ("<h1>", '<svg width="1" height="1"></svg><h1>', "no alt text: <svg"),
        ("<h1>", "<h1>鑫龘", "no glyph for 鑫龘"),
        ("<h1>", '<p style="font-family: serif">x</p><h1>', "text in another font: P in serif"),
        ("<h1>", '<div style="width: 500px">x</div><h1>', "scrolls sideways at 390 px"),
        ('font-family: "Workbook Sans"; src', 'font-family: "Lost"; src', "the embedded font is absent"),
    ],
)
def test_each_fault_would_be_seen(report, browser, tmp_path, old, new, complaint):
    broken = tmp_path / "broken.html"
    content = report.read_text(encoding="utf-8").replace(old, new, 1)
    broken.write_text(content.replace("img-src data:", "img-src data: http:"), encoding="utf-8")
    assert any(problem.startswith(complaint) for problem in problems(broken, browser))


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_report_of_the_sample_is_whole(sample_run, browser, lang):
    assert problems(sample_run(lang) / f"report.{lang}.html", browser) == []
