"""How well each field is filled, read and told apart; whose cells are empty; what was set aside."""

from collections.abc import Iterator

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.periods import Period
from crmlib.schema import TABLES

_STORED = {"net_amount": "net_minor", "cost_amount": "cost_minor"}
_KEYS = {"customers": "customer_id", "products": "product_id", "campaigns": "campaign_id", "tickets": "ticket_id",
         "surveys": "survey_id", "interactions": "interaction_id"}  # fmt: skip
_EXACT_ROWS = 1_000_000


def fields(counts: pd.DataFrame, tables: dict[str, ir.Table], contacts: ir.Table | None = None) -> pd.DataFrame:
    """Per source and field: filled of all rows, readable of the filled cells, distinct of the readable cells.

    `counts` are of the rows as they came (rows, filled, unreadable). Distinct values are those of the accepted rows:
    exact for keys and in tables of up to a million rows, else estimated (HyperLogLog, about 2 %). Fields that staging
    masks are counted in `contacts`, where they are not masked.
    """
    rows = [row for name in tables for row in _distinct(name, tables[name], contacts, counts)]
    known = pd.DataFrame(rows, columns=["source", "field", "distinct_values"])
    frame = counts.groupby(["source", "field"], as_index=False)[["rows", "filled", "unreadable"]].sum()
    frame = frame.merge(known, on=["source", "field"], how="left").rename(columns={"unreadable": "unreadable_cells"})
    readable = (frame["filled"] - frame["unreadable_cells"]).clip(lower=0)
    frame["complete_share"] = frame["filled"] / frame["rows"].where(frame["rows"] > 0)
    frame["valid_share"] = readable / frame["filled"].where(frame["filled"] > 0)
    frame["unique_share"] = (frame["distinct_values"] / readable.where(readable > 0)).clip(upper=1)
    return frame[list(TABLES["field_quality"].columns)].sort_values(["source", "field"], ignore_index=True)


def _distinct(
    name: str, table: ir.Table, contacts: ir.Table | None, counts: pd.DataFrame
) -> Iterator[tuple[str, str, int]]:
    mapped = counts[counts["source"] == name]
    exact = {f: mapped["rows"].max() <= _EXACT_ROWS or f == _KEYS.get(name) for f in mapped["field"]}
    parts = [(table, {*exact})]
    if contacts is not None and name == "customers":
        parts = [(contacts, exact.keys() & {*contacts.columns}), (table, exact.keys() - {*contacts.columns})]
    for rows, here in parts:
        cells = {f: rows[_STORED.get(f, f)] for f in sorted(here) if _STORED.get(f, f) in rows.columns}
        if cells:
            counted = rows.aggregate(**{f: c.nunique() if exact[f] else c.approx_nunique() for f, c in cells.items()})
            yield from ((name, f, n) for f, n in counted.to_pyarrow().to_pylist()[0].items())


def empty_cells(tables: dict[str, ir.Table], spend: ir.Table, fields: pd.DataFrame) -> pd.DataFrame:
    """Whose cells are empty in orders and customers: customers and their money, per field that is not always filled.

    `spend` has one row per customer of the orders (`consistency.customer_spend`).
    """
    rows = []
    for source in (s for s in ("orders", "customers") if s in tables):
        table = tables[source]
        if source == "customers":
            table = table.left_join(spend.select("customer_id", "net_minor"), "customer_id")
        wanted = fields[(fields["source"] == source) & (fields["filled"] < fields["rows"])]["field"]
        here = [f for f in wanted if f in table.columns]
        whom = {f"c_{f}": table.customer_id.nunique(where=table[f].isnull()) for f in here}
        money = {f"m_{f}": table.net_minor.sum(where=table[f].isnull()).fill_null(0) for f in here}
        counted = table.aggregate(**whom, **money).to_pyarrow().to_pylist()[0] if here else {}
        rows += [(source, f, counted[f"c_{f}"], counted[f"m_{f}"]) for f in here]
    return pd.DataFrame(rows, columns=["source", "field", "customers", "net_minor"])


def set_aside(quarantine: ir.Table) -> pd.DataFrame:
    """Rows, customers and money set aside, per source, field and reason."""
    grouped = quarantine.group_by("source", "field", "reason").aggregate(
        rows=_.count(), customers=_.customer_id.nunique(), net_minor=_.net_minor.sum()
    )
    return grouped.order_by("source", "field", "reason").to_pyarrow().to_pandas()


def history(purchase_days: ir.Table, period: Period) -> pd.DataFrame:
    """First and last order date up to the quarter's end, and how many months of the 12-month window they cover."""
    found = purchase_days.aggregate(first_order_date=_.order_date.min(), last_order_date=_.order_date.max())
    dates = found.to_pyarrow().to_pandas(date_as_object=False)
    return dates.assign(window_months=[period.months_covered(d.date()) for d in dates["first_order_date"]])
