"""Step 4: what next quarter's plan buys, what limits it, and when its tasks are due."""

from crmlib.schema.model import Column, Register, Table

COLUMNS: dict[str, Column] = {
    "done_date": Column("date", "date", "Done on", "完成日期"),
    "action_id": Column("string", "", "Action ID", "行动编号"),
    "action": Column("string", "", "Action", "行动"),
    "action_zh": Column("string", "", "Action (Chinese)", "行动(中文)"),
    "unit_cost": Column("float64", "number", "Cost per contact", "单次成本"),
    "unit_hours": Column("float64", "hours", "Hours per contact", "单次工时"),
    "unit_value": Column("float64", "number", "Expected margin per contact", "单次预期毛利"),
    "value_basis": Column("string", "word", "Basis of the value", "价值依据"),
    "cover_share": Column("float64", "share", "Must reach", "最低覆盖率"),
    "task_id": Column("string", "", "Task ID", "任务编号"),
    "task": Column("string", "", "Task", "任务"),
    "task_zh": Column("string", "", "Task (Chinese)", "任务(中文)"),
    "progress_share": Column("float64", "share", "Progress", "进度"),
    "depends_on": Column("string", "", "Depends on", "前置任务"),
    "contacts": Column("int64", "count", "Contacts", "接触次数"),
    "reached_share": Column("float64", "share", "Of the tier", "占该层级比例"),
    "cost_minor": Column("int64", "money", "Cost", "成本"),
    "hours": Column("float64", "hours", "Hours", "工时"),
    "value_minor": Column("int64", "money", "Expected margin after cost", "扣除成本后的预期毛利"),
    "limit_kind": Column("string", "word", "Limit", "约束"),
    "limit_amount": Column("float64", "number", "Allowed or required", "上限或下限"),
    "used_amount": Column("float64", "number", "Used", "已用"),
    "shadow_price": Column("float64", "number", "Margin per further unit", "每增加一单位的毛利"),
    "price_below": Column("float64", "number", "Mean over the last 10%", "最后10%的平均值"),
    "price_above": Column("float64", "number", "Mean over the next 10%", "再增10%的平均值"),
    "holds_from": Column("float64", "number", "Worth holds from", "该价值适用下限"),
    "holds_to": Column("float64", "number", "Worth holds to", "该价值适用上限"),
    "way": Column("string", "word", "Way out", "解决方式"),
    "amended_amount": Column("float64", "number", "Change to", "调整为"),
    "amended_share": Column("float64", "share", "Reach instead", "调整后覆盖率"),
    "budget_minor": Column("int64", "money", "Budget", "预算"),
    "budget_mark": Column("string", "word", "What it is", "说明"),
    "shortfall": Column("float64", "number", "Missing", "缺口"),
    "slippage_days": Column("int64", "days", "Days late", "延误天数"),
    "forecast_start": Column("date", "date", "Forecast start", "预计开始"),
    "forecast_date": Column("date", "date", "Forecast end", "预计完成"),
    "spare_days": Column("int64", "days", "Days to spare", "可宽延天数"),
    "is_critical": Column("boolean", "", "Critical", "关键任务"),
    "tasks": Column("int64", "count", "Tasks", "任务数"),
    "tasks_done": Column("int64", "count", "Done", "已完成"),
    "critical_tasks": Column("string", "", "Critical tasks", "关键任务清单"),
    "is_past_end": Column("boolean", "", "After the strategy's end", "超出策略期限"),
    "is_due": Column("boolean", "", "Due this quarter", "本季度到期"),
    "is_on_time": Column("boolean", "", "Done on time", "按时完成"),
    "is_blocked": Column("boolean", "", "Starts before what it needs", "早于前置任务完成"),
}

