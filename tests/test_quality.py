"""Data quality by hand: fields, rules, coverage, drift, the score that problems add up to, contacts, and what is said."""

from datetime import date, timedelta
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import schema
from crmlib.collect import consistency, coverage, drift, inventory, quality, quality_score
from crmlib.io import engine
from crmlib.params import Book, Quality
from crmlib.periods import Period
from crmlib.views import charts_quality, narrative_quality, style

Q4 = Period(2023, 4)
CNY = Book(name_en="Tiny", name_zh="小账套", currency="CNY")


def table(**columns: Any) -> ibis.Table:
    return ibis.memtable(pa.table(columns))


def texts(*values: str | None) -> pa.Array:
    return pa.array(values, pa.string())


def days(*values: str | None) -> pa.Array:
    return pa.array([date.fromisoformat(v) if v else None for v in values], pa.date32())


def orders() -> ibis.Table:
    """Five lines of A, B and X; X is in no customer file, p2 has no category, p9 is no product, one sign is wrong."""
    return table(
        order_id=["1", "2", "3", "4", "5"],
        customer_id=["A", "A", "B", "X", "X"],
        order_date=days("2023-07-10", "2023-10-02", "2023-11-20", "2023-12-29", "2024-01-05"),
        net_minor=pa.array([1000, 300, -50, 700, 9000]),
        product_id=texts("p1", "p2", "p1", None, "p9"),
        quantity=[1.0, 3.0, 1.0, 7.0, 9.0],
    )


def customers() -> ibis.Table:
    return table(
        customer_id=["A", "B", "Z"],
        founded_date=days("2023-07-11", None, "2001-01-01"),
        contact_phone=texts("***11", None, "***12"),
        contact_mail=texts(None, None, "a***@***.cn"),
        contact_verified_date=days("2023-10-01", "2023-09-30", "2024-01-01"),
        consent=texts("是", "Opt-out", "perhaps"),
    )


def book() -> dict[str, ibis.Table]:
    return {
        "orders": orders(),
        "customers": customers(),
        "products": table(product_id=["p1", "p2"], category=texts("tea", None)),
        "campaigns": table(
            campaign_id=["c1", "c2"],
            start_date=days("2023-10-01", "2023-11-10"),
            end_date=days("2023-10-31", "2023-11-01"),
        ),
        "redemptions": table(
            campaign_id=["c1", "c1", "c7"],
            customer_id=["A", "A", "A"],
            redemption_date=days("2023-10-31", "2023-11-01", "2023-11-01"),
        ),
        "tickets": table(
            ticket_id=["t1", "t2"],
            customer_id=["A", "Q"],
            opened_at=pd.to_datetime(["2023-11-05 10:00", "2023-11-05 10:00"]),
            closed_at=pd.to_datetime(["2023-11-05 09:59", None]),
        ),
    }


def seen() -> dict[str, ibis.Table]:
    return coverage.seen(book(), Q4)


COUNTS = pd.DataFrame(
    [
        ("orders", "net_amount", 6, 6, 1),
        ("orders", "product_id", 6, 5, 0),
        ("customers", "customer_id", 3, 3, 0),
        ("customers", "contact_phone", 3, 2, 0),
        ("customers", "contact_verified_date", 3, 3, 0),
    ],
    columns=["source", "field", "rows", "filled", "unreadable"],
)


# fields


def test_a_field_is_filled_readable_and_distinct():
    found = quality.fields(COUNTS, book()).set_index(["source", "field"])
    net = found.loc[("orders", "net_amount")]
    assert (net["complete_share"], net["valid_share"], net["distinct_values"]) == (1, 5 / 6, 5)
    product = found.loc[("orders", "product_id")]
    assert (product["complete_share"], product["distinct_values"], product["unique_share"]) == (5 / 6, 3, 3 / 5)


def test_masked_fields_are_told_apart_before_they_were_masked():
    """Two phones that look alike when masked are two values."""
    contacts = table(customer_id=["A", "B", "Z"], contact_phone=texts("13800000011", None, "13900000011"))
    masked = book() | {"customers": customers().mutate(contact_phone=ibis.literal("***11"))}
    found = quality.fields(COUNTS, masked, contacts).set_index(["source", "field"])
    assert found.loc[("customers", "contact_phone"), "distinct_values"] == 2


