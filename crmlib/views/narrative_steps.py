"""Sentences of the weekly monitoring: adjustments with what was seen afterwards, and what to do next."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from crmlib import schema
from crmlib.params import Book
from crmlib.views import narrative_review, style, tables
from crmlib.views.narrative import Sentence, say

Row = Mapping[Any, Any]
LANGS = ("en", "zh")
_SEPARATOR = {"en": "; ", "zh": "；"}
_STEPS = 8


def against(row: Row | pd.Series, lang: str, book: Book) -> str:
    """A KPI beside its pace."""
    actual, expected = (narrative_review.figure(row[c], row["kpi_unit"], lang, book) for c in ("actual", "pace"))
    name = schema.word(row["kpi"], lang)
    return {
        "en": f"{name} {actual} where {expected} was expected by now",
        "zh": f"{name}为{actual}，此时应为{expected}",
    }[lang]


def adjustments(log: pd.DataFrame, lang: str) -> Sentence:
    """How many changes there were and what the last one was."""
    if log.empty:
        return say({"en": "No adjustments were made so far.", "zh": "至今没有调整记录。"}, lang)
    last = tables.in_language(log, lang).iloc[0]
    day = style.day(last.adjusted_on, lang)
    return say(
        {
            "en": f"{len(log)} adjustments so far; the last on {day}: {last.what} ({last.why}). What was seen afterwards "
            "describes and proves nothing.",
            "zh": f"迄今共{len(log)}次调整；最近一次为{day}：{last.what}（{last.why}）。调整后所见仅作描述，不作归因。",
        },
        lang,
    )


def with_effects(log: pd.DataFrame, effects: pd.DataFrame, book: Book) -> pd.DataFrame:
    """Table `adjustments_log`: each change with what its strategy's KPIs did afterwards, in both languages."""
    said = {
        lang: [
            _seen(effects[(effects["adjusted_on"] == day) & (effects["strategy_id"] == strategy)], lang, book)
            for day, strategy in zip(log["adjusted_on"], log["strategy_id"], strict=True)
        ]
        for lang in LANGS
    }
    return log.assign(effect_seen=said["en"], effect_seen_zh=said["zh"])


def _seen(effects: pd.DataFrame, lang: str, book: Book) -> str:
    if effects.empty:
        return {"en": "No target that is measured by week", "zh": "没有可按周测得的目标"}[lang]
    return _SEPARATOR[lang].join(_shift(row, lang, book) for row in effects.to_dict("records"))


def _shift(row: Row, lang: str, book: Book) -> str:
    name, state = schema.word(row["kpi"], lang), schema.word(row["after_state"], lang).lower()
    if row["after_state"] in ("too_soon", "nothing_before"):
        return {"en": f"{name}: {state}", "zh": f"{name}：{state}"}[lang]
    was, became = (narrative_review.figure(row[c], row["kpi_unit"], lang, book) for c in ("kpi_before", "kpi_after"))
    weeks = f"{row['weeks_before']}/{row['weeks_after']}"
    return {
        "en": f"{name} {was} → {became} ({weeks} weeks, {state})",
        "zh": f"{name} {was} → {became}（前后{weeks}周，{state}）",
    }[lang]


def steps(due: pd.DataFrame, weeks: pd.DataFrame, tasks: pd.DataFrame, book: Book) -> pd.DataFrame:
    """Table `weekly_steps`: late tasks, signals of the last week, targets behind, tasks due next; eight at most.

    tasks: those still open that are late or due soon (columns of the table `schedule`).
    """
    late, soon = tasks[tasks["is_late"].astype("bool")], tasks[~tasks["is_late"].astype("bool")]
    last = weeks.loc[weeks["phase"] == "quarter", "week"].max() if len(weeks) else ""
    now = weeks[(weeks["week"] == last) & (weeks["signal"] != "")]
    owners = due.drop_duplicates("kpi").set_index("kpi")["owner"] if len(due) else pd.Series(dtype="str")
    rows = [_task(row, lateness=True) for row in late.to_dict("records")]
    rows += [_look(row, owners, book) for row in now.to_dict("records")]
    rows += [_behind(row, book) for row in due[due["pace_state"] == "behind_pace"].to_dict("records")]
    rows += [_task(row, lateness=False) for row in soon.to_dict("records")]
    found = pd.DataFrame(rows[:_STEPS], columns=["todo", "todo_zh", "owner", "due_date"])
    found["due_date"] = pd.to_datetime(found["due_date"]).astype("datetime64[us]")
    return found.assign(rank=range(1, len(found) + 1))[list(schema.TABLES["weekly_steps"].columns)]


def to_do(steps: pd.DataFrame, lang: str) -> Sentence:
    """How much there is to do now."""
    n = len(steps)
    return say(
        {
            "en": f"{n} things to do next, late tasks first."
            if n
            else "Nothing is late, nothing stands out, no target is behind.",
            "zh": f"下一步共{n}项，逾期任务在前。" if n else "没有逾期任务，没有异常信号，没有落后的目标。",
        },
        lang,
    )


def _task(row: Row, *, lateness: bool) -> tuple[object, ...]:
    name = f"{row['task_id']} {row['task']}"
    name_zh = f"{row['task_id']} {row['task_zh'] or row['task']}"
    if lateness:
        days = row["slippage_days"]
        return f"Finish {name}: {days} days late.", f"完成{name_zh}：已逾期{days}天。", row["owner"], row["due_date"]
    return f"Keep {name} in time.", f"按期完成{name_zh}。", row["owner"], row["due_date"]


def _look(row: Row, owners: pd.Series, book: Book) -> tuple[object, ...]:
    texts = [
        {
            "en": f"Find out what moved {schema.word(row['kpi'], 'en').lower()} in {row['week']}: "
            f"{narrative_review.figure(row['kpi_value'], row['kpi_unit'], 'en', book)}, "
            f"{schema.word(row['signal'], 'en').lower()}.",
            "zh": f"查明{row['week']}{schema.word(row['kpi'], 'zh')}变动的原因："
            f"{narrative_review.figure(row['kpi_value'], row['kpi_unit'], 'zh', book)}，{schema.word(row['signal'], 'zh')}。",
        }[lang]
        for lang in LANGS
    ]
    return *texts, owners.get(row["kpi"], ""), None


def _behind(row: Row, book: Book) -> tuple[object, ...]:
    en, zh = (against(row, lang, book) for lang in LANGS)
    return (
        f"Say how {row['target_id']} will be reached: {en}.",
        f"说明如何达成{row['target_id']}：{zh}。",
        row["owner"],
        row["due_date"],
    )
