"""The hold-out: who of a campaign's customers is left alone, drawn by a hash of campaign and customer.

The draw keeps no state: the same campaign and customer give the same arm anywhere, whoever else is in the list. It is
written as a comparison of hexadecimal text, which every engine with SHA-256 can do, and is exact.
"""

import hashlib
import math
from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib.params import Holdout

TREATED, HOLD_OUT = "treated", "hold_out"
_DIGITS = 15
_SPAN = 16**_DIGITS
MEASURES = {
    "smd_recency": "recency_days",
    "smd_frequency": "frequency_12m",
    "smd_monetary": "monetary_12m_minor",
}
"""Standardised mean differences of a design, and the value each is of."""


def uniform(campaign: str, unit: str) -> float:
    """The draw of one customer (or group), in [0, 1): method 3.5. `drawn` does the same in the engine."""
    return int(hashlib.sha256(f"{campaign}|{unit}".encode()).hexdigest()[:_DIGITS], 16) / _SPAN


def default_share(customers: int, settings: Holdout) -> float:
    """Share of a tier held out unless the plan says otherwise: half of a small one, less of a large one.

    A fifth begins where it is 120 customers, of whom the draw hardly ever leaves fewer than the 100 that means need.
    """
    for upto, share in settings.shares:
        if customers <= upto:
            return share
    return max(settings.large_share, min(settings.large_least / customers, 1.0))


def eligible(tiered: ir.Table, known: ir.Table, tiers: list[str], drawn_by: str = "") -> ir.Table:
    """Customers of the tiers who have not withdrawn consent: customer_id, tier, drawn_unit.

    `known` is the customer file. drawn_unit is '' where single customers are drawn; where groups are (`drawn_by`, a
    field of that file), a customer without a group is not eligible.
    """
    withdrawn = known.filter(_.consent == "withdrawn").select("customer_id")
    found = tiered.filter(_.tier.isin(tiers)).select("customer_id", "tier").anti_join(withdrawn, "customer_id")
    found = found.distinct()
    if not drawn_by:
        return found.mutate(drawn_unit=ibis.literal(""))
    groups = known.select("customer_id", drawn_unit=known[drawn_by].strip())
    return found.inner_join(groups.filter(_.drawn_unit != ""), "customer_id").select(
        "customer_id", "tier", "drawn_unit"
    )


def drawn(customers: ir.Table, campaign: str, holdout_shares: Mapping[str, float]) -> ir.Table:
    """Each customer's arm: treated if u < 1 - hold-out share of the tier. One row per customer of `customers`."""
    unit = ibis.ifelse(customers.drawn_unit == "", customers.customer_id, customers.drawn_unit)
    digits = (ibis.literal(f"{campaign}|") + unit).hexdigest("sha256").left(_DIGITS)
    chosen = [(customers.tier == tier, digits < first_held_out(share)) for tier, share in holdout_shares.items()]
    treated = ibis.cases(*chosen, else_=False) if chosen else ibis.literal(False)  # noqa: FBT003
    return customers.select(
        campaign_id=ibis.literal(campaign),
        customer_id=customers.customer_id,
        tier=customers.tier,
        arm=ibis.ifelse(treated, TREATED, HOLD_OUT),
        drawn_unit=customers.drawn_unit,
    )


def first_held_out(share: float) -> str:
    """The smallest 15 digits whose draw, as a float, is not below 1 - share; 'g' (above every digit) where none is.

    Found by halving rather than by multiplying, so that the text comparison agrees with the formula to the last bit.
    """
    bound, low, high = 1 - share, 0, _SPAN
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if middle / _SPAN >= bound else (middle + 1, high)
    return format(low, f"0{_DIGITS}x") if low < _SPAN else "g"


