"""`crm freeze PARAMS`: draw who of a campaign is held out, from a quarter's stored results, and write it down once."""

import argparse

_ABOUT = """Freeze campaigns before they start. A hash of campaign and customer says who is treated and who is held out.
Plan and list go to data/<book>/campaigns/ with their SHA-256, so that a review can prove that nothing moved. What is
frozen is never written again. Plans are rows of the register campaign_plans."""

_EXAMPLES = """examples:
  crm run params/sample/2017Q4.yml                       results first: tiers, purchases, customer file
  crm freeze params/sample/2017Q4.yml                    every campaign that starts in the next quarter
  crm freeze params/sample/2017Q4.yml --campaign CP2     one of them"""


def add(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    freezer = verbs.add_parser(
        "freeze", help="draw a campaign's hold-out before it starts and freeze plan and list", description=_ABOUT,
        epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    freezer.add_argument("params", metavar="PARAMS", help="the quarter's settings, e.g. params/sample/2017Q4.yml")
    freezer.add_argument("--campaign", metavar="ID", default="", help="one campaign (default: all that start next)")
    freezer.add_argument("--out", default="", metavar="DIR", help="where `crm run --out DIR` wrote the results")
    freezer.set_defaults(verb=_freeze)


def _freeze(options: argparse.Namespace) -> int:
    """One line per campaign; exit code 0, also where all was frozen already."""
    import sys

    from crmlib import params
    from crmlib.verbs.freezing import freeze
    from crmlib.views import narrative_campaign

    book = params.load(options.params).book
    for done in freeze(options.params, options.campaign, options.out):
        line = narrative_campaign.frozen_line(done.design, done.place, book, is_new=done.is_new)
        sys.stdout.write(f"{line}\n")
    return 0
