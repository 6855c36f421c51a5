"""The plan customer by customer against exact linear programs; expected values by hand."""

import tracemalloc

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pytest
from allocations import BOOK, GOLDEN, STRATEGIES, actions, rules, sizes
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis import _
from scipy.optimize import linprog

from crmlib import schema
from crmlib.io import engine
from crmlib.strategy import allocation, priced, priced_fill
from crmlib.strategy.priced_fill import Block, Demand
from crmlib.views import narrative_resources

CUSTOMER = {"level": "customer"}


def people(weights: list[float], tier: str = "high") -> ir.Table:
    """Customers in the order of their places."""
    n = len(weights)
    columns = {"customer_id": [f"{tier}{i:05d}" for i in range(n)], "tier": [tier] * n, "place": range(n)}
    kinds = {"customer_id": "string", "tier": "string", "place": "int64", "weight": "float64"}
    return ibis.memtable(columns | {"weight": weights}, schema=kinds)


def contacts(chosen: priced.Choice) -> pd.DataFrame:
    return engine.frame(chosen.contacts.order_by("customer_id"))


def test_each_customer_gets_the_action_that_brings_most():
    """Values 10 and 4 at costs 4 and 1. Weight 2: 16 or 7; 1: 6 or 3; .5: 1 each; .1: neither pays.

    9 of budget: call 2 (16) and 1 (6) for 8 and one letter to .5 (1): 23. Calling .5 as well would cost 12.
    """
    offers = actions(("call", "high", 4, 0, 10, 0), ("letter", "high", 1, 0, 4, 0))
    chosen = priced.solve(people([2, 1, 0.5, 0.1]), offers, rules(9))
    found = contacts(chosen)
    assert found.customer_id.to_list() == ["high00000", "high00001", "high00002"]
    assert found.action_id.to_list() == ["call", "call", "letter"]
    assert found.value.to_list() == pytest.approx([16, 6, 1]) and chosen.value == pytest.approx(23)
    assert chosen.value <= chosen.bound + 1e-9
    table = engine.frame(priced.table(chosen, BOOK).order_by("customer_id"))
    assert list(table.columns) == schema.columns("customer_contacts", table.columns)
    assert table.value_minor.to_list() == [1600, 600, 100] and table.cost_minor.to_list() == [400, 400, 100]


def test_a_floor_is_met_by_those_who_lose_least_by_it():
    """Three of four letters are required: the call stays with him who gains most from it."""
    offers = actions(("call", "high", 4, 0, 10, 0), ("letter", "high", 1, 0, 4, 0.75))
    chosen = priced.solve(people([2, 1.5, 1, 0.1]), offers, rules(100))
    assert contacts(chosen).action_id.to_list() == ["call", "letter", "letter", "letter"]
    assert chosen.value == pytest.approx(16 + 5 + 3 - 0.6) and chosen.gap < 1e-6


def exact(blocks: list[Block], demand: Demand) -> float:
    """The optimum with customers that may be divided: the best that any plan can reach; NaN when there is none."""
    n, lines = blocks[0].gain.shape
    rows = np.vstack([np.tile(demand.use, n), np.kron(np.eye(n), np.ones(lines))])
    found = linprog(-blocks[0].gain.ravel(), rows, np.append(demand.bounds, np.ones(n)))
    return -found.fun if found.status == 0 else float("nan")


def block(gain: np.ndarray) -> Block:
    """Customers of whom the gain from each line is known."""
    lines = gain.shape[1]
    return Block(0, np.arange(lines), gain, np.ones(lines), np.zeros(lines))


def instance(seed: int, n: int, budget: float, floor: int = 0) -> tuple[list[Block], Demand]:
    rng = np.random.default_rng(seed)
    cost, hours = rng.uniform(1, 5, 4), rng.uniform(0, 1, 4)
    gain = rng.lognormal(1, 1, (n, 4)) - cost
    use = np.vstack([cost, hours, [0, 0, 0, -1]])
    return [block(gain)], Demand(use, np.array([budget, n / 8, -floor]))


