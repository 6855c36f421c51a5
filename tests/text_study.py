"""How often the readers of texts are right: makes the tables of `docs/text_models.md`.

    python tests/text_study.py [FOLDER]

Without a folder it measures on our own sentences (`tests/labelled_feedback.csv`). With one it also measures on public
sets that are not part of this project, as far as the folder has them: `amazon_cells_labelled.txt`, `yelp_labelled.txt`,
`imdb_labelled.txt` (UCI, CC BY 4.0), `waimai_10k.csv`, `online_shopping_10_cats.csv`, `ChnSentiCorp_htl_all.csv`
(ChineseNlpCorpus, no licence stated), `Restaurants_Train.xml` (SemEval 2014 task 4), `asap.csv` (ASAP, Apache 2.0).
VADER and SnowNLP are compared where they are installed; nothing of either is used by the project.
"""

import csv
import hashlib
import importlib.util
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from crmlib.collect import sentiment, themes

OWN = Path(__file__).parent / "labelled_feedback.csv"
CAP = 3000  # texts of one set that are measured
UNSURE = 0.15  # a model within this of one half does not decide
ASPECTS = {"food": "goods", "service": "staff", "price": "price", "ambience": "premises"}
ASAP = {
    "goods": ("dish_",), "staff": ("service_waiters",), "queue": ("service_wait", "service_serving"),
    "price": ("price_level", "price_cost"), "premises": ("environment_", "location_", "service_parking"),
    "offers_points": ("price_discount",),
}  # fmt: skip
Labelled = list[tuple[str, int]]
Scores = Callable[[list[str]], np.ndarray]


def is_test(text: str) -> bool:
    """Half of all texts, by a hash, so that the split never depends on order."""
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 1


def own() -> pd.DataFrame:
    return pd.read_csv(OWN, encoding="utf-8").assign(
        lang=lambda f: f["text"].map(sentiment.language).replace("both", "zh")
    )


def own_set(lang: str) -> Labelled:
    rows = own()
    clear = rows[rows["sentiment"].isin(["positive", "negative"]) & (rows["lang"] == lang)]
    return list(zip(clear["text"], (clear["sentiment"] == "positive").astype(int), strict=True))


def uci(file: Path) -> Labelled:
    lines = file.read_text(encoding="utf-8").replace("\t,", "\t").split("\n")
    found = [line.strip().rsplit("\t", 1) for line in lines if "\t" in line]
    return [(text, int(mark)) for text, mark in found if mark in ("0", "1")]


def reviews(file: Path) -> Labelled:
    rows = pd.read_csv(file).dropna()
    if "cat" in rows.columns:
        rows = rows[~rows["cat"].isin(["书籍", "酒店"])]
    rows = rows.sample(min(len(rows), 2 * CAP), random_state=1)
    return [(str(text), int(mark)) for text, mark in zip(rows["review"], rows["label"], strict=True)]


def sentiment_sets(folder: Path | None) -> dict[str, tuple[str, Labelled]]:
    """Name of each set, its language, and its texts with 1 for praise and 0 for criticism."""
    sets = {"own sentences (en)": ("en", own_set("en")), "own sentences (zh)": ("zh", own_set("zh"))}
    files = {
        "Amazon (en)": ("en", "amazon_cells_labelled.txt", uci), "Yelp (en)": ("en", "yelp_labelled.txt", uci),
        "IMDb (en)": ("en", "imdb_labelled.txt", uci), "food delivery (zh)": ("zh", "waimai_10k.csv", reviews),
        "online shops (zh)": ("zh", "online_shopping_10_cats.csv", reviews),
        "hotels (zh)": ("zh", "ChnSentiCorp_htl_all.csv", reviews),
    }  # fmt: skip
    for name, (lang, file, read) in files.items():
        if folder and (folder / file).is_file():
            sets[name] = (lang, read(folder / file))
    return sets


def lexicon(texts: list[str]) -> np.ndarray:
    """The product's own reader: the score's sign, 0 where it does not decide."""
    read = [sentiment.read(text) for text in texts]
    return np.array([r.score if r.sentiment in ("positive", "negative") else r.score * 1e-6 for r in read])


