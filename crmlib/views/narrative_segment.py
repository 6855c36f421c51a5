"""Sentences of step 2, computed from its tables."""

import pandas as pd

from crmlib import schema
from crmlib.params import Book, Segment
from crmlib.views import style, suppression
from crmlib.views.narrative import Sentence, say, some

MOST_SPEND, ELITE = 0.8, 0.2
"""Where spend is spread as usual a fifth of the customers brings four fifths of it (Pareto): a tier with so much of the
spend that is larger than that holds most customers who matter, and tells them apart no more."""
HARDLY = 0.005
"""Share of the customers in the best tier below which it is next to empty: a tenth of the 4 to 10 % that anchors which
fit put there (method 2.3)."""
SATURATED = 0.8
"""Share of the active customers at one end of a score from which it tells at most every fifth of them apart."""

RELATIVE = {
    "en": "Relative tiers: not comparable between quarters.",
    "zh": "相对分层：不可跨季度比较。",
}


def stamp(used: Segment, lang: str) -> str:
    """The note below each table of scores or tiers: a warning where scores are ranks, else nothing."""
    return RELATIVE[lang] if used.scored_by == "percentile" else ""


def anchors(used: Segment, price_level: float, lang: str) -> Sentence:
    """What scored this quarter: which anchors, at which prices, or ranks that do not compare."""
    if used.scored_by == "percentile":
        return say(
            {
                "en": f"{RELATIVE['en']} Each score is the customer's rank among this quarter's customers; when all grow, "
                "nobody moves, and when others join, everybody does.",
                "zh": f"{RELATIVE['zh']}得分为客户在本季度客户中的排名；所有客户同步增长时层级不变，其他客户加入时层级会变。",
            },
            lang,
        )
    day, frozen = style.day(used.anchors.frozen_on, lang), used.anchors
    en = f"Scores use the anchors {frozen.version}, frozen on {day}: {frozen.basis_en}."
    zh = f"评分采用锚点 {frozen.version}，冻结于{day}：{frozen.basis_zh}。"
    if used.price_index:
        level = style.number(price_level, lang, 3)
        en += f" For scoring only, spend is divided by {level}, the price level since then; amounts shown are as observed."
        zh += f"仅在评分时将消费额除以此后的价格水平{level}；所示金额均为实际值。"
    return say({"en": en, "zh": zh}, lang)


def states(counted: pd.DataFrame, lang: str, min_cell: int = 1) -> Sentence:
    """Who is in the tables without a purchase in the 12 months; small counts are "some", or only their sum is told."""
    found = suppression.blank(counted, min_cell).set_index("state")["customers"]
    everyone = counted["customers"].sum()
    if found.isna().all() and everyone >= max(min_cell, 1):
        total = style.number(everyone, lang)
        groups = {k: [_STATES[s][k] for s in found.index if s != "active"] for k in ("en", "zh")}
        return say({"en": f"{total} customers are in every table; some of them {' or '.join(groups['en'])}. Too few are in one "
                    "of these groups to tell how many bought in the 12 months.",
                    "zh": f"共{total}个客户保留在所有表中，其中若干个{'或'.join(groups['zh'])}。某一类客户过少，因此不说明近12个月有购买的客户数。"}, lang)  # fmt: skip
    quiet = {str(state): n for state, n in found.items() if state != "active"}
    active = some(found.get("active", 0), lang)
    if found.isna().any():
        en = ", ".join(f"{some(n, 'en')} {_STATES[state]['en']}" for state, n in quiet.items())
        zh = "，".join(f"{some(n, 'zh')}个{_STATES[state]['zh']}" for state, n in quiet.items())
        en, zh = (f"; {en}. They stay in every table", f"；{zh}。这些客户保留在所有表中") if quiet else ("", "")
        return say({"en": f"In the 12 months {active} customers bought{en}.",
                    "zh": f"{active}个客户在12个月内有购买{zh}。"}, lang)  # fmt: skip
    total = style.number(everyone, lang)
    if not quiet:
        return say({"en": f"All {total} customers bought in the 12 months.",
                    "zh": f"全部{total}个客户在12个月内都有购买。"}, lang)  # fmt: skip
    en = ", ".join(f"{style.number(n, lang)} {_STATES[state]['en']}" for state, n in quiet.items())
    zh = "，".join(f"{style.number(n, lang)}个{_STATES[state]['zh']}" for state, n in quiet.items())
    return say(
        {
            "en": f"Of {total} customers {active} bought in the 12 months; {en}. They stay in every table.",
            "zh": f"{total}个客户中，{active}个在12个月内有购买；{zh}。这些客户保留在所有表中。",
        },
        lang,
    )


