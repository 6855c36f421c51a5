"""How much arrived, how much could be used, and how well each field is filled."""

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.periods import Period
from crmlib.schema import TABLES


def waterfall(checked: ir.Table, purchase_days: ir.Table, period: Period) -> ir.Table:
    """From raw order rows to scored customers: rows, customers and money per stage and reason.

    raw = quarantined + accepted, accepted = later + seen, seen = before_window + in_window, in_window = unscored
    (customers with returns only) + scored, in rows and in money.
    `unreadable` counts rows whose amount is no number: they carry no money in any stage.
    """
    good, bad = checked.filter(_.bad_field.isnull()), checked.filter(_.bad_field.notnull())
    seen = good.filter(_.order_date <= ibis.literal(period.as_of))
    recent = seen.filter(seen.order_date > ibis.literal(period.year_ago))
    buyers = purchase_days.filter(_.orders > 0).select("customer_id").distinct()
    by_reason = bad.group_by([_.bad_field.name("field"), "reason"]).aggregate(**_measures())
    stages = [
        _stage(1, "raw", checked),
        by_reason.mutate(position=2, stage=ibis.literal("quarantined")),
        _stage(3, "accepted", good),
        _stage(4, "later", good.filter(_.order_date > ibis.literal(period.as_of))),
        _stage(5, "seen", seen),
        _stage(6, "before_window", seen.filter(seen.order_date <= ibis.literal(period.year_ago))),
        _stage(7, "in_window", recent),
        _stage(8, "unscored", recent.anti_join(buyers, "customer_id")),
        _stage(9, "scored", recent.semi_join(buyers, "customer_id")),
    ]
    table = TABLES["waterfall"]
    return ibis.union(*[stage.select(*table.columns) for stage in stages]).order_by(*table.key)


def _measures() -> dict[str, ibis.Deferred]:
    return {
        "rows": _.count(),
        "customers": _.customer_id.nunique(),
        "net_minor": _.net_minor.sum().fill_null(0),
        "unreadable": _.net_minor.isnull().sum().fill_null(0),
    }


def _stage(position: int, name: str, rows: ir.Table) -> ir.Table:
    nothing = ibis.literal("")
    return rows.aggregate(**_measures()).mutate(
        position=position, stage=ibis.literal(name), field=nothing, reason=nothing
    )


def fields(checked: dict[str, ir.Table]) -> ir.Table:
    """Per source and field: rows, filled, usable and distinct values."""
    return ibis.union(*[_field(n, t, f) for n, t in checked.items() for f in _raw_fields(t)]).order_by(
        "source", "field"
    )


def _raw_fields(table: ir.Table) -> list[str]:
    return [c.removeprefix("raw_") for c in table.columns if c.startswith("raw_")]


def _field(name: str, table: ir.Table, field: str) -> ir.Table:
    came = table[f"raw_{field}"]
    wrong = came.notnull() & ibis.coalesce(table.bad_field == field, False)
    return table.aggregate(
        rows=_.count(),
        complete_share=came.count() / table.count(),
        valid_share=1 - wrong.sum() / came.count().nullif(0),
        distinct_values=came.nunique(),
    ).select(
        source=ibis.literal(name),
        field=ibis.literal(field),
        rows=_.rows,
        complete_share=_.complete_share,
        valid_share=_.valid_share,
        distinct_values=_.distinct_values,
    )


def history(purchase_days: ir.Table, period: Period) -> pd.DataFrame:
    """First and last order date up to the quarter's end, and how many months of the 12-month window they cover."""
    found = purchase_days.aggregate(first_order_date=_.order_date.min(), last_order_date=_.order_date.max())
    dates = found.to_pyarrow().to_pandas(date_as_object=False)
    return dates.assign(window_months=[period.months_covered(d.date()) for d in dates["first_order_date"]])
