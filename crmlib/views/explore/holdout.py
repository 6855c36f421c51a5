"""How small an effect could a campaign show, with so many customers and such a share of them left alone?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import pandas as pd

from crmlib import schema
from crmlib.io.store import Store
from crmlib.kpi import sample_size
from crmlib.kpi.sample_size import Arms
from crmlib.params import Book, Holdout, Settings
from crmlib.views import charts_explore, narrative, narrative_reviews, style, tables
from crmlib.views.explore.panel import Answer, Control, Panel, Values, stated

SIZES = (50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 100_000, 200_000, 500_000, 1_000_000)
SHARES = (0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True)
class Kpi:
    """A KPI of a tier over a campaign's weeks without a campaign; `sd` and `rho` are for means only."""

    tier: str
    kpi: str
    unit: str
    base: float
    sd: float
    rho: float
    eligible: int

    def name(self, lang: str) -> str:
        tier = schema.word(self.tier, lang)
        return {"en": f"{schema.word(self.kpi, lang)}, {tier}", "zh": f"{schema.word(self.kpi, lang)}（{tier}）"}[lang]


STAND_IN = Kpi("all", "window_repurchase_rate", "rate", 0.3, math.nan, math.nan, 400)
"""What is planned with where no campaign's KPI was measured; an assumption, and said to be one."""


def kpis(detectability: pd.DataFrame | None) -> list[Kpi]:
    """The KPIs of `tier_detectability` that have a value; the stand-in where there is none."""
    rows = [] if detectability is None else detectability.dropna(subset="base_value").to_dict("records")
    found = [
        Kpi(row["tier"], row["kpi"], row["kpi_unit"], float(row["base_value"]), _float(row["base_sd"]),
            _float(row["base_rho"]), int(row["eligible"]))
        for row in rows if row["eligible"] > 0
    ]  # fmt: skip
    return found or [STAND_IN]


def assumed(kpi: Kpi, lang: str) -> tuple[narrative.Sentence, ...]:
    """That nothing was measured, where that is so."""
    return (narrative.say(_ASSUMED, lang),) if kpi is STAND_IN else ()


def holdout_data(kpi: Kpi, customers: int, share: float, rules: Holdout) -> pd.DataFrame:
    """Least effect by customers and share held out, the asked-for pair marked `is_asked`; the best of the two formulas.

    Columns eligible, holdout_share, mde.
    """
    pairs = [(n, s) for n in sorted({*SIZES, customers}) for s in sorted({*SHARES, share})]
    rows = [(n, s, least(kpi, n, s, rules), (n, s) == (customers, share)) for n, s in pairs]
    return pd.DataFrame(rows, columns=["eligible", "holdout_share", "mde", "is_asked"])


def least(kpi: Kpi, customers: int, share: float, rules: Holdout) -> float:
    """The least effect that would be found; with the spend before the campaign taken into account where it is known."""
    arms = [Arms(customers * (1 - share), customers * share, kpi.base, kpi.sd, kpi.rho)]
    adjusted = sample_size.mde(kpi.unit, arms, rules, adjusted=True)
    return sample_size.mde(kpi.unit, arms, rules) if math.isnan(adjusted) else adjusted


def with_share(rules: Holdout, customers: int, share: float) -> dict[str, object]:
    """The settings that give a tier of so many customers this share: its band's share, or that of large tiers."""
    if customers > rules.shares[-1][0]:
        return {"large_share": share}
    band = next(upto for upto, _share in rules.shares if customers <= upto)
    return {"shares": [[upto, share if upto == band else given] for upto, given in rules.shares]}


@stated
def holdout_plan(results: Store, settings: Settings, lang: str) -> Panel:
    """Which effect a campaign could show: customers, share held out, chance of finding it."""
    rules, known = settings.strategy.holdout, kpis(results.frame_if_any("tier_detectability"))
    start = next((kpi for kpi in known if not math.isnan(least(kpi, kpi.eligible, 0.5, rules))), known[0])
    sizes = tuple((style.number(n, lang), n) for n in sorted({*SIZES, *(kpi.eligible for kpi in known)}))

    def answer(values: Values) -> Answer:
        kpi, n, share = known[int(values["kpi"])], int(values["customers"]), round(float(values["share"]), 2)
        wanted = rules.model_copy(update={"power": float(values["power"])})
        frame = holdout_data(kpi, n, share, wanted)
        title = _finding(kpi, frame, settings.book, lang)
        return Answer(
            said(kpi, frame, wanted, settings.book, lang),
            partial(charts_explore.least_effect, frame, kpi.unit, title, lang, settings.book),
            (
                tables.show(_table(frame, kpi), "tier_detectability", lang, settings.book, caption=_TITLE[lang]),
                *assumed(kpi, lang),
            ),
            {"strategy": {"holdout": {"power": wanted.power, **with_share(rules, n, share)}}},
        )

    choices = tuple((kpi.name(lang), place) for place, kpi in enumerate(known))
    powers = tuple((style.percent(p, lang, 0), p) for p in sorted({0.7, 0.8, 0.9, 0.95, rules.power}))
    controls = (
        Control("kpi", _SAID["kpi"][lang], known.index(start), _SAID["kpi_tip"][lang], options=choices),
        Control("customers", schema.label("eligible", lang), start.eligible, _SAID["n_tip"][lang], options=sizes),
        Control("share", schema.label("holdout_share", lang), 0.5, _SAID["share_tip"][lang], (0.05, 0.9, 0.05),
                form=".0%"),
        Control("power", _SAID["power"][lang], rules.power, _SAID["power_tip"][lang], options=powers),
    )  # fmt: skip
    return Panel(_TITLE[lang], controls, answer, settings, lang)


