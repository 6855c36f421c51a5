"""Template table 4: what became of each customer's strategy, with room for the reason and the improvement.

Before and after describe, also on this sheet; the assessment beside them does not come from them. It repeats the
verdict of a test with a control group, and where there was none it says that nobody can tell.
"""

from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib import schema
from crmlib.kpi import KPIS
from crmlib.params import Settings
from crmlib.periods import Period

GROUP = "tier:"
"""Before the tier's code, where a row tells of a whole tier instead of one customer."""
UNKNOWN = "inconclusive"
_JOIN = {"en": "; ", "zh": "；"}
_KINDS = {"strategy_id": "string", "assessment": "string", "evidence_grade": "string"}
_COLUMNS = list(schema.TABLES["effect_review"].columns)


def assessments(strategies: pd.DataFrame, reviews: pd.DataFrame | None) -> pd.DataFrame:
    """Per strategy the verdict of its latest campaign of grade A or B (`campaign_reviews`), else "cannot tell"."""
    tested = pd.DataFrame(columns=["strategy_id", "verdict", "evidence_grade", "end_date"])
    if reviews is not None:
        whole = reviews[(reviews["tier"] == "all") & reviews["evidence_grade"].isin(["A", "B"])]
        tested = whole.sort_values(["end_date", "campaign_id"]).drop_duplicates("strategy_id", keep="last")
    named = strategies[["strategy_id"]].drop_duplicates().merge(tested, how="left", on="strategy_id")
    found = named.assign(
        assessment=named["verdict"].fillna(UNKNOWN), evidence_grade=named["evidence_grade"].fillna("C")
    )
    return found[list(_KINDS)].astype("object")


@dataclass(frozen=True)
class Known:
    """What a row may repeat: targets (`effects`), `assessments`, and what people wrote into this sheet."""

    effects: pd.DataFrame
    judged: pd.DataFrame
    written: pd.DataFrame


def sheet(tracking: ir.Table | None, purchase_days: ir.Table, known: Known, settings: Settings) -> ir.Table:
    """Table `effect_review`: by customer where the quarter before stored a list (`strategy_tracking`), else by tier."""
    if tracking is not None:
        return of_customers(tracking, purchase_days, known, settings)
    rows = of_tiers(known, settings)
    return ibis.memtable(rows.astype("object"), schema=dict.fromkeys(_COLUMNS, "string"))


def of_customers(tracking: ir.Table, purchase_days: ir.Table, known: Known, settings: Settings) -> ir.Table:
    """One row per customer and strategy of the list that the quarter before made for this one.

    Orders and spend of the quarter stand beside those of equally many days before it.
    """
    period = settings.period
    planned = (
        tracking.filter(_.period == str(period))
        .group_by("customer_id", "strategy_id")
        .aggregate(
            customer_name=_.customer_name.max(),
            strategy_name=_.strategy_type.max(),
            strategy_name_zh=_.strategy_type_zh.max(),
            core_goal=_.expected.max(),
            core_goal_zh=_.expected_zh.max(),
            begin=_.plan_window.substr(0, 10).min(),
            stop=_.plan_window.substr(13, 10).max(),
        )
    )
    with_days = _left(planned, _bought(purchase_days, period), ["customer_id"])
    with_words = _left(with_days, ibis.memtable(known.judged, schema=_KINDS), ["strategy_id"])
    found = _left(with_words, _said(known.written, period), ["customer_id", "strategy_id"])
    counts = {c: found[c].fill_null(0) for c in ("orders_then", "orders_now", "net_then", "net_now")}
    described = found.mutate(
        review_window=found.begin + " / " + found.stop,
        before_after=_described(counts, settings, "en"),
        before_after_zh=_described(counts, settings, "zh"),
        assessment=found.assessment.fill_null(UNKNOWN),
        evidence_grade=found.evidence_grade.fill_null("C"),
        gap_reason=found.gap_reason.fill_null(""),
        improvement=found.improvement.fill_null(""),
        period=ibis.literal(str(period)),
    )
    return described.select(*_COLUMNS)


