"""One quarter from one command: the notebooks in order, then the report, the workbook and the manifest."""

import hashlib
import json
import platform
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import requires, version
from pathlib import Path
from typing import Literal

from crmlib import execute, params, schema, warm
from crmlib.errors import InputError
from crmlib.io import actions_back, frozen, registers, reviews_back, series, sources, staging, store, tags_back
from crmlib.params import Settings

NOTEBOOKS = {
    "10_collect": "collect",
    "15_feedback": "collect",
    "20_segment": "segment",
    "22_profile": "segment",
    "25_value_risk": "segment",
    "30_market": "market",
    "32_demand": "market",
    "34_position": "market",
    "40_strategy": "strategy",
    "42_campaigns": "strategy",
    "43_resources": "strategy",
    "44_actions": "strategy",
    "45_weekly": "strategy",
    "50_review": "review",
    "52_effects": "review",
    "54_standards": "review",
}
"""Each notebook of the batch and the step it belongs to, in the order in which they run."""
LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Progress:
    """Where a run is: `cell` of `cells` of a notebook starts (0: the notebook starts), or the notebook is done."""

    notebook: str
    cell: int
    cells: int
    seconds: float
    done: bool = False


Reporter = Callable[[Progress], None]


class StepFailed(Exception):  # noqa: N818 - it says what happened
    """A notebook stopped; `partial` is the copy that shows how far it came."""

    def __init__(self, notebook: str, stopped: execute.Stopped, partial: Path):
        self.notebook, self.cell, self.line, self.partial = notebook, stopped.cell, stopped.line, partial
        self.message = stopped.message
        super().__init__(f"{notebook} stopped in cell {stopped.cell} ({stopped.line}): {stopped.message}")


@dataclass(frozen=True)
class _Plan:
    settings: Settings
    langs: tuple[str, ...]
    out_dir: str
    store: store.Store
    notebooks: tuple[str, ...]
    before: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return self.settings.file.parents[2] / "notebooks"

    @property
    def params_file(self) -> str:
        return f"params/{self.settings.book_id}/{self.settings.file.name}"


def silent(_progress: Progress) -> None:
    """The reporter that says nothing."""


def run(  # noqa: PLR0913 - the options of the command
    params_file: str | Path,
    lang: Literal["en", "zh", "both"] = "en",
    first_step: str = "collect",
    last_step: str = "review",
    out_dir: str | Path = "",
    reporter: Reporter = silent,
    *,
    isolated: bool = False,
) -> Path:
    """Run the steps from `first_step` to `last_step` of one quarter; returns the (first) report's path.

    Tables have no language; notebooks, figures, report and workbook are kept apart by language. Raises InputError
    before anything runs, StepFailed when a notebook stops. `isolated` starts each kernel anew instead of forking it
    from a process that has done the imports: slower, the same results.
    """
    began, settings = datetime.now(UTC), params.load(params_file)
    isolated = isolated or not warm.can_fork()
    if not isolated:
        warm.start_server()  # imports while the inputs are checked
    plan = _plan(settings, lang, first_step, last_step, out_dir)
    problems = _problems(plan)
    if problems:
        raise InputError(problems)
    inputs = hashes(settings.data_dir)
    made_of = origin(settings, inputs)
    others = _others(plan, made_of)
    _forget(plan, others)
    plan.store.write("params.yml", params.dump(settings))
    seconds = {name: _notebook(plan, name, reporter, isolated=isolated) for name in plan.notebooks}
    seconds["report"] = _report(plan, made_of)
    stamped = manifest(settings, [*plan.langs, *others], began, seconds, made_of)
    plan.store.write("manifest.json", _json(stamped))
    return plan.store.folder / f"report.{plan.langs[0]}.html"


def check(params_file: str | Path) -> tuple[list[str], list[str]]:
    """Every problem of a quarter's inputs as a sentence, and what was looked at."""
    settings = params.load(params_file)
    problems = _kept_by_people(settings) + staging.check(settings)
    there = [name for name in schema.REGISTERS if registers.file(settings, name).is_file()]
    return problems, [
        f"sources: {', '.join(sources.named(settings))}",
        f"registers: {', '.join(there) or 'none'}",
    ]


