"""Sentences of step 3, computed from its tables."""

import pandas as pd

from crmlib import schema
from crmlib.params import Book
from crmlib.views import style, tables
from crmlib.views.narrative import Sentence, say

_MIDDLE = 2.5  # of ratings from 1 to 4
_CONTENDER = 0.10  # a cell that is first in this share of the draws may be the best one


def pest(scored: pd.DataFrame, lang: str) -> Sentence:
    """The largest factor, how sure its place is, and what is counted as nothing."""
    if scored.empty:
        return say({"en": "No PEST factors are registered, so nothing outside the company is scored.",
                    "zh": "尚未登记PEST因素，因此没有外部因素得分。"}, lang)  # fmt: skip
    first = scored.iloc[0]
    name = tables.in_language(scored, lang).factor.iloc[0]
    points, places = style.number(first.impact_points, lang, 1), _places(first.rank_low, first.rank_high)
    bare = scored.factor_id[scored.grade == "unsupported"]
    opinion = int((scored.grade == "C").sum())
    en = (
        f'"{name}" weighs most ({points} points; place {places} of {len(scored)} when each judgement of impact and '
        f"likelihood moves by one). Factors that rest on opinion alone (grade C) count half: {opinion}."
    )
    zh = (
        f"影响最大的是“{name}”（{points}分；影响与可能性各浮动一级时，在{len(scored)}项中排第{places}位）。"
        f"仅有观点类依据（C级）、按一半计分的因素：{opinion}项。"
    )
    if len(bare):
        en += f" Without any evidence, and therefore counted as zero: {', '.join(bare)}."
        zh += f"没有任何依据、因此计零分的有：{'、'.join(bare)}。"
    return say({"en": en, "zh": zh}, lang)


def swot(evaluations: pd.DataFrame, lang: str) -> Sentence:
    """The internal and the external weighted rating against the middle of the scale."""
    if evaluations.empty:
        return say({"en": "No SWOT factors are registered.", "zh": "尚未登记SWOT因素。"}, lang)
    pairs = list(zip(evaluations.side, evaluations.weighted_rating, strict=True))
    english = [f"{schema.word(side, 'en')}: {_against_middle(rating, 'en')}" for side, rating in pairs]
    chinese = [f"{schema.word(side, 'zh')}：{_against_middle(rating, 'zh')}" for side, rating in pairs]
    return say(
        {
            "en": "; ".join(english) + ". Weights add to 1 on each side.",
            "zh": "；".join(chinese) + "。内外部权重各自合计为1。",
        },
        lang,
    )


def _against_middle(rating: float, language: str) -> str:
    value, is_above = style.number(rating, language, 2), rating > _MIDDLE
    return {
        "en": f"{value} of 4, {'above' if is_above else 'not above'} the middle of {_MIDDLE}",
        "zh": f"{value}（满分4），{'高于' if is_above else '未高于'}中间值{_MIDDLE}",
    }[language]


def tows(options: pd.DataFrame, lang: str) -> Sentence:
    """The strongest option and the two factors behind it."""
    if options.empty:
        return say({"en": "No TOWS options are registered.", "zh": "尚未登记TOWS策略选项。"}, lang)
    best, name = options.iloc[0], tables.in_language(options, lang).option.iloc[0]
    return say(
        {
            "en": f'Of {len(options)} options the strongest is "{name}": it pairs {best.internal_id} with {best.external_id}.',
            "zh": f"{len(options)}个策略选项中得分最高的是“{name}”，由{best.internal_id}与{best.external_id}组合而来。",
        },
        lang,
    )


def opportunities(matrix: pd.DataFrame, unknown: list[str], lang: str, book: Book) -> Sentence:
    """Which cells contend for the first place, and what the matrix cannot tell."""
    if matrix.empty:
        return say({"en": "No opportunities are registered, so there is nothing to match with the tiers.",
                    "zh": "尚未登记市场机会，因此无法与客户层级匹配。"}, lang)  # fmt: skip
    local = tables.in_language(matrix, lang)
    solid = local[~local.is_thin.astype(bool)]
    return say({"en": _contenders_en(solid, lang, book) + _unknown(unknown, "en"),
                "zh": _contenders_zh(solid, lang, book) + _unknown(unknown, "zh")}, lang)  # fmt: skip


def _contenders_en(solid: pd.DataFrame, lang: str, book: Book) -> str:
    if solid.empty:
        return "No cell has enough buyers to be ranked."
    best, rivals = solid.iloc[0], _rivals(solid)
    share, money = style.percent(best.first_share, lang, 0), style.money(best.stake_minor, book, lang)
    text = (
        f'"{best.opportunity}" for {schema.word(best.tier, "en").lower()} customers scores highest '
        f"({style.number(best.opportunity_score, lang, 1)} of 100, {money} of their spend in 12 months). "
        f"It comes first in {share} of the draws that move weights, growth and expert ratings"
    )
    named = "; ".join(
        f"{o}, {schema.word(t, 'en').lower()}" for o, t in zip(rivals.opportunity, rivals.tier, strict=True)
    )
    return text + (f"; too close to call against: {named}." if named else ", clear of the others.")


def _contenders_zh(solid: pd.DataFrame, lang: str, book: Book) -> str:
    if solid.empty:
        return "所有单元格的购买客户均过少，无法排名。"
    best, rivals = solid.iloc[0], _rivals(solid)
    share, money = style.percent(best.first_share, lang, 0), style.money(best.stake_minor, book, lang)
    text = (
        f"得分最高的是{schema.word(best.tier, 'zh')}客户的“{best.opportunity}”"
        f"（{style.number(best.opportunity_score, lang, 1)}分，满分100；该层级近12个月相关消费{money}）。"
        f"在权重、市场增长和专家评分浮动的抽样中，有{share}的情形排名第一"
    )
    named = "、".join(f"{schema.word(t, 'zh')}客户“{o}”" for o, t in zip(rivals.opportunity, rivals.tier, strict=True))
    return text + (f"；与以下组合难分先后：{named}。" if named else "，明显领先于其他组合。")


def _rivals(solid: pd.DataFrame) -> pd.DataFrame:
    """The other cells that are first often enough to be the best one."""
    others = solid.iloc[1:]
    return others[others.first_share >= _CONTENDER]


def _unknown(categories: list[str], language: str) -> str:
    if not categories:
        return ""
    return {
        "en": f" No sales are recorded, so there is no affinity from data, for: {', '.join(categories)}.",
        "zh": f"没有销售记录、因此没有数据亲和度的品类：{'、'.join(categories)}。",
    }[language]


def _places(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}–{high}"
