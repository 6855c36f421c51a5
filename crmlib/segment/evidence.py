"""What is known of customers beside their R, F and M: profit, growth, needs, offers. What is not known is null."""

from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
from ibis import _

from crmlib.errors import InputError
from crmlib.params import Levels, Settings
from crmlib.periods import Period

NOTED = ("needs_total", "needs_open", "service_level", "price_sensitivity", "need_type", "decision_complexity")


@dataclass(frozen=True)
class Known:
    """What the book holds: the registers (empty where nobody keeps them), the others None where it has no such table.

    `offers` is what `offers` made, `costs` the table of costs.
    """

    needs: ir.Table
    industry: ir.Table
    offers: ir.Table | None = None
    costs: ir.Table | None = None


def inputs(
    tiered: ir.Table, purchase_days: ir.Table, customers: ir.Table, settings: Settings, known: Known
) -> ir.Table:
    """One row per customer: profit, tenure, growth, needs, service and price sensitivity, null where not known."""
    levels, period = settings.segment.levels, settings.period
    base = tiered.select("customer_id", "monetary_12m_minor", "tenure_days", "first_order_date")
    parts = [
        profit(base, known.costs, period, settings.segment.value.margin),
        _growth(base, purchase_days, customers, settings, known.industry),
        needs(known.needs, period).drop("need_type", "decision_complexity").rename(said="price_sensitivity"),
        price(known.offers, levels) if known.offers is not None else _no_price(tiered),
    ]
    joined = base
    for part in parts:
        joined = joined.left_join(part, "customer_id").drop("customer_id_right")
    return joined.mutate(
        price_sensitivity=ibis.coalesce(joined.said, joined.price_seen),
        price_from=ibis.cases(
            (joined.said.notnull(), "from_register"), (joined.price_seen.notnull(), "from_redemptions"), else_=""
        ),
    ).drop("said", "price_seen", "first_order_date")


def profit(customers: ir.Table, costs: ir.Table | None, period: Period, margin: float | None) -> ir.Table:
    """Net spend of 12 months times the margin (without one: net spend), less the customer's own costs in them."""
    net = customers.monetary_12m_minor.cast("float64") * (1.0 if margin is None else float(margin))
    if costs is None:
        return customers.select("customer_id", profit_minor=net.round().cast("int64"))
    window = (costs.cost_date > ibis.literal(period.year_ago)) & (costs.cost_date <= ibis.literal(period.as_of))
    own = costs.filter(window & costs.customer_id.notnull()).group_by("customer_id").aggregate(cost=_.cost_minor.sum())
    joined = customers.mutate(net=net).left_join(own, "customer_id")
    return joined.select("customer_id", profit_minor=(joined.net - joined.cost.fill_null(0)).round().cast("int64"))


def windows(period: Period, window: str) -> tuple[date, date]:
    """The left-open starts of two windows of equal length: the one before the last, and the last, up to `as_of`."""
    starts = {"year": period.year_ago, "half_year": period.previous.previous.as_of, "quarter": period.previous.as_of}
    start = starts[window]
    return start - (period.as_of - start), start


def growth(base: ir.Table, purchase_days: ir.Table, period: Period, window: str, quiet_days: int) -> ir.Table:
    """Spend per day as a customer: the last window against the one before it, minus 1.

    Null where the customer was one for less than half of the window before, spent nothing in it, or where the data
    begin more than `quiet_days` inside it. `base` has the customers' first order dates.
    """
    earlier, start = windows(period, window)
    length = (start - earlier).days
    seen = purchase_days.filter(_.order_date <= ibis.literal(period.as_of))
    first = seen.order_date.min().to_pyarrow().as_py()
    is_covered = first is not None and (first - earlier).days - 1 <= quiet_days
    spent = seen.group_by("customer_id").aggregate(
        recent=_.net_minor.sum(where=_.order_date > ibis.literal(start)).fill_null(0),
        before=_.net_minor.sum(
            where=(_.order_date > ibis.literal(earlier)) & (_.order_date <= ibis.literal(start))
        ).fill_null(0),
    )
    joined = base.filter(_.first_order_date.notnull()).inner_join(spent, "customer_id")
    age = ibis.literal(start).delta(joined.first_order_date, unit="day").cast("int64") + 1
    days = ibis.least(age, length)
    is_known = ibis.literal(is_covered) & (days * 2 >= length) & (joined.before > 0)
    rate = joined.recent.cast("float64") / joined.before * (days.cast("float64") / length) - 1
    return joined.select("customer_id", growth_rate=is_known.ifelse(rate, ibis.null("float64")))


