"""Sentences on what customers are like and need, computed from the tables."""

import pandas as pd

from crmlib import schema
from crmlib.params import Book, Levels, Settings, Tags
from crmlib.periods import Period
from crmlib.views import style, suppression, tables
from crmlib.views.narrative import Sentence, say, some

_WINDOWS = {
    "year": {"en": "the last 12 months against the 12 before", "zh": "近12个月与此前12个月相比"},
    "half_year": {"en": "the last half-year against the half-year before", "zh": "近半年与此前半年相比"},
    "quarter": {"en": "the last quarter against the one before", "zh": "本季度与上季度相比"},
}
_INPUTS = {
    "input_purchase": {"en": "a first purchase (no value)", "zh": "首次购买（无价值得分）"},
    "input_growth": {"en": "growth of spend", "zh": "消费增长"},
    "input_needs": {"en": "needs (no potential)", "zh": "需求登记（无潜力得分）"},
    "input_service": {"en": "the service level wanted", "zh": "服务要求等级"},
    "input_price": {"en": "price sensitivity (no need score)", "zh": "价格敏感度（无需求得分）"},
}


def inputs(settings: Settings, needs: pd.DataFrame, has_costs: bool, has_offers: bool, lang: str) -> Sentence:  # noqa: FBT001 - what the book has
    """What stands for profit, growth, needs and price sensitivity in this book."""
    levels, margin = settings.segment.levels, settings.segment.value.margin
    en = ["Profit is net spend of 12 months" + (f" times a margin of {style.percent(margin, 'en')}" if margin else
          "; the book states no margin")]  # fmt: skip
    zh = [f"利润为近12个月净消费{f'乘以毛利率{style.percent(margin, lang)}' if margin else '（账套未给出毛利率）'}"]
    en.append("customers' own costs are taken off" if has_costs else "no costs by customer are recorded")
    zh.append("已扣除客户各自的成本" if has_costs else "没有按客户记录的成本")
    own = levels.growth == "customer"
    en.append(f"growth is the customer's own, {_WINDOWS[levels.growth_window]['en']}" if own else
              "growth is that of the customer's industry")  # fmt: skip
    zh.append(f"增长为客户自身消费，{_WINDOWS[levels.growth_window]['zh']}" if own else "增长采用客户所属行业的增长率")
    noted = _by(needs, settings.period)
    n = style.number(noted["customer_id"].nunique(), lang)
    invented = tables.is_illustrative(noted)
    en.append(f"needs and service come from the register customer_needs (customers: {n}{', illustrative' if invented else ''})"
              if len(noted) else "nobody has filled in the register customer_needs")  # fmt: skip
    zh.append(f"需求与服务要求来自登记表 customer_needs（{n}个客户{'，示例数据' if invented else ''}）"
              if len(noted) else "登记表 customer_needs 尚未填写")  # fmt: skip
    en.append("where the register is silent, price sensitivity is the share of offers used" if has_offers else
              "the book records no offers, so only the register can tell price sensitivity")  # fmt: skip
    zh.append(
        "登记表未填写的客户，以优惠使用率推断价格敏感度"
        if has_offers
        else "账套没有优惠活动记录，价格敏感度仅来自登记表"
    )
    return say({"en": "; ".join(en) + ".", "zh": "；".join(zh) + "。"}, lang)


def levels(
    sizes: pd.DataFrame, lacking: pd.DataFrame, complete: int, settings: Levels, lang: str, min_cell: int = 1
) -> Sentence:
    """How many could be scored, `complete` of them in full, how the levels were cut, and what is missing most."""
    scored = int(sizes.loc[sizes["level"] != "not_scored", "customers"].sum())
    everyone, n = style.number(sizes["customers"].sum(), lang), style.number(scored, lang)
    counts = pd.DataFrame({"customers": [complete, scored - complete, sizes["customers"].sum() - scored]})
    told, lacking = suppression.blank(counts, min_cell)["customers"], suppression.blank(lacking, min_cell)
    cut = {
        "cutoff": {"en": f"Levels begin at {_joined(settings.cutoffs)} points, so their sizes need not meet the target shares.",
                   "zh": f"级别按{_joined(settings.cutoffs)}分划分，因此占比未必等于目标。"},
        "quota": {"en": "Levels are cut by rank, so that each has its quota.", "zh": "级别按排名划分，各级别占比固定。"},
    }[settings.mode]  # fmt: skip
    full = style.number(complete, lang)
    en = f"{n} of {everyone} customers could be scored, {full} of them with all three dimensions. {cut['en']}"
    zh = f"{everyone}个客户中{n}个可以评分，其中{full}个三项维度齐全。{cut['zh']}"
    if told.isna().any():
        full, partly, none = (some(count, lang) for count in told)
        en = f"Of {everyone} customers {full} could be scored with all three dimensions, {partly} with two, {none} not. {cut['en']}"
        zh = f"{everyone}个客户中，三项维度齐全的{full}个，缺一项的{partly}个，不能评分的{none}个。{cut['zh']}"
    if len(lacking):
        pairs = zip(lacking["customers"], lacking["missing_inputs"], strict=True)
        said = [(some(n, lang), _INPUTS[field]) for n, field in pairs]
        en += " Not known: " + ", ".join(f"{text['en']} of {count}" for count, text in said) + "."
        en += " A missing dimension is left out and its weight shared; with two missing there is no score."
        zh += "缺失：" + "，".join(f"{count}个客户缺{text['zh']}" for count, text in said) + "。"
        zh += "缺失一项维度时其权重分摊给其余维度；缺失两项则不评分。"
        unknown = lacking.loc[lacking["missing_inputs"] == "input_growth", "customers"].sum()
        if unknown == sizes["customers"].sum():
            en += " Growth is known of nobody: the data do not reach back to the window before."
            zh += "所有客户的增长均未知：数据不足以覆盖此前的对比窗口。"
    return say({"en": en, "zh": zh}, lang)


