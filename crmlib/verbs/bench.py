"""`crm bench`: time the stages and the whole batch on generated books, each beside its yardsticks."""

import argparse
from pathlib import Path

from crmlib.errors import InputError
from crmlib.verbs.screen import DONE, FAILED

_ABOUT = """Make books of generated order lines and time on them, each in a process of its own: a bare scan, minimal
group-bys, the RFM base by hand-written SQL, pandas, Polars and crmlib, openretailscience's segments, the next quarter,
and the whole batch. What is not installed is named and left out. `make bench` times models, panels and the rest too.
Linux only."""

_EXAMPLES = """examples:
  crm bench                                         1M and 10M order lines
  crm bench --lines 1e8 --turns 1 --folder FOLDER   100M order lines, about an hour; its records join those in FOLDER
  crm bench --lines 1e8 --ways kept --memory 2GB --turns 10 --folder FOLDER
                                                    the RFM base ten times with little memory"""

_SCRIPT = Path(__file__).parents[2] / "tests/bench_scale.py"
_OPTIONS = {
    "lines": ("N,N", "sizes of the books (default: 1e6,1e7)"),
    "turns": ("N", "how often each is timed (default: 3)"),
    "ways": ("WAY,WAY", "what to time (default: all)"),
    "memory": ("SIZE", "memory_limit of the engine (default: 4GB)"),
    "folder": ("DIR", "keep the books, and the records of all measurements, there"),
    "write": ("FILE.md", "write the page there, not on the screen"),
}


def add(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    layout = argparse.RawDescriptionHelpFormatter
    bench = verbs.add_parser(
        "bench", help="time the stages and the whole batch on generated books, beside SQL, pandas and others",
        description=_ABOUT, epilog=_EXAMPLES, formatter_class=layout,
    )  # fmt: skip
    for name, (value, said) in _OPTIONS.items():
        bench.add_argument(f"--{name}", metavar=value, help=said)
    bench.set_defaults(verb=_bench)


def _bench(options: argparse.Namespace) -> int:
    import subprocess
    import sys

    if not _SCRIPT.is_file():
        raise InputError("the benchmarks are not part of the installed package; run `make bench` in the source tree")
    given = [f"--{name}={value}" for name in _OPTIONS if (value := getattr(options, name))]
    ended = subprocess.run([sys.executable, str(_SCRIPT), *given], check=False)
    return FAILED if ended.returncode else DONE
