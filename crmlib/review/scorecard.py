"""All KPIs of the quarter beside the quarter before: by layer of the method and by view of a balanced scorecard."""

import numpy as np
import pandas as pd

from crmlib import schema
from crmlib.kpi import KPIS, intervals
from crmlib.params import Review
from crmlib.periods import Period

HEADLINE = ("net_revenue", "average_ticket", "orders_per_customer", "active_customers", "retention_rate", "csat")
TIERS = ("all", "high", "potential", "general", "risk", "none")
OTHERS = tuple(kpi for kpi in KPIS if kpi not in HEADLINE)


def gather(*parts: pd.DataFrame) -> pd.DataFrame:
    """Table `kpis` from the rows of several sources."""
    found = pd.concat([part for part in parts if len(part)], ignore_index=True)
    order, place = found["kpi"].map(list(KPIS).index), found["tier"].map(TIERS.index)
    ranked = found.assign(order=order, place=place).sort_values(["place", "order", "period"])
    return ranked.drop(columns=["order", "place"]).reset_index(drop=True)


def with_rows(kpis: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The table with rows of a later step, which replace those of an earlier run."""
    kept = kpis[~kpis["kpi"].isin(rows["kpi"])] if len(rows) else kpis
    return gather(kept, rows)


def partial(coverage: pd.DataFrame) -> frozenset[str]:
    """The quarters that the data cover only in part."""
    return frozenset(coverage.loc[coverage["is_partial_quarter"].astype("bool"), "period"])


def whole(kpis: pd.DataFrame, partial: frozenset[str]) -> pd.DataFrame:
    """The rows of the quarters that the data cover from end to end."""
    return kpis[~kpis["period"].isin(partial)]


def build(
    kpis: pd.DataFrame, effects: pd.DataFrame, period: Period, review: Review, partial: frozenset[str] = frozenset()
) -> pd.DataFrame:
    """Table `scorecard`: every KPI, measured or not, with what can be said of its change.

    A `partial` quarter is compared with none, because a part of a quarter says less than a whole one.

    Where a KPI has an interval, a change within the interval of the difference is unclear; the two quarters are treated
    as independent. A count or a sum of all customers has none: its change is a fact, its cause is not known.
    """
    now, before = _quarter(kpis, period), _quarter(kpis, period.previous)
    if partial & {str(period), str(period.previous)}:
        before = _quarter(kpis[:0], period.previous)
    change = intervals.difference(now, before)
    card = now.assign(
        view=[kpi.view for kpi in KPIS.values()],
        layer=[kpi.layer for kpi in KPIS.values()],
        better=[kpi.direction for kpi in KPIS.values()],
        kpi_unit=[kpi.unit for kpi in KPIS.values()],
        before=before["kpi_value"],
        difference=change["difference"],
        change_share=_relative(now["kpi_value"], before["kpi_value"]),
        target=_targets(effects, period),
        provenance=now["provenance"].fillna(""),
    )
    card["movement"] = _movement(card, change, before["n"], review)
    return card.reset_index()[list(schema.TABLES["scorecard"].columns)]


def trend(
    kpis: pd.DataFrame, review: Review, names: tuple[str, ...] = HEADLINE, partial: frozenset[str] = frozenset()
) -> pd.DataFrame:
    """Those KPIs in all quarters of the book in which each was measured; thin are too few cases or a part of one."""
    measured = kpis[kpis["kpi"].isin(names) & kpis["kpi_value"].notna() & (kpis["tier"] == "all")]
    ordered = measured.assign(rank=measured["kpi"].map(names.index)).sort_values(["rank", "period"])
    least = ordered["kpi"].map(lambda kpi: KPIS[kpi].least_cases(review))
    thin = (ordered["n"] < least) | ordered["period"].isin(partial)
    return ordered.assign(is_thin=thin).drop(columns="rank").reset_index(drop=True)


def tier_rows(kpis: pd.DataFrame, period: Period, review: Review) -> pd.DataFrame:
    """The rows of the table `kpis` that tell of single tiers this quarter, best tier first; thin ones marked."""
    here = kpis[(kpis["tier"] != "all") & (kpis["period"] == str(period)) & kpis["kpi_value"].notna()]
    least = [KPIS[kpi].least_cases(review) for kpi in here["kpi"]]
    return here.assign(is_thin=here["n"].astype("float64") < np.array(least, dtype="float64"))


def _quarter(kpis: pd.DataFrame, period: Period) -> pd.DataFrame:
    rows = kpis[(kpis["period"] == str(period)) & (kpis["tier"] == "all")].set_index("kpi")
    found = rows[["kpi_value", "low", "high", "n", "provenance"]].reindex(list(KPIS))
    return found.assign(n=found["n"].fillna(0).astype("int64")).rename_axis("kpi")


def _relative(now: pd.Series, before: pd.Series) -> pd.Series:
    """Relative change of sums, counts and means; for rates and points the difference is the change."""
    plain = pd.Series(
        [kpi.unit in ("customers", "orders", "money", "number") for kpi in KPIS.values()], index=now.index
    )
    return (now / before.where(before > 0) - 1).where(plain)


def _targets(effects: pd.DataFrame, period: Period) -> pd.Series:
    """The target of each KPI that is due next, from this quarter on."""
    ahead = effects[effects["due_date"] >= pd.Timestamp(period.start)].sort_values(["due_date", "target_id"])
    return ahead.drop_duplicates("kpi").set_index("kpi")["target"].reindex(list(KPIS))


def _movement(card: pd.DataFrame, change: pd.DataFrame, n_before: pd.Series, review: Review) -> np.ndarray:
    least = np.array([kpi.least_cases(review) for kpi in KPIS.values()])
    good = card["difference"].where(card["better"] == "higher", -card["difference"])
    cases = [
        (card["kpi_value"].isna(), "not_measured"),
        (card["n"] < least, "small_n"),
        (card["before"].isna(), "no_before"),
        (n_before < least, "small_n"),
        ((change["low"] <= 0) & (change["high"] >= 0), "unclear"),
        (good > 0, "improved"),
        (good < 0, "worsened"),
    ]
    return np.select([case for case, _ in cases], [word for _, word in cases], "unclear")
