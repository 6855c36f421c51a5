"""The customer action list: who gets which measure, when, and who does not. Expected values by hand."""

from datetime import date, timedelta

import books
import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import schema
from crmlib.io import engine
from crmlib.params import Settings
from crmlib.periods import Period
from crmlib.strategy import action_list, actions
from crmlib.strategy.turns import Calendar
from crmlib.views import charts_strategy, narrative_actions

Q1 = Period(2024, 1)  # 13 whole weeks, Monday 1 January to Sunday 31 March
LINE = ["action_id", "tier", "contacts", "campaign_id", "unit_hours", "unit_value", "department"]


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Settings:
    return books.load(tmp_path_factory.mktemp("book"))


def ruled(book: Settings, days: int = 0, consent: str = "not_withdrawn", **strategy) -> Settings:
    rules = {"cooling_off_days": days, "consent": consent}
    plan = {"budget": 100, "department_hours": {}, "max_contacts": 1, "actions": rules} | strategy
    return book.model_copy(update={"strategy": type(book.strategy).model_validate(plan)})


def people(*rows: tuple) -> pd.DataFrame:
    """(customer, tier, stake, may be contacted, free from)."""
    names = ["customer_id", "tier", "stake", "may_contact", "free_on"]
    return pd.DataFrame(rows, columns=names)


def lines(*rows: tuple, first: str = "2024-01-01", last: str = "2024-03-31") -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=LINE)
    days = {"first": pd.Timestamp(first), "last": pd.Timestamp(last)}
    ordered = frame.sort_values(["tier", "unit_value", "action_id"], ascending=[True, False, True])
    return ordered.assign(line=range(len(frame)), **days)


def arms(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["campaign_id", "customer_id", "arm"]).assign(tier="high")


