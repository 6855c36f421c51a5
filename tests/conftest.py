"""What several tests use: a small book of their own, the sample's batch run once, the acceptance data."""

import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

# See crmlib/execute.py: saves 1.7 s wherever a test imports nbformat.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

from crmlib import params  # noqa: E402
from crmlib.io import new_book  # noqa: E402

# The same examples each time, and no time limit of their own: a slow machine is no fault.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def acceptance_data() -> Path:
    """Real data that is too large for the repository: the folder CRM_ACCEPTANCE_DATA, or ../shared/data."""
    folder = Path(os.environ.get("CRM_ACCEPTANCE_DATA", ROOT / "../shared/data"))
    if not folder.is_dir():
        pytest.skip(f"no acceptance data in {folder}; set CRM_ACCEPTANCE_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`sample_run("en")`: the results folder of the sample's latest quarter, run once per language and session."""

    @cache
    def results(lang: str) -> Path:
        from crmlib import run

        latest = max((ROOT / "params/sample").glob("????Q?.yml"))
        return run.run(latest, lang, out_dir=tmp_path_factory.mktemp(f"sample-{lang}")).parent

    return results


@pytest.fixture
def shop(tmp_path: Path) -> params.Settings:
    """A new book, as `crm new shop` makes it, in a project folder of its own whose path is not plain ASCII."""
    folder = tmp_path / "一 project"
    (folder / "notebooks").mkdir(parents=True)
    new_book.create(folder, "shop", "2024Q1")
    return params.load(folder / "params/shop/2024Q1.yml")
