"""How far a customer is billed, so that a run reads what is new alone, and loses nothing that comes late.

A run remembers until when the periods of the schedule are done, and the last entry of the wallet that it looked at. The
next one asks which calls got entries since: they name the billed stretches to look at again, and the periods without a
document that are to be looked at after all. No act of its own: runs, drafts and voids use it, each with the customer's
row in hand. What un-bills something calls `reopen`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from tollgate.actions.postings import wallet_id_of
from tollgate.actions.statements import fetch
from tollgate.store.models import BillingProgress, Customer, Invoice

EVER: Final = datetime(2000, 1, 1, tzinfo=UTC)
FROM_CALLS: Final = ("usage", "correction")
"""The kinds of line that bill calls."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a run has to look at. `since_at`: all periods that ended by then are done; null is none. `again`: the
    beginnings of billed stretches to which something may have come, null where nobody has looked before. `entry_id`:
    the newest entry of the wallet that this look knows of."""

    known: BillingProgress | None
    entry_id: int
    since_at: datetime | None
    again: frozenset[datetime] | None


def look(customer: Customer) -> Look:
    """What has come to a customer since the last run."""
    known = BillingProgress.objects.filter(customer=customer).first()
    newest = fetch("invoices", "newest_entry", wallet_id_of(customer))
    entry_id = newest[0]["id"] if newest else 0
    if known is None:
        return Look(None, entry_id, None, None)
    again, since_at = set(known.waiting), known.until_at
    moments = _came_since(customer, known, entry_id) if entry_id > known.entry_id else []
    if moments:
        stretches = borne_since(customer, moments[0])
        begins = [from_at for from_at, _ in stretches]
        for moment in moments:
            place = bisect_right(begins, moment) - 1
            if place >= 0 and moment < stretches[place][1]:
                again.add(begins[place])
            elif since_at is not None:
                since_at = min(since_at, moment)
    return Look(known, entry_id, since_at, frozenset(again))


def keep(
    customer: Customer,
    seen: Look,
    *,
    until_at: datetime | None,
    looked_at: datetime | None,
    waiting: Collection[datetime],
) -> None:
    """Remembers that all was done that a look has found, but for some stretches that wait, and what it saw between
    `until_at` and `looked_at` and carries on."""
    looked = {"until_at": until_at, "looked_until_at": looked_at}
    values = {**looked, "entry_id": seen.entry_id, "waiting": sorted(waiting)}
    known = seen.known
    if known is None or values != {name: getattr(known, name) for name in values}:
        BillingProgress.objects.update_or_create(customer=customer, defaults=values)


def reopen(invoice: Invoice) -> None:
    """What a document bore is to be looked at again: it is voided or thrown away. The customer's row is in hand."""
    known = BillingProgress.objects.filter(customer_id=invoice.customer_id).first()
    if known is None:
        return
    named = set(stretches_named(invoice))
    if invoice.usage_from_at is not None:
        named.discard(invoice.usage_from_at)
        known.until_at = known.until_at and min(known.until_at, invoice.usage_from_at)
        known.looked_until_at = known.looked_until_at and min(known.looked_until_at, invoice.usage_from_at)
    known.waiting = sorted({*known.waiting, *named})
    known.save()


def look_again(invoice: Invoice) -> None:
    """What the lines of a draft bill of calls is to be looked at again: those that follow may have no room for it. The
    customer's row is in hand."""
    known = BillingProgress.objects.filter(customer_id=invoice.customer_id).first()
    if known is not None:
        known.waiting = sorted({*known.waiting, *stretches_named(invoice)})
        known.save()


def stretches_named(invoice: Invoice) -> list[datetime]:
    """The beginnings of the stretches that the lines of a document are of."""
    begins = invoice.lines.filter(kind__in=FROM_CALLS).order_by("usage_from_at").values_list("usage_from_at", flat=True)
    return [begin for begin in begins.distinct() if begin is not None]


def borne_since(customer: Customer, at: datetime) -> list[tuple[datetime, datetime]]:
    """The stretches of usage after a moment that documents of a customer bear, in their order."""
    return [(row["from_at"], row["until_at"]) for row in fetch("invoices", "borne_since", customer.pk, at)]


def _came_since(customer: Customer, known: BillingProgress, entry_id: int) -> list[datetime]:
    """When the calls began, the first one first, that got entries after the last look and belong to what was done then:
    to a period that is done, or to a document of later calls."""
    before = [end for _, end in borne_since(customer, known.until_at or EVER)]
    if known.until_at is not None:
        before.append(known.until_at)
    if not before:
        return []
    wallet = customer.account_id, wallet_id_of(customer)
    calls = fetch("invoices", "early_calls", *wallet, known.entry_id, entry_id, max(before))
    ids = [row["call_id"] for row in calls]
    return [row["at"] for row in fetch("invoices", "begins_of_calls", customer.account_id, ids)] if ids else []
