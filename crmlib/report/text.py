"""Every word of the report that is not computed, in both languages: `text.yml`; the method notes in `methods.yml`."""

import functools
from pathlib import Path
from typing import Any

from crmlib import yml

_HERE = Path(__file__).parent


def text(key: str, lang: str, **values: object) -> str:
    return _texts()[key][lang].format(**values)


def glossary(lang: str) -> list[tuple[str, str]]:
    """Terms and what they mean here."""
    return [tuple(entry[lang]) for entry in _texts()["meanings"]]


def methods(lang: str) -> list[tuple[str, str]]:
    """How the figures are made, with the sources of the formulas."""
    return [tuple(entry[lang]) for entry in _methods()]


def quarter(period: object, lang: str) -> str:  # noqa: ARG001 - the same in every language
    """A quarter has one name in text, tables, charts and file names: "2017Q4"."""
    return str(period)


@functools.cache
def _texts() -> dict[str, Any]:
    return yml.read((_HERE / "text.yml").read_text(encoding="utf-8"))


@functools.cache
def _methods() -> list[dict[str, Any]]:
    return yml.read((_HERE / "methods.yml").read_text(encoding="utf-8"))
