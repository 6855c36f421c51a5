"""The customer journey on a book of six customers whose steps are counted by hand."""

from datetime import date, datetime, timedelta

import pandas as pd
import pytest

from crmlib.errors import InputError
from crmlib.io import engine
from crmlib.params import Tags
from crmlib.periods import Period
from crmlib.segment import journey
from crmlib.views import charts_profile, narrative_profile, suppression

PERIOD, AS_OF = Period(2023, 4), date(2023, 12, 31)
TAGS = Tags(journey_orders=(2, 3))
NO_REGISTER = pd.DataFrame(columns=["interaction_kind", "position", "journey_stage", "journey_stage_zh"])
# Days before as_of of each customer's purchases; P never bought.
BOUGHT = {"A": [300, 290, 270, 5], "B": [200, 190], "C": [181], "D": [100], "E": [50, 40], "P": []}


def day(before: int) -> date:
    return AS_OF - timedelta(days=before)


def purchases() -> pd.DataFrame:
    rows = [(who, day(before), 1) for who, ages in BOUGHT.items() for before in [*ages, -1]]
    return pd.DataFrame(rows, columns=["customer_id", "order_date", "orders"])


def known() -> pd.DataFrame:
    return pd.DataFrame({"customer_id": list(BOUGHT), "recency_days": [min(ages, default=None) for ages in BOUGHT.values()]}).astype(
        {"recency_days": "Int64"})  # fmt: skip


def funnel(
    stages: pd.DataFrame, contacts: pd.DataFrame | None = None, surveys: pd.DataFrame | None = None
) -> pd.DataFrame:
    tiered = engine.table(known())
    seen = None if contacts is None else engine.table(contacts)
    entries = journey.entries(tiered, engine.table(purchases()), seen, stages, PERIOD)
    answers = None if surveys is None else engine.table(surveys)
    return engine.frame(journey.funnel(entries, tiered, answers, stages, PERIOD, TAGS))


def test_without_a_register_the_stages_are_purchases():
    """Six are known, five bought, A, B and E twice, A three times; rows after as_of are not seen."""
    found = funnel(journey.stages(NO_REGISTER, TAGS))
    assert found["journey_stage"].tolist() == ["journey_known", "journey_order_1", "journey_order_2", "journey_order_3"]
    assert found["customers"].tolist() == [6, 5, 3, 1]
    assert found["moved_on"].iloc[:3].tolist() == [5, 3, 1] and pd.isna(found["moved_on"].iloc[3])
    assert found["moved_on_share"].iloc[:3].tolist() == pytest.approx([5 / 6, 0.6, 1 / 3])
    assert found["median_days"].iloc[1:3].tolist() == [10, 20] and pd.isna(found["median_days"].iloc[0])


def test_in_time_counts_only_who_was_observed_long_enough():
    """90 days and more after the first purchase: A, B, C, D; two of them bought again within 90."""
    found = funnel(journey.stages(NO_REGISTER, TAGS)).set_index("journey_stage")
    assert found.loc["journey_order_1", ["in_time_base", "in_time_share"]].tolist() == [4, 0.5]
    assert found.loc["journey_order_2", ["in_time_base", "in_time_share"]].tolist() == [
        2,
        0.5,
    ]  # A and B; E is too young


def test_who_is_silent_too_long_has_stopped_at_the_furthest_stage():
    """C after one purchase (181 days), B after two (190); the prospect has no silence to count."""
    assert funnel(journey.stages(NO_REGISTER, TAGS))["stopped"].tolist() == [0, 1, 1, 0]


def test_satisfaction_belongs_to_the_stage_of_the_day_of_the_answer():
    surveys = pd.DataFrame({"customer_id": ["A", "A", "A", "B", "P", "A"], "csat": [5, 3, 4, None, 1, 5],
                            "survey_date": pd.to_datetime([day(291), day(290), day(270), day(1), day(1), day(-1)])})  # fmt: skip
    found = funnel(journey.stages(NO_REGISTER, TAGS), surveys=surveys)
    assert found["answers"].tolist() == [1, 1, 1, 1]
    assert found["satisfied_share"].tolist() == [0, 1, 0, 1]


def register(rows: list[tuple[str, int, str]]) -> pd.DataFrame:
    return pd.DataFrame([(*row, "") for row in rows], columns=list(NO_REGISTER.columns))


