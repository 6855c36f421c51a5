"""KPIs by tier, win-back beside the natural rate, KPIs from stored tables, market share, definitions; method 8.1."""

import math
from datetime import date
from pathlib import Path

import ibis
import pandas as pd
import pytest
from books import load
from hypothesis import given, settings
from hypothesis import strategies as st
from test_kpi import PURCHASES, dated, days_of, fixture

from crmlib import schema
from crmlib.io import engine, store
from crmlib.kpi import KPIS, ROW, definitions, market_share, quarterly, service, stored, win_back
from crmlib.params import Review
from crmlib.periods import Period
from crmlib.review import feedback, scorecard
from crmlib.segment import tier_starts
from crmlib.views import charts_review, narrative_review, narrative_standards, suppression

PERIOD = Period(2023, 4)
FEW = settings(max_examples=12, deadline=None)


def starts(*rows: tuple[str, str, str]) -> ibis.Table:
    """Customer, quarter, tier; those of the lowest tier are lapsed."""
    frame = pd.DataFrame(rows, columns=["customer_id", "period", "tier"])
    reason = frame["tier"].map({"risk": "lapsed"}).fillna("")
    kinds = dict.fromkeys(("customer_id", "period", "tier", "risk_reason"), "string")
    return ibis.memtable(frame.assign(risk_reason=reason).astype("object"), schema=kinds)


FIXTURE = starts(("A", "2023Q4", "high"), ("B", "2023Q4", "high"), ("C", "2023Q4", "general"),
                 ("D", "2023Q4", "general"), ("F", "2023Q4", "risk"), ("P", "2023Q4", "none"))  # fmt: skip


def test_the_retention_fixture_by_tier_at_the_start_of_the_quarter() -> None:
    """A and B stay and spend 170 and 60 after 100 and 50: kept 150 of 150, now 230. C and D leave, F is back."""
    found = quarterly.by_tier(fixture(), FIXTURE, PERIOD).set_index(["kpi", "tier"])
    value = found["kpi_value"].to_dict()
    assert [value["retention_rate", t] for t in ("high", "general")] == [1.0, 0.0]
    assert value["churn_rate", "general"] == 1 and math.isnan(value["retention_rate", "risk"])
    assert value["reactivated_customers", "risk"] == 1 and found.loc[("retention_rate", "high"), "n"] == 2
    assert value["net_revenue", "high"] == 23_000 and value["average_ticket", "high"] == pytest.approx(23_000 / 3)
    assert value["gross_revenue_retention", "high"] == 1.0
    assert value["net_revenue_retention", "high"] == pytest.approx(230 / 150)
    assert "new_customers" not in set(found.index.get_level_values("kpi"))  # E has no tier yet
    assert list(found.reset_index()[ROW].columns) == ROW


def test_repurchase_within_the_quarter() -> None:
    """Section 10: A bought twice of A, B, E, F: .25."""
    found = quarterly.measure(fixture(), PERIOD).set_index(["kpi", "period"])
    assert found.loc[("repurchase_in_quarter", "2023Q4"), "kpi_value"] == 0.25


@FEW
@given(PURCHASES, st.lists(st.sampled_from(["high", "general", "risk"]), min_size=6, max_size=6))
def test_tiers_and_the_new_add_up_to_everyone(rows, tiers) -> None:  # type: ignore[no-untyped-def]
    """Whoever had ordered before the quarter has a tier; whoever had not is new in it."""
    days = days_of(dated(rows))
    first = days.filter(days.orders > 0).group_by("customer_id").aggregate(first=days.order_date.min())
    known = engine.frame(first)
    old = known[pd.to_datetime(known["first"]) < pd.Timestamp(PERIOD.start)]["customer_id"]
    at = starts(*[(c, "2023Q4", tiers[ord(c) - ord("A")]) for c in old])
    whole = quarterly.measure(days, PERIOD).query("period == '2023Q4'").set_index("kpi")["kpi_value"]
    parts = quarterly.by_tier(days, at, PERIOD).groupby("kpi")["kpi_value"].sum()
    for kpi, rest in (("active_customers", whole["new_customers"]), ("retained_customers", 0),
                      ("reactivated_customers", 0)):  # fmt: skip
        if not math.isnan(whole[kpi]) and not math.isnan(rest):
            assert parts.get(kpi, 0) + rest == whole[kpi]


