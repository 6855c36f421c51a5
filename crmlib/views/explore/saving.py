"""Settings that were tried in a panel, kept as a params file beside the quarter's own, which stays as it is."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from crmlib import params
from crmlib.errors import InputError
from crmlib.params import Settings
from crmlib.segment import tiers
from crmlib.views import narrative
from crmlib.views.narrative import Sentence

VARIANT = "explored"


@dataclass(frozen=True)
class Proposal:
    """What would be written where; `text` is empty when nothing differs from the quarter's settings.

    difference: the resolved settings, signed off and proposed. replaces: an earlier explored file is there.
    """

    file: Path
    text: str
    difference: str
    replaces: bool


def explored_file(settings: Settings) -> Path:
    """2017Q4.explored.yml beside 2017Q4.yml."""
    return settings.file.with_name(f"{settings.file.stem.split('.')[0]}.{VARIANT}.yml")


def propose(settings: Settings, change: Mapping[str, Any]) -> Proposal:
    """The explored file with `change` added to what it holds; InputError when the settings would not be valid."""
    file = explored_file(settings)
    before = _held(file)
    held = merged(before, change)
    resolved = _valid(settings, held)
    signed_off = params.load(own) if (own := _own_file(settings)).is_file() else settings
    lines = difflib.unified_diff(
        params.dump(signed_off).splitlines(), params.dump(resolved).splitlines(), own.name, file.name, lineterm="", n=2
    )
    difference = "\n".join(lines)
    head = f"# {file.stem}: tried in 90_explore; only what differs from {own.name}.\n"
    text = head + yaml.safe_dump(held, allow_unicode=True, sort_keys=False) if difference else ""
    return Proposal(file, text, difference, replaces=file.is_file() and bool(text))


def write(proposal: Proposal) -> Path:
    """Write the proposal; only ever to an explored file."""
    if not proposal.file.stem.endswith(f".{VARIANT}"):
        raise InputError(f"{proposal.file.name} is no explored file; settings that were tried go to *.{VARIANT}.yml")
    part = proposal.file.with_name(f".{proposal.file.name}.part")
    part.write_text(proposal.text, encoding="utf-8")
    part.replace(proposal.file)
    return proposal.file


def command(file: Path) -> str:
    """How to run the quarter with an explored file, without touching the signed-off results."""
    return f"crm run params/{file.parent.name}/{file.name} --out outputs/{VARIANT}"


def announcement(proposal: Proposal) -> dict[str, str]:
    """What stands above the difference, in both languages."""
    name, own = proposal.file.name, proposal.file.name.replace(f".{VARIANT}", "")
    if not proposal.text:
        return {"en": f"Nothing differs from {own}; there is nothing to save.", "zh": f"与{own}没有差异，无需保存。"}
    again = {"en": f" It replaces the {name} that is there.", "zh": f"将替换已有的{name}。"}
    also = again if proposal.replaces else {"en": "", "zh": ""}
    return {
        "en": f"These settings would be written to {name}; {own} stays as it was signed off." + also["en"],
        "zh": f"以下设置将写入{name}；已确认的{own}保持不变。" + also["zh"],
    }


def told(file: Path, lang: str) -> Sentence:
    """What was written, and how to run it."""
    return narrative.say(
        {
            "en": f"Written: params/{file.parent.name}/{file.name}. To run the quarter with it: {command(file)}",
            "zh": f"已写入：params/{file.parent.name}/{file.name}。按此设置运行本季度：{command(file)}",
        },
        lang,
    )


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Settings over others, as a params file lies over the default: mappings merge, the rest is replaced."""
    found = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
        found[key] = merged(found[key], value) if both else value
    return found


def _own_file(settings: Settings) -> Path:
    return settings.file.with_name(f"{settings.file.stem.split('.')[0]}.yml")


def _held(file: Path) -> dict[str, Any]:
    found = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else None
    return found if isinstance(found, dict) else {}


def _valid(settings: Settings, held: Mapping[str, Any]) -> Settings:
    file = explored_file(settings)
    try:
        resolved = Settings.model_validate(merged(settings.model_dump(mode="json"), {**held, "file": file}))
    except ValidationError as error:
        raise InputError([f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]) from None
    tiers.check(resolved.segment.tiers)
    return resolved
