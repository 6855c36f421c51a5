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


_BACK = {
    "return": {"en": "returns", "zh": "退货"},
    "cancellation": {"en": "cancellations", "zh": "取消"},
}


def unsold(by_class: pd.DataFrame, period: Period, lang: str, book: Book) -> Sentence | None:
    """What came back of this quarter's sales, and how many rows were not sold; nothing where all rows are sales.

    `by_class` is `drift.quarterly`.
    """
    here = by_class[by_class["period"] == str(period)].set_index("row_class")
    sold, rows = here["net_minor"].get("sale", 0), here["rows"].get("adjustment", 0)
    back = here[here.index.isin(list(_BACK)) & (here["net_minor"] < 0)]["net_minor"]
    en, zh = [], []
    if len(back) and sold > 0:
        names = [_BACK[c] for c in _BACK if c in back.index]
        money, share, all_sold = (style.money(-back.sum(), book, lang), style.percent(-back.sum() / sold, lang),
                                  style.money(sold, book, lang))  # fmt: skip
        what_en, what_zh = (joint.join(name[code] for name in names) for code, joint in (("en", " and "), ("zh", "与")))
        en.append(f"In {period} {what_en} took back {money}, {share} of the sales of {all_sold}.")
        zh.append(f"{period}的{what_zh}共冲回{money}，占销售额{all_sold}的{share}。")
    if rows:
        n, share = style.number(rows, lang), style.percent(rows / here["rows"].sum(), lang)
        en.append(f"{n} of the rows of {period} ({share}) were not sold, or are postage, fees or corrections: no sales figure holds them.")  # fmt: skip
        zh.append(f"{period}有{n}行（{share}）未成交，或为运费、手续费及调整，不计入任何销售数字。")
    return say({"en": " ".join(en), "zh": "".join(zh)}, lang) if en else None


def aside(examples: pd.DataFrame, longest: int, lang: str) -> Sentence | None:
    """Where all rows set aside are listed; sheets of the workbook have at most `longest` rows."""
    rows = int(examples["rows"].sum())
    if not rows:
        return None
    n, first = style.number(rows, lang), style.number(longest, lang)
    if rows <= longest:
        return say({"en": f"All {n} of these rows are in the workbook.", "zh": f"全部{n}行明细见工作簿。"}, lang)
    return say({
        "en": f"The workbook lists the first {first} of these {n} rows; all are in tables/quarantine.parquet.",
        "zh": f"工作簿列出其中前{first}行（共{n}行）；全部明细见tables/quarantine.parquet。",
    }, lang)  # fmt: skip


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
