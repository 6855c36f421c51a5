"""Several quarters from one command: each in a process of its own, and one table of what became of them."""

import argparse
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from crmlib.verbs.run import REPORT, UNCHANGED
from crmlib.verbs.screen import DONE, FAILED, INTERRUPTED, WRONG_INPUT, say

_STATES = {DONE: "done", FAILED: "failed", WRONG_INPUT: "wrong input", INTERRUPTED: "stopped"}
_GRACE = 10.0  # seconds that a run has to end after Ctrl-C
_LAST_WORDS = 3.0  # seconds to read what an ended run said: a kernel that outlives it for a moment holds the pipe open


@dataclass(frozen=True)
class Outcome:
    """What became of one file: its exit code, and the report's place or the first sentence of what went wrong."""

    file: str
    code: int
    state: str
    seconds: float
    told: str


@dataclass(frozen=True)
class _Crowd:
    """The processes that run now, and whether no more may start."""

    options: argparse.Namespace
    lines: "queue.SimpleQueue[str]" = field(default_factory=queue.SimpleQueue)
    running: set[subprocess.Popen[str]] = field(default_factory=set)
    stopping: threading.Event = field(default_factory=threading.Event)


def run(options: argparse.Namespace) -> int:
    """Run every file; returns 0 when all went well, 1 when a step failed anywhere, 2 when only inputs are wrong."""
    crowd = _Crowd(options)
    chains = by_book(options.params)
    began = time.perf_counter()
    with _interrupts(crowd), ThreadPoolExecutor(options.jobs) as pool:
        futures = [pool.submit(_chain, crowd, chain) for chain in chains]
        while not all(future.done() for future in futures) and not crowd.stopping.is_set():
            _tell(crowd, 0.1)
        if crowd.stopping.is_set():
            _stop(crowd)
            raise KeyboardInterrupt
        _tell(crowd, 0)
    found = {outcome.file: outcome for future in futures for outcome in future.result()}
    outcomes = [found[file] for file in dict.fromkeys(options.params) if file in found]
    for line in table(outcomes):
        say(line)
    bad = [outcome for outcome in outcomes if outcome.code != DONE]
    say(f"{len(outcomes) - len(bad)} of {len(outcomes)} ran well, {time.perf_counter() - began:.0f} s")
    return DONE if not bad else WRONG_INPUT if all(one.code == WRONG_INPUT for one in bad) else FAILED


def by_book(files: list[str]) -> list[list[str]]:
    """The files of each book in the order of their quarters, each once: a quarter looks back at the ones before."""
    books: dict[Path, list[str]] = {}
    for path, file in {Path(file).resolve(): file for file in reversed(files)}.items():
        books.setdefault(path.parent, []).append(file)
    return [sorted(chain, key=lambda file: Path(file).name) for chain in books.values()]


def table(outcomes: list[Outcome]) -> list[str]:
    """One line per file under a header, in columns."""
    rows = [("file", "state", "seconds", "report, or what went wrong")]
    rows += [(one.file, one.state, f"{one.seconds:.1f}", one.told) for one in outcomes]
    wide = [max(len(row[column]) for row in rows) for column in range(3)]
    return [f"{f:<{wide[0]}}  {state:<{wide[1]}}  {seconds:>{wide[2]}}  {told}" for f, state, seconds, told in rows]


def _chain(crowd: _Crowd, files: list[str]) -> list[Outcome]:
    return [_one(crowd, file) for file in files if not crowd.stopping.is_set()]


def _one(crowd: _Crowd, file: str) -> Outcome:
    """One file in a process of its own and in a group of its own, so that it gets Ctrl-C once, from us."""
    began, name = time.perf_counter(), f"{Path(file).resolve().parent.name} {Path(file).stem}"
    process = subprocess.Popen(
        command(file, crowd.options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        text=True, encoding="utf-8", start_new_session=True,
    )  # fmt: skip
    crowd.running.add(process)
    if crowd.stopping.is_set():
        process.kill()  # it came after the others were told to stop
    said: tuple[list[str], list[str]] = ([], [])
    readers = [
        threading.Thread(target=_read, args=(pipe, name, crowd, kept), daemon=True)
        for pipe, kept in zip((process.stdout, process.stderr), said, strict=True)
    ]
    for reader in readers:
        reader.start()
    code = process.wait()
    crowd.running.discard(process)
    for reader in readers:
        reader.join(_LAST_WORDS)
    return _outcome(file, code, time.perf_counter() - began, *said)


def command(file: str, options: argparse.Namespace) -> list[str]:
    """`crm run` of one file with the options of all."""
    given = [sys.executable, "-m", "crmlib.cli", "run", file, "--lang", options.lang, "--from", options.first]
    given += ["--to", options.last, "--jobs", str(options.jobs), *(["--out", options.out] if options.out else [])]
    return given + [f"--{flag}" for flag in ("force", "isolated") if getattr(options, flag)]


def _read(pipe: IO[str], name: str, crowd: _Crowd, kept: list[str]) -> None:
    with pipe:
        for line in pipe:
            kept.append(line.rstrip("\n"))
            crowd.lines.put(f"{name}: {kept[-1]}")


def _outcome(file: str, code: int, seconds: float, said: list[str], complaints: list[str]) -> Outcome:
    pages = [line.removeprefix(REPORT) for line in said if line.startswith(REPORT)]
    was_there = any(line.startswith(UNCHANGED) for line in said)
    state = "unchanged" if code == DONE and was_there else _STATES.get(code, f"exit {code}")
    told = pages[-1] if code == DONE and pages else _complaint(complaints)
    return Outcome(file, code, state, seconds, told)


def _complaint(lines: list[str]) -> str:
    """The first sentence of what went wrong; of a failed step also what its cell said."""
    lines = [line for line in lines if line.strip()] or [""]
    if lines[0].startswith("Traceback"):
        return lines[-1]
    return "; ".join(lines[:2]) if " stopped in cell " in lines[0] else lines[0]


def _tell(crowd: _Crowd, seconds: float) -> None:
    """Show what the runs said, whole lines only, waiting a moment for the first."""
    try:
        say(crowd.lines.get(timeout=seconds) if seconds else crowd.lines.get_nowait())
        while True:
            say(crowd.lines.get_nowait())
    except queue.Empty:
        return


def _stop(crowd: _Crowd) -> None:
    """Ctrl-C to every run, which ends its kernels; who is still there after a while is killed."""
    for process in list(crowd.running):
        process.send_signal(signal.SIGINT)
    until = time.monotonic() + _GRACE
    while crowd.running and time.monotonic() < until:
        time.sleep(0.05)
    for process in list(crowd.running):
        process.kill()


@contextmanager
def _interrupts(crowd: _Crowd) -> Iterator[None]:
    """Ctrl-C, or a request to end, is noted; an exception could come up where it is lost, or leave a run behind."""

    def ask(_signal: int, _frame: FrameType | None) -> None:
        crowd.stopping.set()

    before = {asked: signal.signal(asked, ask) for asked in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for asked, handler in before.items():
            signal.signal(asked, handler)
