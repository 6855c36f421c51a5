"""Figures of step 2: tidy frame in, Axes out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlib import schema
from crmlib.views import style


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
        ax.bar_label(bars, [f"{style.percent(v, lang)} {name}" for v in values], padding=4, fontsize=9)
    ax.set_yticks(place, [schema.word(tier, lang) for tier in sizes["tier"]])
    ax.invert_yaxis()
    ax.xaxis.set_visible(False)
    ax.set_xlim(0, 1.35 * max(sizes["customer_share"].max(), sizes["revenue_share"].max(), 0.01))
    best = sizes.iloc[0]
    share, money = style.percent(best["customer_share"], lang), style.percent(best["revenue_share"], lang)
    title = {
        "en": f"High-value customers: {share} of customers, {money} of spend",
        "zh": f"高价值客户：占客户{share}，占消费{money}",
    }[lang]
    return style.finish(ax, title=title, alt=title)


@style.chart(6.2, 4.2)
def tier_migration(moves: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Customers by tier a quarter ago (rows) and now (columns)."""
    assert ax is not None
    if set(moves["tier_before"]) <= {"absent"}:
        return style.empty(ax, {"en": "No earlier quarter to compare with", "zh": "没有更早的季度可比较"}[lang])
    import seaborn as sns

    table = moves.pivot(index="tier_before", columns="tier", values="customers")
    order = ["high", "potential", "general", "risk", "none", "absent"]
    table = table.reindex(
        index=[t for t in order if t in table.index], columns=[t for t in order if t in table.columns]
    )
    shares = table.div(table.sum(axis=1), axis=0)
    text = table.map(lambda n: "" if pd.isna(n) else style.number(n, lang))
    sns.heatmap(shares, annot=text, fmt="", cmap=style.SEQUENTIAL, vmin=0, vmax=1, cbar=False, linewidths=1, ax=ax)
    ax.set_xticklabels([schema.word(t, lang) for t in table.columns], rotation=0)
    ax.set_yticklabels([schema.word(t, lang) for t in table.index], rotation=0)
    ax.set_xlabel(schema.label("tier", lang))
    ax.set_ylabel(schema.label("tier_before", lang))
    same = sum(table.loc[t, t] for t in table.index if t in table.columns and not pd.isna(table.loc[t, t]))
    share = style.percent(same / table.sum().sum(), lang)
    title = {"en": f"{share} of customers are in the tier of a quarter ago", "zh": f"{share}的客户与上季度同一层级"}[
        lang
    ]
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 3.0)
def cluster_profile(profile: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Each cluster's share of customers beside its share of spend."""
    assert ax is not None
    place, height = np.arange(len(profile)), 0.38
    for column, shift, alpha in (("customer_share", -height / 2, 0.45), ("revenue_share", height / 2, 1.0)):
        values = profile[column].fillna(0)
        bars = ax.barh(place + shift, values, height, color=style.ACCENT, alpha=alpha)
        ax.bar_label(
            bars, [f"{style.percent(v, lang)} {schema.label(column, lang)}" for v in values], padding=4, fontsize=9
        )
    ax.set_yticks(place, [schema.word(name, lang) for name in profile["cluster_name"]])
    ax.invert_yaxis()
    ax.xaxis.set_visible(False)
    ax.set_xlim(0, 1.35 * max(profile["customer_share"].max(), profile["revenue_share"].max(), 0.01))
    first = profile.iloc[0]
    name, share = schema.word(first["cluster_name"], lang), style.percent(first["revenue_share"], lang)
    title = {"en": f"The cluster '{name}' brings {share} of spend", "zh": f"聚类群“{name}”贡献{share}的消费"}[lang]
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 3.2)
def spend_deciles(deciles: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Share of 12-month spend by tenth of the active customers."""
    assert ax is not None
    bars = ax.bar(deciles["decile"], deciles["revenue_share"], color=[style.ACCENT, *[style.GREY] * (len(deciles) - 1)])
    ax.bar_label(bars, [style.percent(v, lang) for v in deciles["revenue_share"]], padding=3)
    ax.set_xticks(deciles["decile"])
    ax.set_xlabel(
        {"en": "Tenths of active customers, biggest spenders first", "zh": "活跃客户十等分（消费最多者在前）"}[lang]
    )
    ax.yaxis.set_visible(False)
    share = style.percent(deciles["revenue_share"].iloc[0], lang)
    title = {"en": f"The top tenth of customers brings {share} of spend", "zh": f"前10%的客户贡献{share}的消费"}[lang]
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 3.2)
def silence_rates(rates: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Share of customers who bought nothing in the quarter, by days since their last order at its start."""
    assert ax is not None
    if rates.empty:
        return style.empty(ax, {"en": "No earlier quarter to learn from", "zh": "没有更早的季度可供参考"}[lang])
    bands = rates["recency_band"].astype(int)
    following = bands.shift(-1)
    names = [f"{a}+" if pd.isna(b) else f"{a}–{int(b) - 1}" for a, b in zip(bands, following, strict=True)]
    bars = ax.bar(
        names, rates["silent_rate"], color=[style.GREY if thin else style.ACCENT for thin in rates["is_thin"]]
    )
    shares = [style.percent(rate, lang) for rate in rates["silent_rate"]]
    ax.bar_label(bars, [f"{share}\nn = {n}" for share, n in zip(shares, rates["customers"], strict=True)], padding=3)
    ax.set_ylim(0, max(rates["silent_rate"].max() * 1.35, 0.05))
    ax.set_xlabel({"en": "Days since the last order at the start of the quarter (grey: fewer than 30 customers)",
                   "zh": "季初距上次购买天数（灰色：客户少于30个）"}[lang])  # fmt: skip
    ax.yaxis.set_visible(False)
    solid = rates[~rates["is_thin"]]
    worst = (solid if len(solid) else rates).sort_values("silent_rate").iloc[-1]
    band, share = names[int((bands < worst["recency_band"]).sum())], style.percent(worst["silent_rate"], lang)
    title = {
        "en": f"Of customers silent for {band} days, {share} bought nothing for another quarter",
        "zh": f"沉寂{band}天的客户中，{share}在之后一个季度没有购买",
    }[lang]
    return style.finish(ax, title=title, alt=title)
