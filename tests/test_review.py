"""Campaigns, re-survey, scorecard and findings, by hand; the method, sections 3.6, 8 and 9.4."""

import math
from datetime import date

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from books import load
from drawn import touching
from hypothesis import strategies as st

from crmlib import params, schema
from crmlib.kpi import KPIS, ROW
from crmlib.params import Review
from crmlib.periods import Period
from crmlib.review import attainment, effect, feedback, scorecard
from crmlib.views import charts_effects, charts_review, narrative_picked, narrative_review, narrative_standards

PERIOD = Period(2023, 4)
REVIEW = Review()
LEVELS = st.floats(-10, 10, width=16)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> params.Settings:
    """2023Q4, money in fen."""
    return load(tmp_path_factory.mktemp("tiny"))


def kpi_rows(*rows: tuple[str, str, float, int]) -> pd.DataFrame:
    """Rows of `kpis` from KPI, quarter, value, n; proportions get an interval of +- 0.1."""
    table = []
    for kpi, period, value, n in rows:
        unit = KPIS[kpi].unit
        low, high = (value - 0.1, value + 0.1) if unit == "rate" else (math.nan, math.nan)
        table.append((kpi, period, "all", unit, value, low, high, n, "actual"))
    return pd.DataFrame(table, columns=ROW)


def goals(*rows: tuple[str, str, str, float, float, str]) -> pd.DataFrame:
    """The targets register from id, strategy, KPI, baseline, target, due date."""
    found = pd.DataFrame(rows, columns=["target_id", "strategy_id", "kpi", "baseline", "target", "due_date"])
    found = found.astype({"due_date": "datetime64[us]", "strategy_id": "str", "kpi": "str", "target": "float64"})
    return found.assign(target_unit="abs", owner="L", provenance="illustrative")


def strategies(**starts: str) -> pd.DataFrame:
    found = pd.DataFrame({"strategy_id": list(starts), "start_date": pd.to_datetime(list(starts.values()))})
    found = found.astype({"strategy_id": "str"})
    return found.assign(strategy="s", strategy_zh="策", tier="high", end_date=pd.Timestamp("2024-03-31"))


MEASURED = kpi_rows(
    ("retention_rate", "2023Q3", 0.74, 200),
    ("retention_rate", "2023Q4", 0.72, 200),
    ("churn_rate", "2023Q4", 0.12, 200),
    ("net_revenue", "2023Q4", 13_200_000, 500),
    ("csat", "2023Q4", 0.9, 29),
)


def table(types: dict[str, pa.DataType], *rows: tuple) -> ibis.Table:
    columns = list(zip(*rows, strict=True)) or [[] for _ in types]
    arrays = [pa.array(c, t) for c, t in zip(columns, types.values(), strict=True)]
    return ibis.memtable(pa.table(arrays, names=list(types)))


def days_of(*rows: tuple[str, str, int]) -> ibis.Table:
    types = {"customer_id": pa.string(), "order_date": pa.date32(), "orders": pa.int64(), "net_minor": pa.int64()}
    return table(types, *[(c, date.fromisoformat(day), int(money > 0), money) for c, day, money in rows])


def campaigns_of(*rows: tuple[str, str, str]) -> ibis.Table:
    types = {
        "campaign_id": pa.string(),
        "campaign_kind": pa.string(),
        "start_date": pa.date32(),
        "end_date": pa.date32(),
    }
    return table(types, *[(i, "A", date.fromisoformat(a), date.fromisoformat(b)) for i, a, b in rows])


def listed(*rows: tuple[str, str]) -> ibis.Table:
    return table({"campaign_id": pa.string(), "customer_id": pa.string()}, *rows)