def test_tiers_at_the_start_are_those_of_the_end_before(tmp_path: Path) -> None:
    """A bought 20 times for 300,000 up to 30 September and never again: high for the fourth quarter, not for the first."""
    book = load(tmp_path)
    days = days_of([("A", date(2023, 9, n + 1), 1, 3_000_000) for n in range(20)] + [("B", date(2023, 11, 1), 1, 100)])
    known = ibis.memtable(pd.DataFrame({"customer_id": ["A", "B"]}))
    found = engine.frame(ibis.union(*tier_starts.each(days, known, [PERIOD, PERIOD.next], book)))
    tiers = {(row.customer_id, row.period): row.tier for row in found.itertuples()}
    assert tiers["A", "2023Q4"] == "high" and tiers["B", "2023Q4"] == "none"
    assert tiers["A", "2024Q1"] != "high" and tiers["B", "2024Q1"] == "risk"


def contacts(*rows: tuple[str, str]) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=["customer_id", "contacted_on"])
    return found.astype({"contacted_on": "datetime64[us]"}).assign(provenance="illustrative")


def test_win_back_counts_orders_after_the_contact_and_stands_beside_the_natural_rate() -> None:
    """Lapsed: a b c d. a ordered after the call, b before it only, c and d were not called and c came back."""
    days = days_of([("a", date(2023, 12, 1), 1, 1), ("b", date(2023, 10, 5), 1, 1), ("c", date(2023, 10, 5), 1, 1),
                    ("d", date(2024, 1, 1), 1, 1), ("x", date(2023, 10, 5), 1, 1), ("c", date(2022, 1, 1), 1, 1)])  # fmt: skip
    lapsed = starts(*[(c, "2023Q4", "risk") for c in "abcd"], ("x", "2023Q4", "high"))
    log = contacts(("a", "2023-11-01"), ("b", "2023-11-01"), ("b", "2023-12-01"), ("c", "2023-09-30"))
    found = win_back.measure(days, lapsed, log, [PERIOD]).set_index("kpi")
    assert found["kpi_value"].to_dict() == {"natural_return_rate": 0.5, "win_back_rate": 0.5}
    assert found["n"].to_dict() == {"natural_return_rate": 2, "win_back_rate": 2}
    said = narrative_standards.natural_return(found.reset_index(), PERIOD, "en").text
    assert "50.0%" in said and "no effect" in said
    alone = win_back.measure(days, lapsed, log.iloc[:0], [PERIOD])
    assert list(alone["kpi"]) == ["natural_return_rate"] and alone["kpi_value"].iloc[0] == 0.75
    assert "no win-back rate" in narrative_standards.natural_return(alone, PERIOD, "en").text


def test_satisfaction_by_tier() -> None:
    rows = [
        ("A", "2023-10-01", 5),
        ("B", "2023-11-01", 2),
        ("C", "2023-12-31", 4),
        ("Z", "2023-12-31", 5),
        ("A", "2023-09-30", 1),
    ]
    said = pd.DataFrame(rows, columns=["customer_id", "survey_date", "csat"]).astype({"survey_date": "datetime64[us]"})
    said = said.assign(nps=pd.array([pd.NA] * len(said), "Int64"), provenance="actual")
    found = service.by_tier(said, engine.frame(FIXTURE), [PERIOD]).set_index(["kpi", "tier"])
    assert found.loc["csat"]["kpi_value"].to_dict() == {"general": 1.0, "high": 0.5}
    assert found.loc[("csat", "high"), "n"] == 2
    assert service.by_tier(said.iloc[:0], engine.frame(FIXTURE), [PERIOD]).empty


def survey(csat: list[int], nps: list[int]) -> pd.DataFrame:
    n = max(len(csat), len(nps))
    found = pd.DataFrame({"csat": pd.array(csat + [None] * (n - len(csat)), "Int64"),
                          "nps": pd.array(nps + [None] * (n - len(nps)), "Int64")})  # fmt: skip
    return found.assign(survey_date=pd.Timestamp("2023-11-01"), provenance="actual")


