"""How everything looks: chart theme, colours, number formats.

No pyplot and no global setting: a chart is drawn inside `chart`, and turned into SVG by `picture`.
"""

import dataclasses
import functools
import inspect
import math
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, cast

import matplotlib
import pandas as pd
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from crmlib.errors import InputError
from crmlib.params import Book
from crmlib.views import lettering, svg

INK, MUTED, GREY, LINE, PAPER = "#1c2733", "#5b6672", "#9aa3ad", "#d5dae0", "#ffffff"
ACCENT, WARNING = "#1f5a8a", "#c2571a"
SEQUENTIAL = LinearSegmentedColormap.from_list("workbook", ["#f1f5f9", "#8fb3d1", ACCENT])
# Okabe and Ito's palette (2008): told apart with any colour vision, and ordered from best to worst tier.
TIER_COLOURS = {"high": "#0072b2", "potential": "#56b4e9", "general": "#e69f00", "risk": "#d55e00", "none": GREY}
COLOURS = (ACCENT, "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7")

_THEME: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 10.5,
    "axes.linewidth": 0.6,
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlepad": 14,
    "axes.titlesize": 14,
    "font.family": list(lettering.FONTS),
    "font.size": 11,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.fontsize": 10.5,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.hashsalt": "crmlib",
    "text.color": INK,
    "text.hinting": "no_hinting",  # hinted widths are measured shorter than SVG draws them
    "text.parse_math": False,  # "$" is money here
    "xtick.color": MUTED,
    "xtick.labelsize": 10.5,
    "xtick.major.size": 3,
    "xtick.major.width": 0.6,
    "ytick.color": MUTED,
    "ytick.labelsize": 10.5,
    "ytick.major.size": 3,
    "ytick.major.width": 0.6,
}
_MARGIN = 3 / 72  # inches: what the layout leaves around a figure
_FINDING = "finding"
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NO_VALUE = {"en": "n/a", "zh": "无数据"}
_SIGNS = {"USD": "$", "CNY": "¥", "EUR": "€", "GBP": "£"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

P = ParamSpec("P")


@dataclasses.dataclass(frozen=True)
class Picture:
    """A finished figure: `svg` stands alone (text as outlines), `inline` is for a page that has the font.

    `finding`: its title in one line; `is_empty`: it only states that there is nothing to draw.
    """

    svg: str
    inline: str
    alt: str
    finding: str = ""
    is_empty: bool = False

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(self, include: Any, exclude: Any) -> tuple[dict[str, str], dict[str, Any]]:  # noqa: ARG002
        data = {"image/svg+xml": self.svg, INLINE_SVG: self.inline, "text/plain": self.alt}
        return data, {"image/svg+xml": {"alt": self.alt, "finding": self.finding, "empty": self.is_empty}}


_EMPTY = "nothing to draw"
INLINE_SVG = "application/vnd.crmlib.svg"


TOO_SMALL = {"en": "Not drawn: every group has too few customers to be told", "zh": "未绘制：各组客户过少，不宜披露"}
_SOME_TOO_SMALL = {"en": "Groups with too few customers to be told are left out", "zh": "客户过少、不宜披露的组未绘制"}


def chart(width: float = 7.2, height: float = 3.6) -> Callable[[Callable[P, Axes]], Callable[P, Axes]]:
    """Give a drawing function its axes (inches) when it gets none, and our theme while it draws."""

    def decorate(draw: Callable[P, Axes]) -> Callable[P, Axes]:
        signature = inspect.signature(draw)

        @functools.wraps(draw)
        def drawn(*args: P.args, **kwargs: P.kwargs) -> Axes:
            call = signature.bind(*args, **kwargs)
            with _theme():
                if call.arguments.get("ax") is None:
                    call.arguments["ax"] = Figure((width, height), dpi=72, layout="constrained").subplots()
                if any(getattr(given, "attrs", {}).get("withheld") for given in call.args):
                    return empty(call.arguments["ax"], TOO_SMALL[str(call.arguments["lang"])])
                ax = draw(*call.args, **call.kwargs)
                if any(getattr(given, "attrs", {}).get("left_out") for given in call.args):
                    _add_note(ax, _SOME_TOO_SMALL[str(call.arguments["lang"])])
                return ax

        return drawn

    return decorate


def finish(ax: Axes, title: str, alt: str) -> Axes:
    """Set the finding as the title, wrapped to the figure's width, and what a reader who cannot see it is told."""
    wrapped = lettering.wrapped(title, _room(ax), float(ax.title.get_fontsize()))
    ax.set_title(wrapped, loc="left", linespacing=1.4).set_gid(_FINDING)
    ax.set_label(title)
    _figure(ax).set_label(alt)
    return ax


def _add_note(ax: Axes, text: str) -> None:
    """A line below the figure, also for a reader who cannot see it."""
    if ax.get_label() != _EMPTY:
        _figure(ax).supxlabel(text, x=0, ha="left", fontsize=9, color=MUTED)
        _figure(ax).set_label(f"{_figure(ax).get_label()} ({text})")


def empty(ax: Axes, text: str) -> Axes:
    """State an absent result instead of drawing it."""
    _figure(ax).set_figheight(0.9)
    _figure(ax).set_label(text)
    ax.set_axis_off()
    ax.set_label(_EMPTY)
    ax.text(0, 0.5, lettering.wrapped(text, _room(ax), 11), color=MUTED, va="center", transform=ax.transAxes)
    return ax


def picture(ax: Axes) -> Picture:
    """The figure of `ax` as SVG, the same bytes each time; a missing glyph or alt text is an error."""
    figure = _figure(ax)
    alt = str(figure.get_label())
    if not alt:
        raise TypeError("a chart ends in style.finish(ax, title=..., alt=...)")
    with _theme(), _no_tofu():
        _lay_out(figure)
        drawn, inline = svg.drawn(figure, alt)
        title = str(ax.get_label())
        return Picture(drawn, inline, alt, *(("", True) if title == _EMPTY else (title, False)))


def money(minor: Any, book: Book, lang: str) -> str:
    """An amount in the currency's minor unit, e.g. "$403,178"; from 1,000 on in whole units. None and NaN are "n/a"."""
    if _absent(minor):
        return _NO_VALUE[lang]
    major = float(minor) / 10**book.minor_digits
    digits = 0 if round(abs(major), book.minor_digits) >= 1000 else book.minor_digits
    sign = _SIGNS.get(book.currency, book.currency + "\u00a0")
    return _minus(major, digits) + sign + _plain(abs(major), digits)


def number(x: Any, lang: str, digits: int | None = None) -> str:
    """Thousands separated; whole numbers whole, others with about three figures unless `digits` says how many."""
    if _absent(x):
        return _NO_VALUE[lang]
    value = float(x)
    if digits is None:
        digits = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return _minus(value, digits) + _plain(abs(value), digits)


def percent(x: Any, lang: str, digits: int = 1) -> str:
    """A share or rate of 0-1 as "42.5%"."""
    if _absent(x):
        return _NO_VALUE[lang]
    value = 100 * float(x)
    return _minus(value, digits) + _plain(abs(value), digits) + "%"


def share(x: Any, lang: str) -> str:
    """A part of a whole, where a few of many are not nobody: "<0.1%" instead of "0.0%"."""
    return "<0.1%" if not _absent(x) and 0 < float(x) < 0.0005 else percent(x, lang)


def points(x: float, lang: str) -> str:
    """Points of 100 with one decimal, but 99.97 is not all of them: "99.9"."""
    return number(min(x, 99.9) if x < 100 else x, lang, 1)


def day(d: Any, lang: str) -> str:
    """A date in a sentence: "31 Dec 2017", "2017年12月31日"; tables use ISO dates."""
    if d is None or pd.isna(d):
        return _NO_VALUE[lang]
    if lang == "zh":
        return f"{d.year}年{d.month}月{d.day}日"
    return f"{d.day} {_MONTHS[d.month - 1]} {d.year}"


def legible(text: str) -> str:
    """`text` with each character that the fonts lack, or that reorders what follows it, written out in brackets.

    Emoji in a customer's comment would otherwise be a box on one machine and a picture on the next.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c in "\t\n\r" or is_drawable(c) else f"[{_name(c)}]" for c in text)


def in_order(text: str) -> str:
    """`text` with each character that reorders what follows it ("gnp.exe" for "exe.png") written out in brackets."""
    if text.isascii():
        return text
    return "".join(f"[{_name(c)}]" if c in _REORDERING else c for c in text)


def is_drawable(char: str) -> bool:
    """Whether the embedded fonts have `char`, or `char` takes no room and does no harm."""
    if char in _REORDERING:
        return False
    return (
        any(ord(char) in lettering.glyphs(name) for name in lettering.FONTS)
        or unicodedata.category(char) == "Cf"
        or "\ufe00" <= char <= "\ufe0f"
    )


def _figure(ax: Axes) -> Figure:
    return cast("Figure", ax.get_figure(root=True))


def _room(ax: Axes) -> float:
    """Width for text, in points."""
    return (_figure(ax).get_figwidth() - 2 * _MARGIN) * 72


def _name(char: str) -> str:
    return unicodedata.name(char, f"U+{ord(char):04X}").lower()


@contextmanager
def _theme() -> Iterator[None]:
    """Our settings over matplotlib's own defaults, whatever the machine's matplotlibrc says."""
    lettering.add_fonts()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_THEME)
        yield


@contextmanager
def _no_tofu() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=r"Glyph .* missing from")
        try:
            yield
        except UserWarning as missing:
            found = str(missing).split(" missing")[0]
            problem = f"a chart's text has a character that the embedded fonts lack: {found}; replace it in the data"
            raise InputError(problem) from None


def _lay_out(figure: Figure) -> None:
    """Place everything once, then move the finding to the figure's left edge, above the axis labels."""
    engine = figure.get_layout_engine()
    if engine:
        engine.execute(figure)
    figure.set_layout_engine("none")
    for ax in figure.axes:
        for title in ax.findobj(lambda artist: artist.get_gid() == _FINDING):
            title.set_x((_MARGIN * figure.dpi - ax.bbox.x0) / ax.bbox.width)  # type: ignore[attr-defined]


def _absent(x: Any) -> bool:
    return x is None or bool(pd.isna(x)) or math.isinf(x)


def _minus(value: float, digits: int) -> str:
    return "\u2212" if round(value, digits) < 0 else ""


def _plain(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"
