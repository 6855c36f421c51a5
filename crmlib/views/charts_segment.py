"""Figures of step 2: tidy frame in, Axes out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from crmlib import schema
from crmlib.params import Book
from crmlib.views import style, suppression


@style.chart(7.2, 3.2)
def tier_sizes(sizes: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Each tier's share of customers beside its share of 12-month spend."""
    assert ax is not None
    place, height = np.arange(len(sizes)), 0.38
    colours = [style.TIER_COLOURS[tier] for tier in sizes["tier"]]
    pairs = [(sizes["customer_share"], -height / 2, 0.45), (sizes["revenue_share"].fillna(0), height / 2, 1.0)]
    names = [schema.label("customer_share", lang), schema.label("revenue_share", lang)]
    for (values, shift, alpha), name in zip(pairs, names, strict=True):
        bars = ax.barh(place + shift, values, height, color=colours, alpha=alpha)
        ax.bar_label(bars, [f"{style.share(v, lang)} {name}" for v in values], padding=4, fontsize=9)
    ax.set_yticks(place, [schema.word(tier, lang) for tier in sizes["tier"]])
    ax.invert_yaxis()
    ax.xaxis.set_visible(False)
    ax.set_xlim(0, 1.35 * max(sizes["customer_share"].max(), sizes["revenue_share"].max(), 0.01))
    best = sizes.iloc[0]
    share, money = style.share(best["customer_share"], lang), style.share(best["revenue_share"], lang)
    name = schema.word(best["tier"], lang)
    title = {
        "en": f"{name} customers: {share} of customers, {money} of spend",
        "zh": f"{name}客户：占客户{share}，占消费{money}",
    }[lang]
    if "scoring" in sizes and (sizes["scoring"] == "percentile").any():
        title += {"en": " (relative tiers: not comparable between quarters)", "zh": "（相对分层，不可跨季度比较）"}[
            lang
        ]
    return style.finish(ax, title=title, alt=title)


@style.chart(6.6, 4.4)
def tier_migration(moves: pd.DataFrame, lang: str, min_cell: int = 1, ax: Axes | None = None) -> Axes:
    """Customers by tier, or state without purchases, a quarter ago (rows) and now (columns); few are "<5"."""
    assert ax is not None
    bought = moves[moves["tier_before"] != "prospect"]
    if set(bought["tier_before"]) <= {"absent"}:
        return style.empty(ax, _NO_EARLIER[lang])
    import seaborn as sns

    table = moves.pivot(index="tier_before", columns="tier", values="customers")
    table = table.reindex(
        index=[t for t in _PLACES if t in table.index], columns=[t for t in _PLACES if t in table.columns]
    )
    shares = table.div(table.sum(axis=1), axis=0)
    said = moves.assign(customers=suppression.labels(moves, "customers", min_cell, lang))
    text = said.pivot(index="tier_before", columns="tier", values="customers").reindex_like(table).fillna("")
    sns.heatmap(shares, annot=text, fmt="", cmap=style.SEQUENTIAL, vmin=0, vmax=1, cbar=False, linewidths=1, ax=ax)
    ax.set_xticklabels([schema.word(t, lang).replace(" ", "\n") for t in table.columns], rotation=0)
    ax.set_yticklabels([schema.word(t, lang) for t in table.index], rotation=0)
    ax.set_xlabel(schema.label("tier", lang))
    ax.set_ylabel(schema.label("tier_before", lang))
    same, known = _stayed(bought), bought.loc[bought["tier_before"] != "absent", "customers"].sum()
    share = style.percent(same / known, lang)
    title = {"en": f"{share} of earlier customers are in the tier of a quarter ago",
             "zh": f"{share}的原有客户与上季度同一层级"}[lang]  # fmt: skip
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 4.6)
def tier_flow(moves: pd.DataFrame, lang: str, min_cell: int = 1, ax: Axes | None = None) -> Axes:
    """Customers as bands from their tier a quarter ago (left) to that of now (right); prospects are left out.

    A side with a tier of few customers has no numbers.
    """
    assert ax is not None
    shown = moves[(moves["tier"] != "prospect") & (moves["tier_before"] != "prospect")]
    if set(shown["tier_before"]) <= {"absent"}:
        return style.empty(ax, _NO_EARLIER[lang])
    places = [p for p in _PLACES if p in {*shown["tier"], *shown["tier_before"]}]
    total = shown["customers"].sum()
    gap = 0.035 * total
    left = _stack(shown.groupby("tier_before")["customers"].sum(), places, gap)
    right = _stack(shown.groupby("tier")["customers"].sum(), places, gap)
    ends = {"left": {p: top for p, (top, _n) in left.items()}, "right": {p: top for p, (top, _n) in right.items()}}
    ordered = shown.assign(i=shown["tier_before"].map(places.index), j=shown["tier"].map(places.index))
    rows = ordered.sort_values(["i", "j"])[["tier_before", "tier", "customers"]]
    for then, now, n in rows.itertuples(index=False, name=None):
        _band(ax, ends["left"][then], ends["right"][now], n, _colour(then))
        ends["left"][then] += n
        ends["right"][now] += n
    for x, side, stack in ((0.0, "right", left), (1.0, "left", right)):
        _label_stack(ax, x, side, stack, lang, min_cell)
    ax.set_xlim(-0.42, 1.42)
    ax.set_ylim(max(top + n for stack in (left, right) for top, n in stack.values()) + gap, -2.9 * gap)
    ax.text(0, -1.8 * gap, {"en": "a quarter ago", "zh": "上季度"}[lang], ha="center", color=style.MUTED)
    ax.text(1, -1.8 * gap, {"en": "now", "zh": "本季度"}[lang], ha="center", color=style.MUTED)
    ax.set_axis_off()
    title = _flow_title(shown, places, lang, min_cell)
    return style.finish(ax, title=title, alt=title)