def test_csat_and_nps_of_section_10() -> None:
    """40x5 25x4 10x3 3x2 2x1: .8125; 50/30/20 of 100: 30, from 14.69 to 45.31."""
    said = survey([5] * 40 + [4] * 25 + [3] * 10 + [2] * 3 + [1] * 2, [10] * 50 + [8] * 30 + [3] * 20)
    assert service.csat(said, PERIOD)["kpi_value"].iloc[0] == 0.8125
    row = service.nps(said, PERIOD).iloc[0]
    assert (row["kpi_value"], row["low"], row["high"]) == pytest.approx((30, 14.69, 45.31), abs=1e-2)


def stored_book(tmp_path: Path) -> store.Store:
    """200 targeted, 180 reached, 27 responded; 10 first replies due and 7 in time; contacts; fields."""
    results = store.open_store(load(tmp_path), tmp_path / "out")
    day = pd.Timestamp("2023-10-01")
    results.save(
        campaign_progress=pd.DataFrame({
            "campaign_id": ["K1", "K2"], "campaign_source": "campaign_data", "start_date": day, "end_date": day,
            "targeted": [150, 50], "reached": [140.0, 40.0], "responded": [20, 7], "response_rate": 0.1, "is_running": False}),
        contact_sla=pd.DataFrame({
            "level": ["first_reply", "planned_contact", "analysis"], "tier": "all", "due": [6, 4, 9], "in_time": [5, 2, 0],
            "in_time_rate": 0.5, "low_rate": 0.1, "high_rate": 0.9, "is_thin": True,
            "provenance": ["illustrative", "actual", "actual"]}),
        contact_states=pd.DataFrame({"contact_state": ["verified", "never"], "consent": "given", "customers": [3, 1],
                                     "lifetime_minor": 0}),
        acquisition=pd.DataFrame({"period": ["2023Q3", "2023Q4"], "acquired": [9, 50], "cost_minor": 0, "cac_minor": [1.0, 2_400.0],
                                  "cohort_value_minor": 0.0, "clv_per_cac": [1.0, 3.5]}),
    )  # fmt: skip
    return results


def test_kpis_from_stored_tables(tmp_path: Path) -> None:
    """Section 10: reach .90, of all targeted .135 (27 of 200; of those reached it would be .15)."""
    found = stored.measure(stored_book(tmp_path), [PERIOD.previous, PERIOD]).set_index("kpi")
    assert found["kpi_value"].to_dict() == {
        "acquisition_cost": 2_400, "clv_per_acquisition": 3.5, "contact_sla_rate": 0.7, "campaign_response_rate": 0.135,
        "target_reach": 0.90, "contacts_verified_rate": 0.75,
    }  # fmt: skip
    assert pytest.approx(0.15) == 27 / 180 and set(found["period"]) == {"2023Q4"}
    assert found.loc["contact_sla_rate", "provenance"] == "illustrative" and found.loc["acquisition_cost", "n"] == 50
    empty = store.open_store(load(tmp_path / "none"), tmp_path / "none/out")
    assert stored.measure(empty, [PERIOD]).empty


def test_reach_and_verification_that_nobody_records_give_no_rate(tmp_path: Path) -> None:
    results = stored_book(tmp_path)
    campaigns, states = results.frame("campaign_progress"), results.frame("contact_states")
    results.save(campaign_progress=campaigns.assign(reached=[140.0, None]), contact_states=states.iloc[1:])
    found = set(stored.measure(results, [PERIOD])["kpi"])
    assert not found & {"target_reach", "contacts_verified_rate"} and "campaign_response_rate" in found


def sizes(*rows: tuple[str, float, str]) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=["period", "market_total", "source"])
    return found.assign(link="", provenance="actual")


