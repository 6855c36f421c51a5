"""Sentences of the data-quality page, computed from its tables."""

from typing import Any

import pandas as pd

from crmlib import schema
from crmlib.params import Book, Quality
from crmlib.views import style
from crmlib.views.charts_quality import source_name
from crmlib.views.narrative import Sentence, say

_WORST = 3
_FATES = ("rows", "accepted", "quarantined", "repeated")
_ROWS, _MONEY = ("rows", "quarantined"), ("net_minor_rows", "net_minor_quarantined")


def intake(intake: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """Order rows in = accepted + set aside + repeated, and their money; of the other sources what was set aside.

    A file that gives orders, products and customers is read for each of them: its rows are counted once, as orders.
    """
    orders, others = (intake[(intake["source"] == "orders") == is_order] for is_order in (True, False))
    rows = [style.number(n, lang) for n in orders[list(_FATES)].sum()]
    worth = [style.money(orders[f"net_minor_{c}"].sum(), book, lang) for c in _FATES]
    files, aside = style.number(len(orders), lang), others["quarantined"].sum()
    en = zh = ""
    if aside:
        en = f" Of the other sources, {style.number(aside, lang)} of {style.number(others['rows'].sum(), lang)} rows were set aside."
        zh = f"其他数据源共{style.number(others['rows'].sum(), lang)}行，其中隔离{style.number(aside, lang)}行。"
    return say(
        {
            "en": f"{files} {'file' if len(orders) == 1 else 'files or tables'} of orders brought {rows[0]} rows = {rows[1]} "
            f"accepted + {rows[2]} set aside + {rows[3]} repeated; "
            f"their money: {worth[0]} = {worth[1]} + {worth[2]} + {worth[3]}.{en}",
            "zh": f"{files}个订单文件或数据表共{rows[0]}行 = 接受{rows[1]} + 隔离{rows[2]} + 重复{rows[3]}；"
            f"金额：{worth[0]} = {worth[1]} + {worth[2]} + {worth[3]}。{zh}",
        },
        lang,
    )


def partial_quarters(quarters: pd.DataFrame, lang: str) -> Sentence:
    """Which quarters of the book the data cover in part."""
    part = quarters[quarters["is_partial_quarter"].astype(bool)]
    if part.empty:
        n = len(quarters)
        return say({"en": f"All {n} quarters of the book are whole.", "zh": f"账套内{n}个季度的数据均完整。"}, lang)
    named = [_quarter(row, lang) for _, row in part.iterrows()]
    return say(
        {
            "en": f"Partial quarters: {'; '.join(named)}. Their totals do not compare with those of whole quarters.",
            "zh": f"不完整的季度：{'；'.join(named)}。其合计数不能与完整季度直接比较。",
        },
        lang,
    )


def _quarter(row: pd.Series, lang: str) -> str:
    reason = schema.word(row["partial_reason"], lang)
    if pd.isna(row["first_order_date"]):
        return {"en": f"{row['period']} ({reason.lower()})", "zh": f"{row['period']}（{reason}）"}[lang]
    first, last = style.day(row["first_order_date"], lang), style.day(row["last_order_date"], lang)
    return {
        "en": f"{row['period']} ({first} to {last}: {reason.lower()})",
        "zh": f"{row['period']}（{first}至{last}：{reason}）",
    }[lang]


def gaps(gaps: pd.DataFrame, lang: str) -> Sentence:
    """The longest run of missing days of each source that misses any."""
    if gaps.empty:
        return say(
            {"en": "No source misses a day on which it usually has rows.", "zh": "各数据源均未缺少常规日期的数据。"},
            lang,
        )
    longest = gaps.sort_values("missing_days", ascending=False, kind="stable").drop_duplicates("source").head(_WORST)
    en = [
        f"{source_name(r.source, 'en')} {_many(r.missing_days, 'day')} from {style.day(r.start_date, 'en')}"
        for r in longest.itertuples()
    ]
    zh = [
        f"{source_name(r.source, 'zh')}自{style.day(r.start_date, 'zh')}起{r.missing_days}天"
        for r in longest.itertuples()
    ]
    return say(
        {"en": f"Longest runs of missing days: {'; '.join(en)}.", "zh": f"最长的连续缺失：{'；'.join(zh)}。"},
        lang,
    )


def score(quality: pd.DataFrame, intake: pd.DataFrame, lang: str) -> Sentence:
    """The overall score and how it is made, and how much of the orders could not be used."""
    value = style.points(quality["quality_score"].iloc[0], lang)
    total = intake.loc[intake["source"] == "orders", [*_ROWS, *_MONEY]].sum()
    rows, money = (total[lost] / total[all_] if total[all_] > 0 else 0 for all_, lost in (_ROWS, _MONEY))
    en, zh = "", ""
    if rows > 0:
        en = f" {style.share(rows, 'en')} of the order rows and {style.share(money, 'en')} of their money could not be used."
        zh = f"{style.share(rows, 'zh')}的订单行、{style.share(money, 'zh')}的订单金额无法使用。"
    return say(
        {
            "en": f"Data quality is {value} of 100: completeness and validity weigh 25 each, consistency 20, uniqueness and "
            "freshness 15 each; orders count three times and customers twice. Every point lost belongs to a problem below."
            f"{en}",
            "zh": f"数据质量得分为{value}（满分100）：完整性、有效性各占25，一致性占20，唯一性、及时性各占15；订单按三倍、客户按两倍计权。"
            f"所失的每一分都对应下列问题之一。{zh}",
        },
        lang,
    )


def worst(problems: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """The three problems that cost the most points: what each costs and what to do."""
    if problems.empty:
        return say({"en": "No problem was found in the data.", "zh": "数据中未发现问题。"}, lang)
    named = [_problem(row, lang, book) for _, row in problems.head(_WORST).iterrows()]
    return say({"en": " ".join(named), "zh": "".join(named)}, lang)


def returns_alone(rules: pd.DataFrame, lang: str, book: Book) -> Sentence | None:
    """That returns undo no sale, where they are many: how much money is taken off that was never added, and what to do."""
    found = rules[(rules["source"] == "orders") & (rules["rule"] == "returns_alone")]
    if found.empty:
        return None
    row = found.iloc[0]
    n, money = style.number(row["rows"], lang), style.money(-row["net_minor"], book, lang)
    advice = schema.word(row["advice"], lang)
    return say(
        {
            "en": f"{n} returns undo no sale: their orders sell nothing, and the customer had not bought the product before. They "
            f"take {money} off the sales, which never held it. {advice}.",
            "zh": f"{n}行退货没有对应的销售：所在订单没有售出任何商品，客户此前也未买过该产品。由此从销售额中扣除了从未计入的{money}。{advice}。",
        },
        lang,
    )


def _problem(row: pd.Series, lang: str, book: Book) -> str:
    what, advice = schema.word(row["problem"], lang), schema.word(row["advice"], lang)
    source = source_name(row["source"], lang)
    field = f" {row['field']}" if row["field"] else ""
    costs = [c for c in (_count(row, lang), _money(row, lang, book)) if c]
    points = style.number(row["points_lost"], lang, 1 if row["points_lost"] >= 0.1 else 3)
    if lang == "zh":
        cost = f"，涉及{'、'.join(costs)}" if costs else ""
        return f"{row['rank']}. {what}（{source}{field}）：失{points}分{cost}。{advice}。"
    cost = f", touching {' and '.join(costs)}" if costs else ""
    return f"{row['rank']}. {what} ({source}{field}): {points} points{cost}. {advice}."


def _count(row: pd.Series, lang: str) -> str:
    if not pd.isna(row["customers"]) and row["customers"]:
        n = style.number(row["customers"], lang)
        return {"en": _many(row["customers"], "customer"), "zh": f"{n}名客户"}[lang]
    if pd.isna(row["rows"]):
        return ""
    what = {"en": "day", "zh": "天"} if row["problem"] == "days_missing" else {"en": "row", "zh": "行"}
    return _many(row["rows"], what["en"]) if lang == "en" else f"{style.number(row['rows'], lang)}{what['zh']}"


def large_parts(parts: pd.DataFrame, lang: str) -> Sentence:
    """That one order line, or one customer, is much of the quarter's sales."""
    if parts.empty:
        return say({"en": "No single order line or customer makes much of the quarter's net sales.",
                    "zh": "没有单笔订单行或单个客户占本季度净销售额的较大部分。"}, lang)  # fmt: skip
    row = parts.iloc[0]
    what, share = schema.word(row["part_kind"], lang), style.percent(row["revenue_share"], lang, 0)
    return say(
        {
            "en": f"{what} is {share} of the quarter's net sales: check it, because every total and average hangs on it.",
            "zh": f"{what}占本季度净销售额的{share}：请核实，所有合计与平均数都受其影响。",
        },
        lang,
    )


def _many(n: Any, what: str) -> str:
    return f"{style.number(n, 'en')} {what}{'' if n == 1 else 's'}"


def _money(row: pd.Series, lang: str, book: Book) -> str:
    return "" if pd.isna(row["net_minor"]) else style.money(row["net_minor"], book, lang)


def drift(changes: pd.DataFrame, lang: str) -> Sentence:
    """How many of the compared figures changed notably, and by which rule."""
    if changes.empty:
        return say({"en": "There is no quarter before to compare with.", "zh": "没有可供比较的上季度数据。"}, lang)
    n, notable = len(changes), int(changes["is_notable"].sum())
    return say(
        {
            "en": f"{notable} of {n} compared figures changed notably. Levels: outside the range of earlier quarters' changes "
            "(or ±25% where there are fewer than eight); shares: population stability index of 0.1 or more.",
            "zh": f"比较的{n}项指标中有{notable}项变化明显。数量类：超出以往各季度的变化范围（不足八次变化时为±25%）；占比类：群体稳定性指数达到0.1。",
        },
        lang,
    )


def contacts(states: pd.DataFrame, lang: str, rule: Quality) -> Sentence:
    """How many customers' contact data were checked lately, and what is known of consent."""
    customers = states.groupby("contact_state")["customers"].sum()
    consent = states.groupby("consent")["customers"].sum()
    total, days = int(customers.sum()), rule.contact_fresh_days
    fresh, old = int(customers.get("verified", 0)), int(customers.get("stale", 0))
    given, withdrawn = int(consent.get("given", 0)), int(consent.get("withdrawn", 0))
    if fresh + old:
        en = f"{fresh:,} of {total:,} customers have contact data checked in the last {days} days, {old:,} were checked longer ago."
        zh = f"{total:,}名客户中，{fresh:,}名的联系方式在近{days}天内核实过，{old:,}名核实已过期。"
    else:
        en, zh = "The book does not say when contact data were checked.", "本账套未记录联系方式的核实日期。"
    if given + withdrawn:
        en += f" Consent: {given:,} given, {withdrawn:,} withdrawn, {total - given - withdrawn:,} not known."
        zh += f"联系同意：{given:,}名已同意，{withdrawn:,}名已撤回，{total - given - withdrawn:,}名未知。"
    else:
        en, zh = en + " It has no field for consent.", zh + "没有联系同意字段。"
    return say({"en": en, "zh": zh}, lang)


def single_orders(history: pd.DataFrame, least: int, lang: str) -> Sentence | None:
    """That no customer id comes back, where `least` customers or more bought: what the report says of coming back is void."""
    orders, buyers = history[["orders", "buyers"]].iloc[0]
    if orders > buyers or buyers < least:
        return None
    n = style.number(orders, lang)
    return say(
        {
            "en": f"No customer id occurs in more than one of the {n} orders: either ids are made per order, or nobody came "
            "back. What is said of returning, migration and winning back says nothing.",
            "zh": f"{n}笔订单中，没有一个客户ID出现在两笔订单里：要么ID按订单生成，要么无人回购。有关回购、迁移与挽回的内容均无意义。",
        },
        lang,
    )


def matches(pairs: int, customers: int, lang: str) -> Sentence:
    """How many pairs wait for a decision, and where it is written down."""
    if not pairs:
        return say({"en": "No customers look like the same one.", "zh": "未发现疑似重复客户。"}, lang)
    return say(
        {
            "en": f"{pairs:,} pairs of customers, out of {customers:,}, may be one. Nothing was merged: decide in the register "
            "customer_matches (same or different).",
            "zh": f"{customers:,}名客户中有{pairs:,}对疑似为同一客户。系统未作合并：请在登记表 customer_matches 中逐对确认（same 相同／different 不同）。",
        },
        lang,
    )
