"""Figures of step 5: tidy frame in, Axes out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlib import schema
from crmlib.params import Book
from crmlib.views import narrative_review, style, tables

_OUTCOME_COLOURS = {
    "attained": style.ACCENT,
    "partly_attained": "#56b4e9",
    "not_attained": style.WARNING,
}


@style.chart(7.2, 4.4)
def kpi_trends(trend: pd.DataFrame, lang: str, book: Book, ax: Axes | None = None) -> Axes:
    """One small chart per KPI over the quarters, with its interval where it has one; grey where cases are too few."""
    assert ax is not None
    if trend.empty:
        return style.empty(ax, {"en": "No KPI could be measured", "zh": "没有可测得的指标"}[lang])
    ax.set_axis_off()
    names = list(dict.fromkeys(trend["kpi"]))
    quarters = sorted(trend["period"].unique())
    rows = -(-len(names) // 3)
    for place, name in enumerate(names):
        row, column = divmod(place, 3)
        height = 1 / rows
        small = ax.inset_axes((0.345 * column, 1 - height * (row + 0.86), 0.31, 0.66 * height))
        _small_trend(small, trend[trend["kpi"] == name], quarters, lang, book)
    first = trend[trend["kpi"] == names[0]]
    title = _trend_title(first, lang, book)
    return style.finish(ax, title=title, alt=title)


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
    for i, colour, side in ((0, style.MUTED, "left"), (len(at) - 1, style.INK, "right"))[-len(at) :]:
        text = narrative_review.figure(values[i], last["kpi_unit"], lang, book)
        ax.annotate(text, (at[i], 1.0), xycoords=("data", "axes fraction"), ha=side, va="top", fontsize=9, color=colour)
    ax.set_xticks(range(len(quarters)), [q[2:] for q in quarters], fontsize=8)
    ax.set_xlim(-0.3, len(quarters) - 0.7)
    low, high = np.nanmin([*values, *points["low"]]), np.nanmax([*values, *points["high"]])
    room = high - low or abs(high) or 1
    ax.set_ylim(low - 0.2 * room, high + 0.7 * room)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    if last["provenance"] == "illustrative":
        ax.annotate(schema.word("illustrative", lang), (0.5, 0.86), xycoords="axes fraction", ha="center", va="top",
                    fontsize=8.5, color=style.WARNING)  # fmt: skip
    ax.set_title(schema.word(last["kpi"], lang), fontsize=9.5, pad=6, color=style.MUTED)


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
    change = last["kpi_value"] / points["kpi_value"].iloc[-2] - 1
    by = narrative_review.signed(change, lang)
    return {"en": f"{name} {value}, {by} on the quarter before", "zh": f"{name}{value}，较上季度{by}"}[lang]


@style.chart(7.2, 4.2)
def attainment(effects: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """How far each target was reached; grey where it is not due or rests on too few cases."""
    assert ax is not None
    known = effects[effects["attainment"].notna()]
    if known.empty:
        return style.empty(ax, {"en": "No target can be compared yet", "zh": "暂无可比较的目标"}[lang])
    _set_height(ax, 1.2 + 0.25 * len(known))
    at, drawn = np.arange(len(known)), known["attainment"].clip(-1, 2)
    ax.barh(at, drawn, 0.62, color=[_OUTCOME_COLOURS.get(o, style.LINE) for o in known["outcome"]])
    for y, value, length, outcome in zip(at, known["attainment"], drawn, known["outcome"], strict=True):
        plain = schema.word(outcome, lang).split(" (")[0].split("（")[0]
        text, box = (
            f"{style.percent(value, lang, 0)}  {plain}",
            {"facecolor": style.PAPER, "edgecolor": "none", "pad": 1},
        )
        ax.annotate(text, (max(length, 0), y), (5, 0), textcoords="offset points", va="center", fontsize=9, bbox=box)
    ax.axvline(1, color=style.INK, linewidth=0.8)
    ax.axvline(0, color=style.GREY, linewidth=0.6)
    ax.set_yticks(at, [f"{schema.word(k, lang)} · {t}" for k, t in zip(known["kpi"], known["target_id"], strict=True)])
    ax.invert_yaxis()
    ax.set_xlim(min(-0.15, drawn.min() * 1.1), 2.9)
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


def _attainment_title(outcomes: pd.Series, lang: str) -> str:
    judged = outcomes[outcomes.isin(list(_OUTCOME_COLOURS))]
    if judged.empty:
        return {"en": "No target can be judged yet", "zh": "暂无可判断的目标"}[lang]
    n = int((judged == "attained").sum())
    return {
        "en": f"Of {len(judged)} targets that can be judged {n} were attained; none is attributed to a strategy",
        "zh": f"{len(judged)}个可判断的目标中达成{n}个；均未归因于策略",
    }[lang]


@style.chart(7.2, 3.8)
def campaign_windows(windows: pd.DataFrame, lang: str, book: Book, ax: Axes | None = None) -> Axes:
    """Weekly spend per customer before (hollow) and during (filled) each campaign whose windows are complete."""
    assert ax is not None
    known = windows[windows["window"] == "complete"]
    if known.empty:
        return style.empty(
            ax, {"en": "No campaign with both windows complete", "zh": "没有前后窗口完整的营销活动"}[lang]
        )
    _set_height(ax, 1.4 + 0.48 * len(known))
    divisor = 10**book.minor_digits
    for shift, group, colour in ((-0.17, "targeted", style.ACCENT), (0.17, "untargeted", style.COLOURS[1])):
        at = np.arange(len(known)) + shift
        before, during = (known[f"{group}_{when}_minor"].to_numpy() / divisor for when in ("before", "during"))
        ax.hlines(at, before, during, color=colour, linewidth=2)
        ax.scatter(before, at, s=34, facecolor=style.PAPER, edgecolor=colour, linewidth=1.4, zorder=3)
        ax.scatter(during, at, s=34, color=colour, zorder=3, label=schema.label(group, lang))
    ax.set_yticks(np.arange(len(known)), [_campaign(row, lang) for row in known.to_dict("records")])
    ax.set_ylim(len(known) + 0.1, -0.6)
    ax.set_xlim(0)
    ax.grid(axis="x")
    unit = {
        "en": f"Per customer and week ({book.currency}); hollow: before, filled: during",
        "zh": f"每位客户每周消费（{book.currency}）；空心：活动前，实心：活动期间",
    }[lang]
    ax.set_xlabel(unit)
    ax.legend(loc="lower left", ncols=2)
    ratio = style.number((known["targeted_before_minor"] / known["untargeted_before_minor"]).mean(), lang, 1)
    title = {
        "en": f"Descriptive, not attributed: the targeted already spent {ratio} times as much before",
        "zh": f"仅作描述、不作归因：目标客户在活动前的消费已是其他客户的{ratio}倍",
    }[lang]
    return style.finish(ax, title=title, alt=title)


def _campaign(row: dict, lang: str) -> str:
    name = {"en": "Campaign", "zh": "活动"}[lang]
    return f"{name} {row['campaign_id']}, {row['start_date']:%m-%d} – {row['end_date']:%m-%d}"


def _set_height(ax: Axes, inches: float) -> None:
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.set_figheight(inches)