_PLACES = ("high", "potential", "general", "risk", "lapsed", "none", "returns_only", "prospect", "absent")
_NO_EARLIER = {
    "en": "No earlier quarter to compare with, or only relative scores",
    "zh": "没有可比较的更早季度，或评分仅为相对值",
}


def _stayed(moves: pd.DataFrame) -> int:
    return int(moves.loc[moves["tier_before"] == moves["tier"], "customers"].sum())


def _colour(place: str) -> str:
    return style.TIER_COLOURS.get(place, style.MUTED if place == "lapsed" else style.GREY)


def _stack(counts: pd.Series, places: list[str], gap: float) -> dict[str, tuple[float, int]]:
    """Top edge and height of each place that has customers, from above."""
    tops, top = {}, 0.0
    for place in places:
        if counts.get(place, 0):
            tops[place] = (top, int(counts[place]))
            top += counts[place] + gap
    return tops


def _band(ax: Axes, left: float, right: float, height: float, colour: str) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    a, b, middle = 0.03, 0.97, 0.5
    points = [(a, left), (middle, left), (middle, right), (b, right), (b, right + height), (middle, right + height),
              (middle, left + height), (a, left + height), (a, left)]  # fmt: skip
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    ax.add_patch(PathPatch(Path(points, codes), facecolor=colour, alpha=0.45, edgecolor=style.PAPER, linewidth=0.4))


def _label_stack(ax: Axes, x: float, side: str, stack: dict[str, tuple[float, int]], lang: str, min_cell: int) -> None:
    """A bar per place, with its name and number of customers; names that would touch are moved apart, with a line."""
    span = max(top + n for top, n in stack.values())
    are_told = all(n >= min_cell for _top, n in stack.values())
    out, at = -1 if side == "right" else 1, -span
    for place, (top, n) in stack.items():
        ax.add_patch(Rectangle((x - 0.03, top), 0.06, n, facecolor=_colour(place), edgecolor="none"))
        middle = top + n / 2
        at = max(middle, at + 0.065 * span)
        if at > top + n:
            ax.plot([x + 0.03 * out, x + 0.06 * out], [middle, at], color=_colour(place), linewidth=0.8)
        text = schema.word(place, lang) + (f"  {style.number(n, lang)}" if are_told else "")
        ax.text(x + 0.07 * out, at, text, ha=side, va="center", fontsize=10)


def _flow_title(shown: pd.DataFrame, places: list[str], lang: str, min_cell: int) -> str:
    known = shown[shown["tier_before"] != "absent"]
    step = known["tier"].map(places.index) - known["tier_before"].map(places.index)
    counts = [known.loc[mask, "customers"].sum() for mask in (step < 0, step > 0)]
    counts.append(shown.loc[shown["tier_before"] == "absent", "customers"].sum())
    stayed = style.percent(_stayed(known) / known["customers"].sum(), lang)
    if any(0 < n < min_cell for n in counts):
        return {"en": f"{stayed} stayed where they were", "zh": f"{stayed}的客户层级不变"}[lang]
    up, down, new = (style.number(n, lang) for n in counts)
    return {
        "en": f"{stayed} stayed where they were; {up} moved up, {down} down, {new} are new",
        "zh": f"{stayed}的客户层级不变；{up}个上升，{down}个下降，{new}个新增",
    }[lang]


