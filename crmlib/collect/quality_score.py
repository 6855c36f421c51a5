"""A score of 0-100 per source, lost point by point to named problems: score + points lost = 100.

Five dimensions with their weights: completeness 25, validity 25, consistency 20, uniqueness 15, freshness 15. What
cannot be measured (no rule applies, no date) leaves its weight to the others. A cell for which its row was set aside
costs as much as the row, not as one field of many. In the overall score orders count three times and customers twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from crmlib.periods import Period, usual_pause
from crmlib.schema import TABLES

WEIGHTS = {"completeness": 25, "validity": 25, "uniqueness": 15, "consistency": 20, "freshness": 15}
_COLUMN = {
    "completeness": "complete_score",
    "validity": "valid_score",
    "uniqueness": "unique_score",
    "consistency": "consistent_score",
    "freshness": "fresh_score",
}
_SOURCES = {"orders": 3, "customers": 2}
# Fields without which a later step cannot do its work weigh three times as much as the others.
_NEEDED = ("order_id", "customer_id", "order_date", "net_amount", "product_id", "category", "contact_phone",
           "contact_mail", "contact_verified_date", "consent", "campaign_id", "start_date", "end_date", "opened_at",
           "csat")  # fmt: skip
_COPIES = ("duplicate", "conflict")
_UNREADABLE = ("not_a_date", "not_a_number")
_FRESH_DAYS, _STALE_DAYS = 7, 92
_COUNTS = ["rows", "customers", "net_minor"]
_COLUMNS = ["source", "field", "problem", "dimension", *_COUNTS, "row_share", "lost"]


@dataclass(frozen=True)
class Evidence:
    """What the score is made of: small frames of `quality`, `consistency`, `coverage`, `inventory` and `matching`.

    `later` are the sources whose exports go on after the as-of date.
    """

    fields: pd.DataFrame
    empty: pd.DataFrame
    intake: pd.DataFrame
    set_aside: pd.DataFrame
    rules: pd.DataFrame
    days: pd.DataFrame
    gaps: pd.DataFrame
    contacts: pd.DataFrame
    matches: pd.DataFrame
    later: Sequence[str] = ()


def losses(evidence: Evidence, period: Period) -> pd.DataFrame:
    """Every problem: whom and what it touches, and the share of its source's dimension that it costs (`lost`)."""
    parts = [_incomplete(evidence), _invalid(evidence), _repeated(evidence), _inconsistent(evidence),
             _old(evidence, period)]  # fmt: skip
    found = pd.concat([part.reindex(columns=_COLUMNS) for part in parts if not part.empty], ignore_index=True)
    total = found.groupby(["source", "dimension"])["lost"].transform("sum")
    return found.assign(lost=found["lost"] / total.where(total > 1, 1)).astype(dict.fromkeys(_COUNTS, "Int64"))


def _incomplete(evidence: Evidence) -> pd.DataFrame:
    """Empty cells, weighted by how much the field is needed; missing days are a field of their own."""
    aside = evidence.set_aside[evidence.set_aside["reason"] == "missing"]
    cost = _sums(pd.concat([evidence.empty, aside]), ["source", "field"]).drop(columns="rows")
    fields = evidence.fields.assign(rows=evidence.fields["rows"] - evidence.fields["filled"], problem="field_empty")
    fields["row_share"] = 1 - fields["complete_share"].fillna(1)
    gaps = evidence.gaps.groupby("source", as_index=False)["missing_days"].sum()
    there = gaps["source"].map(evidence.days.groupby("source").size())
    gaps["row_share"] = gaps["missing_days"] / (gaps["missing_days"] + there)
    gaps = gaps.assign(rows=gaps["missing_days"], field="", problem="days_missing")
    found = pd.concat([fields.merge(cost, on=["source", "field"], how="left"), gaps], ignore_index=True)
    lost = _cells_lost(found, found["problem"] == "days_missing", aside, evidence)
    return found.assign(lost=lost, dimension="completeness")


