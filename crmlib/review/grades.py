"""Campaigns reviewed together: q over all effects that a verdict may rest on, and the verdict of each."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from crmlib import schema
from crmlib.params import Settings
from crmlib.review import verdict

_TOO_FEW = ("small_n", "few_clusters")
_FIGURES = 6
"""Significant figures stored: sums of an engine with several threads differ in the last."""


def reviews(
    held: pd.DataFrame, picked: pd.DataFrame, designs: pd.DataFrame, breaches: pd.DataFrame, settings: Settings
) -> pd.DataFrame:
    """Table `campaign_reviews` from the figures of `campaigns.measured` and `hand_picked.measured`.

    `designs` and `breaches` are `campaign_designs` and `campaign_breaches`; a frozen file that cannot be read has a row
    as well, for it must not vanish from the review. q is of Benjamini and Hochberg over the effects of grades A and B.
    """
    rows = [*_named(held, designs), *_unreadable(designs, breaches), *picked.to_dict("records")]
    found = _frame([{str(name): value for name, value in row.items()} for row in rows])
    graded = found["evidence_grade"].isin(["A", "B"])
    found["p_adjusted"] = verdict.adjusted(found["p_value"].where(graded))
    words = [_verdict(row) for row in found.to_dict("records")]
    found["verdict"] = pd.Series(words, index=found.index, dtype="str")
    found["verdict_reason"] = pd.Series([_why(row) for row in found.to_dict("records")], index=found.index, dtype="str")
    found["attainment"] = found["effect"] / found["effect_target"].where(found["effect_target"] > 0)
    return _ordered(_rounded(found), set(picked["campaign_id"]) if len(picked) else set(), settings)


def _named(held: pd.DataFrame, designs: pd.DataFrame) -> list[dict[Any, Any]]:
    names = ["campaign_id", "strategy_id", "campaign", "campaign_zh", "kpi", "kpi_unit", "start_date", "end_date",
             "provenance"]  # fmt: skip
    if held.empty:
        return []
    return held.merge(designs.loc[designs["tier"] == "all", names], on="campaign_id").to_dict("records")


def _unreadable(designs: pd.DataFrame, breaches: pd.DataFrame) -> list[dict[Any, Any]]:
    lost = set(breaches["campaign_id"][breaches["breach"] == "unreadable"]) - set(designs["campaign_id"])
    row = {"tier": "all", "evidence_grade": "C", "grade_reason": "unreadable", "verdict": "not_measured"}
    return [{**row, "campaign_id": name, "provenance": "actual"} for name in sorted(lost)]


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows with the types of the table; what a row lacks is missing."""
    types = {"string": "str", "float64": "float64", "int64": "int64", "date": "datetime64[us]"}
    blank = {"string": "", "float64": math.nan, "int64": 0, "date": pd.NaT}
    kinds = {name: schema.COLUMNS[name].dtype for name in schema.TABLES["campaign_reviews"].columns}
    filled = {name: [_or(row.get(name), blank[kind]) for row in rows] for name, kind in kinds.items()}
    return pd.DataFrame({name: pd.Series(values, dtype=types[kinds[name]]) for name, values in filled.items()})


def _or(value: Any, blank: Any) -> Any:
    return blank if value is None or pd.isna(value) else value


def _verdict(row: Mapping[Any, Any]) -> str:
    if row["verdict"]:
        return str(row["verdict"])
    interval = (row["low_effect"], row["high_effect"])
    if row["evidence_grade"] == "B":
        return verdict.shown(interval, row["p_adjusted"])
    if row["evidence_grade"] == "A":
        target, minimum = row["effect_target"], row["minimum_effect"]
        return verdict.judge(row["effect"], interval, row["p_adjusted"], target, minimum)
    return "inconclusive" if row["grade_reason"] in _TOO_FEW else attained_word(row["effect"] / row["effect_target"])


def _why(row: Mapping[Any, Any]) -> str:
    if row["evidence_grade"] in ("A", "B"):
        return verdict.REASONS[row["verdict"]]
    return str(row["grade_reason"])


def with_hold_out(found: pd.DataFrame, designs: pd.DataFrame) -> pd.DataFrame:
    """The rows of `campaign_reviews` of campaigns that were planned with a hold-out."""
    return found[found["campaign_id"].isin(designs["campaign_id"]) | (found["kpi"] == "")]


def compared(found: pd.DataFrame) -> pd.DataFrame:
    """The rows of `campaign_reviews` that have an effect beside a hold-out."""
    return found[found["effect"].notna() & found["effect_target"].notna()]


def attained_word(attained: float) -> str:
    """The word of grade C, attributed to nothing."""
    if math.isnan(attained):
        return "not_measured"
    return "attained" if attained >= 1 else "partly_attained" if attained >= 0.5 else "not_attained"


def _rounded(found: pd.DataFrame) -> pd.DataFrame:
    floats = [c for c in found.columns if found[c].dtype == "float64"]
    return found.assign(**{c: [float(f"{value:.{_FIGURES}g}") for value in found[c]] for c in floats})


def _ordered(found: pd.DataFrame, picked: set[str], settings: Settings) -> pd.DataFrame:
    """Those with a hold-out first, each kind by first day; of a campaign its verdict, then its tiers from the best."""
    place: dict[str, int] = {"all": 0, **{rule.tier: n for n, rule in enumerate(settings.segment.tiers, 1)}}
    by = found.assign(is_picked=found["campaign_id"].isin(picked), place=found["tier"].map(place).fillna(len(place)))
    kept = by.sort_values(["is_picked", "start_date", "campaign_id", "place"], kind="stable", na_position="last")
    return kept[list(schema.TABLES["campaign_reviews"].columns)].reset_index(drop=True)
