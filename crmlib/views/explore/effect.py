"""What would the review say of an effect, and how likely is each verdict, before anyone has been contacted?

The estimate is normal around the true effect; the verdict is asked for each of its quantiles, so the chances are those
of the very rule that the review applies to a campaign that is judged alone.
"""

import math
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from statistics import NormalDist

import pandas as pd

from crmlib import schema
from crmlib.io.store import Store
from crmlib.params import Book, Settings
from crmlib.review import verdict
from crmlib.views import charts_explore, narrative, style, tables
from crmlib.views.explore.holdout import SIZES, Kpi, assumed, difference, kpis
from crmlib.views.explore.panel import Answer, Control, Panel, Values, stated

QUANTILES = 500
_NORMAL = NormalDist()
_GRID = tuple(_NORMAL.inv_cdf((i + 0.5) / QUANTILES) for i in range(QUANTILES))


@dataclass(frozen=True)
class Case:
    """A campaign to be: customers in both arms together, the true effect and the target, both in the KPI's unit."""

    kpi: Kpi
    customers: int
    share: float
    effect: float
    target: float


def standard_error(case: Case) -> float:
    """Of the difference between the arms; for means the covariate takes its part of the variance away."""
    treated, held_out = case.customers * (1 - case.share), case.customers * case.share
    if case.kpi.unit == "rate":
        p0, p1 = case.kpi.base, min(max(case.kpi.base + case.effect, 0.0), 1.0)
        return math.sqrt(p1 * (1 - p1) / treated + p0 * (1 - p0) / held_out)
    rest = 1 - (0.0 if math.isnan(case.kpi.rho) else case.kpi.rho) ** 2
    return math.sqrt(case.kpi.sd**2 * rest * (1 / treated + 1 / held_out))


def effect_chances_data(case: Case) -> pd.DataFrame:
    """The chance of each verdict: columns outcome, chance, best first; they add to 1."""
    treated, held_out = case.customers * (1 - case.share), case.customers * case.share
    least = verdict.LEAST_CASES["rate" if case.kpi.unit == "rate" else "mean"]
    error, counted = standard_error(case), Counter[str]()
    if min(treated, held_out) < least:
        counted["inconclusive"] = QUANTILES
    else:
        counted.update(_verdict(case, case.effect + quantile * error, error) for quantile in _GRID)
    order = ("effective", "partly_effective", "inconclusive", "not_effective", "harmful")
    return pd.DataFrame([(name, counted[name] / QUANTILES) for name in order], columns=["outcome", "chance"])


def _verdict(case: Case, estimate: float, error: float) -> str:
    half = _NORMAL.inv_cdf(1 - verdict.ALPHA / 2) * error
    q = 2 * (1 - _NORMAL.cdf(abs(estimate) / error)) if error > 0 else 0.0
    return verdict.judge(estimate, (estimate - half, estimate + half), q, case.target)


def effect_sizes_data(case: Case) -> pd.DataFrame:
    """The chances by number of customers: columns eligible, outcome, chance, for the sizes up to a large campaign."""
    parts = [
        effect_chances_data(replace(case, customers=n)).assign(eligible=n) for n in sorted({*SIZES, case.customers})
    ]
    return pd.concat(parts, ignore_index=True)