def _growth(
    base: ir.Table, purchase_days: ir.Table, customers: ir.Table, settings: Settings, industry: ir.Table
) -> ir.Table:
    levels, period = settings.segment.levels, settings.period
    if levels.growth == "customer":
        return growth(base, purchase_days, period, levels.growth_window, settings.quality.quiet_days)
    dated = industry.filter(_.source_date.cast("date") <= ibis.literal(period.as_of))
    newest = ibis.row_number().over(group_by="customer_type", order_by=ibis.desc("source_date"))
    latest = dated.mutate(place=newest).filter(_.place == 0).select("customer_type", "growth_rate")
    return customers.inner_join(latest, "customer_type").select("customer_id", "growth_rate")


def needs(register: ir.Table, period: Period) -> ir.Table:
    """What was last noted of each customer by the end of the quarter; raises where more needs are open than known."""
    wrong = register.filter(_.needs_open > _.needs_total).order_by(["customer_id", "set_on"]).limit(10)
    problems = [
        f"customer_needs of customer '{row['customer_id']}', {row['set_on']:%Y-%m-%d}: needs_open {row['needs_open']} "
        f"is more than needs_total {row['needs_total']}; correct one of them"
        for row in wrong.to_pyarrow().to_pylist()
    ]
    if problems:
        raise InputError(problems)
    noted = register.filter(_.set_on.cast("date") <= ibis.literal(period.as_of))
    newest = ibis.row_number().over(group_by="customer_id", order_by=ibis.desc("set_on"))
    return noted.mutate(place=newest).filter(_.place == 0).select("customer_id", *NOTED)


def offers(
    campaigns: ir.Table | None, targets: ir.Table | None, redemptions: ir.Table | None, period: Period
) -> ir.Table | None:
    """Of each targeted customer: campaigns that began in the 12 months, and how many of them he used by `as_of`.

    None where the book lacks one of the three tables: without redemptions nobody can be called indifferent.
    """
    if campaigns is None or targets is None or redemptions is None:
        return None
    began = campaigns.start_date.cast("date")
    begun = (began > ibis.literal(period.year_ago)) & (began <= ibis.literal(period.as_of))
    sent = targets.semi_join(campaigns.filter(begun), "campaign_id").select("campaign_id", "customer_id").distinct()
    by_now = redemptions.filter(_.redemption_date.cast("date") <= ibis.literal(period.as_of))
    used = by_now.select("campaign_id", "customer_id").distinct().mutate(is_used=True)
    joined = sent.left_join(used, ["campaign_id", "customer_id"])
    return joined.group_by("customer_id").aggregate(offers=_.count(), offers_used=_.is_used.notnull().sum())


def price(offers: ir.Table, levels: Levels) -> ir.Table:
    """Price sensitivity 1-5 from the share of offers used; null where fewer than `min_offers` were sent.

    Half a use is added to one offer more (Jeffreys' estimate): two unused offers tell little and give the middle level.
    """
    share = (offers.offers_used.cast("float64") + 0.5) / (offers.offers + 1)
    steps = [(share > edge).cast("int64") for edge in levels.price_levels]
    level = 1 + steps[0] + steps[1] + steps[2] + steps[3]
    enough = offers.offers >= levels.min_offers
    return offers.select("customer_id", price_seen=enough.ifelse(level, ibis.null("int64")))


def _no_price(tiered: ir.Table) -> ir.Table:
    return tiered.select("customer_id", price_seen=ibis.null("int64"))
