"""How far two groupings of the same customers agree: bias-corrected Cramér's V and the adjusted Rand index."""

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _


def cells(assigned: ir.Table) -> ir.Table:
    """Customers by cluster and tier, with their share of the cluster; only who is in a cluster."""
    counted = assigned.filter(_.cluster.notnull()).group_by(["cluster", "cluster_name", "tier"])
    counted = counted.aggregate(customers=_.count())
    shared = counted.mutate(cluster_share=counted.customers / counted.customers.sum().over(group_by="cluster"))
    return shared.order_by("cluster", "tier")


def compare(cells: pd.DataFrame) -> pd.DataFrame:
    """One row: how many customers, Cramér's V and the adjusted Rand index of clusters and tiers."""
    table = cells.pivot(index="cluster", columns="tier", values="customers").fillna(0).to_numpy("float64")
    counted = [(int(table.sum()), cramers_v(table), adjusted_rand(table))]
    return pd.DataFrame(counted, columns=["customers", "cramers_v", "adjusted_rand"])


def cramers_v(table: np.ndarray) -> float:
    """Bias-corrected Cramér's V of a table of counts (Bergsma, 2013); NaN where a side has one group.

    phi2 = max(0, chi2/n - (r-1)(c-1)/(n-1)), r~ = r - (r-1)^2/(n-1), V = sqrt(phi2 / min(r~-1, c~-1)).
    """
    seen = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    n, (r, c) = seen.sum(), seen.shape
    if min(r, c) < 2:
        return float("nan")
    expected = np.outer(seen.sum(axis=1), seen.sum(axis=0)) / n
    chi2 = ((seen - expected) ** 2 / expected).sum()
    phi2 = max(0.0, chi2 / n - (r - 1) * (c - 1) / (n - 1))
    most = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    return float(np.sqrt(phi2 / most)) if most > 0 else float("nan")


def adjusted_rand(table: np.ndarray) -> float:
    """Adjusted Rand index (Hubert and Arabie, 1985) from a table of counts; NaN where it is not defined."""

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1)).sum() / 2)

    together, rows, columns = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    everyone = pairs(np.array([table.sum()]))
    if everyone == 0:
        return float("nan")
    expected, most = rows * columns / everyone, (rows + columns) / 2
    return float((together - expected) / (most - expected)) if most > expected else float("nan")
