"""YAML as data, read by libyaml where it is there: the same values, in a tenth of the time."""

from typing import Any

import yaml

_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(text: str) -> Any:
    """What a text says; raises yaml.YAMLError."""
    return yaml.load(text, _LOADER)  # noqa: S506 - both are safe loaders
