"""Campaigns picked by hand: no effect where a gap was there before, and what a comparison within tiers may prove."""

from datetime import date, timedelta

import campaign_books
import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pytest
from campaign_books import (
    BEFORE,
    DURING,
    NOTHING,
    Expected,
    alike,
    bought,
    names,
    one_tier,
    past,
    review,
    review_of,
    shop,
)

from crmlib.params import Settings
from crmlib.periods import Period
from crmlib.review import hand_picked
from crmlib.strategy import campaigns as plans
from crmlib.views import narrative_picked

book = campaign_books.book

RAN = pd.DataFrame(
    {
        "campaign_id": ["7"],
        "campaign_kind": ["Type A"],
        "start_date": pd.to_datetime([DURING.start]),
        "end_date": pd.to_datetime([DURING.end]),
    }
)


def targeted(people: list[str], campaign: str = "7") -> ir.Table:
    return ibis.memtable({"campaign_id": [campaign] * len(people), "customer_id": people})


def picked_book(before: int, during: int) -> ir.Table:
    """100 picked and 200 others bought a year's first half alike; the picked spend more before, and during."""
    picked, others = names("t", 100), names("c", 200)
    days = [date(2023, 1, 1), BEFORE.start - timedelta(days=56), BEFORE.start, DURING.start]
    sums = {"t": [40, 40, 40 + before, 40 + during], "c": [40, 40, 40, 40]}
    return shop(
        *(
            row
            for n, day in enumerate(days)
            for people in (picked, others)
            for row in bought(people, day, [sums[people[0][0]][n] + 8 * (i % 2) - 4 for i in range(len(people))])
        )
    )


def test_a_gap_that_was_there_before_is_no_effect(book: Settings) -> None:
    """The picked spend 16 more in 8 weeks before and 24 more during: 2 and 3 a week, +14 % on themselves (64 / 56)."""
    days = picked_book(16, 24)
    found = hand_picked.measured(RAN, targeted(names("t", 100)), past(days), book)
    row = review(pd.DataFrame(), book, found).iloc[0]
    till = 1 / 201  # the one who opens the shop is an other, too: he spends 1 in the year, nothing in the windows
    assert row["gap_before_minor"] == pytest.approx((56 - 40 * (1 - till)) / 8, rel=1e-5)
    assert row["gap_during_minor"] == pytest.approx((64 - 40 * (1 - till)) / 8, rel=1e-5)
    assert row["before_after_change"] == pytest.approx(64 / 56 - 1, rel=1e-5)
    assert (row["n_treated"], row["n_control"], row["others_share"]) == (100, 201, 0)
    assert (row["evidence_grade"], row["grade_reason"], row["verdict"]) == ("C", "placebo_failed", "not_attributed")
    assert row["placebo_effect"] == pytest.approx(16, abs=0.3) and row["placebo_low"] > 0
    assert np.isnan(row["effect"])
    said = narrative_picked.checked(review_of(row), "en", book.book).text
    assert "no causal verdict is given" in said and "+14.3% (descriptive, not attributed)" in said


def test_a_group_that_did_not_differ_before_earns_grade_b(book: Settings) -> None:
    row = review(
        pd.DataFrame(), book, hand_picked.measured(RAN, targeted(names("t", 100)), past(picked_book(0, 24)), book)
    ).iloc[0]
    assert (row["evidence_grade"], row["grade_reason"], row["verdict"]) == ("B", "same_tier", "effect_proven")
    assert row["effect"] == pytest.approx(24, abs=0.3) and row["low_effect"] > 20
    assert row["placebo_low"] < 0 < row["placebo_high"]
    assert row["campaign"] == "Type A" and row["strategy_id"] == "" and np.isnan(row["effect_target"])


