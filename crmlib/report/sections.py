"""Executed notebooks become sections: prose of one language, tables, sentences and figures; no code."""

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from bs4 import BeautifulSoup, Tag
from markupsafe import Markup, escape
from nbconvert import HTMLExporter
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from traitlets.config import Config

from crmlib import schema
from crmlib.report import chapters, figures
from crmlib.report.text import text
from crmlib.views import style

_TEMPLATES = Path(__file__).parent / "templates"
_HIDDEN = {"remove_cell", "papermill-error-cell-tag"}
_FORBIDDEN = ("script", "style", "link", "meta", "iframe", "object", "embed", "form", "base")

Layout = Callable[[BeautifulSoup, str], None]
"""Changes a section's parts in place: which come first, which are folded."""


@dataclass(frozen=True)
class Section:
    """One notebook in the page: `headings` as (anchor, text), `places` the anchor above each named figure and table."""

    anchor: str
    title: str
    body: Markup
    state: str = "done"
    headings: tuple[tuple[str, str], ...] = ()
    places: dict[str, str] = field(default_factory=dict)


def read(notebooks: list[Path], lang: str, layout: Layout = chapters.fold_long) -> list[Section]:
    """The notebooks in their order, with a stated gap for each step that none of them belongs to."""
    found = {path.stem.removesuffix(".failed"): _section(path, lang, layout) for path in notebooks}
    expected = {f"{n}0_{step}": _absent(step, lang) for n, step in enumerate(schema.STEPS, 1)}
    return [section for _, section in sorted({**expected, **found}.items())]


def _absent(step: str, lang: str) -> Section:
    note = Markup('<p class="crm-absent">{}</p>').format(text("did_not_run", lang))
    return Section(step, text(f"step_{step}", lang), note, "absent", places={step: step})


def _section(path: Path, lang: str, layout: Layout) -> Section:
    name = path.stem.removesuffix(".failed").split("_", 1)[-1]
    notebook = nbformat.read(path, as_version=4)
    failures = [
        n for n, cell in enumerate(notebook.cells) if any(o.output_type == "error" for o in cell.get("outputs", []))
    ]
    if failures:
        notebook.cells = notebook.cells[: failures[0] + 1]
    chapter = {"name": name, "lang": lang, "drawn": []}
    exported, resources = _exporter(lang).from_notebook_node(notebook, {"chapter": chapter})
    soup = BeautifulSoup(exported, "html.parser")
    _clean(soup, lang)
    _say_absence_once(soup)
    _drop_announcements(soup)
    _drop_empty_headings(soup)
    title, headings = _number_headings(soup, name)
    places = _places(soup, name)
    layout(soup, lang)
    body = str(soup)
    for n, svg in enumerate(resources["chapter"]["drawn"]):
        body = body.replace(f'<div data-drawn="{n}"></div>', svg)
    state = "failed" if failures else "done"
    return Section(name, title or name, _trusted(body), state, tuple(headings), places)


@functools.cache
def _exporter(lang: str) -> "_Exporter":
    """nbconvert with our template: cells of the other language and those tagged `remove_cell` are left out."""
    others = {"en", "zh"} - {lang}
    exporter = _Exporter(
        template_name="notebook",
        extra_template_basedirs=[str(_TEMPLATES)],
        exclude_anchor_links=True,
        optimistic_validation=True,  # once, not after each preprocessor
        filters={"figure": _figure, "plain": _plain, "failure": _failure},
        config=Config({"TagRemovePreprocessor": {"enabled": True, "remove_cell_tags": others | _HIDDEN}}),
    )
    exporter.register_preprocessor("nbconvert.preprocessors.TagRemovePreprocessor", enabled=True)
    return exporter


class _Exporter(HTMLExporter):
    """nbconvert's, which parses the finished page to complete it; we parse and complete it ourselves."""

    def from_notebook_node(  # type:ignore[override]
        self, nb: nbformat.NotebookNode, resources: dict[str, Any] | None = None, **more: Any
    ) -> tuple[str, dict[str, Any]]:
        """The body of a notebook's page, as the template has it."""
        given = self._init_resources(resources)
        told = WidgetsDataTypeFilter(notebook_metadata=self._nb_metadata, parent=self, resources=given)
        self.register_filter("filter_data_type", told)
        body, given = TemplateExporter.from_notebook_node(self, nb, given, **more)
        return body, given


def _trusted(body: str) -> Markup:
    return Markup(body)  # noqa: S704 - views escape what they show, `_clean` took out the rest


def _result_name(source: str) -> str:
    """The variable that a cell ends with: the name of the figure it shows."""
    last = source.rstrip().rsplit("\n", 1)[-1].strip()
    return last if last.isidentifier() else ""


