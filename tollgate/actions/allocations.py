"""Acts on allocations: which payment or credit note settles which invoice. They move no money.

`allocate_to` and `allocate_from` work oldest first and are called where an invoice is issued and a payment completes.
Whoever allocates holds the customer's wallet locked, so that two never give the same money away. `settled_micros` of
the document and `allocated_micros` of the payment are the sums of the rows and change with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet, Sum

from tollgate.actions import acts, checks, records
from tollgate.actions.acts import act, refuse
from tollgate.actions.invoice_usage import billing_switches
from tollgate.actions.postings import wallet_id_of, wallet_of
from tollgate.actions.statements import fetch
from tollgate.actions.webhook_bodies import invoice_body
from tollgate.actions.webhooks import emit
from tollgate.core.payments import Part, spread
from tollgate.store.models import Allocation, Customer, Entry, Invoice, Payment, Wallet
from tollgate.store.models.payments import ALLOCATED

OWED = ("invoice", "debit_note")
"""The documents that are settled."""


def take_turns(customer: Customer) -> None:
    """Holds the customer's wallet until the act ends: whoever moves or gives away its money waits here first."""
    fetch("ledger_postings", "lock_wallet", wallet_id_of(customer))


def take_all_turns(customers: Iterable[Customer]) -> None:
    """Holds the wallets of several customers, in the order that whoever holds more than one keeps."""
    ids = {customer.pk for customer in customers}
    wallets = Wallet.objects.filter(kind="customer", owner_id__in=ids).values_list("pk", flat=True)
    fetch("ledger_desk", "lock_wallets", list(wallets))


def allocate_to(invoice: Invoice) -> int:
    """Settles an issued invoice by what the customer has paid or was credited before, oldest first; gives the sum."""
    take_turns(invoice.customer)
    locked = _documents(invoice.customer).filter(pk=invoice.pk, kind__in=OWED).first()
    if locked is None:
        return 0
    before = locked.open_micros
    notes = {note.pk: note for note in _documents(invoice.customer).filter(kind="credit_note")}
    for part in spread(locked.open_micros, (Part(note.pk, note.open_micros) for note in notes.values())):
        _settle(locked, part.amount_micros, note=notes[part.id])
    paid = {payment.pk: payment for payment in _payments(invoice.customer)}
    for part in spread(locked.open_micros, _free(invoice.customer, paid.values())):
        _settle(locked, part.amount_micros, payment=paid[part.id])
    return before - locked.open_micros


def allocate_from(payment: Payment, first: Sequence[int] = ()) -> int:
    """Gives what is left of a completed payment to the customer's open invoices, `first` before the oldest; gives the
    sum."""
    assert payment.customer is not None
    take_turns(payment.customer)
    locked = _payments(payment.customer).filter(pk=payment.pk).first()
    if locked is None:
        return 0
    return _to_oldest(payment.customer, locked.unallocated_micros, payment=locked, first=first)


def settle_open(customer: Customer) -> None:
    """Settles what is open by what is free, oldest first: money came back."""
    for invoice in _documents(customer).filter(kind__in=OWED):
        if invoice.open_micros:
            allocate_to(invoice)


def owed_micros(customer: Customer) -> int:
    """What the open documents of a customer come to, who waits in turn; a payment settles them first."""
    return sum(invoice.open_micros for invoice in _documents(customer).filter(kind__in=OWED))


def settled_when_paid(customer: Customer) -> dict[int, int]:
    """What each payment of a customer settled at the moment that it came, and so bore no tax of its own."""
    rows = Allocation.objects.filter(payment__customer=customer, at=F("payment__completed_at"), amount_micros__gt=0)
    return dict(rows.values_list("payment").annotate(micros=Sum("amount_micros")))


def allocate_note(note: Invoice) -> int:
    """Gives what is left of an issued credit note to the invoice it corrects, then to the oldest; gives the sum."""
    take_turns(note.customer)
    locked = _documents(note.customer).filter(pk=note.pk, kind="credit_note").first()
    if locked is None:
        return 0
    first = [locked.corrects_id] if locked.corrects_id else []
    return _to_oldest(note.customer, locked.open_micros, note=locked, first=first)


def release_all(invoice: Invoice) -> int:
    """Takes everything back that settles a document, before it is voided; gives the sum."""
    take_turns(invoice.customer)
    locked = _documents(invoice.customer).get(pk=invoice.pk)
    released = 0
    for payment_id, note_id, amount in _standing(Allocation.objects.filter(invoice=invoice)):
        _settle(locked, -amount, payment=_payment(payment_id), note=_note(note_id))
        released += amount
    return released


