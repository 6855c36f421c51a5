"""Figures of what customers are like and need: tidy frame in, Axes out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlib import schema
from crmlib.params import Book
from crmlib.views import style, tables

LEVEL_COLOURS = dict(
    zip(("strategic", "key", "ordinary", "potential", "optimise"),
        ("#0b3c5d", style.ACCENT, "#5f93bd", "#e69f00", "#d55e00"), strict=True)
)  # fmt: skip
KANO_COLOURS = {"kano_M": "#d55e00", "kano_O": style.ACCENT, "kano_A": "#009e73", "kano_I": style.GREY,
                "kano_R": "#cc79a7", "kano_Q": style.LINE}  # fmt: skip
_WEAK = 0.2
_ENOUGH = 30  # customers of a stage who had their time
_GIVEN = ("var_customer_type", "var_size_band", "var_region")


@style.chart(7.2, 3.4)
def level_sizes(sizes: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Each level's share of the scored customers, over the range the method aims at."""
    assert ax is not None
    shown = sizes[sizes["level"] != "not_scored"].reset_index(drop=True)
    if shown["customers"].sum() == 0:
        return style.empty(ax, {"en": "No customer could be scored: two of value, potential and need are unknown",
                                "zh": "没有客户可以评分：价值、潜力、需求三项中有两项未知"}[lang])  # fmt: skip
    place = np.arange(len(shown))
    ax.barh(place, shown["customer_share"], 0.5, color=[LEVEL_COLOURS[level] for level in shown["level"]])
    width = (shown["target_high"] - shown["target_low"]).clip(lower=0.004)
    ax.barh(place, width, 0.85, left=shown["target_low"], color="none", edgecolor=style.INK, linewidth=1.2)
    edge = np.maximum(shown["customer_share"], shown["target_low"] + width)
    for n, (share, right, customers) in enumerate(zip(shown["customer_share"], edge, shown["customers"], strict=True)):
        ax.text(right + 0.012, n, f"{style.percent(share, lang)}  n = {style.number(customers, lang)}", va="center")
    ax.set_yticks(place, [schema.word(level, lang) for level in shown["level"]])
    ax.invert_yaxis()
    ax.xaxis.set_visible(False)
    ax.set_xlim(0, 1.3 * float(edge.max()))
    text = {"en": "frame: the share the method aims at", "zh": "方框：方法的目标占比"}[lang]
    ax.text(0.99, 0.02, text, ha="right", va="bottom", color=style.MUTED, transform=ax.transAxes)
    return _finish(ax, _off_target(shown, lang))


def _off_target(shown: pd.DataFrame, lang: str) -> str:
    below, above = shown["target_low"] - shown["customer_share"], shown["customer_share"] - shown["target_high"]
    off = below.where(below > above, above)
    if off.max() <= 0.0005:
        return {"en": "Every level is within the share the method aims at", "zh": "各级别占比均在方法目标范围内"}[lang]
    row = shown.iloc[int(off.argmax())]
    name, share = schema.word(row["level"], lang), style.percent(row["customer_share"], lang)
    low, high = style.percent(row["target_low"], lang, 0), style.percent(row["target_high"], lang, 0)
    return {
        "en": f"{name}: {share} of the scored customers, where the method aims at {low} to {high}",
        "zh": f"{name}级客户占已评分客户的{share}，方法目标为{low}至{high}",
    }[lang]


