"""Figures of what the customers say: tidy frame in, Axes out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from crmlib import schema
from crmlib.views import style, tables

_BAD = "#d55e00"
_LOOP = {"in_time": style.ACCENT, "late": "#e69f00", "overdue": _BAD, "pending": style.LINE}
_MOST_THEMES = 12


@style.chart(7.2, 3.0)
def satisfaction(rows: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """One measure of satisfaction by quarter with its interval and number of answers; grey where answers are few."""
    assert ax is not None
    found = rows[rows["tier"] == "all"].sort_values("period")
    if found.empty:
        nothing = {"en": "No answers to this question up to this quarter", "zh": "截至本季度没有对该问题的回答"}
        return style.empty(ax, nothing[lang])
    at, values = np.arange(len(found)), found["kpi_value"].to_numpy()
    down, up = values - found["low"].to_numpy(), found["high"].to_numpy() - values
    ax.plot(at, values, color=style.LINE, zorder=1)
    for i, thin in enumerate(found["is_thin"]):
        colour = style.GREY if thin else style.ACCENT
        ax.errorbar(at[i], values[i], [[down[i]], [up[i]]], fmt="o", color=colour, capsize=4, markersize=7)
        text = f"{_value(found.iloc[i], lang)}\nn = {style.number(found['n'].iloc[i], lang)}"
        ax.annotate(
            text,
            (at[i], values[i]),
            xytext=(10, 0),
            textcoords="offset points",
            va="center",
            fontsize=10,
            bbox={"facecolor": style.PAPER, "edgecolor": "none", "pad": 1},
        )
    ax.set_xticks(at, list(found["period"]))
    ax.set_xlim(-0.4, len(found) - 0.25)
    ax.yaxis.set_major_formatter(lambda value, _: _axis(value, found["kpi_unit"].iloc[0], lang))
    ax.grid(axis="y")
    title = _satisfaction_title(found, lang) + _mark(found, lang)
    return style.finish(ax, title=title, alt=title)


def _mark(rows: pd.DataFrame, lang: str) -> str:
    """What a title adds where every row was written for illustration."""
    return {"en": " (illustrative)", "zh": "（示例）"}[lang] if tables.is_illustrative(rows) else ""


def _value(row: pd.Series, lang: str) -> str:
    return _axis(row["kpi_value"], row["kpi_unit"], lang, 1)


def _axis(value: float, unit: str, lang: str, digits: int = 0) -> str:
    return style.percent(value, lang, digits) if unit == "rate" else style.number(value, lang, digits)


def _satisfaction_title(found: pd.DataFrame, lang: str) -> str:
    last = found.iloc[-1]
    name, unit = schema.word(last["kpi"], lang), last["kpi_unit"]
    low, high = _axis(last["low"], unit, lang), _axis(last["high"], unit, lang)
    en = f"{name}: {_value(last, lang)} in {last['period']}, 95% interval {low} to {high}"
    zh = f"{last['period']} {name} {_value(last, lang)}，95%区间 {low} 至 {high}"
    return {"en": en, "zh": zh}[lang]


@style.chart(7.2, 2.6)
def loop_states(loop: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """The quarter's tickets on each level of the loop: in time, late, open and late, not due."""
    assert ax is not None
    found = loop[loop["split"] == "by_all"]
    if found.empty:
        return style.empty(ax, {"en": "No tickets were opened in this quarter", "zh": "本季度没有新工单"}[lang])
    at, left = np.arange(len(found)), np.zeros(len(found))
    for state, colour in _LOOP.items():
        counts = found[state].to_numpy(dtype="float64")
        ax.barh(at, counts, 0.6, left=left, color=colour, label=schema.word(state, lang))
        for y, x, n in zip(range(len(found)), left, counts, strict=True):
            if n >= 0.04 * found["tickets"].max():
                ink = style.INK if state in ("pending", "late") else style.PAPER
                ax.text(x + n / 2, y, style.number(n, lang), ha="center", va="center", color=ink, fontsize=10)
        left += counts
    ax.set_yticks(at, [schema.word(level, lang) for level in found["level"]])
    ax.invert_yaxis()
    ax.xaxis.set_visible(False)
    ax.spines["bottom"].set_visible(False)
    ax.set_ylim(len(found) - 0.4, -0.6)
    ax.legend(loc="upper left", bbox_to_anchor=(0, 0.02), ncols=4, handlelength=1, columnspacing=1.4)
    title = _loop_title(found, lang) + _mark(found, lang)
    return style.finish(ax, title=title, alt=title)


def _loop_title(found: pd.DataFrame, lang: str) -> str:
    worst = found.sort_values("in_time_rate", kind="stable").iloc[0]
    level, rate = schema.word(worst["level"], lang), style.percent(worst["in_time_rate"], lang, 0)
    en = f"{level} is the weakest level: {rate} of the tickets that were due were in time"
    return {"en": en, "zh": f"最薄弱环节为{level}：到期工单中仅{rate}按时"}[lang]


