"""Figures that only the panels have: tidy frame in, Axes out."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.ticker import NullLocator

from crmlib import schema
from crmlib.params import Book
from crmlib.views import style, tables

_VERDICTS = {
    "effective": "#0072b2",
    "partly_effective": "#56b4e9",
    "inconclusive": "#d5dae0",
    "not_effective": "#e69f00",
    "harmful": "#d55e00",
}


@style.chart(7.2, 3.4)
def budget(
    curve: pd.DataFrame,
    spots: Mapping[str, tuple[float, float]],
    price: float,
    lang: str,
    book: Book,
    ax: Axes | None = None,
) -> Axes:
    """Expected margin after cost by budget; `spots` are the points 'signed' and 'tried' on it, in major units."""
    assert ax is not None
    scale = 10**book.minor_digits
    budgets, values = curve["budget_minor"] / scale, curve["value_minor"] / scale
    ax.plot(budgets, values, color=style.ACCENT)
    names = {"signed": {"en": "signed off", "zh": "已确认"}[lang], "tried": {"en": "tried", "zh": "试算"}[lang]}
    looks = {"signed": (style.MUTED, (8, -16), "left"), "tried": (style.WARNING, (-8, 8), "right")}
    for name, (x, y) in spots.items():
        colour, place, side = looks[name]
        ax.plot([x], [y], "o", color=colour, markersize=8)
        text = f"{style.money(x * scale, book, lang)} {names[name]}"
        ax.annotate(text, (x, y), place, textcoords="offset points", color=colour, fontsize=10, ha=side)
    ax.set_xlim(0, 1.25 * max(budgets.max(), *(x for x, _y in spots.values())))
    ax.set_ylim(0, 1.15 * max(values.max(), 1))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda x, _position: style.number(x, lang))
    ax.set_xlabel(tables.heading("budget_minor", lang, book))
    ax.set_ylabel(tables.heading("value_minor", lang, book))
    worth, one = style.money(price * scale, book, lang), style.money(scale, book, lang)
    title = {"en": f"The next {one} would bring {worth} on top of its cost",
             "zh": f"再增加{one}，收回成本后可多带来{worth}"}[lang]  # fmt: skip
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 3.4)
def least_effect(frame: pd.DataFrame, kpi_unit: str, title: str, lang: str, book: Book, ax: Axes | None = None) -> Axes:
    """Least effect by number of customers, a line for each share held out, and the point asked for."""
    assert ax is not None
    known = frame.dropna(subset="mde")
    if known.empty:
        return style.empty(ax, {"en": "No possible effect would be found", "zh": "任何可能的效果都无法检测"}[lang])
    scale = {"rate": 100.0, "number": 1.0}.get(kpi_unit, 1 / 10**book.minor_digits)
    asked = frame[frame["is_asked"]].iloc[0]
    for share, line in known.groupby("holdout_share"):
        is_asked = share == asked["holdout_share"]
        ax.plot(line["eligible"], line["mde"] * scale, color=style.ACCENT if is_asked else style.GREY,
                linewidth=2.4 if is_asked else 1, label=style.percent(share, lang, 0))  # fmt: skip
    if not pd.isna(asked["mde"]):
        ax.plot([asked["eligible"]], [asked["mde"] * scale], "o", color=style.WARNING, markersize=9)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.xaxis.set_major_formatter(lambda x, _position: style.number(x, lang))
    ax.yaxis.set_major_formatter(lambda y, _position: style.number(y, lang))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_minor_locator(NullLocator())
    ax.grid(axis="y")
    names = {"rate": {"en": "percentage points", "zh": "百分点"}, "number": {"en": "orders", "zh": "单"}}
    unit = names[kpi_unit][lang] if kpi_unit in names else book.currency
    ax.set_xlabel(schema.label("eligible", lang))
    ax.set_ylabel(f"{schema.label('mde', lang)} ({unit})")
    ax.legend(title=schema.label("holdout_share", lang), loc="upper right", ncols=2, title_fontsize=10.5)
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 3.4)
def chances(frame: pd.DataFrame, customers: int, alt: str, lang: str, ax: Axes | None = None) -> Axes:
    """The chance of each verdict by number of customers, with a line at the number asked for."""
    assert ax is not None
    wide = frame.pivot(index="eligible", columns="outcome", values="chance")[list(_VERDICTS)]
    names = [schema.word(code, lang) for code in wide.columns]
    ax.stackplot(wide.index, wide.to_numpy().T, colors=list(_VERDICTS.values()), labels=names)
    ax.axvline(customers, color=style.INK, linewidth=1.2, linestyle="--")
    ax.set_xscale("log")
    ax.set_xlim(wide.index.min(), wide.index.max())
    ax.set_ylim(0, 1)
    ax.xaxis.set_major_formatter(lambda x, _position: style.number(x, lang))
    ax.yaxis.set_major_formatter(lambda y, _position: style.percent(y, lang, 0))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel(schema.label("eligible", lang))
    ax.set_ylabel({"en": "Chance of the verdict", "zh": "各结论的概率"}[lang])
    ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    n, told = style.number(customers, lang), style.percent(wide["inconclusive"].loc[customers], lang, 0)
    title = {"en": f"At {n} customers {told} of reviews could not tell",
             "zh": f"{n}名客户时，{told}的评估无法得出结论"}[lang]  # fmt: skip
    return style.finish(ax, title=title, alt=f"{title}. {alt}")


@style.chart(7.2, 3.4)
def timeline(days: pd.DataFrame, campaigns: pd.DataFrame, lang: str, book: Book, ax: Axes | None = None) -> Axes:
    """One customer's purchases and returns by day, and the campaigns he was in (filled) or held out of (hatched).

    `days` has order_date and net_minor; `campaigns` campaign_id, start_date, end_date and arm.
    """
    assert ax is not None
    if days.empty:
        return style.empty(ax, {"en": "This customer has no purchases", "zh": "该客户没有购买记录"}[lang])
    dates, money = np.asarray(date2num(days["order_date"])), days["net_minor"].to_numpy(float) / 10**book.minor_digits
    ax.vlines(dates, 0, money, color=np.where(money < 0, style.WARNING, style.ACCENT), linewidth=1.4)
    ax.axhline(0, color=style.GREY, linewidth=0.6)
    top = max(money.max(), 1.0)
    for place, row in enumerate(campaigns.itertuples()):
        start, end = date2num(row.start_date), date2num(row.end_date)
        held, y = row.arm == "hold_out", top * (1.12 + 0.09 * (place % 4))
        ax.barh(y, end - start, 0.07 * top, left=start, color="none" if held else "#e69f00", edgecolor="#e69f00",
                hatch="////" if held else None)  # fmt: skip
    ax.xaxis_date()
    ax.set_ylabel(tables.heading("net_minor", lang, book))
    filled = {"en": "Orange bars: campaigns (hatched: held out)", "zh": "橙色：活动（斜线为对照组）"}[lang]
    ax.set_xlabel(filled if len(campaigns) else "")
    bought = days[days["net_minor"] > 0]
    last, n = style.day(bought["order_date"].max(), lang), style.number(len(bought), lang)
    title = {"en": f"Bought on {n} of the days shown, last on {last}", "zh": f"图中{n}天有购买，最近一次为{last}"}[lang]
    if bought.empty:
        title = {"en": "No paid purchase in the time shown", "zh": "图示期间没有有效购买"}[lang]
    return style.finish(ax, title=title, alt=title)
