"""What if the budget or a department's hours were others, and what would one unit more of each be worth?"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import pandas as pd

from crmlib.io import registers
from crmlib.io.store import Store
from crmlib.params import Book, Settings, Strategy
from crmlib.strategy import allocation
from crmlib.views import charts_explore, narrative, style, tables
from crmlib.views.explore.panel import Answer, Control, Panel, Values, absent, stated

PLAN = ["action_id", "action", "action_zh", "tier", "contacts", "reached_share", "cost_minor", "hours", "value_minor"]
LIMITS = ["limit_kind", "department", "department_zh", "tier", "action_id", "limit_amount", "used_amount",
          "shadow_price", "holds_from", "holds_to"]  # fmt: skip


@dataclass(frozen=True)
class Tried:
    """The tables `allocation` and `allocation_limits` under other limits; `short`: customers that floors lack."""

    plan: pd.DataFrame
    limits: pd.DataFrame
    short: float

    @property
    def price(self) -> float:
        """What one unit more of money is worth."""
        return float(self.limits.loc[self.limits["limit_kind"] == "budget", "shadow_price"].max())


@dataclass(frozen=True)
class Inputs:
    """Registered actions and strategies, customers by tier, and the book."""

    actions: pd.DataFrame
    strategies: pd.DataFrame
    sizes: pd.DataFrame
    book: Book


def with_limits(rules: Strategy, budget: float, hours: Mapping[str, float]) -> Strategy:
    """The settings with another budget (major units) and other hours."""
    return rules.model_copy(update={"budget": budget, "department_hours": {**rules.department_hours, **hours}})


def budget_data(inputs: Inputs, rules: Strategy) -> Tried:
    """The best plan within these limits, with the worth of one unit more of each."""
    solved = allocation.solve(inputs.actions, inputs.sizes, rules)
    plan = allocation.plan(solved, inputs.strategies, inputs.book)
    return Tried(plan, allocation.limits(solved, inputs.strategies), float(solved.broken["shortfall"].sum()))


@stated
def budget_what_if(results: Store, settings: Settings, lang: str) -> Panel:
    """Sliders for the budget and each department's hours."""
    rules, book = settings.strategy, settings.book
    inputs = Inputs(
        registers.read(settings, "actions"), registers.read(settings, "strategies"), results.frame("tier_sizes"), book
    )
    if inputs.actions.empty:
        return absent(_TITLE[lang], _NONE, settings, lang)

    @lru_cache(maxsize=32)
    def curve(hours: tuple[tuple[str, float], ...]) -> pd.DataFrame:
        return allocation.curve_data(inputs.actions, inputs.sizes, with_limits(rules, rules.budget, dict(hours)), book)

    span = _span(curve(()), rules.budget, book)

    def answer(values: Values) -> Answer:
        hours = {department: float(values[f"hours_{department}"]) for department in rules.department_hours}
        tried = with_limits(rules, float(values["budget"]), hours)
        found = budget_data(inputs, tried)
        along = curve(tuple(hours.items()))
        draw = partial(charts_explore.budget, along, spots(along, rules.budget, tried.budget, book), found.price)
        felt = found.limits["limit_kind"].isin(["budget", "hours"]) | (found.limits["shadow_price"] != 0)
        return Answer(
            said(found, tried, book, lang),
            partial(draw, lang, book),
            (
                tables.show(found.plan[PLAN], "allocation", lang, book),
                tables.show(found.limits.loc[felt, LIMITS], "allocation_limits", lang, book),
            ),
            {"strategy": {"budget": tried.budget, "department_hours": hours}},
        )

    money = Control("budget", tables.heading("budget_minor", lang, book), rules.budget, _TIP[lang], span)
    return Panel(_TITLE[lang], (money, *_hours(rules, inputs.strategies, lang)), answer, settings, lang)


def spots(curve: pd.DataFrame, signed: float, tried: float, book: Book) -> dict[str, tuple[float, float]]:
    """Where the two budgets are on the curve; the one tried only where it is another."""
    unit = 10**book.minor_digits
    places = {"signed": signed, "tried": tried} if tried != signed else {"signed": signed}
    budgets, values = curve["budget_minor"] / unit, curve["value_minor"] / unit
    return {name: (x, float(np.interp(x, budgets, values))) for name, x in places.items()}


def _span(curve: pd.DataFrame, budget: float, book: Book) -> tuple[float, float, float]:
    """From nothing to beyond what can be used, in round steps of about a hundredth."""
    most = max(float(curve["budget_minor"].max()) / 10**book.minor_digits, budget, 1.0)
    step = 10 ** np.floor(np.log10(most / 50))
    return 0.0, float(np.ceil(1.1 * most / step) * step), float(step)


def _hours(rules: Strategy, strategies: pd.DataFrame, lang: str) -> list[Control]:
    chinese = dict(zip(strategies["department"], strategies["department_zh"], strict=True)) if lang == "zh" else {}
    prefix = {"en": "Hours of ", "zh": "工时："}[lang]
    found = []
    for department, given in rules.department_hours.items():
        name = chinese.get(department) or department
        most = max(2.0 * given, 10.0)
        found.append(Control(f"hours_{department}", prefix + name, given, _HOURS_TIP[lang], (0.0, most, 1.0)))
    return found


def said(found: Tried, rules: Strategy, book: Book, lang: str) -> narrative.Sentence:
    """What the plan costs and brings, and what the next unit of money would."""
    unit = 10**book.minor_digits
    cost, value, worth, budget, one = (
        style.money(x, book, lang)
        for x in (found.plan["cost_minor"].sum(), found.plan["value_minor"].sum(), found.price * unit,
                  rules.budget * unit, unit)
    )  # fmt: skip
    short = style.number(found.short, lang)
    broken = {"en": f" The floors cannot all be met: {short} customers are missing.",
              "zh": f"触达下限无法全部满足，缺{short}名客户。"}  # fmt: skip
    also = broken if found.short > 0 else {"en": "", "zh": ""}
    return narrative.say(
        {
            "en": f"With {budget} the best plan costs {cost} and should bring {value} of margin after cost; "
            f"the next {one} would bring {worth} more." + also["en"],
            "zh": f"预算{budget}时，最优计划花费{cost}，扣除成本后预期毛利{value}；再增加{one}可多带来{worth}。"
            + also["zh"],
        },
        lang,
    )


_TITLE = {"en": "Budget and hours", "zh": "预算与工时"}
_NONE = {"en": "No actions are registered, so there is no budget to divide.", "zh": "尚未登记行动，没有可分配的预算。"}
_TIP = {"en": "Money for the coming quarter's contacts", "zh": "下季度客户接触预算"}
_HOURS_TIP = {"en": "Hours that the department has for contacts", "zh": "该部门可用于接触客户的工时"}
