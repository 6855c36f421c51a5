"""Small cells: groups of so few customers that a figure about them is a figure about somebody.

Hidden are counts of 1 to `min_cell` - 1 customers and, in their rows, money, shares and other sums; then so much more
that no hidden count follows from a total. Zero is shown. Tables of single customers are not for leadership, and not
touched; of rows of the raw files, their number and money are told whosever they are, because they must add up.
"""

import numpy as np
import pandas as pd

from crmlib import schema
from crmlib.views import style

SMALL, HIDDEN = "small", "hidden"
WITHHELD, LEFT_OUT = "withheld", "left_out"
"""Marks of a frame of which nothing may be drawn, and of one that some rows are missing from."""
_DERIVED = ("money", "share", "rate", "orders", "count")
_MEANS = ("expected_purchases", "value_index", "mark_before", "mark_after", "mark_change", "mark_low", "mark_high")
"""Of a group too, whatever their unit."""
_ANSWERS = ("gained", "need_yes")
"""Columns of tables that count answers of n customers: these are the group, however few gave one answer."""
_SILENT = ("customers", "silent")
"""A count of customers and a part of it: the others are a group too."""
_ARMS = ({"treated", "held_out"}, {"n_treated", "n_control"})
_LEVELS = ("kpi_value", "before", "now", "baseline", "measured_before", "actual", "kpi_before", "kpi_after")
"""Measured KPIs."""
_MADE_OF_LEVELS = (
    "low", "high", "n", "difference", "change_share", "shift", "needed_change", "kpi_shift", "target_gap", "attainment",
    "pace", "pace_gap",
)  # fmt: skip
_PERSONS = ("customer_id", "other_id")
_BOTH_WAYS = (
    ("tier_before", "tier"), ("tier_then", "tier_now"), ("cluster", "tier"), ("action_outcome", "tier"),
    ("churn_reason", "tier"), ("contact_state", "consent"),
)  # fmt: skip
_PARTS = (
    ("group_kind", "group_code"), ("attribute", "attribute_value"), ("label_kind", "label"), ("campaign_id", "tier"),
    ("action_id", "completion_status"), ("theme", "split", "split_value"), ("channel", "purpose", "tier"),
    ("kpi", "tier"), *_BOTH_WAYS, *(pair[::-1] for pair in _BOTH_WAYS),
)  # fmt: skip
"""In rows alike in all of these columns but the last, counts add up to a total that is known elsewhere."""