def test_empty_cells_cost_their_customers_money():
    counts = quality.fields(COUNTS, book())
    spend = consistency.customer_spend(seen()["orders"])
    found = quality.empty_cells(seen(), spend, counts).set_index(["source", "field"])
    assert found.loc[("customers", "contact_phone")].tolist() == [1, -50]
    assert found.loc[("orders", "product_id")].tolist() == [1, 700]


# rules


def test_each_rule_by_hand():
    """The order of 2024 is not seen: X has one line of 700."""
    tables = seen()
    found = consistency.rules(tables, consistency.customer_spend(tables["orders"]), Q4)
    rows = found.set_index(["source", "rule"])[["checked_rows", "rows", "customers", "net_minor"]].astype("Int64")
    got = {key: [None if pd.isna(v) else int(v) for v in row] for key, row in zip(rows.index, rows.values, strict=True)}
    assert got == {
        ("campaigns", "ends_before_start"): [2, 1, None, None],
        ("customers", "founded_after_order"): [3, 1, 1, 1300],
        ("customers", "unreachable"): [3, 1, 1, -50],
        ("customers", "verified_in_future"): [3, 1, 1, 0],
        ("orders", "no_category"): [4, 2, None, 1000],
        ("orders", "not_in_customers"): [4, 1, 1, 700],
        ("orders", "sign_differs"): [4, 1, 1, -50],
        ("redemptions", "redeemed_outside"): [3, 1, 1, None],
        ("redemptions", "unknown_campaign"): [3, 1, 1, None],
        ("redemptions", "unknown_customer"): [3, 0, 0, None],
        ("tickets", "closed_before_opened"): [2, 1, 1, None],
        ("tickets", "unknown_customer"): [2, 1, 1, None],
    }
    assert found["advice"].isin(schema.WORDS).all() and found["rule"].isin(schema.WORDS).all()


def test_a_book_of_orders_only_has_no_rule_to_break():
    tables = {"orders": orders().drop("product_id", "quantity")}
    assert consistency.rules(tables, consistency.customer_spend(orders()), Q4).empty


# coverage


def daily(source: str, *found: date) -> pd.DataFrame:
    return pd.DataFrame({"source": source, "day": pd.to_datetime(list(found)), "rows": 1})


def working_days(first: date, last: date, closed: set[int]) -> list[date]:
    every = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [day for day in every if day.weekday() not in closed]


def test_a_shop_closed_on_sundays_misses_none_and_a_silent_week_is_a_gap():
    week = {date(2023, 11, 6) + timedelta(days=n) for n in range(7)}
    found = [d for d in working_days(date(2023, 7, 3), date(2023, 12, 28), {6}) if d not in week]
    gaps = coverage.gaps(daily("orders", *found), Q4)
    assert gaps[["start_date", "end_date", "missing_days"]].astype(str).values.tolist() == [
        ["2023-11-06", "2023-11-11", "6"],
        ["2023-12-29", "2023-12-30", "2"],
    ]
    weeks = coverage.weeks(daily("orders", *found), gaps, coverage.stores(orders(), Q4), Q4).set_index("start_date")
    assert weeks.loc["2023-11-06", ["rows", "active_days", "missing_days"]].tolist() == [0, 0, 6]
    assert weeks.loc["2023-11-13", ["rows", "active_days", "missing_days"]].tolist() == [6, 6, 0]
    assert weeks["active_days"].sum() == len(found) and weeks["missing_days"].sum() == 8


def test_a_source_without_rhythm_has_no_missing_days():
    now_and_then = [date(2023, 7, 3), date(2023, 8, 11), date(2023, 11, 30)]
    assert coverage.gaps(daily("surveys", *now_and_then), Q4).empty


