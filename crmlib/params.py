"""The settings of one book and quarter: default.yml, then the quarter's file, checked as a whole.

A mapping in the quarter's file merges into the default, a list replaces it; unknown keys are refused.
"""

import difflib
import re
import zoneinfo
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from crmlib.errors import InputError
from crmlib.periods import Period

Lang = Literal["en", "zh"]
Share = Annotated[float, Field(ge=0, le=1)]
Score = Annotated[float, Field(ge=0, le=100)]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _zone(name: str) -> str:
    if name not in zoneinfo.available_timezones():
        near = difflib.get_close_matches(name, zoneinfo.available_timezones(), n=1)
        raise ValueError(f"is no time zone; {f'did you mean {near[0]!r}?' if near else 'write it as Asia/Shanghai'}")
    return name


class Book(_Frozen):
    """Whose customers these are. `rates` says what one unit of another currency is worth in the book's."""

    name_en: str
    name_zh: str
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    minor_digits: Annotated[int, Field(ge=0, le=4)] = 2
    time_zone: Annotated[str, AfterValidator(_zone)] | None = None
    rates: dict[str, Annotated[float, Field(gt=0)]] = {}
    notice_en: str = ""
    notice_zh: str = ""


RowClass = Literal["sale", "return", "cancellation", "free", "adjustment"]


class RowClasses(_Frozen):
    """How order rows are told apart: the first rule that fits counts, then the sign of the amount."""

    cancellation_orders: tuple[str, ...] = ()
    adjustment_orders: tuple[str, ...] = ()
    adjustment_products: tuple[str, ...] = ()
    kinds: dict[str, RowClass] = {}


def _without_password(url: str) -> str:
    login = re.match(r"[^:/]+://(?P<user>[^:]*):?(?P<password>.*)@", url, re.DOTALL)
    asked = re.findall(r"(?i)(?:password|pwd|token|secret)\w*=([^&]*)", url)
    secrets = [*([login["password"]] if login else []), *asked]
    if any(secret and not re.fullmatch(r"\$\{\w+\}", secret) for secret in secrets):
        raise ValueError("holds a password; write ${SHOP_DB_PASSWORD} in its place and set that environment variable")
    return url


class Source(_Frozen):
    """Where one table comes from, how its columns are called there, and how its cells are written."""

    files: str | None = None
    sheet: str | None = None
    header_row: Annotated[int, Field(ge=1)] = 1
    header_rows: Annotated[int, Field(ge=1, le=3)] = 1
    url: Annotated[str, AfterValidator(_without_password)] | None = None
    table: str | None = None
    query: str | None = None
    columns: dict[str, str]
    delimiter: Annotated[str, Field(pattern=r"^(auto|.|\t)$")] = "auto"
    encoding: Literal["auto", "utf-8", "utf-16", "gb18030", "latin-1"] = "auto"
    date_format: str | dict[str, str] = "%Y-%m-%d"
    decimal: Literal[".", ","] = "."
    time_zone: Annotated[str, AfterValidator(_zone)] | None = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    amount_unit: Literal["major", "minor"] = "major"
    returns: Literal["negative", "positive"] = "negative"
    grain: Literal["line", "order"] = "line"
    order_id_from: tuple[str, ...] = ()
    classes: RowClasses = RowClasses()
    duplicates: Literal["quarantine", "keep", "collapse"] = "quarantine"
    extracted_on: date | None = None
    ledger_total: float | None = None

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if (self.files is None) == (self.url is None):
            raise ValueError("give either files (below data/<book>/raw) or url (a database)")
        if self.url is not None and (self.table is None) == (self.query is None):
            raise ValueError("a url needs either table or query")
        if self.url is None and (self.table or self.query):
            raise ValueError("table and query belong to a url; for files give files")
        return self


class Sources(_Frozen):
    orders: Source
    customers: Source | None = None
    products: Source | None = None
    campaigns: Source | None = None
    campaign_targets: Source | None = None
    redemptions: Source | None = None
    interactions: Source | None = None
    surveys: Source | None = None
    tickets: Source | None = None
    costs: Source | None = None


class Privacy(_Frozen):
    """How customers are called in results."""

    customer_ids: Literal["pseudonym", "as_given"] = "pseudonym"
    names: Literal["masked", "as_given"] = "masked"
    key_variable: str = "CRM_PSEUDONYM_KEY"
    min_cell: Annotated[int, Field(ge=1)] = 5


