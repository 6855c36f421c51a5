"""Sentences about the market and the customers' voice, computed from their tables."""

import pandas as pd

from crmlib import schema
from crmlib.params import Book
from crmlib.periods import Period
from crmlib.views import style
from crmlib.views.narrative import Sentence, say

_NEEDED = {
    "market_facts": ("market facts", "市场事实"),
    "macro_series": ("macro-economic series", "宏观经济序列"),
    "surveys": ("survey answers", "问卷回答"),
    "tickets": ("service tickets", "服务工单"),
    "interactions": ("contact records", "沟通记录"),
}


def absent(rows: dict[str, int], lang: str) -> Sentence:
    """Which of the five tables about market and customers the book does not have, by their numbers of rows."""
    missing = [names for table, names in _NEEDED.items() if not rows[table]]
    if not missing:
        return say(
            {"en": "Every table about market and customers is there.", "zh": "市场与客户反馈各表均已提供。"}, lang
        )
    en, zh = ", ".join(names[0] for names in missing), "、".join(names[1] for names in missing)
    return say({"en": f"Not in this book: {en}.", "zh": f"本账套没有：{zh}。"}, lang)


def market(summary: pd.DataFrame, lang: str) -> Sentence:
    """How many facts there are, how many still count, and the weightiest."""
    if summary.empty:
        return say({"en": "Nothing is recorded about the market.", "zh": "没有关于市场的记录。"}, lang)
    n, expired = len(summary), int(summary["is_expired"].sum())
    valid = summary[~summary["is_expired"].astype("bool")]
    en, zh = f"{n} facts are known, {expired} of them expired.", f"已知{n}条市场信息，其中{expired}条已过期。"
    if n == 1:
        en = f"1 fact is known{', and it has expired' if expired else ''}."
    if len(valid):
        top = valid.iloc[0]
        local = [top[f"{c}_zh"] or top[c] for c in ("item", "figure")]
        en += f" The weightiest valid one: {top['item']} ({top['figure'] or 'no figure'}; {top['source']})."
        zh += f"有效信息中影响最大的是：{local[0]}（{local[1] or '无数据'}；{top['source']}）。"
    return say({"en": en, "zh": zh}, lang)


def macro(series: pd.DataFrame, period: Period, lang: str) -> Sentence:
    """The newest value of each series and how old it is."""
    if series.empty:
        return say({"en": "No macro-economic series is joined to this book.", "zh": "本账套未接入宏观经济序列。"}, lang)
    newest = series[series["is_newest"].astype("bool")]
    oldest = (pd.Timestamp(period.as_of) - newest["observed_date"].min()).days
    n = len(newest)
    en = f"{n} series with values up to {style.day(newest['observed_date'].max(), lang)}; the oldest newest value is {oldest} days old."
    zh = (
        f"共{n}个序列，数值最晚至{style.day(newest['observed_date'].max(), lang)}；各序列最新值中最旧的距今{oldest}天。"
    )
    return say({"en": en, "zh": zh}, lang)


def satisfaction(rows: pd.DataFrame, period: Period, lang: str) -> Sentence:
    """Satisfaction on both scales and NPS with their intervals, and who was asked."""
    now = {row["kpi"]: row for row in rows[rows["tier"] == "all"].to_dict("records") if row["period"] == str(period)}
    if not now:
        return say({"en": "No survey answers in this quarter.", "zh": "本季度没有问卷回答。"}, lang)
    parts = [_measured(now[kpi], kpi, lang) for kpi in ("csat", "csat_score", "nps") if kpi in now]
    joined = {"en": "; ".join(parts), "zh": "；".join(parts)}[lang]
    if "response_rate" in now:
        asked = _measured(now["response_rate"], "response_rate", lang)
        return say({"en": f"{joined}. {asked}.", "zh": f"{joined}。{asked}。"}, lang)
    en = f"{joined}. Nobody recorded who was asked, so the response rate is not known: satisfied and angry customers answer more often than others."
    return say(
        {"en": en, "zh": f"{joined}。未记录调查对象，回复率未知：很满意或很不满的客户更愿意作答，结果可能有偏。"}, lang
    )


def _measured(row: dict, kpi: str, lang: str) -> str:
    figures = [
        style.percent(row[c], lang) if row["kpi_unit"] == "rate" else style.number(row[c], lang, 1)
        for c in ("kpi_value", "low", "high")
    ]
    name, n = schema.word(kpi, lang), style.number(row["n"], lang)
    thin = {"en": ", too few for a verdict", "zh": "，样本不足，不作判断"}[lang] if row["is_thin"] else ""
    return {
        "en": f"{name}: {figures[0]} (95% interval {figures[1]} to {figures[2]}, n = {n}{thin})",
        "zh": f"{name}：{figures[0]}（95%区间 {figures[1]} 至 {figures[2]}，n = {n}{thin}）",
    }[lang]


