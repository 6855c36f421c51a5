"""`crm report PARAMS`: the pages of a quarter again from what its last run stored; as PDF where wanted."""

import argparse

_ABOUT = """Build the report and the overview of all quarters again from stored tables and notebooks; nothing is
computed. Without --lang, in every language that the quarter was run in.
A PDF is printed by Chromium, Chrome or Edge."""

_EXAMPLES = """examples:
  crm report params/sample/2017Q4.yml               report.en.html (and report.zh.html, where that was run)
  crm report params/sample/2017Q4.yml --pdf         the same, and report.en.pdf beside it: A4, page numbers
  crm report params/sample/2017Q4.yml --lang zh"""


def add(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    pages = verbs.add_parser(
        "report", help="build a quarter's pages again from stored results, or print them as PDF", description=_ABOUT,
        epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    pages.add_argument("params", metavar="PARAMS", help="the quarter's settings, e.g. params/sample/2017Q4.yml")
    pages.add_argument("--lang", choices=("en", "zh"), default="", help="one language (default: all that were run)")
    pages.add_argument("--pdf", action="store_true", help="print each page as an A4 PDF beside it")
    pages.add_argument("--out", default="", metavar="DIR", help="where `crm run --out DIR` wrote the results")
    pages.set_defaults(verb=_report)


def _report(options: argparse.Namespace) -> int:
    """One line per file; exit code 0."""
    import sys
    from pathlib import Path

    from crmlib import params
    from crmlib.io import store
    from crmlib.report import pages

    results = store.open_store(params.load(options.params), options.out)
    for file in pages.again(results, options.lang, pdf=options.pdf):
        here = Path.cwd()
        sys.stdout.write(f"{file.relative_to(here) if file.is_relative_to(here) else file}\n")
    return 0