@style.chart(7.2, 4.0)
def feedback_themes(themes: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Texts that criticise a theme to the left, texts that praise it to the right."""
    assert ax is not None
    told = themes[~themes["theme"].isin(["no_theme", "unread"])].head(_MOST_THEMES)
    if told.empty:
        if themes.empty:
            return style.empty(ax, {"en": "No texts in this quarter", "zh": "本季度没有文本反馈"}[lang])
        return style.empty(ax, {"en": "No theme recognised in this quarter", "zh": "本季度未识别出主题"}[lang])
    ax.get_figure(root=True).set_figheight(1.3 + 0.3 * len(told))  # type: ignore[union-attr]
    at = np.arange(len(told))
    bad, good = (told["negative"] + told["two_sided"]).to_numpy("float64"), told["positive"].to_numpy("float64")
    ax.barh(at, -bad, 0.66, color=_BAD)
    ax.barh(at, good, 0.66, color=style.ACCENT)
    most = max(bad.max(), good.max(), 1)
    for y, left, right in zip(range(len(told)), bad, good, strict=True):
        ax.text(-left - 0.02 * most, y, style.number(left, lang), ha="right", va="center", fontsize=10)
        ax.text(right + 0.02 * most, y, style.number(right, lang), ha="left", va="center", fontsize=10)
    ax.axvline(0, color=style.INK, linewidth=0.8)
    ax.set_yticks(at, [schema.word(theme, lang) for theme in told["theme"]])
    ax.invert_yaxis()
    ax.set_xlim(-1.18 * most, 1.18 * most)
    ax.set_xticks([])
    ax.spines[["bottom", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    label = {"en": "Texts: ◄ criticism   |   praise ►", "zh": "文本数：◄ 批评   |   表扬 ►"}[lang]
    ax.set_xlabel(label)
    title = _themes_title(told, int(bad[0]), lang) + _mark(told, lang)
    return style.finish(ax, title=title, alt=title)


def _themes_title(told: pd.DataFrame, criticised: int, lang: str) -> str:
    if not criticised:
        return {"en": "No theme was criticised", "zh": "没有主题受到批评"}[lang]
    theme = schema.word(told["theme"].iloc[0], lang)
    en = f"{theme} draws the most criticism: {criticised} of {told['texts'].iloc[0]} texts about it"
    return {"en": en, "zh": f"{theme}受到的批评最多：相关{told['texts'].iloc[0]}条文本中{criticised}条为批评"}[lang]


@style.chart(7.2, 4.2)
def pain_by_tier(pain: pd.DataFrame, lang: str, min_cell: int = 1, ax: Axes | None = None) -> Axes:
    """Share of each tier's texts that criticise a theme; grey where texts are few, a dash where customers are."""
    assert ax is not None
    cells = pain[pain["split"] == "by_tier"]
    shown = cells[cells["mentions"].fillna(0).astype("int64").groupby(cells["theme"]).transform("sum") > 0]
    if shown.empty:
        text = {
            "en": "Too few customers complained of any theme to show it by tier",
            "zh": "各主题的批评客户数过少，不按层级展示",
        }
        return style.empty(ax, text[lang])
    totals = pain[pain["split"] == "by_all"].set_index("theme")["mentions"].astype("float64")
    themes = totals.reindex(shown["theme"].unique()).sort_values(ascending=False, kind="stable").index.tolist()
    tiers = [t for t in (*style.TIER_COLOURS, *sorted(set(shown["split_value"]))) if t in set(shown["split_value"])]
    tiers = list(dict.fromkeys(tiers))
    _draw_cells(ax, shown, themes, tiers, lang)
    ax.get_figure(root=True).set_figheight(1.5 + 0.34 * len(themes))  # type: ignore[union-attr]
    n = shown.drop_duplicates("split_value").set_index("split_value")["n"]
    counted = {t: f"n < {min_cell}" if n[t] < min_cell else f"n = {style.number(n[t], lang)}" for t in tiers}
    heads = [f"{schema.word(t, lang)}\n{counted[t]}" for t in tiers]
    ax.set_xticks(np.arange(len(tiers)), heads)
    ax.set_yticks(np.arange(len(themes)), [schema.word(t, lang) for t in themes])
    ax.tick_params(length=0)
    ax.xaxis.tick_top()
    ax.spines[:].set_visible(False)
    title = _pain_title(shown, lang) + _mark(shown, lang)
    return style.finish(ax, title=title, alt=title)


def _draw_cells(ax: Axes, shown: pd.DataFrame, themes: list[str], tiers: list[str], lang: str) -> None:
    most = max(float(shown["mention_share"].max()), 1e-9)
    ax.set_xlim(-0.5, len(tiers) - 0.5)
    ax.set_ylim(len(themes) - 0.5, -0.5)
    for row in shown.to_dict("records"):
        x, y, share = tiers.index(row["split_value"]), themes.index(row["theme"]), row["mention_share"]
        strength = 0.0 if pd.isna(share) else share / most
        face = style.LINE if row["is_thin"] else style.SEQUENTIAL(strength)
        ax.add_patch(Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, facecolor=face, edgecolor="none"))
        ink = style.PAPER if strength > 0.6 and not row["is_thin"] else style.MUTED if row["is_thin"] else style.INK
        text = "–" if pd.isna(share) else style.percent(share, lang, 0)
        ax.text(x, y, text, ha="center", va="center", color=ink, fontsize=10)


def _pain_title(shown: pd.DataFrame, lang: str) -> str:
    firm = shown[~shown["is_thin"].astype("bool") & shown["mention_share"].gt(0)]
    if firm.empty:
        return {"en": "Too few texts in every tier for a finding", "zh": "各层级文本数均不足以得出结论"}[lang]
    top = firm.sort_values(["mention_share", "theme", "split_value"], ascending=[False, True, True]).iloc[0]
    theme, tier = schema.word(top["theme"], lang), schema.word(top["split_value"], lang)
    share = style.percent(top["mention_share"], lang, 0)
    en = f"{theme} in tier {tier}: {share} of its texts complain of it, the highest share"
    return {"en": en, "zh": f"{tier}客户对{theme}的批评占比最高：{share}的文本提出批评"}[lang]
