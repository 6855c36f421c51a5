"""Figures of step 1: tidy frame in, Axes out."""

import pandas as pd
from matplotlib.axes import Axes

from crmlib import schema
from crmlib.views import style


@style.chart(7.2, 3.0)
def waterfall(stages: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Rows at each stage from raw file to the 12-month window."""
    assert ax is not None
    rows = stages.groupby(["position", "stage"], sort=True, as_index=False)["rows"].sum()
    labels = [schema.word(stage, lang) for stage in rows["stage"]]
    colours = [
        style.TIER_COLOURS["risk"]
        if s == "quarantined"
        else style.GREY
        if s in ("later", "before_window", "unscored")
        else style.ACCENT
        for s in rows["stage"]
    ]
    bars = ax.barh(labels, rows["rows"], color=colours)
    ax.bar_label(bars, [style.number(n, lang) for n in rows["rows"]], padding=4)
    ax.invert_yaxis()
    ax.xaxis.set_visible(False)
    ax.set_xlim(0, max(rows["rows"].max(), 1) * 1.15)
    raw, bad = (int(rows.loc[rows["stage"] == s, "rows"].sum()) for s in ("raw", "quarantined"))
    used = style.number(raw - bad, lang), style.number(raw, lang)
    title = {"en": f"{used[0]} of {used[1]} raw rows could be used", "zh": f"{used[1]}行原始数据中有{used[0]}行可用"}[
        lang
    ]
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 2.8)
def satisfaction(surveys: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Share of satisfied answers by quarter, with the number of answers."""
    assert ax is not None
    asked = surveys[surveys["answers"] > 0]
    if asked.empty:
        return style.empty(ax, {"en": "No survey answers up to this quarter", "zh": "截至本季度没有问卷回答"}[lang])
    share = asked["satisfied"] / asked["answers"]
    ax.plot(asked["period"], share, marker="o", color=style.ACCENT)
    for x, y, n in zip(asked["period"], share, asked["answers"], strict=True):
        ax.annotate(
            f"{style.percent(y, lang)}\nn = {n}", (x, y), xytext=(0, 8), textcoords="offset points", ha="center"
        )
    ax.set_ylim(0, 1.15)
    ax.yaxis.set_visible(False)
    ax.margins(x=0.15)
    last = style.percent(share.iloc[-1], lang)
    title = {"en": f"{last} of the answers are satisfied (4 or 5 of 5)", "zh": f"{last}的回答表示满意（5分制4至5分）"}[
        lang
    ]
    return style.finish(ax, title=title, alt=title)