def _kept_by_people(settings: Settings) -> list[str]:
    """Every problem in registers, tags that came back from Excel, and series."""
    return (
        registers.check(settings)
        + frozen.check(settings)
        + actions_back.check(settings)
        + reviews_back.check(settings)
        + tags_back.check(settings)
        + series.check(settings)
    )


def _plan(settings: Settings, lang: str, first_step: str, last_step: str, out_dir: str | Path) -> _Plan:
    if lang not in (*LANGUAGES, "both"):
        raise InputError(f"language '{lang}' is not known; take en, zh or both")
    for step in (first_step, last_step):
        if step not in schema.STEPS:
            raise InputError(f"'{step}' is no step; the steps are {', '.join(schema.STEPS)}")
    first, last = schema.STEPS.index(first_step), schema.STEPS.index(last_step)
    if first > last:
        raise InputError(f"step '{first_step}' comes after step '{last_step}'; exchange --from and --to")
    there = [name for name in NOTEBOOKS if (settings.file.parents[2] / "notebooks" / f"{name}.ipynb").is_file()]
    at = {name: schema.STEPS.index(NOTEBOOKS[name]) for name in there}
    return _Plan(
        settings,
        LANGUAGES if lang == "both" else (lang,),
        str(Path(out_dir).resolve()) if out_dir else "",
        store.open_store(settings, out_dir),
        tuple(name for name in there if first <= at[name] <= last),
        tuple(name for name in there if at[name] < first),
    )


def _problems(plan: _Plan) -> list[str]:
    if not plan.notebooks:
        return [f"{plan.folder} has no notebook to run; give the params file inside the project's params/ folder"]
    problems = [problem for lang in plan.langs for name in plan.before if (problem := _not_ready(plan, name, lang))]
    problems += _kept_by_people(plan.settings)
    return problems if plan.before else problems + staging.check(plan.settings)


def _not_ready(plan: _Plan, name: str, lang: str) -> str:
    """Why an earlier step's results cannot be built on, or nothing."""
    step, file = NOTEBOOKS[name], plan.store.folder / f"notebooks/{lang}/{name}.ipynb"
    first = f"run `crm run {plan.params_file} --lang {lang}` without --from first"
    tables = [table for table in schema.TABLES if schema.step_of(table) == step]
    if not file.is_file() or (tables and not any(plan.store.has(table) for table in tables)):
        return f"{plan.settings.period} has no results of {name} (step {step}) in language '{lang}' yet; {first}"
    return ""


def _others(plan: _Plan, made_of: dict[str, object]) -> list[str]:
    """The languages whose stored pages stay true: the last run was made of exactly what this one is made of."""
    file = plan.store.folder / "manifest.json"
    last = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    same = all(last.get(key) == value for key, value in made_of.items())
    return [lang for lang in last.get("languages", []) if same and lang not in plan.langs]


def _forget(plan: _Plan, others: list[str]) -> None:
    """Remove what this run makes anew and what depends on it, so that no page mixes two runs."""
    later = schema.STEPS[schema.STEPS.index(NOTEBOOKS[plan.notebooks[0]]) :]
    stale = ["manifest.json"] + [f"tables/{table}.parquet" for table in schema.TABLES if schema.step_of(table) in later]
    for lang in LANGUAGES:
        if lang not in others:
            again = later if lang in plan.langs else schema.STEPS
            stale += [
                f"report.{lang}.html",
                f"report.{lang}.pdf",
                f"deliverables.{lang}.xlsx",
                f"registers.{lang}.xlsx",
            ]
            stale += [
                f"notebooks/{lang}/{name}{end}.ipynb"
                for name, step in NOTEBOOKS.items()
                if step in again
                for end in ("", ".failed")
            ]
    plan.store.remove(stale)