def test_the_window_before_is_compared_by_the_tiers_of_the_campaign_s_eve(book: Settings) -> None:
    """High are those who bought much in the window before: 50 picked and 50 left of them, and 50 and 150 of the others.

    By the tiers of the campaign's eve the picked equal the rest of their tier; without tiers they would not.
    """
    picked, others = names("t", 100), names("c", 200)
    best = {*picked[:50], *others[:50]}
    paid = {name: (80 if name in best else 20) + 8 * (n % 2) - 4 for n, name in enumerate(picked + others)}
    days = [date(2023, 1, 1), BEFORE.start - timedelta(days=56), BEFORE.start, DURING.start]
    sums = [[40 if n < 2 else paid[name] for name in paid] for n in range(4)]
    table = shop(*(row for day, each in zip(days, sums, strict=True) for row in bought(list(paid), day, each)))
    asked = []

    def rated(purchases: ir.Table, _known: ir.Table, period: Period, _settings: Settings) -> ir.Table:
        asked.append(period.as_of)
        high = ibis._.customer_id.isin(sorted(best))
        return one_tier(purchases, purchases, period, book).mutate(tier=ibis.ifelse(high, "high", "general"))

    found = hand_picked.measured(RAN, targeted(picked), hand_picked.Past(table, table, rated, alike), book)
    assert asked == [date(2023, 10, 1)]
    assert found["placebo_effect"].tolist() == pytest.approx([0.0], abs=0.3) and found["evidence_grade"].tolist() == [
        "B"
    ]
    flat = hand_picked.measured(RAN, targeted(picked), past(table), book)
    assert flat["grade_reason"].tolist() == ["placebo_failed"]


def test_who_came_after_the_eve_takes_no_part_in_the_comparison(book: Settings) -> None:
    """100 newcomers who first buy in the window before: nothing was expected of them, so the check leaves them out."""
    came = bought(names("n", 100), BEFORE.start, 500)
    days = picked_book(0, 24).union(shop(*came)).distinct()

    def known(table: ir.Table, day: date, length: int) -> Expected:
        return alike(table.filter(ibis._.order_date <= ibis.literal(day)), day, length)

    found = hand_picked.measured(RAN, targeted(names("t", 100)), hand_picked.Past(days, days, one_tier, known), book)
    assert found["placebo_effect"].tolist() == pytest.approx([0.0], abs=0.3)


def test_customers_of_other_campaigns_prove_nothing(book: Settings) -> None:
    """11 of 100 picked were in another campaign that ended on the first day of the window before; a day earlier counts not."""
    days = picked_book(0, 24)
    for end, reason in ((BEFORE.start, "other_campaigns"), (BEFORE.start - timedelta(days=1), "same_tier")):
        other = pd.DataFrame({"campaign_id": ["8"], "campaign_kind": ["B"], "start_date": pd.to_datetime([date(2023, 3, 1)]),
                              "end_date": pd.to_datetime([end])})  # fmt: skip
        lists = targeted(names("t", 100)).union(targeted(names("t", 11), "8"))
        found = hand_picked.measured(pd.concat([RAN, other], ignore_index=True), lists, past(days), book)
        assert found["grade_reason"].tolist() == [reason]
        assert found["others_share"].tolist() == [0.11 if reason == "other_campaigns" else 0.0]


def test_few_picked_and_a_start_too_early_are_only_described(book: Settings) -> None:
    days = picked_book(0, 24)
    found = hand_picked.measured(RAN, targeted(names("t", 99)), past(days), book)
    assert found.loc[0, ["evidence_grade", "grade_reason", "verdict"]].tolist() == ["C", "small_n", "not_attributed"]
    assert found["gap_during_minor"].notna().all() and "effect" not in found
    later = days.filter(ibis._.order_date > ibis.date(2023, 8, 7))
    found = hand_picked.measured(RAN, targeted(names("t", 100)), past(later), book)
    assert found["grade_reason"].tolist() == ["before_data"]


def test_without_a_model_there_is_no_grade_b(book: Settings) -> None:
    def pace(days: ir.Table, day: date, length: int) -> Expected:
        return Expected(alike(days, day, length).customers, "pace")

    days = picked_book(0, 24)
    found = hand_picked.measured(RAN, targeted(names("t", 100)), hand_picked.Past(days, days, one_tier, pace), book)
    assert found["grade_reason"].tolist() == ["no_model"]


def test_only_campaigns_of_the_quarter_that_had_no_hold_out(book: Settings) -> None:
    table = ibis.memtable(RAN).mutate(start_date=ibis._.start_date.cast("date"), end_date=ibis._.end_date.cast("date"))
    known = hand_picked.without(table, NOTHING)
    assert known["campaign_id"].tolist() == ["7"]
    assert len(hand_picked.measured(known, targeted(names("t", 100)), past(picked_book(0, 1)), book)) == 1
    assert hand_picked.without(table, plans.frame([{"campaign_id": "7", "tier": "all"}])).empty
    late = RAN.assign(end_date=pd.Timestamp("2024-01-01"))
    assert hand_picked.measured(late, targeted(["t1"]), past(picked_book(0, 1)), book).empty
