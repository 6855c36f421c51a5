"""Sentences about the campaigns of a quarter: what they did, how far that may be believed, and why a gap is no effect."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from crmlib import schema
from crmlib.params import Book
from crmlib.views import narrative_campaign, style
from crmlib.views.narrative import Sentence, say

_EFFECT = ("effect", "low_effect", "high_effect", "effect_target")
_FOUND = ("effective", "partly_effective", "harmful")
_ADJUSTED = {
    True: {"en": ", adjusted for what each customer was expected to spend,", "zh": "按每位客户的预期消费校正后"},
    False: {"en": ", adjusted for the orders expected of each customer,", "zh": "按每位客户的预期订单数校正后"},
}
Row = Mapping[Any, Any]


def held_out(reviews: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """What each campaign with a plan did: effect, interval, grade, verdict, and what would have been enough."""
    rows = planned(reviews).to_dict("records")
    if not rows:
        return say(
            {
                "en": "No campaign with a hold-out has been planned, so no effect can be proved. How to plan one is in the "
                "chapter on campaign design.",
                "zh": "尚无设对照组的活动，因此无法证明任何效果。设计方法见“活动实验设计”一章。",
            },
            lang,
        )
    said = [_campaign(row, lang, book) for row in rows]
    return say({lang: joined([*said, *_equal_groups(rows, lang)], lang)}, lang)


def broken(breaches: pd.DataFrame, frozen: int, lang: str) -> Sentence:
    """What was changed after the freeze, each by name, and what it costs; `frozen` campaigns were looked at."""
    said = narrative_campaign.breaches(breaches, lang, frozen).text
    if breaches.empty:
        return say({lang: said}, lang)
    names = listed(sorted(set(breaches["campaign_id"])), lang)
    return say(
        {
            "en": f"{said} A plan that moved proves nothing any more: the evidence grade of {names} is C.",
            "zh": f"{said}计划一经改动便不再构成证明：{names}的证据等级降为C。",
        },
        lang,
    )


def planned(reviews: pd.DataFrame) -> pd.DataFrame:
    """The verdict's row of each campaign that was planned with a hold-out."""
    return reviews[(reviews["tier"] == "all") & ~_is_picked(reviews)]


def by_hand(reviews: pd.DataFrame) -> pd.DataFrame:
    """The campaigns whose customers were picked by hand."""
    return reviews[_is_picked(reviews)]


def _is_picked(reviews: pd.DataFrame) -> pd.Series:
    return (reviews["verdict"] == "not_attributed") | (reviews["evidence_grade"] == "B")


def amount(value: float, unit: str, lang: str, book: Book) -> str:
    """An effect: money, orders, or points of a rate."""
    if unit == "money" or pd.isna(value):
        return style.money(value, book, lang)
    if unit != "rate":
        return narrative_campaign.orders(value, lang) + {"en": " orders", "zh": "单"}[lang]
    return style.number(100 * value, lang, 1) + {"en": " points", "zh": "个百分点"}[lang]


def level(value: float, unit: str, lang: str, book: Book) -> str:
    """A value of a campaign's KPI."""
    if unit == "money":
        return style.money(value, book, lang)
    return style.percent(value, lang) if unit == "rate" else narrative_campaign.orders(value, lang)


def chance(p: float) -> str:
    if math.isnan(p):
        return "n/a"
    return f"{p:.3f}" if p > 0.001 else "≤ 0.001"


def _campaign(row: Row, lang: str, book: Book) -> str:
    head = f"{row['campaign_id']}{_named(row, lang)}"
    word = schema.word(row["verdict"], lang)
    if math.isnan(row["effect"]):
        return _unmeasured(row, head, lang)
    unit = row["kpi_unit"]
    kpi = schema.word(row["kpi"], lang)
    treated, base = (level(row[side], unit, lang, book) for side in ("treated_value", "control_value"))
    n, m = (style.number(row[side], lang) for side in ("n_treated", "n_control"))
    size, low, high, target = (amount(row[c], unit, lang, book) for c in _EFFECT)
    adjusted = _ADJUSTED[unit == "money"][lang] if row["explained_share"] > 0 else ""
    units = {"en": f" in {row['units']} groups drawn whole", "zh": f"，共整群抽取{row['units']}组"}
    drawn = units[lang] if row["units"] else ""
    q = "" if math.isnan(row["p_adjusted"]) else f", q {chance(row['p_adjusted'])}"
    p = f"p {chance(row['p_value'])}{q}"
    return {
        "en": f"{head}: {kpi.lower()} {treated} with the campaign and {base} without ({n} treated, {m} held out{drawn}). The effect"
        f"{adjusted} is {size} per customer, 95% interval {low} to {high}, {p}; the target is {target}. "
        f"Evidence grade {row['evidence_grade']}{_graded(row, lang)}. Verdict: {word.lower()}{_reason(row, lang)}."
        f"{_enough(row, lang)}{descriptive(row, lang)}",
        "zh": f"{head}：{kpi}在实验组为{treated}，对照组为{base}（实验组{n}人，对照组{m}人{drawn}）。{adjusted}人均效果为{size}，"
        f"95%区间{low}至{high}，{p.replace(', ', '，')}；目标为{target}。证据等级{row['evidence_grade']}{_graded(row, lang)}。"
        f"结论：{word}{_reason(row, lang)}。{_enough(row, lang)}{descriptive(row, lang)}",
    }[lang]  # fmt: skip


