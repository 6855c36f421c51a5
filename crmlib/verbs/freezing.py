"""Draw the hold-outs of the next quarter's campaigns from a quarter's stored results, and write them down once."""

from dataclasses import dataclass
from pathlib import Path

import ibis.expr.types as ir
import pandas as pd

from crmlib import params, yml
from crmlib.errors import InputError
from crmlib.params import Settings
from crmlib.periods import Period

_DECIDES = ("book", "sources", "as_of", "privacy", "segment")
"""The settings that tiers and ids hang on."""


@dataclass(frozen=True)
class Done:
    """A campaign that is frozen now; `design` is its row for all tiers, `place` its file below the project."""

    campaign_id: str
    place: str
    is_new: bool
    design: pd.Series


def freeze(params_file: str | Path, campaign: str = "", out_dir: str | Path = "") -> list[Done]:
    """Freeze one campaign, or all that start after this quarter and before the end of the next one."""
    from crmlib.io import engine, frozen, registers, store
    from crmlib.segment import tiers
    from crmlib.strategy import campaign_design, campaigns

    settings = params.load(params_file)
    problems = registers.check(settings) + frozen.check(settings)
    if problems:
        raise InputError(problems)
    register = registers.read(settings, "campaign_plans")
    chosen = _chosen(register, campaign, settings)
    con = engine.connect(settings)
    results = store.open_store(settings, out_dir, con)
    sources = campaign_design.Sources(
        results.table("customer_tiers"),
        results.table("purchase_days"),
        results.table("customer_inventory"),
        tiers.placed,
    )
    _same_settings(results.folder, settings)
    there = frozen.read(settings)
    taken = campaign_design.Drawn(campaigns.frame(frozen.rows(there)), frozen.assignments(con, there))
    drawn = campaign_design.draw(chosen, sources, settings, taken)
    lists = engine.keep(con, "drawn", drawn.assignments)
    return [_one(settings, plan, drawn.designs, lists) for _index, plan in chosen.iterrows()]


def _one(settings: Settings, plan: pd.Series, designs: pd.DataFrame, lists: ir.Table) -> Done:
    from crmlib.io import frozen_files

    name = plan["campaign_id"]
    rows = designs[designs["campaign_id"] == name]
    whole = rows[rows["tier"] == "all"].iloc[0]
    if not min(whole["treated"], whole["held_out"]):
        empty = "treated" if whole["held_out"] else "held out"
        raise InputError(f"{name}: no customer would be {empty}; name larger tiers or another holdout_share")
    is_new = frozen_files.write(settings, plan.to_dict(), rows, lists.filter(lists.campaign_id == name))
    return Done(name, f"data/{settings.book_id}/campaigns/{name}.yml", is_new, whole)


def _chosen(register: pd.DataFrame, campaign: str, settings: Settings) -> pd.DataFrame:
    """The plans to freeze; raises when there is none, or the one asked for is not due."""
    from crmlib.io import register_files, registers
    from crmlib.strategy import campaigns

    period, where = settings.period, register_files.where(settings, "campaign_plans")
    due = campaigns.drafts(campaigns.near(register, period), (), period)
    if not campaign:
        if due.empty:
            raise InputError(
                f"{where} has no campaign that starts from {period.end} to {period.next.as_of}; add its row first"
            )
        return due
    if campaign not in set(register["campaign_id"]):
        raise InputError(f"{where} has no campaign '{campaign}'{registers.near(campaign, register['campaign_id'])}")
    if campaign not in set(due["campaign_id"]):
        start = register.loc[register["campaign_id"] == campaign, "start_date"].iloc[0].date()
        before = Period.containing(start).previous
        raise InputError(
            f"{campaign} starts on {start}; its hold-out is drawn from the last quarter that ended before: "
            f"crm freeze params/{settings.book_id}/{before}.yml --campaign {campaign}"
        )
    return due[due["campaign_id"] == campaign].reset_index(drop=True)


def _same_settings(folder: Path, settings: Settings) -> None:
    """Raise when the stored results were made with other settings than those that would be frozen."""
    file = folder / "params.yml"
    if not file.is_file():
        return
    then, now = yml.read(file.read_text(encoding="utf-8")), yml.read(params.dump(settings))
    changed = [name for name in _DECIDES if then.get(name) != now.get(name)]
    if changed:
        raise InputError(
            f"the results of {settings.period} were made with other settings ({', '.join(changed)}); first "
            f"`crm run params/{settings.book_id}/{settings.period}.yml`, then freeze"
        )
