"""The glyphs that one page uses, cut from the embedded fonts."""

import base64
import io
import unicodedata
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

from crmlib.errors import InputError
from crmlib.views import lettering, style

_ALWAYS = frozenset(chr(code) for code in range(0x20, 0x7F))


def faces(page: str) -> str:
    """`@font-face` rules with the characters of `page` as woff2; a character that no font can draw is an error."""
    left = _ALWAYS.union(page) - set("\t\n\r")
    missing = sorted(c for c in left if not style.is_drawable(c))
    if missing:
        names = ", ".join(f"{c!r} ({unicodedata.name(c, 'unnamed')}, U+{ord(c):04X})" for c in missing)
        raise InputError(f"the report's fonts lack {names}; replace it in the notebook or the data")
    rules = []
    for name, file in lettering.FONTS.items():
        here = {c for c in left if ord(c) in lettering.glyphs(name)}
        left = left - here
        if here:
            data = base64.b64encode(_subset(file, "".join(sorted(here)))).decode()
            rules.append(
                f'@font-face {{ font-family: "{name}"; src: url("data:font/woff2;base64,{data}") format("woff2"); }}'
            )
    return "\n".join(rules)


def _subset(file: Path, characters: str) -> bytes:
    options = subset.Options(layout_features=["kern", "pwid"], hinting=False)
    options.drop_tables = [*options.drop_tables, "FFTM"]  # time stamps of the font's maker
    cut = subset.Subsetter(options)
    cut.populate(text=characters)
    buffer = io.BytesIO()
    with TTFont(file, lazy=True, recalcTimestamp=False, recalcBBoxes=False) as font:  # boxes would take half the time
        cut.subset(font)
        font.flavor = "woff2"
        font.save(buffer)
    return buffer.getvalue()
