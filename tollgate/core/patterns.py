"""Expressions that operators write for numbers, matched in a time that nobody can make long.

A caller chooses the number that an expression is tried on, so an engine that goes back and tries again could be made to
try for hours. This one walks all ways through the expression at once (Thompson's construction with groups, after Pike):
each sign of the number meets each instruction at most once, whatever the expression.

An expression starts with `^`, may end with `$`, and has in between literals, `.`, `\\d`, classes, groups, alternatives
within groups, and `* + ? {n} {n,} {n,m}`, lazy with a `?` behind. To add a construct, read it in `_Reader` and
write its instructions in `_write`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

MOST_SIGNS: Final = 200
MOST_INSTRUCTIONS: Final = 500
"""Of one expression, its counted repeats written out."""
MOST_GROUPS: Final = 9
MOST_REPEATS: Final = 99
DIGITS: Final = frozenset("0123456789")
_TOO_LONG: Final = "the expression is too long when its repeats are written out."
_LITERALS: Final = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#@:;,<>=!%&~'\"/_- ")
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
class Repeat:
    """The same again and again; no `most` is without end."""

    what: "Signs | Group"
    least: int
    most: int | None
    lazy: bool


Part = Signs | Group | Repeat
Parts = tuple[Part, ...]


class Op(IntEnum):
    """What an instruction does."""

    SIGN = 0  # takes one sign that is in the set
    NOT_SIGN = 1  # takes one sign that is not
    SPLIT = 2  # goes on at both, the first preferred
    JUMP = 3
    SAVE = 4  # remembers where a group begins or ends
    END = 5  # goes on at the end of the number only
    MATCH = 6


Instruction = tuple[Op, frozenset[str], int, int]


@dataclass(frozen=True, slots=True)
class Pattern:
    """An expression ready to be tried."""

    text: str
    parts: Parts
    ends: bool
    groups_count: int
    program: tuple[Instruction, ...]


class Run(NamedTuple):
    """What was found: the span of the match and of each group (-1 for a group that took no part), or None.

    `steps_count` says what finding it took: at most twice the instructions for each place of the number.
    """

    spans: tuple[int, ...] | None
    steps_count: int


def parse(text: str) -> Pattern:
    """The expression of a text. Raises PatternInvalid."""
    if len(text) > MOST_SIGNS:
        raise PatternInvalid(MOST_SIGNS + 1, f"an expression has at most {MOST_SIGNS} signs.")
    reader = _Reader(text)
    parts, ends = reader.whole()
    program: list[Instruction] = []
    _write_all(parts, program)
    if ends:
        program.append((Op.END, frozenset(), 0, 0))
    program.append((Op.MATCH, frozenset(), 0, 0))
    if len(program) > MOST_INSTRUCTIONS:
        raise PatternInvalid(1, _TOO_LONG)
    return Pattern(text, parts, ends, reader.groups_count, tuple(program))


def match(pattern: Pattern, number: str) -> Run:
    """Tries the expression from the first sign of a number on."""
    walk = _Walk(pattern, len(number))
    found: tuple[int, ...] | None = None
    threads = walk.follow(0, (0, *(-1,) * (2 * pattern.groups_count + 1)), 0, set())
    place = 0
    while threads:
        following: list[tuple[int, tuple[int, ...]]] = []
        seen: set[int] = set()
        sign = number[place : place + 1]
        for at, spans in threads:
            walk.steps_count += 1
            op, these, _, _ = pattern.program[at]
            if op is Op.MATCH:
                found = (0, place, *spans[2:])
                break  # ways that are less preferred end here
            if sign and (sign in these) is (op is Op.SIGN):
                following += walk.follow(at + 1, spans, place + 1, seen)
        threads, place = following, place + 1
    return Run(found, walk.steps_count)


def inside(parts: Parts) -> Iterator[Part]:
    """Every part, and every part within it."""
    for part in parts:
        yield part
        if isinstance(part, Repeat):
            yield from inside((part.what,))
        elif isinstance(part, Group):
            for way in part.ways:
                yield from inside(way)


class _Walk:
    """Follows the instructions that take no sign."""

    __slots__ = ("_length", "_program", "steps_count")

    def __init__(self, pattern: Pattern, length: int) -> None:
        self._program, self._length = pattern.program, length
        self.steps_count = 0

    def follow(
        self, first: int, spans: tuple[int, ...], place: int, seen: set[int]
    ) -> list[tuple[int, tuple[int, ...]]]:
        """Where the ways from an instruction wait for a sign, the preferred first; no instruction twice in `seen`."""
        waiting: list[tuple[int, tuple[int, ...]]] = []
        stack = [(first, spans)]
        while stack:
            at, spans = stack.pop()
            if at in seen:
                continue
            seen.add(at)
            self.steps_count += 1
            op, _, one, other = self._program[at]
            if op is Op.SPLIT:
                stack += ((other, spans), (one, spans))
            elif op is Op.JUMP:
                stack.append((one, spans))
            elif op is Op.SAVE:
                stack.append((at + 1, (*spans[:one], place, *spans[one + 1 :])))
            elif op is Op.END:
                if place == self._length:
                    stack.append((at + 1, spans))
            else:
                waiting.append((at, spans))
        return waiting


class _Reader:
    """Reads an expression from left to right."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self.groups_count = 0

    def whole(self) -> tuple[Parts, bool]:
        """The parts between `^` and the end, and whether a `$` stands there."""
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
        while self._at < len(self._text) and self._text[self._at] not in "|)$":
            parts.append(self._repeated())
        return tuple(parts)

    def _repeated(self) -> Part:
        start = self._at
        what = self._one()
        counts = self._counts()
        if counts is None:
            return what
        if _may_be_empty((what,)):
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

    def _one(self) -> Signs | Group:
        sign = self._text[self._at]
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
            if self._text[self._at : self._at + 1] == "?":
                raise self._wrong("looking ahead, looking behind and names are not possible: use ( ) or (?: ).")
            self.groups_count += 1
            number = self.groups_count
            if number > MOST_GROUPS:
                raise self._wrong(f"at most {MOST_GROUPS} groups are counted: write (?: ) for others.")
        ways = [self._sequence()]
        while self._take("|"):
            ways.append(self._sequence())
        if not self._take(")"):
            if self._at < len(self._text):
                raise self._wrong("$ stands at the very end only.")
            raise PatternInvalid(start + 1, "this ( is not closed.")
        return Group(tuple(ways), number)

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


