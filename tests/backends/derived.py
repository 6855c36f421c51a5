"""Results that later functions read, made once on DuckDB: each function then meets the same tables on both engines."""

from datetime import date, timedelta
from typing import Any

import ibis
import pandas as pd
from random_book import Book

from crmlib.collect import inventory, purchase_days
from crmlib.io import engine
from crmlib.segment import (
    btyd,
    churn,
    cluster_model,
    clusters,
    customer_value,
    evidence,
    levels,
    rfm,
    tags,
    tier_starts,
    tiers,
)

CLUSTERS = clusters.Model(
    "2023Q4", date(2023, 12, 31), (3.0, 1.5, 9.0, 5.0), (1.1, 0.9, 2.0, 0.8),
    ((-1.0, 1.0, 1.0, 0.2), (0.9, -0.8, -0.7, 0.1), (0.0, 0.1, 0.2, -1.4)), (1, 2, 3), ("core", "quiet", "new"), 3,
)  # fmt: skip
CHOICES = pd.DataFrame({"k": [4, 3, 2], "silhouette": [0.2, 0.4, 0.3], "is_chosen": [False, True, False]})


def days(book: Book) -> dict[str, Any]:
    orders = purchase_days.orders(book.lines, book.period)
    sales = purchase_days.categories(book.lines, book.products, book.period)
    return {"orders": orders, "days": purchase_days.build(orders), "category_sales": sales}


def segments(book: Book) -> dict[str, Any]:
    period, settings = book.period, book.settings
    known = evidence.Known(book.needs, book.industry, offers(book), book.costs)
    tiered = tiers.at(book.days, book.customers, period, settings)
    inputs = evidence.inputs(tiered, book.days, book.customers, settings, known)
    quarters = [period.previous, period]
    return {
        "file": inventory.customers(book.customers, book.days),
        "summary": rfm.summarise(book.days, book.customers, period),
        "tiered": tiered,
        "before": tiers.at(book.days, book.customers, period.previous, settings),
        "at_start": ibis.union(*tier_starts.each(book.days, book.customers, quarters, settings)),
        "inputs": inputs,
        "offers": offers(book),
        "histories": churn.features(book.days, period.as_of),
        "cluster_rows": engine.table(cluster_model.frame(CLUSTERS)),
        "cluster_choices": engine.table(CHOICES),
    }


def offers(book: Book) -> ibis.Table:
    found = evidence.offers(book.campaigns, book.campaign_targets, book.redemptions, book.period)
    assert found is not None
    return found


def values(book: Book) -> dict[str, Any]:
    period, settings = book.period, book.settings
    value = settings.segment.value
    cut = period.as_of - timedelta(days=91)
    models = customer_value.fit(book.histories)
    means = customer_value.tier_means(book.before, book.days, cut, period.as_of)
    told = customer_value.predicted(book.histories, book.tiered, models, means, 91, value)
    valued = customer_value.customers(book.tiered, told, 0.9, value)
    assessed = churn.assess(
        valued, rates(book), book.before, churn.Logistic(0.1, (0.1,) * 5, (1.0,) * 5, 9, 3, cut, 91)
    )
    levelled = levels.assign(levels.score(book.inputs, settings.segment.levels), settings.segment.levels)
    noted = tags.needs(book.needs, book.category_sales, settings)
    labelled = tags.labels(book.tiered, book.days, levelled, noted, settings)
    return {"valued": valued, "assessed": assessed, "levelled": levelled, "noted": noted, "labelled": labelled,
            "alerted": churn.alerts(assessed, "observed", settings.segment)}  # fmt: skip


def rates(book: Book) -> ibis.Table:
    return churn.observed(book.days, book.period.as_of, 91, 5)


def cells(book: Book) -> Any:
    return btyd.cells(book.histories)
