"""The plan customer by customer: prices from a sample, then everyone takes the best action net of what it uses.

A linear program over all customers and actions grows too large to solve, but its prices hardly depend on how many
customers there are. So a sample (the smallest hashes of the ids, each customer standing for as many of its tier) is
solved exactly, each customer takes the action of highest gain net of the priced budget, hours and floors it uses, and
the places are filled from the best down. Any prices bound what any plan can reach (weak duality), so the distance to
the best possible plan is proved, not believed. At most one action for a customer.

The customers stay in the engine, numbered there; only their weights come out, and the numbers of those who are
contacted go back.
"""

from dataclasses import dataclass, replace
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis import _

from crmlib import schema
from crmlib.errors import InputError
from crmlib.params import Book, Strategy
from crmlib.strategy import allocation, allocation_prices, priced_fill, program
from crmlib.strategy.priced_fill import Block, Demand, Lines
from crmlib.strategy.program import Array

_PEOPLE = {"customer_id": "string", "tier": "string", "weight": "float64", "place": "int64"}
_MOST = 5.0  # times the mean of its tier: one customer's value must not decide alone
_ROUNDS = 30
_TRUST, _NARROWER = 0.1, 0.9  # prices move by at most this share, and by less each round
_WEIGHTS = {"at_risk": "at_risk_minor", "lifetime": "clv_minor"}


@dataclass(frozen=True)
class _Tried:
    """Prices with the bound they prove, its slope, and the value of the places given at these prices."""

    prices: Array
    bound: float
    slope: Array
    value: float


@dataclass(frozen=True)
class Choice:
    """`contacts`: one row per contacted customer; `value` was reached, no plan can reach more than `bound`.

    `totals`: contacts, customers, cost and value of each action and tier; `prices`: worth of one more of each limit.
    """

    contacts: ir.Table
    totals: pd.DataFrame
    prices: pd.DataFrame
    value: float
    bound: float

    @property
    def contacted(self) -> int:
        """How many customers are contacted."""
        return int(self.totals.contacts.sum())

    @property
    def gap(self) -> float:
        """How far the value may be from the best possible one, as a share of the bound."""
        return (self.bound - self.value) / self.bound if self.bound > 0 else 0.0


def customers(values: ir.Table, rules: Strategy) -> ir.Table:
    """Customer, tier and value relative to the mean of the tier (1 where unknown); nobody when planned by tier.

    The value is what is at risk (chance of no purchase x money) or what the customer is expected to bring; times the
    action's margin per contact it is what a contact of this customer should bring. `place` numbers the customers from
    0: tier after tier, in each by the hash of the id.
    """
    if rules.allocation.level != "customer":
        return ibis.memtable([], schema=_PEOPLE)
    own = values.select("customer_id", "tier", money=values[_WEIGHTS[rules.allocation.customer_value]].cast("float64"))
    means = own.group_by("tier").aggregate(mean=_.money.mean())
    found = own.left_join(means, "tier")
    weight = ibis.ifelse(found.mean > 0, (found.money / found.mean).clip(lower=0, upper=_MOST), 1.0).fill_null(1.0)
    weighed = found.select("customer_id", "tier", weight=weight)
    place = ibis.row_number().over(order_by=[weighed.tier, weighed.customer_id.hexdigest("md5"), weighed.customer_id])
    return weighed.mutate(place=place.cast("int64"))


def solve(people: ir.Table, actions: pd.DataFrame, rules: Strategy) -> Choice:
    """The action of each customer, by prices that are refined until the gap is small enough.

    `people` is what `customers` gave: compute it once before.
    """
    ordered = actions.reset_index(drop=True).sort_values(["tier", "action_id"])
    weight, spans = _weights(people), _spans(people)
    blocks = _blocks(weight, spans, ordered)
    if not blocks:
        nobody = np.zeros(0, dtype=np.int32)
        unpriced = pd.DataFrame(columns=[*program.NAMES, "shadow_price"])
        return Choice(_contacts(people, ordered, nobody), _totals(weight, spans, ordered, nobody), unpriced, 0.0, 0.0)
    demand, names = _demand(ordered, spans, rules)
    filled, prices, bound = best(blocks, demand, rules)
    contacts, totals = _contacts(people, ordered, filled), _totals(weight, spans, ordered, filled)
    return Choice(contacts, totals, names.assign(shadow_price=prices), float(totals.value.sum()), bound)


