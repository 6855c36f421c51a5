"""Figures of step 4: tidy frame in, Axes out."""

import textwrap
from datetime import date

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from crmlib import schema
from crmlib.params import Book
from crmlib.views import style, tables

_LATE = "#d55e00"
_NOTE = {"en": " (illustrative)", "zh": "（示例）"}


@style.chart(7.2, 3.0)
def budget_by_action(plan: pd.DataFrame, lang: str, book: Book, ax: Axes | None = None) -> Axes:
    """Planned cost of each action, in the colour of its tier, with its expected margin after cost."""
    assert ax is not None
    if plan.empty:
        return style.empty(
            ax, {"en": "No actions are registered to spend the budget on", "zh": "尚未登记可分配预算的行动"}[lang]
        )
    _figure(ax).set_figheight(1.2 + 0.36 * len(plan))
    place, scale = range(len(plan)), 10**book.minor_digits
    bars = ax.barh(
        place, plan.cost_minor / scale, color=[style.TIER_COLOURS.get(tier, style.GREY) for tier in plan.tier]
    )
    texts = [_spent(c, v, lang, book) for c, v in zip(plan.cost_minor, plan.value_minor, strict=True)]
    ax.bar_label(bars, texts, padding=4, fontsize=9)
    shown = dict(zip(plan.tier, bars, strict=True))
    _figure(ax).legend(
        shown.values(), [schema.word(t, lang) for t in shown], loc="outside lower center", ncols=len(shown)
    )
    actions = tables.in_language(plan, lang).action
    ax.set_yticks(place, [_wrapped(action, lang) for action in actions], fontsize=9, linespacing=1.0)
    ax.invert_yaxis()
    ax.set_xlim(0, 1.6 * max(plan.cost_minor.max() / scale, 1))
    ax.set_xlabel(tables.heading("cost_minor", lang, book))
    cost, value = style.money(plan.cost_minor.sum(), book, lang), style.money(plan.value_minor.sum(), book, lang)
    title = {
        "en": f"{cost} of contacts should bring {value} of margin after cost",
        "zh": f"投入{cost}，扣除成本后预期毛利{value}",
    }[lang]
    return style.finish(ax, title=title + _note(plan, lang), alt=title + _note(plan, lang))


@style.chart(7.2, 3.0)
def gantt(tasks: pd.DataFrame, lang: str, as_of: date, ax: Axes | None = None) -> Axes:
    """Each task's plan (light) and progress (dark); what is overdue, or was done late, runs on in orange."""
    assert ax is not None
    if tasks.empty:
        return style.empty(ax, {"en": "No tasks are registered", "zh": "尚未登记任务"}[lang])
    _figure(ax).set_figheight(1.3 + 0.32 * len(tasks))
    place, today = range(len(tasks)), pd.Timestamp(as_of)
    start, planned = date2num(tasks.start_date), (tasks.due_date - tasks.start_date).dt.days + 1
    late = tasks.slippage_days.clip(lower=0)
    ax.barh(place, planned, 0.6, left=start, color=style.LINE)
    ax.barh(place, planned * tasks.progress_share.fillna(0), 0.3, left=start, color=style.ACCENT)
    ax.barh(place, late, 0.3, left=start + planned, color=_LATE)
    ax.axvline(date2num(today), color=style.INK, linewidth=1, linestyle="--")
    ax.text(date2num(today), -1, f" {style.day(as_of, lang)}", va="bottom", fontsize=9)
    texts = tables.in_language(tasks, lang).task
    names = [f"{task} {text}" for text, task in zip(texts, tasks.task_id, strict=True)]
    ax.set_yticks(place, [_wrapped(name, lang) for name in names], fontsize=8, linespacing=1.0)
    ax.set_ylim(len(tasks) - 0.4, -1)
    ax.xaxis_date()
    ax.grid(axis="x")
    ax.set_xlabel(
        {"en": "Light: planned; blue: progress; orange: days late", "zh": "浅色：计划；蓝色：进度；橙色：延误天数"}[
            lang
        ]
    )
    n_late, n_due = int(tasks.is_late.sum()), int(tasks.is_due.sum())
    on_time = int((tasks.is_due & tasks.is_on_time).sum())
    title = {
        "en": f"{on_time} of {n_due} tasks due this quarter were done on time; {n_late} are overdue",
        "zh": f"本季度到期任务{n_due}项，按时完成{on_time}项；目前逾期{n_late}项",
    }[lang]
    title = (
        title
        if n_due
        else {"en": f"No task was due; {n_late} are overdue", "zh": f"本季度没有到期任务；目前逾期{n_late}项"}[lang]
    )
    return style.finish(ax, title=title + _note(tasks, lang), alt=title + _note(tasks, lang))


def _spent(cost: float, value: float, lang: str, book: Book) -> str:
    if cost == 0:
        return {"en": "not funded", "zh": "未分配"}[lang]
    return f"{style.money(cost, book, lang)} → {style.money(value, book, lang)}"


def _wrapped(name: str, lang: str) -> str:
    return textwrap.fill(style.legible(name), {"en": 34, "zh": 26}[lang])


def _figure(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def _note(frame: pd.DataFrame, lang: str) -> str:
    return _NOTE[lang] if tables.is_illustrative(frame) else ""
