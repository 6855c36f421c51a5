"""Templates, loyalty, channels, win-back and the thread of a strategy. Expected values by hand."""

import csv
import io
from dataclasses import replace

import books
import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import schema
from crmlib.io import registers, store
from crmlib.kpi import KPIS
from crmlib.params import Book
from crmlib.periods import Period
from crmlib.strategy import decisions, incentives, playbook, templates
from crmlib.strategy.templates_text import TEMPLATES
from crmlib.views import charts_strategy, narrative_actions, narrative_strategy, suppression

LANGS = ("en", "zh")
BOOK = Book(name_en="Tiny", name_zh="小账套", currency="USD")
NONE = pd.DataFrame({"strategy_id": pd.Series(dtype="str"), "tier": pd.Series(dtype="str")})
GROUPS = pd.DataFrame({
    "group_kind": ["group_tier", "group_tier", "group_reason", "group_level"], "group_code": ["high", "risk", "lapsed", "key"],
    "customers": [40, 1200, 300, 9], "customer_share": [0.1, 0.9, 0.2, 0.01], "monetary_12m_minor": [8_000_000, 1, 2, 3],
    "revenue_share": [0.5, 0.1, 0.1, 0.1], "typical_days": [5.0, 90, 200, 3], "typical_orders": [12.0, 1, 1, 4],
})  # fmt: skip
KPI_ROWS = pd.DataFrame({"kpi": ["retention_rate", "net_revenue_retention"], "kpi_unit": ["rate", "ratio"],
                         "kpi_value": [0.9708, float("nan")]})  # fmt: skip


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return books.load(tmp_path_factory.mktemp("book"))


def proposed(book, strategies=NONE) -> pd.DataFrame:
    return of(GROUPS, strategies, book)


def of(groups: pd.DataFrame, strategies: pd.DataFrame, book) -> pd.DataFrame:
    return templates.proposals(groups, suppression.blank(groups, 5), KPI_ROWS, strategies, book)


def test_templates_are_filled_with_the_quarters_numbers(book):
    """Twice five silent days are ten; 97.1 % and half a point more; no target where the KPI has no value."""
    found = proposed(book)
    assert schema.columns("strategy_proposals", found.columns) == list(found.columns)
    assert list(found.group_code) == ["high", "risk", "lapsed", "key"]
    high, key = found.iloc[0], found.iloc[3]
    assert "a call when 10 days pass" in high.measures and "ordered within 5" in high.measures
    assert "40位客户" in high.resources_zh
    assert (high.baseline, high.target, high.target_unit) == (0.971, 0.976, "pp")
    assert high.expected == "Retention rate: 97.1% → 97.6% by 2024-03-31 (+0.5 pp)"
    assert high.expected_zh == "客户留存率：97.1% → 97.6%（2024-03-31 前）（+0.5 pp）"
    assert key.expected == "" and pd.isna(key.target)
    assert found.plan_state.eq("from_template").all() and list(found.tier) == ["high", "risk", "risk", ""]


def test_ten_per_cent_more_of_nobody_is_no_target(book):
    none = pd.DataFrame({"kpi": ["reactivated_customers"], "kpi_unit": ["customers"], "kpi_value": [0.0]})
    for kpis in (none, none.assign(kpi_value=3.0)):  # 3.3 customers are 3
        risk = templates.proposals(GROUPS, suppression.blank(GROUPS, 5), kpis, NONE, book).iloc[1]
        assert (risk.kpi, risk.expected, risk.expected_zh) == ("reactivated_customers", "", "") and pd.isna(risk.target)
    more = templates.proposals(GROUPS, suppression.blank(GROUPS, 5), none.assign(kpi_value=30.0), NONE, book).iloc[1]
    assert "30 → 33" in more.expected


