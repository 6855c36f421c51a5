"""Step 3: what the market brings."""

from crmlib.schema.model import Column, Register, Table

COLUMNS: dict[str, Column] = {
    "factor_id": Column("string", "", "Factor ID", "因素编号"),
    "axis": Column("string", "word", "Axis", "维度"),
    "factor": Column("string", "", "Factor", "因素"),
    "factor_zh": Column("string", "", "Factor (Chinese)", "因素(中文)"),
    "direction": Column("int64", "number", "Direction", "方向", (-1, 1)),
    "impact": Column("int64", "number", "Impact (1-5)", "影响 (1-5)", (1, 5)),
    "likelihood": Column("int64", "number", "Likelihood (1-5)", "可能性 (1-5)", (1, 5)),
    "horizon_years": Column("float64", "number", "Horizon (years)", "期限 (年)", (0, 50)),
    "response": Column("int64", "number", "Our response (1-4)", "应对能力 (1-4)", (1, 4)),
    "evidence": Column("string", "", "Evidence", "依据"),
    "kind": Column("string", "word", "Kind", "类别"),
    "weight": Column("float64", "number", "Weight", "权重"),
    "rating": Column("int64", "number", "Rating", "评分", (1, 5)),
    "internal_id": Column("string", "", "Internal factor", "内部因素"),
    "external_id": Column("string", "", "External factor", "外部因素"),
    "fit": Column("int64", "number", "Fit (0-3)", "匹配度 (0-3)", (0, 3)),
    "option": Column("string", "", "Option", "策略选项"),
    "option_zh": Column("string", "", "Option (Chinese)", "策略选项(中文)"),
    "horizon_factor": Column("float64", "number", "Horizon factor", "期限系数"),
    "impact_points": Column("float64", "number", "Score (-25 to 25)", "得分 (-25 至 25)"),
    "rank_low": Column("int64", "number", "Rank from", "排名区间起"),
    "rank_high": Column("int64", "number", "Rank to", "排名区间止"),
    "top3_share": Column("float64", "share", "In the top three", "进入前三的比例"),
    "factors": Column("int64", "count", "Factors", "因素数"),
    "net_points": Column("float64", "number", "Net", "净影响"),
    "exposure_points": Column("float64", "number", "Exposure", "总敞口"),
    "side": Column("string", "word", "Side", "内外部"),
    "weighted_rating": Column("float64", "number", "Weighted rating", "加权评分"),
    "quadrant": Column("string", "word", "Quadrant", "象限"),
    "pairs": Column("int64", "count", "Pairs", "组合数"),
    "pair_points": Column("float64", "number", "Points", "得分"),
    "points_share": Column("float64", "share", "Share of points", "得分占比"),
    "expired_facts": Column("string", "", "Evidence past its date", "已过期依据"),
    "points_before": Column("float64", "number", "Last quarter", "上季度得分"),
    "points_move": Column("string", "word", "Against last quarter", "与上季度相比"),
    # pairwise judgements
    "criterion_set": Column("string", "word", "Set of criteria", "准则组"),
    "criterion": Column("string", "word", "Criterion", "准则"),
    "against": Column("string", "word", "Compared with", "比较对象"),
    "judgement": Column("string", "", "How many times as important", "相对重要程度"),
    "judgement_fit": Column("string", "", "Would fit the others", "与其余判断一致的值"),
    "misfit_factor": Column("float64", "number", "Off by a factor of", "偏离倍数"),
    "ratio_after": Column("float64", "number", "Consistency ratio with that", "改后一致性比率"),
    "set_state": Column("string", "word", "State", "判断状态"),
    "criteria": Column("int64", "count", "Criteria", "准则数"),
    "comparisons": Column("int64", "count", "Comparisons", "比较次数"),
    "missing_pairs": Column("string", "", "Comparisons to look at", "需处理的比较"),
    "lambda_max": Column("float64", "number", "Largest eigenvalue", "最大特征值"),
    "consistency_index": Column("float64", "number", "Consistency index", "一致性指标 (CI)"),
    "consistency_ratio": Column("float64", "number", "Consistency ratio", "一致性比率 (CR)"),
}

