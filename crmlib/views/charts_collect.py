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
        if s in ("repeated", "adjustment", "later", "before_window", "unscored")
        else style.ACCENT
        for s in rows["stage"]
    ]
    bars = ax.barh(labels, rows["rows"], color=colours)
    ax.bar_label(bars, [style.number(n, lang) for n in rows["rows"]], padding=4)
    ax.invert_yaxis()
    ax.xaxis.set_visible(False)
    ax.set_xlim(0, max(rows["rows"].max(), 1) * 1.15)
    raw, good = (int(rows.loc[rows["stage"] == s, "rows"].sum()) for s in ("raw", "accepted"))
    used = style.number(good, lang), style.number(raw, lang)
    title = {"en": f"{used[0]} of {used[1]} raw rows could be used", "zh": f"{used[1]}行原始数据中有{used[0]}行可用"}[
        lang
    ]
    return style.finish(ax, title=title, alt=title)
