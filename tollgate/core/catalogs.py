"""Catalogs of messages as gettext writes them: .po files, read strictly. What a message is `core.phrases` says.

Of the format there is what our catalogs need: comments, places (`#:`), the flag `fuzzy` (such a translation is not
used), strings over several lines. Contexts and plural forms are refused, so that nobody relies on them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_STRING: Final = re.compile(r'"((?:[^"\\]|\\[nrt"\\])*)"')
_ESCAPE: Final = re.compile(r"\\(.)")
_MEANINGS: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_WRITTEN: Final = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"})


class CatalogUnreadable(Exception):
    """A line that no catalog has."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"Line {line}: {why}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One message with its translation, which is empty where there is none yet, and where it stands."""

    message: str
    translation: str = ""
    places: tuple[str, ...] = ()


def read_catalog(text: str) -> list[Entry]:
    """The entries of a file, its head left out. Raises CatalogUnreadable."""
    return [entry for entry in _entries(text) if entry.message]


def _entries(text: str) -> Iterator[Entry]:
    kept: dict[str, str] = {}
    places: list[str] = []
    fuzzy, reading = False, ""
    for number, written in enumerate([*text.split("\n"), "#"], start=1):
        line = written.strip()
        if line.startswith(("#", "msgid")) and "msgstr" in kept:
            yield Entry(kept["msgid"], "" if fuzzy else kept["msgstr"], tuple(places))
            kept, places, fuzzy, reading = {}, [], False, ""
        if line.startswith("#"):
            places += line[2:].split() if line.startswith("#:") else ()
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
        elif line:
            word, _, rest = ("", "", line) if line.startswith('"') else line.partition(" ")
            reading = _next(reading, word, number)
            kept[reading] = kept.get(reading, "") + _read(rest.strip(), number)
    if kept:
        raise CatalogUnreadable(number, "the last message has no translation.")


def _next(reading: str, word: str, number: int) -> str:
    """Which part of an entry the line gives, after the one before."""
    if not word and reading:
        return reading
    if (reading, word) in (("", "msgid"), ("msgid", "msgstr")):
        return word
    raise CatalogUnreadable(number, f"{word or 'a string'} has no place here.")


def _read(text: str, number: int) -> str:
    found = _STRING.fullmatch(text)
    if found is None:
        raise CatalogUnreadable(number, "this is no string in double quotes.")
    return _ESCAPE.sub(lambda escape: _MEANINGS[escape[1]], found[1])


def write_catalog(language: str, entries: Iterable[Entry]) -> str:
    """The file of these entries, with the head that other programs expect."""
    head = f"Language: {language}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
    lines = [_pair("", head + "Content-Transfer-Encoding: 8bit\n")]
    for entry in entries:
        where = f"#: {' '.join(entry.places)}\n" if entry.places else ""
        lines.append(where + _pair(entry.message, entry.translation))
    return "\n".join(lines)


def _pair(message: str, translation: str) -> str:
    return f"msgid {_written(message)}\nmsgstr {_written(translation)}\n"


def _written(text: str) -> str:
    return f'"{text.translate(_WRITTEN)}"'
