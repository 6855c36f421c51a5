"""Step 4: the list people work with: which customer gets which measure, why, when; what was done; each strategy's thread."""

from crmlib.schema.model import Column, Table

COLUMNS: dict[str, Column] = {
    "action_place": Column("int64", "number", "Place in the tier", "层级内次序"),
    "action_reason": Column("string", "word", "Reason", "行动原因"),
    "action_why": Column("string", "", "Why this customer", "行动依据"),
    "action_why_zh": Column("string", "", "Why this customer (Chinese)", "行动依据(中文)"),
    "stake_basis": Column("string", "word", "What is at stake", "涉及金额口径"),
    "customer_stake_minor": Column("int64", "money", "Value at stake (next 12 months)", "涉及价值(未来12个月)"),
    "completion_status": Column("string", "word", "Done?", "完成状态"),
    "actual_execution": Column("string", "", "What was done", "实际执行情况"),
    "execution_note": Column("string", "", "Why not, or what went well", "未完成原因/完成亮点"),
    "strategy_type": Column("string", "", "Strategy", "策略类型"),
    "strategy_type_zh": Column("string", "", "Strategy (Chinese)", "策略类型(中文)"),
    "strategy_content": Column("string", "", "What to do", "策略内容描述"),
    "strategy_content_zh": Column("string", "", "What to do (Chinese)", "策略内容描述(中文)"),
    "plan_window": Column("string", "", "Planned for", "计划执行周期"),
    "action_outcome": Column("string", "word", "Gets a measure?", "安排结果"),
    "contacts_listed": Column("int64", "count", "Contacts on the list", "清单中的接触次数"),
    "contacts_unplaced": Column("int64", "count", "Funded, not placed", "已分配未安排"),
    "first_due_date": Column("date", "date", "First due", "最早截止"),
    "last_due_date": Column("date", "date", "Last due", "最晚截止"),
    "factor_ids": Column("string", "", "Outside factors", "外部因素编号"),
    "action_ids": Column("string", "", "Actions", "行动编号列表"),
    "campaign_ids": Column("string", "", "Campaigns", "活动编号列表"),
    "target_ids": Column("string", "", "Targets", "目标编号列表"),
    "task_ids": Column("string", "", "Tasks", "任务编号列表"),
    "held_out_share": Column("float64", "share", "Held out", "对照组比例"),
    "tasks_late": Column("int64", "count", "Tasks overdue", "逾期任务"),
    "review_outcomes": Column("string", "word", "Last review", "最近评估结论"),
}

TABLES: dict[str, Table] = {
    "customer_actions": Table(
        "one row per customer and measure in the coming quarter; held-out customers are listed without a date",
        ("customer_id", "action_id"),
        ("customer_id", "tier", "action_id", "strategy_id", "campaign_id", "arm", "action_place", "customer_stake_minor",
         "stake_basis", "action_reason", "action_why", "action_why_zh", "next_tier", "gap_days", "gap_orders", "gap_minor",
         "channel", "channel_zh", "owner", "due_date", "period", "completion_status", "actual_execution",
         "execution_note"),
        "Customer action list", "客户行动清单",
    ),
    "strategy_tracking": Table(
        "one row per customer and measure; the last columns tell the next run which row it was",
        ("customer_id", "action_id"),
        ("customer_id", "customer_name", "tier", "strategy_type", "strategy_type_zh", "strategy_content",
         "strategy_content_zh", "owner", "plan_window", "expected", "expected_zh", "actual_execution",
         "completion_status", "execution_note", "strategy_id", "action_id", "period"),
        "Strategies and their execution", "销售策略制定与执行跟踪表", "4.8",
    ),
    "action_coverage": Table(
        "one row per tier and outcome; the outcomes of a tier are all of its customers",
        ("tier", "action_outcome"),
        ("tier", "action_outcome", "customers", "customer_share", "customer_stake_minor"),
        "Who gets a measure, and who does not", "客户覆盖与未覆盖原因",
    ),
    "action_totals": Table(
        "one row per action and tier",
        ("action_id", "tier"),
        ("action_id", "strategy_id", "campaign_id", "tier", "action", "action_zh", "contacts", "contacts_listed",
         "contacts_unplaced", "hours", "cost_minor", "owner", "first_due_date", "last_due_date"),
        "Measures on the list", "清单中的行动",
    ),
    "action_execution": Table(
        "one row per action of the list that the quarter before made, and status",
        ("action_id", "completion_status"),
        ("period", "action_id", "completion_status", "customers"),
        "What was done of the last list", "上期清单执行情况",
    ),
    "decisions": Table(
        "one row per decision that leadership must take this quarter, the largest first",
        ("rank",),
        ("rank", "anchor", "text_en", "text_zh", "amount_minor", "owner", "due_date", "strategy_id", "campaign_ids"),
        "Decisions", "本季度决策事项",
    ),
    "strategy_thread": Table(
        "one row per strategy, from evidence to verdict",
        ("strategy_id",),
        ("strategy_id", "strategy", "strategy_zh", "tier", "factor_ids", "opportunity_id", "opportunity",
         "opportunity_zh", "opportunity_score", "action_ids", "contacts", "cost_minor", "value_minor", "owner",
         "start_date", "end_date", "campaign_ids", "held_out_share", "target_ids", "expected", "expected_zh",
         "task_ids", "progress_share", "tasks_late", "review_outcomes", "provenance"),
        "Each strategy from evidence to verdict", "策略全链条：从依据到结论", "4.9",
    ),
}  # fmt: skip

WORDS: dict[str, dict[str, str]] = {
    code: {"en": en, "zh": zh}
    for code, en, zh in [
        ("stake_risk", "Expected loss", "预计流失金额"),
        ("stake_clv", "Expected value", "预期价值"),
        ("stake_spend", "Spend of 12 months", "近12个月消费"),
        ("reason_silence", "Early warning", "流失预警"),
        ("reason_near", "Near the next tier", "接近上一层级"),
        ("reason_best", "In the best tier", "已属最高层级"),
        ("reason_grow", "Can grow", "具备提升空间"),
        ("reason_lapsed", "Stopped buying", "已停止购买"),
        ("reason_new", "New", "新客户"),
        ("reason_low_frequency", "Buys seldom", "购买次数少"),
        ("reason_low_value", "Buys little", "消费金额低"),
        ("listed", "Gets a measure", "安排了行动"),
        ("is_held_out", "Held out for comparison", "保留为对照组"),
        ("no_consent", "No consent", "未同意联系"),
        ("cooling_off", "Contacted recently", "近期已联系（冷却期）"),
        ("no_time", "No hours left in the window", "执行期内工时不足"),
        ("campaign_place", "Place kept for a campaign", "名额已用于活动"),
        ("not_funded", "No contact funded", "未分配接触预算"),
        ("not_reviewed", "Not reviewed yet", "尚未评估"),
    ]
}
