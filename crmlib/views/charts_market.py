"""Figures of step 3: tidy frame in, Axes out."""

import textwrap

import pandas as pd
from matplotlib.axes import Axes

from crmlib import schema
from crmlib.params import Book
from crmlib.views import style, tables

_UP, _DOWN = "#009e73", "#d55e00"
_TIERS = ("high", "potential", "general", "risk")
_NOTE = {"en": " (illustrative)", "zh": "（示例）"}


@style.chart(7.2, 4.8)
def pest_factors(scored: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Each factor's score, its text above its bar; grey: no evidence."""
    assert ax is not None
    if scored.empty:
        return style.empty(ax, {"en": "No PEST factors are registered", "zh": "尚未登记PEST因素"}[lang])
    _set_height(ax, 1.2 + 0.42 * len(scored))
    texts, place = tables.in_language(scored, lang).factor, range(len(scored))
    colours = [_UP if points > 0 else _DOWN for points in scored.impact_points]
    bars = ax.barh(place, scored.impact_points, 0.36, color=colours)
    ax.bar_label(
        bars, [_points(p, g, lang) for p, g in zip(scored.impact_points, scored.grade, strict=True)], padding=4
    )
    reach = 1.18 * max(scored.impact_points.abs().max(), 1)
    ax.set_xlim(-reach, reach)
    for y, words in zip(place, texts, strict=True):
        ax.text(-reach * 0.99, y - 0.22, style.legible(words), va="bottom", fontsize=9)
    ax.set_ylim(len(scored) - 0.5, -0.9)
    ax.set_yticks(place, scored.factor_id)
    ax.axvline(0, color=style.GREY, linewidth=0.6)
    ax.set_xlabel(schema.label("impact_points", lang))
    title = {"en": f"Largest outside factor: {texts.iloc[0]}", "zh": f"影响最大的外部因素：{texts.iloc[0]}"}[lang]
    return style.finish(ax, title=title + _note(scored, lang), alt=title + _note(scored, lang))


@style.chart(7.2, 2.6)
def pest_axes(axes: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Exposure (light) and net effect (dark) of each axis."""
    assert ax is not None
    if axes.empty:
        return style.empty(ax, {"en": "No PEST factors are registered", "zh": "尚未登记PEST因素"}[lang])
    place = range(len(axes))
    wide = ax.barh(place, axes.exposure_points, 0.6, color=style.LINE)
    labels = [
        f"{style.number(net, lang, 1)} / {style.number(all_, lang, 1)}"
        for net, all_ in zip(axes.net_points, axes.exposure_points, strict=True)
    ]
    ax.bar_label(wide, labels, padding=4)
    ax.barh(place, axes.net_points, 0.28, color=[_UP if points >= 0 else _DOWN for points in axes.net_points])
    ax.set_yticks(place, [schema.word(axis, lang) for axis in axes.axis])
    ax.invert_yaxis()
    ax.axvline(0, color=style.GREY, linewidth=0.6)
    ax.set_xlabel(
        {"en": "Points: net (narrow bar) / exposure (wide bar)", "zh": "得分：净影响（窄条）/ 总敞口（宽条）"}[lang]
    )
    most = axes.sort_values("exposure_points").iloc[-1]
    word, net = schema.word(most.axis, lang), style.number(most.net_points, lang, 1)
    title = {
        "en": f"{word} factors weigh most; for and against, they come to {net}",
        "zh": f"{word}因素影响最大，利弊相抵后净得分为{net}",
    }[lang]
    return style.finish(ax, title=title + _note(axes, lang), alt=title + _note(axes, lang))


@style.chart(7.2, 2.6)
def tows_quadrants(quadrants: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Share of all option points in each TOWS quadrant."""
    assert ax is not None
    if quadrants.empty:
        return style.empty(ax, {"en": "No TOWS options are registered", "zh": "尚未登记TOWS策略选项"}[lang])
    most = quadrants.points_share.max()
    colours = [style.ACCENT if share == most else style.GREY for share in quadrants.points_share]
    bars = ax.barh([schema.word(q, lang) for q in quadrants.quadrant], quadrants.points_share, color=colours)
    labels = [
        f"{style.percent(s, lang)} (n = {n})" for s, n in zip(quadrants.points_share, quadrants.pairs, strict=True)
    ]
    ax.bar_label(bars, labels, padding=4)
    ax.invert_yaxis()
    ax.xaxis.set_visible(False)
    ax.set_xlim(0, 1.25 * max(most, 0.01))
    word = schema.word(quadrants.sort_values("points_share").quadrant.iloc[-1], lang)
    title = {
        "en": f"{style.percent(most, lang)} of the points: {word[0].lower()}{word[1:]}",
        "zh": f"{style.percent(most, lang)}的得分来自：{word}",
    }[lang]
    return style.finish(ax, title=title + _note(quadrants, lang), alt=title + _note(quadrants, lang))


@style.chart(7.2, 3.8)
def opportunity_matrix(matrix: pd.DataFrame, lang: str, book: Book, ax: Axes | None = None) -> Axes:
    """Score and money at stake of each tier and opportunity; too few buyers to judge by is hatched."""
    assert ax is not None
    if matrix.empty:
        return style.empty(ax, {"en": "No opportunities are registered", "zh": "尚未登记市场机会"}[lang])
    local = tables.in_language(matrix, lang)
    names = (
        local.drop_duplicates("opportunity_id").sort_values("opportunity_id").set_index("opportunity_id").opportunity
    )
    tiers = [tier for tier in _TIERS if tier in set(matrix.tier)]
    scores = matrix.pivot(index="opportunity_id", columns="tier", values="opportunity_score").loc[names.index, tiers]
    low, high = scores.min().min() - 10, scores.max().max()
    ax.imshow(scores.to_numpy(dtype=float), cmap=style.SEQUENTIAL, vmin=low, vmax=high, aspect="auto")
    columns = ["tier", "opportunity_id", "opportunity_score", "stake_minor", "is_thin"]
    for tier, opportunity, score, stake, is_thin in matrix[columns].itertuples(index=False):
        x, y = tiers.index(tier), list(names.index).index(opportunity)
        if is_thin:
            ax.bar(x, 1, 1, bottom=y - 0.5, fill=False, hatch="////", edgecolor=style.PAPER, linewidth=0)
        is_dark = not is_thin and score > low + 0.7 * (high - low)
        text = f"{style.number(score, lang, 0)}\n{style.money(stake, book, lang)}"
        box = {"facecolor": style.PAPER, "alpha": 0.85, "linewidth": 0, "pad": 2} if is_thin else None
        ax.text(x, y, text, ha="center", va="center", color=style.PAPER if is_dark else style.INK, fontsize=9, bbox=box)
    ax.set_xticks(range(len(tiers)), [schema.word(tier, lang) for tier in tiers])
    wrapped = [textwrap.fill(style.legible(name), {"en": 24, "zh": 12}[lang]) for name in names]
    ax.set_yticks(range(len(names)), wrapped, fontsize=9)
    ax.tick_params(length=0)
    what = {
        "en": "Score (0-100) and 12-month spend; hatched: too few buyers",
        "zh": "机会得分（0-100）与近12个月消费额；斜线：购买客户过少",
    }
    ax.set_xlabel(what[lang])
    title = _matrix_title(local, lang) + _note(matrix, lang)
    return style.finish(ax, title=title, alt=title)


def _matrix_title(local: pd.DataFrame, lang: str) -> str:
    solid = local[~local.is_thin.astype(bool)]
    if solid.empty:
        return {"en": "No cell has enough buyers to be ranked", "zh": "所有单元格的购买客户均过少，无法排名"}[lang]
    best = solid.iloc[0]
    tier, share = schema.word(best.tier, lang), style.percent(best.first_share, lang, 0)
    return {
        "en": f"Ahead: {best.opportunity} for {tier.lower()} customers, first in {share} of the draws",
        "zh": f"领先：{tier}客户的“{best.opportunity}”，在{share}的抽样中排名第一",
    }[lang]


def _points(points: float, grade: str, lang: str) -> str:
    return schema.word(grade, lang) if grade == "unsupported" else style.number(points, lang, 1)


def _set_height(ax: Axes, inches: float) -> None:
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.set_figheight(inches)


def _note(frame: pd.DataFrame, lang: str) -> str:
    return _NOTE[lang] if tables.is_illustrative(frame) else ""