def test_a_change_of_market_share_needs_two_figures_of_one_source(tmp_path: Path) -> None:
    """Our 100 and 120 of 1,000 and 1,000: 10 % and 12 %, +2 points; from another source that is no change."""
    book = load(tmp_path)
    kpis = pd.DataFrame([("net_revenue", q, "all", "money", v, None, None, 900, "actual") for q, v in
                         (("2023Q3", 10_000.0), ("2023Q4", 12_000.0))], columns=ROW)  # fmt: skip
    same = market_share.measure(sizes(("2023Q4", 1_000, "a"), ("2023Q3", 1_000, "a"), ("2024Q1", 9, "a")), kpis, book)
    assert list(same["period"]) == ["2023Q3", "2023Q4"] and list(same["market_share"]) == [0.10, 0.12]
    assert same["share_change"].iloc[1] == pytest.approx(2) and math.isnan(same["share_change"].iloc[0])
    rows = market_share.rows(same).set_index(["kpi", "period"])["kpi_value"]
    assert rows["market_share_change", "2023Q4"] == pytest.approx(2)
    other = market_share.measure(sizes(("2023Q4", 1_000, "b"), ("2023Q3", 1_000, "a")), kpis, book)
    assert not other["is_comparable"].any()
    assert math.isnan(
        market_share.rows(other).set_index(["kpi", "period"])["kpi_value"]["market_share_change", "2023Q4"]
    )
    assert "not comparable" in narrative_standards.market(other, "en").text
    nothing = market_share.measure(sizes(), kpis, book)
    assert nothing.empty and "no market share" in narrative_standards.market(nothing, "en").text


def test_every_kpi_is_defined_and_says_what_it_lacks() -> None:
    none = pd.DataFrame({"target_id": [], "kpi": [], "target": [], "due_date": pd.to_datetime([])})
    kpis = quarterly.measure(fixture(), PERIOD)
    card = scorecard.build(kpis, none, PERIOD, Review())
    found = definitions.table(card).set_index("kpi")
    assert list(found.index) == list(KPIS) and set(schema.WORDS) >= set(KPIS)
    texts = [c for c in found.columns if c.endswith(("text", "text_zh"))]
    assert (found[["numerator_text", "numerator_text_zh", "window_text", "source_text_zh"]] != "").all(axis=None)
    assert (
        found.loc["retention_rate", "missing_text"] == "" and found.loc["csat", "missing_text"] == "no survey answers"
    )
    assert all((found[c] == "").equals(found[f"{c}_zh"] == "") for c in texts if f"{c}_zh" in texts)
    assert set(card["layer"]) == {"layer_customer", "layer_market", "layer_execution"}


@pytest.mark.parametrize(("gained", "given_up", "p"), [(4, 1, 0.375), (0, 0, math.nan), (10, 0, 2 / 1024), (3, 3, 1)])
def test_mcnemar_is_exact(gained: int, given_up: int, p: float) -> None:
    """4 of 5 one way: 2 x (1 + 5) / 32."""
    assert feedback.mcnemar(gained, given_up) == pytest.approx(p, nan_ok=True)


def test_the_resurvey_counts_who_changed_sides() -> None:
    """A from 3 to 4 is gained, B from 5 to 3 given up, C stays at 4."""
    rows = [("A", "2023-08-01", 3), ("B", "2023-08-01", 5), ("C", "2023-08-01", 4),
            ("A", "2023-11-01", 4), ("B", "2023-11-01", 3), ("C", "2023-11-01", 5)]  # fmt: skip
    said = pd.DataFrame(rows, columns=["customer_id", "survey_date", "csat"]).astype({"survey_date": "datetime64[us]"})
    said = said.assign(nps=pd.array([pd.NA] * len(said), "Int64"), provenance="actual")
    row = feedback.resurvey(said, PERIOD, Review()).set_index("mark").loc["csat_mark"]
    assert (row["gained"], row["given_up"], row["mcnemar_p"]) == (1, 1, 1)
    assert (row["satisfied_before_share"], row["satisfied_after_share"]) == pytest.approx((2 / 3, 2 / 3))
    found = feedback.resurvey(said, PERIOD, Review())
    assert "new for 1 and gone for 1" in narrative_review.resurvey(found, "en").text
    for lang, words in (("en", "Satisfaction (1-5): too few customers to tell."), ("zh", "客户过少，不予显示。")):
        assert narrative_review.resurvey(found, lang, 5).text.endswith(words)
    enough = found.assign(n=9)  # one of nine who changed his mind is no small group: nine were asked
    assert (suppression.hidden(enough, 5) == "").all(axis=None)