def release_from(payment: Payment, amount_micros: int) -> list[Invoice]:
    """Takes so much of a payment back from what it settles, newest first: it was refunded. Gives what is open now."""
    left = amount_micros
    opened: dict[int, Invoice] = {}
    for row in Allocation.objects.filter(payment=payment, amount_micros__gt=0).order_by("-id"):
        standing = sum(amount for _, _, amount in _standing(_alike(row)))
        taken = min(left, standing, row.amount_micros)
        if taken > 0:
            invoice = records.locked(Invoice, row.invoice_id)
            _settle(invoice, -taken, payment=payment)
            opened[invoice.pk] = invoice
            left -= taken
    return list(opened.values())


@act
def allocate_payment(*, payment_id: int, invoice_id: int, amount_micros: int | None = None) -> Allocation:
    """Settles an invoice by a payment: by a given amount, or by as much as both have."""
    payment, invoice = records.find(Payment, payment_id), records.find(Invoice, invoice_id)
    _check_pair(payment.customer_id, invoice)
    take_turns(invoice.customer)
    payment, invoice = records.locked(Payment, payment_id), records.locked(Invoice, invoice_id)
    amount = _amount(amount_micros, left=payment.unallocated_micros, open_micros=invoice.open_micros)
    return _settle(invoice, amount, payment=payment)


@act
def allocate_credit_note(*, credit_note_id: int, invoice_id: int, amount_micros: int | None = None) -> Allocation:
    """Settles an invoice by a credit note: by a given amount, or by as much as both have."""
    note, invoice = records.find(Invoice, credit_note_id), records.find(Invoice, invoice_id)
    if note.kind != "credit_note":
        raise refuse("credit_note_id", "Choose a credit note.")
    _check_pair(note.customer_id, invoice)
    take_turns(invoice.customer)
    note, invoice = records.locked(Invoice, credit_note_id), records.locked(Invoice, invoice_id)
    amount = _amount(amount_micros, left=note.open_micros, open_micros=invoice.open_micros)
    return _settle(invoice, amount, note=note)


@act
def release_allocation(*, allocation_id: int) -> Allocation:
    """Takes an allocation back: the payment or credit note is free again, the invoice open."""
    row = Allocation.objects.select_related("invoice__customer").filter(pk=allocation_id).first()
    if row is None:
        raise acts.NotFound(f"There is no allocation {allocation_id}.")
    records.find(Invoice, row.invoice_id)
    take_turns(row.invoice.customer)
    standing = sum(amount for _, _, amount in _standing(_alike(row)))
    amount = min(standing, row.amount_micros)
    if amount <= 0:
        raise refuse("allocation_id", "This allocation was taken back already.")
    invoice = records.locked(Invoice, row.invoice_id)
    return _settle(invoice, -amount, payment=_payment(row.payment_id), note=_note(row.credit_note_id))


def _to_oldest(
    customer: Customer,
    amount_micros: int,
    *,
    payment: Payment | None = None,
    note: Invoice | None = None,
    first: Sequence[int] = (),
) -> int:
    """Settles the open invoices of a customer in their order, `first` before all others."""
    found = sorted(_documents(customer).filter(kind__in=OWED), key=lambda row: (row.pk not in first, row.issued_at))
    invoices = {invoice.pk: invoice for invoice in found}
    given = 0
    for part in spread(amount_micros, (Part(one.pk, one.open_micros) for one in invoices.values())):
        _settle(invoices[part.id], part.amount_micros, payment=payment, note=note)
        given += part.amount_micros
    return given


def _settle(
    invoice: Invoice, amount_micros: int, *, payment: Payment | None = None, note: Invoice | None = None
) -> Allocation:
    """One row with both sums; every row concerned is locked. A document that is whole now is told of."""
    was_open = invoice.open_micros
    row = records.create(
        Allocation,
        {
            "account_id": invoice.account_id,
            "invoice_id": invoice.pk,
            "payment_id": payment.pk if payment else None,
            "credit_note_id": note.pk if note else None,
            "amount_micros": amount_micros,
            "at": records.now(),  # as a payment that completes in the same transaction has it
            "by": acts.current.get().name,
        },
    )
    records.change(invoice, {"settled_micros": invoice.settled_micros + amount_micros})
    if payment is not None:
        records.change(payment, {"allocated_micros": payment.allocated_micros + amount_micros})
    if note is not None:
        records.change(note, {"settled_micros": note.settled_micros + amount_micros})
    if was_open and not invoice.open_micros:
        body = invoice_body(invoice)
        emit(account_id=invoice.account_id, event="invoice.paid", ref=f"invoice:{invoice.pk}", body=body)
    return row


