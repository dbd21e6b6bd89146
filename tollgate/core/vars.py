"""Vars: the settings in TOML that a customer record carries for what has no field of its own.

Known are:

    [headers]
    remove_regex = "^(X-.*|History-Info)$"   # headers of the caller that are not passed on

    [cli]
    persist = 600   # of several forced CLIs each in turn is shown for so many seconds

    [schedule]
    week = "9-21"      # from Monday to Friday calls are let through from this hour until that one is reached
    weekend = "10-14"  # on Saturday and Sunday; what is not named is closed
    offset = -4        # hours that the clock of these is ahead of UTC, the whole year; 0 where it is not named

All of a text, known or not, goes along with every webhook about the customer (`as_json`). What is saved is checked
whole (`parse`); of what was kept before, or came in another way, the part that is wrong is without effect (`obeyed`).
To add a key that is known: its place in `_KNOWN`, its reader in `_PARTS`, a field of `Vars`.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Any, Final, TypeAlias

from tollgate.core.hours import Hours, Window

MOST_CHARACTERS = 10_000
MOST_DEPTH = 20
MOST_PERSIST_S = 365 * 86_400
_WHOLE = range(-(2**63), 2**63)
_MOST_EXPRESSION = 200
_EXPRESSION = re.compile(r"[A-Za-z0-9_.^$*|()\-]+", re.ASCII)  # what every dialect of expressions reads alike
_KNOWN: Mapping[str, frozenset[str]] = {
    "headers": frozenset({"remove_regex"}),
    "cli": frozenset({"persist"}),
    "schedule": frozenset({"week", "weekend", "offset"}),
}
_DAYS: Final = {"week": range(1, 6), "weekend": range(6, 8)}
_OFFSETS: Final = range(-12, 15)
_SPAN: Final = re.compile(r"\s*([0-9]{1,2})\s*-\s*([0-9]{1,2})\s*", re.ASCII)
_PLACE = re.compile(r"\(at (?:line (\d+), column \d+|end of document)\)")


JsonValue: TypeAlias = "str | int | bool | list[JsonValue] | dict[str, JsonValue]"


class _Decimal(str):
    """A decimal as it was written."""

    __slots__ = ()


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
    cli_persist_s: int = 0  # 0: the customer's own choice among forced CLIs holds
    schedule: Hours | None = None  # beside those of the record: calls need both
    warnings: tuple[str, ...] = ()


def parse(text: str) -> Vars:
    """The settings of a text; none in an empty one. Raises VarsInvalid."""
    found, problems = obeyed(text)
    if problems:
        raise problems[0]
    return found


def obeyed(text: str) -> tuple[Vars, tuple[VarsInvalid, ...]]:
    """What of a text can be obeyed, and what is wrong in it: a header's expression, a time, a schedule as a whole.

    Half a schedule is none: it would close days that nobody has closed. Of a text that is no TOML nothing is obeyed.
    """
    try:
        data = _read(text)
    except VarsInvalid as problem:
        return Vars(), (problem,)
    known: dict[str, Any] = {}
    problems = []
    for name, read in _PARTS.items():
        try:
            known[name] = read(text, data)
        except VarsInvalid as problem:
            problems.append(problem)
    return Vars(**known, warnings=tuple(_unknown(data))), tuple(problems)


def as_json(text: str) -> dict[str, JsonValue]:
    """All that a text says, for programs of others: moments by ISO 8601, decimals as they were written.

    What nothing obeys because it is wrong is told as well. Raises VarsInvalid for what is no TOML.
    """
    return {name: _jsonable(value) for name, value in _read(text).items()}


def _read(text: str) -> dict[str, Any]:
    """What a text says. Raises VarsInvalid, also for what a program or the database could not take from a webhook."""
    if len(text) > MOST_CHARACTERS:
        raise VarsInvalid(1, f"at most {MOST_CHARACTERS} characters are allowed.")
    try:
        data = tomllib.loads(text, parse_float=_Decimal)
    except tomllib.TOMLDecodeError as problem:
        raise _misspelled(text, str(problem)) from None
    except RecursionError:
        raise VarsInvalid(1, f"it is nested too deeply: {MOST_DEPTH} levels are allowed.") from None
    except ValueError:  # digits beyond what Python turns into a number
        raise VarsInvalid(1, "a whole number may have 64 bits.") from None
    level: list[Any] = [data]
    for _ in range(MOST_DEPTH + 1):
        for value in level:
            _check_fit(text, value)
        level = [inner for value in level for inner in _inside(value)]
    if level:
        raise VarsInvalid(1, f"it is nested too deeply: {MOST_DEPTH} levels are allowed.")
    return data


def _table(text: str, data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table of a text; empty where it is not named. Raises VarsInvalid for what is none."""
    found = data.get(name, {})
    if not isinstance(found, dict):
        raise VarsInvalid(_line_of(text, name), f"{name} must be a table: [{name}].")
    return found