def test_a_store_without_rows_in_between_is_missing():
    stores = pd.DataFrame({
        "start_date": pd.to_datetime(["2023-11-06", "2023-11-06", "2023-11-13", "2023-11-20", "2023-11-20"]),
        "store_id": ["s1", "s2", "s1", "s1", "s2"],
    })  # fmt: skip
    found = daily("orders", *working_days(date(2023, 11, 6), date(2023, 11, 26), set()))
    weeks = coverage.weeks(found, coverage.gaps(found, Q4), stores, Q4).set_index("start_date")
    assert weeks.loc["2023-11-06":"2023-11-20", "missing_stores"].tolist() == [0, 1, 0]
    assert weeks.loc["2023-11-06":"2023-11-20", "stores"].tolist() == [2, 1, 2]


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        (date(2023, 10, 8), date(2023, 12, 24), ""),
        (date(2023, 10, 9), date(2023, 12, 31), "starts_late"),
        (date(2023, 10, 1), date(2023, 12, 23), "ends_early"),
        (date(2023, 11, 1), date(2023, 11, 2), "starts_late_ends_early"),
    ],
)
def test_a_quarter_is_partial_when_orders_keep_away_from_its_ends_for_more_than_a_week(first, last, reason):
    row = coverage.quarters(daily("orders", first, last), Q4, 7).iloc[-1]
    assert (row["partial_reason"], row["is_partial_quarter"], row["active_days"]) == (reason, bool(reason), 2)


def test_quarters_of_the_book_from_the_first_order_on():
    found = coverage.quarters(daily("orders", date(2022, 12, 1), date(2022, 12, 31), date(2023, 9, 30)), Q4, 7)
    assert found["period"].tolist() == ["2022Q4", "2023Q1", "2023Q2", "2023Q3", "2023Q4"]
    assert found["partial_reason"].tolist() == ["starts_late", "no_orders", "no_orders", "starts_late", "no_orders"]
    cut = Period(2023, 4, date(2023, 11, 9))
    last = coverage.quarters(daily("orders", date(2023, 10, 1), date(2023, 11, 9)), cut, 7).iloc[-1]
    assert (last["partial_reason"], last["calendar_days"]) == ("cut", 40)


def test_rows_after_the_quarter_are_not_counted():
    counted = coverage.days(book(), Q4)
    assert counted.loc[counted["source"] == "orders", "rows"].sum() == 4
    assert counted.loc[counted["source"] == "customers", "day"].max() == pd.Timestamp("2023-10-01")


# drift


def by_quarter(rows: dict[str, int]) -> pd.DataFrame:
    frame = pd.DataFrame({"period": list(rows), "rows": list(rows.values())})
    return frame.assign(row_class="sale", customers=frame["rows"], net_minor=frame["rows"] * 100)


def quarters(*names: str, partial: tuple[str, ...] = ()) -> pd.DataFrame:
    return pd.DataFrame({"period": names, "is_partial_quarter": [name in partial for name in names]})


def rows_of(found: pd.DataFrame) -> pd.Series:
    return found[found["aspect"] == "aspect_rows"].iloc[0]


def test_a_level_is_judged_by_the_book_s_own_earlier_changes():
    """Earlier ratios 1.2, 0.5 and 2: a fall to 0.6 is usual here, one to 0.4 is not."""
    names = ["2022Q4", "2023Q1", "2023Q2", "2023Q3", "2023Q4"]
    counts = dict(zip(names, [100, 120, 60, 120, 72], strict=True))
    row = rows_of(drift.orders(by_quarter(counts), quarters(*names), Q4))
    assert (row["basis"], row["usual_low"], row["usual_high"], row["shift"]) == ("basis_range", 0.5, 2.0, 0.6)
    assert not row["is_notable"]
    assert rows_of(drift.orders(by_quarter(counts | {"2023Q4": 48}), quarters(*names), Q4))["is_notable"]


def test_a_young_book_is_judged_by_a_quarter_more_or_less_and_a_partial_quarter_not_at_all():
    counts = by_quarter({"2023Q3": 100, "2023Q4": 126})
    row = rows_of(drift.orders(counts, quarters("2023Q3", "2023Q4"), Q4))
    assert (row["basis"], row["is_notable"]) == ("basis_thumb", True)
    row = rows_of(drift.orders(counts, quarters("2023Q3", "2023Q4", partial=("2023Q3",)), Q4))
    assert (row["basis"], row["is_notable"]) == ("basis_partial", False)


