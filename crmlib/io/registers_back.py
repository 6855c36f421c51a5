"""Registers edited in a workbook become the book's CSV files again: only what changed, only if all is right."""

import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from crmlib import schema
from crmlib.errors import InputError
from crmlib.io import register_files, registers
from crmlib.params import Settings

Rows = list[dict[str, str]]


def take(settings: Settings, workbook: Path) -> list[str]:
    """Write each register that the workbook changes as `registers/<name>.csv`; returns their names.

    The workbook is first checked together with the registers that it leaves alone; on any problem nothing is written.
    Registers without a sheet stay as they are; an unchanged one keeps its file, byte for byte.
    """
    if (settings.data_dir / "registers" / register_files.WORKBOOK).is_file():
        place = f"data/{settings.book_id}/registers/{register_files.WORKBOOK}"
        raise InputError(f"{place} holds this book's registers; replace that file by the edited one")
    if not workbook.is_file():
        raise InputError(f"{workbook} does not exist; give the edited {register_files.WORKBOOK}")
    with TemporaryDirectory() as folder:
        trial = _trial(settings, workbook, Path(folder))
        problems = registers.check(trial)
        if problems:
            raise InputError(problems)
        edited = {name: _filled(trial, name) for name in schema.REGISTERS if name in register_files.sheets(trial)[0]}
    changed = {name: rows for name, rows in edited.items() if rows != _filled(settings, name)}
    for name, rows in changed.items():
        _write(settings, name, rows)
    return list(changed)


def _trial(settings: Settings, workbook: Path, folder: Path) -> Settings:
    """The book as it would be: the workbook in place of the files that it has sheets for."""
    trial = settings.model_copy(update={"file": folder / "params" / settings.book_id / settings.file.name})
    there = trial.data_dir / "registers"
    there.mkdir(parents=True)
    shutil.copyfile(workbook, there / register_files.WORKBOOK)
    found, problems = register_files.sheets(trial)
    if problems:
        raise InputError(problems)
    others = [f for f in (settings.data_dir / "registers").glob("*.csv") if f.stem not in found]
    for file in [*others, settings.data_dir / "pseudonym.key"]:
        if file.is_file():
            shutil.copyfile(file, there / file.name if file.suffix == ".csv" else trial.data_dir / file.name)
    return trial


def _filled(settings: Settings, name: str) -> Rows:
    """The rows of a register, each with the cells that hold something."""
    found, _problems = register_files.lines(settings, name)
    header = [cell.strip() for cell in found[0][1]] if found else []
    rows = ({c: cell.strip() for c, cell in zip(header, row, strict=False)} for _number, row in found[1:])
    return [{c: cell for c, cell in row.items() if cell} for row in rows]


def _write(settings: Settings, name: str, rows: Rows) -> None:
    """The file appears whole or not at all; its columns stay in their order, newly filled ones follow."""
    text, target = io.StringIO(), register_files.file(settings, name)
    columns = list(_columns(settings, name, rows))
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    part.write_text(text.getvalue(), encoding="utf-8", newline="")
    part.replace(target)


def _columns(settings: Settings, name: str, rows: Rows) -> Iterator[str]:
    found, _problems = register_files.lines(settings, name)
    before = [cell.strip() for cell in found[0][1]] if found else list(schema.REGISTERS[name].columns)
    yield from before
    yield from (c for c in schema.REGISTERS[name].columns if c not in before and any(c in row for row in rows))
