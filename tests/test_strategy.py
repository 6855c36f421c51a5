"""Plans, decisions and what an empty book says."""

import books
import pandas as pd
from allocations import BOOK, GOLDEN, SIZES, STRATEGIES, rules, sizes

from crmlib import schema
from crmlib.io import registers
from crmlib.periods import Period
from crmlib.strategy import adjustments, allocation, decisions, plans, schedule
from crmlib.views import charts_resources, narrative_actions, narrative_resources, suppression

Q4 = Period(2017, 4)
LANGS = ("en", "zh")


MATRIX = pd.DataFrame(
    {
        "tier": ["potential", "high"], "opportunity_id": ["O2", "O1"], "opportunity": ["Fuel", "Deli"],
        "opportunity_zh": ["燃油", "熟食"], "opportunity_score": [80.0, 70.0], "first_share": [0.6, 0.4],
        "stake_minor": [900, 50_000], "buyers": [29, 30], "is_thin": [True, False],
    }
)  # fmt: skip
REASONS = pd.DataFrame({"risk_reason": ["new", "lapsed"], "customers": [9, 4], "monetary_12m_minor": [1, 70_000]})
DESIGNS = pd.DataFrame({"campaign_id": ["CP9", "CP9", "CP1"], "strategy_id": "ST1", "tier": ["high", "all", "high"],
                        "end_date": pd.to_datetime(["2018-03-18", "2018-03-18", "2017-12-31"])})  # fmt: skip
TARGETS = pd.DataFrame(
    {
        "strategy_id": ["ST1", "ST1"], "kpi": ["retention_rate", "net_revenue"], "baseline": [0.9, 381_070.0],
        "target": [0.925, 400_000.0], "target_unit": ["pp", "pct"], "due_date": pd.Timestamp("2018-03-31"),
    }
)  # fmt: skip


def test_tier_strategies_are_filled_with_this_quarter():
    filled = plans.tier_strategies(STRATEGIES, sizes(high=10, potential=5), MATRIX, TARGETS)
    assert schema.columns("tier_strategies", [*filled.columns, "plan_state"])
    assert filled.strategy_id.to_list() == ["ST1", "ST2"]
    assert filled.customers.to_list() == [10, 0] and filled.monetary_12m_minor.to_list() == [1000, 0]
    assert filled.opportunity_score.iloc[0] == 70 and pd.isna(filled.opportunity_score.iloc[1])
    assert filled.expected.iloc[0] == (
        "Retention rate: 90.0% → 92.5% by 2018-03-31; Net revenue: 381,070 → 400,000 by 2018-03-31"
    )
    assert "90.0% → 92.5%（2018-03-31 前）" in filled.expected_zh.iloc[0] and filled.expected.iloc[1] == ""
    assert plans.tiers_without_strategy(STRATEGIES, sizes(high=10, potential=5, general=0, none=3)) == ["potential"]


def test_an_answer_is_overdue_the_day_after_its_due_date():
    dates = pd.to_datetime(["2017-12-30", "2017-12-31", "2017-12-30"])
    texts = dict.fromkeys(["trigger", "trigger_zh", "adaptation", "adaptation_zh", "owner", "provenance"], "t")
    answers = pd.DataFrame({"adaptation_id": ["A1", "A2", "A3"], "factor_id": ["E1", "E2", ""], "tiers": "high; risk",
                            "due_date": dates, "status": ["open", "partial", "done"], **texts})  # fmt: skip
    pest = pd.DataFrame({"factor_id": ["E1", "E2"], "factor": "f", "factor_zh": "因", "impact_points": [4.0, -9.0]})
    plan = plans.adaptation_plan(answers, pest, Q4)
    assert plan.adaptation_id.to_list() == ["A2", "A1", "A3"]
    assert plan.is_late.to_list() == [False, True, False]
    assert schema.columns("adaptation_plan", plan.columns)


RETURNED = pd.DataFrame({"kpi": ["natural_return_rate"], "kpi_value": [0.018], "n": [351]})


def decided(budget: float, reasons: pd.DataFrame = REASONS, returned: pd.DataFrame = RETURNED) -> pd.DataFrame:
    solved = allocation.solve(GOLDEN, SIZES, rules(budget))
    plan, limits = allocation.plan(solved, STRATEGIES, BOOK), allocation.limits(solved, STRATEGIES)
    assert schema.columns("allocation", plan.columns) and schema.columns("allocation_limits", limits.columns)
    found = decisions.decisions(plan, limits, MATRIX, reasons, STRATEGIES, Q4)
    known = decisions.with_returns(found, returned, 30)
    return narrative_actions.decisions(decisions.with_campaigns(known, DESIGNS, Q4), BOOK)


