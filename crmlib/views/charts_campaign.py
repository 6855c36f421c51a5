"""Figures of campaign designs: tidy frame in, Axes out."""

from itertools import cycle

import pandas as pd
from matplotlib.axes import Axes

from crmlib.views import style

_HIGHEST = 4.0


@style.chart(7.2, 3.8)
def mde_curves(curves: pd.DataFrame, designs: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Least effect each campaign can show, as a multiple of its target, by share held out; a dot at the share drawn.

    `curves` is `campaign_curves`, `designs` is `campaign_designs`. With the adjustment for spend before where there is
    one, because the review uses it.
    """
    assert ax is not None
    whole = designs[(designs["tier"] == "all") & (designs["effect_target"] > 0)].set_index("campaign_id")
    shown = curves.assign(best=curves["mde_cuped"].fillna(curves["mde"])).dropna(subset="best")
    shown = shown[shown["campaign_id"].isin(whole.index)]
    if shown.empty:
        return style.empty(ax, {"en": "No campaign whose least effect can be worked out",
                                "zh": "无可计算最小可检测效果的活动"}[lang])  # fmt: skip
    highest = 1.2
    for (campaign, one), colour in zip(shown.groupby("campaign_id", sort=True), cycle(style.COLOURS), strict=False):
        plan = whole.loc[str(campaign)]
        multiple = (one["best"] / plan["effect_target"]).clip(upper=_HIGHEST)
        chosen = min(
            (plan["mde"] if pd.isna(plan["mde_cuped"]) else plan["mde_cuped"]) / plan["effect_target"], _HIGHEST
        )
        ax.plot(one["holdout_share"], multiple, color=colour, label=style.legible(str(campaign)))
        ax.plot([plan["holdout_share"]], [chosen], "o", color=colour, markersize=8)
        highest = max(highest, multiple.max())
    ax.axhline(1, color=style.INK, linewidth=1)
    ax.annotate({"en": "target", "zh": "目标"}[lang], (1, 1), xycoords=("axes fraction", "data"), xytext=(-4, 4),
                textcoords="offset points", ha="right", color=style.INK)  # fmt: skip
    ax.set_xlim(0, 0.95)
    ax.set_ylim(0, 1.15 * highest)
    ax.xaxis.set_major_formatter(lambda x, _position: style.percent(x, lang, 0))
    ax.yaxis.set_major_formatter(lambda y, _position: f"{style.number(y, lang, 1)}x")
    ax.set_xlabel({"en": "Share held out (dot: as drawn)", "zh": "对照组比例（圆点为实际抽取）"}[lang])
    ax.set_ylabel({"en": "Least effect, as a multiple of the target", "zh": "最小可检测效果（目标的倍数）"}[lang])
    ax.legend(loc="upper center", ncols=6)
    said = _title(whole[whole.index.isin(shown["campaign_id"])], lang)
    return style.finish(ax, title=said, alt=said)


def _title(whole: pd.DataFrame, lang: str) -> str:
    able = [style.legible(str(name)) for name, enough in whole["is_enough"].items() if enough]
    unable = [style.legible(str(name)) for name, enough in whole["is_enough"].items() if not enough]
    comma = {"en": ", ", "zh": "、"}[lang]
    if not unable:
        return {"en": f"As drawn, {comma.join(able)} can show the target effect",
                "zh": f"按现有抽取，{comma.join(able)}能检测到目标效果"}[lang]  # fmt: skip
    if not able:
        return {"en": f"As drawn, {comma.join(unable)} cannot show the target effect",
                "zh": f"按现有抽取，{comma.join(unable)}无法检测到目标效果"}[lang]  # fmt: skip
    return {"en": f"As drawn, {comma.join(able)} can show the target effect; {comma.join(unable)} cannot",
            "zh": f"按现有抽取，{comma.join(able)}能检测到目标效果，{comma.join(unable)}不能"}[lang]  # fmt: skip
