"""What a recalculation would do, told before it does it: its sums, the calls that change, the notes it would issue.

Nothing moves. To tell something more, add it to `Preview` and to `recalculation_new.html`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tollgate.actions.correction_notes import Corrected, billed_by, told_by_note
from tollgate.core.recalculation import Correction
from tollgate.store.models import CDR, Invoice, Recalculation, Wallet
from tollgate.store.queries.recalculation import Repriced, count_of, repriced

PREVIEW_MOST: Final = 10_000
SHOWN_MOST: Final = 200
NOTES_SHOWN_MOST: Final = 50


@dataclass(slots=True)
class Sum:
    """What the calls of one currency and side come to, then and now."""

    currency: str
    pays: bool
    calls: int = 0
    was_micros: int = 0
    cost_micros: int = 0

    @property
    def difference_micros(self) -> int:
        """What they would cost more."""
        return self.cost_micros - self.was_micros


@dataclass(frozen=True, slots=True)
class PlannedNote:
    """A note that would be issued on an invoice."""

    invoice: Invoice
    kind: str
    calls_count: int
    net_micros: int
    tax_micros: int
    total_micros: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a recalculation would do: how many calls it is about, how many were looked at, and what would change.

    Of the invoices whose calls would be corrected the first are looked at for their notes.
    """

    calls_count: int
    looked_at: int
    different_count: int
    left_count: int
    sums: tuple[Sum, ...]
    rows: tuple[Repriced, ...]
    invoices_count: int = 0
    notes: tuple[PlannedNote, ...] = ()


def preview(wanted: Recalculation) -> Preview:
    """What it would do, of its first 10,000 calls; nothing moves."""
    sums: dict[tuple[str, bool], Sum] = {}
    shown: list[Repriced] = []
    looked_at = different = left = 0
    moved: list[tuple[CDR, Correction]] = []
    for found in repriced(wanted, PREVIEW_MOST):
        looked_at += 1
        different += found.different
        left += bool(found.problem)
        if (found.different or found.problem) and len(shown) < SHOWN_MOST:
            shown.append(found)
        for one in found.corrections:
            total = sums.setdefault((one.currency, one.pays), Sum(one.currency, one.pays))
            total.calls += 1
            total.was_micros += one.was_micros
            total.cost_micros += one.cost_micros
        moved += [(found.cdr, one) for one in found.corrections if one.pays and one.amount_micros]
    count = looked_at if looked_at < PREVIEW_MOST else count_of(wanted)
    told = tuple(sums[key] for key in sorted(sums, key=lambda key: (not key[1], key[0])))
    corrected = _corrected(wanted, moved) if wanted.on_notes else {}
    notes = tuple(_planned(list(corrected.items())[:NOTES_SHOWN_MOST]))
    return Preview(count, looked_at, different, left, told, tuple(shown), len(corrected), notes)


def _corrected(wanted: Recalculation, moved: Sequence[tuple[CDR, Correction]]) -> dict[Invoice, Corrected]:
    """What would be corrected of the calls of each issued invoice of who pays afterwards."""
    wallets = Wallet.objects.filter(pk__in={one.wallet_id for _, one in moved}, kind="customer")
    payers = dict(wallets.values_list("pk", "owner_id"))
    standing = Invoice.objects.filter(
        customer_id__in=payers.values(), customer__billing_type="postpaid", kind="invoice", state="issued",
        usage_from_at__lt=wanted.until_at, usage_until_at__gt=wanted.from_at,
    ).order_by("pk")  # fmt: skip
    standing = standing.select_related(
        "customer__account", "customer__invoice_template", "customer__domain__invoice_template"
    )
    by_customer: dict[int, list[Invoice]] = {}
    for invoice in standing:
        by_customer.setdefault(invoice.customer_id, []).append(invoice)
    found: dict[Invoice, Corrected] = {}
    for cdr, one in moved:
        for invoice in by_customer.get(payers.get(one.wallet_id, 0), ()):
            if _bears(invoice, cdr.started_at):
                so_far = found.get(invoice, Corrected(0, 0, 0))
                found[invoice] = Corrected(
                    so_far.micros - one.amount_micros, so_far.calls_count + 1, so_far.billed_s + cdr.billed_s
                )
    return found


def _bears(invoice: Invoice, at: datetime) -> bool:
    begin, end = invoice.usage_from_at, invoice.usage_until_at
    return begin is not None and end is not None and begin <= at < end


def _planned(corrected: Sequence[tuple[Invoice, Corrected]]) -> Iterator[PlannedNote]:
    standing = billed_by(invoice for invoice, _ in corrected)
    for invoice, found in corrected:
        told = told_by_note(invoice, found, standing[invoice.pk])
        if told is not None:
            kind, sums = told
            tax, total = sums.tax_micros, sums.total_micros
            yield PlannedNote(invoice, kind, found.calls_count, sums.net_micros, tax, total)