@style.chart(7.2, 3.0)
def cluster_profile(profile: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Each cluster's share of customers beside its share of spend."""
    assert ax is not None
    place, height = np.arange(len(profile)), 0.38
    for column, shift, alpha in (("customer_share", -height / 2, 0.45), ("revenue_share", height / 2, 1.0)):
        values = profile[column].fillna(0)
        ax.barh(place + shift, values, height, color=style.ACCENT, alpha=alpha)
        for y, share in zip(place + shift, values, strict=True):  # right of the axis also where more came back
            name = f"{style.percent(share, lang)} {schema.label(column, lang)}"
            ax.annotate(name, (max(share, 0), y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_yticks(place, [schema.word(name, lang) for name in profile["cluster_name"]])
    ax.invert_yaxis()
    ax.xaxis.set_visible(False)
    shares = profile[["customer_share", "revenue_share"]]
    ax.set_xlim(min(0, shares.min().min()), 1.35 * max(shares.max().max(), 0.01))
    first = profile.iloc[0]
    name, share = schema.word(first["cluster_name"], lang), style.percent(first["revenue_share"], lang)
    title = {"en": f"The cluster '{name}' brings {share} of spend", "zh": f"聚类群“{name}”贡献{share}的消费"}[lang]
    return style.finish(ax, title=title, alt=title)


@style.chart(7.0, 3.6)
def cluster_heat(positions: pd.DataFrame, profile: pd.DataFrame, lang: str, book: Book, ax: Axes | None = None) -> Axes:
    """Where each cluster's typical customer stands on each measure (colour), and its value there (text).

    `positions` are standard deviations from the average in logs; `profile` holds the medians, in the same order.
    """
    assert ax is not None
    import seaborn as sns

    columns = [str(c) for c in positions.columns]
    text = [
        [style.money(v, book, lang) if c.endswith("_minor") else style.number(v, lang) for v in profile[c]]
        for c in columns
    ]
    bar = {"label": {"en": "standard deviations from average", "zh": "与平均的标准差"}[lang]}
    sns.heatmap(
        positions, annot=np.array(text).T, fmt="", cmap=_DIVERGING, vmin=-2, vmax=2, linewidths=1, cbar_kws=bar, ax=ax
    )
    ax.set_xticklabels([_two_lines(schema.word(c, lang)) for c in columns], rotation=0)
    ax.set_yticklabels([schema.word(name, lang) for name in positions.index], rotation=0)
    ax.set_ylabel("")
    at, on = divmod(int(positions.abs().to_numpy().argmax()), len(columns))
    name, measure = schema.word(positions.index[at], lang), schema.word(columns[on], lang)
    above = float(positions.to_numpy()[at, on]) > 0
    title = {
        "en": f"'{name}' stands out most: {measure.lower()} far {'above' if above else 'below'} average",
        "zh": f"“{name}”最为突出：{measure}远{'高' if above else '低'}于平均",
    }[lang]
    return style.finish(ax, title=title, alt=title)


_DIVERGING = LinearSegmentedColormap.from_list("workbook-diverging", ["#c98a5a", "#f7f7f5", "#7fa8c9"])


def _two_lines(text: str) -> str:
    words = text.split(" ")
    return text if len(words) < 3 else " ".join(words[:2]) + "\n" + " ".join(words[2:])


@style.chart(6.6, 3.4)
def cluster_tiers(cells: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Each cluster's customers by tier, in percent of the cluster."""
    assert ax is not None
    if cells.empty:
        return style.empty(ax, {"en": "No clusters to compare with the tiers", "zh": "没有可与层级比较的聚类群"}[lang])
    import seaborn as sns

    named = cells.drop_duplicates("cluster").set_index("cluster")["cluster_name"]
    table = cells.pivot(index="cluster", columns="tier", values="cluster_share")
    table = table.reindex(columns=[t for t in _PLACES if t in table.columns]).fillna(0)
    text = table.map(lambda v: style.percent(v, lang, 0) if v else "")
    sns.heatmap(table, annot=text, fmt="", cmap=style.SEQUENTIAL, vmin=0, vmax=1, cbar=False, linewidths=1, ax=ax)
    ax.set_xticklabels([schema.word(t, lang) for t in table.columns], rotation=0)
    ax.set_yticklabels([schema.word(named[c], lang) for c in table.index], rotation=0)
    ax.set_xlabel(schema.label("tier", lang))
    ax.set_ylabel("")
    at, on = divmod(int(table.to_numpy().argmax()), len(table.columns))
    share = style.percent(float(table.to_numpy()[at, on]), lang, 0)
    name, where = schema.word(named[table.index[at]], lang), schema.word(table.columns[on], lang)
    title = {"en": f"{share} of the cluster '{name}' are in the tier '{where}'",
             "zh": f"聚类群“{name}”的客户有{share}属于“{where}”层级"}[lang]  # fmt: skip
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 3.2)
def spend_deciles(deciles: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Share of 12-month spend by tenth of the active customers."""
    assert ax is not None
    bars = ax.bar(deciles["decile"], deciles["revenue_share"], color=[style.ACCENT, *[style.GREY] * (len(deciles) - 1)])
    ax.bar_label(bars, [style.percent(v, lang) for v in deciles["revenue_share"]], padding=3)
    if deciles["revenue_share"].min() < 0:  # room for a label below a bar, above the ticks
        ax.set_ylim(ax.get_ylim()[0] - 0.1 * deciles["revenue_share"].max())
    ax.set_xticks(deciles["decile"])
    ax.set_xlabel(
        {"en": "Tenths of active customers, biggest spenders first", "zh": "活跃客户十等分（消费最多者在前）"}[lang]
    )
    ax.yaxis.set_visible(False)
    share = style.percent(deciles["revenue_share"].iloc[0], lang)
    title = {"en": f"The top tenth of customers brings {share} of spend", "zh": f"前10%的客户贡献{share}的消费"}[lang]
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 3.2)
def silence_rates(rates: pd.DataFrame, lang: str, min_cell: int = 1, ax: Axes | None = None) -> Axes:
    """Share of customers who bought nothing in the days of silence, by days since their last purchase before.

    A band whose share would tell of a few customers has no bar.
    """
    assert ax is not None
    if rates.empty:
        return style.empty(
            ax, {"en": "Nobody bought early enough to be counted", "zh": "没有足够早的客户可供统计"}[lang]
        )
    told = suppression.labels(rates, "customers", min_cell, lang)
    rates = rates.assign(silent_rate=suppression.blank(rates, min_cell)["silent_rate"])
    if rates["silent_rate"].isna().all():
        return style.empty(ax, style.TOO_SMALL[lang])
    bands, days = rates["recency_band"].astype(int), rates["silence_days"].iloc[0]
    following = bands.shift(-1)
    names = [f"{a}+" if pd.isna(b) else f"{a}–{int(b) - 1}" for a, b in zip(bands, following, strict=True)]
    bars = ax.bar(
        names, rates["silent_rate"].fillna(0), color=[style.GREY if thin else style.ACCENT for thin in rates["is_thin"]]
    )
    shares = ["" if pd.isna(rate) else style.percent(rate, lang) + "\n" for rate in rates["silent_rate"]]
    counts = [f"n {n}" if n.startswith("<") else f"{share}n = {n}" if n else ""
              for share, n in zip(shares, told, strict=True)]  # fmt: skip
    ax.bar_label(bars, counts, padding=3)
    ax.set_ylim(0, max(rates["silent_rate"].max() * 1.35, 0.05))
    ax.set_xlabel({"en": f"Days since the last purchase, {days} days ago (grey: fewer than 30 customers)",
                   "zh": f"{days}天前时距上次购买的天数（灰色：客户少于30个）"}[lang])  # fmt: skip
    ax.yaxis.set_visible(False)
    known = rates[rates["silent_rate"].notna()]
    solid = known[~known["is_thin"]]
    worst = (solid if len(solid) else known).sort_values("silent_rate").iloc[-1]
    band, share = names[int((bands < worst["recency_band"]).sum())], style.percent(worst["silent_rate"], lang)
    title = {
        "en": f"Of customers silent for {band} days, {share} bought nothing for another {days} days",
        "zh": f"沉寂{band}天的客户中，{share}在之后{days}天没有购买",
    }[lang]
    return style.finish(ax, title=title, alt=title)
