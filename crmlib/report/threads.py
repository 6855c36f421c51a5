"""Every id of a factor, opportunity, strategy, campaign ... links to the row that tells about it, across chapters."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from markupsafe import Markup, escape

from crmlib.report.sections import Section

_MARK = re.compile(r'<span data-id="(?P<kind>[a-z]+)"(?: data-row="(?P<table>\w+)")?>(?P<id>[^<]*)</span>')
_FIRST = ""  # no table: the first mention
_SAFE = re.compile(r"[A-Za-z0-9_.-]+")
_TOLD_IN = ("strategy_thread", "strategy_cards")
"""What tells about an id before any other table, the last of these first; else the first table of the page does."""

_NAMED_ANYWHERE = {"opportunity"}
"""Kinds whose first mention tells about them, where no table begins with them."""


def link(sections: Iterable[Section]) -> list[Section]:
    """The sections with an anchor at the row of each id, and links to it from everywhere else."""
    chapters = list(sections)
    homes = _homes(chapters)
    placed: set[tuple[str, str]] = set()

    def linked(found: re.Match[str]) -> str:
        key = (found["kind"], found["id"])
        if key not in homes:
            return found["id"]
        anchor = "-".join(key)
        if homes[key] in (found["table"], _FIRST) and key not in placed:
            placed.add(key)
            return f'<span class="told" id="{anchor}">{found["id"]}</span>'
        return f'<a href="#{anchor}">{found["id"]}</a>'

    return [replace(chapter, body=Markup(_MARK.sub(linked, chapter.body))) for chapter in chapters]  # noqa: S704


def mention(words: str, ids: Mapping[str, object], chapters: Iterable[Section]) -> Markup:
    """`words` with a link at each of `ids` (several of a kind are parted by "; ") that a chapter tells about."""
    told = {place for chapter in chapters for place in re.findall(r'class="told" id="([^"]+)"', chapter.body)}
    links = {
        name: Markup('<a href="#{}">{}</a>').format(f"{kind}-{name}", name)
        for kind, names in ids.items()
        for name in str(names or "").split("; ")
        if f"{kind}-{name}" in told
    }
    if not links:
        return escape(words)
    parts = re.split(r"(?<![\w-])(" + "|".join(map(re.escape, links)) + r")(?![\w-])", words)
    return Markup().join(links.get(part, escape(part)) for part in parts)


def _homes(chapters: list[Section]) -> dict[tuple[str, str], str]:
    """For each id the table whose row tells about it."""
    homes: dict[tuple[str, str], str] = {}
    for chapter in chapters:
        for found in _MARK.finditer(chapter.body):
            key, table = (found["kind"], found["id"]), found["table"]
            if not _SAFE.fullmatch(found["id"]):
                continue
            if table and _rank(table) > _rank(homes.get(key, _FIRST)):
                homes[key] = table
            elif found["kind"] in _NAMED_ANYWHERE:
                homes.setdefault(key, _FIRST)
    return homes


def _rank(table: str) -> int:
    return _TOLD_IN.index(table) if table in _TOLD_IN else -2 if table == _FIRST else -1
