"""What the command line shows, and the exit codes by which it ends."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmlib.run import Progress, Reporter, StepFailed

DONE, FAILED, WRONG_INPUT, INTERRUPTED = 0, 1, 2, 130


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def complain(lines: list[str]) -> None:
    sys.stdout.flush()
    start = "\n" if sys.stdout.isatty() else ""
    sys.stderr.write(start + "".join(f"{line}\n" for line in lines))


def shown(path: Path) -> str:
    """The path as seen from here, where that is shorter."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def stopped(failed: "StepFailed") -> int:
    """Say what stopped and where what ran until then is."""
    complain([
        f"{failed.notebook} stopped in cell {failed.cell}: {failed.line}",
        *failed.message.splitlines(),
        f"what ran until then is in {shown(failed.partial)}",
    ])  # fmt: skip
    return FAILED


def progress() -> "Reporter":
    """How a run shows where it is: one line that is rewritten for people, else a line per event."""
    return _live() if sys.stdout.isatty() else _plain


def _live() -> "Reporter":
    """A line per notebook that is done, and one below for those that run, rewritten at each cell."""
    running: dict[str, Progress] = {}

    def tell(progress: "Progress") -> None:
        line = f"\r\x1b[K{progress.notebook:<15} "
        if progress.done:
            running.pop(progress.notebook, None)
            sys.stdout.write(f"{line}done       {progress.seconds:.1f} s\n")
        else:
            running[progress.notebook] = progress
        shown = [f"{one.notebook:<15} cell {one.cell}/{one.cells}  {one.seconds:.1f} s" for one in running.values()]
        room = shutil.get_terminal_size().columns - 1  # a line that wraps could not be rewritten
        sys.stdout.write("\r\x1b[K" + " | ".join(shown)[:room] if shown else "")
        sys.stdout.flush()

    return tell


def _plain(progress: "Progress") -> None:
    """A line when a notebook starts and one when it is done."""
    if progress.done:
        say(f"{progress.notebook} done in {progress.seconds:.1f} s")
    elif progress.cell == 0:
        say(f"{progress.notebook} started, {progress.cells} cells")
