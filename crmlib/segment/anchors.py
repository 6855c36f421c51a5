"""Anchors proposed from a baseline quarter, and the bridge from the old ones: what moves when the scale does."""

from itertools import groupby

import ibis
import ibis.expr.types as ir
import pandas as pd
import yaml
from ibis import _

from crmlib.errors import InputError
from crmlib.params import Anchors, Knots, Settings
from crmlib.periods import Period
from crmlib.segment import rfm, tiers

QUANTILES = (0.20, 0.40, 0.60, 0.80, 0.95)
CROWDED = 0.10
"""Share of the customers at one number of orders above which quantiles of orders say little."""

ALIKE = 0.95
"""Share of the customers in one tier from which on anchors tell hardly anybody apart."""

ABSOLUTE_RECENCY: Knots = ((0, 100), (30, 85), (90, 60), (180, 40), (365, 0))
ABSOLUTE_ORDERS: Knots = ((0, 0), (4, 40), (10, 60), (15, 75), (24, 90), (36, 100))


def baseline(purchase_days: ir.Table, summary: ir.Table, period: Period) -> ir.Table:
    """What anchors are frozen from: active customers' frequency, money, and the longest silence they came back from.

    Today's silence says little by itself in a book where most buy weekly; the silences that customers returned from say
    how long is long. `longest_gap_days` is null for a customer with one purchase day.
    """
    days = purchase_days.filter(_.orders > 0, _.order_date <= ibis.literal(period.as_of))
    earlier = days.order_date.lag().over(group_by="customer_id", order_by="order_date")
    gaps = days.mutate(gap=days.order_date.delta(earlier, unit="day"))
    longest = gaps.group_by("customer_id").aggregate(longest_gap_days=_.gap.max())
    active = summary.filter(_.state == "active")
    return active.left_join(longest, "customer_id").select(
        "customer_id", "frequency_12m", "monetary_12m_minor", "longest_gap_days"
    )


def quantiles(baseline: ir.Table) -> pd.DataFrame:
    """The 20/40/60/80/95 % quantiles of the baseline's columns, and how many customers share one number of orders.

    Computed in the engine: one row per quantile with its `score`, the column `crowded_share` the same in each.
    """
    active = baseline.count()
    columns = ("frequency_12m", "monetary_12m_minor", "longest_gap_days")
    measured = baseline.aggregate(
        **{f"{c}@{q}": baseline[c].quantile(q).cast("float64") for c in columns for q in QUANTILES}, customers=active
    )
    commonest = baseline.group_by("frequency_12m").aggregate(n=_.count()).n.max()
    wide = measured.to_pyarrow().to_pylist()[0]
    most = commonest.to_pyarrow().as_py() or 0
    share = most / max(wide["customers"], 1) if most > 1 else 0.0  # one customer shares with nobody
    rows = [(100 * q, *(wide[f"{c}@{q}"] for c in columns), share) for q in QUANTILES]
    return pd.DataFrame(rows, columns=["score", *columns, "crowded_share"], dtype="float64")


def knots(found: pd.DataFrame, scale: rfm.Scale) -> dict[str, Knots]:
    """Rising knots through the quantiles, from nothing to twice the highest.

    A silence as long as the customers' longest gaps scores 80/60/40/20/5, and a year, or twice the longest, nothing.
    Where one number of orders crowds, orders take the absolute values, unless these leave four in five customers below
    the first of them: then those who share a number share the mean of their quantiles' scores.
    """
    scores = found["score"].tolist()
    gaps = found["longest_gap_days"].dropna().round().tolist()
    far = 365.0 if not gaps or gaps[-1] < 365 else 2 * gaps[-1]
    silence = [(0.0, 100.0), *zip(gaps, [100 - s for s in scores], strict=False), (far, 0.0)]
    orders = (found["frequency_12m"] * scale.orders).tolist()
    money = (found["monetary_12m_minor"] * scale.money).tolist()
    crowded = found["crowded_share"].iloc[0] > CROWDED and orders[3] >= ABSOLUTE_ORDERS[1][0]
    return {
        "recency_days": _rising(silence) if gaps else ABSOLUTE_RECENCY,
        "frequency_12m": ABSOLUTE_ORDERS if crowded else _rising(_from_nothing(orders, scores)),
        "monetary_12m": _rising(_from_nothing(money, scores)),
    }


def _from_nothing(raw: list[float], scores: list[float]) -> list[tuple[float, float]]:
    known = [0.0 if pd.isna(value) else max(value, 0.0) for value in raw]
    return [(0.0, 0.0), *zip(known, scores, strict=True), (round(2 * known[-1], 2) or 1.0, 100.0)]


def _rising(wanted: list[tuple[float, float]]) -> Knots:
    """Knots with rising raw values: quantiles that fall on one value become one knot with the mean of their scores."""
    ends = wanted[0], wanted[-1]
    inner = [(round(x, 2), y) for x, y in wanted[1:-1] if ends[0][0] < round(x, 2) < ends[1][0]]
    tied = [(x, [y for _x, y in same]) for x, same in groupby(inner, key=lambda knot: knot[0])]
    merged = [(float(x), round(sum(ys) / len(ys), 2)) for x, ys in tied]
    return (ends[0], *merged, (round(ends[1][0], 2), ends[1][1]))


