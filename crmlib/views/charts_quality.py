"""Figures of the data-quality page: tidy frame in, Axes out."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_hex
from matplotlib.patches import Patch

from crmlib import schema
from crmlib.views import style, suppression

_WORDS = {
    "en": {
        "none": "Nothing has been measured",
        "score": "Data quality is {all} of 100; lowest: {worst} with {low}",
        "one": "Data quality is {all} of 100",
        "no_days": "No source has dates",
        "covered": "No usual day is missing in any source",
        "gaps": "Days missing: {days}, most of them in {source}",
        "missing": "days missing",
        "few": "few days",
        "all_days": "all days with rows",
        "no_levels": "No whole quarter to compare with",
        "steady": "Orders changed no more than they usually do",
        "moved": "Notably changed against the quarter before: {what}",
        "ratio": "this quarter / quarter before; bar: usual range",
        "taken": "{share} of {rows} order rows were accepted",
        "again": "; {repeated} more repeat one of them",
        "accepted": "accepted",
        "aside": "set aside",
        "repeated": "repeated",
        "no_contacts": "The book does not say when contact data were checked",
        "contacts": "{share} of {n} customers have contact data checked lately",
    },
    "zh": {
        "none": "没有可衡量的数据",
        "score": "数据质量得分{all}（满分100）；{worst}最低，为{low}",
        "one": "数据质量得分{all}（满分100）",
        "no_days": "各数据源均无日期",
        "covered": "各数据源均未缺少常规日期",
        "gaps": "共缺少{days}个常规日期，以{source}最多",
        "missing": "有缺失日期",
        "few": "有数据的天数少",
        "all_days": "每天都有数据",
        "no_levels": "没有可比的完整季度",
        "steady": "订单变化未超出常态范围",
        "moved": "与上季度相比变化明显：{what}",
        "ratio": "本季度与上季度之比；横条为常态范围",
        "taken": "{rows}行订单数据中，{share}被接受",
        "again": "；另有{repeated}行重复",
        "accepted": "接受",
        "aside": "隔离",
        "repeated": "重复",
        "no_contacts": "本账套未记录联系方式的核实日期",
        "contacts": "{n}名客户中，{share}的联系方式近期已核实",
    },
}


def source_name(source: object, lang: str) -> str:
    """The reader's word for a source."""
    return style.legible(schema.source(source, lang))


