"""Sentences about demand, trend and opportunities, computed from their tables."""

import pandas as pd

from crmlib import schema
from crmlib.params import Book
from crmlib.periods import Period
from crmlib.views import style, tables
from crmlib.views.narrative import Sentence, say

_CONTENDER = 0.10  # a cell that is first in this share of the draws may be the best one


_UNITS = {"en": {"week": "weeks", "month": "months"}, "zh": {"week": "周", "month": "个月"}}
_HORIZON = {"week": 13, "month": 3}


def demand(outlook: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """What the next quarter brings, the trend behind it, and which rule told the past better: of one series."""
    if outlook.empty:
        return say({"en": "No sales to follow.", "zh": "没有可跟踪的销售。"}, lang)
    row = outlook.iloc[0]
    if row["forecast_state"] != "foretold":
        return say({each: _no_forecast(row, each) for each in ("en", "zh")}, lang)
    return say({"en": _expected_en(row, book) + _judged_en(row), "zh": _expected_zh(row, book) + _judged_zh(row)}, lang)


def season(outlook: pd.DataFrame, demand: pd.DataFrame, lang: str) -> Sentence:
    """Whether a yearly season can be known, and which periods were not used: of one series."""
    if outlook.empty:
        return say({"en": "No season to look for.", "zh": "没有可识别的季节性。"}, lang)
    row = outlook.iloc[0]
    have, need, unit = row["periods"], row["periods_for_season"], _UNITS
    left, spikes = int((~demand["is_whole"]).sum()), int(demand["is_spike"].sum())
    out_en = (
        f" Not used: {left} {unit['en'][row['calendar']]} that are cut or miss days, and {spikes} with a spike or dip."
    )
    out_zh = (
        f"未采用：{left}{unit['zh'][row['calendar']]}不完整或有缺日，{spikes}{unit['zh'][row['calendar']]}为异常值。"
    )
    if demand["season_minor"].notna().any():
        known = {
            "en": "The yearly season is known and taken out of the trend.",
            "zh": "年度季节性已识别，并已从趋势中剔除。",
        }
    else:
        known = {
            "en": f"No yearly season can be known from {have} {unit['en'][row['calendar']]}: what rises here may be the time "
            f"of year. It takes {need}, two years to learn from and a quarter to check.",
            "zh": f"{have}{unit['zh'][row['calendar']]}的数据无法识别年度季节性，此处的上升可能只是时令所致；"
            f"需{need}{unit['zh'][row['calendar']]}（两年用于学习，一个季度用于检验）。",
        }
    return say({"en": known["en"] + out_en, "zh": known["zh"] + out_zh}, lang)


def tiers(outlook: pd.DataFrame, whole: pd.DataFrame, frozen: Period, lang: str, book: Book) -> Sentence:
    """Since when customers are told apart, what that does and does not rule out, and their sum beside all customers'."""
    if outlook.empty:
        return say({"en": f"No demand by tier: nobody who had a tier on {style.day(frozen.as_of, 'en')} has bought since, or nobody had one.",
                    "zh": f"无法按层级统计需求：{style.day(frozen.as_of, 'zh')}时已分级的客户此后无人购买，或当时没有已分级的客户。"}, lang)  # fmt: skip
    return say(
        {
            "en": f"Customers are counted in the tier they held on {style.day(frozen.as_of, 'en')}, by today's rules, and "
            "only from then on: today's tiers would rise by selection alone. Regression to the mean is still in it: who was "
            f"high then tends to fall, who was at risk tends to rise, whatever anybody does.{_together(outlook, whole, 'en', book)}",
            "zh": f"客户按{style.day(frozen.as_of, 'zh')}所属层级（今日规则）归类，并仅统计其后的需求：若按当前层级回溯，"
            "上升只是筛选所致。均值回归仍在其中：当时的高价值客户往往回落，流失风险客户往往回升，与采取何种措施无关。"
            f"{_together(outlook, whole, 'zh', book)}",
        },
        lang,
    )


def _together(parts: pd.DataFrame, whole: pd.DataFrame, language: str, book: Book) -> str:
    """What the parts are expected to bring together, beside the whole; nothing where one of them is not forecast."""
    if whole.empty or not (pd.concat([parts, whole])["forecast_state"] == "foretold").all():
        return ""
    each, all_of_them = (style.money(frame["expected_minor"].sum(), book, language) for frame in (parts, whole))
    return {"en": f" Each tier is forecast on its own: together they come to {each}, against {all_of_them} forecast for all.",
            "zh": f"各层级分别预测：合计{each}，而全部客户的预测为{all_of_them}。"}[language]  # fmt: skip


def categories(outlook: pd.DataFrame, lang: str) -> Sentence:
    """The categories that are followed, or that none can be."""
    if outlook.empty:
        return say({"en": "No demand by category: the products have none, or their daily sales are not stored.",
                    "zh": "无法按品类统计需求：商品没有品类，或未存储品类每日销售。"}, lang)  # fmt: skip
    names = [style.legible(str(name)) for name in outlook["demand_series"]]
    return say({"en": f"The largest categories: {', '.join(names)}.", "zh": f"最大的品类：{'、'.join(names)}。"}, lang)


def macro(links: pd.DataFrame, lang: str) -> Sentence:
    """Which series move with demand beyond chance, or why that cannot be told."""
    if links.empty:
        return say({"en": "No macro series is declared (collect.macro in the params), so none stands beside demand.",
                    "zh": "未登记宏观序列（参数 collect.macro），因此没有可与需求对照的序列。"}, lang)  # fmt: skip
    local = tables.in_language(links, lang)
    tested = local[local["link_state"] == "tested"]
    few = sorted(set(local["series_name"]) - set(tested["series_name"]))
    text = {each: _links(tested, each) for each in ("en", "zh")}
    if few:
        text["en"] += f" Too few common periods (12 changes are needed): {', '.join(few)}."
        text["zh"] += f"共同周期过少（至少需要12个变化值）：{'、'.join(few)}。"
    return say({each: words.strip() for each, words in text.items()}, lang)


def weights(used: dict[str, float], source: str, lang: str) -> Sentence:
    """The weights of the matrix and whose they are."""
    said = {each: [f"{schema.word(part, each)} {style.percent(w, each, 0)}" for part, w in used.items()]
            for each in ("en", "zh")}  # fmt: skip
    whose = {
        "ahp": {"en": "from the pairwise comparisons (AHP)", "zh": "来自两两比较（AHP）"},
        "params": {"en": "as set in the params", "zh": "取自参数设置"},
    }[source]
    return say({"en": f"Weights {whose['en']}: {', '.join(said['en']).lower()}.",
                "zh": f"权重{whose['zh']}：{'、'.join(said['zh'])}。"}, lang)  # fmt: skip


def own_growth(opportunities: pd.DataFrame, lang: str) -> Sentence:
    """What our own growth, shown beside the market's, is compared with."""
    if opportunities.empty:
        return say({"en": "No opportunity is registered that our own growth could stand beside.",
                    "zh": "尚未登记可与我方增长对照的市场机会。"}, lang)  # fmt: skip
    basis = set(opportunities["own_growth_basis"]) - {""}
    if "on_year_before" in basis:
        text = {"en": "Our own growth compares four quarters with the four before, so the season is in both.",
                "zh": "我方增长为近四个季度与前四个季度相比，两者季节相同。"}  # fmt: skip
    elif basis:
        text = {"en": "Our own growth is the last quarter on the one before and holds the season: eight whole quarters are "
                      "needed to compare years. It is no part of the score.",
                "zh": "我方增长为本季与上季相比，含季节因素：按年比较需要八个完整季度。该值不计入得分。"}  # fmt: skip
    else:
        text = {"en": "Our own growth in the opportunities is not known: it takes two whole quarters with sales in them.",
                "zh": "我方在各机会中的增长未知：需要两个有相关销售的完整季度。"}  # fmt: skip
    return say(text, lang)


def _no_forecast(row: pd.Series, language: str) -> str:
    have, need, unit = row["periods"], row["periods_needed"], _UNITS[language][row["calendar"]]
    if row["forecast_state"] == "ended_early":
        return {"en": "The last whole period is more than a quarter back: no forecast from such old data.",
                "zh": "最近的完整周期距今超过一个季度，数据过旧，不作预测。"}[language]  # fmt: skip
    return {"en": f"{have} whole {unit} are too few for a forecast that can be checked: {need} are needed.",
            "zh": f"仅有{have}{unit}完整数据，不足以作出可检验的预测：需要{need}{unit}。"}[language]  # fmt: skip


def _expected_en(row: pd.Series, book: Book) -> str:
    low, high, mean, before = (style.money(row[c], book, "en")
                               for c in ("low_80_minor", "high_80_minor", "expected_minor", "before_minor"))  # fmt: skip
    unit, count = _UNITS["en"][row["calendar"]], _HORIZON[row["calendar"]]
    year = row["year_before_minor"]
    said = [f"80 % range {low} to {high}"]
    said += [] if pd.isna(row["before_minor"]) else [f"{before} in the {count} before"]
    said += [] if pd.isna(year) else [f"{style.money(year, book, 'en')} in the same {unit} a year before"]
    return (
        f"The {count} {unit} from {style.day(row['start_date'], 'en')} to {style.day(row['end_date'], 'en')} are expected to "
        f"bring {mean} ({'; '.join(said)}). {_trend(row, 'en')}{_unseasonal(row, 'en')}"
    )


def _expected_zh(row: pd.Series, book: Book) -> str:
    low, high, mean, before = (style.money(row[c], book, "zh")
                               for c in ("low_80_minor", "high_80_minor", "expected_minor", "before_minor"))  # fmt: skip
    unit, count, year = _UNITS["zh"][row["calendar"]], _HORIZON[row["calendar"]], row["year_before_minor"]
    said = [f"80%区间{low}至{high}"]
    said += [] if pd.isna(row["before_minor"]) else [f"前{count}{unit}为{before}"]
    said += [] if pd.isna(year) else [f"上年同期{style.money(year, book, 'zh')}"]
    return (
        f"{style.day(row['start_date'], 'zh')}至{style.day(row['end_date'], 'zh')}的{count}{unit}预计带来{mean}"
        f"（{'；'.join(said)}）。{_trend(row, 'zh')}{_unseasonal(row, 'zh')}"
    )


def _trend(row: pd.Series, language: str) -> str:
    if pd.isna(row["slope_rate"]):
        return ""
    slope, low, high = (style.percent(row[c], language) for c in ("slope_rate", "slope_low_rate", "slope_high_rate"))
    first, last = (style.day(row[c], language) for c in ("trend_start_date", "trend_end_date"))
    is_clear, unit = not row["slope_low_rate"] <= 0 <= row["slope_high_rate"], row["calendar"]
    if language == "zh":
        head, out = "历史趋势" if is_clear else "历史上无明显趋势", "，已剔除季节性" if _has_season(row) else ""
        return (
            f"{head}（{first}至{last}的全部完整{schema.word(unit, 'zh')}{out}）：每季度变动为中位数的{slope}"
            f"（95%区间{low}至{high}）；预测不一定沿此方向。"
        )
    head, out = "Past trend" if is_clear else "No clear trend", ", without their season" if _has_season(row) else ""
    return (
        f"{head} through all whole {_UNITS['en'][unit]} from {first} to {last}{out}: {slope} of the median {unit} a quarter "
        f"(95 % range {low} to {high}). The forecast need not go the same way."
    )


def _has_season(row: pd.Series) -> bool:
    """Whether the season is known: then all that is said of the series has it in it, or taken out."""
    return bool(row["naive_method"] == "naive_year")


def _unseasonal(row: pd.Series, language: str) -> str:
    """A forecast without the season says so in the same breath."""
    if _has_season(row):
        return ""
    return {"en": " It carries the latest level on: the season of the year is not in it.",
            "zh": "该预测延续近期水平，不含年度季节性。"}[language]  # fmt: skip


def _errors(row: pd.Series, language: str) -> list[str]:
    return [style.number(row[c], language, 2) for c in ("smooth_mase", "naive_mase")]


def _judged_en(row: pd.Series) -> str:
    smooth, naive = _errors(row, "en")
    winner, rival = (schema.word(row[c], "en").lower() for c in ("forecast_method", "naive_method"))
    step = "from one year to the next" if _has_season(row) else "from period to period"
    compared = (
        f"smoothing was off by {smooth} and the naive rule ({rival}) by {naive} times the usual step {step} (MASE)"
        if pd.notna(row["smooth_mase"])
        else f"smoothing stood beside the naive rule ({rival})"
    )
    return (
        f" In {row['origins']} forecasts from the past, {compared}; used here: {winner}. Its sums were off by "
        f"{style.percent(row['total_error_share'], 'en')} on average; its 80 % ranges held "
        f"{style.percent(row['within_80_share'], 'en', 0)} of the periods, its 95 % ranges "
        f"{style.percent(row['within_95_share'], 'en', 0)}."
    )


def _judged_zh(row: pd.Series) -> str:
    smooth, naive = _errors(row, "zh")
    known, step = pd.notna(row["smooth_mase"]), "同比" if _has_season(row) else "逐期"
    compared = f"的误差分别为通常{step}变动的{smooth}倍和{naive}倍（MASE）" if known else "相互比较"
    return (
        f"在{row['origins']}次历史回测中，平滑法与朴素法（{schema.word(row['naive_method'], 'zh')}）{compared}；此处采用："
        f"{schema.word(row['forecast_method'], 'zh')}。其合计平均误差"
        f"{style.percent(row['total_error_share'], 'zh')}；80%区间命中{style.percent(row['within_80_share'], 'zh', 0)}，"
        f"95%区间命中{style.percent(row['within_95_share'], 'zh', 0)}。"
    )


def _links(tested: pd.DataFrame, language: str) -> str:
    if tested.empty:
        return ""
    tried, notable = len(tested), tested[tested["is_notable_link"].astype(bool)]
    if notable.empty:
        return {"en": f"Of {tried} pairs of series and lag tried, none goes with demand beyond chance.",
                "zh": f"在{tried}组“序列×先行期”中，没有一组与需求的同步变化超出随机范围。"}[language]  # fmt: skip
    best, passed = notable.iloc[int(notable["association"].abs().argmax())], len(notable)
    series, lag, n = best["series_name"], best["lag_periods"], best["n"]
    rank, low, high = (style.number(best[c], language, 2)
                       for c in ("association", "association_low", "association_high"))  # fmt: skip
    return {
        "en": f'"{series}", {lag} periods earlier, moves with demand: rank correlation of changes {rank} (95 % range {low} to '
        f"{high}, n = {n}). {passed} of {tried} pairs tried pass after adjusting for their number. Going together is no "
        "cause; a season that both share is enough.",
        "zh": f"“{series}”（先行{lag}期）与需求同步变动：变化值的秩相关为{rank}（95%区间{low}至{high}，n = {n}）。校正检验次数后，"
        f"{tried}组中有{passed}组成立。同步变动不等于因果，共有的季节性也足以造成。",
    }[language]


def opportunities(matrix: pd.DataFrame, unknown: list[str], lang: str, book: Book) -> Sentence:
    """Which cells contend for the first place, and what the matrix cannot tell."""
    if matrix.empty:
        return say({"en": "No opportunities are registered, so there is nothing to match with the tiers.",
                    "zh": "尚未登记市场机会，因此无法与客户层级匹配。"}, lang)  # fmt: skip
    local = tables.in_language(matrix, lang)
    solid = local[~local.is_thin.astype(bool)]
    return say({"en": _contenders_en(solid, lang, book) + _unknown(unknown, "en"),
                "zh": _contenders_zh(solid, lang, book) + _unknown(unknown, "zh")}, lang)  # fmt: skip


def _contenders_en(solid: pd.DataFrame, lang: str, book: Book) -> str:
    if solid.empty:
        return "No cell has enough buyers to be ranked."
    best, rivals = solid.iloc[0], _rivals(solid)
    share, money = style.percent(best.first_share, lang, 0), style.money(best.stake_minor, book, lang)
    text = (
        f'"{best.opportunity}" for {schema.word(best.tier, "en").lower()} customers scores highest '
        f"({style.number(best.opportunity_score, lang, 1)} of 100, {money} of their spend in 12 months). "
        f"It comes first in {share} of the draws that move weights, market growth, expert ratings and the customers at hand"
    )
    named = "; ".join(
        f"{o}, {schema.word(t, 'en').lower()}" for o, t in zip(rivals.opportunity, rivals.tier, strict=True)
    )
    return text + (f"; also often first: {named}." if named else ".") + _tie(best, "en")


def _contenders_zh(solid: pd.DataFrame, lang: str, book: Book) -> str:
    if solid.empty:
        return "所有单元格的购买客户均过少，无法排名。"
    best, rivals = solid.iloc[0], _rivals(solid)
    share, money = style.percent(best.first_share, lang, 0), style.money(best.stake_minor, book, lang)
    text = (
        f"得分最高的是{schema.word(best.tier, 'zh')}客户的“{best.opportunity}”"
        f"（{style.number(best.opportunity_score, lang, 1)}分，满分100；该层级近12个月相关消费{money}）。"
        f"在权重、市场增长、专家评分与客户样本浮动的抽样中，有{share}的情形排名第一"
    )
    named = "、".join(f"{schema.word(t, 'zh')}客户“{o}”" for o, t in zip(rivals.opportunity, rivals.tier, strict=True))
    return text + (f"；同样常居首位：{named}。" if named else "。") + _tie(best, "zh")


def _tie(best: pd.Series, language: str) -> str:
    last = int(best["tied_to"])
    if last == 1:
        return {"en": " It is clear of the others.", "zh": "其领先于其他组合，差距明确。"}[language]
    return {"en": f" Places 1–{last} are tied: the first beats none of them in nine of ten draws.",
            "zh": f"第1–{last}名并列：首位未能在九成抽样中胜过其中任何一项。"}[language]  # fmt: skip


def _rivals(solid: pd.DataFrame) -> pd.DataFrame:
    """The other cells that are first often enough to be the best one."""
    others = solid.iloc[1:]
    return others[others.first_share >= _CONTENDER]


def _unknown(categories: list[str], language: str) -> str:
    if not categories:
        return ""
    return {
        "en": f" No sales are recorded, so there is no affinity from data, for: {', '.join(categories)}.",
        "zh": f"没有销售记录、因此没有数据亲和度的品类：{'、'.join(categories)}。",
    }[language]
