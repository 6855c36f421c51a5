"""Tags of a customer: lifecycle stage, loyalty, price sensitivity, need type, decision, and what people wrote by hand.

The first three come from what was bought and redeemed; need type and decision from the register `customer_needs` (need
type also from what is bought, where the params say which category stands for which need). Nothing known is 'not_known'.
"""

import ibis
import ibis.expr.types as ir
from ibis import _

from crmlib.params import Settings, Tags
from crmlib.periods import Period
from crmlib.schema import TABLES
from crmlib.segment import evidence

MONTH_DAYS = 30
KINDS = ("lifecycle", "loyalty", "price_band", "need_type", "decision_complexity")
_FREE_TAGS = 20


def labels(
    tiered: ir.Table, purchase_days: ir.Table, levelled: ir.Table, known: ir.Table, settings: Settings
) -> ir.Table:
    """Every customer's tags but the free ones.

    `levelled` gives price sensitivity and where it comes from, `known` has one row per customer of whom need type or
    decision are known (`needs`).
    """
    tags, period = settings.segment.tags, settings.period
    bought = purchase_days.filter(_.orders > 0, _.order_date <= ibis.literal(period.as_of))
    staged = lifecycle(tiered, bought, period, tags, settings.segment.new_customer_days)
    parts = [
        loyalty(tiered, bought, period, tags),
        levelled.select("customer_id", "price_from", price_band=_price_band(levelled.price_sensitivity)),
        known.select("customer_id", "need_type", "need_from", "decision_complexity"),
    ]
    joined = staged
    for part in parts:
        joined = joined.left_join(part, "customer_id").drop("customer_id_right")
    blank = ibis.literal("not_known")
    return joined.mutate(
        **{c: ibis.coalesce(joined[c].nullif(""), blank) for c in KINDS},
        price_from=joined.price_from.fill_null(""),
        need_from=joined.need_from.fill_null(""),
    )


def lifecycle(tiered: ir.Table, bought: ir.Table, period: Period, tags: Tags, new_days: int) -> ir.Table:
    """Prospect, new, active, lapsing, lapsed, won back: the first that applies, in the order written below.

    Won back: bought in the last `won_back_days` for the first time after a silence longer than `lapsed_days`.
    """
    before = bought.order_date.lag().over(group_by="customer_id", order_by="order_date")
    returns = bought.mutate(silence=bought.order_date.delta(before, unit="day")).filter(_.silence > tags.lapsed_days)
    age = ibis.literal(period.as_of).delta(returns.order_date, unit="day")
    back = returns.filter(age <= tags.won_back_days).select("customer_id").distinct().mutate(is_back=True)
    joined = tiered.select("customer_id", "state", "recency_days", "tenure_days").left_join(back, "customer_id")
    stage = ibis.cases(
        (joined.state == "prospect", "prospect"),
        (joined.state == "returns_only", "returns_only"),
        (joined.recency_days > tags.lapsed_days, "lapsed"),
        (joined.tenure_days <= new_days, "new"),
        (joined.recency_days > tags.lapsing_days, "lapsing"),
        (joined.is_back.notnull(), "won_back"),
        else_="active",
    )
    return joined.select("customer_id", lifecycle="lifecycle_" + stage)


def loyalty(tiered: ir.Table, bought: ir.Table, period: Period, tags: Tags) -> ir.Table:
    """In how many of the last twelve 30-day months did he buy, of those since his first order?

    Months are counted back from `as_of`. With fewer than `loyalty_min_months` of them it is too early to say.
    """
    block = (ibis.literal(period.as_of).delta(bought.order_date, unit="day").cast("int64") / MONTH_DAYS).floor()
    blocks = bought.mutate(block=block).filter(_.block < 12)
    counted = blocks.group_by("customer_id").aggregate(loyal_months=_.block.nunique())
    joined = tiered.select("customer_id", "tenure_days").left_join(counted, "customer_id")
    since = (joined.tenure_days / MONTH_DAYS).floor().cast("int64") + 1
    both = joined.select(
        "customer_id",
        "tenure_days",
        loyal_months=joined.loyal_months.fill_null(0),
        known_months=ibis.least(since.fill_null(0), 12),  # DuckDB's least passes over a null
    )
    share = both.loyal_months / both.known_months.nullif(0)
    named = ibis.cases(
        (both.tenure_days.isnull(), "not_known"),
        (both.known_months < tags.loyalty_min_months, "too_new"),
        (share >= tags.loyal_share, "loyal"),
        (share >= tags.returning_share, "returning"),
        else_="casual",
    )
    return both.select("customer_id", "loyal_months", "known_months", loyalty=named)


def _price_band(level: ir.Value) -> ir.Value:
    return ibis.cases(
        (level.isnull(), "not_known"), (level >= 4, "price_high"), (level == 3, "price_medium"), else_="price_low"
    )


def needs(register: ir.Table, category_sales: ir.Table, settings: Settings) -> ir.Table:
    """Need type and decision of the customers of whom they are known: the register's word before what is bought."""
    noted = evidence.needs(register, settings.period).select("customer_id", "need_type", "decision_complexity")
    said = noted.mutate(need_type=noted.need_type.nullif(""))
    seen = bought_needs(category_sales, settings.period, settings.segment.tags)
    ids = said.select("customer_id").union(seen.select("customer_id"), distinct=True)
    joined = ids.left_join(said, "customer_id").drop("customer_id_right").left_join(seen, "customer_id")
    source = ibis.cases(
        (joined.need_type.notnull(), "from_register"), (joined.need_seen.notnull(), "from_categories"), else_=""
    )
    return joined.select(
        "customer_id",
        need_type=ibis.coalesce(joined.need_type, joined.need_seen),
        need_from=source,
        decision_complexity=joined.decision_complexity.fill_null(""),
    )