def _notebook(plan: _Plan, name: str, reporter: Reporter, *, isolated: bool) -> float:
    """Run one notebook in each language and keep the copies; returns the seconds it took.

    Sentences and figures are made where the results are, so a second language runs the notebook again: it stores the
    same tables, byte for byte.
    """
    return sum(_in_language(plan, name, lang, reporter, isolated=isolated) for lang in plan.langs)


def _in_language(plan: _Plan, name: str, lang: str, reporter: Reporter, *, isolated: bool) -> float:
    source, began = plan.folder / f"{name}.ipynb", time.perf_counter()
    parameters = {"params_file": str(plan.settings.file), "lang": lang, "out_dir": plan.out_dir}

    def on_cell(cell: int, cells: int) -> None:
        reporter(Progress(name, cell, cells, time.perf_counter() - began))

    on_cell(0, execute.cells(source))
    try:
        executed = execute.execute(source, parameters, on_cell, isolated=isolated)
    except execute.Stopped as stopped:
        raise StepFailed(name, stopped, _keep(plan, f"{name}.failed", lang, stopped.partial)) from None
    _keep(plan, name, lang, executed)
    plan.store.shelve_figures(lang)
    seconds = time.perf_counter() - began
    reporter(Progress(name, len(executed.cells), len(executed.cells), seconds, done=True))
    return seconds


def _keep(plan: _Plan, name: str, lang: str, notebook: execute.NotebookNode) -> Path:
    return plan.store.write(f"notebooks/{lang}/{name}.ipynb", execute.kept(notebook, plan.params_file, lang))


def _report(plan: _Plan, made_of: dict[str, object]) -> float:
    """Build what leadership opens, from this run's notebooks and those it builds on; returns the seconds it took."""
    from crmlib.report import excel, excel_registers, pages

    began, facts = time.perf_counter(), pages.facts(made_of)
    for lang in plan.langs:
        plan.store.write(f"deliverables.{lang}.xlsx", excel.build(plan.store, lang, facts))
        names = excel_registers.without_customers()
        plan.store.write(f"registers.{lang}.xlsx", excel_registers.build(plan.settings, lang, names))
    for lang in plan.langs:
        notebooks = [plan.store.folder / f"notebooks/{lang}/{name}.ipynb" for name in (*plan.before, *plan.notebooks)]
        pages.write(plan.store, notebooks, lang, facts)
    return time.perf_counter() - began


def origin(settings: Settings, inputs: dict[str, str]) -> dict[str, object]:
    """What results are made of: equal origins give equal results."""
    return {
        "inputs": inputs,
        "params": settings.model_dump(mode="json", exclude={"file"}),
        "versions": _versions(),
        "git_commit": _commit(settings.file.parents[2]),
    }


def manifest(
    settings: Settings, langs: list[str], began: datetime, seconds: dict[str, float], made_of: dict[str, object]
) -> dict[str, object]:
    """What went in and with which versions; the only output that knows the time."""
    return {
        "book": settings.book_id,
        "period": str(settings.period),
        "languages": sorted(langs),
        "started_at": began.isoformat(timespec="seconds"),
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        **made_of,
    }


def hashes(data: Path) -> dict[str, str]:
    """SHA-256 of each file that a book's results are made from."""
    files = sorted(f for folder in ("raw", "registers", "campaigns") for f in (data / folder).rglob("*") if f.is_file())
    return {f.relative_to(data).as_posix(): _sha256(f) for f in files}


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _versions() -> dict[str, str]:
    direct = [re.split(r"[^A-Za-z0-9._-]", line)[0] for line in requires("crmlib") or [] if "extra ==" not in line]
    return {"python": platform.python_version(), "crmlib": version("crmlib"), **{n: version(n) for n in sorted(direct)}}


def _commit(root: Path) -> str | None:
    """The commit of the project, with `-dirty` when files differ from it; None outside git."""
    command = [
        "git",
        "--no-optional-locks",
        "-C",
        str(root),
        "describe",
        "--always",
        "--dirty",
        "--abbrev=40",
        "--exclude=*",
    ]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return found.stdout.strip() or None


def _json(content: Mapping[str, object]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"
