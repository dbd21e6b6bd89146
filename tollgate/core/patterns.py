"""Expressions that operators write for numbers, matched in a time that nobody can make long.

A caller chooses the number that an expression is tried on, so an engine that goes back and tries again could be made to
try for hours. This one walks all ways through the expression at once (Thompson's construction with groups, after Pike):
each sign of the number meets each instruction at most once, whatever the expression.

An expression starts with `^`, may end with `$`, and has in between literals, `.`, `\\d`, classes, groups, alternatives
within groups, and `* + ? {n} {n,} {n,m}`, lazy with a `?` behind. One that is read as `anywhere` may begin at any sign
of the number, and also has `^` and `$` at any place, alternatives outside groups, named groups `(?<name>...)` and
looking ahead by `(?=...)` and `(?!...)`. To add a construct, read it in `pattern_text`, write it in `_write`.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

from tollgate.core.pattern_text import (
    DIGITS,
    MOST_SIGNS,
    Ahead,
    Anchor,
    Group,
    Part,
    Parts,
    PatternInvalid,
    Reader,
    Repeat,
    Signs,
    inside,
)

__all__ = [
    "DIGITS",
    "MOST_INSTRUCTIONS",
    "MOST_SIGNS",
    "Group",
    "Parts",
    "Pattern",
    "PatternInvalid",
    "Repeat",
    "Run",
    "Signs",
    "inside",
    "match",
    "parse",
]

MOST_INSTRUCTIONS: Final = 500
"""Of one expression, its counted repeats written out."""
_TOO_LONG: Final = "the expression is too long when its repeats are written out."


class Op(IntEnum):
    """What an instruction does."""

    SIGN = 0  # takes one sign that is in the set
    NOT_SIGN = 1  # takes one sign that is not
    SPLIT = 2  # goes on at both, the first preferred
    JUMP = 3
    SAVE = 4  # remembers where a group begins or ends
    END = 5  # goes on at the end of the number only
    MATCH = 6
    BEGIN = 7  # goes on at the start of the number only
    AHEAD = 8  # goes on where a look ahead is content


Instruction = tuple[Op, frozenset[str], int, int]
Looks = list[tuple[Instruction, ...]]


_BEFORE: Final[tuple[Instruction, ...]] = (
    (Op.SPLIT, frozenset(), 3, 1),
    (Op.NOT_SIGN, frozenset(), 0, 0),
    (Op.JUMP, frozenset(), 0, 0),
    (Op.SAVE, frozenset(), 0, 0),
)
"""Skips signs, as few as possible, and remembers where the match begins."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """An expression ready to be tried."""

    text: str
    parts: Parts
    ends: bool
    groups_count: int
    program: tuple[Instruction, ...]
    names: tuple[tuple[str, int], ...] = ()
    """Of groups that have one, with their numbers."""
    looks: tuple[tuple[Instruction, ...], ...] = ()
    """What is looked for ahead, each written backwards."""
    names_plus: bool = False
    """Whether it speaks of a `+`."""

    @property
    def size(self) -> int:
        """Its instructions, those of looking ahead too."""
        return len(self.program) + sum(map(len, self.looks))

    def sees(self, number: str) -> str:
        """A number as the expression is tried on it: the `+` before it counts only for one that speaks of a `+`."""
        return number if self.names_plus else number.removeprefix("+")


class Run(NamedTuple):
    """What was found: the span of the match and of each group (-1 for a group that took no part), or None.

    `steps_count` says what finding it took: at most twice the instructions for each place of the number.
    """

    spans: tuple[int, ...] | None
    steps_count: int


def parse(text: str, *, anywhere: bool = False) -> Pattern:
    """The expression of a text. Raises PatternInvalid."""
    if len(text) > MOST_SIGNS:
        raise PatternInvalid(MOST_SIGNS + 1, f"an expression has at most {MOST_SIGNS} signs.")
    reader = Reader(text, anywhere=anywhere)
    parts, ends = reader.whole()
    program: list[Instruction] = []
    looks: list[tuple[Instruction, ...]] = []
    if anywhere:
        program += _BEFORE
    _write_all(parts, program, looks)
    if ends:
        program.append((Op.END, frozenset(), 0, 0))
    program.append((Op.MATCH, frozenset(), 0, 0))
    if len(program) + sum(map(len, looks)) > MOST_INSTRUCTIONS:
        raise PatternInvalid(1, _TOO_LONG)
    names_plus = any(isinstance(part, Signs) and "+" in part.these for part in inside(parts))
    return Pattern(
        text, parts, ends, reader.groups_count, tuple(program), tuple(reader.names), tuple(looks), names_plus
    )


def match(pattern: Pattern, number: str) -> Run:
    """Tries the expression from the first sign of a number on; one read as `anywhere` from each."""
    walk = _Walk(pattern.program, len(number))
    walk.held = [_places(look, number, walk) for look in pattern.looks]
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
                found = (spans[0], place, *spans[2:])
                break  # ways that are less preferred end here
            if sign and (sign in these) is (op is Op.SIGN):
                following += walk.follow(at + 1, spans, place + 1, seen)
        threads, place = following, place + 1
    return Run(found, walk.steps_count)


def _places(look: tuple[Instruction, ...], number: str, told: "_Walk") -> list[bool]:
    """At which places what is looked for begins: it is written backwards and walked from the end, each place once."""
    walk = _Walk(look, len(number))
    held = [False] * (len(number) + 1)
    arrived: list[int] = []
    for place in range(len(number), -1, -1):
        seen: set[int] = set()
        waiting = [at for start in (0, *arrived) for at, _ in walk.follow(start, (), place, seen)]
        held[place] = any(look[at][0] is Op.MATCH for at in waiting)
        sign = number[place - 1 : place] if place else ""
        arrived = [at + 1 for at in waiting if sign and _takes(look[at], sign)]
    told.steps_count += walk.steps_count
    return held


def _takes(instruction: Instruction, sign: str) -> bool:
    op, these, _, _ = instruction
    return op is not Op.MATCH and (sign in these) is (op is Op.SIGN)


class _Walk:
    """Follows the instructions that take no sign."""

    __slots__ = ("_length", "_program", "held", "steps_count")

    def __init__(self, program: tuple[Instruction, ...], length: int) -> None:
        self._program, self._length = program, length
        self.held: list[list[bool]] = []
        """Of each look ahead, at which places what it looks for begins."""
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
            elif op is Op.BEGIN:
                if place == 0:
                    stack.append((at + 1, spans))
            elif op is Op.AHEAD:
                if self.held[one][place] is (other == 0):
                    stack.append((at + 1, spans))
            else:
                waiting.append((at, spans))
        return waiting


def _write_all(parts: Parts, program: list[Instruction], looks: Looks) -> None:
    for part in parts:
        _write(part, program, looks)


def _write(part: Part, program: list[Instruction], looks: Looks) -> None:
    if len(program) + sum(map(len, looks)) > MOST_INSTRUCTIONS:  # before nested repeats have filled the memory
        raise PatternInvalid(1, _TOO_LONG)
    if isinstance(part, Group):
        _write_group(part, program, looks)
    elif isinstance(part, Repeat):
        _write_repeat(part, program, looks)
    elif isinstance(part, Anchor):
        program.append((Op.END if part.end else Op.BEGIN, frozenset(), 0, 0))
    elif isinstance(part, Ahead):
        _write_look(part, looks)
        program.append((Op.AHEAD, frozenset(), len(looks) - 1, int(part.negated)))
    else:
        program.append((Op.NOT_SIGN if part.negated else Op.SIGN, part.these, 0, 0))


def _write_look(part: Ahead, looks: Looks) -> None:
    program: list[Instruction] = []
    _write_all((Group(tuple(_backwards(way) for way in part.ways), None),), program, [])
    program.append((Op.MATCH, frozenset(), 0, 0))
    looks.append(tuple(program))


def _backwards(parts: Parts) -> Parts:
    """The same read from the end; groups are not counted in it."""
    turned: list[Part] = []
    for part in reversed(parts):
        if isinstance(part, Group):
            turned.append(_turned(part))
        elif isinstance(part, Repeat) and isinstance(part.what, Group):
            turned.append(Repeat(_turned(part.what), part.least, part.most, part.lazy))
        else:
            turned.append(part)
    return tuple(turned)


def _turned(group: Group) -> Group:
    return Group(tuple(map(_backwards, group.ways)), None)


def _write_group(group: Group, program: list[Instruction], looks: Looks) -> None:
    if group.number is not None:
        program.append((Op.SAVE, frozenset(), 2 * group.number, 0))
    leave: list[int] = []
    for way in group.ways[:-1]:
        split = _reserve(program)
        _write_all(way, program, looks)
        leave.append(_reserve(program))
        program[split] = (Op.SPLIT, frozenset(), split + 1, len(program))
    _write_all(group.ways[-1], program, looks)
    for place in leave:
        program[place] = (Op.JUMP, frozenset(), len(program), 0)
    if group.number is not None:
        program.append((Op.SAVE, frozenset(), 2 * group.number + 1, 0))


def _write_repeat(repeat: Repeat, program: list[Instruction], looks: Looks) -> None:
    for _ in range(repeat.least):
        _write(repeat.what, program, looks)
    splits: list[int] = []
    for _ in range(1 if repeat.most is None else repeat.most - repeat.least):
        splits.append(_reserve(program))
        _write(repeat.what, program, looks)
    if repeat.most is None:
        program.append((Op.JUMP, frozenset(), splits[0], 0))
    for split in splits:
        go, skip = split + 1, len(program)
        one, other = (skip, go) if repeat.lazy else (go, skip)
        program[split] = (Op.SPLIT, frozenset(), one, other)


def _reserve(program: list[Instruction]) -> int:
    program.append((Op.JUMP, frozenset(), 0, 0))
    return len(program) - 1
