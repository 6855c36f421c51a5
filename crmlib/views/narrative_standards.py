"""Sentences of the review's end: reasons of churn, needs, standards, what is overdue, what the tests showed."""

import pandas as pd

from crmlib import schema
from crmlib.params import Book, Settings
from crmlib.periods import Period
from crmlib.views import narrative_review, style, suppression
from crmlib.views.narrative import Sentence, say

_VERDICTS = ("effective", "partly_effective", "not_effective", "harmful", "inconclusive")


def gaps(found: pd.DataFrame, lang: str) -> Sentence:
    """How many targets ask for a reason, and what to look at most often."""
    missed = found[found["outcome"].isin(["partly_attained", "not_attained"])]
    if found.empty:
        return say({"en": "No target has come due.", "zh": "没有到期的目标。"}, lang)
    if missed.empty:
        return say(
            {"en": "No target that came due was measured and missed.", "zh": "到期且已计量的目标中没有未达成的。"}, lang
        )
    first = missed["look_at"].value_counts().index[0]
    en, zh = schema.word(first, "en").lower(), schema.word(first, "zh")
    ids = "; ".join(missed["target_id"].astype("str"))
    return say(
        {
            "en": f"{len(missed)} targets were missed or partly missed ({ids}). What to look at first, most often: {en}. "
            "People write the reason and the improvement into template table 4 of the workbook.",
            "zh": f"{len(missed)}个目标未达成或仅部分达成（{ids}）。最常需优先分析：{zh}。差异分析与改进建议由人工填入工作簿的模板表4。",
        },
        lang,
    )


def natural_return(kpis: pd.DataFrame, period: Period, lang: str) -> Sentence:
    """The win-back rate never stands without the rate at which lapsed customers return by themselves."""
    now = kpis[(kpis["period"] == str(period)) & (kpis["tier"] == "all")].set_index("kpi")
    natural = now.loc["natural_return_rate"] if "natural_return_rate" in now.index else None
    if natural is None or not natural["n"]:
        return say({"en": "Nobody had lapsed when the quarter began.", "zh": "季初没有沉寂客户。"}, lang)
    by_itself, n = style.percent(natural["kpi_value"], lang), style.number(natural["n"], lang)
    asked = now.loc["win_back_rate"] if "win_back_rate" in now.index else None
    if asked is None or not asked["n"]:
        return say(
            {
                "en": f"Of {n} lapsed customers {by_itself} ordered again by themselves. No contact with a lapsed customer is "
                "recorded, so there is no win-back rate.",
                "zh": f"{n}个沉寂客户中，{by_itself}自行回流。没有联系沉寂客户的记录，因此没有挽回率。",
            },
            lang,
        )
    rate, m = style.percent(asked["kpi_value"], lang), style.number(asked["n"], lang)
    return say(
        {
            "en": f"Of {m} lapsed customers who were contacted, {rate} ordered afterwards; of {n} whom nobody contacted, "
            f"{by_itself} ordered again by themselves. Whom to contact was chosen, and there was less time left after the "
            "contact, so the difference is no effect.",
            "zh": f"{m}个已联系的沉寂客户中，{rate}在联系后下单；{n}个未联系的沉寂客户中，{by_itself}自行回流。联系对象为人工选择，"
            "且联系后剩余时间较短，因此两者之差不是作用。",
        },
        lang,
    )


def market(shares: pd.DataFrame, lang: str) -> Sentence:
    """The share of the market, and whether its change may be believed."""
    if shares.empty:
        return say(
            {
                "en": "No market size with a source is recorded (register market_sizes), so there is no market share.",
                "zh": "没有注明来源的市场规模（市场规模登记表），因此没有市场份额。",
            },
            lang,
        )
    last = shares.iloc[-1]
    share, by = style.percent(last["market_share"], lang, 2), style.number(last["share_change"], lang, 2)
    if pd.isna(last["share_change"]):
        change = {
            "en": "; the quarter before has no market size, so no change is known",
            "zh": "；上季度没有市场规模，变化未知",
        }
    elif last["is_comparable"]:
        change = {"en": f", {by} points on the quarter before", "zh": f"，较上季度{by}个百分点"}
    else:
        change = {
            "en": f"; {by} points on the quarter before, but the two sizes come from different sources: not comparable",
            "zh": f"；较上季度{by}个百分点，但两期规模来源不同，不可比",
        }
    return say(
        {"en": f"Our share of the market was {share} in {last['period']}{change['en']}.",
         "zh": f"{last['period']}市场份额为{share}{change['zh']}。"},
        lang,
    )  # fmt: skip


