"""Step 5: did it work, and how sure are we."""

from crmlib.schema.model import Column, Register, Table

COLUMNS: dict[str, Column] = {
    "target_id": Column("string", "", "Target ID", "目标编号"),
    "kpi": Column("string", "word", "KPI", "指标"),
    "baseline": Column("float64", "kpi", "Baseline", "基线"),
    "target": Column("float64", "kpi", "Target", "目标"),
    "target_unit": Column("string", "word", "Unit", "单位"),
    "standard_id": Column("string", "", "Standard", "标准编号"),
    "measure": Column("string", "", "Measure", "举措"),
    "measure_zh": Column("string", "", "Measure (Chinese)", "举措(中文)"),
    "pdca": Column("string", "word", "PDCA", "PDCA 阶段"),
    # results; the unit of a 'kpi' column is in the row's `kpi_unit`
    "kpi_unit": Column("string", "word", "Measured in", "计量单位"),
    "kpi_value": Column("float64", "kpi", "Value", "数值"),
    "low": Column("float64", "kpi", "Low (95 %)", "下限 (95%)"),
    "high": Column("float64", "kpi", "High (95 %)", "上限 (95%)"),
    "n": Column("int64", "count", "Cases", "样本量"),
    "view": Column("string", "word", "View", "维度"),
    "better": Column("string", "word", "Better when", "优劣方向"),
    "before": Column("float64", "kpi", "Quarter before", "上季度"),
    "difference": Column("float64", "kpi", "Difference", "差值"),
    "change_share": Column("float64", "share", "Change", "变化率"),
    "movement": Column("string", "word", "Reading", "判读"),
    "days": Column("int64", "days", "Days", "天数"),
    "actual": Column("float64", "kpi", "Actual", "实际"),
    "target_gap": Column("float64", "kpi", "Actual less target", "实际与目标之差"),
    "attainment": Column("float64", "share", "Attainment", "达成率"),
    "evidence_grade": Column("string", "", "Evidence grade", "证据等级"),
    "outcome": Column("string", "word", "Outcome", "结果"),
    "question": Column("string", "word", "To be answered", "待分析问题"),
    "window": Column("string", "word", "Windows", "对比窗口"),
    "targeted": Column("int64", "customers", "Targeted", "目标客户"),
    "untargeted": Column("int64", "customers", "Not targeted", "非目标客户"),
    "targeted_before_minor": Column("float64", "money", "Targeted: a week before", "目标客户：活动前每周"),
    "targeted_during_minor": Column("float64", "money", "Targeted: a week during", "目标客户：活动中每周"),
    "targeted_change_share": Column("float64", "share", "Targeted: change", "目标客户：变化率"),
    "untargeted_before_minor": Column("float64", "money", "Others: a week before", "非目标客户：活动前每周"),
    "untargeted_during_minor": Column("float64", "money", "Others: a week during", "非目标客户：活动中每周"),
    "untargeted_change_share": Column("float64", "share", "Others: change", "非目标客户：变化率"),
    "mark": Column("string", "word", "Question", "题目"),
    "mark_before": Column("float64", "number", "Mean before", "上次均值"),
    "mark_after": Column("float64", "number", "Mean now", "本次均值"),
    "mark_change": Column("float64", "number", "Mean change", "平均变化"),
    "mark_low": Column("float64", "number", "Low (95 %)", "变化下限 (95%)"),
    "mark_high": Column("float64", "number", "High (95 %)", "变化上限 (95%)"),
    "decision": Column("string", "word", "Decision", "决定"),
    "decision_reason": Column("string", "word", "Because", "原因"),
    "is_overdue": Column("boolean", "", "Review overdue", "复查逾期"),
    "step": Column("string", "word", "Step", "步骤"),
    "anchor": Column("string", "", "Section", "章节"),
    "text_en": Column("string", "", "Finding", "结论"),
    "text_zh": Column("string", "", "Finding (Chinese)", "结论(中文)"),
}