def test_templates_do_not_say_what_their_table_hides(book):
    """Three customers are high value; the next smallest tier would give them away, other kinds of groups would not."""
    others = pd.DataFrame({"group_kind": "group_tier", "group_code": ["potential", "general"], "customers": [500, 700],
                           "customer_share": 0.3, "monetary_12m_minor": [60_000, 70_000], "revenue_share": 0.2,
                           "typical_days": 9.0, "typical_orders": 2.0})  # fmt: skip
    groups = pd.concat([GROUPS.assign(customers=[3, 1200, 300, 900]), others], ignore_index=True)
    found = of(groups, NONE, book).set_index("group_code")
    assert "for the few customers" in found.resources["high"] and "为几位客户" in found.resources_zh["high"]
    assert "500" not in found.resources["potential"] and "300" in found.resources["lapsed"]
    assert "they spent CNY 1 each" in found.resources["general"] and "a part of 12-month" not in found.resources["risk"]
    few = of(groups.assign(customers=3), NONE, book).set_index("group_code")
    assert "a hidden amount each" in few.resources["general"] and "人均消费不予显示" in few.resources_zh["general"]
    assert "a part of 12-month" in few.resources["risk"] and "近12个月消费的一部分" in few.resources_zh["risk"]


def test_every_tier_reason_and_level_has_a_template_in_both_languages():
    codes = {
        kind: {t.code for t in TEMPLATES if t.kind == kind} for kind in ("group_tier", "group_reason", "group_level")
    }
    assert codes == {
        "group_tier": {"high", "potential", "general", "risk"},
        "group_reason": {"lapsed", "new", "low_frequency", "low_value"},
        "group_level": {"strategic", "key", "ordinary", "potential", "optimise"},
    }
    numbers = dict.fromkeys(("customers", "spend", "each", "days", "late", "orders"), "7")
    for t in TEMPLATES:
        pairs = [t.strategy, t.measures, t.channel, t.cadence, t.resources, t.incentive]
        assert all(en.format(**numbers) and any(c > "⺀" for c in zh) for en, zh in pairs)
        assert KPIS[t.kpi].direction == "higher" and t.unit == (
            "pp" if KPIS[t.kpi].unit in ("rate", "ratio") else "pct"
        )


def test_a_tier_without_a_strategy_shows_its_template_as_not_decided(book, tmp_path):
    strategies = pd.DataFrame({"strategy_id": ["ST2"], "tier": ["high"]})
    rows = proposed(book, strategies)
    assert list(rows.plan_state[:2]) == ["decided", "from_template"] and rows.decided_ids[0] == "ST2"
    columns = [c for c in schema.TABLES["tier_strategies"].columns if c != "plan_state"]
    decided = pd.DataFrame([dict.fromkeys(columns, None) | {"strategy_id": "ST2", "tier": "high", "strategy": "Ours"}])
    decided = decided.assign(start_date=pd.to_datetime(["2024-01-02"]), end_date=pd.to_datetime(["2024-03-31"]))
    found = templates.filled(decided, rows, ["risk"])
    assert list(found.columns) == list(schema.TABLES["tier_strategies"].columns)
    assert list(found.plan_state) == ["decided", "from_template"] and list(found.strategy_id) == ["ST2", ""]
    assert list(found.strategy) == ["Ours", "Ask, then win back"] and pd.isna(found.start_date[1])
    assert list(templates.filled(decided.iloc[:0], rows, ["high", "risk"]).provenance) == ["template", "template"]
    assert list(templates.filled(decided, rows, []).strategy_id) == ["ST2"]
    made = store.open_store(book, tmp_path)
    for every in (found, templates.filled(decided.iloc[:0], rows, ["risk"])):
        made.save(tier_strategies=every)
        assert made.frame("tier_strategies").strategy.iloc[-1] == "Ask, then win back"


def test_the_start_file_is_a_register_that_lacks_owner_and_department(book):
    """Written as it is into the registers, it is refused for exactly what people must decide."""
    text = templates.as_register(proposed(book), Period(2024, 1))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [r["strategy_id"] for r in rows] == ["ST1", "ST2", "ST3"] and rows[2]["tier"] == "risk"
    file = registers.file(book, "strategies")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    problems = registers.check(book)
    file.unlink()
    assert len(problems) == 6
    assert all("owner is empty" in p or "department is empty" in p for p in problems)


