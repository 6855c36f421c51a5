"""The files that leadership opens: a report per quarter and language, an overview of the book, and their links."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from crmlib.errors import InputError
from crmlib.io.store import Store
from crmlib.report import elsewhere, html, index, paper


def write(store: Store, notebooks: list[Path], lang: str, facts: Mapping[str, str]) -> Path:
    """Write the report of one language, the book's overview and the links between the pages; returns the report."""
    page = store.write(elsewhere.report(lang), html.build(store, notebooks, lang, facts))
    link(store)
    return page


def again(store: Store, lang: str = "", *, pdf: bool = False) -> list[Path]:
    """Write the pages again from what was stored, in one language or in all that were run; `pdf` prints each as well.

    Nothing is computed. A PDF of an earlier page does not stay beside a newer one.
    """
    if pdf:
        paper.browser()  # said before a minute of work, not after it
    wanted = [lang] if lang else [one for one in elsewhere.LANGUAGES if stored(store, one)]
    missing = [one for one in wanted if not stored(store, one)]
    if missing or not wanted:
        raise InputError(_not_run(store, missing[0] if missing else ""))
    made, origin = [], facts(_manifest(store))
    for one in wanted:
        store.remove([elsewhere.pdf(one)])
        made.append(write(store, stored(store, one), one, origin))
        if pdf:
            day = store.settings.period.as_of
            made.append(store.write(elsewhere.pdf(one), paper.printed(made[-1], day)))
    if pdf:
        link(store)
    return made


def _not_run(store: Store, lang: str) -> str:
    settings = store.settings
    command = f"crm run params/{settings.book_id}/{settings.file.name}" + (f" --lang {lang}" if lang else "")
    how = f" in language '{lang}'" if lang else ""
    return f"{settings.period} of {settings.book_id} was not run{how} yet; run `{command}` first"


def link(store: Store) -> None:
    """Bring the overviews of the book, and the links of all its reports, up to date."""
    book = Store(store.folder.parent, store.settings)
    there = [lang for lang in elsewhere.LANGUAGES if any(store.folder.parent.glob(f"*/{elsewhere.report(lang)}"))]
    for lang in elsewhere.LANGUAGES:
        if lang not in there:
            book.remove([elsewhere.index(lang)])
    for lang in there:
        book.write(elsewhere.index(lang), "")  # each overview must see that the other is there
    for lang in there:
        book.write(elsewhere.index(lang), index.build(store, lang))
        for file in sorted(store.folder.parent.glob(f"*/{elsewhere.report(lang)}")):
            _relink(store, file, lang)


def _relink(store: Store, file: Path, lang: str) -> None:
    page = file.read_text(encoding="utf-8")
    linked = elsewhere.linked(page, elsewhere.beside(file.parent, lang))
    if linked != page:
        Store(file.parent, store.settings).write(file.name, linked)


def stored(store: Store, lang: str) -> list[Path]:
    """The notebooks that were run in a language, in their order."""
    return sorted((store.folder / "notebooks" / lang).glob("*.ipynb"))


def facts(manifest: Mapping[str, object]) -> dict[str, str]:
    """What a report says of its origin: the version that made it, and one hash of all that went in."""
    inputs, versions = manifest.get("inputs"), manifest.get("versions")
    if not isinstance(inputs, dict) or not isinstance(versions, dict):
        return {}
    content = json.dumps(inputs, ensure_ascii=False, indent=2) + "\n"
    return {"crmlib": str(versions.get("crmlib", "")), "SHA-256": hashlib.sha256(content.encode()).hexdigest()}


def _manifest(store: Store) -> dict[str, object]:
    file = store.folder / "manifest.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
