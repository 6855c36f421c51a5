"""Targets against what was measured: how much of the way was gone, and what to look at where it was not.

No target has a control group of its own, so all of this is evidence grade C: it describes, it never says that a
strategy was effective.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from crmlib import schema
from crmlib.kpi import KPIS, targets
from crmlib.params import Settings
from crmlib.periods import Period

QUESTIONS = {
    "attained": "ask_met",
    "partly_attained": "ask_partly",
    "not_attained": "ask_missed",
    "not_due": "ask_later",
    "not_measured": "ask_data",
    "small_n": "ask_more",
}
EXECUTED = 0.9
"""Progress of its tasks from which a strategy counts as carried out."""


def quarters(goals: pd.DataFrame, period: Period, first: Period) -> list[Period]:
    """The quarters for which KPIs by tier are needed: this one, the one before, and those in which targets were due.

    A tier is that at the start of a quarter, so the quarter in which the data begin has none.
    """
    due = {Period.containing(day.date()) for day in goals["due_date"].dropna()}
    wanted = {period.previous, *(quarter for quarter in due if quarter < period)}
    return [quarter for quarter in sorted(wanted) if quarter > first] + [period]


def attained(goals: pd.DataFrame, strategies: pd.DataFrame, kpis: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Table `effects`: each target beside what was measured in the quarter it is due in.

    Measured on the customers who were in the strategy's tier when the quarter began, where the KPI has tiers and the
    target does not ask for all customers. A target that is due later shows this quarter's value and no outcome; one
    whose strategy starts after the next quarter is not shown. Money is in minor units here, in major in the register.
    """
    period = settings.period
    near = strategies[strategies["start_date"] < pd.Timestamp(period.next.end)]
    named = goals.merge(near[["strategy_id", "strategy", "strategy_zh", "tier", "start_date", "end_date"]],
                        on="strategy_id")  # fmt: skip
    scale = named["kpi"].map(lambda kpi: settings.minor(1.0) if KPIS[kpi].unit == "money" else 1.0).astype("float64")
    due = named["due_date"].map(lambda day: str(min(Period.containing(day.date()), period))).astype("str")
    scaled = named.assign(baseline=named["baseline"] * scale, target=named["target"] * scale, period=due,
                          measured_on=_words(named, targets.measured_on(named)))  # fmt: skip
    measured = kpis.drop(columns=["kpi_unit", "provenance"]).rename(columns={"tier": "measured_on"})
    found = scaled.merge(measured, on=["kpi", "period", "measured_on"], how="left")
    found = found.rename(columns={"kpi_value": "actual"}).assign(n=found["n"].fillna(0).astype("int64"))
    units = _words(found, [KPIS[kpi].unit for kpi in found["kpi"]])
    return _judged(found.assign(kpi_unit=units), settings)[list(schema.TABLES["effects"].columns)]


def _judged(found: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Add attainment, gap, outcome and the question that the outcome asks."""
    shares = [
        targets.attainment(b, t, a, KPIS[k].direction)
        for k, b, t, a in zip(found["kpi"], found["baseline"], found["target"], found["actual"], strict=True)
    ]
    judged = found.assign(
        attainment=pd.Series(shares, index=found.index, dtype="float64"),
        target_gap=found["actual"] - found["target"],
        evidence_grade="C",
    )
    outcomes = [_outcome(row, settings) for row in judged.to_dict("records")]
    return judged.assign(outcome=_words(found, outcomes), question=_words(found, [QUESTIONS[o] for o in outcomes]))


def _words(frame: pd.DataFrame, codes: Sequence[str]) -> pd.Series:
    return pd.Series(codes, index=frame.index, dtype="str")


def _outcome(row: dict, settings: Settings) -> str:
    if row["due_date"] >= pd.Timestamp(settings.period.end):
        return "not_due"
    if pd.notna(row["attainment"]) and row["n"] < KPIS[row["kpi"]].least_cases(settings.review):
        return "small_n"
    return targets.outcome(row["attainment"])


def gaps(effects: pd.DataFrame, tasks: pd.DataFrame, smart: pd.DataFrame | None) -> pd.DataFrame:
    """Table `gap_analysis`: what to look at for each target that has come due, before anyone names a reason.

    Reached: as the outcome says. Carried out: the mean progress of the strategy's `tasks`. Realistic: whether the
    change asked for was within what the KPI usually did (table `smart_targets`). The measure is to be looked at when
    the strategy was carried out, the target was realistic, and it was still missed.
    """
    due = effects[effects["outcome"] != "not_due"]
    progress = tasks.groupby("strategy_id")["progress_share"].mean() if len(tasks) else pd.Series(dtype="float64")
    usual = {} if smart is None else dict(zip(smart["target_id"], smart["attainable"], strict=True))
    done = due["strategy_id"].map(progress).astype("float64")
    realistic = due["target_id"].map(usual)
    executed = np.select([done.isna(), done >= EXECUTED], ["gap_unknown", "gap_yes"], "gap_no")
    likely = np.select([realistic == "smart_met", realistic == "smart_failed"], ["gap_yes", "gap_no"], "gap_unknown")
    told = due.assign(is_executed=executed, executed_share=done, is_realistic=likely)
    looks = [_look(row) for row in told.to_dict("records")]
    return told.assign(look_at=_words(told, looks))[list(schema.TABLES["gap_analysis"].columns)]


def _look(row: dict) -> str:
    """What to look at first."""
    if row["outcome"] in ("not_measured", "small_n"):
        return "look_data"
    if row["outcome"] == "attained":
        return "look_other_causes"
    if row["is_executed"] == "gap_no":
        return "look_execution"
    return "look_target" if row["is_realistic"] == "gap_no" else "look_measure"
