"""The sample's settings in a folder that may be written to, for tests of what is tried on them."""

from pathlib import Path

import pytest

from crmlib import params

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def book(tmp_path: Path) -> params.Settings:
    """The sample's settings in a folder that may be written to."""
    folder = tmp_path / "params" / "sample"
    folder.mkdir(parents=True)
    for name in ("default.yml", "2017Q4.yml"):
        (folder / name).write_text((ROOT / "params/sample" / name).read_text(encoding="utf-8"), encoding="utf-8")
    return params.load(folder / "2017Q4.yml")
