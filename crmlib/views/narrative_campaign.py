"""Sentences about campaign designs and frozen plans, computed from their tables."""

import math
from typing import Any

import pandas as pd

from crmlib import schema
from crmlib.params import Book
from crmlib.views import style
from crmlib.views.narrative import Sentence, say, some

_NO_PLAN = {
    "en": "No campaign with a hold-out is planned for this quarter or the next: put a row into the register "
    "campaign_plans. What each tier could show is at the end of this chapter.",
    "zh": "本季度与下季度均未计划设对照组的活动：请在登记表campaign_plans中添加一行。各层级可检测的效果见本章末尾。",
}


def states(designs: pd.DataFrame, params_file: str, lang: str) -> Sentence:
    """Where each campaign stands and what is to be done next."""
    whole = _whole(designs)
    if whole.empty:
        return say(_NO_PLAN, lang)
    file = "params/" + "/".join(params_file.split("/")[-2:])
    said = [_state(row, file, lang) for row in whole.to_dict("records")]
    if (whole["provenance"] == "illustrative").all():
        said.append({
            "en": "These campaigns are illustrative: nothing was sent to anybody, so the arms should not differ "
            "afterwards. Reading them back is a check of the method on two equal groups (A/A).",
            "zh": "以上活动均为示例，并未向任何客户实际发送，因此两组事后不应有差异；后续评估相当于对两个同质组的方法检验（A/A）。",
        }[lang])  # fmt: skip
    return say({lang: _joined(said, lang)}, lang)


def _state(row: dict[Any, Any], file: str, lang: str) -> str:
    name, start, end = row["campaign_id"], style.day(row["start_date"], lang), style.day(row["end_date"], lang)
    frozen, mark = style.day(row["snapshot_date"], lang), str(row["plan_hash"])[:12]
    command = f"crm freeze {file} --campaign {name}"
    return {
        "draft": {
            "en": f"{name} is a draft: freeze it before {start} with `{command}`, or its effect cannot be proved.",
            "zh": f"{name}为草案：请于{start}前执行 `{command}` 冻结，否则无法证明其效果。",
        },
        "unfrozen": {
            "en": f"{name} started on {start} without a frozen hold-out: its effect can be described, never attributed.",
            "zh": f"{name}于{start}启动但未冻结对照组：其效果只能描述，无法归因。",
        },
        "frozen": {
            "en": f"{name} was frozen on {frozen} (hash {mark}) and starts on {start}: leave the held-out alone until {end}.",
            "zh": f"{name}已于{frozen}冻结（哈希{mark}），{start}启动：{end}前不得接触对照组。",
        },
        "running": {
            "en": f"{name}, frozen on {frozen} (hash {mark}), runs until {end}: no verdict before then.",
            "zh": f"{name}于{frozen}冻结（哈希{mark}），进行至{end}：此前不作结论。",
        },
        "ended": {
            "en": f"{name}, frozen on {frozen} (hash {mark}), ended on {end} and can be reviewed.",
            "zh": f"{name}于{frozen}冻结（哈希{mark}），已于{end}结束，可以评估。",
        },
    }[row["campaign_state"]][lang]


