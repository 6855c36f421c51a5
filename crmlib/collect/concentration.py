"""Whether one order line, or one customer, alone makes much of the quarter's sales: a slip in a number does."""

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.periods import Period
from crmlib.schema import TABLES

_LARGE = 0.1  # of the quarter's net sales
_CUSTOMERS = 100  # of fewer in a quarter, one may well be so large


def large(lines: ir.Table, days: ir.Table, period: Period) -> pd.DataFrame:
    """Table `large_parts`: the largest sale of the quarter where it is large, else the largest customer.

    `days` are the purchase days. Whose it is, is not said.
    """
    inside = _.order_date.between(*map(ibis.literal, (period.start, period.as_of)))
    spent = days.filter(inside).group_by("customer_id").aggregate(net_minor=_.net_minor.sum())
    by_customer = spent.aggregate(customers=_.count(), total=_.net_minor.sum(), customer=_.net_minor.max())
    sold = lines.filter(_.row_class == "sale", inside).aggregate(line=_.net_minor.max())
    values = by_customer.cross_join(sold).to_pyarrow().to_pylist()[0]
    customers, total, customer, line = (values[name] or 0 for name in ("customers", "total", "customer", "line"))
    found = [("large_line", line), ("large_customer", customer)] if customers >= _CUSTOMERS and total > 0 else []
    rows = [(kind, float(money / total)) for kind, money in found if money >= _LARGE * total]
    return pd.DataFrame(rows[:1], columns=list(TABLES["large_parts"].columns)).astype({"revenue_share": "float64"})