def test_a_campaign_before_and_during() -> None:
    """14 days from 1 November, so two weeks before it from 18 October: both ends count, the days around them do not."""
    days = days_of(
        ("data begin", "2023-01-01", 1),
        ("T", "2023-10-17", 77_777), ("T", "2023-10-18", 6_000), ("T", "2023-10-31", 4_000),
        ("T", "2023-11-01", 9_000), ("T", "2023-11-14", 6_000), ("T", "2023-11-15", 88_888),
        ("U", "2023-10-20", 2_000), ("U", "2023-11-02", -1_000),
        ("joined after", "2023-11-03", 5_000),
    )  # fmt: skip
    rows = effect.before_after(
        days, campaigns_of(("K", "2023-11-01", "2023-11-14")), listed(("K", "T"), ("K", "T")), PERIOD
    )
    row = rows.iloc[0]
    assert (row["days"], row["window"], row["targeted"], row["untargeted"]) == (14, "complete", 1, 2)
    assert (row["targeted_before_minor"], row["targeted_during_minor"]) == (5_000, 7_500)
    assert row["targeted_change_share"] == 0.5
    assert (row["untargeted_before_minor"], row["untargeted_during_minor"]) == (500, -250)  # of two customers
    assert effect.before_ratio(rows) == 10


def test_a_window_that_the_data_do_not_cover_gives_no_figures() -> None:
    days = days_of(("T", "2023-10-05", 1_000), ("U", "2023-10-06", 1_000), ("T", "2023-12-30", 500))
    runs = campaigns_of(
        ("early", "2023-10-10", "2023-10-20"),  # 11 days before 10 October is 29 September
        ("fits", "2023-10-10", "2023-10-14"),  # 5 October is the first day of the data
        ("open", "2023-12-20", "2024-01-01"),
        ("just over", "2023-12-20", "2023-12-31"),
        ("over", "2023-09-01", "2023-09-30"),
        ("next", "2024-01-01", "2024-01-31"),
    )
    found = effect.before_after(days, runs, listed(("fits", "T")), PERIOD).set_index("campaign_id")
    assert found["window"].to_dict() == {
        "early": "before_data",
        "fits": "complete",
        "just over": "complete",
        "open": "still_running",
    }
    figures = [c for c in found.columns if c.endswith(("_minor", "_change_share"))]
    assert found.loc[["early", "open"], figures].isna().all(axis=None)
    assert found.loc["fits", "targeted_before_minor"] == 1_000 / (5 / 7)


def test_a_book_without_campaigns_says_so() -> None:
    found = effect.before_after(days_of(("T", "2023-10-05", 1)), None, None, PERIOD)
    assert found.empty and math.isnan(effect.before_ratio(found))
    assert "no" in narrative_picked.before_and_during(found, math.nan, "en").text.lower()


def test_a_before_and_after_table_carries_no_verdict() -> None:
    """9.4: a before/after table with a verdict column must not exist."""
    verdicts = {"outcome", "movement", "evidence_grade", "decision", "status"}
    assert verdicts.isdisjoint(schema.TABLES["campaign_windows"].columns)


def answers(*rows: tuple[str, str, int]) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=["customer_id", "survey_date", "csat"])
    found["survey_date"] = found["survey_date"].astype("datetime64[us]")
    return found.assign(nps=pd.array([pd.NA] * len(found), "Int64"), provenance="illustrative")


def test_only_the_same_customers_are_compared() -> None:
    """A answers 3 then 4 and 5 (4.5), B 5 then 4; C and D answered once, A also half a year ago."""
    found = answers(
        ("A", "2023-05-01", 1), ("A", "2023-09-30", 3), ("A", "2023-10-01", 4), ("A", "2023-12-31", 5),
        ("B", "2023-07-01", 5), ("B", "2023-11-01", 4), ("C", "2023-08-01", 1), ("D", "2023-11-01", 1),
    )  # fmt: skip
    assert feedback.pairs(found, "csat", PERIOD).loc["A"].tolist() == [3, 4.5]
    row = feedback.resurvey(found, PERIOD, REVIEW).set_index("mark").loc["csat_mark"]
    assert (row["n"], row["mark_before"], row["mark_after"], row["mark_change"]) == (2, 4, 4.25, 0.25)
    assert row["movement"] == "small_n"
    assert feedback.resurvey(found, PERIOD, REVIEW).set_index("mark").loc["nps_mark", "movement"] == "not_measured"
    assert feedback.resurvey(found.iloc[:0], PERIOD, REVIEW).empty


