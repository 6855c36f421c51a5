"""The two files of a frozen campaign: how they are written, once, and how a plan is read from its text."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pandas as pd
import yaml

from crmlib.errors import InputError
from crmlib.params import Settings

BINDING = ("strategy_id", "action_id", "tiers", "channel", "kpi", "effect_target", "minimum_effect", "start_date",
           "end_date", "holdout_share", "drawn_by")  # fmt: skip
"""What may not change once frozen; a campaign's name, owner and provenance may."""
FROM_PLAN = ("campaign_id", "strategy_id", "action_id", "campaign", "campaign_zh", "channel", "channel_zh", "kpi",
             "drawn_by", "owner", "provenance")  # fmt: skip
"""What the rows of a design repeat from their plan."""
NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_LATER = ("campaign_state", "snapshot_date", "plan_hash", "list_hash")
_FORMAT = 1
LARGEST = 1_000_000
_ABOUT = """# Campaign {id}, frozen from the results of {snapshot}. Do not edit: a change is found by its hash, and then
# the review takes the campaign as one without a hold-out. The list is {id}.csv.
"""


@dataclass(frozen=True)
class Breach:
    """One thing that no longer holds; `code` is a word of the schema."""

    code: str
    field: str = ""
    frozen_value: str = ""
    found_value: str = ""


@dataclass(frozen=True)
class Record:
    """A plan as it was frozen: the register's row, the windows (first and last day), a row per tier and one for all."""

    plan: Mapping[str, Any]
    snapshot: date
    before: tuple[date, date]
    during: tuple[date, date]
    rows: tuple[Mapping[str, Any], ...]
    plan_hash: str
    list_hash: str

    @property
    def holdout_shares(self) -> dict[str, float]:
        """Share held out by tier, as asked for."""
        return {row["tier"]: float(row["holdout_share"]) for row in self.rows if row["tier"] != "all"}


def folder_of(settings: Settings) -> Path:
    return settings.data_dir / "campaigns"


def write(settings: Settings, plan: Mapping[Any, Any], designs: pd.DataFrame, drawn: ir.Table) -> bool:
    """Freeze one campaign from its row of the register, its designs and its list; False when it is frozen already.

    Raises when another plan or list is frozen under the same id, and writes nothing then.
    """
    name = str(plan["campaign_id"])
    folder, where = folder_of(settings), f"data/{settings.book_id}/campaigns"
    if not NAME.fullmatch(name):
        raise InputError(f"campaign_id '{name[:60]}' cannot name a file; use letters, digits, - and _")
    if folder.parent.resolve() / folder.name != folder.resolve():
        raise InputError(f"{where} is a link to another place; make it a folder of its own")
    folder.mkdir(parents=True, exist_ok=True)
    plan_file, list_file, part = (folder / f"{name}{end}" for end in (".yml", ".csv", ".part"))
    links = [file.name for file in (plan_file, list_file, part) if file.is_symlink()]
    if links:
        raise InputError([f"{where}/{link} is a link; remove it and freeze again" for link in links])
    try:
        _write_list(drawn, part, with_units=bool(plan["drawn_by"]))
        content = _document(settings, plan, designs, sha256(part))
        _refuse_other(settings, plan_file, list_file, content, part)
        if plan_file.exists():
            return False
        part.replace(list_file)
        part.write_text(content, encoding="utf-8")
        part.replace(plan_file)
    finally:
        part.unlink(missing_ok=True)
    return True


def record(text: str) -> tuple[Record, str]:
    """What a file says, and the hash that it should have."""
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
        raise ValueError("an alias can unfold to any size")
    said = yaml.safe_load(text)
    plan_hash = str(said.pop("plan_sha256"))
    before, during = ((date.fromisoformat(a), date.fromisoformat(b)) for a, b in (said["before"], said["during"]))
    rows = tuple(dict(row) for row in said["tiers"])
    if not all({"tier", "holdout_share", "eligible"} <= row.keys() for row in rows):
        raise ValueError("tiers")
    snapshot = date.fromisoformat(said["snapshot"])
    return Record(dict(said["plan"]), snapshot, before, during, rows, plan_hash, str(said["list_sha256"])), _hash(said)