def _invalid(evidence: Evidence) -> pd.DataFrame:
    """Cells that cannot be read, and rows set aside for what is in them (empty cells and copies count elsewhere)."""
    aside = evidence.set_aside
    unreadable = aside[aside["reason"].isin(_UNREADABLE)]
    cost = _sums(unreadable, ["source", "field"]).drop(columns="rows")
    fields = evidence.fields.assign(rows=evidence.fields["unreadable_cells"], problem="cells_unreadable")
    fields["row_share"] = 1 - fields["valid_share"].fillna(1)
    fields["lost"] = _cells_lost(fields, pd.Series(data=False, index=fields.index), unreadable, evidence)
    others = _sums(aside[~aside["reason"].isin((*_UNREADABLE, *_COPIES, "missing"))], ["source"])
    others = others.assign(row_share=others["rows"] / _of(others, evidence), problem="rows_unusable")
    others = others.assign(field="", lost=others["row_share"])
    found = pd.concat([fields.merge(cost, on=["source", "field"], how="left"), others], ignore_index=True)
    return found.assign(dimension="validity")


def _repeated(evidence: Evidence) -> pd.DataFrame:
    """Copies of rows that were set aside; customers who may be one count as much as copies.

    Rows that the settings make one (`duplicates: collapse`) are meant to repeat, and cost nothing.
    """
    aside, rows = evidence.set_aside, _rows(evidence)
    none = evidence.intake[["source"]].assign(rows=0, net_minor=0)
    found = _sums(pd.concat([aside[aside["reason"].isin(_COPIES)], none]), ["source"])
    found = found.assign(problem="rows_repeated", row_share=found["rows"] / _of(found, evidence))
    if len(evidence.matches):
        found = pd.concat([found, _proposed(evidence.matches, rows.get("customers", 1))], ignore_index=True)
    return found.assign(field="", dimension="uniqueness", lost=found["row_share"])


def _proposed(matches: pd.DataFrame, customers: int) -> pd.DataFrame:
    other = matches[["other_id", "other_lifetime_minor"]].set_axis(["customer_id", "lifetime_minor"], axis=1)
    both = pd.concat([matches[["customer_id", "lifetime_minor"]], other]).drop_duplicates("customer_id")
    each = both["lifetime_minor"]
    row = ("customers", "possible_duplicates", len(each), len(each), int(each.sum()), min(1.0, len(each) / customers))
    return pd.DataFrame([row], columns=["source", "problem", *_COUNTS, "row_share"])


def _inconsistent(evidence: Evidence) -> pd.DataFrame:
    rules = evidence.rules
    return rules.assign(problem=rules["rule"], field="", dimension="consistency", lost=rules["row_share"])


def _old(evidence: Evidence, period: Period) -> pd.DataFrame:
    """Nothing is lost up to a week after the newest row, everything after a quarter; contacts count one by one.

    Where a source usually pauses for longer than a week, both count from the end of such a pause. An export that goes
    on after the as-of date is not old.
    """
    events = evidence.days[~evidence.days["source"].isin(["customers", "campaigns", "redemptions"])]
    by_source = events.sort_values("day").groupby("source")["day"]
    found = by_source.agg(day="max", usual=usual_pause).reset_index()
    age = (pd.Timestamp(period.as_of) - found["day"]).dt.days - found["usual"].clip(lower=_FRESH_DAYS)
    found["row_share"] = (age / (_STALE_DAYS - _FRESH_DAYS)).clip(0, 1).mask(found["source"].isin(evidence.later), 0.0)
    if ((evidence.fields["source"] == "customers") & (evidence.fields["field"] == "contact_verified_date")).any():
        late = evidence.contacts[evidence.contacts["contact_state"] != "verified"]
        whom, known = int(late["customers"].sum()), max(int(evidence.contacts["customers"].sum()), 1)
        row = ("customers", whom, whom, int(late["lifetime_minor"].sum()), whom / known)
        found = pd.concat([found, pd.DataFrame([row], columns=["source", *_COUNTS, "row_share"])], ignore_index=True)
    return found.assign(problem="not_fresh", field="", dimension="freshness", lost=found["row_share"])


