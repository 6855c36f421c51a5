"""The whole quarterly batch as one more way of `bench_scale`: seconds and memory of all processes that it starts."""

import json
import os
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from bench import adopt_orphans

ROOT = Path(__file__).resolve().parents[1]
LOOK = 0.2  # seconds between two looks at the memory of processes


def whole(files: Path, out: Path, memory: str, stages) -> None:
    """`crm run` of a new book, from raw files to report and workbooks; of each notebook its wall seconds."""
    params_file = new_book(out, files, memory)
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [sys.executable, "-m", "crmlib.cli", "run", str(params_file)]
    stages.found["all"] = spent(command, out, {**os.environ, "PYTHONPATH": os.pathsep.join(paths)})
    told = json.loads((out / "outputs/speed/2023Q4/manifest.json").read_text(encoding="utf-8"))
    stages.found |= {name: {"wall": seconds} for name, seconds in told["seconds"].items()}


def new_book(folder: Path, files: Path, memory: str) -> Path:
    """A book as `crm new` makes it with these files, its example rows taken for real; returns its only quarter."""
    import yaml

    from crmlib.io import new_book

    (folder / "notebooks").symlink_to(ROOT / "notebooks")
    new_book.create(folder, "speed", "2023Q4")
    for register in (folder / "data/speed/registers").glob("*.csv"):
        register.write_text(register.read_text(encoding="utf-8").replace(",illustrative", ",actual"), encoding="utf-8")
    for file in files.glob("*.parquet"):
        (folder / "data/speed/raw" / file.name).symlink_to(file.resolve())
    orders = {"files": "orders_*.parquet", "columns": {"net_amount": "net_minor"}, "amount_unit": "minor"}
    changes = {"sources": {"orders": orders}, "privacy": {"customer_ids": "as_given"}, "memory_limit": memory}
    quarter = folder / "params/speed/2023Q4.yml"
    quarter.write_text(yaml.safe_dump(changes), encoding="utf-8")
    return quarter


def spent(command: list[str], folder: Path, environment: dict[str, str]) -> dict[str, float]:
    """CPU and wall seconds of a command and of all it starts, the largest of these processes, and the most they held.

    Kernels belong to a fork server that outlives the command: it becomes a child of this process, which then waits for
    it too, so their CPU seconds are counted to the end. Call it in a process that has no other children.
    """
    adopt_orphans()
    before, began, peaks = _cpu(), time.perf_counter(), (0.0, 0.0)
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    while process.returncode is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOK)
        largest, together = held()
        peaks = max(peaks[0], largest), max(peaks[1], together)
    wall = time.perf_counter() - began
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return {"cpu": _cpu() - before, "wall": wall, "mib": peaks[0], "tree_mib": peaks[1]}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def held() -> tuple[float, float]:
    """MiB of the processes below this one: the highest that one of them has had, and what all hold now together."""
    most, now = [0.0], [0.0]
    for pid in below(os.getpid()):
        with suppress(OSError, KeyError):  # it has ended
            lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
            told = dict(line.split(":", 1) for line in lines)
            most.append(int(told["VmHWM"].split()[0]) / 1024)
            now.append(int(told["VmRSS"].split()[0]) / 1024)
    return max(most), sum(now)


def below(top: int) -> set[int]:
    """The processes that another one has started, and theirs."""
    children: dict[int, set[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):  # it has ended
                stat = (folder / "stat").read_text(encoding="utf-8", errors="replace")
                children.setdefault(int(stat.rpartition(")")[2].split()[1]), set()).add(int(folder.name))
    found: set[int] = set()
    new = children.get(top, set())
    while new:
        found |= new
        new = set().union(*(children.get(pid, set()) for pid in new))
    return found