class Quality(_Frozen):
    max_quarantined_share: Share = 0.05
    contact_fresh_days: Annotated[int, Field(ge=1)] = 92
    quiet_days: Annotated[int, Field(ge=1)] = 7


class Series(_Frozen):
    """One series about the economy or the market, a file below data/<book>/raw."""

    file: str
    time: str
    value: str
    time_format: str = "%Y-%m-%d"
    where: dict[str, str] = {}
    delimiter: str = ","
    name_en: str
    name_zh: str
    unit_en: str = ""
    unit_zh: str = ""
    source: str
    grade: Literal["A", "B", "C"] = "B"
    relevance: Annotated[int, Field(ge=1, le=5)] = 3
    published_after_days: Annotated[int, Field(ge=0)] = 0


class Collect(_Frozen):
    """What is joined to the market facts, how long a fact counts, and how fast customers are answered."""

    macro: dict[str, Series] = {}
    fact_valid_days: dict[Literal["industry", "competitor", "policy", "macro"], Annotated[int, Field(ge=1)]] = {
        "industry": 365,
        "competitor": 180,
        "policy": 730,
        "macro": 180,
    }
    first_reply_hours: Annotated[float, Field(gt=0)] = 1.0
    analysis_hours: Annotated[float, Field(gt=0)] = 24.0
    escalation_hours: Annotated[float, Field(gt=0)] = 72.0
    quotes: Annotated[int, Field(ge=0)] = 6
    themes: dict[str, tuple[str, ...]] = {}


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


class Anchors(_Frozen):
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


class TierRule(_Frozen):
    """A customer is in the first tier of which he reaches one (R, F, M) triple of `at_least` in all three scores."""

    tier: Literal["high", "potential", "general", "risk"]
    at_least: Annotated[tuple[tuple[Score, Score, Score], ...], Field(min_length=1)]


class Clusters(_Frozen):
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


class Levels(_Frozen):
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


class Tags(_Frozen):
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


class Profile(_Frozen):
    """How associations are measured: on so many customers, with so many resamples, over so many values each."""

    sample: Annotated[int, Field(ge=100)] = 50_000
    resamples: Annotated[int, Field(ge=100)] = 200
    values: Annotated[int, Field(ge=2)] = 12


class Value(_Frozen):
    """How far ahead customers are valued, and who counts as about to leave.

    Without `margin` (share of net sales) values are revenue. `quick_years` and `quick_loyalty` are the rule of thumb.
    `churn_days` replaces the rule (13 weeks, or three usual gaps); `churn_score` names the source of the risk.
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


class Segment(_Frozen):
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


class Market(_Frozen):
    """How opportunities are scored for a tier."""

    matrix_weights: dict[Literal["affinity", "growth", "headroom", "expert"], Share] = {
        "affinity": 0.35,
        "growth": 0.25,
        "headroom": 0.20,
        "expert": 0.20,
    }
    smoothing_share: Share = 0.01
    growth_low: float = -0.10
    growth_high: float = 0.20
    min_buyers: int = 30

    @model_validator(mode="after")
    def _weights_add_up(self) -> Self:
        if abs(sum(self.matrix_weights.values()) - 1) > 1e-9:
            raise ValueError(f"matrix_weights add to {sum(self.matrix_weights.values()):g}; they must add to 1")
        if self.growth_high <= self.growth_low:
            raise ValueError("growth_high must be above growth_low")
        return self


class Strategy(_Frozen):
    """What next quarter's plan may spend, and how the answer to contacts falls within a tier."""

    budget: Annotated[float, Field(ge=0)]
    department_hours: dict[str, Annotated[float, Field(ge=0)]] = {}
    max_contacts: Annotated[float, Field(gt=0)] = 1.0
    segment_sizes: tuple[Share, ...] = (0.2, 0.3, 0.3, 0.2)
    segment_effects: tuple[Share, ...] = (1.0, 0.6, 0.35, 0.15)
    baseline_weeks: int = 26

    @model_validator(mode="after")
    def _is_concave(self) -> Self:
        sizes, effects = self.segment_sizes, self.segment_effects
        rises = any(b > a for a, b in pairwise(effects))
        if len(sizes) != len(effects) or abs(sum(sizes) - 1) > 1e-9 or rises:
            raise ValueError("segment_sizes must add to 1, and segment_effects have as many values and never rise")
        return self


class Review(_Frozen):
    min_rate_n: int = 30
    min_money_n: int = 100


