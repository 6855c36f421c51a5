"""How a section reads: the finding, how it was found, a figure, a table, further sentences; the rest is folded."""

from collections import Counter
from collections.abc import Iterator
from itertools import takewhile

from bs4 import BeautifulSoup, Tag

from crmlib.report.text import text

_LONG = 12  # rows of a table that is shown at once
_NAMED = 3  # tables that the line of a fold names
_TEXT = ("finding", "prose")

Item = list[Tag]
"""A figure, table or sentence, after the prose that leads to it."""


def arrange(soup: BeautifulSoup, lang: str) -> None:
    """Order and fold each section of a chapter: what follows an `h3`, up to the next."""
    _tell_apart(soup)
    for heading, tags in list(_sections(soup)):
        flat = list(takewhile(lambda tag: tag.name != "h4", tags))
        opening, items = _split(flat)
        shown = _shown(items)
        place = heading
        for tag in (*opening, *(tag for item in shown for tag in item)):
            place.insert_after(tag.extract())
            place = tag
        kept = {id(item) for item in shown}
        rest = [tag for item in items if id(item) not in kept for tag in item] + tags[len(flat) :]
        _fold(soup, place, rest, lang)


def fold_long(soup: BeautifulSoup, lang: str) -> None:
    """Long tables open on a click (or the space bar); the sentence and the figure before them have the message."""
    for table in soup.find_all(class_="crm-table"):
        if _rows(table) > _LONG:
            words = text("folded", lang, caption=_caption(table), n=_rows(table))
            table.wrap(_details(soup, words))


def _tell_apart(soup: BeautifulSoup) -> None:
    """Tables of one name get numbers in their labels, so that a screen reader's list of regions tells them apart."""
    seen: Counter[str] = Counter()
    for table in soup.find_all(class_="crm-table", role="region"):
        label = str(table["aria-label"])
        seen[label] += 1
        if seen[label] > 1:
            table["aria-label"] = f"{label} ({seen[label]})"


def _sections(soup: BeautifulSoup) -> Iterator[tuple[Tag, list[Tag]]]:
    for heading in soup.find_all("h3", recursive=False):
        after = heading.find_next_siblings()
        yield heading, list(takewhile(lambda tag: tag.name != "h3", after))


def _split(tags: list[Tag]) -> tuple[list[Tag], list[Item]]:
    """What a section opens with, its findings first, and the items after that."""
    start = list(takewhile(lambda tag: _kind(tag) in _TEXT, tags))
    findings = [n for n, tag in enumerate(start) if _kind(tag) == "finding"]
    end = findings[-1] + 1 if findings else len(start)
    said = [tag for tag in start[:end] if _kind(tag) == "prose"]
    for tag in said:
        tag["class"] = "how"
    return [start[n] for n in findings] + said, _items(tags[end:])


def _items(tags: list[Tag]) -> list[Item]:
    items: list[Item] = []
    lead: Item = []
    for tag in tags:
        lead.append(tag)
        if _kind(tag) != "prose":
            items.append(lead)
            lead = []
    return [*items, lead] if lead else items


def _shown(items: list[Item]) -> list[Item]:
    """The first figure, the first short table, then every sentence; where neither is there, what is absent."""
    first = [next((item for item in items if _kind(item[-1]) == kind), None) for kind in ("figure", "table")]
    there = [item for item in first if item]
    told = ("finding", "prose") if there else ("finding", "prose", "absent")
    return there + [item for item in items if _kind(item[-1]) in told]


def _kind(tag: Tag) -> str:
    classes: list[str] = list(tag.get("class") or [])
    if "crm-table" in classes:
        return "table" if "short" in classes else "long"
    if "cards-box" in classes:
        return "table"
    if "crm-absent" in classes:
        return "absent"
    if "finding" in classes:
        return "finding"
    return tag.name if tag.name == "figure" else "prose" if tag.name in ("p", "ul", "ol") else "other"


def _fold(soup: BeautifulSoup, place: Tag, rest: list[Tag], lang: str) -> None:
    """What is left of a section behind one line that names it; a few words need no fold."""
    drawn = sum(tag.name == "figure" for tag in rest)
    captions = [_caption(tag) for tag in rest if "crm-table" in (tag.get("class") or [])]
    if not drawn and not captions:
        for tag in rest:
            place.insert_after(tag.extract())
            place = tag
        return
    named = list(dict.fromkeys(captions))
    words = text("and", lang).join(named[:_NAMED])
    if len(named) > _NAMED:
        words = text("more", lang, named=words, n=len(named) - _NAMED)
    if drawn:
        figures = text("figures" if drawn > 1 else "one_figure", lang, n=drawn)
        words = text("and", lang).join([words, figures] if words else [figures])
    details = _details(soup, text("details", lang, named=words))
    place.insert_after(details)
    details.extend(tag.extract() for tag in rest)


def _details(soup: BeautifulSoup, words: str) -> Tag:
    details = soup.new_tag("details", attrs={"class": "fold"})
    summary = soup.new_tag("summary")
    summary.string = words
    details.append(summary)
    return details


def _rows(table: Tag) -> int:
    return len(table.find_all("tr")) - 1


def _caption(table: Tag) -> str:
    """Without the badge."""
    words = table.caption.find_all(string=True, recursive=False) if table.caption else []
    return " ".join(" ".join(words).split())
