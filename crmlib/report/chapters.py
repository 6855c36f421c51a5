"""How a section reads: the finding, how it was found, a figure, a table, further sentences; the rest is folded."""

from collections import Counter
from collections.abc import Iterator
from itertools import chain, takewhile

from bs4 import BeautifulSoup, Tag

from crmlib.report.text import text

_LONG = 12  # rows of a table that is shown at once
_PRINTED = 10  # rows of a table on paper (page.css)
_NAMED = 3  # tables that the line of a fold names
_TEXT = ("finding", "prose")

Item = list[Tag]
"""A figure, table or sentence, after the prose that leads to it."""


def arrange(soup: BeautifulSoup, lang: str, evidence: frozenset[str] = frozenset()) -> None:
    """Order and fold each section of a chapter: what follows an `h3`, up to the next.

    A chapter shows the figures and tables named in `evidence`, those that the first screen points to; one without any
    of them shows its first figure. Of every other section it shows the finding, and the rest on a click.
    """
    _tell_apart(soup)
    _note_paper(soup, lang)
    parts = list(_sections(soup))
    leads = _leads([tags for _, tags in parts], evidence)
    for n, (heading, tags) in enumerate(parts):
        wanted = 2 if evidence & {_name(tag) for tag in tags} else 1
        flat = list(takewhile(lambda tag: tag.name != "h4", tags))
        opening, items = _split(flat)
        shown = (
            [
                *(tag for tag in opening if wanted > 1 or _kind(tag) == "finding" or not items),
                *chain.from_iterable(_shown(items, wanted)),
            ]
            if n in leads
            else _headline(opening, items)
        )
        kept = {id(tag) for tag in shown}
        rest = [tag for tag in (*opening, *chain.from_iterable(items)) if id(tag) not in kept] + tags[len(flat) :]
        part = _box(soup, heading, "lead" if n in leads else "part", [heading, *shown])
        _fold(soup, part, rest, lang)
        if n in leads:
            _beside(soup, part)
    _gather(soup)


def _box(soup: BeautifulSoup, place: Tag, kind: str, tags: list[Tag]) -> Tag:
    """A box of this class where `place` stands, with the tags in it."""
    box = soup.new_tag("div", attrs={"class": kind})
    place.insert_before(box)
    box.extend(tag.extract() for tag in tags)
    return box


def _beside(soup: BeautifulSoup, lead: Tag) -> None:
    """The findings before the first figure stand beside it, where the page is wide enough; how it is read, below."""
    inside = lead.find_all(recursive=False)[1:]
    said = list(takewhile(lambda tag: tag.name != "figure", inside))
    findings = [tag for tag in said if _kind(tag) == "finding"]
    if findings and len(said) < len(inside) and all(_kind(tag) in _TEXT for tag in said):
        box = _box(soup, said[0], "beside", [])
        box.append(_box(soup, said[0], "said", findings))
        box.append(inside[len(said)].extract())


def _gather(soup: BeautifulSoup) -> None:
    """Sections of which only the finding is shown stand in two columns."""
    for part in soup.find_all("div", class_="part", recursive=False):
        before = part.find_previous_sibling()
        if before is not None and "parts" in (before.get("class") or []):
            before.append(part.extract())
        else:
            _box(soup, part, "parts", [part])


def _leads(sections: list[list[Tag]], evidence: frozenset[str]) -> list[int]:
    """The sections that are told in full: the first that has each piece of evidence."""
    first: dict[str, int] = {}
    for n, tags in enumerate(sections):
        for tag in tags:
            first.setdefault(_name(tag), n)
    named = sorted({n for name, n in first.items() if name in evidence})
    drawn = [n for n, tags in enumerate(sections) if any(_kind(tag) == "figure" for tag in tags)]
    return named or drawn[:1] or list(range(len(sections)))[:1]


def _name(tag: Tag) -> str:
    return str(tag.get("data-name") or "")


def _headline(opening: list[Tag], items: list[Item]) -> list[Tag]:
    """The first finding; without any, the first sentence, or what is absent."""
    said = [*opening, *chain.from_iterable(items)]
    for kind in ("finding", "prose", "absent"):
        found = [tag for tag in said if _kind(tag) == kind]
        if found:
            return found[:1]
    return []


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


def _note_paper(soup: BeautifulSoup, lang: str) -> None:
    """On paper a long table ends after its first rows (page.css) and says so."""
    for table in soup.find_all(class_="crm-table"):
        if _rows(table) > _PRINTED:
            note = soup.new_tag("p", attrs={"class": "note paper"})
            note.string = text("on_paper", lang, shown=_PRINTED, n=_rows(table))
            table.append(note)


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


def _shown(items: list[Item], wanted: int) -> list[Item]:
    """The first figure, the first short table and every sentence; where one is wanted, the figure alone or the table.

    Where neither is there, what is absent.
    """
    first = [next((item for item in items if _kind(item[-1]) == kind), None) for kind in ("figure", "table")]
    there = [item for item in first if item][:wanted]
    told = ("finding", "prose") if there else ("finding", "prose", "absent")
    return there + [item for item in items if (wanted > 1 or not there) and _kind(item[-1]) in told]


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


def _fold(soup: BeautifulSoup, part: Tag, rest: list[Tag], lang: str) -> None:
    """What is left of a section behind one line that names it; a few words need no fold."""
    drawn = sum(tag.name == "figure" for tag in rest)
    captions = [_caption(tag) for tag in rest if "crm-table" in (tag.get("class") or [])]
    if not drawn and not captions:
        part.extend(tag.extract() for tag in rest)
        return
    named = list(dict.fromkeys(captions))
    words = text("and", lang).join(named[:_NAMED])
    if len(named) > _NAMED:
        words = text("more", lang, named=words, n=len(named) - _NAMED)
    if drawn:
        figures = text("figures" if drawn > 1 else "one_figure", lang, n=drawn)
        words = text("and", lang).join([words, figures] if words else [figures])
    details = _details(soup, text("details", lang, named=words))
    part.append(details)
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
