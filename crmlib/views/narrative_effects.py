"""Sentences about effects: what happened, how sure it is, and what may be said of it."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from crmlib import schema
from crmlib.views import style, tables
from crmlib.views.narrative import Sentence, say


def figures(found: pd.DataFrame, control: str, lang: str) -> list[str]:
    """The comparisons of an experiment as an aligned table for the command line."""
    heads = {
        "en": ("outcome", "arm", "cases", "value", f"cases in '{control}'", "value", "difference", "95% interval", "p", "q", "verdict"),
        "zh": ("指标", "组别", "样本", "数值", f"“{control}”样本", "数值", "差异", "95%区间", "p", "q", "结论"),
    }[lang]  # fmt: skip
    rows = [heads, *(_cells(row, lang) for row in found.to_dict("records"))]
    wide = [max(tables.columns_wide(row[n]) for row in rows) for n in range(len(heads))]
    return [
        "  ".join(_padded(cell, wide[n], is_text=n in _TEXTS) for n, cell in enumerate(row)).rstrip() for row in rows
    ]


_TEXTS = (0, 1, 10)


def opening(table: pd.DataFrame, control: str, file: str, lang: str, *, is_named: bool) -> str:
    """What was read: the file, its arms with their sizes, and which of them is the control, and why."""
    counts = table["arm"].value_counts().sort_index()
    arms = [f"'{arm}' {n:,}" if lang == "en" else f"“{arm}”{n:,}" for arm, n in counts.items()]
    return {
        "en": f"{file}: {len(table):,} rows; {', '.join(arms)}. Control: '{control}'"
        + ("." if is_named else ", by its name; --control says another."),
        "zh": f"{file}：{len(table):,}行；{'，'.join(arms)}。对照组：“{control}”"
        + ("。" if is_named else "（按名称判断，可用 --control 另行指定）。"),
    }[lang]


def method(found: pd.DataFrame, lang: str) -> str:
    """How the figures were made."""
    kinds, several = set(found["kind"]), len(found) > 1
    ways = {
        "rate": ("rates by Newcombe's interval", "比率用Newcombe区间"),
        "mean": ("means by Welch's interval", "均值用Welch区间"),
    }
    how = [ways[kind][0 if lang == "en" else 1] for kind in ("rate", "mean") if kind in kinds]
    q = {"en": f"; q is p adjusted for {len(found)} comparisons (Benjamini and Hochberg)",
         "zh": f"；q为{len(found)}次比较校正后的p（Benjamini-Hochberg）"}[lang] if several else ""  # fmt: skip
    return {
        "en": f"Everybody counts in the arm assigned; {' and '.join(how)}; p from permutations{q}.",
        "zh": f"按所分配的组别计入；{'，'.join(how)}；p由置换检验得出{q}。",
    }[lang]


def _cells(row: Mapping[Any, Any], lang: str) -> tuple[str, ...]:
    is_rate = row["kind"] == "rate"
    counts = [style.number(row[side], lang) for side in ("n_treated", "n_control")]
    levels = [_level(row[side], lang, is_rate=is_rate) for side in ("treated", "control")]
    size = _size(row["effect"], lang, is_rate=is_rate)
    to = style.number(None, lang) if math.isnan(row["low"]) else _range(row, lang)
    word = schema.word(row["verdict"], lang)
    return (row["outcome"], row["arm"], counts[0], levels[0], counts[1], levels[1], size, to, _chance(row["p"]),
            _chance(row["q"]), word)  # fmt: skip


def _padded(cell: str, width: int, *, is_text: bool) -> str:
    room = " " * (width - tables.columns_wide(cell))
    return cell + room if is_text else room + cell


def experiment(row: Mapping[Any, Any], control: str, target: float | None, lang: str, before: str = "") -> Sentence:
    """One outcome of one arm beside the control: unadjusted means, difference, interval, p, verdict.

    `before` names what was known before the start; the difference is then adjusted for it where that can be done.
    """
    if math.isnan(row["effect"]):
        return _too_few(row, control, lang)
    cases = {"customer": ("customers", "名客户"), "cluster": ("clusters", "个群组")}[row["level"]]
    n = [style.number(row[side], lang) for side in ("n_treated", "n_control")]
    unit = row["kind"] == "rate"
    treated, base = (_level(row[side], lang, is_rate=unit) for side in ("treated", "control"))
    size, to = _size(row["effect"], lang, is_rate=unit), _range(row, lang)
    known = not math.isnan(row["low"])
    relative = "" if math.isnan(row["shift"]) else {"en": f" ({style.percent(row['shift'], 'en')} of the control's)",
                                                    "zh": f"（相当于对照组的{style.percent(row['shift'], 'zh')}）"}[lang]  # fmt: skip
    sure = {
        "en": f"95% interval {to}, p {_chance(row['p'])}, q {_chance(row['q'])}" if known else "no interval",
        "zh": f"95%区间{to}，p {_chance(row['p'])}，q {_chance(row['q'])}" if known else "无法给出区间",
    }[lang]
    return say(
        {
            "en": f"{row['outcome']}: {treated} in '{row['arm']}', {base} in '{control}' ({n[0]} and {n[1]} {cases[0]}): "
            f"a difference of {size}{relative}{_adjusted(row, before, 'en')}; {sure}. {_verdict(row, target, 'en')}"
            f"{_left_out(row, 'en')}",
            "zh": f"{row['outcome']}：“{row['arm']}”组{treated}，“{control}”组{base}（分别{n[0]}和{n[1]}{cases[1]}）："
            f"相差{size}{relative}{_adjusted(row, before, 'zh')}；{sure}。{_verdict(row, target, 'zh')}{_left_out(row, 'zh')}",
        },
        lang,
    )


def _adjusted(row: Mapping[Any, Any], before: str, lang: str) -> str:
    """What the difference was adjusted for; the means beside it are as measured."""
    if not before or row["kind"] == "rate":
        return ""
    if row["slope"]:
        share = style.percent(row["explained"], lang, 0)
        return {"en": f", adjusted for {before}, which explains {share} of the variance (means are unadjusted)",
                "zh": f"（已按{before}校正，其解释{share}的方差；均值未经校正）"}[lang]  # fmt: skip
    return {"en": f", not adjusted for {before}, which is missing for some or hardly varies",
            "zh": f"（未按{before}校正：该列有缺失或几乎不变）"}[lang]  # fmt: skip


def _left_out(row: Mapping[Any, Any], lang: str) -> str:
    """How many had no outcome, or nobody to be compared with."""
    missing, unused = (style.number(row[name], lang) for name in ("missing", "unused"))
    said = {"en": (f" {missing} without an outcome were left out.",
                   f" {unused} are in strata that lack two cases in one of the arms, and were left out."),
            "zh": (f"另有{missing}例缺少结果，未计入。", f"另有{unused}例所在的层有一组不足两例，未计入。")}[lang]  # fmt: skip
    return (said[0] if row["missing"] else "") + (said[1] if row["unused"] else "")


def check(code: str, where: str, p: float, lang: str) -> Sentence:
    """What speaks against a fair draw, and what it means for the verdicts."""
    chance = _chance(p)
    said = {
        "uneven": (
            f"The sizes of the arms do not fit their planned shares (p {chance}): find out which rows are missing "
            "before believing any verdict.",
            f"各组规模与计划比例不符（p {chance}）：请先查明缺失的记录，再采信结论。",
        ),
        "unequal": (
            f"The arms look as if they were to be equally large, and are not (p {chance}): find out which rows are missing, or "
            "say the planned shares with --shares ARM=X.",
            f"各组规模接近但并不相等（p {chance}）：若计划为等分，请先查明缺失的记录；否则请用 --shares 组名=比例 说明计划比例。",
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
    least = row["needed_per_arm"]
    more = (
        ("", "")
        if math.isnan(least)
        else (
            f"; about {least:,.0f} per arm would have been enough to see the target",
            f"；要看出目标，每组约需{least:,.0f}例",
        )
    )
    if row["is_small"]:
        return f"an arm has too few cases to judge by{more[0]}", f"某组样本过少{more[1]}"
    if row["verdict"] == "inconclusive":
        return f"not enough evidence either way{more[0]}", f"证据不足{more[1]}"
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
    return style.percent(value, lang, 2 if abs(value) < 0.1 else 1) if is_rate else _plain(value, lang)


def _size(value: float, lang: str, *, is_rate: bool) -> str:
    """A difference; of rates in percentage points."""
    if not is_rate or math.isnan(value):
        return _plain(value, lang)
    return style.number(100 * value, lang, 2) + {"en": " points", "zh": "个百分点"}[lang]


def _range(row: Mapping[Any, Any], lang: str) -> str:
    """The interval of a difference, its unit once."""
    is_rate = row["kind"] == "rate"
    low = style.number(100 * row["low"], lang, 2) if is_rate else _plain(row["low"], lang)
    return low + {"en": " to ", "zh": "至"}[lang] + _size(row["high"], lang, is_rate=is_rate)


def _plain(value: float, lang: str) -> str:
    """A number; below 0.1 with two figures instead of two decimals."""
    size = abs(value)
    return style.number(value, lang, min(1 - math.floor(math.log10(size)), 9) if 0 < size < 0.1 else None)


def _chance(p: float) -> str:
    if math.isnan(p):
        return "n/a"
    return f"{p:.3f}" if p > 0.001 else "≤ 0.001"