def linear(lang: str, train: Labelled) -> Scores:
    """TF-IDF and logistic regression: words and pairs in English, one to three characters in Chinese."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    grams = {"analyzer": "char", "ngram_range": (1, 3)} if lang == "zh" else {"ngram_range": (1, 2)}
    model = make_pipeline(TfidfVectorizer(sublinear_tf=True, **grams), LogisticRegression(C=5, max_iter=1000))
    model.fit([text for text, _ in train], [mark for _, mark in train])
    return lambda texts: _sure(model.predict_proba(texts)[:, 1] - 0.5)


def _sure(distance: np.ndarray) -> np.ndarray:
    return np.where(np.abs(distance) >= UNSURE, distance, distance * 1e-6)


def candidates(name: str, lang: str, sets: dict[str, tuple[str, Labelled]]) -> Iterator[tuple[str, Scores]]:
    """What is compared on one set; the linear models never see its test half, the second not its domain either."""
    yield "word lists (ours)", lexicon
    train = {n: [row for row in rows if not is_test(row[0])] for n, (spoken, rows) in sets.items() if spoken == lang}
    mine = f"own sentences ({lang})"
    if name != mine:
        yield f"linear, own {len(train[mine])} sentences", linear(lang, train[mine])
    others = [row for n, rows in train.items() if n not in (name, mine) for row in rows[:CAP]]
    if others:
        yield f"linear, other domains ({len(others):,})", linear(lang, others)
    yield f"linear, same domain ({len(train[name][:CAP]):,})", linear(lang, train[name][:CAP])
    if lang == "en" and importlib.util.find_spec("vaderSentiment"):
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

        vader = SentimentIntensityAnalyzer()
        yield "VADER 3.3", lambda texts: np.array([_band(vader.polarity_scores(t)["compound"], 0.05) for t in texts])
    if lang == "zh" and importlib.util.find_spec("snownlp"):
        from snownlp import SnowNLP

        yield "SnowNLP 0.12", lambda texts: _sure(np.array([SnowNLP(t).sentiments - 0.5 for t in texts[:500]]))


def _band(score: float, least: float) -> float:
    return score if abs(score) >= least else score * 1e-6


def sentiment_table(folder: Path | None) -> Iterator[str]:
    sets = sentiment_sets(folder)
    yield "| texts | n | reader | decided | right when decided | right if forced | µs a text |"
    yield "|---|---:|---|---:|---:|---:|---:|"
    for name, (lang, rows) in sets.items():
        test = [row for row in rows if is_test(row[0]) and row[0].strip()][:CAP]
        for reader, scores in candidates(name, lang, sets):
            start = time.perf_counter()
            found = scores([text for text, _ in test])
            cost = 1e6 * (time.perf_counter() - start) / len(found)
            marks = np.array([mark for _, mark in test[: len(found)]]) == 1
            sure = np.abs(found) > 1e-4
            forced = np.where(found == 0, 0.5, (found > 0) == marks)
            right = ((found > 0) == marks)[sure].mean()
            yield f"| {name} | {len(found):,} | {reader} | {sure.mean():.1%} | {right:.1%} | {forced.mean():.1%} | {cost:.0f} |"


def theme_table(folder: Path | None) -> Iterator[str]:
    yield "| texts | theme | found of what is there | right of what is found | texts with it | tone right |"
    yield "|---|---|---:|---:|---:|---:|"
    rows = own()
    test = rows[rows["text"].map(is_test)].reset_index(drop=True)
    gold = [dict.fromkeys(t.split(";"), s) for t, s in zip(test["themes"], test["sentiment"], strict=True)]
    yield from _theme_rows("own sentences, test half", test["text"].tolist(), gold)
    if folder and (folder / "Restaurants_Train.xml").is_file():
        yield from _theme_rows("restaurants (en, SemEval)", *_semeval(folder / "Restaurants_Train.xml"))
    if folder and (folder / "asap.csv").is_file():
        yield from _theme_rows("restaurants (zh, ASAP)", *_asap(folder / "asap.csv"))


def _semeval(file: Path) -> tuple[list[str], list[dict[str, str]]]:
    found = [s for s in ET.parse(file).getroot().iter("sentence") if is_test(str(s.findtext("text")))]  # noqa: S314
    marks = [
        {
            ASPECTS[str(a.get("category"))]: str(a.get("polarity"))
            for a in s.iter("aspectCategory")
            if a.get("category") in ASPECTS
        }
        for s in found
    ]
    return [str(s.findtext("text")) for s in found], marks


def _asap(file: Path) -> tuple[list[str], list[dict[str, str]]]:
    rows = pd.read_csv(file)
    marks: list[dict[str, str]] = []
    for row in rows.to_dict("records"):
        said = {t: [v for c, v in row.items() if str(c).startswith(heads) and v != -2] for t, heads in ASAP.items()}
        marks.append(
            {t: "positive" if sum(v) > 0 else "negative" if sum(v) < 0 else "neutral" for t, v in said.items() if v}
        )
    return rows["reviewbody"].tolist(), marks


def _theme_rows(name: str, texts: list[str], gold: list[dict[str, str]]) -> Iterator[str]:
    read = themes.read(pd.DataFrame({"text_id": range(len(texts)), "text": texts}))
    found: list[dict[str, str]] = [{} for _ in texts]
    for row in read.to_dict("records"):
        found[row["text_id"]][row["theme"]] = row["sentiment"]
    total = np.zeros(3)
    for theme in sorted({t for marks in gold for t in marks} - {"overall"}):
        pairs = [(marks.get(theme), read.get(theme)) for marks, read in zip(gold, found, strict=True)]
        both, there, said = (
            sum(bool(a and b) for a, b in pairs),
            sum(bool(a) for a, _ in pairs),
            sum(bool(b) for _, b in pairs),
        )
        clear = [(a, b) for a, b in pairs if a in ("positive", "negative") and b in ("positive", "negative")]
        tone = f"{np.mean([a == b for a, b in clear]):.1%} of {len(clear)}" if clear else "–"
        total += (both, there, said)
        if there >= 20:
            yield f"| {name} | {theme} | {both / there:.1%} | {both / max(said, 1):.1%} | {there} | {tone} |"
    yield f"| {name} | all | {total[0] / total[1]:.1%} | {total[0] / total[2]:.1%} | {int(total[1])} | |"


def cost() -> str:
    texts = (own()["text"].tolist() * 50)[:10_000]
    frame = pd.DataFrame({"text_id": range(len(texts)), "text": texts})
    start = time.perf_counter()
    sentiment.read("warm")
    loaded = time.perf_counter()
    themes.read(frame)
    return f"Word lists into memory {loaded - start:.3f} s; themes and tone of 10,000 texts {time.perf_counter() - loaded:.1f} s."


if __name__ == "__main__":
    csv.field_size_limit(10**8)
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    for line in (cost(), "", *sentiment_table(given), "", *theme_table(given)):
        print(line, flush=True)
