"""Matches what a carrier says it carried with what we recorded, call by call, one to one, and names each difference.

Both sides come sorted, once by call id and once by number, so that only the calls of one id or number are in memory at
a time: `by_key` in the order of `key_order`, `by_number` in that of `number_order`. First `clock_offset` finds how far
the carrier's clock is from ours, by calls that cannot be mistaken; then `lines` pairs by call id, and what is left by
number and time. The order in which a file lists its calls changes nothing. To tell another difference, add a member to
`Class` and the case to `class_of`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final, NamedTuple

from tollgate.core.assignment import Gap, assigned

DAY_MS: Final = 86_400_000
CERTAIN_LEAST: Final = 3
"""So many calls that cannot be mistaken are needed to believe anything of a clock."""


class Class(StrEnum):
    """What a line is. All but `ours` are in the carrier's file."""

    equal = "equal"
    duration = "duration"
    rate = "rate"
    currency = "currency"
    theirs = "theirs"
    ours = "ours"
    doubled = "doubled"


class Call(NamedTuple):
    """One call as one side tells it. `place` counts the calls of a side from 0; `rest` is carried along unread.

    Of ours, `due` is whether this statement should hold it, and `billed_by` the statement that held it already.
    """

    place: int
    key: str
    number: str
    at_ms: int
    duration_ms: int
    micros: int
    currency: str
    due: bool = True
    billed_by: str = ""
    rest: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How much two records of the same call may differ and still be equal."""

    time_ms: int
    duration_ms: int
    micros: int


@dataclass(frozen=True, slots=True)
class Side:
    """The calls of one side, to be read again and again in two orders. `by_key` leaves out those without an id."""

    count: int
    by_key: Callable[[], Iterable[Call]]
    by_number: Callable[[], Iterable[Call]]


@dataclass(frozen=True, slots=True)
class Offset:
    """How far the carrier's clock is ahead of ours, by so many certain calls; 0 where they do not agree."""

    ms: int
    certain_count: int
    agreeing_count: int


class Line(NamedTuple):
    """One line of the result: a pair, or a call that only one side has. `how` is what paired it: key or number."""

    kind: Class
    how: str
    their: Call | None
    our: Call | None

    @property
    def difference_micros(self) -> int | None:
        """What they charge more than we expected; None for two currencies."""
        if self.kind is Class.currency:
            return None
        if self.kind is Class.doubled:
            return self.their.micros if self.their else 0
        return (self.their.micros if self.their else 0) - (self.our.micros if self.our else 0)


def key_order(call: Call) -> tuple[str, int, int, int, int]:
    """Calls of one id together; those that tell the same are told apart by nothing but their place."""
    return call.key, call.at_ms, call.duration_ms, call.micros, call.place


def number_order(call: Call) -> tuple[str, int, int, int, int]:
    """Calls to one number together, in the order of time."""
    return call.number, call.at_ms, call.duration_ms, call.micros, call.place


def side(calls: Sequence[Call]) -> Side:
    """A side whose calls are all in memory."""
    with_key = sorted((call for call in calls if call.key), key=key_order)
    return Side(len(calls), lambda: with_key, lambda: sorted(calls, key=number_order))


