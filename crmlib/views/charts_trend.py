"""Figures of demand, trend and opportunities: tidy frame in, Axes out."""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import date2num

from crmlib import schema
from crmlib.params import Book
from crmlib.views import lettering, style, tables

_TIERS = ("high", "potential", "general", "risk")
_NOTE = {"en": " (illustrative)", "zh": "（示例）"}
_NO_DEMAND = {"en": "No sales to follow", "zh": "没有可跟踪的销售"}
_TITLE, _TITLE_ROOM = 9.5, 210  # points: the letters of a panel's title, the width it has
_HEAD, _LINE, _PLOT, _FOOT = 0.25, 0.18, 1.05, 0.45  # inches: over a panel, more for a second line, panel, ticks
_WHEN = {"en": {"week": "weeks", "month": "months"}, "zh": {"week": "周", "month": "个月"}}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@style.chart(7.2, 4.0)
def demand_forecast(
    demand: pd.DataFrame, forecast: pd.DataFrame, outlook: pd.DataFrame, lang: str, book: Book, ax: Axes | None = None
) -> Axes:
    """One series by week or month: whole periods, trend, and what comes with its 80 and 95 % ranges."""
    assert ax is not None
    if demand.empty or outlook.empty:
        return style.empty(ax, _NO_DEMAND[lang])
    _draw_history(ax, demand, book, _WORDS[lang])
    _draw_future(ax, forecast, book, _WORDS[lang])
    _finish_axes(ax, demand, book, lang)
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.legend(loc="outside lower left", ncols=4, fontsize=9, handlelength=1.6, columnspacing=1.6)
    title = _outlook_title(outlook.iloc[0], lang, book)
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 4.6)
def demand_panels(
    demand: pd.DataFrame, forecast: pd.DataFrame, outlook: pd.DataFrame, lang: str, book: Book, ax: Axes | None = None
) -> Axes:
    """Small multiples by week, each on its own scale, all from the same start."""
    assert ax is not None
    names = _in_order(outlook["demand_series"])
    if not names:
        return style.empty(ax, _NO_PANELS[lang])
    rows = -(-len(names) // 2)
    figure = ax.get_figure(root=True)
    assert figure is not None
    titles = _panel_titles(outlook, lang, book)
    head = _HEAD + _LINE * ("\n" in "".join(titles.values()))
    tall = head + _PLOT + _FOOT
    figure.set_figheight(0.7 + tall * rows)
    ax.set_axis_off()
    for place, name in enumerate(names):
        bottom = (_FOOT + tall * (rows - 1 - place // 2)) / (tall * rows)
        panel = ax.inset_axes((0.55 * (place % 2), bottom, 0.45, _PLOT / (tall * rows)))
        part, ahead = (frame[frame["demand_series"] == name] for frame in (demand, forecast))
        _draw_history(panel, part, book, {})
        _draw_future(panel, ahead, book, {})
        _finish_axes(panel, part, book, lang)
        panel.set_ylabel("")
        panel.tick_params(labelsize=8.5)
        panel.set_title(titles[name], loc="left", fontsize=_TITLE, pad=6, linespacing=1.3)
    title = _panels_title(outlook, lang)
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 2.8)
def demand_season(demand: pd.DataFrame, lang: str, book: Book, ax: Axes | None = None) -> Axes:
    """What each month adds to or takes from the level, the same each year; stated where it cannot be known."""
    assert ax is not None
    known = demand.dropna(subset=["season_minor"])
    if known.empty:
        text = {"en": "No season is drawn: it takes whole months of two years and a quarter",
                "zh": "未绘制季节性：需要两年零一个季度的完整月度数据"}  # fmt: skip
        return style.empty(ax, text[lang])
    by_month = known.groupby(known["start_date"].dt.month)["season_minor"].mean().astype(float).reindex(range(1, 13))
    heights = by_month.to_numpy() / 10**book.minor_digits
    most = int(by_month.argmax()) + 1
    ax.bar(range(12), heights, color=[style.ACCENT if m == most else style.GREY for m in by_month.index])
    ax.axhline(0, color=style.MUTED, linewidth=0.6)
    ax.set_xticks(range(12), _MONTHS if lang == "en" else [f"{m}月" for m in range(1, 13)])
    ax.yaxis.set_major_formatter(lambda value, _: style.number(value, lang))
    ax.set_ylabel(book.currency)
    size = style.money(by_month[most], book, lang)
    title = {"en": f"{_MONTHS[most - 1]} stands out: {size} above the level of the year",
             "zh": f"{most}月最旺：高出全年水平{size}"}[lang]  # fmt: skip
    return style.finish(ax, title=title, alt=title)


def _draw_history(ax: Axes, demand: pd.DataFrame, book: Book, labels: dict[str, str]) -> None:
    """Whole periods as a line; what is cut or set aside as a spike stands apart."""
    scale = 10**book.minor_digits
    whole, at = demand["is_whole"].to_numpy(dtype=bool), demand["start_date"].to_numpy()
    values = demand["net_minor"].to_numpy(dtype=float) / scale
    ax.plot(at, np.where(whole, values, np.nan), color=style.GREY, linewidth=1, marker=".", markersize=4,
            label=labels.get("sold"))  # fmt: skip
    odd = whole & demand["is_spike"].to_numpy(dtype=bool)
    if odd.any():
        ax.scatter(
            at[odd],
            values[odd],
            s=26,
            marker="x",
            color=style.WARNING,
            zorder=4,
            clip_on=False,
            label=labels.get("spike"),
        )
    partial = ~whole & (values > 0.5 * np.nanmedian(values))
    if partial.any():
        ax.scatter(
            at[partial], values[partial], s=18, facecolors="none", edgecolors=style.GREY, label=labels.get("cut")
        )
    trend = demand["trend_minor"].astype("float64").to_numpy() / scale
    ax.plot(at, trend, color=style.INK, linewidth=1.6, label=labels.get("trend"))


def _draw_future(ax: Axes, forecast: pd.DataFrame, book: Book, labels: dict[str, str]) -> None:
    if forecast.empty:
        return
    scale, at = 10**book.minor_digits, forecast["start_date"].to_numpy()
    column = {c: forecast[c].astype("float64").to_numpy() / scale for c in forecast.columns if c.endswith("_minor")}
    for low, high, alpha, name in (
        ("low_95_minor", "high_95_minor", 0.16, "95"),
        ("low_80_minor", "high_80_minor", 0.30, "80"),
    ):
        ax.fill_between(
            at, column[low], column[high], color=style.ACCENT, alpha=alpha, linewidth=0, label=labels.get(name)
        )
    ax.plot(at, column["expected_minor"], color=style.ACCENT, linewidth=1.8, label=labels.get("expected"))


def _finish_axes(ax: Axes, demand: pd.DataFrame, book: Book, lang: str) -> None:
    sold = demand.loc[demand["is_whole"].astype("bool"), "net_minor"].astype("float64") / 10**book.minor_digits
    ax.set_ylim(bottom=min(0, 1.1 * sold.min()) if len(sold) else 0)
    ax.yaxis.set_major_formatter(lambda value, _: style.number(value, lang))
    starts = pd.date_range(demand["start_date"].min(), demand["start_date"].max() + pd.Timedelta(days=90), freq="QS")
    ax.set_xticks(date2num(starts), [_quarter(day, lang) for day in starts])
    ax.set_ylabel({"en": f"{book.currency} a period", "zh": f"每期（{book.currency}）"}[lang])


def _quarter(day: pd.Timestamp, lang: str) -> str:
    month = _MONTHS[day.month - 1] if lang == "en" else f"{day.month}月"
    return f"{month}\n{day.year}" if day.month == 1 else month


def _outlook_title(row: pd.Series, lang: str, book: Book) -> str:
    unit = _WHEN[lang][row["calendar"]]
    if row["forecast_state"] != "foretold":
        have, need = row["periods"], row["periods_needed"]
        return {"en": f"{have} whole {unit} are too few to forecast: {need} are needed",
                "zh": f"仅有{have}{unit}完整数据，不足以预测（需{need}{unit}）"}[lang]  # fmt: skip
    count = 13 if row["calendar"] == "week" else 3
    mean, low, high = (style.money(row[c], book, lang) for c in ("expected_minor", "low_80_minor", "high_80_minor"))
    return {"en": f"Next {count} {unit}: {mean} expected, four in five between {low} and {high}",
            "zh": f"未来{count}{unit}预计{mean}，八成可能在{low}至{high}之间"}[lang]  # fmt: skip


def _panel_titles(outlook: pd.DataFrame, lang: str, book: Book) -> dict[str, str]:
    """Name and forecast of each series: in one line, or all in two where one of them has no room."""
    named = {str(row["demand_series"]): style.legible(schema.word(row["demand_series"], lang))
             for row in outlook.to_dict("records")}  # fmt: skip
    told = {str(row["demand_series"]): _expected(row, lang, book) for _, row in outlook.iterrows()}
    joined = {key: f"{name}: {told[key]}" if told[key] else name for key, name in named.items()}
    if all(lettering.width(title, _TITLE) <= _TITLE_ROOM for title in joined.values()):
        return joined
    return {key: f"{lettering.cut(name, _TITLE_ROOM, _TITLE)}\n{told[key]}" for key, name in named.items()}


def _expected(row: pd.Series, lang: str, book: Book) -> str:
    """The next quarter with its range of 80 % and its change, or nothing where nothing is foretold."""
    if row["forecast_state"] != "foretold":
        return ""
    before = row["before_minor"]
    change = float(row["expected_minor"]) / float(before) - 1 if pd.notna(before) and before else np.nan
    half = (float(row["high_80_minor"]) - float(row["low_80_minor"])) / 2
    around = style.percent(half / float(row["expected_minor"]) if row["expected_minor"] else None, lang, 0)
    moved = "" if np.isnan(change) else f" ({'+' if change >= 0 else ''}{style.percent(change, lang, 0)})"
    return f"{style.money(row['expected_minor'], book, lang)} ±{around}{moved}"


def _panels_title(outlook: pd.DataFrame, lang: str) -> str:
    told = outlook[outlook["forecast_state"] == "foretold"]
    if told.empty:
        return {"en": "Too few weeks to forecast any of these series", "zh": "周数过少，各序列均无法预测"}[lang]
    up, down = ((told[side] * sign > 0).sum() for side, sign in (("slope_low_rate", 1), ("slope_high_rate", -1)))
    return {"en": f"Over the weeks shown, {up} of {len(told)} series clearly rose and {down} clearly fell",
            "zh": f"图示各周内，{len(told)}个序列中{up}个明显上升，{down}个明显下降"}[lang]  # fmt: skip


def _in_order(names: pd.Series) -> list[str]:
    """Tiers from the best on, others by name."""
    place = {tier: n for n, tier in enumerate((*_TIERS, "no_tier_then"))}
    return sorted(names.astype(str), key=lambda name: (place.get(name, -1), name))


_NO_PANELS = {"en": "No such series in this book", "zh": "本账套没有此类序列"}
_WORDS = {
    "en": {"sold": "sold", "spike": "spike, set aside", "cut": "days missing", "trend": "trend", "95": "95 % range",
           "80": "80 % range", "expected": "forecast"},
    "zh": {"sold": "实际", "spike": "异常值（已剔除）", "cut": "有缺日", "trend": "趋势", "95": "95%区间",
           "80": "80%区间", "expected": "预测"},
}  # fmt: skip


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
    for row in matrix.to_dict("records"):
        x, y = tiers.index(row["tier"]), list(names.index).index(row["opportunity_id"])
        if row["is_thin"]:
            ax.bar(x, 1, 1, bottom=y - 0.5, fill=False, hatch="////", edgecolor=style.PAPER, linewidth=0)
        is_dark = not row["is_thin"] and row["opportunity_score"] > low + 0.7 * (high - low)
        text = f"{style.number(row['opportunity_score'], lang, 0)}{_place(row, lang)}"
        box = {"facecolor": style.PAPER, "alpha": 0.85, "linewidth": 0, "pad": 2} if row["is_thin"] else None
        ax.text(x, y, f"{text}\n{style.money(row['stake_minor'], book, lang)}", ha="center", va="center", fontsize=9,
                color=style.PAPER if is_dark else style.INK, bbox=box)  # fmt: skip
    ax.set_xticks(range(len(tiers)), [schema.word(tier, lang) for tier in tiers])
    wrapped = [textwrap.fill(style.legible(name), {"en": 24, "zh": 12}[lang]) for name in names]
    ax.set_yticks(range(len(names)), wrapped, fontsize=9)
    ax.tick_params(length=0)
    what = {
        "en": "Score of 0-100 (place; a range: tied), 12-month spend; hatched: too few buyers",
        "zh": "机会得分0–100（名次；区间表示并列）与近12个月消费额；斜线：购买客户过少",
    }
    ax.set_xlabel(what[lang])
    title = _matrix_title(local, lang) + _note(matrix, lang)
    return style.finish(ax, title=title, alt=title)


def _matrix_title(local: pd.DataFrame, lang: str) -> str:
    solid = local[~local.is_thin.astype(bool)]
    if solid.empty:
        return {"en": "No cell has enough buyers to be ranked", "zh": "所有单元格的购买客户均过少，无法排名"}[lang]
    best = solid.iloc[0]
    tier, share = schema.word(best["tier"], lang), style.percent(best["first_share"], lang, 0)
    tied = int(best["tied_to"])
    if tied > 1:
        return {
            "en": f"First in {share} of the draws: {best['opportunity']}, {tier.lower()} customers; 1–{tied} are tied",
            "zh": f"第1–{tied}名难分先后；{tier}客户的“{best['opportunity']}”在{share}的抽样中居首",
        }[lang]
    return {
        "en": f"Ahead: {best['opportunity']} for {tier.lower()} customers, first in {share} of the draws",
        "zh": f"领先：{tier}客户的“{best['opportunity']}”，在{share}的抽样中排名第一",
    }[lang]


def _place(row: dict, lang: str) -> str:
    if pd.isna(row["tied_from"]):
        return ""
    low, high = int(row["tied_from"]), int(row["tied_to"])
    said = str(low) if low == high else f"{low}–{high}"
    return {"en": f" ({said})", "zh": f"（{said}）"}[lang]


def _note(frame: pd.DataFrame, lang: str) -> str:
    return _NOTE[lang] if tables.is_illustrative(frame) else ""
