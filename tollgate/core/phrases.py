"""Messages with values in them: how one is filled, how a filled one is recognized, what a translation must keep.

A message is text with named holes: "Line {number}: give a SIP code." A brace that stands for itself is doubled. What
surrounds words, such as <a>…</a>, may stand in a message as bare tags; they too belong into every translation.
Nothing here knows a language; the catalogs are `core.catalogs`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

KEY_LENGTH: Final = 4
TELLING_LETTERS: Final = 8
TELLING_WORDS: Final = 2
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_HOLE: Final = re.compile(r"\{\{|\}\}|\{([A-Za-z]\w*)\}", re.ASCII)
_LABEL: Final = re.compile(r"\{\{|\}\}|(\{[A-Za-z]\w*\}|</?[a-z]+[0-9]*>)", re.ASCII)
OPTIONAL: Final = "plural"
"""Holes of this name hold an English ending such as the s of "calls": other languages leave them out."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A message taken apart: always one text more than there are names."""

    message: str
    texts: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def is_telling(self) -> bool:
        """Whether it says enough to be recognized: "{a} of {b}" would take any name for itself."""
        text = " ".join(self.texts).strip()
        letters = sum(map(str.isalpha, text))
        return letters >= TELLING_LETTERS or (text.endswith(".") and len(_WORD.findall(text)) >= TELLING_WORDS)


def quoted(text: str) -> str:
    """A text that stands for itself in a message."""
    return text.replace("{", "{{").replace("}", "}}")


def parse(message: str) -> Pattern:
    """The texts and the holes of a message."""
    texts, names, at = [""], [], 0
    for found in _HOLE.finditer(message):
        texts[-1] += message[at : found.start()]
        at = found.end()
        if found[1] is None:
            texts[-1] += found[0][0]
        else:
            names.append(found[1])
            texts.append("")
    texts[-1] += message[at:]
    return Pattern(message, tuple(texts), tuple(names))


def fill(message: str, values: Mapping[str, str]) -> str:
    """The sentence that a message and its values make; a hole without a value stays empty."""
    pattern = parse(message)
    parts = [pattern.texts[0]]
    for name, text in zip(pattern.names, pattern.texts[1:], strict=True):
        parts += (values.get(name, ""), text)
    return "".join(parts)


def match(pattern: Pattern, sentence: str) -> dict[str, str] | None:
    """The values that make this sentence of the pattern, the first as short as can be; None where none do.

    Each text is looked for once, from left to right, so the time grows with the sentence alone.
    """
    first, last = pattern.texts[0], pattern.texts[-1]
    if not pattern.names:
        return {} if sentence == first else None
    at, end = len(first), len(sentence) - len(last)
    if at > end or not sentence.startswith(first) or not sentence.endswith(last):
        return None
    values: dict[str, str] = {}
    for name, text in zip(pattern.names, pattern.texts[1:-1], strict=False):
        found = sentence.find(text, at, end)
        if found < 0:
            return None
        values[name] = sentence[at:found]
        at = found + len(text)
    return {**values, pattern.names[-1]: sentence[at:end]}


def is_certain(pattern: Pattern, sentence: str) -> bool:
    """Whether no other values make this sentence, which fits the pattern: from the right the same texts are found."""
    at, end = len(pattern.texts[0]), len(sentence) - len(pattern.texts[-1])
    places: list[int] = []
    for text in pattern.texts[1:-1]:
        places.append(sentence.find(text, at, end))
        at = places[-1] + len(text)
    for text, place in zip(reversed(pattern.texts[1:-1]), reversed(places), strict=True):
        end = sentence.rfind(text, len(pattern.texts[0]), end)
        if end != place:
            return False
    return True


class Phrasebook:
    """Recognizes sentences for certain: one that could be made of two messages, or in two ways, is not recognized.

    So whatever a message of the book was filled with, the same values come back or none. Messages wait by how they
    begin, else by how they end, so that a sentence is held against few of them.
    """

    def __init__(self, messages: Iterable[str]) -> None:
        self._beginning: dict[str, list[Pattern]] = {}
        self._ending: dict[str, list[Pattern]] = {}
        self._others: list[Pattern] = []
        shapes = {found.texts: found for found in map(parse, sorted(messages, reverse=True)) if found.names}
        for pattern in shapes.values():
            first, last = pattern.texts[0], pattern.texts[-1]
            if len(first) >= KEY_LENGTH:
                self._beginning.setdefault(first[:KEY_LENGTH], []).append(pattern)
            elif len(last) >= KEY_LENGTH:
                self._ending.setdefault(last[-KEY_LENGTH:], []).append(pattern)
            else:
                self._others.append(pattern)

    def find(self, sentence: str) -> tuple[str, dict[str, str]] | None:
        """The message that the sentence was made of, with its values; None for a sentence of no known message."""
        waiting = (
            self._beginning.get(sentence[:KEY_LENGTH], ()),
            self._ending.get(sentence[-KEY_LENGTH:], ()),
            self._others,
        )
        found = [(one, values) for some in waiting for one in some if (values := match(one, sentence)) is not None]
        if len(found) != 1 or not is_certain(found[0][0], sentence):
            return None
        pattern, values = found[0]
        return pattern.message, values


def labels(message: str) -> list[str]:
    """The holes and tags of a message as they are written, in order."""
    return [found[1] for found in _LABEL.finditer(message) if found[1]]


def split(message: str) -> list[tuple[str, bool]]:
    """A message as pieces to be put together: each a text, or (True) a label."""
    pieces: list[tuple[str, bool]] = []
    at = 0
    for found in _LABEL.finditer(message):
        pieces.append((message[at : found.start()], False))
        pieces.append((found[1], True) if found[1] else (found[0][0], False))
        at = found.end()
    pieces.append((message[at:], False))
    return [piece for piece in pieces if piece[0]]


def missing(message: str, translation: str) -> list[str]:
    """The labels of the message that the translation leaves out."""
    kept = set(labels(translation))
    return [label for label in dict.fromkeys(labels(message)) if label not in kept and not _may_miss(label)]


def unknown(message: str, translation: str) -> list[str]:
    """The holes of the translation that the message does not fill."""
    known = set(labels(message))
    return [label for label in dict.fromkeys(labels(translation)) if label[0] == "{" and label not in known]


def misplaced(message: str, translation: str) -> list[str]:
    """The tags of the message that stand more than once in the translation, or are not closed where they have to be."""
    known = {label for label in labels(message) if label[0] == "<"}
    tags = [label for label in labels(translation) if label in known]
    wrong = [tag for tag in dict.fromkeys(tags) if tags.count(tag) > 1]
    opened: list[str] = []
    for tag in tags:
        if tag[1] != "/":
            opened.append(tag)
        elif not opened or opened.pop() != "<" + tag[2:]:
            return [*wrong, tag]
    return [*wrong, *opened]


def spaced(message: str, translation: str) -> str:
    """The translation with the blanks that the message begins and ends with: it stands beside other text."""
    inner = message.strip()
    before, after = message.split(inner, 1) if inner else ("", "")
    return before + translation.strip() + after


def _may_miss(label: str) -> bool:
    return label.startswith("{" + OPTIONAL)
