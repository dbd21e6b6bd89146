"""Rewrites: how numbers that an endpoint sends are turned into those that routes and rules expect.

A row says which number (`cld` or `cli`), how it looks now (`current`: a prefix, or an expression that starts with `^`)
and what takes the place of the part that fits (`new`; in it `$1` or `\\1` is what a group matched, `$0` all that fits).
What stands behind that part is kept. Of the rows of one number the first that fits is applied, the others are not.
A `+` before a number counts only for a row that has it too. What is
probably not what was meant is told by `rewrite_hints`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tollgate.core.patterns import Pattern, PatternInvalid, match
from tollgate.core.patterns import parse as parse_pattern

MOST_ROWS: Final = 50
MOST_INSTRUCTIONS: Final = 1000
"""Of all rows together: what one call can cost at most."""
COLUMNS: Final = ("target", "current", "new")
TARGETS: Final = ("cld", "cli")
_PREFIX = re.compile(r"\+?[0-9#*]{0,30}", re.ASCII)
_NEW = re.compile(r"(?:[0-9#*+]|[$\\][0-9])*", re.ASCII)
_PIECE = re.compile(r"[$\\](?P<group>[0-9])|(?P<text>[0-9#*+]+)", re.ASCII)
_MOST_NEW = 60
_NO_PREFIX = "a prefix has at most 30 of the signs 0-9 # *, perhaps a + before them; an expression starts with ^."


class RewriteInvalid(ValueError):
    """A row that cannot be obeyed: which (from 1), in which column, and what is wrong with it."""

    def __init__(self, row: int, column: str, sentence: str) -> None:
        super().__init__(f"Row {row}, {column}: {sentence}")
        self.row = row
        self.column = column
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One row. A text in `new` is put there as it is, a number stands for a group."""

    row: int
    target: str
    current: str
    pattern: Pattern | None
    new: tuple[str | int, ...]

    def apply(self, number: str) -> str | None:
        """The number rewritten; None when it does not fit."""
        if self.pattern is not None:
            return self._on(self.pattern.sees(number))
        written = self._on(number)
        if written is None and number.startswith("+"):
            written = self._on(number[1:])
        return written

    def _on(self, number: str) -> str | None:
        spans: tuple[int, ...] | None
        if self.pattern is not None:
            spans = match(self.pattern, number).spans
        elif self.current:
            spans = (0, len(self.current)) if number.startswith(self.current) else None
        else:
            spans = None if number.startswith("+") else (0, 0)
        if spans is None:
            return None
        pieces = [piece if isinstance(piece, str) else number[slice(*_span(spans, piece))] for piece in self.new]
        return "".join(pieces) + number[spans[1] :]


Rewrites = tuple[Rewrite, ...]


class Step(NamedTuple):
    """A row that changed a number, for the trace."""

    target: str
    row: int
    current: str
    before: str
    after: str


class Rewritten(NamedTuple):
    """Both numbers as they leave, and what happened to them."""

    cli: str
    cld: str
    steps: tuple[Step, ...]


def parse(rows: Sequence[Mapping[str, object]]) -> Rewrites:
    """The rows in their order. Raises RewriteInvalid for the first that cannot be obeyed."""
    if len(rows) > MOST_ROWS:
        raise RewriteInvalid(MOST_ROWS + 1, "target", f"at most {MOST_ROWS} rows are possible.")
    rewrites: list[Rewrite] = []
    size = 0
    for number, row in enumerate(rows, start=1):
        rewrite = _row(number, row)
        size += len(rewrite.pattern.program) if rewrite.pattern is not None else 0
        if size > MOST_INSTRUCTIONS:
            raise RewriteInvalid(number, "current", "the expressions of all rows together are too long.")
        rewrites.append(rewrite)
    return tuple(rewrites)


def to_json(rewrites: Rewrites) -> list[dict[str, str]]:
    """The rows as they are stored."""
    return [{"target": row.target, "current": row.current, "new": new_text(row)} for row in rewrites]


def new_text(rewrite: Rewrite) -> str:
    """What takes the place, as it is written: groups as `$1`."""
    return "".join(piece if isinstance(piece, str) else f"${piece}" for piece in rewrite.new)


def apply(rewrites: Rewrites, *, cli: str, cld: str) -> Rewritten:
    """Both numbers after the first row that fits each; a number that is not there stays away."""
    numbers = {"cli": cli, "cld": cld}
    steps: list[Step] = []
    waiting = {target for target, number in numbers.items() if number}
    for rewrite in rewrites:
        if rewrite.target in waiting:
            before = numbers[rewrite.target]
            after = rewrite.apply(before)
            if after is not None:
                waiting.discard(rewrite.target)
                numbers[rewrite.target] = after
                steps.append(Step(rewrite.target, rewrite.row, rewrite.current, before, after))
    return Rewritten(numbers["cli"], numbers["cld"], tuple(steps))


def _span(spans: tuple[int, ...], group: int) -> tuple[int, int]:
    """Where a group matched; an empty place for one that took no part."""
    first, last = spans[2 * group], spans[2 * group + 1]
    return (first, last) if first >= 0 and last >= 0 else (0, 0)


def _row(number: int, row: Mapping[str, object]) -> Rewrite:
    for column in row:
        if column not in COLUMNS:
            raise RewriteInvalid(number, str(column), "this column does not exist.")
    target, current, new = (_cell(number, row, column) for column in COLUMNS)
    if target not in TARGETS:
        raise RewriteInvalid(number, "target", "choose cld or cli.")
    pattern = None
    if current.startswith("^"):
        try:
            pattern = parse_pattern(current)
        except PatternInvalid as problem:
            raise RewriteInvalid(number, "current", str(problem)) from None
    elif not _PREFIX.fullmatch(current):
        raise RewriteInvalid(number, "current", _NO_PREFIX)
    pieces = _pieces(number, new, 0 if pattern is None else pattern.groups_count)
    if not current and not pieces:
        raise RewriteInvalid(number, "current", "the row is empty.")
    return Rewrite(number, target, current, pattern, pieces)


def _cell(number: int, row: Mapping[str, object], column: str) -> str:
    value = row.get(column, "")
    if not isinstance(value, str):
        raise RewriteInvalid(number, column, "give text.")
    return value.strip()


def _pieces(number: int, new: str, groups_count: int) -> tuple[str | int, ...]:
    if len(new) > _MOST_NEW:
        raise RewriteInvalid(number, "new", f"use at most {_MOST_NEW} signs.")
    if not _NEW.fullmatch(new):
        raise RewriteInvalid(number, "new", "use the signs 0-9 # * + and $1 to $9 for groups, $0 for all that fits.")
    pieces = tuple(found["text"] if found["group"] is None else int(found["group"]) for found in _PIECE.finditer(new))
    most = max((piece for piece in pieces if isinstance(piece, int)), default=0)
    if most > groups_count:
        there = f"there are {groups_count} groups" if groups_count else "there is no group"
        raise RewriteInvalid(number, "new", f"${most} is not possible: {there} in Current.")
    return pieces
