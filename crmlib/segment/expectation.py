"""What each customer would be expected to buy in the weeks after a date, from what was known on it.

A review compares what happened with this: it takes the customer's own past out of an effect.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from ibis import _

from crmlib.segment import btyd, btyd_fit, customer_value

_YEAR = 365


@dataclass(frozen=True)
class Expectation:
    """`customers`: customer_id, expected_orders, expected_minor. `basis`: btyd, or pace where that cannot be fitted."""

    customers: ir.Table
    basis: str


def after(purchase_days: ir.Table, as_of: date, days: int) -> Expectation:
    """Expected purchase days and net money of every customer who bought by `as_of`, in the `days` after it.

    BG/NBD times the expected value of a purchase (Gamma-Gamma, else the customer's own mean). Where the book has too
    few repeat buyers for a model, everyone keeps the pace of his last year.
    """
    histories = btyd.histories(purchase_days, as_of)
    cells = btyd.cells(histories)
    model = btyd_fit.purchases(cells)
    if not model.is_usable:
        return Expectation(_at_pace(purchase_days, as_of, days), "pace")
    x, t_x, tenure = (cells[c].to_numpy(float) for c in btyd.CELL)
    found = cells[list(btyd.CELL)].assign(expected_orders=btyd.expected(model, x, t_x, tenure, days).round(9))
    joined = histories.join(ibis.memtable(pa.Table.from_pandas(found, preserve_index=False)), list(btyd.CELL))
    sample = btyd.spend_sample(histories, customer_value.SPEND_SAMPLE)
    value = customer_value.expected_value(joined, btyd_fit.spend(sample["purchases"], sample["mean_value"]))
    money = (_.expected_orders * value).round(4)
    return Expectation(joined.select("customer_id", "expected_orders", expected_minor=money), "btyd")


def _at_pace(purchase_days: ir.Table, as_of: date, days: int) -> ir.Table:
    since = as_of - timedelta(days=_YEAR - 1)
    share = days / _YEAR
    seen = purchase_days.filter(_.order_date <= ibis.literal(as_of))
    last_year = _.order_date >= ibis.literal(since)
    # As floats: DuckDB makes a decimal of a whole number times a literal, and whoever squares that overflows.
    return seen.group_by("customer_id").aggregate(
        expected_orders=((_.orders > 0) & last_year).sum().cast("float64") * share,
        expected_minor=ibis.greatest(_.net_minor.sum(where=last_year).fill_null(0), 0).cast("float64") * share,
    )
