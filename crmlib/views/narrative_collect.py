"""Sentences of step 1, computed from its tables."""

import pandas as pd

from crmlib.params import Book
from crmlib.periods import Period
from crmlib.views import style
from crmlib.views.narrative import Sentence, say

LEDGER = ["ledger", "accepted", "quarantined", "repeated", "unexplained"]


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
    """Raw = accepted + set aside + repeated, in rows and in money."""
    total = stages.groupby("stage")[["rows", "net_minor", "unreadable"]].sum()
    total = total.reindex(["raw", "accepted", "quarantined", "repeated"]).fillna(0)
    parts = [
        (style.number(row["rows"], lang), style.money(row["net_minor"], book, lang)) for _, row in total.iterrows()
    ]
    (raw, raw_money), (good, good_money), (aside, aside_money), (twice, twice_money) = parts
    en = f"Orders: {raw} raw rows ({raw_money}) = {good} accepted ({good_money}) + {aside} set aside ({aside_money})"
    zh = f"订单：原始{raw}行（{raw_money}）= 接受{good}行（{good_money}）+ 隔离{aside}行（{aside_money}）"
    if total.loc["repeated", "rows"]:
        en += f" + {twice} repeated ({twice_money})"
        zh += f"+ 重复{twice}行（{twice_money}）"
    unreadable = int(total["unreadable"].iloc[0])
    if unreadable:
        en += f". {style.number(unreadable, lang)} of the rows set aside carry no readable amount"
        zh += f"。其中{style.number(unreadable, lang)}行隔离数据的金额无法读取"
    later = stages.loc[stages["stage"] == "later", "rows"].sum()
    if later:
        n = style.number(later, lang)
        en += f". {n} of the accepted rows come after the quarter and count later, as do customers who first appear in them"
        zh += f"。接受的数据中有{n}行在本季度之后，留待以后的季度，其中首次出现的客户亦然"
    return say({"en": f"{en}.", "zh": f"{zh}。"}, lang)


def ledger(parts: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """The ledger's total beside the rows of the export, and what is left unexplained."""
    if parts.empty:
        return say({
            "en": "No ledger total is given (sources.orders.ledger_total): the money is reconciled with the export only.",
            "zh": "未提供账面总额（sources.orders.ledger_total），金额仅与导出数据核对。",
        }, lang)  # fmt: skip
    total = parts.groupby("stage")["net_minor"].sum().reindex(LEDGER).fillna(0)
    book_total, good, aside, twice, rest = (style.money(minor, book, lang) for minor in total)
    return say({
        "en": f"Ledger {book_total} = {good} accepted + {aside} set aside + {twice} repeated + {rest} unexplained.",
        "zh": f"账面总额{book_total} = 接受{good} + 隔离{aside} + 重复{twice} + 未解释{rest}。",
    }, lang)  # fmt: skip
