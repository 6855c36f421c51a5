"""Surveys, tickets and texts by hand: put together, timed on three levels, counted by tier, quoted with care."""

import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import schema
from crmlib.collect import feedback, loop, pain
from crmlib.io import engine
from crmlib.kpi import voice
from crmlib.params import Collect, Review
from crmlib.periods import Period
from crmlib.schema import TABLES
from crmlib.views import charts_feedback, narrative_feedback, style

PERIOD = Period(2023, 4)  # 2023-10-01 to 2023-12-31
NAN = float("nan")


def typed(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """A frame with the columns and types that a register has."""
    kinds = {"date": "datetime64[us]", "timestamp": "datetime64[us]", "int64": "Int64", "boolean": "boolean"}
    full = frame.reindex(columns=list(TABLES[name].columns))
    return full.astype({c: kinds.get(schema.COLUMNS[c].dtype, "str") for c in full.columns})


def surveys(*rows: tuple, provenance: str = "actual") -> pd.DataFrame:
    columns = ["survey_id", "customer_id", "survey_date", "csat", "nps", "comment"]
    return typed(pd.DataFrame(rows, columns=columns).assign(provenance=provenance), "surveys")


def tickets(*rows: tuple) -> pd.DataFrame:
    columns = ["ticket_id", "opened_at", "first_reply_at", "analysed_at", "closed_at", "is_escalated"]
    frame = pd.DataFrame(rows, columns=columns)
    given = {"customer_id": "A", "ticket_kind": "complaint", "channel": "", "text": "late", "provenance": "actual"}
    return typed(frame.assign(**{c: v for c, v in given.items() if c not in columns}), "tickets")


def people(**spend: int) -> pd.DataFrame:
    """Customers in tier high, each with a 12-month spend."""
    frame = pd.DataFrame({"customer_id": list(spend), "money_12m_minor": list(spend.values())})
    return frame.astype({"customer_id": "str"}).assign(tier="high", is_withdrawn=False)


# ---- registers and sources together


def test_the_register_wins_and_a_source_gets_ids_provenance_and_scrubbing():
    register = surveys(("Q1", "A", "2023-10-02", 4, 9, "call 555-0134"), provenance="illustrative")
    source = pd.DataFrame(
        {
            "survey_id": ["Q1", None, None, "Q7", "Q7"],
            "customer_id": ["A", "B", "B", "C", "C"],
            "survey_date": pd.to_datetime(["2023-10-05"] * 5),
            "csat": [1.0, 5.0, 3.0, NAN, 2.0],
            "comment": ["x", "mail me at b@b.example", None, "", "ok"],
        }
    )
    found = feedback.surveys(register, source)
    assert found["survey_id"].tolist() == ["Q1", "B/2023-10-05", "B/2023-10-05/2", "Q7", "Q7/2"]
    assert found["csat"].tolist() == [4, 5, 3, pd.NA, 2]
    assert found["comment"].tolist() == ["call [phone]", "mail me at [mail]", "", "", "ok"]
    assert found["provenance"].tolist() == ["illustrative", "actual", "actual", "actual", "actual"]
    assert list(found.columns) == list(TABLES["surveys"].columns)


def test_one_of_the_two_may_be_missing():
    nothing = surveys()
    assert feedback.surveys(nothing, None).empty
    source = pd.DataFrame({"survey_id": ["S"], "customer_id": ["A"], "survey_date": pd.to_datetime(["2023-10-05"])})
    assert feedback.surveys(nothing, source)["survey_id"].tolist() == ["S"]
    assert feedback.mapped(None) is None and feedback.rows(None) == 0


def test_mapped_sources_are_stored_whole_and_scrubbed():
    staged = {
        "tickets": ibis.memtable({"ticket_id": ["T"], "customer_id": ["A"], "text": ["电话13812345678"]}),
        "orders": ibis.memtable({"order_id": ["1"]}),
    }
    found = feedback.sources(staged)
    assert list(found) == ["source_tickets"]
    assert found["source_tickets"].columns == TABLES["source_tickets"].columns
    row = feedback.mapped(found["source_tickets"]).iloc[0]
    assert row["text"] == "电话[phone]" and pd.isna(row["opened_at"])


def test_the_profile_has_everyone_who_spoke_once():
    ids = ibis.memtable({"customer_id": ["A", "B", "Z"]})
    days = ibis.memtable(
        {
            "customer_id": ["A", "A", "A", "B"],
            "order_date": pd.to_datetime(["2022-12-31", "2023-01-01", "2023-12-31", "2024-01-01"]).date,
            "net_minor": [1, 10, 100, 1000],
        }
    )
    tiered = ibis.memtable({"customer_id": ["A", "B"], "tier": ["high", "risk"]})
    known = ibis.memtable({"customer_id": ["A", "B"], "consent": ["given", "withdrawn"]})
    found = engine.frame(feedback.profile(ids, days, tiered, known, PERIOD))
    assert found.values.tolist() == [["A", "high", 110, False], ["B", "risk", 0, True], ["Z", "none", 0, False]]
    without = engine.frame(feedback.profile(ids, days, tiered, known.drop("consent"), PERIOD))
    assert not without["is_withdrawn"].any()


def test_who_was_asked_is_read_from_contacts_of_the_quarter():
    contacts = pd.DataFrame(
        {
            "customer_id": ["A", "A", "B", "C", "D"],
            "interaction_at": pd.to_datetime(["2023-10-01", "2023-12-31", "2023-11-01", "2024-01-01", "2023-11-01"]),
            "interaction_kind": ["survey", "满意度问卷", "visit", "survey", None],
        }
    )
    assert feedback.asked(contacts, PERIOD)["customer_id"].tolist() == ["A"]
    assert feedback.asked(contacts[contacts["customer_id"] == "B"], PERIOD) is None
    assert feedback.asked(None, PERIOD) is None


# ---- the loop


def test_each_level_of_the_loop_has_its_own_deadline():
    """Limits 1, 24 and 72 hours; the quarter ends with 31 December."""
    found = loop.states(
        tickets(
            ("exact", "2023-10-10 10:00", "2023-10-10 11:00", "2023-10-11 10:00", "2023-10-13 10:00", False),
            ("over", "2023-10-10 10:00", "2023-10-10 11:01", "2023-10-11 10:01", "2023-10-13 10:01", False),
            ("fresh", "2023-12-31 23:30", None, None, None, False),
            ("open", "2023-12-28 00:00", "2023-12-28 00:30", None, None, False),
            ("raised", "2023-12-20 00:00", "2023-12-20 00:30", "2023-12-20 12:00", None, True),
            ("shut", "2023-11-01 10:00", None, None, "2023-11-01 10:30", None),
            ("after", "2023-12-31 12:00", "2024-01-01 00:00", None, None, False),
            ("old", "2023-09-01 00:00", "2023-09-01 00:10", "2023-09-01 02:00", None, False),
            ("done", "2023-09-01 00:00", "2023-09-01 00:10", "2023-09-01 02:00", "2023-10-02 00:00", False),
            ("next", "2024-01-01 00:00", None, None, None, False),
        ),
        people(A=500),
        PERIOD,
        Collect(),
    ).set_index("ticket_id")
    states = found[["reply_state", "analysis_state", "escalation_state"]]
    assert states.T.to_dict("list") == {
        "old": ["in_time", "in_time", "overdue"],
        "open": ["in_time", "overdue", "overdue"],
        "after": ["overdue", "pending", "pending"],
        "exact": ["in_time", "in_time", "not_needed"],
        "over": ["late", "late", "late"],
        "shut": ["in_time", "in_time", "not_needed"],
        "raised": ["in_time", "in_time", "escalated"],
        "fresh": ["pending", "pending", "pending"],
    }
    assert list(found.index)[:3] == ["old", "open", "after"]
    assert found.loc[["old", "open", "after"], "hours_late"].tolist() == [122 * 24 - 72, 72, 11]
    assert loop.open_and_late(found).index.tolist() == ["old", "open", "after"]
    assert found["money_12m_minor"].tolist() == [500] * 8
    assert found.loc["shut", ["first_reply_hours", "closing_hours"]].tolist()[1] == 0.5
    assert pd.isna(found.loc["shut", "first_reply_hours"])


def test_the_loop_is_counted_for_the_quarter_s_own_tickets():
    rows = [(f"T{i}", "2023-10-10 10:00", "2023-10-10 10:30", None, None, False) for i in range(3)]
    rows += [
        ("late", "2023-10-10 10:00", "2023-10-10 14:00", None, None, False),
        ("old", "2023-09-01", None, None, None, False),
    ]
    found = loop.states(tickets(*rows), people(A=1), PERIOD, Collect())
    level = (
        voice.loop(found, PERIOD).set_index(["level", "split", "split_value"]).loc[("first_reply", "by_all", "every")]
    )
    assert level[["tickets", "due", "in_time", "late", "overdue", "pending"]].tolist() == [4, 4, 3, 1, 0, 0]
    assert level[["in_time_rate", "low_rate", "high_rate"]].round(4).tolist() == [0.75, 0.3006, 0.9544]  # Wilson 3/4
    assert level[["median_hours", "p90_hours"]].tolist() == pytest.approx([0.5, 0.5 + 0.7 * 3.5])  # of .5 .5 .5 4
    assert set(voice.loop(found, PERIOD)["split"]) == {"by_all"}  # one channel, one kind: nothing to compare


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.integers(-60, 120)] * 4), min_size=1, max_size=12))
def test_every_level_has_every_ticket_in_one_state(hours):
    """Whatever the times, also impossible ones: counts add up, and only open tickets are open and late."""
    start = pd.Timestamp("2023-12-20")
    rows = [(f"T{i}", start + pd.Timedelta(hours=a), *(start + pd.Timedelta(hours=h) if h > 0 else None for h in (b, c, d)), False)
            for i, (a, b, c, d) in enumerate(hours)]  # fmt: skip
    found = loop.states(tickets(*rows), people(A=1), PERIOD, Collect())
    counted = voice.loop(found, PERIOD)
    assert (counted[["in_time", "late", "overdue", "pending"]].sum(axis=1) == counted["tickets"]).all()
    assert (counted["due"] + counted["pending"] == counted["tickets"]).all()
    assert loop.open_and_late(found)["is_open"].all()


