"""Weights from judgements in pairs (analytic hierarchy process, Saaty 1980), with the check that they agree.

A set of criteria gives weights only when each pair is judged, nothing contradicts itself, and the consistency ratio
stays within the limit. Otherwise it says which comparison to look at first, and what would fit the others.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

import numpy as np
import pandas as pd

from crmlib.params import Market
from crmlib.schema import TABLES

RANDOM_INDEX = {3: 0.58, 4: 0.90, 5: 1.12, 6: 1.24, 7: 1.32, 8: 1.41}
"""Saaty's mean consistency index of random matrices, by number of criteria; two criteria cannot disagree."""
_MAX_CRITERIA = 8
_SCALE = [Fraction(1, n) for n in range(9, 1, -1)] + [Fraction(n) for n in range(1, 10)]

Pair = tuple[str, str]


@dataclass(frozen=True)
class Judged:
    """Tables `ahp_sets`, `ahp_weights` (also of rejected sets) and `ahp_comparisons`."""

    sets: pd.DataFrame
    weights: pd.DataFrame
    comparisons: pd.DataFrame


def judge(register: pd.DataFrame, rules: Market) -> Judged:
    """Every set of the register with its consistency, its weights, and how each comparison fits the others."""
    sets, weights, comparisons = [], [], []
    for name, rows in register.groupby("criterion_set", sort=True):
        marks = {"criterion_set": str(name), "provenance": rows.provenance.max()}
        summary, matrix, criteria = _summary(rows, rules)
        sets.append(summary | marks)
        if matrix is not None:
            found = zip(criteria, principal(matrix)[0], strict=True)
            weights += [{"criterion": c, "weight": float(w)} | marks for c, w in found]
            comparisons += [row | marks for row in _fits(rows, matrix, criteria)]
    return Judged(
        pd.DataFrame(sets, columns=list(TABLES["ahp_sets"].columns)),
        _table("ahp_weights", weights, {"criterion_set": True, "weight": False, "criterion": True}),
        _table(
            "ahp_comparisons",
            comparisons,
            {"misfit_factor": False, **dict.fromkeys(TABLES["ahp_comparisons"].key, True)},
        ),
    )


def weights(register: pd.DataFrame, criterion_set: str, rules: Market) -> dict[str, float] | None:
    """Weight of each criterion, adding to 1; None where the set is absent, not complete, or not consistent."""
    judged = judge(register[register.criterion_set == criterion_set], rules)
    if judged.sets.empty or judged.sets.set_state.item() != "consistent":
        return None
    return {str(c): float(w) for c, w in zip(judged.weights.criterion, judged.weights.weight, strict=True)}


def choose(
    register: pd.DataFrame, criterion_set: str, otherwise: Mapping[str, float], rules: Market
) -> tuple[dict[str, float], str]:
    """The weights to work with and where they come from: 'ahp' when the params ask for it and the set is usable.

    Usable also means: it judges exactly the criteria of `otherwise`, whose order is kept.
    """
    found = weights(register, criterion_set, rules) if rules.weights_from == "ahp" else None
    if found is None or set(found) != set(otherwise):
        return dict(otherwise), "params"
    return {criterion: found[criterion] for criterion in otherwise}, "ahp"


def principal(matrix: np.ndarray) -> tuple[np.ndarray, float]:
    """The principal eigenvector, adding to 1, and its eigenvalue."""
    values, vectors = np.linalg.eig(matrix)
    at = int(values.real.argmax())
    vector = np.abs(vectors[:, at].real)
    return vector / vector.sum(), float(values[at].real)


def consistency(matrix: np.ndarray) -> tuple[float, float, float]:
    """Largest eigenvalue, consistency index (lambda - n) / (n - 1), and its ratio to that of random judgements."""
    n, largest = len(matrix), principal(matrix)[1]
    if n <= 2:
        return largest, 0.0, 0.0
    index = max((largest - n) / (n - 1), 0.0)  # rounding may leave -1e-16
    return largest, index, index / RANDOM_INDEX[n]


def misfit(matrix: np.ndarray, i: int, j: int) -> float:
    """How many times off a_ij is from the weights of the whole set (1: it fits)."""
    vector = principal(matrix)[0]
    return float(np.exp(abs(np.log(matrix[i, j] * vector[j] / vector[i]))))