def _joined(cutoffs: tuple[float, ...]) -> str:
    return " / ".join(f"{cut:g}" for cut in cutoffs)


def growth_confirmed(customers: int, lang: str, min_cell: int = 1) -> Sentence:
    """How many small customers have potential that is shown by both growth and needs."""
    n = style.number(customers, lang)
    if 0 < customers < min_cell:
        n = {"en": f"Fewer than {min_cell}", "zh": f"不足{min_cell}"}[lang]
    return say(
        {
            "en": f"{n} {'customer has' if n == '1' else 'customers have'} low value (below 50) and confirmed potential (70 or more, growth and needs both known): "
            "the place to look for tomorrow's key customers, whatever their level is called.",
            "zh": f"{n}个客户当前价值低（低于50分）但潜力已确认（不低于70分，且增长与需求均已知）：无论级别名称如何，都是未来重点客户的来源。",
        },
        lang,
    )


def sensitivity(found: pd.DataFrame, lang: str) -> Sentence:
    """How much depends on the choice of the weights."""
    everyone = found[found["level"] == "all"]
    if everyone.empty:
        return say({"en": "Without scores there is no ranking to test.", "zh": "没有评分，无法检验排名。"}, lang)
    row = everyone.iloc[0]
    share, worst = style.percent(row["level_change_share"], lang), style.percent(row["level_change_p90"], lang)
    alike, n = style.number(row["spearman"], lang, 2), style.number(row["customers"], lang)
    return say(
        {
            "en": f"If the weights were a little different, {share} of the customers would change level on average, and {worst} in "
            f"one draw of ten; the ranking stays alike (Spearman {alike} or more in nine of ten draws; n = {n}).",
            "zh": f"若权重略有变动，平均{share}的客户会改变级别，十次抽样中有一次达到{worst}；排名保持一致程度：十次中有九次Spearman不低于{alike}（n = {n}）。",
        },
        lang,
    )


def tags(labels: pd.DataFrame, definitions: Tags, new_days: int, strangers: int, lang: str) -> Sentence:
    """What the tags mean, what nobody knows, and tags of customers who do not exist."""
    d = definitions
    en = (
        f"New: first order at most {new_days} days ago. Lapsing: nothing for more than {d.lapsing_days} days; lapsed: more than "
        f"{d.lapsed_days}. Won back: bought in the last {d.won_back_days} days after such a silence. Loyal: bought in "
        f"{style.percent(d.loyal_share, lang, 0)} of the 30-day months, returning: in {style.percent(d.returning_share, lang, 0)}."
    )
    zh = (
        f"新客户：首次购买不超过{new_days}天。渐趋流失：超过{d.lapsing_days}天未购买；已流失：超过{d.lapsed_days}天。"
        f"已挽回：在此类沉寂之后于近{d.won_back_days}天内再次购买。忠诚：有购买的月数（按30天）占比不低于{style.percent(d.loyal_share, lang, 0)}，"
        f"回头客：不低于{style.percent(d.returning_share, lang, 0)}。"
    )
    unknown = labels[(labels["label"] == "not_known") & (labels["customer_share"] == 1)]["label_kind"]
    if len(unknown):
        names = [schema.word(kind, lang) for kind in unknown]
        en += f" Nothing is known of: {', '.join(n.lower() for n in names)}."
        zh += f"尚无数据：{'、'.join(names)}。"
    if strangers:
        n = style.number(strangers, lang)
        en += f" Hand-written tags of customers who are in no source: {n}; correct their ids."
        zh += f"有{n}个手工标签所指客户不在任何数据源中，请更正客户ID。"
    return say({"en": en, "zh": zh}, lang)


