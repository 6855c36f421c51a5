"""What if the cut-offs of the tier rule were others, and if R, F and M weighed differently in a ranking?

Computed on cells: customers counted by whole points of the three scores and by today's tier. A cut-off in whole points
needs no more, so the figures are exact for any number of customers; where the signed-off rule has finer cut-offs the
cells are tenths of a point.
"""

from collections.abc import Mapping
from functools import partial
from itertools import pairwise

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from crmlib import schema
from crmlib.errors import InputError
from crmlib.io import engine
from crmlib.io.store import Store
from crmlib.params import Settings, TierRule
from crmlib.segment import distance, rfm
from crmlib.views import charts_segment, narrative, style, tables
from crmlib.views.explore import moves
from crmlib.views.explore.panel import Answer, Control, Panel, Values, absent, stated
from crmlib.views.explore.ranking import Alike, alike

SCORES = distance.SCORES
Rules = tuple[TierRule, ...]


def tier_cells(tiered: ir.Table, rules: Rules) -> pd.DataFrame:
    """Customers and 12-month spend by tier as signed off and by score, cut to the points that the rule needs."""
    fine = 1 if all(cut == int(cut) for cut in cuts_of(rules)) else 10
    scores = {c: ((tiered[c] * fine).round(6).floor() / fine).cast("float64") for c in SCORES}
    marked = tiered.select("tier", "monetary_12m_minor", has_tier=tiered.state.isin(rfm.HAS_TIER), **scores)
    counted = marked.group_by(["tier", "has_tier", *SCORES]).aggregate(
        customers=_.count(), monetary_12m_minor=_.monetary_12m_minor.sum()
    )
    return engine.frame(counted.order_by(["tier", "has_tier", *SCORES]))


def cuts_of(rules: Rules) -> list[float]:
    """The scores at which the rule cuts, highest first; 0 cuts nothing."""
    return sorted({x for rule in rules for need in rule.at_least for x in need if x > 0}, reverse=True)


def with_cuts(rules: Rules, cuts: Mapping[float, float]) -> Rules:
    """The rule with each cut-off, wherever it stands, replaced by another; they must stay in their order."""
    wanted = [cuts.get(cut, cut) for cut in cuts_of(rules)]
    if any(b >= a for a, b in pairwise(wanted)):
        raise InputError(f"cut-offs must fall from the first to the last: {', '.join(f'{cut:g}' for cut in wanted)}")
    moved = [tuple(tuple(round(cuts.get(x, x), 2) for x in need) for need in rule.at_least) for rule in rules]
    return tuple(rule.model_copy(update={"at_least": lines}) for rule, lines in zip(rules, moved, strict=True))