def power(designs: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """Whether each campaign can show its target, what it needs, what it has, and the cheapest way out."""
    whole = _whole(designs)
    whole = whole[whole["campaign_state"] != "unfrozen"]
    if whole.empty:
        return say({"en": "No campaign to plan for.", "zh": "暂无需要规划的活动。"}, lang)
    return say({lang: _joined([_power(row, lang, book) for row in whole.to_dict("records")], lang)}, lang)


def _power(row: dict[Any, Any], lang: str, book: Book) -> str:
    name, weeks = row["campaign_id"], style.number(row["weeks"], lang)
    target = _amount(row["effect_target"], row["kpi_unit"], lang, book)
    treated, held = (style.number(row[c], lang) for c in ("treated", "held_out"))
    needed = style.number(row["needed_per_arm"], lang)
    best = row["mde"] if pd.isna(row["mde_cuped"]) else row["mde_cuped"]
    can = {"en": f"{name} can show an effect of {target} in {weeks} weeks",
           "zh": f"{name}：能在{weeks}周内检测到{target}的效果"}[lang]  # fmt: skip
    cannot = {"en": f"{name} cannot show an effect of {target} in {weeks} weeks",
              "zh": f"{name}：无法在{weeks}周内检测到{target}的效果"}[lang]  # fmt: skip
    arms = {"en": f"it has {treated} treated and {held} held out", "zh": f"现有实验组{treated}人、对照组{held}人"}[lang]
    if row["drawn_by"]:
        by, times = schema.word(row["drawn_by"], lang), style.number(row["design_effect"], lang, 1)
        arms += {
            "en": f" ({row['units']} whole groups by {by.lower()} were drawn, which multiplies the variance by {times})",
            "zh": f"（按{by}整群抽取{row['units']}组，方差为{times}倍）",
        }[lang]
    least = _amount(best, row["kpi_unit"], lang, book)
    if row["is_enough"]:
        return {
            "en": f"{can}: {arms}, and the least it can show is {least}.",
            "zh": f"{can}：{arms}，最小可检测效果为{least}。",
        }[lang]
    need = {"en": f"it needs {needed} per arm; {arms}", "zh": f"每组需{needed}人，{arms}"}[lang]
    if math.isnan(row["needed_per_arm"]):
        need = arms
    return f"{cannot}{_colon(lang)}{need}{_stop(lang)}{_remedy(row, least, lang, book)}"


def _remedy(row: dict[Any, Any], least: str, lang: str, book: Book) -> str:
    """The cheapest way out; once a campaign is frozen it is one for the next."""
    code, value = row["remedy"], row["remedy_value"]
    if code == "no_base":
        return {"en": "The data are too young to say how the KPI behaves without a campaign.",
                "zh": "数据历史过短，无法得知无活动时该指标的水平。"}[lang]  # fmt: skip
    if pd.isna(value):
        return {"en": "No effect that is possible at all could be shown: take another KPI.",
                "zh": "任何可能的效果都无法检测：请改用其他指标。"}[lang]  # fmt: skip
    n, share, aim = (
        style.number(value, lang),
        style.percent(value, lang, 0),
        _amount(value, row["kpi_unit"], lang, book),
    )
    is_draft = row["campaign_state"] == "draft"
    start = {
        "en": "Cheapest way out: " if is_draft else "Next time: ",
        "zh": "成本最低的办法：" if is_draft else "下次：",
    }[lang]
    ways = {
        "larger_holdout": {"en": f"hold out {share}", "zh": f"将对照组扩大到{share}"},
        "longer_window": {"en": f"run it {n} weeks", "zh": f"延长至{n}周"},
        "more_customers": {
            "en": f"merge tiers or add customers, {n} in all, half of them held out",
            "zh": f"合并层级或增加客户，共{n}人，其中一半为对照组",
        },
        "more_groups": {"en": f"draw at least {n} groups, or single customers", "zh": f"至少抽取{n}组，或按客户抽取"},
        "larger_effect": {
            "en": f"aim at {aim} or more, because the book has too few customers to show less",
            "zh": f"将目标提高到{aim}以上，因为账套客户数不足以检测更小的效果",
        },
    }
    now = {"en": f" As drawn it can show {least}.", "zh": f"按现有抽取可检测{least}。"}[lang]
    tells = code in ("larger_effect", "more_groups") or least == style.number(None, lang)
    return f"{start}{ways[code][lang]}{_stop(lang).strip()}" + ("" if tells else now)


def basis(designs: pd.DataFrame, lang: str, alpha: float, power: float) -> Sentence:
    """What the sizes rest on."""
    whole = _whole(designs).dropna(subset="base_from")
    a, p = style.percent(alpha, lang, 0), style.percent(power, lang, 0)
    if whole.empty:
        return say(
            {
                "en": f"Sizes are for {p} power at {a}, two-sided.",
                "zh": f"样本量按检验功效{p}、双侧显著性水平{a}计算。",
            },
            lang,
        )
    latest = whole.loc[whole["base_to"] == whole["base_to"].max()].iloc[0]
    first, last = style.day(latest["base_from"], lang), style.day(latest["base_to"], lang)
    return say({
        "en": f"Sizes are for {p} power at {a}, two-sided. How the KPI behaves without a campaign is measured in as many weeks "
        f"before the list was drawn (the latest: {first} to {last}), by the tier that customers had before them; the "
        "correlation is with the same figure in the window before that.",
        "zh": f"样本量按检验功效{p}、双侧显著性水平{a}计算。无活动时的指标水平取自抽取名单前的等长窗口（最近一次：{first}至{last}），"
        "按客户在此之前的层级统计；相关系数为与上一等长窗口同一指标的相关。",
    }, lang)  # fmt: skip


def balance(designs: pd.DataFrame, lang: str) -> Sentence:
    """Whether the arms were alike before, and their sizes those that were asked for."""
    drawn = designs[(designs["tier"] != "all") & (designs["eligible"] > 0)]
    if drawn.empty:
        return say({"en": "Nobody has been drawn yet.", "zh": "尚未抽取客户。"}, lang)
    apart = drawn[["smd_recency", "smd_frequency", "smd_monetary"]].abs().max(axis=1)
    worst = drawn.iloc[int(apart.fillna(0).to_numpy().argmax())]
    most, tier = style.number(apart.max(), lang, 2), schema.word(worst["tier"], lang)
    unlike = sorted(set(drawn.loc[~drawn["is_balanced"], "campaign_id"]))
    odd = sorted(set(designs.loc[designs["ratio_p"] < 0.001, "campaign_id"]))
    said = [{
        "en": f"Before anything is done, recency, orders and spend of the arms differ by at most {most} standard deviations "
        f"({worst['campaign_id']}, {tier})" + ("." if unlike else ", no more than chance makes."),
        "zh": f"活动之前，两组在最近购买、购买频次和消费额上最多相差{most}个标准差（{worst['campaign_id']}，{tier}）"
        + ("。" if unlike else "，在随机范围之内。"),
    }[lang]]  # fmt: skip
    said += [{"en": f"More than chance would: {', '.join(unlike)}. Do not draw again; the review adjusts for spend before.",
              "zh": f"超出随机范围：{'、'.join(unlike)}。请勿重新抽取，评估时将按前期消费校正。"}[lang]] if unlike else []  # fmt: skip
    said += [{"en": f"The arms of {', '.join(odd)} are not of the size asked for: find out who was left out.",
              "zh": f"{'、'.join(odd)}的组规模与设定不符：请查明遗漏了谁。"}[lang]] if odd else []  # fmt: skip
    return say({lang: _joined(said, lang)}, lang)


def overlaps(found: pd.DataFrame, designs: pd.DataFrame, lang: str) -> Sentence | None:
    """Which campaigns would contact the same customers at one time; nothing to say of fewer than two."""
    if designs["campaign_id"].nunique() < 2:
        return None
    if found.empty:
        return say(
            {"en": "No two campaigns share customers at the same time.", "zh": "没有两个活动在同一时间共用客户。"}, lang
        )
    said = [
        {
            "en": f"{row['campaign_id']} and {row['other_campaign_id']} run at the same time: {some(row['treated_twice'], lang)} "
            f"customers are treated in both, {some(row['treated_and_held'], lang)} in one while held out in the other. "
            "Each effect then includes the other's; strategy.holdout.exclusive keeps them apart.",
            "zh": f"{row['campaign_id']}与{row['other_campaign_id']}同时进行：{some(row['treated_twice'], lang)}人同属两个实验组，"
            f"{some(row['treated_and_held'], lang)}人在一方为实验组、在另一方为对照组。两者效果会相互混入；可设strategy.holdout.exclusive使其互斥。",
        }[lang]
        for row in found.to_dict("records")
    ]
    return say({lang: _joined(said, lang)}, lang)


def breaches(found: pd.DataFrame, lang: str, frozen: int) -> Sentence:
    """What was changed after it was frozen, each by name; `frozen` campaigns were looked at."""
    if not frozen:
        return say({"en": "No campaign is frozen yet.", "zh": "尚无已冻结的活动。"}, lang)
    if found.empty:
        return say(
            {"en": "Every frozen plan and list is as it was frozen.", "zh": "所有冻结的计划与名单均未改动。"}, lang
        )
    return say({lang: _joined([breach(row, lang) for row in found.to_dict("records")], lang)}, lang)


def breach(row: dict[Any, Any], lang: str) -> str:
    """One thing that no longer holds, in a sentence."""
    name, day = row["campaign_id"], style.day(row["snapshot_date"], lang)
    was, now = (row[c] or {"en": "blank", "zh": "空"}[lang] for c in ("frozen_value", "found_value"))
    field = row["field"]
    texts = {
        "register_changed": {
            "en": f"{name}: {field} was {was} when frozen on {day} and is {now} in the register now.",
            "zh": f"{name}：{field}在{day}冻结时为{was}，登记表中现为{now}。",
        },
        "late_snapshot": {
            "en": f"{name}: the list was drawn from {was}, and the campaign started on {now}.",
            "zh": f"{name}：名单取自{was}，而活动已于{now}开始。",
        },
        "windows_differ": {
            "en": f"{name}: the windows before and during the campaign have {was} and {now} days, or overlap.",
            "zh": f"{name}：活动前后窗口分别为{was}天和{now}天，或相互重叠。",
        },
        "arms_moved": {
            "en": f"{name}: {now} customers of the list are not in the arm that the draw gives them.",
            "zh": f"{name}：名单中有{now}人的分组与抽取结果不符。",
        },
    }
    if row["breach"] in texts:
        return texts[row["breach"]][lang]
    word = schema.word(row["breach"], lang)
    return {"en": f"{name}: {word[:1].lower()}{word[1:]}.", "zh": f"{name}：{word}。"}[lang]


def detectability(found: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """The most that the book could prove, and which tiers are too small on their own."""
    money = found[found["kpi_unit"] == "money"]
    whole = money[money["tier"] == "all"]
    if len(whole) and whole["base_sd"].iloc[0] == 0:
        weeks = whole["weeks"].iloc[0]
        return say(
            {
                "en": f"What a campaign could show cannot be told: no earlier customer bought again in the last {weeks} weeks.",
                "zh": f"无法估计活动可检测的效果：近{weeks}周内没有老客户再次购买。",
            },
            lang,
        )
    if whole.empty or pd.isna(whole["mde"].iloc[0]):
        return say(
            {
                "en": "The data are too young to say what a campaign could show.",
                "zh": "数据历史过短，无法估计活动可检测的效果。",
            },
            lang,
        )
    row = whole.iloc[0]
    best = row["mde"] if pd.isna(row["mde_cuped"]) else row["mde_cuped"]
    least, base = style.money(best, book, lang), style.money(row["base_value"], book, lang)
    usual = {"en": "; they usually spend nothing in that time", "zh": "；平时在此期间没有消费"}[lang]
    if row["base_value"] > 0:
        share = style.percent(best / row["base_value"], lang, 0)
        usual = {"en": f", {share} of the usual {base}", "zh": f"，为平时{base}的{share}"}[lang]
    thin = [schema.word(tier, lang) for tier in money.loc[money["has_small_arm"] & (money["tier"] != "all"), "tier"]]
    few = money.loc[money["mde"].isna() & (money["tier"] != "all"), "tier"]
    out = [schema.word(tier, lang) for tier in few]
    but = {"en": f" but {', '.join(out)}", "zh": f"（{'、'.join(out)}除外）"}[lang] if out else ""
    said = [{
        "en": f"A campaign to all tiers{but} could show {least} per customer in {row['weeks']} weeks{usual}.",
        "zh": f"面向全部层级{but}的活动在{row['weeks']}周内可检测到人均{least}的效果{usual}。",
    }[lang]]  # fmt: skip
    said += [{"en": f"Too small for a verdict on money alone: {', '.join(thin)}; merge them with another tier.",
              "zh": f"单独不足以对金额作出结论的层级：{'、'.join(thin)}；请与其他层级合并。"}[lang]] if thin else []  # fmt: skip
    rates = found[(found["kpi_unit"] == "rate") & (found["base_value"] > 0.97) & ~found["tier"].isin(["all", *few])]
    full = [schema.word(tier, lang) for tier in rates["tier"]]
    said += [{"en": f"Almost everybody in {', '.join(full)} orders anyway: no campaign can raise that share.",
              "zh": f"{'、'.join(full)}客户几乎都会下单，活动无法再提高该占比。"}[lang]] if full else []  # fmt: skip
    return say({lang: _joined(said, lang)}, lang)


def frozen_line(design: pd.Series, where: str, book: Book, *, is_new: bool) -> str:
    """One line for the command line: what was frozen, and whether it can show its target."""
    row = {**design.to_dict(), "campaign_state": "draft"}
    done = f"frozen in {where}" if is_new else f"is frozen already, unchanged, in {where}"
    return f"{row['campaign_id']} {done}. {_power(row, 'en', book)}"


def orders(value: float, lang: str) -> str:
    """Orders per customer: two decimals, three where a tenth would be much."""
    return style.number(value, lang, 3 if abs(value) < 0.1 else 2)


def _whole(designs: pd.DataFrame) -> pd.DataFrame:
    return designs[designs["tier"] == "all"]


def _amount(value: float, unit: str, lang: str, book: Book) -> str:
    if unit == "money":
        return (
            style.money(value, book, lang) + {"en": " per customer", "zh": "/人"}[lang]
            if pd.notna(value)
            else style.money(value, book, lang)
        )
    if pd.isna(value):
        return style.number(None, lang)
    if unit != "rate":
        return orders(value, lang) + {"en": " orders per customer", "zh": "单/人"}[lang]
    return style.number(100 * value, lang, 1) + {"en": " points", "zh": "个百分点"}[lang]


def _joined(said: list[str], lang: str) -> str:
    return {"en": " ", "zh": ""}[lang].join(said)


def _colon(lang: str) -> str:
    return {"en": ": ", "zh": "："}[lang]


def _stop(lang: str) -> str:
    return {"en": ". ", "zh": "。"}[lang]