STAGES = [("enquiry", 1, "Asked"), ("visit", 2, "Met"), ("call", 2, "Met"), ("order_1", 3, "Bought")]


def contacts() -> pd.DataFrame:
    """P asked and was called, C met without asking, E asked again while buying."""
    rows = [("P", 30, "enquiry", "mail"), ("P", 20, "call", "phone"), ("P", 10, "visit", None), ("C", 190, "visit", "shop"),
            ("E", 45, "enquiry", "mail"), ("E", 45, "survey", "mail"), ("A", -1, "visit", "shop")]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["customer_id", "age", "interaction_kind", "channel"])
    return frame.assign(interaction_at=[datetime.combine(day(age), datetime.min.time()) for age in frame.pop("age")])


def test_stages_of_the_register_pass_over_contacts_nobody_recorded():
    """Five bought, so they have asked and met, recorded or not; P has met: 6, 6, 5."""
    found = funnel(journey.stages(register(STAGES), TAGS), contacts())
    assert found["customers"].tolist() == [6, 6, 5] and found["journey_from"].unique().tolist() == ["from_register"]
    assert found["median_days"].iloc[:2].tolist() == [
        10,
        9,
    ]  # P: 30 to 20; C: 190 to 181. E bought before asking: no wait
    assert found["moved_on_share"].iloc[:2].tolist() == pytest.approx([1, 5 / 6])


def test_touchpoints_by_stage_kind_and_channel():
    stages = journey.stages(register(STAGES), TAGS)
    tiered, seen = engine.table(known()), engine.table(contacts())
    entries = journey.entries(tiered, engine.table(purchases()), seen, stages, PERIOD)
    found = engine.frame(journey.touchpoints(entries, seen, stages, PERIOD))
    told = found[["journey_stage", "interaction_kind", "channel_used", "touches", "customers"]].to_numpy().tolist()
    assert told == [
        ["Asked", "enquiry", "mail", 1, 1],
        ["Met", "call", "phone", 1, 1], ["Met", "visit", "not_known", 1, 1], ["Met", "visit", "shop", 1, 1],
        ["Bought", "enquiry", "mail", 1, 1], ["Bought", "survey", "mail", 1, 1],
    ]  # fmt: skip
    assert engine.frame(journey.touchpoints(entries, None, stages, PERIOD)).empty


def test_one_stage_is_no_journey():
    assert journey.stages(register(STAGES[:1]), TAGS)["journey_from"].unique().tolist() == ["journey_orders"]


def test_contradicting_stages_are_refused():
    for rows, said in (
        ([("a", 1, "X"), ("b", 1, "Y"), ("c", 2, "Z")], "position '1'"),
        ([("a", 1, "X"), ("b", 2, "X")], "journey_stage 'X'"),
    ):
        with pytest.raises(InputError, match=said):
            journey.stages(register(rows), TAGS)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_figure_and_sentence_name_the_widest_gap_and_what_is_not_recorded(lang):
    found = funnel(journey.stages(NO_REGISTER, TAGS))
    title = charts_profile.journey(found, lang).get_figure().get_label()
    assert {"en": "'Second purchase': 66.7%", "zh": "“第二次购买”之后缺口最大：66.7%"}[lang] in title
    late = found.assign(in_time_base=[0, 100, 29, None], in_time_share=[None, 0.4, 0.1, None])
    title = charts_profile.journey(late, lang).get_figure().get_label()  # of 29 it is too early to say
    assert {"en": "'First purchase': 60.0% of those", "zh": "“首次购买”之后缺口最大：观察期足够者中60.0%"}[
        lang
    ] in title
    said = narrative_profile.journey(found, found.head(0), 90, lang).text
    assert {"en": "Stopped on the way: 2 of 6", "zh": "6个客户中2个在途中流失"}[lang] in said
    assert {"en": "no touchpoints", "zh": "无法列出各阶段触点"}[lang] in said
    assert charts_profile.journey(found.assign(customers=0), lang).get_figure().get_label()
    few = narrative_profile.journey(suppression.blank(found, 5), found.head(0), 90, lang).text
    assert not any(word in few for word in ("Stopped on the way", "流失", "%", "nan", "n/a"))