def churn_reasons(bars: pd.DataFrame, silent: int, lang: str, book: Book) -> Sentence:
    """The dearest reason that enough customers have; `silent` gave none. Or that nobody is known to have one."""
    if bars.empty:
        return say(
            {
                "en": "Why customers stopped buying is not known: the win-back log holds no reason, and no lapsed customer "
                "had complained in 12 months.",
                "zh": "客户流失原因未知：挽回记录中没有原因，近12个月也没有沉寂客户的投诉。",
            },
            lang,
        )
    n, named = int(bars["n"].iloc[0]), bars[bars["churn_reason"] != "few_reasons"]
    few = {"en": " Fewer than 30 customers: a hint, no ranking.", "zh": "客户不足30个：仅供参考，不作排序。"}[lang]
    tail = few if bool(bars["is_thin"].any()) else ""
    if named.empty:
        top = {"en": "no reason is shared by enough customers to be named", "zh": "没有足够客户共有的原因"}
    else:
        row = named.iloc[0]
        money, share = style.money(row["at_risk_minor"], book, lang), style.percent(row["at_risk_share"], lang)
        top = {
            "en": f"most money is with '{schema.word(row['churn_reason'], 'en')}': {money}, {share} of what is at risk",
            "zh": f"涉及金额最多的是“{schema.word(row['churn_reason'], 'zh')}”：{money}，占风险金额的{share}",
        }
    return say(
        {
            "en": f"The reason is known of {n} customers, {silent} gave none; {top['en']}. Several reasons of one customer "
            "share his money." + tail,
            "zh": f"{n}个客户的流失原因已知，{silent}个未说明；{top['zh']}。同一客户有多个原因时，金额平分。" + tail,
        },
        lang,
    )


def need_fit(found: pd.DataFrame, lang: str, min_cell: int = 1) -> Sentence:
    """Whether measures answered the need, by what customers say."""
    if found.empty:
        return say(
            {
                "en": "Nobody was asked in this quarter whether a measure answered the need (register need_answers).",
                "zh": "本季度未询问客户措施是否满足其需求（回访需求登记表）。",
            },
            lang,
        )
    parts = {
        code: [
            {
                "en": f"{r['strategy']}: too few answers to tell",
                "zh": f"{r['strategy_zh'] or r['strategy']}：回答过少，不予显示",
            }[code]
            if pd.isna(r["need_met_rate"])
            else {
                "en": f"{r['strategy']}: {style.percent(r['need_met_rate'], 'en', 0)} of {r['n']} say yes "
                f"({style.percent(r['low_rate'], 'en', 0)} to {style.percent(r['high_rate'], 'en', 0)})",
                "zh": f"{r['strategy_zh'] or r['strategy']}：{r['n']}人中{style.percent(r['need_met_rate'], 'zh', 0)}表示满足"
                f"（{style.percent(r['low_rate'], 'zh', 0)}至{style.percent(r['high_rate'], 'zh', 0)}）",
            }[code]
            for r in suppression.blank(found, min_cell).to_dict("records")
        ]
        for code in ("en", "zh")
    }
    return say({"en": "; ".join(parts["en"]) + ".", "zh": "；".join(parts["zh"]) + "。"}, lang)


def standards(found: pd.DataFrame, lang: str) -> Sentence:
    """How many measures became standard, and why the others wait."""
    if found.empty:
        return say({"en": "No measure is proposed as a standard.", "zh": "没有提议固化为标准的举措。"}, lang)
    n, adopted, late = len(found), int((found["decision"] == "adopted").sum()), int(found["is_overdue"].sum())
    early = int(((found["pdca"] == "act") & (found["pdca_evidence"] != "act")).sum())
    ahead = {
        "en": f" Recorded at 'act' before there is evidence: {early}.",
        "zh": f"其中{early}项在没有证据时已处于“改进”阶段。",
    }[lang]
    return say(
        {
            "en": f"{n} measures are proposed, {adopted} adopted. A measure becomes standard only when a test with a control "
            f"group shows that it works; the others wait for evidence. Reviews overdue: {late}."
            + (ahead if early else ""),
            "zh": f"提议的举措共{n}项，已确立{adopted}项。只有经对照检验证明有效的举措才能成为标准，其余等待证据。复查逾期{late}项。"
            + (ahead if early else ""),
        },
        lang,
    )


