"""Sentences about customer value and risk, computed from their tables."""

import pandas as pd

from crmlib import schema
from crmlib.params import Book, Value
from crmlib.views import style
from crmlib.views.narrative import Sentence, say

_CONCERNS = {
    "few_repeat_buyers": (
        "Fewer than 50 customers (or 5 %) bought again: no model is fitted, and expected values are means of the tier.",
        "重复购买客户不足50个（或5%）：不拟合模型，预期值采用层级均值。",
    ),
    "not_identified": (
        "Purchases come as if by the clock, which the model cannot describe: expected values are means of the tier.",
        "购买间隔过于规律，模型无法描述：预期值采用层级均值。",
    ),
    "dropout_not_identified": (
        "A model in which nobody ever leaves fits as well: when customers leave cannot be told from this book, so no chance "
        "of being alive is shown, and expected purchases are those of customers who stay.",
        "“客户永不流失”的模型拟合得同样好：本账套无法识别客户何时流失，因此不显示存活概率，预期购买按客户持续购买计算。",
    ),
    "dropout_imprecise": (
        "How drop-out varies between customers is known only roughly (a between {low} and {high}): read the forecasts, not the "
        "parameters.",
        "客户间流失差异估计粗略（a在{low}与{high}之间）：请看预测值，不解读参数。",
    ),
    "spend_not_identified": (
        "How spend varies between customers cannot be told: each customer's own mean is used.",
        "无法识别客户间消费差异：采用客户自身均值。",
    ),
    "value_depends_on_count": (
        "Customers who buy more often spend differently per purchase (correlation {found}); the CLV model takes them for "
        "independent.",
        "购买次数与单次消费相关（相关系数{found}），而CLV模型假设两者独立。",
    ),
    "older_than_data": (
        "{share} of the customers first appear in the first 30 days of the data: most were customers before, so their tenure "
        "is longer than known.",
        "{share}的客户首次出现在数据起始30天内：多数此前已是客户，真实客龄更长。",
    ),
    "short_backtest": (
        "The back-test covers {found} days, the forecast {high}: how well the longer one holds is not known.",
        "回测仅覆盖{found}天，而预测期为{high}天：更长期的准确度未知。",
    ),
    "no_backtest": (
        "The history is too short to hold anything out: nothing here is tested on this book.",
        "历史过短，无法留出检验：以下预测未经本账套验证。",
    ),
    "short_window": (
        "Three usual gaps of repeat buyers are {high} days; the data back {found}, so silence means {found} days here.",
        "重复购买客户的三个通常间隔为{high}天，而数据只支持{found}天，因此此处沉寂按{found}天计。",
    ),
    "biased_total": (
        "In the back-test the total foretold was {found} times what happened: use the corrected column.",
        "回测中预测总量为实际的{found}倍：请使用校准列。",
    ),
    "biased_silence": (
        "In the back-test the chances of silence added up to {found} times the silence that came: they rank customers, and are "
        "no chances to count on.",
        "回测中沉寂概率合计为实际沉寂数的{found}倍：可用于排序，不宜当作概率。",
    ),
    "revenue_only": (
        "No margin is set (segment.value.margin): CLV is discounted revenue, not profit.",
        "未设置毛利率（segment.value.margin）：CLV为折现收入，而非利润。",
    ),
}


def verdicts(verdicts: pd.DataFrame, lang: str) -> Sentence:
    """Whether the models may be used, in words, for each thing foretold."""
    said = [_verdict(row, lang) for row in verdicts.to_dict("records")]
    return say({"en": " ".join(said), "zh": "".join(said)}, lang)


def _verdict(row: dict, lang: str) -> str:
    target, reason, naive = (schema.word(row[c], lang) for c in ("score_target", "verdict_reason", "best_naive"))
    reason = reason[:1].lower() + reason[1:] if lang == "en" else reason
    days, n = style.number(row["holdout_days"], lang), style.number(row["customers"], lang)
    if row["verdict_code"] == "not_enough_data":
        return {
            "en": f"{target}: not enough data to judge a model ({reason}).",
            "zh": f"{target}：数据不足，无法评判模型（{reason}）。",
        }[lang]
    seen = {"en": f"tested on {n} customers over {days} days", "zh": f"以{n}个客户、{days}天检验"}[lang]
    if row["verdict_code"] == "model_adds_value":
        best = {"en": f"the best simple rule: {naive}", "zh": f"最佳简单规则：{naive}"}[lang]
        return {
            "en": f"{target}: the model adds value ({reason}; {best}; {seen}).",
            "zh": f"{target}：模型有增益（{reason}；{best}；{seen}）。",
        }[lang]
    other = f": {naive}" if naive else ""
    return {"en": f"{target}: use RFM and simple rules ({reason}{other}; {seen}).",
            "zh": f"{target}：使用RFM与简单规则即可（{reason}{other.replace(': ', '：')}；{seen}）。"}[lang]  # fmt: skip