def hidden(frame: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """For each cell "" (shown), `SMALL` (a count below `min_cell`) or `HIDDEN` (would give such a count away)."""
    marks = pd.DataFrame("", index=frame.index, columns=frame.columns)
    if min_cell <= 1 or any(c in frame.columns for c in _PERSONS):
        return marks
    counts = frame[[c for c in frame.columns if _unit(c) == "customers"]].astype("float64").reset_index(drop=True)
    counted = list(counts.columns)
    if set(_SILENT) <= set(counted):
        counts["rest"] = counts[_SILENT[0]] - counts[_SILENT[1]]
    small = counts.ge(1) & counts.lt(min_cell)
    rest = frame.reset_index(drop=True)
    out = _completed(counts, small, _lines(rest), _equal(rest, "all"), _equal(rest, "risk"), min_cell)
    for column in counted:
        marks[column] = [SMALL if s else HIDDEN if o else "" for s, o in zip(small[column], out[column], strict=True)]
    of_few = out.any(axis=1).to_numpy()
    if any(c in frame.columns for c in _ANSWERS):
        of_few = of_few | frame["n"].between(1, min_cell - 1).to_numpy()
    for column in (c for c in frame.columns if "rows" not in frame.columns and (_unit(c) in _DERIVED or c in _MEANS)):
        marks[column] = marks[column].mask(of_few, HIDDEN)
    return _hide_kpis(frame, marks, min_cell)


def told(frame: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """The rows of which nothing is hidden: for charts, which then leave out a group that its table shows as "<5"."""
    shown = frame[(hidden(frame, min_cell) == "").all(axis=1)].copy()
    shown.attrs |= {WITHHELD: shown.empty and not frame.empty, LEFT_OUT: len(shown) < len(frame)}
    return shown


def labels(frame: pd.DataFrame, column: str, min_cell: int, lang: str) -> list[str]:
    """The numbers of a column as a chart writes them: "<5" for a small one, nothing for one that would give it away."""
    said = {SMALL: f"<{min_cell}", HIDDEN: ""}
    marks = hidden(frame, min_cell)[column]
    return [
        said.get(m) or ("" if m or pd.isna(n) else style.number(n, lang))
        for n, m in zip(frame[column], marks, strict=True)
    ]


def blank(frame: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """The frame without the figures that are hidden: for sentences, which then say less than their table holds."""
    return frame.mask(hidden(frame, min_cell) != "")


def _unit(column: str) -> str:
    return schema.COLUMNS[column].unit if column in schema.COLUMNS else ""


def _equal(frame: pd.DataFrame, word: str) -> pd.Series:
    """The rows of a tier: of `all`, which are the sum of others; of `risk`, which is told once more by its reasons."""
    found = pd.Series(data=False, index=frame.index)
    for column in ("tier", "group_code", "attribute_value"):
        found |= frame[column].eq(word) if column in frame.columns else False
    return found


def _lines(frame: pd.DataFrame) -> list[np.ndarray]:
    """The rows whose counts add up: those of each part, and the whole column."""
    parts = [list(part[:-1]) for part in _PARTS if set(part) <= set(frame.columns)]
    groups = [frame.groupby(part, sort=False, dropna=False).ngroup().to_numpy() for part in parts]
    found = [np.flatnonzero(group == number) for group in groups for number in np.unique(group)]
    return [*(rows for rows in found if len(rows) > 1), np.arange(len(frame))]


def _completed(
    counts: pd.DataFrame, small: pd.DataFrame, lines: list[np.ndarray], sums: pd.Series, last: pd.Series, min_cell: int
) -> pd.DataFrame:
    """Hide the next smallest counts of each line of a column (its total is known), and of a row whose counts add up."""
    out, before = small.copy(), -1
    none = pd.Series(data=False, index=counts.columns)
    while before != int(out.to_numpy().sum()):
        before = int(out.to_numpy().sum())
        for column in counts.columns:
            for rows in lines:
                if out[column].to_numpy()[rows].any():
                    part, of = counts.loc[rows, column], sums[rows]
                    total = of if not of.all() else ~of
                    out.loc[rows, column] = _line(part, out.loc[rows, column], total, last[rows], min_cell)
        for row in counts.index if counts.shape[1] > 2 or set(counts.columns) in _ARMS else ():
            out.loc[row] = _line(counts.loc[row], out.loc[row], none, none, min_cell)
    return out


def _line(values: pd.Series, out: pd.Series, totals: pd.Series, last: pd.Series, min_cell: int) -> pd.Series:
    """A line of counts whose total is known: if any is hidden, at least two are, and together no small cell either.

    The smallest of the others are hidden; `last` only where nothing else is left.
    """
    out = out.astype(bool).copy()
    others = pd.DataFrame({"last": last, "n": values})[~out & ~totals & values.gt(0)]
    waiting = others.sort_values(["last", "n"], kind="stable").index.to_list()
    while out.any() and waiting and (out.sum() < 2 or values[out].sum() < min_cell):
        out[waiting.pop(0)] = True
    return out


def _hide_kpis(frame: pd.DataFrame, marks: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """KPIs that count customers, in tables whose rows have units of their own, and what was worked out from them."""
    if "kpi_unit" not in frame.columns:
        return marks
    out = pd.Series(data=False, index=frame.index)
    if {"kpi", "kpi_value", "tier"} <= set(frame.columns):
        out = _of_few(frame, min_cell)
        marks["kpi_value"] = marks["kpi_value"].mask(out, HIDDEN)
    for column in (c for c in _LEVELS if c in frame.columns):
        value = frame[column].astype("float64")
        is_small = frame["kpi_unit"].eq("customers") & value.ge(1) & value.lt(min_cell)
        marks[column] = marks[column].mask(is_small, SMALL)
        out |= is_small
    for column in (c for c in _MADE_OF_LEVELS if c in frame.columns):
        marks[column] = marks[column].mask(out, HIDDEN)
    return marks


def _of_few(frame: pd.DataFrame, min_cell: int) -> pd.Series:
    """KPIs of a tier in a quarter in which fewer than `min_cell` of its customers bought, or that would tell of one."""
    out = pd.Series(data=False, index=frame.index)
    periods = frame["period"] if "period" in frame.columns else pd.Series("", index=frame.index)
    for period, buyers in frame[frame["kpi"].eq("active_customers")].groupby(periods):
        values = buyers["kpi_value"].astype("float64")
        small = values.ge(1) & values.lt(min_cell) & buyers["tier"].ne("all")
        hidden_too = _line(values, small, buyers["tier"].eq("all"), buyers["tier"].eq("risk"), min_cell)
        few = buyers.loc[hidden_too, "tier"]
        out |= periods.eq(period) & frame["tier"].isin(few)
    return out
