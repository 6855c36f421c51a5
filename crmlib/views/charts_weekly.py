"""Figures of the weekly monitoring: small run charts that fit a page and a phone."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlib import schema
from crmlib.params import Book
from crmlib.views import lettering, narrative_review, style

PACE = "#009e73"
_KEY = 1.15  # inches: title, key and space around them
_HEAD, _CHART, _TICKS = 0.42, 0.64, 0.30  # inches: what stands over a chart, the chart, what stands below
_LINE, _ROOM = 0.16, 158  # inches that a second line takes; points that a line over a chart has


@style.chart(4.8, 3.6)
def run_charts(weeks: pd.DataFrame, lang: str, book: Book, ax: Axes | None = None) -> Axes:
    """One small run chart per KPI of the table `weekly`, two in a row: baseline grey, quarter blue, signals orange.

    Between the limits the ground is grey; weeks cut by the quarter and holiday weeks are hollow.
    """
    assert ax is not None
    if weeks.empty:
        return style.empty(ax, {"en": "No weeks in the data", "zh": "数据中没有可显示的周"}[lang])
    ax.set_axis_off()
    names = list(dict.fromkeys(weeks["kpi"]))
    said = {name: _said(weeks[weeks["kpi"] == name], lang, book) for name in names}
    rows = [names[n : n + 2] for n in range(0, len(names), 2)]
    heads = [_HEAD + _LINE * any("\n" in said[name] for name in row) for row in rows]
    below = sum(heads) + (_CHART + _TICKS) * len(rows)
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.set_figheight(_KEY + below)
    drawn = below + 0.35
    for row, head in zip(rows, heads, strict=True):
        below -= head + _CHART + _TICKS
        for column, name in enumerate(row):
            place = (0.52 * column, (below + _TICKS + 0.35) / drawn, 0.48, _CHART / drawn)
            _panel(ax.inset_axes(place), weeks[weeks["kpi"] == name].reset_index(drop=True), said[name], lang)
    ax.annotate(_key(weeks, lang), (0, 0), xycoords="axes fraction", fontsize=8, color=style.MUTED, va="bottom",
                linespacing=1.35)  # fmt: skip
    title = _title(weeks, lang)
    return style.finish(ax, title=title, alt=f"{title}. {_told(weeks, lang, book)}")


def _panel(ax: Axes, weeks: pd.DataFrame, said: str, lang: str) -> None:
    """One KPI: its weeks, its limits, its pace; above it the name and what is said of the last week."""
    at, values = np.arange(len(weeks)), weeks["kpi_value"].to_numpy("float64")
    _limits(ax, at, weeks)
    inside = (weeks["phase"] == "quarter").to_numpy()
    hollow = (~_is_usual(weeks)).to_numpy()
    signal = (weeks["signal"] != "").to_numpy()
    ax.plot(at[~hollow], values[~hollow], color=style.GREY, linewidth=0.8, zorder=2)
    pace = weeks["pace"].where(~weeks["is_partial"].astype("bool")).to_numpy("float64")
    ax.plot(at, pace, color=PACE, linewidth=1.4, zorder=2)
    _range(ax, weeks, pace)
    floor, top = ax.get_ylim()
    for chosen, size, colour in (
        (~inside & ~hollow, 7, style.GREY),
        (inside & ~hollow, 13, style.ACCENT),
        (signal, 24, style.WARNING),
    ):
        ax.scatter(at[chosen], values[chosen], s=size, color=colour, zorder=4, clip_on=False)
    shown = np.clip(values[hollow], floor, top)
    ax.scatter(at[hollow], shown, s=13, facecolor=style.PAPER, zorder=3, clip_on=False, linewidth=0.9,
               edgecolor=[style.ACCENT if here else style.GREY for here in inside[hollow]])  # fmt: skip
    _axis(ax, weeks, inside)
    _head(ax, weeks, said, lang)


def _limits(ax: Axes, at: np.ndarray, weeks: pd.DataFrame) -> None:
    """The ground between the limits; a rate's change with its cases. Weeks without limits have none."""
    if weeks["lower_limit"].isna().all():
        return
    low, high = weeks["lower_limit"].to_numpy("float64"), weeks["upper_limit"].to_numpy("float64")
    ax.fill_between(at, low, high, color=style.LINE, alpha=0.55, linewidth=0, zorder=0, step="mid")
    ax.axhline(weeks["mean"].iloc[0], color=style.MUTED, linewidth=0.7, zorder=1)


def _range(ax: Axes, weeks: pd.DataFrame, pace: np.ndarray) -> None:
    """As high as whole weeks, limits and pace need; a week of one day is put on the edge."""
    whole = weeks.loc[~weeks["is_partial"].astype("bool"), "kpi_value"].to_numpy("float64")
    seen = np.concatenate(
        [whole, pace, weeks["lower_limit"].to_numpy("float64"), weeks["upper_limit"].to_numpy("float64")]
    )
    seen = seen[~np.isnan(seen)]
    low, high = (float(seen.min()), float(seen.max())) if len(seen) else (0.0, 1.0)
    room = 0.08 * ((high - low) or abs(high) or 1)
    ax.set_ylim(low - room, high + room)


