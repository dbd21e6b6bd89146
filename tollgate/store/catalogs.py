"""The catalogs of what the pages say, in `ui/languages`: for each language a folder with one .po file for each part.

    portal.po   said by the customers' pages alone
    shared.po   said by both, and by the furniture
    panel.po    said by the operator's pages alone
    errors.po   sentences of acts and rules: what is refused and why

Those of English hold every message and no translation: they are what there is to say. `tollgate messages` writes all of
them anew from the program (`ui.extraction`). A translator fills in `msgstr` of one file; who has none is shown English.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from tollgate.core.catalogs import Entry, read_catalog
from tollgate.core.languages import SOURCE
from tollgate.core.phrases import labels, parse

FOLDER: Final = Path(__file__).parent.parent / "ui" / "languages"
PARTS: Final = ("portal", "shared", "panel", "errors")


def path_of(language: str, part: str) -> Path:
    """The file of one part in one language."""
    return FOLDER / language / f"{part}.po"


def entries(language: str, part: str) -> list[Entry]:
    """What that file holds; nothing where there is none yet."""
    path = path_of(language, part)
    return read_catalog(path.read_text()) if path.is_file() else []


@cache
def all_messages() -> Mapping[str, str]:
    """Every message with the part it belongs to."""
    return {entry.message: part for part in PARTS for entry in entries(SOURCE, part)}


@cache
def said_by_scripts() -> tuple[str, ...]:
    """The messages of scripts, which their page brings along."""
    found = (entry for part in PARTS for entry in entries(SOURCE, part))
    return tuple(entry.message for entry in found if any(place.endswith(".js") for place in entry.places))


@cache
def said_by_python() -> tuple[str, ...]:
    """Messages that Python fills with values and that say enough to be recognized by it; those with tags are not."""
    found = (entry for part in PARTS for entry in entries(SOURCE, part))
    return tuple(
        entry.message
        for entry in found
        if any(place.endswith(".py") for place in entry.places)
        and not any(label.startswith("<") for label in labels(entry.message))
        and parse(entry.message).is_telling
    )


@cache
def translations(language: str) -> Mapping[str, str]:
    """What is translated into a language, by message."""
    return {
        entry.message: entry.translation for part in PARTS for entry in entries(language, part) if entry.translation
    }
