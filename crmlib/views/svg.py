"""A figure as SVG in two files from one drawing: its text as outlines, and its text as text."""

from typing import Any, Literal

import matplotlib
from matplotlib.backends.backend_mixed import MixedModeRenderer
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure

_TAG_END = ">\n"


def drawn(figure: Figure, alt: str) -> tuple[str, str]:
    """What matplotlib writes with `svg.fonttype` "path", and what it writes with "none", byte for byte."""
    files = _Files()
    width, height = figure.get_size_inches()
    with matplotlib.rc_context():
        svg = _TwiceTold(width * 72, height * 72, files, metadata={"Date": None, "Creator": None, "Title": alt})
        renderer: Any = MixedModeRenderer(figure, width, height, figure.dpi, svg)
        figure.draw(renderer)  # `savefig` would draw everything twice
        renderer.finalize()
    return "".join(files.path), "".join(files.none)


class _Files:
    """The pieces of both files; what is written goes into both unless it is told where."""

    def __init__(self) -> None:
        self.path: list[str] = []
        self.none: list[str] = []
        self._into = [self.path, self.none]

    def write(self, words: str) -> None:
        for file in self._into:
            file.append(words)

    def only(self, fonttype: Literal["path", "none"]) -> None:
        self._into = [self.path if fonttype == "path" else self.none]

    def both(self) -> None:
        self._into = [self.path, self.none]


class _TwiceTold(RendererSVG):
    """Draws each text twice, as outlines and as text, and all else once for both files."""

    def __init__(self, width: float, height: float, files: _Files, **options: Any) -> None:
        self._files = files
        super().__init__(width, height, files, image_dpi=72, **options)

    def draw_text(self, *what: Any, **more: Any) -> None:
        """Add a text to both files."""
        files, at = self._files, len(self._files.path)
        self._draw_one("path", *what, **more)
        if files.path[at] == _TAG_END:  # of the tag around the text, which is closed once
            files.none.append(_TAG_END)
        self._draw_one("none", *what, **more)
        files.both()

    def _draw_one(self, fonttype: Literal["path", "none"], *what: Any, **more: Any) -> None:
        matplotlib.rcParams["svg.fonttype"] = fonttype
        self._files.only(fonttype)
        super().draw_text(*what, **more)