# ---- satisfaction


def golden() -> pd.DataFrame:
    """Method section 10: 40 × 5, 25 × 4, 10 × 3, 3 × 2, 2 × 1; of 80 also 40 promoters, 24 passive, 16 detractors."""
    csat = [5] * 40 + [4] * 25 + [3] * 10 + [2] * 3 + [1] * 2
    nps = [10] * 40 + [8] * 24 + [6] * 16
    return surveys(
        *[(f"Q{i}", f"C{i}", "2023-11-01", c, n, "") for i, (c, n) in enumerate(zip(csat, nps, strict=True))]
    )


def test_satisfaction_of_the_golden_answers():
    found = voice.satisfaction(golden(), people(), [PERIOD], None, Review()).set_index("kpi")
    assert found.loc["csat", ["kpi_value", "n"]].tolist() == [0.8125, 80]
    assert found.loc["csat", ["low", "high"]].tolist() == pytest.approx([0.7134, 0.8830], abs=1e-4)  # Wilson 65/80
    assert found.loc["csat_score", "kpi_value"] == pytest.approx(80.625)
    assert found.loc["nps", "kpi_value"] == pytest.approx(30)
    assert list(found.index) == ["csat", "csat_score", "nps"]


def test_an_answer_without_a_mark_counts_for_the_other_measure_only():
    answers = surveys(("1", "A", "2023-10-01", None, 9, ""), ("2", "B", "2023-10-02", 5, None, ""))
    found = voice.satisfaction(answers, people(), [PERIOD], None, Review()).set_index("kpi")
    assert found["n"].to_dict() == {"csat": 1, "csat_score": 1, "nps": 1}
    assert found["kpi_value"].to_dict() == {"csat": 1.0, "csat_score": 100.0, "nps": 100.0}
    assert found["is_thin"].all()


