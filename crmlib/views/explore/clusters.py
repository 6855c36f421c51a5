"""What if customers fell into more or fewer clusters, or were told apart by fewer measures?

A measure that is left out is held constant: it then tells no customer from another, and the functions of the batch
serve unchanged. Quality is measured on a part of the batch's sample; the profile counts every customer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib import schema
from crmlib.errors import InputError
from crmlib.io import engine
from crmlib.io.store import Store
from crmlib.params import Settings
from crmlib.segment import cluster_choice, clusters
from crmlib.segment.clusters import FEATURES
from crmlib.views import charts_segment, narrative, style, tables
from crmlib.views.explore.panel import Answer, Control, Panel, Values, absent, stated

SCAN, FITTED, REFITS = 1_500, 5_000, 8
"""Customers on whom quality is measured and the clusters are fitted, and refits per answer: fewer than in the batch."""


@dataclass(frozen=True)
class Tried:
    """Each cluster's typical customer, where it stands in standard deviations, and how good the grouping is."""

    profile: pd.DataFrame
    positions: pd.DataFrame
    silhouette: float
    stability: float
    smallest_share: float


def cluster_choice_data(
    active: ir.Table, sampled: pd.DataFrame, k: int, features: Sequence[str], settings: Settings
) -> Tried:
    """`k` clusters by `features`: `active` holds the customers to count, `sampled` those of `clusters.sample`."""
    if not features:
        raise InputError("at least one measure must tell customers apart")
    wanted = settings.segment.clusters.model_copy(
        update={"k": k, "k_min": k, "k_max": k, "scan": SCAN, "bootstraps": REFITS}
    )
    told = sampled.head(FITTED).assign(**{f: 0.0 for f in FEATURES if f not in features})
    quality = cluster_choice.candidates(told, wanted, settings.seed)
    if quality.empty or quality["k"].iloc[0] != k:
        raise InputError(f"too few different customers for {k} clusters: ten different ones are needed for each")
    model = clusters.fit(told, k, settings.seed, settings.period)
    profile = engine.frame(clusters.profile(clusters.assign(active, model)))
    row, (mean, sd) = quality.iloc[0], clusters.scaler(sampled.head(FITTED))
    return Tried(
        profile,
        clusters.positions(profile, replace(model, mean=tuple(mean), sd=tuple(sd))),
        float(row["silhouette"]),
        float(row["stability"]),
        float(row["smallest_share"]),
    )


@stated
def cluster_try(results: Store, settings: Settings, lang: str) -> Panel:
    """How many clusters, told apart by which measures."""
    tiered = results.table("customer_tiers")
    wanted, chosen = settings.segment.clusters, results.frame("cluster_choice")
    sampled = engine.frame(clusters.sample(tiered, min(wanted.sample, FITTED)))
    if len(sampled) < 20 * 2:
        return absent(_TITLE[lang], _TOO_FEW, settings, lang)
    kept = tiered.filter(_.state == "active").select("customer_id", "tier", "state", *FEATURES)
    active = engine.keep(tiered.get_backend(), "explored_active", kept)
    used = chosen.loc[chosen["is_chosen"].astype(bool), "k"]
    start = int(used.iloc[0]) if len(used) else 2
    most = min(12, len(sampled[list(FEATURES)].drop_duplicates()) // 10)

    def answer(values: Values) -> Answer:
        k, features = int(values["k"]), [f for f in FEATURES if values[f]]
        if not features or len(sampled[features].drop_duplicates()) < 10 * k:
            return Answer(narrative.say(_REFUSED, lang))
        tried = cluster_choice_data(active, sampled, k, features, settings)
        return Answer(
            said(tried, k, settings, lang),
            partial(charts_segment.cluster_heat, tried.positions, tried.profile, lang, settings.book),
            (tables.show(tried.profile, "cluster_profile", lang, settings.book), narrative.say(_MEASURES, lang)),
            {"segment": {"clusters": {"k": k}}},
        )

    number = Control("k", schema.label("k", lang), float(min(max(start, 2), most)), _K_TIP[lang], (2.0, float(most), 1))
    prefix = {"en": "Tell apart by ", "zh": "依据："}[lang]
    measures = [Control(f, prefix + schema.label(f, lang), value=True, tip=_BY_TIP[lang]) for f in FEATURES]
    return Panel(_TITLE[lang], (number, *measures), answer, settings, lang)


def said(tried: Tried, k: int, settings: Settings, lang: str) -> narrative.Sentence:
    """Whether the grouping would be accepted, and by which figures."""
    wanted = settings.segment.clusters
    good = tried.stability >= wanted.min_stability and tried.smallest_share >= wanted.min_share
    figures = [style.number(x, lang, 2) for x in (tried.silhouette, tried.stability, wanted.min_stability)]
    smallest, least = style.percent(tried.smallest_share, lang), style.percent(wanted.min_share, lang)
    verdict = {
        "en": "would be accepted" if good else "would not be acted on",
        "zh": "达到采用标准" if good else "未达到采用标准",
    }
    return narrative.say(
        {
            "en": f"{k} clusters {verdict['en']}: stability {figures[1]} ({figures[2]} is asked), smallest cluster "
            f"{smallest} of customers ({least} is asked), silhouette {figures[0]}.",
            "zh": f"{k}个聚类群{verdict['zh']}：稳定性{figures[1]}（要求{figures[2]}），"
            f"最小群占客户{smallest}（要求{least}），轮廓系数{figures[0]}。",
        },
        lang,
    )


_TITLE = {"en": "Clusters", "zh": "聚类分群"}
_TOO_FEW = {
    "en": "Too few customers bought in the window to look for clusters.",
    "zh": "窗口内购买的客户太少，无法聚类。",
}
_REFUSED = {"en": "These measures tell too few customers apart for so many clusters.",
            "zh": "所选指标能区分的客户太少，无法分成这么多群。"}  # fmt: skip
_K_TIP = {"en": "How many groups the customers are divided into", "zh": "客户划分为多少群"}
_BY_TIP = {"en": "Whether this measure tells customers apart", "zh": "是否用该指标区分客户"}
_MEASURES = {
    "en": "Quality is measured on a sample, more coarsely than in the batch. Saving keeps the number of clusters; "
    "the batch always uses all four measures.",
    "zh": "质量指标在样本上估计，比批量运行粗略。保存时只保留分群数；批量运行始终使用全部四项指标。",
}
