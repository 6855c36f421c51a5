"""Sentences of step 4, computed from its tables."""

from typing import Any

import pandas as pd

from crmlib import schema
from crmlib.params import Book
from crmlib.views import style, tables
from crmlib.views.narrative import Sentence, say

_MIN_N = 30
_CLEAR_LEAD = 0.50  # of the draws


def tier_strategies(strategies: pd.DataFrame, without: list[str], lang: str) -> Sentence:
    """How many strategies there are, and which tiers have none."""
    if strategies.empty:
        return say({"en": "No strategies are registered.", "zh": "尚未登记客户维护策略。"}, lang)
    n, tiers = len(strategies), strategies.tier.nunique()
    en, zh = f"{n} strategies serve {tiers} tiers.", f"{n}项策略覆盖{tiers}个层级。"
    if without:
        en += f" No strategy yet for: {', '.join(schema.word(tier, 'en') for tier in without)}."
        zh += f"尚无策略的层级：{'、'.join(schema.word(tier, 'zh') for tier in without)}。"
    return say({"en": en, "zh": zh}, lang)


def adaptations(plan: pd.DataFrame, lang: str) -> Sentence:
    """How many planned answers there are and which are overdue."""
    if plan.empty:
        return say({"en": "No answers to trends are registered.", "zh": "尚未登记趋势适配措施。"}, lang)
    late, done = plan.adaptation_id[plan.is_late.astype(bool)], int((plan.status == "done").sum())
    return say(
        {
            "en": f"{len(plan)} answers to trends are planned, {done} done; overdue: {', '.join(late) or 'none'}.",
            "zh": f"共计划{len(plan)}项趋势适配措施，已完成{done}项；逾期：{'、'.join(late) or '无'}。",
        },
        lang,
    )


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
    """What one more unit of money brings, and on average a tenth of the budget less or more, each solved again."""
    scale = 10**book.minor_digits
    unit, price, below, above = (
        style.money(scale * worth, book, language)
        for worth in (1, budget.shadow_price, budget.price_below, budget.price_above)
    )
    less = {"en": "with 10% less the floors cannot be met", "zh": "减少10%则无法满足最低覆盖要求"}[language]
    if not pd.isna(budget.price_below):
        less = {"en": f"{below} on average over the last 10%", "zh": f"最后10%平均{below}"}[language]
    return {
        "en": f"{unit} more returns {price} on top of its cost (solved again: {less}, {above} over 10% more).",
        "zh": f"再增加{unit}可在收回成本后带来{price}毛利（重新求解验证：{less}，再增10%平均{above}）。",
    }[language]


def floors(limits: pd.DataFrame, budget_needed: float, lang: str, book: Book) -> Sentence:
    """Which floors cannot be met and the cheapest way out; or what the dearest floor costs."""
    broken = limits[limits.shortfall > 0]
    if not (limits.limit_kind == "cover").any():
        return say({"en": "No action has a floor that it must reach.", "zh": "没有行动设置最低覆盖要求。"}, lang)
    if broken.empty:
        return _dearest_floor(limits, lang, book)
    local = tables.in_language(broken, lang)
    parts = [
        (_named(action, tier, lang), style.number(missing, lang, 0), style.number(asked, lang, 0))
        for action, tier, missing, asked in zip(
            local.action, local.tier, local.shortfall, local.limit_amount, strict=True
        )
    ]
    en = "Not all floors can be met. Cheapest relaxation: " + "; ".join(f"{n}: {m} of {a} fewer" for n, m, a in parts)
    zh = "无法同时满足全部最低覆盖要求。代价最小的放宽方式：" + "；".join(f"{n}：{a}人中减少{m}人" for n, m, a in parts)
    if pd.isna(budget_needed):
        en, zh = (
            en + ". No budget would meet them: hours or contact limits bind.",
            zh + "。增加预算也无法满足：受工时或接触次数限制。",
        )
    else:
        money = style.money(budget_needed * 10**book.minor_digits, book, lang)
        en, zh = f"{en}; or a budget of {money}.", f"{zh}；或将预算提高到{money}。"
    return say({"en": en, "zh": zh}, lang)


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