@stated
def effect_chances(results: Store, settings: Settings, lang: str) -> Panel:
    """Customers, base, true effect and target: the interval to expect and the chance of each verdict."""
    book = settings.book
    known = [kpi for kpi in kpis(results.frame_if_any("tier_detectability")) if _can_move(kpi)]
    known = known or kpis(None)
    sizes = tuple((style.number(n, lang), n) for n in sorted({*SIZES, *(kpi.eligible for kpi in known)}))

    def answer(values: Values) -> Answer:
        kpi = known[int(values["kpi"])]
        unit = 1.0 if kpi.unit == "rate" else kpi.base
        n, share = int(values["customers"]), round(float(values["share"]), 2)
        case = Case(kpi, n, share, values["effect"] * unit, values["target"] * unit)
        if kpi.unit == "rate" and not 0 <= kpi.base + case.effect <= 1:
            return Answer(narrative.say(_impossible(case, lang), lang))
        chances = effect_chances_data(case)
        finding = said(case, chances, book, lang)
        draw = partial(charts_explore.chances, effect_sizes_data(case), case.customers, finding.text, lang)
        return Answer(finding, draw, (_table(chances, settings, lang), *assumed(kpi, lang)))

    choices = tuple((kpi.name(lang), place) for place, kpi in enumerate(known))
    words = {name: texts[lang] for name, texts in _SAID.items()}
    controls = (
        Control("kpi", words["kpi"], 0, words["kpi_tip"], options=choices),
        Control("customers", schema.label("eligible", lang), known[0].eligible, words["n_tip"], options=sizes),
        Control("share", schema.label("holdout_share", lang), 0.5, words["share_tip"], (0.05, 0.9, 0.05), form=".0%"),
        Control("effect", words["effect"], 0.05, words["effect_tip"], (-0.2, 0.3, 0.005), form="+.1%"),
        Control("target", words["target"], 0.05, words["target_tip"], (0.005, 0.3, 0.005), form="+.1%"),
    )
    return Panel(_TITLE[lang], controls, answer, settings, lang, saves=False)


def said(case: Case, chances: pd.DataFrame, book: Book, lang: str) -> narrative.Sentence:
    """The interval to expect and the likeliest verdict."""
    half = _NORMAL.inv_cdf(1 - verdict.ALPHA / 2) * standard_error(case)
    low, high, true, target = (difference(case.kpi, x, book, lang)
                               for x in (case.effect - half, case.effect + half, case.effect, case.target))  # fmt: skip
    best = chances.sort_values("chance", ascending=False, kind="stable").iloc[0]
    word, chance = schema.word(best["outcome"], lang), style.percent(best["chance"], lang, 0)
    n = style.number(case.customers, lang)
    return narrative.say(
        {
            "en": f"If the true effect is {true}, {n} customers would show it as about {low} to {high}; against a "
            f"target of {target} the likeliest verdict is '{word}' ({chance}).",
            "zh": f"若真实效果为{true}，{n}名客户的95%区间约为{low}至{high}；"
            f"目标{target}时最可能的结论是“{word}”（{chance}）。",
        },
        lang,
    )


def _table(chances: pd.DataFrame, settings: Settings, lang: str) -> tables.Shown:
    names = {"en": ("Verdict", "Chance"), "zh": ("结论", "概率")}[lang]
    words = [schema.word(code, lang) for code in chances["outcome"]]
    frame = pd.DataFrame({names[0]: words, names[1]: [style.percent(x, lang, 0) for x in chances["chance"]]})
    caption = {"en": "Chance of each verdict", "zh": "各结论的概率"}[lang]
    return tables.show(frame, "chances", lang, settings.book, caption=caption)


def _impossible(case: Case, lang: str) -> dict[str, str]:
    base = style.percent(case.kpi.base, lang)
    return {"en": f"Without a campaign the rate is {base}: it cannot change by that much.",
            "zh": f"无活动时该比率为{base}，不可能有这么大的变化。"}  # fmt: skip


def _can_move(kpi: Kpi) -> bool:
    """Whether there is room for an effect of the size that the panel starts with."""
    return 0 < kpi.base <= 0.95 if kpi.unit == "rate" else kpi.sd > 0 and kpi.base > 0


_TITLE = {"en": "Effect explorer", "zh": "效果推演"}
_SAID = {
    "kpi": {"en": "KPI and tier", "zh": "指标与层级"},
    "kpi_tip": {"en": "What the campaign should move, and among whom", "zh": "活动要改善的指标及对象"},
    "n_tip": {"en": "Customers in both arms together", "zh": "两组客户合计"},
    "share_tip": {"en": "Share of them that is left alone", "zh": "其中不做活动的比例"},
    "effect": {"en": "True effect (pp or %)", "zh": "真实效果（百分点或%）"},
    "effect_tip": {"en": "Of a rate in percentage points, of money and orders in per cent of the value without one",
                   "zh": "比率类指标为百分点，金额与订单数为无活动时数值的百分比"},
    "target": {"en": "Target effect (pp or %)", "zh": "目标效果（百分点或%）"},
    "target_tip": {"en": "The effect that the campaign is asked for, in the same unit",
                   "zh": "要求活动达到的效果，单位同上"},
}  # fmt: skip
