"""Settings that were tried in a panel, kept as a params file beside the quarter's own, which stays as it is."""

from collections.abc import Iterator, Mapping
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
    """What would be written where; `text` is empty when there is nothing to write.

    difference: setting, its value as signed off, its value as tried. before: the text of an earlier explored file.
    """

    file: Path
    text: str
    difference: tuple[tuple[str, str, str], ...]
    before: str = ""

    @property
    def replaces(self) -> bool:
        """Whether an earlier explored file would be written over."""
        return bool(self.text and self.before)


def explored_file(settings: Settings) -> Path:
    """2017Q4.explored.yml beside 2017Q4.yml."""
    return settings.file.with_name(f"{settings.file.stem.split('.')[0]}.{VARIANT}.yml")


def propose(settings: Settings, change: Mapping[str, Any]) -> Proposal:
    """The explored file with `change` added to what it holds; InputError when the settings would not be valid."""
    file, own = explored_file(settings), _own_file(settings)
    before = file.read_text(encoding="utf-8") if file.is_file() else ""
    held = plain(params.load(file)) if before else {}  # an explored file that is not valid is named, not written over
    signed_off = plain(params.load(own) if own.is_file() else settings)
    tried = plain(_valid(settings, merged(held, change)))
    differs = differing(signed_off, tried)
    head = f"# {file.stem}: tried in 90_explore; only what differs from {own.name}.\n"
    text = head + yaml.safe_dump(differs, allow_unicode=True, sort_keys=False, default_flow_style=None, width=110)
    told = tuple((name, _brief(_at(signed_off, name)), _brief(value)) for name, value in _leaves(differs, signed_off))
    return Proposal(file, text if differs and text != before else "", told, before)


def write(proposal: Proposal) -> Path:
    """Write the proposal; only ever to an explored file."""
    file = proposal.file
    if not file.stem.endswith(f".{VARIANT}"):
        raise InputError(f"{file.name} is no explored file; settings that were tried go to *.{VARIANT}.yml")
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_text(proposal.text, encoding="utf-8")
        part.replace(file)
    except OSError as error:
        where = f"params/{file.parent.name}"
        raise InputError(f"{where}/{file.name} could not be written ({error.strerror}); is {where} yours?") from None
    return file


def command(file: Path) -> str:
    """How to run the quarter with an explored file; its results get a folder beside the signed-off ones."""
    return f"crm run params/{file.parent.name}/{file.name}"


def announcement(proposal: Proposal) -> dict[str, str]:
    """What stands above the difference, in both languages."""
    name, own = proposal.file.name, proposal.file.name.replace(f".{VARIANT}", "")
    if proposal.text:
        again = {"en": f" They are added to what the {name} that is there holds.",
                 "zh": f"已有的{name}中的其他设置保留。"}  # fmt: skip
        also = again if proposal.replaces else {"en": "", "zh": ""}
        return {
            "en": f"These settings would be written to {name}; {own} stays as it was signed off." + also["en"],
            "zh": f"以下设置将写入{name}；已确认的{own}保持不变。" + also["zh"],
        }
    if proposal.difference:
        return {"en": f"{name} already holds these settings; there is nothing to save.",
                "zh": f"{name}中已有这些设置，无需保存。"}  # fmt: skip
    stale = {"en": f" {name} still holds others; delete it if they are no longer wanted.",
             "zh": f"{name}中仍有其他设置，如不再需要请删除该文件。"}  # fmt: skip
    also = stale if proposal.before else {"en": "", "zh": ""}
    return {
        "en": f"Nothing differs from {own}; there is nothing to save." + also["en"],
        "zh": f"与{own}没有差异，无需保存。" + also["zh"],
    }


def told(file: Path, lang: str) -> Sentence:
    """What was written, how to run it, and where the results will be."""
    written, results = f"params/{file.parent.name}/{file.name}", f"outputs/{file.parent.name}/{file.stem}/"
    return narrative.say(
        {
            "en": f"Written: {written}. Its results will be in {results}; the signed-off ones stay as they are. "
            f"To run the quarter with it, type in a terminal: {command(file)}",
            "zh": f"已写入：{written}。其结果将位于{results}，已确认的结果保持不变。"
            f"按此设置运行本季度，请在终端输入：{command(file)}",
        },
        lang,
    )


def plain(settings: Settings) -> dict[str, Any]:
    """The settings as a params file would hold them, without the machine's paths."""
    return settings.model_dump(mode="json", exclude={"file"})


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Settings over others, as a params file lies over the default: mappings merge, the rest is replaced."""
    found = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
        found[key] = merged(found[key], value) if both else value
    return found


def differing(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """What of `now` a file over `then` must hold."""
    found = {}
    for key, value in now.items():
        if isinstance(value, Mapping) and isinstance(then.get(key), Mapping):
            if inner := differing(then[key], value):
                found[key] = inner
        elif key not in then or then[key] != value:
            found[key] = value
    return found


def _leaves(differs: Mapping[str, Any], then: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names of settings that differ; of the tier rules only those that do."""
    for key, value in differs.items():
        before = then.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            yield from _leaves(value, before, f"{prefix}{key}.")
        elif _has_names(value) and _has_names(before):
            yield from _leaves(differing(_named(before), _named(value)), _named(before), f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _at(settings: Mapping[str, Any], name: str) -> Any:
    """The value of a dotted name."""
    found: Any = settings
    for key in name.split("."):
        found = (_named(found) if _has_names(found) else found).get(key)
    return found


def _has_names(value: Any) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) and "tier" in item for item in value)
    )


def _named(rules: Any) -> dict[str, Any]:
    return {str(rule["tier"]): {key: value for key, value in rule.items() if key != "tier"} for rule in rules}


def _brief(value: Any) -> str:
    """A value as people write it: whole numbers without a point."""
    if isinstance(value, list):
        return "[" + ", ".join(_brief(item) for item in value) + "]"
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _own_file(settings: Settings) -> Path:
    return settings.file.with_name(f"{settings.file.stem.split('.')[0]}.yml")


def _valid(settings: Settings, held: Mapping[str, Any]) -> Settings:
    file = explored_file(settings)
    try:
        resolved = Settings.model_validate(merged(settings.model_dump(mode="json"), {**held, "file": file}))
    except ValidationError as error:
        raise InputError([f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]) from None
    tiers.check(resolved.segment.tiers)
    return resolved
