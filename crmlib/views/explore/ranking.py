"""How alike two rankings of the same customers are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crmlib.views import narrative, style
from crmlib.views.narrative import Sentence

Array = npt.NDArray[np.float64]
TOP = 0.1


@dataclass(frozen=True)
class Alike:
    """Spearman's rank correlation, and the share of the best tenth that is in the best tenth of both."""

    spearman: float
    top_kept: float

    def said(self, lang: str) -> Sentence:
        """The two figures in a sentence."""
        rank, kept = style.number(self.spearman, lang, 3), style.percent(self.top_kept, lang)
        return narrative.say(
            {
                "en": f"Ranking: the correlation with the signed-off order is {rank} (Spearman); "
                f"{kept} of its best tenth stay in the best tenth.",
                "zh": f"排名：与已确认顺序的秩相关系数为{rank}（Spearman）；原前10%的客户中{kept}仍在前10%。",
            },
            lang,
        )


def alike(before: Array, now: Array, customers: npt.NDArray[np.int64] | None = None) -> Alike:
    """Compare two scores; each row stands for so many `customers` (one unless said), ties get middle ranks.

    A row whose middle rank is in the best tenth counts as in it.
    """
    counts = np.ones(len(before)) if customers is None else customers.astype(float)
    if len(before) == 0:
        return Alike(float("nan"), float("nan"))
    a, b = _middle_ranks(before, counts), _middle_ranks(now, counts)
    limit = TOP * counts.sum()
    top = counts * (a <= limit)
    kept = float((top * (b <= limit)).sum() / top.sum()) if top.sum() else float("nan")
    return Alike(_correlation(a, b, counts), kept)


def _middle_ranks(values: Array, counts: Array) -> Array:
    """Rank 1 is the highest value; equal values share the mean of their places."""
    _values, group = np.unique(-np.round(values, 6), return_inverse=True)
    size = np.bincount(group, weights=counts)
    return (np.cumsum(size) - size / 2 + 0.5)[group]


def _correlation(a: Array, b: Array, counts: Array) -> float:
    a, b = a - np.average(a, weights=counts), b - np.average(b, weights=counts)
    spread = np.sqrt((counts * a * a).sum() * (counts * b * b).sum())
    return float((counts * a * b).sum() / spread) if spread > 0 else float("nan")
