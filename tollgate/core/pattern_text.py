"""How the text of an expression for numbers is read into its parts; what they do is in `patterns`.

A part is a sign out of a set, a group of alternatives, a repeat, or a place that takes no sign. To add one, give it its
class, read it in `Reader`, and write its instructions in `patterns`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MOST_SIGNS: Final = 200
MOST_GROUPS: Final = 9
MOST_REPEATS: Final = 99
DIGITS: Final = frozenset("0123456789")
_LITERALS: Final = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#@:;,<>=!%&~'\"/_- ")
_NAMED = re.compile(r"\?P?<(?P<name>[A-Za-z][A-Za-z0-9_]{0,30})>", re.ASCII)
_ESCAPED: Final = frozenset("^$.*+?()[]{}|\\#-/")


class PatternInvalid(ValueError):
    """An expression that cannot be obeyed: at which sign (from 1), and what is wrong with it."""

    def __init__(self, sign: int, sentence: str) -> None:
        super().__init__(f"Sign {sign}: {sentence}")
        self.sign = sign
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Signs:
    """One sign out of a set, or any but those."""

    these: frozenset[str]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Alternatives; a number when what they match can be used as `$1`."""

    ways: tuple["Parts", ...]
    number: int | None


@dataclass(frozen=True, slots=True)
class Anchor:
    """The start of the number, or its end."""

    end: bool


