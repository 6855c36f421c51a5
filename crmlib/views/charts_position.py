"""Figures of step 3's second half: which measured needs the positions meet, and the risks by likelihood and impact."""

import textwrap

import pandas as pd
from matplotlib.axes import Axes

from crmlib import schema
from crmlib.views import style, tables

_NOTE = {"en": " (illustrative)", "zh": "（示例）"}
_MARKS = {True: "o", False: "x"}


@style.chart(7.2, 4.4)
def position_needs(answered: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """Positions across, measured needs down: a filled dot where it is met, a cross where it is not."""
    assert ax is not None
    known = answered[answered.is_measured.astype("bool")]
    if known.empty:
        text = {
            "en": "No position can be held against a measured need (Kano survey, complaints, tags)",
            "zh": "没有可与已测得需求（Kano调查、投诉、标签）对照的定位",
        }
        return style.empty(ax, text[lang])
    names = _needs(known, lang)
    places = sorted(known.position_id.unique())
    _set_height(ax, 1.5 + 0.33 * len(names))
    for is_met, colour, size in ((True, style.ACCENT, 90), (False, style.GREY, 36)):
        own = known[known.is_met.astype("bool") == is_met]
        x = [places.index(p) for p in own.position_id]
        y = [list(names.index).index(need) for need in own.need_id]
        ax.scatter(x, y, s=size, color=colour, marker=_MARKS[is_met], linewidths=1.2)
    tiers = known.drop_duplicates("position_id").set_index("position_id").tier
    ax.set_xticks(range(len(places)), [f"{p}\n{schema.word(tiers[p], lang)}" for p in places], linespacing=1.4)
    width = {"en": 34, "zh": 17}[lang]
    ax.set_yticks(
        range(len(names)),
        [textwrap.fill(style.legible(name), width, break_on_hyphens=False) for name in names],
        fontsize=9,
    )
    ax.set_xlim(-0.5, len(places) - 0.5)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(length=0)
    ax.grid(axis="y")
    ax.set_xlabel({"en": "Dot: met. Cross: measured and not met", "zh": "圆点：满足；叉号：已测得但未满足"}[lang])
    title = _needs_title(known, names, lang) + _note(known, lang)
    return style.finish(ax, title=title, alt=title)


@style.chart(7.2, 4.6)
def risk_map(risks: pd.DataFrame, lang: str, ax: Axes | None = None) -> Axes:
    """The risks' ids by likelihood and impact; the darker, the more points."""
    assert ax is not None
    if risks.empty:
        return style.empty(ax, {"en": "No risks are registered", "zh": "尚未登记风险"}[lang])
    points = [[likelihood * impact for impact in range(1, 6)] for likelihood in range(1, 6)]
    ax.imshow(points, cmap=style.SEQUENTIAL, vmin=-4, vmax=25, aspect="auto", origin="lower")
    ids = risks.assign(length=risks.risk_id.str.len()).sort_values(["length", "risk_id"])
    cells = ids.groupby(["likelihood", "impact"], as_index=False).agg({"risk_id": ", ".join})
    for cell in cells.to_dict("records"):
        colour = style.PAPER if cell["likelihood"] * cell["impact"] >= 15 else style.INK
        text = textwrap.fill(cell["risk_id"], 16)
        ax.text(cell["impact"] - 1, cell["likelihood"] - 1, text, ha="center", va="center", fontsize=10, color=colour)
    ax.set_xticks(range(5), [str(n) for n in range(1, 6)])
    ax.set_yticks(range(5), [str(n) for n in range(1, 6)])
    ax.tick_params(length=0)
    ax.set_xlabel(schema.label("impact", lang))
    ax.set_ylabel(schema.label("likelihood", lang))
    title = _risk_title(risks, lang) + _note(risks, lang)
    return style.finish(ax, title=title, alt=title)


def _needs(known: pd.DataFrame, lang: str) -> pd.Series:
    """Label of each need by its id: what the survey asked, then complaints and tags with where they were found."""
    each = tables.in_language(known.drop(columns="provenance"), lang).drop_duplicates("need_id")
    order = {"need_kano": 0, "need_theme": 1, "need_tag": 2}
    each = each.assign(place=each.need_kind.map(order)).sort_values(["place", "need_id"])
    kinds = {"need_theme": {"en": "Complaint: ", "zh": "投诉："}, "need_tag": {"en": "Tag: ", "zh": "标签："}}
    labels = [
        kinds.get(kind, {}).get(lang, "") + need + _class(kano_class, lang)
        for kind, need, kano_class in zip(each.need_kind, each.need, each.kano_class, strict=True)
    ]
    return pd.Series(labels, index=list(each.need_id), dtype="str")


def _class(kano_class: str, lang: str) -> str:
    word = schema.word(kano_class, lang)
    return {"en": f" ({word.lower()})", "zh": f"（{word}）"}[lang] if kano_class else ""


def _needs_title(known: pd.DataFrame, names: pd.Series, lang: str) -> str:
    met = set(known[known.is_met.astype("bool")].need_id)
    nobody = [name for need_id, name in names.items() if need_id not in met]
    if not nobody:
        return {
            "en": "Each measured need is met by at least one position",
            "zh": "每项已测得的需求都至少有一个定位满足",
        }[lang]
    return {
        "en": f"No position meets {len(nobody)} of the {len(names)} needs measured",
        "zh": f"已测得的{len(names)}项需求中，有{len(nobody)}项没有任何定位满足",
    }[lang]


def _risk_title(risks: pd.DataFrame, lang: str) -> str:
    severe = risks[risks.risk_band == "band_severe"]
    if severe.empty:
        return {"en": f"None of {len(risks)} risks is severe", "zh": f"{len(risks)}项风险中没有重大风险"}[lang]
    ids = {"en": ", ", "zh": "、"}[lang].join(severe.risk_id)
    return {
        "en": f"{len(severe)} of {len(risks)} risks {'is' if len(severe) == 1 else 'are'} severe: {ids}",
        "zh": f"{len(risks)}项风险中有{len(severe)}项重大：{ids}",
    }[lang]


def _set_height(ax: Axes, inches: float) -> None:
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.set_figheight(inches)


def _note(frame: pd.DataFrame, lang: str) -> str:
    return _NOTE[lang] if tables.is_illustrative(frame) else ""
