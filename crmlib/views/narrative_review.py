"""Sentences of step 5, and the findings of the first page."""

import math
from collections.abc import Iterable

import pandas as pd

from crmlib import schema
from crmlib.params import Book, Review
from crmlib.periods import Period
from crmlib.views import style, suppression
from crmlib.views.narrative import Sentence, say

LANGS = ("en", "zh")
FACTORS = ("active_customers", "orders_per_customer", "average_ticket")  # their product is net revenue


def figure(value: float, unit: str, lang: str, book: Book) -> str:
    """A KPI's value in its own unit."""
    if unit == "money":
        return style.money(value, book, lang)
    return style.percent(value, lang) if unit in ("rate", "ratio") else style.number(value, lang)


def signed(share: float, lang: str) -> str:
    """A relative change with its sign; one that rounds to nothing is called unchanged."""
    words = style.percent(share, lang)
    if words == style.percent(0, lang):
        return {"en": "unchanged", "zh": "持平"}[lang]
    return ("+" if share > 0 else "") + words


def revenue(card: pd.DataFrame, kpis: pd.DataFrame, period: Period, lang: str, book: Book) -> Sentence:
    """What revenue did, and by which of its three factors: customers x orders per customer x ticket.

    `kpis` are those of whole quarters: the same quarter a year before tells what the season does.
    """
    values = dict(zip(card["kpi"], card["kpi_value"], strict=True))
    changes = dict(zip(card["kpi"], card["change_share"], strict=True))
    money, change = style.money(values["net_revenue"], book, lang), float(changes["net_revenue"])
    if math.isnan(change):
        en, zh = "there is no whole quarter before to compare with", "没有可供比较的完整上季度"
        if (kpis["period"] == str(period.previous)).any():
            en = f"the data cover only a part of {period}, which is not compared with {period.previous}"
            zh = f"{period}的数据不完整，不与{period.previous}比较"
        return say({"en": f"Net revenue was {money}; {en}.", "zh": f"净销售额为{money}；{zh}。"}, lang)
    said = {code: _moved(changes, change, period, money, code) for code in LANGS}
    year_ago = Period(period.year - 1, period.quarter)
    same = kpis[(kpis["period"] == str(year_ago)) & (kpis["kpi"] == "net_revenue") & (kpis["tier"] == "all")]
    if len(same) and same["kpi_value"].iloc[0] > 0:
        over = float(values["net_revenue"] / same["kpi_value"].iloc[0] - 1)
        said["en"] += f" On {year_ago}, the same season a year before: {signed(over, 'en')}."
        said["zh"] += f"与上年同季{year_ago}相比：{signed(over, 'zh')}。"
    else:
        said["en"] += " Season and trend cannot be told apart without last year's quarter."
        said["zh"] += "由于没有上年同期数据，无法区分季节因素与趋势。"
    return say(said, lang)


def _moved(changes: dict[str, float], change: float, period: Period, money: str, lang: str) -> str:
    """What revenue did on the quarter before, and its factors, the one that did most first."""
    by, before = style.percent(abs(change), lang), period.previous
    if by == style.percent(0, lang):
        factors = _changes(FACTORS, changes, lang)
        return {
            "en": f"Net revenue was unchanged on {before} at {money}: {factors}.",
            "zh": f"净销售额与{before}持平，为{money}：{factors}。",
        }[lang]
    way = 1 if change > 0 else -1
    most, *rest = sorted(FACTORS, key=lambda factor: -way * changes[factor])
    verb = {"en": "rose" if change > 0 else "fell", "zh": "增长" if change > 0 else "下降"}[lang]
    others, share = _changes(rest, changes, lang), signed(changes[most], lang)
    return {
        "en": f"Net revenue {verb} {by} on {before} to {money}, mostly through {_low(most, 'en')} ({share}); {others}.",
        "zh": f"净销售额较{before}{verb}{by}，为{money}，主要来自{_low(most, 'zh')}（{share}）；{others}。",
    }[lang]


def _changes(factors: Iterable[str], changes: dict[str, float], lang: str) -> str:
    told = (f"{_low(factor, lang)} {signed(changes[factor], lang)}" for factor in factors)
    return {"en": ", ", "zh": "，"}[lang].join(told)


