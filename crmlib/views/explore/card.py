"""One customer on one card: what he bought, his scores and why, value and risk, campaigns, and what comes next.

Everything is read from the stored results, in which names and contacts are masked as the settings ask.
"""

from dataclasses import dataclass, replace
from functools import partial

import ibis.expr.types as ir
import pandas as pd
from ibis import _

from crmlib import schema
from crmlib.io import engine, registers
from crmlib.io.store import Store
from crmlib.params import Settings
from crmlib.views import charts_explore, narrative, style, tables
from crmlib.views.explore import search
from crmlib.views.explore.panel import Answer, Control, Panel, Values, absent, stated

SUGGESTED = 40
_MONTHS = 24
_SCORES = ["tier", "recency_score", "frequency_score", "monetary_score", "recency_days", "frequency_12m",
           "monetary_12m_minor", "next_tier", "gap_days", "gap_orders", "gap_minor"]  # fmt: skip
_VALUE = ["expected_purchases", "expected_value_minor", "clv_minor", "churn_risk", "alert", "at_risk_minor"]
_LEVEL = ["level", "priority_score", "value_score", "potential_score", "need_score"]
_WHO = ["customer_name", "customer_type", "size_band", "region", "main_need"]
_ACTIONS = ["action_id", "strategy_id", "campaign_id", "arm", "action_reason", "channel", "channel_zh", "owner",
            "due_date", "completion_status"]  # fmt: skip
_LONGEST = 40


@dataclass(frozen=True)
class Card:
    """One customer's rows of the stored tables; each frame may be empty, and `scores` is when nobody has the id."""

    customer_id: str
    scores: pd.DataFrame
    who: pd.DataFrame
    value: pd.DataFrame
    level: pd.DataFrame
    days: pd.DataFrame
    campaigns: pd.DataFrame
    actions: pd.DataFrame


def customer_card_data(results: Store, customer_id: str) -> Card:
    """What the stored results know of a customer; purchases of the last 24 months that have any."""

    def rows(name: str, columns: list[str], order: str = "customer_id") -> pd.DataFrame:
        found = results.table_if_any(name)
        if found is None:
            return pd.DataFrame(columns=columns)
        mine = found.filter(_.customer_id == customer_id).order_by(order)
        return engine.frame(mine.select([c for c in columns if c in found.columns]))

    days = rows("purchase_days", ["order_date", "net_minor"], "order_date")
    since = days["order_date"].max() - pd.DateOffset(months=_MONTHS) if len(days) else None
    return Card(
        customer_id,
        rows("customer_tiers", [*_SCORES, "reason_text", "reason_text_zh"]),
        rows("customer_inventory", _WHO),
        rows("customer_value", _VALUE),
        rows("customer_levels", _LEVEL),
        days[days["order_date"] > since].reset_index(drop=True) if len(days) else days,
        _campaigns(results, customer_id),
        rows("customer_actions", _ACTIONS, "due_date"),
    )


def _campaigns(results: Store, customer_id: str) -> pd.DataFrame:
    """Campaigns he was drawn for (with the arm) or was picked for by hand, by start."""
    drawn, targeted = results.table_if_any("campaign_assignments"), results.table_if_any("campaign_targets")
    designs, windows = results.table_if_any("campaign_designs"), results.table_if_any("campaigns")
    parts: list[ir.Table] = []
    if drawn is not None and designs is not None:
        mine = drawn.filter(_.customer_id == customer_id).select("campaign_id", "arm")
        dates = designs.filter(_.tier == "all").select("campaign_id", "start_date", "end_date")
        parts.append(mine.inner_join(dates, "campaign_id").select("campaign_id", "arm", "start_date", "end_date"))
    if targeted is not None and windows is not None:
        mine = targeted.filter(_.customer_id == customer_id).select("campaign_id", arm=_.campaign_id.nullif("")[:0])
        dates = windows.select("campaign_id", "start_date", "end_date")
        parts.append(mine.inner_join(dates, "campaign_id").select("campaign_id", "arm", "start_date", "end_date"))
    if not parts:
        return pd.DataFrame(columns=["campaign_id", "arm", "start_date", "end_date"])
    frames = [engine.frame(part) for part in parts]
    found = pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)
    return found.sort_values(["start_date", "campaign_id"], ignore_index=True)


def suggested(results: Store) -> list[str]:
    """Customers to begin with: those on the action list with most at stake, else those who spend most."""
    listed = results.table_if_any("customer_actions")
    if listed is not None:
        stakes = listed.group_by("customer_id").aggregate(stake=_.customer_stake_minor.max())
        found = engine.frame(stakes.order_by([_.stake.desc(nulls_first=False), "customer_id"]).limit(SUGGESTED))
        if len(found):
            return list(found["customer_id"])
    spent = results.table("customer_tiers").order_by([_.monetary_12m_minor.desc(), "customer_id"])
    return list(engine.frame(spent.select("customer_id").limit(SUGGESTED))["customer_id"])


