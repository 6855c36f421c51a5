"""Kano classes of needs from paired questions: how would you feel if it were there, and if it were not?

Kano, Seraku, Takahashi and Tsuji (1984); evaluation table and coefficients as in Berger et al. (1993), "Kano's methods
for understanding customer-defined quality". Answers are 1 like, 2 expect, 3 neutral, 4 live with, 5 dislike.
"""

from math import sqrt

import numpy as np
import numpy.typing as npt
import pandas as pd

from crmlib.periods import Period
from crmlib.schema import TABLES

# Rows: if it is there, columns: if it is missing; 1 like ... 5 dislike in both.
EVALUATION = ("QAAAO", "RIIIM", "RIIIM", "RIIIM", "RRRRQ")
ORDER = "MOAIRQ"
"""Classes as ties are broken: what must be there comes first (M > O > A > I)."""
COUNTS = ("kano_must", "kano_linear", "kano_attractive", "kano_indifferent", "kano_reverse", "kano_doubtful")
_COUNTED = 4  # M, O, A, I: the classes of which the coefficients are made
_Z = 1.959963984540054


def classes(answers: pd.DataFrame, period: Period, min_n: int) -> pd.DataFrame:
    """One row per need: its class, the count of each class, and the coefficients with 95 % Wilson intervals.

    A customer's latest answer up to the quarter's end counts. `answers` are all of them, contradictory ones too; below
    `min_n` a need is marked thin. `is_clear`: the first class beats the second by Fong's test (1996) at 90 %.
    """
    columns = list(TABLES["kano_needs"].columns)
    asked = answers[answers["answered_on"] < pd.Timestamp(period.end)]
    latest = asked.sort_values(["answered_on", "customer_id"], kind="stable").drop_duplicates(
        ["customer_id", "need_id"], keep="last"
    )
    if latest.empty:
        return pd.DataFrame(columns=columns)
    judged = latest.assign(letter=_letters(latest))
    rows = [_need(str(need), group, min_n) for need, group in judged.groupby("need_id", sort=True)]
    return pd.DataFrame(rows, columns=columns)


def _letters(answers: pd.DataFrame) -> npt.NDArray[np.str_]:
    table = np.array([list(row) for row in EVALUATION])
    return table[answers["functional"].to_numpy(int) - 1, answers["dysfunctional"].to_numpy(int) - 1]


def _need(need_id: str, group: pd.DataFrame, min_n: int) -> dict[str, object]:
    last, counts = group.iloc[-1], [int((group["letter"] == letter).sum()) for letter in ORDER]
    must, linear, attractive, _indifferent = counts[:_COUNTED]
    base = sum(counts[:_COUNTED])
    better, worse = wilson(attractive + linear, base), wilson(linear + must, base)
    return {
        "need_id": need_id,
        "need": last["need"],
        "need_zh": last["need_zh"],
        "kano_class": f"kano_{ORDER[counts.index(max(counts))]}",
        "is_clear": _is_clear(counts),
        "answers": len(group),
        **dict(zip(COUNTS, counts, strict=True)),
        **dict(zip(("better_share", "better_low", "better_high"), better, strict=True)),
        "worse_share": -worse[0],
        "worse_low": -worse[2],
        "worse_high": -worse[1],
        "is_thin": len(group) < min_n,
        "provenance": "illustrative" if (group["provenance"] == "illustrative").all() else "actual",
    }


def _is_clear(counts: list[int]) -> bool:
    second, first = sorted(counts)[-2:]
    total = sum(counts)
    return first - second >= 1.65 * sqrt((first + second) * (2 * total - first - second) / (2 * total))


def wilson(hits: int, n: int) -> tuple[float, float, float]:
    """A share with its 95 % interval (Wilson 1927); nothing known of nothing."""
    if n == 0:
        return float("nan"), float("nan"), float("nan")
    share, spread = hits / n, _Z**2 / n
    half = _Z * sqrt(share * (1 - share) / n + spread / (4 * n))
    low, high = ((share + spread / 2 + sign * half) / (1 + spread) for sign in (-1, 1))
    return share, max(low, 0.0), min(high, 1.0)
