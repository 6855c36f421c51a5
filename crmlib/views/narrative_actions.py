"""Sentences about the customer action list, what was done of it, and what must be decided."""

from typing import Any

import pandas as pd

from crmlib import schema
from crmlib.params import Book
from crmlib.views import style, suppression
from crmlib.views.narrative import Sentence, say, some

_CLEAR_LEAD = 0.50  # of the draws


def action_list(totals: pd.DataFrame, coverage: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """How many customers get a measure, what that costs, and who gets none."""
    if totals.empty:
        return say(
            {"en": "No contacts are funded, so nobody is on a list.", "zh": "没有分配接触预算，因此没有行动清单。"},
            lang,
        )
    listed = int(totals.contacts_listed.sum())
    reached = coverage.customers[coverage.action_outcome == "listed"].sum()
    n, people, everyone = (style.number(x, lang) for x in (listed, reached, coverage.customers.sum()))
    cost = style.money(totals.cost_minor.sum(), book, lang)
    return say(
        {
            "en": f"{people} of {everyone} customers get a measure next quarter: {n} contacts for {cost}.",
            "zh": f"下季度{everyone}位客户中有{people}位安排了行动：共{n}次接触，成本{cost}。",
        },
        lang,
    )


def left_out(coverage: pd.DataFrame, lang: str, min_cell: int = 1) -> Sentence:
    """Why the others get nothing, the most frequent reason first."""
    counts = coverage[coverage.action_outcome != "listed"].groupby("action_outcome").customers.sum()
    others = counts.reset_index().sort_values(["customers", "action_outcome"], ascending=[False, True])
    if others.empty:
        return say({"en": "Nobody is left out.", "zh": "没有客户被遗漏。"}, lang)
    others = suppression.blank(others, min_cell)
    parts = {
        code: [
            f"{schema.word(o, code)} {some(n, code)}"
            for o, n in zip(others.action_outcome, others.customers, strict=True)
        ]
        for code in ("en", "zh")
    }
    return say({"en": f"Left out: {'; '.join(parts['en'])}.", "zh": f"未安排的原因：{'；'.join(parts['zh'])}。"}, lang)


def unplaced(totals: pd.DataFrame, lang: str) -> Sentence:
    """Which funded contacts found no customer or no hours."""
    if totals.empty:
        return say({"en": "No measure has a funded contact.", "zh": "没有行动获得接触预算。"}, lang)
    short = totals[totals.contacts_unplaced > 0]
    if short.empty:
        return say({"en": "All funded contacts are on the list.", "zh": "已分配的接触全部列入清单。"}, lang)
    each = list(zip(short.action_id, short.tier, short.contacts_unplaced, short.contacts, strict=True))
    en = ", ".join(f"{a} ({schema.word(t, 'en')}) {u} of {c}" for a, t, u, c in each)
    zh = "、".join(f"{a}（{schema.word(t, 'zh')}）{c}次中的{u}次" for a, t, u, c in each)
    return say(
        {
            "en": f"Funded contacts that found nobody who may be contacted once more, or no hours: {en}.",
            "zh": f"已分配但没有可联系客户或工时不足的接触：{zh}。",
        },
        lang,
    )


def limits(turns: int, days: int, consent: str, has_contacts: bool, lang: str) -> Sentence:  # noqa: FBT001
    """The rules for whom may be contacted, and what they know of earlier contacts."""
    en = f"At most {turns} per customer and quarter, at least {days} days after the last contact"
    zh = f"每位客户每季度最多{turns}次，距上次联系至少{days}天"
    en += ", only with consent given." if consent == "given" else ", nobody who withdrew consent."
    zh += "，仅限已同意的客户。" if consent == "given" else "，不联系已撤回同意的客户。"
    if not has_contacts:
        en += " The book has no record of earlier contacts, so nobody counts as contacted recently."
        zh += "账套中没有以往联系记录，因此没有客户被视为近期已联系。"
    return say({"en": en, "zh": zh}, lang)


def written_back(listed: pd.DataFrame, strange: pd.DataFrame, lang: str) -> Sentence:
    """What people have written into template table 3 of the coming quarter; `listed` has one row per status."""
    rest = listed.set_index("completion_status").customers if len(listed) else pd.Series(dtype="int64")
    done, partly = int(rest.get("done", 0)), int(rest.get("partial", 0))
    if done + partly == 0 and strange.empty:
        return say(
            {
                "en": "Nobody has written into the tracking table yet: fill its three columns in the workbook and put it "
                "into the registers as strategy_tracking.xlsx; the next run keeps what is written.",
                "zh": "执行跟踪表尚未填写：请在工作簿中填写后三列，另存为登记表目录下的strategy_tracking.xlsx，下次运行会保留所填内容。",
            },
            lang,
        )
    en = f"Read back from the tracking table: {done} done, {partly} partly."
    zh = f"已从执行跟踪表读回：已完成{done}项，部分完成{partly}项。"
    if len(strange):
        names = [f"{c} / {a}" for c, a in zip(strange.customer_id.head(5), strange.action_id.head(5), strict=True)]
        more = "" if len(strange) <= 5 else " …"
        en += f" {len(strange)} rows are of nobody on the list (customer / action): {', '.join(names)}{more}."
        zh += f"{len(strange)}行不在清单中（客户/行动）：{'、'.join(names)}{more}。"
    return say({"en": en, "zh": zh}, lang)


def executed(counts: pd.DataFrame, lang: str, min_cell: int = 1) -> Sentence:
    """What was done of the list that the quarter before made."""
    if counts.empty:
        return say(
            {"en": "No list was made for this quarter a quarter ago.", "zh": "上季度没有为本季度生成行动清单。"}, lang
        )
    n = counts.groupby("completion_status").customers.sum()
    every, told = style.number(n.sum(), lang), suppression.blank(n.reset_index(), min_cell)
    marked = told.set_index("completion_status").customers
    done, partly = (some(marked.get(status, 0), lang) for status in ("done", "partial"))
    return say(
        {
            "en": f"Of the {every} contacts listed for this quarter, {done} are marked done and {partly} partly done.",
            "zh": f"本季度清单共{every}次接触，标记已完成{done}次，部分完成{partly}次。",
        },
        lang,
    )


def threads(found: pd.DataFrame, lang: str) -> Sentence:
    """Strategies whose thread is whole, and where the others end."""
    if found.empty:
        return say({"en": "No strategy is registered to follow.", "zh": "没有可追踪的策略。"}, lang)
    gaps = {
        "factor_ids": ("no outside factor", "无外部因素"),
        "action_ids": ("no measure", "无行动"),
        "campaign_ids": ("no hold-out", "无对照组"),
        "target_ids": ("no target", "无目标"),
        "task_ids": ("no task", "无任务"),
    }
    missing = {c: found.strategy_id[found[c] == ""] for c in gaps}
    whole = found.strategy_id[(found[list(gaps)] != "").all(axis=1)]
    en = "; ".join(f"{gaps[c][0]}: {', '.join(ids)}" for c, ids in missing.items() if len(ids))
    zh = "；".join(f"{gaps[c][1]}：{'、'.join(ids)}" for c, ids in missing.items() if len(ids))
    return say(
        {
            "en": f"Whole from evidence to hold-out: {', '.join(whole) or 'none'}." + (f" Gaps: {en}." if en else ""),
            "zh": f"从依据到对照组链条完整的策略：{'、'.join(whole) or '无'}。" + (f"缺口：{zh}。" if zh else ""),
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
    return style.legible(write(row, lang, book) + _served_by(row, lang))


def _served_by(row: dict[str, Any], lang: str) -> str:
    """The strategies and campaigns of a decision, by their ids."""
    said = {
        "en": [("Strategy", row["strategy_id"]), ("campaign", row["campaign_ids"])],
        "zh": [("策略", row["strategy_id"]), ("活动", row["campaign_ids"])],
    }[lang]
    between = {"en": ", ", "zh": "，"}[lang]
    names = between.join(f"{word} {ids}" for word, ids in said if ids)
    if not names:
        return {"en": " No strategy serves this yet.", "zh": "尚无对应策略。"}[lang]
    return {"en": f" {names}.", "zh": f"（{names}）"}[lang]


def _budget(row: dict[str, Any], lang: str, book: Book) -> str:
    cost, value = style.money(row["amount_minor"], book, lang), style.money(row["value_minor"], book, lang)
    return {
        "en": f"Approve {cost} for next quarter's customer contacts. Expected margin after that cost: {value} (estimate); ",
        "zh": f"批准下季度客户接触预算{cost}。扣除该成本后预期毛利{value}（估计值）；",
    }[lang] + (_next_unit(row["shadow_price"], lang, book) + _missing(row["shortfall"], lang))


def _next_unit(price: float, lang: str, book: Book) -> str:
    scale = 10**book.minor_digits
    unit, worth = style.money(scale, book, lang), style.money(price * scale, book, lang)
    if price > 0:
        return {"en": f"each further {unit} would return {worth}.", "zh": f"每再增加{unit}可带来{worth}。"}[lang]
    return {"en": "more budget would return nothing.", "zh": "增加预算不会带来更多毛利。"}[lang]


def _missing(shortfall: float, lang: str) -> str:
    n = style.number(shortfall, lang, 0)
    words = {"en": f" The cover floors fall short by {n} customers.", "zh": f"最低覆盖要求尚缺{n}位客户。"}
    return words[lang] if shortfall > 0 else ""


def _opportunity(row: dict[str, Any], lang: str, book: Book) -> str:
    money, share = style.money(row["amount_minor"], book, lang), style.percent(row["first_share"], lang, 0)
    name = row["opportunity_zh"] if lang == "zh" and row["opportunity_zh"] else row["opportunity"]
    tier, n = schema.word(row["tier"], lang), style.number(row["customers"], lang)
    caution = {"en": ", so weigh the runners-up before a large commitment", "zh": "，大额投入前请先与次优选项比较"}[
        lang
    ]
    advice = "" if row["first_share"] >= _CLEAR_LEAD else caution
    return {
        "en": f'Back "{name}" for {tier.lower()} customers: {n} of them spent {money} on it in 12 months. It ranks first '
        f"in {share} of trials with varied assumptions{advice}.",
        "zh": f"面向{tier}客户推进“{name}”：近12个月{n}位客户相关消费{money}。变动假设反复测算，有{share}的情形排名第一{advice}。",
    }[lang]


def _win_back(row: dict[str, Any], lang: str, book: Book) -> str:
    if pd.isna(row["amount_minor"]):
        return {
            "en": "Win back the lapsed customers, with a control group. They, or those beside them, are too few to be told of.",
            "zh": "挽回已沉寂客户，并设置对照组。该组（或相邻组）客户过少，数字不予显示。",
        }[lang]
    money, n = style.money(row["amount_minor"], book, lang), style.number(row["customers"], lang)
    return {
        "en": f"Win back {n} lapsed customers who spent {money} in 12 months, with a control group{_anyway(row, lang)}.",
        "zh": f"挽回{n}位已沉寂客户（近12个月消费{money}），并设置对照组{_anyway(row, lang)}。",
    }[lang]


def _anyway(row: dict[str, Any], lang: str) -> str:
    """How many lapsed customers return without being asked, where that is counted."""
    if pd.isna(row["natural_rate"]):
        return ""
    rate, n = style.percent(row["natural_rate"], lang), style.number(row["natural_n"], lang)
    return {
        "en": f": of {n} lapsed customers for whom no contact is recorded this quarter, {rate} returned by themselves",
        "zh": f"：本季度{n}位没有联系记录的沉寂客户中，{rate}自行回流",
    }[lang]