def loop(tickets: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """What is open and late at the quarter's end, how late at most, and whose money it is."""
    if tickets.empty:
        return say({"en": "No service tickets in this quarter.", "zh": "本季度没有服务工单。"}, lang)
    late, still = tickets[tickets["hours_late"].notna()], int(tickets["is_open"].sum())
    en, zh = f"{len(tickets)} tickets, {still} of them open", f"共{len(tickets)}个工单，{still}个未关闭"
    if late.empty:
        return say({"en": f"{en}; none is open and late.", "zh": f"{zh}；没有未完成且超时的工单。"}, lang)
    money = style.money(late.drop_duplicates("customer_id")["money_12m_minor"].sum(), book, lang)
    worst, days = late.iloc[0], style.number(late["hours_late"].iloc[0] / 24, lang, 1)
    en += f"; {len(late)} are open and late, from customers who spent {money} in 12 months. The longest, {worst['ticket_id']}, is {days} days overdue."
    zh += f"；{len(late)}个未完成且已超时，相关客户近12个月消费{money}。逾期最久的{worst['ticket_id']}已超时{days}天。"
    return say({"en": en, "zh": zh}, lang)


def readings(found: pd.DataFrame, agreed: tuple[int, int], lang: str) -> Sentence:
    """How many texts were read, how many stayed open, and how the reading compares with the customers' own marks."""
    if found.empty:
        return say({"en": "No texts in the last 12 months.", "zh": "近12个月没有文本反馈。"}, lang)
    read = found[found["theme"] != "unread"]
    texts = read.drop_duplicates(["text_source", "text_id"])
    n, clear = len(texts), read[read["sentiment"] != "undecided"].drop_duplicates(["text_source", "text_id"])
    spoken = texts["language"].value_counts()
    zh_share = style.number(spoken.get("zh", 0) + spoken.get("both", 0), lang)
    en = f"{n} texts of the last 12 months were read, {zh_share} of them with Chinese; {n - len(clear)} stay without a tone."
    zh = f"共读取近12个月的{n}条文本，其中{zh_share}条含中文；{n - len(clear)}条未判定情感。"
    if unread := len(found) - len(read):
        en += f" Not read: {unread}, because the word lists (English and Chinese) know hardly any word of them; they count for no theme."
        zh += f"另有{unread}条未读取：词表（英文与中文）几乎不认识其中的词语，因此不计入任何主题。"
    if agreed[0]:
        share = style.percent(agreed[1] / agreed[0], lang, 0)
        en += f" Where a survey has both clear words and a mark, the words agree with the mark in {agreed[1]} of {agreed[0]} ({share})."
        zh += f"问卷中文字情感明确且有评分的{agreed[0]}条里，{agreed[1]}条与评分一致（{share}）。"
    return say({"en": en, "zh": zh}, lang)


def pain(points: pd.DataFrame, min_cell: int, lang: str, book: Book) -> Sentence:
    """The most criticised theme of the 12 months and the money of its customers; what is left out and why."""
    total = points[points["split"] == "by_all"]
    if total.empty:
        return say({"en": "No text complains of a known theme.", "zh": "没有文本对已知主题提出批评。"}, lang)
    top = total.sort_values(["mentions", "theme"], ascending=[False, True]).iloc[0]
    theme, money = schema.word(top["theme"], lang), style.money(top["money_12m_minor"], book, lang)
    share = [style.percent(top[c], lang, 0) for c in ("mention_share", "low_rate", "high_rate")]
    en = (
        f"{theme} is criticised in {top['mentions']:.0f} of {top['n']} texts ({share[0]}, 95% interval {share[1]} to {share[2]}) by "
        f"{top['customers']:.0f} customers who spent {money} in 12 months. Cells with fewer than {min_cell} customers are left empty."
    )
    zh = (
        f"{top['n']}条文本中有{top['mentions']:.0f}条批评{theme}（{share[0]}，95%区间 {share[1]} 至 {share[2]}），涉及"
        f"{top['customers']:.0f}位客户，其近12个月消费{money}。客户数少于{min_cell}的单元格留空。"
    )
    return say({"en": en, "zh": zh}, lang)


_UNQUOTED = {
    "few": ("no theme was criticised by at least {n} customers", "没有主题被至少{n}位客户批评"),
    "marks": (
        "themes are criticised by at least {n} customers, but only by their mark or the kind of their ticket; a text is "
        "quoted where its own words complain",
        "有主题被至少{n}位客户批评，但仅依据评分或工单类别判定；只引用文字本身表达批评的文本",
    ),
    "withdrawn": (
        "all customers whose words criticise a theme of at least {n} customers have withdrawn their consent",
        "凡以文字批评（客户数不少于{n}的主题）的客户均已撤回同意",
    ),
}


def quotes(unquoted: str, min_cell: int, lang: str) -> Sentence:
    """How quotes are shown, or why there are none: `few`, `marks` or `withdrawn`."""
    if unquoted:
        en, zh = (reason.format(n=min_cell) for reason in _UNQUOTED[unquoted])
        return say({"en": f"No quotes: {en}.", "zh": f"无引用：{zh}。"}, lang)
    en = "Mail addresses, phone, identity and card numbers, addresses and names after a form of address are removed; read before passing on."
    return say({"en": en, "zh": "已去除邮箱、电话、证件号、卡号、门牌地址及称谓后的姓名；转发前请再阅读核对。"}, lang)