def test_group_sizes_take_medians_and_leave_out_who_has_no_tier():
    rows = [("A", "high", "", 10, 4, 100), ("B", "high", "", 20, 6, 300), ("C", "risk", "lapsed", 90, 1, 0),
            ("D", "none", "", None, 0, 0)]  # fmt: skip
    names = ["customer_id", "tier", "risk_reason", "recency_days", "frequency_12m", "monetary_12m_minor"]
    kinds = dict.fromkeys(names[:3], "string") | dict.fromkeys(names[3:], "int64")
    tiered = ibis.memtable(pd.DataFrame(rows, columns=names), schema=kinds)
    levels = ibis.memtable(pd.DataFrame({"customer_id": ["A", "B", "C"], "level": ["key", "key", "not_scored"]}))
    found = templates.group_sizes(tiered, levels).set_index(["group_kind", "group_code"])
    high = found.loc[("group_tier", "high")]
    assert (high.customers, high.monetary_12m_minor, high.typical_days, high.typical_orders) == (2, 400, 15, 5)
    assert high.customer_share == pytest.approx(2 / 3) and high.revenue_share == 1
    assert found.loc[("group_reason", "lapsed"), "customers"] == 1 and ("group_tier", "none") not in found.index


def level(**changes: object) -> pd.DataFrame:
    row = {"tier": "high", "loyalty_level": "Gold", "loyalty_level_zh": "金卡", "earn_rate": 2.0, "point_value": 0.01,
           "redemption_share": 0.75, "redeemed_share": 0.25, "perks": "", "perks_zh": "", "perks_cost": 3.0,
           "owner": "L", "provenance": "actual"}  # fmt: skip
    return pd.DataFrame([row | changes])


SPENT = pd.DataFrame({"tier": ["high"], "customers": [10], "quarter_spend_minor": [100_000]})


def margin(book, value):
    of_segment = book.segment.model_copy(update={"value": book.segment.value.model_copy(update={"margin": value})})
    return book.model_copy(update={"segment": of_segment})


@pytest.mark.parametrize("lang", LANGS)
def test_loyalty_by_hand(book, lang):
    """1,000 spent give 2,000 points, 1,500 are redeemed for 15.00; 10 x 3.00 of perks; 1,000 points are owed: 10.00.

    45.00 of cost are earned back by 18 % more spend at a margin of a quarter.
    """
    found = incentives.costs(level(), SPENT, margin(book, 0.25))
    row = found.iloc[0]
    assert schema.columns("loyalty_costs", found.columns) == list(found.columns)
    assert (row.points_issued, row.points_expected, row.points_cost_minor, row.perks_minor) == (2000, 1500, 1500, 3000)
    assert (row.cost_minor, row.liability_minor) == (4500, 1000)
    assert row.cost_share == pytest.approx(0.045) and row.breakeven_uplift == pytest.approx(0.18)
    said = str(narrative_strategy.loyalty(found, 0.25, lang, BOOK))
    assert "18.0%" in said and "$45.00" in said
    unknown = incentives.costs(level(), SPENT, margin(book, None))
    assert unknown.breakeven_uplift.isna().all()
    assert "segment.value.margin" in str(narrative_strategy.loyalty(unknown, None, lang, BOOK))
    assert "$45.00" in charts_strategy.loyalty_costs(found, lang, BOOK).get_figure(root=True).get_label()


def test_a_tier_without_customers_costs_nothing(book):
    found = incentives.costs(level(tier="risk"), SPENT, margin(book, 0.25)).iloc[0]
    assert (found.cost_minor, found.liability_minor) == (0, 0) and pd.isna(found.breakeven_uplift)


share = st.floats(0, 1)


