"""One-to-one pairs of two lists of moments: as many as can be, then those that fit best.

`assigned` splits the moments where nothing can belong together, and solves each piece exactly (the Hungarian method, as
Jonker and Volgenant wrote it, in whole numbers). A piece with more than `EXACT_MOST` on a side, such as a number that
is dialed all the time, is paired by the best fits first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

EXACT_MOST: Final = 64
NEAR_MOST: Final = 40
"""In a piece that is too large, so many of the nearest on the other side are looked at."""
_WEIGHT: Final = 10**12
"""More than the distances of all pairs of an exact piece together: each is two days at most."""
_FAR: Final = 10**30

Pair = tuple[int, int]
"""Places in the left and in the right list."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Two lists of moments, each in order of time, and what speaks against a pair: `misfit` weighs more than any
    `distance`, which is in milliseconds."""

    left_ms: Sequence[int]
    right_ms: Sequence[int]
    misfit: Callable[[int, int], int]
    distance: Callable[[int, int], int]


def assigned(gap: Gap, *, within_ms: int) -> list[Pair]:
    """The pairs no further apart than that, by the left one's place. No place is in two pairs."""
    found: list[Pair] = []
    for left, right in _pieces(gap, within_ms):
        if len(left) == len(right) == 1:
            found.append((left[0], right[0]))  # what lies further apart is in two pieces
        elif max(len(left), len(right)) <= EXACT_MOST:
            found += _exact(gap, left, right, within_ms)
        else:
            found += _nearest_first(gap, left, right, within_ms)
    return sorted(found)


def _pieces(gap: Gap, within_ms: int) -> Iterator[tuple[list[int], list[int]]]:
    """Stretches of time between which lies more than a pair may have between its moments; those with both sides."""
    moments = sorted(
        [(at, 0, place) for place, at in enumerate(gap.left_ms)]
        + [(at, 1, place) for place, at in enumerate(gap.right_ms)]
    )
    piece: tuple[list[int], list[int]] = ([], [])
    last = moments[0][0] if moments else 0
    for at, which, place in moments:
        if at - last > within_ms:
            if piece[0] and piece[1]:
                yield piece
            piece = ([], [])
        piece[which].append(place)
        last = at
    if piece[0] and piece[1]:
        yield piece


def _exact(gap: Gap, left: Sequence[int], right: Sequence[int], within_ms: int) -> list[Pair]:
    """The pairs of least cost; a pair that may not be costs more than all others together."""
    turned = len(left) > len(right)
    rows, columns = (right, left) if turned else (left, right)
    cost: list[list[int | None]] = [
        [_cost(gap, column, row, within_ms) if turned else _cost(gap, row, column, within_ms) for column in columns]
        for row in rows
    ]
    most = max((value for line in cost for value in line if value is not None), default=0)
    never = (most + 1) * (len(rows) + 1)
    filled = [[never if value is None else value for value in line] for line in cost]
    return [
        (columns[column], rows[row]) if turned else (rows[row], columns[column])
        for row, column in enumerate(_least(filled))
        if cost[row][column] is not None
    ]


def _cost(gap: Gap, left: int, right: int, within_ms: int) -> int | None:
    """What a pair costs; None for one that is too far apart."""
    if abs(gap.left_ms[left] - gap.right_ms[right]) > within_ms:
        return None
    return gap.misfit(left, right) * _WEIGHT + gap.distance(left, right)


def _least(cost: Sequence[Sequence[int]]) -> list[int]:
    """For each row its column, each column once, so that the sum is least; there are no more rows than columns.

    Rows are brought in one by one; each takes the cheapest way of exchanging columns with those before it, measured
    by potentials that keep every reduced cost at zero or above. Place 0 of each list stands for "none".
    """
    width = len(cost[0])
    rows, columns = [0] * (len(cost) + 1), [0] * (width + 1)  # the potentials
    row_of = [0] * (width + 1)
    for row in range(1, len(cost) + 1):
        row_of[0] = row
        column, way = _cheapest_way(cost, row_of, rows, columns)
        while column:
            row_of[column], column = row_of[way[column]], way[column]
    found = [0] * len(cost)
    for column in range(1, width + 1):
        if row_of[column]:
            found[row_of[column] - 1] = column - 1
    return found


def _cheapest_way(
    cost: Sequence[Sequence[int]], row_of: Sequence[int], rows: list[int], columns: list[int]
) -> tuple[int, list[int]]:
    """From the new row over columns that change their row to a free one, and back from there by `way`."""
    column = 0
    way = [0] * len(columns)
    least = [_FAR] * len(columns)
    waiting = list(range(1, len(columns)))
    passed: list[int] = []
    while row_of[column]:
        passed.append(column)
        here = row_of[column]
        line, potential = cost[here - 1], rows[here]
        for other in waiting:
            reduced = line[other - 1] - potential - columns[other]
            if reduced < least[other]:
                least[other], way[other] = reduced, column
        following = min(waiting, key=least.__getitem__)
        step = least[following]
        for other in passed:
            rows[row_of[other]] += step
            columns[other] -= step
        for other in waiting:
            least[other] -= step
        waiting.remove(following)
        column = following
    return column, way


def _nearest_first(gap: Gap, left: Sequence[int], right: Sequence[int], within_ms: int) -> list[Pair]:
    """The cheapest pair, then the cheapest of what is left, and so on."""
    moments = [gap.right_ms[place] for place in right]
    pairs = []
    for one in left:
        middle = bisect_right(moments, gap.left_ms[one])
        begin = max(0, middle - NEAR_MOST // 2)
        for place in right[begin : begin + NEAR_MOST]:
            cost = _cost(gap, one, place, within_ms)
            if cost is not None:
                pairs.append((cost, one, place))
    taken_left: set[int] = set()
    taken_right: set[int] = set()
    found = []
    for _, one, place in sorted(pairs):
        if one not in taken_left and place not in taken_right:
            taken_left.add(one)
            taken_right.add(place)
            found.append((one, place))
    return found