TABLES: dict[str, Table] = {
    "kpis": Table(
        "one row per KPI and quarter; not computable is empty with no cases",
        ("kpi", "period", "tier"),
        ("kpi", "period", "tier", "kpi_unit", "kpi_value", "low", "high", "n", "provenance"),
        "KPIs by quarter",
        "各季度指标",
    ),
    "scorecard": Table(
        "one row per KPI in this quarter beside the quarter before",
        ("kpi",),
        ("view", "kpi", "kpi_unit", "better", "kpi_value", "low", "high", "n", "before", "difference", "change_share",
         "target", "movement", "provenance"),
        "KPI scorecard",
        "指标计分卡",
    ),
    "effects": Table(
        "one row per target that was set by the end of the quarter",
        ("target_id",),
        ("target_id", "strategy_id", "strategy", "strategy_zh", "tier", "start_date", "end_date", "kpi", "kpi_unit",
         "baseline", "target", "target_unit", "actual", "low", "high", "n", "target_gap", "attainment", "due_date",
         "evidence_grade", "outcome", "question", "owner", "provenance"),
        "Effect report",
        "策略效果评估报告",
        "5.1",
    ),
    "campaign_windows": Table(
        "one row per campaign that ran in the quarter: weekly spend per customer before and during, attributed to nothing",
        ("campaign_id",),
        ("campaign_id", "campaign_kind", "start_date", "end_date", "days", "window", "targeted", "targeted_before_minor",
         "targeted_during_minor", "targeted_change_share", "untargeted", "untargeted_before_minor", "untargeted_during_minor",
         "untargeted_change_share"),
        "Campaigns, before and during (descriptive, not attributed)",
        "营销活动前后对比（描述性，不作归因）",
    ),
    "resurvey": Table(
        "one row per survey question, over the customers who answered in this quarter and in the one before",
        ("mark",),
        ("mark", "n", "mark_before", "mark_after", "mark_change", "mark_low", "mark_high", "movement", "provenance"),
        "Feedback re-survey",
        "客户反馈复评表",
        "5.2",
    ),
    "standard_list": Table(
        "one row per measure proposed as a standard, with the decision that the evidence allows",
        ("standard_id",),
        ("standard_id", "strategy_id", "measure", "measure_zh", "kind", "pdca", "decision", "decision_reason", "owner",
         "review_date", "is_overdue", "provenance"),
        "Standard list",
        "长效机制建设清单",
        "5.3",
    ),
    "findings": Table(
        "one row per finding of the first page, the most important first",
        ("rank",),
        ("rank", "step", "anchor", "text_en", "text_zh"),
        "Findings",
        "主要结论",
    ),
}

# The KPIs a target may name; `crmlib.kpi` computes them and a test holds the two together.
_KPIS = (
    "net_revenue", "orders", "average_ticket", "gross_revenue_retention", "net_revenue_retention", "active_customers",
    "new_customers", "retained_customers", "reactivated_customers", "retention_rate", "churn_rate", "repurchase_rate",
    "orders_per_customer", "csat", "nps", "first_reply_rate", "analysis_24h_rate", "on_time_rate", "completion_rate",
    "standards_adopted",
)  # fmt: skip

REGISTERS: dict[str, Register] = {
    "targets": Register(
        "one row per target of a strategy: a KPI, from baseline to target by a date",
        ("target_id",),
        ("target_id", "strategy_id", "kpi", "baseline", "target", "target_unit", "due_date", "owner", "provenance"),
        ("target_id", "strategy_id", "kpi", "baseline", "target", "target_unit", "due_date", "owner"),
        {"kpi": _KPIS, "target_unit": ("pp", "pct", "abs"), "provenance": ("actual", "illustrative")},
        ("G1", "ST1", "retention_rate", "0.90", "0.92", "pp", "2017-12-31", "M. Chen", "actual"),
    ),
    "standards": Register(
        "one row per measure proposed as a standard",
        ("standard_id",),
        ("standard_id", "strategy_id", "measure", "measure_zh", "kind", "owner", "review_date", "pdca", "provenance"),
        ("standard_id", "strategy_id", "measure", "kind", "owner", "review_date", "pdca"),
        {"kind": ("sop", "template", "rule"), "pdca": ("plan", "do", "check", "act"),
         "provenance": ("actual", "illustrative")},
        ("SD1", "ST1", "Monthly thank-you mail", "每月感谢邮件", "sop", "M. Chen", "2018-03-31", "check", "actual"),
    ),
}

WORDS: dict[str, dict[str, str]] = {
    code: {"en": en, "zh": zh}
    for code, en, zh in [
        ("not_effective", "Not effective", "无效"),
        ("harmful", "Harmful", "无效（反向）"),
        ("inconclusive", "Cannot tell", "无法判断"),
        ("effect_proven", "There is an effect", "确有作用"),
    ]
}
