"""Tables as HTML: formats by unit, words by language, absence stated, data never markup."""

import books
import pandas as pd
import quarters
from bs4 import BeautifulSoup, Tag
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.io import engine, store
from crmlib.params import Book
from crmlib.views import narrative, suppression, tables

CNY = Book(name_en="Tiny", name_zh="小账套", currency="CNY")


def parsed(shown: tables.Shown) -> BeautifulSoup:
    return BeautifulSoup(shown.html, "html.parser")


def grid(soup: BeautifulSoup) -> list[list[str]]:
    return [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in soup.find_all("tr")]


def tier_strategies() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "tier": ["high", "risk"],
            "tiers": ["high; potential", "risk"],
            "strategy": ["Keep", "Win back"],
            "strategy_zh": ["维系", ""],
            "progress_share": [0.5, None],
            "due_date": pd.to_datetime(["2024-03-31", None]),
            "is_overdue": [True, False],
            "provenance": ["actual", "illustrative"],
        }
    )


def test_units_become_text_that_a_reader_knows():
    rows = grid(parsed(tables.show(quarters.tier_sizes(), "tier_sizes", "en", CNY)))
    assert rows[0] == ["Tier", "Customers", "Share of customers", "M: net spend in 12 months (CNY)", "Share of spend"]
    assert rows[1] == ["High value", "55", "7.1%", "124,985", "31.0%"]


def test_small_amounts_of_a_column_keep_their_decimals():
    frame = pd.DataFrame({"tier": ["high", "risk"], "monetary_12m_minor": [3096, None]})
    assert [row[1] for row in grid(parsed(tables.show(frame, "tier_sizes", "en", CNY)))[1:]] == ["30.96", "–"]


def test_chinese_takes_the_sibling_and_falls_back_to_english():
    rows = grid(parsed(tables.show(tier_strategies(), "tier_strategies", "zh", CNY)))
    columns = rows[0]
    assert "核心策略" in columns
    assert [row[columns.index("核心策略")] for row in rows[1:]] == ["维系", "Win back"]
    assert rows[1][columns.index("客户层级")] == "高价值"
    assert [row[columns.index("数据来源性质")] for row in rows[1:]] == ["实际", "示例"]
    assert not any("Chinese" in heading for heading in columns)


def test_absent_dates_and_answers_are_stated():
    soup = parsed(tables.show(tier_strategies(), "tier_strategies", "en", CNY))
    absent = soup.find_all("span", class_="absent")
    assert [(mark.get_text(), mark["title"]) for mark in absent] == [("–", "not available")] * 2
    text = soup.get_text(" ")
    assert "2024-03-31" in text
    assert "yes" in text


def test_a_screen_reader_finds_its_way():
    soup = parsed(tables.show(quarters.tier_sizes(), "tier_sizes", "en", CNY))
    table = soup.find("table")
    assert isinstance(table, Tag)
    assert table.find("caption").get_text() == "Tiers"
    assert {th.get("scope") for th in soup.select("thead th")} == {"col"}
    assert {th.get("scope") for th in soup.select("tbody th")} == {"row"}
    assert soup.div["role"] == "region"
    assert soup.div["tabindex"] == "0"


def test_only_an_all_illustrative_table_wears_the_badge():
    frame = tier_strategies()
    mixed = parsed(tables.show(frame, "tier_strategies", "en", CNY))
    whole = parsed(tables.show(frame.assign(provenance="illustrative"), "tier_strategies", "en", CNY))
    assert mixed.find(class_="crm-badge") is None
    assert whole.find(class_="crm-badge").get_text() == "illustrative, not measured"
    assert "Provenance" not in grid(whole)[0]


def test_a_cut_table_and_unfilled_columns_say_so():
    frame = quarters.tier_sizes().assign(revenue_share=None)
    soup = parsed(tables.show(frame, "tier_sizes", "en", CNY, rows=2, note="From the register."))
    assert soup.find(class_="note").get_text() == "2 of 5 rows. No data for: Share of spend. From the register."
    assert len(grid(soup)) == 3


