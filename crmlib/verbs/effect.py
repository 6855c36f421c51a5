"""`crm effect FILE`: review a randomised experiment given as a plain table."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from crmlib.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_ABOUT = """Review a randomised experiment from a table with one row per customer: its arm, and what came of it.
Every arm is compared with the control as the quarter's own campaigns are: intention to treat, 95 % interval, p from
permutations, q over all comparisons (Benjamini and Hochberg), and a verdict in words."""

_EXAMPLES = """The control is the arm called control, none, hold-out, No … and the like, unless --control names it.
An outcome of 0 and 1 (yes and no) is a rate and needs 30 cases an arm, any other number 100.
An effect is judged against --target: effective, partly effective (half of it), not effective (a useful effect is
ruled out), harmful, or cannot tell; then the cases that would have been enough are given.

examples:
  crm effect mails.csv --arm segment --control "No E-Mail" --outcome visit --outcome spend --target 0.02 --target 0.5
  crm effect stores.xlsx --arm group --outcome revenue --before revenue_last_year --cluster store"""


def add(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    layout = argparse.RawDescriptionHelpFormatter
    effect = verbs.add_parser(
        "effect", help="review a randomised experiment given as a table", description=_ABOUT, epilog=_EXAMPLES,
        formatter_class=layout,
    )  # fmt: skip
    effect.add_argument("file", metavar="FILE", type=Path, help="CSV, Excel or Parquet, one row per customer")
    effect.add_argument("--arm", required=True, metavar="COL", help="the column that says which arm a customer was in")
    effect.add_argument("--outcome", required=True, action="append", metavar="COL",
                        help="what came of it, 0 and 1 or a number; may be given several times")  # fmt: skip
    effect.add_argument("--control", metavar="ARM", help="the arm held out (default: the one called control, none, …)")
    effect.add_argument(
        "--target", action="append", type=float, metavar="X", default=[],
        help="the effect aimed at, in the outcome's unit (0.02: two points of a rate); one for all or for each",
    )  # fmt: skip
    effect.add_argument(
        "--before",
        metavar="COL",
        help="a number known before the start; sharpens the interval of a number (CUPED), and checks the draw",
    )
    effect.add_argument("--id", metavar="COL", help="the customer; each may have one row only, and that is checked")
    effect.add_argument("--stratum", metavar="COL", help="the groups within which the arms were drawn, e.g. tier")
    effect.add_argument("--cluster", metavar="COL", help="the unit that was drawn, e.g. store, where whole ones were")
    effect.add_argument(
        "--shares", action="append", metavar="ARM=X", default=[], help="planned share of an arm, to check"
    )
    effect.add_argument("--missing", choices=("leave_out", "zero"), default="leave_out",
                        help="an empty outcome: left out and counted (default), or zero")  # fmt: skip
    effect.add_argument("--lower-is-better", action="store_true", help="less is better, e.g. churn or complaints")
    effect.add_argument("--sheet", metavar="NAME", help="the sheet of a workbook")
    effect.add_argument("--seed", type=int, default=20170101, help="start of the permutations (default: %(default)s)")
    effect.add_argument("--lang", choices=("en", "zh"), default="en")
    effect.add_argument("--out", type=Path, metavar="FILE.csv", help="write the figures there as well")
    effect.set_defaults(verb=review)


def review(options: argparse.Namespace) -> int:
    """Print the figures, and a sentence per outcome and arm; the exit code is 0 whatever the verdict."""
    from crmlib.review import experiment
    from crmlib.views import narrative_effects

    table, targets = _read(options), dict(zip(options.outcome, _targets(options), strict=True))
    plan = experiment.Plan(
        _control(table, options), targets, options.lower_is_better, _shares(options), bool(options.before), options.seed
    )
    _possible(table, targets)
    found = experiment.measure(table, plan)
    for code, (where, p) in experiment.checks(table, plan).items():
        _say(narrative_effects.check(code, where, p, options.lang).text)
    for line in [*narrative_effects.figures(found, plan.control, options.lang), ""]:
        _say(line)
    for row in found.to_dict("records"):
        target, before = targets[row["outcome"]], options.before or ""
        _say(narrative_effects.experiment(row, plan.control, target, options.lang, before).text)
    if options.out:
        found.to_csv(options.out, index=False, lineterminator="\n")
    return 0


def _read(options: argparse.Namespace) -> "pd.DataFrame":
    from crmlib.io import experiment_file

    roles = {
        "arm": [options.arm],
        "outcome": options.outcome,
        "before": [options.before] if options.before else [],
        "stratum": [options.stratum] if options.stratum else [],
        "cluster": [options.cluster] if options.cluster else [],
        "id": [options.id] if options.id else [],
    }
    raw = experiment_file.read(options.file, roles, options.sheet)
    if raw.empty:
        raise InputError(f"{options.file.name} has no rows")
    _one_each(raw, options)
    table = raw[options.outcome].assign(arm=raw[options.arm])
    for role, column in (("expected", options.before), ("stratum", options.stratum), ("cluster", options.cluster)):
        if column:
            table[role] = raw[column]
    return table.fillna(dict.fromkeys(options.outcome, 0.0)) if options.missing == "zero" else table


def _one_each(raw: "pd.DataFrame", options: argparse.Namespace) -> None:
    """Refuse several rows of a customer, and whole groups that lie in two arms."""
    file, customer, cluster = options.file.name, options.id, options.cluster
    if customer and raw[customer].duplicated().any():
        again = raw[customer][raw[customer].duplicated()]
        raise InputError(
            f"{file}: {customer} '{again.iloc[0]}' has more than one row ({len(again):,} rows too many); rows of one "
            f"customer are not independent: add them up, or make the customer the unit with --cluster {customer}"
        )
    if not cluster:
        return
    arms = raw.groupby(cluster)[options.arm].nunique()
    split = arms[arms > 1]
    if len(split):
        raise InputError(
            f"{file}: {cluster} '{split.index[0]}' has customers in {split.iloc[0]} arms ({len(split):,} such); it was "
            f"not drawn whole: give --stratum {cluster} instead of --cluster"
        )


def _control(table: "pd.DataFrame", options: argparse.Namespace) -> str:
    from crmlib.review import experiment

    counts = table["arm"].value_counts().sort_index()
    there = ", ".join(f"'{arm}' ({n:,})" for arm, n in counts.items())
    if len(counts) < 2:
        raise InputError(f"{options.arm} holds one arm only: {there}; an effect needs a control to compare with")
    if len(counts) > 20:
        raise InputError(
            f"{options.arm} holds {len(counts):,} values; that is hardly a column of arms: give another --arm"
        )
    control = options.control or experiment.control_of([str(arm) for arm in counts.index])
    if control is None:
        raise InputError(f"which arm is the control? {options.arm} has {there}; say --control with one of them")
    if control not in counts.index:
        raise InputError(f"--control '{control}' is no arm; {options.arm} has {there}")
    return str(control)


def _targets(options: argparse.Namespace) -> list[float | None]:
    given, n = options.target, len(options.outcome)
    if any(not target > 0 or math.isinf(target) for target in given):
        raise InputError(
            "--target is the size of the effect aimed at and must be above zero; --lower-is-better says which way"
        )
    if len(given) not in (0, 1, n):
        raise InputError(f"{len(given)} --target for {n} --outcome; give one for each, one for all, or none")
    return list(given) if len(given) == n else [given[0] if given else None] * n


def _possible(table: "pd.DataFrame", targets: dict[str, float | None]) -> None:
    """Refuse a target of more than 100 points of a rate."""
    for outcome, target in targets.items():
        if target is not None and target >= 1 and table[outcome].dropna().isin([0, 1]).all():
            raise InputError(
                f"{outcome} holds 0 and 1 only, so --target {target:g} would be {100 * target:g} points; "
                "write two points as 0.02"
            )


def _shares(options: argparse.Namespace) -> dict[str, float] | None:
    found: dict[str, float] = {}
    for given in options.shares:
        arm, _is, share = given.rpartition("=")
        try:
            found[arm] = float(share)
        except ValueError:
            raise InputError(f"--shares '{given}': write it as ARM=0.5") from None
    return found or None


def _say(line: str) -> None:
    from sys import stdout

    stdout.write(f"{line}\n")
