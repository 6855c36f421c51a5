"""Campaigns read back: small books whose effects are worked out by hand, and what must lower a grade or hold it back."""

from dataclasses import dataclass
from datetime import date, timedelta

import books
import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as checks
from hypothesis import strategies as st

from crmlib.kpi.windows import Span
from crmlib.params import Settings
from crmlib.periods import Period
from crmlib.review import campaigns, grades, hand_picked
from crmlib.review.campaigns import Frozen
from crmlib.strategy import campaigns as plans
from crmlib.views import charts_effects, narrative_picked, narrative_reviews, style

RATE, MONEY, ORDERS = "window_repurchase_rate", "window_net_revenue", "window_orders"
DURING = Span(date(2023, 10, 2), date(2023, 11, 26))  # 8 weeks; the 8 before start on 7 August
BEFORE = DURING.before
NO_BREACH = pd.DataFrame({"campaign_id": pd.Series(dtype="str"), "breach": pd.Series(dtype="str")})
NOTHING = plans.frame([])


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return books.load(tmp_path_factory.mktemp("book"))  # 2023Q4


@dataclass(frozen=True)
class Expected:
    customers: ir.Table
    basis: str = "btyd"


def alike(days: ir.Table, _day: date, _days: int) -> Expected:
    """Everybody is expected to order once and spend 10, which takes nothing out of an effect."""
    return Expected(days.select("customer_id").distinct().mutate(expected_minor=10.0, expected_orders=1.0))


def shop(*rows: tuple[str, date, int, int]) -> ir.Table:
    """Purchase days: customer, day, orders, money. Someone buys early and late, so that the data cover the windows."""
    always = [("till", date(2023, 1, 1), 1, 1), ("till", date(2023, 12, 31), 1, 1)]
    frame = pd.DataFrame([*always, *rows], columns=["customer_id", "order_date", "orders", "net_minor"])
    return ibis.memtable(frame.assign(order_date=pd.to_datetime(frame["order_date"]))).mutate(
        order_date=ibis._.order_date.cast("date")
    )


def members(arms: dict[str, str], tier: str | dict[str, str] = "high", unit: dict[str, str] | None = None) -> ir.Table:
    rows = [
        ("CP1", name, tier if isinstance(tier, str) else tier[name], arm, (unit or {}).get(name, ""))
        for name, arm in arms.items()
    ]
    names = ("campaign_id", "customer_id", "tier", "arm", "drawn_unit")
    return ibis.memtable(pd.DataFrame(rows, columns=names).astype("object"), schema=dict.fromkeys(names, "string"))


def planned(kpi: str = RATE, target: float = 0.15, **changes: object) -> Frozen:
    return Frozen("CP1", kpi, DURING, target, target / 2, **changes)  # type: ignore[arg-type]


def names(arm: str, n: int) -> list[str]:
    return [f"{arm}{i}" for i in range(n)]


def halves(n: int) -> dict[str, str]:
    return {**dict.fromkeys(names("t", n), "treated"), **dict.fromkeys(names("c", n), "hold_out")}


def bought(customers: list[str], day: date, money: int | list[int] = 100) -> list[tuple[str, date, int, int]]:
    sums = money if isinstance(money, list) else [money] * len(customers)
    return [(name, day, 1, paid) for name, paid in zip(customers, sums, strict=True)]


def review(found: pd.DataFrame, book: Settings, picked: pd.DataFrame | None = None) -> pd.DataFrame:
    """As the notebook does, with a design row per campaign."""
    rows = [
        {"campaign_id": name, "tier": "all", "campaign": "Spring", "kpi": RATE, "kpi_unit": "rate", "provenance": "actual",
         "strategy_id": "ST1", "start_date": pd.Timestamp(DURING.start), "end_date": pd.Timestamp(DURING.end)}
        for name in dict.fromkeys(found["campaign_id"] if len(found) else [])
    ]  # fmt: skip
    return grades.reviews(found, pd.DataFrame() if picked is None else picked, plans.frame(rows), NO_BREACH, book)


