"""Every id of a factor, opportunity, strategy, campaign ... links to the row that tells about it, across chapters."""

import re
from collections.abc import Iterable
from dataclasses import replace

from markupsafe import Markup

from crmlib.report.sections import Section

_MARK = re.compile(r'<span data-id="(?P<kind>[a-z]+)"(?: data-row="(?P<table>\w+)")?>(?P<id>[^<]*)</span>')
_SAFE = re.compile(r"[A-Za-z0-9_.-]+")
_TOLD_IN = {"strategy_thread"}
"""Tables that tell about an id wherever it stands first in a row; else the first table of the page does."""


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
        if found["table"] == homes[key] and key not in placed:
            placed.add(key)
            return f'<span class="told" id="{anchor}">{found["id"]}</span>'
        return f'<a href="#{anchor}">{found["id"]}</a>'

    return [replace(chapter, body=Markup(_MARK.sub(linked, chapter.body))) for chapter in chapters]  # noqa: S704


def _homes(chapters: list[Section]) -> dict[tuple[str, str], str]:
    """For each id the table whose row tells about it."""
    homes: dict[tuple[str, str], str] = {}
    for chapter in chapters:
        for found in _MARK.finditer(chapter.body):
            key, table = (found["kind"], found["id"]), found["table"]
            if table and _SAFE.fullmatch(found["id"]) and (key not in homes or table in _TOLD_IN):
                homes[key] = table
    return homes