def clock_offset(theirs: Side, ours: Side, tolerance: Tolerance) -> Offset:
    """The median gap of the calls that cannot be mistaken: a call id that both have once, or else a number.

    A median is moved by no outlier. It is believed when most of those calls are within the tolerance of it.
    """
    gaps = array("q", _key_gaps(theirs, ours))
    if len(gaps) < CERTAIN_LEAST:
        gaps = array("q", _number_gaps(theirs, ours, tolerance))
    found = sorted(gaps)
    if len(found) < CERTAIN_LEAST:
        return Offset(0, len(found), 0)
    middle = found[len(found) // 2]
    agreeing = sum(abs(gap - middle) <= tolerance.time_ms for gap in found)
    return Offset(middle if agreeing * 2 > len(found) else 0, len(found), agreeing)


def lines(theirs: Side, ours: Side, tolerance: Tolerance, offset_ms: int) -> Iterator[Line]:
    """Every call of both sides in one line each; ours that nobody bills only where this statement should hold them."""
    their_done, our_done = bytearray(theirs.count), bytearray(ours.count)
    for _, their_calls, our_calls in _together(theirs.by_key(), ours.by_key(), _key):
        if their_calls and our_calls:
            for line in _of_key(their_calls, our_calls, tolerance, offset_ms):
                _mark(line, their_done, our_done)
                yield line
    for _, their_calls, our_calls in _together(theirs.by_number(), ours.by_number(), _number):
        told = [call for call in their_calls if their_done[call.place]]
        free = [call for call in their_calls if not their_done[call.place]]
        known = [call for call in our_calls if not our_done[call.place]]
        yield from _of_number(free, known, told, tolerance, offset_ms)


def class_of(their: Call, our: Call, tolerance: Tolerance) -> Class:
    """What a pair is."""
    if our.billed_by:
        return Class.doubled
    if their.currency != our.currency:
        return Class.currency
    if abs(their.duration_ms - our.duration_ms) > tolerance.duration_ms:
        return Class.duration
    if abs(their.micros - our.micros) > tolerance.micros:
        return Class.rate
    return Class.equal


def _of_key(theirs: Sequence[Call], ours: Sequence[Call], tolerance: Tolerance, offset_ms: int) -> Iterator[Line]:
    """The calls of one id. One of each side is a pair whatever else they say; the carrier's others bill it twice."""
    if len(theirs) == len(ours) == 1:
        yield Line(class_of(theirs[0], ours[0], tolerance), "key", theirs[0], ours[0])
        return
    paired = assigned(_gaps(theirs, ours, tolerance, offset_ms), within_ms=DAY_MS)
    for their, our in paired:
        yield Line(class_of(theirs[their], ours[our], tolerance), "key", theirs[their], ours[our])
    left = set(range(len(theirs))) - {their for their, _ in paired}
    for place in sorted(left) if paired else ():
        yield Line(Class.doubled, "key", theirs[place], None)


def _of_number(
    theirs: Sequence[Call], ours: Sequence[Call], told: Iterable[Call], tolerance: Tolerance, offset_ms: int
) -> Iterator[Line]:
    """The calls to one number that no call id has paired; `told` are those of the carrier that one has."""
    paired = assigned(_gaps(theirs, ours, tolerance, offset_ms), within_ms=tolerance.time_ms) if ours else []
    partner = dict(paired)
    seen = {(call.at_ms, call.duration_ms): {call.key} for call in told}
    for place, call in enumerate(theirs):
        if place in partner:
            seen.setdefault((call.at_ms, call.duration_ms), set()).add(call.key)
    for place, call in enumerate(theirs):
        if place in partner:
            our = ours[partner[place]]
            yield Line(class_of(call, our, tolerance), "number", call, our)
            continue
        before = seen.setdefault((call.at_ms, call.duration_ms), set())
        twice = call.key in before or (bool(before) and (not call.key or "" in before))
        before.add(call.key)
        yield Line(Class.doubled if twice else Class.theirs, "", call, None)
    used = set(partner.values())
    for place, call in enumerate(ours):
        if place not in used and call.due and not call.billed_by:
            yield Line(Class.ours, "", None, call)


def _gaps(theirs: Sequence[Call], ours: Sequence[Call], tolerance: Tolerance, offset_ms: int) -> Gap:
    """Both sides as the assignment sees them: on our clock, with what speaks against a pair."""

    def misfit(their: int, our: int) -> int:
        differs = abs(theirs[their].duration_ms - ours[our].duration_ms) > tolerance.duration_ms
        return int(differs) + 2 * bool(ours[our].billed_by)

    def distance(their: int, our: int) -> int:
        between = abs(theirs[their].at_ms - offset_ms - ours[our].at_ms)
        return between + min(abs(theirs[their].duration_ms - ours[our].duration_ms), DAY_MS)

    return Gap([call.at_ms - offset_ms for call in theirs], [call.at_ms for call in ours], misfit, distance)


def _key_gaps(theirs: Side, ours: Side) -> Iterator[int]:
    for _, their_calls, our_calls in _together(theirs.by_key(), ours.by_key(), _key):
        if len(their_calls) == len(our_calls) == 1:
            yield their_calls[0].at_ms - our_calls[0].at_ms


def _number_gaps(theirs: Side, ours: Side, tolerance: Tolerance) -> Iterator[int]:
    """Numbers that both sides called once, for the same time; further apart than a day is another call."""
    for _, their_calls, our_calls in _together(theirs.by_number(), ours.by_number(), _number):
        if len(their_calls) == len(our_calls) == 1:
            their, our = their_calls[0], our_calls[0]
            gap = their.at_ms - our.at_ms
            if abs(their.duration_ms - our.duration_ms) <= tolerance.duration_ms and abs(gap) <= DAY_MS:
                yield gap


def _together(
    theirs: Iterable[Call], ours: Iterable[Call], read: Callable[[Call], str]
) -> Iterator[tuple[str, list[Call], list[Call]]]:
    """Both sides, sorted alike, value by value: the calls of each side that have it."""
    left, right = groupby(theirs, read), groupby(ours, read)
    their, our = _next(left), _next(right)
    while their or our:
        if our is None or (their is not None and their[0] < our[0]):
            assert their is not None
            yield their[0], their[1], []
            their = _next(left)
        elif their is None or our[0] < their[0]:
            yield our[0], [], our[1]
            our = _next(right)
        else:
            yield their[0], their[1], our[1]
            their, our = _next(left), _next(right)


def _next(groups: Iterator[tuple[str, Iterator[Call]]]) -> tuple[str, list[Call]] | None:
    found = next(groups, None)
    return None if found is None else (found[0], list(found[1]))


def _key(call: Call) -> str:
    return call.key


def _number(call: Call) -> str:
    return call.number


def _mark(line: Line, their_done: bytearray, our_done: bytearray) -> None:
    assert line.their is not None, "each line of an id has a call of theirs"
    their_done[line.their.place] = 1
    if line.our is not None:
        our_done[line.our.place] = 1