_STATES = {
    "lapsed": {"en": "bought only before", "zh": "仅在此前有购买"},
    "returns_only": {
        "en": "have no paid purchase left (only returns, or lines without an amount)",
        "zh": "没有有效购买（仅有退货或无金额的行）",
    },
    "prospect": {"en": "have never bought", "zh": "从未购买"},
}


def tiers(sizes: pd.DataFrame, reasons: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """Where the money is, and what the lowest tier is made of; figures that are hidden are left out."""
    best, lowest = sizes.iloc[0], sizes[sizes["tier"] == "risk"]
    are_some_hidden = reasons["customers"].isna().any()
    reasons = reasons[reasons["customers"].notna()]
    en = "Too few customers are high value, or in another tier, to tell what they spent."
    zh = "高价值（或另一层级）客户过少，其消费不予显示。"
    if not pd.isna(best["customers"]):
        n, money, share = (
            style.number(best["customers"], lang),
            style.money(best["monetary_12m_minor"], book, lang),
            style.percent(best["revenue_share"], lang),
        )
        en = f"{n} high-value customers spent {money} in 12 months, {share} of the total."
        zh = f"{n}个高价值客户近12个月消费{money}，占总额{share}。"
        if best["customers"] == 0:
            en, zh = "No customer is high value.", "没有客户属于高价值层级。"
    if len(lowest) and len(reasons):
        parts_en = ", ".join(
            f"{style.number(r.customers, lang)} {schema.word(r.risk_reason, lang).lower()}"
            for r in reasons.itertuples()
        )
        parts_zh = "，".join(
            f"{schema.word(r.risk_reason, lang)}{style.number(r.customers, lang)}个" for r in reasons.itertuples()
        )
        more_en, more_zh = (", and smaller groups", "，以及更小的群体") if are_some_hidden else ("", "")
        en += f" The churn-risk tier mixes reasons: {parts_en}{more_en}; only the lapsed belong on a win-back list."
        zh += f"流失风险层级的成因不同：{parts_zh}{more_zh}；只有已沉寂的客户应进入挽回名单。"
    return say({"en": en, "zh": zh}, lang)


def misfit(sizes: pd.DataFrame, ends: pd.DataFrame, params_file: str, lang: str, min_cell: int = 1) -> Sentence | None:
    """That the anchors do not fit the book, and why: hardly anybody is in the best tier, nearly all spend in one tier
    that is no elite, or nearly all active customers have the same end of a score. `ends` is `score_ends`."""
    said = [*_uneven(sizes, lang, min_cell), *_saturated(ends, lang, min_cell)]
    if not said:
        return None
    file = "params/" + "/".join(params_file.split("/")[-2:])
    why = {"en": "; ", "zh": "；"}[lang].join(said)
    return say(
        {
            "en": f"The scoring anchors do not fit this book: {why}. Run crm anchors {file}: it proposes anchors from the "
            "book's own customers.",
            "zh": f"评分锚点不适合本账套：{why}。请运行 crm anchors {file}，根据本账套的客户提出锚点。",
        },
        lang,
    )


def _uneven(sizes: pd.DataFrame, lang: str, min_cell: int) -> list[str]:
    shown, tiered = suppression.blank(sizes, min_cell), sizes[sizes["tier"] != "none"]
    at = int(sizes["revenue_share"].argmax())
    best, most, everyone = sizes.iloc[0], sizes.iloc[at], max(int(tiered["customers"].sum()), 1)
    is_empty = best["customers"] < HARDLY * everyone
    is_one = most["revenue_share"] >= MOST_SPEND and most["customers"] > ELITE * everyone
    if most["monetary_12m_minor"] <= 0 or not (is_empty or is_one):
        return []
    n, share = shown["customers"].iloc[0], shown["revenue_share"].iloc[at]
    n = {"en": "hardly any", "zh": "极少"}[lang] if pd.isna(n) else style.number(n, lang)
    share = {"en": "nearly all", "zh": "几乎全部"}[lang] if pd.isna(share) else style.percent(share, lang)
    top, tier = schema.word(best["tier"], lang), schema.word(most["tier"], lang)
    if at == 0:
        return [{"en": f"{n} customers are {top} and bring {share} of the spend",
                 "zh": f"{top}客户有{n}个，占消费的{share}"}[lang]]  # fmt: skip
    return [{"en": f"{top} has {n} customers, and {share} of the spend comes from {tier}",
             "zh": f"{top}客户有{n}个，{share}的消费来自{tier}客户"}[lang]]  # fmt: skip


def _saturated(ends: pd.DataFrame, lang: str, min_cell: int) -> list[str]:
    said: list[str] = []
    if ends.empty:
        return said
    for row in ends[ends["end_share"] >= SATURATED].to_dict("records"):
        is_told = row["customers"] >= min_cell and not 0 < row["customers"] - row["at_end"] < min_cell
        share = style.percent(row["end_share"], lang) if is_told else {"en": "nearly all", "zh": "几乎全部"}[lang]
        name, end = schema.label(row["score_name"], lang), style.number(row["end_score"], lang, 0)
        text = {
            "en": f"{share} of the active customers have an {name} of {end}",
            "zh": f"{share}的活跃客户{name}为{end}",
        }
        said.append(text[lang])
    return said


def migration(balance: pd.DataFrame, months_before: int, lang: str, book: Book) -> Sentence:
    """Who moved up and down, with frozen cut points; `months_before` is how much of the earlier window has data."""
    if not balance.loc[balance["tier"] != "prospect", "opening"].sum():
        return say(
            {
                "en": "No migration: there is no earlier quarter in the data, or scores are relative and do not compare.",
                "zh": "无法比较层级迁移：数据中没有更早的季度，或评分仅为不可比较的相对值。",
            },
            lang,
        )
    best = balance.iloc[0]
    en = (
        f"{_moves(best, 'en', book)} Both quarters are scored by the same anchors, so a move is a change in buying, not in cut "
        "points; buying varies by chance too, so a move alone proves no effect."
    )
    zh = (
        f"{_moves(best, 'zh', book)}两个季度用同一套锚点评分，因此迁移反映的是购买变化而非分界线变化；"
        "购买本身有随机波动，迁移不能单独证明效果。"
    )
    if months_before < 12:
        en += f" The earlier window holds only {months_before} of 12 months of data: part of the change is a window that fills."
        zh += f"上季度的12个月窗口仅有{months_before}个月数据，部分变化来自窗口逐渐填满。"
    return say({"en": en, "zh": zh}, lang)


def _moves(best: pd.Series, lang: str, book: Book) -> str:
    """Opening to closing of one tier, as far as groups are large enough to be told."""
    columns = ("opening", "joined", "moved_in", "moved_out", "closing")
    opening, joined, moved_in, moved_out, closing = (style.number(best[c], lang) for c in columns)
    name, then, now = schema.word(best["tier"], lang), best["opening_minor"], best["closing_minor"]
    if pd.isna(best[["opening", "closing"]]).any():
        return {"en": f"{name}: too few customers to tell who moved.", "zh": f"{name}：客户过少，迁移不予显示。"}[lang]
    if pd.isna(best[[*columns, "opening_minor", "closing_minor"]]).any():
        return {
            "en": f"{name}: {opening} at the start, {closing} at the end; too few moved to tell how many.",
            "zh": f"{name}：期初{opening}，期末{closing}；迁移客户过少，不予显示。",
        }[lang]
    then, now = style.money(then, book, lang), style.money(now, book, lang)
    return {
        "en": f"{name}: {opening} at the start + {joined} new + {moved_in} moved in − {moved_out} moved out = {closing}, with "
        f"{then} of 12-month spend then and {now} now.",
        "zh": f"{name}：期初{opening} + 新增{joined} + 移入{moved_in} − 移出{moved_out} = 期末{closing}，"
        f"近12个月消费由{then}变为{now}。",
    }[lang]


def restated(pairs: pd.DataFrame, lang: str, min_cell: int = 1) -> Sentence:
    """How many customers' tier of last quarter differs from what was reported then: what changed without behaviour.

    Where a count of them is hidden, it does not say how many.
    """
    if pairs.empty:
        return say({"en": "Last quarter's own report is not stored here, or had relative scores: only the re-scored comparison is shown.",
                    "zh": "此处没有保存上季度的报告，或其评分仅为相对值，因此仅显示重新评分后的比较。"}, lang)  # fmt: skip
    told = suppression.blank(pairs, min_cell)
    moved = told.loc[pairs["tier_then"] != pairs["tier_now"], "customers"].sum(skipna=False)
    n, everyone = style.number(moved, lang), style.number(pairs["customers"].sum(), lang)
    if not moved:
        return say({"en": f"Cut points moved nobody: all {everyone} customers read as last quarter's own report had them.",
                    "zh": f"分界线未造成任何变化：{everyone}个客户的上季度层级均与当时报告一致。"}, lang)  # fmt: skip
    if pd.isna(moved):
        return say({"en": "Cut points, late data or returns of older orders moved a few customers between last quarter's own report and today's reading of "
                    "it. That is no change in buying, and it is not in the moves above.",
                    "zh": "少数客户的上季度层级与当时报告不同，原因是分界线变化、迟到数据或旧订单的退货，而非购买变化；上面的迁移不含这部分。"}, lang)  # fmt: skip
    return say(
        {
            "en": f"Cut points, late data or returns of older orders moved {n} of {everyone} customers between last quarter's own report and today's reading "
            "of it. That is no change in buying, and it is not in the moves above.",
            "zh": f"{everyone}个客户中，有{n}个的上季度层级与当时报告不同，原因是分界线变化、迟到数据或旧订单的退货，而非购买变化；上面的迁移不含这部分。",
        },
        lang,
    )


def clusters(choice: pd.DataFrame, k: int, lang: str) -> Sentence:
    """Which number of clusters is used, by which rule, and whether it is stable."""
    row = choice[choice["is_chosen"]] if len(choice) else choice
    if row.empty:
        return say({"en": "Too few customers to cluster.", "zh": "客户太少，无法聚类。"}, lang)
    rule, is_stable = row["chosen_by"].iloc[0], bool(row["is_stable"].iloc[0])
    stability = f"{row['stability'].iloc[0]:.2f}"
    how = _RULES.get(rule, _RULES["least_unstable"])
    if is_stable:
        return say({"en": f"{k} clusters, {how['en']}; stable (p10 of bootstrap ARI {stability}).",
                    "zh": f"分为{k}群，{how['zh']}；稳定（自助法ARI第10百分位为{stability}）。"}, lang)  # fmt: skip
    return say(
        {
            "en": f"Not stable (here {k} clusters, {how['en']}; p10 of bootstrap ARI {stability}): the groups are a picture to "
            "discuss, not a basis for action. Use the tiers.",
            "zh": f"分群不稳定（此处为{k}群，{how['zh']}；自助法ARI第10百分位为{stability}）：分群仅供讨论，不宜作为行动依据，请以客户层级为准。",
        },
        lang,
    )


_RULES = {
    "gap_rule": {"en": "the fewest that the gap statistic asks for", "zh": "为满足Gap规则的最小数目"},
    "silhouette": {"en": "the stable number with the best silhouette", "zh": "为稳定方案中轮廓系数最佳者"},
    "override": {"en": "set by hand in the settings", "zh": "由参数人工指定"},
    "least_unstable": {"en": "the least unstable number", "zh": "为相对最稳定者"},
}


def cluster_model(shifts: pd.DataFrame, version: str, period: str, lang: str) -> Sentence:
    """Whether the model is new, kept, or matched to an older one."""
    farthest, limit = shifts["centroid_shift"].max(), shifts["shift_limit"].max()
    far, at_most = style.number(farthest, lang, 2), style.number(limit, lang, 2)
    if version != period and farthest > limit:
        return say(
            {
                "en": f"The model of {version} is kept and does not fit any more: the customers of a cluster have moved by up to "
                f"{far} standard deviations from its centre, more than half the distance between the nearest two centres "
                f"({at_most}). Its names may mislead, and a change of cluster need not be a customer's own. For a new model "
                "set segment.clusters.refit to true in this quarter's file.",
                "zh": f"沿用的{version}模型已不再适用：群内客户相对群中心最多移动{far}个标准差，超过最近两中心距离的一半（{at_most}）。"
                "群名可能有误，客户所属群的变化未必是其自身变化。如需新模型，请在本季度参数文件中将segment.clusters.refit设为true。",
            },
            lang,
        )
    if version != period:
        return say(
            {
                "en": f"The model of {version} is kept, so a customer's change of cluster is a change in buying. The customers of a "
                f"cluster have moved by up to {far} standard deviations from its centre; half the distance between the nearest "
                f"two centres is {at_most}.",
                "zh": f"沿用{version}的模型，因此客户所属群的变化反映购买变化。群内客户相对群中心最多移动{far}个标准差；最近两中心距离的一半为{at_most}。",
            },
            lang,
        )
    if shifts["shift_limit"].isna().all():
        return say({"en": f"A new model, frozen at {version}; the next quarters are assigned by it.",
                    "zh": f"新模型，冻结于{version}；后续季度沿用该模型分群。"}, lang)  # fmt: skip
    kept, new = style.number(shifts["cluster_before"].notna().sum(), lang), shifts["cluster_before"].isna().sum()
    return say(
        {
            "en": f"A new model, frozen at {version}: {kept} clusters are matched to earlier ones and keep their number and name, "
            f"{style.number(new, lang)} are new (moved farther than {at_most}).",
            "zh": f"新模型，冻结于{version}：{kept}个群与原有群对应并保留编号和名称，{style.number(new, lang)}个为新群（移动超过{at_most}）。",
        },
        lang,
    )


def agreement(compared: pd.DataFrame, lang: str) -> Sentence:
    """How far clusters and tiers say the same."""
    row = compared.iloc[0]
    if pd.isna(row["cramers_v"]):
        return say({"en": "Clusters and tiers cannot be compared: all customers are in one of them.",
                    "zh": "全部客户同属一个群或一个层级，无法比较二者。"}, lang)  # fmt: skip
    v, ari = style.number(row["cramers_v"], lang, 2), style.number(row["adjusted_rand"], lang, 2)
    return say(
        {
            "en": f"Clusters and tiers agree in part: Cramér's V {v} (bias-corrected; 1 would be one and the same), adjusted Rand "
            f"index {ari}.",
            "zh": f"聚类群与客户层级的一致程度：克莱姆V为{v}（偏差校正，1表示完全一致），调整兰德指数为{ari}。",
        },
        lang,
    )
