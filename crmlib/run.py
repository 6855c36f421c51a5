"""One quarter from one command: the notebooks in order, then the report, the workbook and the manifest."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from crmlib import execute, lock, manifest, order, params, schema, warm
from crmlib.errors import InputError
from crmlib.io import actions_back, frozen, registers, reviews_back, series, staging, store, tags_back
from crmlib.order import NOTEBOOKS
from crmlib.params import Settings

LANGUAGES = ("en", "zh")
SMALL = 1 << 28
"""Bytes of raw files up to which notebooks run side by side; beyond, one engine has all processors and the memory."""
_MOST_AT_ONCE = 4  # the notebooks' order never leaves more to do at a time
_A_LOOK = 0.05  # seconds between two looks at what the running notebooks have stored


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


@dataclass(frozen=True)
class _Kernels:
    """How notebooks are run: started anew or forked, told to whom, and when to give up."""

    reporter: Reporter
    stopping: threading.Event
    isolated: bool


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
    share: int = 1,
) -> Path:
    """Run the steps from `first_step` to `last_step` of one quarter; returns the (first) report's path.

    Tables have no language; notebooks, figures, report and workbook are kept apart by language. Raises InputError
    before anything runs, StepFailed when a notebook stops. `isolated` starts each kernel anew instead of forking it
    from a process that has done the imports: slower, the same results. `share`: how many runs share this machine.
    """
    began, settings = datetime.now(UTC), params.load(params_file)
    isolated = isolated or not warm.can_fork()
    if not isolated:
        warm.start_server()  # imports while the inputs are checked
    plan = _plan(settings, lang, first_step, last_step, out_dir)
    problems = _problems(plan)
    if problems:
        raise InputError(problems)
    with lock.held(plan.store.folder.parent):
        made_of = manifest.origin(settings, plan.store.folder)
        others, known = _still_true(plan, made_of)
        _forget(plan, others)
        plan.store.write("params.yml", params.dump(settings))
        seconds = _all(plan, reporter, isolated=isolated, slots=_slots(settings, share))
        seconds["report"] = _report(plan, made_of, forked=not isolated)
        stamped = manifest.stamp(settings, [*plan.langs, *others], known, began, seconds, made_of)
        if manifest.origin(settings, plan.store.folder) == made_of:  # nobody edited anything meanwhile
            stamped["outputs"] = manifest.outputs(plan.store.folder)
        plan.store.write(manifest.NAME, manifest.as_json(stamped))
    return plan.store.folder / f"report.{plan.langs[0]}.html"


def check(params_file: str | Path) -> tuple[list[str], list[str]]:
    """Every problem of a quarter's inputs as a sentence, and what was looked at."""
    settings = params.load(params_file)
    refused, counted, notices = staging.looked_at(settings)
    problems = _kept_by_people(settings) + refused
    examples = registers.untouched(settings)
    there = [n for n in schema.REGISTERS if registers.file(settings, n).is_file() and n not in examples]
    looked_at = [*counted, f"registers: {', '.join(there) or 'none'}"]
    told = "with an example row, which counts for nothing until you replace it"
    return problems, [*looked_at, *([f"{told}: {', '.join(examples)}"] if examples else []), *notices]


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
    before, notebooks = order.span(settings.file.parents[2] / "notebooks", first_step, last_step)
    return _Plan(
        settings,
        LANGUAGES if lang == "both" else (lang,),
        str(Path(out_dir).resolve()) if out_dir else "",
        store.open_store(settings, out_dir),
        notebooks,
        before,
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


def _still_true(plan: _Plan, made_of: manifest.Origin) -> tuple[list[str], list[str]]:
    """The other languages whose stored pages stay true, and the notebooks whose results will be of this origin."""
    last = manifest.read(plan.store.folder)
    same = manifest.is_of(last, made_of)
    others = [lang for lang in manifest.listed(last, "languages") if same and lang not in plan.langs]
    kept = [name for name in plan.before if same and name in manifest.listed(last, "notebooks")]
    return others, [*kept, *plan.notebooks]


def _forget(plan: _Plan, others: list[str]) -> None:
    """Remove what this run makes anew and what depends on it, so that no page mixes two runs."""
    later = schema.STEPS[schema.STEPS.index(NOTEBOOKS[plan.notebooks[0]]) :]
    stale = [manifest.NAME] + [f"tables/{table}.parquet" for table in schema.TABLES if schema.step_of(table) in later]
    for lang in LANGUAGES:
        if lang not in others:
            again = later if lang in plan.langs else schema.STEPS
            stale += [f"report.{lang}.html", f"report.{lang}.pdf", f"deliverables.{lang}.xlsx",
                      f"registers.{lang}.xlsx"]  # fmt: skip
            stale += [
                f"notebooks/{lang}/{name}{end}.ipynb"
                for name, step in NOTEBOOKS.items()
                if step in again
                for end in ("", ".failed")
            ]
    plan.store.remove(stale)


def _slots(settings: Settings, share: int) -> int:
    """How many notebooks run at once: as many as there are processors for this run, one for a large book."""
    raw = sum(file.stat().st_size for file in (settings.data_dir / "raw").rglob("*") if file.is_file())
    is_small = raw <= SMALL and not any(source is not None and source.url for _name, source in settings.sources)
    is_small = is_small and settings.engine == "duckdb"
    return max(1, min((os.cpu_count() or 1) // share, _MOST_AT_ONCE)) if is_small else 1


def _all(plan: _Plan, reporter: Reporter, *, isolated: bool, slots: int) -> dict[str, float]:
    """Run each notebook when the tables are there that it may look at; returns the seconds that each took.

    On a failure or Ctrl-C the notebooks that are running are stopped, and their processes are gone when this returns.
    """
    waits = order.waits(plan.folder, plan.notebooks)
    left = order.longest_first(waits) if slots > 1 else list(plan.notebooks)
    threading.Thread(target=_import_report, daemon=True).start()
    kernels = _Kernels(_one_at_a_time(reporter), threading.Event(), isolated)
    seconds: dict[str, float] = {}
    running: dict[Future[float], str] = {}
    with ThreadPoolExecutor(slots) as pool:
        try:
            while left or running:
                ready = [name for name in left if order.can_begin(waits[name], seconds.keys(), plan.store.has)]
                ready = ready[: slots - len(running)]
                running |= {pool.submit(_notebook, plan, name, kernels): name for name in ready}
                left = [name for name in left if name not in ready]
                finished = wait(running, _A_LOOK if left else None, FIRST_COMPLETED).done
                for done in sorted(finished, key=lambda one: plan.notebooks.index(running[one])):
                    seconds[running.pop(done)] = done.result()
        finally:
            _stop(kernels, list(running))
    return {name: seconds[name] for name in plan.notebooks}


def _import_report() -> None:
    """Import what makes the pages while the first notebook runs, which has one processor only; an error shows later."""
    with suppress(Exception):
        from crmlib.report import html, pages  # noqa: F401


def _one_at_a_time(reporter: Reporter) -> Reporter:
    turn = threading.Lock()

    def tell(progress: Progress) -> None:
        with turn:
            reporter(progress)

    return tell


def _stop(kernels: _Kernels, running: list[Future[float]]) -> None:
    """End the notebooks that still run, also one that is just about to start its process."""
    kernels.stopping.set()
    while running and wait(running, timeout=0.1).not_done:
        from crmlib.kernels import stop_all

        stop_all()


def _notebook(plan: _Plan, name: str, kernels: _Kernels) -> float:
    """Run one notebook in each language and keep the copies; returns the seconds it took.

    Sentences and figures are made where the results are, so a second language runs the notebook again: it stores the
    same tables, byte for byte.
    """
    try:
        return sum(_in_language(plan, name, lang, kernels) for lang in plan.langs if not kernels.stopping.is_set())
    finally:
        execute.end_thread()


def _in_language(plan: _Plan, name: str, lang: str, kernels: _Kernels) -> float:
    source, began = plan.folder / f"{name}.ipynb", time.perf_counter()
    parameters = {"params_file": str(plan.settings.file), "lang": lang, "out_dir": plan.out_dir}

    def on_cell(cell: int, cells: int) -> None:
        kernels.reporter(Progress(name, cell, cells, time.perf_counter() - began))

    on_cell(0, execute.cells(source))
    try:
        executed = execute.execute(source, parameters, on_cell, isolated=kernels.isolated)
    except execute.Stopped as stopped:
        at = _keep(plan, f"{name}.failed", lang, stopped.partial) if not kernels.stopping.is_set() else source
        raise StepFailed(name, stopped, at) from None
    _keep(plan, name, lang, executed)
    plan.store.shelve_figures(lang, order.read(source).figures)
    seconds = time.perf_counter() - began
    kernels.reporter(Progress(name, len(executed.cells), len(executed.cells), seconds, done=True))
    return seconds


def _keep(plan: _Plan, name: str, lang: str, notebook: execute.NotebookNode) -> Path:
    return plan.store.write(f"notebooks/{lang}/{name}.ipynb", execute.kept(notebook, plan.params_file, lang))


def _report(plan: _Plan, made_of: manifest.Origin, *, forked: bool) -> float:
    """Build what leadership opens, from this run's notebooks and those it builds on; returns the seconds it took.

    A process forked from the server of `warm` makes the workbooks while this one makes the pages.
    """
    from crmlib.report import elsewhere, html, pages

    began, facts, results = time.perf_counter(), pages.facts(made_of), plan.store
    notebooks = (*plan.before, *plan.notebooks)
    with warm.beside(_workbooks, (plan.settings, plan.out_dir, plan.langs, facts), forked=forked):
        for lang in plan.langs:
            kept = [results.folder / f"notebooks/{lang}/{name}.ipynb" for name in notebooks]
            results.write(elsewhere.report(lang), html.build(results, kept, lang, facts))
    pages.link(results)
    return time.perf_counter() - began


def _workbooks(settings: Settings, out_dir: str, langs: tuple[str, ...], facts: Mapping[str, str]) -> None:
    from crmlib.report import excel, excel_registers

    results = store.open_store(settings, out_dir)
    for lang in langs:
        results.write(f"deliverables.{lang}.xlsx", excel.build(results, lang, facts))
        names = excel_registers.without_customers()
        results.write(f"registers.{lang}.xlsx", excel_registers.build(settings, lang, names))