def concerns(found: pd.DataFrame, lang: str) -> Sentence:
    """What to know before using the figures."""
    if found.empty:
        return say({"en": "Nothing speaks against using the figures.", "zh": "未发现需注意的问题。"}, lang)
    said = [_concern(row, lang) for row in found.to_dict("records")]
    return say({"en": " ".join(said), "zh": "".join(said)}, lang)


def _concern(row: dict, lang: str) -> str:
    text = _CONCERNS[row["concern"]][lang == "zh"]
    low, high, value = (_rounded(row[c], lang) for c in ("found_low", "found_high", "found"))
    return text.format(low=low, high=high, found=value, share=style.percent(row["found"], lang, 0))


def _rounded(value: float, lang: str) -> str:
    if value is not None and (value < 0.001 or value > 1e6):
        return {"en": "almost 0", "zh": "接近0"}[lang] if value < 1 else {"en": "very large", "zh": "极大"}[lang]
    return style.number(value, lang, 0 if value >= 10 else 2)


def value(tiers: pd.DataFrame, concerns: pd.DataFrame, settings: Value, lang: str, book: Book) -> Sentence:
    """What all customers are expected to bring, with its range and what it is made of.

    Where the back-test found the total far off, the corrected sum comes first and the model's range is left out.
    """
    if tiers.empty or pd.isna(tiers.iloc[-1]["customers"]):
        return say({"en": "No expected value: nobody has bought yet.", "zh": "尚无客户购买，无预期价值。"}, lang)
    if pd.isna(tiers.iloc[-1]["clv_minor"]):
        return say({"en": "No expected value: the purchase model cannot be used, and no mean of a tier can stand for it.",
                    "zh": "购买模型不可用，也没有层级均值可替代，因此无预期价值。"}, lang)  # fmt: skip
    whole = tiers.iloc[-1]
    money, n = style.money(whole["clv_minor"], book, lang), style.number(whole["expected_purchases"], lang, 0)
    low, high = (style.money(whole[c], book, lang) for c in ("clv_low_minor", "clv_high_minor"))
    rate = style.percent(settings.discount_rate_year, lang, 0)
    en_kind, zh_kind = ("revenue", "收入") if settings.margin is None else ("margin", "毛利")
    biased = concerns.loc[concerns["concern"] == "biased_total", "found"]
    if len(biased) and pd.notna(whole["clv_calibrated_minor"]):
        corrected, times = style.money(whole["clv_calibrated_minor"], book, lang), _rounded(biased.iloc[0], lang)
        return say({"en": f"Over {settings.horizon_months} months {corrected} of {en_kind} is expected, discounted at {rate} a year: the "
                    f"model's sum of {money}, corrected because in the back-test it foretold {times} times what happened.",
                    "zh": f"未来{settings.horizon_months}个月预计{zh_kind}为{corrected}（按年率{rate}折现）：模型合计为{money}，"
                    f"因回测中预测总量为实际的{times}倍而校准。"}, lang)  # fmt: skip
    span = pd.notna(whole["clv_low_minor"])
    en = f"Over {settings.horizon_months} months {n} purchase days are expected, worth {money} of {en_kind}, discounted at {rate} a year"
    zh = f"未来{settings.horizon_months}个月预计有{n}个购买日，按年率{rate}折现的{zh_kind}为{money}"
    en += (
        f" ({low} to {high} by the model's own uncertainty)."
        if span
        else ", by what customers of the same tier did before."
    )
    zh += f"（模型参数不确定性范围：{low}至{high}）。" if span else "，依据同层级客户过去的表现。"
    if pd.notna(whole["clv_calibrated_minor"]):
        corrected = style.money(whole["clv_calibrated_minor"], book, lang)
        en, zh = f"{en} Corrected by the back-test: {corrected}.", f"{zh}经回测校准：{corrected}。"
    return say({"en": en, "zh": zh}, lang)