@pytest.mark.parametrize(("up", "movement"), [(30, "improved"), (15, "unclear"), (0, "worsened")])
def test_thirty_pairs_move_when_the_interval_leaves_zero(up: int, movement: str) -> None:
    """Thirty customers: `up` of them from 3 to 4 or 5, the others from 3 to 2 or 1."""
    rows = [(f"c{i}", "2023-08-01", 3) for i in range(30)]
    rows += [(f"c{i}", "2023-11-01", 4 + i % 2 if i < up else 2 - i % 2) for i in range(30)]
    found = feedback.resurvey(answers(*rows), PERIOD, REVIEW).set_index("mark")
    assert found.loc["csat_mark", "movement"] == movement


def card_of(kpis: pd.DataFrame, effects: pd.DataFrame | None = None) -> pd.DataFrame:
    none = pd.DataFrame({"kpi": [], "target": [], "target_id": [], "due_date": pd.to_datetime([])})
    return scorecard.build(kpis, none if effects is None else effects, PERIOD, REVIEW).set_index("kpi")


def test_the_scorecard_reads_each_change_its_way() -> None:
    """Intervals are +- .1: of the difference +- sqrt(.02) = .1414."""
    rows = [
        ("retention_rate", "2023Q3", 0.70, 200), ("retention_rate", "2023Q4", 0.84, 200),
        ("repurchase_rate", "2023Q3", 0.50, 200), ("repurchase_rate", "2023Q4", 0.65, 200),
        ("churn_rate", "2023Q3", 0.40, 200), ("churn_rate", "2023Q4", 0.20, 200),
        ("on_time_rate", "2023Q3", 0.10, 29), ("on_time_rate", "2023Q4", 0.90, 30),
        ("csat", "2023Q3", 0.10, 30), ("csat", "2023Q4", 0.90, 29),
        ("net_revenue", "2023Q3", 100, 100), ("net_revenue", "2023Q4", 90, 100),
        ("average_ticket", "2023Q3", 100, 100), ("average_ticket", "2023Q4", 110, 99),
        ("active_customers", "2023Q4", 50, 50), ("orders", "2023Q3", 9, 99), ("orders", "2023Q4", 9, 99),
    ]  # fmt: skip
    card = card_of(kpi_rows(*rows))
    assert list(card.index) == list(KPIS)
    expected = {"retention_rate": "unclear", "repurchase_rate": "improved", "churn_rate": "improved",
                "on_time_rate": "small_n", "csat": "small_n", "net_revenue": "worsened", "average_ticket": "small_n",
                "active_customers": "no_before", "orders": "unclear", "nps": "not_measured"}  # fmt: skip
    assert card.loc[list(expected), "movement"].to_dict() == expected
    assert card.loc["net_revenue", "change_share"] == pytest.approx(-0.1)
    assert math.isnan(card.loc["churn_rate", "change_share"])  # a rate changes by points
    assert card.loc["churn_rate", "difference"] == pytest.approx(-0.2)


def test_a_part_of_a_quarter_is_compared_with_nothing() -> None:
    days = pd.DataFrame({"period": ["2023Q2", "2023Q3", "2023Q4"], "is_partial_quarter": [True, False, True]})
    partial = scorecard.partial(days)
    assert partial == {"2023Q2", "2023Q4"}
    rows = kpi_rows(("net_revenue", "2023Q3", 100, 100), ("net_revenue", "2023Q4", 90, 100))
    none = pd.DataFrame({"kpi": [], "target": [], "target_id": [], "due_date": pd.to_datetime([])})
    card = scorecard.build(rows, none, PERIOD, REVIEW, partial).set_index("kpi")
    assert card.loc["net_revenue", "movement"] == "no_before"
    assert card.loc["net_revenue", "kpi_value"] == 90 and math.isnan(card.loc["net_revenue", "change_share"])
    assert scorecard.trend(rows, REVIEW, partial=partial)["is_thin"].tolist() == [False, True]