def _may_be_empty(parts: Parts) -> bool:
    return all(_part_may_be_empty(part) for part in parts)


def _part_may_be_empty(part: Part) -> bool:
    if isinstance(part, Group):
        return any(_may_be_empty(way) for way in part.ways)
    return isinstance(part, Repeat) and part.least == 0


def _write_all(parts: Parts, program: list[Instruction]) -> None:
    for part in parts:
        _write(part, program)


def _write(part: Part, program: list[Instruction]) -> None:
    if len(program) > MOST_INSTRUCTIONS:  # found here already, before nested repeats have filled the memory
        raise PatternInvalid(1, _TOO_LONG)
    if isinstance(part, Group):
        _write_group(part, program)
    elif isinstance(part, Repeat):
        _write_repeat(part, program)
    else:
        program.append((Op.NOT_SIGN if part.negated else Op.SIGN, part.these, 0, 0))


def _write_group(group: Group, program: list[Instruction]) -> None:
    if group.number is not None:
        program.append((Op.SAVE, frozenset(), 2 * group.number, 0))
    leave: list[int] = []
    for way in group.ways[:-1]:
        split = _reserve(program)
        _write_all(way, program)
        leave.append(_reserve(program))
        program[split] = (Op.SPLIT, frozenset(), split + 1, len(program))
    _write_all(group.ways[-1], program)
    for place in leave:
        program[place] = (Op.JUMP, frozenset(), len(program), 0)
    if group.number is not None:
        program.append((Op.SAVE, frozenset(), 2 * group.number + 1, 0))


def _write_repeat(repeat: Repeat, program: list[Instruction]) -> None:
    for _ in range(repeat.least):
        _write(repeat.what, program)
    splits: list[int] = []
    for _ in range(1 if repeat.most is None else repeat.most - repeat.least):
        splits.append(_reserve(program))
        _write(repeat.what, program)
    if repeat.most is None:
        program.append((Op.JUMP, frozenset(), splits[0], 0))
    for split in splits:
        go, skip = split + 1, len(program)
        one, other = (skip, go) if repeat.lazy else (go, skip)
        program[split] = (Op.SPLIT, frozenset(), one, other)


def _reserve(program: list[Instruction]) -> int:
    program.append((Op.JUMP, frozenset(), 0, 0))
    return len(program) - 1
