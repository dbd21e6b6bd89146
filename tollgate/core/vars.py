"""Vars: the settings in TOML that a customer record carries for what has no field of its own.

Known are:

    [headers]
    remove_regex = "^(X-.*|History-Info)$"   # headers of the caller that are not passed on

To add one: its place in `_KNOWN`, its check in `parse`, a field of `Vars`.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST_CHARACTERS = 10_000
_MOST_EXPRESSION = 200
_EXPRESSION = re.compile(r"[A-Za-z0-9_.^$*|()\-]+", re.ASCII)  # what every dialect of expressions reads alike
_KNOWN: Mapping[str, frozenset[str]] = {"headers": frozenset({"remove_regex"})}
_PLACE = re.compile(r"\(at (?:line (\d+), column \d+|end of document)\)")


class VarsInvalid(ValueError):
    """A text that cannot be obeyed: the line (from 1), and what is wrong there."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"Line {line}: {sentence}")
        self.line = line
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Vars:
    """What a text says. `warnings` name keys that nothing obeys."""

    removed_headers: str = ""
    warnings: tuple[str, ...] = ()


def parse(text: str) -> Vars:
    """The settings of a text; none in an empty one. Raises VarsInvalid."""
    if len(text) > MOST_CHARACTERS:
        raise VarsInvalid(1, f"at most {MOST_CHARACTERS} characters are allowed.")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise _misspelled(text, str(problem)) from None
    except RecursionError:
        raise VarsInvalid(1, "it is nested too deeply.") from None
    headers = data.get("headers", {})
    if not isinstance(headers, dict):
        raise VarsInvalid(_line_of(text, "headers"), "headers must be a table: [headers].")
    expression = headers.get("remove_regex", "")
    problem_of = _wrong(expression)
    if problem_of:
        raise VarsInvalid(_line_of(text, "remove_regex"), f"remove_regex {problem_of}")
    return Vars(expression, tuple(_unknown(data)))


def _wrong(expression: object) -> str:
    """What is wrong with an expression for names of headers; empty when nothing is."""
    if not isinstance(expression, str):
        return "must be a text."
    if not expression:
        return ""
    if len(expression) > _MOST_EXPRESSION or not _EXPRESSION.fullmatch(expression):
        return f"may have {_MOST_EXPRESSION} letters, digits and the signs _ - . ^ $ * | ( )."
    try:
        re.compile(expression)
    except re.error as problem:
        return f"is no expression: {problem.msg}."
    return ""


def _unknown(data: Mapping[str, Any]) -> Iterator[str]:
    for name, value in data.items():
        if name not in _KNOWN:
            yield f"{name} is not known, so nothing obeys it."
            continue
        for key in value:
            if key not in _KNOWN[name]:
                yield f"{name}.{key} is not known, so nothing obeys it."


def _misspelled(text: str, problem: str) -> VarsInvalid:
    found = _PLACE.search(problem)
    last = text.count("\n") + 1
    sentence = _PLACE.sub("", problem).strip() + "."
    return VarsInvalid(int(found[1]) if found and found[1] else last, sentence)


def _line_of(text: str, key: str) -> int:
    """Where a key stands: the first line that names it."""
    return next((number for number, line in enumerate(text.splitlines(), start=1) if key in line), 1)