def changes(plan: Mapping[str, Any], row: Mapping[Any, Any] | None) -> list[Breach]:
    """Binding fields that read otherwise in the register now."""
    if row is None:
        return [Breach("register_missing")]
    now = _values(row)
    pairs = {name: (_shown(plan.get(name)), _shown(now.get(name))) for name in BINDING}
    return [Breach("register_changed", name, was, found) for name, (was, found) in pairs.items() if was != found]


def _refuse_other(settings: Settings, plan_file: Path, list_file: Path, content: str, drawn: Path) -> None:
    """Raise when what is there differs from what would be written."""
    where = f"data/{settings.book_id}/campaigns/{plan_file.name}"
    if plan_file.exists() and plan_file.read_text(encoding="utf-8") != content:
        raise InputError(_differs(where, plan_file.read_text(encoding="utf-8"), content))
    if list_file.exists() and list_file.read_bytes() != drawn.read_bytes():
        raise InputError(
            f"data/{settings.book_id}/campaigns/{list_file.name} holds another list; if nobody has been contacted yet, "
            f"remove it and freeze again, else give the plan a new campaign_id"
        )


def _differs(where: str, there: str, content: str) -> str:
    """Why a frozen plan is not written again, with the field that changed where there is one."""
    cure = "undo the change, or give the changed plan a new campaign_id"
    try:
        old, new = record(there)[0], record(content)[0]
    except (ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError):
        return f"{where} cannot be read; bring it back from your backup or version control"
    found = changes(old.plan, new.plan)
    said = [f"{b.field} was {b.frozen_value or 'blank'} and is {b.found_value or 'blank'}" for b in found]
    if not said:
        said = ["the draw from these results differs, because data or settings changed"]
        cure = "keep what was frozen, or give the plan a new campaign_id"
    return f"{where} was frozen on {old.snapshot} and is not rewritten: {'; '.join(said)}; {cure}"


def _document(settings: Settings, plan: Mapping[Any, Any], designs: pd.DataFrame, list_hash: str) -> str:
    """The file of a plan; the last line is the hash of all that stands before it."""
    first = designs.iloc[0]
    start, end = first["start_date"].date(), first["end_date"].date()
    before = start - timedelta(days=(end - start).days + 1), start - timedelta(days=1)
    dropped = list({*FROM_PLAN, *_LATER} & {*designs.columns})
    said: dict[str, Any] = {
        "format": _FORMAT,
        "plan": _values(plan),
        "snapshot": settings.period.as_of.isoformat(),
        "before": [day.isoformat() for day in before],
        "during": [start.isoformat(), end.isoformat()],
        "tiers": [_values(row) for row in designs.drop(columns=dropped).to_dict("records")],
        "list_sha256": list_hash,
    }
    said["plan_sha256"] = _hash(said)
    about = _ABOUT.format(id=plan["campaign_id"], snapshot=said["snapshot"])
    return about + yaml.safe_dump(said, allow_unicode=True, sort_keys=False, width=10_000)


def _values(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row in types that JSON knows: days as ISO text, what is missing as null, tiers in one order."""
    plain = {str(name): _plain(value) for name, value in row.items()}
    if isinstance(plain.get("tiers"), str):
        plain["tiers"] = "; ".join(sorted({part.strip() for part in plain["tiers"].split(";") if part.strip()}))
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, str) or value is None:
        return value
    if pd.isna(value):
        return None
    if isinstance(value, date):
        return value.isoformat()[:10]
    return value.item() if hasattr(value, "item") else value


def _shown(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _hash(said: Mapping[str, Any]) -> str:
    """SHA-256 of canonical JSON: sorted keys, no spaces, UTF-8."""
    text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _write_list(drawn: ir.Table, file: Path, *, with_units: bool) -> None:
    columns = ["customer_id", "tier", "arm", *(["drawn_unit"] if with_units else [])]
    drawn.select(columns).order_by("customer_id").to_csv(file)
