"""Figures of step 4: tidy frame in, Axes out."""

import pandas as pd
from matplotlib.axes import Axes

from crmlib import schema
from crmlib.params import Book
from crmlib.views import style, tables

_OUTCOMES = {
    "listed": style.ACCENT,
    "is_held_out": "#56b4e9",
    "campaign_place": "#b9c7d3",
    "cooling_off": "#e69f00",
    "no_time": "#cc79a7",
    "no_consent": "#d55e00",
    "not_funded": style.LINE,
}
_NOTE = {"en": " (illustrative)", "zh": "（示例）"}


@style.chart(7.2, 2.9)
def action_coverage(coverage: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Each tier's customers by what the list does with them, as shares of the tier."""
    assert ax is not None
    if not (coverage.action_outcome == "listed").any():
        return style.empty(ax, {"en": "No customer gets a measure next quarter", "zh": "下季度没有客户安排行动"}[lang])
    tiers = list(dict.fromkeys(coverage.tier))
    wide = coverage.pivot_table(index="tier", columns="action_outcome", values="customer_share", fill_value=0.0)
    shares, left = wide.reindex(tiers), pd.Series(0.0, index=tiers)
    for outcome in (o for o in _OUTCOMES if o in shares):
        ax.barh(tiers, 100 * shares[outcome], left=100 * left, height=0.6, color=_OUTCOMES[outcome],
                label=schema.word(outcome, lang))  # fmt: skip
        left += shares[outcome]
    ax.set_yticks(range(len(tiers)), [schema.word(tier, lang) for tier in tiers])
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    ax.set_xlabel({"en": "% of the tier's customers", "zh": "占该层级客户的百分比"}[lang])
    ax.get_figure(root=True).legend(loc="outside lower center", ncols=3, fontsize=9)  # type: ignore[union-attr]
    n = coverage.customers[coverage.action_outcome == "listed"].sum()
    share = style.percent(n / coverage.customers.sum(), lang, 0)
    title = {
        "en": f"{share} of customers get a measure next quarter",
        "zh": f"下季度{share}的客户安排了行动",
    }[lang]
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 2.9)
def loyalty_costs(costs: pd.DataFrame, lang: str, book: Book, ax: Axes | None = None) -> Axes:
    """Cost of each loyalty level, points and perks, with what is owed in points."""
    assert ax is not None
    if costs.empty:
        return style.empty(ax, {"en": "No loyalty levels are registered", "zh": "尚未登记会员等级"}[lang])
    scale, place = 10**book.minor_digits, range(len(costs))
    points, perks = costs.points_cost_minor / scale, costs.perks_minor / scale
    ax.barh(place, points, 0.55, color=style.ACCENT, label=schema.label("points_cost_minor", lang))
    ax.barh(place, perks, 0.55, left=points, color="#e69f00", label=schema.label("perks_minor", lang))
    owed = costs.liability_minor / scale
    ax.scatter(owed, place, marker="|", s=260, color=style.INK, zorder=3, label=schema.label("liability_minor", lang))
    names = tables.in_language(costs, lang).loyalty_level
    labels = [f"{style.legible(n)} ({schema.word(t, lang)})" for n, t in zip(names, costs.tier, strict=True)]
    ax.set_yticks(place, labels)
    ax.invert_yaxis()
    ax.set_xlabel(tables.heading("cost_minor", lang, book))
    ax.get_figure(root=True).legend(loc="outside lower center", ncols=3, fontsize=9)  # type: ignore[union-attr]
    cost, spent = costs.cost_minor.sum(), costs.quarter_spend_minor.sum()
    money = style.money(cost, book, lang)
    share = style.percent(cost / spent if spent else float("nan"), lang)
    title = {
        "en": f"Loyalty costs {money} a quarter, {share} of spend",
        "zh": f"会员计划每季度成本{money}，占消费{share}",
    }[lang] + (_NOTE[lang] if tables.is_illustrative(costs) else "")
    return style.finish(ax, title=title, alt=title)