def _unmeasured(row: Row, head: str, lang: str) -> str:
    start, end = (style.day(row[c], lang) for c in ("start_date", "end_date"))
    if row["verdict"] == "not_started":
        return {"en": f"{head} starts on {start}.", "zh": f"{head}将于{start}启动。"}[lang]
    if row["verdict"] == "not_ended":
        return {
            "en": f"{head} runs until {end}: no verdict before its planned end.",
            "zh": f"{head}进行至{end}：计划结束前不作结论。",
        }[lang]
    reason = schema.word(row["grade_reason"], lang)
    return {
        "en": f"{head} cannot be measured: {lowered(reason)}.",
        "zh": f"{head}无法测算：{reason}。",
    }[lang]


def _graded(row: Row, lang: str) -> str:
    """Why the grade is not A."""
    if row["evidence_grade"] == "A":
        return ""
    reason = schema.word(row["grade_reason"], lang)
    return {"en": f" ({lowered(reason)})", "zh": f"（{reason}）"}[lang]


def _reason(row: Row, lang: str) -> str:
    if row["evidence_grade"] == "C":
        return ""
    reason = schema.word(row["verdict_reason"], lang)
    return {"en": f"; {lowered(reason)}", "zh": f"；{reason}"}[lang]


def _enough(row: Row, lang: str) -> str:
    """How many customers would have told more."""
    if row["verdict"] != "inconclusive" or math.isnan(row["needed_per_arm"]):
        return ""
    n = style.number(row["needed_per_arm"], lang)
    return {
        "en": f" About {n} customers per arm would probably have been enough to see the target.",
        "zh": f"若要看出目标效果，每组约需{n}人。",
    }[lang]


def descriptive(row: Row, lang: str) -> str:
    if math.isnan(row["before_after_change"]):
        return ""
    change = signed(row["before_after_change"], lang)
    return {
        "en": f" From the window before to the campaign the treated moved by {change} (descriptive, not attributed).",
        "zh": f"实验组在活动期间较前一窗口变化{change}（描述性，不作归因）。",
    }[lang]


def _equal_groups(rows: Sequence[Row], lang: str) -> list[str]:
    """What campaigns that were never sent show: a check of the method."""
    judged = [row for row in rows if not math.isnan(row["effect"])]
    if not judged or any(row["provenance"] != "illustrative" for row in judged):
        return []
    rightly = {"en": "and rightly none is found.", "zh": "评估也如实未发现效果。"}[lang]
    alarm = {
        "en": "so what was found is a false alarm, of which there are up to 5 in 100.",
        "zh": "因此此处的发现属于误报，其概率不超过5%。",
    }[lang]
    found = any(row["verdict"] in _FOUND for row in judged)
    return [
        {
            "en": "Nothing was sent in these illustrative campaigns: both arms were treated alike (A/A), so there is no effect to "
            f"find, {alarm if found else rightly}",
            "zh": f"这些活动均为示例，并未实际发送：两组待遇相同（A/A），本无效果可言，{alarm if found else rightly}",
        }[lang]
    ]


def _named(row: Row, lang: str) -> str:
    name = row["campaign_zh"] if lang == "zh" and row["campaign_zh"] else row["campaign"]
    return {"en": f" ({name})", "zh": f"（{name}）"}[lang] if name else ""


def signed(share: float, lang: str) -> str:
    return ("+" if round(share, 3) > 0 else "") + style.percent(share, lang)


def lowered(words: str) -> str:
    return words[:1].lower() + words[1:]


def listed(names: Sequence[str], lang: str) -> str:
    return {"en": ", ", "zh": "、"}[lang].join(map(str, names))


def joined(said: Sequence[str], lang: str) -> str:
    return {"en": " ", "zh": ""}[lang].join(said)
