"""Sentences on positioning, the staged plan, risks, and the targets' SMART check."""

import pandas as pd

from crmlib import schema
from crmlib.params import Book
from crmlib.views import style, tables
from crmlib.views.narrative import Sentence, say


def positions(placed: pd.DataFrame, unanswered: pd.DataFrame, lang: str) -> Sentence:
    """The position that meets most, and the measured needs that none meets."""
    if placed.empty:
        return say({"en": "No positioning is registered.", "zh": "尚未登记市场定位。"}, lang)
    if not placed.needs_measured.any():
        return say({"en": "Nothing was measured that these positions could meet (no Kano survey, too few complaints, no "
                          "tags): they are statements of intent.",
                    "zh": "没有可对照的需求测量（无Kano调查、投诉过少、无标签）：以下定位仅为主张。"}, lang)  # fmt: skip
    best, tier = placed.iloc[0], schema.word(placed.tier.iloc[0], lang)
    if not placed.needs_met.any():
        return say({"en": "No position meets any of the needs measured for its tier." + _unmet(unanswered, "en"),
                    "zh": "没有任何定位满足其层级已测得的需求。" + _unmet(unanswered, "zh")}, lang)  # fmt: skip
    en = (
        f"{best.position_id} ({tier.lower()} customers) meets {best.needs_met} of the {best.needs_measured} needs "
        f"measured for them, the largest part of all positions."
    )
    zh = (
        f"{best.position_id}（{tier}客户）满足其{best.needs_measured}项已测得需求中的{best.needs_met}项，"
        "在各定位中比例最高。"
    )
    return say({"en": en + _unmet(unanswered, "en") + _claims(placed, "en"),
                "zh": zh + _unmet(unanswered, "zh") + _claims(placed, "zh")}, lang)  # fmt: skip


def _unmet(unanswered: pd.DataFrame, language: str) -> str:
    if unanswered.empty:
        return ""
    needs = tables.in_language(unanswered, language).need
    return {"en": f" Met by none: {'; '.join(needs)}.", "zh": f"没有定位满足的需求：{'；'.join(needs)}。"}[language]


def _claims(placed: pd.DataFrame, language: str) -> str:
    """Which positions claim to meet what nobody measured, and which miss a must-be need."""
    claimed = ", ".join(sorted(placed.position_id[placed.needs_unknown != ""]))
    missing = ", ".join(sorted(placed.position_id[placed.must_unmet != ""]))
    en = f" Claimed without a measurement: by {claimed}." if claimed else ""
    en += f" A must-be need, noticed only when it is absent, stays open for {missing}." if missing else ""
    zh = f"含未经测量的主张：{claimed}。" if claimed else ""
    zh += f"仍有必备需求未满足：{missing}（此类需求一旦缺失便会被察觉）。" if missing else ""
    return {"en": en, "zh": zh}[language]


