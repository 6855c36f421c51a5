"""Figures of step 5: tidy frame in, Axes out."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlib import schema
from crmlib.params import Book
from crmlib.views import lettering, narrative_review, style, tables

_OUTCOME_COLOURS = {
    "attained": style.ACCENT,
    "partly_attained": "#56b4e9",
    "not_attained": style.WARNING,
}
_PANEL, _APART = 150, 7  # points: the width of a small chart, what keeps its two values apart
_LEAST_RATE = 0.01  # the height of a small chart of a rate: what its values, rounded to 0.1 %, cannot show is flat
_LONGEST = 2  # a bar; what was reached is written beside all bars, clear of them


@style.chart(7.2, 4.4)
def kpi_trends(trend: pd.DataFrame, lang: str, book: Book, ax: Axes | None = None) -> Axes:
    """One small chart per KPI over the quarters, with its interval where it has one; grey where cases are too few."""
    assert ax is not None
    if trend.empty:
        return style.empty(ax, {"en": "No KPI could be measured", "zh": "没有可测得的指标"}[lang])
    _draw_trends(ax, trend, 2, lang, book)
    first = trend[trend["kpi"] == trend["kpi"].iloc[0]]
    title = _trend_title(first, lang, book)
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 4.4)
def kpi_history(trend: pd.DataFrame, card: pd.DataFrame, lang: str, book: Book, ax: Axes | None = None) -> Axes:
    """The other KPIs over all quarters of the book; those measured in one quarter only are in the scorecard alone."""
    assert ax is not None
    shown = trend[trend.groupby("kpi")["period"].transform("size") > 1]
    if shown.empty:
        return style.empty(ax, {"en": "No other KPI has two quarters", "zh": "没有其他指标具备两个季度的数据"}[lang])
    _draw_trends(ax, shown, 1.4, lang, book)
    title = _moves_title(card[card["kpi"].isin(shown["kpi"])]["movement"], shown["kpi"].nunique(), lang)
    return style.finish(ax, title=title, alt=title)


def _moves_title(movements: pd.Series, n: int, lang: str) -> str:
    if movements.isin(["no_before", "not_measured", "small_n"]).all():
        return {"en": f"{n} further KPIs; none is compared with the quarter before",
                "zh": f"其余{n}个指标；均不与上季度比较"}[lang]  # fmt: skip
    up, down = ((movements == way).sum() for way in ("improved", "worsened"))
    return {
        "en": f"Of {n} further KPIs {up} improved and {down} worsened on the quarter before",
        "zh": f"其余{n}个指标中，较上季度改善{up}个、变差{down}个",
    }[lang]


def _draw_trends(ax: Axes, trend: pd.DataFrame, inches: float, lang: str, book: Book) -> None:
    """Three small charts to a row; each row takes so many inches."""
    ax.set_axis_off()
    names = list(dict.fromkeys(trend["kpi"]))
    quarters = sorted(trend["period"].unique())
    rows = -(-len(names) // 3)
    _set_height(ax, 0.4 + inches * rows)
    for place, name in enumerate(names):
        row, column = divmod(place, 3)
        height = 1 / rows
        small = ax.inset_axes((0.345 * column, 1 - height * (row + 0.86), 0.31, 0.6 * height))
        _small_trend(small, trend[trend["kpi"] == name], quarters, lang, book)


def _small_trend(ax: Axes, points: pd.DataFrame, quarters: list[str], lang: str, book: Book) -> None:
    at = points["period"].map(quarters.index).to_numpy()
    values = points["kpi_value"].to_numpy()
    if points["low"].notna().any():
        ax.fill_between(
            at, points["low"].to_numpy(), points["high"].to_numpy(), color=style.ACCENT, alpha=0.15, linewidth=0
        )
    ax.plot(at, values, color=style.ACCENT)
    ax.scatter(at, values, s=18, zorder=3, color=[style.GREY if thin else style.ACCENT for thin in points["is_thin"]])
    last = points.iloc[-1]
    _label_ends(ax, at, [narrative_review.figure(v, last["kpi_unit"], lang, book) for v in values], len(quarters))
    every = -(-len(quarters) // 6)
    ax.set_xticks(range(0, len(quarters), every), [q[2:] for q in quarters[::every]], fontsize=8)
    ax.set_xlim(-0.3, len(quarters) - 0.7)
    low, high = np.nanmin([*values, *points["low"]]), np.nanmax([*values, *points["high"]])
    room = max(high - low, _LEAST_RATE) if last["kpi_unit"] == "rate" else high - low or abs(high) or 1
    ax.set_ylim(low - 0.2 * room, high + 0.7 * room)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    if last["provenance"] == "illustrative":
        ax.annotate(schema.word("illustrative", lang), (0.5, 0.79), xycoords="axes fraction", ha="center", va="top",
                    fontsize=8.5, color=style.WARNING)  # fmt: skip
    ax.set_title(schema.word(last["kpi"], lang), fontsize=9.5, pad=6, color=style.MUTED)


def _label_ends(ax: Axes, at: np.ndarray, told: list[str], quarters: int) -> None:
    """The last value at its point, the first at its own, or beside the last where both would touch."""
    wide = sum(lettering.width(text, 9) for text in (told[0], told[-1])) + _APART
    size = min(9.0, 9 * _PANEL / wide)
    place: dict[str, Any] = {"va": "top", "fontsize": size}
    end = ax.annotate(told[-1], (at[-1], 1.0), xycoords=("data", "axes fraction"), ha="right", color=style.INK, **place)
    if len(at) == 1:
        return
    if wide <= (at[-1] - at[0]) * _PANEL / quarters:
        there: dict[str, Any] = {"xy": (at[0], 1.0), "xycoords": ("data", "axes fraction"), "ha": "left"}
    else:
        there = {"xy": (0, 1), "xycoords": end, "xytext": (-_APART, 0), "textcoords": "offset points", "ha": "right"}
    ax.annotate(told[0], color=style.MUTED, **there, **place)


def _trend_title(points: pd.DataFrame, lang: str, book: Book) -> str:
    last = points.iloc[-1]
    name, value = (
        schema.word(last["kpi"], lang),
        narrative_review.figure(last["kpi_value"], last["kpi_unit"], lang, book),
    )
    if len(points) < 2:
        return {
            "en": f"{name} {value} in {last['period']}; no earlier quarter",
            "zh": f"{last['period']}{name}{value}；无更早季度",
        }[lang]
    if points["is_thin"].iloc[-2:].any():
        return {
            "en": f"{name} {value} in {last['period']}; no whole quarter to compare with",
            "zh": f"{last['period']}{name}{value}；没有可比的完整季度",
        }[lang]
    before = points["kpi_value"].iloc[-2]
    if before == 0:
        was = narrative_review.figure(before, last["kpi_unit"], lang, book)
        return {"en": f"{name} {value}, {was} in the quarter before", "zh": f"{name}{value}，上季度为{was}"}[lang]
    by = narrative_review.signed(last["kpi_value"] / before - 1, lang)
    return {"en": f"{name} {value}, {by} on the quarter before", "zh": f"{name}{value}，较上季度{by}"}[lang]


@style.chart(7.2, 4.2)
def attainment(effects: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """How far each target was reached; grey where it is not due or rests on too few cases."""
    assert ax is not None
    known = effects[effects["attainment"].notna()]
    if known.empty:
        return style.empty(ax, {"en": "No target can be compared yet", "zh": "暂无可比较的目标"}[lang])
    _set_height(ax, 1.2 + 0.25 * len(known))
    at, drawn = np.arange(len(known)), known["attainment"].clip(-1, _LONGEST)
    ax.barh(at, drawn, 0.62, color=[_OUTCOME_COLOURS.get(o, style.LINE) for o in known["outcome"]])
    for y, value, outcome in zip(at, known["attainment"], known["outcome"], strict=True):
        plain = schema.word(outcome, lang).split(" (")[0].split("（")[0]
        percent = style.percent(value, lang, 0)
        ax.annotate(percent, (_LONGEST + 0.45, y), ha="right", va="center", fontsize=9)
        ax.annotate(plain, (_LONGEST + 0.55, y), va="center", fontsize=9)
    ax.axvline(1, color=style.INK, linewidth=0.8)
    ax.axvline(0, color=style.GREY, linewidth=0.6)
    ax.set_yticks(at, [_target(row, lang) for row in known.to_dict("records")])
    ax.invert_yaxis()
    ax.set_xlim(min(-0.15, drawn.min() * 1.1), _LONGEST + 1.5)
    ax.set_xticks([-1, 0, 1, 2] if drawn.min() < -0.2 else [0, 1, 2])
    ax.xaxis.set_major_formatter(lambda value, _: style.percent(value, lang, 0))
    label = {
        "en": "Share of the way to the target, cut at −100% and 200%",
        "zh": "从基线到目标的完成比例，截断于−100%和200%",
    }[lang]
    note = {"en": "; illustrative", "zh": "；目标为示例"}[lang] if tables.is_illustrative(known) else ""
    ax.set_xlabel(label + note)
    title = _attainment_title(known["outcome"], lang)
    return style.finish(ax, title=title, alt=title)


def _target(row: dict, lang: str) -> str:
    """KPI, target and, where it is measured on one, the tier."""
    tier = "" if row["measured_on"] == "all" else f" · {schema.word(row['measured_on'], lang)}"
    return f"{schema.word(row['kpi'], lang)} · {row['target_id']}{tier}"


def _attainment_title(outcomes: pd.Series, lang: str) -> str:
    judged = outcomes[outcomes.isin(list(_OUTCOME_COLOURS))]
    if judged.empty:
        return {"en": "No target can be judged yet", "zh": "暂无可判断的目标"}[lang]
    n = int((judged == "attained").sum())
    return {
        "en": f"Of {len(judged)} targets that can be judged {n} were attained; none is attributed to a strategy",
        "zh": f"{len(judged)}个可判断的目标中达成{n}个；均未归因于策略",
    }[lang]


def _set_height(ax: Axes, inches: float) -> None:
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.set_figheight(inches)
