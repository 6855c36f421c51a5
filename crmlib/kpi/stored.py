"""KPIs that tables of earlier steps hold already: costs, service, campaigns, data. An absent table gives no row."""

import math
from typing import Protocol, Self

import pandas as pd

from crmlib.kpi import KPIS, ROW, service
from crmlib.periods import Period

REQUIRED = ("orders", "customers")
"""Sources whose fields are counted for completeness."""
_CONTACTS = ("first_reply", "planned_contact")


class Results(Protocol):
    """What is asked of a store."""

    def at(self, period: Period) -> Self: ...

    def frame_if_any(self, name: str) -> pd.DataFrame | None: ...


def measure(results: Results, quarters: list[Period]) -> pd.DataFrame:
    """Rows of the table `kpis` for those quarters whose results are stored; the last quarter is that of `results`."""
    parts = [_quarter(results if quarter == quarters[-1] else results.at(quarter), quarter) for quarter in quarters]
    found = [part for part in parts if len(part)]
    return pd.concat(found, ignore_index=True)[ROW] if found else pd.DataFrame(columns=ROW)


def _quarter(results: Results, quarter: Period) -> pd.DataFrame:
    tables = {
        name: results.frame_if_any(name)
        for name in (
            "acquisition",
            "satisfaction",
            "contact_sla",
            "campaign_progress",
            "contact_states",
            "field_quality",
        )
    }
    rows = [
        *_acquisition(tables["acquisition"], quarter),
        *_answers(tables["satisfaction"], quarter),
        *_contacts(tables["contact_sla"], quarter),
        *_campaigns(tables["campaign_progress"], quarter),
        *_verified(tables["contact_states"], quarter),
        *_complete(tables["field_quality"], quarter),
    ]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=ROW)


def _acquisition(found: pd.DataFrame | None, quarter: Period) -> list[pd.DataFrame]:
    """What a new customer cost, and his expected value over that; nobody new gives no value."""
    row = _of(found, quarter)
    if row is None:
        return []
    n = int(row["acquired"].iloc[0])
    return [
        _plain("acquisition_cost", quarter, row["cac_minor"].iloc[0], n),
        _plain("clv_per_acquisition", quarter, row["clv_per_cac"].iloc[0], n),
    ]


def _answers(found: pd.DataFrame | None, quarter: Period) -> list[pd.DataFrame]:
    row = _of(found, quarter)
    asked = None if row is None else row[(row["kpi"] == "response_rate") & (row["tier"] == "all")]
    return [] if asked is None or asked.empty else [asked[ROW]]


def _contacts(found: pd.DataFrame | None, quarter: Period) -> list[pd.DataFrame]:
    """First replies and planned contacts that were due, and those made in time."""
    rows = pd.DataFrame() if found is None else found[found["level"].isin(_CONTACTS)]
    if rows.empty:
        return []
    made = service.rate("contact_sla_rate", int(rows["in_time"].sum()), int(rows["due"].sum()), quarter)
    return [made.assign(provenance=service.provenance(rows))]


def _campaigns(found: pd.DataFrame | None, quarter: Period) -> list[pd.DataFrame]:
    """Who was reached and who answered, of all whom the quarter's campaigns targeted (each campaign counts anew)."""
    if found is None or found.empty:
        return []
    targeted, reached, responded = (found[c].astype("float64") for c in ("targeted", "reached", "responded"))
    n, rows = int(targeted.sum()), []
    if n and responded.notna().all():
        rows += [service.rate("campaign_response_rate", int(responded.sum()), n, quarter)]
    if n and reached.notna().all():
        rows += [service.rate("target_reach", int(reached.sum()), n, quarter)]
    return [row.assign(provenance="actual") for row in rows]


def _verified(found: pd.DataFrame | None, quarter: Period) -> list[pd.DataFrame]:
    """Customers whose contact data were confirmed lately; where nobody's ever was, nothing is recorded to measure."""
    if found is None or found.empty or (found["contact_state"] == "never").all():
        return []
    fresh = found["contact_state"] == "verified"
    made = service.rate("contacts_verified_rate", int(found["customers"][fresh].sum()), int(found["customers"].sum()),
                        quarter)  # fmt: skip
    return [made.assign(provenance="actual")]


def _complete(found: pd.DataFrame | None, quarter: Period) -> list[pd.DataFrame]:
    """Filled cells of the mapped fields of orders and customers."""
    rows = pd.DataFrame() if found is None else found[found["source"].isin(REQUIRED)]
    cells = 0 if rows.empty else int(rows["rows"].sum())
    return [_plain("data_completeness", quarter, float(rows["filled"].sum()) / cells, cells)] if cells else []


def _of(found: pd.DataFrame | None, quarter: Period) -> pd.DataFrame | None:
    rows = None if found is None or found.empty else found[found["period"] == str(quarter)]
    return None if rows is None or rows.empty else rows


def _plain(kpi: str, quarter: Period, value: float, n: int) -> pd.DataFrame:
    row = (kpi, str(quarter), "all", KPIS[kpi].unit, float(value), math.nan, math.nan, n, "actual")
    return pd.DataFrame([row], columns=ROW)
