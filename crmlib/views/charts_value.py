"""Figures of customer value and risk: tidy frame in, Axes out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlib import schema
from crmlib.params import Book
from crmlib.views import style

_OURS = ("btyd", "logistic")


@style.chart(7.2, 3.4)
def value_curve(curve: pd.DataFrame, spend: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Running share of expected value (and of past spend) by tenth of the customers, the best first."""
    assert ax is not None
    if curve.empty:
        return style.empty(ax, {"en": "No expected value this quarter", "zh": "本季度无预期价值"}[lang])
    names = {"en": ("expected value", "spend of the last 12 months"), "zh": ("预期价值", "近12个月消费")}[lang]
    for frame, name, colour in ((spend, names[1], style.GREY), (curve, names[0], style.ACCENT)):
        share = np.array([0.0, *frame["running_share"]])
        ax.plot(
            np.arange(len(share)) / max(len(share) - 1, 1), share, color=colour, marker="o", markersize=4, label=name
        )
    ax.plot([0, 1], [0, 1], color=style.LINE, linewidth=1, zorder=0)
    ax.xaxis.set_major_formatter(lambda x, _position: style.percent(x, lang, 0))
    ax.yaxis.set_major_formatter(lambda y, _position: style.percent(y, lang, 0))
    ax.set_xlabel({"en": "Customers, the most valuable first", "zh": "客户（价值最高者在前）"}[lang])
    ax.set_ylabel({"en": "Share of the total", "zh": "累计占比"}[lang])
    ax.legend(loc="lower right")
    top = style.percent(curve["revenue_share"].iloc[0], lang)
    title = {"en": f"The most valuable tenth of customers holds {top} of the expected value",
             "zh": f"最有价值的10%客户占预期价值的{top}"}[lang]  # fmt: skip
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 3.0)
def value_by_tier(tiers: pd.DataFrame, lang: str, book: Book, ax: Axes | None = None) -> Axes:
    """CLV by tier, with the range that the parameters leave where there is one."""
    assert ax is not None
    rows = tiers[(tiers["tier"] != "all") & tiers["clv_minor"].notna()].astype(
        dict.fromkeys(("clv_minor", "clv_low_minor", "clv_high_minor"), float)
    )
    if rows.empty or not rows["clv_minor"].sum() > 0:
        return style.empty(ax, {"en": "No expected value this quarter", "zh": "本季度无预期价值"}[lang])
    values, place = rows["clv_minor"], np.arange(len(rows))
    ax.barh(place, values, 0.6, color=[style.TIER_COLOURS[t] for t in rows["tier"]])
    ends = rows["clv_high_minor"].fillna(values)
    known = rows["clv_low_minor"].notna().to_numpy()
    low, high = (values - rows["clv_low_minor"])[known], (ends - values)[known]
    ax.errorbar(
        values[known], place[known], xerr=np.abs([low, high]), fmt="none", ecolor=style.INK, elinewidth=1.2, capsize=3
    )
    for at, value, end in zip(place, values, ends, strict=True):
        ax.annotate(
            style.money(value, book, lang), (max(end, value), at), (6, 0), textcoords="offset points", va="center"
        )
    ax.set_yticks(place, [schema.word(tier, lang) for tier in rows["tier"]])
    ax.invert_yaxis()
    ax.xaxis.set_visible(False)
    ax.set_xlim(0, 1.25 * max(values.max(), ends.max()))
    best = rows.iloc[0]
    every = tiers.loc[tiers["tier"] == "all", "clv_minor"].astype(float).sum() or values.sum()
    share = style.percent(best["clv_minor"] / every, lang)
    money, name = style.money(every, book, lang), schema.word(best["tier"], lang)
    title = {"en": f"{name} customers: {share} of the {money} expected of all customers",
             "zh": f"{name}客户占全部预期价值{money}的{share}"}[lang]  # fmt: skip
    return style.finish(ax, title=title, alt=title)


