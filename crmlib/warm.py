"""A fork server that has done the imports: each notebook gets a process forked from it instead of importing anew.

The server imports this module and then only waits. Nothing here may open a connection or start a thread before the
fork, or the forks would share it. (The two threads it does have belong to the memory allocators of Arrow and DuckDB,
which know how to be forked.)
"""

import contextlib
import gc
import multiprocessing
import os
import pkgutil
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import forkserver

import crmlib

ENVIRONMENT = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "OMP_NUM_THREADS": "1",  # sums in another order would give other last digits
    "OPENBLAS_NUM_THREADS": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "PYTHONDONTWRITEBYTECODE": "",  # measured: without cached bytecode a batch takes three times as long
    "PYTHONHASHSEED": "0",
}
"""What every kernel of a batch finds in its environment, forked or not."""

_KERNEL = ("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "matplotlib_inline.backend_inline")
_HEAVY = ("pandas", "pyarrow.parquet", "pyarrow.dataset", "duckdb", "ibis.backends.duckdb", "matplotlib.style.core",
          "matplotlib.backends.backend_svg", "scipy.optimize", "scipy.special", "scipy.stats", "seaborn",
          "sklearn.cluster", "sklearn.linear_model", "sklearn.metrics", "statsmodels.tsa.exponential_smoothing.ets",
          "statsmodels.tsa.seasonal")  # fmt: skip
_ON_FIRST_USE = ("ibis.backends.duckdb.converter", "ibis.expr.types.groupby", "ibis.formats.pandas")
_NOT_FOR_NOTEBOOKS = ("crmlib.warm", "crmlib.kernels", "crmlib.execute", "crmlib.run", "crmlib.cli", "crmlib.report",
                      "crmlib.io.spark")  # fmt: skip
_SERVER = "CRM_FORK_SERVER"
_LONGEST_TEMP = 60  # characters; the path of a unix socket has at most 107

_path = [entry for entry in sys.path if entry]


def can_fork() -> bool:
    """Forking an interpreter full of imports is safe on Linux; elsewhere kernels start plainly."""
    return sys.platform == "linux" and len(tempfile.gettempdir()) <= _LONGEST_TEMP


def start_server() -> None:
    """Start the server, which imports in the background; does nothing when it runs already."""
    forkserver.set_forkserver_preload([__name__])
    with _environment(ENVIRONMENT | {_SERVER: "1"}):
        forkserver.ensure_running()


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(changes)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def become_kernel(arguments: list[str], environment: dict[str, str], folder: str) -> None:
    """Turn this fresh fork into an IPython kernel with its own session, environment, folder and random state."""
    import numpy
    from ipykernel.kernelapp import IPKernelApp

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


def _import_all() -> None:
    """Import what notebooks ask for; what cannot be imported is left for the notebook that asks, which then says so."""
    ours = [found.name for found in pkgutil.walk_packages(crmlib.__path__, "crmlib.", onerror=lambda _name: None)]
    for name in (
        *_KERNEL,
        *_HEAVY,
        *_ON_FIRST_USE,
        *(name for name in ours if not name.startswith(_NOT_FOR_NOTEBOOKS)),
    ):
        with contextlib.suppress(Exception):
            import_module(name)


if os.environ.get(_SERVER):
    sys.dont_write_bytecode = False
    _import_all()
    gc.collect()
    gc.freeze()
