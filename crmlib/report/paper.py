"""A page as an A4 PDF, printed by a Chromium that is on the machine."""

import os
import re
import shutil
import subprocess
import tempfile
from datetime import date
from pathlib import Path

from markupsafe import Markup

from crmlib.errors import InputError
from crmlib.report import elsewhere

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
)
_OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
)
_SECONDS = 180
_STAMP = re.compile(rb"/(CreationDate|ModDate) \(D:(\d{14})([^)]*)\)")


def browser() -> str:
    """The browser to print with; raises InputError when there is none."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), "")
    if not found:
        raise InputError(
            "a PDF needs Chromium, Chrome or Edge on the path, and none is there; install one (Debian: "
            "`apt-get install chromium`), or open the report in any browser and print it from there"
        )
    return found


def printed(page: Path, day: date) -> bytes:
    """The page on A4 with everything that is folded opened; stamped with `day`, so that it repeats byte for byte."""
    program = browser()
    with tempfile.TemporaryDirectory(prefix="crm-pdf-") as scratch:
        copy, out = Path(scratch) / "page.html", Path(scratch) / "page.pdf"
        copy.write_text(opened(page.read_text(encoding="utf-8")), encoding="utf-8")
        root = (
            ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
        )  # Chromium refuses to start otherwise
        command = [
            program,
            *_OPTIONS,
            *root,
            f"--user-data-dir={scratch}/profile",
            f"--print-to-pdf={out}",
            copy.as_uri(),
        ]
        _run(command)
        if not out.is_file():
            raise InputError(
                f"{program} printed nothing for {page.name}; open the page in a browser and print it there"
            )
        return _stamped(out.read_bytes(), day)


def opened(page: str) -> str:
    """The page with all folds open, and without the links to files beside it: paper has none."""
    return re.sub(r"<details(?=[ >])(?![^>]*\bopen\b)", "<details open", elsewhere.linked(page, Markup()))


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise InputError(
            f"{command[0]} took longer than {_SECONDS} s to print; try again when the machine is idle"
        ) from None


def _stamped(content: bytes, day: date) -> bytes:
    """Times of printing replaced by a day; the length stays, so that the file's table of offsets stays right."""
    stamp = f"{day:%Y%m%d}000000".encode()
    return _STAMP.sub(lambda found: b"/%s (D:%s%s)" % (found[1], stamp, found[3]), content)
