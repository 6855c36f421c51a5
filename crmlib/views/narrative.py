"""Sentences computed from results: the same finding in either language."""

from dataclasses import dataclass
from html import escape

import pandas as pd

from crmlib.views import style


@dataclass(frozen=True)
class Sentence:
    """Plain text; it becomes HTML only when it is displayed, so nothing in the data can be markup."""

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f'<p class="finding">{escape(self.text)}</p>'


def say(texts: dict[str, str], lang: str) -> Sentence:
    """The sentence in the reader's language."""
    return Sentence(style.legible(texts[lang]))


def some(count: float, lang: str) -> str:
    """A count of customers; one that is hidden (NaN, from `suppression.blank`) is "some"."""
    return {"en": "some", "zh": "若干"}[lang] if pd.isna(count) else style.number(count, lang)
