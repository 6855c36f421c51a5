"""Functions of step 2, each as a call on a book."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import derived
import ibis
import numpy as np
import pandas as pd
from random_book import Book

from crmlib.segment import (
    accuracy,
    agreement,
    anchors,
    backtest,
    btyd,
    btyd_fit,
    churn,
    cluster_model,
    clusters,
    cohorts,
    customer_value,
    distance,
    evidence,
    expectation,
    journey,
    levels,
    migration,
    model_card,
    profile,
    reasons,
    rfm,
    tags,
    tier_starts,
    tiers,
    value,
)  # fmt: skip

SCALE = rfm.Scale(12 / 11, 0.012)
SPEND = btyd.Spend(6.0, 4.0, 90_000.0, -1.0, 100)
MODEL = btyd.Purchases(0.8, 30.0, 0.7, 2.5, -1.0, 100, np.eye(4))
LOGISTIC = churn.Logistic(0.3, (-0.5, 0.4, 0.1, -0.2, -0.1), (1.0,) * 5, 900, 300, date(2023, 12, 31), 91)
CLUSTERS = derived.CLUSTERS


def rules(book: Book) -> Any:
    return book.settings.segment.tiers


def moves(book: Book) -> Any:
    return migration.matrix(book.before, book.tiered, rules(book))


def models(book: Book) -> customer_value.Models:
    return customer_value.Models(btyd.cells(book.histories), MODEL, SPEND, 0.0)


def described(book: Book) -> Any:
    return profile.described(book.tiered, book.file, book.levelled, book.labelled, book.category_sales, book.period)


def steps(book: Book) -> pd.DataFrame:
    return journey.stages(pd.DataFrame({"position": [], "journey_stage": []}), book.settings.segment.tags)


def entered(book: Book) -> Any:
    return journey.entries(book.tiered, book.days, book.interactions, steps(book), book.period)


def funnel(book: Book) -> Any:
    return journey.funnel(
        entered(book), book.tiered, book.surveys, steps(book), book.period, book.settings.segment.tags
    )


def scored(book: Book) -> Any:
    known = book.histories
    return known.mutate(btyd=(known.repeat_purchases / 7).round(6), rank=known.recency_days.cast("float64"),
                        actual=known.purchase_days_90, is_silent=(known.purchase_days_90 == 0).cast("int64"))  # fmt: skip


def free_tags(book: Book) -> Any:
    return tags.free(book.free_tags, book.written_tags, book.period)


def levelled(book: Book, **changes: Any) -> Any:
    used = book.settings.segment.levels.model_copy(update=changes)
    return levels.stored(levels.assign(levels.score(book.inputs, used), used))


def means(book: Book) -> pd.DataFrame:
    return customer_value.tier_means(book.before, book.days, date(2023, 12, 31), book.period.as_of)


def kept_model(book: Book) -> pd.DataFrame:
    """Last quarter's clusters, used again."""
    sampled = clusters.sample(book.tiered, 20).order_by("customer_id").to_pyarrow().to_pandas()
    return cluster_model.current(sampled, book.cluster_rows, book.cluster_choices, book.settings).choice


def card(book: Book) -> Any:
    found = model_card.examine(book.days, book.file, date(2022, 3, 1), 91, book.settings)
    return found.card.round(9), found.calibration, found.means


def percentile(book: Book) -> Any:
    ranked = rfm.rank(book.summary)
    segment = book.settings.segment.model_copy(update={"scoring": "percentile"})
    return tiers.assign(ranked, segment, SCALE)


