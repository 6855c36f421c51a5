"""Error cells (#N/A, #DIV/0!) of .xlsx workbooks, which the reader reports as empty: found in the sheet's own XML."""

import re
import zipfile
from pathlib import Path

_CHUNK = 1 << 20
_OVERLAP = 1 << 15
_CELL = re.compile(rb'<c ([^>]*\bt="e"[^>]*)>.{0,8192}?<v>([^<]{1,20})</v>', re.DOTALL)
_PLACE = re.compile(rb'\br="([A-Z]{1,3})([0-9]+)"')
_SHEET = re.compile(r"<(?:\w+:)?sheet\b[^>]*>")
_RELATION = re.compile(r"<(?:\w+:)?Relationship\b[^>]*>")


def error_cells(file: Path, sheet: str) -> dict[int, dict[int, str]]:
    """Row number -> column position -> what Excel shows; empty for other kinds of workbooks."""
    if file.suffix.lower() not in (".xlsx", ".xlsm"):
        return {}
    found: dict[int, dict[int, str]] = {}
    with zipfile.ZipFile(file) as archive:
        part = _part(archive, sheet)
        if part is None:
            return {}
        with archive.open(part) as xml:
            held = b""
            while chunk := xml.read(_CHUNK):
                text = held + chunk
                for cell in _CELL.finditer(text) if b't="e"' in text else ():
                    place = _PLACE.search(cell[1])
                    if place:
                        found.setdefault(int(place[2]), {})[_position(place[1])] = cell[2].decode("ascii", "replace")
                held = text[-_OVERLAP:]
    return found


def _position(letters: bytes) -> int:
    """A -> 0, Z -> 25, AA -> 26."""
    at = 0
    for letter in letters:
        at = at * 26 + letter - 64
    return at - 1


def _part(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """The name of the sheet's part in the archive, by the workbook's list and its relations."""
    import html

    names = set(archive.namelist())
    if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names:
        return None
    listed = _SHEET.findall(archive.read("xl/workbook.xml").decode("utf-8", "replace"))
    ids = [_attribute(tag, r"\w+:id") for tag in listed if html.unescape(_attribute(tag, "name")) == sheet]
    relations = _RELATION.findall(archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace"))
    targets = [_attribute(tag, "Target") for tag in relations if ids and _attribute(tag, "Id") == ids[0]]
    part = targets[0].lstrip("/") if targets else ""
    part = part if part.startswith("xl/") else f"xl/{part}"
    return part if part in names else None


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf'\s{name}="([^"]*)"', tag)
    return found[1] if found else ""