def of_tiers(known: Known, settings: Settings) -> pd.DataFrame:
    """The same for whole tiers, one row per strategy that has begun and has a target."""
    begun = known.effects[known.effects["start_date"] <= pd.Timestamp(settings.period.as_of)]
    words, written = known.judged.set_index("strategy_id"), known.written
    said = written[written["period"] == str(settings.period)].set_index("strategy_id")
    rows = []
    for strategy, every in begun.groupby("strategy_id", sort=True):
        due = every[every["outcome"] != "not_due"]
        goals = every if due.empty else due
        first = goals.iloc[0]
        notes: Any = said.loc[[strategy]].iloc[0] if strategy in said.index else {}
        goal = {
            lang: _JOIN[lang].join(_goal(g, settings, lang) for g in goals.to_dict("records")) for lang in ("en", "zh")
        }
        real = {lang: _measured(goals, settings, lang) for lang in ("en", "zh")}
        rows.append({
            "customer_id": f"{GROUP}{first['tier']}", "customer_name": "", "strategy_id": strategy,
            "strategy_name": f"{strategy} {first['strategy']}",
            "strategy_name_zh": f"{strategy} {first['strategy_zh'] or first['strategy']}",
            "core_goal": goal["en"], "core_goal_zh": goal["zh"],
            "review_window": f"{first['start_date']:%Y-%m-%d} / {first['end_date']:%Y-%m-%d}",
            "before_after": real["en"], "before_after_zh": real["zh"],
            "assessment": words["assessment"].get(strategy, UNKNOWN),
            "evidence_grade": words["evidence_grade"].get(strategy, "C"),
            "gap_reason": notes.get("gap_reason", ""), "improvement": notes.get("improvement", ""),
            "period": str(settings.period),
        })  # fmt: skip
    return pd.DataFrame(rows, columns=_COLUMNS)


def strangers(written: pd.DataFrame, made: ir.Table, period: Period) -> ir.Table:
    """What people wrote on rows that this quarter's sheet does not have; nothing of it is used."""
    return _said(written, period).anti_join(made, ["customer_id", "strategy_id"])


def counts(made: ir.Table) -> dict[str, int]:
    """How many rows there are, how many rest on a test with a control group, how many people wrote on."""
    totals = made.aggregate(
        rows=_.count(),
        tested=(_.evidence_grade != "C").sum(),
        written=((_.gap_reason != "") | (_.improvement != "")).sum(),
    )
    return {name: int(value or 0) for name, value in totals.to_pyarrow().to_pylist()[0].items()}


def _said(written: pd.DataFrame, period: Period) -> ir.Table:
    columns = ["customer_id", "strategy_id", "gap_reason", "improvement"]
    here = written.loc[written["period"] == str(period), columns].astype("object")
    return ibis.memtable(here, schema=dict.fromkeys(columns, "string"))


def _left(left: ir.Table, right: ir.Table, keys: list[str]) -> ir.Table:
    joined = left.left_join(right, keys)
    return joined.drop([f"{key}_right" for key in keys if f"{key}_right" in joined.columns])


def _bought(purchase_days: ir.Table, period: Period) -> ir.Table:
    """Each customer's orders and spend in the quarter, and in as many days before it."""
    begin = period.start - (period.end - period.start)
    inside = (_.order_date >= ibis.literal(period.start)) & (_.order_date <= ibis.literal(period.as_of))
    ahead = (_.order_date >= ibis.literal(begin)) & (_.order_date < ibis.literal(period.start))
    return purchase_days.group_by("customer_id").aggregate(
        orders_then=_.orders.sum(where=ahead),
        orders_now=_.orders.sum(where=inside),
        net_then=_.net_minor.sum(where=ahead),
        net_now=_.net_minor.sum(where=inside),
    )


def _described(counts: dict[str, ir.Value], settings: Settings, lang: str) -> ir.Value:
    """The figures in words: whole units of money, and that they are attributed to nothing."""
    scale, currency = 10**settings.book.minor_digits, settings.book.currency
    orders = [counts[c].fill_null(0).cast("string") for c in ("orders_then", "orders_now")]
    money = [(counts[c] / scale).round().cast("int64").cast("string") for c in ("net_then", "net_now")]
    said = {
        "en": ("Orders ", f"; spend {currency} ", " (descriptive, not attributed)"),
        "zh": ("订单", f"；消费{currency} ", "（仅作描述，不作归因）"),
    }[lang]
    arrow = " → "
    return said[0] + orders[0] + arrow + orders[1] + said[1] + money[0] + arrow + money[1] + said[2]


def _goal(goal: dict, settings: Settings, lang: str) -> str:
    figures = (_figure(goal[c], goal["kpi"], settings) for c in ("baseline", "target"))
    return f"{schema.word(goal['kpi'], lang)} " + " → ".join(figures)


def _measured(goals: pd.DataFrame, settings: Settings, lang: str) -> str:
    """Baseline and measured value of each target that could be measured."""
    known = goals[goals["actual"].notna()]
    parts = [
        f"{schema.word(g['kpi'], lang)} {_figure(g['baseline'], g['kpi'], settings)} → "
        f"{_figure(g['actual'], g['kpi'], settings)}"
        for g in known.to_dict("records")
    ]
    if not parts:
        return {"en": "Not measured", "zh": "未测得"}[lang]
    return _JOIN[lang].join(parts) + {"en": " (descriptive, not attributed)", "zh": "（仅作描述，不作归因）"}[lang]


def _figure(value: float, kpi: str, settings: Settings) -> str:
    unit = KPIS[kpi].unit
    if unit in ("rate", "ratio"):
        return f"{value:.1%}"
    if unit == "money":
        return f"{settings.book.currency} {value / 10**settings.book.minor_digits:,.2f}"
    return f"{value:,.2f}".rstrip("0").rstrip(".")