def tier_thresholds_data(cells: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Customers and spend by tier as signed off (`tier_then`) and by these rules (`tier_now`), best tiers first."""
    order = [*(str(rule.tier) for rule in rules), "none"]
    scores, found = cells[list(SCORES)].to_numpy(float), np.full(len(cells), len(rules) - 1)
    for place in range(len(rules) - 2, -1, -1):
        reached = [(scores >= np.array(need)).all(axis=1) for need in rules[place].at_least]
        found[np.logical_or.reduce(reached)] = place
    found[~cells["has_tier"].to_numpy(bool)] = len(rules)
    named = cells[["customers", "monetary_12m_minor"]].assign(
        tier_then=pd.Categorical(cells["tier"], order),
        tier_now=pd.Categorical(np.array(order, dtype=object)[found], order),
    )
    pairs = named.groupby(["tier_then", "tier_now"], observed=True, as_index=False).sum()
    return pairs.astype({"tier_then": "str", "tier_now": "str"})


def sizes_of(pairs: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """The table `tier_sizes` after the moves."""
    tiers = [rule.tier for rule in rules]
    seen = tiers + ["none"] * ("none" in set(pairs["tier_now"]))
    sizes = pairs.groupby("tier_now")[["customers", "monetary_12m_minor"]].sum().reindex(seen, fill_value=0)
    whole = sizes.sum().replace(0, np.nan)
    shares = sizes.assign(
        customer_share=sizes["customers"] / whole["customers"],
        revenue_share=sizes["monetary_12m_minor"] / whole["monetary_12m_minor"],
    )
    return shares.rename_axis("tier").reset_index()[list(schema.TABLES["tier_sizes"].columns)]


def tier_weights_data(cells: pd.DataFrame, weights: Mapping[str, float]) -> Alike:
    """How like a ranking by weighted scores is to that by their plain sum, among customers with a tier."""
    bought = cells[cells["has_tier"]]
    scores = bought[list(SCORES)].to_numpy(float)
    given = np.array([weights[c] for c in SCORES], dtype=float)
    if given.sum() <= 0:
        raise InputError("at least one weight must be above 0")
    return alike(scores.sum(axis=1), scores @ given / given.sum(), bought["customers"].to_numpy())


@stated
def tier_thresholds(results: Store, settings: Settings, lang: str) -> Panel:
    """Sliders for the cut-offs of the tier rule and for the weights of a ranking."""
    rules = settings.segment.tiers
    cells = tier_cells(results.table("customer_tiers"), rules)
    if cells.empty:
        return absent(_TITLE[lang], _NOBODY, settings, lang)

    def answer(values: Values) -> Answer:
        cuts = {cut: float(values[f"cut_{cut:g}"]) for cut in cuts_of(rules)}
        if any(b >= a for a, b in pairwise(cuts.values())) or not any(values[c] for c in SCORES):
            return Answer(narrative.say(_REFUSED, lang))
        tried = with_cuts(rules, cuts)
        pairs = tier_thresholds_data(cells, tried)
        ranked = tier_weights_data(cells, {c: float(values[c]) for c in SCORES})
        sizes = sizes_of(pairs, tried)
        return Answer(
            said(pairs, sizes, lang),
            partial(charts_segment.tier_sizes, sizes, lang),
            (
                tables.show(sizes, "tier_sizes", lang, settings.book),
                *moves.show(pairs, "tier_then", "tier_now", settings, lang),
                ranked.said(lang),
            ),
            {"segment": {"tiers": [rule.model_dump(mode="json") for rule in tried]}},
        )

    return Panel(_TITLE[lang], (*_cut_controls(rules, lang), *_weight_controls(lang)), answer, settings, lang)


_NOBODY = {"en": "There are no customers yet.", "zh": "尚无客户。"}
_REFUSED = {"en": "The cut-offs must fall from the first to the last, and one weight must be above 0.",
            "zh": "各分界线须依次降低，且至少一项权重大于0。"}  # fmt: skip
_TITLE = {"en": "Tier cut-offs and weights", "zh": "客户层级分界线与权重"}


def _cut_controls(rules: Rules, lang: str) -> list[Control]:
    found = []
    for cut in cuts_of(rules):
        named = [schema.word(rule.tier, lang) for rule in rules if any(cut in need for need in rule.at_least)]
        label = {"en": f"{', '.join(named)}: from", "zh": f"{'、'.join(named)}：不低于"}[lang]
        tip = {"en": f"Replaces {cut:g} points wherever the signed-off rule has them",
               "zh": f"替换已确认规则中的{cut:g}分"}[lang]  # fmt: skip
        step = 1.0 if cut == int(cut) else 0.1
        found.append(Control(f"cut_{cut:g}", label, cut, tip, (1.0, 100.0, step), form=",.0f" if step == 1 else ",.1f"))
    return found


def _weight_controls(lang: str) -> list[Control]:
    tip = {"en": "Weight in the ranking below; tiers do not depend on it",
           "zh": "用于下方排名的权重，不影响层级"}[lang]  # fmt: skip
    prefix = {"en": "Ranking weight, ", "zh": "排名权重："}[lang]
    return [Control(c, prefix + schema.label(c, lang), 1.0, tip, (0.0, 3.0, 0.1), form=",.1f") for c in SCORES]


def said(pairs: pd.DataFrame, sizes: pd.DataFrame, lang: str) -> narrative.Sentence:
    """How many move, and what the best tier then holds."""
    everyone, best = int(pairs["customers"].sum()), sizes.iloc[0]
    n = int(moves.moved(pairs, "tier_then", "tier_now")["customers"].sum())
    tier = schema.word(best["tier"], lang)
    share = style.percent(n / everyone if everyone else None, lang)
    holds = style.number(best["customers"], lang), style.percent(best["revenue_share"], lang)
    if n == 0:
        start = {"en": "Nobody moves", "zh": "无客户变动"}[lang]
    else:
        start = {"en": f"{style.number(n, lang)} customers ({share}) change tier",
                 "zh": f"{style.number(n, lang)}名客户（{share}）层级变动"}[lang]  # fmt: skip
    return narrative.say(
        {
            "en": f"{start}; {tier} holds {holds[0]} customers and {holds[1]} of revenue.",
            "zh": f"{start}；{tier}层级共{holds[0]}名客户，贡献{holds[1]}的收入。",
        },
        lang,
    )
