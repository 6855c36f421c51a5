"""Figures of what step 4 spends and when its tasks are due: tidy frame in, Axes out."""

import textwrap
from datetime import date

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from crmlib import schema
from crmlib.params import Book
from crmlib.views import style, tables

_LATE = "#d55e00"
_CURVE = 150  # points: how tall the curve of the budget is drawn
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


@style.chart(7.2, 3.6)
def budget_curve(curve: pd.DataFrame, lang: str, book: Book, ax: Axes | None = None) -> Axes:
    """Expected margin after cost against budget, with the plan and the points from which more brings little."""
    assert ax is not None
    if curve.empty:
        return style.empty(
            ax, {"en": "No actions are registered to spend a budget on", "zh": "尚未登记可使用预算的行动"}[lang]
        )
    scale = 10**book.minor_digits
    ax.plot(curve.budget_minor / scale, curve.value_minor / scale, color=style.ACCENT)
    top = 1.08 * max(curve.value_minor.max() / scale, 1)
    at, point = top, top / _CURVE
    for row in curve[curve.budget_mark != ""].iloc[::-1].itertuples():
        x, y, is_plan = row.budget_minor / scale, row.value_minor / scale, row.budget_mark == "planned"
        ax.plot([x], [y], "o", color=_LATE if is_plan else style.ACCENT, markersize=7 if is_plan else 5)
        text = f"{style.money(row.budget_minor, book, lang)}: {schema.word(row.budget_mark, lang)}"
        line = {"arrowstyle": "-", "color": style.LINE, "linewidth": 0.8, "shrinkB": 4}
        at = max(min(y - 14 * point, at - 16 * point), 4 * point)  # below its point and the name before, above the axis
        ax.annotate(text, (x, y), (14, (at - y) / point), textcoords="offset points", fontsize=9, arrowprops=line)
    ax.set_xlim(0, 1.45 * curve.budget_minor.max() / scale)
    ax.set_ylim(0, top)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(lambda amount, _: style.number(amount, lang))
    ax.set_xlabel(tables.heading("budget_minor", lang, book))
    ax.set_ylabel(tables.heading("value_minor", lang, book))
    price = curve.shadow_price[curve.budget_mark == "planned"]
    unit = style.money(scale, book, lang)
    worth = style.money(scale * price.iloc[0], book, lang) if len(price) else style.money(None, book, lang)
    title = {
        "en": f"At the planned budget the next {unit} brings {worth} on top of its cost, and less the further it goes",
        "zh": f"在计划预算下，每再增加{unit}可在收回成本后带来{worth}毛利，且逐步递减",
    }[lang] + _note(curve, lang)
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 3.0)
def gantt(tasks: pd.DataFrame, lang: str, as_of: date, ax: Axes | None = None) -> Axes:
    """Each task's plan (light), what was done (dark), what is foretold (orange outline), and what it waits for.

    Critical tasks have their names in orange: a day lost on them is a day lost for the strategy.
    """
    assert ax is not None
    if tasks.empty:
        return style.empty(ax, {"en": "No tasks are registered", "zh": "尚未登记任务"}[lang])
    _figure(ax).set_figheight(1.7 + 0.3 * len(tasks))
    tasks = _by_strategy(tasks)
    _bars(ax, tasks)
    _arrows(ax, tasks)
    ax.axvline(date2num(pd.Timestamp(as_of)), color=style.INK, linewidth=1, linestyle="--")
    ax.text(date2num(pd.Timestamp(as_of)), -1, f" {style.day(as_of, lang)}", va="bottom", fontsize=9)
    texts = tables.in_language(tasks, lang).task
    ids = tasks.strategy_id + " " + tasks.task_id
    names = [f"{known} {text}" for text, known in zip(texts, ids, strict=True)]
    ax.set_yticks(range(len(tasks)), [_wrapped(name, lang) for name in names], fontsize=8, linespacing=1.0)
    for label, is_critical in zip(ax.get_yticklabels(), tasks.is_critical, strict=True):
        label.set_color(_LATE if is_critical else style.INK)
    ax.set_ylim(len(tasks) - 0.4, -1)
    ax.xaxis_date()
    ax.grid(axis="x")
    key = {
        "en": "Light: planned; blue: done so far; orange outline: forecast\n"
        "Arrow: from what is needed to what waits for it; orange name: critical",
        "zh": "浅色：计划；蓝色：已完成；橙框：预计\n箭头：由前置任务指向后续任务；橙色任务名：关键任务",
    }
    ax.set_xlabel(key[lang])
    title = _on_time(tasks, lang) + _note(tasks, lang)
    return style.finish(ax, title=title, alt=title)


def _by_strategy(tasks: pd.DataFrame) -> pd.DataFrame:
    """Strategies in order of their ids (ST2 before ST10), so that arrows stay short."""
    order = sorted(range(len(tasks)), key=lambda i: (len(tasks.strategy_id.iloc[i]), tasks.strategy_id.iloc[i], i))
    return tasks.iloc[order].reset_index(drop=True)


def _bars(ax: Axes, tasks: pd.DataFrame) -> None:
    """Plan above, actual or progress below it; for what is open the days foretold."""
    place, start = np.arange(len(tasks)), np.asarray(date2num(tasks.start_date))
    planned = (tasks.due_date - tasks.start_date).dt.days.to_numpy() + 1
    ax.barh(place, planned, 0.62, left=start, color=style.LINE)
    is_done = tasks.done_date.notna().to_numpy()
    taken = (tasks.done_date - tasks.start_date).dt.days.to_numpy() + 1.0
    so_far = planned * tasks.progress_share.fillna(0).to_numpy()
    ax.barh(place, np.where(is_done, np.maximum(taken, 1), so_far), 0.3, left=start, color=style.ACCENT)
    begin = np.asarray(date2num(tasks.forecast_start))
    length = (tasks.forecast_date - tasks.forecast_start).dt.days.to_numpy() + 1
    moved = ~is_done & (tasks.forecast_date > tasks.due_date).to_numpy()
    ax.barh(place[moved], length[moved], 0.62, left=begin[moved], fill=False, edgecolor=_LATE, linewidth=1)


def _arrows(ax: Axes, tasks: pd.DataFrame) -> None:
    """From the end of what is needed to the start of what waits for it."""
    end = dict(zip(tasks.task_id, date2num(tasks.forecast_date + pd.Timedelta(days=1)), strict=True))
    place = {name: i for i, name in enumerate(tasks.task_id)}
    for name, needed, start in zip(tasks.task_id, tasks.depends_on, date2num(tasks.forecast_start), strict=True):
        for before in (part.strip() for part in needed.split(";")):
            if before in place:
                ax.annotate(
                    "",
                    (start, place[name]),
                    (end[before], place[before]),
                    arrowprops={"arrowstyle": "->", "color": style.GREY, "linewidth": 0.8},
                )


def _on_time(tasks: pd.DataFrame, lang: str) -> str:
    late, due = int(tasks.is_late.sum()), int(tasks.is_due.sum())
    if not due:
        return {"en": f"No task was due; {late} are overdue", "zh": f"本季度没有到期任务；目前逾期{late}项"}[lang]
    on_time = int((tasks.is_due & tasks.is_on_time).sum())
    return {
        "en": f"{on_time} of {due} tasks due this quarter were done on time; {late} are overdue",
        "zh": f"本季度到期任务{due}项，按时完成{on_time}项；目前逾期{late}项",
    }[lang]


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