def golden(hits: int = 75, hits_c: int = 60) -> ir.Table:
    """Of 100 treated and 100 held out so many order in the window; 50 of either did in the window before."""
    return shop(
        *bought(names("t", hits), DURING.start),
        *bought(names("c", hits_c), DURING.end),
        *bought(names("t", 50) + names("c", 50), BEFORE.start),
        *bought(names("t", 100), DURING.end + timedelta(days=1)),
        ("t99", DURING.start, 0, -50),  # a return is no order
    )


def test_a_rate_with_its_golden_interval_grade_and_verdict(book: Settings) -> None:
    """Method 3.6: 75 of 100 against 60 of 100, target .15; .60 to .75 needs 152 an arm; 75 / 50 - 1 = 50 %."""
    row = review(campaigns.measured([planned()], members(halves(100)), golden(), alike, book), book).iloc[0]
    assert (row["n_treated"], row["n_control"], row["treated_value"], row["control_value"]) == (100, 100, 0.75, 0.6)
    assert [row["effect"], row["low_effect"], row["high_effect"]] == pytest.approx([0.15, 0.0201, 0.2731], abs=1e-4)
    assert (row["evidence_grade"], row["grade_reason"], row["verdict"]) == ("A", "randomised", "effective")
    assert (row["verdict_reason"], row["attainment"], row["needed_per_arm"]) == ("reaches_target", 1.0, 152)
    assert row["before_after_change"] == pytest.approx(0.5)
    assert row["p_value"] == row["p_adjusted"] < 0.05


@pytest.mark.parametrize(
    ("hits", "hits_c", "word"),
    [(72, 60, "inconclusive"), (40, 60, "harmful"), (90, 60, "effective"), (60, 60, "not_effective")],
)
def test_the_verdicts_of_a_hundred_an_arm(book: Settings, hits: int, hits_c: int, word: str) -> None:
    """60 against 60 rules out 15 points, but not 7.5 of them: only the wider target is out of reach."""
    target = 0.3 if word == "not_effective" else 0.15
    found = campaigns.measured([planned(target=target)], members(halves(100)), golden(hits, hits_c), alike, book)
    assert review(found, book)["verdict"].tolist() == [word]


def two_tiers() -> tuple[ir.Table, ir.Table]:
    """high: 100 treated spend 30 or 50, 100 held out 20 or 40; general: 100 and 200, spending 60 or 80 and 65 or 85."""
    arms = {**halves(100), **dict.fromkeys(names("u", 100), "treated"), **dict.fromkeys(names("d", 200), "hold_out")}
    tier = {name: "high" if name[0] in "tc" else "general" for name in arms}
    days = shop(
        *bought(names("t", 100), DURING.start, [30, 50] * 50),
        *bought(names("c", 100), DURING.start, [20, 40] * 50),
        *bought(names("u", 100), DURING.end, [60, 80] * 50),
        *bought(names("d", 200), DURING.end, [65, 85] * 100),
    )
    return members(arms, tier), days


def test_tiers_are_compared_within_and_add_up(book: Settings) -> None:
    """+10 in 200 customers and -5 in 300: 10 x .4 - 5 x .6 = 1. Spread 10 within each arm, s² = 100 n / (n - 1)."""
    listed, days = two_tiers()
    found = review(campaigns.measured([planned(MONEY, 8.0)], listed, days, alike, book), book)
    assert found["tier"].tolist() == ["all", "high", "general"]
    assert found["effect"].tolist() == pytest.approx([1.0, 10.0, -5.0])
    s100, s200 = 100 / 99, 100 * 200 / 199 / 200
    error = np.sqrt(0.4**2 * (s100 + s100) + 0.6**2 * (s100 + s200))
    assert found["high_effect"][0] == pytest.approx(1 + 1.965 * error, abs=0.01)
    assert found["verdict"].tolist() == ["not_effective", "effective", "harmful"]
    assert found.loc[0, ["n_treated", "n_control"]].tolist() == [200, 300]


