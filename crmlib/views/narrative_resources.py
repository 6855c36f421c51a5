"""Sentences of what step 4 spends and when its tasks are due, computed from its tables."""

from typing import Any

import pandas as pd

from crmlib import schema
from crmlib.params import Book
from crmlib.views import style, tables
from crmlib.views.narrative import Sentence, say

_MIN_N = 30


def allocation(plan: pd.DataFrame, limits: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """What the plan spends and brings, and what the next unit of money would bring."""
    if plan.empty:
        return say({"en": "No actions are registered, so there is no budget to allocate.",
                    "zh": "尚未登记行动，因此没有可分配的预算。"}, lang)  # fmt: skip
    budget = limits[limits.limit_kind == "budget"].iloc[0]
    scale = 10**book.minor_digits
    cost, value = (style.money(plan[column].sum(), book, lang) for column in ("cost_minor", "value_minor"))
    allowed = style.money(budget.limit_amount * scale, book, lang)
    en = f"Of {allowed} the plan spends {cost} and expects {value} of margin after that cost. "
    zh = f"预算{allowed}中计划使用{cost}，扣除成本后预期毛利{value}。"
    if budget.shadow_price > 0:
        en += f"The budget binds: {_verified(budget, 'en', book)}"
        zh += f"预算已用足：{_verified(budget, 'zh', book)}"
    else:
        en += "The budget does not bind: more money returns nothing while hours and contact limits stay as they are."
        zh += "预算并未用足：在工时和接触次数上限不变的情况下，增加预算不会带来更多毛利。"
    return say({"en": en, "zh": zh}, lang)


def _verified(budget: pd.Series, language: str, book: Book) -> str:
    """What one more unit of money brings and how far, and on average a tenth of the budget less or more."""
    scale = 10**book.minor_digits
    unit, price, below, above, least, most = (
        style.money(scale * worth, book, language)
        for worth in (
            1, budget.shadow_price, budget.price_below, budget.price_above, budget.holds_from, budget.holds_to
        )
    )  # fmt: skip
    if pd.isna(budget.holds_from):
        return {
            "en": f"{unit} more returns about {price} on top of its cost.",
            "zh": f"再增加{unit}可在收回成本后带来约{price}毛利。",
        }[language]
    less = {"en": "with 10% less the floors cannot be met", "zh": "减少10%则无法满足最低覆盖要求"}[language]
    if not pd.isna(budget.price_below):
        less = {"en": f"{below} on average over the last 10%", "zh": f"最后10%平均{below}"}[language]
    return {
        "en": f"{unit} more returns {price} on top of its cost, and does so for budgets from {least} to {most} "
        f"(solved again: {less}, {above} over 10% more).",
        "zh": f"再增加{unit}可在收回成本后带来{price}毛利，预算在{least}至{most}之间时均如此"
        f"（重新求解验证：{less}，再增10%平均{above}）。",
    }[language]


def floors(limits: pd.DataFrame, ways: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """Which floors cannot be met and the two cheapest ways out; or what the dearest floor costs."""
    if not (limits.limit_kind == "cover").any():
        return say({"en": "No action has a floor that it must reach.", "zh": "没有行动设置最低覆盖要求。"}, lang)
    if not (limits.shortfall > 0).any():
        return _dearest_floor(limits, lang, book)
    local = tables.in_language(ways, lang)
    lower = [_lowered(row, lang) for row in local[local.way == "lower_floors"].itertuples()]
    raised = [_raised(row, lang, book) for row in local[local.way == "raise_limits"].itertuples()]
    en = "Not all floors can be met. Either lower, by as few customers as possible, " + "; ".join(lower)
    zh = "无法同时满足全部最低覆盖要求。可按影响客户最少的方式降低：" + "；".join(lower)
    if not raised:
        en += ". No budget and no hours would meet them all: the contact limits forbid it."
        zh += "。增加预算或工时也无法全部满足：受接触次数上限限制。"
    else:
        en += "; or raise " + " and ".join(raised) + "."
        zh += "；或提高" + "，并提高".join(raised) + "。"
    return say({"en": en, "zh": zh}, lang)


def _lowered(row: Any, lang: str) -> str:
    name = _named(row.action, row.tier, lang)
    old, new = style.number(row.limit_amount, lang, 0), style.number(row.amended_amount, lang, 0)
    if pd.isna(row.cover_share):
        return {"en": f"{name} from {old} to {new} customers", "zh": f"{name}由{old}位降至{new}位客户"}[lang]
    shares = style.percent(row.cover_share, lang, 0), style.percent(row.amended_share, lang, 0)
    return {
        "en": f"{name} from {shares[0]} to {shares[1]} ({old} to {new} customers)",
        "zh": f"{name}由{shares[0]}降至{shares[1]}（{old}位降至{new}位客户）",
    }[lang]


def _raised(row: Any, lang: str, book: Book) -> str:
    if row.limit_kind == "budget":
        scale = 10**book.minor_digits
        old, new, more = (
            style.money(scale * amount, book, lang)
            for amount in (row.limit_amount, row.amended_amount, row.amended_amount - row.limit_amount)
        )
        return {"en": f"the budget by {more}, from {old} to {new}", "zh": f"预算{more}（由{old}增至{new}）"}[lang]
    old, new = (style.number(amount, lang, 1) for amount in (row.limit_amount, row.amended_amount))
    more = style.number(row.amended_amount - row.limit_amount, lang, 1)
    return {
        "en": f"the hours of {row.department} by {more}, from {old} to {new}",
        "zh": f"{row.department}工时{more}小时（由{old}增至{new}）",
    }[lang]


def _dearest_floor(limits: pd.DataFrame, lang: str, book: Book) -> Sentence:
    binding = limits[(limits.limit_kind == "cover") & (limits.shadow_price < 0)]
    if binding.empty:
        return say(
            {"en": "All floors are met, and none costs anything.", "zh": "最低覆盖要求全部满足，且不产生代价。"}, lang
        )
    dearest = tables.in_language(binding, lang).sort_values("shadow_price").iloc[0]
    name, cost = _named(dearest.action, dearest.tier, lang), -dearest.shadow_price * 10**book.minor_digits
    money = style.money(cost, book, lang)
    return say(
        {
            "en": f"All floors are met. The dearest is {name}: each further required contact gives up {money} of margin.",
            "zh": f"最低覆盖要求全部满足。代价最高的是{name}：每多要求一次接触，放弃毛利{money}。",
        },
        lang,
    )


def _named(action: str, tier: str, lang: str) -> str:
    word = schema.word(tier, lang)
    if not action:
        return word
    return f"{action}（{word}）" if lang == "zh" else f"{action} ({word})"


def hours(plan: pd.DataFrame, limits: pd.DataFrame, lang: str) -> Sentence:
    """Whose hours are limited; departments without a limit, and limits that no action uses."""
    limited = limits[limits.limit_kind == "hours"]
    known = tables.in_language(limited, lang)
    used = {"en": "; ", "zh": "；"}[lang].join(
        f"{name} {style.number(u, lang, 1)} / {style.number(h, lang, 1)}"
        for name, u, h in zip(known.department, known.used_amount, known.limit_amount, strict=True)
    )
    en, zh = (
        f"Hours used of those available: {used or 'no limit is set'}.",
        f"已用工时/可用工时：{used or '未设上限'}。",
    )
    free = sorted(set(plan.department) - set(limited.department))
    unused = sorted(set(limited.department) - set(plan.department))
    if limited.empty or not (free or unused):
        return say({"en": en, "zh": zh}, lang)
    en += f" Without a limit: {', '.join(free) or 'none'}. Limits that no action uses: {', '.join(unused) or 'none'}."
    zh += f"未设上限的部门：{'、'.join(free) or '无'}。没有行动使用的上限：{'、'.join(unused) or '无'}。"
    return say({"en": en, "zh": zh}, lang)


def budget_curve(curve: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """From where on more budget brings less than itself, and from where on nothing."""
    if curve.empty:
        return say({"en": "No actions are registered, so no budget brings anything.",
                    "zh": "尚未登记行动，任何预算都不会带来毛利。"}, lang)  # fmt: skip
    at = curve[curve.budget_mark != ""].set_index("budget_mark")
    one, full, planned = (at.budget_minor.get(mark) for mark in ("worth_one", "saturated", "planned"))
    unit, turn, end = (style.money(x, book, lang) for x in (10**book.minor_digits, one, full))
    brings = style.money(curve.value_minor.max(), book, lang)
    en = f"From a budget of {turn} on, the next {unit} brings less than {unit} on top of its cost; "
    zh = f"预算超过{turn}后，每再增加{unit}在收回成本后带来的毛利不足{unit}；"
    if planned is not None and one is not None and planned > one:
        en = f"The planned budget is beyond {turn}, from where the next {unit} brings less than {unit} on top of its cost; "
        zh = f"计划预算已超过{turn}，此后每再增加{unit}在收回成本后带来的毛利不足{unit}；"
    en += f"beyond {end} nothing more can be earned ({brings} in all)."
    zh += f"超过{end}后不再增加毛利（合计{brings}）。"
    return say({"en": en, "zh": zh}, lang)


def by_customer(contacts: int, value: float, bound: float, lang: str, book: Book) -> Sentence:
    """What the choice customer by customer brings, and how close to the best possible plan it is proved to be."""
    if not contacts:
        return say(
            {
                "en": "The plan is made by tier; the settings can have it made customer by customer "
                "(strategy.allocation.level).",
                "zh": "本计划按层级制定；可在参数 strategy.allocation.level 中改为逐客户制定。",
            },
            lang,
        )
    scale = 10**book.minor_digits
    worth, most = style.money(value * scale, book, lang), style.money(bound * scale, book, lang)
    n, gap = style.number(contacts, lang), style.percent((bound - value) / bound if bound > 0 else 0, lang, 2)
    return say(
        {
            "en": f"Chosen customer by customer: {n} contacts with an expected margin of {worth} after cost. No plan can "
            f"reach more than {most}, so at most {gap} is left (proved).",
            "zh": f"逐客户选定：{n}次接触，扣除成本后预期毛利{worth}。任何计划都不可能超过{most}，因此至多相差{gap}（已证明）。",
        },
        lang,
    )


def forecasts(found: pd.DataFrame, lang: str) -> Sentence:
    """Which strategies will end late at today's pace, and what holds them up."""
    if found.empty:
        return say({"en": "No tasks are registered, so no end can be foretold.",
                    "zh": "尚未登记任务，无法预计完成时间。"}, lang)  # fmt: skip
    late = found[(found.slippage_days > 0) & (found.tasks_done < found.tasks)]
    past = ", ".join(late.strategy_id[late.is_past_end])
    if late.empty:
        return say({"en": "At today's pace every open strategy is done by its last due date.",
                    "zh": "按目前进度，所有进行中的策略均可在最后截止日期前完成。"}, lang)  # fmt: skip
    parts = {code: [_late(row, code) for row in late.itertuples()] for code in ("en", "zh")}
    return say(
        {
            "en": f"At today's pace {len(late)} of {len(found)} strategies end late: {'; '.join(parts['en'])}. "
            f"Past the end of the strategy itself: {past or 'none'}.",
            "zh": f"按目前进度，{len(found)}项策略中有{len(late)}项将延期：{'；'.join(parts['zh'])}。"
            f"超出策略期限：{past or '无'}。",
        },
        lang,
    )


def _late(row: Any, lang: str) -> str:
    day, days = style.day(row.forecast_date, lang), style.number(row.slippage_days, lang)
    return {
        "en": f"{row.strategy_id} on {day}, {days} days after its last due date (critical: {row.critical_tasks})",
        "zh": f"{row.strategy_id}预计{day}完成，较最后截止日晚{days}天（关键任务：{row.critical_tasks}）",
    }[lang]


def schedule(tasks: pd.DataFrame, lang: str) -> Sentence:
    """On time, late, and out of order."""
    if tasks.empty:
        return say({"en": "No tasks are registered.", "zh": "尚未登记任务。"}, lang)
    due, on_time = int(tasks.is_due.sum()), int((tasks.is_due & tasks.is_on_time).sum())
    late, blocked = tasks.task_id[tasks.is_late.astype(bool)], tasks.task_id[tasks.is_blocked.astype(bool)]
    counts = {
        "en": f"{on_time} of {due} tasks due this quarter were done on time" if due else "No task was due this quarter",
        "zh": f"本季度到期任务{due}项，按时完成{on_time}项" if due else "本季度没有到期任务",
    }
    few = {"en": f" ({due} are too few to judge by)", "zh": f"（仅{due}项，样本过少，不作评判）"}
    said = {code: counts[code] + (few[code] if 0 < due < _MIN_N else "") for code in counts}
    return say(
        {
            "en": f"{said['en']}. Overdue: {', '.join(late) or 'none'}. "
            f"Started, or planned to start, before what they depend on: {', '.join(blocked) or 'none'}.",
            "zh": f"{said['zh']}。逾期：{'、'.join(late) or '无'}。早于前置任务完成而开始的任务：{'、'.join(blocked) or '无'}。",
        },
        lang,
    )
