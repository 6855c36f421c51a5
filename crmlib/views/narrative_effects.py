"""Sentences about effects: what happened, how sure it is, and what may be said of it."""

import math
from collections.abc import Mapping
from typing import Any

from crmlib import schema
from crmlib.views import style
from crmlib.views.narrative import Sentence, say

_SURE = {"effective", "partly_effective", "effect_proven"}


def experiment(row: Mapping[Any, Any], control: str, target: float | None, lang: str) -> Sentence:
    """One outcome of one arm of an experiment beside the control: shares, difference, interval, p, verdict."""
    if math.isnan(row["effect"]):
        return _too_few(row, control, lang)
    cases = {"customer": ("customers", "名客户"), "cluster": ("clusters", "个群组")}[row["level"]]
    n = [style.number(row[side], lang) for side in ("n_treated", "n_control")]
    unit = row["kind"] == "rate"
    treated, base = (_level(row[side], lang, is_rate=unit) for side in ("treated", "control"))
    size, low, high = (_size(row[c], lang, is_rate=unit) for c in ("effect", "low", "high"))
    known = not math.isnan(row["low"])
    relative = "" if math.isnan(row["shift"]) else {"en": f" ({style.percent(row['shift'], 'en')} of the control's)",
                                                    "zh": f"（相当于对照组的{style.percent(row['shift'], 'zh')}）"}[lang]  # fmt: skip
    sure = {
        "en": f"95% interval {low} to {high}, p {_chance(row['p'])}, q {_chance(row['q'])}" if known else "no interval",
        "zh": f"95%区间{low}至{high}，p {_chance(row['p'])}，q {_chance(row['q'])}" if known else "无法给出区间",
    }[lang]
    return say(
        {
            "en": f"{row['outcome']}: {treated} in '{row['arm']}', {base} in '{control}' ({n[0]} and {n[1]} {cases[0]}): "
            f"a difference of {size}{relative}; {sure}. {_verdict(row, target, 'en')}",
            "zh": f"{row['outcome']}：“{row['arm']}”组{treated}，“{control}”组{base}（分别{n[0]}和{n[1]}{cases[1]}）："
            f"相差{size}{relative}；{sure}。{_verdict(row, target, 'zh')}",
        },
        lang,
    )


def check(code: str, where: str, p: float, lang: str) -> Sentence:
    """What speaks against a fair draw, and what it means for the verdicts."""
    chance = _chance(p)
    said = {
        "uneven": (
            f"The sizes of the arms do not fit their planned shares (p {chance}): find out which rows are missing "
            "before believing any verdict.",
            f"各组规模与计划比例不符（p {chance}）：请先查明缺失的记录，再采信结论。",
        ),
        "apart": (
            f"'{where}' and the control differed before the start (p {chance}): this was hardly a random draw, and no "
            "difference is an effect for sure.",
            f"“{where}”组与对照组在开始前就不同（p {chance}）：很可能并非随机分组，差异不能确定是作用。",
        ),
        "lost": (
            f"{where} is missing more often in one arm than in another (p {chance}): who is missing may decide the "
            "result; if missing means zero, say so with --missing zero.",
            f"{where} 在各组的缺失比例不同（p {chance}）：缺失本身可能左右结果；若缺失即为零，请加 --missing zero。",
        ),
    }
    en, zh = said[code]
    return say({"en": en, "zh": zh}, lang)


def _verdict(row: Mapping[Any, Any], target: float | None, lang: str) -> str:
    word = schema.word(row["verdict"], lang)
    why = _why(row, target)[0 if lang == "en" else 1]
    return f"Verdict: {word.lower()}; {why}." if lang == "en" else f"结论：{word}；{why}。"


def _why(row: Mapping[Any, Any], target: float | None) -> tuple[str, str]:
    """The reason of the verdict; English and Chinese."""
    if row["is_small"]:
        return "an arm has too few cases to judge by", "某组样本过少，无法判断"
    if row["verdict"] == "inconclusive":
        least = row.get("needed_per_arm", math.nan)
        more = (
            ("", "")
            if math.isnan(least)
            else (f"; about {least:,.0f} per arm would have been enough", f"；每组约{least:,.0f}例才足够")
        )
        return (
            f"the interval leaves both useful and no effect open{more[0]}",
            f"区间同时容许有用的作用与没有作用{more[1]}",
        )
    if target is None:
        plain = {"effect_proven": ("the difference is not chance; no target was set, so whether it is worth it is not judged",
                                   "差异并非偶然；未设目标，因此不判断是否值得"),
                 "harmful": ("the difference is not chance, and it goes the wrong way", "差异并非偶然，且方向相反")}  # fmt: skip
        return plain[row["verdict"]]
    return {
        "effective": ("it is not chance and reaches the target", "并非偶然，且达到目标"),
        "partly_effective": ("it is not chance and reaches at least half the target", "并非偶然，且至少达到目标的一半"),
        "not_effective": ("a useful effect is ruled out", "可排除有用的作用"),
        "harmful": ("it goes the wrong way", "方向相反"),
    }[row["verdict"]]


def _too_few(row: Mapping[Any, Any], control: str, lang: str) -> Sentence:
    return say(
        {
            "en": f"{row['outcome']}: '{row['arm']}' and '{control}' have {row['n_treated']} and {row['n_control']} cases; "
            "two in each arm are the least that can be compared. Verdict: cannot tell.",
            "zh": f"{row['outcome']}：“{row['arm']}”与“{control}”分别有{row['n_treated']}和{row['n_control']}例；"
            "每组至少两例才能比较。结论：无法判断。",
        },
        lang,
    )


def _level(value: float, lang: str, *, is_rate: bool) -> str:
    return style.percent(value, lang, 2 if abs(value) < 0.1 else 1) if is_rate else style.number(value, lang)


def _size(value: float, lang: str, *, is_rate: bool) -> str:
    """A difference; of rates in percentage points."""
    if not is_rate:
        return style.number(value, lang)
    return style.number(100 * value, lang, 2) + {"en": " points", "zh": "个百分点"}[lang]


def _chance(p: float) -> str:
    if math.isnan(p):
        return "n/a"
    return f"{p:.3f}" if p > 0.001 else "≤ 0.001"
