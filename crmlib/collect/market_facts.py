"""What is known about industry, competitors, policy and economy, how old it is, and whether it still counts."""

from collections.abc import Mapping

import pandas as pd

from crmlib.params import Collect, Series
from crmlib.periods import Period
from crmlib.schema import TABLES

_YEAR_AGO_DAYS = 31  # a daily or weekly series is compared with its last value in the month before


def summary(facts: pd.DataFrame, macro: pd.DataFrame, period: Period, collect: Collect) -> pd.DataFrame:
    """Facts and newest macro values known by the end of the quarter: valid before expired, then by weight and age.

    Only links that a browser opens as a page stay; anything else ("javascript:…", a path) is dropped.
    """
    as_of = pd.Timestamp(period.as_of)
    known = facts[facts["source_date"] <= as_of]
    days = known["kind"].map(dict(collect.fact_valid_days))
    dated = known.assign(
        figure_zh="",
        valid_until=known["source_date"] + pd.to_timedelta(days, unit="D"),
        link=known["link"].where(known["link"].str.match(r"(?i)https?://[^\s]+$"), ""),
    )
    parts = [part for part in (dated, _macro_facts(macro, collect)) if len(part)]
    every = pd.concat(parts, ignore_index=True) if parts else dated
    aged = every.assign(
        age_days=(as_of - every["source_date"]).dt.days.astype("int64"),
        is_expired=(every["valid_until"] < as_of).astype("bool"),
    )
    by = ["is_expired", "relevance", "age_days", "fact_id"]
    ranked = aged.sort_values(by, ascending=[True, False, True, True])
    return ranked[list(TABLES["market_summary"].columns)].reset_index(drop=True)


def macro(readings: Mapping[str, pd.DataFrame], series: Mapping[str, Series], period: Period) -> pd.DataFrame:
    """Table `macro_series`: what each series said by the end of the quarter, with the change on a year before."""
    parts = [_observed(name, readings[name], series[name], period) for name in readings]
    found = [part for part in parts if len(part)]
    columns = list(TABLES["macro_series"].columns)
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)


def _observed(name: str, reading: pd.DataFrame, series: Series, period: Period) -> pd.DataFrame:
    published = reading["observed_date"] + pd.Timedelta(days=series.published_after_days)
    known = reading[published <= pd.Timestamp(period.as_of)].sort_values("observed_date").reset_index(drop=True)
    before = _year_before(known)
    return known.assign(
        series=name,
        series_name=series.name_en,
        series_name_zh=series.name_zh,
        series_unit=series.unit_en,
        series_unit_zh=series.unit_zh,
        year_change_share=(known["series_value"] / before - 1).where(before > 0),
        source=series.source,
        grade=series.grade,
        is_newest=known.index == len(known) - 1,
    )


def _year_before(known: pd.DataFrame) -> pd.Series:
    """The value a year before each; month ends meet month ends (28 and 29 February too)."""
    at = known["observed_date"]
    ends = at.dt.is_month_end
    wanted = (at - pd.DateOffset(years=1)).where(~ends, at - pd.DateOffset(years=1) + pd.offsets.MonthEnd(0))
    left = pd.DataFrame({"observed_date": wanted.astype("datetime64[us]")})
    right = known[["observed_date", "series_value"]].astype({"observed_date": "datetime64[us]"})
    tolerance = pd.Timedelta(days=_YEAR_AGO_DAYS)
    return pd.merge_asof(left, right, on="observed_date", tolerance=tolerance)["series_value"]


def _macro_facts(observed: pd.DataFrame, collect: Collect) -> pd.DataFrame:
    """The newest value of each series as a fact."""
    newest = observed[observed["is_newest"].astype("bool")]
    rows = [
        {
            "fact_id": f"macro:{row['series']}",
            "kind": "macro",
            "item": row["series_name"],
            "item_zh": row["series_name_zh"],
            "figure": _figure(row, "series_unit", "{} on a year before"),
            "figure_zh": _figure(row, "series_unit_zh", "同比{}"),
            "relevance": collect.macro[row["series"]].relevance,
            "grade": row["grade"],
            "source": row["source"],
            "source_date": row["observed_date"],
            "valid_until": row["observed_date"] + pd.Timedelta(days=_valid_days(observed, row["series"], collect)),
            "link": "",
            "provenance": "actual",
        }
        for row in newest.to_dict("records")
    ]
    return pd.DataFrame(rows)


def _valid_days(observed: pd.DataFrame, series: str, collect: Collect) -> int:
    """As long as any macro fact, but at least until the value after next is due: a yearly series comes late."""
    step = observed.loc[observed["series"] == series, "observed_date"].diff().dt.days.median()
    return max(collect.fact_valid_days.get("macro", 0), 0 if pd.isna(step) else int(2 * step))


def _figure(row: dict, unit: str, change: str) -> str:
    """The value with its unit and its change, e.g. "102.4 (2015 = 100), +1.2 % on a year before"."""
    value, share = row["series_value"], row["year_change_share"]
    digits = 0 if abs(value) >= 10_000 else 1 if abs(value) >= 100 else 2
    said = f"{value:,.{digits}f} {row[unit] or row['series_unit']}".strip()
    comma = "，" if unit.endswith("_zh") else ", "
    return said if pd.isna(share) else said + comma + change.format(f"{100 * share:+.1f} %")
