"""What customers talk about: the themes of each text, and how each theme sounds in it.

A theme is found by its words, clause by clause, so that one text can praise the goods and complain of the price. Where
the words of a text leave its tone open, the customer's own mark or the kind of the ticket decides, and the row says so.
"""

import functools
from collections.abc import Mapping, Sequence

import pandas as pd

from crmlib.collect import lexicon_en, lexicon_zh, sentiment

OVERALL, UNKNOWN, COMPLAINT = "overall", "no_theme", "complaint"
_HINTED = {"positive": "positive", "negative": "negative", COMPLAINT: "negative"}
COLUMNS = ["text_id", "language", "theme", "sentiment", "tone_from", "because"]
Extra = Mapping[str, Sequence[str]]


def read(texts: pd.DataFrame, extra: Extra | None = None) -> pd.DataFrame:
    """One row per text and theme; `texts` has `text_id` and `text`, and may have `hint`: `positive` or `negative` where
    the customer's mark says so, `complaint` where the text is one, which a kind word in it does not change.

    `extra` adds words to a theme, or a theme with a name of its own. A text about nothing in particular has the theme
    `overall`; one without a known theme or tone `no_theme`. Blank texts have no row.
    """
    lexicon = vocabulary(tuple((name, tuple(words)) for name, words in (extra or {}).items()))
    hints = texts["hint"] if "hint" in texts.columns else [""] * len(texts)
    rows = [
        row
        for text_id, text, hint in zip(texts["text_id"], texts["text"], hints, strict=True)
        for row in _text_rows(text_id, text, hint, lexicon)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _text_rows(text_id: str, text: str, hint: str, lexicon: dict[str, frozenset[str]]) -> list[tuple]:
    spoken = sentiment.language(text) if isinstance(text, str) else "none"
    if spoken == "none":
        return []
    parts = sentiment.clauses(text)
    readings = [sentiment.clause_reading(part) for part in parts]
    whole = sentiment.overall(readings)
    found: dict[str, list[tuple[sentiment.Reading, list[str]]]] = {}
    for part, reading in zip(parts, readings, strict=True):
        for theme, words in _themes(part, lexicon).items():
            found.setdefault(theme, []).append((reading, words))
    if not found:
        theme = OVERALL if whole.sentiment != "undecided" or hint else UNKNOWN
        found[theme] = [(whole, [])]
    return [(text_id, spoken, theme, *_judged(hits, whole, hint)) for theme, hits in found.items()]


def _judged(
    hits: list[tuple[sentiment.Reading, list[str]]], whole: sentiment.Reading, hint: str
) -> tuple[str, str, str]:
    """Tone of one theme, who decided it, and because of which words."""
    own = sentiment.overall([reading for reading, _ in hits])
    heard = own if own.sentiment != "undecided" or whole.sentiment == "mixed" else whole
    about = ", ".join(dict.fromkeys(word for _, words in hits for word in words))
    if heard.sentiment == "undecided" or (hint == COMPLAINT and heard.sentiment == "positive"):
        return (_HINTED[hint], "mark", about) if hint else ("undecided", "nobody", about)
    return heard.sentiment, "words", " → ".join(p for p in (about, ", ".join(heard.because)) if p)


def _themes(clause: sentiment.Clause, lexicon: dict[str, frozenset[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for start, end, themes in sentiment.matches(clause.tokens, lexicon):
        for theme in sorted(themes):
            found.setdefault(theme, []).append(sentiment.said(clause.tokens[start:end]))
    return found


@functools.cache
def vocabulary(extra: tuple[tuple[str, tuple[str, ...]], ...] = ()) -> dict[str, frozenset[str]]:
    """Each entry of the word lists with the themes it belongs to."""
    entries: dict[str, set[str]] = {}
    for theme in lexicon_en.THEMES:
        for word in sentiment.split_words(lexicon_en.THEMES[theme], lexicon_zh.THEMES[theme]):
            entries.setdefault(word, set()).add(theme)
    for theme, words in extra:
        for word in words:
            entries.setdefault(sentiment.normal(word), set()).add(theme)
    return {word: frozenset(themes) for word, themes in entries.items()}