def expansion(plan: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """How many steps in which stage, the first gate, and what is late or without an opportunity."""
    if plan.empty:
        return say({"en": "No staged plan is registered.", "zh": "尚未登记分阶段计划。"}, lang)
    counts = plan.groupby("horizon", sort=False).size()
    open_steps = plan[plan.status != "done"].sort_values(["due_date", "stage_id"])
    english = ", ".join(f"{n} in {schema.word(horizon, 'en')}" for horizon, n in counts.items())
    chinese = "、".join(f"{schema.word(horizon, 'zh')}{n}个" for horizon, n in counts.items())
    en, zh = f"{len(plan)} steps: {english}.", f"共{len(plan)}个步骤：{chinese}。"
    if len(open_steps):
        first = tables.in_language(open_steps, lang).iloc[0]
        money = style.money(open_steps.stake_minor.iloc[0], book, lang)
        stake_en = f", on {money} of spend in the last 12 months" if not pd.isna(open_steps.stake_minor.iloc[0]) else ""
        stake_zh = f"，涉及近12个月消费{money}" if stake_en else ""
        en += f" Next, by {style.day(first.due_date, lang)}: {first.stage_id}{stake_en}. Gate: {first.gate}."
        zh += f"最近一步于{style.day(first.due_date, lang)}前完成：{first.stage_id}{stake_zh}。准入条件：{first.gate}。"
    return say({"en": en + _steps_to_mend(plan, "en"), "zh": zh + _steps_to_mend(plan, "zh")}, lang)


def _steps_to_mend(plan: pd.DataFrame, language: str) -> str:
    said = {
        "en": (" Overdue: {}.", " Due after the stage they stand in: {}.", " Serving no registered opportunity: {}."),
        "zh": ("逾期：{}。", "截止日期超出所属阶段：{}。", "未对应已登记机会：{}。"),
    }[language]
    marks = (plan.is_late.astype("bool"), plan.is_beyond.astype("bool"), plan.opportunity_id == "")
    comma = {"en": ", ", "zh": "、"}[language]
    return "".join(
        text.format(comma.join(plan.stage_id[mark])) for text, mark in zip(said, marks, strict=True) if mark.any()
    )


def risks(register: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """How many risks are severe, the largest, the money it touches, late reviews, and what moved."""
    if register.empty:
        return say({"en": "No risks are registered; that is a gap, not good news.",
                    "zh": "尚未登记风险；这是缺口，而非好消息。"}, lang)  # fmt: skip
    first, local = register.iloc[0], tables.in_language(register, lang).iloc[0]
    severe = int((register.risk_band == "band_severe").sum())
    money = "" if pd.isna(first.exposed_minor) else style.money(first.exposed_minor, book, lang)
    tied = register.risk_id[register.risk_points == first.risk_points].iloc[1:]
    en = f'{severe} of {len(register)} risks are severe. The largest: "{local.risk}" ({first.risk_points} of 25 points'
    zh = f"{len(register)}项风险中有{severe}项为重大。最大的是“{local.risk}”（{first.risk_points}分，满分25"
    en += f", as many as {', '.join(tied)}" if len(tied) else ""
    zh += f"，与{'、'.join(tied)}同分" if len(tied) else ""
    en += f"; {money} exposed: {schema.word(first.exposed_basis, 'en').lower()}), " if money else "), "
    zh += f"；涉及{money}：{schema.word(first.exposed_basis, 'zh')}），" if money else "），"
    en += f"treatment: {schema.word(first.treatment, 'en').lower()}, owner {first.owner}."
    zh += f"应对：{schema.word(first.treatment, 'zh')}，负责人{first.owner}。"
    return say({"en": en + _late_risks(register, "en") + _moved_risks(register, "en"),
                "zh": zh + _late_risks(register, "zh") + _moved_risks(register, "zh")}, lang)  # fmt: skip


def _late_risks(register: pd.DataFrame, language: str) -> str:
    late = register[register.is_overdue.astype("bool")].sort_values(["review_date", "risk_id"])
    if late.empty:
        return {"en": " No review is overdue.", "zh": "没有逾期的复查。"}[language]
    rows = list(zip(late.risk_id, late.review_date, late.owner, strict=True))
    english = ", ".join(f"{risk} ({style.day(day, language)}, {owner})" for risk, day, owner in rows)
    chinese = "、".join(f"{risk}（{style.day(day, language)}，{owner}）" for risk, day, owner in rows)
    return {"en": f" Review overdue: {english}.", "zh": f"复查逾期：{chinese}。"}[language]


def _moved_risks(register: pd.DataFrame, language: str) -> str:
    if (register.points_move == "").all():
        return {"en": " Last quarter's register is not stored, so there is no comparison.",
                "zh": "没有上季度的风险清单，无法比较。"}[language]  # fmt: skip
    counts = register.points_move.value_counts()
    up, down, new = (int(counts.get(move, 0)) for move in ("move_up", "move_down", "move_new"))
    return {
        "en": f" Against last quarter: {up} up, {down} down, {new} new.",
        "zh": f"与上季度相比：上升{up}项，下降{down}项，新增{new}项。",
    }[language]


def smart(checked: pd.DataFrame, lang: str) -> Sentence:
    """How many targets pass, which fail and why, and how many cannot be judged."""
    if checked.empty:
        return say({"en": "No targets are registered.", "zh": "尚未登记目标。"}, lang)
    counts = checked.smart_state.value_counts()
    met, failed, unsure = (int(counts.get(state, 0)) for state in ("smart_met", "smart_failed", "smart_open"))
    en = f"Of {len(checked)} targets {met} pass every rule and {failed or 'none'} {'fail' if failed > 1 else 'fails'} one or more."
    zh = f"{len(checked)}个目标中，{met}个符合全部规则，{f'{failed}个' if failed else '没有目标'}存在不符合项。"
    en += f" The reach of {unsure} cannot be judged: the history of their KPI is too short." if unsure else ""
    zh += f"另有{unsure}个因指标历史过短，无法判断可达性。" if unsure else ""
    return say({"en": en + _failing(checked, "en"), "zh": zh + _failing(checked, "zh")}, lang)


def _failing(checked: pd.DataFrame, language: str) -> str:
    """Each failing target with what it lacks."""
    failed = checked[checked.smart_state == "smart_failed"]
    comma, semicolon = {"en": (", ", "; "), "zh": ("、", "；")}[language]
    bracket = {"en": "{} ({})", "zh": "{}（{}）"}[language]
    each = [
        bracket.format(target, comma.join(schema.word(gap, language) for gap in gaps.split("; ")))
        for target, gaps in zip(failed.target_id, failed.smart_gaps, strict=True)
    ]
    listed = semicolon.join(each)
    return {"en": f" Missing: {listed}.", "zh": f"缺少：{listed}。"}[language] if each else ""