@dataclass(frozen=True, slots=True)
class Ahead:
    """What has to follow here, or must not, without being taken."""

    ways: tuple["Parts", ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same again and again; no `most` is without end."""

    what: "Signs | Group"
    least: int
    most: int | None
    lazy: bool


Part = Signs | Group | Repeat | Anchor | Ahead
Parts = tuple[Part, ...]


def inside(parts: Parts) -> Iterator[Part]:
    """Every part, and every part within it."""
    for part in parts:
        yield part
        if isinstance(part, Repeat):
            yield from inside((part.what,))
        elif isinstance(part, Group | Ahead):
            for way in part.ways:
                yield from inside(way)


class Reader:
    """Reads an expression from left to right."""

    def __init__(self, text: str, *, anywhere: bool) -> None:
        self._text, self._at, self._anywhere = text, 0, anywhere
        self._looking = False
        self.groups_count = 0
        self.names: list[tuple[str, int]] = []

    def whole(self) -> tuple[Parts, bool]:
        """The parts between `^` and the end, and whether a `$` stands there; all parts of one that fits anywhere."""
        if self._anywhere:
            ways = self._ways()
            if self._at < len(self._text):
                raise self._wrong("this ) closes nothing.")
            return (ways[0] if len(ways) == 1 else (Group(ways, None),)), False
        if not self._take("^"):
            raise self._wrong("an expression starts with ^.")
        parts = self._sequence()
        if self._text[self._at :] == "$":
            return parts, True
        if self._at < len(self._text):
            raise self._wrong(self._unexpected())
        return parts, False

    def _unexpected(self) -> str:
        sign = self._text[self._at]
        if sign == "|":
            return "put alternatives into a group, such as ^(0|00)."
        if sign == ")":
            return "this ) closes nothing."
        return "$ stands at the very end only."

    def _sequence(self) -> Parts:
        parts: list[Part] = []
        while self._at < len(self._text) and self._text[self._at] not in ("|)" if self._anywhere else "|)$"):
            parts.append(self._repeated())
        return tuple(parts)

    def _ways(self) -> tuple[Parts, ...]:
        ways = [self._sequence()]
        while self._take("|"):
            ways.append(self._sequence())
        return tuple(ways)

    def _repeated(self) -> Part:
        start = self._at
        what = self._one()
        counts = self._counts()
        if counts is None:
            return what
        if isinstance(what, Anchor | Ahead) or may_be_empty((what,)):
            self._at = start
            raise self._wrong("what may be empty cannot be repeated.")
        lazy = self._take("?")
        if self._text[self._at : self._at + 1] in ("*", "+", "?", "{") and self._at < len(self._text):
            raise self._wrong("a repeat cannot be repeated: use a group.")
        return Repeat(what, *counts, lazy)

    def _counts(self) -> tuple[int, int | None] | None:
        if self._take("*"):
            return 0, None
        if self._take("+"):
            return 1, None
        if self._take("?"):
            return 0, 1
        if not self._take("{"):
            return None
        start = self._at
        inside, closed, _ = self._text[start:].partition("}")
        least, comma, most = inside.partition(",")
        numbers = [part for part in (least, most) if part]
        if not closed or not least or not all(part.isascii() and part.isdigit() for part in numbers):
            raise self._wrong("write a repeat as {2}, {2,} or {2,4}.")
        self._at += len(inside) + 1
        bounds = int(least), (int(most) if most else None) if comma else int(least)
        if max(map(int, numbers)) > MOST_REPEATS:
            raise PatternInvalid(start + 1, f"repeat at most {MOST_REPEATS} times.")
        if bounds[1] is not None and bounds[1] < max(bounds[0], 1):
            raise PatternInvalid(start + 1, "the second count is not below the first, and not 0.")
        return bounds

    def _one(self) -> Signs | Group | Anchor | Ahead:
        sign = self._text[self._at]
        if self._anywhere and sign in "^$":
            self._at += 1
            return Anchor(sign == "$")
        if sign == "(" and self._anywhere and self._text.startswith(("(?=", "(?!"), self._at):
            return self._ahead()
        if sign == "(":
            return self._group()
        if sign == "[":
            return self._class()
        if sign == "\\":
            return self._escape()
        if sign == "^":
            raise self._wrong("^ stands at the very start only.")
        if sign in "*+?{":
            raise self._wrong(f"there is nothing before {sign} to repeat. Write \\{sign} for the sign itself.")
        if sign == ".":
            self._at += 1
            return Signs(frozenset(), negated=True)
        if sign not in _LITERALS:
            raise self._wrong(f"{sign} cannot stand here.")
        self._at += 1
        return Signs(frozenset(sign))

    def _group(self) -> Group:
        start, number = self._at, None
        self._at += 1
        if not self._take("?:"):
            name = self._name() if self._text[self._at : self._at + 1] == "?" else ""
            self.groups_count += 1
            number = self.groups_count
            if number > MOST_GROUPS:
                raise self._wrong(f"at most {MOST_GROUPS} groups are counted: write (?: ) for others.")
            if name:
                self.names.append((name, number))
        ways = self._ways()
        self._close(start)
        return Group(ways, number)

    def _name(self) -> str:
        """Of a group; the place is behind its `(`."""
        if not self._anywhere:
            raise self._wrong("looking ahead, looking behind and names are not possible: use ( ) or (?: ).")
        found = _NAMED.match(self._text, self._at)
        if found is None:
            raise self._wrong("write a named group as (?<name> ), a group without a number as (?: ), or look ahead.")
        if any(found["name"] == name for name, _ in self.names):
            raise self._wrong(f"two groups are named {found['name']}.")
        self._at = found.end()
        return found["name"]

    def _ahead(self) -> Ahead:
        start = self._at
        if self._looking:
            raise self._wrong("looking ahead while looking ahead is not possible.")
        negated, self._looking = self._text[start + 2] == "!", True
        self._at += 3
        ways = self._ways()
        self._close(start)
        self._looking = False
        return Ahead(ways, negated)

    def _close(self, start: int) -> None:
        if not self._take(")"):
            if self._at < len(self._text):
                raise self._wrong("$ stands at the very end only.")
            raise PatternInvalid(start + 1, "this ( is not closed.")

    def _class(self) -> Signs:
        start = self._at
        self._at += 1
        negated, these = self._take("^"), set[str]()
        while self._text[self._at : self._at + 1] not in ("]", ""):
            these |= self._range()
        if not self._take("]"):
            raise PatternInvalid(start + 1, "this [ is not closed.")
        if not these:
            raise PatternInvalid(start + 1, "a class has at least one sign.")
        return Signs(frozenset(these), negated)

    def _range(self) -> frozenset[str]:
        first = self._member()
        if self._text[self._at : self._at + 1] != "-" or self._text[self._at + 1 : self._at + 2] in ("]", ""):
            return first
        self._at += 1
        place, last = self._at, self._member()
        if len(first) != 1 or len(last) != 1 or min(first) > min(last):
            raise PatternInvalid(place + 1, "a range goes from a lower sign to a higher, such as 1-9.")
        return frozenset(map(chr, range(ord(min(first)), ord(min(last)) + 1)))

    def _member(self) -> frozenset[str]:
        sign = self._text[self._at]
        if sign == "\\":
            return self._escape().these
        if not sign.isascii() or not sign.isprintable() or sign == "[":
            raise self._wrong(f"{sign} cannot stand in a class.")
        self._at += 1
        return frozenset(sign)

    def _escape(self) -> Signs:
        sign = self._text[self._at + 1 : self._at + 2]
        if not sign:
            raise self._wrong("a sign has to follow \\.")
        if sign != "d" and sign not in _ESCAPED:
            raise self._wrong(f"\\{sign} is not known here.")
        self._at += 2
        return Signs(DIGITS if sign == "d" else frozenset(sign))

    def _take(self, what: str) -> bool:
        if not self._text.startswith(what, self._at):
            return False
        self._at += len(what)
        return True

    def _wrong(self, sentence: str) -> PatternInvalid:
        return PatternInvalid(self._at + 1, sentence)


def may_be_empty(parts: Parts) -> bool:
    return all(_part_may_be_empty(part) for part in parts)


def _part_may_be_empty(part: Part) -> bool:
    if isinstance(part, Group):
        return any(may_be_empty(way) for way in part.ways)
    return isinstance(part, Anchor | Ahead) or (isinstance(part, Repeat) and part.least == 0)
