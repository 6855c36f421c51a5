"""Sentences about strategies: by tier, answers to trends, templates, loyalty, channels, win-back."""

import pandas as pd

from crmlib import schema
from crmlib.params import Book
from crmlib.views import style, tables
from crmlib.views.narrative import Sentence, say


def tier_strategies(strategies: pd.DataFrame, without: list[str], lang: str) -> Sentence:
    """How many strategies there are, and which tiers have none."""
    if strategies.empty:
        en = "No strategies are registered; the table shows templates instead, which nobody has decided."
        return say({"en": en, "zh": "尚未登记客户维护策略；表中以模板代替，尚未确定。"}, lang)
    n, tiers = len(strategies), strategies.tier.nunique()
    en, zh = f"{n} strategies serve {tiers} tiers.", f"{n}项策略覆盖{tiers}个层级。"
    if without:
        en += f" No strategy yet for: {', '.join(schema.word(tier, 'en') for tier in without)}; "
        en += "the table shows the template instead, which nobody has decided."
        zh += f"尚无策略的层级：{'、'.join(schema.word(tier, 'zh') for tier in without)}；表中以模板代替，尚未确定。"
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


def templates(proposed: pd.DataFrame, lang: str) -> Sentence:
    """How many templates there are to start from, and where."""
    if proposed.empty:
        return say({"en": "No group of customers to write a template for.", "zh": "没有可套用模板的客群。"}, lang)
    n = len(proposed)
    return say(
        {
            "en": f'{n} templates are filled with this quarter\'s numbers: sheet "Strategy templates" of the workbook, and '
            "templates/strategies.csv beside the report, which becomes the register once owners and departments are in it.",
            "zh": f"已按本季度数据填写{n}个模板：见工作簿“策略模板”表，以及报告旁的templates/strategies.csv；补充负责人和部门后即可作为登记表使用。",
        },
        lang,
    )


def loyalty(costs: pd.DataFrame, margin: float | None, lang: str, book: Book) -> Sentence:
    """What the levels cost and owe, and the extra spend that would earn it back."""
    if costs.empty:
        return say({"en": "No loyalty levels are registered.", "zh": "尚未登记会员等级。"}, lang)
    cost, owed, points = (
        style.money(costs[c].sum(), book, lang) for c in ("cost_minor", "liability_minor", "points_cost_minor")
    )
    spent = costs.quarter_spend_minor.sum()
    share = style.percent(costs.cost_minor.sum() / spent if spent else float("nan"), lang)
    en = f"The levels cost {cost} this quarter ({share} of spend), {points} of it for points; {owed} is owed in points."
    zh = f"会员等级本季度成本{cost}（占消费{share}），其中积分{points}；积分负债{owed}。"
    if margin is None:
        en += " Break-even is not computed: the settings have no margin (segment.value.margin)."
        zh += "未计算保本增幅：参数中没有毛利率（segment.value.margin）。"
        return say({"en": en, "zh": zh}, lang)
    if costs.breakeven_uplift.notna().any():
        dearest = tables.in_language(costs, lang).sort_values("breakeven_uplift", ascending=False).iloc[0]
        name = style.legible(dearest.loyalty_level)
        rise = style.percent(dearest.breakeven_uplift, lang)
        en += f" {name} takes most: its customers' spend must rise by {rise} to earn its cost back."
        zh += f"要求最高的是“{name}”：该等级客户消费需增长{rise}方可保本。"
    return say({"en": en, "zh": zh}, lang)


def channels(plan: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """Contacts planned through the channels, their cost, and the tiers that would be contacted too often."""
    if plan.empty:
        return say({"en": "No contact channels are registered.", "zh": "尚未登记联系渠道计划。"}, lang)
    n, cost = style.number(plan.contacts.sum(), lang), style.money(plan.cost_minor.sum(), book, lang)
    limit = style.number(plan.contact_limit.iloc[0], lang)
    over = plan[plan.is_over.astype(bool)].drop_duplicates("tier")
    each = list(zip(over.tier, over.tier_cadence, strict=True))
    en, zh = f"{n} contacts a quarter for {cost}.", f"每季度{n}次联系，成本{cost}。"
    if over.empty:
        en, zh = en + f" No tier is contacted more than {limit} times.", zh + f"没有层级超过每客户{limit}次的上限。"
    else:
        en += f" Over the limit of {limit} per customer: "
        en += ", ".join(f"{schema.word(tier, 'en')} ({style.number(c, 'en')})" for tier, c in each) + "."
        zh += f"超过每客户{limit}次上限的层级："
        zh += "、".join(f"{schema.word(tier, 'zh')}（{style.number(c, 'zh')}次）" for tier, c in each) + "。"
    return say({"en": en, "zh": zh}, lang)


def winback(steps: pd.DataFrame, in_time: bool, reasons: pd.DataFrame, lang: str, book: Book) -> Sentence:  # noqa: FBT001
    """Whom the playbook is for, and whether it revisits within a week. Figures that are hidden (NaN) are left out."""
    lapsed = reasons[reasons.risk_reason == "lapsed"]
    n = style.number(lapsed.customers.sum(), lang)
    money = style.money(lapsed.monetary_12m_minor.sum(), book, lang)
    en, zh = (
        f"{n} customers have stopped buying; they spent {money} in 12 months.",
        f"{n}位客户已停止购买，近12个月消费{money}。",
    )
    if lapsed.customers.isna().any():
        en, zh = "Some customers have stopped buying.", "部分客户已停止购买。"
    if steps.empty:
        return say({"en": en + " No win-back playbook is registered.", "zh": zh + "尚未登记挽回手册。"}, lang)
    en += f" The playbook has {len(steps)} steps"
    zh += f"挽回手册共{len(steps)}步"
    en += ", the first within a week of the alert." if in_time else ", but none within a week of the alert."
    zh += "，预警后一周内即回访。" if in_time else "，但一周内没有回访安排。"
    return say({"en": en, "zh": zh}, lang)


def winback_log(log: pd.DataFrame, lang: str) -> Sentence:
    """What came of the win-back contacts of the quarter: counts, no effect."""
    if log.empty:
        return say({"en": "No win-back contact was logged this quarter.", "zh": "本季度没有挽回联系记录。"}, lang)
    counts = log.winback_result.value_counts().sort_index()
    each = {code: [f"{schema.word(w, code)} {n}" for w, n in counts.items()] for code in ("en", "zh")}
    made = {"en": "", "zh": ""}
    if tables.is_illustrative(log):
        made = {"en": " (illustrative, not measured)", "zh": "（示例，非实测）"}
    return say(
        {
            "en": f"{len(log)} win-back contacts were logged this quarter{made['en']}: {', '.join(each['en'])}. "
            "Without a control group this says nothing about what the contacts achieved.",
            "zh": f"本季度记录挽回联系{len(log)}次{made['zh']}：{'、'.join(each['zh'])}。没有对照组，不能说明挽回的作用。",
        },
        lang,
    )