TABLES: dict[str, Table] = {
    "allocation": Table(
        "one row per action and tier",
        ("action_id", "tier"),
        ("action_id", "strategy_id", "tier", "action", "action_zh", "department", "department_zh", "contacts",
         "reached_share", "cover_share", "cost_minor", "hours", "value_minor", "value_basis", "owner", "start_date",
         "end_date", "provenance"),
        "Resource allocation", "资源分配清单", "4.3",
    ),
    "allocation_limits": Table(
        "one row per limit of the allocation: budget, hours, contacts per tier, cover floors",
        ("limit_kind", "department", "tier", "action_id"),
        ("limit_kind", "department", "department_zh", "tier", "action_id", "action", "action_zh", "limit_amount",
         "used_amount", "shadow_price", "price_below", "price_above", "holds_from", "holds_to", "shortfall"),
        "What limits the allocation", "资源约束与影子价格",
    ),
    "allocation_relaxations": Table(
        "one row per limit to change so that every floor can be met; each way is enough by itself",
        ("way", "limit_kind", "department", "tier", "action_id"),
        ("way", "limit_kind", "department", "department_zh", "tier", "action_id", "action", "action_zh", "limit_amount",
         "amended_amount", "cover_share", "amended_share"),
        "Ways to make the plan possible", "使计划可行的方式",
    ),
    "customer_contacts": Table(
        "one row per customer whom the plan contacts, when the plan is made customer by customer",
        ("customer_id",),
        ("customer_id", "tier", "action_id", "cost_minor", "value_minor"),
        "Contacts chosen customer by customer", "逐客户选定的接触",
    ),
    "budget_curve": Table(
        "one row per budget, from the least that meets the floors to one that brings nothing more",
        ("budget_minor", "budget_mark"),
        ("budget_minor", "value_minor", "shadow_price", "budget_mark", "provenance"),
        "What every budget would bring", "不同预算的预期毛利",
    ),
    "schedule": Table(
        "one row per task, in order of its start",
        ("task_id",),
        ("task_id", "strategy_id", "task", "task_zh", "owner", "start_date", "due_date", "done_date", "progress_share",
         "status", "slippage_days", "is_late", "is_due", "is_on_time", "depends_on", "is_blocked", "forecast_start",
         "forecast_date", "spare_days", "is_critical", "provenance"),
        "Gantt chart", "策略执行甘特图", "4.4",
    ),
    "strategy_forecasts": Table(
        "one row per strategy with tasks, the latest forecast first",
        ("strategy_id",),
        ("strategy_id", "strategy", "strategy_zh", "tasks", "tasks_done", "due_date", "forecast_date", "slippage_days",
         "end_date", "is_past_end", "critical_tasks", "owner", "provenance"),
        "When each strategy will be done", "各策略预计完成时间",
    ),
}  # fmt: skip

_PROVENANCE = ("actual", "illustrative")

REGISTERS: dict[str, Register] = {
    "actions": Register(
        "one row per action and tier that the budget may buy",
        ("action_id", "tier"),
        ("action_id", "strategy_id", "tier", "action", "action_zh", "department", "unit_cost", "unit_hours", "unit_value",
         "value_basis", "cover_share", "provenance"),
        ("action_id", "strategy_id", "tier", "action", "department", "unit_cost", "unit_hours", "unit_value", "value_basis"),
        {"value_basis": ("planner", "review"), "provenance": _PROVENANCE},
        ("AC1", "ST1", "high", "Personal offer by mail", "邮件专属优惠", "CRM team", "2.5", "0.02", "9", "planner", "0.5", "actual"),
    ),
    "tasks": Register(
        "one row per task of a strategy",
        ("task_id",),
        ("task_id", "strategy_id", "task", "task_zh", "owner", "start_date", "due_date", "done_date", "progress_share",
         "depends_on", "status", "provenance"),
        ("task_id", "strategy_id", "task", "owner", "start_date", "due_date", "progress_share", "status"),
        {"status": ("open", "done", "partial"), "provenance": _PROVENANCE},
        ("TK1", "ST1", "Draw the customer list", "提取客户名单", "M. Chen", "2018-01-02", "2018-01-12", "", "0.5", "", "open",
         "actual"),
    ),
}

WORDS = {
    code: {"en": en, "zh": zh}
    for code, en, zh in [
        ("lower_floors", "Lower floors", "降低最低覆盖要求"),
        ("raise_limits", "Raise budget or hours", "增加预算或工时"),
        ("least", "Least that meets the floors", "满足最低覆盖的最小预算"),
        ("planned", "The plan", "本计划"),
        ("worth_one", "Next unit brings less than one from here", "此后每增加一单位带来不足一单位"),
        ("saturated", "Nothing more from here", "此后不再增加毛利"),
    ]
}
