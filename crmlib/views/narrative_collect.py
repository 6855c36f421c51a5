"""Sentences of step 1, computed from its tables."""

import pandas as pd

from crmlib.params import Book
from crmlib.periods import Period
from crmlib.views import style
from crmlib.views.narrative import Sentence, say


def coverage(history: pd.DataFrame, period: Period, lang: str) -> Sentence:
    """What the data cover, and whether the 12-month window is full."""
    row = history.iloc[0]
    first, last, months = (
        style.day(row["first_order_date"], lang),
        style.day(row["last_order_date"], lang),
        int(row["window_months"]),
    )
    en = f"Orders run from {first} to {last}."
    zh = f"订单日期为{first}至{last}。"
    if months < 12:
        en += f" The 12-month window of {period} is truncated: the data cover {months} of its 12 months."
        zh += f"{period} 的12个月窗口不完整：数据仅覆盖其中{months}个月。"
    return say({"en": en, "zh": zh}, lang)


def reconciliation(stages: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """Raw = accepted + set aside, in rows and in money."""
    total = (
        stages.groupby("stage")[["rows", "net_minor", "unreadable"]]
        .sum()
        .reindex(["raw", "accepted", "quarantined"])
        .fillna(0)
    )
    rows = [style.number(n, lang) for n in total["rows"]]
    money = [style.money(m, book, lang) for m in total["net_minor"]]
    unreadable = int(total["unreadable"].iloc[0])
    en = f"{rows[0]} raw rows ({money[0]}) = {rows[1]} accepted ({money[1]}) + {rows[2]} set aside ({money[2]})."
    zh = f"原始{rows[0]}行（{money[0]}）= 接受{rows[1]}行（{money[1]}）+ 隔离{rows[2]}行（{money[2]}）。"
    if unreadable:
        en += f" {unreadable} of the rows set aside carry no readable amount."
        zh += f"其中{unreadable}行隔离数据的金额无法读取。"
    return say({"en": en, "zh": zh}, lang)


def loop(tickets: pd.DataFrame, lang: str) -> Sentence:
    """How the three-level feedback loop stands at the quarter's end."""
    if tickets.empty:
        return say({"en": "No service tickets in this book.", "zh": "本账套没有服务工单。"}, lang)
    n, late, still = len(tickets), int(tickets["is_analysed_late"].sum()), int(tickets["is_open"].sum())
    unanswered = int(tickets["first_reply_hours"].isna().sum())
    return say(
        {
            "en": f"{n} tickets: {unanswered} without a first reply, {late} not analysed within 24 hours, {still} still open.",
            "zh": f"共{n}个工单：{unanswered}个未首次回复，{late}个未在24小时内完成分析，{still}个尚未关闭。",
        },
        lang,
    )