def test_the_stability_index_by_hand():
    """0.98 -> 0.90: 0.08 ln(0.98 / 0.90) + 0.08 ln(0.10 / 0.02) = 0.0068 + 0.1288."""
    assert drift.index(0.98, 0.90) == pytest.approx(0.1356, abs=1e-4)
    assert drift.index(0.5, 0.5) == 0
    filled = pd.DataFrame({"source": ["customers"], "field": ["consent"], "complete_share": [0.90]})
    found = drift.fields(filled, filled.assign(complete_share=0.98))
    assert found[["before", "now", "is_notable"]].values.tolist() == [[0.98, 0.90, True]]
    assert drift.fields(filled, None).empty


def test_row_classes_are_counted_by_quarter():
    classed = orders().mutate(row_class=ibis.cases((ibis._.net_minor < 0, "return"), else_="sale"))
    found = drift.quarterly(classed)
    assert found[["period", "row_class", "rows", "net_minor"]].values.tolist() == [
        ["2023Q3", "sale", 1, 1000],
        ["2023Q4", "return", 1, -50],
        ["2023Q4", "sale", 2, 1000],
        ["2024Q1", "sale", 1, 9000],
    ]
    shares = drift.orders(found, quarters("2023Q3", "2023Q4"), Q4)
    returns = shares[shares["part"] == "return"].iloc[0]
    assert (returns["before"], returns["now"]) == (0, 1 / 3)


# score


def evidence(**changes: Any) -> quality_score.Evidence:
    nothing = pd.DataFrame({"source": [], "field": [], "reason": [], "rows": [], "customers": [], "net_minor": []})
    intake = pd.DataFrame({"source": ["orders"], "rows": 10, "repeated": 0, "net_minor_repeated": 0})
    counts = pd.DataFrame(
        {"source": "orders", "field": ["order_id", "store_id"], "rows": 10, "filled": 10, "unreadable": 0}
    )
    parts: dict[str, Any] = {
        "fields": quality.fields(counts, {}),
        "empty": nothing[["source", "field", "customers", "net_minor"]],
        "intake": intake,
        "set_aside": nothing,
        "rules": pd.DataFrame(columns=schema.TABLES["consistency"].columns),
        "days": daily("orders", date(2023, 12, 31)),
        "gaps": pd.DataFrame({"source": [], "missing_days": []}),
        "contacts": pd.DataFrame(columns=schema.TABLES["contact_states"].columns),
        "matches": pd.DataFrame(columns=schema.TABLES["match_proposals"].columns),
    }
    return quality_score.Evidence(**parts | changes)


def overall(found: quality_score.Evidence) -> tuple[float, pd.DataFrame]:
    losses = quality_score.losses(found, Q4)
    return quality_score.scores(losses, found, Q4)["quality_score"].iloc[0], quality_score.problems(losses)


def test_perfect_data_score_100():
    score, problems = overall(evidence())
    assert score == 100 and problems.empty


def test_points_by_hand():
    """Weights 25 + 25 + 15 + 15 = 80 without a rule: a needed field (3 of 4) that is 40 % empty loses 0.3 * 25 / 80."""
    fields = evidence().fields.assign(filled=[6, 10], complete_share=[0.6, 1.0])
    score, problems = overall(evidence(fields=fields))
    assert score == pytest.approx(100 - 100 * 0.3 * 25 / 80)
    assert problems[["source", "field", "problem", "rows"]].values.tolist() == [
        ["orders", "order_id", "field_empty", 4]
    ]


def test_rows_set_aside_cost_their_money():
    aside = pd.DataFrame({
        "source": "orders", "field": ["row", "order_date"], "reason": ["duplicate", "future_date"], "rows": [1, 2],
        "customers": [1, 2], "net_minor": [500, 700],
    })  # fmt: skip
    score, problems = overall(evidence(set_aside=aside))
    assert problems[["problem", "rows", "customers", "net_minor"]].values.tolist() == [
        ["rows_unusable", 2, 2, 700],
        ["rows_repeated", 1, 1, 500],
    ]
    assert score == pytest.approx(100 - 100 * (0.2 * 25 + 0.1 * 15) / 80)


