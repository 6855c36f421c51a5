"""How well scores foretold what happened: errors, ranking, calibration; counted over all customers in the engine."""

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from crmlib.schema import TABLES

RANKS = ("recency_rank", "rfm_rank")  # they order customers and foretell no figure
TOP = 0.1
_FINE = 1e6


def measured(table: ir.Table, scores: dict[str, str], event: str) -> dict[str, dict[str, float]]:
    """How each score did; `scores` gives the column of each name. Customers without a score are left out of it."""
    sums = _sums(table, {name: column for name, column in scores.items() if name not in RANKS}, event)
    return {name: _measured(table, name, column, event, sums) for name, column in scores.items()}


def _sums(table: ir.Table, scores: dict[str, str], event: str) -> dict[str, float]:
    """Sums of errors and of figures, of all scores in one pass."""
    happened = table[event].cast("float64")
    sums: dict[str, ir.Value] = {}
    for name, column in scores.items():
        told = table[column]
        off = told - happened
        sums |= {
            f"{name} mae": _fine(off.abs()),
            f"{name} square": _fine(off * off),
            f"{name} told": _fine(told),
            f"{name} happened": happened.sum(where=told.notnull()),
        }
    return dict(table.aggregate(**sums).to_pyarrow().to_pylist()[0])


def _measured(table: ir.Table, name: str, column: str, event: str, sums: dict[str, float]) -> dict[str, float]:
    told = table.filter(table[column].notnull()).select(told=table[column], happened=table[event])
    ranked = _ranked(told)
    if name in RANKS or ranked["customers"] == 0:
        return ranked
    mae, square, foretold, happened = (sums[f"{name} {part}"] for part in ("mae", "square", "told", "happened"))
    n, spread = ranked["customers"], 1.96 * float(np.sqrt(square))
    ratio = foretold / happened if happened else float("nan")
    ends = [foretold / (happened + s) if happened and happened + s > 0 else np.nan for s in (spread, -spread)]
    error = square / n
    extra = {"brier": error} if event == "is_silent" else {"mae": mae / n, "rmse": float(np.sqrt(error))}
    return ranked | extra | {"expected_ratio": ratio, "ratio_low": ends[0], "ratio_high": ends[1]}


def _fine(value: ir.Value) -> ir.Value:
    """A sum that does not depend on the order in which threads add: in millionths."""
    return (value * _FINE).round().cast("int64").sum() / _FINE


def _ranked(told: ir.Table) -> dict[str, float]:
    """Customers, AUC (Hanley and McNeil's 95 % range) and lift of the top tenth, equal scores sharing their place."""
    by_score = told.group_by(score=told.told.round(9)).aggregate(
        n=_.count(), hits=(_.happened > 0).cast("int64").sum(), amount=_.happened.sum().cast("int64")
    )
    before = ibis.window(order_by="score", preceding=(None, 1))
    whole = by_score.n.sum().over().cast("float64")
    below = by_score.n.sum().over(before).fill_null(0)
    placed = by_score.mutate(
        misses_below=below - by_score.hits.sum().over(before).fill_null(0),
        room=ibis.greatest(whole * TOP - (whole - below - by_score.n), 0),
    )
    taken = ibis.least(placed.room, placed.n) / placed.n
    sums = placed.aggregate(
        customers=_.n.sum().fill_null(0),
        hits=_.hits.sum().fill_null(0),
        amount=_.amount.sum().fill_null(0),
        wins=(_.hits * (2 * _.misses_below + _.n - _.hits)).cast("float64").sum().fill_null(0),
        top=(taken * placed.amount).sum().fill_null(0),
    )
    found = sums.to_pyarrow().to_pylist()[0]
    n, hits = int(found["customers"]), int(found["hits"])
    pairs = hits * (n - hits)
    auc = found["wins"] / 2 / pairs if pairs else float("nan")
    error = _auc_error(auc, hits, n - hits) if pairs else float("nan")
    lift = found["top"] / float(found["amount"]) / TOP if found["amount"] else float("nan")
    return {"customers": n, "auc": auc, "auc_low": auc - 1.96 * error, "auc_high": min(auc + 1.96 * error, 1.0),
            "top_lift": round(float(lift), 9)}  # fmt: skip


def _auc_error(auc: float, hits: int, misses: int) -> float:
    """Standard error of an AUC (Hanley and McNeil 1982, Radiology 143)."""
    both, two = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    spread = auc * (1 - auc) + (hits - 1) * (both - auc * auc) + (misses - 1) * (two - auc * auc)
    return float(np.sqrt(max(spread, 0) / (hits * misses)))


def calibration(target: str, scored: ir.Table, wanted: str) -> pd.DataFrame:
    """Ten groups of customers by what was foretold, the least first: mean foretold and mean that happened."""
    name = ("silence_logistic" if wanted == "logistic" else "silence_btyd") if target == "silence" else "btyd"
    event = "is_silent" if target == "silence" else "actual"
    told = scored.filter(scored[name].notnull()).select("customer_id", told=scored[name], happened=scored[event])
    place = ibis.row_number().over(order_by=["told", "customer_id"])
    grouped = told.mutate(decile=(place * 10 / told.count().as_scalar()).floor().cast("int64") + 1)
    counted = grouped.group_by("decile").aggregate(
        customers=_.count(), told=_fine(_.told), happened=_.happened.sum(), square=(_.happened * _.happened).sum()
    )
    frame = counted.order_by("decile").to_pyarrow().to_pandas().astype(float)
    n, mean = frame["customers"], frame["happened"] / frame["customers"]
    half = 1.96 * np.sqrt((frame["square"] / n - mean**2).clip(lower=0) / n)
    return frame.assign(
        score_target=target, predicted=frame["told"] / n, happened=mean, happened_low=(mean - half).clip(lower=0),
        happened_high=mean + half, decile=frame["decile"].astype("int64"), customers=n.astype("int64"),
    )[list(TABLES["model_calibration"].columns)]  # fmt: skip
