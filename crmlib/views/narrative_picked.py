"""Sentences about campaigns whose customers were picked: why what they spend more is no effect, and before and during."""

import math

import pandas as pd

from crmlib import schema
from crmlib.params import Book
from crmlib.views import style
from crmlib.views.narrative import Sentence, say
from crmlib.views.narrative_reviews import Row, amount, by_hand, chance, descriptive, joined, listed, lowered


def picked_by_hand(reviews: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """Why the gap between those picked and the others is no effect: it was there before."""
    rows = by_hand(reviews)
    known = rows[rows["gap_before_minor"].notna()]
    if rows.empty:
        return say(
            {
                "en": "No campaign of the book's own ended in this quarter.",
                "zh": "本季度没有账套自有的营销活动结束。",
            },
            lang,
        )
    if known.empty:
        return say(
            {
                "en": f"{_many(len(rows), 'campaign')} picked by hand ended in this quarter; the data do not reach back far enough "
                "to say how the customers picked differed before.",
                "zh": f"本季度有{len(rows)}个人工选定客户的活动结束；数据历史不足，无法得知目标客户此前有何不同。",
            },
            lang,
        )
    largest = known.sort_values(["n_treated", "campaign_id"], ascending=[False, True]).iloc[0]
    return say({lang: joined([_gap(largest.to_dict(), lang, book), _gaps(known, lang)], lang)}, lang)


def checked(reviews: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """The comparison with equals one window earlier, and why each campaign picked by hand earns the grade it has."""
    rows = by_hand(reviews)
    if rows.empty:
        return say({"en": "Nothing to check.", "zh": "无需检验。"}, lang)
    told = [_believed(row, lang, book) for row in rows.to_dict("records") if not math.isnan(row["placebo_effect"])]
    rest = rows[rows["placebo_effect"].isna()]
    why = [_left(str(reason), part, lang) for reason, part in rest.groupby("grade_reason", sort=True)]
    return say({lang: joined([*told, *why], lang)}, lang)


def before_and_during(windows: pd.DataFrame, ratio: float, lang: str) -> Sentence:
    """Why before and after a campaign is no effect; `ratio` is how many times as much the targeted spent before."""
    complete = int((windows["window"] == "complete").sum())
    left = len(windows) - complete
    if windows.empty:
        return say(
            {
                "en": "No campaign ran in this quarter, or the book has none.",
                "zh": "本季度没有营销活动，或账套没有活动数据。",
            },
            lang,
        )
    if not complete:
        return say(
            {
                "en": f"None of the {left} campaigns of the quarter has both windows complete, so no figures are shown.",
                "zh": f"本季度的{left}个营销活动均没有完整的前后窗口，因此不显示数据。",
            },
            lang,
        )
    times = style.number(ratio, lang, 1)
    return say(
        {
            "en": f"{complete} campaigns have both windows complete, {left} do not and show no figures. Whom to target was chosen "
            f"by hand: before the campaigns the targeted already spent {times} times as much as the others. The two groups "
            "differ in more than the campaign, so this table describes and carries no verdict.",
            "zh": f"{complete}个营销活动的前后窗口完整，另有{left}个不完整、不显示数据。目标客户为人工挑选：活动前其消费已是其他客户的"
            f"{times}倍。两组客户的差异不止于是否参加活动，因此本表仅作描述，不作效果结论。",
        },
        lang,
    )


def _gap(row: Row, lang: str, book: Book) -> str:
    before, during = (style.money(row[c], book, lang) for c in ("gap_before_minor", "gap_during_minor"))
    start, end = (style.day(row[c], lang) for c in ("start_date", "end_date"))
    n = style.number(row["n_treated"], lang)
    return {
        "en": f"Campaign {row['campaign_id']} ({start} to {end}): the {n} customers picked spent {before} a week more than the others "
        f"already before it began, {during} during it. Most of the gap is who was picked, so it is not the campaign's effect.",
        "zh": f"活动{row['campaign_id']}（{start}至{end}）：被选中的{n}名客户在活动开始前每周就比其他客户多消费{before}，活动期间多"
        f"{during}。差距主要来自选了谁，因此不是活动的效果。",
    }[lang] if _is_mostly_there(row) else {
        "en": f"Campaign {row['campaign_id']} ({start} to {end}): the {n} customers picked spent {before} a week more than the others "
        f"before it began and {during} more during it. Nobody drew who was picked, so neither figure is the campaign's effect.",
        "zh": f"活动{row['campaign_id']}（{start}至{end}）：被选中的{n}名客户每周比其他客户多消费：活动前{before}，活动期间{during}。"
        "客户并非随机抽取，因此两个数字都不是活动的效果。",
    }[lang]  # fmt: skip


def _is_mostly_there(row: Row) -> bool:
    return bool(row["gap_during_minor"] > 0 and row["gap_before_minor"] > row["gap_during_minor"] / 2)


def _gaps(known: pd.DataFrame, lang: str) -> str:
    mostly = sum(_is_mostly_there(row) for row in known.to_dict("records"))
    return {
        "en": f"In {mostly} of {_many(len(known), 'campaign')} picked by hand more than half of the gap was there before.",
        "zh": f"在{len(known)}个人工选定客户的活动中，有{mostly}个的差距过半在活动前就已存在。",
    }[lang]


def _believed(row: Row, lang: str, book: Book) -> str:
    """What the same comparison found one window earlier, and what follows."""
    unit, name = row["kpi_unit"], row["campaign_id"]
    size, low, high = (amount(row[c], unit, lang, book) for c in ("placebo_effect", "placebo_low", "placebo_high"))
    earlier = {
        "en": f"Campaign {name}, compared with customers of the same tier and their expected spend: one window earlier, before "
        f"it began, the difference is {size} per customer (95% interval {low} to {high})",
        "zh": f"活动{name}与同层级客户及其预期消费比较：在活动开始前的同等窗口，人均差异为{size}（95%区间{low}至{high}）",
    }[lang]
    return earlier + {
        "placebo_failed": {
            "en": f", an effect where there can be none; so what it finds later is the choice of customers, and no causal verdict is "
            f"given.{descriptive(row, lang)}",
            "zh": f"，在不可能有效果之处出现“效果”；因此之后的差异来自客户的挑选，不作因果结论。{descriptive(row, lang)}",
        },
        "other_campaigns": {
            "en": f", which chance can make; but {style.percent(row['others_share'], 'en', 0)} of its customers were in other campaigns at "
            "the time, so nobody can tell which one did what.",
            "zh": f"，在随机范围之内；但其{style.percent(row['others_share'], 'zh', 0)}的客户同期还参加其他活动，无法分辨是哪一个起了作用。",
        },
        "no_model": {
            "en": ", which chance can make; but the book has too few repeat buyers for a model of what was to be expected.",
            "zh": "，在随机范围之内；但账套复购客户过少，无法建立预期购买模型。",
        },
        "same_tier": {
            "en": f", which chance can make. During it the difference is {amount(row['effect'], unit, 'en', book)} "
            f"({amount(row['low_effect'], unit, 'en', book)} to {amount(row['high_effect'], unit, 'en', book)}, "
            f"q {chance(row['p_adjusted'])}): evidence grade B, {schema.word(row['verdict'], 'en').lower()}.",
            "zh": f"，在随机范围之内；活动期间差异为{amount(row['effect'], unit, 'zh', book)}"
            f"（{amount(row['low_effect'], unit, 'zh', book)}至{amount(row['high_effect'], unit, 'zh', book)}，"
            f"q {chance(row['p_adjusted'])}）：证据等级B，{schema.word(row['verdict'], 'zh')}。",
        },
    }[row["grade_reason"]][lang]  # fmt: skip


def _left(reason: str, rows: pd.DataFrame, lang: str) -> str:
    names, word = listed(rows["campaign_id"].tolist(), lang), schema.word(reason, lang)
    return {
        "en": f"Not compared any further: {names} ({lowered(word)}).",
        "zh": f"不再进一步比较：{names}（{word}）。",
    }[lang]


def _many(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
