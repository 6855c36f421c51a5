"""What customers talk about: the themes of each text, and how each theme sounds in it.

A theme is found by its words, clause by clause, so that one text can praise the goods and complain of the price. Where
the words of a text leave its tone open, the customer's own mark or the kind of the ticket decides, and the row says so.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from crmlib.collect import lexicon_en, lexicon_zh, sentiment

OVERALL, UNKNOWN, UNREAD, COMPLAINT = "overall", "no_theme", "unread", "complaint"
_HINTED = {"positive": "positive", "negative": "negative", COMPLAINT: "negative"}
COLUMNS = ["text_id", "language", "theme", "sentiment", "tone_from", "because"]
Extra = Mapping[str, Sequence[str]]
Entries = Mapping[str, frozenset[str]]
_UNHEARD = sentiment.Reading("undecided", 0.0, ())


def read(texts: pd.DataFrame, extra: Extra | None = None) -> pd.DataFrame:
    """One row per text and theme; `texts` has `text_id` and `text`, and may have `hint`: `positive` or `negative` where
    the customer's mark says so, `complaint` where the text is one, which a kind word in it does not change.

    `extra` adds words to a theme, or a theme with a name of its own. A text about nothing in particular has the theme
    `overall`; one without a known theme or tone `no_theme`. Of a text in a language that the lists do not know, only
    words of `extra` count; without one its theme is `unread`. Blank texts have no row.
    """
    added = tuple((name, tuple(words)) for name, words in (extra or {}).items())
    lexicon, own = vocabulary(added), _entries(added)
    hints = texts["hint"] if "hint" in texts.columns else [""] * len(texts)
    rows = [
        row
        for text_id, text, hint in zip(texts["text_id"], texts["text"], hints, strict=True)
        for row in _text_rows(text_id, text, hint, lexicon, own)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _text_rows(text_id: str, text: str, hint: str, lexicon: Entries, own: Entries) -> list[tuple]:
    spoken = sentiment.language(text) if isinstance(text, str) else "none"
    if spoken == "none":
        return []
    parts, is_known = sentiment.clauses(text), spoken != sentiment.OTHER
    readings = [sentiment.clause_reading(part) for part in parts] if is_known else [_UNHEARD] * len(parts)
    whole = sentiment.overall(readings)
    found: dict[str, list[tuple[sentiment.Reading, list[str]]]] = {}
    for part, reading in zip(parts, readings, strict=True):
        for theme, words in _themes(part, lexicon if is_known else own).items():
            found.setdefault(theme, []).append((reading, words))
    if not found:
        is_toned = whole.sentiment != "undecided" or hint
        found[(OVERALL if is_toned else UNKNOWN) if is_known else UNREAD] = [(whole, [])]
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


def _themes(clause: sentiment.Clause, lexicon: Entries) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for start, end, themes in sentiment.matches(clause.tokens, lexicon):
        for theme in sorted(themes):
            found.setdefault(theme, []).append(sentiment.said(clause.tokens[start:end]))
    return found


@functools.cache
def vocabulary(extra: tuple[tuple[str, tuple[str, ...]], ...] = ()) -> Entries:
    """Each entry of the word lists with the themes it belongs to."""
    lists = ((t, tuple(sentiment.split_words(lexicon_en.THEMES[t], lexicon_zh.THEMES[t]))) for t in lexicon_en.THEMES)
    return _entries((*lists, *extra))


def _entries(lists: Iterable[tuple[str, tuple[str, ...]]]) -> Entries:
    """Each word as texts are searched for it, with its themes."""
    entries: dict[str, set[str]] = {}
    for theme, words in lists:
        for word in words:
            entries.setdefault(sentiment.normal(word), set()).add(theme)
    return {word: frozenset(themes) for word, themes in entries.items()}