@stated
def customer_card(results: Store, settings: Settings, lang: str) -> Panel:
    """A customer's card by id; the ids with most at stake are suggested."""
    ids = suggested(results)
    if not ids:
        return absent(_TITLE[lang], _NOBODY, settings, lang)

    names = registers.read(settings, "actions")[["action_id", "action", "action_zh"]]

    def answer(values: Values) -> Answer:
        asked, book = str(values["customer"]).strip(), settings.book
        fits = search.found(results, asked, settings)
        if len(fits) != 1:
            return _several(fits, asked, settings, lang)
        card = customer_card_data(results, str(fits["customer_id"].iloc[0]))
        card = replace(card, actions=card.actions.merge(names, "left", "action_id")[[*names, *_ACTIONS[1:]]])
        draw = partial(charts_explore.timeline, card.days, card.campaigns, lang, book)
        return Answer(said(card, lang), draw, _tables(card, settings, lang))

    options = tuple((customer, customer) for customer in ids)
    control = Control("customer", schema.label("customer_id", lang), ids[0], _TIP[lang], options=options)
    return Panel(_TITLE[lang], (control,), answer, settings, lang, saves=False)


def said(card: Card, lang: str) -> narrative.Sentence:
    """The tier and its reason, as the batch words it, and what comes next."""
    reason = tables.in_language(card.scores[["reason_text", "reason_text_zh"]], lang)["reason_text"].iloc[0]
    tier = schema.word(card.scores["tier"].iloc[0], lang)
    coming = _coming(card, lang)
    texts = {
        "en": f"{card.customer_id}: {tier}. {reason} {coming}",
        "zh": f"{card.customer_id}：{tier}。{reason}{coming}",
    }
    return narrative.say(texts, lang)


def _coming(card: Card, lang: str) -> str:
    """The next action, the first by its date, in a few words."""
    if card.actions.empty:
        return {"en": "No action is planned for this customer.", "zh": "暂无针对该客户的行动计划。"}[lang]
    first = tables.in_language(card.actions.head(1), lang).iloc[0]
    what, when = first.get("action", first["action_id"]), style.day(first["due_date"], lang)
    why, who = schema.word(first["action_reason"], lang), first["owner"]
    return {"en": f"Next, by {when} ({who}): {what}. {why}.", "zh": f"下一步（{when}前，{who}）：{what}。{why}。"}[lang]


def _tables(card: Card, settings: Settings, lang: str) -> tuple[tables.Shown | narrative.Sentence, ...]:
    """What comes next first; what is not known of this customer is named at the end."""
    parts = (
        ("customer_tiers", card.scores[_SCORES]), ("customer_value", card.value), ("customer_levels", card.level),
        ("customer_inventory", card.who), ("campaign_assignments", card.campaigns),
    )  # fmt: skip
    known = {name: _filled(frame) for name, frame in parts}
    captions = {"campaign_assignments": _CAMPAIGNS[lang], "customer_inventory": _WHO_IS[lang]}
    shown = [
        tables.show(frame, name, lang, settings.book, caption=captions.get(name, ""))
        for name, frame in known.items() if not frame.empty
    ]  # fmt: skip
    blank = [captions.get(name) or schema.title(name, lang) for name, frame in known.items() if frame.empty]
    texts = {
        "en": f"Nothing is known of this customer's: {'; '.join(blank).lower()}.",
        "zh": f"该客户暂无：{'、'.join(blank)}。",
    }
    rest = [*shown, narrative.say(texts, lang)] if blank else shown
    return (tables.show(_filled(card.actions), "next_actions", lang, settings.book, caption=_NEXT[lang]), *rest)


def _filled(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns in which something is known."""
    return frame.loc[:, [any(not tables.is_blank(value) for value in frame[c]) for c in frame.columns]]


def _several(fits: pd.DataFrame, asked: str, settings: Settings, lang: str) -> Answer:
    """Nobody, or several customers to choose from."""
    if fits.empty:
        return Answer(narrative.say(_NO_ID if not asked else _unknown(asked), lang))
    n = style.number(len(fits), lang) if len(fits) <= search.MOST else f"{search.MOST}+"
    texts = {"en": f"'{asked}' fits {n} customers: enter one of these ids.",
             "zh": f"“{asked}”对应{n}名客户：请输入其中一个编号。"}  # fmt: skip
    return Answer(
        narrative.say(texts, lang), None, (tables.show(fits, "customer_tiers", lang, settings.book, search.MOST),)
    )


def _unknown(asked: str) -> dict[str, str]:
    asked = asked if len(asked) <= _LONGEST else asked[:_LONGEST] + "…"
    return {"en": f"No customer's id is or begins with '{asked}'.", "zh": f"没有编号为“{asked}”或以其开头的客户。"}


_TITLE = {"en": "One customer", "zh": "单个客户"}
_NO_ID = {"en": "Enter a customer's id, or the beginning of one.", "zh": "请输入客户编号或其开头。"}
_NOBODY = {"en": "There are no customers yet.", "zh": "尚无客户。"}
_TIP = {
    "en": "Type an id, its beginning, or a masked form such as c12***9f; or choose one of those with most at stake",
    "zh": "输入客户编号、编号开头或掩码形式（如c12***9f），或从涉及金额最大的客户中选择",
}
_CAMPAIGNS = {"en": "Campaigns", "zh": "参与的活动"}
_WHO_IS = {"en": "Name, type, region", "zh": "客户信息"}
_NEXT = {"en": "Next actions", "zh": "后续行动"}
