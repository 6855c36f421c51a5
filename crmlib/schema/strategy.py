"""Step 4: who gets what, by whom, when, at what cost."""

from crmlib.schema.model import Column, Register, Table

COLUMNS: dict[str, Column] = {
    "strategy_id": Column("string", "", "Strategy ID", "策略编号"),
    "strategy": Column("string", "", "Core strategy", "核心策略"),
    "strategy_zh": Column("string", "", "Core strategy (Chinese)", "核心策略(中文)"),
    "measures": Column("string", "", "Measures", "具体措施"),
    "measures_zh": Column("string", "", "Measures (Chinese)", "具体措施(中文)"),
    "department": Column("string", "", "Department", "责任部门"),
    "department_zh": Column("string", "", "Department (Chinese)", "责任部门(中文)"),
    "resources": Column("string", "", "Resources", "资源投入"),
    "resources_zh": Column("string", "", "Resources (Chinese)", "资源投入(中文)"),
    "channel": Column("string", "word", "Channel", "渠道"),
    "channel_zh": Column("string", "", "Channel (Chinese)", "渠道(中文)"),
    "cadence": Column("string", "", "Cadence", "频次"),
    "cadence_zh": Column("string", "", "Cadence (Chinese)", "频次(中文)"),
    "incentive": Column("string", "", "Incentive", "激励"),
    "incentive_zh": Column("string", "", "Incentive (Chinese)", "激励(中文)"),
    "start_date": Column("date", "date", "Start", "开始日期"),
    "end_date": Column("date", "date", "End", "结束日期"),
    "due_date": Column("date", "date", "Due", "截止日期"),
    "adaptation_id": Column("string", "", "Adaptation ID", "适配编号"),
    "trigger": Column("string", "", "Trigger", "触发条件"),
    "trigger_zh": Column("string", "", "Trigger (Chinese)", "触发条件(中文)"),
    "adaptation": Column("string", "", "Adaptation", "适配措施"),
    "adaptation_zh": Column("string", "", "Adaptation (Chinese)", "适配措施(中文)"),
    "tiers": Column("string", "word", "Tiers", "客户层级"),
    "status": Column("string", "word", "Status", "状态"),
    "expected": Column("string", "", "Expected result", "预期目标"),
    "expected_zh": Column("string", "", "Expected result (Chinese)", "预期目标(中文)"),
    "is_late": Column("boolean", "", "Overdue", "逾期"),
    "amount_minor": Column("int64", "money", "Amount", "金额"),
}

TABLES: dict[str, Table] = {
    "tier_strategies": Table(
        "one row per strategy, best tier first; a tier without one has its template, which nobody has decided",
        ("tier", "strategy_id"),
        ("strategy_id", "plan_state", "tier", "customers", "customer_share", "monetary_12m_minor", "revenue_share", "strategy",
         "strategy_zh", "measures", "measures_zh", "expected", "expected_zh", "department", "department_zh", "resources",
         "resources_zh", "channel", "channel_zh", "cadence", "cadence_zh", "incentive", "incentive_zh", "opportunity_id",
         "opportunity", "opportunity_zh", "opportunity_score", "stake_minor", "owner", "start_date", "end_date",
         "provenance"),
        "Tier strategy table", "分层客户维护策略表", "4.1",
    ),
    "adaptation_plan": Table(
        "one row per planned answer to a trend, the strongest factor first",
        ("adaptation_id",),
        ("adaptation_id", "trigger", "trigger_zh", "factor_id", "factor", "factor_zh", "impact_points", "adaptation",
         "adaptation_zh", "tiers", "owner", "due_date", "status", "is_late", "provenance"),
        "Trend adaptation plan", "市场趋势适配策略计划", "4.2",
    ),
}  # fmt: skip

_PROVENANCE = ("actual", "illustrative")

REGISTERS: dict[str, Register] = {
    "strategies": Register(
        "one row per strategy, each for one tier",
        ("strategy_id",),
        ("strategy_id", "tier", "strategy", "strategy_zh", "measures", "measures_zh", "department", "department_zh",
         "resources", "resources_zh", "channel", "channel_zh", "cadence", "cadence_zh", "incentive", "incentive_zh",
         "opportunity_id", "owner", "start_date", "end_date", "provenance"),
        ("strategy_id", "tier", "strategy", "measures", "department", "owner", "start_date", "end_date"),
        {"provenance": _PROVENANCE},
        ("ST1", "high", "Keep and thank", "维系与致谢", "Personal offers; early access", "专属优惠；优先购买", "CRM team", "客户关系部",
         "1 analyst", "1名分析师", "app and mail", "应用与邮件", "monthly", "每月", "double points", "双倍积分", "O1", "M. Chen",
         "2018-01-02", "2018-03-31", "actual"),
    ),
    "trend_adaptations": Register(
        "one row per planned answer to a trend or a competitor's move",
        ("adaptation_id",),
        ("adaptation_id", "trigger", "trigger_zh", "factor_id", "adaptation", "adaptation_zh", "tiers", "owner", "due_date",
         "status", "provenance"),
        ("adaptation_id", "trigger", "adaptation", "tiers", "owner", "due_date", "status"),
        {"status": ("open", "done", "partial"), "provenance": _PROVENANCE},
        ("A1", "Rival opens within 3 km", "竞争对手在3公里内开店", "E1", "Price-match 200 basics", "200种基础商品比价", "high; potential",
         "M. Chen", "2018-02-28", "open", "actual"),
    ),
}
