"""Figures of step 3: tidy frame in, Axes out."""

import pandas as pd
from matplotlib.axes import Axes

from crmlib import schema
from crmlib.views import style, tables

_UP, _DOWN = "#009e73", "#d55e00"
_NOTE = {"en": " (illustrative)", "zh": "（示例）"}


@style.chart(7.2, 4.8)
def pest_factors(scored: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Each factor's score, its text above its bar; grey: no evidence."""
    assert ax is not None
    if scored.empty:
        return style.empty(ax, {"en": "No PEST factors are registered", "zh": "尚未登记PEST因素"}[lang])
    _set_height(ax, 1.2 + 0.46 * len(scored))
    texts, place = tables.in_language(scored, lang).factor, range(len(scored))
    colours = [_UP if points > 0 else _DOWN for points in scored.impact_points]
    bars = ax.barh(place, scored.impact_points, 0.36, color=colours)
    ax.bar_label(
        bars, [_points(p, g, lang) for p, g in zip(scored.impact_points, scored.grade, strict=True)], padding=4
    )
    reach = 1.18 * max(scored.impact_points.abs().max(), 1)
    ax.set_xlim(-reach, reach)
    for y, words in zip(place, texts, strict=True):
        ax.text(-reach * 0.99, y - 0.26, style.legible(words), va="bottom", fontsize=9)
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


@style.chart(7.2, 2.6)
def ahp_weights(weights: pd.DataFrame, judged_sets: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Weight of each criterion of the sets whose judgements hold together."""
    assert ax is not None
    usable = weights[weights.criterion_set.isin(judged_sets.criterion_set[judged_sets.set_state == "consistent"])]
    if usable.empty:
        text = {"en": "No set of judgements in pairs that holds together", "zh": "没有达到一致的成对比较"}
        return style.empty(ax, text[lang])
    _set_height(ax, 1.1 + 0.3 * len(usable))
    bars = ax.barh(range(len(usable)), usable.weight, 0.7)
    ax.bar_label(bars, [style.percent(weight, lang) for weight in usable.weight], padding=4)
    pairs = zip(usable.criterion_set, usable.criterion, strict=True)
    names = [f"{schema.word(name, lang)} · {schema.word(criterion, lang)}" for name, criterion in pairs]
    ax.set_yticks(
        range(len(usable)), names if usable.criterion_set.nunique() > 1 else [n.split(" · ")[1] for n in names]
    )
    ax.invert_yaxis()
    ax.xaxis.set_visible(False)
    ax.set_xlim(0, 1.2 * usable.weight.max())
    heaviest = usable.iloc[0]
    name, share = schema.word(heaviest.criterion, lang), style.percent(heaviest.weight, lang, 0)
    title = {
        "en": f"{schema.word(heaviest.criterion_set, lang)}: {name} weighs most, {share}",
        "zh": f"{schema.word(heaviest.criterion_set, lang)}：{name}权重最高，为{share}",
    }[lang] + _note(usable, lang)
    return style.finish(ax, title=title, alt=title)


def _points(points: float, grade: str, lang: str) -> str:
    return schema.word(grade, lang) if grade == "unsupported" else style.number(points, lang, 1)


def _set_height(ax: Axes, inches: float) -> None:
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.set_figheight(inches)


def _note(frame: pd.DataFrame, lang: str) -> str:
    return _NOTE[lang] if tables.is_illustrative(frame) else ""
