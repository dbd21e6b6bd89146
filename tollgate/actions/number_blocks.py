"""Acts on number blocks: ranges of extensions that belong to one customer each.

Where blocks start and how long they are is said by the account's options. A later change of those never moves a block
that is there: the next one is the lowest gap of the new size that meets neither a block nor an extension of others.
"""

from __future__ import annotations

from collections.abc import Sequence

from tollgate.actions import records
from tollgate.actions.acts import Conflict, act, refuse
from tollgate.actions.deleted_records import deleted, remove
from tollgate.actions.endpoint_sharing import take_turns
from tollgate.actions.in_service import check_in_service
from tollgate.core.extensions import Span
from tollgate.store.models import Account, Customer, NumberBlock
from tollgate.store.queries.number_blocks import extensions

MOST_NUMBER = 10**12 - 1


class NumberRangeNotConfigured(Conflict):
    """The account has no start or no size of number blocks yet."""

    code = "number_range_not_configured"


class NumberRangeExhausted(Conflict):
    """Every place for a block from the account's start on is taken."""

    code = "number_range_exhausted"


@act
def assign_number_block(*, customer_id: int) -> NumberBlock:
    """Gives a customer the lowest free block of the size that the account's options say.

    Raises NumberRangeNotConfigured and NumberRangeExhausted, which are a Conflict.
    """
    customer = records.find(Customer, customer_id)
    check_in_service(customer)
    take_turns(customer.account_id)
    account = records.find(Account, customer.account_id)
    if account.block_start is None or account.block_size is None:
        words = "Set Internal number range start and Block size in Options first."
        raise NumberRangeNotConfigured({"customer_id": [words]})
    first = _lowest_gap(account.block_start, account.block_size, _taken(account, customer))
    last = first + account.block_size - 1
    if last > MOST_NUMBER:
        words = "No place is left for another block: lower Internal number range start or Block size in Options."
        raise NumberRangeExhausted({"customer_id": [words]})
    return records.create(
        NumberBlock, {"account_id": account.pk, "customer_id": customer.pk, "first": first, "last": last}
    )


@act
def delete_number_block(*, number_block_id: int) -> None:
    """Takes a block back. None of its numbers may be an extension any more. For a week `restore_number_block` undoes
    it."""
    account_id = records.find(NumberBlock, number_block_id).account_id
    take_turns(account_id)
    block = records.locked(NumberBlock, number_block_id)
    used = extensions(account_id=account_id, first=block.first, last=block.last).order_by("first")
    names = [str(Span(max(block.first, found.first), min(block.last, found.last))) for found in used[:4]]
    if names:
        listed = ", ".join(names[:3]) + (" and others" if len(names) > 3 else "")
        raise refuse("number_block_id", f"Extensions of this block are in use: {listed}. Remove what has them first.")
    remove(block, account_id=account_id)


@act
def restore_number_block(*, number_block_id: int) -> NumberBlock:
    """Gives a block back to its customer that was taken, where nobody has any of its numbers by now."""
    was = deleted(NumberBlock, number_block_id, "number_block_id")
    block = was.record
    take_turns(block.account_id)
    if any(first <= block.last and last >= block.first for first, last in _taken(block.account, block.customer)):
        raise refuse("number_block_id", "Another has numbers of this block by now: give the customer another one.")
    return was.restore()


def _taken(account: Account, customer: Customer) -> list[tuple[int, int]]:
    """What a block of this customer must not meet, in order: (first, last)."""
    blocks = NumberBlock.objects.filter(account=account).values_list("first", "last")
    others = extensions(account_id=account.pk).exclude(customer=customer).values_list("first", "last")
    return sorted([*blocks, *others])


def _lowest_gap(start: int, size: int, taken: Sequence[tuple[int, int]]) -> int:
    """The first of start, start + size, start + 2 * size, ... from which `size` numbers are free."""
    first = start
    for low, high in taken:
        if low >= first + size:
            break
        if high >= first:
            first = start + ((high - start) // size + 1) * size
    return first
