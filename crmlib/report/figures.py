"""Figures placed in a page: inline SVG whose text is text, with its message as the alt text."""

import re
from html import escape

_FULL_WIDTH = 518.4  # points: 7.2 inches fill the column, a narrower figure keeps the same text size
_DESCENT = 5  # points: what letters of a title reach below their line
_LEGIBLE = 9.2  # pixels: the least text on a phone, where a wider figure scrolls in its own box


def inline(svg: str, prefix: str, alt: str) -> str:
    """The `<svg>` element alone; its ids are kept only where they are referred to, and carry `prefix`."""
    svg = re.sub(r"<(metadata|style|title)\b.*?</\1>", "", svg[svg.index("<svg") :], flags=re.S)
    used = set(re.findall(r"""(?:url\(#|href=")#?([^)"]+)""", svg))
    svg, depth = _titled(svg)
    svg = re.sub(r"<[^>]+>", lambda tag: _own_ids(tag[0], prefix, used), svg)
    svg = re.sub(r"<defs>\s*</defs>|(?<=>)\s+(?=<)", "", svg)
    head, rest = svg.split(">", 1)
    return f'<svg role="img" aria-label="{escape(alt)}" {_size(head, rest, depth)}>{rest.strip()}'


def _titled(svg: str) -> tuple[str, float]:
    """The title as a class of its own, which a phone leaves out, and how far down it reaches."""
    title = re.search(r'<g id="finding">.*?</g>', svg, re.S)
    if not title:
        return svg, 0
    lines = [float(y) for y in re.findall(r'(?:translate\([\d.]+ | y=")([\d.]+)', title[0])]
    return svg.replace('<g id="finding">', '<g class="headline">', 1), max(lines, default=0) + _DESCENT


def _own_ids(tag: str, prefix: str, used: set[str]) -> str:
    tag = re.sub(r' id="([^"]*)"', lambda found: f' id="{prefix}-{found[1]}"' if found[1] in used else "", tag)
    return re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}-", tag)


def _size(head: str, rest: str, depth: float) -> str:
    """The root's view box, a width in proportion to a full-width figure, the least width for legible text.

    `--head` is the part of the width by which the drawing moves up where its title is left out.
    """
    box = re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)"', head)
    if not box:
        return 'preserveAspectRatio="xMinYMin meet"'
    share = min(100.0, 100 * float(box[1]) / _FULL_WIDTH)
    sizes = [float(size) for size in re.findall(r"font(?:-size)?: ?(?:\w+ )?([\d.]+)px", rest)]
    least = f"; --least: {_LEGIBLE * float(box[1]) / min(sizes):.0f}px" if sizes else ""
    up = f"; --head: {depth / float(box[1]):.4f}" if depth else ""
    return f'viewBox="0 0 {box[1]} {box[2]}" style="width:{share:.4g}%{least}{up}"'
