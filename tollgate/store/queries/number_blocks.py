"""Number blocks: which numbers of them are extensions already, and which are free.

What has an extension is told by the registry (`Extension`), whatever it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Greatest, Least

from tollgate.core.extensions import Span, beside
from tollgate.store.models import Extension, NumberBlock

SHOWN_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a block, and whether it is an extension already."""

    number: int
    used: bool


def extensions(*, account_id: int, first: int = 0, last: int = 10**12) -> QuerySet[Extension]:
    """The extensions of an account that have numbers in a range, whatever has them."""
    return Extension.objects.filter(account_id=account_id, first__lte=last, last__gte=first)


def with_use(blocks: QuerySet[NumberBlock]) -> QuerySet[Any]:
    """Blocks with `used_count`, how many of their numbers are extensions."""
    inside = Extension.objects.filter(
        customer=OuterRef("customer"), first__lte=OuterRef("last"), last__gte=OuterRef("first")
    )
    size = Least(F("last"), OuterRef("last")) - Greatest(F("first"), OuterRef("first")) + 1
    counted = inside.values("customer").annotate(count=Sum(size)).values("count")
    return blocks.annotate(used_count=Coalesce(Subquery(counted), 0))


def numbers(block: NumberBlock, *, around: int, count: int = SHOWN_MOST) -> tuple[Number, ...]:
    """The numbers of a block, used and free, from the page that holds one of them."""
    inside = min(max(around, block.first), block.last) - block.first
    start = block.first + inside // count * count
    last = min(start + count - 1, block.last)
    free = _free(block.account_id, Span(start, last))
    return tuple(
        Number(number, not any(span.first <= number <= span.last for span in free)) for number in range(start, last + 1)
    )


def free_numbers(blocks: Sequence[NumberBlock], count: int = 1) -> tuple[int, ...]:
    """The lowest numbers of these blocks that are no extensions yet."""

    def free() -> Iterator[int]:
        for block in sorted(blocks, key=lambda block: block.first):
            for span in _free(block.account_id, Span(block.first, block.last)):
                yield from range(span.first, span.last + 1)

    return tuple(islice(free(), count))


def _free(account_id: int, span: Span) -> tuple[Span, ...]:
    there = extensions(account_id=account_id, first=span.first, last=span.last).values_list("first", "last")
    return beside([span], [Span(first, last) for first, last in there])