def adjustments(log: pd.DataFrame, lang: str) -> Sentence:
    if log.empty:
        return say(
            {"en": "No adjustments were made up to the end of the quarter.", "zh": "截至季末没有调整记录。"}, lang
        )
    last = tables.in_language(log, lang).iloc[0]
    day = style.day(last.adjusted_on, lang)
    return say(
        {
            "en": f"{len(log)} adjustments so far; the last on {day}: {last.what} ({last.why}).",
            "zh": f"迄今共{len(log)}次调整；最近一次为{day}：{last.what}（{last.why}）。",
        },
        lang,
    )


def decisions(found: pd.DataFrame, book: Book) -> pd.DataFrame:
    """The decisions with their sentences in both languages."""
    texts = {
        lang: [_decision({str(k): v for k, v in row.items()}, lang, book) for row in found.to_dict("records")]
        for lang in ("en", "zh")
    }
    worded = found.assign(text_en=texts["en"], text_zh=texts["zh"])
    return worded[list(schema.TABLES["decisions"].columns)]


def _decision(row: dict[str, Any], lang: str, book: Book) -> str:
    write = {"budget": _budget, "opportunity": _opportunity, "win_back": _win_back}[row["decision"]]
    return style.legible(write(row, lang, book))


def _budget(row: dict[str, Any], lang: str, book: Book) -> str:
    cost, value = style.money(row["amount_minor"], book, lang), style.money(row["value_minor"], book, lang)
    return {
        "en": f"Approve {cost} for next quarter's contacts: {value} of margin is expected after that cost (estimate); ",
        "zh": f"批准下季度客户接触预算{cost}：扣除成本后预期毛利{value}（估计值）；",
    }[lang] + (_next_unit(row["shadow_price"], lang, book) + _missing(row["shortfall"], lang))


def _next_unit(price: float, lang: str, book: Book) -> str:
    scale = 10**book.minor_digits
    unit, worth = style.money(scale, book, lang), style.money(price * scale, book, lang)
    if price > 0:
        return {"en": f"the next {unit} would return {worth}.", "zh": f"每再增加{unit}可带来{worth}。"}[lang]
    return {"en": "more budget would return nothing.", "zh": "增加预算不会带来更多毛利。"}[lang]


def _missing(shortfall: float, lang: str) -> str:
    n = style.number(shortfall, lang, 0)
    words = {"en": f" The cover floors fall short by {n} customers.", "zh": f"最低覆盖要求尚缺{n}位客户。"}
    return words[lang] if shortfall > 0 else ""


def _opportunity(row: dict[str, Any], lang: str, book: Book) -> str:
    money, share = style.money(row["amount_minor"], book, lang), style.percent(row["first_share"], lang, 0)
    name = row["opportunity_zh"] if lang == "zh" and row["opportunity_zh"] else row["opportunity"]
    tier, n = schema.word(row["tier"], lang), style.number(row["customers"], lang)
    caution = {"en": ": compare it with its rivals before a large commitment", "zh": "，大额投入前请先与次优选项比较"}[
        lang
    ]
    advice = "" if row["first_share"] >= _CLEAR_LEAD else caution
    return {
        "en": f'Back "{name}" for {tier.lower()} customers: {n} buyers spent {money} on it in 12 months; it comes first in '
        f"{share} of the draws{advice}.",
        "zh": f"面向{tier}客户推进“{name}”：近12个月{n}位客户相关消费{money}；在{share}的抽样中排名第一{advice}。",
    }[lang]


def _win_back(row: dict[str, Any], lang: str, book: Book) -> str:
    money, n = style.money(row["amount_minor"], book, lang), style.number(row["customers"], lang)
    return {
        "en": f"Win back {n} lapsed customers who spent {money} in 12 months, with a control group: many return anyway.",
        "zh": f"挽回{n}位已沉寂客户（近12个月消费{money}），并设置对照组，因为其中不少客户会自行回流。",
    }[lang]