def movements(card: pd.DataFrame, lang: str) -> Sentence:
    """How many KPIs moved, and how many say nothing."""
    counts = card["movement"].value_counts()
    order = ("improved", "worsened", "unclear", "small_n", "no_before", "not_measured")
    there = [m for m in order if m in counts.index]
    return say(
        {
            "en": f"{len(card)} KPIs: " + ", ".join(f"{_low(m, 'en')} {counts[m]}" for m in there) + ".",
            "zh": f"共{len(card)}个指标：" + "，".join(f"{schema.word(m, 'zh')}{counts[m]}个" for m in there) + "。",
        },
        lang,
    )


def tiers(kpis: pd.DataFrame, period: Period, review: Review, lang: str) -> Sentence:
    """In which tier customers stay least, with its interval."""
    here = kpis[(kpis["kpi"] == "retention_rate") & (kpis["period"] == str(period)) & (kpis["tier"] != "all")]
    known = here[here["n"] >= review.min_rate_n]
    if known.empty:
        return say(
            {
                "en": "No tier has enough customers at the start of the quarter to tell its retention.",
                "zh": "没有层级在季初拥有足够客户以计算留存率。",
            },
            lang,
        )
    worst = known.sort_values(["kpi_value", "tier"]).iloc[0]
    share, low, high = (style.percent(worst[c], lang) for c in ("kpi_value", "low", "high"))
    n = style.number(worst["n"], lang)
    en, zh = (": the least of all tiers", "，为各层级最低") if len(known) > 1 else ("", "")
    return say(
        {
            "en": f"Of the {n} active customers who began the quarter in the tier '{schema.word(worst['tier'], 'en')}', {share} "
            f"bought again ({low} to {high}){en}.",
            "zh": f"季初属于“{schema.word(worst['tier'], 'zh')}”层级的{n}个活跃客户中，{share}再次购买（{low}至{high}）{zh}。",
        },
        lang,
    )


def attainment(effects: pd.DataFrame, lang: str) -> Sentence:
    """How many targets were reached, and what that does not say."""
    if effects.empty:
        return say(
            {"en": "The targets register has no target to compare with yet.", "zh": "目标登记表中暂无可比较的目标。"},
            lang,
        )
    counts = effects["outcome"].value_counts().reindex(
        ["attained", "partly_attained", "not_attained", "small_n", "not_measured", "not_due"], fill_value=0
    )  # fmt: skip
    due = len(effects) - counts["not_due"]
    return say(
        {
            "en": f"{due} {'target has' if due == 1 else 'targets have'} come due: {counts['attained']} attained, {counts['partly_attained']} partly, "
            f"{counts['not_attained']} not, {counts['small_n']} on too few cases, {counts['not_measured']} not measured; "
            f"{counts['not_due']} are due later. A target has no control group, so none of this is credited to a strategy.",
            "zh": f"已到期目标{due}个：达成{counts['attained']}个，部分达成{counts['partly_attained']}个，未达成"
            f"{counts['not_attained']}个，样本不足{counts['small_n']}个，未测得{counts['not_measured']}个；另有"
            f"{counts['not_due']}个尚未到期。目标没有对照组，以上结果均不能归因于某项策略。",
        },
        lang,
    )


