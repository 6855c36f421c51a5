"""Step 5: every KPI by quarter and tier, the scorecard, what each KPI exactly is."""

from crmlib.schema.model import Column, Register, Table

COLUMNS: dict[str, Column] = {
    "view": Column("string", "word", "View", "维度"),
    "layer": Column("string", "word", "Layer", "层面"),
    "better": Column("string", "word", "Better when", "优劣方向"),
    "before": Column("float64", "kpi", "Quarter before", "上季度"),
    "difference": Column("float64", "kpi", "Difference", "差值"),
    "change_share": Column("float64", "share", "Change", "变化率"),
    "has_tiers": Column("boolean", "", "By tier", "可分层级"),
    "numerator_text": Column("string", "", "Above the line", "分子"),
    "numerator_text_zh": Column("string", "", "Above the line (Chinese)", "分子(中文)"),
    "denominator_text": Column("string", "", "Below the line", "分母"),
    "denominator_text_zh": Column("string", "", "Below the line (Chinese)", "分母(中文)"),
    "window_text": Column("string", "", "Over", "统计期间"),
    "window_text_zh": Column("string", "", "Over (Chinese)", "统计期间(中文)"),
    "source_text": Column("string", "", "From", "数据来源"),
    "source_text_zh": Column("string", "", "From (Chinese)", "数据来源(中文)"),
    "missing_text": Column("string", "", "Not measured because", "未测得原因"),
    "missing_text_zh": Column("string", "", "Not measured because (Chinese)", "未测得原因(中文)"),
    "market_total": Column("float64", "number", "Market of the quarter", "季度市场规模", (0, 1e15)),
    "market_size_minor": Column("float64", "money", "Market of the quarter", "季度市场规模"),
    "market_share": Column("float64", "share", "Our share", "市场份额"),
    "share_change": Column("float64", "number", "Change (percentage points)", "份额变化（百分点）"),
    "is_comparable": Column("boolean", "", "Same source as before", "与上期同源"),
    "step": Column("string", "word", "Step", "步骤"),
    "anchor": Column("string", "", "Section", "章节"),
    "text_en": Column("string", "", "Finding", "结论"),
    "text_zh": Column("string", "", "Finding (Chinese)", "结论(中文)"),
}

TABLES: dict[str, Table] = {
    "kpis": Table(
        "one row per KPI, quarter and tier at the quarter's start; not computable is empty with no cases",
        ("kpi", "period", "tier"),
        ("kpi", "period", "tier", "kpi_unit", "kpi_value", "low", "high", "n", "provenance"),
        "KPIs by quarter", "各季度指标",
    ),
    "scorecard": Table(
        "one row per KPI in this quarter beside the quarter before",
        ("kpi",),
        ("layer", "view", "kpi", "kpi_unit", "better", "kpi_value", "low", "high", "n", "before", "difference",
         "change_share", "target", "movement", "provenance"),
        "KPI scorecard", "指标计分卡", "5.4",
    ),
    "kpi_definitions": Table(
        "one row per KPI",
        ("kpi",),
        ("kpi", "view", "layer", "better", "has_tiers", "numerator_text", "numerator_text_zh", "denominator_text",
         "denominator_text_zh", "window_text", "window_text_zh", "source_text", "source_text_zh", "missing_text",
         "missing_text_zh"),
        "What each KPI is", "指标定义", "5.4.1",
    ),
    "market_shares": Table(
        "one row per quarter whose market size is recorded",
        ("period",),
        ("period", "net_minor", "market_size_minor", "market_share", "share_change", "is_comparable", "source", "link",
         "n", "provenance"),
        "Share of the market", "市场份额",
    ),
    "findings": Table(
        "one row per finding of the first page, the most important first",
        ("rank",),
        ("rank", "step", "anchor", "text_en", "text_zh"),
        "Findings", "主要结论",
    ),
}  # fmt: skip

REGISTERS: dict[str, Register] = {
    "market_sizes": Register(
        "one row per quarter: what all suppliers of our market sold, in the book's currency, and who says so",
        ("period",),
        ("period", "market_total", "source", "link", "provenance"),
        ("period", "market_total", "source"),
        {"provenance": ("actual", "illustrative")},
        ("2017Q4", "12500000", "Trade association, quarterly report", "", "actual"),
    ),
}  # fmt: skip

WORDS: dict[str, dict[str, str]] = {
    code: {"en": en, "zh": zh}
    for code, en, zh in [
        ("layer_customer", "Customers", "客户层面"),
        ("layer_market", "Market", "市场层面"),
        ("layer_execution", "Execution", "执行层面"),
        ("repurchase_in_quarter", "Repurchase rate (in the quarter)", "季内复购率"),
        ("win_back_rate", "Win-back rate (contacted)", "挽回率（已联系）"),
        ("natural_return_rate", "Natural return rate (not contacted)", "自然回流率（未联系）"),
        ("acquisition_cost", "Acquisition cost per new customer", "获客成本"),
        ("clv_per_acquisition", "Value of new customers over their cost", "客户价值与获客成本之比"),
        ("market_share", "Market share", "市场份额"),
        ("market_share_change", "Change of market share (points)", "市场份额变化（百分点）"),
        ("target_reach", "Targeted customers reached", "目标客户触达率"),
        ("contact_sla_rate", "Contacts made in time", "联系及时率"),
        ("contacts_verified_rate", "Contact data verified", "联系方式核实率"),
        ("data_completeness", "Fields filled", "数据完整率"),
    ]
}