def assigned(known: pd.DataFrame, plan: pd.DataFrame, drawn: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    kinds = {"customer_id": "string", "tier": "string", "stake": "int64", "may_contact": "boolean", "free_on": "date"}
    of_campaigns = dict.fromkeys(["campaign_id", "customer_id", "arm", "tier"], "string")
    found = actions.assign(
        ibis.memtable(known, schema=kinds), plan, ibis.memtable(drawn, schema=of_campaigns), settings
    )
    named = engine.frame(found).merge(plan[["line", "action_id"]], on="line")
    return named.sort_values(["customer_id", "action_id"]).reset_index(drop=True)


def pairs(found: pd.DataFrame) -> list[tuple[str, str]]:
    placed = found[found.week.notna()]
    return list(zip(placed.customer_id, placed.action_id, strict=True))


def test_the_best_customers_get_the_most_valuable_measure(book):
    """Four customers, three contacts: the dearer call goes to the highest stake; equal stakes go by id."""
    known = people(*[(c, "high", s, True, None) for c, s in [("D", 5), ("C", 9), ("B", 5), ("A", 1)]])
    plan = lines(("mail", "high", 2, "", 0, 3, "CRM"), ("call", "high", 1, "", 0, 8, "CRM"))
    assert pairs(assigned(known, plan, arms(), ruled(book))) == [("B", "mail"), ("C", "call"), ("D", "mail")]


def test_a_customer_of_another_tier_or_without_consent_gets_nothing(book):
    known = people(("A", "risk", 9, True, None), ("B", "high", 8, False, None), ("C", "high", 1, True, None))
    plan = lines(("mail", "high", 3, "", 0, 3, "CRM"))
    assert pairs(assigned(known, plan, arms(), ruled(book))) == [("C", "mail")]


def test_a_campaign_reaches_its_treated_and_takes_a_turn_of_both_arms(book):
    """One contact each: A is held out and gets nothing else; C is treated but not funded; D is in no campaign."""
    known = people(*[(c, "high", s, True, None) for c, s in [("A", 9), ("B", 8), ("C", 7), ("D", 1)]])
    plan = lines(("box", "high", 1, "CP1", 0, 9, "CRM"), ("mail", "high", 4, "", 0, 3, "CRM"))
    drawn = arms(("CP1", "A", "hold_out"), ("CP1", "B", "treated"), ("CP1", "C", "treated"))
    found = assigned(known, plan, drawn, ruled(book))
    assert pairs(found) == [("B", "box"), ("D", "mail")]
    held = found[found.arm == "hold_out"]
    assert list(held.customer_id) == ["A"] and held.week.isna().all() and list(held.action_id) == ["box"]


def test_with_two_turns_both_arms_get_the_same_of_everything_else(book):
    known = people(*[(c, "high", s, True, None) for c, s in [("A", 9), ("B", 8), ("C", 7)]])
    plan = lines(("box", "high", 2, "CP1", 0, 9, "CRM"), ("mail", "high", 3, "", 0, 3, "CRM"))
    drawn = arms(("CP1", "A", "hold_out"), ("CP1", "B", "treated"))
    found = assigned(known, plan, drawn, ruled(book, days=14, max_contacts=2))
    assert pairs(found) == [("A", "mail"), ("B", "box"), ("B", "mail"), ("C", "mail")]
    weeks = found[found.action_id == "mail"].set_index("customer_id").week
    assert weeks.to_dict() == {"A": 6, "B": 6, "C": 0}  # the second turn starts in the seventh of 13 weeks


def test_contacts_are_spread_over_the_weeks_by_hours(book):
    """13 hours a quarter are one a week: four contacts of half an hour take two weeks, the highest stake first."""
    known = people(*[(c, "high", s, True, None) for c, s in [("A", 4), ("B", 3), ("C", 2), ("D", 1)]])
    plan = lines(("call", "high", 4, "", 0.5, 3, "CRM"))
    found = assigned(known, plan, arms(), ruled(book, department_hours={"CRM": 13}))
    assert list(found.week) == [0, 0, 1, 1]
    tight = assigned(known, lines(("call", "high", 4, "", 0.5, 3, "CRM"), last="2024-01-07"), arms(),
                     ruled(book, department_hours={"CRM": 13}))  # fmt: skip
    assert pairs(tight) == [("A", "call"), ("B", "call")] and tight.week.isna().sum() == 2


def test_two_measures_of_a_department_share_its_queue_and_idle_hours_are_lost(book):
    """One hour a week. The box may start in week 3; the call of week 0 is done by then, the second call waits behind."""
    known = people(
        ("A", "high", 1, True, None), ("B", "risk", 9, True, None), ("C", "risk", 8, True, date(2024, 1, 20))
    )
    plan = lines(("call", "high", 1, "", 1, 3, "CRM"), ("box", "risk", 2, "", 1, 3, "CRM"), first="2024-01-01")
    plan = plan.assign(first=plan["first"].where(plan.action_id == "call", pd.Timestamp("2024-01-22")))
    found = assigned(known, plan, arms(), ruled(book, department_hours={"CRM": 13}))
    assert dict(zip(found.customer_id, found.week, strict=True)) == {"A": 0, "B": 3, "C": 4}


def test_nobody_is_contacted_while_cooling_off(book):
    """Friday 12 January is the first due date from the 6th on; the 30th of March has none after it in the quarter."""
    known = people(("A", "high", 9, True, date(2024, 1, 6)), ("B", "high", 8, True, date(2024, 3, 30)),
                   ("C", "high", 7, True, date(2024, 1, 5)))  # fmt: skip
    found = assigned(known, lines(("mail", "high", 2, "", 0, 3, "CRM")), arms(), ruled(book, days=14))
    assert dict(zip(found.customer_id, found.week, strict=True)) == {"A": 1, "C": 0}


def test_due_dates_are_fridays_within_the_quarter():
    """2023Q4 began on a Sunday and ended on one: the first week is that day alone."""
    due = Calendar(Period(2023, 4), ((0, 13),)).due
    assert due[:2] == [date(2023, 10, 1), date(2023, 10, 6)] and due[-1] == date(2023, 12, 29)
    assert Calendar(Period(2018, 1), ((0, 13),)).due[-1] == date(2018, 3, 30)
    calendar = Calendar(Q1, ((0, 12),))
    assert (calendar.first_due(date(2024, 1, 6)), calendar.last_due(date(2024, 1, 18))) == (1, 1)
    assert (calendar.first_due(date(2024, 4, 1)), calendar.last_due(date(2023, 12, 31))) == (13, -1)


customers = st.lists(
    st.tuples(st.sampled_from(["high", "risk"]), st.integers(0, 5), st.booleans(), st.integers(-20, 95),
              st.sampled_from(["", "treated", "hold_out"])),
    min_size=1, max_size=20,
)  # fmt: skip
measures = st.lists(
    st.tuples(st.sampled_from(["high", "risk"]), st.integers(1, 12), st.booleans(), st.integers(0, 4)),
    min_size=1, max_size=4,
)  # fmt: skip


@settings(max_examples=10)
@given(customers, measures, st.integers(1, 3), st.sampled_from([0, 7, 14, 30]), st.randoms(use_true_random=False))
def test_the_list_keeps_every_rule(book, rows, funded, turns, days, rng):
    start = date(2024, 1, 1)
    known = people(*[(f"K{n}", t, s, ok, start + timedelta(days=free)) for n, (t, s, ok, free, _a) in enumerate(rows)])
    plan = lines(*[(f"A{n}", t, c, "CP1" if n == 0 and camp else "", h / 4, n, "CRM")
                   for n, (t, c, camp, h) in enumerate(funded)])  # fmt: skip
    drawn = arms(*[("CP1", f"K{n}", arm) for n, (*_r, arm) in enumerate(rows) if arm])
    drawn = drawn.assign(tier=[dict(zip(known.customer_id, known.tier, strict=True))[c] for c in drawn.customer_id])
    rules = ruled(book, days=days, max_contacts=turns, department_hours={"CRM": 26})
    found = assigned(known, plan, drawn, rules)
    placed = found[found.week.notna()].merge(known, on=["customer_id", "tier"])
    due = pd.to_datetime([Calendar.of(Q1, rules.strategy).due[int(week)] for week in placed.week])
    placed = placed.assign(due=due)
    assert (placed.groupby("customer_id").size() <= turns).all()
    assert placed.may_contact.all() and (placed.due >= pd.to_datetime(placed.free_on)).all()
    apart = placed.sort_values("due").groupby("customer_id").due.diff().dropna()
    assert (apart >= pd.Timedelta(days=days)).all()
    used = placed.groupby("action_id").size()
    assert (used <= plan.set_index("action_id").contacts.reindex(used.index)).all()
    of_campaign = set(plan.action_id[plan.campaign_id == "CP1"])
    reached = set(placed.customer_id[placed.action_id.isin(of_campaign)])
    assert reached <= set(drawn.customer_id[drawn.arm == "treated"])
    assert not placed.duplicated(["customer_id", "action_id"]).any()
    hours = placed.merge(plan[["action_id", "unit_hours"]], on="action_id").groupby("week").unit_hours.sum()
    assert (hours < 2 + 1 + 1e-9).all()  # two hours a week, and the last contact may run over
    shuffled = [frame.sample(frac=1, random_state=rng.randrange(999)) for frame in (known, drawn)]
    pd.testing.assert_frame_equal(assigned(shuffled[0], plan, shuffled[1], rules), found)


def tiered(*rows: tuple) -> ibis.Table:
    names = [
        "customer_id",
        "tier",
        "risk_reason",
        "next_tier",
        "gap_days",
        "gap_orders",
        "gap_minor",
        "monetary_12m_minor",
    ]
    frame = pd.DataFrame(rows, columns=names).assign(reason_text="Because.", reason_text_zh="因为。")
    kinds = dict.fromkeys(names[:4], "string") | dict.fromkeys(names[4:], "int64")
    return ibis.memtable(frame, schema=kinds | {"reason_text": "string", "reason_text_zh": "string"})


def test_at_stake_is_the_loss_in_the_lowest_tier_and_the_value_in_the_others(book):
    rows = [("A", "risk", "lapsed", "general", 9, 0, 0, 70), ("B", "high", "", "", 0, 0, 0, 500),
            ("C", "potential", "", "high", 0, 3, 0, 300), ("D", "none", "", "", 0, 0, 0, 0),
            ("E", "general", "", "potential", 1, 1, 1, 40)]  # fmt: skip
    valued = pd.DataFrame({"customer_id": ["A", "B", "C"], "at_risk_minor": [60, 5, None], "clv_minor": [100, 900, 700],
                           "clv_calibrated_minor": [90, 800, None], "alert": ["watch", "red", "no_alert"]})  # fmt: skip
    kinds = {"customer_id": "string", "at_risk_minor": "int64", "clv_minor": "int64", "clv_calibrated_minor": "int64",
             "alert": "string"}  # fmt: skip
    consent = pd.DataFrame({"customer_id": list("ABCE"), "consent": ["given", "withdrawn", "not_known", "given"]})
    met = pd.DataFrame({"customer_id": ["A", "A"], "contacted_on": [date(2023, 12, 1), date(2023, 12, 20)]})
    tables = (tiered(*rows), ibis.memtable(valued, schema=kinds), ibis.memtable(consent),
              ibis.memtable(met, schema={"customer_id": "string", "contacted_on": "date"}))  # fmt: skip
    coded = action_list.reasoned(actions.candidates(*tables, ruled(book, days=14)))
    found = engine.frame(action_list.in_words(coded, tables[0])).set_index("customer_id")
    assert found.stake.to_dict() == {"A": 60, "B": 800, "C": 700, "E": 40}
    assert found.stake_basis.to_dict() == {"A": "stake_risk", "B": "stake_clv", "C": "stake_clv", "E": "stake_spend"}
    assert found.may_contact.to_dict() == {"A": True, "B": False, "C": True, "E": True}
    assert found.free_on["A"] == pd.Timestamp("2024-01-03") and found.free_on.isna().sum() == 3
    assert found.action_reason.to_dict() == {
        "A": "reason_lapsed", "B": "reason_silence", "C": "reason_near", "E": "reason_grow"}  # fmt: skip
    assert found.action_why["A"].startswith("Stopped buying") and found.action_why_zh["C"].endswith("因为。")
    strict = engine.frame(actions.candidates(*tables, ruled(book, consent="given"))).set_index("customer_id")
    assert strict.may_contact.to_dict() == {"A": True, "B": False, "C": False, "E": True}


def test_lines_take_the_campaigns_dates_and_stay_in_the_quarter():
    strategies = pd.DataFrame({"strategy_id": ["ST1"], "channel": ["mail"], "channel_zh": ["邮件"]})
    work = pd.DataFrame({"action_id": ["A1", "A2", "A3"], "tier": "high", "unit_hours": 0.1, "unit_value": [1.0, 2, 3]})
    plan = work[["action_id", "tier"]].assign(
        strategy_id="ST1",
        contacts=[3, 4, 0],
        start_date=pd.Timestamp("2023-11-01"),
        end_date=pd.Timestamp("2024-02-10"),
    )
    designs = pd.DataFrame({
        "campaign_id": ["CP1", "CP1", "CP2", "CP3"], "action_id": ["A1", "A1", "A2", ""],
        "start_date": pd.to_datetime(["2024-01-08", "2024-01-08", "2023-10-01", "2024-01-08"]),
        "end_date": pd.to_datetime(["2024-03-17", "2024-03-17", "2023-12-10", "2024-03-17"]),
    })  # fmt: skip
    found = actions.lines(plan, work, strategies, actions.campaigns(designs), Q1).set_index("action_id")
    assert list(found.index) == ["A2", "A1"] and found.campaign_id.to_dict() == {"A2": "", "A1": "CP1"}
    assert found.loc["A1", ["first", "last"]].tolist() == list(pd.to_datetime(["2024-01-08", "2024-03-17"]))
    assert found.loc["A2", ["first", "last"]].tolist() == list(pd.to_datetime(["2024-01-01", "2024-02-10"]))
    assert actions.lines(plan.iloc[:0], work, strategies, actions.campaigns(None), Q1).empty


def test_contacts_before_are_those_up_to_the_quarters_end():
    period, day = Period(2023, 4), {"customer_id": "string", "contacted_on": "date"}
    log = ibis.memtable(pd.DataFrame({"customer_id": ["A", "B"], "contacted_on": [date(2023, 12, 31), date(2024, 1, 1)]}),
                        schema=day)  # fmt: skip
    calls = ibis.memtable(
        pd.DataFrame({"customer_id": ["C"], "interaction_at": [pd.Timestamp("2023-12-05 10:00")]}),
        schema={"customer_id": "string", "interaction_at": "timestamp"},
    )
    campaigns = ibis.memtable(pd.DataFrame({"campaign_id": ["1"], "start_date": [date(2023, 12, 9)]}),
                              schema={"campaign_id": "string", "start_date": "date"})  # fmt: skip
    targets = ibis.memtable(pd.DataFrame({"campaign_id": ["1", "1"], "customer_id": ["D", "E"]}))
    sent = actions.exposures(campaigns, targets)
    found = engine.frame(actions.contacts_before(calls, [log, sent, None], period)).sort_values("customer_id")
    assert found.customer_id.to_list() == ["A", "C", "D", "E"]
    assert actions.exposures(None, targets) is None


def test_outcomes_cover_each_customer_once(book):
    """Listed before held out before no consent before cooling off before no time, then the campaign's place, then money."""
    known = people(
        ("A", "high", 9, True, None), ("B", "high", 8, True, None), ("C", "high", 7, False, None),
        ("D", "high", 6, True, date(2024, 3, 31)), ("E", "high", 5, True, None), ("F", "high", 4, True, None),
        ("G", "risk", 3, True, None),
    )  # fmt: skip
    plan = lines(("box", "high", 1, "CP1", 0, 9, "CRM"))
    drawn = arms(("CP1", "A", "treated"), ("CP1", "B", "hold_out"), ("CP1", "E", "treated"))
    kinds = {"customer_id": "string", "tier": "string", "stake": "int64", "may_contact": "boolean", "free_on": "date"}
    known_table = ibis.memtable(known, schema=kinds)
    of_campaigns = ibis.memtable(drawn)
    rules = ruled(book)
    table = actions.assign(known_table, plan, of_campaigns, rules)
    found = action_list.coverage(known_table, table, of_campaigns, rules)
    assert schema.columns("action_coverage", found.columns) == list(found.columns)
    assert list(zip(found.tier, found.action_outcome, found.customers, found.customer_stake_minor, strict=True)) == [
        ("high", "listed", 1, 9), ("high", "is_held_out", 1, 8), ("high", "no_consent", 1, 7),
        ("high", "cooling_off", 1, 6), ("high", "campaign_place", 1, 5), ("high", "not_funded", 1, 4),
        ("risk", "not_funded", 1, 3)]  # fmt: skip
    assert found.groupby("tier").customer_share.sum().to_list() == pytest.approx([1, 1])
    for lang, said in (("en", "14% of customers get a measure"), ("zh", "14%的客户安排了行动")):
        assert said in charts_strategy.action_coverage(found, lang).get_figure(root=True).get_label()
    none = charts_strategy.action_coverage(found[found.action_outcome == "not_funded"], "en")
    assert "No customer gets a measure" in none.get_figure(root=True).get_label()
    assert str(narrative_actions.left_out(found, "en")).startswith("Left out: No contact funded 2;")
    assert str(narrative_actions.left_out(found, "en", 5)).startswith("Left out: No contact funded some;")
