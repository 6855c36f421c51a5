"""What customers say as figures with intervals: satisfaction, the three-level loop, pain points."""

import pandas as pd

from crmlib.kpi import ROW, intervals, service
from crmlib.params import Review
from crmlib.periods import Period
from crmlib.schema import TABLES

_LEVELS = {
    "first_reply": ("reply_state", "first_reply_hours"),
    "analysis": ("analysis_state", "analysis_hours"),
    "escalation": ("escalation_state", "closing_hours"),
}
_KEPT = ("in_time", "not_needed", "escalated")


def satisfaction(
    surveys: pd.DataFrame, people: pd.DataFrame, quarters: list[Period], asked: pd.DataFrame | None, review: Review
) -> pd.DataFrame:
    """Table `satisfaction`: both scales of satisfaction and NPS by quarter, and by tier for the last one.

    The response rate needs to know who was asked; without that there is no row for it. No answers give no rows.
    """
    last = quarters[-1]
    tiers = surveys["customer_id"].map(people.drop_duplicates("customer_id").set_index("customer_id")["tier"])
    parts = [_measured(surveys, quarter, "all") for quarter in quarters]
    parts += [_measured(surveys[tiers == tier], last, str(tier)) for tier in sorted(tiers.dropna().unique())]
    parts += [] if asked is None else [_response(surveys, asked, last)]
    rows = pd.concat(parts, ignore_index=True)
    measured = rows[rows["n"] > 0].assign(is_thin=lambda f: f["n"] < review.min_rate_n)
    by = ["tier_order", "kpi", "period", "tier"]
    ordered = measured.assign(tier_order=measured["tier"] != "all").sort_values(by)
    return ordered[list(TABLES["satisfaction"].columns)].reset_index(drop=True)


def _measured(surveys: pd.DataFrame, period: Period, tier: str) -> pd.DataFrame:
    marks = service.within(surveys, "survey_date", period)["csat"].dropna().astype("float64")
    mean, low, high = ((mark - 1) / 4 * 100 for mark in intervals.mean(marks))
    score = pd.DataFrame([("csat_score", str(period), tier, "points", mean, max(low, 0), min(high, 100), len(marks))],
                         columns=ROW[:-1])  # fmt: skip
    parts = [service.csat(surveys, period), score, service.nps(surveys, period)]
    return pd.concat(parts, ignore_index=True).assign(tier=tier, provenance=service.provenance(surveys))


def _response(surveys: pd.DataFrame, asked: pd.DataFrame, period: Period) -> pd.DataFrame:
    answered = service.within(surveys, "survey_date", period)["customer_id"]
    hits, n = int(asked["customer_id"].isin(answered).sum()), len(asked)
    band = intervals.wilson(pd.Series([hits]), pd.Series([n])).iloc[0]
    figures = (hits / n, float(band["low"]), float(band["high"]), n)
    row = ("response_rate", str(period), "all", "rate", *figures, service.provenance(surveys))
    return pd.DataFrame([row], columns=ROW)


def loop(tickets: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Table `ticket_loop`: of the tickets opened in the quarter, what was in time on each level, also by channel, kind.

    The rate is of the tickets whose time was over. Older tickets are left out: only the unsolved ones would be there.
    """
    opened = service.within(tickets, "opened_at", period).assign(by_all="every")
    named = opened.assign(
        by_channel=opened["channel"].fillna("").replace("", "no_channel"),
        by_kind=opened["ticket_kind"].fillna("").replace("", "no_kind"),
    )
    splits = ["by_all", *(s for s in ("by_channel", "by_kind") if named[s].nunique() > 1)]
    rows = [
        (level, split, value, *_level(group[state], group[hours]))
        for level, (state, hours) in _LEVELS.items()
        for split in splits
        for value, group in named.groupby(split, sort=True)
    ]
    counts = ["tickets", "due", "in_time", "late", "overdue", "pending"]
    found = pd.DataFrame(rows, columns=["level", "split", "split_value", *counts, "median_hours", "p90_hours"])
    rated = _rated(found, "in_time", "due", "in_time_rate")
    return rated.assign(provenance=service.provenance(tickets))[list(TABLES["ticket_loop"].columns)]


def _level(states: pd.Series, hours: pd.Series) -> tuple[int, int, int, int, int, int, float, float]:
    kept = int(states.isin(_KEPT).sum())
    late, overdue, pending = (int((states == state).sum()) for state in ("late", "overdue", "pending"))
    return (
        len(states),
        kept + late + overdue,
        kept,
        late,
        overdue,
        pending,
        float(hours.median()),
        float(hours.quantile(0.9)),
    )


def pain(points: pd.DataFrame, review: Review) -> pd.DataFrame:
    """Table `pain_points`: the share of a group's texts that complain of a theme, with its interval."""
    rated = _rated(points, "mentions", "n", "mention_share").assign(is_thin=points["n"] < review.min_rate_n)
    place = points["split"].map({"by_all": 0, "by_tier": 1, "by_source": 2})
    by = ["place", "mentions", "theme", "split_value"]
    ranked = rated.assign(place=place).sort_values(by, ascending=[True, False, True, True])
    return ranked[list(TABLES["pain_points"].columns)].reset_index(drop=True)


def _rated(rows: pd.DataFrame, hits: str, of: str, name: str) -> pd.DataFrame:
    counts, n = rows[hits].astype("float64"), rows[of].astype("float64")
    band = intervals.wilson(counts, n)
    return rows.assign(**{name: counts / n.where(n > 0), "low_rate": band["low"], "high_rate": band["high"]})