def bought_needs(category_sales: ir.Table, period: Period, tags: Tags) -> ir.Table:
    """The need that at least `need_share` of a customer's spend of four quarters went to, by `need_categories`."""
    kinds = [(category_sales.category.isin(list(names)), kind) for kind, names in tags.need_categories.items()]
    quarters = [str(quarter) for quarter in period.since(period.previous.previous.previous)]
    kind = ibis.cases(*kinds, else_="") if kinds else ibis.literal("")
    spent = category_sales.filter(_.period.isin(quarters), _.net_minor > 0).mutate(need_seen=kind)
    summed = spent.group_by(["customer_id", "need_seen"]).aggregate(net=_.net_minor.sum())
    share = summed.net / summed.net.sum().over(group_by="customer_id")
    main = summed.mutate(share=share).filter(_.share >= tags.need_share, _.need_seen != "")
    first = ibis.row_number().over(group_by="customer_id", order_by=[ibis.desc("net"), "need_seen"])
    return main.mutate(place=first).filter(_.place == 0).select("customer_id", "need_seen")


def free(register: ir.Table, written: ir.Table, period: Period) -> ir.Table:
    """Tags by hand, one row per customer and tag: the register's up to the quarter's end, and those of the workbook."""
    dated = register.filter(register.set_on.isnull() | (register.set_on.cast("date") <= ibis.literal(period.as_of)))
    both = dated.select("customer_id", "tag").union(written.select("customer_id", "tag"), distinct=True)
    return both.filter(_.tag != "").order_by(["customer_id", "tag"])


def strangers(free_tags: ir.Table, tiered: ir.Table) -> ir.Table:
    """Free tags of customers who are in no source: usually a mistyped id."""
    return free_tags.anti_join(tiered, "customer_id").order_by(["customer_id", "tag"])


def with_free(labelled: ir.Table, free_tags: ir.Table, offers: ir.Table | None) -> ir.Table:
    """Add `custom_tags` (in alphabetical order, separated by semicolons) and the offers sent and used."""
    joined = labelled.left_join(_in_one(free_tags), "customer_id").drop("customer_id_right")
    tagged = joined.mutate(custom_tags=joined.custom_tags.fill_null(""))
    if offers is None:
        both = tagged.mutate(offers=ibis.null("int64"), offers_used=ibis.null("int64"))
    else:
        both = tagged.left_join(offers, "customer_id").drop("customer_id_right")
    return both.select(*TABLES["customer_labels"].columns)


def _in_one(free_tags: ir.Table) -> ir.Table:
    in_order = free_tags.group_by("customer_id").aggregate(tags=free_tags.tag.collect().sort())
    return in_order.select("customer_id", custom_tags=_.tags.join("; "))


def tier_tags(tiered: ir.Table, customers: ir.Table, labelled: ir.Table) -> ir.Table:
    """Template table 2: the scores and tier with the reason, and the tags that people wrote."""
    names = customers.select("customer_id", "customer_name")
    joined = tiered.left_join(names, "customer_id").drop("customer_id_right")
    tagged = joined.left_join(labelled.select("customer_id", "custom_tags"), "customer_id")
    return tagged.select(*TABLES["tier_tags"].columns)


def sizes(labelled: ir.Table, free_tags: ir.Table, tiered: ir.Table) -> ir.Table:
    """Customers and 12-month spend by label and value, in the order of the labels; free tags may overlap.

    Of the free tags the twenty most used are listed.
    """
    spend = tiered.select("customer_id", "monetary_12m_minor")
    known = labelled.inner_join(spend, "customer_id")
    cells = known.group_by(list(KINDS)).aggregate(n=_.count(), spent=_.monetary_12m_minor.sum())
    parts = [
        cells.select("n", "spent", kind=ibis.literal(n), label_kind=ibis.literal(f"var_{c}"), label=cells[c])
        for n, c in enumerate(KINDS)
    ]
    tagged = free_tags.inner_join(spend, "customer_id").select(
        n=ibis.literal(1, "int64"), spent=_.monetary_12m_minor,
        kind=ibis.literal(len(KINDS)), label_kind=ibis.literal("var_custom_tags"), label=_.tag,
    )  # fmt: skip
    counted = (
        ibis.union(*parts, tagged)
        .group_by(["kind", "label_kind", "label"])
        .aggregate(customers=_.n.sum(), monetary_12m_minor=_.spent.sum())
    )
    everyone = cells.aggregate(n=_.n.sum(), spent=_.spent.sum())
    shared = counted.cross_join(everyone).mutate(
        customer_share=_.customers / _.n.nullif(0), revenue_share=_.monetary_12m_minor / _.spent.nullif(0)
    )
    place = ibis.row_number().over(group_by="kind", order_by=[ibis.desc("customers"), "label"])
    listed = shared.mutate(place=place).filter((_.kind < len(KINDS)) | (_.place < _FREE_TAGS))
    return listed.order_by(["kind", ibis.desc("customers"), "label"]).select(*TABLES["label_sizes"].columns)
