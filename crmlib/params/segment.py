"""Settings of step 2: scores, tiers, clusters, levels, tags and models."""

import re
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from crmlib.params.types import Frozen, Score, Share


def _knots(knots: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    raw, scores = [k[0] for k in knots], [k[1] for k in knots]
    if len(knots) < 2:
        raise ValueError("needs at least two knots")
    if any(b <= a for a, b in pairwise(raw)):
        raise ValueError("raw values must rise from knot to knot")
    if {scores[0], scores[-1]} != {0, 100}:
        raise ValueError("the first and the last knot must score 0 and 100")
    rising = scores[0] == 0
    if any((b < a) == rising and a != b for a, b in pairwise(scores)):
        raise ValueError("scores must go one way")
    return knots


Knots = Annotated[tuple[tuple[float, float], ...], AfterValidator(_knots)]


class Anchors(Frozen):
    """Piecewise-linear maps from a raw value to 0-100; money in major units.

    `kind` says where the knots come from: values that people agreed on, or the quantiles of a quarter.
    """

    version: str
    kind: Literal["absolute", "frozen_quantile"] = "absolute"
    frozen_on: date
    basis_en: str
    basis_zh: str
    recency_days: Knots
    frequency_12m: Knots
    monetary_12m: Knots


class TierRule(Frozen):
    """A customer is in the first tier of which he reaches one (R, F, M) triple of `at_least` in all three scores."""

    tier: Literal["high", "potential", "general", "risk"]
    at_least: Annotated[tuple[tuple[Score, Score, Score], ...], Field(min_length=1)]


class Clusters(Frozen):
    """How groups are found; a model is kept for `keep_quarters` quarters, unless `refit` asks for a new one now."""

    k_min: Annotated[int, Field(ge=2)] = 3
    k_max: Annotated[int, Field(le=12)] = 8
    k: Annotated[int, Field(ge=1, le=12)] | None = None
    sample: Annotated[int, Field(ge=100)] = 50_000
    scan: Annotated[int, Field(ge=100)] = 5_000
    bootstraps: Annotated[int, Field(ge=1)] = 20
    min_stability: Share = 0.8
    min_share: Share = 0.03
    keep_quarters: Annotated[int, Field(ge=1)] = 4
    refit: bool = False


def _index_keys(given: Any) -> Any:
    """YAML reads a year as a number."""
    return {str(key): value for key, value in given.items()} if isinstance(given, dict) else given


def _index_periods(index: dict[str, float]) -> dict[str, float]:
    wrong = [key for key in index if not re.fullmatch(r"\d{4}(Q[1-4])?", key)]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is neither a quarter (2011Q3) nor a year (2011)")
    return index


PriceIndex = Annotated[
    dict[str, Annotated[float, Field(gt=0)]], BeforeValidator(_index_keys), AfterValidator(_index_periods)
]


class Levels(Frozen):
    """Value, potential and need of a customer, 0-100 each, and the levels made of them.

    `max_tenure_days` None: the 99th percentile of tenure. Growth compares the last window with the one before it, or is
    that of the customer's industry. The margin is `value.margin`; without one net spend stands for profit.
    """

    weights: dict[Literal["value", "potential", "need"], Share] = {"value": 0.5, "potential": 0.3, "need": 0.2}
    profit: Literal["percentile", "cap_p99", "share"] = "percentile"
    max_tenure_days: Annotated[int, Field(ge=1)] | None = None
    growth: Literal["customer", "industry"] = "customer"
    growth_window: Literal["year", "half_year", "quarter"] = "year"
    growth_low: float = -0.10
    growth_high: float = 0.20
    price_levels: tuple[Share, Share, Share, Share] = (0.05, 0.10, 0.25, 0.50)
    min_offers: Annotated[int, Field(ge=1)] = 2
    mode: Literal["cutoff", "quota"] = "cutoff"
    cutoffs: tuple[Score, Score, Score, Score] = (90, 70, 50, 30)
    quotas: tuple[Share, Share, Share, Share, Share] = (0.12, 0.22, 0.54, 0.07, 0.05)
    targets: tuple[tuple[Share, Share], ...] = ((0.10, 0.15), (0.20, 0.25), (0.50, 0.60), (0.05, 0.10), (0.05, 0.05))
    draws: Annotated[int, Field(ge=20)] = 200
    concentration: Annotated[float, Field(gt=0)] = 50.0
    sample: Annotated[int, Field(ge=100)] = 5_000

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if abs(sum(self.weights.values()) - 1) > 1e-9 or len(self.weights) != 3 or min(self.weights.values()) == 0:
            raise ValueError("weights: value, potential and need must each be above 0 and add to 1")
        if abs(sum(self.quotas) - 1) > 1e-9:
            raise ValueError(f"quotas add to {sum(self.quotas):g}; they must add to 1")
        if any(b >= a for a, b in pairwise(self.cutoffs)):
            raise ValueError("cutoffs must fall from level to level")
        if len(self.targets) != 5:
            raise ValueError("targets needs a lowest and a highest share for each of the five levels")
        if self.growth_high <= self.growth_low:
            raise ValueError("growth_high must be above growth_low")
        if any(b < a for a, b in pairwise(self.price_levels)):
            raise ValueError("price_levels must not fall")
        return self


class Tags(Frozen):
    """When a customer is called what. Days without a purchase, shares of 30-day months with one, shares of spend."""

    lapsing_days: Annotated[int, Field(ge=1)] = 60
    lapsed_days: Annotated[int, Field(ge=2)] = 180
    won_back_days: Annotated[int, Field(ge=1)] = 90
    loyal_share: Share = 0.75
    returning_share: Share = 0.40
    loyalty_min_months: Annotated[int, Field(ge=1, le=12)] = 6
    need_categories: dict[Literal["functional", "experience", "personal"], tuple[str, ...]] = {}
    need_share: Share = 0.5
    journey_orders: Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)] = (2, 3, 5)
    journey_days: Annotated[int, Field(ge=1)] = 90

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.lapsing_days >= self.lapsed_days:
            raise ValueError("lapsing_days must be fewer than lapsed_days")
        if self.returning_share > self.loyal_share:
            raise ValueError("returning_share must not be above loyal_share")
        if any(b <= a for a, b in pairwise(self.journey_orders)):
            raise ValueError("journey_orders must rise")
        return self


