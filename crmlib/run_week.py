"""One week of a quarter from one command: the data up to its Sunday, one notebook, one page."""

import json
import time
from datetime import date
from pathlib import Path

import ibis.expr.types as ir

from crmlib import execute, params, warm
from crmlib.collect import feedback, inventory, purchase_days
from crmlib.errors import InputError
from crmlib.io import engine, registers, staging, week_store
from crmlib.io.store import Store
from crmlib.kpi import quarterly, weeks
from crmlib.params import Settings
from crmlib.run import Progress, Reporter, StepFailed, silent

NOTEBOOK = "45_weekly"
_LEFT_OUT = ("products", "interactions")


def run(
    params_file: str | Path,
    week: str = "",
    lang: params.Lang = "en",
    out_dir: str | Path = "",
    reporter: Reporter = silent,
    *,
    isolated: bool = False,
) -> Path:
    """Build the page of one week, by default the last that the data reach; returns its path.

    Nothing later than the week's last day is seen, and the quarter's own results stay as they are. Raises InputError
    before anything runs, StepFailed when the notebook stops.
    """
    settings = params.load(params_file)
    weeks.seen_from(settings, week)  # a week of another quarter is refused before anything is read
    isolated = isolated or not warm.can_fork()
    if not isolated:
        warm.start_server()  # imports while the data are read
    problems = registers.check(settings)
    if problems:
        raise InputError(problems)
    con = engine.connect(settings)
    staged = staging.stage(con, _needed(settings))
    week = _reached(staged.tables["orders"], settings, week)
    settings = weeks.seen_from(settings, week)
    results = week_store.of_week(settings, out_dir, week, con)
    _prepare(staged, settings, results)
    notebook = _notebook(settings, results, week, (lang, str(out_dir)), reporter, isolated=isolated)
    from crmlib.report import pages, weekly

    file = results.folder.parent / f"weekly_{week}.{lang}.html"
    page = Store(results.folder.parent, settings)
    page.write(file.name, weekly.build(results, notebook, week, lang))
    pages.link(page)
    return file


def _needed(settings: Settings) -> Settings:
    """The settings without the sources that a week does not look at."""
    left_out = dict.fromkeys(_LEFT_OUT)
    return settings.model_copy(update={"sources": settings.sources.model_copy(update=left_out)})


def _reached(orders: ir.Table, settings: Settings, week: str) -> str:
    """The week to look at: the one asked for, if the data reach it, or the last one of the quarter that they reach."""
    last: date | None = orders.order_date.max().to_pyarrow().as_py()
    there = [w for w in settings.period.weeks if last and w.start <= last]
    found = [w for w in there if w.label == (week or there[-1].label)]
    if found:
        return found[0].label
    until = f"end on {last}" if last else "are empty"
    asked = week or str(settings.period)
    raise InputError(
        f"nothing is known of {asked} yet: the orders of {settings.book_id} {until}"
        + (f", in {weeks.label(last)}" if last else "")
        + f"; put the newer export into data/{settings.book_id}/raw"
    )


def _prepare(staged: staging.Staged, settings: Settings, results: Store) -> None:
    """The tables that the notebook reads, as a batch of this week's data would have stored them."""
    con, period = engine.connect(settings) if results.con is None else results.con, settings.period
    orders = purchase_days.orders(staged.tables["orders"], period)
    days = engine.keep(con, "purchase_days", purchase_days.build(orders))
    known = engine.keep(
        con, "customers", inventory.customers(inventory.present(staged.tables, days, period), days, staged.contacts)
    )
    file = inventory.inventory(known, days, period, settings.quality.contact_fresh_days)
    sources = feedback.sources(staged.tables)
    answers, asked = (feedback.mapped(sources.get(f"source_{name}")) for name in ("surveys", "tickets"))
    results.save(
        purchase_days=days,
        customer_inventory=file,
        purchase_kpis=quarterly.measure(days, period),
        surveys=feedback.surveys(registers.read(settings, "surveys"), answers),
        tickets=feedback.tickets(registers.read(settings, "tickets"), asked),
        **inventory.campaigns(staged.tables),
    )


def _notebook(
    settings: Settings, results: Store, week: str, told: tuple[str, str], reporter: Reporter, *, isolated: bool
) -> Path:
    """Run the notebook for the week and keep its copy; `told` is language and output folder."""
    lang, out_dir = told
    source, began = settings.file.parents[2] / "notebooks" / f"{NOTEBOOK}.ipynb", time.perf_counter()
    out_dir = str(Path(out_dir).resolve()) if out_dir else ""
    parameters = {"params_file": str(settings.file), "lang": lang, "out_dir": out_dir, "week": week}
    short = f"params/{settings.book_id}/{settings.file.name}"

    def on_cell(cell: int, cells: int) -> None:
        reporter(Progress(f"{NOTEBOOK} {week}", cell, cells, time.perf_counter() - began))

    on_cell(0, execute.cells(source))
    try:
        executed = execute.execute(source, parameters, on_cell, isolated=isolated)
    except execute.Stopped as stopped:
        partial = results.write(f"{NOTEBOOK}.failed.ipynb", execute.kept(stopped.partial, short, lang))
        raise StepFailed(NOTEBOOK, stopped, partial) from None
    reporter(
        Progress(f"{NOTEBOOK} {week}", len(executed.cells), len(executed.cells), time.perf_counter() - began, done=True)
    )
    return results.write(f"{NOTEBOOK}.ipynb", _with_week(execute.kept(executed, short, lang), week))


def _with_week(notebook: str, week: str) -> str:
    """The kept copy with the week among its parameters."""
    content = json.loads(notebook)
    for cell in content["cells"]:
        if cell.get("id") == "injected-parameters":
            lines = "".join(cell["source"]).splitlines()
            cell["source"] = "\n".join([*lines, f'week = "{week}"']).splitlines(keepends=True)
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"
