"""What a reader must know before using the models' figures."""

from datetime import date

import numpy as np
import pandas as pd

from crmlib.params import Settings, Value
from crmlib.schema import TABLES
from crmlib.segment import btyd, churn, customer_value
from crmlib.segment.model_card import OURS, Card

RATIO_RANGE = (0.8, 1.25)
WIDE = 3.0
FIRST_DAYS, FIRST_SHARE = 30, 0.5
Concern = tuple[str, float | None, float | None, float | None]


def find(models: customer_value.Models, card: Card, first: date, settings: Settings) -> pd.DataFrame:
    """Each caution: a code, the figure found, and its range or limit."""
    fitted, value = models.purchases, settings.segment.value
    rows: list[Concern | None] = [(fitted.problem, fitted.a, None, None) if fitted.problem else _dropout(fitted)]
    rows += [(models.spend.problem, None, None, None)] if models.spend.problem not in ("", fitted.problem) else []
    if abs(models.correlation) > customer_value.MAX_CORRELATION:
        rows.append(("value_depends_on_count", models.correlation, None, customer_value.MAX_CORRELATION))
    early = _seen_first(models.cells, (settings.period.as_of - first).days)
    rows += [("older_than_data", early, None, FIRST_SHARE)] if early > FIRST_SHARE else []
    rows += _about_window(models.cells, value, first, settings.period.as_of)
    rows += _about_backtest(card, value.horizon_months)
    rows += _about_silence(card)
    rows += [("revenue_only", None, None, None)] if value.margin is None else []
    return pd.DataFrame([row for row in rows if row], columns=list(TABLES["model_concerns"].columns)).astype(
        dict.fromkeys(("found", "found_low", "found_high"), float)
    )


def _dropout(fitted: btyd.Purchases) -> Concern | None:
    """The range of a, when it spans more than a factor of three and so means nothing by itself."""
    half = 1.96 * float(np.sqrt(max(fitted.covariance[2, 2], 0)))
    low, high = fitted.a * float(np.exp(-half)), fitted.a * float(np.exp(half))
    return ("dropout_imprecise", fitted.a, low, high) if np.exp(2 * half) > WIDE else None


def _seen_first(cells: pd.DataFrame, history: int) -> float:
    """Share of customers whose first purchase falls in the first 30 days of the data: most were customers before."""
    early = cells.loc[cells["tenure_days"] > history - FIRST_DAYS, "customers"].sum()
    return float(early / max(cells["customers"].sum(), 1))


def _about_window(cells: pd.DataFrame, value: Value, first: date, as_of: date) -> list[Concern]:
    """Days of silence asked for, where the data back fewer."""
    used, usual = churn.window(cells, value, first, as_of), churn.usual_window(cells)
    limited = value.churn_days is None and used < usual
    return [("short_window", float(used), None, float(usual))] if limited else []


def _about_backtest(card: Card, horizon_months: int) -> list[Concern]:
    days = int(card.verdicts.set_index("score_target")["holdout_days"].astype(int)["future_purchases"])
    if not days:
        return [("no_backtest", None, None, None)]
    horizon = horizon_months * customer_value.MONTH_DAYS
    short: list[Concern] = [("short_backtest", float(days), None, horizon)] if days < horizon - 31 else []
    low, high = RATIO_RANGE
    if not np.isnan(card.ratio) and not low <= card.ratio <= high:
        short.append(("biased_total", card.ratio, low, high))
    return short


def _about_silence(card: Card) -> list[Concern]:
    """How many times the silence that came was foretold by the score that was most exact, where that is far off."""
    tested = card.card[(card.card["score_target"] == "silence") & (card.card["population"] == "all")]
    errors = tested[tested["score"].isin([*OURS, churn.SIMPLE[0]])].set_index("score")["brier"].astype(float).dropna()
    if errors.empty:
        return []
    ratio = float(tested.loc[tested["score"] == errors.idxmin(), "expected_ratio"].astype(float).iloc[0])
    low, high = RATIO_RANGE
    return [("biased_silence", ratio, low, high)] if not np.isnan(ratio) and not low <= ratio <= high else []