class Profile(Frozen):
    """How associations are measured: on so many customers, with so many resamples, over so many values each."""

    sample: Annotated[int, Field(ge=100)] = 50_000
    resamples: Annotated[int, Field(ge=100)] = 200
    values: Annotated[int, Field(ge=2)] = 12


class Value(Frozen):
    """How far ahead customers are valued, and who counts as about to leave.

    Without `margin` (share of net sales) values are revenue. `quick_years` and `quick_loyalty` are the rule of thumb.
    `churn_days` replaces the rule (13 weeks, or three usual gaps, at most half of the data); `churn_score` names the
    source of the risk.
    """

    horizon_months: Annotated[int, Field(ge=1, le=60)] = 12
    discount_rate_year: Annotated[float, Field(ge=0, lt=1)] = 0.12
    margin: Annotated[float, Field(gt=0, le=1)] | None = None
    quick_years: Annotated[float, Field(gt=0)] = 3.0
    quick_loyalty: Share = 0.8
    draws: Annotated[int, Field(ge=50)] = 200
    churn_days: Annotated[int, Field(ge=7)] | None = None
    churn_score: Literal["auto", "btyd", "logistic", "observed"] = "auto"
    red_risk: Share = 0.7
    amber_risk: Share = 0.5

    @model_validator(mode="after")
    def _alerts_rise(self) -> Self:
        if self.red_risk < self.amber_risk:
            raise ValueError("red_risk must not be below amber_risk")
        return self


class Segment(Frozen):
    """Scores and tiers. `anchors` may be the name of a YAML file beside the params."""

    scoring: Literal["anchors", "percentile"] = "anchors"
    truncated_window: Literal["as_observed", "per_12_months"] = "as_observed"
    anchors: Anchors
    price_index: PriceIndex = {}
    tiers: Annotated[tuple[TierRule, ...], Field(min_length=2)]
    new_customer_days: int = 90
    clusters: Clusters = Clusters()
    risk_list_rows: int = 200
    value: Value = Value()
    levels: Levels = Levels()
    tags: Tags = Tags()
    profile: Profile = Profile()

    @property
    def scored_by(self) -> Literal["absolute", "frozen_quantile", "percentile"]:
        """What a score compares a customer with: the word that stamps every result."""
        return "percentile" if self.scoring == "percentile" else self.anchors.kind