def _amount(wanted: int | None, *, left: int, open_micros: int) -> int:
    most = min(left, open_micros)
    if most <= 0:
        raise refuse("amount_micros", "Nothing is left to allocate, or the invoice is settled.")
    if wanted is None:
        return most
    return int(checks.cleaned({"amount_micros": checks.amount(1, most)}, {"amount_micros": wanted})["amount_micros"])


def _check_pair(customer_id: int | None, invoice: Invoice) -> None:
    if customer_id != invoice.customer_id or invoice.kind not in OWED:
        raise refuse("invoice_id", "Choose an invoice or debit note of the same customer.")


def _documents(customer: Customer) -> QuerySet[Invoice]:
    """The issued documents of a customer, oldest first, locked."""
    found = Invoice.objects.filter(customer=customer, state="issued")
    return found.select_for_update(no_key=True).order_by("issued_at", "id")


def _payments(customer: Customer) -> QuerySet[Payment]:
    """The completed payments of a customer, oldest first, locked."""
    found = Payment.objects.filter(customer=customer, status="completed", kind__in=ALLOCATED)
    return found.select_for_update(no_key=True).order_by("completed_at", "id")


def _free(customer: Customer, payments: Iterable[Payment]) -> list[Part]:
    """What of each payment settles an invoice to come, in their order.

    What was paid ahead is for calls. While a customer is prepaid only that part of its payments settles invoices which
    did so when it came; after the switch to postpaid only as much of earlier money as the wallet still held then.
    """
    switches = billing_switches(customer)
    turned_at = switches[-1][0] if switches else None
    prepaid = customer.billing_type == "prepaid"
    when_paid = settled_when_paid(customer) if prepaid else {}
    left: int | None = None
    parts = []
    for payment in payments:
        free = payment.unallocated_micros
        earlier = turned_at is not None and payment.completed_at is not None and payment.completed_at <= turned_at
        if free and prepaid and not earlier:
            free = min(free, max(0, when_paid.get(payment.pk, 0) - payment.allocated_micros))
        elif free and earlier and not prepaid:
            left = _left_of_before(customer, turned_at) if left is None else left
            free = min(free, left)
            left -= free
        parts.append(Part(payment.pk, free))
    return parts


def _left_of_before(customer: Customer, turned_at: datetime | None) -> int:
    """What a wallet held at the switch to postpaid, less what has settled invoices or was given back of it since."""
    held = _sum(Entry.objects.filter(wallet=wallet_of(customer), at__lte=turned_at))
    earlier = Allocation.objects.filter(payment__customer=customer, payment__completed_at__lte=turned_at)
    given = _sum(earlier.filter(at__gt=turned_at))
    later = Payment.objects.filter(customer=customer, reverses__completed_at__lte=turned_at)
    refs = [f"payment:{pk}" for pk in later.values_list("pk", flat=True)]
    back = _sum(Entry.objects.filter(wallet=wallet_of(customer), ref__in=refs, at__gt=turned_at))
    return max(0, max(0, held) - given + back)


def _sum(rows: QuerySet[Any]) -> int:
    return int(rows.aggregate(micros=Sum("amount_micros"))["micros"] or 0)


def _alike(row: Allocation) -> Iterable[Allocation]:
    """The rows between the same two records."""
    return Allocation.objects.filter(invoice=row.invoice, payment=row.payment, credit_note=row.credit_note)


def _standing(rows: Iterable[Allocation]) -> list[tuple[int | None, int | None, int]]:
    """What the rows of each payment or credit note come to."""
    sums: dict[tuple[int | None, int | None], int] = {}
    for row in rows:
        key = (row.payment_id, row.credit_note_id)
        sums[key] = sums.get(key, 0) + row.amount_micros
    return [(payment_id, note_id, amount) for (payment_id, note_id), amount in sums.items() if amount > 0]


def _payment(payment_id: int | None) -> Payment | None:
    return records.locked(Payment, payment_id) if payment_id else None


def _note(note_id: int | None) -> Invoice | None:
    return records.locked(Invoice, note_id) if note_id else None
