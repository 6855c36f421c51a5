"""Which themes hurt whom: readings of texts counted by theme and group of customers, with quotes."""

import pandas as pd

from crmlib.collect import themes
from crmlib.periods import Period
from crmlib.schema import TABLES

_BAD = ("negative", "mixed")
_PER_THEME, _LONGEST = 3, 200
_UNSAID = (themes.UNKNOWN, themes.OVERALL, themes.UNREAD)
_COUNTED = ["mentions", "customers", "money_12m_minor"]


def readings(texts: pd.DataFrame, extra: themes.Extra | None = None) -> pd.DataFrame:
    """Table `text_readings`: each text with its themes and their tone."""
    numbered = texts.assign(text_no=range(len(texts)))
    read = themes.read(numbered.assign(text_id=numbered["text_no"]), extra).rename(columns={"text_id": "text_no"})
    joined = numbered.merge(read, on="text_no", how="inner")
    return joined[list(TABLES["text_readings"].columns)].sort_values(
        list(TABLES["text_readings"].key), ignore_index=True
    )


def counted(readings: pd.DataFrame) -> pd.DataFrame:
    """Table `feedback_themes`: texts per theme and tone, the most criticised first."""
    tones = {"positive": "positive", "negative": "negative", "mixed": "two_sided", "undecided": "open_tone"}
    table = pd.crosstab(readings["theme"], readings["sentiment"]).reindex(columns=list(tones), fill_value=0)
    found = table.rename(columns=tones).astype("int64").reset_index().rename_axis(columns=None)
    made = found.assign(texts=found[list(tones.values())].sum(axis=1).astype("int64"), provenance=_provenance(readings))
    ranked = made.assign(bad=made["negative"] + made["two_sided"]).sort_values(
        ["bad", "texts", "theme"], ascending=[False, False, True]
    )
    return ranked[list(TABLES["feedback_themes"].columns)].reset_index(drop=True)


def of_quarter(rows: pd.DataFrame, period: Period) -> pd.DataFrame:
    """What was said in the quarter itself."""
    return rows[rows["said_date"] >= pd.Timestamp(period.start)]


def agreement(readings: pd.DataFrame, texts: pd.DataFrame) -> tuple[int, int]:
    """Survey comments whose words say one clear thing and that carry a mark: how many, and how many agree with it."""
    own = readings[(readings["text_source"] == "survey_comment") & (readings["tone_from"] == "words")]
    clear = (
        own[own["sentiment"].isin(["positive", "negative"])].groupby("text_id")["sentiment"].agg(["nunique", "first"])
    )
    marks = texts[(texts["text_source"] == "survey_comment") & (texts["hint"] != "")].set_index("text_id")["hint"]
    both = clear[clear["nunique"] == 1].join(marks, how="inner")
    return len(both), int((both["first"] == both["hint"]).sum())


def points(readings: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Texts that complain of a theme, by tier and by where it was said: mentions, customers, their money, n.

    n is the number of texts of the group that could be read, whatever they are about.
    """
    known = (
        readings[readings["theme"] != themes.UNREAD]
        .merge(people, on="customer_id", how="left")
        .assign(
            by_all="every",
            by_tier=lambda f: f["tier"].fillna("none"),
            by_source=lambda f: f["ticket_kind"].where(f["ticket_kind"] != "", f["text_source"]),
        )
    )
    parts = [_split(known, split) for split in ("by_all", "by_tier", "by_source")]
    return pd.concat(parts, ignore_index=True)


def _split(known: pd.DataFrame, split: str) -> pd.DataFrame:
    """Each theme that someone complains of, in each group of the split that said anything."""
    texts = known.drop_duplicates([split, "text_source", "text_id"]).groupby(split).size()
    bad = known[known["sentiment"].isin(_BAD) & ~known["theme"].isin(_UNSAID)]
    cells = bad.groupby(["theme", split]).agg(mentions=("text_id", "size"), customers=("customer_id", "nunique"))
    once = bad.drop_duplicates(["theme", split, "customer_id"]).groupby(["theme", split])["money_12m_minor"].sum()
    every = pd.MultiIndex.from_product([sorted(bad["theme"].unique()), texts.index], names=["theme", split])
    found = cells.join(once).reindex(every).fillna(0).astype("int64").reset_index()
    return found.assign(split=split, n=found[split].map(texts), provenance=_provenance(known)).rename(
        columns={split: "split_value"}
    )


def hidden(points: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Empty the cells with fewer than `min_cell` customers, and, where a theme's row would give a single one away by
    subtraction, the next smallest too; a zero stays, but in a group of fewer than `min_cell` texts. Totals keep their
    counts and lose only the money.
    """
    rows = points.copy()
    rows[_COUNTED] = rows[_COUNTED].astype("float64")
    total = rows["split"] == "by_all"
    small = rows["customers"].between(1, min_cell - 1) | (~total & (rows["n"] < min_cell))
    for _, cells in rows[~total].groupby(["theme", "split"]):
        few, others = cells.index[small[cells.index]], cells[~small[cells.index] & (cells["customers"] > 0)]
        if len(few) == 1 and len(others):
            small[others.sort_values(["customers", "split_value"]).index[0]] = True
    rows.loc[small & ~total, _COUNTED] = float("nan")
    rows.loc[small & total, "money_12m_minor"] = float("nan")
    return rows


def quotes(
    readings: pd.DataFrame, texts: pd.DataFrame, people: pd.DataFrame, wanted: int, min_cell: int
) -> pd.DataFrame:
    """Table `quotes`: up to three of each of the most criticised themes, the newest first, one per customer.

    Only themes of at least `min_cell` customers, only tones that the words decided, nobody who withdrew consent.
    """
    large, _worded, open_ones = _quotable(readings, people, min_cell)
    size = large.groupby("theme")["customer_id"].nunique()
    ranked = open_ones.assign(size=open_ones["theme"].map(size)).sort_values(
        ["size", "theme", "said_date", "text_id"], ascending=[False, True, False, True]
    )
    first = ranked.drop_duplicates("customer_id").groupby("theme", sort=False).head(_PER_THEME).head(wanted)
    said = first.merge(texts[["text_source", "text_id", "text"]], on=["text_source", "text_id"])
    cut = (
        said["text"]
        .str.slice(0, _LONGEST)
        .where(said["text"].str.len() <= _LONGEST, said["text"].str.slice(0, _LONGEST) + "…")
    )
    return said.assign(quote=cut)[list(TABLES["quotes"].columns)]


def unquoted(readings: pd.DataFrame, people: pd.DataFrame, min_cell: int) -> str:
    """Why nothing can be quoted: `few` customers, tones by `marks` alone, consent `withdrawn`; empty where some can."""
    left = zip(("few", "marks", "withdrawn"), _quotable(readings, people, min_cell), strict=True)
    return next((why for why, rows in left if rows.empty), "")


def _quotable(readings: pd.DataFrame, people: pd.DataFrame, min_cell: int) -> tuple[pd.DataFrame, ...]:
    """Complaints of themes of enough customers; those whose own words complain; those of who did not withdraw."""
    bad = readings[readings["sentiment"].isin(_BAD) & ~readings["theme"].isin(_UNSAID)]
    large = bad[bad.groupby("theme")["customer_id"].transform("nunique") >= min_cell]
    worded = large[large["tone_from"] == "words"]
    shut = people.loc[people["is_withdrawn"].astype("bool"), "customer_id"]
    return large, worded, worded[~worded["customer_id"].isin(shut)]


def _provenance(rows: pd.DataFrame) -> str:
    return "illustrative" if rows["provenance"].eq("illustrative").any() else "actual"
