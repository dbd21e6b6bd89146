"""Collects from the program everything that its pages say, for the catalogs (`tollgate messages`).

Templates are read by `ui.template_text`, Python by `ui.python_text`; scripts say theirs by `say("...")` (words.js), and
the places of a message tell pages which to bring along (`store.catalogs.said_by_scripts`). A message
of several rooms stands in one part alone: in `shared` if customers and operators both read it. A module of rules whose
texts are titles rather than refusals is named in `TITLES`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tollgate.core.catalogs import Entry, write_catalog
from tollgate.core.languages import LANGUAGES, SOURCE
from tollgate.core.phrases import parse
from tollgate.store import catalogs
from tollgate.ui import python_text, template_text
from tollgate.ui.loading import PACKAGE

PAGES: Final = {"portal": "portal", "panel": "panel", "ui": "shared", "config": "shared"}
RULES: Final = frozenset({"actions", "core", "gateways"})
TITLES: Final = frozenset(
    {
        "core/areas.py",
        "core/alerts.py",
        "core/notices.py",
        "core/refusals.py",
        "core/upload_fields.py",
        "core/field_words.py",
        "core/breakout.py",
        "core/journal.py",
        "core/call_search.py",
        "core/colors.py",
        "core/webhooks.py",
        "actions/alerts.py",
        "gateways/payments/__init__.py",
        "store/lake_damage.py",
        "store/queries/books.py",
        "store/queries/explain.py",
        "store/queries/obeyed.py",
        "store/queries/recalculation.py",
    }
)
STORED: Final = frozenset({"core/refusals.py"})
"""Their enumerations are stored, and shown by `python_text.words_of_value`."""
NOT_SAID: Final = frozenset(
    {
        *("ui/python_text.py", "ui/template_text.py", "ui/extraction.py", "store/catalogs.py", "core/catalogs.py"),
        *("core/templates_stock.py", "core/invoice_words.py", "core/statement_words.py", "core/languages.py"),
    }
)
"""They speak of words, or hold those of mails and documents, which have languages of their own."""
_SAID_IN_SCRIPT: Final = re.compile(r"\bsay\(\"((?:[^\"\\]|\\.)*)\"[,)]")


def extracted() -> Mapping[str, list[Entry]]:
    """Every message with its places, by part, in the order in which they are met."""
    places: dict[str, list[str]] = {}
    rooms: dict[str, set[str]] = {}
    sentences: dict[tuple[str, ...], str] = {}
    for path in sorted(PACKAGE.rglob("*.*")):
        place = path.relative_to(PACKAGE).as_posix()
        part = _part_of(place)
        if not part or place in NOT_SAID or "/vendor/" in place:
            continue
        named = python_text.named_at_source(path.read_text()) if place.endswith(".py") else frozenset()
        for found_message, of_part in _messages(path, place, part):
            message = found_message
            if place.endswith(".py") and found_message not in named:
                # recognized sentences that differ in the names of their values alone are one
                message = sentences.setdefault(parse(message).texts, message)
            if message and place not in places.setdefault(message, []):
                places[message].append(place)
            rooms.setdefault(message, set()).add(of_part)
    found: dict[str, list[Entry]] = {part: [] for part in catalogs.PARTS}
    for message, where in places.items():
        found[_home(rooms[message])].append(Entry(message, "", _kept(where)))
    return found


def _kept(places: list[str]) -> tuple[str, ...]:
    """Three of the places, one of a script and one of Python among them: those are looked for (`store.catalogs`)."""
    firsts = {place.rpartition(".")[2]: place for place in reversed(places)}.values()
    ordered = sorted(places, key=lambda place: (place not in firsts, not place.endswith(".js")))
    return tuple(ordered[:3])


def rewrite(language: str, found: Mapping[str, list[Entry]]) -> tuple[int, int]:
    """Writes the catalogs of a language anew, keeping what is translated; gives how many messages came and went."""
    known = {entry.message: entry for part in catalogs.PARTS for entry in catalogs.entries(language, part)}
    wanted = {entry.message for entries in found.values() for entry in entries}
    for part, entries in found.items():
        kept = [
            Entry(one.message, known[one.message].translation if one.message in known else "", one.places)
            for one in entries
        ]
        path = catalogs.path_of(language, part)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(write_catalog(language, kept))
    return len(wanted - set(known)), len(set(known) - wanted)


def rewrite_all() -> Mapping[str, tuple[int, int]]:
    """Writes the catalogs of every language; English ones hold no translations."""
    found = extracted()
    return {language: rewrite(language, found) for language in sorted(LANGUAGES, key=lambda code: code != SOURCE)}


def _part_of(place: str) -> str:
    room, _, rest = place.partition("/")
    if place in TITLES or place.endswith((".html", ".js")):
        return PAGES.get(room, "panel")
    if not rest.endswith(".py"):
        return ""
    if rest.startswith("models/"):
        return "shared"
    if rest.startswith("queries/"):
        return "errors"
    return PAGES.get(room, "errors" if room in RULES else "")


def _home(parts: set[str]) -> str:
    if "shared" in parts or {"portal", "panel"} <= parts:
        return "shared"
    return next(part for part in ("portal", "panel", "errors") if part in parts)


def _messages(path: Path, place: str, part: str) -> Iterator[tuple[str, str]]:
    """What a file says, each message with the part it belongs to."""
    source = path.read_text()
    for message in _said_in(source, place):
        yield message, part
    if place.startswith("actions/"):
        for message in python_text.acts(source):
            yield message, "panel"


def _said_in(source: str, place: str) -> Iterator[str]:
    if place.endswith(".html"):
        yield from template_text.messages(source)
    elif place.endswith(".js"):
        yield from (found[1].replace('\\"', '"') for found in _SAID_IN_SCRIPT.finditer(source))
    elif place.startswith("store/models/"):
        yield from _stored_words(source)
    elif place in TITLES or place.partition("/")[0] in PAGES:
        yield from python_text.messages_of_page(source)
        yield from python_text.stored_values(source) if place in STORED else ()
    else:
        yield from python_text.messages_of_rules(source)


def _stored_words(source: str) -> Iterator[str]:
    """What a column may hold, as pages show it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "one_of":
            for value in node.args[1:]:
                if isinstance(value, ast.Constant) and isinstance(value.value, str) and len(value.value) > 2:
                    yield python_text.words_of_value(value.value)