@settings(max_examples=50)
@given(st.tuples(st.floats(0, 20), st.floats(0, 20)), st.tuples(share, share, share), st.integers(0, 10**9))
def test_loyalty_grows_with_what_is_given(book, rates, shares, spent):
    (earn, more), (redeemed, redeemed_more, so_far) = rates, shares
    spend = SPENT.assign(quarter_spend_minor=spent)
    rich = margin(book, 0.3)

    def cost(**changes):
        return incentives.costs(level(**changes), spend, rich).iloc[0]

    base = {"earn_rate": earn, "redemption_share": redeemed, "redeemed_share": so_far}
    one = cost(**base)
    assert cost(**base | {"earn_rate": earn + more}).cost_minor >= one.cost_minor
    assert cost(**base | {"redemption_share": max(redeemed, redeemed_more)}).liability_minor >= one.liability_minor
    assert cost(**base | {"redeemed_share": max(so_far, redeemed_more)}).liability_minor <= one.liability_minor
    assert one.liability_minor <= one.points_cost_minor + 1 and one.points_expected <= one.points_issued


def test_spend_of_a_tier_counts_the_quarter_and_never_less_than_nothing():
    days = pd.DataFrame({"customer_id": ["A", "A", "B", "C"], "net_minor": [500, 300, -50, 70],
                         "order_date": pd.to_datetime(["2023-10-01", "2023-09-30", "2023-12-31", "2023-11-11"])})  # fmt: skip
    kinds = {"customer_id": "string", "net_minor": "int64", "order_date": "date"}
    tiered = ibis.memtable(pd.DataFrame({"customer_id": list("ABCD"), "tier": ["high", "high", "none", "risk"]}))
    found = incentives.spend(tiered, ibis.memtable(days, schema=kinds), Period(2023, 4))
    assert found.to_numpy().tolist() == [["high", 2, 500], ["risk", 1, 0]]


@pytest.mark.parametrize("lang", LANGS)
def test_channels_of_a_tier_are_counted_together(book, lang):
    plan = pd.DataFrame({
        "tier": ["risk", "high", "high"], "channel": ["mail", "phone", "app"], "channel_zh": "", "purpose": "p", "purpose_zh": "",
        "cadence_quarter": [0.5, 0.25, 1.0], "unit_cost": [1.0, 4.5, 0.1], "owner": "L", "sla_hours": [24.0, None, 2],
        "provenance": "actual",
    })  # fmt: skip
    sizes = pd.DataFrame({"tier": ["high", "risk"], "customers": [10, 3]})
    found = playbook.contact_plan(plan, sizes, book)
    assert schema.columns("contact_plan", found.columns) == list(found.columns)
    assert list(found.channel) == ["app", "phone", "mail"] and list(found.contacts) == [10, 2, 2]
    assert list(found.cost_minor) == [100, 900, 200] and list(found.is_over) == [True, True, False]
    said = str(narrative_strategy.channels(found, lang, BOOK))
    assert {"en": "High value (1.25)", "zh": "高价值（1.25次）"}[lang] in said


def test_the_playbook_is_dated_and_revisits_within_a_week(book):
    texts = dict.fromkeys(schema.REGISTERS["winback_playbook"].columns, "t")
    steps = pd.DataFrame(
        [texts | {"playbook_step": "B", "day_offset": 8}, texts | {"playbook_step": "A", "day_offset": 30}]
    )
    found = playbook.winback_plan(steps, Period(2023, 4))
    assert schema.columns("winback_plan", found.columns) == list(found.columns)
    assert list(found.due_date.dt.strftime("%m-%d")) == ["01-08", "01-30"]
    assert not playbook.revisits_in_time(steps) and playbook.revisits_in_time(steps.assign(day_offset=[7, 30]))
    empty = registers.read(book, "winback_playbook")
    assert playbook.winback_plan(empty, Period(2023, 4)).empty and not playbook.revisits_in_time(empty)
    reasons = pd.DataFrame({"risk_reason": ["lapsed"], "customers": [4], "monetary_12m_minor": [70_000]})
    assert "none within a week" in str(narrative_strategy.winback(steps, False, reasons, "en", BOOK))
    assert "No win-back playbook" in str(narrative_strategy.winback(empty, False, reasons, "en", BOOK))
    assert "4 customers have stopped buying" in str(narrative_strategy.winback(steps, False, reasons, "en", BOOK))
    few = suppression.blank(reasons, 5)
    assert str(narrative_strategy.winback(steps, False, few, "en", BOOK)).startswith(
        "Some customers have stopped buying. The"
    )
    assert str(narrative_strategy.winback(steps, False, few, "zh", BOOK)).startswith("部分客户已停止购买。挽回手册")


