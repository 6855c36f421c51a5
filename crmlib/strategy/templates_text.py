"""Starting templates, words only: for each tier, each reason in the lowest tier, and each value level.

In braces stand this quarter's numbers: {customers}, {spend} (of the group, 12 months), {each} (per customer), {days}
(median days since the last order), {late} (twice that), {orders} (median orders in 12 months). `kpi` is measured on all
customers, as the review does; `step` is the proposed change, in the unit that follows (pp: 0.005 is half a percentage
point; pct: 0.02 is two per cent of the baseline).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Template:
    """One starting point. Pairs are (English, Chinese)."""

    kind: str
    code: str
    strategy: tuple[str, str]
    measures: tuple[str, str]
    channel: tuple[str, str]
    cadence: tuple[str, str]
    resources: tuple[str, str]
    incentive: tuple[str, str]
    kpi: str
    step: float
    unit: str


TEMPLATES: tuple[Template, ...] = (
    Template(
        "group_tier", "high",
        ("Keep and thank", "维系与致谢"),
        (
            "Personal contact by name; first choice of new products; a call when {late} days pass without an "
            "order (half of them ordered within {days})",
            "专人联系；新品优先选购；超过{late}天未下单即致电（半数客户{days}天内有订单）",
        ),
        ("phone and personal mail", "电话与专属邮件"),
        ("once a month, at most one offer at a time", "每月一次，同一时间只发一项优惠"),
        (
            "One contact person for the {customers} customers, about half an hour each per quarter",
            "为{customers}位客户指定专属联系人，每人每季度约半小时",
        ),
        ("thanks and service rather than discounts", "以致谢与服务为主，少用折扣"),
        "retention_rate", 0.005, "pp",
    ),
    Template(
        "group_tier", "potential",
        ("One more reason to come", "再多一个购买理由"),
        (
            "Offer of a product group not yet bought; reminder after {late} days without an order; show what the "
            "next tier gives",
            "推荐尚未购买的品类；{late}天未下单发送提醒；说明升级后的权益",
        ),
        ("app or mail", "App或邮件"),
        ("every two weeks until the next order, then monthly", "下单前每两周一次，之后每月一次"),
        (
            "One analyst for the lists; an offer for each of the {customers} customers",
            "1名分析师负责名单；为{customers}位客户各准备一项优惠",
        ),
        ("a reward on the first purchase in a new product group", "首次购买新品类的奖励"),
        "orders_per_customer", 0.02, "pct",
    ),
    Template(
        "group_tier", "general",
        ("Make it a habit", "培养购买习惯"),
        (
            "Reward for a second order within a month; plain information about prices; one survey a year about "
            "what is missing",
            "一个月内再次下单奖励；清晰的价格信息；每年一次需求调查",
        ),
        ("mail and till", "邮件与收银小票"),
        ("monthly", "每月一次"),
        (
            "Automatic mailing; no personal contact (they spent {each} each in 12 months)",
            "自动邮件，不做人工联系（近12个月人均消费{each}）",
        ),
        ("points or a small voucher for the second order", "二次下单积分或小额代金券"),
        "active_customers", 0.01, "pct",
    ),
    Template(
        "group_tier", "risk",
        ("Ask, then win back", "先了解原因，再挽回"),
        (
            "Sort by reason first; call those with most at stake within seven days of an alert; a plain voucher "
            "for the rest",
            "先按原因分类；预警后七天内致电价值最高的客户；其余发放无门槛代金券",
        ),
        ("phone for the few, mail for the many", "少数电话，多数邮件"),
        ("once per alert", "每次预警一次"),
        (
            "Callers for a few hours a week; {spend} of 12-month spend is at stake in this tier",
            "外呼人员每周数小时；该层级涉及近12个月消费{spend}",
        ),
        ("a voucher without conditions, once", "一次性无门槛代金券"),
        "reactivated_customers", 0.1, "pct",
    ),
    Template(
        "group_reason", "lapsed",
        ("Revisit within a week", "一周内回访"),
        (
            "Call, ask for the reason, write it down; offer only what answers it; leave alone those who decline",
            "致电询问原因并记录；仅提供针对性的方案；明确拒绝者不再打扰",
        ),
        ("phone, then mail", "先电话，后邮件"),
        ("three contacts at most", "最多三次联系"),
        (
            "A call guide and a list of reasons; part of the {customers} customers kept as a control group, "
            "because some may return anyway",
            "话术与原因清单；{customers}位客户中留出对照组，因部分客户可能自行回流",
        ),
        ("depends on the reason given", "视原因而定"),
        "reactivated_customers", 0.1, "pct",
    ),
    Template(
        "group_reason", "new",
        ("Welcome to the second order", "促成第二次购买"),
        (
            "Welcome message, what is worth knowing, a reason for the second order within {late} days",
            "欢迎信息与使用指引；{late}天内促成第二次下单",
        ),
        ("mail or app", "邮件或App"),
        ("three messages in the first month", "首月三次"),
        ("Automatic series, written once", "自动化系列信息，一次编写"),
        ("a small reward on the second order", "第二单小额奖励"),
        "repurchase_rate", 0.01, "pp",
    ),
    Template(
        "group_reason", "low_frequency",
        ("One more occasion", "增加一次购买场合"),
        (
            "Tie the offer to the usual weekday or season; reminder after {late} days",
            "优惠与其常购日或季节挂钩；{late}天未下单提醒",
        ),
        ("mail or app", "邮件或App"),
        ("monthly", "每月一次"),
        ("One analyst for the occasions", "1名分析师梳理购买场合"),
        ("reward for two orders within a month", "一个月内两次下单奖励"),
        "orders_per_customer", 0.02, "pct",
    ),
    Template(
        "group_reason", "low_value",
        ("Fill the basket", "丰富购物篮"),
        (
            "Suggest what others buy along with it; bundle price; no discount on what is bought anyway",
            "推荐关联商品；组合价；对已购商品不打折",
        ),
        ("till and app", "收银小票与App"),
        ("with each order", "随每次订单"),
        ("Product pairs from the order lines", "根据订单明细整理搭配商品"),
        ("bundle price", "组合价"),
        "average_ticket", 0.01, "pct",
    ),
    Template(
        "group_level", "strategic",
        ("Plan together", "共同规划"),
        (
            "A yearly talk about plans and needs; one person who decides on both sides; service terms in writing",
            "每年一次规划与需求会谈；双方指定决策人；书面服务承诺",
        ),
        ("visit", "拜访"),
        ("quarterly, and whenever something goes wrong", "每季度一次，出现问题即联系"),
        ("A named manager for each of the {customers} customers", "为{customers}位客户各指定客户经理"),
        ("service terms rather than price", "以服务条款代替价格优惠"),
        "net_revenue_retention", 0.01, "pp",
    ),
    Template(
        "group_level", "key",
        ("Look after and extend", "重点维护与拓展"),
        ("Regular talk about needs not yet met; early notice of changes", "定期沟通尚未满足的需求；变动提前告知"),
        ("phone and visit", "电话与拜访"),
        ("every six weeks", "每六周一次"),
        ("One contact person for about fifty customers", "每名联系人负责约50位客户"),
        ("bundles, early access", "组合方案、优先权"),
        "net_revenue_retention", 0.01, "pp",
    ),
    Template(
        "group_level", "ordinary",
        ("Serve well, at low cost", "高效标准化服务"),
        (
            "Standard offers; answers within a day; nothing personal unless he asks",
            "标准化优惠；一天内答复；客户要求时才提供个性化服务",
        ),
        ("mail and self-service", "邮件与自助服务"),
        ("monthly", "每月一次"),
        ("Automatic; no personal hours", "自动化，不投入人工"),
        ("the general programme", "通用会员计划"),
        "active_customers", 0.01, "pct",
    ),
    Template(
        "group_level", "potential",
        ("Try and find out", "小步试探需求"),
        (
            "One small offer per need that is not known to be met; note what is taken up",
            "针对尚未满足的需求逐项小额试推，记录响应",
        ),
        ("app and mail", "App与邮件"),
        ("monthly, with a control group", "每月一次，设对照组"),
        ("One analyst; a small budget for trials", "1名分析师；少量试验预算"),
        ("trial price, once", "一次性试用价"),
        "orders_per_customer", 0.02, "pct",
    ),
    Template(
        "group_level", "optimise",
        ("Change the terms or let go", "优化条件或适度退出"),
        (
            "Check what serving them costs; self-service instead of visits; no further offers",
            "核算服务成本；以自助替代拜访；停止额外优惠",
        ),
        ("self-service", "自助服务"),
        ("only on request", "仅应客户要求"),
        ("None beyond the usual", "不追加投入"),
        ("none", "无"),
        "average_ticket", 0.01, "pct",
    ),
)  # fmt: skip
