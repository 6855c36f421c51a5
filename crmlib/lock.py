"""One run of a book at a time: its quarters read each other and share the overview."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crmlib.errors import InputError


@contextmanager
def held(book: Path) -> Iterator[None]:
    """Hold the results folder of a book; raises InputError when another run holds it. It goes with the process.

    The folder itself is locked, so that no lock file can be left behind. Without file locks (Windows) nothing is held.
    """
    try:
        import fcntl
    except ModuleNotFoundError:
        yield
        return
    book.mkdir(parents=True, exist_ok=True)
    opened = os.open(book, os.O_RDONLY)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"another run of {book.name} writes to {book.parent.name}/{book.name} now; wait until it is done, "
                "or give both files to one `crm run`, which runs them one after the other"
            ) from None
        yield
    finally:
        os.close(opened)