def test_an_empty_table_is_a_sentence():
    shown = tables.show(quarters.tier_sizes().head(0), "tier_sizes", "zh", CNY)
    assert parsed(shown).p.get_text() == "客户层级规模：本季度无内容。"


def test_the_schema_orders_the_columns():
    frame = quarters.tier_sizes()[["revenue_share", "tier", "customers"]]
    assert grid(parsed(tables.show(frame, "tier_sizes", "en", CNY)))[0] == ["Tier", "Customers", "Share of spend"]


def test_kpi_rows_are_shown_in_their_own_unit():
    frame = pd.DataFrame(
        {
            "kpi": ["net_revenue", "retention_rate", "orders_per_customer"],
            "kpi_unit": ["money", "rate", "number"],
            "kpi_value": [40_317_800, 0.9612, 17.84],
            "difference": [2_210_800, -0.0104, 0.5],
            "movement": ["improved", "unclear", "small_n"],
        }
    )
    soup = parsed(tables.show(frame, "scorecard", "en", CNY))
    assert [row[1:3] for row in grid(soup)[1:]] == [["¥403,178", "¥22,108"], ["96.1%", "−1.0 pp"], ["17.8", "0.50"]]
    assert ["grey" in (row.get("class") or []) for row in soup.select("tbody tr")] == [False, False, True]


def test_hostile_data_stays_text():
    script, formula = quarters.HOSTILE[:2]
    shown = tables.show(quarters.customers(), "customer_inventory", "en", CNY, caption=script, note=script)
    soup = parsed(shown)
    assert soup.find("script") is None
    assert soup.find("caption").get_text() == script
    assert [row[1] for row in grid(soup)[1:]] == [
        script,
        formula,
        "[right-to-left override]gnp.exe",
        "王堃 喆 [thumbs up sign]",
    ]


def test_a_sentence_is_escaped_when_it_is_displayed():
    sentence = narrative.say({"en": "<b>A</b> & B", "zh": "甲"}, "en")
    assert sentence.text == "<b>A</b> & B"
    assert sentence._repr_html_() == '<p class="finding">&lt;b&gt;A&lt;/b&gt; &amp; B</p>'
    assert narrative.say({"en": "A", "zh": "甲"}, "zh").text == "甲"


def test_the_opening_states_what_is_looked_at(tmp_path):
    book = books.load(tmp_path, book={"notice_en": "Disputed <sample>"})
    con = engine.connect(book)
    results = store.open_store(book, tmp_path / "out", con)
    assert "not available" in tables.opening(book, results, "en").html
    days = pd.DataFrame({"customer_id": ["A", "A"], "order_date": pd.to_datetime(["2023-11-02", "2023-12-30"])})
    results.save(purchase_days=days.assign(orders=1, net_minor=1, gross_minor=1, returned_minor=0))
    soup = parsed(tables.opening(book, results, "en"))
    terms = [term.get_text() for term in soup.find_all("dt")]
    values = [value.get_text() for value in soup.find_all("dd")]
    assert dict(zip(terms, values, strict=True)) == {
        "Book": "Tiny",
        "Period": "2023Q4 (2023-10-01 to 2023-12-31)",
        "Seen from": "2023-12-31",
        "Data up to": "2023-12-30",
        "Notice": "Disputed <sample>",
    }


# small groups


def test_a_small_group_and_what_would_give_it_away_are_not_told():
    """55 - 148 - ... known in all: hiding 3 alone would leave it to subtraction, so the next smallest goes too."""
    frame = quarters.tier_sizes().assign(customers=[3, 148, 201, 344, 27])
    soup = parsed(tables.show(frame, "tier_sizes", "en", CNY, min_cell=5))
    assert grid(soup)[1:] == [
        ["High value", "<5", "hidden", "hidden", "hidden"],
        ["Potential", "148", *grid(parsed(tables.show(frame, "tier_sizes", "en", CNY)))[2][2:]],
        *grid(parsed(tables.show(frame, "tier_sizes", "en", CNY)))[3:5],
        ["No tier", "hidden", "hidden", "hidden", "hidden"],
    ]
    assert "Groups of fewer than 5 customers are shown as <5" in soup.find(class_="note").get_text()
    assert "隐去" in tables.show(frame, "tier_sizes", "zh", CNY, min_cell=5).html