def fitting(matrix: np.ndarray, i: int, j: int) -> float:
    """What a_ij would be if only the other comparisons spoke (Harker 1987: leave it out, add 1 on the diagonal)."""
    others = matrix.copy()
    others[i, j] = others[j, i] = 0.0
    others[i, i] = others[j, j] = 2.0
    vector = principal(others)[0]
    return float(vector[i] / vector[j])


def _summary(rows: pd.DataFrame, rules: Market) -> tuple[dict[str, object], np.ndarray | None, list[str]]:
    criteria = sorted({*rows.criterion, *rows.against})
    found, clashes = _judgements(rows)
    missing = [pair for pair in combinations(criteria, 2) if pair not in found]
    state, pairs = _state(criteria, clashes, missing)
    nothing = float("nan")
    summary: dict[str, object] = {
        "criteria": len(criteria),
        "comparisons": len(rows),
        "missing_pairs": "; ".join(f"{a} - {b}" for a, b in pairs),
        "set_state": state,
    }
    figures = ("lambda_max", "consistency_index", "consistency_ratio")
    if state:
        return summary | dict.fromkeys(figures, nothing), None, criteria
    matrix = _matrix(found, criteria)
    measured = consistency(matrix)
    agreed = "consistent" if measured[2] <= rules.ahp.max_ratio else "inconsistent"
    return summary | dict(zip(figures, measured, strict=True)) | {"set_state": agreed}, matrix, criteria


def _state(criteria: list[str], clashes: list[Pair], missing: list[Pair]) -> tuple[str, list[Pair]]:
    """Why there is no matrix, and the pairs to look at; '' where there is one."""
    if len(criteria) > _MAX_CRITERIA:
        return "too_many", []
    if clashes:
        return "contradictory", clashes
    return ("incomplete", missing) if missing else ("", [])


def _judgements(rows: pd.DataFrame) -> tuple[dict[Pair, Fraction], list[Pair]]:
    """Each pair in alphabetical order with its judgement, and the pairs that were judged in two ways."""
    found: dict[Pair, Fraction] = {}
    clashes = []
    for first, second, text in zip(rows.criterion, rows.against, rows.judgement, strict=True):
        value = Fraction(text)
        pair, turned = ((first, second), value) if first <= second else ((second, first), 1 / value)
        if found.setdefault(pair, turned) != turned or (first == second and value != 1):
            clashes.append(pair)
    return {pair: value for pair, value in found.items() if pair[0] != pair[1]}, sorted(set(clashes))


def _matrix(found: Mapping[Pair, Fraction], criteria: list[str]) -> np.ndarray:
    matrix = np.eye(len(criteria))
    for (first, second), value in found.items():
        i, j = criteria.index(first), criteria.index(second)
        matrix[i, j], matrix[j, i] = float(value), float(1 / value)
    return matrix


def _fits(rows: pd.DataFrame, matrix: np.ndarray, criteria: list[str]) -> Iterator[dict[str, object]]:
    """Each comparison as it was written, beside the value on the scale that the others ask for."""
    for first, second, text in zip(rows.criterion, rows.against, rows.judgement, strict=True):
        i, j = criteria.index(first), criteria.index(second)
        row: dict[str, object] = {"criterion": first, "against": second, "judgement": text}
        if i == j or len(criteria) == 2:
            yield row | {"judgement_fit": "", "misfit_factor": 1.0, "ratio_after": float("nan")}
            continue
        fit = _on_scale(fitting(matrix, i, j))
        changed = matrix.copy()
        changed[i, j], changed[j, i] = float(fit), float(1 / fit)
        yield row | {
            "judgement_fit": str(fit),
            "misfit_factor": round(misfit(matrix, i, j), 9),  # equal misfits must tie, or rounding orders them
            "ratio_after": consistency(changed)[2],
        }


def _on_scale(value: float) -> Fraction:
    """The nearest value of the scale 1/9 ... 9, by ratio."""
    return min(_SCALE, key=lambda step: abs(np.log(float(step) / value)))


def _table(name: str, rows: list[dict[str, object]], order: Mapping[str, bool]) -> pd.DataFrame:
    """The rows sorted by the columns of `order`, ascending where it says so."""
    frame = pd.DataFrame(rows, columns=list(TABLES[name].columns))
    return frame.sort_values(list(order), ascending=list(order.values())).reset_index(drop=True)
