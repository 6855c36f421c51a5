"""Sentences of step 2, computed from its tables."""

import pandas as pd

from crmlib import schema
from crmlib.params import Anchors, Book
from crmlib.views import style
from crmlib.views.narrative import Sentence, say


def anchors(used: Anchors, lang: str) -> Sentence:
    """Which anchors scored this quarter."""
    day = style.day(used.frozen_on, lang)
    return say(
        {
            "en": f"Scores use the anchors {used.version}, frozen on {day}: {used.basis_en}.",
            "zh": f"评分采用锚点 {used.version}，冻结于{day}：{used.basis_zh}。",
        },
        lang,
    )


def tiers(sizes: pd.DataFrame, reasons: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """Where the money is, and what the lowest tier is made of."""
    best, lowest = sizes.iloc[0], sizes[sizes["tier"] == "risk"]
    n, money, share = (
        style.number(best["customers"], lang),
        style.money(best["monetary_12m_minor"], book, lang),
        style.percent(best["revenue_share"], lang),
    )
    en = f"{n} high-value customers spent {money} in 12 months, {share} of the total."
    zh = f"{n}个高价值客户近12个月消费{money}，占总额{share}。"
    if len(lowest) and len(reasons):
        parts_en = ", ".join(
            f"{style.number(r.customers, lang)} {schema.word(r.risk_reason, lang).lower()}"
            for r in reasons.itertuples()
        )
        parts_zh = "，".join(
            f"{schema.word(r.risk_reason, lang)}{style.number(r.customers, lang)}个" for r in reasons.itertuples()
        )
        en += f" The churn-risk tier mixes reasons: {parts_en}; only the lapsed belong on a win-back list."
        zh += f"流失风险层级的成因不同：{parts_zh}；只有已沉寂的客户应进入挽回名单。"
    return say({"en": en, "zh": zh}, lang)


def migration(balance: pd.DataFrame, lang: str) -> Sentence:
    """Who moved up and down, with frozen cut points."""
    if balance.empty:
        return say(
            {
                "en": "There is no earlier quarter in the data, so no migration.",
                "zh": "数据中没有更早的季度，无法比较层级迁移。",
            },
            lang,
        )
    best = balance.iloc[0]
    opening, moved_in, moved_out, closing = (
        style.number(best[c], lang) for c in ("opening", "moved_in", "moved_out", "closing")
    )
    joined, name = style.number(best["joined"], lang), schema.word(best["tier"], lang)
    return say(
        {
            "en": f"{name}: {opening} at the start + {joined} new + {moved_in} moved in − {moved_out} moved out = {closing}. "
            "Both quarters are scored by the same anchors, so a move is a change in buying, not in cut points; "
            "buying varies by chance too, so a move alone proves no effect.",
            "zh": f"{name}：期初{opening} + 新增{joined} + 移入{moved_in} − 移出{moved_out} = 期末{closing}。"
            "两个季度用同一套锚点评分，因此迁移反映的是购买变化而非分界线变化；购买本身有随机波动，迁移不能单独证明效果。",
        },
        lang,
    )


def restated(customers: int | None, lang: str) -> Sentence:
    """How many customers' tier of last quarter differs from what was reported then."""
    if customers is None:
        return say({"en": "Last quarter's own report is not stored here; only the re-scored comparison is shown.",
                    "zh": "此处没有保存上季度的报告，仅显示重新评分后的比较。"}, lang)  # fmt: skip
    return say(
        {
            "en": f"{customers} customers had another tier in last quarter's own report: that difference is changed settings or "
            "late data, not behaviour.",
            "zh": f"有{customers}个客户的上季度层级与当时报告不同：该差异来自设置变化或迟到数据，而非客户行为。",
        },
        lang,
    )


def clusters(choice: pd.DataFrame, k: int, lang: str) -> Sentence:
    """Which number of clusters is used, and whether it is stable."""
    if choice.empty:
        return say({"en": "Too few customers to cluster.", "zh": "客户太少，无法聚类。"}, lang)
    row = choice[choice["is_chosen"]].iloc[0] if choice["is_chosen"].any() else choice.iloc[0]
    stability = f"{row['stability']:.2f}"
    if row["is_stable"]:
        return say({"en": f"{k} clusters, stable (p10 of bootstrap ARI {stability}).",
                    "zh": f"分为{k}群，稳定（自助法ARI第10百分位为{stability}）。"}, lang)  # fmt: skip
    return say(
        {
            "en": f"No number of clusters is stable in this book (here {k}, p10 of bootstrap ARI {stability}): the groups are a "
            "picture to discuss, not a basis for action. Use the tiers.",
            "zh": f"本账套没有稳定的分群数（此处为{k}群，自助法ARI第10百分位为{stability}）：分群仅供讨论，不宜作为行动依据，请以客户层级为准。",
        },
        lang,
    )


def warnings(listed: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """How much money is on the warning list."""
    if listed.empty:
        return say({"en": "No early-warning list: it needs an earlier quarter to learn from.",
                    "zh": "暂无流失预警清单：需要更早的季度作为依据。"}, lang)  # fmt: skip
    n, money = style.number(len(listed), lang), style.money(listed["at_risk_minor"].sum(), book, lang)
    return say(
        {
            "en": f"The {n} customers on the list put {money} of yearly spend at risk, at the rate at which customers of the "
            "same silence stopped buying for a whole quarter. It is a count of what happened, not a model.",
            "zh": f"名单上{n}个客户的年消费中有{money}处于风险之中，依据同等沉寂时长客户整季未购买的实际比例计算；这是对已发生情况的统计，并非模型预测。",
        },
        lang,
    )