@style.chart(7.2, 3.2)
def lifecycle(sizes: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Each lifecycle stage's share of customers beside its share of spend."""
    assert ax is not None
    shown = sizes[sizes["label_kind"] == "var_lifecycle"]
    if shown.empty:
        return style.empty(ax, {"en": "No customers", "zh": "没有客户"}[lang])
    place, height = np.arange(len(shown)), 0.38
    for column, shift, alpha in (("customer_share", -height / 2, 0.45), ("revenue_share", height / 2, 1.0)):
        ax.barh(place + shift, shown[column].fillna(0), height, color=style.ACCENT, alpha=alpha)
        for y, share in zip(place + shift, shown[column], strict=True):  # right of the axis also where more came back
            name, end = f"{style.percent(share, lang)} {schema.label(column, lang)}", np.nanmax([share, 0])
            ax.annotate(name, (end, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_yticks(place, [schema.word(stage, lang) for stage in shown["label"]])
    ax.invert_yaxis()
    ax.xaxis.set_visible(False)
    ends = shown[["customer_share", "revenue_share"]].fillna(0)
    ax.set_xlim(min(ends.min().min(), 0), 1.35 * max(ends.max().max(), 0.01))
    share = shown.set_index("label")["customer_share"]
    at_risk = float(share.reindex(["lifecycle_lapsing", "lifecycle_lapsed"]).fillna(0).sum())
    back = float(share.reindex(["lifecycle_won_back"]).fillna(0).sum())
    lost, won = style.percent(at_risk, lang), style.percent(back, lang)
    return _finish(ax, {"en": f"{lost} of customers are lapsing or lapsed, {won} were won back",
                        "zh": f"{lost}的客户渐趋流失或已流失，{won}已挽回"}[lang])  # fmt: skip


@style.chart(7.4, 4.6)
def kano(needs: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Better and worse coefficients with their 95 % intervals; who asks for what stands beside."""
    assert ax is not None
    shown = needs[needs["better_share"].notna()].reset_index(drop=True) if len(needs) else needs
    if shown.empty:
        return style.empty(ax, {"en": "No Kano answers up to this quarter", "zh": "截至本季度没有Kano问卷回答"}[lang])
    for side in ("top", "right"):
        ax.spines[side].set_visible(True)
    ax.axhline(0.5, color=style.LINE, zorder=0)
    ax.axvline(0.5, color=style.LINE, zorder=0)
    colours = [KANO_COLOURS[kind] for kind in shown["kano_class"]]
    x, y = -shown["worse_share"], shown["better_share"]
    wide, tall = [x + shown["worse_high"], -shown["worse_low"] - x], [y - shown["better_low"], shown["better_high"] - y]
    for n, colour in enumerate(colours):
        across, along = ([[max(float(reach[n]), 0.0)] for reach in both] for both in (wide, tall))
        ax.errorbar(x[n], y[n], xerr=across, yerr=along, fmt="o", color=colour, elinewidth=0.8, alpha=0.9)
        crowded = ((x[:n] - x[n]).abs() < 0.12) & ((y[:n] - y[n]).abs() < 0.08)
        shift = (5, 5) if not crowded.any() else (5, -14)
        ax.annotate(str(shown["need_id"][n]), (x[n], y[n]), xytext=shift, textcoords="offset points", color=style.INK)
    ax.set_xlim(-0.06, 1.06)
    ax.set_ylim(-0.06, 1.06)
    ax.set_xlabel(schema.label("worse_share", lang))
    ax.set_ylabel(schema.label("better_share", lang))
    quarters = {"kano_A": (0.25, 0.62), "kano_O": (0.75, 0.62), "kano_I": (0.25, 0.38), "kano_M": (0.75, 0.38)}
    for kind, (at_x, at_y) in quarters.items():
        ax.text(at_x, at_y, schema.word(kind, lang), ha="center", va="center", color=style.GREY, zorder=0)
    _beside(ax, shown, colours, lang)
    return _finish(ax, _kano_title(shown, lang))


def _beside(ax: Axes, shown: pd.DataFrame, colours: list[str], lang: str) -> None:
    local = tables.in_language(shown[["need", "need_zh"]], lang)["need"]
    for n, (need_id, text, colour) in enumerate(zip(shown["need_id"], local, colours, strict=True)):
        said = style.legible(f"{need_id}  {text}")
        short = said if tables.columns_wide(said) <= 40 else said[: 38 if said.isascii() else 20] + "…"
        ink = style.MUTED if colour in (style.GREY, style.LINE) else colour
        ax.text(1.03, 0.97 - 0.07 * n, short, color=ink, fontsize=9.5, va="top", transform=ax.transAxes)


def _kano_title(shown: pd.DataFrame, lang: str) -> str:
    n, solid = style.number(shown["answers"].max(), lang), shown[~shown["is_thin"].astype(bool)]
    if solid.empty:
        return {"en": f"Too few answers to class needs: n = {n}", "zh": f"回答太少，尚不能分类：n = {n}"}[lang]
    must, delight = (solid[solid["kano_class"] == kind] for kind in ("kano_M", "kano_A"))
    return {"en": f"{len(must)} of {len(solid)} needs must be met, {len(delight)} would delight, n = {n}",
            "zh": f"{len(solid)}项需求中{len(must)}项为必备，{len(delight)}项可带来惊喜，n = {n}"}[lang]  # fmt: skip


@style.chart(7.4, 3.2)
def journey(stages: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Customers who reached each stage, those who stopped there, and how long the others took."""
    assert ax is not None
    if stages.empty or stages["customers"].sum() == 0:
        return style.empty(ax, {"en": "No customer has begun the journey", "zh": "没有客户进入旅程"}[lang])
    place = np.arange(len(stages))
    ax.barh(place, stages["customers"], 0.6, color=style.ACCENT, alpha=0.85)
    ax.barh(place, stages["stopped"], 0.6, color=style.WARNING)
    top = float(stages["customers"].max())
    for n, (count, share, days) in enumerate(
        zip(stages["customers"], stages["moved_on_share"], stages["median_days"], strict=True)
    ):
        ax.text(count + top * 0.015, n, _stage_text(count, share, days, lang), va="center", fontsize=9.5)
    local = tables.in_language(stages[["journey_stage", "journey_stage_zh"]], lang)["journey_stage"]
    ax.set_yticks(place, [style.legible(schema.word(stage, lang)) for stage in local])
    ax.invert_yaxis()
    ax.xaxis.set_visible(False)
    ax.set_xlim(0, top * 1.75)
    text = {"en": "orange: stopped here", "zh": "橙色：在此流失"}[lang]
    ax.text(0.99, 0.02, text, ha="right", va="bottom", color=style.MUTED, transform=ax.transAxes)
    return _finish(ax, _weakest(stages, local, lang))


def _stage_text(count: int, share: float, days: float, lang: str) -> str:
    said = style.number(count, lang)
    if not pd.isna(share):
        said += {
            "en": f" · {style.percent(share, lang)} went on",
            "zh": f" · {style.percent(share, lang)}进入下一阶段",
        }[lang]
    if not pd.isna(days):
        number = style.number(days, lang)
        said += {"en": f", median {number} {'day' if days == 1 else 'days'}", "zh": f"，中位{number}天"}[lang]
    return said


def _weakest(stages: pd.DataFrame, local: pd.Series, lang: str) -> str:
    """After which stage most stop: of those who had their time, where they are enough, else of all so far."""
    timed = stages["in_time_share"].where(stages["in_time_base"] >= _ENOUGH).to_numpy(float)
    if not np.isnan(timed).all():
        n = int(np.nanargmin(timed))
        name, lost = style.legible(schema.word(local.iloc[n], lang)), style.percent(1 - timed[n], lang)
        return {"en": f"The widest gap follows '{name}': {lost} of those observed long enough did not go on in time",
                "zh": f"“{name}”之后缺口最大：观察期足够者中{lost}未按时进入下一阶段"}[lang]  # fmt: skip
    share = stages["moved_on_share"]
    if share.isna().all():
        return {"en": "Only one stage has customers", "zh": "仅一个阶段有客户"}[lang]
    n = int(np.nanargmin(share.to_numpy(float)))
    name, lost = style.legible(schema.word(local.iloc[n], lang)), style.percent(1 - share.iloc[n], lang)
    return {"en": f"The widest gap follows '{name}': {lost} have not gone on so far",
            "zh": f"“{name}”之后缺口最大：{lost}至今未进入下一阶段"}[lang]  # fmt: skip


@style.chart(7.2, 4.2)
def profile_groups(groups: pd.DataFrame, book: Book, lang: str, ax: Axes | None = None) -> Axes:
    """Spend per customer in 12 months by the attributes that the customer file gives; grey for small groups."""
    assert ax is not None
    given = groups[groups["attribute"].isin(_GIVEN)].reset_index(drop=True)
    if given.empty:
        return style.empty(ax, {"en": "The customer file says nothing of type, size or region",
                                "zh": "客户资料中没有行业、规模或地区信息"}[lang])  # fmt: skip
    place = np.arange(len(given)) + given["attribute"].ne(given["attribute"].shift()).cumsum().to_numpy() - 1
    pale = given["is_small"] | given["attribute_value"].isin(["not_known", "other_values"])
    colours = [style.GREY if p else style.ACCENT for p in pale]
    bars = ax.barh(place, given["per_customer_minor"], 0.7, color=colours)
    text = [f"{style.money(m, book, lang)}  n = {style.number(n, lang)}"
            for m, n in zip(given["per_customer_minor"], given["customers"], strict=True)]  # fmt: skip
    ax.bar_label(bars, text, padding=4, fontsize=9)
    names = [
        f"{schema.word(a, lang)} · {style.legible(schema.word(v, lang))}"
        for a, v in zip(given["attribute"], given["attribute_value"], strict=True)
    ]
    ax.set_yticks(place, names, fontsize=9.5)
    ax.invert_yaxis()
    ax.xaxis.set_visible(False)
    ax.set_xlim(
        min(0, float(given["per_customer_minor"].min())), 1.35 * float(max(given["per_customer_minor"].max(), 1))
    )
    solid = given[~pale]
    if solid.empty:
        return _finish(ax, {"en": "No group is large enough to compare", "zh": "没有足够大的客户组可供比较"}[lang])
    best = solid.iloc[int(solid["per_customer_minor"].argmax())]
    name, money = (
        style.legible(schema.word(best["attribute_value"], lang)),
        style.money(best["per_customer_minor"], book, lang),
    )
    kind = schema.word(best["attribute"], lang)
    return _finish(ax, {"en": f"{kind} '{name}' spends most: {money} per customer in 12 months",
                        "zh": f"{kind}“{name}”消费最高：近12个月户均{money}"}[lang])  # fmt: skip


@style.chart(7.4, 6.0)
def associations(links: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Strength of every pair: rank correlation, correlation ratio or Cramér's V; in grey what chance does as well."""
    assert ax is not None
    shown = (
        links[(links["association_measure"] != "by_pearson") & links["association"].notna()] if len(links) else links
    )
    if shown.empty:
        return style.empty(ax, {"en": "Too few customers to compare variables", "zh": "客户太少，无法比较变量"}[lang])
    names = list(dict.fromkeys([*shown["first_variable"], *shown["second_variable"]]))
    place = {name: n for n, name in enumerate(names)}
    grid = np.full((len(names), len(names)), np.nan)
    for a, b, strength, notable in zip(shown["first_variable"], shown["second_variable"], shown["association"],
                                       shown["is_notable_link"], strict=True):  # fmt: skip
        grid[place[b], place[a]] = strength
        colour = style.GREY if not notable else style.PAPER if abs(strength) > 0.6 else style.INK
        text = style.number(strength, lang, 2)
        ax.text(place[a], place[b], text, ha="center", va="center", fontsize=8.5, color=colour)
    ax.imshow(np.abs(grid), cmap=style.SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
    words = [schema.word(name, lang) for name in names]
    ax.set_xticks(range(len(names) - 1), words[:-1], rotation=35, ha="right", fontsize=9)
    ax.set_yticks(range(1, len(names)), words[1:], fontsize=9)
    ax.set_xlim(-0.5, len(names) - 1.5)
    ax.set_ylim(len(names) - 0.5, 0.5)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0)
    return _finish(ax, _strongest(shown, lang))


def _strongest(shown: pd.DataFrame, lang: str) -> str:
    """The strongest link of an attribute with buying; without attributes, of two numbers."""
    mixed = shown[(shown["association_measure"] == "by_correlation_ratio") & shown["is_notable_link"]]
    pool = mixed if len(mixed) else shown[shown["is_notable_link"]]
    if pool.empty:
        return {"en": "No link goes beyond chance", "zh": "没有超出随机的关联"}[lang]
    row = pool.iloc[int(pool["association"].abs().argmax())]
    a, b = schema.word(row["first_variable"], lang), schema.word(row["second_variable"], lang)
    strength = style.number(row["association"], lang, 2)
    if len(mixed) and abs(row["association"]) < _WEAK:
        return {"en": f"Attributes go with buying only weakly: at most {strength} ({b.lower()}, {a.lower()})",
                "zh": f"各属性与购买行为的关联较弱：最高{strength}（{b}与{a}）"}[lang]  # fmt: skip
    if len(mixed):
        return {"en": f"Of the attributes, {b.lower()} goes most with buying ({a.lower()}, {strength})",
                "zh": f"各属性中，{b}与购买行为关联最强（{a}，{strength}）"}[lang]  # fmt: skip
    return {"en": f"Strongest link: {a.lower()} and {b.lower()}, {strength}", "zh": f"最强关联：{a}与{b}，{strength}"}[
        lang
    ]


@style.chart(7.2, 3.4)
def cohorts(cells: pd.DataFrame, every: pd.DataFrame, lang: str, min_cell: int = 1, ax: Axes | None = None) -> Axes:
    """Share of each cohort that bought in each later quarter; empty where that quarter is still to come.

    `cells` are those of `every` that are told; the title counts all customers of these quarters.
    """
    assert ax is not None
    if cells.empty:
        return style.empty(ax, {"en": "No purchases, so no cohorts", "zh": "没有购买记录，无法划分同期群"}[lang])
    last = sorted(every["cohort"].unique())[-12:]
    recent, drawn = cells[cells["cohort"].isin(last)], every[every["cohort"].isin(last)]
    if recent.empty:
        return style.empty(ax, style.TOO_SMALL[lang])
    table = recent.pivot(index="cohort", columns="quarters_later", values="retained_share").dropna(axis=1, how="all")
    grid = table.to_numpy(float)
    ax.imshow(grid, cmap=style.SEQUENTIAL, vmin=0, vmax=1, aspect="auto")
    for (row, column), share in np.ndenumerate(grid):
        if not np.isnan(share):
            colour = style.PAPER if share > 0.6 else style.INK
            ax.text(column, row, style.percent(share, lang, 0), ha="center", va="center", color=colour, fontsize=9.5)
    facts = recent.drop_duplicates("cohort").set_index("cohort").loc[table.index]
    marks = [f"{c}{'*' if begun else ''}  n = {style.number(n, lang)}"
             for c, n, begun in zip(table.index, facts["cohort_customers"], facts["is_before_data"],
                                    strict=True)]  # fmt: skip
    ax.set_yticks(range(len(marks)), marks)
    ax.set_xticks(range(len(table.columns)), [str(c) for c in table.columns])
    note = {"en": " (* the data begin here: older customers are among them)", "zh": "（*数据起始季度：含更早的客户）"}[
        lang
    ]
    ax.set_xlabel(schema.label("quarters_later", lang) + (note if facts["is_before_data"].any() else ""))
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0)
    return _finish(ax, _cohort_title(drawn, recent, lang, min_cell))


def _cohort_title(cells: pd.DataFrame, told: pd.DataFrame, lang: str, min_cell: int) -> str:
    """How many bought again, of the customers who came after the data begin; none where that tells of a few."""
    after = cells[(cells["quarters_later"] == 1) & cells["retained_share"].notna() & ~cells["is_partial"].astype(bool)]
    own = after[~after["is_before_data"].astype(bool)]
    if after.empty:
        return {"en": "No cohort has been seen for a second quarter yet", "zh": "尚无同期群观察到第二个季度"}[lang]
    pool = own if len(own) else after
    n, buyers = int(pool["cohort_customers"].sum()), int(pool["cohort_buyers"].sum())
    apart = pool.loc[~pool.index.isin(told.index), "cohort_buyers"].sum()
    if any(0 < count < min_cell for count in (buyers, n - buyers, apart)):
        return {"en": "Too few customers to say how many bought again", "zh": "客户过少，无法说明复购比例"}[lang]
    share, first, whole = style.percent(buyers / n, lang, 0), pool["cohort"].min(), style.number(n, lang)
    if own.empty:
        return {"en": f"{share} of customers of {first}, where the data begin, bought a quarter later (n = {whole})",
                "zh": f"数据起始季度{first}的客户中，{share}在下一季度购买（n = {whole}）"}[lang]  # fmt: skip
    return {"en": f"{share} of new customers since {first} bought again in the quarter after their first (n = {whole})",
            "zh": f"{first}以来的新客户中，{share}在首购后的下一季度再次购买（n = {whole}）"}[lang]  # fmt: skip


def _finish(ax: Axes, title: str) -> Axes:
    return style.finish(ax, title=title, alt=title)
