"""Why customers stopped buying: what they said when asked, and what they had complained of, with the money at risk."""

from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from crmlib import schema
from crmlib.kpi import service
from crmlib.params import Review
from crmlib.periods import Period

NOT_SAID = "no_answer"
SAME_AS = {"goods": "quality", "availability": "range", "staff": "service", "queue": "service", "delivery": "service"}
"""Themes of complaints that are reasons of the win-back log by another name."""
_COLUMNS = list(schema.TABLES["churn_reasons"].columns)
_GIVEN = ["customer_id", "reason_source", "churn_reason", "provenance"]


def lapsed(tiered: ir.Table, readings: ir.Table) -> ir.Table:
    """Those whose texts were read who are in the lowest tier because they stopped buying."""
    return tiered.semi_join(readings, "customer_id").filter(_.risk_reason == "lapsed").select("customer_id")


def given(log: pd.DataFrame, readings: pd.DataFrame, lapsed: pd.Series, period: Period) -> pd.DataFrame:
    """Customer, source and reason, each once, over the 12 months to the quarter's end.

    From the register `winback_log` every reason a customer gave; from texts (table `text_readings`) the theme of each
    complaint of a customer who is lapsed now (`lapsed`: their ids). One customer may have several reasons.
    """
    since, end = pd.Timestamp(period.year_ago) + pd.Timedelta(days=1), pd.Timestamp(period.end)
    asked = log[(log["contacted_on"] >= since) & (log["contacted_on"] < end)]
    said = asked.assign(reason_source="reason_asked", churn_reason=asked["winback_reason"])
    bad = (readings["sentiment"] == "negative") | (readings["ticket_kind"] == "complaint")
    ours = readings["customer_id"].isin(set(lapsed)) & ~readings["theme"].isin(["no_theme", "unread"])
    complaints = readings[bad & ours]
    told = complaints.assign(reason_source="reason_complaint", churn_reason=complaints["theme"].replace(SAME_AS))
    parts = [part[_GIVEN] for part in (said, told) if len(part)]
    found = pd.concat(parts, ignore_index=True) if parts else said.reindex(columns=_GIVEN)
    answered = found["churn_reason"] != NOT_SAID
    named = found["customer_id"].isin(set(found["customer_id"][answered]))
    return found[answered | ~named].drop_duplicates(_GIVEN[:3]).sort_values(_GIVEN[:3], ignore_index=True)


def table(found: pd.DataFrame, people: pd.DataFrame, review: Review) -> pd.DataFrame:
    """Table `churn_reasons`: customers and money by reason, over all tiers and by tier, the dearest reason first.

    `people` has of each customer: customer_id, tier (at the start of the quarter), at_risk_minor (money expected to be
    lost in 12 months), monetary_12m_minor. Money of a customer with several reasons is split evenly between them, so
    that it adds up; the customer counts in each. Shares are of the customers, and of the money, whose reason is known.
    """
    if found.empty:
        return pd.DataFrame(columns=_COLUMNS)
    known = _per_reason(found).merge(people.drop_duplicates("customer_id"), how="left", on="customer_id")
    parts = known.groupby("customer_id")["churn_reason"].transform("size").to_numpy()
    split = known.assign(
        tier=known["tier"].fillna("none"),
        at_risk_minor=known["at_risk_minor"].astype("float64").fillna(0) / parts,
        monetary_12m_minor=known["monetary_12m_minor"].astype("float64").fillna(0) / parts,
    )
    groups = [("all", split), *((tier, rows) for tier, rows in split.groupby("tier", sort=True))]
    rows = [row for tier, people_of in groups for row in _pareto(str(tier), people_of, review)]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _per_reason(found: pd.DataFrame) -> pd.DataFrame:
    """One row per customer and reason: whether he said so, whether he had complained of it."""
    marked = found.assign(
        asked=found["reason_source"] == "reason_asked", complained=found["reason_source"] == "reason_complaint"
    )
    made = marked.groupby(["customer_id", "churn_reason"], as_index=False).agg(
        asked=("asked", "any"), complained=("complained", "any")
    )
    return made.assign(provenance=service.provenance(found))


def _pareto(tier: str, known: pd.DataFrame, review: Review) -> list[dict[Any, Any]]:
    """One row per reason of a tier; those who gave none come last and are in no share."""
    total = known["customer_id"][known["churn_reason"] != NOT_SAID].nunique()
    summed = (
        known.groupby("churn_reason")
        .agg(
            customers=("customer_id", "nunique"),
            asked_customers=("asked", "sum"),
            complained_customers=("complained", "sum"),
            at_risk_minor=("at_risk_minor", "sum"),
            monetary_12m_minor=("monetary_12m_minor", "sum"),
        )
        .reset_index()
    )
    silent = summed["churn_reason"] == NOT_SAID
    ranked = summed.assign(silent=silent).sort_values(
        ["silent", "at_risk_minor", "customers", "churn_reason"], ascending=[True, False, False, True]
    )
    said = ~ranked["silent"]
    money = ranked["at_risk_minor"].where(said, 0)
    whole = money.sum() or np.nan
    return ranked.assign(
        tier=tier,
        n=total,
        customer_share=(ranked["customers"] / (total or np.nan)).where(said),
        at_risk_share=(money / whole).where(said),
        cumulative_share=(money.cumsum() / whole).where(said),
        at_risk_minor=ranked["at_risk_minor"].round().astype("int64"),
        monetary_12m_minor=ranked["monetary_12m_minor"].round().astype("int64"),
        is_thin=total < review.min_rate_n,
        provenance=service.provenance(known),
    )[_COLUMNS].to_dict("records")


def bars(reasons: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """The reasons of all tiers for a chart; those of fewer than `min_cell` customers are one bar at the end."""
    here = reasons[(reasons["tier"] == "all") & (reasons["churn_reason"] != NOT_SAID)]
    few = here["customers"] < min_cell
    if not few.any():
        return here.reset_index(drop=True)
    rest = here[few]
    last = rest.iloc[[-1]].assign(
        churn_reason="few_reasons",
        customers=rest["customers"].sum(),
        at_risk_minor=rest["at_risk_minor"].sum(),
        at_risk_share=rest["at_risk_share"].sum(),
        cumulative_share=1.0,
    )
    kept = here[~few]
    return pd.concat([kept.assign(cumulative_share=kept["at_risk_share"].cumsum()), last], ignore_index=True)


def silent(reasons: pd.DataFrame) -> int:
    """How many were asked and gave no reason."""
    return int(reasons["customers"][(reasons["tier"] == "all") & (reasons["churn_reason"] == NOT_SAID)].sum())
