"""Settings of step 1: what the data are, where they come from, and what may be shown."""

import difflib
import re
import zoneinfo
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from crmlib.params.types import Frozen, Share


def _zone(name: str) -> str:
    if name not in zoneinfo.available_timezones():
        near = difflib.get_close_matches(name, zoneinfo.available_timezones(), n=1)
        raise ValueError(f"is no time zone; {f'did you mean {near[0]!r}?' if near else 'write it as Asia/Shanghai'}")
    return name


class Book(Frozen):
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


class RowClasses(Frozen):
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


def _chosen(columns: Any) -> Any:
    """The columns of a mapping without those that a quarter's file sets to null: it has no such column."""
    return {f: c for f, c in columns.items() if c is not None} if isinstance(columns, dict) else columns


class Source(Frozen):
    """Where one table comes from, how its columns are called there, and how its cells are written."""

    files: str | None = None
    sheet: str | None = None
    header_row: Annotated[int, Field(ge=0)] = 1
    header_rows: Annotated[int, Field(ge=1, le=3)] = 1
    url: Annotated[str, AfterValidator(_without_password)] | None = None
    table: str | None = None
    query: str | None = None
    columns: Annotated[dict[str, str], BeforeValidator(_chosen)]
    delimiter: Annotated[str, Field(pattern=r"^(auto|spaces|.|\t)$")] = "auto"
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

    @property
    def first_row(self) -> int:
        """The number that a person sees for the first row below the header."""
        return self.header_row + self.header_rows if self.header_row else 1

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if (self.files is None) == (self.url is None):
            raise ValueError("give either files (below data/<book>/raw) or url (a database)")
        if self.url is not None and (self.table is None) == (self.query is None):
            raise ValueError("a url needs either table or query")
        if self.url is None and (self.table or self.query):
            raise ValueError("table and query belong to a url; for files give files")
        return self


class Sources(Frozen):
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


class Privacy(Frozen):
    """How customers are called in results."""

    customer_ids: Literal["pseudonym", "as_given"] = "pseudonym"
    names: Literal["masked", "as_given"] = "masked"
    key_variable: str = "CRM_PSEUDONYM_KEY"
    min_cell: Annotated[int, Field(ge=1)] = 5


class Quality(Frozen):
    max_quarantined_share: Share = 0.05
    contact_fresh_days: Annotated[int, Field(ge=1)] = 92
    quiet_days: Annotated[int, Field(ge=1)] = 7


class Series(Frozen):
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


class Collect(Frozen):
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