def test_the_scorecard_shows_the_target_that_is_due_next() -> None:
    effects = goals(
        ("a", "S", "csat", 0.1, 0.2, "2023-09-30"),
        ("b", "S", "csat", 0.1, 0.4, "2024-03-31"),
        ("c", "S", "csat", 0.1, 0.3, "2023-12-31"),
    )
    assert card_of(kpi_rows(("csat", "2023Q4", 0.3, 50)), effects).loc["csat", "target"] == 0.3


def test_the_trend_marks_what_rests_on_too_few_cases() -> None:
    rows = [("csat", "2023Q3", 0.5, 29), ("csat", "2023Q4", 0.5, 30), ("net_revenue", "2023Q4", 5, 99),
            ("orders", "2023Q4", 5, 99), ("retention_rate", "2023Q4", math.nan, 0)]  # fmt: skip
    found = scorecard.trend(kpi_rows(*rows), REVIEW)
    assert list(zip(found["kpi"], found["period"], found["is_thin"], strict=True)) == [
        ("net_revenue", "2023Q4", True), ("csat", "2023Q3", True), ("csat", "2023Q4", False),
    ]  # fmt: skip


def test_rows_of_several_sources_become_one_ordered_table() -> None:
    found = scorecard.gather(
        kpi_rows(("csat", "2023Q4", 1, 1), ("csat", "2023Q3", 1, 1)),
        kpi_rows(),
        kpi_rows(("net_revenue", "2023Q4", 1, 1)),
    )
    assert list(zip(found["kpi"], found["period"], strict=True)) == [
        ("net_revenue", "2023Q4"), ("csat", "2023Q3"), ("csat", "2023Q4"),
    ]  # fmt: skip


def revenue_rows(before: tuple[int, float, int], now: tuple[int, float, int]) -> pd.DataFrame:
    """Customers, orders per customer and ticket (fen) of two quarters, with their product."""
    rows = []
    for period, (customers, orders, ticket) in (("2023Q3", before), ("2023Q4", now)):
        total = customers * orders * ticket
        rows += [("active_customers", period, customers, customers), ("orders_per_customer", period, orders, customers),
                 ("average_ticket", period, ticket, 500), ("net_revenue", period, total, 500)]  # fmt: skip
    return kpi_rows(*rows)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ((100, 2, 11_000), "rose 10.0% on 2023Q3 to ¥22,000, mostly through average ticket (+10.0%)"),
        ((90, 2, 10_000), "fell 10.0% on 2023Q3 to ¥18,000, mostly through active customers (−10.0%)"),
        ((80, 3, 9_000), "rose 8.0% on 2023Q3 to ¥21,600, mostly through orders per customer (+50.0%)"),
    ],
)
def test_the_finding_names_what_moved_revenue(book: params.Settings, now: tuple, said: str) -> None:
    """100 customers x 2 orders x ¥100 = ¥20,000 before. What pulls the other way is never named as the reason."""
    kpis = revenue_rows((100, 2, 10_000), now)
    told = narrative_review.revenue(card_of(kpis).reset_index(), kpis, PERIOD, "en", book.book).text
    assert said in told and "Season and trend cannot be told apart" in told
    chinese = narrative_review.revenue(card_of(kpis).reset_index(), kpis, PERIOD, "zh", book.book).text
    assert said.split("to ", 1)[1].split(", ", 1)[0] in chinese