def test_did_the_measure_answer_the_need() -> None:
    """A changed his mind and counts with the last answer; C answered a quarter ago."""
    rows = [("A", "S", "2023-10-01", "need_no", ""), ("A", "S", "2023-12-31", "need_yes", "More fruit"),
            ("B", "S", "2023-11-01", "need_partly", ""), ("C", "S", "2023-09-30", "need_no", "Too late")]  # fmt: skip
    said = pd.DataFrame(rows, columns=["customer_id", "strategy_id", "asked_on", "need_met", "suggestion"])
    said = said.astype({"asked_on": "datetime64[us]"}).assign(provenance="illustrative")
    named = pd.DataFrame({"strategy_id": ["S"], "strategy": "Keep", "strategy_zh": "维系"})
    row = feedback.need_fit(said, named, PERIOD, Review()).iloc[0]
    assert (row["n"], row["need_yes"], row["need_partly"], row["need_no"], row["need_met_rate"]) == (2, 1, 1, 0, 0.5)
    assert row["is_thin"] and row["strategy_zh"] == "维系"
    found = feedback.need_fit(said, named, PERIOD, Review())
    assert narrative_standards.need_fit(found, "en", 5).text == "Keep: too few answers to tell."
    assert narrative_standards.need_fit(found, "zh", 5).text == "维系：回答过少，不予显示。"
    nothing = feedback.need_fit(said.iloc[3:], named, PERIOD, Review())
    assert nothing.empty and "Nobody was asked" in narrative_standards.need_fit(nothing, "en").text
    tickets = pd.DataFrame({"ticket_id": ["T1", "T2"], "opened_at": pd.to_datetime(["2023-10-05", "2023-10-06"]),
                            "ticket_kind": ["suggestion", "complaint"], "text": ["Open at seven", "x"], "provenance": "actual"})  # fmt: skip
    readings = pd.DataFrame({"text_source": ["ticket_text"], "text_id": ["T1"], "theme": ["premises"]})
    found = feedback.suggestions(said, tickets, readings, PERIOD)
    assert list(zip(found["quote"], found["theme"], found["strategy_id"], strict=True)) == [
        ("More fruit", "no_theme", "S"), ("Open at seven", "premises", "")]  # fmt: skip
    assert feedback.suggestions(said.iloc[:0], tickets.iloc[:0], readings, PERIOD).empty


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_other_kpis_over_all_quarters(tmp_path: Path, lang: str) -> None:
    book = load(tmp_path).book
    kpis = quarterly.measure(fixture(), PERIOD)
    none = pd.DataFrame({"target_id": [], "kpi": [], "target": [], "due_date": pd.to_datetime([])})
    card = scorecard.build(kpis, none, PERIOD, Review())
    shown = scorecard.trend(kpis, Review(), scorecard.OTHERS)
    assert shown[shown["kpi"] == "orders"]["period"].nunique() == 8  # all quarters from 2022Q1 on
    axes = charts_review.kpi_history(shown, card, lang, book)
    assert len(axes.child_axes) == shown.groupby("kpi").size().gt(1).sum()
    assert charts_review.kpi_history(shown.iloc[:0], card, lang, book).texts
    tiers = quarterly.by_tier(fixture(), FIXTURE, PERIOD)
    every = scorecard.gather(kpis, tiers)
    assert list(every["tier"].unique()) == ["all", "high", "general", "risk"]
    assert scorecard.tier_rows(every, PERIOD, Review())["is_thin"].all()
    assert len(narrative_review.tiers(every, PERIOD, Review(), lang).text) > 10


def test_a_single_tier_is_not_the_least_of_all() -> None:
    rows = pd.DataFrame({"kpi": "retention_rate", "period": str(PERIOD), "tier": ["risk", "high"], "n": [50, 40],
                         "kpi_value": [0.0, 0.5], "low": [0.0, 0.4], "high": [0.1, 0.6]})  # fmt: skip
    for lang, least in (("en", "least of all tiers"), ("zh", "各层级最低")):
        assert least in narrative_review.tiers(rows, PERIOD, Review(), lang).text
        assert least not in narrative_review.tiers(rows[:1], PERIOD, Review(), lang).text
