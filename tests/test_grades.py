"""Evidence grades of campaigns with a hold-out: what must lower a grade, or hold back a verdict."""

from datetime import date, timedelta

import campaign_books
import ibis
import numpy as np
import pandas as pd
import pytest
from campaign_books import (
    BEFORE,
    DURING,
    MONEY,
    ORDERS,
    RATE,
    alike,
    bought,
    golden,
    halves,
    members,
    names,
    planned,
    review,
    review_of,
    shop,
)

from crmlib.kpi.windows import Span
from crmlib.params import Settings
from crmlib.review import campaigns
from crmlib.review.campaigns import Frozen
from crmlib.strategy import campaigns as plans
from crmlib.views import narrative_reviews

book = campaign_books.book


@pytest.mark.parametrize(("n", "grade", "word"), [(29, "C", "inconclusive"), (30, "A", "effective")])
def test_too_few_earn_no_verdict(book: Settings, n: int, grade: str, word: str) -> None:
    days = shop(*bought(names("t", n), DURING.start))
    row = review(campaigns.measured([planned()], members(halves(n)), days, alike, book), book).iloc[0]
    assert (row["evidence_grade"], row["verdict"]) == (grade, word)


def test_what_would_have_been_enough_is_never_less_than_what_a_verdict_needs(book: Settings) -> None:
    """From 0 to .9 nine an arm would do, but fewer than 30 are not judged."""
    days = shop(*bought(names("t", 20), DURING.start))
    row = campaigns.measured([planned(target=0.9)], members(halves(30)), days, alike, book).iloc[0]
    assert row["needed_per_arm"] == 30


@pytest.mark.parametrize(("kpi", "effect"), [(MONEY, 100.0), (ORDERS, 1.0)])
def test_a_mean_needs_a_hundred_an_arm(book: Settings, kpi: str, effect: float) -> None:
    days = shop(*bought(names("t", 99), DURING.start))
    row = review(campaigns.measured([planned(kpi, 0.5)], members(halves(99)), days, alike, book), book).iloc[0]
    assert (row["grade_reason"], row["verdict"], row["effect"]) == ("small_n", "inconclusive", effect)
    assert np.isnan(row["p_adjusted"]) and row["p_value"] < 0.01


@pytest.mark.parametrize("breach", ["plan_edited", "arms_moved", "late_snapshot"])
def test_a_breach_lowers_the_grade_and_is_named(book: Settings, breach: str) -> None:
    broken = planned(breaches=(breach, "register_changed"))
    row = review(campaigns.measured([broken], members(halves(100)), golden(), alike, book), book).iloc[0]
    assert (row["evidence_grade"], row["grade_reason"], row["verdict"]) == ("C", breach, "attained")
    said = narrative_reviews.held_out(review_of(row), "en", book.book).text
    assert "attained (not attributed)" in said and "Evidence grade C (" in said


def test_the_breaches_of_a_campaign_are_those_of_the_table() -> None:
    designs = plans.frame([{"campaign_id": "CP1", "tier": "all", "kpi": RATE, "plan_hash": "ab", "drawn_by": "",
                            "start_date": pd.Timestamp(DURING.start), "end_date": pd.Timestamp(DURING.end)}])  # fmt: skip
    breaches = pd.DataFrame(
        {"campaign_id": ["CP1", "CP1", "CP2"], "breach": ["arms_moved", "arms_moved", "list_edited"]}
    )
    (one,) = campaigns.planned(designs, breaches)
    assert (one.breaches, one.during, one.is_frozen) == (("arms_moved",), DURING, True)


def test_a_list_that_is_gone_measures_nothing(book: Settings) -> None:
    gone = planned(breaches=("list_missing",))
    row = review(campaigns.measured([gone], members({}), golden(), alike, book), book).iloc[0]
    assert (row["evidence_grade"], row["grade_reason"], row["verdict"]) == ("C", "list_missing", "not_measured")


STATES = [
    (Span(date(2023, 12, 4), date(2024, 1, 28)), {}, "not_ended", "not_ended"),
    (Span(date(2024, 1, 1), date(2024, 1, 28)), {}, "not_started", "not_started"),
    (DURING, {"is_frozen": False}, "not_measured", "unfrozen"),
    (DURING, {"is_frozen": False, "breaches": ("unreadable",)}, "not_measured", "unreadable"),
    (Span(date(2022, 12, 31), date(2023, 2, 24)), {}, "not_measured", "before_data"),
]


