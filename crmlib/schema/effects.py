"""Step 5: what campaigns did, by a hold-out or beside others of the same tier, and how far that may be believed."""

from crmlib.schema.model import Column, Register, Table

COLUMNS: dict[str, Column] = {
    "grade_reason": Column("string", "word", "Grade because", "评级原因"),
    "n_treated": Column("int64", "customers", "Treated", "实验组人数"),
    "n_control": Column("int64", "customers", "Compared with", "对照人数"),
    "treated_value": Column("float64", "kpi", "Treated: value", "实验组数值"),
    "control_value": Column("float64", "kpi", "Without the campaign", "无活动时数值"),
    "effect": Column("float64", "kpi", "Effect", "效果"),
    "low_effect": Column("float64", "kpi", "Effect: low (95 %)", "效果下限 (95%)"),
    "high_effect": Column("float64", "kpi", "Effect: high (95 %)", "效果上限 (95%)"),
    "verdict": Column("string", "word", "Verdict", "结论"),
    "before_after_change": Column(
        "float64",
        "share",
        "Treated: before to during (descriptive, not attributed)",
        "实验组活动前后变化（描述性，不作归因）",
    ),
    "expected_basis": Column("string", "word", "Adjusted for", "校正依据"),
    "explained_share": Column("float64", "share", "Variance taken out", "校正消除的方差"),
    "others_share": Column("float64", "share", "Picked, also in other campaigns", "同时参加其他活动的目标客户"),
    "gap_before_minor": Column(
        "float64", "money", "Picked less others, a week before", "目标与其他客户之差：活动前每周"
    ),
    "gap_during_minor": Column(
        "float64", "money", "Picked less others, a week during", "目标与其他客户之差：活动中每周"
    ),
    "placebo_effect": Column("float64", "kpi", "Same comparison one window earlier", "前一窗口的同一比较（安慰剂）"),
    "placebo_low": Column("float64", "kpi", "Earlier: low (95 %)", "安慰剂下限 (95%)"),
    "placebo_high": Column("float64", "kpi", "Earlier: high (95 %)", "安慰剂上限 (95%)"),
}

TABLES: dict[str, Table] = {
    "campaign_reviews": Table(
        "one row per campaign (tier all) and, where it had a hold-out in several tiers, per tier",
        ("campaign_id", "tier"),
        ("campaign_id", "strategy_id", "campaign", "campaign_zh", "tier", "kpi", "kpi_unit", "start_date", "end_date", "n_treated",
         "n_control", "units", "treated_value", "control_value", "effect", "low_effect", "high_effect", "p_value", "p_adjusted",
         "effect_target", "minimum_effect", "attainment", "evidence_grade", "grade_reason", "verdict", "verdict_reason",
         "needed_per_arm", "before_after_change", "expected_basis", "explained_share", "others_share", "gap_before_minor",
         "gap_during_minor", "placebo_effect", "placebo_low", "placebo_high", "provenance"),
        "Campaign effects", "活动效果评估", "5.1b",
    ),
}  # fmt: skip

REGISTERS: dict[str, Register] = {}

WORDS: dict[str, dict[str, str]] = {
    code: {"en": en, "zh": zh}
    for code, en, zh in [
        ("pace", "Pace of the last 12 months", "近12个月的购买节奏"),
        ("not_attributed", "Described only, not attributed", "仅作描述，不作归因"),
        ("not_ended", "Not ended: no verdict yet", "尚未结束：暂不作结论"),
        ("not_started", "Not started", "尚未开始"),
        ("randomised", "Drawn at random, with a hold-out", "随机分组并留有对照组"),
        (
            "same_tier",
            "Compared with the same tier; the check one window earlier holds",
            "与同层级客户比较，且前一窗口检验通过",
        ),
        ("few_clusters", "Too few groups drawn", "抽取组数过少"),
        ("other_campaigns", "The picked were in other campaigns too", "目标客户同时参加其他活动"),
        ("no_model", "No model of what was to be expected", "缺少预期购买模型"),
        ("placebo_failed", "The picked already differed one window earlier", "目标客户在前一窗口已有差异"),
        ("no_placebo", "The check one window earlier cannot be made", "无法作前一窗口检验"),
        ("data_end_early", "The data end before the campaign does", "数据早于活动结束"),
        ("reaches_target", "Not chance, and it reaches the target", "并非偶然，且达到目标"),
        ("reaches_minimum", "Not chance, and it reaches the least useful effect", "并非偶然，且达到最小有用效果"),
        ("useful_ruled_out", "A useful effect is ruled out", "可排除有用的效果"),
        ("wrong_way", "Not chance, and it goes the wrong way", "并非偶然，且方向相反"),
        ("not_chance", "Not chance; no target was set", "并非偶然；未设目标"),
        ("interval_open", "Not enough evidence either way", "证据不足"),
    ]
}
