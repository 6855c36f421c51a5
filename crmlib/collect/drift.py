"""What changed against the quarter before: amounts of data, row classes, filled fields, rows set aside.

Two rules, fixed in advance. A level (rows, customers, average sale) is notable when its ratio to the quarter before
lies outside the range of the book's earlier ratios of whole quarters; with fewer than eight of these, outside 0.8 to
1.25: of k alike earlier ones the next lies outside with a chance of 2 / (k + 1), a half for three, a fifth for eight or
nine. A share is notable when its population stability index, the sum of (p - q) ln(p / q) over the share and its rest,
reaches 0.1.
"""

import math

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.periods import Period
from crmlib.schema import TABLES

NOTABLE_INDEX = 0.1
_FEW_RATIOS = 8  # two years: each season was entered twice
_THUMB = (0.8, 1.25)
_LEAST = 1e-4  # a share of nothing would make the index infinite
_UNITS = {"aspect_rows": "count", "aspect_customers": "customers", "aspect_average": "money"}


def quarterly(orders: ir.Table) -> pd.DataFrame:
    """Rows, customers and money of the orders per quarter and row class; rows without a class are sales."""
    named = orders.row_class if "row_class" in orders.columns else ibis.literal("sale")
    by_customer = orders.group_by("customer_id", start=orders.order_date.truncate("Q"), row_class=named).aggregate(
        rows=_.count(), net_minor=_.net_minor.sum()
    )
    grouped = by_customer.group_by("start", "row_class").aggregate(
        rows=_.rows.sum(), customers=_.customer_id.count(), net_minor=_.net_minor.sum()
    )
    found = grouped.order_by("start", "row_class").to_pyarrow().to_pandas()
    quarters = [str(Period.containing(start)) for start in found["start"]]
    return found.assign(period=quarters)[["period", "row_class", "rows", "customers", "net_minor"]]


def orders(quarterly: pd.DataFrame, quarters: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Levels and class shares of the orders, this quarter against the one before, from this quarter's own data.

    `quarters` is `coverage.quarters`: a partial quarter is no measure for a whole one, and is called so.
    """
    whole = quarters.loc[~quarters["is_partial_quarter"].astype(bool), "period"].tolist()
    sales = quarterly[quarterly["row_class"] == "sale"].set_index("period")
    rows = quarterly.groupby("period")["rows"].sum()
    levels = {
        "aspect_rows": rows,
        "aspect_customers": sales["customers"],
        "aspect_average": sales["net_minor"] / sales["rows"],
    }
    found = [_level(aspect, values.astype(float), whole, period) for aspect, values in levels.items()]
    shares = quarterly.pivot_table(index="period", columns="row_class", values="rows", aggfunc="sum").fillna(0)
    shares = shares.div(rows, axis=0).reindex([str(period.previous), str(period)])
    found += [_share("aspect_class", "orders", str(c), *map(float, shares[c])) for c in shares.columns]
    return _frame(found)


def fields(now: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    """How the filled share of each field moved; `before` is last quarter's stored table `field_quality`."""
    if before is None:
        return _frame([])
    both = now.merge(before, on=["source", "field"], suffixes=("", "_before"))
    cells = zip(both["source"], both["field"], both["complete_share_before"], both["complete_share"], strict=True)
    return _frame([_share("aspect_filled", *row) for row in cells])


def quarantined(now: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    """How the share of rows set aside moved, per source; both are tables `intake`."""
    if before is None:
        return _frame([])
    shares = [f.groupby("source")[["rows", "quarantined"]].sum() for f in (now, before)]
    left, right = (f["quarantined"] / f["rows"].where(f["rows"] > 0) for f in shares)
    both = [name for name in left.index if name in right.index]
    return _frame([_share("aspect_quarantined", str(n), "", float(right[n]), float(left[n])) for n in both])


def index(before: float, now: float) -> float:
    """The population stability index of a share and its rest."""
    pairs = [(max(now, _LEAST), max(before, _LEAST)), (max(1 - now, _LEAST), max(1 - before, _LEAST))]
    return sum((p - q) * math.log(p / q) for p, q in pairs)


def _level(aspect: str, values: pd.Series, whole: list[str], period: Period) -> tuple[object, ...]:
    before, now = values.get(str(period.previous), math.nan), values.get(str(period), math.nan)
    ratio = now / before if before else math.nan
    pairs = [(values.get(str(Period.parse(q).previous)), values.get(q)) for q in whole if q != str(period)
             and str(Period.parse(q).previous) in whole]  # fmt: skip
    earlier = [late / early for early, late in pairs if early and late is not None]
    low, high = (min(earlier), max(earlier)) if len(earlier) >= _FEW_RATIOS else _THUMB
    basis = "basis_range" if len(earlier) >= _FEW_RATIOS else "basis_thumb"
    if not {str(period), str(period.previous)} <= set(whole):
        return aspect, "orders", "", _UNITS[aspect], before, now, ratio, math.nan, math.nan, False, "basis_partial"
    return aspect, "orders", "", _UNITS[aspect], before, now, ratio, low, high, not low <= ratio <= high, basis


def _share(aspect: str, source: str, part: str, before: float, now: float) -> tuple[object, ...]:
    shift = math.nan if math.isnan(before) or math.isnan(now) else index(before, now)
    return aspect, source, part, "share", before, now, shift, 0.0, NOTABLE_INDEX, shift >= NOTABLE_INDEX, "basis_psi"


def _frame(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    """Rows that can be compared, the notable ones first."""
    frame = pd.DataFrame(rows, columns=list(TABLES["drift"].columns))
    numbers = dict.fromkeys(("before", "now", "shift", "usual_low", "usual_high"), "float64")
    frame = frame.astype({**numbers, "is_notable": "bool"}).dropna(subset=["before", "now"])
    return frame.sort_values(
        ["is_notable", "aspect", "source", "part"], ascending=[False, True, True, True], ignore_index=True
    )


def table(*parts: pd.DataFrame) -> pd.DataFrame:
    """Everything that was compared, the notable changes first."""
    return _frame([tuple(row) for part in parts for row in part.itertuples(index=False)])
