"""How much a column's name looks like one of our fields, by the names in `column_names.yml`."""

import re
from functools import cache
from importlib import resources

from crmlib import yml

PART = 50.0
"""The most that a name is like a field of whose names it only holds one."""


@cache
def names() -> dict[str, tuple[str, ...]]:
    """Our field: the names that its column has elsewhere, the best known first."""
    text = resources.files(__package__).joinpath("column_names.yml").read_text(encoding="utf-8")
    return {field: tuple(words.split()) for field, words in yml.read(text).items()}


def plain(name: str) -> str:
    """A column name without case, spaces, signs, and what stands in brackets (a unit, mostly)."""
    bare = re.sub(r"[(（\[【].*?[)）\]】]", "", name)
    return re.sub(r"[\W_]+", "", bare or name).lower()


def likeness(field: str, column: str) -> float:
    """How much a column's name is that of a field: 100 for the best known name, 0 for nothing in common."""
    name, known = plain(column), names()[field]
    if name == plain(field):
        return 101.0
    if name in known:
        return 100.0 - known.index(name) / 4
    within = [word for word in known if word in name and _tells(word)]
    return max((30.0 + 20 * len(word) / len(name) for word in within), default=0.0)


def _tells(word: str) -> bool:
    """Whether a word says something as a part of a name: `qty` would be found in too many others."""
    return len(word) > (3 if word.isascii() else 1)
