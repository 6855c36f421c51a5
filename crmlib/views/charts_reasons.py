"""Figures about why customers leave: tidy frame in, Axes out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlib import schema
from crmlib.views import style, tables


@style.chart(7.2, 3.6)
def churn_reasons(bars: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Money at risk by reason, the dearest first, with the cumulative share; grey where few customers gave reasons."""
    assert ax is not None
    if bars.empty:
        return style.empty(ax, {"en": "No reason is known", "zh": "没有已知的流失原因"}[lang])
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.set_figheight(1.5 + 0.3 * len(bars))
    at, thin = np.arange(len(bars)), bool(bars["is_thin"].any())
    colours = [style.GREY if thin or reason == "few_reasons" else style.ACCENT for reason in bars["churn_reason"]]
    ax.barh(at, bars["at_risk_share"], 0.62, color=colours)
    for y, share, total in zip(at, bars["at_risk_share"], bars["cumulative_share"], strict=True):
        text = f"{style.percent(share, lang, 0)}  ({style.percent(total, lang, 0)})"
        ax.annotate(text, (share, y), (5, 0), textcoords="offset points", va="center", fontsize=9, color=style.MUTED)
    ax.set_yticks(at, [schema.word(reason, lang) for reason in bars["churn_reason"]])
    ax.invert_yaxis()
    ax.set_xlim(0, max(float(bars["at_risk_share"].max()) * 1.3, 0.05))
    ax.xaxis.set_major_formatter(lambda value, _: style.percent(value, lang, 0))
    note = {"en": "; illustrative", "zh": "；示例"}[lang] if tables.is_illustrative(bars) else ""
    ax.set_xlabel(
        {"en": "Share of the money at risk (cumulative)", "zh": "占风险金额的比例（括号内为累计）"}[lang] + note
    )
    title = _title(bars, lang, thin=thin)
    return style.finish(ax, title=title, alt=title)


def _title(bars: pd.DataFrame, lang: str, *, thin: bool) -> str:
    """The dearest reason that enough customers have."""
    named = bars[bars["churn_reason"] != "few_reasons"]
    n = style.number(bars["n"].iloc[0], lang)
    few = {"en": f" (only {n} customers)", "zh": f"（仅{n}个客户）"}[lang] if thin else ""
    if named.empty:
        return {
            "en": f"No reason is shared by enough customers to be named{few}",
            "zh": f"没有足够客户共有的流失原因{few}",
        }[lang]
    top = named.iloc[0]
    share = style.percent(top["at_risk_share"], lang, 0)
    reason = schema.word(top["churn_reason"], lang)
    return {
        "en": f"{reason} stands behind {share} of the money at risk with a known reason{few}",
        "zh": f"已知原因的风险金额中，{share}与“{reason}”有关{few}",
    }[lang]