def overdue(found: pd.DataFrame, lang: str) -> Sentence:
    """Which reviews are overdue, and whose they are."""
    late = found[found["is_overdue"].astype("bool")]
    if late.empty:
        return say({"en": "No review is overdue.", "zh": "没有逾期的复查。"}, lang)
    parts = {
        code: [
            {
                "en": f"{schema.word(r['review_kind'], 'en').lower()} {r['subject_id']} ({r['owner'] or 'no owner named'}, "
                f"{r['days_overdue']} days)",
                "zh": f"{schema.word(r['review_kind'], 'zh')}{r['subject_id']}（{r['owner'] or '未指定负责人'}，"
                f"逾期{r['days_overdue']}天）",
            }[code]
            for r in late.head(5).to_dict("records")
        ]
        for code in ("en", "zh")
    }
    more = len(late) - 5
    rest = {"en": f"; and {more} more" if more > 0 else "", "zh": f"；另有{more}项" if more > 0 else ""}
    return say(
        {
            "en": f"Overdue reviews ({len(late)}): " + "; ".join(parts["en"]) + rest["en"] + ".",
            "zh": f"逾期的复查{len(late)}项：" + "；".join(parts["zh"]) + rest["zh"] + "。",
        },
        lang,
    )


def effect_review(counts: dict[str, int], strange: int, lang: str) -> Sentence:
    """What template table 4 holds; `strange`: rows that people wrote on and this sheet does not have."""
    rows, tested, written = counts["rows"], counts["tested"], counts["written"]
    if not rows + strange:
        return say(
            {
                "en": "Template table 4 is empty: the quarter before made no list of customers, and no strategy has a target.",
                "zh": "模板表4为空：上季度没有客户行动清单，也没有策略设定目标。",
            },
            lang,
        )
    odd = {
        "en": f" {strange} rows of the workbook belong to no row of this quarter; they are not used.",
        "zh": f"工作簿中有{strange}行不属于本季度，未采用。",
    }[lang]
    return say(
        {
            "en": f"Template table 4 has {rows} rows; {tested} rest on a test with a control group, for the others nobody can "
            f"tell. {written} have a reason or an improvement written by people." + (odd if strange else ""),
            "zh": f"模板表4共{rows}行；其中{tested}行以对照检验为依据，其余无法判断。{written}行已由人工填写差异分析或改进建议。"
            + (odd if strange else ""),
        },
        lang,
    )


def verdicts(reviews: pd.DataFrame | None, effects: pd.DataFrame, lang: str) -> Sentence:
    """The finding of the first page: what the tests with a control group showed, and that targets show no effect."""
    whole = None if reviews is None else reviews[reviews["tier"] == "all"]
    tested = pd.DataFrame() if whole is None else whole[whole["evidence_grade"].isin(["A", "B"])]
    if tested.empty:
        return narrative_review.attainment(effects, lang)
    n, due = len(tested), effects[effects["outcome"].isin(["attained", "partly_attained", "not_attained"])]
    en, zh = (_counted(tested["verdict"], lang) for lang in ("en", "zh"))
    reached = int((due["outcome"] == "attained").sum())
    return say(
        {
            "en": f"{n} campaign test{'s' if n > 1 else ''} with a control group ended: {en}. Of {len(due)} targets due and "
            f"measured, {reached} were met; a target has no control group, so no strategy is credited.",
            "zh": f"已结束的对照检验{n}项：{zh}。到期且已计量的目标{len(due)}个，达成{reached}个；目标没有对照组，因此不归功于任何策略。",
        },
        lang,
    )


def _counted(verdicts: pd.Series, lang: str) -> str:
    """Each verdict with its number; a single one needs none."""
    counts = verdicts.value_counts()
    names = [(schema.word(v, lang).lower(), counts[v]) for v in _VERDICTS if v in counts.index]
    if len(verdicts) == 1:
        return names[0][0]
    return {"en": ", ", "zh": "，"}[lang].join(f"{name} {n}" for name, n in names)


def findings(
    card: pd.DataFrame,
    kpis: pd.DataFrame,
    sizes: pd.DataFrame,
    effects: pd.DataFrame,
    reviews: pd.DataFrame | None,
    settings: Settings,
) -> pd.DataFrame:
    """Table `findings`: what happened to revenue, where the money is, and what the review can and cannot say."""
    langs, period, book = narrative_review.LANGS, settings.period, settings.book
    told = suppression.blank(sizes, settings.privacy.min_cell)
    anchor = "targets_reached" if reviews is None or reviews.empty else "campaign_reviews"
    return narrative_review.findings(
        {
            ("review", "kpi_trends"): [narrative_review.revenue(card, kpis, period, lang, book) for lang in langs],
            ("segment", "tier_sizes"): [narrative_review.risk(told, lang, book) for lang in langs],
            ("review", anchor): [verdicts(reviews, effects, lang) for lang in langs],
        }
    )
