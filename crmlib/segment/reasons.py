"""Why a customer is in a tier, and what the next one takes, in one sentence in each language.

Sentences are made in the engine, from codes and numbers that stand in the same row.
"""

import ibis
import ibis.expr.types as ir

from crmlib import schema
from crmlib.params import Lang, Settings, TierRule

_NEVER = {
    "prospect": {"en": "Has not bought yet: no tier.", "zh": "尚未购买，暂不分级。"},
    "returns_only": {
        "en": "No paid purchase left, only returns or lines without an amount: no tier.",
        "zh": "没有有效购买，仅有退货或无金额的行，暂不分级。",
    },
}
_RELATIVE = {
    "en": " Scores are ranks among this quarter's customers, not comparable between quarters.",
    "zh": "得分为本季度客户内的相对排名，不可跨季度比较。",
}
_REASONS = ("lapsed", "new", "low_frequency", "low_value")


def sentences(tiered: ir.Table, settings: Settings) -> ir.Table:
    """Add `reason_text` and `reason_text_zh`: what was measured, why it gives this tier, what the next one takes."""
    parts = _parts(tiered, settings)
    table = tiered.mutate(**parts)
    texts = {"reason_text": _sentence(table, settings, "en"), "reason_text_zh": _sentence(table, settings, "zh")}
    return table.mutate(**texts).drop(*parts)


def _parts(table: ir.Table, settings: Settings) -> dict[str, ir.Value]:
    """What both languages say alike, once per row. Scores are rounded down: 79.6 is not yet 80."""
    scores = [
        table[c].floor().cast("int64").cast("string") for c in ("recency_score", "frequency_score", "monetary_score")
    ]
    fresh = ibis.ifelse(table.gap_orders > 0, 0, table.gap_days)  # any further order is a new one
    return {
        "said_money": _money(table.monetary_12m_minor, settings),
        "said_scores": _joined("R ", scores[0], " F ", scores[1], " M ", scores[2]),
        "said_more": _money(table.gap_minor, settings),
        "lacking": (
            (fresh > 0).ifelse(4, 0) + (table.gap_orders > 0).ifelse(2, 0) + (table.gap_minor > 0).ifelse(1, 0)
        ),
    }


def _sentence(table: ir.Table, settings: Settings, lang: Lang) -> ir.Value:
    rules = settings.segment.tiers
    days, orders = table.recency_days.cast("string"), table.frequency_12m.cast("string")
    why, what = _because(table, rules, lang), _next(table, settings, lang)
    after = _RELATIVE[lang] if settings.segment.scoring == "percentile" else ""
    if lang == "zh":
        said = [
            "距上次购买",
            days,
            "天，近12个月",
            orders,
            "单、净消费",
            table.said_money,
            "（",
            table.said_scores,
            "）",
        ]
    else:
        ago = ibis.cases((table.recency_days == 1, " day ago; "), else_=" days ago; ")
        count = ibis.cases((table.frequency_12m == 1, " order and "), else_=" orders and ")
        said = ["Last order ", days, ago, orders, count, table.said_money, " in 12 months (", table.said_scores, ")"]
    never = [(table.state == state, texts[lang]) for state, texts in _NEVER.items()]
    return ibis.cases(*never, else_=_joined(*said, why, what, after))


def _because(table: ir.Table, rules: tuple[TierRule, ...], lang: Lang) -> ir.Value:
    """Which rule was reached; for the lowest tier, which was not and by what."""
    name = schema.word(rules[-1].tier, lang)
    reached = [(table.tier == rule.tier, _reached(rule, lang)) for rule in rules[:-1]]
    missed = [(table.risk_reason == code, _missed(name, schema.word(code, lang), rules[-2], lang)) for code in _REASONS]
    return ibis.cases(*reached, *missed, else_="")


def _reached(rule: TierRule, lang: Lang) -> str:
    name = schema.word(rule.tier, lang)
    return {
        "en": f": {name}, which takes {_needs(rule, lang)}.",
        "zh": f"，达到“{name}”标准（{_needs(rule, lang)}）。",
    }[lang]


def _missed(name: str, reason: str, above: TierRule, lang: Lang) -> str:
    better = schema.word(above.tier, lang)
    return {
        "en": f": {name} ({reason.lower()}), short of {better}, which takes {_needs(above, lang)}.",
        "zh": f"，未达到“{better}”标准（{_needs(above, lang)}），归入“{name}”（{reason}）。",
    }[lang]


def _needs(rule: TierRule, lang: Lang) -> str:
    ways = [f"R≥{r:g} F≥{f:g} M≥{m:g}" for r, f, m in rule.at_least]
    return {"en": " or ", "zh": " 或 "}[lang].join(ways)


def _next(table: ir.Table, settings: Settings, lang: Lang) -> ir.Value:
    """What the next tier takes by the nearest way: a new order, more orders, more money, or several of these."""
    names = [(table.next_tier == rule.tier, schema.word(rule.tier, lang)) for rule in settings.segment.tiers[:-1]]
    orders = table.gap_orders.cast("string")
    if lang == "zh":
        steps = {4: ["购买一次"], 2: ["增加", orders, "单"], 1: ["多消费", table.said_more]}
        start, middle, end, comma = "再", "可升至“", "”。", "、"
    else:
        plural = ibis.cases((table.gap_orders == 1, " more order"), else_=" more orders")
        steps = {4: ["a new order"], 2: [orders, plural], 1: [table.said_more, " more"]}
        start, middle, end, comma = " It takes ", " to be ", ".", " and "
    name = ibis.cases(*names, else_="")
    found = [
        (
            table.lacking == bits,
            _joined(start, *_listed([steps[b] for b in steps if bits & b], comma), middle, name, end),
        )
        for bits in range(1, 8)
    ]
    return ibis.cases((table.next_tier == "", ""), *found, else_="")


def _listed(steps: list[list[ir.Value | str]], comma: str) -> list[ir.Value | str]:
    return [part for i, step in enumerate(steps) for part in ([comma, *step] if i else step)]


def _money(minor: ir.Value, settings: Settings) -> ir.Value:
    """Whole major units, rounded up, with the currency's code; the exact figure stands beside the sentence."""
    major = (minor / 10**settings.book.minor_digits).ceil().cast("int64")
    sign = ibis.cases((major < 0, f"{settings.book.currency} −"), else_=f"{settings.book.currency} ")
    return _joined(sign, _whole(major.abs()))


def _whole(n: ir.Value) -> ir.Value:
    """A count with commas between thousands, up to a thousand billions."""
    sizes = []
    for power in (9, 6, 3):
        groups = [(n // 10**p % 1_000).cast("int64").cast("string").lpad(3, "0") for p in range(power - 3, -1, -3)]
        above = (n // 10**power).cast("int64").cast("string")
        sizes.append((n >= 10**power, _joined(above, *("," + group for group in groups))))
    return ibis.cases(*sizes, else_=n.cast("string"))


def _joined(*parts: ir.Value | str) -> ir.Value:
    first, *others = [ibis.literal(part) if isinstance(part, str) else part for part in parts]
    return first.concat(*others)
