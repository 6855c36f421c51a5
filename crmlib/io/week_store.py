"""Where the results of one week of a quarter are: beside the quarter's, which a week never touches."""

from pathlib import Path

from ibis.backends.duckdb import Backend

from crmlib.errors import InputError
from crmlib.io import store
from crmlib.io.store import Store
from crmlib.params import Settings


def open_store(settings: Settings, out_dir: str | Path, week: str, con: Backend | None = None) -> Store:
    """The store of `week`, or of the quarter for ''; a week must have been prepared by `crm weekly`."""
    if not week:
        return store.open_store(settings, out_dir, con)
    found = of_week(settings, out_dir, week, con)
    if not found.has("purchase_days"):
        command = f"`crm weekly params/{settings.book_id}/{settings.file.name} --week {week}`"
        raise InputError(f"{week} of {settings.book_id} has not been prepared: run {command} first")
    return found


def of_week(settings: Settings, out_dir: str | Path, week: str, con: Backend | None = None) -> Store:
    """The store of a week, whether or not anything is in it: `<outputs>/<book>/<quarter>/weekly/<week>`."""
    return Store(store.open_store(settings, out_dir).folder / "weekly" / week, settings, con)