@style.chart(7.2, 3.0)
def scores(quality: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """The score of each source, and of all of them."""
    assert ax is not None
    words, single = _WORDS[lang], quality[quality["source"] != "all"]
    if single.empty:
        return style.empty(ax, words["none"])
    labels = [source_name(source, lang) for source in quality["source"]]
    colours = [style.INK if source == "all" else style.ACCENT for source in quality["source"]]
    bars = ax.barh(labels, quality["quality_score"], color=colours)
    ax.bar_label(bars, [style.points(score, lang) for score in quality["quality_score"]], padding=4)
    ax.invert_yaxis()
    ax.set_xlim(0, 108)
    ax.xaxis.set_visible(False)
    worst = single.sort_values("quality_score", kind="stable").iloc[0]
    title = words["score" if len(single) > 1 else "one"].format(
        all=style.points(quality["quality_score"].iloc[0], lang),
        worst=source_name(worst["source"], lang),
        low=style.points(worst["quality_score"], lang),
    )
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 2.8)
def coverage(weeks: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """A strip per source: each week the darker the more of its days have rows; weeks with missing days stand out."""
    assert ax is not None
    words = _WORDS[lang]
    if weeks.empty:
        return style.empty(ax, words["no_days"])
    days = weeks.pivot_table(index="source", columns="start_date", values="active_days")
    missing = weeks.pivot_table(index="source", columns="start_date", values="missing_days").fillna(0)
    edges = [*days.columns, weeks["start_date"].max() + pd.Timedelta(days=7)]
    rows = [n - 0.5 for n in range(len(days) + 1)]
    shade = days.div(days.max(axis=1), axis=0)
    ax.pcolormesh(edges, rows, shade, cmap=style.SEQUENTIAL, vmin=0, vmax=1, edgecolors=style.PAPER, linewidth=0.4)
    late = missing.where(missing > 0)
    ax.pcolormesh(edges, rows, late, cmap=ListedColormap([style.WARNING]), edgecolors=style.PAPER, linewidth=0.4)
    ax.set_yticks(range(len(days)), [source_name(source, lang) for source in days.index])
    ax.invert_yaxis()
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    looks = {
        words["few"]: to_hex(style.SEQUENTIAL(0.15)),
        words["all_days"]: style.ACCENT,
        words["missing"]: style.WARNING,
    }
    keys = [Patch(color=colour, label=label) for label, colour in looks.items()]
    ax.legend(handles=keys, loc="upper left", bbox_to_anchor=(0, -0.12), ncols=3)
    total = weeks.groupby("source")["missing_days"].sum()
    title = words["covered"]
    if total.sum():
        most = source_name(total.idxmax(), lang)
        title = words["gaps"].format(days=style.number(total.sum(), lang), source=most)
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 2.2)
def drift(changes: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Each level of the orders as a ratio to the quarter before, on the range that is usual."""
    assert ax is not None
    words, levels = _WORDS[lang], changes[changes["basis"].isin(["basis_range", "basis_thumb"])]
    if levels.empty:
        return style.empty(ax, words["no_levels"])
    labels = [schema.word(aspect, lang) for aspect in levels["aspect"]]
    places = range(len(levels))
    ax.hlines(places, levels["usual_low"], levels["usual_high"], color=style.LINE, linewidth=10)
    colours = [style.WARNING if notable else style.ACCENT for notable in levels["is_notable"]]
    ax.scatter(levels["shift"], places, color=colours, s=60, zorder=3)
    for place, ratio in zip(places, levels["shift"], strict=True):
        ax.annotate(
            style.number(ratio, lang, 2), (ratio, place), xytext=(0, 8), textcoords="offset points", ha="center"
        )
    ax.set_yticks(places, labels)
    ax.set_ylim(len(levels) - 0.4, -0.6)
    ax.set_xlabel(words["ratio"])
    moved = [label for label, notable in zip(labels, levels["is_notable"], strict=True) if notable]
    what = ("、" if lang == "zh" else ", ").join(moved)
    title = words["moved"].format(what=what) if moved else words["steady"]
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 2.8)
def intake(intake: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Per source, what became of its raw rows, in shares."""
    assert ax is not None
    words = _WORDS[lang]
    sums = intake.groupby("source")[["rows", "accepted", "quarantined", "repeated"]].sum()
    sums = sums[sums["rows"] > 0]
    if sums.empty:
        return style.empty(ax, words["none"])
    labels = [
        f"{source_name(s, lang)} (n = {style.number(n, lang)})" for s, n in zip(sums.index, sums["rows"], strict=True)
    ]
    left = pd.Series(0.0, sums.index)
    looks = {"accepted": style.ACCENT, "quarantined": style.WARNING, "repeated": style.GREY}
    for column, colour in looks.items():
        share = sums[column] / sums["rows"]
        ax.barh(labels, share, left=left, color=colour, label=words["aside" if column == "quarantined" else column])
        left = left + share
    ax.invert_yaxis()
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(lambda x, _place: style.percent(x, lang, 0))
    ax.legend(loc="upper left", bbox_to_anchor=(0, -0.12), ncols=3)
    told = sums.loc["orders"] if "orders" in sums.index else sums.sum()  # one file may be several sources
    repeated, rows = told["repeated"], told["rows"] - told["repeated"]
    taken = style.percent(told["accepted"] / rows, lang)
    title = words["taken"].format(share=taken, rows=style.number(rows, lang))
    title += words["again"].format(repeated=style.number(repeated, lang)) if repeated else ""
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 2.2)
def contacts(states: pd.DataFrame, lang: str, min_cell: int = 1, ax: Axes | None = None) -> Axes:
    """Customers by when their contact data were last checked."""
    assert ax is not None
    words, order = _WORDS[lang], ["verified", "stale", "never"]
    customers = states.groupby("contact_state")["customers"].sum().reindex(order, fill_value=0)
    if not customers[["verified", "stale"]].sum():
        return style.empty(ax, words["no_contacts"])
    bars = ax.barh([schema.word(s, lang) for s in order], customers, color=[style.ACCENT, style.WARNING, style.GREY])
    ax.bar_label(bars, suppression.labels(customers.reset_index(), "customers", min_cell, lang), padding=4)
    ax.invert_yaxis()
    ax.xaxis.set_visible(False)
    ax.set_xlim(0, customers.max() * 1.15)
    share, n = customers["verified"] / customers.sum(), style.number(customers.sum(), lang)
    title = words["contacts"].format(share=style.percent(share, lang), n=n)
    return style.finish(ax, title=title, alt=title)