def _removed_headers(text: str, data: Mapping[str, Any]) -> str:
    """The expression for headers of a text. Raises VarsInvalid."""
    expression = _table(text, data, "headers").get("remove_regex", "")
    problem_of = _wrong(expression)
    if problem_of:
        raise VarsInvalid(_line_of(text, "headers", "remove_regex"), f"remove_regex {problem_of}")
    assert isinstance(expression, str)
    return expression


def _cli_persist_s(text: str, data: Mapping[str, Any]) -> int:
    """How long each of several forced CLIs is shown, 0 where it is not named. Raises VarsInvalid."""
    persist_s = _table(text, data, "cli").get("persist")
    if persist_s is None:
        return 0
    if not _is_persist(persist_s):
        line = _line_of(text, "cli", "persist")
        raise VarsInvalid(line, f"persist must be whole seconds from 1 to {MOST_PERSIST_S}.")
    return int(persist_s)


def _schedule(text: str, data: Mapping[str, Any]) -> Hours | None:
    """The hours of a text, by a clock that is never changed; None where it has no such table. Raises VarsInvalid."""
    table = _table(text, data, "schedule")
    if "schedule" not in data:
        return None
    windows: list[Window] = []
    for name, weekdays in _DAYS.items():
        if name in table:
            span = _span(table[name])
            if span is None:
                sentence = f'{name} must be hours from 0 to 24 such as "9-21", the second after the first.'
                raise VarsInvalid(_line_of(text, "schedule", name), sentence)
            windows += [Window(weekday, 60 * span[0], 60 * span[1]) for weekday in weekdays]
    if not windows:
        raise VarsInvalid(_line_of(text, "schedule"), "schedule must name the hours of week or weekend.")
    offset = table.get("offset", 0)
    if not isinstance(offset, int) or isinstance(offset, bool) or offset not in _OFFSETS:
        raise VarsInvalid(_line_of(text, "schedule", "offset"), "offset must be whole hours from -12 to 14.")
    return Hours(f"Etc/GMT{-offset:+d}", tuple(windows))


_PARTS: Final[Mapping[str, Callable[[str, Mapping[str, Any]], Any]]] = {
    "removed_headers": _removed_headers,
    "cli_persist_s": _cli_persist_s,
    "schedule": _schedule,
}
"""How each field of `Vars` is read; the first mistake that `parse` tells is the first of these."""


def _span(value: object) -> tuple[int, int] | None:
    """The two hours of a text such as `9-21`; None where it has no such form."""
    found = _SPAN.fullmatch(value) if isinstance(value, str) and not isinstance(value, _Decimal) else None
    if found is None:
        return None
    first, last = int(found[1]), int(found[2])
    return (first, last) if first < last <= 24 else None


def _is_persist(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_PERSIST_S


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _check_fit(text: str, value: Any) -> None:
    if isinstance(value, int) and value not in _WHOLE:
        raise VarsInvalid(1, "a whole number may have 64 bits.")
    if isinstance(value, str) and "\0" in value:
        raise VarsInvalid(_line_of(text, "\\u0000"), "the sign \\u0000 cannot be kept.")


def _jsonable(value: Any) -> JsonValue:
    match value:
        case dict():
            return {str(name): _jsonable(one) for name, one in value.items()}
        case list():
            return [_jsonable(one) for one in value]
        case date() | time():  # a moment is a date too
            return value.isoformat()
    assert isinstance(value, (str, int))
    return value


def _wrong(expression: object) -> str:
    """What is wrong with an expression for names of headers; empty when nothing is."""
    if not isinstance(expression, str) or isinstance(expression, _Decimal):
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
            yield f"{name} is not known: it goes along with webhooks, and nothing obeys it."
            continue
        for key in value if isinstance(value, dict) else ():
            if key not in _KNOWN[name]:
                yield f"{name}.{key} is not known, so nothing obeys it."


def _misspelled(text: str, problem: str) -> VarsInvalid:
    found = _PLACE.search(problem)
    last = text.count("\n") + 1
    sentence = _PLACE.sub("", problem).strip() + "."
    return VarsInvalid(int(found[1]) if found and found[1] else last, sentence)


def _line_of(text: str, *keys: str) -> int:
    """Where a key stands, the last of those that lead to it: the first line that sets it, else that names it."""
    lines, found = text.splitlines(), 1
    for key in keys:
        given = re.compile(rf"""(?:^|[.{{,\[])\s*["']?{re.escape(key)}["']?\s*[=\].]""")
        numbered = list(enumerate(lines[found - 1 :], start=found))
        giving = [number for number, line in numbered if given.search(line.partition("#")[0])]
        naming = [number for number, line in numbered if key in line]
        found = next(iter(giving or naming), found)
    return found
