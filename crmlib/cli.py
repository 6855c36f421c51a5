"""The `crm` command: run a quarter, check its inputs, start a book, propose an export's mapping or scoring anchors."""

import argparse
import os
import sys
from importlib.metadata import version
from pathlib import Path

from crmlib.errors import InputError
from crmlib.verbs import bench, effect, freeze, registers, report, run
from crmlib.verbs.screen import DONE, FAILED, INTERRUPTED, WRONG_INPUT, complain, progress, say, shown, stopped

__all__ = ["DONE", "FAILED", "INTERRUPTED", "WRONG_INPUT", "main"]

_ABOUT = """From a company's order lines to one report per quarter.

Five steps: collect, segment, market, strategy, review. Each is a notebook or two in notebooks/; `crm run` runs
them in order and builds report.en.html and deliverables.en.xlsx in outputs/<book>/<quarter>/. A book is one company:
its settings are in params/<book>/, its data in data/<book>/. The book `sample` comes with the project.
Start crm in the project's folder."""

_EXAMPLES = """examples:
  crm run params/sample/2017Q4.yml                  the sample's last quarter, in English
  crm run params/sample/2017Q4.yml --lang both      in English and Chinese, side by side
  crm run params/sample/2017Q4.yml --from market    again from one step on, with the earlier steps' results
  crm run params/*/2017Q4.yml --jobs 2              one quarter of every book, two at a time, and a table at the end
  crm weekly params/sample/2017Q4.yml --week 2017-W45
                                                    one week on one page: pace, limits, late tasks
  crm new shop --period 2024Q1                      start your own book; it says what to do next
  crm map data/shop/raw/orders.csv                  propose settings for an export: its columns, formats, encoding
  crm anchors params/shop/2024Q1.yml                propose scoring anchors from a quarter
  crm freeze params/sample/2017Q4.yml               draw and freeze the hold-outs of next quarter's campaigns
  crm report params/sample/2017Q4.yml --pdf         the pages again from stored results, and as PDF
  crm check params/shop/2024Q1.yml                  list everything that is wrong with its inputs
  crm bench --lines 1e6                             time it on a million generated order lines

exit codes: 0 done, 1 a step failed (its partial notebook is kept), 2 wrong input"""


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks; returns the exit code."""
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    options = _parser().parse_args(arguments)
    try:
        return int(options.verb(options))
    except InputError as error:
        complain(error.problems)
        return WRONG_INPUT
    except KeyboardInterrupt:
        complain(["stopped"])
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="crm", description=_ABOUT, epilog=_EXAMPLES, formatter_class=layout)
    parser.add_argument("--version", action="version", version=f"crm {version('crmlib')}")
    verbs = parser.add_subparsers(title="what to do", required=True, metavar="VERB")
    run.add(verbs)
    check = verbs.add_parser("check", help="list every problem of a quarter's inputs, without running it")
    _add_params(check)
    check.set_defaults(verb=_check)
    _add_weekly(verbs)
    new = verbs.add_parser("new", help="start a book: settings, data folders, registers with one example row")
    new.add_argument("book", metavar="BOOK", help="a short name in small letters, e.g. shop")
    new.add_argument("--period", metavar="QUARTER", default="2024Q1", help="its first quarter (default: %(default)s)")
    new.set_defaults(verb=_new)
    _add_map(verbs)
    _add_anchors(verbs)
    bench.add(verbs)
    effect.add(verbs)
    freeze.add(verbs)
    registers.add(verbs)
    report.add(verbs)
    return parser


def _add_weekly(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    weekly = verbs.add_parser(
        "weekly", help="one week of a quarter on one page: KPIs against pace and limits, late tasks"
    )
    _add_params(weekly)
    weekly.add_argument(
        "--week", default="", metavar="WEEK", help="e.g. 2017-W45 (default: the last that the data reach)"
    )
    weekly.add_argument(
        "--lang", choices=("en", "zh"), default="en", help="language of the page (default: %(default)s)"
    )
    weekly.add_argument("--out", default="", metavar="DIR", help="write below DIR/<book>/<quarter> instead of outputs/")
    weekly.set_defaults(verb=_weekly)


def _add_map(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    mapping = verbs.add_parser("map", help="propose the settings of a source from a look at its file or table")
    mapping.add_argument("place", metavar="FILE|URL", help="a CSV, Parquet or Excel file, or the URL of a database")
    mapping.add_argument("--source", metavar="NAME", help="orders, customers, …; without it, the likeliest")
    mapping.add_argument("--table", metavar="NAME", help="the table of a database")
    mapping.add_argument("--sheet", metavar="NAME", help="the sheet of a workbook")
    mapping.set_defaults(verb=_map)


def _add_anchors(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    anchors = verbs.add_parser(
        "anchors", help="propose scoring anchors from a quarter, with a bridge from those in use"
    )
    _add_params(anchors)
    anchors.add_argument("--baseline", metavar="QUARTER", help="the quarter to freeze (default: that of PARAMS)")
    anchors.add_argument("--write", action="store_true", help="write anchors-QUARTER.yml beside PARAMS, not the screen")
    anchors.set_defaults(verb=_anchors)


def _add_params(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("params", metavar="PARAMS", help="the quarter's settings, e.g. params/sample/2017Q4.yml")


def _weekly(options: argparse.Namespace) -> int:
    from crmlib import run_week
    from crmlib.run import StepFailed

    try:
        page = run_week.run(options.params, options.week, options.lang, options.out, progress())
    except StepFailed as failed:
        return stopped(failed)
    say(f"page: {shown(page)}")
    return DONE


def _check(options: argparse.Namespace) -> int:
    from crmlib.run import check

    problems, checked = check(options.params)
    problems = run.rules(options.params) + problems
    if problems:
        complain([*problems, f"{len(problems)} problem{'s' if len(problems) > 1 else ''} in {options.params}"])
        return WRONG_INPUT
    say("\n  ".join([f"ok: {options.params}", *checked]))
    return DONE


def _new(options: argparse.Namespace) -> int:
    from crmlib.io import new_book

    for line in new_book.create(Path.cwd(), options.book, options.period):
        say(line)
    return DONE


def _anchors(options: argparse.Namespace) -> int:
    from crmlib import params
    from crmlib.collect import day_pieces, inventory
    from crmlib.io import engine, pieces, staging
    from crmlib.periods import Period
    from crmlib.segment import anchors

    settings = params.load(options.params)
    baseline = Period.parse(options.baseline) if options.baseline else settings.period
    if settings.period < baseline:
        raise InputError(f"--baseline {baseline} is later than {settings.period}; give the params of that quarter")
    con = engine.connect(settings)
    staged = staging.stage(con, settings)
    days = pieces.kept(con, pieces.purchase_days(con, staged, settings.period, day_pieces))
    known = inventory.customers(inventory.present(staged.tables, days, settings.period), days, staged.contacts)
    proposed = anchors.propose(days, known, baseline, settings)
    moved = anchors.bridge(days, known, settings.period, settings, proposed)
    content, file = anchors.document(proposed, moved, settings.period), settings.file.parent / f"anchors-{baseline}.yml"
    if not options.write:
        say(content.rstrip())
        return DONE
    if file.exists():
        raise InputError(f"{shown(file)} exists; anchors are frozen, so remove it first if it was never used")
    file.write_text(content, encoding="utf-8")
    say(f"{shown(file)} written; to use it set segment.anchors to {file.name}")
    return DONE


def _map(options: argparse.Namespace) -> int:
    from crmlib.io import mapping

    say(mapping.propose(options.place, options.table, options.sheet, options.source).rstrip())
    return DONE


if __name__ == "__main__":
    sys.exit(main())
