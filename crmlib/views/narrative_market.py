"""Sentences of step 3, computed from its tables."""

from typing import Any

import pandas as pd

from crmlib import schema
from crmlib.views import style, tables
from crmlib.views.narrative import Sentence, say

_MIDDLE = 2.5  # of ratings from 1 to 4
_JUDGED = {
    "consistent": {
        "en": "{name}: the judgements hold together (consistency ratio {ratio}, at most {limit} is allowed).",
        "zh": "{name}：判断一致（一致性比率{ratio}，上限{limit}）。",
    },
    "inconsistent": {
        "en": "{name}: the judgements contradict each other and are rejected (consistency ratio {ratio}, at most {limit} "
        "is allowed).",
        "zh": "{name}：各判断相互矛盾，不予采用（一致性比率{ratio}，上限{limit}）。",
    },
    "incomplete": {"en": "{name}: not every pair was compared; missing: {pairs}.",
                   "zh": "{name}：尚有未比较的配对：{pairs}。"},
    "contradictory": {"en": "{name}: judged in two ways that exclude each other: {pairs}.",
                      "zh": "{name}：以下配对的两次判断互相排斥：{pairs}。"},
    "too_many": {"en": "{name}: {n} criteria; no more than 8 can be compared in pairs, so group them first.",
                 "zh": "{name}：共{n}项准则；成对比较最多8项，请先归组。"},
}  # fmt: skip
_FIRST = {
    "en": (" Reconsider first: ", " With three criteria any one of the comparisons may be the wrong one: "),
    "zh": ("建议先复核：", "三项准则之间无法分辨哪一项有误，可改其一："),
}
_CHANGE = {
    "en": "{first} against {second} is written as {given}; the other comparisons ask for {fit}, which would bring the ratio "
    "to {ratio}",
    "zh": "“{first}”对“{second}”记为{given}，其余比较所对应的值为{fit}，改后比率为{ratio}",
}


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


def evidence_age(scored: pd.DataFrame, lang: str) -> Sentence | None:
    """Which evidence is past its date, whose review is late, and what weighs more or less than last quarter."""
    if scored.empty:
        return None
    stale = scored[scored.expired_facts != ""]
    late = scored[scored.is_overdue.astype("bool")].sort_values(["review_date", "factor_id"])
    facts = [text.replace("; ", ", ") for text in stale.expired_facts]
    old = "; ".join(f"{factor}: {cited}" for factor, cited in zip(stale.factor_id, facts, strict=True))
    rows = list(zip(late.factor_id, late.review_date, late.owner, strict=True))
    due = ", ".join(f"{factor} ({style.day(day, lang)}, {owner})" for factor, day, owner in rows)
    due_zh = "、".join(f"{factor}（{style.day(day, lang)}，{owner}）" for factor, day, owner in rows)
    old_zh = old.replace(": ", "：").replace("; ", "；").replace(", ", "、")
    en = f"Evidence past its date, still counted: {old}." if old else "No evidence is past its date."
    zh = f"依据已过期、仍计分的因素：{old_zh}。" if old else "所有依据均在有效期内。"
    en += f" Review overdue: {due}." if due else " No review is overdue."
    zh += f"复查逾期：{due_zh}。" if due else "没有逾期的复查。"
    return say({"en": en + _moves(scored, "en"), "zh": zh + _moves(scored, "zh")}, lang)


def _moves(scored: pd.DataFrame, language: str) -> str:
    """What weighs more or less than last quarter, or that there is nothing to compare with."""
    if (scored.points_move == "").all():
        return {"en": " Last quarter's scores are not stored, so there is no comparison.",
                "zh": "没有上季度的得分，无法比较。"}[language]  # fmt: skip
    said = {"en": {"move_up": "weighing more", "move_down": "weighing less", "move_new": "new"},
            "zh": {"move_up": "得分上升", "move_down": "得分下降", "move_new": "新增"}}[language]  # fmt: skip
    comma, colon = {"en": (", ", " "), "zh": ("、", "：")}[language]
    groups = [word + colon + comma.join(scored.factor_id[scored.points_move == move]) for move, word in said.items()
              if (scored.points_move == move).any()]  # fmt: skip
    if not groups:
        return {"en": " All scores are as last quarter.", "zh": "所有得分与上季度相同。"}[language]
    return {"en": f" Against last quarter: {'; '.join(groups)}.", "zh": f"与上季度相比，{'；'.join(groups)}。"}[
        language
    ]


