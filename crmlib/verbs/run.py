"""`crm run PARAMS …`: one quarter of one book, or many, each in a process of its own."""

import argparse
from typing import TYPE_CHECKING

from crmlib.schema import STEPS
from crmlib.verbs.screen import DONE, progress, say, shown, stopped

if TYPE_CHECKING:
    from crmlib.params import Settings

_EXAMPLES = """examples:
  crm run params/sample/2017Q4.yml                  the sample's last quarter, in English
  crm run params/sample/2017Q4.yml --lang both      in English and Chinese, side by side
  crm run params/sample/2017Q4.yml --from market    again from one step on, with the earlier steps' results
  crm run params/sample/2017Q4.yml --force          again, although nothing changed
  crm run params/*/2017Q4.yml --jobs 2              one quarter of every book, two at a time
  crm run params/sample/2017Q?.yml                  a year of one book, in the order of its quarters

A quarter is run when an input, a setting, the code, a library's version or an earlier quarter's results changed since
its last run, or a result is not as that run left it; else it is left alone. Several files: a table at the end says what
became of each; one that fails stops no other. Quarters of one book run one after the other, as each looks back."""

REPORT, UNCHANGED = "report: ", "nothing changed since "


def add(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    layout = argparse.RawDescriptionHelpFormatter
    run = verbs.add_parser(
        "run", help="run a quarter: notebooks, report, Excel workbook", epilog=_EXAMPLES, formatter_class=layout
    )
    run.add_argument(
        "params", metavar="PARAMS", nargs="+", help="the quarter's settings, e.g. params/sample/2017Q4.yml; or several"
    )
    run.add_argument(
        "--lang", choices=("en", "zh", "both"), default="en", help="language of the report (default: %(default)s)"
    )
    steps = ", ".join(STEPS)
    run.add_argument(
        "--from", dest="first", choices=STEPS, default=STEPS[0], metavar="STEP", help=f"first step: {steps}"
    )
    run.add_argument("--to", dest="last", choices=STEPS, default=STEPS[-1], metavar="STEP", help="last step, likewise")
    run.add_argument("--out", default="", metavar="DIR", help="write to DIR/<book>/<quarter> instead of outputs/")
    run.add_argument("--jobs", type=_count, default=1, metavar="N", help="how many books run at once (default: 1)")
    run.add_argument("--force", action="store_true", help="run also where nothing changed")
    run.add_argument("--isolated", action="store_true", help="start each notebook's process anew: slower, same results")
    run.set_defaults(verb=_run)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of jobs; take 1 or more")
    return int(text)


def _run(options: argparse.Namespace) -> int:
    if len(options.params) > 1:
        from crmlib.verbs import run_many

        return run_many.run(options)
    return _one(options.params[0], options)


def _one(params_file: str, options: argparse.Namespace) -> int:
    from crmlib import manifest, params

    settings = params.load(params_file)
    since = "" if options.force else _unchanged_since(settings, options)
    if not since:
        return _now(params_file, options)
    page = manifest.folder(settings, options.out) / f"report.{'en' if options.lang == 'both' else options.lang}.html"
    say(f"{UNCHANGED}{since.replace('T', ' ').replace('+00:00', ' UTC')}; use --force to run it again")
    say(f"{REPORT}{shown(page)}")
    return DONE


def _unchanged_since(settings: "Settings", options: argparse.Namespace) -> str:
    """When the results that are there were made, if a run would give the same."""
    from crmlib import manifest, order

    results = manifest.folder(settings, options.out)
    if not manifest.read(results):
        return ""
    before, names = order.span(settings.file.parents[2] / "notebooks", options.first, options.last)
    return manifest.unchanged_since(settings, options.lang, (*before, *names), results)


def _now(params_file: str, options: argparse.Namespace) -> int:
    from crmlib import manifest, warm
    from crmlib.errors import InputError

    warm.collect_rarely()
    if not options.isolated and warm.can_fork():
        warm.start_server()  # it imports while this process does
    from crmlib.run import StepFailed, run

    wrong = rules(params_file)
    if wrong:
        raise InputError(wrong)
    try:
        page = run(params_file, options.lang, options.first, options.last, options.out, progress(),
                   isolated=options.isolated, share=options.jobs)  # fmt: skip
    except StepFailed as failed:
        return stopped(failed)
    seconds = manifest.read(page.parent)["seconds"]
    if isinstance(seconds, dict):
        say("seconds: " + ", ".join(f"{name} {spent:.1f}" for name, spent in seconds.items()))
    say(f"{REPORT}{shown(page)}")
    return DONE


def rules(params_file: str) -> list[str]:
    """What is wrong with the tier rules."""
    from crmlib import params
    from crmlib.segment import tiers

    return tiers.lint(params.load(params_file).segment.tiers)