def _sums(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Rows, customers and money per group; null where none of its rows knows."""
    known = frame.reindex(columns=[*by, *_COUNTS]).astype(dict.fromkeys(_COUNTS, "Float64"))
    return known.groupby(by, as_index=False)[_COUNTS].sum(min_count=1)


def _weight(found: pd.DataFrame, is_needed: pd.Series) -> pd.Series:
    """What each field weighs among the fields of its source."""
    weight = (found["field"].isin(_NEEDED) | is_needed).map({True: 3, False: 1})
    return weight / weight.groupby(found["source"]).transform("sum")


def _cells_lost(found: pd.DataFrame, is_needed: pd.Series, aside: pd.DataFrame, evidence: Evidence) -> pd.Series:
    """What cells cost: the whole row where it was set aside for the cell, else what the field weighs."""
    rows = aside.groupby(["source", "field"])["rows"].sum()
    keys = pd.MultiIndex.from_frame(found[["source", "field"]])
    whole = pd.Series(rows.reindex(keys).fillna(0).to_numpy(dtype="float64"), index=found.index) / _of(found, evidence)
    return whole + (found["row_share"] - whole).clip(lower=0) * _weight(found, is_needed)


def _of(found: pd.DataFrame, evidence: Evidence) -> pd.Series:
    """The rows that the source of each problem had in all."""
    return found["source"].map(_rows(evidence)).astype("float64")


def _rows(evidence: Evidence) -> dict[str, int]:
    return {str(name): max(int(rows), 1) for name, rows in evidence.intake.groupby("source")["rows"].sum().items()}


def problems(losses: pd.DataFrame) -> pd.DataFrame:
    """The problems that cost points, the worst first, each with its points of the overall score and what to do."""
    measured = losses[["source", "dimension"]].drop_duplicates()
    weight = measured["dimension"].map(WEIGHTS).groupby(measured["source"]).sum()
    share = _source_weights(weight.index)
    points = 100 * losses["lost"] * losses["dimension"].map(WEIGHTS) / losses["source"].map(weight)
    found = losses.assign(points_lost=points * losses["source"].map(share / share.sum()))
    found = found[found["points_lost"] > 0]
    found = found.sort_values(["points_lost", "source", "problem", "field"], ascending=[False, True, True, True])
    found = found.assign(rank=range(1, len(found) + 1), advice="do_" + found["problem"].astype(str))
    return found[list(TABLES["data_problems"].columns)].reset_index(drop=True)


def scores(losses: pd.DataFrame, evidence: Evidence, period: Period) -> pd.DataFrame:
    """Per source and for all of them (`all`, the first row): the score, its dimensions, and the newest row."""
    kept = 100 * (1 - losses.groupby(["source", "dimension"])["lost"].sum())
    wide = kept.unstack().reindex(columns=list(WEIGHTS))
    score = (wide * WEIGHTS).sum(axis=1) / (wide.notna() * WEIGHTS).sum(axis=1)
    share = _source_weights(wide.index)
    overall = wide.mul(share, axis=0).sum() / wide.notna().mul(share, axis=0).sum()
    frame = pd.concat([overall.to_frame("all").T, wide]).rename(columns=_COLUMN).rename_axis("source")
    frame["quality_score"] = pd.concat([pd.Series({"all": (score * share).sum() / share.sum()}), score])
    rows, newest = _rows(evidence), evidence.days.groupby("source")["day"].max()
    frame["rows"] = [rows.get(str(name), sum(rows.values())) for name in frame.index]
    frame["newest_date"] = newest.reindex(frame.index)
    frame["newest_days"] = (pd.Timestamp(period.as_of) - frame["newest_date"]).dt.days.astype("Int64")
    return frame.reset_index()[list(TABLES["data_quality"].columns)]


def _source_weights(sources: pd.Index) -> pd.Series:
    return pd.Series([_SOURCES.get(str(name), 1) for name in sources], index=sources)