@style.chart(6.4, 4.0)
def expected_purchases(calibration: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Purchases foretold and made, by tenth of the customers, in the days held out."""
    assert ax is not None
    rows = calibration[calibration["score_target"] == "future_purchases"]
    if rows.empty:
        return style.empty(ax, _no_backtest(lang))
    _against(ax, rows)
    ax.set_xlabel({"en": "Purchases per customer, foretold", "zh": "预测的人均购买次数"}[lang])
    ax.set_ylabel({"en": "Purchases per customer, made", "zh": "实际的人均购买次数"}[lang])
    told, made = (float((rows[c] * rows["customers"]).sum()) for c in ("predicted", "happened"))
    ratio = style.percent(told / made, lang, 0) if made else "n/a"
    title = {"en": f"Back-test: the model foretold {ratio} of the purchases that were made",
             "zh": f"回测：模型预测量为实际购买量的{ratio}"}[lang]  # fmt: skip
    return style.finish(ax, title=title, alt=title)


@style.chart(6.4, 4.0)
def silence_calibration(calibration: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Chance of silence foretold and share that fell silent, by tenth of the customers."""
    assert ax is not None
    rows = calibration[calibration["score_target"] == "silence"]
    if rows.empty:
        return style.empty(ax, _no_backtest(lang))
    _against(ax, rows)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda v, _position: style.percent(v, lang, 0))
    ax.set_xlabel({"en": "Chance of no purchase, foretold", "zh": "预测的不购买概率"}[lang])
    ax.set_ylabel({"en": "Share that did not buy", "zh": "实际未购买比例"}[lang])
    last = rows.iloc[-1]
    told, made = style.percent(last["predicted"], lang, 0), style.percent(last["happened"], lang, 0)
    title = {"en": f"Tenth most at risk: {told} expected to stop buying, {made} did",
             "zh": f"风险最高的10%客户：预计{told}停止购买，实际{made}"}[lang]  # fmt: skip
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 3.2)
def lift(card: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """How many times the average the tenth ranked highest fell silent, by rule; our models in colour."""
    assert ax is not None
    rows = card[(card["score_target"] == "silence") & (card["population"] == "all") & card["top_lift"].notna()]
    if rows.empty:
        return style.empty(ax, _no_backtest(lang))
    rows = rows.sort_values(["top_lift", "score"], ascending=[False, True])
    place = np.arange(len(rows))
    ours = rows["score"].isin(_OURS)
    bars = ax.barh(place, rows["top_lift"], 0.6, color=np.where(ours, style.ACCENT, style.GREY).tolist())
    ax.bar_label(bars, [f"{style.number(v, lang, 2)}x" for v in rows["top_lift"]], padding=4)
    ax.axvline(1, color=style.INK, linewidth=0.8)
    ax.set_yticks(place, [schema.word(score, lang) for score in rows["score"]])
    ax.invert_yaxis()
    ax.set_xlim(0, 1.15 * max(rows["top_lift"].max(), 1))
    ax.set_xlabel({"en": "Silent customers in the top tenth, as a multiple of the average",
                   "zh": "前10%客户中沉寂比例为平均值的倍数"}[lang])  # fmt: skip
    return style.finish(ax, title=(said := _best_lift(rows, lang)), alt=said)


def _best_lift(rows: pd.DataFrame, lang: str) -> str:
    ours, naive = rows[rows["score"].isin(_OURS)], rows[~rows["score"].isin(_OURS)].iloc[0]
    other, name = style.number(naive["top_lift"], lang, 2), schema.word(naive["score"], lang)
    if ours.empty:
        return {"en": f"No model this quarter; the best simple rule ({name}) finds {other} times the average",
                "zh": f"本季度无可用模型；最佳简单规则（{name}）为平均值的{other}倍"}[lang]  # fmt: skip
    best, model = style.number(ours.iloc[0]["top_lift"], lang, 2), schema.word(ours.iloc[0]["score"], lang)
    return {"en": f"Top tenth by the {model}: silent {best} times as often as average ({name}: {other})",
            "zh": f"{model}前10%客户的沉寂比例为平均的{best}倍（{name}：{other}倍）"}[lang]  # fmt: skip


def _against(ax: Axes, rows: pd.DataFrame) -> None:
    """Foretold against happened, with the diagonal of a perfect forecast."""
    spread = np.abs([rows["happened"] - rows["happened_low"], rows["happened_high"] - rows["happened"]])
    top = float(rows[["predicted", "happened_high"]].to_numpy().max()) * 1.05 or 1.0
    ax.plot([0, top], [0, top], color=style.LINE, linewidth=1.2, zorder=0)
    ax.errorbar(
        rows["predicted"], rows["happened"], yerr=spread, fmt="o", color=style.ACCENT, ecolor=style.GREY, elinewidth=1
    )
    ax.set_xlim(0, top)
    ax.set_ylim(0, top)


def _no_backtest(lang: str) -> str:
    return {"en": "No back-test: the history is too short, or no model could be fitted",
            "zh": "无回测：历史数据过短，或无可用模型"}[lang]  # fmt: skip
