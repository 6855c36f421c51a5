"""How often the review of campaigns is right, in worlds where the truth is known: makes `docs/effect_study.md`.

    python tests/effect_study.py [--worlds N] [--jobs N] [--write]

Each world goes through what a quarter goes through: purchase days in the engine, tiers on the eve, a hash draw of the
hold-out, the expectation of every customer, `review.campaigns` and the verdict. Without --write the page is printed.
The figures behind it are kept in `tests/effect_study.json`; same worlds, same bytes, whatever the number of jobs.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import effect_page
import effect_rivals
import effect_scene
import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from effect_rivals import Said
from effect_scene import CUSTOMERS, EVE, KPIS, SEED, SPAN, TARGET, Design, Scene

from crmlib.io import engine
from crmlib.kpi import windows
from crmlib.params import Settings
from crmlib.periods import Period
from crmlib.review import campaigns, estimators, grades, hand_picked, verdict
from crmlib.review.estimators import Effect
from crmlib.segment import expectation, tiers
from crmlib.strategy import holdout

FIGURES = Path(__file__).with_suffix(".json")
PAGE = Path(__file__).parents[1] / "docs" / "effect_study.md"
WORLDS = 200
DRAWS = {
    "default": {0.0: 2, 0.10: 1, 0.25: 1},
    "small": {0.0: 3, 0.10: 1, 0.25: 2},
    "balanced": {0.0: 3, 0.10: 1, 0.25: 2},
}
"""Independent draws of the hold-out in each world, by review and by what treating a customer really does."""
REVIEWS: dict[str, tuple[Design, ...]] = {
    "default": (Design("high"), Design("potential"), Design("general", 1_000), Design("risk", 1_000)),
    "small": (Design("potential", 500, 0.2),),
    "balanced": (Design("potential", 500, 0.5),),
}
"""Campaigns that are read back together; q is over all effects of a review."""
LEAST_RATE = 0.01
"""Where nearly everybody buys anyway, a campaign still aims at one more customer in a hundred."""
SOME = 4
"""One world in so many has a review made a second time in the engine, and one has customers picked by hand."""
NO_BREACHES = pd.DataFrame(columns=["campaign_id", "breach"])
NO_DESIGNS = pd.DataFrame(columns=["campaign_id", "tier"])
LISTED, PICKED = 500, 200
"""Customers of the tier among whom somebody picks by hand, and how many he picks."""


def runs(number: int, settings: Settings, customers: int = CUSTOMERS, every: int = SOME) -> pd.DataFrame:
    """Everything that is said of one world: a row per review, tier, KPI, true effect, draw and way of saying it."""
    here = effect_scene.scene(number, settings, customers)
    found = [
        row
        for review, by_effect in DRAWS.items()
        for effect, draws in by_effect.items()
        for draw in range(draws)
        for row in _review(here, review, effect, draw)
    ]
    if number % every == 0:
        effects = list(DRAWS["default"])
        found += _same_from_engine(here, effects[number // every % len(effects)])
    if number % every == 1:
        found += _by_hand(here)
    here.con.disconnect()
    return pd.DataFrame(found)


def _review(here: Scene, review: str, effect: float, draw: int) -> Iterator[dict]:
    lists = {name: effect_scene.listed(here, design, name) for name, design in _named(here, review, effect, draw)}
    for kpi in KPIS.values():
        parts = {name: effect_scene.part(here, arms, kpi, effect) for name, arms in lists.items()}
        found = {name: _measured(here, part, kpi) for name, (part, _truth) in parts.items()}
        words = _words(here, found, kpi)
        for name, (part, truth) in parts.items():
            tier, ours = name.rsplit("-", 1)[1], found[name]
            about = {"review": review, "tier": tier, "kpi": kpi, "effect": effect}
            sizes = {"n_treated": ours.n_treated, "n_control": ours.n_control, "verdict": words[name]}
            yield {**about, **_scored("shipped", effect_rivals.said(ours), truth), **sizes}
            if effect == 0 and review == "default" and draw == 0:
                others = here.people[here.people["tier"] != tier]
                said = effect_rivals.all_of(part, others[f"now_0.0_{kpi}"] - others[f"before_{kpi}"])
                yield from ({**about, **_scored(way, one, truth)} for way, one in said.items())


def _named(here: Scene, review: str, effect: float, draw: int) -> list[tuple[str, Design]]:
    return [(f"W{here.number}-{effect}-{draw}-{review}-{d.tier}", d) for d in REVIEWS[review]]


def _measured(here: Scene, part: pd.DataFrame, kpi: str) -> Effect:
    cases = part.rename(columns={"now": "outcome"}).assign(stratum="all")
    return estimators.measure(cases, "rate" if kpi == "rate" else "mean", here.settings.seed)


def _words(here: Scene, found: dict[str, Effect], kpi: str) -> dict[str, str]:
    """The verdicts on one KPI of a review, by the rules of `review.grades`."""
    least = here.settings.review.min_rate_n if kpi == "rate" else here.settings.review.min_money_n
    p = pd.Series({name: e.p for name, e in found.items() if min(e.n_treated, e.n_control) >= least}, dtype="float64")
    words = dict.fromkeys(found, "no_verdict")
    for name, q in verdict.adjusted(p).items():
        one, target = found[str(name)], _target(here, str(name), kpi)
        words[str(name)] = verdict.judge(one.effect, (one.low, one.high), q, target, target / 2)
    return words


def _target(here: Scene, name: str, kpi: str) -> float:
    theirs = here.people[here.people["tier"] == name.rsplit("-", 1)[1]]
    gain = float((theirs[f"now_{TARGET}_{kpi}"] - theirs[f"now_0.0_{kpi}"]).mean())
    return max(gain, LEAST_RATE) if kpi == "rate" else gain


def _same_from_engine(here: Scene, effect: float) -> list[dict]:
    """Whether the arms, figures and words of the first draw are those of the shipped modules in the engine."""
    named = _named(here, "default", effect, 0)
    arms = [effect_scene.drawn(here, design, name) for name, design in named]
    members = engine.keep(here.con, "members", ibis.union(*arms))
    log = effect_scene.log(here, members, effect)
    lists = {name: effect_scene.listed(here, design, name) for name, design in named}
    found = []
    for code, kpi in KPIS.items():
        effects = {
            name: _measured(here, effect_scene.part(here, arms, kpi, effect)[0], kpi) for name, arms in lists.items()
        }
        words = _words(here, effects, kpi)
        for row in _verdicts(here, list(lists), code, members, log):
            one = effects[row["campaign_id"]]
            word = row["verdict"] if row["evidence_grade"] == "A" else "no_verdict"
            mine = [float(f"{v:.6g}") for v in (one.n_treated, one.effect, one.low, one.high, one.p)]
            theirs = [row[c] for c in ("n_treated", "effect", "low_effect", "high_effect", "p_value")]
            same = word == words[row["campaign_id"]] and np.allclose(mine, theirs, rtol=1e-5)
            found.append({"review": "engine", "tier": row["campaign_id"].rsplit("-", 1)[1], "kpi": kpi, "effect": effect,
                          "way": "shipped", "improved": False, "worse": False,
                          "verdict": "same" if same else "other"})  # fmt: skip
    return found


def _verdicts(here: Scene, names: list[str], kpi: str, members: ir.Table, log: ir.Table) -> list[dict]:
    """Rows of `campaign_reviews` of one KPI."""
    targets = {name: _target(here, name, KPIS[kpi]) for name in names}
    plans = [campaigns.Frozen(name, kpi, SPAN, target, target / 2) for name, target in targets.items()]
    held = campaigns.measured(plans, members, log, lambda *_: here.expected, here.settings)
    designs = pd.DataFrame({"campaign_id": names, "tier": "all", "strategy_id": "", "campaign": "", "campaign_zh": "",
                            "kpi": kpi, "kpi_unit": windows.UNITS[kpi], "start_date": pd.Timestamp(SPAN.start),
                            "end_date": pd.Timestamp(SPAN.end), "provenance": "illustrative"})  # fmt: skip
    return grades.reviews(held, pd.DataFrame(), designs, NO_BREACHES, here.settings).to_dict("records")


def _scored(way: str, said: Said, truth: float) -> dict:
    """Whether it speaks of an effect at the 5 % level, which one, and whether the truth is within its interval."""
    sure = said.p < 0.05
    return {"way": way, "improved": sure and said.effect > 0, "worse": sure and said.effect < 0,
            "covered": said.low <= truth <= said.high, "estimate": said.effect, "truth": truth}  # fmt: skip


def _by_hand(here: Scene) -> Iterator[dict]:
    """Customers picked by hand, and nothing done to them: what is said of the money and orders of the picked."""
    tier = here.people[here.people["tier"] == "potential"]
    place = pd.Series([holdout.uniform(f"W{here.number}-picked", who) for who in tier.index], index=tier.index)
    listed = tier.loc[place.sort_values().index[:LISTED]]
    lately = listed["before_orders"] - listed["frequency_12m"] / 4
    rules = {"dip": lately, "biggest": -listed["monetary_12m_minor"], "anybody": place[listed.index]}
    log = engine.keep(here.con, "log", ibis.union(here.history, here.windows[0.0]))
    past = _past(here, log)
    for rule, order in rules.items():
        picked = order.sort_values(kind="stable").index[:PICKED]
        about = {"review": f"picked_{rule}", "effect": 0.0, "tier": "potential"}
        arms = pd.Series(listed.index.isin(picked), index=listed.index)
        for kpi in ("money", "orders"):
            said = effect_rivals.of_picked(effect_scene.part(here, arms, kpi, 0.0)[0])
            yield from ({**about, "kpi": kpi, **_scored(way, one, 0.0)} for way, one in said.items())
        yield {**about, "kpi": "money", **_gated(here, list(picked), past)}


def _past(here: Scene, log: ir.Table) -> hand_picked.Past:
    """The comparison one window earlier needs tiers and expectations of that time too; each is made once a world."""
    earlier = SPAN.before.start - timedelta(days=1)
    then = expectation.after(log, earlier, SPAN.days)
    then = replace(then, customers=engine.keep(here.con, "expected_then", then.customers))
    rated = tiers.at(log, effect_scene.known(log), Period.up_to(earlier), here.settings)
    tiered = {EVE: here.tiers, earlier: engine.keep(here.con, "tiers_then", rated)}
    expected = {EVE: here.expected, earlier: then}
    return hand_picked.Past(
        log,
        effect_scene.known(log),
        lambda _log, _known, period, _settings: tiered[period.as_of],
        lambda _log, day, _n: expected[day],
    )


def _gated(here: Scene, picked: list[str], past: hand_picked.Past) -> dict:
    """The shipped review of a campaign without a hold-out: refused (grade C), or what it says."""
    ran = pd.DataFrame({"campaign_id": ["H"], "start_date": [pd.Timestamp(SPAN.start)],
                        "end_date": [pd.Timestamp(SPAN.end)]})  # fmt: skip
    targets = engine.table(pd.DataFrame({"campaign_id": "H", "customer_id": picked}))
    found = hand_picked.measured(ran, targets, past, here.settings)
    row = grades.reviews(pd.DataFrame(), found, NO_DESIGNS, NO_BREACHES, here.settings).iloc[0]
    if row["evidence_grade"] != "B":
        return {"way": "gated", "improved": False, "worse": False, "verdict": f"refused_{row['grade_reason']}"}
    ours = Said(*(row[c] for c in ("effect", "low_effect", "high_effect", "p_adjusted")))
    return {**_scored("gated", ours, 0.0), "verdict": row["verdict"]}


def figures(worlds: int, jobs: int = 1, customers: int = CUSTOMERS) -> dict:
    """Counts and means over all worlds, by review, tier, KPI, true effect and way."""
    with tempfile.TemporaryDirectory() as folder:
        one = partial(runs, settings=effect_scene.settings_in(Path(folder)), customers=customers)
        if jobs == 1:
            found = [one(number) for number in range(worlds)]
        else:
            with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
                found = list(pool.map(one, range(worlds)))
    return added_up(found, customers)


def added_up(found: list[pd.DataFrame], customers: int = CUSTOMERS) -> dict:
    """The figures of the worlds in `found`."""
    about = {"seed": SEED, "worlds": len(found), "customers": customers, "target": TARGET,
             "draws": {review: list(draws.values()) for review, draws in DRAWS.items()}}  # fmt: skip
    return {**about, "cells": summed(pd.concat(found, ignore_index=True))}


def summed(said: pd.DataFrame) -> list[dict]:
    keys = ["review", "tier", "kpi", "effect", "way"]
    cells = []
    for key, cell in said.groupby(keys, sort=True):
        words = {str(k): int(n) for k, n in cell["verdict"].dropna().value_counts().sort_index().items()}
        counts = {name: int(cell[name].fillna(False).astype(bool).sum()) for name in ("improved", "worse", "covered")}
        means = {name: float(f"{cell[name].mean():.6g}") for name in ("estimate", "truth", "n_treated", "n_control")
                 if cell[name].notna().any()}  # fmt: skip
        cells.append({**dict(zip(keys, key, strict=True)), "runs": len(cell), **counts, **means, "verdicts": words})
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=int, default=WORLDS)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="replace docs/effect_study.md and the figures behind it")
    asked = parser.parse_args()
    found = figures(asked.worlds, asked.jobs)
    page = effect_page.page(found)
    if asked.write:
        FIGURES.write_text(stored(found), encoding="utf-8")
        PAGE.write_text(page, encoding="utf-8")
    else:
        sys.stdout.write(page)


def stored(found: dict) -> str:
    """As JSON, a cell to a line."""
    head = json.dumps({name: value for name, value in found.items() if name != "cells"})[:-1]
    lines = ",\n".join(json.dumps(cell) for cell in found["cells"])
    return f'{head}, "cells": [\n{lines}\n]}}\n'


if __name__ == "__main__":
    main()