def best(blocks: list[Block], demand: Demand, rules: Strategy) -> tuple[Lines, Array, float]:
    """The line of each customer (-1: none), the prices of the limits, and what no plan can exceed.

    The sample's prices are near, not exact. Every demand at some prices is a tangent to the bound (Kelley 1960): the
    lowest point under all tangents so far, not too far from the best prices, is tried next.
    """
    prices, parts = sampled_prices(blocks, demand, rules.allocation.sample), priced_fill.parts(blocks)
    filled = priced_fill.fill(parts, demand, prices)
    tried = [_tried(parts, demand, prices, filled)]
    for n in range(_ROUNDS):
        value, bound = max(t.value for t in tried), min(t.bound for t in tried)
        if bound - value <= rules.allocation.gap * bound:
            break
        prices = _next_prices(tried, _TRUST * _NARROWER**n)
        other = priced_fill.fill(parts, demand, prices)
        tried.append(_tried(parts, demand, prices, other))
        filled = other if tried[-1].value > value else filled
    lowest = min(tried, key=lambda t: t.bound)
    return filled, lowest.prices, lowest.bound


def _tried(blocks: list[Block], demand: Demand, prices: Array, filled: Lines) -> _Tried:
    return _Tried(prices, *tangent(blocks, demand, prices), priced_fill.value(blocks, filled))


def _next_prices(tried: list[_Tried], trust: float) -> Array:
    """The lowest point under all tangents, each price within a share `trust` of the best prices so far."""
    from scipy.optimize import linprog

    centre = min(tried, key=lambda t: t.bound).prices
    reach = trust * np.maximum(centre, centre.mean())
    rows = np.array([np.append(t.slope, -1) for t in tried])
    bounds = np.array([t.slope @ t.prices - t.bound for t in tried])
    box = [*zip(np.maximum(centre - reach, 0), centre + reach, strict=True), (None, None)]
    found = linprog(np.append(np.zeros(len(centre)), 1), rows, bounds, bounds=box, method="highs")
    lowest: Array = found.x[:-1]
    return lowest


def tangent(blocks: list[Block], demand: Demand, prices: Array) -> tuple[float, Array]:
    """The value that no plan can exceed, and its slope in the prices: what the limits allow less what is wanted.

    Weak duality: the priced limits, and for each customer the best action net of its priced use, or nothing.
    """
    cost, bound, slope = prices @ demand.use, float(prices @ demand.bounds), demand.bounds.copy()
    for block in blocks:
        net = block.gain - cost[block.lines]
        line = net.argmax(axis=1)
        worth = net[np.arange(len(net)), line]
        wanted = np.bincount(line[worth > 0], minlength=len(block.lines))
        bound += float(worth[worth > 0].sum())
        slope -= demand.use[:, block.lines] @ wanted
    return bound, slope


