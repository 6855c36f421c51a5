"""How a text sounds, read with word lists in English and Chinese: no model file, and each verdict names its words.

A text is cut into clauses. A clause adds its words' weights; a negation before a word turns it, "very" and "a bit"
change its weight. A text with a clearly good and a clearly bad clause is mixed; one without clear words is undecided.
"""

import functools
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from crmlib.collect import lexicon_en, lexicon_zh, scrub

DECIDED = 0.75
"""The least weight that decides; a single plain word has 1, one turned by a negation -0.8, a weakened one 0.6."""

_TURNED, _STRONGER, _WEAKER, _QUESTION, _AFTER_TURN = -0.8, 1.4, 0.6, 0.3, 1.5
_REACH = 4  # tokens before a word in which a negation turns it
_LONGEST = 6  # tokens of the longest entry
_LEAST_STEM = 3

KNOWN = 0.4
"""More than this share of a text's words, less one, is in the English lists; of our own sentences 0.57 and more."""
OTHER = "other_language"

Value = TypeVar("Value")

_TOKEN = re.compile(scrub.MASK + r"|[a-z]+(?:['’][a-z]+)?|\d+|[\u3400-\u9fff]|[^\sa-z\d\u3400-\u9fff]")
_ENDS = frozenset(".!?;:…。！？；,，、：()（）\n~")
_COMMAS = frozenset(",，、")
_ASKING = frozenset("?？吗")
_PLAIN = {ord("’"): "'", ord("-"): " ", ord("\n"): " . "}
_GAP = re.compile(r"(?<=[\u3400-\u9fff]) | (?=[\u3400-\u9fff])")
_MASK = re.compile(scrub.MASK)
_HAN = re.compile(r"[\u3400-\u9fff]")
_LATIN = re.compile(r"[A-Za-z]")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


@dataclass(frozen=True)
class Reading:
    """What a clause or a text says: positive, negative, mixed or undecided, by how much, and which words said so."""

    sentiment: str
    score: float
    because: tuple[str, ...]


@dataclass(frozen=True)
class Clause:
    """A stretch of tokens without an inner stop. `asks` marks a question, `turns` a clause that follows a "but"."""

    tokens: tuple[str, ...]
    asks: bool
    turns: bool


def language(text: str) -> str:
    """`zh`, `en` or `both` by script, a Chinese sign counting as three letters; `other_language` where hardly a word is
    known, so that the lists cannot read it; `none` where there are no letters. A mask is no word.
    """
    said = _MASK.sub(" ", text)
    han, latin, letters = len(_HAN.findall(said)), len(_LATIN.findall(said)), sum(map(str.isalpha, said))
    if not letters:
        return "none"
    if letters > 2 * (han + latin):
        return OTHER
    share = 3 * han / (3 * han + latin)
    return "zh" if share > 0.8 else "both" if share >= 0.2 else "en" if _is_english(said) else OTHER


def _is_english(text: str) -> bool:
    words, known = {*_WORD.findall(text.lower().replace("’", "'"))} - _SHARED, _english()
    return sum(_entry((word,), known) in known for word in words) > KNOWN * (len(words) - 1)


def clauses(text: str) -> list[Clause]:
    """The clauses of a text, lower case, in order."""
    found: list[Clause] = []
    tokens: list[str] = []
    turned = False
    for token in [*_TOKEN.findall(text.lower().translate(_PLAIN)), "."]:
        turn = token in _TURN_WORDS or (tokens and tokens[-1] + token in _TURN_WORDS)
        if token in _ENDS or token in _ASKING or (turn and tokens):
            if tokens:
                found.append(Clause(tuple(tokens), token in _ASKING, turned))
            tokens = []
            turned = bool(turn) or (turned and token in _COMMAS)
        if not (token in _ENDS or token in _ASKING):
            tokens.append(token)
    return found


def read(text: str) -> Reading:
    """The sentiment of a whole text."""
    return overall([clause_reading(clause) for clause in clauses(text)])


def overall(parts: list[Reading]) -> Reading:
    """The text's sentiment from its clauses'."""
    score = round(sum(part.score for part in parts), 6)
    because = tuple(dict.fromkeys(word for part in parts for word in part.because))
    good = max((part.score for part in parts), default=0.0)
    bad = min((part.score for part in parts), default=0.0)
    if good >= DECIDED and bad <= -DECIDED:
        return Reading("mixed", score, because)
    return Reading(_verdict(score), score, because)


