"""Campaign plans frozen before they start: what was planned, who was drawn, and whether anything moved since.

`data/<book>/campaigns/<id>.yml` holds the plan with the SHA-256 of itself and of `<id>.csv`, the list: customer_id as
the results show it, tier, arm. Both are written once (`frozen_files`). What no longer holds is a value (`breaches`),
not an error, because a review must name it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import yaml
from ibis.backends.duckdb import Backend

from crmlib import schema
from crmlib.errors import InputError
from crmlib.io import engine, frozen_files, register_files, registers
from crmlib.io.frozen_files import Breach, Record
from crmlib.params import Settings


@dataclass(frozen=True)
class Frozen:
    """One frozen campaign; `record` is None where its file cannot be read."""

    campaign_id: str
    record: Record | None
    list_file: Path
    breaches: tuple[Breach, ...] = ()


def read(settings: Settings) -> tuple[Frozen, ...]:
    """Every campaign frozen up to the quarter's last day, by id, each with what no longer holds of it."""
    rows = {row["campaign_id"]: row for row in registers.read(settings, "campaign_plans").to_dict("records")}
    found = [_read(file, rows) for file in sorted(frozen_files.folder_of(settings).glob("*.yml"))]
    return tuple(one for one in found if one.record is None or one.record.snapshot <= settings.period.as_of)


def rows(found: Iterable[Frozen]) -> list[dict[str, Any]]:
    """Rows of the table `campaign_designs`, as frozen."""
    return [_typed(row, one.record) for one in found if one.record for row in one.record.rows]


def assignments(con: Backend, found: Iterable[Frozen]) -> ir.Table:
    """The frozen lists as the table `campaign_assignments`; of a list that is gone, nothing."""
    names = schema.TABLES["campaign_assignments"].columns
    empty = ibis.memtable([], schema=dict.fromkeys(names, "string"))
    lists = [_list(con, one) for one in found if one.record and not any(b.code == "list_missing" for b in one.breaches)]
    return ibis.union(empty, *lists) if lists else empty


def ids(found: Iterable[Frozen]) -> list[str]:
    return [one.campaign_id for one in found]


def shares(found: Iterable[Frozen]) -> dict[str, dict[str, float]]:
    """Share held out by campaign and tier, as asked for."""
    return {one.campaign_id: one.record.holdout_shares for one in found if one.record}


def breaches(found: Iterable[Frozen]) -> pd.DataFrame:
    """Table `campaign_breaches`."""
    columns = list(schema.TABLES["campaign_breaches"].columns)
    listed = [
        (one.campaign_id, b.code, b.field, b.frozen_value, b.found_value, one.record.snapshot if one.record else None)
        for one in found
        for b in one.breaches
    ]
    frame = pd.DataFrame(listed, columns=columns)
    return frame.astype({**dict.fromkeys(columns[:-1], "str"), columns[-1]: "datetime64[us]"})


def check(settings: Settings) -> list[str]:
    """What is wrong with the campaign plans beyond single cells, each as a sentence."""
    try:
        plans = registers.read(settings, "campaign_plans")
    except InputError:
        return []  # said where the registers are checked
    where = register_files.where(settings, "campaign_plans")
    pairs = [(row["campaign_id"][:60], problem) for row in plans.to_dict("records") for problem in _problems(row)]
    return [f"{where}: {name}: {problem}" for name, problem in pairs]


def _problems(plan: Mapping[Any, Any]) -> list[str]:
    days, share, least = (plan["end_date"] - plan["start_date"]).days + 1, plan["holdout_share"], plan["minimum_effect"]
    target, name = plan["effect_target"], plan["campaign_id"]
    is_rate = plan["kpi"] == "window_repurchase_rate"
    wrong = [
        (not frozen_files.NAME.fullmatch(name), "campaign_id names a file; use at most 40 letters, digits, - and _"),
        (days < 7, f"end_date {plan['end_date']:%Y-%m-%d} leaves no whole week; make it 7 days or more"),
        (share in (0, 1), f"holdout_share {share:g} leaves one arm empty; write a share between 0 and 1, such as 0.2"),
        (not target > 0, f"effect_target {target:g} is not above 0; write what the campaign is to add"),
        (is_rate and target >= 1, f"effect_target {target:g} is no share; write 5 points as 0.05"),
        (least <= 0 or least > target, f"minimum_effect {least:g} is not between 0 and effect_target {target:g}"),
    ]
    return [sentence for is_wrong, sentence in wrong if is_wrong]


def _read(file: Path, register: Mapping[Any, Mapping[Any, Any]]) -> Frozen:
    name, list_file = file.stem, file.with_suffix(".csv")
    try:
        if file.is_symlink() or file.stat().st_size > frozen_files.LARGEST or not frozen_files.NAME.fullmatch(name):
            raise ValueError(name)
        record, hashed = frozen_files.record(file.read_text(encoding="utf-8"))
    except (ValueError, KeyError, TypeError, AttributeError, OSError, yaml.YAMLError):
        return Frozen(name, None, list_file, (Breach("unreadable"),))
    edited = [] if hashed == record.plan_hash and record.plan["campaign_id"] == name else [Breach("plan_edited")]
    found = [*edited, *_list_breaches(list_file, record), *_time_breaches(record)]
    return Frozen(name, record, list_file, (*found, *frozen_files.changes(record.plan, register.get(name))))


def _list_breaches(file: Path, record: Record) -> list[Breach]:
    if file.is_symlink() or not file.is_file():
        return [Breach("list_missing")]
    found = frozen_files.sha256(file)
    return [] if found == record.list_hash else [Breach("list_edited", "", record.list_hash[:12], found[:12])]


def _time_breaches(record: Record) -> list[Breach]:
    late = record.snapshot >= record.during[0]
    lengths = [(end - start).days + 1 for start, end in (record.before, record.during)]
    sound = record.before[1] < record.during[0] and lengths[0] == lengths[1] > 0 and lengths[0] % 7 == 0
    found = [Breach("late_snapshot", "snapshot_date", str(record.snapshot), str(record.during[0]))] if late else []
    return found if sound else [*found, Breach("windows_differ", "", f"{lengths[0]}", f"{lengths[1]}")]


def _typed(row: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """A frozen row as one of the table, with what identifies the freeze."""
    days = {name for name in row if name in schema.COLUMNS and schema.COLUMNS[name].dtype == "date"}
    marks = {"plan_hash": record.plan_hash, "list_hash": record.list_hash}
    dated = {name: pd.Timestamp(value) if name in days and value else value for name, value in row.items()}
    named = {name: record.plan.get(name) for name in frozen_files.FROM_PLAN}
    return {**named, **dated, "snapshot_date": pd.Timestamp(record.snapshot), **marks}


def _list(con: Backend, one: Frozen) -> ir.Table:
    width = 4 if one.record and one.record.plan.get("drawn_by") else 3
    found = engine.read_csv(con, one.list_file, ",", width, 1)
    unit = found.c3.fill_null("") if width == 4 else ibis.literal("")
    return found.select(
        campaign_id=ibis.literal(one.campaign_id), customer_id=found.c0, tier=found.c1, arm=found.c2, drawn_unit=unit
    )
