"""Number blocks: which numbers of them are extensions already, and which are free.

An extension is the name of a SIP user that is a number. To let something else use numbers of a block, add it to
`extensions`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from django.db.models import BigIntegerField, Case, Count, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Cast, Coalesce

from tollgate.store.models import Endpoint, NumberBlock

EXTENSION: Final = r"^(0|[1-9][0-9]{0,11})$"
"""A whole number as blocks have it: without a zero before it."""
SHOWN_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a block, and whether it is an extension already."""

    number: int
    used: bool


def extensions(*, account_id: int, first: int = 0, last: int = 10**12) -> QuerySet[Any]:
    """The SIP users of an account whose names are numbers in a range, with the number as `extension`."""
    named = Endpoint.objects.filter(account_id=account_id, username__isnull=False)
    number = Case(When(username__regex=EXTENSION, then=Cast("username", BigIntegerField())))
    return named.annotate(extension=number).filter(extension__gte=first, extension__lte=last)


def with_use(blocks: QuerySet[NumberBlock]) -> QuerySet[Any]:
    """Blocks with `used_count`, how many of their numbers are extensions."""
    number = Case(When(username__regex=EXTENSION, then=Cast("username", BigIntegerField())))
    users = Endpoint.objects.filter(customer=OuterRef("customer"), username__isnull=False).annotate(extension=number)
    inside = users.filter(extension__gte=OuterRef("first"), extension__lte=OuterRef("last"))
    counted = inside.values("customer").annotate(count=Count("pk")).values("count")
    return blocks.annotate(used_count=Coalesce(Subquery(counted), 0))


def numbers(block: NumberBlock, *, around: int, count: int = SHOWN_MOST) -> tuple[Number, ...]:
    """The numbers of a block, used and free, from the page that holds one of them."""
    inside = min(max(around, block.first), block.last) - block.first
    start = block.first + inside // count * count
    last = min(start + count - 1, block.last)
    used = set(extensions(account_id=block.account_id, first=start, last=last).values_list("extension", flat=True))
    return tuple(Number(number, number in used) for number in range(start, last + 1))


def free_numbers(blocks: Sequence[NumberBlock], count: int = 1) -> tuple[int, ...]:
    """The lowest numbers of these blocks that are no extensions yet."""

    def free() -> Iterator[int]:
        for block in sorted(blocks, key=lambda block: block.first):
            there = extensions(account_id=block.account_id, first=block.first, last=block.last)
            used = set(there.values_list("extension", flat=True))
            yield from (number for number in range(block.first, block.last + 1) if number not in used)

    return tuple(islice(free(), count))


def blocks_with(number: int, *, account_id: int) -> QuerySet[NumberBlock]:
    """The block that holds a number, if any."""
    return NumberBlock.objects.filter(Q(first__lte=number, last__gte=number), account_id=account_id)
