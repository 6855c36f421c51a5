"""The pages for people who read with a keyboard, a screen reader or little sight: axe-core finds nothing that matters."""

import re
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
import quarters
from axe_playwright_python.base import AXE_SCRIPT
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from crmlib.report import elsewhere, pages, paper

CHROMIUM = next((path for name in paper.BROWSERS if (path := shutil.which(name))), None)
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
]
MATTERS = {"serious", "critical"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine: install Debian's package `chromium`"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A small quarter with its report and overview in both languages."""
    root = tmp_path_factory.mktemp("pages")
    results, notebooks = quarters.make(root, "en")
    pages.write(results, notebooks, "en", {})
    pages.write(results, quarters.make(root, "zh")[1], "zh", {})
    return results.folder


def opened(browser: Browser, file: Path, scheme: str = "light", width: int = 1280) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme, bypass_csp=True)
    page.goto(file.as_uri())
    return page


def faults(page: Page, *, contrast: bool = True) -> list[str]:
    """What axe-core calls serious or critical, with all folds open. Contrast takes a minute on thousands of cells."""
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    page.evaluate(AXE_SCRIPT)
    options = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": contrast}}}
    found = page.evaluate("options => axe.run(options)", options)["violations"]
    page.close()
    return [
        f"{fault['id']}: {node['target']}" for fault in found if fault["impact"] in MATTERS for node in fault["nodes"]
    ]


def kinds(folder: Path, lang: str) -> tuple[Path, Path]:
    return folder / elsewhere.report(lang), folder.parent / elsewhere.index(lang)


@pytest.mark.parametrize("lang", elsewhere.LANGUAGES)
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)])
def test_axe_finds_nothing_serious(folder, browser, lang, scheme, width):
    for file in kinds(folder, lang):
        assert faults(opened(browser, file, scheme, width)) == []


@pytest.mark.parametrize("lang", elsewhere.LANGUAGES)
def test_axe_finds_nothing_serious_in_the_sample(sample_run, browser, lang):
    for file in kinds(sample_run(lang), lang):
        assert faults(opened(browser, file, "dark", 390), contrast=False) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("<h1>", '<p style="color: #999; background: #fff">pale</p><h1>', "color-contrast"),
        ('<html lang="en">', "<html>", "html-has-lang"),
        ('role="img" aria-label="', 'role="img" data-was="', "svg-img-alt"),
    ],
)
def test_each_fault_would_be_seen(folder, browser, tmp_path, old, new, fault):
    content = (folder / "report.en.html").read_text(encoding="utf-8")
    broken = tmp_path / "broken.html"
    broken.write_text(content.replace(old, new), encoding="utf-8")
    assert any(found.startswith(fault) for found in faults(opened(browser, broken)))


def test_the_keyboard_reaches_the_skip_link_first_then_folds_and_tables(folder, browser):
    page = opened(browser, folder / "report.en.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top >= 0")
    page.keyboard.press("Enter")
    reached: set[str] = set()
    while True:
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.className.split(' ')[0] || document.activeElement.tagName"))
        if "BODY" in reached:
            break
        ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring != "none", reached
    assert {"A", "FIGURE", "SUMMARY", "crm-table"} <= reached
    page.close()


def test_a_link_into_a_fold_opens_it(folder, browser):
    page = opened(browser, folder / "report.en.html")
    assert page.locator("details[open]").count() == 0
    inside = page.locator("details [id]").first.get_attribute("id")
    page.goto((folder / "report.en.html").as_uri() + f"#{inside}")
    assert page.locator("details[open]").count() == 1
    page.close()


def test_text_in_figures_can_be_read_on_a_phone_and_the_page_does_not_scroll_sideways(folder, browser):
    page = opened(browser, folder / "report.zh.html", width=390)
    sizes = page.evaluate("""[...document.querySelectorAll('figure svg')].map(svg => {
        const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width
        return Math.min(...[...svg.querySelectorAll('text')].map(t => parseFloat(getComputedStyle(t).fontSize))) * scale
    })""")
    assert min(sizes) >= 9
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


@pytest.mark.parametrize(("media", "width"), [("screen", 390), ("screen", 1280), ("print", 390)])
def test_the_finding_of_a_figure_is_shown_once_and_never_cut(folder, browser, media, width):
    page = opened(browser, folder / "report.en.html", width=width)
    page.emulate_media(media=media)
    shown = page.evaluate("""[...document.querySelectorAll('figure')].map(figure =>
        [...figure.querySelectorAll('figcaption, .headline')].filter(title => title.getBoundingClientRect().width > 0).map(
            title => [title.tagName, title.textContent.trim() !== '', title.getBoundingClientRect().right]))""")
    assert shown
    for titles in shown:
        assert [(tag, is_said) for tag, is_said, _ in titles] == [
            ("FIGCAPTION" if (media, width) == ("screen", 390) else "g", True)
        ]
        assert titles[0][2] <= width
    page.close()


@pytest.mark.parametrize(
    ("media", "width"), [("screen", 1280), ("screen", 900), ("screen", 600), ("screen", 390), ("print", 688)]
)
@pytest.mark.parametrize("money", ["VND 1,234,567,890", "IDR \u221212,345,678,901"])
def test_amounts_of_ten_digits_stand_clear_of_their_neighbours(folder, browser, media, width, money):
    page = opened(browser, folder / "report.en.html", width=width)
    page.emulate_media(media=media)
    boxes = page.evaluate(
        """money => [...document.querySelectorAll('.numbers .value')].map((value, n) => {
        if (n === 0 || n === 3) value.textContent = money.replace(' ', '\u00a0')
        return value
    }).map(value => {
        const text = document.createRange()
        text.selectNodeContents(value)
        const {left, right, top, bottom} = text.getBoundingClientRect()
        return [left, right, top, bottom]
    })""",
        money,
    )
    assert len(boxes) == 5
    assert all(right <= width for _, right, _, _ in boxes)
    apart = 8 if media == "print" else 16
    for n, (left, right, top, bottom) in enumerate(boxes):
        for other in boxes[n + 1 :]:
            is_beside = other[2] < bottom and other[3] > top
            assert not is_beside or other[0] >= right + apart or other[1] + apart <= left
    page.close()


def test_dark_figures_are_light_on_the_pages_own_dark(folder, browser):
    """The filter turns white paper into the page's colour; a card of its own would glare."""
    page = opened(browser, folder / "report.en.html", "dark")
    figure = page.locator("figure svg").first
    corner = figure.screenshot()
    red, green, blue = Image.open(BytesIO(corner)).convert("RGB").getpixel((3, 3))
    paper_colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert [int(x) for x in re.findall(r"\d+", paper_colour)] == [red, green, blue]
    page.close()
