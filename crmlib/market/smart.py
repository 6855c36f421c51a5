"""Is each target specific, measurable, attainable, relevant and time-bound? Rules only; what is missing is named."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from crmlib.params import Settings
from crmlib.params.market import Smart
from crmlib.periods import Period
from crmlib.schema import TABLES

MET, FAILED, OPEN = "smart_met", "smart_failed", "smart_open"
LETTERS = ("specific", "measurable", "attainable", "relevant", "time_bound")
_POINTS = ("rate",)  # units that differ by percentage points
_LETTER_OF = {
    "gap_kpi": "specific",
    "gap_owner": "specific",
    "gap_baseline": "measurable",
    "gap_target": "measurable",
    "gap_unit": "measurable",
    "gap_change": "measurable",
    "gap_measured": "measurable",
    "gap_direction": "attainable",
    "gap_reach": "attainable",
    "gap_history": "attainable",
    "gap_strategy": "relevant",
    "gap_opportunity": "relevant",
    "gap_due": "time_bound",
    "gap_start": "time_bound",
}


class Kpi(Protocol):
    """What a KPI must tell."""

    @property
    def unit(self) -> str: ...
    @property
    def direction(self) -> str: ...
    @property
    def has_tiers(self) -> bool: ...


@dataclass(frozen=True)
class _Past:
    """What the KPI did before the target began: the value at its start, and its changes over as many quarters."""

    measured: float
    moves: tuple[float, ...]


def check(
    targets: pd.DataFrame,
    strategies: pd.DataFrame,
    history: pd.DataFrame,
    kpis: Mapping[str, Kpi],
    settings: Settings,
) -> pd.DataFrame:
    """Table `smart_targets`: one row per target; a letter fails, holds, or cannot be told from what is known.

    Attainable: the change asked for is within most changes (`smart.usual_share` of them, in either direction) that the
    KPI made over equally many quarters before the strategy began. Money is in minor units here, as in `history`
    (rows of the table `kpis`).
    """
    named = strategies.drop_duplicates("strategy_id")[["strategy_id", "opportunity_id", "start_date", "tier"]]
    told = targets.merge(named, how="left", on="strategy_id", validate="many_to_one", indicator="found")
    rows = [_checked(target, history, kpis, settings) for target in told.to_dict("records")]
    return pd.DataFrame(rows, columns=list(TABLES["smart_targets"].columns))


def usual(moves: tuple[float, ...], rules: Smart) -> float:
    """The size that `usual_share` of the past changes stayed within; NaN when too few are known."""
    return float(np.quantile(np.abs(moves), rules.usual_share)) if len(moves) >= rules.min_moves else float("nan")


def _checked(
    target: dict[Any, Any], history: pd.DataFrame, kpis: Mapping[str, Kpi], settings: Settings
) -> dict[Any, Any]:
    kpi = kpis.get(target["kpi"])
    scale = settings.minor(1.0) if kpi is not None and kpi.unit == "money" else 1.0
    scaled = target | {"baseline": target["baseline"] * scale, "target": target["target"] * scale}
    past = _past(scaled, history, settings.period, _scope(target, kpi))
    needed, reach = abs(scaled["target"] - scaled["baseline"]), usual(past.moves, settings.market.smart)
    measured = {"measured_before": past.measured, "needed_change": needed, "usual_change": reach}
    gaps = [*_wording_gaps(scaled, kpi), *_number_gaps(scaled, kpi, past), *_reach_gaps(needed, reach)]
    letters = {letter: _letter(letter, gaps) for letter in LETTERS}
    words = set(letters.values())
    return {
        **scaled,
        **measured,
        **letters,
        "kpi_unit": kpi.unit if kpi is not None else "",
        "past_moves": len(past.moves),
        "smart_state": FAILED if FAILED in words else OPEN if OPEN in words else MET,
        "smart_gaps": "; ".join(gaps),
    }


def _letter(letter: str, gaps: list[str]) -> str:
    own = [gap for gap in gaps if _LETTER_OF[gap] == letter]
    return MET if not own else OPEN if own == ["gap_history"] else FAILED


def _wording_gaps(target: dict[Any, Any], kpi: Kpi | None) -> Iterator[str]:
    """Who, what, why and by when."""
    has_strategy, due, start = target["found"] == "both", target["due_date"], target["start_date"]
    checks = {
        "gap_kpi": kpi is None,
        "gap_owner": not target["owner"],
        "gap_strategy": not has_strategy,
        "gap_opportunity": has_strategy and not target["opportunity_id"],
        "gap_due": pd.isna(due),
        "gap_start": not pd.isna(due) and not pd.isna(start) and due <= start,
    }
    return (gap for gap, is_missing in checks.items() if is_missing)


def _number_gaps(target: dict[Any, Any], kpi: Kpi | None, past: _Past) -> Iterator[str]:
    """Baseline, target and unit; a baseline is off when it misses the measured value by half of the change or more."""
    change = target["target"] - target["baseline"]
    unit = kpi.unit if kpi is not None else ""
    is_down = kpi is not None and kpi.direction == "lower"
    checks = {
        "gap_baseline": np.isnan(target["baseline"]),
        "gap_target": np.isnan(target["target"]),
        "gap_unit": not _fits(target["target_unit"], unit, target["baseline"]),
        "gap_change": change == 0,
        "gap_measured": abs(target["baseline"] - past.measured) >= abs(change) / 2 > 0,
        "gap_direction": change > 0 if is_down else change < 0,
    }
    return (gap for gap, is_missing in checks.items() if is_missing)


def _reach_gaps(needed: float, reach: float) -> list[str]:
    if np.isnan(reach) or np.isnan(needed):
        return ["gap_history"]
    return ["gap_reach"] if needed > reach + 1e-12 else []


def _fits(target_unit: str, kpi_unit: str, baseline: float) -> bool:
    """Percentage points are for rates; a per cent of the baseline needs a baseline above zero."""
    return {"pp": kpi_unit in _POINTS, "pct": not baseline <= 0, "abs": True}.get(target_unit, False)


def _scope(target: Mapping[Any, Any], kpi: Kpi | None) -> str:
    """The tier on whose customers the target is measured, or all."""
    is_tier = kpi is not None and kpi.has_tiers and target.get("measured_on") != "all"
    return str(target["tier"]) if is_tier and isinstance(target["tier"], str) else "all"


def _past(target: dict[Any, Any], history: pd.DataFrame, period: Period, scope: str) -> _Past:
    """The last quarter that ended before the strategy began is where the target starts from."""
    due, start = target["due_date"], target["start_date"]
    if pd.isna(due) or pd.isna(start):
        return _Past(float("nan"), ())
    begin = min(Period.containing(start.date()).previous, period.previous if period.is_cut else period)
    of_kpi = history[(history.kpi == target["kpi"]) & (history.tier == scope)]
    values = {row.period: float(row.kpi_value) for row in of_kpi.itertuples()}
    if not values:
        return _Past(float("nan"), ())
    series = [values.get(str(quarter), float("nan")) for quarter in begin.since(Period.parse(min(values)))]
    steps = max(len(Period.containing(due.date()).since(begin)) - 1, 1)
    moves = [later - earlier for earlier, later in zip(series, series[steps:], strict=False)]
    return _Past(values.get(str(begin), float("nan")), tuple(move for move in moves if not np.isnan(move)))