def sampled_prices(blocks: list[Block], demand: Demand, size: int) -> Array:
    """Prices of the limits in the linear program of a sample: the first of each tier, in the order of their hashes."""
    from scipy import sparse
    from scipy.optimize import linprog

    everyone = sum(len(block.weight) for block in blocks)
    gains, uses, owners, first = [], [], [], 0
    for block in blocks:
        n = min(len(block.weight), max(1, round(size * len(block.weight) / everyone), min(size // 20, 200)))
        each = len(block.weight) / n
        gains.append(each * replace(block, weight=block.weight[:n]).gain.ravel())
        uses.append(each * np.tile(demand.use[:, block.lines], n))
        owners.append(first + np.repeat(np.arange(n), len(block.lines)))
        first += n
    gain, owner = np.concatenate(gains), np.concatenate(owners)
    one = sparse.csr_array((np.ones(len(owner)), (owner, np.arange(len(owner)))), shape=(first, len(owner)))
    rows: Any = sparse.vstack([sparse.csr_array(np.hstack(uses)), one], format="csr")
    found = linprog(-gain, rows, np.append(demand.bounds, np.ones(first)), bounds=(0, None), method="highs")
    if found.status != 0:
        raise InputError("actions: no plan meets budget, hours and floors customer by customer; lower a floor")
    prices: Array = np.maximum(-found.ineqlin.marginals[: len(demand.bounds)], 0)
    return prices


def instead(solved: allocation.Allocation, choice: Choice) -> allocation.Allocation:
    """The plan by tier with contacts and prices of the choice customer by customer; unchanged when there is none."""
    if not choice.contacted:
        return solved
    keys, lines = ["action_id", "tier"], solved.lines
    found = choice.totals.set_index(keys).reindex(pd.MultiIndex.from_frame(lines[keys]))
    contacts, size = found.contacts.to_numpy(), found.customers.to_numpy()
    chosen = lines.assign(
        contacts=contacts,
        reached_share=np.divide(contacts, size, out=np.zeros(len(lines)), where=size > 0),
        cost=found.cost.to_numpy(),
        hours=contacts * lines.unit_hours,
        value=found.value.to_numpy(),
    )
    return replace(solved, lines=chosen, limits=_limits(solved.limits, chosen, choice), value=choice.value)


def _limits(by_tier: pd.DataFrame, lines: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """Use and prices of the choice; its prices are not solved again, so nothing is said about how far they hold."""
    priced = by_tier[program.NAMES].merge(choice.prices, how="left", on=program.NAMES).shadow_price.fillna(0)
    sign = np.where(by_tier.limit_kind == "cover", -1, 1)
    used = [
        float(_used(lines, kind, department, tier, action_id))
        for kind, department, tier, action_id in by_tier[program.NAMES].itertuples(index=False)
    ]
    unknown = dict.fromkeys(["price_below", "price_above", "holds_from", "holds_to"], np.nan)
    return by_tier.assign(used_amount=used, shadow_price=sign * priced.to_numpy() + 0.0, **unknown)


def _used(lines: pd.DataFrame, kind: str, department: str, tier: str, action_id: str) -> float:
    if kind == "budget":
        return lines.cost.sum()
    if kind == "hours":
        return lines.hours[lines.department == department].sum()
    return lines.contacts[(lines.tier == tier) & (lines.action_id.eq(action_id) if action_id else True)].sum()


def table(choice: Choice, book: Book) -> ir.Table:
    """The contacts as a table, money in minor units."""
    scale = float(10**book.minor_digits)
    money = {f"{name}_minor": (choice.contacts[name] * scale).round().cast("int64") for name in ("cost", "value")}
    return choice.contacts.mutate(**money).select(*schema.TABLES["customer_contacts"].columns)


def _weights(people: ir.Table) -> Array:
    """The weight of each customer, in the order of their places."""
    found = people.select("place", "weight").to_pyarrow()
    weight = np.empty(len(found))
    weight[found["place"].to_numpy()] = found["weight"].to_numpy()
    return weight


def _spans(people: ir.Table) -> pd.DataFrame:
    """Of each tier the place of its first customer, and how many there are."""
    counted = people.group_by("tier").aggregate(start=_.place.min(), customers=_.count())
    return counted.order_by("start").to_pyarrow().to_pandas()


def _blocks(weight: Array, spans: pd.DataFrame, actions: pd.DataFrame) -> list[Block]:
    """A block per tier that has customers and actions; `actions` in the order of the lines."""
    found = []
    for tier, start, customers in spans.itertuples(index=False):
        lines = np.flatnonzero(actions.tier == tier)
        if len(lines):
            value, cost = (actions[c].to_numpy(dtype=float)[lines] for c in ("unit_value", "unit_cost"))
            found.append(Block(start, lines, weight[start : start + customers, None], value, cost))
    return found


def _totals(weight: Array, spans: pd.DataFrame, actions: pd.DataFrame, filled: Lines) -> pd.DataFrame:
    """Contacts, customers, cost and value of each line."""
    given = np.flatnonzero(filled >= 0)
    contacts = np.bincount(filled[given], minlength=len(actions)).astype(float)
    weights = np.bincount(filled[given], weights=weight[given], minlength=len(actions))
    cost = contacts * actions.unit_cost
    found = actions[["action_id", "tier"]].assign(contacts=contacts, customers=program.customers(actions, spans))
    return found.assign(cost=cost, value=weights * actions.unit_value - cost)


def _contacts(people: ir.Table, actions: pd.DataFrame, filled: Lines) -> ir.Table:
    """Customer, tier, action, value and cost of each contact."""
    given = np.flatnonzero(filled >= 0)
    line = ibis.memtable(pa.table({
        "line": np.arange(len(actions), dtype=np.int32), "action_id": pa.array(actions.action_id, pa.string()),
        "unit_value": actions.unit_value.to_numpy(dtype=float), "cost": actions.unit_cost.to_numpy(dtype=float),
    }))  # fmt: skip
    taken = ibis.memtable(pa.table({"place": given, "line": filled[given]}))
    found = people.inner_join(taken.inner_join(line, "line"), "place")
    return found.select("customer_id", "tier", "action_id", "cost", value=_.weight * _.unit_value - _.cost)


def _demand(actions: pd.DataFrame, sizes: pd.DataFrame, rules: Strategy) -> tuple[Demand, pd.DataFrame]:
    """Limits and floors over the lines, as the plan by tier has them; floors that cannot be met are lowered alike."""
    once = rules.model_copy(update={"max_contacts": min(1.0, rules.max_contacts)})
    met, _best = allocation.feasible(program.build(actions, sizes, once))
    floored = np.flatnonzero(met.floor > 0)
    use = np.vstack([met.rows, -np.eye(len(actions))[floored]])
    names = pd.concat([met.names, allocation_prices.floor_names(actions, floored)], ignore_index=True)
    return Demand(use, np.append(met.bounds, -met.floor[floored])), names
