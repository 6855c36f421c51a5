"""Data quality by hand: fields, rules, the score that problems add up to, and what is said."""

from datetime import date, timedelta
from typing import Any

import ibis
import pandas as pd
import pytest
from faulty_book import Q4, book, customers, daily, days, file, orders, quarters, seen, table, texts, working_days
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import schema
from crmlib.collect import concentration, consistency, coverage, drift, inventory, quality, quality_score, waterfall
from crmlib.io import engine
from crmlib.params import Book, Quality
from crmlib.views import charts_quality, narrative_quality, style

CNY = Book(name_en="Tiny", name_zh="小账套", currency="CNY")

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


def spent(lines: ibis.Table) -> ibis.Table:
    return consistency.customer_spend(waterfall.by_customer(lines.mutate(row_class=ibis.literal("sale")), Q4))


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
    spend = spent(seen()["orders"])
    found = quality.empty_cells(seen(), spend, counts).set_index(["source", "field"])
    assert found.loc[("customers", "contact_phone")].tolist() == [1, -50]
    assert found.loc[("orders", "product_id")].tolist() == [1, 700]


# rules


def test_each_rule_by_hand():
    """The order of 2024 is not seen: X has one line of 700."""
    tables = seen()
    found = consistency.rules(tables, spent(tables["orders"]), Q4)
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


def alone(rows: list[tuple], **more: Any) -> pd.DataFrame:
    names = ["customer_id", "order_id", "order_date", "product_id", "net_minor", "row_class"]
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    lines = table(**{**columns, "order_date": days(*columns["order_date"])}, **more)
    found = consistency.rules({"orders": lines}, spent(lines), Q4)
    return found[found["rule"] == "returns_alone"].reset_index(drop=True)


def test_returns_that_undo_no_sale_are_told_where_they_are_many():
    """B's returns are of an order that sells nothing, of products that B bought later or never: 60 of 100 returned."""
    rows = [
        ("A", "1", "2023-10-01", "p1", 500, "sale"),
        ("A", "2", "2023-10-05", "p1", -30, "return"),  # bought before
        ("A", "3", "2023-10-06", "p2", -10, "return"),  # beside a sale of the same order
        ("A", "3", "2023-10-06", "p1", 10, "sale"),
        ("B", "4", "2023-10-07", "p1", -40, "return"),
        ("B", "4", "2023-10-07", "p3", -20, "return"),
        ("B", "5", "2023-10-08", "p1", 40, "sale"),
        ("C", "6", "2023-10-08", "p1", -70, "cancellation"),
    ]
    row = alone(rows).iloc[0]
    assert row[["checked_rows", "rows", "customers", "net_minor"]].tolist() == [8, 2, 1, -60]
    said = [narrative_quality.returns_alone(alone(rows), lang, CNY).text for lang in ("en", "zh")]
    assert said[0].startswith("2 returns undo no sale") and "take ¥0.60 off the sales" in said[0]
    assert "classes.kinds" in said[0] and "2行退货没有对应的销售" in said[1]
    few = alone([*rows, ("A", "7", "2023-10-09", "p1", -300, "return")])
    assert few.empty and narrative_quality.returns_alone(few, "en", CNY) is None  # 60 of 400: less than a fifth
    assert alone([*rows, ("D", "8", "2023-10-09", "p1", 1500, "sale")]).empty  # 100 of 2,050 came back: too little
    named = texts(None, None, None, None, "5", "5", None, None)
    assert alone(rows, original_order_id=named).empty  # they name the order that they undo


def test_a_book_of_orders_only_has_no_rule_to_break():
    tables = {"orders": orders().drop("product_id", "quantity")}
    assert consistency.rules(tables, spent(orders()), Q4).empty


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


def test_a_score_short_of_100_is_100_nowhere():
    """The heading of the page, the sentence and the figure round alike."""
    scores = pd.DataFrame({"source": ["all", "orders", "customers"], "quality_score": [99.97, 99.96, 100.0]})
    intake = pd.DataFrame(
        {"source": ["orders"], "rows": 10, "quarantined": 0, "net_minor_rows": 0, "net_minor_quarantined": 0}
    )
    said = [narrative_quality.score(scores, intake, "en").text, style.picture(charts_quality.scores(scores, "en")).alt]
    assert all("is 99.9 of 100" in text for text in said) and "orders with 99.9" in said[1].lower()


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


def test_a_cell_for_which_its_row_was_set_aside_costs_the_row():
    """6 of 10 rows have no order_id, 5 of them set aside: 0.5 and 3 of 4 parts of the 0.1 left, not 3 of 4 parts of 0.6."""
    fields = evidence().fields.assign(filled=[4, 10], complete_share=[0.4, 1.0])
    aside = pd.DataFrame({"source": "orders", "field": ["order_id"], "reason": ["missing"], "rows": [5],
                          "customers": [0], "net_minor": [900]})  # fmt: skip
    score, problems = overall(evidence(fields=fields, set_aside=aside))
    assert score == pytest.approx(100 - 100 * 0.575 * 25 / 80)
    assert problems[["field", "rows", "net_minor"]].values.tolist() == [["order_id", 6, 900]]
    assert (
        "touching 6 rows and ¥9.00" in narrative_quality.worst(problems, "en", CNY).text
    )  # nobody knows whose they are
    intake = pd.DataFrame({"source": ["orders", "products"], "rows": [10, 90], "quarantined": [5, 0],
                           "net_minor_rows": [1200, 0], "net_minor_quarantined": [900, 0]})  # fmt: skip
    scores = pd.DataFrame({"source": ["all"], "quality_score": [score]})
    said = {lang: narrative_quality.score(scores, intake, lang).text for lang in ("en", "zh")}
    assert said["en"].endswith("50.0% of the order rows and 75.0% of their money could not be used.")
    assert said["zh"].endswith("50.0%的订单行、75.0%的订单金额无法使用。")