@given(st.integers(0, 10_000), st.integers(3, 30), st.integers(0, 3))
@settings(max_examples=15, deadline=None)
def test_no_plan_beats_the_bound_and_no_choice_the_best_plan(seed, n, floor):
    blocks, demand = instance(seed, n, 2.0 * n, floor)
    best = exact(blocks, demand)
    if np.isnan(best):
        return
    filled, _prices, bound = priced.best(blocks, demand, rules(1))
    used = demand.use @ np.bincount(filled[filled >= 0], minlength=4)
    assert priced_fill.value(blocks, filled) <= best + 1e-6 <= bound + 2e-6
    assert (used[:2] <= demand.bounds[:2] + 1e-6).all() and used[2] <= demand.bounds[2]
    anywhere = np.abs(np.random.default_rng(seed).normal(size=3))
    assert priced.tangent(blocks, demand, anywhere)[0] >= best - 1e-6


def test_the_gap_is_small_for_many_customers():
    blocks, demand = instance(1, 3000, 4000, 300)
    filled, _prices, bound = priced.best(blocks, demand, rules(1, allocation={"sample": 500}))
    value = priced_fill.value(blocks, filled)
    assert (bound - value) / bound <= 0.002
    assert value <= exact_sparse(blocks, demand) <= bound + 1e-6


def exact_sparse(blocks: list[Block], demand: Demand) -> float:
    from scipy import sparse

    n, lines = blocks[0].gain.shape
    rows = sparse.vstack([np.tile(demand.use, n), sparse.kron(sparse.eye(n), np.ones((1, lines)))], format="csr")
    return -linprog(-blocks[0].gain.ravel(), rows, np.append(demand.bounds, np.ones(n))).fun


def test_a_budget_that_does_not_bind_has_no_price():
    blocks, demand = instance(2, 50, 1e6)
    demand = Demand(demand.use, np.array([1e6, 1e6, 0.0]))
    filled, prices, _bound = priced.best(blocks, demand, rules(1))
    assert prices[:2] == pytest.approx([0, 0])
    assert priced_fill.value(blocks, filled) == pytest.approx(np.maximum(blocks[0].gain.max(axis=1), 0).sum())


def test_the_order_of_the_rows_changes_nothing():
    """Three values among 200 customers: at the edge of the budget the hash of the id decides."""
    rng = np.random.default_rng(3)
    ids = [f"c{i:05d}" for i in range(200)]
    crowd = pd.DataFrame({"customer_id": ids, "tier": "high", "at_risk_minor": rng.choice([50, 100, 200], 200)})
    offers = actions(("call", "high", 4, 0.1, 10, 0), ("letter", "high", 1, 0, 4, 0.2))
    asked = rules(150, allocation=CUSTOMER)
    one, other = (
        contacts(priced.solve(priced.customers(ibis.memtable(rows), asked), lines, asked))
        for rows, lines in [(crowd, offers), (crowd.sample(frac=1, random_state=1), offers.iloc[::-1])]
    )
    assert 0 < len(one) < 200
    pd.testing.assert_frame_equal(one, other)


def test_customers_stand_tier_after_tier_by_the_hash_of_their_ids():
    """MD5 of a, b, c begins with 0c, 92, 4a."""
    columns = {"customer_id": ["c", "b", "a", "d"], "tier": ["risk", "risk", "risk", "high"], "at_risk_minor": [1] * 4}
    found = engine.frame(priced.customers(ibis.memtable(columns), rules(1, allocation=CUSTOMER)).order_by("place"))
    assert found.customer_id.to_list() == ["d", "a", "c", "b"] and found.place.to_list() == [0, 1, 2, 3]


def test_gains_are_looked_at_part_by_part(monkeypatch):
    """With parts of 7 customers as with one: the same places, the same bound."""
    blocks, demand = instance(4, 100, 150, 20)
    whole = priced.best(blocks, demand, rules(1))
    monkeypatch.setattr(priced_fill, "_PART", 7)
    assert [len(part.weight) for part in priced_fill.parts(blocks)] == [7] * 14 + [2]
    again = priced.best(blocks, demand, rules(1))
    np.testing.assert_array_equal(whole[0], again[0])
    np.testing.assert_allclose(whole[2], again[2], rtol=1e-12)


