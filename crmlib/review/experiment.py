"""A randomised experiment given as a plain table: one row per customer with its arm and what came of it.

The arms are compared with the control as the quarter's own campaigns are: same estimator, interval, p and verdict.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlib.kpi import sample_size
from crmlib.params import Holdout
from crmlib.review import estimators, verdict
from crmlib.review.estimators import Effect

_CONTROLS = ("control", "ctrl", "ctl", "hold_out", "holdout", "hold-out", "hold out", "placebo", "psa", "none", "no",
             "untreated", "baseline", "bau", "status quo", "0", "false", "对照", "否", "无")  # fmt: skip
_NEARLY = 1.15
"""Arms of which the largest has at most so many times the cases of the smallest were meant to be equal."""
_SURE = 0.001  # p of a check that finds this little chance has found something


@dataclass(frozen=True)
class Plan:
    """What was asked. `targets`: per outcome the effect aimed at, in its unit; `shares`: the arms' planned shares.

    `before`: a number per customer known before the start (say, last year's spend); it sharpens the estimate, and the
    arms must not differ in it.
    """

    control: str
    targets: dict[str, float | None]
    is_lower_better: bool = False
    shares: dict[str, float] | None = None
    has_before: bool = False
    seed: int = 20170101


def control_of(arms: Sequence[str]) -> str | None:
    """The arm that is named like a control group; None where no arm or more than one is."""
    found = [arm for arm in arms if _is_control(arm.strip().casefold())]
    return found[0] if len(found) == 1 else None


def measure(table: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """One row per outcome and treated arm, with q over all of them.

    `table` has `arm` (text), the outcomes (float, NaN: not known) and perhaps `expected`, `stratum`, `cluster`. An
    outcome that is only 0 and 1 is a rate. Rows whose outcome is not known are left out and counted.
    """
    rows: list[dict[str, Any]] = [
        _compared(table, outcome, arm, plan)
        for outcome in plan.targets
        for arm in sorted(set(table["arm"]) - {plan.control})
    ]
    found = pd.DataFrame(rows)
    found["q"] = verdict.adjusted(found["p"])
    sign = -1.0 if plan.is_lower_better else 1.0
    found["needed_per_arm"] = [_needed(row, sign, plan.targets[row["outcome"]]) for row in rows]
    found["verdict"] = [_verdict(row, sign, plan.targets[row["outcome"]]) for row in found.to_dict("records")]
    return found


def checks(table: pd.DataFrame, plan: Plan) -> dict[str, tuple[str, float]]:
    """What speaks against a fair draw: code -> (arm or outcome, p). Nothing found is empty.

    uneven: the arms' sizes do not fit the planned shares (chi-square). unequal: they are nearly, but not quite equal.
    apart: they differed before the start (Welch).
    lost: outcomes are missing more often in one arm than in another (chi-square).
    """
    found: dict[str, tuple[str, float]] = {}
    counts = table["arm"].value_counts()
    if plan.shares:
        found["uneven"] = ("", _fit(counts, pd.Series(plan.shares)))
    elif "cluster" not in table.columns and counts.max() <= _NEARLY * counts.min():
        found["unequal"] = ("", _fit(counts, pd.Series(1.0, index=counts.index)))
    if plan.has_before:
        found["apart"] = min(
            ((arm, _apart(table, arm, plan.control)) for arm in sorted(set(table["arm"]) - {plan.control})),
            key=lambda pair: pair[1],
        )
    lost = [
        (o, _independent(pd.crosstab(table["arm"], table[o].isna()))) for o in plan.targets if table[o].isna().any()
    ]
    if lost:
        found["lost"] = min(lost, key=lambda pair: pair[1])
    return {code: (where, p) for code, (where, p) in found.items() if p < _SURE}


def _is_control(arm: str) -> bool:
    starts, ends = ("control", "no ", "no-", "no_", "without", "对照", "未", "不"), ("control", "对照", "对照组")
    return arm in _CONTROLS or arm.startswith(starts) or arm.endswith(ends)


def _compared(table: pd.DataFrame, outcome: str, arm: str, plan: Plan) -> dict[str, Any]:
    both = table[table["arm"].isin([arm, plan.control])]
    known = both[both[outcome].notna()]
    cases = known.assign(outcome=known[outcome], is_treated=known["arm"] == arm)
    cases["stratum"] = known["stratum"] if "stratum" in known.columns else "all"
    kind: estimators.Kind = "rate" if cases["outcome"].isin([0, 1]).all() else "mean"
    level = "customer"
    if "cluster" in cases.columns:
        cases, kind, level = estimators.by_cluster(cases), "mean", "cluster"
    effect = estimators.measure(cases, kind, plan.seed)
    return {
        "outcome": outcome,
        "arm": arm,
        "control_arm": plan.control,
        "level": level,
        "missing": int(both[outcome].isna().sum()),
        "unused": 0 if np.isnan(effect.effect) else len(cases) - effect.n_treated - effect.n_control,
        "shift": effect.effect / effect.control if effect.control > 0 else np.nan,
        "is_small": _is_small(effect, level),
        **vars(effect),
    }


def _is_small(effect: Effect, level: str) -> bool:
    if level == "cluster":
        return verdict.has_few_clusters(effect.n_treated, effect.n_control)
    return min(effect.n_treated, effect.n_control) < verdict.LEAST_CASES[effect.kind]


def _verdict(row: dict, sign: float, target: float | None) -> str:
    if row["is_small"]:
        return "inconclusive"
    low, high = sorted((sign * row["low"], sign * row["high"])) if not np.isnan(row["low"]) else (np.nan, np.nan)
    effect = sign * row["effect"]
    return verdict.judge(effect, (low, high), row["q"], target) if target else verdict.shown((low, high), row["q"])


def _needed(row: Mapping[str, Any], sign: float, target: float | None) -> float:
    """Cases per arm with which the target would probably have been seen; NaN without a target, or where none do."""
    if target is None or np.isnan(row["effect"]):
        return float("nan")
    rules, is_cluster = Holdout(), row["level"] == "cluster"
    if row["kind"] == "rate":
        needed = sample_size.rates_per_arm(row["control"], sign * target, rules)
    else:
        needed = sample_size.means_per_arm(row["sd"], target, rules)
    least = verdict.LEAST_CLUSTERS / 2 if is_cluster else verdict.LEAST_CASES[row["kind"]]
    return float(np.maximum(needed, least))


def _fit(counts: pd.Series, shares: pd.Series) -> float:
    from scipy.stats import chisquare

    expected = shares.reindex(counts.index).fillna(0)
    if (expected == 0).any():
        return 0.0
    return float(chisquare(counts, expected / expected.sum() * counts.sum()).pvalue)


def _apart(table: pd.DataFrame, arm: str, control: str) -> float:
    from scipy.stats import ttest_ind

    one, other = (table["expected"][table["arm"] == name] for name in (arm, control))
    return float(ttest_ind(one, other, equal_var=False).pvalue)


def _independent(cells: pd.DataFrame) -> float:
    from scipy.stats import chi2_contingency

    return float(chi2_contingency(cells).pvalue) if min(cells.shape) > 1 else 1.0
