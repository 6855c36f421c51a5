"""Who moved: opening + new + moved in - moved out = closing, by hand and for any pair of quarters."""

import ibis
import pandas as pd
from books import TIERS
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.io import engine
from crmlib.params import TierRule
from crmlib.segment import migration

RULES = tuple(TierRule.model_validate(rule) for rule in TIERS)
PLACES = ["high", "potential", "general", "risk", *migration.STATES]


Quarter = dict[str, tuple[str, int]]


def tiered(customers: Quarter, scoring: str = "absolute") -> ibis.Table:
    """Customers by place, a tier or a state, with their money."""
    states = [place if place in migration.STATES else "active" for place, _money in customers.values()]
    names = ["risk" if s == "lapsed" else "none" if s != "active" else p
             for s, (p, _m) in zip(states, customers.values(), strict=True)]  # fmt: skip
    frame = pd.DataFrame({"customer_id": list(customers), "tier": names, "state": states, "scoring": scoring,
                          "monetary_12m_minor": [money for _place, money in customers.values()]})  # fmt: skip
    return engine.table(
        frame.astype({"customer_id": "str", "tier": "str", "state": "str", "monetary_12m_minor": "int64"})
    )


BEFORE = {"a": ("high", 500), "b": ("high", 400), "c": ("general", 100), "d": ("risk", 50), "e": ("prospect", 0),
          "g": ("prospect", 0), "h": ("returns_only", -10)}  # fmt: skip
AFTER = {"a": ("high", 600), "b": ("potential", 300), "c": ("high", 450), "d": ("lapsed", 0), "e": ("general", 120),
         "f": ("risk", 20), "g": ("prospect", 0), "h": ("risk", 40)}  # fmt: skip


def moves_of(before: Quarter, after: Quarter) -> pd.DataFrame:
    return engine.frame(migration.matrix(tiered(before), tiered(after), RULES))


def balance_of(before: Quarter, after: Quarter) -> pd.DataFrame:
    return engine.frame(migration.balance(migration.matrix(tiered(before), tiered(after), RULES), RULES))


def test_moves_by_hand():
    assert moves_of(BEFORE, AFTER).values.tolist() == [
        ["high", "high", 1, 500, 600],
        ["high", "potential", 1, 400, 300],
        ["general", "high", 1, 100, 450],
        ["risk", "lapsed", 1, 50, 0],
        ["returns_only", "risk", 1, -10, 40],
        ["prospect", "prospect", 1, 0, 0],
        ["absent", "general", 1, 0, 120],
        ["absent", "risk", 1, 0, 20],
    ]


def test_the_balance_by_hand():
    """High: 900 at the start, c comes with 100, b leaves with 400, a spends 100 and c 350 more: 1,050."""
    balance = balance_of(BEFORE, AFTER)
    assert balance.iloc[:, :6].values.tolist() == [
        ["high", 2, 0, 1, 1, 2],
        ["potential", 0, 0, 1, 0, 1],
        ["general", 1, 1, 0, 1, 1],
        ["risk", 1, 1, 1, 1, 2],
        ["lapsed", 0, 0, 1, 0, 1],
        ["returns_only", 1, 0, 0, 1, 0],
        ["prospect", 1, 0, 0, 0, 1],
    ]
    assert balance.iloc[0, 6:].tolist() == [900, 0, 100, 400, 450, 1050]


quarter = st.dictionaries(
    st.sampled_from("abcdefghij"), st.tuples(st.sampled_from(PLACES), st.integers(-50, 500)), min_size=1
)


@given(quarter, quarter)
@settings(max_examples=15)
def test_the_balance_always_closes(before, after):
    after = {**dict.fromkeys(before, ("risk", 7)), **after}  # customers do not vanish
    b = balance_of(before, after)
    assert (b["opening"] + b["joined"] + b["moved_in"] - b["moved_out"] == b["closing"]).all()
    money = b["opening_minor"] + b["joined_minor"] + b["moved_in_minor"] - b["moved_out_minor"] + b["change_minor"]
    assert (money == b["closing_minor"]).all()
    assert b["moved_in"].sum() == b["moved_out"].sum() and b["moved_in_minor"].sum() == b["moved_out_minor"].sum()
    assert (b["closing"].sum(), b["closing_minor"].sum()) == (
        len(after),
        sum(money for _place, money in after.values()),
    )


def test_relative_scores_are_refused():
    ranked = tiered(AFTER, "percentile")
    assert engine.frame(migration.matrix(tiered(BEFORE, "percentile"), ranked, RULES)).empty
    assert engine.frame(migration.restated(ranked, tiered(AFTER), RULES)).empty
    assert engine.frame(migration.restated(tiered(AFTER), ranked, RULES)).empty


def test_no_earlier_quarter_makes_everybody_new():
    nobody = dict.fromkeys(AFTER, ("prospect", 0))
    assert set(moves_of(nobody, AFTER)["tier_before"]) == {"absent", "prospect"}
    assert balance_of(nobody, AFTER)[["moved_in", "moved_out"]].sum().sum() == 0


def test_restated_is_what_changed_without_behaviour():
    """Of last quarter, d was reported as general; e was not in that report, and z is in it only."""
    reported = {name: place for name, place in BEFORE.items() if name != "e"} | {"d": ("general", 50), "z": ("high", 1)}
    pairs = engine.frame(migration.restated(tiered(reported), tiered({**BEFORE, "e": ("risk", 5)}), RULES))
    off = pairs[pairs["tier_then"] != pairs["tier_now"]]
    assert off.values.tolist() == [["high", "absent", 1], ["general", "risk", 1], ["absent", "risk", 1]]
    assert pairs["customers"].sum() == 8
    assert engine.frame(migration.restated(None, tiered(BEFORE), RULES)).empty
