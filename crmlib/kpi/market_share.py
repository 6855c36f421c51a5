"""Our share of the market, where somebody names its size; a change needs two sourced figures."""

import math

import pandas as pd

from crmlib import schema
from crmlib.kpi import KPIS, ROW
from crmlib.params import Settings
from crmlib.periods import Period


def measure(sizes: pd.DataFrame, kpis: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Table `market_shares`: one row per quarter of the register `market_sizes` up to this one.

    The change is in percentage points and only there when the quarter before has a size too; `is_comparable` is false
    when the two come from different sources, because then the change may be that of the source.
    """
    ours = kpis[(kpis["kpi"] == "net_revenue") & (kpis["tier"] == "all")].set_index("period")
    known = sizes[sizes["period"].isin(ours.index)].sort_values("period")
    minor = known["market_total"].astype("float64") * settings.minor(1.0)
    found = known.assign(net_minor=known["period"].map(ours["kpi_value"]).astype("float64"), market_size_minor=minor,
                         n=known["period"].map(ours["n"]).astype("int64"))  # fmt: skip
    found["market_share"] = found["net_minor"] / minor.where(minor > 0)
    before = found.set_index("period")[["market_share", "source"]]
    past = before.reindex([str(Period.parse(p).previous) for p in found["period"]])
    shift = 100 * (found["market_share"].to_numpy() - past["market_share"].to_numpy(dtype="float64"))
    same = [b is not None and a == b for a, b in zip(found["source"], past["source"], strict=True)]
    return found.assign(share_change=shift, is_comparable=same)[list(schema.TABLES["market_shares"].columns)]


def rows(shares: pd.DataFrame) -> pd.DataFrame:
    """Rows of the table `kpis`; a change between two sources is none."""
    parts = []
    for row in shares.to_dict("records"):
        change = row["share_change"] if row["is_comparable"] else math.nan
        values = {"market_share": row["market_share"], "market_share_change": change}
        parts += [
            (kpi, row["period"], "all", KPIS[kpi].unit, value, math.nan, math.nan, row["n"], row["provenance"])
            for kpi, value in values.items()
        ]
    return pd.DataFrame(parts, columns=ROW)
