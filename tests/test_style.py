"""Number formats, the font's reach, and figures that repeat to the byte."""

import hashlib
import io
import re
from datetime import date

import matplotlib
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG

from crmlib.errors import InputError
from crmlib.params import Book
from crmlib.views import lettering, style

USD = Book(name_en="A", name_zh="甲", currency="USD")
YEN = Book(name_en="A", name_zh="甲", currency="JPY", minor_digits=0)


@style.chart(7.2, 2)
def bar(frame: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    assert ax is not None
    ax.barh(frame["name"], [1] * len(frame))
    return style.finish(ax, title=frame.attrs.get("title", "A finding"), alt="What it says")


def bars(*names: str, title: str = "A finding") -> Axes:
    frame = pd.DataFrame({"name": names})
    frame.attrs["title"] = title
    return bar(frame, "en")


@pytest.mark.parametrize(
    ("minor", "book", "shown"),
    [
        (40_317_800, USD, "$403,178"),
        (3096, USD, "$30.96"),
        (99_999, USD, "$999.99"),
        (99_999.6, USD, "$1,000"),
        (-12_345_678, USD, "−$123,457"),
        (-0.4, USD, "$0.00"),
        (1234, YEN, "JPY\u00a01,234"),
        (None, USD, "n/a"),
        (float("nan"), USD, "n/a"),
    ],
)
def test_money_is_in_major_units_with_the_currency(minor, book, shown):
    assert style.money(minor, book, "en") == shown


def test_numbers_percent_and_days():
    assert [style.number(x, "en") for x in (12_345, 17.84, 3.14159, 250.4, -2)] == [
        "12,345",
        "17.8",
        "3.14",
        "250",
        "−2",
    ]
    assert [style.percent(x, "zh") for x in (0.425, -0.0004, None)] == ["42.5%", "0.0%", "无数据"]
    assert style.percent(0.425, "en", 0) == "42%"
    assert [style.points(x, "en") for x in (100, 99.97, 99.94, 97.71, 0)] == ["100.0", "99.9", "99.9", "97.7", "0.0"]
    found = [style.share(x, "en") for x in (0, 0.00001, 0.00049, 0.0005, 0.5, None)]
    assert found == ["0.0%", "<0.1%", "<0.1%", "0.1%", "50.0%", "n/a"]
    assert style.day(date(2017, 12, 31), "en") == "31 Dec 2017"
    assert style.day(pd.Timestamp("2017-12-01"), "zh") == "2017年12月1日"
    assert style.day(pd.NaT, "en") == "n/a"


def test_the_font_has_all_of_gbk_and_what_numbers_need():
    """GBK row by row; rare name characters of notebooks.md section 6; the source font lacks only U+2252."""
    pairs = (bytes((a, b)).decode("gbk", "ignore") for a in range(0x81, 0xFF) for b in range(0x40, 0xFF))
    gbk = {c for c in pairs if len(c) == 1 and not c.isascii()}
    assert len(gbk) > 21_000
    assert {c for c in gbk if ord(c) not in lettering.glyphs("Workbook Sans")} == {"≒"}
    assert all(map(style.is_drawable, "喆堃镕昇瑄−–€£¥₩₹→↑↓▲▼×≥≤éñßÅčŁễ"))


def test_the_font_is_the_one_its_readme_describes():
    readme = (lettering.FONT_FILE.parent / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(lettering.FONT_FILE.read_bytes()).hexdigest() in readme


def test_what_the_font_lacks_is_written_out_and_nothing_else_changes():
    assert style.legible("王堃 <b> 100%") == "王堃 <b> 100%"
    assert style.legible("good 👍") == "good [thumbs up sign]"
    assert style.legible("a\u202egnp.exe\x07") == "a[right-to-left override]gnp.exe[u+0007]"
    assert style.legible("a\u200fb\nc") == "a\u200fb\nc"


def test_a_figure_repeats_and_knows_no_date():
    first, second = style.picture(bars("客户")), style.picture(bars("客户"))
    assert first == second
    assert "<text" in first.inline
    assert "客户" in first.inline
    assert "<text" not in first.svg
    assert not re.search(r"20\d\d-\d\d-\d\dT", first.svg + first.inline)


@style.chart(5, 3)
def crowded(lang: str, ax: Axes | None = None) -> Axes:
    """Text that is clipped, turned, linked, in a legend, and beside an image: all that a text's tags depend on."""
    assert ax is not None
    ax.imshow([[1, 2], [3, 4]], cmap=style.SEQUENTIAL)
    ax.text(0.5, 0.5, "clipped 客户", clip_on=True, rotation=30, alpha=0.5)
    ax.text(0.1, 0.1, "linked", url="https://shop.example", rotation_mode="anchor", ha="right")
    ax.plot([0, 1], [0, 1], "o-", label="$a$ & <b>")
    ax.legend()
    return style.finish(ax, title="A finding", alt="What it says")


@pytest.mark.parametrize("fonttype", ["path", "none"])
def test_both_files_of_a_figure_are_what_matplotlib_writes_with_that_font_type(fonttype):
    ax = crowded("en")
    picture = style.picture(ax)
    alone = io.StringIO()
    with style._theme(), matplotlib.rc_context({"svg.fonttype": fonttype}):
        FigureCanvasSVG(style._figure(ax)).print_svg(
            alone, metadata={"Date": None, "Creator": None, "Title": "What it says"}
        )
    assert alone.getvalue() == (picture.svg if fonttype == "path" else picture.inline)


def test_drawing_leaves_matplotlib_as_it_was():
    with matplotlib.rc_context({"font.size": 30, "text.parse_math": True}):
        before = dict(matplotlib.rcParams)
        style.picture(bars("a"))
        assert dict(matplotlib.rcParams) == before


def test_a_machine_s_matplotlibrc_changes_nothing():
    usual = style.picture(bars("a"))
    with matplotlib.rc_context(
        {"font.size": 30, "axes.facecolor": "red", "svg.hashsalt": "other", "text.usetex": False}
    ):
        assert style.picture(bars("a")) == usual


def test_a_missing_glyph_is_an_error_for_people():
    with pytest.raises(InputError, match=r"THUMBS UP SIGN.*replace it in the data"):
        style.picture(bars("👍"))


def test_a_figure_without_alt_text_is_refused():
    ax = bars("a")
    ax.get_figure(root=True).set_label("")
    with pytest.raises(TypeError, match="alt"):
        style.picture(ax)


def test_dollars_and_markup_in_a_name_are_plain_text():
    inline = style.picture(bars("$5 and $6", "<script>x</script>")).inline
    assert ">$5 and $6</text>" in inline
    assert "&lt;script&gt;" in inline
    assert "<script" not in inline


def test_an_absent_result_is_stated():
    picture = style.picture(style.empty(bars("a"), "No survey this quarter"))
    assert picture.alt == "No survey this quarter"
    assert "No survey this quarter" in picture.inline


def test_a_long_finding_wraps_inside_the_figure():
    title = (
        "高价值客户占全部客户的8%，却带来42%的净收入；“流失风险”客户（含沉寂）已连续三个季度增加，需要安排回访。" * 2
    )
    ax = bars("a", title=title)
    lines = ax.get_title(loc="left").split("\n")
    assert "".join(lines) == title
    assert len(lines) > 2
    assert not any(line[0] in "，；）”。" or line[-1] in "“（" for line in lines)
    style.picture(ax)
    figure = ax.get_figure(root=True)
    drawn = next(t for t in ax.findobj(lambda a: a.get_gid() == "finding")).get_window_extent()
    assert drawn.x0 >= 0
    assert drawn.x1 <= figure.bbox.width


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.sampled_from(["revenue", "in", "客户", "，", "8%", "“流失”", "extraordinarily"]), min_size=1, max_size=30
    )
)
def test_wrapping_keeps_every_character(words):
    text = " ".join(words)
    wrapped = bars("a", title=text).get_title(loc="left")
    assert wrapped.replace("\n", "").replace(" ", "") == text.replace(" ", "")