def _failure(said: str, chapter: Mapping[str, Any]) -> str:
    lines = Markup("<br>").join(escape(style.legible(line)) for line in said.splitlines())
    box = Markup('<div class="failed"><p><strong>{}</strong></p><p>{}</p></div>')
    return box.format(text("failed", chapter["lang"]), lines)


def _figure(output: Any, source: str, chapter: Mapping[str, Any]) -> str:
    """Where a figure goes; its SVG is kept aside, because an HTML parser would change its tags."""
    result, drawn, data = _result_name(source), chapter["drawn"], output.data
    kind = "image/svg+xml" if "image/svg+xml" in data else "image/png"
    metadata = output.metadata.get(kind, {})
    alt = metadata.get("alt") or text("figure", chapter["lang"], name=result)
    if metadata.get("empty"):
        return Markup('<p class="crm-absent" data-name="{}">{}</p>').format(result, alt)
    if kind == "image/svg+xml":
        drawn.append(figures.inline(data.get(style.INLINE_SVG) or data[kind], f"{chapter['name']}-{len(drawn)}", alt))
        title = metadata.get("finding")
        caption = Markup('<figcaption aria-hidden="true">{}</figcaption>').format(title) if title else ""
        return f'<figure data-name="{result}" tabindex="0">{caption}<div data-drawn="{len(drawn) - 1}"></div></figure>'
    png = re.sub(r"\s", "", data[kind])
    picture = Markup('<figure data-name="{}"><img alt="{}" src="data:image/png;base64,{}"></figure>')
    return picture.format(result, alt, png)


def _plain(words: str) -> str:
    return Markup("<pre>{}</pre>").format(style.legible(words))


def _clean(soup: BeautifulSoup, lang: str) -> None:
    """Take out what the page may not hold; our own views never write it, an edited notebook may."""
    for tag in soup.find_all(_FORBIDDEN):
        tag.decompose()
    for tag in soup.find_all():
        for attribute in list(tag.attrs):
            script = re.match(r"\s*(javascript|vbscript):", str(tag.attrs[attribute]), re.IGNORECASE)
            if attribute.startswith("on") or script:
                del tag.attrs[attribute]
    for image in soup.find_all("img"):
        if not str(image.get("src", "")).startswith("data:image/"):
            image.decompose()
        elif "alt" not in image.attrs:
            image["alt"] = text("figure", lang, name="").strip()


def _drop_empty_headings(soup: BeautifulSoup) -> None:
    """A heading over a cell that only saves has nothing to say to a reader."""
    below = None
    for tag in reversed(soup.find_all(recursive=False)):
        level = int(tag.name[1]) if re.fullmatch("h[2-6]", tag.name) else 7
        if level < 7 and (below is None or below <= level):
            tag.decompose()
            continue
        below = level


def _say_absence_once(soup: BeautifulSoup) -> None:
    """Where a section's sentence is all there is, the charts and tables that are absent need not say so again."""
    section: list[Tag] = []
    end = soup.new_tag("h1")
    for tag in [*soup.find_all(recursive=False), end]:
        if not re.fullmatch("h[1-6]", tag.name):
            section.append(tag)
            continue
        absent = [t for t in section if "crm-absent" in (t.get("class") or [])]
        shown = [t for t in section if t.name != "p" or t.get("class")]
        if len(absent) + sum("finding" in (t.get("class") or []) for t in shown) == len(shown) > len(absent):
            for repeated in absent:
                repeated.decompose()
        section = []


def _drop_announcements(soup: BeautifulSoup) -> None:
    """Prose that announces what follows (it ends in a colon) goes where nothing follows."""
    for tag in soup.find_all("p", class_=False, recursive=False):
        after = tag.find_next_sibling()
        if tag.get_text().rstrip().endswith((":", "：")) and (after is None or re.fullmatch("h[1-6]", after.name)):
            tag.decompose()


def _number_headings(soup: BeautifulSoup, name: str) -> tuple[str, list[tuple[str, str]]]:
    """Take out the first `h1` as the title; shift the others one level down without a jump, each with an id."""
    title, listed, level = "", [], 2
    for n, tag in enumerate(soup.find_all(re.compile("^h[1-6]$"))):
        if tag.name == "h1" and not title:
            title = tag.get_text(" ", strip=True)
            tag.decompose()
            continue
        level = min(max(int(tag.name[1]) + 1, 3), level + 1, 6)
        tag.name, tag["id"] = f"h{level}", f"{name}-{n}"
        if level == 3:
            listed.append((f"{name}-{n}", tag.get_text(" ", strip=True)))
    return title, listed


def _places(soup: BeautifulSoup, name: str) -> dict[str, str]:
    places, here = {name: name}, name
    for tag in soup.find_all(lambda tag: isinstance(tag, Tag) and (tag.name == "h3" or tag.has_attr("data-name"))):
        if tag.name == "h3":
            here = str(tag["id"])
        elif tag["data-name"]:
            places.setdefault(str(tag["data-name"]), here)
    return places