@pytest.mark.parametrize(("during", "changes", "word", "reason"), STATES)
def test_nothing_is_compared_before_its_end_or_outside_the_data(
    book: Settings, during: Span, changes: dict, word: str, reason: str
) -> None:
    one = Frozen("CP1", RATE, during, 0.15, 0.075, **changes)
    row = review(campaigns.measured([one], members(halves(100)), golden(), alike, book), book).iloc[0]
    assert (row["verdict"], row["grade_reason"]) == (word, reason)
    assert row["evidence_grade"] == ("C" if word == "not_measured" else "")
    assert np.isnan(row["effect"]) and np.isnan(row["p_value"])


def test_the_last_day_of_the_quarter_is_the_earliest_end_that_is_read(book: Settings) -> None:
    """Ended on 31 December, seen from it: 100 of 100 against 60; a day longer, and there is no verdict yet."""
    for days, word in ((0, "partly_effective"), (1, "not_ended")):
        span = Span(date(2023, 11, 6), date(2023, 12, 31) + timedelta(days=days))
        one = Frozen("CP1", RATE, span, 0.5, 0.25)
        found = campaigns.measured([one], members(halves(100)), golden(), alike, book)
        assert review(found, book)["verdict"].tolist() == [word]


def test_data_that_end_early_measure_nothing(book: Settings) -> None:
    """Six days without an order may be, seven are a gap."""
    for last, reason in ((20, "randomised"), (19, "data_end_early")):
        days = golden().filter(ibis._.order_date <= ibis.date(2023, 11, last))
        days = days.union(
            shop().filter(ibis._.order_date <= ibis.date(2023, 11, last)).mutate(order_date=ibis.date(2023, 11, last))
        )
        found = campaigns.measured([planned()], members(halves(100)), days, alike, book)
        assert review(found, book)["grade_reason"].tolist() == [reason]


def test_data_that_begin_in_the_window_before_give_no_before_and_after(book: Settings) -> None:
    known = golden().union(shop(*bought(names("t", 50), BEFORE.end)))
    days = known.filter(ibis._.order_date > ibis.date(2023, 8, 7))
    row = review(campaigns.measured([planned()], members(halves(100)), days, alike, book), book).iloc[0]
    assert row["evidence_grade"] == "A" and np.isnan(row["before_after_change"])


def test_whole_groups_count_as_one_case_each(book: Settings) -> None:
    """8 shops of 40; treated shops sell 10, 20, 30, 40 a head, the others 0, 10, 20, 30: +10, whatever their sizes."""
    arms, unit, rows = {}, {}, []
    for n, (sold, arm) in enumerate(
        zip([10, 20, 30, 40, 0, 10, 20, 30], ["treated"] * 4 + ["hold_out"] * 4, strict=True)
    ):
        people = names(f"s{n}_", 40 if n else 120)
        arms.update(dict.fromkeys(people, arm))
        unit.update(dict.fromkeys(people, f"shop{n}"))
        rows += bought(people, DURING.start, sold)
    one = planned(MONEY, 10.0, drawn_by="region")
    row = review(campaigns.measured([one], members(arms, unit=unit), shop(*rows), alike, book), book).iloc[0]
    assert (row["effect"], row["units"], row["n_treated"], row["n_control"]) == (10.0, 8, 240, 160)
    assert (row["evidence_grade"], row["verdict"]) == ("A", "inconclusive")
    few = {name: arm for name, arm in arms.items() if unit[name] not in ("shop1", "shop2", "shop5")}
    row = review(campaigns.measured([one], members(few, unit=unit), shop(*rows), alike, book), book).iloc[0]
    assert (row["evidence_grade"], row["grade_reason"], row["verdict"]) == ("C", "few_clusters", "inconclusive")


def test_q_is_over_the_effects_a_verdict_may_rest_on(book: Settings) -> None:
    """p .01, .04 and .03 of grades A, B, A: .03, .04, .04 (step-up); a grade C is no part of it."""
    rows = [
        {"campaign_id": name, "tier": "all", "evidence_grade": grade, "p_value": p, "effect": 1.0, "low_effect": 0.5,
         "high_effect": 1.5, "effect_target": 1.0, "minimum_effect": 0.5, "grade_reason": "x"}
        for name, grade, p in [("a", "A", 0.01), ("b", "B", 0.04), ("c", "C", 0.001), ("d", "A", 0.03)]
    ]  # fmt: skip
    found = review(pd.DataFrame(rows), book).set_index("campaign_id")
    assert found["p_adjusted"].reindex(["a", "b", "d"]).tolist() == pytest.approx([0.03, 0.04, 0.04])
    assert np.isnan(found.loc["c", "p_adjusted"])
    assert found["verdict"].to_dict() == {"a": "effective", "b": "effect_proven", "c": "attained", "d": "effective"}
