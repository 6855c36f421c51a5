"""`crm registers PARAMS`: the registers as one workbook to edit, and back."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from crmlib.errors import InputError

if TYPE_CHECKING:
    from crmlib.params import Settings

_ABOUT = """Write every register of a book into one workbook with drop-downs and real dates (--out), or take an edited
one back (--take): each cell is checked, and what changed is written into data/<book>/registers as CSV."""

_EXAMPLES = """examples:
  crm registers params/sample/2017Q4.yml --out registers.xlsx
  crm registers params/sample/2017Q4.yml --take registers.xlsx"""


def add(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    layout = argparse.RawDescriptionHelpFormatter
    verb = verbs.add_parser(
        "registers", help="edit the registers in Excel, and take them back", description=_ABOUT, epilog=_EXAMPLES,
        formatter_class=layout,
    )  # fmt: skip
    verb.add_argument("params", metavar="PARAMS", type=Path, help="a quarter's params file")
    verb.add_argument("--lang", choices=("en", "zh"), default="en")
    way = verb.add_mutually_exclusive_group(required=True)
    way.add_argument("--out", metavar="FILE.xlsx", type=Path, help="write the workbook there")
    way.add_argument(
        "--take", metavar="FILE.xlsx", type=Path, help="check the edited workbook and write what it changed"
    )
    verb.set_defaults(verb=registers)


def registers(options: argparse.Namespace) -> int:
    """Write or take the workbook; says which registers changed."""
    from crmlib import params

    settings = params.load(options.params)
    said = _take(settings, options.take) if options.take else _out(settings, options.out, options.lang)
    sys.stdout.write(f"{said}\n")
    return 0


def _take(settings: "Settings", file: Path) -> str:
    from crmlib.io import registers_back

    changed = registers_back.take(settings, file)
    return f"written to data/{settings.book_id}/registers: {', '.join(changed)}" if changed else "nothing has changed"


def _out(settings: "Settings", file: Path, lang: str) -> str:
    from crmlib.report import excel_registers

    if file.suffix.lower() != ".xlsx":
        raise InputError(f"'{file.name}' is no name of a workbook; end it in .xlsx")
    file.write_bytes(excel_registers.build(settings, lang, excel_registers.of_the_book()))
    return f"{file}: edit it, then `crm registers {options_of(settings)} --take {file.name}`"


def options_of(settings: "Settings") -> str:
    return f"params/{settings.book_id}/{settings.file.name}"