def test_nothing_is_hidden_without_small_groups_or_in_a_list_of_customers():
    whole = quarters.tier_sizes()
    assert tables.show(whole, "tier_sizes", "en", CNY, min_cell=5) == tables.show(whole, "tier_sizes", "en", CNY)
    listed = pd.DataFrame({"customer_id": ["A"], "customers": [1]})
    assert (suppression.hidden(listed, 5) == "").all(axis=None)
    none = whole.assign(customers=[0, 148, 201, 344, 27])
    assert (suppression.hidden(none, 5) == "").all(axis=None)  # nobody is nobody's secret


def test_a_count_is_not_left_to_be_found_from_its_row():
    """opening + joined + in - out = closing: one hidden figure of a row would follow from the others."""
    frame = pd.DataFrame({
        "tier": ["high", "risk", "general"], "opening": [10, 20, 50], "joined": [0, 0, 0], "moved_in": [2, 7, 8],
        "moved_out": [6, 6, 20], "closing": [6, 21, 38],
    })  # fmt: skip
    marks = suppression.hidden(frame, 5).drop(columns="tier")
    assert marks["moved_in"].tolist() == ["small", "", "hidden"]  # of risk, the reasons tell as much once more
    assert (marks.ne("").sum(axis=1) != 1).all()


def test_two_small_groups_that_add_to_a_small_one_take_a_third_with_them():
    frame = pd.DataFrame({"tier": ["high", "risk", "general", "all"], "customers": [1, 1, 30, 32]})
    assert suppression.hidden(frame, 5)["customers"].tolist() == ["small", "small", "hidden", ""]


def test_each_part_of_a_table_hides_two_of_its_own():
    """Of 1,503 in tiers and 1,503 in levels, 3 and 40: the level hides no tier, 300 at risk follow from their reasons."""
    kinds = ["group_tier"] * 4 + ["group_level"] * 3
    codes = ["high", "potential", "general", "risk", "key", "ordinary", "optimise"]
    frame = pd.DataFrame({"group_kind": kinds, "group_code": codes, "customers": [3, 500, 700, 300, 40, 900, 563]})
    found = suppression.hidden(frame, 5)["customers"].tolist()
    assert found == ["small", "hidden", "", "", "", "", ""]
    moved = pd.DataFrame({"tier_before": ["high", "high", "risk", "risk"], "tier": ["high", "risk"] * 2,
                          "customers": [30, 3, 20, 900]})  # fmt: skip
    assert (suppression.hidden(moved, 5)["customers"] != "").all()  # of each row and each column the sum is known
    reasons = pd.DataFrame({"tier": ["all", "all", "high", "high", "risk", "risk"], "churn_reason": ["price", "else"] * 3,
                            "customers": [42, 60, 2, 20, 40, 40]})  # fmt: skip
    found = suppression.hidden(reasons, 5)["customers"].tolist()
    assert found == ["", "", "small", "hidden", "hidden", "hidden"]


@settings(max_examples=50)
@given(st.lists(st.lists(st.integers(0, 12), min_size=3, max_size=3), min_size=2, max_size=4))
def test_no_small_group_can_be_worked_out_from_either_total(counts):
    frame = pd.DataFrame([{"cluster": str(i), "tier": t, "customers": n} for i, row in enumerate(counts)
                          for t, n in zip(("high", "general", "risk"), row, strict=True)])  # fmt: skip
    marks = suppression.hidden(frame, 5)["customers"] != ""
    for by in ("cluster", "tier"):
        for _, part in frame[frame["customers"] > 0].groupby(by):
            out = part.loc[marks[part.index], "customers"]
            assert out.empty or len(out) == len(part) or (len(out) > 1 and out.sum() >= 5)


def test_charts_leave_out_what_is_hidden():
    frame = quarters.tier_sizes().assign(customers=[3, 148, 201, 344, 27])
    assert suppression.told(frame, 5)["customers"].tolist() == [148, 201, 344]
    assert suppression.told(frame, 1).equals(frame)