def test_decisions_are_ranked_by_money_and_say_their_numbers():
    """The thin cell is passed over. ST2 starts within the quarter, so its date is the next quarter's end."""
    found = decided(150)
    assert schema.columns("decisions", found.columns) == list(found.columns)
    assert found["rank"].to_list() == [1, 2, 3] and found.amount_minor.to_list() == [70_000, 50_000, 15_000]
    assert found.owner.to_list() == ["R", "H", "H"]
    assert found.due_date.dt.strftime("%Y-%m-%d").to_list() == ["2018-03-31", "2018-01-02", "2018-01-02"]
    lapsed, deli, budget = found.text_en
    assert "4 lapsed customers who spent $700.00" in lapsed
    assert '"Deli" for high value customers: 30 of them spent $500.00' in deli
    assert "first in 40% of trials with varied assumptions, so weigh the runners-up" in deli
    assert lapsed.endswith(" Strategy ST2.") and deli.endswith(" Strategy ST1, campaign CP9.")
    assert found.strategy_id.to_list() == ["ST2", "ST1", "ST1"] and found.campaign_ids.to_list() == ["", "CP9", "CP9"]
    assert "Approve $150.00" in budget and "margin after that cost: $1,700 (estimate)" in budget
    assert "each further $1.00 would return $10.00" in budget
    assert "4位已沉寂客户（近12个月消费$700.00）" in found.text_zh[0] and "“熟食”" in found.text_zh[1]
    assert "批准下季度客户接触预算$150.00" in found.text_zh[2] and "每再增加$1.00可带来$10.00" in found.text_zh[2]


def test_winning_back_says_how_many_return_by_themselves():
    """1.8 % of 351 whom nobody contacted; of 29 it is too few to say."""
    en, zh = decided(150).loc[0, ["text_en", "text_zh"]]
    assert (
        "with a control group: of 351 lapsed customers for whom no contact is recorded this quarter, 1.8% returned"
        in en
    )
    assert "并设置对照组：本季度351位没有联系记录的沉寂客户中，1.8%自行回流。" in zh
    for returned in (RETURNED.assign(n=29), RETURNED.iloc[:0]):
        en, zh = decided(150, returned=returned).loc[0, ["text_en", "text_zh"]]
        assert "with a control group. Strategy" in en and "并设置对照组。" in zh


def test_too_few_lapsed_customers_are_a_decision_without_their_numbers():
    found = decided(150, suppression.blank(REASONS, 5))
    assert found.amount_minor.isna().to_list() == [False, False, True]
    assert found.text_en.iloc[-1].startswith("Win back the lapsed customers") and "700" not in found.text_en.iloc[-1]
    assert found.text_zh.iloc[-1].startswith("挽回已沉寂客户") and "700" not in found.text_zh.iloc[-1]


def test_nobody_is_to_be_won_back_where_nobody_ever_came_back():
    came, never = (pd.DataFrame({"orders": [9], "buyers": [n]}) for n in (8, 9))
    assert decisions.winnable(REASONS, came).equals(REASONS)
    assert decided(150, decisions.winnable(REASONS, never)).text_en.str.contains("Win back").sum() == 0


def test_decisions_tell_a_broken_floor_and_a_budget_that_does_not_bind():
    assert "fall short by 2 customers" in decided(30).text_en.iloc[-1]
    assert "more budget would return nothing" in decided(10_000).text_en.iloc[-1]


def test_nothing_known_gives_no_decision(tmp_path):
    book = books.load(tmp_path)
    none = {
        name: registers.read(book, name)
        for name in ("strategies", "actions", "tasks", "adjustments", "trend_adaptations")
    }
    solved = allocation.solve(none["actions"], SIZES, rules(10))
    plan, limits = allocation.plan(solved, none["strategies"], BOOK), allocation.limits(solved, none["strategies"])
    found = decisions.decisions(plan, limits, MATRIX.iloc[:0], REASONS.iloc[:0], none["strategies"], Q4)
    known = decisions.with_returns(found, RETURNED.iloc[:0], 30)
    assert narrative_actions.decisions(decisions.with_campaigns(known, None, Q4), BOOK).empty
    assert schedule.gantt(none["tasks"], Q4).empty
    assert adjustments.log(none["adjustments"], none["strategies"], Q4).empty
    assert "No actions are registered" in str(narrative_resources.allocation(plan, limits, "en", BOOK))
    assert "尚未登记任务" in str(narrative_resources.schedule(schedule.gantt(none["tasks"], Q4), "zh"))
    assert "No actions" in charts_resources.budget_by_action(plan, "en", BOOK).get_figure(root=True).get_label()