@pytest.mark.parametrize("lang", LANGS)
def test_the_log_counts_results_of_the_quarter(lang):
    log = pd.DataFrame({"customer_id": ["B", "A", "C"], "winback_result": ["came_back", "refused", "refused"],
                        "contacted_on": pd.to_datetime(["2023-12-31", "2023-10-01", "2023-09-30"])})  # fmt: skip
    found = playbook.logged(log, Period(2023, 4))
    assert list(found.customer_id) == ["A", "B"]
    said = str(narrative_strategy.winback_log(found, lang))
    assert {"en": "Came back 1, Refused 1", "zh": "已回流 1、拒绝 1"}[lang] in said


def test_a_thread_goes_from_the_fact_to_the_last_review():
    columns = schema.TABLES["strategy_thread"].columns
    texts = dict.fromkeys(columns, "t") | {"opportunity_score": 60.0, "plan_state": "decided"}
    tiered = pd.DataFrame(
        [texts | {"strategy_id": i, "opportunity_id": o} for i, o in [("ST10", "O1"), ("ST2", ""), ("", "")]]
    )
    records = decisions.Records(
        opportunities=pd.DataFrame({"opportunity_id": ["O1", "O2"], "evidence": ["F7; F11", "F1"]}),
        factors=pd.DataFrame({"factor_id": ["E1", "T1", "P1"], "evidence": ["F1", "F11", ""]}),
        allocation=pd.DataFrame({"strategy_id": "ST10", "action_id": ["AC10", "AC9", "AC9"], "contacts": [1, 2, 3],
                                 "cost_minor": [10, 20, 30], "value_minor": [5, 5, 5]}),
        tasks=pd.DataFrame({"strategy_id": ["ST10", "ST10"], "task_id": ["TK1", "TK2"], "progress_share": [1.0, 0.5],
                            "is_late": [False, True]}),
        targets=pd.DataFrame({"strategy_id": ["ST10"], "target_id": ["G1"]}),
        designs=pd.DataFrame({"campaign_id": "CP1", "strategy_id": "ST10", "tier": ["high", "risk", "all"],
                              "held_out": [5, 5, 10], "eligible": [10, 40, 50]}),
        effects=pd.DataFrame({"strategy_id": ["ST10", "ST10"], "outcome": ["not_due", "attained"]}),
    )  # fmt: skip
    found = decisions.threads(tiered, records)
    assert schema.columns("strategy_thread", found.columns) == list(found.columns)
    assert list(found.strategy_id) == ["ST2", "ST10"]
    row = found.iloc[1]
    assert (row.factor_ids, row.action_ids, row.campaign_ids, row.target_ids) == ("T1", "AC9; AC10", "CP1", "G1")
    assert (row.contacts, row.cost_minor, row.progress_share, row.tasks_late) == (6, 60, 0.75, 1)
    assert row.held_out_share == pytest.approx(0.2) and row.review_outcomes == "attained; not_due"
    assert found.iloc[0].review_outcomes == "not_reviewed" and found.iloc[0].factor_ids == ""
    tested = pd.DataFrame({"strategy_id": "ST10", "tier": ["all", "high", "all", "all"], "evidence_grade": list("AABC"),
                           "verdict": ["inconclusive", "harmful", "effect_proven", "attained"]})  # fmt: skip
    again = decisions.threads(tiered, replace(records, reviews=tested))
    assert again.review_outcomes.to_list() == ["not_reviewed", "effect_proven; inconclusive"]
    untested = decisions.threads(tiered, replace(records, reviews=tested[tested.evidence_grade == "C"]))
    assert untested.review_outcomes.to_list() == ["not_reviewed", "attained; not_due"]
    said = str(narrative_actions.threads(found, "en"))
    assert "Whole from evidence to hold-out: ST10." in said and "no target: ST2" in said
    assert "No strategy" in str(narrative_actions.threads(found.iloc[:0], "en"))