@pytest.mark.parametrize(
    ("quarters", "partial", "en", "zh"),
    [
        (2, {"2023Q4"}, "cover only a part of 2023Q4, which is not compared with 2023Q3", "2023Q4的数据不完整，不与2023Q3比较"),
        (2, {"2023Q3"}, "there is no whole quarter before to compare with", "没有可供比较的完整上季度"),
        (2, {"2023Q3", "2023Q4"}, "there is no whole quarter before to compare with", "没有可供比较的完整上季度"),
        (1, set(), "there is no whole quarter before to compare with", "没有可供比较的完整上季度"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_says_why(
    book: params.Settings, quarters: int, partial: set[str], en: str, zh: str
) -> None:
    """A part of this quarter is another reason than that of the one before, which is there and is not whole."""
    kpis = revenue_rows((100, 2, 10_000), (100, 2, 11_000))
    none = pd.DataFrame({"target_id": [], "kpi": [], "target": [], "due_date": pd.to_datetime([])})
    rows = kpis if quarters == 2 else kpis[kpis["period"] == str(PERIOD)]
    card = scorecard.build(rows, none, PERIOD, REVIEW, frozenset(partial))
    whole = scorecard.whole(rows, frozenset(partial))
    told = {lang: narrative_review.revenue(card, whole, PERIOD, lang, book.book).text for lang in ("en", "zh")}
    assert en in told["en"] and zh in told["zh"]


def test_the_same_quarter_a_year_before_stands_beside_where_it_is_whole(book: params.Settings) -> None:
    """¥22,000 after ¥20,000 a quarter and ¥40,000 a year before."""
    year = kpi_rows(("net_revenue", "2022Q4", 4_000_000, 500))
    kpis = pd.concat([revenue_rows((100, 2, 10_000), (100, 2, 11_000)), year])
    card = card_of(kpis).reset_index()
    en, zh = (narrative_review.revenue(card, kpis, PERIOD, lang, book.book).text for lang in ("en", "zh"))
    assert "rose 10.0% on 2023Q3" in en and en.endswith("On 2022Q4, the same season a year before: −45.0%.")
    assert "较2023Q3增长10.0%" in zh and zh.endswith("与上年同季2022Q4相比：−45.0%。")
    cut = scorecard.whole(kpis, frozenset({"2022Q4"}))
    assert "cannot be told apart" in narrative_review.revenue(card, cut, PERIOD, "en", book.book).text


def test_a_change_that_rounds_to_nothing_is_unchanged(book: params.Settings) -> None:
    """100 customers x 2 orders x ¥100.00 before; the ticket falls to ¥99.98, -0.02 %."""
    kpis = revenue_rows((100, 2, 10_000), (100, 2, 9_998))
    card = card_of(kpis).reset_index()
    told = {lang: narrative_review.revenue(card, kpis, PERIOD, lang, book.book).text for lang in ("en", "zh")}
    assert "was unchanged on 2023Q3 at ¥19,996: active customers unchanged, " in told["en"] and "fell" not in told["en"]
    assert "净销售额与2023Q3持平，为¥19,996：活跃客户数 持平" in told["zh"]
    signs = [narrative_review.signed(share, "en") for share in (0.0004, -0.0004, 0.0006, -0.0006)]
    assert signs == ["unchanged", "unchanged", "+0.1%", "\u22120.1%"]


def test_the_findings_are_three_and_point_to_their_figures(book: params.Settings) -> None:
    kpis = revenue_rows((100, 2, 10_000), (100, 2, 11_000))
    sizes = pd.DataFrame({"tier": ["high", "risk"], "customers": [8, 30], "customer_share": [0.08, 0.3],
                          "monetary_12m_minor": [4_200_000, 500_000], "revenue_share": [0.42, 0.05]})  # fmt: skip
    effects = attainment.attained(goals(), strategies(), kpis, book)
    found = narrative_standards.findings(card_of(kpis).reset_index(), kpis, sizes, effects, None, book)
    assert list(found.columns) == list(schema.TABLES["findings"].columns)
    assert list(found["anchor"]) == ["kpi_trends", "tier_sizes", "targets_reached"]
    assert "8.0% of customers are high value and bring 42.0%" in found["text_en"][1]
    assert "30个客户（30.0%）" in found["text_zh"][1] and "¥5,000" in found["text_zh"][1]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_absent_result_is_stated_in_its_place(book: params.Settings, lang: str) -> None:
    effects = attainment.attained(goals(), strategies(), MEASURED, book)
    windows = effect.before_after(days_of(("T", "2023-10-05", 1)), None, None, PERIOD)
    axes = [
        charts_review.kpi_trends(scorecard.trend(kpi_rows(), REVIEW), lang, book.book),
        charts_review.attainment(effects, lang),
        charts_effects.campaign_windows(windows, lang, book.book),
    ]
    assert all(len(str(ax.figure.get_label())) > 5 and ax.texts for ax in axes)


def test_rows_of_a_later_step_replace_those_of_an_earlier_run() -> None:
    known = kpi_rows(("csat", "2023Q4", 1, 1), ("standards_adopted", "2023Q4", 0, 5))
    later = kpi_rows(("standards_adopted", "2023Q4", 2, 5))
    found = scorecard.with_rows(known, later)
    assert list(found["kpi"]) == ["csat", "standards_adopted"] and found["kpi_value"].iloc[1] == 2
    assert scorecard.with_rows(known, later.iloc[:0])["kpi_value"].iloc[1] == 0


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(
    "quarters", [("2023Q3", "2023Q4"), tuple(f"202{y}Q{q}" for y in range(4) for q in range(1, 5))]
)
def test_the_values_at_the_ends_of_a_small_trend_do_not_touch(
    book: params.Settings, quarters: tuple, lang: str
) -> None:
    last = [("csat", quarter, 1.0, 99) for quarter in quarters[-2:]]
    rows = kpi_rows(*(("net_revenue", quarter, -1_234_567_890_123, 999) for quarter in quarters), *last)
    rupiah = book.book.model_copy(update={"currency": "IDR"})
    assert touching(charts_review.kpi_trends(scorecard.trend(rows, REVIEW), lang, rupiah)) == []


def test_what_a_rate_cannot_show_in_its_decimals_is_flat(book: params.Settings) -> None:
    rows = kpi_rows(("csat", "2023Q3", 0.0, 999), ("csat", "2023Q4", 0.0, 999)).assign(low=0.0, high=0.0003)
    panel = charts_review.kpi_trends(scorecard.trend(rows, REVIEW), "en", book.book).child_axes[0]
    low, high = panel.get_ylim()
    assert 0.0003 / (high - low) < 0.05


def test_a_part_of_a_quarter_is_not_said_to_have_improved_nothing(book: params.Settings) -> None:
    rows = scorecard.trend(kpi_rows(("orders", "2023Q3", 9, 900), ("orders", "2023Q4", 3, 900)), REVIEW, ("orders",))
    said = [
        charts_review.kpi_history(rows, pd.DataFrame({"kpi": ["orders"], "movement": [word]}), "en", book.book)
        for word in ("no_before", "worsened")
    ]
    assert [ax.get_title(loc="left") for ax in said] == [
        "1 further KPIs; none is compared with the quarter before",
        "Of 1 further KPIs 0 improved and 1 worsened on the quarter before",
    ]


def test_a_title_compares_with_no_part_of_a_quarter(book: params.Settings) -> None:
    rows = kpi_rows(("net_revenue", "2023Q3", 100, 900), ("net_revenue", "2023Q4", 300, 900))
    whole = charts_review.kpi_trends(scorecard.trend(rows, REVIEW), "en", book.book).get_title(loc="left")
    part = scorecard.trend(rows, REVIEW, partial=frozenset({"2023Q3"}))
    assert "+200.0%" in whole and "%" not in charts_review.kpi_trends(part, "en", book.book).get_title(loc="left")
