"""pyproject.toml, requirements.lock and environment.yml say the same; what set-up must have done."""

import importlib.util
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name


@pytest.fixture(scope="module")
def project(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def entries(root: Path) -> list[str]:
    """The lock's requirements, each with its continuation lines."""
    text = (root / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def here(entries: list[str]) -> dict[str, str]:
    """The locked version of each package that this machine needs."""
    parsed = [Requirement(entry.split(" --hash")[0]) for entry in entries]
    needed = [r for r in parsed if r.marker is None or r.marker.evaluate()]
    return {canonicalize_name(r.name): str(r.specifier).removeprefix("==") for r in needed}


def test_the_lock_satisfies_every_dependency(project: dict, entries: list[str]) -> None:
    locked = here(entries)
    wanted = [Requirement(text) for text in project["dependencies"] + project["optional-dependencies"]["dev"]]
    unmet = [str(r) for r in wanted if locked.get(canonicalize_name(r.name), "none") not in r.specifier]
    assert unmet == []


def test_every_lock_entry_is_pinned_with_hashes_and_names_no_index(entries: list[str]) -> None:
    pinned = re.compile(r"[A-Za-z0-9._-]+==[^ ;]+( ; .+?)?( +--hash=sha256:[0-9a-f]{64})+ *")
    assert [entry[:80] for entry in entries if not pinned.fullmatch(entry)] == []


def test_no_file_of_the_set_up_names_an_index(root: Path) -> None:
    """A registry's address would only work on some machines. The patterns are put together, so that this file has none."""
    files = ["pyproject.toml", "requirements.lock", "environment.yml", "Makefile", ".ci/run", ".pre-commit-config.yaml"]
    options, address = "|".join(("index" + "-url", "find" + "-links", "^-[if] ")), "https?" + "://"
    named = re.compile(f"{options}|{address}", re.MULTILINE)
    assert [name for name in files if named.search((root / name).read_text(encoding="utf-8"))] == []


def test_conda_users_get_the_same_versions(root: Path, project: dict) -> None:
    made = yaml.safe_load((root / "environment.yml").read_text(encoding="utf-8"))
    assert (made["name"], made["channels"]) == ("crm", ["conda-forge"])
    python, pip, section = made["dependencies"]
    assert SpecifierSet(project["requires-python"]).contains(python.removeprefix("python=") + ".0")
    assert (pip, section) == ("pip", {"pip": ["-r requirements.lock"]})


def test_what_is_installed_is_what_is_locked(entries: list[str]) -> None:
    assert {name: version(name) for name in here(entries)} == here(entries)


def test_set_up_has_compiled_bytecode() -> None:
    """Without it each notebook's imports take three times as long; also where PYTHONDONTWRITEBYTECODE is set."""
    modules = ["pandas.core.frame", "ibis.expr.types.relations", "sklearn.cluster._kmeans", "papermill.execute"]
    sources = [Path(str(importlib.util.find_spec(name).origin)) for name in modules]  # type: ignore[union-attr]
    assert [s.name for s in sources if not Path(importlib.util.cache_from_source(str(s))).is_file()] == []
