"""Figures of what campaigns did: tidy frame in, Axes out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from crmlib import schema
from crmlib.params import Book
from crmlib.views import narrative_reviews, style

_COLOURS = {
    "effective": style.ACCENT,
    "partly_effective": "#56b4e9",
    "not_effective": style.WARNING,
    "harmful": style.WARNING,
}
_FURTHEST = 3.0


@style.chart(7.2, 3.0)
def effects(reviews: pd.DataFrame, lang: str, book: Book, ax: Axes | None = None) -> Axes:
    """Effect and interval of each campaign with a hold-out and of its tiers, as multiples of the target.

    Mixed units share the axis that way: 0 is nothing, 1 the target. Long intervals are cut.
    """
    assert ax is not None
    known = reviews[reviews["effect"].notna() & (reviews["effect_target"] > 0)].reset_index(drop=True)
    if known.empty:
        return style.empty(ax, {"en": "No campaign with a hold-out has ended", "zh": "尚无设对照组的活动结束"}[lang])
    _set_height(ax, 1.5 + 0.5 * len(known))
    at = np.arange(len(known))
    multiple, low, high = (known[c] / known["effect_target"] for c in ("effect", "low_effect", "high_effect"))
    colours = [_COLOURS.get(word, style.GREY) for word in known["verdict"]]
    ax.hlines(at, low.clip(lower=-_FURTHEST), high.clip(upper=_FURTHEST), color=colours, linewidth=2.4)
    ax.scatter(multiple.clip(-_FURTHEST, _FURTHEST), at, s=40, color=colours, zorder=3)
    for value, name in ((0.0, {"en": "nothing", "zh": "无效果"}), (1.0, {"en": "target", "zh": "目标"})):
        ax.axvline(value, color=style.INK, linewidth=0.8)
        top = ax.get_xaxis_transform()
        ax.annotate(name[lang], (value, 1), xycoords=top, xytext=(3, 0), textcoords="offset points", va="bottom",
                    color=style.MUTED, fontsize=9.5)  # fmt: skip
    for y, row in zip(at, known.to_dict("records"), strict=True):
        ax.annotate(_told(row, lang, book), (1.02, y), xycoords=("axes fraction", "data"), va="center", fontsize=9.5,
                    linespacing=1.35)  # fmt: skip
    ax.set_yticks(at, [_name(row, lang) for row in known.to_dict("records")])
    ax.set_ylim(len(known) - 0.5, -0.5)
    furthest = float(np.nanmax([low.abs().max(), high.abs().max(), multiple.abs().max(), 1.2]))
    ax.set_xlim(-min(furthest, _FURTHEST) * 1.05, min(furthest, _FURTHEST) * 1.05)
    label = {"en": "Effect with its 95% interval, as a multiple of the target", "zh": "效果及其95%区间，以目标的倍数计"}
    cut = {"en": f"; cut at {_FURTHEST:g}", "zh": f"；截断于{_FURTHEST:g}"}
    ax.set_xlabel(label[lang] + (cut[lang] if furthest > _FURTHEST else ""))
    said = _title(known[known["tier"] == "all"], lang, book)
    return style.finish(ax, title=said, alt=said)


@style.chart(7.2, 3.0)
def gaps(reviews: pd.DataFrame, lang: str, book: Book, ax: Axes | None = None) -> Axes:
    """How much more a week the customers picked by hand spent than the others: before (hollow), during (filled)."""
    assert ax is not None
    known = narrative_reviews.by_hand(reviews).dropna(subset="gap_before_minor").reset_index(drop=True)
    if known.empty:
        return style.empty(ax, {"en": "No campaign picked by hand that can be compared",
                                "zh": "没有可比较的人工选定客户的活动"}[lang])  # fmt: skip
    _set_height(ax, 1.5 + 0.36 * len(known))
    at, divisor = np.arange(len(known)), 10**book.minor_digits
    before, during = (known[f"gap_{when}_minor"].to_numpy() / divisor for when in ("before", "during"))
    ax.hlines(at, before, during, color=style.GREY, linewidth=2)
    names = {"en": ("before", "during"), "zh": ("活动前", "活动期间")}[lang]
    ax.scatter(before, at, s=44, facecolor=style.PAPER, edgecolor=style.ACCENT, linewidth=1.6, zorder=3, label=names[0])
    ax.scatter(during, at, s=44, color=style.ACCENT, zorder=3, label=names[1])
    ax.set_yticks(at, [_campaign(row, lang) for row in known.to_dict("records")])
    ax.set_ylim(len(known) - 0.4, -0.6)
    ax.axvline(0, color=style.INK, linewidth=0.8)
    ax.set_xlim(min(0, *before, *during) * 1.08, max(0, *before, *during) * 1.08 or 1)
    ax.grid(axis="x")
    ax.set_xlabel(
        {
            "en": f"Picked less others, per customer and week ({book.currency})",
            "zh": f"目标客户与其他客户之差，每位客户每周（{book.currency}）",
        }[lang]
    )
    ax.legend(loc="lower left", ncols=2)
    said = _gap_title(known["gap_before_minor"], lang, book)
    return style.finish(ax, title=said, alt=said)


@style.chart(7.2, 3.8)
def campaign_windows(windows: pd.DataFrame, lang: str, book: Book, ax: Axes | None = None) -> Axes:
    """Weekly spend per customer before (hollow) and during (filled) each campaign whose windows are complete."""
    assert ax is not None
    known = windows[windows["window"] == "complete"]
    if known.empty:
        return style.empty(
            ax, {"en": "No campaign with both windows complete", "zh": "没有前后窗口完整的营销活动"}[lang]
        )
    _set_height(ax, 1.4 + 0.48 * len(known))
    divisor = 10**book.minor_digits
    for shift, group, colour in ((-0.17, "targeted", style.ACCENT), (0.17, "untargeted", style.COLOURS[1])):
        at = np.arange(len(known)) + shift
        before, during = (known[f"{group}_{when}_minor"].to_numpy() / divisor for when in ("before", "during"))
        ax.hlines(at, before, during, color=colour, linewidth=2)
        ax.scatter(before, at, s=34, facecolor=style.PAPER, edgecolor=colour, linewidth=1.4, zorder=3)
        ax.scatter(during, at, s=34, color=colour, zorder=3, label=schema.label(group, lang))
    ax.set_yticks(np.arange(len(known)), [_campaign(row, lang) for row in known.to_dict("records")])
    ax.set_ylim(len(known) + 0.1, -0.6)
    ax.set_xlim(0)
    ax.grid(axis="x")
    unit = {
        "en": f"Per customer and week ({book.currency}); hollow: before, filled: during",
        "zh": f"每位客户每周消费（{book.currency}）；空心：活动前，实心：活动期间",
    }[lang]
    ax.set_xlabel(unit)
    ax.legend(loc="lower left", ncols=2)
    ratio = style.number((known["targeted_before_minor"] / known["untargeted_before_minor"]).mean(), lang, 1)
    title = {
        "en": f"Descriptive, not attributed: the targeted already spent {ratio} times as much before",
        "zh": f"仅作描述、不作归因：目标客户在活动前的消费已是其他客户的{ratio}倍",
    }[lang]
    return style.finish(ax, title=title, alt=title)


def _told(row: dict, lang: str, book: Book) -> str:
    """Effect, interval, grade and verdict beside a row."""
    word = schema.word(row["verdict"], lang).split(" (")[0].split("（未")[0]
    grade = {"en": f"grade {row['evidence_grade']}, {word.lower()}", "zh": f"{row['evidence_grade']}级，{word}"}[lang]
    return f"{_sized(row, lang, book)}\n{grade}"


def _sized(row: dict, lang: str, book: Book) -> str:
    """An effect and its interval."""
    names = ("effect", "low_effect", "high_effect")
    size, low, high = (narrative_reviews.amount(row[c], row["kpi_unit"], lang, book) for c in names)
    return {"en": f"{size} ({low} to {high})", "zh": f"{size}（{low}至{high}）"}[lang]


def _name(row: dict, lang: str) -> str:
    name = style.legible(str(row["campaign_id"]))
    return name if row["tier"] == "all" else f"{name} · {schema.word(row['tier'], lang)}"


def _title(whole: pd.DataFrame, lang: str, book: Book) -> str:
    """What the campaigns showed, in words."""
    if len(whole) == 1:
        row = whole.iloc[0].to_dict()
        size, word = _sized(row, lang, book), schema.word(row["verdict"], lang)
        return {"en": f"{row['campaign_id']}: {size} per customer: {word.lower()}",
                "zh": f"{row['campaign_id']}：人均{size}，{word}"}[lang]  # fmt: skip
    worked = int(whole["verdict"].isin(["effective", "partly_effective"]).sum())
    none = int(whole["verdict"].isin(["not_effective", "harmful"]).sum())
    rest = len(whole) - worked - none
    return {
        "en": f"Of {len(whole)} campaigns with a hold-out {worked} worked, {none} did not, of {rest} nobody can tell",
        "zh": f"{len(whole)}个设对照组的活动中，{worked}个有效，{none}个无效，{rest}个无法判断",
    }[lang]


def _gap_title(before: pd.Series, lang: str, book: Book) -> str:
    least, most = (style.money(value, book, lang) for value in (before.min(), before.max()))
    if before.min() <= 0:
        return {
            "en": "The customers picked by hand differed from the others before the campaigns began",
            "zh": "人工选定的客户在活动开始前就与其他客户不同",
        }[lang]
    if least == most:
        return {
            "en": f"Already before the campaign the customers picked spent {least} a week more than the others",
            "zh": f"活动开始前，被选中的客户每周就已多消费{least}",
        }[lang]
    return {
        "en": f"Already before the campaigns the customers picked spent {least} to {most} a week more than the others",
        "zh": f"活动开始前，被选中的客户每周就已多消费{least}至{most}",
    }[lang]


def _campaign(row: dict, lang: str) -> str:
    name = {"en": "Campaign", "zh": "活动"}[lang]
    return f"{name} {style.legible(str(row['campaign_id']))}, {row['start_date']:%m-%d} – {row['end_date']:%m-%d}"


def _set_height(ax: Axes, inches: float) -> None:
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.set_figheight(inches)