def clause_reading(clause: Clause) -> Reading:
    """The sentiment of one clause, and its deciding words with the negation that turned them."""
    score, because, hits = 0.0, [], list(matches(clause.tokens, _sentiments()))
    taken = {at for start, end, _ in hits for at in range(start, end)}
    for start, end, weight in hits:
        if not weight:
            continue
        turn, factor = _context(clause.tokens, start, taken)
        score += weight * factor
        because.append(turn + said(clause.tokens[start:end]))
    score *= (_QUESTION if clause.asks else 1.0) * (_AFTER_TURN if clause.turns else 1.0)
    return Reading(_verdict(score), score, tuple(because))


def matches(tokens: tuple[str, ...], entries: Mapping[str, Value]) -> Iterator[tuple[int, int, Value]]:
    """Start, end and value of each entry found, the longest first and without overlap."""
    at = 0
    while at < len(tokens):
        for length in range(min(_LONGEST, len(tokens) - at), 0, -1):
            value = entries.get(_entry(tokens[at : at + length], entries))
            if value is not None:
                yield at, at + length, value
                at += length
                break
        else:
            at += 1


def _context(tokens: tuple[str, ...], start: int, taken: set[int]) -> tuple[str, float]:
    """The negation in reach before a word (empty where none is) and the factor on its weight."""
    factor, turn, at = 1.0, "", start - 1
    while at >= max(0, start - _REACH) and at not in taken:
        word = next((w for w in (said(tokens[max(0, at - 1) : at + 1]), tokens[at]) if w in _CONTEXT), tokens[at])
        if word in _NEGATORS and not turn:
            turn, factor = word, factor * _TURNED
        elif at == start - 1:
            factor *= _STRONGER if word in _STRONGER_WORDS else _WEAKER if word in _WEAKER_WORDS else 1.0
        at -= 1 if word == tokens[at] else 2
    spaced = " " if turn and turn[-1].isascii() else ""
    return turn + spaced, factor


def _verdict(score: float) -> str:
    return "positive" if score >= DECIDED else "negative" if score <= -DECIDED else "undecided"


def said(tokens: tuple[str, ...]) -> str:
    """Tokens as they were written: English with spaces, Chinese without."""
    if len(tokens) == 1:
        return tokens[0]
    return _GAP.sub("", " ".join(tokens))


def _entry(tokens: tuple[str, ...], entries: Container[str]) -> str:
    """The key of an entry that these tokens match, or the tokens themselves; the last one may match a stem."""
    joined = said(tokens)
    if joined in entries or not tokens[-1].isascii() or not tokens[-1].isalpha():
        return joined
    return _stem(joined, len(joined) - len(tokens[-1]), entries)


def _stem(joined: str, head: int, entries: Container[str]) -> str:
    for cut in range(len(joined), head + _LEAST_STEM - 1, -1):
        if joined[:cut] + "*" in entries:
            return joined[:cut] + "*"
    return joined


def normal(word: str) -> str:
    """A word of a person's own list as `matches` looks it up."""
    stem = word.strip().endswith("*")
    return said(tuple(_TOKEN.findall(word.lower().translate(_PLAIN).rstrip("* ")))) + ("*" if stem else "")


def split_words(english: str, chinese: str = "") -> list[str]:
    """Entries of the word lists: English ones between commas, Chinese ones between spaces."""
    return [
        *(" ".join(w.replace("-", " ").split()) for w in english.lower().split(",") if w.strip()),
        *chinese.lower().split(),
    ]


@functools.cache
def _english() -> frozenset[str]:
    """Every single word of the English lists."""
    lists = [text for name, text in vars(lexicon_en).items() if name.isupper() and isinstance(text, str)]
    entries = [entry for text in (*lists, *lexicon_en.THEMES.values()) for entry in split_words(text)]
    return frozenset(word for entry in entries for word in entry.split())


@functools.cache
def _sentiments() -> dict[str, float]:
    """Every entry with its weight; a later list wins."""
    weights: dict[str, float] = {}
    for name, weight in (("POSITIVE", 1.0), ("NEGATIVE", -1.0), ("STRONG_POSITIVE", 2.0), ("STRONG_NEGATIVE", -2.0),
                         ("NEUTRAL", 0.0)):  # fmt: skip
        weights |= dict.fromkeys(split_words(getattr(lexicon_en, name), getattr(lexicon_zh, name)), weight)
    return weights


_SHARED = frozenset(split_words(lexicon_en.SHARED))
_NEGATORS = frozenset(split_words(lexicon_en.NEGATORS, lexicon_zh.NEGATORS))
_STRONGER_WORDS = frozenset(split_words(lexicon_en.STRONGER, lexicon_zh.STRONGER))
_WEAKER_WORDS = frozenset(split_words(lexicon_en.WEAKER, lexicon_zh.WEAKER))
_CONTEXT = _NEGATORS | _STRONGER_WORDS | _WEAKER_WORDS
_TURN_WORDS = frozenset(split_words(lexicon_en.TURNS, lexicon_zh.TURNS))
