"""Why customers stopped buying: reasons, money split between them, tiers, small cells; by hand."""

import pandas as pd
import pytest
from books import load

from crmlib import schema
from crmlib.params import Review
from crmlib.periods import Period
from crmlib.review import churn_reasons
from crmlib.views import charts_reasons, narrative_standards

PERIOD = Period(2023, 4)


def log(*rows: tuple[str, str, str]) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=["customer_id", "contacted_on", "winback_reason"])
    return found.astype({"contacted_on": "datetime64[us]"}).assign(provenance="illustrative")


def readings(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=["customer_id", "theme", "sentiment", "ticket_kind"])
    return found.assign(provenance="actual")


LOG = log(
    ("A", "2023-11-01", "price"), ("A", "2023-12-01", "moved"), ("B", "2023-11-02", "no_answer"),
    ("B", "2023-12-31", "price"), ("C", "2023-11-03", "no_answer"), ("old", "2022-12-31", "quality"),
    ("later", "2024-01-01", "quality"), ("first day", "2023-01-01", "quality"),
)  # fmt: skip
READ = readings(
    ("A", "price", "negative", ""), ("D", "goods", "undecided", "complaint"), ("D", "goods", "negative", ""),
    ("active", "goods", "negative", ""), ("D", "staff", "positive", ""), ("D", "no_theme", "negative", ""),
)  # fmt: skip
PEOPLE = pd.DataFrame({
    "customer_id": ["A", "B", "C", "D", "first day"], "tier": ["high", "risk", "risk", "high", None],
    "at_risk_minor": [1_000, 200, 5_000, 300, None], "monetary_12m_minor": [0, 10, 20, 30, 40],
})  # fmt: skip


def given() -> pd.DataFrame:
    return churn_reasons.given(LOG, READ, pd.Series(["A", "D", "C"]), PERIOD)


def test_reasons_are_of_twelve_months_and_of_lapsed_customers() -> None:
    """B gave a reason in the end; C never did; only A and D, who are lapsed, count with their complaints."""
    found = given()
    pairs = sorted(zip(found["customer_id"], found["reason_source"], found["churn_reason"], strict=True))
    assert pairs == [
        ("A", "reason_asked", "moved"), ("A", "reason_asked", "price"), ("A", "reason_complaint", "price"),
        ("B", "reason_asked", "price"), ("C", "reason_asked", "no_answer"), ("D", "reason_complaint", "quality"),
        ("first day", "reason_asked", "quality"),
    ]  # fmt: skip


def test_money_is_split_between_the_reasons_of_a_customer_and_adds_up() -> None:
    """A's 1,000 are split between price and moving: price 500 + 200 of B, moving 500, quality 300. C says nothing."""
    found = churn_reasons.table(given(), PEOPLE, Review()).set_index(["tier", "churn_reason"])
    whole = found.loc["all"]
    assert list(whole.index) == ["price", "moved", "quality", "no_answer"]
    assert list(whole["at_risk_minor"]) == [700, 500, 300, 5_000]
    assert list(whole["at_risk_share"])[:3] == pytest.approx([7 / 15, 5 / 15, 3 / 15])
    assert list(whole["cumulative_share"])[:3] == pytest.approx([7 / 15, 12 / 15, 1])
    assert whole.loc["no_answer", ["at_risk_share", "customer_share"]].isna().all()
    price = whole.loc["price", ["customers", "asked_customers", "complained_customers", "n"]]
    assert price.tolist() == [2, 2, 1, 4] and whole.loc["price", "customer_share"] == 0.5
    assert found.loc[("high", "price"), "at_risk_minor"] == 500
    assert found.loc[("none", "quality"), "customers"] == 1  # no tier when the quarter began
    parts = found.drop(index="all", level=0).groupby("churn_reason")["at_risk_minor"].sum()
    assert parts.to_dict() == whole["at_risk_minor"].to_dict()
    assert whole["is_thin"].all() and set(whole["provenance"]) == {"illustrative"}
    assert churn_reasons.silent(found.reset_index()) == 1


def test_reasons_of_few_customers_are_one_bar() -> None:
    table = churn_reasons.table(given(), PEOPLE, Review())
    every = churn_reasons.bars(table, 1)
    assert list(every["churn_reason"]) == ["price", "moved", "quality"]
    one_more = churn_reasons.bars(table, 2)
    assert list(one_more["churn_reason"]) == ["price", "quality", "few_reasons"]
    pooled = churn_reasons.bars(table, 3)
    assert list(pooled["churn_reason"]) == ["few_reasons"] and pooled["at_risk_share"].iloc[0] == pytest.approx(1)
    assert "No reason is shared" in charts_reasons.churn_reasons(pooled, "en").get_title(loc="left")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_unknown_reason_is_stated(tmp_path, lang: str) -> None:  # type: ignore[no-untyped-def]
    book = load(tmp_path).book
    nothing = churn_reasons.given(LOG.iloc[:0], READ.iloc[:0], pd.Series([], dtype="str"), PERIOD)
    table = churn_reasons.table(nothing, PEOPLE, Review())
    assert list(table.columns) == list(schema.TABLES["churn_reasons"].columns) and table.empty
    bars = churn_reasons.bars(table, 5)
    assert len(narrative_standards.churn_reasons(bars, 0, lang, book).text) > 20
    assert charts_reasons.churn_reasons(bars, lang).texts
    known = churn_reasons.bars(churn_reasons.table(given(), PEOPLE, Review()), 1)
    assert {"en": "'Price': ¥7.00, 46.7%", "zh": "“价格”：¥7.00"}[lang] in narrative_standards.churn_reasons(
        known, 1, lang, book
    ).text