def test_old_data_lose_freshness_after_a_week_and_all_of_it_after_a_quarter():
    for newest, lost in ((date(2023, 12, 24), 0.0), (date(2023, 9, 30), 1.0), (date(2022, 1, 1), 1.0)):
        found = evidence(days=daily("orders", newest))
        losses = quality_score.losses(found, Q4)
        assert losses.loc[losses["problem"] == "not_fresh", "lost"].tolist() == [lost]


def test_pairs_that_may_be_one_count_each_customer_once():
    matches = pd.DataFrame({
        "customer_id": ["A", "A"], "other_id": ["B", "C"], "lifetime_minor": [100, 100], "other_lifetime_minor": [20, 3],
    })  # fmt: skip
    row = overall(evidence(matches=matches))[1].iloc[0]
    assert (row["problem"], row["customers"], row["net_minor"]) == ("possible_duplicates", 3, 123)


@settings(max_examples=50)
@given(
    filled=st.lists(st.integers(0, 10), min_size=2, max_size=2),
    unreadable=st.integers(0, 10),
    copies=st.integers(0, 10),
    missing=st.integers(0, 20),
    age=st.integers(0, 400),
)
def test_score_and_points_lost_add_to_100(filled, unreadable, copies, missing, age):
    counts = pd.DataFrame({
        "source": ["orders", "customers"], "field": ["order_id", "consent"], "rows": 10, "filled": filled,
        "unreadable": [min(unreadable, filled[0]), 0],
    })  # fmt: skip
    aside = pd.DataFrame({"source": ["customers"], "field": "customer_id", "reason": "conflict", "rows": [copies],
                          "customers": [copies], "net_minor": [None]})  # fmt: skip
    gaps = pd.DataFrame({"source": ["orders"], "missing_days": [missing]})
    intake = pd.DataFrame({"source": ["orders", "customers"], "rows": 10, "repeated": 0, "net_minor_repeated": 0})
    found = evidence(
        intake=intake,
        fields=quality.fields(counts, {}),
        set_aside=aside,
        gaps=gaps,
        days=daily("orders", date(2023, 12, 31) - timedelta(days=age)),
    )
    score, problems = overall(found)
    assert score + problems["points_lost"].sum() == pytest.approx(100)
    assert 0 <= score <= 100


# contacts


def file() -> ibis.Table:
    bought = table(
        customer_id=["A", "B"], order_date=days("2023-10-02", "2023-11-20"), orders=pa.array([1, 0]),
        net_minor=pa.array([1300, -50]),
    )  # fmt: skip
    return inventory.inventory(inventory.customers(customers(), bought), bought, Q4, 91)


def test_contacts_are_fresh_for_so_many_days_and_a_date_to_come_is_no_check():
    """2023-10-01 is 91 days before the end of the year, 2023-09-30 is 92."""
    found = engine.frame(file().order_by("customer_id"))
    assert found["contact_state"].tolist() == ["verified", "stale", "never"]
    assert found["consent"].tolist() == ["given", "withdrawn", "unknown"]
    listed = engine.frame(inventory.stale_contacts(file(), Q4))
    assert listed[["customer_id", "age_days"]].values.tolist() == [["Z", -1], ["B", 92]]
    states = engine.frame(inventory.contact_states(file()))
    assert states["customers"].sum() == 3 and states["lifetime_minor"].sum() == 1250


def test_absent_fields_stay_absent():
    bought = table(customer_id=["A"], order_date=days("2023-10-02"), orders=pa.array([1]), net_minor=pa.array([5]))
    found = engine.frame(inventory.inventory(inventory.customers(None, bought), bought, Q4, 92)).iloc[0]
    assert found[["contact_state", "consent", "contact_mail", "region", "tax_id"]].isna().all()


