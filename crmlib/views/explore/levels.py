"""What if value, potential and need weighed differently in the priority of a customer?"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from crmlib import schema
from crmlib.errors import InputError
from crmlib.io import engine
from crmlib.io.store import Store
from crmlib.params import Levels, Settings
from crmlib.segment import levels as level_rules
from crmlib.segment.levels import DIMENSIONS
from crmlib.views import charts_profile, narrative, style, tables
from crmlib.views.explore import moves
from crmlib.views.explore.panel import Answer, Control, Panel, Values, absent, stated
from crmlib.views.explore.ranking import Alike, alike

SAMPLE = 20_000
"""Customers whose ranking is compared."""


@dataclass(frozen=True)
class Tried:
    """The table `level_sizes`, who changed level (`level`, `level_now`), and how alike the ranking stays."""

    sizes: pd.DataFrame
    moves: pd.DataFrame
    ranking: Alike


def level_inputs(levelled: ir.Table, tiered: ir.Table) -> ir.Table:
    """What the panel asks of each customer: the three scores, the level as signed off, 12-month spend."""
    scores = [f"{d}_score" for d in DIMENSIONS]
    known = levelled.select("customer_id", "level", "priority_score", *scores)
    return known.left_join(tiered.select("customer_id", "monetary_12m_minor"), "customer_id").select(
        *known.columns, monetary_12m_minor=_.monetary_12m_minor.fill_null(0)
    )


def with_weights(levels: Levels, weights: Mapping[str, float]) -> Levels:
    """The settings with these weights, scaled to add to 1 in steps of a thousandth."""
    total = sum(weights[d] for d in DIMENSIONS)
    if min(weights[d] for d in DIMENSIONS) <= 0:
        raise InputError("value, potential and need must each weigh something")
    first, second = (round(weights[d] / total, 3) for d in DIMENSIONS[:2])
    shares = dict(zip(DIMENSIONS, (first, second, round(1 - first - second, 3)), strict=True))
    if min(shares.values()) <= 0:
        raise InputError("value, potential and need must each weigh at least a thousandth")
    return levels.model_copy(update={"weights": shares})


def level_weights_data(inputs: ir.Table, sampled: pd.DataFrame, levels: Levels) -> Tried:
    """Levels by these weights; `sampled` holds the customers of `inputs` whose ranking is compared."""
    assigned = level_rules.assign(inputs.mutate(level_then=_.level, priority_score=_priority(inputs, levels)), levels)
    pairs = assigned.group_by(["level_then", "level"]).aggregate(
        customers=_.count(), monetary_12m_minor=_.monetary_12m_minor.sum()
    )
    weights = np.array([levels.weights[d] for d in DIMENSIONS])  # type: ignore[index]
    scores = sampled[[f"{d}_score" for d in DIMENSIONS]].to_numpy(float)
    now = (np.nan_to_num(scores) @ weights) / (~np.isnan(scores) @ weights)
    return Tried(
        engine.frame(level_rules.sizes(assigned, levels)),
        engine.frame(pairs.order_by(["level_then", "level"])),
        alike(sampled["priority_score"].to_numpy(float), now),
    )


def _priority(inputs: ir.Table, levels: Levels) -> ir.Value:
    """The weighted mean of the scores that are known, where at least two are: `segment.levels` does the same."""
    scores = [(inputs[f"{d}_score"], float(levels.weights[d])) for d in DIMENSIONS]  # type: ignore[index]
    known = [score.notnull().cast("float64") for score, _weight in scores]
    weight = sum(k * w for k, (_score, w) in zip(known, scores, strict=True))
    total = sum(score.fill_null(0.0) * w for score, w in scores)
    return (sum(known) >= 2).ifelse((total / weight.nullif(0.0)).round(6), ibis.null("float64"))


@stated
def level_weights(results: Store, settings: Settings, lang: str) -> Panel:
    """Sliders for the weights of value, potential and need."""
    levels = settings.segment.levels
    levelled = level_inputs(results.table("customer_levels"), results.table("customer_tiers"))
    inputs = engine.keep(levelled.get_backend(), "explored_levels", levelled)
    scored = inputs.filter(_.priority_score.notnull()).order_by(_.customer_id.hexdigest("md5"), "customer_id")
    sampled = engine.frame(scored.limit(SAMPLE))
    if sampled.empty:
        return absent(_TITLE[lang], _NO_SCORES, settings, lang)

    def answer(values: Values) -> Answer:
        wanted = with_weights(levels, {d: float(values[d]) for d in DIMENSIONS})
        tried = level_weights_data(inputs, sampled, wanted)
        weights = {str(d): float(w) for d, w in wanted.weights.items()}
        return Answer(
            said(tried, weights, lang),
            partial(charts_profile.level_sizes, tried.sizes, lang),
            (
                tables.show(tried.sizes, "level_sizes", lang, settings.book),
                *moves.show(tried.moves, "level_then", "level", settings, lang),
                tried.ranking.said(lang),
            ),
            {"segment": {"levels": {"weights": weights}}},
        )

    controls = tuple(
        Control(d, _NAMES[d][lang], 100 * float(levels.weights[d]), _TIP[lang], (1.0, 100.0, 1.0))  # type: ignore[index]
        for d in DIMENSIONS
    )
    return Panel(_TITLE[lang], controls, answer, settings, lang)


def said(tried: Tried, weights: Mapping[str, float], lang: str) -> narrative.Sentence:
    """How many change level with these weights."""
    moved = int(moves.moved(tried.moves, "level_then", "level")["customers"].sum())
    scored = int(tried.sizes.loc[tried.sizes["level"] != "not_scored", "customers"].sum())
    share = style.percent(moved / scored if scored else None, lang)
    given = [f"{_NAMES[d][lang]} {style.percent(w, lang)}" for d, w in weights.items()]
    return narrative.say(
        {
            "en": f"{', '.join(given)}: {style.number(moved, lang)} of {style.number(scored, lang)} scored customers "
            f"({share}) change level.",
            "zh": f"{'、'.join(given)}：{style.number(scored, lang)}名已评分客户中有{style.number(moved, lang)}名"
            f"（{share}）级别变动。",
        },
        lang,
    )


_TITLE = {"en": "Value, potential, need", "zh": "价值、潜力、需求权重"}
_NO_SCORES = {"en": "No customer has a priority score: too little is known of potential and need.",
              "zh": "没有客户具备优先级得分：潜力与需求信息不足。"}  # fmt: skip
_TIP = {"en": "Weight in the priority score; the three are scaled to add to 100 %",
        "zh": "优先级得分中的权重，三项自动换算为合计100%"}  # fmt: skip
_NAMES = {d: schema.WORDS[f"dimension_{d}"] for d in DIMENSIONS}
