"""A new book: commented settings, data folders that say what to put there, registers with one example row each."""

import csv
import io
import re
import secrets
from importlib import resources
from pathlib import Path
from string import Template

from crmlib import schema
from crmlib.errors import InputError
from crmlib.periods import Period


def create(root: Path, book: str, period: str) -> list[str]:
    """Write the files of a book below the project's folder `root`; returns what to do next, line by line."""
    quarter = Period.parse(period)
    problems = _problems(root, book)
    if problems:
        raise InputError(problems)
    words = {"book": book, "period": str(quarter), "start": quarter.start.isoformat()}
    files = {
        f"params/{book}/default.yml": _filled("default.yml", words),
        f"params/{book}/{quarter}.yml": f"# {quarter}: only what differs from default.yml.\n",
        f"data/{book}/raw/README.md": _filled("raw.md", words),
        f"data/{book}/pseudonym.key": f"{secrets.token_hex(24)}\n",
        **{f"data/{book}/registers/{name}.csv": _example(name) for name in schema.REGISTERS},
    }
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return _next_steps(book, quarter)


def _problems(root: Path, book: str) -> list[str]:
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", book):
        return [f"'{book}' cannot name a book; take small letters, digits, - and _, and begin with a letter"]
    if not (root / "notebooks").is_dir():
        return [f"{root} is not the project's folder (it has no notebooks/); go there and start crm again"]
    taken = [folder for folder in (f"params/{book}", f"data/{book}") if (root / folder).exists()]
    return [f"{folder} exists already and is left as it is; take another name or remove it" for folder in taken]


def _filled(name: str, words: dict[str, str]) -> str:
    return Template(resources.files(__package__).joinpath(name).read_text(encoding="utf-8")).substitute(words)


def _example(name: str) -> str:
    """A register with its header and one row, marked as illustrative; the mark makes spreadsheets read it as UTF-8."""
    register, text = schema.REGISTERS[name], io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([register.columns, register.illustrated])
    return "\ufeff" + text.getvalue()


def _next_steps(book: str, quarter: Period) -> list[str]:
    return [
        f"book '{book}' is ready:",
        f"  params/{book}/default.yml   every setting, explained",
        f"  params/{book}/{quarter}.yml    what differs in {quarter}; copy it under the next quarter's name later",
        f"  data/{book}/raw/            your exports; README.md there says which",
        f"  data/{book}/registers/      tables kept by hand, each with an example row that counts for nothing",
        f"  data/{book}/pseudonym.key   turns customer ids into pseudonyms: keep it, keep it secret, not in git",
        "next:",
        f"  1. put your order lines into data/{book}/raw/",
        f"  2. crm map data/{book}/raw/FILE proposes `sources` for params/{book}/default.yml: check, paste",
        f"  3. set names, currency, anchors and budget in params/{book}/default.yml",
        f"  4. crm check params/{book}/{quarter}.yml",
        f"  5. crm run params/{book}/{quarter}.yml",
    ]