def acquisition(cohorts: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """What a new customer costs and is worth, or that costs are absent."""
    if cohorts.empty:
        return say({"en": "This book has no acquisition costs (source 'costs'), so CAC and CLV/CAC are not computed.",
                    "zh": "本账套没有获客成本（数据源costs），因此不计算CAC与CLV/CAC。"}, lang)  # fmt: skip
    last = cohorts.iloc[-1]
    if pd.isna(last["acquired"]):
        return say({"en": f"Too few customers are new in {last['period']} to tell what one of them cost.",
                    "zh": f"{last['period']}的新客户过少，其获客成本不予显示。"}, lang)  # fmt: skip
    cac, worth = style.money(last["cac_minor"], book, lang), style.money(last["cohort_value_minor"], book, lang)
    times, quarter = style.number(last["clv_per_cac"], lang), last["period"]
    return say(
        {"en": f"A new customer of {quarter} cost {cac} and is worth {worth} so far and ahead: {times} times the cost.",
         "zh": f"{quarter}的新客户获客成本{cac}，已实现与预期价值{worth}，为成本的{times}倍。"},
        lang,
    )  # fmt: skip


def newcomer(purchases: float, minor: float, settings: Value, lang: str, book: Book) -> Sentence:
    """What the model expects of a customer who just bought for the first time."""
    if pd.isna(purchases):
        return say({"en": "Nothing is foretold of a new customer: the purchase model cannot be used.",
                    "zh": "购买模型不可用，因此不预测新客户的购买。"}, lang)  # fmt: skip
    n, months = style.number(purchases, lang, 1), settings.horizon_months
    en = f"By the model, a new customer buys on {n} more days in the {months} months after the first purchase"
    zh = f"按模型，新客户首次购买后{months}个月内还有{n}个购买日"
    if pd.isna(minor):
        return say({"en": f"{en}.", "zh": f"{zh}。"}, lang)
    money = style.money(minor, book, lang)
    en_kind, zh_kind = ("revenue", "收入") if settings.margin is None else ("margin", "毛利")
    return say({"en": f"{en}, worth {money} of {en_kind}.", "zh": f"{zh}，{zh_kind}{money}。"}, lang)


def warnings(listed: pd.DataFrame, alerts: pd.DataFrame, days: int, lang: str, book: Book) -> Sentence:
    """How many customers carry an alert, how much money that is, and where the chance comes from."""
    alarmed = alerts.loc[alerts["alert"] != "no_alert", "customers"].sum()
    if listed.empty and alarmed:
        n = style.number(alarmed, lang)
        return say({"en": f"{n} customers carry an alert, but no money can be said to be at risk: nothing in the data "
                    "says that they would buy again.",
                    "zh": f"{n}个客户有预警，但无法计算风险金额：数据中没有迹象表明他们会再次购买。"}, lang)  # fmt: skip
    if listed.empty:
        return say({"en": f"No customer of the last 180 days has a raised chance of buying nothing in the next {days} days.",
                    "zh": f"近180天内的客户中，没有人在未来{days}天内有明显偏高的不购买概率。"}, lang)  # fmt: skip
    count = alerts.set_index("alert")["customers"]
    red, amber, watch = (style.number(count[a], lang) for a in ("red", "amber", "watch"))
    n, money = style.number(len(listed), lang), style.money(listed["at_risk_minor"].sum(), book, lang)
    source = schema.word(listed["risk_source"].iloc[0], lang)
    return say(
        {"en": f"{red} red, {amber} amber and {watch} watch alerts; the {n} customers on the list put {money} at risk: the chance "
         f"of buying nothing for {days} days (source: {source}) times what they would bring if they stay.",
         "zh": f"红色{red}个、黄色{amber}个、关注{watch}个；名单上{n}个客户的风险金额为{money}："
         f"即未来{days}天不购买的概率（来源：{source}）乘以其留存时的预期贡献。"},
        lang,
    )  # fmt: skip


def predictors(coefficients: pd.DataFrame, lang: str) -> Sentence:
    """What counts most in the logistic option, or that it could not be fitted."""
    if coefficients.empty:
        return say({"en": "The logistic option was not fitted: it needs two windows of history and 50 customers who fell silent.",
                    "zh": "逻辑回归未拟合：需要两个窗口的历史和至少50个沉寂客户。"}, lang)  # fmt: skip
    log_odds = (
        (coefficients["odds_ratio"] - 1).abs().where(coefficients["odds_ratio"] > 1, 1 / coefficients["odds_ratio"] - 1)
    )
    top = coefficients.iloc[int(log_odds.to_numpy().argmax())]
    name, ratio = schema.word(top["predictor"], lang), style.number(top["odds_ratio"], lang, 2)
    return say({"en": f"In the logistic option, '{name}' counts most: one standard deviation more multiplies the odds of silence by {ratio}.",
                "zh": f"逻辑回归中“{name}”影响最大：每增加一个标准差，沉寂几率乘以{ratio}。"}, lang)  # fmt: skip
