"""The corpus of messy inputs; `python tests/bad_inputs.py` writes it, with what the door says, to docs/bad_inputs.md."""

import tempfile
from pathlib import Path

import bad_files
import bad_texts
from bad_case import Case

from crmlib.errors import InputError
from crmlib.io import engine, registers, staging

CASES = bad_texts.CASES + bad_files.CASES
PAGE = Path(__file__).resolve().parents[1] / "docs/bad_inputs.md"
ABOUT = """# What becomes of messy input

Every row of a file is accepted, set aside with a reason, or the whole source is refused with a sentence; nothing is lost and
nothing crashes. Each line below is a test (`tests/test_bad_inputs.py`); this page is written by `python tests/bad_inputs.py`.

| kind | input | outcome | what it says |
|---|---|---|---|
"""


def line(case: Case, said: list[str]) -> str:
    """A case as a line of the page; `said` are the sentences about its first row set aside, or its refusal."""
    reasons = sorted({reason for _row, _field, reason in case.aside})
    outcome = "refused" if case.refused else f"set aside: {', '.join(reasons)}" if reasons else "accepted"
    shown = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in " ".join(said[:1])[:300])
    cells = [case.kind, case.name, outcome, shown.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")]
    return f"| {' | '.join(cells)} |\n"


def told(case: Case, root: Path) -> list[str]:
    """What the door says of a case in a book below `root`."""
    try:
        found = case.settings(root)
        problems = registers.check(found)
        result = staging.stage(engine.connect(found), found)
        rows = engine.frame(result.quarantine.order_by("row")).itertuples()
        return problems or [staging.sentence(row, found) for row in rows]
    except InputError as error:
        return error.problems


def write() -> None:
    """Run every case and write the page."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [line(case, told(case, Path(folder) / str(n))) for n, case in enumerate(CASES)]
    PAGE.write_text(ABOUT + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    write()