class Settings(_Frozen):
    """Everything that a step may ask. `file` tells book, period and where data and outputs are."""

    file: Path
    book: Book
    sources: Sources
    as_of: date | None = None
    seed: int = 20170101
    memory_limit: str = "4GB"
    privacy: Privacy = Privacy()
    quality: Quality = Quality()
    collect: Collect = Collect()
    segment: Segment
    market: Market = Market()
    strategy: Strategy
    review: Review = Review()

    @model_validator(mode="after")
    def _as_of_is_in_the_quarter(self) -> Self:
        quarter = Period.parse(self.file.stem)
        if self.as_of and not quarter.start <= self.as_of < quarter.end:
            raise ValueError(f"as_of {self.as_of} is not in {quarter} ({quarter.start} to {quarter.as_of})")
        return self

    @property
    def period(self) -> Period:
        """The quarter, up to `as_of` where that cuts it short."""
        quarter = Period.parse(self.file.stem)
        return quarter if self.as_of in (None, quarter.as_of) else Period(quarter.year, quarter.quarter, self.as_of)

    @property
    def book_id(self) -> str:
        return self.file.parent.name

    @property
    def data_dir(self) -> Path:
        return self.file.parents[2] / "data" / self.book_id

    @property
    def outputs_dir(self) -> Path:
        return self.file.parents[2] / "outputs" / self.book_id / str(self.period)

    def minor(self, major: float) -> float:
        """Money in the currency's minor unit."""
        return major * 10**self.book.minor_digits


def load(file: str | Path) -> Settings:
    """Settings of one quarter, e.g. `params/sample/2017Q4.yml`; every problem found is in the error."""
    file = Path(file).resolve()
    if not file.is_file():
        there = sorted(p.name for p in file.parent.glob("*Q?.yml")) if file.parent.is_dir() else []
        hint = f"; there are {', '.join(there)}" if there else "; `crm new BOOK` makes a book"
        raise InputError(f"{_short(file)} does not exist{hint}")
    Period.parse(file.stem)
    merged = _with_anchors(_merge(_read(file.parent / "default.yml"), _read(file)), file.parent)
    try:
        return Settings(file=file, **merged)
    except ValidationError as error:
        raise InputError([_sentence(file, problem) for problem in error.errors()]) from None


def dump(settings: Settings) -> str:
    """The resolved settings as YAML, without the machine's paths."""
    return yaml.safe_dump(settings.model_dump(mode="json", exclude={"file"}), allow_unicode=True, sort_keys=False)


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise InputError(f"{_short(file)} does not exist; each book needs one beside its quarters")
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{_short(file)} is no readable YAML: {' '.join(str(error).split())}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InputError(f"{_short(file)} must be a mapping of settings, not {type(found).__name__}")
    if "file" in found:
        raise InputError(f"{_short(file)}: 'file' is no setting; remove it")
    return found


def _with_anchors(merged: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The settings with the anchors read from the file that they name."""
    segment = merged.get("segment")
    if not isinstance(segment, dict) or not isinstance(segment.get("anchors"), str):
        return merged
    name = segment["anchors"]
    if Path(name).name != name or not (folder / name).is_file():
        there = ", ".join(sorted(f.name for f in folder.glob("anchors*.yml"))) or "none"
        raise InputError(
            f"params {folder.name}: segment.anchors names '{name}', which is no file beside the params "
            f"(there: {there}); `crm anchors PARAMS --write` makes one"
        )
    return {**merged, "segment": {**segment, "anchors": _read(folder / name)}}


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _sentence(file: Path, problem: Any) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    name = f"{file.parent.name}/{file.stem}"
    if problem["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(problem["loc"][-1]), _known_keys(Settings), n=1)
        return f"params {name}: unknown key '{where}'" + (f"; did you mean '{near[0]}'?" if near else "; remove it")
    if problem["type"] == "missing":
        return f"params {name}: '{where}' is missing; add it to default.yml"
    said = problem["msg"].removeprefix("Value error, ")
    if problem["loc"][-1:] == ("url",):
        return f"params {name}: '{where}' {said}"  # without the value, which may hold a password
    return f"params {name}: '{where}' is {problem['input']!r}: {said}"


def _known_keys(model: type[BaseModel]) -> list[str]:
    keys: list[str] = []
    for key, field in model.model_fields.items():
        keys.append(key)
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        keys += [
            k for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel) for k in _known_keys(kind)
        ]
    return keys


def _short(file: Path) -> str:
    return "/".join(file.parts[-3:])
