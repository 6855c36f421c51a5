"""Small line charts as inline SVG: a spark line beside a number, a KPI over all quarters on the index."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

_SPARK = (104.0, 26.0)
_TREND = (340.0, 116.0)
_PAD = 4.0
_BELOW, _ABOVE = 24.0, 10.0
_SIDE = 76.0  # left and right of the line, for its first and last value


@dataclass(frozen=True)
class Spot:
    """A value at a quarter, as a number and in words, with its interval; `is_partial` keeps it off the line."""

    period: str
    value: float
    words: str
    low: float | None = None
    high: float | None = None
    is_partial: bool = False


def spark(spots: Sequence[Spot], alt: str) -> Markup:
    """A line without axes, its last value dotted; nothing where fewer than two values are known."""
    shown = [spot for spot in spots if _known(spot)]
    if len(shown) < 2:
        return Markup()
    width, height = _SPARK
    at = _places(shown, (_PAD, width - _PAD), (height - _PAD, _PAD))
    drawn = Markup('<polyline class="line" points="{}"/><circle class="dot" cx="{}" cy="{}" r="2.5"/>')
    return _svg("spark", _SPARK, alt, drawn.format(_points(at), *at[-1]))


def trend(spots: Sequence[Spot], alt: str) -> Markup:
    """A KPI over the quarters with its interval, first and last value written out."""
    shown = [spot for spot in spots if _known(spot)]
    if not shown:
        return Markup()
    width, height = _TREND
    room = (height - _BELOW, _ABOVE)
    at = _places(shown, (_SIDE, width - _SIDE), room)
    parts = [Markup('<path class="axis" d="M{} {}H{}"/>').format(_SIDE, height - _BELOW + 4, width - _SIDE)]
    parts.append(_band(shown, at, room))
    parts.append(Markup('<polyline class="line" points="{}"/>').format(_points(at)))
    parts += [Markup('<circle class="dot" cx="{}" cy="{}" r="2.5"/>').format(x, y) for x, y in at]
    for n, anchor, aside in ((0, "end", -7.0), (len(shown) - 1, "start", 7.0))[: len(shown)]:
        x, y = at[n]
        parts.append(_label(x + aside, y + 4, anchor, shown[n].words))
        parts.append(_label(x, height - 4, "middle", shown[n].period, "tick"))
    return _svg("trend", _TREND, alt, Markup().join(parts))


def _known(spot: Spot) -> bool:
    return not (spot.is_partial or pd.isna(spot.value))


def _places(shown: Sequence[Spot], across: tuple[float, float], up: tuple[float, float]) -> list[tuple[float, float]]:
    """Where each value stands; equal values lie in the middle."""
    span = _span(shown)
    step = (across[1] - across[0]) / max(len(shown) - 1, 1)
    return [(round(across[0] + n * step, 1), _height(spot.value, span, up)) for n, spot in enumerate(shown)]


def _span(shown: Sequence[Spot]) -> tuple[float, float]:
    ends = [x for spot in shown for x in (spot.value, spot.low, spot.high) if x is not None and not pd.isna(x)]
    return min(ends), max(ends)


def _height(value: float, span: tuple[float, float], up: tuple[float, float]) -> float:
    low, high = span
    share = (value - low) / (high - low) if high > low else 0.5
    return round(up[0] + share * (up[1] - up[0]), 1)


def _band(shown: Sequence[Spot], at: list[tuple[float, float]], up: tuple[float, float]) -> Markup:
    """The interval, where each value has one."""
    span = _span(shown)
    known = [spot for spot in shown if spot.low is not None and not pd.isna(spot.low)]
    if len(known) < len(shown) or len(shown) < 2:
        return Markup()
    over = [(x, _height(spot.high or 0.0, span, up)) for (x, _y), spot in zip(at, shown, strict=True)]
    under = [(x, _height(spot.low or 0.0, span, up)) for (x, _y), spot in zip(at, shown, strict=True)]
    return Markup('<polygon class="band" points="{}"/>').format(_points(over + under[::-1]))


def _label(x: float, y: float, anchor: str, words: str, kind: str = "value") -> Markup:
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(kind, x, y, anchor, words)


def _points(at: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in at)


def _svg(kind: str, size: tuple[float, float], alt: str, drawn: Markup) -> Markup:
    box = f"0 0 {size[0]:.0f} {size[1]:.0f}"
    return Markup('<svg class="{}" role="img" aria-label="{}" viewBox="{}">{}</svg>').format(kind, alt, box, drawn)
