"""Market facts and macro series by hand: rank, age, expiry, links, change on a year before."""

import os
import shutil
from pathlib import Path

import books
import pandas as pd
import pytest

from crmlib.collect import market_facts
from crmlib.io import series
from crmlib.params import Collect, Series
from crmlib.periods import Period

PERIOD = Period(2023, 4)  # as of 2023-12-31
NO_SERIES = market_facts.macro({}, {}, PERIOD)


def facts(*rows: tuple[str, str, str, int, str]) -> pd.DataFrame:
    """Facts from (id, kind, date, relevance, link)."""
    frame = pd.DataFrame(rows, columns=["fact_id", "kind", "source_date", "relevance", "link"])
    texts = {"item": "x", "item_zh": "", "figure": "1", "source": "s", "grade": "A", "provenance": "actual"}
    return frame.assign(source_date=pd.to_datetime(frame["source_date"]).astype("datetime64[us]"), **texts)


def observed(values: dict[str, float]) -> pd.DataFrame:
    return pd.DataFrame(
        {"observed_date": pd.to_datetime(list(values)).astype("datetime64[us]"), "series_value": list(values.values())}
    )


def index(**changes: object) -> Series:
    return Series(
        **{"file": "f", "time": "t", "value": "v", "name_en": "Index", "name_zh": "指数", "source": "o"} | changes
    )


def test_valid_facts_come_before_expired_ones_then_weight_then_age():
    found = market_facts.summary(
        facts(
            ("old", "competitor", "2023-07-03", 5, ""),  # 181 days: one more than a competitor's 180
            ("edge", "competitor", "2023-07-04", 3, ""),  # 180 days: the last day it counts
            ("heavy", "industry", "2023-01-01", 4, ""),
            ("fresh", "policy", "2023-12-31", 3, ""),
            ("later", "policy", "2024-01-01", 5, ""),  # after the quarter: not known
        ),
        NO_SERIES,
        PERIOD,
        Collect(),
    )
    assert found["fact_id"].tolist() == ["heavy", "fresh", "edge", "old"]
    assert found["is_expired"].tolist() == [False, False, False, True]
    assert found["age_days"].tolist() == [364, 0, 180, 181]
    assert found.loc[2, "valid_until"] == pd.Timestamp("2023-12-31")


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("https://a.example/b", True), ("HTTP://a.example", True), ("javascript:alert(1)", False), ("file:///etc", False),
        (" https://a.example", False), ("https://a.example x", False), ("data:text/html,x", False), ("", False),
    ],
)  # fmt: skip
def test_only_web_links_stay(link, kept):
    found = market_facts.summary(facts(("F", "policy", "2023-12-01", 3, link)), NO_SERIES, PERIOD, Collect())
    assert found.loc[0, "link"] == (link if kept else "")


def test_a_series_shows_its_newest_known_value_and_the_change_on_a_year_before():
    values = {"2022-09-30": 100.0, "2022-12-31": 110.0, "2023-09-30": 120.0, "2023-12-31": 130.0, "2024-03-31": 999.0}
    known = market_facts.macro({"i": observed(values)}, {"i": index(unit_en="(2015 = 100)")}, PERIOD)
    assert known["series_value"].tolist() == [100, 110, 120, 130]
    assert known["year_change_share"].round(6).tolist()[2:] == [0.2, round(130 / 110 - 1, 6)]
    assert known["year_change_share"].isna().tolist()[:2] == [True, True]
    late = market_facts.macro({"i": observed(values)}, {"i": index(published_after_days=1)}, PERIOD)
    assert late["series_value"].tolist() == [100, 110, 120]
    assert late["is_newest"].tolist() == [False, False, True]


def test_the_newest_value_is_a_fact_with_its_figure_in_both_languages():
    values = {"2022-12-31": 200.0, "2023-12-31": 190.0}
    collect = Collect(macro={"i": index(unit_en="bn", relevance=5)})
    known = market_facts.macro({"i": observed(values)}, collect.macro, PERIOD)
    row = market_facts.summary(facts(("F", "policy", "2023-12-01", 4, "")), known, PERIOD, collect).iloc[0]
    assert (row["fact_id"], row["kind"], row["relevance"], row["age_days"]) == ("macro:i", "macro", 5, 0)
    assert (row["figure"], row["figure_zh"]) == ("190.0 bn, -5.0 % on a year before", "190.0 bn，同比-5.0 %")
    assert row["valid_until"] == pd.Timestamp("2023-12-31") + pd.Timedelta(days=2 * 365)  # yearly: longer than 180 days


def test_february_meets_february_and_a_daily_series_its_last_day_of_trade():
    month_ends = market_facts.macro(
        {"i": observed({"2023-02-28": 2.0, "2024-02-29": 3.0})}, {"i": index()}, Period(2024, 1)
    )
    assert month_ends["year_change_share"].tolist()[1] == 0.5
    daily = market_facts.macro({"i": observed({"2022-11-11": 2.0, "2023-11-12": 3.0})}, {"i": index()}, PERIOD)
    assert daily["year_change_share"].tolist()[1] == 0.5
    too_old = market_facts.macro({"i": observed({"2022-10-01": 2.0, "2023-11-12": 3.0})}, {"i": index()}, PERIOD)
    assert too_old["year_change_share"].isna().all()


def test_no_facts_and_no_series_give_an_empty_summary():
    found = market_facts.summary(facts().astype({"source_date": "datetime64[us]"}), NO_SERIES, PERIOD, Collect())
    assert found.empty and "is_expired" in found.columns


def test_real_series_of_the_acceptance_data(tmp_path):
    folder = Path(os.environ.get("CRM_ACCEPTANCE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no acceptance data here; set CRM_ACCEPTANCE_DATA")
    retail = {
        "file": "eurostat_euro_area_retail_index_q.csv",
        "time": "time",
        "value": "value",
        "time_format": "decimal_year",
    }
    gdp = {"file": "pwt10_gdp_2005_2014.csv", "time": "year", "value": "rgdpna", "time_format": "%Y"}
    named = {"name_en": "n", "name_zh": "n", "source": "s"}
    macro = {"retail": retail | named, "gdp": gdp | named | {"where": {"isocode": "GBR"}}}
    settings = books.load(tmp_path, period="2011Q4", collect={"macro": macro})
    for source in macro.values():
        shutil.copy(folder / source["file"], settings.data_dir / "raw")
    known = market_facts.macro(series.every(settings), settings.collect.macro, settings.period)
    newest = known[known["is_newest"]].set_index("series")
    assert newest["observed_date"].dt.strftime("%Y-%m-%d").to_dict() == {"retail": "2011-12-31", "gdp": "2011-12-31"}
    assert newest.loc["retail", "series_value"] == 95.94
    assert newest.loc["retail", "year_change_share"] == pytest.approx(-0.007859, abs=1e-6)