CASES: dict[str, Callable[[Book], Any]] = {
    "summarise": lambda b: rfm.summarise(b.days, b.customers, b.period),
    "score": lambda b: rfm.score(b.summary, b.settings.segment.anchors, SCALE),
    "rank": lambda b: rfm.rank(b.summary),
    "months seen": lambda b: rfm.months_seen(b.days, b.period),
    "tiers": lambda b: tiers.at(b.days, b.customers, b.period, b.settings),
    "tiers by percentile": percentile,
    "tiers scaled": lambda b: tiers.assign(
        rfm.score(b.summary, b.settings.segment.anchors, SCALE), b.settings.segment, SCALE),
    "stored tiers": lambda b: tiers.stored(b.tiered, b.settings),
    "reasons": lambda b: reasons.sentences(percentile(b), b.settings),
    "tier sizes": lambda b: tiers.sizes(b.tiered, rules(b)),
    "states": lambda b: tiers.states(b.tiered),
    "score ends": lambda b: tiers.score_ends(b.tiered),
    "risk reasons": lambda b: tiers.risk_reasons(b.tiered),
    "tier starts": lambda b: ibis.union(
        *tier_starts.each(b.days, b.customers, [b.period.previous, b.period], b.settings)),
    "distance": lambda b: distance.to_next(
        b.tiered.drop("next_tier", *distance.TOGETHER, *distance.ALONE), rules(b), b.settings.segment.anchors, SCALE),
    "migration": moves,
    "balance": lambda b: migration.balance(moves(b), rules(b)),
    "restated": lambda b: migration.restated(b.before, b.tiered, rules(b)),
    "anchor baseline": lambda b: anchors.baseline(b.days, b.summary, b.period),
    "anchor quantiles": lambda b: anchors.quantiles(anchors.baseline(b.days, b.summary, b.period)),
    "anchor bridge": lambda b: anchors.bridge(b.days, b.customers, b.period, b.settings, b.settings.segment.anchors),
    "deciles": lambda b: value.deciles(b.tiered),
    "value curve": lambda b: value.curve(b.valued),
    "cohorts": lambda b: cohorts.cells(b.days, b.period),
    "histories": lambda b: btyd.histories(b.days, b.period.as_of, {"later": (b.period.start, date(2024, 4, 20))}),
    "cells": lambda b: btyd.cells(b.histories),
    "spend sample": lambda b: btyd.spend_sample(b.histories, 20),
    "features": lambda b: churn.features(b.days, b.period.as_of),
    "observed": derived.rates,
    "learn": lambda b: churn.learn(b.days, date(2022, 3, 1), b.period.as_of, 200),
    "logistic": lambda b: b.histories.select("customer_id", risk=churn.logistic_risk(b.histories, LOGISTIC).round(9)),
    "assess": lambda b: churn.assess(b.valued, derived.rates(b), b.before, LOGISTIC),
    "alerts": lambda b: churn.alerts(b.assessed, "observed", b.settings.segment),
    "alerts by model": lambda b: churn.alerts(b.assessed, "btyd", b.settings.segment),
    "warnings": lambda b: churn.warnings(b.alerted, 15, 91),
    "alert sizes": lambda b: churn.alert_sizes(b.alerted),
    "tier means": means,
    "value by tier's mean": lambda b: customer_value.by_tier_mean(
        b.histories, b.tiered, means(b), b.settings.segment.value),
    "value by a fit": lambda b: customer_value.predicted(
        b.histories, b.tiered, customer_value.fit(b.histories), means(b), 91, b.settings.segment.value),
    "stored value": lambda b: customer_value.stored(b.alerted),
    "value by model": lambda b: customer_value.by_model(b.histories, models(b), 91, b.settings.segment.value),
    "value of customers": lambda b: customer_value.customers(
        b.tiered, customer_value.by_model(b.histories, models(b), 91, b.settings.segment.value), 0.9,
        b.settings.segment.value),
    "value by tier": lambda b: customer_value.by_tier(b.valued, models(b), b.settings),
    "value on a grid": lambda b: customer_value.coarse(
        b.valued.filter(b.valued.clv_minor.notnull()), models(b).cells, ["high", "risk"]
    ),
    "acquisition": lambda b: customer_value.acquisition(b.valued, b.costs, b.period, b.settings.segment.value),
    "expectation": lambda b: expectation.after(b.days, date(2023, 12, 31), 28).customers,
    "accuracy": lambda b: pd.DataFrame(accuracy.measured(scored(b), {"btyd": "btyd", "rfm_rank": "rank"}, "actual")),
    "calibration": lambda b: accuracy.calibration("purchases", scored(b), "btyd"),
    "means without a back-test": lambda b: backtest.means(b.days, b.customers, date(2022, 3, 1), b.settings),
    "back-test": lambda b: backtest.run(b.days, b.customers, date(2022, 3, 1), 91, b.settings).scored,
    "evidence": lambda b: evidence.inputs(b.tiered, b.days, b.customers, b.settings,
                                          evidence.Known(b.needs, b.industry, b.offers, b.costs)),
    "evidence by industry": lambda b: evidence._growth(
        b.tiered, b.days, b.customers, b.settings.model_copy(update={"segment": b.settings.segment.model_copy(
            update={"levels": b.settings.segment.levels.model_copy(update={"growth": "industry"})})}), b.industry),
    "offers": derived.offers,
    "levels": levelled,
    "levels by quota": lambda b: levelled(b, mode="quota"),
    "levels by cap": lambda b: levelled(b, profit="cap_p99"),
    "level sizes": lambda b: levels.sizes(b.levelled, b.settings.segment.levels),
    "lacking": lambda b: levels.lacking(b.levelled),
    "level sample": lambda b: levels.sample(b.levelled, 25),
    "needs": lambda b: tags.needs(b.needs, b.category_sales, b.settings),
    "labels": lambda b: tags.labels(b.tiered, b.days, b.levelled, b.noted, b.settings),
    "free tags": free_tags,
    "labels with tags": lambda b: tags.with_free(b.labelled, free_tags(b), b.offers),
    "label sizes": lambda b: tags.sizes(b.labelled, free_tags(b), b.tiered),
    "described": described,
    "profile groups": lambda b: profile.groups(described(b), b.settings.segment.profile, 5),
    "profile sample": lambda b: profile.sample(described(b), 25),
    "journey": funnel,
    "touchpoints": lambda b: journey.touchpoints(entered(b), b.interactions, steps(b), b.period),
    "cluster sample": lambda b: clusters.sample(b.tiered, 20),
    "clusters": lambda b: clusters.assign(b.tiered, CLUSTERS),
    "cluster profile": lambda b: clusters.profile(clusters.assign(b.tiered, CLUSTERS)),
    "agreement": lambda b: agreement.cells(clusters.assign(b.tiered, CLUSTERS)),
    "stored clusters": lambda b: cluster_model.frame(cluster_model.read(b.cluster_rows)),
    "kept clusters": kept_model,
    "model card": card,
    "anchors": lambda b: str(anchors.propose(b.days, b.file, b.period, b.settings)),
    "tags of strangers": lambda b: tags.strangers(free_tags(b), b.tiered.limit(0)),
    "template 2": lambda b: tags.tier_tags(
        tiers.stored(b.tiered, b.settings), b.customers, tags.with_free(b.labelled, free_tags(b), b.offers)),
    "fit": lambda b: vars(btyd_fit.purchases(btyd.cells(b.histories)))["problem"],
    "cut": lambda b: btyd.histories(b.days, b.period.as_of - timedelta(days=91)),
}  # fmt: skip
