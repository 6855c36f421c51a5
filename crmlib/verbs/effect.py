"""`crm effect FILE`: review a randomised experiment given as a plain table."""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from crmlib.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from crmlib.io.experiment_file import File

_ABOUT = """Review a randomised experiment from a table with one row per customer: its arm, and what came of it.
Every arm is compared with the control as the quarter's own campaigns are: intention to treat, 95 % interval, p from
permutations, q over all comparisons (Benjamini and Hochberg), and a verdict in words."""

_EXAMPLES = """The control is the arm called control, none, hold-out, No …, 0 and the like, unless --control names it.
An outcome of 0 and 1 (yes and no) is a rate and needs 30 cases an arm, any other number 100.
An effect is judged against --target: effective, partly effective (half of it), not effective (a useful effect is
ruled out), harmful, or cannot tell; then the cases that would have been enough are given.

examples:
  crm effect mails.csv                    what its columns may be
  crm effect mails.csv --arm segment --outcome visit,spend --target visit=0.02 --target spend=0.5
  crm effect stores.xlsx --arm group --outcome revenue --before revenue_last_year --cluster store"""

_ENDINGS = (".csv", ".json")


def add(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    layout = argparse.RawDescriptionHelpFormatter
    effect = verbs.add_parser(
        "effect", help="review a randomised experiment given as a table", description=_ABOUT, epilog=_EXAMPLES,
        formatter_class=layout,
    )  # fmt: skip
    say = effect.add_argument
    say("file", metavar="FILE", type=Path, help="CSV, Excel or Parquet, one row per customer")
    say("--arm", metavar="COL", help="the column that says which arm a customer was in")
    say("--outcome", action="append", metavar="COL", default=[],
        help="what came of it, 0 and 1 or a number; several with commas between, or given several times")  # fmt: skip
    say("--control", metavar="ARM", help="the arm held out (default: the one called control, none, …)")
    say("--target", action="append", metavar="[COL=]X", default=[],
        help="the effect aimed at, in the unit of the outcome (0.02: two points of a rate)")  # fmt: skip
    known = "a number known before the start; sharpens the interval of a mean (CUPED), and checks the draw"
    say("--before", metavar="COL", help=known)
    say("--id", metavar="COL", help="the customer; each may have one row only, and that is checked")
    say("--stratum", metavar="COL", help="the groups within which the arms were drawn, e.g. tier")
    say("--cluster", metavar="COL", help="the unit that was drawn, e.g. store, where whole ones were")
    say("--shares", action="append", metavar="ARM=X", default=[], help="planned share of an arm, to check")
    say("--missing", choices=("leave_out", "zero"), default="leave_out",
        help="an empty outcome: left out and counted (default), or zero")  # fmt: skip
    say("--lower-is-better", action="store_true", help="less is better, e.g. churn or complaints")
    say("--sheet", metavar="NAME", help="the sheet of a workbook")
    say("--seed", type=int, default=20170101, help="start of the permutations (default: %(default)s)")
    say("--lang", choices=("en", "zh"), default="en")
    say("--json", action="store_true", help="print the figures as JSON and nothing else")
    say("--out", type=Path, metavar="FILE", help="write the figures there as well, as .csv or .json")
    effect.set_defaults(verb=review)


def review(options: argparse.Namespace) -> int:
    """Print the figures, and a sentence per outcome and arm; the exit code is 0 whatever the verdict."""
    from crmlib.io import experiment_file
    from crmlib.review import experiment
    from crmlib.views import narrative_effects

    _possible_out(options.out)
    file = experiment_file.opened(options.file, options.sheet)
    roles = _roles(file, options)
    table, targets = _read(file, roles, options), _targets(roles["outcome"], options.target)
    control, is_named = _control(table, roles["arm"][0], options.control)
    plan = experiment.Plan(
        control, targets, options.lower_is_better, _shares(table, options.shares), bool(options.before), options.seed
    )
    _possible(table, targets)
    found = experiment.measure(table, plan)
    figures = found.assign(target=found["outcome"].map(targets).astype("float64"))
    if options.out:
        _write(figures, options.out)
    if options.json:
        _say(_json(figures))
        return 0
    _say(narrative_effects.opening(table, control, options.file.name, options.lang, is_named=is_named))
    for code, (where, p) in experiment.checks(table, plan).items():
        _say(narrative_effects.check(code, where, p, options.lang).text)
    for line in ["", *narrative_effects.figures(found, plan.control, options.lang), ""]:
        _say(line)
    before = "".join(roles["before"])
    for row in found.to_dict("records"):
        _say(narrative_effects.experiment(row, plan.control, targets[row["outcome"]], options.lang, before).text)
    _say("\n" + narrative_effects.method(found, options.lang))
    return 0


def _roles(file: "File", options: argparse.Namespace) -> dict[str, list[str]]:
    """The columns of the file by what they are."""
    if not options.arm or not options.outcome:
        raise InputError(_what_it_has(file, options))
    asked = {"arm": [options.arm], "outcome": options.outcome}
    rest = {name: [value] for name in ("before", "stratum", "cluster", "id") if (value := getattr(options, name))}
    problems: list[str] = []
    found: dict[str, list[str]] = {"before": [], "stratum": [], "cluster": [], "id": []}
    for role, words in {**asked, **rest}.items():
        try:
            found[role] = file.columns(words)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    return found


def _what_it_has(file: "File", options: argparse.Namespace) -> str:
    """What is not said yet, and which columns it may be."""
    arms, outcomes = file.kinds()
    lacks = [name for name, given in (("--arm", options.arm), ("--outcome", options.outcome)) if not given]
    hints = [
        f"{what}: {', '.join(names)[:500]}"
        for what, names in (("arms may be", arms), ("outcomes may be", outcomes))
        if names
    ]
    return (f"{file.path.name}: say {' and '.join(lacks)}; its columns are {', '.join(file.sample.columns)[:1000]}; "
            f"{'; '.join(hints)}")  # fmt: skip


def _read(file: "File", roles: dict[str, list[str]], options: argparse.Namespace) -> "pd.DataFrame":
    from crmlib.io import experiment_file

    raw = experiment_file.read(file, roles)
    if raw.empty:
        raise InputError(f"{options.file.name} has no rows")
    customer, cluster = ("".join(roles[role]) for role in ("id", "cluster"))
    _one_each(raw, options.file.name, customer, (roles["arm"][0], cluster))
    table = raw[roles["outcome"]].assign(arm=raw[roles["arm"][0]])
    for role, name in (("before", "expected"), ("stratum", "stratum"), ("cluster", "cluster")):
        for column in roles[role]:
            table[name] = raw[column]
    return table.fillna(dict.fromkeys(roles["outcome"], 0.0)) if options.missing == "zero" else table


def _one_each(raw: "pd.DataFrame", file: str, customer: str, drawn: tuple[str, str]) -> None:
    """Refuse several rows of a customer, and whole groups that lie in two arms."""
    arm, cluster = drawn
    if customer and raw[customer].duplicated().any():
        again = raw[customer][raw[customer].duplicated()]
        raise InputError(
            f"{file}: {customer} '{again.iloc[0]}' has more than one row ({len(again):,} rows too many); rows of one "
            f"customer are not independent: add them up, or make the customer the unit with --cluster {customer}"
        )
    if not cluster:
        return
    arms = raw.groupby(cluster)[arm].nunique()
    split = arms[arms > 1]
    if len(split):
        raise InputError(
            f"{file}: {cluster} '{split.index[0]}' has customers in {split.iloc[0]} arms ({len(split):,} such); it was "
            f"not drawn whole: give --stratum {cluster} instead of --cluster"
        )


def _control(table: "pd.DataFrame", column: str, asked: str | None) -> tuple[str, bool]:
    """The control, and whether it was named."""
    from crmlib.review import experiment

    counts = table["arm"].value_counts().sort_index()
    there = ", ".join(f"'{arm}' ({n:,})" for arm, n in counts.head(20).items())
    if len(counts) < 2:
        raise InputError(f"{column} holds one arm only: {there}; an effect needs a control to compare with")
    if len(counts) > 20:
        raise InputError(f"{column} holds {len(counts):,} values; that is hardly a column of arms: give another --arm")
    arms = [str(arm) for arm in counts.index]
    if asked is None:
        found = experiment.control_of(arms)
        if found is None:
            raise InputError(f"which arm is the control? {column} has {there}; say --control with one of them")
        return found, False
    alike = [arm for arm in arms if arm.casefold() == asked.strip().casefold()]
    if asked not in arms and len(alike) != 1:
        raise InputError(f"--control '{asked}' is no arm; {column} has {there}")
    return (asked if asked in arms else alike[0]), True


def _targets(outcomes: list[str], given: list[str]) -> dict[str, float | None]:
    """The effect aimed at by outcome."""
    words = [word for each in given for word in each.split(",") if word.strip()]
    named = [word.rpartition("=") for word in words]
    amounts = [_amount(word) for _name, _is, word in named]
    if any(name for name, _is, _word in named):
        wrong = [name for name, _is, _word in named if name not in outcomes]
        if wrong:
            raise InputError(
                f"--target '{wrong[0]}' is no outcome; write it as COL=X for each of {', '.join(outcomes)}"
            )
        by_name = dict(zip((name for name, _is, _word in named), amounts, strict=True))
        return {outcome: by_name.get(outcome) for outcome in outcomes}
    if len(amounts) not in (0, 1, len(outcomes)):
        raise InputError(
            f"{len(amounts)} --target for {len(outcomes)} --outcome; give one for each, one for all, or none"
        )
    each = amounts if len(amounts) == len(outcomes) else [amounts[0] if amounts else None] * len(outcomes)
    return dict(zip(outcomes, each, strict=True))


def _amount(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        raise InputError(
            f"--target '{word}' is no number; write two points of a rate as 0.02, and money or counts in their own unit"
        ) from None
    if not 0 < value < math.inf:
        raise InputError(
            "--target is the size of the effect aimed at and must be above zero; --lower-is-better says which way"
        )
    return value


def _possible(table: "pd.DataFrame", targets: dict[str, float | None]) -> None:
    """Refuse a target of more than 100 points of a rate."""
    for outcome, target in targets.items():
        if target is not None and target >= 1 and table[outcome].dropna().isin([0, 1]).all():
            raise InputError(
                f"{outcome} holds 0 and 1 only, so --target {target:g} would be {100 * target:g} points; "
                f"write two points as 0.02, and a target of its own for each outcome as --target {outcome}=0.02"
            )


def _shares(table: "pd.DataFrame", asked: list[str]) -> dict[str, float] | None:
    found: dict[str, float] = {}
    for given in asked:
        arm, _is, share = given.rpartition("=")
        try:
            found[arm] = float(share)
        except ValueError:
            raise InputError(f"--shares '{given}': write it as ARM=0.5") from None
        if arm not in set(table["arm"]) or not found[arm] > 0:
            raise InputError(f"--shares '{given}': '{arm}' is no arm, or its share is not above zero")
    return found or None


def _possible_out(out: Path | None) -> None:
    if out is None:
        return
    if out.suffix.lower() not in _ENDINGS:
        raise InputError(f"--out {out.name} ends in neither {' nor '.join(_ENDINGS)}; name it so")
    if not out.parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.parent}; make it first")


def _write(figures: "pd.DataFrame", out: Path) -> None:
    if out.suffix.lower() == ".json":
        out.write_text(_json(figures) + "\n", encoding="utf-8")
    else:
        figures.to_csv(out, index=False, lineterminator="\n")


def _json(figures: "pd.DataFrame") -> str:
    """One object per comparison; what is not known is null."""
    return figures.to_json(orient="records", force_ascii=False, double_precision=12, indent=1)


def _say(line: str) -> None:
    from sys import stdout

    stdout.write(f"{line}\n")
