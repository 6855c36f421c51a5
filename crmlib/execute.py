"""One notebook through papermill in this process, and the copy of it that is kept."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

# jsonschema would build a grammar for web addresses on import (1.7 s) that no notebook needs.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import nbformat  # noqa: E402
from nbclient.exceptions import CellTimeoutError, DeadKernelError  # noqa: E402
from nbformat import NotebookNode  # noqa: E402

CELL_SECONDS = 900
NOTEBOOK_SECONDS = 3600

OnCell = Callable[[int, int], None]


class Stopped(Exception):  # noqa: N818 - it says what happened
    """A cell did not end well; `cell` counts from 1, as the project's notebook shows it; `partial` is what ran."""

    def __init__(self, cell: int, line: str, message: str, partial: NotebookNode):
        self.cell, self.line, self.message, self.partial = cell, line, message, partial
        super().__init__(message)


def execute(source: Path, parameters: dict[str, str], on_cell: OnCell, *, isolated: bool) -> NotebookNode:
    """Run a notebook in a process of its own, with the notebook's folder as working directory; raises Stopped."""
    import papermill
    from papermill.exceptions import PapermillExecutionError

    from crmlib import kernels

    notebook = running = nbformat.read(source, as_version=4)
    current, deadline = 1, time.monotonic() + NOTEBOOK_SECONDS

    def began(notebook: NotebookNode) -> None:
        nonlocal running
        running = notebook

    def started(cell: NotebookNode, cell_index: int) -> None:  # noqa: ARG001 - nbclient names both
        nonlocal current
        current = _number(notebook, cell_index)
        on_cell(current, len(notebook.cells))

    def stopped(message: str) -> Stopped:
        return Stopped(current, _first_line(notebook.cells[current - 1]), message, running)

    try:
        return papermill.execute_notebook(
            source,
            None,  # papermill would write the whole file before and after each cell
            parameters=parameters,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            kernel_manager_class=kernels.PlainKernel if isolated else kernels.ForkedKernel,
            shutdown_kernel="immediate",
            execution_timeout=CELL_SECONDS,
            timeout_func=lambda _cell: max(1, min(CELL_SECONDS, deadline - time.monotonic())),
            on_notebook_start=began,
            on_cell_start=started,
            resources={"metadata": {"path": str(source.parent)}},
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,
        )
    except PapermillExecutionError as error:
        said_to_people = error.ename == "InputError"
        raise stopped(error.evalue if said_to_people else f"{error.ename}: {error.evalue}") from None
    except CellTimeoutError:
        raise stopped(f"it took too long; a cell has {CELL_SECONDS} s, a notebook {NOTEBOOK_SECONDS} s") from None
    except DeadKernelError:
        raise stopped("the notebook's process died; most often the machine ran out of memory") from None


def end_thread() -> None:
    """Close what talking to kernels left open in a thread that is about to end: its event loop."""
    from jupyter_core.utils import ensure_event_loop

    ensure_event_loop().close()


def _number(notebook: NotebookNode, index: int) -> int:
    """The place in the project's notebook of a cell of the running one, which has the injected parameters in it."""
    tagged = [i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", [])]
    injected = tagged[0] + 1 if tagged else 0
    return index + 1 if index < injected else max(index, 1)


def _first_line(cell: NotebookNode) -> str:
    return (cell.source.strip().splitlines() or [""])[0]


def cells(file: Path) -> int:
    """How many cells a notebook has."""
    return len(nbformat.read(file, as_version=4).cells)


def language(file: Path) -> str:
    """The language in which a kept copy was run."""
    return str(nbformat.read(file, as_version=4).metadata.get("lang", ""))


def kept(executed: NotebookNode, params_file: str, lang: str) -> str:
    """The copy to store: no time, no machine path, no memory address, so that the same input gives the same bytes."""
    notebook = nbformat.from_dict(executed)
    notebook.metadata.pop("papermill", None)
    notebook.metadata.lang = lang
    notebook.cells = [c for c in notebook.cells if "papermill-error-cell-tag" not in c.metadata.get("tags", [])]
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        if "injected-parameters" in cell.metadata.get("tags", []):
            cell.id = "injected-parameters"
            cell.source = f'params_file = "{params_file}"\nlang = "{lang}"'
        for output in cell.get("outputs", []):
            if len(output.get("data", {})) > 1:
                output.data.pop("text/plain", None)
    return nbformat.writes(notebook) + "\n"
