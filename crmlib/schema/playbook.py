"""Step 4: starting templates, loyalty levels, contact channels, and how customers are won back."""

from crmlib.schema.model import Column, Register, Table

_PROVENANCE = ("actual", "illustrative")
REASONS = ("price", "quality", "range", "service", "competitor", "moved", "need_gone", "no_answer", "other_reason")
RESULTS = ("came_back", "promised", "refused", "not_reached")

COLUMNS: dict[str, Column] = {
    "group_kind": Column("string", "word", "Grouped by", "分组方式"),
    "group_code": Column("string", "word", "Customers", "适用客群"),
    "plan_state": Column("string", "word", "State", "确定状态"),
    "typical_days": Column("float64", "days", "Days since last order (median)", "距上次购买天数(中位数)"),
    "typical_orders": Column("float64", "orders", "Orders in 12 months (median)", "近12个月订单数(中位数)"),
    "decided_ids": Column("string", "", "Strategies decided", "已确定策略"),
    "loyalty_level": Column("string", "", "Loyalty level", "会员等级"),
    "loyalty_level_zh": Column("string", "", "Loyalty level (Chinese)", "会员等级(中文)"),
    "earn_rate": Column("float64", "number", "Points per unit spent", "每消费1元积分", (0, 1000)),
    "point_value": Column("float64", "number", "Value of a point", "每分价值", (0, 1000)),
    "redemption_share": Column("float64", "share", "Points ever redeemed", "预计兑换比例", (0, 1)),
    "redeemed_share": Column("float64", "share", "Points redeemed so far", "已兑换比例", (0, 1)),
    "perks": Column("string", "", "Perks", "权益"),
    "perks_zh": Column("string", "", "Perks (Chinese)", "权益(中文)"),
    "perks_cost": Column("float64", "number", "Perks per customer and quarter", "每客户每季度权益成本", (0, 1e9)),
    "quarter_spend_minor": Column("int64", "money", "Spend this quarter", "本季度消费"),
    "points_issued": Column("int64", "count", "Points issued", "发放积分"),
    "points_expected": Column("int64", "count", "Points expected to be redeemed", "预计兑换积分"),
    "points_cost_minor": Column("int64", "money", "Cost of the points", "积分成本"),
    "perks_minor": Column("int64", "money", "Cost of the perks", "权益成本"),
    "liability_minor": Column("int64", "money", "Owed in points", "积分负债"),
    "cost_share": Column("float64", "share", "Cost of spend", "成本占消费比例"),
    "breakeven_uplift": Column("float64", "share", "Spend must rise by", "保本所需消费增幅"),
    "purpose": Column("string", "", "Purpose", "联系目的"),
    "purpose_zh": Column("string", "", "Purpose (Chinese)", "联系目的(中文)"),
    "cadence_quarter": Column("float64", "number", "Contacts per customer and quarter", "每客户每季度次数", (0, 1000)),
    "sla_hours": Column("float64", "hours", "Done within (hours)", "时限(小时)", (0, 10_000)),
    "tier_cadence": Column("float64", "number", "All channels, per customer", "各渠道合计每客户次数"),
    "contact_limit": Column("float64", "number", "At most per customer", "每客户次数上限"),
    "is_over": Column("boolean", "", "Over the limit", "超出上限"),
    "playbook_step": Column("string", "", "Step", "步骤"),
    "day_offset": Column("int64", "days", "Day after the alert", "预警后第几天", (0, 366)),
    "who": Column("string", "", "Who", "执行人"),
    "playbook_what": Column("string", "", "What", "动作"),
    "playbook_what_zh": Column("string", "", "What (Chinese)", "动作(中文)"),
    "offer": Column("string", "", "Offer", "挽回优惠"),
    "offer_zh": Column("string", "", "Offer (Chinese)", "挽回优惠(中文)"),
    "question_asked": Column("string", "", "Reason asked for", "询问的原因"),
    "question_asked_zh": Column("string", "", "Reason asked for (Chinese)", "询问的原因(中文)"),
    "lesson": Column("string", "", "Lesson", "经验教训"),
    "lesson_zh": Column("string", "", "Lesson (Chinese)", "经验教训(中文)"),
    "contacted_on": Column("date", "date", "Contacted on", "联系日期"),
    "winback_reason": Column("string", "word", "Reason given", "流失原因"),
    "winback_result": Column("string", "word", "Result", "挽回结果"),
}

