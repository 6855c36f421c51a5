"""Small cells: groups of so few customers that a figure about them is a figure about somebody.

Hidden are counts of 1 to `min_cell` - 1 customers and, in their rows, money, shares and other sums; then so much more
that no hidden count follows from a total. Zero is shown. Tables of single customers are not for leadership, and not
touched.
"""

import pandas as pd

from crmlib import schema

SMALL, HIDDEN = "small", "hidden"
WITHHELD = "withheld"
"""Mark of a frame of which nothing may be drawn."""
_DERIVED = ("money", "share", "rate", "orders", "count")
_PERSONS = ("customer_id", "other_id")


def hidden(frame: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """For each cell "" (shown), `SMALL` (a count below `min_cell`) or `HIDDEN` (would give such a count away)."""
    marks = pd.DataFrame("", index=frame.index, columns=frame.columns)
    if min_cell <= 1 or any(c in frame.columns for c in _PERSONS):
        return marks
    counts = frame[[c for c in frame.columns if _unit(c) == "customers"]].astype("float64").reset_index(drop=True)
    small = counts.ge(1) & counts.lt(min_cell)
    out = _completed(counts, small, _totals(frame), min_cell)
    for column in counts.columns:
        marks[column] = [SMALL if s else HIDDEN if o else "" for s, o in zip(small[column], out[column], strict=True)]
    for column in (c for c in frame.columns if _unit(c) in _DERIVED):
        marks[column] = marks[column].mask(out.any(axis=1).to_numpy(), HIDDEN)
    return _hide_kpis(frame, marks, min_cell)


def told(frame: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """The rows of which nothing is hidden: for charts, which then leave out a group that its table shows as "<5"."""
    shown = frame[(hidden(frame, min_cell) == "").all(axis=1)].copy()
    shown.attrs[WITHHELD] = shown.empty and not frame.empty
    return shown


def blank(frame: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """The frame without the figures that are hidden: for sentences, which then say less than their table holds."""
    return frame.mask(hidden(frame, min_cell) != "")


def _unit(column: str) -> str:
    return schema.COLUMNS[column].unit if column in schema.COLUMNS else ""


def _totals(frame: pd.DataFrame) -> pd.Series:
    """Rows that are the sum of others; hiding them would hide nothing."""
    tier = frame["tier"].reset_index(drop=True) if "tier" in frame.columns else pd.Series("", range(len(frame)))
    return tier.eq("all")


def _completed(counts: pd.DataFrame, small: pd.DataFrame, totals: pd.Series, min_cell: int) -> pd.DataFrame:
    """Hide the next smallest counts of a column (its total is known elsewhere), and of a row whose counts add up."""
    out, before = small.copy(), -1
    while before != int(out.to_numpy().sum()):
        before = int(out.to_numpy().sum())
        for column in counts.columns:
            out[column] = _line(counts[column], out[column], totals, min_cell)
        for row in counts.index if counts.shape[1] > 2 else ():
            out.loc[row] = _line(counts.loc[row], out.loc[row], pd.Series(data=False, index=counts.columns), min_cell)
    return out


def _line(values: pd.Series, out: pd.Series, totals: pd.Series, min_cell: int) -> pd.Series:
    """A line of counts whose total is known: if any is hidden, at least two are, and together no small cell either."""
    out = out.astype(bool).copy()
    others = values[~out & ~totals & values.gt(0)].sort_values(kind="stable").index.to_list()
    while out.any() and others and (out.sum() < 2 or values[out].sum() < min_cell):
        out[others.pop(0)] = True
    return out


def _hide_kpis(frame: pd.DataFrame, marks: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """KPIs that count customers, in tables whose rows have units of their own."""
    if "kpi_unit" in frame.columns:
        for column in (c for c in frame.columns if _unit(c) == "kpi"):
            value = frame[column].astype("float64")
            is_small = frame["kpi_unit"].eq("customers") & value.ge(1) & value.lt(min_cell)
            marks[column] = marks[column].mask(is_small, SMALL)
            if {"kpi", "kpi_value", "tier"} <= set(frame.columns):
                marks[column] = marks[column].mask(_of_few(frame, min_cell) & marks[column].eq(""), HIDDEN)
    return marks


def _of_few(frame: pd.DataFrame, min_cell: int) -> pd.Series:
    """KPIs of a tier in a quarter in which fewer than `min_cell` of its customers bought, or that would tell of one."""
    out = pd.Series(data=False, index=frame.index)
    periods = frame["period"] if "period" in frame.columns else pd.Series("", index=frame.index)
    for period, buyers in frame[frame["kpi"].eq("active_customers")].groupby(periods):
        values = buyers["kpi_value"].astype("float64")
        small = values.ge(1) & values.lt(min_cell) & buyers["tier"].ne("all")
        few = buyers.loc[_line(values, small, buyers["tier"].eq("all"), min_cell), "tier"]
        out |= periods.eq(period) & frame["tier"].isin(few)
    return out
