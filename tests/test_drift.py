"""Drift by hand: what changed from one quarter to the next, beside what is usual in this book."""

import ibis
import pandas as pd
import pytest
from faulty_book import Q4, orders, quarters

from crmlib.collect import drift


def by_quarter(rows: dict[str, int]) -> pd.DataFrame:
    frame = pd.DataFrame({"period": list(rows), "rows": list(rows.values())})
    return frame.assign(row_class="sale", customers=frame["rows"], net_minor=frame["rows"] * 100)


def rows_of(found: pd.DataFrame) -> pd.Series:
    return found[found["aspect"] == "aspect_rows"].iloc[0]


def since(quarters_back: int) -> list[str]:
    period, names = Q4, []
    for _n in range(quarters_back + 1):
        names.insert(0, str(period))
        period = period.previous
    return names


def test_a_level_is_judged_by_the_book_s_own_earlier_changes():
    """Of eight earlier ratios the least is 0.5 and the largest 2: a fall to 0.6 is usual here, one to 0.4 is not."""
    names = since(9)
    counts = dict(zip(names, [100, 120, 60, *[120] * 6, 72], strict=True))
    row = rows_of(drift.orders(by_quarter(counts), quarters(*names), Q4))
    assert (row["basis"], row["usual_low"], row["usual_high"], row["shift"]) == ("basis_range", 0.5, 2.0, 0.6)
    assert not row["is_notable"]
    assert rows_of(drift.orders(by_quarter(counts | {"2023Q4": 48}), quarters(*names), Q4))["is_notable"]


def test_few_earlier_changes_are_no_range():
    """Seven quarters alike, then 0.6 % more: next to nothing, however alike the earlier ones were."""
    names = since(8)
    row = rows_of(drift.orders(by_quarter(dict(zip(names, [1000] * 8 + [1006], strict=True))), quarters(*names), Q4))
    assert (row["basis"], row["is_notable"]) == ("basis_thumb", False)


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