def test_old_data_lose_freshness_after_a_week_and_all_of_it_after_a_quarter():
    for newest, lost in ((date(2023, 12, 24), 0.0), (date(2023, 9, 30), 1.0), (date(2022, 1, 1), 1.0)):
        found = evidence(days=daily("orders", newest))
        losses = quality_score.losses(found, Q4)
        assert losses.loc[losses["problem"] == "not_fresh", "lost"].tolist() == [lost]


def paid(*days: date, **changes: Any) -> list[float]:
    losses = quality_score.losses(evidence(days=daily("orders", *days), **changes), Q4)
    return losses.loc[losses["problem"] == "not_fresh", "lost"].tolist()


def test_a_usual_pause_is_not_old():
    """Paid on the 1st and 15th: at most 17 days from one to the next. 16 days after 15 Dec nothing is lost; without
    the two days of December 46 days have passed, 29 of 85 more than usual."""
    twice = [date(2023, month, day) for month in range(1, 13) for day in (1, 15)]
    assert paid(*twice) == [0]
    assert paid(*twice[:-2]) == pytest.approx([29 / 85])


def test_an_export_with_rows_after_the_quarter_is_not_old():
    assert paid(date(2023, 10, 1)) == [84 / 85] and paid(date(2023, 10, 1), later=["orders"]) == [0]
    assert paid(date(2023, 10, 1), later=["tickets"]) == [84 / 85]


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


# views


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_findings_are_said_and_drawn_in_both_languages(lang):
    tables = seen()
    spend = spent(tables["orders"])
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
        narrative_quality.gaps(gaps, lang), narrative_quality.score(scores, intake, lang),
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


@pytest.mark.parametrize(
    ("lang", "said", "drawn"),
    [
        ("en", "1 file of orders brought 100 rows = 60 accepted + 40 set aside + 0 repeated; their money: ¥90.00 = ¥50.00"
         " + ¥40.00 + ¥0.00. Of the other sources, 10 of 100 rows were set aside.", "60.0% of 100 order rows were accepted"),
        ("zh", "1个订单文件或数据表共100行 = 接受60 + 隔离40 + 重复0；金额：¥90.00 = ¥50.00 + ¥40.00 + ¥0.00。其他数据源共100行，其中隔离10行。",
         "100行订单数据中，60.0%被接受"),
    ],
)  # fmt: skip
def test_a_file_that_is_read_for_its_products_too_is_counted_once(lang, said, drawn):
    """Each line repeats its product: of 100 rows that are collapsed into 5 products, 85 are no repeated orders."""
    rows = {"rows": [100, 100], "accepted": [60, 5], "quarantined": [40, 10], "repeated": [0, 85]}
    money = {"rows": [9000, 0], "accepted": [5000, 0], "quarantined": [4000, 0], "repeated": [0, 0]}
    names = {"source": ["orders", "products"], "file": ["a.csv", "a.csv"]}
    intake = pd.DataFrame({**names, **rows, **{f"net_minor_{k}": v for k, v in money.items()}})
    assert str(narrative_quality.intake(intake, lang, CNY)) == said
    assert style.picture(charts_quality.intake(intake, lang)).alt == drawn


# one large part


@pytest.mark.parametrize(("line", "others", "found"), [
    (9_801, 99, [("large_line", 0.99)]), (11, 99, [("large_line", 0.1)]), (10, 99, []), (9_801, 98, []),
    (-5, 99, []), (4, 99, [("large_customer", 0.2)]),
])  # fmt: skip
def test_a_line_or_customer_of_a_tenth_of_sales_is_told(line, others, found):
    """Others bought for 1 each; of 4, the customer bought six times: 24 of 123. A refund is no sale."""
    bought = [("A", line)] * (6 if line == 4 else 1) + [(f"c{n}", 1) for n in range(others)]
    lines = table(
        customer_id=[name for name, _net in bought],
        order_date=days(*["2023-11-01"] * len(bought)),
        net_minor=[net for _name, net in bought],
        row_class=["sale" if net > 0 else "return" for _name, net in bought],
    )
    parts = concentration.large(lines, lines, Q4)
    assert [(row.part_kind, round(row.revenue_share, 2)) for row in parts.itertuples()] == found
    en, zh = (narrative_quality.large_parts(parts, lang).text for lang in ("en", "zh"))
    said = f"{round(100 * found[0][1])}%" if found else "No single order line"
    assert said in en and ("请核实" in zh) == bool(found)
    assert concentration.large(lines, lines, Q4.next).empty