def resurvey(found: pd.DataFrame, lang: str, min_cell: int = 1) -> Sentence:
    """Whether the same customers answer differently, on average and in who is satisfied."""
    asked = suppression.blank(found[found["n"] > 0], min_cell)
    if asked.empty:
        return say(
            {
                "en": "No customer answered in this quarter and in the one before.",
                "zh": "没有客户同时参加本季度和上季度的调查。",
            },
            lang,
        )
    parts = [
        {
            "en": f"{schema.word(r['mark'], 'en')}: too few customers to tell",
            "zh": f"{schema.word(r['mark'], 'zh')}：客户过少，不予显示",
        }
        if pd.isna(r["n"])
        else {
            "en": f"{schema.word(r['mark'], 'en')}: {style.number(r['n'], 'en')} customers, {_plus(r['mark_change'], 'en')} (95% interval "
            f"{_plus(r['mark_low'], 'en')} to {_plus(r['mark_high'], 'en')}), {_low(r['movement'], 'en')}; "
            f"{_of_mark(r, 'en')} {_turned(r, 'en')}",
            "zh": f"{schema.word(r['mark'], 'zh')}：{style.number(r['n'], 'zh')}个客户，变化{_plus(r['mark_change'], 'zh')}（95%区间"
            f"{_plus(r['mark_low'], 'zh')}至{_plus(r['mark_high'], 'zh')}），{_low(r['movement'], 'zh')}；"
            f"{_of_mark(r, 'zh')}{_turned(r, 'zh')}",
        }
        for r in asked.to_dict("records")
    ]
    return say({"en": ". ".join(p["en"] for p in parts) + ".", "zh": "。".join(p["zh"] for p in parts) + "。"}, lang)


def _of_mark(row: dict, lang: str) -> str:
    words = {"csat_mark": {"en": "4-5", "zh": "4–5分"}, "nps_mark": {"en": "9-10", "zh": "9–10分"}}
    return words[row["mark"]][lang]


def _turned(row: dict, lang: str) -> str:
    """The pairs that changed sides, with McNemar's p."""
    if row["gained"] + row["given_up"] == 0:
        return {"en": "was given by the same customers both times", "zh": "两次均为同一批客户"}[lang]
    p = style.number(row["mcnemar_p"], lang, 2)
    return {
        "en": f"is new for {style.number(row['gained'], 'en')} and gone for {style.number(row['given_up'], 'en')} of them (McNemar p {p})",
        "zh": f"新增{style.number(row['gained'], 'zh')}人、减少{style.number(row['given_up'], 'zh')}人（McNemar p {p}）",
    }[lang]


def risk(sizes: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """Where the money sits and what is at risk, from the tiers; figures that are hidden are left out."""
    by_tier = sizes.set_index("tier")
    best, lowest = by_tier.loc["high"], by_tier.loc["risk"]
    share, money = style.share(best["customer_share"], lang), style.share(best["revenue_share"], lang)
    n, part = style.number(lowest["customers"], lang), style.share(lowest["customer_share"], lang)
    spent = style.money(lowest["monetary_12m_minor"], book, lang)
    of_all = style.share(lowest["revenue_share"], lang)
    parts: list[dict[str, str]] = []
    if best["customers"] == 0:
        parts.append({"en": "no customer is high value", "zh": "没有客户属于高价值层级"})
    elif not pd.isna(best["customers"]):
        parts.append(
            {
                "en": f"{share} of customers are high value and bring {money} of 12-month spend",
                "zh": f"{share}的客户属于高价值层级，贡献近12个月消费的{money}",
            }
        )
    if not pd.isna(lowest["customers"]):
        parts.append(
            {
                "en": f"the {n} ({part}) in the churn-risk tier bring {spent} ({of_all})",
                "zh": f"{n}个客户（{part}）处于流失风险层级，贡献{spent}（{of_all}）",
            }
        )
    if not parts:
        return say({"en": "The tiers hold too few customers to tell what they spent.",
                    "zh": "各层级客户过少，其消费不予显示。"}, lang)  # fmt: skip
    en, zh = "; ".join(part["en"] for part in parts), "；".join(part["zh"] for part in parts)
    return say({"en": f"{en[0].upper()}{en[1:]}.", "zh": f"{zh}。"}, lang)


def findings(
    told: dict[tuple[str, str], list[Sentence]],
) -> pd.DataFrame:
    """Table `findings`: each finding in both languages under the step and the figure or table that shows it."""
    rows = [(rank, *where, en.text, zh.text) for rank, (where, (en, zh)) in enumerate(told.items(), start=1)]
    return pd.DataFrame(rows, columns=list(schema.TABLES["findings"].columns))


def _low(code: str, lang: str) -> str:
    """A word within a sentence."""
    return schema.word(code, lang).lower()


def _plus(x: float, lang: str) -> str:
    return ("+" if round(x, 2) > 0 else "") + style.number(x, lang, 2)
