"""What a quarter's results are made of, written beside them, and whether a new run would give the same."""

import hashlib
import json
import platform
import re
import subprocess
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import requires, version
from itertools import chain
from pathlib import Path

from crmlib import order
from crmlib.errors import InputError
from crmlib.params import Settings
from crmlib.periods import Period

NAME = "manifest.json"
_LANGUAGES = ("en", "zh")
_KEY_HEX = 8  # enough to see that a key changed; 32 bits say nothing useful about one of 64 bits or more
_NOT_OF_A_RUN = re.compile(r"manifest\.json|weekly/.*|.*\.pdf|.*\.failed\.ipynb|(.*/)?\..*")

Origin = dict[str, object]


def folder(settings: Settings, out_dir: str | Path = "") -> Path:
    """Where the quarter's results are, as the store has it; known without loading the engine."""
    base = Path(out_dir).resolve() / settings.book_id if out_dir else settings.outputs_dir.parent
    return base / settings.file.stem


def read(results: Path) -> dict[str, object]:
    """The manifest of the last run that ended well, or nothing."""
    file = results / NAME
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def origin(settings: Settings, results: Path) -> Origin:
    """All that results depend on: equal origins give equal results, byte for byte."""
    return {
        "inputs": hashes(settings.data_dir),
        "params": settings.model_dump(mode="json", exclude={"file", "temp_folder", "keep_parts"}),
        "versions": _versions(),
        "code": _code(settings.file.parents[2] / "notebooks"),
        "earlier": _earlier(results, settings.period),
        "key": _key(settings),
    }


def stamp(
    settings: Settings,
    langs: list[str],
    notebooks: list[str],
    began: datetime,
    seconds: dict[str, float],
    made_of: Origin,
) -> dict[str, object]:
    """What went in and with which versions; the only output that knows the time."""
    return {
        "book": settings.book_id,
        "period": str(settings.period),
        "languages": sorted(langs),
        "notebooks": notebooks,
        "started_at": began.isoformat(timespec="seconds"),
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        **made_of,
        "git_commit": commit(settings.file.parents[2]),
    }


def as_json(content: Mapping[str, object]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def listed(last: Mapping[str, object], part: str) -> list[str]:
    """A list of the manifest, empty where it has none."""
    found = last.get(part)
    return [str(one) for one in found] if isinstance(found, list) else []


def is_of(last: Mapping[str, object], made_of: Origin) -> bool:
    """Whether the last run was made of exactly this."""
    return bool(last) and all(last.get(part) == value for part, value in made_of.items())


def unchanged_since(settings: Settings, lang: str, notebooks: tuple[str, ...], results: Path) -> str:
    """When the results were made, if a new run of these notebooks in this language would give the same; else ''.

    A database is never known to be unchanged. Files are compared by their hashes, what came in and what came out; pages
    without their links to neighbours, which any other run may renew.
    """
    last = read(results)
    wanted = set(_LANGUAGES if lang == "both" else (lang,))
    if (
        not wanted <= set(listed(last, "languages"))
        or listed(last, "notebooks") != list(notebooks)
        or any(source is not None and source.url for _name, source in settings.sources)
        or not is_of(last, origin(settings, results))
        or not _are_there(last, results)
    ):
        return ""
    return str(last["started_at"])


def _are_there(last: Mapping[str, object], results: Path) -> bool:
    found = last.get("outputs")
    return isinstance(found, dict) and all(
        (results / name).is_file() and _output(results / name) == was for name, was in found.items()
    )


def outputs(results: Path) -> dict[str, str]:
    """SHA-256 of each file that a run leaves in the quarter's folder."""
    files = sorted(file for file in results.rglob("*") if file.is_file())
    names = {file.relative_to(results).as_posix(): file for file in files}
    return {name: _output(file) for name, file in names.items() if not _NOT_OF_A_RUN.fullmatch(name)}


def _output(file: Path) -> str:
    if file.suffix != ".html":
        return _sha256(file)
    from crmlib.report import elsewhere

    page = elsewhere.LINE.sub("", file.read_text(encoding="utf-8"), count=1)
    return hashlib.sha256(page.encode()).hexdigest()


def hashes(data: Path) -> dict[str, str]:
    """SHA-256 of each file that a book's results are made from."""
    files = sorted(f for part in ("raw", "registers", "campaigns") for f in (data / part).rglob("*") if f.is_file())
    return {f.relative_to(data).as_posix(): _sha256(f) for f in files}


def _code(notebooks: Path) -> dict[str, str]:
    """A hash of the library, and one of each notebook of the batch."""
    library = Path(__file__).parent
    ours = sorted(f for f in library.rglob("*") if f.is_file() and "__pycache__" not in f.parts)
    batch = [notebooks / f"{name}.ipynb" for name in order.NOTEBOOKS]
    return {"crmlib": _together(ours, library)} | {f.stem: _sha256(f) for f in batch if f.is_file()}


def _earlier(results: Path, period: Period) -> dict[str, str]:
    """A hash of the tables of each earlier quarter of the book, which this one looks back at."""
    found = {}
    for tables in sorted(results.parent.glob("*/tables")):
        quarter = _quarter(tables.parent.name)
        if quarter and quarter < period:
            found[str(quarter)] = _together(sorted(tables.glob("*.parquet")), tables)
    return found


def _quarter(name: str) -> Period | None:
    try:
        return Period.parse(name)
    except InputError:
        return None


def _key(settings: Settings) -> str:
    """Whether the pseudonyms' key is the same can be seen from this, but not the key."""
    from crmlib.io import privacy

    try:
        secret = privacy.key(settings)
    except InputError:
        return ""
    return hashlib.sha256(f"manifest|{secret}".encode()).hexdigest()[:_KEY_HEX]


def _together(files: list[Path], root: Path) -> str:
    """One hash of files and their names."""
    told = chain.from_iterable((file.relative_to(root).as_posix(), _sha256(file)) for file in files)
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _versions() -> dict[str, str]:
    direct = [re.split(r"[^A-Za-z0-9._-]", line)[0] for line in requires("crmlib") or [] if "extra ==" not in line]
    return {"python": platform.python_version(), "crmlib": version("crmlib"), **{n: version(n) for n in sorted(direct)}}


def commit(root: Path) -> str | None:
    """The commit of the project, with `-dirty` when files differ from it; None outside git."""
    command = ["git", "--no-optional-locks", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40",
               "--exclude=*"]  # fmt: skip
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return found.stdout.strip() or None
