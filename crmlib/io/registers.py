"""Registers: the small tables that people keep as CSV files or as the sheets of one workbook.

Each is read whole and checked cell by cell; every problem is one sentence with the row as an editor counts it (the
header is row 1). A register without a file is an empty table. Empty text is "", any other empty cell is missing. The
example row of a new book counts for nothing while it is as it came: nobody has said it.
"""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pandas as pd

from crmlib import schema
from crmlib.errors import InputError
from crmlib.io import privacy, register_cells, register_files, register_matches, register_tasks
from crmlib.params import Settings
from crmlib.schema.model import Register

# Columns whose entries must exist as ids in another register (or in one of several).
REFERENCES: dict[str, tuple[str, ...]] = {
    "action_id": ("actions",),
    "strategy_id": ("strategies",),
    "opportunity_id": ("opportunities",),
    "factor_id": ("pest", "swot"),
    "internal_id": ("swot",),
    "external_id": ("pest",),
    "evidence": ("market_facts",),
    "depends_on": ("tasks",),
}
# Columns that hold several entries, separated by semicolons.
LISTS = ("tiers", "evidence", "depends_on")
# Columns with the id of a customer: as the exports have it, or the pseudonym that tables show.
_CUSTOMERS = ("customer_id", "same_as")
_ID_LENGTH = 4

file = register_files.file


@dataclass(frozen=True)
class _Row:
    number: int
    cells: dict[str, str]


def read(settings: Settings, name: str) -> pd.DataFrame:
    """One register, typed by the schema, in the order of its file; raises with every problem found in it."""
    rows, problems = _own(settings, name)
    problems += _cell_problems(settings, name, rows) if not problems else []
    if problems:
        raise InputError(problems)
    columns = schema.REGISTERS[name].columns
    frame = pd.DataFrame({column: _series(name, column, rows) for column in columns}, columns=list(columns))
    known = {} if name == "customer_matches" or "customer_id" not in columns else merged(settings)
    called = {c: [_customer(value, settings) for value in frame[c]] for c in _CUSTOMERS if c in columns}
    ids = {c: pd.Series([known.get(v, v) for v in found], dtype="str") for c, found in called.items()}
    return _without_ids(frame, called).assign(**ids)


def _without_ids(frame: pd.DataFrame, called: dict[str, list[str]]) -> pd.DataFrame:
    """Texts in which the customer's id stands ("1001 rang") have the pseudonym instead; shorter ids may be numbers."""
    free = [
        c
        for c in frame.columns
        if register_cells.kind(c).dtype == "str" and not schema.COLUMNS[c].unit and c not in _CUSTOMERS
    ]
    for column, names in called.items():
        pairs = zip(frame[column], names, strict=True)
        hide = [(given, name) if len(given) >= _ID_LENGTH else ("\0", "") for given, name in pairs]
        told = {c: [text.replace(*pair) for text, pair in zip(frame[c], hide, strict=True)] for c in free}
        frame = frame.assign(**{c: pd.Series(texts, dtype="str") for c, texts in told.items()})
    return frame


def merged(settings: Settings) -> dict[str, str]:
    """Each customer whom people found to be another one, with the one to keep; ids as results show them."""
    rows, problems = _own(settings, "customer_matches")
    problems += _cell_problems(settings, "customer_matches", rows) if not problems else []
    if problems:
        raise InputError(problems)
    return register_matches.resolve(_matches(settings, rows))


def _customer(customer: str, settings: Settings) -> str:
    as_given = settings.privacy.customer_ids == "as_given" or not customer
    return customer if as_given else privacy.pseudonym(customer, privacy.key(settings))


def _matches(settings: Settings, rows: list[_Row]) -> list[register_matches.Match]:
    return [
        register_matches.Match(
            row.number,
            _customer(row.cells["customer_id"], settings),
            _customer(row.cells["same_as"], settings),
            row.cells["decision"] == "same",
        )
        for row in rows
    ]


def check(settings: Settings) -> list[str]:
    """Every problem in the book's registers, file by file."""
    problems = _strays(settings)
    for name in schema.REGISTERS:
        rows, found = _own(settings, name)
        problems += found or _cell_problems(settings, name, rows)
    return list(dict.fromkeys(problems))


def untouched(settings: Settings) -> list[str]:
    """Registers that hold nothing but the example row as it came."""
    held = {name: _rows(settings, name)[0] for name in schema.REGISTERS}
    return [name for name, rows in held.items() if rows and all(_is_example(name, row) for row in rows)]


def near(word: str, choices: Iterable[str]) -> str:
    """`; did you mean 'x'?` when one of the choices looks like the word, else nothing."""
    found = difflib.get_close_matches(word, list(choices), n=1)
    return f"; did you mean '{found[0]}'?" if found else ""


def _strays(settings: Settings) -> list[str]:
    return [
        f"{where} is no register{near(name, schema.REGISTERS) or '; rename or remove it'}"
        for name, where in register_files.names(settings)
        if name not in schema.REGISTERS
    ]


def _own(settings: Settings, name: str) -> tuple[list[_Row], list[str]]:
    """The rows that people wrote, or what is wrong with the file as a whole."""
    rows, problems = _rows(settings, name)
    return [row for row in rows if not _is_example(name, row)], problems


def _is_example(name: str, row: _Row) -> bool:
    register = schema.REGISTERS[name]
    return row.cells == dict(zip(register.columns, register.illustrated, strict=True))