def swot(evaluations: pd.DataFrame, weights_from: str, lang: str) -> Sentence:
    """The internal and the external weighted rating against the middle of the scale, and where the weights come from."""
    if evaluations.empty:
        return say({"en": "No SWOT factors are registered.", "zh": "尚未登记SWOT因素。"}, lang)
    pairs = list(zip(evaluations.side, evaluations.weighted_rating, strict=True))
    english = [f"{schema.word(side, 'en')}: {_against_middle(rating, 'en')}" for side, rating in pairs]
    chinese = [f"{schema.word(side, 'zh')}：{_against_middle(rating, 'zh')}" for side, rating in pairs]
    source = {
        "ahp": {"en": "come from the judgements in pairs above", "zh": "来自上述成对比较"},
        "params": {"en": "are those written in the register", "zh": "以登记表为准"},
    }[weights_from]
    return say(
        {
            "en": f"{'; '.join(english)}. Weights add to 1 on each side; those of strengths and weaknesses {source['en']}.",
            "zh": f"{'；'.join(chinese)}。内外部权重各自合计为1；优势与劣势的权重{source['zh']}。",
        },
        lang,
    )


def _against_middle(rating: float, language: str) -> str:
    value, is_above = style.number(rating, language, 2), rating > _MIDDLE
    return {
        "en": f"{value} of 4, {'above' if is_above else 'not above'} the middle of {_MIDDLE}",
        "zh": f"{value}（满分4），{'高于' if is_above else '未高于'}中间值{_MIDDLE}",
    }[language]


def judgements(judged_sets: pd.DataFrame, comparisons: pd.DataFrame, limit: float, lang: str) -> Sentence:
    """For each set of criteria: does it hold together, and if not, which comparison to look at again."""
    if judged_sets.empty:
        return say({"en": "No criteria were compared in pairs; the weights are those of the settings and the registers.",
                    "zh": "尚未进行成对比较；权重以参数设置和登记表为准。"}, lang)  # fmt: skip
    rows = judged_sets.to_dict("records")
    told = [_judged(row, comparisons[comparisons.criterion_set == row["criterion_set"]], limit, lang) for row in rows]
    return say({lang: (" " if lang == "en" else "").join(told)}, lang)


def _judged(row: dict[Any, Any], own: pd.DataFrame, limit: float, lang: str) -> str:
    """One set of criteria in a sentence or two."""
    figures = {"name": schema.word(row["criterion_set"], lang), "pairs": row["missing_pairs"], "n": row["criteria"],
               "ratio": style.number(row["consistency_ratio"], lang, 2), "limit": style.number(limit, lang, 2)}  # fmt: skip
    text = _JUDGED[row["set_state"]][lang].format(**figures)
    return text + _reconsider(own, row["criteria"], lang) if row["set_state"] == "inconsistent" else text


def _reconsider(own: pd.DataFrame, criteria: int, lang: str) -> str:
    """The comparison that fits the others least; among three criteria none fits less than the others."""
    shown = own if criteria == 3 else own.head(1)
    comma, opening = {"en": ("; or ", _FIRST["en"][criteria == 3]), "zh": ("；或", _FIRST["zh"][criteria == 3])}[lang]
    told = [
        _CHANGE[lang].format(
            first=schema.word(row.criterion, lang), second=schema.word(row.against, lang), given=row.judgement,
            fit=row.judgement_fit, ratio=style.number(row.ratio_after, lang, 2)
        )
        for row in shown.itertuples()
    ]  # fmt: skip
    return opening + comma.join(told) + {"en": ".", "zh": "。"}[lang]


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


def _places(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}–{high}"
