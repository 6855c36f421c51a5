"""The eve of a campaign in a simulated world, made with the modules that a quarter uses; for `effect_study`."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import books
import effect_worlds
import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _
from ibis.backends import BaseBackend

from crmlib.io import engine
from crmlib.kpi import windows
from crmlib.kpi.windows import Span
from crmlib.params import Settings
from crmlib.periods import Period
from crmlib.segment import expectation, tiers
from crmlib.segment.expectation import Expectation
from crmlib.strategy import holdout

SEED = 20_240_101
CUSTOMERS = 18_000
SPAN = Span(date(2024, 1, 1), date(2024, 3, 31))
EVE = SPAN.start - timedelta(days=1)
TARGET = 0.20
"""A campaign aims at what so much more buying brings on its KPI in its tier; half of that is the least of use."""
KPIS = {"window_net_revenue": "money", "window_repurchase_rate": "rate", "window_orders": "orders"}


@dataclass(frozen=True)
class Design:
    """A campaign: so many customers of a tier (0: all), of whom a share is held out (None: the default)."""

    tier: str
    size: int = 0
    share: float | None = None


@dataclass(frozen=True)
class Scene:
    """A world on the eve of the campaigns. `people`: per customer the tier, what he did and would do, what is expected."""

    con: BaseBackend
    settings: Settings
    number: int
    history: ir.Table
    windows: dict[float, ir.Table]
    tiers: ir.Table
    expected: Expectation
    people: pd.DataFrame


def settings_in(folder: Path) -> Settings:
    """A book with the anchors of method 2.2; those of money are those of orders times the mean order."""
    mean_order = effect_worlds.MEAN_ORDER / 100
    money = [[orders * mean_order, score] for orders, score in books.ANCHORS["frequency_12m"]]
    loaded = books.load(folder, period="2024Q1")
    anchors = loaded.segment.anchors.model_validate({**books.ANCHORS, "monetary_12m": money})
    return loaded.model_copy(update={"segment": loaded.segment.model_copy(update={"anchors": anchors})})


def scene(number: int, settings: Settings, customers: int = CUSTOMERS) -> Scene:
    world = effect_worlds.make(SEED + number, (0.10, TARGET, 0.25), customers=customers)
    con = engine.connect(settings)
    con.raw_sql("SET threads = 1")
    history = _kept(con, "history", world.before)
    ahead = {e: _kept(con, f"window_{round(100 * e)}", days) for e, days in world.windows.items()}
    tiered = engine.keep(con, "tiers", tiers.at(history, known(history), Period.up_to(EVE), settings))
    expected = expectation.after(history, EVE, SPAN.days)
    kept = replace(expected, customers=engine.keep(con, "expected", expected.customers))
    people = _people(tiered, kept.customers, history, ahead)
    return Scene(con, settings, number, history, ahead, tiered, kept, people)


def _kept(con: BaseBackend, name: str, days: pd.DataFrame) -> ir.Table:
    return engine.keep(con, name, engine.table(days).mutate(order_date=_.order_date.cast("date")))


def known(history: ir.Table) -> ir.Table:
    return history.select("customer_id").distinct()


def _people(tiered: ir.Table, expected: ir.Table, history: ir.Table, ahead: dict[float, ir.Table]) -> pd.DataFrame:
    past = {name: tiered[name].cast("float64") for name in ("frequency_12m", "monetary_12m_minor")}
    about = tiered.select("customer_id", "tier", **past).left_join(expected, "customer_id")
    who = tiered.select("customer_id")
    year_ago = Span(SPAN.start - timedelta(days=364), SPAN.end - timedelta(days=364))
    parts = [_frame(about.drop("customer_id_right")), _did(who, history, SPAN.before, "before"),
             _did(who, history, year_ago, "year_ago")]  # fmt: skip
    parts += [_did(who, days, SPAN, f"now_{e}") for e, days in ahead.items()]
    return pd.concat(parts, axis=1)


def _did(who: ir.Table, days: ir.Table, span: Span, when: str) -> pd.DataFrame:
    did = windows.outcomes(who, days, span)
    named = {f"{when}_money": did.window_net_revenue, f"{when}_rate": did.window_repurchase_rate,
             f"{when}_orders": did.window_orders}  # fmt: skip
    return _frame(did.select("customer_id", **{name: value.cast("float64") for name, value in named.items()}))


def _frame(table: ir.Table) -> pd.DataFrame:
    return table.order_by("customer_id").to_pyarrow().to_pandas().set_index("customer_id")


def listed(here: Scene, design: Design, name: str) -> pd.Series:
    """Who is in the campaign, and whether he is treated: drawn by hashes, of which the second is `holdout.drawn`'s."""
    theirs = here.people.index[here.people["tier"] == design.tier]
    place = pd.Series([holdout.uniform(f"{name} list", who) for who in theirs], index=theirs).sort_values()
    kept = place.index[: design.size or None].sort_values()
    bound = 1 - _share(here, design)
    return pd.Series([holdout.uniform(name, who) < bound for who in kept], index=kept)


def _share(here: Scene, design: Design) -> float:
    size = int((here.people["tier"] == design.tier).sum())
    on_list = min(design.size or size, size)
    return holdout.default_share(on_list, here.settings.strategy.holdout) if design.share is None else design.share


def drawn(here: Scene, design: Design, name: str) -> ir.Table:
    """`listed` in the engine."""
    theirs = here.tiers.filter(_.tier == design.tier).select("customer_id", "tier", drawn_unit=ibis.literal(""))
    if design.size:
        place = (ibis.literal(f"{name} list|") + theirs.customer_id).hexdigest("sha256")
        theirs = theirs.order_by(place).limit(design.size)
    return holdout.drawn(theirs, name, {design.tier: _share(here, design)})


def log(here: Scene, members: ir.Table, effect: float) -> ir.Table:
    """What is recorded: the treated do what treatment makes them do, all others what they would have done."""
    treated = members.filter(_.arm == holdout.TREATED).select("customer_id")
    theirs = here.windows[effect].semi_join(treated, "customer_id")
    every_day = ibis.union(here.history, theirs, here.windows[0.0].anti_join(treated, "customer_id"))
    return engine.keep(here.con, "log", every_day)


def part(here: Scene, arms: pd.Series, kpi: str, effect: float) -> tuple[pd.DataFrame, float]:
    """One row per customer of a list for `effect_rivals`, and what treating all of them would bring each on average."""
    theirs = here.people.loc[arms.index]
    would, does = theirs[f"now_{effect}_{kpi}"], theirs[f"now_0.0_{kpi}"]
    found = pd.DataFrame({"now": would.where(arms, does), "is_treated": arms})
    found = found.assign(**{when: theirs[f"{when}_{kpi}"] for when in ("before", "year_ago")})
    if kpi != "rate":
        found["expected"] = theirs["expected_minor" if kpi == "money" else "expected_orders"]
    return found, float((would - does).mean())