def propose(purchase_days: ir.Table, customers: ir.Table, period: Period, settings: Settings) -> Anchors:
    """Anchors frozen at a baseline quarter, with their basis in words.

    The scale is the one that later quarters are scored with, but at the baseline's own prices.
    """
    summary = rfm.summarise(purchase_days, customers, period)
    window = rfm.window_scale(purchase_days, period, settings.segment)
    found = quantiles(baseline(purchase_days, summary, period))
    if found["frequency_12m"].isna().any():
        raise InputError(f"nobody bought in the 12 months to {period.as_of}: {period} is no baseline; take a later one")
    made = knots(found, rfm.Scale(window, window / 10**settings.book.minor_digits))
    en, zh = _basis(found, made, period, rfm.months_seen(purchase_days, period), window)
    return Anchors(
        version=f"{settings.book_id}-{period}", kind="frozen_quantile", frozen_on=period.as_of,
        basis_en=en, basis_zh=zh, **made,
    )  # fmt: skip


def _basis(found: pd.DataFrame, made: dict[str, Knots], period: Period, months: int, window: float) -> tuple[str, str]:
    fixed = made["frequency_12m"] == ABSOLUTE_ORDERS
    quiet = made["recency_days"] == ABSOLUTE_RECENCY
    shared = not fixed and found["crowded_share"].iloc[0] > CROWDED
    crowd = f"{found['crowded_share'].iloc[0]:.0%}"
    scaled = window != 1
    en = f"20/40/60/80/95 % quantiles at {period} of " + ("spend" if fixed else "orders and spend")
    en += f" (scaled from {months} to 12 months)" if scaled else f" ({months} months of data)" if months < 12 else ""
    en += "" if quiet else " and of each customer's longest gap between purchases"
    en += f"; absolute values for orders, because {crowd} of the customers have the same number" if fixed else ""
    en += f"; {crowd} of the customers have the same number of orders and share one score" if shared else ""
    en += "; absolute values for recency, because nobody has bought on two days" if quiet else ""
    zh = f"{period} " + ("消费额" if fixed else "订单数与消费额")
    zh += f"（由{months}个月折算为12个月）" if scaled else f"（数据仅{months}个月）" if months < 12 else ""
    zh += ("" if quiet else "及客户最长购买间隔") + "的20/40/60/80/95%分位数"
    zh += f"；{crowd}的客户订单数相同，因此订单数采用绝对锚点" if fixed else ""
    zh += f"；{crowd}的客户订单数相同，得分相同" if shared else ""
    zh += "；没有客户在两天以上购买，因此最近购买采用绝对锚点" if quiet else ""
    return en, zh


def bridge(
    purchase_days: ir.Table, customers: ir.Table, period: Period, settings: Settings, proposed: Anchors
) -> pd.DataFrame:
    """The same quarter by the old anchors (rows) and the proposed ones (columns): customers per pair of tiers.

    Nobody's buying differs between the two, so each customer off the diagonal moves because the scale does.
    """
    changed = settings.segment.model_copy(update={"anchors": proposed, "scoring": "anchors"})
    agreed = settings.segment.model_copy(update={"scoring": "anchors"})
    old, new = (
        tiers.placed(purchase_days, customers, period, settings.model_copy(update={"segment": segment}))
        for segment in (agreed, changed)
    )
    pairs = old.select("customer_id", tier_before="tier").inner_join(new.select("customer_id", "tier"), "customer_id")
    counted = pairs.group_by(["tier_before", "tier"]).aggregate(customers=_.count()).to_pyarrow().to_pandas()
    names = [*(rule.tier for rule in settings.segment.tiers), "none"]
    table = counted.pivot(index="tier_before", columns="tier", values="customers").reindex(index=names, columns=names)
    return table.fillna(0).astype("int64")


def _alike(bridge: pd.DataFrame, period: Period) -> list[str]:
    """A warning where the new anchors would tell hardly anybody apart: mostly the data end before the quarter does."""
    sizes = bridge.drop(columns="none").sum()
    if sizes.max() < ALIKE * sizes.sum() or not sizes.sum():
        return []
    share = sizes.max() / sizes.sum()
    return [
        "",
        f"{share:.1%} of the customers would be in one tier, so these do not fit either. Where the data end before "
        f"{period.as_of}, set as_of to their last day and propose again.",
        f"{share:.1%}的客户会落入同一层级，因此这些锚点也不适用。若数据在{period.as_of}之前即终止，请将as_of设为数据最后一日后重新提出。",
    ]


def document(proposed: Anchors, bridge: pd.DataFrame, period: Period) -> str:
    """The proposal as a YAML file for `segment.anchors`, with the bridge as comments above it."""
    width = max(len(name) for name in bridge.columns) + 2
    head = ["old \\ new".ljust(width), *(name.rjust(width) for name in bridge.columns)]
    rows = [[name.ljust(width), *(f"{n:>{width},}" for n in counts)] for name, counts in
            zip(bridge.index, bridge.to_numpy().tolist(), strict=True)]  # fmt: skip
    same = sum(bridge.to_numpy().diagonal()) / max(bridge.to_numpy().sum(), 1)
    lines = [
        f"Anchors {proposed.version}: put this file beside the params and set segment.anchors to its name.",
        "锚点文件：请与参数文件放在同一文件夹，并将 segment.anchors 设为其文件名。",
        "",
        f"Bridge 对照表: customers of {period} by tier under the old anchors (rows) and these (columns).",
        f"{same:.1%} keep their tier; the others move because the scale does, not because they buy differently.",
        f"{same:.1%}的客户层级不变；其余客户的变化来自锚点而非购买行为。",
        "",
        *("".join(row) for row in (head, *rows)),
        *_alike(bridge, period),
    ]
    content = yaml.safe_dump(
        proposed.model_dump(mode="json"), allow_unicode=True, sort_keys=False, default_flow_style=None, width=110
    )
    return "".join(f"# {line}".rstrip() + "\n" for line in lines) + content
