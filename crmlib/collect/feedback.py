"""What customers say: answers to surveys and tickets, from the registers and from mapped sources, and their texts."""

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.collect import scrub
from crmlib.periods import Period
from crmlib.schema import COLUMNS, TABLES

SOURCES = ("surveys", "tickets", "interactions")
_TEXTS = ("comment", "text")
_ASKING = r"(?i)survey|questionnaire|csat|nps|问卷|满意度|回访"


def sources(staged: dict[str, ir.Table]) -> dict[str, ir.Table]:
    """The mapped sources about feedback as tables to store: all columns, texts without personal data."""
    return {f"source_{name}": _complete(staged[name], f"source_{name}") for name in SOURCES if name in staged}


def _complete(table: ir.Table, name: str) -> ir.Table:
    there = {c: scrub.engine(table[c]) if c in _TEXTS else table[c] for c in table.columns}
    return table.select(**{c: there.get(c, ibis.null(COLUMNS[c].dtype)) for c in TABLES[name].columns})


def mapped(source: ir.Table | None) -> pd.DataFrame | None:
    """A stored source in pandas; None where the book has none."""
    return None if source is None else source.to_pyarrow().to_pandas(date_as_object=False)


def rows(source: pd.DataFrame | None) -> int:
    """How many rows a source has that may be missing."""
    return 0 if source is None else len(source)


def customer_ids(surveys: pd.DataFrame, tickets: pd.DataFrame, interactions: pd.DataFrame | None) -> pd.DataFrame:
    """Everyone who said something, once."""
    parts = [surveys, tickets] if interactions is None else [surveys, tickets, interactions]
    ids = pd.concat([part["customer_id"].astype("str") for part in parts], ignore_index=True)
    return ids.drop_duplicates().to_frame()


def surveys(register: pd.DataFrame, source: pd.DataFrame | None = None) -> pd.DataFrame:
    """Table `surveys`: the answers of the register and of the source. An id in both is the register's."""
    return _together(register, source, "surveys", "survey_id", "survey_date")


def tickets(register: pd.DataFrame, source: pd.DataFrame | None = None) -> pd.DataFrame:
    """Table `tickets`, the same way."""
    return _together(register, source, "tickets", "ticket_id", "opened_at")


def _together(register: pd.DataFrame, source: pd.DataFrame | None, name: str, key: str, order: str) -> pd.DataFrame:
    columns = list(TABLES[name].columns)
    parts = [register.reindex(columns=columns)]
    if source is not None:
        named = source.assign(**{key: _named(source, key, order)}, provenance="actual")
        parts.append(named[~named[key].isin(register[key])].reindex(columns=columns))
    typed = [_typed(part) for part in parts]
    found = pd.concat([part for part in typed if len(part)] or typed[:1], ignore_index=True)
    for column in set(_TEXTS) & set(columns):
        found[column] = scrub.texts(found[column].fillna(""))
    return found.sort_values([order, key], kind="stable").reset_index(drop=True)


def _typed(part: pd.DataFrame) -> pd.DataFrame:
    kinds = {"string": "str", "int64": "Int64", "boolean": "boolean", "date": "datetime64[us]",
             "timestamp": "datetime64[us]"}  # fmt: skip
    return part.astype({c: kinds[COLUMNS[c].dtype] for c in part.columns})


def _named(source: pd.DataFrame, key: str, order: str) -> pd.Series:
    """The source's ids; a row without one is named by customer and day, and a repeated id gets a number."""
    made = source["customer_id"].astype("str") + "/" + source[order].dt.strftime("%Y-%m-%d")
    given = source[key].astype("str")
    ids = given.where(source[key].notna() & (given != ""), made)
    again = ids.groupby(ids).cumcount()
    return ids.where(again == 0, ids + "/" + (again + 1).astype("str"))


