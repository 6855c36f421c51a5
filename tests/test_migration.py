"""Who moved: opening + new + moved in - moved out = closing, by hand and for any pair of quarters."""

import ibis
import pandas as pd
import pyarrow as pa
from books import TIERS
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.io import engine
from crmlib.params import TierRule
from crmlib.segment import migration

RULES = tuple(TierRule.model_validate(rule) for rule in TIERS)
NAMES = ["high", "potential", "general", "risk", "none"]


def tiered(tiers: dict[str, str]) -> ibis.Table:
    states = ["prospect" if t == "prospect" else "returns_only" if t == "none" else "active" for t in tiers.values()]
    names = [t if t in NAMES else "none" for t in tiers.values()]
    columns = {"customer_id": list(tiers), "tier": names, "state": states, "monetary_12m_minor": [100] * len(tiers)}
    types = pa.schema(
        [
            ("customer_id", pa.string()),
            ("tier", pa.string()),
            ("state", pa.string()),
            ("monetary_12m_minor", pa.int64()),
        ]
    )
    return ibis.memtable(pa.table(columns, schema=types))


BEFORE = {"a": "high", "b": "high", "c": "general", "d": "risk", "e": "prospect"}
AFTER = {"a": "high", "b": "potential", "c": "high", "d": "risk", "e": "general", "f": "risk"}


def test_moves_by_hand():
    moves = engine.frame(migration.matrix(tiered(BEFORE), tiered(AFTER), RULES))
    assert moves.values.tolist() == [
        ["high", "high", 1, 100],
        ["high", "potential", 1, 100],
        ["general", "high", 1, 100],
        ["risk", "risk", 1, 100],
        ["absent", "general", 1, 100],
        ["absent", "risk", 1, 100],
    ]


def test_the_balance_by_hand():
    balance = engine.frame(migration.balance(tiered(BEFORE), tiered(AFTER), RULES))
    assert balance.values.tolist() == [
        ["high", 2, 0, 1, 1, 2],
        ["potential", 0, 0, 1, 0, 1],
        ["general", 1, 1, 0, 1, 1],
        ["risk", 1, 1, 0, 0, 2],
    ]


quarter = st.dictionaries(st.sampled_from("abcdefghij"), st.sampled_from([*NAMES, "prospect"]), min_size=1)


@given(quarter, quarter)
@settings(max_examples=15, deadline=None)
def test_the_balance_always_closes(before, after):
    after = {**dict.fromkeys(before, "risk"), **after}  # customers do not vanish
    balance = engine.frame(migration.balance(tiered(before), tiered(after), RULES))
    pd.testing.assert_series_equal(
        balance["opening"] + balance["joined"] + balance["moved_in"] - balance["moved_out"],
        balance["closing"],
        check_names=False,
    )
    assert balance["moved_in"].sum() == balance["moved_out"].sum()
    assert balance["closing"].sum() == len(after)


def test_restated_counts_customers_whose_old_tier_reads_differently_today():
    stored = tiered({**BEFORE, "d": "general"})
    assert migration.restated(stored, tiered(BEFORE)) == 1
    assert migration.restated(None, tiered(BEFORE)) is None