def moved(assignments: ir.Table, holdout_shares: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Customers of stored lists whose arm is not what the draw gives: campaign_id, customers. Nobody, unless moved."""
    empty = ibis.memtable([], schema={"campaign_id": "string", "customer_id": "string", "drawn_arm": "string"})
    again = [
        drawn(assignments.filter(_.campaign_id == campaign), campaign, shares).select(
            "campaign_id", "customer_id", drawn_arm="arm"
        )
        for campaign, shares in sorted(holdout_shares.items())
    ]
    both = assignments.inner_join(ibis.union(empty, *again), ["campaign_id", "customer_id"])
    counted = both.filter(both.arm != both.drawn_arm).group_by("campaign_id").aggregate(customers=_.count())
    return counted.order_by("campaign_id").to_pyarrow().to_pandas()


def sizes(assignments: ir.Table) -> pd.DataFrame:
    """By tier: eligible, treated, held_out, and the groups drawn (0 where customers are)."""
    is_treated, is_held = _.arm == TREATED, _.arm == HOLD_OUT
    found = assignments.group_by("tier").aggregate(
        eligible=_.count(),
        treated=is_treated.sum(),
        held_out=is_held.sum(),
        units=_.drawn_unit.nunique(where=_.drawn_unit != ""),
    )
    return found.order_by("tier").to_pyarrow().to_pandas()


def balance(assignments: ir.Table, tiered: ir.Table) -> pd.DataFrame:
    """By tier: how far the arms differ before anything is done, in standard deviations; 0 where nobody differs."""
    values = {name: tiered[column].cast("float64") for name, column in MEASURES.items()}
    joined = assignments.inner_join(tiered.select("customer_id", **values), "customer_id")
    moments = {
        f"{name}_{what}_{arm}": getattr(joined[name], what)(where=joined.arm == arm)
        for name in MEASURES
        for what in ("mean", "var")
        for arm in (TREATED, HOLD_OUT)
    }
    found = joined.group_by("tier").aggregate(**moments).order_by("tier").to_pyarrow().to_pandas()
    smd = {name: [_smd(row, name) for row in found.to_dict("records")] for name in MEASURES}
    return found[["tier"]].assign(**{name: pd.Series(v, dtype="float64") for name, v in smd.items()})


def _smd(row: Mapping[str, float], name: str) -> float:
    apart = row[f"{name}_mean_{TREATED}"] - row[f"{name}_mean_{HOLD_OUT}"]
    spread = math.sqrt((row[f"{name}_var_{TREATED}"] + row[f"{name}_var_{HOLD_OUT}"]) / 2)
    return apart / spread if spread > 0 else (0.0 if apart == 0 else math.nan)


def ratio_p(eligible_customers: list[int], treated: list[int], holdout_shares: list[float]) -> float:
    """Chance of arms at least so far from the sizes that were asked for (sample ratio mismatch), over all tiers."""
    asked = sum(n * (1 - share) for n, share in zip(eligible_customers, holdout_shares, strict=True))
    variance = sum(n * share * (1 - share) for n, share in zip(eligible_customers, holdout_shares, strict=True))
    if variance == 0:
        return 1.0 if abs(sum(treated) - asked) < 0.5 else 0.0
    return math.erfc(abs(sum(treated) - asked) / math.sqrt(2 * variance))


def is_balanced(smd: float, treated: int, held_out: int) -> bool:
    """Whether a difference between arms is one that chance makes (in 99.5 % of draws) or too small to matter (0.1)."""
    if math.isnan(smd) or not treated or not held_out:
        return False
    return abs(smd) <= max(0.1, 2.81 * math.sqrt(1 / treated + 1 / held_out))


def overlaps(assignments: ir.Table, windows: pd.DataFrame) -> pd.DataFrame:
    """Table `campaign_overlaps`: pairs of campaigns that run at one time and share customers, with how many.

    windows: campaign_id, start_date, end_date. Empty where none overlap.
    """
    pairs = _pairs(windows)
    columns = ["campaign_id", "other_campaign_id", "shared", "treated_twice", "treated_and_held"]
    if not pairs:
        return pd.DataFrame({c: pd.Series(dtype="str" if c.endswith("_id") else "int64") for c in columns})
    wanted = ibis.memtable(pd.DataFrame(pairs, columns=columns[:2]).astype("object"))
    one = assignments.select("campaign_id", "customer_id", "arm")
    other = assignments.select("customer_id", other_campaign_id="campaign_id", other_arm="arm")
    both = one.inner_join(other, "customer_id").inner_join(wanted, columns[:2])
    counted = both.group_by(columns[:2]).aggregate(
        shared=_.count(),
        treated_twice=((_.arm == TREATED) & (_.other_arm == TREATED)).sum(),
        treated_and_held=(_.arm != _.other_arm).sum(),
    )
    return counted.order_by(columns[:2]).to_pyarrow().to_pandas()[columns]


def treated_twice(assignments: ir.Table, windows: pd.DataFrame) -> ir.Table:
    """Customers whom two campaigns would contact at the same time: customer_id, campaign_id, other_campaign_id."""
    pairs = [*_pairs(windows), ("", "")]  # the pair of nothing keeps the types where there is none
    wanted = ibis.memtable(pd.DataFrame(pairs, columns=["campaign_id", "other_campaign_id"]).astype("object"))
    one = assignments.filter(_.arm == TREATED).select("campaign_id", "customer_id")
    other = one.select("customer_id", other_campaign_id="campaign_id")
    both = one.inner_join(other, "customer_id").inner_join(wanted, ["campaign_id", "other_campaign_id"])
    return both.select("customer_id", "campaign_id", "other_campaign_id").order_by("customer_id", "campaign_id")


def _pairs(windows: pd.DataFrame) -> list[tuple[str, str]]:
    found = windows.drop_duplicates("campaign_id").sort_values("campaign_id").to_dict("records")
    return [
        (a["campaign_id"], b["campaign_id"])
        for n, a in enumerate(found)
        for b in found[n + 1 :]
        if a["start_date"] <= b["end_date"] and b["start_date"] <= a["end_date"]
    ]