def custom_tags(written: pd.DataFrame, register: pd.DataFrame, period: Period, lang: str) -> Sentence:
    """Where the free tags come from, and how to add one."""
    n, m = style.number(len(_by(register, period)), lang), style.number(len(written), lang)
    return say(
        {
            "en": f"Free tags: {n} from the register customer_tags, {m} read back from a workbook. To add some, write them into the "
            "sheet “Value tiers and tags” of the workbook (several are separated by ;) and put the file into registers/ as "
            "tier_tags.xlsx: the next run keeps them.",
            "zh": f"自定义标签：登记表 customer_tags 提供{n}条，由工作簿读回{m}条。如需添加，请在工作簿的“客户价值分层与标签表”中填写"
            "（多个标签以分号分隔），并将文件以 tier_tags.xlsx 放入 registers/ 目录，下次运行即予保留。",
        },
        lang,
    )


def _by(register: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Rows set by the end of the quarter, or without a day."""
    return register[register["set_on"].isna() | (register["set_on"] < pd.Timestamp(period.end))]


def kano(needs: pd.DataFrame, lang: str) -> Sentence:
    """What must be there, what delights, and which classes are not clear."""
    if needs.empty:
        return say({"en": "No paired questions were answered (register kano_answers), so needs are not classed.",
                    "zh": "没有成对问卷回答（登记表 kano_answers），因此未对需求分类。"}, lang)  # fmt: skip
    solid, thin = needs[~needs["is_thin"].astype(bool)], int(needs["is_thin"].astype(bool).sum())
    local = solid.assign(said=tables.in_language(solid[["need", "need_zh"]], lang)["need"])
    parts_en, parts_zh = [], []
    for kind, en, zh in (("kano_M", "must be there", "必须具备"), ("kano_O", "the more the better", "越多越好"),
                         ("kano_A", "would delight", "带来惊喜")):  # fmt: skip
        found = [
            f"“{text}”" if lang == "zh" else f"'{text}'" for text in local.loc[local["kano_class"] == kind, "said"]
        ]
        if found:
            parts_en.append(f"{en}: {', '.join(found)}")
            parts_zh.append(f"{zh}：{'、'.join(found)}")
    unclear, n = int((~solid["is_clear"].astype(bool)).sum()), style.number(needs["answers"].max(), lang)
    if solid.empty:
        return say({"en": f"Too few answers to class needs: at most {n} a need.",
                    "zh": f"回答太少，尚不能对需求分类：每项最多{n}份。"}, lang)  # fmt: skip
    en = "; ".join(parts_en) or "no need must be met or would delight"
    en = en[:1].upper() + en[1:]
    zh = "；".join(parts_zh) or "没有必备或魅力型需求"
    if unclear:
        en += f". Of {unclear} the class is not clear (first and second too close)"
        zh += f"。其中{unclear}项类别不明确（前两类过于接近）"
    if thin:
        en += f". {thin} {'has' if thin == 1 else 'have'} too few answers to judge by"
        zh += f"。{thin}项回答太少，尚难判断"
    return say({"en": f"{en}. At most {n} answers a need.", "zh": f"{zh}。每项需求最多{n}份回答。"}, lang)


def journey(stages: pd.DataFrame, touches: pd.DataFrame, days: int, lang: str) -> Sentence:
    """Where the stages come from, where customers stop, and what is not recorded; hidden figures (NaN) are left out."""
    own = bool((stages["journey_from"] == "from_register").all())
    en = ("Stages are those of the register journey_stages." if own else
          "Nobody has named stages (register journey_stages), so they are purchases: first, second and on.")  # fmt: skip
    zh = (
        "阶段来自登记表 journey_stages。"
        if own
        else "尚未定义旅程阶段（登记表 journey_stages），因此以购买次数为阶段。"
    )
    if stages[["stopped", "customers"]].notna().to_numpy().all():
        stopped, everyone = style.number(stages["stopped"].sum(), lang), style.number(stages["customers"].max(), lang)
        en += f" Stopped on the way: {stopped} of {everyone} customers."
        zh += f"{everyone}个客户中{stopped}个在途中流失。"
    first = stages[stages["in_time_share"].notna()]
    if len(first):
        row = first.iloc[0]
        local = tables.in_language(first[["journey_stage", "journey_stage_zh"]], lang)["journey_stage"].iloc[0]
        name, share, n = (style.legible(schema.word(local, lang)), style.percent(row["in_time_share"], lang),
                          style.number(row["in_time_base"], lang))  # fmt: skip
        en += f" After '{name}', {share} went on within {days} days (n = {n}, those observed so long)."
        zh += f"“{name}”之后，{share}在{days}天内进入下一阶段（n = {n}，仅计观察期足够者）。"
    if touches.empty:
        en += " The book records no visits, calls or messages, so there are no touchpoints by stage."
        zh += "账套没有拜访、通话或消息记录，因此无法列出各阶段触点。"
    return say({"en": en, "zh": zh}, lang)


def profile(groups: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """Of how many customers something is known, and how much they spend; not where a group is hidden (NaN)."""
    given = groups[groups["attribute"].isin(["var_customer_type", "var_size_band", "var_region"])]
    if given.empty:
        return say({"en": "The customer file gives neither type nor size nor region; below are the groups found from buying.",
                    "zh": "客户资料没有行业、规模和地区信息；以下仅为按购买行为划分的组。"}, lang)  # fmt: skip
    first = given[given["attribute"] == given["attribute"].iloc[0]]
    if first["customers"].isna().any():
        name = schema.word(first["attribute"].iloc[0], lang)
        return say({"en": f"{name} is known of customers; what few of them spend is not told.",
                    "zh": f"部分客户有“{name}”信息；人数过少的组不予显示。"}, lang)  # fmt: skip
    unknown, known = first["attribute_value"] == "not_known", first["attribute_value"] != "not_known"
    share, name = (
        style.percent(first.loc[known, "customer_share"].sum(), lang),
        schema.word(first["attribute"].iloc[0], lang),
    )
    en, zh = f"{name} is known of {share} of the customers.", f"{share}的客户有“{name}”信息。"
    if unknown.any():
        per = [style.money(first.loc[w, "monetary_12m_minor"].sum() / max(first.loc[w, "customers"].sum(), 1), book, lang)
               for w in (known, unknown)]  # fmt: skip
        en += f" They spend {per[0]} a customer in 12 months, the others {per[1]}: what is known is no random sample."
        zh += f"他们近12个月户均消费{per[0]}，其余客户为{per[1]}：有资料的客户并非随机样本。"
    return say({"en": en, "zh": zh}, lang)


def associations(links: pd.DataFrame, sampled: int, lang: str) -> Sentence:
    """How many links there are, how many of them chance would give, and on how many customers."""
    tested = int(links["p_value"].notna().sum()) if len(links) else 0
    if tested == 0:
        return say(
            {"en": "Too few customers, or too little that varies, to compare.", "zh": "客户太少或缺乏差异，无法比较。"},
            lang,
        )
    found, n = int(links["is_notable_link"].sum()), style.number(sampled, lang)
    return say(
        {
            "en": f"{found} of {tested} comparisons go beyond chance after adjusting for their number (Benjamini and Hochberg; about "
            f"one in twenty of the marked ones is chance). n is at most {n}, intervals are 95 %. R, F and M are made of the same "
            "purchases, so their links are no news; and no link is a cause.",
            "zh": f"{tested}项比较中有{found}项在校正比较次数后仍超出随机（Benjamini–Hochberg法；其中约二十分之一仍为偶然）。样本最多{n}个客户，区间为95%。"
            "R、F、M来自同一批购买记录，彼此相关并不意外；相关也不代表因果。",
        },
        lang,
    )


def cohorts(cells: pd.DataFrame, lang: str, book: Book) -> Sentence:
    """What the youngest cohorts bring, where none of it is hidden (NaN); and that the first one is older than it looks."""
    if cells.empty:
        return say({"en": "There are no purchases, so no cohorts.", "zh": "没有购买记录，无法划分同期群。"}, lang)
    first = cells[cells["is_before_data"].astype(bool)].iloc[0]
    en = f"The data begin in {first['cohort']}: that cohort holds all older customers too and says nothing about new ones."
    zh = f"数据自{first['cohort']}开始：该同期群包含所有更早的客户，不能代表新客户。"
    later = cells[~cells["is_before_data"].astype(bool) & (cells["quarters_later"] == 0)]
    if len(later) and later["cohort_customers"].notna().all():
        n = style.number(later["cohort_customers"].sum(), lang)
        money = style.money(later["net_minor"].sum() / later["cohort_customers"].sum(), book, lang)
        en += f" The {n} customers who came later spent {money} each in their first quarter."
        zh += f"之后加入的{n}个客户在首个季度户均消费{money}。"
    return say({"en": en, "zh": zh}, lang)