def test_tiers_are_measured_in_the_last_quarter_and_the_response_rate_where_someone_was_asked():
    answers = surveys(("1", "A", "2023-10-01", 5, 9, ""), ("2", "B", "2023-07-02", 1, 0, ""))
    asked = pd.DataFrame({"customer_id": ["A", "B", "C", "D"]})
    found = voice.satisfaction(answers, people(A=1, B=1), [PERIOD.previous, PERIOD], asked, Review())
    csat = found[found["kpi"] == "csat"][["period", "tier", "kpi_value"]]
    assert csat.values.tolist() == [["2023Q3", "all", 0.0], ["2023Q4", "all", 1.0], ["2023Q4", "high", 1.0]]
    rate = found[found["kpi"] == "response_rate"].iloc[0]
    assert (rate["kpi_value"], rate["n"]) == (0.25, 4)
    assert voice.satisfaction(surveys(), people(), [PERIOD], None, Review()).empty


# ---- texts


def test_texts_of_twelve_months_carry_what_the_customer_marked():
    answers = surveys(
        ("first", "A", "2023-01-01", 1, 9, "a"), ("before", "A", "2022-12-31", 1, 9, "b"), ("blank", "A", "2023-11-01", 1, 9, "  "),
        ("good", "B", "2023-11-01", 4, 0, "c"), ("three", "B", "2023-11-02", 3, 10, "d"), ("only nps", "B", "2023-11-03", None, 10, "e"),
        ("low nps", "B", "2023-11-03", None, 6, "e"), ("none", "B", "2023-11-04", None, None, "f"),
    )  # fmt: skip
    opened = tickets(("T", "2023-12-31 23:00", None, None, None, False))
    notes = pd.DataFrame(
        {"interaction_id": [None], "customer_id": ["C"], "interaction_at": pd.to_datetime(["2023-10-01 09:00"]),
         "interaction_kind": ["投诉"], "text": ["g"]}
    )  # fmt: skip
    found = feedback.texts(answers, opened, notes, PERIOD)
    assert dict(zip(found["text_id"], found["hint"], strict=True)) == {
        "first": "negative", "good": "positive", "three": "", "only nps": "positive", "low nps": "negative", "none": "",
        "T": "complaint", "C/2023-10-01": "complaint",
    }  # fmt: skip
    assert found["text_source"].tolist() == ["survey_comment"] * 6 + ["ticket_text", "contact_note"]


