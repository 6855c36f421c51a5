"""What a campaign's KPI does without a campaign: its mean, spread and persistence by tier, from the book's last window.

Customers are put into tiers as they stood before that window, because a tier chosen by what happened in the window
itself would look steadier than any campaign will find it.
"""

from collections.abc import Sequence

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
    return by_kpi(tiered_then, purchase_days, span, [kpi])[kpi]


def by_kpi(tiered_then: ir.Table, purchase_days: ir.Table, span: Span, kpis: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The same for several KPIs, which are measured together: customers are put into tiers once."""
    first = purchase_days.order_date.min().to_pyarrow().as_py()
    columns = ["tier", "customers", "base_value", "base_sd", "base_rho"]
    if first is None or first > span.start:
        nothing = pd.DataFrame({c: pd.Series(dtype="str" if c == "tier" else "float64") for c in columns})
        return dict.fromkeys(kpis, nothing)
    wanted = {f"{name} {kpi}": value for kpi in kpis for name, value in _spread(kpi).items()}
    found = outcomes(tiered_then.select("customer_id", "tier"), purchase_days, span).group_by("tier")
    measured = found.aggregate(customers=_.count(), **wanted).order_by("tier").to_pyarrow().to_pandas()
    known = first <= span.before.start
    return {
        kpi: measured.assign(
            base_value=measured[f"value {kpi}"],
            base_sd=measured[f"sd {kpi}"],
            base_rho=_rho(measured[f"rho {kpi}"]) if known and UNITS[kpi] != "rate" else np.nan,
        )[columns]
        for kpi in kpis
    }


def _spread(kpi: str) -> dict[str, ir.Value]:
    value = _[kpi].cast("float64")
    return {
        "value": value.mean(),
        "sd": value.std(how="sample"),
        "rho": value.corr(_[BEFORE[kpi]].cast("float64"), how="pop"),
    }


def _rho(found: pd.Series) -> pd.Series:
    """Correlations; of few customers, rounding takes one beyond 1."""
    return found.astype("float64").clip(-1, 1)


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