def test_what_was_expected_is_taken_out_of_money_only(book: Settings) -> None:
    """Spend is what was expected, 0 to 99, and 5 more for the treated, who were expected to spend 3 more."""
    treated, held = names("t", 100), names("c", 100)
    worth = {**{n: i + 3 for i, n in enumerate(treated)}, **{n: i for i, n in enumerate(held)}}
    noise = [2, -2] * 50
    days = shop(
        *bought(treated, DURING.start, [worth[n] + 5 + e for n, e in zip(treated, noise, strict=True)]),
        *bought(held, DURING.start, [worth[n] + e for n, e in zip(held, noise, strict=True)]),
    )
    asked: list[tuple[date, int]] = []

    def known(_days: ir.Table, day: date, length: int) -> Expected:
        asked.append((day, length))
        return Expected(
            ibis.memtable({"customer_id": list(worth), "expected_minor": [float(v) for v in worth.values()]})
        )

    found = review(campaigns.measured([planned(MONEY, 5.0)], members(halves(100)), days, known, book), book).iloc[0]
    assert asked == [(date(2023, 10, 1), 56)]
    assert found["treated_value"] - found["control_value"] == pytest.approx(8.0)
    assert found["effect"] == pytest.approx(5.0, abs=0.1) and found["explained_share"] > 0.95
    campaigns.measured([planned(RATE)], members(halves(100)), days, known, book)
    assert len(asked) == 1


def test_expected_orders_are_taken_out_of_orders(book: Settings) -> None:
    """Orders are what was expected, 0 to 9, and 2 more for the treated, who were expected to order once more.

    The slope on what was expected, over both arms: (8.25 + .125 + 3 / 4) / (8.25 + 1 / 4) = 1.0735, so 3 - 1.0735.

    Every fourth ordered once more: 4.5 + .25 held out, 4.5 + .25 + 3 treated, who ordered 2 each in the window before.
    """
    treated, held = names("t", 100), names("c", 100)
    worth = {**{n: i % 10 + 1 for i, n in enumerate(treated)}, **{n: i % 10 for i, n in enumerate(held)}}
    noise = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1] * 5
    now = {**{n: worth[n] + 2 for n in treated}, **{n: worth[n] for n in held}}
    counts = {n: now[n] + e for n, e in zip([*treated, *held], noise * 2, strict=True)}
    days = shop(
        *((name, DURING.start, n, 50) for name, n in counts.items()),
        *((name, BEFORE.start, 2, 50) for name in treated),
    )

    def foretold(_days: ir.Table, _day: date, _length: int) -> Expected:
        expected = {"expected_orders": [float(v) for v in worth.values()], "expected_minor": [7.0] * 200}
        return Expected(ibis.memtable({"customer_id": list(worth), **expected}))

    row = campaigns.measured([planned(ORDERS, 2.0)], members(halves(100)), days, foretold, book).iloc[0]
    assert (row["treated_value"], row["control_value"]) == (7.75, 4.75)
    assert row["effect"] == pytest.approx(3 - 9.125 / 8.5)
    assert row["explained_share"] == pytest.approx(9.125**2 / (8.5 * 10.9375))
    assert row["before_after_change"] == pytest.approx(7.75 / 2 - 1)
    assert (row["evidence_grade"], row["needed_per_arm"]) == ("A", 100)


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


def review_of(row: pd.Series) -> pd.DataFrame:
    return pd.DataFrame([row.to_dict()])


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


@pytest.mark.parametrize("kpi", [RATE, MONEY, ORDERS])
def test_summed_up_in_the_engine_the_figures_are_the_same(
    book: Settings, monkeypatch: pytest.MonkeyPatch, kpi: str
) -> None:
    listed, days = two_tiers()
    days = days.union(shop(*bought(names("t", 60), BEFORE.start, list(range(60)))))
    days = days.union(shop(*((name, DURING.start, n % 3, 0) for n, name in enumerate(names("c", 90)))))

    def varied(table: ir.Table, _day: date, _days: int) -> Expected:
        person = table.group_by("customer_id").aggregate(n=ibis._.net_minor.sum())
        foretold = (ibis._.n % 13).cast("float64")
        return Expected(person.select("customer_id", expected_minor=foretold, expected_orders=foretold))

    one = [planned(kpi, 5.0 if kpi == MONEY else 0.1)]
    moved = campaigns.measured(one, listed, days, varied, book)
    monkeypatch.setattr(campaigns, "MOVED", 0)
    summed = campaigns.measured(one, listed, days, varied, book)
    assert (moved["explained_share"] > 0).any() == (kpi != RATE)
    pd.testing.assert_frame_equal(moved.drop(columns="p_value"), summed.drop(columns="p_value"), rtol=1e-9)


