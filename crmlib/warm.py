"""A fork server that has done the imports: each notebook gets a process forked from it instead of importing anew.

The server imports all but the libraries of models, and those while the first notebook runs. Nothing here may open a
connection or start a thread before the fork, or the forks would share it. (The two threads it does have belong to the
memory allocators of Arrow and DuckDB, which know how to be forked.)
"""

import contextlib
import gc
import multiprocessing
import os
import pkgutil
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any

import crmlib

ENVIRONMENT = {
    "DUCKDB_JE_MALLOC_CONF": "dirty_decay_ms:100,muzzy_decay_ms:0",  # free memory goes back at once, not in a second
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OMP_NUM_THREADS": "1",  # sums in another order would give other last digits
    "OPENBLAS_NUM_THREADS": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "PYTHONDONTWRITEBYTECODE": "",  # measured: without cached bytecode a batch takes three times as long
    "PYTHONHASHSEED": "0",
}
"""What every kernel of a batch finds in its environment, forked or not."""

_KERNEL = ("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "matplotlib_inline.backend_inline")
_TABLES = ("pandas", "pyarrow.parquet", "pyarrow.dataset", "duckdb", "ibis.backends.duckdb", "matplotlib.style.core",
           "matplotlib.backends.backend_svg")  # fmt: skip
_MODELS = ("scipy.optimize", "scipy.special", "scipy.stats", "seaborn", "sklearn.cluster", "sklearn.linear_model",
           "sklearn.metrics", "statsmodels.tsa.exponential_smoothing.ets", "statsmodels.tsa.seasonal")  # fmt: skip
_ON_FIRST_USE = ("ibis.backends.duckdb.converter", "ibis.expr.types.groupby", "ibis.formats.pandas")
_NOT_FOR_NOTEBOOKS = ("crmlib.warm", "crmlib.kernels", "crmlib.execute", "crmlib.run", "crmlib.run_week", "crmlib.cli",
                      "crmlib.verbs", "crmlib.manifest", "crmlib.lock", "crmlib.report", "crmlib.io.spark",
                      "crmlib.views.explore")  # fmt: skip
_SERVER = "CRM_FORK_SERVER"
_BORN = signal.SIGUSR1
_OBJECTS_BETWEEN_COLLECTIONS = (
    100_000  # Python's 700 costs a notebook a tenth of its time: expressions are many small objects
)
_LONGEST_TEMP = 60  # characters; the path of a unix socket has at most 107

_one_fork_at_a_time = threading.Lock()
_path = [entry for entry in sys.path if entry]
_imported_by = os.getpid()  # in a fork: the server


def can_fork() -> bool:
    """Forking an interpreter full of imports is safe on Linux; elsewhere kernels start plainly."""
    return sys.platform == "linux" and len(tempfile.gettempdir()) <= _LONGEST_TEMP


def start_server() -> None:
    """Start the server, which imports in the background; does nothing when it runs already."""
    forkserver.set_forkserver_preload([__name__])
    with _environment(ENVIRONMENT | {_SERVER: "1"}):
        forkserver.ensure_running()


def collect_rarely() -> None:
    """Look for cycles after 100,000 new objects, not 700: expressions are many small objects, and live on."""
    gc.set_threshold(100_000)


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def without_main() -> Iterator[None]:
    """Keep multiprocessing from importing the batch's main script into the fork, where it could start a batch again."""
    with _one_fork_at_a_time:
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


@contextmanager
def beside(work: Callable[..., None], arguments: tuple[Any, ...], *, forked: bool) -> Iterator[None]:
    """Do the work in a forked process while the body runs, or after the body where nothing is forked.

    What the work raises is raised when the body is done; where the body fails, the process is ended.
    """
    if not forked:
        yield
        work(*arguments)
        return
    told, tell = multiprocessing.Pipe(duplex=False)
    forks = multiprocessing.get_context("forkserver")
    process = forks.Process(target=_do, args=(tell, dict(os.environ), work, arguments))
    with without_main():
        process.start()
    tell.close()
    try:
        yield
        problem = told.recv()
    except EOFError:
        problem = MemoryError("the process that makes the workbooks died; most often the machine ran out of memory")
    finally:
        told.close()
        process.kill()
        process.join()
        process.close()
    if problem is not None:
        raise problem


def _do(tell: Connection, environment: dict[str, str], work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """In the forked process: do the work and tell how it ended."""
    _born()
    os.environ.update(environment)
    sys.path[:] = _path
    threading.Thread(target=_leave_with_batch, daemon=True).start()
    try:
        work(*arguments)
    except Exception as problem:  # noqa: BLE001 - raised again by who waits
        tell.send(problem)
    else:
        tell.send(None)


def _leave_with_batch() -> None:
    batch = multiprocessing.parent_process()
    if batch:
        batch.join()
        os._exit(1)


def become_kernel(arguments: list[str], environment: dict[str, str], folder: str) -> None:
    """Turn this fresh fork into an IPython kernel with its own session, environment, folder and random state."""
    import numpy
    from ipykernel.kernelapp import IPKernelApp

    _born()
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path[:], sys.argv[:] = _path, ["ipykernel_launcher", *arguments]
    tempfile.tempdir = None
    numpy.random.seed()  # noqa: NPY002 - not for our use: forks share the state they were born with
    threading.Thread(target=_end_with_batch, args=(environment["TMPDIR"],), daemon=True).start()
    IPKernelApp.launch_instance(argv=[*arguments, f"--IPKernelApp.parent_handle={os.getppid()}"])


def _end_with_batch(scratch: str) -> None:
    """Exit when the batch is gone, even if it was killed: the server itself would wait for us."""
    batch = multiprocessing.parent_process()
    if batch:
        batch.join()
        shutil.rmtree(scratch, ignore_errors=True)
        os._exit(1)


def _import(names: Iterable[str]) -> None:
    """Import what notebooks ask for; what cannot be imported is left for the notebook that asks, which then says so."""
    gc.disable()  # what is imported stays
    for name in names:
        with contextlib.suppress(Exception):
            import_module(name)
    gc.enable()
    gc.collect()
    gc.freeze()


def _import_rest(*_signal: object) -> None:
    """What the first notebook does without; who asks for a process meanwhile waits until it is done."""
    signal.signal(_BORN, signal.SIG_IGN)
    _import(_MODELS)


def _born() -> None:
    """Tell the server, in a process that it has forked, that it may go on with its imports."""
    signal.signal(_BORN, signal.SIG_DFL)
    if os.getppid() == _imported_by:  # else the server has died, and its orphans have another parent
        os.kill(_imported_by, _BORN)


def _ours(package: str, folders: Iterable[str]) -> list[str]:
    """Our modules for notebooks; `pkgutil.walk_packages` would import every package to look into it."""
    found: list[str] = []
    for module in pkgutil.iter_modules(folders, f"{package}."):
        if not module.name.startswith(_NOT_FOR_NOTEBOOKS):
            below = [f"{folder}/{module.name.rpartition('.')[2]}" for folder in folders] if module.ispkg else []
            found += [module.name, *_ours(module.name, below)]
    return found


if os.environ.get(_SERVER):
    sys.dont_write_bytecode = False
    collect_rarely()
    signal.signal(_BORN, _import_rest)
    _import((*_KERNEL, *_TABLES, *_ON_FIRST_USE, *_ours("crmlib", crmlib.__path__)))