def _axis(ax: Axes, weeks: pd.DataFrame, inside: np.ndarray) -> None:
    """Only the first week, the first of the quarter and the last are named."""
    whole = np.flatnonzero(inside & ~weeks["is_partial"].to_numpy("bool"))
    named = sorted({0, *(whole[:1].tolist()), len(weeks) - 1})
    if len(named) == 3 and named[2] - named[1] < 6:
        named = [named[0], named[2]]
    ax.set_xticks(named, [weeks["week"].iloc[i][5:] for i in named], fontsize=8)
    for label, side in ((ax.get_xticklabels()[0], "left"), (ax.get_xticklabels()[-1], "right")):
        label.set(ha=side)
    ax.set_xlim(-0.8, len(weeks) - 0.2)
    ax.tick_params(length=2, pad=1.5)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)


def _head(ax: Axes, weeks: pd.DataFrame, said: str, lang: str) -> None:
    """The KPI's name, and below it the last week's value with the limits."""
    place: dict[str, Any] = {"textcoords": "offset points", "ha": "left", "va": "bottom"}
    made_up = {"en": " (illustrative)", "zh": "（示例）"}[lang] if weeks["provenance"].eq("illustrative").any() else ""
    last = _last(weeks)
    colour = style.WARNING if last is not None and last["signal"] else style.MUTED
    below = ax.annotate(said, (0, 1), (0, 3), xycoords="axes fraction", fontsize=8, color=colour, **place)
    name = schema.word(weeks["kpi"].iloc[0], lang) + made_up
    ax.annotate(name, (0, 1), (0, 1), xycoords=below, fontsize=8.5, color=style.INK, **place)


def _last(weeks: pd.DataFrame) -> pd.Series | None:
    """The last whole week of one KPI that is no holiday week; where there is none, the last week."""
    known = weeks[weeks["kpi_value"].notna()]
    usual = known[_is_usual(known)]
    return None if known.empty else (usual if len(usual) else known).iloc[-1]


def _is_usual(weeks: pd.DataFrame) -> pd.Series:
    """Whole weeks without a holiday: those that can be judged."""
    return ~weeks["is_partial"].astype("bool") & weeks["holiday"].eq("")


def _said(weeks: pd.DataFrame, lang: str, book: Book) -> str:
    """The last week's value and its limits, in two lines where one has no room."""
    last = _last(weeks)
    if last is None:
        return ""
    unit = last["kpi_unit"]
    said = {"en": f"{last['week'][5:]}: ", "zh": f"{last['week'][5:]}："}[lang]
    said += narrative_review.figure(last["kpi_value"], unit, lang, book)
    if unit == "rate":
        n = style.number(last["n"], lang)
        said += {"en": f" of {n}", "zh": f"（{n}例）"}[lang]
    if pd.isna(last["lower_limit"]):
        return said
    low, high = (_short(last[c], unit, lang, book) for c in ("lower_limit", "upper_limit"))
    limits = {"en": f"limits {low}–{high}", "zh": f"控制限 {low}–{high}"}[lang]
    line = said + {"en": "; ", "zh": "；"}[lang] + limits
    return line if lettering.width(line, 8) <= _ROOM else f"{said}\n{limits}"


def _short(value: float, unit: str, lang: str, book: Book) -> str:
    if unit == "rate":
        return style.percent(value, lang, 0)
    return style.number(value / 10**book.minor_digits, lang) if unit == "money" else style.number(value, lang)


def _title(weeks: pd.DataFrame, lang: str) -> str:
    watched = weeks[weeks["phase"] == "quarter"]
    if weeks["mean"].isna().all():
        return {
            "en": "Too few earlier weeks for limits: no week is judged",
            "zh": "此前完整周不足，不设控制限，不作判断",
        }[lang]
    found = watched[watched["signal"] != ""]
    n = watched.loc[watched["mean"].notna(), "kpi"].nunique()
    if found.empty:
        return {"en": f"{n} KPIs: every judged week within its limits", "zh": f"{n}项指标：所判断各周均在控制限内"}[
            lang
        ]
    names = list(dict.fromkeys(found["kpi"]))
    last = watched.loc[_is_usual(watched), "week"].max()
    now = [schema.word(k, lang) for k in names if (found.loc[found["kpi"] == k, "week"] == last).any()]
    words = {
        "en": ", ".join(schema.word(k, lang) for k in names),
        "zh": "、".join(schema.word(k, lang) for k in names),
    }[lang]
    if len(now) == len(names):
        return {"en": f"Signals up to {last[5:]}: {words}", "zh": f"截至{last[5:]}的信号：{words}"}[lang]
    told = {"en": f"Signals: {words}; in {last[5:]}: {', '.join(now) or 'none'}",
            "zh": f"信号：{words}；其中{last[5:]}：{'、'.join(now) or '无'}"}  # fmt: skip
    return told[lang]


def _key(weeks: pd.DataFrame, lang: str) -> str:
    parts = {
        "en": [
            "grey: weeks before; blue: this quarter; orange: signal;",
            "ground: limits; line: mean; hollow: holiday or cut week",
        ],
        "zh": ["灰：此前各周；蓝：本季度；橙：信号；", "底色：控制限；横线：均值；空心：节假日或不完整周"],
    }[lang]
    if weeks["pace"].notna().any():
        parts[1] += {"en": "; green: pace", "zh": "；绿：进度线"}[lang]
    return "\n".join(parts)


def _told(weeks: pd.DataFrame, lang: str, book: Book) -> str:
    found = [_last(group) for _, group in weeks.groupby("kpi", sort=False)]
    figure = narrative_review.figure
    told = [f"{schema.word(r['kpi'], lang)} {r['week']} {figure(r['kpi_value'], r['kpi_unit'], lang, book)}"
            for r in found if r is not None]  # fmt: skip
    return {"en": "; ".join(told), "zh": "；".join(told)}[lang]