def said(kpi: Kpi, frame: pd.DataFrame, rules: Holdout, book: Book, lang: str) -> narrative.Sentence:
    """The least effect at the point asked for, or that there is none."""
    point = frame[frame["is_asked"]].iloc[0]
    n, share, chance = (style.number(point["eligible"], lang), style.percent(point["holdout_share"], lang, 0),
                        style.percent(rules.power, lang, 0))  # fmt: skip
    base = level(kpi, kpi.base, book, lang)
    if math.isnan(point["mde"]):
        texts = {
            "en": f"With {n} customers and {share} of them left alone no possible effect would be found "
            f"(without a campaign: {base}).",
            "zh": f"{n}名客户、对照组{share}时，任何可能的效果都无法检测（无活动时为{base}）。",
        }
    else:
        effect = difference(kpi, point["mde"], book, lang)
        texts = {
            "en": f"With {n} customers and {share} of them left alone, an effect of {effect} or more "
            f"would be found with a chance of {chance} (without a campaign: {base}).",
            "zh": f"{n}名客户、对照组{share}时，不小于{effect}的效果有{chance}的概率被检测到（无活动时为{base}）。",
        }
    return narrative.say(texts, lang)


def _finding(kpi: Kpi, frame: pd.DataFrame, book: Book, lang: str) -> str:
    point = frame[frame["is_asked"]].iloc[0]
    n = style.number(point["eligible"], lang)
    if math.isnan(point["mde"]):
        return {"en": f"{n} customers cannot show any possible effect", "zh": f"{n}名客户无法检测任何可能的效果"}[lang]
    effect = difference(kpi, point["mde"], book, lang)
    return {"en": f"{n} customers can show an effect of {effect}", "zh": f"{n}名客户可检测{effect}的效果"}[lang]


def level(kpi: Kpi, value: float, book: Book, lang: str) -> str:
    """A value of the KPI."""
    return narrative_reviews.level(value, kpi.unit, lang, book)


def difference(kpi: Kpi, value: float, book: Book, lang: str) -> str:
    """A difference of two values: of rates, in percentage points."""
    if kpi.unit != "rate":
        return narrative_reviews.amount(value, kpi.unit, lang, book)
    return style.number(100 * value, lang, 1) + {"en": " pp", "zh": "个百分点"}[lang]


def _table(frame: pd.DataFrame, kpi: Kpi) -> pd.DataFrame:
    """A row per number of customers near the asked one, for the share asked."""
    share = frame.loc[frame["is_asked"], "holdout_share"].iloc[0]
    rows = frame[frame["holdout_share"] == share].reset_index(drop=True)
    place = int(rows.index[rows["is_asked"]][0])
    near = rows.iloc[max(place - 3, 0) : place + 4]
    return near[["eligible", "holdout_share", "mde"]].assign(kpi_unit=kpi.unit)


def _float(value: float | None) -> float:
    return math.nan if value is None else float(value)


_ASSUMED = {
    "en": "No KPI of a campaign was measured in this book yet: 30% and 400 customers are assumed, to plan with.",
    "zh": "本账套尚未测得活动指标：此处假设基准为30%、客户400名，仅供规划。",
}
_TITLE = {"en": "Hold-out planner", "zh": "对照组规划"}
_SAID: Mapping[str, dict[str, str]] = {
    "kpi": {"en": "KPI and tier", "zh": "指标与层级"},
    "kpi_tip": {"en": "What the campaign should move, and among whom", "zh": "活动要改善的指标及对象"},
    "n_tip": {"en": "Customers who may take part, in both arms together", "zh": "可参与的客户数（两组合计）"},
    "share_tip": {"en": "Share of them that is left alone", "zh": "其中不做活动的比例"},
    "power": {"en": "Chance of finding the effect", "zh": "检测到效果的概率"},
    "power_tip": {"en": "How surely an effect of that size should be found", "zh": "该大小的效果被检测到的概率"},
}
