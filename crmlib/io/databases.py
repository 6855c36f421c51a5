"""Databases by URL: one table or one SELECT, streamed into the engine; secrets stay in the environment.

PostgreSQL, MySQL and SQLite have readers of their own (`database_readers`); every other URL goes through Ibis.
"""

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from crmlib.errors import InputError
from crmlib.io import database_readers as readers
from crmlib.params import Source

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_READS = re.compile(r"^(read_|parquet_|st_read|sniff_csv$|glob$)|_scan$", re.IGNORECASE)
_READERS = {
    "postgresql": readers.postgresql,
    "postgres": readers.postgresql,
    "mysql": readers.mysql,
    "mariadb": readers.mysql,
    "sqlite": readers.sqlite,
}
_DIALECTS = {"postgresql": "postgres", "mariadb": "mysql", "mssql": "tsql"}
_PACKAGES = {"postgresql": "crmlib[databases]", "postgres": "crmlib[databases]", "mysql": "crmlib[databases]",
             "mariadb": "crmlib[databases]"}  # fmt: skip


def place(source: Source) -> str:
    """Table (or query) and database as a sentence names them: as the settings write them, without password."""
    what = f"table {source.table}" if source.table else "the query"
    return f"{what} in {shown_url(str(source.url))}"


def shown_url(url: str) -> str:
    """A URL that may be shown: variables by their names, no password, no options."""
    if _VARIABLE.fullmatch(url):
        return url
    parts = urlsplit(url)
    login, _at, host = parts.netloc.rpartition("@")
    user = login.partition(":")[0] if parts.scheme.partition("+")[0] in _READERS else ""  # elsewhere it may be a token
    return f"{parts.scheme}://{f'{user}@' if user else ''}{host}{parts.path}"


def with_variable(url: str) -> str:
    """The URL with a variable in place of a password, as settings may hold it."""
    parts = urlsplit(url)
    login, _at, host = parts.netloc.rpartition("@")
    user, _colon, password = login.partition(":")
    if not password or _VARIABLE.search(password):
        return url
    return parts._replace(netloc=f"{user}:${{DB_PASSWORD}}@{host}").geturl()


@contextmanager
def opened(source: Source, folder: Path, name: str, typed_url: str = "") -> Iterator[readers.Opened]:
    """The source's table or query, ready to be read; relative paths of SQLite and DuckDB files start in `folder`.

    `duckdb://` without a file is a query over CSV and Parquet files in `folder`: lines in one, their orders in another.

    Whatever a driver says comes out as a sentence without the URL's secrets. A URL typed at the keyboard may hold them.
    """
    url, secrets = _resolved(typed_url or str(source.url), name)
    scheme = urlsplit(url).scheme.partition("+")[0]
    where = place(source)
    if not scheme:
        raise InputError(
            f"sources.{name}.url is no URL; write it as postgresql://user:${{PASSWORD}}@host:5432/database, "
            "sqlite:///shop.db or duckdb:///shop.duckdb"
        )
    query = source.query
    tree = _select(query, scheme, where) if query is not None else None
    is_in_memory = scheme == "duckdb" and not urlsplit(url).path.strip("/")
    if is_in_memory:
        if query is None:
            raise InputError(f"{where}: duckdb:// has no tables; write a query over files, or duckdb:///shop.duckdb")
        query = _in_folder(query, _files(tree), folder, where)
    url = _file(url, folder, where) if scheme in ("sqlite", "duckdb") and not is_in_memory else url
    try:
        with _opened(scheme, readers.Question(url, source.table, query, source.decimal, where, is_in_memory)) as door:
            yield door
    except InputError:
        raise
    except ImportError:
        package = _PACKAGES.get(scheme, f"ibis-framework[{scheme}]")
        raise InputError(f"{where} needs a driver that is not installed; pip install '{package}'") from None
    except Exception as error:  # noqa: BLE001 - each of a dozen drivers has its own errors, and all may quote the URL
        said = _without(" ".join(str(error).split())[:500], secrets).replace(f"{folder}/", "")
        raise InputError(f"{where} cannot be read: {said}; check url, table and rights") from None


def _opened(scheme: str, ask: readers.Question) -> AbstractContextManager[readers.Opened]:
    return _READERS.get(scheme, readers.by_ibis)(ask)


def _resolved(url: str, name: str) -> tuple[str, list[str]]:
    """The URL with `${NAME}` from the environment, and what must never be shown."""
    names = _VARIABLE.findall(url)
    absent = [n for n in names if n not in os.environ]
    if absent:
        raise InputError(
            f"sources.{name}.url asks for the environment variable {absent[0]}, which is not set; "
            f"set it in the shell that starts crm: export {absent[0]}=…"
        )
    values = {n: os.environ[n] for n in names}
    whole = _VARIABLE.fullmatch(url) is not None
    full = _VARIABLE.sub(lambda m: values[m[1]] if whole else quote(values[m[1]], safe=""), url)
    login = urlsplit(full).netloc.rpartition("@")[0]
    password = login.partition(":")[2]
    secrets = [full, password, unquote(password), *values.values()]
    return full, sorted({s for s in secrets if s}, key=len, reverse=True)


def _without(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def _select(query: str, scheme: str, where: str) -> Any:
    """The tree of a query: a single SELECT. Connections are read-only too, where the database knows that."""
    import sqlglot
    from sqlglot import errors, expressions

    dialect = _DIALECTS.get(scheme, scheme)
    known = dialect if sqlglot.Dialect.get(dialect) else None
    try:
        found = [s for s in sqlglot.parse(query, read=known) if s is not None]
    except errors.SqlglotError:
        found = []
    if len(found) != 1 or not isinstance(found[0], expressions.Query):
        raise InputError(f"{where} is not one SELECT; write a single query that only reads")
    return found[0]


def _files(tree: Any) -> set[str]:
    """Files that a query reads: names with a dot where tables stand, and what `read_csv(…)` and its like are given.

    Other functions make rows of their arguments (`generate_series`), which are no files.
    """
    from sqlglot import expressions as e

    names: set[str] = set()
    for table in tree.find_all(e.Table):
        if isinstance(table.this, e.Func):
            named = table.this.name if isinstance(table.this, e.Anonymous) else table.this.sql_name()
            if not _READS.search(named):
                continue
            given = [part for part in (table.this.this, *table.this.expressions) if isinstance(part, e.Expression)]
            names.update(text.name for part in given[:1] for text in part.find_all(e.Literal) if text.is_string)
        elif not table.db and "." in table.name:
            names.add(table.name)
    return names


def _in_folder(query: str, names: set[str], folder: Path, where: str) -> str:
    """The query with its files' whole paths: a bare name would be looked for in the working directory first."""
    for name in sorted(names - {""}):
        if "://" in name or Path(name).is_absolute():
            continue
        if not any(folder.glob(name)):
            raise InputError(f"{where}: there is no file {name} in {folder.name}/; name it as it stands there")
        path = str((folder / name).absolute()).replace("'", "''")
        for written in (f"'{name}'", f'"{name}"'):
            query = query.replace(written, f"'{path}'")
    return query


def _file(url: str, folder: Path, where: str) -> str:
    """The path of a database file; one that is not there would be created by opening it."""
    path = folder / unquote(urlsplit(url).path.removeprefix("/"))
    if not path.is_file():
        raise InputError(
            f"{where}: there is no file {path.name} in {path.parent.name}/; put it there or correct the url"
        )
    return str(path)
