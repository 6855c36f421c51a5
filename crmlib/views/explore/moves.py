"""Who would be elsewhere than what was signed off says."""

import pandas as pd

from crmlib import schema
from crmlib.params import Settings
from crmlib.views import tables

_THEN = {"en": "Signed off", "zh": "已确认"}
_NOW = {"en": "Tried", "zh": "试算"}
_WHO = {"en": "Who moves", "zh": "变动客户"}


def moved(moves: pd.DataFrame, then: str, now: str) -> pd.DataFrame:
    """The rows in which `then` and `now` differ, the most customers first."""
    found = moves[moves[then] != moves[now]]
    return found.sort_values(["customers", then, now], ascending=[False, True, True], ignore_index=True)


def show(moves: pd.DataFrame, then: str, now: str, settings: Settings, lang: str) -> tuple[tables.Shown, ...]:
    """Those rows as a table, for the analyst: small groups are not hidden; no table where nobody moves."""
    found = moved(moves, then, now)
    if found.empty:
        return ()
    words = {_THEN[lang]: found[then], _NOW[lang]: found[now]}
    named = {heading: [schema.word(code, lang) for code in codes] for heading, codes in words.items()}
    frame = pd.DataFrame(named).join(found[["customers", "monetary_12m_minor"]])
    return (tables.show(frame, "moves", lang, settings.book, caption=_WHO[lang]),)
