"""The fonts that measure and draw all text: what they can draw, and how much of a text has room."""

import dataclasses
import functools
import re
from pathlib import Path

import matplotlib
from matplotlib import font_manager
from matplotlib.ft2font import FT2Font
from matplotlib.textpath import text_to_path

FONT_FILE = Path(__file__).parent / "fonts" / "NotoSansSC-GBK.otf"
# Names of our own: a reader's or a machine's other "Noto Sans SC" must never be picked instead. Matplotlib's own font
# follows for what the first lacks, such as the letters of Polish or Vietnamese names.
FONTS = {
    "Workbook Sans": FONT_FILE,
    "Workbook Sans Wide": Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf",
}
_PIECES = re.compile(
    r"\s+|[（《“]*(?:[\u2e80-\u9fff]|[^\s\u2e80-\u9fff（《“，。、；：！？）》”]+)[，。、；：！？）》”]*|."
)


def wrapped(text: str, room: float, size: float) -> str:
    """Break lines between words, and between Chinese characters but not before closing punctuation; in points."""
    lines = [""]
    for part in _PIECES.findall(text):
        if lines[-1] and not part.isspace() and width((lines[-1] + part).rstrip(), size) > room:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def cut(text: str, room: float, size: float) -> str:
    """As much of a line as has room, in points; "…" stands for the rest."""
    if width(text, size) <= room:
        return text
    kept = len(text) - 1
    while kept and width(text[:kept].rstrip() + "…", size) > room:
        kept -= 1
    return text[:kept].rstrip() + "…"


def width(text: str, size: float) -> float:
    """How wide a line is drawn, in points."""
    add_fonts()
    font = font_manager.FontProperties(family=list(FONTS), size=size)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])


@functools.cache
def glyphs(font: str) -> frozenset[int]:
    """Code points that one of `FONTS` can draw."""
    return frozenset(FT2Font(str(FONTS[font])).get_charmap())


@functools.cache
def add_fonts() -> None:
    """Make the fonts known to matplotlib."""
    for name, file in FONTS.items():
        found = font_manager.ttfFontProperty(FT2Font(str(file)))
        font_manager.fontManager.ttflist.append(dataclasses.replace(found, name=name))