def texts(
    surveys: pd.DataFrame, tickets: pd.DataFrame, interactions: pd.DataFrame | None, period: Period
) -> pd.DataFrame:
    """What was said in the 12 months to the end of the quarter, one row per text that is not blank.

    `hint` is what the customer himself said of its tone: `positive` or `negative` by his mark (4-5, 1-2; without
    one, by his recommendation), or `complaint`.
    """
    asked, opened = _in_year(surveys, "survey_date", period), _in_year(tickets, "opened_at", period)
    parts = [
        _said(asked, "survey_comment", ("survey_id", "survey_date", "comment"), _mark_hint(asked)),
        _said(opened, "ticket_text", ("ticket_id", "opened_at", "text"), _kind_hint(opened["ticket_kind"])),
    ]
    if interactions is not None:
        met = _in_year(interactions, "interaction_at", period)
        named = met.assign(interaction_id=_named(met, "interaction_id", "interaction_at"), provenance="actual")
        hint = _kind_hint(met["interaction_kind"])
        parts.append(_said(named, "contact_note", ("interaction_id", "interaction_at", "text"), hint))
    return pd.concat(parts, ignore_index=True)


def _said(rows: pd.DataFrame, source: str, columns: tuple[str, str, str], hint: pd.Series) -> pd.DataFrame:
    key, at, text = columns
    kinds = rows["ticket_kind"] if "ticket_kind" in rows.columns else pd.Series("", rows.index)
    found = pd.DataFrame(
        {
            "text_source": source,
            "text_id": rows[key].astype("str"),
            "customer_id": rows["customer_id"].astype("str"),
            "said_date": rows[at].dt.normalize().astype("datetime64[us]"),
            "ticket_kind": kinds.fillna("").astype("str"),
            "hint": hint.astype("str"),
            "text": rows[text].fillna("").astype("str"),
            "provenance": rows["provenance"].astype("str"),
        }
    )
    return found[found["text"].str.strip() != ""]


def _mark_hint(asked: pd.DataFrame) -> pd.Series:
    good = (asked["csat"] >= 4).fillna(asked["nps"] >= 9).fillna(value=False).astype("bool")
    bad = (asked["csat"] <= 2).fillna(asked["nps"] <= 6).fillna(value=False).astype("bool")
    return pd.Series("", asked.index, dtype="str").mask(good, "positive").mask(bad, "negative")


def _kind_hint(kinds: pd.Series) -> pd.Series:
    complaint = kinds.fillna("").astype("str").str.contains(r"(?i)complaint|投诉|抱怨")
    return pd.Series("", kinds.index, dtype="str").mask(complaint, "complaint")


def asked(interactions: pd.DataFrame | None, period: Period) -> pd.DataFrame | None:
    """Customers who were asked for an answer in the quarter, one row each; None where no contact says so."""
    if interactions is None:
        return None
    met = within(interactions, "interaction_at", period)
    inviting = met["interaction_kind"].fillna("").astype("str").str.contains(_ASKING)
    return met[inviting][["customer_id"]].drop_duplicates() if inviting.any() else None


def within(rows: pd.DataFrame, column: str, period: Period) -> pd.DataFrame:
    """The rows that `column` dates in the quarter."""
    at = rows[column]
    return rows[(at >= pd.Timestamp(period.start)) & (at < pd.Timestamp(period.end))]


def _in_year(rows: pd.DataFrame, column: str, period: Period) -> pd.DataFrame:
    first = pd.Timestamp(period.year_ago) + pd.Timedelta(days=1)
    return rows[(rows[column] >= first) & (rows[column] < pd.Timestamp(period.end))]


def profile(ids: ir.Table, days: ir.Table, tiered: ir.Table, customers: ir.Table, period: Period) -> ir.Table:
    """Tier, 12-month spend and consent of the customers in `ids`; who is not known otherwise has tier 'none'."""
    year = days.filter(days.order_date > ibis.literal(period.year_ago), days.order_date <= ibis.literal(period.as_of))
    spent = year.group_by("customer_id").aggregate(money_12m_minor=_.net_minor.sum())
    withdrawn = customers.consent == "withdrawn" if "consent" in customers.columns else ibis.literal(value=False)
    agreed = customers.select("customer_id", is_withdrawn=withdrawn)
    joined = ids.select("customer_id").distinct().left_join(tiered.select("customer_id", "tier"), "customer_id")
    named = joined.select("customer_id", "tier").left_join(spent, "customer_id").drop("customer_id_right")
    return (
        named.left_join(agreed, "customer_id")
        .select(
            "customer_id",
            tier=_.tier.fill_null("none"),
            money_12m_minor=_.money_12m_minor.fill_null(0),
            is_withdrawn=_.is_withdrawn.fill_null(False),  # noqa: FBT003 - Ibis takes it by position
        )
        .order_by("customer_id")
    )