TABLES: dict[str, Table] = {
    "pest_factors": Table(
        "one row per external factor, the largest first",
        ("factor_id",),
        ("factor_id", "axis", "factor", "factor_zh", "impact_points", "rank_low", "rank_high", "top3_share", "direction",
         "impact", "likelihood", "horizon_years", "horizon_factor", "grade", "evidence", "expired_facts", "points_before",
         "points_move", "response", "owner", "review_date", "is_overdue", "provenance"),
        "Market trend report: external factors", "市场趋势分析报告：外部因素", "3.1",
    ),
    "pest_axes": Table(
        "one row per PEST axis",
        ("axis",),
        ("axis", "factors", "net_points", "exposure_points", "provenance"),
        "PEST axes", "PEST 维度汇总",
    ),
    "swot_factors": Table(
        "one row per factor of the SWOT grid",
        ("kind", "factor_id"),
        ("kind", "factor_id", "factor", "factor_zh", "weight", "rating", "weighted_rating", "evidence", "provenance"),
        "SWOT grid", "SWOT 矩阵",
    ),
    "tows_options": Table(
        "one row per pair of an internal and an external factor, the strongest first",
        ("internal_id", "external_id"),
        ("quadrant", "option", "option_zh", "pair_points", "internal_id", "external_id", "fit", "provenance"),
        "TOWS options", "TOWS 策略选项", "3.3",
    ),
    "ahp_sets": Table(
        "one row per set of criteria that was judged pair by pair",
        ("criterion_set",),
        ("criterion_set", "set_state", "criteria", "comparisons", "lambda_max", "consistency_index", "consistency_ratio",
         "missing_pairs", "provenance"),
        "Consistency of the judgements", "判断的一致性",
    ),
    "ahp_weights": Table(
        "one row per criterion of a set whose comparisons are complete, the heaviest first",
        ("criterion_set", "criterion"),
        ("criterion_set", "criterion", "weight", "provenance"),
        "Weights from pairwise judgements", "成对比较所得权重",
    ),
    "ahp_comparisons": Table(
        "one row per comparison of a complete set, the one that fits its others least first",
        ("criterion_set", "criterion", "against"),
        ("criterion_set", "criterion", "against", "judgement", "judgement_fit", "misfit_factor", "ratio_after", "provenance"),
        "How each comparison fits the others", "各比较与其余判断的吻合程度",
    ),
}  # fmt: skip

_PROVENANCE = ("actual", "illustrative")
_JUDGEMENTS = (*"987654321", *(f"1/{n}" for n in range(2, 10)))

REGISTERS: dict[str, Register] = {
    "pest": Register(
        "one row per external factor",
        ("factor_id",),
        ("factor_id", "axis", "factor", "factor_zh", "direction", "impact", "likelihood", "horizon_years", "response",
         "evidence", "owner", "review_date", "provenance"),
        ("factor_id", "axis", "factor", "direction", "impact", "likelihood", "horizon_years", "response"),
        {"axis": ("P", "E", "S", "T"), "provenance": ("actual", "illustrative")},
        ("E1", "E", "Food prices rise faster than wages", "食品价格涨幅高于工资", "-1", "4", "4", "1", "2", "F1", "M. Chen",
         "2018-03-31", "actual"),
    ),
    "swot": Register(
        "one row per internal factor (opportunities and threats come from PEST by sign)",
        ("factor_id",),
        ("factor_id", "kind", "factor", "factor_zh", "weight", "rating", "evidence", "provenance"),
        ("factor_id", "kind", "factor", "weight", "rating"),
        {"kind": ("strength", "weakness"), "provenance": ("actual", "illustrative")},
        ("IS1", "strength", "Fresh produce is rated above the market", "生鲜口碑高于市场", "0.3", "4", "F1", "actual"),
    ),
    "tows": Register(
        "one row per pair of an internal and an external factor that suggests an option",
        ("internal_id", "external_id"),
        ("internal_id", "external_id", "fit", "option", "option_zh", "provenance"),
        ("internal_id", "external_id", "fit", "option"),
        {"provenance": ("actual", "illustrative")},
        ("IS1", "E1", "2", "Lead with own-label fresh value packs", "主推自有品牌生鲜实惠装", "actual"),
    ),
    "ahp": Register(
        "one row per comparison of two criteria: how many times as important the first is (1/3: a third as important)",
        ("criterion_set", "criterion", "against"),
        ("criterion_set", "criterion", "against", "judgement", "provenance"),
        ("criterion_set", "criterion", "against", "judgement"),
        {"judgement": _JUDGEMENTS, "provenance": _PROVENANCE},
        ("opportunity_matrix", "affinity", "growth", "2", "actual"),
    ),
}

WORDS: dict[str, dict[str, str]] = {
    code: {"en": en, "zh": zh}
    for code, en, zh in [
        ("caption_evidence", "Evidence and review of each factor", "各因素的依据与复查"),
        ("move_up", "Up", "上升"),
        ("move_down", "Down", "下降"),
        ("move_same", "Unchanged", "不变"),
        ("move_new", "New", "新增"),
        # pairwise judgements
        ("opportunity_matrix", "Opportunity matrix", "机会矩阵"),
        ("swot", "Strengths and weaknesses", "优势与劣势"),
        ("affinity", "Affinity", "亲和度"),
        ("growth", "Market growth", "市场增长"),
        ("headroom", "Headroom", "市场空间"),
        ("expert", "Expert rating", "专家评分"),
        ("consistent", "Consistent", "一致"),
        ("inconsistent", "Inconsistent: rejected", "不一致：不采用"),
        ("incomplete", "Comparisons missing", "缺少比较"),
        ("contradictory", "Contradicts itself", "自相矛盾"),
        ("too_many", "More than eight criteria", "准则超过八项"),
    ]
}
