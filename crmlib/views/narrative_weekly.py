"""Sentences of the weekly monitoring: pace, signals, campaigns, execution."""

import pandas as pd

from crmlib import schema
from crmlib.params import Book
from crmlib.views import narrative_steps, style, tables
from crmlib.views.narrative import Sentence, say

LANGS = ("en", "zh")
_SEPARATOR = {"en": "; ", "zh": "；"}
_COMMA = {"en": ", ", "zh": "、"}
_LEVEL = 8  # weeks of signals in a row on one side, as in the rule for runs: no single events any more


def pace(due: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """Which targets of the quarter are behind; `due` is the table `target_pace`."""
    if due.empty:
        return say(
            {
                "en": "No target is due in this quarter, so there is no pace to compare with.",
                "zh": "没有本季度到期的目标，因此没有可比较的进度线。",
            },
            lang,
        )
    behind = due[due["pace_state"] == "behind_pace"]
    named = _SEPARATOR[lang].join(narrative_steps.against(row, lang, book) for _i, row in behind.iterrows())
    made_up = (
        {"en": " The targets are illustrative.", "zh": "目标为示例。"}[lang] if tables.is_illustrative(due) else ""
    )
    n, late = len(due), len(behind)
    return say(
        {
            "en": f"{late} of {n} targets due this quarter are behind their pace"
            + (f": {named}." if late else ".")
            + made_up,
            "zh": f"本季度到期的{n}个目标中有{late}个落后于进度" + (f"：{named}。" if late else "。") + made_up,
        },
        lang,
    )


def signals(weeks: pd.DataFrame, alarms: tuple[float, float], lang: str) -> Sentence:
    """Which weeks stand out, and how many would by chance. `alarms`: of one quiet chart, outside and eight in a row."""
    before = weeks[(weeks["phase"] == "baseline") & weeks["holiday"].eq("")]
    n = before["week"].nunique()
    if weeks["mean"].isna().all():
        return say(
            {
                "en": f"The data hold {n} whole weeks before the quarter. Limits need 12, so none are drawn and no week is "
                "judged.",
                "zh": f"数据中本季度之前只有{n}个完整周。控制限至少需要12周，因此不绘制控制限，也不对各周作判断。",
            },
            lang,
        )
    watched = weeks[(weeks["phase"] == "quarter") & weeks["lower_limit"].notna()]
    found, charts = watched[watched["signal"] != ""], watched["kpi"].nunique()
    spans = [(kpi, _spans(group)) for kpi, group in found.groupby("kpi", sort=False)]
    said = _SEPARATOR[lang].join(_signal(kpi, weeks, lang) for kpi, weeks in spans)
    said += _shifted([kpi for kpi, weeks in spans if max(map(len, weeks)) >= _LEVEL], lang)
    outside, run = (style.percent(share, lang) for share in alarms)
    few = {"en": " More weeks would make them rarer.", "zh": "基线周数越多，误报越少。"}[lang] if n < 26 else ""
    return say(
        {
            "en": (f"Signals: {said}. " if said else "No week of the quarter is a signal. ")
            + f"Limits rest on {n} earlier weeks. A quiet KPI still shows a week outside in {outside} of quarters and eight "
            f"in a row in {run}: with {charts} KPIs about {style.number(charts * sum(alarms), lang, 1)} false signals a "
            f"quarter.{few} Limits know no season; a signal asks what happened and proves no cause.",
            "zh": (f"信号：{said}。" if said else "本季度没有出现信号的周。")
            + f"控制限取自此前{n}周。即便一切如常，单项指标一个季度出现超限周的概率为{outside}，连续八周同侧为{run}："
            f"{charts}项指标合计每季度约有{style.number(charts * sum(alarms), lang, 1)}个误报。{few}控制限不含季节因素；信号提示需查明原因，本身不证明原因。",
        },
        lang,
    )


def _spans(group: pd.DataFrame) -> list[pd.DataFrame]:
    """One KPI's signals, split where a week lies between them or the side of the mean changes."""
    side = group["kpi_value"] > group["mean"]
    new = group["start_date"].diff().ne(pd.Timedelta(days=7)) | (side != side.shift())
    return [span for _n, span in group.groupby(new.cumsum())]


def _shifted(kpis: list[object], lang: str) -> str:
    """What weeks on end outside mean."""
    if not kpis:
        return ""
    names = _COMMA[lang].join(schema.word(kpi, lang) for kpi in kpis)
    return {"en": f". {_LEVEL} weeks or more in a row are no single events: the level has shifted ({names})",
            "zh": f"。连续{_LEVEL}周及以上并非偶发事件，而是水平已经改变（{names}）"}[lang]  # fmt: skip


def _signal(kpi: object, spans: list[pd.DataFrame], lang: str) -> str:
    ends = [(span["week"].iloc[0][5:], span["week"].iloc[-1][5:]) for span in spans]
    named = _COMMA[lang].join(first if first == last else f"{first}–{last}" for first, last in ends)
    codes = [code for span in spans for code in span["signal"]]
    kinds = _COMMA[lang].join(schema.word(code, lang).lower() for code in dict.fromkeys(codes))
    name = schema.word(kpi, lang)
    return {"en": f"{name} {named} ({kinds})", "zh": f"{name} {named}（{kinds}）"}[lang]


def masked(weeks: pd.DataFrame, lang: str) -> Sentence:
    """Which holiday weeks are drawn hollow and take part in nothing."""
    out = weeks[weeks["holiday"].ne("")].drop_duplicates("week")
    if out.empty:
        return say(
            {
                "en": "No holiday weeks are taken out (strategy.weekly.holidays names none in these weeks).",
                "zh": "未剔除节假日所在周（strategy.weekly.holidays 未列出这些周内的节假日）。",
            },
            lang,
        )
    column = "holiday_zh" if lang == "zh" else "holiday"
    named = _COMMA[lang].join(
        {"en": f"{week[5:]} ({name})", "zh": f"{week[5:]}（{name}）"}[lang]
        for week, name in zip(out["week"], (_words(text, lang) for text in out[column]), strict=True)
    )
    return say(
        {
            "en": f"Holiday weeks set no limits and give no signal: {named}.",
            "zh": f"节假日所在周不参与计算控制限，也不作为信号：{named}。",
        },
        lang,
    )


def _words(codes: str, lang: str) -> str:
    return _COMMA[lang].join(schema.word(code, lang) for code in codes.split("; "))


def resources(
    watched: pd.DataFrame, used: pd.DataFrame, planned: pd.DataFrame | None, lang: str, book: Book
) -> Sentence:
    """What was spent of the plan, and what cannot be followed for lack of data.

    The market's size is in no source, and no source records whom a campaign reached: both are always named.
    """
    kpis = set(watched["kpi"])
    missing = [
        (words, not_there)
        for words, not_there in (
            ({"en": "satisfaction (no surveys)", "zh": "满意度（无问卷）"}, "csat" not in kpis),
            ({"en": "first replies (no tickets)", "zh": "首次回复（无工单）"}, "reply_in_time_rate" not in kpis),
            ({"en": "tasks in time (no tasks due)", "zh": "任务及时率（无到期任务）"}, "on_time_rate" not in kpis),
            ({"en": "campaign response (no campaign data)", "zh": "活动响应（无活动数据）"}, "campaign_response_rate" not in kpis),
            ({"en": "whom campaigns reached (no delivery record)", "zh": "活动触达（无送达记录）"}, True),
            ({"en": "change in market share (no market size)", "zh": "市场份额变化（无市场规模数据）"}, True),
            ({"en": "budget used (no plan of the quarter before, or no costs)", "zh": "预算使用（无上季度计划或无成本数据）"}, used.empty),
            ({"en": "planned contacts (no action list of the quarter before)", "zh": "计划联系（无上季度行动清单）"}, planned is None),
        )
    ]  # fmt: skip
    named = {code: _COMMA[code].join(words[code] for words, gone in missing if gone) for code in LANGS}
    spent = {code: _spending(used, code, book) for code in LANGS}
    return say(
        {"en": f"{spent['en']}Not measured: {named['en']}.", "zh": f"{spent['zh']}无法测得：{named['zh']}。"}, lang
    )


def _spending(used: pd.DataFrame, lang: str, book: Book) -> str:
    if used.empty:
        return ""
    row = used.iloc[0]
    spent, plan, by_now = (style.money(row[c], book, lang) for c in ("spent_minor", "planned_minor", "pace_minor"))
    share = style.percent(row["spent_share"], lang)
    return {
        "en": f"{spent} of the planned {plan} is spent ({share}); an even pace would be {by_now}. ",
        "zh": f"计划{plan}中已使用{spent}（{share}）；均匀进度应为{by_now}。",
    }[lang]


def frozen(found: pd.DataFrame, lang: str) -> Sentence:
    """How far the campaigns with a hold-out are; the arms are not compared before the end."""
    planned = found[found["campaign_source"] == "frozen_plan"]
    if planned.empty:
        return say({"en": "No campaign with a hold-out has begun.", "zh": "没有已开始的设对照组活动。"}, lang)
    said = _SEPARATOR[lang].join(
        {
            "en": f"{r['campaign_id']} ({style.day(r['start_date'], 'en')} to {style.day(r['end_date'], 'en')}): "
            f"{r['responded']} of {r['targeted']} treated customers bought since it began",
            "zh": f"{r['campaign_id']}（{style.day(r['start_date'], 'zh')}至{style.day(r['end_date'], 'zh')}）："
            f"实验组{r['targeted']}人中{r['responded']}人在活动开始后有购买",
        }[lang]
        for r in planned.to_dict("records")
    )
    return say(
        {
            "en": f"With a hold-out: {said}. The arms are compared once, after the end.",
            "zh": f"设对照组的活动：{said}。两组仅在活动结束后比较一次。",
        },
        lang,
    )


def campaigns(progress: pd.DataFrame, lang: str, min_cell: int = 1) -> Sentence:
    """How the campaigns of the campaign data answer."""
    found = progress[progress["campaign_source"] == "campaign_data"]
    if found.empty:
        return say({"en": "No campaign with a target list ran in the quarter so far.", "zh": "本季度至今没有带目标名单的营销活动。"}, lang)  # fmt: skip
    running = found[found["is_running"].astype("bool")]
    ranked = found[found["targeted"] >= min_cell].sort_values(["response_rate", "campaign_id"], ascending=[False, True])
    responded, targeted = style.number(found["responded"].sum(), lang), style.number(found["targeted"].sum(), lang)
    rate = style.percent(found["responded"].sum() / max(found["targeted"].sum(), 1), lang)
    en = zh = ""
    if len(ranked):
        best, top = ranked.iloc[0], style.percent(ranked["response_rate"].iloc[0], lang)
        en = f"; most in {best['campaign_id']} ({top} of {best['targeted']})"
        zh = f"；响应最高的是{best['campaign_id']}（{best['targeted']}人中{top}）"
    return say(
        {
            "en": f"{len(found)} campaigns ran so far, {len(running)} still run: {responded} of {targeted} targeted places "
            f"answered ({rate}){en}. Response is no effect: many would have bought anyway.",
            "zh": f"本季度至今共{len(found)}个活动，{len(running)}个仍在进行：{targeted}个目标名额中{responded}个已响应（{rate}）{zh}。"
            "响应不等于效果：其中不少客户本来就会购买。",
        },
        lang,
    )


def execution(owners: pd.DataFrame, lang: str) -> Sentence:
    """Whether tasks are done in time, and whose are late; `owners` is the table `owner_tasks`."""
    if owners.empty:
        return say({"en": "No task was due in the quarter so far.", "zh": "本季度至今没有到期任务。"}, lang)
    due, on_time = int(owners["tasks_due"].sum()), int(owners["tasks_on_time"].sum())
    late = owners[owners["tasks_overdue"] > 0]
    named = _SEPARATOR[lang].join(
        {"en": f"{r['owner']} {r['tasks_overdue']} ({r['task_ids']})", "zh": f"{r['owner']} {r['tasks_overdue']}项（{r['task_ids']}）"}[lang]
        for r in late.to_dict("records")
    )  # fmt: skip
    return say(
        {
            "en": f"{on_time} of {due} tasks due so far were done on time. Open and late: {named or 'none'}.",
            "zh": f"至今到期任务{due}项，按时完成{on_time}项。逾期未完成：{named or '无'}。",
        },
        lang,
    )


def contacts(sla: pd.DataFrame, hours: float, lang: str) -> Sentence:
    """How fast each tier is answered; `hours` is what a first reply may take."""
    first = sla[sla["level"] == "first_reply"]
    if first.empty:
        return say({"en": "No ticket's first reply was due so far.", "zh": "至今没有到期的首次回复。"}, lang)
    said = _SEPARATOR[lang].join(
        {"en": f"{schema.word(r['tier'], lang).lower()} {r['in_time']} of {r['due']}", "zh": f"{schema.word(r['tier'], lang)} {r['in_time']}/{r['due']}"}[lang]
        for r in first.to_dict("records")
    )  # fmt: skip
    thin = {"en": " These are too few to rank the tiers.", "zh": "样本过少，不宜比较层级。"}[lang]
    few = thin if first["is_thin"].astype("bool").any() else ""
    limit = style.number(hours, lang)
    return say(
        {
            "en": f"First reply within {limit} h, by tier at the start of the quarter: {said}.{few}",
            "zh": f"{limit}小时内首次回复（按季初层级）：{said}。{few}",
        },
        lang,
    )