def texts(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Texts from (customer, text, hint), each a survey comment of its own day."""
    frame = pd.DataFrame(rows, columns=["customer_id", "text", "hint"])
    days = pd.to_datetime("2023-10-01") + pd.to_timedelta(range(len(frame)), unit="D")
    return frame.assign(
        text_source="survey_comment", text_id=[f"Q{i}" for i in range(len(frame))], said_date=days.astype("datetime64[us]"),
        ticket_kind="", provenance="actual",
    )  # fmt: skip


def test_pain_points_count_texts_customers_and_each_customer_s_money_once():
    said = texts(
        ("A", "The queue was endless.", ""), ("A", "Again a terrible queue.", ""), ("B", "Awful queue, bad bread.", ""),
        ("C", "Fresh bread.", ""), ("D", "I am very disappointed.", ""),
    )  # fmt: skip
    found = pain.points(pain.readings(said), people(A=100, B=20, C=3, D=1))
    every = found[found["split"] == "by_all"].set_index("theme")
    assert every.loc["queue", ["mentions", "customers", "money_12m_minor", "n"]].tolist() == [3, 2, 120, 5]
    assert every.loc["goods", ["mentions", "customers", "money_12m_minor", "n"]].tolist() == [1, 1, 20, 5]
    assert "overall" not in every.index
    rated = voice.pain(found, Review()).set_index(["split", "theme"]).loc[("by_all", "queue")]
    assert rated["mention_share"] == 0.6 and rated["is_thin"]
    themes = pain.counted(pain.readings(said)).set_index("theme")
    assert themes.loc["goods", ["texts", "positive", "negative"]].tolist() == [2, 1, 1]


def cells(*customers: int) -> pd.DataFrame:
    rows = pd.DataFrame({"customers": customers, "split_value": list("abcd")[: len(customers)], "split": "by_tier"})
    total = pd.DataFrame({"customers": [sum(customers)], "split_value": ["every"], "split": "by_all"})
    both = pd.concat([rows, total], ignore_index=True)
    return both.assign(
        theme="queue", n=50, provenance="actual", mentions=both["customers"], money_12m_minor=both["customers"] * 7
    )


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ((9, 8, 7, 6), [9, 8, 7, 6]),
        ((9, 8, 7, 4), [9, 8, NAN, NAN]),  # one alone would follow from the total: the next smallest goes too
        ((9, 4, 4, 0), [9, NAN, NAN, 0]),
        ((4, 0, 0, 0), [NAN, 0, 0, 0]),
        ((5, 5, 1, 0), [NAN, 5, NAN, 0]),
    ],
)
def test_small_cells_are_empty_and_cannot_be_worked_out(given, shown):
    found = pain.hidden(cells(*given), 5)
    pd.testing.assert_series_equal(found["customers"].head(4), pd.Series(shown, name="customers", dtype="float64"))
    hidden = found["customers"].isna()
    assert found.loc[hidden, ["mentions", "money_12m_minor"]].isna().all(axis=None)
    total = found.iloc[4]
    assert total["customers"] == sum(given)
    assert pd.isna(total["money_12m_minor"]) == (0 < sum(given) < 5)


def test_a_group_of_one_text_does_not_say_what_it_complains_of():
    """That the only text of a tier criticises nothing is told of one person; nor does it follow from the others."""
    points = cells(9, 8, 0).assign(n=[20, 20, 1, 41])
    found = pain.hidden(points, 5)
    assert found["mentions"].isna().tolist() == [False, True, True, False]
    rated = voice.pain(found, Review())
    drawn = charts_feedback.pain_by_tier(rated, "en", 5)
    assert [label.get_text().splitlines()[1] for label in drawn.get_xticklabels()] == ["n = 20", "n = 20", "n < 5"]


def test_quotes_need_enough_customers_words_and_consent():
    said = texts(
        ("B", "Queue too long.", ""), ("C", "Bad queue.", ""), ("D", "Awful queue.", ""), ("E", "The queue.", "negative"),
        ("F", "Slow queue.", ""), ("G", "Broken egg.", ""), ("A", "Endless queue at the till.", ""), ("A", "Terrible queue.", ""),
    )  # fmt: skip
    who = people(**dict.fromkeys("ABCDEFG", 1)).assign(is_withdrawn=lambda f: f["customer_id"] == "D")
    found = pain.quotes(pain.readings(said), said, who, 6, 5)
    assert found["quote"].tolist() == ["Terrible queue.", "Slow queue.", "Bad queue."]
    assert pain.quotes(pain.readings(said), said, who, 2, 5)["quote"].tolist() == ["Terrible queue.", "Slow queue."]
    assert pain.quotes(pain.readings(said), said, who, 6, 7).empty
    long = said.assign(text=said["text"] + " and" * 75)
    assert pain.quotes(pain.readings(long), long, who, 1, 5)["quote"].str.len().tolist() == [201]


def test_why_nothing_is_quoted_is_said_as_it_is():
    marked = texts(*((c, "The queue.", "negative") for c in "ABCDE"))
    worded = texts(*((c, "Awful queue.", "") for c in "ABCDE"))
    who = people(**dict.fromkeys("ABCDE", 1))
    found = {
        "few": pain.unquoted(pain.readings(worded), who, 6),
        "marks": pain.unquoted(pain.readings(marked), who, 5),
        "withdrawn": pain.unquoted(pain.readings(worded), who.assign(is_withdrawn=True), 5),
        "": pain.unquoted(pain.readings(worded), who, 5),
    }
    assert all(why == said for why, said in found.items())
    said = narrative_feedback.quotes("marks", 5, "en").text
    assert said.startswith("No quotes: themes are criticised by at least 5 customers, but only by their mark")
    assert "评分" in narrative_feedback.quotes("marks", 5, "zh").text


def test_texts_that_the_lists_cannot_read_are_counted_apart(settings_like):
    said = texts(("A", "Awful queue.", ""), ("B", "Muito bom", "positive"), ("C", "péssimo", "negative"))
    readings = pain.readings(said)
    points = pain.points(readings, people(A=1, B=1, C=1))
    assert points[["theme", "mentions", "n"]].drop_duplicates().values.tolist() == [["queue", 1, 1]]
    told = narrative_feedback.readings(readings, (0, 0), "en").text
    assert told.startswith("1 texts of the last 12 months were read") and "Not read: 2, because" in told
    assert "另有2条未读取" in narrative_feedback.readings(readings, (0, 0), "zh").text
    assert style.picture(charts_feedback.feedback_themes(pain.counted(readings[1:]), "en")).alt == (
        "No theme recognised in this quarter"
    )


def test_the_reading_is_compared_with_the_customer_s_own_mark():
    said = texts(
        ("A", "Lovely bread.", "positive"), ("B", "Awful queue.", "positive"), ("C", "Good bread, slow queue.", "negative"),
        ("D", "The queue.", "negative"), ("E", "Bad bread.", ""),
    )  # fmt: skip
    assert pain.agreement(pain.readings(said), said) == (
        2,
        1,
    )  # A agrees, B does not; C has two tones, D no words, E no mark


# ---- what readers see


def test_what_is_absent_is_said_in_both_languages():
    rows = dict.fromkeys(("market_facts", "macro_series", "surveys", "tickets", "interactions"), 0)
    assert narrative_feedback.absent(rows | {"tickets": 3}, "en").text == (
        "Not in this book: market facts, macro-economic series, survey answers, contact records."
    )
    assert (
        narrative_feedback.absent(rows, "zh").text
        == "本账套没有：市场事实、宏观经济序列、问卷回答、服务工单、沟通记录。"
    )
    assert narrative_feedback.absent(dict.fromkeys(rows, 1), "zh").text == "市场与客户反馈各表均已提供。"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_book_without_feedback_states_it_everywhere(lang, settings_like):
    book = settings_like.book
    none = feedback.texts(surveys(), tickets(), None, PERIOD)
    readings = pain.readings(none)
    points = voice.pain(pain.hidden(pain.points(readings, people()), 5), Review())
    states = loop.states(tickets(), people(), PERIOD, Collect())
    satisfied = voice.satisfaction(surveys(), people(), [PERIOD], None, Review())
    counted, loops = pain.counted(readings), voice.loop(states, PERIOD)
    quotes = pain.quotes(readings, none, people(), 6, 5)
    drawn = [
        charts_feedback.satisfaction(satisfied, lang), charts_feedback.loop_states(loops, lang),
        charts_feedback.feedback_themes(counted, lang), charts_feedback.pain_by_tier(points, lang),
    ]  # fmt: skip
    said = [
        narrative_feedback.satisfaction(satisfied, PERIOD, lang), narrative_feedback.loop(states, lang, book),
        narrative_feedback.readings(readings, (0, 0), lang), narrative_feedback.pain(points, 5, lang, book),
        narrative_feedback.quotes(pain.unquoted(readings, people(), 5), 5, lang),
    ]  # fmt: skip
    assert all(style.picture(ax).alt for ax in drawn) and all(sentence.text for sentence in said)
    assert {"en": "No answers to this question", "zh": "没有对该问题的回答"}[lang] in style.picture(drawn[0]).alt
    for name, frame in {"pain_points": points, "feedback_tickets": states, "satisfaction": satisfied, "ticket_loop": loops,
                        "feedback_themes": counted, "text_readings": readings, "quotes": quotes}.items():  # fmt: skip
        assert schema.columns(name, frame.columns)


@pytest.fixture
def settings_like(tmp_path):
    import books

    return books.load(tmp_path)


@pytest.mark.parametrize(
    ("expired", "said"),
    [([True], "1 fact is known, and it has expired."), ([True, True], "2 facts are known, 2 of them expired.")],
)
def test_one_fact_is_one(expired, said):
    assert narrative_feedback.market(pd.DataFrame({"is_expired": expired}), "en").text == said