@checks(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**16))
def test_the_order_of_rows_changes_nothing(book: Settings, seed: int) -> None:
    listed, days = two_tiers()
    rng = np.random.default_rng(seed)
    mixed = [
        ibis.memtable(t.to_pyarrow().take(rng.permutation(t.count().to_pyarrow().as_py()))) for t in (listed, days)
    ]
    found = [
        review(campaigns.measured([planned(MONEY, 8.0)], *pair, alike, book), book) for pair in ((listed, days), mixed)
    ]
    pd.testing.assert_frame_equal(*found)


# -------------------------------------------------------------------------------------------------- picked by hand

RAN = pd.DataFrame(
    {
        "campaign_id": ["7"],
        "campaign_kind": ["Type A"],
        "start_date": pd.to_datetime([DURING.start]),
        "end_date": pd.to_datetime([DURING.end]),
    }
)


def one_tier(days: ir.Table, _known: ir.Table, _period: object, _settings: Settings) -> ir.Table:
    return days.select("customer_id").distinct().mutate(tier=ibis.literal("high"), state=ibis.literal("active"))


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


def past(days: ir.Table) -> hand_picked.Past:
    return hand_picked.Past(days, days, one_tier, alike)


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


# -------------------------------------------------------------------------------------------------- what is said


def test_a_book_without_campaigns_says_so(book: Settings) -> None:
    found = review(
        pd.DataFrame(), book, hand_picked.measured(hand_picked.without(None, NOTHING), None, past(shop()), book)
    )
    assert found.empty
    for lang, words in (("en", "No campaign"), ("zh", "活动")):
        assert words in narrative_reviews.held_out(found, lang, book.book).text
        assert words in narrative_picked.picked_by_hand(found, lang, book.book).text
        for chart in (charts_effects.effects, charts_effects.gaps):
            assert style.picture(chart(found, lang, book.book)).is_empty


def test_a_frozen_file_that_cannot_be_read_does_not_vanish(book: Settings) -> None:
    breaches = pd.DataFrame({"campaign_id": ["CP9"], "breach": ["unreadable"]})
    found = grades.reviews(pd.DataFrame(), pd.DataFrame(), NOTHING, breaches, book)
    assert found[["campaign_id", "evidence_grade", "grade_reason", "verdict"]].to_numpy().tolist() == [
        ["CP9", "C", "unreadable", "not_measured"]
    ]
    assert (
        "CP9 cannot be measured: the frozen file cannot be read"
        in narrative_reviews.held_out(found, "en", book.book).text
    )


@pytest.mark.parametrize(
    ("provenance", "hits", "ending"),
    [("illustrative", 62, "and rightly none is found."), ("illustrative", 85, "a false alarm"), ("actual", 62, "not attributed")],
)  # fmt: skip
def test_equal_groups_check_the_method(book: Settings, provenance: str, hits: int, ending: str) -> None:
    found = campaigns.measured([planned()], members(halves(100)), golden(hits, 60), alike, book)
    said = narrative_reviews.held_out(review(found, book).assign(provenance=provenance), "en", book.book).text
    assert ending in said[-150:]
    assert ("About 152 customers per arm" in said) == (hits == 62)


def test_charts_name_the_verdict_in_words(book: Settings) -> None:
    found = review(campaigns.measured([planned()], members(halves(100)), golden(), alike, book), book)
    assert style.picture(charts_effects.effects(found, "en", book.book)).alt == (
        "CP1: 15.0 points (2.0 points to 27.3 points) per customer: effective"
    )
    several = pd.concat([found, found.assign(campaign_id="CP2", verdict="inconclusive")], ignore_index=True)
    assert charts_effects.effects(several, "zh", book.book).get_title(loc="left").replace("\n", "") == (
        "2个设对照组的活动中，1个有效，0个无效，1个无法判断"
    )
