"""Extensions: the numbers that an endpoint has on our own net, written as people write them, and found when dialed.

An extension is a whole number of at most twelve digits without a zero before it. To let something else than phones,
endpoints and conference rooms answer to extensions, give it a `Callee` (`core.snapshot`) in the snapshot's book.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, Generic, NamedTuple, TypeVar

MOST_SPANS: Final = 50
MOST_NUMBERS: Final = 10_000
_NUMBER: Final = r"(?:0|[1-9][0-9]{0,11})"
_SPAN: Final = re.compile(rf"({_NUMBER})(?: ?[-\u2013] ?({_NUMBER}))?", re.ASCII)

Owner = TypeVar("Owner")


class ExtensionsInvalid(ValueError):
    """Text that names no extensions; the sentence says what to do."""


class Span(NamedTuple):
    """Numbers that follow one another, both ends included."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def number_of(text: str) -> int | None:
    """The extension that a text is, such as a user's name or a number dialed; None for what is none."""
    if not text.isascii() or not text.isdigit() or len(text) > 12 or (text[0] == "0" and text != "0"):
        return None
    return int(text)


@lru_cache(maxsize=10_000)
def parse(text: str) -> tuple[Span, ...]:
    """Numbers and ranges from text such as `2000-2049, 2060`, in order and joined. Raises ExtensionsInvalid."""
    found: list[Span] = []
    for part in filter(None, map(str.strip, re.split(r"[,;\n]", text))):
        fitting = _SPAN.fullmatch(part)
        if fitting is None:
            raise ExtensionsInvalid(f"{part[:40]} is no number or range: write such as 2000-2049, 2060.")
        first, last = fitting.groups()
        span = Span(int(first), int(last or first))
        if span.last < span.first:
            raise ExtensionsInvalid(f"{part[:40]} ends before it starts.")
        found.append(span)
    spans = joined(found)
    if len(spans) > MOST_SPANS:
        raise ExtensionsInvalid(f"Give at most {MOST_SPANS} numbers or ranges; these are {len(spans)}.")
    count = sum(span.last - span.first + 1 for span in spans)
    if count > MOST_NUMBERS:
        raise ExtensionsInvalid(f"Give at most {MOST_NUMBERS} extensions; these are {count}.")
    return spans


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same numbers in the fewest spans, in order."""
    result: list[Span] = []
    for span in sorted(spans):
        if result and span.first <= result[-1].last + 1:
            result[-1] = Span(result[-1].first, max(span.last, result[-1].last))
        else:
            result.append(span)
    return tuple(result)


def beside(spans: Iterable[Span], known: Iterable[Span]) -> tuple[Span, ...]:
    """What of some spans is not in others."""
    taken = joined(known)
    result: list[Span] = []
    for span in spans:
        first = span.first
        for other in taken:
            if other.last < first or other.first > span.last:
                continue
            if other.first > first:
                result.append(Span(first, other.first - 1))
            first = other.last + 1
        if first <= span.last:
            result.append(Span(first, span.last))
    return tuple(result)


def write(spans: Iterable[Span]) -> str:
    """The one way in which they are stored: `2000-2049, 2060`."""
    return ", ".join(map(str, spans))


class Book(Generic[Owner]):
    """Who has which extension: spans that do not meet, each with its owner."""

    __slots__ = ("_firsts", "_lasts", "_owners")

    def __init__(self, rows: Sequence[tuple[Span, Owner]] = ()) -> None:
        ordered = sorted(rows, key=lambda row: row[0])
        self._firsts = [span.first for span, _ in ordered]
        self._lasts = [span.last for span, _ in ordered]
        self._owners = [owner for _, owner in ordered]

    def __bool__(self) -> bool:
        return bool(self._firsts)

    def find(self, dialed: str) -> Owner | None:
        """Who has the number dialed; None for nobody."""
        if not self._firsts:
            return None
        number = number_of(dialed)
        if number is None:
            return None
        place = bisect_right(self._firsts, number) - 1
        return self._owners[place] if place >= 0 and number <= self._lasts[place] else None