def test_nothing_is_as_long_as_customers_times_lines():
    """A million customers and ten lines: all gains at once would be 80 MB, the arrays per customer are less than 70."""
    rng = np.random.default_rng(5)
    n, cost = 1_000_000, np.linspace(1, 4, 10)
    crowd = [Block(0, np.arange(10), rng.lognormal(0, 1, (n, 1)), np.linspace(4, 9, 10), cost)]
    demand = Demand(np.vstack([cost, np.ones(10), -np.eye(10)[3]]), np.array([n, 0.6 * n, -0.05 * n]))
    tracemalloc.start()
    filled, _prices, _bound = priced.best(crowd, demand, rules(1, allocation={"sample": 200}))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (filled >= 0).any() and most < 70e6


def test_tiers_without_actions_and_actions_without_customers():
    crowd = pd.DataFrame({"customer_id": list("abc"), "tier": ["general", "high", "risk"], "at_risk_minor": 1})
    table = priced.customers(ibis.memtable(crowd), rules(1, allocation=CUSTOMER))
    offers = actions(("call", "high", 4, 0, 10, 0), ("call", "new", 4, 0, 10, 0))
    assert contacts(priced.solve(table, offers, rules(9))).customer_id.to_list() == ["b"]
    nobody = priced.solve(table, offers[offers.tier == "new"], rules(9))
    assert contacts(nobody).empty and nobody.contacted == 0


def test_values_are_relative_to_the_tier():
    """10 and 30 around a mean of 20; 70 of a mean of 10 is held at 5 times it; unknown is the mean; nothing is 1."""
    values = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c", *"defghi", "j", "k"],
            "tier": ["high", "high", "high", *["risk"] * 7, "none"],
            "at_risk_minor": [10, 30, None, 70, 0, 0, 0, 0, 0, 0, 0],
            "clv_minor": [1, 1, 1, *[2] * 7, 0],
        }
    )
    table = ibis.memtable(values.astype({"at_risk_minor": "float64"}))
    found = engine.frame(priced.customers(table, rules(1, allocation=CUSTOMER))).set_index("customer_id").weight
    assert found[["a", "b", "c", "d", "e", "k"]].to_list() == [0.5, 1.5, 1, 5, 0, 1]
    lifetime = engine.frame(priced.customers(table, rules(1, allocation=CUSTOMER | {"customer_value": "lifetime"})))
    assert lifetime.weight.eq(1).all()
    assert engine.frame(priced.customers(table, rules(1))).empty


def test_the_plan_by_tier_takes_over_the_choice():
    by_tier = allocation.solve(GOLDEN, sizes(high=10, risk=20), rules(150))
    crowd = ibis.union(people([1.0] * 10), people([1.0] * 20, "risk").mutate(place=_.place + 10))
    chosen = priced.solve(crowd, GOLDEN, rules(150))
    replaced = priced.instead(by_tier, chosen)
    plan = allocation.plan(replaced, STRATEGIES, BOOK)
    assert plan.contacts.to_list() == [10, 0, 10, 0] and plan.value_minor.sum() == 170_000
    assert plan.reached_share.to_list() == pytest.approx([1, 0, 0.5, 0])
    budget = replaced.limits.iloc[0]
    assert budget.used_amount == 150 and 10 <= budget.shadow_price <= 12 and pd.isna(budget.holds_from)
    told = str(narrative_resources.allocation(plan, allocation.limits(replaced, STRATEGIES), "en", BOOK))
    assert "$1.00 more returns about $1" in told
    english = str(narrative_resources.by_customer(chosen.contacted, chosen.value, chosen.bound, "en", BOOK))
    assert "20 contacts with an expected margin of $1,700" in english and "at most 0.00% is left" in english
    assert "$1,700" in str(narrative_resources.by_customer(chosen.contacted, chosen.value, chosen.bound, "zh", BOOK))


def test_by_tier_nobody_is_chosen():
    chosen = priced.solve(people([]), GOLDEN, rules(150))
    by_tier = allocation.solve(GOLDEN, sizes(high=10, risk=20), rules(150))
    assert priced.instead(by_tier, chosen) is by_tier and engine.frame(priced.table(chosen, BOOK)).empty
    assert "made by tier" in str(narrative_resources.by_customer(chosen.contacted, 0, 0, "en", BOOK))