TABLES: dict[str, Table] = {
    "strategy_proposals": Table(
        "one row per tier, reason in the lowest tier, and level: the starting template, filled with this quarter's numbers",
        ("group_kind", "group_code"),
        ("group_kind", "group_code", "tier", "plan_state", "decided_ids", "customers", "customer_share",
         "monetary_12m_minor", "revenue_share", "typical_days", "typical_orders", "strategy", "strategy_zh",
         "measures", "measures_zh", "channel", "channel_zh", "cadence", "cadence_zh", "resources", "resources_zh",
         "incentive", "incentive_zh", "kpi", "kpi_unit", "baseline", "target", "target_unit", "expected",
         "expected_zh", "provenance"),
        "Strategy templates", "策略模板", "4.1.1",
    ),
    "loyalty_costs": Table(
        "one row per loyalty level, best tier first",
        ("tier",),
        ("loyalty_level", "loyalty_level_zh", "tier", "customers", "quarter_spend_minor", "earn_rate", "point_value",
         "redemption_share", "points_issued", "points_expected", "points_cost_minor", "perks", "perks_zh",
         "perks_minor", "cost_minor", "cost_share", "liability_minor", "breakeven_uplift", "owner", "provenance"),
        "Loyalty levels: cost and liability", "会员等级成本与积分负债", "4.9.1",
    ),
    "contact_plan": Table(
        "one row per tier and channel, best tier first",
        ("tier", "channel", "purpose"),
        ("tier", "channel", "channel_zh", "purpose", "purpose_zh", "cadence_quarter", "customers", "contacts",
         "unit_cost", "cost_minor", "owner", "sla_hours", "tier_cadence", "contact_limit", "is_over", "provenance"),
        "Contact channels by tier", "分层联系渠道计划", "4.9.2",
    ),
    "winback_plan": Table(
        "one row per step after an alert, in order",
        ("playbook_step",),
        ("playbook_step", "day_offset", "due_date", "who", "playbook_what", "playbook_what_zh", "offer", "offer_zh",
         "question_asked", "question_asked_zh", "lesson", "lesson_zh", "provenance"),
        "Winning customers back", "客户挽回手册", "4.9.3",
    ),
}  # fmt: skip

REGISTERS: dict[str, Register] = {
    "loyalty_levels": Register(
        "one row per loyalty level, each for one tier; rates per unit of the book's currency",
        ("tier",),
        ("tier", "loyalty_level", "loyalty_level_zh", "earn_rate", "point_value", "redemption_share", "redeemed_share",
         "perks", "perks_zh", "perks_cost", "owner", "provenance"),
        ("tier", "loyalty_level", "earn_rate", "point_value", "redemption_share", "owner"),
        {"provenance": _PROVENANCE},
        ("high", "Gold", "金卡", "2", "0.01", "0.7", "0.2", "Free delivery", "免运费", "3", "M. Chen", "actual"),
    ),
    "channel_plan": Register(
        "one row per tier, channel and purpose",
        ("tier", "channel", "purpose"),
        ("tier", "channel", "channel_zh", "purpose", "purpose_zh", "cadence_quarter", "unit_cost", "owner", "sla_hours",
         "provenance"),
        ("tier", "channel", "purpose", "cadence_quarter", "unit_cost", "owner"),
        {"provenance": _PROVENANCE},
        ("high", "phone", "电话", "Thank-you call", "致谢电话", "1", "4.5", "M. Chen", "24", "actual"),
    ),
    "winback_playbook": Register(
        "one row per step after an early warning",
        ("playbook_step",),
        ("playbook_step", "day_offset", "who", "playbook_what", "playbook_what_zh", "offer", "offer_zh",
         "question_asked", "question_asked_zh", "lesson", "lesson_zh", "provenance"),
        ("playbook_step", "day_offset", "who", "playbook_what"),
        {"provenance": _PROVENANCE},
        ("WB1", "2", "S. Okafor", "Call", "电话回访", "none yet", "暂无", "What kept you away?", "什么原因没有再来？",
         "Evenings work better", "傍晚联系效果更好", "actual"),
    ),
    "winback_log": Register(
        "one row per contact with a customer who had stopped buying",
        ("customer_id", "contacted_on"),
        ("customer_id", "contacted_on", "winback_reason", "offer", "winback_result", "lesson", "owner", "provenance"),
        ("customer_id", "contacted_on", "winback_reason", "winback_result"),
        {"winback_reason": REASONS, "winback_result": RESULTS, "provenance": _PROVENANCE},
        ("1004", "2017-11-14", "price", "USD 5 voucher", "promised", "Compares prices of basics", "S. Okafor", "actual"),
    ),
}  # fmt: skip

WORDS: dict[str, dict[str, str]] = {
    code: {"en": en, "zh": zh}
    for code, en, zh in [
        ("group_tier", "Tier", "客户层级"),
        ("group_reason", "Reason in the lowest tier", "流失风险原因"),
        ("group_level", "Value level", "价值等级"),
        ("decided", "Decided", "已确定"),
        ("from_template", "Template, not decided", "模板，尚未确定"),
        ("service", "Service", "服务"),
        ("quality", "Quality", "质量"),
        ("range", "Range", "品类不足"),
        ("moved", "Moved away", "搬迁"),
        ("need_gone", "No need any more", "不再需要"),
        ("no_answer", "Gave no reason", "未说明"),
        ("other_reason", "Another reason", "其他原因"),
        ("came_back", "Came back", "已回流"),
        ("promised", "Promised to come", "承诺再来"),
        ("refused", "Refused", "拒绝"),
        ("not_reached", "Not reached", "未联系上"),
    ]
}