def test_a_small_kpi_that_counts_customers():
    frame = pd.DataFrame({"kpi": ["new_customers", "csat"], "kpi_unit": ["customers", "rate"], "kpi_value": [3.0, 0.9]})
    rows = grid(parsed(tables.show(frame, "scorecard", "en", CNY, min_cell=5)))
    assert [row[1] for row in rows[1:]] == ["<5", "90.0%"]
    moved = pd.DataFrame({"kpi": ["new_customers", "reactivated"], "kpi_unit": "customers", "kpi_value": [0.0, 113.0],
                          "before": [3.0, 110.0], "difference": [-3.0, 3.0], "n": [3, 9]})  # fmt: skip
    marks = suppression.hidden(moved, 5)
    assert marks[["kpi_value", "before", "difference", "n"]].to_numpy().tolist() == [
        ["", "small", "hidden", "hidden"], [""] * 4]  # fmt: skip


def test_arms_add_up_to_a_tier_that_is_told_elsewhere():
    arms = pd.DataFrame(
        {"campaign_id": "CP1", "tier": ["all", "high", "general"], "treated": [60, 55, 5], "held_out": [30, 27, 3]}
    )
    marks = suppression.hidden(arms, 5)
    assert marks.loc[2, ["treated", "held_out"]].tolist() == ["hidden", "small"]


def test_rows_of_raw_files_and_their_money_are_told_whosever_they_are():
    frame = pd.DataFrame({"rows": [3, 900], "customers": [2, 300], "net_minor": [-17, 5_000]})
    marks = suppression.hidden(frame, 5)
    assert (marks[["rows", "net_minor"]] == "").all(axis=None) and (marks["customers"] != "").all()
    assert (suppression.hidden(frame.drop(columns="rows"), 5) != "").all(axis=None)


def test_means_of_a_small_group_are_not_told():
    frame = pd.DataFrame({"tier": ["high", "general"], "customers": [2, 40], "expected_purchases": [39.9, 4.0]})
    assert (suppression.hidden(frame, 5)["expected_purchases"] != "").all()


def test_kpis_of_a_tier_of_few_buyers_are_hidden_and_those_of_the_next_smallest():
    rows = [(kpi, "2023Q4", tier, unit, value) for tier, buyers in (("all", 60), ("high", 3), ("general", 20), ("risk", 37))
            for kpi, unit, value in (("active_customers", "customers", buyers), ("net_revenue", "money", 100.0 * buyers))]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["kpi", "period", "tier", "kpi_unit", "kpi_value"])
    marks = suppression.hidden(frame, 5)["kpi_value"]
    assert marks.tolist() == ["", "", "small", "hidden", "hidden", "hidden", "", ""]
    assert suppression.hidden(frame.assign(n=9), 5)["n"].tolist() == [*[""] * 2, *["hidden"] * 4, *[""] * 2]
    assert suppression.blank(frame, 5)["kpi_value"].isna().tolist() == [mark != "" for mark in marks]
    of_one = suppression.hidden(frame.drop(columns="period"), 5)["kpi_value"]  # as the page shows one quarter
    assert of_one.tolist() == marks.tolist()
    targets = frame.rename(columns={"kpi_value": "baseline"})  # no measured values, so nothing to tell who is few
    assert "hidden" not in suppression.hidden(targets, 5).to_numpy()
    many = frame.assign(kpi_value=frame["kpi_value"] * 10)
    assert (suppression.hidden(many, 5) == "").all(axis=None)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 12), min_size=2, max_size=8))
def test_no_small_group_can_be_worked_out_from_the_total(customers):
    """Whoever knows the total knows the sum of the hidden counts: it is none, or no small group either."""
    marks = suppression.hidden(pd.DataFrame({"customers": customers}), 5)["customers"]
    out = [n for n, mark in zip(customers, marks, strict=True) if mark]
    assert all(mark for n, mark in zip(customers, marks, strict=True) if 0 < n < 5)
    everyone = [n for n in customers if n]
    assert not out or out == everyone or (len(out) > 1 and sum(out) >= 5)
