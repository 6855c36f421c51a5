"""What a campaign's KPI does without a campaign: its mean, spread and persistence by tier, from the book's last window.

Customers are put into tiers as they stood before that window, because a tier chosen by what happened in the window
itself would look steadier than any campaign will find it.
"""

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from crmlib.kpi.windows import BEFORE, UNITS, Span, outcomes


def by_tier(tiered_then: ir.Table, purchase_days: ir.Table, span: Span, kpi: str) -> pd.DataFrame:
    """By tier before the span: customers, base_value, base_sd, base_rho; no rows where the data begin within the span.

    rho is the correlation with the same KPI of the customer in the span before, NaN for rates and where that is not in
    the data as a whole.
    """
    first = purchase_days.order_date.min().to_pyarrow().as_py()
    columns = ["tier", "customers", "base_value", "base_sd", "base_rho"]
    if first is None or first > span.start:
        return pd.DataFrame({c: pd.Series(dtype="str" if c == "tier" else "float64") for c in columns})
    value = _[kpi].cast("float64")
    found = outcomes(tiered_then.select("customer_id", "tier"), purchase_days, span).group_by("tier")
    frame = found.aggregate(
        customers=_.count(),
        base_value=value.mean(),
        base_sd=value.std(how="sample"),
        base_rho=value.corr(_[BEFORE[kpi]].cast("float64"), how="pop"),
    ).order_by("tier")
    known = UNITS[kpi] != "rate" and first <= span.before.start
    measured = frame.to_pyarrow().to_pandas()
    rho = measured["base_rho"].astype("float64").clip(-1, 1) if known else np.nan  # rounding goes beyond
    return measured.assign(base_rho=rho)[columns]


def icc(customers: ir.Table, purchase_days: ir.Table, span: Span, kpi: str) -> float:
    """How alike customers of one group are: the intra-class correlation of a one-way analysis of variance, at least 0.

    NaN with fewer than two groups, or no group of two customers.
    """
    value = _[kpi].cast("float64")
    grouped = outcomes(customers, purchase_days, span).group_by("drawn_unit")
    sums = grouped.aggregate(n=_.count(), total=value.sum(), squares=(value * value).sum()).order_by("drawn_unit")
    found = sums.to_pyarrow().to_pandas().astype(dict.fromkeys(("n", "total", "squares"), "float64"))
    n, groups = found["n"].sum(), len(found)
    if groups < 2 or n <= groups:
        return float("nan")
    grand = found["total"].sum() ** 2 / n
    between = ((found["total"] ** 2 / found["n"]).sum() - grand) / (groups - 1)
    within = (found["squares"].sum() - (found["total"] ** 2 / found["n"]).sum()) / (n - groups)
    size = (n - (found["n"] ** 2).sum() / n) / (groups - 1)
    spread = between + (size - 1) * within
    return float(max((between - within) / spread, 0.0)) if spread > 0 else 0.0