def test_customers_found_to_be_one_keep_one_row_and_the_withdrawn_consent():
    twice = table(
        customer_id=["A", "A", "B"],
        contact_phone=texts(None, "***11", None),
        consent=texts("yes", "no", "yes"),
        contact_verified_date=days("2023-12-01", "2023-01-01", None),
    )
    bought = table(customer_id=["A"], order_date=days("2023-10-02"), orders=pa.array([1]), net_minor=pa.array([5]))
    found = engine.frame(inventory.customers(twice, bought).order_by("customer_id"))
    assert found["customer_id"].tolist() == ["A", "B"]
    row = found.iloc[0]
    assert (row["contact_phone"], row["consent"], str(row["contact_verified_date"].date())) == (
        "***11", "withdrawn", "2023-12-01")  # fmt: skip


# views


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_findings_are_said_and_drawn_in_both_languages(lang):
    tables = seen()
    spend = consistency.customer_spend(tables["orders"])
    counted = coverage.days(tables, Q4)
    gaps = coverage.gaps(daily("orders", *working_days(date(2023, 7, 3), date(2023, 11, 30), {6})), Q4)
    fields = quality.fields(COUNTS, tables)
    intake = pd.DataFrame({"source": ["orders", "customers"], "file": ["o", "c"], "rows": [6, 3], "accepted": [5, 3],
                           "quarantined": [1, 0], "repeated": [0, 0], "net_minor_rows": [10950, 0], "net_minor_accepted": [10950, 0],
                           "net_minor_quarantined": [0, 0], "net_minor_repeated": [0, 0]})  # fmt: skip
    states = engine.frame(inventory.contact_states(file()))
    found = evidence(
        fields=fields, intake=intake, rules=consistency.rules(tables, spend, Q4), days=counted, contacts=states,
        empty=quality.empty_cells(tables, spend, fields), gaps=gaps,
    )  # fmt: skip
    losses = quality_score.losses(found, Q4)
    scores, problems = quality_score.scores(losses, found, Q4), quality_score.problems(losses)
    assert scores["source"].iloc[0] == "all" and list(scores.columns) == list(schema.TABLES["data_quality"].columns)
    weeks = coverage.weeks(counted, gaps, coverage.stores(orders(), Q4), Q4)
    parts = coverage.quarters(counted, Q4, 7)
    changes = drift.table(drift.orders(drift.quarterly(tables["orders"]), quarters("2023Q3", "2023Q4"), Q4))
    drawn = [
        charts_quality.scores(scores, lang), charts_quality.coverage(weeks, lang), charts_quality.drift(changes, lang),
        charts_quality.intake(intake, lang), charts_quality.contacts(states, lang),
    ]  # fmt: skip
    said = [
        narrative_quality.intake(intake, lang, CNY), narrative_quality.partial_quarters(parts, lang),
        narrative_quality.gaps(gaps, lang), narrative_quality.score(scores, lang),
        narrative_quality.worst(problems, lang, CNY), narrative_quality.drift(changes, lang),
        narrative_quality.contacts(states, lang, Quality()), narrative_quality.matches(3, 20, lang),
    ]  # fmt: skip
    alts = [style.picture(ax).alt for ax in drawn]
    texts = [str(sentence) for sentence in said] + alts
    assert all(texts)
    assert all(any("\u4e00" <= sign <= "\u9fff" for sign in text) == (lang == "zh") for text in texts)
    partial = {
        "en": "Partial quarters: 2023Q3 (10 Jul 2023 to 10 Jul 2023",
        "zh": "不完整的季度：2023Q3（2023年7月10日至2023年7月10日",
    }
    assert texts[1].startswith(partial[lang])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_nothing_is_stated(lang):
    empty = {name: pd.DataFrame(columns=schema.TABLES[name].columns) for name in
             ("data_quality", "coverage_weeks", "drift", "contact_states", "data_problems", "coverage_gaps")}  # fmt: skip
    for draw, name in ((charts_quality.scores, "data_quality"), (charts_quality.coverage, "coverage_weeks"),
                       (charts_quality.drift, "drift"), (charts_quality.contacts, "contact_states")):  # fmt: skip
        assert style.picture(draw(empty[name], lang)).alt
    assert str(narrative_quality.worst(empty["data_problems"], lang, CNY))
    assert str(narrative_quality.gaps(empty["coverage_gaps"], lang))
    assert str(narrative_quality.matches(0, 10, lang))
