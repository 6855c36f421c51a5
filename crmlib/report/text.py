"""Every word of the report that is not computed, in both languages: `text.yml`."""

import functools
from pathlib import Path
from typing import Any

import yaml

_QUARTERS_ZH = ("一", "二", "三", "四")


def text(key: str, lang: str, **values: object) -> str:
    return _texts()[key][lang].format(**values)


def glossary(lang: str) -> list[tuple[str, str]]:
    """Terms and what they mean here."""
    return [tuple(entry[lang]) for entry in _texts()["meanings"]]


def quarter(period: object, lang: str) -> str:
    """ "2017Q4" as a reader says it."""
    year, _, number = str(period).partition("Q")
    return f"{year}年第{_QUARTERS_ZH[int(number) - 1]}季度" if lang == "zh" else f"Q{number} {year}"


@functools.cache
def _texts() -> dict[str, Any]:
    return yaml.safe_load((Path(__file__).parent / "text.yml").read_text(encoding="utf-8"))