def _rows(settings: Settings, name: str) -> tuple[list[_Row], list[str]]:
    """The filled rows of a register, or what is wrong with its file as a whole."""
    lines, problems = register_files.lines(settings, name)
    if problems or not lines:
        return [], problems
    where, header = register_files.where(settings, name), [cell.strip() for cell in lines[0][1]]
    problems = [f"{where}{p}" for p in _header_problems(header, schema.REGISTERS[name])]
    problems += [f"{where}{p}" for number, cells in lines[1:] for p in _width_problem(number, cells, header)]
    rows = [
        _Row(number, {c: cell.strip() for c, cell in zip(header, cells, strict=False)}) for number, cells in lines[1:]
    ]
    return ([], problems) if problems else (rows, [])


def _header_problems(header: list[str], register: Register) -> Iterator[str]:
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        yield " row 1: the cells are not separated by commas; save the file as comma-separated CSV"
        return
    missing = [c for c in register.required if c not in header]
    for column in missing:
        yield f": column '{column}' is missing; add it to row 1 and fill it in each row"
    for column in header:
        if column not in register.columns:
            hint = near(column, [c for c in register.columns if c not in header])
            yield f": unknown column '{column}'{hint or '; remove it, or see the columns with `crm new`'}"
    for column in sorted({c for c in header if header.count(c) > 1}):
        yield f": column '{column}' appears twice in row 1; keep one"


def _width_problem(number: int, cells: list[str], header: list[str]) -> Iterator[str]:
    if len(cells) != len(header):
        yield (
            f" row {number} has {len(cells)} cells and row 1 has {len(header)}; "
            f"put text that contains a comma in double quotes, or add the missing commas"
        )


def _cell_problems(settings: Settings, name: str, rows: list[_Row]) -> list[str]:
    """What is wrong with the cells, row by row, each as a sentence."""
    where, tiers = register_files.where(settings, name), tuple(rule.tier for rule in settings.segment.tiers)
    ids = {column: _ids(settings, others) for column, others in _references(name).items()}
    found = [(row.number, p) for row in rows for p in _row_problems(name, row, tiers, ids)]
    found += _repeated(schema.REGISTERS[name], rows)
    if name == "customer_matches" and not found:
        found += register_matches.problems(_matches(settings, rows))
    if name == "tasks" and not found:
        found += register_tasks.problems([row.number for row in rows], [row.cells for row in rows])
    return [f"{where} row {number}: {problem}" for number, problem in sorted(found, key=lambda p: p[0])]


def _row_problems(name: str, row: _Row, tiers: tuple[str, ...], ids: dict[str, set[str]]) -> Iterator[str]:
    register = schema.REGISTERS[name]
    words = {"tier": tiers, "tiers": tiers} | register.words
    if row.cells.get("status") == "done" and row.cells.get("done_date") == "":
        yield "done_date is empty though status is 'done'; write the day it was done"
    for column, value in row.cells.items():
        if not value:
            if column in register.required:
                yield f"{column} is empty; fill it in"
            continue
        yield from register_cells.problems(column, value)
        for entry in _entries(column, value):
            if column in words and entry not in words[column]:
                hint = _near_word(entry, words[column]) or "; write one of them"
                yield f"{column} '{entry}' is none of {', '.join(words[column])}{hint}"
            if column in ids and entry not in ids[column]:
                hint = near(entry, sorted(ids[column])) or "; add it there or correct it"
                yield f"{column} '{entry}' is not in {' or '.join(f'{r}.csv' for r in REFERENCES[column])}{hint}"


def _entries(column: str, value: str) -> list[str]:
    return [part.strip() for part in value.split(";") if part.strip()] if column in LISTS else [value]


def _near_word(entry: str, codes: tuple[str, ...]) -> str:
    """A suggestion that also knows the reader's words for a code, English and Chinese."""
    said = {schema.word(code, lang).lower(): code for code in codes for lang in ("en", "zh")}
    return f"; did you mean '{said[entry.lower()]}'?" if entry.lower() in said else near(entry.lower(), codes)


def _references(name: str) -> dict[str, tuple[str, ...]]:
    register = schema.REGISTERS[name]
    return {
        c: others
        for c, others in REFERENCES.items()
        if c in register.columns and (name not in others or c not in register.key)
    }


def _ids(settings: Settings, registers: tuple[str, ...]) -> set[str]:
    return {row.cells.get(schema.REGISTERS[name].key[0], "") for name in registers for row in _rows(settings, name)[0]}


def _repeated(register: Register, rows: list[_Row]) -> Iterator[tuple[int, str]]:
    first: dict[tuple[str, ...], int] = {}
    for row in rows:
        key = tuple(row.cells.get(column, "") for column in register.key)
        if key in first:
            said = " with ".join(c if c in _CUSTOMERS else f"{c} '{v}'" for c, v in zip(register.key, key, strict=True))
            yield row.number, f"{said} is already in row {first[key]}; keep one row or give it another id"
        first.setdefault(key, row.number)


def _series(name: str, column: str, rows: list[_Row]) -> pd.Series:
    kind = register_cells.kind(column)
    cells = [row.cells.get(column, "") for row in rows]
    if kind.dtype == "str":
        return pd.Series(cells, dtype="str")
    needed = column in schema.REGISTERS[name].required
    return pd.Series(
        [kind.parse(cell) if cell else None for cell in cells], dtype=kind.dtype if needed else kind.optional_dtype
    )
