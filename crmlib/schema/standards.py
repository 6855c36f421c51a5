"""Step 5: why customers leave, what is looked at again and when, what becomes standard, template table 4."""

from crmlib.schema.model import Column, Register, Table

_PROVENANCE = ("actual", "illustrative")
_KINDS = ("review_campaign", "review_strategy", "review_tiers", "review_standard")

COLUMNS: dict[str, Column] = {
    "standard_id": Column("string", "", "Standard", "标准编号"),
    "measure": Column("string", "", "Measure", "举措"),
    "measure_zh": Column("string", "", "Measure (Chinese)", "举措(中文)"),
    "pdca": Column("string", "word", "PDCA", "PDCA 阶段"),
    "pdca_evidence": Column("string", "word", "PDCA by the evidence", "依据证据的PDCA阶段"),
    "decision": Column("string", "word", "Decision", "决定"),
    "decision_reason": Column("string", "word", "Because", "原因"),
    "is_overdue": Column("boolean", "", "Review overdue", "复查逾期"),
    "days_overdue": Column("int64", "days", "Days overdue", "逾期天数"),
    "review_kind": Column("string", "word", "What", "复查对象"),
    "subject_id": Column("string", "", "Which", "对象编号"),
    "cadence_rule": Column("string", "word", "How often", "复查频率"),
    "reviewed_on": Column("date", "date", "Last looked at", "最近复查"),
    "review_due": Column("date", "date", "Due", "应复查日期"),
    "review_note": Column("string", "", "Result", "复查结果"),
    "asked_customers": Column("int64", "customers", "Said when asked", "回访时说明"),
    "complained_customers": Column("int64", "customers", "Had complained of", "曾投诉"),
    "churn_reason": Column("string", "word", "Reason", "流失原因类别"),
    "at_risk_share": Column("float64", "share", "Of the money at risk", "占风险金额"),
    "cumulative_share": Column("float64", "share", "Cumulative", "累计占比"),
    "strategy_name": Column("string", "", "Strategy", "策略名称"),
    "strategy_name_zh": Column("string", "", "Strategy (Chinese)", "策略名称(中文)"),
    "core_goal": Column("string", "", "Main goal", "核心目标"),
    "core_goal_zh": Column("string", "", "Main goal (Chinese)", "核心目标(中文)"),
    "review_window": Column("string", "", "Carried out", "执行周期"),
    "before_after": Column("string", "", "Key figures (before vs after)", "关键指标(执行前vs执行后)"),
    "before_after_zh": Column("string", "", "Key figures (Chinese)", "关键指标(中文)"),
    "assessment": Column("string", "word", "Assessment (by a test)", "效果评估"),
    "gap_reason": Column("string", "", "Reason of the difference", "差异分析"),
    "improvement": Column("string", "", "Improvement", "改进建议"),
}

TABLES: dict[str, Table] = {
    "effect_review": Table(
        "one row per customer and strategy of the last list, or per strategy; the last columns say which row it was",
        ("customer_id", "strategy_id"),
        ("customer_id", "customer_name", "strategy_name", "strategy_name_zh", "core_goal", "core_goal_zh",
         "review_window", "before_after", "before_after_zh", "assessment", "gap_reason", "improvement",
         "evidence_grade", "strategy_id", "period"),
        "Effect of each strategy, customer by customer", "策略效果分析复盘表", "5.1.1",
    ),
    "churn_reasons": Table(
        "one row per reason and tier at the start of the quarter; tier all is everyone",
        ("tier", "churn_reason"),
        ("tier", "churn_reason", "customers", "asked_customers", "complained_customers", "n", "customer_share", "at_risk_minor", "at_risk_share",
         "cumulative_share", "monetary_12m_minor", "is_thin", "provenance"),
        "Why customers stopped buying", "客户流失原因分析", "5.5",
    ),
    "standard_list": Table(
        "one row per measure proposed as a standard, with the decision that the evidence allows",
        ("standard_id",),
        ("standard_id", "strategy_id", "measure", "measure_zh", "kind", "decision", "decision_reason", "campaign_ids",
         "pdca", "pdca_evidence", "owner", "review_date", "is_overdue", "days_overdue", "provenance"),
        "Standard list", "长效机制建设清单", "5.3",
    ),
    "review_calendar": Table(
        "one row per thing under review, the most overdue first",
        ("review_kind", "subject_id"),
        ("review_kind", "subject_id", "cadence_rule", "reviewed_on", "review_due", "is_overdue", "days_overdue", "owner"),
        "What has to be looked at again", "复查日程", "5.3.1",
    ),
}  # fmt: skip

REGISTERS: dict[str, Register] = {
    "standards": Register(
        "one row per measure proposed as a standard",
        ("standard_id",),
        ("standard_id", "strategy_id", "measure", "measure_zh", "kind", "owner", "review_date", "pdca", "provenance"),
        ("standard_id", "strategy_id", "measure", "kind", "owner", "review_date", "pdca"),
        {"kind": ("sop", "template", "rule"), "pdca": ("plan", "do", "check", "act"), "provenance": _PROVENANCE},
        ("SD1", "ST1", "Monthly thank-you mail", "每月感谢邮件", "sop", "M. Chen", "2018-03-31", "check", "actual"),
    ),
    "review_log": Register(
        "one row per review that took place: of a campaign, a strategy, or the tiers (subject tiers)",
        ("review_kind", "subject_id", "reviewed_on"),
        ("review_kind", "subject_id", "reviewed_on", "review_note", "owner", "provenance"),
        ("review_kind", "subject_id", "reviewed_on", "owner"),
        {"review_kind": _KINDS[:3], "provenance": _PROVENANCE},
        ("review_strategy", "ST1", "2017-12-20", "Continue, fewer mails", "M. Chen", "actual"),
    ),
}  # fmt: skip

WORDS: dict[str, dict[str, str]] = {
    code: {"en": en, "zh": zh}
    for code, en, zh in [
        ("harm_shown", "A test with a control group showed harm", "对照检验显示有反作用"),
        ("effect_open", "A test with a control group could not tell", "对照检验无法判断"),
        ("test_running", "A test with a control group has not ended", "对照检验尚未结束"),
        ("review_campaign", "Short action", "短期活动"),
        ("review_strategy", "Strategy", "策略"),
        ("review_tiers", "Tiers", "客户分层"),
        ("review_standard", "Standard", "标准"),
        ("after_end", "Soon after its end", "结束后数日内"),
        ("each_quarter", "Every quarter", "每季度"),
        ("each_half_year", "Every half-year", "每半年"),
        ("as_dated", "On its own date", "按约定日期"),
        ("few_reasons", "Reasons of few customers", "其他少数原因"),
    ]
}
